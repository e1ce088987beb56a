"""Recurrence quantification, streamed.

Marwan, Romano, Thiel and Kurths, Phys. Rep. 438 (2007) 237, doi:10.1016/j.physrep.2006.11.001: R_ij = 1 where points i and j are at most a
radius apart. One pass over the upper triangle serves all radii and holds, for each radius, one running length for every diagonal and every
column, never the matrix: memory grows as n, time as n^2. By symmetry the part of a vertical line below the main diagonal is a horizontal
run above it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.compiled import kernel
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.diagnostics.embedding import embed
from weakchaos.diagnostics.recorded import as_series, theiler_window, tie_notes, whole
from weakchaos.diagnostics.result import Result

__all__ = ["Recurrence", "recurrence_quantification"]

_USUAL_RATE = 0.05


@kernel
def _lines(columns, radii, maximum, skip_diagonal, skip_vertical, diagonals, verticals):
    """Histograms of line lengths; cells with |i - j| < skip are left out of the lines of that kind."""
    dim, n = columns.shape
    count = radii.size
    last = count - 1
    bounds = radii.copy() if maximum else radii * radii
    bound = bounds[last]
    along = np.zeros((count, n), np.int64)  # running length of each diagonal
    down = np.zeros((count, n), np.int64)  # and of each column
    across = np.zeros(count, np.int64)
    distance = np.empty(n)
    for i in range(n):
        # A vertical line that reaches the main diagonal from above goes on below it, which is to the right along this row.
        for c in range(count):
            across[c] = down[c, i]
        distance[i:] = 0.0
        for d in range(dim):
            origin = columns[d, i]
            if maximum:
                for j in range(i, n):
                    step = abs(columns[d, j] - origin)
                    distance[j] = step if step > distance[j] else distance[j]
            else:
                for j in range(i, n):
                    step = columns[d, j] - origin
                    distance[j] += step * step
        for j in range(i, n):
            gap = j - i
            # The largest radius holds the longest lines: where it has none running, no radius has.
            if distance[j] > bound and across[last] == 0 and along[last, gap] == 0 and down[last, j] == 0:
                continue
            for c in range(count):
                close = distance[j] <= bounds[c]
                if gap >= skip_diagonal:
                    if close:
                        along[c, gap] += 1
                    elif along[c, gap] > 0:
                        diagonals[c, along[c, gap]] += 1
                        along[c, gap] = 0
                close = close and gap >= skip_vertical
                if close:
                    across[c] += 1
                elif across[c] > 0:
                    verticals[c, across[c]] += 1
                    across[c] = 0
                if gap > 0:
                    if close:
                        down[c, j] += 1
                    elif down[c, j] > 0:
                        verticals[c, down[c, j]] += 1
                        down[c, j] = 0
        for c in range(count):
            if across[c] > 0:
                verticals[c, across[c]] += 1
    for gap in range(n):
        for c in range(count):
            if along[c, gap] > 0:
                diagonals[c, along[c, gap]] += 1


@dataclass(frozen=True)
class Recurrence(Result):
    """Measures of recurrence at each radius; ``float`` gives the determinism at the radius whose rate is closest to 5 %.

    Attributes
    ----------
    radii : array of shape (k,)
    rate : array of shape (k,)
        Recurrent cells as a share of the cells outside of the diagonal Theiler window (RR).
    determinism : array of shape (k,)
        Share of recurrent cells on diagonal lines of at least ``min_diagonal`` (DET); 0 where nothing recurs.
    mean_diagonal, longest_diagonal, diagonal_entropy : arrays of shape (k,)
        Of those lines (L, Lmax, ENTR); the entropy of their lengths in nats. The divergence DIV is ``1 / longest_diagonal``.
    laminarity : array of shape (k,)
        Share of recurrent cells, outside of the vertical window, on vertical lines of at least ``min_vertical`` (LAM).
    trapping_time, longest_vertical, vertical_entropy : arrays of shape (k,)
        Of those lines (TT, Vmax, VENTR).
    """

    radii: np.ndarray = field(default_factory=lambda: np.empty(0))
    rate: np.ndarray = field(default_factory=lambda: np.empty(0))
    determinism: np.ndarray = field(default_factory=lambda: np.empty(0))
    mean_diagonal: np.ndarray = field(default_factory=lambda: np.empty(0))
    longest_diagonal: np.ndarray = field(default_factory=lambda: np.empty(0))
    diagonal_entropy: np.ndarray = field(default_factory=lambda: np.empty(0))
    laminarity: np.ndarray = field(default_factory=lambda: np.empty(0))
    trapping_time: np.ndarray = field(default_factory=lambda: np.empty(0))
    longest_vertical: np.ndarray = field(default_factory=lambda: np.empty(0))
    vertical_entropy: np.ndarray = field(default_factory=lambda: np.empty(0))

    def in_base(self, base: float) -> Recurrence:
        """Not meaningful: the value is a share, not an entropy."""
        raise ArgumentError("`in_base` does not apply: determinism is a share; divide the entropies by log(base) instead")

    def rows(self) -> list[dict[str, float]]:
        """One dictionary of all measures a radius."""
        names = ["radii", "rate", "determinism", "mean_diagonal", "longest_diagonal", "diagonal_entropy"]
        names += ["laminarity", "trapping_time", "longest_vertical", "vertical_entropy"]
        return [{("radius" if k == "radii" else k): float(getattr(self, k)[i]) for k in names} for i in range(self.radii.size)]


def _summary(histogram: np.ndarray, least: int) -> tuple[float, float, float, float]:
    """Share of cells on lines of at least `least`, mean and longest of these, entropy of their lengths."""
    lengths = np.arange(histogram.size)
    cells = float((histogram * lengths).sum())
    counts, long = histogram[least:], lengths[least:]
    number = counts.sum()
    if number == 0:
        return 0.0, 0.0, 0.0, 0.0
    share = counts[counts > 0] / number
    entropy = float(-(share * np.log(share)).sum()) if share.size > 1 else 0.0
    return float((counts * long).sum() / cells), float((counts * long).sum() / number), float(long[counts > 0][-1]), entropy


def recurrence_quantification(
    x: Any,
    radius: Any = None,
    dim: int = 1,
    delay: int = 1,
    norm: str = "maximum",
    theiler_diagonal: int | None = None,
    theiler_vertical: int = 1,
    min_diagonal: int = 2,
    min_vertical: int = 2,
) -> Recurrence:
    """Recurrence quantification of a series or of an orbit, for one radius or many, in memory that grows as the series.

    Parameters
    ----------
    x : array of shape (n,) or (n, d)
        A series, which is embedded, or points of an orbit, which are not.
    radius : float or sequence of floats, optional
        All are measured in the same pass; one with a recurrence rate of about 5 % by default.
    dim, delay : int
        Embedding of a series.
    norm : {"maximum", "euclidean"}
    theiler_diagonal : int, optional
        Cells with ``|i - j|`` below this are left out of the rate and of diagonal lines: 1 leaves out the main diagonal. `theiler_window`
        of the series (of the first coordinate of an orbit) by default.
    theiler_vertical : int
        The same for vertical lines, whose tangential motion may be wanted; 0 keeps the main diagonal.
    min_diagonal, min_vertical : int
        The shortest lines that count.

    Returns
    -------
    Recurrence
        ``curve``: radii and determinism.

    Raises
    ------
    ArgumentError

    References
    ----------
    Marwan, Romano, Thiel and Kurths, Phys. Rep. 438 (2007) 237, doi:10.1016/j.physrep.2006.11.001.

    Examples
    --------
    >>> result = recurrence_quantification([0.0, 1.0] * 50, radius=0.5, theiler_diagonal=1)
    >>> float(result), float(result.longest_diagonal[0])
    (1.0, 98.0)
    """
    array = np.asarray(x)
    if array.ndim == 2 and 1 not in array.shape:
        columns = [as_series(array[:, k], 20, constant=True) for k in range(array.shape[1])]
        points, series = np.stack(columns, axis=1), columns[0]
        if dim != 1 or delay != 1:
            raise ArgumentError("`dim` and `delay` embed a series of shape (n,); the points of an orbit are used as they are")
    else:
        series = as_series(x, 20)
        points = embed(series, dim, delay)
    if norm not in ("maximum", "euclidean"):
        raise ArgumentError(f"`norm` must be 'maximum' or 'euclidean'; got {shown(norm)}")
    n = len(points)
    window = min(theiler_window(series), n // 4) if theiler_diagonal is None else whole(theiler_diagonal, "theiler_diagonal", 0)
    vertical = whole(theiler_vertical, "theiler_vertical", 0)
    if max(window, vertical) >= n:
        raise ArgumentError(f"Theiler windows must be shorter than the {n} points; got {window} and {vertical}")
    whole(min_diagonal, "min_diagonal", 1)
    whole(min_vertical, "min_vertical", 1)
    radii = _radii(points, radius, norm, window)
    diagonals, verticals = np.zeros((2, radii.size, n + 1), np.int64)
    _lines(np.ascontiguousarray(points.T), radii, norm == "maximum", window, vertical, diagonals, verticals)
    cells = (n - window) * (n - window + 1) / 2
    table = np.array(
        [[*_summary(d, min_diagonal), *_summary(v, min_vertical)] for d, v in zip(diagonals, verticals, strict=True)]
    ).T
    rate = (diagonals * np.arange(n + 1)).sum(1) / cells
    best = int(np.argmin(np.abs(rate - _USUAL_RATE)))
    notes = list(tie_notes(series))
    if rate[best] == 0:
        notes.append("nothing recurs within the radius: enlarge `radius`")
    if rate[best] > 0.5:
        notes.append(f"{100 * rate[best]:.0f} % of all pairs are recurrent: reduce `radius`")
    parameters = {"norm": norm, "dim": points.shape[1], "delay": delay, "theiler_diagonal": window, "theiler_vertical": vertical}
    parameters |= {"min_diagonal": min_diagonal, "min_vertical": min_vertical, "radius": float(radii[best])}
    return Recurrence(float(table[0, best]), None, (radii, table[0]), None, parameters, tuple(notes), radii, rate, *table)


def _radii(points: np.ndarray, radius: Any, norm: str, window: int) -> np.ndarray:
    if radius is None:
        rng = np.random.default_rng(0)
        i, j = rng.integers(0, len(points), (2, 50_000))
        apart = np.abs(i - j) >= max(window, 1)
        steps = np.abs(points[i[apart]] - points[j[apart]])
        distance = steps.max(1) if norm == "maximum" else np.sqrt((steps**2).sum(1))
        return np.array([np.quantile(distance, _USUAL_RATE)])
    radii = np.unique(np.atleast_1d(np.asarray(radius, np.float64)))
    if radii.ndim != 1 or radii.size == 0 or not np.isfinite(radii).all() or radii[0] < 0:
        raise ArgumentError(f"`radius` must be one or more finite numbers that are not negative; got {shown(radius)}")
    return radii
