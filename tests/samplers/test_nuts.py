"""NUTS: against recursion fed the same numbers, its invariant distribution, its warm-up, its statistics."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weakchaos as wc
from tests import naive
from tests.conformance import check_expectations, check_invariance
from tests.core import densities as d
from tests.core.runs import assert_any_split_gives_the_same_bits, assert_same, blocks_of, killed_after_block
from tests.samplers.test_continuous import banana_of, naive_banana, uniforms_of
from weakchaos.core.counters import DIVERGENCES, GRADIENTS, WARMUP_GRADIENTS, WARMUP_STEPS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from weakchaos.core.flags import Kind
from weakchaos.samplers.mass import DENSE, LOW_RANK
from weakchaos.samplers.nuts import NUTS
from weakchaos.samplers.warmup import _BUFFER

# Long steps in the tails of a banana or in a funnel do diverge, and a trajectory that ends so is exact still.
pytestmark = pytest.mark.filterwarnings("ignore:this run is not to be trusted.* ended in a divergence")

BANANA_MEAN, BANANA_VARIANCE = np.array([0.0, 0.5]), np.array([1.0, 0.75])


def quiet(target, sampler=None, **options):
    return wc.sample(target, NUTS() if sampler is None else sampler, **{"chains": 2, "seed": 3, "progress": False, **options})


# ---- against recursion -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step_size", "inverse_mass", "depth"),
    [(0.3, (1.0, 1.0), 10), (0.1, (2.0, 0.5), 10), (0.05, (1.0, 1.0), 4), (0.8, (1.0, 1.0), 10), (0.03, (1.0, 0.1), 10)],
)
def test_nuts_is_its_recursion(step_size, inverse_mass, depth):
    system = NUTS(step_size, inverse_mass, max_tree_depth=depth).bind(banana_of())
    state = system.start(3)
    n = 60
    u = uniforms_of(system, state, 20000)
    expected, told = naive.nuts(*naive_banana(), state.phase, u, step_size, inverse_mass, n, depth)
    draws, stats = np.empty((n, 2)), np.empty((n, 8))
    assert system.run(state, n, 1, draws, stats, np.empty(0)) == n
    np.testing.assert_allclose(draws, expected, rtol=0, atol=1e-8)
    np.testing.assert_allclose(stats[:, [1, 6, 7, 2, 3, 4]], told, rtol=1e-6, atol=1e-8)
    assert len(np.unique(told[:, 2])) > 1 or depth == 4
    assert told[:, 2].max() <= depth
    # Every leapfrog step is a gradient, and one more at the start: nothing is evaluated twice.
    assert state.counters[GRADIENTS] == told[:, 1].sum() + 1


def in_metric(logp, gradient, factor):
    """A density in the coordinates y of ``x = factor y``."""
    return (lambda y: logp(factor @ y)), (lambda y: factor.T @ gradient(factor @ y))


@pytest.mark.parametrize("metric", ["dense", "low-rank"])
def test_a_metric_is_a_linear_change_of_coordinates(metric):
    """NUTS with inverse mass L L' is NUTS with unit masses on the density of y, x = L y (Neal 2011, section 4.1)."""
    logp, gradient = naive_banana()
    if metric == "dense":
        factor = np.array([[1.2, 0.0], [-0.7, 0.6]])
        system = NUTS(0.2, factor @ factor.T).bind(banana_of())
        state = system.start(3)
    else:
        u, scale = np.array([0.6, -0.8]), np.array([0.9, 1.4])
        factor = np.diag(scale) @ (np.eye(2) + 1.5 * np.outer(u, u))
        system = NUTS(0.2, metric="low-rank").bind(banana_of())
        system._forms = (LOW_RANK,)
        state = system.start(3)
        state.tuning |= {
            "metric": np.array(float(LOW_RANK)),
            "scale": scale,
            "directions": np.array([u, [0.0, 0.0]]),
            "gains": np.array([1.5, 0.0]),
        }
    n = 60
    u = uniforms_of(system, state, 20000)
    if metric == "low-rank":  # L is not triangular, and the momenta are drawn in its coordinates
        np.testing.assert_allclose(factor @ [1.0, 2.0], scale * (np.array([1.0, 2.0]) + 1.5 * np.array([0.6, -0.8]) * (0.6 - 1.6)))
    expected, told = naive.nuts(*in_metric(logp, gradient, factor), np.linalg.solve(factor, state.phase), u, 0.2, np.ones(2), n)
    draws, stats = np.empty((n, 2)), np.empty((n, 8))
    assert system.run(state, n, 1, draws, stats, np.empty(0)) == n
    np.testing.assert_allclose(draws, expected @ factor.T, rtol=0, atol=1e-7)
    np.testing.assert_allclose(stats[:, [1, 6, 7, 2, 3, 4]], told, rtol=1e-5, atol=1e-7)
    assert len(np.unique(told[:, 2])) > 1


