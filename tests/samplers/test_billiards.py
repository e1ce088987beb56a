"""The chaotic Boltzmann machine: a slow oracle, its theorems (invariance, reversal, spectrum, rate of flips), and where it is not ergodic."""

import math

import numpy as np
import pytest

import weakchaos as wc
from tests import naive
from tests.conformance import check_expectations, check_system
from tests.samplers.test_gibbs import machine, star
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics import convergence_rate, largest_exponent, lyapunov_spectrum
from weakchaos.samplers import ChaoticBoltzmann
from weakchaos.samplers.billiard.sparse import FACTORS, FIELDS, FLIPS, TABLES
from weakchaos.targets.factor_graph import FactorGraph
from weakchaos.targets.mrf import Ising, PairwiseMRF, Potts

DENSE = -1


def tree(seed=0, hub=13, chain=22):
    """A hub of too many neighbours to tabulate, in a model too sparse for a scan."""
    rng, n = np.random.default_rng(seed), 1 + hub + chain
    couplings = np.zeros((n, n))
    for i in range(1, n):
        j = 0 if i <= hub else i - 1
        couplings[i, j] = couplings[j, i] = rng.normal()
    return PairwiseMRF(couplings, rng.normal(size=n))


def factors():
    """Tables of three units with zeros, states of different numbers, one unit observed."""
    rng = np.random.default_rng(5)
    first, second = rng.random((2, 3, 2)) + 0.1, rng.random((2, 4)) + 0.1
    first[0, 1, 1] = second[1, 2] = 0.0
    graph = FactorGraph([2, 3, 2, 4, 2], [([0, 1, 2], first), ([2, 3], second), ([3, 4], rng.random((4, 2)) + 0.1)])
    return graph.condition({4: 1})


CASES = {
    "dense": (lambda: machine(6), DENSE),
    "tables": (lambda: Ising.lattice((6, 5), 0.4, field=0.1, periodic=False), TABLES),
    "fields": (tree, FIELDS),
    "Potts, tables": (lambda: Potts.lattice((3, 3), 3, 0.9), TABLES),
    "Potts, factors": (lambda: star(6, 5), FACTORS),
}


def path(system):
    return DENSE if system._dense is not None else system._wiring.kind


