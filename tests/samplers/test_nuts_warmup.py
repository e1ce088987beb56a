"""Warm-up of NUTS: step size, metric, its end, and a run that is cut within it."""

import warnings

import numpy as np
import pytest

import weakchaos as wc
from tests.core.runs import assert_any_split_gives_the_same_bits, assert_same, blocks_of, killed_after_block
from tests.samplers.test_continuous import banana_of
from tests.samplers.test_nuts import quiet
from weakchaos.core.counters import WARMUP_STEPS
from weakchaos.core.errors import ConvergenceWarning
from weakchaos.core.flags import Kind
from weakchaos.samplers.mass import DENSE, LOW_RANK
from weakchaos.samplers.nuts import NUTS
from weakchaos.samplers.warmup import _BUFFER

# Long steps in the tails of a banana or in a funnel do diverge, and a trajectory that ends so is exact still.
pytestmark = pytest.mark.filterwarnings("ignore:this run is not to be trusted.* ended in a divergence")


def test_step_size_settles_where_acceptance_is_wanted():
    """Robbins and Monro's recursion has its root where the mean acceptance is delta, and the average of steps that hardly vary is accepted
    like them (dual averaging as published ends at 0.85 to 0.93 for 0.8)."""
    for delta in (0.6, 0.8, 0.95):
        sampler = NUTS(inverse_mass=np.ones(50), target_accept=delta)
        trace = quiet(wc.zoo.gaussian(np.ones(50)), sampler, draws=500, warmup=1000, chains=4)
        assert (np.ptp(trace.stats["step_size"], axis=1) == 0).all()
        assert np.array_equal(trace.stats["step_size"][:, 0], trace.tuning["step_size"])
        np.testing.assert_allclose(trace.tuning["step_size"], np.exp(trace.tuning["step_averaging"][:, 2]), rtol=1e-14)
        assert trace.stats["acceptance_rate"].mean() == pytest.approx(delta, abs=0.03)


@pytest.mark.parametrize("target", [wc.zoo.eight_schools(), wc.zoo.logistic_regression()], ids=lambda t: t.name)
def test_acceptance_of_posteriors_is_what_was_asked_for(target):
    trace = quiet(target, draws=500, warmup=1000, chains=4)
    assert trace.stats["acceptance_rate"].mean() == pytest.approx(0.8, abs=0.04)


def test_metric_is_near_the_variances():
    sds = np.array([0.01, 0.1, 1.0, 10.0, 100.0])
    trace = quiet(wc.zoo.gaussian(sds), draws=200, warmup=1000)
    np.testing.assert_allclose(np.log(trace.tuning["inverse_mass"] / sds**2), 0.0, atol=0.4)
    assert trace.stats["n_steps"].mean() < 20  # with unit masses a trajectory has thousands


def test_what_is_given_stays():
    given = quiet(banana_of(), NUTS(0.25, (2.0, 0.5)), draws=50, warmup=200)
    assert (given.tuning["step_size"] == 0.25).all()
    assert (given.tuning["inverse_mass"] == [2.0, 0.5]).all()
    half = quiet(banana_of(), NUTS(inverse_mass=(2.0, 0.5)), draws=50, warmup=200)
    assert (half.tuning["inverse_mass"] == [2.0, 0.5]).all()
    assert half.tuning["step_size"][0] != given.tuning["step_size"][0]
    other = quiet(banana_of(), NUTS(0.25), draws=50, warmup=200)
    assert (other.tuning["step_size"] == 0.25).all()
    assert not np.array_equal(other.tuning["inverse_mass"], given.tuning["inverse_mass"])


def test_warm_up_ends_when_it_has_settled_and_says_after_how_many_steps():
    trace = quiet(wc.zoo.eight_schools(), draws=50, warmup=1000, chains=4, keep_warmup=True)
    steps = trace.tuning["warmup_steps"]
    assert (steps < 500).all()
    assert steps.tolist() == [s.counters[WARMUP_STEPS] for s in trace.states]
    assert (trace.tuning["settled"] + _BUFFER == steps).all()
    assert trace.warmup.shape[1] == steps.min()
    assert not any(name.startswith(("window", "pooled_", "previous", "suggested")) for name in trace.tuning)
    assert Kind.UNSETTLED not in [f.kind for f in trace.check()]


def test_a_warm_up_that_never_settles_is_said():
    """The scales of a funnel differ by e**9 between places that hold most of it, so that windows suggest metrics that do not agree."""
    with pytest.warns(ConvergenceWarning) as caught:
        trace = quiet(wc.zoo.funnel(10), draws=20, warmup=600, chains=4)
    assert any("had not settled after 600 steps" in str(w.message) for w in caught)
    assert (trace.tuning["settled"] == 0).any()
    assert trace.tuning["warmup_steps"].max() == 600


