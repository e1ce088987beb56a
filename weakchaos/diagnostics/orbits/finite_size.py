"""Exponents at finite sizes of the error: the rate at which an error of size δ grows by a factor.

E. Aurell, G. Boffetta, A. Crisanti, G. Paladin and A. Vulpiani, Phys. Rev. Lett. 77 (1996) 1262, doi:10.1103/PhysRevLett.77.1262. It is the largest
exponent as δ -> 0; at sizes δ of the large scales it tells how predictable these are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.scatter import standard_error
from weakchaos.core.system import State
from weakchaos.diagnostics.orbits.escape import ESCAPED, escape_note
from weakchaos.diagnostics.orbits.orthonormal import random_frame
from weakchaos.diagnostics.orbits.step_check import STRETCH, step_notes
from weakchaos.diagnostics.orbits.twins import own_numbers
from weakchaos.diagnostics.result import Result
from weakchaos.native.c_maps import call_map
from weakchaos.native.compiled import address_of, kernel
from weakchaos.systems.base import CompiledSystem

__all__ = ["finite_size_exponent"]


@kernel
def _distance(a, b, circumference):
    total = 0.0
    for i in range(a.size):
        gap = abs(a[i] - b[i])
        if circumference > 0.0:
            gap = min(gap, circumference - gap)
        total += gap * gap
    return math.sqrt(total)


@kernel
def _separate(function, data, a, b, sizes, growth, durations, counts, circumference, most):
    """Follow twins until they are sizes[-1] apart; growth and time from the first step beyond each size to that beyond the next."""
    n = np.uint64(a.size)
    here, there, twin, other = a.copy(), np.empty(a.size), b.copy(), np.empty(a.size)
    level, began, at, outcome = -1, 0.0, 0, 3
    for step in range(most):
        if call_map(function, n, address_of(here), address_of(there), data) != 0:
            outcome = 1
            break
        if call_map(function, n, address_of(twin), address_of(other), data) != 0:
            outcome = 1
            break
        here, there = there, here
        twin, other = other, twin
        gap = _distance(here, twin, circumference)
        if not math.isfinite(gap):
            outcome = 2
            break
        if gap == 0.0:
            break
        crossed = False
        while level + 1 < sizes.size and gap >= sizes[level + 1]:
            if level >= 0 and not crossed:
                growth[level] += math.log(gap / began)
                durations[level] += step - at
                counts[level] += 1
            crossed = True
            level += 1
        if crossed:
            began, at = gap, step
        if level == sizes.size - 1:
            outcome = 0
            break
    a[:] = here
    return outcome


def _rounding(phase: np.ndarray, unit: float) -> float:
    return float(8 * np.finfo(float).eps * max(unit, float(np.abs(phase).max(initial=0.0))))


def finite_size_exponent(
    system: CompiledSystem,
    smallest: float = 1e-8,
    largest: float = 0.1,
    ratio: float = 1.5,
    samples: int = 200,
    transient: int = 1000,
    most: int = 100_000,
    seed: Any = 0,
    state: State | None = None,
) -> Result:
    """The finite-size Lyapunov exponent λ(δ) of a map or flow, by twin orbits.

    An error is followed from far below `smallest`, so that it has the direction of fastest growth when it reaches `smallest`, to `largest`. For
    each δ of a geometric sequence, λ(δ) is the mean log growth from δ to the next size divided by the mean time that this growth took.

    Parameters
    ----------
    system : CompiledSystem
        A reference system, `UserMap` or `UserFlow`.
    smallest, largest : float
        The range of δ, in the units of the draws.
    ratio : float
        Ratio of neighbouring sizes, above 1.
    samples : int
        Number of errors that are followed, one after the other along the orbit.
    transient : int
        Number of steps before the first error.
    most : int
        Number of steps after which an error that has not reached `largest` is given up.
    seed : int
    state : State, optional
        The state from which to begin; ``system.start(seed)`` by default. It is not changed.

    Returns
    -------
    Result
        ``value`` is λ over the first third of the sizes (on a logarithmic scale), an estimate of the largest exponent if these are small enough.
        ``curve`` holds sizes and λ in nats per unit time, without sizes that every error jumped over in one step. ``parameters["counts"]`` is the
        number of errors measured at each size.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> from weakchaos.systems import Bernoulli
    >>> result = finite_size_exponent(Bernoulli(), largest=0.2, ratio=2.0, samples=20)
    >>> abs(float(result) - math.log(2)) < 1e-9
    True
    """
    if not isinstance(system, CompiledSystem):
        raise ArgumentError(f"`system` must be a map or flow of weakchaos.systems; got {shown(system)}: wrap other maps in UserMap")
    smallest, largest, ratio = real_number("smallest", smallest), real_number("largest", largest), real_number("ratio", ratio)
    if not (0.0 < smallest < largest and ratio > 1.0 and largest >= smallest * ratio):
        raise ArgumentError(
            f"`smallest` must be positive, `ratio` above 1 and `largest` at least smallest * ratio; got {smallest}, {ratio}, {largest}"
        )
    samples, most, transient = (
        whole_number("samples", samples, 1),
        whole_number("most", most, 1),
        whole_number("transient", transient, 0),
    )
    unit = float(system.unit)
    sizes = smallest * ratio ** np.arange(math.floor(math.log(largest / smallest) / math.log(ratio) * (1 + 1e-12)) + 1)
    base = system.start(seed) if state is None else state.copy()
    if transient:
        system.advance(base, transient, transient)
    if not np.isfinite(base.phase).all():
        note = "the orbit diverged during the transient: the exponents of an unbounded orbit have no meaning"
        return Result(
            math.nan, parameters={"smallest": smallest, "largest": largest, "ratio": ratio, "samples": 0}, warnings=(note,)
        )
    rng = own_numbers(0xF51, seed)
    growth, durations, counts = np.zeros(sizes.size), np.zeros(sizes.size), np.zeros(sizes.size, np.int64)
    each = np.zeros((samples, 2))
    step, notes, third, escaped = system.c_map(), [], max(1, (sizes.size - 1) // 3), False
    rounding = _rounding(base.phase, unit)
    path = np.full((samples, base.phase.size), np.nan)
    for sample in range(samples):
        path[sample] = base.phase
        nudge = rng.standard_normal(base.phase.size)
        nudge *= max(1e-3 * smallest * unit, rounding) / np.linalg.norm(nudge)
        # Maps of whole numbers keep them: a fraction would be rounded away, differently in each orbit.
        twin = base.phase + (np.round(nudge) if unit > 1.0 else nudge)
        before = growth[:third].sum(), durations[:third].sum()
        outcome = _separate(
            np.uint64(step.address),
            np.uint64(step.user_data),
            base.phase,
            twin,
            sizes * unit,
            growth,
            durations,
            counts,
            float(system.circumference),
            most,
        )
        each[sample] = growth[:third].sum() - before[0], durations[:third].sum() - before[1]
        if outcome == 1:
            raise step.take_error()
        if outcome:
            escaped = outcome == 2
            notes.append(
                f"the orbit diverged after {sample} errors: the exponents of an unbounded orbit have no meaning"
                if escaped
                else f"error {sample + 1} did not reach `largest` in {most} steps or vanished: small errors do not grow, or they do not grow to this size"
            )
            break
    escape = escape_note(path, system)  # not asked where the loop ended early
    if escape is None and not escaped and _rounding(base.phase, unit) > smallest * unit >= rounding:
        escape = f"{ESCAPED}: it is so far out that an error of `smallest` is below rounding"
    if escape is not None:
        escaped = True
        notes.append(escape)
    if not escaped and np.isfinite(base.phase).all():
        notes += step_notes(system, base, random_frame(base.phase.size, 1, rng), STRETCH)[0]
    time_step = float(system.time_step)
    seen = durations > 0
    rates = np.divide(growth, durations, out=np.zeros(sizes.size), where=seen) / time_step
    parameters = {"smallest": smallest, "largest": largest, "ratio": ratio, "samples": samples, "counts": counts[seen]}
    curve = (sizes[seen], rates[seen])
    total = each.sum(0)
    if total[1] == 0 or escaped:
        return Result(
            math.nan,
            None,
            curve,
            None,
            parameters,
            tuple(notes) or ("every error jumped over all sizes of the first third in one step: lower `ratio`",),
        )
    value = total[0] / total[1] / time_step
    measured = each[each[:, 1] > 0]
    stderr = None
    if len(measured) >= 8:  # of a ratio of means, to first order
        rest = measured[:, 0] - total[0] / total[1] * measured[:, 1]
        stderr = float(standard_error(rest) / measured[:, 1].mean() / time_step)
    return Result(float(value), stderr, curve, (float(sizes[0]), float(sizes[third])), parameters, tuple(notes))
