"""Orbits of the maps against exact oracles, periods against number theory, and what happens at the fixed points."""

import math

import numpy as np
import pytest
from numpy.polynomial import chebyshev

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.system import State
from weakchaos.drivers import ArnoldCat, Chebyshev, Logistic, Tent
from weakchaos.drivers.base import WordStream
from weakchaos.drivers.map_streams import _CAT_PRIME, _TENT_PRIME, _next_tent


def read(driver, stream, n=1):
    return driver.advance(State(driver=stream), n)[:, 0]


def position(stream):
    return float(stream.words.view(np.float64)[0])


def with_position(driver, x):
    stream = driver.open(1)
    stream.words.view(np.float64)[0] = x
    return stream


def restart(stream):
    """The next start of a floating-point orbit, as a number of (0, 1)."""
    golden = (math.isqrt(5 << 128) - (1 << 64)) // 2
    return (((int(stream.words[1]) + golden) % 2**64 >> 11) + 0.5) * 2.0**-53


# ---- floating point ------------------------------------------------------------


@pytest.mark.parametrize("iterations", [1, 3])
def test_the_logistic_orbit_is_that_of_python_floats(iterations):
    driver = Logistic(iterations)
    stream = driver.open(3)
    x, expected = position(stream), []
    for _ in range(2000):
        for _ in range(iterations):
            x = 4.0 * x * (1.0 - x)
        expected.append(2.0 / math.pi * math.asin(math.sqrt(x)))
    assert np.allclose(read(driver, stream, 2000), expected, rtol=0, atol=1e-15)
    assert position(stream) == x


def test_the_logistic_readout_follows_the_tent_map():
    u = Logistic().advance(Logistic().start(2), 5000)[:, 0]
    assert np.abs(u[1:] - (1.0 - np.abs(1.0 - 2.0 * u[:-1]))).max() < 3e-8


@pytest.mark.parametrize("degree", [2, 3, 4, 5, 7, 8, 13, 100])
def test_the_chebyshev_step_is_the_polynomial(degree):
    driver = Chebyshev(degree)
    for x in np.random.default_rng(1).uniform(-1.0, 1.0, 40):
        stream = with_position(driver, x)
        u = read(driver, stream)[0]
        assert position(stream) == pytest.approx(chebyshev.chebval(x, np.eye(degree + 1)[degree]), abs=1e-12)
        assert u == pytest.approx(math.acos(position(stream)) / math.pi, abs=1e-15)


@pytest.mark.parametrize(
    ("driver", "x"),
    [
        (Logistic(), 0.5),  # to 1, and from there to 0 for ever
        (Logistic(), 0.75),  # fixed
        (Logistic(), 0.0),
        (Logistic(), 1.0),
        (Logistic(), math.nan),
        (Chebyshev(2), 0.0),  # to -1, then 1
        (Chebyshev(2), -0.5),  # fixed
        (Chebyshev(2), 1e-9),  # rounds to -1
        (Chebyshev(3), 0.0),  # fixed
        (Chebyshev(3), -1.0),  # fixed
        (Chebyshev(4), math.sqrt(0.5)),  # to -1
        (Chebyshev(2), 2.0),
    ],
)
def test_an_orbit_that_would_stick_starts_anew(driver, x):
    stream = with_position(driver, x)
    expected = restart(stream) if isinstance(driver, Logistic) else 2.0 * restart(stream) - 1.0
    twin = stream.copy()
    u = read(driver, stream, 200)
    assert ((u > 0.0) & (u < 1.0)).all()
    assert np.unique(u).size > 190
    read(driver, twin)
    assert position(twin) == expected


def test_restarts_differ_from_one_another():
    driver, seen = Logistic(), []
    stream = driver.open(1)
    for _ in range(100):
        stream.words.view(np.float64)[0] = 0.5
        read(driver, stream)
        seen.append(position(stream))
    assert np.unique(seen).size == 100


