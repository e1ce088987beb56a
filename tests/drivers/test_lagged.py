"""Lagged and combined generators: their recursions, periods and known weaknesses; and rotations that restart."""

import math

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.drivers import KISS, LaggedFibonacci, RestartedRotation, Rotation, resolve
from weakchaos.drivers.congruential import is_prime


def read(driver, n, seed=1):
    return driver.advance(driver.start(seed), n)[:, 0]


@pytest.mark.parametrize("operation", ["xor", "+", "-", "*"])
@pytest.mark.parametrize(("r", "s", "bits"), [(250, 103, 32), (17, 5, 64), (55, 24, 24)])
def test_numbers_follow_the_recursion(operation, r, s, bits):
    driver = LaggedFibonacci(r, s, operation, bits)
    stream = driver.open(2)
    x = [int(v) for v in stream.words[7:]]
    for _ in range(600):
        a, b = x[-r], x[-s]
        x.append({"xor": a ^ b, "+": a + b, "-": a - b, "*": a * b}[operation] % 2**bits)
    expected = [(v >> max(bits - 53, 0)) * 2.0 ** -(min(bits, 53)) for v in x[r:]]
    assert driver.advance(State(driver=stream), 600)[:, 0].tolist() == expected


def test_small_registers_have_the_full_period():
    """x**7 + x + 1 is primitive: each bit of a word has the period 2**7 - 1, and so has the word."""
    driver = LaggedFibonacci(7, 1, "xor", 8)
    u = read(driver, 3 * 127)
    periods = [n for n in range(1, 128) if np.array_equal(u[:-n], u[n:])]
    assert periods == [127]
    plus = read(LaggedFibonacci(7, 1, "+", 8), 3 * 127 * 128)
    assert np.array_equal(plus[: -127 * 128], plus[127 * 128 :])  # (2**7 - 1) 2**(8 - 1)
    assert not np.array_equal(plus[: -127 * 64], plus[127 * 64 :])


def test_registers_of_bits_are_different_ones():
    """With fewer bits set at the start than words, the bits of a shift register would be copies or sums of each other."""
    ring = LaggedFibonacci.r250().open(1).words[7:]
    bits = (ring[:, None] >> np.arange(32, dtype=np.uint64)) & np.uint64(1)
    rows, rank = bits.T.astype(int), 0
    for column in range(rows.shape[1]):
        pivots = [i for i in range(rank, 32) if rows[i, column]]
        if pivots:
            rows[[rank, pivots[0]]] = rows[[pivots[0], rank]]
            for i in range(32):
                if i != rank and rows[i, column]:
                    rows[i] ^= rows[rank]
            rank += 1
    assert rank == 32


def test_three_point_correlation_of_shift_registers():
    """The product of three signs at the distances 0, 103 and 250 is the same for xor (Compagner and Hoogland 1987), and random for PCG64."""
    for driver, expected in ((LaggedFibonacci.r250(), 1.0), (resolve("pcg64"), 0.0)):
        s = np.sign(read(driver, 50_000) - 0.5)
        product = (s[250:] * s[147:-103] * s[:-250]).mean()
        assert abs(abs(product) - expected) < 0.03
    assert not LaggedFibonacci.r250().cud


def shift_matrix(a, b, c):
    columns = []
    for k in range(32):
        x = 1 << k
        x ^= x << a & 0xFFFFFFFF
        x ^= x >> b
        x ^= x << c & 0xFFFFFFFF
        columns.append(x)
    return columns


def power(matrix, n):
    def apply(m, v):
        return int(np.bitwise_xor.reduce([m[k] for k in range(32) if v >> k & 1] or [0]))

    result = [1 << k for k in range(32)]
    while n:
        if n & 1:
            result = [apply(matrix, v) for v in result]
        matrix = [apply(matrix, v) for v in matrix]
        n >>= 1
    return result


