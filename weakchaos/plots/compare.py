"""The picture of a comparison: error against draws on log-log axes, and slope against entropy rate."""

from __future__ import annotations

import textwrap
import warnings
from typing import Any

import numpy as np

from weakchaos.plots.cells import finite
from weakchaos.plots.status import is_trusted
from weakchaos.plots.style import FADED, INK, LEADER, PAPER, look, place_labels, spread, tidy
from weakchaos.plots.tables import heading

__all__ = ["convergence_figure", "entropy_figure", "key", "plot_report"]

_DPI = 150
_LABEL_WIDTH = 20
_LEAD = 26.0  # pixels between the axes and the names at their right
_SMALL, _NORMAL, _TITLE = 8.0, 9.0, 10.5


def plot_report(report: Any, path: Any = None) -> Any:
    """Error against draws (left) and slope against entropy rate (right).

    Left: the median over repeats, the range of the repeats as a band, and the guides T^(-1/2) of independent draws and 1/T. Right: the
    slope with its standard error, over the entropy rate of the readout. Runs that are not to be trusted are dashed, hollow and named
    with ``(!)``. Nothing of pyplot is touched, so no window opens and no global state changes.

    Parameters
    ----------
    report : weakchaos.Report
    path : path, optional
        Where to save the figure (PNG at 150 dots per inch, or what the suffix says).

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
    figure = _new_figure(12.0, 5.2)
    left = figure.add_axes((0.066, 0.155, 0.515, 0.705))
    right = figure.add_axes((0.648, 0.155, 0.338, 0.705))
    # Glyphs that the font lacks are drawn as boxes; a warning for each would drown those that matter.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.text(0.012, 0.985, heading(report), fontsize=_TITLE, weight="bold", color=INK, va="top", parse_math=False)
        figure.text(0.012, 0.022, key(report), fontsize=_SMALL, color=FADED, va="bottom", parse_math=False)
        _draw_convergence(figure, left, report)
        _draw_entropy(figure, right, report)
        if path is not None:
            figure.savefig(path, dpi=_DPI, facecolor=PAPER)
    return figure


def convergence_figure(report: Any) -> Any:
    """The left panel by itself."""
    figure = _new_figure(6.6, 4.4)
    _draw_convergence(figure, figure.add_axes((0.115, 0.13, 0.875, 0.79)), report)
    return figure


def entropy_figure(report: Any) -> Any:
    """The right panel by itself."""
    figure = _new_figure(5.4, 4.4)
    _draw_entropy(figure, figure.add_axes((0.135, 0.13, 0.84, 0.79)), report)
    return figure


def _new_figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def key(report: Any) -> str:
    """What bands, bars and marks mean."""
    parts = [f"Bands: range of {report.repeats} repeats about the median; bars: one standard error."]
    if any(not is_trusted(e) for e in report.entrants):
        parts.append("Dashed, hollow, (!): not to be trusted; the table says why.")
    return "  ".join(parts)


def _label(entrant: Any) -> str:
    name = " ".join(str(entrant.name).split()) + ("" if is_trusted(entrant) else " (!)")
    return "\n".join(textwrap.wrap(name, _LABEL_WIDTH))


def _extent(figure: Any, text: Any) -> tuple[float, float]:
    box = text.get_window_extent(figure.canvas.get_renderer())
    return box.width, box.height


def _title(axes: Any, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=_TITLE, color=INK, pad=8)


# ---- error against draws ---------------------------------------------------------------------------------------------------------------


def _curve(entrant: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Draw counts, median, least and largest error, where the median can stand on a logarithmic axis."""
    t, e = np.asarray(entrant.draws, np.float64), np.atleast_2d(np.asarray(entrant.errors, np.float64))
    if t.size == 0 or e.shape[1] != t.size:
        return None
    median = np.median(e, axis=0)
    keep = np.isfinite(e).all(0) & (median > 0) & (t > 0)
    return (t[keep], median[keep], e.min(0)[keep], e.max(0)[keep]) if keep.any() else None


