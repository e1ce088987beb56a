"""Sweeps of an Ising lattice whose spins are bits (see `bit_layout`).

One class of spins without common edges is moved after the other. For 64 spins at once the neighbours that are equal are counted by full adders into bit
planes; a spin whose count is of kind t flips with a probability p_t, which depends on the rule alone. Random words are compared with the bits of p_t from the
highest down: after 10 of them one spin in 1024 is still undecided, and is decided by a random number of 64 bits of its own against the rest of p_t, so that
probabilities are exact to 2**-64. Random words are of xoshiro256++ (Blackman and Vigna, ACM Trans. Math. Softw. 47 (2021) 36, doi:10.1145/3460772), `WIDTH`
of them side by side for each block of rows, so that draws do not depend on the number of threads.

All arrays that a block works on are rows of one buffer at fixed distances: only then does the compiler see that they do not overlap, and makes vector code.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from weakchaos.native.compiled import kernel

__all__ = ["REFUSED", "WIDTH", "fetch_along", "fetch_near", "flip_kinds", "sweep"]

WIDTH = 256  # words that are decided together; they and what belongs to them stay in the nearest cache
_COMPARED = 10  # bits of a probability before what is left is decided one by one

# Rows of the buffer.
_RANDOM = 0 * WIDTH  # four rows
_SPIN = 4 * WIDTH
_FETCHED = 5 * WIDTH  # four rows: up and down of the first word of a pair, then of the second
_MINE = 9 * WIDTH  # bits that the first word of a pair gives
_VALID = 10 * WIDTH
_EQUAL = 11 * WIDTH  # four planes
_NONE = 15 * WIDTH  # three planes: neighbours that do not exist
_FLIP = 18 * WIDTH
_OPEN = 19 * WIDTH
_PLANE = 20 * WIDTH
_KIND = 21 * WIDTH  # a row for each group of kinds

_KINDS = 58  # of spins: up to 7 axes, with free boundaries and a field
# Metropolis flips that cost nothing are refused so often. If none were, a colour whose flips are all free would move without chance: a ring keeps the number
# of walls that run each way for ever, and each even torus has states that only follow one another.
REFUSED = 1 / 16
_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
_ZERO, _ONE = np.uint64(0), np.uint64(1)


def flip_kinds(
    dim: int, coupling: float, field: float, free: bool, rule: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Kinds of spins that may flip: counts, shape (kinds,); what the spin must be, -1 for either; the group of each; and the probability of each group in
    units of 2**-64, 0 standing for 1.

    A count is that of equal neighbours or, where boundaries are free, twice that and the number of neighbours that do not exist. `coupling` and `field`
    are in units of the temperature.

    Examples
    --------
    >>> count, spin, group, chance = flip_kinds(2, 0.5, 0.0, False, "metropolis")
    >>> count.tolist(), [float(c) / 2**64 / (1 - REFUSED) for c in chance[group]]  # 1, exp(-2) and exp(-4)
    ([0, 1, 2, 3, 4], [1.0, 1.0, 1.0, 0.1353352832366127, 0.01831563888873418])
    """
    counts, spins, chances = [], [], []
    for count in range((4 if free else 2) * dim + 1):
        excess = count - 2 * dim if free else 2 * (count - dim)  # equal neighbours above unequal ones
        for spin in (-1,) if field == 0.0 else (0, 1):
            cost = 2.0 * coupling * excess + (0.0 if spin < 0 else 2.0 * field * (2 * spin - 1))
            if rule == "metropolis":
                chance = (1.0 - REFUSED) * (math.exp(-cost) if cost > 0.0 else 1.0)
            else:
                chance = 1.0 / (1.0 + math.exp(cost)) if cost < 700.0 else math.exp(-cost)
            whole = int(math.ldexp(chance, 64))
            if whole > 0:
                counts.append(count)
                spins.append(spin)
                chances.append(0 if whole >= 1 << 64 else whole)
    of_group, group = np.unique(np.array(chances, np.uint64), return_inverse=True)
    return np.array(counts, np.int64), np.array(spins, np.int64), group.astype(np.int64), of_group


@njit(nogil=True, error_model="numpy")
def _fetch(words, work, out, source, right, left, fix, fix_right, fix_left, mask, n):
    """``work[out:]`` gets n words from `source` on, moved by whole digits, and the bits of `mask` from `fix` on."""
    r, lift, fr, fl = np.uint64(right), np.uint64(left), np.uint64(fix_right), np.uint64(fix_left)
    to, near = work[out : out + n], words[source : source + n]
    if mask == _ZERO:
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


