"""Orbit diagrams: period doubling, hysteresis, escape, and the stability limit of the leapfrog step."""

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics import orbit_diagram
from weakchaos.systems import Henon, Logistic, UserMap


def test_period_doubling_of_the_logistic_map():
    """Cycles of 1, 2, 4 and 8 in the windows between 3, 1 + sqrt 6 and 3.5441, and of 3 from 1 + sqrt 8 on (May 1976); exponents of closed form."""
    values = [2.5, 3.2, 3.5, 3.55, 1 + 8**0.5 + 1e-3]
    found = orbit_diagram(Logistic, values, transient=20_000)
    assert found.distinct.tolist() == [1, 2, 4, 8, 3]
    assert found.exponents[0] == pytest.approx(np.log(0.5), abs=1e-4)  # ln|2 - r|
    assert found.exponents[1] == pytest.approx(0.5 * np.log(abs(4 + 6.4 - 3.2**2)), abs=1e-3)
    assert (found.exponents < 0).all()
    chaos = orbit_diagram(Logistic, [4.0], steps=20_000)
    assert chaos.exponents[0] == pytest.approx(np.log(2), abs=0.02)
    assert chaos.distinct[0] > 150


def test_orbits_that_escape_are_said_to():
    found = orbit_diagram(lambda a: Henon(a, 0.3), [1.2, 1.7])
    assert found.escaped.tolist() == [False, True]
    assert np.isnan(found.visited[1]).all()
    assert np.isnan(found.exponents[1])
    assert found.distinct[1] == 0


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_hmc_stops_at_its_stability_limit(scale):
    """The leapfrog step is stable below 2 / omega, omega = 1 / scale for a Gaussian; beyond, energy errors grow exponentially and nothing is accepted."""
    target = wc.zoo.gaussian([scale])
    steps = scale * np.linspace(1.9, 2.1, 41)
    found = orbit_diagram(lambda h: wc.samplers.HMC(h, 60, jitter=0.0).bind(target), steps, transient=50, keep=300, exponents=False)
    resting = found.distinct <= 3
    limit = steps[np.argmax(resting)]
    assert resting[np.argmax(resting) :].all()
    assert limit == pytest.approx(2.0 * scale, rel=0.01)


def test_following_shows_another_branch():
    """Two attractors: x -> a x - x**3 maps signs to themselves, so where an orbit is decides where it stays."""

    def cubic(a):
        def f(u, out):
            out[0] = a * u[0] - u[0] ** 3

        return wc.systems.UserMap(f, 1, initial=[0.5 if a < 1.55 else -0.5])

    values = [1.5, 1.6]
    apart = orbit_diagram(cubic, values, exponents=False)
    followed = orbit_diagram(cubic, values, exponents=False, follow=True)
    assert (np.sign(apart.visited.mean(1)) == [1, -1]).all()
    assert (np.sign(followed.visited.mean(1)) == [1, 1]).all()


def test_observables_and_figures(tmp_path):
    found = orbit_diagram(Henon, [1.1, 1.4], keep=100, steps=200, observable=lambda x: x[:, 0] + x[:, 1], label="a")
    both = orbit_diagram(Henon, [1.1, 1.4], keep=100, steps=200, observable=1)
    first = orbit_diagram(Henon, [1.1, 1.4], keep=100, steps=200)
    assert np.allclose(found.visited, first.visited + both.visited)
    figure = found.plot(tmp_path / "orbits.png")
    assert (tmp_path / "orbits.png").stat().st_size > 5000
    assert figure.axes[-1].get_xlabel() == "a"
    assert len(orbit_diagram(Logistic, [3.0], exponents=False).plot().axes) == 1


def test_bad_arguments():
    with pytest.raises(ArgumentTypeError, match="`make_system` must be a function"):
        orbit_diagram(Logistic(), [3.0])
    with pytest.raises(ArgumentError, match="`values` must be a sequence of finite numbers"):
        orbit_diagram(Logistic, [])
    with pytest.raises(ArgumentError, match="`observable` must be a whole number from 0 to 0"):
        orbit_diagram(Logistic, [3.0], observable=1)
    with pytest.raises(ArgumentError, match="`observable` must return one number for each"):
        orbit_diagram(Logistic, [3.0], observable=lambda x: x)
    with pytest.raises(ArgumentError, match="`keep`"):
        orbit_diagram(Logistic, [3.0], keep=0)


def test_an_orbit_on_its_way_out_has_escaped():
    """Growth by one part in a hundred a step is far from overflow after 300 steps, and what it visits means as little."""

    def turned(factor):
        def step(u, out):
            out[0] = factor * u[0]

        return UserMap(step, 1, initial=[1.0])

    found = orbit_diagram(turned, [0.99, 1.01], transient=100, exponents=False)
    assert found.escaped.tolist() == [False, True]
    assert np.isnan(found.visited[1]).all()
