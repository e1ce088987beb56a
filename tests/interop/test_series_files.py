import contextlib
import gzip
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, FileFormatError
from weakchaos.interop.series import RecordedSeries, example_path, read_series, transformed
from weakchaos.interop.tables import read_columns


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(text, name="s.csv", encoding="utf-8"):
    Path(name).write_bytes(text.encode(encoding))
    return name


numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)
tables = st.integers(1, 4).flatmap(lambda k: st.lists(st.lists(numbers, min_size=k, max_size=k), min_size=2, max_size=30))


@given(tables, st.sampled_from([",", ";", "\t", " ", ", ", "; "]), st.booleans(), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_is_read(tmp_path_factory, rows, delimiter, header, comments, end):
    width = len(rows[0])
    lines = [delimiter.join(map(repr, row)) for row in rows]
    if header:
        lines.insert(0, delimiter.join(f"column_{k}" for k in range(width)))
    if comments:
        lines.insert(0, "# made by hand on a rainy day")
        lines.append("")
    path = tmp_path_factory.mktemp("t") / "s.txt"
    path.write_bytes(end.join(lines).encode())
    columns = read_columns(path)
    assert [c.name for c in columns] == [f"column_{k}" if header else str(k) for k in range(width)]
    np.testing.assert_array_equal(np.array([c.values for c in columns]).T, rows)
    for k in range(width):
        np.testing.assert_array_equal(read_series(path, k).values, np.array(rows)[:, k])


@given(arrays(np.float64, st.integers(2, 40), elements=numbers), st.sampled_from(["npy", "npz", "gz"]))
def test_arrays_round_trip(tmp_path_factory, x, kind):
    path = tmp_path_factory.mktemp("t") / f"s.{kind}"
    if kind == "npy":
        np.save(path, x)
    elif kind == "npz":
        np.savez(path, x=x)
    else:
        path.write_bytes(gzip.compress("\n".join(map(repr, x.tolist())).encode()))
    np.testing.assert_array_equal(read_series(path).values, x)


def test_the_first_bytes_decide_and_not_the_name():
    np.save("odd.npy", np.arange(5.0))
    Path("odd.npy").rename("odd.csv")
    assert read_series("odd.csv").values.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("text", "name", "dt", "unit"),
    [
        ("time,x\n0,5\n0.25,6\n0.5,7\n0.75,9\n", "x", 0.25, "unit of 'time'"),
        ("t [ms];x\n0;5\n2;6\n4;7\n", "x", 2.0, "ms"),
        ("x,seconds\n5,10\n6,20\n7,30\n", "x", 10.0, "s"),
        ("0 5\n0.1 6\n0.2 5\n0.3 9\n", "1", 0.1, "unit of time"),
        (",x\n0,5\n1,7\n2,6\n", "x", 1.0, "unit of time"),  # the index of a table of pandas
        ("x\n5\n6\n7\n", "x", 1.0, "step"),
        ("date,x\n2020-02-01,5\n2020-03-01,6\n2020-04-01,7\n", "x", 1.0, "month"),
        ("date,x\n2019-12-31,5\n2020-12-31,6\n2021-12-31,7\n", "x", 1.0, "year"),
        ("when,x\n2020-02-28,5\n2020-02-29,6\n2020-03-01,7\n", "x", 1.0, "day"),
        ("when,x\n2020-01-01T00:00:00Z,5\n2020-01-01T00:00:30Z,6\n2020-01-01T00:01:00+00:00,7\n", "x", 30.0, "s"),
        ("t,x\n0.00,5\n0.33,6\n0.67,7\n1.00,7\n1.33,7\n1.67,7\n2.00,8\n", "x", 0.333, "unit of 't'"),  # rounded to two digits
    ],
)
def test_a_column_of_times_gives_dt(text, name, dt, unit):
    series = read_series(written(text))
    assert (series.name, series.unit, series.notes) == (name, unit, ())
    assert series.dt == pytest.approx(dt, rel=2e-3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("t,x\n0,5\n1,6\n2,7\n7,8\n8,9\n", "not evenly spaced: steps from 1 to 5"),
        ("t,x\n" + "".join(f"{k + (k > 40) * 0.5},{k * k % 7}\n" for k in range(80)), "not evenly spaced"),
        ("date,x\n2020-01-01,5\n2020-01-03,6\n2020-01-02,7\n", "do not rise, first at line 4"),
        ("date,x\n2020-01-01,5\n,6\n2020-01-02,7\n", "1 are missing"),
    ],
)
def test_times_that_are_not_even_are_reported(text, said):
    series = read_series(written(text))
    assert (series.dt, series.unit) == (1.0, "step")
    assert said in series.notes[0]


