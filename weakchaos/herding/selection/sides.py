"""The two kinds of kernel that points are halved and exchanged under: one with the mean of a target, and a Stein kernel, whose mean is zero."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.kernels.kernel_columns import BLOCK, fill_block, kernel_matrix
from weakchaos.kernels.stein_kernel import BLOCK as STEIN_BLOCK
from weakchaos.kernels.stein_kernel import SteinPoints, stein_block
from weakchaos.native.vector_exp import sum_kernel

__all__ = ["THRESHOLD", "KernelSide", "SteinSide", "course"]

THRESHOLD = 0.25  # of the published bound on how far a sum of signed functions may go before signs are certain


@sum_kernel
def _decide(alpha, b2, square, uniform, width):
    """Whether the first of a pair goes to the first half, and the new scale of the walk."""
    a = max(math.sqrt(b2 * square) * width, b2)
    if a <= 0.0:
        return uniform < 0.5, square
    return uniform < 0.5 * (1.0 - alpha / a), square + b2 * max(0.0, 1.0 + (b2 - 2.0 * a) * square / (a * a))


@sum_kernel
def _halve(ops, params, points, diagonal, uniforms, width, signs):
    """Fill `signs` with +1 and -1, one of each in every pair of consecutive points; `points` has shape (dim, 2 m)."""
    dim, m = points.shape[0], points.shape[1] // 2
    work = np.empty((ops.shape[0], BLOCK), points.dtype)
    x, y = np.empty(dim, points.dtype), np.empty(dim, points.dtype)
    square = 0.0
    for p in range(m):
        i = 2 * p
        for k in range(dim):
            x[k], y[k] = points[k, i], points[k, i + 1]
        alpha = 0.0
        for start in range(0, i, BLOCK):
            stop = min(start + BLOCK, i)
            own, total = signs[start:stop], 0.0
            fill_block(ops, params, x, points, start, stop, work)
            for j in range(stop - start):
                total += own[j] * work[0, j]
            fill_block(ops, params, y, points, start, stop, work)
            for j in range(stop - start):
                total -= own[j] * work[0, j]
            alpha += total
        fill_block(ops, params, x, points, i + 1, i + 2, work)
        b2 = max(diagonal[i] + diagonal[i + 1] - 2.0 * work[0, 0], 0.0)
        first, square = _decide(alpha, b2, square, uniforms[p], width)
        signs[i] = 1.0 if first else -1.0
        signs[i + 1] = -signs[i]


@sum_kernel
def _halve_stein(x, u, s, factors, trace, diagonal, uniforms, width, signs):
    """The same under a Stein kernel."""
    dim, m = x.shape[0], x.shape[1] // 2
    work, block = np.empty((4, STEIN_BLOCK)), np.empty(STEIN_BLOCK)
    y, v, t = np.empty(dim), np.empty(u.shape[0]), np.empty(dim)
    square = 0.0
    for p in range(m):
        alpha = between = 0.0
        for side in range(2):
            i = 2 * p + side
            for k in range(dim):
                y[k], t[k] = x[k, i], s[k, i]
            for k in range(u.shape[0]):
                v[k] = u[k, i]
            total = 0.0
            for start in range(0, 2 * p, STEIN_BLOCK):
                stop = min(start + STEIN_BLOCK, 2 * p)
                own, weigh = signs[start:stop], factors[start:stop]
                stein_block(x, u, s, y, v, t, trace, start, stop, work, block)
                for j in range(stop - start):
                    total += own[j] * weigh[j] * block[j]
            alpha += factors[i] * (total if side == 0 else -total)
            if side == 0:
                stein_block(x, u, s, y, v, t, trace, i + 1, i + 2, work, block)
                between = factors[i] * factors[i + 1] * block[0]
        i = 2 * p
        b2 = max(diagonal[i] + diagonal[i + 1] - 2.0 * between, 0.0)
        first, square = _decide(alpha, b2, square, uniforms[p], width)
        signs[i] = 1.0 if first else -1.0
        signs[i + 1] = -signs[i]


class KernelSide:
    """Candidates under a kernel and with the means of a target.

    Parameters
    ----------
    problem : Problem
        What every selector starts from.

    Attributes
    ----------
    n : int
    weights, diagonal, mean : arrays of shape (n,)
    double : float
        E k(Y, Y') under the target.
    evaluations : int
    threshold : float
        Of halving, as part of the published one.
    """

    threshold = THRESHOLD

    def __init__(self, problem: Any):
        self._problem = problem
        self.n, self.weights, self.diagonal, self.mean = len(problem.x), problem.weights, problem.diagonal, problem.mean
        self.double, self.evaluations = problem.double, problem.evaluations

    def column(self, j: int) -> np.ndarray:
        """k(x_i, x_j) for all i, shape (n,)."""
        p = self._problem
        out = np.empty((1, self.n))
        kernel_matrix(p.ops, p.params, np.ascontiguousarray(p.points[:, [j]]), p.points, out)
        self.evaluations += self.n
        return out[0]

    def block(self, rows: np.ndarray) -> np.ndarray:
        """The matrix of chosen candidates."""
        p = self._problem
        part = np.ascontiguousarray(p.points[:, rows])
        out = np.empty((len(rows), len(rows)))
        kernel_matrix(p.ops, p.params, part, part, out)
        self.evaluations += out.size
        return out

    def halve(self, sequence: np.ndarray, uniforms: np.ndarray, width: float) -> np.ndarray:
        """Signs of a sequence of candidates of even length."""
        p, signs = self._problem, np.empty(len(sequence))
        _halve(p.ops, p.params, np.ascontiguousarray(p.points[:, sequence]), self.diagonal[sequence], uniforms, width, signs)
        self.evaluations += len(sequence) ** 2 // 2
        return signs


class SteinSide:
    """Candidates under a Stein kernel; attributes as of `KernelSide`, the means zero."""

    threshold = THRESHOLD

    def __init__(self, points: SteinPoints, weights: np.ndarray | None = None):
        self.points, self.n = points, len(points)
        self.weights = np.full(self.n, 1.0 / self.n) if weights is None else weights
        self.diagonal, self.mean, self.double, self.evaluations = points.diagonal(), np.zeros(self.n), 0.0, 0

    def column(self, j: int) -> np.ndarray:
        """k0(x_i, x_j) for all i, shape (n,)."""
        self.evaluations += self.n
        return self.points.block(columns=[j])[:, 0]

    def block(self, rows: np.ndarray) -> np.ndarray:
        """The matrix of chosen candidates."""
        self.evaluations += len(rows) ** 2
        return self.points.block(rows, rows)

    def halve(self, sequence: np.ndarray, uniforms: np.ndarray, width: float) -> np.ndarray:
        """Signs of a sequence of candidates of even length."""
        p, signs = self.points, np.empty(len(sequence))
        x, u, s = (np.ascontiguousarray(part[:, sequence]) for part in (p.x, p.u, p.s))
        _halve_stein(x, u, s, p.factors[sequence], p.trace, self.diagonal[sequence], uniforms, width, signs)
        self.evaluations += len(sequence) ** 2 // 2
        return signs


def course(side: Any, chosen: np.ndarray) -> np.ndarray:
    """The discrepancy of the first 1, 2, ... of the chosen candidates, equally weighted."""
    steps = np.arange(1, len(chosen) + 1)
    sums = np.cumsum(np.cumsum(side.block(chosen), 0), 1).diagonal()
    square = sums / steps**2 - 2.0 * np.cumsum(side.mean[chosen]) / steps + side.double
    return np.sqrt(np.maximum(square, 0.0))
