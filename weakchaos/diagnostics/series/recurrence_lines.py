"""Recurrence quantification without the recurrence matrix.

Marwan, Romano, Thiel and Kurths, Phys. Rep. 438 (2007) 237, doi:10.1016/j.physrep.2006.11.001: R_ij = 1 if the distance of points i and j is at
most the radius. Rows of R are made one after the other as sets of bits, 64 cells in a word. A diagonal line begins or ends where a bit differs from
the bit up and left of it; a vertical line, since R is symmetric, where a bit differs from its neighbour in the row. So cells are not examined one
by one; the time grows as n^2 / 64 plus the number of lines, and the memory as n.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.recorded import theiler_window, tie_notes
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.series.bitsets import count_runs, lowest_bit, near_point, ranked_times
from weakchaos.diagnostics.series.recurrence_radius import (
    USUAL_RATE,
    checked_radii,
    norm_code,
    prepared,
    radius_of_rate,
    recurrent_points,
)
from weakchaos.native.compiled import kernel

__all__ = ["Recurrence", "recurrence_quantification"]

_MEASURES = (
    "radii", "rate", "determinism", "mean_diagonal", "longest_diagonal", "diagonal_entropy", "laminarity", "trapping_time", "longest_vertical",
    "vertical_entropy",
)  # fmt: skip


@kernel
def _lines(columns, ranked, orders, stride, reach, norm, bounds, skip_diagonal, skip_vertical, diagonals, verticals):
    """Histograms of the lengths of lines above the main diagonal, and of all vertical ones; cells with |i - j| < skip are in no line of that kind."""
    dim, n = columns.shape
    count, words = reach.size, n // 64 + 1
    kept = np.empty((dim, n // stride + 1, words), np.uint64)
    for d in range(dim):
        kept[d] = ranked_times(orders[d], stride, words)
    rows, spare = np.zeros((2, count, words), np.uint64), np.empty(words, np.uint64)
    begun = np.zeros((count, n), np.int32)
    one, last = np.uint64(1), np.uint64(63)
    # One row more than there are: it is empty and ends what reaches the border.
    for i in range(n + 1):
        for c in range(count):
            row, before = rows[i % 2, c], rows[(i + 1) % 2, c]
            if i < n:
                near_point(columns, ranked, orders, kept, stride, i, reach[c], norm, bounds[c], spare, row)
            else:
                row[:] = 0
            low = i + skip_diagonal
            for w in range(low >> 6, words):
                change = row[w] ^ ((before[w] << one) | (before[w - 1] >> last if w > 0 else np.uint64(0)))
                if w == low >> 6:
                    change &= ~np.uint64(0) << np.uint64(low & 63)
                while change:
                    bit = lowest_bit(change)
                    change &= change - one
                    gap = 64 * w + bit - i
                    if (row[w] >> np.uint64(bit)) & one:
                        begun[c, gap] = i
                    else:
                        diagonals[c, i - begun[c, gap]] += 1
            if i < n and skip_vertical == 0:
                count_runs(row, 0, n, verticals[c])
            elif i < n:
                count_runs(row, 0, i - skip_vertical + 1, verticals[c])
                count_runs(row, i + skip_vertical, n, verticals[c])


@dataclass(frozen=True, repr=False)
class Recurrence(Result):
    """Measures of recurrence at each radius; ``float`` gives the determinism at the radius whose rate is closest to 5 %.

    Attributes
    ----------
    radii : array of shape (k,)
        Increasing radii.
    rate : array of shape (k,)
        Recurrent cells as a share of all cells with ``|i - j| >= theiler_diagonal`` (RR): ``(n - w) (n - w + 1)`` of them, n^2 for w = 0.
    determinism : array of shape (k,)
        Share of the recurrent cells, outside of the diagonal window, on diagonal lines of at least ``min_diagonal`` (DET); 0 if there are no
        recurrent cells.
    mean_diagonal, longest_diagonal, diagonal_entropy : arrays of shape (k,)
        Mean length, largest length, and entropy of the lengths in nats of those lines (L, Lmax, ENTR). The divergence DIV is
        ``1 / longest_diagonal``.
    laminarity : array of shape (k,)
        Share of the recurrent cells, outside of the vertical window, on vertical lines of at least ``min_vertical`` (LAM).
    trapping_time, longest_vertical, vertical_entropy : arrays of shape (k,)
        Mean length, largest length, and entropy of the lengths in nats of those lines (TT, Vmax, VENTR).
    diagonals, verticals : int64 arrays of shape (k, longest + 1)
        How many lines have each length, in the whole plot.
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
    diagonals: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.int64))
    verticals: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.int64))

    def in_base(self, base: float) -> Recurrence:
        """Not meaningful: the value is a share, not an entropy."""
        raise ArgumentError("`in_base` does not apply: determinism is a share; divide the entropies by log(base) instead")

    def rows(self) -> list[dict[str, float]]:
        """One dictionary of all measures for each radius."""
        return [{("radius" if k == "radii" else k): float(getattr(self, k)[i]) for k in _MEASURES} for i in range(self.radii.size)]


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
    r"""Recurrence quantification of a series or of an orbit, for one or many radii in one pass; the memory is proportional to the length.

    Parameters
    ----------
    x : array of shape (n,) or (n, d)
        A series, which is embedded, or points of an orbit, which are not.
    radius : float or sequence of floats, optional
        Pairs of points whose distance is at most the radius are recurrent. By default a radius at which about 5 % of all pairs are (see
        `radius_of_rate`).
    dim, delay : int
        Embedding of a series.
    norm : {"maximum", "manhattan", "euclidean"}
        Norm of the difference of two points: the largest absolute coordinate, the sum of the absolute coordinates, or the root of the sum of
        squares.
    theiler_diagonal : int, optional
        Cells with ``|i - j|`` below this are left out of the rate and of diagonal lines: 1 leaves out the main diagonal alone. By default
        one more than `theiler_window` of the series, or the largest one of the coordinates of an orbit.
    theiler_vertical : int
        The same for vertical lines. 0 keeps the main diagonal, which then joins the lines above and below it; a larger value leaves out tangential
        motion, which vertical lines may be meant to show.
    min_diagonal, min_vertical : int
        The shortest lines that count.

    Returns
    -------
    Recurrence
        ``curve``: radii and determinism.

    Raises
    ------
    ArgumentError

    Notes
    -----
    With the radius $\epsilon$, and P(l) the number of diagonal lines of length l, rate and determinism are

    $$R_{ij} = [\,|x_i - x_j| \le \epsilon\,], \qquad RR = \langle R_{ij} \rangle, \qquad DET = \frac{\sum_{l \ge l_{min}} l P(l)}{\sum_l l P(l)}.$$

    References
    ----------
    Marwan, Romano, Thiel and Kurths, Phys. Rep. 438 (2007) 237, doi:10.1016/j.physrep.2006.11.001.

    Examples
    --------
    >>> result = recurrence_quantification([0.0, 1.0] * 50, radius=0.5, theiler_diagonal=1)
    >>> float(result), float(result.longest_diagonal[0])
    (1.0, 98.0)
    """
    points, code = recurrent_points(x, dim, delay), norm_code(norm)
    n = len(points)
    if theiler_diagonal is None:
        theiler_diagonal = 1 + min(max(theiler_window(c) for c in points.T if c.min() < c.max()), n // 4)
    window, vertical = (
        whole_number(name, value, 0, n - 1)
        for name, value in (("theiler_diagonal", theiler_diagonal), ("theiler_vertical", theiler_vertical))
    )
    whole_number("min_diagonal", min_diagonal, 1, n), whole_number("min_vertical", min_vertical, 1, n)
    radii = radius_of_rate(points, USUAL_RATE, norm=norm, theiler=min(window, n // 2)) if radius is None else checked_radii(radius)
    diagonals, verticals = np.zeros((2, radii.size, n + 1), np.int64)
    _lines(*prepared(points, radii, code), window, vertical, diagonals, verticals)
    # The plot is symmetric; with a window of 0 the main diagonal, the one line of n cells, is in it once.
    diagonals *= 2
    cells = (n - window) * (n - window + 1)
    if window == 0:
        diagonals[:, n] -= 1
        cells = n * n
    lines = zip(diagonals, verticals, strict=True)
    table = np.array([[*_summary(d, min_diagonal), *_summary(v, min_vertical)] for d, v in lines]).T
    rate = (diagonals * np.arange(n + 1)).sum(1) / cells
    best = int(np.argmin(np.abs(rate - USUAL_RATE)))
    notes = list(tie_notes(points[:, 0]) if points.shape[1] == 1 else ())
    if rate[best] == 0:
        notes.append("nothing recurs within the radius: enlarge `radius`")
    if rate[best] > 0.5:
        notes.append(f"{100 * rate[best]:.0f} % of all pairs are recurrent: reduce `radius`")
    parameters = {"norm": norm, "dim": points.shape[1], "delay": delay, "theiler_diagonal": window, "theiler_vertical": vertical}
    parameters |= {"min_diagonal": min_diagonal, "min_vertical": min_vertical, "radius": float(radii[best]), "points": n}
    longest = [1 + int(np.flatnonzero(h.any(0))[-1]) if h.any() else 1 for h in (diagonals, verticals)]
    measures = dict(zip(_MEASURES[2:], table, strict=True))
    return Recurrence(
        value=float(table[0, best]),
        curve=(radii, table[0]),
        parameters=parameters,
        warnings=tuple(notes),
        radii=radii,
        rate=rate,
        diagonals=diagonals[:, : longest[0]].copy(),
        verticals=verticals[:, : longest[1]].copy(),
        **measures,
    )