def test_short_warm_up_is_as_long_as_it_was_asked_to_be():
    for n in (1, 19, 25, 60):
        trace = quiet(banana_of(), draws=10, warmup=n)
        assert (trace.tuning["warmup_steps"] == n).all()
        assert np.isfinite(trace.tuning["step_size"]).all()


def test_a_dense_metric_is_found_where_one_is_needed_and_only_there():
    turned = quiet(wc.zoo.ill_conditioned_gaussian(20, 1e4), draws=100, warmup=1000)
    assert (turned.tuning["metric"] == DENSE).all()
    for factor in turned.tuning["factor"]:
        whitened = np.linalg.solve(factor, np.cov(wc.zoo.ill_conditioned_gaussian(20, 1e4).simulate(50_000, 1).T))
        lengths = np.linalg.eigvalsh(np.linalg.solve(factor, whitened.T))
        assert lengths.max() / lengths.min() < 1.5  # with a diagonal metric it is 1e4 / 3
    diagonal = quiet(wc.zoo.ill_conditioned_gaussian(20, 1e4), NUTS(metric="diagonal"), draws=100, warmup=1000)
    assert diagonal.stats["n_steps"].mean() > 5 * turned.stats["n_steps"].mean()


def test_a_low_rank_finds_long_directions_of_many_coordinates():
    rng = np.random.default_rng(3)
    u = np.linalg.qr(rng.normal(size=(200, 2)))[0].T
    target = wc.zoo.gaussian(np.eye(200) + 99.0 * np.outer(u[0], u[0]) + 899.0 * np.outer(u[1], u[1]))
    trace = quiet(target, draws=100, warmup=1000)
    assert (trace.tuning["metric"] == LOW_RANK).all()
    for directions, gains in zip(trace.tuning["directions"], trace.tuning["gains"], strict=True):
        assert gains.max() > 5.0
        found = np.linalg.svd(directions[gains > 1.0] @ u.T, compute_uv=False)
        assert found.min() > 0.9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such a chain has not mixed
        diagonal = quiet(target, NUTS(metric="diagonal"), draws=100, warmup=300)
    # A trajectory turns by the many coordinates, long before it is through the long direction.
    jumps = [np.abs(np.diff(t.draws @ u[1], axis=1)).mean() for t in (trace, diagonal)]
    assert jumps[0] > 2 * jumps[1]


@pytest.mark.parametrize("target", [banana_of(), wc.zoo.ill_conditioned_gaussian(140, 10.0)], ids=["dense", "low rank"])
@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_any_split_of_warm_up_gives_the_same_bits(target, steps, monkeypatch):
    options = {"draws": 20, "warmup": 300, "keep_warmup": True}
    assert_any_split_gives_the_same_bits(lambda: quiet(target, **options), steps, monkeypatch)


def test_a_run_killed_inside_of_warm_up_is_resumed_bit_for_bit(tmp_path, monkeypatch):
    blocks_of(20, monkeypatch)
    path, target, options = tmp_path / "run.zarr", wc.zoo.banana(), {"draws": 30, "warmup": 160, "keep_warmup": True}
    with killed_after_block(9, monkeypatch), pytest.raises(SystemExit):
        quiet(target, store=path, **options)
    halted = wc.load(path)
    assert halted.n_draws == 0
    assert 0 < max(s.counters[WARMUP_STEPS] for s in halted.states) < 160
    trace, whole = wc.resume(path, progress=False), quiet(target, **options)
    assert_same(trace, whole)
    assert np.array_equal(trace.warmup, whole.warmup)


def test_without_warm_up_the_first_step_is_found_and_said_to_be_a_guess():
    target = wc.zoo.gaussian([1e-3, 1e-3])
    with pytest.warns(ConvergenceWarning, match=r"without warm-up .* step size .* is a guess.* pass `warmup`"):
        trace = quiet(target, NUTS(), draws=200, warmup=0)
    assert (np.abs(np.log2(trace.tuning["step_size"] / 1e-3)) < 2.5).all()
    assert trace.stats["acceptance_rate"].mean() > 0.3
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*is a guess")
        quiet(target, NUTS(1e-3), draws=10, warmup=0)
        quiet(target, NUTS(), draws=10, warmup=20)


@pytest.mark.parametrize("step_size", [None, 0.2])
def test_an_exception_of_the_user_leaves_a_run_that_goes_on(step_size):
    calls, fails = [0], [True]

    def logp(x):
        calls[0] += 1
        if fails[0] and calls[0] > 900:
            raise RuntimeError("not today")
        return -0.5 * float(x @ x)

    target = wc.Density(logp, 2, lambda x: -x)
    with pytest.raises(RuntimeError, match="not today") as caught:
        quiet(target, NUTS(step_size), draws=300, warmup=150, chains=1)
    fails[0] = False
    trace = wc.extend(caught.value.trace, 300 - caught.value.trace.n_draws, progress=False)
    assert np.array_equal(trace.draws, quiet(target, NUTS(step_size), draws=300, warmup=150, chains=1).draws)
