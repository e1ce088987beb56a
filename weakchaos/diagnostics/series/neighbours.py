"""Nearest neighbours of points on one orbit, without points that are close in time.

Points are sorted by their first coordinate and scanned outwards from each reference point until the difference in this coordinate alone exceeds
the distance of the farthest neighbour kept. On attractors of low dimension a few points in a hundred are examined; equal points and long Theiler
windows, which slow down trees, cost nothing extra.
"""

from __future__ import annotations

import numpy as np

from weakchaos.native.compiled import kernel

__all__ = ["nearest"]


@kernel
def _scan(points, times, place, who, theiler, maximum, positive, distances, found):
    n, dim = points.shape
    count = distances.shape[1]
    for r in range(who.size):
        t = who[r]
        here = place[t]
        origin = points[here, 0]
        below, above = here - 1, here + 1
        kept = 0
        while below >= 0 or above < n:
            down = origin - points[below, 0] if below >= 0 else np.inf
            up = points[above, 0] - origin if above < n else np.inf
            if down < up:
                other, gap = below, down
                below -= 1
            else:
                other, gap = above, up
                above += 1
            worst = distances[r, count - 1] if kept == count else np.inf
            bound = worst if maximum else worst * worst
            if (gap if maximum else gap * gap) >= bound:
                break
            if abs(times[other] - t) <= theiler:
                continue
            total = 0.0
            for k in range(dim):
                step = abs(points[other, k] - points[here, k])
                total = max(total, step) if maximum else total + step * step
                if total >= bound:
                    break
            if total >= bound or (positive and total == 0.0):
                continue
            distance = total if maximum else np.sqrt(total)
            slot = min(kept, count - 1)
            while slot > 0 and distances[r, slot - 1] > distance:
                distances[r, slot] = distances[r, slot - 1]
                found[r, slot] = found[r, slot - 1]
                slot -= 1
            distances[r, slot], found[r, slot] = distance, times[other]
            kept = min(kept + 1, count)


def nearest(
    points: np.ndarray, who: np.ndarray, count: int, theiler: int, norm: float = 2, positive: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest neighbours in space of the points `who`, more than `theiler` steps away in time.

    Parameters
    ----------
    points : array of shape (n, dim)
        Row t is the point of the orbit at time t.
    who : array of shape (m,)
        Times of the points whose neighbours are searched for.
    count : int
    theiler : int
    norm : 2 or inf
    positive : bool
        Leave out neighbours at distance zero too.

    Returns
    -------
    (distances, times), each of shape (m, count)
        Sorted by distance; infinity and -1 if there are too few neighbours.

    Examples
    --------
    >>> distances, times = nearest(np.array([[0.0], [0.1], [0.5]]), np.array([0]), count=1, theiler=1)
    >>> distances.tolist(), times.tolist()
    ([[0.5]], [[2]])
    """
    points = np.ascontiguousarray(points, np.float64)
    order = np.argsort(points[:, 0], kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    distances = np.full((who.size, count), np.inf)
    found = np.full((who.size, count), -1, np.int64)
    _scan(np.ascontiguousarray(points[order]), order, place, who, theiler, bool(np.isinf(norm)), positive, distances, found)
    return distances, found
