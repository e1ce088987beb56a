"""The zoo: densities against their definitions, gradients against differences, moments against quadrature, targets made again from names."""

import json
import math
import pickle
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, StoreError
from weakchaos.runs.description import describe, rebuild
from weakchaos.runs.sampling import sample
from weakchaos.runs.verbs import load
from weakchaos.samplers import HMC
from weakchaos.targets import zoo
from weakchaos.targets.zoo.posteriors import DATA, breast_cancer, eight_schools_moments

COVARIANCE = np.array([[2.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 0.5]])
MODES, WIDTHS, SHARES = (
    np.array([[-3.0, 1.0], [2.0, 0.0], [0.0, 4.0]]),
    np.array([[1.0, 0.5], [0.8, 0.7], [0.3, 1.2]]),
    [2.0, 1.0, 1.0],
)
EFFECTS, ERRORS = np.array([28, 8, -3, 7, -1, 1, 18, 12.0]), np.array([15, 10, 16, 11, 9, 11, 10, 18.0])

CASES = {
    "diagonal": lambda: zoo.gaussian([0.5, 2.0, 30.0], mean=[1.0, -2.0, 5.0]),
    "covariance": lambda: zoo.gaussian(COVARIANCE, mean=[1.0, 0.0, -1.0]),
    "correlated": lambda: zoo.correlated_gaussian(-0.8),
    "ill_conditioned": lambda: zoo.ill_conditioned_gaussian(6, 1e3, seed=3),
    "axes": lambda: zoo.ill_conditioned_gaussian(4, 1e3, rotated=False),
    "mixture": lambda: zoo.gaussian_mixture(MODES, WIDTHS, SHARES),
    "banana": lambda: zoo.banana(3.0, -0.2),
    "rosenbrock": lambda: zoo.rosenbrock(mu=-0.5, a=0.3, b=4.0),
    "funnel": lambda: zoo.funnel(4),
    "student_t": lambda: zoo.student_t(7.0, 3),
    "eight_schools": zoo.eight_schools,
    "logistic_regression": zoo.logistic_regression,
}
SIMULATED = [name for name in CASES if name not in ("eight_schools", "logistic_regression")]


@cache
def target(case):
    return CASES[case]()


@cache
def design():
    regressors, benign, _ = breast_cancer()
    return np.column_stack([np.ones(569), (regressors - regressors.mean(0)) / regressors.std(0)]), benign


def on_parabola(x, mean, sd, centre, width):
    return stats.norm.logpdf(x[0], mean, sd) + stats.norm.logpdf(x[1], centre, width)


def eight_schools_density(x):
    mu, tau, theta = x[0], math.exp(x[1]), x[2:]
    prior = stats.norm.logpdf(mu, 0, 5) + stats.halfcauchy.logpdf(tau, scale=5) + x[1] + stats.norm.logpdf(theta).sum()
    return prior + stats.norm.logpdf(EFFECTS, mu + tau * theta, ERRORS).sum()


def logistic_density(x):
    regressors, benign = design()
    margin = regressors @ x
    return -np.logaddexp(0.0, np.where(benign, -margin, margin)).sum() + stats.norm.logpdf(x).sum()


