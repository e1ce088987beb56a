"""Columns of a file. Its kind (delimited text, JSON, .npy, .npz or parquet) is recognised by its first bytes and not by its name."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weakchaos.core.arguments import is_real, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, FileFormatError, shown
from weakchaos.interop.delimited import text_columns, typed
from weakchaos.interop.file_columns import Column, from_frame, from_numpy, from_parquet, is_frame, marked

__all__ = ["read_columns"]

_WIDE = 8  # columns; a table of one row and so many is a series that was written as a row
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
        not), JSON (a list of numbers or of records, lists by name, one record a line), .npy, .npz or parquet; or a Series or DataFrame of pandas or polars.
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
        return [marked(typed(column, decimal), marks) for column in from_frame(path, "the table")]
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
        return [marked(column, marks) for column in columns]
    for magic, what in _FOREIGN:
        if content.startswith(magic):
            raise FileFormatError(f"{path} is {what}: save the series as CSV, .npy or parquet instead")
    if content.lstrip()[:1] in b"[{" and not skip:
        frame = _from_json(path, content)
        if frame is not None:
            return [marked(typed(column, decimal), marks) for column in from_frame(frame, str(path))]
    columns = text_columns(path, content, skip, marks, decimal, notes)
    if len(columns[0].values) == 1 and (len(columns) > _WIDE or not any(c.values.dtype.kind in "iuf" for c in columns)):
        raise FileFormatError(
            f"{path} holds one row of {len(columns)} values: a series is a column, so write one value (and its time) a line"
        )
    return columns


def _from_json(path: Path, content: bytes) -> Any:
    """A DataFrame of a JSON file: a list of numbers, of rows or of records, lists by name, or one record a line; None if the text is no JSON."""
    text = content.decode("utf-8", errors="replace")
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        try:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        except json.JSONDecodeError:
            return None
        if not all(isinstance(record, dict) for record in found):
            return None
    import pandas

    if isinstance(found, list) and found:
        kinds = {type(entry) for entry in found}
        if kinds <= {int, float, bool, str, type(None)}:
            return pandas.DataFrame({"0": found})
        if kinds in ({dict}, {list}):
            return _flat(path, pandas.DataFrame(found))
    if isinstance(found, dict):
        lengths = {len(entry) if isinstance(entry, list) else None for entry in found.values()}
        if len(lengths) == 1 and None not in lengths:
            return _flat(path, pandas.DataFrame(found))
    raise FileFormatError(
        f"{path} is JSON of another form: it must be a list of numbers, a list of records, or an object of lists of one length, as in "
        '{"time": [0, 1], "x": [0.5, 0.7]}'
    )


def _flat(path: Path, frame: Any) -> Any:
    if frame.map(lambda value: isinstance(value, list | dict)).to_numpy().any():
        raise FileFormatError(f"{path} is JSON whose entries are lists or objects themselves: write one number for each name")
    return frame
