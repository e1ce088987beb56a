"""Standard errors of means: of a correlated sequence by batches, and of an orbit; and the p-value of a rank.

The stretches of an orbit are correlated and, if the orbit is intermittent, very uneven. Means over batches are nearly independent if a batch is longer than the correlations (H. Flyvbjerg and H. G. Petersen, J. Chem. Phys. 91 (1989)
461, doi:10.1063/1.457480). In an intermittent orbit one laminar phase may last as long as a batch; the scatter of the batches is then too small.
Two safeguards are used, of which the largest standard error counts: longer batches, and the range of the cumulative sum of the deviations, which
is sqrt(pi / 2) standard errors of the sum for a Brownian bridge (W. Feller, Ann. Math. Stat. 22 (1951) 427, doi:10.1214/aoms/1177729589) and at
least as large as the longest excursion to one side.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.scatter import standard_error
from weakchaos.native.compiled import kernel

__all__ = ["laminar_note", "long_run_error", "rank_p_value", "shear_errors", "standard_errors"]

_BATCHES = (20, 10)
_STRETCHES = 2000
_BRIDGE = math.sqrt(math.pi / 2.0)
_BEYOND_SHEAR = 10.0


@kernel
def _batch_means(values, places, means):
    length = places.size // means.size
    for k in range(means.size):
        total = 0.0
        for place in places[k * length : (k + 1) * length]:
            total += values[place]
        means[k] = total / length


def long_run_error(values: np.ndarray, places: np.ndarray | None = None) -> float | None:
    """The standard error of the mean of a correlated sequence, `values` or ``values[places]``, from the means of about sqrt(n)
    batches; None below 100 members.

    Examples
    --------
    >>> long_run_error(np.ones(400))
    0.0
    """
    n = values.size if places is None else places.size
    if n < 100:
        return None
    batches = int(math.sqrt(n))
    if places is None:
        means = values[: n - n % batches].reshape(batches, -1).mean(1)
    else:
        means = np.empty(batches)
        _batch_means(values, places, means)
    return float(standard_error(means))


def rank_p_value(value: Any, others: Any, side: str) -> Any:
    """One-sided p-values of a statistic by its rank: the share, among the data and their surrogates, of values at least as extreme.

    A surrogate whose value equals that of the data counts as extreme, so ties make rejection harder.

    Parameters
    ----------
    value : float or array
        Of the data; an array has as many p-values, and NaN none.
    others : array of shape (surrogates,)
    side : {"upper", "lower"}
        Where values are extreme.

    Examples
    --------
    >>> rank_p_value(5.0, [1.0, 2.0, 3.0], "upper"), rank_p_value(2.0, [1.0, 2.0, 3.0], "lower")
    (0.25, 0.75)
    """
    others = np.sort(np.asarray(others))
    below = np.searchsorted(others, value, side="left" if side == "upper" else "right")
    extreme = others.size - below if side == "upper" else below
    p = np.where(np.isnan(value), np.nan, (extreme + 1) / (others.size + 1))
    return p if np.ndim(value) else float(p)


def standard_errors(values: np.ndarray, most: int | None = None) -> np.ndarray:
    """Standard errors of the column means of `values`, of shape (m, k); NaN if fewer than four batches can be made.

    Parameters
    ----------
    values : array of shape (m, k)
        Means over successive stretches of an orbit, all of the same length.
    most : int, optional
        The largest number of batches; half of m by default.

    Examples
    --------
    >>> float(standard_errors(np.tile([0.0, 1.0], 100)[:, None])[0]) < 0.01  # a cycle has no scatter beyond one period
    True
    """
    m, k = values.shape
    most = m // 2 if most is None else most
    if most < 4:
        return np.full(k, np.nan)
    with np.errstate(invalid="ignore"):
        if m > 2 * _STRETCHES:  # finer than needed; what is left over at the end is less than one part in two thousand
            length = m // _STRETCHES
            m = m // length
            values = values[: m * length].reshape(m, length, k).mean(1)
        found = []
        for wanted in _BATCHES:
            batches = min(wanted, most)
            means = np.array([b.mean(0) for b in np.array_split(values, batches)])
            # A scatter from few batches is itself uncertain: Student's t at two standard errors.
            found.append(standard_error(means) * (1.0 + 1.5 / (batches - 1)))
        path = np.cumsum(values - values.mean(0), axis=0)
        reach = np.maximum(path.max(0), 0.0) - np.minimum(path.min(0), 0.0)
        found.append(reach / (m * _BRIDGE))
        return np.array(found).max(0)


def shear_errors(exponents: Any, duration: float, transient: float) -> np.ndarray:
    """What finite-time exponents of regular motion are off by: on tori vectors grow with the shear, like the time t, and exponents fall like log(t) / t.

    After a transient of length s a stretch of length t makes that log(1 + t / s) / t, on every batch alike, so that no scatter shows it. Exponents that are ten
    times as large are none of this. Skokos, Lect. Notes Phys. 790 (2010) 63, doi:10.1007/978-3-642-04458-8_2.

    Parameters
    ----------
    exponents : array of shape (k,)
    duration, transient : float
        In the unit of time of the exponents; a transient of 0 counts as a thousandth of the duration.

    Examples
    --------
    >>> shear_errors([0.9, 0.001], 1000.0, 100.0).round(4).tolist()
    [0.0, 0.0024]
    """
    size = math.log1p(duration / max(transient, 1e-3 * duration)) / duration
    return np.where(np.abs(np.asarray(exponents)) < _BEYOND_SHEAR * size, size, 0.0)


def laminar_note(values: np.ndarray) -> str | None:
    """A warning if one excursion to one side of the mean is a large part of the orbit; otherwise None.

    `values` of shape (m,) are the means over stretches. The longest laminar phase is the longest run of stretches on one side of the mean
    whose deviations are of the size of the mean itself.
    """
    m = len(values)
    mean = float(values.mean()) if m else 0.0
    if m < 40 or not np.isfinite(values).all() or mean == 0.0:
        return None
    calm = np.abs(values) < 0.25 * abs(mean)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], calm.astype(np.int8), [0]])))
    longest = int((edges[1::2] - edges[::2]).max()) if edges.size else 0
    if longest * 20 < m:
        return None
    return (
        f"the longest laminar phase lasts {100 * longest / m:.0f} % of the measured orbit, as long as a batch: the standard errors may be "
        "too small; raise `steps`"
    )
