"""Microcanonical and thermostatted samplers: what warm-up tunes, the decoherence length of MCLMC included."""

import numpy as np
import pytest

import weakchaos as wc
from tests.samplers.test_continuous import banana_of
from tests.samplers.test_unadjusted import TUNED
from weakchaos.samplers import ESH, MAMS, MCLMC, Langevin, NoseHoover, NoseHooverChain
from weakchaos.samplers.mclmc import memory


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
