"""A check on a stretch of an orbit whether the integration steps of a flow are short enough for its exponents.

Each step of the stretch is made once as a whole and once as two half steps, from the same point and with the same frame. The mean difference of
the growth is the error of each exponent to first order; the difference of the states, relative to how far the step moves, is the relative error
of the vector field. In addition, the sum of all exponents must equal the mean divergence of the field (Liouville's theorem), which Simpson's rule
gives from the beginning, middle and end of each step.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.system import State
from weakchaos.diagnostics.orbits.carried_field import jump_notes
from weakchaos.diagnostics.orbits.orthonormal import _orthonormalise
from weakchaos.native.c_maps import call_map
from weakchaos.native.compiled import address_of, kernel
from weakchaos.systems.flow import Flow

__all__ = ["STRETCH", "length_notes", "step_notes"]

STRETCH = 50  # steps that are made again as halves, where nothing is said
_ROUNDING = 1e-12  # of the logarithm of the growth over one step
_PER_STRETCH = 10  # times as many steps are searched for jumps of the field, with a single vector


@kernel
def _halves(whole, whole_data, half, half_data, field, field_data, dim, z, unit, count, step, growth, sums):
    """Growth by whole steps, by halves and its absolute value into rows of `growth`; into `sums` the squares of error and motion, and the divergence."""
    k, n = growth.shape[1], np.uint64(z.size)
    here, there, middle, fine = z.copy(), np.empty(z.size), np.empty(z.size), np.empty(z.size)
    r, gone = np.zeros((k, k)), np.zeros(k, np.bool_)
    place, slope = unit.copy(), np.empty(unit.size)
    status = 0
    for made in range(count):
        status |= call_map(whole, n, address_of(here), address_of(there), whole_data)
        status |= call_map(half, n, address_of(here), address_of(middle), half_data)
        status |= call_map(half, n, address_of(middle), address_of(fine), half_data)
        if status != 0:
            return made
        for i in range(dim):
            sums[0, i] += (there[i] - fine[i]) ** 2
            sums[1, i] += (there[i] - here[i]) ** 2
        if k == dim:
            for part in range(3):
                for i in range(dim):
                    place[i] = here[i] if part == 0 else middle[i] if part == 1 else fine[i]
                if call_map(field, np.uint64(place.size), address_of(place), address_of(slope), field_data) != 0:
                    return made
                for i in range(dim):
                    sums[2, i] += step / 6.0 * (4.0 if part == 1 else 1.0) * slope[dim * (i + 1) + i]
        if _orthonormalise(fine, 0, dim, k, r, gone) != 0:
            return made
        for j in range(k):
            growth[1, j] += math.log(r[j, j])
        if _orthonormalise(there, 0, dim, k, r, gone) != 0:
            return made
        for j in range(k):
            growth[0, j] += math.log(r[j, j])
            growth[2, j] += abs(math.log(r[j, j]))
        here, there = there, here
    return count


def step_notes(system: Any, state: State, frame: np.ndarray, steps: int) -> tuple[list[str], dict[str, Any]]:
    """Warnings about the step of a flow, from a stretch of `steps` steps that begins at `state`, which is not moved.

    The second result holds numbers for the parameters of a result: ``step_error``, the error of each exponent as estimated by halving the step, and,
    if all exponents are measured, ``divergence``, the mean divergence of the field over the stretch.
    """
    jumps = jump_notes(system, state, _PER_STRETCH * steps)
    notes, numbers = length_notes(system, state, frame, steps)
    return jumps + notes, numbers


def length_notes(system: Any, state: State, frame: np.ndarray, steps: int) -> tuple[list[str], dict[str, Any]]:
    """The same without the search for jumps of the field."""
    if not isinstance(system, Flow) or not hasattr(system, "half_map"):
        return [], {}
    k, dim = frame.shape
    whole, half, field = system.c_map(k), system.half_map(k), system.equations(dim)
    z = np.concatenate([state.phase, frame.ravel()])
    unit = np.concatenate([state.phase, np.eye(dim).ravel()])
    growth, sums, step = np.zeros((3, k)), np.zeros((3, dim)), float(system.step)
    words = [np.uint64(x) for f in (whole, half, field) for x in (f.address, f.user_data)]
    made = _halves(*words, dim, z, unit, steps, step, growth, sums)
    if made < max(10, steps // 10) or not np.isfinite(growth).all() or not np.isfinite(sums).all():
        return [f"the step of {step:g} could not be checked: half steps or derivatives of the field failed after {made} steps"], {}
    time = made * step
    rates, size = growth[0] / time, float((growth[2] / time).max())
    error = rates - growth[1] / time
    moving = sums[1] > 1e-20 * sums[1].max()
    change = float(np.sqrt((sums[0][moving] / sums[1][moving]).max(initial=0.0)))
    notes, numbers = [], {"step_error": error}
    advice = f"a smaller `step` than {step:g}" + (" or `tolerance`" if system.method == "dop853" else " or method 'dop853'")
    worst = int(np.argmax(np.abs(error) - 0.02 * np.abs(rates)))
    rounding = _ROUNDING / step  # all that is left of exponents of 0, as of a harmonic oscillator
    if abs(error[worst]) > 0.02 * abs(rates[worst]) + 0.003 * size + rounding:
        notes.append(
            f"the step is too long for these exponents: halving it on a stretch of {made} steps changes one of {rates[worst]:.4g} by "
            f"{-error[worst]:.2g}; take {advice}"
        )
    elif change > 0.01:
        notes.append(
            f"the step is too long: one whole and two half steps differ by {100 * change:.2g} % of how far a step moves; take {advice}"
        )
    if k == dim:
        total, divergence = float(rates.sum()), float(sums[2].sum() / time)
        numbers["divergence"] = divergence
        if abs(total - divergence) > 0.01 * abs(divergence) + 0.005 * size + rounding:
            notes.append(
                f"the sum of the exponents is {total:.5g} on a stretch of {made} steps where the mean divergence of the vector field, which it "
                f"must equal, is {divergence:.5g}; take {advice}"
            )
    return notes, numbers
