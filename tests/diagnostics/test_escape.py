"""Orbits on their way to infinity have no exponents, whether or not a number has overflowed; what grows like a power of time has."""

import math
import warnings

import numpy as np
import pytest
from numba import njit

from weakchaos import systems
from weakchaos.core.errors import SamplingError
from weakchaos.diagnostics import (
    covariant_vectors,
    find_cycle,
    finite_size_exponent,
    finite_time_exponents,
    gali,
    largest_exponent,
    lyapunov_spectrum,
    sali,
)
from weakchaos.diagnostics.orbits.escape import escape_note

TIME = np.arange(200.0)


@njit
def slow_growth(u, out):
    out[0] = 1.001 * u[0]


@njit
def alternating(u, out):
    out[0] = -1.002 * u[0] + 0.1


@njit
def spiral(u, out):
    out[0] = 0.1 * u[0] - u[1]
    out[1] = u[0] + 0.1 * u[1]


@njit
def logistic_with_clock(u, out):
    out[0] = 4.0 * u[0] * (1.0 - u[0])
    out[1] = u[1] + 1.0


@njit
def tangent_of_time(u, out):
    out[0] = u[0] * u[0] + 1.0


@njit
def growing_duffing(u, out):
    out[0] = u[1]
    out[1] = -u[0] * u[0] * u[0] + 0.1 * u[1]


@pytest.mark.parametrize("rate", [0.01, 0.05, 3.0])
@pytest.mark.parametrize("frequency", [0.0, 0.3, 2.9])
def test_exponential_growth_is_an_escape(rate, frequency):
    path = np.exp(rate * TIME) * np.cos(frequency * TIME)
    assert "coordinate 2" in escape_note(np.column_stack([TIME, path]))


@pytest.mark.parametrize("power", [0.5, 1, 2, 3])
@pytest.mark.parametrize("begin", [0, 10, 100, 1000])
def test_powers_of_time_are_no_escape(power, begin):
    assert escape_note(((TIME + begin) ** power)[:, None]) is None


def test_noise_and_random_walks_are_hardly_ever_an_escape():
    rng = np.random.default_rng(1)
    steps = (rng.standard_normal, rng.standard_cauchy)
    walks = [np.cumsum(draw(200)) for draw in steps for _ in range(300)] + [rng.standard_cauchy(200) for _ in range(300)]
    assert sum(escape_note(walk[:, None]) is not None for walk in walks) <= 2


@pytest.mark.parametrize(
    "system",
    [
        systems.UserMap(slow_growth, 1, initial=[1.0]),
        systems.UserMap(alternating, 1, initial=[1.0]),
        systems.UserFlow(spiral, 2, initial=[1.0, 0.0], step=0.05),
        systems.UserFlow(spiral, 2, initial=[1.0, 0.0], step=0.05, method="dop853"),
    ],
    ids=["growth", "alternating", "spiral by RK4", "spiral by DOP853"],
)
def test_no_value_for_an_orbit_that_escapes_before_numbers_overflow(system):
    for result in (lyapunov_spectrum(system, steps=3000, transient=100), largest_exponent(system, steps=2000)):
        assert math.isnan(float(result))
        assert "diverged" in result.warnings[-1]


@njit
def saddle_map(u, out):
    out[0] = 1.002 * u[0]
    out[1] = 0.5 * u[1]


@pytest.mark.parametrize(
    "measure",
    [
        lambda s: covariant_vectors(s, steps=2000, transient=100),
        lambda s: finite_time_exponents(s, window=20, samples=100),
        lambda s: finite_size_exponent(s, smallest=1e-4, largest=1e-2, samples=50, transient=0),
    ],
    ids=["covariant", "finite time", "finite size"],
)
def test_every_exponent_knows_an_escape(measure):
    system = systems.UserMap(saddle_map, 2, initial=[1.0, 1.0])
    assert system.derivative == "dual numbers"  # a coordinate that dies out does not make them suspect
    result = measure(system)
    assert math.isnan(float(result))
    assert "diverged" in result.warnings[-1]


