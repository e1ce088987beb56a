"""Herded Gibbs in blocks: the joint states of a block are herded as those of one unit.

Joint updates lead across states of probability zero, which updates of single units cannot cross, and they treat the dependence within the
block exactly. The price is one weight for each joint state of the block and each state of the other units.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from weakchaos.core.counters import STEPS
from weakchaos.herding.gibbs.weights import FULL, HASH, SHARED, VISITED, ZERO, begin, bin_of, choose, hashed
from weakchaos.native.compiled import kernel
from weakchaos.samplers.blocks import block_conditional, read_state, write_state
from weakchaos.samplers.record import record_units

__all__ = ["herd_blocks"]


@njit(nogil=True, error_model="numpy")
def _slot(kind, bins, base, width, first, stop, unit, stride, x, p, states, others):
    """The place of the weight that a block uses, for weights kept in a table."""
    if kind == FULL:
        return base + np.int64(others) * width
    if kind == SHARED:
        return base + bin_of(p, states, bins) * width
    slot = base
    for a in range(first, stop):
        slot += stride[a] * x[unit[a]]
    return slot


@kernel
def herd_blocks(model, blocks, fine, coarse, rule, values, symbols, keys, counters, first, n, every, draws, sums):
    """Sweeps `first` to `n` over all blocks; the sweeps made, fewer where hashed weights need more rows."""
    kind, bins, base, width, start, unit, stride, word, own = fine
    if coarse is not None:
        kind2, bins2, base2, width2, start2, unit2, stride2, _, _ = coarse
    cardinality, scope_ptr, scope, scope_stride = model.cardinality, model.scope_ptr, model.scope, model.scope_stride
    table_ptr, log_table, offset = model.table_ptr, model.log_table, model.offset
    block_start, block, table_start, table, sizes = blocks
    units, count = cardinality.size, sizes.size
    x, seed = symbols[:units], np.uint64(symbols[units])
    p = np.empty(max(2, sizes.max() if count else 0))
    for t in range(first, n):
        if kind == HASH and 2 * (counters[VISITED] + count) > keys.size:
            return t
        for b in range(count):
            states, head, tail = sizes[b], block_start[b], block_start[b + 1]
            before = read_state(x, block, head, tail, cardinality)
            if not block_conditional(
                states, x, block, head, tail, table, table_start[b], table_start[b + 1],
                cardinality, scope_ptr, scope, scope_stride, table_ptr, log_table, p,
            ):  # fmt: skip
                write_state(before, x, block, head, tail, cardinality)
                return t
            others = np.uint64(0)
            if kind in (FULL, HASH):  # the block itself is in its last joint state each time, and tells nothing apart
                for i in range(units):
                    others += word[i] * np.uint64(x[i])
            if kind == HASH:
                key = others + own[b]
                row, _ = hashed(keys, key)
                slot, name = base[b] + row * width[b], key
            else:
                slot = _slot(kind, bins, base[b], width[b], start[b], start[b + 1], unit, stride, x, p, states, others)
                name = np.uint64(slot)
            wide, own_rule = -1, rule
            if coarse is not None:
                own_rule = ZERO
                wide = _slot(kind2, bins2, base2[b], width2[b], start2[b], start2[b + 1], unit2, stride2, x, p, states, others)
                if math.isnan(values[wide]):
                    begin(values, wide, rule, p, states, width2[b], seed, np.uint64(wide))
            if math.isnan(values[slot]):
                counters[VISITED] += 1
                begin(values, slot, own_rule, p, states, width[b], seed, name)
            write_state(choose(values, slot, wide, p, states), x, block, head, tail, cardinality)
        counters[STEPS] += 1
        record_units(t, every, x, offset, draws, sums)
    return n
