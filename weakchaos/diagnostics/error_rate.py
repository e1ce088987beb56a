"""How fast an estimate converges, and whether independent starts agree: slopes in log-log, plateaus, split R-hat from running averages."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.scatter import standard_error
from weakchaos.diagnostics.result import Result

__all__ = ["convergence_rate", "split_rhat"]

_PLATEAU_SLOPE = -0.2
_PLATEAU_SPAN = np.log(6.0)


def _curves(draws: Any, errors: Any) -> tuple[np.ndarray, np.ndarray]:
    t, e = np.asarray(draws, np.float64), np.asarray(errors, np.float64)
    e = e[None] if e.ndim == 1 else e
    if t.ndim != 1 or e.ndim != 2 or e.shape[1] != t.size:
        raise ArgumentError(
            f"`errors` must have shape (repeats, {t.size}) or ({t.size},), one column for each draw count; got {np.shape(errors)}"
        )
    if t.size < 3 or (np.diff(t) <= 0).any() or t[0] <= 0:
        raise ArgumentError(f"`draws` must be at least 3 increasing positive counts; got {shown(np.asarray(draws).tolist())}")
    if not np.isfinite(e).all() or (e < 0).any():
        raise ArgumentError("`errors` must be finite and not negative; leave out the coordinates whose true value is unknown")
    return t, e


def _slope(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    centred = x - x.mean()
    return (y - y.mean(-1, keepdims=True)) @ centred / (centred @ centred)


def convergence_rate(draws: Any, errors: Any, fit_range: tuple[float, float] | None = None) -> Result:
    """The exponent of an error curve: the slope of log error against log draws.

    Parameters
    ----------
    draws : array of shape (m,)
        Increasing draw counts, best spaced evenly in their logarithm.
    errors : array of shape (repeats, m) or (m,)
        Errors of independent repeats.
    fit_range : (float, float), optional
        Draw counts between which the line is fitted; all of them by default.

    Returns
    -------
    Result
        ``value`` is the mean of the repeats' slopes, -0.5 for independent draws, -1 for herding at its best; ``stderr`` comes from their scatter
        (None for a single repeat, whose checkpoints are not independent); ``curve`` holds the geometric mean of the errors. If the error stops
        falling, a warning and ``parameters["plateau"]`` give the draw count at which it does (None otherwise); the slope is then not a rate.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> t = np.array([10, 100, 1000, 10000])
    >>> round(float(convergence_rate(t, [2.0 / t, 3.0 / t])), 6)
    -1.0
    """
    t, e = _curves(draws, errors)
    low, high = (t[0], t[-1]) if fit_range is None else fit_range
    used = (t >= low) & (t <= high)
    if used.sum() < 3:
        raise ArgumentError(f"`fit_range` must hold at least 3 of the draw counts; {shown(fit_range)} holds {int(used.sum())}")
    notes = []
    positive = e[e > 0]
    if positive.size == 0:
        return Result(
            0.0,
            None,
            (t, e.mean(0)),
            (low, high),
            {"repeats": len(e), "plateau": None},
            ("the error is zero throughout: there is no rate to measure",),
        )
    if (e == 0).any():
        notes.append(f"{int((e == 0).sum())} errors are exactly zero and count as half of the smallest positive error")
    floor = 0.5 * positive.min()
    x, y = np.log(t[used]), np.log(np.maximum(e[:, used], floor))
    slopes = _slope(x, y)
    plateau = _plateau(x, y)
    if plateau is not None:
        notes.append(f"the error stops falling at about {plateau:.2g} draws: the slope over the whole range is not a rate")
    if len(e) == 1:
        notes.append("one repeat gives no standard error")
    stderr = float(standard_error(slopes)) if len(e) > 1 else None
    curve = (t, np.exp(np.log(np.maximum(e, floor)).mean(0)))
    return Result(
        float(slopes.mean()),
        stderr,
        curve,
        (float(x[0] and np.exp(x[0])), float(np.exp(x[-1]))),
        {"repeats": len(e), "plateau": plateau},
        tuple(notes),
    )


def _plateau(x: np.ndarray, y: np.ndarray) -> float | None:
    """The draw count at which a curve that fell before stops falling for good; None if it keeps falling, or never fell."""
    mean = y.mean(0)
    if x[-1] - x[0] < 2 * _PLATEAU_SPAN:
        return None
    best = None
    for k in range(len(x) - 3, 1, -1):
        if x[-1] - x[k] < _PLATEAU_SPAN:
            continue
        tail = _slope(x[k:], y[:, k:])
        scatter = standard_error(tail) if len(tail) > 1 else 0.1
        if tail.mean() + 2 * scatter < _PLATEAU_SLOPE or tail.mean() - 2 * scatter < -0.4:
            break
        head = _slope(x[: k + 1], mean[None, : k + 1])[0]
        if head < -0.3:
            best = float(np.exp(x[k]))
    return best


def split_rhat(first_half: Any, whole: Any, within: Any) -> np.ndarray:
    r"""Split R-hat of each estimand, from running averages alone.

    Each of the R repeats is cut in two halves; with B the variance of the 2 R half averages and W the variance of one draw,
    $\hat R = \sqrt{1 + B / W}$, the potential scale reduction of Gelman and Rubin (Stat. Sci. 7 (1992) 457) with halves as chains
    (Vehtari, Gelman, Simpson, Carpenter and Bürkner, Bayesian Anal. 16 (2021) 667, doi:10.1214/20-BA1221).

    Parameters
    ----------
    first_half, whole : arrays of shape (repeats, k)
        Averages over the first half and over all of each run.
    within : array of shape (k,)
        Variance of one draw.

    Returns
    -------
    array of shape (k,)
        1 if halves and repeats agree; above 1.01 they do not. For an estimand that never varied it is 1.

    Examples
    --------
    >>> split_rhat([[0.5], [0.5]], [[0.5], [0.5]], [0.25]).tolist()
    [1.0]
    """
    first, total = np.asarray(first_half, np.float64), np.asarray(whole, np.float64)
    halves = np.concatenate([first, 2 * total - first])
    between = halves.var(0, ddof=1)
    variance = np.asarray(within, np.float64)
    safe = np.where(variance > 0, variance, 1.0)
    return np.where(variance > 0, np.sqrt(1 + between / safe), np.where(between > 1e-20, np.inf, 1.0))
