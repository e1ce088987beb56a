"""Where a chain that follows gradients starts: at a place where the gradient is finite, and not on a cliff.

From a place far outside of the bulk gradients are so large that a leapfrog step is tiny, and thousands of steps of warm-up are spent on the way.
There a few steps of an optimiser come first: L-BFGS (Liu and Nocedal, Mathematical Programming 45 (1989) 503), stopped as soon as
the gradient is a hundredth of what it was, and not huge any more, so that chains from different places do not all end at one mode. Starts that the user
chose are checked, and left where they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.counters import WARMUP_GRADIENTS
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State
from weakchaos.native.functions import evaluate

__all__ = ["settle_start"]

_TRIES = 100
_HUGE = 1000.0  # of a gradient for each coordinate, where starts are standard normal: a thousand standard deviations out
_CLIMB_STEPS = 200


def _evaluated(density: Any, x: np.ndarray) -> tuple[float, np.ndarray] | None:
    """Log density and gradient; None where the user's function raises, which a run reports with the draws made until then."""
    try:
        value, gradient = evaluate(density, x, gradient=True)
    except Exception:
        return None
    return value, np.asarray(gradient)


def _huge(dim: int) -> float:
    return float(_HUGE * np.sqrt(dim))


def _climb(density: Any, x: np.ndarray, value: float, gradient: np.ndarray) -> tuple[np.ndarray, int]:
    """A place of higher density where the gradient is a hundredth, and not huge, or as far as the steps lead; and how many gradients that took."""
    from scipy.optimize import minimize

    def downhill(y: np.ndarray) -> tuple[float, np.ndarray]:
        found = _evaluated(density, np.ascontiguousarray(y))
        if found is None or not np.isfinite(found[0]) or not np.isfinite(found[1]).all():
            return 1e300, np.zeros(y.size)
        return -found[0], -found[1]

    # A hundredth of a gradient of 1e20, which the exponential of a linear predictor has, is on the cliff still.
    enough, steps, made = min(0.01 * float(np.abs(gradient).max()), _huge(x.size)), 0, 0
    while steps < _CLIMB_STEPS:
        options = {"maxiter": _CLIMB_STEPS - steps, "gtol": enough}
        with np.errstate(all="ignore"):
            result = minimize(downhill, x, jac=True, method="L-BFGS-B", options=options)
        steps, made = steps + max(1, int(result.nit)), made + int(result.nfev)
        if not (np.isfinite(result.x).all() and np.isfinite(result.fun) and -result.fun > value):
            break
        x, value = np.ascontiguousarray(result.x), -float(result.fun)
        if np.abs(result.jac).max() <= enough:
            break  # else curvatures of a place far above misled the search for a step: it begins anew
    return x, made


def settle_start(target: Any, state: State, rng: np.random.Generator, given: bool, climbs: bool) -> None:
    """Check the gradient at the start of a chain, draw another where it is not finite, and climb where it is huge.

    Parameters
    ----------
    target : Density
    state : State
        Its phase begins with the position, which is changed in place.
    rng : Generator
    given : bool
        Whether the user chose the position.
    climbs : bool
        Whether the sampler tunes itself.

    Raises
    ------
    ArgumentError
        Where the gradient is not finite at the position that was given, or anywhere that was tried.
    """
    density, dim = target.pointer(True), target.dim
    own = given or target.chooses_starts
    for attempt in range(_TRIES):
        x = state.phase[:dim].copy()
        found = _evaluated(density, x)
        if found is None:
            return
        value, gradient = found
        if np.isfinite(gradient).all():
            break
        if given or attempt + 1 == _TRIES:
            worst = int(np.argmin(np.isfinite(gradient)))
            raise ArgumentError(
                f"the gradient of the log density must be finite where a chain starts; for coordinate {worst} of {dim} it is {gradient[worst]} at "
                f"{shown(x)}"
                + ("" if given else f", and not finite at any of {_TRIES} starts")
                + "; pass another `initial`, or mend `grad`"
            )
        state.phase[:dim] = target.random_start(rng)
    if climbs and not own and np.abs(gradient).max() > _huge(dim):
        state.phase[:dim], made = _climb(density, x, value, gradient)
        state.counters[WARMUP_GRADIENTS] += made
