"""Deterministic Gibbs sampling of discrete targets: the plain version, turns at given rates, and the law it leaves invariant."""

import itertools

import numpy as np
import pytest

import weakchaos as wc
from tests import naive
from tests.conformance import check_expectations
from tests.samplers.test_gibbs import machine, star
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics import largest_exponent
from weakchaos.samplers import DeterministicGibbs
from weakchaos.samplers.gibbs_flow.discrete_flow import _EVENTS, independent_speeds
from weakchaos.targets.factor_graph import FactorGraph, packaged


def zeros():
    """Three units, of which the first two never agree in state 2, and the third is never 1."""
    table = np.ones((3, 3))
    table[2, 2] = 0.0
    return FactorGraph(
        [3, 3, 3], [((0, 1), table), ((2,), [1.0, 0.0, 2.0]), ((1, 2), [[1.0, 2.0, 3.0], [2.0, 1.0, 1.0], [1.0, 1.0, 5.0]])]
    )


MODELS = {
    "tabulated": lambda: machine(5),
    "pairwise": lambda: machine(14, 2, 0.3),  # a blanket of 2**13 states is not tabulated
    "tables": lambda: star(6, 5),  # nor is one of 5**6
    "evidence": lambda: packaged("sachs").condition({"PKA": 1, "Raf": 0}),
    "zeros": zeros,
    "spins": lambda: wc.Ising.lattice((3, 3), 0.4),
}


@pytest.mark.parametrize("name", MODELS)
def test_events_are_the_plain_ones(name):
    target = MODELS[name]()
    system = DeterministicGibbs(time=0.7).bind(target)
    state = system.start(4)
    expected, _ = naive.gibbs_events(target, state.symbols.copy(), state.phase.copy(), system._speeds, 0.7, 25)
    draws = system.symbols(system.advance(state, 25))
    assert np.array_equal(draws, expected)


@pytest.mark.parametrize("name", ["tabulated", "zeros", "spins"])
def test_every_unit_turns_at_its_rate(name):
    """Turns of the circles: a_i in a unit of time, whatever the model, since P(x_i | others) times its inverse has the mean 1."""
    target = MODELS[name]()
    speeds = np.full(target.dim, 0.5)
    speeds[0] = np.sqrt(0.5)
    system = DeterministicGibbs(speeds=speeds).bind(target)
    state = system.start(1)
    system.advance(state, 20_000, 20_000)
    cells = np.asarray(target.cardinalities, float)
    if name == "zeros":
        p = target.distribution().reshape(3, 3, 3)
        # Cells of probability zero are passed over without an event.
        cells = np.array([3 - (p.sum((0, 2)) @ [0, 0, 1]), 3 - (p.sum((1, 2)) @ [0, 0, 1]), 2.0])
    assert state.counters[_EVENTS] / 20_000 == pytest.approx(speeds @ cells, rel=0.01)


def test_a_single_unit_has_its_probability_to_one_over_t():
    target = FactorGraph([4], [((0,), [0.1, 0.2, 0.3, 0.4])])
    system = DeterministicGibbs().bind(target)
    x = system.advance(system.start(1), 100_000)[:, 0]
    t = np.arange(1, x.size + 1)[:, None]
    # A rotation by the golden ratio: the discrepancy of an interval grows like log T at most.
    assert np.abs(np.cumsum(x[:, None] == np.arange(4), axis=0) - t * [0.1, 0.2, 0.3, 0.4]).max() < 4


@pytest.mark.parametrize("name", ["tabulated", "zeros"])
def test_invariant_law(name):
    """Means over equal times are those of the target; means over events, which forget how long a state lasts, are not."""
    target = MODELS[name]()
    states = np.array(list(itertools.product(*(range(int(k)) for k in target.cardinalities))))
    p = target.distribution().ravel()
    truth = np.concatenate([p @ states, [p @ (states[:, 0] * states[:, 1])]])

    def features(x):
        return np.concatenate([x, x[..., :1] * x[..., 1:2]], -1).astype(float)

    system = DeterministicGibbs().bind(target)
    draws = np.stack([system.advance(system.start(k), 20_000) for k in range(4)])
    check_expectations(features(draws), truth)
    state = system.start(0)
    _, passed = naive.gibbs_events(target, state.symbols.copy(), state.phase.copy(), system._speeds, 1.0, 400)
    with pytest.raises(AssertionError):
        check_expectations(features(passed[None]), truth)


def test_speeds_are_independent_together_with_one():
    for n in (1, 2, 3, 7):
        a = independent_speeds(n)
        assert a[-1] + (a[0] * a[-1]) == pytest.approx(1, abs=1e-12)  # a^n + a^(n+1) = 1
        assert a[-1] >= 0.5
    a = np.append(independent_speeds(3), 1.0)
    relations = np.array(list(itertools.product(range(-12, 13), repeat=4)))
    relations = relations[np.any(relations != 0, axis=1)]
    assert np.abs(relations @ a).min() > 1e-7


def test_many_coupled_units_are_weakly_chaotic():
    """One unit or independent ones turn steadily; coupled ones, whose speeds jump with one another's states, lose their phase."""
    independent = wc.PairwiseMRF(np.zeros((3, 3)), [0.5, -0.2, 1.0])
    assert abs(float(largest_exponent(DeterministicGibbs().bind(independent), steps=2000))) < 1e-4
    assert float(largest_exponent(DeterministicGibbs().bind(machine(6)), steps=2000)) > 0.02


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: DeterministicGibbs(bounds=(0, 1)).bind(machine(3)), "bounds"),
        (lambda: DeterministicGibbs(method="dop853").bind(machine(3)), "method"),
        (lambda: DeterministicGibbs(speeds=[1.0]).bind(machine(3)), "speeds"),
        (lambda: DeterministicGibbs().bind(machine(3)).start(0, [0, 0, 2]), "initial"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(ArgumentError, match=match):
        call()
