"""Suffix arrays against sorting, common prefixes and previous factors against comparing; long texts by their order alone."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.diagnostics import naive_symbols as naive
from weakchaos.diagnostics.symbols.suffix_array import previous_factors, ranks_of_suffixes, shared_prefixes, suffix_array


def common(s, i, j):
    k = 0
    while max(i, j) + k < len(s) and s[i + k] == s[j + k]:
        k += 1
    return k


@settings(max_examples=200)
@given(st.integers(1, 4).flatmap(lambda k: st.lists(st.integers(0, k - 1), max_size=60)), st.integers(1, 4))
def test_oracle(symbols, repeats):
    s = symbols * repeats
    text = np.array(s, np.int32)
    sa = suffix_array(text, 4)
    expected = sorted(range(len(s)), key=lambda i: s[i:])
    assert sa.tolist() == expected
    shared = shared_prefixes(text, sa)
    assert [shared[i] for i in expected[1:]] == [common(s, i, j) for i, j in itertools.pairwise(expected)]
    assert previous_factors(text, sa).tolist() == [max((common(s, i, j) for j in range(i)), default=0) for i in range(len(s))]
    if s:
        assert ranks_of_suffixes(sa)[sa].tolist() == list(range(len(s)))


@pytest.mark.parametrize("kind", ["random", "fibonacci", "thue-morse", "constant"])
def test_long_texts_are_in_order(kind):
    """Neighbours share what they are said to share, and the next symbol decides: which proves the order of all."""
    n = 50_000
    text = {
        "random": lambda: np.random.default_rng(0).integers(0, 3, n),
        "fibonacci": lambda: naive.fibonacci(n),
        "thue-morse": lambda: naive.thue_morse(n),
        "constant": lambda: np.zeros(n, np.int64),
    }[kind]().astype(np.int32)
    sa = suffix_array(text, 3)
    shared = shared_prefixes(text, sa)[sa[1:]]
    after = np.append(text, -1)
    assert (after[sa[:-1] + shared] < after[sa[1:] + shared]).all()
    assert (np.sort(sa) == np.arange(n)).all()
