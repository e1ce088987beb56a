"""Chains in modes of next to no mass are brought along in warm-up, and said to have been; modes that count are left alone."""

from types import SimpleNamespace

import numpy as np
import pytest
from numba import njit

import weakchaos as wc
from weakchaos.core.counters import RELOCATIONS
from weakchaos.core.errors import ConvergenceWarning
from weakchaos.core.flags import Kind, Severity
from weakchaos.samplers.left_behind import bring_along
from weakchaos.samplers.metric import COUNT, HEADER, WEIGHT


@njit
def two_modes(x, out, far, height, sd):
    """log of N(0, 1) + exp(height) N(far, sd) without their constants."""
    near_lp, far_lp = 0.0, height
    for i in range(x.size):
        near_lp -= 0.5 * x[i] ** 2
        far_lp -= 0.5 * ((x[i] - far) / sd) ** 2
    top = max(near_lp, far_lp)
    a, b = np.exp(near_lp - top), np.exp(far_lp - top)
    for i in range(x.size):
        out[i] = -(a * x[i] + b * (x[i] - far) / sd**2) / (a + b)
    return top + np.log(a + b)


def run(height, far=30.0, sd=1.0, at=(0.0, 0.0, 1.0, 0.0), sampler=None, **more):
    target = wc.Density(logp_and_grad=two_modes, dim=3, data=(far, height, sd))
    starts = np.repeat(far * np.array(at)[:, None], 3, 1) + 0.1 * np.arange(3)
    return wc.sample(target, sampler, draws=600, chains=len(at), initial=starts, seed=4, progress=False, **more)


def kinds(trace):
    return {flag.kind: flag for flag in trace.check()}


@pytest.mark.parametrize("sampler", [None, wc.samplers.NUTS(), wc.samplers.HMC(n_leapfrog=8)], ids=["default", "NUTS", "HMC"])
def test_a_chain_in_a_mode_of_no_mass_is_brought_along_and_said_to_be(sampler):
    with pytest.warns(ConvergenceWarning, match="moved 1 of 4 chains"):
        trace = run(-40.0, sampler=sampler)
    found = kinds(trace)
    assert found[Kind.LEFT_BEHIND].severity is Severity.NOTE
    assert found[Kind.LEFT_BEHIND].numbers["count"] == 1
    assert not [flag for flag in found.values() if flag.severity is Severity.INVALID]
    assert [int(s.counters[RELOCATIONS]) for s in trace.states] == [0, 0, 1, 0]
    draws = np.asarray(trace.draws)
    assert np.abs(draws).max() < 6
    assert np.abs(draws.mean((0, 1))).max() < 0.15
    # Nothing of the other mode, 30 standard deviations away, is in the metric.
    assert (trace.tuning["inverse_mass"] < 2.5).all()


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")
@pytest.mark.parametrize(
    ("height", "sd"),
    [(0.0, 1.0), (-12.0, 1.0), (-30.0, 1e4)],
    ids=["as heavy", "a millionth", "low and as wide as that makes up for"],
)
def test_a_mode_that_may_count_is_left_where_it_is(height, sd):
    trace = run(height, far=30.0 * sd, sd=sd)
    assert Kind.LEFT_BEHIND not in kinds(trace)
    assert any(flag.severity is Severity.INVALID for flag in trace.check())
    assert np.abs(np.asarray(trace.draws)[2].mean() / sd - 30.0) < 5.0


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")
@pytest.mark.parametrize("at", [(0.0, 1.0), (0.0, 1.0, 1.0), (0.0, 1.0, 1.0, 1.0)], ids=["two", "one of three", "one of four"])
def test_one_chain_does_not_decide_for_the_others(at):
    trace = run(-60.0, at=at)
    assert Kind.LEFT_BEHIND not in kinds(trace)
    assert any(flag.severity is Severity.INVALID for flag in trace.check())


def test_the_same_chains_are_brought_along_whatever_the_executor():
    with pytest.warns(ConvergenceWarning):
        one, other = run(-60.0, executor=None), run(-60.0, executor="threads")
    np.testing.assert_array_equal(one.draws, other.draws)


@njit
def bundle_and_ball(x, out, far, rho, height):
    """log of N(0, (1 - rho) I + rho 1 1^T) without the constants, and of a ball of weight exp(height) at `far`."""
    n, total, squares, from_far = x.size, 0.0, 0.0, 0.0
    for i in range(n):
        total, squares, from_far = total + x[i], squares + x[i] ** 2, from_far + (x[i] - far) ** 2
    shared = rho / (1.0 + (n - 1) * rho)
    bundle, ball = -0.5 * (squares - shared * total**2) / (1.0 - rho), height - 0.5 * from_far
    top = max(bundle, ball)
    a, b = np.exp(bundle - top), np.exp(ball - top)
    for i in range(n):
        out[i] = -(a * (x[i] - shared * total) / (1.0 - rho) + b * (x[i] - far)) / (a + b)
    return top + np.log(a + b)


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")
@pytest.mark.parametrize("metric", ["auto", "diagonal"])
@pytest.mark.parametrize("at", [(0.0, 0.0, 40.0, 40.0), (0.0, 0.0, 0.0, 40.0)], ids=["two of four", "three of four"])
def test_the_width_of_correlated_coordinates_is_not_counted_once_for_each(metric, at):
    """The bundle is 98 nats lighter than its sharpest point says: the ball has e^48 times its mass, and its chains stay."""
    dim, rho, height = 30, 0.999, -50.0
    target = wc.Density(logp_and_grad=bundle_and_ball, dim=dim, data=(40.0, rho, height))
    starts = np.array(at)[:, None] + 0.05 * np.random.default_rng(0).standard_normal((4, dim))
    trace = wc.sample(target, wc.samplers.NUTS(metric=metric), draws=300, initial=starts, seed=1, progress=False)
    assert abs(np.asarray(trace.draws)[3].mean() - 40.0) < 1.0
    assert any(flag.severity is Severity.INVALID for flag in trace.check())


