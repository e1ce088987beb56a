"""Microcanonical and thermostatted samplers: against slow versions, the measure their steps conserve, published numbers, broken variants."""

import math

import numpy as np
import pytest

import weakchaos as wc
from tests.conformance import check_expectations, check_invariance, check_system
from tests.samplers import naive_unadjusted as naive
from tests.samplers.test_continuous import banana_of, uniforms_of
from weakchaos.core.counters import BAD_VALUES, DIVERGENCES, GRADIENTS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.samplers import ESH, MAMS, MCLMC, Langevin, NoseHoover, NoseHooverChain, Thermostat0532
from weakchaos.samplers.mclmc import memory

INVERSE_MASS = (2.0, 0.5)
SCALE = np.sqrt(INVERSE_MASS)
SAMPLERS = {
    "MCLMC": MCLMC(0.4, 2.0, INVERSE_MASS),
    "MCLMC, no noise": MCLMC(0.4, math.inf, INVERSE_MASS),
    "MAMS": MAMS(0.3, 1.0, INVERSE_MASS),
    "ESH": ESH(0.2, INVERSE_MASS),
    "Langevin": Langevin(0.2, 0.7, INVERSE_MASS),
    "NoseHoover": NoseHoover(0.1, 0.8, inverse_mass=INVERSE_MASS),
    "NoseHoover, each": NoseHoover(0.1, 0.8, True, INVERSE_MASS),
    "NoseHooverChain": NoseHooverChain(0.1, inverse_mass=INVERSE_MASS),
    "NoseHooverChain, one": NoseHooverChain(0.1, 4, 0.6, False, INVERSE_MASS),
    "Thermostat0532": Thermostat0532(0.1, inverse_mass=INVERSE_MASS),
}


def logp(x):
    return -0.5 * x[:, 0] ** 2 - 2.0 * (x[:, 1] - 0.5 * x[:, 0] ** 2) ** 2


def gradient(x):
    r = x[:, 1] - 0.5 * x[:, 0] ** 2
    return np.stack([-x[:, 0] + 4.0 * r * x[:, 0], -4.0 * r], 1)


# ---- against slow versions ---------------------------------------------------------------------------------------------------------

N = 60


def kernel_run(name):
    system = SAMPLERS[name].bind(banana_of())
    state = system.start(3)
    start = state.phase.copy()
    numbers = None if system.driver is None else uniforms_of(system, state, N * (system.uniforms_per_step or 0))
    draws, stats = np.empty((N, 2)), np.empty((N, len(system.stats_names)))
    assert system.run(state, N, 1, draws, stats, np.empty(0)) == N
    return start, numbers, draws, dict(zip(system.stats_names, stats.T, strict=True)), state


@pytest.mark.parametrize("name", ["MCLMC", "MCLMC, no noise", "MAMS", "ESH", "Langevin"])
def test_a_kernel_is_its_slow_version(name):
    start, numbers, draws, stats, _ = kernel_run(name)
    sampler, x, u = SAMPLERS[name], start[None, :2], start[None, 2:4]
    logs = None
    if name.startswith("MCLMC"):
        rows = numbers.reshape(N, 1, -1)
        expected, errors = naive.mclmc(logp, gradient, x, u, rows, 0.4, sampler.decoherence_length, SCALE, N)
    elif name == "MAMS":
        expected, errors = naive.mams(logp, gradient, x, numbers.reshape(N, 1, 4), 0.3, 1.0, SCALE, N)
        assert 5 < np.count_nonzero(np.diff(draws[:, 0])) < 59  # both outcomes were met
    elif name == "ESH":
        expected, logs, errors = naive.esh(logp, gradient, x, u, 0.2, SCALE, N)
    else:
        expected, errors = naive.langevin(logp, gradient, x, u, numbers.reshape(N, 1, 2), 0.2, 0.7, SCALE, N)
    np.testing.assert_allclose(draws, expected[:, 0], rtol=0, atol=1e-8)
    np.testing.assert_allclose(stats["energy_error"], errors[:, 0], rtol=1e-6, atol=1e-8)
    if logs is not None:
        np.testing.assert_allclose(stats["weight"], np.exp(logs[:, 0]), rtol=1e-8)
        assert np.ptp(stats["weight"]) > 0.5
    np.testing.assert_allclose(stats["lp"], logp(draws), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if "Hoover" in name or "0532" in name])
