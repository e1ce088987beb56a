"""Plain Python functions behind the C interface, through ctypes; their exceptions are kept for `CDensity.take_error`."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentTypeError, shown
from weakchaos.native.c_density import FAILED, CDensity, fills_gradient

__all__ = ["from_python"]

_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_uint64, *[ctypes.c_void_p] * 4)


def _caller(logp: Any, grad: Any, both: Any, data: tuple) -> Callable[[np.ndarray, bool], tuple[Any, Any]]:
    """``call(x, want_gradient) -> (value, gradient or None)`` from whichever functions and conventions the user chose."""
    in_place_both = both is not None and fills_gradient(both, len(data))
    in_place_grad = grad is not None and fills_gradient(grad, len(data))

    def call(x: np.ndarray, want_gradient: bool) -> tuple[Any, Any]:
        if both is not None and (want_gradient or logp is None):
            if in_place_both:
                gradient = np.empty(x.size)
                return both(x, gradient, *data), gradient
            pair = both(x, *data)
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise ArgumentTypeError(f"`logp_and_grad` must return the pair (log density, gradient); it returned {shown(pair)}")
            return pair[0], pair[1]
        value = logp(x, *data)
        if not want_gradient:
            return value, None
        if in_place_grad:
            gradient = np.empty(x.size)
            grad(x, gradient, *data)
            return value, gradient
        return value, grad(x, *data)

    return call


def _number(value: Any) -> float:
    # None would become NaN: a forgotten `return` must not pass for a density that is not defined there.
    array = np.asarray(np.empty(0) if value is None else value)
    if array.dtype.kind == "c":
        raise ArgumentTypeError(
            f"the log density must return one real number; it returned {shown(value)}: take its real part if that is meant"
        )
    array = array.astype(np.float64)
    if array.size != 1:
        came = "None" if value is None else f"an array of shape {array.shape}"
        raise ArgumentTypeError(f"the log density must return one number; it returned {came}")
    return array.item()


def from_python(logp: Any, grad: Any, both: Any, dim: int, data: Any) -> CDensity:
    """The C form of plain Python functions; they are called with the GIL, so threads gain nothing from more than one core."""
    values = () if data is None else data if isinstance(data, tuple) else (data,)
    call = _caller(logp, grad, both, values)
    vector = ctypes.c_double * dim
    density = CDensity(0, 0, grad is not None or both is not None, None)
    errors = density.errors  # not the density itself: a cycle through a C callback would wait for the garbage collector

    def callback(n, x, gradient, out, user_data):
        try:
            # A copy: the user may keep the array, and the kernel's memory moves on.
            value, slope = call(np.array(vector.from_address(x)), bool(gradient))
            ctypes.c_double.from_address(out).value = _number(value)
            if gradient:
                array = np.asarray(np.empty(0) if slope is None else slope)
                if array.dtype.kind == "c":
                    raise ArgumentTypeError(f"the gradient must hold real numbers; it holds {array.dtype}")
                if array.shape != (dim,):
                    came = "it is None" if slope is None else f"it has shape {array.shape}"
                    raise ArgumentTypeError(f"the gradient must have shape ({dim},); {came}")
                np.ctypeslib.as_array(vector.from_address(gradient))[:] = array
            return 0
        except BaseException as error:
            errors[threading.get_ident()] = error
            return FAILED

    function = _PROTOTYPE(callback)
    density.address = ctypes.c_void_p.from_buffer(function).value or 0  # ctypes.cast would tie the function to itself in a cycle
    density.keep = function
    return density
