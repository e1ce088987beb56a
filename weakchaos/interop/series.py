"""A recorded series from a file: the choice of the column, the time between two numbers, and the treatment of gaps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.arguments import is_integer
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, FileFormatError, shown
from weakchaos.core.flags import Flag
from weakchaos.interop.file_columns import Column, is_frame
from weakchaos.interop.missing_marks import missing_flags
from weakchaos.interop.tables import read_columns
from weakchaos.interop.times import find_time, names_time, spacing, turned

__all__ = ["RecordedSeries", "example_path", "read_series", "transformed"]

_LISTED = 8


@dataclass(frozen=True)
class RecordedSeries:
    """One column of a file.

    Attributes
    ----------
    values : array of shape (n,)
        float64, int64, or strings.
    name : str
        Name of the column, without its unit.
    source : str
        The file, or the kind of the table.
    dt : float
        Time between two values; 1 if the file does not tell.
    unit : str
        Unit of `dt`: ``"s"``, ``"day"``, ``"month"``, the heading of the time column, or ``"step"``.
    notes : tuple of str
        Choices that were made and what looks wrong, one sentence each.
    value_unit : str
        Unit of the values, "" if it is not known.
    flags : tuple of Flag
        Values that look like marks of missing data; their sentences stand among `notes`.
    """

    values: np.ndarray
    name: str
    source: str
    dt: float = 1.0
    unit: str = "step"
    notes: tuple[str, ...] = ()
    value_unit: str = ""
    flags: tuple[Flag, ...] = ()


def example_path() -> Path:
    """The path of the daily prices of the NASDAQ-100 index, 1990 to 2001, in nolds (from Yahoo Finance; nolds is under the MIT licence).

    Raises
    ------
    ArgumentError
        If nolds is not installed or does not contain this file.
    """
    from importlib.util import find_spec

    # Found, not imported: its data module wants pkg_resources, which recent versions of setuptools lack.
    spec = find_spec("nolds")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        path = Path(folder) / "datasets" / "^NDX.csv"
        if path.is_file():
            return path
    raise ArgumentError("the example is a data set of nolds, which is not installed: pip install nolds, or pass a file of your own")


def read_series(
    path: Any,
    column: str | int | None = None,
    gaps: str = "refuse",
    *,
    skip: int = 0,
    missing: Sequence[Any] = (),
    decimal: str = "auto",
) -> RecordedSeries:
    """Read one column of a file, or of a table of pandas or polars, as a series.

    Parameters
    ----------
    path : str, path, Series or DataFrame
        CSV (comma, semicolon, bar, tab or blanks; with or without header, row of units, preamble and comments), JSON, .npy, .npz or parquet;
        or a Series or DataFrame, which is taken as it is.
    column : str or int, optional
        Name of the column, with or without its unit, or its number, counted from 0. By default the first column of numbers that vary and are
        not times, else the first column of text.
    gaps : {"refuse", "longest"}
        Treatment of missing values: "refuse" raises an error that lists them, "longest" keeps the longest stretch without missing values.
    skip : int
        Lines above the table that are not read.
    missing : sequence of numbers or str
        Values that mark missing data, such as -999, besides the usual words.
    decimal : {"auto", ".", ","}
        The decimal mark; by default the numbers decide.

    Returns
    -------
    RecordedSeries
        The time column is a column of dates (with times of day beside it, or years beside months, if there are any), a column whose name or
        unit says time, or any column that rises in equal steps. Equal steps give ``dt``; unequal ones are reported in ``notes``, and each value
        counts as one step. If the times descend throughout, the file begins with the newest value, and the series is reversed.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For columns that do not exist (the message lists those that do), missing values, and text that is neither numbers nor labels.
    FileFormatError
        See `read_columns`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     _ = file.write("time,x\\n" + "\\n".join(f"{k / 4},{k * k}" for k in range(9)))
    ...     file.flush()
    ...     series = read_series(file.name)
    >>> series.name, series.dt, series.values[:3].tolist()
    ('x', 0.25, [0, 1, 4])
    """
    if gaps not in ("refuse", "longest"):
        raise ArgumentError(f"`gaps` must be 'refuse' or 'longest'; got {shown(gaps)}")
    found: list[str] = []
    columns = read_columns(path, skip, missing, decimal, found)
    wanted = None if column is None else _pick(columns, column)
    time, counting = find_time(columns, wanted)
    chosen, notes = (wanted, []) if wanted is not None else _chosen(columns, time, counting)
    notes = [*found, *notes]
    if chosen.values.dtype.kind == "M":
        raise ArgumentError(f"`column` must hold numbers or labels; {chosen.name!r} holds dates ({_list(columns)})")
    if chosen.broken:
        raise FileFormatError(chosen.broken)
    _refuse_odd_text(chosen)
    if chosen.doubt:
        notes.append(f"in column {chosen.name!r} {chosen.doubt}; the `decimal` mark can be named")
    if time is not None and turned(time):
        notes.append(
            f"the times in {time.name!r} descend from first to last: the series was reversed, so that the oldest value comes first"
        )
        time, chosen = _turn(time), _turn(chosen)
    elif time is None and columns[0].named and _time_like_text(columns[0]):
        notes.append(
            f"column {columns[0].name!r} could not be read as times ({shown(str(columns[0].values[0]))}): each value counts as one step"
        )
    kept = _stretch(chosen, gaps, notes)
    values = chosen.values[kept]
    if values.dtype.kind == "b":
        values = values.astype(np.int64)
    if values.dtype.kind == "f" and not chosen.missing[kept].any() and chosen.missing.any() and _all_whole(values):
        values = values.astype(np.int64)  # only the missing ones had made them floating-point numbers
    flags: list[Flag] = []
    if values.dtype.kind in "iuf":
        flags = _marks(chosen, kept)
        notes += [flag.sentence for flag in flags]
        notes += [_place_of(flag, chosen) for flag in flags]
    dt, unit = 1.0, "step"
    if time is not None and time is not chosen:
        dt, unit = spacing(time, kept, notes)
    source = f"a {type(path).__name__} of {type(path).__module__.partition('.')[0]}" if is_frame(path) else str(path)
    return RecordedSeries(values, chosen.name, source, dt, unit, tuple(notes), chosen.unit_of_values, tuple(flags))


def _turn(column: Column) -> Column:
    return replace(column, values=column.values[::-1], missing=column.missing[::-1], rows=column.rows[::-1])


def _time_like_text(column: Column) -> bool:
    """Whether a column of text has the heading of a column of times and digits in its cells."""
    return column.values.dtype.kind == "U" and names_time(column) and sum(any(map(str.isdigit, v)) for v in column.values[:20]) > 10


def _refuse_odd_text(column: Column) -> None:
    """Labels repeat; text that hardly does and is made of digits is a way to write numbers that is not known here."""
    if column.values.dtype.kind != "U":
        return
    present = column.values[~column.missing]
    digits = [k for k, cell in enumerate(present[:1000]) if re.match(r"[^\w]?\s?\d|[^\d\s]{1,3}\s?\d+[.,]\d", cell)]
    if present.size and np.unique(present).size > 0.5 * present.size and 2 * len(digits) > min(present.size, 1000):
        place = column.rows[~column.missing][digits[0]]
        raise ArgumentError(
            f"`column` must hold numbers or labels; column {column.name!r} holds text such as {shown(str(present[digits[0]]))} in {column.unit} "
            f"{place}, which is neither a number in a known notation nor a label that is repeated: write numbers as in 1234.5"
        )


def _marks(column: Column, kept: slice) -> list[Flag]:
    """Values that repeat far outside of all others, each with the row in which the first of them stands."""
    values = column.values[kept]
    return [
        replace(
            flag,
            where=column.name,
            numbers={**flag.numbers, "row": int(column.rows[kept][int(np.argmax(values == flag.numbers["value"]))])},
        )
        for flag in missing_flags(values)
    ]


def _place_of(flag: Flag, column: Column) -> str:
    value = flag.numbers["value"]
    return f"the first {value:.10g} of column {column.name!r} stands in {column.unit} {flag.numbers['row']}; `missing` {value:.10g} takes it for no value"


def _all_whole(values: np.ndarray) -> bool:
    return bool(values.size and (values == np.round(values)).all() and np.abs(values).max() < 2**53)


def _list(columns: list[Column]) -> str:
    named = [f"{k}: {c.heading or c.name}" if c.named else str(k) for k, c in enumerate(columns[:40])]
    return f"columns are {', '.join(named)}" + (" ..." if len(columns) > 40 else "")


def _loosely(name: str) -> str:
    return re.sub(r"[\s_]+", " ", name).strip().casefold()


def _pick(columns: list[Column], wanted: str | int) -> Column:
    if not is_integer(wanted) and not isinstance(wanted, str):
        raise ArgumentTypeError(f"`column` must be a name or a number; got {shown(wanted)}")
    if isinstance(wanted, str):
        # As it stands in the file, without the unit, and then whatever the case, the blanks and the line under them.
        ways = [(as_is, part) for as_is in (str, _loosely) for part in ("heading", "name")]
        for way, part in ways:
            found = [c for c in columns if c.named and way(getattr(c, part)) == way(wanted)]
            if len(found) > 1:
                raise ArgumentError(
                    f"`column` must name one column; {len(found)} are called {wanted!r}: give its number ({_list(columns)})"
                )
            if found:
                return found[0]
        if not re.fullmatch(r"-?\d+", wanted.strip()):
            raise ArgumentError(f"`column` must be a column of the file; there is no {wanted!r} ({_list(columns)})")
        wanted = int(wanted)
    if not -len(columns) <= wanted < len(columns):
        raise ArgumentError(f"`column` must be a column of the file; there is no number {wanted} ({_list(columns)})")
    return columns[wanted]


def _chosen(columns: list[Column], time: Column | None, counting: list[Column]) -> tuple[Column, list[str]]:
    """The first column of numbers that vary and do not count time, or the best that there is, and a sentence if there are others."""
    others = [c for c in columns if c is not time and not c.missing.all() and c.values.dtype.kind != "M"]
    series = [c for c in others if not any(c is other for other in counting)] or others
    numbers = [c for c in series if c.values.dtype.kind in "biuf" or c.broken]
    candidates = [c for c in numbers if _varies(c)] or numbers or [c for c in series if c.values.dtype.kind == "U"]
    if not candidates:
        raise ArgumentError(f"`path` must have a column of numbers or labels; there is none ({_list(columns)})")
    first = candidates[0]
    if len(candidates) == 1:
        return first, []
    return first, [f"column {first.name!r} was taken, the first of {', '.join(c.name for c in candidates[:10])}"]


def _varies(column: Column) -> bool:
    present = column.values[~column.missing]
    return bool((present != present[0]).any())


def _stretch(column: Column, gaps: str, notes: list[str]) -> slice:
    if not column.missing.any():
        return slice(0, column.values.size)
    at = np.flatnonzero(column.missing)
    places = ", ".join(str(r) for r in column.rows[at[:_LISTED]]) + (" ..." if at.size > _LISTED else "")
    where = f"{at.size:,} of {column.values.size:,} values are missing or not finite in column {column.name!r} ({column.unit}{'s' * (at.size > 1)} {places})"
    edges = np.concatenate([[-1], at, [column.values.size]])
    lengths = np.diff(edges) - 1
    best = int(np.argmax(lengths))
    if gaps == "refuse" or lengths[best] < 1:
        raise ArgumentError(
            f"{where}: fill them in, or keep the longest stretch without any, {lengths[best]:,} values, with read_series(..., gaps='longest')"
        )
    kept = slice(int(edges[best]) + 1, int(edges[best + 1]))
    notes.append(
        f"{where}; the longest stretch without any was kept, {column.unit}s {column.rows[kept][0]} to {column.rows[kept][-1]}"
    )
    return kept


def transformed(series: RecordedSeries, how: str) -> RecordedSeries:
    """A series of differences, or of differences of logarithms.

    Parameters
    ----------
    series : RecordedSeries
    how : {"none", "differences", "log-returns"}

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> transformed(RecordedSeries(np.array([1.0, 3.0, 2.0]), "x", "file"), "differences").values.tolist()
    [2.0, -1.0]
    """
    if how not in ("none", "differences", "log-returns"):
        raise ArgumentError(f"`transform` must be 'none', 'differences' or 'log-returns'; got {shown(how)}")
    if how == "none":
        return series
    if series.values.dtype.kind not in "iuf":
        raise ArgumentError(f"`transform` must be 'none' for labels; column {series.name!r} holds no numbers")
    values = series.values.astype(np.float64) if how == "log-returns" else series.values
    if how == "log-returns":
        if values.min() <= 0:
            raise ArgumentError(
                f"`transform` 'log-returns' needs positive numbers; the least of column {series.name!r} is {values.min():.6g}"
            )
        values = np.log(values)
    word = "differences" if how == "differences" else "log returns"
    return RecordedSeries(
        np.diff(values),
        f"{word} of {series.name}",
        series.source,
        series.dt,
        series.unit,
        series.notes,
        series.value_unit,
        series.flags,
    )
