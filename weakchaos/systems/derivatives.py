"""The choice of the derivative of a user's function: the given Jacobian, dual numbers if the function compiles for them, else differences.

The derivative is compared once with differences at points of an orbit; the scales of the differences come from these points too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from weakchaos.native.c_maps import CMap
from weakchaos.native.dual_map import with_dual_numbers
from weakchaos.systems.linearised import with_differences, with_jacobian

__all__ = ["Linearisation", "linearisation", "scales_of"]

_PILOT = 1000
_PLACES, _MANY = 8, 200


@dataclass(frozen=True)
class Linearisation:
    """How the derivatives of a user's function are computed.

    Attributes
    ----------
    kind : str
        ``"jacobian"``, ``"dual numbers"`` or ``"differences"``.
    scale, reach : arrays of shape (dim,)
        How far an orbit moves in each coordinate, and how far its image moves in each coordinate.
    doubt : str or None
        A warning about the derivatives that a result must carry.
    """

    kind: str
    scale: np.ndarray
    reach: np.ndarray
    doubt: str | None = None


def scales_of(places: np.ndarray) -> np.ndarray:
    """How far an orbit moves in each coordinate, a positive number, from points of shape (m, dim).

    For a coordinate that hardly moves it is a small part of the coordinate's size, so that a step is larger than the rounding error; for a
    coordinate that does not move it is the size; for a coordinate that is 0 throughout it is the scale of the others.
    """
    finite = places[np.isfinite(places).all(1)]
    if not len(finite):
        return np.ones(places.shape[1])
    size = np.abs(finite).max(0)
    moved = np.ptp(finite, axis=0)
    scale = np.where(moved > 1e-9 * size, np.maximum(moved, 1e-5 * size), size)
    known = scale[scale > 0]
    return np.where(scale > 0, scale, np.median(known) if known.size else 1.0)


def _pilot(system: Any) -> np.ndarray:
    """An orbit from the start of the system, without what is not finite or where the function raises."""
    state = system.start(0)
    rows = [state.phase.copy()[None]]
    for count in (1,) * 8 + (_PILOT // 8,) * 8:
        try:
            # The steps of a map that fails are lost with it: in small parts, some places are left.
            rows.append(
                np.array([system.advance(state, 1)[0] for _ in range(count)]) if count == 1 else system.advance(state, count)
            )
        except Exception:
            break  # the run itself will meet it and raise it
    orbit = np.concatenate(rows)
    inside = np.isfinite(orbit).all(1) & (np.abs(orbit) < 1e150).all(1)
    return orbit[inside] if inside.any() else orbit[:1]  # a start that is itself far out


def _images(function: CMap, system: Any, places: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Image and derivative along `vectors` (m, dim) at each place; NaN where there is none."""
    out = np.full((len(places), 2, places.shape[1]), np.nan)
    for row, place, vector in zip(out, places, vectors, strict=True):
        made = np.empty((1, 2 * place.size))
        try:
            system._move(function, np.concatenate([place, vector]), 1, made)
        except Exception:  # no image here; the run itself will raise it
            continue
        row[:] = made.reshape(2, -1)
    return out


def linearisation(system: Any) -> Linearisation:
    """The choice for a `UserMap` or `UserFlow`, compared with differences at points of an orbit."""
    dim = system.dim
    function, jacobian = system._pointer()
    orbit = _pilot(system)
    scale = scales_of(orbit[len(orbit) // 2 :])
    is_map = not hasattr(system, "vector_field")
    chosen = orbit[np.unique(np.linspace(0, len(orbit) - 1, _PLACES).astype(int))]
    # A coordinate that has died out by then is large at the first places, and a vector must stay above the rounding error there.
    vectors = np.random.default_rng(0xD0A1).standard_normal(chosen.shape) * np.maximum(scale, 1e-5 * np.abs(chosen))
    by_differences = with_differences(function, dim, scale, scale if is_map else np.ones(dim))
    differences = _images(by_differences, system, chosen, vectors)
    reach = scale
    if not is_map:
        # A vector field has other units than the state: its size along the orbit, or the change of it that the check has seen.
        sizes = np.nan_to_num(np.abs(differences), nan=0.0, posinf=0.0).max((0, 1))
        reach = np.where(sizes > 0, sizes, 1.0)
        by_differences = with_differences(function, dim, scale, reach)
        differences = _images(by_differences, system, chosen, vectors)
    kind, exact = "differences", None
    if jacobian is not None:
        kind, exact = "jacobian", with_jacobian(function, jacobian, dim)
    elif isinstance(system.function, Dispatcher) and not system.function.targetoptions.get("forceobj"):
        exact = with_dual_numbers(system.function, dim)
        kind = "differences" if exact is None else "dual numbers"
    if exact is None:
        return Linearisation(kind, scale, reach)
    found = _images(exact, system, chosen, vectors)
    seen = np.isfinite(differences).all((1, 2)) & np.isfinite(found).all((1, 2))
    # Differences are good to about 1e-8 of the size of their terms where f is smooth; a place in doubt (a jump within a step) may fail.
    size = np.abs(differences[:, 1]).max(0) + np.abs(found[:, 1]).max(0) + 1e-6 * reach if len(chosen) else reach
    wrong = seen & (np.abs(differences[:, 1] - found[:, 1]) > 1e-3 * size).any(1)
    if kind == "jacobian" and np.count_nonzero(wrong) * 3 <= np.count_nonzero(seen):
        # A branch that is written wrongly may be visited rarely, and differences straddle a jump at one place in ten thousand.
        chosen = orbit[np.unique(np.linspace(0, len(orbit) - 1, _MANY).astype(int))]
        vectors = np.random.default_rng(0xD0A2).standard_normal(chosen.shape) * np.maximum(scale, 1e-5 * np.abs(chosen))
        differences, found = _images(by_differences, system, chosen, vectors), _images(exact, system, chosen, vectors)
        seen = np.isfinite(differences).all((1, 2)) & np.isfinite(found).all((1, 2))
        sizes = np.abs(differences[:, 1]) + np.abs(found[:, 1])
        usual = np.median(sizes[seen], axis=0) if seen.any() else reach
        odd = seen & (np.abs(differences[:, 1] - found[:, 1]) > 1e-3 * (sizes + usual) + 1e-6 * reach).any(1)
        wrong = odd if np.count_nonzero(odd) > max(2, 0.01 * np.count_nonzero(seen)) else wrong
        if wrong is not odd:
            return Linearisation(kind, scale, reach)
    elif np.count_nonzero(wrong) * 3 <= np.count_nonzero(seen):
        return Linearisation(kind, scale, reach)
    at = ", ".join(f"{x:.6g}" for x in chosen[np.flatnonzero(wrong)[0]][:6])
    if kind == "jacobian":
        doubt = f"`jacobian` does not agree with differences of the function, for example at [{at}]: the exponents are computed with the given Jacobian"
        return Linearisation(kind, scale, reach, doubt)
    doubt = f"derivatives by dual numbers do not agree with differences, for example at [{at}]: the differences were used"
    return Linearisation("differences", scale, reach, doubt)
