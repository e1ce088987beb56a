"""Couplings of pairs of units: symmetric matrices as lists of edges, and the neighbours of a lattice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from weakchaos.core.arguments import one_for_each, real_array, whole_numbers
from weakchaos.core.errors import ArgumentError
from weakchaos.native.compiled import kernel

__all__ = ["checked_fields", "checked_shape", "lattice_edges", "pairs_by_unit", "symmetric_edges"]

_LARGEST_LATTICE = 1 << 26


def symmetric_edges(couplings: Any, what: str = "couplings") -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Size, and (i, j, weight) with i < j of every non-zero coupling of a symmetric matrix, dense or scipy.sparse."""
    if hasattr(couplings, "tocoo"):
        matrix = couplings.tocoo()
        shape, row, column, value = matrix.shape, matrix.row, matrix.col, np.asarray(matrix.data, np.float64)
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ArgumentError(f"`{what}` must be a square matrix; got shape {shape}")
        if (abs(matrix - matrix.T) > 1e-12 * np.abs(value).max(initial=0.0)).nnz:
            raise ArgumentError(f"`{what}` must be symmetric; pass (A + A.T) / 2")
    else:
        array = real_array(what, couplings, "a square matrix")
        shape = array.shape
        if array.ndim != 2 or shape[0] != shape[1] or shape[0] == 0:
            raise ArgumentError(f"`{what}` must be a square matrix; got shape {shape}")
        finite = np.isfinite(array).all()
        gap = np.abs(array - array.T) if finite else np.zeros(shape)
        if gap.max() > 1e-12 * np.abs(array).max():
            i, j = np.unravel_index(int(gap.argmax()), shape)
            raise ArgumentError(
                f"`{what}` must be symmetric; entries ({i}, {j}) and ({j}, {i}) are {array[i, j]} and {array[j, i]}: pass (A + A.T) / 2"
            )
        row, column = np.nonzero(array)
        value = array[row, column]
    if not np.isfinite(value).all():
        raise ArgumentError(f"`{what}` must be finite; entry {tuple(int(v[~np.isfinite(value)][0]) for v in (row, column))} is not")
    if (value[row == column] != 0).any():
        raise ArgumentError(f"`{what}` must have a zero diagonal; put the self-couplings of 0/1 units into `fields`")
    upper = (row < column) & (value != 0)
    return shape[0], row[upper].astype(np.int64), column[upper].astype(np.int64), value[upper]


def checked_fields(name: str, value: Any, n: int) -> np.ndarray:
    """One finite number for each unit; a single number is used for all units, and None stands for zero."""
    array = np.zeros(n) if value is None else real_array(name, value, f"a number or {n} of them, an array")
    array = one_for_each(name, array, n)
    if not np.isfinite(array).all():
        raise ArgumentError(
            f"`{name}` must be finite; entry {int(np.argmin(np.isfinite(array)))} is {array[~np.isfinite(array)][0]}"
        )
    return array


def lattice_edges(shape: Sequence[int], periodic: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (i, j) of nearest neighbours of a hyper-cubic lattice, units numbered in C order.

    A periodic side of length 2 joins its two units by two edges, as the torus does.

    Examples
    --------
    >>> i, j = lattice_edges((3,), periodic=True)
    >>> list(zip(i.tolist(), j.tolist()))
    [(0, 1), (1, 2), (2, 0)]
    """
    units = np.arange(math.prod(shape)).reshape(shape)
    left, right = [], []
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        if periodic:
            left.append(units.ravel())
            right.append(np.roll(units, -1, axis).ravel())
        else:
            left.append(np.take(units, range(size - 1), axis).ravel())
            right.append(np.take(units, range(1, size), axis).ravel())
    none = np.empty(0, np.int64)
    return (np.concatenate(left), np.concatenate(right)) if left else (none, none)


def checked_shape(shape: Any, most: int = _LARGEST_LATTICE) -> tuple[int, ...]:
    """Sides of a lattice of at most `most` units."""
    sides = tuple(whole_numbers("shape", shape, 1, most).tolist())
    if math.prod(sides) > most:
        more = "; uniform Ising lattices of more are for samplers.PackedIsing" if most == _LARGEST_LATTICE else ""
        raise ArgumentError(f"`shape` must give at most {most} units; {sides} gives {math.prod(sides)}{more}")
    return sides


def pairs_by_unit(n: int, edges: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Couplings by unit: those of unit i are ``pointers[i]`` to ``pointers[i + 1]`` of neighbours and weights.

    Examples
    --------
    >>> [a.tolist() for a in pairs_by_unit(3, np.array([[0, 1], [1, 2]]), np.array([5.0, 7.0]))]
    [[0, 1, 3, 4], [1, 2, 0, 1], [5.0, 7.0, 5.0, 7.0]]
    """
    degree = np.bincount(edges.ravel(), minlength=n)
    pointers = np.concatenate([[0], np.cumsum(degree)]).astype(np.int64)
    unit, weight = np.empty(2 * len(edges), np.int64), np.empty(2 * len(edges))
    _sort_pairs(edges, np.asarray(weights, np.float64), pointers[:-1].copy(), unit, weight)
    return pointers, unit, weight


@kernel
def _sort_pairs(edges, weights, place, unit, weight):
    """First the couplings of which a unit is the first end, then those of which it is the second, each in their order."""
    for end in range(2):
        for e in range(edges.shape[0]):
            i = edges[e, end]
            unit[place[i]], weight[place[i]] = edges[e, 1 - end], weights[e]
            place[i] += 1
