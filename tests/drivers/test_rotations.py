"""Rotations: exact integers, the theorem of three gaps, bounded remainders, low discrepancy."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import qmc

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.system import State
from weakchaos.drivers import Rotation
from weakchaos.drivers.rotations import default_frequencies

PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53]


@pytest.mark.parametrize("driver", [Rotation(), Rotation(3), Rotation(64), Rotation(2, (1, 2**64 - 1))], ids=repr)
def test_positions_are_those_of_python_integers(driver):
    d, stream = driver.dimension, driver.open(7)
    start = [int(w) for w in stream.words[:d]] if d == 1 else [int(w) for w in stream.words[1 : d + 1]]
    frequencies = default_frequencies(d) if driver.frequencies is None else driver.frequencies
    n = 100_000 // d
    u = driver.advance(State(driver=stream), n * d).reshape(n, d)
    expected = [[(x + (k + 1) * f) % 2**64 >> 11 for x, f in zip(start, frequencies, strict=True)] for k in range(n)]
    assert np.array_equal(u * 2.0**53, np.array(expected, float))


def test_frequencies_are_exact():
    # Integer inequalities say that a frequency is the floor but for its last bit.
    golden = default_frequencies(1)[0]
    assert golden**2 + golden * 2**64 <= 2**128 < (golden + 1) ** 2 + (golden + 1) * 2**64
    for p, f in zip(PRIMES, default_frequencies(16), strict=True):
        assert f % 2 == 1
        whole = math.isqrt(p) << 64
        assert (whole + f - 1) ** 2 <= p << 128 < (whole + f + 1) ** 2
    assert default_frequencies(64)[:16] == default_frequencies(16)


def circle(n, seed=3):
    driver = Rotation()
    stream = driver.open(seed)
    points = [int(stream.words[0])]
    for _ in range(n):
        points.append((points[-1] + default_frequencies(1)[0]) % 2**64)
    return points[1:]


@pytest.mark.parametrize("n", [2, 3, 5, 8, 100, 987, 988, 4000])
def test_three_gaps(n):
    points = sorted(circle(n))
    gaps = {(b - a) % 2**64 for a, b in zip(points, points[1:] + points[:1], strict=True)}
    assert len(gaps) <= 3
    if len(gaps) == 3:
        assert max(gaps) == sum(gaps) - max(gaps)
    assert max(gaps) / min(gaps) < 2.62  # for the golden rotation at most phi**2
    with_error = sorted((x + (x >> 60)) % 2**64 for x in points)
    assert n < 100 or len({(b - a) % 2**64 for a, b in itertools.pairwise(with_error)}) > 3


def test_visits_of_a_golden_interval_are_bounded_and_of_others_are_not():
    driver, n = Rotation(), 10**6
    u = driver.advance(driver.start(4), n)[:, 0]

    def remainder(length):
        return np.abs(np.cumsum(u < length) - length * np.arange(1, n + 1)).max()

    alpha = (math.sqrt(5) - 1) / 2
    for k in (1, 2, 5, -1, -3):
        assert remainder((k * alpha) % 1.0) <= abs(k) + 1e-6  # Hecke (1922), Kesten (1966): lengths of Z alpha + Z
    assert remainder(0.5) > 1.0
    random = np.random.default_rng(1).random(n)
    assert np.abs(np.cumsum(random < alpha) - alpha * np.arange(1, n + 1)).max() > 100


@pytest.mark.parametrize("d", [2, 3, 5, 8])
def test_the_discrepancy_is_far_below_that_of_random_points(d):
    driver, n = Rotation(d), 1024
    points = driver.advance(driver.start(1), n * d).reshape(n, d)
    random = np.mean([qmc.discrepancy(np.random.default_rng(k).random((n, d)), method="WD") for k in range(4)])
    assert qmc.discrepancy(points, method="WD") < random / 3


def test_the_same_numbers_in_two_dimensions_from_one_rotation_are_on_lines():
    # A sampler that takes two numbers a step from a one-dimensional rotation sees this.
    driver = Rotation()
    pairs = driver.advance(driver.start(1), 2048).reshape(1024, 2)
    assert np.ptp((pairs[:, 1] - pairs[:, 0]) % 1.0) < 1e-9
    assert qmc.discrepancy(pairs, method="WD") > 30 * qmc.discrepancy(
        Rotation(2).advance(Rotation(2).start(1), 2048).reshape(1024, 2), method="WD"
    )


def test_saved_states_cannot_point_outside_of_the_words():
    driver = Rotation(3)
    data = bytearray(driver.open(1).to_bytes())
    data[0] = 3
    with pytest.raises(ArgumentError, match="first word"):
        driver.restore(bytes(data))
    with pytest.raises(ArgumentError, match="32 bytes"):
        driver.restore(Rotation(4).open(1).to_bytes())


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="`dimension` must be a whole number from 1 to 64"):
        Rotation(65)
    with pytest.raises(ArgumentError, match="one entry per dimension, 2"):
        Rotation(2, (1,))
    with pytest.raises(ArgumentError, match=r"`frequencies\[1\]` must be a whole number from 1"):
        Rotation(2, (1, 0))
    with pytest.raises(ArgumentTypeError, match=r"`frequencies\[0\]` must be a whole number"):
        Rotation(1, (None,))  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match="sequence of whole numbers"):
        Rotation(1, 5)  # type: ignore[arg-type]
    as_array: Any = np.array([3, 5], np.uint64)
    assert Rotation(2, as_array) == Rotation(2, (3, 5))
