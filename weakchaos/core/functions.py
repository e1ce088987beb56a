"""Whatever the user has becomes one C pointer type: ``int64 f(uint64 dim, double* x, double* grad, double* logp, void* user_data)``.

Accepted are numba functions, plain Python functions, numba ``@cfunc`` objects, ``scipy.LowLevelCallable`` and bare C addresses. Data
go by address, so a change of the array is seen by the next call and nothing is frozen into machine code. A status other than 0
stops the run; `CDensity.raise_pending` then raises what the user's function raised, with its own traceback.
"""

from __future__ import annotations

import ctypes
import inspect
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, float64, int64, njit, types, uint64
from numba.core import cgutils
from numba.core.ccallback import CFunc
from numba.core.dispatcher import Dispatcher
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array
from numba.np.numpy_support import from_dtype

from weakchaos.core.compiled import address_of, call_density, kernel
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, SamplingError, shown

__all__ = ["DENSITY", "CDensity", "as_c_density", "evaluate", "with_finite_differences"]

DENSITY = int64(uint64, types.CPointer(float64), types.CPointer(float64), types.CPointer(float64), types.voidptr)
_FAILED = 1


class CDensity:
    """A log density as a C function: its address, its user data, and what must stay alive behind them.

    Attributes
    ----------
    address, user_data : int
    has_gradient : bool
    """

    def __init__(self, address: int, user_data: int, has_gradient: bool, keep: Any, retry: Callable[[], Any] | None = None):
        self.address, self.user_data, self.has_gradient = int(address), int(user_data), has_gradient
        self.keep, self.retry = keep, retry
        self.errors: dict[int, BaseException] = {}

    def raise_pending(self, trace: Any = None) -> None:
        """Raise what stopped a run of this thread; the draws made until then go with it as ``error.trace``."""
        error = self.take_error()
        error.trace = trace  # type: ignore[attr-defined]
        raise error

    def take_error(self) -> BaseException:
        """The exception behind a status other than 0, taken out of the store of this thread."""
        error = self.errors.pop(threading.get_ident(), None)
        if error is None and self.retry is not None:
            # A compiled function cannot hand its exception through C; the same function run by Python at the same place can.
            try:
                self.retry()
            except BaseException as caught:
                error = caught
        if error is None:
            error = SamplingError("the log density returned a status other than 0, which its C interface means as a failure")
        return error


@kernel
def _evaluate(address, user_data, x, grad, want_gradient):
    logp = np.empty(1)
    g = address_of(grad) if want_gradient else np.uint64(0)
    status = call_density(address, np.uint64(x.size), address_of(x), g, address_of(logp), user_data)
    return status, logp[0]


def evaluate(density: CDensity, x: np.ndarray, gradient: bool = False) -> tuple[float, np.ndarray | None]:
    """The log density at `x` (nats), and its gradient when asked for.

    Raises
    ------
    Exception
        What the user's function raised.
    """
    x = np.ascontiguousarray(x, np.float64)
    grad = np.empty(x.size)
    status, value = _evaluate(np.uint64(density.address), np.uint64(density.user_data), x, grad, gradient)
    if status != 0:
        density.raise_pending()
    return value, grad if gradient else None


# ---- data by address ---------------------------------------------------------------------------------------------------------------


def _data_items(data: Any) -> tuple[tuple[np.ndarray, bool], ...]:
    """Each item as a contiguous array and whether the user's function is to get it as a number."""
    if data is None:
        return ()
    items = data if isinstance(data, tuple) else (data,)
    out = []
    for k, item in enumerate(items):
        array = np.ascontiguousarray(item)
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise ArgumentTypeError(
                f"`data` must hold numeric arrays and numbers; item {k} is {shown(item)}: convert it with numpy.asarray(item, float)"
            )
        scalar = np.ndim(item) == 0
        out.append((array.reshape(1) if scalar else array, scalar))
    return tuple(out)


