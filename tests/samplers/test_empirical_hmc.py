"""HMC whose length is learned: against a slow oracle, the turns of Gaussians, the warm-up of chains that adapt together."""

import math
import warnings
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from scipy.special import ndtri

import weakchaos as wc
from tests.conformance import check_invariance
from tests.core.runs import KilledError, assert_any_split_gives_the_same_bits, assert_same, blocks_of, killed_at_commit
from tests.samplers.test_continuous import banana_of, naive_banana, uniforms_of
from weakchaos.core.counters import GRADIENTS, WARMUP_STEPS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from weakchaos.samplers import HMC, MALA, WALNUTS, GeneralizedHMC, empirical_hmc
from weakchaos.samplers.empirical_hmc import EmpiricalHMC
from weakchaos.samplers.mass import DENSE
from weakchaos.samplers.nuts import NUTS
from weakchaos.samplers.step_adaptation import window_ends
from weakchaos.samplers.warmup import next_meeting

# Long steps in the tails of a banana do diverge, and a trajectory that ends so is refused, which is exact still.
pytestmark = pytest.mark.filterwarnings("ignore:this run is not to be trusted.* ended in a divergence")


def quiet(target, sampler=None, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return wc.sample(target, sampler or EmpiricalHMC(), **{"chains": 3, "seed": 3, "progress": False, **options})


# ---- the steps ---------------------------------------------------------------------------------------------------------------------


def slow(logp, gradient, x, uniforms, step_size, factor, length, n):
    """Draws, acceptance probabilities and leapfrog steps, with two half kicks a step in the coordinates y of ``x = factor y``."""
    u, y, rows = iter(uniforms), np.linalg.solve(factor, x), []

    def energy(y, p):
        return 0.5 * p @ p - logp(factor @ y)

    for _ in range(n):
        wanted = length * (1.0 + 0.2 * (2.0 * next(u) - 1.0)) / step_size
        steps = max(1, math.floor(wanted + next(u)))
        p = np.array([ndtri(next(u)) for _ in y])
        q, start, chance = y, energy(y, p), next(u)
        for _ in range(steps):
            p = p + 0.5 * step_size * factor.T @ gradient(factor @ q)
            q = q + step_size * p
            p = p + 0.5 * step_size * factor.T @ gradient(factor @ q)
        probability = math.exp(min(0.0, start - energy(q, p)))
        y = q if chance < probability else y
        rows.append((*(factor @ y), probability, steps))
    return np.array(rows)


@pytest.mark.parametrize("inverse_mass", [((2.0, 0.0), (0.0, 0.5)), ((1.4, -0.8), (-0.8, 0.9))])
@pytest.mark.parametrize(("step_size", "length"), [(0.3, 1.6), (0.15, 3.0), (0.7, 0.5)])
def test_steps_are_those_of_a_slow_oracle(step_size, length, inverse_mass):
    system = EmpiricalHMC(step_size, inverse_mass, length).bind(banana_of())
    state = system.start(3)
    expected = slow(
        *naive_banana(), state.phase, uniforms_of(system, state, 2000), step_size, np.linalg.cholesky(inverse_mass), length, 25
    )
    draws, stats = np.empty((25, 2)), np.empty((25, 7))
    assert system.run(state, 25, 1, draws, stats, np.empty(0)) == 25
    np.testing.assert_allclose(draws, expected[:, :2], rtol=0, atol=1e-8)
    np.testing.assert_allclose(stats[:, [1, 6]], expected[:, 2:], rtol=1e-6, atol=1e-8)
    assert len(np.unique(stats[:, 6])) > 1 or step_size > length
    assert state.counters[GRADIENTS] == stats[:, 6].sum() + 1


BANANA_MEAN, BANANA_VARIANCE = np.array([0.0, 0.5]), np.array([1.0, 0.75])


@pytest.mark.parametrize(
    "sampler", [EmpiricalHMC(), EmpiricalHMC(0.5, trajectory_length=1.2), EmpiricalHMC(0.3), EmpiricalHMC(metric="low-rank")]
)
def test_invariant_distribution(sampler):
    check_invariance(sampler, banana_of(), BANANA_MEAN, BANANA_VARIANCE, 6000, seed=2)


# ---- lengths -----------------------------------------------------------------------------------------------------------------------


def test_a_gaussian_in_its_own_metric_turns_after_half_a_period():
    """x(t) = x cos t + p sin t is farthest from x near t = pi, exactly so where |x| = |p|: the more coordinates the nearer."""
    system = EmpiricalHMC(0.02, tuple(np.full(200, 9.0))).bind(wc.zoo.gaussian(np.full(200, 3.0)))
    state = system.start(1)
    state.phase[:200] = 3.0 * np.random.default_rng(0).normal(size=200)
    system.run(state, 1, 1, np.empty((0, 200)), np.empty((0, 7)), np.empty(0))
    number, time = state.tuning["turns"][:2]
    assert number == empirical_hmc._FEW_TURNS
    assert abs(time / number - math.pi) < 0.1


def remembering(x, squares):
    """What `_measure` would have added up if coordinates had these correlations at 12 places up to a turn at time pi."""
    turns = np.zeros(2 + 12 * 8)
    turns[:2] = 10.0, 10.0 * math.pi
    times = math.pi * np.arange(1, 13) / 12
    for k, t in enumerate(times):
        turns[2 + 8 * k : 10 + 8 * k] = 50.0, 50.0 * t, x(t), 1.0, 1.0, squares(t), 1.0, 1.0
    return turns


def test_the_length_is_that_of_the_most_effective_draws():
    """A Gaussian remembers cos t of x and cos**2 t of x**2, both nothing after a quarter of a period."""
    best = empirical_hmc._best_length(remembering(np.cos, lambda t: np.cos(t) ** 2), 0.8)[0]
    assert best == pytest.approx(math.pi / 2)
    # What is forgotten late wants long trajectories, and what is never known no longer ones.
    late = empirical_hmc._best_length(remembering(lambda t: np.cos(t / 2), lambda t: np.cos(t / 2) ** 2), 0.8)[0]
    assert late > 0.75 * math.pi
    assert empirical_hmc._best_length(np.concatenate([[4.0, 8.0], np.zeros(96)]), 0.8)[0] == 1.0


def test_both_x_and_its_square_are_nearly_new_on_a_gaussian():
    trace = quiet(wc.zoo.ill_conditioned_gaussian(20, 1e4), draws=1500, warmup=1000)
    assert (trace.tuning["metric"] == DENSE).all()
    quarter = trace.tuning["trajectory_length"] / (math.pi / 2)
    assert (abs(quarter - 1.0) < 0.3).all()
    for f in (np.asarray, np.square):
        x = f(np.asarray(trace.draws))
        x = x - x.mean((0, 1))
        assert (abs((x[:, 1:] * x[:, :-1]).mean((0, 1)) / (x * x).mean((0, 1))) < 0.45).all()
    nuts = quiet(wc.zoo.ill_conditioned_gaussian(20, 1e4), NUTS(), draws=200, warmup=1000)
    assert trace.stats["n_steps"].mean() < 0.6 * nuts.stats["n_steps"].mean()


def test_what_is_given_stays():
    trace = quiet(banana_of(), EmpiricalHMC(0.25, (2.0, 0.5), 1.5), draws=300, warmup=100)
    assert (trace.tuning["step_size"] == 0.25).all()
    assert (trace.tuning["inverse_mass"] == [2.0, 0.5]).all()
    assert (trace.tuning["trajectory_length"] == 1.5).all()
    assert (trace.stats["n_steps"].max(), trace.stats["n_steps"].min()) == (8, 4)


# ---- chains adapt together ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", [EmpiricalHMC(), NUTS()])
def test_all_chains_take_the_same_values(sampler):
    trace = quiet(wc.zoo.eight_schools(), sampler, draws=30, warmup=1000, keep_warmup=True)
    for name, values in trace.tuning.items():
        assert (values == values[0]).all(), name
    steps = trace.tuning["warmup_steps"][0]
    assert 0 < trace.tuning["settled"][0] < steps < 400
    assert {int(s.counters[WARMUP_STEPS]) for s in trace.states} == {int(steps)} == {trace.warmup.shape[1]}
    assert not any(name.startswith(("window", "pooled_", "previous", "suggested")) for name in trace.tuning)


def test_more_chains_settle_earlier():
    target = wc.zoo.ill_conditioned_gaussian(30, 1e4)
    one, eight = (
        np.mean([quiet(target, chains=k, draws=2, warmup=1000, seed=s).tuning["settled"][0] for s in range(3)]) for k in (1, 8)
    )
    assert 0 < eight < one


def test_meetings_are_where_windows_close_and_buffers_end():
    places, now = [], 0
    while (now := next_meeting(now, 600, True)) is not None:
        places.append(now)
    edges = window_ends(600).tolist()
    assert set(edges) < set(places)
    assert places == sorted(set(places))
    assert places[-1] == 600
    assert next_meeting(0, 0, True) is None
    assert next_meeting(0, 7, True) == 7


@pytest.mark.parametrize("target", [banana_of(), wc.zoo.ill_conditioned_gaussian(140, 10.0)], ids=["dense", "low rank"])
@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_any_split_of_warm_up_gives_the_same_bits(target, steps, monkeypatch):
    options = {"draws": 20, "warmup": 200, "keep_warmup": True}
    assert_any_split_gives_the_same_bits(lambda: quiet(target, **options), steps, monkeypatch)


def test_processes_change_nothing():
    with ProcessPoolExecutor(2) as executor:
        assert_same(quiet(wc.zoo.banana(), draws=20, executor=executor), quiet(wc.zoo.banana(), draws=20))


@pytest.mark.parametrize("kill", [4, 11, 17, 23, 29, 36])
def test_a_run_killed_between_any_two_commits_is_resumed_bit_for_bit(kill, tmp_path, monkeypatch):
    blocks_of(20, monkeypatch)
    path, options = tmp_path / "run.zarr", {"draws": 30, "warmup": 160}
    whole = quiet(wc.zoo.banana(), **options)
    with killed_at_commit(kill, monkeypatch), pytest.raises(KilledError):
        quiet(wc.zoo.banana(), store=path, **options)
    halted = wc.load(path)
    assert min(int(s.counters[WARMUP_STEPS]) for s in halted.states) < 160
    resumed = wc.resume(path, progress=False)
    assert np.array_equal(resumed.draws, whole.draws)
    assert [s.exact() for s in resumed.states] == [s.exact() for s in whole.states]


def test_a_run_extended_is_the_longer_run():
    assert_same(wc.extend(quiet(banana_of(), draws=25), 15, progress=False), quiet(banana_of(), draws=40))


@pytest.mark.parametrize("n", [1, 19, 25, 60])
def test_short_warm_up_is_as_long_as_it_was_asked_to_be(n):
    trace = quiet(banana_of(), draws=10, warmup=n)
    assert (trace.tuning["warmup_steps"] == n).all()
    assert np.isfinite(trace.tuning["step_size"]).all()
    assert np.isfinite(trace.tuning["trajectory_length"]).all()


# ---- what may go wrong -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", [EmpiricalHMC(), NUTS(), WALNUTS(), HMC(), MALA(), GeneralizedHMC()])
def test_a_guessed_step_is_stable(sampler):
    """Leapfrog steps of a Gaussian are stable below twice its least standard deviation: Neal (2011), section 5.2."""
    for seed in range(10):
        trace = quiet(wc.zoo.gaussian([1.0, 2.0]), sampler, draws=50, warmup=0, seed=seed)
        assert (trace.tuning["step_size"] < 2.0).all()
        assert not trace.stats["diverging"].any()
    with pytest.warns(ConvergenceWarning, match="without warm-up .* is a guess"):
        wc.sample(wc.zoo.gaussian([1.0, 2.0]), sampler, draws=50, warmup=0, seed=1, progress=False)


@pytest.mark.parametrize("step_size", [None, 0.2])
def test_an_exception_of_the_user_leaves_a_run_that_goes_on(step_size):
    calls, fails = [0], [True]

    def logp(x):
        calls[0] += 1
        if fails[0] and calls[0] > 900:
            raise RuntimeError("not today")
        return -0.5 * float(x @ x)

    target, sampler = wc.Density(logp, 2, lambda x: -x), EmpiricalHMC(step_size)
    with pytest.raises(RuntimeError, match="not today") as caught:
        quiet(target, sampler, draws=900, warmup=150, chains=1)
    fails[0] = False
    trace = wc.extend(caught.value.trace, 900 - caught.value.trace.n_draws, progress=False)
    assert np.array_equal(trace.draws, quiet(target, sampler, draws=900, warmup=150, chains=1).draws)


def test_statistics_under_thinning():
    one, thinned = (quiet(banana_of(), EmpiricalHMC(0.4), draws=n, warmup=0, chains=1, thin=k) for n, k in ((60, 1), (15, 4)))
    assert np.array_equal(one.draws[:, 3::4], thinned.draws)
    by = one.stats["acceptance_rate"].reshape(1, 15, 4)
    np.testing.assert_allclose(thinned.stats["acceptance_rate"], by.mean(2), rtol=1e-12)
    assert np.array_equal(thinned.stats["n_steps"], one.stats["n_steps"].reshape(1, 15, 4).sum(2))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("step_size", -1.0),
        ("trajectory_length", 0.0),
        ("trajectory_length", "x"),
        ("target_accept", 1.0),
        ("metric", "round"),
        ("inverse_mass", (1.0, -1.0)),
    ],
)
def test_arguments_that_make_no_sense(field, value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=f"`{field}` must be"):
        EmpiricalHMC(**{field: value})
