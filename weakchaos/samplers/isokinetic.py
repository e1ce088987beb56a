"""Motion at unit speed, where the gradient turns the velocity and never changes its length, for kernels.

In coordinates y = x / s (s the square roots of the inverse masses) a particle moves as ``dy/dt = u``, ``|u| = 1``,
``du/dt = (1 - u u^T) g / m``, where g is the gradient of the log density in y. The kinetic energy ``m log(speed)`` that the time stands for
grows by ``u . g`` per unit of time, so K - log p is conserved. With m = d - 1 the measure ``p(x) dx du`` is invariant (Robnik, De Luca,
Silverstein and Seljak, arXiv:2212.08549); with m = d it is under the weights ``exp(K / d)`` (Ver Steeg and Galstyan, arXiv:2111.02434).

For a constant gradient the turn is exact. With e = g / |g| and delta = t |g| / m, ::

    u' ~ e (1 - z) (1 + z + (u . e)(1 - z)) + 2 z u,    z = exp(-delta)
    K' - K = m (delta - log 2 + log(1 + u . e + (1 - u . e) z**2))

A step is half a turn, a drift, half a turn: it is reversible, and the change of K - log p over it is minus the logarithm of how much it changes
the measure it should conserve. That number accepts or rejects in an adjusted sampler and tells the bias of one that is not.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from weakchaos.core.counters import BAD_VALUES, GRADIENTS
from weakchaos.native.compiled import address_of, call_density, draw_uniform, normal_from_uniform
from weakchaos.samplers.integrators import DONE, FAILED, OUTSIDE

__all__ = [
    "MINIMAL_NORM",
    "isokinetic_step",
    "minimal_norm_step",
    "normalise",
    "perturb",
    "random_direction",
    "reverse",
    "set_right",
    "turn",
]

# McLachlan, SIAM J. Sci. Comput. 16 (1995) 151, doi:10.1137/0916010: the share of a step that is turned at either end.
MINIMAL_NORM = 0.1931833275037836


@njit(nogil=True, error_model="numpy")
def normalise(u):
    """Give `u` the length 1."""
    square = 0.0
    for i in range(u.size):
        square += u[i] * u[i]
    length = math.sqrt(square)
    for i in range(u.size):
        u[i] /= length


@njit(nogil=True, error_model="numpy")
def set_right(u):
    """Give the length 1 to a velocity from outside, such as that of a twin orbit; one that has it is left alone, to the last bit."""
    square = 0.0
    for i in range(u.size):
        square += u[i] * u[i]
    if abs(square - 1.0) > 1e-13:
        normalise(u)


@njit(nogil=True, error_model="numpy")
def random_direction(u, stream, stream_state):
    """A velocity of uniform direction, from as many numbers as coordinates."""
    for i in range(u.size):
        u[i] = normal_from_uniform(draw_uniform(stream, stream_state))
    normalise(u)


@njit(nogil=True, error_model="numpy")
def perturb(u, size, stream, stream_state):
    """``u <- (u + size z) / |u + size z|`` with z standard normal."""
    for i in range(u.size):
        u[i] += size * normal_from_uniform(draw_uniform(stream, stream_state))
    normalise(u)


@njit(nogil=True, error_model="numpy")
def reverse(u):
    """The velocity backwards: what follows a step that could not be made."""
    for i in range(u.size):
        u[i] = -u[i]


@njit(nogil=True, error_model="numpy")
def turn(u, gradient, scale, time, mass):
    """Turn `u` for `time` under a constant gradient; the gain of kinetic energy."""
    dim, square, along = u.size, 0.0, 0.0
    for i in range(dim):
        g = scale[i] * gradient[i]
        square += g * g
        along += u[i] * g
    if square == 0.0:
        return 0.0
    length = math.sqrt(square)
    along = max(-1.0, min(1.0, along / length))
    delta = time * length / mass
    # A step back in time is the same turn under the opposite gradient.
    sign = 1.0 if delta >= 0.0 else -1.0
    along, delta = sign * along, abs(delta)
    z = math.exp(-delta)
    towards = sign * (1.0 - z) * (1.0 + z + along * (1.0 - z)) / length
    for i in range(dim):
        u[i] = towards * scale[i] * gradient[i] + 2.0 * z * u[i]
    normalise(u)
    return mass * (delta - math.log(2.0) + math.log(max(1.0 + along + (1.0 - along) * z * z, 1e-300)))


@njit(nogil=True, error_model="numpy")
def _drift(density, user_data, time, scale, position, u, gradient, value, counters):
    dim = position.size
    for i in range(dim):
        position[i] += time * scale[i] * u[i]
    counters[GRADIENTS] += 1
    if call_density(density, np.uint64(dim), address_of(position), address_of(gradient), address_of(value), user_data) != 0:
        return FAILED
    total = value[0]
    for i in range(dim):
        total += gradient[i]
    if math.isfinite(total):
        return DONE
    if value[0] != -math.inf:
        counters[BAD_VALUES] += 1
    return OUTSIDE


@njit(nogil=True, error_model="numpy")
def isokinetic_step(density, user_data, step_size, scale, mass, position, u, gradient, value, counters, gained):
    """One step of one gradient in place, from a position whose `gradient` is known; its gain of kinetic energy is added to ``gained[0]``.

    Returns DONE, OUTSIDE where log density or gradient are not finite on the way, or FAILED where the user's function raised.
    """
    gained[0] += turn(u, gradient, scale, 0.5 * step_size, mass)
    status = _drift(density, user_data, step_size, scale, position, u, gradient, value, counters)
    if status == DONE:
        gained[0] += turn(u, gradient, scale, 0.5 * step_size, mass)
    return status


@njit(nogil=True, error_model="numpy")
def minimal_norm_step(density, user_data, step_size, scale, mass, position, u, gradient, value, counters, gained):
    """As `isokinetic_step`, with two gradients and an error of the energy about ten times smaller at the same length."""
    status = DONE
    gained[0] += turn(u, gradient, scale, MINIMAL_NORM * step_size, mass)
    for half in range(2):
        status = _drift(density, user_data, 0.5 * step_size, scale, position, u, gradient, value, counters)
        if status != DONE:
            break
        part = 1.0 - 2.0 * MINIMAL_NORM if half == 0 else MINIMAL_NORM
        gained[0] += turn(u, gradient, scale, part * step_size, mass)
    return status
