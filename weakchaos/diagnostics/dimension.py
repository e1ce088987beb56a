"""Correlation dimension and correlation entropy.

Grassberger and Procaccia, Physica D 9 (1983) 189, doi:10.1016/0167-2789(83)90298-1, and Phys. Rev. A 28 (1983) 2591,
doi:10.1103/PhysRevA.28.2591: the share C_m(r) of pairs of delay vectors in m dimensions that are closer than r in the maximum norm grows as
r^D2 exp(-m delay K2). Pairs close in time are left out (Theiler, Phys. Rev. A 34 (1986) 2427, doi:10.1103/PhysRevA.34.2427).

One pass over pairs serves all dimensions and radii: the distance in m + 1 dimensions is the maximum of the one in m and one more difference,
and its cell in a histogram of eight cells an octave is read off the bits of the floating-point number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.compiled import kernel
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.diagnostics.embedding import embedding_delay
from weakchaos.diagnostics.recorded import as_series, theiler_window, tie_notes, whole
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.scaling import line

__all__ = ["CorrelationSums", "DimensionResult", "correlation_dimension", "correlation_entropy", "correlation_sums"]

_OCTAVES = 60
_CELLS = 8 * _OCTAVES
_PAIRS = 10**8
_FEWEST = 50  # pairs below which a count is noise
_LARGEST = 0.1  # share of pairs above which the attractor's edge is felt
_LEAST_RISE = 2.0  # nats of C over which a power law must hold
_MOST_BENT = 0.3


@kernel
def _pair_counts(x, references, rows, delay, theiler, scale, counts):
    """counts[m, cell]: pairs by their distance in m + 1 dimensions; one pair of each two, references given in rising order."""
    dims, cells = counts.shape
    pairs = 0
    bits = np.empty(1, np.float64)
    word = bits.view(np.int64)
    for i in references:
        for j in range(i + theiler + 1, rows):
            pairs += 1
            distance = 0.0
            for m in range(dims):
                step = abs(x[i + m * delay] - x[j + m * delay])
                if step > distance:
                    distance = step
                # Twelve bits of sign and exponent and three of the fraction number the cells; 2.0 begins the one past the last.
                bits[0] = distance * scale
                cell = (word[0] >> 49) - (1024 << 3) + cells
                counts[m, min(max(cell, 0), cells - 1)] += 1
    return pairs


@dataclass(frozen=True)
class CorrelationSums:
    """Correlation sums of a series in several embedding dimensions.

    Attributes
    ----------
    radii : array of shape (k,)
        Rising, eight an octave.
    sums : array of shape (dims, k)
        Share of pairs closer than each radius, in 1 .. dims dimensions, maximum norm.
    pairs : int
        Pairs looked at.
    delay, theiler : int
    """

    radii: np.ndarray
    sums: np.ndarray
    pairs: int
    delay: int
    theiler: int


def correlation_sums(
    x: Any, max_dim: int = 10, delay: int | None = None, theiler: int | None = None, max_pairs: int = _PAIRS
) -> CorrelationSums:
    """The share of pairs of delay vectors that are close, for all radii and dimensions in one pass and without a matrix.

    Parameters
    ----------
    x : array of shape (n,)
    max_dim : int
    delay : int, optional
        `embedding_delay` by default.
    theiler : int, optional
        Only pairs more than this many steps apart count, at least 1; `theiler_window` by default.
    max_pairs : int
        Longer series are thinned to as many reference points as give about this many pairs.

    Returns
    -------
    CorrelationSums

    Raises
    ------
    ArgumentError

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
    series = as_series(x, 100)
    max_dim, max_pairs = whole(max_dim, "max_dim", 1), whole(max_pairs, "max_pairs", 1000)
    lag = int(embedding_delay(series).value) if delay is None else whole(delay, "delay", 1)
    window = theiler_window(series) if theiler is None else whole(theiler, "theiler", 1)
    rows = series.size - (max_dim - 1) * lag
    if rows < 2 * window + 50:
        raise ArgumentError(
            f"`x` is too short for {max_dim} dimensions with delay {lag} and a Theiler window of {window}; got {series.size} numbers"
        )
    whole_count = (rows - window) * (rows - window - 1) / 2
    step = max(1, math.ceil(whole_count / max_pairs))
    references = np.arange(0, rows - window - 1, step)
    counts = np.zeros((max_dim, _CELLS), np.int64)
    size = float(series.max() - series.min())
    # A range of 1 keeps every distance below 2, where the cells end.
    pairs = _pair_counts(series, references, rows, lag, window, 1.0 / size, counts)
    edges = np.ldexp(1 + np.arange(8) / 8, np.arange(-_OCTAVES + 1, 1)[:, None]).ravel()
    # Cell c holds distances from edges[c] up to edges[c + 1]; the radius of a cumulative count is the upper edge.
    radii = np.append(edges[1:], 2.0) * size
    kept = radii <= size * (1 + 1e-12)
    return CorrelationSums(radii[kept], (np.cumsum(counts, axis=1) / pairs)[:, kept], pairs, lag, window)


