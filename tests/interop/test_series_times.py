"""Columns of files that hold times, and those that only look so."""

import math

import numpy as np
import pytest

from tests.interop.test_series_layouts import written
from weakchaos.interop.series import read_series


def test_times_that_repeat_are_no_series(tmp_path):
    """Stamps rounded to whole seconds of two values a second: the column of values is the series, and its steps are counted."""
    path = tmp_path / "stamps.csv"
    path.write_text("time,v\n" + "".join(f"{k // 2},{math.sin(k):.4f}\n" for k in range(60)))
    series = read_series(path)
    assert series.name == "v"
    assert (series.dt, series.unit) == (1.0, "step")
    assert any("do not rise" in note for note in series.notes)


def test_a_column_that_falls_evenly_is_no_series(tmp_path):
    path = tmp_path / "depth.csv"
    path.write_text("z,temperature\n" + "".join(f"{1000 - 2 * k},{math.sin(k):.4f}\n" for k in range(60)))
    series = read_series(path)
    assert (series.name, series.dt, series.unit) == ("temperature", 1.0, "step")  # nothing says that z is a time
    assert series.values[1] == pytest.approx(math.sin(1), abs=1e-4)  # and nothing is turned
    assert read_series(path, column="z").name == "z"
    path.write_text("time,temperature\n" + "".join(f"{1000 - 2 * k},{math.sin(k):.4f}\n" for k in range(60)))
    assert read_series(path).values[-1] == pytest.approx(0.0, abs=1e-4)  # the negative control: the newest stands first


def test_row_numbers_without_a_name_beside_a_column_of_times(tmp_path):
    """As write.table of R writes them: the names are one fewer than the columns, and rows are numbered."""
    path = tmp_path / "table.txt"
    path.write_text('"time" "x"\n' + "".join(f'"{k + 1}" {0.2 * k:.1f} {k * k}\n' for k in range(40)))
    series = read_series(path)
    assert (series.name, series.dt, series.values.tolist()) == ("x", 0.2, [k * k for k in range(40)])
    path.write_text("time,x\n" + "".join(f"{k},{k * k},{'good' if k % 3 else 'bad'}\n" for k in range(40)))  # a remark has no name
    series = read_series(path)
    assert (series.name, series.dt, series.values.tolist()) == ("x", 1.0, [k * k for k in range(40)])


@pytest.mark.parametrize(("freq", "expected"), [("D", (1.0, "day")), ("MS", (1.0, "month")), ("h", (3600.0, "s"))])
@pytest.mark.parametrize("written", [True, False])
def test_days_and_months_of_a_zone_that_changes_its_clocks(tmp_path, freq, expected, written):
    pandas = pytest.importorskip("pandas")
    index = pandas.date_range("2020-01-01", periods=8000 if freq == "h" else 400, freq=freq, tz="Europe/Berlin")
    table = pandas.DataFrame({"level": np.arange(len(index)) % 7}, index=index)
    if written:
        table.to_csv(tmp_path / "level.csv")
    series = read_series(tmp_path / "level.csv" if written else table)
    assert (series.dt, series.unit) == expected
    assert not any("evenly" in note for note in series.notes)


@pytest.mark.parametrize("name", ["time", "Zeit [s]", "t"])
def test_times_that_begin_again_or_are_mixed_are_not_the_series(tmp_path, name):
    """Two recordings one below the other, and rows in another order: the time column is still that of the times, and it is said where it does not rise."""
    values = np.round(np.sin(np.arange(40.0) ** 2), 4)
    twice = "".join(f"{0.5 * k},{v}\n" for k, v in enumerate(values)) * 2
    order = np.random.default_rng(0).permutation(40)
    mixed = "".join(f"{0.5 * k},{values[k]}\n" for k in order)
    for rows, expected in ((twice, np.tile(values, 2)), (mixed, values[order])):
        series = read_series(written(f"{name},x\n{rows}"))
        assert series.name == "x"
        np.testing.assert_allclose(series.values, expected)
        assert series.unit == "step"
        assert any("do not rise" in note for note in series.notes)


def test_a_counter_that_begins_again_is_not_the_series_and_a_permutation_is():
    values = np.round(np.sin(np.arange(40.0) ** 2), 4)
    counted = read_series(written("frame,x\n" + "".join(f"{k},{v}\n" for k, v in enumerate(values)) * 2))
    assert counted.name == "x"
    whole_numbers = np.random.default_rng(0).permutation(40)
    assert read_series(written("a,b\n" + "".join(f"{k},{v}\n" for k, v in zip(whole_numbers, values, strict=True)))).name == "a"
