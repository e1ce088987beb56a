"""Densities in every form a user may have them; at module level, so that worker processes find them."""

import math
import time

import numpy as np
from numba import njit

from weakchaos.targets.density import Density

MEAN = np.array([1.0, -2.0, 0.5])
SD = np.array([1.0, 2.0, 0.5])


def value(x, mean, sd):
    total = 0.0
    for i in range(x.size):
        z = (x[i] - mean[i]) / sd[i]
        total -= 0.5 * z * z
    return total


def gradient(x, mean, sd):
    out = np.empty(x.size)
    for i in range(x.size):
        out[i] = (mean[i] - x[i]) / sd[i] ** 2
    return out


def gradient_in_place(x, out, mean, sd):
    for i in range(x.size):
        out[i] = (mean[i] - x[i]) / sd[i] ** 2


def both_in_place(x, out, mean, sd):
    total = 0.0
    for i in range(x.size):
        out[i] = (mean[i] - x[i]) / sd[i] ** 2
        total -= 0.5 * (x[i] - mean[i]) ** 2 / sd[i] ** 2
    return total


def both(x, mean, sd):
    out = np.empty(x.size)
    total = 0.0
    for i in range(x.size):
        out[i] = (mean[i] - x[i]) / sd[i] ** 2
        total -= 0.5 * (x[i] - mean[i]) ** 2 / sd[i] ** 2
    return total, out


numba_value, numba_gradient, numba_gradient_in_place, numba_both, numba_both_in_place = (
    njit(f) for f in (value, gradient, gradient_in_place, both, both_in_place)
)


def numba_gaussian(**options):
    """The Gaussian of the moments above, compiled."""
    return Density(numba_value, 3, numba_gradient_in_place, data=(MEAN, SD), means=MEAN, sds=SD, **options)


def python_gaussian(**options):
    return Density(value, 3, gradient, data=(MEAN, SD), means=MEAN, sds=SD, **options)


class OwnError(Exception):
    """An exception of a user."""


class Unportable(Exception):
    """An exception that cannot be pickled and read back."""

    def __init__(self, first, second):
        super().__init__(f"{first}, {second}")


def fails_beyond(x, limit):
    if x[0] > limit:
        raise ValueError("too far out")
    return -0.5 * x[0] * x[0]


numba_fails_beyond = njit(fails_beyond)


def fails_own_way(x, limit):
    if x[0] > limit:
        raise OwnError("too far out")
    return -0.5 * float(x[0]) ** 2


def fails_unportably(x, limit):
    if x[0] > limit:
        raise Unportable("too", "far")
    return -0.5 * float(x[0]) ** 2


def interrupts_beyond(x, limit):
    if x[0] > limit:
        raise KeyboardInterrupt
    return -0.5 * float(x[0]) ** 2


def slow(x, seconds):
    time.sleep(seconds)
    return -0.5 * float(x @ x)


@njit
def half_line(x):
    return -x[0] if x[0] > 0.0 else -math.inf


@njit
def undefined_below_zero(x):
    return -x[0] if x[0] > 0.0 else math.nan