def _draw_convergence(figure: Any, axes: Any, report: Any) -> None:
    tidy(axes)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("draws", fontsize=_NORMAL, color=INK)
    axes.set_ylabel(report.error_kind, fontsize=_NORMAL, color=INK, parse_math=False)
    _title(axes, "Error against draws")
    curves = [_curve(e) for e in report.entrants]
    shown = [(k, c) for k, c in enumerate(curves) if c is not None]
    if not shown:
        axes.text(0.5, 0.5, "no error above zero to show", transform=axes.transAxes, ha="center", color=FADED, fontsize=_NORMAL)
        return
    _limits(axes, [c for _, c in shown])
    for order, (k, (t, median, low, high)) in enumerate(shown):
        entrant, style = report.entrants[k], look(k)
        trusted = is_trusted(entrant)
        axes.fill_between(t, np.maximum(low, 1e-300), high, color=style["color"], alpha=0.16, linewidth=0, zorder=2)
        axes.plot(t, median, color=style["color"], linewidth=1.8, linestyle="-" if trusted else (0, (4, 1.6)), zorder=4 + 0.01 * order)
        axes.plot(
            t[-1:], median[-1:], color=style["color"], marker=style["marker"], markersize=6, linestyle="none", clip_on=False, zorder=6,
            markerfacecolor=style["color"] if trusted else PAPER, markeredgewidth=1.4,
        )  # fmt: skip
    last = max(c[0][-1] for _, c in shown)
    inner = [(k, c) for k, c in shown if c[0][-1] < 0.6 * last]
    _end_labels(figure, axes, [(k, c) for k, c in shown if c[0][-1] >= 0.6 * last], report)
    guides = _guides(figure, axes, [c for _, c in shown])
    if inner:
        _inner_labels(figure, axes, inner, report, [c for _, c in shown], guides)
    zero = [_label(e).replace("\n", " ") for e, c in zip(report.entrants, curves, strict=True) if c is None]
    if zero:
        text = textwrap.fill("no error above zero: " + " | ".join(zero), 60)
        axes.text(0.01, 0.02, text, transform=axes.transAxes, fontsize=_SMALL, color=FADED, va="bottom", parse_math=False)


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
    ends = [(_label(report.entrants[k]), look(k)["color"], c[0][-1], c[1][-1]) for k, c in shown]
    texts = [
        figure.text(0, 0, name, color=INK, fontsize=_NORMAL, va="center", ha="left", linespacing=1.05, parse_math=False)
        for name, *_ in ends
    ]
    sizes = [_extent(figure, text) for text in texts]
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
    early = [(_label(report.entrants[k]), c[0][-1], c[1][-1]) for k, c in shown]
    texts = [
        axes.annotate(
            name, (t, y), xytext=(0, 0), textcoords="offset points", fontsize=_NORMAL, color=INK, ha="center", va="center", zorder=8,
            linespacing=1.05, parse_math=False,
        )
        for name, t, y in early
    ]  # fmt: skip
    pixels = np.concatenate([axes.transData.transform(np.column_stack(_dense(c[0], c[1]))) for c in curves])
    frame = axes.get_window_extent()
    points = axes.transData.transform([(t, y) for _, t, y in early])
    taken = [*guides, *np.concatenate([pixels - 3, pixels + 3], axis=1), *np.concatenate([points - 7, points + 7], axis=1)]
    offsets = place_labels(points, [_extent(figure, t) for t in texts], (frame.x0, frame.y0, frame.x1, frame.y1), taken)
    for text, offset in zip(texts, offsets, strict=True):
        text.set_position(tuple(np.array(offset) * 72.0 / figure.dpi))


def _guides(figure: Any, axes: Any, curves: list) -> list[np.ndarray]:
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
            rotation_mode="anchor", fontsize=_NORMAL, color=FADED, zorder=7, path_effects=[withStroke(linewidth=3.5, foreground=PAPER)],
        )  # fmt: skip
        line = places[0] + np.linspace(0.0, 1.2, 100)[:, None] * (places[-1] - places[0])
        taken += [*np.concatenate([line - 3, line + 3], axis=1), np.concatenate([places[k] - 15, places[k] + 15])]
    return taken


