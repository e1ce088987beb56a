"""A metric of low rank over a diagonal one, from a few points of trajectories and the gradients there.

As in Seyboldt, Carlson and Carpenter (2026), arXiv:2603.18845: in coordinates in which the diagonal metric is the identity, the geometric mean
``C # G^-1`` is taken within the span of points and gradients, and the directions in which it is far from 1 are kept. In many dimensions few points
show variances far from 1 in directions that they happen to span. So the directions come from the first half of the points, and
their lengths, ``var(u.x) / var(u.g)`` of each, from the second half: a direction that the later points do not confirm is left out.
"""

from __future__ import annotations

import numpy as np

from weakchaos.native.compiled import kernel
from weakchaos.samplers.mass import dot
from weakchaos.samplers.metric import geometric_mean

__all__ = ["low_rank_metric", "orthonormal_rows", "symmetric_eigenvectors"]

_RIDGE = 1e-3  # of variances of the directions of the span, for those that only a few points show
_LEAST_STRETCH = 1.5  # in length: directions nearer to the diagonal metric are left to it


@kernel
def orthonormal_rows(a):
    """Rows that span what those of `a` do, by Gram and Schmidt's method, twice over; rows of zeros where there is nothing new."""
    out = np.zeros_like(a)
    for k in range(a.shape[0]):
        row = a[k].copy()
        size = np.sqrt(dot(row, row))
        for _ in range(2):
            for j in range(k):
                b = dot(out[j], row)
                for i in range(row.size):
                    row[i] -= b * out[j, i]
        rest = np.sqrt(dot(row, row))
        if rest > 1e-9 * size:
            out[k] = row / rest
    return out


@kernel
def symmetric_eigenvectors(a):
    """Eigenvalues of a small symmetric matrix, unordered, and eigenvectors as rows, by Jacobi's rotations."""
    n = a.shape[0]
    a, v = a.copy(), np.eye(n)
    for _ in range(30):
        off, whole = 0.0, 0.0
        for i in range(n):
            for j in range(n):
                whole += a[i, j] * a[i, j]
                if i != j:
                    off += a[i, j] * a[i, j]
        if not off > 1e-26 * whole:
            break
        for p in range(n - 1):
            for q in range(p + 1, n):
                if a[p, q] == 0.0:
                    continue
                theta = 0.5 * (a[q, q] - a[p, p]) / a[p, q]
                t = (1.0 if theta >= 0.0 else -1.0) / (abs(theta) + np.sqrt(theta * theta + 1.0))
                c = 1.0 / np.sqrt(t * t + 1.0)
                s = t * c
                for k in range(n):
                    x, y = a[k, p], a[k, q]
                    a[k, p], a[k, q] = c * x - s * y, s * x + c * y
                for k in range(n):
                    x, y = a[p, k], a[q, k]
                    a[p, k], a[q, k] = c * x - s * y, s * x + c * y
                for k in range(n):
                    x, y = v[p, k], v[q, k]
                    v[p, k], v[q, k] = c * x - s * y, s * x + c * y
    return np.diag(a).copy(), v


@kernel
def _products(a, b):
    out = np.empty((a.shape[0], b.shape[0]))
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            out[i, j] = dot(a[i], b[j])
    return out


def low_rank_metric(
    points: np.ndarray, gradients: np.ndarray, scale: np.ndarray, rank: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Directions u_k, gains c_k and the factor b of ``L = b diag(scale) (I + sum_k c_k u_k u_k^T)``.

    Parameters
    ----------
    points, gradients : arrays of shape (m, dim)
        In the order in which they were visited.
    scale : array of shape (dim,)
        Square roots of the inverse masses of the diagonal metric.
    rank : int
        The most directions.

    Returns
    -------
    directions : array of shape (rank, dim)
        Orthonormal; zeros where fewer were found.
    gains : array of shape (rank,)
    bulk : float
        A few long directions lengthen all coordinates of the diagonal metric; this is the length of the median direction there.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> u = np.array([0.6, 0.8, 0.0, 0.0])
    >>> x = rng.normal(size=(40, 4)) @ (np.eye(4) + 9.0 * np.outer(u, u))
    >>> directions, gains, bulk = low_rank_metric(x, -x @ (np.eye(4) - 0.99 * np.outer(u, u)), np.ones(4), 1)
    >>> round(float(abs(directions[0] @ u)), 6), round(float((1.0 + gains[0]) * bulk), 1)
    (1.0, 10.0)
    """
    dim, m = scale.size, len(points)
    directions, gains = np.zeros((rank, dim)), np.zeros(rank)
    if m < 8:
        return directions, gains, 1.0
    x, g = (points - points.mean(0)) / scale, (gradients - gradients.mean(0)) * scale
    half = m // 2
    first_x, first_g = x[:half] - x[:half].mean(0), g[:half] - g[:half].mean(0)
    basis = orthonormal_rows(np.concatenate([first_x, first_g]))
    basis = np.ascontiguousarray(basis[basis.any(1)])
    if not len(basis) or not np.isfinite(basis).all():
        return directions, gains, 1.0
    a, b = _products(basis, first_x) / np.sqrt(half), _products(basis, first_g) / np.sqrt(half)
    mean = geometric_mean(_products(a, a) + _RIDGE * np.eye(len(a)), _products(b, b) + _RIDGE * np.eye(len(a)))
    if not np.isfinite(mean).all():
        return directions, gains, 1.0
    values, vectors = symmetric_eigenvectors(mean)
    bulk = np.sqrt(np.median(values))
    order = np.argsort(-np.abs(np.log(values / bulk**2)), kind="stable")[:rank]
    found = np.zeros((len(order), dim))
    for k, row in enumerate(order):
        for j in range(len(basis)):
            found[k] += vectors[row, j] * basis[j]
    later_x, later_g = _products(found, x[half:]), _products(found, g[half:])
    with np.errstate(all="ignore"):
        stretch = (later_x.var(1) / later_g.var(1)) ** 0.25 / bulk
        same_side = np.log(stretch) * np.log(values[order] / bulk**2) > 0.0
    keep = np.isfinite(stretch) & same_side & (np.maximum(stretch, 1.0 / stretch) > _LEAST_STRETCH)
    count = int(keep.sum())
    if not count:
        return directions, gains, 1.0
    directions[:count], gains[:count] = found[keep], stretch[keep] - 1.0
    return directions, gains, float(bulk)
