"""Derivatives of users' functions: dual numbers are exact, differences know scales, jumps and the borders of domains; the step of flows is judged."""

import math

import numpy as np
import pytest
from numba import njit

from weakchaos import systems
from weakchaos.core.errors import SamplingError
from weakchaos.diagnostics import largest_exponent, lyapunov_spectrum
from weakchaos.diagnostics.standard_errors import laminar_note, standard_errors
from weakchaos.systems.derivatives import scales_of

GAUSS = math.pi**2 / (6 * math.log(2))


def gauss(u, out):
    out[0] = 1 / u[0] - math.floor(1 / u[0])


def intermittent(u, out):
    out[0] = (u[0] + u[0] ** 1.5) % 1.0


def lorenz(u, out):
    out[0] = 10 * (u[1] - u[0])
    out[1] = u[0] * (28 - u[2]) - u[1]
    out[2] = u[0] * u[1] - 8 / 3 * u[2]


@pytest.mark.parametrize(
    ("value", "slope"),
    [
        (lambda x: x * x - 3 * x + 2 / x, lambda x: 2 * x - 3 - 2 / x**2),
        (lambda x: x**3 + x**2.5 + 2**x, lambda x: 3 * x**2 + 2.5 * x**1.5 + math.log(2) * 2**x),
        (lambda x: math.sin(x) * np.cos(x) + math.tan(x), lambda x: math.cos(2 * x) + 1 / math.cos(x) ** 2),
        (lambda x: np.exp(-x) + math.log(x) + np.log1p(x), lambda x: -math.exp(-x) + 1 / x + 1 / (1 + x)),
        (lambda x: math.sqrt(x) + np.tanh(x), lambda x: 0.5 / math.sqrt(x) + 1 / math.cosh(x) ** 2),
        (lambda x: abs(x - 1) + np.abs(2 - x), lambda x: -2.0 if x < 1 else 0.0 if x < 2 else 2.0),
        (lambda x: (5 * x) % 1.0 + np.fmod(x, 0.3), lambda x: 6.0),
        (lambda x: x % (0.3 * x + 0.1), lambda x: 1 - 0.3 * math.floor(x / (0.3 * x + 0.1))),
        (lambda x: x - math.floor(4 * x) + np.sign(x), lambda x: 1.0),
        (lambda x: min(x, 1 - x) if x < 1 else max(2 * x, 1.0), lambda x: 1.0 if x < 0.5 else -1.0 if x < 1 else 2.0),
        (lambda x: math.atan2(x, 2.0) + math.hypot(x, 3.0), lambda x: 2 / (4 + x * x) + x / math.hypot(x, 3.0)),
        (lambda x: math.asin(x / 3) + np.arctan(x), lambda x: 1 / math.sqrt(9 - x * x) + 1 / (1 + x * x)),
    ],
)
def test_dual_numbers_are_exact(value, slope):
    jitted = njit(value)

    @njit
    def f(u, out):
        total = 0.0
        for i in range(len(u)):
            total += jitted(u[i])
        out[0] = total

    system = systems.UserMap(f, 1, initial=[0.37])
    assert system.derivative == "dual numbers"
    for x in (0.37, 0.83, 1.41):
        state = system.start(position=[x])
        assert system.tangent(state, 1, [[1.0]])[0, 0] == pytest.approx(slope(x), rel=1e-12)
        plain = system.start(position=[x])
        system.advance(plain, 1)
        assert np.array_equal(state.phase, plain.phase), "values are those of the function itself, to the last bit"


def test_a_function_without_a_dual_form_falls_back():
    @njit
    def f(u, out):
        room = np.empty(2)
        room[:] = u[::-1]
        out[0], out[1] = room[0] * room[1], room[1]

    system = systems.UserMap(f, 2, initial=[0.3, 0.4])
    assert system.derivative == "differences"
    assert np.allclose(system.tangent(system.start(), 1, np.eye(2)), [[0.4, 0.3], [1.0, 0.0]], atol=1e-9)


@pytest.mark.parametrize("form", [njit(gauss), gauss], ids=["dual numbers", "differences"])
def test_the_gauss_map_jumps_ever_more_often_towards_zero(form):
    """Its entropy is pi^2 / (6 ln 2) (Rokhlin); differences that straddle its jumps lower it."""
    system = systems.UserMap(form, 1, initial=[0.1234567])
    result = lyapunov_spectrum(system, steps=100_000)
    assert abs(float(result) - GAUSS) < 3 * result.stderr[0]
    assert result.parameters["derivative"] == system.derivative
    assert any("disagreed" in note for note in result.warnings) == (system.derivative == "differences")


def test_the_border_of_a_domain_is_no_divergence():
    """x + x**1.5 has no value below 0, and orbits of the map come close to 0; the two forms follow one orbit."""
    exact = lyapunov_spectrum(systems.UserMap(njit(intermittent), 1, initial=[0.3]), steps=50_000)

    def with_border(u, out):
        out[0] = (u[0] + math.sqrt(u[0]) ** 3) % 1.0  # math.sqrt raises below 0

    result = lyapunov_spectrum(systems.UserMap(with_border, 1, initial=[0.3]), steps=20_000)
    assert not any("diverged" in note for note in (*exact.warnings, *result.warnings))
    assert abs(float(result) - float(exact)) < 0.05
    edge = systems.UserMap(with_border, 1, initial=[0.3])
    assert edge.tangent(edge.start(position=[0.0]), 1, [[1.0]])[0, 0] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e9])
