"""Figures of a probed network: its layers on the phase diagram, correlations by depth, and the spectrum of the Jacobian as it spreads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.figures import COLOURS, FADED, INK, NORMAL, PAPER, SMALL, absent, new_figure, quiet_glyphs, tidy, title

__all__ = ["KINDS", "draw_probe", "flow_panel", "phase_panel", "theory_flow", "waterfall_panel"]

KINDS = ("flow", "phase", "waterfall")


def theory_flow(report: Any, q: float, c: float) -> np.ndarray | None:
    """Correlation at each layer, computed from that at the first by the mean-field maps with the variances of each layer; None if a layer has no variances."""
    from weakchaos.renormalization.theory.mean_field import mean_field

    rows = report.rows
    if report.activation is None or any(not math.isfinite(r["sigma_w2"]) for r in rows) or not math.isfinite(c):
        return None
    theory = mean_field(report.activation)
    out = [c]
    for row in rows[1:]:
        overlap = row["sigma_w2"] * theory.pair(q, min(max(c, -1.0), 1.0)) + row["sigma_b2"]
        q = theory.length_map(q, row["sigma_w2"], row["sigma_b2"])
        c = min(1.0, overlap / q)
        out.append(c)
    return np.array(out)


def _axis_names(axes: Any, x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=NORMAL, color=INK)
    axes.set_ylabel(y, fontsize=NORMAL, color=INK)


def flow_panel(axes: Any, report: Any) -> None:
    """Mean cosine between inputs by depth: measured, and by the theory with a band of finite width."""
    tidy(axes)
    title(axes, "Correlation of inputs by depth")
    layers = np.arange(1, len(report.rows) + 1)
    classes = [k for k in ("c_same", "c_diff") if math.isfinite(report.rows[0][k])]
    names = {"c_same": "same class", "c_diff": "different classes", "c": "all pairs"}
    for i, key in enumerate(classes or ["c"]):
        values = np.array([r[key] for r in report.rows])
        colour = COLOURS[i]
        axes.plot(layers, values, color=colour, marker="o", ms=3.5, lw=1.4, label=names[key])
        theory = theory_flow(report, report.rows[0]["q"], float(values[0]))
        if theory is not None:
            band = np.cumsum([0.5 / r["width"] for r in report.rows]) ** 0.5
            axes.plot(layers, theory, color=colour, lw=1.0, ls="--", label="theory" if i == 0 else None)
            axes.fill_between(
                layers, theory - band * (1 - theory**2), theory + band * (1 - theory**2), color=colour, alpha=0.12, lw=0
            )
    _axis_names(axes, "layer", "mean cosine")
    axes.axhline(0, color=FADED, lw=0.6)
    axes.legend(frameon=False, fontsize=SMALL, labelcolor=INK)


def phase_panel(axes: Any, report: Any, after: Any = None) -> None:
    """Each layer as a dot at its variances on the phase diagram of its activation, with an arrow to its place in another report."""
    from weakchaos.renormalization.theory.phases import phase_diagram

    rows = [r for r in report.rows if math.isfinite(r["sigma_w2"])]
    if not rows:
        absent(axes, "the layers have no weights of their own")
        return
    later = [] if after is None else [r for r in after.rows if math.isfinite(r["sigma_w2"])]
    w = np.array([[r["sigma_w2"], r["sigma_b2"]] for r in rows])
    w2 = np.array([[r["sigma_w2"], r["sigma_b2"]] for r in later]) if len(later) == len(rows) else None
    both = w if w2 is None else np.concatenate([w, w2])
    top_w, top_b = max(3.0, 1.15 * both[:, 0].max()), max(0.1, 1.3 * both[:, 1].max())
    tidy(axes)
    if report.activation is not None:
        x, y = np.linspace(0.02, top_w, 90), np.linspace(0, top_b, 60)
        diagram = phase_diagram(report.activation, x, y)
        field = np.clip(diagram.lyapunov, -1, 1)
        axes.contourf(x, y, field, levels=np.linspace(-0.5, 0.5, 41), cmap="RdBu_r", extend="both", alpha=0.6)
        if np.nanmin(field) < 0 < np.nanmax(field):
            axes.contour(x, y, field, levels=[0.0], colors=INK, linewidths=1.2)
        box = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
        axes.text(0.02, 0.96, "ordered", transform=axes.transAxes, va="top", color=INK, fontsize=NORMAL, bbox=box)
        axes.text(0.98, 0.96, "chaotic", transform=axes.transAxes, va="top", ha="right", color=INK, fontsize=NORMAL, bbox=box)
    order = np.linspace(0, 1, len(w))
    if w2 is not None:
        for a, b in zip(w, w2, strict=True):
            axes.annotate("", b, a, arrowprops={"arrowstyle": "->", "color": INK, "lw": 0.7, "shrinkA": 2, "shrinkB": 2})
        axes.scatter(*w2.T, c=order, cmap="viridis", s=26, edgecolor=INK, linewidth=0.6, marker="s", zorder=3, label="after")
    axes.scatter(
        *w.T, c=order, cmap="viridis", s=30, edgecolor=INK, linewidth=0.6, zorder=4, label="before" if w2 is not None else None
    )
    if w2 is not None:
        axes.legend(frameon=False, fontsize=SMALL, labelcolor=INK, loc="lower right")
    name = report.activation or "unknown activation"
    title(axes, f"Layers on the phase diagram ({name}; dark first)")
    _axis_names(axes, "variance of weights x fan-in", "variance of biases")
    axes.set(xlim=(0, top_w), ylim=(-0.02 * top_b, top_b))


def waterfall_panel(axes: Any, report: Any, spectrum: Any = None, directions: int = 32) -> None:
    """Logarithm of the stretching from the input to each depth, in each of the leading directions."""
    from weakchaos.renormalization.networks.depth_spectra import depth_spectrum

    if spectrum is None:
        options = report.options
        size = int(np.prod(np.shape(report.inputs)[1:]))
        tidy(axes)
        title(axes, "Spectrum of the Jacobian by depth")
        try:
            spectrum = depth_spectrum(
                report.model, report.inputs[:2], min(directions, size), options["activation"], options["layers"], options["seed"]
            )
        except ArgumentError as error:
            # The rest of a report stands where no derivative leads through the whole network.
            absent(axes, str(error))
            return
    total = np.cumsum(spectrum.by_layer, axis=0)
    tidy(axes)
    title(axes, "Spectrum of the Jacobian by depth")
    depth, count = total.shape
    for k in range(count):
        shade = 0.15 + 0.75 * k / max(1, count - 1)
        finite = np.isfinite(total[:, k])
        axes.plot(np.arange(1, depth + 1)[finite], total[finite, k], color=(shade * 0.9, 0.35 + 0.3 * shade, 0.7), lw=0.9)
    axes.axhline(0, color=INK, lw=0.8)
    _axis_names(axes, "layer", "ln stretching (QR), nats")


def draw_probe(report: Any, kind: str = "flow", path: Any = None, after: Any = None, ax: Any = None) -> Any:
    """One picture of a `ProbeReport`.

    Parameters
    ----------
    report : ProbeReport
    kind : {"flow", "phase", "waterfall"}
    path : path, optional
        Where it is saved.
    after : ProbeReport, optional
        The same network later, for arrows on the phase diagram.
    ax : matplotlib.axes.Axes, optional
        Axes of your own to draw on; a new figure otherwise.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
    """
    if kind not in KINDS:
        raise ArgumentError(f"`kind` must be one of {', '.join(KINDS)}; got {shown(kind)}")
    axes = new_figure(6.4, 4.4).add_subplot() if ax is None else ax
    figure = axes.figure.figure  # of axes in a subfigure too
    if kind == "flow":
        flow_panel(axes, report)
    elif kind == "phase":
        phase_panel(axes, report, after)
    else:
        waterfall_panel(axes, report)
    if kind == "phase":
        axes.grid(False)
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)
    if path is not None:
        with quiet_glyphs():
            figure.savefig(path, dpi=150)
    return figure
