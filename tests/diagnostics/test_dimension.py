"""Correlation sums, dimension and entropy: against a slow oracle, where theorems give the answer, and on what must be refused."""

import math
import tracemalloc

import numpy as np
import pytest

from tests.diagnostics import naive_embedding as naive
from tests.diagnostics.recorded_series import ar1, flow, henon, logistic
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.scatter import jackknife_error
from weakchaos.diagnostics import correlation_dimension, correlation_entropy, correlation_sums
from weakchaos.diagnostics.series.dimension import _settled


def cantor(n, p, rng):
    """Draws from the middle-third Cantor set whose left thirds have weight p: D2 = -ln(p^2 + (1-p)^2) / ln 3."""
    return (2 * (rng.random((n, 30)) > p) / 3.0 ** np.arange(1, 31)).sum(1)


def skew_tent(n, p, rng):
    """Orbit of x/p, (1-x)/(1-p), symbol by symbol from independent draws: uniform, and K2 = -ln(p^2 + (1-p)^2)."""
    right = rng.random(n + 60) > p
    x, out = 0.5, np.empty(n + 60)
    for t in range(n + 59, -1, -1):  # backwards the map contracts, so no digit is lost
        x = 1 - (1 - p) * x if right[t] else p * x
        out[t] = x
    return out[:n]


@pytest.mark.parametrize("step", [1, 3])
def test_sums_are_those_of_the_oracle(rng, step):
    x = rng.normal(size=110)
    rows = 110 - 2 * 2
    pairs = (rows - 4) * (rows - 4 - 1) // 2
    sums = correlation_sums(x, max_dim=3, delay=2, theiler=4, max_pairs=math.ceil(pairs / step))
    for i in range(420, len(sums.radii), 11):
        for m in range(3):
            expected = naive.correlation_sum(x, m + 1, 3, 2, 4, sums.radii[i], step)
            assert sums.sums[m, i] == pytest.approx(expected, abs=1e-12)
    i = len(sums.radii) - 12
    for left in range(8):
        expected = naive.correlation_sum(x, 2, 3, 2, 4, sums.radii[i], step, left)
        assert sums.without[left, 1, i] == pytest.approx(expected, abs=1e-12)


def test_smaller_radii_are_the_first_ones(rng):
    x = rng.random(300)
    every, some = correlation_sums(x, 4, 1, 2), correlation_sums(x, 4, 1, 2, max_radius=0.1)
    k = len(some.radii)
    assert some.radii[-2] < 0.1 <= some.radii[-1]
    assert np.array_equal(some.radii, every.radii[:k])
    assert np.array_equal(some.sums, every.sums[:, :k])
    assert every.radii[-1] == pytest.approx(np.ptp(x))


def test_sums_do_not_see_units(rng):
    x = rng.random(200)
    plain = correlation_sums(x, 3, 1, 2)
    for scale, shift in ((2.0**1000, 0.0), (2.0**-1000, 0.0), (8.0, 64.0)):
        other = correlation_sums(scale * x + shift, 3, 1, 2)
        assert np.abs(other.sums - plain.sums).max() < 1e-3  # a shift rounds the last digits
        assert np.allclose(other.radii / scale, plain.radii)


def test_sums_of_independent_uniforms(rng):
    """C_1 = 2r - r^2 and C_m = C_1^m; the variance is that of a U-statistic, at most 4 C (1 - C) / n."""
    n = 3000
    sums = correlation_sums(rng.random(n), 4, delay=1, theiler=1)
    for r in (0.05, 0.2, 0.5):
        i = np.searchsorted(sums.radii, r)
        one = 2 * sums.radii[i] - sums.radii[i] ** 2
        for m in range(4):
            expected = one ** (m + 1)
            assert abs(sums.sums[m, i] - expected) < 5 * math.sqrt((m + 1) ** 2 * 4 * expected * (1 - expected) / n) + 1e-4


