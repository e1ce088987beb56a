"""Columns of delimited text: which lines are the table, in which notation its numbers are written, and what its cells mean.

pandas splits the lines into cells.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import FileFormatError, shown
from weakchaos.interop.dates import clock_times, parsed_dates, stamps
from weakchaos.interop.file_columns import Column, marked
from weakchaos.interop.layout import Layout, find_layout, heading
from weakchaos.interop.numerals import as_whole, is_missing, is_number, marks_of, read_numbers, settle

__all__ = ["text_columns", "typed"]

_COMMENTS = ("#", "%", "//")


def typed(column: Column, decimal: str) -> Column:
    """A column of strings as the numbers or dates that are written in them."""
    if column.values.dtype.kind != "U":
        return column
    cells = [str(cell).strip() for cell in column.values]
    shell = replace(column, missing=column.missing | [is_missing(cell) for cell in cells])
    present = [cell for cell, gone in zip(cells, shell.missing, strict=True) if not gone]
    mark, doubt = (decimal, "") if decimal != "auto" else settle(marks_of(present), set(), None)
    return _column("the table", shell, present, mark, doubt, False)


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


def text_columns(path: Path, content: bytes, skip: int, marks: list[Any], decimal: str, notes: list[str]) -> list[Column]:
    """The columns of a text; what a reader should know of them is added to `notes`."""
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
    # The points of 01.02.2024 and of 12:00:00.5 say nothing of the decimal mark of numbers.
    certain = {m.decimal for m, cells in zip(found, present, strict=True) if m is not None and m.certain and _are_numbers(cells)}
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
        out.append(marked(_column(path, shell, present[k], mark, doubt, k == 0), marks))
    return out


def _are_numbers(cells: list[str], asked: int = 40) -> bool:
    """Whether more than half of the first cells are numbers, rather than dates or words."""
    return 2 * sum(map(is_number, cells[:asked])) > min(len(cells), asked)


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
