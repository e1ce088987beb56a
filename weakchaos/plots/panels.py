"""Panels of curves, as data, drawn side by side."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from weakchaos.core.figures import COLOURS, FADED, INK, SMALL, TITLE, look, new_figure, quiet_glyphs, tidy, title

__all__ = ["draw_panels"]

_FEW = 8  # ticks
_NAMED = 4  # names inside of a panel


def _draw(axes: Any, panel: Any, legend: bool = True) -> None:
    title(axes, panel.title)
    if panel.image is not None:
        axes.imshow(panel.image, cmap="gray", interpolation="nearest")
        axes.set_axis_off()
        return
    tidy(axes)
    measured = 0
    for k, curve in enumerate(panel.curves):
        x, y = np.asarray(curve.x, float), np.asarray(curve.y, float)
        if curve.kind == "theory":
            axes.plot(
                x,
                y,
                color=COLOURS[k % len(COLOURS)] if measured == 0 and k else FADED,
                lw=1.2,
                ls="--",
                label=curve.label,
                zorder=1,
            )
            continue
        style = look(measured)
        measured += 1
        many: dict[str, Any] = {"marker": None} if x.size > 60 and curve.kind != "points" else {"markersize": 4.0}
        if curve.kind == "points":
            many["linestyle"] = "none"
        if curve.stderr is None:
            axes.plot(x, y, lw=1.4, label=curve.label, **{**style, **many})
        else:
            axes.errorbar(x, y, np.asarray(curve.stderr, float), lw=1.4, capsize=2, label=curve.label, **{**style, **many})
    if panel.x_log:
        _log_x(axes, [np.asarray(curve.x, float) for curve in panel.curves])
    if panel.y_log:
        axes.set_yscale("log")
    if panel.ticks:
        axes.set_xticks(range(len(panel.ticks)), panel.ticks, rotation=35, ha="right")
    axes.set_xlabel(panel.x_label, color=INK)
    axes.set_ylabel(panel.y_label, color=INK)
    if len(panel.curves) > 1 and legend:
        axes.legend(fontsize=SMALL, frameon=False)


def _log_x(axes: Any, x: list[np.ndarray]) -> None:
    """A logarithmic axis with the places that were measured as its ticks where they are few; labels of minor ticks would run into each other."""
    from matplotlib.ticker import NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    places = np.unique(np.concatenate(x))
    if 2 <= places.size <= _FEW:
        axes.set_xticks(places, [f"{place:g}" for place in places])


def _names(panel: Any) -> list[str]:
    return [curve.label for curve in panel.curves]


def draw_panels(panels: Sequence[Any], heading: str = "", path: Any = None) -> Any:
    """Panels, at most three in a row, under one heading.

    Parameters
    ----------
    panels : sequence of Panel
        Objects with ``title``, ``x_label``, ``y_label``, ``curves``, ``x_log``, ``y_log``, ``image`` and ``ticks``, such as `weakchaos.experiments.Panel`.
    heading : str
    path : path, optional
        Where the figure is saved; it is then closed.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = min(3, max(1, len(panels)))
    rows = math.ceil(max(1, len(panels)) / columns)
    figure = new_figure(4.6 * columns, 3.7 * rows + 0.5)
    # So many names would hide what they name: where all panels have the same, they stand below.
    shared = len(panels) > 0 and len(panels[0].curves) > _NAMED and all(_names(panel) == _names(panels[0]) for panel in panels)
    for k, panel in enumerate(panels):
        _draw(figure.add_subplot(rows, columns, k + 1), panel, not shared)
    if shared:
        handles, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncol=columns + 1, fontsize=SMALL, frameon=False)
    if heading:
        figure.suptitle("\n".join(textwrap.wrap(heading, 42 * columns)), fontsize=TITLE, color=INK, x=0.01, ha="left")
    if path is not None:
        with quiet_glyphs():
            figure.savefig(path, dpi=150)
    return figure
