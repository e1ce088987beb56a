"""What compiled kernels stand on: the kernel decorator, calls through C addresses, uniforms and normals from a stream.

A kernel takes arrays, numbers and C addresses only. An address travels as a plain integer, so a kernel is compiled once
and found in the disk cache whatever function it will call:

* log density: ``int64 f(uint64 dim, double* x, double* grad, double* logp, void* user_data)``, 0 = ok, ``grad`` may be NULL
  (the interface of nutpie and walnutpie);
* stream of uniforms: ``double f(void* state)`` (``next_double`` of NumPy's ``bitgen_t``).
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

from llvmlite import ir
from numba import float64, njit, types
from numba.core.ccallback import CFunc
from numba.core.compiler_lock import global_compiler_lock
from numba.core.options import DefaultOptions
from numba.extending import intrinsic

from weakchaos.native.digest import stamp

__all__ = [
    "address_of",
    "borrowing",
    "c_function",
    "call_density",
    "compiled_stream",
    "draw_uniform",
    "kernel",
    "normal_from_uniform",
]

_intrinsic: Any = intrinsic  # as annotated by numba, a call would have to pass the typing context


def _cache_on_disk(compiled: Any, function: Callable) -> None:
    """Cache machine code beside its source, where its entry depends on everything it inlines too."""
    try:
        compiled.enable_caching()
    except RuntimeError:  # a function typed at a prompt, or no folder that can be written to: compiled anew in each process
        return
    stamp(compiled, function)


def kernel(function: Callable) -> Any:
    """Compile a hot loop on first use, cached on disk, with the GIL released.

    Examples
    --------
    >>> @kernel
    ... def double(x):
    ...     return 2.0 * x
    >>> double(1.5)
    3.0
    """
    # A division by zero is inf or NaN, which a sampler rejects and counts: an exception out of a compiled loop would end the run.
    dispatcher = njit(nogil=True, error_model="numpy")(function)
    _cache_on_disk(dispatcher, function)
    return dispatcher


# Numba's own option for its helpers; where a version of it has none, they count references and are only slower.
_NO_COUNTS: dict[str, Any] = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}


def borrowing(function: Callable) -> Any:
    """Compile a helper of kernels that makes no array and returns none: no references are counted in it.

    Each slice of an array counts its owner up and down by atomic operations, which for rows of a few numbers takes more time than the numbers.

    Examples
    --------
    >>> @borrowing
    ... def clear(x, first, stop):
    ...     x[first:stop] = 0.0
    >>> @kernel
    ... def cleared(x):
    ...     clear(x, 1, 3)
    ...     return x.sum()
    >>> import numpy as np
    >>> cleared(np.ones(4))
    2.0
    """
    return njit(nogil=True, error_model="numpy", **_NO_COUNTS)(function)


def c_function(function: Any, signature: Any) -> CFunc:
    """A C callback compiled now, cached on disk as kernels are; unlike ``numba.cfunc`` it is compiled again when a helper changes."""
    # A division by zero gives inf or NaN, which callers handle: an exception has no way out of a C function but onto the terminal.
    options = {"error_model": "numpy", "forceinline": True}
    made = CFunc(function, (signature.args, signature.return_type), locals={}, options=options)
    _cache_on_disk(made, function)
    with global_compiler_lock, _calls_may_be_inlined():
        made.compile()
    return made


@contextlib.contextmanager
def _calls_may_be_inlined() -> Iterator[None]:
    """Within this, numba's C wrapper of a function does not forbid that the function is inlined into it, which takes a third of the time of a short one.

    The wrapper is numba's own affair: where a version of it is built in another way, functions are called as they are, and only slower.
    """
    try:
        from numba.core.callconv import CPUCallConv
    except ImportError:
        yield
        return
    owner: Any = CPUCallConv
    original = owner.call_function

    def call_function(*given: Any, **named: Any) -> Any:
        if named.get("attrs") == ("noinline",):
            named["attrs"] = None
        return original(*given, **named)

    owner.call_function = call_function
    try:
        yield
    finally:
        owner.call_function = original


_STREAM = float64(types.voidptr)


class compiled_stream:
    """Decorate ``f(state) -> float`` as a C function that is compiled on its first use, never at import, and cached on disk."""

    def __init__(self, function: Callable, signature: Any = _STREAM):
        self.function, self.signature = function, signature
        self.__doc__, self.__name__, self.__module__ = function.__doc__, function.__name__, function.__module__
        self._lock = threading.Lock()
        self._compiled: Any = None

    @property
    def address(self) -> int:
        """The C address."""
        with self._lock:
            if self._compiled is None:
                self._compiled = c_function(self.function, self.signature)
        return self._compiled.address

    def __reduce__(self):
        return self.__name__  # by reference, as functions are pickled: another process compiles or loads its own copy


@_intrinsic
def address_of(typingctx, array):
    """The address of the first element of an array, as an integer."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.ptrtoint(data, context.get_value_type(types.uint64))

    return types.uint64(array), codegen


