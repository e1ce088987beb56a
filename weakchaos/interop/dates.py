"""Dates and times of day as people write them, read by pandas once the order of day, month and year is settled."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

__all__ = ["clock_times", "is_date", "local_or_universal", "parsed_dates", "stamps"]

_CLOCK = r"(\d{1,3}):(\d{2})(?::(\d{2}(?:[.,]\d+)?)|([.,]\d+))?\s?([AaPp]\.?[Mm]\.?)?"
_ISO = r"\d{4}-\d{2}(?:-\d{2})?"
_NUMERIC = r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})\.?"
_MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_WORDS = rf"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s)?(?:\d{{1,2}}[-\s./]?{_MONTHS}[-,\s./]*\d{{2,4}}|{_MONTHS}[-\s]\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}}|{_MONTHS}[-\s]\d{{4}})"
_QUARTER = r"\d{4}[- ]?Q[1-4]"
_DATE = re.compile(
    rf"(?:(?:{_ISO}|{_NUMERIC}|{_WORDS}|{_QUARTER})(?:[T\s,:]+{_CLOCK})?|\d{{8}}T\d{{4,6}})(?:\s?(?:Z|UTC|GMT|[+-]\d{{2}}:?(?:\d{{2}})?))?",
    re.IGNORECASE,
)
_ORDERS = {"%d{0}%m{0}%Y": "day, month, year", "%m{0}%d{0}%Y": "month, day, year", "%d{0}%m{0}%y": "day, month, year",
           "%m{0}%d{0}%y": "month, day, year", "%y{0}%m{0}%d": "year, month, day"}  # fmt: skip


def is_date(cell: str) -> bool:
    """Whether a cell is a date, or a time of day, in some way of writing.

    Examples
    --------
    >>> [is_date(cell) for cell in ("31.12.2020", "Dec 31, 2020 5:30 PM", "12:30:05", "2020Q1", "1.234", "dec")]
    [True, True, True, True, False, False]
    """
    return bool(_DATE.fullmatch(cell) or re.fullmatch(_CLOCK, cell))


def clock_times(cells: list[str]) -> np.ndarray | None:
    """Times of day, or times since a start, in seconds; None if a cell is not one.

    Two parts are hours and minutes, or minutes and seconds if the second part has decimals or the first exceeds a day.

    Examples
    --------
    >>> clock_times(["00:59:59.5", "1:00:00"]).tolist(), clock_times(["11:30 PM"]).tolist(), clock_times(["00:01.5"]).tolist()
    ([3599.5, 3600.0], [84600.0], [1.5])
    """
    found = [re.fullmatch(_CLOCK, c) for c in cells]
    parts = [f.groups() for f in found if f is not None]
    if not cells or len(parts) < len(cells):
        return None
    minutes_first = any(decimals or (seconds is None and int(first) > 24) for first, _, seconds, decimals, _ in parts)
    if minutes_first and any(seconds is not None for _, _, seconds, _, _ in parts):
        return None
    out = np.empty(len(parts))
    for k, (first, second, seconds, decimals, half) in enumerate(parts):
        if minutes_first:
            out[k] = 60 * int(first) + float(second + (decimals or "").replace(",", "."))
            continue
        hours = int(first)
        if half:
            hours = hours % 12 + (12 if half[0] in "pP" else 0)
        out[k] = 3600 * hours + 60 * int(second) + float((seconds or "0").replace(",", "."))
    return out


def _even(values: np.ndarray) -> tuple[bool, bool, int]:
    """How much an order of day and month makes of dates: whether they keep one direction, whether evenly, minus the number of steps."""
    steps = np.diff(values.astype("datetime64[us]").astype(np.int64))
    one_way = bool((steps >= 0).all() or (steps <= 0).all())
    return one_way, one_way and np.unique(steps).size <= 1, -int(np.unique(steps).size)


def local_or_universal(local: np.ndarray, universal: np.ndarray) -> np.ndarray:
    """The times of clocks in their zone if these always show the same time of day, as days, months and years do; else universal time.

    A day on which clocks are changed has 23 or 25 hours, and the first of a month in Berlin is the last of another one in universal time.

    Examples
    --------
    >>> local = np.array(["2020-03-29T00:00", "2020-03-30T00:00"], "datetime64[us]")
    >>> local_or_universal(local, local - np.array([1, 2], "timedelta64[h]"))
    array(['2020-03-29T00:00:00.000000', '2020-03-30T00:00:00.000000'],
          dtype='datetime64[us]')
    """
    known = local[~np.isnat(local)]
    return local if np.unique(known - known.astype("datetime64[D]")).size <= 1 else universal


def _with_pandas(cells: list[str], form: str) -> np.ndarray | None:
    import pandas as pd

    try:
        parsed: Any = pd.to_datetime(pd.Series(cells, dtype=object), format=form, utc=True)
    except (ValueError, OverflowError, TypeError):  # OutOfBoundsDatetime and the errors of dateutil are ValueErrors
        return None
    # Offsets from universal time are taken into account and then dropped, which is all that datetime64 can do.
    return parsed.dt.tz_localize(None).to_numpy().astype("datetime64[us]")


def parsed_dates(cells: list[str]) -> tuple[np.ndarray, str] | None:
    """Cells as datetime64, and a sentence if the order of day and month is a guess; None if a cell is not a date.

    Examples
    --------
    >>> parsed_dates(["31.12.2020", "01.01.2021"])
    (array(['2020-12-31T00:00:00.000000', '2021-01-01T00:00:00.000000'],
          dtype='datetime64[us]'), '')
    """
    if not cells or not all(_DATE.fullmatch(c) for c in cells):
        return None
    if all(re.match(_ISO, c) or re.match(r"\d{8}T", c) for c in cells):
        # A comma before decimals of a second is ISO too.
        plain = [re.sub(r",(?=\d)", ".", c) for c in cells]
        values = _with_pandas(plain, "ISO8601")
        if values is not None:
            clocks = [re.sub(r"(?<=\d)\s?(?:Z|[+-]\d\d(?::?\d\d)?)$", "", c) if ":" in c else c for c in plain]
            local = values if clocks == plain else _with_pandas(clocks, "ISO8601")
            return (values if local is None else local_or_universal(local, values)), ""
    if all(re.fullmatch(_QUARTER, c, re.IGNORECASE) for c in cells):
        return np.array([f"{c[:4]}-{3 * int(c[-1]) - 2:02d}-01" for c in cells], "datetime64[us]"), ""
    clock = np.zeros(len(cells))
    days = list(cells)
    if any(":" in c for c in cells):
        split = [re.fullmatch(rf"(.*?)[T\s,:]+({_CLOCK})(?:\s?(?:Z|UTC|GMT))?", c) for c in cells]
        # Spreadsheets leave the time of midnight out.
        days = [c if s is None else s[1] for c, s in zip(cells, split, strict=True)]
        times = clock_times([s[2] for s in split if s is not None])
        if times is None:
            return None
        clock[[s is not None for s in split]] = times
    added = (clock * 1e6).round().astype("timedelta64[us]")
    numeric = re.fullmatch(_NUMERIC, days[0])
    if numeric is None:
        values = _with_pandas([re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", d) for d in days], "mixed")
        return None if values is None else (values + added, "")
    days = [d.rstrip(".") for d in days]
    if len(numeric[1]) > 2:
        values = _with_pandas(days, f"%Y{numeric[2]}%m{numeric[2]}%d")
        return None if values is None else (values + added, "")
    found = {}
    for form, order in _ORDERS.items():
        if ("%Y" in form) == (len(numeric[4]) > 2):
            values = _with_pandas(days, form.format(numeric[2]))
            if values is not None:
                found[order] = values + added
    if not found:
        return None
    # Read the other way, days of a month become months of a year: the right order is the one that keeps one direction, evenly at best.
    ranked = sorted(found, key=lambda order: _even(found[order]), reverse=True)
    doubtful = False
    if len(ranked) > 1 and numeric[2] != ".":  # with points days come first
        best, next_best = found[ranked[0]], found[ranked[1]]
        doubtful = _even(best)[:2] == _even(next_best)[:2] and bool((np.diff(best) != np.diff(next_best)).any())
    return found[ranked[0]], f"dates such as {cells[0]!r} were read as {ranked[0]}" if doubtful else ""


def stamps(values: np.ndarray, name: str) -> np.ndarray | None:
    """Whole numbers that are dates without separators, ``20201231`` or ``202012`` or ``20201231235900``; None if they are not dates.

    Examples
    --------
    >>> stamps(np.array([20201231, 20210101]), "date")
    array(['2020-12-31T00:00:00.000000', '2021-01-01T00:00:00.000000'],
          dtype='datetime64[us]')
    """
    if values.dtype.kind not in "iu" or values.size < 2:
        return None
    length = len(str(int(values[0])))
    form = {6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(length)
    if (
        form is None
        or (length != 8 and not name)
        or int(values.min()) < 16 * 10 ** (length - 2)
        or int(values.max()) >= 22 * 10 ** (length - 2)
    ):
        return None
    return _with_pandas([str(int(v)) for v in values], form)
