"""HMC and random-walk Metropolis: against slow versions fed the same numbers, the laws of a System, and their invariant distribution."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from tests import naive
from tests.conformance import check_expectations, check_invariance, check_system
from tests.core import densities as d
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning, DriverWarning, GradientWarning
from weakchaos.core.system import State
from weakchaos.drivers import resolve
from weakchaos.runs.sampling import sample
from weakchaos.samplers.hmc import HMC
from weakchaos.samplers.metropolis import RandomWalkMetropolis
from weakchaos.targets.density import Density


@njit
def banana(x, bend):
    return -0.5 * x[0] ** 2 - 2.0 * (x[1] - bend * x[0] ** 2) ** 2


@njit
def banana_gradient(x, out, bend):
    r = x[1] - bend * x[0] ** 2
    out[0] = -x[0] + 8.0 * bend * r * x[0]
    out[1] = -4.0 * r


def banana_of(gradient=True):
    return Density(banana, 2, banana_gradient if gradient else None, data=(0.5,))


def naive_banana():
    def gradient(x):
        out = np.empty(2)
        banana_gradient.py_func(x, out, 0.5)
        return out

    return (lambda x: banana.py_func(x, 0.5)), gradient


def uniforms_of(system, state, n):
    """The next numbers of a state's stream, which is left alone."""
    return system.driver.advance(State(driver=state.driver.copy()), n)[:, 0]


SAMPLERS = [HMC(0.3, 4), HMC(0.2, 3, inverse_mass=(2.0, 0.5)), RandomWalkMetropolis(), RandomWalkMetropolis((0.5, 1.5))]


