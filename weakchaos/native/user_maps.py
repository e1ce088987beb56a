"""The user's ``f(u, out)`` as a C function: a numba function called in place, a plain Python function through ctypes, or a C function."""

from __future__ import annotations

import ctypes
import inspect
import threading
from typing import Any

import numpy as np
from llvmlite import ir
from numba import cfunc, float64, njit, types
from numba.core import cgutils
from numba.core.ccallback import CFunc
from numba.core.dispatcher import Dispatcher
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from weakchaos.core.arguments import is_integer
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.native.c_maps import FAILED, MAP, CMap
from weakchaos.native.digest import stamp_all

__all__ = ["as_c_map"]

_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_uint64, *[ctypes.c_void_p] * 3)
_VECTOR = types.Array(float64, 1, "C")


def _check_two_arguments(name: str, function: Any) -> None:
    try:
        signature = inspect.signature(getattr(function, "py_func", function))
    except (TypeError, ValueError):
        return
    try:
        signature.bind(None, None)
    except TypeError as error:
        raise ArgumentTypeError(
            f"`{name}` must take two arrays, {name}(u, out), and write its values into the second; {shown(function)} has the signature {signature}"
        ) from error


def _c_wrapper(function: Any, square: bool) -> CFunc:
    """The C function that calls a numba function in place; where it raises, the place is kept and the status says so."""
    kinds = (_VECTOR, types.Array(float64, 2 if square else 1, "C"))
    parameters = inspect.signature(function.py_func).parameters.values()
    plain = len(parameters) == 2 and all(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
    if not (plain and function._can_compile):

        @njit
        def dispatcher(u, out):
            function(u, out)

    else:
        dispatcher = function
    stamp_all(dispatcher)
    dispatcher.compile(kinds)
    code: Any = dispatcher.overloads[kinds]

    def call(typingctx, n, x, out, user_data):
        def codegen(context, builder, signature, args):
            size, x_pointer, out_pointer, kept = args
            item = context.get_constant(types.intp, 8)

            def array(kind, pointer, shape, strides):
                made = context.make_array(kind)(context, builder)
                populate_array(made, pointer, shape, strides, item, meminfo=None)
                return made._getvalue()

            row = builder.mul(size, item)
            shapes = ([size, size], [row, item]) if square else ([size], [item])
            arguments = [array(_VECTOR, x_pointer, [size], [item]), array(kinds[1], out_pointer, *shapes)]
            context.add_linking_libs((code.library,))
            status, _ = context.call_internal_no_propagate(builder, code.fndesc, code.signature, arguments)
            result = cgutils.alloca_once_value(builder, ir.Constant(ir.IntType(64), 0))
            with builder.if_then(status.is_error):
                cgutils.raw_memcpy(builder, builder.bitcast(kept, ir.DoubleType().as_pointer()), x_pointer, size, 8)
                builder.store(ir.Constant(ir.IntType(64), FAILED), result)
            return builder.load(result)

        return MAP.return_type(*MAP.args), codegen

    in_llvm: Any = intrinsic(call)

    def wrapper(n, x, out, user_data):
        return in_llvm(n, x, out, user_data)

    return cfunc(MAP)(wrapper)


_wrappers: dict[tuple, CFunc] = {}
_wrappers_lock = threading.Lock()


def _from_numba(function: Any, dim: int, square: bool) -> CMap:
    with _wrappers_lock:
        if (function, square) not in _wrappers:
            _wrappers[function, square] = _c_wrapper(function, square)
        wrapper = _wrappers[function, square]
    failed_at = np.zeros(dim)

    def retry() -> BaseException | None:
        # A compiled function cannot hand its exception through C; the same function run by Python at the same place can.
        try:
            function.py_func(failed_at.copy(), np.zeros((dim, dim) if square else dim))
        except BaseException as error:
            return error
        return None

    return CMap(wrapper.address or 0, failed_at.ctypes.data, (wrapper, failed_at), retry)


def _from_python(name: str, function: Any, dim: int, square: bool) -> CMap:
    shape = (dim, dim) if square else (dim,)
    vector = ctypes.c_double * dim
    target = ctypes.c_double * int(np.prod(shape))
    errors: dict[int, BaseException] = {}

    def callback(n, x, out, user_data):
        try:
            # The state is a copy, since the user may keep it; an entry that is not written shows as NaN and not as an old value.
            result = np.zeros(shape) if square else np.full(shape, np.nan)
            returned = function(np.array(vector.from_address(x)), result)
            if returned is not None:
                raise ArgumentTypeError(
                    f"`{name}` must write its values into its second argument and return None; it returned {shown(returned)}"
                )
            np.ctypeslib.as_array(target.from_address(out))[:] = result.ravel()
            return 0
        except BaseException as error:
            errors[threading.get_ident()] = error
            return FAILED

    made = _PROTOTYPE(callback)
    return CMap(ctypes.cast(made, ctypes.c_void_p).value or 0, 0, made, lambda: errors.pop(threading.get_ident(), None))


def as_c_map(name: str, function: Any, dim: int, square: bool = False) -> CMap:
    """The C form of ``function(u, out)``, with `out` of shape (dim,) or, if `square`, (dim, dim).

    Parameters
    ----------
    name : str
        What to call it in errors.
    function : numba function, plain Python function, numba cfunc of signature `MAP`, or C address

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> as_c_map("f", print, 2).address > 0
    True
    """
    if isinstance(function, CFunc):
        signature = function._sig  # type: ignore[attr-defined]
        if signature != MAP:
            raise ArgumentError(
                f"`{name}` is a numba cfunc of signature {signature}; it must be {MAP} (weakchaos.native.c_maps.MAP)"
            )
        return CMap(function.address or 0, 0, function)
    if is_integer(function):
        if function <= 0:
            raise ArgumentError(f"`{name}` must be the address of a C function; got {function}")
        return CMap(int(function), 0)
    if not callable(function):
        raise ArgumentTypeError(f"`{name}` must be a function {name}(u, out), a numba cfunc or a C address; got {shown(function)}")
    # Numba functions in object mode hold Python objects: they are called as Python functions.
    compiled = isinstance(function, Dispatcher) and not function.targetoptions.get("forceobj")
    if not (
        compiled and (function, square) in _wrappers
    ):  # one that has a wrapper was checked before, and every run of a system comes here
        _check_two_arguments(name, function)
    if compiled:
        return _from_numba(function, dim, square)
    return _from_python(name, function, dim, square)