def test_a_thermostat_is_its_slow_version(name):
    start, _, draws, _, state = kernel_run(name)
    sampler, x, p, zeta = SAMPLERS[name], start[:2], start[2:4], start[4:]
    if "0532" in name:
        expected, p, zeta = naive.thermostatted(
            gradient, x[None], p[None], zeta[None], lambda p, z, t: naive.cubic_half(p, z, 0.05, 0.32, t), 0.1, SCALE, N
        )
    elif sampler.per_coordinate:

        def each(p, z, time):  # a coordinate is a chain of its own
            moved, zeta = naive.chain_half(p.T, z.reshape(2, -1), sampler.mass, time)
            return moved.T, zeta.reshape(1, -1)

        expected, p, zeta = naive.thermostatted(gradient, x[None], p[None], zeta[None], each, 0.1, SCALE, N)
    else:
        expected, p, zeta = naive.thermostatted(
            gradient, x[None], p[None], zeta[None], lambda p, z, t: naive.chain_half(p, z, sampler.mass, t), 0.1, SCALE, N
        )
    np.testing.assert_allclose(draws, expected[:, 0], rtol=0, atol=1e-7)
    np.testing.assert_allclose(state.phase[2:], np.concatenate([p[0], zeta[0]]), rtol=0, atol=1e-7)


# ---- what a step conserves ---------------------------------------------------------------------------------------------------------


def jacobian(system, phase, chart, inverse):
    """Of one step in the coordinates of a chart, by central differences."""
    centre, columns = chart(phase), []
    for k in range(centre.size):
        ends = []
        for sign in (1, -1):
            moved = centre.copy()
            moved[k] += sign * 1e-6
            state = system.start(1)
            state.phase[:] = inverse(moved)
            system.advance(state, 1)
            ends.append(chart(state.phase))
        columns.append((ends[0] - ends[1]) / 2e-6)
    return np.array(columns).T


@pytest.mark.parametrize("name", ["MCLMC, no noise", "NoseHoover", "NoseHoover, each", "NoseHooverChain", "NoseHooverChain, one", "Thermostat0532"])  # fmt: skip
def test_the_error_is_the_change_of_the_measure(name):
    """W = -log(pi(z') / pi(z)) - log |det dz'/dz| in the variables in which pi should be invariant, for a step as long as it likes."""
    system = SAMPLERS[name].bind(banana_of())
    rng = np.random.default_rng(5)
    for _ in range(4):
        state = system.start(int(rng.integers(1000)))
        before = state.phase.copy()
        stats = np.empty((1, len(system.stats_names)))
        system.run(state, 1, 1, np.empty((1, 2)), stats, np.empty(0))
        if name.startswith("MCLMC"):

            def chart(z):
                return np.array([z[0], z[1], math.atan2(z[3], z[2])])

            def inverse(c):
                return np.array([c[0], c[1], math.cos(c[2]), math.sin(c[2])])

            def log_pi(z):
                return logp(z[None, :2])[0]
        else:
            mass = np.ones(before.size)
            if "Hoover" in name:
                length, groups = system._length, system._groups
                weights = np.full((groups, length), float(system.sampler.mass))
                weights[:, 0] *= 2 / groups
                mass[4:] = weights.ravel()
            chart = inverse = np.array

            def log_pi(z, mass=mass):
                return logp(z[None, :2])[0] - 0.5 * (mass[2:] * z[2:] ** 2).sum()

        volume = np.linalg.slogdet(jacobian(system, before, chart, inverse))[1]
        assert stats[0, 1] == pytest.approx(log_pi(before) - log_pi(state.phase) - volume, abs=2e-6)
        assert abs(volume) > 1e-3


def test_energy_errors_are_of_third_order():
    """A symmetric splitting of second order changes what it should conserve by h**3 in one step."""
    for make in (lambda h: MCLMC(h, math.inf), ESH, NoseHoover, NoseHooverChain, Thermostat0532):
        size = []
        for h in (0.004, 0.002):
            system = make(h).bind(banana_of())
            errors = []
            for seed in range(60):
                stats = np.empty((1, len(system.stats_names)))
                system.run(system.start(seed), 1, 1, np.empty((1, 2)), stats, np.empty(0))
                errors.append(abs(stats[0, 1]))
            size.append(np.median(errors))
        assert math.log2(size[0] / size[1]) == pytest.approx(3.0, abs=0.5), make(0.1)


