"""Pictures of draws: the series of each chain, the ranks of each chain among all, and pairs of variables through ArviZ."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.core.figures import COLOURS, FADED, INK, NORMAL, SMALL, tidy, title

__all__ = ["plot_draws", "plot_pairs"]

_MOST = 16  # numbers, where none were asked for
_MOST_PAIRS = 16  # numbers of a pair plot
_ROWS = 40
_BINS = 20


def _ranks(x: np.ndarray) -> np.ndarray:
    """Counts of the ranks of each chain, shape (chains, bins), over what they are on average where all chains draw from one distribution."""
    from scipy.stats import rankdata

    chains, n = x.shape
    ranks = (rankdata(x).reshape(chains, n) - 0.5) / (chains * n)
    counts = np.stack([np.histogram(row, _BINS, (0.0, 1.0))[0] for row in ranks])
    return counts * _BINS / n


def extremes(x: np.ndarray, columns: int) -> np.ndarray:
    """Places of the least and the largest value of each of `columns` stretches, in their order: all that a picture of so many columns shows.

    Examples
    --------
    >>> extremes(np.array([0.0, 3.0, 1.0, -1.0, 2.0, 2.5, 9.0, 2.2]), 2).tolist()
    [1, 3, 4, 6]
    """
    n = x.size
    if n <= 2 * columns:
        return np.arange(n)
    edges = np.linspace(0, n, columns + 1).astype(np.int64)
    filled = np.where(np.isnan(x), np.inf, x), np.where(np.isnan(x), -np.inf, x)
    pairs = [sorted((int(a + np.argmin(filled[0][a:b])), int(a + np.argmax(filled[1][a:b])))) for a, b in itertools.pairwise(edges)]
    return np.unique(pairs)


def plot_draws(
    labels: list[str],
    draws: np.ndarray,
    diverging: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    path: Any = None,
    everything: bool = False,
    width: float = 9.5,
) -> Any:
    """One row a number: draws of each chain in their order, and how the ranks of each chain are spread.

    Parameters
    ----------
    labels : list of str
    draws : array of shape (chain, draw, n)
    diverging : bool array of shape (chain, draw), optional
        Draws that are marked below the series.
    weights : array of shape (chain, draw), optional
        Ranks count draws alike, so that there are none where draws have weights.
    path : path, optional
    everything : bool
        Draw all numbers (up to forty), not the first sixteen.
    width : float
        Of the figure, in inches; in one that is narrower than five, ranks stand below the draws.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Ranks as in Vehtari et al. (2021), doi:10.1214/20-BA1221: uniform for every chain where chains agree; the grey band holds 95 % of
    the counts of independent draws.
    """
    from matplotlib.figure import Figure
    from scipy.stats import binom

    shown = min(len(labels), _ROWS if everything else _MOST)
    if everything and shown < len(labels):
        raise ArgumentError(f"`names` must choose at most {_ROWS} numbers for one picture; they are {len(labels)}")
    if not shown or not draws.shape[1]:
        raise ArgumentError("there is nothing to draw: the trace holds no draw, or `names` is empty")
    chains, n = draws.shape[:2]
    if width < 5:
        figure = Figure(figsize=(width, 0.6 + 2.6 * shown), dpi=130, layout="constrained")
        axes = figure.subplots(2 * shown, 1, squeeze=False).reshape(shown, 2)
    else:
        figure = Figure(figsize=(width, 0.9 + 1.35 * shown), dpi=130, layout="constrained")
        axes = figure.subplots(shown, 2, squeeze=False, gridspec_kw={"width_ratios": [2.2, 1]})
    band = binom.ppf([0.025, 0.975], n, 1 / _BINS) * _BINS / n
    columns = 300 if width > 8 else 150
    for k in range(shown):
        left, right = axes[k]
        x = draws[:, :, k]
        for chain in range(chains):
            colour = COLOURS[chain % len(COLOURS)]
            at = extremes(x[chain], columns)
            left.plot(at, x[chain, at], color=colour, linewidth=0.5, alpha=0.75)
        if diverging is not None and diverging.any():
            low = float(np.nanmin(x))
            for chain in range(chains):
                at = np.flatnonzero(diverging[chain])
                left.plot(at, np.full(at.size, low), "|", color=INK, markersize=6, label="divergence" if chain == 0 else None)
        title(left, labels[k])
        tidy(left)
        left.tick_params(labelsize=SMALL)
        tidy(right)
        right.tick_params(labelsize=SMALL)
        if weights is not None:
            right.text(
                0.5,
                0.5,
                "draws have weights:\nno ranks",
                ha="center",
                va="center",
                fontsize=NORMAL,
                color=FADED,
                transform=right.transAxes,
            )
            right.set_xticks([])
            right.set_yticks([])
            continue
        edges = np.linspace(0.0, 1.0, _BINS + 1)
        right.axhspan(band[0], band[1], color=FADED, alpha=0.15, linewidth=0)
        for chain, counts in enumerate(_ranks(x)):
            right.stairs(counts, edges, color=COLOURS[chain % len(COLOURS)], linewidth=1.0, baseline=None)
        right.set_ylim(bottom=0)
    axes[-1][0].set_xlabel("draw", fontsize=NORMAL, color=INK)
    axes[-1][1].set_xlabel("rank among all chains", fontsize=NORMAL, color=INK)
    if diverging is not None and diverging.any():
        axes[0][0].legend(frameon=False, fontsize=SMALL, labelcolor=INK, loc="upper right")
    if shown < len(labels):
        figure.suptitle(f"the first {shown} of {len(labels)} numbers; `names` chooses others", fontsize=SMALL, color=FADED)
    if path is not None:
        figure.savefig(path)
    return figure


def plot_pairs(tree: Any, names: Any = None, path: Any = None) -> Any:
    """ArviZ's pair plot of a tree, with its divergences.

    Raises
    ------
    ImportError
        When neither arviz-plots nor ArviZ before 1.0 is installed.
    """
    names = [names] if isinstance(names, str) else names
    try:
        from arviz_plots import plot_pair
    except ImportError:
        plot_pair = None
    if plot_pair is not None:
        marked = (
            bool(tree["sample_stats"]["diverging"].any())
            if "sample_stats" in tree and "diverging" in tree["sample_stats"]
            else False
        )
        from arviz_base import rc_context, rcParams

        # ArviZ draws 40 panels, which are those of six numbers, and refuses more.
        most = rcParams["plot.max_subplots"]
        with rc_context({"plot.max_subplots": None if most is None else max(most, _MOST_PAIRS**2)}):
            made = plot_pair(tree, var_names=names, visuals={"divergence": marked}, backend="matplotlib")
        if path is not None:
            made.savefig(path)
        return made
    try:
        import arviz
    except ImportError as error:
        raise ImportError("the pair plot is ArviZ's: pip install arviz-plots") from error
    groups = {
        name: {k: v.values for k, v in tree[name].data_vars.items()} for name in ("posterior", "sample_stats") if name in tree
    }
    dims = {k: list(v.dims[2:]) for k, v in tree["posterior"].data_vars.items()}
    coords = {k: v.values for k, v in tree["posterior"].coords.items() if k not in ("chain", "draw")}
    made = arviz.plot_pair(
        arviz.from_dict(**groups, dims=dims, coords=coords), var_names=names, divergences="sample_stats" in groups
    )
    if path is not None:
        np.ravel(made)[0].figure.savefig(path)
    return made
