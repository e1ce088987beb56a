"""An analysed series as one self-contained HTML file, and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.plain import strict_json
from weakchaos.reports.page import figure_svg, versions, write_page
from weakchaos.reports.series.meanings import definition
from weakchaos.reports.series.series_figure import panel_figure, panels_of
from weakchaos.reports.series.series_text import heading, p_value, parts, spread, value

__all__ = ["write_series_html", "write_series_json"]

# Names in the file, and fields of what was measured.
_CURVES = {name: name for name in ("rosenstein", "kantz", "zero_one", "dimension", "k2", "cao", "rate", "blocks", "excess", "tree", "match", "topological")} | {"DFA alpha": "dfa", "Hurst exponent": "hurst"}  # fmt: skip


def reproduction(report: Any) -> str:
    """The command that made the report, or else the call."""
    if report.command:
        return str(report.command)
    given = {"dt": report.dt, **report.parameters}
    words = ", ".join(f"{k}={v!r}" for k, v in given.items())
    return f"import weakchaos as wc\n\nwc.diagnostics.analyse_series(x, {words})"


def _curves(report: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    r = report.results
    for key, name in _CURVES.items():
        found = getattr(r, name, None)
        if found is not None and np.size(found.curve[0]):
            out[key] = {"x": found.curve[0], "y": found.curve[1], "fit_range": found.fit_range}
    for key in ("spectrum", "near"):
        found = getattr(r, key, None)
        if found is not None:
            out[key] = {"x": found.curve[0], "y": found.curve[1], "threshold": found.threshold, "periods": found.periods, "p_values": found.p_values}  # fmt: skip
    if report.kind == "discrete":
        return out | {"words": {"x": r.words[0], "y": r.words[1]}}
    if r.sums is not None:
        out["correlation sums"] = {"radii": r.sums.radii, "sums": r.sums.sums}
    for name, test in (("linear", r.linear), ("asymmetry", r.asymmetry), ("clustering", r.clustering)):
        if test is not None:
            out[f"{name} surrogates"] = {"data": test.own, "surrogates": test.others}
    return out


def _content(report: Any) -> dict[str, Any]:
    return {
        "format": "weakchaos series 1",
        "name": report.name,
        "source": report.source,
        "kind": report.kind,
        "n": report.n,
        "dt": report.dt,
        "unit": report.unit,
        "verdict": report.verdict,
        "sentences": report.sentences(),
        "rows": report.rows,
        "warnings": list(report.warnings),
        "parameters": report.parameters,
        "made_by": reproduction(report),
        "versions": versions(),
    }


def write_series_json(report: Any, path: Any = None) -> str:
    """The rows, the verdict, and the curves behind them, as strict JSON (null where there is no number).

    Parameters
    ----------
    report : weakchaos.diagnostics.SeriesReport
    path : path, optional
        Where to write it.

    Returns
    -------
    str

    Examples
    --------
    >>> import json
    >>> import weakchaos as wc
    >>> json.loads(write_series_json(wc.diagnostics.analyse_series("ab" * 30, surrogates=19)))["verdict"]
    'periodic'
    """
    return strict_json({**_content(report), "curves": _curves(report)}, path)


def _definitions(report: Any) -> list[tuple[str, str]]:
    known = {
        definition(row["quantity"]): row["quantity"] for row in reversed(report.rows)
    }  # of rows with the same meaning the first
    return [(name, text) for text, name in reversed(known.items()) if text]


def write_series_html(report: Any, path: Any) -> Path:
    """Write one self-contained HTML file: verdict, figures, rows, what they mean, and the command that makes the report again.

    The rows are embedded as JSON, in the element with id ``weakchaos-report``.

    Parameters
    ----------
    report : weakchaos.diagnostics.SeriesReport
    path : path

    Returns
    -------
    pathlib.Path

    Examples
    --------
    >>> import os, tempfile
    >>> import weakchaos as wc
    >>> report = wc.diagnostics.analyse_series("ab" * 30, surrogates=19)
    >>> write_series_html(report, os.path.join(tempfile.mkdtemp(), "report.html")).name
    'report.html'
    """
    return write_page(
        path,
        "series.html",
        f"weakchaos: {report.name}",
        _content(report),
        report=report,
        heading=heading(report).removeprefix(f"{report.name}: "),
        figures=[
            (
                panel[1],
                figure_svg(panel_figure(report, panel), panel[3], panel[0]),
                figure_svg(panel_figure(report, panel, True), panel[3], f"{panel[0]}-narrow") if panel[1] else "",
            )
            for panel in panels_of(report)
        ],
        suspected=[flag.sentence for flag in report.flags],
        notes=[text for text in report.warnings if text not in {flag.sentence for flag in report.flags}],
        parts=parts(report),
        value=value,
        spread=spread,
        p_value=p_value,
        definitions=_definitions(report),
        command=reproduction(report),
    )