@pytest.mark.parametrize("p", [0.5, 0.8])
def test_dimension_of_a_weighted_cantor_set(rng, p):
    """Order two: at p = 0.8 the information dimension would be 0.455, the capacity 0.631."""
    result = correlation_dimension(cantor(6000, p, rng), dim=1, delay=1, theiler=1)
    exact = -math.log(p * p + (1 - p) ** 2) / math.log(3)
    assert abs(float(result) - exact) < 0.04
    assert result.scaling


def test_dimension_of_the_henon_attractor():
    """1.22 (Grassberger and Procaccia 1983: 1.21; Sprott: 1.220 +- 0.036)."""
    result = correlation_dimension(henon(10_000))
    assert abs(float(result) - 1.22) < 0.04
    assert result.scaling
    assert result.warnings == ()
    assert 0.005 < result.stderr < 0.08
    assert result.fit_range[0] < result.fit_range[1]


def test_dimension_of_the_lorenz_attractor():
    """2.05 (Grassberger and Procaccia 1983: 2.05 +- 0.01; Sprott: 2.068 +- 0.086)."""
    result = correlation_dimension(flow("lorenz", 10_000, 0.05)[:, 0])
    assert abs(float(result) - 2.05) < 0.1
    assert result.scaling


def test_dimension_of_tori():
    t = np.arange(5000)
    assert abs(float(correlation_dimension(np.sin(0.1 * t))) - 1) < 0.12
    torus = correlation_dimension(np.sin(0.1 * t) + 0.7 * np.cos(0.1 * math.sqrt(2) * t))
    assert abs(float(torus) - 2) < 0.2
    assert torus.scaling


def test_noise_fills_every_dimension(rng):
    result = correlation_dimension(rng.random(5000))
    assert not result.scaling
    assert result.warnings[0].startswith("no scaling region")
    assert any("cannot show a dimension above 7.4" in w for w in result.warnings)
    assert (np.diff(result.by_dimension) > 0.3).all()
    assert np.abs(result.by_dimension[:4] - [1, 2, 3, 4]).max() < 0.4


@pytest.mark.parametrize("kind", ["ar1", "smooth", "walk"])
def test_coloured_noise_has_no_dimension(rng, kind):
    white = rng.normal(size=5200)
    x = {"ar1": ar1(5000, 0.9, rng), "smooth": np.convolve(white, np.hanning(40), "valid"), "walk": np.cumsum(white)}[kind]
    assert not correlation_dimension(x[:5000]).scaling


def test_pairs_close_in_time_would_fake_a_dimension(rng):
    """Theiler 1986: without the window a random walk seems to have a finite dimension."""
    walk = np.cumsum(rng.normal(size=5000))
    faked, honest = correlation_dimension(walk, delay=20, theiler=1), correlation_dimension(walk, delay=20, theiler=500)
    assert faked.scaling
    assert float(faked) < 4
    assert not honest.scaling


def test_what_counts_as_settled():
    assert _settled(np.array([1.0, 1.9, 2.0, 2.05, 2.0, 2.04]), 8.0) == (1, 5)
    assert _settled(np.array([1.0, 1.9, 2.7, 3.4, 4.2, 5.1, 5.9, 6.4, 6.5, 6.6]), 8.0) is None  # noise that runs out of points
    assert _settled(np.array([1.0, 2.0, 2.0, 2.0, 2.0]), 1.5) is None
    assert _settled(np.array([1.0, np.nan, 2.0, 2.0]), 8.0) is None


def test_jackknife_of_means(rng):
    """Leaving out one of n numbers at a time gives the standard error of their mean exactly."""
    numbers = rng.normal(size=9)
    left = np.array([np.delete(numbers, k).mean() for k in range(9)])
    assert jackknife_error(left) == pytest.approx(numbers.std(ddof=1) / 3)
    assert math.isnan(jackknife_error(np.array([1.0, np.nan])))


def test_cycles_and_rounding():
    cycle = correlation_dimension(logistic(1000, 3.5))
    assert float(cycle) == 0
    assert "repeats itself exactly" in cycle.warnings[0]
    assert float(correlation_entropy(logistic(1000, 3.5))) == 0
    rounded = correlation_dimension(np.round(henon(5000), 2))
    assert abs(float(rounded) - 1.22) < 0.15 or not rounded.scaling


