"""Selectors against slow programs of their definitions, against rates that are proven or published, and their refusals."""

import numpy as np
import pytest

import weakchaos as wc
from weakchaos import kernels as K
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning, InterruptedWarning
from weakchaos.core.machine_memory import enough_memory
from weakchaos.herding import select, selection_memory
from weakchaos.herding.selection import step_rules
from weakchaos.herding.selection.bayesian_quadrature import quadrature_weights
from weakchaos.herding.selection.min_norm_point import simplex_weights

QUIET = {"progress": False}
GMM = K.NormalMixture([0.3, 0.5, 0.2], [-2.0, 0.5, 3.0], [0.25, 0.5, 0.16])  # three components on a line


def mixture_of_twenty():
    """Twenty normals in the plane, as in the first figure of Chen, Welling and Smola (2010)."""
    rng = np.random.default_rng(4)
    return K.NormalMixture(rng.random(20) + 0.2, rng.uniform(-6, 6, (20, 2)), rng.uniform(0.2, 1.0, 20))


def slow_selection(x, kernel, mean, size, method, repeats=True, weights=None):
    """The definitions of the simple rules, with whole matrices."""
    gram, chosen, w = kernel(x), [], np.zeros(len(x))
    for t in range(size):
        g = gram @ w
        if method == "herding":
            score = mean - (t / (t + 1)) * g
        elif method == "greedy":
            score = -(
                2 * (t * g - (t + 1) * mean) + np.diag(gram)
            )  # of (t + 1)^2 MMD^2 after adding, halved and without what is constant
        else:
            score = mean - g
        if not repeats:
            score[chosen] = -np.inf
        new = int(np.argmax(score))
        if method in ("herding", "greedy"):
            rho = 1 / (t + 1)
        elif method == "frank-wolfe":
            rho = 2 / (t + 2)
        else:
            e = np.zeros(len(x))
            e[new] = 1.0
            d = e - w
            rho = 1.0 if t == 0 else np.clip((mean @ d - w @ gram @ d) / (d @ gram @ d), 0, 1)
        chosen.append(new)
        w *= 1 - rho
        w[new] += rho
    return np.array(chosen), w


KERNELS = [
    K.Gaussian(0.8),
    K.Polynomial(3) * K.Laplace(1.5),
    K.EnergyDistance(),
    K.UserKernel(lambda a, b: 1 / (1 + ((a - b) ** 2).sum())),
]


SIMPLE = ["herding", "greedy", "frank-wolfe", "line-search"]


@pytest.mark.parametrize("method", SIMPLE)
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: type(k).__name__)
@pytest.mark.parametrize("repeats", [True, False])
def test_simple_rules_are_their_definitions(method, kernel, repeats):
    x = np.random.default_rng(1).normal(size=(700, 3))
    masses = np.random.default_rng(2).random(700)
    masses /= masses.sum()
    mean = kernel(x) @ masses
    chosen = select(x, 60, method, kernel=kernel, weights=masses, repeats=repeats, **QUIET)
    indices, w = slow_selection(x, kernel, mean, 60, method, repeats)
    np.testing.assert_array_equal(chosen.indices, indices)
    np.testing.assert_allclose(np.bincount(chosen.indices, chosen.weights, 700), w, atol=1e-12)
    assert chosen.weights.sum() == pytest.approx(1.0, abs=1e-12)
    if not repeats:
        assert np.unique(chosen.indices).size == 60
    double = masses @ mean
    for t in (1, 7, 60):
        _, v = slow_selection(x, kernel, mean, t, method, repeats)
        square = double - 2 * v @ mean + v @ kernel(x) @ v
        assert chosen.mmd[t - 1] == pytest.approx(np.sqrt(square), rel=1e-7, abs=1e-9)


def test_a_wrong_step_is_found_by_the_slow_program():
    x = np.random.default_rng(1).normal(size=(300, 2))
    kernel = K.Gaussian(0.8)
    mean = kernel(x).mean(1)
    wrong, _ = slow_selection(x, kernel, mean, 40, "frank-wolfe")
    assert not np.array_equal(select(x, 40, "herding", kernel=kernel, **QUIET).indices, wrong)


