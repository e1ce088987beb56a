"""Rows of a result as aligned text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["aligned"]


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
    widths = [max(len(k), *(len(c[i]) for c in cells)) if cells else len(k) for i, k in enumerate(keys)]

    def line(values: Sequence[str]) -> str:
        return "  ".join(v.ljust(w) if a else v.rjust(w) for v, w, a in zip(values, widths, left, strict=True)).rstrip()

    return "\n".join([line(keys), "-" * (sum(widths) + 2 * (len(widths) - 1)), *map(line, cells)])
