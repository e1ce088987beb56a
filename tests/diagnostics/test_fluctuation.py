"""Fluctuation analysis and rescaled range: window by window in plain Python, exact noises of known exponent, expectations in closed form."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.diagnostics import naive_series as naive
from tests.diagnostics import recorded_series
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics.series.fluctuation import detrended_fluctuation, hurst_exponent


@settings(max_examples=25)
@given(
    st.integers(0, 10**6),
    st.integers(100, 400),
    st.integers(0, 3),
    st.lists(st.integers(5, 25), min_size=4, max_size=8, unique=True),
    st.booleans(),
)
def test_oracles(seed, n, order, scales, rough):
    rng = np.random.default_rng(seed)
    n = max(n, 10 * max(10, 4 * (order + 1)))
    x = rng.integers(0, 3, n).astype(float) if rough else np.cumsum(rng.normal(size=n)) + 1e4
    scales = sorted(scales)
    result = detrended_fluctuation(x, scales, order)
    expected = naive.detrended_fluctuation(x, scales, order)
    assert result.curve[0].tolist() == scales
    assert result.curve[1] == pytest.approx(expected, rel=1e-7)
    assert float(result) == pytest.approx(np.polyfit(np.log(scales), np.log(expected), 1)[0], abs=1e-6)
    rescaled = hurst_exponent(x, scales, corrected=False)
    assert rescaled.curve[1] == pytest.approx(naive.rescaled_range(x, scales), rel=1e-9)
    assert float(rescaled) == pytest.approx(np.polyfit(np.log(scales), np.log(rescaled.curve[1]), 1)[0], abs=1e-9)


@pytest.mark.parametrize("hurst", [0.2, 0.5, 0.8])
def test_noises_and_their_sums(hurst, rng):
    """alpha = H for fractional noise, H + 1 for its sum, within 0.05 on the mean of 5; shuffled, one half again."""
    noises = [naive.fractional_noise(10_000, hurst, rng) for _ in range(5)]
    assert np.mean([float(detrended_fluctuation(x)) for x in noises]) == pytest.approx(hurst, abs=0.05)
    assert np.mean([float(detrended_fluctuation(np.cumsum(x))) for x in noises]) == pytest.approx(hurst + 1, abs=0.05)
    assert np.mean([float(detrended_fluctuation(rng.permutation(x))) for x in noises]) == pytest.approx(0.5, abs=0.03)
    assert not any(detrended_fluctuation(x).warnings for x in noises)


def test_the_noise_itself(rng):
    """Covariance of the generator at lags 0, 1, 2: (|k + 1|^2H - 2 |k|^2H + |k - 1|^2H) / 2."""
    x = np.array([naive.fractional_noise(256, 0.8, rng) for _ in range(4000)])
    for k, expected in ((0, 1.0), (1, 2**0.6 - 1), (2, (3**1.6 - 2 * 2**1.6 + 1) / 2)):
        assert (x[:, k:] * x[:, : 256 - k]).mean() == pytest.approx(expected, abs=0.02)


def test_white_noise(rng):
    """Both one half within 0.03, and F(s)^2 = (s - 4 / s) / 15 for order 1, the exact expectation of independent numbers."""
    x = rng.normal(size=100_000)
    result = detrended_fluctuation(x)
    assert float(result) == pytest.approx(0.5, abs=0.03)
    assert float(hurst_exponent(x)) == pytest.approx(0.5, abs=0.03)
    small = result.curve[0] < 300
    s = result.curve[0][small]
    assert result.curve[1][small] ** 2 == pytest.approx((s - 4 / s) / 15, rel=0.06)


def test_expected_rescaled_range(rng):
    """Anis and Lloyd's expectation is exact for normal numbers: means over windows of 3, 10 and 50 within four standard errors."""
    x = rng.normal(size=(20_000, 50))
    for s in (3, 10, 50):
        part = x[:, :s] - x[:, :s].mean(1, keepdims=True)
        walk = np.concatenate([np.zeros((len(x), 1)), np.cumsum(part, 1)], axis=1)
        ratio = np.ptp(walk, axis=1) / part.std(1)
        scales = np.array([s, s + 1, s + 2, s + 3])
        series = rng.normal(size=1000)
        raw, corrected = (hurst_exponent(series, scales, corrected=c) for c in (False, True))
        curve = np.array(
            [
                math.exp(math.lgamma((n - 1) / 2) - math.lgamma(n / 2))
                / math.sqrt(math.pi)
                * sum(math.sqrt((n - i) / i) for i in range(1, n))
                for n in scales
            ]
        )
        assert abs(ratio.mean() - curve[0]) < 4 * ratio.std() / math.sqrt(len(x))
        slope = np.polyfit(np.log(scales), np.log(curve), 1)[0]
        assert float(raw) - float(corrected) == pytest.approx(slope - 0.5, abs=1e-9)
        assert np.array_equal(raw.curve[1], corrected.curve[1])


