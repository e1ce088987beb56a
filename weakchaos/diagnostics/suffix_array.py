"""Suffix array by induced sorting, and the longest common prefixes of neighbours in it: what counts words and finds repetitions.

* Suffix array: Nong, Zhang and Chan, IEEE Trans. Comput. 60 (2011) 1471, doi:10.1109/TC.2010.188 (SA-IS), linear in any alphabet 0
  .. k - 1. A suffix is of type S when it is smaller than the next one, else L; the leftmost of a row of S (LMS) are sorted, by
  recursion where their substrings repeat, and all others follow from them in two scans.
* Longest common prefixes in the order of the text: ``plcp[i] >= plcp[i - 1] - 1`` (Karkkainen, Manzini and Puglisi, CPM 2009,
  doi:10.1007/978-3-642-02441-2_17).
"""

from __future__ import annotations

import numpy as np

from weakchaos.core.compiled import kernel
from weakchaos.core.errors import ArgumentError

__all__ = ["previous_factors", "ranks_of_suffixes", "shared_prefixes", "suffix_array"]


@kernel
def _induce(text, smaller, first, sa):
    """Sort all suffixes given the LMS ones at the ends of their buckets in `sa`; `first[c]` is where the bucket of symbol c
    begins."""
    n = text.size
    place = first[:-1].copy()
    # The last suffix is of type L and follows from the empty suffix, which no slot holds.
    sa[place[text[n - 1]]] = n - 1
    place[text[n - 1]] += 1
    for r in range(n):
        i = sa[r] - 1
        if i >= 0 and not smaller[i]:
            c = text[i]
            sa[place[c]] = i
            place[c] += 1
    place = first[1:].copy()
    for r in range(n - 1, -1, -1):
        i = sa[r] - 1
        if i >= 0 and smaller[i]:
            c = text[i]
            place[c] -= 1
            sa[place[c]] = i


@kernel
def _types(text, size):
    n = text.size
    smaller = np.zeros(n, np.bool_)
    first = np.zeros(size + 1, np.int32)
    first[text[n - 1] + 1] += 1
    for i in range(n - 2, -1, -1):
        smaller[i] = text[i] < text[i + 1] or (text[i] == text[i + 1] and smaller[i + 1])
        first[text[i] + 1] += 1
    for c in range(size):
        first[c + 1] += first[c]
    count = 0
    for i in range(1, n):
        count += smaller[i] and not smaller[i - 1]
    leftmost = np.empty(count, np.int32)
    count = 0
    for i in range(1, n):
        if smaller[i] and not smaller[i - 1]:
            leftmost[count] = i
            count += 1
    return smaller, first, leftmost


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
    number = np.full(n, -1, np.int32)
    for k in range(m):
        number[leftmost[k]] = k
    names = np.empty(m, np.int32)
    name, previous = -1, -1
    for r in range(n):
        i = sa[r]
        if i < 0 or number[i] < 0:
            continue
        k, same = number[i], False
        if previous >= 0:
            q = number[previous]
            length = (leftmost[k + 1] if k + 1 < m else n) - i
            # The substring that touches the end is followed by the empty suffix, so it equals no other.
            if k + 1 < m and q + 1 < m and leftmost[q + 1] - previous == length:
                same = True
                for t in range(length + 1):
                    if text[i + t] != text[previous + t] or smaller[i + t] != smaller[previous + t]:
                        same = False
                        break
        if not same:
            name += 1
        names[k] = name
        previous = i
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
    sa = np.empty(n, np.int32)
    if n == 0:
        return sa
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
    return sa


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
def _previous(text, sa):
    n = text.size
    # Nearest suffixes in rank that start earlier in the text, on either side (Crochemore, Ilie and Smyth 2008).
    up, down = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    stack = np.empty(n, np.int32)
    top = 0
    for r in range(n):
        i = sa[r]
        while top and stack[top - 1] > i:
            down[stack[top - 1]] = i
            top -= 1
        if top:
            up[i] = stack[top - 1]
        stack[top] = i
        top += 1
    a = b = 0
    for i in range(n):
        a = 0 if up[i] < 0 else a
        if up[i] >= 0:
            while i + a < n and text[up[i] + a] == text[i + a]:
                a += 1
        b = 0 if down[i] < 0 else b
        if down[i] >= 0:
            while i + b < n and text[down[i] + b] == text[i + b]:
                b += 1
        up[i] = max(a, b)
        a, b = max(a - 1, 0), max(b - 1, 0)
    return up


def previous_factors(text: np.ndarray, sa: np.ndarray) -> np.ndarray:
    """For each place, the length of the longest word that begins there and also begins earlier; the two may overlap (int32).

    Crochemore and Ilie, Inf. Process. Lett. 106 (2008) 75, doi:10.1016/j.ipl.2007.10.006.

    Examples
    --------
    >>> text = np.array([1, 0, 2, 0, 2, 0], np.int32)
    >>> previous_factors(text, suffix_array(text, 3))
    array([0, 0, 0, 3, 2, 1], dtype=int32)
    """
    return _previous(text, sa) if text.size else np.empty(0, np.int32)
