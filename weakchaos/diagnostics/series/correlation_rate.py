"""The correlation entropy K2, a lower bound of the entropy rate.

Grassberger and Procaccia, Phys. Rev. A 28 (1983) 2591, doi:10.1103/PhysRevA.28.2591: the correlation sum of delay vectors in m dimensions
grows as C_m(r) ~ r^D2 exp(-m delay K2) for small r and large m, so K2 = log(C_m(r) / C_{m+1}(r)) / delay. For noise this rate depends on the
radius, as -log r.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.scatter import jackknife_error
from weakchaos.diagnostics.series.correlation import PAIRS
from weakchaos.diagnostics.series.dimension import FEWEST, LARGEST, DimensionResult, recorded_pairs, resolution
from weakchaos.diagnostics.series.scaling_range import line

__all__ = ["correlation_entropy"]


def correlation_entropy(
    x: Any,
    dt: float = 1.0,
    delay: int | None = None,
    theiler: int | None = None,
    max_dim: int = 20,
    max_pairs: int = PAIRS,
    base: float | None = None,
) -> DimensionResult:
    r"""The correlation entropy K2 per unit time, a lower bound of the entropy rate: the rate at which close pairs of stretches cease to be close.

    Parameters
    ----------
    x : array of shape (n,)
    dt : float
        Time between two numbers.
    delay, theiler, max_dim, max_pairs
        As for `correlation_sums`; fewer dimensions are used if the series is short.
    base : float, optional
        Base of the logarithm; nats by default.

    Returns
    -------
    DimensionResult
        ``by_dimension`` holds, for m = 1 .. max_dim - 1, the log of ``C_m(r) / C_{m+1}(r)`` divided by the time of one delay, averaged over the
        radii with enough pairs; ``curve`` holds m and these rates; ``value`` is their mean over the second half of the dimensions; ``stderr``
        combines their scatter and the scatter over eighths of the series. Flows need a ``max_dim * delay * dt`` of several Lyapunov times. If the
        rate still changes with the dimension or the radius, as that of noise does, there is a warning.

    Raises
    ------
    ArgumentError

    Notes
    -----
    With the correlation sums $C_m(r)$ of delay vectors of m values a time $\tau$ apart,

    $$K_2 = \lim_{m \to \infty} \lim_{r \to 0} \frac{1}{\tau} \ln \frac{C_m(r)}{C_{m+1}(r)}.$$

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
    if not real_number("dt", dt) > 0:
        raise ArgumentError(f"`dt` must be a positive number; got {shown(dt)}")
    record = recorded_pairs(x, whole_number("max_dim", max_dim, 4), False, delay, theiler, max_pairs, deepest=False)
    if isinstance(record, DimensionResult):
        return record
    sums, notes = record.sums, list(record.notes)
    unit = 1 / (sums.delay * dt)
    dims = len(sums.sums)
    found, drift = np.full(dims - 1, math.nan), np.zeros(dims - 1)
    small = (sums.sums[0] <= LARGEST) & (sums.radii >= resolution(record.series))
    used = {}
    for m in range(dims - 1):
        inside = np.flatnonzero((sums.sums[m + 1] * sums.pairs >= 4 * FEWEST) & small)
        if inside.size >= 8:
            used[m] = inside
            steps = np.log(sums.sums[m, inside] / sums.sums[m + 1, inside]) * unit
            found[m], drift[m] = steps.mean(), line(steps)[0] * (steps.size - 1)
    known = np.array(list(used))
    parameters, curve = record.parameters(dt=dt), (np.arange(1, dims), found)
    if known.size < 3:
        notes.insert(0, "no scaling region: too few pairs are close in more than a few dimensions")
        value = float(found[known[-1]]) if known.size else math.nan
        return DimensionResult(value, None, curve, None, parameters, tuple(notes), found, False)
    # The limit is that of many dimensions, so the later half carries the value.
    late = known[known.size // 2 :]
    part = found[late]
    value, change = max(float(part.mean()), 0.0), abs(line(part)[0] * (part.size - 1)) if part.size > 2 else float(np.ptp(part))
    parameters["dim"] = int(known[-1]) + 1
    falling, sliding = change > max(0.15 * value, 0.02 * unit), abs(drift[known[-1]]) > max(0.5 * value, 0.1 * unit)
    if falling:
        notes.insert(
            0,
            f"no scaling region: the rate still changes with the dimension, by {change:.2g} over the second half of the dimensions",
        )
    if sliding:
        notes.insert(0, "no scaling region: the rate depends on the radius, as for noise or for too few points")
    with np.errstate(divide="ignore", invalid="ignore"):
        left = [np.mean([np.log(c[m, used[m]] / c[m + 1, used[m]]).mean() for m in late]) * unit for c in sums.without]
    stderr = math.hypot(jackknife_error(left), float(part.std(ddof=1)))
    result = DimensionResult(
        value,
        stderr if math.isfinite(stderr) else None,
        curve,
        None,
        parameters,
        tuple(notes),
        found,
        not (falling or sliding),
    )
    return result if base is None else result.in_base(base)  # type: ignore[return-value]
