"""Lyapunov spectra against closed forms and published values, in every regime: fixed point, periodic, edge of chaos, chaotic, diverging."""

import math

import numba
import numpy as np
import pytest

from tests.diagnostics.toy_systems import Finite, Map
from weakchaos import systems
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.diagnostics import covariant_vectors, gali, sali
from weakchaos.diagnostics.orbits.spectrum import kaplan_yorke_dimension, lyapunov_spectrum

CAT = math.log((3 + math.sqrt(5)) / 2)


# ---- maps --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("r", "expected", "tolerance"),
    [
        (4.0, math.log(2), 1e-5),
        (2.8, math.log(0.8), 1e-6),
        (3.2, 0.5 * math.log(abs(4 + 6.4 - 3.2**2)), 1e-6),
        (3.5, -0.872507, 1e-5),
        (3.55, -0.099892, 1e-5),
        (3.5699456718709449, 0.0, 1e-5),
        (3.83, -0.369674, 1e-5),
        (3.845, -0.326257, 1e-5),
        (3.678573510, 0.34215, 1e-3),
        (3.6, 0.18342, 1e-3),
        (3.7, 0.35490, 1e-3),
        (3.9, 0.49622, 1e-3),
    ],
)
def test_logistic(r, expected, tolerance):
    result = lyapunov_spectrum(systems.Logistic(r), steps=1_000_000)
    assert abs(float(result) - expected) < tolerance
    assert result.kaplan_yorke == (1.0 if float(result) >= 0 else 0.0)
    assert result.warnings == ()


def test_logistic_superstable():
    """Sign only beside it; at it, minus infinity and a reason."""
    assert float(lyapunov_spectrum(systems.Logistic(3.7389149))) < -2
    assert float(lyapunov_spectrum(systems.Logistic(3.8319))) < 0
    exact = lyapunov_spectrum(systems.Logistic(2.0))
    assert float(exact) == -math.inf
    assert any("superstable" in note for note in exact.warnings)


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (systems.Tent(), [math.log(2)]),
        (systems.Tent(1.7), [math.log(1.7)]),
        (systems.Tent(0.6), [math.log(0.6)]),
        (systems.Bernoulli(5), [math.log(5)]),
        (systems.ArnoldCat(), [CAT, -CAT]),
        (systems.ArnoldCat(10), [CAT, -CAT]),
        (systems.Rotation(), [0.0]),
    ],
    ids=repr,
)
def test_exact(system, expected):
    result = lyapunov_spectrum(system)
    assert np.abs(result.exponents - expected).max() < 1e-12
    assert np.abs(result.history - expected).max() < 1e-11


def test_skew_shift_grows_linearly():
    steps = 100_000
    result = lyapunov_spectrum(systems.SkewShift(), steps=steps, transient=0)
    assert 0 <= float(result) < 2 * math.log(steps) / steps
    assert result.exponents.sum() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("coupling", [0.0, 0.1, 0.4])
def test_shift_lattice_is_a_circulant(coupling):
    size, rate = 8, 2.0
    exact = np.log(np.abs(rate * (1 - coupling * (1 - np.cos(2 * np.pi * np.arange(size) / size)))))
    result = lyapunov_spectrum(systems.CoupledMapLattice(size, coupling, "shift", rate), steps=5000)
    assert np.allclose(result.exponents, np.sort(exact)[::-1], atol=1e-9)
    assert result.pesin == pytest.approx(exact[exact > 0].sum())


def test_henon():
    result = lyapunov_spectrum(systems.Henon(), steps=1_000_000)
    assert np.abs(result.exponents - [0.419221, -1.623194]).max() < 1e-3
    assert result.exponents.sum() == pytest.approx(math.log(0.3), abs=1e-10)
    assert result.kaplan_yorke == pytest.approx(1.25827, abs=1e-3)
    assert result.pesin == float(result)
    assert np.abs(result.exponents[0] - 0.419221) < 4 * result.stderr[0]


def test_ikeda():
    result = lyapunov_spectrum(systems.Ikeda(), steps=1_000_000)
    assert np.abs(result.exponents - [0.5076, -0.7183]).max() < 2e-3
    assert result.exponents.sum() == pytest.approx(2 * math.log(0.9), abs=1e-10)


