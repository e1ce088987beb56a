"""The user's own maps and flows, from numba functions, plain Python functions or C functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentTypeError
from weakchaos.systems.base import CompiledSystem
from weakchaos.systems.linearised import with_differences, with_jacobian
from weakchaos.systems.pointers import CMap
from weakchaos.systems.user_functions import as_c_map

__all__ = ["UserMap"]


class UserEquations(CompiledSystem):
    """What the user's maps and flows share: ``f(u, out)``, its Jacobian if there is one, and a start."""

    def __init__(self, name: str, function: Any, dim: Any, initial: Any, jacobian: Any):
        self.dim = whole_number("dim", dim, 1)
        self.function, self.jacobian = function, jacobian
        self._name = name
        self._pointer()  # what is wrong with the functions shows here and not at the first step
        self._initial = initial if callable(initial) else None if initial is None else self.checked_position(initial)

    def __repr__(self) -> str:
        function = getattr(self.function, "__name__", self.function)
        return f"{type(self).__name__}({function}, dim={self.dim})"

    def _pointer(self) -> tuple[CMap, CMap | None]:
        function = as_c_map(self._name, self.function, self.dim)
        return function, None if self.jacobian is None else as_c_map("jacobian", self.jacobian, self.dim, square=True)

    @property
    def derivative(self) -> str:
        """Where the linearised map comes from: ``"jacobian"`` or ``"central differences"``."""
        return "central differences" if self.jacobian is None else "jacobian"

    def equations(self, k: int = 0) -> CMap:
        """The user's function with its derivative along `k` vectors, as a C function of dim (1 + k) numbers."""
        function, jacobian = self._pointer()
        return with_differences(function, self.dim) if jacobian is None else with_jacobian(function, jacobian, self.dim)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """The start given at construction; without one, uniform in the unit cube."""
        if self._initial is None:
            return rng.uniform(0.0, 1.0, self.dim)
        if callable(self._initial):
            return self.checked_position(self._initial(rng))
        return self._initial.copy()


class UserMap(UserEquations):
    """A map of your own, x -> f(x).

    Parameters
    ----------
    f : numba function, plain Python function, numba cfunc of signature `weakchaos.systems.pointers.MAP`, or C address
        ``f(u, out)`` writes the image of `u` into `out`, both of shape (dim,). A numba function is compiled once, in a fraction of a
        second, and runs at full speed; a Python function costs some microseconds a call.
    dim : int
    initial : array of shape (dim,) or callable, optional
        The start of every orbit, or ``initial(rng)``; uniform in the unit cube when not given.
    jacobian : as `f`, optional
        ``jacobian(u, J)`` writes the matrix of derivatives into `J` of shape (dim, dim), which holds zeros; J[i, j] is that of out[i] by
        u[j]. Without it derivatives are central differences along each vector (relative error about 1e-10; wrong where `f` jumps
        between the two points). ``derivative`` says which.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> def doubling(u, out):
    ...     out[0] = 2 * u[0] % 1
    >>> UserMap(doubling, 1, initial=[0.3]).advance(UserMap(doubling, 1, initial=[0.3]).start(), 2).round(6).tolist()
    [[0.6], [0.2]]
    """

    def __init__(self, f: Any, dim: int, initial: Any = None, jacobian: Any = None):
        if f is None:
            raise ArgumentTypeError("`f` is required: a function f(u, out) that writes the image of u into out")
        super().__init__("f", f, dim, initial, jacobian)
