"""A run as one self-contained HTML file: what speaks against it, how its chains went, its summary, and what the columns mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.arguments import is_real
from weakchaos.core.figures import PANEL, WIDE
from weakchaos.core.flags import Flag, Severity, gravest_first
from weakchaos.reports.page import figure_svg, write_page
from weakchaos.reports.page_rows import Shown, row_size, shorter, shown_rows

__all__ = ["run_sentence", "write_run_html"]

_DRAWN = 8  # numbers in the picture
_ROWS = 200  # numbers in the table at most

_MEANINGS = {
    "mean": "mean of the draws",
    "sd": "standard deviation of the draws",
    "ess_bulk": "number of independent draws that would give the mean as well, from rank-normalised split chains",
    "ess_tail": "the same for the 5 % and 95 % quantiles, of which the smaller",
    "r_hat": "spread over all chains beside that within chains, rank-normalised and split; chains disagree above 1.01",
    "mcse_mean": "Monte Carlo standard error of the mean",
    "mcse_sd": "Monte Carlo standard error of the standard deviation",
}


def run_sentence(flags: Sequence[Flag]) -> str:
    """Whether a run may be trusted, in a sentence.

    Examples
    --------
    >>> run_sentence([])
    'Nothing speaks against this run.'
    """
    grave = {flag.severity for flag in flags}
    if Severity.INVALID in grave:
        return "This run is not to be trusted."
    if Severity.IMPRECISE in grave:
        return "Nothing says that this run is wrong, and it has too few draws."
    return "Nothing speaks against this run; something is to be known." if flags else "Nothing speaks against this run."


def _cell(name: str, value: Any) -> str:
    if not is_real(value):
        return "-" if value is None or value != value else str(value)
    if not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if name.startswith("ess") else f"{value:.4g}"


def _figures(trace: Any) -> tuple[Any, Any] | None:
    from weakchaos.runs.pictures import plot_draws

    draws, names = np.asarray(trace.draws), [str(name) for name in trace.names]
    if draws.ndim != 3 or not draws.shape[1] or not draws.shape[2]:
        return None
    marked = trace.stats.get("diverging")
    chosen = names[:_DRAWN], draws[:, :, :_DRAWN].astype(float), marked, trace.weights
    text = f"Draws of each chain in their order, and the ranks of each chain among all, of {', '.join(chosen[0])}"
    broad, narrow = (plot_draws(*chosen, width=width) for width in (WIDE, PANEL))
    return figure_svg(broad, text, "draws"), figure_svg(narrow, text, "draws-narrow")


def _shown(columns: Sequence[str], rows: Sequence[tuple[str, list[str]]], table: Any, data: Sequence[Any]) -> Shown:
    """The rows of the summary that the page shows: all, or else those of the largest R-hat and the first."""
    sizes = [row_size([name, *cells], columns, one) for (name, cells), one in zip(rows, data, strict=True)]
    if "r_hat" not in columns:
        return shown_rows(sizes, most=_ROWS)
    r_hat = np.asarray(table["r_hat"], float)
    worst = np.argsort(-np.where(np.isfinite(r_hat), r_hat, -np.inf), kind="stable")  # a number that never moved has none
    return shown_rows(sizes, worst.tolist(), most=_ROWS)


def write_run_html(
    trace: Any,
    path: Any,
    head: str,
    table: Any,
    flags: Sequence[Flag],
    content: Any,
    command: str = "",
    everything: str = "",
) -> Path:
    """Write the page.

    Parameters
    ----------
    trace : weakchaos.Trace
    path : path
    head : str
        What was drawn, in a line.
    table : pandas.DataFrame or None
        The summary, a row a number; None where draws are too few.
    flags : sequence of Flag
        What speaks against the run.
    content : dict
        The data that the page carries as JSON; of its ``summary``, a list of rows, only what is shown.
    command : str
        The command that makes the run again.
    everything : str
        Where all rows are to be had, if not all are shown.
    """
    columns = [] if table is None else [str(c) for c in table.columns]
    rows = (
        []
        if table is None
        else [
            (shorter(str(name)), [_cell(c, v) for c, v in zip(columns, row, strict=True)])
            for name, row in zip(table.index, table.to_numpy().tolist(), strict=True)
        ]
    )
    data = content.get("summary") or [None] * len(rows)
    shown = _shown(columns, rows, table, data)
    if shown.left_out:
        content = {**content, "summary": [data[i] for i in shown.rows], "summary_left_out": shown.left_out}
    meanings = [(c, _MEANINGS[c]) for c in columns if c in _MEANINGS]
    meanings += (
        [("P(s)", "share of draws in state s, of the first eight states")] if any(c.startswith("P(") for c in columns) else []
    )
    ends = [c for c in columns if c not in _MEANINGS and not c.startswith("P(")]
    meanings += [(", ".join(ends), "ends of the interval, or quantiles, that hold the named share of the draws")] if ends else []
    return write_page(
        path,
        "run.html",
        f"weakchaos: {head}",
        content,
        head=head,
        sentence=run_sentence(flags),
        flags=gravest_first(flags),
        figure=_figures(trace),
        drawn=min(len(trace.names), _DRAWN),
        count=len(trace.names),
        columns=columns,
        parts=shown.parts(rows, f"The {len(shown.worst):,} with the largest R-hat"),
        shown=len(shown.rows),
        everything=everything if shown.left_out else "",
        meanings=meanings,
        command=command,
    )
