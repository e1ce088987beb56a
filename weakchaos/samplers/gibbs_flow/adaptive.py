"""The flow of deterministic Gibbs sampling under SciPy's adaptive integrator, one draw at a time.

Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I (1993), section II.5: DOP853 of order 8. The integrator is restarted at each
draw, so that a run in parts gives the same orbit as the whole run, and at every wall, where the speeds may jump.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.counters import STEPS
from weakchaos.core.errors import SamplingError
from weakchaos.core.system import State
from weakchaos.samplers.gibbs_flow.line import NO_END
from weakchaos.samplers.gibbs_flow.unlock import GOLDEN, came_back, memory_of

__all__ = ["run_adaptively"]

_WALL = 1e-11
_LONGEST = 0.2  # turns of the fastest coordinate in one step
_MOST_PIECES = 300  # of the orbit between two draws, from wall to wall


def _interval(system: Any, u: np.ndarray, time: float, tolerance: float, counters: np.ndarray) -> tuple[np.ndarray, bool]:
    """The place after `time`, and whether a coordinate has passed the end of its circle."""
    from scipy.integrate import solve_ivp

    dim = u.size

    def wall(_: float, place: np.ndarray) -> float:
        return float(place[:dim].max()) - 1.0

    def drawn(_: float, place: np.ndarray) -> float:
        return float(place[dim]) - time

    for event in (wall, drawn):
        event.terminal, event.direction = True, 1.0  # type: ignore[attr-defined]
    place = np.append(u, 0.0)
    scale, turned = np.append(np.ones(dim), time), False
    for _ in range(_MOST_PIECES):
        unit = system.largest_flux(place[:dim], counters)
        found = solve_ivp(
            lambda _, at, unit=unit: system.motion(at[:dim], unit, counters),
            (0.0, 1.0),
            place,
            "DOP853",
            events=(wall, drawn),
            max_step=_LONGEST,
            rtol=tolerance,
            atol=tolerance * scale,
        )
        if found.status < 0:
            raise SamplingError(f"no step size meets `tolerance` {tolerance}: {found.message}")
        place = found.y[:, -1]
        if len(found.t_events[0]):  # at the wall, within the resolution of time, which may be far in turns
            place[int(place[:dim].argmax())] = 1.0
        turned |= bool((place[:dim] >= 1.0 - _WALL).any())
        place[:dim] = np.where(place[:dim] < 1.0 - _WALL, place[:dim], 0.0)
        if place[dim] >= time * (1.0 - _WALL):
            return place[:dim], turned
    raise SamplingError(NO_END)


def run_adaptively(system: Any, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
    """See `Bound.run`."""
    sampler, dim, memory = system.sampler, system.dim, memory_of(state)
    time = float(sampler.time)
    for t in range(n):
        try:
            u, turned = _interval(system, state.phase, time, float(sampler.tolerance), state.counters)
            if came_back(u, turned, memory):
                u, _ = _interval(system, u, GOLDEN * time, float(sampler.tolerance), state.counters)
                came_back(u, False, memory)
        except Exception as error:
            system.keep_error(error)
            return t
        state.phase[:] = u
        state.counters[STEPS] += 1
        if (t + 1) % every == 0:
            row, x = (t + 1) // every - 1, system.positions(u)
            if len(draws):
                draws[row], stats[row, 0] = x, system.target.logp(x)
            if sums.size:
                sums[:dim] += x
                sums[dim:] += x * x
    return n
