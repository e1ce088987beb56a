"""The standard error of a mean of independent values; for orbits and correlated sequences see `weakchaos.diagnostics.standard_errors`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["standard_error"]


def standard_error(values: Any) -> np.ndarray:
    """Standard errors of the means of independent values along the first axis; NaN for fewer than two of them.

    Examples
    --------
    >>> round(float(standard_error([1.0, 3.0])), 12)
    1.0
    """
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan)
    return values.std(0, ddof=1) / math.sqrt(len(values))
