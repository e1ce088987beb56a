"""Recorded series: embedding, exponents by diverging neighbours and the 0-1 test, with defaults and in every regime."""

import math
import warnings

import numpy as np
import pytest

from tests.diagnostics import recorded_series
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.series.divergence import lyapunov_from_series
from weakchaos.diagnostics.series.embedding import embed, embedding_delay, embedding_dimension, mutual_information
from weakchaos.diagnostics.series.neighbours import nearest
from weakchaos.diagnostics.series.zero_one import zero_one_test


def logistic(r, n=4000, x=0.3):
    out = np.empty(n + 200)
    for t in range(out.size):
        x = r * x * (1 - x)
        out[t] = x
    return out[200:]


def henon(n=4000):
    x, y, out = 0.1, 0.1, np.empty(n + 200)
    for t in range(out.size):
        x, y = 1 - 1.4 * x * x + y, 0.3 * x
        out[t] = x
    return out[200:]


def test_embedding_is_delayed_copies():
    x = np.arange(10.0)
    vectors = embed(x, 3, 2)
    assert vectors.shape == (6, 3)
    assert np.array_equal(vectors[1], [1, 3, 5])


def test_neighbours_are_those_of_a_search():
    points = np.random.default_rng(0).normal(size=(200, 3))
    who, theiler = np.arange(0, 200, 7), 5
    found = nearest(points, who, 4, theiler)
    distances = next(a for a in found if a.dtype.kind == "f")
    for row, t in enumerate(who):
        gaps = np.linalg.norm(points - points[t], axis=1)
        gaps[np.abs(np.arange(200) - t) <= theiler] = np.inf
        assert np.allclose(np.sort(distances[row]), np.sort(gaps)[:4])


def test_mutual_information_of_noise_and_of_a_copy():
    x = np.random.default_rng(1).normal(size=5000)
    information = mutual_information(x, 3)
    assert information[-1] < 0.1


def test_delay_of_a_sine_is_about_a_quarter():
    period = 40
    delay = float(embedding_delay(np.sin(2 * np.pi * np.arange(4000) / period) + 1e-3 * np.random.default_rng(0).normal(size=4000)))
    assert period / 8 <= delay <= period / 2


@pytest.mark.parametrize("method", ["rosenstein", "kantz"])
@pytest.mark.parametrize(("series", "exponent"), [(lambda: henon(), 0.41922), (lambda: logistic(4.0), math.log(2))])
def test_exponents_of_maps(series, exponent, method):
    """Henon 0.41922 (Sprott 2003), logistic ln 2, within 20 %, as Rosenstein, Collins and De Luca (Physica D 65 (1993) 117) reach."""
    result = lyapunov_from_series(series(), method=method)
    assert abs(float(result) - exponent) < 0.2 * exponent, result.warnings


@pytest.mark.parametrize(
    ("series", "dt", "exponent", "tolerance"),
    [
        (lambda: recorded_series.logistic(10_000), 1.0, math.log(2), 0.05),
        (lambda: recorded_series.henon(10_000), 1.0, 0.41922, 0.05),
        (lambda: recorded_series.flow("lorenz", 10_000, 0.05)[:, 0], 0.05, 0.9056, 0.10),
        (lambda: recorded_series.flow("rossler", 10_000, 0.2)[:, 0], 0.2, 0.0714, 0.15),
    ],
    ids=["logistic", "henon", "lorenz", "rossler"],
)
def test_exponents_by_default(series, dt, exponent, tolerance):
    """Published exponents (Sprott 2003) from 10,000 numbers with the defaults."""
    result = lyapunov_from_series(series(), dt)
    assert abs(float(result) / exponent - 1) < tolerance
    assert result.scaling
    low, high = result.interval
    assert low < float(result) < high


def covered(count, n, shrink=1.0):
    """How many 95 % intervals hold the exponent, of `count` orbits each of the logistic and the Henon map; and how many do that are `shrink` times as long."""
    hits, short = 0, 0
    for k in range(count):
        starts = (
            (recorded_series.logistic(n, x=0.2 + 0.011 * k), math.log(2)),
            (recorded_series.henon(n, x=0.1 + 0.01 * k), 0.41922),
        )
        for series, exponent in starts:
            result = lyapunov_from_series(series)
            half, off = 0.5 * (result.interval[1] - result.interval[0]), abs(sum(result.interval) / 2 - exponent)
            hits += off <= half
            short += off <= shrink * half
    return hits, short


def test_intervals_hold_the_exponent():
    hits, short = covered(10, 3000, shrink=0.2)
    assert hits >= 16  # of 20; 15 and fewer happen once in 400 at 95 %
    assert short < hits  # negative control


@pytest.mark.slow
def test_coverage_of_intervals():
    """At least 90 % of the intervals of maps and flows hold the published exponent."""
    hits, trials = covered(20, 10_000)[0], 40
    for name, dt, exponent in (("lorenz", 0.05, 0.9056), ("rossler", 0.2, 0.0714), ("jerk", 0.2, 0.0551)):
        whole = recorded_series.flow(name, 80_000, dt)[:, 0]
        for part in np.split(whole, 8):
            result = lyapunov_from_series(part, dt)
            hits += result.interval is not None and result.interval[0] <= exponent <= result.interval[1]
            trials += 1
    assert hits >= 0.9 * trials


def test_a_random_walk_is_not_called_regular():
    walk = lyapunov_from_series(np.cumsum(np.random.default_rng(4).normal(size=2000)))
    assert math.isnan(float(walk))
    assert "noise" in walk.warnings[0]


def test_noise_has_no_scaling_region_and_a_cycle_no_chaos():
    noise = lyapunov_from_series(np.random.default_rng(2).normal(size=3000))
    assert any("no scaling region" in w for w in noise.warnings)
    cycle = lyapunov_from_series(np.sin(0.3 * np.arange(3000)))
    assert not float(cycle) > 0.01


def test_zero_one():
    """K near 1 for chaos and near 0 for a regular orbit (Gottwald and Melbourne, Proc. R. Soc. A 460 (2004) 603)."""
    assert float(zero_one_test(logistic(4.0))) > 0.9
    assert float(zero_one_test(logistic(3.55))) < 0.1


@pytest.mark.parametrize("bad", [np.ones(500), np.full(500, np.nan), np.arange(5.0)])
def test_bad_input(bad):
    for call in (lyapunov_from_series, zero_one_test, embedding_dimension):
        with pytest.raises(ArgumentError):
            call(bad)


def test_pulses_pass_through_the_embedding_without_a_warning_of_numpy():
    """Delay vectors of a series of equal pulses are at no distance from each other, and the ratios of these distances have no value."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embedding_dimension((np.arange(2000) % 50 == 0) * 1.0)
        assert not lyapunov_from_series((np.arange(2000) % 50 == 0) * 1.0).interval