def _address_table(items: Sequence[tuple[np.ndarray, bool]], failed_at: np.ndarray) -> np.ndarray:
    """[address of the place of failure, then address and shape of each item]."""
    words = [failed_at.ctypes.data]
    for array, _ in items:
        words += [array.ctypes.data, *array.shape]
    return np.array(words, np.int64)


@njit
def _copy_vector(vector, gradient):
    if vector.size != gradient.size:
        raise ValueError("the gradient must have one entry per coordinate")
    for i in range(gradient.size):
        gradient[i] = vector[i]


def _in_place_gradient(grad: Any) -> Any:
    @njit
    def in_place(x, out, *data):
        _copy_vector(grad(x, *data), out)

    return in_place


def _in_place_both(both: Any) -> Any:
    @njit
    def in_place(x, out, *data):
        value, vector = both(x, *data)
        _copy_vector(vector, out)
        return value

    return in_place


def _c_wrapper(logp: Any, grad: Any, both: Any, items: Sequence[tuple[np.ndarray, bool]]) -> CFunc:
    """The C function that calls numba functions in place, written in LLVM: as Python source it takes five times as long to compile.

    `items` says of which dtype and dimension each array of the data is, and whether the function is to get its first entry instead.
    """
    vector = types.Array(float64, 1, "C")
    kinds = [types.Array(from_dtype(a.dtype), a.ndim, "C") for a, _ in items]
    data = tuple(kind.dtype if scalar else kind for kind, (_, scalar) in zip(kinds, items, strict=True))

    @intrinsic
    def call(typingctx, dim, x, gradient, out, user_data):
        def codegen(context, builder, signature, args):
            size, x_pointer, gradient_pointer, out_pointer, table_pointer = args
            word, number = ir.IntType(64), ir.DoubleType()
            table = builder.bitcast(table_pointer, word.as_pointer())

            def array(kind, pointer, shape):
                made = context.make_array(kind)(context, builder)
                itemsize = context.get_abi_sizeof(context.get_data_type(kind.dtype))
                strides, step = [], context.get_constant(types.intp, itemsize)
                for extent in reversed(shape):
                    strides.insert(0, step)
                    step = builder.mul(step, extent)
                populate_array(made, pointer, shape, strides, context.get_constant(types.intp, itemsize), meminfo=None)
                return made._getvalue()

            values, place = [], 1
            for kind, (_, scalar) in zip(kinds, items, strict=True):
                words = [builder.load(cgutils.gep(builder, table, place + k)) for k in range(1 + kind.ndim)]
                place += 1 + kind.ndim
                pointer = builder.inttoptr(words[0], context.get_data_type(kind.dtype).as_pointer())
                if scalar:
                    values.append(context.unpack_value(builder, kind.dtype, pointer))
                else:
                    values.append(array(kind, pointer, words[1:]))
            position = array(vector, x_pointer, [size])
            failed = builder.append_basic_block("failed")

            def invoke(function, kinds, arguments):
                function.compile(kinds)
                compiled = function.overloads[kinds]
                context.add_linking_libs((compiled.library,))
                status, value = context.call_internal_no_propagate(builder, compiled.fndesc, compiled.signature, arguments)
                good = builder.append_basic_block("good")
                builder.cbranch(status.is_error, failed, good)
                builder.position_at_end(good)
                return context.cast(builder, value, compiled.signature.return_type, float64) if function is not grad else None

            def value_and_gradient(pointer):
                slope = array(vector, pointer, [size])
                if both is not None:
                    return invoke(both, (vector, vector, *data), [position, slope, *values])
                value = invoke(logp, (vector, *data), [position, *values])
                if grad is not None:
                    invoke(grad, (vector, vector, *data), [position, slope, *values])
                return value

            wanted = builder.icmp_unsigned("!=", builder.ptrtoint(gradient_pointer, word), ir.Constant(word, 0))
            with builder.if_else(wanted) as (then, otherwise):
                with then:
                    builder.store(value_and_gradient(gradient_pointer), out_pointer)
                with otherwise:
                    if logp is not None:
                        value = invoke(logp, (vector, *data), [position, *values])
                    else:
                        value = value_and_gradient(builder.alloca(number, size=size))
                    builder.store(value, out_pointer)
            result = cgutils.alloca_once_value(builder, ir.Constant(word, 0))
            end = builder.append_basic_block("end")
            builder.branch(end)
            builder.position_at_end(failed)
            # The place of failure is kept, so that Python can meet the same exception there.
            kept = builder.inttoptr(builder.load(table), number.as_pointer())
            cgutils.raw_memcpy(builder, kept, x_pointer, size, 8)
            builder.store(ir.Constant(word, _FAILED), result)
            builder.branch(end)
            builder.position_at_end(end)
            return builder.load(result)

        return DENSITY.return_type(*DENSITY.args), codegen

    def wrapper(dim, x, gradient, out, user_data):
        return call(dim, x, gradient, out, user_data)

    return cfunc(DENSITY)(wrapper)


