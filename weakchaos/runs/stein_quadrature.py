"""Estimates out of the space of a Stein kernel: control functionals, and weights of least kernel Stein discrepancy.

Control functionals (Oates, Girolami and Chopin, J. R. Stat. Soc. B 79 (2017) 695, arXiv:1410.2392; after a polynomial, South, Karvonen, Nemeth, Girolami and
Oates, Biometrika 109 (2022) 351, arXiv:2002.00033): f is fitted at some draws by polynomials with known means and by sum_i c_i k0(., x_i), whose mean is zero too,
and both are taken off at other draws. Quadrature (Liu and Lee, AISTATS 2017, arXiv:1610.05247): min w' K0 w with sum w = 1, which makes weights for draws that
need not be of the target at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.scatter import standard_error
from weakchaos.kernels.stein_kernel import SteinPoints
from weakchaos.runs.control_variates import CrossFit, polynomial_features
from weakchaos.runs.score_check import points_and_gradients

__all__ = ["functionals", "least_discrepancy", "quadrature", "stein_weights"]

_CENTRES = 600  # draws at which a functional is fitted
_LENGTHS = (1.0, 4.0)  # of the median distance
_RIDGES = (1e-6, 1e-3, 1e-1)  # of the mean of the diagonal
_PARTS, _PART = 10, 400  # quadratures that the standard error is told by, and points of each
_JUDGES = 2000  # draws at which the fit of each is looked at
_FLOOR = 1e-8


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, evenly spread over them."""
    return rows if rows.size <= most else rows[np.linspace(0, rows.size - 1, most).astype(int)]


def _solve(matrix: np.ndarray, ridge: float, right: np.ndarray) -> np.ndarray:
    from scipy.linalg import cho_factor, cho_solve

    regular = matrix + ridge * np.mean(np.diag(matrix)) * np.eye(len(matrix))
    return cho_solve(cho_factor(regular, lower=True, check_finite=False), right, check_finite=False)


def functionals(
    values: np.ndarray, fit: CrossFit, z: np.ndarray, h: np.ndarray, order: int, folds: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, dict[str, Any]]:
    """What control functionals leave of what polynomials have left, shape (n, k), and the length and ridge of each fold.

    Length and ridge are chosen by predictions within the other folds; where the plain polynomial predicts as well, nothing more is taken off.
    """
    left = fit.left.copy()
    chosen = []
    for fold, beta in enumerate(fit.betas):
        rows = _spread(np.flatnonzero((folds != fold) & (weights > 0)), _CENTRES)
        rest = values[rows] - polynomial_features(z[rows], h[rows], order) @ beta
        rest -= rest.mean(0)
        half = folds[rows] % 2 == 0
        if half.all() or not half.any():
            half = np.arange(rows.size) < rows.size // 2
        best: tuple[float, float, float] = (1.0, 0.0, np.inf)
        square = SteinPoints.of(z[rows], h[rows], "med", False)
        for length in _LENGTHS:
            points = SteinPoints.of(z[rows], h[rows], length**2 / square.matrix[0, 0], False)
            k = points.block()
            for ridge in _RIDGES:
                error = 0.0
                for fitted, judged in ((half, ~half), (~half, half)):
                    c = _solve(k[np.ix_(fitted, fitted)], ridge, rest[fitted])
                    error += float(((rest[judged] - k[np.ix_(judged, fitted)] @ c) ** 2 / (rest**2).sum(0).clip(1e-300)).sum())
                if error / values.shape[1] < best[0]:
                    best = (error / values.shape[1], length, ridge)
        chosen.append(best[1:])
        if not best[1]:
            continue
        own = np.flatnonzero(folds == fold)
        both = np.concatenate([rows, own])
        points = SteinPoints.of(z[both], h[both], best[1] ** 2 / square.matrix[0, 0], False)
        centres = np.arange(rows.size)
        c = _solve(points.block(centres, centres), best[2], rest)
        left[own] -= points.block(np.arange(rows.size, both.size), centres) @ c
    return left, {"lengths": [length for length, _ in chosen], "kernel_ridges": [ridge for _, ridge in chosen], "centres": _CENTRES}


