"""Where the spin of a lattice lies among the bits of its words, and which words hold its neighbours.

Along axis `a` the bits of a word stand ``B[a]`` spins apart: position ``b m[a] + k`` is bit digit `b` of word digit `k`, with ``m[a] = ceil(L[a] / B[a])``
(Ito and Kanada, Supercomputer 5 (1988) 31; Block, Virnau and Preis, Comput. Phys. Commun. 181 (2010) 1549, doi:10.1016/j.cpc.2010.05.005, pack bits the
same way). Neighbours are the same bits of the next word, but for the words at the ends, whose bits move on by one digit. The last axis is never packed, so that a
row of words is contiguous.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

__all__ = ["Geometry", "Layout"]

_FULL = (1 << 64) - 1


class Geometry(NamedTuple):
    """What kernels read; axes are those of the words."""

    words: np.ndarray  # int64 (d,): word digits of each axis; the last is the length of a row
    stride: np.ndarray  # int64 (d,): words from one digit to the next
    start: np.ndarray  # int64 (d,): first row of an axis in the tables below
    near: (
        np.ndarray
    )  # int64 (rows, 2, 6): up and down: digit of the neighbour, shifts right and left, the same of the bits beyond the end
    beyond: np.ndarray  # uint64 (rows, 2): bits whose neighbour is beyond the end of a periodic axis
    absent: np.ndarray  # uint64 (rows, 2): bits that have no neighbour
    classes: np.ndarray  # int64 (classes + 1,): first part of each class of spins; its parts are moved together
    member: np.ndarray  # uint64 (parts, rows): bits that belong to a part
    first: np.ndarray  # int64 (parts,): first word of a row in the part
    stop: np.ndarray  # int64 (parts,)
    colour: np.ndarray  # int64 (parts,)
    odd: np.uint64  # bits of odd parity
    pair: int  # the axis along which two words of opposite colours are joined; -1 for none
    last_open: bool
    few: bool  # whether no spin can have more than 7 equal neighbours, and all have the same number of neighbours


class Layout:
    """The packing of one lattice.

    Parameters
    ----------
    shape : tuple of int
    periodic : bool

    Attributes
    ----------
    axes : tuple of int
        Axes of the lattice in the order of the words; axes of length 1 are left out.
    bits : tuple of int
        Spins of a word along each of them.
    n_words : int
    n_bonds : int
        Edges of the lattice; a periodic axis of length 2 has two between its spins.

    Examples
    --------
    >>> layout = Layout((128, 256), periodic=True)
    >>> layout.n_words, layout.bits
    (512, (64, 1))
    """

    def __init__(self, shape: tuple[int, ...], periodic: bool):
        self.shape, self.periodic = tuple(shape), periodic
        self.n_spins = math.prod(shape)
        self.axes, self.bits = _best(self.shape)
        self.sides = tuple(self.shape[a] if a >= 0 else 1 for a in self.axes)
        self.words = tuple(-(-side // b) for side, b in zip(self.sides, self.bits, strict=True))
        self.n_words = math.prod(self.words)
        self.dim = sum(side > 1 for side in self.shape)
        self.n_bonds = sum(self.n_spins if periodic else self.n_spins // side * (side - 1) for side in self.shape if side > 1)
        self.shifts = tuple(math.prod(self.bits[:a]) for a in range(len(self.bits)))  # of one bit digit of each axis
        self.geometry = self._geometry()

    def _bits_where(self, axis: int, digit: int) -> int:
        """All bits of a word whose digit along an axis is `digit`."""
        step, base = self.shifts[axis], self.bits[axis]
        return sum(1 << i for i in range(math.prod(self.bits)) if i // step % base == digit)

    def _geometry(self) -> Geometry:
        d = len(self.words)
        stride = [math.prod(self.words[a + 1 :]) for a in range(d)]
        start = [sum(self.words[:a]) for a in range(d)]  # of the last axis: the number of rows of the tables
        rows = start[-1]
        near, beyond, absent = np.zeros((rows, 2, 6), np.int64), np.zeros((rows, 2), np.uint64), np.zeros((rows, 2), np.uint64)
        alive, seam = np.zeros(rows, np.uint64), np.zeros(rows, np.uint64)
        odd = 0
        for a in range(d - 1):
            side, base, m, step = self.sides[a], self.bits[a], self.words[a], self.shifts[a]
            top, end = divmod(side - 1, m)  # bit and word digit of the last position
            for k in range(m):
                row = start[a] + k
                alive[row] = sum(self._bits_where(a, b) for b in range(base) if b * m + k < side)
                seam[row] = self._bits_where(a, top) if k == end else 0
                up, down = (
                    (k + 1, 0, 0) if k + 1 < m else (0, step if base > 1 else 0, 0),
                    (k - 1, 0, 0) if k else (m - 1, 0, step if base > 1 else 0),
                )
                near[row, 0] = (*up, 0, 0, top * step)
                near[row, 1] = (*down, end, top * step, 0)
                edges = (self._bits_where(a, top) if k == end else 0, self._bits_where(a, 0) if k == 0 else 0)
                for way in range(2):
                    (beyond if self.periodic and side > 1 else absent)[row, way] = edges[way]
            if m % 2:
                odd ^= sum(self._bits_where(a, b) for b in range(1, base, 2))
        member, first, stop, colour, classes = [], [], [], [], [0]
        # A periodic axis of odd length is no part of a chess-board: spins at its last position are parts of their own. Two spins that are at the last position of
        # equally many such axes, but not of the same, differ along two axes and are no neighbours: their parts make one class.
        splits = [self.periodic and side > 1 and side % 2 == 1 for side in self.sides]
        ends = list(itertools.product(*[(False, True) if split else (False,) for split in splits]))
        for many, c in itertools.product(range(sum(splits) + 1), range(2)):
            for at_end in ends:
                if sum(at_end) != many:
                    continue
                mask = alive.copy()
                for a in range(d - 1):
                    part = slice(start[a], start[a] + self.words[a])
                    if splits[a]:
                        mask[part] = seam[part] if at_end[a] else alive[part] & ~seam[part]
                member.append(mask)
                length, last = self.words[-1], splits[-1]
                first.append(length - 1 if at_end[-1] else 0)
                stop.append(length - 1 if last and not at_end[-1] else length)
                colour.append(c)
            classes.append(len(colour))
        return Geometry(
            np.array(self.words, np.int64), np.array(stride, np.int64), np.array(start, np.int64), near, beyond, absent, np.array(classes, np.int64), np.array(member),
            np.array(first, np.int64), np.array(stop, np.int64), np.array(colour, np.int64), np.uint64(odd), _pair_axis(self.words),
            not (self.periodic and self.sides[-1] > 1), self.periodic and self.dim <= 3,
        )  # fmt: skip

    @property
    def n_classes(self) -> int:
        """Classes of spins that are moved one after the other."""
        return len(self.geometry.classes) - 1

    def alive_by_axis(self) -> np.ndarray:
        """For every row of the tables the bits that are spins: those of a word are the intersection over its digits."""
        return np.bitwise_or.reduce(self.geometry.member, 0)

    def alive(self) -> np.ndarray:
        """The bits of every word that are spins, shape (n_words,) of uint64."""
        out = np.full(self.n_words, _FULL, np.uint64)
        self.keep_alive(out)
        return out

    def keep_alive(self, words: np.ndarray) -> None:
        """Clear, in place, the bits of `words` that are no spins."""
        shaped, table = words.reshape(self.words), self.alive_by_axis()
        for a in range(len(self.words) - 1):
            part = table[self.geometry.start[a] : self.geometry.start[a] + self.words[a]]
            shaped &= part.reshape([-1 if b == a else 1 for b in range(len(self.words))])

    def pack(self, spins: np.ndarray) -> np.ndarray:
        """Words, shape (n_words,) of uint64, of spins up (any number above 0) and down, shape `shape` or flat."""
        up = self._ordered(np.asarray(spins).reshape(self.shape) > 0)
        padding = [(0, b * m - side) for b, m, side in zip(self.bits, self.words, self.sides, strict=True)]
        digits = self._digits(np.pad(up, padding))
        out = np.zeros(self.words, np.uint64)
        for place, digit in enumerate(itertools.product(*[range(b) for b in reversed(self.bits)])):
            out |= digits[tuple(reversed(digit))].astype(np.uint64) << np.uint64(place)
        return out.ravel()

    def unpack(self, words: np.ndarray) -> np.ndarray:
        """Spins -1 and +1, int8 of shape `shape`."""
        words = words.reshape(self.words)
        digits = np.empty((*self.bits, *self.words), bool)
        for place, digit in enumerate(itertools.product(*[range(b) for b in reversed(self.bits)])):
            digits[tuple(reversed(digit))] = (words >> np.uint64(place)) & np.uint64(1)
        d = len(self.bits)
        whole = digits.transpose([axis for a in range(d) for axis in (a, d + a)]).reshape(
            [b * m for b, m in zip(self.bits, self.words, strict=True)]
        )
        up = whole[tuple(slice(side) for side in self.sides)]
        real = [a for a in self.axes if a >= 0]
        return (2 * up.reshape([self.shape[a] for a in real]).transpose(np.argsort(real)).astype(np.int8) - 1).reshape(self.shape)

    def _ordered(self, values: np.ndarray) -> np.ndarray:
        """Axes of the lattice in the order of the words."""
        real = [a for a in self.axes if a >= 0]
        kept = values.reshape([side for side in self.shape if side > 1] or [1])
        ranks = {a: i for i, a in enumerate(sorted(real))}
        return kept.transpose([ranks[a] for a in real]).reshape(self.sides)

    def _digits(self, values: np.ndarray) -> np.ndarray:
        """Shape (bits..., words...) from (bits x words...)."""
        d = len(self.bits)
        split = values.reshape([n for b, m in zip(self.bits, self.words, strict=True) for n in (b, m)])
        return split.transpose([2 * a for a in range(d)] + [2 * a + 1 for a in range(d)])


def _pair_axis(words: tuple[int, ...]) -> int:
    """The axis, not the last, along which words are joined by twos: one of even length if there is one, else the longest of at least 3."""
    found = [a for a in range(len(words) - 1) if words[a] > 1]
    return max(found, key=lambda a: (words[a] % 2 == 0, words[a]), default=-1)


def _best(shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Order of axes and bits along each of them: the least work, then the fewest words at ends. -1 stands for an axis of length 1."""
    real = [a for a, side in enumerate(shape) if side > 1] or [0]
    orders = [(*[b for b in real if b != a], a) for a in real] if len(real) > 1 else [(real[0], -1)]
    best, found = (math.inf, math.inf), None
    for axes in orders:
        sides = [shape[a] if a >= 0 else 1 for a in axes]
        for powers in itertools.product(range(7), repeat=len(axes) - 1):
            if sum(powers) > 6:
                continue
            bits = (*[1 << p for p in powers], 1)
            words = tuple(-(-side // b) for side, b in zip(sides, bits, strict=True))
            pair = _pair_axis(words)
            work = math.prod(words) * (2.0 if pair < 0 else -(-words[pair] // 2) * 2 / words[pair]) * (1.0 + 8.0 / words[-1])
            cost = (work, sum(1.0 / m for m in words[:-1]))
            if cost < best:
                best, found = cost, (axes, bits)
    assert found is not None
    return found
