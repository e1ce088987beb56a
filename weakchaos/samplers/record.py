"""What every kernel of a continuous sampler does after a step: keep the draw, add to the running sums."""

from __future__ import annotations

import numpy as np
from numba import njit

from weakchaos.core.counters import EVALUATIONS, GRADIENTS
from weakchaos.native.compiled import address_of, call_density

__all__ = ["evaluate_start", "is_known", "know", "record"]


@njit(nogil=True, error_model="numpy")
def record(t, every, x, draws, sums):
    """After step `t` (from 0): the row of `draws` that was written, -1 if this step ends no draw.

    `draws` has rows only when draws are kept, `sums` entries (first and second moments) only when running averages are.
    """
    if (t + 1) % every != 0:
        return -1
    row = (t + 1) // every - 1
    dim = x.size
    if draws.shape[0] > 0:
        for i in range(dim):
            draws[row, i] = x[i]
    if sums.size > 0:
        for i in range(dim):
            sums[i] += x[i]
            sums[dim + i] += x[i] * x[i]
    return row


@njit(nogil=True, error_model="numpy")
def is_known(x, known):
    """Whether `known` (position, then what was evaluated there) belongs to `x`; NaN before anything was evaluated."""
    for i in range(x.size):  # noqa: SIM110 (numba)
        if known[i] != x[i]:
            return False
    return True


@njit(nogil=True, error_model="numpy")
def know(x, known):
    """Say that the rest of `known` belongs to `x`."""
    for i in range(x.size):
        known[i] = x[i]


@njit(nogil=True, error_model="numpy")
def evaluate_start(density, user_data, x, known, counters):
    """Make `known` that of `x` (position, gradient where there is room for one, log density) if it is not; False where the user's function failed."""
    dim = x.size
    if is_known(x, known):
        return True
    with_gradient = known.size > dim + 1
    counters[GRADIENTS if with_gradient else EVALUATIONS] += 1
    gradient = address_of(known[dim : 2 * dim]) if with_gradient else np.uint64(0)
    last = known[known.size - 1 :]
    if call_density(density, np.uint64(dim), address_of(x), gradient, address_of(last), user_data) != 0:
        return False
    know(x, known)
    return True
