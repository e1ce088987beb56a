"""Stein estimators: exact where theory says so, errors that cover, and gradients of another density refused in words."""

from itertools import combinations_with_replacement
from math import prod

import numpy as np
import pytest

import weakchaos as wc
from tests import naive
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.flags import Kind
from weakchaos.runs.control_variates import cross_fit, feature_count, folds_of, polynomial_features
from weakchaos.runs.score_check import check_scores
from weakchaos.runs.stein_estimators import mean_and_error, stein_expectation
from weakchaos.runs.stein_quadrature import stein_weights


def logistic(rng, chains, n, dim=1):
    """Draws of the logistic distribution, their gradients; variance pi**2 / 3."""
    x = rng.logistic(size=(chains, n, dim))
    return x, -np.tanh(x / 2)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_features_are_the_stein_operator_of_monomials(order, rng):
    x = rng.normal(size=(4, 3))
    score = lambda v: -v + 0.3 * np.sin(v)  # noqa: E731
    powers = [p for degree in range(1, order + 1) for p in combinations_with_replacement(range(3), degree)]
    slow = [[naive.stein_feature(lambda v, p=p: prod(v[k] for k in p), score, v) for p in powers] for v in x]
    fast = polynomial_features(x, score(x), order)
    assert fast.shape[1] == feature_count(3, order)
    np.testing.assert_allclose(fast, slow, atol=1e-5)


def test_cross_fit_is_least_squares_on_the_other_folds(rng):
    x, h = logistic(rng, 1, 300, 2)
    psi, f = polynomial_features(x[0], h[0], 2), np.column_stack([x[0, :, 0] ** 2, np.abs(x[0, :, 1])])
    folds = folds_of(1, 300, 5).ravel()
    for ridge in (1e-3, 1.0):
        fit = cross_fit(f, 300, lambda part: psi[part], folds, np.ones(300), (ridge,))
        np.testing.assert_allclose(fit.left, naive.cross_fit_residuals(f, psi, folds, ridge), rtol=1e-9)
    nothing = cross_fit(f, 300, lambda part: psi[part], folds, np.ones(300), (np.inf,))
    np.testing.assert_array_equal(nothing.left, f)


def test_the_ridge_is_the_one_that_predicts_best(rng):
    """Features that are pure noise are not used; those that explain everything are used in full."""
    noise, f = rng.normal(size=(200, 60)), rng.normal(size=(200, 1))
    folds = folds_of(1, 200, 5).ravel()
    assert (cross_fit(f, 200, lambda part: noise[part], folds, np.ones(200)).ridges >= 1.0).all()
    exact = noise[:, :1] * 2.0
    assert (cross_fit(exact, 200, lambda part: noise[part], folds, np.ones(200)).ridges < 1e-8).all()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_polynomials_of_a_gaussian_are_integrated_exactly(order, rng):
    """For a Gaussian every polynomial of degree up to the order is its mean plus control variates (Assaraf and Caffarel 1999)."""
    root = np.array([[1.0, 0.0], [0.7, 0.4]])
    x = rng.normal(size=(2, 150, 2)) @ root.T + 3.0
    g = -(x - 3.0) @ np.linalg.inv(root @ root.T)
    e = stein_expectation(x**order, x, g, order=order)
    variance = np.diag(root @ root.T)
    truth = {1: 3.0 + 0 * variance, 2: 9.0 + variance, 3: 27.0 + 9.0 * variance}[order]
    np.testing.assert_allclose(e.value, truth, rtol=1e-6)
    assert (e.stderr < 1e-4).all()


def coverage(seed, estimate, repeats=200):
    rng, inside = np.random.default_rng(seed), 0
    for _ in range(repeats):
        x, g = logistic(rng, 2, 100, 3)
        value, stderr = estimate((x**2).sum(2), x, g)
        inside += abs(value - np.pi**2) <= 1.6449 * stderr
    return inside / repeats


