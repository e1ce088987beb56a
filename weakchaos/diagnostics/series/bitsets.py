"""Sets of times as bits, 64 in a word: the numbers of a series that lie near a given one, the points of an orbit that lie near another.

When the numbers are sorted, those near one of them have consecutive ranks. For every multiple of `stride`, the set of the times of all smaller
ranks is kept; the exclusive or of two such sets, corrected for the few ranks between, is the set that is searched for. In the maximum norm two
points of an orbit are near if they are near in every coordinate, so the sets of the coordinates are intersected. For other norms this is a filter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

__all__ = [
    "bits_between",
    "count_bits",
    "count_runs",
    "lowest_bit",
    "near_point",
    "ranked_times",
    "stretch_between",
    "times_between",
]

_intrinsic: Any = intrinsic


@_intrinsic
def count_bits(typingctx, word):
    """The number of bits of a word that are set."""

    def codegen(context, builder, signature, args):
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), codegen


@_intrinsic
def lowest_bit(typingctx, word):
    """The place of the lowest bit that is set; at least one bit must be set."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], context.get_constant(types.boolean, True))

    return types.int64(types.uint64), codegen


@njit(nogil=True, error_model="numpy")
def ranked_times(order, stride, words):
    """Row k: the times of the k * stride smallest numbers, of `order` as ``argsort`` gives it."""
    kept = np.zeros((order.size // stride + 1, words), np.uint64)
    one = np.uint64(1)
    for k in range(1, kept.shape[0]):
        kept[k] = kept[k - 1]
        for t in order[(k - 1) * stride : k * stride]:
            kept[k, t >> 6] |= one << np.uint64(t & 63)
    return kept


@njit(nogil=True, error_model="numpy")
def times_between(kept, order, stride, first, last, row):
    """Into `row`: the times of the ranks from `first` up to `last`, the latter left out."""
    stretch_between(kept, order, stride, first, last, 0, row.size, row)


@njit(nogil=True, error_model="numpy")
def stretch_between(kept, order, stride, first, last, head, tail, row):
    """The same, of which only the words from `head` up to `tail` are wanted; the others are left in disorder."""
    p, q = (first + stride // 2) // stride, (last + stride // 2) // stride
    p, q = min(p, kept.shape[0] - 1), min(q, kept.shape[0] - 1)
    below, above, wanted = kept[p, head:tail], kept[q, head:tail], row[head:tail]
    for w in range(wanted.size):
        wanted[w] = below[w] ^ above[w]
    # Ranks between the ends and the rows nearest to them; the exclusive or adds or removes as it must.
    one = np.uint64(1)
    for k in range(min(first, p * stride), max(first, p * stride)):
        row[order[k] >> 6] ^= one << np.uint64(order[k] & 63)
    for k in range(min(last, q * stride), max(last, q * stride)):
        row[order[k] >> 6] ^= one << np.uint64(order[k] & 63)


@njit(nogil=True, error_model="numpy")
def near_point(columns, ranked, orders, kept, stride, i, radius, norm, bound, spare, row):
    """Into `row`: the times of the points within `radius` of point i; `norm` 0: the largest difference; 1 or 2: also sums of (squared)
    differences up to `bound`."""
    dim, n = columns.shape
    for d in range(dim):
        here, values = columns[d, i], ranked[d]
        # Differences, not sums: the comparison is that of |x - y| with the radius, to the last bit.
        low, high = 0, n
        while low < high:
            middle = (low + high) // 2
            if here - values[middle] <= radius:
                high = middle
            else:
                low = middle + 1
        first, high = low, n
        while low < high:
            middle = (low + high) // 2
            if values[middle] - here <= radius:
                low = middle + 1
            else:
                high = middle
        if d == 0:
            times_between(kept[d], orders[d], stride, first, low, row)
        else:
            times_between(kept[d], orders[d], stride, first, low, spare)
            for w in range(row.size):
                row[w] &= spare[w]
    if norm == 0:
        return
    one = np.uint64(1)
    for w in range(row.size):
        left = row[w]
        while left:
            bit = lowest_bit(left)
            left &= left - one
            total = 0.0
            for d in range(dim):
                step = abs(columns[d, 64 * w + bit] - columns[d, i])
                total += step if norm == 1 else step * step
            if total > bound:
                row[w] ^= one << np.uint64(bit)


@njit(nogil=True, error_model="numpy")
def bits_between(row, low, high):
    """How many of the bits from `low` up to `high`, the latter left out, are set."""
    if low >= high:
        return 0
    full = ~np.uint64(0)
    first, last = low >> 6, (high - 1) >> 6
    head, tail = full << np.uint64(low & 63), full >> np.uint64(63 - ((high - 1) & 63))
    if first == last:
        return np.int64(count_bits(row[first] & head & tail))
    total = count_bits(row[first] & head) + count_bits(row[last] & tail)
    for w in range(first + 1, last):
        total += count_bits(row[w])
    return np.int64(total)


@njit(nogil=True, error_model="numpy")
def count_runs(row, low, high, histogram):
    """Add to ``histogram[k]`` the runs of k bits that are set, among those from `low` up to `high`, the latter left out."""
    if low >= high:
        return
    full, one = ~np.uint64(0), np.uint64(1)
    first, last = low >> 6, (high - 1) >> 6
    carry, begun = np.uint64(0), -1
    for w in range(first, last + 1):
        word = row[w]
        if w == first:
            word &= full << np.uint64(low & 63)
        if w == last:
            word &= full >> np.uint64(63 - ((high - 1) & 63))
        change = word ^ ((word << one) | carry)
        carry = word >> np.uint64(63)
        while change:
            place = 64 * w + lowest_bit(change)
            change &= change - one
            if begun < 0:
                begun = place
            else:
                histogram[place - begun] += 1
                begun = -1
    if begun >= 0:
        histogram[high - begun] += 1
