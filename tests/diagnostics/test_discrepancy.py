"""Discrepancies against their definitions with whole matrices, against scipy, and in known cases."""

import numpy as np
import pytest

import weakchaos as wc
from weakchaos import kernels as K
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics import mmd, sliced_wasserstein, star_discrepancy

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 3)), RNG.normal(size=(90, 3)) + 0.3
W, V = RNG.random(60), RNG.random(90)


def by_matrices(kernel, x, y, w, v):
    w, v = w / w.sum(), v / v.sum()
    return np.sqrt(w @ kernel(x) @ w - 2 * w @ kernel(x, y) @ v + v @ kernel(y) @ v)


@pytest.mark.parametrize("kernel", [K.Gaussian(1.0), K.Matern32(0.7) * K.Polynomial(1), K.EnergyDistance()])
def test_mmd_is_its_definition(kernel):
    equal = np.ones(60), np.ones(90)
    assert mmd(X, Y, kernel) == pytest.approx(by_matrices(kernel, X, Y, *equal), rel=1e-10)
    assert mmd(X, Y, kernel, W, V) == pytest.approx(by_matrices(kernel, X, Y, W, V), rel=1e-10)
    assert mmd(wc.Points(X, W), wc.Points(Y, V), kernel) == pytest.approx(by_matrices(kernel, X, Y, W, V), rel=1e-10)
    assert mmd(X, Y, kernel) == pytest.approx(mmd(Y, X, kernel), rel=1e-12)
    course = mmd(X, Y, kernel, W, V, cumulative=True)
    for t in (1, 13, 60):
        assert course[t - 1] == pytest.approx(by_matrices(kernel, X[:t], Y, W[:t], V), rel=1e-9)
    off = (kernel(X).sum() - np.trace(kernel(X))) / (60 * 59) + (kernel(Y).sum() - np.trace(kernel(Y))) / (90 * 89)
    assert mmd(X, Y, kernel, unbiased=True) == pytest.approx(off - 2 * kernel(X, Y).mean(), rel=1e-10)
    assert mmd(X, Y, kernel, unbiased=True) != pytest.approx(mmd(X, Y, kernel) ** 2, rel=1e-3)


def test_mmd_to_a_distribution_and_of_what_carries_weights():
    target = K.Normal(np.zeros(3), 1.0)
    assert mmd(X, target, K.Gaussian(1.0)) == pytest.approx(K.embed(K.Gaussian(1.0), target).mmd(X), rel=1e-12)
    chosen = wc.herding.select(X, 10, "quadrature", kernel=K.Gaussian(1.0), target=target, progress=False)
    assert mmd(chosen, target, K.Gaussian(1.0)) == pytest.approx(chosen.mmd[-1], rel=1e-6)
    trace = wc.herding.select(X, 10, kernel=K.Gaussian(1.0), progress=False).to_trace()
    assert mmd(trace, X, K.Gaussian(1.0)) == pytest.approx(mmd(trace.draws[0], X, K.Gaussian(1.0)), rel=1e-12)


def test_unbiased_estimate_has_mean_zero_under_one_distribution():
    values = [mmd(*np.random.default_rng(s).normal(size=(2, 40, 2)), K.Gaussian(1.0), unbiased=True) for s in range(200)]
    error = np.std(values) / np.sqrt(200)
    assert abs(np.mean(values)) < 4 * error
    biased = [mmd(*np.random.default_rng(s).normal(size=(2, 40, 2)), K.Gaussian(1.0)) ** 2 for s in range(200)]
    assert np.mean(biased) > 10 * error


def test_star_discrepancy_is_that_of_scipy():
    from scipy.stats import qmc

    for dim in (1, 2, 5):
        x = qmc.Sobol(dim, seed=1).random(64)
        assert star_discrepancy(x) == pytest.approx(qmc.discrepancy(x, method="L2-star"), rel=1e-8)
    assert star_discrepancy([[0.25], [0.75], [0.75]], [2.0, 1.0, 1.0]) == pytest.approx(star_discrepancy([[0.25], [0.75]]))
    # n midpoints on a line have the least discrepancy there is, 1 / (sqrt(12) n)
    assert star_discrepancy((np.arange(50) + 0.5)[:, None] / 50) == pytest.approx(1 / (np.sqrt(12) * 50), rel=1e-6)


def test_sliced_wasserstein():
    assert sliced_wasserstein(X[:, :1], X[:, :1] + 0.7) == pytest.approx(0.7)
    shift = np.array([0.6, 0.0, 0.8])
    # A shift by a unit vector moves each projection by its cosine, whose mean size in 3 dimensions is 1/2.
    assert sliced_wasserstein(X, X + shift, directions=4000) == pytest.approx(0.5, rel=0.03)
    assert sliced_wasserstein(X, X) == 0.0


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: mmd(X, Y[:, :2]), "dimension 3"),
        (lambda: mmd(X, np.full((5, 3), np.nan)), "`y` must be finite"),
        (lambda: mmd(X, Y, weights=np.ones(3)), "60 non-negative"),
        (lambda: mmd(X, Y, lambda a, b: a[0] - b[0]), "symmetric"),
        (lambda: mmd(X, K.Normal(np.zeros(3)), unbiased=True), "two samples"),
        (lambda: mmd(X, Y, unbiased=True, cumulative=True), "do not go together"),
        (lambda: star_discrepancy(X), "unit cube"),
        (lambda: sliced_wasserstein(X, Y, -W), "non-negative"),
        (lambda: sliced_wasserstein(X, Y, directions=0), "`directions`"),
    ],
)
def test_bad_arguments_are_refused(call, part):
    with pytest.raises(ArgumentError, match=part):
        call()