@pytest.mark.parametrize(("k", "expected", "tolerance"), [(6.0, 1.1367, 0.003), (10.0, 1.6196, 0.003), (1.0, 0.105, 0.15)])
def test_standard(k, expected, tolerance):
    result = lyapunov_spectrum(systems.StandardMap(k), steps=3_000_000)
    assert float(result) == pytest.approx(expected, rel=tolerance)
    assert result.exponents.sum() == pytest.approx(0.0, abs=1e-10)


# ---- flows -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"method": "dop853", "step": 0.1}], ids=str)
def test_lorenz(options):
    system = systems.Lorenz(**options)
    result = lyapunov_spectrum(system, steps=round(1e4 / system.step) if not options else 20_000)
    scale = 1.0 if not options else math.sqrt(5)
    assert abs(result.exponents[0] - 0.90582) < 4e-3 * scale
    assert abs(result.exponents[1]) < 1e-3
    assert abs(result.exponents[2] + 14.57248) < 4e-3 * scale
    assert result.exponents.sum() == pytest.approx(-41 / 3, abs=1e-4)
    assert result.kaplan_yorke == pytest.approx(2.06215, abs=1e-3)
    assert (np.abs(result.exponents - [0.90582, 0.0, -14.57248]) < 4 * result.stderr).all()


def test_lorenz_of_wolf():
    result = lyapunov_spectrum(systems.Lorenz(16.0, 45.92, 4.0), steps=500_000)
    assert np.abs(result.exponents - [1.50, 0.0, -22.5]).max() < 0.02
    assert np.abs(result.in_base(2).exponents - [2.16, 0.0, -32.46]).max() < 0.03


def test_lorenz_at_its_fixed_points():
    """The exponents of an attracting fixed point are the real parts of the eigenvalues there."""
    rho = 14.0
    x = math.sqrt(8 / 3 * (rho - 1))
    matrix = np.array([[-10.0, 10.0, 0.0], [1.0, -1.0, -x], [x, x, -8 / 3]])
    exact = np.sort(np.linalg.eigvals(matrix).real)[::-1]
    result = lyapunov_spectrum(systems.Lorenz(rho=rho), steps=100_000)
    assert np.abs(result.exponents - exact).max() < 2e-3
    assert result.kaplan_yorke == 0.0


def test_lorenz_at_rest():
    """Below rho = 1 the origin attracts; its matrix is triangular by blocks."""
    matrix = np.array([[-10.0, 10.0], [0.5, -1.0]])
    exact = np.sort([*np.linalg.eigvals(matrix), -8 / 3])[::-1]
    assert np.abs(lyapunov_spectrum(systems.Lorenz(rho=0.5)).exponents - exact).max() < 1e-4


def test_rossler():
    result = lyapunov_spectrum(systems.Rossler(), steps=5_000_000)
    assert np.abs(result.exponents - [0.07124, 0.0, -5.39403]).max() < 3e-3
    assert abs(result.exponents[1]) < 1e-3
    assert result.kaplan_yorke == pytest.approx(2.0132, abs=1e-3)


def test_sprott_jerk():
    result = lyapunov_spectrum(systems.SprottJerk(), steps=2_000_000)
    assert np.abs(result.exponents - [0.05514, 0.0, -2.0721]).max() < 3e-3
    assert result.exponents.sum() == pytest.approx(-2.017, abs=1e-4)


def test_nose_hoover():
    result = lyapunov_spectrum(systems.NoseHoover(), steps=5_000_000)
    assert float(result) == pytest.approx(0.0138, abs=5e-3)
    assert np.allclose(result.exponents, -result.exponents[::-1], atol=1e-4)


def test_nose_hoover_on_a_torus():
    system = systems.NoseHoover()
    result = lyapunov_spectrum(system, steps=1_000_000, state=system.start(position=[0.0, 1.5, 0.0]))
    assert np.abs(result.exponents).max() < 1e-3


def test_thermostat_0532_is_symmetric():
    result = lyapunov_spectrum(systems.Thermostat0532(), steps=1_000_000)
    assert float(result) == pytest.approx(0.144, abs=0.01)
    assert np.allclose(result.exponents, -result.exponents[::-1], atol=2e-3)


@pytest.mark.parametrize("system", [systems.HenonHeiles(), systems.DoublePendulum()], ids=lambda s: type(s).__name__)
def test_hamiltonian_spectra_are_symmetric(system):
    result = lyapunov_spectrum(system, steps=100_000)
    assert float(result) > 0.02
    assert np.allclose(result.exponents, -result.exponents[::-1], atol=1e-6)
    assert np.abs(result.exponents[1:3]).max() < 1e-3


