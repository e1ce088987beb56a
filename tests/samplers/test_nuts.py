"""NUTS: against recursion fed the same numbers, its invariant distribution, its statistics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weakchaos as wc
from tests import naive
from tests.conformance import check_expectations, check_invariance
from tests.core import densities as d
from tests.samplers.test_continuous import banana_of, naive_banana, uniforms_of
from weakchaos.core.counters import DIVERGENCES, GRADIENTS, WARMUP_GRADIENTS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from weakchaos.samplers.mass import LOW_RANK
from weakchaos.samplers.nuts import NUTS

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
    with pytest.warns(ConvergenceWarning, match=r"\d+ of 1,000 draws ended in a divergence"):
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
    with pytest.warns(ConvergenceWarning, match=r"NaN or \+inf at [\d,]+ proposals"):
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
