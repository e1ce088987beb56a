"""Starts: gradients that are not finite are refused, and chains far outside of the bulk climb first."""

import numpy as np
import pytest
from numba import njit

import weakchaos as wc
from weakchaos.core.counters import WARMUP_GRADIENTS
from weakchaos.core.errors import ArgumentError, ConvergenceWarning
from weakchaos.core.flags import Severity
from weakchaos.samplers import HMC, MALA, NUTS


def narrow(start=None):
    """A Gaussian of standard deviation 1e-5 about 3: standard normal starts are 1e5 standard deviations out."""
    return wc.Density(lambda x: -0.5e10 * float((x - 3.0) @ (x - 3.0)), 3, lambda x: -1e10 * (x - 3.0), start=start)


@pytest.mark.parametrize("sampler", [NUTS(), HMC(), MALA()])
def test_a_chain_far_out_climbs_first(sampler):
    state = sampler.bind(narrow()).start(1)
    assert np.abs(state.phase - 3.0).max() < 0.1
    assert 1 <= state.counters[WARMUP_GRADIENTS] < 100
    assert sampler.bind(narrow()).start(1).exact() == state.exact()


COVARIATE = np.linspace(-1.7, 1.7, 40)
COUNTS = np.round(np.exp(4.3 + 1.2 * COVARIATE + 0.07 * COVARIATE**2 - 0.23 * COVARIATE**3))


@njit
def poisson_regression(x, out, covariate, counts):
    """Counts about the exponential of a cubic, its coefficients ten times the coordinates: at starts the exponent is anything up to 100."""
    total, out[:] = 0.0, 0.0
    for t, n in zip(covariate, counts):  # noqa: B905
        rate = 10.0 * (x[0] + t * (x[1] + t * (x[2] + t * x[3])))
        slope = n - np.exp(rate)
        total += n * rate - np.exp(rate)
        for k in range(4):
            out[k] += 10.0 * slope * t**k
    return total


def test_a_cliff_of_exponentials_is_climbed_to_its_foot():
    target = wc.Density(logp_and_grad=poisson_regression, dim=4, data=(COVARIATE, COUNTS))
    at_first, after, out = [], [], np.empty(4)
    for seed in range(8):
        for sampler, found in ((NUTS(0.1), at_first), (NUTS(), after)):  # nothing is tuned in the first, so nothing is climbed
            poisson_regression(sampler.bind(target).start(seed).phase[:4], out, COVARIATE, COUNTS)
            found.append(np.abs(out).max())
    assert max(at_first) > 1e12  # of which a hundredth is far from the bulk
    assert max(after) <= 1000.0 * 2.0
    trace = wc.sample(target, draws=500, seed=1, progress=False)
    assert not [f for f in trace.check() if f.severity is Severity.INVALID]
    assert np.abs(10.0 * trace.draws.mean((0, 1)) - [4.3, 1.2, 0.07, -0.23]).max() < 0.06


def test_starts_that_the_user_chose_are_left():
    system = NUTS().bind(narrow())
    assert system.start(1, np.zeros(3)).phase.tolist() == [0.0] * 3
    assert NUTS().bind(narrow([1.0, 1.0, 1.0])).start(1).phase.tolist() == [1.0] * 3
    assert np.abs(NUTS(1e-6).bind(narrow()).start(1).phase - 3.0).max() > 1.0  # nothing is tuned, so nothing is climbed
    plain = wc.Density(lambda x: -0.5 * float(x @ x), 3, lambda x: -x)
    assert np.array_equal(NUTS().bind(plain).start(5).phase, NUTS(0.1).bind(plain).start(5).phase)


def test_a_gradient_that_is_not_finite_is_refused():
    target = wc.Density(lambda x: -0.5 * float(x @ x), 2, lambda x: np.array([-x[0], np.nan]))
    with pytest.raises(
        ArgumentError,
        match=r"gradient .* must be finite where a chain starts; for coordinate 1 of 2 it is nan .* any of 100 starts",
    ):
        wc.sample(target, draws=10, progress=False)
    with pytest.raises(ArgumentError, match="for coordinate 1 of 2 it is nan at"):
        wc.sample(target, initial=[0.5, 0.5], draws=10, progress=False)


def test_another_start_is_drawn_where_the_gradient_is_not_finite():
    def gradient(x):
        return -x if x[0] > 0 else np.full(2, np.inf)

    system = NUTS().bind(wc.Density(lambda x: -0.5 * float(x @ x), 2, gradient))
    assert all(system.start(seed).phase[0] > 0 for seed in range(20))


@njit
def uphill(x, out):
    """Improper: it grows without end along the first coordinate."""
    out[0], out[1] = 1.0, -x[1]
    return x[0] - 0.5 * x[1] ** 2


@njit
def level(x, out):
    """Improper: the same everywhere along the first coordinate."""
    out[0], out[1] = 0.0, -x[1]
    return -0.5 * x[1] ** 2


@pytest.mark.parametrize("improper", [uphill, level])
def test_an_improper_posterior_that_runs_away_is_found(improper):
    with pytest.warns(ConvergenceWarning, match="this run is not to be trusted"):
        trace = wc.sample(wc.Density(logp_and_grad=improper, dim=2), draws=400, warmup=300, seed=1, progress=False)
    assert Severity.INVALID in [f.severity for f in trace.check()]
    proper = wc.sample(wc.zoo.gaussian([1.0, 1.0]), draws=400, warmup=300, seed=1, progress=False)
    assert Severity.INVALID not in [f.severity for f in proper.check()]
