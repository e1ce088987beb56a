"""The metric of a Gaussian approximation, from points of trajectories and the gradients there.

Among all Gaussians of covariance V the one whose scores are nearest to those of the target, E |L^T (grad log p - grad log q)|^2 with
``V = L L^T``, has the geometric mean of the covariance C of the points and of the inverse of that of their gradients, G:

    V = C # G^-1,    the positive definite solution of V G V = C,

as in Seyboldt, Carlson and Carpenter (2026), arXiv:2603.18845. On a Gaussian target ``g = -P (x - m)``, so any dim + 1 points in
general position give ``V = P^-1`` exactly, wherever they come from. The mean is the limit of

    C <- (C + G^-1) / 2,    G <- (G + C^-1) / 2,

Newton's iteration for the sign of a matrix (Higham, Functions of Matrices (2008), section 5.3 and 6.3), which converges quadratically
from any two positive definite matrices. Everything here is in the order of its sums the same on every machine and for any number of
threads, as draws must not depend on those.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from weakchaos.native.compiled import kernel
from weakchaos.samplers.mass import dot

__all__ = [
    "add_point",
    "cholesky",
    "dense_metric",
    "diagonal_metric",
    "geometric_mean",
    "invert",
    "new_window",
    "pooled",
    "solve_rows",
    "window_covariances",
]

# In a window's header: total weight of its points, their number, then of the points that are kept one by one: how many points of the
# trajectories pass for each, how many are left to pass, and how many are kept.
WEIGHT, COUNT, STRIDE, TO_PASS, KEPT = range(5)
HEADER = 5


def new_window(dim: int, dense: bool, points: int) -> dict[str, np.ndarray]:
    """Accumulators of one window of warm-up, for `add_point`.

    Parameters
    ----------
    dim : int
    dense : bool
        Whether all products of coordinates are summed.
    points : int
        How many points are kept one by one, spread evenly over the window.

    Returns
    -------
    dict
        ``window``: the header, means of points and of gradients, and sums of squared deviations of both, shape (5 + 4 dim,);
        ``window_products``: sums of products of deviations, lower triangles, (2, dim, dim) or nothing; ``window_points``: (2, points, dim).
    """
    window = np.zeros(HEADER + 4 * dim)
    window[STRIDE] = 1.0
    size = dim if dense else 0
    return {"window": window, "window_products": np.zeros((2, size, size)), "window_points": np.zeros((2, points, dim))}


@njit(nogil=True, error_model="numpy")
def add_point(window, products, points, weight, x, gradient, room):
    """Add a point of a trajectory, of weight min(1, exp(-dH)), and the gradient there: West, Comm. ACM 22 (1979) 532."""
    dim = x.size
    if not weight > 0.0:
        return
    window[WEIGHT] += weight
    window[COUNT] += 1.0
    share = weight / window[WEIGHT]
    for side in range(2):
        value = gradient if side == 1 else x
        mean = window[HEADER + side * dim : HEADER + (side + 1) * dim]
        squares = window[HEADER + (2 + side) * dim : HEADER + (3 + side) * dim]
        before, after = room[0], room[1]
        for i in range(dim):
            before[i] = value[i] - mean[i]
            mean[i] += share * before[i]
            after[i] = weight * (value[i] - mean[i])
            squares[i] += before[i] * after[i]
        if products.shape[1] > 0:
            total = products[side]
            for i in range(dim):
                a = before[i]
                for j in range(i + 1):
                    total[i, j] += a * after[j]
    if points.shape[1] > 0:
        if window[TO_PASS] > 0.0:
            window[TO_PASS] -= 1.0
            return
        if int(window[KEPT]) == points.shape[1]:
            # Every other point goes, so that those that stay are spread evenly over the window.
            half = points.shape[1] // 2
            for k in range(half):
                for i in range(dim):
                    points[0, k, i], points[1, k, i] = points[0, 2 * k + 1, i], points[1, 2 * k + 1, i]
            window[KEPT], window[TO_PASS], window[STRIDE] = half, window[STRIDE] - 1.0, 2.0 * window[STRIDE]
            return
        k = int(window[KEPT])
        for i in range(dim):
            points[0, k, i], points[1, k, i] = x[i], gradient[i]
        window[KEPT] += 1.0
        window[TO_PASS] = window[STRIDE] - 1.0


@kernel
def cholesky(a):
    """The lower triangular factor of a symmetric matrix, of which the lower triangle is read; NaN where it is not positive definite."""
    n = a.shape[0]
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            out[i, j] = (a[i, j] - dot(out[i, :j], out[j, :j])) / out[j, j]
        rest = a[i, i] - dot(out[i, :i], out[i, :i])
        if not rest > 0.0:
            out[:] = math.nan
            return out
        out[i, i] = math.sqrt(rest)
    return out


@kernel
def invert(a):
    """The inverse of a symmetric positive definite matrix; NaN where it is none."""
    n = a.shape[0]
    factor = cholesky(a)
    # Row j of `columns` is column j of the inverse of the factor: zero before j.
    columns, out = np.zeros((n, n)), np.empty((n, n))
    for j in range(n):
        columns[j, j] = 1.0 / factor[j, j]
        for i in range(j + 1, n):
            columns[j, i] = -dot(factor[i, j:i], columns[j, j:i]) / factor[i, i]
    for i in range(n):
        for j in range(i + 1):
            out[i, j] = dot(columns[i, i:], columns[j, i:])
            out[j, i] = out[i, j]
    return out


@kernel
def geometric_mean(c, g):
    """``C # G^-1`` of two positive definite matrices; NaN where one is not."""
    n = c.shape[0]
    a, b = c.copy(), g.copy()
    for _ in range(60):
        inverse_a, inverse_b = invert(a), invert(b)
        change = 0.0
        for i in range(n):
            for j in range(n):
                new = 0.5 * (a[i, j] + inverse_b[i, j])
                b[i, j] = 0.5 * (b[i, j] + inverse_a[i, j])
                if i == j:
                    change = max(change, abs(new - a[i, j]) / new)
                a[i, j] = new
        # Convergence is quadratic: after a change of this size the next is below rounding. A NaN ends it too.
        if not change > 1e-8:
            break
    return a


