"""The number of templates of a series that agree with each template within r, which sample and approximate entropy need.

A template is near another if its first value is near the other's first value, and its second near the other's second, and so on. The values near
one value are a set of bits, the difference of two of the sets that are kept for every so many ranks; the sets of the values of a template are
intersected, 64 bits at a time, and counted, so the cost does not depend on how many pairs agree.

* By value: bit j is the template whose first value is the j-th smallest. Templates whose first values are near have neighbouring bits, so only
  this stretch of the other sets is read. This is the fastest way if r is small.
* By time: bit j is the template that begins at j. The sets of one time are used, shifted, for m + 1 templates, and the cost is N^2 / 64 words
  whatever r and m. This is the fastest way if r or m is large.
"""

from __future__ import annotations

import math

import numpy as np

from weakchaos.diagnostics.series.bitsets import count_bits, ranked_times, stretch_between, times_between
from weakchaos.native.compiled import kernel

__all__ = ["near_templates"]

_KEPT_BYTES = 2.0**22  # about what the cache of a core holds


@kernel
def _ranges(x, order, r):
    """The rank of each value; and for each rank the ranks, from `low` to before `high`, of the values within r of the one there."""
    n = x.size
    rank, low, high = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    a = b = 0
    for k in range(n):
        rank[order[k]] = k
        while x[order[k]] - x[order[a]] > r:
            a += 1
        while b < n and x[order[b]] - x[order[k]] <= r:
            b += 1
        low[k], high[k] = a, b
    return rank, low, high