def test_ninety_per_cent_intervals_cover():
    """And those from residuals of the fit itself do not, where 57 coefficients make 200 draws look too near."""

    def held_out(f, x, g):
        e = stein_expectation(f, x, g, order=2)
        return e.value[0], e.stderr[0]

    def within(f, x, g):
        psi = polynomial_features(x.reshape(-1, 3), g.reshape(-1, 3), 3)
        psi = np.column_stack([psi, psi**2 - (psi**2).mean(0), np.sin(9 * psi)])  # 57 columns
        beta = np.linalg.lstsq(np.column_stack([np.ones(len(psi)), psi]), f.ravel(), rcond=None)[0]
        left = f.ravel() - psi @ beta[1:]
        return left.mean(), left.std() / np.sqrt(left.size)

    assert 0.84 < coverage(1, held_out) <= 0.96
    assert coverage(1, within) < 0.8


def test_autocorrelation_widens_the_error(rng):
    """A chain that stays ten draws at each place has the error of a tenth as many draws."""
    x, g = logistic(rng, 2, 200)
    once = stein_expectation(x**2, x, g, order=2)
    slow = stein_expectation(np.repeat(x**2, 10, 1), np.repeat(x, 10, 1), np.repeat(g, 10, 1), order=2)
    assert 0.7 < slow.stderr[0] / once.stderr[0] < 1.4


def test_weights_count(rng):
    """Draws of N(0, 2) weighted for N(0, 1) estimate E x**2 = 1, exactly with control variates of order 2."""
    x = 2.0**0.5 * rng.normal(size=(2, 400, 1))
    w = np.exp(-0.25 * x[:, :, 0] ** 2)
    e = stein_expectation(x**2, x, -x, w, order=2)
    np.testing.assert_allclose(e.value, 1.0, atol=1e-6)
    value, error, _ = mean_and_error(x**2, w)
    assert abs(value[0] - 1) < 5 * error[0]
    assert e.plain[0] == value[0]


def test_gradients_of_another_density_are_flagged(rng):
    x = rng.normal(size=(4, 500, 2))
    assert check_scores(x, -x) == []
    (flag,) = check_scores(x, x)
    assert flag.kind is Kind.SCORES
    assert flag.numbers["outward"]
    assert "sign" in flag.sentence
    (flag,) = check_scores(x, -2.0 * x)
    assert not flag.numbers["outward"]
    assert stein_expectation(x, x, -2.0 * x).flags[0].kind is Kind.SCORES
    assert stein_expectation(x, x, -x).flags == ()


def test_gradients_that_are_the_same_everywhere_are_flagged(rng):
    """Of no density on all of space: E[(x - m) g] is 0 and not -1."""
    x = rng.normal(size=(4, 500, 2))
    one = np.stack([-x[:, :, 0], np.zeros((4, 500))], 2)
    for gradients in (np.zeros_like(x), one):
        (flag,) = check_scores(x, gradients)
        assert flag.kind is Kind.SCORES
        assert (flag.numbers["what"], round(flag.numbers["gap"], 9)) == ("spread", 1.0)
    assert flag.where == "x1"
    # At two places on either side of the mean (x - m) g may be -1 without any spread, but for rounding.
    two = np.where(rng.permuted(np.tile([True, False], (4, 250)), axis=1), 0.1, -0.1)[:, :, None]
    assert check_scores(two, -100.0 * two) == []


def test_correct_gradients_are_hardly_ever_flagged():
    flagged = 0
    for seed in range(200):
        x, g = logistic(np.random.default_rng(seed), 2, 200, 3)
        flagged += bool(check_scores(x, g))
    assert flagged <= 2


def test_a_trace_estimates_means_of_constrained_parameters():
    """Posterior of a rate under a Gamma(3, 2) density: mean 3/2; the gradient is that of the unconstrained coordinate."""
    target = wc.Density(
        lambda tau: 2 * np.log(tau) - 2 * tau, shapes={"tau": ()}, constraints={"tau": "positive"}, grad=lambda tau: 2 / tau - 2
    )
    trace = wc.sample(target, draws=500, warmup=300, chains=2, seed=3, progress=False)
    e = trace.expectation()
    assert e.names == ("tau",)
    assert e.gain[0] > 10
    assert e.flags == ()
    assert abs(e.value[0] - 1.5) < 5 * e.stderr[0]
    assert e.stderr[0] < 0.01 < trace.expectation(method="mean").stderr[0]


