"""A user's numba function ``f(u, out)`` compiled for dual numbers: a C function of the state and k vectors."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np
from llvmlite import ir
from numba import cfunc, njit
from numba.core import cgutils
from numba.core.ccallback import CFunc
from numba.extending import intrinsic

from weakchaos.native.c_maps import FAILED, MAP, CMap

__all__ = ["with_dual_numbers"]

_OPTIONS = ("error_model", "fastmath", "boundscheck", "_nrt")
_lock = threading.Lock()
_wrappers: dict[Any, CFunc | None] = {}


def _wrapper(function: Any) -> CFunc:
    """n = dim (1 + k) numbers in and out; the table holds dim, then room for the place of a failure."""
    from weakchaos.native.dual_vector import READ_ONLY, WRITABLE

    # A function of its own: what its author compiled for other types, or caches on disk, is left alone.
    copy = njit(**{k: v for k, v in function.targetoptions.items() if k in _OPTIONS})(function.py_func)
    copy.compile((READ_ONLY, WRITABLE))
    code: Any = copy.overloads[READ_ONLY, WRITABLE]

    def call(typingctx, n, x, out, user_data):
        def codegen(context, builder, signature, args):
            n, x, out, data = args
            word, number = ir.IntType(64), ir.DoubleType().as_pointer()
            table = builder.bitcast(data, word.as_pointer())
            dim = builder.load(table)
            context.add_linking_libs((code.library,))
            result = cgutils.alloca_once_value(builder, ir.Constant(word, 0))

            def vector(kind, start, shift):
                made = cgutils.create_struct_proxy(kind)(context, builder)
                made.values, made.derivatives, made.size = start, builder.gep(start, [shift]), dim
                return made._getvalue()

            with cgutils.for_range_slice(builder, dim, n, dim, word) as (shift, _):
                arguments = [vector(READ_ONLY, x, shift), vector(WRITABLE, out, shift)]
                status, _ = context.call_internal_no_propagate(builder, code.fndesc, code.signature, arguments)
                with builder.if_then(status.is_error, likely=False):
                    kept = builder.bitcast(builder.gep(table, [ir.Constant(word, 1)]), number)
                    cgutils.raw_memcpy(builder, kept, x, dim, 8)
                    builder.store(ir.Constant(word, FAILED), result)
            return builder.load(result)

        return MAP.return_type(*MAP.args), codegen

    in_llvm: Any = intrinsic(call)

    def wrapper(n, x, out, user_data):
        return in_llvm(n, x, out, user_data)

    return cfunc(MAP)(wrapper)


def with_dual_numbers(function: Any, dim: int) -> CMap | None:
    """The function with its exact derivative along each of k >= 1 vectors; None where it does not compile for dual numbers.

    Parameters
    ----------
    function : numba function
        ``function(u, out)`` of arrays of shape (dim,). It compiles where it takes entries of `u` apart, does arithmetic and calls functions
        of numbers; arrays of its own and whole-array expressions have no dual form.
    dim : int
    """
    with _lock:
        if function not in _wrappers:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of numba, on code that the user has not asked to be compiled
                    _wrappers[function] = _wrapper(function)
            except Exception:
                # Numba has many ways to refuse a type; all mean that differences must do.
                _wrappers[function] = None
        wrapper = _wrappers[function]
    if wrapper is None:
        return None
    table = np.zeros(1 + dim)
    table.view(np.int64)[0] = dim

    def retry() -> BaseException | None:
        try:
            function.py_func(table[1:].copy(), np.zeros(dim))
        except BaseException as error:
            return error
        return None

    return CMap(wrapper.address or 0, table.ctypes.data, (wrapper, table), retry)
