"""The compiled core of all kernels: values of k(x, y_j) for a block of points y_j.

A kernel reaches compiled code as a program, so that nothing is compiled anew for another bandwidth, sum or product: `ops`, an int64 array of shape
(m, 3), and `params`, a float64 vector. A row of `ops` is (operation, place of its numbers in `params`, argument), in postfix order: leaves write a block,
ADD and MULTIPLY join the two last blocks. The operation is looked up once for a block of `BLOCK` points; loops over points are plain and vectorised.
Points are kept by coordinate, shape (dim, n), C-contiguous, float64 or float32; blocks of values have their type.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from weakchaos.native.compiled import address_of
from weakchaos.native.vector_exp import LOG2E, exp2, sum_kernel

__all__ = [
    "ADD",
    "BERNOULLI",
    "BLOCK",
    "BROWNIAN",
    "CONSTANT",
    "ENERGY",
    "GAUSSIAN",
    "LAPLACE",
    "MATERN",
    "MULTIPLY",
    "POLYNOMIAL",
    "POWER",
    "USER",
    "diagonal",
    "fill_block",
    "kernel_matrix",
    "pair",
    "radial_derivatives",
]

BLOCK = 512  # points in one block: a block of a dozen coordinates stays in the first cache

# Radial operations are functions of r2 = sum_k ((x_k - y_k) w_k)**2, with w_k in params after their own numbers where the argument is 1, else 1.
GAUSSIAN = 0  # exp(-a r2): [a]
MATERN = 1  # nu - 1/2 = 0, 1, 2 and s = sqrt(2 nu) / length: [nu - 1/2, s]
POWER = 2  # (a + b r2)**-p: [a, b, p]
RADIAL = 3  # operations below this are radial
LAPLACE = 3  # exp(-a sum_k |x_k - y_k| w_k): [a]
ENERGY = 4  # |x - c| + |y - c| - |x - y|: [c_1, ...]
BERNOULLI = 5  # prod_k (1 + a (-1)**(s+1) B_2s({x_k - y_k})): [a, s]
POLYNOMIAL = 6  # (a + b <x, y>)**degree: [a, b, degree]
BROWNIAN = 7  # prod_k (a + min(x_k, y_k)): [a]
USER = 8  # a C function double f(double* x, double* y, int64 dim) at the address that is the argument
CONSTANT = 9  # [a]
ADD = 20
MULTIPLY = 21

_SIZES = (1, 2, 3, 1)  # numbers of each operation with weights, before the weights


_intrinsic: Any = intrinsic  # as annotated by numba, a call would have to pass the typing context


@_intrinsic
def _call_user(typingctx, function, x, y, dim):
    def codegen(context, builder, signature, args):
        number = ir.DoubleType().as_pointer()
        pointer = ir.FunctionType(ir.DoubleType(), [number, number, ir.IntType(64)]).as_pointer()
        places = [builder.inttoptr(a, number) for a in args[1:3]]
        return builder.call(builder.inttoptr(args[0], pointer), [*places, args[3]])

    return types.float64(types.int64, types.uint64, types.uint64, types.int64), codegen


@sum_kernel
def _squared(x, points, start, stop, out, params, at, weighted):
    # Four coordinates in each pass over the block: fewer loads of the partial sums, for any dimension.
    dim, n = x.size, stop - start
    for j in range(n):
        out[j] = 0
    if weighted:
        for k in range(dim):
            w, a = points.dtype.type(params[at + k]), x[k]
            row = points[k, start:stop]
            for j in range(n):
                d = (row[j] - a) * w
                out[j] += d * d
        return
    k = 0
    while k + 4 <= dim:
        a, b, c, e = x[k], x[k + 1], x[k + 2], x[k + 3]
        p, q, r, s = points[k, start:stop], points[k + 1, start:stop], points[k + 2, start:stop], points[k + 3, start:stop]
        for j in range(n):
            d0, d1, d2, d3 = p[j] - a, q[j] - b, r[j] - c, s[j] - e
            out[j] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
        k += 4
    if k + 2 <= dim:
        a, b = x[k], x[k + 1]
        p, q = points[k, start:stop], points[k + 1, start:stop]
        for j in range(n):
            d0, d1 = p[j] - a, q[j] - b
            out[j] += d0 * d0 + d1 * d1
        k += 2
    if k < dim:
        a = x[k]
        p = points[k, start:stop]
        for j in range(n):
            d0 = p[j] - a
            out[j] += d0 * d0


@sum_kernel
def _radial_profile(code, params, at, out, n):
    """Replace squared distances by values of a radial kernel."""
    one = out.dtype.type(1)
    if code == GAUSSIAN:
        a = out.dtype.type(-params[at] * LOG2E)
        for j in range(n):
            out[j] = exp2(a * out[j])
    elif code == MATERN:
        kind, s = int(params[at]), out.dtype.type(params[at + 1])
        e = out.dtype.type(-LOG2E)
        third = out.dtype.type(1.0 / 3.0)
        if kind == 0:
            for j in range(n):
                out[j] = exp2(e * (s * math.sqrt(out[j])))
        elif kind == 1:
            for j in range(n):
                r = s * math.sqrt(out[j])
                out[j] = (one + r) * exp2(e * r)
        else:
            for j in range(n):
                r = s * math.sqrt(out[j])
                out[j] = (one + r + r * r * third) * exp2(e * r)
    else:
        a, b, p = out.dtype.type(params[at]), out.dtype.type(params[at + 1]), params[at + 2]
        if p == 0.5:
            for j in range(n):
                out[j] = one / math.sqrt(a + b * out[j])
        elif p == 1.0:
            for j in range(n):
                out[j] = one / (a + b * out[j])
        else:
            power = out.dtype.type(-p)
            for j in range(n):
                out[j] = (a + b * out[j]) ** power


@sum_kernel
def _absolute(x, points, start, stop, out, params, at, weighted):
    n = stop - start
    for j in range(n):
        out[j] = 0
    for k in range(x.size):
        a, w = x[k], points.dtype.type(params[at + 1 + k] if weighted else 1.0)
        row = points[k, start:stop]
        for j in range(n):
            out[j] += abs(row[j] - a) * w
    c = out.dtype.type(-params[at] * LOG2E)
    for j in range(n):
        out[j] = exp2(c * out[j])


@sum_kernel
def _energy(x, points, start, stop, out, params, at):
    n, own = stop - start, 0.0
    _squared(x, points, start, stop, out, params, at, False)
    for k in range(x.size):
        own += (x[k] - params[at + k]) ** 2
    own = math.sqrt(own)
    for j in range(n):
        far = 0.0
        for k in range(x.size):
            far += (points[k, start + j] - params[at + k]) ** 2
        out[j] = own + math.sqrt(far) - math.sqrt(out[j])


@sum_kernel
def _bernoulli(x, points, start, stop, out, params, at):
    n, scale, order = stop - start, params[at], int(params[at + 1])
    for j in range(n):
        out[j] = 1
    for k in range(x.size):
        a = x[k]
        row = points[k, start:stop]
        if order == 1:
            for j in range(n):
                t = row[j] - a
                t -= math.floor(t)
                out[j] *= 1.0 + scale * (t * (t - 1.0) + 1.0 / 6.0)
        elif order == 2:
            for j in range(n):
                t = row[j] - a
                t -= math.floor(t)
                u = t * (1.0 - t)
                out[j] *= 1.0 - scale * (u * u - 1.0 / 30.0)
        else:
            for j in range(n):
                t = row[j] - a
                t -= math.floor(t)
                u = t * (1.0 - t)
                out[j] *= 1.0 + scale * (1.0 / 42.0 - u * u * (0.5 + u))


@sum_kernel
def _inner(x, points, start, stop, out, params, at):
    n, a, b, degree = stop - start, params[at], params[at + 1], int(params[at + 2])
    for j in range(n):
        out[j] = 0
    for k in range(x.size):
        c = x[k]
        row = points[k, start:stop]
        for j in range(n):
            out[j] += c * row[j]
    for j in range(n):
        base, value = a + b * out[j], 1.0
        for _ in range(degree):
            value *= base
        out[j] = value


@sum_kernel
def _brownian(x, points, start, stop, out, params, at):
    n, offset = stop - start, params[at]
    for j in range(n):
        out[j] = 1
    for k in range(x.size):
        a = x[k]
        row = points[k, start:stop]
        for j in range(n):
            out[j] *= offset + min(row[j], a)


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _user(function, x, points, start, stop, out):
    dim = x.size
    left, right = np.empty(dim), np.empty(dim)
    for k in range(dim):
        left[k] = x[k]
    for j in range(stop - start):
        for k in range(dim):
            right[k] = points[k, start + j]
        out[j] = _call_user(function, address_of(left), address_of(right), dim)


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def fill_block(ops, params, x, points, start, stop, work):
    """Write k(x, y_j), j = start ... stop - 1, into ``work[0, :stop - start]``.

    `x` has shape (dim,) and the type of `points`; `work` has a row for each leaf of the kernel and at least ``stop - start`` <= `BLOCK` columns.
    """
    top, n = -1, stop - start
    for i in range(ops.shape[0]):
        code, at, argument = ops[i, 0], ops[i, 1], ops[i, 2]
        if code >= ADD:
            a, b = work[top - 1], work[top]
            if code == ADD:
                for j in range(n):
                    a[j] += b[j]
            else:
                for j in range(n):
                    a[j] *= b[j]
            top -= 1
            continue
        top += 1
        out = work[top]
        if code < RADIAL:
            _squared(x, points, start, stop, out, params, at + _SIZES[code], argument != 0)
            _radial_profile(code, params, at, out, n)
        elif code == LAPLACE:
            _absolute(x, points, start, stop, out, params, at, argument != 0)
        elif code == ENERGY:
            _energy(x, points, start, stop, out, params, at)
        elif code == BERNOULLI:
            _bernoulli(x, points, start, stop, out, params, at)
        elif code == POLYNOMIAL:
            _inner(x, points, start, stop, out, params, at)
        elif code == BROWNIAN:
            _brownian(x, points, start, stop, out, params, at)
        elif code == USER:
            _user(argument, x, points, start, stop, out)
        else:
            for j in range(n):
                out[j] = params[at]


@sum_kernel
def kernel_matrix(ops, params, left, points, out):
    """All values between two sets, points by coordinate, shapes (dim, n) and (dim, m); `out` has shape (n, m)."""
    n, m = left.shape[1], points.shape[1]
    work, x = np.empty((ops.shape[0], BLOCK), points.dtype), np.empty(left.shape[0], points.dtype)
    for i in range(n):
        for k in range(x.size):
            x[k] = left[k, i]
        for start in range(0, m, BLOCK):
            stop = min(start + BLOCK, m)
            fill_block(ops, params, x, points, start, stop, work)
            for j in range(stop - start):
                out[i, start + j] = work[0, j]


@sum_kernel
def diagonal(ops, params, points, out):
    """k(y_j, y_j) for every point; `out` has shape (n,)."""
    work, x = np.empty((ops.shape[0], 1), points.dtype), np.empty(points.shape[0], points.dtype)
    for j in range(points.shape[1]):
        for k in range(x.size):
            x[k] = points[k, j]
        fill_block(ops, params, x, points, j, j + 1, work)
        out[j] = work[0, 0]


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def pair(ops, params, x, y, work):
    """k(x, y) of two vectors; `work` has a row for each leaf and one column."""
    points = y.reshape((y.size, 1))
    fill_block(ops, params, x, points, 0, 1, work)
    return work[0, 0]


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def radial_derivatives(code, params, at, r2):
    """(f, f', f'') of a radial operation as a function of r2 = |x - y|**2.

    The gradient of k in x is 2 f' (x - y), and the trace of its mixed second derivatives is -4 f'' r2 - 2 dim f'. Matern kernels of nu = 1/2 and 3/2
    are not smooth enough at 0, where what does not exist is returned as infinite.
    """
    if code == GAUSSIAN:
        a = params[at]
        f = math.exp(-a * r2)
        return f, -a * f, a * a * f
    if code == MATERN:
        kind, s = int(params[at]), params[at + 1]
        r = s * math.sqrt(r2)
        e = math.exp(-r)
        if kind == 0:
            if r == 0.0:
                return 1.0, -math.inf, math.inf
            return e, -0.5 * s * s * e / r, 0.25 * s**4 * e * (1.0 + r) / r**3
        if kind == 1:
            return (1.0 + r) * e, -0.5 * s * s * e, 0.25 * s**4 * e / r if r > 0.0 else math.inf
        return (1.0 + r + r * r / 3.0) * e, -s * s / 6.0 * (1.0 + r) * e, s**4 / 12.0 * e
    a, b, p = params[at], params[at + 1], params[at + 2]
    q = a + b * r2
    f = q**-p
    return f, -p * b * f / q, p * (p + 1.0) * b * b * f / (q * q)
