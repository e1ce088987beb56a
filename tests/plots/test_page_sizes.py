"""No page of a report is over 500 kB without its pictures, whatever it tells of; what it leaves out it says, and the worst is never left out."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import weakchaos as wc
from tests.plots.made import CYCLE, DISAGREE, entrant, report
from weakchaos.core.figures import new_figure
from weakchaos.core.flags import Flag, Kind
from weakchaos.reports.compare.compare_page import write_html
from weakchaos.reports.page import _words, figure_svg
from weakchaos.reports.page_rows import shown_rows
from weakchaos.reports.run.run_page import write_run_html
from weakchaos.reports.series.number_panels import blue_of

LARGEST = 500_000


def without_pictures(text):
    return len(re.sub(r"<svg.*?</svg>", "", text, flags=re.S).encode())


def embedded(text):
    return json.loads(re.search(r'id="weakchaos-report">(.*?)</script>', text, re.S).group(1))


def test_all_rows_are_shown_where_there_is_room_for_all():
    assert shown_rows([5, 5, 5], [2, 1, 0], room=15).first == [0, 1, 2]
    assert shown_rows([], [], room=15).rows == []


@pytest.mark.parametrize("seed", range(20))
def test_rows_fit_their_room_and_are_the_worst_and_the_first(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 40, rng.integers(5, 200)).tolist()
    worst = rng.permutation(len(sizes)).tolist()
    room, most = int(rng.integers(100, 600)), int(rng.integers(4, 60))
    shown = shown_rows(sizes, worst, room, most)
    assert len(set(shown.rows)) == len(shown.rows) <= most
    assert sum(sizes[i] for i in shown.rows) <= room
    assert shown.left_out == len(sizes) - len(shown.rows)
    if shown.left_out:
        assert shown.worst == worst[: len(shown.worst)]
        others = [i for i in range(len(sizes)) if i not in shown.worst]
        assert shown.first == others[: len(shown.first)]
        # Nothing was left out for which there was room.
        if len(shown.rows) < most:
            assert sum(sizes[i] for i in shown.rows) + sizes[others[len(shown.first)]] > room


def run_page(tmp_path, count, name="theta[{}]", columns=("mean", "sd", "5%", "50%", "95%", "mcse_mean", "mcse_sd", "ess_bulk", "ess_tail", "r_hat")):  # fmt: skip
    rng = np.random.default_rng(0)
    values = rng.normal(size=(count, len(columns)))
    values[:, -1] = 1 + rng.exponential(0.003, count)
    values[count // 2, -1] = 3.25
    values[count // 3, -1] = np.nan
    names = [name.format(k) for k in range(count)]
    table = pd.DataFrame(values, index=names, columns=list(columns))
    trace = SimpleNamespace(draws=np.zeros((2, 0, count)), names=names, stats={}, weights=None)
    flags = [Flag.of(Kind.UNREACHABLE, where=tuple(names), components=2, exact=True, probabilities=[0.5, 0.5], blocks=False)]
    content = {
        "summary": [{"name": str(n), **row} for n, row in table.to_dict("index").items()],
        "flags": [{"sentence": f.sentence, **f.to_plain()} for f in flags],
    }
    path = write_run_html(trace, tmp_path / "run.html", "normal: 100 draws", table, flags, content, "weakchaos sample", "run.json")
    return path.read_text(encoding="utf-8"), names


@pytest.mark.parametrize(
    ("count", "name"), [(911, "x{}"), (20_000, "theta[{}]"), (3000, "a name of more than a few letters & <marks> " * 12 + "{}")]
)
def test_the_page_of_a_run_is_small_for_any_number_of_parameters(count, name, tmp_path):
    text, names = run_page(tmp_path, count, name)
    assert without_pictures(text) < LARGEST
    data = embedded(text)
    shown = [row["name"] for row in data["summary"]]
    assert shown[0] == names[count // 2]  # of R-hat 3.25
    assert names[0] in shown
    assert data["summary_left_out"] == count - len(shown)
    assert f"{len(shown)} of {count:,} numbers. All are in run.json." in text
    assert text.count('<td data-label="r_hat">') == len(shown) <= 200
    assert "3.25</td>" in text
    assert names[count // 3] not in shown  # what has no R-hat is not the worst


def test_the_page_of_a_short_run_shows_all_and_says_nothing_of_it(tmp_path):
    text, names = run_page(tmp_path, 150)
    assert [row["name"] for row in embedded(text)["summary"]] == names
    assert "left out" not in re.sub(r"<style>.*?</style>", "", text, flags=re.S)
    assert "All are in" not in text


def test_the_page_of_a_comparison_is_small_for_any_number_of_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("weakchaos.reports.compare.compare_page.figure_svg", lambda *args: "")
    monkeypatch.setattr("weakchaos.reports.compare.compare_figure.convergence_figure", lambda *args: None)
    monkeypatch.setattr("weakchaos.reports.compare.compare_figure.entropy_figure", lambda *args: None)
    runs = [entrant(f"Gibbs, stream {k}", scale=1 + 0.001 * (k % 97)) for k in range(2000)]
    runs[1500] = entrant("the bad one", flags=(CYCLE, DISAGREE))
    text = write_html(report(*runs), tmp_path / "report.html").read_text(encoding="utf-8")
    assert without_pictures(text) < LARGEST
    data = embedded(text)
    assert data["rows"][0]["sampler"] == "the bad one"
    assert data["rows_left_out"] == 2000 - len(data["rows"]) > 0
    assert f"{len(data['rows'])} of 2,000 runs." in text
    assert CYCLE.sentence in text


def test_the_page_of_a_probe_is_small_for_any_number_of_layers(tmp_path, monkeypatch):
    monkeypatch.setattr("weakchaos.reports.probe.probe_page.figure_svg", lambda *args: "")
    rng = np.random.default_rng(0)
    weights = [(rng.normal(size=(6, 6)) * 0.45, np.zeros(6)) for _ in range(700)]
    weights[600] = (weights[600][0] * 50, weights[600][1])
    made = wc.renormalization.probe(weights, rng.normal(size=(4, 6)), directions=1)
    text = made.to_html(tmp_path / "probe.html").read_text(encoding="utf-8")
    assert without_pictures(text) < LARGEST
    data = embedded(text)
    assert data["rows_left_out"] == len(made.rows) - len(data["rows"]) > 0
    assert f"{len(data['rows'])} of {len(made.rows)} layers." in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("use `thin=5` <b>", "use <code>thin=5</code> &lt;b&gt;"),
        ("-2.5e-04 of 1e+10", '<span class="number">-2.5e-04</span> of <span class="number">1e+10</span>'),
        ("one ` alone, x1e-3y", "one ` alone, x1e-3y"),
    ],
)
def test_sentences_are_set_with_code_and_whole_numbers(text, shown):
    assert str(_words(text)) == shown


def test_pixels_in_blue_alone_take_the_blue_of_the_page():
    figure = new_figure(3.0, 2.0)
    axes = figure.add_subplot()
    axes.imshow(blue_of(np.linspace(0, 1, 64).reshape(8, 8)), interpolation="nearest")
    assert str(figure_svg(figure, "blue", "a")).count('<image filter="url(#a-tint)"') == 1
    assert 'flood-color="var(--blue)"' in str(figure_svg(figure, "blue", "a"))
    other = new_figure(3.0, 2.0)
    other.add_subplot().imshow(np.arange(64).reshape(8, 8), cmap="magma")
    assert "tint" not in str(figure_svg(other, "other", "b"))
