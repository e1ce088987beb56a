"""MALA against its formula, HMC and MALA that tune themselves."""

import math

import numpy as np
import pytest
from scipy.special import ndtri

import weakchaos as wc
from tests.conformance import check_invariance
from tests.core.runs import assert_any_split_gives_the_same_bits
from tests.samplers.test_continuous import banana_of, naive_banana, uniforms_of
from weakchaos.core.counters import GRADIENTS, WARMUP_GRADIENTS
from weakchaos.core.errors import ArgumentError, ConvergenceWarning
from weakchaos.samplers import HMC, MALA

# Ten long steps in the tails of a banana do diverge, and a trajectory that ends so is exact still.
pytestmark = pytest.mark.filterwarnings("ignore:this run is not to be trusted.* ended in a divergence")

BANANA_MEAN, BANANA_VARIANCE = np.array([0.0, 0.5]), np.array([1.0, 0.75])


def quiet(target, sampler, **options):
    return wc.sample(target, sampler, **{"chains": 2, "seed": 3, "progress": False, **options})


def naive_mala(logp, gradient, x, uniforms, eps, v, n, wrong=False):
    """Roberts and Tweedie's proposal and its ratio of densities; `wrong` leaves the ratio of proposals out."""
    u = iter(uniforms)
    draws = []

    def log_q(y, x):
        return -float(np.sum((y - x - 0.5 * eps**2 * v * gradient(x)) ** 2 / (2.0 * eps**2 * v)))

    for _ in range(n):
        z = np.array([ndtri(next(u)) for _ in x])
        y = x + 0.5 * eps**2 * v * gradient(x) + eps * np.sqrt(v) * z
        ratio = logp(y) - logp(x) + (0.0 if wrong else log_q(x, y) - log_q(y, x))
        if next(u) < math.exp(min(0.0, ratio)):
            x = y
        draws.append(x)
    return np.array(draws)


@pytest.mark.parametrize(("eps", "mass"), [(0.4, (1.0, 1.0)), (0.7, (1.0, 0.3))])
def test_mala_is_its_formula(eps, mass):
    system = MALA(eps, mass).bind(banana_of())
    state = system.start(5)
    u = uniforms_of(system, state, 2000)
    expected = naive_mala(*naive_banana(), state.phase, u, eps, np.array(mass), 300)
    np.testing.assert_allclose(system.advance(state, 300), expected, rtol=0, atol=1e-9)
    assert state.counters[GRADIENTS] == 301
    wrong = naive_mala(*naive_banana(), system.start(5).phase, u, eps, np.array(mass), 300, wrong=True)
    assert not np.allclose(wrong, expected)


@pytest.mark.filterwarnings(
    "ignore:this run is not to be trusted. where x1 is large"
)  # in the arms of the banana few steps of MALA are accepted
@pytest.mark.parametrize(
    "sampler", [MALA(), MALA(0.8), HMC(), HMC(trajectory_length=1.5), HMC(n_leapfrog=3, jitter=0.5), HMC(0.3, 5, jitter=0.3)]
)
def test_invariant_distribution(sampler):
    check_invariance(sampler, banana_of(), BANANA_MEAN, BANANA_VARIANCE, 8000, warmup=400, seed=4)


@pytest.mark.parametrize(
    ("sampler", "wanted"), [(MALA(), 0.574), (HMC(), 0.8), (HMC(trajectory_length=1.5, target_accept=0.9), 0.9)]
)
def test_the_acceptance_is_what_was_asked_for(sampler, wanted):
    target = wc.zoo.gaussian(np.geomspace(0.01, 100.0, 20))
    trace = quiet(target, sampler, draws=1000, warmup=1000)
    assert trace.stats["acceptance_rate"].mean() == pytest.approx(wanted, abs=0.04)
    ratio = trace.tuning["inverse_mass"] / np.geomspace(0.01, 100.0, 20) ** 2
    assert (ratio.max(1) / ratio.min(1) < 1.01).all()  # points and gradients of a Gaussian give it exactly
    assert (trace.tuning["warmup_steps"] < 1000).all()
    assert sum(s.counters[WARMUP_GRADIENTS] for s in trace.states) > 0


def test_jitter_and_length_change_the_trajectories():
    plain = quiet(banana_of(), HMC(0.2, 5), draws=50, warmup=0)
    assert (plain.stats["step_size"] == 0.2).all()
    assert not plain.tuning
    jittered = quiet(banana_of(), HMC(0.2, 5, jitter=0.1), draws=200, warmup=0)
    steps = jittered.stats["step_size"]
    assert 0.18 <= steps.min() < 0.185
    assert 0.215 < steps.max() <= 0.22
    long = quiet(banana_of(), HMC(0.3, 5, trajectory_length=1.0), draws=5, warmup=0)
    assert (long.stats["n_steps"] == 4).all()


@pytest.mark.parametrize("sampler", [HMC(), MALA()])
def test_any_split_of_warm_up_gives_the_same_bits(sampler, monkeypatch):
    options = {"draws": 20, "warmup": 300, "keep_warmup": True}
    assert_any_split_gives_the_same_bits(lambda: quiet(banana_of(), sampler, **options), 7, monkeypatch)


def test_without_warm_up_the_step_is_said_to_be_a_guess():
    for sampler in (HMC(), MALA()):
        with pytest.warns(ConvergenceWarning, match=rf"{type(sampler).__name__} ran without warm-up .* is a guess"):
            quiet(banana_of(), sampler, draws=20, warmup=0)


@pytest.mark.parametrize(
    ("name", "value"), [("jitter", 1.0), ("jitter", -0.1), ("jitter", "much"), ("trajectory_length", 0.0), ("target_accept", 1.0)]
)
def test_arguments_that_make_no_sense(name, value):
    with pytest.raises(ArgumentError, match=f"`{name}` must"):
        HMC(**{name: value})


@pytest.mark.parametrize("sampler", [HMC(inverse_mass=((1.0, 0.0), (0.0, 1.0))), MALA(inverse_mass=(1.0,))])
def test_masses_of_another_shape_are_refused(sampler):
    with pytest.raises(ArgumentError, match="`inverse_mass`"):
        sampler.bind(banana_of())
