"""The step of a flow: what it costs in accuracy, vector fields that jump, and what is no fault of the step."""

import math

import numpy as np
import pytest
from numba import njit

from weakchaos import systems
from weakchaos.diagnostics import largest_exponent, lyapunov_spectrum


def test_a_coarse_step_widens_the_error_of_each_exponent():
    """Of the Lorenz flow the sum is -41/3 exactly, and the largest .9056 (Sprott, Chaos and Time-Series Analysis, 2003)."""
    for step in (0.03, 0.05):
        found = lyapunov_spectrum(systems.Lorenz(step=step), steps=20_000, seed=1)
        truth = np.array([0.9056, 0.0, -41 / 3 - 0.9056])
        assert (np.abs(found.exponents - truth) < 3 * found.stderr).all()
    fine = lyapunov_spectrum(systems.Lorenz(step=0.005), steps=200_000, seed=1)
    assert fine.stderr[2] < 0.2 * found.stderr[2]


def jerk(push):
    """x''' = -x'' / 2 - x' - x + push(x), chaotic if the push is the sign of x: Sprott, Am. J. Phys. 68 (2000) 758, doi:10.1119/1.19538."""

    def field(u, out):
        out[0] = u[1]
        out[1] = u[2]
        out[2] = -0.5 * u[2] - u[1] - u[0] + push(u[0])

    return field


@pytest.mark.parametrize("compiled", [True, False])
def test_a_vector_field_that_jumps_is_named(compiled):
    """One exponent of a bounded orbit of a flow is 0 unless it ends at rest (Haken, Phys. Lett. A 94 (1983) 71); without saltation none is."""

    def sign(x):
        return 1.0 if x > 0 else -1.0

    field = njit(jerk(njit(sign))) if compiled else jerk(sign)
    flow = systems.UserFlow(field, 3, initial=[0.1, 0.1, 0.1], step=0.02)
    found = lyapunov_spectrum(flow, steps=100_000 if compiled else 3000)
    if compiled:
        assert abs(found.exponents).min() > 0.1  # wrong, though the divergence is right
        assert abs(found.exponents.sum() + 0.5) < 1e-6
    assert any("vector field jumps" in note for note in found.warnings)
    assert any("vector field jumps" in note for note in largest_exponent(flow).warnings)


def test_a_vector_field_that_is_steep_or_has_corners_is_not_said_to_jump():
    def steep(x):
        return math.tanh(x / 0.02)

    found = lyapunov_spectrum(systems.UserFlow(njit(jerk(njit(steep))), 3, initial=[0.1, 0.1, 0.1], step=0.01), steps=200_000)
    assert found.warnings == ()
    assert abs(found.exponents[0] - 0.152) < 0.02
    assert abs(found.exponents[1]) < 0.005

    @njit
    def circuit(u, out):
        """The double scroll of Chua's circuit, piecewise linear."""
        bend = -0.714 * u[0] - 0.2145 * (abs(u[0] + 1) - abs(u[0] - 1))
        out[0] = 15.6 * (u[1] - u[0] - bend)
        out[1] = u[0] - u[1] + u[2]
        out[2] = -28 * u[1]

    assert lyapunov_spectrum(systems.UserFlow(circuit, 3, initial=[0.7, 0.0, 0.0]), steps=20_000).warnings == ()

    @njit
    def rest(u, out):
        """Ends at a point that no number represents, where the field is rounding."""
        out[0] = 0.1 - u[0] * u[0] * u[0]
        out[1] = u[0] - 3 * u[1]

    assert lyapunov_spectrum(systems.UserFlow(rest, 2, initial=[1.0, 0.0], step=0.05), steps=20_000).warnings == ()


def test_rounding_is_no_fault_of_the_step():
    """Where no vector grows at all, what is left of the exponents is rounding, which halving the step changes by more than its own size."""

    @njit
    def belt(u, out):
        """A block on a belt that moves faster than the block: friction is constant, and the block swings about a shifted place."""
        out[0] = u[1]
        out[1] = -u[0] - (0.3 if u[1] > 0.5 else -0.3)

    found = lyapunov_spectrum(systems.UserFlow(belt, 2, initial=[0.5, 0.0], step=0.005), steps=20_000)
    assert abs(found.exponents).max() < 1e-9
    assert found.warnings == ()
    loose = lyapunov_spectrum(systems.UserFlow(belt, 2, initial=[0.5, 0.0], step=0.8), steps=20_000)  # the negative control
    assert any("step" in note for note in loose.warnings)


def test_a_flow_has_no_exponent_of_minus_infinity():
    """x' = -1000 (x - cos t): exponents 0 and -1000, and a step of 0.1 shrinks a vector by exp(-100), which no frame of floats holds."""

    @njit
    def stiff(u, out):
        out[0] = -1000 * (u[0] - math.cos(u[1]))
        out[1] = 1.0

    def found(step):
        return lyapunov_spectrum(systems.UserFlow(stiff, 2, initial=[0.0, 0.0], step=step, method="dop853"), steps=1000)

    lost = found(0.1)
    assert math.isnan(lost.exponents[1])
    assert abs(lost.exponents[0]) < 0.05
    assert any("within one step" in note for note in lost.warnings)
    assert not any("superstable" in note for note in lost.warnings)
    np.testing.assert_allclose(found(0.002).exponents, [0, -1000], atol=1)