def test_velocity_has_unit_length():
    for sampler in (MCLMC(), MCLMC(0.5, math.inf), ESH()):
        system = sampler.bind(wc.zoo.ill_conditioned_gaussian(30, 1e4))
        state = system.start(2)
        for _ in range(20):
            system.warm(state, 20, 0, 0, np.empty((0, 30)), np.empty((0, len(system.stats_names))))
            assert np.linalg.norm(state.phase[30:60]) == pytest.approx(1.0, abs=1e-12)


# ---- laws --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLERS)
def test_conformance(name):
    system = SAMPLERS[name].bind(banana_of())
    check_system(system)
    check_system(system, position=[0.3, -0.4])
    state = system.start(1)
    assert np.array_equal(type(system)(system.sampler, system.target, system.driver).start(1).phase, state.phase)


@pytest.mark.parametrize("name", ["MCLMC", "MAMS", "Langevin"])
def test_a_step_takes_as_many_uniforms_as_it_says(name):
    system = SAMPLERS[name].bind(banana_of())
    state = system.start(1)
    skipped = state.driver.copy()
    system.driver.advance(wc.core.system.State(driver=skipped), 20 * system.uniforms_per_step)
    system.advance(state, 20)
    assert state.driver.to_bytes() == skipped.to_bytes()


TUNED = [MCLMC(), MAMS(), ESH(), Langevin(), NoseHoover(), NoseHooverChain(), Thermostat0532()]


@pytest.mark.parametrize("sampler", TUNED, ids=lambda s: type(s).__name__)
def test_any_split_of_warm_up_gives_the_same_bits(sampler):
    system = sampler.bind(banana_of())
    whole, parts = system.start(4), system.start(4)
    none = np.empty((0, 2)), np.empty((0, len(system.stats_names)))
    assert system.warm(whole, 200, 0, 200, *none) == (200, False)
    for first, last in ((0, 1), (1, 77), (77, 77), (77, 150), (150, 200)):
        system.warm(parts, last - first, first, 200, *none)
    assert whole.exact() == parts.exact()
    assert whole.counters.tolist() == parts.counters.tolist()


@pytest.mark.parametrize("sampler", TUNED, ids=lambda s: type(s).__name__)
def test_gradients_are_counted_as_they_are_called(sampler):
    calls = [0]

    def both(x):
        calls[0] += 1
        return -0.5 * float(x @ x), -x

    system = sampler.bind(wc.Density(logp_and_grad=both, dim=2))
    state = system.start(1)
    calls[0] = 0
    system.warm(state, 60, 0, 60, np.empty((0, 2)), np.empty((0, len(system.stats_names))))
    system.advance(state, 60)
    assert calls[0] == state.counters[GRADIENTS]


# ---- invariant distributions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sampler",
    [MAMS(), MAMS(0.5), MCLMC(0.2, 2.0), Langevin(0.1), NoseHooverChain(0.05)],
    ids=lambda s: f"{type(s).__name__}, {s.step_size}",
)
def test_invariant_distribution(sampler):
    # x0 ~ N(0, 1); x1 = x0**2 / 2 + N(0, 1/4): mean 1/2, variance 1/2 + 1/4. Steps of unadjusted samplers are too short for their bias to show.
    thin = 1 if isinstance(sampler, MAMS) else 10
    check_invariance(sampler, banana_of(), np.array([0.0, 0.5]), np.array([1.0, 0.75]), 4000, 500, seed=11, thin=thin)


def ensemble(sampler, target, n, steps, seed=5, spoil=None):
    """Draws of independent chains that start in the target, after so many steps, and their weights; shapes (n, dim) and (n,)."""
    system = sampler.bind(target)
    draws, weights = np.empty((n, target.dim)), np.ones(n)
    one, stats = np.empty((1, target.dim)), np.empty((1, len(system.stats_names)))
    for k, (x, s) in enumerate(zip(target.simulate(n, seed), np.random.SeedSequence(seed).spawn(n), strict=True)):
        state = system.start(s, x)
        if spoil is not None:
            spoil(state.phase)
        system.run(state, steps, steps, one, stats, np.empty(0))
        draws[k] = one[0]
        if "weight" in system.stats_names:
            weights[k] = stats[0, -1]
    return draws, weights


