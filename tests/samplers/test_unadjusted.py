"""Microcanonical and thermostatted samplers: against slow versions, the measure their steps conserve, published numbers, broken variants."""

import math

import numpy as np
import pytest

import weakchaos as wc
from tests.conformance import check_system
from tests.samplers import naive_unadjusted as naive
from tests.samplers.test_continuous import banana_of, uniforms_of
from weakchaos.core.counters import BAD_VALUES, DIVERGENCES, GRADIENTS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.samplers import ESH, MAMS, MCLMC, Langevin, NoseHoover, NoseHooverChain, Thermostat0532

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