def test_units_do_not_matter_to_differences(unit):
    def f(u, out):
        x, y = u[0] / unit, u[1] / unit
        p = y + 6 * math.sin(x)
        out[:] = unit * ((x + p) % (2 * math.pi)), unit * (p % (2 * math.pi))

    result = lyapunov_spectrum(systems.UserMap(f, 2, initial=[unit, 2 * unit]), steps=10_000)
    assert abs(result.exponents.sum()) < 1e-3  # the map keeps areas
    assert abs(float(result) - 1.137) < 0.05


def test_units_do_not_matter_to_twins():
    def growth(capacity):
        return systems.UserMap(lambda u, out: np.copyto(out, 2.5 * u * (1 - u / capacity)), 1, initial=[0.1 * capacity])

    for capacity in (1e-9, 1.0, 1e9):
        assert float(largest_exponent(growth(capacity))) == pytest.approx(-math.log(2), abs=0.01)


def test_a_coordinate_that_grows():
    """x' = -x + sin(t), t' = 1: exponents -1 and 0; a step in proportion to t would see the mean of sin over many periods."""

    def f(u, out):
        out[0], out[1] = -u[0] + math.sin(u[1]), 1.0

    result = lyapunov_spectrum(systems.UserFlow(f, 2, initial=[0.0, 1e5], step=0.05), steps=4000)
    assert result.exponents == pytest.approx([0.0, -1.0], abs=1e-4)
    assert result.warnings == ()
    assert float(largest_exponent(systems.UserFlow(f, 2, initial=[0.0, 0.0], step=0.05), transient=1000)) == pytest.approx(
        0.0, abs=1e-2
    )


def test_scales():
    orbit = np.array([[0.0, 5.0, 1e6, 0.0], [2.0, 5.0, 1e6 + 1.0, 0.0]])
    assert scales_of(orbit).tolist()[:2] == [2.0, 5.0]
    assert scales_of(orbit)[2] == pytest.approx(10.0, rel=1e-5)
    assert scales_of(orbit)[3] > 0


def test_a_wrong_jacobian_is_named():
    def jacobian(u, J):
        J[0, 0] = 3.8 - 3.8 * u[0]  # a factor 2 is missing

    @njit
    def f(u, out):
        out[0] = 3.8 * u[0] * (1 - u[0])

    wrong = lyapunov_spectrum(systems.UserMap(f, 1, initial=[0.3], jacobian=jacobian), steps=1000)
    assert any("`jacobian` does not agree" in note for note in wrong.warnings)

    def right(u, J):
        J[0, 0] = 3.8 - 7.6 * u[0]

    assert lyapunov_spectrum(systems.UserMap(f, 1, initial=[0.3], jacobian=right), steps=1000).warnings == ()


def test_the_step_of_a_flow_is_judged():
    """The divergence of the Lorenz field is -41/3 everywhere."""
    good = lyapunov_spectrum(systems.Lorenz(), steps=10_000)
    assert good.warnings == ()
    assert good.parameters["divergence"] == pytest.approx(-41 / 3, abs=1e-9)
    assert np.abs(good.parameters["step_error"]).max() < 1e-3
    for step in (0.1, 0.12):
        long = lyapunov_spectrum(systems.UserFlow(njit(lorenz), 3, initial=[1.0, 1.0, 20.0], step=step), steps=10_000)
        assert any("step" in note for note in long.warnings)


def test_dop853_rejects_a_trial_step_that_overflows(capfd):
    """The limit cycle of van der Pol's oscillator stays within |x| < 2.02 for every mu."""

    @njit
    def field(u, out):
        out[0], out[1] = u[1], 20 * (1 - u[0] ** 2) * u[1] - u[0]

    flow = systems.UserFlow(field, 2, initial=[2.0, 0.0], step=0.5, method="dop853")
    orbit = flow.advance(flow.start(), 200)
    assert np.isfinite(orbit).all()
    assert 1.9 < np.abs(orbit[:, 0]).max() < 2.03

    @njit
    def explosion(u, out):
        out[0] = u[0] * u[0]

    # x' = x**2 from 1 is infinite at t = 1: a true singularity is still said, by an error or in the state.
    blown = systems.UserFlow(explosion, 1, initial=[1.0], step=0.3, method="dop853")
    try:
        said = not np.isfinite(blown.advance(blown.start(), 8)).all()
    except SamplingError:
        said = True
    assert said
    assert capfd.readouterr().err == ""