@njit(nogil=True, error_model="numpy")
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


@njit(nogil=True, error_model="numpy")
def fetch_along(words, work, out, row, length, way, first, n):
    """The neighbours of n words of a row along the row."""
    step = 1 if way == 0 else -1
    if n > 2:
        to, near = work[out + 1 : out + n - 1], words[row + first + 1 + step : row + first + n - 1 + step]
        for j in range(n - 2):
            to[j] = near[j]
    work[out] = words[row + (first + step + length) % length]
    work[out + n - 1] = words[row + (first + n - 1 + step) % length]


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


@njit(nogil=True, error_model="numpy")
def _count(work, at, n, free, gone_up, gone_down, gone_up_b, gone_down_b):
    """Add the two neighbours in the fetched rows to the planes; `gone`: bits that have none."""
    work = work[at:]  # a sum as an index would have to be tested for being negative
    for j in range(n):
        s, mine = work[_SPIN + j], work[_MINE + j]
        up = ~(s ^ ((work[_FETCHED + j] & mine) | (work[_FETCHED + 2 * WIDTH + j] & ~mine)))
        down = ~(s ^ ((work[_FETCHED + WIDTH + j] & mine) | (work[_FETCHED + 3 * WIDTH + j] & ~mine)))
        if free:
            no_up = (gone_up & mine) | (gone_up_b & ~mine)
            no_down = (gone_down & mine) | (gone_down_b & ~mine)
            up &= ~no_up
            down &= ~no_down
            _add_pair(work, _NONE, j, no_up ^ no_down, no_up & no_down)
        carry = _add_pair(work, _EQUAL, j, up ^ down, up & down)
        work[_EQUAL + 3 * WIDTH + j] ^= carry


@njit(nogil=True, error_model="numpy")
def _gather(words, work, at, row_a, row_b, digits, geometry, member_a, member_b, parity, first, n, free):
    """Spins, counts and bits that may flip of n words of a pair of rows, from `first` on; `row_b` is `row_a` where there is no second one."""
    axes, odd, pair = geometry.words.size, geometry.odd, geometry.pair
    length = geometry.words[axes - 1]
    part, left, right = work[at:], words[row_a + first : row_a + first + n], words[row_b + first : row_b + first + n]
    for j in range(n):
        mine = odd ^ (_ONES if (parity + j) & 1 == 0 else _ZERO)
        part[_MINE + j] = mine
        part[_SPIN + j] = (left[j] & mine) | (right[j] & ~mine)
        part[_VALID + j] = (mine & member_a) | (~mine & member_b)
        part[_EQUAL + j] = part[_EQUAL + WIDTH + j] = part[_EQUAL + 2 * WIDTH + j] = part[_EQUAL + 3 * WIDTH + j] = _ZERO
        part[_NONE + j] = part[_NONE + WIDTH + j] = part[_NONE + 2 * WIDTH + j] = _ZERO
    for axis in range(axes - 1):
        k = digits[axis]
        k_b = k + 1 if axis == pair and row_b != row_a else k
        for way in range(2):
            fetch_near(words, work, _FETCHED + way * WIDTH + at, row_a, axis, k, way, geometry, first, n)
            fetch_near(words, work, _FETCHED + (2 + way) * WIDTH + at, row_b, axis, k_b, way, geometry, first, n)
        a, b = geometry.start[axis] + k, geometry.start[axis] + k_b
        absent = geometry.absent
        _count(work, at, n, free, absent[a, 0], absent[a, 1], absent[b, 0], absent[b, 1])
    if length > 1:
        for way in range(2):
            fetch_along(words, work, _FETCHED + way * WIDTH + at, row_a, length, way, first, n)
            fetch_along(words, work, _FETCHED + (2 + way) * WIDTH + at, row_b, length, way, first, n)
        if not geometry.last_open:
            _count(work, at, n, free, _ZERO, _ZERO, _ZERO, _ZERO)
            return
        # Along an open row only its ends lack a neighbour.
        begin, end = at, at + n
        if first == 0:
            _count(work, at, 1, free, _ONES if length == 1 else _ZERO, _ONES, _ONES if length == 1 else _ZERO, _ONES)
            begin += 1
        if first + n == length and end > begin:
            end -= 1
            _count(work, end, 1, free, _ONES, _ZERO, _ONES, _ZERO)
        _count(work, begin, end - begin, free, _ZERO, _ZERO, _ZERO, _ZERO)


