"""Entropic herding: oracles of its three families, herding as its limit, the regularised maximum-entropy distribution as its fixed point."""

import itertools

import numpy as np
import pytest

from tests.herding import naive_learning as naive
from tests.samplers.test_gibbs import machine
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics import largest_exponent
from weakchaos.experiments.entropic_herding import critical_weight, fixed_point
from weakchaos.herding import EntropicHerding, Herding
from weakchaos.herding.entropic.entropic_gaussian import monomials
from weakchaos.reports.compare.compare import compare
from weakchaos.runs.sampling import sample
from weakchaos.targets.ising_moments import IsingMoments
from weakchaos.targets.moments import Moments
from weakchaos.targets.mrf import Ising, PairwiseMRF
from weakchaos.targets.points import Points


def binary_states(n):
    return np.array(list(itertools.product((0, 1), repeat=n)), float)


def pair_features(target):
    states = binary_states(target.dim)
    i, j = target.edges.T
    return states, np.concatenate([states, states[:, i] * states[:, j]], 1)


def proposals(system, state, n):
    rows = np.empty((n, system.n_parameters))
    system.steps(state, n, 1, np.empty((0, system.dim), system.dtype), np.empty((0, 2)), np.empty(0), rows)
    return rows


# ---- the finite family ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entropy_weight", [0.0, 0.03])
@pytest.mark.parametrize("step_size", [0.07, None])
def test_finite_family_is_the_oracle(rng, entropy_weight, step_size):
    """In the variables of the paper. Where epsilon is larger than lambda the orbit is chaotic, and rounding grows: a short one."""
    features = rng.normal(size=(12, 3))
    target = Moments(features, rng.dirichlet(np.ones(12)) @ features)
    system = EntropicHerding(entropy_weight, step_size).bind(target)
    state = system.start(1)
    sums = state.phase.copy()

    def step(t):
        return step_size or 1.0 / t

    # Under 1/t the oracle's first a would be forgotten at t = 1: a_0 counts as one step there, so it begins at zero sums.
    if step_size is None:
        state.phase[:] = 0.0
        sums = np.zeros(3)
    expected, a = naive.entropic_finite(features, target.moments, entropy_weight, step, (step_size or 1.0) * sums, 30)
    got = proposals(system, state, 30)
    assert np.allclose(got, expected, atol=1e-6)
    assert np.allclose((step_size or 1.0 / 30) * state.phase, a, atol=1e-7)


def test_without_entropy_it_is_herding_to_the_last_bit(rng):
    features = rng.normal(size=(40, 5))
    target = Moments(features, rng.dirichlet(np.ones(40)) @ features)
    plain = Herding("zero").bind(target)
    limit = EntropicHerding(0.0, None, start="zero").bind(target)
    a, b = plain.start(0), limit.start(0)
    assert np.array_equal(plain.advance(a, 5000), limit.advance(b, 5000))
    assert np.array_equal(a.phase, -b.phase)
    warm = EntropicHerding(0.01, None, start="zero").bind(target)  # the check can fail
    assert not np.array_equal(plain.advance(plain.start(0), 500), warm.advance(warm.start(0), 500))


def test_small_entropy_approaches_herding(rng):
    """Before ties decide, a small enough lambda gives the orbit of herding."""
    target = machine(5, 3)
    _, features = pair_features(target)
    moments = Moments(features, target.distribution() @ features)
    plain = Herding("zero").bind(moments)
    nearly = EntropicHerding(1e-9, None, start="zero").bind(moments)
    got = proposals(nearly, nearly.start(0), 200)
    # The first step is uniform, all states being equal: A then differs by that step alone, and the orbit from there is herding again.
    start = plain.start(0)
    start.phase[:] = target.distribution() @ features - features.mean(0)
    assert np.array_equal(got[1:].argmax(1), plain.advance(start, 199)[:, 0])
    assert got[1:].max(1).min() > 1 - 1e-6


