"""Herding with hidden units: the oracle, the identity of its weights, the certificate of the perceptron cycling theorem, what hidden units add."""

import numpy as np
import pytest

from tests.herding import naive_learning as naive
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.herding import Herding, HiddenHerding
from weakchaos.reports.compare.compare import compare
from weakchaos.runs.sampling import sample
from weakchaos.targets.moments import Moments
from weakchaos.targets.points import Points


def data(rng, n=40, d=6):
    """Units that mostly agree with one of two templates."""
    templates = rng.integers(0, 2, (2, d))
    x = templates[rng.integers(0, 2, n)]
    return np.where(rng.uniform(size=(n, d)) < 0.1, 1 - x, x).astype(float)


@pytest.mark.parametrize("starts", ["data", "previous"])
@pytest.mark.parametrize("shift", [0.0, -1.5])
def test_sequence_is_the_oracle(rng, starts, shift):
    signs = 2.0 * data(rng) - 1.0
    x = 1.5 * signs + shift
    p = rng.dirichlet(np.ones(len(x)))
    system = HiddenHerding(4, starts=starts).bind(Points(x, p))
    state = system.start(5)
    weights = tuple(w.copy() for w in system.weights(state))
    last = 2.0 * state.symbols[:6] - 1.0 if starts == "previous" else None
    rows = np.empty((150, 3))
    draws = np.empty((150, 6))
    system.run(state, 150, 1, draws, rows, np.empty(0))
    for t in range(150):
        s, z, certificate, weights = naive.hidden_step(signs, system.target.weights, *weights, last)
        assert np.array_equal(draws[t], 1.5 * s + shift)
        assert certificate == pytest.approx(rows[t, 0], abs=1e-9)
        last = s if starts == "previous" else None
    assert np.array_equal(state.symbols[-4:], z)
    for got, expected in zip(system.weights(state), weights, strict=True):
        assert np.allclose(got, expected, atol=1e-9)


def test_weights_are_sums_of_what_was_not_yet_drawn(rng):
    """a_T - a_0 = T (mean of the data - mean of the draws), to rounding, in units of half the range; so the error is |a_T - a_0| / 2T."""
    x = data(rng, 60, 8)
    system = HiddenHerding(12).bind(Points(x))
    state = system.start(1)
    before = system.weights(state)[1].copy()
    draws = system.advance(state, 4000)
    gap = 4000 * 2 * (x.mean(0) - draws.mean(0))
    assert np.abs(system.weights(state)[1] - before - gap).max() < 1e-9 * 4000
    assert np.abs(gap).max() < 60


def test_certificate_holds_from_data_and_can_fail_from_elsewhere(rng):
    x = data(rng, 60, 10)
    held = sample(Points(x), HiddenHerding(30), draws=2000, warmup=0, chains=1, seed=2, progress=False)
    assert held.stats["certificate"].max() <= 1e-9
    assert held.system.violations(held.states[0]) == 0
    loose = [
        sample(Points(x), HiddenHerding(30, starts="previous"), draws=2000, warmup=0, chains=1, seed=s, progress=False)
        for s in range(4)
    ]
    assert sum(t.system.violations(t.states[0]) for t in loose) > 0  # the check can fail


def test_both_starts_are_never_worse_and_no_better_than_all_states(rng):
    x = rng.integers(0, 2, (20, 8)).astype(float)
    system, data_only, previous = (HiddenHerding(8, starts=s).bind(Points(x)) for s in ("both", "data", "previous"))
    state = system.start(3)
    system.advance(state, 100)
    gains = []
    for _ in range(40):
        w, a, theta = (v.copy() for v in system.weights(state))
        alone, other = state.copy(), state.copy()
        s = system.advance(state, 1)[0]
        one, two = data_only.advance(alone, 1)[0], previous.advance(other, 1)[0]

        def score(s, w=w, a=a, theta=theta):
            s = 2.0 * s - 1.0
            return a @ s + np.abs(s @ w + theta).sum()

        assert score(s) == pytest.approx(max(score(one), score(two)))
        gains.append(score(two) - score(one))
        assert score(s) <= naive.best_state(w, a, theta) + 1e-9
    assert min(gains) < 0 < max(gains)  # each start is the better one at times


