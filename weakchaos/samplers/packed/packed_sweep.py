"""Sweeps of an Ising lattice whose spins are bits (see `bit_layout`): one class of spins without common edges is moved after the other.

Each block of rows has random streams of its own, so that draws do not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from weakchaos.native.compiled import borrowing, kernel
from weakchaos.samplers.packed.neighbour_planes import gather
from weakchaos.samplers.packed.packed_flips import decide
from weakchaos.samplers.packed.work_rows import FLIP, KIND, KINDS, MINE, ONES, RANDOM, WIDTH, ZERO

__all__ = ["room", "sweep", "sweeps"]


@borrowing
def _write(words, work, segments, n_segments):
    """Turn the bits that flip."""
    for i in range(n_segments):
        at, a, b, n = segments[i, 0], segments[i, 1], segments[i, 2], segments[i, 3]
        part, left, right = work[at:], words[a : a + n], words[b : b + n]
        for j in range(n):
            left[j] ^= part[FLIP + j] & part[MINE + j]
        if b != a:
            for j in range(n):
                right[j] ^= part[FLIP + j] & ~part[MINE + j]


@borrowing
def _sweep_block(work, segments, digits, words, lanes, geometry, which, count, spin, group, chance, free, begin, stop):
    """Move the spins of one class in the pairs of rows `begin` to `stop`."""
    axes, pair = geometry.words.size, geometry.pair
    parts_from, parts_to = geometry.classes[which], geometry.classes[which + 1]
    used = 0  # words that are decided together at most: streams beyond stay as they are
    for part in range(parts_from, parts_to):
        used += (stop - begin) * (geometry.stop[part] - geometry.first[part])
    used = min(WIDTH, used)
    for row in range(4):
        for j in range(used):
            work[RANDOM + row * WIDTH + j] = lanes[row, j]
    filled, n_segments = 0, 0
    for part in range(parts_from, parts_to):
        member, first, last = geometry.member[part], geometry.first[part], geometry.stop[part]
        if first >= last:
            continue
        rest = begin
        for axis in range(axes - 2, -1, -1):  # digits of the first pair; those of the next follow by counting
            steps = (geometry.words[axis] + 1) // 2 if axis == pair else geometry.words[axis]
            digits[axis] = rest % steps * (2 if axis == pair else 1)
            rest //= steps
        for number in range(begin, stop):
            if number > begin:
                for axis in range(axes - 2, -1, -1):
                    digits[axis] += 2 if axis == pair else 1
                    if digits[axis] < geometry.words[axis]:
                        break
                    digits[axis] = 0
            row, total = 0, geometry.colour[part]
            member_a, member_b = ONES, ONES
            both = False
            for axis in range(axes - 2, -1, -1):
                k = digits[axis]
                k_b = k
                if axis == pair:
                    both = k + 1 < geometry.words[axis]
                    k_b = k + 1 if both else k
                row += k * geometry.stride[axis]
                total += k
                member_a &= member[geometry.start[axis] + k]
                member_b &= member[geometry.start[axis] + k_b]
            if not both:
                member_b = ZERO
            if member_a == ZERO and member_b == ZERO:
                continue
            row_b = row + geometry.stride[pair] if both else row
            for at in range(first, last, WIDTH):
                n = min(WIDTH, last - at)
                if filled + n > WIDTH:
                    decide(work, filled, count, spin, group, chance, free, geometry.few)
                    _write(words, work, segments, n_segments)
                    filled, n_segments = 0, 0
                gather(words, work, filled, row, row_b, digits, geometry, member_a, member_b, total + at, at, n, free)
                segments[n_segments, 0], segments[n_segments, 1] = filled, row + at
                segments[n_segments, 2], segments[n_segments, 3] = row_b + at, n
                filled += n
                n_segments += 1
    if filled:
        decide(work, filled, count, spin, group, chance, free, geometry.few)
        _write(words, work, segments, n_segments)
    for row in range(4):
        for j in range(used):
            lanes[row, j] = work[RANDOM + row * WIDTH + j]


@njit(nogil=True, error_model="numpy")
def sweeps(
    work, segments, digits, words, lanes, geometry, count, spin, group, chance, free, bounds, n, first_class, stop_class, first_block, stop_block
):  # fmt: skip
    """`sweep` with room that is made by the caller (`room`)."""
    for _ in range(n):
        for c in range(first_class, stop_class):
            for b in range(first_block, stop_block):
                _sweep_block(
                    work, segments, digits, words, lanes[b], geometry, c, count, spin, group, chance, free, bounds[b], bounds[b + 1]
                )  # fmt: skip


@njit(nogil=True, error_model="numpy")
def room(axes):
    """The buffers of `sweeps` for words of some axes."""
    return np.empty(KIND + KINDS * WIDTH, np.uint64), np.empty((WIDTH, 4), np.int64), np.empty(axes, np.int64)


@kernel
def sweep(words, lanes, geometry, count, spin, group, chance, free, bounds, n, first_class, stop_class, first_block, stop_block):
    """`n` sweeps of some classes over some blocks; block b are the pairs of rows ``bounds[b]`` to ``bounds[b + 1]``, and its random streams the columns of
    ``lanes[b]``, shape (4, WIDTH)."""
    work, segments, digits = room(geometry.words.size)
    sweeps(
        work, segments, digits, words, lanes, geometry, count, spin, group, chance, free, bounds, n, first_class, stop_class, first_block, stop_block
    )  # fmt: skip
