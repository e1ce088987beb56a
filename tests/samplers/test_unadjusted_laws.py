"""Microcanonical and thermostatted samplers: their invariant distributions, and broken variants that miss them."""

import numpy as np
import pytest

import weakchaos as wc
from tests.conformance import check_expectations, check_invariance
from tests.samplers import naive_unadjusted as naive
from tests.samplers.test_continuous import banana_of
from weakchaos.samplers import ESH, MAMS, MCLMC, Langevin, NoseHoover, NoseHooverChain, Thermostat0532


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
