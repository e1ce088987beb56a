"""LCG against Python integers, theorems on periods, Knuth's table of the spectral test."""

import math
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.system import State
from weakchaos.drivers import LCG
from weakchaos.drivers.congruential import factorize, is_prime

corners = [
    2,
    3,
    2**31 - 1,
    2**32 - 5,
    2**32,
    2**32 + 15,
    2**53,
    2**53 + 5,
    2**63 - 25,
    2**63,
    2**63 + 29,
    2**64 - 59,
    2**64 - 1,
    2**64,
]
moduli = st.one_of(st.sampled_from(corners), st.integers(2, 2**64), st.integers(2, 1000), st.integers(1, 64).map(lambda k: 2**k))


@settings(deadline=None, max_examples=60)
@given(moduli, st.data())
def test_orbits_are_those_of_python_integers(m, data):
    near_top = st.integers(max(0, m - 5), m - 1)
    a = data.draw(st.one_of(st.integers(1, m - 1), near_top.filter(bool)))
    c = data.draw(st.one_of(st.just(0), st.integers(0, m - 1), near_top))
    driver = LCG(a, c, m)
    stream = driver.open(data.draw(st.integers(0, 99)))
    x = data.draw(st.one_of(st.just(int(stream.words[0])), near_top))
    stream.words[0] = x
    for _ in range(12):
        x = (a * x + c) % m
        u = driver.advance(State(driver=stream), 1)[0, 0]
        assert int(stream.words[0]) == x
        assert 0.0 <= u < 1.0
        assert abs(Fraction(float(u)) - Fraction(x, m)) <= Fraction(1, 2**52)
        if m <= 2**53:
            assert u == float(Fraction(x, m))


def test_steps_of_large_moduli_are_exact():
    # Both corrections of the reduction are needed together only for a large increment.
    random = Random(1)
    for _ in range(2000):
        m = random.randrange(2**63, 2**64)
        a, c, x = random.randrange(1, m), m - 1 - random.randrange(m) // 4, random.randrange(m)
        driver = LCG(a, c, m)
        stream = driver.open(1)
        stream.words[0] = x
        driver.advance(State(driver=stream), 1)
        assert int(stream.words[0]) == (a * x + c) % m


def test_the_number_below_the_modulus_stays_below_one():
    for m in (2**64 - 59, 2**64, 2**53 + 5, 2**53 - 111):
        driver = LCG(1, 0, m)
        stream = driver.open(1)
        stream.words[0] = m - 1
        assert driver.advance(State(driver=stream), 1)[0, 0] == 1.0 - 2.0**-53 if m > 2**53 else 1.0 - 1.0 / m


def cycle_length(a, c, m, x):
    seen: dict[int, int] = {}
    while x not in seen:
        seen[x] = len(seen)
        x = (a * x + c) % m
    return len(seen) - seen[x]


def test_the_period_of_every_small_generator():
    for m in range(2, 21):
        for a in range(1, m):
            for c in range(m):
                starts = [x for x in range(m) if c or math.gcd(x, m) == 1]
                lengths = {cycle_length(a, c, m, x) for x in starts}
                stated = LCG(a, c, m).period
                if stated is not None:
                    assert lengths == {stated}, (a, c, m)
                elif c:
                    assert lengths != {m}, (a, c, m)
                else:
                    assert math.gcd(a, m) > 1


def test_periods_of_the_named_generators():
    assert LCG.randu().period == 2**29
    assert LCG.minstd().period == 2**31 - 2  # 16807 is a primitive root
    assert LCG.toy().period == 2**16
    assert LCG.knuth().period == 2**64
    assert LCG(7, 0, (2**31 - 1) * (2**31 + 11)).period is None  # no small factors


def test_the_toy_generator_visits_each_state_once():
    driver = LCG.toy()
    u = driver.advance(driver.start(9), 2**17)[:, 0]
    assert np.array_equal(np.sort(u[: 2**16]), np.arange(2**16) / 2**16)
    assert np.array_equal(u[2**16 :], u[: 2**16])


def test_randu_returns_after_two_to_the_29_and_not_before():
    driver = LCG.randu()
    assert all(int(driver.open(seed).words[0]) % 2 == 1 for seed in range(20))
    state = driver.start(1)
    start = int(state.driver.words[0])
    driver.advance(state, 2**28, every=2**28)
    assert int(state.driver.words[0]) != start
    driver.advance(state, 2**28, every=2**28)
    assert int(state.driver.words[0]) == start


def test_triples_of_randu_lie_on_fifteen_planes():
    distinct = {}
    for driver in (LCG.randu(), LCG.minstd()):
        u = driver.advance(driver.start(3), 30_000)[:, 0]
        distinct[driver.name] = np.unique(9 * u[:-2] - 6 * u[1:-1] + u[2:])
    assert set(distinct["randu"]) <= set(range(-5, 10))
    assert distinct["minstd"].size > 20_000


