"""Reference maps: laws of a System, exact orbits and periods, tangents against differences, the closed forms of derivatives."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance import check_system
from weakchaos import systems
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics import find_cycle

MAPS = {
    "logistic": systems.Logistic(3.9),
    "tent": systems.Tent(),
    "tent, slope 1.7": systems.Tent(1.7),
    "Bernoulli": systems.Bernoulli(3),
    "cat": systems.ArnoldCat(),
    "rotation": systems.Rotation(),
    "skew shift": systems.SkewShift(),
    "Henon": systems.Henon(),
    "standard": systems.StandardMap(6.0),
    "Ikeda": systems.Ikeda(),
    "logistic lattice": systems.CoupledMapLattice(5),
    "shift lattice": systems.CoupledMapLattice(5, local="shift", rate=2.0),
    "Mackey-Glass": systems.MackeyGlass(size=6),
}


def difference_quotient(system, state, n, h=1e-6):
    columns = []
    for j in range(state.phase.size):
        up, down = state.copy(), state.copy()
        up.phase[j] += h
        down.phase[j] -= h
        system.advance(up, n)
        system.advance(down, n)
        columns.append((up.phase - down.phase) / (2 * h))
    return np.array(columns).T


@pytest.mark.parametrize("name", MAPS)
def test_system(name):
    check_system(MAPS[name])


@pytest.mark.parametrize("name", [name for name in MAPS if name not in {"tent", "Bernoulli", "cat", "rotation", "skew shift"}])
def test_tangent_is_the_derivative(name):
    system = MAPS[name]
    state = system.start(3)
    system.advance(state, 7)
    start, twin = state.copy(), state.copy()
    vectors = np.random.default_rng(0).normal(size=(system.dim, 3))
    kept = vectors.copy()
    images = system.tangent(state, 2, vectors)
    scale = 1.0 if name != "tent, slope 1.7" else 1e15  # a lattice map counts in whole numbers
    assert np.allclose(images, difference_quotient(system, start, 2, 1e-6 * scale) @ vectors, atol=1e-7, rtol=1e-6)
    assert np.array_equal(vectors, kept)
    system.advance(twin, 2)
    assert np.array_equal(state.phase, twin.phase), "`tangent` must move the state as `advance` does"


@pytest.mark.parametrize(
    ("name", "matrix"),
    [("cat", [[2, 1], [1, 1]]), ("skew shift", [[1, 0], [1, 1]]), ("rotation", [[1]]), ("Bernoulli", [[3]])],
)
def test_tangent_of_linear_maps(name, matrix):
    system = MAPS[name]
    n = 9
    exact = np.linalg.matrix_power(np.array(matrix, object), n).astype(float)
    assert np.array_equal(system.tangent(system.start(1), n, np.eye(system.dim)), exact)


def test_tangent_of_the_tent_follows_its_branches():
    system = systems.Tent()
    state = system.start(5)
    path = np.concatenate([state.phase / system.size, system.advance(state.copy(), 29).ravel()])
    sign = np.prod(np.where(path <= 0.5, 1, -1))
    assert system.tangent(state, 30, [[1.0]])[0, 0] == sign * 2.0**30


# ---- exact orbits ------------------------------------------------------------------------------------------------------------------


def orbit_of(step, x, n):
    out = []
    for _ in range(n):
        x = step(x)
        out.append(x)
    return out


@settings(max_examples=20)
@given(st.integers(1, 2**49 - 2710), st.integers(2, 16))
def test_bernoulli_in_fractions(x, base):
    system = systems.Bernoulli(base)
    state = system.start(position=[x])
    got = [int(row) for row in _whole(system, state, 60)]
    assert got == orbit_of(lambda y: base * y % system.size, x, 60)


@settings(max_examples=20)
@given(st.integers(1, 2**51 - 466))
def test_tent_in_fractions(x):
    system = systems.Tent()
    got = [int(row) for row in _whole(system, system.start(position=[x]), 60)]
    assert got == orbit_of(lambda y: min(2 * y, 2 * (system.size - y)), x, 60)


@settings(max_examples=20)
@given(st.integers(0, 2**51 - 392), st.integers(0, 2**51 - 392))
def test_cat_in_integers(x, y):
    system = systems.ArnoldCat()
    state = system.start(position=[x, y])
    system.advance(state, 60)
    a, b = x, y
    for _ in range(60):
        a, b = (2 * a + b) % system.size, (a + b) % system.size
    assert (int(state.phase[0]), int(state.phase[1])) == (a, b)


@pytest.mark.parametrize("size", [2, 5, 6])
def test_every_point_of_small_lattices(size):
    """The wrap at the edge of the lattice: size itself must become 0."""
    cat, skew = systems.ArnoldCat(size), systems.SkewShift(1 / size, size)
    for x in range(size):
        for y in range(size):
            for system, image in ((cat, (2 * x + y, x + y)), (skew, (x + 1, x + y))):
                state = system.start(position=[x, y])
                system.advance(state, 1)
                assert state.phase.tolist() == [image[0] % size, image[1] % size]


def _whole(system, state, n):
    rows = []
    for _ in range(n):
        draw = system.advance(state, 1)
        assert draw[0, 0] == state.phase[0] / system.size
        rows.append(state.phase[0])
    return rows


@pytest.mark.parametrize(("size", "period"), [(2, 3), (5, 10), (10, 30), (101, 25), (124, 15), (150, 300), (256, 192)])
def test_cat_periods(size, period):
    """(0, 1) generates the lattice as a module over the map, so its period is that of the matrix."""
    system = systems.ArnoldCat(size)
    assert find_cycle(system, state=system.start(position=[0, 1])).period == period


@pytest.mark.parametrize(("p", "q"), [(5, 12), (1, 7), (144, 377)])
def test_rotation_periods(p, q):
    system = systems.Rotation(p / q, q)
    assert find_cycle(system).period == q // math.gcd(p, q)
    assert find_cycle(systems.SkewShift(p / q, q), state=systems.SkewShift(p / q, q).start(position=[1, 0])).period in (q, 2 * q)


def test_tent_period_divides_that_of_two():
    """Up to signs the tent map is multiplication by 2, whose order modulo 2579 = 2 * 1289 + 1 divides 2578."""
    cycle = find_cycle(systems.Tent(size=2579))
    order = next(n for n in range(1, 2579) if pow(2, n, 2579) in (1, 2578))
    assert cycle.period == order
    assert cycle.preperiod <= 1


@pytest.mark.parametrize(("r", "period"), [(2.8, 1), (3.2, 2), (3.5, 4), (3.55, 8), (3.83, 3), (3.845, 6), (3.7389149, 5)])
def test_logistic_periods(r, period):
    system = systems.Logistic(r)
    state = system.start(0)
    system.advance(state, 100_000, 100_000)
    orbit = system.advance(state, 64).ravel()
    near = [n for n in range(1, 33) if np.abs(orbit[n:] - orbit[:-n]).max() < 1e-9]
    assert near[0] == period


@pytest.mark.slow
def test_float_cycle_of_the_logistic_map():
    system = systems.Logistic(4.0)
    state = system.start(position=[0.3])
    system.advance(state, 20_000_000, 20_000_000)
    assert find_cycle(system, state=state, max_steps=20_000_000).period == 5_638_349


def test_standard_map_keeps_area_and_the_circle():
    system = systems.StandardMap(2.5)
    draws = system.advance(system.start(1), 2000)
    assert draws.min() >= 0.0
    assert draws.max() < 2 * math.pi
    assert np.linalg.det(system.tangent(system.start(1), 6, np.eye(2))) == pytest.approx(1.0, abs=1e-8)


def test_standard_map_from_anywhere():
    """The formula to the last bit from starts on the circle, at its ends, and many turns away, where the way to the circle is another."""
    turn = 2.0 * math.pi
    ends = [0.0, math.nextafter(turn, 0.0), turn, -1e-300, -turn, 2 * turn, math.nextafter(2 * turn, 0.0), 1e3, -77.7]
    for k in (0.0, 6.0, 40.0):
        system = systems.StandardMap(k)
        for x, p in itertools.product(ends, repeat=2):
            for image in system.advance(system.start(position=[x, p]), 3):
                p = p + k * math.sin(x)
                p -= turn * math.floor(p / turn)
                x += p
                x -= turn * math.floor(x / turn)
                assert image.tolist() == [x, p]


def test_lattice_of_one_value_stays_one_value():
    lattice, single = systems.CoupledMapLattice(6, 0.3, rate=3.7), systems.Logistic(3.7)
    x = Fraction(1, 3)
    whole = lattice.advance(lattice.start(position=[float(x)] * 6), 5)
    assert np.allclose(whole, single.advance(single.start(position=[float(x)]), 5))


def test_mackey_glass_follows_the_equation():
    """The trapezoidal rule converges with the square of its step: halving it quarters the error against a fine solution."""
    ends = []
    for size in (50, 100, 800):
        system = systems.MackeyGlass(size=size)
        state = system.start(position=np.full(size + 1, 0.7))
        ends.append(system.advance(state, 4 * size)[-1, 0])
    assert abs(ends[0] - ends[2]) / abs(ends[1] - ends[2]) == pytest.approx(4.0, rel=0.1)


# ---- bad input ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: systems.Logistic(4.1),
        lambda: systems.Logistic("4"),
        lambda: systems.Tent(2.5),
        lambda: systems.Tent(size=10),
        lambda: systems.Bernoulli(17),
        lambda: systems.Bernoulli(2, size=10),
        lambda: systems.ArnoldCat(1),
        lambda: systems.Rotation(math.inf),
        lambda: systems.Henon(math.nan),
        lambda: systems.CoupledMapLattice(1),
        lambda: systems.CoupledMapLattice(coupling=1.5),
        lambda: systems.CoupledMapLattice(local="tent"),
        lambda: systems.MackeyGlass(delay=0.0),
        lambda: systems.Logistic().start(position=[0.1, 0.2]),
        lambda: systems.Logistic().start(position=[math.nan]),
        lambda: systems.ArnoldCat(10).start(position=[0.5, 1]),
        lambda: systems.ArnoldCat(10).start(position=[10, 1]),
        lambda: systems.Henon().tangent(systems.Henon().start(0), 1, np.ones(2)),
        lambda: systems.Henon().advance(systems.Henon().start(0), -1),
    ],
)
def test_bad_input(make):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`"):
        make()
