"""Alignment of deviation vectors: SALI and GALI tell chaotic orbits from regular ones long before exponents have converged.

Ch. Skokos, J. Phys. A 34 (2001) 10029, doi:10.1088/0305-4470/34/47/309; Ch. Skokos, T. Bountis and Ch. Antonopoulos, Physica D 231 (2007) 30,
doi:10.1016/j.physd.2007.04.004. Vectors of length 1 are moved without making them orthonormal. GALI_k, the volume of the parallelepiped of k
of them, falls like exp(-((λ1 - λ2) + ... + (λ1 - λk)) t) on a chaotic orbit. On a torus of dimension s of a Hamiltonian flow with N degrees
of freedom it is bounded away from 0 for k <= s, and falls like a power of t for larger k.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State, System, supports_tangent
from weakchaos.diagnostics.orbits.escape import ESCAPED, escape_note
from weakchaos.diagnostics.orbits.orthonormal import random_frame
from weakchaos.diagnostics.orbits.passages import passage_notes
from weakchaos.diagnostics.orbits.step_check import STRETCH, step_notes
from weakchaos.diagnostics.orbits.twins import own_numbers, phase_scale, twin_tangent
from weakchaos.diagnostics.result import Result
from weakchaos.native.c_maps import call_map
from weakchaos.native.compiled import address_of, kernel

__all__ = ["gali", "sali"]

_FLOOR = 1e-14  # what is left of a volume below this is rounding
_ROWS = 1000
_FAR = 1e100  # times as far out as it began: an orbit has diverged
_ENDED = "a vector shrank to nothing or grew beyond the numbers: the curve ends there"


@kernel
def _aligned(function, data, dim, z, every, rows, places, strains, begins):
    """Move `z`, the state and k vectors, making each of length 1 again after every step; vectors and states after each `every`-th."""
    k, n = rows.shape[1], np.uint64(z.size)
    here, there = z.copy(), np.empty(z.size)
    for row in range(rows.shape[0]):
        for _ in range(every):
            if call_map(function, n, address_of(here), address_of(there), data) != 0:
                z[:] = here
                return row, 1
            here, there = there, here
            for j in range(k):
                v, square = dim * (j + 1), 0.0
                for i in range(dim):
                    square += here[v + i] * here[v + i]
                if square > strains[row] or square * strains[row] < 1.0:
                    strains[row] = max(square, 1.0 / max(square, 1e-300))
                    begins[row] = there[:dim]
                if not 0.0 < square < 1e300:
                    z[:] = here
                    return row, 2
                scale = 1.0 / math.sqrt(square)
                for i in range(dim):
                    here[v + i] *= scale
        for j in range(k):
            rows[row, j] = here[dim * (j + 1) : dim * (j + 2)]
        places[row] = here[:dim]
    z[:] = here
    return rows.shape[0], 0


def _moved_vectors(system: Any, base: State, frame: np.ndarray, count: int, every: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Unit vectors as rows, of shape (count, k, dim), the states beside them, and what speaks against them."""
    k, dim = frame.shape
    rows, places = np.empty((count, k, dim)), np.empty((count, dim))
    strains, begins = np.ones(count), np.full((count, dim), np.nan)
    if hasattr(system, "c_map"):
        step, z = system.c_map(k), np.concatenate([base.phase, frame.ravel()])
        made, outcome = _aligned(np.uint64(step.address), np.uint64(step.user_data), dim, z, every, rows, places, strains, begins)
        if outcome == 1:
            raise step.take_error()
        notes = [*step.take_remarks(), *passage_notes(system, begins[:made], np.sqrt(strains[:made]), 1)]
        if outcome:
            here = z[:dim]
            diverged = not np.isfinite(here).all() or (
                made > 0 and float(np.abs(here).max()) > _FAR * float(1.0 + np.abs(places[0]).max())
            )
            notes.append(ESCAPED if diverged else _ENDED)
            made = 0 if diverged else made
        return rows[:made], places[:made], notes
    exact = supports_tangent(system)
    scale = None if exact else phase_scale(system, base)
    for row in range(count):
        for _ in range(every):
            images = system.tangent(base, 1, frame.T) if exact else twin_tangent(system, base, 1, frame.T, scale)
            if images is None:
                return rows[:row], places[:row], ["twin orbits went to different branches of the map: the curve ends there"]
            lengths = np.linalg.norm(images, axis=0)
            if not np.isfinite(images).all() and not np.isfinite(base.phase[: frame.shape[1]]).all():
                return rows[:0], places[:0], [ESCAPED]
            if not (np.isfinite(lengths) & (lengths > 0)).all():
                return rows[:row], places[:row], [_ENDED]
            frame = np.ascontiguousarray((images / lengths).T)
        rows[row] = frame
        # The phase of some samplers grows while they run.
        places[row] = base.phase if base.phase.size == dim else np.nan
    return rows, places, []


