"""Exchange of selected points for better ones, one at a time, until no exchange lowers the discrepancy: for every selector and any kernel discrepancy.

Chen, Clement, Doerr, Kirk, arXiv:2511.02706 (2025); one pass of it is the last stage of kernel thinning (Dwivedi and Mackey 2024). With T points of equal weight,
mean mu(x) = E k(x, Y) under the target (zero for a Stein kernel) and G(x) the sum of k(x, .) over the points, taking out y and putting in z changes the
squared discrepancy times T**2 by

    h(z) - h(y),   h(z) = k(z, z) + 2 (G(z) - k(z, y)) - 2 T mu(z).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number, whole_numbers
from weakchaos.core.errors import ArgumentError
from weakchaos.herding.selection.problem import set_up
from weakchaos.herding.selection.selected import Selection
from weakchaos.herding.selection.sides import KernelSide, SteinSide, course
from weakchaos.kernels.radial import Gaussian
from weakchaos.kernels.stein_kernel import SteinPoints
from weakchaos.runs.score_check import points_and_gradients
from weakchaos.targets.points import Points

__all__ = ["exchange", "refine"]

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


def refine(
    selection: Any,
    points: Any,
    *,
    kernel: Any = None,
    target: Any = None,
    weights: Any = None,
    gradients: Any = None,
    preconditioner: Any = "id",
    standardise: bool = True,
    passes: int = 10,
    repeats: bool = True,
    progress: bool = True,
) -> Selection:
    """Exchange the points of a selection for better ones among the candidates, until no exchange of a single point lowers the discrepancy.

    Parameters
    ----------
    selection : Selection with indices, or int array of shape (T,)
        Points of equal weight, by any method.
    points : array of shape (n, dim), or Points
        The candidates.
    kernel, target, weights :
        See `select`. If no kernel is given, it is the kernel of the selection.
    gradients : array of shape (n, dim), optional
        Gradients of the log density at the candidates. If they are given, the discrepancy is the kernel Stein discrepancy, with `preconditioner` and
        `standardise` as in `stein_thinning`.
    passes : int
        How many times every point is looked at, at most.
    repeats : bool
        Whether a candidate may stand for several points.
    progress : bool

    Returns
    -------
    Selection
        A selection of the same size with equal weights, whose discrepancy is not larger; ``details["exchanges"]`` counts the exchanges.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> from weakchaos.herding import select
    >>> from weakchaos.kernels import Gaussian
    >>> x = np.random.default_rng(0).normal(size=(500, 2))
    >>> herded = select(x, 20, kernel=Gaussian(1.0), progress=False)
    >>> better = refine(herded, x, progress=False)
    >>> bool(better.mmd[-1] < 0.8 * herded.mmd[-1])
    True
    """
    own = getattr(selection, "indices", selection)
    if own is None:
        raise ArgumentError(
            "`selection` must have indices: points that were sought in a continuous space have no candidates to be exchanged for"
        )
    spread = np.asarray(getattr(selection, "weights", np.ones(1)))
    if np.ptp(spread) > 1e-9 * np.abs(spread).max():
        raise ArgumentError("`selection` must have equal weights, as exchange keeps them; those of this one differ")
    passes = whole_number("passes", passes, 0)
    if gradients is None:
        chosen_kernel = kernel if kernel is not None else getattr(selection, "kernel", None)
        problem = set_up(points, Gaussian("median") if chosen_kernel is None else chosen_kernel, target, weights, progress=progress)
        side: Any = KernelSide(problem)
        x, names, used = problem.x, tuple(problem.names), problem.kernel
    else:
        for name, value in (("kernel", kernel), ("target", target), ("weights", weights)):
            if value is not None:
                raise ArgumentError(f"`{name}` has no place beside `gradients`, from which the kernel and the target follow")
        x, scores = points_and_gradients(points.x if isinstance(points, Points) else points, gradients)
        side, names, used = SteinSide(SteinPoints.of(x, scores, preconditioner, standardise)), (), None
    start = whole_numbers("selection", own, 0, side.n - 1)
    if not repeats and np.unique(start).size < start.size:
        raise ArgumentError("`selection` holds a point twice, which repeats=False does not allow")
    chosen, exchanges = exchange(side, start, passes, repeats)
    method = f"{getattr(selection, 'method', 'given')}, refined"
    weight = np.full(len(chosen), 1.0 / len(chosen))
    return Selection(
        method,
        x[chosen],
        weight,
        chosen,
        course(side, chosen),
        side.evaluations,
        used,
        names=names,
        details={"exchanges": exchanges},
    )
