"""Columns of a file. What it is, delimited text, .npy, .npz or parquet, is read off its first bytes and not off its name."""

from __future__ import annotations

import csv
import gzip
import math
import re
import zlib
from collections import Counter
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, FileFormatError, shown
from weakchaos.interop.columns import Column, from_numpy, from_parquet

__all__ = ["read_columns"]

_MISSING = {"", "na", "n/a", "nan", "null", "none", "nil", "-", "--", "?", ".", "#n/a", "missing", "<na>", "inf", "-inf", "+inf"}
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


def read_columns(path: Any) -> list[Column]:
    """All columns of a file, in its order.

    Parameters
    ----------
    path : str or path
        Delimited text (comma, semicolon, tab or blanks; with or without header and comment lines; gzipped or not), .npy, .npz or parquet.

    Returns
    -------
    list of Column

    Raises
    ------
    ArgumentError, ArgumentTypeError
        When there is no such file, or it is a folder.
    FileFormatError
        When it cannot be read; the message gives the line where there is one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     _ = file.write("t;x\\n0;1.5\\n1;2.5\\n")
    ...     file.flush()
    ...     [(column.name, column.values.tolist()) for column in read_columns(file.name)]
    [('t', [0, 1]), ('x', [1.5, 2.5])]
    """
    if not isinstance(path, str | Path):
        raise ArgumentTypeError(f"`path` must be the path of a file; got {shown(path)}")
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
    if content[:4] == b"PAR1":
        return from_parquet(path, content)
    if content[:6] == b"\x93NUMPY" or content[:4] == b"PK\x03\x04":
        return from_numpy(path, content)
    for magic, what in _FOREIGN:
        if content.startswith(magic):
            raise FileFormatError(f"{path} is {what}: save the series as CSV, .npy or parquet instead")
    return _text(path, content)


# ---- text ------------------------------------------------------------------------------------------------------------------------------


