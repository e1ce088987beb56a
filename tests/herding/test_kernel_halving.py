"""Kernel thinning, Compress++, exchange of points, Stein kernel thinning of biased draws."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.herding import naive_herding as naive
from weakchaos.core.errors import ArgumentError, GradientWarning
from weakchaos.diagnostics import ksd
from weakchaos.herding import refine, select, stein_kernel_thinning, stein_thinning
from weakchaos.herding.selection.debiased import low_rank_weights, pivoted_cholesky
from weakchaos.herding.selection.exchange import exchange
from weakchaos.herding.selection.kernel_halving import by_compression, by_halving, inflated
from weakchaos.herding.selection.sides import KernelSide, SteinSide, course
from weakchaos.kernels import Gaussian, Matern32, Polynomial
from weakchaos.kernels.base import by_coordinate
from weakchaos.kernels.stein_kernel import SteinPoints


def problem(x, kernel, weights=None, seed=1):
    n = len(x)
    w = np.full(n, 1 / n) if weights is None else weights
    matrix = kernel(x)
    ops, params, keep = kernel.program(x.shape[1])
    return SimpleNamespace(x=x, n=n, weights=w, kernel=kernel, points=by_coordinate(x), ops=ops, params=params, keep=keep, mean=matrix @ w,
                           double=float(w @ matrix @ w), diagonal=np.diag(matrix).copy(), evaluations=0, seed=seed, names=())  # fmt: skip


def discrepancy(p, chosen):
    k = p.kernel(p.x)
    v = np.bincount(chosen, minlength=p.n) / len(chosen) - p.weights
    return np.sqrt(max(v @ k @ v, 0.0))


KERNELS = [Gaussian(1.3), Matern32(1.0) + Polynomial(1), 0.5 * Gaussian(0.7) * Gaussian(2.0)]


@pytest.mark.parametrize("kernel", KERNELS, ids=["Gaussian", "sum", "product"])
def test_halving_follows_the_paper(kernel, rng):
    x = rng.normal(size=(700, 2))
    p = problem(x, kernel)
    sequence, uniforms = rng.permutation(700)[:640], rng.random(320)
    signs = KernelSide(p).halve(sequence, uniforms, 2.0)
    np.testing.assert_array_equal(signs, naive.halve(kernel(x[sequence]), uniforms, 2.0))


@pytest.mark.parametrize("preconditioner", ["id", "smpcov"])
def test_halving_under_a_stein_kernel(preconditioner, rng):
    x = rng.normal(size=(600, 3))
    side = SteinSide(SteinPoints.of(x, -x, preconditioner, True, rng.uniform(0.5, 1.5, 600)))
    sequence, uniforms = rng.permutation(600)[:500], rng.random(250)
    signs = side.halve(sequence, uniforms, 1.5)
    np.testing.assert_array_equal(signs, naive.halve(side.block(sequence), uniforms, 1.5))


def test_equal_points_are_halved_evenly(rng):
    x = np.repeat(rng.normal(size=(50, 2)), 2, 0)
    signs = KernelSide(problem(x, Gaussian(1.0))).halve(np.arange(100), rng.random(50), 2.0)
    assert (signs[::2] == -signs[1::2]).all()


def test_inflation_is_fair(rng):
    w = rng.dirichlet(np.ones(30))
    counts = np.bincount(inflated(w, 500, rng), minlength=30)
    assert counts.sum() == 500
    assert (np.abs(counts - 500 * w) < 1).all()
    mean = np.mean([np.bincount(inflated(w, 7, np.random.default_rng(k)), minlength=30) for k in range(4000)], 0)
    assert np.abs(mean - 7 * w).max() < 5 * 0.5 / np.sqrt(4000)


@pytest.mark.parametrize("method", [by_halving, by_compression])
@pytest.mark.parametrize(("n", "size"), [(4096, 64), (3001, 45), (1000, 1), (777, 500), (60, 60), (50, 90)])
def test_any_number_of_points(method, n, size, rng):
    p = problem(rng.normal(size=(n, 2)), Gaussian(2.0**0.5))
    chosen = method(p, size, "m", {})
    assert len(chosen) == size
    assert chosen.weights.sum() == pytest.approx(1.0)
    assert chosen.mmd[-1] == pytest.approx(discrepancy(p, chosen.indices), abs=1e-7)
    np.testing.assert_array_equal(chosen.points, p.x[chosen.indices])
    np.testing.assert_array_equal(method(p, size, "m", {}).indices, chosen.indices)
    if n > 2 * size > 2:
        every = np.arange(size) * n // size
        assert chosen.mmd[-1] < 0.25 * discrepancy(p, every)
        if size > 40:
            assert (size * chosen.mmd[-1]) ** 2 < 0.15
    if n == size:
        assert np.unique(chosen.indices).size == n


@pytest.mark.parametrize("method", [by_halving, by_compression])
def test_thinning_beats_standard_thinning_in_rate(method):
    """Without any exchange: sqrt(n) points by halving fall faster with n than sqrt(n) independent ones, whose discrepancy falls like n**(-1/4)."""
    ours, plain = [], []
    for n in (256, 4096):
        size = int(n**0.5)
        values = []
        for seed in range(6):
            p = problem(np.random.default_rng(seed).normal(size=(n, 2)), Gaussian(1.0), seed=seed)
            values.append((method(p, size, "m", {"passes": 0}).mmd[-1], discrepancy(p, np.arange(size) * n // size)))
        a, b = np.sqrt(np.mean(np.square(values), 0))
        ours.append(a)
        plain.append(b)
    assert np.log(ours[1] / ours[0]) / np.log(16) < -0.35
    assert np.log(plain[1] / plain[0]) / np.log(16) > -0.32
    assert ours[1] < 0.5 * plain[1]


def test_weights_of_the_candidates_count(rng):
    x, w = rng.normal(size=(2000, 2)), rng.dirichlet(np.full(2000, 0.3))
    p = problem(x, Gaussian(1.0), w)
    for method in (by_halving, by_compression):
        assert method(p, 64, "m", {}).mmd[-1] < 0.02
        assert method(p, 64, "m", {"passes": 0}).mmd[-1] < 0.08 < discrepancy(p, np.arange(64) * 31) * 1.5


def test_exchange_is_the_best_single_change(rng):
    x = rng.normal(size=(80, 2))
    p = problem(x, Gaussian(1.0))
    start = rng.integers(80, size=9)
    found, _ = exchange(KernelSide(p), start, 1)
    np.testing.assert_array_equal(found, naive.exchange_once(p.kernel(x), p.mean, start))
    last, _ = exchange(KernelSide(p), start, 50)
    np.testing.assert_array_equal(naive.exchange_once(p.kernel(x), p.mean, last), last)  # nothing is left to gain
    assert discrepancy(p, last) <= discrepancy(p, found) < discrepancy(p, start)
    once, _ = exchange(KernelSide(p), rng.permutation(80)[:20], 20, repeats=False)
    assert np.unique(once).size == 20


def test_exchange_under_a_stein_kernel(rng):
    x = rng.normal(size=(100, 2))
    side = SteinSide(SteinPoints.of(x, -x, "id", False))
    start = stein_thinning(x, -x, 10, standardise=False).indices
    found, exchanges = exchange(side, start, 1)
    np.testing.assert_array_equal(found, naive.exchange_once(side.block(np.arange(100)), np.zeros(100), start))
    assert course(side, found)[-1] == pytest.approx(ksd(x[found], -x[found]))
    assert (course(side, found)[-1] < course(side, start)[-1]) == (exchanges > 0)


def test_pivoted_cholesky_is_below_the_matrix(rng):
    x = rng.normal(size=(120, 2))
    side = SteinSide(SteinPoints.of(x, -x, "id", False))
    k = side.block(np.arange(120))
    for rank in (10, 60):
        factor = pivoted_cholesky(side, rank, rng)
        assert np.linalg.eigvalsh(k - factor @ factor.T)[0] > -1e-8 * np.diag(k).max()
    full = pivoted_cholesky(side, 120, rng)
    np.testing.assert_allclose(full @ full.T, k, atol=1e-7)
    assert np.trace(k - factor @ factor.T) < 0.3 * np.trace(k)


def test_weights_by_descent_are_nearly_the_best(rng):
    x = 1.3 * rng.normal(size=(300, 2)) + 0.4
    side = SteinSide(SteinPoints.of(x, -x, "id", False))
    w = low_rank_weights(side, 100, rng)
    assert w.sum() == pytest.approx(1.0)
    assert (w >= 0).all()
    from weakchaos.runs.stein_quadrature import least_discrepancy

    best = least_discrepancy(side.block(np.arange(300)), "positive")
    reached, least, plain = (ksd(x, -x, v) for v in (w, best, np.ones(300)))
    assert least <= reached + 1e-9
    assert reached < 0.3 * plain


@pytest.mark.parametrize("debiasing", ["thinning", "low-rank"])
@pytest.mark.parametrize("oversampling", [None, 3])
def test_biased_draws_are_mended(debiasing, oversampling, rng):
    """Draws of N(0.4, 1.3**2) stand for N(0, 1) after debiasing, and halving alone keeps their bias."""
    x = 1.3 * rng.normal(size=(2000, 2)) + 0.4
    options = {"preconditioner": "id", "standardise": False, "oversampling": oversampling, "seed": 3, "passes": 0}
    mended = stein_kernel_thinning(x, -x, 64, debiasing=debiasing, **options)
    kept = stein_kernel_thinning(x, -x, 64, debiasing="none", **options)
    assert np.abs(mended.points.mean(0)).max() < 0.2 < np.abs(kept.points.mean(0)).min()
    assert mended.mmd[-1] < 0.6 * kept.mmd[-1]
    assert mended.details["debiased_ksd"] < 0.15 * kept.details["debiased_ksd"]
    final = stein_kernel_thinning(x, -x, 64, debiasing=debiasing, **{**options, "passes": 3})
    assert final.mmd[-1] < mended.mmd[-1]
    assert final.mmd[-1] == pytest.approx(ksd(final.points, -final.points), rel=1e-6)
    np.testing.assert_array_equal(
        final.indices, stein_kernel_thinning(x, -x, 64, debiasing=debiasing, **{**options, "passes": 3}).indices
    )


def test_what_cannot_be_used_is_refused(rng):
    x = rng.normal(size=(50, 2))
    p = problem(x, Gaussian(1.0))
    for call, match in (
        (lambda: by_halving(p, 5, "m", {"delta": 0.0}), "`delta`"),
        (lambda: by_halving(p, 5, "m", {"passes": -1}), "`passes`"),
        (lambda: by_compression(p, 5, "m", {"oversampling": 0.5}), "`oversampling`"),
        (lambda: stein_kernel_thinning(x, -x, 5, debiasing="any"), "`debiasing`"),
        (lambda: stein_kernel_thinning(x, -x, 5, delta=2.0), "`delta`"),
        (lambda: stein_kernel_thinning(x, -x, 5, rank=51), "`rank`"),
        (lambda: stein_kernel_thinning(x[:, 0], -x[:, 0], 5), "`x`"),
        (lambda: stein_kernel_thinning(np.where(x > 1, np.nan, x), -x, 5), "must be finite"),
    ):
        with pytest.raises(ArgumentError, match=match):
            call()
    with pytest.warns(GradientWarning, match="sign"):
        stein_kernel_thinning(x, x, 5)


@pytest.mark.parametrize("method", ["herding", "greedy", "kernel-thinning", "compress++"])
def test_every_selection_can_be_refined(method, rng):
    x = rng.normal(size=(1500, 2))
    kernel = Gaussian(1.0)
    found = select(x, 40, method, kernel=kernel, progress=False, **({"passes": 0} if "kernel" in method or "++" in method else {}))
    better = refine(found, x, progress=False)
    p = problem(x, kernel)
    assert better.mmd[-1] == pytest.approx(discrepancy(p, better.indices), rel=1e-6)
    assert better.mmd[-1] < 0.8 * found.mmd[-1]
    assert better.details["exchanges"] > 0
    assert len(refine(found, x, repeats=True, passes=0, progress=False)) == 40


def test_stein_selections_by_name(rng):
    x = rng.normal(size=(800, 2))
    for method, function in (("stein-thinning", stein_thinning), ("stein-kernel-thinning", stein_kernel_thinning)):
        found = select(x, 30, method, gradients=-x, progress=False)
        np.testing.assert_array_equal(found.indices, function(x, -x, 30).indices)
    better = refine(found, x, gradients=-x, preconditioner="med")
    assert better.mmd[-1] <= found.mmd[-1] * (1 + 1e-12)
    trace = found.to_trace()
    assert np.abs(trace.mean() - found.points.mean(0)).max() < 1e-12
    for call, match in (
        (lambda: select(x, 5, "stein-thinning"), "`gradients`"),
        (lambda: select(x, 5, "stein-thinning", gradients=-x, kernel=Gaussian(1.0)), "`kernel`"),
        (lambda: select(x, 5, "kernel-thinning", target=x), "`target`"),
        (lambda: select(x, 5, "kernel-thinning", boldness=1), "boldness"),
        (lambda: refine(found, x, kernel=Gaussian(1.0), gradients=-x), "`kernel`"),
        (lambda: refine(select(x, 5, "line-search", progress=False), x), "equal weights"),
        (lambda: refine(np.array([1, 1]), x, repeats=False), "twice"),
        (lambda: refine(np.array([900]), x), "`selection`"),
    ):
        with pytest.raises(ArgumentError, match=match):
            call()


def test_degenerate_points(rng):
    """Copies of one point, constant coordinates and a single candidate are no obstacle."""
    for x in (np.zeros((40, 2)), np.c_[rng.normal(size=40), np.ones(40)], np.ones((1, 2))):
        for method in ("kernel-thinning", "compress++"):
            assert len(select(x, 8, method, kernel=Gaussian(1.0), progress=False)) == 8
