"""Vectors of dual numbers: elements, slices, length and shape, as a user's function of an array asks for them."""

from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, infer_global, signature
from numba.extending import lower_builtin, lower_getattr

from weakchaos.native.dual import NUMBERS, READ_ONLY, WRITABLE, Dual, DualVector, dual, dual_of, halves_of

__all__ = ["READ_ONLY", "WRITABLE", "DualVector", "dual"]


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, args, kws):
        vector, index = args
        if isinstance(vector, DualVector) and isinstance(index, types.Integer):
            return signature(dual, vector, types.intp)
        if isinstance(vector, DualVector) and index is types.slice2_type:
            return signature(vector, vector, index)
        return None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    def generic(self, args, kws):
        vector, index, value = args
        if not isinstance(vector, DualVector) or not vector.writable:
            return None
        if isinstance(index, types.Integer) and isinstance(value, (Dual, *NUMBERS)):
            return signature(types.none, vector, types.intp, dual)
        if index is types.slice2_type and isinstance(value, (Dual, *NUMBERS)):
            return signature(types.none, vector, index, dual)
        if index is types.slice2_type and isinstance(value, DualVector):
            return signature(types.none, vector, index, value)
        return None


@infer_global(len)
class _Len(AbstractTemplate):
    def generic(self, args, kws):
        return signature(types.intp, *args) if len(args) == 1 and isinstance(args[0], DualVector) else None


@infer_getattr
class _Attributes(AttributeTemplate):
    key = DualVector

    def resolve_size(self, vector):
        return types.intp

    def resolve_shape(self, vector):
        return types.UniTuple(types.intp, 1)

    def resolve_ndim(self, vector):
        return types.intp


def _unpacked(context, builder, kind, value):
    return cgutils.create_struct_proxy(kind)(context, builder, value)


def _places(builder, vector, index):
    """Where the entry is; a negative index counts from the end."""
    below = builder.icmp_signed("<", index, ir.Constant(index.type, 0))
    index = builder.select(below, builder.add(index, vector.size), index)
    return builder.gep(vector.values, [index]), builder.gep(vector.derivatives, [index])


@lower_builtin(operator.getitem, DualVector, types.Integer)
def _get(context, builder, sig, args):
    value, derivative = _places(builder, _unpacked(context, builder, sig.args[0], args[0]), args[1])
    return dual_of(context, builder, builder.load(value), builder.load(derivative))


@lower_builtin(operator.setitem, DualVector, types.Integer, Dual)
def _set(context, builder, sig, args):
    value, derivative = _places(builder, _unpacked(context, builder, sig.args[0], args[0]), args[1])
    v, d = halves_of(context, builder, dual, args[2])
    builder.store(v, value)
    builder.store(d, derivative)
    return context.get_dummy_value()


def _part(context, builder, kind, value, index_kind, index):
    """The part of a vector that a slice names."""
    from numba.cpython.slicing import fix_slice, get_slice_length

    whole, cut = _unpacked(context, builder, kind, value), context.make_helper(builder, index_kind, index)
    fix_slice(builder, cut, whole.size)
    part = cgutils.create_struct_proxy(kind)(context, builder)
    part.values, part.derivatives = builder.gep(whole.values, [cut.start]), builder.gep(whole.derivatives, [cut.start])
    part.size = get_slice_length(builder, cut)
    return part


@lower_builtin(operator.getitem, DualVector, types.SliceType)
def _get_part(context, builder, sig, args):
    return _part(context, builder, sig.args[0], args[0], sig.args[1], args[1])._getvalue()


@lower_builtin(operator.setitem, DualVector, types.SliceType, Dual)
def _fill(context, builder, sig, args):
    part = _part(context, builder, sig.args[0], args[0], sig.args[1], args[1])
    v, d = halves_of(context, builder, dual, args[2])
    with cgutils.for_range(builder, part.size) as loop:
        builder.store(v, builder.gep(part.values, [loop.index]))
        builder.store(d, builder.gep(part.derivatives, [loop.index]))
    return context.get_dummy_value()


@lower_builtin(operator.setitem, DualVector, types.SliceType, DualVector)
def _copy(context, builder, sig, args):
    part, other = (
        _part(context, builder, sig.args[0], args[0], sig.args[1], args[1]),
        _unpacked(context, builder, sig.args[2], args[2]),
    )
    with builder.if_then(builder.icmp_signed("!=", part.size, other.size), likely=False):
        context.call_conv.return_user_exc(builder, ValueError, ("cannot assign slice from input of different size",))
    with cgutils.for_range(builder, part.size) as loop:
        for here, there in ((other.values, part.values), (other.derivatives, part.derivatives)):
            builder.store(builder.load(builder.gep(here, [loop.index])), builder.gep(there, [loop.index]))
    return context.get_dummy_value()


@lower_builtin(len, DualVector)
def _length(context, builder, sig, args):
    return _unpacked(context, builder, sig.args[0], args[0]).size


@lower_getattr(DualVector, "size")
def _size(context, builder, kind, value):
    return _unpacked(context, builder, kind, value).size


@lower_getattr(DualVector, "shape")
def _shape(context, builder, kind, value):
    return context.make_tuple(builder, types.UniTuple(types.intp, 1), [_unpacked(context, builder, kind, value).size])


@lower_getattr(DualVector, "ndim")
def _ndim(context, builder, kind, value):
    return context.get_constant(types.intp, 1)
