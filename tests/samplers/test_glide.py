"""Leapfrog steps made at once are those made one by one (Verlet, Phys. Rev. 159 (1967) 98), in any metric, and in NumPy."""

import math

import numpy as np
import pytest
from numba import njit

import weakchaos as wc
from weakchaos.core.counters import GRADIENTS, SLOTS
from weakchaos.samplers.integrators import DONE, OUTSIDE
from weakchaos.samplers.low_rank import orthonormal_rows
from weakchaos.samplers.mass import DENSE, DIAGONAL, LOW_RANK, glide, product_of, push, to_whitened, transpose_of


@njit
def bent(x, out):
    """A quartic and a coupling of neighbours, with an edge that a coordinate must not cross."""
    total = 0.0
    out[:] = 0.0
    for i in range(x.size):
        if x[i] > 6.0:
            return -math.inf
        total -= 0.5 * x[i] ** 2 + 0.05 * x[i] ** 4
        out[i] -= x[i] + 0.2 * x[i] ** 3
        d = x[i] - x[(i + 1) % x.size]
        total -= 0.3 * d * d
        out[i] -= 0.6 * d
        out[(i + 1) % x.size] += 0.6 * d
    return total


def metric(kind, dim, rng):
    directions, gains = np.empty((0, dim)), np.empty(0)
    scale, factor = rng.uniform(0.5, 1.5, dim), np.empty((0, 0))
    if kind == DENSE:
        factor = np.tril(rng.normal(size=(dim, dim)) * 0.3) + np.diag(scale)
    if kind == LOW_RANK:
        directions, gains = orthonormal_rows(rng.normal(size=(2, dim))), np.array([0.7, -0.4])
    matrix = {
        DIAGONAL: lambda: np.diag(scale),
        DENSE: lambda: factor,
        LOW_RANK: lambda: np.diag(scale) @ (np.eye(dim) + (directions.T * gains) @ directions),
    }[kind]()
    return scale, factor, directions, gains, matrix


@pytest.mark.parametrize("kind", [DIAGONAL, DENSE, LOW_RANK])
@pytest.mark.parametrize("dim", [1, 4, 7, 12])
@pytest.mark.parametrize("steps", [1, 2, 9])
def test_steps_at_once_are_steps_one_by_one(kind, dim, steps):
    if kind == LOW_RANK and dim < 2:
        pytest.skip("two directions do not fit")
    rng = np.random.default_rng([kind, dim])
    scale, factor, directions, gains, matrix = metric(kind, dim, rng)
    density = wc.Density(logp_and_grad=bent, dim=dim).pointer(True)
    where, user_data = np.uint64(density.address), np.uint64(density.user_data)
    x0, q0, start = rng.normal(size=dim), rng.normal(size=dim), np.empty(dim)
    bent(x0, start)
    ways = []
    for at_once in (True, False):
        x, q, whitened, gradient, velocity, value = x0.copy(), q0.copy(), np.empty(dim), np.empty(dim), np.empty(dim), np.empty(1)
        counters = np.zeros(SLOTS, np.int64)
        same = (kind, scale, factor, transpose_of(kind, factor), directions, gains)
        if at_once:
            status, made = glide(
                where,
                user_data,
                0.1,
                steps,
                *same,
                product_of(kind, factor),
                start,
                x,
                q,
                whitened,
                gradient,
                velocity,
                value,
                counters,
            )
            assert (status, made) == (DONE, steps)
        else:
            to_whitened(kind, scale, factor, directions, gains, start, whitened)
            for _ in range(steps):
                assert push(where, user_data, 0.1, *same, x, q, whitened, gradient, velocity, value, counters) == DONE
        assert counters[GRADIENTS] == steps
        ways.append((x, q, gradient.copy(), value.copy()))
    for a, b in zip(*ways, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-11)
    x, q, out = x0.copy(), q0.copy(), start.copy()
    for _ in range(steps):
        q += 0.05 * matrix.T @ out
        x += 0.1 * matrix @ q
        bent(x, out)
        q += 0.05 * matrix.T @ out
    np.testing.assert_allclose(ways[0][0], x, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(ways[0][1], q, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("kind", [DIAGONAL, DENSE, LOW_RANK])
def test_a_trajectory_that_leaves_the_support_ends_there_with_the_momentum_it_has(kind):
    dim = 5
    rng = np.random.default_rng(kind)
    scale, factor, directions, gains, matrix = metric(kind, dim, rng)
    density = wc.Density(logp_and_grad=bent, dim=dim).pointer(True)
    where, user_data = np.uint64(density.address), np.uint64(density.user_data)
    x0, q0, start = np.full(dim, 1.0), np.linalg.solve(matrix, np.array([60.0, 0.0, 0.0, 0.0, 0.0])), np.empty(dim)
    bent(x0, start)
    x, q, out, made = x0.copy(), q0.copy(), start.copy(), 0
    for _ in range(50):
        q += 0.01 * matrix.T @ out
        x += 0.02 * matrix @ q
        made += 1
        if bent(x, out) == -math.inf:
            break
        q += 0.01 * matrix.T @ out
    assert 2 < made < 50
    got, momentum, counters = x0.copy(), q0.copy(), np.zeros(SLOTS, np.int64)
    told = glide(
        where, user_data, 0.02, 50, kind, scale, factor, transpose_of(kind, factor), directions, gains, product_of(kind, factor), start, got, momentum,
        np.empty(dim), np.empty(dim), np.empty(dim), np.empty(1), counters
    )  # fmt: skip
    assert told == (OUTSIDE, made)
    np.testing.assert_allclose(got, x, rtol=1e-10)
    np.testing.assert_allclose(momentum, q, rtol=1e-10, atol=1e-11)