@pytest.mark.parametrize("rates", ["equal", "incommensurate"])
@pytest.mark.parametrize("name", CASES)
def test_orbit_is_the_oracle(name, rates):
    make, kind = CASES[name]
    target = make()
    system = ChaoticBoltzmann(0.7, rates).bind(target)
    assert path(system) == kind
    state = system.start(2)
    states, positions, shares = naive.billiard(target, state.symbols, state.phase, system.rates, 0.7, 12)
    for k in range(12):
        sums = np.zeros(system.n_averages)
        system.run(state, 1, 1, np.empty((0, system.dim), system.dtype), np.empty((0, 1)), sums)
        assert np.array_equal(state.symbols, states[k])
        assert np.allclose(state.phase, positions[k], atol=1e-9)  # rounding grows like exp(exponent * time)
        assert np.allclose(sums, shares[k], atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_reversal(name):
    """y -> 1 - y turns the flow of two-state units back (more states: into that round the other way); a wrong speed would not come home."""
    target = CASES[name][0]()
    system = ChaoticBoltzmann(2.0).bind(target)
    state = system.start(1)
    x, y = state.symbols.copy(), state.phase.copy()
    system.advance(state, 2, 2)
    assert not np.allclose(state.phase, y, atol=1e-3)
    state.phase = 1.0 - state.phase
    if (target.cardinalities == 2).all():
        system.advance(state, 2, 2)
        assert np.array_equal(state.symbols, x)
        assert np.allclose(1.0 - state.phase, y, atol=1e-9)
    else:
        mirrored = Potts(_couplings(target), target.q, fields=target.fields[:, ::-1])  # states numbered backwards run backwards
        state.symbols = target.q - 1 - state.symbols
        other = ChaoticBoltzmann(2.0).bind(mirrored)
        other.advance(state, 2, 2)
        assert np.array_equal(target.q - 1 - state.symbols, x)
        assert np.allclose(1.0 - state.phase, y, atol=1e-9)


def _couplings(target):
    dense = np.zeros((target.dim, target.dim))
    np.add.at(dense, (target.edges[:, 0], target.edges[:, 1]), target.weights)
    return dense + dense.T


def test_two_state_potts_is_ising():
    ising, potts = Ising.lattice((4, 4), 0.35), Potts.lattice((4, 4), 2, 0.7)
    a, b = ChaoticBoltzmann().bind(ising), ChaoticBoltzmann().bind(potts)
    first, second = a.start(3), b.start(3)
    assert np.array_equal(a.symbols(a.advance(first, 8)), b.advance(second, 8))
    assert np.allclose(first.phase, second.phase, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_system(name):
    check_system(ChaoticBoltzmann(0.9).bind(CASES[name][0]()), n=48)
    check_system(ChaoticBoltzmann(70.0, "incommensurate").bind(CASES[name][0]()), n=12)  # more than one stretch a step


def ensemble(target, draws, time, rng):
    """States and positions drawn from the target and moved by a billiard; counts of the joint state and of quarters of positions."""
    p = target.distribution()
    cards = target.cardinalities
    codes = rng.choice(p.size, draws, p=p)
    states = np.stack(np.unravel_index(codes, cards), 1)
    return states, rng.random((draws, target.dim))


def chi_square(counts, expected):
    """Pearson's statistic in standard deviations of its law."""
    degrees = counts.size - 1
    return float((((counts - expected) ** 2 / expected).sum() - degrees) / math.sqrt(2 * degrees))


@pytest.mark.parametrize("make", [lambda: machine(3, 4), lambda: star(2, 3)], ids=["machine", "Potts"])
def test_ensemble_stays_in_the_invariant_law(make, rng):
    """p(s) times uniform positions, moved for a time of 7.3: joint states and quarters of the first two positions by chi-square, 5 sigma."""
    target, draws = make(), 20_000
    p = target.distribution()
    states, positions = ensemble(target, draws, 7.3, rng)

    def moved(billiard):
        system = ChaoticBoltzmann(7.3).bind(billiard)
        state = system.start(0)
        codes, cells = np.empty(draws, np.int64), np.empty((draws, 2), np.int64)
        for k in range(draws):
            state.symbols[:], state.phase[:] = states[k], positions[k]
            system.advance(state, 1)
            codes[k] = np.ravel_multi_index(state.symbols, target.cardinalities)
            cells[k] = np.minimum(state.phase[:2] * 4, 3)
        counts = np.bincount((codes * 4 + cells[:, 0]) * 4 + cells[:, 1], minlength=16 * p.size)
        return chi_square(counts, draws * np.repeat(p, 16) / 16)

    assert abs(moved(target)) < 5
    # Negative control: the billiard of a slightly different model leaves the law.
    if isinstance(target, Potts):
        other = Potts(1.3 * _couplings(target), target.q, fields=target.fields)
    else:
        other = PairwiseMRF(1.3 * target.couplings(), target.fields)
    assert moved(other) > 10


@pytest.mark.parametrize("n", [4, 6, 8, 10])
def test_two_flips_a_unit_and_time(n):
    system = ChaoticBoltzmann().bind(machine(n, n))
    state = system.start(0)
    system.advance(state, 40_000, 40_000)
    assert abs(state.counters[FLIPS] / (40_000 * n) - 2.0) < 0.01


def test_flips_are_recorded():
    target = star(3, 3)
    trace = wc.sample(target, ChaoticBoltzmann(), draws=4000, chains=2, seed=0, progress=False)
    assert trace.stats["flips"].shape == (2, 4000)
    assert abs(trace.stats["flips"].mean() / target.dim - 3.0) < 0.05
    assert trace.stats["flips"].sum() == sum(s.counters[FLIPS] for s in trace.states) - _warmup_flips(target)


def _warmup_flips(target):
    trace = wc.sample(target, ChaoticBoltzmann(), draws=0, chains=2, seed=0, progress=False)
    return sum(s.counters[FLIPS] for s in trace.states)


def test_rates_of_flips_tell_the_island_from_the_sea():
    """Orbits of the island flip 1.6 % more often than the exact mean over both, those of the sea less; every one is reproduced by its second half."""
    found = ChaoticBoltzmann().bind(frozen()).disagreement()
    assert found.rates[0] < 0.9995 < 1.01 < found.rates[1]
    assert found.rate_ratio > 12
    assert "mean rate" in found.flag().sentence
    cured = ChaoticBoltzmann(rates="incommensurate").bind(frozen()).disagreement()
    assert cured.ergodic
    assert cured.rates[1] - cured.rates[0] < 0.003


@pytest.mark.parametrize("rates", ["equal", "incommensurate"])
def test_marginals(rates):
    for target in (machine(5, 1), Ising.lattice((4, 4), 0.3, field=0.1), star(3, 3), factors()):
        trace = wc.sample(target, ChaoticBoltzmann(rates=rates), draws=4000, warmup=100, seed=3, progress=False)
        system = trace.system
        values = np.array([system.estimands(chain) for chain in trace.draws])[:, :, system._wiring.unit[0] :]
        truth = np.concatenate(target.marginals())[system._wiring.unit[0] :]
        moving = (truth > 0) & (truth < 1)
        check_expectations(values[:, :, moving], truth[moving])
        # Couplings too: the mean log probability, by enumeration.
        states = np.array(np.unravel_index(np.arange(np.prod(target.cardinalities)), target.cardinalities)).T
        logs = target.log_prob(states)
        p = np.exp(logs - logs.max())
        mean = (p[p > 0] * logs[p > 0]).sum() / p.sum()
        check_expectations(np.array([target.log_prob(system.symbols(c)) for c in trace.draws])[:, :, None], [mean])


def test_zeros_and_evidence():
    target = factors()
    system = ChaoticBoltzmann(0.5).bind(target)
    draws = system.advance(system.start(0), 5000)
    assert np.isfinite(target.log_prob(draws)).all()
    assert (draws[:, 4] == 1).all()
    sums = np.zeros(system.n_averages)
    system.run(system.start(2), 40_000, 1, np.empty((0, 5), system.dtype), np.empty((0, 1)), sums)
    assert np.abs(sums / 40_000 - np.concatenate(target.marginals())).max() < 0.01  # the observed unit is in its state all the time
    share = system.occupation(system.start(1), 20_000)
    p = np.array([np.exp(target.log_prob(np.unravel_index(k, target.cardinalities))) for k in range(share.size)])
    assert np.abs(share - p / p.sum()).max() < 0.01
    assert abs(share.sum() - 1.0) < 1e-9
    assert share[p == 0].max() == 0.0


def test_averages_of_time_and_of_draws():
    target = machine(6)
    a, b = (ChaoticBoltzmann(averages=kind).bind(target) for kind in ("time", "draws"))
    time, counts = np.zeros(12), np.zeros(12)
    first, second = a.start(1), b.start(1)
    none = np.empty((0, 6), a.dtype), np.empty((0, 1))
    a.run(first, 600, 3, *none, time)
    b.run(second, 600, 3, *none, counts)
    assert first.exact() == second.exact()
    assert np.allclose(time[::2] + time[1::2], 200.0)
    share = a.occupation(a.start(1), 600).reshape((2,) * 6)
    assert np.allclose([share.sum(tuple(j for j in range(6) if j != i))[1] for i in range(6)], time[1::2] / 200, atol=1e-12)
    assert np.array_equal(counts, b.estimands(b.advance(b.start(1), 600, 3)).sum(0))
    # The average over time is the better estimate.
    errors = {}
    for kind in ("time", "draws"):
        trace = wc.sample(
            target, ChaoticBoltzmann(averages=kind), 20_000, warmup=0, chains=6, seed=2, progress=False, record="averages"
        )
        errors[kind] = float(trace.error())
    assert errors["time"] < 0.7 * errors["draws"]


def test_tangent_is_the_derivative():
    for target in (machine(5), Ising.lattice((6, 5), 0.4, periodic=False), star(6, 5)):
        system = ChaoticBoltzmann(1.3, "incommensurate").bind(target)
        start = system.start(4)
        vectors = np.random.default_rng(0).normal(size=(target.dim, 3))
        kept = vectors.copy()
        state = start.copy()
        images = system.tangent(state, 4, vectors)
        assert np.array_equal(vectors, kept)
        straight = start.copy()
        system.advance(straight, 4)
        assert state.exact() == straight.exact()
        for column, image in zip(vectors.T, images.T, strict=True):
            twin = start.copy()
            twin.phase = twin.phase + 1e-9 * column
            system.advance(twin, 4)
            assert np.array_equal(twin.symbols, state.symbols)
            assert np.allclose((twin.phase - state.phase) / 1e-9, image, atol=1e-5 * np.abs(image).max() + 1e-5)
    with pytest.raises(ArgumentError, match="vectors"):
        system.tangent(system.start(0), 1, np.ones(3))


def test_spectrum_has_the_symmetry_of_a_reversible_flow():
    """Sum zero (the density is invariant), pairs of opposite sign (reversal), one zero (along the flow)."""
    spectrum = lyapunov_spectrum(ChaoticBoltzmann().bind(machine(5, 3)), steps=20_000, seed=1)
    largest = spectrum.exponents[0]
    assert largest > 0.05
    assert abs(spectrum.exponents.sum()) < 1e-3
    assert np.abs(spectrum.exponents + spectrum.exponents[::-1]).max() < 0.02
    twin = largest_exponent(ChaoticBoltzmann().bind(machine(5, 3)), steps=20_000, every=2, seed=1)
    assert abs(float(twin) - largest) < 5 * twin.stderr + 0.02
    # The same billiard read out at another interval: exponents are per unit time.
    slow = lyapunov_spectrum(ChaoticBoltzmann(4.0).bind(machine(5, 3)), k=1, steps=5000, seed=1)
    assert abs(float(slow) - largest) < 0.1 * largest


def test_two_units_have_no_chaos():
    """Two exponents that sum to zero, one of them that of the flow: both are zero, whatever the model."""
    for rates in ("equal", "incommensurate"):
        spectrum = lyapunov_spectrum(ChaoticBoltzmann(rates=rates).bind(machine(2, 1)), steps=20_000)
        assert np.abs(spectrum.exponents).max() < 2e-3


def frozen():
    """At this temperature nine aligned spins on a torus make excursions that do not overlap: an island of regular motion in a chaotic sea."""
    return Ising.lattice((3, 3), 1 / 2.27)


def distance(system, target, seed, counts):
    """Total variation distance of the shares of time to the truth after `counts` units of time."""
    state, total, done, out = system.start(seed), 0.0, 0, []
    truth = target.distribution()
    for t in counts:
        total = total + (t - done) * system.occupation(state, int(t - done))
        done = t
        out.append(0.5 * np.abs(total / t - truth).sum())
    return out


@pytest.mark.slow
def test_rates_of_random_machines():
    """Total variation distance over t = 1e2 .. 2e5, n = 4 .. 10: slope -1/2, and at most 0.6 times that of Gibbs at a sweep per unit time."""
    counts = np.unique(np.round(np.geomspace(100, 200_000, 16)).astype(int))
    for n in (4, 6, 8, 10):
        slopes, ratios = [], []
        for k in range(4):
            target = machine(n, seed=100 + k)
            system, gibbs = ChaoticBoltzmann().bind(target), wc.samplers.Gibbs().bind(target)
            curves = [distance(system, target, seed, counts) for seed in range(4)]
            slopes.append(float(convergence_rate(counts, curves)))
            powers = 1 << np.arange(n - 1, -1, -1)
            plain = [
                0.5
                * np.abs(
                    np.bincount(gibbs.advance(gibbs.start(s), 200_000) @ powers, minlength=2**n) / 200_000 - target.distribution()
                ).sum()
                for s in range(4)
            ]
            ratios.append(np.median([c[-1] for c in curves]) / np.median(plain))
        assert abs(np.mean(slopes) + 0.5) <= 0.05
        assert np.median(ratios) <= 0.6


def test_ties_and_walls():
    """Units that hit at the same time, or start at a wall: equal units stay equal."""
    target = PairwiseMRF(0.7 * (np.ones((4, 4)) - np.eye(4)), 0.2)
    for scan in (True, False):
        system = ChaoticBoltzmann(1.0).bind(target)
        if not scan:
            system._dense = None
        for y in (0.25, 1.0, 0.0):
            state = system.start(0, [0, 0, 0, 0])
            state.phase[:] = y
            system.advance(state, 6)  # the common orbit is unstable: later rounding would part the units
            assert len(set(state.symbols.tolist())) == 1
            assert np.ptp(state.phase) < 1e-9
            assert (state.phase >= 0).all()
            assert (state.phase <= 1).all()


@pytest.mark.parametrize("scan", [True, False])
@pytest.mark.parametrize("strength", [50.0, 250.0, 800.0])
def test_bound_pairs_flip_together(strength, scan, rng):
    """A pair bound by any coupling crosses: the first to enter the improbable state makes the other as fast as itself. Gibbs sampling is stuck."""
    couplings = machine(5, 1).couplings()
    couplings[0, 1] = couplings[1, 0] = strength
    target = PairwiseMRF(couplings, [0.3 - strength / 2, -0.2 - strength / 2, 0.5, -0.5, 0.1])
    system = ChaoticBoltzmann().bind(target)
    if not scan:
        system._dense = None
    elif system._dense is None:
        pytest.skip("odds of 800 nats are not multiplied")
    state = system.start(1)
    share, truth = system.occupation(state, 50_000), target.distribution()
    assert 0.5 * np.abs(share - truth).sum() < 0.02
    if strength < 100:  # beyond, derivatives within improbable states overflow
        assert np.isfinite(system.tangent(state, 50, np.eye(5))).all()
    gibbs = wc.samplers.Gibbs().bind(target)
    codes = gibbs.advance(gibbs.start(1), 50_000) @ (1 << np.arange(4, -1, -1))
    assert 0.5 * np.abs(np.bincount(codes, minlength=32) / 50_000 - truth).sum() > 0.1


def test_bad_input():
    for call, kind, match in (
        (lambda: ChaoticBoltzmann(0.0), ArgumentError, "interval"),
        (lambda: ChaoticBoltzmann(math.inf), ArgumentError, "interval"),
        (lambda: ChaoticBoltzmann(1e300), ArgumentError, "interval"),
        (lambda: ChaoticBoltzmann(rates="golden"), ArgumentError, "rates"),
        (lambda: ChaoticBoltzmann(rates=[1.0, -1.0]), ArgumentError, "rates"),
        (lambda: ChaoticBoltzmann(rates=[1.0]).bind(machine(3)), ArgumentError, "rates"),
        (lambda: ChaoticBoltzmann(averages="mean"), ArgumentError, "averages"),
        (lambda: ChaoticBoltzmann().bind(wc.zoo.gaussian([1.0])), ArgumentTypeError, "target"),
        (lambda: _occupation(Ising.lattice((5, 5), 0.3)), ArgumentError, "units"),
    ):
        with pytest.raises(kind, match=match):
            call()


def _occupation(target):
    system = ChaoticBoltzmann().bind(target)
    return system.occupation(system.start(0), 1)