def test_parts_of_kiss_have_their_full_periods():
    one = [1 << k for k in range(32)]
    full = 2**32 - 1
    assert power(shift_matrix(13, 17, 5), full) == one
    assert all(power(shift_matrix(13, 17, 5), full // q) != one for q in (3, 5, 17, 257, 65537))
    assert power(shift_matrix(17, 13, 5), full) != one  # as it was posted
    for a in (36969, 18000):  # safe primes: 2**16 has the order (a 2**16 - 2) / 2 or a divisor of 2
        p = a * 2**16 - 1
        assert is_prime(p)
        assert is_prime((p - 1) // 2)
        assert pow(2**16, (p - 1) // 2, p) == 1
    assert math.log2(KISS().period) == pytest.approx(123.3, abs=0.1)


def test_kiss_follows_its_formula():
    stream = KISS().open(4)
    z, w, j, c = (int(v) for v in stream.words)
    expected = []
    for _ in range(200):
        z = 36969 * (z & 65535) + (z >> 16)
        w = 18000 * (w & 65535) + (w >> 16)
        j ^= j << 13 & 0xFFFFFFFF
        j ^= j >> 17
        j ^= j << 5 & 0xFFFFFFFF
        c = (69069 * c + 1234567) % 2**32
        expected.append(((((z << 16) + w) % 2**32 ^ c) + j) % 2**32 / 2**32)
    assert KISS().advance(State(driver=stream), 200)[:, 0].tolist() == expected


@pytest.mark.parametrize("points", [1, 3])
@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 1.0])
def test_rotations_restart_at_their_rate(rate, points):
    n = 20_000
    u = read(RestartedRotation(rate, points), n * points).reshape(n, points)
    turn = read(Rotation(points), 2 * points).reshape(2, points)
    step = (turn[1] - turn[0]) % 1.0
    jumped = (np.abs((u[1:] - u[:-1] - step + 0.5) % 1.0 - 0.5) > 1e-9).all(1)
    kept = (np.abs((u[1:] - u[:-1] - step + 0.5) % 1.0 - 0.5) < 1e-9).all(1)
    assert (jumped | kept).all()  # all coordinates jump together
    assert jumped.mean() == pytest.approx(rate, abs=5 * math.sqrt(rate * (1 - rate) / n) + 1e-9)
    gaps = np.diff(np.flatnonzero(jumped))
    if 0 < rate < 1:
        assert gaps.mean() == pytest.approx(1 / rate, rel=0.15)
        assert gaps.std() == pytest.approx(math.sqrt(1 - rate) / rate, rel=0.25)  # independent: geometric
    assert RestartedRotation(rate, points).cud == (rate == 1.0)


def test_errors_stand_between_those_of_rotation_and_random_numbers():
    n, errors = 4096, []
    for rate in (0.0, 0.01, 1.0):
        means = [np.cos(2 * np.pi * read(RestartedRotation(rate), n, seed)).mean() for seed in range(60)]
        errors.append(math.sqrt(np.mean(np.square(means))))
    assert errors[0] < 0.4 * errors[1] < 0.4 * 0.4 * errors[2]
    assert errors[2] == pytest.approx(math.sqrt(0.5 / n), rel=0.3)


def test_bad_arguments():
    for wrong in ({"r": 1}, {"r": 10, "s": 10}, {"bits": 65}, {"operation": "or"}, {"r": 2**17}):
        with pytest.raises(ArgumentError, match=f"`{'s' if 's' in wrong else next(iter(wrong))}` must"):
            LaggedFibonacci(**{"r": 250, "s": 103, **wrong} if "r" not in wrong or "s" in wrong else {"s": 1, **wrong})
    with pytest.raises(ArgumentError, match="`rate` must be a finite number from 0 to 1"):
        RestartedRotation(1.5)
    with pytest.raises(ArgumentError, match="`points`"):
        RestartedRotation(0.5, points=65)
    for driver in (LaggedFibonacci.r250(), RestartedRotation(0.5, 3)):
        data = driver.open(1).to_bytes()
        with pytest.raises(ArgumentError, match="`data` must"):
            driver.restore(b"\xff" * len(data))
