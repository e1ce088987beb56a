"""The one result type of the diagnostics."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

__all__ = ["NoStandardError", "Result"]


class NoStandardError(str):
    """Among the warnings of a result, why its value has no standard error; tables leave it out, since an empty cell says it."""


@dataclass(frozen=True)
class Result:
    """An estimate with its standard error, the curve from which it was read, its parameters and its warnings; ``float(result)`` is its value.

    Attributes
    ----------
    value : float
        Entropies and exponents are in nats (per step, per symbol or per unit time).
    stderr : float or None
        Standard error; None if the data allow none, with the reason among the warnings.
    curve : tuple of two arrays
        The curve from which the value was read: abscissae and ordinates.
    fit_range : tuple of two floats or None
        The part of the curve that was used.
    parameters : dict
        The parameters of the estimate, including those that were chosen automatically.
    warnings : tuple of str
        Why the value may not mean what its name says; empty if nothing speaks against it.
    """

    value: float
    stderr: float | None = None
    curve: tuple[np.ndarray, np.ndarray] = (np.empty(0), np.empty(0))
    fit_range: tuple[float, float] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __float__(self) -> float:
        return float(self.value)

    def in_base(self, base: float) -> Result:
        """The same in logarithms to another base (2 for bits).

        Examples
        --------
        >>> float(Result(math.log(2)).in_base(2))
        1.0
        """
        unit = math.log(base)
        return replace(
            self,
            value=self.value / unit,
            stderr=None if self.stderr is None else self.stderr / unit,
            curve=(self.curve[0], self.curve[1] / unit),
            parameters={**self.parameters, "base": base},
        )
