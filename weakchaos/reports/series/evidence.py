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

__all__ = ["Evidence", "repetition"]


def repetition(x: np.ndarray, tolerance: float) -> tuple[int, int] | None:
    """Preperiod and period of a series whose second half repeats its period at least four times, within a tolerance; otherwise None.

    Three times would not be enough: sequences without a period, such as the Fibonacci word, contain repetitions of up to 3.618 periods
    everywhere (Mignosi and Pirillo, RAIRO Theor. Inform. Appl. 26 (1992) 199, doi:10.1051/ita/1992260301991).

    Examples
    --------
    >>> repetition(np.array([9.0, 8.0] + [1.0, 2.0, 3.0] * 9), 0.0)
    (2, 3)
    """
    tail = x[x.size // 2 :]
    first = tail[: min(64, tail.size)]
    for p in np.flatnonzero(np.abs(tail[1 : tail.size // 4 + 1] - tail[0]) <= tolerance) + 1:
        seen = tail[p : p + first.size]
        if (np.abs(seen - first[: seen.size]) > tolerance).any() or (np.abs(tail[p:] - tail[:-p]) > tolerance).any():
            continue
        unlike = np.flatnonzero(np.abs(x[p:] - x[:-p]) > tolerance)
        return (int(unlike[-1]) + 1 if unlike.size else 0), int(p)
    return None


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
            return None
