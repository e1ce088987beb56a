"""Near-periods that were put in are found, and of sequences without one nothing is reported more often than the level."""

import numpy as np
import pytest
from scipy.signal import lfilter

from tests.diagnostics.recorded_series import ar1
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics import analyse_series
from weakchaos.diagnostics.series.near_periods import near_periods, spectral_periods


def autoregression(rng, n=200):
    return lfilter([1], [1, -0.8], rng.normal(size=n + 100))[100:]


@pytest.mark.parametrize("search", [near_periods, spectral_periods])
def test_size(search, rng):
    """At level 0.1, correlated noise is reported in about a tenth of 120 trials, at most 0.1 + 3 deviations; against shuffles
    nearly always."""

    def found(null):
        return np.mean(
            [search(autoregression(rng), null=null, surrogates=39, level=0.1, seed=k).periods.size > 0 for k in range(120)]
        )

    assert found("first-order") < 0.1 + 3 * (0.09 / 120) ** 0.5
    assert found("shuffle") > 0.4


def test_size_of_symbols(rng):
    found = [near_periods(rng.integers(0, 3, 200), surrogates=39, level=0.1, seed=k).periods.size > 0 for k in range(120)]
    assert np.mean(found) < 0.1 + 3 * (0.09 / 120) ** 0.5


def test_noisy_cycles_are_found(rng):
    """A fifth of the symbols, or noise of half a deviation, spoils every exact period."""
    s = np.tile(rng.integers(0, 4, 13), 80)
    s = np.where(rng.random(s.size) < 0.2, rng.integers(0, 4, s.size), s)
    result = near_periods(s)
    assert float(result) == 13
    assert result.p_values[0] == pytest.approx(0.01)
    assert 0.6 < result.strengths[result.periods == 13][0] < 0.8
    x = np.tile(rng.normal(size=23), 60) + 0.3 * rng.normal(size=1380)
    assert float(near_periods(x)) == 23
    assert float(near_periods("abcde" * 30)) == 5


def test_lines(rng):
    """A line of a fraction of the variance, at a period that is not whole, within half a peak; both of two lines."""
    t = np.arange(2000)
    result = spectral_periods(np.sin(2 * np.pi * t / 17.3) + rng.normal(size=2000))
    assert float(result) == pytest.approx(17.3, abs=result.stderr)
    both = spectral_periods(np.sin(2 * np.pi * t / 50) + 0.7 * np.cos(2 * np.pi * t / 8.5) + rng.normal(size=2000))
    assert np.allclose(np.sort(both.periods[:2]), [8.5, 50], rtol=0.01)


def test_nothing_there_says_so(rng):
    for result in (near_periods(rng.normal(size=300)), spectral_periods(rng.normal(size=300))):
        if not result.periods.size:
            assert float(result) == 0
            assert "no period stands out" in result.warnings[0]
    constant = near_periods([1] * 50)
    assert float(constant) == 1
    assert "constant" in constant.warnings[0]


def test_bad_input():
    x = np.random.default_rng(0).normal(size=100)
    for call in (
        lambda: near_periods(x, max_period=60),
        lambda: near_periods(x, tolerance=-1),
        lambda: near_periods(x, null="phase"),
        lambda: near_periods(x, surrogates=5),
        lambda: near_periods(x, level=0.001),
        lambda: near_periods([1.0, np.nan] * 20),
        lambda: near_periods([0, 1]),
        lambda: spectral_periods(np.ones(100)),
        lambda: spectral_periods(x[:10]),
    ):
        with pytest.raises(ArgumentError):
            call()


def test_a_strict_cycle_beside_linear_noise_is_not_said_to_be_nonlinear_only():
    """Surrogates do not keep the cycle (Stam, Pijn and Pritchard, Physica D 112 (1998) 361); the noise beside it, the mean cycle taken out, is linear."""
    steps = np.arange(2000)
    x = 3 * np.sin(2 * np.pi * steps / 12) + ar1(2000, 0.6, np.random.default_rng(0))
    cycle = np.array([x[k::12].mean() for k in range(12)])
    report = analyse_series(x, surrogates=59)
    assert report.verdict == "nonlinear, undecided"
    assert "noise beside a strict cycle" in report.words[0]
    assert analyse_series(x - cycle[steps % 12], surrogates=59).verdict == "correlated noise"