def test_a_rejected_proposal_costs_no_gradient():
    trace = wc.sample(
        wc.zoo.gaussian([1.0]), wc.samplers.RandomWalkMetropolis(5.0), draws=400, warmup=0, chains=2, seed=1, progress=False
    )
    different = sum(1 + (np.diff(c[:, 0]) != 0).sum() for c in trace.draws)
    assert trace.expectation().gradients == different < 600


def test_functionals_and_quadrature_on_the_logistic_distribution(rng):
    x, g = logistic(rng, 4, 300)
    f, truth = np.concatenate([x**2, np.cos(x)], 2), np.array([np.pi**2 / 3, np.pi / np.sinh(np.pi)])
    by = {
        m: stein_expectation(f, x, g, method=m, order=1 if m == "functionals" else None)
        for m in ("mean", "functionals", "quadrature")
    }
    for method, e in by.items():
        assert (np.abs(e.value - truth) < 5 * e.stderr).all(), method
    assert (by["functionals"].gain > 30).all()
    assert by["quadrature"].gain[1] > 5


def test_weights_of_least_discrepancy_mend_biased_draws(rng):
    x = 1.5 * rng.normal(size=(250, 2)) + 0.4
    for signs in ("positive", "free"):
        w = stein_weights(x, -x, signs=signs)
        assert abs(w.sum() - 1) < 1e-12
        assert signs == "free" or (w >= 0).all()
        assert np.abs(w @ x).max() < 0.03 < np.abs(x.mean(0)).min()
        assert np.abs(w @ x**2 - 1).max() < 0.1


def test_what_cannot_be_used_is_refused(rng):
    x = rng.normal(size=(2, 50, 2))
    with pytest.raises(ArgumentError, match="`method`"):
        stein_expectation(x, x, -x, method="magic")
    with pytest.raises(ArgumentError, match="shape of `x`"):
        stein_expectation(x, x, -x[:, :, :1])
    bad = -x.copy()
    bad[1, 3, 0] = np.nan
    with pytest.raises(ArgumentError, match="row 53"):
        stein_expectation(x, x, bad)
    with pytest.raises(ArgumentError, match="at least 40 draws"):
        stein_expectation(x[:, :15], x[:, :15], -x[:, :15])
    with pytest.raises(ArgumentError, match="`order`"):
        stein_expectation(x, x, -x, order=4)
    with pytest.raises(ArgumentError, match="all at one place"):
        stein_expectation(0 * x, 0 * x, -x)
    with pytest.raises(ArgumentError, match="`values`"):
        stein_expectation(np.full((2, 50), np.inf), x, -x)
    with pytest.raises(ArgumentError, match="`level`"):
        stein_expectation(x, x, -x).interval(90)
    spins = wc.sample(wc.PairwiseMRF(np.zeros((2, 2)), [0.1, 0.2]), draws=100, seed=1, progress=False)
    with pytest.raises(ArgumentTypeError, match="gradient"):
        spins.expectation()
    with pytest.raises(ArgumentError, match="`signs`"):
        stein_weights(x[0], -x[0], signs="any")


def test_a_constant_coordinate_is_left_out(rng):
    x = rng.normal(size=(2, 100, 2))
    x[:, :, 1] = 4.0
    e = stein_expectation(x, x, np.stack([-x[:, :, 0], 0 * x[:, :, 0]], 2), order=2)
    np.testing.assert_allclose(e.value, [0.0, 4.0], atol=1e-6)


def test_an_order_is_chosen_by_the_number_of_draws(rng):
    for dim, order in ((2, 3), (10, 2), (30, 1)):
        x = rng.normal(size=(2, 250, dim))
        assert stein_expectation(x[:, :, :1], x, -x).order == order