# ---- against slow versions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step_size", "n_leapfrog", "inverse_mass"), [(0.3, 1, (1.0, 1.0)), (0.25, 7, (2.0, 0.5)), (0.7, 3, (1.0, 1.0))]
)
def test_hmc_is_its_slow_version(step_size, n_leapfrog, inverse_mass):
    system = HMC(step_size, n_leapfrog, inverse_mass).bind(banana_of())
    state = system.start(3)
    u = uniforms_of(system, state, 3 * 60)
    expected = naive.hmc(*naive_banana(), state.phase, u, step_size, n_leapfrog, inverse_mass, 60)
    draws, stats = np.empty((60, 2)), np.empty((60, 7))
    assert system.run(state, 60, 1, draws, stats, np.empty(0)) == 60
    np.testing.assert_allclose(draws, expected[0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(stats[:, [0, 1, 4]], np.column_stack(expected[1:]), rtol=1e-8, atol=1e-10)
    assert 0 < np.count_nonzero(np.diff(draws[:, 0])) < 59 or step_size < 0.5  # both outcomes were met


@pytest.mark.parametrize("scale", [1.0, (0.5, 1.5)])
def test_random_walk_is_its_slow_version(scale):
    system = RandomWalkMetropolis(scale).bind(banana_of())
    state = system.start(3)
    u = uniforms_of(system, state, 3 * 60)
    expected = naive.random_walk(naive_banana()[0], state.phase, u, np.asarray(scale), 60)
    draws, stats = np.empty((60, 2)), np.empty((60, 2))
    assert system.run(state, 60, 1, draws, stats, np.empty(0)) == 60
    np.testing.assert_allclose(draws, expected[0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(stats, np.column_stack(expected[1:]), rtol=0, atol=1e-10)
    assert 5 < expected[2].sum() < 55


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_running_sums_are_sums_of_the_draws(sampler):
    system = sampler.bind(banana_of())
    draws, stats, sums = np.empty((10, 2)), np.empty((10, len(system.stats_names))), np.zeros(4)
    system.run(system.start(1), 30, 3, draws, stats, sums)
    np.testing.assert_allclose(sums, np.concatenate([draws.sum(0), (draws**2).sum(0)]), rtol=1e-14)


# ---- laws --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", ["pcg64", "mt19937", "sobol-3"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_conformance(sampler, driver):
    check_system(sampler.bind(banana_of(), driver=driver))
    check_system(sampler.bind(banana_of(), driver=driver), position=[0.3, -0.4])


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_step_takes_as_many_uniforms_as_it_says(sampler):
    system = sampler.bind(banana_of())
    assert system.uniforms_per_step == 3
    state = system.start(1)
    skipped = state.driver.copy()
    system.driver.advance(State(driver=skipped), 20 * system.uniforms_per_step)
    system.advance(state, 20)
    assert state.driver.to_bytes() == skipped.to_bytes()
    assert system.stream_exponent == pytest.approx(3 * resolve("pcg64").lyapunov)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_invariant_distribution(sampler):
    # x0 ~ N(0, 1); x1 = x0**2 / 2 + N(0, 1/4): mean 1/2, variance 1/2 + 1/4.
    check_invariance(sampler, banana_of(), np.array([0.0, 0.5]), np.array([1.0, 0.75]), seed=11)


def test_the_check_of_invariance_finds_a_wrong_target():
    with pytest.raises(AssertionError, match="standard errors from the truth"):
        check_invariance(HMC(0.3, 4), banana_of(), np.array([0.0, 0.6]), np.array([1.0, 0.75]), seed=11)


@pytest.mark.parametrize("accept", [True, False])
def test_the_check_of_invariance_finds_a_missing_acceptance_step(accept):
    logp, gradient = (lambda x: -0.5 * float(x @ x)), (lambda x: -x)
    u = np.random.default_rng(1).random((4, 2 * 2000))
    draws = np.stack([naive.hmc(logp, gradient, np.zeros(1), row, 1.5, 1, np.ones(1), 2000, accept)[0] for row in u])
    if accept:
        check_expectations(draws**2, 1.0)
    else:
        with pytest.raises(AssertionError, match="standard errors"):
            check_expectations(draws**2, 1.0)


def test_a_stream_of_one_dimension_is_not_enough():
    target = d.numba_gaussian()
    with pytest.warns(
        DriverWarning, match=r"equidistributed in 1 dimension, not in all .* RandomWalkMetropolis .* a step consumes 4"
    ):
        trace = sample(target, RandomWalkMetropolis(), 2000, chains=1, seed=1, driver="golden", progress=False)
    with pytest.raises(AssertionError, match="standard errors"):
        check_expectations(trace.draws, d.MEAN)


# ---- gradients ---------------------------------------------------------------------------------------------------------------------


def test_without_gradient_hmc_warns_and_is_exact():
    with pytest.warns(GradientWarning, match=r"central differences take its place, 5 evaluations each") as caught:
        check_invariance(HMC(0.3, 4), banana_of(gradient=False), np.array([0.0, 0.5]), np.array([1.0, 0.75]), seed=11)
    assert len(caught) == 1


def test_a_wrong_gradient_is_named_and_hmc_is_exact_still():
    """A leapfrog step with any force is reversible and keeps volume, so the acceptance step makes up for it."""

    @njit
    def wrong(x, out, bend):
        banana_gradient(x, out, bend)
        out[1] *= 0.8

    target = Density(banana, 2, wrong, data=(0.5,), names=["bend", "height"])
    with pytest.warns(GradientWarning, match=r"disagrees .* most at coordinate 'height': it gave .*, they give") as caught:
        check_invariance(HMC(0.3, 4), target, np.array([0.0, 0.5]), np.array([1.0, 0.75]), seed=11)
    assert caught[0].filename.endswith("conformance.py")  # where `sample` was called


def test_random_walk_needs_no_gradient_and_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace = sample(banana_of(gradient=False), RandomWalkMetropolis(), 10, warmup=0, seed=1, progress=False)
    assert np.isfinite(trace.draws).all()


# ---- statistics --------------------------------------------------------------------------------------------------------------------


def test_statistics_of_hmc():
    trace = sample(banana_of(), HMC(0.2, 6), 500, seed=1, progress=False)
    stats = trace.stats
    logp = np.array([banana.py_func(x, 0.5) for x in trace.draws.reshape(-1, 2)]).reshape(4, 500)
    np.testing.assert_allclose(stats["lp"], logp, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(stats["acceptance_rate"], np.exp(np.minimum(0.0, -stats["energy_error"])), rtol=1e-15)
    assert not stats["diverging"].any()
    # Crooks: E exp(-dH) = 1 in equilibrium.
    check_expectations(np.exp(-stats["energy_error"])[:, :, None], 1.0)


def test_too_long_steps_are_seen():
    with pytest.warns(ConvergenceWarning, match="divergence"):
        trace = sample(d.numba_gaussian(), HMC(50.0, 20), 20, warmup=0, seed=1, progress=False)
    assert trace.stats["diverging"].all()
    assert (trace.stats["acceptance_rate"] == 0.0).all()


@pytest.mark.parametrize("steps", [3, 200])
def test_steps_that_overflow_are_a_divergence_and_the_end_of_the_support_is_none(steps):
    """A log density that overflows to -inf looks like the end of the support, but for the momentum."""
    with pytest.warns(ConvergenceWarning, match="divergence"):
        wild = sample(d.numba_gaussian(), HMC(50.0, steps), 20, warmup=0, seed=1, progress=False)
    assert wild.stats["diverging"].all()

    @njit
    def half_line(x):
        return -x[0] if x[0] > 0 else -np.inf

    @njit
    def slope(x, out):
        out[0] = -1.0

    border = sample(Density(half_line, 1, slope), HMC(0.4, 5), 500, seed=1, progress=False)
    assert not border.stats["diverging"].any()
    assert 0.1 < border.stats["acceptance_rate"].mean() < 0.95


def test_acceptance_of_random_walk_counts_all_steps_of_a_draw():
    fine = sample(banana_of(), RandomWalkMetropolis(), 300, warmup=0, chains=1, seed=1, progress=False)
    coarse = sample(banana_of(), RandomWalkMetropolis(), 100, warmup=0, chains=1, seed=1, thin=3, progress=False)
    np.testing.assert_array_equal(coarse.draws, fine.draws[:, 2::3])
    np.testing.assert_allclose(
        coarse.stats["acceptance_rate"][0], fine.stats["acceptance_rate"].reshape(100, 3).mean(1), rtol=1e-15
    )
    assert set(np.unique(fine.stats["acceptance_rate"])) == {0.0, 1.0}


# ---- densities that are not defined everywhere -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", [RandomWalkMetropolis(1.0), HMC(0.3, 4)])
def test_outside_of_the_support_nothing_is_drawn_and_nothing_warned(sampler):
    @njit
    def slope(x, out):
        out[0] = -1.0

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace = check_invariance(sampler, Density(d.half_line, 1, slope), np.array([1.0]), np.array([1.0]), 8000, seed=5, thin=3)
    assert (trace.draws > 0.0).all()


@pytest.mark.parametrize("sampler", [RandomWalkMetropolis(1.0), HMC(0.3, 4)])
def test_nan_is_rejected_and_counted(sampler):
    @njit
    def slope(x, out):
        out[0] = -1.0

    target = Density(d.undefined_below_zero, 1, slope)
    with pytest.warns(ConvergenceWarning, match=r"NaN or \+inf at [\d,]+ proposals") as caught:
        trace = check_invariance(sampler, target, np.array([1.0]), np.array([1.0]), 8000, seed=5, thin=3)
    assert np.isfinite(trace.draws).all()
    assert caught[0].filename.endswith("conformance.py")


@pytest.mark.parametrize("compiled", [True, False])
def test_infinite_density_is_rejected(compiled):
    def spike(x):
        return math.inf if 0.5 < x[0] < 1.0 else -0.5 * x[0] ** 2

    target = Density(njit(spike) if compiled else spike, 1, start=[0.0])
    with pytest.warns(ConvergenceWarning, match="proposals"):
        trace = sample(target, RandomWalkMetropolis(1.0), 200, warmup=0, seed=1, progress=False)
    assert not ((trace.draws > 0.5) & (trace.draws < 1.0)).any()


# ---- hyper-parameters --------------------------------------------------------------------------------------------------------------

nonsense = st.one_of(
    st.none(), st.booleans(), st.text(max_size=3), st.floats(max_value=0.0), st.just(math.nan), st.just(math.inf), st.integers(max_value=0),
    st.complex_numbers(max_magnitude=2), st.lists(st.floats(max_value=0.0), max_size=2), st.binary(max_size=2), st.just(object()),
)  # fmt: skip


@given(nonsense)
def test_step_size_and_scale_that_make_no_sense(value):
    if value is not None:  # None is to be tuned, and a shape that fits the target
        with pytest.raises((ArgumentError, ArgumentTypeError), match="`step_size` must be"):
            HMC(step_size=value)
        with pytest.raises((ArgumentError, ArgumentTypeError), match="`scale` must be"):
            RandomWalkMetropolis(value).bind(banana_of())


@given(st.lists(st.floats(max_value=0.0) | st.just(math.nan) | st.just(math.inf), max_size=3))
def test_inverse_masses_that_make_no_sense(value):
    with pytest.raises(ArgumentError, match="`inverse_mass` must"):
        HMC(inverse_mass=value).bind(banana_of())


@given(st.one_of(nonsense, st.floats(0.1, 9.0).filter(lambda v: v != int(v))))
def test_numbers_of_leapfrog_steps_that_make_no_sense(value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`n_leapfrog` must be"):
        HMC(n_leapfrog=value)


@pytest.mark.parametrize("length", [1, 3])
def test_vectors_of_the_wrong_length(length):
    with pytest.raises(ArgumentError, match="`scale`"):
        RandomWalkMetropolis(np.ones(length)).bind(banana_of())
    with pytest.raises(ArgumentError, match="`inverse_mass`"):
        HMC(inverse_mass=np.ones(length)).bind(banana_of())


@pytest.mark.parametrize("sampler", [HMC(), RandomWalkMetropolis()])
def test_other_targets_are_refused(sampler):
    for target in (None, 3, banana, "banana"):
        with pytest.raises(ArgumentTypeError, match=r"`target` of .* must be a Density"):
            sampler.bind(target)
