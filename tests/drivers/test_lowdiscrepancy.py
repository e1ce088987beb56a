"""Sobol' and Halton streams: SciPy's points, nets, exact copies across blocks, and failures of the callback."""

import gc
import time
import weakref

import numpy as np
import pytest
from scipy.stats import qmc

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.system import State
from weakchaos.drivers import Halton, Sobol, lowdiscrepancy


def read(driver, stream, n):
    return driver.advance(State(driver=stream), n)[:, 0]


@pytest.mark.parametrize("d", [1, 2, 7, 100])
def test_without_scrambling_the_points_are_scipys(d):
    n = 2**14 // d
    assert np.array_equal(
        read(Sobol(d, False), Sobol(d, False).open(), n * d), qmc.Sobol(d, scramble=False).random(2**14)[:n].ravel()
    )
    assert np.array_equal(read(Halton(d, False), Halton(d, False).open(), n * d), qmc.Halton(d, scramble=False).random(n).ravel())


def test_scrambled_sobol_points_are_a_net():
    # Every 2**k points from a multiple of 2**k on have one point in each interval of length 2**-k, in each coordinate;
    # in the first two coordinates they have one in each box of area 2**-k (t = 0).
    u = read(Sobol(3), Sobol(3).open(9), 3 * 2**14).reshape(-1, 3)
    for k in (4, 10, 13):
        for block in (0, 1):
            points = u[block * 2**k : (block + 1) * 2**k]
            for j in range(3):
                assert np.unique(np.floor(points[:, j] * 2**k)).size == 2**k
            for i in range(k + 1):
                cells = np.floor(points[:, 0] * 2**i) * 2**k + np.floor(points[:, 1] * 2 ** (k - i))
                assert np.unique(cells).size == 2**k
    random = np.random.default_rng(1).random(2**10)
    assert np.unique(np.floor(random * 2**10)).size < 2**10


def test_scrambled_halton_points_fill_their_digits_evenly():
    u = read(Halton(3), Halton(3).open(9), 3 * 1500).reshape(-1, 3)
    for j, (base, power) in enumerate(((2, 10), (3, 6), (5, 4))):
        assert np.unique(np.floor(u[: base**power, j] * base**power + 1e-9)).size == base**power


def test_scrambled_numbers_use_all_bits_and_are_unbiased():
    # One integrand, many seeds: the mean over scramblings is the integral, and each estimate is better than with random points.
    driver, n = Sobol(4), 256
    estimates = [np.prod(1.5 * np.sqrt(read(driver, driver.open(seed), 4 * n).reshape(n, 4)), axis=1).mean() for seed in range(50)]
    assert abs(np.mean(estimates) - 1.0) < 5 * np.std(estimates) / np.sqrt(50)
    assert np.std(estimates) < 0.2 * np.sqrt((9 / 8) ** 4 - 1) / np.sqrt(n)
    first = np.array([read(driver, driver.open(seed), 1)[0] for seed in range(400)])
    assert abs(first.mean() - 0.5) < 5 / np.sqrt(12 * 400)
    assert 0.4 < np.mean(first * 2.0**53 % 2) < 0.6  # the last bit


@pytest.mark.parametrize("driver", [Sobol(3), Sobol(1), Sobol(5, False), Halton(2), Halton(100), Halton(3, False)], ids=repr)
@pytest.mark.parametrize("consumed", [0, 1, 8191, 8192, 30_001])
def test_restored_streams_continue_in_later_blocks(driver, consumed):
    stream = driver.open(6)
    assert stream.consumed == 0
    read(driver, stream, consumed)
    assert stream.consumed == consumed
    saved, twin = stream.to_bytes(), stream.copy()
    restored = driver.restore(saved)
    expected = read(driver, stream, 20_000)
    twin_of_twin = twin.copy()
    for other in (twin, restored, twin_of_twin):
        assert other.to_bytes() == saved
        assert np.array_equal(read(driver, other, 20_000), expected)
        assert other.to_bytes() == stream.to_bytes()


def test_equal_bytes_mean_equal_futures_and_another_scrambling_other_bytes():
    assert Sobol(2).open(1).to_bytes() != Sobol(2).open(2).to_bytes()
    assert Sobol(2, False).open(1).to_bytes() == Sobol(2, False).open(2).to_bytes()


@pytest.mark.parametrize("scramble", [True, False])
def test_a_sobol_sequence_starts_again_at_its_end(monkeypatch, scramble):
    monkeypatch.setattr(lowdiscrepancy, "_SOBOL_BITS", 12)
    driver, size = Sobol(8, scramble), 8 * 2**12
    whole = read(driver, driver.open(3), 3 * size).reshape(3, size)
    assert (whole < 1.0).all()
    assert np.array_equal(whole[0], whole[1]) is not scramble
    assert np.array_equal(whole[1], whole[2]) is not scramble
    for consumed in (size - 5, size, size + 5, 2 * size):
        restored = driver.restore(driver.open(3).to_bytes()[:32] + consumed.to_bytes(8, "little"))
        assert np.array_equal(read(driver, restored, 3 * size - consumed), whole.ravel()[consumed:])


def broken_once(monkeypatch, errors):
    """Make the next requests for points raise `errors` one after the other."""
    points = lowdiscrepancy._SobolEngine.points

    def fail(self, n):
        if errors:
            points(self, n)  # the engine has moved on before it fails
            raise errors.pop()
        return points(self, n)

    monkeypatch.setattr(lowdiscrepancy._SobolEngine, "points", fail)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_failed_block_gives_no_wrong_numbers(monkeypatch):
    driver = Sobol(4)
    expected = read(driver, driver.open(1), 20_000)
    broken_once(monkeypatch, [MemoryError() for _ in range(3)])
    stream = driver.open(1)
    assert np.isnan(read(driver, stream, 1)[0])
    assert np.array_equal(read(driver, stream, 20_000), expected)


def test_an_interrupt_in_the_callback_is_raised_after_it(monkeypatch):
    driver = Sobol(4)
    expected = read(driver, driver.open(1), 20_000)
    broken_once(monkeypatch, [KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it comes at any of the sleeps
        numbers = read(driver, driver.open(1), 20_000)
        for _ in range(500):
            time.sleep(0.02)
    assert np.array_equal(numbers, expected)


def test_streams_are_freed():
    stream = Sobol(2).open(1)
    read(Sobol(2), stream, 10)
    reference = weakref.ref(stream)
    gc.disable()
    try:
        del stream
        assert reference() is None
    finally:
        gc.enable()


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="`dimension` must be a whole number from 1 to 21201"):
        Sobol(21202)
    with pytest.raises(ArgumentError, match="`dimension` must be a whole number from 1 to 10000"):
        Halton(0)
    with pytest.raises(ArgumentTypeError, match="`scramble` must be True or False"):
        Sobol(2, "owen")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="must hold 40 bytes"):
        Sobol(2).restore(b"")
