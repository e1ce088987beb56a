"""What kernels of samplers share at their beginning and end: what is known of the present position, the move to another, the draw that is kept
and the running sums."""

from __future__ import annotations

import numpy as np
from numba import njit

from weakchaos.core.counters import EVALUATIONS, GRADIENTS
from weakchaos.native.compiled import address_of, call_density

__all__ = [
    "arrive",
    "evaluate_start",
    "go_back",
    "is_known",
    "know",
    "record",
    "record_times",
    "record_told",
    "record_units",
    "row_of",
]


@njit(nogil=True, error_model="numpy", forceinline=True)
def row_of(t, every):
    """The row that the draw after step `t` (from 0) has, -1 if this step ends no draw."""
    # One division without a sign costs half of a remainder and a quotient with one.
    steps, each = np.uint64(t + 1), np.uint64(every)
    rows = steps // each
    return np.int64(rows) - 1 if rows * each == steps else -1


# Functions that keep a draw are not inlined: beside their loops the compiler made those of a sweep a quarter slower.
@njit(nogil=True, error_model="numpy")
def _keep(row, x, draws, sums):
    dim = x.size
    if draws.shape[0] > 0:
        for i in range(dim):
            draws[row, i] = x[i]
    if sums.size > 0:
        for i in range(dim):
            sums[i] += x[i]
            sums[dim + i] += x[i] * x[i]


@njit(nogil=True, error_model="numpy")
def _keep_units(row, x, offset, draws, sums):
    if draws.shape[0] > 0:
        for i in range(offset.size - 1):
            draws[row, i] = x[i]
    if sums.size > 0:
        for i in range(offset.size - 1):
            sums[offset[i] + x[i]] += 1.0


@njit(nogil=True, error_model="numpy", forceinline=True)
def record(t, every, x, draws, sums):
    """After step `t` (from 0): the row of `draws` that was written, -1 if this step ends no draw.

    `draws` has rows only when draws are kept, `sums` entries (first and second moments) only when running averages are.
    """
    row = row_of(t, every)
    if row < 0:
        return -1
    _keep(row, x, draws, sums)
    return row


@njit(nogil=True, error_model="numpy", forceinline=True)
def record_told(t, every, x, draws, sums, lp, told, stats):
    """`record`, with the log density and what else is told of a draw in its row of `stats`, if that has rows; whether this step ends a draw."""
    row = record(t, every, x, draws, sums)
    if row < 0:
        return False
    if stats.shape[0] > 0:
        stats[row, 0], stats[row, 1] = lp, told
    return True


@njit(nogil=True, error_model="numpy", forceinline=True)
def record_units(t, every, x, offset, draws, sums):
    """`record` for units with states 0, 1, ...: `sums` counts how often unit i was in state k, at ``offset[i] + k``."""
    row = row_of(t, every)
    if row < 0:
        return -1
    _keep_units(row, x, offset, draws, sums)
    return row


@njit(nogil=True, error_model="numpy")
def record_times(still, x, offset, spent, total, times):
    """Add to `times` (if it has entries) the shares of `total` that units `spent` in their states, and set these to zero; units that stand `still` count 1."""
    if times.size > 0:
        for k in range(times.size):
            times[k] += spent[k] / total
            spent[k] = 0.0
        for s in range(still.size):
            times[offset[still[s]] + x[still[s]]] += 1.0


@njit(nogil=True, error_model="numpy", forceinline=True)
def is_known(x, known):
    """Whether `known` (position, then what was evaluated there) belongs to `x`; NaN before anything was evaluated."""
    for i in range(x.size):  # noqa: SIM110 (numba)
        if known[i] != x[i]:
            return False
    return True


@njit(nogil=True, error_model="numpy", forceinline=True)
def know(x, known):
    """Say that the rest of `known` belongs to `x`."""
    for i in range(x.size):
        known[i] = x[i]


@njit(nogil=True, error_model="numpy", forceinline=True)
def go_back(phase, before, x, known, lp):
    """The phase, of which `x` is the position, and the log density as they were `before` a step that could not be ended: a step is all of its moves or none."""
    phase[:] = before
    known[x.size] = lp
    know(x, known)


@njit(nogil=True, error_model="numpy", forceinline=True)
def arrive(x, known, position, gradient, value):
    """Move `x` to a position whose gradient and log density are known."""
    dim = x.size
    own = known[dim : 2 * dim]  # an index that is a sum would keep the loop from being vectorised
    for i in range(dim):
        x[i], own[i] = position[i], gradient[i]
    known[2 * dim] = value[0]
    know(x, known)


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
