"""The columns of a comparison: titles, units, definitions, and how each value is written.

A value that was not measured is written ``-``; no cell is ever empty or NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["COLUMNS", "Column", "cell", "finite", "period_words", "searched", "slope_words"]


@dataclass(frozen=True)
class Column:
    """One column of a comparison."""

    key: str
    title: str
    unit: str
    definition: str
    page_only: bool = False  # too many for the width of a text table
    asked: bool = False  # measured on request only, and shown where it was


COLUMNS = (
    Column("sampler", "sampler", "", "the name the run was given"),
    Column("driver", "driver", "", "the stream of uniforms that feeds it; none for a sampler that draws no numbers"),
    Column("draws", "draws", "", "draws per repeat (sweeps of a Gibbs sampler), the first ones included"),
    Column("error", "error", "", "median over repeats after the last draw"),
    Column(
        "slope",
        "slope",
        "± se",
        "slope of log error against log draws, with its standard error over repeats: -1/2 for independent draws",
    ),
    Column(
        "lyapunov", "Lyapunov", "nats/draw", "largest Lyapunov exponent of the sampler and its stream together: positive is chaos"
    ),
    Column("entropy_rate", "entropy", "nats/draw", "entropy rate of what is read out, mean over coordinates"),
    Column(
        "stream_entropy",
        "entropy of stream",
        "nats/number",
        "entropy rate of the stream, its numbers coded by halves of [0, 1): 0.693 at most",
        True,
    ),
    Column(
        "autocorrelation",
        "autocorrelation",
        "",
        "correlation of successive draws, mean over coordinates: negative ones buy accuracy",
        True,
    ),
    Column(
        "coupling_time",
        "coupling",
        "draws",
        "draws after which two chains from different starts under one stream are the same; - where they stay apart within 4,096",
        True,
    ),
    Column(
        "determinism",
        "determinism",
        "",
        "share of the recurrences of 1,000 draws that lie on diagonal lines: draws that come close, or are equal, stay so",
        True,
        True,
    ),
    Column(
        "stream_discrepancy",
        "discrepancy of stream",
        "",
        "L2-star discrepancy of 1,024 points, each the numbers of a step (eight at most), over that of independent numbers: 1 is random, less is more even",
        True,
        True,
    ),
    Column(
        "spectrum",
        "spectrum",
        "nats/draw",
        "largest and smallest Lyapunov exponent of the state under a given stream, and how many were measured, for samplers with exact tangents",
        True,
        True,
    ),
    Column("period", "period", "draws", "exact period of the full state, stream included; - where none was found"),
    Column("ns_per_draw", "time", "ns/draw", "processor time of a draw, compilation apart"),
    Column("gradients_per_draw", "grad", "/draw", "gradients evaluated for a draw"),
    Column("status", "status", "", "ok, or why the answers of this run are not to be trusted"),
)


def finite(value: Any) -> float | None:
    """`value` as a float, None for what is no finite number.

    Examples
    --------
    >>> finite(2), finite(None), finite(float("nan"))
    (2.0, None, None)
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _fixed(value: Any, digits: int, top: float = 1e5) -> str:
    number = finite(value)
    if number is None:
        return "-"
    text = f"{number:.{digits}f}" if abs(number) < 10 else f"{number:.4g}" if abs(number) < top else f"{number:.2e}"
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text


def _error(value: Any) -> str:
    number = finite(value)
    if number is None:
        return "inf" if value == math.inf else "-"
    return "0" if number == 0 else f"{number:.2e}"


def _count(value: Any) -> str:
    number = finite(value)
    return "-" if number is None else f"{int(number):,}" if number < 1e15 else f"{number:.2e}"


def _time(value: Any) -> str:
    number = finite(value)
    return "-" if number is None else f"{number:.2g}" if number < 10 else f"{number:,.0f}" if number < 1e8 else f"{number:.1e}"


def slope_words(row: Mapping[str, Any]) -> str:
    """A slope with its standard error, where there are any.

    Examples
    --------
    >>> slope_words({"slope": -0.503, "slope_se": 0.021})
    '-0.50 ± 0.02'
    """
    slope, se = _fixed(row.get("slope"), 2), finite(row.get("slope_se"))
    # A slope of many repeats, or of curves that are all alike, has an error below the second digit; it is not zero.
    if slope == "-" or se is None:
        return slope
    return f"{slope} ± {se:.2f}" if se >= 0.005 or se == 0 else f"{_fixed(row.get('slope'), 3)} ± {max(se, 0.001):.3f}"


def searched(rows: Iterable[Mapping[str, Any]]) -> str | None:
    """How far cycles were looked for, over the rows where none was found; None where nothing is known of it."""
    steps = sorted({int(n) for row in rows if row.get("period") is None and (n := finite(row.get("period_searched"))) is not None})
    if not steps:
        return None
    return f"{steps[0]:,} draws" if len(steps) == 1 else f"{steps[0]:,} to {steps[-1]:,} draws"


def period_words(row: Mapping[str, Any]) -> str:
    """The period in words, with how far it was looked for."""
    if finite(row.get("period")) is not None:
        return f"period {_count(row['period'])} draws"
    within = searched([row])
    return "no period found" if within is None else f"no period within {within}"


_WRITTEN = {
    "draws": _count,
    "error": _error,
    "lyapunov": lambda v: _fixed(v, 3),
    "entropy_rate": lambda v: _fixed(v, 3),
    "stream_entropy": lambda v: _fixed(v, 3),
    "autocorrelation": lambda v: _fixed(v, 3),
    "coupling_time": _count,
    "determinism": lambda v: _fixed(v, 3),
    "stream_discrepancy": lambda v: _fixed(v, 2),
    "spectrum": lambda v: (
        "-" if not isinstance(v, list | tuple) or not v else f"{_fixed(v[0], 3)} ... {_fixed(v[-1], 3)} ({len(v)})"
    ),
    "period": _count,
    "ns_per_draw": _time,
    "gradients_per_draw": lambda v: "-" if finite(v) is None else f"{float(v):.3g}",
}


def cell(row: Mapping[str, Any], key: str) -> str:
    """What stands in a column of a row.

    Examples
    --------
    >>> cell({"error": 0.000123}, "error"), cell({"period": None}, "period"), cell({"draws": 100000}, "draws")
    ('1.23e-04', '-', '100,000')
    """
    if key == "slope":
        return slope_words(row)
    if key in _WRITTEN:
        return _WRITTEN[key](row.get(key))
    text = " ".join(str(row.get(key, "")).split())
    return text or "-"
