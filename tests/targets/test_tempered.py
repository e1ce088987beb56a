"""Targets at other temperatures: p ** beta where there are no zeros, uniform at beta = 0, the target itself at 1, and a path between a reference and a density."""

import itertools

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.targets.factor_graph import packaged
from weakchaos.targets.tempered import path_of

RNG = np.random.default_rng(3)


def pairs(n, scale=1.0):
    w = np.triu(RNG.normal(size=(n, n)) * scale, 1)
    return w + w.T


DISCRETE = {
    "machine": lambda: wc.PairwiseMRF(pairs(5), RNG.normal(size=5)),
    "spins": lambda: wc.Ising(pairs(5), RNG.normal(size=5)),
    "lattice": lambda: wc.Ising.lattice((2, 3), 0.4, field=0.2),
    "glass": lambda: wc.Ising.glass((2, 2, 2), 0.7, seed=1, field=0.1),
    "kagome": lambda: wc.Ising.lattice((1, 2), 0.3, kind="kagome", periodic=False),
    "Potts": lambda: wc.Potts(pairs(4), 3, RNG.normal(size=(4, 3))),
    "Potts lattice": lambda: wc.Potts.lattice((2, 3), 3, 0.8),
    "tables": lambda: packaged("sachs").condition({"PKA": 1, "PKC": 0, "Raf": 2, "Mek": 1}),
}


def every_state(target):
    rows = np.array(
        list(
            itertools.product(
                *[[target.observed[i]] if i in target.observed else range(k) for i, k in enumerate(target.cardinalities)]
            )
        )
    )
    return np.ascontiguousarray(rows, np.int64)


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_targets_are_taken_to_the_power_beta(name):
    target = DISCRETE[name]()
    x, path = every_state(target), path_of(target)
    lp = target.log_prob(x)
    for beta in (0.0, 0.3, 1.0):
        hot = path.at(beta).log_prob(x)
        np.testing.assert_allclose(hot - hot[0], beta * (lp - lp[0]), atol=1e-9)
        on_path = path.terms(x) @ np.where(np.isfinite(path.coefficients([beta])[0]), path.coefficients([beta])[0], 0.0)
        np.testing.assert_allclose(on_path - on_path[0], beta * (lp - lp[0]), atol=1e-9)
    assert path.log_start == pytest.approx(np.log(len(x)))
    assert path.at(1.0) is target


def test_terms_of_spins_are_those_of_spins():
    """log p of Ising models is s'Js/2 + h's, to which no constant is added."""
    j, h = pairs(5), RNG.normal(size=5)
    x = every_state(wc.Ising(j, h))
    s = 2 * x - 1
    np.testing.assert_allclose(path_of(wc.Ising(j, h)).terms(x)[:, 0], np.einsum("ti,ij,tj->t", s, j, s) / 2 + s @ h, atol=1e-9)


def test_zeros_of_tables_are_softened():
    asia = packaged("asia")
    x, path = every_state(asia), path_of(asia)
    lp, terms = asia.log_prob(x), path_of(asia).terms(x)
    assert ((terms[:, 1] > 0) == (lp == -np.inf)).all()
    # Each table that forbids a state counts: asia has one such table, and a model with every table twice has two.
    factors = [(scope, np.exp(table)) for scope, table in zip(asia.scopes, asia.log_tables, strict=True)]
    twice = wc.FactorGraph(asia.cardinalities, 2 * factors)
    np.testing.assert_allclose(path_of(twice).terms(x), 2 * terms, rtol=1e-12, atol=1e-12)
    assert (lp == -np.inf).any()
    for beta in (0.0, 0.25, 0.9):
        np.testing.assert_allclose(path.at(beta).log_prob(x), beta * terms[:, 0] + np.log(1 - beta) * terms[:, 1], atol=1e-9)
    np.testing.assert_array_equal(path.at(0.0).log_prob(x), 0.0)


def normal_mixture(separation=6.0):
    return wc.Density(
        lambda x: float(np.logaddexp(-0.5 * (x[0] - separation) ** 2, -0.5 * (x[0] + separation) ** 2)),
        1,
        grad=lambda x: np.array([-x[0] + separation * np.tanh(separation * x[0])]),
    )


@pytest.mark.parametrize("reference", [None, (1.0, 3.0), "density"])
def test_densities_on_the_path_and_their_gradients(reference):
    target = normal_mixture()
    given = wc.zoo.gaussian([2.0]) if reference == "density" else reference
    path = path_of(target, given)
    for beta in (0.1, 0.6):
        hot = path.at(beta)
        for x in (-1.3, 0.4):
            expected = beta * target.logp([x])
            if reference == "density":
                expected += (1 - beta) * given.logp([x])
            elif reference:
                expected += (1 - beta) * (-0.5 * ((x - 1.0) / 3.0) ** 2 - np.log(3.0 * np.sqrt(2 * np.pi)))
            assert hot.logp([x]) == pytest.approx(expected)
            terms = path.terms(np.array([[x]]))
            assert (terms @ path.coefficients([beta])[0])[0] == pytest.approx(expected)
        assert hot.check_gradient([0.4]) is None


def test_at_zero_the_reference_is_alone():
    """Where the target has no density a path that begins with the reference still does."""
    half_line = wc.Density(lambda x: -float(x[0]) if x[0] > 0 else -np.inf, 1)
    path = path_of(half_line, (0.0, 1.0))
    assert path.at(0.0).logp([-1.0]) == pytest.approx(-0.5 - 0.5 * np.log(2 * np.pi))
    assert path.at(0.1).logp([-1.0]) == -np.inf


def test_without_a_temperature():
    for target in (wc.MarkovChain(np.full((3, 3), 1 / 3)), wc.Points(np.zeros((3, 2))), wc.Moments([[0.0], [1.0]], [0.5])):
        assert not target.has_temperature
        with pytest.raises(ArgumentTypeError, match="must have a temperature"):
            path_of(target)
    with pytest.raises(ArgumentError, match="`reference`"):
        path_of(wc.Ising.lattice((2, 2), 0.3), (0.0, 1.0))
    with pytest.raises(ArgumentError, match="coordinates"):
        path_of(wc.zoo.gaussian([1.0]), wc.zoo.gaussian([1.0, 2.0]))
    assert all(make().has_temperature for make in DISCRETE.values())
    assert normal_mixture().has_temperature
