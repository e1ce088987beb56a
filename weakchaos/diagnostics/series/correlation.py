"""Correlation sums: the share of pairs of delay vectors that are close, for all radii and embedding dimensions in one pass.

Grassberger and Procaccia, Physica D 9 (1983) 189, doi:10.1016/0167-2789(83)90298-1:

    C_m(r) = (pairs i, j with max_{k < m} |x_{i + k delay} - x_{j + k delay}| <= r and |i - j| > theiler) / (all pairs with |i - j| > theiler).

Pairs that are close in time are left out (Theiler, Phys. Rev. A 34 (1986) 2427, doi:10.1103/PhysRevA.34.2427). The distance in m + 1 dimensions
is the maximum of the distance in m dimensions and one more difference. The bits of this floating-point number give its cell in a histogram of
eight cells per octave, so a pair takes a few instructions per dimension and nothing is stored. The loop over the dimensions ends when the
distance of the pair exceeds the largest requested radius.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.diagnostics.recorded import as_series, theiler_window
from weakchaos.diagnostics.series.embedding import embedding_delay
from weakchaos.native.compiled import kernel

__all__ = ["CorrelationSums", "correlation_sums"]

_OCTAVES = 60
_CELLS = 8 * _OCTAVES
PAIRS = 10**8
_STRETCHES = 8


@kernel
def _pair_counts(x, references, delay, theiler, allowed, top, begin, pairs, counts):
    """counts[a, b, m, cell]: pairs of stretches a <= b by their distance in m + 1 dimensions, from the first cell to the one before `top`;
    `allowed` is taken off, so that a distance equal to the end of a cell is inside of it."""
    stretches, dims, cells = counts.shape[1], counts.shape[2], counts.shape[3]
    bits = np.empty(1, np.float64)
    word = bits.view(np.int64)
    a = 0
    for i in references:
        while i >= begin[a + 1]:
            a += 1
        for b in range(a, stretches):
            for j in range(max(i + theiler + 1, begin[b]), begin[b + 1]):
                pairs[a, b] += 1
                distance = 0.0
                for m in range(dims):
                    step = abs(x[i + m * delay] - x[j + m * delay])
                    if step > distance:
                        distance = step
                    # Sign, exponent and three bits of the fraction number the cells; 2.0 begins the one past the last.
                    bits[0] = distance - allowed
                    cell = (word[0] >> 49) - (1024 << 3) + cells
                    if cell >= top:
                        break
                    counts[a, b, m, max(cell, 0)] += 1


@dataclass(frozen=True)
class CorrelationSums:
    """Correlation sums of a series in several embedding dimensions.

    Attributes
    ----------
    radii : array of shape (k,)
        Increasing, eight per octave.
    sums : array of shape (dims, k)
        Share of the pairs whose distance is at most each radius, in 1 .. dims dimensions, in the maximum norm.
    pairs : int
        Number of pairs that were examined.
    delay, theiler : int
    without : array of shape (8, dims, k)
        The same sums without the pairs that have a point in the first, second, ... or last of eight parts of the series, for standard errors.
    """

    radii: np.ndarray
    sums: np.ndarray
    pairs: int
    delay: int
    theiler: int
    without: np.ndarray


def correlation_sums(
    x: Any,
    max_dim: int = 10,
    delay: int | None = None,
    theiler: int | None = None,
    max_pairs: int = PAIRS,
    max_radius: float | None = None,
) -> CorrelationSums:
    r"""The share of pairs of delay vectors that are close, for all radii and dimensions in one pass and without a matrix.

    Parameters
    ----------
    x : array of shape (n,)
    max_dim : int
    delay : int, optional
        `embedding_delay` by default.
    theiler : int, optional
        Only pairs that are more than this many steps apart are counted; at least 1; `theiler_window` by default.
    max_pairs : int
        In longer series only every so many points are reference points, so that there are about this many pairs.
    max_radius : float, optional
        Larger radii are left out, which saves time; the range of the series by default.

    Returns
    -------
    CorrelationSums

    Raises
    ------
    ArgumentError

    Notes
    -----
    Over pairs of the delay vectors $x_i$ whose times differ by more than the Theiler window,

    $$C(r) = P\left(|x_i - x_j| \le r\right).$$

    References
    ----------
    Grassberger and Procaccia, Physica D 9 (1983) 189, doi:10.1016/0167-2789(83)90298-1.

    Examples
    --------
    >>> sums = correlation_sums(np.random.default_rng(0).random(500), max_dim=2, delay=1, theiler=1)
    >>> i = np.searchsorted(sums.radii, 0.2)
    >>> bool(abs(sums.sums[0, i] - (2 * sums.radii[i] - sums.radii[i] ** 2)) < 0.02)
    True
    """
    series = as_series(x, 100, differences=True)
    max_dim, max_pairs = whole_number("max_dim", max_dim, 1), whole_number("max_pairs", max_pairs, 100)
    lag = int(embedding_delay(series).value) if delay is None else whole_number("delay", delay, 1)
    window = theiler_window(series) if theiler is None else whole_number("theiler", theiler, 1)
    if max_radius is not None and not real_number("max_radius", max_radius) > 0:
        raise ArgumentError(f"`max_radius` must be positive; got {shown(max_radius)}")
    if most_dimensions(series.size, lag, window) < max_dim:
        raise ArgumentError(
            f"`x` is too short for {max_dim} dimensions with delay {lag} and a Theiler window of {window}; got {series.size} numbers"
        )
    rows = series.size - (max_dim - 1) * lag
    step = max(1, math.ceil((rows - window) * (rows - window - 1) / 2 / max_pairs))
    # With a range of 1 every distance is below 2, where the cells end. Halves, because the range of large numbers overflows.
    low, half = 0.5 * series.min(), 0.5 * series.max() - 0.5 * series.min()
    edges = np.append(np.ldexp(1 + np.arange(8) / 8, np.arange(-_OCTAVES + 1, 1)[:, None]).ravel()[1:], 2.0)
    most = 1.0 if max_radius is None else min(0.5 * float(max_radius) / half, 1.0)
    # Cell c ends at edges[c]. The last radius is the first that is not below the largest asked for.
    top = int(np.searchsorted(edges, most * (1 - 1e-12))) + 1
    counts, pairs = np.zeros((_STRETCHES, _STRETCHES, max_dim, _CELLS), np.int64), np.zeros((_STRETCHES, _STRETCHES), np.int64)
    begin = np.arange(_STRETCHES + 1) * rows // _STRETCHES
    references = np.arange(0, rows - window - 1, step)
    # What rounding does to a difference: that of the numbers as they came, and that of the same numbers between 0 and 1.
    exact = bool((series == np.rint(series)).all())
    allowed = 8 * np.finfo(float).eps * max(1.0, 0.0 if exact else 0.5 * float(np.abs(series).max()) / half)
    _pair_counts((0.5 * series - low) / half, references, lag, window, allowed, top, begin, pairs, counts)
    counts = np.cumsum(counts[..., :top], axis=-1)
    total, number = counts.sum((0, 1)), int(pairs.sum())
    less = [(total - counts[b].sum(0) - counts[:, b].sum(0) + counts[b, b]) for b in range(_STRETCHES)]
    fewer = [number - pairs[b].sum() - pairs[:, b].sum() + pairs[b, b] for b in range(_STRETCHES)]
    without = np.array([c / n for c, n in zip(less, fewer, strict=True)])
    return CorrelationSums(2 * half * edges[:top], total / number, number, lag, window, without)


def most_dimensions(size: int, delay: int, theiler: int) -> int:
    """The largest embedding dimension that leaves enough vectors outside of the Theiler window."""
    return (size - 2 * theiler - 50) // delay + 1
