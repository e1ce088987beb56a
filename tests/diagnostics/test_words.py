"""Word complexities against sets of words, and of sequences whose complexity is a theorem."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.diagnostics import naive_symbols as naive
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics.symbols.words import word_complexity


@settings(max_examples=200)
@given(st.integers(1, 5).flatmap(lambda k: st.lists(st.integers(0, k - 1), min_size=1, max_size=60)), st.integers(1, 3))
def test_oracle(symbols, repeats):
    s = symbols * repeats
    assert word_complexity(s).tolist() == [len(naive.words(s, n)) for n in range(1, len(s) + 1)]


def test_sturmian():
    """p(n) = n + 1 for the Fibonacci word and for any irrational rotation coded by its own angle (Morse and Hedlund 1940)."""
    n = np.arange(1, 200)
    assert (word_complexity(naive.fibonacci(10_000), n) == n + 1).all()
    angle = 2**0.5 - 1
    assert (word_complexity((np.arange(50_000) * angle) % 1 < angle, n[:60]) == n[:60] + 1).all()


def test_thue_morse():
    """For n - 1 = 2^m + r: 3 2^m + 4 r if r <= 2^(m - 1), else 4 2^m + 2 r (Brlek 1989)."""
    s = naive.thue_morse(1 << 14)
    assert word_complexity(s, np.arange(1, 11)).tolist() == [2, 4, 6, 10, 12, 16, 20, 22, 24, 28]
    for n in range(3, 200):
        m = (n - 1).bit_length() - 1
        r = n - 1 - 2**m
        assert word_complexity(s, n) == (3 * 2**m + 4 * r if 2 * r <= 2**m else 4 * 2**m + 2 * r)


def test_rudin_shapiro_and_de_bruijn():
    """8 (n - 1) from n = 8 on (Allouche and Shallit 1993); each n-word of a de Bruijn sequence once."""
    s = naive.rudin_shapiro(1 << 14)
    assert word_complexity(s, np.arange(8, 40)).tolist() == [8 * (n - 1) for n in range(8, 40)]
    for k, n in ((2, 8), (3, 5), (10, 3)):
        cycle = naive.de_bruijn(k, n)
        assert cycle.size == k**n
        assert word_complexity(np.concatenate([cycle, cycle[: n - 1]]), n) == k**n


def test_shuffling_destroys_it():
    s = np.random.default_rng(0).permutation(naive.fibonacci(10_000))
    assert word_complexity(s, 10) > 500


def test_scalar_array_and_ends():
    assert isinstance(word_complexity("abab", 2), int)
    assert word_complexity("abab", [[0, 1], [3, 4]]).tolist() == [[1, 2], [2, 1]]
    assert word_complexity("aaaa").tolist() == [1, 1, 1, 1]
    assert word_complexity(np.array([[0, 1], [1, 0], [0, 1]]), 2) == 2


@pytest.mark.parametrize("size", [2, 10**6])
def test_a_million_symbols_in_a_second(size):
    s = np.random.default_rng(0).integers(0, size, 1_000_000)
    word_complexity(s[:100])
    p = word_complexity(s)
    assert p[50] == s.size - 50


def test_bad_input():
    for n in (-1, 5, [1, 9]):
        with pytest.raises(ArgumentError):
            word_complexity("abab", n)
    with pytest.raises(ArgumentTypeError):
        word_complexity("abab", 1.5)
    with pytest.raises(ArgumentError):
        word_complexity([], 1)
