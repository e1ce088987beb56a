"""Gibbs sweeps of pairwise models, one colour after the other, in blocks of units that are computed together.

Units of one colour have no couplings among them, so that the order among them does not matter and their log odds

    z_i = b_i + sum_j W_ij x_j

are sums over the same places of rows that lie side by side, of which the compiler makes vector code, as it does of their exponentials. Blocks are those of the
sliced format for sparse matrices (Monakov, Lokhmotov and Avetisyan, HiPEAC 2010, doi:10.1007/978-3-642-11515-8_10): units of a colour in the order of falling numbers of
neighbours, so that little room is lost where these numbers differ.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from weakchaos.core.counters import STEPS
from weakchaos.core.machine_memory import enough_memory
from weakchaos.native.compiled import draw_uniform, kernel
from weakchaos.native.vector_exp import LOG2E, exp2
from weakchaos.samplers.record import record_units
from weakchaos.targets.colouring import colours_of
from weakchaos.targets.couplings import pairs_by_unit

__all__ = ["MOST_STATES", "Blocks", "blocks_of", "sweep_binary", "sweep_potts"]

_WIDTH = 256
MOST_STATES = 64  # of a Potts model: a block has a number for each state of each of its units
_FARTHEST = 1020.0 / LOG2E  # log odds beyond which a probability has no float64


class Blocks(NamedTuple):
    """Units in the order of their visits, cut into blocks of one colour.

    Block b has the visits ``first[b]`` to ``first[b + 1]``; neighbour k of its visit number v is ``neighbour[entry[b] + k * size + v]``, with its coupling at the same place.
    """

    unit: np.ndarray
    first: np.ndarray
    entry: np.ndarray
    most: np.ndarray
    neighbour: np.ndarray
    weight: np.ndarray
    field: np.ndarray


@kernel
def _fill(ptr, other, weights, unit, first, entry, neighbour, weight):
    for b in range(first.size - 1):
        size = first[b + 1] - first[b]
        for v in range(size):
            i = unit[first[b] + v]
            for k in range(ptr[i + 1] - ptr[i]):
                neighbour[entry[b] + k * size + v] = other[ptr[i] + k]
                weight[entry[b] + k * size + v] = weights[ptr[i] + k]


def blocks_of(target: Any) -> Blocks:
    """The blocks of a pairwise model of 0/1 units, or of a Potts model, whose fields then have a row for each state."""
    ptr, other, weights = pairs_by_unit(target.dim, target.edges, target.weights)
    degree, colour = np.diff(ptr), colours_of(ptr, other)
    unit = np.lexsort((-degree, colour))
    colours = np.bincount(colour)
    ends = np.cumsum(colours)
    starts = [np.arange(end - n, end, _WIDTH) for n, end in zip(colours, ends, strict=True)]
    first = np.concatenate([*starts, [target.dim]]).astype(np.int64)
    most = degree[unit[first[:-1]]]
    entry = np.concatenate([[0], np.cumsum(most * np.diff(first))]).astype(np.int64)
    enough_memory(12 * int(entry[-1]), f"a table of the neighbours of {target.dim:,} units", "take a smaller model")
    # What is missing has coupling 0, to any unit.
    neighbour, weight = np.zeros(entry[-1], np.uint32), np.zeros(entry[-1])
    _fill(ptr, other, weights, unit, first, entry, neighbour, weight)
    return Blocks(unit.astype(np.uint32), first, entry, most, neighbour, weight, np.ascontiguousarray(target.fields[unit].T))


@kernel
def sweep_binary(blocks, stream, stream_state, x, offset, counters, n, every, draws, sums):
    """`n` sweeps in place over units 0 or 1."""
    unit, first, entry, most = blocks.unit, blocks.first, blocks.entry, blocks.most
    z, u = np.empty(_WIDTH), np.empty(_WIDTH)
    for t in range(n):
        for b in range(most.size):
            start, size, place = first[b], first[b + 1] - first[b], entry[b]
            own, field = unit[start : start + size], blocks.field[start : start + size]
            for v in range(size):
                z[v] = field[v]
            for _ in range(most[b]):
                # Slices and unsigned indices need no check of their sign, which would keep the loop from being vectorised.
                weight, neighbour = blocks.weight[place : place + size], blocks.neighbour[place : place + size]
                for v in range(size):
                    z[v] += weight[v] * x[neighbour[v]]
                place += size
            for v in range(size):
                u[v] = draw_uniform(stream, stream_state)
            for v in range(size):
                z[v] = 1.0 / (1.0 + exp2(LOG2E * min(z[v], _FARTHEST)))
            for v in range(size):
                x[own[v]] = 1 if u[v] >= z[v] else 0
        counters[STEPS] += 1
        record_units(t, every, x, offset, draws, sums)
    return n


@kernel
def sweep_potts(blocks, stream, stream_state, x, offset, counters, n, every, draws, sums):
    """`n` sweeps in place over units of as many states as `field` has rows."""
    unit, first, entry, most = blocks.unit, blocks.first, blocks.entry, blocks.most
    states = blocks.field.shape[0]
    z, top, u, new = np.empty(states * _WIDTH), np.empty(_WIDTH), np.empty(_WIDTH), np.empty(_WIDTH, np.int64)
    for t in range(n):
        for b in range(most.size):
            start, size, place = first[b], first[b + 1] - first[b], entry[b]
            own = unit[start : start + size]
            for k in range(states):
                field, level = blocks.field[k, start : start + size], z[k * _WIDTH : k * _WIDTH + size]
                for v in range(size):
                    level[v] = field[v]
            for _ in range(most[b]):
                weight, neighbour = blocks.weight[place : place + size], blocks.neighbour[place : place + size]
                for v in range(size):
                    z[np.uint64(x[neighbour[v]] * _WIDTH + v)] += weight[v]
                place += size
            for v in range(size):
                top[v] = z[v]
            for k in range(1, states):
                level = z[k * _WIDTH : k * _WIDTH + size]
                for v in range(size):
                    top[v] = max(top[v], level[v])
            # Running sums over the states; one whose probability is rounded to nothing has the width of the smallest number, which is lost in the sum.
            for v in range(size):
                z[v] = exp2(LOG2E * (z[v] - top[v]))
            for k in range(1, states):
                level, below = z[k * _WIDTH : k * _WIDTH + size], z[(k - 1) * _WIDTH : (k - 1) * _WIDTH + size]
                for v in range(size):
                    level[v] = below[v] + exp2(LOG2E * (level[v] - top[v]))
            for v in range(size):
                u[v] = draw_uniform(stream, stream_state)
            total = z[(states - 1) * _WIDTH : (states - 1) * _WIDTH + size]
            for v in range(size):
                u[v] *= total[v]
                new[v] = 0
            for k in range(states - 1):
                level = z[k * _WIDTH : k * _WIDTH + size]
                for v in range(size):
                    new[v] += u[v] >= level[v]
            for v in range(size):
                x[own[v]] = new[v]
        counters[STEPS] += 1
        record_units(t, every, x, offset, draws, sums)
    return n
