"""Steps of Hamilton's equations ``dx/dt = V p, dp/dt = grad log p`` with a diagonal inverse mass V, for kernels.

Leapfrog: Verlet, Phys. Rev. 159 (1967) 98, doi:10.1103/PhysRev.159.98.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from weakchaos.core.counters import BAD_VALUES, GRADIENTS
from weakchaos.native.compiled import address_of, call_density

__all__ = ["DONE", "FAILED", "OUTSIDE", "has_diverged", "kinetic_energy", "leapfrog"]

DONE, OUTSIDE, FAILED = range(3)


@njit(nogil=True, error_model="numpy", forceinline=True)
def kinetic_energy(inverse_mass, momentum):
    """``sum v_i p_i**2 / 2``."""
    total = 0.0
    for i in range(momentum.size):
        total += 0.5 * inverse_mass[i] * momentum[i] * momentum[i]
    return total


@njit(nogil=True, error_model="numpy", forceinline=True)
def has_diverged(status, error, inverse_mass, momentum):
    """Whether a trajectory ended because its steps were too long: an energy error above 1000.

    Leaving the support of the density is no divergence, unless the momentum has run away first: unstable steps overflow the log density to
    -inf too. An ordinary kinetic energy is of the order of the dimension.
    """
    if status == DONE:
        return not error < 1000.0
    return not kinetic_energy(inverse_mass, momentum) < 1000.0 + momentum.size


@njit(nogil=True, error_model="numpy", forceinline=True)
def leapfrog(density, user_data, step_size, n_leapfrog, inverse_mass, position, momentum, gradient, value, counters):
    """`n_leapfrog` steps in place, from a position whose `gradient` is known; the half kicks between steps are made as one.

    Returns DONE, OUTSIDE where the log density is not finite on the way, or FAILED where the user's function raised.
    """
    dim = position.size
    for i in range(dim):
        momentum[i] += 0.5 * step_size * gradient[i]
    for step in range(n_leapfrog):
        for i in range(dim):
            position[i] += step_size * inverse_mass[i] * momentum[i]
        counters[GRADIENTS] += 1
        if call_density(density, np.uint64(dim), address_of(position), address_of(gradient), address_of(value), user_data) != 0:
            return FAILED
        if not math.isfinite(value[0]):
            if value[0] != -math.inf:
                counters[BAD_VALUES] += 1
            return OUTSIDE
        kick = step_size if step + 1 < n_leapfrog else 0.5 * step_size
        for i in range(dim):
            momentum[i] += kick * gradient[i]
    return DONE
