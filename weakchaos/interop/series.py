"""A recorded series from a file: which column, what time lies between two numbers, and what to do about gaps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.interop.columns import Column
from weakchaos.interop.tables import read_columns
from weakchaos.interop.times import spacing

__all__ = ["RecordedSeries", "example_path", "read_series", "transformed"]

_TIME_NAMES = r"(t|time|times|date|dates|datetime|timestamp|year|month|day|hour|minute|second|seconds|sec|ms|epoch|index|idx)\b"
_LISTED = 8


@dataclass(frozen=True)
class RecordedSeries:
    """One column of a file.

    Attributes
    ----------
    values : array of shape (n,)
        float64, int64, or strings.
    name : str
        Of the column.
    source : str
        The file.
    dt : float
        Time between two values; 1 where the file does not tell.
    unit : str
        Of `dt`: ``"s"``, ``"day"``, ``"month"``, the heading of the time column, or ``"step"``.
    notes : tuple of str
        What was chosen and what looks wrong, a sentence each.
    """

    values: np.ndarray
    name: str
    source: str
    dt: float = 1.0
    unit: str = "step"
    notes: tuple[str, ...] = ()


def example_path() -> Path:
    """Where nolds keeps its daily prices of the NASDAQ-100 index, 1990 to 2001 (Yahoo Finance; nolds is under the MIT licence).

    Raises
    ------
    ArgumentError
        When nolds, or this file of it, is not there.
    """
    from importlib.util import find_spec

    # Found, not imported: its data module wants pkg_resources, which recent versions of setuptools lack.
    spec = find_spec("nolds")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        path = Path(folder) / "datasets" / "^NDX.csv"
        if path.is_file():
            return path
    raise ArgumentError("the example is a data set of nolds, which is not installed: pip install nolds, or name a file of your own")


def read_series(path: Any, column: str | int | None = None, gaps: str = "refuse") -> RecordedSeries:
    """Read one column of a file as a series.

    Parameters
    ----------
    path : str or path
        CSV (comma, semicolon, tab or blanks; with or without header and comments), .npy, .npz or parquet.
    column : str or int, optional
        Name of the column or its number, from 0; by default the first column of numbers that is not the time, else the first of text.
    gaps : {"refuse", "longest"}
        What to do about missing values: name them and refuse, or keep the longest stretch without any.

    Returns
    -------
    RecordedSeries
        A column of times is recognised by its name or by dates, or, where columns have no names, as a first one that rises
        steadily. Evenly spaced times give ``dt``; others are reported in ``notes`` and each value counts as one step.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        Columns that do not exist (the message lists those that do), missing values.
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
    columns = read_columns(path)
    time = _time_column(columns, column)
    chosen, notes = _chosen(columns, time, column)
    if chosen.values.dtype.kind == "M":
        raise ArgumentError(f"`column` must hold numbers or labels; {chosen.name!r} holds dates ({_list(columns)})")
    kept = _stretch(chosen, gaps, notes)
    values = chosen.values[kept]
    if values.dtype.kind == "b":
        values = values.astype(np.int64)
    if values.dtype.kind == "f" and not chosen.missing[kept].any() and chosen.missing.any() and _all_whole(values):
        values = values.astype(np.int64)  # only the missing ones had made them floating-point numbers
    dt, unit = 1.0, "step"
    if time is not None and time is not chosen:
        dt, unit = spacing(time, kept, notes)
    return RecordedSeries(values, chosen.name, str(path), dt, unit, tuple(notes))


def _all_whole(values: np.ndarray) -> bool:
    return bool(values.size and (values == np.round(values)).all() and np.abs(values).max() < 2**53)


def _list(columns: list[Column]) -> str:
    named = [f"{k}: {c.name}" if c.named else str(k) for k, c in enumerate(columns[:40])]
    return f"columns are {', '.join(named)}" + (" ..." if len(columns) > 40 else "")


def _pick(columns: list[Column], wanted: str | int) -> Column:
    if isinstance(wanted, bool) or not isinstance(wanted, str | int | np.integer):
        raise ArgumentTypeError(f"`column` must be a name or a number; got {shown(wanted)}")
    if isinstance(wanted, str):
        for same in (lambda a, b: a == b, lambda a, b: a.strip().lower() == b.strip().lower()):
            found = [c for c in columns if c.named and same(c.name, wanted)]
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


def _rising(values: np.ndarray) -> bool:
    return values.size > 2 and bool((np.diff(values) > 0).all())


def _time_column(columns: list[Column], wanted: Any) -> Column | None:
    """The column of times, if there is one besides the series."""
    if len(columns) < 2:
        return None
    for k, c in enumerate(columns):
        if c.missing.all() or c.values.dtype.kind not in "iufM":
            continue
        present = c.values[~c.missing]
        if c.values.dtype.kind == "M":
            return c
        if c.named and re.match(_TIME_NAMES, c.name.strip().lower().replace("_", " ")) and _rising(present):
            return c
        # Tables of R and pandas have an index in front, and a table without names may have its times there.
        if k == 0 and not c.named and _rising(present) and not c.missing.any():
            return c
    return None


def _chosen(columns: list[Column], time: Column | None, wanted: Any) -> tuple[Column, list[str]]:
    if wanted is not None:
        return _pick(columns, wanted), []
    others = [c for c in columns if c is not time and not c.missing.all()]
    candidates = [c for c in others if c.values.dtype.kind in "biuf"] or [c for c in others if c.values.dtype.kind == "U"]
    if not candidates:
        raise ArgumentError(f"`path` must have a column of numbers or labels; there is none ({_list(columns)})")
    first = candidates[0]
    if len(candidates) == 1:
        return first, []
    return first, [f"column {first.name!r} was taken, the first of {', '.join(c.name for c in candidates[:10])}"]


def _stretch(column: Column, gaps: str, notes: list[str]) -> slice:
    if not column.missing.any():
        return slice(0, column.values.size)
    at = np.flatnonzero(column.missing)
    places = ", ".join(str(r) for r in column.rows[at[:_LISTED]]) + (" ..." if at.size > _LISTED else "")
    where = (
        f"{at.size:,} of {column.values.size:,} values are missing or not finite in column {column.name!r} ({column.unit} {places})"
    )
    edges = np.concatenate([[-1], at, [column.values.size]])
    lengths = np.diff(edges) - 1
    best = int(np.argmax(lengths))
    if gaps == "refuse" or lengths[best] < 1:
        raise ArgumentError(
            f"{where}: fill them in, or keep the longest stretch without any, {lengths[best]:,} values, with gaps 'longest'"
        )
    kept = slice(int(edges[best]) + 1, int(edges[best + 1]))
    notes.append(
        f"{where}; kept is the longest stretch without any, {column.unit}s {column.rows[kept][0]} to {column.rows[kept][-1]}"
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
    return RecordedSeries(np.diff(values), f"{word} of {series.name}", series.source, series.dt, series.unit, series.notes)
