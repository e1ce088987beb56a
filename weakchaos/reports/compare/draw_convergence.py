"""The panel of error against draws, on log-log axes."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from weakchaos.core.figures import FADED, INK, NORMAL, PAPER, SMALL, absent, extent, look, place_labels, spread, tidy, title
from weakchaos.reports.compare.draw_labels import label
from weakchaos.reports.compare.row_flags import is_trusted

__all__ = ["draw_convergence"]

_LEAD = 26.0  # pixels between the axes and the names at their right


def _curve(entrant: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Draw counts, median, least and largest error, where the median can stand on a logarithmic axis."""
    t, e = np.asarray(entrant.draws, np.float64), np.atleast_2d(np.asarray(entrant.errors, np.float64))
    if t.size == 0 or e.shape[1] != t.size:
        return None
    median = np.median(e, axis=0)
    keep = np.isfinite(e).all(0) & (median > 0) & (t > 0)
    return (t[keep], median[keep], e.min(0)[keep], e.max(0)[keep]) if keep.any() else None


def draw_convergence(figure: Any, axes: Any, report: Any, named: bool = True) -> None:
    """Draw median errors with the range of the repeats, the names of the runs at their ends where they are `named`, and the guides."""
    tidy(axes)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("draws", fontsize=NORMAL, color=INK)
    kind = report.error_kind if named else textwrap.fill(report.error_kind, 36)
    axes.set_ylabel(kind, fontsize=NORMAL, color=INK, parse_math=False)
    title(axes, "Error against draws")
    curves = [_curve(e) for e in report.entrants]
    shown = [(k, c) for k, c in enumerate(curves) if c is not None]
    if not shown:
        absent(axes, "no error above zero to show: the averages of all runs are exact, or none was measured")
        return
    _limits(axes, [c for _, c in shown])
    for order, (k, (t, median, low, high)) in enumerate(shown):
        entrant, style = report.entrants[k], look(k)
        trusted = is_trusted(entrant)
        axes.fill_between(t, np.maximum(low, 1e-300), high, color=style["color"], alpha=0.16, linewidth=0, zorder=2)
        axes.plot(
            t, median, color=style["color"], linewidth=1.8, linestyle="-" if trusted else (0, (4, 1.6)), zorder=4 + 0.01 * order
        )
        axes.plot(
            t[-1:], median[-1:], color=style["color"], marker=style["marker"], markersize=6, linestyle="none", clip_on=False, zorder=6,
            markerfacecolor=style["color"] if trusted else PAPER, markeredgewidth=1.4,
        )  # fmt: skip
    last = max(c[0][-1] for _, c in shown)
    inner = [(k, c) for k, c in shown if c[0][-1] < 0.6 * last] if named else []
    if named:
        _end_labels(figure, axes, [(k, c) for k, c in shown if c[0][-1] >= 0.6 * last], report)
    guides = _guides(axes, [c for _, c in shown])
    if inner:
        _inner_labels(figure, axes, inner, report, [c for _, c in shown], guides)
    zero = [label(e).replace("\n", " ") for e, c in zip(report.entrants, curves, strict=True) if c is None]
    if zero:
        text = textwrap.fill("no error above zero: " + " | ".join(zero), 60 if named else 38)
        axes.text(0.01, 0.02, text, transform=axes.transAxes, fontsize=SMALL, color=FADED, va="bottom", parse_math=False)


def _limits(axes: Any, curves: list) -> None:
    t = np.concatenate([c[0] for c in curves])
    median = np.concatenate([c[1] for c in curves])
    low = np.concatenate([c[2] for c in curves])
    high = np.concatenate([c[3] for c in curves])
    # One repeat that is right by luck must not take half of the picture.
    bottom = max(low[low > 0].min(initial=median.min()), 0.3 * median.min())
    axes.set_ylim(bottom / 1.5, max(high.max(), median.max()) * 1.6)
    axes.set_xlim(t.min() / 1.15, t.max() * 1.08 if t.max() > t.min() else t.max() * 2)