def naive(case, x):
    """Log density written from the definition, with scipy's distributions."""
    if case == "covariance":
        return stats.multivariate_normal.logpdf(x, [1.0, 0.0, -1.0], COVARIANCE)
    if case == "ill_conditioned":
        q, r = np.linalg.qr(np.random.default_rng(3).standard_normal((6, 6)))
        turned = (q @ np.diag(np.sign(np.diag(r)))).T @ x
        return stats.norm.logpdf(turned, 0, 10.0 ** np.linspace(-0.75, 0.75, 6)).sum()
    if case == "mixture":
        parts = [s / 4.0 * np.prod(stats.norm.pdf(x, m, w)) for m, w, s in zip(MODES, WIDTHS, SHARES, strict=True)]
        return math.log(sum(parts))
    return {
        "diagonal": lambda: stats.norm.logpdf(x, [1, -2, 5], [0.5, 2, 30]).sum(),
        "correlated": lambda: stats.multivariate_normal.logpdf(x, [0, 0], [[1, -0.8], [-0.8, 1]]),
        "axes": lambda: stats.norm.logpdf(x, 0, 10.0 ** np.linspace(-0.75, 0.75, 4)).sum(),
        "banana": lambda: on_parabola(x, 0, 3, -0.2 * (x[0] ** 2 - 9), 1),
        "rosenbrock": lambda: -0.3 * (x[0] + 0.5) ** 2 - 4 * (x[1] - x[0] ** 2) ** 2,
        "funnel": lambda: stats.norm.logpdf(x[0], 0, 3) + stats.norm.logpdf(x[1:], 0, math.exp(x[0] / 2)).sum(),
        "student_t": lambda: stats.multivariate_t.logpdf(x, np.zeros(3), np.eye(3), 7),
        "eight_schools": lambda: eight_schools_density(x),
        "logistic_regression": lambda: logistic_density(x),
    }[case]()


def places(case, n, seed):
    """Typical points, and the same number twice as far out."""
    t, rng = target(case), np.random.default_rng(seed)
    x = t.means + t.sds * np.clip(rng.standard_normal((2 * n, t.dim)), -2.5, 2.5)
    if case == "funnel":
        x[:, 1:] *= np.exp(x[:, :1] / 2) / t.sds[1:]
    x[n:] = t.means + 2 * (x[n:] - t.means)
    return x


@pytest.mark.parametrize("case", CASES)
def test_log_density_is_the_definition_up_to_a_constant(case):
    points = places(case, 10, seed=1)
    ours, oracle = np.array([target(case).logp(x) for x in points]), np.array([naive(case, x) for x in points])
    np.testing.assert_allclose(ours - ours[0], oracle - oracle[0], rtol=1e-9, atol=1e-9 * np.abs(oracle).max())


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("case", CASES)
def test_gradient_is_the_derivative(case, seed):
    t = target(case)
    for x in places(case, 1, seed):
        gradient, value = t.gradient(x), t.logp(x)
        # The width of the density at this place, along each coordinate, sets the step.
        scale = np.minimum(1.0, t.sds) if case != "funnel" else np.minimum(1.0, np.exp(x[0] / 2)) * np.ones(t.dim)
        for i, h in enumerate(1e-3 * scale):
            near, far = ([t.logp(x + k * h * np.eye(t.dim)[i]) for k in (-m, m)] for m in (1, 2))
            difference = (8 * (near[1] - near[0]) - (far[1] - far[0])) / (12 * h)
            assert abs(gradient[i] - difference) <= 1e-7 * np.abs(gradient).max() + 1e-13 * (1 + abs(value)) / h + 1e-8


# ---- moments -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["diagonal", "covariance", "correlated", "ill_conditioned", "axes"])
def test_moments_of_a_gaussian_follow_from_its_gradient(case):
    t = target(case)
    np.testing.assert_allclose(t.gradient(t.means), 0.0, atol=1e-12)
    precision = -np.array([t.gradient(t.means + e) for e in np.eye(t.dim)])
    np.testing.assert_allclose(np.sqrt(np.diag(np.linalg.inv(precision))), t.sds, rtol=1e-9)
    if case == "covariance":
        np.testing.assert_allclose(np.linalg.inv(precision), COVARIANCE, atol=1e-12)
    if case in ("ill_conditioned", "axes"):
        variances = 1 / np.linalg.eigvalsh(precision)[::-1]
        np.testing.assert_allclose(np.diff(np.log(variances)), math.log(1e3) / (t.dim - 1), rtol=1e-9)


