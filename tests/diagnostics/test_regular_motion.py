"""Exponents of regular motion are zero within their errors: they fall like log(t) / t, which the scatter of batches does not show."""

import math

import numpy as np
import pytest
from numba import njit

from weakchaos import systems
from weakchaos.diagnostics import covariant_vectors, finite_time_exponents, largest_exponent, lyapunov_spectrum
from weakchaos.diagnostics.standard_errors import shear_errors, standard_errors


@njit
def pendulum(u, out):
    out[0], out[1] = u[1], -math.sin(u[0])


@njit
def quartic(u, out):
    out[0], out[1] = u[1], -(u[0] ** 3)


@njit
def henon_heiles(u, out):
    out[0], out[1] = u[2], u[3]
    out[2], out[3] = -u[0] - 2.0 * u[0] * u[1], -u[1] - u[0] ** 2 + u[1] ** 2


@njit
def rigid_body(u, out):
    out[0], out[1], out[2] = -u[1] * u[2] / 6.0, 2.0 * u[0] * u[2] / 3.0, -0.5 * u[0] * u[1]


@njit
def kepler(u, out):
    cube = (u[0] ** 2 + u[1] ** 2) ** 1.5
    out[0], out[1], out[2], out[3] = u[2], u[3], -u[0] / cube, -u[1] / cube


MOTIONS = {
    "pendulum": (pendulum, [1.0, 0.0]),
    "quartic": (quartic, [1.0, 0.0]),
    "Henon-Heiles": (henon_heiles, [0.1, 0.1, 0.1, 0.1]),
    "rigid body": (rigid_body, [1.0, 0.5, 0.2]),
    "Kepler": (kepler, [1.0, 0.0, 0.0, 0.9]),
}


@pytest.mark.parametrize("name", MOTIONS)
def test_exponents_of_integrable_flows_are_zero_within_two_standard_errors(name):
    field, start = MOTIONS[name]
    flow = systems.UserFlow(field, len(start), initial=start, step=0.02)
    found = lyapunov_spectrum(flow, steps=20_000)
    assert (np.abs(found.exponents) < 2 * found.stderr).all()
    largest = largest_exponent(flow, steps=8000)
    assert abs(largest.value) < 2 * largest.stderr
    local = finite_time_exponents(flow, window=200, samples=100)
    assert (np.abs(local.exponents) < 2 * local.stderr).all()
    vectors = covariant_vectors(flow, steps=8000)
    assert (np.abs(vectors.exponents) < 2 * vectors.stderr).all()


def test_the_error_is_that_of_a_shear_and_no_part_of_chaos():
    """A vector that grows like the time since the beginning has grown by log(1 + t / s) after a transient s."""
    times = np.arange(100.0, 1101.0)
    rates = np.diff(np.log(times))
    assert rates.mean() == pytest.approx(shear_errors([0.0], 1000.0, 100.0)[0], rel=1e-12)
    assert rates.mean() > 2 * standard_errors(rates[:, None])[0]  # what the scatter alone says
    np.testing.assert_array_equal(shear_errors([0.9, -14.6], 1000.0, 100.0), [0.0, 0.0])
    assert shear_errors([0.0], 1000.0, 0.0)[0] == pytest.approx(math.log(1001) / 1000)
    assert lyapunov_spectrum(systems.ArnoldCat(), steps=2000).stderr.max() < 1e-12