def check_ensemble(draws, weights, target):
    z = (draws - target.means) / target.sds
    values = weights[:, None] * np.concatenate([z, z**2 - 1.0], axis=1)
    check_expectations(values.reshape(4, -1, values.shape[1]), np.zeros(values.shape[1]))


@pytest.mark.parametrize("name", ["ESH", "NoseHoover", "NoseHooverChain", "Thermostat0532", "Langevin", "MCLMC"])
def test_an_ensemble_in_the_target_stays_there(name):
    """Whether or not one orbit visits everything, the flow maps the target onto itself: under the weights of ESH, for which the law is
    ``p(x') |dz'/dz| / p(x) = w'`` with the contraction ``w**-(d - 1)`` of the velocities, and as it is for all others."""
    target = wc.zoo.banana(1.0, 1.0)
    short = {"ESH": ESH(0.03), "MCLMC": MCLMC(0.1, 1.0), "Langevin": Langevin(0.03), "NoseHoover": NoseHoover(0.03),
             "NoseHooverChain": NoseHooverChain(0.03), "Thermostat0532": Thermostat0532(0.03)}[name]  # fmt: skip
    draws, weights = ensemble(short, target, 4000, 60)
    assert np.abs(draws - target.simulate(4000, 5)).mean() > 0.3  # it moved
    check_ensemble(draws, weights, target)
    if name == "ESH":
        assert np.ptp(weights) > 1.0
        with pytest.raises(AssertionError, match="standard errors"):
            check_ensemble(draws, np.ones_like(weights), target)  # weights left out


def test_the_check_of_ensembles_finds_cold_momenta():
    target = wc.zoo.banana(1.0, 1.0)

    def cool(phase):
        phase[2:4] *= 0.2

    for sampler in (NoseHoover(0.03), NoseHooverChain(0.03), Thermostat0532(0.03), Langevin(0.03, friction=1e-6)):
        with pytest.raises(AssertionError, match="standard errors"):
            check_ensemble(*ensemble(sampler, target, 4000, 60, spoil=cool), target)


@pytest.mark.filterwarnings("ignore:this run is not to be trusted")
def test_averages_of_esh_are_weighted():
    target = wc.zoo.student_t(8.0, 5)
    options = {"draws": 2000, "warmup": 100, "thin": 2, "seed": 3, "progress": False}
    trace = wc.sample(target, ESH(0.3, np.ones(5)), **options)
    x = np.asarray(trace.draws)
    expected = (trace.weights[..., None] * x**2).sum(1) / trace.weights.sum(1)[:, None]
    np.testing.assert_allclose(trace.averages()[1][:, -1, 5:], expected, rtol=1e-12)
    lean = wc.sample(target, ESH(0.3, np.ones(5)), record="averages", **options)
    np.testing.assert_allclose(lean.averages()[1][:, -1, 5:], expected, rtol=1e-10)
    assert np.abs(expected - (x**2).mean(1)).max() > 0.01


@pytest.mark.parametrize("wrong", [None, "flipped", "no Jacobian", "not refreshed"])
def test_the_check_finds_a_broken_mams(wrong):
    """Acceptance flipped, the Jacobian left out, the velocity not refreshed: each is found by the second moments of a Gaussian."""
    chains, n = (1, 6000) if wrong == "not refreshed" else (400, 80)
    rng = np.random.default_rng(7)
    draws, _ = naive.mams(
        lambda x: -0.5 * (x**2).sum(1), lambda x: -x, rng.standard_normal((chains, 3)), rng.random((n, chains, 5)), 1.6, 3.0, np.ones(3), n, wrong
    )  # fmt: skip
    values = (draws[20:] ** 2).transpose(1, 0, 2)
    values = values if chains == 1 else np.stack([values[k::4].mean(0) for k in range(4)])
    if wrong is None:
        check_expectations(values, np.ones(3))
    else:
        with pytest.raises(AssertionError, match="standard errors"):
            check_expectations(values, np.ones(3))


