"""The one form in which kernels see a log density: a C address, its user data, and what must stay alive behind them."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import float64, int64, types, uint64

from weakchaos.core.errors import SamplingError
from weakchaos.native.compiled import address_of, call_density, kernel

__all__ = ["DENSITY", "FAILED", "CDensity", "evaluate", "evaluate_rows", "fills_gradient"]

DENSITY = int64(uint64, types.CPointer(float64), types.CPointer(float64), types.CPointer(float64), types.voidptr)
FAILED = 1


class CDensity:
    """A log density as a C function: its address, its user data, and what must stay alive behind them.

    Attributes
    ----------
    address, user_data : int
    has_gradient : bool
    """

    def __init__(self, address: int | None, user_data: int, has_gradient: bool, keep: Any, retry: Callable[[], Any] | None = None):
        self.address, self.user_data, self.has_gradient = int(address or 0), int(user_data), has_gradient
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
        if error is None and self.retry is not None:
            error = SamplingError(
                "the compiled log density raised an exception where Python raises none: mostly a division by zero, which is infinite with "
                "NumPy's numbers; guard it, or compile the function by njit(error_model='numpy')"
            )
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


@kernel
def _evaluate_rows(address, user_data, x, grad, values):
    logp = np.empty(1)
    for t in range(x.shape[0]):
        status = call_density(address, np.uint64(x.shape[1]), address_of(x[t]), address_of(grad[t]), address_of(logp), user_data)
        if status != 0:
            return status
        values[t] = logp[0]
    return 0


def evaluate_rows(density: CDensity, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The log density at each row of `x`, shape (n,), and its gradients, shape (n, dim), in one compiled loop.

    Raises
    ------
    Exception
        What the user's function raised.
    """
    x = np.ascontiguousarray(x, np.float64)
    grad, values = np.empty_like(x), np.empty(len(x))
    if _evaluate_rows(np.uint64(density.address), np.uint64(density.user_data), x, grad, values) != 0:
        density.raise_pending()
    return values, grad


def fills_gradient(function: Any, n_data: int) -> bool:
    """Whether a function writes the gradient in place, ``f(x, out, *data)``, and does not return it, ``f(x, *data)``.

    The number of its parameters tells; where defaults or star arguments allow both, it returns the gradient.

    Examples
    --------
    >>> fills_gradient(lambda x, out, scale: None, 1), fills_gradient(lambda x, scale: None, 1)
    (True, False)
    """
    try:
        signature = inspect.signature(getattr(function, "py_func", function))
    except (TypeError, ValueError):
        return False
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = signature.parameters.values()
    least = sum(p.kind in kinds and p.default is p.empty for p in parameters)
    most = sum(p.kind in kinds for p in parameters)
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        most = n_data + 2
    return least <= n_data + 2 <= most and not least <= n_data + 1 <= most
