"""The user's own maps and flows, from numba functions, plain Python functions or C functions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from weakchaos.core.arguments import MOST_COORDINATES, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.native.c_maps import CMap
from weakchaos.native.dual_map import with_dual_numbers
from weakchaos.native.user_maps import as_c_map
from weakchaos.systems.base import CompiledSystem, check_function
from weakchaos.systems.derivatives import Linearisation, linearisation
from weakchaos.systems.flow import Flow
from weakchaos.systems.linearised import with_differences, with_jacobian
from weakchaos.systems.runge_kutta import SYMPLECTIC

__all__ = ["UserFlow", "UserMap"]


class UserEquations(CompiledSystem):
    """The common part of the user's maps and flows: ``f(u, out)``, its Jacobian if there is one, and a start."""

    def __init__(self, name: str, function: Any, dim: Any, initial: Any, jacobian: Any):
        self.dim = whole_number("dim", dim, 1, MOST_COORDINATES)
        self.function, self.jacobian = function, jacobian
        self._name = name
        self._made: Linearisation | None = None
        self._pointer()  # what is wrong with the functions shows here and not at the first step
        self._initial = initial if callable(initial) else None if initial is None else self.checked_position(initial)
        check_function(name, self._pointer()[0], self.initial(np.random.default_rng(0)))

    def __repr__(self) -> str:
        function = getattr(self.function, "__name__", self.function)
        return f"{type(self).__name__}({function}, dim={self.dim})"

    def _pointer(self) -> tuple[CMap, CMap | None]:
        function = as_c_map(self._name, self.function, self.dim)
        return function, None if self.jacobian is None else as_c_map("jacobian", self.jacobian, self.dim, square=True)

    @property
    def derivative(self) -> str:
        """How the linearised map is computed: ``"jacobian"``, ``"dual numbers"`` (exact) or ``"differences"``."""
        return self._linearisation().kind

    def _linearisation(self) -> Linearisation:
        # Made once and kept: the function is compiled for dual numbers and checked when the first derivative is asked for.
        if self._made is None:
            self._made = linearisation(self)
        return self._made

    def equations(self, k: int = 0) -> CMap:
        """The user's function with its derivative along `k` vectors, as a C function of dim (1 + k) numbers."""
        function, jacobian = self._pointer()
        if k == 0:
            return function
        found = self._linearisation()
        if found.kind == "jacobian" and jacobian is not None:
            made = with_jacobian(function, jacobian, self.dim)
        elif found.kind == "dual numbers":
            made = with_dual_numbers(self.function, self.dim) or function
        else:
            made = with_differences(function, self.dim, found.scale, found.reach)
        doubt = found.doubt
        return made if doubt is None else replace(made, remarks=lambda: [doubt, *made.take_remarks()])

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
    f : numba function, plain Python function, numba cfunc of signature `weakchaos.native.c_maps.MAP`, or C address
        ``f(u, out)`` writes the image of `u` into `out`, both of shape (dim,). A numba function is compiled once, in a fraction of a
        second, and runs at full speed; a Python function takes some microseconds per call.
    dim : int
    initial : array of shape (dim,) or callable, optional
        The start of every orbit, or ``initial(rng)``; uniform in the unit cube when not given.
    jacobian : as `f`, optional
        ``jacobian(u, J)`` writes the matrix of derivatives into `J` of shape (dim, dim), which holds zeros; J[i, j] is that of out[i] by
        u[j]. Without it, a numba function that uses single entries of `u` and does arithmetic with them is compiled for dual numbers, whose
        derivatives are exact. For all other functions derivatives are differences along each vector, in steps of 6e-6 of the distance that an
        orbit moves in each coordinate (relative error about 1e-10); the steps are shorter where `f` jumps. ``derivative`` says which.

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


class UserFlow(UserEquations, Flow):
    """A flow of your own, x' = rhs(x).

    Parameters
    ----------
    rhs : numba function, plain Python function, numba cfunc of signature `weakchaos.native.c_maps.MAP`, or C address
        ``rhs(u, out)`` writes the time derivative at `u` into `out`, both of shape (dim,).
    dim : int
    initial : array of shape (dim,) or callable, optional
        The start of every orbit, or ``initial(rng)``; uniform in the unit cube when not given.
    jacobian : as `rhs`, optional
        ``jacobian(u, J)`` writes the matrix of derivatives into `J` of shape (dim, dim), which holds zeros. Without it, as for `UserMap`,
        derivatives are exact by dual numbers if the function compiles for them, and differences otherwise. ``derivative`` says which.
    step : float
        Units of time between two draws, and the step size of the integrator (of ``"dop853"``: the largest).
    method : str
        ``"rk4"``, ``"dop853"`` (adaptive, order 8), or, for a state (q, p) with q' = f(p) and p' = g(q), the symplectic ``"symplectic4"``
        and ``"leapfrog"``.
    tolerance : float
        Local error of ``"dop853"`` in each coordinate x, relative to |x| + 1, or to |x| + the largest coordinate if all are below 1.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> def oscillator(u, out):
    ...     out[0], out[1] = u[1], -u[0]
    >>> flow = UserFlow(oscillator, 2, initial=[1.0, 0.0], step=0.1, method="dop853")
    >>> flow.advance(flow.start(), 10, 10).round(6).tolist()
    [[0.540302, -0.841471]]
    """

    def __init__(
        self,
        rhs: Any,
        dim: int,
        initial: Any = None,
        jacobian: Any = None,
        step: float = 0.01,
        method: str = "rk4",
        tolerance: float = 1e-9,
    ):
        if rhs is None:
            raise ArgumentTypeError("`rhs` is required: a function rhs(u, out) that writes the time derivative at u into out")
        self.step, self.method, self.tolerance, self.separable = step, method, tolerance, method in SYMPLECTIC
        super().__init__("rhs", rhs, dim, initial, jacobian)
        self.check_integrator()
        if self.separable:
            self._check_separable()

    def _check_separable(self) -> None:
        """Refuse equations that a splitting method would silently get wrong."""
        half = self.dim // 2
        rng = np.random.default_rng(0)
        place = self.initial(rng)
        coordinates, momenta = place.copy(), place.copy()
        coordinates[:half] += rng.uniform(0.01, 0.02, half)
        momenta[half:] += rng.uniform(0.01, 0.02, self.dim - half)
        here = self.vector_field(place)
        same = np.array_equal(self.vector_field(coordinates)[:half], here[:half]) and np.array_equal(
            self.vector_field(momenta)[half:], here[half:]
        )
        if self.dim % 2 or not same:
            raise ArgumentError(
                f"`method` {self.method!r} needs a state (q, p), half coordinates and half momenta, with q' = f(p) and p' = g(q); "
                "these equations are of another form: take 'rk4' or 'dop853'"
            )