def window_covariances(tuning: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Covariances of the points of a window and of their gradients; variances alone, of shape (dim,), where no products were summed."""
    window, products = tuning["window"], tuning["window_products"]
    dim = (window.size - HEADER) // 4
    weight = max(window[WEIGHT], 1e-300)
    if not products.shape[1]:
        return window[HEADER + 2 * dim : HEADER + 3 * dim] / weight, window[HEADER + 3 * dim :] / weight
    full = [np.tril(p) + np.tril(p, -1).T for p in products]
    return full[0] / weight, full[1] / weight


def pooled(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The sums of two windows as those of one: Chan, Golub and LeVeque, Am. Stat. 37 (1983) 242."""
    window, dim = one["window"] + other["window"], (one["window"].size - HEADER) // 4
    weights = one["window"][WEIGHT], other["window"][WEIGHT]
    products = one["window_products"] + other["window_products"]
    for side in range(2):
        where = slice(HEADER + side * dim, HEADER + (side + 1) * dim)
        first, second = one["window"][where], other["window"][where]
        window[where] = first + weights[1] / window[WEIGHT] * (second - first)
        apart = np.sqrt(weights[0] * weights[1] / window[WEIGHT]) * (second - first)
        window[HEADER + (2 + side) * dim : HEADER + (3 + side) * dim] += apart**2
        if products.size:
            products[side] += np.outer(apart, apart)
    return {"window": window, "window_products": products}


def diagonal_metric(variances: np.ndarray, gradient_variances: np.ndarray) -> np.ndarray | None:
    """Inverse masses ``sqrt(var x / var g)`` of each coordinate, shape (dim,); None where one of them is not positive and finite.

    Examples
    --------
    >>> diagonal_metric(np.array([4.0, 9.0]), np.array([0.25, 1.0]))
    array([4., 3.])
    """
    with np.errstate(all="ignore"):
        out = np.sqrt(variances) / np.sqrt(gradient_variances)
    return out if np.isfinite(out).all() and (out > 0).all() else None


@kernel
def solve_rows(factor, a):
    """``a`` with each row r replaced by the solution of ``factor y = r``, for a lower triangular factor."""
    out = np.empty_like(a)
    for k in range(a.shape[0]):
        for i in range(a.shape[1]):
            out[k, i] = (a[k, i] - dot(factor[i, :i], out[k, :i])) / factor[i, i]
    return out


@kernel
def _times(a, b):
    """``a @ b.T``, its sums in one order."""
    out = np.empty((a.shape[0], b.shape[0]))
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            out[i, j] = dot(a[i], b[j])
    return out


def dense_metric(
    covariance: np.ndarray, gradient_covariance: np.ndarray, reference: np.ndarray | None = None, ridge: float = 1e-8
) -> np.ndarray | None:
    """The inverse mass matrix ``C # G^-1``; None where there is none.

    Parameters
    ----------
    covariance, gradient_covariance : arrays of shape (dim, dim)
    reference : array of shape (dim, dim), optional
        A lower triangular factor of a metric that is kept in directions in which the points do not differ, up to a factor common to all of
        them; the diagonal metric by default.
    ridge : float
        Added to both diagonals in the coordinates in which the reference is the identity, relative to their means.

    Returns
    -------
    array of shape (dim, dim) or None

    Examples
    --------
    >>> c = np.array([[2.0, 1.0], [1.0, 3.0]])
    >>> dense_metric(c, np.linalg.inv(c)).round(6)
    array([[2., 1.],
           [1., 3.]])
    """
    if reference is None:
        scale = diagonal_metric(np.diag(covariance), np.diag(gradient_covariance))
        if scale is None:
            return None
        reference = np.diag(np.sqrt(scale))
    upper = np.ascontiguousarray(reference.T)
    c = solve_rows(reference, np.ascontiguousarray(solve_rows(reference, covariance).T))
    g = _times(upper, _times(upper, gradient_covariance))
    size_c, size_g = np.diag(c).mean(), np.diag(g).mean()
    with np.errstate(all="ignore"):
        eye = ridge * np.eye(len(c))
        mean = geometric_mean(c / size_c + eye, g / size_g + eye) * np.sqrt(size_c / size_g)
    if not np.isfinite(mean).all():
        return None
    out = _times(_times(reference, mean), reference)
    return 0.5 * (out + out.T)
