r"""The Stein kernel of an inverse multiquadric: a kernel whose mean under a density is zero, made from the gradients of its logarithm.

Gorham and Mackey, ICML 2017, arXiv:1703.01717; in this form Riabiz et al., J. R. Stat. Soc. B 84 (2022) 1059, arXiv:2005.03952. With scores
s = grad log p, a positive definite matrix G, d = x - y and q = 1 + d' G d,

    k0(x, y) = -3 |G d|**2 / q**(5/2) + (tr G + <s(x) - s(y), G d>) / q**(3/2) + <s(x), s(y)> / q**(1/2),

    E_p k0(x, .) = 0 for every x, so that sum_ij w_i w_j k0(x_i, x_j) is the squared discrepancy between the weighted points and p.

Gradient-free form (Fisher and Oates 2022, arXiv:2207.02636): with the scores of another density q, k0 times (q / p)(x) (q / p)(y).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.arguments import real_array
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.native.compiled import kernel

__all__ = ["BLOCK", "PRECONDITIONERS", "SteinPoints", "squared_length_or_matrix", "stein_block", "stein_matrix"]

BLOCK = 240  # pairs whose partial sums stay in the first cache; rows of a power of two would fall on the same cache sets
PRECONDITIONERS = ("id", "med", "sclmed", "smpcov")
_MEDIAN_OF = 1000  # points
_LARGEST = 1e70
_LEAST_SPREAD = 1e-12  # of its size, below which a coordinate does not change


@njit(nogil=True, error_model="numpy")
def stein_block(x, u, s, y, uy, sy, trace, a, b, work, out):
    """Write k0 of the points a to b (of arrays of shape (dim, n)) and the point y into `out`; `work` has shape (4, BLOCK).

    `u` is G x; it has no rows where G is a multiple of the identity, trace / dim.
    """
    n = b - a
    dim = x.shape[0]
    r, g, cross, dot = work[0], work[1], work[2], work[3]
    for i in range(n):
        r[i] = 0.0
        g[i] = 0.0
        cross[i] = 0.0
        dot[i] = 0.0
    # Two coordinates in each pass halve the traffic of partial sums, which are added in the order of coordinates all the same.
    plain = u.shape[0] == 0
    for k in range(0, dim - 1, 2):
        x0, s0, y0, t0 = x[k, a:b], s[k, a:b], y[k], sy[k]
        x1, s1, y1, t1 = x[k + 1, a:b], s[k + 1, a:b], y[k + 1], sy[k + 1]
        if plain:
            for i in range(n):
                d0 = x0[i] - y0
                d1 = x1[i] - y1
                r[i] = (r[i] + d0 * d0) + d1 * d1
                cross[i] = (cross[i] + (s0[i] - t0) * d0) + (s1[i] - t1) * d1
                dot[i] = (dot[i] + s0[i] * t0) + s1[i] * t1
        else:
            u0, v0, u1, v1 = u[k, a:b], uy[k], u[k + 1, a:b], uy[k + 1]
            for i in range(n):
                d0 = u0[i] - v0
                d1 = u1[i] - v1
                r[i] = (r[i] + (x0[i] - y0) * d0) + (x1[i] - y1) * d1
                g[i] = (g[i] + d0 * d0) + d1 * d1
                cross[i] = (cross[i] + (s0[i] - t0) * d0) + (s1[i] - t1) * d1
                dot[i] = (dot[i] + s0[i] * t0) + s1[i] * t1
    if dim % 2 == 1:
        k = dim - 1
        x0, s0, y0, t0 = x[k, a:b], s[k, a:b], y[k], sy[k]
        for i in range(n):
            d = x0[i] - y0
            if not plain:
                d = u[k, a + i] - uy[k]
                g[i] += d * d
            r[i] += (x0[i] - y0) * d
            cross[i] += (s0[i] - t0) * d
            dot[i] += s0[i] * t0
    if plain:
        scale = trace / dim
        for i in range(n):
            g[i] = scale * scale * r[i]
            r[i] *= scale
            cross[i] *= scale
    for i in range(n):
        q = 1.0 / (1.0 + r[i])
        out[i] = ((-3.0 * g[i] * q + (trace + cross[i])) * q + dot[i]) * math.sqrt(q)


@kernel
def _diagonal(s, trace, out):
    for i in range(s.shape[1]):
        dot = 0.0
        for k in range(s.shape[0]):
            dot += s[k, i] * s[k, i]
        out[i] = trace + dot


@kernel
def stein_matrix(x, u, s, factors, rows, columns, trace, out):
    """Fill out[i, j] with k0 of the points rows[i] and columns[j]."""
    n, dim, m = rows.size, x.shape[0], u.shape[0]
    left, lu, ls = np.empty((dim, n)), np.empty((m, n)), np.empty((dim, n))
    for i in range(n):
        for k in range(dim):
            left[k, i], ls[k, i] = x[k, rows[i]], s[k, rows[i]]
        for k in range(m):
            lu[k, i] = u[k, rows[i]]
    y, uy, sy, work, block = np.empty(dim), np.empty(m), np.empty(dim), np.empty((4, BLOCK)), np.empty(BLOCK)
    for j in range(columns.size):
        c = columns[j]
        for k in range(dim):
            y[k], sy[k] = x[k, c], s[k, c]
        for k in range(m):
            uy[k] = u[k, c]
        for a in range(0, n, BLOCK):
            b = min(a + BLOCK, n)
            stein_block(left, lu, ls, y, uy, sy, trace, a, b, work, block)
            for i in range(a, b):
                out[i, j] = block[i - a] * factors[rows[i]] * factors[c]


def _median_distance(x: np.ndarray) -> float:
    from scipy.spatial.distance import pdist

    part = x if len(x) <= _MEDIAN_OF else x[np.linspace(0, len(x) - 1, _MEDIAN_OF).astype(int)]
    return float(np.median(pdist(part)))


def _matrix(preconditioner: Any, x: np.ndarray) -> np.ndarray:
    """G for the points x."""
    n, dim = x.shape
    if isinstance(preconditioner, str):
        if preconditioner not in PRECONDITIONERS:
            raise ArgumentError(
                f"`preconditioner` must be one of {', '.join(map(repr, PRECONDITIONERS))}, a squared length or a matrix; got {shown(preconditioner)}"
            )
        if preconditioner == "id":
            return np.eye(dim)
        if preconditioner == "smpcov":
            covariance = np.atleast_2d(np.cov(x, rowvar=False)) if n > 1 else np.zeros((dim, dim))
            spectrum = np.linalg.eigvalsh(covariance)
            if spectrum[0] <= 1e-12 * max(spectrum[-1], 1e-300):
                raise ArgumentError(
                    "`preconditioner` 'smpcov' needs points that do not keep to a plane: their covariance is singular; use 'med' or leave coordinates out"
                )
            return np.linalg.inv(covariance)
        square = _median_distance(x) ** 2 if n > 1 else 0.0
        if square == 0:
            raise ArgumentError(
                f"`preconditioner` {preconditioner!r} needs points of which most are different: their median distance is 0; use 'id' or a length"
            )
        return np.eye(dim) / square * (np.log(min(_MEDIAN_OF, n)) if preconditioner == "sclmed" else 1.0)
    return squared_length_or_matrix(preconditioner, dim)


def squared_length_or_matrix(preconditioner: Any, dim: int) -> np.ndarray:
    """G of shape (dim, dim), from a squared length or from itself."""
    if isinstance(preconditioner, str):
        raise ArgumentError(
            f"`preconditioner` must be a squared length or a matrix where there are no points; got {shown(preconditioner)}"
        )
    array = real_array("preconditioner", preconditioner)
    if array.ndim == 0:
        if not np.isfinite(array) or array <= 0:
            raise ArgumentError(
                f"`preconditioner` as a number is a squared length, which must be positive; got {shown(preconditioner)}"
            )
        return np.eye(dim) / float(array)
    if array.shape != (dim, dim) or not np.isfinite(array).all() or not np.allclose(array, array.T):
        raise ArgumentError(f"`preconditioner` must be a symmetric matrix of shape ({dim}, {dim}); got shape {array.shape}")
    if np.linalg.eigvalsh(array)[0] <= 0:
        raise ArgumentError("`preconditioner` must be positive definite; it has an eigenvalue that is not positive")
    return array


@dataclass(frozen=True, eq=False)
class SteinPoints:
    """Points and scores as compiled code reads them, in the coordinates of the kernel.

    Attributes
    ----------
    x, s : arrays of shape (dim, n)
        Divided and multiplied by `scale`.
    u : array of shape (dim, n) or (0, n)
        G x; without rows where G is a multiple of the identity.
    scale : array of shape (dim,)
    matrix : array of shape (dim, dim)
        G.
    factors : array of shape (n,)
        By which values are multiplied, once for each point.
    """

    x: np.ndarray
    s: np.ndarray
    u: np.ndarray
    scale: np.ndarray
    matrix: np.ndarray
    factors: np.ndarray

    @classmethod
    def of(
        cls,
        points: np.ndarray,
        scores: np.ndarray,
        preconditioner: Any = "id",
        standardise: bool = True,
        factors: np.ndarray | None = None,
    ) -> SteinPoints:
        """The arrays of finite points and scores of shape (n, dim).

        Raises
        ------
        ArgumentError
            When a coordinate that is to be standardised does not change, or the matrix cannot be made.
        """
        if not isinstance(standardise, bool | np.bool_):
            raise ArgumentTypeError(f"`standardise` must be True or False; got {shown(standardise)}")
        n, dim = points.shape
        scale = np.ones(dim)
        if standardise:
            scale = np.mean(np.abs(points - np.mean(points, axis=0)), axis=0)
            still = scale <= _LEAST_SPREAD * np.abs(points).max(0)
            if still.any():
                raise ArgumentError(
                    f"coordinate {int(still.argmax())} is the same for all points and cannot be standardised; leave it out, or pass standardise=False"
                )
        x, s = points / scale, scores * scale
        for name, values in (("points", x), ("gradients", s)):
            largest = float(np.abs(values).max())
            if not largest < _LARGEST:
                raise ArgumentError(
                    f"`{name}` must be smaller than {_LARGEST:g}, or squares overflow; the largest number is {largest:.3g}"
                )
        matrix = _matrix(preconditioner, x)
        same = np.array_equal(matrix, matrix[0, 0] * np.eye(dim))
        u = np.empty((0, n)) if same else np.ascontiguousarray((x @ matrix).T)
        ones = np.ones(n) if factors is None else factors
        return cls(np.ascontiguousarray(x.T), np.ascontiguousarray(s.T), u, scale, matrix, ones)

    def __len__(self) -> int:
        return self.x.shape[1]

    @property
    def trace(self) -> float:
        """tr G."""
        return float(np.trace(self.matrix))

    def diagonal(self) -> np.ndarray:
        """k0(x_i, x_i), shape (n,)."""
        out = np.empty(len(self))
        _diagonal(self.s, self.trace, out)
        return out * self.factors**2

    def block(self, rows: Any = None, columns: Any = None) -> np.ndarray:
        """The matrix of k0 of chosen points, all by default."""
        everything = np.arange(len(self))
        r = everything if rows is None else np.asarray(rows, np.int64)
        c = everything if columns is None else np.asarray(columns, np.int64)
        out = np.empty((r.size, c.size))
        stein_matrix(self.x, self.u, self.s, self.factors, r, c, self.trace, out)
        return out
