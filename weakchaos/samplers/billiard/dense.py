"""The event loop of the chaotic Boltzmann machine for units of two states that are all coupled to each other: a scan at each event.

The motion is that of `weakchaos.samplers.billiard.sparse`. For each unit the loop stores the time until its next flip. This time is short for
improbable states and then has full relative precision, so the clock need not be reset.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from weakchaos.core.counters import STEPS
from weakchaos.native.compiled import kernel
from weakchaos.samplers.billiard.sparse import FLIPS
from weakchaos.samplers.record import record_times, record_units

__all__ = ["Scan", "run_dense"]


class Scan(NamedTuple):
    """A pairwise model of units of two states that all touch each other; ``up = exp(coupling)``, ``down = exp(-coupling)``."""

    field: np.ndarray
    coupling: np.ndarray
    up: np.ndarray
    down: np.ndarray
    pace: np.ndarray
    offset: np.ndarray


@kernel
def run_dense(scan, length, stretches, x, y, vectors, words, joint, counters, n, every, draws, stats, counts, times):
    """The same by a scan of all units at each event, in which odds are multiplied by `up` or `down`.

    ``odds[j]`` is P(other state) / P(state) of unit j, so its speed is ``(1 + odds[j]) / pace[j]``.
    """
    pace, offset = scan.pace, scan.offset
    m, columns, timed, joined = x.size, vectors.shape[1], times.size > 0, joint.size > 0
    odds, speed, wait, state = np.empty(m), np.empty(m), np.empty(m), np.empty(m)
    spent, since, shift, still = np.zeros(times.size), np.zeros(m), np.empty(columns), np.empty(0, np.int64)
    previous = np.empty(m if columns > 0 else 0)
    quarter = m // 4 * 4
    flips, code = 0, 0
    for a in range(m):
        code += words[a] * x[a]
    for step in range(n):
        for _ in range(stretches):
            for a in range(m):
                z = scan.field[a]
                for b in range(m):
                    z += scan.coupling[a, b] * x[b]
                state[a] = x[a]
                odds[a] = math.exp(-z if x[a] == 1 else z)
                speed[a] = (1.0 + odds[a]) / pace[a]
                wait[a] = max(1.0 - y[a], 0.0) / speed[a]
            now, before, remaining = 0.0, 0.0, length
            while True:
                first, second, third, fourth = math.inf, math.inf, math.inf, math.inf
                for a in range(0, quarter, 4):
                    first, second = min(first, wait[a]), min(second, wait[a + 1])
                    third, fourth = min(third, wait[a + 2]), min(fourth, wait[a + 3])
                for a in range(quarter, m):
                    first = min(first, wait[a])
                t = min(min(first, second), min(third, fourth))
                if not t < remaining:
                    break
                a = 0
                while wait[a] != t:
                    a += 1
                new = 1 - x[a]
                now += t
                remaining -= t
                if timed:
                    spent[offset[a] + x[a]] += now - since[a]
                    since[a] = now
                if joined:
                    joint[code] += now - before
                    before = now
                    code += words[a] * (2 * new - 1)
                x[a] = new
                flips += 1
                for c in range(columns):
                    shift[c] = vectors[a, c] / speed[a]
                if columns > 0:
                    previous[:] = speed
                own, risen = odds[a], float(new)
                _touch_all(scan.up[a], scan.down[a], risen, t, state, odds, speed, wait, pace)
                odds[a] = 1.0 / own
                state[a] = risen
                speed[a] = (1.0 + odds[a]) / pace[a]
                wait[a] = 1.0 / speed[a]
                if columns > 0:
                    for c in range(columns):
                        vectors[a, c] = 0.0
                    previous[a] = 0.0
                    for b in range(m):
                        for c in range(columns):
                            vectors[b, c] += (speed[b] - previous[b]) * shift[c]
            if joined:
                joint[code] += length - before
            for a in range(m):
                y[a] = min(1.0 - (wait[a] - remaining) * speed[a], 1.0)
                if timed:
                    spent[offset[a] + x[a]] += length - since[a]
                    since[a] = 0.0
        counters[STEPS] += 1
        row = record_units(step, every, x, offset, draws, counts)
        if row >= 0:
            record_times(still, x, offset, spent, every * stretches * length, times)
            if stats.shape[0] > 0:
                stats[row, 0] = flips
            counters[FLIPS] += flips
            flips = 0
    return n


@njit(nogil=True, error_model="numpy")
def _touch_all(up, down, risen, t, state, odds, speed, wait, pace):
    """Set what all units have left to wait after a flip; no branches, so that it is vectorised."""
    for b in range(odds.size):
        # The log odds of state 1 grow by W when a unit rises: good for units in state 1, bad for those in state 0.
        factor = down[b] if state[b] == risen else up[b]
        chance = odds[b] * factor
        fast = (1.0 + chance) / pace[b]
        wait[b] = (wait[b] - t) * (speed[b] / fast)
        odds[b], speed[b] = chance, fast
