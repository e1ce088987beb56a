"""A comparison as one self-contained HTML file, and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.flags import gravest_first
from weakchaos.core.plain import strict_json
from weakchaos.reports.compare.columns import COLUMNS, Column, cell, finite, period_words
from weakchaos.reports.compare.compare_sentences import sentences
from weakchaos.reports.compare.compare_text import heading
from weakchaos.reports.compare.row_flags import is_trusted, word
from weakchaos.reports.page import figure_svg, versions, write_page
from weakchaos.reports.page_rows import Shown, brief, row_size, shown_rows

__all__ = ["reproduction", "versions", "write_html", "write_json"]


def _call(sampler: Any) -> str:
    """How a sampler is written by a user."""
    module = type(sampler).__module__
    part = next((p for p in ("herding", "samplers") if module.startswith(f"weakchaos.{p}")), None)
    text = " ".join(repr(sampler).split())
    return f"wc.{part}.{text}" if part else text


def reproduction(report: Any) -> str:
    """The command that made the report, or else the call: with the same versions it gives the same numbers, times apart."""
    command = getattr(report, "command", "")
    if command:
        return str(command)
    lines = ["import weakchaos as wc", "", f"target = ...  # {' '.join(str(report.target).split())}", "samplers = {"]
    draws = [finite(e.row.get("draws")) for e in report.entrants]
    known = [int(n) for n in draws if n is not None]
    most = max(known, default=None)
    for entrant, n in zip(report.entrants, draws, strict=True):
        parts = [_call(entrant.sampler), repr(None if entrant.driver == "none" else entrant.driver)]
        if n is not None and n != most:
            parts.append(str(int(n)))
        lines.append(f"    {entrant.name!r}: ({', '.join(parts)}),")
    joint = ", joint=True" if any("determinism" in entrant.row for entrant in report.entrants) else ""
    given = f"{joint})" if report.truth == "exact" else f", truth=...{joint})  # {report.truth}"
    return "\n".join(
        [*lines, "}", f"wc.compare(target, samplers, draws={most}, repeats={report.repeats}, seed={report.seed}{given}"]
    )


# ---- JSON ------------------------------------------------------------------------------------------------------------------------------


def _data(entrant: Any) -> dict[str, Any]:
    """A row of the table as data, with what speaks against the run."""
    flags = entrant.flags
    return {**entrant.row, "notes": [f.sentence for f in flags], "flags": [f.to_plain() for f in flags]}


def _content(report: Any, curves: bool) -> dict:
    out = {
        "format": "weakchaos comparison 1",
        "target": report.target,
        "error": report.error_kind,
        "truth": report.truth,
        "repeats": report.repeats,
        "seed": report.seed,
        "made_by": reproduction(report),
        "versions": versions(),
        "sentences": sentences(report),
        "warnings": list(report.warnings),
        "rows": [_data(e) for e in report.entrants],
    }
    if curves:
        out["curves"] = [{"sampler": e.name, "draws": e.draws, "errors": np.atleast_2d(e.errors)} for e in report.entrants]
    return out


def write_json(report: Any, path: Any = None) -> str:
    """The rows, the error curves of all repeats, the warnings and how they were made, as strict JSON (null where there is no number).

    Parameters
    ----------
    report : weakchaos.Report
    path : path, optional
        Where to write it.

    Returns
    -------
    str

    Examples
    --------
    >>> import json
    >>> import weakchaos as wc
    >>> model = wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]])
    >>> text = write_json(wc.compare(model, {"Gibbs": wc.samplers.Gibbs()}, draws=1000, repeats=4))
    >>> json.loads(text)["rows"][0]["sampler"]
    'Gibbs'
    """
    return strict_json(_content(report, curves=True), path)


# ---- HTML ------------------------------------------------------------------------------------------------------------------------------


_WORDS = ("sampler", "driver", "status")
# Whether a run is to be trusted stands beside its name, where no narrow window hides it.
_SHOWN = tuple(sorted(COLUMNS, key=lambda column: 0 if column.key == "sampler" else 1 if column.key == "status" else 2))


def _columns(report: Any) -> list[Column]:
    """The columns of the table; the number of draws stands in the heading where it is that of all runs."""
    one = len({entrant.row.get("draws") for entrant in report.entrants}) == 1
    rows = [entrant.row for entrant in report.entrants]
    return [
        column
        for column in _SHOWN
        if not (one and column.key == "draws") and (not column.asked or any(column.key in row for row in rows))
    ]


def _rows(report: Any) -> list[dict[str, Any]]:
    """What the table shows of every run: cells by column, and what speaks against it."""
    out = []
    for entrant in report.entrants:
        trusted = is_trusted(entrant)
        status = word(entrant) if trusted else "not to be trusted"
        cells = [(c.key, status if c.key == "status" else cell(entrant.row, c.key)) for c in _columns(report)]
        out.append({"cells": cells, "period": period_words(entrant.row), "trusted": trusted, "flags": gravest_first(entrant.flags)})
    return out


def _shown(report: Any, rows: list[dict[str, Any]], data: list[dict[str, Any]]) -> Shown:
    """The rows that the page shows: all, or else those of the runs that are not to be trusted or have the largest errors, and the first."""
    labels = [column.title for column in _columns(report)]
    sizes = [
        row_size([text for _, text in row["cells"]], labels, one) + 160 + sum(len(f.sentence.encode()) + 30 for f in row["flags"])
        for row, one in zip(rows, data, strict=True)
    ]
    errors = [np.inf if (error := finite(entrant.row.get("error"))) is None else error for entrant in report.entrants]
    worst = sorted(range(len(rows)), key=lambda i: (rows[i]["trusted"], -errors[i]))
    return shown_rows(sizes, worst)


def _definitions(report: Any) -> list[tuple[str, str]]:
    out = []
    for column in _columns(report):
        text = f"{report.error_kind}, {column.definition}" if column.key == "error" else column.definition
        if column.key == "period":
            looked = sorted({period_words(e.row) for e in report.entrants if e.row.get("period") is None})
            text += f" ({'; '.join(looked)})" if looked else ""
        unit = f" ({column.unit})" if column.unit else ""
        out.append((column.title + unit, text))
    return out


def write_html(report: Any, path: Any) -> Path:
    """Write one HTML file that needs nothing else: sentences, figures, table, what the columns mean, and how to make it again.

    The rows are embedded as JSON, in the element with id ``weakchaos-report``.

    Parameters
    ----------
    report : weakchaos.Report
    path : path

    Returns
    -------
    pathlib.Path

    Examples
    --------
    >>> import os, tempfile
    >>> import weakchaos as wc
    >>> model = wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]])
    >>> report = wc.compare(model, {"Gibbs": wc.samplers.Gibbs()}, draws=1000, repeats=4)
    >>> write_html(report, os.path.join(tempfile.mkdtemp(), "report.html")).name
    'report.html'
    """
    from weakchaos.reports.compare.compare_figure import convergence_figure, entropy_figure, key

    content, rows, again = _content(report, curves=False), _rows(report), reproduction(report)
    shown = _shown(report, rows, content["rows"])
    again = brief(
        again, f"# The call names {len(rows):,} samplers: too long for a page, it is the entry `made_by` of report.to_json()."
    )
    content = {**content, "made_by": again, "rows": [content["rows"][i] for i in shown.rows], "rows_left_out": shown.left_out}
    return write_page(
        path,
        "compare.html",
        f"weakchaos: {report.target}",
        content,
        report=report,
        heading=heading(report),
        sentences=sentences(report),
        figures=[
            (figure_svg(draw(report), text, salt), figure_svg(draw(report, True), text, f"{salt}-narrow"))
            for draw, text, salt in (
                (convergence_figure, "Error against draws, on log-log axes, of the runs in the table below", "draws"),
                (entropy_figure, "Slope of the error against entropy rate, of the runs in the table below", "entropy"),
            )
        ],
        key=key(report),
        columns=_columns(report),
        words=_WORDS,
        parts=shown.parts(rows, f"The worst {len(shown.worst):,}: not to be trusted, or of the largest error"),
        shown=shown,
        remarks=report.remarks,
        definitions=_definitions(report),
        command=again,
    )
