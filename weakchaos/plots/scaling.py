"""Figures of renormalization: depth scales, scaling of populations beside their null models, exponents of the Monte Carlo group."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.figures import COLOURS, FADED, GRID, INK, SMALL, look, new_figure, quiet_glyphs, tidy, title

__all__ = ["draw_depth_scales", "draw_exponents", "draw_population"]


def _save(figure: Any, path: Any) -> Any:
    if path is not None:
        with quiet_glyphs():
            figure.savefig(path, dpi=150)
    return figure


def _figure(columns: int) -> tuple[Any, list[Any]]:
    figure = new_figure(5.0 * columns, 4.0)
    return figure, [figure.add_subplot(1, columns, k + 1) for k in range(columns)]


def draw_depth_scales(activation: Any, sigma_b2: float = 0.05, most: float = 4.0, path: Any = None) -> Any:
    """The depth scale of correlations, which diverges on the critical line, and a map of trainable depths.

    Parameters
    ----------
    activation : str, callable, Activation or MeanField
    sigma_b2 : float
        Variance of the biases in the first panel.
    most : float
        Largest variance of weights.
    path : path, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    from weakchaos.renormalization.theory.mean_field import MeanField, mean_field
    from weakchaos.renormalization.theory.phases import phase_diagram

    theory = activation if isinstance(activation, MeanField) else mean_field(activation)
    figure, (left, right) = _figure(2)
    w = np.linspace(0.3, most, 400)
    cut = phase_diagram(theory, w, [sigma_b2])
    tidy(left)
    title(left, f"Depth scale at sigma_b^2 = {sigma_b2:g}")
    left.semilogy(w, np.where(cut.xi_c[0] < 1e4, cut.xi_c[0], np.nan), color=COLOURS[0], lw=1.6)
    line = theory.critical_line([sigma_b2])[0]
    if np.isfinite(line) and line < most:
        left.axvline(line, color=FADED, lw=0.8, ls="--")
        left.annotate(
            f"critical {line:.3f}",
            (line, left.get_ylim()[1] * 0.6),
            xytext=(5, 0),
            textcoords="offset points",
            fontsize=SMALL,
            color=INK,
        )
    left.set(xlabel="variance of weights x fan-in", ylabel="layers")
    b = np.linspace(0.0, 0.5, 90)
    diagram = phase_diagram(theory, w[::4], b)
    depth = np.clip(np.nan_to_num(diagram.trainable_depth(), nan=1.0, posinf=1e4), 1, 300)
    tidy(right)
    mesh = right.pcolormesh(w[::4], b, np.log10(depth), cmap="magma", shading="gouraud", rasterized=True)
    bar = figure.colorbar(mesh, ax=right, ticks=[0, 1, 2])
    bar.ax.set_yticklabels(["1", "10", "100"])
    bar.set_label("trainable depth, about six depth scales (layers)", fontsize=SMALL)
    title(right, "Trainable depth")
    right.grid(False)
    right.set(xlabel="variance of weights x fan-in", ylabel="variance of biases")
    return _save(figure, path)


def draw_population(result: Any, path: Any = None) -> Any:
    """Variance, silence and local exponent of a population by cluster size, with its null models.

    Parameters
    ----------
    result : PopulationRG
    path : path, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    quiet = result.data.silence is not None
    figure, panels = _figure(3 if quiet else 2)
    populations = {"data": result.data, **result.nulls}
    for k, (name, s) in enumerate(populations.items()):
        style = {"lw": 2.0 if name == "data" else 1.1, "ms": 4.5, **look(k), "label": name}
        panels[0].loglog(s.sizes, s.variance / s.variance[0], **style)
        panels[1].semilogx(s.sizes[1:], s.local, **style)
        if quiet and s.silence is not None:
            seen = s.silence > 0
            panels[2].loglog(s.sizes[seen], -np.log(s.silence[seen]), **style)
    sizes = result.data.sizes.astype(float)
    for slope, word in ((1, "independent"), (2, "identical")):
        panels[0].loglog(sizes, sizes**slope, color=FADED, lw=0.8, ls="--")
        panels[0].annotate(word, (sizes[-1], sizes[-1] ** slope), ha="right", va="bottom", fontsize=SMALL, color=FADED)
    names = [
        ("Variance of clusters", "relative to one unit"),
        ("Exponent of the variance, doubling by doubling", "alpha"),
        ("Silence", "-ln P(all silent)"),
    ]
    for axes, (text, label) in zip(panels, names, strict=False):
        tidy(axes)
        title(axes, text)
        axes.set(xlabel="units in a cluster", ylabel=label)
        axes.set_xscale("log", base=2)
        axes.grid(True, color=GRID)
    panels[1].set_ylim(0.9, 2.05)
    panels[0].legend(frameon=False, fontsize=SMALL)
    return _save(figure, path)


def draw_exponents(result: Any, exact: tuple[float, float] | None = (1.0, 1.875), path: Any = None) -> Any:
    """Exponents of a Monte Carlo renormalization group by step, with 1 to 4 couplings.

    Parameters
    ----------
    result : MonteCarloRG
    exact : (y_t, y_h), optional
        Exact exponents, drawn as lines; those of the two-dimensional Ising model by default.
    path : path, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, panels = _figure(2)
    steps = np.arange(1, len(result.sizes) + 1)
    for axes, values, errors, name, line in (
        (panels[0], result.y_t, result.y_t_stderr, "Thermal exponent y_t", None if exact is None else exact[0]),
        (panels[1], result.y_h, result.y_h_stderr, "Magnetic exponent y_h", None if exact is None else exact[1]),
    ):
        tidy(axes)
        title(axes, name)
        if line is not None:
            axes.axhline(line, color=INK, lw=0.9, ls="--")
        for n in range(values.shape[1]):
            shift = 0.06 * (n - 1.5)
            axes.errorbar(
                steps + shift,
                values[:, n],
                errors[:, n],
                capsize=2,
                lw=1.2,
                ms=4.5,
                label=f"{n + 1} coupling{'s' * (n > 0)}",
                **look(n),
            )
        axes.set_xticks(steps, [f"{s} to {s // result.b}" for s in result.sizes])
        axes.set_xlabel("side of the lattice")
    panels[0].legend(frameon=False, fontsize=SMALL)
    return _save(figure, path)
