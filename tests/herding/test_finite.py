"""Herding: its identity, its certificate, Sturmian sequences, and the exact argmax."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import naive
from tests.samplers.test_gibbs import machine, star
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.sampling import sample
from weakchaos.diagnostics import largest_exponent
from weakchaos.herding import Herding
from weakchaos.targets.moments import Moments
from weakchaos.targets.points import Points

GOLDEN = (np.sqrt(5) - 1) / 2


def neuron(p):
    return Moments([[0.0], [1.0]], [p])


def random_moments(seed, states=12, k=3):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(states, k))
    return Moments(features, rng.dirichlet(np.ones(states)) @ features)


def test_sequence_and_identity():
    target = random_moments(0)
    system = Herding().bind(target)
    state = system.start(1)
    w0 = state.phase.copy()
    draws = system.advance(state, 5000)[:, 0]
    expected, w = naive.herding(target.features, target.moments, w0, 5000)
    assert np.array_equal(draws, expected)
    assert np.allclose(state.phase, w)
    mean = target.features[draws].mean(0)
    scale = np.abs(5000 * target.moments).max()
    assert np.abs((state.phase - w0) - 5000 * (target.moments - mean)).max() < 1e-9 * scale


@pytest.mark.parametrize("n", [3, 5, 7])
def test_ising_features(n):
    """T times the error stays bounded, and the certificate of the perceptron cycling theorem holds at every step."""
    rng = np.random.default_rng(n)
    spins = np.array(list(itertools.product((-1.0, 1.0), repeat=n)))
    pairs = np.array([s[:, None] * s for s in spins])[:, *np.triu_indices(n, 1)]
    features = np.concatenate([spins, pairs], 1)
    target = Moments(features, rng.dirichlet(np.ones(2**n)) @ features)
    trace = sample(target, Herding("zero"), draws=20_000, warmup=0, chains=1, progress=False)
    error = trace.error(at=np.arange(100, 20_001, 100))
    assert (error.errors * error.draws).max() < 12
    assert trace.stats["certificate"].max() <= 1e-9
    assert trace.system.violations(trace.states[0]) == 0


def test_certificate_fails_where_moments_cannot_be_matched():
    square = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]  # (0.9, 0.9) lies in the bounding box and outside of the triangle
    trace = sample(Moments(square, [0.9, 0.9]), Herding("zero"), draws=100, warmup=0, chains=1, progress=False)
    assert trace.system.violations(trace.states[0]) > 50


def test_golden_neuron_is_sturmian():
    """n + 1 words of each length n and |S_T - T p| <= 1: the coding of an irrational rotation (Morse and Hedlund 1940)."""
    system = Herding().bind(neuron(GOLDEN))
    x = system.advance(system.start(3), 50_000)[:, 0]
    t = np.arange(1, x.size + 1)
    assert np.abs(np.cumsum(x) - t * GOLDEN).max() <= 1.0
    for n in (1, 2, 3, 5, 8, 13, 21, 34):
        assert len(naive.words(x.tolist(), n)) == n + 1


def test_rational_neuron_is_periodic():
    system = Herding("zero").bind(neuron(3 / 7))
    x = system.advance(system.start(0), 7000)[:, 0]
    assert np.array_equal(x[:-7], x[7:])
    assert not np.array_equal(x[:-3], x[3:])
    assert abs(float(largest_exponent(system, steps=500))) < 1e-6


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["factors", "units"]))
def test_elimination_is_enumeration(seed, which):
    """On a graph with zeros: the same states as enumeration of all states."""
    rng = np.random.default_rng(seed)
    target = star(3, 3)
    target.fields = rng.normal(size=target.fields.shape)
    target.fields[int(rng.integers(4)), int(rng.integers(3))] = -np.inf
    object.__setattr__(target, "marginals", lambda: marginals(target))
    system = Herding(features=which).bind(target)
    state = system.start(seed)
    states = np.array([s for s in itertools.product(range(3), repeat=4) if np.isfinite(target.log_prob(np.array(s)))])
    p = np.exp(target.log_prob(states))
    p /= p.sum()
    scopes = [np.array([i]) for i in range(4)] if which == "units" else list(target.scopes)
    features = np.concatenate([one_hot(states[:, s], [3] * len(s)) for s in scopes], 1)
    w = np.concatenate([state.phase[: features.shape[1]]])
    chosen, _ = naive.herding(features, p @ features, w, 60)
    got = system.advance(state, 60)
    assert np.array_equal(got, states[chosen])
    assert system.violations(state) == 0


def marginals(target):
    p = target.distribution().reshape([target.q] * target.dim)
    return [p.sum(tuple(a for a in range(target.dim) if a != k)) for k in range(target.dim)]


def one_hot(columns, shape):
    index = np.ravel_multi_index(columns.T, shape)
    return np.eye(int(np.prod(shape)))[index]


def test_graph_marginals_converge_like_one_over_t():
    target = machine(6, 2)
    trace = sample(target, Herding(), draws=5000, warmup=0, chains=2, seed=1, progress=False)
    error = trace.error(at=[50, 500, 5000])
    assert (error.errors * error.draws).max() < 8


def test_points():
    x = np.random.default_rng(0).normal(size=(200, 3))
    target = Points(x, weights=np.arange(1, 201))
    trace = sample(target, Herding(), draws=2000, warmup=0, chains=1, seed=2, progress=False)
    assert trace.draws.shape == (1, 2000, 3)
    assert set(map(tuple, trace.draws[0])) <= set(map(tuple, x))
    assert float(trace.error()) < 5e-3


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: Moments([[0.0], [np.nan]], [0.5]), ArgumentError, "features"),
        (lambda: Moments([[0.0], [1.0]], [1.5]), ArgumentError, "moments"),
        (lambda: Moments([[0.0], [1.0]], [0.5, 0.5]), ArgumentError, "moments"),
        (lambda: Points(np.zeros((0, 2))), ArgumentError, "`x`"),
        (lambda: Points([[0.0], [1.0]], weights=[-1, 2]), ArgumentError, "weights"),
        (lambda: Herding("ones"), ArgumentError, "start"),
        (lambda: Herding([0.0, np.inf]), ArgumentError, "start"),
        (lambda: Herding([0.0, 1.0]).bind(neuron(0.3)).start(0), ArgumentError, "start"),
        (lambda: Herding(features="edges"), ArgumentError, "features"),
        (lambda: Herding().bind("model"), ArgumentTypeError, "target"),
        (lambda: Herding().bind(neuron(0.3)).start(0, [1]), ArgumentError, "initial"),
    ],
)
def test_bad_input(call, error, match):
    with pytest.raises((error, ArgumentTypeError), match=match):
        call()
