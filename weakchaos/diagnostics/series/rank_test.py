"""The rank test of a series against its surrogates, and the statistics that it uses.

Theiler, Eubank, Longtin, Galdrikian and Farmer, Physica D 58 (1992) 77, doi:10.1016/0167-2789(92)90102-S; Schreiber and Schmitz, Physica D
142 (2000) 346, doi:10.1016/S0167-2789(00)00043-9: under the null hypothesis the series and its `count` surrogates are exchangeable, so each of them
is equally likely to have the k-th largest statistic.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.diagnostics.recorded import as_series
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.series.embedding import embed
from weakchaos.diagnostics.series.gaussianize import gaussianized, not_gaussian
from weakchaos.diagnostics.series.neighbours import nearest
from weakchaos.diagnostics.series.surrogate_series import NULLS, SPECTRAL, THREADED, match_ends, surrogates

__all__ = ["SurrogateTest", "prediction_error", "surrogate_test", "time_asymmetry"]


def prediction_error(x: Any, dim: int = 3, delay: int = 1, neighbours: int = 4, predicted: int | None = None) -> float:
    """Root mean square error of predicting the next number by the mean of what followed the nearest neighbours, in standard deviations.

    Parameters
    ----------
    x : array of shape (n,)
    dim, delay : int
    neighbours : int
    predicted : int, optional
        How many points, spread evenly over the series, are predicted; all by default. Neighbours are searched for among all points.

    Returns
    -------
    float
        About 1 for independent numbers; tends to 0 for a deterministic series as its length grows.

    References
    ----------
    Kantz and Schreiber, Nonlinear Time Series Analysis, Cambridge 2004, section 4.2, doi:10.1017/CBO9780511755798.

    Examples
    --------
    >>> prediction_error(np.sin(np.arange(500) * 0.7)) < 0.2
    True
    """
    series = as_series(x, 20, differences=True)
    neighbours = whole_number("neighbours", neighbours, 1)
    points = embed(series, dim, delay)[: series.size - (dim - 1) * delay - 1]
    if len(points) <= 2 * delay + neighbours + 1:
        raise ArgumentError(
            f"`x` is too short for {neighbours} neighbours in {dim} dimensions with delay {delay}; got {series.size} numbers"
        )
    count = len(points) if predicted is None else min(whole_number("predicted", predicted, 1), len(points))
    who = np.arange(len(points)) if count == len(points) else np.linspace(0, len(points) - 1, count).astype(np.int64)
    _, times = nearest(points, who, neighbours, delay, norm=np.inf)
    ahead = (dim - 1) * delay + 1
    error = series[who + ahead] - series[times + ahead].mean(1)
    return float(np.sqrt((error**2).mean()) / series.std())


def time_asymmetry(x: Any, lag: int = 1) -> float:
    """Skewness of the differences ``x[t + lag] - x[t]``: zero on average for every time-reversible series, for instance for linear Gaussian ones.

    Parameters
    ----------
    x : array of shape (n,)
    lag : int
        Less than the length of the series.

    Returns
    -------
    float

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> time_asymmetry([0.0, 1.0, 2.0, 3.0, 0.0] * 20) < -1
    True
    """
    series = as_series(x, 20, differences=True)
    lag = whole_number("lag", lag, 1)
    if lag >= series.size:
        raise ArgumentError(f"`lag` must be less than the {series.size} numbers of `x`; got {lag}")
    step = series[lag:] - series[:-lag]
    scale = (step**2).mean() ** 1.5
    return float((step**3).mean() / scale) if scale > 0 else 0.0


@dataclass(frozen=True, repr=False)
class SurrogateTest(Result):
    """The p-value of a rank test; ``float`` gives it.

    Attributes
    ----------
    statistic : float
        Statistic of the data.
    surrogate_statistics : array of shape (count,)
    rejected : bool or None
        Whether the null hypothesis is rejected at the requested level; None (no verdict) if no outcome could have rejected it, because there are
        fewer surrogates than the level requires, or because the method of the surrogates does not change the statistic.
    """

    statistic: float = 0.0
    surrogate_statistics: np.ndarray = field(default_factory=lambda: np.empty(0))
    rejected: bool | None = None


PREDICTED = 5000
_SIDES = {"prediction error": "lower", "time asymmetry": "both"}


def _few_predictions(x: np.ndarray) -> float:
    return prediction_error(x, predicted=PREDICTED)


@contextmanager
def _bar(total: int, shown_: bool) -> Iterator[Callable[[int], None]]:
    """What to call with the number of pieces done; a bar on stderr where one is wanted."""
    if not shown_:
        yield lambda pieces: None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit="step", desc="surrogates and their statistics") as bar:
        yield lambda pieces: (bar.update(pieces), None)[1]


def surrogate_test(
    x: Any,
    statistic: str | Callable[[np.ndarray], float] = "prediction error",
    method: str = "iaaft",
    count: int = 39,
    side: str | None = None,
    level: float = 0.05,
    seed: Any = 0,
    progress: bool = False,
    **options: Any,
) -> SurrogateTest:
    """Whether a series differs from its surrogates: a rank test, exact when data and surrogates are exchangeable under the null.

    For "shuffle" they are exchangeable. For the spectral methods they are so up to effects of the ends of the series, which a Fourier transform
    joins, and of the fit of the monotone function: measured on eight processes of the null hypothesis, the test rejects within a few percent of
    its level.

    Parameters
    ----------
    x : array of shape (n,)
    statistic : {"prediction error", "time asymmetry"} or callable
        A callable takes a series and returns a number.
    method : str
        As for `surrogates`. Spectral methods, and then also the statistic of the data, use the part of the series that `match_ends` leaves. "iaaft"
        is used with ``remap``, without which it rejects monotone functions of a linear Gaussian process, its null hypothesis, too often; "fourier"
        and "aaft" are used without.
    count : int
        Number of surrogates; at least ``1 / level - 1`` for a one-sided test, twice as many for a two-sided one.
    side : {"lower", "upper", "both"}, optional
        Which values of the statistic of the data speak against the null hypothesis; by default "lower" for the prediction error, else "both".
    level : float
    seed : int
    progress : bool
        Show a bar on stderr.
    **options
        Passed on to `surrogates`.

    Returns
    -------
    SurrogateTest
        ``value`` is the p-value, a multiple of ``1 / (count + 1)``; ``parameters["null"]`` is the hypothesis in words. For series of more than 5,000
        numbers the prediction error is that of 5,000 points (``parameters["predicted"]``), whose neighbours are searched for among all points.

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
    series = as_series(x, 50, differences=True)
    count = whole_number("count", count, 1)
    if method not in NULLS:
        raise ArgumentError(f"`method` must be one of {', '.join(NULLS)}; got {shown(method)}")
    if isinstance(statistic, str):
        if statistic not in _SIDES:
            raise ArgumentError(f"`statistic` must be 'prediction error', 'time asymmetry' or a callable; got {shown(statistic)}")
        side = side or _SIDES[statistic]
        function: Callable[[np.ndarray], float] = _few_predictions if statistic == "prediction error" else time_asymmetry
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
    notes = []
    if count < needed:
        notes.append(f"no verdict: {count} surrogates cannot reject at level {level:g}; at least {needed} are needed")
    remap = bool(options.pop("remap", method == "iaaft"))
    function_taken, matched = "identity", slice(None)
    if method in SPECTRAL:
        shape = series
        if remap:
            shape, function_taken = gaussianized(series)
        matched = match_ends(shape)
    series = series[matched]
    with _bar(2 * count, progress) as told:
        made = surrogates(series, method, count, seed, remap=remap, told=told, **options)
        if method != "iaaft":
            told(count)
        value = float(function(series[: made.shape[1]]))

        def asked(row: np.ndarray) -> float:
            found = float(function(row))
            told(1)
            return found

        if isinstance(statistic, str) and made.shape[1] >= THREADED:
            # A user's function may not bear threads.
            with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
                others = np.array(list(pool.map(asked, made)))
        else:
            others = np.array([asked(s) for s in made])
    if not (np.isfinite(value) and np.isfinite(others).all()):
        raise ArgumentError("`statistic` must be finite for the data and every surrogate; it was not")
    # Ties count against rejection.
    below, above = int((others <= value).sum()), int((others >= value).sum())
    share = {"lower": below + 1, "upper": above + 1, "both": 2 * (min(below, above) + 1)}[side] / (count + 1)
    p = min(1.0, share)
    same = np.ptp(others) == 0 and others[0] == value
    if same:
        notes.append(
            "no verdict: the statistic is the same for data and surrogates, since the method of the surrogates does not change it"
        )
    parameters = {
        "method": method,
        "null": NULLS[method],
        "statistic": name,
        "side": side,
        "count": count,
        "level": level,
        "numbers": int(made.shape[1]),
    }
    if method == "iaaft" and remap:
        parameters["made Gaussian by"] = function_taken
    elif method == "iaaft" and not_gaussian(series) > 6:
        notes.append(
            "the series is not Gaussian, and without `remap` the test rejects its null hypothesis too often for such series"
        )
    if name == "prediction error":
        parameters["predicted"] = min(PREDICTED, int(made.shape[1]))
    rejected = None if same or count < needed else p <= level + 1e-12
    return SurrogateTest(p, None, (np.arange(count), np.sort(others)), None, parameters, tuple(notes), value, others, rejected)