def moments_by_quadrature(t, first, low, high, second, scale=lambda u: 1.0, shift=lambda u: 0.0):
    """Means and standard deviations of a two-dimensional density by the trapezoidal rule, in x = (u, shift(u) + scale(u) w)."""
    u, w = np.arange(low, high, first), np.arange(-9.5, 9.5, second)
    x = np.array([(a, shift(a) + scale(a) * b) for a in u for b in w])
    weight = np.exp([t.logp(row) for row in x]) * np.repeat([scale(a) for a in u], len(w))
    weight /= weight.sum()
    mean = weight @ x
    return mean, np.sqrt(weight @ (x - mean) ** 2)


@pytest.mark.parametrize(
    ("t", "grid"),
    [
        (lambda: zoo.banana(3.0, -0.2), {"first": 0.5, "low": -25, "high": 25, "shift": lambda u: -0.2 * u * u}),
        (lambda: zoo.rosenbrock(-0.5, 0.3, 4.0), {"first": 0.2, "low": -12, "high": 11, "shift": lambda u: u * u, "scale": lambda u: 0.5}),
        # The weight exp(v) in E x_1^2 moves the peak from 0 to 9.
        (lambda: zoo.funnel(2), {"first": 1.0, "low": -27, "high": 37, "scale": lambda u: math.exp(u / 2)}),
        (lambda: zoo.gaussian_mixture([[-3.0, 1.0], [2.0, -1.0]], [[1.0, 0.5], [0.8, 0.7]], [2.0, 1.0]), {"first": 0.25, "low": -11, "high": 9}),
    ],
    ids=["banana", "rosenbrock", "funnel", "mixture"],
)  # fmt: skip
def test_stated_moments_are_those_of_the_density(t, grid):
    t = t()
    means, sds = moments_by_quadrature(t, **grid, second=0.25)
    np.testing.assert_allclose(means, t.means, atol=1e-7)
    np.testing.assert_allclose(sds, t.sds, rtol=1e-7)


@pytest.mark.parametrize(("dof", "dim"), [(2.5, 1), (7.0, 3)])
def test_variance_of_student_t_by_its_radial_integral(dof, dim):
    t = zoo.student_t(dof, dim)
    axis = np.eye(dim)[0]
    norm, second = (
        integrate.quad(lambda r, k=k: r ** (dim - 1 + k) * math.exp(t.logp(r * axis)), 0, np.inf, limit=200)[0] for k in (0, 2)
    )
    np.testing.assert_allclose(second / norm / dim, t.sds**2, rtol=1e-6)


def test_student_t_states_only_moments_that_exist():
    assert zoo.student_t(2.0).sds is None
    assert zoo.student_t(2.0).means is not None
    assert zoo.student_t(1.0).means is None


def stein_scores(t, draws):
    """Standardised averages, one a coordinate, whose expectation is 0 for draws of exactly this density (Stein's identity)."""
    z = (draws - t.means) / t.sds
    damping = np.exp(-np.square(z).sum(1) / 8)[:, None]  # bounded test functions: no tail can spoil the variance
    gradient = np.array([t.gradient(x) for x in draws])
    values = damping * ((draws - t.means) * gradient + 1 - z**2 / 4)
    return values.mean(0) / (values.std(0) / math.sqrt(len(draws)))


@pytest.mark.parametrize("case", SIMULATED)
def test_exact_draws_have_the_density(case):
    t = target(case)
    draws = t.simulate(10_000, seed=5)
    assert draws.shape == (10_000, t.dim)
    assert np.abs(stein_scores(t, draws)).max() < 5
    assert np.abs(stein_scores(t, t.means + 1.2 * (draws - t.means))).max() > 5
    if (
        case != "funnel"
    ):  # the fourth moment of x_i is exp(13.5) times the square of its second: no run shows its standard deviation
        z = (draws - t.means) / t.sds
        assert np.abs(z.mean(0)).max() * 100 < 5
        assert np.abs((z**2).mean(0) - 1).max() / (z**2).std(0).max() * 100 < 5