def test_the_double_precision_logistic_orbit_ends_in_the_cycle_of_5638349_steps():
    # 2**27 steps are longer than the transients, and IEEE arithmetic gives the same cycles on every machine.
    fast, slow = Logistic(iterations=2**20), Logistic()
    stream = fast.open(2)
    read(fast, stream, 128)
    inside = slow.restore(stream.to_bytes())
    start = inside.to_bytes()
    seen_early = read(slow, inside, 5638348)
    assert inside.to_bytes() != start
    read(slow, inside)
    assert inside.to_bytes() == start
    assert np.isfinite(seen_early).all()


# ---- tent ------------------------------------------------------------


def proved_prime(n, witness_factor):
    """Pocklington's criterion: n - 1 = r * witness_factor with a prime witness_factor > sqrt(n) proves n prime."""
    r = (n - 1) // witness_factor
    return r * witness_factor == n - 1 and witness_factor**2 > n and pow(2, n - 1, n) == 1 and math.gcd(pow(2, r, n) - 1, n) == 1


def probably_prime(n):
    """Miller-Rabin, proven for n < 3.3e24 with these bases."""
    if n < 43:
        return n in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41):
        x = pow(base, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def test_the_tent_period_is_a_theorem():
    p, q = _TENT_PRIME, _TENT_PRIME // 2
    assert p < 2**62
    assert probably_prime(q)
    assert proved_prime(p, q)
    # The residues up to sign are a group of prime order q: 2 is not its unit, so it generates the group.
    assert pow(2, q, p) in (1, p - 1)
    assert 2 not in (1, p - 1)
    assert Tent().period == Tent(iterations=12).period == q
    assert not any(probably_prime(n) and probably_prime(n // 2) for n in range(p + 2, 2**62, 2))  # the largest


@pytest.mark.parametrize("prime", [11, 23, 47, 2879, 1000919])
def test_the_tent_orbit_of_small_safe_primes_visits_every_state(prime):
    assert probably_prime(prime)
    assert probably_prime(prime // 2)
    stream, states = WordStream(_next_tent, np.array([2, 1, prime], np.uint64), 1), prime // 2
    u = read(Tent(), stream, states)
    assert int(stream.words[0]) == 2
    assert np.array_equal(np.sort(u), np.arange(2, prime, 2) / prime)


@pytest.mark.parametrize("iterations", [1, 5])
def test_the_tent_orbit_is_exact(iterations):
    driver = Tent(iterations)
    stream = driver.open(8)
    x, p = int(stream.words[0]), _TENT_PRIME
    assert x % 2 == 0
    assert 0 < x < p
    u = read(driver, stream, 3000)
    for k in range(3000):
        for _ in range(iterations):
            x = 2 * x if 2 * x < p else 2 * (p - x)
        assert abs(u[k] - x / p) <= 2.0**-53
    assert int(stream.words[0]) == x
    power = pow(2, 3000 * iterations, p) * int(driver.open(8).words[0]) % p
    assert x in (power, p - power)  # multiplication by two, up to sign


def test_the_largest_state_is_below_one():
    # The state before p - 1 is (p - 1) / 2 or (p + 1) / 2, whichever is even.
    driver, p = Tent(), _TENT_PRIME
    stream = driver.open(1)
    stream.words[0] = next(x for x in ((p - 1) // 2, (p + 1) // 2) if x % 2 == 0)
    assert read(driver, stream)[0] == 1.0 - 2.0**-53
    assert int(stream.words[0]) == p - 1


# ---- cat ------------------------------------------------------------


def matrix_power(n, size):
    result, base = np.eye(2, dtype=object), np.array([[2, 1], [1, 1]], dtype=object)
    while n:
        if n & 1:
            result = result @ base % size
        base = base @ base % size
        n >>= 1
    return result.tolist()


def order_by_steps(size):
    matrix, n = np.array([[2, 1], [1, 1]]) % size, 1
    while matrix.tolist() != [[1, 0], [0, 1]]:
        matrix, n = matrix @ [[2, 1], [1, 1]] % size, n + 1
    return n


def test_cat_periods_of_small_sizes():
    periods = {n: ArnoldCat(n).period for n in range(2, 200)}
    assert periods == {n: order_by_steps(n) for n in range(2, 200)}
    # Dyson and Falk (1992): 3 N for 2 * 5**k, 2 N for 5**k and 6 * 5**k, at most 12 N / 7 otherwise.
    assert periods[101] == 25
    assert periods[124] == 15
    for n, period in periods.items():
        assert period is not None
        if n in (10, 50):
            assert period == 3 * n
        elif n in (5, 25, 125, 6, 30, 150):
            assert period == 2 * n
        elif n > 2:
            assert period <= 12 * n / 7
    assert ArnoldCat(101, iterations=5).period == 5
    assert ArnoldCat((2**31 - 1) * (2**31 + 11)).period is None


def test_the_default_cat_period_is_a_theorem():
    p = _CAT_PRIME
    half = (p + 1) // 2
    assert p < 2**62
    assert probably_prime(p)
    assert probably_prime(half)
    assert (
        pow(5, (p - 1) // 2, p) == p - 1
    )  # 5 is no square: no eigenvector, so every orbit but the origin's has the order of the map
    assert matrix_power(p + 1, p) == [[1, 0], [0, 1]]
    assert matrix_power(half, p) != [[1, 0], [0, 1]]
    assert matrix_power(2, p) != [[1, 0], [0, 1]]  # p + 1 = 2 half has no other maximal divisors
    assert ArnoldCat().period == p + 1


@pytest.mark.parametrize("size", [2, 5, 101, 2**32, _CAT_PRIME, 2**63 - 25, 2**63])
@pytest.mark.parametrize("iterations", [1, 4])
def test_the_cat_orbit_is_exact(size, iterations):
    driver = ArnoldCat(size, iterations)
    stream = driver.open(5)
    x, y = stream.words[:2].tolist()
    assert (x, y) != (0, 0)
    u = read(driver, stream, 500)
    for k in range(500):
        for _ in range(iterations):
            x, y = (2 * x + y) % size, (x + y) % size
        assert abs(u[k] - x / size) <= 2.0**-53
        assert u[k] < 1.0
    assert stream.words[:2].tolist() == [x, y]
    for _ in range(20):
        read(driver, stream)
        assert max(stream.words[:2].tolist()) < size


def test_the_cat_is_equidistributed_in_two_dimensions_and_not_in_three():
    driver = ArnoldCat()
    u = driver.advance(driver.start(2), 300_000)[:, 0]
    pairs = np.histogram2d(u[:-1:3], u[1::3], bins=8, range=[[0, 1], [0, 1]])[0]
    expected = pairs.sum() / 64
    assert ((pairs - expected) ** 2 / expected).sum() < 63 + 5 * math.sqrt(2 * 63)
    third = (3 * u[1:-1] - u[:-2]) % 1.0
    assert np.abs((third - u[2:] + 0.5) % 1.0 - 0.5).max() < 1e-14


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Logistic(0), "iterations"),
        (lambda: Tent(-1), "iterations"),
        (lambda: Chebyshev(1), "degree"),
        (lambda: ArnoldCat(1), "size"),
        (lambda: ArnoldCat(2**63 + 1), "size"),
        (lambda: Logistic(True), "iterations"),
    ],
)
def test_bad_parameters_are_refused(make, name):
    with pytest.raises(ArgumentError, match=f"`{name}` must be a whole number from"):
        make()


def test_parameters_must_be_whole_numbers():
    with pytest.raises(ArgumentTypeError, match="`degree` must be a whole number"):
        Chebyshev("2")  # type: ignore[arg-type]
