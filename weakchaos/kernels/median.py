"""The median heuristic: the length of a kernel is the median distance of two points (Gretton, Borgwardt, Rasch, Schoelkopf, Smola, JMLR 13 (2012) 723)."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.kernels.base import finite_points

__all__ = ["median_distance"]

_MOST = 1000  # points whose distances are looked at


def median_distance(points: Any, weights: Any = None) -> float:
    """The median Euclidean distance of two different points.

    Of more than 1000 points, 1000 at equal spacings of their order are looked at (of weighted points, at equal spacings of their cumulative
    weight), so that the answer is the same at every call.

    Parameters
    ----------
    points : array of shape (n, dim)
    weights : array of shape (n,), optional

    Returns
    -------
    float

    Raises
    ------
    ArgumentError
        For fewer than two points, and where at least half of the distances are 0.

    Examples
    --------
    >>> median_distance([[0.0], [1.0], [3.0]])
    2.0
    """
    x = finite_points("points", points)
    if len(x) < 2:
        raise ArgumentError("`points` must be at least two for a median distance; pass the length of the kernel as a number")
    if weights is not None:
        mass = np.cumsum(np.asarray(weights, np.float64))
        m = min(len(x), _MOST)
        x = x[np.unique(np.searchsorted(mass, (np.arange(m) + 0.5) / m * mass[-1]).clip(0, len(x) - 1))]
    elif len(x) > _MOST:
        x = x[np.linspace(0, len(x) - 1, _MOST).round().astype(np.int64)]
    left, right = np.triu_indices(len(x), 1)
    squares = np.zeros(left.size)
    for k in range(x.shape[1]):
        squares += (x[left, k] - x[right, k]) ** 2
    value = float(np.sqrt(np.median(squares))) if squares.size else 0.0
    if value == 0.0:
        raise ArgumentError(
            "`points` coincide in at least half of all pairs, so that their median distance is 0; pass the length of the kernel as a number"
        )
    return value