def test_fixed_point_is_the_regularised_maximum_entropy_distribution():
    """Over all distributions the objective |eta(p) - m|^2 / 2 - lambda H(p) has a unique minimum, a Gibbs distribution of parameters
    (m - eta(p)) / lambda; with 1/t the mixture goes there."""
    target = machine(5, 2)
    _, features = pair_features(target)
    truth = target.distribution() @ features
    weight = 0.02
    system = EntropicHerding(weight, None).bind(Moments(features, truth))
    state = system.start(0)
    system.advance(state, 20_000, 20_000)
    p = system.mixture(state, 20_000).location

    gibbs, theta = fixed_point(features, truth, weight)
    assert 0.5 * np.abs(p - gibbs).sum() < 2e-3
    assert np.allclose(truth - p @ features, weight * theta, atol=1e-3)
    assert 0.5 * np.abs(p - target.distribution()).sum() > 5e-3  # and that is not the target itself: lambda is a bias


def test_draws_come_from_the_proposals(rng):
    """With a tiny epsilon r_t stays what the first sums make it."""
    p = np.array([0.1, 0.2, 0.3, 0.4])
    system = EntropicHerding(0.3, 1e-9).bind(Moments(np.eye(4), p))
    state = system.start(3)
    state.phase[:] = -0.3 * np.log(p) / 1e-9
    counts = np.bincount(system.advance(state, 8000)[:, 0], minlength=4)
    assert ((counts - 8000 * p) ** 2 / (8000 * p)).sum() < 3 + 5 * np.sqrt(6)
    assert ((counts - 2000) ** 2 / 2000).sum() > 3 + 5 * np.sqrt(6)  # the check can fail

    q = np.array([0.1, 0.3, 0.5, 0.9])
    system = EntropicHerding(0.3, 1e-9).bind(PairwiseMRF(np.zeros((4, 4))))
    state = system.start(3)
    state.phase[:4] = -0.3 / 2 * np.log(q / (1 - q)) / 1e-9
    assert np.abs(system.advance(state, 8000).mean(0) - q).max() < 5 * 0.5 / np.sqrt(8000)

    system = EntropicHerding(0.3, 1e-9).bind(Points(rng.normal(3.0, 2.0, (50, 2)) * [1.0, 10.0]))
    state = system.start(3)
    state.phase[:2] = [-2e8, 1e8]  # slopes, so that the means leave the centre
    state.phase[2], state.phase[4] = 3e8, 9e8  # curvatures
    mixture = system.mixture(state, 1)
    draws = system.advance(state, 8000)
    scores = (draws - mixture.location) / mixture.scale
    assert np.abs(scores.mean(0)).max() < 5 / np.sqrt(8000)
    assert np.abs((scores**2).mean(0) - 1).max() < 5 * np.sqrt(2 / 8000)


def test_exponents_are_those_of_the_map():
    """log(1 - epsilon) without entropy; at the fixed point the eigenvalues of (1 - epsilon) I - (epsilon / lambda) C, with the covariance C of the
    features; chaos where one of them has left the unit circle."""
    target = machine(4, 2)
    _, features = pair_features(target)
    truth = target.distribution() @ features
    moments = Moments(features, truth)

    def exponent(weight, steps=1000):
        return float(largest_exponent(EntropicHerding(weight, 0.02).bind(moments), steps=steps, transient=1500))

    assert exponent(0.0) == pytest.approx(np.log(0.98), abs=1e-3)
    p, _ = fixed_point(features, truth, 0.05)
    eigenvalues = np.linalg.eigvalsh(np.cov(features.T, aweights=p, ddof=0))
    multipliers = np.abs(0.98 - 0.02 / 0.05 * eigenvalues)
    assert multipliers.max() < 1
    assert exponent(0.05, 6000) == pytest.approx(np.log(multipliers.max()), abs=1e-3)
    critical = critical_weight(features, truth, 0.02)
    assert exponent(1.3 * critical) < 0
    assert exponent(0.2 * critical) > 0.05