@kernel
def _by_value(order, rank, low, high, m, bytes_kept, near, longer):
    n, total = order.size, near.size
    one, every = np.uint64(1), ~np.uint64(0)
    # The templates in the order of their first values, the place of each there, and how many have a first value of lower rank.
    templates, place, below = np.empty(total, np.int32), np.empty(total, np.int32), np.empty(n + 1, np.int32)
    count = 0
    for k in range(n):
        below[k] = count
        if order[k] < total:
            templates[count], place[order[k]] = order[k], count
            count += 1
    below[n] = count
    lower = np.empty((m, n + 1), np.int32)
    first = 0
    while first < total:
        # A block of templates and the window of all that are near one of them in the first value.
        k = rank[templates[first]]
        left = below[low[k]]
        last = min(total, first + max((below[high[k]] - left) // 2, total // 16, 64))
        width = below[high[rank[templates[last - 1]]]] - left
        words = (width + 63) >> 6
        # The steps that make the sets kept and those that correct what is cut from them are about as many.
        stride = int(max(8.0, width / math.sqrt(64.0 * (last - first)), m * width * (width / (8.0 * bytes_kept))))
        rows = width // stride + 1
        kept, places = np.empty((m, rows, words), np.uint64), np.empty((m, width + 1), np.int32)
        for d in range(m):
            # Places of the templates of the window in the order of their value d + 1 steps later; written always, counted if inside:
            # a branch would be mispredicted.
            count = 0
            for k in range(n):
                lower[d, k] = count
                t = order[k] - 1 - d
                at = place[t] - left if 0 <= t < total else -1
                places[d, count] = at
                count += 0 <= at < width
            lower[d, n] = count
            kept[d] = ranked_times(places[d, :width], stride, words)
        cut, value = np.empty(words, np.uint64), np.empty(words, np.uint64)
        for t in templates[first:last]:
            a, b = below[low[rank[t]]] - left, below[high[rank[t]]] - left
            head, tail = a >> 6, ((b - 1) >> 6) + 1
            here, other = cut[head:tail], value[head:tail]
            if m == 1:
                here[:] = every
            for d in range(m - 1):
                k = rank[t + 1 + d]
                row = cut if d == 0 else value
                stretch_between(kept[d], places[d], stride, lower[d, low[k]], lower[d, high[k]], head, tail, row)
                if d > 0:
                    for w in range(here.size):
                        here[w] &= other[w]
            here[0] &= every << np.uint64(a & 63)
            here[-1] &= every >> np.uint64(-b & 63)
            # Of the last value only the number is wanted: no set is written, and the ranks between are added or taken off.
            d, k = m - 1, rank[t + m]
            start, stop = lower[d, low[k]], lower[d, high[k]]
            p, q = min((start + stride // 2) // stride, rows - 1), min((stop + stride // 2) // stride, rows - 1)
            less, more = kept[d, p, head:tail], kept[d, q, head:tail]
            found, found_longer = np.uint64(0), np.uint64(0)
            for w in range(here.size):
                found += count_bits(here[w])
                found_longer += count_bits(here[w] & (less[w] ^ more[w]))
            between = np.int64(0)
            for at in places[d, min(start, p * stride) : max(start, p * stride)]:
                between += a <= at < b and (cut[at >> 6] >> np.uint64(at & 63)) & one
            change = between if start < p * stride else -between
            between = np.int64(0)
            for at in places[d, min(stop, q * stride) : max(stop, q * stride)]:
                between += a <= at < b and (cut[at >> 6] >> np.uint64(at & 63)) & one
            near[t], longer[t] = found, np.int64(found_longer) + change + (between if stop > q * stride else -between)
        first = last


@kernel
def _by_time(order, rank, low, high, m, stride, near, longer):
    n, total = order.size, near.size
    words = (n + 63) // 64 + 1
    one = np.uint64(1)
    kept = ranked_times(order, stride, words)
    ring = np.zeros((m + 1, words), np.uint64)
    cut = np.empty(words, np.uint64)
    full, rest = total >> 6, np.uint64(total & 63)
    for i in range(-m, total):
        # The set of times near x[i + m] takes the place of that of x[i - 1].
        t = i + m
        times_between(kept, order, stride, low[rank[t]], high[rank[t]], ring[t % (m + 1)])
        if i < 0:
            continue
        here = ring[i % (m + 1)]
        for w in range(full):
            cut[w] = here[w]
        cut[full] = here[full] & ((one << rest) - one)
        for d in range(1, m):
            other, right, left = ring[(i + d) % (m + 1)], np.uint64(d), np.uint64(64 - d)
            for w in range(full + 1):
                cut[w] &= (other[w] >> right) | (other[w + 1] << left)
        other, right, left = ring[t % (m + 1)], np.uint64(m), np.uint64(64 - m)
        here_near, here_longer = np.uint64(0), np.uint64(0)
        for w in range(full + 1):
            here_near += count_bits(cut[w])
            here_longer += count_bits(cut[w] & ((other[w] >> right) | (other[w + 1] << left)))
        near[i], longer[i] = here_near, here_longer


def near_templates(x: np.ndarray, m: int, r: float, way: str = "fastest") -> tuple[np.ndarray, np.ndarray]:
    """For each of the first N - m templates, how many of them (itself included) agree with it within r in m values, and in m + 1.

    Parameters
    ----------
    x : float64 array of shape (n,)
    m : int
        1 to 60.
    r : float
        Distances equal to it are included.
    way : {"fastest", "value", "time"}
        Both count the same.

    Returns
    -------
    near, longer : int64 arrays of shape (n - m,)

    Examples
    --------
    >>> near_templates(np.array([0.0, 1.0, 0.0, 1.0, 5.0]), 1, 0.5)
    (array([2, 2, 2, 2]), array([2, 1, 2, 1]))
    """
    n, order = x.size, np.argsort(x)
    near, longer = np.empty(n - m, np.int64), np.empty(n - m, np.int64)
    rank, low, high = _ranges(x, order, r)
    # Both bounds are measured: below 10**4 values the sets are so short that what a template costs by itself decides.
    by_value = n > 10_000 and m * float((high - low).mean()) < 0.7 * n
    if way == "value" or (way == "fastest" and by_value):
        _by_value(order, rank, low, high, m, _KEPT_BYTES, near, longer)
    else:
        # About as many sets as it takes for the corrections to cost what reading a set costs.
        _by_time(order, rank, low, high, m, max(16, min(1024, n // 128)), near, longer)
    return near, longer
