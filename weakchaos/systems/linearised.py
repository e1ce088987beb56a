"""From the user's ``f`` to the C function that carries vectors too: by a Jacobian, or by differences along each vector.

Both take n = dim (1 + k) numbers, the state and k vectors, and write f at the state and its derivative applied to each vector.
"""

from __future__ import annotations

import math

import numpy as np
from numba import carray

from weakchaos.native.c_maps import CMap, NativeFunction, call_map
from weakchaos.native.compiled import address_of

__all__ = ["with_differences", "with_jacobian"]

_HEADER = 8


@NativeFunction
def _by_jacobian(n, z, out, data):
    """Cost: one evaluation of f, one of the Jacobian, and k products of a matrix with a vector."""
    words, dim = carray(data, (_HEADER,), np.uint64), carray(data, (_HEADER,), np.int64)[4]
    all_in, all_out = carray(z, (n,)), carray(out, (n,))
    status = call_map(words[0], np.uint64(dim), address_of(all_in), address_of(all_out), words[1])
    if status != 0 or n == dim:
        return status
    matrix = carray(data, (_HEADER + dim * dim,), np.float64)[_HEADER:]
    matrix[:] = 0.0
    status = call_map(words[2], np.uint64(dim), address_of(all_in), address_of(matrix), words[3])
    for start in range(dim, n, dim):
        for i in range(dim):
            total = 0.0
            for j in range(dim):
                total += matrix[i * dim + j] * z[start + j]
            out[start + i] = total
    return status


@NativeFunction
def _by_differences(n, z, out, data):
    """Central differences along each vector: an error of order h**2, a cost of 1 + 2 k evaluations."""
    words, dim = carray(data, (_HEADER,), np.uint64), carray(data, (_HEADER,), np.int64)[4]
    all_in, all_out = carray(z, (n,)), carray(out, (n,))
    status = call_map(words[0], np.uint64(dim), address_of(all_in), address_of(all_out), words[1])
    if status != 0 or n == dim:
        return status
    work = carray(data, (_HEADER + 2 * dim,), np.float64)[_HEADER:]
    place, image = work[:dim], work[dim:]
    scale = 1.0
    for i in range(dim):
        scale = max(scale, abs(z[i]))
    for start in range(dim, n, dim):
        length = 0.0
        for i in range(dim):
            length += z[start + i] ** 2
        length = math.sqrt(length)
        if not length > 0.0:
            all_out[start : start + dim] = length
            continue
        # Near the cube root of the unit roundoff the error of the quotient is about as large as the error of rounding.
        h = 6e-6 * scale / length
        for i in range(dim):
            place[i] = z[i] + h * z[start + i]
        status = call_map(words[0], np.uint64(dim), address_of(place), address_of(image), words[1])
        if status != 0:
            return status
        for i in range(dim):
            out[start + i] = image[i]
            place[i] = z[i] - h * z[start + i]
        status = call_map(words[0], np.uint64(dim), address_of(place), address_of(image), words[1])
        if status != 0:
            return status
        for i in range(dim):
            out[start + i] = (out[start + i] - image[i]) / (2.0 * h)
    return 0


def with_jacobian(function: CMap, jacobian: CMap, dim: int) -> CMap:
    """`function` and its derivative by `jacobian`, which writes the dim x dim matrix by rows into memory that holds zeros."""
    table = np.zeros(_HEADER + dim * dim)
    table.view(np.int64)[:5] = function.address, function.user_data, jacobian.address, jacobian.user_data, dim

    def error() -> BaseException:
        first = None if function.error is None else function.error()
        return first or jacobian.take_error()

    return CMap(_by_jacobian.address, table.ctypes.data, (function, jacobian, table), error)


def with_differences(function: CMap, dim: int) -> CMap:
    """`function` and its derivative by central differences of step 6e-6 max(1, |x|)."""
    table = np.zeros(_HEADER + 2 * dim)
    table.view(np.int64)[:5] = function.address, function.user_data, 0, 0, dim
    return CMap(_by_differences.address, table.ctypes.data, (function, table), function.error)
