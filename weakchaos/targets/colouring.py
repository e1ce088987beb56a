"""Colours of units such that no two neighbours share one: units of one colour are independent of each other given all others.

A graph is bipartite, and two colours do, if and only if it has no odd cycle (König 1936); they are found by walking through it, breadth first. Any other graph is coloured
greedily in the order of its units, which takes at most one colour more than a unit has neighbours (Welsh and Powell, Computer J. 10 (1967) 85).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.native.compiled import kernel
from weakchaos.targets.couplings import pairs_by_unit

__all__ = ["colours_of", "neighbours_of"]


@kernel
def _two_colours(ptr, neighbour, colour):
    """Colours 0 and 1 in place; False if the graph has an odd cycle."""
    queue = np.empty(colour.size, np.int64)
    for root in range(colour.size):
        if colour[root] >= 0:
            continue
        colour[root], queue[0] = 0, root
        head, tail = 0, 1
        while head < tail:
            i = queue[head]
            head += 1
            for a in range(ptr[i], ptr[i + 1]):
                j = neighbour[a]
                if colour[j] < 0:
                    colour[j], queue[tail] = 1 - colour[i], j
                    tail += 1
                elif colour[j] == colour[i]:
                    return False
    return True


@kernel
def _greedy(ptr, neighbour, colour):
    """The lowest colour that no neighbour has, unit after unit."""
    last = np.full(colour.size + 1, -1)  # by which unit a colour was last found to be taken
    for i in range(colour.size):
        for a in range(ptr[i], ptr[i + 1]):
            if colour[neighbour[a]] >= 0:
                last[colour[neighbour[a]]] = i
        own = 0
        while last[own] == i:
            own += 1
        colour[i] = own


def neighbours_of(target: Any) -> tuple[np.ndarray, np.ndarray]:
    """The graph of a discrete target: pointers and neighbours by unit, a neighbour once for each table that it shares with the unit.

    Examples
    --------
    >>> import weakchaos as wc
    >>> [a.tolist() for a in neighbours_of(wc.Ising.lattice((3,), 0.2, periodic=False))]
    [[0, 1, 3, 4], [1, 2, 0, 1]]
    """
    edges = getattr(target, "edges", None)
    if edges is None:
        pairs = [(a, b) for scope in target.scopes for k, a in enumerate(scope) for b in scope[:k]]
        edges = np.array(pairs, np.int64).reshape(-1, 2)
    pointers, neighbour, _ = pairs_by_unit(target.dim, edges, np.zeros(len(edges)))
    return pointers, neighbour


def colours_of(pointers: np.ndarray, neighbour: np.ndarray) -> np.ndarray:
    """The colour of each unit, from 0: two colours for a bipartite graph, else those of the greedy rule.

    Examples
    --------
    >>> import weakchaos as wc
    >>> colours_of(*neighbours_of(wc.Ising.lattice((4,), 0.2))).tolist()
    [0, 1, 0, 1]
    >>> colours_of(*neighbours_of(wc.Ising.lattice((5,), 0.2))).tolist()  # an odd ring
    [0, 1, 0, 1, 2]
    """
    colour = np.full(len(pointers) - 1, -1, np.int64)
    if not _two_colours(pointers, neighbour, colour):
        colour[:] = -1
        _greedy(pointers, neighbour, colour)
    return colour
