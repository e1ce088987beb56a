"""What the averages of repeats say against a sampler: starts that disagree, an answer that is wrong, too few draws.

Only the second half of each repeat is judged, cut into equal blocks, so that the start weighs little. The means of blocks give each repeat a
standard error of its own. The variance of the repeats' means over the variance that these errors explain follows Fisher's F distribution when all
repeats draw from one distribution: only far beyond it do starts disagree, and what lies within is Monte Carlo error. The signed mean error of
all repeats is held against its standard error by Student's t test, at a level shared among all averages whose truth is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from weakchaos.core.flags import Flag, Kind
from weakchaos.core.scatter import standard_error

__all__ = ["BLOCKS", "Averages", "judge_averages", "wide_tails"]

BLOCKS = 20
_APART = 1e-5  # level of the F test, shared among averages
_WRONG = 1e-3  # level of the t test, shared among averages
_ESS = 100.0  # independent draws that all repeats together should be worth
_FALLS = 0.8  # part of the error of the second quarter that is left in the second half, where an error goes on falling
_RARE = 50.0  # events fewer than which have no normal average
_SLOW = 0.5  # correlation of neighbouring blocks
_SHARE = 0.05  # part of the spread that one draw may make


@dataclass(frozen=True)
class Averages:
    """Averages of repeats over stretches of their draws.

    Attributes
    ----------
    earlier : array of shape (repeats, k)
        Over the second quarter of the draws.
    later : array of shape (repeats, k)
        Over the second half.
    blocks : array of shape (repeats, blocks, k)
        Over equal parts of the second half.
    draws : int
        Draws in the second half of a repeat.
    """

    earlier: np.ndarray
    later: np.ndarray
    blocks: np.ndarray
    draws: int

    @classmethod
    def of(cls, counts: np.ndarray, averages: np.ndarray, draws: int) -> Averages:
        """From running averages of shape (repeats, m, k) at `counts`, among which are the ends of all stretches."""
        half, quarter = draws // 2, draws // 4
        ends = np.unique(np.round(np.linspace(half, draws, BLOCKS + 1)).astype(np.int64))
        place = {int(n): k for k, n in enumerate(counts)}

        def over(first: int, last: int) -> np.ndarray:
            return (last * averages[:, place[last]] - first * averages[:, place[first]]) / (last - first)

        blocks = np.stack([over(int(a), int(b)) for a, b in pairwise(ends)], axis=1)
        return cls(over(quarter, half), over(half, draws), blocks, draws - half)


def wide_tails(draws: np.ndarray, n: int) -> np.ndarray:
    """Which of `n` averages, of coordinates and where there are twice as many of their squares, hang on a few draws.

    Parameters
    ----------
    draws : array of shape (m, dim)

    Returns
    -------
    bool array of shape (n,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wide_tails(np.column_stack([rng.normal(size=5000), rng.standard_cauchy(5000)]), 4).tolist()
    [False, True, False, True]
    """
    out = np.zeros(n, bool)
    if draws.dtype.kind != "f" or n not in (draws.shape[1], 2 * draws.shape[1]):
        return out
    values = draws if n == draws.shape[1] else np.concatenate([draws, draws**2], axis=1)
    square = (values - values.mean(0)) ** 2
    total = square.sum(0)
    most = max(_SHARE, 300.0 / len(draws))
    return np.divide(square.max(0), total, out=out.astype(float), where=total > 0) > most


def _errors(averages: Averages) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Variance of the repeats' means, the mean variance of one that its blocks explain, the degrees of freedom of the latter, and where blocks are
    so much alike that they explain too little."""
    blocks = averages.blocks
    repeats, count, _ = blocks.shape
    centred = blocks - blocks.mean(1, keepdims=True)
    variance = (centred**2).sum(1) / (count - 1)
    # Neighbours that resemble each other make the mean less certain than independent blocks would.
    total = (centred**2).sum((0, 1))
    lag = np.divide((centred[:, 1:] * centred[:, :-1]).sum((0, 1)), total, out=np.zeros(total.shape), where=total > 0)
    resemblance = np.clip(lag + 1.0 / count, 0.0, 0.9)  # the lag of independent numbers about their own mean is -1 / count
    inflation = (1 + resemblance) / (1 - resemblance)
    explained = inflation * variance.mean(0) / count
    return averages.later.var(0, ddof=1), explained, repeats * (count - 1) / inflation, resemblance > _SLOW


def judge_averages(
    averages: Averages, truth: np.ndarray, scale: np.ndarray, variance: np.ndarray, true_variance: np.ndarray, names: list[str],
    tails: np.ndarray,
) -> list[Flag]:  # fmt: skip
    """The flags of a sampler by the averages of its repeats.

    Parameters
    ----------
    averages : Averages
    truth : array of shape (k,)
        NaN where it is not known.
    scale : array of shape (k,)
        In which errors count.
    variance : array of shape (k,)
        Of one draw, as the averages have it; NaN where it is not known.
    true_variance : array of shape (k,)
        The same by the truth.
    names : list of str
        Of the averages.
    tails : bool array of shape (k,)
        Averages without a reliable standard error.

    Returns
    -------
    list of Flag
    """
    between, explained, freedom, slow = _errors(averages)
    flags = [_disagreement(averages, between, explained, freedom, scale, names, tails)]
    flags.append(_bias(averages, between, explained, freedom, slow, truth, true_variance, scale, names, tails))
    if flags[0] is None:
        flags.append(_few(averages, between, explained, variance, names))
    told = np.flatnonzero(tails & np.isfinite(truth))
    if told.size:
        flags.append(Flag.of(Kind.WIDE_TAILS, where=", ".join(names[k] for k in told[:3]) + (", ..." if told.size > 3 else "")))
    return [flag for flag in flags if flag is not None]


def _disagreement(
    averages: Averages, between: Any, explained: Any, freedom: Any, scale: np.ndarray, names: list[str], tails: np.ndarray
) -> Flag | None:
    from scipy.special import fdtrc

    repeats = len(averages.later)
    spread = np.ptp(averages.later / scale, axis=0)
    # Orbits that move without chance are apart by a few draws' worth for ever, which no error of blocks explains and nobody minds.
    free = (spread > 10.0 / averages.draws) & ~tails
    ratio = np.divide(between, explained, out=np.where(between > 0, np.inf, 0.0), where=explained > 0)
    chance = np.where(np.isfinite(ratio), fdtrc(repeats - 1, freedom, np.where(np.isfinite(ratio), ratio, 0.0)), 0.0)
    apart = free & (chance < _APART / max(len(names), 1))
    if not apart.any():
        return None
    k = int(np.argmax(np.where(apart, spread, -1.0)))
    return Flag.of(Kind.DISAGREE, where=names[k], spread=float(spread[k]), ratio=float(ratio[k]))


def _bias(
    averages: Averages, between: Any, explained: Any, freedom: Any, slow: np.ndarray, truth: np.ndarray, true_variance: np.ndarray, scale: np.ndarray,
    names: list[str], tails: np.ndarray,
) -> Flag | None:  # fmt: skip
    from scipy.special import fdtrc, stdtr

    repeats = len(averages.later)
    judged = np.isfinite(truth) & ~tails
    if not judged.any():
        return None
    ratio = np.divide(between, explained, out=np.full(between.shape, np.inf), where=explained > 0)
    alike = fdtrc(repeats - 1, freedom, np.where(np.isfinite(ratio), ratio, 1e300)) > 0.01
    alike &= ~slow
    # Where blocks explain how repeats differ, both tell of the same error and are taken together.
    pooled = ((repeats - 1) * between + freedom * explained) / (repeats - 1 + freedom)
    square = np.where(alike, pooled, between) / repeats
    degrees = np.where(alike, repeats - 1 + freedom, repeats - 1)
    # Of a state that is hardly ever visited, and perhaps never was, the visits themselves do not tell how uncertain their number is.
    total = averages.draws * repeats
    square = np.where(total * true_variance < _RARE, np.maximum(square, true_variance / total), square)
    late, early = averages.later - truth, averages.earlier - truth
    error = late.mean(0)
    t = np.divide(np.abs(error), np.sqrt(square), out=np.where(error != 0, np.inf, 0.0), where=square > 0)
    chance = 2 * stdtr(degrees, -t)
    # An error that falls on and on is no bias: it counts only where the second half is not clearly nearer than the second quarter.
    nearer = np.sign(early.mean(0)) * (early - late)
    certain = nearer.mean(0) > 3 * standard_error(nearer)
    falls = certain & (np.abs(error) < _FALLS * np.abs(early.mean(0)))
    small = np.abs(error) / scale < 10.0 / averages.draws  # what orbits without chance owe to where they stand
    wrong = judged & (chance < _WRONG / judged.sum()) & ~falls & ~small
    if not wrong.any():
        return None
    k = int(np.argmax(np.where(wrong, np.abs(error) / scale, -1.0)))
    return Flag.of(Kind.BIASED, where=names[k], bias=float(np.abs(error[k])), t=float(t[k]))


def _few(averages: Averages, between: Any, explained: Any, variance: np.ndarray, names: list[str]) -> Flag | None:
    repeats = len(averages.later)
    error = np.maximum(between, explained) / repeats
    known = np.isfinite(variance) & (variance > 0) & (error > 0)
    if not known.any():
        return None
    size = np.where(known, variance, np.inf) / np.where(known, error, 1.0)
    k = int(np.argmin(size))
    draws = averages.draws * repeats
    if size[k] >= min(_ESS, 0.5 * draws):
        return None
    return Flag.of(Kind.FEW_DRAWS, where=names[k], ess=float(size[k]), draws=draws, chains=repeats)
