"""How far a point lies outside of a convex hull, by linear programming with columns added as they are needed.

Moments can be matched by averages over states if and only if they lie in the convex hull of the feature vectors. The distance of m is

    min t   over t and weights p_s >= 0, sum_s p_s = 1,   with |sum_s p_s phi_j(s) - m_j| <= t r_j for all j,

r_j the range of feature j. Only states that bound the hull near m matter, so the program is solved on a few of them, and its dual
variables name the states that would improve it (Dantzig and Wolfe, Oper. Res. 8 (1960) 101, doi:10.1287/opre.8.1.101).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Outside", "outside_hull"]

_ROUNDS = 200


class Outside(NamedTuple):
    """The distance of a point from a convex hull.

    ``distance`` is the largest deviation of `nearest`, a point of the hull, from the point over all coordinates, each in units of the range of
    its feature; it is at most `tolerance` if the point is inside. ``worst`` is the coordinate that deviates most.
    """

    distance: float
    nearest: np.ndarray
    worst: int


def outside_hull(points: np.ndarray, m: np.ndarray, tolerance: float = 1e-9) -> Outside:
    """The distance of `m` from the convex hull of the rows of `points`.

    Parameters
    ----------
    points : float64 array of shape (n, k)
    m : float64 array of shape (k,)
    tolerance : float
        The search ends when the distance is at most `tolerance`: the point then counts as inside.

    Returns
    -------
    Outside

    Examples
    --------
    >>> triangle = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> round(outside_hull(triangle, np.array([0.75, 0.75])).distance, 6)
    0.25
    >>> outside_hull(triangle, np.array([0.5, 0.5])).distance <= 1e-9
    True
    """
    low = points.min(0)
    scale = np.ptp(points, axis=0)
    # A feature that does not vary has no range: its deviation counts in its own units.
    scale = np.where(scale > 0, scale, 1.0)
    x, goal = (points - low) / scale, (m - low) / scale
    if len(goal) == 1:  # an interval
        reached = np.clip(goal, x.min(0), x.max(0))
        return Outside(float(np.abs(reached - goal)[0]), low + scale * reached, 0)
    from scipy.optimize import linprog

    k = len(goal)
    first = np.concatenate([x.argmin(0), x.argmax(0), np.argsort(np.abs(x - goal).max(1), kind="stable")[: 2 * k + 2]])
    columns = np.unique(first)
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    p = np.zeros(0)
    for _ in range(_ROUNDS):
        part = x[columns].T
        room = -np.ones((k, 1))
        found = linprog(
            np.append(np.zeros(len(columns)), 1.0),
            A_ub=np.block([[part, room], [-part, room]]),
            b_ub=np.concatenate([goal, -goal]),
            A_eq=np.append(np.ones(len(columns)), 0.0)[None, :],
            b_eq=[1.0],
            method="highs",
            options=tight,
        )
        if found.x is None:
            raise RuntimeError(f"the linear program of {len(columns)} columns was not solved: {found.message}")
        p = found.x[:-1]
        if found.x[-1] <= tolerance:
            break
        above, below = found.ineqlin.marginals[:k], found.ineqlin.marginals[k:]
        gain = x @ (above - below) + float(found.eqlin.marginals[0])
        best = np.argsort(-gain, kind="stable")[: 2 * k]
        new = np.setdiff1d(best[gain[best] > 1e-9], columns)
        if not new.size:
            break
        columns = np.concatenate([columns, new])
    reached = p @ x[columns]
    gap = np.abs(reached - goal)
    # What was reached is a point of the hull to rounding, so its own deviation is the honest figure.
    return Outside(float(gap.max()), low + scale * reached, int(gap.argmax()))