def test_which_column_is_taken():
    path = written("t,u,label,v\n0,1,a,4\n1,2,b,5\n2,3,a,6\n")
    assert read_series(path).name == "u"
    assert read_series(path).notes == ("column 'u' was taken, the first of u, v",)
    assert read_series(path, "v").values.tolist() == [4, 5, 6]
    assert read_series(path, "V").name == read_series(path, 3).name == read_series(path, "-1").name == "v"
    assert read_series(path, "label").values.tolist() == ["a", "b", "a"]
    assert read_series(path, "t").values.tolist() == [0, 1, 2]
    assert read_series(written("a\nb\na\nb\n")).values.tolist() == ["a", "b", "a", "b"]
    assert read_series(written("mood\nup\ndown\nup\nup\n")).name == "mood"
    path = written("t,u,label,v\n0,1,a,4\n1,2,b,5\n2,3,a,6\n")
    with pytest.raises(ArgumentError, match=r"there is no 'w' \(columns are 0: t, 1: u, 2: label, 3: v\)"):
        read_series(path, "w")
    with pytest.raises(ArgumentError, match="there is no number 4"):
        read_series(path, 4)
    with pytest.raises(ArgumentTypeError, match="`column` must be a name or a number"):
        read_series(path, 1.5)
    with pytest.raises(ArgumentError, match="2 are called 'x'"):
        read_series(written("x,x\n1,2\n3,4\n"), "x")
    with pytest.raises(ArgumentError, match="holds dates"):
        read_series(written("d,x\n2020-01-01,5\n2020-01-02,6\n"), "d")


def test_numbers_as_people_write_them():
    assert read_series(written("a;b\n1,5;2,25\n-3,5e1;0,5\n"), "a").values.tolist() == [1.5, -35.0]
    assert read_series(written('"a";"b"\n"1.5";"x, y"\n"2.5";"z"\n'), "a").values.tolist() == [1.5, 2.5]
    assert read_series(written("x\r\n1\r\n2\r\n", encoding="utf-16")).values.tolist() == [1, 2]
    assert read_series(written("\ufeffx\n1\n2\n")).name == "x"
    assert read_series(written("Größe\n1\n2\n", encoding="latin-1")).name == "Größe"
    assert read_series(written("# t x\n0 5\n1 7\n2 7\n")).name == "x"  # the header that numpy.savetxt writes
    assert read_series(written("% a comment\n// another\n1\n2\n")).values.tolist() == [1, 2]
    whole = read_series(written("1\n2\n30\n")).values
    assert whole.dtype == np.int64
    assert read_series(written("1\n2.0\n30\n")).values.dtype == np.float64


def test_missing_values_are_named_and_refused_or_cut_around():
    path = written("x\n" + "\n".join(["1", "2", "", "4", "5", "6", "nan", "8", "inf", "9"]) + "\n\n")
    with pytest.raises(
        ArgumentError, match=r"3 of 10 values are missing or not finite in column 'x' \(lines 4, 8, 10\).* 3 values"
    ):
        read_series(path)
    assert read_series(path, gaps="longest").values.tolist() == [4, 5, 6]
    assert read_series(written("1 2\n3 4\n\n5 6\n"), 1).values.tolist() == [2, 4, 6]  # blocks, as gnuplot likes them
    path = written("t,x\n" + "\n".join(f"{k},{v}" for k, v in enumerate(["1", "NA", "3", "4", "5", "-", "7"])) + "\n")
    with pytest.raises(ArgumentError, match=r"2 of 7 values .*\(lines 3, 7\)"):
        read_series(path)
    kept = read_series(path, gaps="longest")
    assert (kept.values.tolist(), kept.values.dtype) == ([3, 4, 5], np.int64)
    assert "lines 4 to 6" in kept.notes[0]
    np.save("gap.npy", [0.0, np.nan, 2.0, 3.0, np.inf])
    with pytest.raises(ArgumentError, match=r"\(rows 1, 4\)"):
        read_series("gap.npy")
    assert read_series("gap.npy", gaps="longest").values.tolist() == [2.0, 3.0]
    with pytest.raises(ArgumentError, match="`gaps` must be"):
        read_series("gap.npy", gaps="fill")
    with pytest.raises(ArgumentError, match="there is none"):
        read_series(written("x\nnan\nnan\n"))


def test_arrays_of_many_shapes():
    np.save("a.npy", np.arange(12).reshape(6, 2))
    assert read_series("a.npy", 1).values.tolist() == [1, 3, 5, 7, 9, 11]
    np.save("a.npy", np.arange(12).reshape(2, 6))  # series along rows
    assert read_series("a.npy", 1).values.tolist() == [6, 7, 8, 9, 10, 11]
    np.save("a.npy", np.array([(0.0, 5), (0.5, 6), (1.0, 8)], [("t", "f8"), ("x", "i4")]))
    series = read_series("a.npy")
    assert (series.name, series.dt, series.values.tolist()) == ("x", 0.5, [5, 6, 8])
    np.savez("a.npz", time=np.arange(4) / 8, x=np.ones((4, 2)), flag=np.array([True, False, True, True]))
    assert [c.name for c in read_columns("a.npz")] == ["time", "x[0]", "x[1]", "flag"]
    assert (read_series("a.npz").dt, read_series("a.npz", "flag").values.tolist()) == (0.125, [1, 0, 1, 1])
    np.save("a.npy", np.array(["a", "bc", "a"]))
    assert read_series("a.npy").values.tolist() == ["a", "bc", "a"]
    np.save("a.npy", np.array([b"a", b"b"]))
    assert read_series("a.npy").values.tolist() == ["a", "b"]
    np.savez("a.npz", d=np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "datetime64[D]"), x=np.arange(3.0))
    assert (read_series("a.npz").dt, read_series("a.npz").unit) == (1.0, "day")