@pytest.mark.parametrize("method", [*SIMPLE, "away", "pairwise", "blended-pairwise", "fully-corrective", "quadrature"])
def test_reported_discrepancy_and_weights_belong_together(method):
    x = np.random.default_rng(0).normal(size=(900, 2))
    target = K.Normal([0.2, 0.0], [[1.0, 0.5], [0.5, 1.0]])
    chosen = select(x, 30, method, kernel=K.Gaussian(0.9), target=target, **QUIET)
    assert K.embed(chosen.kernel, target).mmd(chosen.points, chosen.weights) == pytest.approx(chosen.mmd[-1], rel=1e-5)
    np.testing.assert_array_equal(chosen.points, x[chosen.indices])
    if method != "quadrature":
        assert (chosen.weights >= 0).all()
        assert chosen.weights.sum() == pytest.approx(1.0, abs=1e-12)
        assert len(chosen) <= 30
    if chosen.gap is not None:
        # The gap bounds how far the squared discrepancy is from its least value in the hull: J(g) - J* <= gap for J = MMD^2 / 2.
        before = np.append(K.embed(chosen.kernel, target).double ** 0.5, chosen.mmd[:-1])
        assert (chosen.gap >= -1e-12).all()
        best = select(x, 200, "fully-corrective", kernel=K.Gaussian(0.9), target=target, **QUIET).mmd[-1]
        assert (chosen.gap[1:] >= (before[1:] ** 2 - best**2) / 2 - 1e-12).all()


def test_uniform_points_under_a_periodic_kernel_are_equally_spaced():
    """With 1 + B_2({x - y}) the discrepancy of n = 2^k herded points is that of the equispaced rule, 1 / (sqrt(6) n)."""
    x = np.arange(2048) / 2048
    chosen = select(x, 256, kernel=K.Bernoulli(1), target=K.Uniform(0.0, 1.0), **QUIET)
    for n in 2 ** np.arange(1, 9):
        assert chosen.mmd[n - 1] == pytest.approx(1 / (np.sqrt(6) * n), rel=0.01)
    assert np.allclose(np.diff(np.sort(chosen.points[:64, 0])), 1 / 64)
    line = select(x, 256, "line-search", kernel=K.Bernoulli(1), target=K.Uniform(0.0, 1.0), **QUIET)
    assert line.mmd[255] > 2 * chosen.mmd[255]
    # What the theorem guarantees, whatever the kernel.
    counts = np.arange(1, 257)
    assert (chosen.mmd <= 2 * np.sqrt(chosen.kernel.diagonal([[0.0]])[0]) / np.sqrt(counts)).all()


def slope(mmd, first, last):
    t = np.unique(np.geomspace(first, last, 40).astype(int))
    return np.polyfit(np.log(t), np.log(np.asarray(mmd)[t - 1]), 1)[0]


def grid(half, n):
    g = np.linspace(-half, half, n)
    return np.stack(np.meshgrid(g, g), -1).reshape(-1, 2)


def test_rates_on_a_mixture_in_the_plane():
    target, x = mixture_of_twenty(), grid(8.5, 120)
    kernel = K.Gaussian(1.0)
    herded = select(x, 1024, kernel=kernel, target=target, **QUIET)
    assert slope(herded.mmd, 16, 1024) <= -0.9
    embedding = K.embed(kernel, target)
    random = np.mean([embedding.mmd(target.sample(1024, s)) for s in range(5)])
    assert herded.mmd[-1] < random / 10
    line = select(x, 1024, "line-search", kernel=kernel, target=target, **QUIET)
    assert -0.75 < slope(line.mmd, 16, 1024) < -0.5  # not better than steps 1/(t + 1): slower
    blended = select(x, 256, "blended-pairwise", kernel=kernel, target=target, **QUIET)
    assert blended.mmd[-1] <= herded.mmd[255] / 5
    assert len(blended) <= 256


def test_rates_on_a_mixture_on_a_line():
    x, kernel = np.linspace(-6, 6, 2000), K.Gaussian(1.0)
    herded = select(x, 1024, kernel=kernel, target=GMM, **QUIET)
    assert slope(herded.mmd, 16, 1024) <= -0.85
    assert herded.mmd[-1] < 1e-3
    line = select(x, 1024, "line-search", kernel=kernel, target=GMM, **QUIET)
    assert line.mmd[-1] > 2 * herded.mmd[-1]
    assert select(x, 16, "blended-pairwise", kernel=kernel, target=GMM, **QUIET).mmd[-1] <= 2e-3


