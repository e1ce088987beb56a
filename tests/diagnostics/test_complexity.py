"""Lempel-Ziv parsings against slow parsers, on sequences of known complexity."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.diagnostics import naive_symbols as naive
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.symbols.complexity import lempel_ziv

sequences = st.integers(1, 5).flatmap(lambda k: st.lists(st.integers(0, k - 1), min_size=1, max_size=60))


@settings(max_examples=300)
@given(sequences, st.integers(1, 3))
def test_oracles(symbols, repeats):
    s = symbols * repeats
    assert float(lempel_ziv(s)) == naive.lz76(s)
    assert float(lempel_ziv(s, "LZ78")) == naive.lz78(s)


def test_published_parsings():
    """0001101001000101 is 0.001.10.100.1000.101 (Kaspar and Schuster 1987); 1001111011000010 is
    1.0.01.1110.1100.0010 (Lempel and Ziv 1976)."""
    assert lempel_ziv("0001101001000101").phrase_ends.tolist() == [1, 4, 6, 9, 13, 16]
    assert lempel_ziv("1001111011000010").phrase_ends.tolist() == [1, 2, 4, 8, 12, 16]
    assert lempel_ziv("ABBABBABBBAABABAA", "LZ78").phrase_ends.tolist() == [1, 2, 4, 6, 8, 11, 14, 17]
    assert float(lempel_ziv(naive.fibonacci(6000))) == 18
    assert float(lempel_ziv([0, 1] * 5000)) == 3
    assert float(lempel_ziv("aaaaaaaa")) == 2


def test_rate_falls_to_the_entropy_rate_from_above():
    golden = (1 + 5**0.5) / 2
    s = naive.markov([[1 / golden, 1 - 1 / golden], [1, 0]], 100_000, 1)
    rates = [lempel_ziv(s[:n]).rate for n in (1000, 10_000, 100_000)]
    assert rates[0] > rates[1] > rates[2] > math.log(golden)
    assert rates[2] < 1.05 * math.log(golden)
    shuffled = lempel_ziv(np.random.default_rng(0).permutation(s))
    assert shuffled.rate > 1.15 * rates[2]


def test_normalisation_and_units():
    coin = lempel_ziv(np.random.default_rng(0).integers(0, 4, 100_000))
    assert coin.normalized == pytest.approx(1, abs=0.07)
    in_bits = lempel_ziv(np.random.default_rng(0).integers(0, 4, 100_000), base=2)
    assert float(in_bits) == float(coin)
    assert in_bits.rate == pytest.approx(coin.rate / math.log(2))
    assert lempel_ziv([3, 3, 3]).normalized == 0
    assert lempel_ziv([3, 3, 3]).warnings
    assert lempel_ziv(np.arange(60)).warnings


@pytest.mark.parametrize("version", ["LZ76", "LZ78"])
def test_a_million_symbols_in_a_second(version):
    s = np.random.default_rng(0).integers(0, 2, 1_000_000)
    lempel_ziv(s[:100], version)
    assert lempel_ziv(s, version).phrase_ends[-1] == s.size


def test_bad_input():
    for call in (lambda: lempel_ziv([]), lambda: lempel_ziv([0.1, np.nan]), lambda: lempel_ziv([0, 1], "LZ77")):
        with pytest.raises(ArgumentError):
            call()