def _end_labels(figure: Any, axes: Any, shown: list, report: Any) -> None:
    """Names at the right ends of the curves, moved apart, with room taken from the axes."""
    ends = [(label(report.entrants[k]), look(k)["color"], c[0][-1], c[1][-1]) for k, c in shown]
    texts = [
        figure.text(0, 0, name, color=INK, fontsize=NORMAL, va="center", ha="left", linespacing=1.05, parse_math=False)
        for name, *_ in ends
    ]
    sizes = [extent(text) for text in texts]
    width, height = figure.bbox.width, figure.bbox.height
    box = axes.get_position()
    room = max(w for w, _ in sizes) + _LEAD + 8.0
    axes.set_position((box.x0, box.y0, max(box.width - room / width, 0.15), box.height))
    box = axes.get_position()
    final = axes.transData.transform([(t, y) for *_, t, y in ends])
    gap = min(max(h for _, h in sizes) + 3.0, 0.98 * height / len(ends))
    y = spread(final[:, 1], gap)
    y = y - max(0.0, y.max() - (box.y1 * height + gap))
    y = y + max(0.0, box.y0 * height - y.min())
    from matplotlib.lines import Line2D

    for text, place, (_, colour, *_), end in zip(texts, y, ends, final, strict=True):
        x = box.x1 * width + _LEAD
        text.set_position((x / width, place / height))
        line = np.array([(end[0] + 6, end[1]), (box.x1 * width + 11, end[1]), (x - 9, place), (x - 4, place)]) / (width, height)
        figure.add_artist(Line2D(line[:, 0], line[:, 1], color=colour, linewidth=0.8, transform=figure.transFigure))


def _inner_labels(figure: Any, axes: Any, shown: list, report: Any, curves: list, guides: list) -> None:
    """Names of curves that end early, beside their ends."""
    early = [(label(report.entrants[k]), c[0][-1], c[1][-1]) for k, c in shown]
    texts = [
        axes.annotate(
            name, (t, y), xytext=(0, 0), textcoords="offset points", fontsize=NORMAL, color=INK, ha="center", va="center", zorder=8,
            linespacing=1.05, parse_math=False,
        )
        for name, t, y in early
    ]  # fmt: skip
    pixels = np.concatenate([axes.transData.transform(np.column_stack(_dense(c[0], c[1]))) for c in curves])
    frame = axes.get_window_extent()
    points = axes.transData.transform([(t, y) for _, t, y in early])
    taken = [*guides, *np.concatenate([pixels - 3, pixels + 3], axis=1), *np.concatenate([points - 7, points + 7], axis=1)]
    offsets = place_labels(points, [extent(t) for t in texts], (frame.x0, frame.y0, frame.x1, frame.y1), taken)
    for text, offset in zip(texts, offsets, strict=True):
        text.set_position(tuple(np.array(offset) * 72.0 / figure.dpi))


def _guides(axes: Any, curves: list) -> list[np.ndarray]:
    """The two rates, through one point at the upper left, each named where it is farthest from the curves; the boxes they take."""
    from matplotlib.patheffects import withStroke

    high, (bottom, top) = axes.get_xlim()[1], axes.get_ylim()
    t0 = min(c[0][0] for c in curves)
    e0 = top / 1.25
    pixels = np.concatenate([axes.transData.transform(np.column_stack(_dense(c[0], c[1]))) for c in curves])
    taken: list[np.ndarray] = []
    for power, name in ((-0.5, "1/√T"), (-1.0, "1/T")):
        axes.plot([t0, high], [e0, e0 * (high / t0) ** power], color=FADED, linewidth=0.9, linestyle=(0, (5, 4)), zorder=1)
        leaves = min(high, t0 * (bottom / e0) ** (1 / power))
        at = t0 * (leaves / t0) ** np.linspace(0.35, 0.9, 23)
        places = axes.transData.transform(np.column_stack([at, e0 * (at / t0) ** power]))
        distance = np.hypot(*(places[:, None] - pixels[None]).transpose(2, 0, 1)).min(1)
        k = int(np.argmax(np.minimum(distance, 40.0)))
        angle = np.degrees(np.arctan2(*(places[-1] - places[0])[::-1]))
        axes.annotate(
            name, (at[k], e0 * (at[k] / t0) ** power), xytext=(0, 0), textcoords="offset points", rotation=angle, ha="center", va="center",
            rotation_mode="anchor", fontsize=NORMAL, color=FADED, zorder=7, path_effects=[withStroke(linewidth=3.5, foreground=PAPER)],
        )  # fmt: skip
        line = places[0] + np.linspace(0.0, 1.2, 100)[:, None] * (places[-1] - places[0])
        taken += [*np.concatenate([line - 3, line + 3], axis=1), np.concatenate([places[k] - 15, places[k] + 15])]
    return taken


def _dense(t: np.ndarray, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A curve at 200 points evenly spaced in log draws."""
    logs = np.linspace(np.log(t[0]), np.log(t[-1]), 200)
    return np.exp(logs), np.exp(np.interp(logs, np.log(t), np.log(e)))