def test_line_search_is_slower_than_herding_on_a_normal():
    x, target = np.linspace(-6, 6, 2048), K.Normal(0.0, 1.0)
    herded = select(x, 300, kernel=K.Gaussian(1.0), target=target, **QUIET)
    line = select(x, 300, "line-search", kernel=K.Gaussian(1.0), target=target, **QUIET)
    assert line.mmd[-1] > 1.5 * herded.mmd[-1]
    assert slope(herded.mmd, 10, 300) < slope(line.mmd, 10, 300) - 0.1


def test_herding_and_greedy_coincide_where_the_diagonal_is_constant_and_only_there():
    x = np.random.default_rng(5).normal(size=(500, 2))
    for kernel in (K.Gaussian(1.0), K.Matern52(1.0), K.InverseMultiquadric(1.0)):
        np.testing.assert_array_equal(
            select(x, 100, "herding", kernel=kernel, **QUIET).indices, select(x, 100, "greedy", kernel=kernel, **QUIET).indices
        )
    uneven = K.Polynomial(2)
    assert not np.array_equal(
        select(x, 100, "herding", kernel=uneven, **QUIET).indices, select(x, 100, "greedy", kernel=uneven, **QUIET).indices
    )


def test_sequential_quadrature():
    x, kernel = np.linspace(-6, 6, 1000), K.Gaussian(1.0)
    chosen = select(x, 24, "quadrature", kernel=kernel, target=GMM, **QUIET)
    assert chosen.mmd[-1] <= 1e-4
    assert (np.diff(chosen.mmd) <= 0).all()
    herded = select(x, 24, kernel=kernel, target=GMM, **QUIET)
    # Free weights at the same nodes cannot be worse.
    z = K.embed(kernel, GMM).mean(herded.points)
    w = quadrature_weights(kernel(herded.points), z)
    assert K.embed(kernel, GMM).mmd(herded.points, w) <= herded.mmd[-1]
    # The variance that is reported is E k - z' K^-1 z of the points.
    m = chosen.points[:8]
    z = K.embed(kernel, GMM).mean(m)
    assert chosen.mmd[7] ** 2 == pytest.approx(K.embed(kernel, GMM).double - z @ np.linalg.solve(kernel(m), z), rel=1e-6)


def test_quadrature_stops_where_its_rank_is_exhausted():
    x = np.linspace(-6, 6, 1000)
    with pytest.warns(ConvergenceWarning, match="of 100 points were selected"):
        chosen = select(x, 100, "quadrature", kernel=K.Gaussian(1.0), target=GMM, **QUIET)
    assert len(chosen) < 60
    assert chosen.details["rank exhausted"]
    assert chosen.mmd[min(31, len(chosen) - 1)] <= 1e-6
    assert K.embed(chosen.kernel, GMM).mmd(chosen.points, chosen.weights) <= 5e-6  # nothing blows up
    with pytest.warns(ConvergenceWarning):  # duplicates are one point
        few = select(np.repeat([0.0, 1.0, 2.0], 10), 10, "quadrature", kernel=K.Gaussian(1.0), **QUIET)
    assert len(few) == 3


def test_eight_points_of_quadrature_are_worth_twenty_of_herding():
    """Huszar and Duvenaud (UAI 2012), figure 1: 8 points of sequential Bayesian quadrature reach the discrepancy of 20 herded points."""
    for target in (K.Normal([0.0, 0.0], 1.0), mixture_of_twenty()):
        x = grid(4.0, 70) if target.weights.size == 1 else grid(8.5, 90)
        kernel = K.Gaussian(1.0 if target.weights.size == 1 else 5.0)
        herded = select(x, 20, kernel=kernel, target=target, **QUIET)
        quadrature = select(x, 8, "quadrature", kernel=kernel, target=target, **QUIET)
        assert quadrature.mmd[-1] <= herded.mmd[-1]