def test_files_that_cannot_be_read_say_why(tmp_path):
    rng = np.random.default_rng(0)

    def refused(match, content, name="bad.csv", error=FileFormatError):
        Path(name).write_bytes(content)
        with pytest.raises(error, match=match) as caught:
            read_series(name)
        assert "\n" not in str(caught.value)

    refused("is empty", b"")
    refused("is empty", b" \n\n")
    refused("comments only", b"# nothing\n")
    refused("line 3: 3 values where other lines have 2", b"a,b\n1,2\n1,2,3\n4,5\n6,7\n")
    refused("line 4: 'oops' is no number, in column 'x'", b"x\n1\n2\noops\n4\n")
    refused("neither text nor", rng.bytes(5000))
    refused("quotation mark", b"a,b\n" + 20 * b"1,2\n" + b'"3,4\n5,6\n')
    refused("damaged", b"\x93NUMPY" + rng.bytes(50))
    refused("damaged", b"PK\x03\x04" + rng.bytes(50))
    refused("gzip", b"\x1f\x8b" + rng.bytes(50))
    refused("pickle", b"\x80\x04\x95abc")
    refused("HDF5", b"\x89HDF\r\n\x1a\n")
    whole = io.BytesIO()
    np.save(whole, np.arange(100.0))
    refused("damaged", whole.getvalue()[:-50])
    objects = io.BytesIO()
    np.save(objects, np.array([1, "a", None], object), allow_pickle=True)
    refused("Python objects, which are not unpickled", objects.getvalue())
    for array, match in ((np.ones(3, complex), "dtype complex"), (np.ones((2, 2, 2)), "one or two axes"), (np.float64(1), "axes")):
        np.save("bad.npy", array)
        refused(match, Path("bad.npy").read_bytes())
    np.save("bad.npy", np.empty(0))
    refused("holds no values", Path("bad.npy").read_bytes())
    import zipfile

    with zipfile.ZipFile("book.xlsx", "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>")
    refused("save the sheet as CSV", Path("book.xlsx").read_bytes())
    with pytest.raises(ArgumentError, match="is a folder"):
        read_series(tmp_path)
    with pytest.raises(ArgumentError, match="there is no file"):
        read_series("none.csv")
    with pytest.raises(ArgumentTypeError, match="`path` must be the path"):
        read_series(3)


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_give_a_series_or_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("t") / "s"
    path.write_bytes(content)
    with contextlib.suppress(ArgumentError, FileFormatError):
        assert read_series(path).values.ndim == 1


def test_parquet(monkeypatch):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table(
        {
            "when": np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "datetime64[us]"),
            "x": [1.5, None, 2.5],
            "k": [1, 2, 3],
            "word": pyarrow.array(["a", "b", "a"]).dictionary_encode(),
        }
    )
    parquet.write_table(table, "s.parquet")
    assert [c.name for c in read_columns("s.parquet")] == ["when", "x", "k", "word"]
    series = read_series("s.parquet", "k")
    assert (series.values.tolist(), series.dt, series.unit) == ([1, 2, 3], 1.0, "day")
    assert read_series("s.parquet", "word").values.tolist() == ["a", "b", "a"]
    with pytest.raises(ArgumentError, match="row 1"):
        read_series("s.parquet", "x")
    Path("cut.parquet").write_bytes(Path("s.parquet").read_bytes()[:100])
    with pytest.raises(FileFormatError, match="damaged"):
        read_series("cut.parquet")


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    Path("s.parquet").write_bytes(b"PAR1....PAR1")
    with pytest.raises(FileFormatError, match=r"pip install 'weakchaos\[parquet\]'"):
        read_series("s.parquet")


def test_transforms():
    series = RecordedSeries(np.array([1.0, 2.0, 8.0]), "x", "file", dt=2.0)
    assert transformed(series, "none") is series
    assert transformed(series, "differences").values.tolist() == [1.0, 6.0]
    np.testing.assert_allclose(transformed(series, "log-returns").values, np.log([2.0, 4.0]))
    assert (transformed(series, "log-returns").name, transformed(series, "log-returns").dt) == ("log returns of x", 2.0)
    for values, how, match in (
        ([1.0, 0.0], "log-returns", "positive numbers"),
        (["a", "b"], "differences", "holds no numbers"),
        ([1.0, 2.0], "square", "`transform` must be"),
    ):
        with pytest.raises(ArgumentError, match=match):
            transformed(RecordedSeries(np.array(values), "x", "file"), how)


def test_the_example_is_there_and_is_what_it_says():
    series = transformed(read_series(example_path(), "Close"), "log-returns")
    assert (series.values.size, series.values.dtype) == (2861, np.float64)
    assert "not evenly spaced: steps from 1 to" in series.notes[0]  # weekends
    assert 0.01 < series.values.std() < 0.03


def test_the_example_without_nolds(monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ArgumentError, match="pip install nolds"):
        example_path()
