"""Shorter paths in SVG: coordinates to a hundredth of a point, each corner as the step from the one before."""

from __future__ import annotations

import re

__all__ = ["short_paths"]

_PATH = re.compile(r'(<path\b[^>]*?\sd=")([^"]*)(")')
_PART = re.compile(r"([MLQCz])([^MLQCz]*)")
_KNOWN = re.compile(r"[\sMLQCz0-9.eE+-]*")


def short_paths(text: str) -> str:
    """A picture whose paths are written in a third of the length.

    Corners are rounded to a hundredth of a unit before steps are taken, so that no error adds up along a line: with units of a point the
    picture is the same to a fiftieth of a pixel. Paths with other commands than those of matplotlib (M, L, Q, C, z) are left as they are.

    Parameters
    ----------
    text : str
        SVG.

    Returns
    -------
    str

    Examples
    --------
    >>> short_paths('<path d="M 1.000001 2 L 1.6 -5.125 L 1.7 -5 z"/>')
    '<path d="M1 2l.6-7.12 .1 .12z"/>'
    """
    return _PATH.sub(lambda match: match.group(1) + _short(match.group(2)) + match.group(3), text)


def _short(path: str) -> str:
    if not _KNOWN.fullmatch(path):
        return path
    out: list[str] = []
    here = start = (0, 0)
    last = ""
    for command, rest in _PART.findall(path):
        if command == "z":
            out.append("z")
            here, last = start, "z"
            continue
        numbers = [round(100 * float(word)) for word in rest.split()]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        if command == "M":  # from the origin, wherever the path before it ended
            here = start = points[-1]
            out.append("M" + _joined(points, (0, 0)))
        else:
            steps = _joined(points, here)
            repeated = command == last
            out.append(steps if repeated and steps[0] == "-" else (" " if repeated else command.lower()) + steps)
            here = points[-1]
        last = command
    return "".join(out)


def _joined(points: list[tuple[int, int]], origin: tuple[int, int]) -> str:
    text = ""
    for point in points:
        for value, zero in zip(point, origin, strict=True):
            word = _hundredths(value - zero)
            text += word if not text or word[0] == "-" else f" {word}"
    return text


def _hundredths(value: int) -> str:
    """A whole number of hundredths as a decimal without what can be left out."""
    whole, part = divmod(abs(value), 100)
    decimals = f".{part:02d}".rstrip("0") if part else ""
    return ("-" if value < 0 else "") + (f"{whole or ''}{decimals}" or "0")
