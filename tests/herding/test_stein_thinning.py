"""Stein thinning, the kernel Stein discrepancy, and scores of the wrong sign."""

import numpy as np
import pytest
from scipy.integrate import quad

import weakchaos as wc
from tests.herding import naive_herding as naive
from weakchaos.core.errors import ArgumentError, GradientWarning
from weakchaos.core.flags import Kind
from weakchaos.diagnostics import ksd
from weakchaos.herding import positive_curvature, stein_thinning
from weakchaos.kernels.stein_kernel import SteinPoints

ROOT = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [-0.3, 0.2, 0.5]])


def gaussian(rng, n, dim=3):
    """Draws of a correlated Gaussian, and its gradients."""
    root = ROOT[:dim, :dim]
    x = rng.normal(size=(n, dim)) @ root.T
    return x, -x @ np.linalg.inv(root @ root.T)


def matrix(x, s, prepared):
    y, t = x / prepared.scale, s * prepared.scale
    f = prepared.factors
    return np.array(
        [[naive.stein_kernel(y[i], y[j], t[i], t[j], prepared.matrix) * f[i] * f[j] for j in range(len(x))] for i in range(len(x))]
    )


@pytest.mark.parametrize(
    "preconditioner", ["id", "med", "sclmed", "smpcov", 2.5, np.array([[2.0, 0.3, 0.0], [0.3, 1.0, 0.1], [0.0, 0.1, 0.5]])]
)
@pytest.mark.parametrize("dim", [2, 3])
def test_the_kernel_is_the_stein_operator_of_the_inverse_multiquadric(preconditioner, dim, rng):
    if np.ndim(preconditioner) == 2:
        preconditioner = preconditioner[:dim, :dim]
    x, s = gaussian(rng, 300, dim)
    prepared = SteinPoints.of(x, s, preconditioner, True)
    rows = np.array([0, 7, 250, 299])
    slow = [[naive.stein_kernel(x[i] / prepared.scale, x[j] / prepared.scale, s[i] * prepared.scale, s[j] * prepared.scale, prepared.matrix) for j in range(300)] for i in rows]  # fmt: skip
    np.testing.assert_allclose(prepared.block(rows), slow, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(prepared.diagonal()[rows], np.array(slow)[np.arange(4), rows], rtol=1e-12)


def test_the_mean_of_the_kernel_is_zero():
    """E k0(x, .) = 0 under the density: by quadrature for the logistic distribution, and not for scores of another."""
    density = lambda y: 0.25 / np.cosh(y / 2) ** 2  # noqa: E731
    for scale, zero in ((1.0, True), (1.5, False)):
        value = quad(
            lambda y: density(y) * naive.stein_kernel(np.array([0.7]), np.array([y]), np.array([-scale * np.tanh(0.35)]), np.array([-scale * np.tanh(y / 2)]), np.eye(1)),  # noqa: B023
            -60, 60, epsabs=1e-12, limit=400,
        )[0]  # fmt: skip
        assert (abs(value) < 1e-9) == zero


@pytest.mark.parametrize("preconditioner", ["id", "med", "sclmed", "smpcov"])
def test_the_greedy_rule(preconditioner, rng):
    x, s = gaussian(rng, 500)
    chosen = stein_thinning(x, s, 60, preconditioner=preconditioner)
    k0 = matrix(x[:200], s[:200], SteinPoints.of(x, s, preconditioner, True)) if preconditioner == "id" else None
    prepared = SteinPoints.of(x, s, preconditioner, True)
    full = prepared.block()
    if k0 is not None:
        np.testing.assert_allclose(full[:200, :200], k0, rtol=1e-10, atol=1e-11)
    np.testing.assert_array_equal(chosen.indices, naive.stein_thinning(full, 60))
    sums = [np.sqrt(full[np.ix_(chosen.indices[:t], chosen.indices[:t])].sum()) / t for t in range(1, 61)]
    np.testing.assert_allclose(chosen.mmd, sums, rtol=1e-9)
    assert abs(chosen.weights.sum() - 1) < 1e-12


def test_it_beats_every_nth_draw_and_mends_bias(rng):
    x, s = gaussian(rng, 4000)
    chosen = stein_thinning(x, s, 40)
    every = np.arange(0, 4000, 100)
    assert ksd(chosen.points, s[chosen.indices]) < 0.5 * ksd(x[every], s[every])
    far, g = x + 1.0, -(x + 1.0) @ np.linalg.inv(ROOT @ ROOT.T)
    assert np.abs(far.mean(0)).min() > 0.9
    assert np.abs(stein_thinning(far, g, 40).points.mean(0)).max() < 0.3


def test_duplicates_go_to_the_first_and_repeats_can_be_refused(rng):
    x, s = gaussian(rng, 100)
    twice, g = np.repeat(x, 3, 0), np.repeat(s, 3, 0)
    chosen = stein_thinning(twice, g, 250).indices
    assert (chosen % 3 == 0).all()
    once = stein_thinning(twice, g, 300, repeats=False).indices
    assert np.unique(once).size == 300
    assert stein_thinning(x, s, 150).indices.size == 150  # more points than there are, with repeats
    with pytest.raises(ArgumentError, match="`size`"):
        stein_thinning(x, s, 101, repeats=False)


def test_regularised_thinning(rng):
    x, s = gaussian(rng, 300)
    logp = -0.5 * (x @ np.linalg.inv(ROOT @ ROOT.T) * x).sum(1)
    bend = rng.normal(size=(300, 3))
    chosen = stein_thinning(x, s, 30, log_density=logp, curvature=bend)
    prepared = SteinPoints.of(x, s, "id", True)
    added = np.maximum(bend * prepared.scale**2, 0).sum(1)
    np.testing.assert_array_equal(chosen.indices, naive.stein_thinning(prepared.block(), 30, added, logp / 30))
    assert abs(chosen.mmd[-1] - ksd(x[chosen.indices] / prepared.scale, s[chosen.indices] * prepared.scale)) < 1e-9


def test_regularisation_keeps_points_off_a_saddle():
    """Two modes and a chain with a few draws between them, where the gradient is zero: plain thinning takes these, regularised thinning does not."""
    rng = np.random.default_rng(5)
    modes = rng.choice([-3.0, 3.0], 3000)
    x = np.concatenate([modes[:, None] + rng.normal(size=(3000, 1)), rng.uniform(-0.3, 0.3, (60, 1))])
    target = wc.Density(lambda v: float(np.logaddexp(-0.5 * (v[0] - 3) ** 2, -0.5 * (v[0] + 3) ** 2)), dim=1,
                        grad=lambda v: np.array([3 * np.tanh(3 * v[0]) - v[0]]))  # fmt: skip
    s = 3 * np.tanh(3 * x) - x
    bend = positive_curvature(target, x)
    np.testing.assert_allclose(bend, 9 / np.cosh(3 * x) ** 2 - 1, atol=1e-4)
    logp = np.logaddexp(-0.5 * (x[:, 0] - 3) ** 2, -0.5 * (x[:, 0] + 3) ** 2)
    plain = stein_thinning(x, s, 50, standardise=False).points
    mended = stein_thinning(x, s, 50, standardise=False, log_density=logp, curvature=bend).points
    assert (np.abs(plain) < 0.3).any()
    assert not (np.abs(mended) < 0.3).any()


def test_gradient_free_thinning(rng):
    x, s = gaussian(rng, 400)
    ratio = rng.normal(size=400)
    chosen = stein_thinning(x, s, 30, log_ratio=ratio)
    factors = np.exp(ratio - ratio.min())
    np.testing.assert_array_equal(
        chosen.indices, naive.stein_thinning(SteinPoints.of(x, s).block() * np.outer(factors, factors), 30)
    )
    assert chosen.flags == ()
    (flag,) = stein_thinning(x, s, 5, log_ratio=8 * ratio).flags
    assert flag.kind is Kind.FAR_PROXY
    assert stein_thinning(x, s, 5, log_ratio=8 * ratio, most_ratio=5.0).flags == ()


def test_optimal_weights_lower_the_discrepancy(rng):
    x, s = gaussian(rng, 1000)
    equal, best = stein_thinning(x, s, 40), stein_thinning(x, s, 40, weighting="optimal")
    np.testing.assert_array_equal(equal.indices, best.indices)
    assert abs(best.weights.sum() - 1) < 1e-9 and (best.weights >= 0).all()  # noqa: PT018
    scale = SteinPoints.of(x, s).scale
    values = [ksd(c.points / scale, s[c.indices] * scale, c.weights) for c in (equal, best)]
    assert values[1] < 0.99 * values[0]


def test_scores_of_the_wrong_sign_warn(rng):
    x, s = gaussian(rng, 500)
    assert stein_thinning(x, s, 5).flags == ()
    with pytest.warns(GradientWarning, match="sign"):
        chosen = stein_thinning(x, -s, 5)
    assert chosen.flags[0].numbers["outward"]
    with pytest.warns(GradientWarning, match="sign"):
        ksd(x, -s)


def test_the_discrepancy_and_its_course(rng):
    x, s = gaussian(rng, 700)
    w = rng.uniform(size=700)
    for preconditioner in ("id", "smpcov"):
        k0 = SteinPoints.of(x, s, preconditioner, False).block()
        assert ksd(x, s, preconditioner=preconditioner) == pytest.approx(np.sqrt(k0.mean()), rel=1e-9)
        assert ksd(x, s, w, preconditioner=preconditioner) == pytest.approx(np.sqrt(w @ k0 @ w) / w.sum(), rel=1e-9)
    k0 = SteinPoints.of(x, s, "id", False).block()
    course = ksd(x, s, cumulative=True)
    np.testing.assert_allclose(course, [np.sqrt(k0[:t, :t].mean()) for t in range(1, 701)], rtol=1e-8)
    assert course[-1] == pytest.approx(ksd(x, s))
    # The expected square for independent draws is E k0(x, x) / n (the U-statistic has mean zero).
    squares = [ksd(*gaussian(np.random.default_rng(k), 100)) ** 2 for k in range(60)]
    assert abs(np.mean(squares) - np.diag(k0).mean() / 100) < 5 * np.std(squares) / np.sqrt(60)


def test_what_cannot_be_used_is_refused(rng):
    x, s = gaussian(rng, 50)
    still = x.copy()
    still[:, 1] = 2.0
    for call, match in (
        (lambda: stein_thinning(still, s, 5), "coordinate 1 is the same"),
        (lambda: stein_thinning(np.where(x > 2, np.nan, x), s, 5), "`x` must be finite"),
        (lambda: stein_thinning(x, s[:20], 5), "`gradients`"),
        (lambda: stein_thinning(x, s, 0), "`size`"),
        (lambda: stein_thinning(x, s, 5, preconditioner="all"), "`preconditioner`"),
        (lambda: stein_thinning(x, s, 5, preconditioner=0.0), "squared length"),
        (lambda: stein_thinning(x, s, 5, preconditioner=-np.eye(3)), "positive definite"),
        (
            lambda: stein_thinning(np.ones((9, 2)), np.ones((9, 2)), 2, standardise=False, preconditioner="med"),
            "median distance is 0",
        ),
        (lambda: stein_thinning(x, s, 5, log_density=np.zeros(50)), "both"),
        (lambda: stein_thinning(x, s, 5, strength=1.0), "`strength`"),
        (lambda: stein_thinning(x * 1e90, s, 5, standardise=False), "overflow"),
        (lambda: stein_thinning(x, s, 5, weighting="any"), "`weighting`"),
        (lambda: ksd(x, s, np.zeros(50)), "`weights`"),
    ):
        with pytest.raises(ArgumentError, match=match):
            call()


def test_a_trace_is_thinned_by_the_gradients_of_its_target():
    """In the unconstrained coordinates of a Gamma density; points are draws, and the trace names them."""
    target = wc.Density(
        lambda tau: 2 * np.log(tau) - 2 * tau, shapes={"tau": ()}, constraints={"tau": "positive"}, grad=lambda tau: 2 / tau - 2
    )
    trace = wc.sample(target, draws=500, warmup=300, chains=2, seed=3, progress=False)
    kept = wc.herding.compress(trace, 25, "stein-thinning", progress=False)
    u = np.log(trace.draws.reshape(-1, 1))
    np.testing.assert_array_equal(kept.indices, stein_thinning(u, 3 - 2 * np.exp(u), 25).indices)
    np.testing.assert_array_equal(kept.points[:, 0], trace.draws[kept.origin["chain"], kept.origin["draw"], 0])
    assert kept.names == ("tau",)
    assert abs(kept.points.mean() - 1.5) < 0.1
    with pytest.raises(ArgumentError, match="`gradients`"):
        wc.herding.compress(u, 5, "stein-thinning")
    again = wc.herding.compress(u, 25, "stein-thinning", gradients=3 - 2 * np.exp(u), progress=False)
    np.testing.assert_array_equal(again.indices, kept.indices)
