"""The hot loops of Gibbs sampling as a flow on densities: the flux, steps of Runge and Kutta's fourth order, held against two of half the length.

The equations stand in `weakchaos.samplers.gibbs_flow.density_flow`. A velocity ``v_i = a_i p(u_-i) / p(u)`` has no bound where the density falls to
nothing, so what is integrated is the flux ``w = p v``, along the same orbits in another time s:

    du_i/ds = a_i p(u_-i),      dt/ds = p(u).

The flux has no poles, and where the density is zero no time passes while the orbit crosses.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from weakchaos.core.counters import BAD_VALUES, EVALUATIONS, STEPS
from weakchaos.native.compiled import address_of, call_density, kernel, normal_from_uniform
from weakchaos.samplers.gibbs_flow.unlock import GOLDEN, came_back
from weakchaos.samplers.record import row_of

__all__ = ["LINE_END", "flux_of_flow", "follow_flow"]

_HIGHEST = 200.0  # nats by which a flux may exceed that at the beginning of its step; a step that meets as much is shortened anyway
_WALL = 1e-11
_DRAWN = 1e-9  # parts of the time between draws by which a draw may be early or late
_LONGEST = 0.2  # turns of the fastest coordinate in one step
_MOST_TRIES = 20_000  # steps tried for one draw, of some dozens at most where the line fits the density
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
def flux_of_flow(density, user_data, frame, speeds, nodes, u, x, value, logs, flux, counters):
    """Fill `flux` with the logarithms of the fluxes, `value` with that of the density on the circles, and `x` with the position; 0, or the status of
    a density that failed."""
    low, width, on_line = frame[0], frame[1], frame[2]
    dim, slopes = u.size, 0.0
    for i in range(dim):
        x[i], slope = _place(u[i], low[i], width[i], on_line[i] > 0.0)
        slopes += slope
    if _log_density(density, user_data, x, value, counters) != 0:
        return 1
    here = value[0] + slopes
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
        flux[i] = math.log(speeds[i] * total / nodes) + top + slopes - slope if total > 0.0 else -math.inf
    value[0] = here
    return 0


@njit(nogil=True, error_model="numpy")
def _motion(density, user_data, frame, speeds, nodes, unit, u, x, value, logs, v, counters):
    """Fill `v` with the flux at `u`, and with the rate of time behind it, in units of exp(`unit`); the status."""
    dim = u.size
    if flux_of_flow(density, user_data, frame, speeds, nodes, u, x, value, logs, v, counters) != 0:
        return 1
    v[dim] = math.exp(min(value[0] - unit, _HIGHEST))
    top = -math.inf
    for i in range(dim):
        top = max(top, v[i])
    for i in range(dim):
        # Circles of which no node has any density are alike: each coordinate moves at its own speed.
        v[i] = math.exp(min(v[i] - unit, _HIGHEST)) if top > -math.inf else speeds[i]
    return 0


@njit(nogil=True, error_model="numpy")
def _rk4(density, user_data, frame, speeds, nodes, unit, h, u, first, work, x, value, logs, end, counters):
    """One step of `h` from `u`, where the motion is `first`, into `end`; the status. The last entry of `u` and `end` is the time."""
    dim = u.size - 1
    stage, v = work[0], work[1]
    for i in range(dim + 1):
        v[i] = first[i]
        end[i] = u[i] + h / 6.0 * v[i]
    for part in range(3):
        for i in range(dim):
            stage[i] = u[i] + (h if part == 2 else 0.5 * h) * v[i]
        if _motion(density, user_data, frame, speeds, nodes, unit, stage[:dim], x, value, logs, v, counters) != 0:
            return 1
        for i in range(dim + 1):
            end[i] += h / (6.0 if part == 2 else 3.0) * v[i]
    return 0


@njit(nogil=True, error_model="numpy")
def _doubled(density, user_data, frame, speeds, nodes, unit, h, time, u, first, work, x, value, logs, end, counters):
    """Two steps of h / 2 into `end`, improved by one of h; the status, and the error of the two, in turns and in parts of `time`."""
    middle, there, once, dim = work[2], work[3], work[4], u.size - 1
    status = _rk4(density, user_data, frame, speeds, nodes, unit, h, u, first, work, x, value, logs, once, counters)
    status |= _rk4(density, user_data, frame, speeds, nodes, unit, 0.5 * h, u, first, work, x, value, logs, middle, counters)
    status |= _motion(density, user_data, frame, speeds, nodes, unit, middle[:dim], x, value, logs, there, counters)
    status |= _rk4(density, user_data, frame, speeds, nodes, unit, 0.5 * h, middle, there, work, x, value, logs, end, counters)
    error = 0.0
    for i in range(dim + 1):
        gap = (end[i] - once[i]) / 15.0
        error = max(error, abs(gap) / (time if i == dim else 1.0))
        end[i] += gap
    # A step that is improved may not turn time back.
    end[dim] = max(end[dim], u[dim])
    return status, error


@njit(nogil=True, error_model="numpy")
def _past(end, time):
    """How far a step has gone past the first wall or past the draw, in turns; negative before both, and within `_WALL` of 0 at one of them."""
    dim = end.size - 1
    over = (end[dim] - time) / time * (_WALL / _DRAWN)
    for i in range(dim):
        over = max(over, end[i] - 1.0)
    return over


@njit(nogil=True, error_model="numpy")
def _advance(
    density, user_data, frame, speeds, nodes, time, step_size, tolerance, phase, counters, u, end, first, work, x, value, logs
):
    """Move `phase` on by `time`; 0 if done, 1 where the density failed, 2 where the step had no end; and whether a coordinate passed the end of its circle."""
    dim = phase.size
    u[:dim], u[dim], h, tries, turned = phase, 0.0, _LONGEST, 0, False
    while u[dim] < time * (1.0 - _DRAWN):
        # The unit of the flux is the largest at the beginning of a step: the fastest coordinate makes one turn in a unit of s.
        if flux_of_flow(density, user_data, frame, speeds, nodes, u[:dim], x, value, logs, first, counters) != 0:
            return 1, turned
        unit = -math.inf
        for i in range(dim):
            unit = max(unit, first[i])
        if unit == -math.inf:
            unit = value[0] if value[0] > -math.inf else 0.0
        if _motion(density, user_data, frame, speeds, nodes, unit, u[:dim], x, value, logs, first, counters) != 0:
            return 1, turned
        # A little past the draw at most, so that few trials find it.
        h = min(h, _LONGEST, min(step_size, 1.05 * (time - u[dim])) / max(first[dim], 1e-300))
        while True:
            tries += 1
            if tries > _MOST_TRIES:
                return 2, turned
            status, error = _doubled(
                density, user_data, frame, speeds, nodes, unit, h, time, u, first, work, x, value, logs, end, counters
            )
            if status != 0:
                return 1, turned
            if error <= tolerance or h < 1e-15:
                break
            h *= max(0.05, 0.9 * (tolerance / error) ** 0.2)
        made = h
        h *= min(10.0, 0.9 * (tolerance / max(error, 1e-300)) ** 0.2)
        # The first coordinate to pass 1 must land on it, for the density may jump there, and so must time on the draw. False position.
        short, long, under, over = 0.0, made, _past(u, time), _past(end, time)
        for _ in range(60 if over > _WALL else 0):
            made = short + (long - short) * min(max(-under / (over - under), 1e-3), 0.999)
            if (
                _doubled(density, user_data, frame, speeds, nodes, unit, made, time, u, first, work, x, value, logs, end, counters)[
                    0
                ]
                != 0
            ):
                return 1, turned
            gap = _past(end, time)
            if abs(gap) <= _WALL:
                break
            if gap > 0.0:
                long, over, under = made, gap, 0.5 * under
            else:
                short, under, over = made, gap, 0.5 * over
        for i in range(dim):
            inside = end[i] < 1.0 - 2.0 * _WALL
            turned |= not inside
            u[i] = end[i] if inside else 0.0
        u[dim] = end[dim]
    phase[:] = u[:dim]
    return 0, turned


@kernel
def follow_flow(
    density, user_data, frame, speeds, nodes, time, step_size, tolerance, phase, counters, memory, n, every, draws, stats, sums
):
    """`n` steps of length `time` each, in place; the steps made, fewer where the density failed, and whether a step had no end."""
    dim = phase.size
    first, work, end, u = np.empty(dim + 1), np.empty((5, dim + 1)), np.empty(dim + 1), np.empty(dim + 1)
    x, value, logs = np.empty(dim), np.empty(1), np.empty(nodes)
    recording, averaging = draws.shape[0] > 0, sums.size > 0
    for t in range(n):
        status, turned = _advance(
            density, user_data, frame, speeds, nodes, time, step_size, tolerance, phase, counters, u, end, first, work, x, value, logs,
        )  # fmt: skip
        if status != 0:
            return t, status == 2
        if came_back(phase, turned, memory):
            status, turned = _advance(
                density, user_data, frame, speeds, nodes, GOLDEN * time, step_size, tolerance, phase, counters, u, end, first, work, x, value,
                logs,
            )  # fmt: skip
            if status != 0:
                return t, status == 2
            came_back(phase, False, memory)
        counters[STEPS] += 1
        row = row_of(t, every)
        if row >= 0:
            for i in range(dim):
                x[i], _ = _place(phase[i], frame[0, i], frame[1, i], frame[2, i] > 0.0)
            if recording:
                if _log_density(density, user_data, x, value, counters) != 0:
                    return t, False
                draws[row] = x
                stats[row, 0] = value[0]
            if averaging:
                for i in range(dim):
                    sums[i] += x[i]
                    sums[dim + i] += x[i] * x[i]
    return n, False
