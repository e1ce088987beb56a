"""Functions of many positions at once, in the manner of NumPy: ``logp(x of shape (m, dim)) -> array of shape (m,)``, behind the C interface.

The C function evaluates as many positions as its first argument holds times `dim`, one value each, so that a kernel which has a whole
ensemble of proposals makes one call of Python for all of them. Called with one position it is what every other log density is.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentTypeError, shown
from weakchaos.native.c_density import FAILED, CDensity

__all__ = ["from_rows"]

_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_uint64, *[ctypes.c_void_p] * 4)


def _values(value: Any, m: int) -> np.ndarray:
    try:
        array = np.asarray(np.empty(0) if value is None else value, np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"a vectorized log density must return numbers; it returned {shown(value)}") from error
    if array.shape != (m,):
        came = "None" if value is None else f"an array of shape {array.shape}"
        raise ArgumentTypeError(f"a vectorized log density must return one number for each of {m} positions; it returned {came}")
    return array


def from_rows(logp: Callable, dim: int, data: Any) -> CDensity:
    """The C form of a Python function of the rows of a matrix; it gives no gradient.

    Parameters
    ----------
    logp : callable
        ``logp(x, *data)`` of an array of shape (m, dim), the log densities of its m rows in nats.
    dim : int
    data : tuple, or one value
        Passed on at every call.
    """
    extra = () if data is None else data if isinstance(data, tuple) else (data,)
    density = CDensity(0, 0, False, None)
    errors = density.errors  # not the density itself: a cycle through a C callback would wait for the garbage collector

    def callback(n, x, gradient, out, user_data):
        try:
            m = n // dim
            # A copy: the user may keep the array, and the kernel's memory moves on.
            rows = np.array((ctypes.c_double * n).from_address(x)).reshape(m, dim)
            np.ctypeslib.as_array((ctypes.c_double * m).from_address(out))[:] = _values(logp(rows, *extra), m)
            return 0
        except BaseException as error:
            errors[threading.get_ident()] = error
            return FAILED

    function = _PROTOTYPE(callback)
    density.address = ctypes.c_void_p.from_buffer(function).value or 0
    density.keep = function
    return density
