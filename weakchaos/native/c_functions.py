"""C functions as log densities: bare addresses, numba ``@cfunc`` objects, ctypes functions, ``scipy.LowLevelCallable``; finite differences."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core.ccallback import CFunc
from numba.extending import intrinsic

from weakchaos.core.arguments import is_integer
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.native.c_density import DENSITY, CDensity
from weakchaos.native.compiled import address_of, c_function, call_density

__all__ = ["from_c", "is_c_function", "with_finite_differences"]


_intrinsic: Any = intrinsic  # as annotated by numba, a call would have to pass the typing context
_DENSITY_INT = types.int32(*DENSITY.args)


def _caller(with_data: bool):
    def call(typingctx, function, n, x, data):
        def codegen(context, builder, signature, args):
            number, byte = ir.DoubleType(), ir.IntType(8).as_pointer()
            kinds = [ir.IntType(32), number.as_pointer()] + ([byte] if with_data else [])
            target = builder.inttoptr(args[0], ir.FunctionType(number, kinds).as_pointer())
            values = [builder.trunc(args[1], kinds[0]), builder.inttoptr(args[2], kinds[1])]
            return builder.call(target, values + ([builder.inttoptr(args[3], byte)] if with_data else []))

        u = types.uint64
        return types.float64(u, u, u, u), codegen

    in_llvm: Any = intrinsic(call)
    return in_llvm


_call_scipy, _call_scipy_data = _caller(False), _caller(True)


@_intrinsic
def _call_int(typingctx, function, n, x, grad, logp, data):
    """Call a density that returns a C int, as walnutpie's do; the upper half of the register holds anything."""

    def codegen(context, builder, signature, args):
        word = ir.IntType(64)
        target = builder.inttoptr(args[0], ir.FunctionType(ir.IntType(32), [word] * 5).as_pointer())
        return builder.sext(builder.call(target, args[1:]), word)

    u = types.uint64
    return types.int64(u, u, u, u, u, u), codegen


def _with_room_int(dim, x, grad, logp, user_data):
    words = carray(user_data, (2,), dtype=np.uint64)
    position, value, gradient = carray(x, (dim,)), carray(logp, (1,)), address_of(carray(grad, (dim,)))
    if gradient != 0:
        return _call_int(words[0], dim, address_of(position), gradient, address_of(value), words[1])
    room = np.empty(dim)
    status = _call_int(words[0], dim, address_of(position), address_of(room), address_of(value), words[1])
    return status if room.size else 1


def _scipy_plain(dim, x, grad, logp, user_data):
    words = carray(user_data, (2,), dtype=np.uint64)
    carray(logp, (1,))[0] = _call_scipy(words[0], dim, address_of(carray(x, (dim,))), words[1])
    return 0


def _scipy_with_data(dim, x, grad, logp, user_data):
    words = carray(user_data, (2,), dtype=np.uint64)
    carray(logp, (1,))[0] = _call_scipy_data(words[0], dim, address_of(carray(x, (dim,))), words[1])
    return 0


def _with_room(dim, x, grad, logp, user_data):
    """A function that writes a gradient always, called where none is wanted."""
    words = carray(user_data, (2,), dtype=np.uint64)
    position, value, gradient = carray(x, (dim,)), carray(logp, (1,)), address_of(carray(grad, (dim,)))
    if gradient != 0:
        return call_density(words[0], dim, address_of(position), gradient, address_of(value), words[1])
    room = np.empty(dim)
    status = call_density(words[0], dim, address_of(position), address_of(room), address_of(value), words[1])
    return status if room.size else 1  # asked for after the call, so that the memory is there until then


def _finite_differences(dim, x, grad, logp, user_data):
    """Central differences: an error of order h**2 and a cost of 2 dim + 1 evaluations."""
    words = carray(user_data, (2,), dtype=np.uint64)
    position, out = carray(x, (dim,)), carray(logp, (1,))
    gradient = carray(grad, (dim,))
    place, value = position.copy(), np.empty(1)
    status = call_density(words[0], dim, address_of(place), np.uint64(0), address_of(out), words[1])
    if status != 0 or address_of(gradient) == 0:
        return status
    for i in range(dim):
        # A power of two near the cube root of the unit roundoff makes x + h exact to the last bit.
        h = 2.0**-17 * max(1.0, 2.0 ** np.floor(np.log2(abs(position[i]) + 1e-300)))
        place[i] = position[i] + h
        status = call_density(words[0], dim, address_of(place), np.uint64(0), address_of(value), words[1])
        above = value[0]
        if status == 0:
            place[i] = position[i] - h
            status = call_density(words[0], dim, address_of(place), np.uint64(0), address_of(value), words[1])
        if status != 0:
            return status
        gradient[i] = (above - value[0]) / (2.0 * h)
        place[i] = position[i]
    return 0


_adapters: dict[Callable, CFunc] = {}
_adapters_lock = threading.Lock()


