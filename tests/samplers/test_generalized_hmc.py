"""Generalized Hamiltonian Monte Carlo: what persists, and how much it is worth."""

import numpy as np
import pytest

import weakchaos as wc
from tests.calibration import broken_sampler, far_from_independent
from weakchaos.core.errors import ArgumentError
from weakchaos.samplers import HMC, GeneralizedHMC


def memory_of(x):
    """Integrated autocorrelation time of each row, by Geyer's initial monotone sequence."""
    out = []
    for row in x:
        z = row - row.mean()
        f = np.fft.rfft(z, 2 * len(z))
        rho = np.fft.irfft(f * f.conj())[: len(z)]
        pairs = (rho / rho[0])[: 2 * (len(z) // 4)].reshape(-1, 2).sum(1)
        pairs = np.minimum.accumulate(pairs)
        out.append(2 * pairs[: np.argmax(pairs < 0)].sum() - 1)
    return np.array(out)


def run(sampler, target, draws, chains=4, seed=1, **more):
    return wc.sample(target, sampler, draws=draws, warmup=200, chains=chains, seed=seed, progress=False, **more)


def test_without_persistence_it_is_hmc():
    target = wc.zoo.gaussian([1.0, 2.0])
    step, n = 1.1, 3
    ours, theirs = (run(s, target, 20_000) for s in (GeneralizedHMC(step, 0.0, None, n), HMC(step, n)))
    a, b = (t.stats["acceptance_rate"].mean() for t in (ours, theirs))
    assert a == pytest.approx(b, abs=0.005)
    assert memory_of(ours.draws[..., 1]).mean() == pytest.approx(memory_of(theirs.draws[..., 1]).mean(), rel=0.15)


def test_persistent_uniform_numbers_are_worth_it():
    """32 dimensions, one standard deviation of 20 (after Neal 2020, section 3): the same acceptance, and a memory that is at least four times shorter."""
    target = wc.zoo.gaussian([20.0] + [1.0] * 31)
    found = {drift: run(GeneralizedHMC(0.8, 0.98, drift), target, 150_000, chains=2) for drift in (None, 0.01)}
    rates = [trace.stats["acceptance_rate"].mean() for trace in found.values()]
    assert rates[0] == pytest.approx(rates[1], abs=0.01)
    times = [memory_of(trace.draws[..., 0]).mean() for trace in found.values()]
    assert times[0] > 4 * times[1]


DIVISION = "phase[2 * dim] /= ratio"


@pytest.mark.parametrize("broken", [None, "phase[2 * dim] /= 1.0", "phase[2 * dim] *= min(ratio, 1.0)"])
def test_position_and_number_of_acceptance_stay_independent(broken):
    """From exact draws and a uniform number, both stay so; not where an acceptance leaves the number as it was, or moves it the wrong way."""
    sampler = GeneralizedHMC(1.5, 0.9, 0.01)
    if broken is not None:
        sampler = broken_sampler(sampler, "weakchaos.samplers.generalized_hmc", (DIVISION, broken))
    uniform, together, mean = far_from_independent(sampler, 3, 2000)
    if broken is None:
        assert uniform < 45  # chi-squared of 19 degrees of freedom, .0007
        assert together < 4
        assert mean < 4
    else:
        assert together > 10


def test_warm_up_finds_step_and_metric():
    trace = wc.sample(wc.zoo.gaussian([0.01, 1.0, 50.0]), GeneralizedHMC(), draws=4000, warmup=1000, seed=2, progress=False)
    assert trace.stats["acceptance_rate"].mean() == pytest.approx(0.8, abs=0.07)
    assert np.allclose(np.sqrt(trace.tuning["inverse_mass"]) / [0.01, 1.0, 50.0], 1.0, atol=0.35)
    assert np.allclose(trace.draws.std((0, 1)) / [0.01, 1.0, 50.0], 1.0, atol=0.1)


def test_how_many_numbers_a_step_takes():
    target = wc.zoo.gaussian([1.0, 1.0])
    assert GeneralizedHMC(0.5).bind(target).uniforms_per_step == 2
    assert GeneralizedHMC(0.5, uniform_drift=None).bind(target).uniforms_per_step == 3


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="`persistence` must be below 1"):
        GeneralizedHMC(persistence=1.0)
    with pytest.raises(ArgumentError, match="`persistence` must be a finite number from 0 to 1"):
        GeneralizedHMC(persistence=-0.1)
    with pytest.raises(ArgumentError, match="`uniform_drift` must be between 0 and 1"):
        GeneralizedHMC(uniform_drift=0.0)
    with pytest.raises(ArgumentError, match="`n_leapfrog`"):
        GeneralizedHMC(n_leapfrog=0)
