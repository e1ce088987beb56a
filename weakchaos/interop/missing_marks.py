"""Values that stand for missing data, such as -999 among temperatures: they repeat exactly, far outside of all others."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from weakchaos.core.flags import Flag, Kind

__all__ = ["marks_of_missing", "missing_flags"]

_MOST = 3  # distinct marks on each side
_FAR, _FAR_FOR_CODES = 3.0, 1.0  # distance from the others, in their range
_CODES = {32767.0, 32768.0, 65535.0, 2147483647.0, 2147483648.0, 4294967295.0, 999.25, 9999.25, 6999.0, 7777.0, 8888.0}


def _is_code(value: float) -> bool:
    """Whether a number is one that people use as a mark: nines, ends of integer types, large powers of ten, fill values of netCDF."""
    size = abs(value)
    if size in _CODES or size >= 1e19:
        return True
    return re.fullmatch(r"9+(?:\.9*0*)?", repr(float(size)).replace(".0", ".")) is not None


def marks_of_missing(x: Any) -> list[tuple[float, int, float]]:
    """Values that are repeated and lie far outside of all others, as marks of missing data do.

    There are at most three on each side. The distance of a mark from the other values must be at least three times their range; for numbers that
    are often used as marks it must be at least their range. Such a number need not be repeated.

    Parameters
    ----------
    x : array of shape (n,)

    Returns
    -------
    list of (value, count, distance)
        The distance is that from the nearest of the other values, in units of their range.

    Examples
    --------
    >>> [(value, count, round(far)) for value, count, far in marks_of_missing([20.5, 21.0, -999.0, 20.7, 20.1, -999.0])]
    [(-999.0, 2, 1132)]
    >>> marks_of_missing([0.0, 1.0, 2.0, 3.0, 50.0])
    []
    """
    values = np.asarray(x, np.float64)
    values = values[np.isfinite(values)]
    distinct, counts = np.unique(values, return_counts=True)
    low, high = 0, distinct.size
    while (found := _outermost(distinct[low:high], counts[low:high], values.size)) is not None:
        low, high = low + found[0], high - found[1]
    if high - low == distinct.size:
        return []
    first, last = distinct[low], distinct[high - 1]
    outside = [*range(low), *range(high, distinct.size)]
    with np.errstate(over="ignore"):
        return [
            (float(v), int(counts[k]), float(max(first - v, v - last) / (last - first)))
            for k in outside
            for v in distinct[k : k + 1]
        ]


def _outermost(distinct: np.ndarray, counts: np.ndarray, size: int) -> tuple[int, int] | None:
    """How many of the least and of the largest values are marks; the fewest, so that no number is taken for one without need."""
    splits = sorted(((low, high) for low in range(_MOST + 1) for high in range(_MOST + 1) if low + high), key=sum)
    for low, high in splits:
        rest = distinct[low : distinct.size - high]
        outside = [*range(low), *range(distinct.size - high, distinct.size)]
        if rest.size < 3 or 2 * counts[outside].sum() > size:
            continue
        with np.errstate(over="ignore"):
            away = np.maximum(rest[0] - distinct[outside], distinct[outside] - rest[-1]) / (rest[-1] - rest[0])
        if all(
            (d > _FAR and counts[k] > 1) or (d > _FAR_FOR_CODES and _is_code(float(distinct[k])))
            for k, d in zip(outside, away, strict=True)
        ):
            return low, high
    return None


def missing_flags(x: Any) -> list[Flag]:
    """What `marks_of_missing` finds, a flag a value.

    Examples
    --------
    >>> print(missing_flags([20.5, 21.0, -999.0, 20.7, 20.1, -999.0])[0])
    2 of 6 numbers are -999, at a distance from the others of 1.1e+03 times their range: is this a mark of missing data?
    """
    size = int(np.size(x))
    return [
        Flag.of(Kind.MISSING_MARKS, count=count, size=size, value=value, away=away) for value, count, away in marks_of_missing(x)
    ]
