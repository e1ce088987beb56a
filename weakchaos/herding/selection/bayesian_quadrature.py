"""Sequential Bayesian quadrature: points and weights that minimise the posterior variance of an integral.

For a function with a Gaussian process prior of covariance k the integral against the target has, after evaluations at x_1 ... x_T, the posterior mean
w' f(x), w = K^-1 z with z_i = mu(x_i), and the variance V = E k(Y, Y') - z' K^-1 z, which is the squared discrepancy of the weighted points (Huszar, Duvenaud,
UAI 2012, arXiv:1204.1664). The next point is the candidate with the least V. The Cholesky factor of K grows by a row a point; of each candidate the
residuals d = k(x, x) - |L^-1 k|^2 and r = mu(x) - (L^-1 k)'(L^-1 z) are kept, and V falls by r^2 / d. With weights that sum to one the variance is
V + (1 - 1' K^-1 z)^2 / (1' K^-1 1); without that a kernel whose mean is 0 has no weights but 0. Points end where d is rounding: the rank is then exhausted.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import positive
from weakchaos.core.errors import ArgumentError, ConvergenceWarning, shown
from weakchaos.core.machine_memory import enough_memory
from weakchaos.herding.selection.min_norm_point import simplex_weights
from weakchaos.herding.selection.problem import FEWER, Problem, interrupted, progress_bar
from weakchaos.herding.selection.selected import Selection
from weakchaos.kernels.mean_embedding import cross_sums

__all__ = ["quadrature_memory", "quadrature_weights", "sequential_quadrature"]

_RANK = 1e-10  # of the largest k(x, x): residuals below are rounding
_VARIANCE = 1e-14  # of E k(Y, Y'): a posterior variance below is rounding
_KINDS = ("free", "sum-to-one", "simplex")


def quadrature_memory(n: int, size: int) -> int:
    """Bytes that `sequential_quadrature` needs beside the points: a row for each point that is chosen."""
    return 8 * (size + 4) * n


def _kind(value: Any) -> str:
    if value not in _KINDS:
        raise ArgumentError(f"`weighting` must be one of {', '.join(map(repr, _KINDS))}; got {shown(value)}")
    return value


def quadrature_weights(gram: np.ndarray, mean: np.ndarray, weighting: str = "free", ridge: float = 0.0) -> np.ndarray:
    """The weights of Bayesian quadrature for given points.

    Parameters
    ----------
    gram : array of shape (m, m)
        Values k(x_i, x_j).
    mean : array of shape (m,)
        mu(x_i).
    weighting : {"free", "sum-to-one", "simplex"}
        The least discrepancy over all weights, over those that sum to one, or over those that are non-negative too.
    ridge : float
        Added to the diagonal of the matrix: the variance of the noise of evaluations. Directions that are rounding are left out where it is 0.

    Returns
    -------
    array of shape (m,)

    Examples
    --------
    >>> quadrature_weights(np.eye(2), np.array([0.5, 0.3])).tolist()
    [0.5, 0.3]
    >>> quadrature_weights(np.eye(2), np.array([0.5, 0.3]), "sum-to-one").round(3).tolist()
    [0.6, 0.4]
    """
    gram, mean = np.asarray(gram, np.float64), np.asarray(mean, np.float64)
    if _kind(weighting) == "simplex":
        return simplex_weights(gram + ridge * np.eye(mean.size), mean)
    values, vectors = np.linalg.eigh(gram + ridge * np.eye(mean.size))
    good = values > 1e-14 * values[-1] * mean.size
    inverse = (vectors[:, good] / values[good]) @ vectors[:, good].T
    free = inverse @ mean
    if weighting == "free":
        return free
    ones = inverse.sum(1)
    return free + ones * (1.0 - free.sum()) / ones.sum()


def sequential_quadrature(problem: Problem, size: int, method: str, options: dict[str, Any]) -> Selection:
    """Select at most `size` points.

    Options: ``weighting`` as in `quadrature_weights` (points are chosen for free weights unless it is ``"sum-to-one"``), and ``until``, a standard
    deviation of the integral, in units of the kernel's square root, at which to stop.
    """
    weighting = _kind(options.get("weighting", "free"))
    until = options.get("until")
    if until is not None:
        positive("until", until)
    n, mean, fixed = problem.n, problem.mean, weighting == "sum-to-one"
    enough_memory(quadrature_memory(n, size), f"quadrature with {size} of {n} points", FEWER)
    rows = np.empty((size, n))
    left, rest, ones = problem.diagonal.copy(), mean.copy(), np.ones(n)
    floor = _RANK * float(problem.diagonal.max())
    explained, mass, cross = 0.0, 0.0, 0.0  # z' K^-1 z, 1' K^-1 1, 1' K^-1 z
    chosen: list[int] = []
    mmd: list[float] = []
    exhausted = False
    with progress_bar(problem.progress, size, method) as tick:
        try:
            for t in range(size):
                usable = left > floor
                if not usable.any() or (mmd and mmd[-1] ** 2 <= _VARIANCE * problem.double):
                    exhausted = True
                    break
                safe = np.where(usable, left, 1.0)
                if fixed:
                    value = _constrained(explained + rest**2 / safe, mass + ones**2 / safe, cross + rest * ones / safe)
                else:
                    value = rest**2 / safe
                new = int(np.argmax(np.where(usable, value, -np.inf)))
                column = cross_sums(problem.kernel, problem.x, problem.x[new : new + 1], np.ones(1), problem.blocks.dtype)
                root = math.sqrt(left[new])
                rows[t] = (column - rows[:t, new] @ rows[:t]) / root
                a, b = rest[new] / root, ones[new] / root
                left -= rows[t] ** 2
                rest -= a * rows[t]
                ones -= b * rows[t]
                left[new] = 0.0
                explained, mass, cross = explained + a * a, mass + b * b, cross + a * b
                gained = _constrained(explained, mass, cross) if fixed else explained
                mmd.append(math.sqrt(max(0.0, problem.double - gained)))
                chosen.append(new)
                tick(1)
                if until is not None and mmd[-1] <= until:
                    break
        except KeyboardInterrupt:
            if not chosen:
                raise
            interrupted(len(chosen), size)
    indices = np.array(chosen, np.int64)
    if exhausted:
        import warnings

        warnings.warn(
            f"{len(chosen)} of {size} points were selected: with these the posterior variance, or the part of the kernel that other candidates could add, is "
            "rounding",
            ConvergenceWarning,
            stacklevel=4,
        )
    weights = _weights(problem, rows, indices, weighting)
    evaluations = problem.evaluations + len(chosen) * n
    return Selection(method, problem.x[indices], weights, indices, np.array(mmd), evaluations, problem.kernel, memory=rows.nbytes,
                     details={"weighting": weighting, "rank exhausted": exhausted})  # fmt: skip


def _constrained(explained: Any, mass: Any, cross: Any) -> Any:
    """What weights that sum to one explain."""
    return explained - (1.0 - cross) ** 2 / mass


def _weights(problem: Problem, rows: np.ndarray, indices: np.ndarray, weighting: str) -> np.ndarray:
    """From the triangular factor, which is at hand."""
    from scipy.linalg import solve_triangular

    m = len(indices)
    factor = rows[:m, indices].T
    if weighting == "simplex":
        return simplex_weights(np.tril(factor) @ np.tril(factor).T, problem.mean[indices])

    def solve(right: np.ndarray) -> np.ndarray:
        half = solve_triangular(factor, right, lower=True)
        return solve_triangular(factor.T, half, lower=False)

    free = solve(problem.mean[indices])
    if weighting == "free":
        return free
    ones = solve(np.ones(m))
    return free + ones * (1.0 - free.sum()) / ones.sum()
