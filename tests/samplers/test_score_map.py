"""Maps learned from scores: exact for the families they can be exact for, refused where they explain nothing, and the sampler behind them."""

import math

import numpy as np
import pytest
from numba import njit

import weakchaos as wc
from tests.calibration import LEVEL, Case, Model, exact_chance, mutant
from tests.conformance import check_expectations
from tests.core.runs import assert_any_split_gives_the_same_bits, assert_same, blocks_of, killed_after_block
from weakchaos.core.counters import GRADIENTS, WARMUP_GRADIENTS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from weakchaos.core.flags import Kind
from weakchaos.runs.convergence import effective_size, normal_scores, rank_rhat, split
from weakchaos.samplers.score_fit import fit_map
from weakchaos.samplers.score_map import ScoreMap
from weakchaos.targets.pulled_back import PulledBack, new_map


@njit
def rosenbrock36(x, out):
    """18 pairs, x0 ~ N(1, 1) and x1 ~ N(x0^2, 0.1)."""
    total = 0.0
    for i in range(0, x.size, 2):
        r = x[i + 1] - x[i] * x[i]
        total -= 0.5 * (x[i] - 1.0) ** 2 + 5.0 * r * r
        out[i], out[i + 1] = -(x[i] - 1.0) + 20.0 * x[i] * r, -10.0 * r
    return total


@njit
def levels(x, out):
    """mu ~ N(2, 1), log tau ~ N(0, 1), x ~ N(3, tau^2): a scale with a mean that is not 0."""
    tau, total = math.exp(x[1]), -0.5 * (x[0] - 2.0) ** 2 - 0.5 * x[1] ** 2
    out[0], out[1] = 2.0 - x[0], -x[1]
    for i in range(2, x.size):
        z = (x[i] - 3.0) / tau
        total -= 0.5 * z * z + x[1]
        out[i] = -z / tau
        out[1] += z * z - 1.0
    return total


def rosenbrock(dim=36):
    return wc.Density(logp_and_grad=rosenbrock36, dim=dim)


MEMBERS = {
    "banana": wc.zoo.banana,
    "Rosenbrock": rosenbrock,
    "valley": wc.zoo.rosenbrock,
    "funnel": lambda: wc.zoo.funnel(10),
    "levels": lambda: wc.Density(logp_and_grad=levels, dim=5),
    "correlated": wc.zoo.correlated_gaussian,
}


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("seed", [1, 2])
def test_members_of_the_family_are_pulled_back_to_a_standard_normal(name, seed):
    """From few points that are no draws of the target: log q(z) + |z|^2 / 2 is constant."""
    target, rng = MEMBERS[name](), np.random.default_rng(seed)
    x = rng.normal(size=(80, target.dim)) * 1.5
    rows, explained = fit_map(x, np.array([target.gradient(row) for row in x]))
    np.testing.assert_allclose(explained, 1.0, atol=1e-2)
    z = rng.normal(size=(20, target.dim))
    pulled = PulledBack(target, rows)
    constant = np.array([pulled.logp(row) + 0.5 * row @ row for row in z])
    np.testing.assert_allclose(constant, constant[0], atol=0.1)


@pytest.mark.parametrize("target", [wc.zoo.student_t(), wc.zoo.gaussian_mixture()], ids=lambda t: t.name)
def test_where_nothing_is_explained_the_map_is_refused(target):
    x = target.simulate(100, 3)
    rows, explained = fit_map(x, np.array([target.gradient(row) for row in x]))
    assert not explained.any()
    np.testing.assert_array_equal(rows, new_map(target.dim))


def test_too_few_points_teach_nothing():
    x = np.random.default_rng(1).normal(size=(10, 2))
    assert not fit_map(x, np.array([wc.zoo.banana().gradient(row) for row in x]))[1].any()


@pytest.mark.parametrize("seed", range(30))
def test_points_of_any_kind_give_a_map_of_finite_numbers(seed):
    """Heavy tails, units from 1e-8 to 1e8, coordinates that stand still, repeated points, gradients of 0, numbers whose squares overflow."""
    rng = np.random.default_rng(seed)
    dim, n = int(rng.integers(1, 8)), int(rng.integers(16, 120))
    x, g = (rng.standard_t(1, size=(n, dim)) * 10.0 ** rng.integers(-8, 8, size=dim) for _ in range(2))
    if seed % 3 == 0:
        x[:, 0] = 0.0
    if seed % 4 == 0:
        g[:, -1] = 0.0
    if seed % 5 == 0:
        x[::2], g[::2] = x[0], g[0]
    if seed % 7 == 0:
        x[3] = 1e200
    rows, explained = fit_map(x, g)
    assert np.isfinite(rows).all()
    assert ((explained >= 0.0) & (explained <= 1.0)).all()