def a_state(lp, sd, share=1.0, dim=2, points=50, slope=0.0, information=None, out=0.0):
    """One that is normal, or of the given standard deviation of its gradients."""
    window = np.zeros(HEADER + 4 * dim)
    window[COUNT], window[WEIGHT] = points, points * share
    gradient = 1.0 / sd if information is None else information
    window[HEADER : HEADER + dim] = lp + out * sd
    window[HEADER + dim : HEADER + 2 * dim] = slope * gradient
    window[HEADER + 2 * dim : HEADER + 3 * dim] = points * share * sd**2
    window[HEADER + 3 * dim :] = points * share * gradient**2
    known = np.zeros(2 * dim + 1)
    known[-1] = lp
    tuning = {"window": window, "window_products": np.zeros((2, 0, 0)), "step_size": np.array(abs(lp))}
    return SimpleNamespace(
        phase=np.full(dim, lp), symbols=np.empty(0, np.int64), known=known, tuning=tuning, counters=np.zeros(16, np.int64)
    )


def moved(*states):
    bring_along(list(states), 2)
    return [int(s.counters[RELOCATIONS]) for s in states]


def test_what_counts_is_the_log_density_and_the_width():
    assert moved(a_state(0.0, 1.0), a_state(1.0, 1.0), a_state(-50.0, 1.0)) == [0, 0, 1]
    assert moved(a_state(0.0, 1.0), a_state(1.0, 1.0), a_state(-18.0, 1.0)) == [0, 0, 0]
    assert moved(a_state(0.0, 1.0), a_state(1.0, 1.0), a_state(-50.0, np.exp(17.0))) == [0, 0, 0]
    assert moved(a_state(0.0, 1.0), a_state(1.0, 1.0), a_state(-24.0, 1.0, points=5000)) == [0, 0, 1]
    # A spike is high and narrow, and has no more mass than what it stands in.
    assert moved(a_state(50.0, np.exp(-25.0)), a_state(50.0, np.exp(-25.0)), a_state(0.0, 1.0)) == [0, 0, 0]


def test_what_is_not_normal_is_judged_by_bounds():
    """Entropy is at most that of the normal distribution, and at least what the Fisher information leaves: Stam's inequality."""
    # What is bent or has tails may have less volume than its width says, so that it is not known to be heavier ...
    assert moved(a_state(0.0, 1.0, information=1e9), a_state(0.0, 1.0, information=1e9), a_state(-50.0, 1.0)) == [0, 0, 0]
    # ... and a chain that saw a part of a normal region, with gradients that hardly differ, may stand in a wide one.
    assert moved(a_state(0.0, 1.0), a_state(1.0, 1.0), a_state(-50.0, 1.0, information=1e-30)) == [0, 0, 0]


def test_the_log_density_belongs_to_the_present_place():
    """In the mouth of a funnel of many dimensions it is low, and its points of before are narrow."""
    others = a_state(0.0, 1.0), a_state(1.0, 1.0)
    assert moved(*others, a_state(-30.0, 1.0, out=1.5)) == [0, 0, 1]
    assert moved(*others, a_state(-30.0, 1.0, out=1e5)) == [0, 0, 0]


def test_chains_on_their_way_are_not_moved_and_are_nobodys_place():
    """One that still climbs may come to the best mode of all: chains of lynx and hare did, while the others rested in a poor one."""
    assert moved(a_state(0.0, 1.0), a_state(1.0, 1.0), a_state(-1e5, 1.0, slope=50.0)) == [0, 0, 0]
    assert moved(a_state(0.0, 1.0), a_state(1.0, 1.0, slope=50.0), a_state(-50.0, 1.0)) == [0, 0, 0]
    assert moved(a_state(0.0, 1.0, slope=0.5), a_state(1.0, 1.0, slope=0.5), a_state(-50.0, 1.0, slope=0.5)) == [0, 0, 1]


def test_chains_that_hardly_move_are_nobodys_place():
    assert moved(a_state(0.0, 1.0, 0.1), a_state(1.0, 1.0), a_state(-50.0, 1.0)) == [0, 0, 0]
    # One that hardly moves is not called light for the narrow window that it has.
    assert moved(a_state(0.0, 1.0), a_state(1.0, 1.0), a_state(-10.0, 1e-9, 0.1)) == [0, 0, 0]
    assert moved(a_state(0.0, 1.0), a_state(1.0, 1.0), a_state(-50.0, 1e-9, 0.1)) == [0, 0, 1]


def test_chains_that_do_not_agree_bring_nobody_along():
    assert moved(a_state(0.0, 1.0), a_state(30.0, 1.0), a_state(-50.0, 1.0)) == [0, 0, 0]
    assert moved(a_state(0.0, 1.0), a_state(18.0, 1.0), a_state(-50.0, 1.0)) == [0, 0, 1]


def test_who_is_moved_takes_over_place_and_tuning_and_leaves_no_points():
    states = a_state(0.0, 1.0), a_state(1.0, 1.0), a_state(-50.0, 1.0), a_state(-60.0, 1.0)
    assert moved(*states) == [0, 0, 1, 1]
    for state, other in ((states[2], states[1]), (states[3], states[0])):
        np.testing.assert_array_equal(state.phase, other.phase)
        np.testing.assert_array_equal(state.known, other.known)
        assert state.tuning["step_size"] == other.tuning["step_size"]
        assert not state.tuning["window"].any()
        assert other.tuning["window"].any()
        assert not np.shares_memory(state.phase, other.phase)
