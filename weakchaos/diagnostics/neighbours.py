"""Nearest neighbours of points that lie on one orbit, those close in time left out."""

from __future__ import annotations

import numpy as np

__all__ = ["nearest"]


def nearest(
    points: np.ndarray, who: np.ndarray, count: int, theiler: int, norm: float = 2, positive: bool = False, among: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest neighbours in space of the points `who`, more than `theiler` steps away in time.

    Parameters
    ----------
    points : array of shape (n, dim)
        Row t is where the orbit is at time t.
    who : array of shape (m,)
        Times of the points whose neighbours are wanted.
    count : int
    theiler : int
    norm : 2 or inf
    positive : bool
        Leave out neighbours at distance zero too.
    among : array of times, optional
        The only times at which neighbours may lie; all by default.

    Returns
    -------
    (distances, times), each of shape (m, count)
        Sorted by distance; infinity and -1 where there are too few.
    """
    from scipy.spatial import cKDTree

    times = np.arange(len(points)) if among is None else np.asarray(among)
    # Without balancing, many equal points are split off in linear time.
    tree = cKDTree(points[times], balanced_tree=False, compact_nodes=False)
    distances = np.full((who.size, count), np.inf)
    found = np.full((who.size, count), -1, np.int64)
    left, asked = np.arange(who.size), min(2 * count + 6, times.size)
    while left.size:
        d, j = tree.query(points[who[left]], k=asked, p=norm)
        d, j = d.reshape(left.size, -1), times[j.reshape(left.size, -1)]
        usable = np.abs(j - who[left, None]) > theiler
        if positive:
            usable &= d > 0
        order = np.argsort(~usable, axis=1, kind="stable")[:, :count]
        good = np.take_along_axis(usable, order, 1)
        distances[left] = np.where(good, np.take_along_axis(d, order, 1), np.inf)
        found[left] = np.where(good, np.take_along_axis(j, order, 1), -1)
        enough = usable.sum(1) >= count
        if asked == times.size:
            break
        left, asked = left[~enough], min(4 * asked, times.size)
        # Memory of one query stays near 10^7 numbers; where so many neighbours are unusable the rest have none worth having.
        if left.size * asked > 10**7:
            break
    return distances, found