def test_a_frame_that_loses_a_direction_is_renewed_oftener():
    """The sum of the exponents is the mean of ln |det J| = ln(2.27 x), along the same orbit."""

    @njit
    def delayed(u, out):
        out[0], out[1] = 2.27 * u[0] * (1 - u[1]), u[0]

    system = systems.UserMap(delayed, 2, initial=[0.001, 0.001])
    for every in (None, 40):
        result = lyapunov_spectrum(system, steps=20_000, transient=1000, every=every)
        state = system.start()
        system.advance(state, 1000)
        orbit = np.concatenate([[state.phase], system.advance(state, 20_000)[:-1]])
        assert result.exponents.sum() == pytest.approx(np.log(2.27 * orbit[:, 0]).mean(), abs=1e-3)


def test_escaping_orbits_have_no_exponent():
    for system in (systems.Henon(a=1.6), systems.UserMap(lambda u, out: np.copyto(out, np.minimum(u * u + 1, np.inf)), 1)):
        with np.errstate(over="ignore", invalid="ignore"):
            result = largest_exponent(system)
        assert math.isnan(result.value)
        assert any("diverged" in note for note in result.warnings)


def test_largest_exponent_is_per_unit_time():
    values = [float(largest_exponent(systems.Lorenz(step=h), steps=round(200 / h), transient=round(20 / h))) for h in (0.01, 0.005)]
    assert values == pytest.approx([0.906, 0.906], abs=0.08)


def test_standard_errors_hold_for_laminar_phases():
    """Alternating renewals of durations with tail t**-1.5: batches alone are too narrow; white noise is left nearly alone."""
    rng = np.random.default_rng(5)
    held, narrow = 0, 0
    for _ in range(200):
        durations = np.ceil(rng.random(60_000) ** (-1 / 1.5)).astype(int)
        path = np.repeat(np.arange(durations.size) % 2, durations)[:100_000].astype(float)
        rows = path.reshape(200, -1).mean(1)[:, None]
        batches = rows.reshape(20, -1).mean(1)
        held += abs(rows.mean() - 0.5) <= 2 * standard_errors(rows)[0]
        narrow += abs(rows.mean() - 0.5) <= 2 * batches.std(ddof=1) / math.sqrt(20)
    assert held > narrow
    assert held >= 180
    noise = rng.standard_normal((100, 400))
    ratio = np.mean([standard_errors(row[:, None])[0] * math.sqrt(row.size) for row in noise])
    assert 1.0 < ratio < 1.5


def test_a_laminar_phase_as_long_as_a_batch_is_named():
    rng = np.random.default_rng(1)
    rates = rng.normal(1.0, 0.2, 200)
    assert laminar_note(rates) is None
    rates[50:70] = 0.01
    assert "10 %" in laminar_note(rates)


def test_differences_far_from_where_the_scale_was_measured():
    """An orbit that falls onto a fixed point is far from it at first: steps must not be those of the point."""

    @njit
    def halves(u, out):
        out[0] = 0.5 * u[0]

    compiled, plain = (
        lyapunov_spectrum(systems.UserMap(f, 1, initial=[0.3]), steps=50, transient=0) for f in (halves, halves.py_func)
    )
    for found in (compiled, plain):
        assert abs(float(found) + math.log(2)) < 1e-6
        assert not any("differences" in note for note in found.warnings)


def test_an_orbit_that_escapes_before_it_is_measured():
    @njit
    def square_root(u, out):
        out[0] = math.sqrt(u[0]) - 0.3

    found = largest_exponent(systems.UserMap(square_root, 1, initial=[0.3]))
    assert math.isnan(found.value)
    assert found.warnings == ("the orbit diverged: the exponent of an unbounded orbit has no meaning",)


@njit
def henon_map(u, out):
    out[0] = 1.0 - 1.4 * u[0] ** 2 + u[1]
    out[1] = 0.3 * u[0]


@njit
def jacobian_with_a_wrong_branch(u, matrix):
    matrix[0, 0] = -2.8 * u[0] if u[0] < 1.0 else 0.0
    matrix[0, 1], matrix[1, 0] = 1.0, 0.3


@njit
def right_jacobian(u, matrix):
    matrix[0, 0], matrix[0, 1], matrix[1, 0] = -2.8 * u[0], 1.0, 0.3


@njit
def gauss_map(u, out):
    out[0] = 1.0 / u[0] - math.floor(1.0 / u[0])


@njit
def jacobian_of_gauss(u, matrix):
    matrix[0, 0] = -1.0 / u[0] ** 2


def test_a_jacobian_that_is_wrong_where_the_orbit_seldom_is_gets_doubted():
    """The branch x > 1 holds about a tenth of the Hénon orbit; the exponent is then .07 instead of .42."""
    wrong = systems.UserMap(henon_map, 2, initial=[0.1, 0.1], jacobian=jacobian_with_a_wrong_branch)
    assert any("jacobian" in w for w in lyapunov_spectrum(wrong, steps=5000).warnings)
    for function, dim, start, jacobian in (
        (henon_map, 2, [0.1, 0.1], right_jacobian),
        (gauss_map, 1, [0.1234567], jacobian_of_gauss),  # steep and with jumps
    ):
        system = systems.UserMap(function, dim, initial=start, jacobian=jacobian)
        assert not any("jacobian" in w for w in lyapunov_spectrum(system, steps=5000).warnings)
