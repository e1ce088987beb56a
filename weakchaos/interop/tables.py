"""Columns of a file. Its kind (delimited text, .npy, .npz or parquet) is recognised by its first bytes and not by its name.

pandas splits delimited text into cells; this module decides what the cells mean, in which notation they were written, and which lines stand
above the table.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.arguments import is_real, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, FileFormatError, shown
from weakchaos.interop.dates import clock_times, parsed_dates, stamps
from weakchaos.interop.file_columns import Column, from_frame, from_numpy, from_parquet, is_frame
from weakchaos.interop.layout import Layout, find_layout, heading
from weakchaos.interop.numerals import as_whole, is_missing, marks_of, read_numbers, settle

__all__ = ["read_columns"]

_COMMENTS = ("#", "%", "//")
_FOREIGN = (
    (b"\x89HDF", "an HDF5 file"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"ARROW1", "an Arrow file"),
    (b"\x89PNG", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"\x80\x04", "a pickle, which could run any program"),
    (b"\x80\x05", "a pickle, which could run any program"),
)


def read_columns(
    path: Any, skip: int = 0, missing: Sequence[Any] = (), decimal: str = "auto", notes: list[str] | None = None
) -> list[Column]:
    """All columns of a file, in its order.

    Parameters
    ----------
    path : str, path, or table
        Delimited text (comma, semicolon, bar, tab or blanks; with or without header, units, preamble and comment lines; gzipped or
        not), .npy, .npz or parquet; or a Series or DataFrame of pandas or polars.
    skip : int
        Number of lines of text above the table that are not read; a preamble that can be recognised is skipped without it.
    missing : sequence of numbers or str
        Values that mark missing data, besides the usual words.
    decimal : {"auto", ".", ","}
        The decimal mark; by default the numbers of the file decide.
    notes : list of str, optional
        Sentences on the assumptions that were made are appended to it.

    Returns
    -------
    list of Column

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If there is no such file, or if it is a folder.
    FileFormatError
        If it cannot be read; the message gives the number of the line if there is one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     _ = file.write("t;x\\n0;1.5\\n1;2.5\\n")
    ...     file.flush()
    ...     [(column.name, column.values.tolist()) for column in read_columns(file.name)]
    [('t', [0, 1]), ('x', [1.5, 2.5])]
    """
    notes = [] if notes is None else notes
    skip = whole_number("skip", skip, 0)
    if decimal not in ("auto", ".", ","):
        raise ArgumentError(f"`decimal` must be 'auto', '.' or ','; got {shown(decimal)}")
    marks = [missing] if isinstance(missing, str) or is_real(missing) else list(missing)
    if is_frame(path):
        return [_marked(_typed(column, decimal), marks) for column in from_frame(path, "the table")]
    if not isinstance(path, str | Path):
        raise ArgumentTypeError(
            f"`path` must be the path of a file, or a Series or DataFrame of pandas or polars; got {shown(path)}"
        )
    path = Path(path).expanduser()
    if path.is_dir():
        raise ArgumentError(f"`path` must be a file; {path} is a folder")
    if not path.exists():
        raise ArgumentError(f"there is no file {path}")
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise FileFormatError(f"{path} is damaged: its gzip compression cannot be undone ({error})") from error
    if not content.strip():
        raise FileFormatError(f"{path} is empty")
    binary = content[:4] == b"PAR1" or content[:6] == b"\x93NUMPY" or content[:4] == b"PK\x03\x04"
    if binary and (skip or decimal != "auto"):
        raise ArgumentError(f"`{'skip' if skip else 'decimal'}` is for text; {path} is a binary file")
    if binary:
        columns = from_parquet(path, content) if content[:4] == b"PAR1" else from_numpy(path, content)
        return [_marked(column, marks) for column in columns]
    for magic, what in _FOREIGN:
        if content.startswith(magic):
            raise FileFormatError(f"{path} is {what}: save the series as CSV, .npy or parquet instead")
    return _text(path, content, skip, marks, decimal, notes)


def _typed(column: Column, decimal: str) -> Column:
    """A column of strings as the numbers or dates that are written in them."""
    if column.values.dtype.kind != "U":
        return column
    cells = [str(cell).strip() for cell in column.values]
    shell = replace(column, missing=column.missing | [is_missing(cell) for cell in cells])
    present = [cell for cell, gone in zip(cells, shell.missing, strict=True) if not gone]
    mark, doubt = (decimal, "") if decimal != "auto" else settle(marks_of(present), set(), None)
    return _column("the table", shell, present, mark, doubt, False)


def _marked(column: Column, marks: list[Any]) -> Column:
    """A column with the values that mark missing data taken for missing."""
    found = column.missing.copy()
    for mark in marks:
        if column.values.dtype.kind in "iuf":
            number = _number(mark)
            if number is not None:
                found |= column.values == number
        elif column.values.dtype.kind == "U":
            found |= column.values == str(mark)
    if not (found & ~column.missing).any():
        return column
    values = column.values
    if values.dtype.kind in "iuf":
        values = np.where(found, math.nan, values.astype(np.float64))
    return replace(column, values=values, missing=found)


def _number(mark: Any) -> float | None:
    try:
        return float(mark)
    except (TypeError, ValueError):
        return None


# ---- text ------------------------------------------------------------------------------------------------------------------------------


def _decoded(path: Path, content: bytes) -> str:
    encodings = ["utf-16"] if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for encoding in (*encodings, "latin-1"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    strange = sum((ord(c) < 32 and c not in "\t\n\r\f\x1a") or 0x7F <= ord(c) < 0xA0 for c in text[:20_000])
    if strange > 0.001 * len(text[:20_000]):
        raise FileFormatError(f"{path} is neither text nor .npy, .npz or parquet: it holds bytes that do not occur in text")
    return text


def _records(text: str, skip: int) -> tuple[list[str], list[int], list[int], list[str]]:
    """Lines that are neither blank nor comments, where they stand, where blank ones stand, and the comments above the first."""
    records: list[str] = []
    lines: list[int] = []
    blank: list[int] = []
    remarks: list[str] = []
    for k, line in enumerate(text.splitlines(), start=1):
        if k <= skip or (not records and re.fullmatch(r"\s*\"?sep=.\"?\s*", line)):  # the second is for spreadsheets
            continue
        if line.lstrip().startswith(_COMMENTS):
            if not records:
                remarks.append(line.lstrip().lstrip("#%/ "))
        elif line.strip(" \t\x1a"):
            records.append(line)
            lines.append(k)
        else:
            blank.append(k)
    return records, lines, blank, remarks


def _joined(records: list[str], lines: list[int]) -> tuple[list[str], list[int]]:
    """Records with the headings put together that a quotation spreads over lines."""
    for k, record in enumerate(records[:5]):
        if record.count('"') % 2:
            for end in range(k + 1, min(k + 6, len(records))):
                if records[end].count('"') % 2:
                    whole = " ".join(records[k : end + 1])
                    return [*records[:k], whole, *records[end + 1 :]], lines[: k + 1] + lines[end + 1 :]
    return records, lines


def _cells(path: Path, records: list[str], lines: list[int], layout: Layout) -> list[list[str]]:
    """The table, a list a column, parted by pandas."""
    import pandas as pd

    body, lines = records[layout.first :], lines[layout.first :]
    # A last cell of our own tells how many values each line has; pandas fills up lines that are short.
    end, delimiter = "\x1e", layout.delimiter
    if delimiter == "":
        delimiter = "\x1f"
    mark = f" {end}" if delimiter is None else f"{delimiter}{end}"
    widest = max(record.count(delimiter) if delimiter else len(record.split()) for record in body) + 2
    try:
        frame = pd.read_csv(
            io.StringIO("\n".join(record + mark for record in body)), sep=delimiter or r"\s+", header=None, names=range(widest),
            index_col=False, dtype=object, keep_default_na=False, na_filter=False, skipinitialspace=True, skip_blank_lines=False,
        )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        reason = " ".join(str(error).split())
        where = re.search(r"EOF inside string starting at row (\d+)", reason)
        if where is not None:
            raise FileFormatError(f"{path}, line {lines[int(where[1])]}: a quotation mark is not closed") from error
        raise FileFormatError(f"{path} cannot be read as a table: {reason}") from error
    table = frame.to_numpy(object)
    ends = table == end
    if len(table) != len(body) or not ends.any(axis=1).all():
        raise FileFormatError(f"{path} has a quotation mark that is not closed, or a value that spans lines")
    found = ends.argmax(axis=1)
    for row in np.flatnonzero(found != layout.width):
        # Separators at the end of a line make empty cells.
        if found[row] < layout.width or any(str(cell).strip() for cell in table[row, layout.width : found[row]]):
            raise FileFormatError(
                f"{path}, line {lines[row]}: {found[row]} values where other lines have {layout.width}; lines above a table are left out by `skip`"
            )
    return [[str(cell).strip() for cell in column] for column in table[:, : layout.width].T]


def _text(path: Path, content: bytes, skip: int, marks: list[Any], decimal: str, notes: list[str]) -> list[Column]:
    records, lines, blank, remarks = _records(_decoded(path, content), skip)
    if not records:
        raise FileFormatError(f"{path} holds {'no lines after those that were left out by `skip`' if skip else 'comments only'}")
    records, lines = _joined(records, lines)
    try:
        layout = find_layout(records, lines, remarks)
    except (ValueError, csv.Error) as error:
        raise FileFormatError(f"{path} cannot be read as a table: {error}") from error
    if layout.first >= len(records):
        raise FileFormatError(f"{path} holds a header and no values")
    notes += layout.notes
    columns = _cells(path, records, lines, layout)
    below = lines[layout.first :]
    if layout.width == 1:
        # In a single column a line without anything is a value that is not there; between rows of many it parts blocks.
        inside = [k for k in blank if below[0] < k < below[-1]]
        order = np.argsort(below + inside, kind="stable")
        columns, below = [[(columns[0] + [""] * len(inside))[k] for k in order]], sorted(below + inside)
    words = {str(mark).strip().lower() for mark in marks}
    absent = [[is_missing(cell) or cell.lower() in words for cell in column] for column in columns]
    present = [
        [cell for cell, gone in zip(column, away, strict=True) if not gone] for column, away in zip(columns, absent, strict=True)
    ]
    found = [marks_of(cells) for cells in present]
    certain = {m.decimal for m in found if m is not None and m.certain}
    out = []
    for k, column in enumerate(columns):
        own = heading(layout.names[k]) if layout.names[k] else (str(k), "")
        unit = layout.units[k].strip("[]() ") or own[1]
        mark, doubt = (decimal, "") if decimal != "auto" else settle(found[k], certain, layout.delimiter)
        shell = Column(
            own[0],
            np.array(column),
            np.array(absent[k]),
            np.array(below),
            "line",
            0.0,
            bool(layout.names[k]),
            unit,
            layout.names[k],
        )
        out.append(_marked(_column(path, shell, present[k], mark, doubt, k == 0), marks))
    return out


def _column(path: Any, shell: Column, present: list[str], decimal: str, doubt: str, first: bool) -> Column:
    """A column of cells as numbers, dates, times of day or words, whichever most of them are."""
    missing = shell.missing
    numbers, digits, beside = read_numbers(present, decimal)
    wrong = [k for k, v in enumerate(numbers) if v is None]
    unit = shell.unit_of_values or beside
    if not wrong:
        values: Any = np.full(missing.size, math.nan)
        values[~missing] = np.array(numbers, np.float64)
        missing = missing | ~np.isfinite(values)
        whole = digits is None and not missing.any()
        if whole:
            values = as_whole(numbers, present)
            stamped = (
                stamps(values, shell.heading) if first or re.match(r"(?i)(date|datum|time|zeit|y+m+d*)", shell.heading) else None
            )
            if stamped is not None:
                return replace(shell, values=stamped)
        return replace(
            shell, values=values, missing=missing, quantum=0.5 * 10.0 ** -(digits or 0), unit_of_values=unit, doubt=doubt
        )
    clock = clock_times(present)
    if clock is not None:
        values = np.full(missing.size, math.nan)
        values[~missing] = clock
        decimals = max(len(re.split(r"[.,]", cell)[1]) if re.search(r"[.,]", cell) else 0 for cell in present)
        return replace(shell, values=values, quantum=0.5 * 10.0**-decimals, unit_of_values="s", clock=True)
    dates = parsed_dates(present)
    if dates is not None:
        values = np.full(missing.size, np.datetime64("NaT"), "datetime64[us]")
        values[~missing] = dates[0]
        return replace(shell, values=values, doubt=dates[1])
    if len(wrong) < 0.5 * len(present):
        place = shell.rows[~missing][wrong[0]]
        broken = f"{path}, {shell.unit} {place}: {shown(present[wrong[0]])} is no number, in column {shell.name!r}"
        return replace(shell, broken=f"{broken}; use `missing` for marks of missing data, or `skip` for lines above the table")
    return shell
