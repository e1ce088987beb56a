"""Recurrence measures against the whole matrix looked at cell by cell, closed forms, Theiler windows, memory."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.diagnostics import naive_series as naive
from tests.diagnostics import recorded_series
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.diagnostics.recorded import theiler_window
from weakchaos.diagnostics.series.embedding import embed
from weakchaos.diagnostics.series.recurrence_lines import recurrence_quantification
from weakchaos.diagnostics.series.recurrence_pixels import recurrence_image
from weakchaos.diagnostics.series.recurrence_radius import radius_of_rate

NORMS = ("maximum", "manhattan", "euclidean")


def lengths(histograms):
    return [np.repeat(np.arange(row.size), row).tolist() for row in histograms]


@settings(max_examples=60)
@given(
    st.integers(0, 10**6),
    st.integers(20, 90),
    st.sampled_from(["orbit", "series", "ties", "walk"]),
    st.sampled_from(NORMS),
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(1, 4),
)
@example(1, 64, "walk", "maximum", 0, 0, 1)
@example(1, 64, "ties", "euclidean", 1, 1, 2)
@example(2, 65, "orbit", "manhattan", 63, 63, 2)
def test_oracle(seed, n, kind, norm, skip_diagonal, skip_vertical, least):
    """Every measure at three radii and every length of a line; with ties distances equal the radius often."""
    rng = np.random.default_rng(seed)
    options = {}
    if kind == "orbit":
        x = points = rng.normal(size=(n, 2))
    elif kind == "ties":
        x = points = rng.integers(0, 4, (n, 3)).astype(float)
    else:
        x = rng.normal(size=n + 6)
        x = np.cumsum(x) if kind == "walk" else x
        options = {"dim": 3, "delay": 3}
        points = embed(x, 3, 3)
    radii = [0.0, 1.0, 3.0**0.5]  # its square is less than 3
    result = recurrence_quantification(
        x, radii, norm=norm, theiler_diagonal=skip_diagonal, theiler_vertical=skip_vertical,
        min_diagonal=least, min_vertical=least, **options,
    )  # fmt: skip
    assert result.radii.tolist() == radii
    for k, radius in enumerate(radii):
        matrix = naive.recurrence_matrix(points, radius, norm)
        expected, diagonals, verticals = naive.recurrence(matrix, skip_diagonal, skip_vertical, least, least)
        assert lengths(result.diagonals)[k] == diagonals
        assert lengths(result.verticals)[k] == verticals
        row = result.rows()[k]
        assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert np.array_equal(recurrence_image(x, 1.0, norm=norm, **options), naive.recurrence_matrix(points, 1.0, norm))


def test_more_points_than_kept_sets():
    """Above 2048 points the stride of the kept sets exceeds 16; rates by counting all pairs."""
    x = np.random.default_rng(3).normal(size=(2600, 2))
    result = recurrence_quantification(x, [0.05, 0.7], norm="maximum", theiler_diagonal=1)
    for radius, rate in zip(result.radii, result.rate, strict=True):
        close = sum(int((np.abs(x - p).max(1) <= radius).sum()) for p in x) - 2600
        assert rate == close / (2600 * 2599)


@pytest.mark.parametrize("period", [2, 5])
def test_periodic(period):
    """Only diagonals, at multiples of the period, each as long as the plot lets it be."""
    n = 100
    result = recurrence_quantification(np.tile(np.arange(period), n // period).astype(float), 0.5, theiler_diagonal=1)
    gaps = np.arange(period, n, period)
    assert float(result) == 1.0
    assert result.longest_diagonal[0] == n - period
    assert result.mean_diagonal[0] == pytest.approx((n - gaps).mean())
    assert result.rate[0] == pytest.approx(2 * (n - gaps).sum() / (n * (n - 1)))
    assert result.diagonal_entropy[0] == pytest.approx(math.log(gaps.size))
    assert result.laminarity[0] == 0.0
    assert any("distinct values" in w for w in result.warnings)


def test_white_noise():
    """Cells independent with probability p: DET = 1 - (1 - p)^2, mean line 2 + p / (1 - p) (Thiel et al. 2003), LAM the same."""
    x = np.random.default_rng(1).random(4000)
    result = recurrence_quantification(x, 0.05, theiler_diagonal=1)
    p = 0.0975
    assert result.rate[0] == pytest.approx(p, rel=0.02)
    assert float(result) == pytest.approx(1 - (1 - p) ** 2, rel=0.03)
    assert result.mean_diagonal[0] == pytest.approx(2 + p / (1 - p), rel=0.01)
    assert result.laminarity[0] == pytest.approx(1 - (1 - p) ** 2, rel=0.05)
    shuffled = recurrence_quantification(
        np.random.default_rng(0).permutation(recorded_series.logistic(4000)), 0.05, theiler_diagonal=1
    )
    chaotic = recurrence_quantification(recorded_series.logistic(4000), 0.05, theiler_diagonal=1)
    assert float(chaotic) > float(shuffled) + 0.2


def test_lorenz():
    """Determinism of 10^4 numbers of Lorenz's x, another orbit than the one of which pyunicorn gave 0.976579 and Lmax 473; every
    measure of one and the same orbit is compared with pyunicorn by benchmarks/recurrence.py."""
    x = recorded_series.flow("lorenz", 10_000, 0.02)
    result = recurrence_quantification(x[:, 0], 2.0, dim=3, delay=8, theiler_diagonal=1)
    assert float(result) == pytest.approx(0.976579, abs=2e-3)
    assert 300 < result.longest_diagonal[0] < 700
    assert result.rate[0] == pytest.approx(0.0222, rel=0.05)


def test_mean_line_gives_the_correlation_entropy():
    """Lines on diagonals of length l and above fall as exp(-K2 l) (Thiel, Romano, Read and Kurths 2004); K2 of r = 4 is ln 2."""
    result = recurrence_quantification(recorded_series.logistic(20_000), 1e-3, theiler_diagonal=1)
    above = np.cumsum(result.diagonals[0][::-1])[::-1]
    slope = np.polyfit(np.arange(3, 10), np.log(above[3:10]), 1)[0]
    assert -slope == pytest.approx(math.log(2), rel=0.1)


def test_windows_and_defaults():
    x = np.sin(2 * np.pi * np.arange(600) / 40) + 1e-3 * np.random.default_rng(0).normal(size=600)
    result = recurrence_quantification(x, 0.3)
    assert result.parameters["theiler_diagonal"] == theiler_window(x) + 1
    assert result.parameters["norm"] == "maximum"
    joined, apart = (recurrence_quantification(x, 0.3, theiler_vertical=w) for w in (0, 1))
    assert joined.trapping_time[0] > apart.trapping_time[0]
    assert recurrence_quantification(x).rate[0] == pytest.approx(0.05, rel=0.15)
    orbit = np.stack([x, np.roll(x, 10), np.ones(600)], axis=1)  # a coordinate may stand still
    assert recurrence_quantification(orbit).parameters["theiler_diagonal"] == theiler_window(x) + 1
    assert recurrence_quantification(x, theiler_diagonal=500).rate[0] > 0
    swept = recurrence_quantification(x, [0.5, 0.1, 0.1, 0.3])
    assert swept.radii.tolist() == [0.1, 0.3, 0.5]
    assert (np.diff(swept.rate) > 0).all()
    assert swept.determinism[1] == float(result)
    assert float(swept) == swept.determinism[np.argmin(np.abs(swept.rate - 0.05))]


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**-600, 2.0**600, 2.0**1000])
@pytest.mark.parametrize("norm", NORMS)
def test_any_units(scale, norm):
    """Squares of such distances are no floating-point numbers."""
    x = np.random.default_rng(0).normal(size=(200, 2))
    plain, scaled = recurrence_quantification(x, 0.5, norm=norm), recurrence_quantification(x * scale, 0.5 * scale, norm=norm)
    assert plain.rows()[0] | {"radius": 0} == scaled.rows()[0] | {"radius": 0}
    assert recurrence_quantification(x * 1e-310, 1e300, norm=norm).rate[0] == 1.0


def test_radius_of_rate():
    """Uniform numbers: P(|x - y| <= r) = 2 r - r^2, in two dimensions its square, of the largest difference."""
    x = np.random.default_rng(0).random((20_000, 2))
    radius = radius_of_rate(x[:, 0], [0.01, 0.3])
    assert 2 * radius - radius**2 == pytest.approx([0.01, 0.3], rel=0.05)
    both = radius_of_rate(x, 0.04)
    assert (2 * both - both**2) ** 2 == pytest.approx([0.04], rel=0.05)
    assert radius_of_rate(x, 0.04, norm="manhattan") > radius_of_rate(x, 0.04, norm="euclidean") > both


def test_image():
    """Pixels are means of the cells in them, also where the number of points is no multiple of theirs; the main diagonal is whole."""
    x = np.cumsum(np.random.default_rng(5).normal(size=203))
    matrix = naive.recurrence_matrix(x[:, None], 2.0, "maximum")
    image = recurrence_image(x, 2.0, pixels=20)
    edges = [*range(0, 203, 11), 203]
    assert image == pytest.approx(
        np.array([[matrix[a:b, c:d].mean() for c, d in itertools.pairwise(edges)] for a, b in itertools.pairwise(edges)])
    )
    assert np.array_equal(image, image.T)
    assert recurrence_image(x, 2.0, pixels=1000).shape == (203, 203)
    assert 0.03 < recurrence_image(x).mean() < 0.08


def test_memory_is_linear():
    """A child process: what 30 000 points take beyond 3000 is less than a hundredth of a matrix of bits."""
    code = (
        "import resource, numpy as np\n"
        "from weakchaos.diagnostics.series import recurrence_image, recurrence_quantification\n"
        "x = np.random.default_rng(0).normal(size=30_000)\n"
        "def run(n):\n"
        "    recurrence_quantification(x[:n], [0.001, 0.002], theiler_diagonal=1), recurrence_image(x[:n], 0.01, pixels=50)\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "first = run(3000)\nprint(run(30_000) - first)"
    )
    taken = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    assert taken < 30_000**2 / 8 / 4


@pytest.mark.parametrize(
    "call",
    [
        lambda: recurrence_quantification(np.ones(100)),
        lambda: recurrence_quantification(np.ones((100, 2))),
        lambda: recurrence_quantification([*np.arange(30.0), np.nan]),
        lambda: recurrence_quantification(np.full((30, 2), np.inf)),
        lambda: recurrence_quantification(np.arange(10.0)),
        lambda: recurrence_quantification(np.arange(40.0), dim=4, delay=9),
        lambda: recurrence_quantification(np.zeros((4, 4, 4))),
        lambda: recurrence_quantification(np.random.default_rng(0).random((50, 2)), dim=2),
        lambda: recurrence_quantification(np.arange(40.0), radius=-1.0),
        lambda: recurrence_quantification(np.arange(40.0), radius=[1.0, np.nan]),
        lambda: recurrence_quantification(np.arange(40.0), radius=[]),
        lambda: recurrence_quantification(np.arange(40.0), radius=[[1.0]]),
        lambda: recurrence_quantification(np.arange(40.0), norm="l2"),
        lambda: recurrence_quantification(np.arange(40.0), theiler_diagonal=40),
        lambda: recurrence_quantification(np.arange(40.0), theiler_vertical=-1),
        lambda: recurrence_quantification(np.arange(40.0), min_diagonal=0),
        lambda: recurrence_image(np.arange(40.0), radius=[1.0, 2.0]),
        lambda: recurrence_image(np.arange(40.0), pixels=1),
        lambda: radius_of_rate(np.arange(40.0), 1.0),
        lambda: radius_of_rate(np.arange(40.0), []),
        lambda: recurrence_quantification(np.random.default_rng(0).random(50)).in_base(2),
    ],
)
def test_bad_input(call):
    with pytest.raises(ArgumentError, match="`"):
        call()


def test_wrong_types():
    for call in (lambda: recurrence_quantification(np.arange(40.0), radius="x"), lambda: recurrence_quantification(["a"] * 40)):
        with pytest.raises(ArgumentTypeError, match="`"):
            call()


def test_nothing_and_everything_recurs():
    x = np.random.default_rng(0).random(100)
    nothing, everything = recurrence_quantification(x, 0.0), recurrence_quantification(x, 2.0, theiler_diagonal=1)
    assert float(nothing) == 0.0
    assert "nothing recurs" in nothing.warnings[0]
    assert nothing.rows()[0]["laminarity"] == 0.0
    assert everything.rate[0] == 1.0
    assert float(everything) == pytest.approx(1 - 2 / (100 * 99))  # all but the two corners
    assert "reduce `radius`" in everything.warnings[0]