def test_henon_heiles_is_regular_at_low_energy():
    assert lyapunov_spectrum(systems.HenonHeiles(1 / 12), k=1, steps=200_000).value < 1e-3


def test_lorenz_96():
    result = lyapunov_spectrum(systems.Lorenz96(), steps=15_000)
    assert float(result) == pytest.approx(1.66, abs=0.15)
    assert result.exponents.sum() == pytest.approx(-40, abs=0.01)
    assert 26 < result.kaplan_yorke < 28
    assert 12 <= (result.exponents > 0).sum() <= 14


def test_mackey_glass():
    result = lyapunov_spectrum(systems.MackeyGlass(), k=5, steps=300_000)
    published = [0.0056, 0.0, -0.0394, -0.0552, -0.0694]  # fourth order, the same number of values in a delay
    assert np.abs(result.exponents - published).max() < 3e-3


# ---- the estimator -----------------------------------------------------------------------------------------------------------------


def test_a_part_of_the_spectrum_is_that_part():
    whole = lyapunov_spectrum(systems.Lorenz(), steps=200_000)
    part = lyapunov_spectrum(systems.Lorenz(), k=2, steps=200_000)
    assert np.abs(whole.exponents[:2] - part.exponents).max() < 0.03
    assert part.kaplan_yorke is None
    assert any("raise `k`" in note for note in part.warnings)
    assert lyapunov_spectrum(systems.Lorenz(), k=3, steps=1000, transient=100).kaplan_yorke is not None


def test_intervals_do_not_matter():
    values = [lyapunov_spectrum(systems.Henon(), steps=50_000, every=e).exponents for e in (1, 3, 10)]
    assert np.abs(values[0] - values[1]).max() < 5e-3
    assert np.abs(values[0] - values[2]).max() < 5e-3
    lossy = lyapunov_spectrum(systems.Henon(), steps=50_000, every=40)
    # In rounds of forty steps the second vector is lost in rounding: such rounds are made again with a new frame after each step.
    assert np.abs(values[0] - lossy.exponents).max() < 5e-3
    assert lossy.warnings == ()


def test_intervals_chosen():
    """The two vectors of the cat map part by 2 ln((3 + sqrt 5) / 2) a step: four digits of shear where there is only rounding to fear, two
    where twin orbits must stay close."""
    assert lyapunov_spectrum(systems.ArnoldCat(), steps=100).parameters["every"] == int(math.log(1e4) / (2 * CAT))
    assert lyapunov_spectrum(systems.Logistic(), steps=100).parameters["every"] == 50
    assert lyapunov_spectrum(Twin(), steps=100).parameters["every"] == int(math.log(100) / (2 * CAT))


def test_history_ends_at_the_value():
    result = lyapunov_spectrum(systems.Lorenz(), steps=10_000)
    assert np.array_equal(result.history[-1], result.exponents)
    assert np.array_equal(result.curve[1], result.history[:, 0])
    assert result.times[-1] == pytest.approx(result.parameters["steps"] * 0.005)


def test_standard_error_is_honest():
    runs = [lyapunov_spectrum(systems.Henon(), steps=20_000, seed=s) for s in range(30)]
    scatter = np.std([float(r) for r in runs], ddof=1)
    claimed = np.mean([r.stderr[0] for r in runs])
    assert 0.6 < claimed / scatter < 1.6
    scores = np.array([(float(r) - 0.419221) / r.stderr[0] for r in runs])
    assert np.abs(scores).max() < 4.5
    wrong = np.array([(float(r) - 0.4292) / r.stderr[0] for r in runs])  # the negative control: 0.01 off
    assert np.abs(wrong.mean()) > 2


def test_the_callers_state_stays():
    system = systems.Henon()
    state = system.start(1)
    before = state.exact()
    first = lyapunov_spectrum(system, steps=1000, state=state)
    assert state.exact() == before
    assert np.array_equal(first.exponents, lyapunov_spectrum(system, steps=1000, state=state).exponents)


@numba.njit
def growing(u, out):
    out[0] = 1.5 * u[0]


