"""Names of runs beside their curves and points."""

from __future__ import annotations

import textwrap
from typing import Any

from weakchaos.reports.compare.row_flags import is_trusted

__all__ = ["label"]


def label(entrant: Any) -> str:
    """The name of a run, on at most three lines of twenty letters, with ``(!)`` when it is not to be trusted."""
    mark = "" if is_trusted(entrant) else " (!)"
    lines = textwrap.wrap(" ".join(str(entrant.name).split()) + mark, 20)
    return "\n".join(lines if len(lines) <= 3 else [*lines[:2], lines[2][:13].rstrip() + "..." + mark])