def least_discrepancy(matrix: np.ndarray, signs: str = "positive", ridge: float = _FLOOR) -> np.ndarray:
    """The weights of sum one that make w' K w least, for a kernel matrix K; of either sign where `signs` is ``"free"``."""
    n = len(matrix)
    if signs == "free":
        w = _solve(matrix, ridge, np.ones(n))
        return w / w.sum()
    from scipy.linalg import cholesky
    from scipy.optimize import nnls

    regular = matrix + ridge * np.mean(np.diag(matrix)) * np.eye(n)
    root = cholesky(regular, check_finite=False)
    # A heavy row holds the sum; what is left of its error goes with the division.
    heavy = 1e3 * np.sqrt(np.diag(regular).max())
    w = nnls(np.vstack([root, np.full(n, heavy)]), np.r_[np.zeros(n), heavy])[0]
    return w / w.sum()


def stein_weights(
    x: Any, gradients: Any, *, preconditioner: Any = "med", signs: str = "positive", ridge: float = _FLOOR
) -> np.ndarray:
    """Weights under which points stand for a density as well as any: those of least kernel Stein discrepancy, whatever the points were drawn from.

    Parameters
    ----------
    x, gradients : arrays of shape (n, dim)
        Different points; n**3 operations are made.
    preconditioner : str, float or array
        As in `weakchaos.herding.stein_thinning`.
    signs : {"positive", "free"}
        Whether no weight may be negative.
    ridge : float
        Added to the diagonal of the kernel matrix, as part of its mean.

    Returns
    -------
    array of shape (n,)
        It sums to one.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> x = 1.5 * np.random.default_rng(1).normal(size=(300, 1)) + 0.5  # draws of N(0.5, 1.5**2), weighted for N(0, 1)
    >>> w = stein_weights(x, -x)
    >>> bool(abs(w @ x[:, 0]) < 0.01), bool(abs(w @ x[:, 0] ** 2 - 1) < 0.02)
    (True, True)
    """
    points, scores = points_and_gradients(x, gradients)
    if points.ndim != 2 or len(points) < 2:
        raise ArgumentError(f"`x` must hold at least two points, as an array of shape (n, dim); got shape {points.shape}")
    if signs not in ("positive", "free"):
        raise ArgumentError(f"`signs` must be 'positive' or 'free'; got {shown(signs)}")
    if real_number("ridge", ridge) < 0:
        raise ArgumentError(f"`ridge` must not be negative; got {shown(ridge)}")
    matrix = SteinPoints.of(points, scores, preconditioner, True).block()
    try:
        return least_discrepancy(matrix, signs, float(ridge))
    except np.linalg.LinAlgError as error:
        raise ArgumentError(
            "the kernel matrix of these points is singular, as it is where points are equal or very near; use a larger `ridge`"
        ) from error


def quadrature(values: np.ndarray, z: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Means of values of shape (chains, n, k) by weights of least discrepancy in each of ten parts of the draws, and their standard errors.

    The estimates of the parts are averaged. Their spread does not see the error that all share, so it is added to what the function behind each
    estimate, which goes through the values of its part, misses on average at the draws of the others.
    """
    chains, n, k = values.shape
    flat = values.reshape(-1, k)
    part_of = np.tile(np.arange(n) * _PARTS // n, chains)
    estimates, missed, fewest = [], [], len(flat)
    judges = _spread(np.arange(len(flat)), _JUDGES)
    for part in range(_PARTS):
        rows = _spread(np.flatnonzero(part_of == part), _PART)
        _, first = np.unique(z[rows], axis=0, return_index=True)  # equal points would make the matrix singular
        rows = rows[np.sort(first)]
        fewest = min(fewest, rows.size)
        others = judges[part_of[judges] != part]
        both = np.concatenate([rows, others])
        points = SteinPoints.of(z[both], h[both], "med" if both.size > 2 else "id", False)
        centres = np.arange(rows.size)
        matrix = points.block(centres, centres)
        estimate = least_discrepancy(matrix, "free", _FLOOR) @ flat[rows]
        c = _solve(matrix, _FLOOR, flat[rows] - estimate)
        estimates.append(estimate)
        missed.append((flat[others] - estimate - points.block(np.arange(rows.size, both.size), centres) @ c).mean(0))
    table, bias = np.array(estimates), np.mean(missed, 0)
    error = np.hypot(standard_error(table), bias)
    return table.mean(0), error, {"freedom": _PARTS - 1, "points": int(fewest), "shared_error": bias}