def _dense(t: np.ndarray, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A curve at 200 points evenly spaced in log draws."""
    logs = np.linspace(np.log(t[0]), np.log(t[-1]), 200)
    return np.exp(logs), np.exp(np.interp(logs, np.log(t), np.log(e)))


# ---- slope against entropy rate --------------------------------------------------------------------------------------------------------


def _draw_entropy(figure: Any, axes: Any, report: Any) -> None:
    tidy(axes)
    axes.set_xlabel("entropy rate of the readout (nats per draw and coordinate)", fontsize=_NORMAL, color=INK)
    axes.set_ylabel("slope of log error against log draws", fontsize=_NORMAL, color=INK)
    _title(axes, "Slope against entropy rate")
    rows = [(k, finite(e.row.get("entropy_rate")), finite(e.row.get("slope")), finite(e.row.get("slope_se"))) for k, e in enumerate(report.entrants)]
    points = [(k, x, y, se or 0.0) for k, x, y, se in rows if x is not None and y is not None]
    hidden = [_label(report.entrants[k]).replace("\n", " ") for k, x, y, _ in rows if x is None or y is None]
    slopes = [v for _, _, y, se in points for v in (y - se, y + se)] + [-1.0, -0.5]
    pad = 0.12 * max(max(slopes) - min(slopes), 0.5)
    axes.set_ylim(min(slopes) - pad, max(slopes) + pad)
    entropies = [x for _, x, _, _ in points] or [0.0, 1.0]
    pad = max(0.16 * (max(entropies) - min(entropies)), 0.02 * max(map(abs, entropies)), 0.01)
    axes.set_xlim(min(entropies) - pad, max(entropies) + pad)
    taken = _reference_slopes(figure, axes, points)
    if hidden:
        text = textwrap.fill("no slope or entropy rate: " + " | ".join(hidden), 55)
        axes.text(0.99, 0.01, text, transform=axes.transAxes, fontsize=_SMALL, color=FADED, va="bottom", ha="right", parse_math=False)
    _points(figure, axes, report, points, taken)


def _reference_slopes(figure: Any, axes: Any, points: list) -> list[np.ndarray]:
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
            fontsize=_SMALL, color=FADED, va="bottom", ha="right" if right else "left",
        )  # fmt: skip
        box = text.get_window_extent(figure.canvas.get_renderer())
        taken += [np.array([box.x0, box.y0, box.x1, box.y1]), np.array([frame.x0, level - 6, frame.x1, level + 6])]
    return taken


def _points(figure: Any, axes: Any, report: Any, points: list, taken: list) -> None:
    if not points:
        return
    for k, x, y, se in points:
        style = look(k)
        axes.errorbar(
            [x], [y], yerr=[se] if se else None, color=style["color"], marker=style["marker"], markersize=7.5, linestyle="none",
            elinewidth=1.3, capsize=3, markerfacecolor=style["color"] if is_trusted(report.entrants[k]) else PAPER, markeredgewidth=1.5,
            zorder=4,
        )  # fmt: skip
    pixels = axes.transData.transform([(x, y) for _, x, y, _ in points])
    for (_, x, y, se), (px, py) in zip(points, pixels, strict=True):
        ends = axes.transData.transform([(x, y - se), (x, y + se)])[:, 1]
        taken += [np.array([px - 7, py - 7, px + 7, py + 7]), np.array([px - 3, ends[0], px + 3, ends[1]])]
    texts = [
        axes.annotate(
            _label(report.entrants[k]), (x, y), xytext=(0, 0), textcoords="offset points", fontsize=_NORMAL, color=INK, ha="center", va="center",
            linespacing=1.05, zorder=8, parse_math=False,
        )
        for k, x, y, _ in points
    ]  # fmt: skip
    sizes = [_extent(figure, text) for text in texts]
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