_wrappers: dict[tuple, CFunc] = {}
_wrappers_lock = threading.Lock()


def _numba_wrapper(logp: Any, grad: Any, both: Any, items: Sequence[tuple[np.ndarray, bool]]) -> CFunc:
    """The user's numba functions behind the C interface; compiled once per functions and kinds of data."""
    key = (logp, grad, both, tuple((a.dtype.str, a.ndim, s) for a, s in items))
    with _wrappers_lock:
        if key not in _wrappers:
            in_place = len(items) + 2
            if grad is not None and _arity(grad) != in_place:
                grad = _in_place_gradient(grad)
            if both is not None and _arity(both) != in_place:
                both = _in_place_both(both)
            _wrappers[key] = _c_wrapper(logp, grad, both, items)
        return _wrappers[key]


def _arity(function: Any) -> int:
    function = getattr(function, "py_func", function)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return -1
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return -1
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters)


def _from_numba(logp: Any, grad: Any, both: Any, dim: int, data: Any) -> CDensity:
    items = _data_items(data)
    failed_at = np.zeros(dim)
    table = _address_table(items, failed_at)
    compiled = _numba_wrapper(logp, grad, both, items)
    values = [a[0] if s else a for a, s in items]

    def retry() -> None:
        for function in (logp, grad, both):
            if function is None:
                continue
            in_place = function is not logp and _arity(function) == len(values) + 2
            result = function.py_func(failed_at.copy(), *([np.empty(dim)] if in_place else []), *values)
            vector = None if in_place or function is logp else result[1] if function is both else result
            if vector is not None and np.shape(vector) != (dim,):
                raise ArgumentTypeError(f"the gradient must have shape ({dim},); it has shape {np.shape(vector)}")

    return CDensity(
        compiled.address, table.ctypes.data, grad is not None or both is not None, (compiled, table, items, failed_at), retry
    )


# ---- plain Python ------------------------------------------------------------------------------------------------------------------


def _python_caller(logp: Any, grad: Any, both: Any, data: tuple) -> Callable[[np.ndarray, bool], tuple[Any, Any]]:
    """``call(x, want_gradient) -> (value, gradient or None)`` from whichever functions and conventions the user chose."""
    in_place_both = both is not None and _arity(both) == len(data) + 2
    in_place_grad = grad is not None and _arity(grad) == len(data) + 2

    def call(x: np.ndarray, want_gradient: bool) -> tuple[Any, Any]:
        if both is not None and (want_gradient or logp is None):
            if in_place_both:
                gradient = np.empty(x.size)
                return both(x, gradient, *data), gradient
            return both(x, *data)
        value = logp(x, *data)
        if not want_gradient:
            return value, None
        if in_place_grad:
            gradient = np.empty(x.size)
            grad(x, gradient, *data)
            return value, gradient
        return value, grad(x, *data)

    return call


