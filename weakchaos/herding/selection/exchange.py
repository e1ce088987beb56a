"""Exchange of selected points for better ones, one at a time, until no exchange lowers the discrepancy: for every selector and any kernel discrepancy.

Chen, Clement, Doerr, Kirk, arXiv:2511.02706 (2025); one pass of it is the last stage of kernel thinning (Dwivedi and Mackey 2024). With T points of equal weight,
mean mu(x) = E k(x, Y) under the target (zero for a Stein kernel) and G(x) the sum of k(x, .) over the points, taking out y and putting in z changes the
squared discrepancy times T**2 by

    h(z) - h(y),   h(z) = k(z, z) + 2 (G(z) - k(z, y)) - 2 T mu(z).
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["exchange"]

_GAIN = 1e-12  # of the diagonal, below which a gain is rounding
_PIECE = 4_000_000  # values of the kernel held at a time


def exchange(side: Any, chosen: np.ndarray, passes: int, repeats: bool = True) -> tuple[np.ndarray, int]:
    """Exchange points until none is worth it.

    Parameters
    ----------
    side : KernelSide or SteinSide
    chosen : int array of shape (T,)
    passes : int
        Times that every point is looked at, at most.
    repeats : bool
        Whether a point may be put in that is there already.

    Returns
    -------
    chosen : int array of shape (T,)
        The discrepancy is never larger than before.
    exchanges : int
    """
    chosen, size = chosen.copy(), len(chosen)
    if not passes:
        return chosen, 0
    total = np.zeros(len(side.diagonal))
    cache: dict[int, np.ndarray] = {}
    keep = size * total.size <= _PIECE

    def column(j: int) -> np.ndarray:
        if j in cache:
            return cache[j]
        values = side.column(j)
        if keep:
            cache[j] = values
        return values

    for j in chosen:
        total += column(int(j))
    base = side.diagonal - 2.0 * size * side.mean
    least = _GAIN * max(float(np.abs(side.diagonal[chosen]).max()), 1e-300)
    exchanges = 0
    for _ in range(passes):
        before = exchanges
        for place in range(size):
            out = int(chosen[place])
            own = column(out)
            total -= own
            gain = base + 2.0 * total
            if not repeats:
                gain[np.delete(chosen, place)] = np.inf
            best = int(np.argmin(gain))
            if gain[best] < gain[out] - least:
                chosen[place] = best
                total += column(best)
                exchanges += 1
            else:
                total += own
        if exchanges == before:
            break
    return chosen, exchanges
