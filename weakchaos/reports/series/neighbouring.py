"""Whether neighbouring numbers of a series without serial correlation are independent.

Numbers are replaced by the cells of their ranks, and vectors of two, three and four neighbours that lie in one cell are counted in pairs: the coincidences
of the correlation sum (W. A. Brock, J. A. Scheinkman, W. D. Dechert and B. LeBaron, Econometric Reviews 15 (1996) 197, doi:10.1080/07474939608800353),
on a grid. Under independence any order of the numbers is as likely as any other, so the rank among shuffled series is exact whatever their distribution. The
test sees a rule of strong chaos of which only one coordinate is recorded, such as an angle of the standard map, where neighbours no longer predict.
"""

from __future__ import annotations

import numpy as np

from weakchaos.diagnostics.standard_errors import rank_p_value

__all__ = ["dependence_of_neighbours"]

_DIMS = (2, 3, 4)
_FILLED = 5.0  # vectors that a cell holds on average
_MOST = 64  # cells along a coordinate


def _cells(x: np.ndarray, count: int) -> np.ndarray:
    """The cell of each number, `count` of about equal content; equal numbers are in one cell."""
    _, which, times = np.unique(x, return_inverse=True, return_counts=True)
    middle = (np.cumsum(times) - 0.5 * (times + 1)) / x.size
    return np.minimum((middle * count).astype(np.int64), count - 1)[which]


def _coincidences(cells: np.ndarray, count: int, dim: int) -> float:
    size = cells.size - dim + 1
    code = np.zeros(size, np.int64)
    for k in range(dim):
        code = code * count + cells[k : k + size]
    inside = np.bincount(code).astype(np.float64)
    return float((inside * (inside - 1.0)).sum() / (size * (size - 1.0)))


def dependence_of_neighbours(x: np.ndarray, shuffles: int, rng: np.random.Generator) -> tuple[float, float]:
    """How many times as often neighbours coincide as in shuffled series, and the p-value of independence.

    Parameters
    ----------
    x : array of shape (n,)
    shuffles : int
    rng : numpy Generator

    Returns
    -------
    float
        Coincidences divided by their mean over shuffled series, for the number of neighbours where the excess is largest in standard deviations.
    float
        The rank of that excess among those of the shuffled series, as a p-value.

    Examples
    --------
    >>> from weakchaos.systems import Logistic
    >>> x = Logistic(4.0).advance(Logistic(4.0).start(0), 1000)[:, 0]
    >>> dependence_of_neighbours(x, 99, np.random.default_rng(0))[1]
    0.01
    """
    counts = np.empty((1 + shuffles, len(_DIMS)))
    for j, dim in enumerate(_DIMS):
        count = int(min(max((x.size / _FILLED) ** (1.0 / dim), 2.0), _MOST))
        cells = _cells(x, count)
        counts[0, j] = _coincidences(cells, count, dim)
        for row in range(1, 1 + shuffles):
            counts[row, j] = _coincidences(rng.permutation(cells), count, dim)
    # Standardised over all series alike, so that under independence the first is one of equals.
    spread = counts.std(0)
    scores = np.where(spread > 0, (counts - counts.mean(0)) / np.where(spread > 0, spread, 1.0), 0.0)
    best = int(np.argmax(scores[0]))
    usual = float(counts[1:, best].mean())
    return float(counts[0, best] / usual) if usual > 0 else 1.0, rank_p_value(scores[0].max(), scores[1:].max(1), "upper")
