"""What every kernel of a continuous sampler does after a step: keep the draw, add to the running sums."""

from __future__ import annotations

from numba import njit

__all__ = ["is_known", "know", "record"]


@njit(nogil=True)
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


@njit(nogil=True)
def is_known(x, known):
    """Whether `known` (position, then what was evaluated there) belongs to `x`; NaN before anything was evaluated."""
    for i in range(x.size):  # noqa: SIM110 (numba)
        if known[i] != x[i]:
            return False
    return True


@njit(nogil=True)
def know(x, known):
    """Say that the rest of `known` belongs to `x`."""
    for i in range(x.size):
        known[i] = x[i]
