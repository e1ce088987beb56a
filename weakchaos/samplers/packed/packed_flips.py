"""Which of 64 packed spins flip, whose equal neighbours were counted.

A spin whose count is of kind t flips with a probability p_t, which depends on the rule alone. Random words are compared with the bits of p_t from the highest down: after 10
of them one spin in 1024 is still undecided, and is decided by a random number of 64 bits of its own against the rest of p_t, so that probabilities are exact to 2**-64.
Random words are of xoshiro256++ (Blackman and Vigna, ACM Trans. Math. Softw. 47 (2021) 36, doi:10.1145/3460772), `WIDTH` of them side by side.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from weakchaos.native.compiled import borrowing
from weakchaos.samplers.packed.work_rows import EQUAL, FLIP, KIND, NONE, ONE, ONES, OPEN, PLANE, RANDOM, SPIN, VALID, WIDTH, ZERO

__all__ = ["REFUSED", "decide", "flip_kinds"]

# Metropolis flips that cost nothing are refused so often. If none were, a colour whose flips are all free would move without chance: a ring keeps the number
# of walls that run each way for ever, and each even torus has states that only follow one another.
REFUSED = 1 / 16
COMPARED = 10  # bits of a probability before what is left is decided one by one


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


@njit(nogil=True, error_model="numpy", forceinline=True)
def _next_word(work, lane):
    """The next random word of one lane of xoshiro256++."""
    a, b, c, d = (
        work[RANDOM + lane],
        work[RANDOM + WIDTH + lane],
        work[RANDOM + 2 * WIDTH + lane],
        work[RANDOM + 3 * WIDTH + lane],
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
    work[RANDOM + lane], work[RANDOM + WIDTH + lane], work[RANDOM + 2 * WIDTH + lane], work[RANDOM + 3 * WIDTH + lane] = (
        a,
        b,
        c,
        d,
    )
    return out


@borrowing
def _mark_kind(work, group, count, spin, n, few):
    """Add to the row of a group the valid bits whose count, and spin if it is not negative, are those of a kind; `few`: no count is above 7."""
    row = work[KIND + group * WIDTH : KIND + (group + 1) * WIDTH]
    c0 = ZERO if count & 1 else ONES
    c1 = ZERO if count & 2 else ONES
    c2 = ZERO if count & 4 else ONES
    c3 = ZERO if count & 8 else ONES
    c4 = ZERO if count & 16 else ONES
    if few and spin < 0:
        for j in range(n):
            row[j] |= (work[EQUAL + j] ^ c0) & (work[EQUAL + WIDTH + j] ^ c1) & (work[EQUAL + 2 * WIDTH + j] ^ c2) & work[VALID + j]
        return
    either = ONES if spin < 0 else ZERO
    s = ZERO if spin == 1 else ONES
    for j in range(n):
        mask = (work[EQUAL + j] ^ c0) & (work[EQUAL + WIDTH + j] ^ c1) & (work[EQUAL + 2 * WIDTH + j] ^ c2)
        mask &= (work[EQUAL + 3 * WIDTH + j] ^ c3) & (work[NONE + j] ^ c4)
        row[j] |= mask & ((work[SPIN + j] ^ s) | either) & work[VALID + j]


@borrowing
def _double_counts(work, n):
    """Planes of twice the equal neighbours and those that do not exist, five of them: the four of `EQUAL` and the first of `NONE`."""
    for j in range(n):
        e0, e1, e2 = work[NONE + j], work[NONE + WIDTH + j], work[NONE + 2 * WIDTH + j]
        p0, p1, p2, p3 = work[EQUAL + j], work[EQUAL + WIDTH + j], work[EQUAL + 2 * WIDTH + j], work[EQUAL + 3 * WIDTH + j]
        carry = p0 & e1
        second = p0 ^ e1
        third = p1 ^ e2 ^ carry
        carry = (p1 & e2) | (carry & (p1 ^ e2))
        work[EQUAL + j], work[EQUAL + WIDTH + j], work[EQUAL + 2 * WIDTH + j] = e0, second, third
        work[EQUAL + 3 * WIDTH + j] = p2 ^ carry
        work[NONE + j] = p3 ^ (p2 & carry)


@borrowing
def decide(work, n, count, spin, group, chance, free, few):
    """Which of the valid bits flip, into the row `FLIP`."""
    if free:
        _double_counts(work, n)
    for j in range(n):
        work[FLIP + j] = work[OPEN + j] = ZERO
    for g in range(chance.size):
        row = work[KIND + g * WIDTH : KIND + (g + 1) * WIDTH]
        for j in range(n):
            row[j] = ZERO
    for t in range(count.size):
        _mark_kind(work, group[t], count[t], spin[t], n, few)
    for g in range(chance.size):
        row = work[KIND + g * WIDTH : KIND + (g + 1) * WIDTH]
        if chance[g] == ZERO:
            for j in range(n):
                work[FLIP + j] |= row[j]
        else:
            for j in range(n):
                work[OPEN + j] |= row[j]
    for bit in range(COMPARED):
        for j in range(n):
            work[PLANE + j] = ZERO
        for g in range(chance.size):
            if (chance[g] >> np.uint64(63 - bit)) & ONE:
                row = work[KIND + g * WIDTH : KIND + (g + 1) * WIDTH]
                for j in range(n):
                    work[PLANE + j] |= row[j]
        for j in range(n):
            r, plane, undecided = _next_word(work, j), work[PLANE + j], work[OPEN + j]
            differ = undecided & (plane ^ r)
            work[FLIP + j] |= differ & plane
            work[OPEN + j] = undecided ^ differ
    for j in range(n):
        rest = work[OPEN + j]
        while rest != ZERO:
            bit = rest & (~rest + ONE)
            rest ^= bit
            r = _next_word(work, j)
            for g in range(chance.size):
                if chance[g] != ZERO and work[KIND + g * WIDTH + j] & bit:
                    if r < chance[g] << np.uint64(COMPARED):
                        work[FLIP + j] |= bit
                    break
