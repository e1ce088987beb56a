"""Chains of a warm-up that were left behind in a mode of next to no mass, and are brought to where the others are.

A chain that started in the basin of a poor local mode never leaves it, and its points spoil the metric of all chains. Where chains adapt together they know
of each other: the mass of the region in which a chain moves is about ``exp(lp) prod(sd)``, with its log density and the standard deviations of the points
of its window (Laplace's approximation without its constants). A chain whose region is lighter by far than those of at least half of the chains, which move
well themselves and agree with each other, is moved to the place of one of them, as the walkers of an ensemble that are stuck where the likelihood is low are in Hou, Goodman, Hogg,
Weare and Schwab, Astrophys. J. 745 (2012) 198, doi:10.1088/0004-637X/745/2/198. Only warm-up does so, and the run says it.

"By far" is 15 nats and four per root of the dimension more: the log density of a chain that has converged varies by about ``sqrt(dim / 2)``, so that chains of
one mode are never that far apart, and a mode that is given up has a millionth of the mass or less where both are about normal.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.counters import RELOCATIONS
from weakchaos.samplers.metric import COUNT, HEADER, WEIGHT

__all__ = ["bring_along"]

_NATS, _NATS_PER_ROOT = 15.0, 4.0
_MOVES_WELL = 0.3  # mean acceptance probability of the points of a window


def _volume(window: np.ndarray, dim: int) -> float:
    """Sum of the logarithms of the standard deviations of the points of a window; NaN where there are none."""
    weight = float(window[WEIGHT])
    squares = window[HEADER + 2 * dim : HEADER + 3 * dim]
    return 0.5 * float(np.log(squares / weight).sum()) if weight > 0 and (squares > 0).all() else math.nan


def bring_along(states: list[Any], dim: int) -> None:
    """Move chains that were left behind, in place, and leave nothing of them in what the chains have collected.

    Parameters
    ----------
    states : list of State
        Of all chains of a run at the end of a window: ``known`` ends in the log density at the present place, and ``tuning["window"]`` holds what
        the chain has collected itself.
    dim : int
    """
    windows = [state.tuning["window"] for state in states]
    lp = np.array([float(state.known[2 * dim]) for state in states])
    volume = np.array([_volume(w, dim) for w in windows])
    mass = lp + volume
    moves = np.array([w[WEIGHT] >= _MOVES_WELL * max(w[COUNT], 1.0) for w in windows])
    usable = np.flatnonzero(np.isfinite(mass) & moves)
    half = max(2, -(-len(states) // 2))
    if len(usable) < half:
        return
    best = usable[np.argsort(-mass[usable], kind="stable")][:half]
    # A window that is narrow because its chain hardly moved counts as one of theirs.
    volume = np.fmax(volume, np.median(volume[best]))
    far = _NATS + _NATS_PER_ROOT * math.sqrt(dim)
    if mass[best[0]] - mass[best[-1]] > far:
        return  # they do not agree, as where the density is improper and chains run away
    left = np.flatnonzero(mass[best[-1]] - (lp + volume) > far)
    for k, chain in enumerate(left):
        state, other = states[chain], states[best[k % half]]
        state.phase[:], state.symbols[:], state.known[:] = other.phase, other.symbols, other.known
        state.tuning = {name: value.copy() for name, value in other.tuning.items()}
        for name in ("window", "window_products", "window_points", "turns"):
            if name in state.tuning:
                state.tuning[name][...] = 0.0
        state.counters[RELOCATIONS] += 1
