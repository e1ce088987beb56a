"""Dual numbers as a numba value type: a user's function of an array, compiled once more, gives its exact derivative along a vector.

A dual number v + d e with e * e = 0 carries a value and its derivative along one direction; every operation on it is the rule of the
derivative of that operation (W. K. Clifford, Proc. London Math. Soc. s1-4 (1871) 381; R. E. Wengert, Commun. ACM 7 (1964) 463,
doi:10.1145/355586.364791). Values are computed by the very operations the function has for floats, so they are equal to the last bit, and
so are branches. Where a function is constant between jumps (floor, sign, comparisons, conversion to int) its derivative is 0; at a jump
the derivative is that of the branch taken.

Complex steps are no substitute: they return 0 for the derivative of ``abs``, in silence, and refuse ``%``, ``floor`` and comparisons.

This module is imported when the first derivative is asked for, since it adds to the operations that numba looks through.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typeconv import Conversion
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, lower_cast, models, register_model

__all__ = ["NUMBERS", "READ_ONLY", "WRITABLE", "Dual", "DualVector", "dual", "dual_of", "halves_of", "real"]


class Dual(types.Type):
    """A value and its derivative along one direction, both float64."""

    def __init__(self) -> None:
        super().__init__(name="Dual")

    def can_convert_from(self, typingctx: Any, other: Any) -> Any:
        """Numbers are constants: their derivative is 0. There is no way back, so a derivative is never dropped unseen."""
        return Conversion.safe if isinstance(other, types.Integer | types.Float | types.Boolean) else None

    def unify(self, typingctx: Any, other: Any) -> Any:
        """A variable that is a number in one branch and a dual number in another is a dual number."""
        return self if self.can_convert_from(typingctx, other) is not None else None


class DualVector(types.Type):
    """A vector of dual numbers, values and derivatives in two places of memory."""

    def __init__(self, writable: bool) -> None:
        self.writable = writable
        super().__init__(name=f"DualVector({'writable' if writable else 'read only'})")


dual, READ_ONLY, WRITABLE = Dual(), DualVector(False), DualVector(True)
real = types.float64
NUMBERS = (types.Integer, types.Float, types.Boolean)


@register_model(Dual)
class _DualModel(models.StructModel):
    def __init__(self, manager, fe_type):
        super().__init__(manager, fe_type, [("v", real), ("d", real)])


@register_model(DualVector)
class _VectorModel(models.StructModel):
    def __init__(self, manager, fe_type):
        pointer = types.CPointer(real)
        super().__init__(manager, fe_type, [("values", pointer), ("derivatives", pointer), ("size", types.intp)])


# ---- between dual numbers and LLVM ---------------------------------------------------------------------------------------------------


def halves_of(context, builder, kind, value):
    """Value and derivative of an argument; the derivative of a plain number is None."""
    if not isinstance(kind, Dual):
        return value, None
    pair = cgutils.create_struct_proxy(kind)(context, builder, value)
    return pair.v, pair.d


def dual_of(context, builder, value, derivative):
    """A dual number of two LLVM numbers; None for the derivative of a constant."""
    pair = cgutils.create_struct_proxy(dual)(context, builder)
    pair.v, pair.d = value, ir.Constant(ir.DoubleType(), 0.0) if derivative is None else derivative
    return pair._getvalue()


def _plain(kind: Any) -> Any:
    return real if isinstance(kind, Dual) else kind


def _on_values(context, builder, function, sig, args):
    """The float operation itself, on the values: to the last bit, and with the exception, that the function has for floats."""
    kinds = [_plain(kind) for kind in sig.args]
    values = [halves_of(context, builder, kind, arg)[0] for kind, arg in zip(sig.args, args, strict=True)]
    plain = context.typing_context.resolve_function_type(function, tuple(kinds), {})
    if any(isinstance(kind, types.StarArgUniTuple | types.StarArgTuple) for kind in plain.args):
        # Functions of any number of arguments want them packed: numba does so itself where it compiles a call.
        two = {min: lambda x, z: min(x, z), max: lambda x, z: max(x, z)}[function]
        return context.compile_internal(builder, two, plain.return_type(*kinds), values), plain.return_type
    values = [context.cast(builder, v, kind, wanted) for v, kind, wanted in zip(values, kinds, plain.args, strict=True)]
    out = context.get_function(context.typing_context.resolve_value_type(function), plain)(builder, values)
    return out, plain.return_type


@lower_cast(types.Integer, Dual)
@lower_cast(types.Float, Dual)
@lower_cast(types.Boolean, Dual)
def _from_number(context, builder, fromty, toty, value):
    return dual_of(context, builder, context.cast(builder, value, fromty, real), None)


_intrinsic: Any = intrinsic  # as annotated by numba, a call would have to pass the typing context


@_intrinsic
def _quotient(typingctx, a, b):
    """a / b, infinite where b is 0: a slope without bound is no exception of the user's function."""

    def codegen(context, builder, sig, args):
        return builder.fdiv(*args)

    return real(real, real), codegen