def _from_python(logp: Any, grad: Any, both: Any, dim: int, data: Any) -> CDensity:
    values = () if data is None else data if isinstance(data, tuple) else (data,)
    call = _python_caller(logp, grad, both, values)
    vector = ctypes.c_double * dim
    prototype = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_uint64, *[ctypes.c_void_p] * 4)
    density = CDensity(0, 0, grad is not None or both is not None, None)

    def callback(n, x, gradient, out, user_data):
        try:
            # A copy: the user may keep the array, and the kernel's memory moves on.
            value, slope = call(np.array(vector.from_address(x)), bool(gradient))
            value = np.asarray(value, np.float64)
            if value.size != 1:
                raise ArgumentTypeError(f"the log density must return one number; it returned an array of shape {value.shape}")
            ctypes.c_double.from_address(out).value = value.item()
            if gradient:
                slope = np.asarray(slope, np.float64)
                if slope.shape != (dim,):
                    raise ArgumentTypeError(f"the gradient must have shape ({dim},); it has shape {slope.shape}")
                np.frombuffer(vector.from_address(gradient))[:] = slope
            return 0
        except BaseException as error:
            density.errors[threading.get_ident()] = error
            return _FAILED

    function = prototype(callback)
    density.address = ctypes.cast(function, ctypes.c_void_p).value or 0
    density.keep = function
    return density


# ---- C functions -------------------------------------------------------------------------------------------------------------------


def _caller(with_data: bool):
    @intrinsic
    def call(typingctx, function, n, x, data):
        def codegen(context, builder, signature, args):
            number, byte = ir.DoubleType(), ir.IntType(8).as_pointer()
            kinds = [ir.IntType(32), number.as_pointer()] + ([byte] if with_data else [])
            target = builder.inttoptr(args[0], ir.FunctionType(number, kinds).as_pointer())
            values = [builder.trunc(args[1], kinds[0]), builder.inttoptr(args[2], kinds[1])]
            return builder.call(target, values + ([builder.inttoptr(args[3], byte)] if with_data else []))

        u = types.uint64
        return types.float64(u, u, u, u), codegen

    return call


_call_scipy, _call_scipy_data = _caller(False), _caller(True)


def _scipy_plain(dim, x, grad, logp, user_data):
    words = carray(user_data, (2,), dtype=np.uint64)
    carray(logp, (1,))[0] = _call_scipy(words[0], dim, address_of(carray(x, (dim,))), words[1])
    return 0


def _scipy_with_data(dim, x, grad, logp, user_data):
    words = carray(user_data, (2,), dtype=np.uint64)
    carray(logp, (1,))[0] = _call_scipy_data(words[0], dim, address_of(carray(x, (dim,))), words[1])
    return 0


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


def _adapter(
    function: Callable, address: int, user_data: int, has_gradient: bool, keep: Any, base: CDensity | None = None
) -> CDensity:
    with _wrappers_lock:
        if function not in _adapters:
            _adapters[function] = cfunc(DENSITY, cache=True)(function)
    words = np.array([address, user_data], np.uint64)
    density = CDensity(_adapters[function].address, words.ctypes.data, has_gradient, (keep, words), base.retry if base else None)
    if base is not None:
        density.errors = base.errors  # one store of exceptions, whichever pointer the kernel was given
    return density


def with_finite_differences(density: CDensity) -> CDensity:
    """The same density with a gradient by central differences, at 2 dim + 1 evaluations a gradient."""
    return _adapter(_finite_differences, density.address, density.user_data, True, density, density)


def _user_address(data: Any) -> tuple[int, Any]:
    if data is None:
        return 0, None
    if isinstance(data, int | np.integer):
        return int(data), None
    if isinstance(data, np.ndarray) and data.flags.c_contiguous:
        return data.ctypes.data, data
    raise ArgumentTypeError(f"`data` of a C function must be an address or one contiguous array; got {shown(data)}")


