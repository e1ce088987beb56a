"""Detrended fluctuation analysis and the rescaled range: how the fluctuations of a series grow with the length of time.

Peng, Buldyrev, Havlin, Simons, Stanley and Goldberger, Phys. Rev. E 49 (1994) 1685, doi:10.1103/PhysRevE.49.1685: F(s) is the root mean
square of the summed series about a polynomial fitted in each window of length s, and grows as s^alpha. Hurst, Trans. Am. Soc. Civ. Eng. 116
(1951) 770: the range of the summed deviations over the standard deviation grows as s^H; what independent numbers give in short windows is
taken off as computed by Anis and Lloyd, Biometrika 63 (1976) 111, doi:10.1093/biomet/63.1.111.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.diagnostics.recorded import as_series, tie_notes, whole
from weakchaos.diagnostics.result import Result

__all__ = ["detrended_fluctuation", "hurst_exponent"]

_PIECES = 10


def _scales(scales: Any, n: int, least: int) -> np.ndarray:
    if scales is None:
        return np.unique(np.round(np.geomspace(least, n // _PIECES, 20)).astype(np.int64))
    given = np.asarray(scales)
    if (
        given.ndim != 1
        or given.size < 4
        or given.dtype.kind not in "iu"
        or (np.diff(given) <= 0).any()
        or given[0] < least
        or given[-1] > n // 4
    ):
        raise ArgumentError(
            f"`scales` must be at least 4 rising whole numbers between {least} and {n // 4}, a quarter of the series; got {shown(scales)}"
        )
    return given.astype(np.int64)


def _windows(values: np.ndarray, scale: int) -> np.ndarray:
    """All windows of a length side by side, counted from either end so that no number is left out."""
    count = values.size // scale
    front = values[: count * scale].reshape(count, scale)
    return (
        front
        if count * scale == values.size
        else np.concatenate([front, values[values.size - count * scale :].reshape(count, scale)])
    )


def _places(n: int, scale: int) -> np.ndarray:
    """Which tenth of the series the middle of each window lies in."""
    count = n // scale
    middle = np.arange(count) * scale + scale // 2
    if count * scale != n:
        middle = np.concatenate([middle, middle + n - count * scale])
    return middle * _PIECES // n


def _slope_and_error(
    scales: np.ndarray, values: list[np.ndarray], places: list[np.ndarray], power: float, offset: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """The curve, its slope in log-log, and a standard error by leaving out one tenth of the series after another."""
    x = np.log(scales)
    x = x - x.mean()

    def curve(left_out: int) -> np.ndarray:
        return np.array([np.log(v[p != left_out].mean()) * power for v, p in zip(values, places, strict=True)]) - offset

    whole_curve = curve(-1)
    partial = np.array([curve(k) @ x / (x @ x) for k in range(_PIECES)])
    error = math.sqrt((_PIECES - 1) / _PIECES * ((partial - partial.mean()) ** 2).sum())
    return whole_curve, float(whole_curve @ x / (x @ x)), error


def _checked(result: Result, x: np.ndarray, y: np.ndarray) -> Result:
    """A warning where the two halves of the curve have different slopes."""
    half = x.size // 2
    low, high = np.polyfit(x[: half + 1], y[: half + 1], 1)[0], np.polyfit(x[half:], y[half:], 1)[0]
    if abs(high - low) <= 0.25:
        return result
    note = f"no single power law: the slope is {low:.2f} over the shorter half of the scales and {high:.2f} over the longer"
    return Result(result.value, result.stderr, result.curve, result.fit_range, result.parameters, (note, *result.warnings))


def detrended_fluctuation(x: Any, scales: Any = None, order: int = 1) -> Result:
    """The exponent alpha of detrended fluctuation analysis: 1/2 for independent numbers, H for noise of Hurst exponent H, H + 1 for its sum.

    Parameters
    ----------
    x : array of shape (n,)
    scales : sequence of ints, optional
        Window lengths; 20 spread evenly in their logarithm between 10 (more for higher orders) and n / 10 by default.
    order : int
        Degree of the polynomial taken off each window of the summed series.

    Returns
    -------
    Result
        ``curve``: scales and F; ``fit_range``: the first and last scale; ``stderr``: by leaving out one tenth of the series after another.

    Raises
    ------
    ArgumentError

    References
    ----------
    Peng et al., Phys. Rev. E 49 (1994) 1685, doi:10.1103/PhysRevE.49.1685; Kantelhardt et al., Physica A 295 (2001) 441,
    doi:10.1016/S0378-4371(01)00144-3.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal(5000)
    >>> abs(float(detrended_fluctuation(x)) - 0.5) < 0.06
    True
    """
    order = whole(order, "order", 0)
    least = max(10, 4 * (order + 1))
    series = as_series(x, 10 * least)
    used = _scales(scales, series.size, least)
    profile = np.cumsum(series - series.mean()) / series.std()
    squares, places = [], []
    for s in used:
        t = np.linspace(-1, 1, s)
        basis, _ = np.linalg.qr(np.vander(t, order + 1))
        windows = _windows(profile, int(s))
        # Less cancellation than in the difference of two squares of the profile's own size.
        windows = windows - windows.mean(1, keepdims=True)
        rest = windows - (windows @ basis) @ basis.T
        squares.append((rest**2).mean(1))
        places.append(_places(series.size, int(s)))
    if any(v.mean() <= 1e-20 for v in squares):
        raise ArgumentError("`x` must fluctuate about the polynomial: a trend taken off leaves nothing at some scale")
    curve, slope, error = _slope_and_error(used, squares, places, 0.5, np.zeros(used.size))
    parameters = {"order": order, "scales": used.size, "numbers": series.size}
    fluctuation = np.exp(curve) * series.std()
    result = Result(slope, error, (used, fluctuation), (float(used[0]), float(used[-1])), parameters, tie_notes(series))
    return _checked(result, np.log(used), curve)


def _independent(scales: np.ndarray) -> np.ndarray:
    """Expected rescaled range of independent normal numbers (Anis and Lloyd)."""
    out = []
    for n in scales:
        i = np.arange(1, n)
        front = math.exp(math.lgamma((n - 1) / 2) - math.lgamma(n / 2)) / math.sqrt(math.pi)
        out.append(front * np.sqrt((n - i) / i).sum())
    return np.array(out)


def hurst_exponent(x: Any, scales: Any = None, corrected: bool = True) -> Result:
    """The Hurst exponent by the rescaled range: 1/2 for independent numbers, more for persistent series.

    Parameters
    ----------
    x : array of shape (n,)
        Increments, not their sum.
    scales : sequence of ints, optional
        Window lengths; 20 spread evenly in their logarithm between 10 and n / 10 by default.
    corrected : bool
        Take off what independent numbers give in short windows, and add 1/2.

    Returns
    -------
    Result
        ``curve``: scales and mean R/S, uncorrected; ``stderr``: by leaving out one tenth of the series after another.

    Raises
    ------
    ArgumentError

    References
    ----------
    Anis and Lloyd, Biometrika 63 (1976) 111, doi:10.1093/biomet/63.1.111.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal(5000)
    >>> abs(float(hurst_exponent(x)) - 0.5) < 0.06
    True
    """
    series = as_series(x, 100)
    used = _scales(scales, series.size, 10)
    ranges, places, flat = [], [], 0
    for s in used:
        windows = _windows(series, int(s))
        deviation = windows.std(1)
        good = deviation > 1e-12 * series.std()
        flat += int((~good).sum())
        if not good.any():
            raise ArgumentError(f"`x` must vary within windows of {s} numbers; every one of them is constant")
        sums = np.cumsum(windows[good] - windows[good].mean(1, keepdims=True), axis=1)
        ranges.append((np.maximum(sums.max(1), 0) - np.minimum(sums.min(1), 0)) / deviation[good])
        places.append(_places(series.size, int(s))[good])
    offset = np.log(_independent(used)) if corrected else np.zeros(used.size)
    curve, slope, error = _slope_and_error(used, ranges, places, 1.0, offset)
    notes = list(tie_notes(series))
    if flat:
        notes.append(f"{flat} windows are constant and left out")
    if slope > 0.95:
        notes.append("an exponent near 1 and above is that of a sum or a trend: pass the increments")
    parameters = {"corrected": corrected, "scales": used.size, "numbers": series.size}
    result = Result(
        slope + (0.5 if corrected else 0.0),
        error,
        (used, np.exp(curve + offset)),
        (float(used[0]), float(used[-1])),
        parameters,
        tuple(notes),
    )
    return _checked(result, np.log(used), curve)
