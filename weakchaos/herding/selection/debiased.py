"""Stein kernel thinning: draws of something near a density are first turned towards it, then thinned, both by its Stein kernel.

Li, Dwivedi and Mackey, ICML 2024, arXiv:2404.12290. Debiasing: Stein thinning of the n draws to n points with repeats, O(n**2); or weights on the simplex that
minimise w' K w for a low-rank approximation of the Stein kernel matrix (randomly pivoted Cholesky: Chen, Epperly, Tropp and Webber, Comm. Pure Appl. Math. 78 (2025) 995,
arXiv:2207.06503, with the exact diagonal) by accelerated mirror descent (Wang, Abernethy and Levy 2021, arXiv:2111.11309), which is started
anew where the objective rises, O(n r) a step. Compression: kernel thinning or Compress++ of the weighted draws, and exchange, under the Stein kernel.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import number_that, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.flags import Severity, warn_of_each
from weakchaos.herding.selection.exchange import exchange
from weakchaos.herding.selection.greedy_stein import stein_thinning
from weakchaos.herding.selection.kernel_halving import compressed, halved
from weakchaos.herding.selection.selected import Selection
from weakchaos.herding.selection.sides import SteinSide, course
from weakchaos.kernels.stein_kernel import SteinPoints
from weakchaos.runs.score_check import check_scores, points_and_gradients

__all__ = ["by_stein_kernel_thinning", "low_rank_weights", "pivoted_cholesky", "stein_kernel_thinning"]

_STEPS, _ADAPTATIONS, _DECAY = 300, 3, 0.95
_DEBIASING = ("thinning", "low-rank", "none")


def pivoted_cholesky(side: Any, rank: int, rng: np.random.Generator, rows: np.ndarray | None = None) -> np.ndarray:
    """A factor F of shape (n, r), r <= rank, such that F F' approximates the kernel matrix of the candidates, or of some `rows` of them.

    Pivots are drawn in proportion to what is left of the diagonal. The approximation is never larger than the matrix, in the order of positive
    definite matrices.
    """
    rows = np.arange(side.n) if rows is None else rows
    left = side.diagonal[rows].copy()
    total = left.sum()
    factor = np.zeros((len(rows), rank))
    for k in range(rank):
        left = np.maximum(left, 0.0)
        if left.sum() <= 1e-13 * total:
            return factor[:, :k]
        pivot = int(rng.choice(len(rows), p=left / left.sum()))
        column = side.column(int(rows[pivot]))[rows] - factor[:, :k] @ factor[pivot, :k]
        if column[pivot] <= 0.0:
            left[pivot] = 0.0
            continue
        factor[:, k] = column / math.sqrt(column[pivot])
        left -= factor[:, k] ** 2
        left[pivot] = 0.0
    return factor


def _descend(factor: np.ndarray, rest: np.ndarray, w: np.ndarray, step: float, least: float, steps: int) -> np.ndarray:
    """Weights on the simplex that make w' (F F' + diag(rest)) w small, by accelerated mirror descent under the entropy from `w`."""

    def times(v: np.ndarray) -> np.ndarray:
        return factor @ (factor.T @ v) + rest * v

    kw = times(w)
    best, v, kv, value, t = w, w, kw, float(w @ kw), 1
    for _ in range(steps):
        share = 2.0 / (t + 1.0)
        slope = 2.0 * ((1.0 - share) * kw + share * kv)
        power = t * step * (slope - slope.min())
        v_next = v * np.exp(-power)
        v_next /= v_next.sum()
        kv_next = times(v_next)
        w_next, kw_next = (1.0 - share) * w + share * v_next, (1.0 - share) * kw + share * kv_next
        new = float(w_next @ kw_next)
        if new < value or step <= least:
            w, kw, v, kv, t = w_next, kw_next, v_next, kv_next, t + 1
            if new < value:
                best, value = w, new
        else:  # too long a step: from the best so far, without momentum
            v, kv, t, step = w, kw, 1, step * _DECAY
    return best


def low_rank_weights(side: Any, rank: int, rng: np.random.Generator, steps: int = _STEPS) -> np.ndarray:
    """Non-negative weights of sum one for the candidates of a `SteinSide`, of nearly least discrepancy.

    The approximation is made anew where weights have gone: each time among the candidates that a rounding of the weights leaves.
    """
    n = side.n
    w, rows = np.full(n, 1.0 / n), np.arange(n)
    for adaptation in range(_ADAPTATIONS):
        if adaptation:
            mass = np.cumsum(w)
            counts = np.bincount(
                np.searchsorted(mass, (np.arange(n) + rng.random()) * (mass[-1] / n), side="right").clip(max=n - 1), minlength=n
            )
            rows = np.flatnonzero(counts)
            w = counts / n
        factor = pivoted_cholesky(side, min(rank, len(rows)), rng, rows)
        diagonal = side.diagonal[rows]
        rest = np.maximum(diagonal - (factor**2).sum(1), 0.0)
        least = 1.0 / (8.0 * float(diagonal.max()))  # steps up to which descent is certain
        step = least if adaptation == 0 else max(least, 1.0 / (8.0 * float(w[rows] @ diagonal)))
        found = _descend(factor, rest, w[rows], step, least, steps)
        w = np.zeros(n)
        w[rows] = found / found.sum()
    return w


def stein_kernel_thinning(
    points: Any,
    gradients: Any,
    size: int,
    *,
    debiasing: str = "thinning",
    preconditioner: Any = "med",
    standardise: bool = True,
    rank: int | None = None,
    oversampling: int | None = None,
    delta: float = 0.5,
    passes: int = 3,
    seed: Any = 0,
) -> Selection:
    """Select points of equal weight that stand for a density out of draws that follow it only roughly, such as those of a biased or tempered chain.

    Parameters
    ----------
    points, gradients : arrays of shape (n, dim)
        The draws, burn-in included, and the gradients of the log density at them.
    size : int
    debiasing : {"thinning", "low-rank", "none"}
    preconditioner, standardise :
        As in `stein_thinning`.
    rank : int, optional
        Rank of the approximation of the kernel matrix by ``"low-rank"``; about the square root of n by default.
    oversampling : int, optional
        If it is given, Compress++ with this oversampling takes the place of kernel thinning, which saves time for long chains.
    delta : float
        The probability with which the error bound of the halving may fail.
    passes : int
        At the end points are exchanged for better ones; how many times at most every point is looked at.
    seed : int

    Returns
    -------
    Selection
        ``mmd`` is the kernel Stein discrepancy of the first 1, 2, ... points; ``details["debiased"]`` holds the weights of the draws after
        debiasing, and ``details["debiased_ksd"]``, for at most 5000 draws, the discrepancy of the draws under these weights.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = 1.4 * rng.normal(size=(1000, 2)) + 0.3  # not quite N(0, 1)
    >>> chosen = stein_kernel_thinning(x, -x, 32, seed=1)
    >>> bool(np.abs(chosen.points.mean(0)).max() < 0.1)
    True
    """
    x, s = points_and_gradients(points, gradients)
    if x.ndim != 2:
        raise ArgumentError(f"`points` must have shape (n, dim); got {x.shape}")
    n = len(x)
    size, passes = whole_number("size", size, 1), whole_number("passes", passes, 0)
    if debiasing not in _DEBIASING:
        raise ArgumentError(f"`debiasing` must be one of {', '.join(map(repr, _DEBIASING))}; got {shown(debiasing)}")
    delta = number_that("delta", delta, "above 0 and at most 1", lambda v: 0 < v <= 1)
    rank = min(n, math.ceil(2.0 * math.sqrt(n))) if rank is None else whole_number("rank", rank, 1, n)
    every = -(-n // 10_000)
    flags = check_scores(x[::every], s[::every], severity=Severity.NOTE)
    warn_of_each([flag for flag in flags if flag.severity is Severity.INVALID])
    side, rng, spent = SteinSide(SteinPoints.of(x, s, preconditioner, standardise)), np.random.default_rng(seed), 0
    if debiasing == "thinning":
        first = _quietly_thinned(x, s, n, preconditioner, standardise)
        side.weights, spent = np.bincount(first.indices, minlength=n) / n, first.evaluations
    elif debiasing == "low-rank":
        side.weights = low_rank_weights(side, rank, rng)
    chosen = (
        halved(side, size, delta, rng)
        if oversampling is None
        else compressed(side, size, delta, whole_number("oversampling", oversampling, 0, 12), rng)
    )
    chosen, exchanges = exchange(side, chosen, passes)
    details = {"debiased": side.weights, "exchanges": exchanges, "matrix": side.points.matrix, "scale": side.points.scale}
    used = np.flatnonzero(side.weights)
    if len(used) <= 5000:
        w = side.weights[used]
        details["debiased_ksd"] = float(np.sqrt(max(w @ side.block(used) @ w, 0.0)))
    return Selection(f"Stein kernel thinning, debiasing {debiasing}", x[chosen], np.full(size, 1.0 / size), chosen, course(side, chosen),
                     side.evaluations + spent, flags=tuple(flags), details=details)  # fmt: skip


def _quietly_thinned(x: np.ndarray, s: np.ndarray, size: int, preconditioner: Any, standardise: bool) -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what speaks against the gradients has been said
        return stein_thinning(x, s, size, preconditioner=preconditioner, standardise=standardise)


def by_stein_kernel_thinning(
    x: Any, gradients: Any, size: int, seed: Any, repeats: bool, progress: bool, options: dict[str, Any]
) -> Selection:
    """`stein_kernel_thinning` as `select` calls it."""
    return stein_kernel_thinning(x, gradients, size, seed=seed, **options)