def test_diverging_orbits():
    result = lyapunov_spectrum(systems.Henon(2.0))
    assert math.isnan(float(result))
    assert "diverged" in result.warnings[0]
    late = systems.UserMap(growing, 1, initial=[1.0])
    result = lyapunov_spectrum(late, steps=20_000, transient=0)
    assert math.isnan(float(result))
    assert "diverged after 17" in result.warnings[0]  # 1.5**1750 is the largest power below the largest float
    early = lyapunov_spectrum(late, steps=1000, transient=0)  # no number has overflowed yet
    assert math.isnan(float(early))
    assert "grew exponentially" in early.warnings[0]


# ---- other systems -----------------------------------------------------------------------------------------------------------------


class Tangent:
    """A linear map with a tangent and without a C function."""

    dim = 2
    matrix = np.array([[2.0, 1.0], [1.0, 1.0]])

    def start(self, seed=None, position=None):
        return State(phase=np.array([0.1, 0.2]))

    def advance(self, state, n, every=1):
        out = []
        for _ in range(n):
            state.phase[:] = self.matrix @ state.phase % 1
            out.append(state.phase.copy())
        return np.array(out).reshape(-1, 2)[every - 1 :: every]

    def tangent(self, state, n, vectors):
        self.advance(state, n)
        return np.linalg.matrix_power(self.matrix, n) @ vectors


def test_a_system_with_a_tangent_of_its_own():
    assert np.allclose(lyapunov_spectrum(Tangent(), steps=2000).exponents, [CAT, -CAT], atol=1e-12)


class Twin(Tangent):
    tangent = None


def test_a_system_without_a_tangent():
    result = lyapunov_spectrum(Twin(), steps=1000, transient=100)
    assert np.allclose(result.exponents, [CAT, -CAT], atol=0.05)
    assert "twin orbits" in result.warnings[0]
    chaotic = lyapunov_spectrum(Map(lambda x: 4 * x * (1 - x)), steps=2000)
    assert float(chaotic) == pytest.approx(math.log(2), abs=0.03)


def test_samplers():
    """A Metropolis chain that accepts or refuses both orbits together moves them by translations."""
    import weakchaos as wc

    system = wc.samplers.HMC(0.2, 2).bind(wc.zoo.gaussian([1.0, 1.0]))
    result = lyapunov_spectrum(system, k=1, steps=100, transient=10)
    assert float(result) < 0  # orbits under common numbers contract on a log-concave density


def test_bad_input():
    for bad in ({"k": 0}, {"k": 3}, {"steps": 0}, {"every": 0}, {"transient": -1}):
        with pytest.raises(ArgumentError):
            lyapunov_spectrum(systems.Henon(), **bad)
    with pytest.raises(ArgumentError, match="largest_exponent"):
        lyapunov_spectrum(Finite([1, 2, 0]))


def test_kaplan_yorke():
    assert kaplan_yorke_dimension([0.9056, 0.0, -14.5723]) == pytest.approx(2.06215, abs=1e-5)
    assert kaplan_yorke_dimension([-0.1, -0.2]) == 0.0
    assert kaplan_yorke_dimension([0.5, -0.5]) == 2.0
    assert kaplan_yorke_dimension([0.5, 0.1], complete=False) is None
    assert kaplan_yorke_dimension([0.0, -math.inf]) == 1.0


def test_a_result_is_printed_in_a_few_lines():
    made = lyapunov_spectrum(systems.Henon(), steps=5000)
    assert len(repr(made)) < 1500
    assert "history=<array of shape" in repr(made)
    assert f"value={made.value:.6g}" in repr(made)
    assert len(str(covariant_vectors(systems.Henon(), steps=2000))) < 1500


@pytest.mark.parametrize(
    "measure", [lambda s: covariant_vectors(s, steps=400), lambda s: gali(s, steps=400), lambda s: sali(s, steps=400)]
)
def test_every_measure_of_tangent_vectors_checks_the_step_of_a_flow(measure):
    def lorenz(u, out):
        out[0], out[1], out[2] = 10 * (u[1] - u[0]), u[0] * (28 - u[2]) - u[1], u[0] * u[1] - 8 / 3 * u[2]

    def noted(step):
        system = systems.UserFlow(numba.njit(lorenz), 3, initial=[1.0, 1.0, 20.0], step=step)
        return any("step" in note for note in measure(system).warnings)

    assert noted(0.06)
    assert not noted(0.005)
