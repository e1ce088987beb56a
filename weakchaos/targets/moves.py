"""Moves of a sampler, as the sets of units that may change together, and which listed states they connect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from weakchaos.core.arguments import is_integer
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["connect", "moves_of", "row_keys"]


def moves_of(target: Any, blocks: Any) -> list[frozenset[int]]:
    """The sets of units that a move may change together: the blocks, and single units that are in no block."""
    n, index = len(target.cardinalities), {str(k): i for i, k in enumerate(target.names)}
    out = []
    try:
        given = [[index.get(u, u) if isinstance(u, str) else u for u in block] for block in blocks or ()]
    except TypeError as error:
        raise ArgumentTypeError(f"`blocks` must be a sequence of sequences of units; got {shown(blocks)}") from error
    for block in given:
        for u in block:
            if not is_integer(u) or not 0 <= u < n:
                raise ArgumentError(f"`blocks` must hold names of units, or indices from 0 to {n - 1}; got {shown(u)}")
        out.append(frozenset(int(u) for u in block))
    covered = frozenset().union(*out)
    return out + [frozenset([u]) for u in range(n) if u not in covered]


def row_keys(columns: Iterable[np.ndarray], n: int) -> np.ndarray:
    """One number for each row; the numbers of two rows are equal if and only if the rows are equal."""
    keys, span = np.zeros(n, np.int64), 1
    for column in columns:
        size = int(column.max(initial=0)) + 1
        if span * size >= 1 << 62:
            keys = np.unique(keys, return_inverse=True)[1].reshape(n)
            span = n
        keys, span = keys * size + column, span * size
    return keys


def connect(units: Sequence[int], rows: np.ndarray, moves: Sequence[frozenset[int]]) -> tuple[np.ndarray, int]:
    """Components of listed states under moves projected on their units, numbered in the order of the rows."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    inside = frozenset(units)
    projected = sorted({tuple(sorted(move & inside)) for move in moves if move & inside})
    labels, n = np.arange(len(rows)), len(rows)
    for move in projected:
        if n < 2:
            break
        # States that agree outside of the move are all within one step of each other.
        same = row_keys((rows[:, a] for a, u in enumerate(units) if u not in move), len(rows))
        _, first, inverse = np.unique(same, return_index=True, return_inverse=True)
        edges = (labels, labels[first[inverse.reshape(-1)]])
        n, joined = connected_components(coo_array((np.ones(len(rows), bool), edges), shape=(n, n)), directed=False)
        labels = joined[labels].astype(np.int64)
    return labels, int(n)
