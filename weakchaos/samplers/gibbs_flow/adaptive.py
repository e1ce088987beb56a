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

__all__ = ["run_adaptively"]

_WALL = 1e-11


def _interval(system: Any, u: np.ndarray, time: float, tolerance: float, counters: np.ndarray) -> np.ndarray:
    from scipy.integrate import solve_ivp

    def wall(_: float, place: np.ndarray) -> float:
        return float(place.max()) - 1.0

    wall.terminal, wall.direction = True, 1.0  # type: ignore[attr-defined]
    left = time
    while left > 1e-13 * time:
        found = solve_ivp(
            lambda _, place: system.circle_velocity(place, counters),
            (0.0, left),
            u,
            "DOP853",
            events=wall,
            rtol=tolerance,
            atol=tolerance,
        )
        # Far out speeds are high and steps shorter than the spacing of numbers near the time reached: counted from zero they are not.
        if found.status < 0 and found.t[-1] == 0.0:
            raise SamplingError(f"no step size meets `tolerance` {tolerance}: {found.message}")
        u = np.where(found.y[:, -1] < 1.0 - _WALL, found.y[:, -1], 0.0)
        if found.status == 1:  # at the wall, within the resolution of time, which may be far in turns
            u[int(found.y[:, -1].argmax())] = 0.0
        left -= float(found.t[-1])
    return u


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
