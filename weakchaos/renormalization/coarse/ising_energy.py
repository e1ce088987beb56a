"""Exact energy of the two-dimensional Ising model on finite tori, which assigns a temperature to any set of configurations.

Kaufman, Phys. Rev. 76 (1949) 1232, doi:10.1103/PhysRev.76.1232: on a torus of m rows and n columns,

    Z = (2 sinh 2K)^(mn/2) / 2  [ prod 2 cosh(m g_(2r+1)/2) + prod 2 sinh(m g_(2r+1)/2) + prod 2 cosh(m g_(2r)/2) + prod 2 sinh(m g_(2r)/2) ],

products over r = 0 .. n - 1, cosh g_l = cosh 2K coth 2K - cos(pi l / n), g_0 = 2K + ln tanh K, which is negative above the critical point. The energy is -d ln Z / dK, here
with the derivative of each factor by hand.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.renormalization.coarse.block_spins import as_spins

__all__ = ["energy_per_spin", "exact_energy", "temperature_of_energy"]


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


def temperature_of_energy(energy: float, rows: int, columns: int | None = None) -> float:
    """The temperature at which the mean energy per spin is `energy`, with coupling 1 and Boltzmann's constant 1.

    Parameters
    ----------
    energy : float
        From -2 to below 0.
    rows, columns : int

    Returns
    -------
    float
        Infinity for energies of 0 and above.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> round(temperature_of_energy(exact_energy(0.4, 8), 8), 6)
    2.5
    """
    from scipy.optimize import brentq

    energy = real_number("energy", energy)
    if energy < -2:
        raise ArgumentError(f"`energy` must be at least -2, that of aligned spins; got {energy:g}")
    if energy >= -1e-9:
        return math.inf
    low, high = 1e-6, 5.0
    if energy <= exact_energy(high, rows, columns):
        return 0.0
    return 1 / float(brentq(lambda k: exact_energy(k, rows, columns) - energy, low, high, xtol=1e-12))


def energy_per_spin(spins: Any) -> np.ndarray:
    """-sum of s_i s_j over neighbours on a torus, per spin, of configurations of shape (..., rows, columns).

    Examples
    --------
    >>> float(energy_per_spin(np.ones((4, 4))))
    -2.0
    """
    s = as_spins(spins).astype(np.int64)
    return -(s * (np.roll(s, 1, -1) + np.roll(s, 1, -2))).mean((-2, -1))
