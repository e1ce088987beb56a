"""Numbers as people write them: decimal points and commas, groups of thousands, units and currencies beside the digits.

A single mark with three digits behind it, as in ``1,234``, can be read in two ways. The other numbers of the column decide, then the other
columns of the file, then the usual reading; the last choice may be wrong, so a sentence reports it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

__all__ = ["MISSING", "Marks", "is_missing", "is_number", "is_unit", "marks_of", "read_numbers", "settle", "without_unit"]

MISSING = {
    "", "na", "n/a", "n.a.", "nan", "null", "none", "nil", "-", "--", "---", "?", ".", "*", "**", "***", "****", "#n/a", "#na", "#nv", "#wert!",
    "#value!", "#div/0!", "#ref!", "#num!", "missing", "no data", "nodata", "<na>", "nat", "inf", "-inf", "+inf", "1.#qnan", "-1.#ind", "—", "–",
    "infinity", "-infinity", "-nan", "1.#inf", "-1.#inf", "k.a.", "n.d.", "s/d",
}  # fmt: skip

_BLANKS = " '’\u00a0\u2009\u202f"  # between groups of thousands in French, Russian, Swiss and standard notation
_UNITS = re.compile(
    r"[\[(]?(?:%|‰|ppm|ppb|[-–1]|a\.? ?u\.?|arb\.? ?u(?:nits?|\.)?|[°º]|[°º]?\s?[CFK]|deg\.?\s?[CFK]?|rad|"
    r"(?:[yzafpnuµμmcdhkMGTP]?(?:s|Hz|V|A|W|Wh|J|eV|Pa|bar|N|m|g|l|L|mol|M|rpm|T|G|C|F|H|Ω|Ohm|S|B|b|bit|lx|lm|cd|Sv|Gy|Bq|VA|cal|rad|t|K)"
    r"|sec|secs?|seconds?|min|minutes?|h|hr|hrs?|hours?|d|days?|a|yr|years?|months?|weeks?|volts?|amps?|amperes?|watts?|psi|inHg|mmHg|ft|in|"
    r"秒|毫秒|分钟?|小时|时|天|日|с|мс|сек|мин|ч|В|мВ|А|мА|Па|кПа|мм|см|м|"
    r"inch|mi|mph|kn|kt|knots|gal|lb|lbs|oz|atm|dB[ABCm]?|counts?|cts|cps|steps?|bpm|AU|ly|pc|Torr|torr|USD|EUR|GBP|CHF|JPY|[$€£¥])"
    r"(?:[-−]?[1-4]|\^\(?-?[0-9.]+\)?|²|³|⁻¹|⁻²)?(?:\s?[/*·]\s?[a-zA-Zµμ°]{1,6}(?:\^?-?[0-9]|²|³)?)*)[\])]?"
)


@dataclass(frozen=True)
class Marks:
    """The decimal mark of a column, and how certain it is.

    Attributes
    ----------
    decimal : {".", ","}
    certain : bool
        Whether the numbers allow no other reading.
    ambiguous : str
        The mark that could be a decimal mark or a thousands separator, "" if there is none.
    """

    decimal: str
    certain: bool
    ambiguous: str = ""


def is_missing(cell: str) -> bool:
    """Whether the text of a cell means that there is no value.

    Examples
    --------
    >>> [is_missing(cell) for cell in ("", "N/A", "0")]
    [True, True, False]
    """
    return cell.lower() in MISSING


def is_unit(text: str) -> bool:
    """Whether a heading, or the text beside a number, is a unit.

    Examples
    --------
    >>> [is_unit(text) for text in ("mbar", "[m/s]", "°C", "pressure")]
    [True, True, True, False]
    """
    return bool(_UNITS.fullmatch(text.strip()))


@cache
def _pattern(decimal: str) -> re.Pattern[str]:
    group = re.escape("," if decimal == "." else ".")
    between = f"[{group}{_BLANKS}]"
    # No group of thousands begins with a zero: 0,006 is a decimal, even where the decimal mark of other numbers is a point.
    whole = rf"(?:[1-9]\d{{0,2}}(?:{between}\d{{3}})+|[1-9]\d?(?:{group}\d{{2}})+{group}\d{{3}}|\d+)"
    return re.compile(rf"([+-]?)(?:({whole})(?:{re.escape(decimal)}(\d*))?|{re.escape(decimal)}(\d+))(?:[eEdD]([+-]?\d+))?")


def _plain(cell: str) -> str:
    """The cell with a minus that is one, and without the ``+`` that some put before."""
    return cell.strip().replace("\u2212", "-") if not cell.isascii() else cell.strip()


def without_unit(cell: str) -> tuple[str, str]:
    """A number and the unit or currency beside it.

    Examples
    --------
    >>> without_unit("12.5 %"), without_unit("€ 3,50"), without_unit("A1")
    (('12.5', '%'), ('3,50', '€'), ('A1', ''))
    """
    cell = _plain(cell)
    found = re.fullmatch(
        r"([$€£¥])\s?([-+]?[\d.,][^A-Za-z]*)|([-+])([$€£¥])\s?([\d.,][^A-Za-z]*)|([-+]?[\d.,].*?)\s?([^\d\s.,'’]+)", cell
    )
    if found is None:
        return cell, ""
    if found[1]:
        return found[2].strip(), found[1]
    if found[4]:
        return found[3] + found[5].strip(), found[4]
    glued = cell == found[6] + found[7] and found[7].isalpha() and len(found[7]) == 1  # 5a and 5b are labels
    return (found[6], found[7]) if is_unit(found[7]) and found[7] not in "-–1" and not glued else (cell, "")


def is_number(cell: str) -> bool:
    """Whether a cell is a number in some way of writing, with or without a unit.

    Examples
    --------
    >>> [is_number(cell) for cell in ("1.5", "1.234,50", "1'000", "3 %", "A1", "1_0")]
    [True, True, True, True, False, False]
    """
    return any(_pattern(decimal).fullmatch(part) for part in {_plain(cell), without_unit(cell)[0]} for decimal in ".,")


def marks_of(cells: Iterable[str]) -> Marks | None:
    """The decimal mark that the numbers of one column show; None if the numbers contain no marks.

    Examples
    --------
    >>> marks_of(["1.234,5", "7"]), marks_of(["1,234", "0,500"]), marks_of(["1,234"])
    (Marks(decimal=',', certain=True, ambiguous=''), Marks(decimal=',', certain=True, ambiguous=''), Marks(decimal='.', certain=False, ambiguous=','))
    """
    cells = list(cells)
    everything = " ".join(cells)
    for mark, other in ((".", ","), (",", ".")):
        # One mark alone, and once not three digits behind it: the usual case, told at once.
        if other not in everything and re.search(rf"[{mark}](?:\d{{0,2}}|\d{{4,}})(?![\d{mark}])", everything):
            return Marks(mark, True)
    decimals: set[str] = set()
    groups: set[str] = set()
    open_: set[str] = set()
    long_whole = short_whole = False
    times = 0
    for cell in cells:
        body = re.sub(r"[eEdD][+-]?\d+$", "", without_unit(cell)[0]).lstrip("+-")
        marks = re.findall(r"[.,]", body)
        if not marks:
            long_whole |= len(body) > 3 and body.isdigit()
            short_whole |= body.isdigit() and body.strip("0") != ""
        elif len(set(marks)) == 2:
            groups.add(marks[0])
            decimals.add(marks[-1])
        elif len(marks) > 1:
            groups.add(marks[0])
        else:
            left, _, right = body.partition(marks[0])
            if len(right) == 3 and right.isdigit() and left.isdigit() and len(left) <= 3 and left[0] != "0":
                open_.add(marks[0])
                times += 1
            else:
                decimals.add(marks[0])
    for mark, other in ((".", ","), (",", ".")):
        if mark in decimals or other in groups:
            return Marks(mark, True)
    if not open_:
        return None
    if len(open_) == 2:
        # Each of "1.234" and "1,234" is there: the marks differ, so one of them groups, and nothing tells which.
        return Marks(".", False, ",")
    mark = open_.pop()
    if long_whole:
        return Marks(mark, True)  # thousands elsewhere in the column are not grouped
    if short_whole and (mark == "," or times >= 20):
        return Marks(
            "," if mark == "." else ".", True
        )  # whole numbers below a thousand beside grouped ones; decimals would vary in length
    return Marks(".", False, mark)


def settle(own: Marks | None, others: set[str], delimiter: str | None) -> tuple[str, str]:
    """The decimal mark of a column, and a sentence if it could be the other one.

    Parameters
    ----------
    own : Marks or None
        The marks of this column.
    others : set of str
        The decimal marks of other columns that are certain.
    delimiter : str or None
        Delimiter of the columns; a comma cannot be the usual decimal mark of a file whose columns it separates.

    Examples
    --------
    >>> settle(Marks(".", False, ","), {"."}, ",")
    ('.', 'commas were taken for thousands separators')
    """
    if own is None:
        return next(iter(others)) if len(others) == 1 else ".", ""
    if own.certain:
        return own.decimal, ""
    if len(others) == 1:
        decimal = next(iter(others))
    else:
        decimal = "," if own.ambiguous == "," and delimiter != "," else "."
    if own.ambiguous == decimal and (len(others) == 1 or (decimal == "." and delimiter != ";")):
        return decimal, ""
    word = {".": "points", ",": "commas"}[own.ambiguous]
    return decimal, f"{word} were taken for {'decimal marks' if own.ambiguous == decimal else 'thousands separators'}"


def _plainly(cells: list[str]) -> tuple[list[float | None], int | None, str] | None:
    """Numbers as Python writes them, which are most, several times faster."""
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return None
    everything = " ".join(cells)
    if re.search(r"[_a-df-zA-DF-Z]", everything) or not everything.isascii():  # float() reads 1_0 and nan
        return None
    if re.search(r"[eE.]", everything) is None and max(map(len, cells), default=0) <= 18:
        return list(numbers), None, ""
    return list(numbers), 17 if re.search(r"[eE]", everything) else max(len(c.partition(".")[2]) for c in cells), ""


def read_numbers(cells: Iterable[str], decimal: str) -> tuple[list[float | None], int | None, str]:
    """Cells as numbers.

    Returns
    -------
    numbers : list of float or None
        None for a cell that is not a number.
    digits : int or None
        Largest number of digits after the decimal mark; 17 if there are powers of ten; None if all are whole numbers of at most 18 digits.
    unit : str
        The text beside every number, "" if there is none.

    Examples
    --------
    >>> read_numbers(["1.234,50", "7"], ",")
    ([1234.5, 7.0], 2, '')
    """
    cells = list(cells)
    if decimal == ",":
        quick = None if any("." in cell for cell in cells) else _plainly([cell.replace(",", ".") for cell in cells])
    else:
        quick = _plainly(cells)
    if quick is not None:
        return quick
    pattern = _pattern(decimal)
    numbers: list[float | None] = []
    most, whole = 0, True
    units: set[str] = set()
    for cell in cells:
        found, unit = pattern.fullmatch(_plain(cell)), ""
        if found is None:
            bare, unit = without_unit(cell)
            found = pattern.fullmatch(bare) if unit else None
        if found is None:
            numbers.append(None)
            continue
        sign, left, right, only, power = found.groups()
        units.add(unit)
        left, right = re.sub(r"\D", "", left or ""), right if only is None else only
        whole = whole and right is None and power is None and len(left) <= 18
        most = 17 if power is not None else max(most, len(right or ""))
        numbers.append(float(f"{sign}{left or 0}.{right or 0}e{power or 0}"))
    if len(units) > 1:  # 5 mV and 3 V are no numbers on one scale; without the units they would look as if they were
        numbers = [None] * len(numbers)
    return numbers, None if whole else most, units.pop() if len(units) == 1 else ""


def as_whole(numbers: list[float | None], cells: list[str]) -> np.ndarray:
    """Whole numbers exactly, where a float64 would round those beyond 2^53."""
    return np.array([int(n) if abs(n or 0) < 2**53 else int(re.sub(r"[^\d-]", "", c)) for n, c in zip(numbers, cells, strict=True)])  # type: ignore[arg-type]
