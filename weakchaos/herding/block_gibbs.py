"""Herded Gibbs in blocks: the joint states of a block are herded as those of one unit.

Joint updates cross states of probability zero that updates of single units cannot, and take the dependence within the block into the
conditional distribution, where it is exact, at the price of one weight for each joint state and each state of the others.
"""

from __future__ import annotations

import math

import numpy as np

from weakchaos.core.compiled import kernel
from weakchaos.herding.weights import HASH, NONE, VISITED, ZERO, begin, choose, hashed, table_slot
from weakchaos.samplers.base import STEPS
from weakchaos.samplers.blocks import block_conditional, read_state, write_state
from weakchaos.samplers.discrete import record

__all__ = ["herd_blocks"]


@kernel
def herd_blocks(model, blocks, fine, coarse, rule, values, symbols, keys, counters, first, n, every, draws, sums):
    """Sweeps `first` to `n` over all blocks; the sweeps made, fewer where hashed weights need more rows."""
    cardinality, joint, units = model.cardinality, coarse.kind != NONE, model.cardinality.size
    x, seed = symbols[:units], np.uint64(symbols[units])
    count = blocks.states.size
    p = np.empty(max(2, blocks.states.max() if count else 0))
    for t in range(first, n):
        if fine.kind == HASH and 2 * (counters[VISITED] + count) > keys.size:
            return t
        for b in range(count):
            before = read_state(b, x, blocks, cardinality)
            if not block_conditional(b, x, model, blocks, p):
                write_state(before, b, x, blocks, cardinality)
                return t
            write_state(0, b, x, blocks, cardinality)
            others = np.uint64(0)
            if fine.word.size:
                for i in range(units):
                    others += fine.word[i] * np.uint64(x[i])
            states = blocks.states[b]
            if fine.kind == HASH:
                key = others + fine.own[b]
                row, _ = hashed(keys, key)
                slot, name = fine.base[b] + row * fine.width[b], key
            else:
                slot = table_slot(fine, b, x, p, states, others, -1)
                name = np.uint64(slot)
            wide = -1
            if joint:
                wide = table_slot(coarse, b, x, p, states, others, -1)
                if math.isnan(values[wide]):
                    begin(values, wide, rule, p, states, coarse.width[b], seed, np.uint64(wide))
            if math.isnan(values[slot]):
                counters[VISITED] += 1
                begin(values, slot, ZERO if joint else rule, p, states, fine.width[b], seed, name)
            write_state(choose(values, slot, wide, p, states), b, x, blocks, cardinality)
        counters[STEPS] += 1
        if (t + 1) % every == 0:
            record(x, model.offset, (t + 1) // every - 1, draws, sums)
    return n
