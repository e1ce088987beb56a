"""Blocks of units that move together, and the distribution of a block given all other units."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.targets.mrf import PairwiseMRF

__all__ = ["Blocks", "block_conditional", "checked_blocks", "join_blocks", "read_state", "write_state"]

_LARGEST_BLOCK = 4096


class Blocks(NamedTuple):
    """Units and tables of each block: block `b` holds ``unit[start[b]:start[b + 1]]``, and its tables likewise."""

    start: np.ndarray
    unit: np.ndarray
    table_start: np.ndarray
    table: np.ndarray
    states: np.ndarray


# Helpers take arrays and not tuples of arrays: each call with a tuple would count the references of all of them.


@njit(nogil=True, error_model="numpy")
def write_state(state, x, unit, first, stop, cardinality):
    """Put joint state number `state` of the units ``unit[first:stop]`` into `x`, the last unit fastest."""
    for a in range(stop - 1, first - 1, -1):
        x[unit[a]] = state % cardinality[unit[a]]
        state //= cardinality[unit[a]]


@njit(nogil=True, error_model="numpy")
def read_state(x, unit, first, stop, cardinality):
    """The number of the joint state of the units ``unit[first:stop]`` in `x`."""
    state = 0
    for a in range(first, stop):
        state = state * cardinality[unit[a]] + x[unit[a]]
    return state


@njit(nogil=True, error_model="numpy")
def block_conditional(
    states,
    x,
    unit,
    first,
    stop,
    table,
    table_first,
    table_stop,
    cardinality,
    scope_ptr,
    scope,
    scope_stride,
    table_ptr,
    log_table,
    p,
):
    """Fill `p` with the distribution of a block given the others; `x` is left with its last joint state, False if all are impossible."""
    top = -math.inf
    for state in range(states):
        write_state(state, x, unit, first, stop, cardinality)
        value = 0.0
        for c in range(table_first, table_stop):
            f = table[c]
            place = table_ptr[f]
            for a in range(scope_ptr[f], scope_ptr[f + 1]):
                place += scope_stride[a] * x[scope[a]]
            value += log_table[place]
        p[state] = value
        top = max(top, value)
    if top == -math.inf:
        return False
    total = 0.0
    for state in range(states):
        p[state] = math.exp(p[state] - top)
        total += p[state]
    for state in range(states):
        p[state] /= total
    return True


def checked_blocks(blocks: Any, target: Any) -> tuple[tuple[int, ...], ...]:
    """Blocks as tuples of units of a target; ``"deterministic"`` stands for pairs that share a table with zeros.

    Raises
    ------
    ArgumentError
        For anything but tuples of different units of the target.
    """
    if isinstance(blocks, str):
        from weakchaos.targets.reachability import suggest_blocks

        if blocks != "deterministic":
            raise ArgumentError(f"`blocks` must be tuples of units or 'deterministic'; got {shown(blocks)}")
        return suggest_blocks(target)
    try:
        out = tuple(tuple(int(i) for i in block) for block in blocks)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"`blocks` must be tuples of units; got {shown(blocks)}") from error
    for block in out:
        if not block or len(set(block)) != len(block) or min(block) < 0 or max(block) >= target.dim:
            raise ArgumentError(f"`blocks` must hold different units between 0 and {target.dim - 1}; got the block {block}")
    return out


def join_blocks(target: Any, blocks: tuple[tuple[int, ...], ...]) -> tuple[Any, tuple[tuple[int, ...], ...], Blocks]:
    """The arrays of a target with all tables, the blocks of units that move (those in no block follow alone), and their arrays.

    Raises
    ------
    ArgumentError
        For a block of more than 4096 joint states.
    """
    source = target.factor_graph() if isinstance(target, PairwiseMRF) else target
    model = source.model(tabulate=False)
    free = set(model.free.tolist())
    kept = [tuple(i for i in block if i in free) for block in blocks]
    covered = {i for block in kept for i in block}
    joined = tuple(b for b in kept if b) + tuple((i,) for i in sorted(free - covered))
    sizes = [math.prod(int(target.cardinalities[i]) for i in b) for b in joined]
    if max(sizes, default=1) > _LARGEST_BLOCK:
        worst = joined[int(np.argmax(sizes))]
        raise ArgumentError(
            f"`blocks` must have at most {_LARGEST_BLOCK} joint states each; block {worst} has {max(sizes)}: split it"
        )
    factors = [sorted({f for i in b for f in model.factor[model.factor_ptr[i] : model.factor_ptr[i + 1]].tolist()}) for b in joined]

    def flat(parts: list) -> np.ndarray:
        return np.array([v for part in parts for v in part], np.int64)

    def pointers(parts: Any) -> np.ndarray:
        return np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.int64)

    arrays = Blocks(pointers(joined), flat(list(joined)), pointers(factors), flat(factors), np.array(sizes, np.int64))
    return model, joined, arrays
