"""Counts of near templates against all pairs, entropies of white noise by their integral, standard errors by repetition."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.diagnostics import naive_symbols as naive
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.series.template_entropy import approximate_entropy, multiscale_entropy, sample_entropy


def near(x, length, count, r):
    t = np.array([x[i : i + length] for i in range(count)])
    return (np.abs(t[:, None] - t[None]).max(2) <= r).sum(1)


@settings(max_examples=120)
@given(st.integers(0, 10**6), st.integers(8, 300), st.integers(1, 4), st.sampled_from([0.0, 0.3, 1.0, 2.0]), st.booleans())
def test_counts(seed, n, m, r, coarse):
    """A and B of all pairs among the first N - m templates; coarse data have distances equal to r."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 6, n).astype(float) if coarse else rng.normal(size=n)
    result = sample_entropy(x, m, r)
    b, a = ((near(x, k, n - m, r).sum() - (n - m)) // 2 for k in (m, m + 1))
    assert (result.matches, result.matches_longer) == (b, a)
    assert float(result) == (pytest.approx(math.log(b / a)) if a else math.inf)
    assert bool(result.warnings) or a > 0
    phi = [np.log(near(x, k, n - k + 1, r) / (n - k + 1)).mean() for k in (m, m + 1)]
    assert float(approximate_entropy(x, m, r)) == pytest.approx(phi[0] - phi[1], abs=1e-12)


def test_white_noise():
    """-ln P(|X - Y| <= r) for independent values, whatever m: normal, erf(r / 2 sd)."""
    x = np.random.default_rng(0).normal(size=20_000)
    for m in (1, 2):
        result = sample_entropy(x, m)
        assert abs(float(result) + math.log(math.erf(result.parameters["r"] / 2 / x.std(ddof=1)))) < 4 * result.stderr
    assert result.parameters["r"] == pytest.approx(0.2 * x.std(ddof=1))


def test_standard_error_by_repetition(rng):
    """Over 200 autoregressions; a deviation of the logs of A and B alone would miss their correlation."""
    from scipy.signal import lfilter

    x = lfilter([1], [1, -0.5], rng.normal(size=(200, 600)))[:, 100:]
    results = [sample_entropy(row, r=0.3) for row in x]
    spread = np.std([float(r) for r in results], ddof=1)
    assert np.median([r.stderr for r in results]) == pytest.approx(spread, rel=0.25)


def test_order_of_regularity():
    n = 5000
    sine, chaos, noise = np.sin(np.arange(n) * 0.3), naive.logistic(n), np.random.default_rng(0).normal(size=n)
    values = [float(sample_entropy(x)) for x in (sine, chaos, noise)]
    assert values[0] < 0.3 < values[1] < 0.8 < 2 < values[2]
    assert values[1] == pytest.approx(math.log(2), abs=0.08)
    shuffled = float(sample_entropy(np.random.default_rng(1).permutation(chaos)))
    assert shuffled > 1.5


def test_scale_of_the_series_does_not_matter():
    x = np.random.default_rng(0).normal(size=1000)
    a, b = sample_entropy(x), sample_entropy(x * 4 + 8)
    assert a.matches == pytest.approx(b.matches, abs=2)
    assert float(a) == pytest.approx(float(b), abs=1e-3)


def test_multiscale():
    """White noise: at scale s the deviation is 1 / sqrt(s), so -ln erf(r sqrt(s) / 2); it falls, and 1/f noise does not."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=20_000)
    result = multiscale_entropy(x, 5)
    exact = [-math.log(math.erf(0.2 * x.std(ddof=1) * math.sqrt(s) / 2)) for s in range(1, 6)]
    assert np.allclose(result.curve[1], exact, atol=0.06)
    assert float(result) == pytest.approx(sum(result.curve[1]))
    spectrum = np.fft.rfft(rng.normal(size=20_000)) / np.sqrt(np.arange(1, 10_002))
    pink = multiscale_entropy(np.fft.irfft(spectrum), 5).curve[1]
    assert pink[-1] > 0.85 * pink[0]
    assert result.curve[1][-1] < 0.75 * result.curve[1][0]


def test_bad_input():
    constant = sample_entropy(np.ones(100))
    assert float(constant) == pytest.approx(0)
    assert any("every pair" in w for w in constant.warnings)
    assert any("no pair" in w for w in sample_entropy(np.arange(50.0), r=0.1).warnings)
    assert any("equal to other values" in w for w in sample_entropy(np.random.default_rng(0).integers(0, 4, 300)).warnings)
    for call in (
        lambda: sample_entropy([1, 2, 3]),
        lambda: sample_entropy(np.arange(50), m=0),
        lambda: sample_entropy(np.arange(50), r=-1),
        lambda: sample_entropy(np.arange(50), r=float("nan")),
        lambda: sample_entropy([1, 2, np.nan, 4, 5, 6]),
        lambda: multiscale_entropy(np.arange(20), scales=10),
    ):
        with pytest.raises(ArgumentError):
            call()
