"""An exponential that LLVM can vectorise, and the decorator of kernels that add numbers up.

Numba calls the scalar ``exp`` of the C library in every pass of a loop, which costs 20 ns and keeps the loop from being vectorised. Here
``2**t = 2**n * p(t - n)`` with n the nearest whole number (Cody and Waite, Software Manual for the Elementary Functions, 1980); p is the polynomial of
least relative error on [-1/2, 1/2], of degree 10 for float64 (2.1e-16) and 5 for float32 (7.5e-8), found by the Remez algorithm. It is a function
with explicit fast-math flags, so that a loop that may reorder its sums cannot reorder the rounding by which n is found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from weakchaos.native.compiled import _cache_on_disk

__all__ = ["LOG2E", "exp2", "exp_of", "sum_kernel"]

LOG2E = 1.4426950408889634

_intrinsic: Any = intrinsic

_DEGREE_10 = (1.0, 0.6931471805599497, 0.24022650695908768, 0.05550410866445883, 0.009618129108034596, 0.0013333558228561767,
              0.00015403529961127076, 1.5252658116409854e-05, 1.3215662835959238e-06, 1.0208537929657404e-07, 7.037278846726901e-09)  # fmt: skip
_DEGREE_5 = (
    1.0000000716546416,
    0.6931469670652649,
    0.2402211972396918,
    0.05550713272875391,
    0.009675541331021392,
    0.0013276472167819944,
)
# Sums may be reordered and products contracted; NaN and infinities keep their meaning.
_SUMS = {"contract", "arcp", "nsz", "reassoc"}


def sum_kernel(function: Callable) -> Any:
    """Compile a loop whose sums may be added in any order, which lets LLVM vectorise them; otherwise as `weakchaos.native.compiled.kernel`.

    Orbits are never computed by such a loop: the order of its sums, and so its last bits, depend on the processor.
    """
    dispatcher = njit(nogil=True, error_model="numpy", fastmath=_SUMS)(function)
    _cache_on_disk(dispatcher, function)
    return dispatcher


@_intrinsic
def _power_of_two(typingctx, t):
    single = t == types.float32

    def codegen(context, builder, signature, args):
        number = ir.FloatType() if single else ir.DoubleType()
        word = ir.IntType(32 if single else 64)
        mantissa, lowest, coefficients = (23, -126.0, _DEGREE_5) if single else (52, -1022.0, _DEGREE_10)
        least, magic = ir.Constant(number, lowest), ir.Constant(number, 1.5 * 2.0**mantissa)
        x = args[0]
        x = builder.select(builder.fcmp_ordered("<", x, least), least, x)
        shifted = builder.fadd(x, magic)  # the nearest whole number stands in the lowest bits
        r = builder.fsub(x, builder.fsub(shifted, magic))
        add = builder.module.declare_intrinsic("llvm.fmuladd", [number], ir.FunctionType(number, [number] * 3))
        value = ir.Constant(number, coefficients[-1])
        for c in coefficients[-2::-1]:
            value = builder.call(add, [value, r, ir.Constant(number, c)])
        power = builder.shl(builder.bitcast(shifted, word), ir.Constant(word, mantissa))
        return builder.bitcast(builder.add(builder.bitcast(value, word), power), number)

    kind = types.float32 if single else types.float64
    return kind(kind), codegen


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def exp2(t):
    """2**t for a float64 or float32 below 1023 or 127; under the smallest normal number the result is that number, 2e-308 or 1e-38.

    A function of its own with flags of its own: numba puts the fast-math flags of a loop on every instruction that is written into it, and a helper
    that names no flags inherits those of whichever caller is compiled first.
    """
    return _power_of_two(t)


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def exp_of(x):
    """exp(x) of a float64 below 709."""
    return exp2(x * LOG2E)
