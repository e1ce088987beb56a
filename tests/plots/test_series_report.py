import json
import re

import numpy as np
import pytest

from tests.diagnostics.recorded_series import flow, henon, logistic
from tests.plots.test_report import _Page, _strict
from weakchaos.diagnostics import analyse_series
from weakchaos.reports.series.meanings import definition
from weakchaos.reports.series.series_figure import panels_of, plot_series_report
from weakchaos.reports.series.series_page import write_series_html, write_series_json
from weakchaos.reports.series.series_text import text_table

SERIES = {
    "map": lambda: henon(600),
    "flow": lambda: flow("rossler", 600, 0.3)[:, 0],
    "noise": lambda: np.random.default_rng(0).standard_normal(300),
    "cycle": lambda: logistic(300, 3.5),
    "walk": lambda: np.cumsum(np.random.default_rng(0).standard_normal(110)),
    "coin": lambda: np.random.default_rng(0).integers(0, 2, 300),
    "labels": lambda: np.array(["<b>&up</b>", "$down_1$", "flat", "a very long label indeed"])[
        np.random.default_rng(0).integers(0, 4, 200)
    ],
    "names": lambda: [f"n{k}" for k in range(100)],
    "rest": lambda: "abcab" + "c" * 40,
}


@pytest.fixture(scope="module")
def reports():
    return {name: analyse_series(make(), surrogates=19, name=f"<i>{name}</i> & $x_1$", dt=1.0) for name, make in SERIES.items()}


def test_slopes_of_rounded_numbers_begin_where_pairs_do():
    from types import SimpleNamespace

    from weakchaos.core.figures import new_figure
    from weakchaos.diagnostics.series.correlation import correlation_sums
    from weakchaos.reports.series.number_panels import draw_slopes

    x = np.round(henon(600), 3)  # no distance lies between 1e-17, which rounding errors make, and 0.001
    sums = correlation_sums(x, 4, 1, 3, 100_000)
    assert sums.radii[0] < 1e-10
    axes = new_figure(4.0, 3.0).add_subplot()
    draw_slopes(axes, SimpleNamespace(sums=sums, dimension=None, x=x))
    assert 1e-5 < axes.get_xlim()[0] < 2e-3


@pytest.mark.parametrize("name", ["map", "noise", "labels"])
def test_the_page_needs_nothing_else(name, reports, tmp_path):
    report = reports[name]
    text = write_series_html(report, tmp_path / "r.html").read_text(encoding="utf-8")
    page = _Page(text)
    for tag, attributes in page.tags:
        for key in ("src", "href", "xlink:href", "action", "data"):
            value = attributes.get(key) or "#"
            assert value.startswith(("#", "data:image/png")), (tag, key, value)
    assert not re.search(r"url\(\s*['\"]?\s*(?!#)[^)#]*http", text)
    assert "@import" not in text
    # Every figure is there, inline, under an own name, and says what it shows.
    panels = panels_of(report)
    assert sum(tag == "figure" for tag, _ in page.tags) == len(panels)
    # A wide panel is drawn twice, once for narrow windows, and one of both is shown.
    expected = [label for _, wide, _, label in panels for _ in range(2 if wide else 1)]
    assert [a["aria-label"] for tag, a in page.tags if tag == "svg"] == expected
    assert len(set(page.ids)) == len(page.ids)
    for row in report.rows:
        assert row["quantity"] in "".join(page.text)
    shown = " ".join("".join(page.text).split())
    # What stands in backticks is set as code.
    assert " ".join(report.sentences().replace("`", "").split()) in shown
    assert f"<i>{name}</i>" in shown  # as text: it was escaped
    assert ">nan<" not in text.lower()
    assert ">None<" not in text
    data = _strict(next(s for s in page.scripts))
    assert [r["quantity"] for r in data["rows"]] == [r["quantity"] for r in report.rows]


