"""Philox4x32-10: the known answers of its authors, places that are entered directly, streams that share nothing."""

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.system import State
from weakchaos.drivers import Philox, resolve
from weakchaos.drivers.counter_based import ten_rounds

# Known answers of Random123 (kat_vectors, philox4x32 10): counter, key, words.
KNOWN = [
    ([0, 0, 0, 0], [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


def slow_philox(counter, key):
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(10):
        a, b = 0xD2511F53 * x0, 0xCD9E8D57 * x2
        x0, x1, x2, x3 = (b >> 32) ^ x1 ^ k0, b & 0xFFFFFFFF, (a >> 32) ^ x3 ^ k1, a & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [x0, x1, x2, x3]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_known_answers(counter, key, words):
    assert slow_philox(counter, key) == words
    assert [int(w) for w in ten_rounds(*np.array(counter + key, np.uint64))] == words


def test_numbers_are_those_of_the_definition():
    driver = Philox(stream=2**33 + 5)
    stream = driver.open(7)
    key = int(stream.words[1])
    found = driver.advance(State(driver=stream), 300)[:, 0]
    for b in range(150):
        w = slow_philox([b, 0, 5, 2], [key & 0xFFFFFFFF, key >> 32])
        assert found[2 * b] == ((w[0] >> 5) * 2**26 + (w[1] >> 6)) / 2**53
        assert found[2 * b + 1] == ((w[2] >> 5) * 2**26 + (w[3] >> 6)) / 2**53


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 127, 1000, 2**33 + 1])
def test_any_place_can_be_entered(n):
    driver = Philox()
    stream = driver.open(3)
    stream.words[0] = n - n % 64
    run = driver.advance(State(driver=stream), 200)[:, 0]
    assert driver.number(3, n) == run[n % 64]
    saved = driver.restore(stream.to_bytes())
    assert np.array_equal(driver.advance(State(driver=saved), 100), driver.advance(State(driver=stream), 100))


def test_streams_have_numbers_of_their_own():
    read = lambda d: d.advance(d.start(1), 5000)[:, 0]  # noqa: E731
    numbers = np.concatenate([read(Philox(k)) for k in (0, 1, 2**63)])
    assert len(np.unique(numbers)) == 15_000
    assert resolve("philox4x32") == Philox()


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="`stream`"):
        Philox(-1)
    with pytest.raises(ArgumentTypeError, match="`stream`"):
        Philox("1")
    with pytest.raises(ArgumentError, match="`data` must hold 24 bytes"):
        Philox().restore(b"")
