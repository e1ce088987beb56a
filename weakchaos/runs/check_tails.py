"""Tails of draws so heavy that means and standard deviations are those of a few draws.

The index of a tail is estimated by Hill, Annals of Statistics 3 (1975) 1163, doi:10.1214/aos/1176343247: the mean logarithm of how far the draws beyond a
threshold are from the median, in units of the threshold's distance. Above 1/2 the density has no variance, so that no central limit theorem gives the error
of a mean; above 1 it has no mean. Only where the index is above 1/2 by two of its standard errors is that said: the tails of a normal or a Laplace
density, which are no powers, give .2 to .35.
"""

from __future__ import annotations

import math

import numpy as np

from weakchaos.core.flags import Flag, Kind
from weakchaos.runs.convergence import effective_size, normal_scores, split

__all__ = ["tail_flags", "tail_index"]

_LEAST = 400  # draws; fewer have no tail to speak of
_NO_VARIANCE = 0.5


def tail_index(x: np.ndarray) -> tuple[float, int]:
    """The larger of the indices of the two tails of `x`, shape (n,), and how many draws it comes from: 5 %, and at most 3 sqrt(n)."""
    n = x.size
    size = int(min(0.05 * n, 3 * math.sqrt(n)))
    parts = np.partition(x, [size, n // 2, n - 1 - size])
    centre, found = parts[n // 2], 0.0
    for tail, edge in ((centre - parts[:size], centre - parts[size]), (parts[n - size :] - centre, parts[n - 1 - size] - centre)):
        if edge > 0:
            found = max(found, float(np.log(tail / edge).mean()))
    return found, size


def tail_flags(draws: np.ndarray, names: list[str], group: int = 1) -> list[Flag]:
    """A flag if the tails of some coordinates are too heavy for a variance.

    Parameters
    ----------
    draws : array of shape (chains, draws, dim)
    names : list of str
        Names of the coordinates.
    group : int
        Draws that make a round of an ensemble.
    """
    chains, n, dim = draws.shape
    if chains * n < _LEAST:
        return []
    told: list[tuple[float, str]] = []
    for k in range(dim):
        x = draws[:, :, k].astype(np.float64)
        if not np.isfinite(x).all():
            continue
        index, size = tail_index(x.ravel())
        if index <= _NO_VARIANCE:
            continue
        # Draws that depend on each other tell as much of the tail as fewer independent ones.
        independent = size * min(1.0, effective_size(normal_scores(split(x)), group) / (chains * n))
        if index * (1 - 2 / math.sqrt(max(independent, 1e-9))) > _NO_VARIANCE:
            told.append((index, names[k]))
    if not told:
        return []
    worst, where = max(told)
    return [Flag.of(Kind.HEAVY_TAILS, where=where, index=worst, count=len(told), coordinates=dim)]
