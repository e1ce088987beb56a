"""A `Density` that other software has compiled: it comes as a C function of coordinates, with parameters that this software computes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.native.c_density import CDensity
from weakchaos.targets.density import Density
from weakchaos.targets.foreign_parameters import ForeignParameters

__all__ = ["ForeignDensity"]


class ForeignDensity(Density):
    """A density behind a C function whose user data and errors are already in place.

    Parameters
    ----------
    pointer : CDensity
    parameters : ForeignParameters
    start : callable
        ``start(rng) -> coordinates``, shape (dim,).
    name : str
    complaint : callable, optional
        ``complaint(x) -> str or None``: what the software says against coordinates without a density.
    """

    def __init__(
        self, pointer: CDensity, parameters: ForeignParameters, start: Callable, name: str, complaint: Callable | None = None
    ):
        self._foreign, self._complaint = pointer, complaint
        super().__init__(pointer.address, shapes=parameters, start=start, name=name)

    def _of_coordinates(self) -> CDensity:
        return self._foreign

    @property
    def chooses_starts(self) -> bool:
        """No: where the software draws starts at random, they may be as far out as any others."""
        return False

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """A position of finite log density, shape (dim,); where there is none the error says why."""
        try:
            return super().random_start(rng)
        except ArgumentError as error:
            said = self._complaint(self._start(rng)) if self._complaint is not None else None
            raise ArgumentError(f"{error}; the program says: {said}") if said else error from None

    def __getstate__(self) -> dict:
        raise ArgumentTypeError(
            f"{self!r} holds functions of another library, which cannot be sent to another process: use threads (executor=None)"
        )
