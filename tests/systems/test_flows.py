"""Reference flows and integrators: laws of a System, tangents against differences, orders of convergence, conserved quantities."""

import math

import numpy as np
import pytest

from tests.conformance import check_system
from tests.systems.test_maps import difference_quotient
from weakchaos import systems
from weakchaos.core.errors import ArgumentError

FLOWS = {
    "Lorenz": systems.Lorenz(),
    "Lorenz, dop853": systems.Lorenz(method="dop853", step=0.1),
    "Rossler": systems.Rossler(),
    "jerk": systems.SprottJerk(),
    "Nose-Hoover": systems.NoseHoover(),
    "0532": systems.Thermostat0532(),
    "Henon-Heiles": systems.HenonHeiles(),
    "Henon-Heiles, leapfrog": systems.HenonHeiles(method="leapfrog"),
    "double pendulum": systems.DoublePendulum(),
    "Lorenz-96": systems.Lorenz96(6),
}


@pytest.mark.parametrize("name", FLOWS)
def test_system(name):
    check_system(FLOWS[name])


@pytest.mark.parametrize("name", FLOWS)
def test_tangent_is_the_derivative(name):
    system = FLOWS[name]
    state = system.start(3)
    system.advance(state, 7)
    start = state.copy()
    images = system.tangent(state, 2, np.eye(system.dim))
    assert np.allclose(images, difference_quotient(system, start, 2), atol=2e-7, rtol=1e-6)


def end_of(system, position, time):
    state = system.start(position=position)
    return system.advance(state, round(time / system.step))[-1]


@pytest.mark.parametrize("system", [systems.Lorenz(), systems.Lorenz96(6)])
def test_orbits_do_not_depend_on_the_vectors_carried(system):
    """Few numbers move by other machine code than many: the same orbit, to the last bit, and the same images of the vectors."""
    alone = system.start(5)
    system.advance(alone, 20)
    images = []
    for k in (1, 3, 9):
        state = system.start(5)
        images.append(system.tangent(state, 20, np.ones((system.dim, k))))
        assert np.array_equal(state.phase, alone.phase)
    for other in images[1:]:
        assert (other == images[0]).all()