@dataclass(frozen=True)
class DimensionResult(Result):
    """A correlation dimension or entropy, with what it was in each embedding dimension.

    Attributes
    ----------
    by_dimension : array of shape (max_dim,)
        The estimate in 1 .. max_dim dimensions; NaN where no power law was found.
    scaling : bool
        Whether the estimates settle as the dimension grows. Where they do not, a warning says so and the value is a lower bound.
    """

    by_dimension: np.ndarray = field(default_factory=lambda: np.empty(0))
    scaling: bool = False


def _slope(radii: np.ndarray, sums: np.ndarray, pairs: int) -> tuple[float, float, float] | None:
    """Slope of log C against log r and the ends of the window it was read off, by the same rule as for the divergence of neighbours."""
    usable = np.flatnonzero((sums * pairs >= _FEWEST) & (sums <= _LARGEST))
    if usable.size < 6:
        return None
    lo, hi = np.log(radii[usable[0]]), np.log(radii[usable[-1]])
    grid = np.linspace(lo, hi, min(usable.size, 60))
    y = np.interp(grid, np.log(radii[usable]), np.log(sums[usable]))
    best = None
    for a in range(grid.size - 5):
        for b in range(a + 5, grid.size):
            if y[b] - y[a] < _LEAST_RISE:
                continue
            slope, bend = line(y[a : b + 1])
            if slope <= 0 or bend > _MOST_BENT:
                continue
            cost = (bend / 3) ** 2 + (0.5 / (slope * (b - a))) ** 2
            if best is None or cost < best[0]:
                best = (cost, slope / (grid[1] - grid[0]), math.exp(grid[a]), math.exp(grid[b]))
    return None if best is None else best[1:]


def _settled(values: np.ndarray, tolerance: float, gap: float) -> tuple[int, int] | None:
    """The longest run of at least three dimensions over which the estimates change little."""
    best = None
    for a in range(values.size - 2):
        for b in range(a + 2, values.size):
            part = values[a : b + 1]
            if not np.isfinite(part).all() or np.ptp(part) > max(tolerance * part.mean(), gap):
                continue
            if best is None or b - a > best[1] - best[0]:
                best = (a, b)
    return best


def correlation_dimension(
    x: Any,
    dim: int | None = None,
    delay: int | None = None,
    theiler: int | None = None,
    max_dim: int = 10,
    max_pairs: int = _PAIRS,
) -> DimensionResult:
    """The correlation dimension D2 of the attractor behind a series.

    Parameters
    ----------
    x : array of shape (n,)
    dim : int, optional
        The embedding dimension; by default all up to `max_dim` are tried, and the value is the one at which they settle.
    delay, theiler, max_dim, max_pairs
        As for `correlation_sums`.

    Returns
    -------
    DimensionResult
        ``curve``: radii and correlation sums in the last dimension used; ``fit_range``: radii of the power law there; ``stderr``: from the
        scatter over dimensions (None for a single one). Estimates that go on growing with the dimension (noise fills every one) are
        reported, as is a value beyond ``2 log10 n``, which a series of this length cannot carry (Eckmann and Ruelle, Physica D 56 (1992)
        185, doi:10.1016/0167-2789(92)90023-G).

    Raises
    ------
    ArgumentError

    References
    ----------
    Grassberger and Procaccia, Physica D 9 (1983) 189, doi:10.1016/0167-2789(83)90298-1.

    Examples
    --------
    >>> x, a, b = np.empty(5000), 0.1, 0.1
    >>> for t in range(5000):
    ...     a, b = 1 - 1.4 * a * a + b, 0.3 * a
    ...     x[t] = a
    >>> abs(float(correlation_dimension(x)) - 1.22) < 0.06
    True
    """
    series = as_series(x, 100)
    top = whole(max_dim, "max_dim", 3) if dim is None else whole(dim, "dim", 1)
    sums = correlation_sums(series, top, delay, theiler, max_pairs)
    fits = [_slope(sums.radii, c, sums.pairs) for c in sums.sums]
    values = np.array([math.nan if f is None else f[0] for f in fits])
    notes = list(tie_notes(series))
    parameters: dict[str, Any] = {"delay": sums.delay, "theiler": sums.theiler, "pairs": sums.pairs, "norm": "maximum"}

    def made(value: float, stderr: float | None, index: int, scaling: bool) -> DimensionResult:
        if value > 2 * math.log10(series.size):
            notes.append(f"{series.size} numbers cannot show a dimension above {2 * math.log10(series.size):.1f}")
        fit = fits[index]
        return DimensionResult(
            value,
            stderr,
            (sums.radii, sums.sums[index]),
            None if fit is None else fit[1:],
            {**parameters, "dim": index + 1},
            tuple(notes),
            values,
            scaling,
        )

    if dim is not None:
        if fits[-1] is None:
            notes.insert(0, f"no scaling region: the correlation sum follows no power law in {dim} dimensions")
        return made(float(values[-1]), None, dim - 1, fits[-1] is not None)
    run = _settled(values, 0.08, 0.1)
    if run is None:
        known = np.flatnonzero(np.isfinite(values))
        if known.size == 0:
            notes.insert(0, "no scaling region: the correlation sum follows no power law in any dimension")
            return made(math.nan, None, top - 1, False)
        notes.insert(
            0,
            f"no scaling region: the estimate goes on changing with the dimension, up to {values[known[-1]]:.2f} in {known[-1] + 1}; noise, or too few points",
        )
        return made(float(values[known[-1]]), None, int(known[-1]), False)
    part = values[run[0] : run[1] + 1]
    return made(float(part.mean()), float(part.std(ddof=1)), run[1], True)


