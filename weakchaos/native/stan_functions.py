"""Log densities behind BridgeStan's C functions, in the form kernels call: the model's address and a few words instead of Python.

``int bs_log_density_gradient(model, bool propto, bool jacobian, const double* x, double* value, double* gradient, char** message)``
(Roualdes et al., J. Open Source Softw. 8 (2023) 5236, doi:10.21105/joss.05236), and ``bs_log_density`` without the gradient.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core.ccallback import CFunc
from numba.extending import intrinsic

from weakchaos.native.c_density import DENSITY, CDensity
from weakchaos.native.compiled import address_of, c_function

__all__ = ["from_bridgestan"]

_intrinsic: Any = intrinsic


@_intrinsic
def _call_stan(typingctx, function, model, x, value, gradient, message):
    """Call with propto and jacobian true; where `gradient` is 0 the function is the one that takes none."""

    def codegen(context, builder, signature, args):
        function, model, x, value, gradient, message = args
        word, flag = ir.IntType(64), ir.IntType(32)
        # All pointers are words here, and a C bool is a register that holds 0 or 1: the calling convention is the same.
        true = ir.Constant(flag, 1)
        result = builder.alloca(flag)
        with builder.if_else(builder.icmp_unsigned("==", gradient, ir.Constant(word, 0))) as (without, with_one):
            with without:
                kind = ir.FunctionType(flag, [word, flag, flag, word, word, word])
                target = builder.inttoptr(function, kind.as_pointer())
                builder.store(builder.call(target, [model, true, true, x, value, message]), result)
            with with_one:
                kind = ir.FunctionType(flag, [word, flag, flag, word, word, word, word])
                target = builder.inttoptr(function, kind.as_pointer())
                builder.store(builder.call(target, [model, true, true, x, value, gradient, message]), result)
        return builder.sext(builder.load(result), word)

    u = types.uint64
    return types.int64(u, u, u, u, u, u), codegen


@_intrinsic
def _free(typingctx, function, message):
    def codegen(context, builder, signature, args):
        word = ir.IntType(64)
        target = builder.inttoptr(args[0], ir.FunctionType(ir.VoidType(), [word]).as_pointer())
        builder.call(target, [args[1]])
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64), codegen


def _stan_density(dim, x, grad, logp, user_data):
    words = carray(user_data, (4,), dtype=np.uint64)
    message, position, value, slope = np.zeros(1, np.uint64), carray(x, (dim,)), carray(logp, (1,)), carray(grad, (dim,))
    gradient = address_of(slope)
    function = words[0] if gradient == 0 else words[1]
    status = _call_stan(function, words[2], address_of(position), address_of(value), gradient, address_of(message))
    if status != 0:
        # Stan's reject() and domain errors mean that there is no density at this place: a rejection, as in Stan's own samplers.
        value[0] = -np.inf
        if message[0] != 0:
            _free(words[3], message[0])
    return 0


_compiled: list[CFunc] = []
_lock = threading.Lock()


def from_bridgestan(log_density: int, log_density_gradient: int, model: int, free_message: int, keep: Any) -> CDensity:
    """The C form of a model's log density (up to a constant, with the Jacobian of its transforms), from the addresses of C functions."""
    with _lock:
        if not _compiled:
            _compiled.append(c_function(_stan_density, DENSITY))
    words = np.array([log_density, log_density_gradient, model, free_message], np.uint64)
    return CDensity(_compiled[0].address, words.ctypes.data, True, (keep, words))