# ---- products of Bernoulli distributions ---------------------------------------------------------------------------------------------


def test_bernoulli_family_is_the_oracle():
    target = machine(4, 1)
    spins = 2 * binary_states(4) - 1
    i, j = target.edges.T
    truth = target.distribution() @ np.concatenate([spins, spins[:, i] * spins[:, j]], 1)
    system = EntropicHerding(0.05, 0.3, n_sweeps=3).bind(target)
    assert np.allclose(system.moments, truth)
    state = system.start(2)
    sums, q = np.split(state.phase.copy(), [len(truth)])
    expected, a = naive.entropic_bernoulli(target.edges.tolist(), truth, 0.05, 0.3, 0.3 * sums, q, 12, 3)
    got = proposals(system, state, 12)
    assert np.allclose(got, expected, atol=2e-5)  # bounded minimisation knows where a flat minimum is to about 1e-6
    assert np.allclose(0.3 * state.phase[: len(truth)], a, atol=2e-5)


def test_objective_and_entropy_are_what_they_say(rng):
    target = machine(5, 4)
    system = EntropicHerding(0.04, 0.1, readout="mean").bind(target)
    state = system.start(0)
    system.advance(state, 50)
    a = 0.1 * state.phase[: len(system.moments)].copy()
    draws, stats = np.empty((1, 5)), np.empty((1, 2))
    system.run(state, 1, 1, draws, stats, np.empty(0))
    q = draws[0]
    assert stats[0, 0] == pytest.approx(naive.product_entropy(q))
    assert stats[0, 1] == pytest.approx(naive.unit_objective(target.edges.tolist(), a, 0.04, q))
    for i in range(5):  # a coordinate-wise minimum: no step along one unit is better
        for shift in (-1e-3, 1e-3):
            moved = q.copy()
            moved[i] = np.clip(q[i] + shift, 0, 1)
            assert naive.unit_objective(target.edges.tolist(), a, 0.04, moved) >= stats[0, 1] - 1e-12


def test_points_without_entropy_match_their_moments_like_herding(rng):
    x = np.where(rng.uniform(size=(100, 5)) < [0.2, 0.4, 0.5, 0.6, 0.7], 2.0, -1.0)
    target = Points(x, rng.dirichlet(np.ones(100)))
    trace = sample(target, EntropicHerding(0.0, None), draws=20_000, warmup=0, chains=2, seed=1, progress=False)
    assert set(np.unique(trace.draws)) == {-1.0, 2.0}
    error = trace.error()
    assert (error.errors * error.draws).max() < 60
    draws = trace.draws[0]
    second = target.x.T @ (target.weights[:, None] * target.x)
    assert np.abs(draws.T @ draws / len(draws) - second).max() < 0.02


def test_mixture_covers_what_herding_leaves_out():
    """Herding puts no mass on most rare states; the mixture puts some on all, at about the same total variation distance."""
    target = machine(6, 7)
    p = target.distribution()
    states, features = pair_features(target)
    plain = Herding().bind(Moments(features, p @ features))
    chosen = np.bincount(plain.advance(plain.start(0), 4000)[:, 0], minlength=64) / 4000
    system = EntropicHerding(0.001, 0.005).bind(target)
    state = system.start(0)
    system.advance(state, 2000)
    mixture = system.mixture(state, 4000)
    q = np.exp(mixture.log_prob(states))
    assert q.sum() == pytest.approx(1.0)
    assert (chosen == 0).any()  # the divergence of the target from herding is infinite
    assert np.sum(p * np.log(p / q)) < 0.05
    assert 0.5 * np.abs(p - q).sum() < 0.1


