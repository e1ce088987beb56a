"""Fully corrective Frank-Wolfe: after each new point the weights of all points are the best ones in the simplex.

The minimum of |mu - sum_i w_i k(x_i, .)|^2 over w >= 0, sum w = 1 is found by the algorithm of Wolfe for the nearest point of a polytope (Math. Program. 11
(1976) 128): the minimum over the affine hull of the points is taken where its weights are positive, and approached until a weight is 0, whose point is then
left out, otherwise. Bach, Lacoste-Julien and Obozinski (ICML 2012, arXiv:1203.4523) herd this way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.herding.selection.problem import Problem, interrupted, progress_bar
from weakchaos.herding.selection.selected import Selection
from weakchaos.kernels.mean_embedding import cross_sums

__all__ = ["fully_corrective", "simplex_weights"]

_CACHE = 1 << 29  # bytes of kernel columns that are kept
_ROUNDING = 1e-15
_SMALL = 1e-14  # a weight below this share of the largest is 0


def _affine_minimum(gram: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """argmin w' K w - 2 z' w over sum w = 1."""
    m = len(mean)
    system = np.zeros((m + 1, m + 1))
    system[:m, :m], system[m, :m], system[:m, m] = gram, 1.0, 1.0
    right = np.append(mean, 1.0)
    try:
        return np.linalg.solve(system, right)[:m]
    except np.linalg.LinAlgError:  # points whose kernels are linearly dependent to rounding
        return np.linalg.lstsq(system, right, rcond=None)[0][:m]


def _correct(gram: np.ndarray, mean: np.ndarray, held: list[int], weights: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Wolfe's minor cycles, from feasible weights of the points that are held."""
    for _ in range(10 * len(held) + 10):
        best = _affine_minimum(gram[np.ix_(held, held)], mean[held])
        if not np.isfinite(best).all():
            return held, weights
        if (best > 0).all():
            return held, best / best.sum()
        down = best <= 0
        step = float((weights[down] / np.maximum(weights[down] - best[down], 1e-300)).min())
        weights = weights + min(step, 1.0) * (best - weights)
        keep = weights > _SMALL * weights.max()
        keep[np.argmin(np.where(down, weights, np.inf))] = False
        if not keep.any():
            keep[int(np.argmax(weights))] = True
        held, weights = [h for h, k in zip(held, keep, strict=True) if k], weights[keep]
        weights = weights / weights.sum()
    return held, weights


def simplex_weights(gram: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The weights w >= 0, sum w = 1, that minimise w' K w - 2 z' w.

    Parameters
    ----------
    gram : array of shape (m, m)
        Values K_ij = k(x_i, x_j).
    mean : array of shape (m,)
        z_i = mu(x_i).

    Returns
    -------
    array of shape (m,)

    Examples
    --------
    >>> simplex_weights(np.eye(2), np.array([0.9, 0.1])).round(6)
    array([0.9, 0.1])
    """
    gram, mean = np.asarray(gram, np.float64), np.asarray(mean, np.float64)
    if gram.shape != (mean.size, mean.size) or not np.isfinite(gram).all() or not np.isfinite(mean).all():
        raise ArgumentError(f"`gram` must be a finite matrix of shape ({mean.size}, {mean.size}); got shape {gram.shape}")
    held = [int(np.argmin(np.diag(gram) - 2 * mean))]
    weights = np.ones(1)
    tolerance = 10 * _ROUNDING * (1.0 + np.abs(gram).max())
    for _ in range(20 * mean.size + 20):
        slope = mean - gram[:, held] @ weights
        new = int(np.argmax(slope))
        if new in held or slope[new] - weights @ slope[held] <= tolerance:
            break
        held, weights = _correct(gram, mean, [*held, new], np.append(weights, 0.0))
    out = np.zeros(mean.size)
    out[held] = weights
    return out


def fully_corrective(problem: Problem, size: int, method: str, options: dict[str, Any]) -> Selection:
    """At most `size` points, of which those whose weight has become 0 are left out again; one new point a step."""
    n, mean = problem.n, problem.mean
    cached = size * n * 8 <= _CACHE
    columns = np.empty((size, n)) if cached else np.empty((0, n))
    chosen: list[int] = []  # candidates in the order in which they were found; `held` counts among them
    gram, z = np.empty((size, size)), np.empty(size)
    held: list[int] = []
    weights, g = np.empty(0), np.zeros(n)
    norm, inner = 0.0, 0.0
    mmd, gap, columns_made = [], [], 0
    with progress_bar(problem.progress, size, method) as tick:
        try:
            for _ in range(size):
                slope = mean - g
                new = int(np.argmax(slope))
                promise = float(slope[new] - (inner - norm))
                if chosen and (promise <= _ROUNDING * (abs(problem.double) + norm) or new in [chosen[h] for h in held]):
                    break
                m = len(chosen)
                if new in chosen:
                    place = chosen.index(new)
                else:
                    place = m
                    chosen.append(new)
                    column = cross_sums(problem.kernel, problem.x, problem.x[new : new + 1], np.ones(1), problem.blocks.dtype)
                    columns_made += 1
                    if cached:
                        columns[m] = column
                    gram[m, : m + 1] = gram[: m + 1, m] = column[chosen]
                    z[m] = mean[new]
                held, weights = _correct(gram, z, [*held, place], np.append(weights, 0.0 if len(weights) else 1.0))
                if cached:
                    g = weights @ columns[held]
                else:
                    rows = [chosen[h] for h in held]
                    g = cross_sums(problem.kernel, problem.x, problem.x[rows], weights, problem.blocks.dtype)
                    columns_made += len(held)
                norm, inner = float(weights @ gram[np.ix_(held, held)] @ weights), float(weights @ z[held])
                mmd.append(np.sqrt(max(0.0, problem.double - 2.0 * inner + norm)))
                gap.append(promise)
                tick(1)
        except KeyboardInterrupt:
            if not mmd:
                raise
            interrupted(len(mmd), size)
    indices = np.array([chosen[h] for h in held], np.int64)
    details = {"steps": len(mmd)}
    return Selection(
        method,
        problem.x[indices],
        weights,
        indices,
        np.array(mmd),
        problem.evaluations + columns_made * n,
        problem.kernel,
        np.array(gap),
        details=details,
    )
