"""Symbols from series, and ranks of any alphabet."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics.symbols.symbolic import ordinal_codes, pattern_of, rank_symbols, symbolize


@given(st.lists(st.integers(-(2**62), 2**62), min_size=2, max_size=40))
def test_ranks_keep_the_order(x):
    ranks, k = rank_symbols(x)
    table = sorted(set(x))
    assert ranks.tolist() == [table.index(v) for v in x]
    assert k == len(table)


def test_ranks_of_all_kinds():
    for x in (
        "banana",
        list("banana"),
        [9, -1, 7, -1, 7, -1],
        [0.3, 0.1, 0.2, 0.1, 0.2, 0.1],
        np.array([3, 0, 1, 0, 1, 0], np.uint8),
    ):
        assert rank_symbols(x)[0].tolist() in ([1, 0, 2, 0, 2, 0], [2, 0, 1, 0, 1, 0])
    assert rank_symbols([True, False])[0].tolist() == [1, 0]
    assert rank_symbols(np.array([2**64 - 1, 0], np.uint64))[0].tolist() == [1, 0]


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=2, max_size=40))
def test_states_are_told_apart(rows):
    ranks = symbolize(np.array(rows), "states")
    table = sorted(set(rows))
    assert ranks.tolist() == [table.index(r) for r in rows]
    assert symbolize(np.array(rows), "states", units=[1]).tolist() == rank_symbols([r[1] for r in rows])[0].tolist()


def test_many_units_do_not_overflow():
    x = np.random.default_rng(0).integers(0, 1000, (200, 80))
    assert rank_symbols(np.concatenate([x, x]))[1] == 200


def test_ordinal_codes_are_lexicographic():
    for order in (2, 3, 4):
        for code, pattern in enumerate(itertools.permutations(range(order))):
            assert ordinal_codes(pattern, order)[0].tolist() == [code]
            assert pattern_of(code, order) == pattern
    assert symbolize([3, 1, 2, 9], "ordinal", order=2, delay=2).tolist() == [1, 0]


@pytest.mark.parametrize(("order", "delay"), [(2, 3), (3, 1), (7, 1), (8, 2), (10, 1), (13, 1), (20, 1)])
def test_ordinal_codes_of_long_series(rng, order, delay):
    """Lehmer codes window by window in Python's integers, over several blocks of windows and all sizes of integers; with ties, too."""
    for x in (rng.normal(size=1200), rng.integers(0, 40, 1200), -np.arange(1200.0)):
        slow, tied = [], []
        for i in range(x.size - (order - 1) * delay):
            window = x[i : i + (order - 1) * delay + 1 : delay]
            smaller = [int((window[k + 1 :] < window[k]).sum()) for k in range(order)]
            slow.append(sum(s * math.factorial(order - 1 - k) for k, s in enumerate(smaller)))
            tied.append(len(set(window.tolist())) < order)
        codes, ties = ordinal_codes(x, order, delay)
        assert codes.dtype == np.int64
        assert codes.tolist() == slow
        assert ties == sum(tied)
        assert ordinal_codes(x, order, delay, "skip")[0].tolist() == [c for c, t in zip(slow, tied, strict=True) if not t]


def test_quantiles_fill_equally():
    x = np.random.default_rng(0).normal(size=1000)
    assert np.bincount(symbolize(x, bins=4)).tolist() == [250] * 4
    assert symbolize([0, 0.5, 1], "partition", edges=[0.5]).tolist() == [0, 1, 1]


def test_bad_input():
    for call in (
        lambda: symbolize(np.ones(50)),
        lambda: symbolize([1, 2, 3], "median"),
        lambda: symbolize([1, 2, 3], bins=1),
        lambda: symbolize([1, 2, 3], "partition"),
        lambda: symbolize([1, 2, 3], "partition", edges=[2, 1]),
        lambda: symbolize([1, np.inf, 3]),
        lambda: symbolize(np.zeros((4, 2)), "states", units=[5]),
        lambda: symbolize(np.zeros((4, 2, 2)), "states"),
        lambda: rank_symbols([]),
        lambda: rank_symbols([1.0, np.nan]),
    ):
        with pytest.raises(ArgumentError):
            call()
    with pytest.raises(ArgumentTypeError):
        symbolize(["a", "b", "c"])
    with pytest.raises(ArgumentTypeError):
        rank_symbols(np.array([1, "a"], object))
