"""Permutation entropy against closed forms and a slow oracle."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.diagnostics import naive_symbols as naive
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.series.ordinal import permutation_entropy


def patterns(x, order, delay):
    """Ranks of the values of each window, the earlier of equal values being the smaller."""
    windows = [x[i : i + (order - 1) * delay + 1 : delay] for i in range(len(x) - (order - 1) * delay)]
    return [tuple(sorted(range(order), key=lambda k: (w[k], k)).index(k) for k in range(order)) for w in windows]


@settings(max_examples=100)
@given(st.lists(st.integers(0, 6), min_size=20, max_size=60), st.integers(2, 5), st.integers(1, 3))
def test_oracle(x, order, delay):
    found = patterns(x, order, delay)
    result = permutation_entropy(x, order, delay)
    assert float(result) == pytest.approx(naive.shannon(found), abs=1e-12)
    counts = Counter(found)
    for code in np.flatnonzero(result.probabilities):
        assert result.probabilities[code] == pytest.approx(counts[result.pattern(int(code))] / len(found))
    assert set(result.missing_patterns()) == set(itertools.permutations(range(order))) - set(found)
    assert result.missing == math.factorial(order) - len(counts)


def test_logistic_map():
    """r = 4, order 3: probabilities 1/3, 1/15, 4/15, 2/15, 1/5 from where the iterates cross, 1.48975 nats; falling windows are
    forbidden."""
    result = permutation_entropy(naive.logistic(100_000))
    p = np.array([1 / 3, 1 / 15, 4 / 15, 2 / 15, 1 / 5])
    assert float(result) == pytest.approx(-(p * np.log(p)).sum(), abs=0.005)
    assert np.allclose(np.sort(result.probabilities)[1:], np.sort(p), atol=0.006)
    assert result.missing_patterns() == [(2, 1, 0)]
    assert result.expected_missing < 1e-9
    assert permutation_entropy(np.random.default_rng(0).random(100_000)).missing == 0  # the negative control


def test_published_series():
    """4 7 9 10 6 11 3 (Bandt and Pompe 2002): 0.918 bits for order 2, 1.522 bits for order 3."""
    x = [4, 7, 9, 10, 6, 11, 3]
    assert float(permutation_entropy(x, 2, base=2)) == pytest.approx(0.918, abs=5e-4)
    assert float(permutation_entropy(x, 3, base=2)) == pytest.approx(1.522, abs=5e-4)


def test_white_noise_and_its_error(rng):
    """ln m! for independent values; the standard error is the spread over series with memory."""
    values, errors = [], []
    for _ in range(200):
        result = permutation_entropy(naive.markov([[0.7, 0.3], [0.3, 0.7]], 2000, int(rng.integers(2**31))) + rng.random(2000))
        values.append(float(result))
        errors.append(result.stderr)
    assert np.median(errors) == pytest.approx(np.std(values), rel=0.35)
    assert permutation_entropy(rng.random(200_000), 4).normalized == pytest.approx(1, abs=1e-3)


def test_high_order_uses_no_table():
    x = np.random.default_rng(0).random(500)
    result = permutation_entropy(x, 12)
    assert float(result) == pytest.approx(math.log(489))
    assert any("fewer than 5" in w for w in result.warnings)
    with pytest.raises(ArgumentError):
        result.missing_patterns()


def test_weighted():
    """Patterns weigh by their variance: two levels of amplitude, the small one all rising, the large all falling."""
    x = np.concatenate([np.arange(500) * 1e-3, 1e3 - np.arange(500.0)])
    plain, weighted = permutation_entropy(x, 3), permutation_entropy(x + 1e6, 3, weighted=True)
    assert plain.probabilities[5] == pytest.approx(0.5, abs=0.01)
    w = np.array([np.var(x[i : i + 3]) for i in range(998)])
    found = patterns(x.tolist(), 3, 1)
    mass = [sum(v for v, f in zip(w, found, strict=True) if f == g) / w.sum() for g in set(found)]
    assert float(weighted) == pytest.approx(-sum(m * math.log(m) for m in mass), abs=1e-6)


def test_ties():
    x = np.random.default_rng(0).integers(0, 3, 5000)
    assert any("equal values" in w for w in permutation_entropy(x).warnings)
    skipped = permutation_entropy(x, 3, ties="skip")
    assert skipped.parameters["windows"] < 2000
    assert float(skipped) == pytest.approx(math.log(6), abs=0.02)
    constant = permutation_entropy(np.ones(100))
    assert float(constant) == 0
    assert "constant" in constant.warnings[0]


def test_estimators_reduce_the_bias(rng):
    x = rng.random((40, 300))
    errors = {
        e: np.mean([float(permutation_entropy(row, 5, estimator=e)) for row in x]) - math.log(120)
        for e in ("plug-in", "grassberger")
    }
    assert errors["plug-in"] < -0.15
    assert abs(errors["grassberger"]) < 0.5 * abs(errors["plug-in"])


def test_bad_input():
    for call in (
        lambda: permutation_entropy([1, 2]),
        lambda: permutation_entropy([1, 2, 3], 1),
        lambda: permutation_entropy(np.arange(50), 21),
        lambda: permutation_entropy([1, np.nan, 3, 4]),
        lambda: permutation_entropy([1, 2, 3, 4], delay=0),
        lambda: permutation_entropy(np.ones(50), ties="skip"),
        lambda: permutation_entropy(np.arange(50), ties="noise"),
        lambda: permutation_entropy(np.arange(50), weighted=True, estimator="nsb"),
        lambda: permutation_entropy(np.zeros((5, 5))),
    ):
        with pytest.raises(ArgumentError):
            call()


def test_bias_is_named_where_it_matters(rng):
    """(m! - 1) / 2 N below ln m! for white noise."""
    noise = rng.standard_normal(5000)
    found = permutation_entropy(noise, order=5)
    assert "biased low by about 0.012 nats" in found.warnings[-1]
    assert np.log(120) - found.value == pytest.approx(119 / 10_000, rel=0.3)
    assert not permutation_entropy(noise, order=5, estimator="miller-madow").warnings
    assert not permutation_entropy(np.arange(1000)).warnings