def test_without_hidden_units_it_is_herding(rng):
    """Dyadic moments, so that weights are exact; without hidden units the argmax for u = 2x - 1 is that for x."""
    x = rng.integers(0, 2, (32, 4)).astype(float)
    states = np.array([[int(b) for b in f"{k:04b}"] for k in range(16)], float)
    plain = Herding("zero").bind(Moments(states, x.mean(0)))
    hidden = HiddenHerding(0).bind(Points(x))
    expected = states[plain.advance(plain.start(0), 400)[:, 0]]
    assert np.array_equal(hidden.advance(hidden.start(0), 400), expected)


def test_points_are_chosen_exactly(rng):
    x = rng.normal(size=(50, 3))
    u = 2 * (x - x.min(0)) / np.ptp(x, axis=0) - 1
    system = HiddenHerding(6).bind(Points(x))
    state = system.start(2)
    for _ in range(100):
        w, a, theta = (v.copy() for v in system.weights(state))
        best = int(np.argmax(u @ a + np.abs(u @ w + theta).sum(1)))
        assert np.array_equal(system.advance(state, 1)[0], x[best])
        assert state.symbols[0] == best


def test_grey_values_are_herded_on_corners(rng):
    """Real data on the corners of their box: a data point is no corner, and the search from it must still not end below it."""
    x = rng.beta(0.5, 1.0, size=(40, 5)) * [1.0, 2.0, 3.0, 4.0, 5.0]
    trace = sample(Points(x), HiddenHerding(8, visible="binary"), draws=5000, warmup=0, chains=1, seed=4, progress=False)
    draws = trace.draws[0]
    assert ((draws == x.min(0)) | (draws == x.max(0))).all()
    assert trace.stats["certificate"].max() <= 1e-9
    assert np.abs((draws.mean(0) - x.mean(0)) / np.ptp(x, axis=0)).max() < 0.01


def test_hidden_units_carry_the_dependencies(rng):
    """Two templates: with hidden units the draws covary as the data do; without them only by accident."""
    x = data(rng, 200, 8)
    truth = np.cov(x.T)
    errors = []
    for hidden in (0, 24):
        draws = sample(Points(x), HiddenHerding(hidden), draws=4000, warmup=200, chains=1, seed=3, progress=False).draws[0]
        errors.append(np.abs(np.cov(draws.T) - truth)[np.triu_indices(8, 1)].mean())
    assert errors[1] < 0.4 * errors[0]


def test_error_times_draws_stays_bounded_and_compare_takes_it(rng):
    target = Points(data(rng))
    trace = sample(target, HiddenHerding(8), draws=20_000, warmup=0, chains=3, seed=0, progress=False, record="averages")
    error = trace.error()
    assert (error.errors * error.draws).max() < 20
    report = compare(target, {"hidden": HiddenHerding(8)}, draws=2000, repeats=3, cycle_steps=500, lyapunov_steps=100)
    assert report.rows[0]["error"] < 0.01
    assert report.rows[0]["driver"] == "none"


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: HiddenHerding(-1), "n_hidden"),
        (lambda: HiddenHerding(visible="real"), "visible"),
        (lambda: HiddenHerding(starts="random"), "starts"),
        (lambda: HiddenHerding(start_scale=0), "start_scale"),
        (lambda: HiddenHerding().bind(Moments([[0.0], [1.0]], [0.5])), "target"),
        (lambda: HiddenHerding(starts="both").bind(Points([[0.0], [1.0], [2.0]])), "starts"),
        (lambda: HiddenHerding().bind(Points([[0.0], [1.0]])).start(0, [1.0]), "initial"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=match):
        call()