def test_a_condition_number_beyond_double_precision_is_kept():
    t = zoo.ill_conditioned_gaussian(5, 1e24)
    draws = t.simulate(4000, seed=2)
    # -2 log p is chi-squared with 5 degrees of freedom; a precision matrix has lost the soft directions.
    values = np.array([-2 * t.logp(x) for x in draws])
    assert abs(values.mean() - 5) / math.sqrt(10 / 4000) < 5
    root = t.simulate(5, seed=0)
    precision = -np.array([t.gradient(e) for e in np.eye(5)])
    by_matrix = np.einsum("ni,ij,nj->n", draws, precision, draws)
    assert not abs(by_matrix.mean() - 5) / math.sqrt(10 / 4000) < 5
    assert root.shape == (5, 5)


# ---- posteriors --------------------------------------------------------------------------------------------------------------------


def test_eight_schools_by_adaptive_quadrature():
    def weight(log_tau):
        # The posterior of (mu, log tau): effects integrate out, mu by a trapezoidal rule on its Gaussian.
        mu, tau = np.arange(-45.0, 50.0, 0.5), math.exp(log_tau)
        variance = ERRORS**2 + tau**2
        log_p = stats.norm.logpdf(EFFECTS, mu[:, None], np.sqrt(variance)).sum(1) + stats.norm.logpdf(mu, 0, 5)
        p = np.exp(log_p + stats.halfcauchy.logpdf(tau, scale=5) + log_tau + 30)
        theta = tau * (EFFECTS - mu[:, None]) / variance
        each = np.column_stack(
            [
                np.ones(len(mu)),
                mu,
                np.full(len(mu), log_tau),
                theta,
                mu**2,
                np.full(len(mu), log_tau**2),
                theta**2 + ERRORS**2 / variance,
            ]
        )
        return p @ each

    total = integrate.quad_vec(weight, -30, 10, epsabs=1e-13, epsrel=1e-9, points=(0.0, 2.0))[0]
    first, second = total[1:11] / total[0], total[11:] / total[0]
    np.testing.assert_allclose(target("eight_schools").means, first, atol=1e-7)
    np.testing.assert_allclose(target("eight_schools").sds, np.sqrt(second - first**2), atol=1e-7)


def test_eight_schools_agrees_with_posteriordb():
    """Reference means and their Monte Carlo standard errors of theta[1..8], mu, tau from eight_schools-eight_schools_noncentered."""
    means = [6.15050, 4.93958, 3.90591, 4.79602, 3.61444, 4.05115, 6.31717, 4.88400, 4.41052, 3.60206]
    errors = [0.05574, 0.04623, 0.05423, 0.04749, 0.04615, 0.04852, 0.04988, 0.05425, 0.03304, 0.03186]
    moments = eight_schools_moments()
    ours = np.array([*moments.mean_effects, moments.means[0], moments.mean_tau])
    assert np.abs((ours - means) / errors).max() < 4
    assert np.abs((ours * 1.1 - means) / errors).max() > 4


