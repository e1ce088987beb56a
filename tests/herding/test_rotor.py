"""Rotor walks: plain versions in fractions, the split of each row, Eulerian circuits, and the 1/T law beside the random walk's 1/sqrt(T)."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weakchaos as wc
from tests import naive
from tests.herding import naive_herding
from tests.samplers.test_gibbs import uniforms
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics import convergence_rate, find_cycle, largest_exponent, visit_split
from weakchaos.herding import RotorWalk
from weakchaos.reports.compare.line_up import default_samplers
from weakchaos.samplers import RandomWalk
from weakchaos.targets.markov_chain import MarkovChain

RULES = ("credit", "stack", "rotor")


def rational_matrix(rng, n, largest=4):
    """Random rows over small denominators, with zeros, on top of a cycle that connects all states."""
    whole = rng.integers(0, largest, (n, n)) * (rng.random((n, n)) < 0.6)
    whole[np.arange(n), (np.arange(n) + 1) % n] += 1
    return [[Fraction(int(v), int(row.sum())) for v in row] for row in whole]


def random_chain(n, seed):
    return MarkovChain(np.random.default_rng(seed).dirichlet(np.ones(n), n))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 7), st.sampled_from(RULES))
def test_walk_is_the_plain_one(seed, n, rule):
    matrix = rational_matrix(np.random.default_rng(seed), n)
    system = RotorWalk(rule).bind(MarkovChain(matrix))
    assert system.is_exact
    state = system.start(seed)
    expected = naive_herding.rotor_walk(matrix, int(state.symbols[0]), 300, rule)
    assert system.advance(state, 300)[:, 0].tolist() == expected


@pytest.mark.parametrize("rule", ["credit", "stack"])
def test_real_probabilities(rule, rng):
    matrix = rng.dirichlet(np.ones(6), 6)
    system = RotorWalk(rule).bind(MarkovChain(matrix))
    assert not system.is_exact
    state = system.start(3)
    expected = naive_herding.rotor_walk(
        [[Fraction(v) for v in row] for row in system.target.transition()], int(state.symbols[0]), 300, rule
    )
    assert system.advance(state, 300)[:, 0].tolist() == expected
    with pytest.raises(ArgumentError, match="rule='stack'"):
        RotorWalk("rotor").bind(MarkovChain(matrix))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(RULES), st.sampled_from(["zero", "random"]))
def test_every_row_is_split_within_its_bound(seed, rule, start):
    """At all times, from all starts; the random walk breaks the bounds."""
    rng = np.random.default_rng(seed)
    chain = MarkovChain(rational_matrix(rng, 6) if rule == "rotor" or seed % 2 else rng.dirichlet(np.full(6, 0.7), 6))
    paths = []
    for sampler in (RotorWalk(rule, start), RandomWalk()):
        system = sampler.bind(chain)
        state = system.start(seed)
        first = int(state.symbols[0])
        paths.append([first, *system.advance(state, 3000)[:, 0].tolist()])
    bound = RotorWalk(rule, start).bind(chain).split_bound
    worst, last = naive_herding.largest_splits(chain.transition(), paths[0])
    assert (worst <= bound + 1e-9).all()
    assert (bound <= 6).all()
    assert np.allclose(visit_split(np.array(paths[0]), chain), last)
    assert (naive_herding.largest_splits(chain.transition(), paths[1])[0] > bound).any()


@pytest.mark.parametrize("n", [3, 6])
def test_rotor_walk_on_a_graph_ends_in_an_eulerian_circuit(n, rng):
    """Priezzhev, Dhar, Dhar and Krishnamurthy, PRL 77 (1996) 5079: each edge once in each direction, over and over."""
    edges = {(i, i + 1) for i in range(n - 1)} | {(0, n - 1), (0, 2 % n)}
    adjacency = np.zeros((n, n), int)
    for i, j in edges:
        adjacency[i, j] = adjacency[j, i] = 1
    degree = adjacency.sum(1)
    chain = MarkovChain([[Fraction(int(a), int(d)) for a in row] for row, d in zip(adjacency, degree, strict=True)])
    assert np.allclose(chain.stationary(), degree / degree.sum())
    system = RotorWalk("rotor", "random").bind(chain)
    for seed in range(5):
        cycle = find_cycle(system, seed=seed, max_steps=10_000)
        assert cycle.period == adjacency.sum()
        state = system.start(seed)
        system.advance(state, cycle.preperiod)
        path = np.concatenate([state.symbols, system.advance(state, cycle.period)[:, 0]])
        used = np.zeros((n, n), int)
        np.add.at(used, (path[:-1], path[1:]), 1)
        assert np.array_equal(used, adjacency)


@pytest.mark.parametrize("n", [5, 20, 100])
def test_frequencies_converge_like_one_over_t(n):
    """Slope at most -0.9 once each state was left ten times, and T times the error at most 15; the random walk has slope -1/2."""
    chain = random_chain(n, 1)
    slopes = []
    for sampler in (RotorWalk("credit"), RotorWalk("stack"), RandomWalk()):
        trace = wc.sample(chain, sampler, 300_000, warmup=0, chains=4, seed=1, progress=False, record="averages")
        error = trace.error()
        slopes.append(float(convergence_rate(error.draws, error.errors, (10 * n, 300_000))))
        if isinstance(sampler, RotorWalk):
            assert (error.errors * error.draws).max() <= 15
    assert max(slopes[:2]) <= -0.9
    assert slopes[2] > -0.65


def test_rational_walks_are_periodic_and_neither_stretch_nor_shrink():
    chain = MarkovChain(rational_matrix(np.random.default_rng(4), 4))
    for rule in RULES:
        system = RotorWalk(rule, "random").bind(chain)
        cycle = find_cycle(system, seed=1, max_steps=200_000)
        assert cycle.period is not None
        state = system.start(1)
        system.advance(state, cycle.preperiod)
        x = system.advance(state, cycle.period)[:, 0]
        # Over one period every row is split exactly, so frequencies are the stationary law itself.
        assert np.allclose(np.bincount(x, minlength=4) / cycle.period, chain.stationary(), atol=1e-12)
        assert abs(float(largest_exponent(system, steps=500))) < 1e-6


def test_compare_and_save(tmp_path):
    chain = random_chain(8, 2)
    report = wc.compare(
        chain,
        {"rotor": RotorWalk(), "random": RandomWalk(), "golden": (RandomWalk(), "golden")},
        draws=20_000,
        repeats=4,
        cycle_steps=1000,
    )
    assert {type(s[0] if isinstance(s, tuple) else s) for s in default_samplers(chain).values()} == {RotorWalk, RandomWalk}
    rows = {row["sampler"]: row for row in report.rows}
    assert rows["rotor"]["slope"] < -0.85 < rows["random"]["slope"]
    assert rows["rotor"]["error"] < rows["random"]["error"] / 10
    assert rows["rotor"]["status"] == "ok"
    matrix = rational_matrix(np.random.default_rng(1), 5)
    for sampler, target in ((RotorWalk("rotor", "random"), MarkovChain(matrix)), (RandomWalk(), chain)):
        options = {"warmup": 0, "chains": 2, "seed": 3, "progress": False}
        wc.sample(target, sampler, draws=20, **options).save(tmp_path / "walk.npz")
        longer = wc.extend(wc.load(tmp_path / "walk.npz"), 20, progress=False)
        assert np.array_equal(longer.draws, wc.sample(target, sampler, draws=40, **options).draws)
    assert wc.load(tmp_path / "walk.npz").system.target.stationary() == pytest.approx(chain.stationary(), abs=1e-15)


def test_random_walk_takes_one_uniform_a_step(rng):
    matrix = rng.dirichlet(np.ones(5), 5)
    matrix[:, 2] = 0
    matrix[2] = 0.2
    matrix[1, 2] = 1.0
    matrix /= matrix.sum(1, keepdims=True)
    system = RandomWalk().bind(MarkovChain(matrix), "golden")
    state = system.start(0)
    x, expected, numbers = int(state.symbols[0]), [], uniforms(system, 0)
    for _ in range(200):
        x = naive.pick(next(numbers), system.target.transition()[x])
        expected.append(x)
    assert system.advance(state, 200)[:, 0].tolist() == expected
    assert 2 in expected
