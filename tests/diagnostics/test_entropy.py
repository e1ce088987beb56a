"""Entropies against a dictionary oracle, closed forms and theorems."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import naive
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics import block_entropy, entropy_rate


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=12, max_size=80), st.integers(1, 9))
def test_oracle(symbols, length):
    assert float(block_entropy(symbols, length)) == pytest.approx(naive.block_entropy(symbols, length), abs=1e-12)


def test_long_words_do_not_overflow():
    x = np.random.default_rng(0).integers(0, 1000, 300)
    assert float(block_entropy(x, 200)) == pytest.approx(math.log(101))
    assert block_entropy(x, 200).warnings


def test_markov_chain_rate():
    """h = sum_i pi_i H(P_i) (Shannon 1948), within 5 standard errors of a chain of 2e5 steps; the shuffled chain must fail."""
    rng = np.random.default_rng(1)
    p, q, n = 0.1, 0.3, 200_000
    u, x = rng.random(n), np.zeros(n, np.int8)
    for t in range(1, n):
        x[t] = u[t] < (p if x[t - 1] == 0 else 1 - q)
    h = lambda a: -a * math.log(a) - (1 - a) * math.log(1 - a)  # noqa: E731
    exact = (q * h(p) + p * h(q)) / (p + q)
    assert abs(float(entropy_rate(x)) - exact) < 0.006
    assert abs(float(entropy_rate(rng.permutation(x))) - exact) > 0.05


def test_fair_coin_in_bits_and_rows_as_symbols():
    x = np.random.default_rng(2).integers(0, 2, (100_000, 2))
    assert float(entropy_rate(x[:, 0], base=2)) == pytest.approx(1, abs=0.01)
    assert float(entropy_rate(x, base=2)) == pytest.approx(2, abs=0.02)


@pytest.mark.parametrize("period", [1, 2, 7])
def test_periodic(period):
    x = np.tile(np.arange(period), 2000)
    assert float(entropy_rate(x)) < 1e-3
    assert float(block_entropy(x, 3 * period)) == pytest.approx(math.log(period), abs=1e-3)


def test_rotation_is_log_n():
    """n + 1 words: H(n) <= log(n + 1), and the rate falls to zero (Morse and Hedlund 1940)."""
    x = (np.arange(100_000) * 0.6180339887498949) % 1 < 0.6180339887498949
    result = block_entropy(x, 30)
    assert (result.curve[1] <= np.log(result.curve[0] + 1) + 1e-9).all()
    assert float(entropy_rate(x)) < 0.06


def test_bad_input():
    for call in (
        lambda: block_entropy([0, 1, 0], 0),
        lambda: block_entropy([0, 1, 0], 3),
        lambda: block_entropy([0]),
        lambda: block_entropy(np.zeros((2, 2, 2))),
        lambda: entropy_rate([0.0, np.nan, 1.0]),
        lambda: entropy_rate([0, 1], max_length=0),
    ):
        with pytest.raises(ArgumentError):
            call()


def test_too_many_symbols_warns():
    assert entropy_rate(np.arange(100)).warnings