@njit(nogil=True, error_model="numpy", forceinline=True)
def _next_word(work, lane):
    """The next random word of one lane of xoshiro256++."""
    a, b, c, d = (
        work[_RANDOM + lane],
        work[_RANDOM + WIDTH + lane],
        work[_RANDOM + 2 * WIDTH + lane],
        work[_RANDOM + 3 * WIDTH + lane],
    )
    t = a + d
    out = ((t << np.uint64(23)) | (t >> np.uint64(41))) + a
    t = b << np.uint64(17)
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = (d << np.uint64(45)) | (d >> np.uint64(19))
    work[_RANDOM + lane], work[_RANDOM + WIDTH + lane], work[_RANDOM + 2 * WIDTH + lane], work[_RANDOM + 3 * WIDTH + lane] = (
        a,
        b,
        c,
        d,
    )
    return out


@njit(nogil=True, error_model="numpy")
def _mark_kind(work, group, count, spin, n, few):
    """Add to the row of a group the valid bits whose count, and spin if it is not negative, are those of a kind; `few`: no count is above 7."""
    row = work[_KIND + group * WIDTH : _KIND + (group + 1) * WIDTH]
    c0 = _ZERO if count & 1 else _ONES
    c1 = _ZERO if count & 2 else _ONES
    c2 = _ZERO if count & 4 else _ONES
    c3 = _ZERO if count & 8 else _ONES
    c4 = _ZERO if count & 16 else _ONES
    if few and spin < 0:
        for j in range(n):
            row[j] |= (
                (work[_EQUAL + j] ^ c0) & (work[_EQUAL + WIDTH + j] ^ c1) & (work[_EQUAL + 2 * WIDTH + j] ^ c2) & work[_VALID + j]
            )
        return
    either = _ONES if spin < 0 else _ZERO
    s = _ZERO if spin == 1 else _ONES
    for j in range(n):
        mask = (work[_EQUAL + j] ^ c0) & (work[_EQUAL + WIDTH + j] ^ c1) & (work[_EQUAL + 2 * WIDTH + j] ^ c2)
        mask &= (work[_EQUAL + 3 * WIDTH + j] ^ c3) & (work[_NONE + j] ^ c4)
        row[j] |= mask & ((work[_SPIN + j] ^ s) | either) & work[_VALID + j]


@njit(nogil=True, error_model="numpy")
def _double_counts(work, n):
    """Planes of twice the equal neighbours and those that do not exist, five of them: the four of `_EQUAL` and the first of `_NONE`."""
    for j in range(n):
        e0, e1, e2 = work[_NONE + j], work[_NONE + WIDTH + j], work[_NONE + 2 * WIDTH + j]
        p0, p1, p2, p3 = work[_EQUAL + j], work[_EQUAL + WIDTH + j], work[_EQUAL + 2 * WIDTH + j], work[_EQUAL + 3 * WIDTH + j]
        carry = p0 & e1
        second = p0 ^ e1
        third = p1 ^ e2 ^ carry
        carry = (p1 & e2) | (carry & (p1 ^ e2))
        work[_EQUAL + j], work[_EQUAL + WIDTH + j], work[_EQUAL + 2 * WIDTH + j] = e0, second, third
        work[_EQUAL + 3 * WIDTH + j] = p2 ^ carry
        work[_NONE + j] = p3 ^ (p2 & carry)


@njit(nogil=True, error_model="numpy")
def _decide(work, n, count, spin, group, chance, free, few):
    """Which of the valid bits flip, into the row `_FLIP`."""
    if free:
        _double_counts(work, n)
    work[_FLIP : _KIND + chance.size * WIDTH] = _ZERO
    for t in range(count.size):
        _mark_kind(work, group[t], count[t], spin[t], n, few)
    for g in range(chance.size):
        row = work[_KIND + g * WIDTH : _KIND + (g + 1) * WIDTH]
        if chance[g] == _ZERO:
            for j in range(n):
                work[_FLIP + j] |= row[j]
        else:
            for j in range(n):
                work[_OPEN + j] |= row[j]
    for bit in range(_COMPARED):
        for j in range(n):
            work[_PLANE + j] = _ZERO
        for g in range(chance.size):
            if (chance[g] >> np.uint64(63 - bit)) & _ONE:
                row = work[_KIND + g * WIDTH : _KIND + (g + 1) * WIDTH]
                for j in range(n):
                    work[_PLANE + j] |= row[j]
        for j in range(n):
            r, plane, undecided = _next_word(work, j), work[_PLANE + j], work[_OPEN + j]
            differ = undecided & (plane ^ r)
            work[_FLIP + j] |= differ & plane
            work[_OPEN + j] = undecided ^ differ
    for j in range(n):
        rest = work[_OPEN + j]
        while rest != _ZERO:
            bit = rest & (~rest + _ONE)
            rest ^= bit
            r = _next_word(work, j)
            for g in range(chance.size):
                if chance[g] != _ZERO and work[_KIND + g * WIDTH + j] & bit:
                    if r < chance[g] << np.uint64(_COMPARED):
                        work[_FLIP + j] |= bit
                    break