def test_ising_reads_out_spins():
    target = Ising.lattice((2, 3), 0.2, field=0.3, periodic=False)
    trace = sample(target, EntropicHerding(0.002, 0.002), draws=20_000, warmup=2000, chains=2, seed=0, progress=False)
    assert trace.draws.dtype == np.int8
    assert set(np.unique(trace.draws)) == {-1, 1}
    assert float(trace.error()) < 0.03
    means = sample(target, EntropicHerding(0.002, 0.002, readout="mean"), draws=4000, warmup=2000, chains=2, seed=0, progress=False)
    assert float(means.error()) < 0.01
    assert np.abs(means.draws).max() <= 1.0


# ---- products of normals -------------------------------------------------------------------------------------------------------------


def test_gaussian_family_is_the_oracle(rng):
    """Each coordinate at its least, against quadrature and grids; two coordinates, all monomials up to degree 4."""
    x = rng.normal(size=(60, 2)) @ [[1.0, 0.4], [0.0, 0.8]] + [0.0, 2.0]
    system = EntropicHerding(0.05, 0.2, n_sweeps=1).bind(Points(x))
    u = (x - x.mean(0)) / x.std(0)
    assert np.allclose(system.moments, [np.prod(u**e, 1).mean() for e in monomials(2, 4)])
    for seed in range(4):
        state = system.start(seed)
        system.advance(state, 5)
        k = len(system.moments)
        sums, mean, variance = np.split(state.phase.copy(), [k, k + 2])
        expected = naive.best_normal(monomials(2, 4), 0.2 * sums, 0.05, mean, np.sqrt(variance), u.min(0), u.max(0), 1)
        system.advance(state, 1)
        got_mean, got_variance = state.phase[k : k + 2], state.phase[k + 2 :]
        assert np.allclose(got_mean, expected[0], atol=1e-4)
        assert np.allclose(np.sqrt(got_variance), expected[1], atol=1e-4)
        eta = [
            np.prod([naive.normal_moments(m, s)[e] for m, s, e in zip(got_mean, np.sqrt(got_variance), row, strict=True)])
            for row in monomials(2, 4)
        ]
        assert np.allclose(state.phase[:k], 0.8 * sums + eta - system.moments)


@pytest.mark.parametrize(
    "d", [(1.0, -3.0, 0.5, 2.0), (-2.0, 1.0, 1.0, 1.0), (0.3, -1.0, 2.0, 0.0), (1.0, 2.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)]
)
def test_cubic_roots(d):
    from weakchaos.herding.entropic.entropic_gaussian import _cubic_roots

    roots = np.empty(3)
    n = _cubic_roots(np.array(d), roots)
    exact = np.roots(d[::-1])
    real = sorted(set(np.round(exact[np.abs(exact.imag) < 1e-9].real, 9)))
    assert np.allclose(sorted(set(np.round(roots[:n], 9))), real, atol=1e-7)


def test_two_wells(rng):
    """Moments up to the fourth of exp(-V), V of degree 4, have exp(-V) as their maximum-entropy distribution: the mixture comes near it."""
    grid = np.linspace(-2.2, 2.2, 401)
    weights = np.exp(-3.0 * (grid**2 - 1.0) ** 2 + 0.3 * grid)
    weights /= weights.sum()
    width = grid[1] - grid[0]
    system = EntropicHerding(0.003, 0.005).bind(Points(grid[:, None], weights))
    state = system.start(0)
    system.advance(state, 1000)
    density = np.exp(system.mixture(state, 2000).log_prob(grid[:, None]))
    assert density.sum() * width == pytest.approx(1.0, abs=0.01)
    assert 0.5 * np.abs(density * width - weights).sum() < 0.2
    one = np.exp(
        -0.5 * ((grid - weights @ grid) / np.sqrt(weights @ grid**2 - (weights @ grid) ** 2)) ** 2
    )  # a single normal does not
    assert 0.5 * np.abs(one / one.sum() - weights).sum() > 0.3