def test_persistence_is_seen_by_the_range(rng):
    """Uncorrected R/S of fractional noise of H = 0.7 is known to be nearly unbiased; corrected, it is short by about 0.04."""
    noises = [naive.fractional_noise(10_000, 0.7, rng) for _ in range(5)]
    assert np.mean([float(hurst_exponent(x, corrected=False)) for x in noises]) == pytest.approx(0.7, abs=0.03)
    assert np.mean([float(hurst_exponent(x)) for x in noises]) == pytest.approx(0.66, abs=0.03)
    for corrected in (False, True):
        assert "increments" in hurst_exponent(np.cumsum(noises[0]), corrected=corrected).warnings[-1]
        notes = hurst_exponent(naive.fractional_noise(10_000, 0.95, rng), corrected=corrected).warnings
        assert len(notes) == 1
        assert "biased" in notes[0]


def test_standard_errors_by_repetition(rng):
    for estimate in (detrended_fluctuation, hurst_exponent):
        results = [estimate(naive.fractional_noise(2000, 0.6, rng)) for _ in range(100)]
        assert np.mean([r.stderr for r in results]) == pytest.approx(np.std([float(r) for r in results], ddof=1), rel=0.3)
        assert sum(any("biased" not in note for note in r.warnings) for r in results) <= 5


def test_higher_orders_take_off_trends(rng):
    """A parabola over noise: order 1 sees the trend, order 3 the noise (order 2 would take off a line)."""
    x = rng.normal(size=5000) + 30 * np.linspace(-1, 1, 5000) ** 2
    assert float(detrended_fluctuation(x, order=3)) == pytest.approx(0.5, abs=0.06)
    one = detrended_fluctuation(x, order=1)
    assert float(one) > 0.8
    assert "no single power law" in one.warnings[0]


def test_bent_curves_are_told_from_noisy_ones(rng):
    """An autoregression looks like a sum below its correlation time and like noise above it; a short white series bends by chance."""
    crossing = detrended_fluctuation(recorded_series.ar1(10_000, 0.9, rng))
    assert "no single power law" in crossing.warnings[0]
    assert sum(bool(detrended_fluctuation(rng.normal(size=100)).warnings) for _ in range(40)) <= 3


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1e300])
def test_units(scale, rng):
    x = rng.normal(size=600)
    for estimate in (detrended_fluctuation, hurst_exponent):
        assert float(estimate(x * scale)) == pytest.approx(float(estimate(x)), abs=1e-9)
    assert detrended_fluctuation(x * scale).curve[1] == pytest.approx(detrended_fluctuation(x).curve[1] * scale)


def test_default_scales():
    x = np.random.default_rng(0).normal(size=5000)
    assert detrended_fluctuation(x).fit_range == (10.0, 500.0)
    assert detrended_fluctuation(x, order=4).fit_range == (20.0, 500.0)
    assert detrended_fluctuation(x[:100]).fit_range == (10.0, 25.0)
    assert detrended_fluctuation(x[:200]).parameters["scales"] > 10


def test_ties_and_flat_stretches():
    x = np.random.default_rng(0).integers(0, 2, 2000).astype(float)
    assert float(detrended_fluctuation(x)) == pytest.approx(0.5, abs=0.08)
    assert any("distinct values" in w for w in detrended_fluctuation(x).warnings)
    x[:500] = 1.0
    result = hurst_exponent(x)
    assert any("constant and left out" in w for w in result.warnings)
    pulse = np.zeros(1000)
    pulse[55] = 1.0
    result = hurst_exponent(pulse)
    assert result.stderr is None
    assert any("no standard error" in w for w in result.warnings)


@pytest.mark.parametrize("estimate", [detrended_fluctuation, hurst_exponent])
@pytest.mark.parametrize(
    "arguments",
    [
        (np.ones(500),),
        (np.full(500, np.nan),),
        ([*np.arange(200.0), np.inf],),
        (np.arange(99.0),),
        (np.zeros((50, 4)),),
        (np.arange(500.0) % 7, [10, 20, 30]),
        (np.arange(500.0) % 7, [10, 20, 20, 40]),
        (np.arange(500.0) % 7, [40, 30, 20, 10]),
        (np.arange(500.0) % 7, [2, 10, 20, 40]),
        (np.arange(500.0) % 7, [10, 20, 40, 126]),
        (np.arange(500.0) % 7, [10.5, 20, 40, 80]),
        (np.arange(500.0) % 7, [[10, 20, 40, 80]]),
    ],
)
def test_bad_input(estimate, arguments):
    with pytest.raises(ArgumentError, match="`"):
        estimate(*arguments)


def test_more_bad_input():
    for call in (
        lambda: detrended_fluctuation(np.arange(500.0), order=2),  # a ramp sums to a parabola
        lambda: detrended_fluctuation(np.arange(500.0) % 7, order=-1),
        lambda: detrended_fluctuation(np.arange(150.0) % 7, order=3),
        lambda: hurst_exponent(np.repeat(np.arange(40.0), 100), [3, 4, 5, 10]),
    ):
        with pytest.raises(ArgumentError, match="`"):
            call()
    with pytest.raises(ArgumentTypeError, match="`"):
        hurst_exponent(np.arange(500.0), "abcd")
