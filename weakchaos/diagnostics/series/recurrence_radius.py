"""Norms, radii, and the share of pairs of points that are recurrent within a radius."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import plain_array, real_array, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.diagnostics.recorded import as_series, within
from weakchaos.diagnostics.series.embedding import embed

__all__ = ["USUAL_RATE", "checked_radii", "norm_code", "prepared", "radius_of_rate", "recurrent_points"]

USUAL_RATE = 0.05
_NORMS = ("maximum", "manhattan", "euclidean")
_FEWEST = 20
_KEPT = 128


def recurrent_points(x: Any, dim: Any, delay: Any) -> np.ndarray:
    """The points whose recurrences are measured, of shape (n, d)."""
    array = plain_array("x", x)
    if array.ndim == 2 and 1 not in array.shape:
        if (dim, delay) != (1, 1):
            raise ArgumentError("`dim` and `delay` embed a series of shape (n,); the points of an orbit are used as they are")
        points = np.stack([as_series(column, _FEWEST, constant=True, differences=True) for column in array.T], axis=1)
        if (points == points[0]).all():
            raise ArgumentError(f"`x` must vary; all {len(points)} points are equal")
        return points
    series = as_series(x, _FEWEST, differences=True)
    points = embed(series, dim, delay)
    if len(points) < _FEWEST:
        raise ArgumentError(
            f"`dim` and `delay` must leave at least {_FEWEST} points; {dim} and {delay} leave {len(points)} of {series.size} numbers"
        )
    return points


def norm_code(norm: Any) -> int:
    """0, 1 or 2, as kernels take it; refused where it is no norm."""
    if norm not in _NORMS:
        raise ArgumentError(f"`norm` must be 'maximum', 'manhattan' or 'euclidean'; got {shown(norm)}")
    return _NORMS.index(norm)


def _largest_square(radius: float) -> float:
    """The largest number whose square root is at most `radius`: comparing squares then gives what comparing distances would."""
    square = radius * radius
    while math.sqrt(square) > radius:
        square = math.nextafter(square, 0.0)
    while math.sqrt(math.nextafter(square, math.inf)) <= radius:
        square = math.nextafter(square, math.inf)
    return square


def prepared(points: np.ndarray, radii: np.ndarray, code: int) -> tuple[Any, ...]:
    """Coordinates, sorted and in order; ranks a kept set; how far each coordinate may differ; norm; what sums may reach."""
    # A power of two changes no comparison and keeps squares from overflow and underflow.
    power = -math.frexp(float(np.abs(points).max()))[1]
    columns, farthest = np.ascontiguousarray(np.ldexp(points.T, power)), 2.0 * points.shape[1]
    # What rounding may add to a distance equal to the radius: that of every coordinate in a sum.
    terms = (1.0, points.shape[1], math.sqrt(points.shape[1]))[code]
    radii = np.array([r + terms * (within(r, points) - r) for r in radii])
    with np.errstate(over="ignore"):
        radii = np.minimum(np.ldexp(radii, power), farthest)
    orders = np.argsort(columns, axis=1, kind="stable")
    ranked = np.take_along_axis(columns, orders, 1)
    bounds = np.array([_largest_square(float(r)) for r in radii]) if code == 2 else radii
    # A sum may be rounded down to the bound although one of its terms exceeds the radius by as little.
    reach = radii * (1 + 1e-12) if code else radii
    return columns, ranked, orders, max(16, len(points) // _KEPT), reach, code, bounds


def radius_of_rate(x: Any, rate: Any, dim: int = 1, delay: int = 1, norm: str = "maximum", theiler: int = 1) -> np.ndarray:
    """Radii at which about given shares of all pairs recur, from 50 000 pairs drawn at random (always the same ones).

    Parameters
    ----------
    x : array of shape (n,) or (n, d)
    rate : float or sequence of floats
        Shares between 0 and 1; the share of all pairs agrees with them to about ``sqrt(rate / 50 000)``.
    dim, delay, norm
        As for `recurrence_quantification`.
    theiler : int
        Only pairs that are at least this many steps apart in time are drawn.

    Returns
    -------
    array of shape (k,)

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> radius_of_rate(np.arange(1000.0), 0.19).round(-1).tolist()  # 1 - 0.9^2
    [100.0]
    """
    shares = np.atleast_1d(real_array("rate", rate, "one or more shares"))
    if shares.ndim != 1 or not shares.size or not ((shares > 0) & (shares < 1)).all():
        raise ArgumentError(f"`rate` must be one or more numbers between 0 and 1; got {shown(rate)}")
    points, code = recurrent_points(x, dim, delay), norm_code(norm)
    apart = whole_number("theiler", theiler, 0, len(points) // 2)
    i, j = np.random.default_rng(0).integers(0, len(points), (2, 100_000))
    pairs = np.flatnonzero(np.abs(i - j) >= apart)[:50_000]
    steps = np.abs(points[i[pairs]] - points[j[pairs]])
    distance = steps.max(1) if code == 0 else steps.sum(1) if code == 1 else np.linalg.norm(steps, axis=1)
    return np.quantile(distance, shares)


def checked_radii(radius: Any) -> np.ndarray:
    """Radii in rising order, each once; refused where they cannot be radii."""
    radii = np.unique(np.atleast_1d(real_array("radius", radius, "one or more radii")))
    if np.ndim(radius) > 1 or radii.size == 0 or not np.isfinite(radii).all() or radii[0] < 0:
        raise ArgumentError(f"`radius` must be one or more finite numbers that are not negative; got {shown(radius)}")
    return radii