def test_gaussian_points_without_entropy_follow_the_moments(rng):
    x = rng.exponential(size=(300, 1))
    trace = sample(Points(x), EntropicHerding(0.0, None, degree=3), draws=5000, warmup=0, chains=2, seed=1, progress=False)
    error = trace.error()
    assert (error.errors * error.draws).max() < 100
    u = (trace.draws[0] - x.mean()) / x.std()
    v = (x - x.mean()) / x.std()
    assert abs((u**3).mean() - (v**3).mean()) < 0.05
    assert trace.stats["entropy"].max() == -np.inf


# ---- the interface -------------------------------------------------------------------------------------------------------------------


def test_mixture_continues_and_leaves_the_state():
    system = EntropicHerding(0.02).bind(machine(4))
    state = system.start(1)
    system.advance(state, 100)
    before = state.exact()
    mixture = system.mixture(state, 50, every=2)
    assert state.exact() == before
    rows = proposals(system, state, 100)[1::2]
    assert np.array_equal(mixture.location, rows)
    expected = np.log(np.mean([np.prod(np.where([1, 0, 1, 1], q, 1 - q)) for q in rows]))
    assert mixture.log_prob([[1, 0, 1, 1]])[0] == pytest.approx(expected)


def test_compare_says_that_entropy_is_a_bias():
    report = compare(
        machine(4),
        {"cold": EntropicHerding(0.0005, 0.002, readout="mean"), "warm": EntropicHerding(0.2, 0.002, readout="mean")},
        draws=20_000,
        repeats=2,
        cycle_steps=100,
        lyapunov_steps=50,
    )
    cold, warm = report.rows
    assert cold["error"] < 0.02 < warm["error"]
    assert "biased" in warm["status"]
    assert cold["driver"] == "none"


def test_spins_of_given_moments(rng):
    """25 spins on a ring, whose moments are those of a sample."""
    ring = [(k, (k + 1) % 25) for k in range(25)]
    walk = np.cumprod(np.where(rng.uniform(size=(400, 25)) < 0.7, 1, -1), 1)
    target = IsingMoments.from_samples(walk, ring)
    trace = sample(target, EntropicHerding(0.002, 0.002), draws=5000, warmup=2000, chains=2, seed=0, progress=False)
    assert trace.draws.dtype == np.int8
    assert trace.averages()[1].shape[2] == 50
    assert float(trace.error()) < 0.1
    means = sample(target, EntropicHerding(0.002, 0.002, readout="mean"), draws=5000, warmup=2000, chains=2, seed=0, progress=False)
    assert float(means.error()) < 0.03  # the exact correlations under r_t
    with pytest.raises(ArgumentError, match="IsingMoments"):
        EntropicHerding().bind(PairwiseMRF(np.zeros((25, 25))))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: EntropicHerding(-0.1), "entropy_weight"),
        (lambda: EntropicHerding(step_size=1.5), "step_size"),
        (lambda: EntropicHerding(step_size=0), "step_size"),
        (lambda: EntropicHerding(family="normal"), "family"),
        (lambda: EntropicHerding(degree=5), "degree"),
        (lambda: EntropicHerding(n_sweeps=0), "n_sweeps"),
        (lambda: EntropicHerding(readout="mode"), "readout"),
        (lambda: EntropicHerding(start="one"), "start"),
        (lambda: EntropicHerding(family="gaussian").bind(machine(3)), "family"),
        (lambda: EntropicHerding(readout="mean").bind(Moments([[0.0], [1.0]], [0.5])), "readout"),
        (lambda: EntropicHerding().bind("model"), "target"),
        (lambda: EntropicHerding().bind(Points([[1.0, 0.0], [1.0, 2.0], [1.0, 3.0]])), "constant"),
        (lambda: EntropicHerding().bind(machine(3)).start(0, [0, 0, 0]), "initial"),
        (
            lambda: (
                EntropicHerding().bind(machine(3)).mixture(EntropicHerding().bind(machine(3)).start(0), 5).log_prob([[2, 0, 0]])
            ),
            "`x`",
        ),
    ],
)
def test_bad_input(call, match):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=match):
        call()
