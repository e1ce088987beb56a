"""Stein's identity against draws: exact laws, false alarms, what it must find, and the flags of runs of unadjusted samplers."""

import warnings

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.flags import Kind, Severity
from weakchaos.runs.check_stein import _LEVEL, check_unadjusted, stein_gaps
from weakchaos.samplers import ESH, MCLMC, Langevin, NoseHoover, NoseHooverChain


def limit(n):
    from scipy.special import ndtri

    return float(-ndtri(0.5 * _LEVEL / n))


def alarms(x, gradients, weights=None):
    gaps, errors, kinds = stein_gaps(x, gradients, weights)
    wrong = np.abs(gaps) > limit(gaps.size) * errors
    return [kind for kind, bad in zip(kinds, wrong, strict=True) if bad]


def gradients_of(target, x):
    return np.stack([[target.gradient(point) for point in chain] for chain in x])


def autoregressive(rng, n, dim, memory):
    from scipy.signal import lfilter

    noise = rng.standard_normal((4, n + 1000, dim)) * np.sqrt(1 - memory**2)
    return np.stack([lfilter([1.0], [1.0, -m], noise[:, :, k])[:, 1000:] for k, m in enumerate(memory)], 2)


def trace_of(target, sampler, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return wc.sample(target, sampler, progress=False, **{"seed": 1, "draws": 1000, **options})


# ---- the identity ------------------------------------------------------------------------------------------------------------------


def test_gaps_are_what_the_identity_says(rng):
    """On Gaussians: the mean is off by delta / sd and the variance by 1 - C P, exactly and not in expectation only."""
    x = rng.normal([1.0, -2.0], [2.0, 0.5], (4, 400, 2))
    gaps, _, kinds = stein_gaps(x, -(x - [0.5, -2.1]) / np.array([2.5, 0.6]) ** 2)
    centre, sd = x.mean((0, 1)), x.std((0, 1))
    np.testing.assert_allclose(gaps[:2], -(centre - [0.5, -2.1]) * sd / np.array([2.5, 0.6]) ** 2, rtol=1e-10)
    np.testing.assert_allclose(gaps[2:4], 1.0 - sd**2 / np.array([2.5, 0.6]) ** 2, rtol=1e-10)
    assert kinds[:4] == ["mean of 0", "mean of 1", "spread of 0", "spread of 1"]


@pytest.mark.parametrize(
    "target",
    [
        wc.zoo.gaussian([1.0, 1e-3, 1e3]),
        wc.zoo.ill_conditioned_gaussian(30, 1e4),
        wc.zoo.banana(),
        wc.zoo.funnel(10),
        wc.zoo.student_t(8.0, 3),
        wc.zoo.gaussian_mixture(),
    ],
    ids=lambda t: t.name,
)
def test_exact_draws_raise_no_alarm(target):
    for seed in range(20):
        x = target.simulate(1600, seed).reshape(4, 400, target.dim)
        assert alarms(x, gradients_of(target, x)) == []


def test_chains_with_memory_raise_hardly_an_alarm(rng):
    """Draws of independent standard normals whose chains remember about a hundred steps, turned and stretched: a false alarm in 40 at most."""
    found = 0
    for _ in range(40):
        z = autoregressive(rng, 1000, 12, np.r_[0.96 * np.ones(4), 0.5 * np.ones(8)])
        turn, _ = np.linalg.qr(rng.standard_normal((12, 12)))
        sd = np.geomspace(100.0, 1.0, 12)
        found += bool(alarms((z * sd) @ turn.T, (-z / sd) @ turn.T))
    assert found <= 1


def test_what_is_wrong_is_found(rng):
    for mean, sd in ((0.25, 1.0), (0.0, 1.2), (0.0, 0.8)):
        x = rng.normal(mean, sd, (4, 500, 3))
        assert any("component" not in kind for kind in alarms(x, -x))


def test_a_narrow_or_wide_direction_across_the_coordinates_is_found(rng):
    """One of 30 directions has 0.7 of its variance: coordinates, which mix all of them, do not tell; the components do."""
    turn, _ = np.linalg.qr(rng.standard_normal((30, 30)))
    sd = np.geomspace(100.0, 1.0, 30)
    for k in (0, 29):
        z = rng.standard_normal((4, 1000, 30))
        part = np.ones(30)
        part[k] = 0.7**0.5
        found = alarms((z * part * sd) @ turn.T, (-z * part / sd) @ turn.T)
        assert "spread of component" in found


def test_weights_are_used(rng):
    """Draws of N(0, 1.3**2) under the weights of importance sampling are those of N(0, 1); without weights they are found out."""
    x = 1.3 * rng.standard_normal((4, 2000, 2))
    weights = np.exp(-0.5 * (x**2).sum(2) * (1 - 1 / 1.3**2))
    assert alarms(x, -x, weights) == []
    assert alarms(x, -x) != []


# ---- flags of runs -----------------------------------------------------------------------------------------------------------------


def kinds_of(flags):
    return {flag.kind: flag for flag in flags}


@pytest.mark.parametrize(
    ("target", "sampler", "options"),
    [
        (wc.zoo.gaussian(np.ones(20)), MCLMC(14.0, 10.0, np.ones(20)), {}),
        (wc.zoo.gaussian([1.0, 1.0]), MCLMC(0.2, float("inf"), np.ones(2)), {"thin": 10}),
        (wc.zoo.gaussian(np.ones(5)), ESH(0.5, np.ones(5)), {"thin": 5}),
        (wc.zoo.gaussian([1.0]), NoseHoover(0.05), {"thin": 20, "initial": [0.3]}),
        (wc.zoo.rosenbrock(), Langevin(0.5, 1.0, (1.0, 1.0)), {"thin": 3}),
    ],
    ids=["long steps", "no noise", "round target", "torus", "narrow valley"],
)
def test_a_wrong_run_is_flagged_as_invalid(target, sampler, options):
    found = trace_of(target, sampler, **options).check()
    assert any(flag.severity is Severity.INVALID for flag in found), found
    note = kinds_of(found)[Kind.UNADJUSTED]
    assert note.severity is Severity.NOTE
    assert type(sampler).__name__ in note.sentence


@pytest.mark.parametrize("sampler", [MCLMC(), Langevin(), NoseHooverChain()], ids=lambda s: type(s).__name__)
def test_a_good_run_is_said_to_be_unadjusted_and_nothing_else(sampler):
    found = trace_of(wc.zoo.gaussian([1.0, 0.1, 10.0]), sampler, draws=2000, thin=8).check()
    assert [flag.kind for flag in found] == [Kind.UNADJUSTED]
    assert "accepts every step" in found[0].sentence


def test_adjusted_samplers_are_not_asked():
    for sampler in (wc.samplers.NUTS(), wc.samplers.MAMS()):
        assert check_unadjusted(trace_of(wc.zoo.gaussian([1.0, 2.0]), sampler, draws=200, warmup=200)) == []


def test_too_short_a_run_says_that_bias_cannot_be_told():
    for options in ({"draws": 50}, {"record": "averages"}):
        found = check_unadjusted(trace_of(wc.zoo.banana(), MCLMC(), **options))
        assert [flag.kind for flag in found] == [Kind.UNADJUSTED]
        assert "cannot be told" in found[0].sentence
    flag = kinds_of(check_unadjusted(trace_of(wc.zoo.rosenbrock(), MCLMC(), draws=300)))[Kind.BIAS_UNKNOWN]
    assert flag.severity is Severity.IMPRECISE
    for word in ("inf", "nan", "None"):
        assert word not in flag.sentence


def test_constrained_parameters_are_held_in_their_coordinates():
    """tau ~ Gamma(5, 1) by its logarithm, in which the density has no edge."""
    target = wc.Density(
        lambda tau, b: 4.0 * np.log(tau) - tau - 0.5 * b**2, shapes={"tau": (), "b": ()}, constraints={"tau": "positive"}
    )
    trace = trace_of(target, MCLMC(), draws=1500, thin=4)
    assert not any(flag.severity is Severity.INVALID for flag in check_unadjusted(trace))
    assert trace.mean()[0] == pytest.approx(5.0, abs=0.4)


def test_weighted_chains_that_disagree_are_found():
    target = wc.zoo.gaussian_mixture(((-20.0, 0.0), (20.0, 0.0)))
    trace = trace_of(target, ESH(), initial=[[-20.0, 0.0], [20.0, 0.0], [-20.0, 0.1], [20.0, 0.1]], thin=5)
    assert Kind.DISAGREE in kinds_of(check_unadjusted(trace))


def test_an_improper_density_is_flagged():
    flat = wc.Density(lambda x: 0.0, 2, lambda x: np.zeros(2))
    for sampler in (MCLMC(), NoseHooverChain()):
        assert any(flag.severity is Severity.INVALID for flag in trace_of(flat, sampler, draws=500, warmup=100).check())
