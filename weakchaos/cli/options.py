"""Values of options, checked by one rule for all commands."""

from __future__ import annotations

import math
import re
from pathlib import Path

from weakchaos.core.errors import shown

__all__ = ["Failure", "above_zero", "stem_of", "whole"]


class Failure(Exception):
    """A one-line message for the user; exit code 2."""


def whole(option: str, text: str, least: int) -> int:
    """A whole number of at least `least`; 1e5 is understood."""
    try:
        number = int(text) if re.fullmatch(r"\s*[+-]?\d+\s*", text) else float(text)
        if number == int(number) and number >= least:
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise Failure(f"`{option}` must be a whole number of at least {least}, as in 100000 or 1e5; got {shown(text)}")


def above_zero(option: str, text: str) -> float:
    """A finite number above zero."""
    try:
        number = float(text)
        if number > 0 and math.isfinite(number):
            return number
    except ValueError:
        pass
    raise Failure(f"`{option}` must be a positive number, as in 0.01; got {shown(text)}")


def stem_of(out: str) -> Path:
    """Where the files of a report begin: a name in a folder that exists, without its suffix."""
    path = Path(out).expanduser()
    if path.suffix.lower() in (".png", ".html", ".json"):
        path = path.with_suffix("")
    if not path.name or path.is_dir():
        raise Failure(f"`--out` must be the beginning of a file name, as in results/sachs; got {shown(out)}")
    if not path.parent.is_dir():
        raise Failure(f"`--out` must lie in a folder that exists; there is no {path.parent}")
    return path
