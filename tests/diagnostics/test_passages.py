"""Integrators of fixed steps that meet a place which their step cannot resolve say so; fields that are only fast, stiff or discontinuous do not make them say it."""

import math

import numpy as np
import pytest
from numba import njit

from weakchaos import systems
from weakchaos.diagnostics import covariant_vectors, finite_time_exponents, gali, largest_exponent, lyapunov_spectrum
from weakchaos.diagnostics.orbits.passages import passage_notes


@njit
def two_bodies(u, out):
    cube = (u[0] ** 2 + u[1] ** 2) ** 1.5
    out[0], out[1] = u[2], u[3]
    out[2], out[3] = -u[0] / cube, -u[1] / cube


def two_body_flow(speed, method="rk4", step=0.01):
    """From distance 1 with a `speed` across; the closest distance is speed**2 / (2 - speed**2)."""
    return systems.UserFlow(two_bodies, 4, initial=[1.0, 0.0, 0.0, speed], step=step, method=method)


def energy(state):
    return 0.5 * (state[2] ** 2 + state[3] ** 2) - 1.0 / math.hypot(state[0], state[1])


def says_so(result):
    return any("cannot resolve" in warning for warning in result.warnings)


@njit
def relay(u, out):
    out[0] = u[1]
    out[1] = -(1.0 if u[0] > 0 else -1.0) + 0.3 * math.cos(u[2]) - 0.1 * u[1]
    out[2] = 1.0


@njit
def relaxation(u, out):
    out[0] = u[1]
    out[1] = 30.0 * (1.0 - u[0] ** 2) * u[1] - u[0]


@njit
def pulses(u, out):
    out[0] = u[1]
    out[1] = -u[0] - 0.3 * u[1] + 5.0 * math.exp(-(((u[2] % 6.0 - 3.0) / 0.05) ** 2))
    out[2] = 1.0


@pytest.mark.parametrize("method", ["rk4", "leapfrog"])
@pytest.mark.parametrize(
    "measure",
    [
        lambda s: lyapunov_spectrum(s, steps=20_000),
        lambda s: finite_time_exponents(s, samples=100),
        lambda s: covariant_vectors(s, steps=2000),
        lambda s: gali(s, steps=5000),
        lambda s: largest_exponent(s, steps=400, transient=0),
    ],
    ids=["spectrum", "finite time", "covariant", "alignment", "largest"],
)
def test_a_near_collision_is_said(measure, method):
    """Energy is conserved, so what changes it by as much as itself is no orbit of two bodies."""
    if method == "leapfrog":
        flow = systems.UserFlow(two_bodies, 4, initial=[1.0, 0.0, 0.0, 0.01], step=0.01, method=method)
    else:
        flow = two_body_flow(0.01)
    state = flow.start(0)
    before = energy(state.phase)
    flow.advance(state, 1000)
    assert abs(energy(state.phase) - before) > abs(before)
    assert says_so(measure(flow))


def test_many_close_encounters_that_throw_the_body_out_are_said():
    flow = two_body_flow(0.3)
    state = flow.start(0)
    flow.advance(state, 1000)
    assert energy(state.phase) > 0  # it has left for ever, from an ellipse
    assert says_so(lyapunov_spectrum(flow, steps=20_000))
    assert says_so(gali(flow, steps=20_000))


@pytest.mark.parametrize(
    "flow",
    [
        two_body_flow(0.9),
        systems.UserFlow(relay, 3, initial=[1.0, 0.0, 0.0], step=0.01),
        systems.UserFlow(relaxation, 2, initial=[2.0, 0.0], step=0.001),
        systems.UserFlow(pulses, 3, initial=[0.2, 0.0, 0.0], step=0.01),
        systems.Lorenz(),
        systems.HenonHeiles(),
    ],
    ids=["ellipse", "relay", "relaxation", "pulses", "Lorenz", "Henon-Heiles"],
)
def test_nothing_is_said_of_fields_that_a_step_resolves_or_that_jump(flow):
    assert not says_so(lyapunov_spectrum(flow, steps=20_000))
    assert not says_so(gali(flow, steps=5000))
    assert not says_so(largest_exponent(flow, steps=400))


def test_finite_time_exponents_know_a_field_that_jumps():
    flow = systems.UserFlow(relay, 3, initial=[1.0, 0.0, 0.0], step=0.01)
    assert any("jumps" in warning for warning in finite_time_exponents(flow, samples=50).warnings)


def test_the_same_collision_ends_an_adaptive_method_or_is_resolved_by_it():
    flow = two_body_flow(0.01, "dop853")
    state = flow.start(0)
    before = energy(state.phase)
    flow.advance(state, 200)
    assert np.isclose(energy(state.phase), before, rtol=1e-3)


@njit
def two_bodies_in_a_box(u, out):
    if abs(u[0]) > 50.0:
        raise ValueError("outside of the box")
    two_bodies(u, out)


def test_a_place_where_the_field_fails_hides_no_other():
    flow = systems.UserFlow(two_bodies_in_a_box, 4, initial=[1.0, 0.0, 0.0, 0.01], step=0.01)
    usual = np.array([[1.0 - 0.01 * k, 0.0, -0.01 * k, 0.01] for k in range(30)])
    close = np.array([[0.01, 0.0, -14.0, 0.01]])
    outside = np.array([[60.0, 0.0, 0.0, 0.0]])
    strains = np.r_[1e9, 1e6, np.ones(30)]
    assert len(passage_notes(flow, np.vstack([outside, close, usual]), strains, 1)) == 1
    assert passage_notes(flow, np.vstack([outside, usual]), np.r_[1e9, np.ones(30)], 1) == []