@njit(nogil=True, error_model="numpy")
def _write(words, work, segments, n_segments):
    """Turn the bits that flip."""
    for i in range(n_segments):
        at, a, b, n = segments[i, 0], segments[i, 1], segments[i, 2], segments[i, 3]
        part, left, right = work[at:], words[a : a + n], words[b : b + n]
        for j in range(n):
            left[j] ^= part[_FLIP + j] & part[_MINE + j]
        if b != a:
            for j in range(n):
                right[j] ^= part[_FLIP + j] & ~part[_MINE + j]


@njit(nogil=True, error_model="numpy")
def _sweep_block(work, segments, digits, words, lanes, geometry, which, count, spin, group, chance, free, begin, stop):
    """Move the spins of one class in the pairs of rows `begin` to `stop`."""
    axes, pair = geometry.words.size, geometry.pair
    for row in range(4):
        for j in range(WIDTH):
            work[_RANDOM + row * WIDTH + j] = lanes[row, j]
    member, first, last = geometry.member[which], geometry.first[which], geometry.stop[which]
    filled, n_segments = 0, 0
    for number in range(begin, stop):
        rest, row, total = number, 0, geometry.colour[which]
        member_a, member_b = _ONES, _ONES
        both = False
        for axis in range(axes - 2, -1, -1):
            m = geometry.words[axis]
            steps = (m + 1) // 2 if axis == pair else m
            k = rest % steps
            rest //= steps
            k_b = k
            if axis == pair:
                k *= 2
                both = k + 1 < m
                k_b = k + 1 if both else k
            digits[axis] = k
            row += k * geometry.stride[axis]
            total += k
            member_a &= member[geometry.start[axis] + k]
            member_b &= member[geometry.start[axis] + k_b]
        if not both:
            member_b = _ZERO
        if member_a == _ZERO and member_b == _ZERO:
            continue
        row_b = row + geometry.stride[pair] if both else row
        for at in range(first, last, WIDTH):
            n = min(WIDTH, last - at)
            if filled + n > WIDTH:
                _decide(work, filled, count, spin, group, chance, free, geometry.few)
                _write(words, work, segments, n_segments)
                filled, n_segments = 0, 0
            _gather(words, work, filled, row, row_b, digits, geometry, member_a, member_b, total + at, at, n, free)
            segments[n_segments, 0], segments[n_segments, 1], segments[n_segments, 2], segments[n_segments, 3] = (
                filled,
                row + at,
                row_b + at,
                n,
            )
            filled += n
            n_segments += 1
    if filled:
        _decide(work, filled, count, spin, group, chance, free, geometry.few)
        _write(words, work, segments, n_segments)
    for row in range(4):
        for j in range(WIDTH):
            lanes[row, j] = work[_RANDOM + row * WIDTH + j]


@kernel
def sweep(words, lanes, geometry, count, spin, group, chance, free, bounds, n, first_class, stop_class, first_block, stop_block):
    """`n` sweeps of some classes over some blocks; block b are the pairs of rows ``bounds[b]`` to ``bounds[b + 1]``, and its random streams the columns of
    ``lanes[b]``, shape (4, WIDTH)."""
    work, segments = np.empty(_KIND + _KINDS * WIDTH, np.uint64), np.empty((WIDTH, 4), np.int64)
    digits = np.empty(geometry.words.size, np.int64)
    for _ in range(n):
        for c in range(first_class, stop_class):
            if geometry.first[c] < geometry.stop[c]:
                for b in range(first_block, stop_block):
                    _sweep_block(
                        work,
                        segments,
                        digits,
                        words,
                        lanes[b],
                        geometry,
                        c,
                        count,
                        spin,
                        group,
                        chance,
                        free,
                        bounds[b],
                        bounds[b + 1],
                    )
