"""Which rows of a long table stand in a page: the worst and the first, as many as there is room for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from itertools import accumulate
from typing import Any, NamedTuple

from weakchaos.core.plain import plain

__all__ = ["ROOM", "Shown", "as_json", "brief", "row_size", "shorter", "shown_rows"]

# Bytes for a table and for its rows as JSON. The rest of a page, without its pictures, takes less than 150 kB, so that no page is over 500 kB.
ROOM = 300_000
_NAME = 160  # letters of a name in a table
_WHERE = 100  # names that a flag is about


class Shown(NamedTuple):
    """Rows that stand in a page: of the worst and of the others, each by their numbers, and how many there are in all."""

    worst: list[int]
    first: list[int]
    total: int

    @property
    def rows(self) -> list[int]:
        """All that are shown."""
        return [*self.worst, *self.first]

    @property
    def left_out(self) -> int:
        """How many are not shown."""
        return self.total - len(self.worst) - len(self.first)

    def parts(self, rows: Sequence[Any], worst: str) -> list[tuple[str, list[Any]]]:
        """The rows under their headings; one part without a heading where nothing is left out."""
        first = [rows[i] for i in self.first]
        if not self.left_out:
            return [("", first)]
        heading = f"The first {len(first):,}" + (" of the others" if self.worst else "") + f"; {self.left_out:,} are left out"
        return ([(worst, [rows[i] for i in self.worst])] if self.worst else []) + [(heading, first)]


def shown_rows(sizes: Sequence[int], worst: Sequence[int] = (), room: int = ROOM, most: int | None = None) -> Shown:
    """The rows of a table for which there is room: all, or else about half of them the worst and half the first.

    Parameters
    ----------
    sizes : sequence of int
        Bytes of each row.
    worst : sequence of int
        Rows from the worst on; without them only the first are shown.
    room : int
        Bytes for all rows.
    most : int, optional
        Number of rows that a reader is shown at most.

    Examples
    --------
    >>> shown_rows([10] * 4, worst=[3, 1, 0, 2])
    Shown(worst=[], first=[0, 1, 2, 3], total=4)
    >>> shown_rows([10] * 9, worst=[8, 1, 0], room=45)
    Shown(worst=[8, 1], first=[0, 2], total=9)
    """
    count = len(sizes)
    most = count if most is None else most
    if sum(sizes) <= room and count <= most:
        return Shown([], list(range(count)), count)
    bad = _fitting(worst, sizes, room // 2, most // 2)
    taken = set(bad)
    left = room - sum(sizes[i] for i in bad)
    return Shown(bad, _fitting([i for i in range(count) if i not in taken], sizes, left, most - len(bad)), count)


def _fitting(order: Sequence[int], sizes: Sequence[int], room: int, most: int) -> list[int]:
    """The first rows in this order for which there is room."""
    used = accumulate(sizes[i] for i in order)
    return [i for i, size in zip(order[:most], used, strict=False) if size <= room]


def shorter(name: str) -> str:
    """A name for a table, cut where it is longer than a line."""
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def row_size(cells: Sequence[str], labels: Sequence[str], data: Any = None) -> int:
    """Bytes of a row of a table whose cells carry labels, and of its data as JSON."""
    parts = [*(escape(text) for text in cells), *(escape(text) for text in labels)]
    size = 12 + sum(len(text.encode()) for text in parts) + 36 * len(cells)
    return size + (0 if data is None else len(as_json(data)) + 4)


def as_json(content: Any) -> str:
    """Data as JSON that can stand in a page; of the names that a flag is about the first hundred."""
    text = json.dumps(_lean(plain(content)), ensure_ascii=True, allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _lean(value: Any) -> Any:
    if isinstance(value, list):
        return [_lean(v) for v in value]
    if not isinstance(value, dict):
        return value
    out = {k: _lean(v) for k, v in value.items()}
    names = out.get("where")
    if isinstance(names, list) and len(names) > _WHERE:
        out |= {"where": [shorter(str(name)) for name in names[:_WHERE]], "where_left_out": len(names) - _WHERE}
    return out


def brief(text: str, instead: str, room: int = 50_000) -> str:
    """A text, or what stands in its place where it takes more than so many bytes."""
    return text if len(text.encode()) <= room else instead