def test_a_clock_is_no_escape():
    """The logistic map at 4 has the exponent ln 2, and a clock 0."""
    found = lyapunov_spectrum(systems.UserMap(logistic_with_clock, 2, initial=[0.3, 0.0]), steps=20_000)
    assert found.exponents == pytest.approx([math.log(2.0), 0.0], abs=0.02)


def test_infinity_in_finite_time_is_a_divergence_for_every_integrator():
    """x' = x**2 + 1 has the solution tan(t), which ends at pi / 2."""
    for method in ("rk4", "dop853"):
        flow = systems.UserFlow(tangent_of_time, 1, initial=[0.0], step=0.01, method=method)
        state = flow.start()
        assert flow.advance(state, 156)[-1, 0] == pytest.approx(math.tan(1.56), rel=1e-2)
        for result in (lyapunov_spectrum(flow, steps=1000), largest_exponent(flow, steps=1000)):
            assert math.isnan(float(result))
            assert "diverged" in result.warnings[-1]
        assert "diverged" in find_cycle(flow, max_steps=10_000).warnings[0]


def test_a_step_that_would_never_end_is_an_error():
    """The frequency of x'' = -x**3 grows with its amplitude, so that a unit of time far out takes as many steps."""
    flow = systems.UserFlow(growing_duffing, 2, initial=[1e7, 0.0], step=1.0, method="dop853")
    with pytest.raises(SamplingError, match="moves ever faster"):
        flow.advance(flow.start(), 1)


def test_nothing_of_numpy_reaches_the_terminal():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = lyapunov_spectrum(systems.UserFlow(spiral, 2, initial=[1e160, 0.0], step=0.1), steps=200, transient=0)
    assert np.isnan(found.exponents).all()
    assert "diverged" in found.warnings[0]


@njit
def small_lorenz(u, out):
    x, y, z = u[0] / 1e-12, u[1] / 1e-12, u[2] / 1e-12
    out[0] = 1e-12 * 10.0 * (y - x)
    out[1] = 1e-12 * (x * (28.0 - z) - y)
    out[2] = 1e-12 * (x * y - 8.0 / 3.0 * z)


def test_the_adaptive_method_knows_no_units():
    """An error of 1e-9 is small beside coordinates of size 1 and not beside 1e-12."""
    small = systems.UserFlow(small_lorenz, 3, initial=[1e-12, 1e-12, 2e-11], step=0.1, method="dop853")
    usual = systems.Lorenz(step=0.1, method="dop853")
    orbit = usual.advance(usual.start(position=[1.0, 1.0, 20.0]), 30)
    assert small.advance(small.start(), 30) / 1e-12 == pytest.approx(orbit, rel=1e-3, abs=1e-2)


@njit
def expanding_turn(u, out):
    """A turn by 1 that stretches by 1.003: on the way out all vectors keep their angles, as they do on a regular orbit."""
    out[0] = 1.003 * (math.cos(1.0) * u[0] - math.sin(1.0) * u[1])
    out[1] = 1.003 * (math.sin(1.0) * u[0] + math.cos(1.0) * u[1])


@njit
def turn(u, out):
    out[0] = math.cos(1.0) * u[0] - math.sin(1.0) * u[1]
    out[1] = math.sin(1.0) * u[0] + math.cos(1.0) * u[1]


@njit
def blow_up(u, out):
    out[0] = 3.0 * u[0]
    out[1] = 0.5 * u[1]


@pytest.mark.parametrize("index", [gali, sali])
@pytest.mark.parametrize("function", [expanding_turn, saddle_map, blow_up], ids=["turn", "saddle", "overflow"])
def test_alignment_knows_an_escape(index, function):
    result = index(systems.UserMap(function, 2, initial=[1.0, 1.0]), steps=2000)
    assert math.isnan(float(result))
    assert math.isnan(result.parameters["rate"])
    assert any("diverged" in warning for warning in result.warnings)


def test_alignment_of_an_orbit_that_only_turns():
    result = gali(systems.UserMap(turn, 2, initial=[1.0, 1.0]), steps=2000)
    assert result.warnings == ()
    assert abs(result.parameters["rate"]) < 1e-6
