"""Kinetic energies of any metric, for kernels: momenta are kept whitened, so that only two products know of the metric.

With the inverse mass matrix ``V = L L^T`` a trajectory of ``dx/dt = V p, dp/dt = grad log p`` is, in ``q = L^T p``,

    dx/dt = L q,    dq/dt = L^T grad log p,

where q is drawn from a standard normal, the kinetic energy is ``q.q / 2``, and ``p- V rho`` of the rule of turns is ``q- . sum q`` (Neal 2011,
arXiv:1206.1901, section 4.1, says that a metric is a linear change of coordinates). L is

    diagonal    diag(s)
    dense       lower triangular, the Cholesky factor of V
    low rank    diag(s) (I + sum_k c_k u_k u_k^T), with orthonormal u_k: O(rank dim) a product
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from weakchaos.core.counters import BAD_VALUES, GRADIENTS
from weakchaos.native.compiled import address_of, call_density, draw_uniform, normal_from_uniform
from weakchaos.samplers.integrators import DONE, FAILED, OUTSIDE

__all__ = [
    "DENSE",
    "DIAGONAL",
    "LOW_RANK",
    "dot",
    "first_whitened_step",
    "glide",
    "product_of",
    "push",
    "to_velocity",
    "to_whitened",
    "transpose_of",
]

DIAGONAL, DENSE, LOW_RANK = range(3)
# An improper density accepts any step; beyond these the search for one ends.
_MOST_DOUBLINGS = 60


@njit(nogil=True, error_model="numpy")
def dot(a, b):
    """The scalar product, in eight sums: a single one would wait for each addition to end."""
    s0, s1, s2, s3, s4, s5, s6, s7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    n = a.size
    whole = n - n % 8
    for i in range(0, whole, 8):
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
        s4 += a[i + 4] * b[i + 4]
        s5 += a[i + 5] * b[i + 5]
        s6 += a[i + 6] * b[i + 6]
        s7 += a[i + 7] * b[i + 7]
    for i in range(whole, n):
        s0 += a[i] * b[i]
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))


@njit(nogil=True, error_model="numpy")
def transpose_of(kind, factor):
    """The transpose of a dense factor, so that both products run along rows; nothing for other kinds."""
    if kind != DENSE:
        return np.empty((0, 0))
    return np.ascontiguousarray(factor.T)


@njit(nogil=True, error_model="numpy")
def product_of(kind, factor):
    """``V = L L^T`` of a dense factor, for `glide`, four rows at a time and the last ones zeros; nothing for other kinds."""
    if kind != DENSE:
        return np.empty((0, 4, 0))
    dim = factor.shape[0]
    out = np.zeros(((dim + 3) // 4, 4, dim))
    for i in range(dim):
        for j in range(i + 1):
            out[i // 4, i % 4, j] = dot(factor[i, : j + 1], factor[j, : j + 1])
            out[j // 4, j % 4, i] = out[i // 4, i % 4, j]
    return out


@njit(nogil=True, error_model="numpy")
def to_velocity(kind, scale, factor, transposed, directions, gains, momentum, out):
    """``out = L q``."""
    dim = momentum.size
    if kind == DENSE:
        for i in range(dim):
            out[i] = 0.0
        # Four rows at a time, the zeros beside the triangle included: a loop for each row would be mostly its beginning and end.
        whole = dim - dim % 4
        for j in range(0, whole, 4):
            a, b, c, d = momentum[j], momentum[j + 1], momentum[j + 2], momentum[j + 3]
            for i in range(j, dim):
                out[i] += (transposed[j, i] * a + transposed[j + 1, i] * b) + (transposed[j + 2, i] * c + transposed[j + 3, i] * d)
        for j in range(whole, dim):
            a = momentum[j]
            for i in range(j, dim):
                out[i] += transposed[j, i] * a
        return
    for i in range(dim):
        out[i] = momentum[i]
    if kind == LOW_RANK:
        for k in range(gains.size):
            a = gains[k] * dot(directions[k], momentum)
            for i in range(dim):
                out[i] += a * directions[k, i]
    for i in range(dim):
        out[i] *= scale[i]


@njit(nogil=True, error_model="numpy")
def to_whitened(kind, scale, factor, directions, gains, gradient, out):
    """``out = L^T g``."""
    dim = gradient.size
    if kind == DENSE:
        for i in range(dim):
            out[i] = 0.0
        whole = dim - dim % 4
        for i in range(0, whole, 4):
            a, b, c, d = gradient[i], gradient[i + 1], gradient[i + 2], gradient[i + 3]
            for j in range(i + 4):
                out[j] += (factor[i, j] * a + factor[i + 1, j] * b) + (factor[i + 2, j] * c + factor[i + 3, j] * d)
        for i in range(whole, dim):
            a = gradient[i]
            for j in range(i + 1):
                out[j] += factor[i, j] * a
        return
    for i in range(dim):
        out[i] = scale[i] * gradient[i]
    if kind == LOW_RANK:
        for k in range(gains.size):
            # The directions are orthonormal, so that what one adds is not seen by the next.
            a = gains[k] * dot(directions[k], out)
            for i in range(dim):
                out[i] += a * directions[k, i]


@njit(nogil=True, error_model="numpy")
def _evaluate(density, user_data, position, gradient, value, counters):
    """The log density and its gradient at a place of a trajectory: DONE, OUTSIDE where it is not finite, or FAILED where the user's function raised."""
    counters[GRADIENTS] += 1
    if (
        call_density(density, np.uint64(position.size), address_of(position), address_of(gradient), address_of(value), user_data)
        != 0
    ):
        return FAILED
    if not math.isfinite(value[0]):
        if value[0] != -math.inf:
            counters[BAD_VALUES] += 1
        return OUTSIDE
    return DONE


