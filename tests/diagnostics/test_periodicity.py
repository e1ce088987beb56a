"""Cycles against a dictionary oracle, and of generators whose periods are theorems."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import naive
from tests.diagnostics.toy_systems import Finite, Map
from tests.samplers.test_gibbs import machine
from weakchaos import systems
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics import find_cycle
from weakchaos.diagnostics.orbits.periodicity import _outlasts
from weakchaos.drivers import LCG
from weakchaos.samplers import HMC, NUTS, Gibbs, Slice
from weakchaos.targets.zoo import gaussian


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 400), st.integers(0, 10**6), st.sampled_from([1, 7, 10**6]))
def test_random_maps_of_a_finite_set(size, seed, blur):
    """Preperiod and period of random maps; with blur all states read alike and only the exact states tell."""
    table = np.random.default_rng(seed).integers(0, size, size).tolist()
    expected = naive.cycle(lambda s: table[s], seed % size)
    found = find_cycle(Finite(table, blur), seed=seed, max_steps=3000)
    assert (found.preperiod, found.period) == expected


def float_cycle(f, x, most=10_000):
    """By a dictionary of bytes: preperiod and period of a map of floats in Python."""
    seen = {}
    for step in range(most):
        key = np.asarray(x, np.float64).tobytes()
        if key in seen:
            return seen[key], step - seen[key]
        seen[key] = step
        x = f(x)
    return None


@pytest.mark.parametrize("r", [2.0, 3.2, 3.5, 3.55, 3.83, 3.7389149])
@pytest.mark.parametrize("start", [0.1, 0.5, 0.77])
def test_logistic_map_in_floats(r, start):
    """The kernel that moves and compares at once against Python's floats, in every window."""
    system = systems.Logistic(r)
    found = find_cycle(system, state=system.start(position=[start]), max_steps=20_000)
    assert (found.preperiod, found.period) == float_cycle(lambda x: r * x * (1.0 - x), start)


def test_every_point_of_a_small_torus():
    system = systems.ArnoldCat(size=7)
    for x in range(7):
        for y in range(7):
            expected = naive.cycle(lambda s: ((2 * s[0] + s[1]) % 7, (s[0] + s[1]) % 7), (x, y))
            found = find_cycle(system, state=system.start(position=[x, y]), max_steps=400)
            assert (found.preperiod, found.period) == expected


def test_a_long_cycle_from_its_first_state():
    """The cat map modulo 150 has period 300, longer than the first stretch searched."""
    system = systems.ArnoldCat(size=150)
    found = find_cycle(system, state=system.start(position=[1, 0]), max_steps=5000)
    assert (found.preperiod, found.period) == (0, 300)


@pytest.mark.parametrize(
    ("f", "cycle"),
    [
        (lambda u: -u, (0, 2)),  # 0.0 and -0.0 are two states
        (lambda u: np.array([u[0], max(u[1] - 1, -30.0)]), (30, 1)),
    ],
)
def test_zeros_and_what_is_not_a_number(f, cycle):
    def write(u, out):
        out[:] = f(u)

    system = systems.UserMap(write, 2)
    found = find_cycle(system, state=system.start(position=[0.0, 0.0]), max_steps=300)
    assert (found.preperiod, found.period) == cycle


def test_a_place_that_never_held_a_number_is_part_of_the_state():
    """Herding keeps NaN for weights that no step has used; what was so from the start speaks against no cycle."""

    def write(u, out):
        out[:] = np.nan, (u[1] + 1) % 5

    system = systems.UserMap(write, 2)
    state = system.start(position=[0.0, 0.0])
    state.phase[0] = np.nan
    found = find_cycle(system, state=state, max_steps=300)
    assert (found.preperiod, found.period, found.warnings) == (0, 5, ())


@pytest.mark.parametrize("step", [lambda u: u * u + 1.0, lambda u: 1.0 - u * u * u * u - 3.0 * u, lambda u: u * 0.0 + np.nan])
def test_what_has_left_the_numbers_has_no_cycle(step):
    """x**2 + 1 grows without bound from every start: infinity maps to itself, and is no state; nor is what became of it by inf - inf."""

    def write(u, out):
        with np.errstate(all="ignore"):
            out[:] = step(u)

    system = systems.UserMap(write, 1, initial=[0.5])
    found = find_cycle(system, max_steps=300)
    assert not found
    assert found.period is None
    assert "diverged" in found.warnings[0]


def test_a_map_that_fails():
    def f(u, out):
        raise ZeroDivisionError("at once")

    system = systems.UserMap(f, 1)
    with pytest.raises(ZeroDivisionError):
        find_cycle(system, state=system.start(position=[0.0]), max_steps=100)


def test_one_long_cycle():
    size = 5000
    found = find_cycle(Finite([(k + 1) % size for k in range(size)], blur=50), seed=0, max_steps=40_000)
    assert (found.preperiod, found.period) == (0, size)


def test_not_found_says_how_far():
    found = find_cycle(Finite([(k + 1) % 9000 for k in range(9000)]), seed=0, max_steps=2000)
    assert not found
    assert found.period is None
    assert 0 < found.steps <= 2000


def test_float_tent_map_dies():
    """x -> 2 x on floats loses a bit a step: the fixed point 0 after about 55 steps."""
    found = find_cycle(Map(lambda x: 2 * min(x, 1 - x)), seed=1, max_steps=10_000)
    assert found.period == 1
    assert found.preperiod <= 60


def test_gibbs_under_a_toy_generator():
    """Full period 2**16 of the generator (Hull and Dobell 1962), an odd number of draws a sweep: 2**16 sweeps, or a multiple."""
    system = Gibbs().bind(machine(3), driver="toy-lcg")
    found = find_cycle(system, max_steps=400_000)
    assert found.period is not None
    assert found.period % 2**16 == 0


def test_nothing_is_searched_that_the_period_of_the_stream_rules_out(monkeypatch):
    """Four numbers a sweep: the generator comes back after 2**14 sweeps at the earliest, and after that is searched for."""
    system = Gibbs().bind(machine(4), driver="toy-lcg")
    found = find_cycle(system, max_steps=60_000)
    assert found.period == 2**14
    assert find_cycle(system, max_steps=2**14 - 1).steps == 2**14 - 1
    monkeypatch.setattr(type(system.driver), "shortest_period", None)
    assert find_cycle(system, max_steps=60_000) == found

    searched = Gibbs().bind(machine(4))
    monkeypatch.setattr(type(searched), "advance", None)
    monkeypatch.setattr(type(searched), "advance_recorded", None, raising=False)
    assert not find_cycle(searched, max_steps=10**15)


@pytest.mark.parametrize("sampler", [NUTS(), Slice(), HMC(0.3, 4)])
def test_samplers_that_take_a_varying_number_of_numbers_are_not_searched(sampler, monkeypatch):
    system = sampler.bind(gaussian([1.0, 2.0]))
    monkeypatch.setattr(type(system), "advance", None)
    assert find_cycle(system, max_steps=10**9).steps == 10**9


def test_a_stream_of_ones_own_promises_nothing():
    class Mine(type(LCG.toy())):
        pass

    system = Gibbs().bind(machine(4), driver=Mine(*(getattr(LCG.toy(), f.name) for f in dataclasses.fields(LCG))))
    assert not _outlasts(system, 100)
    assert _outlasts(Gibbs().bind(machine(4), driver=LCG.toy()), 100)


def test_bad_input():
    with pytest.raises(ArgumentError):
        find_cycle(Finite([0]), max_steps=0)