def test_diverging_trajectories_are_those_of_the_recursion():
    logp, gradient = (lambda x: -0.5 * x[0] ** 2 - 5000.0 * (x[1] - 0.0) ** 2), (lambda x: np.array([-x[0], -10000.0 * x[1]]))
    system = NUTS(0.03).bind(wc.Density(logp, 2, gradient, start=[1.0, 0.0]))
    state = system.start(3)
    u = uniforms_of(system, state, 5000)
    expected, told = naive.nuts(logp, gradient, state.phase, u, 0.03, np.ones(2), 40)
    draws, stats = np.empty((40, 2)), np.empty((40, 8))
    system.run(state, 40, 1, draws, stats, np.empty(0))
    np.testing.assert_allclose(draws, expected, rtol=0, atol=1e-8)
    np.testing.assert_array_equal(stats[:, 2], told[:, 3])
    assert 5 < told[:, 3].sum() == state.counters[DIVERGENCES]


# ---- the distribution --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sampler",
    [
        NUTS(0.2),
        NUTS(0.9),
        NUTS(0.4, (2.0, 0.5)),
        NUTS(0.4, ((2.0, 0.6), (0.6, 0.5))),
        NUTS(0.4, max_tree_depth=2),
        NUTS(),
        NUTS(metric="low-rank"),
    ],
)
def test_invariant_distribution(sampler):
    check_invariance(sampler, banana_of(), BANANA_MEAN, BANANA_VARIANCE, seed=11)


def ends_of_short_chains(target, starts, step_size, steps=3):
    system = NUTS(step_size).bind(target)
    return np.concatenate([system.advance(system.start(k, x), steps)[-1:] for k, x in enumerate(starts)])


@pytest.mark.parametrize("step_size", [0.3, 1.1, 1.7])
def test_steps_from_exact_draws_of_a_gaussian_are_exact(step_size):
    """Many chains of a few steps, each started from the target: no mixing helps a wrong step."""
    sds = np.array([1.0, 1.0, 2.0])
    ends = ends_of_short_chains(wc.zoo.gaussian(sds), np.random.default_rng(5).normal(size=(3000, 3)) * sds, step_size)
    check_expectations(np.concatenate([ends, ends**2], 1)[None], np.concatenate([np.zeros(3), sds**2]))


@pytest.mark.parametrize("step_size", [0.2, 0.6])
def test_steps_from_exact_draws_of_a_banana_are_exact(step_size):
    z = np.random.default_rng(6).normal(size=(3000, 2))
    ends = ends_of_short_chains(banana_of(), np.column_stack([z[:, 0], 0.5 * z[:, 0] ** 2 + 0.5 * z[:, 1]]), step_size)
    back = np.column_stack([ends[:, 0], 2.0 * (ends[:, 1] - 0.5 * ends[:, 0] ** 2)])  # two standard normals
    check_expectations(np.concatenate([back, back**2, back[:, :1] ** 2 * back[:, 1:]], 1)[None], [0.0, 0.0, 1.0, 1.0, 0.0])


