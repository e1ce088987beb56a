"""Maps and vector fields as C functions: ``int64 f(uint64 n, double* x, double* out, void* user_data)``, 0 = ok.

The functions of this package take more than a state. Called with n = dim (1 + k) numbers, a state followed by k vectors, they write the
image of the state followed by the images of the vectors under the derivative there. So a system and its linearisation are one C function,
an integrator or a kernel that moves the one moves the other, and no kernel is compiled twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import float64, int64, types, uint64
from numba.extending import intrinsic

from weakchaos.core.errors import SamplingError
from weakchaos.native.compiled import c_function

__all__ = ["FAILED", "MAP", "CMap", "NativeFunction", "call_map", "loops_as_written"]

MAP = int64(uint64, types.CPointer(float64), types.CPointer(float64), types.voidptr)
# The same to C; with a signed count the arithmetic of indices stays one of integers in numba.
NATIVE = int64(int64, types.CPointer(float64), types.CPointer(float64), types.voidptr)
FAILED = 1
_intrinsic: Any = intrinsic  # as annotated by numba, a call would have to pass the typing context


@_intrinsic
def call_map(typingctx, function, n, x, out, user_data):
    """Call the map at address `function`; `x`, `out` and `user_data` are addresses too."""

    def codegen(context, builder, signature, args):
        word, byte = ir.IntType(64), ir.IntType(8).as_pointer()
        number = ir.DoubleType().as_pointer()
        pointer = ir.FunctionType(word, [word, number, number, byte]).as_pointer()
        pointers = [builder.inttoptr(a, t) for a, t in zip(args[2:], (number, number, byte), strict=True)]
        return builder.call(builder.inttoptr(args[0], pointer), [args[1], *pointers])

    u = types.uint64
    return types.int64(u, u, u, u, u), codegen


@_intrinsic
def loops_as_written(typingctx):
    """Ask the compiler not to make vectors of the loops of the function that calls this.

    A vector of numbers that were written one by one just before must wait for all of them to leave the processor's store buffer: for a
    dozen numbers that takes longer than the loop.
    """

    def codegen(context, builder, signature, args):
        builder.function.attributes.add("noimplicitfloat")
        return context.get_dummy_value()

    return types.none(), codegen


class NativeFunction:
    """Decorate ``f(n, z, out, data)`` as a C function that is compiled on its first use, never at import, and cached on disk."""

    def __init__(self, function: Callable):
        self.function = function
        self.__doc__, self.__name__, self.__module__ = function.__doc__, function.__name__, function.__module__
        self._lock = threading.Lock()
        self._compiled: Any = None

    @property
    def address(self) -> int:
        """The C address."""
        with self._lock:
            if self._compiled is None:
                self._compiled = c_function(self.function, NATIVE)
        return self._compiled.address

    def __reduce__(self):
        return self.__name__  # by reference, as functions are pickled: another process compiles or loads its own copy


@dataclass(frozen=True, eq=False)
class CMap:
    """A C function with its user data, and what must stay alive behind them.

    Attributes
    ----------
    address, user_data : int
    keep : object
        Holds the memory that both point to. Work space belongs to it, so two threads need two of these.
    error : callable or None
        Gives the exception behind a status other than 0.
    remarks : callable or None
        Gives sentences on what was met on the way that a result must say.
    """

    address: int
    user_data: int
    keep: Any = None
    error: Callable[[], BaseException | None] | None = None
    remarks: Callable[[], list[str]] | None = None

    def take_error(self) -> BaseException:
        """The exception behind a status other than 0."""
        error = None if self.error is None else self.error()
        return error or SamplingError("the map returned a status other than 0, which its C interface means as a failure")

    def take_remarks(self) -> list[str]:
        """What was met on the way that a result must say."""
        return [] if self.remarks is None else self.remarks()
