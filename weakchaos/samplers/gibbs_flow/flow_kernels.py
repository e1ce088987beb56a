"""The hot loops of Gibbs sampling as a flow on densities: the velocity, steps of Runge and Kutta's fourth order, held against two of half the length.

The equations stand in `weakchaos.samplers.gibbs_flow.density_flow`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from weakchaos.core.counters import BAD_VALUES, EVALUATIONS, STEPS
from weakchaos.native.compiled import address_of, call_density, kernel, normal_from_uniform
from weakchaos.samplers.record import row_of

__all__ = ["LINE_END", "follow_flow", "velocity_of_flow"]

_FASTEST = 1e200
_WALL = 1e-11
# A line ends where the distribution function of its reference is this far from 0 and 1: six standard deviations from the centre.
LINE_END = 1e-9


@njit(nogil=True, error_model="numpy")
def _place(u, low, width, on_line):
    """The coordinate at `u`, and the logarithm of its derivative by `u` up to a constant."""
    u = min(max(u, 0.0), 1.0)
    if on_line:
        z = normal_from_uniform(LINE_END + (1.0 - 2.0 * LINE_END) * u)
        return low + width * z, 0.5 * z * z
    return low + width * u, 0.0


@njit(nogil=True, error_model="numpy")
def _log_density(density, user_data, x, value, counters):
    """Log density at `x`, -inf where it is not a number; the status."""
    counters[EVALUATIONS] += 1
    status = call_density(density, np.uint64(x.size), address_of(x), np.uint64(0), address_of(value), user_data)
    if math.isnan(value[0]) or value[0] == math.inf:
        counters[BAD_VALUES] += 1
        value[0] = -math.inf
    return status


@kernel
def velocity_of_flow(density, user_data, frame, speeds, nodes, u, x, value, logs, v, counters):
    """Fill `v` with the velocity at `u`, and `x` with the position; 0, or the status of a density that failed."""
    low, width, on_line = frame[0], frame[1], frame[2]
    dim = u.size
    for i in range(dim):
        x[i], _ = _place(u[i], low[i], width[i], on_line[i] > 0.0)
    if _log_density(density, user_data, x, value, counters) != 0:
        return 1
    here = value[0]
    for i in range(dim):
        keep, slope = _place(u[i], low[i], width[i], on_line[i] > 0.0)
        top = -math.inf
        for k in range(nodes):
            x[i], jacobian = _place((k + 0.5) / nodes, low[i], width[i], on_line[i] > 0.0)
            if _log_density(density, user_data, x, value, counters) != 0:
                return 1
            logs[k] = value[0] + jacobian
            top = max(top, logs[k])
        x[i] = keep
        total = 0.0
        if top > -math.inf:
            for k in range(nodes):
                total += math.exp(logs[k] - top)
        # A state without density is crossed at once; so is a circle of nodes that all lack it.
        log_speed = math.log(total / nodes) + top - here - slope if total > 0.0 and here > -math.inf else math.inf
        v[i] = speeds[i] * math.exp(log_speed) if log_speed < 460.0 else _FASTEST
    value[0] = here
    return 0


@njit(nogil=True, error_model="numpy")
def _rk4(density, user_data, frame, speeds, nodes, h, u, first, work, x, value, logs, end, counters):
    """One step of `h` from `u`, where the velocity is `first`, into `end`; the status."""
    stage, v = work[0], work[1]
    for i in range(u.size):
        v[i] = first[i]
        end[i] = u[i] + h / 6.0 * v[i]
    for part in range(3):
        for i in range(u.size):
            stage[i] = u[i] + (h if part == 2 else 0.5 * h) * v[i]
        if velocity_of_flow(density, user_data, frame, speeds, nodes, stage, x, value, logs, v, counters) != 0:
            return 1
        for i in range(u.size):
            end[i] += h / (6.0 if part == 2 else 3.0) * v[i]
    return 0


@njit(nogil=True, error_model="numpy")
def _doubled(density, user_data, frame, speeds, nodes, h, u, first, work, x, value, logs, end, counters):
    """Two steps of h / 2 into `end`, improved by one of h; the status, and the error of the two, in turns."""
    middle, there, once = work[2], work[3], work[4]
    status = _rk4(density, user_data, frame, speeds, nodes, h, u, first, work, x, value, logs, once, counters)
    status |= _rk4(density, user_data, frame, speeds, nodes, 0.5 * h, u, first, work, x, value, logs, middle, counters)
    status |= velocity_of_flow(density, user_data, frame, speeds, nodes, middle, x, value, logs, there, counters)
    status |= _rk4(density, user_data, frame, speeds, nodes, 0.5 * h, middle, there, work, x, value, logs, end, counters)
    error = 0.0
    for i in range(u.size):
        gap = (end[i] - once[i]) / 15.0
        error = max(error, abs(gap))
        end[i] += gap
    return status, error


@kernel
def follow_flow(density, user_data, frame, speeds, nodes, time, step_size, tolerance, u, counters, n, every, draws, stats, sums):
    """`n` steps of length `time` each, in place; the steps made, fewer where the density failed."""
    dim = u.size
    first, work, end = np.empty(dim), np.empty((5, dim)), np.empty(dim)
    x, value, logs = np.empty(dim), np.empty(1), np.empty(nodes)
    recording, averaging = draws.shape[0] > 0, sums.size > 0
    for t in range(n):
        left, h = time, step_size
        while left > 1e-13 * time:
            if velocity_of_flow(density, user_data, frame, speeds, nodes, u, x, value, logs, first, counters) != 0:
                return t
            h = min(h, step_size)
            for i in range(dim):
                h = min(h, 0.2 / first[i])
            h = min(h, left)
            while True:
                status, error = _doubled(density, user_data, frame, speeds, nodes, h, u, first, work, x, value, logs, end, counters)
                if status != 0:
                    return t
                if error <= tolerance or h < 1e-250:
                    break
                h *= max(0.1, 0.9 * (tolerance / error) ** 0.2)
            made = h
            h *= min(4.0, 0.9 * (tolerance / max(error, 1e-300)) ** 0.2)
            # The first coordinate to pass 1 must land on it: its speed may jump there. False position, in the time of the step.
            short, long, under, over = 0.0, made, -1.0, -1.0
            for i in range(dim):
                under, over = max(under, u[i] - 1.0), max(over, end[i] - 1.0)
            for _ in range(60 if over > _WALL else 0):
                made = short + (long - short) * min(max(-under / (over - under), 0.02), 0.98)
                if _doubled(density, user_data, frame, speeds, nodes, made, u, first, work, x, value, logs, end, counters)[0] != 0:
                    return t
                gap = -1.0
                for i in range(dim):
                    gap = max(gap, end[i] - 1.0)
                if abs(gap) <= _WALL:
                    break
                if gap > 0.0:
                    long, over, under = made, gap, 0.5 * under
                else:
                    short, under, over = made, gap, 0.5 * over
            for i in range(dim):
                u[i] = end[i] if end[i] < 1.0 - 2.0 * _WALL else 0.0
            left -= made
        counters[STEPS] += 1
        row = row_of(t, every)
        if row >= 0:
            for i in range(dim):
                x[i], _ = _place(u[i], frame[0, i], frame[1, i], frame[2, i] > 0.0)
            if recording:
                if _log_density(density, user_data, x, value, counters) != 0:
                    return t
                draws[row] = x
                stats[row, 0] = value[0]
            if averaging:
                for i in range(dim):
                    sums[i] += x[i]
                    sums[dim + i] += x[i] * x[i]
    return n