def _typed(function: Any, result: Callable[[Any, tuple], Any]) -> None:
    """Let `function` take dual numbers beside plain ones; `result` gives its signature, None where it does not apply."""

    class Template(AbstractTemplate):
        def generic(self, args, kws):
            if kws or not any(isinstance(a, Dual) for a in args) or not all(isinstance(a, (Dual, *NUMBERS)) for a in args):
                return None
            return result(self.context, args)

    infer_global(function)(Template)


def _as_reals(args: tuple) -> tuple:
    return tuple(dual if isinstance(a, Dual) else real for a in args)


def _lowered(function: Any, count: int, code: Callable) -> None:
    kinds = [(Dual,)] if count == 1 else [(Dual, Dual), (Dual, types.Any), (types.Any, Dual)]
    for kind in kinds:
        lower_builtin(function, *kind)(code)


# ---- arithmetic ----------------------------------------------------------------------------------------------------------------------


def _add(b, u, du, v, dv, value):
    return dv if du is None else du if dv is None else b.fadd(du, dv)


def _sub(b, u, du, v, dv, value):
    return b.fneg(dv) if du is None else du if dv is None else b.fsub(du, dv)


def _mul(b, u, du, v, dv, value):
    first, second = None if du is None else b.fmul(du, v), None if dv is None else b.fmul(u, dv)
    return second if first is None else first if second is None else b.fadd(first, second)


def _div(b, u, du, v, dv, value):
    if dv is None:
        return b.fdiv(du, v)
    moved = b.fmul(value, dv)
    return b.fdiv(b.fneg(moved) if du is None else b.fsub(du, moved), v)


def _arithmetic(function: Any, rule: Callable) -> None:
    def code(context, builder, sig, args):
        (u, du), (v, dv) = (halves_of(context, builder, kind, arg) for kind, arg in zip(sig.args, args, strict=True))
        value, _ = _on_values(context, builder, function, sig, args)
        return dual_of(context, builder, value, rule(builder, u, du, v, dv, value))

    _typed(function, lambda context, args: signature(dual, *_as_reals(args)) if len(args) == 2 else None)
    _lowered(function, 2, code)


_function: Any
for _functions, _rule in (
    ((operator.add, operator.iadd), _add),
    ((operator.sub, operator.isub), _sub),
    ((operator.mul, operator.imul), _mul),
    ((operator.truediv, operator.itruediv), _div),
):
    for _function in _functions:
        _arithmetic(_function, _rule)


# ---- functions that are constant between jumps ---------------------------------------------------------------------------------------


def _constant(function: Any, count: int) -> None:
    def result(context, args):
        if len(args) != count:
            return None
        plain = context.resolve_function_type(function, tuple(_plain(a) for a in args), {})
        return None if plain is None else signature(plain.return_type, *args)

    def code(context, builder, sig, args):
        value, kind = _on_values(context, builder, function, sig, args)
        return context.cast(builder, value, kind, sig.return_type)

    _typed(function, result)
    _lowered(function, count, code)


for _function in (
    math.floor, math.ceil, math.trunc, math.isnan, math.isinf, math.isfinite, np.floor, np.ceil, np.trunc, np.rint, np.sign, np.isnan,
    np.isinf, np.isfinite, int, bool, operator.truth, operator.not_,
):  # fmt: skip
    _constant(_function, 1)
for _function in (
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne, operator.floordiv, operator.ifloordiv, np.floor_divide
):  # fmt: skip
    _constant(_function, 2)


# ---- smooth functions: the slope in each argument, from the arguments and the value ---------------------------------------------------