def _curve(
    system: System, k: Any, steps: Any, transient: Any, every: Any, seed: Any, state: State | None
) -> tuple[np.ndarray, np.ndarray, dict, list[str]]:
    steps, transient = whole_number("steps", steps, 1), whole_number("transient", transient, 0)
    base = system.start(seed) if state is None else state.copy()
    if base.phase.size < 2:
        raise ArgumentError("`system` needs at least two real coordinates: in one dimension vectors are always aligned")
    k = whole_number("k", k, 2, base.phase.size)
    every = max(1, steps // _ROWS) if every is None else whole_number("every", every, 1)
    if transient:
        system.advance(base, transient, transient)
    frame = random_frame(
        base.phase.size,
        k,
        own_numbers(0x6A11, seed),
    )
    start = base.copy()
    rows, places, notes = _moved_vectors(system, base, frame, max(1, steps // every), every)
    # Weights of herding that no step has used yet are NaN; what grew without bounds was infinite before.
    escape = ESCAPED if np.isinf(places).any() else escape_note(places, system)
    if escape is not None:
        # Vectors turn into one direction on the way to infinity too, or keep their angles for ever, and neither is chaos or its absence.
        rows, notes = rows[:0], [*notes, escape]
    doubts, numbers = step_notes(system, start, frame, min(STRETCH, steps))
    notes += doubts
    times = every * float(getattr(system, "time_step", 1.0)) * np.arange(1, len(rows) + 1)
    if not supports_tangent(system):
        notes.append("the system has no tangent map: derivatives are differences of twin orbits")
    return times, rows, {"k": k, "steps": len(rows) * every, "every": every, "transient": transient, **numbers}, notes


def _result(times: np.ndarray, values: np.ndarray, parameters: dict, notes: list[str]) -> Result:
    below = np.flatnonzero(values < _FLOOR)
    end = int(below[0]) if below.size else len(values)
    # The slope of the logarithm over the part that is not rounding; its first tenth belongs to the choice of the first vectors.
    first = end // 10
    rate = math.nan
    if end - first >= 5:
        rate = float(np.polyfit(times[first:end], np.log(values[first:end]), 1)[0])
    reached = float(times[below[0]]) if below.size else None
    used = (float(times[first]), float(times[end - 1])) if end > first else None
    if len(values) == 0:
        notes = [*notes, "no step could be made"]
    value = float(values[-1]) if len(values) else math.nan
    return Result(value, None, (times, values), used, {**parameters, "rate": rate, "reached": reached}, tuple(notes))


def gali(
    system: System,
    k: int = 2,
    steps: int = 10_000,
    transient: int = 0,
    every: int | None = None,
    seed: Any = 0,
    state: State | None = None,
) -> Result:
    r"""The generalised alignment index GALI_k of an orbit: the volume spanned by `k` deviation vectors of length 1.

    Parameters
    ----------
    system : System
    k : int
        From 2 to the number of coordinates.
    steps, transient : int
        Number of steps that are measured, and of steps that are made before.
    every : int, optional
        Steps between two points of the curve; by default the curve has a thousand points.
    seed : int
        Seed of the start and of the first vectors, which are orthonormal, so that the curve begins near 1.
    state : State, optional
        The state from which to begin; ``system.start(seed)`` by default. It is not changed.

    Returns
    -------
    Result
        ``value`` is the last value; ``curve`` holds times and values. ``parameters["rate"]`` is the slope of the logarithm of the values per unit
        time, before rounding errors dominate; ``parameters["reached"]`` is the time at which the index fell below 1e-14, None if it did not.

    Raises
    ------
    ArgumentError

    Notes
    -----
    For vectors of length 1 it is the norm of their wedge product, and on a chaotic orbit it falls at the rate of gaps between exponents:

    $$G_k(t) = |u_1 \wedge \dots \wedge u_k| \sim e^{-((\lambda_1 - \lambda_2) + \dots + (\lambda_1 - \lambda_k)) t}.$$

    An orbit that grows exponentially all along has no curve, and its value is NaN, with a warning.

    Examples
    --------
    >>> from weakchaos.systems import ArnoldCat
    >>> result = gali(ArnoldCat(), steps=15)
    >>> abs(result.parameters["rate"] + 2 * 0.962424) < 0.02
    True
    """
    times, rows, parameters, notes = _curve(system, k, steps, transient, every, seed, state)
    return _result(times, np.prod(np.linalg.svd(rows, compute_uv=False), axis=1), parameters, notes)


def sali(
    system: System, steps: int = 10_000, transient: int = 0, every: int | None = None, seed: Any = 0, state: State | None = None
) -> Result:
    """The smaller alignment index of an orbit: min(|u + v|, |u - v|) of two deviation vectors of length 1.

    It is twice GALI_2 to first order: it falls like exp(-(λ1 - λ2) t) on a chaotic orbit and stays between bounds on a regular one of a
    Hamiltonian flow. Arguments, result and errors are those of `gali`.

    Examples
    --------
    >>> from weakchaos.systems import ArnoldCat
    >>> float(sali(ArnoldCat(), steps=30)) < 1e-14
    True
    """
    times, rows, parameters, notes = _curve(system, 2, steps, transient, every, seed, state)
    values = np.minimum(np.linalg.norm(rows[:, 0] + rows[:, 1], axis=1), np.linalg.norm(rows[:, 0] - rows[:, 1], axis=1))
    return _result(times, values, parameters, notes)
