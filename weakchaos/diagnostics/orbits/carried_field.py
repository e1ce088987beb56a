"""A check whether the linearised flow carries the vector field along, as it must where the field is differentiable.

The vector field is itself a solution of the linearised equations: the derivative of the flow over a time t maps f(x(0)) to f(x(t)). Where the orbit
crosses a surface at which the field jumps (dry friction, relays, signs), the vectors of a frame must jump too, by the saltation matrix (Aizerman and
Gantmakher, Q. J. Mech. Appl. Math. 11 (1958) 459, doi:10.1093/qjmam/11.4.459; Leine and Nijmeijer, Dynamics and Bifurcations of Non-Smooth Mechanical
Systems, Springer 2004, doi:10.1007/978-3-540-44398-8), which no derivative of the field contains. Exponents without it are those of another system, and
neither the divergence nor half steps show it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.system import State
from weakchaos.native.c_maps import call_map
from weakchaos.native.compiled import address_of, kernel
from weakchaos.systems.runge_kutta import stepper

__all__ = ["jump_notes"]

_MOST = 2_000_000  # numbers that are kept
_CHANGE = 0.02  # a smaller part of the field is left to the check of the step
_FINE, _LOOKED_AT = 64, 16  # parts of a step, and steps that are made again in such parts


@kernel
def _carry(move, move_data, field, field_data, z, parts, places, fields, carried):
    """States, the field at them, and what the derivative of `parts` steps makes of the field at the state before; the number of rows made."""
    dim = places.shape[1]
    here, there, size = np.empty(2 * dim), np.empty(2 * dim), np.uint64(dim)
    here[:dim] = z
    for row in range(places.shape[0]):
        places[row] = here[:dim]
        if call_map(field, size, address_of(here), address_of(fields[row]), field_data) != 0:
            return row
        if row == carried.shape[0]:
            return row + 1
        here[dim:] = fields[row]
        for _ in range(parts):
            if call_map(move, np.uint64(2 * dim), address_of(here), address_of(there), move_data) != 0:
                return row
            here, there = there, here
        carried[row] = here[dim:]
    return places.shape[0]


def _mismatch(fields: np.ndarray, carried: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """How far what was carried along is from the field, a part of the field, for each row."""
    whole = np.linalg.norm(fields / unit, axis=1)
    return np.linalg.norm((carried - fields[1:]) / unit, axis=1) / (whole[1:] + whole[:-1] + 1e-3)


def jump_notes(system: Any, state: State, steps: int) -> list[str]:
    """A warning if the field of a flow jumps on the orbit of `steps` steps from `state`, which is not moved.

    Steps over which the derivative does not carry the field along are made again in parts of 1/64: an error of the step, or a corner of the field, then
    shrinks, and a jump stays.
    """
    from weakchaos.systems.flow import Flow

    if not isinstance(system, Flow):
        return []
    dim = system.dim
    count = max(2, min(steps, _MOST // dim))
    move, field = system.c_map(1), system.equations()
    fine = stepper(system.equations(1), dim, 1, system.method, system.step / _FINE, system.tolerance)
    words = [np.uint64(x) for f in (move, field) for x in (f.address, f.user_data)]
    again = [np.uint64(x) for f in (fine, field) for x in (f.address, f.user_data)]
    places, fields, carried = np.empty((count + 1, dim)), np.empty((count + 1, dim)), np.empty((count, dim))
    made = _carry(*words, state.phase, 1, places, fields, carried)
    places, fields, carried = places[:made], fields[:made], carried[: max(made - 1, 0)]
    if made < 2 or not (np.isfinite(fields).all() and np.isfinite(carried).all()):
        return []
    with np.errstate(over="ignore"):
        unit = np.sqrt((fields**2).mean(0))
    if not np.isfinite(unit).all():
        return []
    # A coordinate at rest has a field that consists of rounding errors.
    moving = unit * system.step > 1e-9 * np.abs(places).max(0)
    if not moving.any():
        return []
    fields, carried, unit = fields[:, moving], carried[:, moving], unit[moving]
    gap = _mismatch(fields, carried, unit)
    odd = np.flatnonzero(gap > _CHANGE)
    stay, at = 0, ""
    looked = odd[np.argsort(-gap[odd], kind="stable")][:_LOOKED_AT]
    for row in looked:
        two, both, one = np.empty((2, dim)), np.empty((2, dim)), np.empty((1, dim))
        if _carry(*again, places[row], _FINE, two, both, one) < 2:
            continue
        if _mismatch(both[:, moving], one[:, moving], unit)[0] > 0.5 * gap[row]:
            stay += 1
            at = at or ", ".join(f"{x:.6g}" for x in places[row][:6])
    if 2 * stay <= len(looked):
        return []
    return [
        f"the vector field jumps on the orbit, in {len(odd)} of {len(gap)} steps looked at, for example at [{at}]: vectors of the linearised flow jump there "
        "too (by the saltation matrix), which no derivative of the field contains, so these exponents are not those of the flow; replace the jump by "
        "a steep but smooth function, such as tanh(x / width), and a step that resolves it"
    ]
