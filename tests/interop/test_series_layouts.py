"""Delimited files as instruments, spreadsheets and people of several countries write them."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError, FileFormatError
from weakchaos.diagnostics import analyse_series
from weakchaos.interop.missing_marks import marks_of_missing
from weakchaos.interop.series import read_series

SIZE = 60
X = np.round(np.cumsum(np.random.default_rng(0).standard_normal(SIZE)) * 3, 2)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(text, encoding="utf-8"):
    Path("s.csv").write_bytes(text.encode(encoding))
    return "s.csv"


def shown(value, decimal=".", group="", digits=2):
    return f"{value:,.{digits}f}".replace(",", "G").replace(".", decimal).replace("G", group)


def table(head, *columns, delimiter=";"):
    return "\n".join([*head, *(delimiter.join(row) for row in zip(*columns, strict=True))]) + "\n"


def steps(dt, decimal=",", digits=2):
    return [shown(k * dt, decimal, digits=digits) for k in range(SIZE)]


@pytest.mark.parametrize(
    ("decimal", "group", "delimiter"),
    [
        (",", ".", ";"),
        (",", " ", ";"),
        (",", "\u202f", "\t"),
        (".", "'", ";"),
        (".", "’", "\t"),
        (".", ",", ";"),
        (".", ",", "|"),
        (",", "", " "),
    ],
)
def test_every_way_to_write_thousands_gives_the_same_numbers(decimal, group, delimiter):
    values = 10_000 + 100 * X
    text = table(
        [delimiter.join(["Zeit", "Wert"])], steps(0.5, decimal), [shown(v, decimal, group) for v in values], delimiter=delimiter
    )
    series = read_series(written(text))
    np.testing.assert_allclose(series.values, values, rtol=1e-12)
    assert (series.name, series.dt, series.notes) == ("Wert", 0.5, ())


@pytest.mark.parametrize("times", ["%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y-%m-%d %H:%M:%S.5"])
def test_points_of_dates_are_no_decimal_points(times):
    hours = [datetime(2024, 2, 1) + timedelta(days=k) for k in range(SIZE)]
    values = 100 + np.sin(np.arange(SIZE))
    text = table(["Zeit;Pegel"], [f"{t:{times}}" for t in hours], [f"{v:.3f}".replace(".", ",") for v in values], delimiter=";")
    np.testing.assert_allclose(read_series(written(text)).values, values, atol=5.1e-4)
    # Where another column of numbers has a decimal point, the comma of this one separates thousands.
    text = table(
        ["Zeit;Pegel;mm"], [f"{t:{times}}" for t in hours], ["123,456"] * SIZE, [f"{v:.2f}" for v in values], delimiter=";"
    )
    assert read_series(written(text), column="Pegel").values[0] == 123456


def test_quoted_thousands_and_what_could_be_either():
    values = 1000 + np.arange(SIZE) ** 2
    days = [str(k) for k in range(SIZE)]
    series = read_series(written(table(["day,count"], days, [f'"{v:,}"' for v in values], delimiter=",")))
    np.testing.assert_array_equal(series.values, values)
    assert "commas were taken for thousands separators" in series.notes[0]
    np.testing.assert_allclose(read_series("s.csv", decimal=",").values, values / 1000)
    # Whole numbers below a thousand beside them leave no doubt, and neither do decimals in another column.
    series = read_series(written(table(["day,count"], days, [f'"{v:,}"' for v in values - 500], delimiter=",")))
    np.testing.assert_array_equal(series.values, values - 500)
    assert series.notes == ()
    series = read_series(written("0,123\n1,456\n2,789\n0,004\n"))
    assert series.values.tolist() == [0.123, 1.456, 2.789, 0.004]
    assert read_series(written("p\n0,5\n0,25\n1,75\n")).values.tolist() == [0.5, 0.25, 1.75]


def test_units_and_currencies_beside_numbers():
    series = read_series(written(table(["t,price"], steps(1, "."), [f'"${1500 + v:,.2f}"' for v in X], delimiter=",")))
    np.testing.assert_allclose(series.values, 1500 + X)
    assert series.value_unit == "$"
    for odd in ([f"{v} {'mV' if k % 2 else 'V'}" for k, v in enumerate(X)], [f"{v}~{k}" for k, v in enumerate(X)]):
        with pytest.raises(ArgumentError, match="neither a number"):  # never one symbol a number
            read_series(written(table(["t;x"], steps(1), odd)), "x")


@pytest.mark.parametrize(
    "head", ["Zeit [s];Druck [mbar]", "temps (s);Druck (mbar)", "время, с;Druck in mbar", "Nr;Druck/mbar", "时间(秒);Druck [mbar]"]
)
def test_a_column_that_rises_evenly_is_time_whatever_its_name(head):
    text = table([head], steps(0.02), [shown(v, ",") for v in X])
    for wanted in (None, "Druck", "druck", head.split(";")[1]):
        series = read_series(written(text), wanted)
        assert (series.name, series.dt, series.value_unit) == ("Druck", 0.02, "mbar")
    assert series.unit == ("unit of 'Nr'" if head.startswith("Nr") else series.unit)
    np.testing.assert_allclose(series.values, X)


def test_a_counter_gives_way_to_a_time_and_neither_is_the_series():
    series = read_series(written(table(["Nr;Takt;Wert"], map(str, range(SIZE)), steps(0.02), [shown(v, ",") for v in X])))
    assert (series.name, series.dt, series.notes) == ("Wert", 0.02, ())
    falling = read_series(written(table(["a;b"], [shown(v, ",") for v in X], steps(0.02)[::-1])))
    assert (falling.name, falling.dt) == ("a", 1.0)  # what falls evenly without a name of time is no time
    several = "a;b;Druck [bar];Druck [mbar]\n" + "".join(f"{k};{v};{v};{v}\n" for k, v in enumerate(X))
    with pytest.raises(ArgumentError, match="2 are called 'Druck'"):
        read_series(written(several), "Druck")
    assert read_series("s.csv", "Druck [bar]").value_unit == "bar"


DAYS = np.arange("2020-01-20", "2020-03-20", dtype="M8[D]").astype(object)


@pytest.mark.parametrize(
    ("form", "dt", "unit"),
    [("%d.%m.%Y", 1.0, "day"), ("%d/%m/%Y", 1.0, "day"), ("%m/%d/%Y", 1.0, "day"), ("%m/%d/%y", 1.0, "day"), ("%Y/%m/%d", 1.0, "day"), ("%Y%m%d", 1.0, "day"),
     ("%d-%b-%Y", 1.0, "day"), ("%b %d %Y", 1.0, "day"), ("%d.%m.%Y 12:30", 1.0, "day")],
)  # fmt: skip
def test_dates_in_many_orders(form, dt, unit):
    text = table(["date;x"], [day.strftime(form) for day in DAYS], map(str, X))
    series = read_series(written(text))
    assert (series.dt * (86_400 if "12:30" not in form else 1), series.notes) == (86_400.0, ())
    back = read_series(written(table(["date;x"], [day.strftime(form) for day in DAYS[::-1]], map(str, X[::-1]))))
    np.testing.assert_array_equal(back.values, X)  # the newest first
    assert "reversed" in back.notes[0]


def test_times_in_several_columns():
    hours = range(SIZE)
    series = read_series(
        written(
            table(
                ["Datum;Uhrzeit;Pegel"],
                [f"{1 + k // 24:02d}.03.2020" for k in hours],
                [f"{k % 24:02d}:00" for k in hours],
                map(str, X),
            )
        )
    )
    assert (series.name, series.dt, series.unit) == ("Pegel", 3600.0, "s")
    months = [[str(1990 + k // 12) for k in hours], [str(1 + k % 12) for k in hours], list(map(str, X))]
    for head in (["Jahr;Monat;Abfluss"], ["year;month;Q"], []):
        series = read_series(written(table(head, *months)))
        assert (series.dt, series.unit) == (1.0, "month")
        np.testing.assert_array_equal(series.values, X)
    series = read_series(written(table(["Uhrzeit;p"], [f"{(22 + k // 6) % 24}:{10 * (k % 6):02d}" for k in hours], map(str, X))))
    assert (series.name, series.dt) == ("p", 600.0)  # past midnight
    series = read_series(written(table(["date;x"], [f"01/02/2020 00:{k:02d}" for k in hours], map(str, X))))
    assert (series.dt, series.notes) == (60.0, ())


PREAMBLES = {
    "key and value": "Instrument X\nChannel;A\nDate;2020-01-01\n\n",
    "padded": "Instrument X;\nSerial;123\n;\n",
    "numbers": "Rate;50\nSamples;60\n",
    "none": "",
}


@pytest.mark.parametrize("preamble", PREAMBLES.values(), ids=PREAMBLES)
@pytest.mark.parametrize("units", ["", "s;mV\n", "[s];[mV]\n", "(s);(mV)\n"])
def test_preambles_and_rows_of_units(preamble, units):
    series = read_series(written(f"{preamble}time;volt\n{units}" + table([], steps(0.02), map(str, X))))
    assert (series.name, series.dt, series.value_unit) == ("volt", 0.02, "mV" if units else "")
    assert series.unit == ("s" if units else "unit of 'time'")
    assert ["preamble" in note for note in series.notes] == [True] * bool(preamble)
    skipped = read_series("s.csv", skip=preamble.count("\n"))
    assert (skipped.name, skipped.notes) == ("volt", ())
    np.testing.assert_array_equal(skipped.values, X)
    if "Rate" in preamble:
        assert read_series("s.csv", skip=1).name == "volt"


def test_a_line_that_does_not_belong_is_named_and_no_preamble():
    body = table([], steps(0.02), map(str, X))
    for text, match in (
        (f"t;x\n{body}Mean;3\n", "line 62: 'Mean' is no number"),
        (f"t;x\n{body}end\n", "line 62: 1 values where other lines have 2"),
        (f"t;x\n{body}t;x\n{body}", "line 62: 't' is no number"),
        (
            "t,x\n" + table([], steps(0.02), [shown(v, ",") for v in X], delimiter=","),
            "line 1 has 2 names and the lines below have 4 values",
        ),
    ):
        with pytest.raises(FileFormatError, match=match):
            read_series(written(text), 0)
    with pytest.raises(FileFormatError, match="left out by `skip`"):
        read_series("s.csv", skip=1000)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('"Time, s";"Pressure; total (Pa)"', ["Time", "Pressure; total"]),
        ('"Time\n(s)";"Pressure\n(Pa)"', ["Time", "Pressure"]),
        ("sep=;\nTime [s];Pressure [Pa];", ["Time", "Pressure"]),
    ],
)
def test_headings_as_spreadsheets_write_them(text, names):
    for end in ("", ";"):
        body = "".join(f"{k / 10};{v}{end}\n" for k, v in enumerate(X))
        series = read_series(written(f"{text}\n{body}"))
        assert (series.name, series.dt, series.unit, series.value_unit) == (names[1], 0.1, "s", "Pa")
        np.testing.assert_array_equal(series.values, X)


def test_headings_with_blanks():
    series = read_series(written("RR interval (ms)\n" + "".join(f"{800 + k % 7}\n" for k in range(SIZE))))
    assert (series.name, series.value_unit) == ("RR interval", "ms")
    body = "".join(f"{k / 10}  {v}\n" for k, v in enumerate(X))
    for head in ("Time (s)  Static pressure (Pa)", "Time (s) Pressure (Pa)"):
        assert read_series(written(f"{head}\n{body}")).dt == 0.1
    series = read_series(written("t;x\n" + "".join(f"{k};{v};ok\n" for k, v in enumerate(X))))
    assert (series.name, "last column" in series.notes[0]) == ("x", True)  # remarks behind the last name
    series = read_series(written("Made by\tX\n\ntime\tvolt\tremark\n" + "".join(f"{k}\t{v}\n" for k, v in enumerate(X))))
    assert (series.name, "3 names for 2 columns" in series.notes[0]) == ("volt", True)  # remarks that nobody made


def test_marks_of_missing_data_are_named():
    y = np.round(X, 3)
    y[5::10], y[7::20], y[[3, 33]] = -999, -9999, 9999
    assert {v for v, _, _ in marks_of_missing(y)} == {-999, -9999, 9999}
    series = read_series(written("level\n" + "\n".join(map(str, y))))
    assert any("6 of 60 numbers are -999" in note for note in series.notes)
    assert any("stands in line 7" in note for note in series.notes)
    cut = read_series("s.csv", gaps="longest", missing=[-999, "-9999", 9999.0])
    assert abs(cut.values).max() < 100
    with pytest.raises(ArgumentError, match="11 of 60 values are missing"):
        read_series("s.csv", missing=["-999", "-9999", "9999"])
    rng = np.random.default_rng(1)
    assert marks_of_missing(np.where(np.arange(500) % 50 == 3, 0.0, 800 + rng.integers(0, 90, 500)))[0][0] == 0
    # Neither heavy tails nor pulses of one height nor what is clipped is taken for missing data.
    for fine in (
        rng.standard_cauchy(3000),
        np.repeat([0.0, 0.0, 7.0], 100),
        np.minimum(rng.exponential(size=500), 2.0),
        rng.poisson(3, 500),
    ):
        assert marks_of_missing(fine) == []


def test_what_analyse_series_says_of_tables_and_columns():
    pandas = pytest.importorskip("pandas")
    x = np.random.default_rng(2).standard_normal(300)
    index = pandas.date_range("2020-01-01", periods=300, freq="h")
    report = analyse_series(pandas.Series(x, index, name="level"), surrogates=19)
    assert (report.name, report.dt, report.unit) == ("level", 3600.0, "s")
    assert analyse_series(pandas.Series(x, index), dt=0.5, unit="h", surrogates=19).dt == 0.5
    x[[10, 20, 30]] = -999.0
    column = analyse_series(x[:, None], surrogates=19)
    assert column.kind != "discrete"  # a column is a series
    assert any("-999" in warning for warning in column.warnings)


def test_tables_of_pandas_are_taken_as_they_are():
    pandas = pytest.importorskip("pandas")
    index = pandas.date_range("2020-01-01", periods=SIZE, freq="h")
    frame = pandas.DataFrame({"p [bar]": X, "label": ["a", "b"] * 30, "n": pandas.array([1, None] * 30, dtype="Int64")}, index)
    series = read_series(frame)
    assert (series.name, series.value_unit, series.dt, series.unit, series.source) == (
        "p",
        "bar",
        3600.0,
        "s",
        "a DataFrame of pandas",
    )
    assert read_series(frame, 1).values.tolist() == ["a", "b"] * 30
    with pytest.raises(ArgumentError, match="30 of 60 values are missing"):
        read_series(frame, "n")
    for own, dt, unit in (
        (pandas.period_range("2020-01", periods=SIZE, freq="M"), 1.0, "month"),
        (pandas.timedelta_range(0, periods=SIZE, freq="20ms"), 0.02, "s"),
        (index.tz_localize("Europe/Berlin"), 3600.0, "s"),
        (pandas.Index(np.arange(SIZE) / 4, name="t [ms]"), 0.25, "ms"),
        (pandas.Index([str(day) for day in DAYS]), 1.0, "day"),
        (pandas.RangeIndex(SIZE), 1.0, "step"),
    ):
        series = read_series(pandas.Series(X, own))
        assert (series.dt, series.unit, series.values.tolist()) == (dt, unit, X.tolist())
    assert "reversed" in read_series(pandas.Series(X, index[::-1])).notes[0]
    assert "not evenly spaced" in read_series(pandas.Series(X, index).drop(index[7])).notes[0]
    np.save("column.npy", X[:, None])
    assert read_series("column.npy").values.tolist() == X.tolist()


def test_a_decimal_is_never_a_group_of_thousands(tmp_path):
    """0.126 and -0,006 in one column: two decimal marks, and not a number beside minus six."""
    path = tmp_path / "marks.csv"
    path.write_text("t;v\n" + "".join(f"{k};{f'0.{126 + k}' if k % 2 else f'-0,{126 + k}'}\n" for k in range(40)))
    with pytest.raises(ValueError, match=r"'-0,126' in line 2, which is neither a number"):
        read_series(path)
    path.write_text("t;v\n" + "".join(f"{k};{'1,126' if k % 2 else '12,006'}\n" for k in range(40)))
    assert read_series(path).values[0] in (12006, 12.006)  # the negative control: either reading is possible, and one is taken


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"time": [0.5 * k for k in range(SIZE)], "level": X.tolist()}),
        json.dumps([{"time": 0.5 * k, "level": x} for k, x in enumerate(X.tolist())], indent=1),
        "\n".join(json.dumps({"time": 0.5 * k, "level": x}) for k, x in enumerate(X.tolist())),
    ],
    ids=["lists by name", "list of records", "one record a line"],
)
def test_json_is_read_as_the_table_that_it_is(text):
    Path("levels.json").write_text(text)
    series = read_series("levels.json")
    assert (series.name, series.dt) == ("level", 0.5)
    assert series.values.tolist() == X.tolist()


def test_json_of_one_list_is_a_series_and_of_other_forms_an_error():
    Path("list.json").write_text(json.dumps(X.tolist()))
    assert read_series("list.json").values.tolist() == X.tolist()
    for other in ({"meta": {"device": "A"}, "data": X.tolist()}, [{"x": [1, 2]}, {"x": [3, 4]}], {"a": [1], "b": [1, 2]}):
        Path("other.json").write_text(json.dumps(other))
        with pytest.raises(FileFormatError, match="JSON"):
            read_series("other.json")


@pytest.mark.parametrize("text", [" ".join(map(str, X)), ",".join(map(str, X)) + "\n", "time,level\n"])
def test_a_table_of_one_row_is_no_series(text):
    """A series written along a line was once read as its first number."""
    Path("row.csv").write_text(text)
    with pytest.raises(FileFormatError, match="one row"):
        read_series("row.csv")