def test_weights_that_sum_to_one():
    x = np.random.default_rng(0).normal(size=(400, 2))
    kernel, target = K.Gaussian(1.0), K.Normal([0.0, 0.0], 1.0)
    free = select(x, 15, "quadrature", kernel=kernel, target=target, **QUIET)
    fixed = select(x, 15, "quadrature", kernel=kernel, target=target, weighting="sum-to-one", **QUIET)
    inside = select(x, 15, "quadrature", kernel=kernel, target=target, weighting="simplex", **QUIET)
    assert fixed.weights.sum() == pytest.approx(1.0, abs=1e-10)
    assert free.weights.sum() < 1.0
    assert (inside.weights >= 0).all()
    embedding = K.embed(kernel, target)
    assert embedding.mmd(fixed.points, fixed.weights) == pytest.approx(fixed.mmd[-1], rel=1e-6)
    # On the points of `free`: more freedom cannot be worse.
    gram, z = kernel(free.points), embedding.mean(free.points)
    errors = [embedding.mmd(free.points, quadrature_weights(gram, z, kind)) for kind in ("free", "sum-to-one", "simplex")]
    assert errors[0] <= errors[1] * (1 + 1e-9)
    assert errors[1] <= errors[2] * (1 + 1e-9)
    stopped = select(x, 100, "quadrature", kernel=kernel, target=target, until=0.02, **QUIET)
    assert stopped.mmd[-1] <= 0.02 < stopped.mmd[-2]


def test_simplex_weights_are_optimal():
    rng = np.random.default_rng(0)
    for m in (1, 2, 7, 40):
        a = rng.normal(size=(m, m + 3))
        gram, z = a @ a.T, rng.normal(size=m) * 3
        w = simplex_weights(gram, z)
        assert (w >= 0).all()
        assert w.sum() == pytest.approx(1.0, abs=1e-12)
        slope_of = gram @ w - z
        # Karush, Kuhn and Tucker: the slope is the same where a weight is positive, and nowhere less.
        assert slope_of[w > 0] == pytest.approx(np.full((w > 0).sum(), slope_of.min()), abs=1e-8 * np.abs(gram).max())
    assert not np.allclose(simplex_weights(np.eye(2), np.array([0.9, 0.1])), [0.5, 0.5])


def test_fully_corrective_is_the_best_of_its_points():
    from scipy.stats import norm, qmc

    x = norm.ppf(qmc.Sobol(2, seed=0).random(4096))
    target = K.Normal([0.0, 0.0], 1.0)
    chosen = select(x, 100, "fully-corrective", kernel=K.Gaussian(1.0), target=target, **QUIET)
    assert chosen.mmd[-1] < 1e-3
    assert (np.diff(chosen.mmd) <= 1e-9).all()
    gram, z = chosen.kernel(chosen.points), K.embed(chosen.kernel, target).mean(chosen.points)
    assert K.embed(chosen.kernel, target).mmd(chosen.points, simplex_weights(gram, z)) == pytest.approx(chosen.mmd[-1], rel=1e-4)


def test_single_precision_costs_little():
    x = np.random.default_rng(0).normal(size=(3000, 4))
    double = select(x, 200, kernel=K.Gaussian(1.5), **QUIET)
    single = select(x, 200, kernel=K.Gaussian(1.5), dtype="float32", **QUIET)
    exact = K.embed(double.kernel, x)
    assert exact.mmd(single.points) == pytest.approx(exact.mmd(double.points), rel=0.15)
    assert single.mmd[-1] == pytest.approx(exact.mmd(single.points), rel=1e-3)


def test_counts_and_memory():
    x = np.random.default_rng(0).normal(size=(500, 2))
    assert select(x, 20, kernel=K.Gaussian(1.0), **QUIET).evaluations == 500 * 501 // 2 + 20 * 500
    closed = select(x, 20, kernel=K.Gaussian(1.0), target=K.Normal([0.0, 0.0], 1.0), **QUIET)
    assert closed.evaluations == 20 * 500
    assert closed.memory == selection_memory(500, 2, 20)
    assert selection_memory(10**6, 10, 1000) < 200e6
    assert selection_memory(10**5, 10, 1000, "quadrature") > 8e8
    with pytest.raises(MemoryError, match="GB"):
        enough_memory(10**15, "a selection", "select fewer points")


