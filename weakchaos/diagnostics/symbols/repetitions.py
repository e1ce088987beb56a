"""Periods of symbol sequences: the exact least period, and all maximal repetitions (runs).

A run is a stretch ``[start, end)`` with least period p and length at least 2 p that cannot be extended. Bannai, I, Inenaga,
Nakashima, Takeda and Tsuruta, SIAM J. Comput. 46 (2017) 1501, doi:10.1137/15M1011032: let ``l(i) = [i, j)`` be the longest Lyndon
word that begins at i, for the order of the alphabet and for its reverse, j being the next place whose suffix is smaller in that
order. Then each run has period ``j - i`` for some i, and there are fewer than n of them. So each i gives two candidates, and each
candidate is extended to both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from weakchaos.core.arguments import number_that
from weakchaos.diagnostics.symbols.suffix_array import ranks_of_suffixes, shared_prefixes, suffix_array
from weakchaos.diagnostics.symbols.symbolic import rank_symbols
from weakchaos.native.compiled import kernel

__all__ = ["Run", "Runs", "period", "runs"]

_BLOCK = 16
_SCANNED = 32
_BUDGET = 32


class Run(NamedTuple):
    """One maximal repetition: ``symbols[start:end]`` has least period `period`, ``exponent = (end - start) / period >= 2``."""

    start: int
    end: int
    period: int
    exponent: float


@dataclass(frozen=True)
class Runs:
    """All maximal repetitions of a sequence, in the order of their starts and then of their periods; ``len``, indexing and
    iteration give `Run`.

    Attributes
    ----------
    start, end, period : int64 arrays of shape (runs,)
        ``symbols[start:end]`` repeats with the least period `period`.
    n : int
        The number of symbols.
    """

    start: np.ndarray
    end: np.ndarray
    period: np.ndarray
    n: int

    @property
    def length(self) -> np.ndarray:
        """``end - start``."""
        return self.end - self.start

    @property
    def exponent(self) -> np.ndarray:
        """How often the period fits, ``length / period``, at least 2."""
        return self.length / self.period

    def __len__(self) -> int:
        return self.start.size

    def __getitem__(self, k: int) -> Run:
        start, end, p = int(self.start[k]), int(self.end[k]), int(self.period[k])
        return Run(start, end, p, (end - start) / p)

    def __iter__(self) -> Iterator[Run]:
        return (self[k] for k in range(len(self)))

    def longest(self, count: int = 10) -> list[Run]:
        """The `count` longest runs, longest first.

        Examples
        --------
        >>> runs("mississippi").longest(1)
        [Run(start=1, end=8, period=3, exponent=2.3333333333333335)]
        """
        return [self[int(k)] for k in np.argsort(-self.length, kind="stable")[:count]]


@kernel
def _minima(values):
    """Minima of blocks of 16 and of 2, 4, 8, ... of them: a table of n / 16 log n entries answers for whole blocks."""
    blocks = (values.size + _BLOCK - 1) // _BLOCK
    levels = 1
    while (1 << levels) <= blocks:
        levels += 1
    table = np.empty((levels, blocks), np.int32)
    for b in range(blocks):
        table[0, b] = values[b * _BLOCK : (b + 1) * _BLOCK].min()
    for k in range(1, levels):
        for b in range(blocks):
            other = min(b + (1 << (k - 1)), blocks - 1)
            table[k, b] = min(table[k - 1, b], table[k - 1, other])
    return table


@kernel
def _least(values, table, low, high):
    """The minimum of ``values[low:high]``, low < high."""
    least = values[low]
    first, last = (low + _BLOCK - 1) // _BLOCK, high // _BLOCK
    if first >= last:
        for k in range(low, high):
            least = min(least, values[k])
        return least
    for k in range(low, first * _BLOCK):
        least = min(least, values[k])
    for k in range(last * _BLOCK, high):
        least = min(least, values[k])
    level = 0
    while (2 << level) <= last - first:
        level += 1
    return min(least, table[level, first], table[level, last - (1 << level)])


@kernel
def _common(text, i, j, step, limit, rank, shared, table):
    """How many symbols agree from i and j (i < j) on, going right (step 1) or left (-1), at most `limit`; ranks are of the text as
    it is read in that direction. A few are compared one by one, which settles nearly all; then the suffix array answers in
    constant time."""
    count = 0
    scanned = limit if rank.size == 0 else min(limit, _SCANNED)
    while count < scanned and text[i + step * count] == text[j + step * count]:
        count += 1
    if count < scanned or count == limit:
        return count
    n = text.size
    a, b = (rank[i], rank[j]) if step > 0 else (rank[n - 1 - i], rank[n - 1 - j])
    return min(limit, _least(shared, table, min(a, b) + 1, max(a, b) + 1))


@kernel
def _next(rank, sign):
    """For each place the next one whose suffix is smaller (sign 1) or larger (-1); n where there is none."""
    n = rank.size
    after = np.empty(n, np.int32)
    for i in range(n - 1, -1, -1):
        j = i + 1
        while j < n and sign * rank[j] > sign * rank[i]:
            j = after[j]
        after[i] = j
    return after


@kernel
def _runs(text, smaller, larger, index, rank, shared, table, rank_left, shared_left, table_left, budget, found):
    """Runs into the rows of `found`. Returns how many; -1 when the index is empty and comparing symbols has cost more than
    `budget`."""
    n = text.size
    starts, ends = np.full(n + 1, -1, np.int32), np.full(n + 1, -1, np.int32)
    count, spent = 0, 0
    for i in range(n):
        for order in range(2):
            j = smaller[i] if order == 0 else larger[i]
            # Without a larger suffix the word is not Lyndon in the reversed order, whose end mark is the largest.
            if order == 1 and j == n:
                continue
            p = j - i
            # Starts come in order, and two runs of one period share less than the period: the last one found is the one to ask.
            if starts[p] <= i and j <= ends[p]:
                continue
            right = 0 if j == n else _common(text, i, j, 1, n - j, rank, shared, table)
            left = 0 if i == 0 else _common(text, i - 1, j - 1, -1, i, rank_left, shared_left, table_left)
            if left + right >= p:
                starts[p], ends[p] = i - left, j + right
                found[count, 0], found[count, 1], found[count, 2] = i - left, j + right, p
                count += 1
            spent += left + right
            if spent > budget and not index:
                return -1
    return count


def _index(text: np.ndarray, sa: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shared = shared_prefixes(text, sa)[sa]
    return ranks_of_suffixes(sa), shared, _minima(shared)


def runs(symbols: Any, min_exponent: float = 2.0) -> Runs:
    """All maximal repetitions of a sequence, exactly and in linear time, for any alphabet.

    Parameters
    ----------
    symbols : str, or array of shape (n,) or (n, units)
        Rows are symbols when it has two axes.
    min_exponent : float
        Keep the runs that repeat at least so often; 2 keeps all.

    Returns
    -------
    Runs

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> [(r.start, r.end, r.period) for r in runs("abaababaabaab")]
    [(0, 6, 3), (0, 11, 5), (2, 4, 1), (3, 8, 2), (5, 13, 3), (7, 9, 1), (10, 12, 1)]
    """
    min_exponent = number_that("min_exponent", min_exponent, "at least 2, what makes a repetition", lambda v: v >= 2, finite=False)
    ranks, size = rank_symbols(symbols, 0)
    text, n = ranks.astype(np.int32), ranks.size
    if n == 0:
        return Runs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), 0)
    sa = suffix_array(text, size)
    rank = ranks_of_suffixes(sa)
    smaller, larger = _next(rank, 1), _next(rank, -1)
    found = np.empty((n, 3), np.int32)
    none, no_table = np.empty(0, np.int32), np.empty((0, 0), np.int32)
    count = _runs(text, smaller, larger, False, none, none, no_table, none, none, no_table, _BUDGET * n, found)
    if count < 0:
        backward = text[::-1].copy()
        left = _index(backward, suffix_array(backward, size))
        count = _runs(text, smaller, larger, True, *_index(text, sa), *left, 0, found)
    start, end, p = found[:count].astype(np.int64).T
    order = np.argsort(start * (n + 1) + p)
    if min_exponent > 2:
        order = order[(end - start)[order] >= min_exponent * p[order]]
    return Runs(start[order], end[order], p[order], n)


@kernel
def _borders(text):
    """``border[m]``: the length of the longest proper prefix of ``text[:m]`` that is also its suffix."""
    border = np.zeros(text.size + 1, np.int32)
    length = 0
    for m in range(1, text.size):
        while length and text[m] != text[length]:
            length = border[length]
        length += text[m] == text[length]
        border[m + 1] = length
    return border


def period(symbols: Any) -> int:
    """The least p >= 1 with ``symbols[i] == symbols[i + p]`` wherever both exist, exactly and in linear time.

    Parameters
    ----------
    symbols : str, or array of shape (n,) or (n, units)
        Rows are symbols when it has two axes.

    Returns
    -------
    int
        n when nothing shorter fits. Only a p of at most half of n has been seen to repeat.

    Raises
    ------
    ArgumentError

    Notes
    -----
    n less the longest border (Knuth, Morris and Pratt, SIAM J. Comput. 6 (1977) 323, doi:10.1137/0206024).

    Examples
    --------
    >>> period("abcabcab"), period([0, 0, 1])
    (3, 3)
    """
    text, _ = rank_symbols(symbols, 1)
    return int(text.size - _borders(text.astype(np.int32))[-1])
