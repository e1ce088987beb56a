"""Herding: its identity, its certificate, Sturmian sequences, and the exact argmax."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.herding import naive_herding
from tests.samplers.test_gibbs import machine, star
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning, SamplingError
from weakchaos.diagnostics import find_cycle, largest_exponent, word_complexity
from weakchaos.herding import Herding
from weakchaos.runs.sampling import extend, sample
from weakchaos.runs.verbs import load
from weakchaos.targets.hull import outside_hull
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
    expected, w = naive_herding.herding(target.features, target.moments, w0, 5000)
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


def test_a_broken_certificate_ends_in_a_warning():
    """Moments moved out of reach behind the back of the target: the certificate fails, and the run says so."""
    target = Moments([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0.3, 0.3])
    sample(target, Herding("zero"), draws=100, warmup=0, chains=1, progress=False)  # no warning
    target.moments = np.array([0.9, 0.9])  # in the bounding box and outside of the triangle
    with pytest.warns(ConvergenceWarning, match=r"certificate .* failed at \d\d of 100 steps"):
        trace = sample(target, Herding("zero"), draws=100, warmup=0, chains=1, progress=False)
    assert trace.system.violations(trace.states[0]) > 50


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.booleans())
def test_hull_distance_is_that_of_the_whole_program(seed, k, inside):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(400, k)) * rng.uniform(0.1, 10, k)
    m = rng.dirichlet(np.full(400, 0.02)) @ points
    if not inside:
        m = m + rng.normal(size=k) * np.ptp(points, axis=0)
    found = outside_hull(points, m)
    assert found.distance == pytest.approx(naive_herding.hull_distance(points, m), abs=1e-7)
    assert inside <= (found.distance < 1e-9)
    gap = np.abs(found.nearest - m) / np.ptp(points, axis=0)
    assert gap.max() == pytest.approx(found.distance)
    assert gap[found.worst] == pytest.approx(found.distance)
    assert naive_herding.hull_distance(points, found.nearest) < 1e-7  # what is called nearest is a point of the hull


def test_moments_outside_of_the_hull_are_refused_with_their_distance():
    triangle = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    with pytest.raises(ArgumentError, match=r"outside of it by 0.4 of a feature's range: .* give phi0 0.5, not 0.9"):
        Moments(triangle, [0.9, 0.9])
    Moments(triangle, [0.5, 0.5])  # on the edge


def test_step_size_only_rescales_the_start():
    target = random_moments(1)
    w0 = np.array([0.3, -1.0, 0.7])
    whole, half = (Herding(w0 * s, step_size=s).bind(target) for s in (1.0, 0.5))
    a, b = whole.start(0), half.start(0)
    assert np.array_equal(whole.advance(a, 3000), half.advance(b, 3000))
    assert np.allclose(b.phase, 0.5 * a.phase, atol=1e-9)


def test_golden_neuron_is_sturmian():
    """n + 1 words of each length n and |S_T - T p| <= 1: the coding of an irrational rotation (Morse and Hedlund 1940)."""
    system = Herding().bind(neuron(GOLDEN))
    x = system.advance(system.start(3), 200_000)[:, 0]
    t = np.arange(1, x.size + 1)
    assert np.abs(np.cumsum(x) - t * GOLDEN).max() <= 1.0
    lengths = np.arange(1, 35)
    assert np.array_equal(word_complexity(x, lengths), lengths + 1)
    random = np.random.default_rng(0).random(x.size) < GOLDEN
    assert not np.array_equal(word_complexity(random.astype(np.int8), lengths), lengths + 1)


@pytest.mark.parametrize("exact", [False, True])
def test_rational_neuron_is_periodic(exact):
    system = Herding("zero", exact=exact).bind(neuron(Fraction(3, 7)))
    x = system.advance(system.start(0), 7000)[:, 0]
    assert np.array_equal(x[:-7], x[7:])
    assert not np.array_equal(x[:-3], x[3:])
    assert abs(float(largest_exponent(system, steps=500))) < 1e-6
    if exact:
        assert find_cycle(system, seed=0).period == 7


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.booleans())
def test_exact_herding_is_herding_in_fractions(seed, k, zero):
    rng = np.random.default_rng(seed)
    states = int(rng.integers(k + 1, 7))
    features = [
        [Fraction(int(v), int(d)) for v, d in zip(row, rng.integers(1, 4, k), strict=True)]
        for row in rng.integers(-3, 4, (states, k))
    ]
    parts = rng.integers(0, 5, states) + 1
    moments = [sum(int(p) * f[j] for p, f in zip(parts, features, strict=True)) / int(parts.sum()) for j in range(k)]
    target = Moments(features, moments)
    system = Herding("zero" if zero else "random", exact=True).bind(target)
    state = system.start(seed)
    w0 = [Fraction(int(v), system.denominator) for v in state.phase]
    chosen, path = naive_herding.herding_fractions(features, moments, w0, 400)
    assert system.advance(state, 400)[:, 0].tolist() == chosen
    assert [Fraction(int(v), system.denominator) for v in state.phase] == list(path[-1])
    assert system.violations(state) == 0

    def step(w):
        return naive_herding.herding_fractions(features, moments, w, 1)[1][0]

    # The oracle's map does not see which state was chosen last: the weights alone must return. Three features with many divisors may take 10^5 steps of fractions to do so.
    seen, w = {}, tuple(w0)
    while w not in seen:
        assume(len(seen) < 4000)
        seen[w] = len(seen)
        w = tuple(step(w))
    preperiod, period = seen[w], len(seen) - seen[w]
    found = find_cycle(system, seed=seed, max_steps=20_000)
    assert found.period == period
    assert preperiod <= found.preperiod <= preperiod + 1


def test_periods_in_floating_point_are_not_to_be_trusted():
    """Of the neurons with moments p/q some leave their true orbit when the weights are floats; in whole numbers none does."""
    wrong = 0
    for q in range(2, 30):
        for p in range(1, q):
            if math.gcd(p, q) > 1:
                continue
            target = neuron(Fraction(p, q))
            true, _ = naive_herding.herding_fractions([[0], [1]], [Fraction(p, q)], [Fraction(0)], 3 * q)
            orbits = [
                s.advance(s.start(0), 3 * q)[:, 0].tolist() for s in (Herding("zero", exact=e).bind(target) for e in (True, False))
            ]
            assert orbits[0] == true
            assert true == true[:q] * 3
            wrong += orbits[1] != true
    assert wrong > 20


def test_exact_herding_refuses_what_would_overflow():
    with pytest.raises(ArgumentError, match=r"Fraction\(3, 7\) and not 3 / 7"):
        Herding(exact=True).bind(neuron(3 / 7))
    Herding(exact=True).bind(neuron(0.375))  # a float that is a small fraction
    with pytest.raises(ArgumentError, match="62 bits"):
        Herding(exact=True).bind(neuron(Fraction(1, 3_000_000_019)))
    target = neuron(Fraction(1, 3))
    system = Herding("zero", exact=True).bind(target)
    system._moments = np.array([10**14])  # never a moment of these features: the weight runs away
    state = system.start(0)
    with pytest.raises(SamplingError, match="without overflow"):
        system.advance(state, 10**6)
    assert np.array_equal(state.phase, np.rint(state.phase))


def test_rational_targets_are_saved(tmp_path):
    target = Moments([[0, 0], [1, 0], [0, 2]], [Fraction(1, 3), Fraction(1, 7)])
    sampler = Herding(exact=True)
    whole = sample(target, sampler, draws=50, warmup=0, chains=2, seed=1, progress=False)
    sample(target, sampler, draws=20, warmup=0, chains=2, seed=1, progress=False).save(tmp_path / "run.npz")
    again = extend(load(tmp_path / "run.npz"), 30, progress=False)
    assert np.array_equal(again.draws, whole.draws)
    assert again.system.denominator == 21


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
    chosen, _ = naive_herding.herding(features, p @ features, w, 60)
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
        (lambda: Herding(argmax="guess"), ArgumentError, "argmax"),
        (lambda: Herding(argmax="icm").bind(neuron(0.3)), ArgumentError, "argmax"),
        (lambda: Herding(argmax="enumeration").bind(machine(3)), ArgumentError, "argmax"),
        (lambda: Herding(step_size=0.0), ArgumentError, "step_size"),
        (lambda: Herding(step_size=0.5, exact=True), ArgumentError, "step_size"),
        (lambda: Herding(exact=1), ArgumentError, "exact"),
        (lambda: Herding(exact=True).bind(Points([[0.0], [1.0]])), ArgumentError, "exact"),
        (lambda: Herding([0.1], exact=True).bind(neuron(Fraction(1, 3))).start(0), ArgumentError, "multiples of 1/3"),
        (lambda: Herding().bind("model"), ArgumentTypeError, "target"),
        (lambda: Herding().bind(neuron(0.3)).start(0, [1]), ArgumentError, "initial"),
    ],
)
def test_bad_input(call, error, match):
    with pytest.raises((error, ArgumentTypeError), match=match):
        call()
