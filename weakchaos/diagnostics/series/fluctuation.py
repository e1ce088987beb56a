"""Detrended fluctuation analysis and the rescaled range: how the fluctuations of a series grow with the length of time.

Peng, Buldyrev, Havlin, Simons, Stanley and Goldberger, Phys. Rev. E 49 (1994) 1685, doi:10.1103/PhysRevE.49.1685: F(s) is the root mean
square of the cumulative sum of the series about a polynomial fitted in each window of length s, and grows as s^alpha. Hurst, Trans. Am. Soc. Civ.
Eng. 116 (1951) 770: the range of the summed deviations divided by the standard deviation grows as s^H; the expected value for independent numbers
in short windows, computed by Anis and Lloyd, Biometrika 63 (1976) 111, doi:10.1093/biomet/63.1.111, is subtracted.

Windows of each length lie side by side; if they do not fill the series, windows from its end are added, so that no number is left out
(Kantelhardt et al., Physica A 295 (2001) 441, doi:10.1016/S0378-4371(01)00144-3).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number, whole_numbers
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.scatter import jackknife_error
from weakchaos.diagnostics.recorded import as_series, tie_notes
from weakchaos.diagnostics.result import NoStandardError, Result
from weakchaos.native.compiled import kernel

__all__ = ["detrended_fluctuation", "hurst_exponent"]

_PIECES = 10
_POINTS = 20
_FLAT = 1e-12
_SUMMED = 0.93  # slope of R/S itself: 1 for any sum, at most 0.9 for noise


@kernel
def _residuals(profile, scale, basis, sums, counts):
    """Mean squares about the trend, summed over the windows whose middle lies in each piece of the series."""
    n, size = profile.size, basis.shape[0]
    windows, pieces = n // scale, sums.size
    weights = np.empty(size)
    for w in range(windows if windows * scale == n else 2 * windows):
        begin = w * scale if w < windows else n - (w - windows + 1) * scale
        # From the first number on: a profile that has wandered far away would cancel in the squares.
        first = profile[begin]
        for k in range(size):
            total, more = 0.0, 0.0
            for t in range(0, scale - 1, 2):
                total += basis[k, t] * (profile[begin + t] - first)
                more += basis[k, t + 1] * (profile[begin + t + 1] - first)
            if scale % 2:
                total += basis[k, scale - 1] * (profile[begin + scale - 1] - first)
            weights[k] = total + more
        square = 0.0
        for t in range(scale):
            rest = profile[begin + t] - first
            for k in range(size):
                rest -= weights[k] * basis[k, t]
            square += rest * rest
        piece = (begin + scale // 2) * pieces // n
        sums[piece] += square / scale
        counts[piece] += 1


@kernel
def _ranges(x, scale, least, sums, counts):
    """Ranges of the summed deviations over the standard deviation, as above; windows that deviate by at most `least` are left out."""
    n = x.size
    windows, pieces, flat = n // scale, sums.size, 0
    for w in range(windows if windows * scale == n else 2 * windows):
        begin = w * scale if w < windows else n - (w - windows + 1) * scale
        mean = 0.0
        for t in range(begin, begin + scale):
            mean += x[t]
        mean /= scale
        walk, top, bottom, square = 0.0, 0.0, 0.0, 0.0
        for t in range(begin, begin + scale):
            step = x[t] - mean
            square += step * step
            walk += step
            top, bottom = max(top, walk), min(bottom, walk)
        deviation = math.sqrt(square / scale)
        if deviation <= least:
            flat += 1
            continue
        piece = (begin + scale // 2) * pieces // n
        sums[piece] += (top - bottom) / deviation
        counts[piece] += 1
    return flat


def _scales(scales: Any, n: int, first: int, least: int) -> np.ndarray:
    """Window lengths: those given, from `least` to a quarter of the series, or 20 from `first` to a tenth."""
    if scales is None:
        last = max(n // _PIECES, min(n // 4, 4 * first))
        return np.unique(np.round(np.geomspace(first, last, _POINTS)).astype(np.int64))
    used = whole_numbers("scales", scales, least, n // 4)
    if used.size < 4 or (np.diff(used) <= 0).any():
        raise ArgumentError(f"`scales` must be at least 4 rising window lengths; got {shown(scales)}")
    return used


def _slope(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least-squares slopes of the columns of y."""
    x = x - x.mean()
    return x @ y / (x @ x)


def _fitted(
    used: np.ndarray, sums: np.ndarray, counts: np.ndarray, power: float, offset: np.ndarray, parameters: dict, notes: list[str]
) -> Result:
    """The slope of the logarithms, its error by leaving out one piece of the series after another, and a warning where there is no line."""
    x = np.log(used)
    curve = power * np.log(sums.sum(1) / counts.sum(1))
    straight = curve - offset
    half = x.size // 2
    value = float(_slope(x, straight[:, None])[0])
    low, high = (float(_slope(x[part], straight[part, None])[0]) for part in (slice(half + 1), slice(half, None)))
    left = counts.sum(1, keepdims=True) - counts
    stderr, allowed = None, 0.25
    if (left > 0).all():
        partial = power * np.log((sums.sum(1, keepdims=True) - sums) / left) - offset[:, None]
        bends = _slope(x[half:], partial[half:]) - _slope(x[: half + 1], partial[: half + 1])
        errors = [float(jackknife_error(s)) for s in (_slope(x, partial), bends)]
        stderr, allowed = errors[0], max(allowed, 3 * errors[1])
    else:
        notes.append(NoStandardError("no standard error: all windows of one length lie in one tenth of the series"))
    if abs(high - low) > allowed:
        notes.insert(
            0,
            f"no single power law: the slope is {low:.2f} over the shorter half of the scales and {high:.2f} over the longer half",
        )
    fit_range = (float(used[0]), float(used[-1]))
    return Result(value, stderr, (used, np.exp(curve)), fit_range, parameters, tuple(notes))


