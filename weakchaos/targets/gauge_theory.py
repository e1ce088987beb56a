"""Exact expectations of U(1) lattice gauge theory in two dimensions.

With open boundaries the angles of the plaquettes are independent, each of density p(x) = exp(beta cos x) / (2 pi I_0(beta)) on the circle. On a torus
their sum is a multiple of 2 pi. In characters (A. A. Migdal, Sov. Phys. JETP 42 (1975) 413), with r_n = I_n(beta) / I_0(beta) and V plaquettes,

    Z ~ sum_n r_n^V,    W(A) = sum_n r_n^(V - A) r_(n+1)^A / sum_n r_n^V

for a Wilson loop around A plaquettes. The topological charge Q of a torus is that multiple: its distribution is the density of a sum of V independent
angles at 2 pi Q,

    P(Q) ~ sum_j c(j / M)^V cos(2 pi Q j / M),    c(nu) = int cos(nu x) p(x) dx

for any M beyond the number of possible charges, as a sum over the grid repeats P with period M.
"""

from __future__ import annotations

import math

import numpy as np

from weakchaos.core.errors import ArgumentError

__all__ = ["angle_moment", "charge_distribution", "plaquette_moments", "wilson_loop"]


def _ratios(beta: float) -> np.ndarray:
    """I_n(beta) / I_0(beta) for n = -N .. N, beyond which nothing is left."""
    from scipy.special import ive

    most = 40 + int(8.0 * math.sqrt(beta) + beta / 8.0)
    return ive(np.abs(np.arange(-most, most + 1)), beta) / ive(0, beta)


def _shifted(ratios: np.ndarray, k: int) -> np.ndarray:
    """The mean of r_(n-k) and r_(n+k): what the character n makes of cos(k x)."""
    padded = np.pad(ratios, k)
    return 0.5 * (padded[: ratios.size] + padded[2 * k :])


def angle_moment(beta: float, plaquettes: int, periodic: bool, k: int) -> float:
    """Expectation of cos(k x) for the angle x of one plaquette.

    Examples
    --------
    >>> round(angle_moment(1.0, 4, True, 1), 8), round(angle_moment(1.0, 4, False, 1), 8)
    (0.50519654, 0.44638997)
    """
    r = _ratios(beta)
    if not periodic:
        return float(r[r.size // 2 + k]) if r.size // 2 + k < r.size else 0.0
    return float((r ** (plaquettes - 1) * _shifted(r, k)).sum() / (r**plaquettes).sum())


def wilson_loop(beta: float, plaquettes: int, periodic: bool, area: int) -> float:
    """Expectation of the cosine of the sum of the angles of `area` plaquettes."""
    r = _ratios(beta)
    if not periodic:
        return float(r[r.size // 2 + 1] ** area)
    after = np.append(r[1:], 0.0)
    return float((r ** (plaquettes - area) * after**area).sum() / (r**plaquettes).sum())


def plaquette_moments(beta: float, plaquettes: int, periodic: bool) -> tuple[float, float]:
    """Mean, and variance over configurations, of the average of cos x over all plaquettes."""
    r = _ratios(beta)
    first, second = _shifted(r, 1), 0.5 * (r + _shifted(r, 2))
    if not periodic:
        middle = r.size // 2
        mean = float(first[middle])
        return mean, float(second[middle] - mean**2) / plaquettes
    v = plaquettes
    z = (r**v).sum()
    mean = float((r ** (v - 1) * first).sum() / z)
    pairs = (r ** (v - 2) * first**2).sum() / z if v > 1 else 0.0
    return mean, max(float((r ** (v - 1) * second).sum() / z / v + (v - 1) / v * pairs) - mean**2, 0.0)


def _angle_density(beta: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes on (0, pi), and weights with which sums are expectations over one free plaquette of even functions."""
    panels = -(-nodes // 32)  # short rules side by side: one long rule costs the cube of its length
    x, weight = np.polynomial.legendre.leggauss(32)
    x = (0.5 * math.pi / panels * (x + 1.0) + math.pi / panels * np.arange(panels)[:, None]).ravel()
    density = np.tile(weight, panels) * np.exp(beta * (np.cos(x) - 1.0))
    return x, density / density.sum()


def free_moment(beta: float, power: int) -> float:
    """Expectation of x^power for the angle x, in (-pi, pi], of one free plaquette; for even powers."""
    x, weight = _angle_density(beta, 400 + int(40 * math.sqrt(beta)))
    return float((weight * x**power).sum())


def charge_distribution(beta: float, plaquettes: int) -> tuple[np.ndarray, np.ndarray]:
    """Charges and their probabilities on a torus.

    Returns
    -------
    charges : int64 array
        All possible ones, or those within 12 standard deviations.
    probabilities : float64 array

    Raises
    ------
    ArgumentError
        For fewer than four plaquettes, which no torus of sides of at least 2 has.

    Examples
    --------
    >>> charges, p = charge_distribution(4.0, 64)
    >>> round(float(p @ charges**2), 4)
    0.482
    """
    if plaquettes < 4:
        raise ArgumentError(f"`plaquettes` must be at least 4; got {plaquettes}")
    spread = math.sqrt(plaquettes * free_moment(beta, 2)) / (2.0 * math.pi)
    most = min(plaquettes // 2, 8 + int(12.0 * spread))
    period = 2 * most + 1
    # c falls like exp(-2 beta) / nu at least, so that its power does sooner for many plaquettes.
    end = 300.0 if plaquettes < 9 else 40.0 if plaquettes < 64 else 12.0
    nu = np.arange(int(end * period) + 1) / period
    x, weight = _angle_density(beta, 400 + int(8 * end) + int(40 * math.sqrt(beta)))
    c = np.empty(nu.size)
    for first in range(0, nu.size, 4096):
        part = slice(first, first + 4096)
        c[part] = np.cos(nu[part, None] * x) @ weight
    power = c**plaquettes
    power[1:] *= 2.0
    charges = np.arange(-most, most + 1)
    p = np.cos(2.0 * math.pi * np.outer(charges, np.arange(nu.size) % period) / period) @ power
    p = np.maximum(p, 0.0)
    return charges, p / p.sum()
