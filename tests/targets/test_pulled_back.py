"""Triangular maps: there and back, the log-Jacobian and the gradient against finite differences."""

import math

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.targets.pulled_back import MEAN_TERMS, ROW, PulledBack, map_back, map_rows, new_map


def some_map(rng, dim=4):
    """Each coordinate with linear, quadratic and scale terms in those that are made before, in a random order."""
    rows, order = new_map(dim), rng.permutation(dim)
    for k, j in enumerate(order):
        rows[k, :3], later = (j, rng.normal(), 0.2 * rng.normal()), order[k + 1 :]
        terms = [(i, -1.0) for i in later] + [(i, other) for i in later for other in later if other >= i]
        chosen = [terms[t] for t in rng.permutation(len(terms))[:5]]
        for t, (i, other) in enumerate(chosen):
            rows[k, 5 + 3 * t : 8 + 3 * t] = i, other, 0.2 * rng.normal()
        for t, i in enumerate(later):
            rows[k, 5 + 3 * MEAN_TERMS + 2 * t : 7 + 3 * MEAN_TERMS + 2 * t] = i, 0.2 * rng.normal()
        rows[k, 3], rows[k, 4] = len(chosen), len(later)
    return rows


def forward(rows, z):
    x, jacobian = np.array([z]), np.empty(1)
    map_rows(rows, x, jacobian)
    return x[0], jacobian[0]


def test_there_and_back(rng):
    for _ in range(20):
        rows, z, back = some_map(rng), rng.normal(size=4), np.empty(4)
        map_back(rows, forward(rows, z)[0], back)
        np.testing.assert_allclose(back, z, rtol=1e-8, atol=1e-10)


def test_the_log_jacobian_is_that_of_finite_differences(rng):
    h = 1e-6
    for _ in range(20):
        rows, z = some_map(rng), rng.normal(size=4)
        matrix = np.array([(forward(rows, z + h * e)[0] - forward(rows, z - h * e)[0]) / (2 * h) for e in np.eye(4)])
        assert forward(rows, z)[1] == pytest.approx(np.linalg.slogdet(matrix)[1], abs=1e-6)


def test_the_gradient_is_that_of_finite_differences(rng):
    for _ in range(20):
        target = PulledBack(wc.zoo.funnel(4), some_map(rng))
        z, h = 0.7 * rng.normal(size=4), 1e-5
        expected = [(target.logp(z + h * e) - target.logp(z - h * e)) / (2 * h) for e in np.eye(4)]
        np.testing.assert_allclose(target.gradient(z), expected, rtol=1e-5, atol=1e-5)


def test_the_pulled_back_density_is_the_density_and_the_log_jacobian(rng):
    target, rows = wc.zoo.funnel(4), some_map(rng)
    z = rng.normal(size=4)
    x, jacobian = forward(rows, z)
    assert PulledBack(target, rows).logp(z) == pytest.approx(target.logp(x) + jacobian, rel=1e-12)


def test_the_identity_changes_nothing(rng):
    x = rng.normal(size=3)
    target = PulledBack(wc.zoo.funnel(3), new_map(3))
    assert target.logp(x) == wc.zoo.funnel(3).logp(x)
    np.testing.assert_array_equal(target.gradient(x), wc.zoo.funnel(3).gradient(x))
    assert new_map(3).shape == (3, ROW)


def test_where_a_scale_overflows_the_density_is_zero():
    rows = new_map(2)
    rows[0, 4], rows[0, 5 + 3 * MEAN_TERMS : 7 + 3 * MEAN_TERMS] = 1, (1.0, 10.0)
    target = PulledBack(wc.zoo.gaussian([1.0, 1.0]), rows)
    assert target.logp([1.0, 100.0]) == -math.inf
    assert np.isfinite(target.logp([1.0, 1.0]))


def test_what_a_users_function_raises_is_raised():
    def fails(x):
        raise RuntimeError("not today")

    with pytest.raises(RuntimeError, match="not today"):
        PulledBack(wc.Density(fails, 2, lambda x: -x), new_map(2)).logp([0.0, 0.0])
