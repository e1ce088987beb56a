"""Exponents over finite times: growth rates over windows of an orbit, whose distribution shows how much the strength of chaos varies.

P. Grassberger, R. Badii and A. Politi, J. Stat. Phys. 51 (1988) 135, doi:10.1007/BF01015324.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.system import State, System
from weakchaos.diagnostics.orbits.escape import escape_note
from weakchaos.diagnostics.orbits.orthonormal import frame_rounds
from weakchaos.diagnostics.orbits.spectrum import prepared
from weakchaos.diagnostics.orbits.step_check import STRETCH, step_notes
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.standard_errors import shear_errors, standard_errors

__all__ = ["FiniteTime", "finite_time_exponents"]


@dataclass(frozen=True, repr=False)
class FiniteTime(Result):
    """Growth rates over windows of an orbit; ``float(result)`` is the mean of the largest.

    Attributes
    ----------
    local : array of shape (m, k)
        Growth rates in nats per unit time, of vectors that have converged to the directions of the flow, in descending order of their exponents.
    exponents, stderr : arrays of shape (k,)
        Means over the windows and their standard errors.
    spread : array of shape (k,)
        Standard deviations over the windows.
    """

    stderr: Any = None
    local: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    exponents: np.ndarray = field(default_factory=lambda: np.empty(0))
    spread: np.ndarray = field(default_factory=lambda: np.empty(0))


def finite_time_exponents(
    system: System,
    window: int = 100,
    samples: int = 1000,
    k: int = 1,
    transient: int | None = None,
    seed: Any = 0,
    state: State | None = None,
) -> FiniteTime:
    """The distribution of the `k` largest exponents over successive windows of an orbit.

    Parameters
    ----------
    system : System
    window : int
        Number of steps in a window.
    samples : int
        Number of windows, one after the other.
    k : int
    transient : int, optional
        Number of steps before the first window; max(1000, a tenth of the run) by default.
    seed : int
    state : State, optional
        The state from which to begin; ``system.start(seed)`` by default. It is not changed.

    Returns
    -------
    FiniteTime
        ``curve`` holds the beginnings of the windows and the largest rates.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> from weakchaos.systems import Tent
    >>> result = finite_time_exponents(Tent(), window=10, samples=50)
    >>> bool(result.spread[0] < 1e-12)  # every orbit of the tent map stretches alike
    True
    """
    window, samples = whole_number("window", window, 1), whole_number("samples", samples, 1)
    base, frame, _, transient, interval, notes, ended = prepared(system, k, window * samples, transient, None, seed, state)
    interval = max(n for n in range(1, min(interval, window) + 1) if window % n == 0)
    width = window * float(getattr(system, "time_step", 1.0))
    # As for a spectrum: a field that jumps, or a step that is too long, makes every window wrong.
    doubts = [] if ended else step_notes(system, base, frame, min(STRETCH, window * samples))[0]
    rounds = frame_rounds(system, base, frame, 0 if ended else samples, window // interval, interval)
    notes += [
        n for n in rounds.notes(f"after {rounds.made * interval} steps (the result has only the windows before)") if n not in notes
    ]
    notes += doubts
    escape = None if rounds.ended else escape_note(rounds.places, system)
    notes += [] if escape is None else [escape]
    local = rounds.logs[~np.isnan(rounds.logs).any(1)] / width if escape is None else np.empty((0, len(frame)))
    parameters = {"window": window, "samples": len(local), "k": len(frame), "transient": transient, "every": interval}
    if not len(local):
        missing = np.full(len(frame), np.nan)
        return FiniteTime(
            math.nan, parameters=parameters, warnings=tuple(notes), stderr=missing, local=local, exponents=missing, spread=missing
        )
    with np.errstate(invalid="ignore"):
        spread = local.std(0, ddof=1) if len(local) > 1 else np.zeros(local.shape[1])
    means = local.mean(0)
    return FiniteTime(
        value=float(means[0]),
        stderr=np.hypot(standard_errors(local), shear_errors(means, len(local) * width, transient * width / window)),
        curve=(width * np.arange(len(local)), local[:, 0]),
        parameters=parameters,
        warnings=tuple(notes),
        local=local,
        exponents=means,
        spread=spread,
    )