def test_ctrl_c_returns_what_was_chosen(monkeypatch):
    x = np.random.default_rng(0).normal(size=(300, 2))
    whole = select(x, 50, kernel=K.Gaussian(1.0), **QUIET)
    calls, steps = [], step_rules._steps

    def interrupted_steps(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return steps(*args)

    monkeypatch.setattr(step_rules, "_steps", interrupted_steps)
    monkeypatch.setattr("weakchaos.herding.selection.problem._PAIRS", 300 * 10)
    with pytest.warns(InterruptedWarning, match="after 20 of 50"):
        part = select(x, 50, kernel=K.Gaussian(1.0), **QUIET)
    np.testing.assert_array_equal(part.indices, whole.indices[:20])
    np.testing.assert_allclose(part.mmd, whole.mmd[:20], rtol=1e-12)
    assert part.weights.tolist() == [1 / 20] * 20


def test_weighted_points_as_target():
    x = np.random.default_rng(0).normal(size=(400, 2))
    w = np.where(x[:, 0] > 0, 1.0, 0.0)
    herded = select(wc.Points(x, w, names=["a", "b"]), 30, kernel=K.Gaussian(1.0), **QUIET)
    assert herded.names == ("a", "b")
    assert (herded.points[:, 0] > -1.0).all()
    other = select(x, 30, kernel=K.Gaussian(1.0), target=wc.Points(x, w), **QUIET)
    np.testing.assert_array_equal(herded.indices, other.indices)
    cut = select(x, 30, kernel=K.Gaussian(1.0), target=x[w > 0], **QUIET)
    np.testing.assert_array_equal(cut.indices, other.indices)


def test_constant_coordinates_and_duplicates_change_nothing():
    x = np.random.default_rng(0).normal(size=(300, 2))
    padded = np.column_stack([x, np.full(300, 7.0)])
    plain = select(x, 40, kernel=K.Gaussian(1.0), **QUIET)
    np.testing.assert_array_equal(select(padded, 40, kernel=K.Gaussian(1.0), **QUIET).indices, plain.indices)
    twice = select(np.repeat(x, 2, axis=0), 40, kernel=K.Gaussian(1.0), **QUIET)
    np.testing.assert_allclose(twice.points, plain.points)


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda x: select(x, 5, "best"), "`method` must be one of 'herding'"),
        (lambda x: select(x, 0), "`size`"),
        (lambda x: select(x, 21, repeats=False), "at most the number of candidates, 20"),
        (lambda x: select(x, 5, "quadrature", repeats=False), "repeats=False"),
        (lambda x: select(np.where(x > 1e9, x, np.nan), 5), "20 of 20 rows hold NaN"),
        (lambda x: select(np.zeros((20, 2)), 5), "median distance is 0"),
        (lambda x: select(x, 5, kernel=lambda a, b: a[0] - b[0]), "symmetric"),
        (lambda x: select(x, 5, kernel=lambda a, b: -(a[0] * b[0])), "positive definite"),
        (lambda x: select(x, 5, target=K.Normal([0.0], 1.0)), "dimension 2"),
        (lambda x: select(x, 5, target=x[:, :1]), "dimension 2"),
        (lambda x: select(x, 5, weights=np.zeros(20)), "not all zero"),
        (lambda x: select(x, 5, weights=np.ones(20), target=K.Normal([0.0, 0.0], 1.0)), "`weights` go with points"),
        (lambda x: select(x, 5, dtype="float16"), "`dtype`"),
        (lambda x: select(x, 5, steps=3), "no option `steps`"),
        (lambda x: select(x, 5, "quadrature", weighting="other"), "`weighting`"),
        (lambda x: select(x, 5, "pairwise", steps=0), "`steps`"),
        (lambda x: select(x, 5, gradients=x), "`gradients`"),
    ],
)
def test_bad_arguments_are_refused(call, part):
    with pytest.raises(ArgumentError, match=part):
        call(np.random.default_rng(0).normal(size=(20, 2)))


def test_wrong_kinds_are_refused():
    x = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ArgumentTypeError, match="`kernel`"):
        select(x, 5, kernel=3.0)
    with pytest.raises(ArgumentTypeError, match="`target`"):
        select(x, 5, target="normal")


def test_fewer_candidates_than_points_are_repeated():
    chosen = select(np.array([[0.0], [1.0], [5.0]]), 12, kernel=K.Gaussian(1.0), **QUIET)
    rows, counts = chosen.multiplicities
    assert rows.tolist() == [0, 1, 2]
    assert counts.tolist() == [4, 4, 4]
    assert chosen.mmd[-1] < 1e-7
