"""Figures of recurrence show the numbers of the diagnostics, of short and long series, and refuse what cannot be drawn."""

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.series.recurrence_lines import recurrence_quantification
from weakchaos.diagnostics.series.recurrence_pixels import recurrence_image
from weakchaos.plots.recurrence import plot_recurrence, plot_sweep


@pytest.fixture
def walk(rng):
    return np.cumsum(rng.normal(size=900))


def test_image_and_axes(walk, tmp_path):
    figure = plot_recurrence(walk, 2.0, dim=2, delay=5, dt=0.1, pixels=300, path=tmp_path / "a.png")
    series, plot, sweep = figure.axes
    image = plot.get_images()[0]
    expected = recurrence_image(walk, 2.0, 300, 2, 5)
    assert np.allclose(image.get_array() ** 2, expected)
    assert image.origin == "lower"
    assert image.get_extent() == pytest.approx([0, 89.7, 0, 89.7])
    assert plot.get_xlim() == series.get_xlim() == pytest.approx((0, 89.5))
    assert "3 points a pixel" in plot.get_xlabel()
    assert "maximum norm, radius 2" in plot.get_title(loc="left")
    result = recurrence_quantification(walk, sweep.lines[0].get_xdata(), 2, 5)
    for line, values in zip(sweep.lines, (result.determinism, result.laminarity, result.rate), strict=False):
        assert np.allclose(line.get_ydata(), values)
    assert 2.0 in sweep.lines[0].get_xdata()
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_orbits_and_long_series_are_outlined(rng):
    orbit = rng.normal(size=(6000, 2))
    figure = plot_recurrence(orbit, norm="euclidean", pixels=50, sweep=False)
    assert len(figure.axes) == 2
    line = figure.axes[0].lines[0]
    assert line.get_ydata().size <= 4000
    assert (line.get_ydata().min(), line.get_ydata().max()) == (orbit[:, 0].min(), orbit[:, 0].max())
    image = figure.axes[1].get_images()[0]
    assert image.get_array().shape == (50, 50)
    assert (image.get_array() ** 2).mean() == pytest.approx(0.05, rel=0.1)


def test_a_plot_without_recurrences(rng):
    figure = plot_recurrence(rng.normal(size=100), 0.0, sweep=False)
    assert np.array_equal(figure.axes[1].get_images()[0].get_array(), np.eye(100))


def test_sweep_by_itself(walk, tmp_path):
    result = recurrence_quantification(walk, np.geomspace(0.1, 10, 7))
    figure = plot_sweep(result, tmp_path / "b.svg")
    assert figure.axes[0].get_xscale() == "log"
    assert (tmp_path / "b.svg").stat().st_size > 1000


@pytest.mark.parametrize(
    "call",
    [
        lambda x: plot_sweep(recurrence_quantification(x, 0.5)),
        lambda x: plot_sweep(recurrence_quantification(x, [0.0, 0.5])),
        lambda x: plot_recurrence(x, dt=0.0),
        lambda x: plot_recurrence(x, pixels=1),
        lambda x: plot_recurrence(np.ones(100)),
    ],
)
def test_bad_input(call, walk):
    with pytest.raises(ArgumentError, match="`"):
        call(walk)