@pytest.mark.parametrize("step_size", [0.1, 0.5])
def test_steps_from_exact_draws_of_a_funnel_are_exact(step_size):
    z = np.random.default_rng(7).normal(size=(3000, 3))
    starts = np.column_stack([3.0 * z[:, 0], z[:, 1:] * np.exp(1.5 * z[:, :1])])
    ends = ends_of_short_chains(wc.zoo.funnel(3), starts, step_size)
    back = np.column_stack([ends[:, 0] / 3.0, ends[:, 1:] * np.exp(-0.5 * ends[:, :1])])  # three standard normals
    check_expectations(np.concatenate([back, back**2], 1)[None], [0.0] * 3 + [1.0] * 3)


@pytest.mark.parametrize(
    ("wrong", "step_size"), [(None, 1.5), ("weights", 1.5), (None, 0.6), ("turns", 0.6)], ids=lambda value: str(value)
)
def test_wrong_weights_and_missing_checks_of_halves_are_found(wrong, step_size):
    logp, gradient = (lambda x: -0.5 * float(x @ x)), (lambda x: -x)
    u = np.random.default_rng(1).random((4, 60000))
    draws = np.stack([naive.nuts(logp, gradient, np.zeros(1), row, step_size, np.ones(1), 1000, wrong=wrong)[0] for row in u])
    if wrong is None:
        check_expectations(draws**2, 1.0)
    else:
        with pytest.raises(AssertionError, match="standard errors"):
            check_expectations(draws**2, 1.0)


@pytest.mark.parametrize(
    "target", [wc.zoo.correlated_gaussian(), wc.zoo.logistic_regression(), wc.zoo.gaussian([1e-4, 1.0, 1e3])], ids=lambda t: t.name
)
def test_moments_of_the_zoo(target):
    trace = wc.sample(target, draws=1500, warmup=600, seed=7, progress=False)
    x = (trace.draws - target.means) / target.sds
    # Where the truth is a long run, its own error is below a hundredth of a standard deviation.
    check_expectations(np.concatenate([x, x**2], 2), np.concatenate([np.zeros(target.dim), np.ones(target.dim)]))


# ---- warm-up -----------------------------------------------------------------------------------------------------------------------


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


# ---- statistics --------------------------------------------------------------------------------------------------------------------


def test_statistics_under_thinning():
    fine = quiet(wc.zoo.funnel(3), NUTS(0.5), draws=300, warmup=0, chains=1)
    coarse = quiet(wc.zoo.funnel(3), NUTS(0.5), draws=100, warmup=0, chains=1, thin=3)
    np.testing.assert_array_equal(coarse.draws, fine.draws[:, 2::3])
    a, b = ({k: v[0] for k, v in t.stats.items()} for t in (fine, coarse))
    triples = {k: v.reshape(100, 3) for k, v in a.items()}
    np.testing.assert_allclose(b["acceptance_rate"], triples["acceptance_rate"].mean(1), rtol=1e-14)
    np.testing.assert_array_equal(b["n_steps"], triples["n_steps"].sum(1))
    np.testing.assert_array_equal(b["tree_depth"], triples["tree_depth"].max(1))
    np.testing.assert_array_equal(b["diverging"], triples["diverging"].any(1))
    for name in ("lp", "energy", "energy_error", "step_size"):
        np.testing.assert_array_equal(b[name], triples[name][:, 2])
    assert (a["diverging"].dtype.kind, a["n_steps"].dtype.kind, a["tree_depth"].dtype.kind) == ("b", "i", "i")


def test_energies_and_log_densities():
    trace = quiet(banana_of(), NUTS(0.3), draws=300, warmup=50)
    logp = np.array([banana_of().logp(x) for x in trace.draws.reshape(-1, 2)]).reshape(2, 300)
    np.testing.assert_allclose(trace.stats["lp"], logp, rtol=1e-12, atol=1e-12)
    kinetic = trace.stats["energy"] + logp
    assert (kinetic > 0).all()
    assert not trace.stats["diverging"].any()


