"""Suffix array by induced sorting, and the longest common prefixes of neighbours in it: what counts words and finds repetitions.

* Suffix array: Nong, Zhang and Chan, IEEE Trans. Comput. 60 (2011) 1471, doi:10.1109/TC.2010.188 (SA-IS), linear in any alphabet 0
  .. k - 1. A suffix is of type S when it is smaller than the next one, else L; the leftmost of a row of S (LMS) are sorted, by
  recursion where their substrings repeat, and all others follow from them in two scans.
* Longest common prefixes in the order of the text: ``plcp[i] >= plcp[i - 1] - 1`` (Karkkainen, Manzini and Puglisi, CPM 2009,
  doi:10.1007/978-3-642-02441-2_17).
"""

from __future__ import annotations

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.native.compiled import kernel

__all__ = ["earlier_neighbours", "previous_factors", "ranks_of_suffixes", "shared_prefixes", "suffix_array"]


@kernel
def _induce(text, smaller, first, sa):
    """Sort all suffixes given the LMS ones at the ends of their buckets in `sa`; `first[c]` is where the bucket of symbol c
    begins. `sa` has one slot more than suffixes, for what is written and not wanted: a branch on types would be mispredicted."""
    n = text.size
    place = first[:-1].copy()
    # The last suffix is of type L and follows from the empty suffix, which no slot holds.
    sa[place[text[n - 1]]] = n - 1
    place[text[n - 1]] += 1
    for r in range(n):
        i = sa[r] - 1
        if i >= 0:
            c, wanted = text[i], not smaller[i]
            sa[place[c] if wanted else n] = i
            place[c] += wanted
    place = first[1:].copy()
    for r in range(n - 1, -1, -1):
        i = sa[r] - 1
        if i >= 0:
            c, wanted = text[i], smaller[i]
            place[c] -= wanted
            sa[place[c] if wanted else n] = i


