"""What warm-up tunes in samplers with a step size and a diagonal metric, step by step, for kernels.

Step size, by dual averaging: Hoffman and Gelman, JMLR 15 (2014) 1593, arXiv:1111.4246, section 3.2 and algorithm 4 (first step). After step
t with acceptance statistic alpha, and x = log(step size),

    Hbar <- (1 - 1/(t + t0)) Hbar + (delta - alpha)/(t + t0),    x <- mu - sqrt(t)/gamma Hbar,    xbar <- t**-kappa x + (1 - t**-kappa) xbar

with gamma = 0.05, t0 = 10, kappa = 0.75 and mu = log(10 times the first step); sampling takes exp(xbar).

Metric: the inverse masses are the variances of the draws in windows, each twice as long as the one before, between a fast buffer in which the chain
finds the bulk of the target and another in which the step size settles to the last metric (Stan reference manual, "Automatic
parameter tuning": 75, 25 and 50 steps); variances by Welford's recursion, Technometrics 4 (1962) 419.

Everything that moves is in float64 arrays of ``state.tuning``, so that warm-up split anywhere, or killed and resumed, gives the same bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.arguments import positive, positive_vector, real_number
from weakchaos.core.errors import ArgumentError
from weakchaos.native.compiled import draw_uniform, normal_from_uniform
from weakchaos.samplers.integrators import DONE, FAILED, kinetic_energy, leapfrog

__all__ = [
    "FAST_BUFFER",
    "add_to_window",
    "average_step",
    "check_tuned",
    "close_window",
    "ends_window",
    "first_step",
    "new_tuning",
    "restart",
    "update_step",
    "windows",
]

FAST_BUFFER, _FIRST_WINDOW, _LAST_BUFFER = 75, 25, 50
_GAMMA, _T0, _KAPPA = 0.05, 10.0, 0.75
_MU, _T, _H_BAR, _X_BAR = range(4)
# An improper density accepts any step; beyond these the search ends.
_MOST_DOUBLINGS = 60


def windows(total: int) -> np.ndarray:
    """Steps of a warm-up of `total` steps at which windows begin or end: int64, (begin of the first, its end, end of the second, ...).

    Warm-up of less than 20 steps has no window, and one of less than 150 steps a single one, in its middle three quarters.

    Examples
    --------
    >>> windows(1000)
    array([ 75, 100, 150, 250, 450, 950])
    """
    if total < 20:
        return np.empty(0, np.int64)
    first, length, last = FAST_BUFFER, _FIRST_WINDOW, total - _LAST_BUFFER
    if total < FAST_BUFFER + _FIRST_WINDOW + _LAST_BUFFER:
        first, last = int(0.15 * total), total - int(0.1 * total)
        return np.array([first, last], np.int64)
    edges = [first]
    while edges[-1] < last:
        end = edges[-1] + length
        length *= 2
        # A window that leaves no room for the next, longer one takes all that is left.
        edges.append(end if end + length <= last else last)
    return np.array(edges, np.int64)


def new_tuning(dim: int, step_size: float | None, inverse_mass: Any) -> dict[str, np.ndarray]:
    """The arrays of ``state.tuning`` before warm-up; a step size that is to be found is NaN until then.

    Returns
    -------
    dict
        ``step_size`` (shape ()), ``inverse_mass`` (dim,), ``dual_averaging`` (mu, t, Hbar, xbar) and ``window`` (number, means, sums of
        squared deviations; 2 dim + 1).
    """
    mass = np.ones(dim) if inverse_mass is None else np.array(inverse_mass, np.float64)
    if mass.shape != (dim,):
        raise ArgumentError(f"`inverse_mass` must have shape ({dim},); got {mass.shape}")
    return {
        "step_size": np.array(np.nan if step_size is None else float(step_size)),
        "inverse_mass": mass,
        "dual_averaging": np.zeros(4),
        "window": np.zeros(2 * dim + 1),
    }


def check_tuned(sampler: Any) -> None:
    """Refuse `step_size`, `inverse_mass` (None: to be tuned) or `target_accept` of a frozen sampler that make no sense."""
    if sampler.step_size is not None:
        positive("step_size", sampler.step_size)
    if sampler.inverse_mass is not None:
        object.__setattr__(sampler, "inverse_mass", positive_vector("inverse_mass", sampler.inverse_mass))
    if not 0.0 < real_number("target_accept", sampler.target_accept) < 1.0:
        raise ArgumentError(f"`target_accept` must be between 0 and 1, both excluded; got {sampler.target_accept!r}")


@njit(nogil=True, error_model="numpy")
def restart(dual_averaging, step_size):
    """Dual averaging begins anew from a step size."""
    dual_averaging[_MU], dual_averaging[_T] = math.log(10.0 * step_size), 0.0
    dual_averaging[_H_BAR], dual_averaging[_X_BAR] = 0.0, math.log(step_size)


@njit(nogil=True, error_model="numpy")
def update_step(dual_averaging, alpha, delta):
    """The step size after a step of acceptance statistic `alpha`, when `delta` is wanted."""
    dual_averaging[_T] += 1.0
    t = dual_averaging[_T]
    weight = 1.0 / (t + _T0)
    dual_averaging[_H_BAR] = (1.0 - weight) * dual_averaging[_H_BAR] + weight * (delta - alpha)
    x = dual_averaging[_MU] - math.sqrt(t) / _GAMMA * dual_averaging[_H_BAR]
    eta = t**-_KAPPA
    dual_averaging[_X_BAR] = eta * x + (1.0 - eta) * dual_averaging[_X_BAR]
    return math.exp(x)


@njit(nogil=True, error_model="numpy")
def average_step(dual_averaging):
    """The step size that sampling takes: exp(xbar)."""
    return math.exp(dual_averaging[_X_BAR])


@njit(nogil=True, error_model="numpy")
def add_to_window(window, x):
    """Welford's recursion for means and sums of squared deviations."""
    dim = x.size
    window[0] += 1.0
    for i in range(dim):
        delta = x[i] - window[1 + i]
        window[1 + i] += delta / window[0]
        window[1 + dim + i] += delta * (x[i] - window[1 + i])


