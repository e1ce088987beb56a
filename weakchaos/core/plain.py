"""Results as strict JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["plain", "strict_json"]


def plain(value: Any) -> Any:
    """`value` in the types of strict JSON; what is not finite becomes null, what has no type there its text.

    Examples
    --------
    >>> plain({"a": np.array([1.0, np.nan]), 2: (np.int64(3), True)})
    {'a': [1.0, None], '2': [3, True]}
    """
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def strict_json(value: Any, path: Any = None) -> str:
    """`value` as JSON text, written to `path` when one is given."""
    text = json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False)
    if path is not None:
        Path(path).write_text(text + "\n", encoding="utf-8")
    return text
