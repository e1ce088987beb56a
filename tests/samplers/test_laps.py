"""The late adjusted ensemble (broken variants: test_calibration): its steps are those of samplers that are tested by themselves, its warm-up knows when it is at rest, bad input is refused."""

import warnings

import numpy as np
import pytest

import weakchaos as wc
from tests.conformance import check_invariance
from tests.samplers.test_continuous import banana_of
from weakchaos.core.counters import BAD_VALUES, GRADIENTS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.flags import Kind
from weakchaos.native.compiled import draw_uniform, kernel, normal_from_uniform
from weakchaos.samplers import LAPS, MAMS, MCLMC
from weakchaos.samplers.laps import _at_rest, _bias

MASS = (2.0, 0.5)


def rows_of(system, state):
    return state.phase[: system.walkers * system.dim].reshape(system.walkers, system.dim)


def test_a_step_is_one_of_mams_for_one_walker_after_another():
    ensemble = LAPS(8, 0.4, 2.0, MASS).bind(banana_of())
    single = MAMS(0.4, 2.0, MASS).bind(banana_of())
    state = ensemble.start(3)
    walkers, driver = rows_of(ensemble, state).copy(), state.driver.copy()
    drawn = ensemble.advance(state, 40)
    for t, x in enumerate(drawn):
        one = single.start(0, walkers[t % 8])
        one.driver = driver
        walkers[t % 8] = single.advance(one, 1)[0]
        np.testing.assert_array_equal(x, walkers[t % 8])


def test_the_unadjusted_part_is_that_of_mclmc():
    ensemble = LAPS(8, 0.3, 2.0, MASS).bind(banana_of())
    single = MCLMC(0.3, np.sqrt(2.0), MASS).bind(banana_of())
    state = ensemble.start(4)
    walkers, driver = rows_of(ensemble, state).copy(), state.driver.copy()
    ensemble.warm(state, 1, 0, 100, np.empty((0, 2)), np.empty((0, 6)))

    @kernel
    def normals(stream, stream_state, out):
        for i in range(out.size):
            out[i] = normal_from_uniform(draw_uniform(stream, stream_state))

    for w in range(8):
        u = np.empty(2)
        normals(np.uint64(driver.function), np.uint64(driver.state), u)
        one = single.start(0, walkers[w])
        one.driver, one.phase[2:] = driver, u / np.sqrt((u * u).sum())
        np.testing.assert_allclose(single.advance(one, 1)[0], rows_of(ensemble, state)[w], rtol=0, atol=1e-14)


@pytest.mark.parametrize("parts", [(1, 36, 183), (90, 65, 65)])
def test_any_split_of_warm_up_gives_the_same_bits(parts):
    system, empty = LAPS(8).bind(banana_of()), (np.empty((0, 2)), np.empty((0, 6)))
    whole, split, done = system.start(5), system.start(5), 0
    made, finished = system.warm(whole, sum(parts), 0, sum(parts), *empty)
    for n in parts:
        if done < made:
            done += system.warm(split, n, done, sum(parts), *empty)[0]
    assert done == made
    assert whole.exact() == split.exact()
    assert finished == (made < sum(parts))
    assert not [name for name in whole.tuning if name.startswith("ensemble_")]


def test_invariant_distribution():
    target = wc.zoo.gaussian([1.0, 10.0, 0.1])
    trace = check_invariance(LAPS(16), target, target.means, target.sds**2, draws=8000, warmup=600, seed=2, chains=2)
    assert trace.tuning["settled"].all()
    assert abs(trace.stats["acceptance_rate"].mean() - 0.8) < 0.06
    assert (trace.tuning["adjusted_from"] < trace.tuning["settled"]).all()
    np.testing.assert_allclose(trace.tuning["inverse_mass"], np.broadcast_to(target.sds**2, (2, 3)), rtol=1.5)
    assert trace.check() == []


