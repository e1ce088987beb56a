"""The picture of a comparison: error against draws on log-log axes, and slope against entropy rate."""

from __future__ import annotations

import textwrap
from typing import Any

from weakchaos.core.figures import FADED, INK, NORMAL, PANEL, PAPER, SMALL, TITLE, look, new_figure, quiet_glyphs
from weakchaos.reports.compare.compare_text import heading
from weakchaos.reports.compare.draw_convergence import draw_convergence
from weakchaos.reports.compare.draw_exponents import draw_entropy
from weakchaos.reports.compare.draw_labels import label
from weakchaos.reports.compare.row_flags import is_trusted

__all__ = ["convergence_figure", "entropy_figure", "key", "plot_report"]

_DPI = 150


def plot_report(report: Any, path: Any = None, ax: Any = None) -> Any:
    """Error against draws (left) and slope against entropy rate (right).

    Left: the median over repeats, the range of the repeats as a band, and the guides T^(-1/2) of independent draws and 1/T. Right: the
    slope with its standard error, over the entropy rate of the readout. Runs that are not to be trusted are dashed, hollow and named
    with ``(!)``. Nothing of pyplot is touched, so no window opens and no global state changes.

    Parameters
    ----------
    report : weakchaos.Report
    path : path, optional
        Where to save the figure (PNG at 150 dots per inch, or what the suffix says).
    ax : matplotlib.axes.Axes, optional
        Axes of your own: the left panel is drawn there, and nothing else; names at the ends of curves take room from the axes' right.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import weakchaos as wc
    >>> model = wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]])
    >>> figure = plot_report(wc.compare(model, {"Gibbs": wc.samplers.Gibbs()}, draws=1000, repeats=4))
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['draws', 'entropy rate of the readout (nats per draw and coordinate)']
    """
    if ax is not None:
        figure = ax.figure.figure
        with quiet_glyphs():
            draw_convergence(figure, ax, report)
            if path is not None:
                figure.savefig(path, dpi=_DPI)
        return figure
    figure = new_figure(12.0, 5.2, constrained=False)
    left = figure.add_axes((0.066, 0.155, 0.515, 0.705))
    right = figure.add_axes((0.648, 0.155, 0.338, 0.705))
    with quiet_glyphs():
        figure.text(
            0.012,
            0.985,
            textwrap.fill(heading(report), 130, max_lines=2, placeholder=" ..."),
            fontsize=TITLE,
            weight="bold",
            color=INK,
            va="top",
            parse_math=False,
        )
        figure.text(0.012, 0.022, key(report), fontsize=SMALL, color=FADED, va="bottom", parse_math=False)
        draw_convergence(figure, left, report)
        draw_entropy(figure, right, report)
        if path is not None:
            figure.savefig(path, dpi=_DPI, facecolor=PAPER)
    return figure


def convergence_figure(report: Any, narrow: bool = False) -> Any:
    """The left panel by itself; on a narrow page with the names below it."""
    if narrow:
        return _narrow(report, draw_convergence)
    figure = new_figure(6.1, 4.3, constrained=False)
    with quiet_glyphs():
        draw_convergence(figure, figure.add_axes((0.12, 0.13, 0.87, 0.79)), report)
    return figure


def entropy_figure(report: Any, narrow: bool = False) -> Any:
    """The right panel by itself; on a narrow page with the names below it."""
    if narrow:
        return _narrow(report, draw_entropy)
    figure = new_figure(5.0, 4.3, constrained=False)
    with quiet_glyphs():
        draw_entropy(figure, figure.add_axes((0.14, 0.13, 0.84, 0.79)), report)
    return figure


def _narrow(report: Any, draw: Any) -> Any:
    """A panel in one column of a page, over the names of the runs with their lines and marks."""
    names = [textwrap.fill(label(e).replace("\n", " "), 48) for e in report.entrants]
    lines = sum(name.count("\n") + 1 for name in names)
    below = 0.185 * lines + 0.1
    height = 3.5 + below
    figure = new_figure(PANEL, height, constrained=False)
    bottom = (below + 0.62) / height
    with quiet_glyphs():
        axes = figure.add_axes((0.175, bottom, 0.8, 1 - bottom - 0.36 / height))
        draw(figure, axes, report, named=False)
        # How wide the numbers at the axis are is known once they are drawn.
        cut = 4.0 - axes.get_tightbbox().x0
        if cut > 0:
            left, low, width, tall = axes.get_position().bounds
            cut /= figure.bbox.width
            axes.set_position((left + cut, low, width - cut, tall))
        from matplotlib.lines import Line2D

        place = (below - 0.05) / height
        for k, name in enumerate(names):
            style, trusted = look(k), is_trusted(report.entrants[k])
            figure.add_artist(
                Line2D(
                    [0.02, 0.07, 0.12], [place - 0.08 / height] * 3, color=style["color"], marker=style["marker"], markevery=[1], markersize=5,
                    linewidth=1.6, linestyle="-" if trusted else (0, (4, 1.6)), markerfacecolor=style["color"] if trusted else PAPER,
                    transform=figure.transFigure,
                )
            )  # fmt: skip
            figure.text(0.15, place, name, fontsize=NORMAL, color=INK, va="top", linespacing=1.15, parse_math=False)
            place -= 0.185 * (name.count("\n") + 1) / height
    return figure


def key(report: Any) -> str:
    """What bands, bars and marks mean."""
    parts = [f"Bands: range of {report.repeats} repeats about the median; bars: one standard error."]
    if any(not is_trusted(e) for e in report.entrants):
        parts.append("Dashed, hollow, (!): not to be trusted; the table says why.")
    return "  ".join(parts)
