"""A flow as a system: the map that one step of time makes of a vector field."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.native.c_maps import CMap
from weakchaos.systems.base import CompiledSystem, NativeMap
from weakchaos.systems.runge_kutta import METHODS, SYMPLECTIC, stepper

__all__ = ["Flow", "NativeFlow"]


class Flow(CompiledSystem):
    """Base class of all flows: `equations` is a vector field, and one step of `advance` takes `step` units of time.

    Attributes
    ----------
    step : float
        Units of time between two draws, and the step size of the integrator (for ``"dop853"`` the largest step size).
    method : str
        ``"rk4"``, ``"dop853"``, ``"symplectic4"`` or ``"leapfrog"``; the last two for states (q, p) with q' = f(p), p' = g(q).
    tolerance : float
        Local error of ``"dop853"`` in each coordinate x, relative to |x| + 1, or to |x| + the largest coordinate if all are below 1.
    """

    step: float
    method: str
    tolerance: float
    separable: bool = False

    def check_integrator(self) -> None:
        """Refuse an integrator that cannot be used."""
        for name in ("step", "tolerance"):
            if not real_number(name, getattr(self, name)) > 0:
                raise ArgumentError(f"`{name}` must be positive; got {shown(getattr(self, name))}")
        if self.method not in METHODS:
            raise ArgumentError(f"`method` must be one of {', '.join(METHODS)}; got {shown(self.method)}")
        if self.method in SYMPLECTIC and not self.separable:
            raise ArgumentError(
                f"`method` {self.method!r} needs a state (q, p) with q' = f(p) and p' = g(q), which {type(self).__name__} is not; take 'rk4' or 'dop853'"
            )

    @property
    def time_step(self) -> float:  # type: ignore[override]
        """Units of time one step of `advance` takes."""
        return self.step

    def c_map(self, k: int = 0) -> CMap:
        """The map of one step of time with its derivative along `k` vectors, as a C function of dim (1 + k) numbers; made anew for each thread."""
        return stepper(self.equations(k), self.dim, k, self.method, self.step, self.tolerance)

    def half_map(self, k: int = 0) -> CMap:
        """The map of half a time step; two half steps should agree with one whole step."""
        return stepper(self.equations(k), self.dim, k, self.method, 0.5 * self.step, self.tolerance)

    def vector_field(self, state: Any) -> Any:
        """The time derivative at a state of shape (dim,)."""
        z, out = self.checked_position(state), np.empty((1, self.dim))
        self._move(self.equations(), z, 1, out)
        return out[0]


class NativeFlow(Flow, NativeMap):
    """Base of the flows whose vector fields are compiled C functions of this package."""

    def __post_init__(self):
        self.check_integrator()
        for name, value in vars(self).items():
            if isinstance(value, float):
                real_number(name, value)
