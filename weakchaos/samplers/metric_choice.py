"""Which form of the metric warm-up takes, and whether it has settled: judged on points that it was not made of.

Each form that the window before suggested is held against the points of this one by the Fisher divergence that it was made to minimise,
``tr(V G) + tr(V^-1 C)`` up to a constant, and the least wins: a dense metric from too few points loses to a diagonal one.
"""

from __future__ import annotations

import numpy as np

from weakchaos.samplers.low_rank import low_rank_metric
from weakchaos.samplers.mass import DENSE, DIAGONAL, LOW_RANK
from weakchaos.samplers.metric import cholesky, dense_metric, diagonal_metric

__all__ = ["METRICS", "difference", "fisher_divergence", "forms_of", "least_divergence", "suggestions"]

METRICS = ("auto", "diagonal", "dense", "low-rank")
# Up to so many coordinates the products with a dense metric cost no more than a gradient of an ordinary model.
_MOST_DENSE = 128

Metric = dict[str, np.ndarray]


def forms_of(metric: str, dim: int) -> tuple[int, ...]:
    """The forms of the metric among which warm-up chooses."""
    if dim == 1:
        return (DIAGONAL,)
    other = DENSE if dim <= _MOST_DENSE else LOW_RANK
    return {"auto": (DIAGONAL, other), "diagonal": (DIAGONAL,), "dense": (DENSE,), "low-rank": (LOW_RANK,)}[metric]


def _diagonal(matrix: np.ndarray) -> np.ndarray:
    return matrix if matrix.ndim == 1 else np.diag(matrix)


def _whitened(metric: Metric, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points and gradients, shape (2, m, dim), in coordinates in which a metric of low rank is the identity."""
    x, g = points[0] / metric["scale"], points[1] * metric["scale"]
    directions, gains = metric["directions"], metric["gains"]
    return x - ((x @ directions.T) * (gains / (1.0 + gains))) @ directions, g + ((g @ directions.T) * gains) @ directions


def suggestions(
    forms: tuple[int, ...], c: np.ndarray, g: np.ndarray, points: np.ndarray, factor: np.ndarray | None, rank: int
) -> dict[int, Metric]:
    """What covariances of points and of gradients, or the points themselves, suggest in each of the forms; nothing where they say nothing.

    Parameters
    ----------
    forms : tuple of int
    c, g : arrays of shape (dim, dim), or (dim,) where only variances are known
    points : array of shape (2, m, dim)
        Points and gradients, for a low rank.
    factor : array of shape (dim, dim) or None
        Of the dense metric that was suggested before.
    rank : int
        The greatest of a low rank.
    """
    out: dict[int, Metric] = {}
    inverse_mass = diagonal_metric(_diagonal(c), _diagonal(g))
    if inverse_mass is None:
        return out
    scale = np.sqrt(inverse_mass)
    for form in forms:
        if form == DIAGONAL:
            out[form] = {"inverse_mass": inverse_mass, "scale": scale}
        elif form == DENSE:
            matrix = dense_metric(c, g, factor)
            new = None if matrix is None else cholesky(matrix)
            if matrix is not None and new is not None and np.isfinite(new).all():
                out[form] = {"inverse_mass": np.diag(matrix).copy(), "factor": new}
        else:
            directions, gains, bulk = low_rank_metric(points[0], points[1], scale, rank)
            lengths = 1.0 + (directions**2 * ((1.0 + gains) ** 2 - 1.0)[:, None]).sum(0)
            out[form] = {
                "inverse_mass": inverse_mass * bulk**2 * lengths,
                "scale": scale * bulk,
                "directions": directions,
                "gains": gains,
            }
    return out


def fisher_divergence(form: int, metric: Metric, c: np.ndarray, g: np.ndarray, points: np.ndarray) -> float:
    """``tr(V G) + tr(V^-1 C)`` of a metric on points that it was not made of; inf for a metric that is none.

    Examples
    --------
    >>> fisher_divergence(DIAGONAL, {"scale": np.array([2.0, 1.0])}, np.array([4.0, 1.0]), np.array([0.25, 1.0]), np.empty((2, 0, 2)))
    4.0
    """
    with np.errstate(all="ignore"):
        if form == DIAGONAL:
            value = (metric["scale"] ** 2 * _diagonal(g)).sum() + (_diagonal(c) / metric["scale"] ** 2).sum()
        elif form == DENSE:
            factor = metric["factor"]
            if not np.isfinite(factor).all():
                return np.inf
            value = np.trace(factor.T @ g @ factor) + np.trace(np.linalg.solve(factor, np.linalg.solve(factor, c).T))
        else:
            x, grad = _whitened(metric, points)
            value = x.var(0).sum() + grad.var(0).sum() if len(x) else np.inf
    return float(value) if np.isfinite(value) else np.inf


def least_divergence(form: int, c: np.ndarray, g: np.ndarray) -> float:
    """The least `fisher_divergence` that a metric of a form could have on these points; of a low rank, a bound from above."""
    if form == DENSE:
        return 2.0 * float(np.sqrt(np.abs(np.linalg.eigvals(c @ g))).sum())
    return 2.0 * float(np.sqrt(_diagonal(c) * _diagonal(g)).sum())


def _spread(lengths: np.ndarray) -> float:
    return float(lengths.max() / lengths.min())


def difference(form: int, old: Metric, new: Metric, points: np.ndarray) -> float:
    """By how much two metrics of a form differ: of all directions that have length 1 in the old one, the longest in the new one over the
    shortest; inf where that is not known.

    Examples
    --------
    >>> difference(DIAGONAL, {"scale": np.array([2.0, 1.0])}, {"scale": np.array([2.0, 3.0])}, np.empty((2, 0, 2)))
    3.0
    """
    with np.errstate(all="ignore"):
        if form == DIAGONAL:
            value = _spread(new["scale"] / old["scale"])
        elif form == DENSE:
            ratio = np.linalg.solve(old["factor"], new["factor"])
            value = _spread(np.linalg.svd(ratio, compute_uv=False)) if np.isfinite(ratio).all() else np.inf
        else:
            # Two low ranks can hardly be compared: which directions they hold is noise beyond the first few. What is still to be found
            # in coordinates in which the old one is the identity says the same.
            x, g = _whitened(old, points)
            inverse_mass = diagonal_metric(x.var(0), g.var(0)) if len(x) else None
            if inverse_mass is None:
                return np.inf
            lengths = 1.0 + low_rank_metric(x, g, np.sqrt(inverse_mass), len(old["gains"]))[1]
            value = max(lengths.max(), 1.0) / min(lengths.min(), 1.0)
    return float(value) if np.isfinite(value) else np.inf