def test_walkers_that_start_far_away_arrive():
    target = wc.zoo.gaussian(np.ones(20))
    far = np.full(20, 300.0)
    trace = wc.sample(target, LAPS(), draws=3000, chains=2, seed=1, initial=far, progress=False)
    assert trace.tuning["settled"].all()
    z = trace.mean() * np.sqrt(trace.draws[0].size / 20)
    assert np.abs(z).max() < 5.0
    assert [f for f in trace.check() if f.severity != "note"] == []


def test_rest_is_told_from_motion():
    rng = np.random.default_rng(0)
    passed = {}
    for drift in (0.0, 0.5):
        passed[drift] = 0
        for _ in range(200):
            place = rng.normal(size=(64, 3))  # a walker's averages differ from another's for good
            y = [place[:, None] + rng.normal(size=(64, n, 3)) + k * drift for k, n in enumerate((20, 30))]
            sums = [np.concatenate([v.sum(1), (v * v).sum(1), v.sum((1, 2))[:, None]], 1) for v in y]
            passed[drift] += _at_rest(*sums, 20.0, 30.0)
    assert passed[0.0] >= 190  # one test in a hundred is to fail
    assert passed[0.5] == 0


def test_the_bias_is_that_of_a_gaussian_of_another_width():
    x = np.random.default_rng(1).normal(size=(4000, 5))
    assert _bias(x, -x) < 2e-3
    assert _bias(x, -x / 1.5) == pytest.approx((1 - 1 / 1.5) ** 2, rel=0.1)
    assert _bias(x, np.full_like(x, np.nan)) == 1.0


def test_a_warm_up_that_is_too_short_says_so():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = wc.sample(
            wc.zoo.funnel(10), LAPS(16), draws=400, warmup=500, chains=2, seed=1, initial=np.full(10, 200.0), progress=False
        )
    assert Kind.UNSETTLED in {flag.kind for flag in trace.check()}


def test_nan_is_counted_and_never_a_draw():
    target = wc.Density(lambda x: float("nan") if x[0] > 1.0 else -0.5 * float(x @ x), 2, grad=lambda x: -x, start=np.zeros(2))
    system = LAPS(8).bind(target)
    state = system.start(1)
    system.warm(state, 60, 0, 60, np.empty((0, 2)), np.empty((0, 6)))
    draws = system.advance(state, 400)
    assert draws[:, 0].max() <= 1.0
    assert np.isfinite(draws).all()
    assert state.counters[BAD_VALUES] > 0


def test_gradients_are_counted_as_they_are_called():
    calls = []

    def gradient(x):
        calls.append(1)
        return -x

    system = LAPS(8).bind(wc.Density(lambda x: -0.5 * float(x @ x), 2, grad=gradient))
    state = system.start(1)
    calls.clear()
    system.warm(state, 80, 0, 80, np.empty((0, 2)), np.empty((0, 6)))
    system.advance(state, 50)
    assert state.counters[GRADIENTS] == len(calls)


def test_walkers_start_at_rows():
    places = np.arange(16.0).reshape(8, 2) / 10
    state = LAPS(8).bind(banana_of()).start(1, places)
    np.testing.assert_array_equal(state.phase.reshape(8, 2), places)


@pytest.mark.parametrize("options", [{"walkers": 4}, {"step_size": 0.0}, {"target_accept": 1.0}, {"trajectory_length": -1.0}, {"inverse_mass": (1.0, -1.0)}, {"inverse_mass": ((1.0, 0.0), (0.0, 1.0))}])  # fmt: skip
def test_bad_arguments_are_refused(options):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=next(iter(options))):
        LAPS(**options)


def test_bad_targets_are_refused():
    with pytest.raises(ArgumentError, match="2 coordinates"):
        LAPS().bind(wc.zoo.gaussian([1.0]))
    with pytest.raises(ArgumentError, match="inverse_mass"):
        LAPS(inverse_mass=(1.0,)).bind(banana_of())
    with pytest.raises(ArgumentTypeError, match="Density"):
        LAPS().bind(wc.Ising.lattice((3, 3), 0.2))
