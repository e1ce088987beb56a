"""Integrators as C functions: one time step of a vector field, with its derivative along k vectors by the same formula.

A vector field is a C function of n = dim (1 + k) numbers, the state and k vectors, and so is a step of the integrator. The derivative of a step
of a Runge-Kutta or splitting method is that method applied to the linearised equations, so vectors are moved by the exact derivative
of the discrete step (for DOP853 with the step sizes that it chose).

* ``"rk4"``: the classical method of order 4. W. Kutta, Z. Math. Phys. 46 (1901) 435.
* ``"symplectic4"``: order 4, for q' = f(p), p' = g(q) with the state (q, p): the splitting of Omelyan, Mryglod and Folk, Comput. Phys.
  Commun. 146 (2002) 188, doi:10.1016/S0010-4655(02)00451-4. The energy error stays bounded.
* ``"leapfrog"``: order 2, the same class of equations. L. Verlet, Phys. Rev. 159 (1967) 98, doi:10.1103/PhysRev.159.98.
* ``"dop853"``: order 8, adaptive; see `weakchaos.systems.dop853`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, njit

from weakchaos.core.errors import ArgumentError, SamplingError, shown
from weakchaos.native.c_maps import CMap, NativeFunction, call_map, loops_as_written
from weakchaos.native.compiled import address_of
from weakchaos.systems.dop853 import MOST_TRIES, STAGES, dop853

__all__ = ["METHODS", "SYMPLECTIC", "stepper"]

METHODS = ("rk4", "dop853", "symplectic4", "leapfrog")
SYMPLECTIC = ("symplectic4", "leapfrog")
_HEADER = 8
_SHORT = 12  # numbers; measured


@njit(inline="always")
def _runge_kutta(n, z, out, data):
    words = carray(data, (_HEADER,), np.uint64)
    work = carray(data, (_HEADER + 5 * n,), np.float64)
    field, field_data, h, size = words[0], words[1], work[2], np.uint64(n)
    # One array under one name, indexed by offsets: with five names the compiler must check before each loop whether they overlap.
    place, a, b, c, d = _HEADER, _HEADER + n, _HEADER + 2 * n, _HEADER + 3 * n, _HEADER + 4 * n
    start, row = address_of(work) + np.uint64(8 * _HEADER), np.uint64(8 * n)
    status = call_map(field, size, address_of(carray(z, (n,))), start + row, field_data)
    for i in range(n):
        work[place + i] = z[i] + 0.5 * h * work[a + i]
    status |= call_map(field, size, start, start + np.uint64(2) * row, field_data)
    for i in range(n):
        work[place + i] = z[i] + 0.5 * h * work[b + i]
    status |= call_map(field, size, start, start + np.uint64(3) * row, field_data)
    for i in range(n):
        work[place + i] = z[i] + h * work[c + i]
    status |= call_map(field, size, start, start + np.uint64(4) * row, field_data)
    for i in range(n):
        out[i] = z[i] + h / 6.0 * (work[a + i] + 2.0 * (work[b + i] + work[c + i]) + work[d + i])
    return status


@NativeFunction
def _rk4(n, z, out, data):
    return _runge_kutta(n, z, out, data)


@NativeFunction
def _rk4_short(n, z, out, data):
    loops_as_written()
    return _runge_kutta(n, z, out, data)


# Drifts and kicks in turn, in parts of the step.
_XI, _LAMBDA, _CHI = 0.1786178958448091, -0.2123418310626054, -0.06626458266981849
_ORDER_4 = (
    _XI, 0.5 - _LAMBDA, _CHI, _LAMBDA, 1.0 - 2.0 * (_CHI + _XI), _LAMBDA, _CHI, 0.5 - _LAMBDA, _XI,
)  # fmt: skip
_ORDER_2 = (0.5, 1.0, 0.5)


@NativeFunction
def _splitting(n, z, out, data):
    """Drifts move q = the first half of each block of dim numbers along q', kicks move the second half."""
    words, dims = carray(data, (_HEADER,), np.uint64), carray(data, (_HEADER,), np.int64)
    dim, parts = dims[3], dims[4]
    numbers = carray(data, (_HEADER + n + parts,), np.float64)
    field, field_data, h = words[0], words[1], numbers[2]
    slope, fractions = numbers[_HEADER : _HEADER + n], numbers[_HEADER + n :]
    half = dim // 2
    for i in range(n):
        out[i] = z[i]
    here = address_of(carray(out, (n,)))
    for part in range(parts):
        if call_map(field, np.uint64(n), here, address_of(slope), field_data) != 0:
            return 1
        first = (part % 2) * half
        for block in range(0, n, dim):
            for i in range(block + first, block + first + half):
                out[i] += h * fractions[part] * slope[i]
    return 0


def stepper(field: CMap, dim: int, k: int, method: str, step: float, tolerance: float) -> CMap:
    """A C function that moves a state by `step` units of time along a vector field, with work space for `k` vectors.

    Parameters
    ----------
    field : CMap
        The vector field with its derivative.
    dim, k : int
    method : str
        One of `METHODS`.
    step : float
    tolerance : float
        Relative and absolute local error of the state, for ``"dop853"``.

    Raises
    ------
    ArgumentError
    """
    n, fractions = dim * (1 + k), _ORDER_2 if method == "leapfrog" else _ORDER_4
    if method == "rk4":
        native, work, words = _rk4_short if n <= _SHORT else _rk4, 5 * n, (0, 0)
    elif method == "dop853":
        native, work, words = dop853, (STAGES + 2) * n, (dim, 0)
    elif method in SYMPLECTIC:
        native, work, words = _splitting, n + len(fractions), (dim, len(fractions))
    else:
        raise ArgumentError(f"`method` must be one of {', '.join(METHODS)}; got {shown(method)}")
    table = np.zeros(_HEADER + work)
    table.view(np.int64)[:2] = field.address, field.user_data
    table.view(np.int64)[3:5] = words
    table[2], table[5] = step, tolerance
    if method in SYMPLECTIC:
        table[_HEADER + n :] = fractions

    def error() -> Any:
        if method == "dop853" and table[6] != 0.0:
            crowded, far = table[6] == 2.0, table[7]
            table[6] = 0.0
            if crowded:
                return SamplingError(
                    f"{MOST_TRIES:,} steps of the method did not reach the end of one `step` of {step:g}, at a state of size {far:.3g}: the orbit has left for where it "
                    "moves ever faster (it diverged), or the equations are stiff or fast; if the orbit is bounded, take a smaller `step` and fewer draws (`every`)"
                )
            return SamplingError(
                f"no step size meets `tolerance` {tolerance} at a state of size {far:.3g}: the vector field has a singularity, or the tolerance is smaller than the "
                "rounding errors"
            )
        return field.take_error()

    return CMap(native.address, table.ctypes.data, (field, table), error, field.remarks)