def _adapter(
    function: Callable, address: int, user_data: int, has_gradient: bool, keep: Any, base: CDensity | None = None
) -> CDensity:
    with _adapters_lock:
        if function not in _adapters:
            _adapters[function] = c_function(function, DENSITY)
    words = np.array([address, user_data], np.uint64)
    density = CDensity(_adapters[function].address, words.ctypes.data, has_gradient, (keep, words), base.retry if base else None)
    if base is not None:
        density.errors = base.errors  # one store of exceptions, whichever pointer the kernel was given
    return density


def with_finite_differences(density: CDensity) -> CDensity:
    """The same density with a gradient by central differences, at 2 dim + 1 evaluations a gradient."""
    return _adapter(_finite_differences, density.address, density.user_data, True, density, density)


def _user_address(data: Any) -> tuple[int, Any]:
    if isinstance(data, tuple) and len(data) == 1:
        data = data[0]
    if data is None:
        return 0, None
    if is_integer(data) and data >= 0:
        return int(data), None
    if isinstance(data, np.ndarray) and data.flags.c_contiguous and data.dtype.kind in "biufcV":
        return data.ctypes.data, data
    raise ArgumentTypeError(f"`data` of a C function must be an address or one contiguous array; got {shown(data)}")


def _capsule_words(capsule: Any) -> tuple[int, int]:
    """Pointer and context of a capsule: the function and its user data."""
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, (ctypes.py_object,)
    api.PyCapsule_GetContext.restype, api.PyCapsule_GetContext.argtypes = ctypes.c_void_p, (ctypes.py_object,)
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = (ctypes.py_object, ctypes.c_char_p)
    return api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule)), api.PyCapsule_GetContext(capsule) or 0


_INTEGERS = {"int64_t": "long", "uint64_t": "ulong", "size_t": "ulong", "unsigned long long": "ulong", "unsigned long": "ulong",
             "long long": "long", "longlong": "long", "ulonglong": "ulong"}  # fmt: skip


def _from_low_level_callable(function: Any, data: Any) -> CDensity:
    address, held = _capsule_words(tuple.__getitem__(function, 0))
    user_data, keep = (held, None) if data is None else _user_address(data)
    keep = (function, keep)
    signature = function.signature
    for spelled, kind in _INTEGERS.items():
        signature = signature.replace(spelled, kind)
    signature = signature.replace(" ", "")
    if signature == "long(ulong,double*,double*,double*,void*)":
        return _adapter(_with_room, address, user_data, True, keep)
    if signature == "int(ulong,double*,double*,double*,void*)":
        return _adapter(_with_room_int, address, user_data, True, keep)
    if signature == "double(int,double*)":
        return _adapter(_scipy_plain, address, 0, False, keep)
    if signature == "double(int,double*,void*)":
        return _adapter(_scipy_with_data, address, user_data, False, keep)
    raise ArgumentError(
        f"`logp` is a C function of signature {function.signature!r}; it must be 'double (int, double *)', 'double (int, double *, void *)' or "
        "'int64_t (uint64_t, double *, double *, double *, void *)'"
    )


def _is_low_level_callable(value: Any) -> bool:
    # By name, so that scipy is not imported for it.
    return isinstance(value, tuple) and type(value).__name__ == "LowLevelCallable"


def is_c_function(value: Any) -> bool:
    """Whether a value is a C function in one of the forms that `from_c` takes."""
    return is_integer(value) or isinstance(value, CFunc | ctypes._CFuncPtr) or _is_low_level_callable(value)  # type: ignore[attr-defined]


def from_c(logp: Any, data: Any) -> CDensity:
    """The `CDensity` of a C function; only the scipy signatures have no gradient.

    Samplers without gradients pass NULL for one. The functions of other packages are never asked that, and may write there: they get room for it.
    """
    if _is_low_level_callable(logp):
        return _from_low_level_callable(logp, data)
    if isinstance(logp, CFunc):
        signature = logp._sig  # type: ignore[attr-defined]
        if signature not in (DENSITY, _DENSITY_INT):
            raise ArgumentError(
                f"`logp` is a numba cfunc of signature {signature}; it must be {DENSITY} (weakchaos.native.functions.DENSITY)"
            )
        address, keep = _user_address(data)
        room = _with_room if signature == DENSITY else _with_room_int
        return _adapter(room, logp.address or 0, address, True, (logp, keep))
    if isinstance(logp, ctypes._CFuncPtr):  # type: ignore[attr-defined]
        if logp.argtypes is None:
            raise ArgumentError(
                "`logp` is a ctypes function without `argtypes`; set its `restype` and `argtypes`, or pass its address"
            )
        from scipy import LowLevelCallable

        return _from_low_level_callable(LowLevelCallable(logp), data)
    if logp <= 0:
        raise ArgumentError(f"`logp` must be the address of a C function; got {logp}")
    address, keep = _user_address(data)
    return _adapter(_with_room, int(logp), address, True, keep)
