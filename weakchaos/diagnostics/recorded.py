"""The common beginning of all diagnostics of recorded series: checks of the numbers, ties, exact repetition, the correlation time, the Theiler window."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import plain_array, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["autocorrelation", "repetition", "theiler_window"]

_ROUNDING = 8 * np.finfo(float).eps


def _from_least(array: np.ndarray) -> np.ndarray:
    """Whole numbers less the least of them, exactly, where some are beyond what a double holds; other arrays as they are."""
    if array.dtype.kind == "O" and array.size and all(isinstance(v, int) for v in array.flat):
        return array - min(array.flat)
    if array.dtype.kind not in "iu" or array.size == 0:
        return array
    low, high = int(array.min()), int(array.max())
    if max(-low, high) <= 2**53:
        return array
    # Unsigned arithmetic is modulo 2**64, and no difference of 64-bit numbers is as large.
    return array.astype(np.uint64) - np.uint64(low % 2**64)


def as_series(x: Any, least: int, name: str = "x", constant: bool = False, differences: bool = False) -> np.ndarray:
    """`x` as a contiguous float64 array of shape (n,); refused if it is too short, not finite, or constant.

    Pass `differences` if the estimate depends on differences of the numbers only: the smallest number is then subtracted from whole numbers
    beyond 2**53, so that they are compared without rounding.
    """
    try:
        array = plain_array(name, x)
        if differences:
            array = _from_least(array)
        if array.dtype.kind not in "fiub":
            array = array.astype(np.float64) if array.dtype.kind == "O" else array
        if array.dtype.kind not in "fiub":
            raise TypeError
    except ArgumentError:
        raise
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"`{name}` must be an array of real numbers; got {shown(x)}") from None
    if array.ndim == 2 and 1 in array.shape:
        array = array.ravel()
    if array.ndim != 1:
        raise ArgumentError(
            f"`{name}` must have shape (n,), one number for each step; got {array.shape}: pass one column at a time"
        )
    series = np.ascontiguousarray(array, np.float64)
    if series.size < least:
        raise ArgumentError(f"`{name}` must hold at least {least} numbers for this estimate; got {series.size}")
    bad = np.flatnonzero(~np.isfinite(series))
    if bad.size:
        raise ArgumentError(
            f"`{name}` must be finite; {bad.size} of {series.size} numbers are not, the first at index {bad[0]}: cut or interpolate the gaps"
        )
    if not constant and series.max() - series.min() <= 4 * np.finfo(float).eps * np.abs(series).max():
        raise ArgumentError(f"`{name}` must vary; all {series.size} numbers equal {series[0]:.6g} within rounding")
    return series


def within(radius: float, x: np.ndarray) -> float:
    """The radius with a small tolerance, so that rounding errors do not make a distance that equals the radius larger than it.

    The tolerance is a few units in the last place of the largest number, whatever the units. Distances between whole numbers are exact, so for
    them it covers the rounding of the radius itself only.

    Examples
    --------
    >>> 0.8 - 0.7 <= 0.1, bool(0.8 - 0.7 <= within(0.1, np.array([0.7, 0.8])))
    (False, True)
    """
    largest = float(np.abs(x).max()) if x.size else 0.0
    whole_numbers = largest <= 2**53 and bool((x == np.rint(x)).all())
    return radius + _ROUNDING * (radius if whole_numbers else max(radius, largest))


def tie_notes(x: np.ndarray) -> tuple[str, ...]:
    """A warning if most numbers of the series are equal to other ones."""
    distinct = np.unique(x).size
    if 2 * distinct > x.size:
        return ()
    return (
        f"there are only {distinct} distinct values among {x.size}: the series is periodic, discrete or coarsely rounded, and small distances are not resolved",
    )


def repetition(x: np.ndarray, tolerance: float) -> tuple[int, int] | None:
    """Preperiod and period of a series whose second half repeats its period at least four times, within a tolerance; otherwise None.

    Three times would not be enough: sequences without a period, such as the Fibonacci word, contain repetitions of up to 3.618 periods
    everywhere (Mignosi and Pirillo, RAIRO Theor. Inform. Appl. 26 (1992) 199, doi:10.1051/ita/1992260301991).

    Examples
    --------
    >>> repetition(np.array([9.0, 8.0] + [1.0, 2.0, 3.0] * 9), 0.0)
    (2, 3)
    """
    tail = x[x.size // 2 :]
    first = tail[: min(64, tail.size)]
    for p in np.flatnonzero(np.abs(tail[1 : tail.size // 4 + 1] - tail[0]) <= tolerance) + 1:
        seen = tail[p : p + first.size]
        if (np.abs(seen - first[: seen.size]) > tolerance).any() or (np.abs(tail[p:] - tail[:-p]) > tolerance).any():
            continue
        unlike = np.flatnonzero(np.abs(x[p:] - x[:-p]) > tolerance)
        return (int(unlike[-1]) + 1 if unlike.size else 0), int(p)
    return None


def repetition_words(found: tuple[int, int]) -> str:
    """What `repetition` found, as a part of a sentence.

    Examples
    --------
    >>> repetition_words((2, 3))
    'from index 2 on the series repeats itself exactly, with period 3'
    """
    preperiod, p = found
    return f"{f'from index {preperiod} on ' if preperiod else ''}the series repeats itself exactly, with period {p}"


def _scaled_deviations(x: np.ndarray) -> np.ndarray:
    """Deviations from the mean, the largest near 1 whatever the units, so that no square overflows."""
    scaled = np.ldexp(x, -math.frexp(float(np.abs(x).max()))[1])
    deviations = scaled - scaled.mean()
    return deviations / np.abs(deviations).max()


def autocorrelation(x: Any, max_lag: int | None = None) -> np.ndarray:
    """The autocorrelation of a series at lags 0 .. `max_lag`, by the fast Fourier transform.

    Parameters
    ----------
    x : array of shape (n,)
    max_lag : int, optional
        n // 2 by default.

    Returns
    -------
    array of shape (max_lag + 1,)
        Sums of products of deviations from the mean, divided by the one at lag 0.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> autocorrelation([1.0, -1.0, 1.0, -1.0], 1).round(6).tolist()
    [1.0, -0.75]
    """
    series = as_series(x, 4)
    n = series.size
    lags = n // 2 if max_lag is None else whole_number("max_lag", max_lag, 0)
    if lags >= n:
        raise ArgumentError(f"`max_lag` must be less than the {n} numbers; got {lags}")
    length = 1 << (2 * n - 1).bit_length()
    deviations = _scaled_deviations(series)
    power = np.abs(np.fft.rfft(deviations, length)) ** 2
    sums = np.fft.irfft(power, length)[: lags + 1]
    return sums / sums[0]


def correlation_time(x: np.ndarray) -> int:
    """The first lag at which the autocorrelation is below 1/e; at most n // 2."""
    below = np.flatnonzero(autocorrelation(x) < math.exp(-1))
    return int(below[0]) if below.size else x.size // 2


def mean_period(x: np.ndarray) -> float:
    """The inverse of the mean frequency of the periodogram, in steps, between 2 and n."""
    power = np.abs(np.fft.rfft(_scaled_deviations(x)))[1:] ** 2
    return float(x.size * power.sum() / (power * np.arange(1, power.size + 1)).sum())


def theiler_window(x: Any) -> int:
    """The Theiler window: points at most this many steps apart are neighbours in time and are not counted as neighbours in space.

    It is the larger of three correlation times (first lag with an autocorrelation below 1/e) and one mean period; at most a tenth of the series.

    Parameters
    ----------
    x : array of shape (n,)

    Returns
    -------
    int
        At least 1. Pairs of points that are at most this many steps apart are left out.

    Raises
    ------
    ArgumentError

    References
    ----------
    Theiler, Phys. Rev. A 34 (1986) 2427, doi:10.1103/PhysRevA.34.2427.

    Examples
    --------
    >>> theiler_window(np.sin(np.arange(1000) * 2 * np.pi / 25))
    25
    """
    series = as_series(x, 20)
    window = max(3 * correlation_time(series), math.ceil(round(mean_period(series), 6)))
    return max(1, min(window, series.size // 10))
