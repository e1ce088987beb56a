"""Markov chains as targets: the stationary law, and what is refused."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.targets.markov_chain import MarkovChain


def birth_death(n, up):
    """Steps up with probability `up`, down otherwise, reflected: the law is geometric, by detailed balance."""
    p = np.zeros((n, n))
    p[np.arange(n - 1), np.arange(1, n)] = up
    p[np.arange(1, n), np.arange(n - 1)] = 1 - up
    p[0, 0], p[-1, -1] = 1 - up, up
    return p, (up / (1 - up)) ** np.arange(n)


@pytest.mark.parametrize("n", [2, 9, 300, 1500])
def test_stationary_law_of_a_birth_death_chain(n):
    p, law = birth_death(n, 0.49)
    assert np.allclose(MarkovChain(csr_matrix(p)).stationary(), law / law.sum(), rtol=1e-9, atol=0)


def test_small_probabilities_lose_no_digits():
    p, law = birth_death(60, 0.02)  # the last state has a probability of 1e-100
    assert np.allclose(MarkovChain(p).stationary(), law / law.sum(), rtol=1e-12, atol=0)


def test_both_ways_to_the_stationary_law_agree(rng):
    chain = MarkovChain(rng.dirichlet(np.full(80, 0.1), 80))
    assert np.allclose(chain._factorised(), chain.stationary(), rtol=1e-10, atol=0)
    assert np.allclose(chain.stationary() @ chain.transition(), chain.stationary())


def test_periodic_chains_are_allowed():
    assert MarkovChain([[0.0, 1.0], [1.0, 0.0]]).stationary().tolist() == [0.5, 0.5]
    assert MarkovChain([[1.0]]).stationary().tolist() == [1.0]


def test_rows_in_fractions():
    third, half = Fraction(1, 3), Fraction(1, 2)
    chain = MarkovChain([[third, third, third], [half, half, 0], [1, 0, 0]])
    numerators, denominators = chain.whole_rows()
    assert numerators.tolist() == [1, 1, 1, 1, 1, 1]
    assert denominators.tolist() == [3, 2, 1]
    assert chain.indices.tolist() == [0, 1, 2, 0, 1, 0]
    assert MarkovChain([[0.25, 0.75], [0.5, 0.5]]).whole_rows()[1].tolist() == [4, 2]  # floats that are small fractions
    with pytest.raises(ArgumentError, match=r"Fraction\(1, 3\) and not 1 / 3"):
        MarkovChain([[1 / 3, 2 / 3], [0.5, 0.5]]).whole_rows()


def test_gibbs_draws_independently_from_the_stationary_law():
    chain = MarkovChain([[0.9, 0.1], [0.3, 0.7]])
    trace = wc.sample(chain, wc.samplers.Gibbs(), draws=20_000, chains=1, seed=1, progress=False)
    x = trace.draws[0, :, 0].astype(float)
    assert abs(x.mean() - 0.25) < 0.02
    assert abs(np.corrcoef(x[1:], x[:-1])[0, 1]) < 0.04  # the chain itself has 0.6


@pytest.mark.parametrize(
    ("matrix", "error", "match"),
    [
        ([[0.5, 0.5]], ArgumentError, "square"),
        ([[[1.0]]], ArgumentError, "square"),
        ([["a", "b"], ["c", "d"]], ArgumentTypeError, "transition"),
        ([[Fraction(1, 2), "b"], [0, 1]], ArgumentTypeError, "transition"),
        ([[0.5, 0.6], [0.5, 0.5]], ArgumentError, r"row .* state 0 sums to 1\.1"),
        ([[0.5, 0.5], [0.0, 0.0]], ArgumentError, r"state 1 sums to 0"),
        ([[Fraction(1, 2), Fraction(1, 3)], [0, 1]], ArgumentError, "state 0 sums to 5/6"),
        ([[1.5, -0.5], [0.5, 0.5]], ArgumentError, r"from 0 to 1 is -0\.5"),
        ([[np.nan, 1.0], [0.5, 0.5]], ArgumentError, "from 0 to 0 is nan"),
        ([[1.0, 0.0], [0.0, 1.0]], ArgumentError, "2 classes"),
        (
            [[0.5, 0.5, 0], [0, 1.0, 0], [0.5, 0, 0.5]],
            ArgumentError,
            "3 classes, and from 1 no other state is ever reached, 0 for one",
        ),
        (csr_matrix([[0.5, 0.4], [0.5, 0.5]]), ArgumentError, "sums to 0.9"),
    ],
)
def test_bad_matrices(matrix, error, match):
    with pytest.raises(error, match=match):
        MarkovChain(matrix)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: MarkovChain([[1.0]], names=["a", "b"]), ArgumentError, "names"),
        (lambda: wc.herding.RotorWalk("greedy"), ArgumentError, "rule"),
        (lambda: wc.herding.RotorWalk(start="warm"), ArgumentError, "start"),
        (lambda: wc.herding.RotorWalk().bind(wc.zoo.gaussian([1.0])), ArgumentTypeError, "target"),
        (lambda: wc.samplers.RandomWalk().bind(wc.zoo.gaussian([1.0])), ArgumentTypeError, "target"),
        (
            lambda: wc.herding.RotorWalk("rotor").bind(MarkovChain([[Fraction(1, 10**8), 1 - Fraction(1, 10**8)]] * 2)),
            ArgumentError,
            "rule",
        ),
        (lambda: wc.herding.RotorWalk().bind(MarkovChain([[0.5, 0.5]] * 2)).start(0, [2]), ArgumentError, "initial"),
        (lambda: wc.diagnostics.visit_split([0, 2], [[0.5, 0.5]] * 2), ArgumentError, "path"),
        (lambda: wc.diagnostics.visit_split([0.5, 1.0], [[0.5, 0.5]] * 2), ArgumentError, "path"),
        (lambda: wc.diagnostics.visit_split([0, 1], [[0.5, 0.5]]), ArgumentError, "transition"),
    ],
)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call()