@njit(nogil=True, error_model="numpy")
def close_window(window, inverse_mass):
    """The inverse masses become the variances v of the window, whose n draws are forgotten; False where a variance is not positive, and
    nothing changes then.

    log v is shrunk towards its mean over coordinates by 5/(n + 5), against the noise of short windows. Stan shrinks v towards 1e-3 with
    the same weight, which rules where a coordinate's unit makes its variance small; this has no unit.
    """
    dim, n = inverse_mass.size, window[0]
    fit, mean = n > 2.0, 0.0
    for i in range(dim):
        v = window[1 + dim + i]
        if not (v > 1e-300 and v < 1e300):
            fit = False
        elif fit:
            mean += math.log(v / (n - 1.0)) / dim
    if fit:
        for i in range(dim):
            inverse_mass[i] = math.exp((n * math.log(window[1 + dim + i] / (n - 1.0)) + 5.0 * mean) / (n + 5.0))
    window[:] = 0.0
    return fit


@njit(nogil=True, error_model="numpy")
def ends_window(edges, now):
    """Whether one of the windows of `windows` ends after step `now` (from 1)."""
    for k in range(1, edges.size):  # noqa: SIM110 (numba)
        if edges[k] == now:
            return True
    return False


@njit(nogil=True, error_model="numpy")
def first_step(
    density, user_data, stream, stream_state, step_size, tunes, inverse_mass, x, known, counters, position, momentum, gradient, value
):  # fmt: skip
    """The step size, `step_size` times a power of two, at which the acceptance of one leapfrog step crosses 1/2; NaN where the user's
    function failed. Takes dim numbers from the stream; `known` belongs to `x`, and `position` to `value` are room to work in.

    Where nothing `tunes` it any further, half of the longest step that was accepted: the longest itself may be unstable over a trajectory.
    """
    dim, direction = x.size, 0.0
    start = np.empty(dim)
    for i in range(dim):
        start[i] = normal_from_uniform(draw_uniform(stream, stream_state)) / math.sqrt(inverse_mass[i])
    energy = kinetic_energy(inverse_mass, start) - known[2 * dim]
    for _ in range(_MOST_DOUBLINGS):
        for i in range(dim):
            position[i], gradient[i], momentum[i] = x[i], known[dim + i], start[i]
        status = leapfrog(density, user_data, step_size, 1, inverse_mass, position, momentum, gradient, value, counters)
        if status == FAILED:
            return math.nan
        error = math.inf
        if status == DONE:
            error = kinetic_energy(inverse_mass, momentum) - value[0] - energy
        towards = 1.0 if error < math.log(2.0) else -1.0  # a NaN is a step too long
        if direction == 0.0:
            direction = towards
        if towards != direction:
            if not tunes:
                # On the way up the step before was the last that was accepted.
                step_size *= 0.25 if direction > 0.0 else 0.5
            break
        step_size *= 2.0**direction
    return step_size
