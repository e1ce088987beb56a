"""Numba functions behind the C interface: called in place, compiled once per functions and kinds of data, data reached by address."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import cfunc, float64, njit, types
from numba.core import cgutils
from numba.core.ccallback import CFunc
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array
from numba.np.numpy_support import from_dtype

from weakchaos.core.errors import ArgumentTypeError, shown
from weakchaos.native.c_density import DENSITY, FAILED, CDensity, fills_gradient
from weakchaos.native.digest import stamp_all

__all__ = ["from_numba"]

_VECTOR = types.Array(float64, 1, "C")


class _Item(NamedTuple):
    """One item of the data: an array, and whether the user's function is to get its first entry instead."""

    array: np.ndarray
    scalar: bool

    @property
    def kind(self) -> types.Array:
        flags = self.array.flags
        layout: Any = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "A"
        return types.Array(from_dtype(self.array.dtype), self.array.ndim, layout)

    @property
    def argument(self) -> Any:
        """The numba type the user's function is called with."""
        return self.kind.dtype if self.scalar else self.kind

    @property
    def value(self) -> Any:
        return self.array[0] if self.scalar else self.array


def _data_items(data: Any) -> tuple[_Item, ...]:
    if data is None:
        return ()
    out = []
    for k, item in enumerate(data if isinstance(data, tuple) else (data,)):
        try:
            array = np.asarray(item)  # no copy: a change made in place later must be seen, whatever the memory layout
        except ValueError:
            array = np.asarray(None)
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8 or not array.dtype.isnative or not array.flags.aligned:
            raise ArgumentTypeError(
                f"`data` must hold numeric arrays and numbers; item {k} is {shown(item)}: convert it with numpy.array(item, float)"
            )
        out.append(_Item(array.reshape(1) if array.ndim == 0 else array, array.ndim == 0))
    return tuple(out)


def _address_table(items: Sequence[_Item], failed_at: np.ndarray) -> np.ndarray:
    """[address of the place of failure, then address, shape and strides of each item]."""
    words = [failed_at.ctypes.data]
    for array, _ in items:
        words += [array.ctypes.data, *array.shape, *array.strides]
    return np.array(words, np.int64)


@njit
def _copy_vector(vector, gradient):
    if vector.size != gradient.size:
        raise ValueError("the gradient must have one entry per coordinate")
    for i in range(gradient.size):
        gradient[i] = vector[i]


