"""Exponents over finite times and of finite errors: uniform maps exactly, others against the spectrum and the central limit."""

import math

import numpy as np
import pytest

from tests.diagnostics.toy_systems import Map
from weakchaos import systems
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.orbits.finite_size import finite_size_exponent
from weakchaos.diagnostics.orbits.finite_time import finite_time_exponents
from weakchaos.diagnostics.orbits.spectrum import lyapunov_spectrum


def test_uniform_stretching_has_no_spread():
    for system, exact in ((systems.Tent(1.7), math.log(1.7)), (systems.ArnoldCat(), math.log((3 + math.sqrt(5)) / 2))):
        result = finite_time_exponents(system, 7, 100)
        assert np.abs(result.local - exact).max() < 1e-12
        assert result.spread[0] < 1e-12


def test_windows_average_to_the_spectrum():
    result = finite_time_exponents(systems.Lorenz(), 100, 1000, k=3)
    spectrum = lyapunov_spectrum(systems.Lorenz(), steps=100_000)
    assert np.allclose(result.exponents, spectrum.exponents, atol=1e-2)
    assert result.local.shape == (1000, 3)
    assert np.allclose(result.local.sum(1), -41 / 3, atol=1e-3)


def test_spread_falls_like_the_square_root():
    """Sums of nearly independent stretchings; the shift by 2 of the logistic map at r = 4 is the exception, where it falls like 1 / T."""
    spreads = [finite_time_exponents(systems.Henon(), w, 3000).spread[0] for w in (25, 400)]
    assert spreads[0] / spreads[1] == pytest.approx(4.0, rel=0.35)
    spreads = [finite_time_exponents(systems.Logistic(), w, 3000).spread[0] for w in (25, 400)]
    assert spreads[0] / spreads[1] == pytest.approx(16.0, rel=0.25)


def test_a_window_is_never_cut():
    for window in (1, 7, 97):
        result = finite_time_exponents(systems.Logistic(3.7), window, 50)
        assert window % result.parameters["every"] == 0
        assert len(result.local) == 50


def test_finite_time_of_other_systems():
    result = finite_time_exponents(Map(lambda x: 0.5 * x + 0.1), 10, 20, transient=10)
    assert float(result) == pytest.approx(math.log(0.5), abs=1e-6)
    assert "diverged" in finite_time_exponents(systems.Henon(2.0), 10, 20).warnings[0]


# ---- finite size -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [1.5, 2.0])
def test_uniform_growth_at_every_size(ratio):
    for system, exact in ((systems.Bernoulli(), math.log(2)), (systems.Bernoulli(3), math.log(3))):
        result = finite_size_exponent(system, largest=0.1, ratio=ratio, samples=30)
        assert np.abs(result.curve[1] - exact).max() < 1e-9
        assert float(result) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize(
    ("system", "exact"), [(systems.Henon(), 0.4192), (systems.Lorenz(), 0.9058), (systems.Logistic(3.7), 0.3549)], ids=repr
)
def test_small_errors_grow_at_the_largest_exponent(system, exact):
    result = finite_size_exponent(system, samples=300)
    assert abs(float(result) - exact) < 4.5 * result.stderr
    assert result.stderr < 0.05 * exact


def test_scales_are_told_apart():
    """x -> 1.05 x below 0.001 and 3 x above, on a circle: small errors grow by the first factor, large ones by the second."""

    def two_scales(u, out):
        error = u[1] - u[0]
        error = error * (1.05 if abs(error) < 1e-3 else 3.0)
        out[0] = (u[0] + 0.1) % 1.0
        out[1] = out[0] + error

    # Both orbits are inside of one state here: the twin of (x, x) is (x, x + error).
    system = systems.UserMap(two_scales, 2, initial=[0.2, 0.2])
    result = finite_size_exponent(system, 1e-6, 1.0, 2.0, samples=1, transient=0)
    small, large = result.curve[1][0], result.curve[1][-1]
    assert small == pytest.approx(math.log(1.05), rel=0.05)
    assert large == pytest.approx(math.log(3.0), rel=0.05)


def test_errors_that_do_not_grow_say_so():
    for system in (systems.Logistic(3.2), systems.Rotation()):
        result = finite_size_exponent(system, most=5000)
        assert math.isnan(float(result))
        assert "did not reach" in result.warnings[0]
    assert "diverged" in finite_size_exponent(systems.Henon(2.0)).warnings[0]


def test_bad_input():
    for bad in ({"smallest": 0.0}, {"ratio": 1.0}, {"largest": 1e-9}, {"samples": 0}, {"most": 0}):
        with pytest.raises(ArgumentError):
            finite_size_exponent(systems.Henon(), **bad)
    with pytest.raises(ArgumentError, match="UserMap"):
        finite_size_exponent(Map(lambda x: x))
    with pytest.raises(ArgumentError):
        finite_time_exponents(systems.Henon(), 0)
