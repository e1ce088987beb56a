"""A step of Hamilton's equations whose length is halved until its energy error is small, for kernels.

Bou-Rabee, Carpenter, Kleppe and Liu, JMLR 27 (2026), arXiv:2506.18746: a macro step of length h is made of ``2**l`` leapfrog steps of length
``h / 2**l``, with the least level l at which the energy H along it, both ends included, ranges over no more than ``max_error``:

    l(z) = min { l : max H(z_k) - min H(z_k) <= max_error },    k = 0, ..., 2**l

Leapfrog steps are reversible and conserve volume at a fixed l, but l is chosen from where the step begins. From its end, backwards, the same
points are met at level l, so that the level chosen there is l or less; where it is less, the step back is another one, and the
step ahead must not be made. (The probability of the level, given the end, is a factor of the weight of all points beyond; for a level that is
chosen without chance it is 1 or 0.)
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from weakchaos.core.counters import GRADIENTS
from weakchaos.samplers.integrators import DONE, FAILED, kinetic_energy, leapfrog

__all__ = ["IRREVERSIBLE", "LEFT", "MADE", "RAISED", "TOO_ROUGH", "macro_step"]

MADE, TOO_ROUGH, LEFT, IRREVERSIBLE, RAISED = range(5)
# Beyond the edge of a support no step is short enough: after so many levels in a row that leave it, the step is given up.
_MOST_LEFT = 3


@njit(nogil=True, error_model="numpy")
def _range_of_energy(
    density, user_data, step_size, n, max_error, inverse_mass, position, momentum, gradient, value, energy, counters
):
    """`n` leapfrog steps in place from a point of that energy: the range of the energy along them, inf as soon as it exceeds
    `max_error`, -1 where the support is left; NaN where the user's function raised."""
    low, high = energy, energy
    for _ in range(n):
        status = leapfrog(density, user_data, step_size, 1, inverse_mass, position, momentum, gradient, value, counters)
        if status == FAILED:
            return math.nan
        if status != DONE:
            return -1.0
        here = kinetic_energy(inverse_mass, momentum) - value[0]
        low, high = min(low, here), max(high, here)
        if not high - low <= max_error:
            # Of a single step the range is the error itself, which the step size is tuned by; infinite energies have none.
            return high - low if n == 1 and high - low > max_error else math.inf
    return high - low


@njit(nogil=True, error_model="numpy")
def macro_step(
    density, user_data, step_size, max_error, max_halvings, inverse_mass, position, momentum, gradient, value, trial, counters, told
):  # fmt: skip
    """One macro step of signed length `step_size`, in place, from a point whose `gradient` and log density, ``value[0]``, are known.

    `trial` is room of shape (6, dim). ``told[0]`` becomes the level, ``told[1]`` the energy error of a single leapfrog step of the whole
    length, ``told[2]`` the number of leapfrog steps. Returns MADE; TOO_ROUGH where no level up to `max_halvings` is fine enough; LEFT where
    three levels in a row leave the support; IRREVERSIBLE where the way back would have another level; RAISED where the user's function
    raised. Only MADE changes the point.
    """
    dim = position.size
    q, p, g = trial[0], trial[1], trial[2]
    start = value[0]
    energy = kinetic_energy(inverse_mass, momentum) - start
    level, outside, found, before = 0, 0, False, counters[GRADIENTS]
    end = np.empty(1)
    while not found and level <= max_halvings:
        for i in range(dim):
            q[i], p[i], g[i] = position[i], momentum[i], gradient[i]
        n = 1 << level
        error = _range_of_energy(density, user_data, step_size / n, n, max_error, inverse_mass, q, p, g, end, energy, counters)
        if math.isnan(error):
            return RAISED
        if level == 0:
            told[1] = math.inf if error < 0.0 else error
        outside = outside + 1 if error < 0.0 else 0
        found = 0.0 <= error <= max_error
        if outside == _MOST_LEFT:
            break
        if not found:
            level += 1
    told[0], told[2] = level, counters[GRADIENTS] - before
    if not found:
        return LEFT if outside > 0 else TOO_ROUGH
    after = kinetic_energy(inverse_mass, p) - end[0]
    back_q, back_p, back_g, unused, outside = trial[3], trial[4], trial[5], np.empty(1), 0
    for coarser in range(level):
        for i in range(dim):
            back_q[i], back_p[i], back_g[i] = q[i], p[i], g[i]
        n = 1 << coarser
        error = _range_of_energy(
            density, user_data, -step_size / n, n, max_error, inverse_mass, back_q, back_p, back_g, unused, after, counters
        )
        told[2] = counters[GRADIENTS] - before
        if math.isnan(error):
            return RAISED
        outside = outside + 1 if error < 0.0 else 0
        if 0.0 <= error <= max_error or outside == _MOST_LEFT:
            return IRREVERSIBLE
    for i in range(dim):
        position[i], momentum[i], gradient[i] = q[i], p[i], g[i]
    value[0] = end[0]
    return MADE
