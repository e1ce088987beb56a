"""Exact energy of the two-dimensional Ising model on finite tori.

Kaufman, Phys. Rev. 76 (1949) 1232, doi:10.1103/PhysRev.76.1232: on a torus of m rows and n columns,

    Z = (2 sinh 2K)^(mn/2) / 2  [ prod 2 cosh(m g_(2r+1)/2) + prod 2 sinh(m g_(2r+1)/2) + prod 2 cosh(m g_(2r)/2) + prod 2 sinh(m g_(2r)/2) ],

products over r = 0 .. n - 1, cosh g_l = cosh 2K coth 2K - cos(pi l / n), g_0 = 2K + ln tanh K, which is negative above the critical point. The energy is -d ln Z / dK, here
with the derivative of each factor by hand.
"""

from __future__ import annotations

import math

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown

__all__ = ["exact_energy"]


def exact_energy(k: float, rows: int, columns: int | None = None) -> float:
    """Mean energy per spin, in units of the coupling, of the Ising model at coupling over temperature `k` on a torus.

    Raises
    ------
    ArgumentError

    References
    ----------
    Kaufman, Phys. Rev. 76 (1949) 1232, doi:10.1103/PhysRev.76.1232.

    Examples
    --------
    >>> k = 0.5 * math.log(1 + 2**0.5)
    >>> round(exact_energy(k, 64), 4)  # -sqrt 2 = -1.4142 for an infinite lattice
    -1.4239
    """
    k = real_number("k", k)
    m = whole_number("rows", rows, 2)
    n = m if columns is None else whole_number("columns", columns, 2)
    if k <= 0:
        raise ArgumentError(f"`k` must be positive; got {shown(k)}")
    sinh2, cosh2 = math.sinh(2 * k), math.cosh(2 * k)
    # d(cosh 2K coth 2K) / dK
    rise = 2 * cosh2 - 2 * cosh2 / sinh2**2
    logs, slopes, signs = [], [], []
    for odd in (1, 0):
        place = 2 * np.arange(n) + odd
        value = cosh2 * cosh2 / sinh2 - np.cos(np.pi * place / n)
        g = np.arccosh(np.maximum(value, 1.0))
        dg = rise / np.sqrt(np.maximum(value * value - 1, 1e-300))
        if not odd:
            g[0] = 2 * k + math.log(math.tanh(k))
            dg[0] = 2 + 2 / sinh2
        half, dhalf = 0.5 * m * g, 0.5 * m * dg
        size = np.abs(half)
        even = size + np.log1p(np.exp(-2 * size))
        logs.append(even.sum())
        slopes.append((np.tanh(half) * dhalf).sum())
        signs.append(1.0)
        with np.errstate(divide="ignore"):
            logs.append((size + np.log(-np.expm1(-2 * size))).sum())
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes.append((dhalf / np.tanh(half)).sum())
        signs.append(float(np.prod(np.sign(half))))
    top = max(logs)
    weights = np.array(signs) * np.exp(np.array(logs) - top)
    slope = float((weights * np.where(weights == 0, 0.0, slopes)).sum() / weights.sum())
    return -(slope + m * n * cosh2 / sinh2) / (m * n)
