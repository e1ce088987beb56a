"""The correlation dimension.

Grassberger and Procaccia, Physica D 9 (1983) 189, doi:10.1016/0167-2789(83)90298-1: the correlation sum of delay vectors
in m dimensions grows as C_m(r) ~ r^D2 for small r, once m is large enough. The range of the power law is found automatically: in each dimension
the window of radii whose slope has the smallest expected error, and then the dimensions over which these slopes agree. If they do not agree, as
for noise, which fills every dimension, no value is called a dimension.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.core.scatter import jackknife_error
from weakchaos.diagnostics.recorded import as_series, repetition, repetition_words, theiler_window, tie_notes
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.series.correlation import PAIRS, CorrelationSums, correlation_sums, most_dimensions
from weakchaos.diagnostics.series.embedding import embedding_delay
from weakchaos.diagnostics.series.scaling_range import line

__all__ = ["DimensionResult", "correlation_dimension"]

FEWEST = 50  # pairs below which a count is noise
LARGEST = 0.1  # share of pairs above which the attractor's edge is felt
_LEAST_RISE = 2.0  # nats of C over which a power law must hold
_MOST_BENT = 0.3
_AGREE = 0.08  # relative spread of the estimates over dimensions that counts as none
_FILLED = 0.6  # share of the embedding dimension above which an estimate may be that of noise
_TRIAL = 200_000  # pairs that tell how large radii matter


@dataclass(frozen=True, repr=False)
class DimensionResult(Result):
    """A correlation dimension or entropy, with the estimates in each embedding dimension.

    Attributes
    ----------
    by_dimension : array of shape (max_dim,)
        The estimates in 1 .. max_dim dimensions; NaN if no power law was found.
    scaling : bool
        Whether the estimates converge as the dimension grows. If they do not, a warning says so, and the value is that of the last dimension.
    """

    by_dimension: np.ndarray = field(default_factory=lambda: np.empty(0))
    scaling: bool = False


@dataclass(frozen=True)
class RecordedPairs:
    """The correlation sums and parameters with which both estimators begin."""

    series: np.ndarray
    sums: CorrelationSums
    notes: tuple[str, ...]

    def parameters(self, **more: Any) -> dict[str, Any]:
        sums = self.sums
        return {"delay": sums.delay, "theiler": sums.theiler, "pairs": sums.pairs, "norm": "maximum", **more}


def recorded_pairs(
    x: Any, dims: int, fixed: bool, delay: Any, theiler: Any, max_pairs: Any, deepest: bool
) -> RecordedPairs | DimensionResult:
    """Correlation sums up to the largest radius that is needed, in at most `dims` dimensions, fewer if the series is short."""
    series = as_series(x, 100, differences=True)
    lag = int(embedding_delay(series).value) if delay is None else whole_number("delay", delay, 1)
    window = theiler_window(series) if theiler is None else whole_number("theiler", theiler, 1)
    if not fixed:
        affordable = most_dimensions(series.size, lag, window)
        if affordable < 3:
            raise ArgumentError(
                f"`x` is too short for 3 dimensions with delay {lag} and a Theiler window of {window}; got {series.size} numbers"
            )
        dims = min(dims, affordable)
    notes = tie_notes(series)
    repeated = repetition(series, 0.0) if notes else None
    if repeated is not None:
        text = f"no scaling region: {repetition_words(repeated)}, and the dimension and the entropy of a cycle are 0"
        return DimensionResult(
            0.0,
            None,
            parameters={"delay": lag, "theiler": window, "dim": dims},
            warnings=(text, *notes),
            by_dimension=np.zeros(dims),
        )
    trial = correlation_sums(series, dims, lag, window, _TRIAL)
    used = trial.sums[-1 if deepest else 0] <= 1.5 * LARGEST
    radius = float(trial.radii[max(int(used.sum()), 8) - 1])
    return RecordedPairs(series, correlation_sums(series, dims, lag, window, max_pairs, radius), notes)


def resolution(series: np.ndarray) -> float:
    """The smallest radius that rounding leaves meaningful: a few of the smallest steps between two values."""
    steps = np.diff(np.unique(series))
    return 4 * float(steps.min())


def _slope(radii: np.ndarray, sums: np.ndarray, pairs: int, least: float) -> tuple[float, float, float] | None:
    """Slope of log C against log r and the ends of the window it was read off, by the same rule as for the divergence of neighbours."""
    usable = np.flatnonzero((sums * pairs >= FEWEST) & (sums <= LARGEST) & (radii >= least))
    if usable.size < 6:
        return None
    grid = np.linspace(np.log(radii[usable[0]]), np.log(radii[usable[-1]]), min(usable.size, 60))
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


def _mean_slopes(sums: CorrelationSums, windows: list[tuple[int, float, float]]) -> np.ndarray:
    """The mean slope over fixed windows (dimension, radii), without one stretch of the series at a time."""
    means = []
    for c in sums.without:
        slopes = []
        for m, low, high in windows:
            inside = (sums.radii >= low * (1 - 1e-9)) & (sums.radii <= high * (1 + 1e-9)) & (c[m] > 0)
            slopes.append(np.polyfit(np.log(sums.radii[inside]), np.log(c[m, inside]), 1)[0] if inside.sum() > 2 else math.nan)
        means.append(np.mean(slopes))
    return np.array(means)


def _settled(values: np.ndarray, most: float) -> tuple[int, int] | None:
    """The longest run of at least three embedding dimensions over which the estimates agree; noise nearly fills each one it is put into."""
    best = None
    for a in range(values.size - 2):
        for b in range(a + 2, values.size):
            part = values[a : b + 1]
            if not np.isfinite(part).all() or np.ptp(part) > max(_AGREE * part.mean(), 0.1):
                continue
            if part.mean() > min(_FILLED * (b + 1), most):
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
    max_pairs: int = PAIRS,
) -> DimensionResult:
    r"""The correlation dimension D2 of the attractor behind a series.

    Parameters
    ----------
    x : array of shape (n,)
    dim : int, optional
        The embedding dimension; by default all dimensions up to `max_dim` (fewer if the series is short) are tried, and the value is the one to
        which the estimates converge.
    delay, theiler, max_dim, max_pairs
        As for `correlation_sums`.

    Returns
    -------
    DimensionResult
        ``curve`` holds radii and correlation sums in the last dimension used; ``fit_range`` holds the radii of the power law there; ``stderr``
        combines the scatter over dimensions and over eighths of the series. A warning is given if the estimates keep growing with the dimension,
        as for noise, and if the value exceeds ``2 log10 n``, the largest dimension that n numbers can show (Eckmann and Ruelle, Physica D 56
        (1992) 185, doi:10.1016/0167-2789(92)90023-G).

    Raises
    ------
    ArgumentError

    Notes
    -----
    $$D_2 = \lim_{r \to 0} \frac{d \ln C(r)}{d \ln r}$$

    with the correlation sum C(r) of `correlation_sums`.

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
    top = whole_number("max_dim", max_dim, 3) if dim is None else whole_number("dim", dim, 1)
    record = recorded_pairs(x, top, dim is not None, delay, theiler, max_pairs, deepest=True)
    if isinstance(record, DimensionResult):
        return record
    sums, notes, least = record.sums, list(record.notes), resolution(record.series)
    fits = [_slope(sums.radii, c, sums.pairs, least) for c in sums.sums]
    values = np.array([math.nan if f is None else f[0] for f in fits])

    most = 2 * math.log10(record.series.size)

    def made(value: float, first: int, last: int, scaling: bool) -> DimensionResult:
        if value > most:
            notes.append(f"{record.series.size} numbers cannot show a dimension above {most:.1f}")
        windows = [(m, fit[1], fit[2]) for m, fit in enumerate(fits) if fit is not None and first <= m <= last]
        scatter = float(values[first : last + 1].std(ddof=1)) if last > first else 0.0
        stderr = math.hypot(jackknife_error(_mean_slopes(sums, windows)), scatter) if windows else math.nan
        fit = fits[last]
        return DimensionResult(
            value,
            stderr if math.isfinite(stderr) else None,
            (sums.radii, sums.sums[last]),
            None if fit is None else fit[1:],
            record.parameters(dim=last + 1),
            tuple(notes),
            values,
            scaling,
        )

    if dim is not None:
        if fits[-1] is None:
            notes.insert(0, f"no scaling region: the correlation sum follows no power law in {dim} dimensions")
        return made(float(values[-1]), top - 1, top - 1, fits[-1] is not None)
    run = _settled(values, most)
    if run is not None:
        return made(float(values[run[0] : run[1] + 1].mean()), *run, scaling=True)
    known = np.flatnonzero(np.isfinite(values))
    if known.size == 0:
        notes.insert(0, "no scaling region: the correlation sum follows no power law in any dimension")
        return made(math.nan, values.size - 1, values.size - 1, False)
    last = int(known[-1])
    notes.insert(
        0,
        f"no scaling region: the estimate keeps changing with the dimension, up to {values[last]:.2f} in {last + 1} dimensions, as for noise or for too few points",
    )
    return made(float(values[last]), last, last, False)
