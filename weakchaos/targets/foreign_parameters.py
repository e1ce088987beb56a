"""Parameters that other software computes from its own coordinates: those of a PyMC model, or of a Stan program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from weakchaos.core.variables import Variables

__all__ = ["ForeignParameters"]


class ForeignParameters(Variables):
    """Variables whose transforms, and whose log-Jacobian, are the business of whoever made the log density.

    Parameters
    ----------
    shapes, dims, coords :
        As in `Variables`.
    coordinates : sequence of str
        Names of the coordinates.
    constrain : callable
        ``constrain(x of shape (m, dim)) -> array of shape (m, size)``; called by several threads.
    place : callable
        ``place(value, argument) -> array of shape (dim,)``: coordinates of a place given by values of the variables.
    """

    of_coordinates = True  # the log density is one of coordinates

    def __init__(self, shapes: Any, dims: Any, coords: Any, coordinates: Sequence[str], constrain: Callable, place: Callable):
        super().__init__(shapes, dims, coords)
        self.coordinates, self.dim = list(coordinates), len(coordinates)
        self._constrain, self._place = constrain, place

    def constrain(self, x: Any) -> np.ndarray:
        """The variables, shape (..., size), at coordinates of shape (..., dim)."""
        array = np.ascontiguousarray(x, np.float64)
        values = self._constrain(array.reshape(-1, self.dim))
        return np.asarray(values, np.float64).reshape((*array.shape[:-1], self.size))

    def place(self, value: Any, argument: str) -> np.ndarray:
        """The coordinates, shape (dim,), of a place given by values of the variables."""
        return np.array(self._place(value, argument), np.float64)
