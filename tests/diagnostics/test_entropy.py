"""Entropies against a dictionary oracle, closed forms and theorems."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import naive
from tests.diagnostics import naive_symbols
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics import block_entropy, entropy_rate
from weakchaos.diagnostics.symbols.entropy import conditional_entropy, excess_entropy


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


@pytest.mark.parametrize(
    ("transition", "rate"),
    [([[0.9, 0.1], [0.5, 0.5]], 0.386427), ([[0.8, 0.2], [0.8, 0.2]], 0.500402), ([[0.618034, 0.381966], [1, 0]], 0.481212)],
    ids=["markov", "bernoulli", "golden mean"],
)
def test_rates_of_chains(transition, rate):
    """Within four of its own standard errors, which are below half a percent; excess entropy H(1) - h, all of it from the first
    step."""
    s = naive_symbols.markov(transition, 200_000, 7)
    result = entropy_rate(s)
    assert abs(float(result) - rate) < 4 * result.stderr
    assert result.stderr < 0.005 * rate
    p = transition[1][0] / (transition[0][1] + transition[1][0])
    exact = -p * math.log(p) - (1 - p) * math.log(1 - p) - rate
    assert float(excess_entropy(s)) == pytest.approx(exact, abs=0.01)
    assert abs(float(conditional_entropy(s)) - rate) < 4 * result.stderr


def test_logistic_map_rate():
    """ln 2 at r = 4 on the generating partition (Pesin), and less on one that is not."""
    x = naive_symbols.logistic(100_000)
    assert float(entropy_rate(x > 0.5)) == pytest.approx(math.log(2), rel=0.002)
    assert float(entropy_rate(x > 0.9)) < 0.66


def test_correction_of_long_words():
    """Words of length 8 of a fair coin, 2000 of them: the plug-in entropy is low by 255 / 4000, corrected ones by much less."""
    s = np.random.default_rng(0).integers(0, 2, (25, 2000))
    bias = {
        e: np.mean([float(block_entropy(row, 8, estimator=e)) for row in s]) - 8 * math.log(2)
        for e in ("plug-in", "miller-madow", "grassberger", "nsb")
    }
    assert bias["plug-in"] == pytest.approx(-255 / 4000, rel=0.15)
    assert max(abs(bias[e]) for e in bias if e != "plug-in") < 0.02


def test_standard_error_by_repetition():
    """Of the entropy of words, over 200 chains; an error for independent words must miss it."""
    values, errors, independent = [], [], []
    for k in range(200):
        s = naive_symbols.markov([[0.95, 0.05], [0.1, 0.9]], 4000, k)
        result = block_entropy(s, 3)
        values.append(float(result))
        errors.append(result.stderr)
        p = np.bincount(s[:-2] * 4 + s[1:-1] * 2 + s[2:], minlength=8) / 3998
        independent.append(math.sqrt((p * np.log(np.maximum(p, 1e-9)) ** 2).sum() - float(result) ** 2) / math.sqrt(3998))
    assert np.median(errors) == pytest.approx(np.std(values), rel=0.25)
    assert np.median(independent) < 0.7 * np.std(values)


def test_excess_entropy_of_periods():
    """ln p, and no rate at all: contexts are counted where a symbol follows."""
    for p in (1, 2, 5):
        s = np.tile(np.arange(p), 500)
        assert float(entropy_rate(s)) == 0
        assert float(excess_entropy(s)) == pytest.approx(math.log(p), abs=1e-3)


def test_slow_decay_warns():
    """H(L) grows as ln L for a rotation: the curve never settles."""
    assert any("still falling" in w for w in entropy_rate(naive_symbols.fibonacci(20_000)).warnings)
    assert entropy_rate(np.random.default_rng(0).integers(0, 2, 20_000)).warnings == ()


def test_refused_estimators():
    for call in (
        lambda: block_entropy([0, 1, 0, 1], estimator="median"),
        lambda: block_entropy([0, 1, 2, 1], alphabet=2),
        lambda: conditional_entropy([0, 1, 0], 2),
        lambda: conditional_entropy([0, 1, 0], -1),
    ):
        with pytest.raises(ArgumentError):
            call()