@pytest.mark.parametrize(("method", "order", "step"), [("rk4", 4, 0.05), ("symplectic4", 4, 0.2), ("leapfrog", 2, 0.1)])
def test_order_of_convergence(method, order, step):
    position, time = [0.0, 0.1, 0.5, 0.0], 4.0
    exact = end_of(systems.HenonHeiles(method="dop853", tolerance=1e-13, step=0.1), position, time)
    errors = [np.abs(end_of(systems.HenonHeiles(method=method, step=h), position, time) - exact).max() for h in (step, step / 2)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


def test_order_of_dop853():
    """With a tolerance that accepts every step the method is one of order 8 with fixed steps."""
    position, time = [0.0, 0.1, 0.5, 0.0], 4.0
    exact = end_of(systems.HenonHeiles(method="dop853", tolerance=1e-15, step=0.05), position, time)
    errors = [
        np.abs(end_of(systems.HenonHeiles(method="dop853", tolerance=1e3, step=h), position, time) - exact).max()
        for h in (1.0, 0.5)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(8, abs=0.6)


@pytest.mark.parametrize("tolerance", [1e-6, 1e-9, 1e-12])
def test_dop853_meets_its_tolerance(tolerance):
    """Against SciPy's independent implementation; one unit of time amplifies local errors about a hundredfold at most."""
    from scipy.integrate import solve_ivp

    system = systems.Lorenz(method="dop853", step=1.0, tolerance=tolerance)
    position = [1.0, 2.0, 20.0]
    solution = solve_ivp(lambda t, u: system.vector_field(u), (0.0, 1.0), position, "DOP853", rtol=1e-13, atol=1e-13)
    assert np.abs(end_of(system, position, 1.0) - solution.y[:, -1]).max() < 2000 * tolerance


def test_symplectic_energy_stays_bounded():
    """The error of the energy oscillates and does not grow, as that of a Runge-Kutta method of the same order does."""
    for method, least, most in (("symplectic4", 0.0, 3.0), ("leapfrog", 0.0, 3.0), ("rk4", 5.0, 1e9)):
        system = systems.HenonHeiles(method=method, step=0.2)
        state = system.start(1)
        first = state.phase.copy()
        energies = np.array([system.energy_of(row) for row in system.advance(state, 200_000, 20)]) - system.energy_of(first)
        growth = np.abs(energies[-1000:]).max() / np.abs(energies[:1000]).max()
        assert least < growth < most, method


def test_double_pendulum_keeps_its_energy():
    system = systems.DoublePendulum()
    state = system.start(0)
    before = system.energy_of(state.phase)
    assert abs(system.energy_of(system.advance(state, 2000)[-1]) - before) < 1e-7


def test_double_pendulum_is_hamiltonian():
    """q' = dH/dp and p' = -dH/dq, by differences of the energy."""
    system, place, h = systems.DoublePendulum(1.3), np.array([0.4, -1.1, 0.7, 0.3]), 1e-6
    slope = np.array([(system.energy_of(place + h * e) - system.energy_of(place - h * e)) / (2 * h) for e in np.eye(4)])
    assert np.allclose(system.vector_field(place), np.concatenate([slope[2:], -slope[:2]]), atol=1e-8)


def test_henon_heiles_is_hamiltonian():
    system, place, h = systems.HenonHeiles(), np.array([0.1, -0.2, 0.3, 0.15]), 1e-6
    slope = np.array([(system.energy_of(place + h * e) - system.energy_of(place - h * e)) / (2 * h) for e in np.eye(4)])
    assert np.allclose(system.vector_field(place), np.concatenate([slope[2:], -slope[:2]]), atol=1e-8)


def test_thermostat_0532_keeps_gibbs_density():
    """div(density v) = 0 for the density exp(-(q**2 + p**2) / 2T - zeta**2 / 2), by differences."""
    system, h = systems.Thermostat0532(temperature=1.3), 1e-5

    def flux(u, i):
        return math.exp(-(u[0] ** 2 + u[1] ** 2) / 2.6 - u[2] ** 2 / 2) * system.vector_field(u)[i]

    for place in np.random.default_rng(0).normal(size=(5, 3)):
        divergence = sum((flux(place + h * e, i) - flux(place - h * e, i)) / (2 * h) for i, e in enumerate(np.eye(3)))
        assert abs(divergence) < 1e-8


def test_thermostat_0532_visits_gibbs_density():
    system = systems.Thermostat0532()
    state = system.start(2)
    draws = system.advance(state, 5_000_000, 50)
    assert np.allclose((draws**2).mean(0), 1.0, atol=0.05)


def test_a_singularity_is_an_error():
    """x' = x**2 reaches infinity at time 1 / x: no step size goes through it."""
    flow = systems.UserFlow(lambda u, out: out.__setitem__(0, abs(u[0] - 1.0) ** -0.9), 1, initial=[0.0], method="dop853", step=5.0)
    with pytest.raises(Exception, match="tolerance"):
        flow.advance(flow.start(), 2)


@pytest.mark.parametrize(
    "make",
    [
        lambda: systems.Lorenz(step=0.0),
        lambda: systems.Lorenz(step=math.nan),
        lambda: systems.Lorenz(sigma=math.nan),
        lambda: systems.Lorenz(method="euler"),
        lambda: systems.Lorenz(method="leapfrog"),
        lambda: systems.Lorenz(tolerance=-1.0),
        lambda: systems.HenonHeiles(energy=0.2),
        lambda: systems.Lorenz96(3),
        lambda: systems.Lorenz().vector_field([1.0]),
    ],
)
def test_bad_input(make):
    with pytest.raises(ArgumentError, match="`"):
        make()