@kernel
def _types(text, size):
    """Which suffixes are of type S, where the buckets begin, and the LMS suffixes in the order of the text."""
    n = text.size
    smaller, leftmost = np.zeros(n, np.bool_), np.empty(n // 2 + 1, np.int32)
    first = np.zeros(size + 1, np.int32)
    first[text[n - 1] + 1] += 1
    count, after, after_smaller = 0, text[n - 1], False
    for i in range(n - 2, -1, -1):
        c = text[i]
        first[c + 1] += 1
        here = (c < after) | ((c == after) & after_smaller)
        smaller[i] = here
        # Written always, counted where type S follows on type L.
        leftmost[count] = i + 1
        count += after_smaller & (not here)
        after, after_smaller = c, here
    for c in range(size):
        first[c + 1] += first[c]
    return smaller, first, leftmost[:count][::-1].copy()


@kernel
def _place(text, first, leftmost, order, sa):
    """Put LMS suffixes at the ends of their buckets, `order` being their ranks from small to large (empty: as they come)."""
    sa[:] = -1
    place = first[1:].copy()
    for k in range(leftmost.size - 1, -1, -1):
        i = leftmost[order[k]] if order.size else leftmost[k]
        place[text[i]] -= 1
        sa[place[text[i]]] = i


@kernel
def _name(text, smaller, leftmost, sa):
    """Names of the LMS substrings in the order of the text: equal substrings, equal names. Returns them and how many there are."""
    n, m = text.size, leftmost.size
    # Of each LMS suffix the symbols to the next one, later the name; two of them are at least two places apart, so half of a table
    # will do.
    table = np.zeros(n // 2 + 1, np.int32)
    for k in range(m - 1):
        table[leftmost[k] >> 1] = leftmost[k + 1] - leftmost[k]
    ordered = np.empty(m + 1, np.int32)
    count = 0
    for r in range(n):
        i = sa[r]
        ordered[count] = i
        count += (i > 0) & smaller[i] & (not smaller[max(i - 1, 0)])
    name, previous, before = -1, -1, 0
    for k in range(m):
        i = ordered[k]
        length = table[i >> 1]
        # The substring that touches the end (length 0) is followed by the empty suffix, so it equals no other. Between two LMS
        # places the symbols decide the types.
        same = length == before and length > 0
        if same:
            for t in range(length + 1):
                if text[i + t] != text[previous + t]:
                    same = False
                    break
        name += not same
        table[i >> 1] = name
        previous, before = i, length
    names = np.empty(m, np.int32)
    for k in range(m):
        names[k] = table[leftmost[k] >> 1]
    return names, name + 1


def suffix_array(text: np.ndarray, size: int) -> np.ndarray:
    """Starts of all suffixes of an int32 text over 0 .. size - 1, from the smallest suffix to the largest.

    Examples
    --------
    >>> suffix_array(np.array([1, 0, 2, 0, 2, 0], np.int32), 3)
    array([5, 3, 1, 0, 4, 2], dtype=int32)
    """
    n = text.size
    if n >= 2**31 - 1:
        raise ArgumentError(f"`symbols` must be fewer than 2**31 - 1; got {n}")
    sa = np.empty(n + 1, np.int32)
    if n == 0:
        return sa[:0]
    smaller, first, leftmost = _types(text, size)
    unordered = np.empty(0, np.int32)
    _place(text, first, leftmost, unordered, sa)
    _induce(text, smaller, first, sa)
    if leftmost.size > 1:
        names, count = _name(text, smaller, leftmost, sa)
        if count < leftmost.size:
            order = suffix_array(names, count)
        else:
            order = np.empty(count, np.int32)
            order[names] = np.arange(count, dtype=np.int32)
        _place(text, first, leftmost, order, sa)
        _induce(text, smaller, first, sa)
    return sa[:n]


@kernel
def _shared(text, sa):
    n = text.size
    before = np.empty(n, np.int32)
    before[sa[0]] = -1
    for r in range(1, n):
        before[sa[r]] = sa[r - 1]
    length = 0
    # Overwritten by the answer as the scan goes: each entry is read once, just before.
    for i in range(n):
        j = before[i]
        if j < 0:
            length = 0
        else:
            while i + length < n and j + length < n and text[i + length] == text[j + length]:
                length += 1
        before[i] = length
        length = max(length - 1, 0)
    return before


def shared_prefixes(text: np.ndarray, sa: np.ndarray) -> np.ndarray:
    """For each suffix, in the order of the text, how many symbols it shares with the next smaller suffix (int32).

    Examples
    --------
    >>> text = np.array([1, 0, 2, 0, 2, 0], np.int32)
    >>> shared_prefixes(text, suffix_array(text, 3))
    array([0, 3, 2, 1, 0, 0], dtype=int32)
    """
    return _shared(text, sa) if text.size else np.empty(0, np.int32)


@kernel
def _inverse(sa):
    rank = np.empty(sa.size, np.int32)
    for r in range(sa.size):
        rank[sa[r]] = r
    return rank


def ranks_of_suffixes(sa: np.ndarray) -> np.ndarray:
    """The rank of each suffix in the order of the text (int32).

    Examples
    --------
    >>> ranks_of_suffixes(np.array([5, 3, 1, 0, 4, 2], np.int32))
    array([3, 2, 5, 1, 4, 0], dtype=int32)
    """
    return _inverse(sa)


@kernel
def earlier_neighbours(sa):
    """For each place of the text, where the nearest smaller and the nearest larger suffix that begin earlier do; n where there is none.

    Taken out of the list of all suffixes from the last place to the first, a suffix has only earlier ones beside it (Crochemore and Ilie
    2008).
    """
    n = sa.size
    smaller, larger = np.empty(n + 1, np.int32), np.empty(n + 1, np.int32)
    last = n
    for r in range(n):
        smaller[sa[r]], larger[last] = last, sa[r]
        last = sa[r]
    larger[last] = n
    for i in range(n - 1, -1, -1):
        a, b = smaller[i], larger[i]
        larger[a], smaller[b] = b, a
    return smaller, larger


@kernel
def _previous(text, smaller, larger):
    n = text.size
    lengths = np.empty(n, np.int32)
    a = b = 0
    for i in range(n):
        s, g = smaller[i], larger[i]
        # What was shared at the place before, less one symbol, is shared here; without a neighbour here it was nothing.
        while s < n and i + a < n and text[s + a] == text[i + a]:
            a += 1
        while g < n and i + b < n and text[g + b] == text[i + b]:
            b += 1
        lengths[i] = max(a, b)
        a, b = max(a - 1, 0), max(b - 1, 0)
    return lengths


def previous_factors(text: np.ndarray, sa: np.ndarray) -> np.ndarray:
    """For each place, the length of the longest word that begins there and also begins earlier; the two may overlap (int32).

    Crochemore and Ilie, Inf. Process. Lett. 106 (2008) 75, doi:10.1016/j.ipl.2007.10.006.

    Examples
    --------
    >>> text = np.array([1, 0, 2, 0, 2, 0], np.int32)
    >>> previous_factors(text, suffix_array(text, 3))
    array([0, 0, 0, 3, 2, 1], dtype=int32)
    """
    return _previous(text, *earlier_neighbours(sa))
