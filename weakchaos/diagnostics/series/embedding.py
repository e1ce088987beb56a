"""Delay vectors, and how to choose their delay and dimension.

Takens, Lect. Notes Math. 898 (1981) 366, doi:10.1007/BFb0091924: the vectors (x_t, x_{t+delay}, ..., x_{t+(dim-1) delay}) of a smooth
deterministic system form a copy of its attractor if dim exceeds twice the attractor's dimension, and often for smaller dim. The delay is the
first minimum of the mutual information of x_t and x_{t+delay} (Fraser and Swinney, Phys. Rev. A 33 (1986) 1134,
doi:10.1103/PhysRevA.33.1134). The dimension is the smallest in which neighbours remain neighbours in higher dimensions: by Cao, Physica D 110 (1997) 43,
doi:10.1016/S0167-2789(97)00118-8, or by the false neighbours of Kennel, Brown and Abarbanel, Phys. Rev. A 45 (1992) 3403,
doi:10.1103/PhysRevA.45.3403.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.diagnostics.recorded import as_series, correlation_time, theiler_window, tie_notes
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.series.neighbours import nearest
from weakchaos.native.compiled import kernel

__all__ = ["embed", "embedding_delay", "embedding_dimension", "mutual_information"]

_REFERENCES = 2000
_NO_NEIGHBOURS = "no dimension can be told, and 1 is taken: outside of the Theiler window no two points are at a positive distance; nearly all numbers are equal, or the series is too short"


def embed(x: Any, dim: int, delay: int = 1) -> np.ndarray:
    """The delay vectors of a series.

    Parameters
    ----------
    x : array of shape (n,)
    dim : int
        Number of coordinates of a vector.
    delay : int
        Steps between two coordinates.

    Returns
    -------
    array of shape (n - (dim - 1) * delay, dim)
        Row t is ``x[t], x[t + delay], ...``.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> embed([0.0, 1.0, 2.0, 3.0], dim=2, delay=2).tolist()
    [[0.0, 2.0], [1.0, 3.0]]
    """
    series = as_series(x, 1, constant=True)
    dim, delay = whole_number("dim", dim, 1), whole_number("delay", delay, 1)
    rows = series.size - (dim - 1) * delay
    if rows < 1:
        raise ArgumentError(f"`dim` and `delay` span {(dim - 1) * delay + 1} numbers; `x` holds {series.size}")
    return np.stack([series[k * delay : k * delay + rows] for k in range(dim)], axis=1)


@kernel
def _joint_information(cells, bins, max_lag, out):
    n = cells.size
    joint = np.empty((bins, bins), np.int64)
    left, right = np.empty(bins, np.int64), np.empty(bins, np.int64)
    for lag in range(max_lag + 1):
        joint[:] = 0
        left[:] = 0
        right[:] = 0
        pairs = n - lag
        for t in range(pairs):
            a, b = cells[t], cells[t + lag]
            joint[a, b] += 1
            left[a] += 1
            right[b] += 1
        total = 0.0
        for a in range(bins):
            for b in range(bins):
                count = joint[a, b]
                if count > 0:
                    total += count * math.log(count * pairs / (left[a] * right[b]))
        out[lag] = total / pairs


def mutual_information(x: Any, max_lag: int, bins: int | None = None) -> np.ndarray:
    """Mutual information of a series and its own future, at lags 0 .. `max_lag`, in nats.

    Parameters
    ----------
    x : array of shape (n,)
    max_lag : int
    bins : int, optional
        Number of cells of equal probability; about ``0.75 n^(1/3)``, between 4 and 32, by default. For independent numbers the estimate is
        ``(bins - 1)^2 / (2 n)`` on average.

    Returns
    -------
    array of shape (max_lag + 1,)

    Raises
    ------
    ArgumentError

    References
    ----------
    Fraser and Swinney, Phys. Rev. A 33 (1986) 1134, doi:10.1103/PhysRevA.33.1134.

    Examples
    --------
    >>> values = mutual_information([0.0, 1.0] * 50, 1, bins=2)
    >>> bool(np.allclose(values, np.log(2), atol=1e-3))
    True
    """
    series = as_series(x, 20)
    max_lag = whole_number("max_lag", max_lag, 0)
    if max_lag > series.size // 2:
        raise ArgumentError(f"`max_lag` must be at most half of the {series.size} numbers; got {max_lag}")
    count = min(max(round(0.75 * series.size ** (1 / 3)), 4), 32) if bins is None else whole_number("bins", bins, 2)
    # Equal numbers share a cell: the middle of their ranks decides which.
    _, ranks, sizes = np.unique(series, return_inverse=True, return_counts=True)
    middle = np.cumsum(sizes) - 0.5 * (sizes + 1)
    cells = np.minimum((middle[ranks] * count / series.size).astype(np.int64), count - 1)
    out = np.empty(max_lag + 1)
    _joint_information(cells, count, max_lag, out)
    return out


def embedding_delay(x: Any, max_delay: int | None = None) -> Result:
    """The delay for an embedding: 1 if successive numbers are uncorrelated, else the first minimum of the mutual information.

    Parameters
    ----------
    x : array of shape (n,)
    max_delay : int, optional
        The longest delay that is tried; the smaller of n // 10 and 500 by default.

    Returns
    -------
    Result
        ``int(float(result))`` is the delay in steps; ``curve``: lags and mutual information; ``parameters["method"]``: ``"map"`` (the
        autocorrelation is below 1/e after one step), ``"mutual information"``, or ``"autocorrelation"`` (no minimum: the first lag below 1/e).

    Raises
    ------
    ArgumentError

    References
    ----------
    Fraser and Swinney, Phys. Rev. A 33 (1986) 1134, doi:10.1103/PhysRevA.33.1134.

    Examples
    --------
    >>> float(embedding_delay(np.sin(np.arange(2000) * 0.05))) > 10
    True
    """
    series = as_series(x, 50)
    longest = min(series.size // 10, 500) if max_delay is None else whole_number("max_delay", max_delay, 1)
    information = mutual_information(series, longest)
    lags = np.arange(longest + 1)
    notes = tie_notes(series)
    decorrelated = correlation_time(series)
    if decorrelated <= 1:
        return Result(1.0, None, (lags, information), None, {"method": "map"}, notes)
    # Smoothing over a quarter of the correlation time keeps the noise of the histogram from making minima.
    half = max(1, decorrelated // 8) if decorrelated >= 4 else 0
    smooth = np.array([information[max(0, k - half) : k + half + 1].mean() for k in lags])
    for k in range(1, longest - 1):
        if smooth[k] < smooth[k - 1] and smooth[k] <= smooth[k + 1] and smooth[k] < smooth[min(k + 2, longest)]:
            # Beyond three correlation times the curve is flat and its minima are noise.
            if k > 3 * decorrelated:
                break
            return Result(float(k), None, (lags, information), None, {"method": "mutual information"}, notes)
    if decorrelated > longest:
        notes = (
            *notes,
            f"the series stays correlated beyond {longest} steps: it is oversampled, drifting or too short; decimate or detrend it",
        )
    return Result(float(min(decorrelated, longest)), None, (lags, information), None, {"method": "autocorrelation"}, notes)


def _references(rows: int) -> np.ndarray:
    return np.unique(np.linspace(0, rows - 1, min(rows, _REFERENCES)).astype(np.int64))


def _cao(series, delay, theiler, max_dim):
    """E(d) and E*(d) of Cao for d = 1 .. max_dim + 1: mean growth of the distance to the nearest neighbour, and of its new coordinate."""
    growth, fresh = [], []
    for d in range(1, max_dim + 2):
        points = embed(series, d, delay)[: series.size - d * delay]
        who = _references(len(points))
        distance, other = nearest(points, who, 1, theiler, norm=np.inf, positive=True)
        found = other[:, 0] >= 0
        who, other, distance = who[found], other[found, 0], distance[found, 0]
        step = np.abs(series[who + d * delay] - series[other + d * delay])
        growth.append(np.mean(np.maximum(distance, step) / distance) if who.size else np.nan)
        fresh.append(step.mean() if who.size else np.nan)
    return np.array(growth), np.array(fresh)


def _false(series, delay, theiler, max_dim):
    """The share of neighbours that are false in d = 1 .. max_dim, with the ratio 15 and the attractor size 2 of the paper."""
    size, shares = series.std(), []
    for d in range(1, max_dim + 1):
        points = embed(series, d, delay)[: series.size - d * delay]
        who = _references(len(points))
        distance, other = nearest(points, who, 1, theiler, norm=2, positive=True)
        found = other[:, 0] >= 0
        who, other, distance = who[found], other[found, 0], distance[found, 0]
        step = np.abs(series[who + d * delay] - series[other + d * delay])
        false = (step > 15.0 * distance) | (np.hypot(step, distance) > 2.0 * size)
        shares.append(false.mean() if who.size else np.nan)
    return np.array(shares)


def embedding_dimension(
    x: Any, delay: int | None = None, theiler: int | None = None, max_dim: int = 10, method: str = "cao"
) -> Result:
    """The smallest embedding dimension in which neighbours remain neighbours when one more coordinate is added.

    Parameters
    ----------
    x : array of shape (n,)
    delay : int, optional
        `embedding_delay` by default.
    theiler : int, optional
        Neighbours are more than this many steps apart; `theiler_window` by default.
    max_dim : int
        The largest dimension that is tried.
    method : {"cao", "false neighbours"}

    Returns
    -------
    Result
        ``curve`` holds dimensions and Cao's E1, which rises to 1, or the share of false neighbours, which falls to 0. For Cao's method
        ``parameters["E2"]`` is 1 in every dimension if the future does not depend on the past; then a warning says so.

    Raises
    ------
    ArgumentError

    References
    ----------
    Cao, Physica D 110 (1997) 43, doi:10.1016/S0167-2789(97)00118-8; Kennel, Brown and Abarbanel, Phys. Rev. A 45 (1992) 3403,
    doi:10.1103/PhysRevA.45.3403.

    Examples
    --------
    >>> x = [0.3]
    >>> for _ in range(999):
    ...     x.append(3.9 * x[-1] * (1 - x[-1]))
    >>> float(embedding_dimension(x)) <= 2
    True
    """
    series = as_series(x, 50)
    max_dim = whole_number("max_dim", max_dim, 1)
    if method not in ("cao", "false neighbours"):
        raise ArgumentError(f"`method` must be 'cao' or 'false neighbours'; got {shown(method)}")
    lag = int(embedding_delay(series).value) if delay is None else whole_number("delay", delay, 1)
    window = theiler_window(series) if theiler is None else whole_number("theiler", theiler, 1)
    if series.size - (max_dim + 1) * lag < max(2 * window + 2, 20):
        max_dim = max(1, (series.size - max(2 * window + 2, 20)) // lag - 1)
        if series.size - (max_dim + 1) * lag < 20:
            raise ArgumentError(
                f"`x` is too short for a delay of {lag} and a Theiler window of {window}; got {series.size} numbers"
            )
    parameters: dict[str, Any] = {"method": method, "delay": lag, "theiler": window}
    notes = tie_notes(series)
    dims = np.arange(1, max_dim + 1)
    if method == "cao":
        growth, fresh = _cao(series, lag, window, max_dim)
        if not np.isfinite(growth).all():
            return Result(
                1.0,
                None,
                (dims, np.ones(max_dim)),
                None,
                parameters,
                (*notes, _NO_NEIGHBOURS),
            )
        with np.errstate(divide="ignore", invalid="ignore"):  # where a series repeats itself, neighbours are at no distance
            ratio = growth[1:] / growth[:-1]
            parameters["E2"] = fresh[1:] / fresh[:-1]
        # E1 has risen when it is close to 1 and the next dimension adds little more.
        after = np.append(ratio[1:], ratio[-1])
        settled = (ratio >= 0.8) & (after - ratio < 0.15)
        if np.abs(parameters["E2"] - 1).max() < 0.1:
            notes = (*notes, "E2 is 1 in every dimension: the future does not depend on the past, as in noise")
        curve = ratio
    else:
        curve = _false(series, lag, window, max_dim)
        if not np.isfinite(curve).all():
            return Result(
                1.0,
                None,
                (dims, np.zeros(max_dim)),
                None,
                parameters,
                (*notes, _NO_NEIGHBOURS),
            )
        settled = curve <= 0.01
    if not settled.any():
        notes = (*notes, f"no dimension up to {max_dim} suffices: noise, or an attractor of higher dimension")
        return Result(float(max_dim), None, (dims, curve), None, parameters, notes)
    return Result(float(dims[np.argmax(settled)]), None, (dims, curve), None, parameters, notes)