@njit(nogil=True, error_model="numpy")
def push(
    density, user_data, step_size, kind, scale, factor, transposed, directions, gains, position, momentum, whitened, gradient, velocity, value, counters
):  # fmt: skip
    """One leapfrog step in place, from a position whose whitened gradient is known; `gradient` and `velocity` are written only.

    Returns DONE, OUTSIDE where the log density is not finite, or FAILED where the user's function raised.
    """
    dim = position.size
    half = 0.5 * step_size
    for i in range(dim):
        momentum[i] += half * whitened[i]
    to_velocity(kind, scale, factor, transposed, directions, gains, momentum, velocity)
    for i in range(dim):
        position[i] += step_size * velocity[i]
    status = _evaluate(density, user_data, position, gradient, value, counters)
    if status != DONE:
        return status
    to_whitened(kind, scale, factor, directions, gains, gradient, whitened)
    for i in range(dim):
        momentum[i] += half * whitened[i]
    return DONE


@njit(nogil=True, error_model="numpy")
def glide(
    density, user_data, step_size, steps, kind, scale, factor, transposed, directions, gains, product, start, position, momentum, whitened, gradient, velocity, value, counters
):  # fmt: skip
    """`steps` leapfrog steps at once, from a `position` with the gradient `start`: the same points as by `push`, but for rounding.

    Nobody looks at the momentum on the way, so the two half kicks between steps are one, and with a dense metric the sum of all kicks G is kept as it
    is: the velocity is ``v + V G``, one product with `product` (see `product_of`) instead of two with the factor.

    Returns the status of the last step, and how many were made.
    """
    dim = position.size
    half = 0.5 * step_size
    made, status = 0, DONE
    if kind == LOW_RANK:
        to_whitened(kind, scale, factor, directions, gains, start, whitened)
        while made < steps and status == DONE:
            status = push(
                density, user_data, step_size, kind, scale, factor, transposed, directions, gains, position, momentum, whitened, gradient, velocity, value, counters
            )  # fmt: skip
            made += 1
        return status, made
    if kind == DIAGONAL:
        for i in range(dim):
            momentum[i] += half * (scale[i] * start[i])
            position[i] += step_size * (scale[i] * momentum[i])
        while True:
            made += 1
            status = _evaluate(density, user_data, position, gradient, value, counters)
            if status != DONE or made == steps:
                break
            for i in range(dim):
                momentum[i] += step_size * (scale[i] * gradient[i])
                position[i] += step_size * (scale[i] * momentum[i])
        if status == DONE:
            for i in range(dim):
                momentum[i] += half * (scale[i] * gradient[i])
        return status, made
    kicks = np.zeros(4 * product.shape[0])
    to_velocity(kind, scale, factor, transposed, directions, gains, momentum, velocity)
    for i in range(dim):
        kicks[i] = half * start[i]
    while True:
        made += 1
        for i in range(dim):
            position[i] += step_size * velocity[i]
        for j in range(product.shape[0]):
            rows = product[j]
            a, b, c, d = (
                step_size * kicks[4 * j],
                step_size * kicks[4 * j + 1],
                step_size * kicks[4 * j + 2],
                step_size * kicks[4 * j + 3],
            )
            for i in range(dim):
                position[i] += (rows[0, i] * a + rows[1, i] * b) + (rows[2, i] * c + rows[3, i] * d)
        status = _evaluate(density, user_data, position, gradient, value, counters)
        if status != DONE:
            break
        kick = step_size if made < steps else half
        for i in range(dim):
            kicks[i] += kick * gradient[i]
        if made == steps:
            break
    to_whitened(kind, scale, factor, directions, gains, kicks[:dim], velocity)
    for i in range(dim):
        momentum[i] += velocity[i]
    return status, made


@njit(nogil=True, error_model="numpy")
def first_whitened_step(
    density, user_data, stream, stream_state, step_size, kind, scale, factor, transposed, directions, gains, x, known, counters, value
):  # fmt: skip
    """The longest step size, `step_size` times a power of two, that is accepted with probability 1/2 or more before a longer one is not (after
    Hoffman and Gelman, JMLR 15 (2014) 1593, algorithm 4); NaN where the user's function failed. Takes dim numbers from the stream; `known` belongs
    to `x`.
    """
    dim, direction = x.size, 0.0
    room = np.empty((6, dim))
    start, position, momentum, whitened, gradient, velocity = room[0], room[1], room[2], room[3], room[4], room[5]
    for i in range(dim):
        start[i] = normal_from_uniform(draw_uniform(stream, stream_state))
    energy = 0.5 * dot(start, start) - known[2 * dim]
    for _ in range(_MOST_DOUBLINGS):
        position[:] = x
        momentum[:] = start
        to_whitened(kind, scale, factor, directions, gains, known[dim : 2 * dim], whitened)
        status = push(
            density, user_data, step_size, kind, scale, factor, transposed, directions, gains, position, momentum, whitened, gradient, velocity, value, counters
        )  # fmt: skip
        if status == FAILED:
            return math.nan
        error = math.inf
        if status == DONE:
            error = 0.5 * dot(momentum, momentum) - value[0] - energy
        towards = 1.0 if error < math.log(2.0) else -1.0  # a NaN is a step too long
        if direction == 0.0:
            direction = towards
        if towards != direction:
            # On the way up the step before was the last that was accepted.
            return step_size * 0.5 if direction > 0.0 else step_size
        step_size *= 2.0**direction
    return step_size
