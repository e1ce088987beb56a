"""The column that holds the times, and the time between two values, if the times have equal steps."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np

from weakchaos.interop.file_columns import Column

__all__ = ["find_time", "names_time", "spacing", "turned"]

_UNEVEN = 0.01  # share of the step by which one step may differ
_HOLES = 0.1  # share of steps that may be longer in a column that is time whatever its name
_LONG_ENOUGH = 8  # rows from which even steps in a column that is not the first are no chance
_PARTS = {
    "year": "year years yr yy yyyy jahr année annee año ano anno jaar år rok год 年",
    "month": "month months monat mois mes mês mese maand måned miesiąc месяц 月",
    "day": "day days dd dy tag jour día dia giorno dag dzień день 日",
    "doy": "doy dayofyear yday",
    "hour": "hour hours hr hh stunde heure hora ora uur час",
    "minute": "minute minutes min mn minuto minuut минута",
    "second": "second seconds sec ss secs sekunde sekunden seconde secondes segundo segundos secondo seconden секунда",
}
_WORDS = (
    "t time times date dates datetime timestamp epoch unixtime index idx ms zeit datum uhrzeit zeitpunkt zeitstempel temps horodatage tiempo "
    "fecha tempo tijd tid tidspunkt dato aika pvm czas čas время дата zaman tarih 时间 時間 日期 時刻 日時 시간 날짜"
)
_PART_OF = {word: part for part, words in _PARTS.items() for word in words.split()}
_TIME_NAME = re.compile(rf"(?:{'|'.join(map(re.escape, sorted({*_WORDS.split(), *_PART_OF}, key=len, reverse=True)))})(?![^\W\d_])")
_TIME_UNIT = re.compile(
    r"(?i)[nuµμm]?s|secs?|seconds?|min|minutes?|h|hrs?|hours?|d|days?|weeks?|months?|a|yrs?|years?|sekunden|stunden|tage|jahre"
)


def _one_way(values: np.ndarray) -> int:
    """1 where values rise at every step, -1 where they fall, else 0."""
    if values.size < 2:
        return 0
    return int((values[1:] > values[:-1]).all()) - int((values[1:] < values[:-1]).all())


def _never_turns(values: np.ndarray) -> bool:
    """Whether values only rise or only fall, apart from some that repeat the one before, as times do that are coarsely rounded."""
    rises, falls = (values[1:] > values[:-1]).any(), (values[1:] < values[:-1]).any()
    return bool(rises != falls)


def _allowed(values: np.ndarray, dt: float, quantum: float) -> float:
    """By how much a step may differ: a share of it, or what rounding does to both its ends."""
    return max(_UNEVEN * dt, 2 * quantum if quantum <= dt / 4 else 0.0) + 8 * np.finfo(float).eps * float(np.abs(values).max())


def _mostly_even(column: Column, way: int = 1) -> bool:
    """Whether nearly all steps are equal: time with a few holes in it."""
    values = column.values.astype(np.float64)
    if values.size < 3 or column.missing.any() or _one_way(values) != way:
        return False
    steps = way * np.diff(values)
    dt = float(np.median(steps))
    odd = np.abs(steps - dt) > _allowed(values, dt, column.quantum)
    return bool(odd.sum() <= _HOLES * steps.size and (steps[odd] > dt).all())


def _begins_again(values: np.ndarray, named: bool) -> bool:
    """Whether values rise in equal steps but for some places where they begin again, or, where the name says time, are such values in another order:
    recordings one below the other, or rows that were sorted by something else."""
    values = values.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers as large as that are no times
        steps, ordered = np.diff(values), np.diff(np.sort(values))
        dt = float(np.median(steps))
        again = steps < 0
        one_by_one = (
            dt > 0 and bool((np.abs(steps[~again] - dt) <= _UNEVEN * dt).all()) and bool((values[1:][again] == values[0]).all())
        )
        mixed = ordered[0] > 0 and bool((np.abs(ordered - ordered[0]) <= _UNEVEN * ordered[0]).all())
    return (one_by_one and 0 < int(again.sum()) <= _HOLES * steps.size) or (named and mixed)


def names_time(column: Column) -> bool:
    """Whether the name or the unit of a column says time, in any of some languages."""
    name = column.name.strip().lower()
    return column.named and bool(_TIME_NAME.match(name) or _TIME_UNIT.fullmatch(column.unit_of_values))


def _rank(column: Column, place: int) -> int:
    """How surely a column holds times: 5 dates, 4 named or with a unit of time, 3 even steps, 2 a counter, 1 a rising index, 0 not."""
    kind = column.values.dtype.kind
    if kind not in "iufM" or column.missing.all():
        return 0
    if kind == "M":
        return 5
    present = column.values[~column.missing]
    if column.clock or (names_time(column) and present.size > 2 and _never_turns(present)):
        return 4
    # Times that turn are times nevertheless: their steps are not taken, and the caller says where they do not rise.
    named = names_time(column)
    if (place == 0 or named) and present.size >= _LONG_ENOUGH and not column.missing.any() and _begins_again(present, named):
        return 4 if named else 1
    if (place == 0 or present.size >= _LONG_ENOUGH) and _mostly_even(column):
        return 2 if present[1] - present[0] == 1 else 3
    # Tables of R and pandas have an index in front, and a table without names may have its times there.
    return int(place == 0 and not column.named and present.size > 2 and _one_way(present) == 1 and not column.missing.any())


def find_time(columns: list[Column], chosen: Column | None) -> tuple[Column | None, list[Column]]:
    """The column of times, joined if it consists of several columns, and all columns that are not series because they hold times.

    Parameters
    ----------
    columns : list of Column
    chosen : Column or None
        The column that the user has named as the series, which is then not the time.

    Examples
    --------
    >>> def column(name, values):
    ...     return Column(name, np.array(values), np.zeros(len(values), bool), np.arange(len(values)), "row")
    >>> time, counting = find_time([column("Nr", [1, 2, 3]), column("Zeit", [0.0, 0.5, 1.0]), column("p", [5, 1, 2])], None)
    >>> time.name, [c.name for c in counting]
    ('Zeit', ['Nr', 'Zeit'])
    """
    if len(columns) < 2:
        return None, []
    open_ = [c for c in columns if c is not chosen]
    ranks = [_rank(c, k) if c is not chosen else 0 for k, c in enumerate(columns)]
    # What falls evenly may be a depth or an age: no time, but no series either.
    falls = [c.values.dtype.kind in "iuf" and c.values.size >= _LONG_ENOUGH and _mostly_even(c, -1) for c in columns]
    counting = [c for c, rank, fall in zip(columns, ranks, falls, strict=True) if rank or (fall and c is not chosen)]
    whole, parts = _put_together(open_)
    if whole is not None:
        return whole, [*parts, *(c for c in counting if not any(c is part for part in parts))]
    best = max(ranks, default=0)
    return (columns[ranks.index(best)] if best else None), counting


def _put_together(columns: list[Column]) -> tuple[Column | None, list[Column]]:
    """Times out of a column of dates and one of times of day, or out of years, months, days and so on."""
    dates = next((c for c in columns if c.values.dtype.kind == "M" and not c.missing.all()), None)
    clock = next((c for c in columns if c.clock), None)
    if (
        dates is not None
        and clock is not None
        and (dates.values[~dates.missing] == dates.values[~dates.missing].astype("datetime64[D]")).all()
    ):
        missing = dates.missing | clock.missing
        added = (np.where(missing, 0.0, clock.values) * 1e6).round().astype("timedelta64[us]")
        values = dates.values.astype("datetime64[us]") + added
        return replace(dates, values=values, missing=missing, name=f"{dates.name} {clock.name}", quantum=clock.quantum), [
            dates,
            clock,
        ]
    if dates is not None:
        return None, []
    numbers = [c for c in columns if c.values.dtype.kind in "iu" or (c.values.dtype.kind == "f" and not c.missing.any())]
    named: dict[str, Column] = {}
    for c in numbers:
        name = c.name.strip().lower() if c.named else ""
        part = _PART_OF.get(name)
        if name in ("mm", "mo"):  # a month, and behind the hours a minute
            part = "minute" if "hour" in named else "month"
        if part is not None:
            named.setdefault(part, c)
    if "year" not in named and not any(c.named for c in numbers):
        # Without names: years, and beside them months, that together rise by one step.
        for first, second in pairwise(numbers):
            if first is columns[0] and first.values.min() >= 1500 and first.values.max() <= 2200:
                named = {"year": first, "month": second}
                break
    if "year" not in named or not ("month" in named or "doy" in named):
        return None, []
    parts = ["year", *(["month"] if "month" in named else ["doy"])]
    for part in ("day", "hour", "minute", "second"):
        if part not in named and (part != "day" or parts[-1] != "doy"):
            break
        parts += [part] if part in named else []
    values = _calendar_times([(part, named[part].values) for part in parts])
    if values is None or not _one_way(values):
        return None, []
    name = " ".join(named[part].name if named[part].named else part for part in parts)
    first = named["year"]
    missing = np.zeros(values.size, bool)
    return Column(name, values, missing, first.rows, first.unit), [named[part] for part in parts]


def _calendar_times(parts: list[tuple[str, np.ndarray]]) -> np.ndarray | None:
    """Years, months, days and so on as datetime64; None where they are no dates."""
    limits = {
        "year": (1, 9999),
        "month": (1, 12),
        "doy": (1, 366),
        "day": (1, 31),
        "hour": (0, 24),
        "minute": (0, 60),
        "second": (0, 61),
    }
    for part, values in parts:
        low, high = limits[part]
        if not ((values >= low) & (values <= high)).all() or (part != parts[-1][0] and (values != np.floor(values)).any()):
            return None
    found = dict(parts)
    years = (found["year"] - 1970).astype("int64").astype("datetime64[Y]")
    if "month" in found:
        months = years.astype("datetime64[M]") + (found["month"] - 1).astype("timedelta64[M]")
        days = (
            months.astype("datetime64[D]") + (found["day"] - 1).astype("timedelta64[D]")
            if "day" in found
            else months.astype("datetime64[D]")
        )
        if (days.astype("datetime64[M]") != months).any():
            return None
    else:
        days = years.astype("datetime64[D]") + (found["doy"] - 1).astype("timedelta64[D]")
    seconds = sum(
        scale * np.asarray(found.get(part, 0), np.float64) for part, scale in (("hour", 3600), ("minute", 60), ("second", 1))
    )
    return days.astype("datetime64[us]") + np.asarray(seconds * 1e6).round().astype("timedelta64[us]")


def turned(time: Column) -> bool:
    """Whether a file begins with the newest value, that is, whether its times descend at every step.

    Examples
    --------
    >>> turned(Column("date", np.array(["2020-01-02", "2020-01-01"], "datetime64[D]"), np.zeros(2, bool), np.arange(2), "row"))
    True
    """
    return not time.clock and _one_way(time.values[~time.missing]) == -1


def spacing(time: Column, kept: slice, notes: list[str]) -> tuple[float, str]:
    """The step of the kept part of a column and its unit; 1 and "step", with a sentence in `notes`, if the steps are not equal.

    Examples
    --------
    >>> column = Column("t", np.arange(5) * 0.5, np.zeros(5, bool), np.arange(5), "row", unit_of_values="ms")
    >>> spacing(column, slice(0, 5), [])
    (0.5, 'ms')
    """
    name = time.name if time.named else f"column {time.name}"
    if time.missing[kept].any():
        notes.append(f"{name!r} holds times, but {int(time.missing[kept].sum())} are missing: each value counts as one step")
        return 1.0, "step"
    values = time.values[kept]
    if time.clock and values.size > 1:
        values = values + 86_400.0 * np.concatenate([[0], np.cumsum(np.diff(values) < -43_200)])  # past midnight
    if values.size < 2:
        return 1.0, "step"
    quantum = time.quantum
    if time.doubt:
        notes.append(f"in {name!r} {time.doubt}")
    if values.dtype.kind == "M":
        calendar = _calendar(values)
        if calendar is not None:
            return calendar
        days = bool((values == values.astype("datetime64[D]")).all())
        values, unit = (values - values[0]) / np.timedelta64(1, "D" if days else "s"), "day" if days else "s"
    else:
        values, unit = values.astype(np.float64), _unit(time)
        if _one_way(values) == -1:
            notes.append(
                f"{name!r} falls evenly and was taken for where each value was measured; the values stay in the order of the file"
            )
            values = -values
    steps = np.diff(values)
    dt = float(values[-1] - values[0]) / steps.size
    if not dt > 0 or (steps <= 0).any():
        row = time.rows[kept][int(np.argmax(steps <= 0)) + 1]
        notes.append(f"the times in {name!r} do not rise, first at {time.unit} {row}: each value counts as one step")
        return 1.0, "step"
    allowed = _allowed(values, dt, quantum)
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
    """The unit of a time column, from its heading or from its numbers; "unit of 't'" where neither tells."""
    if time.unit_of_values:
        return {"sec": "s", "secs": "s", "seconds": "s", "second": "s", "sekunden": "s"}.get(
            time.unit_of_values.lower(), time.unit_of_values
        )
    largest = float(np.abs(time.values[~time.missing]).max())
    for scale, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "us"), (1e9, "ns")):
        if 5e8 * scale < largest < 4.2e9 * scale and float(time.values[~time.missing].min()) > 5e8 * scale:
            return unit  # since 1970
    if not time.named:
        return "unit of time"
    name = time.name.strip().lower()
    if re.match(r"dat(e|um)\b", name) and 20_000 < largest < 80_000:
        return "day"  # since 1900, as spreadsheets count
    part = _PART_OF.get(name, "ms" if name == "ms" else "")
    return {"second": "s", "doy": "day", "": f"unit of {time.name.strip()!r}"}.get(part, part)


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