@pytest.mark.parametrize("wrong", [None, "mass"])
def test_the_check_finds_an_mclmc_of_the_wrong_dimension(wrong):
    """With m = d instead of d - 1 the orbit has the density ``p**((d - 1) / d)``, which ESH mends by weights: variances d / (d - 1)."""
    rng = np.random.default_rng(8)
    draws, _ = naive.mclmc(
        lambda x: -0.5 * (x**2).sum(1), lambda x: -x, rng.standard_normal((200, 3)), rng.standard_normal((200, 3)), rng.random((150, 200, 3)),
        0.4, 2.0, np.ones(3), 150, wrong
    )  # fmt: skip
    values = np.stack([(draws[50:, k::4] ** 2).mean(1) for k in range(4)])
    if wrong is None:
        check_expectations(values, np.ones(3))
    else:
        assert values.mean() == pytest.approx(1.5, abs=0.15)
        with pytest.raises(AssertionError, match="standard errors"):
            check_expectations(values, np.ones(3))


@pytest.mark.parametrize("wrong", [None, "too hot"])
def test_the_check_finds_a_langevin_without_balance(wrong):
    rng = np.random.default_rng(9)
    draws, _ = naive.langevin(
        lambda x: -0.5 * (x**2).sum(1), lambda x: -x, rng.standard_normal((200, 2)), rng.standard_normal((200, 2)), rng.random((200, 200, 2)),
        0.3, 1.0, np.ones(2), 200, wrong
    )  # fmt: skip
    values = np.stack([(draws[50:, k::4] ** 2).mean(1) for k in range(4)])
    if wrong is None:
        check_expectations(values, np.ones(2))  # BAOAB is exact for Gaussians, whatever the step
    else:
        with pytest.raises(AssertionError, match="standard errors"):
            check_expectations(values, np.ones(2))


# ---- published numbers -------------------------------------------------------------------------------------------------------------


def test_mclmc_on_the_standard_gaussian_of_100_coordinates():
    """At a step of 4 and a decoherence length of 10 the variances are off by less than half a percent, and squared biases of x**2 are below 0.01 within
    2,500 gradients."""
    target = wc.zoo.gaussian(np.ones(100))
    sampler = MCLMC(4.0, 10.0, np.ones(100))
    trace = wc.sample(target, sampler, draws=50_000, warmup=500, chains=2, seed=4, progress=False)
    square = np.asarray(trace.draws) ** 2
    assert abs(square.mean() - 1.0) < 5e-3
    assert (trace.stats["energy_error"] ** 2).mean() / 100 < 2e-6
    gradients = []
    for seed in range(8):
        system = sampler.bind(target)
        draws = system.advance(system.start(seed), 1250)  # two gradients each
        running = np.cumsum(draws**2, axis=0) / np.arange(1, 1251)[:, None]
        worse = np.flatnonzero(((running - 1.0) ** 2 / 2.0).mean(1) > 0.01)
        gradients.append(2 * (worse[-1] + 1) if worse.size else 0)
    assert max(gradients) < 2500


def test_mclmc_without_noise_is_not_ergodic_on_a_round_gaussian():
    """The orbit keeps its plane and its density in it: E x**2 is not 1 (0.72 to 0.87 in two dimensions), with noise it is."""
    target = wc.zoo.gaussian([1.0, 1.0])
    for length, low, high in ((math.inf, 0.5, 0.9), (1.0, 0.95, 1.05)):
        system = MCLMC(0.1, length, np.ones(2)).bind(target)
        draws = system.advance(system.start(1), 100_000)
        assert low < (draws**2).mean() < high


@pytest.mark.slow
def test_0532_is_chaotic_and_ergodic_on_the_oscillator():
    """Hoover, Sprott and Hoover (2016): the largest exponent is 0.144 per unit of time, <p**4> is 3."""
    step = 0.02
    system = Thermostat0532(step, inverse_mass=(1.0,)).bind(wc.zoo.gaussian([1.0]))
    spectrum = wc.diagnostics.lyapunov_spectrum(system, k=1, steps=1_000_000, every=25, seed=1)
    assert spectrum.exponents[0] / step == pytest.approx(0.144, abs=0.005)
    state, fourth = system.start(3), []
    square = []
    for _ in range(40_000):
        system.advance(state, 125, 125)
        fourth.append(state.phase[1] ** 4)
        square.append(state.phase[0] ** 2)
    assert np.mean(fourth) == pytest.approx(3.0, abs=0.1)
    assert np.mean(square) == pytest.approx(1.0, abs=0.06)  # 0.015 is the standard error of a run of this length


