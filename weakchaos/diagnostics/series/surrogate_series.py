"""Surrogate series: what the data would look like if a null hypothesis were true, and the rank test against it.

Theiler, Eubank, Longtin, Galdrikian and Farmer, Physica D 58 (1992) 77, doi:10.1016/0167-2789(92)90102-S (shuffle, FT, AAFT); Schreiber
and Schmitz, Phys. Rev. Lett. 77 (1996) 635, doi:10.1103/PhysRevLett.77.635 (IAAFT); Theiler, Phys. Lett. A 196 (1995) 335,
doi:10.1016/0375-9601(94)00856-K (shuffled cycles); Thiel, Romano, Kurths, Rolfs and Kliegl, Europhys. Lett. 75 (2006) 535,
doi:10.1209/epl/i2006-10147-0 (twins).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.diagnostics.recorded import as_series, mean_period, whole
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.series.embedding import embed
from weakchaos.diagnostics.series.neighbours import nearest
from weakchaos.native.compiled import kernel

__all__ = ["SurrogateTest", "match_ends", "prediction_error", "surrogate_test", "surrogates", "time_asymmetry"]

_NULLS = {
    "shuffle": "independent numbers of the same distribution",
    "fourier": "a stationary linear Gaussian process with the same autocorrelation",
    "aaft": "a monotone function of a stationary linear Gaussian process",
    "iaaft": "a monotone function of a stationary linear Gaussian process",
    "cycle": "cycles that do not depend on one another",
    "twin": "another orbit of the same dynamics",
}
_SPECTRAL = ("fourier", "aaft", "iaaft")


def match_ends(x: Any, most: float = 0.1) -> slice:
    """The longest part of a series, up to a share `most` shorter, whose ends fit: Fourier transforms see the series as periodic.

    The jump between the ends and the jump in slope, each as a share of the variance, are made small together; a jump would
    reach the surrogates as white noise.

    Parameters
    ----------
    x : array of shape (n,)
    most : float
        The share of numbers that may be given up.

    Returns
    -------
    slice

    References
    ----------
    Schreiber and Schmitz, Physica D 142 (2000) 346, doi:10.1016/S0167-2789(00)00043-9, section 4.6.

    Examples
    --------
    >>> match_ends([0.0, 1.0, 0.0, -1.0] * 10 + [0.9], most=0.2)
    slice(0, 37, None)
    """
    series = as_series(x, 10)
    n = series.size
    give = int(most * n)
    starts = np.unique(np.linspace(0, give, min(give + 1, 200)).astype(int))
    best, kept = (math.inf, 0), slice(0, n)
    variance = series.var() * n
    for a in starts:
        ends = np.arange(n - (give - a), n + 1)
        jump = (series[a] - series[ends - 1]) ** 2
        turn = ((series[a + 1] - series[a]) - (series[ends - 1] - series[ends - 2])) ** 2
        cost = (jump + turn) / variance + 1e-3 * (n - (ends - a)) / n  # of two equal fits the longer one
        i = int(np.argmin(cost))
        if (cost[i], a) < best:
            best, kept = (float(cost[i]), int(a)), slice(int(a), int(ends[i]))
    return kept


def _phases(rng: np.random.Generator, count: int, n: int) -> np.ndarray:
    angles = rng.uniform(0, 2 * np.pi, (count, n // 2 + 1))
    angles[:, 0] = 0.0
    if n % 2 == 0:
        angles[:, -1] = np.pi * rng.integers(0, 2, count)
    return angles


def _fourier(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    return np.fft.irfft(np.fft.rfft(x) * np.exp(1j * _phases(rng, count, x.size)), x.size, axis=1)


def _ranked(values: np.ndarray, template: np.ndarray) -> np.ndarray:
    """The numbers of `template` (sorted) in the order of each row of `values`."""
    out = np.empty_like(values)
    np.put_along_axis(out, np.argsort(values, axis=1), template[None], 1)
    return out


def _aaft(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    normal = np.sort(rng.standard_normal((count, x.size)), axis=1)
    order = np.argsort(x)
    gaussian = np.empty_like(normal)
    gaussian[:, order] = normal
    spectrum = np.fft.rfft(gaussian, axis=1) * np.exp(1j * _phases(rng, count, x.size))
    return _ranked(np.fft.irfft(spectrum, x.size, axis=1), np.sort(x))


def _iaaft(x: np.ndarray, count: int, rng: np.random.Generator, most: int = 1000) -> np.ndarray:
    template, amplitude = np.sort(x), np.abs(np.fft.rfft(x))
    out = rng.permuted(np.tile(x, (count, 1)), axis=1)
    going = np.arange(count)
    for _ in range(most):
        spectrum = np.fft.rfft(out[going], axis=1)
        size = np.abs(spectrum)
        spectrum *= amplitude / np.where(size > 0, size, 1.0)
        new = _ranked(np.fft.irfft(spectrum, x.size, axis=1), template)
        changed = (new != out[going]).any(1)
        out[going] = new
        going = going[changed]
        if going.size == 0:
            break
    return out


def _cycle(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    above = x >= x.mean()
    crossings = np.flatnonzero(above[1:] & ~above[:-1]) + 1
    cuts: list[int] = []
    least = 0.5 * mean_period(x)
    for c in crossings:
        if not cuts or c - cuts[-1] >= least:
            cuts.append(int(c))
    if len(cuts) < 4:
        raise ArgumentError(
            f"`x` must hold at least 3 full cycles around its mean for cycle surrogates; got {max(len(cuts) - 1, 0)}"
        )
    head, tail = x[: cuts[0]], x[cuts[-1] :]
    cycles = [x[a:b] for a, b in pairwise(cuts)]
    return np.array([np.concatenate([head, *(cycles[i] for i in rng.permutation(len(cycles))), tail]) for _ in range(count)])


@kernel
def _column_keys(points, radius, keys, out):
    """A hash of each column of the recurrence matrix, so that equal columns are found without storing it."""
    n, dim = points.shape
    for i in range(n):
        for j in range(i, n):
            close = True
            for d in range(dim):
                if abs(points[i, d] - points[j, d]) > radius:
                    close = False
                    break
            if close:
                out[i] ^= keys[j]
                if i != j:
                    out[j] ^= keys[i]


@kernel
def _walk_twins(group, members, begin, size, uniforms, out):
    """Follow the orbit; at every point go on from any of its twins. An orbit that meets the end starts afresh at a random place."""
    n = group.size
    place = min(int(uniforms[0] * n), n - 1)
    for t in range(out.size):
        out[t] = place
        g = group[place]
        place = members[begin[g] + min(int(uniforms[2 * t + 1] * size[g]), size[g] - 1)] + 1
        if place >= n:
            place = min(int(uniforms[2 * t + 2] * n), n - 1)


def _twin(x: np.ndarray, count: int, rng: np.random.Generator, dim: int, delay: int, radius: float | None) -> np.ndarray:
    points = np.ascontiguousarray(embed(x, dim, delay))
    n = len(points)
    if radius is None:
        i, j = rng.integers(0, n, (2, 20_000))
        radius = float(np.quantile(np.abs(points[i] - points[j]).max(1)[i != j], 0.1))
    keys = rng.integers(1, 2**63, n, dtype=np.uint64)
    columns = np.zeros(n, np.uint64)
    _column_keys(points, radius, keys, columns)
    _, group, size = np.unique(columns, return_inverse=True, return_counts=True)
    members, begin = np.argsort(group, kind="stable"), np.concatenate([[0], np.cumsum(size)[:-1]])
    out = np.empty((count, n), np.int64)
    for row in out:
        _walk_twins(group, members, begin, size, rng.random(2 * n + 1), row)
    return x[out]


def surrogates(
    x: Any,
    method: str = "iaaft",
    count: int = 19,
    seed: Any = 0,
    dim: int = 3,
    delay: int = 1,
    radius: float | None = None,
) -> np.ndarray:
    """Surrogates of a series.

    Parameters
    ----------
    x : array of shape (n,)
        Cut it with `match_ends` first where its ends differ and the method is spectral.
    method : {"shuffle", "fourier", "aaft", "iaaft", "cycle", "twin"}
        The first keeps the distribution; the second the periodogram; the third the distribution, and the periodogram nearly; the fourth
        more nearly; the fifth whole cycles between upward crossings of the mean; the last the dynamics, leaving the orbit wherever two
        points have the same neighbours.
    count : int
    seed : int
    dim, delay : int
        Embedding for twins; a surrogate is then ``(dim - 1) * delay`` shorter.
    radius : float, optional
        Neighbourhood for twins in the maximum norm; 10 % of pairs are neighbours by default.

    Returns
    -------
    array of shape (count, n)

    Raises
    ------
    ArgumentError

    References
    ----------
    Theiler et al., Physica D 58 (1992) 77, doi:10.1016/0167-2789(92)90102-S; Schreiber and Schmitz, Phys. Rev. Lett. 77 (1996) 635,
    doi:10.1103/PhysRevLett.77.635; Theiler, Phys. Lett. A 196 (1995) 335, doi:10.1016/0375-9601(94)00856-K; Thiel et al., Europhys. Lett.
    75 (2006) 535, doi:10.1209/epl/i2006-10147-0.

    Examples
    --------
    >>> x = np.random.default_rng(0).random(100)
    >>> s = surrogates(x, "iaaft", count=2)
    >>> bool(np.array_equal(np.sort(s[0]), np.sort(x)))
    True
    """
    series = as_series(x, 20)
    if method not in _NULLS:
        raise ArgumentError(f"`method` must be one of {', '.join(_NULLS)}; got {shown(method)}")
    count = whole(count, "count", 1)
    rng = np.random.default_rng(seed)
    if method == "shuffle":
        return rng.permuted(np.tile(series, (count, 1)), axis=1)
    if method == "fourier":
        return _fourier(series, count, rng)
    if method == "aaft":
        return _aaft(series, count, rng)
    if method == "iaaft":
        return _iaaft(series, count, rng)
    if method == "cycle":
        return _cycle(series, count, rng)
    if radius is not None and not radius > 0:
        raise ArgumentError(f"`radius` must be positive; got {shown(radius)}")
    return _twin(series, count, rng, whole(dim, "dim", 1), whole(delay, "delay", 1), radius)


def prediction_error(x: Any, dim: int = 3, delay: int = 1, neighbours: int = 4) -> float:
    """Root mean square error of predicting the next number by the mean of what followed the nearest neighbours, in standard deviations.

    Parameters
    ----------
    x : array of shape (n,)
    dim, delay : int
    neighbours : int

    Returns
    -------
    float
        About 1 for independent numbers, 0 for a deterministic series without end.

    References
    ----------
    Kantz and Schreiber, Nonlinear Time Series Analysis, Cambridge 2004, section 4.2, doi:10.1017/CBO9780511755798.

    Examples
    --------
    >>> prediction_error(np.sin(np.arange(500) * 0.7)) < 0.2
    True
    """
    series = as_series(x, 20)
    whole(neighbours, "neighbours", 1)
    points = embed(series, dim, delay)[: series.size - (dim - 1) * delay - 1]
    if len(points) <= 2 * delay + neighbours + 1:
        raise ArgumentError(
            f"`x` is too short for {neighbours} neighbours in {dim} dimensions with delay {delay}; got {series.size} numbers"
        )
    who = np.arange(len(points))
    _, times = nearest(points, who, neighbours, delay, norm=np.inf)
    ahead = (dim - 1) * delay + 1
    error = series[who + ahead] - series[times + ahead].mean(1)
    return float(np.sqrt((error**2).mean()) / series.std())


def time_asymmetry(x: Any, lag: int = 1) -> float:
    """Skewness of the differences ``x[t + lag] - x[t]``: zero on average for every time-reversible series, linear Gaussian ones among them.

    Parameters
    ----------
    x : array of shape (n,)
    lag : int

    Returns
    -------
    float

    Examples
    --------
    >>> time_asymmetry([0.0, 1.0, 2.0, 3.0, 0.0] * 20) < -1
    True
    """
    series = as_series(x, 20)
    step = series[whole(lag, "lag", 1) :] - series[:-lag]
    scale = (step**2).mean() ** 1.5
    return float((step**3).mean() / scale) if scale > 0 else 0.0


@dataclass(frozen=True)
class SurrogateTest(Result):
    """The p-value of a rank test; ``float`` gives it.

    Attributes
    ----------
    statistic : float
        Of the data.
    surrogate_statistics : array of shape (count,)
    rejected : bool
        Whether the null hypothesis is rejected at the level asked for.
    """

    statistic: float = 0.0
    surrogate_statistics: np.ndarray = field(default_factory=lambda: np.empty(0))
    rejected: bool = False


_SIDES = {"prediction error": "lower", "time asymmetry": "both"}


def surrogate_test(
    x: Any,
    statistic: str | Callable[[np.ndarray], float] = "prediction error",
    method: str = "iaaft",
    count: int = 39,
    side: str | None = None,
    level: float = 0.05,
    seed: Any = 0,
    **options: Any,
) -> SurrogateTest:
    """Whether a series differs from its surrogates: a rank test, exact when data and surrogates are exchangeable under the null.

    Parameters
    ----------
    x : array of shape (n,)
    statistic : {"prediction error", "time asymmetry"} or callable
        A callable takes a series and gives a number.
    method : str
        As for `surrogates`; spectral ones work on the part that `match_ends` leaves, and so does the statistic of the data.
    count : int
        Surrogates; at least ``1 / level - 1`` one-sided, twice as many two-sided.
    side : {"lower", "upper", "both"}, optional
        Which values of the data's statistic speak against the null; by default "lower" for the prediction error, else "both".
    level : float
    seed : int
    **options
        To `surrogates`.

    Returns
    -------
    SurrogateTest
        ``value``: the p-value, a multiple of ``1 / (count + 1)``; ``parameters["null"]``: the hypothesis in words.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    References
    ----------
    Theiler et al., Physica D 58 (1992) 77, doi:10.1016/0167-2789(92)90102-S; Schreiber and Schmitz, Physica D 142 (2000) 346,
    doi:10.1016/S0167-2789(00)00043-9.

    Examples
    --------
    >>> x = [0.3]
    >>> for _ in range(499):
    ...     x.append(4 * x[-1] * (1 - x[-1]))
    >>> surrogate_test(x).rejected
    True
    """
    series = as_series(x, 50)
    count = whole(count, "count", 1)
    if method not in _NULLS:
        raise ArgumentError(f"`method` must be one of {', '.join(_NULLS)}; got {shown(method)}")
    if isinstance(statistic, str):
        if statistic not in _SIDES:
            raise ArgumentError(f"`statistic` must be 'prediction error', 'time asymmetry' or a callable; got {shown(statistic)}")
        side = side or _SIDES[statistic]
        function: Callable[[np.ndarray], float] = prediction_error if statistic == "prediction error" else time_asymmetry
        name = statistic
    elif callable(statistic):
        side, function, name = side or "both", statistic, getattr(statistic, "__name__", "callable")
    else:
        raise ArgumentTypeError(f"`statistic` must be a name or a callable; got {shown(statistic)}")
    if side not in ("lower", "upper", "both"):
        raise ArgumentError(f"`side` must be 'lower', 'upper' or 'both'; got {shown(side)}")
    if not 0 < level < 1:
        raise ArgumentError(f"`level` must lie between 0 and 1; got {shown(level)}")
    needed = math.ceil((2 if side == "both" else 1) / level - 1e-9) - 1
    notes = [] if count >= needed else [f"{count} surrogates cannot reject at level {level:g}: at least {needed} are needed"]
    if method in _SPECTRAL:
        series = series[match_ends(series)]
    made = surrogates(series, method, count, seed, **options)
    value = float(function(series[: made.shape[1]]))
    others = np.array([float(function(s)) for s in made])
    if not (np.isfinite(value) and np.isfinite(others).all()):
        raise ArgumentError("`statistic` must be finite for the data and every surrogate; it was not")
    # Ties count against rejection.
    below, above = int((others <= value).sum()), int((others >= value).sum())
    share = {"lower": below + 1, "upper": above + 1, "both": 2 * (min(below, above) + 1)}[side] / (count + 1)
    p = min(1.0, share)
    if np.ptp(others) == 0 and others[0] == value:
        notes.append("the statistic is the same for data and surrogates: the method leaves it unchanged")
    parameters = {
        "method": method,
        "null": _NULLS[method],
        "statistic": name,
        "side": side,
        "count": count,
        "level": level,
        "numbers": int(made.shape[1]),
    }
    return SurrogateTest(
        p, None, (np.arange(count), np.sort(others)), None, parameters, tuple(notes), value, others, p <= level + 1e-12
    )
