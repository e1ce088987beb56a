"""Figures of renormalization show what was measured."""

import numpy as np
import pytest

from weakchaos.plots.scaling import draw_depth_scales, draw_exponents, draw_population
from weakchaos.renormalization import coarse_grain, mean_field, probe
from weakchaos.renormalization.coarse.monte_carlo import MonteCarloRG
from weakchaos.reports.probe.probe_figure import draw_probe, theory_flow


@pytest.fixture(scope="module")
def report():
    rng = np.random.default_rng(0)
    weights = [(rng.normal(size=(30, 30)) * 0.25, rng.normal(size=30) * 0.2) for _ in range(5)]
    return probe(weights, rng.normal(size=(12, 30)), np.arange(12) % 2, directions=2)


def test_flow(report, tmp_path):
    figure = report.plot("flow", tmp_path / "flow.png")
    assert (tmp_path / "flow.png").stat().st_size > 5000
    measured = figure.axes[0].lines[0]
    assert measured.get_ydata() == pytest.approx([r["c_same"] for r in report.rows])
    assert {t.get_text() for t in figure.axes[0].get_legend().get_texts()} == {"same class", "different classes", "theory"}


def test_theory_follows_the_maps(report):
    flow = theory_flow(report, 1.0, 0.5)
    row, theory = report.rows[1], mean_field("tanh")
    expected = (row["sigma_w2"] * theory.pair(1.0, 0.5) + row["sigma_b2"]) / theory.length_map(
        1.0, row["sigma_w2"], row["sigma_b2"]
    )
    assert flow[1] == pytest.approx(expected)


def test_phase_shows_every_layer_and_where_it_went(report):
    figure = draw_probe(report, "phase", after=report)
    dots = figure.axes[0].collections[-1].get_offsets()
    assert np.asarray(dots) == pytest.approx(np.array([[r["sigma_w2"], r["sigma_b2"]] for r in report.rows]))
    functions = probe([np.tanh, np.tanh], np.random.default_rng(1).normal(size=(3, 4)))
    assert "no weights" in draw_probe(functions, "phase").axes[0].texts[0].get_text()


def test_waterfall(report):
    lines = draw_probe(report, "waterfall").axes[0].lines
    assert len(lines) == 30 + 1
    with pytest.raises(ValueError, match="`kind` must be one of"):
        draw_probe(report, "tree")


def test_scales_and_scaling(tmp_path):
    draw_depth_scales("tanh", path=tmp_path / "depth.png")
    x = np.random.default_rng(0).random((400, 32)) < 0.3
    figure = draw_population(coarse_grain(x, nulls="independent"), tmp_path / "population.png")
    assert len(figure.axes) == 3
    y = np.full((2, 4), 1.0)
    draw_exponents(MonteCarloRG(2, (16, 8), y, y + 0.875, y * 0.01, y * 0.01), path=tmp_path / "exponents.png")
    assert all((tmp_path / f"{n}.png").stat().st_size > 5000 for n in ("depth", "population", "exponents"))
