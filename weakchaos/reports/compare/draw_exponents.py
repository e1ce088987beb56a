"""The panel of slope against entropy rate."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from weakchaos.core.figures import FADED, INK, LEADER, NORMAL, PAPER, SMALL, absent, extent, look, place_labels, tidy, title
from weakchaos.reports.compare.columns import finite
from weakchaos.reports.compare.draw_labels import label
from weakchaos.reports.compare.row_flags import is_trusted

__all__ = ["draw_entropy"]


def draw_entropy(figure: Any, axes: Any, report: Any, named: bool = True) -> None:
    """Draw one point a run, with a bar of one standard error, and its name beside it where they are `named`."""
    tidy(axes)
    axes.set_xlabel(
        f"entropy rate of the readout{' ' if named else chr(10)}(nats per draw and coordinate)", fontsize=NORMAL, color=INK
    )
    axes.set_ylabel("slope of log error against log draws", fontsize=NORMAL, color=INK)
    title(axes, "Slope against entropy rate")
    rows = [
        (k, finite(e.row.get("entropy_rate")), finite(e.row.get("slope")), finite(e.row.get("slope_se")))
        for k, e in enumerate(report.entrants)
    ]
    points = [(k, x, y, se or 0.0) for k, x, y, se in rows if x is not None and y is not None]
    hidden = [label(report.entrants[k]).replace("\n", " ") for k, x, y, _ in rows if x is None or y is None]
    slopes = [v for _, _, y, se in points for v in (y - se, y + se)] + [-1.0, -0.5]
    pad = 0.12 * max(max(slopes) - min(slopes), 0.5)
    axes.set_ylim(min(slopes) - pad, max(slopes) + pad)
    entropies = [x for _, x, _, _ in points] or [0.0, 1.0]
    pad = max(0.16 * (max(entropies) - min(entropies)), 0.05)
    axes.set_xlim(min(entropies) - pad, max(entropies) + pad)
    axes.locator_params(nbins=7)
    taken = _reference_slopes(axes, points)
    if hidden:
        text = textwrap.fill("no slope or entropy rate: " + " | ".join(hidden), 55 if named else 38)
        axes.text(
            0.99, 0.01, text, transform=axes.transAxes, fontsize=SMALL, color=FADED, va="bottom", ha="right", parse_math=False
        )
    _points(figure, axes, report, points, taken, named)


def _reference_slopes(axes: Any, points: list) -> list[np.ndarray]:
    """The slopes of independent draws and of the best herding, named at the side that is emptier; the boxes they take."""
    taken = []
    frame = axes.get_window_extent()
    pixels = axes.transData.transform([(x, y) for _, x, y, _ in points]) if points else np.empty((0, 2))
    for value, name in ((-0.5, "-1/2, independent draws"), (-1.0, "-1, herding at its best")):
        axes.axhline(value, color=FADED, linewidth=0.9, linestyle=(0, (5, 4)), zorder=1)
        level = axes.transData.transform((0, value))[1]
        near = pixels[np.abs(pixels[:, 1] - level) < 30, 0]
        right = (near < frame.x0 + 0.5 * frame.width).sum() > (near >= frame.x0 + 0.5 * frame.width).sum()
        text = axes.annotate(
            name, (float(right), value), xycoords=("axes fraction", "data"), xytext=(-3 if right else 3, 2), textcoords="offset points",
            fontsize=SMALL, color=FADED, va="bottom", ha="right" if right else "left",
        )  # fmt: skip
        box = text.get_window_extent()
        taken += [np.array([box.x0, box.y0, box.x1, box.y1]), np.array([frame.x0, level - 6, frame.x1, level + 6])]
    return taken


def _points(figure: Any, axes: Any, report: Any, points: list, taken: list, named: bool) -> None:
    if not points:
        absent(axes, "no run has both a slope and an entropy rate")
        return
    for k, x, y, se in points:
        style = look(k)
        axes.errorbar(
            [x], [y], yerr=[se] if se else None, color=style["color"], marker=style["marker"], markersize=7.5, linestyle="none",
            elinewidth=1.3, capsize=3, markerfacecolor=style["color"] if is_trusted(report.entrants[k]) else PAPER, markeredgewidth=1.5,
            zorder=4,
        )  # fmt: skip
    if not named:
        return
    pixels = axes.transData.transform([(x, y) for _, x, y, _ in points])
    for (_, x, y, se), (px, py) in zip(points, pixels, strict=True):
        ends = axes.transData.transform([(x, y - se), (x, y + se)])[:, 1]
        taken += [np.array([px - 9, py - 9, px + 9, py + 9]), np.array([px - 3, ends[0], px + 3, ends[1]])]
    texts = [
        axes.annotate(
            label(report.entrants[k]), (x, y), xytext=(0, 0), textcoords="offset points", fontsize=NORMAL, color=INK, ha="center", va="center",
            linespacing=1.05, zorder=8, parse_math=False,
        )
        for k, x, y, _ in points
    ]  # fmt: skip
    sizes = [extent(text) for text in texts]
    frame = axes.get_window_extent()
    scale = 72.0 / figure.dpi
    offsets = place_labels(pixels, sizes, (frame.x0, frame.y0, frame.x1, frame.y1), taken)
    for text, (k, x, y, _), (dx, dy), (w, h) in zip(texts, points, offsets, sizes, strict=True):
        text.set_position((dx * scale, dy * scale))
        text.set_multialignment("left" if dx > w / 2 else "right" if dx < -w / 2 else "center")
        edge = np.array([np.clip(0, dx - w / 2, dx + w / 2), np.clip(0, dy - h / 2, dy + h / 2)])
        if np.hypot(*edge) > LEADER:
            axes.annotate(
                "", (x, y), xytext=tuple(edge * scale), textcoords="offset points", zorder=3,
                arrowprops={"arrowstyle": "-", "color": look(k)["color"], "linewidth": 0.8, "shrinkA": 1, "shrinkB": 4},
            )  # fmt: skip
