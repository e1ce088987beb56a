"""Whether what a linear prediction leaves over is independent: linear processes need not be Gaussian.

Surrogates with the spectrum and the marginals of a series are linear and Gaussian up to a monotone function. A linear process whose innovations are
skewed or have heavy tails is not, and rejects them by its asymmetry in time. Its innovations are independent, though, while those that an autoregression
leaves of a nonlinear process are uncorrelated only (McLeod and Li, J. Time Series Anal. 4 (1983) 269, doi:10.1111/j.1467-9892.1983.tb00373.x).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.diagnostics.standard_errors import rank_p_value

__all__ = ["dependence_of_innovations", "innovations"]

_LAGS = 10


def innovations(x: np.ndarray) -> np.ndarray:
    """What an autoregression of the order of least AIC leaves over, shape (n - order,).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> e = rng.normal(size=500)
    >>> x = np.zeros(500)
    >>> for t in range(1, 500):
    ...     x[t] = 0.8 * x[t - 1] + e[t]
    >>> left = innovations(x)
    >>> bool(np.corrcoef(left, e[-left.size :])[0, 1] > 0.99)
    True
    """
    y = (x - x.mean()) / x.std()
    most = min(max(1, int(10 * math.log10(y.size))), y.size // 10)
    past = np.column_stack([y[most - k : y.size - k] for k in range(1, most + 1)])
    here = y[most:]
    # All orders at once: the leading columns of one triangle.
    q, _ = np.linalg.qr(past)
    along = q.T @ here
    left = np.maximum(here @ here - np.cumsum(along**2), 1e-300)
    order = int(np.argmin(here.size * np.log(left) + 2.0 * np.arange(1, most + 1))) + 1
    coefficients = np.linalg.lstsq(past[:, :order], here, rcond=None)[0]
    return here - past[:, :order] @ coefficients


def _dependence(e: np.ndarray) -> float:
    """Sum of squared correlations, at the first lags, between sizes, and between sizes and values, of ranks: heavy tails have no say."""
    ranks = np.argsort(np.argsort(e)) / (e.size - 1.0) - 0.5
    size = np.abs(ranks) - 0.25
    total = 0.0
    for k in range(1, _LAGS + 1):
        for now, before in ((size[k:], size[:-k]), (ranks[k:], size[:-k]), (size[k:], ranks[:-k])):
            total += float((now @ before) ** 2 / ((now @ now) * (before @ before)))
    return total


def dependence_of_innovations(x: np.ndarray, count: int, rng: Any) -> tuple[float, float]:
    """Dependence of what a linear prediction of `x` leaves over, and the p-value of the hypothesis of none, against `count` shuffled ones."""
    left = innovations(x)
    value = _dependence(left)
    return value, float(rank_p_value(value, [_dependence(rng.permutation(left)) for _ in range(count)], "upper"))
