import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from tests.plots.made import DISAGREE, entrant, line_up, report
from weakchaos.core.figures import COLOURS, look, place_labels, quiet_glyphs, spread
from weakchaos.herding import Herding
from weakchaos.reports.compare.compare_figure import convergence_figure, entropy_figure, plot_report


def _texts(figure):
    """Every text of a figure that shows something, with its box in pixels."""
    renderer = figure.canvas.get_renderer()
    found = [*figure.texts, *(t for axes in figure.axes for t in axes.texts)]
    out = []
    for text in found:
        if text.get_text() and not (isinstance(text, Annotation) and text.arrow_patch is not None and not text.get_text()):
            box = text.get_window_extent(renderer)
            out.append((text.get_text().replace("\n", " "), np.array([box.x0, box.y0, box.x1, box.y1])))
    return out


def _overlaps(figure):
    boxes = [
        (name, box) for name, box in _texts(figure) if not name.startswith("1/")
    ]  # guides' names are turned: their boxes are wide
    return [
        (a, b)
        for (a, p), (b, q) in itertools.combinations(boxes, 2)
        if min(p[2], q[2]) - max(p[0], q[0]) > 1 and min(p[3], q[3]) - max(p[1], q[1]) > 1
    ]


def test_both_panels_name_every_run_once_and_flag_those_not_to_be_trusted():
    figure = plot_report(line_up())
    assert isinstance(figure, Figure)
    names = [name for name, _ in _texts(figure)]
    for name in ("herded Gibbs (!)", "Gibbs, PCG64", "Gibbs, golden rotation (!)", "Gibbs, bad LCG (!)", "herding"):
        assert names.count(name) == 2, names
    left, right = figure.axes
    assert (left.get_xscale(), left.get_yscale()) == ("log", "log")
    assert "nats per draw" in right.get_xlabel()


def test_names_do_not_cover_each_other_nor_leave_the_figure():
    figure = plot_report(line_up())
    assert _overlaps(figure) == []
    for name, box in _texts(figure):
        assert box[:2].min() >= 0, name
        assert box[2] <= figure.bbox.width, name
        assert box[3] <= figure.bbox.height, name


def test_curves_are_medians_with_the_range_of_the_repeats():
    made = report(entrant("Gibbs"), entrant("bad", slope=-0.2, flags=(DISAGREE,)))
    left = plot_report(made).axes[0]
    curves = [line for line in left.lines if len(line.get_xdata()) > 2]
    for line, e, dashed in zip(curves, made.entrants, (False, True), strict=True):
        np.testing.assert_allclose(line.get_ydata(), np.median(e.errors, axis=0))
        assert line.is_dashed() == dashed
    band = left.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(made.entrants[0].errors.min())
    assert band[:, 1].max() == pytest.approx(made.entrants[0].errors.max())


def test_guides_have_the_slopes_of_their_names():
    left = plot_report(line_up()).axes[0]
    guides = [line for line in left.lines if len(line.get_xdata()) == 2]
    slopes = [float(np.diff(np.log(g.get_ydata()))[0] / np.diff(np.log(g.get_xdata()))[0]) for g in guides]
    np.testing.assert_allclose(slopes, [-0.5, -1.0])
    assert [t.get_text() for t in left.texts if t.get_text().startswith("1/")] == ["1/√T", "1/T"]


def test_a_run_has_one_colour_in_both_panels():
    made = line_up()
    figure = plot_report(made)
    left, right = figure.axes
    markers = [line for line in left.lines if len(line.get_xdata()) == 1]
    points = [c[0] for c in right.containers]
    assert [m.get_color() for m in markers] == [look(k)["color"] for k in range(5)]
    for e, point in zip(made.entrants, points, strict=True):
        assert point.get_xydata()[0].tolist() == [e.row["entropy_rate"], e.row["slope"]]
    assert [p.get_color() for p in points] == [m.get_color() for m in markers]
    assert len({look(k)["color"] for k in range(len(COLOURS))}) == len(COLOURS)


def test_a_png_is_written_and_pyplot_is_left_alone(tmp_path):
    path = tmp_path / "figure.png"
    plot_report(line_up(), path)
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(head[16:20], "big") == 1800  # 12 inches at 150 dots
    code = (
        "import sys\nfrom tests.plots.made import line_up\nassert 'matplotlib' not in sys.modules\n"
        "from weakchaos.reports.compare.compare_figure import plot_report\nassert 'matplotlib' not in sys.modules\n"
        "plot_report(line_up())\nassert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    "made",
    [
        report(),
        report(entrant("zero", Herding(), "none", scale=0.0, slope=0.0, fall=0.0, error=0.0)),
        report(entrant("none", fall=-0.5, slope=None, slope_se=None, entropy_rate=None)),
        report(entrant("nan", fall=-0.5, slope=math.nan, entropy_rate=math.nan), entrant("b")),
        report(entrant("short", draws=1000), entrant("long", draws=10**7)),
        report(*[entrant(f"run number {k} of a crowd", slope=-0.5 - 0.001 * k) for k in range(15)]),
        report(entrant("$x_1$ <b> \\alpha & 名前"), entrant("a very long name " * 6), target="$\\frac{"),
    ],
    ids=["no runs", "no error", "no slope", "nan", "lengths", "crowd", "hostile names"],
)
def test_odd_reports_are_drawn(made, tmp_path):
    plot_report(made, tmp_path / "figure.png")
    for figure in (convergence_figure(made), entropy_figure(made)):
        with quiet_glyphs():
            figure.savefig(tmp_path / "panel.svg")
    if not made.entrants or made.entrants[0].name == "zero":
        assert any("no error above zero" in name for name, _ in _texts(plot_report(made)))


def test_spread_keeps_order_and_gap_and_moves_the_least():
    rng = np.random.default_rng(3)
    for _ in range(50):
        wanted = rng.uniform(0, 10, 7)
        out = spread(wanted, 1.0)
        order = np.argsort(wanted)
        assert (np.diff(out[order]) >= 1.0 - 1e-9).all()
        # At the least-squares optimum the labels that touch are centred on what they wanted.
        cuts = np.flatnonzero(np.diff(out[order]) > 1.0 + 1e-9) + 1
        for block in np.split(order, cuts):
            assert out[block].mean() == pytest.approx(wanted[block].mean())


def test_labels_of_points_that_coincide_stay_apart():
    points = np.full((12, 2), 200.0)
    sizes = np.full((12, 2), (60.0, 14.0))
    offsets = np.array(place_labels(points, sizes, (0, 0, 400, 400)))
    for a, b in itertools.combinations(offsets, 2):
        gap = np.abs(a - b) - (60.0, 14.0)
        assert gap.max() >= 0
