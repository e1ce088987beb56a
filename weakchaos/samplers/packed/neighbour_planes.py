"""Neighbours of packed spins, 64 at once, and the number of those that are equal, counted by full adders into bit planes."""

from __future__ import annotations

import numpy as np
from numba import njit

from weakchaos.native.compiled import borrowing
from weakchaos.samplers.packed.work_rows import EQUAL, FETCHED, MINE, NONE, ONES, SPIN, VALID, WIDTH, ZERO

__all__ = ["fetch_along", "fetch_near", "gather"]


@borrowing
def _fetch(words, work, out, source, right, left, fix, fix_right, fix_left, mask, n):
    """``work[out:]`` gets n words from `source` on, moved by whole digits, and the bits of `mask` from `fix` on."""
    r, lift, fr, fl = np.uint64(right), np.uint64(left), np.uint64(fix_right), np.uint64(fix_left)
    to, near = work[out : out + n], words[source : source + n]
    if mask == ZERO:
        if right == 0 and left == 0:
            for j in range(n):
                to[j] = near[j]
        else:
            for j in range(n):
                to[j] = (near[j] >> r) << lift
    else:
        rest, other = ~mask, words[fix : fix + n]
        for j in range(n):
            to[j] = (((near[j] >> r) << lift) & rest) | (((other[j] >> fr) << fl) & mask)


@borrowing
def fetch_near(words, work, out, row, axis, k, way, geometry, first, n):
    """The neighbours of n words of a row along an axis that is not the last."""
    place = geometry.start[axis] + k
    near, stride = geometry.near, geometry.stride[axis]
    source = row + (near[place, way, 0] - k) * stride + first
    fix = row + (near[place, way, 3] - k) * stride + first
    _fetch(
        words, work, out, source, near[place, way, 1], near[place, way, 2], fix, near[place, way, 4], near[place, way, 5],
        geometry.beyond[place, way], n,
    )  # fmt: skip


@borrowing
def fetch_along(words, work, out, row, length, way, first, n):
    """The neighbours of n words of a row along the row."""
    step = 1 if way == 0 else -1
    if n > 2:
        to, near = work[out + 1 : out + n - 1], words[row + first + 1 + step : row + first + n - 1 + step]
        for j in range(n - 2):
            to[j] = near[j]
    # The row is a ring; a remainder would take as long as all the rest where rows are short.
    left, right = first + step, first + n - 1 + step
    left = left - length if left >= length else left
    right = right - length if right >= length else right
    work[out] = words[row + (left + length if left < 0 else left)]
    work[out + n - 1] = words[row + (right + length if right < 0 else right)]


@njit(nogil=True, error_model="numpy", forceinline=True)
def _add_pair(work, planes, place, s, c):
    """Add two numbers of one bit, their sum `s` and carry `c`, to the planes at one word."""
    p = work[planes + place]
    t = p & s
    work[planes + place] = p ^ s
    u, v = c ^ t, c & t
    p = work[planes + WIDTH + place]
    work[planes + WIDTH + place] = p ^ u
    v |= p & u
    p = work[planes + 2 * WIDTH + place]
    work[planes + 2 * WIDTH + place] = p ^ v
    return p & v


@borrowing
def _count(work, at, n, free, gone_up, gone_down, gone_up_b, gone_down_b):
    """Add the two neighbours in the fetched rows to the planes; `gone`: bits that have none."""
    work = work[at:]  # a sum as an index would have to be tested for being negative
    for j in range(n):
        s, mine = work[SPIN + j], work[MINE + j]
        up = ~(s ^ ((work[FETCHED + j] & mine) | (work[FETCHED + 2 * WIDTH + j] & ~mine)))
        down = ~(s ^ ((work[FETCHED + WIDTH + j] & mine) | (work[FETCHED + 3 * WIDTH + j] & ~mine)))
        if free:
            no_up = (gone_up & mine) | (gone_up_b & ~mine)
            no_down = (gone_down & mine) | (gone_down_b & ~mine)
            up &= ~no_up
            down &= ~no_down
            _add_pair(work, NONE, j, no_up ^ no_down, no_up & no_down)
        carry = _add_pair(work, EQUAL, j, up ^ down, up & down)
        work[EQUAL + 3 * WIDTH + j] ^= carry


@borrowing
def gather(words, work, at, row_a, row_b, digits, geometry, member_a, member_b, parity, first, n, free):
    """Spins, counts and bits that may flip of n words of a pair of rows, from `first` on; `row_b` is `row_a` where there is no second one."""
    axes, odd, pair = geometry.words.size, geometry.odd, geometry.pair
    length = geometry.words[axes - 1]
    part, left, right = work[at:], words[row_a + first : row_a + first + n], words[row_b + first : row_b + first + n]
    for j in range(n):
        mine = odd ^ (ONES if (parity + j) & 1 == 0 else ZERO)
        part[MINE + j] = mine
        part[SPIN + j] = (left[j] & mine) | (right[j] & ~mine)
        part[VALID + j] = (mine & member_a) | (~mine & member_b)
        part[EQUAL + j] = part[EQUAL + WIDTH + j] = part[EQUAL + 2 * WIDTH + j] = part[EQUAL + 3 * WIDTH + j] = ZERO
        part[NONE + j] = part[NONE + WIDTH + j] = part[NONE + 2 * WIDTH + j] = ZERO
    for axis in range(axes - 1):
        k = digits[axis]
        k_b = k + 1 if axis == pair and row_b != row_a else k
        for way in range(2):
            fetch_near(words, work, FETCHED + way * WIDTH + at, row_a, axis, k, way, geometry, first, n)
            fetch_near(words, work, FETCHED + (2 + way) * WIDTH + at, row_b, axis, k_b, way, geometry, first, n)
        a, b = geometry.start[axis] + k, geometry.start[axis] + k_b
        absent = geometry.absent
        _count(work, at, n, free, absent[a, 0], absent[a, 1], absent[b, 0], absent[b, 1])
    if length > 1:
        for way in range(2):
            fetch_along(words, work, FETCHED + way * WIDTH + at, row_a, length, way, first, n)
            fetch_along(words, work, FETCHED + (2 + way) * WIDTH + at, row_b, length, way, first, n)
        if not geometry.last_open:
            _count(work, at, n, free, ZERO, ZERO, ZERO, ZERO)
            return
        # Along an open row only its ends lack a neighbour.
        begin, end = at, at + n
        if first == 0:
            _count(work, at, 1, free, ONES if length == 1 else ZERO, ONES, ONES if length == 1 else ZERO, ONES)
            begin += 1
        if first + n == length and end > begin:
            end -= 1
            _count(work, end, 1, free, ONES, ZERO, ONES, ZERO)
        _count(work, begin, end - begin, free, ZERO, ZERO, ZERO, ZERO)