def _decoded(path: Path, content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    else:
        encoding = "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    strange = sum((ord(c) < 32 and c not in "\t\n\r\f\x1a") or 0x7F <= ord(c) < 0xA0 for c in text[:20_000])
    if strange > 0.001 * len(text[:20_000]):
        raise FileFormatError(f"{path} is neither text nor .npy, .npz or parquet: it holds bytes that no text has")
    return text


def _number(cell: str) -> float | None:
    """A cell as a number, None where it is none; underscores, which Python takes, are no part of a number in a file."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _is_missing(cell: str) -> bool:
    return cell.lower() in _MISSING


def _fields(lines: list[str], delimiter: str | None) -> list[list[str]]:
    if delimiter is None:
        return [line.split() for line in lines]
    return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True)]


def _delimiter(lines: list[str]) -> str | None:
    """The separator that gives the most regular table of more than one column; None for blanks."""
    sample = lines[:1] + lines[-200:]
    for candidate in ("\t", ";", ","):
        widths = Counter(len(row) for row in _fields(sample, candidate))
        width, times = widths.most_common(1)[0]
        if width > 1 and times >= 0.8 * len(sample):
            return candidate
    return None


def _dates(cells: list[str]) -> np.ndarray | None:
    """Cells as datetime64, None where one is no ISO date."""
    if not re.match(r"\d{4}-?\d{2}", cells[0]):
        return None
    try:
        parsed = [datetime.fromisoformat(c) for c in cells]
    except ValueError:
        return None
    # Offsets from universal time are taken into account and then dropped, which is all that datetime64 can do.
    plain = [p if p.tzinfo is None else (p - p.utcoffset()).replace(tzinfo=None) for p in parsed]  # type: ignore[operator]
    return np.array(plain, "datetime64[us]")


def _is_header(first: list[str], body: list[list[str]]) -> bool:
    """Whether a row names columns: words above numbers or dates, or words that never come again above words that do."""
    if all(_number(c) is not None or _is_missing(c) for c in first):
        return False
    again = False
    for k, name in enumerate(first):
        below = [row[k] for row in islice(body, 1000) if k < len(row) and not _is_missing(row[k])]
        if _number(name) is not None:
            continue
        if not below:
            again = True
            continue
        typed = sum(_number(c) is not None for c in below) > 0.5 * len(below) or _dates(below[:1]) is not None
        if typed and _dates([name]) is None:
            return True
        if name in below or len(set(below)) > 0.5 * len(below):
            return False
        again = True
    return again


def _text(path: Path, content: bytes) -> list[Column]:
    kept: list[str] = []
    numbers: list[int] = []
    blank: list[int] = []
    remark = ""
    for k, line in enumerate(_decoded(path, content).splitlines(), start=1):
        if line.lstrip().startswith(_COMMENTS):
            remark = line.lstrip().lstrip("#%/ ") if not kept else remark
        elif line.strip(" \t\x1a"):
            kept.append(line)
            numbers.append(k)
        else:
            blank.append(k)
    if not kept:
        raise FileFormatError(f"{path} holds comments only")
    delimiter = _delimiter(kept)
    try:
        rows = _fields(kept, delimiter)
    except csv.Error as error:
        raise FileFormatError(f"{path} cannot be read as a table: {error}") from error
    if len(rows) != len(kept):
        raise FileFormatError(f"{path} has a quotation mark that is not closed, or a value that spans lines")
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if delimiter != "," and all("." not in c for row in rows[1:200] for c in row):
        rows = [[re.sub(r"^([+-]?\d+),(\d+)((?:[eE][+-]?\d+)?)$", r"\1.\2\3", c) for c in row] for row in rows]
    named = _is_header(rows[0], rows[1:])
    names = rows[0] if named else None
    if names is not None and len(names) == width - 1:
        names = ["", *names]  # the names of columns without that of the index
    if names is None and remark and len(_fields([remark], delimiter)[0]) == width:
        names = _fields([remark], delimiter)[0]
    rows, lines = (rows[1:], numbers[1:]) if named else (rows, numbers)
    for row, place in zip(rows, lines, strict=True):
        if len(row) != width:
            raise FileFormatError(f"{path}, line {place}: {len(row)} values where other lines have {width}")
    if not rows:
        raise FileFormatError(f"{path} holds a header and no values")
    if width == 1:
        # In a single column a line without anything is a value that is not there; between rows of many it parts blocks.
        inside = [k for k in blank if lines[0] < k < lines[-1]]
        order = np.argsort(lines + inside, kind="stable")
        rows, lines = [(rows + [[""]] * len(inside))[k] for k in order], sorted(lines + inside)
    out = []
    for k in range(width):
        cells = [row[k] for row in rows]
        given = names[k] if names is not None and k < len(names) else ""
        out.append(_column(path, given or str(k), cells, np.array(lines), bool(given)))
    return out


def _column(path: Path, name: str, cells: list[str], lines: np.ndarray, named: bool) -> Column:
    missing = np.array([_is_missing(c) for c in cells])
    present = [c for c, m in zip(cells, missing, strict=True) if not m]
    parsed = [_number(c) for c in present]
    wrong = [k for k, v in enumerate(parsed) if v is None]
    if not wrong:
        values = np.full(len(cells), math.nan)
        values[~missing] = np.array(parsed, np.float64)
        missing |= ~np.isfinite(values)
        whole = not missing.any() and all(re.fullmatch(r"[+-]?\d{1,18}", c) for c in present)
        digits = max((len(c.partition(".")[2]) if "e" not in c.lower() else 17 for c in islice(present, 1000)), default=0)
        return Column(
            name, np.array([int(c) for c in present]) if whole else values, missing, lines, "line", 0.5 * 10.0**-digits, named
        )
    dates = _dates(present)
    if dates is not None:
        values = np.full(len(cells), np.datetime64("NaT"), "datetime64[us]")
        values[~missing] = dates
        return Column(name, values, missing, lines, "line", 0.0, named)
    if len(wrong) < 0.5 * len(present):
        place = lines[~missing][wrong[0]]
        raise FileFormatError(f"{path}, line {place}: {shown(present[wrong[0]])} is no number, in column {name!r}")
    return Column(name, np.array(cells), missing, lines, "line", 0.0, named)
