"""Cycles against a dictionary oracle, and of generators whose periods are theorems."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import naive
from tests.diagnostics.toy_systems import Finite, Map
from tests.samplers.test_gibbs import machine
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics import find_cycle
from weakchaos.samplers import Gibbs


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 400), st.integers(0, 10**6), st.sampled_from([1, 7, 10**6]))
def test_random_maps_of_a_finite_set(size, seed, blur):
    """Preperiod and period of random maps; with blur all states read alike and only the exact states tell."""
    table = np.random.default_rng(seed).integers(0, size, size).tolist()
    expected = naive.cycle(lambda s: table[s], seed % size)
    found = find_cycle(Finite(table, blur), seed=seed, max_steps=3000)
    assert (found.preperiod, found.period) == expected


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


def test_bad_input():
    with pytest.raises(ArgumentError):
        find_cycle(Finite([0]), max_steps=0)