def _takes_exactly(function: Any, n: int) -> bool:
    parameters = inspect.signature(function.py_func).parameters.values()
    return len(parameters) == n and all(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _with_packed_data(name: str, function: Any, in_place: bool) -> Any:
    """The same function with its data as one tuple, the gradient in place."""
    if name == "logp":

        @njit
        def packed(x, data):
            return function(x, *data)

    elif in_place:

        @njit
        def packed(x, out, data):
            return function(x, out, *data)

    elif name == "grad":

        @njit
        def packed(x, out, data):
            _copy_vector(function(x, *data), out)

    else:

        @njit
        def packed(x, out, data):
            value, vector = function(x, *data)
            _copy_vector(vector, out)
            return value

    return packed


class _Code(NamedTuple):
    """Machine code of one of the user's functions, and whether it takes the data as one tuple."""

    compiled: Any
    packed: bool


def _compile(name: str, function: Any, items: Sequence[_Item]) -> _Code:
    data = tuple(item.argument for item in items)
    out = () if name == "logp" else (_VECTOR,)
    in_place = name != "logp" and fills_gradient(function, len(items))
    # Numba types star arguments, defaults and conversions (of a function compiled by its author for other types, float64[:] say) where
    # a function is called, not where it is compiled by itself: such functions are called through one of ours.
    direct = (name == "logp" or in_place) and function._can_compile and _takes_exactly(function, 1 + len(out) + len(items))
    kinds = (_VECTOR, *out, *data) if direct else (_VECTOR, *out, types.Tuple(data))
    dispatcher = function if direct else _with_packed_data(name, function, in_place)
    stamp_all(dispatcher)
    dispatcher.compile(kinds)
    code = dispatcher.overloads[kinds]
    result = code.signature.return_type
    if name != "grad" and not isinstance(result, types.Float | types.Integer | types.Boolean):
        raise ArgumentTypeError(f"`{name}` must return the log density as one number; numba says that it returns {result}")
    return _Code(code, not direct)


def _c_wrapper(logp: Any, grad: Any, both: Any, items: Sequence[_Item]) -> CFunc:
    """The C function that calls numba functions in place, written in LLVM: as Python source it takes five times as long to compile."""
    kinds = [item.kind for item in items]
    named = {"logp": logp, "grad": grad, "logp_and_grad": both}
    codes = {name: _compile(name, function, items) for name, function in named.items() if function is not None}

    def call(typingctx, dim, x, gradient, out, user_data):
        def codegen(context, builder, signature, args):
            size, x_pointer, gradient_pointer, out_pointer, table_pointer = args
            word, number = ir.IntType(64), ir.DoubleType()
            table = builder.bitcast(table_pointer, word.as_pointer())

            def array(kind, pointer, shape, strides):
                made = context.make_array(kind)(context, builder)
                itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype)))
                populate_array(made, pointer, shape, strides, itemsize, meminfo=None)
                return made._getvalue()

            def vector(pointer):
                return array(_VECTOR, pointer, [size], [context.get_constant(types.intp, 8)])

            values, place = [], 1
            for kind, item in zip(kinds, items, strict=True):
                words = [builder.load(cgutils.gep(builder, table, place + k)) for k in range(1 + 2 * kind.ndim)]
                place += len(words)
                pointer = builder.inttoptr(words[0], context.get_data_type(kind.dtype).as_pointer())
                if item.scalar:
                    values.append(context.unpack_value(builder, kind.dtype, pointer))
                else:
                    values.append(array(kind, pointer, words[1 : 1 + kind.ndim], words[1 + kind.ndim :]))
            position = vector(x_pointer)
            failed = builder.append_basic_block("failed")

            def invoke(name, *arguments):
                code, packed = codes[name]
                pack = [context.make_tuple(builder, code.signature.args[-1], values)] if packed else values
                context.add_linking_libs((code.library,))
                status, value = context.call_internal_no_propagate(builder, code.fndesc, code.signature, [*arguments, *pack])
                good = builder.append_basic_block("good")
                builder.cbranch(status.is_error, failed, good)
                builder.position_at_end(good)
                return None if name == "grad" else context.cast(builder, value, code.signature.return_type, float64)

            def value_and_gradient(pointer):
                if both is not None:
                    return invoke("logp_and_grad", position, vector(pointer))
                value = invoke("logp", position)
                if grad is not None:
                    invoke("grad", position, vector(pointer))
                return value

            wanted = builder.icmp_unsigned("!=", builder.ptrtoint(gradient_pointer, word), ir.Constant(word, 0))
            with builder.if_else(wanted) as (then, otherwise):
                with then:
                    builder.store(value_and_gradient(gradient_pointer), out_pointer)
                with otherwise:
                    value = invoke("logp", position) if logp is not None else value_and_gradient(builder.alloca(number, size=size))
                    builder.store(value, out_pointer)
            result = cgutils.alloca_once_value(builder, ir.Constant(word, 0))
            end = builder.append_basic_block("end")
            builder.branch(end)
            builder.position_at_end(failed)
            # The place of failure is kept, so that Python can meet the same exception there.
            kept = builder.inttoptr(builder.load(table), number.as_pointer())
            cgutils.raw_memcpy(builder, kept, x_pointer, size, 8)
            builder.store(ir.Constant(word, FAILED), result)
            builder.branch(end)
            builder.position_at_end(end)
            return builder.load(result)

        return DENSITY.return_type(*DENSITY.args), codegen

    in_llvm: Any = intrinsic(call)

    def wrapper(dim, x, gradient, out, user_data):
        return in_llvm(dim, x, gradient, out, user_data)

    return cfunc(DENSITY)(wrapper)


_wrappers: dict[tuple, CFunc] = {}
_wrappers_lock = threading.Lock()


def _numba_wrapper(logp: Any, grad: Any, both: Any, items: Sequence[_Item]) -> CFunc:
    """The user's numba functions behind the C interface; compiled once per functions and kinds of data."""
    key = (logp, grad, both, tuple(item.argument for item in items))
    with _wrappers_lock:
        if key not in _wrappers:
            _wrappers[key] = _c_wrapper(logp, grad, both, items)
        return _wrappers[key]


def from_numba(logp: Any, grad: Any, both: Any, dim: int, data: Any) -> CDensity:
    """The C form of numba functions."""
    items = _data_items(data)
    failed_at = np.zeros(dim)
    table = _address_table(items, failed_at)
    compiled = _numba_wrapper(logp, grad, both, items)

    def retry() -> None:
        values = [item.value for item in items]
        for function in (logp, grad, both):
            if function is None:
                continue
            in_place = function is not logp and fills_gradient(function, len(values))
            result = function.py_func(failed_at.copy(), *([np.empty(dim)] if in_place else []), *values)
            vector = None if in_place or function is logp else result[1] if function is both else result
            if vector is not None and np.shape(vector) != (dim,):
                raise ArgumentTypeError(f"the gradient must have shape ({dim},); it has shape {np.shape(vector)}")

    keep = (compiled, table, items, failed_at)
    return CDensity(compiled.address, table.ctypes.data, grad is not None or both is not None, keep, retry)
