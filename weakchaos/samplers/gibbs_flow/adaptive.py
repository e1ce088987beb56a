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

__all__ = ["run_adaptively"]

_WALL = 1e-11
_LONGEST = 0.2  # turns of the fastest coordinate in one step
_MOST_PIECES = 300  # of the orbit between two draws, from wall to wall


def _interval(system: Any, u: np.ndarray, time: float, tolerance: float, counters: np.ndarray) -> np.ndarray:
    from scipy.integrate import solve_ivp

    dim = u.size

    def wall(_: float, place: np.ndarray) -> float:
        return float(place[:dim].max()) - 1.0

    def drawn(_: float, place: np.ndarray) -> float:
        return float(place[dim]) - time

    for event in (wall, drawn):
        event.terminal, event.direction = True, 1.0  # type: ignore[attr-defined]
    place = np.append(u, 0.0)
    scale = np.append(np.ones(dim), time)
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
            place[int(place[:dim].argmax())] = 0.0
        place[:dim] = np.where(place[:dim] < 1.0 - _WALL, place[:dim], 0.0)
        if place[dim] >= time * (1.0 - _WALL):
            return place[:dim]
    raise SamplingError(NO_END)


def run_adaptively(system: Any, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
    """See `Bound.run`."""
    sampler, dim = system.sampler, system.dim
    for t in range(n):
        try:
            u = _interval(system, state.phase, float(sampler.time), float(sampler.tolerance), state.counters)
        except Exception as error:
            system.keep_error(error)
            return t
        state.phase[:] = u
        state.counters[STEPS] += 1
        if (t + 1) % every:
            continue
        row, x = (t + 1) // every - 1, system.positions(u)
        if len(draws):
            draws[row], stats[row, 0] = x, system.target.logp(x)
        if sums.size:
            sums[:dim] += x
            sums[dim:] += x * x
    return n
