"""Blocks of units that move together: which they are, and the distribution of a block given all other units."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from weakchaos.core.errors import ArgumentError, shown

__all__ = ["Blocks", "block_conditional", "checked_blocks", "join_blocks", "read_state", "write_state"]

_LARGEST_BLOCK = 4096


class Blocks(NamedTuple):
    """Units and tables of each block: block `b` holds ``unit[start[b]:start[b + 1]]``, and its tables likewise."""

    start: np.ndarray
    unit: np.ndarray
    table_start: np.ndarray
    table: np.ndarray
    states: np.ndarray


@njit(nogil=True)
def write_state(state, b, x, blocks, cardinality):
    """Put joint state number `state` of block `b` into `x`, its last unit fastest."""
    for a in range(blocks.start[b + 1] - 1, blocks.start[b] - 1, -1):
        unit = blocks.unit[a]
        x[unit] = state % cardinality[unit]
        state //= cardinality[unit]


@njit(nogil=True)
def read_state(b, x, blocks, cardinality):
    """The number of the joint state of block `b` in `x`."""
    state = 0
    for a in range(blocks.start[b], blocks.start[b + 1]):
        state = state * cardinality[blocks.unit[a]] + x[blocks.unit[a]]
    return state


@njit(nogil=True)
def block_conditional(b, x, model, blocks, p):
    """Fill `p` with the distribution of block `b` given the others; `x` is left with its last joint state, False if all are impossible."""
    top = -math.inf
    for state in range(blocks.states[b]):
        write_state(state, b, x, blocks, model.cardinality)
        value = 0.0
        for c in range(blocks.table_start[b], blocks.table_start[b + 1]):
            f = blocks.table[c]
            place = model.table_ptr[f]
            for a in range(model.scope_ptr[f], model.scope_ptr[f + 1]):
                place += model.scope_stride[a] * x[model.scope[a]]
            value += model.log_table[place]
        p[state] = value
        top = max(top, value)
    if top == -math.inf:
        return False
    total = 0.0
    for state in range(blocks.states[b]):
        p[state] = math.exp(p[state] - top)
        total += p[state]
    for state in range(blocks.states[b]):
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
    source = target.factor_graph() if hasattr(target, "pair_arrays") else target
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
