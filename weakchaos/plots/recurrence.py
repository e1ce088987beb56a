"""Recurrence plots of long series, and recurrence measures over the radius."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.figures import COLOURS, FADED, INK, NORMAL, PAPER, SMALL, new_figure, quiet_glyphs, tidy, title
from weakchaos.diagnostics.series.recurrence_lines import Recurrence, recurrence_quantification
from weakchaos.diagnostics.series.recurrence_pixels import recurrence_image
from weakchaos.diagnostics.series.recurrence_radius import radius_of_rate

__all__ = ["draw_sweep", "plot_recurrence", "plot_sweep"]

_DPI = 150
_SHARES = np.geomspace(0.002, 0.5, 24)


def plot_recurrence(
    x: Any,
    radius: float | None = None,
    dim: int = 1,
    delay: int = 1,
    norm: str = "maximum",
    dt: float = 1.0,
    pixels: int = 600,
    sweep: bool = True,
    path: Any = None,
) -> Any:
    """The series, its recurrence plot, and the recurrence measures as functions of the radius.

    A long series is coarse-grained while the rows of the plot are made: the darkness of a pixel is the square root of the share of its cells that are
    recurrent, so that few recurrences are visible. Time and memory are those of `recurrence_quantification`; no matrix is stored. The measures are
    computed at 24 radii in one pass, and the radius of the plot is marked among them.

    Parameters
    ----------
    x : array of shape (n,) or (n, d)
        A series, or points of an orbit, of which the first coordinate is drawn.
    radius, dim, delay, norm
        As for `recurrence_quantification`.
    dt : float
        Time between two numbers, for the axes.
    pixels : int
        Largest number of rows and columns of the plot.
    sweep : bool
        Whether to draw the measures over the radius.
    path : path, optional
        Where to save the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> figure = plot_recurrence(np.sin(0.2 * np.arange(300.0)), radius=0.1, sweep=False)
    >>> figure.axes[1].get_images()[0].get_array().shape
    (300, 300)
    """
    if not real_number("dt", dt) > 0:
        raise ArgumentError(f"`dt` must be a positive number; got {shown(dt)}")
    if radius is None:
        radius = float(radius_of_rate(x, 0.05, dim, delay, norm)[0])
    image = recurrence_image(x, radius, whole_number("pixels", pixels, 2), dim, delay, norm)
    orbit = np.asarray(x, np.float64)
    series = orbit[:, 0] if orbit.ndim == 2 and 1 not in orbit.shape else orbit.ravel()
    points = series.size - (dim - 1) * delay
    block, end = -(-points // pixels), points * dt
    drawn = len(image) * block * dt
    figure = new_figure(10.4 if sweep else 5.6, 6.0)
    grid = figure.add_gridspec(2, 2 if sweep else 1, height_ratios=(1, 4.4), width_ratios=(1.15, 1) if sweep else (1,))
    top = figure.add_subplot(grid[0, 0])
    tidy(top)
    top.plot(*_outline(series, dt), color=INK, linewidth=0.6)
    top.set_xlim(0, end)
    top.tick_params(labelbottom=False)
    title(top, "Series")
    axes = figure.add_subplot(grid[1, 0], sharex=top)
    shade = np.sqrt(image)
    axes.imshow(
        shade, cmap="Greys", origin="lower", extent=(0, drawn, 0, drawn), vmin=0, vmax=_darkest(shade), interpolation="nearest"
    )
    axes.set_aspect("auto")
    axes.set_xlim(0, end)
    axes.set_ylim(0, end)
    axes.set_xlabel("time" if block == 1 else f"time; {block} points a pixel", fontsize=NORMAL, color=INK)
    axes.set_ylabel("time", fontsize=NORMAL, color=INK)
    axes.tick_params(labelsize=NORMAL, color=FADED)
    title(axes, f"Recurrence plot: {norm} norm, radius {radius:.3g}")
    if sweep:
        radii = np.unique(radius_of_rate(x, _SHARES, dim, delay, norm))
        result = recurrence_quantification(x, np.append(radii[radii > 0], radius), dim, delay, norm)
        draw_sweep(figure.add_subplot(grid[:, 1]), result, radius)
    if path is not None:
        with quiet_glyphs():
            figure.savefig(path, dpi=_DPI)
    return figure


def plot_sweep(result: Recurrence, path: Any = None) -> Any:
    """Recurrence rate, determinism and laminarity over the radius.

    Parameters
    ----------
    result : Recurrence
        Result of `recurrence_quantification` with several radii.
    path : path, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> result = recurrence_quantification(np.random.default_rng(0).random(200), [0.01, 0.1, 0.3])
    >>> [line.get_label() for line in plot_sweep(result).axes[0].lines[:3]]
    ['determinism', 'laminarity', 'recurrence rate']
    """
    figure = new_figure(6.0, 4.4)
    draw_sweep(figure.add_subplot(), result)
    if path is not None:
        with quiet_glyphs():
            figure.savefig(path, dpi=_DPI)
    return figure


def draw_sweep(axes: Any, result: Recurrence, radius: float | None = None) -> None:
    """Draw the three measures, named at their curves' ends, and mark a radius."""
    drawn = result.radii > 0
    if drawn.sum() < 2:
        raise ArgumentError(f"`result` must hold at least two positive radii; got {shown(result.radii.tolist())}")
    tidy(axes)
    axes.set_xscale("log")
    curves = (("determinism", result.determinism), ("laminarity", result.laminarity), ("recurrence rate", result.rate))
    for (name, values), colour, style in zip(curves, COLOURS, ("-", "--", ":"), strict=False):
        axes.plot(result.radii[drawn], values[drawn], color=colour, linewidth=1.8, linestyle=style, label=name)
    if radius is not None:
        axes.axvline(radius, color=FADED, linewidth=0.9, zorder=1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("radius", fontsize=NORMAL, color=INK)
    axes.legend(fontsize=SMALL + 1, facecolor=PAPER, edgecolor="none", framealpha=1.0, loc="best")
    parameters = result.parameters
    title(axes, f"Measures over the radius, |i - j| from {parameters['theiler_diagonal']}")


def _darkest(shade: np.ndarray) -> float:
    """Black is what a hundredth of the pixels reach, the main diagonal not counted; 1 where the plot is empty."""
    rest = shade[~np.eye(len(shade), dtype=bool)]
    level = float(np.quantile(rest, 0.99))
    return level if level > 0 else 1.0


def _outline(series: np.ndarray, dt: float, most: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """The series, or the least and the largest number of each stretch where there are too many to draw."""
    if series.size <= most:
        return dt * np.arange(series.size), series
    edges = np.linspace(0, series.size, most // 2 + 1).astype(np.int64)[:-1]
    ends = np.stack([np.minimum.reduceat(series, edges), np.maximum.reduceat(series, edges)], axis=1)
    return dt * np.repeat(edges, 2), ends.ravel()
