"""Chains of a warm-up that were left behind in a mode of next to no mass, and are brought to where the others are.

A chain that started in the basin of a poor local mode never leaves it, and its points spoil the metric of all chains. Where chains adapt together they know
of each other. A chain whose region is lighter by far than those of at least half of the chains, which move well themselves and agree with each other, is moved to
the place of one of them, as the walkers of an ensemble that are stuck where the likelihood is low are in Hou, Goodman, Hogg, Weare and Schwab, Astrophys. J. 745
(2012) 198, doi:10.1088/0004-637X/745/2/198. Only warm-up does so, and the run says it.

The logarithm of the mass of a region is the mean there of the log density ``lp`` and the entropy h of its points. With their covariance C and that of the gradients
G, which is their Fisher information, and leaving out ``dim / 2 log(2 pi e)``,

    -1/2 log det G <= h <= 1/2 log det C,

the upper bound being that of the normal distribution, the lower one Stam's inequality (Dembo, Cover and Thomas, IEEE Trans. Inf. Theory 37 (1991) 1501,
doi:10.1109/18.104312, theorem 16). Both are equal where the region is normal. A chain is moved only if the most that its region may hold is lighter by far than the
least that theirs hold, so that no correlation, tail or bend of either makes up for what it is judged by. Diagonals bound the determinants from the same sides where
products are not summed or points are few. Points of a chain that has seen only a part of its region give the bounds in the wrong order; then the middle, which is
right for any points of a normal distribution (`weakchaos.samplers.metric`), stands for the one that is beyond it. The log density is that of the present place, which may
be farther out, or steeper, than the window was; then the bounds are those of a region that is wider by as much.

"By far" is 15 nats and four per root of the dimension more: the log density of a chain that has converged varies by about ``sqrt(dim / 2)``, so that chains of
one mode are never that far apart, and a mode that is given up has a millionth of the mass or less.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.counters import RELOCATIONS
from weakchaos.samplers.metric import COUNT, HEADER, WEIGHT, cholesky, window_covariances

__all__ = ["bring_along"]

_NATS, _NATS_PER_ROOT = 15.0, 4.0
_POINTS_PER_COORDINATE = 10  # so that determinants are used
_MOST_SLOPE = 1.0  # of windows at rest it is mostly 0.1 to 0.7, of those on their way far more
_MOVES_WELL = 0.3  # mean acceptance probability of the points of a window


def _half_log_determinants(tuning: dict[str, np.ndarray]) -> np.ndarray:
    """Half the logarithms of the determinants of the covariances of points and of gradients, or of their diagonals; NaN where there are none."""
    count = tuning["window"][COUNT]
    out = []
    for c in window_covariances(tuning) if count > 1 else ():
        # Of few points the determinant is far too small.
        factor = np.diag(cholesky(c)) if c.ndim == 2 and count >= _POINTS_PER_COORDINATE * len(c) else np.empty(0)
        scale = factor if factor.size and np.isfinite(factor).all() else np.sqrt(np.diag(c) if c.ndim == 2 else c)
        out.append(np.log(scale).sum() if (scale > 0).all() else math.nan)
    return np.array(out or [math.nan, math.nan])


def _wider(now: np.ndarray, mean: np.ndarray, squares: np.ndarray) -> float:
    """By how much a volume is larger that is as wide as the present place is far from the mean, if it is farther than the points of the window are."""
    with np.errstate(all="ignore"):
        return 0.5 * now.size * math.log(max(1.0, float(np.mean((now - mean) ** 2 / squares))))


def _volumes(state: Any, dim: int) -> tuple[float, float]:
    """The least and the most that the entropy is where a chain moves now; NaN where its window has no points."""
    points, gradients = _half_log_determinants(state.tuning)
    middle = 0.5 * (points - gradients)
    window = state.tuning["window"]
    means, squares = window[HEADER : HEADER + 2 * dim], window[HEADER + 2 * dim :] / max(window[WEIGHT], 1e-300)
    # In a funnel volume and log density change by far within one window.
    steeper = _wider(state.known[dim : 2 * dim], means[dim:], squares[dim:])
    return min(-gradients, middle) - steeper, max(points, middle) + _wider(state.phase[:dim], means[:dim], squares[:dim])


def _slope(window: np.ndarray, dim: int) -> float:
    """The mean gradient of a window in standard deviations, of the coordinate where it is largest: in a region at rest the mean is zero, and on a way up it is not."""
    mean, squares = window[HEADER + dim : HEADER + 2 * dim], window[HEADER + 3 * dim :]
    return (
        float((np.abs(mean) / np.sqrt(squares / window[WEIGHT])).max()) if window[WEIGHT] > 0 and (squares > 0).all() else math.inf
    )


def bring_along(states: list[Any], dim: int) -> None:
    """Move chains that were left behind, in place, and leave nothing of them in what the chains have collected.

    Parameters
    ----------
    states : list of State
        Of all chains of a run at the end of a window: ``known`` ends in the log density at the present place, and ``tuning["window"]`` holds what
        the chain has collected itself.
    dim : int
    """
    windows = [state.tuning["window"] for state in states]
    lp = np.array([float(state.known[2 * dim]) for state in states])
    least, most = np.array([_volumes(state, dim) for state in states]).T
    moves = np.array([w[WEIGHT] >= _MOVES_WELL * max(w[COUNT], 1.0) for w in windows])
    rests = np.array([_slope(w, dim) < _MOST_SLOPE for w in windows])
    mass = lp + least
    usable = np.flatnonzero(np.isfinite(mass) & moves & rests)
    half = max(2, -(-len(states) // 2))
    if len(usable) < half:
        return
    best = usable[np.argsort(-mass[usable], kind="stable")][:half]
    far = _NATS + _NATS_PER_ROOT * math.sqrt(dim)
    if mass[best[0]] - mass[best[-1]] > far:
        return  # they do not agree, as where the density is improper and chains run away
    # A window that is narrow because its chain hardly moved counts as one of theirs.
    left = np.flatnonzero(rests & (mass[best[-1]] - (lp + np.fmax(most, np.median(most[best]))) > far))
    for k, chain in enumerate(left):
        state, other = states[chain], states[best[k % half]]
        state.phase[:], state.symbols[:], state.known[:] = other.phase, other.symbols, other.known
        state.tuning = {name: value.copy() for name, value in other.tuning.items()}
        for name in ("window", "window_products", "window_points", "turns"):
            if name in state.tuning:
                state.tuning[name][...] = 0.0
        state.counters[RELOCATIONS] += 1
