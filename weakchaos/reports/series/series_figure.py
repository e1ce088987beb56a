"""The figure of an analysed series: all panels on one sheet."""

from __future__ import annotations

import math
import textwrap
from typing import Any

from weakchaos.core.figures import FADED, INK, PANEL, PAPER, SMALL, TITLE, WIDE, new_figure, quiet_glyphs
from weakchaos.reports.series.number_panels import NUMBER_PANELS
from weakchaos.reports.series.series_text import heading
from weakchaos.reports.series.symbol_panels import SYMBOL_PANELS

__all__ = ["panel_figure", "panels_of", "plot_series_report"]

_DPI = 150


def panels_of(report: Any) -> tuple[Any, ...]:
    """The panels for the kind of a report."""
    return SYMBOL_PANELS if report.kind == "discrete" else NUMBER_PANELS


def panel_figure(report: Any, panel: Any, narrow: bool = False) -> Any:
    """One panel by itself, as wide as a column of the page, or as two where it is a wide one and the page is not narrow."""
    _, wide, draw, _ = panel
    figure = new_figure(WIDE if wide and not narrow else PANEL, 3.2)
    with quiet_glyphs():
        draw(figure.add_subplot(), report.results)
    return figure


def plot_series_report(report: Any, path: Any = None) -> Any:
    """All panels of a report, three in a row, under the verdict.

    Parameters
    ----------
    report : weakchaos.diagnostics.SeriesReport
    path : path, optional
        Where to save the figure (PNG at 150 dots per inch, or what the suffix says).

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import weakchaos as wc
    >>> figure = plot_series_report(wc.diagnostics.analyse_series("ab" * 30, surrogates=19))
    >>> len(figure.axes)
    8
    """
    panels = panels_of(report)
    rows = math.ceil(sum(2 if wide else 1 for _, wide, _, _ in panels) / 3)
    height = 3.25 * rows + 1.2
    figure = new_figure(13.0, height)
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0.004, 0.0, 0.992, 1 - 1.0 / height), hspace=0.04, wspace=0.03)
    grid = figure.add_gridspec(rows, 3)
    place = 0
    with quiet_glyphs():
        for _, wide, draw, _ in panels:
            row, column = divmod(place, 3)
            draw(figure.add_subplot(grid[row, column : column + (2 if wide else 1)]), report.results)
            place += 2 if wide else 1
        head = textwrap.fill(f"{report.name}: {report.verdict}", 110, max_lines=1, placeholder=" ...")
        figure.text(0.01, 1 - 0.14 / height, head, fontsize=TITLE + 3, weight="bold", color=INK, va="top", parse_math=False)
        words = textwrap.fill(report.words[0], 190, max_lines=2, placeholder=" ...")
        figure.text(0.01, 1 - 0.42 / height, words, fontsize=SMALL + 1, color=INK, va="top", parse_math=False)
        figure.text(0.99, 1 - 0.17 / height, heading(report).split("; ")[-1], fontsize=SMALL, color=FADED, va="top", ha="right")
        if path is not None:
            figure.savefig(path, dpi=_DPI, facecolor=PAPER)
    return figure
