"""Estimates and their errors from draws, alike or weighted; weighted draws made alike by resampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError

__all__ = ["resampled", "summary_columns"]

_TAILS = (0.05, 0.95)


def _relative(weights: np.ndarray) -> np.ndarray:
    """Weights whose mean is 1 in each chain: chains count alike, as in `Trace.mean`."""
    if not np.isfinite(weights).all() or (weights < 0).any() or not (weights.sum(1) > 0).all():
        raise ArgumentError("the weights of draws must be finite, none negative, and not all zero in a chain")
    return weights / weights.mean(1, keepdims=True)


def resampled(weights: np.ndarray) -> np.ndarray:
    """Numbers of draws, shape (chain, draw), in which each appears floor(w) or ceil(w) times for its weight w relative to the mean.

    Systematic resampling (Kitagawa, J. Comput. Graph. Stat. 5 (1996) 1, doi:10.2307/1390750) at the offset 1/2, in the order of the draws.

    Examples
    --------
    >>> resampled(np.array([[1.0, 0.0, 2.0, 1.0]])).tolist()
    [[0, 2, 2, 3]]
    """
    relative = _relative(weights)
    n = weights.shape[1]
    out = np.empty(weights.shape, np.int64)
    for k, row in enumerate(relative):
        mass = np.cumsum(row)
        out[k] = np.searchsorted(mass * (n / mass[-1]), np.arange(n) + 0.5)
    return out


def _array_stats() -> Any:
    try:
        from arviz_stats.base import array_stats
    except ImportError as error:
        raise ImportError("summary needs arviz-stats: pip install 'weakchaos[arviz]'") from error
    return array_stats


def _changing(draws: np.ndarray) -> np.ndarray:
    return np.flatnonzero((np.ptp(draws, axis=(0, 1)) > 0) & np.isfinite(draws).all((0, 1)))


def summary_columns(draws: np.ndarray, weights: np.ndarray | None, quantiles: Sequence[float]) -> dict[str, np.ndarray]:
    """The columns of `Trace.summary` for draws of shape (chain, draw, n)."""
    draws = np.asarray(draws, np.float64)
    table = _alike(draws, quantiles) if weights is None else _weighted(draws, _relative(np.asarray(weights, np.float64)), quantiles)
    return table


def _spread(draws: np.ndarray, kept: np.ndarray, values: Any) -> np.ndarray:
    out = np.full(draws.shape[2], np.nan)
    out[kept] = values
    return out


def _alike(draws: np.ndarray, quantiles: Sequence[float]) -> dict[str, np.ndarray]:
    stats, kept, axes = _array_stats(), _changing(draws), {"chain_axis": 0, "draw_axis": 1}
    x, flat = draws[:, :, kept], draws.reshape(-1, draws.shape[2])
    table = {"mean": flat.mean(0), "sd": flat.std(0, ddof=1)}
    table |= {f"{100 * q:g}%": values for q, values in zip(quantiles, np.quantile(flat, quantiles, axis=0), strict=True)}
    for name, function, method in (
        ("mcse_mean", stats.mcse, "mean"),
        ("mcse_sd", stats.mcse, "sd"),
        ("ess_bulk", stats.ess, "bulk"),
        ("ess_tail", stats.ess, "tail"),
        ("r_hat", stats.rhat, "rank"),
    ):
        more = {"prob": _TAILS} if method == "tail" else {}
        with np.errstate(divide="ignore", invalid="ignore"):  # chains that never move within themselves
            table[name] = _spread(draws, kept, function(x, method=method, **axes, **more) if kept.size else 0.0)
    return table


def _weighted(draws: np.ndarray, weights: np.ndarray, quantiles: Sequence[float]) -> dict[str, np.ndarray]:
    """A ratio estimate has the error of the mean of its influence function w (f - E f), which is that of a series of equal weights."""
    stats, kept, axes = _array_stats(), _changing(draws), {"chain_axis": 0, "draw_axis": 1}
    w = weights[:, :, None]
    mean = (w * draws).mean((0, 1))
    variance = (w * np.square(draws - mean)).mean((0, 1))
    sd = np.sqrt(variance)

    def error(influence: np.ndarray) -> np.ndarray:
        out = np.full(influence.shape[2], np.nan)
        good = _changing(influence)
        if good.size:
            out[good] = stats.mcse(influence[:, :, good], method="mean", **axes)
        return out

    levels = sorted({*quantiles, *_TAILS})
    places = dict(zip(levels, _quantiles(draws, weights, levels), strict=True))
    tails = [q * (1 - q) / error(w * ((draws <= places[q]) - q)) ** 2 for q in _TAILS]
    table = {"mean": mean, "sd": sd, **{f"{100 * q:g}%": places[q] for q in quantiles}}
    with np.errstate(divide="ignore", invalid="ignore"):
        table["mcse_mean"] = error(w * (draws - mean))
        table["mcse_sd"] = error(w * (np.square(draws - mean) - variance)) / (2 * sd)
        table["ess_bulk"] = variance / table["mcse_mean"] ** 2
    table["ess_tail"] = np.minimum(*tails)
    influence = w * (draws - mean)
    table["r_hat"] = _spread(draws, kept, stats.rhat(influence[:, :, kept], method="rank", **axes) if kept.size else 0.0)
    return table


def _quantiles(draws: np.ndarray, weights: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """The least draw up to which the weights reach each level, shape (levels, n)."""
    flat, w = draws.reshape(-1, draws.shape[2]), weights.ravel()
    out = np.empty((len(levels), flat.shape[1]))
    for k in range(flat.shape[1]):
        order = np.argsort(flat[:, k], kind="stable")
        mass = np.cumsum(w[order])
        out[:, k] = flat[order[np.searchsorted(mass, np.asarray(levels) * mass[-1])], k]
    return out