def test_divergences_of_the_funnel_are_counted():
    # The neck of the funnel is narrower than any one step: Betancourt and Girolami (2013), arXiv:1312.0906.
    with pytest.warns(ConvergenceWarning, match=r"\d+ of 1000 draws ended in a divergence"):
        trace = quiet(wc.zoo.funnel(10), NUTS(0.7), draws=500, warmup=0)
    counted = sum(int(s.counters[DIVERGENCES]) for s in trace.states)
    assert counted >= trace.stats["diverging"].sum() > 0


@pytest.mark.parametrize("depth", [1, 3])
def test_depth_is_limited(depth):
    trace = quiet(wc.zoo.gaussian([1.0, 100.0]), NUTS(0.01, max_tree_depth=depth), draws=50, warmup=0)
    assert (trace.stats["tree_depth"] == depth).all()
    assert (trace.stats["n_steps"] == 2**depth - 1).all()


def test_gradients_are_counted_as_they_are_called():
    calls = [0]

    def both(x):
        calls[0] += 1
        return -0.5 * float(x @ x), -x

    system = NUTS().bind(wc.Density(logp_and_grad=both, dim=2))
    state = system.start(1)
    calls[0] = 0
    system.warm(state, 100, 0, 100, np.empty((0, 2)), np.empty((0, 8)))
    assert calls[0] == state.counters[GRADIENTS]
    trace = quiet(banana_of(), draws=100, warmup=100, chains=1)
    assert trace.states[0].counters[GRADIENTS] == trace.stats["n_steps"].sum()
    assert trace.states[0].counters[WARMUP_GRADIENTS] > 100


def test_nan_is_rejected_and_counted():
    target = wc.Density(d.undefined_below_zero, 1, lambda x: np.array([-1.0]))
    with pytest.warns(ConvergenceWarning, match=r"NaN or \+inf at \d+ proposals"):
        trace = check_invariance(NUTS(0.4), target, np.array([1.0]), np.array([1.0]), 3000, seed=5)
    assert (trace.draws > 0).all()


# ---- the call ----------------------------------------------------------------------------------------------------------------------


def test_the_default_sampler_is_that_of_the_target():
    for target, sampler in (
        (banana_of(), wc.samplers.EmpiricalHMC),
        (wc.Ising.lattice((3, 3), 0.3), wc.samplers.Gibbs),
        (wc.MarkovChain(np.full((3, 3), 1 / 3)), wc.samplers.RandomWalk),
    ):
        assert isinstance(wc.sample(target, draws=10, warmup=30, seed=1, progress=False).system.sampler, sampler)
    with pytest.raises(ArgumentError, match="`sampler` must be given"):
        wc.sample(wc.Points(np.ones((3, 2))))


@given(st.sampled_from([0.0, -1.0, True, "x", np.nan, np.inf, [1.0]]))
def test_step_sizes_that_make_no_sense(value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`step_size` must be"):
        NUTS(step_size=value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target_accept", 0.0),
        ("target_accept", 1),
        ("target_accept", np.nan),
        ("target_accept", "high"),
        ("max_tree_depth", 0),
        ("max_tree_depth", 2.5),
        ("max_tree_depth", 64),
        ("inverse_mass", (1.0, -1.0)),
        ("inverse_mass", (1.0,)),
        ("inverse_mass", ((1.0, 2.0), (2.0, 1.0))),
        ("inverse_mass", ((1.0, 0.5), (0.0, 1.0))),
        ("inverse_mass", ((1.0, 0.5, 1.0), (0.0, 1.0, 0.0))),
        ("inverse_mass", ((np.nan, 0.0), (0.0, 1.0))),
        ("metric", "round"),
    ],
)
def test_other_arguments_that_make_no_sense(field, value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=f"`{field}` must"):
        NUTS(**{field: value}).bind(banana_of())


def test_other_targets_are_refused():
    with pytest.raises(ArgumentTypeError, match=r"`target` of NUTS must be a Density"):
        NUTS().bind(wc.Ising.lattice((3, 3), 0.3))
