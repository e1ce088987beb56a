"""The step size of Hamiltonian samplers during warm-up, for kernels, and the schedule of the windows of their metric.

Step size, by stochastic approximation with averaging: Robbins and Monro, Ann. Math. Stat. 22 (1951) 400; Polyak and Juditsky, SIAM J. Control
Optim. 30 (1992) 838. After step t with acceptance statistic alpha, and x = log(step size),

    x <- x + t**-kappa (alpha - delta),    xbar <- xbar + 2/(t + 1) (x - xbar),    kappa = 0.6,

and what follows takes exp(xbar), in which step t weighs like t. Dual averaging as Hoffman and Gelman (2014) set it moves x by as much as
20 (alpha - delta) / sqrt(t): alpha falls ever faster as x grows, so steps that are noisy and accepted with probability delta on
average have an average step that is accepted more often, 0.85 to 0.93 where 0.8 is wanted. Here x has a standard deviation of a few
hundredths at the end, and the acceptance is what was asked for. The slope of alpha against x is near 0.4 at delta = 0.8, and the sum of
t**-0.6 over 50 steps is 12, so that a start which is wrong by any factor that `first_step` can leave is forgotten.

Windows: the metric is estimated anew in windows that follow each other, each 1.7 times as long as the one before, and in a buffer at the end the
step size settles to the last metric. Everything that moves is in float64 arrays of ``state.tuning``, so that warm-up split anywhere,
or killed and resumed, gives the same bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.arguments import positive, positive_vector, real_array, real_number
from weakchaos.core.errors import ArgumentError, shown

__all__ = [
    "LAST_BUFFER",
    "average_step",
    "begin_again",
    "check_settings",
    "follow",
    "inverse_masses",
    "look_again",
    "restart",
    "to_be_found",
    "window_ends",
]

LAST_BUFFER = 50
_FIRST_WINDOW, _GROWTH = 10, 1.7
_KAPPA = 0.6
_X, _T, _X_BAR, _SEARCH = range(4)


def window_ends(total: int) -> np.ndarray:
    """Steps of a warm-up of at most `total` steps at which windows end, int64; the first begins at 0.

    Warm-up of less than 20 steps has no window.

    Examples
    --------
    >>> window_ends(1000)
    array([ 10,  27,  55, 105, 188, 330, 950])
    """
    if total < 20:
        return np.empty(0, np.int64)
    last = total - min(LAST_BUFFER, total // 4)
    edges, length = [0.0], float(_FIRST_WINDOW)
    while edges[-1] < last:
        end = edges[-1] + length
        length *= _GROWTH
        # A window that leaves no room for the next, longer one takes all that is left.
        edges.append(end if end + length <= last else last)
    return np.array(edges[1:]).astype(np.int64)


def check_settings(sampler: Any) -> None:
    """Refuse `step_size` (None: to be tuned) or `target_accept` of a sampler that make no sense."""
    if sampler.step_size is not None:
        positive("step_size", sampler.step_size)
    if not 0.0 < real_number("target_accept", sampler.target_accept) < 1.0:
        raise ArgumentError(f"`target_accept` must be between 0 and 1, both excluded; got {sampler.target_accept!r}")


def inverse_masses(value: Any) -> tuple:
    """Inverse masses given by the user, a vector or a matrix, as tuples, which compare and hash where arrays do not."""
    if np.ndim(value) != 2:
        return positive_vector("inverse_mass", value)
    matrix = real_array("inverse_mass", value)
    if matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise ArgumentError(f"`inverse_mass` must be a vector or a square matrix of finite numbers; got {shown(value)}")
    return tuple(map(tuple, matrix.tolist()))


def begin_again(averaging, step_size, after=0.0):
    """The approximation begins anew from a step size, with the caution that it has after so many steps."""
    averaging[_X], averaging[_T], averaging[_X_BAR], averaging[_SEARCH] = math.log(step_size), after, math.log(step_size), 0.0


# For kernels; where a window closes it is called as plain Python, which is not to wait for a compiler.
restart = njit(nogil=True, error_model="numpy")(begin_again)


def look_again(averaging):
    """The next kernel is to look for a first step, from the present one."""
    averaging[_SEARCH] = 1.0


@njit(nogil=True, error_model="numpy")
def to_be_found(averaging, step_size):
    """Whether a first step is to be looked for."""
    return math.isnan(step_size[0]) or averaging[_SEARCH] != 0.0


@njit(nogil=True, error_model="numpy")
def follow(averaging, alpha, delta):
    """The step size after a step of acceptance statistic `alpha`, when `delta` is wanted."""
    averaging[_T] += 1.0
    t = averaging[_T]
    averaging[_X] += t**-_KAPPA * (alpha - delta)
    averaging[_X_BAR] += 2.0 / (t + 1.0) * (averaging[_X] - averaging[_X_BAR])
    return math.exp(averaging[_X])


def average_step(averaging):
    """The step size that sampling takes: exp(xbar)."""
    return math.exp(averaging[_X_BAR])
