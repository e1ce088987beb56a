"""Whatever the user has becomes one C pointer type: ``int64 f(uint64 dim, double* x, double* grad, double* logp, void* user_data)``.

Accepted are numba functions, plain Python functions, numba ``@cfunc`` objects, ctypes functions, ``scipy.LowLevelCallable`` and bare C
addresses. Data go by address, so a change of the array is seen by the next call and nothing is frozen into machine code. A status
other than 0 stops the run; `CDensity.raise_pending` then raises what the user's function raised, with its own traceback.
"""

from __future__ import annotations

from typing import Any

from numba.core.dispatcher import Dispatcher

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.native.c_density import DENSITY, CDensity, evaluate
from weakchaos.native.c_functions import from_c, is_c_function, with_finite_differences
from weakchaos.native.numba_functions import from_numba
from weakchaos.native.python_functions import from_python

__all__ = ["DENSITY", "CDensity", "as_c_density", "evaluate", "with_finite_differences"]


def as_c_density(logp: Any, dim: int, grad: Any = None, logp_and_grad: Any = None, data: Any = None) -> CDensity:
    """The C form of a log density.

    Parameters
    ----------
    logp : callable, address, CFunc, ctypes function or scipy.LowLevelCallable
        ``logp(x, *data) -> float``. A C function gives its gradient by the same call.
    dim : int
    grad : callable, optional
        ``grad(x, *data) -> array`` or, in place, ``grad(x, out, *data)``.
    logp_and_grad : callable, optional
        ``logp_and_grad(x, *data) -> (float, array)`` or, in place, ``logp_and_grad(x, out, *data) -> float``; `logp` may then be None.
    data : tuple of arrays and numbers, optional
        Reached by address: a later change of an array in place is seen. For a C function, one array or an address.

    Raises
    ------
    ArgumentTypeError, ArgumentError
        When nothing callable was given or functions of different kinds are mixed.

    Examples
    --------
    >>> import numpy as np
    >>> evaluate(as_c_density(lambda x, scale: -scale * float(x @ x), 2, data=(0.5,)), np.ones(2))[0]
    -1.0
    """
    named = {"logp": logp, "grad": grad, "logp_and_grad": logp_and_grad}
    given = {name: function for name, function in named.items() if function is not None}
    if logp is None and logp_and_grad is None:
        raise ArgumentTypeError("`logp` or `logp_and_grad` is required: a function of the position that returns the log density")
    if isinstance(data, list):
        raise ArgumentTypeError(f"`data` must be a tuple of arrays and numbers, or one array; got the list {shown(data)}")
    if is_c_function(logp):
        if len(given) > 1:
            raise ArgumentError("`grad` and `logp_and_grad` must be None when `logp` is a C function: it gives its gradient itself")
        return from_c(logp, data)
    for name, function in given.items():
        if not callable(function) or is_c_function(function):
            raise ArgumentTypeError(
                f"`{name}` must be a function{', a C address, a numba cfunc or a scipy LowLevelCallable' * (name == 'logp')}; "
                f"got {shown(function)}"
            )
    # Numba functions in object mode hold Python objects: they are called as Python functions.
    jitted = [isinstance(f, Dispatcher) and not f.targetoptions.get("forceobj") for f in given.values()]
    make = from_numba if all(jitted) else from_python
    return make(logp, grad, logp_and_grad, dim, data)
