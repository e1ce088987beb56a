"""Sums of kernel values over all pairs of points, in memory of the order of the points themselves.

A pass goes over tiles of rows and blocks of columns; of a set with itself only the pairs on and above the diagonal are evaluated, each counted for
both of its points. Single Gaussian kernels have a path of their own, in which four rows share each load of a block and the exponentials stay in the
first cache. Sums within a block have the type of the points; across blocks they are float64.
"""

from __future__ import annotations

import numpy as np

from weakchaos.kernels.kernel_columns import BLOCK, GAUSSIAN, fill_block
from weakchaos.native.vector_exp import LOG2E, exp2, sum_kernel

__all__ = ["add_cross_sums", "add_own_sums", "gaussian_scale"]


@sum_kernel
def gaussian_scale(ops, params):
    """The factor of squared distances in 2**(-factor r2) where the kernel is a single Gaussian of one length, else 0."""
    if ops.shape[0] == 1 and ops[0, 0] == GAUSSIAN and ops[0, 2] == 0:
        return params[ops[0, 1]] * LOG2E
    return 0.0


@sum_kernel
def _four_exponentials(left, points, i, start, stop, factor, work):
    """Gaussians of four points i ... i + 3 of `left` with a block of columns, into four rows of `work`."""
    dim, n = points.shape[0], stop - start
    a, b, c, e = work[0], work[1], work[2], work[3]
    for j in range(n):
        a[j] = 0
        b[j] = 0
        c[j] = 0
        e[j] = 0
    k = 0
    while k + 2 <= dim:
        p, q = points[k, start:stop], points[k + 1, start:stop]
        a0, b0, c0, e0 = left[k, i], left[k, i + 1], left[k, i + 2], left[k, i + 3]
        a1, b1, c1, e1 = left[k + 1, i], left[k + 1, i + 1], left[k + 1, i + 2], left[k + 1, i + 3]
        for j in range(n):
            u, v = p[j], q[j]
            a[j] += (u - a0) * (u - a0) + (v - a1) * (v - a1)
            b[j] += (u - b0) * (u - b0) + (v - b1) * (v - b1)
            c[j] += (u - c0) * (u - c0) + (v - c1) * (v - c1)
            e[j] += (u - e0) * (u - e0) + (v - e1) * (v - e1)
        k += 2
    if k < dim:
        p = points[k, start:stop]
        a0, b0, c0, e0 = left[k, i], left[k, i + 1], left[k, i + 2], left[k, i + 3]
        for j in range(n):
            u = p[j]
            a[j] += (u - a0) * (u - a0)
            b[j] += (u - b0) * (u - b0)
            c[j] += (u - c0) * (u - c0)
            e[j] += (u - e0) * (u - e0)
    for j in range(n):
        a[j] = exp2(factor * a[j])
        b[j] = exp2(factor * b[j])
        c[j] = exp2(factor * c[j])
        e[j] = exp2(factor * e[j])


@sum_kernel
def _add_four(w, own, i, start, stop, work, out):
    n = stop - start
    w0, w1, w2, w3 = w[i], w[i + 1], w[i + 2], w[i + 3]
    a, b, c, e = work[0], work[1], work[2], work[3]
    weight, total = w[start:stop], out[start:stop]
    zero = own * 0
    s0, s1, s2, s3 = zero, zero, zero, zero
    for j in range(n):
        v = weight[j]
        s0 += v * a[j]
        s1 += v * b[j]
        s2 += v * c[j]
        s3 += v * e[j]
        total[j] += w0 * a[j] + w1 * b[j] + (w2 * c[j] + w3 * e[j])
    out[i] += s0
    out[i + 1] += s1
    out[i + 2] += s2
    out[i + 3] += s3


@sum_kernel
def add_own_sums(ops, params, points, weights, first, last, out):
    """Add sum_j w_j k(x_i, x_j) over pairs with i in [first, last) and j >= i to ``out[i]``, and of the same pairs to ``out[j]``.

    After calls over all rows, ``out[i]`` is the whole sum. `points` has shape (dim, n), `weights` its type, `out` is float64.
    """
    n = points.shape[1]
    work, x = np.empty((max(4, ops.shape[0]), BLOCK), points.dtype), np.empty(points.shape[0], points.dtype)
    scale = gaussian_scale(ops, params)
    factor, one = points.dtype.type(-scale), points.dtype.type(1)
    i = first
    while i < last:
        if scale > 0.0 and i + 4 <= last:
            for a in range(i, i + 4):  # the pairs among the four rows
                for k in range(x.size):
                    x[k] = points[k, a]
                fill_block(ops, params, x, points, a, i + 4, work)
                out[a] += weights[a] * work[0, 0]
                for j in range(a + 1, i + 4):
                    out[a] += weights[j] * work[0, j - a]
                    out[j] += weights[a] * work[0, j - a]
            start = i + 4
            while start < n:
                stop = min(start + BLOCK, n)
                _four_exponentials(points, points, i, start, stop, factor, work)
                _add_four(weights, one, i, start, stop, work, out)
                start = stop
            i += 4
            continue
        for k in range(x.size):
            x[k] = points[k, i]
        w = weights[i]
        start = i
        while start < n:
            stop = min(start + BLOCK, n)
            fill_block(ops, params, x, points, start, stop, work)
            row, total = work[0], 0.0
            for j in range(stop - start):
                total += weights[start + j] * row[j]
                out[start + j] += w * row[j]
            out[i] += total
            if start == i:
                out[i] -= w * row[0]  # the diagonal was counted twice
            start = stop
        i += 1


@sum_kernel
def _rows_of_four(weight, work, n, totals):
    a, b, c, e = work[0], work[1], work[2], work[3]
    s0 = weight[0] * 0
    s1, s2, s3 = s0, s0, s0
    for j in range(n):
        v = weight[j]
        s0 += v * a[j]
        s1 += v * b[j]
        s2 += v * c[j]
        s3 += v * e[j]
    totals[0] += s0
    totals[1] += s1
    totals[2] += s2
    totals[3] += s3


@sum_kernel
def add_cross_sums(ops, params, left, points, weights, first, last, out):
    """Write sum_j w_j k(x_i, y_j) into ``out[i]`` for i in [first, last); `left` and `points` have shapes (dim, n) and (dim, m)."""
    m = points.shape[1]
    work, x = np.empty((max(4, ops.shape[0]), BLOCK), points.dtype), np.empty(points.shape[0], points.dtype)
    scale = gaussian_scale(ops, params)
    factor, i = points.dtype.type(-scale), first
    while i < last:
        if scale > 0.0 and i + 4 <= last:
            totals = out[i : i + 4]
            for k in range(4):
                totals[k] = 0.0
            for start in range(0, m, BLOCK):
                stop = min(start + BLOCK, m)
                _four_exponentials(left, points, i, start, stop, factor, work)
                _rows_of_four(weights[start:stop], work, stop - start, totals)
            i += 4
            continue
        for k in range(x.size):
            x[k] = left[k, i]
        whole = 0.0
        for start in range(0, m, BLOCK):
            stop = min(start + BLOCK, m)
            fill_block(ops, params, x, points, start, stop, work)
            row, total = work[0], 0.0
            for j in range(stop - start):
                total += weights[start + j] * row[j]
            whole += total
        out[i] = whole
        i += 1
