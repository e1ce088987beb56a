"""The rows of an analysed series: how each number is written, and all of them as text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from weakchaos.core.text_table import aligned

__all__ = ["heading", "p_value", "parts", "spread", "text_table", "value"]

_WIDTH = 110


def value(row: Mapping[str, Any]) -> str:
    """The value of a row with four significant digits, ``-`` if there is none.

    Examples
    --------
    >>> value({"value": 0.123456}), value({"value": None}), value({"value": 12345})
    ('0.1235', '-', '12,345')
    """
    number = row["value"]
    if number is None:
        return "-"
    return number if isinstance(number, str) else f"{number:,}" if isinstance(number, int) else f"{number:.4g}"


def spread(row: Mapping[str, Any]) -> str:
    """The 95 % interval of a row, else its standard error, else nothing.

    Examples
    --------
    >>> spread({"low": 0.1, "high": 0.25, "stderr": 0.04}), spread({"low": None, "stderr": 0.0417})
    ('0.1 to 0.25', '± 0.042')
    """
    if row.get("low") is not None:
        return f"{row['low']:.3g} to {row['high']:.3g}"
    return "" if row.get("stderr") is None else f"± {row['stderr']:.2g}"


def p_value(row: Mapping[str, Any]) -> str:
    """The p-value of a row, nothing where there is none."""
    p = row.get("p_value")
    return "" if p is None else f"{p:.2g}" if p >= 1e-4 else "< 1e-4"


def parts(report: Any) -> list[tuple[str, list[dict[str, Any]]]]:
    """The rows by their parts, in order."""
    return [(part, list(rows)) for part, rows in groupby(report.rows, key=lambda row: row["part"])]


def heading(report: Any) -> str:
    """What the series is, in one line."""
    what = "symbols" if report.kind == "discrete" else "numbers"
    kind = {
        "discrete": "discrete",
        "map": "like a map (uncorrelated after one step)",
        "flow": "like a flow (successive numbers are correlated)",
    }
    if report.parameters.get("kind") == report.kind:
        kind |= {"map": "taken for a map", "flow": "taken for a flow", "discrete": "taken for symbols"}
    step = (
        ""
        if report.kind == "discrete" or (report.dt == 1 and report.unit == "step")
        else f", one every {report.dt:.6g} {report.unit}"
    )
    tests = f"{report.parameters['surrogates']} surrogates, seed {report.parameters['seed']}"
    return f"{report.name}: {report.n:,} {what}{step}, {kind[report.kind]}; {tests}"


def text_table(report: Any) -> str:
    """The rows of a `SeriesReport` as text, each part under its name, with the notes below.

    Parameters
    ----------
    report : weakchaos.diagnostics.SeriesReport

    Returns
    -------
    str

    Examples
    --------
    >>> import weakchaos as wc
    >>> print(text_table(wc.diagnostics.analyse_series("ab" * 30, surrogates=19)).splitlines()[0])
    x: 60 symbols, discrete; 19 surrogates, seed 0
    """
    rows = []
    for part, members in parts(report):
        for k, row in enumerate(members):
            rows.append(
                {
                    "part": part if k == 0 else "",
                    "quantity": row["quantity"],
                    "value": row["value"],
                    "95 % or ± se": spread(row),
                    "p": p_value(row),
                    "unit": row["unit"],
                }
            )
    table = aligned(rows, blank="")
    notes = [f"{row['quantity']}: {note}" for row in report.rows for note in row["notes"]]
    lines = [heading(report), "", table, ""]
    for text in [*report.warnings, *notes]:
        lines += textwrap.wrap(text, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)
