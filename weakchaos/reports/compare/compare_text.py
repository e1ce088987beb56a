"""A comparison as a text table, with what speaks against a run below it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from weakchaos.core.flags import Severity
from weakchaos.core.text_table import columns_of_text
from weakchaos.reports.compare.columns import COLUMNS, cell, finite, searched
from weakchaos.reports.compare.row_flags import is_trusted, runs_by_flag, word

__all__ = ["heading", "text_table"]

_NAME_WIDTH = 24
_DRIVER_WIDTH = 16
_NOTES_WIDTH = 100
_LEFT = ("sampler", "driver", "status")


def heading(report: Any) -> str:
    """What was run on what, in one line."""
    counts = sorted({int(n) for e in report.entrants if (n := finite(e.row.get("draws"))) is not None})
    draws = "" if not counts else f"{counts[0]:,} draws" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,} draws"
    how = f"{draws} x {report.repeats} repeats" if draws else f"{report.repeats} repeats"
    return f"{report.target}: {how}, seed {report.seed}; truth: {report.truth}"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or ["-"]


def text_table(report: Any) -> str:
    """The rows of a report as a text table of about 110 columns.

    Runs whose answers are not to be trusted carry a ``!`` and a word in the last column; below stand the reasons in full.

    Parameters
    ----------
    report : weakchaos.Report

    Returns
    -------
    str

    Examples
    --------
    >>> import weakchaos as wc
    >>> model = wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]])
    >>> print(text_table(wc.compare(model, {"Gibbs": wc.samplers.Gibbs()}, draws=1000, repeats=4)).splitlines()[1].split()[:5])
    ['sampler', 'driver', 'error', 'slope', 'Lyapunov']
    """
    # The heading gives the draws when all runs have as many.
    draws = {e.row.get("draws") for e in report.entrants}
    columns = [c for c in COLUMNS if not c.page_only and (c.key != "draws" or len(draws) > 1)]
    rows = [[c.title for c in columns], [c.unit for c in columns]]
    for entrant in report.entrants:
        cells = []
        for column in columns:
            text = word(entrant) if column.key == "status" else cell(entrant.row, column.key)
            width = {"sampler": _NAME_WIDTH, "driver": _DRIVER_WIDTH}.get(column.key)
            cells.append([text] if width is None else _wrapped(text, width))
        rows += [list(line) for line in zip_longest(*cells, fillvalue="")]
    titles, units, *body = columns_of_text(rows, [c.key in _LEFT for c in columns])
    lines = [heading(report), titles.rstrip(), units.rstrip(), "-" * len(titles), *map(str.rstrip, body)]
    return "\n".join([*lines, "", *_legend(report), "", *_notes(report)])


def _legend(report: Any) -> list[str]:
    rows = [e.row for e in report.entrants]
    parts = [f"error: {report.error_kind}, median over repeats", "entropy: of the readout, mean over coordinates"]
    within = searched(rows)
    if any(row.get("period") is None for row in rows):
        parts.append("period -: the full state did not come back" + (f" within {within}" if within else ""))
    return textwrap.wrap("; ".join(parts), _NOTES_WIDTH)


def _notes(report: Any) -> list[str]:
    flags = runs_by_flag(report)
    flagged = sum(not is_trusted(e) for e in report.entrants)
    if not report.entrants:
        return ["No sampler was run.", *_listed(report.remarks)]
    out = [f"! {flagged} of {len(report.entrants)} runs not to be trusted:" if flagged else "No run is flagged."]
    out += _listed(f"{' | '.join(names)}: {flag.sentence}" for names, flag in flags if flag.severity is Severity.INVALID)
    rest = [f"{' | '.join(names)}: {flag.sentence}" for names, flag in flags if flag.severity is not Severity.INVALID]
    if rest or report.remarks:
        out += ["", "To be known:", *_listed([*rest, *report.remarks])]
    return out


def _listed(texts: Iterable[str]) -> list[str]:
    return [
        line
        for text in texts
        for line in textwrap.wrap(
            " ".join(text.split()), _NOTES_WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False
        )
    ]