def detrended_fluctuation(x: Any, scales: Any = None, order: int = 1) -> Result:
    r"""The exponent alpha of detrended fluctuation analysis: 1/2 for independent numbers, H for noise of Hurst exponent H, H + 1 for its sum.

    Parameters
    ----------
    x : array of shape (n,)
        At least 100 numbers; more for higher orders.
    scales : sequence of ints, optional
        Increasing window lengths, from ``order + 2`` to n / 4; by default 20 lengths, evenly spaced in their logarithm, between 10
        (``4 order + 4`` if that is more) and n / 10.
    order : int
        Degree of the polynomial that is subtracted in each window of the summed series.

    Returns
    -------
    Result
        ``curve`` holds scales and F, in the units of `x`; ``fit_range`` holds the first and last scale; ``stderr`` comes from leaving out one tenth
        of the series at a time, and is too small by up to 40 % for cumulative sums (alpha beyond 1.5). If the curve bends there is a warning.

    Raises
    ------
    ArgumentError

    Notes
    -----
    F(s) is the root mean square of the cumulative sum of the series about the polynomials that are fitted in windows of length s:

    $$F(s) \sim s^{\alpha}.$$

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
    order = whole_number("order", order, 0)
    first = max(10, 4 * (order + 1))
    series = as_series(x, 10 * first, differences=True)
    used = _scales(scales, series.size, first, order + 2)
    unit = float(np.abs(series).max())
    deviations = series / unit
    deviations -= deviations.mean()
    profile = np.cumsum(deviations)
    sums, counts = np.zeros((used.size, _PIECES)), np.zeros((used.size, _PIECES), np.int64)
    for k, s in enumerate(used):
        basis, _ = np.linalg.qr(np.vander(np.linspace(-1, 1, s), order + 1))
        _residuals(profile, int(s), np.ascontiguousarray(basis.T), sums[k], counts[k])
    if (sums.sum(1) <= counts.sum(1) * (16 * np.finfo(float).eps * np.abs(profile).max()) ** 2).any():
        raise ArgumentError(
            "`x` must fluctuate about the polynomial: a trend taken off leaves nothing at some scale; lower `order`"
        )
    parameters = {"order": order, "scales": used.size, "numbers": series.size}
    result = _fitted(used, sums, counts, 0.5, np.zeros(used.size), parameters, list(tie_notes(series)))
    return replace(result, curve=(used, result.curve[1] * unit))


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
        Increments, not their sum; at least 100.
    scales : sequence of ints, optional
        Increasing window lengths, from 3 to n / 4; by default 20 lengths, evenly spaced in their logarithm, between 10 and n / 10.
    corrected : bool
        Subtract the expected value for independent numbers in short windows, and add 1/2. This is exact for independent numbers; for others a bias
        towards 1/2 remains: 10 000 numbers of fractional noise give 0.26 for H = 0.2 and 0.73 for H = 0.8 (uncorrected 0.31, 0.55 and 0.78 for
        H = 0.2, 0.5 and 0.8). `detrended_fluctuation` has no such bias.

    Returns
    -------
    Result
        ``curve`` holds scales and mean R/S (standard deviations with ddof 0), uncorrected; ``stderr`` comes from leaving out one tenth of the
        series at a time. If the curve bends there is a warning.

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
    series = as_series(x, 100, differences=True)
    used = _scales(scales, series.size, 10, 3)
    series = series / np.abs(series).max()
    sums, counts = np.zeros((used.size, _PIECES)), np.zeros((used.size, _PIECES), np.int64)
    flat = 0
    for k, s in enumerate(used):
        flat += _ranges(series, int(s), _FLAT * float(series.std()), sums[k], counts[k])
        if not counts[k].any():
            raise ArgumentError(f"`x` must vary within windows of {s} numbers; every one of them is constant")
    notes = list(tie_notes(series))
    if flat:
        notes.append(f"{flat} windows are constant and left out")
    parameters = {"corrected": bool(corrected), "scales": used.size, "numbers": series.size}
    offset = np.log(_independent(used)) if corrected else np.zeros(used.size)
    result = _fitted(used, sums, counts, 1.0, offset, parameters, notes)
    away = abs(result.value - (0.0 if corrected else 0.5))
    if not corrected:
        notes = ["biased upwards for small exponents and independent numbers: short windows give more than their power law"]
    elif result.stderr is None or away > 3 * result.stderr:
        notes = [
            "the rescaled range is biased towards 1/2: of the distance from it about a fifth is missing for 10,000 numbers of fractional noise, "
            "more for fewer, which the standard error does not hold; detrended_fluctuation has less of it"
        ]
    else:
        notes = []
    result = replace(result, warnings=(*result.warnings, *notes))
    if result.value + _slope(np.log(used), offset[:, None])[0] > _SUMMED:
        result = replace(
            result,
            warnings=(
                *result.warnings,
                "ranges grow in proportion to the windows, like those of a cumulative sum or a trend: pass the increments",
            ),
        )
    return replace(result, value=result.value + (0.5 if corrected else 0.0))
