"""How figures look: a palette that colour-blind readers can tell apart, and placement of labels that keeps them off each other.

Palette: Okabe and Ito, Color Universal Design (2008), https://jfly.uni-koeln.de/color/.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = [
    "COLOURS", "FADED", "GRID", "INK", "LEADER", "MARKERS", "NORMAL", "PANEL", "PAPER", "SMALL", "TITLE", "WIDE", "absent", "extent", "look", "new_figure",
    "place_labels", "quiet_glyphs", "spread", "tidy", "title",
]  # fmt: skip

# Ink, faded ink, grid and paper are values found nowhere else in a figure, so that a page can put its own in their place.
INK, FADED, GRID, PAPER = "#1c1f24", "#6a6f78", "#d9dce1", "#fefefd"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", INK)
SMALL, NORMAL, TITLE = 8.0, 9.0, 10.5  # points
# Inches of a panel on a page: in the narrowest column that a page gives it, 358 and 733 pixels, its smallest text has 11 pixels.
PANEL, WIDE = 3.6, 7.4
LEADER = 22.0  # pixels between a point and its label from which a line joins them
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def new_figure(width: float, height: float, constrained: bool = True) -> Any:
    """A matplotlib figure of so many inches that needs no pyplot: no window opens, no global state changes, and a notebook shows it.

    Examples
    --------
    >>> new_figure(2.0, 1.0)._repr_png_()[1:4]
    b'PNG'
    """
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(width, height), dpi=100, facecolor=PAPER, layout="constrained" if constrained else None)
    FigureCanvasAgg(figure)

    def png() -> bytes:
        buffer = io.BytesIO()
        with quiet_glyphs():
            figure.savefig(buffer, format="png", facecolor=PAPER)
        return buffer.getvalue()

    # Where pyplot was never imported, IPython knows no way to show a Figure but this one.
    figure._repr_png_ = png
    return figure


@contextmanager
def quiet_glyphs() -> Iterator[None]:
    """Glyphs that the font lacks are drawn as boxes; a warning for each would drown those that matter."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def look(k: int) -> dict[str, str]:
    """Colour and marker of the k-th run; after seven both begin again, one step apart."""
    return {"color": COLOURS[k % len(COLOURS)], "marker": MARKERS[(k + k // len(COLOURS)) % len(MARKERS)]}


def extent(text: Any) -> tuple[float, float]:
    """Width and height of a text in pixels."""
    box = text.get_window_extent()
    return box.width, box.height


def title(axes: Any, text: str) -> None:
    """The title of a panel, at its left, in two lines where the figure is as narrow as one column of a page."""
    if axes.figure.figure.get_figwidth() <= PANEL:
        text = textwrap.fill(text, 42)
    axes.set_title(text, loc="left", fontsize=TITLE, color=INK, pad=8)


def absent(axes: Any, text: str) -> None:
    """Say in a panel that has nothing to show why it has nothing."""
    narrow = axes.figure.figure.get_figwidth() <= PANEL
    said = "\n".join(textwrap.fill(line, 36 if narrow else 60) for line in text.split("\n"))
    axes.text(0.5, 0.5, said, transform=axes.transAxes, ha="center", va="center", fontsize=SMALL + 1, color=FADED, parse_math=False)


def tidy(axes: Any) -> None:
    """Two spines, a faint grid, small ticks."""
    axes.set_facecolor("none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FADED)
        axes.spines[side].set_linewidth(0.8)
    axes.tick_params(which="both", color=FADED, labelcolor=INK, labelsize=9, width=0.8)
    axes.tick_params(which="minor", length=2)
    axes.grid(True, which="major", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def spread(centres: Any, gap: float) -> np.ndarray:
    """Positions at least `gap` apart, in the order of `centres` and as near to them as that allows (least squares).

    Examples
    --------
    >>> spread([0.0, 0.0, 10.0], 2.0).tolist()
    [-1.0, 1.0, 10.0]
    """
    wanted = np.asarray(centres, np.float64)
    order = np.argsort(wanted, kind="stable")
    if not len(wanted):
        return wanted
    from scipy.optimize import isotonic_regression

    # In coordinates with the gaps taken out the order is all that is left to keep.
    flat = isotonic_regression(wanted[order] - gap * np.arange(len(wanted))).x
    out = np.empty(len(wanted))
    out[order] = flat + gap * np.arange(len(wanted))
    return out


def _candidates(size: tuple[float, float]) -> list[tuple[float, float]]:
    """Centres of a label around its point, nearest first; right and above are read most easily."""
    width, height = size
    out = []
    for reach in (7.0, 16.0, 28.0, 44.0, 64.0, 90.0, 120.0, 155.0, 190.0):
        for angle in (0, 90, 270, 180, 45, 315, 135, 225, 22, 338, 158, 202, 68, 292, 112, 248):
            x, y = np.cos(np.radians(angle)), np.sin(np.radians(angle))
            out.append((x * (reach + width / 2), y * (reach + height / 2)))
    return out


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """The area that boxes `a` and boxes `b` share, summed over all pairs."""
    a, b = a.reshape(-1, 1, 4), b.reshape(1, -1, 4)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return float(np.maximum(sides, 0.0).prod(-1).sum())


def _leader(point: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Small boxes along the line from a point to its label; none where the label is so near that no line is drawn."""
    edge = np.clip(point, box[:2], box[2:])
    if np.hypot(*(edge - point)) < LEADER:
        return np.empty((0, 4))
    along = point + np.linspace(0.1, 0.95, max(8, int(np.hypot(*(edge - point)) / 3)))[:, None] * (edge - point)
    return np.concatenate([along - 2.0, along + 2.0], axis=1)


def place_labels(points: Any, sizes: Any, frame: Any, taken: Any = ()) -> list[tuple[float, float]]:
    """Offsets of label centres from their points, chosen one after the other to cover nothing, or else the least.

    Parameters
    ----------
    points : array of shape (n, 2)
    sizes : array of shape (n, 2)
        Width and height of each label, in the units of the points.
    frame : (left, bottom, right, top)
        What labels should stay in.
    taken : array of shape (m, 4)
        Boxes (left, bottom, right, top) to stay off: markers, error bars, guides.

    Returns
    -------
    list of (float, float)
    """
    frame = np.asarray(frame, np.float64)
    boxes = np.asarray(taken, np.float64).reshape(-1, 4)
    labels = np.empty((0, 4))
    offsets = []
    for point, size in zip(np.asarray(points, np.float64), np.asarray(sizes, np.float64), strict=True):
        best, chosen, placed = np.inf, (0.0, 0.0), np.zeros(4)
        for rank, (x, y) in enumerate(_candidates(tuple(size))):
            centre = point + np.array([x, y])
            box = np.concatenate([centre - size / 2 - 1.5, centre + size / 2 + 1.5])
            outside = size.prod() - _overlap(np.concatenate([centre - size / 2, centre + size / 2]), frame)
            crossed = _overlap(_leader(point, box), labels)
            covered = 2.0 * _overlap(box, boxes) + 20.0 * _overlap(box, labels)
            cost = (
                3.0 * outside + 8.0 * crossed + covered + 0.5 * rank + 1.5 * np.hypot(*(np.clip(point, box[:2], box[2:]) - point))
            )
            if cost < best - 1e-9:
                best, chosen, placed = cost, (float(x), float(y)), box
        labels = np.concatenate([labels, placed[None]])
        boxes = np.concatenate([boxes, _leader(point, placed)])
        offsets.append(chosen)
    return offsets
