import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.plots.made import BIASED, DISAGREE, entrant, line_up, report
from weakchaos.core.flags import Flag, Kind
from weakchaos.herding import HerdedGibbs
from weakchaos.reports.compare.columns import COLUMNS
from weakchaos.reports.compare.compare_page import reproduction, write_html, write_json
from weakchaos.reports.compare.compare_sentences import sentences

_VOID = {"meta", "br", "use", "path", "rect", "line"}


class _Page(HTMLParser):
    """Collects the text outside of scripts, the tags, and checks that elements nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text, self.scripts, self.ids = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for key, value in attributes if key == "id"]
        if tag not in _VOID or tag == "path":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for key, value in attributes if key == "id"]

    def handle_endtag(self, tag):
        if tag in _VOID and tag != "path":
            return
        assert self.open.pop() == tag

    def handle_data(self, data):
        (self.scripts if self.open and self.open[-1] == "script" else self.text).append(data)


def _page(made, tmp_path):
    path = write_html(made, tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    return text, _Page(text)


def _strict(text):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_the_page_needs_nothing_else(tmp_path):
    text, page = _page(line_up(), tmp_path)
    for tag, attributes in page.tags:
        assert tag not in ("link", "img", "iframe", "object"), tag
        assert "src" not in attributes
        for key, value in attributes.items():
            if "href" in key:
                assert value.startswith("#")
    assert not re.search(r"url\((?!#)|@import", text)
    assert text.count("<svg") == 4  # each figure for wide and for narrow windows, of which one is shown


def test_the_page_says_what_the_report_says(tmp_path):
    made = line_up()
    _, page = _page(made, tmp_path)
    flat = " ".join(" ".join(page.text).split())
    assert sentences(made) in flat
    for e in made.entrants:
        for flag in e.flags:
            assert flag.sentence in flat
    for column in COLUMNS:
        assert (column.definition in flat) is not column.asked
    for word in ("100,000 draws", "8 repeats", "seed 0", "weakchaos", "numpy", "numba", "python 3", "no period within 1,984 draws"):
        assert word in flat
    flagged = [
        a for tag, a in page.tags if tag == "tr" and "flagged" in (a.get("class") or "") and "notes" not in a["class"].split()
    ]
    assert len(flagged) == 3


def test_parts_of_the_two_figures_do_not_share_names(tmp_path):
    text, page = _page(line_up(), tmp_path)
    assert len(page.ids) == len(set(page.ids))
    used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
    assert {a or b for a, b in used} <= set(page.ids)


def test_what_users_write_is_shown_and_not_run(tmp_path):
    nasty = "<script>alert(\"1\")</script> & 'x' </style> --> $a$"
    made = report(
        entrant(nasty, flags=(Flag.of(Kind.NOT_FINITE, where=nasty),), driver=nasty), target=nasty, remarks=[nasty], truth=nasty
    )
    made.command = f"weakchaos compare '{nasty}'"
    text, page = _page(made, tmp_path)
    assert "alert" not in "".join(a for _, attributes in page.tags for a in attributes if a)
    assert [a.get("type") for tag, a in page.tags if tag == "script"] == ["application/json"]
    assert "<script>" not in text
    assert nasty in " ".join("".join(page.text).split())
    assert _strict("".join(page.scripts))["rows"][0]["sampler"] == nasty


def test_rows_embedded_in_the_page_are_those_of_the_report(tmp_path):
    made = line_up()
    _, page = _page(made, tmp_path)
    data = _strict("".join(page.scripts))
    assert [{k: v for k, v in row.items() if k not in ("notes", "flags")} for row in data["rows"]] == made.rows
    assert "curves" not in data


def test_json_round_trip(tmp_path):
    made = line_up()
    text = write_json(made, tmp_path / "report.json")
    data = _strict((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert data == _strict(text)
    assert [{k: v for k, v in row.items() if k not in ("notes", "flags")} for row in data["rows"]] == made.rows
    assert [[Flag.from_plain(f) for f in row["flags"]] for row in data["rows"]] == [list(e.flags) for e in made.entrants]
    for curve, e in zip(data["curves"], made.entrants, strict=True):
        np.testing.assert_array_equal(curve["draws"], e.draws)
        np.testing.assert_array_equal(curve["errors"], e.errors)
    assert data["warnings"] == made.warnings
    assert data["sentences"] == sentences(made)


def test_json_is_strict_and_takes_numpy_numbers(tmp_path):
    made = report(
        entrant(
            "a",
            rhat=math.inf,
            slope=math.nan,
            fall=-0.5,
            period=np.int64(7),
            lyapunov=np.float64(0.5),
            extra=np.array([1, 2]),
            ok=np.bool_(True),
        )
    )
    row = _strict(write_json(made))["rows"][0]
    assert (row["rhat"], row["slope"], row["period"], row["lyapunov"], row["extra"], row["ok"]) == (
        None,
        None,
        7,
        0.5,
        [1, 2],
        True,
    )
    write_html(made, tmp_path / "report.html")


def test_how_to_make_it_again_is_the_command_or_a_call_that_runs():
    made = report(
        entrant("Gibbs, PCG64"),
        entrant("herded", HerdedGibbs(), "none", draws=2000),
        entrant("bad", driver="toy-lcg", flags=(DISAGREE, BIASED)),
    )
    call = reproduction(made)
    names = {}
    import weakchaos.herding
    import weakchaos.samplers

    class wc:
        herding, samplers = weakchaos.herding, weakchaos.samplers
        compare = staticmethod(lambda target, samplers, **settings: names.update(samplers=samplers, **settings))

    exec(call.replace("import weakchaos as wc", ""), {"wc": wc})
    assert names["samplers"]["Gibbs, PCG64"] == (weakchaos.samplers.Gibbs(), "pcg64")
    assert names["samplers"]["herded"] == (HerdedGibbs(), None, 2000)
    assert names["samplers"]["bad"] == (weakchaos.samplers.Gibbs(), "toy-lcg")
    assert (names["draws"], names["repeats"], names["seed"]) == (100_000, 8, 0)
    made.command = "weakchaos compare asia"
    assert reproduction(made) == "weakchaos compare asia"


@pytest.mark.parametrize(
    "made", [report(), report(entrant("a", error=None, slope=None, fall=-0.5, entropy_rate=None))], ids=["empty", "no numbers"]
)
def test_odd_reports_have_a_page(made, tmp_path):
    text, _ = _page(made, tmp_path)
    assert ">nan<" not in text.lower()
    assert ">None<" not in text