def shortest_dual_vector(a, m, t):
    """The square of the largest distance between parallel planes, inverted: min |s|**2 over s_1 + a s_2 + ... = 0 mod m."""
    basis = [[m] + [0] * (t - 1)] + [[-pow(a, i, m)] + [int(j == i) for j in range(1, t)] for i in range(1, t)]

    def dot(x, y):
        return sum(p * q for p, q in zip(x, y, strict=True))

    def orthogonal():
        vectors: list[list[Fraction]] = []
        mu = [[Fraction(0)] * t for _ in range(t)]
        for i in range(t):
            v = [Fraction(x) for x in basis[i]]
            for j in range(i):
                mu[i][j] = dot(basis[i], vectors[j]) / dot(vectors[j], vectors[j])
                v = [x - mu[i][j] * y for x, y in zip(v, vectors[j], strict=True)]
            vectors.append(v)
        return [dot(v, v) for v in vectors], mu

    k, (norms, mu) = 1, orthogonal()
    while k < t:
        for j in range(k - 1, -1, -1):
            if q := round(mu[k][j]):
                basis[k] = [x - q * y for x, y in zip(basis[k], basis[j], strict=True)]
                norms, mu = orthogonal()
        if norms[k] >= (Fraction(3, 4) - mu[k][k - 1] ** 2) * norms[k - 1]:
            k += 1
        else:
            basis[k], basis[k - 1] = basis[k - 1], basis[k]
            norms, mu = orthogonal()
            k = max(k - 1, 1)
    best = min(dot(b, b) for b in basis)

    def search(i, coefficients, partial):
        nonlocal best
        if i < 0:
            vector = [dot(coefficients, [b[k] for b in basis]) for k in range(t)]
            if any(vector):
                best = min(best, dot(vector, vector))
            return
        centre = -float(sum(coefficients[j] * mu[j][i] for j in range(i + 1, t)))
        radius = math.sqrt(max(0.0, (best * (1 + 1e-9) - partial) / float(norms[i])))
        for x in range(math.ceil(centre - radius), math.floor(centre + radius) + 1):
            search(i - 1, [*coefficients[:i], x, *coefficients[i + 1 :]], partial + (x - centre) ** 2 * float(norms[i]))

    search(t - 1, [0] * t, 0.0)
    return best


@pytest.mark.parametrize(
    ("driver", "modulus", "squares"),
    [
        (LCG.randu(), 2**29, [536936458, 118, 116, 116, 116]),
        (LCG.minstd(), 2**31 - 1, [282475250, 408197, 21682, 4439, 895]),
        (LCG.knuth(), 2**64, None),
    ],
)
def test_the_dimension_is_that_of_the_spectral_test(driver, modulus, squares):
    # Knuth, section 3.3.4, table 1, gives the squares; 65539 = 3 mod 8 on odd numbers mod 2**31 has the lattice of modulus 2**29.
    found = [shortest_dual_vector(driver.multiplier, modulus, t) for t in range(2, 7)]
    if squares:
        assert found == squares
    mu = [math.pi ** (t / 2) * s ** (t / 2) / math.gamma(t / 2 + 1) / modulus for t, s in enumerate(found, 2)]
    passed = next((t - 1 for t, value in enumerate(mu, 2) if value < 0.1), 6)
    assert driver.dimension == passed


def test_primes_and_factors():
    sieve = np.ones(20_000, bool)
    sieve[:2] = False
    for p in range(2, 142):
        if sieve[p]:
            sieve[p * p :: p] = False
    assert [n for n in range(20_000) if is_prime(n)] == np.flatnonzero(sieve).tolist()
    # Carmichael numbers, and strong pseudoprimes to all of the first 4, 9 and 12 prime bases.
    assert not any(is_prime(n) for n in (561, 1729, 3215031751, 3825123056546413051, 318665857834031151167461))
    assert all(is_prime(n) for n in (2**61 - 1, 2**31 - 1, 2**64 - 59, 2**89 - 1))
    for n in (1, 2, 97, 360, 2**64, 65521**2, 2 * 65521 * (2**31 - 1), 3**30):
        factors = factorize(n)
        assert factors is not None
        assert math.prod(p**k for p, k in factors.items()) == n
        assert all(is_prime(p) for p in factors)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((0, 1, 8), "multiplier"),
        ((8, 1, 8), "multiplier"),
        ((3, 8, 8), "increment"),
        ((1, 0, 1), "modulus"),
        ((3, 1, 2**64 + 1), "modulus"),
    ],
)
def test_bad_constants_are_refused(arguments, name):
    with pytest.raises(ArgumentError, match=f"`{name}` must be a whole number from"):
        LCG(*arguments)


def test_constants_must_be_whole_numbers():
    with pytest.raises(ArgumentTypeError, match="`modulus` must be a whole number"):
        LCG(3, 1, "16")  # type: ignore[arg-type]
    numpy_constants: tuple[Any, ...] = np.int64(5), np.uint8(3), np.int32(16)
    assert LCG(*numpy_constants) == LCG(5, 3, 16)