def correlation_entropy(
    x: Any,
    dt: float = 1.0,
    delay: int | None = None,
    theiler: int | None = None,
    max_dim: int = 20,
    max_pairs: int = _PAIRS,
    base: float | None = None,
) -> DimensionResult:
    """The correlation entropy K2 per unit time, a lower bound of the entropy rate: how fast pairs cease to be close.

    Parameters
    ----------
    x : array of shape (n,)
    dt : float
        Time between two numbers.
    delay, theiler, max_dim, max_pairs
        As for `correlation_sums`.
    base : float, optional
        Of the logarithm; nats by default.

    Returns
    -------
    DimensionResult
        ``by_dimension``: log of ``C_m(r) / C_{m+1}(r)``, over the time of one delay, averaged over the radii with enough pairs, for m = 1 ..
        max_dim - 1; ``curve``: m and the same; ``value``: the mean over the later half. Flows need ``max_dim * delay * dt`` of several
        Lyapunov times; a rate that still changes with dimension or radius, as that of noise does, comes with a warning.

    Raises
    ------
    ArgumentError

    References
    ----------
    Grassberger and Procaccia, Phys. Rev. A 28 (1983) 2591, doi:10.1103/PhysRevA.28.2591.

    Examples
    --------
    >>> x = [0.3]
    >>> for _ in range(4999):
    ...     x.append(4 * x[-1] * (1 - x[-1]))
    >>> bool(abs(float(correlation_entropy(x)) - np.log(2)) < 0.07)
    True
    """
    series = as_series(x, 100)
    if isinstance(dt, bool) or not isinstance(dt, int | float | np.number) or not (dt > 0 and math.isfinite(dt)):
        raise ArgumentError(f"`dt` must be a positive number; got {shown(dt)}")
    sums = correlation_sums(series, whole(max_dim, "max_dim", 4), delay, theiler, max_pairs)
    notes = list(tie_notes(series))
    unit = 1 / (sums.delay * dt)
    found, drift = np.full(max_dim - 1, math.nan), np.zeros(max_dim - 1)
    for m in range(max_dim - 1):
        used = np.flatnonzero((sums.sums[m + 1] * sums.pairs >= 4 * _FEWEST) & (sums.sums[0] <= _LARGEST))
        if used.size >= 8:
            steps = np.log(sums.sums[m, used] / sums.sums[m + 1, used]) * unit
            found[m], drift[m] = steps.mean(), line(steps)[0] * (steps.size - 1)
    known = np.flatnonzero(np.isfinite(found))
    parameters: dict[str, Any] = {"delay": sums.delay, "theiler": sums.theiler, "pairs": sums.pairs, "dt": dt, "norm": "maximum"}
    curve = (np.arange(1, max_dim), found)
    if known.size < 3:
        notes.insert(0, "no scaling region: too few pairs are close in more than a few dimensions")
        value = float(found[known[-1]]) if known.size else math.nan
        return DimensionResult(value, None, curve, None, parameters, tuple(notes), found, False)
    # The limit is that of many dimensions, so the later half carries the value.
    part = found[known[known.size // 2 :]]
    value, change = max(float(part.mean()), 0.0), abs(line(part)[0] * (part.size - 1)) if part.size > 2 else float(np.ptp(part))
    parameters["dim"] = int(known[-1]) + 1
    falling, sliding = change > max(0.15 * value, 0.02 * unit), abs(drift[known[-1]]) > max(0.5 * value, 0.1 * unit)
    if falling:
        notes.insert(
            0, f"no scaling region: the rate still changes with the dimension, by {change:.2g} over the later half of those tried"
        )
    if sliding:
        notes.insert(0, "no scaling region: the rate depends on the radius; noise, or too few points")
    result = DimensionResult(value, float(part.std(ddof=1)), curve, None, parameters, tuple(notes), found, not (falling or sliding))
    return result if base is None else result.in_base(base)  # type: ignore[return-value]
