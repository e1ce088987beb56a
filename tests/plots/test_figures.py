"""Figures without pyplot: shown by a notebook, drawn on axes of the user's own."""

import subprocess
import sys

import numpy as np
import pytest

import weakchaos as wc

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def report():
    return wc.compare(wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]]), {"Gibbs": wc.samplers.Gibbs()}, draws=1000, repeats=4, seed=1)


def test_every_report_shows_itself_in_a_notebook_that_never_saw_pyplot(report):
    code = (
        "import sys, numpy as np, weakchaos as wc\n"
        "report = wc.compare(wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]]), {'Gibbs': wc.samplers.Gibbs()}, draws=1000, repeats=4)\n"
        "network = wc.renormalization.probe([np.eye(8), np.eye(8)], np.random.default_rng(0).normal(size=(4, 8)))\n"
        "series = wc.diagnostics.analyse_series('ab' * 30, surrogates=19)\n"
        "for figure in (report.plot(), network.plot(), series.plot()):\n"
        "    assert figure._repr_png_()[:4] == b'\\x89PNG'\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_comparison_draws_on_axes_of_the_users_own(report):
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert report.plot(ax=right) is figure
    assert right.get_xlabel() == "draws"
    assert right.lines
    assert not left.lines


@pytest.mark.parametrize("kind", ["flow", "phase", "waterfall"])
def test_a_probe_draws_on_axes_of_the_users_own(kind, tmp_path):
    from matplotlib.figure import Figure

    network = wc.renormalization.probe([np.eye(8), np.eye(8)], np.random.default_rng(0).normal(size=(4, 8)))
    figure = Figure()
    axes = figure.add_subplot()
    assert network.plot(kind, tmp_path / "probe.png", ax=axes) is figure
    assert (tmp_path / "probe.png").read_bytes()[:4] == PNG
    assert axes.get_xlabel()