def test_nose_hoover_is_not_ergodic_on_the_oscillator():
    """Legoll, Luskin and Moeckel (2007); from (0, 1.5, 0) the orbit lies on a torus."""
    step = 0.02
    system = NoseHoover(step, inverse_mass=(1.0,)).bind(wc.zoo.gaussian([1.0]))
    state = system.start(1)
    state.phase[:] = 0.0, 1.5, 0.0
    spectrum = wc.diagnostics.lyapunov_spectrum(system, k=1, steps=200_000, every=50, seed=1, state=state)
    assert abs(spectrum.exponents[0] / step) < 1e-3
    assert (system.advance(state, 500_000) ** 2).mean() == pytest.approx(0.78, abs=0.02)


# ---- tuning ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:this run is not to be trusted")
@pytest.mark.parametrize("sampler", [MCLMC(), ESH(), Langevin(), NoseHooverChain()], ids=lambda s: type(s).__name__)
def test_the_energy_error_settles_where_it_is_wanted(sampler):
    sds = np.geomspace(0.1, 10.0, 20)
    trace = wc.sample(wc.zoo.gaussian(sds), sampler, draws=3000, warmup=1500, thin=5, seed=6, progress=False)
    variance = (trace.stats["energy_error"] ** 2).mean() / 20
    assert variance == pytest.approx(sampler.energy_variance, rel=1.0)
    if not isinstance(sampler, ESH):
        np.testing.assert_allclose(np.log(trace.tuning["inverse_mass"] / sds**2), 0.0, atol=1.5)


def test_the_acceptance_of_mams_settles_where_it_is_wanted():
    trace = wc.sample(wc.zoo.gaussian(np.geomspace(0.01, 100.0, 20)), MAMS(), draws=1000, warmup=1000, seed=6, progress=False)
    assert 0.75 < trace.stats["acceptance_rate"].mean() < 0.95


def test_what_is_given_stays():
    for sampler in (
        MCLMC(0.2, inverse_mass=(2.0, 0.5)),
        MAMS(0.2, inverse_mass=(2.0, 0.5)),
        NoseHoover(0.05, inverse_mass=(2.0, 0.5)),
    ):
        trace = wc.sample(banana_of(), sampler, draws=1000, warmup=200, thin=20, seed=1, progress=False)
        assert (trace.tuning["step_size"] == sampler.step_size).all()
        assert (trace.tuning["inverse_mass"] == [2.0, 0.5]).all()


# ---- bad input and bad densities ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", TUNED, ids=lambda s: type(s).__name__)
def test_nan_is_not_a_draw_and_is_counted(sampler):
    target = wc.Density(
        lambda x: -x[0] - 0.5 * x[1] ** 2 if x[0] > 0 else math.nan, 2, lambda x: np.array([-1.0, -x[1]]), start=[1.0, 0.0]
    )
    system = sampler.bind(target)
    state = system.start(2)
    system.warm(state, 100, 0, 100, np.empty((0, 2)), np.empty((0, len(system.stats_names))))
    draws = system.advance(state, 400)
    assert (draws[:, 0] > 0).all()
    assert state.counters[BAD_VALUES] > 0
    if not isinstance(sampler, MAMS):
        assert state.counters[DIVERGENCES] >= state.counters[BAD_VALUES]


@pytest.mark.parametrize("sampler", TUNED, ids=lambda s: type(s).__name__)
def test_an_exception_of_the_user_comes_out(sampler):
    calls = [0]

    def both(x):
        calls[0] += 1
        if calls[0] > 900:
            raise RuntimeError("not today")
        return -0.5 * float(x @ x), -x

    with pytest.raises(RuntimeError, match="not today"):
        wc.sample(wc.Density(logp_and_grad=both, dim=2), sampler, draws=2000, warmup=20, chains=1, seed=1, progress=False)


