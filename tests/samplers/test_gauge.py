"""U(1) lattice gauge theory: exact values against slow sums, the heat bath, HMC and herding against exact values, and frozen charges that are found."""

import itertools
import math
import pickle
import warnings

import numpy as np
import pytest

import weakchaos as wc
from tests.conformance import check_expectations, check_system
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from weakchaos.core.flags import Kind, Severity
from weakchaos.samplers.gauge_heat_bath import uniform_instanton
from weakchaos.targets import U1Lattice, gauge_theory

HeatBath, PlaquetteHerding = wc.samplers.HeatBath, wc.herding.PlaquetteHerding


def run(lattice, sampler, draws=3000, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return wc.sample(lattice, sampler, draws=draws, warmup=100, seed=1, progress=False, **options)


# ---- exact values ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_a_torus_of_four_plaquettes_by_enumeration(beta):
    """Sums over all angles on a grid of the circle, with the last plaquette set by the constraint; grids are spectrally exact for smooth densities."""
    m = 48
    angle = 2 * math.pi / m * np.arange(m)
    a, b, c = np.meshgrid(angle, angle, angle, indexing="ij")
    weight = np.exp(beta * (np.cos(a) + np.cos(b) + np.cos(c) + np.cos(a + b + c) - 4))
    lattice = U1Lattice((2, 2), beta)
    for harmonic in (1, 3):
        assert np.average(np.cos(harmonic * a), weights=weight) == pytest.approx(lattice.exact_plaquette(harmonic), abs=1e-8)
    for area, total in ((1, a), (2, a + b), (3, a + b + c)):
        assert np.average(np.cos(total), weights=weight) == pytest.approx(lattice.exact_wilson_loop(area), abs=1e-8)
    mean = (np.cos(a) + np.cos(b) + np.cos(c) + np.cos(a + b + c)) / 4
    variance = np.average(mean**2, weights=weight) - np.average(mean, weights=weight) ** 2
    assert lattice.truth()[1][0] ** 2 == pytest.approx(variance, rel=1e-6)


@pytest.mark.parametrize(("beta", "variance"), [(1.0, 2.60072), (2.0, 1.23930), (4.0, 0.48201), (6.0, 0.27920), (8.0, 0.16776)])
def test_the_charge_of_64_plaquettes_by_convolution(beta, variance):
    """The density of the sum of V free angles at 2 pi Q, by a transform on a fine grid of the line."""
    size, v = 1 << 12, 64
    x = -math.pi + (np.arange(size) + 0.5) * 2 * math.pi / size
    p = np.exp(beta * (np.cos(x) - 1))
    long = np.fft.irfft(np.fft.rfft(p / p.sum(), size * v) ** v)
    # Sums of angles stand at grid points; the V half steps make them whole.
    centre = v * (size // 2) - v // 2
    charges, found = gauge_theory.charge_distribution(beta, v)
    near = np.abs(charges) <= 12
    expected = long[centre + charges[near] * size]
    expected /= expected.sum()
    assert np.allclose(found[near], expected, atol=2e-5)
    assert found @ charges**2 == pytest.approx(variance, abs=2e-5)
    assert U1Lattice((8, 8), beta).exact_charge_variance() == pytest.approx(variance, abs=2e-5)


def test_open_boundaries():
    lattice = U1Lattice((3, 4), 2.0, periodic=False)
    ratio = 0.69777466  # I1(2) / I0(2)
    assert lattice.exact_plaquette() == pytest.approx(ratio, abs=1e-8)
    assert lattice.exact_wilson_loop(4) == pytest.approx(ratio**4, abs=1e-8)
    assert len(lattice.plaquettes) == 6
    assert lattice.dim == 3 * 3 + 2 * 4
    with pytest.raises(ArgumentError, match="no whole number"):
        lattice.charge_distribution()
    for values in (U1Lattice((9, 7), 1.3), U1Lattice((90, 70), 50.0)):
        assert values.exact_plaquette() == pytest.approx(
            U1Lattice(values.shape, values.beta, False).exact_plaquette(), abs=1e-6
        )  # large tori are open ones


# ---- the lattice -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("periodic", [True, False])
def test_gauge_transformations_change_nothing_that_is_measured(periodic):
    lattice, rng = U1Lattice((3, 4), 1.7, periodic), np.random.default_rng(0)
    x, gauge = rng.uniform(-math.pi, math.pi, lattice.dim), rng.normal(size=lattice.shape)
    moved = x.copy()
    for link, name in enumerate(lattice.names):
        r, c = map(int, name[name.index("[") + 1 : -1].split(","))
        end = ((r + 1) % 3, c) if name.startswith("down") else (r, (c + 1) % 4)
        moved[link] += gauge[r, c] - gauge[end]
    assert lattice.logp(moved) == pytest.approx(lattice.logp(x), abs=1e-12)
    assert np.allclose(lattice.measure(moved), lattice.measure(x))
    assert not np.allclose(moved, x)
    assert lattice.check_gradient(x) is None
    assert lattice.logp(x) == pytest.approx(1.7 * np.cos(lattice.plaquette_angles(x)).sum())


def test_a_wilson_loop_is_the_sum_of_the_links_around_it():
    lattice, rng = U1Lattice((4, 5), 1.0, periodic=False), np.random.default_rng(1)
    x = rng.uniform(-math.pi, math.pi, lattice.dim)
    right, down = x[: 4 * 4].reshape(4, 4), x[4 * 4 :].reshape(3, 5)
    loops = [
        right[r, c : c + 3].sum() + down[r : r + 2, c + 3].sum() - right[r + 2, c : c + 3].sum() - down[r : r + 2, c].sum()
        for r, c in itertools.product(range(2), range(2))
    ]
    assert lattice.wilson_loop(x, 2, 3) == pytest.approx(np.cos(loops).mean(), abs=1e-12)


def test_instantons_have_charge_one_and_the_least_action():
    lattice = U1Lattice((4, 6), 1.0)
    x = uniform_instanton(lattice)
    assert lattice.charge([x, -x, 2 * x]).tolist() == [1, -1, 2]
    assert lattice.logp(x) == pytest.approx(24 * math.cos(2 * math.pi / 24))


# ---- samplers ----------------------------------------------------------------------------------------------------------------------

SYSTEMS = {
    "heat bath": lambda: HeatBath().bind(U1Lattice((3, 4), 1.5)),
    "heat bath, open": lambda: HeatBath().bind(U1Lattice((3, 4), 1.5, False)),
    "heat bath, instantons": lambda: HeatBath(2).bind(U1Lattice((3, 4), 1.5)),
    "herding": lambda: PlaquetteHerding(2, 32).bind(U1Lattice((3, 4), 1.5)),
    "herding, open": lambda: PlaquetteHerding(1, 16).bind(U1Lattice((3, 4), 1.5, False)),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_system(name):
    check_system(SYSTEMS[name](), n=24)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("beta", [1.0, 2.0, 4.0])
def test_heat_bath(beta, periodic):
    lattice = U1Lattice((4, 4), beta, periodic)
    trace = run(lattice, HeatBath(), 4000)
    check_expectations(lattice.measure(trace.draws), lattice.truth()[0], 4.5)
    with pytest.raises(AssertionError):  # the check would find another coupling
        check_expectations(lattice.measure(trace.draws), U1Lattice((4, 4), 1.05 * beta, periodic).truth()[0], 4.5)


def test_instantons_leave_the_distribution_alone():
    lattice = U1Lattice((4, 4), 1.0)
    trace = run(lattice, HeatBath(instantons=2), 4000)
    assert 0.1 < trace.stats["acceptance_rate"].mean() < 0.6
    check_expectations(lattice.measure(trace.draws), lattice.truth()[0], 4.5)


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_hmc(beta):
    lattice = U1Lattice((4, 4), beta)
    trace = run(lattice, wc.samplers.HMC(0.3 / math.sqrt(beta), 7))
    check_expectations(lattice.measure(trace.draws), lattice.truth()[0], 4.5)
    assert trace.check() == []  # although the angles themselves wander without end
    averages = run(lattice, wc.samplers.HMC(0.3 / math.sqrt(beta), 7), record="averages")
    assert np.allclose(averages.mean(), lattice.measure(trace.draws).mean((0, 1)))


@pytest.mark.parametrize("start", ["cold", "hot"])
def test_a_frozen_run_is_called_so(start):
    """At beta = 8 local moves never change the charge, and the plaquette looks right."""
    lattice = U1Lattice((8, 8), 8.0, start=start)
    trace = run(lattice, HeatBath())
    kind = Kind.FROZEN if start == "cold" else Kind.DISAGREE
    assert [(f.kind, f.severity) for f in trace.check()] == [(kind, Severity.INVALID)]
    if start == "cold":
        assert not trace["charge"].any()
        assert abs(trace["plaquette"].mean() - lattice.exact_plaquette()) < 2e-3
        assert trace.check()[0].numbers["sd"] == pytest.approx(math.sqrt(0.16776), abs=1e-4)
        assert "frozen in one sector" in trace.check()[0].sentence


def test_what_is_not_frozen_is_not_called_so():
    assert run(U1Lattice((8, 8), 8.0, start="cold"), HeatBath(instantons=1)).check() == []
    assert run(U1Lattice((9, 9), 8.0, False, start="cold"), HeatBath()).check() == []
    # A charge that the target itself holds at 0: <Q^2> is 2e-10.
    assert run(U1Lattice((2, 2), 8.0, start="cold"), HeatBath(), 500).check() == []


def test_instantons_cure():
    lattice = U1Lattice((8, 8), 8.0, start="cold")
    trace = run(lattice, HeatBath(instantons=1), 6000)
    check_expectations(lattice.measure(trace.draws), lattice.truth()[0], 4.5)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize(("beta", "harmonics"), [(1.0, 3), (4.0, 1)])
def test_herded_moments_are_off_by_the_weights_over_the_time(beta, harmonics, periodic):
    """Welling (2009): the sum of what was missing is what the weights have gained."""
    lattice = U1Lattice((4, 5), beta, periodic)
    system = PlaquetteHerding(harmonics, 48).bind(lattice)
    state = system.start(3)
    before = state.phase.reshape(-1, 2 * harmonics).copy()
    n = 600
    angles = lattice.plaquette_angles(system.advance(state, n))
    after = state.phase.reshape(before.shape)
    for k in range(1, harmonics + 1):
        gap = lattice.exact_plaquette(k) - np.cos(k * angles).mean(0)
        assert np.allclose(gap, (after - before)[:, k - 1] / n, atol=1e-10)
        assert np.allclose(-np.sin(k * angles).mean(0), (after - before)[:, harmonics + k - 1] / n, atol=1e-10)
    assert np.abs(after).max() < 15  # and these stay bounded


def test_herded_plaquettes_are_not_independent():
    """What nothing matches is wrong, and a comparison says so: the page warns of it."""
    lattice = U1Lattice((8, 8), 1.0)
    trace = run(lattice, PlaquetteHerding(1), 2000, chains=2)
    averages, truth = lattice.measure(trace.draws).mean((0, 1)), lattice.truth()[0]
    assert abs(averages[0] - truth[0]) < 1e-3
    assert abs(averages[3] - truth[3]) > 0.03


def test_a_comparison_measures_what_is_watched():
    lattice = U1Lattice((4, 4), 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = wc.compare(lattice, {"heat bath": HeatBath(), "herded": PlaquetteHerding(1)}, draws=2000, repeats=4, seed=1)
    bath, herded = report.rows
    assert bath["error"] < 0.15
    assert herded["error"] > 2 * bath["error"] + 0.1  # the Wilson loop


def test_a_stored_lattice_is_the_lattice(tmp_path):
    lattice = U1Lattice((3, 5), 1.5, False, "cold")
    assert repr(pickle.loads(pickle.dumps(lattice))) == repr(lattice) == "<U1Lattice 3 x 5, beta 1.5, open>"
    trace = run(lattice, HeatBath(), 50)
    trace.save(tmp_path / "run.npz")
    again = wc.extend(wc.load(tmp_path / "run.npz"), draws=20)
    assert np.array_equal(again.draws, wc.extend(trace, draws=20).draws)
    assert wc.sample(lattice, draws=5, warmup=0, progress=False).n_draws == 5  # the heat bath is what a lattice is sampled by


# ---- bad input ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: U1Lattice(4, 1.0), "`shape`"),
        (lambda: U1Lattice((4, 4, 4), 1.0), "`shape`"),
        (lambda: U1Lattice((1, 4), 1.0), "`shape`"),
        (lambda: U1Lattice((4, 2.5), 1.0), "`shape`"),
        (lambda: U1Lattice((10**6, 10**6), 1.0), "`shape`"),
        (lambda: U1Lattice((4, 4), 0.0), "`beta`"),
        (lambda: U1Lattice((4, 4), np.nan), "`beta`"),
        (lambda: U1Lattice((4, 4), "1"), "`beta`"),
        (lambda: U1Lattice((4, 4), 1e9), "`beta`"),
        (lambda: U1Lattice((4, 4), 1.0, periodic="yes"), "`periodic`"),
        (lambda: U1Lattice((4, 4), 1.0, start="warm"), "`start`"),
        (lambda: U1Lattice((4, 4), 1.0).measure(np.zeros(5)), "`draws`"),
        (lambda: U1Lattice((4, 4), 1.0).measure(np.full(32, np.nan)), "`draws`"),
        (lambda: U1Lattice((4, 4), 1.0).measure("angles"), "`draws`"),
        (lambda: U1Lattice((4, 4), 1.0).wilson_loop(np.zeros(32), 5, 1), "`height`"),
        (lambda: U1Lattice((4, 4), 1.0).exact_wilson_loop(17), "`area`"),
        (lambda: U1Lattice((4, 4), 1.0).exact_plaquette(0), "`harmonic`"),
        (lambda: HeatBath(-1), "`instantons`"),
        (lambda: HeatBath(1).bind(U1Lattice((4, 4), 1.0, False)), "`instantons`"),
        (lambda: HeatBath().bind(wc.zoo.banana()), "`target`"),
        (lambda: PlaquetteHerding(0), "`harmonics`"),
        (lambda: PlaquetteHerding(8, 16), "`angles`"),
        (lambda: PlaquetteHerding().bind(wc.Ising.lattice((4, 4), 0.3)), "`target`"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        call()


def test_integer_draws_and_no_draws_are_angles_too():
    lattice = U1Lattice((4, 4), 1.0)
    assert lattice.measure(np.zeros(32, int)).tolist() == [1, 0, 0, 1]
    assert lattice.measure(np.empty((0, 32))).shape == (0, 4)
