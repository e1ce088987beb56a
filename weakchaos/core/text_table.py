"""Rows of a result as aligned text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["aligned", "columns_of_text"]


def _cell(value: Any, blank: str) -> str:
    if value is None:
        return blank
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    return " ".join(str(value).split()) or blank


def aligned(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None, blank: str = "-") -> str:
    """A text table: words to the left, numbers to the right with four significant digits.

    Parameters
    ----------
    rows : iterable of mappings
    columns : sequence of str, optional
        Keys in their order; by default those of the rows as they first appear.
    blank : str
        What stands for None and for empty text.

    Returns
    -------
    str

    Examples
    --------
    >>> print(aligned([{"sampler": "Gibbs", "error": 0.0123456}, {"sampler": "herded", "error": None}]))
    sampler    error
    ----------------
    Gibbs    0.01235
    herded         -
    """
    rows = list(rows)
    keys = list(columns) if columns is not None else list(dict.fromkeys(k for row in rows for k in row))
    cells = [[_cell(row.get(k), blank) for k in keys] for row in rows]
    left = [any(isinstance(row.get(k), str) for row in rows) for k in keys]
    lines = columns_of_text([keys, *cells], left)
    return "\n".join([lines[0].rstrip(), "-" * len(lines[0]), *(line.rstrip() for line in lines[1:])])


def columns_of_text(rows: Sequence[Sequence[str]], left: Sequence[bool]) -> list[str]:
    """Rows of cells as lines of one length, columns two blanks apart.

    Parameters
    ----------
    rows : sequence of sequences of str
    left : sequence of bool
        Which columns are set to the left, the others to the right.

    Examples
    --------
    >>> columns_of_text([["a", "1"], ["bc", "23"]], [True, False])
    ['a    1', 'bc  23']
    """
    from tabulate import DataRow, TableFormat, tabulate

    form = TableFormat(None, None, None, None, DataRow("", "  ", ""), DataRow("", "  ", ""), padding=0, with_header_hide=None)
    sides = ["left" if side else "right" for side in left]
    text = tabulate(rows, tablefmt=form, colalign=sides, disable_numparse=True, missingval="")
    lines = text.split("\n") if rows and left else ["" for _ in rows]
    length = max(map(len, lines), default=0)
    return [line.ljust(length) for line in lines]