@_intrinsic
def call_density(typingctx, function, dim, x, grad, logp, user_data):
    """Call the log density at address `function`; `x`, `grad` (0 = NULL), `logp` and `user_data` are addresses too."""

    def codegen(context, builder, signature, args):
        word, byte = ir.IntType(64), ir.IntType(8).as_pointer()
        number = ir.DoubleType().as_pointer()
        pointer = ir.FunctionType(word, [word, number, number, number, byte]).as_pointer()
        target = builder.inttoptr(args[0], pointer)
        pointers = [builder.inttoptr(a, t) for a, t in zip(args[2:], (number, number, number, byte), strict=True)]
        return builder.call(target, [args[1], *pointers])

    u = types.uint64
    return types.int64(u, u, u, u, u, u), codegen


@_intrinsic
def draw_uniform(typingctx, function, state):
    """The next uniform in [0, 1) of the stream whose `next_double` is at address `function`."""

    def codegen(context, builder, signature, args):
        byte = ir.IntType(8).as_pointer()
        pointer = ir.FunctionType(ir.DoubleType(), [byte]).as_pointer()
        return builder.call(builder.inttoptr(args[0], pointer), [builder.inttoptr(args[1], byte)])

    return types.float64(types.uint64, types.uint64), codegen


@njit(nogil=True, error_model="numpy")
def _horner(c, r):
    value = c[7]
    for k in range(6, -1, -1):
        value = value * r + c[k]
    return value


# Rational approximations of the normal quantile: Wichura, Applied Statistics 37 (1988) 477, algorithm AS 241 (PPND16), relative error 1e-16.
_CENTRE_P = (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
             4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3)  # fmt: skip
_CENTRE_Q = (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
             2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3)  # fmt: skip
_MIDDLE_P = (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
             1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4)  # fmt: skip
_MIDDLE_Q = (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
             1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9)  # fmt: skip
_TAIL_P = (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
           2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7)  # fmt: skip
_TAIL_Q = (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
           7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15)  # fmt: skip


@njit(nogil=True, error_model="numpy")
def normal_from_uniform(u):
    """The standard normal quantile of `u`: one uniform makes one normal, so a low-discrepancy stream keeps its structure."""
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * _horner(_CENTRE_P, r) / _horner(_CENTRE_Q, r)
    # Streams deliver multiples of 2**-53 and may deliver 0: half a unit keeps the quantile finite (-8.2 at the least).
    r = math.sqrt(-math.log(max(min(u, 1.0 - u), 5.5e-17)))
    if r <= 5.0:
        value = _horner(_MIDDLE_P, r - 1.6) / _horner(_MIDDLE_Q, r - 1.6)
    else:
        value = _horner(_TAIL_P, r - 5.0) / _horner(_TAIL_Q, r - 5.0)
    return -value if q < 0.0 else value