_TWO_BY_ROOT_PI = 2.0 / math.sqrt(math.pi)
# The slopes of functions of one argument, as functions of (x, value), so that what was computed is used again.
_SLOPES: tuple[tuple[tuple[Any, ...], Callable[[float, float], float]], ...] = (
    ((math.sin, np.sin), lambda x, y: math.cos(x)),
    ((math.cos, np.cos), lambda x, y: -math.sin(x)),
    ((math.tan, np.tan), lambda x, y: 1.0 + y * y),
    ((math.exp, np.exp), lambda x, y: y),
    ((np.exp2,), lambda x, y: y * 0.6931471805599453),
    ((math.expm1, np.expm1), lambda x, y: y + 1.0),
    ((math.log, np.log), lambda x, y: _quotient(1.0, x)),
    ((math.log2, np.log2), lambda x, y: _quotient(1.4426950408889634, x)),
    ((math.log10, np.log10), lambda x, y: _quotient(0.4342944819032518, x)),
    ((math.log1p, np.log1p), lambda x, y: _quotient(1.0, 1.0 + x)),
    ((math.sqrt, np.sqrt), lambda x, y: _quotient(0.5, y)),
    ((np.cbrt,), lambda x, y: _quotient(1.0, 3.0 * y * y)),
    ((math.sinh, np.sinh), lambda x, y: math.cosh(x)),
    ((math.cosh, np.cosh), lambda x, y: math.sinh(x)),
    ((math.tanh, np.tanh), lambda x, y: 1.0 - y * y),
    ((math.asin, np.arcsin), lambda x, y: _quotient(1.0, math.sqrt((1.0 - x) * (1.0 + x)))),
    ((math.acos, np.arccos), lambda x, y: _quotient(-1.0, math.sqrt((1.0 - x) * (1.0 + x)))),
    ((math.atan, np.arctan), lambda x, y: 1.0 / (1.0 + x * x)),
    ((math.asinh, np.arcsinh), lambda x, y: 1.0 / math.sqrt(1.0 + x * x)),
    ((math.acosh, np.arccosh), lambda x, y: _quotient(1.0, math.sqrt((x - 1.0) * (x + 1.0)))),
    ((math.atanh, np.arctanh), lambda x, y: _quotient(1.0, (1.0 - x) * (1.0 + x))),
    ((math.erf,), lambda x, y: _TWO_BY_ROOT_PI * math.exp(-x * x)),
    ((math.erfc,), lambda x, y: -_TWO_BY_ROOT_PI * math.exp(-x * x)),
    ((abs, operator.abs, math.fabs, np.abs, np.fabs), lambda x, y: 0.0 if x == 0.0 else math.copysign(1.0, x)),
    ((operator.neg, np.negative), lambda x, y: -1.0),
    ((operator.pos, float, np.positive), lambda x, y: 1.0),
    ((np.square,), lambda x, y: 2.0 * x),
    ((np.reciprocal,), lambda x, y: -y * y),
)


def _power_slope(x, p, y):
    return 0.0 if p == 0 else p * x ** (p - 1)


def _exponent_slope(x, p, y):
    return y * math.log(x) if x > 0.0 else 0.0 if x == 0.0 and p > 0.0 else math.nan


def _remainder_slope(x, m, y):
    return -math.floor(_quotient(x, m)) * 1.0 if math.isfinite(_quotient(x, m)) else math.nan


def _truncated_slope(x, m, y):
    return -np.trunc(_quotient(x, m))


def _one(x, z, y):
    return 1.0


# The slopes of functions of two arguments, as functions of (x, z, value).
_PAIRS: tuple[tuple[tuple[Any, ...], Callable, Callable], ...] = (
    ((operator.pow, operator.ipow, math.pow, np.power), _power_slope, _exponent_slope),
    ((operator.mod, operator.imod, np.mod, np.remainder), _one, _remainder_slope),
    ((np.fmod,), _one, _truncated_slope),
    ((math.atan2, np.arctan2), lambda x, z, y: _quotient(z, x * x + z * z), lambda x, z, y: _quotient(-x, x * x + z * z)),
    ((math.hypot, np.hypot), lambda x, z, y: _quotient(x, y), lambda x, z, y: _quotient(z, y)),
    ((math.copysign, np.copysign), lambda x, z, y: math.copysign(1.0, x) * math.copysign(1.0, z), lambda x, z, y: 0.0),
    ((np.minimum, np.fmin, min), lambda x, z, y: 1.0 if x <= z else 0.0, lambda x, z, y: 0.0 if x <= z else 1.0),
    ((np.maximum, np.fmax, max), lambda x, z, y: 1.0 if x >= z else 0.0, lambda x, z, y: 0.0 if x >= z else 1.0),
)


def _smooth(function: Any, slopes: tuple[Callable, ...]) -> None:
    count = len(slopes)

    def result(context, args):
        if len(args) != count:
            return None
        if context.resolve_function_type(function, tuple(_plain(a) for a in args), {}) is None:
            return None
        # A whole exponent stays one: x**2 is x * x and not exp(2 log x), which has no value at -1.
        return signature(dual, *(dual if isinstance(a, Dual) else a for a in args))

    def code(context, builder, sig, args):
        plain, kind = _on_values(context, builder, function, sig, args)
        value = context.cast(builder, plain, kind, real)
        kinds = [_plain(k) for k in sig.args]
        parts = [halves_of(context, builder, k, a) for k, a in zip(sig.args, args, strict=True)]
        numbers, total = [v for v, _ in parts], None
        for (_, derivative), slope in zip(parts, slopes, strict=True):
            if derivative is None:
                continue
            factor = context.compile_internal(builder, slope, real(*kinds, real), [*numbers, value])
            # What does not move adds nothing, even where the slope is not finite.
            zero = ir.Constant(ir.DoubleType(), 0.0)
            still = builder.fcmp_ordered("==", derivative, zero)
            term = builder.select(still, derivative, builder.fmul(derivative, factor))
            total = term if total is None else builder.fadd(total, term)
        return dual_of(context, builder, value, total)

    _typed(function, result)
    _lowered(function, count, code)


for _functions, _slope in _SLOPES:
    for _function in _functions:
        _smooth(_function, (_slope,))
for _functions, _first, _second in _PAIRS:
    for _function in _functions:
        _smooth(_function, (_first, _second))
