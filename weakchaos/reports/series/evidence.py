"""Rows of a report on a series: one measured quantity each, with what speaks for and against it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from weakchaos.core.arguments import is_integer
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.result import NoStandardError

__all__ = ["Evidence"]


def _finite(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


T = TypeVar("T")


@dataclass
class Evidence(Generic[T]):
    """What was measured so far.

    Attributes
    ----------
    rows : list of dict
        Keys ``part``, ``quantity``, ``value``, ``unit``, ``stderr``, ``low``, ``high`` (95 %), ``p_value``, ``null`` (what the
        p-value would speak against), ``notes``.
    results : MeasuredNumbers or MeasuredSymbols
        The results themselves, for figures and for the verdict.
    """

    results: T
    rows: list[dict[str, Any]] = field(default_factory=list)
    part: str = ""

    def add(
        self,
        quantity: str,
        value: Any,
        unit: str = "",
        *,
        stderr: float | None = None,
        interval: tuple[float, float] | None = None,
        p_value: float | None = None,
        null: str = "",
        notes: Iterable[str] = (),
    ) -> None:
        """Add a row; numbers that are not finite become None, and integers stay integers."""
        low, high = interval or (None, None)
        self.rows.append(
            {
                "part": self.part,
                "quantity": quantity,
                "value": int(value) if is_integer(value) else value if isinstance(value, str) else _finite(value),
                "unit": unit,
                "stderr": _finite(stderr),
                "low": _finite(low),
                "high": _finite(high),
                "p_value": _finite(p_value),
                "null": null,
                "notes": list(dict.fromkeys(n for n in notes if not isinstance(n, NoStandardError))),
            }
        )

    def attempt(self, quantity: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The result of `function`; if the function refuses the series, None, and a row is added that says why."""
        try:
            with np.errstate(divide="ignore", invalid="ignore"):  # what comes of it is not finite and is shown as missing
                return function(*arguments, **options)
        except ArgumentError as error:
            self.add(quantity, None, notes=[f"not measured: {error}"])
            self.results.why[quantity] = str(error)  # type: ignore[attr-defined]
            return None
