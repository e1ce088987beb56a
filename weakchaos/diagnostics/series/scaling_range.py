"""The range in which a curve of mean log distances is a straight line, chosen automatically.

Three rules follow from the definition of sensitive dependence. (1) The separation of two orbits obeys linear equations while it is small, so
neighbours that start farther apart stay farther apart by the same factor: the curve of far neighbours runs parallel to that of near ones. Noise
adds to both distances and brings the curves together at once, and so does saturation. A region ends where a tenth of the initial gap between the
curves is lost. (2) Distances grow at least by a factor of two. (3) The growth continues at nearly the same rate until distances reach exp(-1.5) of
those of points that are far apart: a rate that falls all the time is not an exponent. Among the windows that satisfy the rules, the one whose slope
has the smallest expected relative error is taken; this error is a third of the relative change of the slope across the window, together with a
fixed uncertainty of the ends of the curve divided by its rise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Region", "line", "moving_average", "scaling_region"]

_KEPT = 0.9  # share of the initial gap between near and far neighbours that must be left
_BELOW, _PERSISTS = 1.5, 0.8  # nats below saturation down to which the slope must stay at least at this share
_END_ERROR = 0.3  # nats by which each end of a window may be off its line
_MOST_BENT = 0.5  # relative change of the slope across a window beyond which it is no line
_LEAST_RISE = 0.8  # nats; distances must more than double
_STARTS = 80


@dataclass(frozen=True)
class Region:
    """A window of a curve, its ends included, with its slope and the relative change of the slope across it.

    ``reach`` is the distance at its end divided by the distance of points that are far apart.
    """

    first: int
    last: int
    slope: float
    bend: float
    reach: float
    cost: float


def moving_average(values: np.ndarray, width: int) -> np.ndarray:
    """Centred means over `width` values; the first and the last value are repeated beyond the ends."""
    if width <= 1:
        return values
    padded = np.pad(values, (width // 2, width - 1 - width // 2), mode="edge")
    sums = np.cumsum(np.concatenate([[0.0], padded]))
    return (sums[width:] - sums[:-width]) / width


def line(y: np.ndarray) -> tuple[float, float]:
    """Slope, and relative change of the slope across the window, by least squares on orthogonal polynomials."""
    k = np.arange(y.size) - 0.5 * (y.size - 1)
    square = k * k - (k * k).mean()
    slope = float(k @ y / (k @ k))
    curvature = float(square @ y / (square @ square))
    return slope, abs(2 * curvature * (y.size - 1) / slope) if slope else np.inf


def parallel_until(near: np.ndarray, far: np.ndarray, smooth: int) -> int:
    """The last index up to which the curve of far neighbours keeps its distance from that of near ones; -1 if it never does."""
    gap = moving_average(far - near, smooth)
    initial = far[0] - near[0]
    if not initial > 0:
        return -1
    lost = np.flatnonzero(gap < _KEPT * initial)
    return int(lost[0]) - 1 if lost.size else near.size - 1


def scaling_region(
    near: np.ndarray, far: np.ndarray, smooth: int = 1, shortest: int = 3, saturation: float | None = None
) -> list[Region]:
    """All acceptable windows, the best first; empty if there is no scaling region.

    Parameters
    ----------
    near, far : arrays of shape (k,)
        Mean log distance, after 0, 1, ... steps, of neighbours that start near, and of others that start farther away.
    smooth : int
        Width of the moving average over the gap between them; half a period for a flow.
    shortest : int
        Smallest number of steps in a window.
    saturation : float, optional
        Mean log distance of unrelated points, if it is below the highest value of the far curve.

    Examples
    --------
    >>> k = np.arange(20)
    >>> near, far = np.minimum(0.5 * k - 8, 0), np.minimum(0.5 * k - 6, 0)
    >>> scaling_region(near, far)[0].slope
    0.5
    """
    top = float(far.max()) if saturation is None else min(saturation, float(far.max()))
    above = np.flatnonzero(near > top - _BELOW)
    close = int(above[0]) if above.size else near.size - 1
    last = parallel_until(near, far, smooth)
    step = max(1, (last + 1) // _STARTS)
    found = []
    for a in range(0, last + 1 - shortest, step):
        for b in range(a + shortest, last + 1, step):
            if near[b] - near[a] < _LEAST_RISE:
                continue
            slope, bend = line(near[a : b + 1])
            rise = slope * (b - a)
            if rise < _LEAST_RISE or bend > _MOST_BENT:
                continue
            # The later half, because the first steps turn neighbours into the direction that grows.
            middle = (a + b) // 2
            steepest = max(slope, (near[b] - near[middle]) / (b - middle))
            if close - b >= shortest and near[close] - near[b] < _PERSISTS * steepest * (close - b):
                continue
            reach = math.exp(min(near[b] - top, 0.0))
            cost = (bend / 3) ** 2 + (_END_ERROR / rise) ** 2
            found.append(Region(a, b, slope, bend, reach, cost))
    return sorted(found, key=lambda r: r.cost)