def batch_scores(t, means, sds, trace, batches=20):
    """Differences of a run from stated means and variances in standard errors by batch means; shape (2, dim)."""
    draws = np.asarray(trace.draws)
    chains, n, dim = draws.shape
    z = (draws - means) / sds
    parts = np.stack([z, z**2 - 1]).reshape(2, chains * batches, n // batches, dim).mean(2)
    return parts.mean(1) / (parts.std(1, ddof=1) / math.sqrt(chains * batches))


@pytest.mark.parametrize(
    ("case", "sampler", "draws"),
    [("eight_schools", HMC(0.35, 7), 10_000), ("logistic_regression", HMC(0.13, 11), 3000)],
)
def test_posterior_moments_agree_with_a_run(case, sampler, draws):
    t = target(case)
    trace = sample(t, sampler, draws=draws, warmup=300, chains=4, seed=7, progress=False)
    assert np.abs(batch_scores(t, t.means, t.sds, trace)).max() < 5
    assert np.abs(batch_scores(t, t.means + 0.15 * t.sds, t.sds, trace)).max() > 5
    assert np.abs(batch_scores(t, t.means, 1.15 * t.sds, trace)).max() > 5


def test_reference_of_the_logistic_regression_states_small_errors():
    t, stored = target("logistic_regression"), json.loads((DATA / "breast_cancer_reference.json").read_text())
    assert stored["names"] == t.names
    assert np.max(np.divide(stored["mean_errors"], t.sds)) < 0.002
    assert np.max(np.divide(stored["sd_errors"], t.sds)) < 0.002
    assert "standard errors" in t.source


def test_data_are_those_of_scikit_learn():
    datasets = pytest.importorskip("sklearn.datasets")
    loaded, (regressors, benign, names) = datasets.load_breast_cancer(), breast_cancer()
    np.testing.assert_array_equal(regressors, loaded.data)
    np.testing.assert_array_equal(benign, loaded.target == list(loaded.target_names).index("benign"))
    assert names == list(loaded.feature_names)


# ---- places where arithmetic is delicate -------------------------------------------------------------------------------------------


def test_no_nan_far_from_the_mass():
    funnel, schools = target("funnel"), target("eight_schools")
    assert np.isfinite(funnel.logp([-800.0, 0.0, 0.0, 0.0]))
    assert funnel.logp([-800.0, 1.0, 0.0, 0.0]) == -math.inf
    assert schools.logp([0.0, 301.0, *np.zeros(8)]) == -math.inf
    assert np.isfinite(schools.logp([0.0, 299.0, *np.zeros(8)]))
    assert np.isfinite(schools.logp([0.0, -800.0, *np.zeros(8)]))
    far = np.zeros(31)
    far[0] = 1e5  # every benign case certain, every malignant one impossible: -1e5 each
    assert target("logistic_regression").logp(far) == pytest.approx(-212e5 - 0.5e10, rel=1e-12)
    assert target("mixture").logp([1e6, 1e6]) < -1e11


# ---- made again --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_rebuilt_from_plain_data(case):
    t, arrays = target(case), {}
    data = json.loads(json.dumps(describe(t, arrays)))
    again = rebuild(data, arrays)
    x = places(case, 1, seed=3)[0]
    assert type(again) is zoo.ZooDensity
    assert again.logp(x) == t.logp(x)
    assert again.names == t.names
    assert again.source == t.source
    np.testing.assert_array_equal(again.gradient(x), t.gradient(x))
    np.testing.assert_array_equal(again.means, t.means)
    np.testing.assert_array_equal(again.sds, t.sds)
    np.testing.assert_array_equal(again.random_start(np.random.default_rng(0)), t.random_start(np.random.default_rng(0)))


@pytest.mark.parametrize("case", CASES)
def test_pickled_by_name_and_arguments(case):
    t = target(case)
    data = pickle.dumps(t)
    assert b"numba" not in data
    assert len(data) < 2000
    x = places(case, 1, seed=3)[0]
    assert pickle.loads(data).logp(x) == t.logp(x)


def test_a_trace_on_disk_knows_its_target(tmp_path):
    t = target("mixture")
    trace = sample(t, HMC(0.3, 5), draws=20, warmup=0, chains=1, seed=1, progress=False)
    trace.save(tmp_path / "run.npz")
    again = load(tmp_path / "run.npz").system.target
    assert repr(again) == repr(t)
    assert again.logp([0.5, 0.5]) == t.logp([0.5, 0.5])


def test_names_and_defaults():
    assert set(zoo.names()) == set(zoo.__all__) - {"ZooDensity", "make", "names"}
    for name in zoo.names():
        t = zoo.make(name)
        assert t.name == name
        assert repr(t).startswith(f"<zoo.{name}(")
        assert t.means.shape == t.sds.shape == (t.dim,)
        assert t.source
        assert np.isfinite(t.logp(t.random_start(np.random.default_rng(0))))
        assert t.check_gradient(t.random_start(np.random.default_rng(1))) is None


def test_import_compiles_nothing_and_needs_no_optional_package():
    code = (
        "import sys; from weakchaos.targets.zoo import gaussians, posteriors, shapes\n"
        "from numba.core.dispatcher import Dispatcher\n"
        "made = [f for m in (gaussians, posteriors, shapes) for f in vars(m).values() if isinstance(f, Dispatcher)]\n"
        "assert len(made) == 8, made\n"
        "assert not any(f.signatures for f in made)\n"
        "assert not {'sklearn', 'scipy.linalg', 'scipy.stats', 'matplotlib', 'zarr'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# ---- refusals ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: zoo.gaussian([1.0, -1.0]), "`sds_or_cov`"),
        (lambda: zoo.gaussian([]), "`sds_or_cov`"),
        (lambda: zoo.gaussian([1.0, math.nan]), "`sds_or_cov`"),
        (lambda: zoo.gaussian([[1.0, 0.5], [0.4, 1.0]]), "symmetric"),
        (lambda: zoo.gaussian([[1.0, 2.0], [2.0, 1.0]]), "positive definite"),
        (lambda: zoo.gaussian([[1.0, 2.0]]), "`sds_or_cov`"),
        (lambda: zoo.gaussian(np.ones((2, 2, 2))), "`sds_or_cov`"),
        (lambda: zoo.gaussian([1.0, 1.0], mean=[0.0]), "`mean`"),
        (lambda: zoo.correlated_gaussian(1.0), "`rho`"),
        (lambda: zoo.ill_conditioned_gaussian(3, 0.5), "`condition_number`"),
        (lambda: zoo.ill_conditioned_gaussian(1, 10.0), "`condition_number`"),
        (lambda: zoo.ill_conditioned_gaussian(2.5), "`dim`"),
        (lambda: zoo.ill_conditioned_gaussian(3, seed=-1), "`seed`"),
        (lambda: zoo.gaussian_mixture([1.0, 2.0]), "`means`"),
        (lambda: zoo.gaussian_mixture([[1.0], [2.0]], sds=[1.0, 0.0]), "`sds`"),
        (lambda: zoo.gaussian_mixture([[1.0], [2.0]], weights=[1.0]), "`weights`"),
        (lambda: zoo.banana(a=0.0), "`a`"),
        (lambda: zoo.banana(b=math.inf), "`b`"),
        (lambda: zoo.rosenbrock(b=-1.0), "`b`"),
        (lambda: zoo.funnel(1), "`dim`"),
        (lambda: zoo.funnel(True), "`dim`"),
        (lambda: zoo.student_t(0.0), "`dof`"),
        (lambda: zoo.make("bananas"), "`name`"),
        (lambda: zoo.eight_schools().simulate(3), "no exact draws"),
        (lambda: zoo.banana().simulate(-1), "`n`"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_wrong_types_and_unknown_entries_are_refused():
    with pytest.raises(ArgumentTypeError, match="`sds_or_cov`"):
        zoo.gaussian(["a"])
    with pytest.raises(ArgumentTypeError, match="`rotated`"):
        zoo.ill_conditioned_gaussian(3, rotated="no")
    with pytest.raises(ArgumentTypeError, match="`a`"):
        zoo.banana(a="10")
    with pytest.raises(ArgumentTypeError, match=r"`dims` is not an argument of zoo\.funnel, which takes dim"):
        zoo.make("funnel", dims=3)
    with pytest.raises(StoreError, match=r"zoo\.unheard"):
        zoo.ZooDensity.from_spec({"entry": "unheard", "arguments": {}}, {})
