"""Largest exponents in every regime: chaotic, neutral, contracting, at a fixed point, on a cycle, diverging, discrete."""

import math

import numpy as np
import pytest

from tests.diagnostics.toy_systems import Map
from tests.samplers.test_gibbs import machine
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics import largest_exponent
from weakchaos.diagnostics.orbits.twins import own_numbers
from weakchaos.samplers import Gibbs
from weakchaos.targets.mrf import PairwiseMRF


@pytest.mark.parametrize(
    ("step", "expected", "tolerance"),
    [
        (lambda x: 4 * x * (1 - x), math.log(2), 0.03),  # chaos: ln 2
        (lambda x: (x + 0.6180339887498949) % 1.0, 0.0, 1e-6),  # rotation
        (lambda x: 0.5 * x + 0.1, math.log(0.5), 1e-3),  # towards a fixed point, linear
        (lambda x: 2.8 * x * (1 - x), math.log(0.8), 1e-3),  # logistic fixed point: |2 - r|
        (
            lambda x: 3.2 * x * (1 - x),
            0.5 * math.log(abs(4 + 2 * 3.2 - 3.2**2)),
            1e-3,
        ),  # logistic 2-cycle: multiplier 4 + 2 r - r**2
    ],
)
def test_maps(step, expected, tolerance):
    result = largest_exponent(Map(step), steps=4000, transient=500)
    assert abs(float(result) - expected) < tolerance
    assert result.parameters["kind"] == "phase"
    assert result.curve[0].size == result.curve[1].size


def test_standard_error_is_honest():
    # Not r = 4: there the stretching is a coboundary and its mean converges like 1/T, which no batch can see.
    step = lambda x: 3.8 * x * (1 - x)  # noqa: E731
    values = [largest_exponent(Map(step), steps=1000, seed=s) for s in range(20)]
    scatter = np.std([float(v) for v in values], ddof=1)
    assert 0.4 < np.mean([v.stderr for v in values]) / scatter < 2.5


def test_diverging_orbit_warns():
    with np.errstate(over="ignore", invalid="ignore"):
        result = largest_exponent(Map(lambda x: min(x * x * 4.0, 1e308) * 10), steps=50, transient=0)
    assert result.warnings


def test_strong_contraction_is_a_bound():
    result = largest_exponent(Map(lambda x: 0.3 + 0.0 * x), steps=50, transient=0)
    assert float(result) < -10
    assert "at most" in result.warnings[0]


def test_damage_of_independent_units_heals():
    free = PairwiseMRF(np.zeros((4, 4)), [0.1, -0.2, 0.3, 0.0])
    result = largest_exponent(Gibbs().bind(free), steps=200)
    assert result.parameters["kind"] == "symbols"
    assert float(result) < 0
    assert "healed" in result.warnings[0]


def test_damage_of_one_unit_by_hand():
    """Two units, random scan off: damage in unit 0 is erased, in unit 1 it passes to unit 0 and back with known probabilities."""
    w = 1.0
    system = Gibbs().bind(PairwiseMRF([[0.0, w], [w, 0.0]]))
    # Unit 0 is redrawn first: damage there vanishes. Damage in unit 1 reaches unit 0 with probability s(w) - s(0), and unit 1, redrawn
    # next, differs given that with the same probability.
    pass_on = 1 / (1 + math.exp(-w)) - 0.5
    expected = 0.5 * (pass_on + pass_on**2)
    result = largest_exponent(system, steps=20_000)
    assert abs(result.parameters["damage"] - expected) < 5 * math.sqrt(expected / 20_000) + 0.002


def test_bad_input():
    for bad in ({"steps": 5}, {"every": 0}, {"separation": 0.0}, {"transient": -1}):
        with pytest.raises(ArgumentError):
            largest_exponent(Gibbs().bind(machine(3)), **bad)


def test_perturbations_follow_the_seed_whatever_kind_of_number_it_is():
    numbers = [own_numbers(1, seed).random() for seed in (3, np.int64(3), np.random.SeedSequence(3))]
    assert numbers[0] == numbers[1] == numbers[2] != own_numbers(1, 0).random()
    assert own_numbers(2, 3).random() != numbers[0]
    with pytest.raises(ArgumentError, match="`seed`"):
        own_numbers(1, -1)