# ---- the sampler ---------------------------------------------------------------------------------------------------------------------


def quiet(target, sampler=None, **options):
    return wc.sample(target, sampler or ScoreMap(), **{"chains": 2, "seed": 3, "progress": False, **options})


def per_thousand(trace):
    """Effective draws per 1,000 gradients, warm-up included: the least over coordinates of x, and of x and x^2."""
    gradients = sum(int(s.counters[GRADIENTS] + s.counters[WARMUP_GRADIENTS]) for s in trace.states)
    sizes = [
        [effective_size(normal_scores(split(f(trace.draws[..., k])))) for k in range(trace.draws.shape[2])]
        for f in (np.asarray, np.square)
    ]
    return 1e3 * min(sizes[0]) / gradients, 1e3 * np.min(sizes) / gradients


def test_draws_of_a_funnel():
    trace = quiet(wc.zoo.funnel(10), draws=1500, warmup=400, chains=4)
    x = trace.draws
    back = np.concatenate([x[..., :1] / 3.0, x[..., 1:] * np.exp(-0.5 * x[..., :1])], 2)
    check_expectations(np.concatenate([back, back**2, back[..., :1] < -2.0], 2), [0.0] * 10 + [1.0] * 10 + [0.022750131948])
    assert max(rank_rhat(x[..., k]) for k in range(10)) < 1.01
    assert per_thousand(trace)[0] > 50.0
    # The variance is e**4.5, and a few draws of the mouth decide what is seen of it.
    assert {flag.kind for flag in trace.check()} == {Kind.HEAVY_TAILS}


@pytest.mark.parametrize("target", [wc.zoo.banana(), rosenbrock()], ids=["banana", "Rosenbrock"])
def test_bent_targets_are_drawn_from_nearly_independently(target):
    trace = quiet(target, draws=1000, warmup=500, chains=4)
    assert per_thousand(trace)[1] > 50.0
    x = trace.draws
    scaled = np.concatenate([x[..., :1] / 10.0, x[..., 1:] - 0.03 * (x[..., :1] ** 2 - 100.0)], 2) if target.dim == 2 else np.concatenate([x[..., ::2] - 1.0, (x[..., 1::2] - x[..., ::2] ** 2) / np.sqrt(0.1)], 2)  # fmt: skip
    check_expectations(np.concatenate([scaled, scaled**2], 2), [0.0] * target.dim + [1.0] * target.dim)


@pytest.mark.parametrize(
    "inner", [wc.samplers.WALNUTS(), wc.samplers.HMC(0.5, 4), wc.samplers.RandomWalkMetropolis()], ids=lambda s: type(s).__name__
)
def test_other_inner_samplers(inner):
    trace = quiet(
        wc.zoo.banana(),
        ScoreMap(inner),
        draws=2000,
        warmup=300,
        chains=4,
        thin=20 if isinstance(inner, wc.samplers.RandomWalkMetropolis) else 1,
    )
    z = np.concatenate([trace.draws[..., :1] / 10.0, trace.draws[..., 1:] - 0.03 * (trace.draws[..., :1] ** 2 - 100.0)], 2)
    check_expectations(np.concatenate([z, z**2], 2), [0.0, 0.0, 1.0, 1.0])


@njit
def weak_funnel(x, out, y):
    """v ~ N(0, 1), x_i ~ N(0, e^v), y_i ~ N(x_i, 20^2): data that say little."""
    total, precision = -0.5 * x[0] * x[0], math.exp(-x[0])
    out[0] = -x[0]
    for i in range(1, x.size):
        r = (y[i - 1] - x[i]) / 20.0
        total -= 0.5 * (x[i] * x[i] * precision + x[0] + r * r)
        out[i] = r / 20.0 - x[i] * precision
        out[0] += 0.5 * (x[i] * x[i] * precision - 1.0)
    return total