@pytest.mark.parametrize("p", [0.5, 0.8])
def test_entropy_of_a_skew_tent_map(rng, p):
    """Order two: at p = 0.8 the entropy rate is 0.500, K2 0.386."""
    result = correlation_entropy(skew_tent(5000, p, rng))
    exact = -math.log(p * p + (1 - p) ** 2)
    assert abs(float(result) - exact) < max(0.06 * exact, 3 * result.stderr)
    assert abs(float(result) - exact) < 0.08
    assert result.scaling


def test_entropy_of_the_henon_map_and_its_units():
    """0.325 +- 0.02 (Grassberger and Procaccia 1983)."""
    x = henon(10_000)
    result = correlation_entropy(x)
    assert abs(float(result) - 0.325) < 0.04
    assert float(correlation_entropy(x, dt=0.5, base=2)) == pytest.approx(2 * float(result) / math.log(2))


def test_entropy_of_order_and_of_noise(rng):
    assert float(correlation_entropy(np.sin(0.3 * np.arange(3000)))) < 1e-2
    noise = correlation_entropy(rng.normal(size=3000))
    assert not noise.scaling
    assert noise.warnings[0].startswith("no scaling region")
    noisy = correlation_entropy(np.sin(0.25 * np.arange(3000)) + 0.02 * rng.normal(size=3000))
    assert any("depends on the radius" in w for w in noisy.warnings)


@pytest.mark.parametrize("call", [correlation_sums, correlation_dimension, correlation_entropy])
def test_input_that_is_refused(call):
    x = np.random.default_rng(0).random(400)
    holed, endless = x.copy(), x.copy()
    holed[7], endless[9] = np.nan, np.inf
    for bad, says in (
        (np.ones(400), "must vary"),
        (holed, "index 7"),
        (endless, "index 9"),
        (x[:20], "at least 100"),
        (x.reshape(20, 20), "shape"),
    ):
        with pytest.raises(ArgumentError, match=says):
            call(bad)
    with pytest.raises(ArgumentTypeError, match="`x`"):
        call(["a"] * 400)
    for option, value in (("max_dim", 0), ("delay", 0), ("theiler", 0), ("max_pairs", 10), ("delay", 1.5), ("theiler", True)):
        with pytest.raises(ArgumentError, match=f"`{option}`"):
            call(x, **{option: value})
    with pytest.raises(ArgumentError, match="too short"):
        call(x, delay=190)


def test_other_arguments_that_are_refused():
    x = np.random.default_rng(0).random(400)
    with pytest.raises(ArgumentError, match="`dt`"):
        correlation_entropy(x, dt=0.0)
    with pytest.raises(ArgumentError, match="`max_radius`"):
        correlation_sums(x, max_radius=-1.0)
    with pytest.raises(ArgumentError, match="`dim`"):
        correlation_dimension(x, dim=0)
    with pytest.raises(ArgumentError, match="too short for 30 dimensions"):
        correlation_dimension(x, dim=30, delay=12)
    assert correlation_dimension(x[:150], delay=12).by_dimension.size < 10  # fewer dimensions where the series is short


@pytest.mark.slow
def test_long_series_need_no_matrix():
    x = henon(100_000)
    correlation_dimension(x[:1000])
    tracemalloc.start()
    result = correlation_dimension(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert abs(float(result) - 1.22) < 0.04
    assert peak < 5e7  # the matrix would take 8e10
    assert abs(float(correlation_dimension(flow("lorenz", 100_000, 0.05)[:, 0])) - 2.05) < 0.1


@pytest.mark.slow
def test_standard_errors_cover(rng):
    """Two standard errors hold the truth in most of twenty orbits; those of a tenth the size would not."""
    inside = narrow = 0
    for _ in range(20):
        result = correlation_dimension(henon(3000, rng.uniform(-0.1, 0.1)))
        inside += abs(float(result) - 1.22) < 2 * result.stderr
        narrow += abs(float(result) - 1.22) < 0.2 * result.stderr
    assert inside >= 17
    assert narrow <= 12
