"""The one result type of the diagnostics."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

__all__ = ["NoStandardError", "Result"]


_SHOWN = 12  # entries of an array that are printed one by one


class NoStandardError(str):
    """Among the warnings of a result, why its value has no standard error; tables leave it out, since an empty cell says it."""


def _is_empty(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.size == 0
    return value is None or (isinstance(value, tuple | dict) and (not value or all(_is_empty(v) for v in value)))


def _brief(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, np.ndarray):
        return f"<array of shape {value.shape}>" if value.size > _SHOWN else np.array2string(value, precision=6, separator=", ")
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_brief, value)) + ")"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_brief(v)}" for key, v in value.items()) + "}"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        """All fields that hold something, long arrays by their shapes."""
        parts = [(f.name, getattr(self, f.name)) for f in fields(self)]
        said = ", ".join(f"{name}={_brief(value)}" for name, value in parts if name == "value" or not _is_empty(value))
        return f"{type(self).__name__}({said})"

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
