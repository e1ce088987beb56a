"""Recorded series: embedding, exponents by diverging neighbours and the 0-1 test, with defaults and in every regime."""

import math

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.divergence import lyapunov_from_series
from weakchaos.diagnostics.embedding import embed, embedding_delay, embedding_dimension, mutual_information
from weakchaos.diagnostics.neighbours import nearest
from weakchaos.diagnostics.zero_one import zero_one_test


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
