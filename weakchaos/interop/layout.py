"""The layout of delimited text: the delimiter of the columns, the lines above the table, the places of the names and the units."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass

from weakchaos.interop.dates import is_date
from weakchaos.interop.numerals import MISSING, is_missing, is_number, is_unit

__all__ = ["Layout", "fields", "find_layout", "heading"]

_DELIMITERS = ("\t", ";", "|", ",")
_TIME_WORDS = {"t", "time", "zeit", "temps", "tiempo", "tempo", "date", "datum", "timestamp"}
_SAMPLE = 200


@dataclass(frozen=True)
class Layout:
    """What is known of a table before its numbers are read.

    Attributes
    ----------
    delimiter : str or None
        None for blanks, and "" if each line is one value.
    width : int
        Number of columns.
    names, units : list of str
        One for each column, "" if there is none.
    first : int
        Index of the first record of the table.
    preamble : int
        Number of records above the names.
    notes : tuple of str
    """

    delimiter: str | None
    width: int
    names: list[str]
    units: list[str]
    first: int
    preamble: int
    notes: tuple[str, ...] = ()


def fields(records: list[str], delimiter: str | None) -> list[list[str]]:
    """The cells of some lines.

    Examples
    --------
    >>> fields(['a;"b;c"', "1; 2"], ";"), fields([" 1  2"], None), fields(["a b"], "")
    ([['a', 'b;c'], ['1', '2']], [['1', '2']], [['a b']])
    """
    if delimiter == "":
        return [[cell.strip() for cell in row] or [""] for row in csv.reader(records, delimiter="\x1f", skipinitialspace=True)]
    if delimiter is None:
        return [
            [a or b for a, b in re.findall(r'"([^"]*)"(?!\S)|(\S+)', record)] if '"' in record else record.split()
            for record in records
        ]
    return [[cell.strip() for cell in row] for row in csv.reader(records, delimiter=delimiter, skipinitialspace=True)]


def heading(text: str) -> tuple[str, str]:
    """A heading without its unit, and the unit.

    Examples
    --------
    >>> heading("Druck [mbar]"), heading("RR interval (ms)"), heading("t/s"), heading("f(x)"), heading("U in mV")
    (('Druck', 'mbar'), ('RR interval', 'ms'), ('t', 's'), ('f(x)', ''), ('U', 'mV'))
    """
    text = text.strip().replace("（", " (").replace("）", ")")
    found = re.fullmatch(r"(.*?\S)\s*\[\s*([^\]]*?)\s*\]", text) or re.fullmatch(r"(.*?\S)\s+\(\s*([^()]*?)\s*\)", text)
    if found is None:
        found = re.fullmatch(r"(.*?\S)\s*\(\s*([^()]*?)\s*\)", text) or re.fullmatch(
            r"(.*?\S)(?:\s*/\s*|,\s+|\s+in\s+)([^/,\s]+(?:/[^/,\s]+)?)", text
        )
        if found is None or not is_unit(found[2]):
            return text, ""
    if not re.search(r"[^\W\d]|[%°$€£¥‰-]", found[2]) and found[2] != "1":
        return text, ""  # the number of an item, x[0]
    return found[1], found[2]


def _kind(cell: str) -> str:
    if is_missing(cell):
        return "missing"
    return "date" if is_date(cell) else "number" if is_number(cell) else "text"


def _trimmed(row: list[str], width: int) -> list[str]:
    """A row without the empty cells beyond a width, which separators at the end of a line make."""
    return row[:width] if len(row) > width and not any(row[width:]) else row


def _usual_width(rows: list[list[str]]) -> tuple[int, bool]:
    """The width that most rows have, empty columns at the end left out, and whether most is nearly all, all but one at least."""
    width, times = Counter(map(len, rows)).most_common(1)[0]
    full = [row for row in rows if len(row) == width]
    while width > 1 and all(row[width - 1] == "" for row in full):
        width -= 1
    return width, len(rows) - times <= max(0.2 * len(rows), len(rows) > 2)


def _delimiter(records: list[str], tail: list[str]) -> str | None:
    """The separator that gives a regular table with most numbers and dates in it."""
    best: tuple[float, str | None] = (-1.0, "")
    for candidate in (*_DELIMITERS, None):
        rows = fields(tail, candidate)
        width, regular = _usual_width(rows)
        if not regular or width < 2:
            continue
        kinds = [_kind(cell) for row in rows for cell in row if cell]
        typed = round(sum(kind in ("number", "date") for kind in kinds) / max(len(kinds), 1), 2)
        if candidate is None and not typed:
            continue  # words with blanks between them are sentences
        if typed > best[0] and not (candidate in (",", None) and _one_number_a_line(records, tail, candidate, rows)):
            best = (typed, candidate)
    if best[1] == "" and not all(_kind(record.strip()) in ("number", "missing") for record in tail):
        rows = fields(tail, None)
        kinds = [_kind(cell) for row in rows for cell in row]
        if max(map(len, rows)) > 1 and sum(kind == "number" for kind in kinds) > 0.5 * len(kinds):
            return None  # a table of blanks that is not regular: the line that is not is named later
    return best[1]


def _one_number_a_line(records: list[str], tail: list[str], delimiter: str | None, rows: list[list[str]]) -> bool:
    """Whether what looks like two columns of whole numbers is one: ``1,05`` with a decimal comma, ``12 345,6`` with thousands."""
    lines = [record.strip() for record in tail]
    if not all(is_number(line) or is_missing(line) for line in lines):
        return False
    head = fields(records[:1], delimiter)[0]
    if len(head) == 1 and not is_number(head[0]):
        return True  # one name
    later = [cell for row in rows for cell in row[1:]]
    return any(len(cell) > 1 and cell[0] == "0" and cell.isdigit() for cell in later) or any(len(cell) > 18 for cell in later)


def _types(rows: list[list[str]], width: int) -> list[str]:
    out = []
    for k in range(width):
        kinds = Counter(_kind(row[k]) for row in rows if len(row) > k)
        del kinds["missing"]
        most = kinds.most_common(1)
        out.append(most[0][0] if most and most[0][1] > 0.5 * kinds.total() else "text")
    return out


def _fits(row: list[str], types: list[str]) -> bool:
    """Whether a row can be one of the table: numbers and dates where the others have them, one at least."""
    if len(row) != len(types):
        return False
    found = [(_kind(cell), kind) for cell, kind in zip(row, types, strict=True) if kind != "text"]
    if all(kind == "missing" for kind, _ in found):
        return False
    return all(kind in ("missing", wanted) or (wanted == "date" and kind == "number") for kind, wanted in found)


def _is_names(row: list[str], types: list[str]) -> bool:
    """Whether a row could be the names: mostly filled, and words above the numbers."""
    filled = [cell for cell in row if cell]
    above = [cell for cell, kind in zip(row, types, strict=False) if kind != "text"]
    return 2 * len(filled) >= len(row) and any(_kind(cell) == "text" for cell in above)


def _words_head(rows: list[list[str]]) -> bool:
    """Whether the first row of a table of words names its columns: words that never come again above words that do."""
    head, body = rows[0], rows[1:]
    again = False
    for k, name in enumerate(head):
        below = [row[k] for row in body[:1000] if k < len(row) and not is_missing(row[k])]
        if below and (name in below or len(set(below)) > 0.5 * len(below)):
            return False
        again = True
    return again and bool(body)


def _unit_row(row: list[str]) -> bool:
    filled = [cell for cell in row if cell]
    return bool(filled) and sum(is_unit(cell) for cell in filled) >= 0.5 * len(filled) and max(map(len, filled)) <= 16


def _block(rows: list[list[str]], lines: list[int], start: int, width: int) -> list[list[str]]:
    """The rows right above the table that have its width, the lowest first."""
    out: list[list[str]] = []
    for k in range(start - 1, max(start - 5, -1), -1):
        if lines[k + 1] - lines[k] > 1 and out:
            break  # a blank line parts the heading from what stands above it
        if len(_trimmed(rows[k], width)) not in (width, width - 1) or not any(rows[k]):
            break
        out.append(_trimmed(rows[k], width))
    return out


def _names_and_units(block: list[list[str]], start: int, types: list[str]) -> tuple[list[str], list[str], int]:
    """Names, units, and how many rows of the block they take."""
    width = len(types)
    if not block or (width > 1 and not _is_names(block[0], types) and not _unit_row(block[0])):
        return [], [], 0
    if len(block) > 2 and not all(block[0]) and _unit_row(block[1]) and _is_names(block[2], types):
        return block[2], block[1], 3  # loggers of Campbell write names, units, and what is averaged
    if len(block) > 1 and _is_names(block[1], types):
        names_here, names_above = (any(heading(c)[0].lower() in _TIME_WORDS and not is_unit(c) for c in row) for row in block[:2])
        if not names_here and _unit_row(block[0]) and (names_above or not _unit_row(block[1])):
            return block[1], block[0], 2
        if not names_here and width > 2 and len(block) == start == 2 and all(block[1]):
            return block[1], block[0], 2
    return block[0], [], 1


def _glued(record: str, width: int) -> list[str] | None:
    """The names above columns parted by blanks that have blanks in them, where there is one way to part them."""
    ways = [re.split(r"\s{2,}|\t", record.strip()), re.findall(r"[^\s\[(]+(?:\s*(?:\[[^\]]*\]|\([^)]*\)))?", record)]
    return next((way for way in ways if len(way) == width), None)


def find_layout(records: list[str], lines: list[int], remarks: list[str]) -> Layout:
    """The delimiter of the columns of a text, and the record at which its table begins.

    Parameters
    ----------
    records : list of str
        Lines that are neither blank nor comments.
    lines : list of int
        Line numbers of the records in the file, from 1.
    remarks : list of str
        The comments above the first record, which may contain the names.

    Raises
    ------
    ValueError
        If the names cannot belong to the columns.

    Examples
    --------
    >>> layout = find_layout(["Instrument X", "time;volt", "s;mV", "0;1,5", "1;2,5", "2;3,0"], [1, 2, 3, 4, 5, 6], [])
    >>> layout.delimiter, layout.names, layout.units, layout.first, layout.preamble
    (';', ['time', 'volt'], ['s', 'mV'], 3, 1)
    """
    tail = records[-min(_SAMPLE, max(len(records) // 2, min(10, len(records)))) :]
    tail = tail if len(tail) < len(records) else tail[1:] or tail
    delimiter = _delimiter(records, tail)
    width, _ = _usual_width(fields(tail, delimiter))
    head = [_trimmed(row, width) for row in fields(records[: 2 * _SAMPLE], delimiter)]
    types = _types([_trimmed(row, width) for row in fields(tail, delimiter)], width)
    notes: list[str] = []
    if all(kind == "text" for kind in types):
        start = int(len(head[0]) == width and _words_head(head))
        names, taken = (head[0], 1) if start else ([], 0)
        units: list[str] = []
    else:
        start = next((k for k, row in enumerate(head) if _fits(row, types)), 0)
        block = _block(head, lines, start, width)
        if (start and width > 1 and not (block and _is_names(block[0], types))) or not start:
            start = _below_names(head, types, start)
            block = _block(head, lines, start, width)
        while start and len(head[start - 1]) == width and all(c.lower() in MISSING and c.isalpha() for c in head[start - 1]):
            start, block = start - 1, block[1:]  # a first value that is missing, and says so
        if width == 1:
            block = [[" ".join(row)] if delimiter is None else row for row in block]
        elif delimiter is None and start and (not block or len(block[0]) != width):
            glued = _glued(records[start - 1], width)
            block = [glued] if glued else block
        above = head[start - 1] if start and not block and width > 1 else []
        if len(above) > width and all(_kind(cell) == "text" for cell in above):
            block = [above[:width]]  # instruments name columns that they leave empty, remarks for one
            notes.append(f"there are {len(above)} names for {width} columns: the last of them were left out")
        names, units, taken = _names_and_units(block, start, types)
        if delimiter == "," and start and not taken and 2 * len(head[start - 1]) == width:
            raise ValueError(
                f"line {lines[start - 1]} has {len(head[start - 1])} names and the lines below have {width} values: are there decimal "
                "commas in a file whose columns are separated by commas? Write decimal points, or separate the columns by semicolons"
            )
    if names and len(names) == width - 1:
        # Tables of R have no name above the names of rows; others have none above remarks at the end of a line.
        counted = [row[0].strip("\"'") for row in head[start:] if row]
        numbered = any(counted == [str(k + first) for k in range(len(counted))] for first in (0, 1))
        at_end = (types[-1] == "text" and types[0] != "text") or (heading(names[0])[0].lower() in _TIME_WORDS and not numbered)
        names, units = ([*names, ""], [*units, ""]) if at_end else (["", *names], ["", *units] if units else [])
        notes.append(
            f"there are {width} columns and {width - 1} names: the {'last' if at_end else 'first'} column was taken for the one without"
        )
    if not names:
        names, units = _from_remarks(remarks, delimiter, width)
    preamble = start - taken
    if preamble:
        last = lines[preamble - 1]
        where = f"line {lines[0]} was" if last == lines[0] else f"lines {lines[0]} to {last} were"
        notes.append(f"{where} taken for a preamble above the table")
    names, units = names or [""] * width, (units + [""] * width)[:width]
    return Layout(delimiter, width, names, units, start, preamble, tuple(notes))


def _from_remarks(remarks: list[str], delimiter: str | None, width: int) -> tuple[list[str], list[str]]:
    """Names, and units below them, out of the comments above a table."""
    rows = []
    for remark in remarks:
        row = fields([remark], delimiter)[0]
        row = row if len(row) == width or delimiter is not None else _glued(remark, width) or row
        if len(row) == width and (width > 1 or " " not in heading(row[0])[0]):  # of one column a word, not a sentence
            rows.append(row)
    if len(rows) > 1 and _unit_row(rows[-1]) and not _unit_row(rows[-2]):
        return rows[-2], rows[-1]
    return (rows[-1], []) if rows else ([], [])


def _below_names(head: list[list[str]], types: list[str], start: int) -> int:
    """Where the table begins if rows of a preamble look like its rows: under the first row of names, if all that follows fits."""
    for k in range(start + 1, min(start + 20, len(head) - 1)):
        row = head[k]
        if len(types) > 1 and len(row) == len(types) and all(_kind(cell) == "text" for cell in row):
            rest = head[k + 1 :]
            if len(rest) > 3 * (k - start) and all(_fits(r, types) for r in rest):
                return k + 1
    return start
