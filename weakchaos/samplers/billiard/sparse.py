"""The event loop of the chaotic Boltzmann machine for sparse models: a queue of wall hits.

Units move with progress y in [0, 1] through their present state at speed ``v = rate / P(state | others)``. When the conditional
probability of a unit changes, its remaining progress stays the same and its wall time is computed anew. Every stretch starts its clock at zero
from the y alone, so rounding errors do not add up over a run, and a run in parts gives the same orbit as the whole run.

The time in an improbable state may be as short as 1e-300, and the order in which such units reach their walls determines the next states; on a
clock of order one their wall times would be equal after rounding. So the clock is reset to zero whenever an event leaves a unit whose remaining
time is less than 1e-8.

Linearised map: because of a perturbation of y_i, unit i hits its wall earlier by ``dy_i / v_i``, and for this time every other unit moves at its
new speed instead of the old one: ``dy_j += (v_j' - v_j) dy_i / v_i`` and ``dy_i <- dy_i v_i' / v_i`` at each event; between events nothing changes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from weakchaos.core.counters import STEPS
from weakchaos.native.compiled import kernel
from weakchaos.samplers.event_queue import new_queue, play_all, set_clock
from weakchaos.samplers.record import record_times, record_units
from weakchaos.targets.discrete_target import factor_conditional

__all__ = ["FACTORS", "FIELDS", "FLIPS", "TABLES", "Wiring", "run_sparse", "tabulate"]

TABLES, FIELDS, FACTORS = range(3)
FLIPS = 5  # place among the counters: flips of a unit
_SHORT = 1e-8
_LEAST = 1e-300


class Wiring(NamedTuple):
    """The moving units (numbered 0 .. m - 1 among themselves) and what each flip changes.

    The conditional probabilities of unit a are at ``table[place + k]``, ``place = start[a] + sum_b stride[b] x[blanket[b]]`` (`TABLES`), follow from its
    field (`FIELDS`, units of two states), or from the factors of the model (`FACTORS`). A flip of a touches the units ``touched[e]``,
    ``touch_ptr[a] <= e < touch_ptr[a + 1]``, through ``touch_stride[e]`` or ``touch_weight[e]``.
    """

    kind: int
    unit: np.ndarray
    still: np.ndarray
    states: np.ndarray
    pace: np.ndarray
    start: np.ndarray
    blanket_ptr: np.ndarray
    blanket: np.ndarray
    stride: np.ndarray
    table: np.ndarray
    touch_ptr: np.ndarray
    touched: np.ndarray
    touch_stride: np.ndarray
    touch_weight: np.ndarray


@kernel
def tabulate(model, units, starts, table):
    """Fill the conditional distribution of each of `units` over all states of its blanket, all K numbers of it to full precision."""
    x = np.zeros(model.cardinality.size, np.int64)
    p = np.empty(model.cardinality.max())
    for c in range(units.size):
        i, place = units[c], starts[c]
        first, stop = model.blanket_ptr[i], model.blanket_ptr[i + 1]
        combinations = 1
        for b in range(first, stop):
            combinations *= model.cardinality[model.blanket[b]]
        for combination in range(combinations):
            rest = combination
            for b in range(stop - 1, first - 1, -1):
                x[model.blanket[b]] = rest % model.cardinality[model.blanket[b]]
                rest //= model.cardinality[model.blanket[b]]
            possible = factor_conditional(
                i, x, model.cardinality, model.factor_ptr, model.factor, model.own_stride, model.scope_ptr, model.scope,
                model.scope_stride, model.table_ptr, model.log_table, p,
            )  # fmt: skip
            for k in range(model.cardinality[i]):
                # A state of the others that cannot occur has no conditional; any does, since no run that starts feasible reads it.
                table[place] = p[k] if possible else 1.0 / model.cardinality[i]
                place += 1


@njit(nogil=True, error_model="numpy")
def _chance(z, state):
    """P(state) of a unit of two states at log odds `z`."""
    return 1.0 / (1.0 + math.exp(min(-z if state == 1 else z, 700.0)))


@njit(nogil=True, error_model="numpy")
def _conditional(model, i, x, p):
    return factor_conditional(
        i, x, model.cardinality, model.factor_ptr, model.factor, model.own_stride, model.scope_ptr, model.scope,
        model.scope_stride, model.table_ptr, model.log_table, p,
    )  # fmt: skip


@kernel
def run_sparse(wiring, model, length, stretches, x, y, vectors, words, joint, counters, n, every, draws, stats, counts, times):
    """`n` steps of `stretches` stretches of time `length`; each event sets the clocks of the units it touches in a queue.

    With `vectors` of shape (m, k) the linearised map is carried along; with `joint`, the time spent at each code ``sum words x`` is added up; with
    `times`, the share of time each unit spent in each state, and with `counts`, the states at the ends of draws.
    """
    unit, states, pace = wiring.unit, wiring.states, wiring.pace
    touch_ptr, touched, touch_stride, touch_weight = wiring.touch_ptr, wiring.touched, wiring.touch_stride, wiring.touch_weight
    table, kind, offset = wiring.table, wiring.kind, model.offset
    m, columns, timed, joined = unit.size, vectors.shape[1], times.size > 0, joint.size > 0
    leaves, key, winner = new_queue(m)
    place, z, p, buffer = np.zeros(m, np.int64), np.zeros(m), np.zeros(m), np.empty(model.cardinality.max())
    spent, since, seen, shift = np.zeros(times.size), np.zeros(m), np.zeros(m), np.empty(columns)
    flips, code = 0, 0
    for a in range(m):
        code += words[a] * x[unit[a]]
    for step in range(n):
        for _ in range(stretches):
            for a in range(m):
                i = unit[a]
                if kind == 0:
                    place[a] = wiring.start[a]
                    for b in range(wiring.blanket_ptr[a], wiring.blanket_ptr[a + 1]):
                        place[a] += wiring.stride[b] * x[wiring.blanket[b]]
                    p[a] = table[place[a] + x[i]]
                elif kind == 1:
                    z[a] = model.field[a]
                    for e in range(touch_ptr[a], touch_ptr[a + 1]):
                        z[a] += touch_weight[e] * x[touched[e]]
                    p[a] = _chance(z[a], x[i])
                else:
                    if not _conditional(model, i, x, buffer):
                        return step
                    p[a] = buffer[x[i]]
            remaining, going = length, True
            while going:
                # The clock starts at zero, where times as short as improbable states last are resolved.
                for a in range(m):
                    key[leaves + a] = max(1.0 - y[a], 0.0) * p[a] * pace[a]
                    seen[a] = 0.0
                play_all(key, winner, leaves)
                before, end, going = 0.0, remaining, False
                while key[1] < remaining:
                    t, a = key[1], winner[1]
                    i = unit[a]
                    old = x[i]
                    new, chance = old, 0.0
                    if kind == 2:
                        _conditional(model, i, x, buffer)
                    while chance == 0.0:  # impossible states take no time
                        new = new + 1 if new + 1 < states[a] else 0
                        if kind == 0:
                            chance = table[place[a] + new]
                        elif kind == 1:
                            chance = _chance(z[a], new)
                        else:
                            chance = buffer[new]
                    if timed:
                        spent[offset[i] + old] += t - since[a]
                        since[a] = t
                    for c in range(columns):
                        shift[c] = vectors[a, c] * p[a] * pace[a]
                        vectors[a, c] = shift[c] / (chance * pace[a])
                    p[a], y[a], seen[a] = chance, 0.0, t
                    soonest = chance * pace[a]
                    set_clock(key, winner, leaves, a, t + soonest)
                    change = new - old
                    if change == 0:
                        continue
                    x[i] = new
                    flips += 1
                    if joined:
                        joint[code] += t - before
                        before = t
                        code += words[a] * change
                    for e in range(touch_ptr[a], touch_ptr[a + 1]):
                        j = touched[e]
                        if kind == 0:
                            place[j] += touch_stride[e] * change
                            chance = table[place[j] + x[unit[j]]]
                        elif kind == 1:
                            z[j] += touch_weight[e] * change
                            chance = _chance(z[j], x[j])
                        else:
                            _conditional(model, unit[j], x, buffer)
                            chance = buffer[x[unit[j]]]
                        was = max(p[j], _LEAST)
                        if chance == was:
                            continue
                        for c in range(columns):
                            vectors[j, c] += (1.0 / max(chance, _LEAST) - 1.0 / was) / pace[j] * shift[c]
                        y[j] += (t - seen[j]) / (was * pace[j])
                        p[j], seen[j] = chance, t
                        wait = max(1.0 - y[j], 0.0) * chance * pace[j]
                        soonest = min(soonest, wait)
                        set_clock(key, winner, leaves, j, t + wait)
                    if soonest < _SHORT and t > 0.0:
                        end, going = t, True
                        break
                if joined:
                    joint[code] += end - before
                for a in range(m):
                    y[a] = min(y[a] + (end - seen[a]) / (max(p[a], _LEAST) * pace[a]), 1.0)
                    if timed:
                        spent[offset[unit[a]] + x[unit[a]]] += end - since[a]
                        since[a] = 0.0
                remaining -= end
        counters[STEPS] += 1
        row = record_units(step, every, x, offset, draws, counts)
        if row >= 0:
            record_times(wiring.still, x, offset, spent, every * stretches * length, times)
            if stats.shape[0] > 0:
                stats[row, 0] = flips
            counters[FLIPS] += flips
            flips = 0
    return n
