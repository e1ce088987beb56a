"""Slice sampling: its slow version fed the same numbers, its invariant distribution, widths that tune themselves."""

import math

import numpy as np
import pytest

import weakchaos as wc
from tests.calibration import mutant
from tests.conformance import check_expectations, check_invariance, check_system
from tests.samplers.test_continuous import banana, banana_of, uniforms_of
from weakchaos.core.counters import BAD_VALUES, EVALUATIONS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from weakchaos.samplers.slice_sampling import Slice


def slow_slice(logp, x, u, width, m, steps):
    """Figures 3 and 5 of Neal (2003), coordinate by coordinate."""
    u, x, rows, count = iter(u), np.array(x, float), [], 0

    def at(k, value):
        nonlocal count
        count += 1
        y = x.copy()
        y[k] = value
        return logp(y)

    for _ in range(steps):
        for k in range(x.size):
            y = logp(x) + math.log(next(u))
            low = x[k] - width * next(u)
            high = low + width
            j = math.floor(m * next(u))
            rest = m - 1 - j
            while j > 0 and y < at(k, low):
                low, j = low - width, j - 1
            while rest > 0 and y < at(k, high):
                high, rest = high + width, rest - 1
            while True:
                new = low + next(u) * (high - low)
                if y < at(k, new):
                    x[k] = new
                    break
                if new < x[k]:
                    low = new
                else:
                    high = new
        rows.append(x.copy())
    return np.array(rows), count


@pytest.mark.parametrize(("width", "m"), [(1.0, 100), (0.3, 3), (5.0, 1)])
def test_it_is_its_slow_version(width, m):
    system = Slice(width, max_steps=m).bind(banana_of(False))
    state = system.start(3)
    u = uniforms_of(system, state, 5000)
    slow, count = slow_slice(lambda x: banana.py_func(x, 0.5), state.phase, u, width, m, 60)
    np.testing.assert_allclose(system.advance(state, 60), slow, rtol=0, atol=1e-9)
    assert state.counters[EVALUATIONS] == count + 1


@pytest.mark.parametrize("sampler", [Slice(0.7), Slice(), Slice(direction="random"), Slice((0.5, 2.0), max_steps=2)])
def test_laws_of_a_system(sampler):
    check_system(sampler.bind(banana_of(False)), n=48)


@pytest.mark.parametrize("sampler", [Slice(), Slice(0.2, max_steps=3), Slice(20.0), Slice(direction="random")])
def test_invariance(sampler):
    check_invariance(sampler, wc.zoo.gaussian([1.0, 3.0]), np.zeros(2), np.array([1.0, 9.0]), warmup=300, draws=8000)


def test_a_density_with_a_jump():
    """The uniform distribution on [0, 1]: mean 1/2, variance 1/12, and no draw outside."""
    target = wc.Density(lambda x: 0.0 if 0 < x[0] < 1 else -math.inf, 1, start=lambda r: r.random(1))
    trace = wc.sample(target, Slice(), draws=3000, warmup=100, seed=1, progress=False)
    assert trace.draws.min() > 0
    assert trace.draws.max() < 1
    check_expectations(np.concatenate([trace.draws, (trace.draws - 0.5) ** 2], axis=2), [0.5, 1 / 12])
    assert trace.check() == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("known[dim] + math.log(max(u, 5e-324))", "known[dim] + 0.5 * math.log(max(u, 5e-324))"),
        ("left = -width * draw_uniform(stream, stream_state)", "left = 0.0"),
        ("    inwards = max_steps - 1 - outwards", "    inwards = 0"),
    ],
)
def test_a_broken_slice_is_found(old, new):
    made = mutant("weakchaos.samplers.slice_sampling", (old, new))
    with pytest.raises(AssertionError):
        check_invariance(made.Slice(0.5, max_steps=8), wc.zoo.gaussian([1.0, 3.0]), np.zeros(2), np.array([1.0, 9.0]))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_widths_tune_themselves(scale):
    """To 2.5 mean moves; the mean width of the slices of a normal distribution is 2 E sqrt(2 e) = sqrt(2 pi) standard deviations, e exponential."""
    trace = wc.sample(wc.zoo.gaussian([scale]), Slice(), draws=500, warmup=1000, seed=1, progress=False)
    assert (np.abs(trace.tuning["width"] / (math.sqrt(2 * math.pi) * scale) - 1) < 0.6).all()
    assert trace.stats["n_steps"].mean() < 8
    assert np.array_equal(
        wc.sample(wc.zoo.gaussian([scale]), Slice(2.0), draws=5, warmup=50, seed=1, progress=False).tuning["width"],
        np.full((4, 1), 2.0),
    )


def test_bad_values_are_counted_and_never_drawn():
    target = wc.Density(lambda x: math.nan if x[0] > 1 else -0.5 * float(x @ x), 2, start=np.zeros(2))
    with pytest.warns(UserWarning, match="NaN or"):
        trace = wc.sample(target, Slice(), draws=500, warmup=20, seed=1, progress=False)
    assert trace.draws[:, :, 0].max() <= 1
    assert sum(s.counters[BAD_VALUES] for s in trace.states) > 0


def test_a_density_that_is_no_function_ends_too():
    """The level is never reached again: after 2000 halvings the place is kept."""
    calls = [0]

    def falling(x):
        calls[0] += 1
        return -float(calls[0]) * 1e3

    with pytest.warns(ConvergenceWarning, match="at the same point"):
        trace = wc.sample(wc.Density(falling, 1), Slice(), draws=2, warmup=0, chains=1, seed=1, progress=False)
    assert trace.n_draws == 2


def test_an_exception_between_two_lines_leaves_whole_steps():
    left = [150]

    def logp(x):
        left[0] -= 1
        if left[0] == 0:
            raise ZeroDivisionError
        return -0.5 * float(x @ x)

    with pytest.raises(ZeroDivisionError) as caught:
        wc.sample(wc.Density(logp, 2), Slice(), draws=100, warmup=0, seed=1, chains=1, progress=False)
    trace = wc.extend(caught.value.trace, 100 - caught.value.trace.n_draws, progress=False)
    whole = wc.sample(wc.Density(lambda x: -0.5 * float(x @ x), 2), Slice(), draws=100, warmup=0, seed=1, chains=1, progress=False)
    assert np.array_equal(trace.draws, whole.draws)


@pytest.mark.parametrize(
    "arguments",
    [{"width": 0}, {"width": (1.0, -1.0)}, {"width": "wide"}, {"direction": "up"}, {"max_steps": 0}, {"max_steps": 1.5}],
)
def test_arguments_that_make_no_sense(arguments):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=f"`{next(iter(arguments))}`"):
        Slice(**arguments)


def test_a_width_for_each_coordinate_fits_the_target():
    with pytest.raises(ArgumentError, match="`width`"):
        Slice((1.0, 2.0, 3.0)).bind(banana_of(False))
    with pytest.raises(ArgumentError, match="`width`"):
        Slice((1.0, 2.0), "random").bind(banana_of(False))