def _capsule_address(capsule: Any) -> int:
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, (ctypes.py_object,)
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = (ctypes.py_object, ctypes.c_char_p)
    return api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))


def _from_low_level_callable(function: Any, data: Any) -> CDensity:
    signature = " ".join(function.signature.replace("*", " * ").replace("(", " ( ").replace(")", " ) ").replace(",", " , ").split())
    address = _capsule_address(tuple.__getitem__(function, 0))
    held = function.user_data
    if held is not None and data is None:
        user_data, keep = (ctypes.cast(held, ctypes.c_void_p).value or 0) if not isinstance(held, int) else held, held
    else:
        user_data, keep = _user_address(data)
    words = signature.replace("int64_t", "long").replace("uint64_t", "unsigned long").replace("size_t", "unsigned long")
    if words.count("double *") == 3 and words.startswith("long"):
        return CDensity(address, user_data, True, (function, keep))
    if signature == "double ( int , double * )":
        return _adapter(_scipy_plain, address, 0, False, (function, keep))
    if signature == "double ( int , double * , void * )":
        return _adapter(_scipy_with_data, address, user_data, False, (function, keep))
    raise ArgumentError(
        f"`logp` is a LowLevelCallable with signature {signature!r}; it must be 'double (int, double *)', 'double (int, double *, void *)' or "
        "'int64_t (uint64_t, double *, double *, double *, void *)'"
    )


def as_c_density(logp: Any, dim: int, grad: Any = None, logp_and_grad: Any = None, data: Any = None) -> CDensity:
    """The C form of a log density.

    Parameters
    ----------
    logp : callable, address, CFunc or scipy.LowLevelCallable
        ``logp(x, *data) -> float``. A C function gives its gradient by the same call.
    dim : int
    grad : callable, optional
        ``grad(x, *data) -> array`` or, in place, ``grad(x, out, *data)``.
    logp_and_grad : callable, optional
        ``logp_and_grad(x, *data) -> (float, array)`` or, in place, ``logp_and_grad(x, out, *data) -> float``; `logp` may then be None.
    data : tuple of arrays and numbers, optional
        Reached by address: a later change of an array in place is seen.

    Raises
    ------
    ArgumentTypeError, ArgumentError
        When nothing callable was given or functions of different kinds are mixed.
    """
    given = [f for f in (logp, grad, logp_and_grad) if f is not None]
    if logp is None and logp_and_grad is None:
        raise ArgumentTypeError("`logp` or `logp_and_grad` is required: a function of the position that returns the log density")
    if isinstance(logp, CFunc):
        if logp._sig != DENSITY:
            raise ArgumentError(
                f"`logp` is a numba cfunc of signature {logp._sig}; it must be {DENSITY} (weakchaos.core.functions.DENSITY)"
            )
        address, keep = _user_address(data)
        return CDensity(logp.address, address, True, (logp, keep))
    if isinstance(logp, int | np.integer) and not isinstance(logp, bool):
        if logp <= 0:
            raise ArgumentError(f"`logp` must be the address of a C function; got {logp}")
        address, keep = _user_address(data)
        return CDensity(int(logp), address, True, keep)
    if isinstance(logp, tuple) and type(logp).__name__ == "LowLevelCallable":
        return _from_low_level_callable(logp, data)
    for name, function in (("logp", logp), ("grad", grad), ("logp_and_grad", logp_and_grad)):
        if function is not None and not callable(function):
            raise ArgumentTypeError(
                f"`{name}` must be a function, a C address, a numba cfunc or a scipy LowLevelCallable; got {shown(function)}"
            )
    jitted = [isinstance(f, Dispatcher) for f in given]
    if all(jitted):
        return _from_numba(logp, grad, logp_and_grad, dim, data)
    return _from_python(logp, grad, logp_and_grad, dim, data)
