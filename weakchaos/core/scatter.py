"""The standard error of a mean of independent values, and of a statistic by the jackknife; for orbits and correlated sequences see `weakchaos.diagnostics.standard_errors`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["jackknife_error", "standard_error"]


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


def jackknife_error(left_out: Any) -> np.ndarray:
    """The standard error of a statistic from its values with each part of the data left out in turn, along the first axis; NaN where one of them is not finite.

    Tukey, Ann. Math. Stat. 29 (1958) 614. Parts that are left out are of equal size.

    Examples
    --------
    >>> x = np.array([1.0, 3.0, 8.0])
    >>> bool(np.isclose(jackknife_error((x.sum() - x) / 2), standard_error(x)))
    True
    """
    left_out = np.asarray(left_out, np.float64)
    finite = np.isfinite(left_out).all(0)
    return np.where(finite, np.sqrt((len(left_out) - 1) * np.where(finite, left_out, 0.0).var(0)), np.nan)
