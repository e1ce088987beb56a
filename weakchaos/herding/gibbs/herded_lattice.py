"""Herded Gibbs on graphs of 0/1 units with at most four neighbours each: lattices, rings, grids.

From the same state the orbit is that of the general kernel with one weight for each unit and each state of its Markov blanket. Units are bytes,
and the state of a blanket is a number of four bits that selects both the conditional probability and the weight.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from weakchaos.core.counters import STEPS
from weakchaos.herding.gibbs.weights import VISITED, begin
from weakchaos.native.compiled import kernel
from weakchaos.samplers.record import record_units

__all__ = ["Neighbourhoods", "herd_few_neighbours", "neighbourhoods"]


class Neighbourhoods(NamedTuple):
    """For each visit its neighbours, missing ones in front and equal to the number of units, and its row among the probabilities.

    ``up[row[v], state]`` is the conditional probability of 1 where the neighbours, the last of them in the lowest bit, make `state`.
    """

    neighbours: np.ndarray
    row: np.ndarray
    up: np.ndarray


@kernel
def _pairwise(model, neighbours, together):
    """Neighbours, and field and weights together, of every unit of a pairwise model; False where one has more than four."""
    units = model.field.size
    for visit in range(model.free.size):
        i, degree = model.free[visit], 0
        together[visit, 0] = model.field[i] + 0.0  # there is one zero
        for a in range(model.pair_ptr[i + 1] - 1, model.pair_ptr[i] - 1, -1):
            # A torus of side two joins its units twice.
            place = 3
            while place > 3 - degree and neighbours[visit, place] != model.pair_unit[a]:
                place -= 1
            if place == 3 - degree:
                if degree == 4:
                    return False
                neighbours[visit, place] = model.pair_unit[a]
                degree += 1
            together[visit, 1 + place] += model.pair_weight[a]
        for place in range(4 - degree):
            neighbours[visit, place] = units
    return True


@kernel
def _distinct(rows, words, table, first, number):
    """Number the distinct rows in the order of their first use, by a table of linear probing; how many there are."""
    found, mask = 0, np.uint64(table.size - 1)
    for r in range(rows.shape[0]):
        key = np.uint64(0)
        for k in range(rows.shape[1]):
            key = (key ^ np.uint64(words[r, k])) * np.uint64(0xBF58476D1CE4E5B9)
            key ^= key >> np.uint64(31)
        at = key & mask
        while table[at] >= 0:
            same = True
            for k in range(rows.shape[1]):
                same &= words[first[table[at]], k] == words[r, k]
            if same:
                break
            at = (at + np.uint64(1)) & mask
        if table[at] < 0:
            table[at], first[found] = found, r
            found += 1
        number[r] = table[at]
    return found


@kernel
def _probabilities(weights, field, up):
    for row in range(field.size):
        for state in range(16):
            z = field[row]
            for place in range(4):
                if state >> (3 - place) & 1:
                    z += weights[row, place]
            up[row, state] = 1.0 / (1.0 + math.exp(-z))


def neighbourhoods(model: Any) -> Neighbourhoods | None:
    """What `herd_few_neighbours` reads; None where a unit has more than four neighbours or more than two states.

    Examples
    --------
    >>> import weakchaos as wc
    >>> neighbourhoods(wc.Ising.lattice((3,), 0.2, periodic=False).model()).neighbours.tolist()
    [[3, 3, 3, 1], [3, 3, 0, 2], [3, 3, 3, 1]]
    """
    free, units = model.free, model.cardinality.size
    if (model.cardinality != 2).any() or not free.size:
        return None
    if (model.table_start[free] >= 0).all():
        degree = np.diff(model.blanket_ptr)[free]
        if degree.max() > 4:
            return None
        neighbours = np.full((free.size, 4), units, np.int32)
        for k in range(4):
            has = degree > k
            neighbours[has, 3 - k] = model.blanket[model.blanket_ptr[free[has] + 1] - 1 - k]
        first, row = np.unique(model.table_start[free], return_inverse=True)
        entries = np.minimum(first[:, None] + np.arange(16), model.cdf.size - 1)
        return Neighbourhoods(neighbours, row.astype(np.int32), 1.0 - model.cdf[entries])
    if not model.field.size:
        return None
    neighbours, together = np.empty((free.size, 4), np.int32), np.zeros((free.size, 5))
    if not _pairwise(model, neighbours, together):
        return None
    # In the order of first use, which memory is read in: sorted rows cost a cache miss a visit.
    row = np.empty(free.size, np.int32)
    first = np.empty(free.size, np.int64)
    first = first[
        : _distinct(together, together.view(np.int64), np.full(1 << (2 * free.size).bit_length(), -1, np.int32), first, row)
    ]
    up = np.empty((len(first), 16))
    _probabilities(np.ascontiguousarray(together[first, 1:]), together[first, 0], up)
    return Neighbourhoods(neighbours, row, up)


@kernel
def herd_few_neighbours(model, around, base, rule, values, symbols, counters, n, every, draws, sums):
    """`n` sweeps over the units in their order."""
    free, units, neighbours, row = model.free, model.cardinality.size, around.neighbours, around.row
    seed = np.uint64(symbols[units])
    x = np.zeros(units + 1, np.uint8)  # the last stands for neighbours that are missing
    for i in range(units):
        x[i] = symbols[i]
    p = np.empty(2)
    for t in range(n):
        for visit in range(free.size):
            i = free[visit]
            state = (
                (np.int64(x[neighbours[visit, 0]]) << 3)
                | (np.int64(x[neighbours[visit, 1]]) << 2)
                | (np.int64(x[neighbours[visit, 2]]) << 1)
                | np.int64(x[neighbours[visit, 3]])
            )
            up = around.up[row[visit], state]
            slot = base[i] + state
            value = values[slot]
            if math.isnan(value):
                counters[VISITED] += 1
                p[0], p[1] = 1.0 - up, up
                begin(values, slot, rule, p, 2, 1, seed, np.uint64(slot))
                value = values[slot]
            new = 1 if up >= 1.0 or (value > 0.0 and up > 0.0) else 0
            values[slot] = value + (up - new)
            x[i] = new
        counters[STEPS] += 1
        record_units(t, every, x, model.offset, draws, sums)
    for i in range(units):
        symbols[i] = x[i]
    return n
