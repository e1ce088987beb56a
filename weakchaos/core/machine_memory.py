"""How much memory the machine has, so that what cannot fit is refused before it is begun."""

from __future__ import annotations

import os

__all__ = ["enough_memory"]


def enough_memory(needed: int, what: str, instead: str) -> None:
    """Refuse, by a `MemoryError`, what would need more bytes than this machine has; `instead` says what to do.

    Examples
    --------
    >>> enough_memory(1000, "an array of 125 numbers", "take fewer")
    """
    try:
        have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):  # not known on this system
        return
    if needed > have:
        raise MemoryError(f"{what} needs {needed / 1e9:.1f} GB, and this machine has {have / 1e9:.1f} GB; {instead}")
