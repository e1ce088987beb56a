"""What lies between two values: the step of a column of times, where it has one."""

from __future__ import annotations

import math
import re

import numpy as np

from weakchaos.interop.columns import Column

__all__ = ["spacing"]

_UNEVEN = 0.01  # share of the step by which one step may differ


def spacing(time: Column, kept: slice, notes: list[str]) -> tuple[float, str]:
    """The step of the kept part of a column and its unit; one "step", with a sentence in `notes`, where it is not even.

    Examples
    --------
    >>> column = Column("t [ms]", np.arange(5) * 0.5, np.zeros(5, bool), np.arange(5), "row")
    >>> spacing(column, slice(0, 5), [])
    (0.5, 'ms')
    """
    name = time.name if time.named else f"column {time.name}"
    if time.missing[kept].any():
        notes.append(f"{name!r} holds times, but {int(time.missing[kept].sum())} are missing: each value counts as one step")
        return 1.0, "step"
    values = time.values[kept]
    if values.size < 2:
        return 1.0, "step"
    quantum = time.quantum
    if values.dtype.kind == "M":
        calendar = _calendar(values)
        if calendar is not None:
            return calendar
        days = bool((values == values.astype("datetime64[D]")).all())
        values, unit = (values - values[0]) / np.timedelta64(1, "D" if days else "s"), "day" if days else "s"
    else:
        values, unit = values.astype(np.float64), _unit(time)
    steps = np.diff(values)
    dt = float(values[-1] - values[0]) / steps.size
    if not dt > 0 or (steps <= 0).any():
        row = time.rows[kept][int(np.argmax(steps <= 0)) + 1]
        notes.append(f"the times in {name!r} do not rise, first at {time.unit} {row}: each value counts as one step")
        return 1.0, "step"
    allowed = max(_UNEVEN * dt, 2 * quantum if quantum <= dt / 4 else 0.0) + 8 * np.finfo(float).eps * np.abs(values).max()
    if (np.abs(steps - dt) > allowed).any():
        middle = float(np.median(steps))
        odd = int((np.abs(steps - middle) > allowed).sum())
        notes.append(
            f"the times in {name!r} are not evenly spaced: steps from {steps.min():.6g} to {steps.max():.6g} {unit}, {odd:,} of {steps.size:,} "
            f"unlike the usual {middle:.6g}; each value counts as one step, and periods and exponents are per step"
        )
        return 1.0, "step"
    digits = 10 if not quantum else max(3, min(10, round(math.log10(max(dt * steps.size / quantum, 1)))))
    return float(f"{dt:.{digits}g}"), unit


def _unit(time: Column) -> str:
    """The unit in the heading of a time column, ``t [ms]`` or ``time (h)``; "unit of 't'" where there is none."""
    if not time.named:
        return "unit of time"
    inside = re.search(r"[\[(]\s*([^\])]{1,12}?)\s*[\])]", time.name)
    if inside:
        return inside.group(1)
    name = time.name.strip().lower()
    return {
        "seconds": "s",
        "second": "s",
        "sec": "s",
        "year": "year",
        "month": "month",
        "day": "day",
        "hour": "hour",
        "ms": "ms",
    }.get(name, f"unit of {time.name.strip()!r}")


def _calendar(values: np.ndarray) -> tuple[float, str] | None:
    """Steps of whole months or years, which are uneven in days."""
    days = values.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    of_month = (days - months).astype(int)
    ends = ((months + 1).astype("datetime64[D]") - days).astype(int)
    if (values != days).any() or not (np.ptp(of_month) == 0 or np.ptp(ends) == 0):
        return None
    steps = np.diff(months.astype(int))
    if steps.size == 0 or np.ptp(steps) or steps[0] < 1:
        return None
    return (float(steps[0] // 12), "year") if steps[0] % 12 == 0 else (float(steps[0]), "month")
