import math

import pytest

from tests.plots.made import BIASED, CYCLE, DISAGREE, FEW, STREAM, UNREACHABLE, UNTUNED, entrant, line_up, report
from weakchaos.reports.compare.columns import COLUMNS, cell, slope_words
from weakchaos.reports.compare.compare_text import text_table
from weakchaos.reports.compare.row_flags import is_trusted, lacks_draws, phrases, runs_by_flag, word


def _flat(text):
    return " ".join(text.split())


def test_a_row_stands_in_the_table_with_its_units():
    lines = text_table(line_up()).splitlines()
    assert lines[0] == "sachs (11 units): 2,000 to 100,000 draws x 8 repeats, seed 0; truth: exact"
    assert lines[1].split() == [
        "sampler",
        "driver",
        "draws",
        "error",
        "slope",
        "Lyapunov",
        "entropy",
        "period",
        "time",
        "grad",
        "status",
    ]
    assert lines[2].split() == ["±", "se", "nats/draw", "nats/draw", "draws", "ns/draw", "/draw"]
    row = next(line for line in lines if line.startswith("Gibbs, PCG64"))
    assert row.split() == [
        "Gibbs,",
        "PCG64",
        "pcg64",
        "100,000",
        "3.16e-03",
        "-0.50",
        "±",
        "0.02",
        "954.2",
        "0.550",
        "-",
        "480",
        "0",
        "ok",
    ]
    assert max(len(line) for line in lines) <= 128


def test_columns_are_aligned_whatever_the_names():
    made = report(entrant("a"), entrant("a name that is far too long for one line of any table"), entrant("b", driver="x" * 40))
    lines = text_table(made).splitlines()
    ends = {line.index("3.16e-03") for line in lines if "3.16e-03" in line}
    assert len(ends) == 1
    assert "a name that is far too long for one line of any table" in _flat(" ".join(line[:24] for line in lines[4:9]))


def test_draws_that_are_equal_stand_in_the_heading_only():
    lines = text_table(report(entrant("Gibbs"))).splitlines()
    assert "100,000 draws x 8 repeats" in lines[0]
    assert "draws" not in lines[1]


def test_every_run_that_is_not_ok_is_marked_and_its_notes_stand_below_in_full():
    made = line_up()
    text = text_table(made)
    for e in made.entrants:
        row = next(line for line in text.splitlines() if line.startswith(e.name + " "))
        assert ("!" in row) == (not is_trusted(e))
        for flag in e.flags:
            assert _flat(f"{e.name}: {flag.sentence}") in _flat(text)
    assert "3 of 5 runs not to be trusted" in text


def test_a_flag_of_several_runs_is_written_once():
    made = report(entrant("a", flags=(UNREACHABLE,)), entrant("b", flags=(UNREACHABLE, DISAGREE)))
    assert runs_by_flag(made) == [(["a", "b"], UNREACHABLE), (["b"], DISAGREE)]
    assert _flat(text_table(made)).count(UNREACHABLE.sentence) == 1


def test_what_is_no_distrust_is_said_apart_and_remarks_are_not_lost():
    made = report(
        entrant("a", flags=(UNTUNED,)),
        entrant("b", flags=(FEW,)),
        entrant("c", flags=(CYCLE, FEW)),
        remarks=["the machine was on fire"],
    )
    text = text_table(made)
    against, _, rest = text.partition("To be known:")
    assert "1 of 3 runs not to be trusted" in against
    assert _flat(f"c: {CYCLE.sentence}") in _flat(against)
    for said in (UNTUNED.sentence, FEW.sentence, "the machine was on fire"):
        assert said in _flat(rest)
        assert said not in _flat(against)
    assert [is_trusted(e) for e in made.entrants] == [True, True, False]
    assert [lacks_draws(e) for e in made.entrants] == [False, True, False]
    assert "No run is flagged." in text_table(report(entrant("a", flags=(FEW,))))


@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_no_value_is_ever_nan_or_empty(missing):
    keys = [c.key for c in COLUMNS if c.key not in ("sampler", "driver", "status")]
    made = report(entrant("a", fall=-0.5, **{k: missing for k in keys if k != "draws"}, period_searched=None))
    text = text_table(made)
    assert "nan" not in text.lower().replace("nanosecond", "")
    assert "None" not in text
    row = {"sampler": "a", "driver": "b"} | dict.fromkeys(keys, missing)
    for key in keys:
        assert cell(row, key) == ("inf" if key == "error" and missing == math.inf else "-")


def test_how_far_a_period_was_looked_for_is_said():
    assert "period -: the full state did not come back within 1,984 to 262,144 draws" in _flat(text_table(line_up()))
    assert "did not come back within" not in text_table(report(entrant("a", period=65_536)))


def test_numbers_are_written_so_that_nothing_is_rounded_to_a_falsehood():
    assert cell({"lyapunov": -1e-9}, "lyapunov") == "0.000"
    assert cell({"lyapunov": -0.25}, "lyapunov") == "-0.250"
    assert cell({"error": 0.0}, "error") == "0"
    assert cell({"period": 2**128}, "period") == "3.40e+38"
    assert cell({"ns_per_draw": 0.5}, "ns_per_draw") == "0.5"
    assert slope_words({"slope": -0.9871, "slope_se": 0.0004}) == "-0.987 ± 0.001"
    assert slope_words({"slope": -0.5, "slope_se": None}) == "-0.50"
    assert slope_words({"slope": -0.001, "slope_se": 0.02}) == "0.00 ± 0.02"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), "ok"),
        ((BIASED,), "! biased"),
        ((DISAGREE,), "! disagree"),
        ((CYCLE,), "! cycle"),
        ((STREAM,), "! stream"),
        ((STREAM, DISAGREE, UNREACHABLE), "! unreachable +2"),
        ((FEW, BIASED), "! biased"),
        ((FEW, UNTUNED), "few draws"),
        ((UNTUNED,), "ok"),
    ],
)
def test_the_word_in_the_table_is_the_gravest_flag(flags, expected):
    assert word(entrant("a", flags=flags)) == expected


def test_phrases_are_of_what_makes_a_run_invalid():
    assert phrases(entrant("a", flags=(FEW, CYCLE, CYCLE))) == ("the orbit repeats itself every 65,536 draws",)
    assert phrases(entrant("a", flags=(FEW, UNTUNED))) == ()


def test_a_report_without_runs_has_a_table():
    assert "No sampler was run." in text_table(report())