def prior_of_funnel(rng):
    z = rng.normal(size=5)
    return np.concatenate([z[:1], z[1:] * np.exp(0.5 * z[0])])


WEAK_FUNNEL = Model(5, 4, prior_of_funnel, lambda rng, x: rng.normal(x[1:], 20.0), weak_funnel)


def test_ranks_are_uniform_where_the_map_changes_scales():
    assert exact_chance(Case(ScoreMap(), warmup=100), WEAK_FUNNEL, 600, seed=2) > LEVEL


def test_a_jacobian_left_out_is_found():
    pulled = mutant("weakchaos.targets.pulled_back", ("    out[0] += jacobian\n", ""))
    broken = mutant("weakchaos.samplers.score_map", ("from weakchaos.targets.pulled_back import", f"from {pulled.__name__} import"))
    assert exact_chance(Case(broken.ScoreMap(), warmup=100), WEAK_FUNNEL, 600, seed=2) < LEVEL


def test_log_densities_are_those_of_the_target():
    target = wc.zoo.funnel(4)
    trace = quiet(target, draws=50, warmup=150, keep_warmup=True)
    for draws, stats in ((trace.draws, trace.stats), (trace.warmup, trace.warmup_stats)):
        expected = [[target.logp(x) for x in chain] for chain in draws]
        np.testing.assert_allclose(stats["lp"], expected, rtol=1e-9, atol=1e-9)


def test_a_short_warm_up_learns_no_map():
    with pytest.warns(ConvergenceWarning, match="in 2 of 2 chains no coordinate was explained"):
        trace = quiet(wc.zoo.correlated_gaussian(), draws=20, warmup=50)
    assert not trace.tuning["map_explained"].any()
    assert [flag.kind for flag in trace.flags] == [Kind.NO_MAP]


def test_points_are_kept_in_warm_up_alone():
    trace = quiet(wc.zoo.banana(), draws=20, warmup=200)
    assert trace.tuning["map_points"].shape[1] == 0
    assert (trace.tuning["map_explained"] > 0.99).all()


@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_any_split_of_warm_up_gives_the_same_bits(steps, monkeypatch):
    options = {"draws": 20, "warmup": 120, "keep_warmup": True}
    assert_any_split_gives_the_same_bits(lambda: quiet(wc.zoo.banana(), **options), steps, monkeypatch)


def test_a_run_killed_inside_of_warm_up_is_resumed_bit_for_bit(tmp_path, monkeypatch):
    blocks_of(20, monkeypatch)
    path, options = tmp_path / "run.zarr", {"draws": 30, "warmup": 160, "keep_warmup": True}
    with killed_after_block(5, monkeypatch), pytest.raises(SystemExit):
        quiet(wc.zoo.banana(), store=path, **options)
    trace, whole = wc.resume(path, progress=False), quiet(wc.zoo.banana(), **options)
    assert_same(trace, whole)
    assert np.array_equal(trace.warmup, whole.warmup)


@pytest.mark.parametrize("after", [60, 900])
def test_an_exception_of_the_user_leaves_a_run_that_goes_on(after):
    calls, fails = [0], [True]

    def both(x):
        calls[0] += 1
        if fails[0] and calls[0] > after:
            raise RuntimeError("not today")
        r = x[1] - x[0] ** 2
        return -0.5 * (x[0] ** 2 + r * r), np.array([-x[0] + 2.0 * x[0] * r, -r])

    target = wc.Density(logp_and_grad=both, dim=2)
    with pytest.raises(RuntimeError, match="not today") as caught:
        quiet(target, draws=300, warmup=100, chains=1)
    fails[0] = False
    trace = wc.extend(caught.value.trace, 300 - caught.value.trace.n_draws, progress=False)
    assert np.array_equal(trace.draws, quiet(target, draws=300, warmup=100, chains=1).draws)


def test_running_averages_are_those_of_the_draws():
    draws = quiet(wc.zoo.banana(), draws=1500, warmup=100)
    averages = quiet(wc.zoo.banana(), draws=1500, warmup=100, record="averages")
    np.testing.assert_allclose(averages.mean(), draws.mean(), rtol=1e-10)


@pytest.mark.parametrize("inner", ["NUTS", wc.samplers.NUTS, ScoreMap()])
def test_inner_samplers_that_make_no_sense(inner):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`inner` must"):
        ScoreMap(inner)
