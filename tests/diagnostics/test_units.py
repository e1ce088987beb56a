"""Distances equal to a radius count whatever the unit; whole numbers are compared as whole numbers, however large."""

import numpy as np
import pytest

from weakchaos.diagnostics import (
    approximate_entropy,
    correlation_sums,
    detrended_fluctuation,
    multiscale_entropy,
    near_periods,
    permutation_entropy,
    recurrence_quantification,
    sample_entropy,
)

UNITS = (0.1, 1e-3, 0.007, 3.0)
FAR = 2**60


@pytest.fixture
def steps(rng):
    return np.round(np.cumsum(rng.normal(0, 3, 500))).astype(np.int64)


def measured(x, unit):
    """What compares distances with a radius of 2 units, which many pairs are apart exactly."""
    return {
        "sample": sample_entropy(x, r=2 * unit).value,
        "approximate": approximate_entropy(x, r=2 * unit).value,
        "multiscale": multiscale_entropy(x, scales=3, r=2 * unit).value,
        "maximum": recurrence_quantification(x, 2 * unit, dim=2, theiler_diagonal=1).rate[0],
        "manhattan": recurrence_quantification(x, 2 * unit, dim=2, norm="manhattan", theiler_diagonal=1).rate[0],
        "euclidean": recurrence_quantification(x, 2 * unit, dim=2, norm="euclidean", theiler_diagonal=1).rate[0],
        "returns": near_periods(x, tolerance=2 * unit, max_period=20, surrogates=19, null="shuffle").curve[1],
        "sums": correlation_sums(x, 2, delay=1, theiler=1).sums,
    }


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_does_not_matter(steps, unit):
    whole = measured(steps, 1)
    for name, value in measured(steps * unit, unit).items():
        assert value == pytest.approx(whole[name], rel=1e-12, abs=1e-12), name


def test_equal_distances_are_counted_and_farther_ones_are_not(steps):
    apart = np.abs(steps[:, None] - steps)
    for r in (2, 3):
        share = (apart <= r)[np.triu_indices(500, 1)].mean()
        for unit in UNITS:
            found = recurrence_quantification(steps * unit, r * unit, theiler_diagonal=1, theiler_vertical=1).rate[0]
            assert found == pytest.approx(share)
            less = recurrence_quantification(steps * unit, r * unit * (1 - 1e-9), theiler_diagonal=1).rate[0]
            assert less == pytest.approx((apart <= r - 1)[np.triu_indices(500, 1)].mean())


def test_correlation_sums_count_the_edge():
    """Of 0, 1, .. 256 the distances 2^k are ends of cells: pairs at most 2^k apart number sum_d (257 - d)."""
    x = np.random.default_rng(0).permutation(257)
    sums = correlation_sums(x, 1, delay=1, theiler=1)
    i, j = np.triu_indices(257, 2)
    for power in (16, 64, 128):
        at = int(np.argmin(np.abs(sums.radii - power)))
        assert sums.radii[at] == pytest.approx(power, rel=1e-12)
        assert sums.sums[0, at] == pytest.approx((np.abs(x[i] - x[j]) <= power).mean(), rel=1e-12)


def test_large_whole_numbers(steps):
    assert measured(steps, 1)["sample"] == measured(steps + FAR, 1)["sample"]
    for name, value in measured(steps + FAR, 1).items():
        assert value == pytest.approx(measured(steps, 1)[name], rel=1e-12), name
    assert float(detrended_fluctuation(steps + FAR)) == pytest.approx(float(detrended_fluctuation(steps)), rel=1e-9)
    falling = np.arange(0, -4000, -13) + 1_700_000_000_000_000_000
    assert permutation_entropy(falling).value == 0
    assert permutation_entropy(falling.astype(np.uint64) + np.uint64(2**63)).value == 0
    wide = np.array([-(2**62), 2**62, 2**62 + 1, 2**62 + 2, -(2**62) + 1] * 20)
    small = np.array([0, 2, 3, 4, 1] * 20)
    assert permutation_entropy(wide).value == permutation_entropy(small).value
    assert permutation_entropy([10**20 + k for k in range(50)]).value == 0