@pytest.mark.parametrize("kind", [MCLMC, MAMS, ESH])
def test_one_coordinate_cannot_turn(kind):
    with pytest.raises(ArgumentError, match=r"`target` of \w+ must have at least 2 coordinates"):
        kind().bind(wc.zoo.gaussian([1.0]))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (MCLMC, {"step_size": 0.0}),
        (MCLMC, {"decoherence_length": -1.0}),
        (MCLMC, {"energy_variance": 0.0}),
        (MAMS, {"target_accept": 1.0}),
        (MAMS, {"trajectory_length": 0.0}),
        (ESH, {"inverse_mass": (1.0, -1.0)}),
        (Langevin, {"friction": 0.0}),
        (NoseHoover, {"mass": 0.0}),
        (NoseHooverChain, {"length": 0}),
        (Thermostat0532, {"a": 0.0}),
        (Thermostat0532, {"b": math.nan}),
    ],
)
def test_bad_arguments_are_refused(kind, options):
    with pytest.raises(ArgumentError, match=f"`{next(iter(options))}`"):
        kind(**options)


@pytest.mark.parametrize("sampler", TUNED, ids=lambda s: type(s).__name__)
def test_bad_targets_are_refused(sampler):
    with pytest.raises(ArgumentTypeError, match="must be a Density"):
        sampler.bind(wc.Ising.lattice((2, 2), 0.3))
    with pytest.raises(ArgumentError, match=r"`inverse_mass` must have shape \(2,\)"):
        type(sampler)(inverse_mass=(1.0,)).bind(banana_of())


# ---- the decoherence length ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9])
def test_the_memory_of_an_autoregression_is_known(rho):
    rng, x = np.random.default_rng(5), np.zeros((40_000, 2))
    noise = rng.standard_normal(x.shape) * np.sqrt(1 - rho**2)
    for t in range(1, len(x)):
        x[t] = rho * x[t - 1] + noise[t]
    x[:, 1] = noise[:, 1]  # the slowest column counts
    assert memory(x) == pytest.approx((1 + rho) / (1 - rho), rel=0.15)


def test_the_memory_of_a_square_counts():
    t = np.arange(4000)
    amplitude = np.repeat(np.random.default_rng(6).exponential(size=40), 100)
    x = amplitude * np.cos(0.7 * t)  # forgets its sign at once, its amplitude after 100 steps
    assert memory(x[:, None]) > 25.0
    assert memory(np.zeros((50, 1))) == 0.0


def test_the_decoherence_length_is_tuned_and_told():
    short = wc.sample(wc.zoo.gaussian(np.ones(20)), MCLMC(), draws=200, seed=1, progress=False)
    # As wide as the rest in the metric, and far less round: the slowest direction of a Gaussian of condition number 100.
    long = wc.sample(wc.zoo.ill_conditioned_gaussian(20, 100.0), MCLMC(), draws=200, seed=1, progress=False)
    assert short.tuning["decoherence_length"].shape == (4,)
    lengths = [trace.tuning["decoherence_length"] / np.sqrt(20) for trace in (short, long)]
    assert all((each >= 0.5).all() and (each <= 8.0).all() for each in lengths)
    assert np.ptp(np.concatenate(lengths)) > 0
    given = wc.sample(wc.zoo.gaussian(np.ones(3)), MCLMC(decoherence_length=2.5), draws=100, seed=1, progress=False)
    np.testing.assert_array_equal(given.tuning["decoherence_length"], 2.5)
    assert "orbit" not in short.states[0].tuning


def test_a_longer_memory_gives_a_longer_decoherence_length():
    """Two Gaussians of the same metric; in the second one sum of coordinates is slow."""
    lengths = []
    for rho in (0.0, 0.98):
        precision = np.linalg.inv((1 - rho) * np.eye(6) + rho)
        target = wc.Density(lambda x, p=precision: -0.5 * float(x @ p @ x), 6, grad=lambda x, p=precision: -p @ x)
        trace = wc.sample(target, MCLMC(inverse_mass=np.ones(6)), draws=10, seed=2, progress=False)
        lengths.append(trace.tuning["decoherence_length"].mean())
    assert lengths[1] > 1.3 * lengths[0]
