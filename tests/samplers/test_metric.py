"""Metrics from points and gradients: exact on Gaussians, against NumPy and SciPy, and judged on points they were not made of."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from weakchaos.samplers import metric as m
from weakchaos.samplers.low_rank import low_rank_metric, orthonormal_rows, symmetric_eigenvectors
from weakchaos.samplers.mass import DENSE, DIAGONAL, LOW_RANK
from weakchaos.samplers.metric_choice import difference, fisher_divergence, forms_of, least_divergence, suggestions


def covariance(dim, seed=0, decades=2.0):
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))[0]
    return (q * np.logspace(-decades / 2, decades / 2, dim)) @ q.T


def filled(points, gradients, weights=None, dense=True, kept=0):
    window = m.new_window(points.shape[1], dense, kept)
    room = np.empty((2, points.shape[1]))
    for x, g, w in zip(points, gradients, np.ones(len(points)) if weights is None else weights, strict=True):
        m.add_point(window["window"], window["window_products"], window["window_points"], w, x, g, room)
    return window


def test_a_window_holds_weighted_covariances():
    rng = np.random.default_rng(1)
    x, g, w = 1e4 + rng.normal(size=(50, 3)), rng.normal(size=(50, 3)), rng.random(50)
    window = filled(x, g, w)
    for got, values in zip(m.window_covariances(window), (x, g), strict=True):
        np.testing.assert_allclose(got, np.cov(values.T, aweights=w, ddof=0), rtol=1e-9, atol=1e-9)
    variances = m.window_covariances(filled(x, g, w, dense=False))
    np.testing.assert_allclose(variances[0], np.diag(np.cov(x.T, aweights=w, ddof=0)), rtol=1e-9)


def test_windows_put_together_are_one():
    rng = np.random.default_rng(2)
    x, g, w = rng.normal(size=(60, 3)) + 5.0, rng.normal(size=(60, 3)), rng.random(60)
    x[40:] += 3.0
    both = m.pooled(filled(x[:40], g[:40], w[:40]), filled(x[40:], g[40:], w[40:]))
    for got, expected in zip(m.window_covariances(both), m.window_covariances(filled(x, g, w)), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_points_that_are_kept_are_spread_evenly():
    x = np.arange(1000.0)[:, None]
    window = filled(x, -x, kept=16)
    kept = window["window_points"][0, : int(window["window"][m.KEPT]), 0]
    assert 8 <= len(kept) <= 16
    assert np.ptp(np.diff(kept)) == 0
    assert kept[-1] > 900
    np.testing.assert_array_equal(window["window_points"][1, : len(kept), 0], -kept)


@pytest.mark.parametrize("decades", [1.0, 6.0])
def test_the_geometric_mean_is_that_of_matrix_roots(decades):
    """C # G^-1 = G^-1/2 (G^1/2 C G^1/2)^1/2 G^-1/2 (Bhatia, Positive Definite Matrices (2007), section 4.1)."""
    c, g = covariance(6, 1, decades), covariance(6, 2, 2.0)
    root = sqrtm(g)
    expected = np.linalg.solve(root, np.linalg.solve(root, sqrtm(root @ c @ root).real.T).T)
    got = m.geometric_mean(c, g)
    np.testing.assert_allclose(got, expected.real, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(got @ g @ got, c, rtol=1e-6, atol=1e-9 * np.abs(c).max())
    assert np.isnan(m.geometric_mean(c, -g)).any()


@pytest.mark.parametrize("where", ["at rest", "on its way"])
def test_a_few_points_of_a_gaussian_give_its_covariance_exactly(where):
    """g = -P (x - mean) at any point, so dim + 1 points in general position determine P, wherever they are."""
    dim = 12
    true = covariance(dim, 3)
    rng = np.random.default_rng(4)
    x = (
        rng.multivariate_normal(np.zeros(dim), true, dim + 4)
        if where == "at rest"
        else 30.0 + rng.normal(size=(dim + 4, dim)) * 0.1
    )
    window = filled(x, -np.linalg.solve(true, x.T).T)
    c, g = m.window_covariances(window)
    np.testing.assert_allclose(m.dense_metric(c, g), true, rtol=0, atol=1e-3)
    assert np.abs(c / true - 1.0).max() > 0.3  # what the points alone would give


def test_directions_that_points_do_not_span_keep_the_reference():
    dim = 8
    true = covariance(dim, 3)
    factor = m.cholesky(true)
    x = np.random.default_rng(5).normal(size=(4, dim)) @ factor.T
    c, g = m.window_covariances(filled(x, -np.linalg.solve(true, x.T).T))
    np.testing.assert_allclose(m.dense_metric(c, g, factor), true, rtol=1e-4, atol=1e-6)
    assert np.abs(m.dense_metric(c, g) / true - 1.0).max() > 0.1


def test_the_diagonal_metric_minimises_the_fisher_divergence():
    c, g = np.array([2.0, 0.3, 5.0]), np.array([1.0, 4.0, 0.1])
    best = np.sqrt(m.diagonal_metric(c, g))
    least = fisher_divergence(DIAGONAL, {"scale": best}, c, g, np.empty((2, 0, 3)))
    assert least == pytest.approx(least_divergence(DIAGONAL, c, g))
    for factor in (0.9, 1.1):
        for k in range(3):
            other = best.copy()
            other[k] *= factor
            assert fisher_divergence(DIAGONAL, {"scale": other}, c, g, np.empty((2, 0, 3))) > least
    assert m.diagonal_metric(np.array([1.0, 0.0]), np.ones(2)) is None
    assert m.diagonal_metric(np.array([1.0, np.inf]), np.ones(2)) is None


def test_the_dense_metric_minimises_the_fisher_divergence():
    c, g = covariance(5, 1), covariance(5, 2)
    best = m.cholesky(m.geometric_mean(c, g))
    least = fisher_divergence(DENSE, {"factor": best}, c, g, np.empty((2, 0, 5)))
    assert least == pytest.approx(least_divergence(DENSE, c, g), rel=1e-9)
    rng = np.random.default_rng(6)
    for _ in range(20):
        other = best @ (np.eye(5) + 0.05 * np.tril(rng.normal(size=(5, 5))))
        assert fisher_divergence(DENSE, {"factor": other}, c, g, np.empty((2, 0, 5))) > least


def noisy(dim, n, seed):
    """Points of independent coordinates whose gradients are noise, as where a density is far from Gaussian."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)), rng.normal(size=(n, dim))


@pytest.mark.parametrize(("true", "wins"), [("turned", DENSE), ("noise", DIAGONAL)])
def test_points_that_a_metric_was_not_made_of_choose_its_form(true, wins):
    dim = 10
    rng = np.random.default_rng(7)
    if true == "turned":
        matrix = covariance(dim, 8)
        sets = [rng.multivariate_normal(np.zeros(dim), matrix, 30) for _ in range(2)]
        sets = [(x, -np.linalg.solve(matrix, x.T).T) for x in sets]
    else:
        sets = [noisy(dim, 30, 9), noisy(dim, 30, 10)]
    first, later = (m.window_covariances(filled(*s)) for s in sets)
    none = np.empty((2, 0, dim))
    made = suggestions((DIAGONAL, DENSE), *first, none, None, 0)
    scores = {form: fisher_divergence(form, made[form], *later, none) for form in made}
    assert min(scores, key=scores.get) == wins
    own = {form: fisher_divergence(form, made[form], *first, none) for form in made}
    assert own[DENSE] <= own[DIAGONAL] * (1 + 1e-9)  # on its own points the dense one always wins: a judgement that could not fail


def test_differences_of_metrics():
    old, new = {"factor": m.cholesky(covariance(4, 1))}, {"factor": m.cholesky(covariance(4, 1) * 9.0)}
    none = np.empty((2, 0, 4))
    assert difference(DENSE, old, new, none) == pytest.approx(1.0)  # a factor common to all is one of the step size
    turn = np.diag([1.0, 1.0, 1.0, 3.0])
    assert difference(DENSE, {"factor": np.eye(4)}, {"factor": turn}, none) == pytest.approx(3.0)
    assert difference(DENSE, {"factor": np.full((4, 4), np.nan)}, new, none) == np.inf


def test_eigenvectors_and_orthonormal_rows():
    a = covariance(9, 5, 6.0)
    values, vectors = symmetric_eigenvectors(a)
    np.testing.assert_allclose(np.sort(values), np.linalg.eigvalsh(a), rtol=1e-9)
    np.testing.assert_allclose((vectors.T * values) @ vectors, a, atol=1e-12 * np.abs(a).max())
    rows = np.random.default_rng(0).normal(size=(4, 7))
    rows[2] = rows[0] - 2.0 * rows[1]
    q = orthonormal_rows(rows)
    assert not q[2].any()
    kept = q[[0, 1, 3]]
    np.testing.assert_allclose(kept @ kept.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(rows @ kept.T @ kept, rows, atol=1e-12)


@pytest.mark.parametrize("spike", [True, False])
def test_a_low_rank_holds_what_later_points_confirm(spike):
    dim, rng = 300, np.random.default_rng(11)
    u = rng.normal(size=dim)
    u /= np.linalg.norm(u)
    x = rng.normal(size=(80, dim))
    g = rng.normal(size=(80, dim))  # noise: each half of the points suggests directions of its own
    if spike:
        x += 19.0 * np.outer(x @ u, u)
        g -= (19.0 / 20.0) * np.outer(g @ u, u)
    directions, gains, _ = low_rank_metric(x, g, np.ones(dim), 8)
    assert (gains != 0).sum() == spike
    if spike:
        assert abs(directions[0] @ u) > 0.97
        assert 5.0 < 1.0 + gains[0] < 25.0


def test_forms():
    assert forms_of("auto", 1) == (DIAGONAL,)
    assert forms_of("auto", 30) == (DIAGONAL, DENSE)
    assert forms_of("auto", 1000) == (DIAGONAL, LOW_RANK)
    assert forms_of("dense", 1000) == (DENSE,)