@pytest.mark.parametrize("name", SERIES)
def test_json_is_strict_and_whole(name, reports, tmp_path):
    report = reports[name]
    text = write_series_json(report, tmp_path / "r.json")
    data = _strict((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert data == _strict(text)
    assert data["rows"] == json.loads(json.dumps(report.rows))
    assert (data["verdict"], data["sentences"], data["n"]) == (report.verdict, report.sentences(), report.n)
    curves = data["curves"]
    if report.kind == "discrete":
        assert {"rate", "words", "near"} <= set(curves)
    else:
        assert {"spectrum", "near"} <= set(curves)
    if name == "map":
        np.testing.assert_allclose(curves["rosenstein"]["y"], report.results.rosenstein.curve[1])
        assert np.shape(curves["correlation sums"]["sums"])[0] == 10
        assert len(curves["linear surrogates"]["surrogates"]) == 19


@pytest.mark.parametrize("name", SERIES)
def test_the_figure(name, reports, tmp_path):
    report = reports[name]
    figure = plot_series_report(report, tmp_path / "r.png" if name in ("walk", "labels") else None)
    assert (tmp_path / "r.png").exists() == (name in ("walk", "labels"))
    assert len(figure.axes) == len(panels_of(report))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert all(titles)
    assert len(set(titles)) == len(titles)


def test_the_figure_shows_what_the_rows_say(reports):
    by_title = {axes.get_title(loc="left"): axes for axes in plot_series_report(reports["map"]).axes}
    row = reports["map"]["largest exponent, Rosenstein"]
    labels = [text.get_text() for text in by_title["Divergence of neighbours"].get_legend().get_texts()]
    assert f"slope {row['value']:.3g}" in labels
    slope = next(line for line in by_title["Divergence of neighbours"].lines if str(line.get_label()).startswith("slope"))
    (x0, x1), (y0, y1) = slope.get_data()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(row["value"])
    words = [text.get_text() for text in by_title["Correlation sums: local slopes"].texts]
    assert f"settles at {reports['map']['correlation dimension']['value']:.3g}" in words
    noise = {axes.get_title(loc="left"): axes for axes in plot_series_report(reports["noise"]).axes}
    assert "no scaling region" in [text.get_text() for text in noise["Divergence of neighbours"].texts]
    assert "settles nowhere" in [text.get_text() for text in noise["Correlation sums: local slopes"].texts]


def test_the_bound_in_the_spectrum_is_the_one_of_the_test():
    t = np.arange(400)
    report = analyse_series(np.sin(0.5 * t) + np.random.default_rng(0).standard_normal(400), surrogates=39)
    for key in ("spectrum", "near"):
        found = getattr(report.results, key)
        above = found.curve[0][found.curve[1] > found.threshold]
        assert found.periods.size
        for period in found.periods:
            assert np.abs(above - period).min() < 0.5
    quiet = analyse_series(np.random.default_rng(2).standard_normal(400), surrogates=39).results.spectrum
    assert not quiet.periods.size
    assert (quiet.curve[1] <= quiet.threshold).all()


def test_the_table(reports):
    text = text_table(reports["map"])
    assert text.splitlines()[0].startswith("<i>map</i> & $x_1$: 600 numbers, like a map")
    for row in reports["map"].rows:
        assert row["quantity"] in text
        for note in row["notes"]:
            assert note in " ".join(text.split())
    assert "nan" not in text
    assert "None" not in text


def test_every_row_is_explained(reports):
    for report in reports.values():
        for row in report.rows:
            assert definition(row["quantity"]), row["quantity"]
    assert definition("phlogiston") == ""


def test_how_to_make_it_again(reports):
    from weakchaos.reports.series.series_page import reproduction

    report = analyse_series(henon(300), surrogates=19, seed=4, dt=0.5)
    call = reproduction(report)
    made = {}

    class wc:
        class diagnostics:
            analyse_series = staticmethod(lambda x, **options: made.update(options))

    exec(call.replace("import weakchaos as wc", ""), {"wc": wc, "x": None})
    assert made == {"dt": 0.5, "kind": "auto", "seed": 4, "surrogates": 19}
    report.command = "weakchaos chaos x.csv"
    assert reproduction(report) == "weakchaos chaos x.csv"
