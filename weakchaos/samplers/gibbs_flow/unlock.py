"""Orbits of a flow that come back to their own places, and how they are moved on.

Draws at equal times are the orbit of one map, the flow over this time. If the map is a rotation by a rational part of a turn, as it is for one coordinate
whose speed times the time between draws is rational, every draw is one of the same few places for ever, and averages over them are wrong however long
they are. The flow over any other time leaves the same law invariant. An orbit that has come back is therefore moved on along the flow, by the golden part
of the time between draws: on the circle of places between two of its own that is an irrational rotation, so the cycles it then visits fill this circle.

Returns are sought as in Brent's search for cycles (BIT 20 (1980) 176, doi:10.1007/BF01933190): the place is kept after 1, 2, 4, ... steps and later ones are compared
with it. A place at a distance d after q steps counts as the same if q d is less than a two-hundredth of a turn: rotations by quadratic irrationals such as the
default speeds never come so near (q d is at least 0.38 for the golden one), and a rotation that does repeats itself for another hundred periods. The place
that an orbit came back to is not drawn again: it is moved on before.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from weakchaos.core.flags import Flag, Kind
from weakchaos.core.system import State

__all__ = ["GOLDEN", "came_back", "flags_of_returns", "memory_of"]

GOLDEN = 0.6180339887498949
_NEAR = 0.01  # of the largest distance since, at most half a turn, divided by the number of steps
_STEPS, _HORIZON, _FARTHEST, _BROKEN, _PERIOD = 0, 1, 2, 3, 4  # behind the place that is kept
_NAME = "returns"


def memory_of(state: State) -> np.ndarray:
    """What a state remembers of its orbit: a place, steps since, steps until the next one is kept, largest distance since, returns, steps of the last."""
    return state.tuning.setdefault(_NAME, np.zeros(state.phase.size + 5))


@njit(nogil=True, error_model="numpy")
def came_back(u, turned, memory):
    """Count a step that ends at `u`; whether the orbit has come back. `turned`: a coordinate has passed the end of its circle in this step."""
    dim = u.size
    if memory[dim + _HORIZON] == 0.0:
        # An orbit that has come back does so again after as many steps.
        memory[:dim] = u
        memory[dim + _STEPS], memory[dim + _HORIZON], memory[dim + _FARTHEST] = 0.0, max(1.0, memory[dim + _PERIOD]), 0.0
        return False
    memory[dim + _STEPS] += 1.0
    steps, distance = memory[dim + _STEPS], 0.0
    for i in range(dim):
        gap = abs(u[i] - memory[i])
        distance = max(distance, min(gap, 1.0 - gap))
    # In a narrow density the place hardly moves for many steps without being the same.
    farthest = max(memory[dim + _FARTHEST], 0.5 if turned else distance)
    if distance * steps < _NEAR * farthest:
        memory[dim + _HORIZON] = 0.0
        memory[dim + _BROKEN] += 1.0
        memory[dim + _PERIOD] = steps
        return True
    memory[dim + _FARTHEST] = farthest
    if steps >= memory[dim + _HORIZON]:
        memory[:dim] = u
        memory[dim + _STEPS], memory[dim + _FARTHEST] = 0.0, 0.0
        memory[dim + _HORIZON] *= 2.0
    return False


def flags_of_returns(sampler: str, before: list[State], after: list[State]) -> list[Flag]:
    """A note if orbits came back and were moved on."""
    found = []
    for old, new in zip(before, after, strict=True):
        dim = new.phase.size
        held = new.tuning.get(_NAME)
        if held is None:
            continue
        earlier = old.tuning.get(_NAME)
        times = int(held[dim + _BROKEN] - (0.0 if earlier is None else earlier[dim + _BROKEN]))
        if times > 0:
            found.append((times, int(held[dim + _PERIOD])))
    if not found:
        return []
    return [Flag.of(Kind.MOVED_ON, sampler=sampler, times=sum(t for t, _ in found), period=found[0][1], part=GOLDEN)]
