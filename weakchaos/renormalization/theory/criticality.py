"""Criticality of wide random networks: the variance of weights at which differences are marginal, and the point at which lengths are marginal too.

On the critical line chi = sigma_w^2 E phi'^2 = 1 (Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, ICLR 2017, arXiv:1611.01232); if also dq'/dq = 1, the
network is half-stable (Roberts, Yaida and Hanin, The Principles of Deep Learning Theory, Cambridge 2022, section 5.3, arXiv:2106.10165).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from weakchaos.core.errors import ArgumentError

if TYPE_CHECKING:
    from weakchaos.renormalization.theory.mean_field import MeanField

__all__ = ["HalfStable", "critical_variance", "half_stable_point"]

_SMALL = 1e-9  # the smallest length that is looked at


@dataclass(frozen=True)
class HalfStable:
    """A point at which both the length and differences are marginal: ``sigma_w2``, ``sigma_b2`` and the length ``q`` there."""

    sigma_w2: float
    sigma_b2: float
    q: float


@lru_cache(maxsize=32)
def _table(theory: MeanField) -> tuple[np.ndarray, np.ndarray]:
    """Lengths, rising, and the variances on the critical line at each, shape (2, n)."""
    grid = np.geomspace(_SMALL, 1e3, 97)
    return grid, np.array([theory.on_critical_line(q) for q in grid]).T


def critical_variance(theory: MeanField, sigma_b2: float) -> float:
    """The smallest variance of weights at which chi = 1, for a variance of biases that is not negative; see `MeanField.critical`."""
    from scipy.optimize import brentq

    phi = theory.activation
    if phi.slopes:
        if sigma_b2 > 0:
            raise ArgumentError(
                f"`sigma_b2` must be 0 for {phi.name}: at any other value lengths grow without bound where chi = 1; got {sigma_b2:g}"
            )
        return 1 / theory.moments(1.0)[2]
    zero_value, _, zero_gain = theory.moments(0.0)
    found = [1 / zero_gain] if sigma_b2 == 0 and zero_value < 1e-30 and zero_gain > 1e-12 else []
    grid, line = _table(theory)
    offset = line[1] - sigma_b2
    for i in np.flatnonzero((offset[:-1] * offset[1:] < 0) & (grid[:-1] > (1e-6 if found else 0))):
        q = brentq(lambda q: theory.on_critical_line(q)[1] - sigma_b2, grid[i], grid[i + 1], xtol=1e-16, rtol=1e-14)
        found.append(theory.on_critical_line(q)[0])
    if not found:
        raise ArgumentError(f"`sigma_b2` = {sigma_b2:g} has no critical variance of weights for {phi.name}")
    return float(min(found))


def half_stable_point(theory: MeanField) -> HalfStable | None:
    """The point where length and differences are both marginal at a length that is not zero; see `MeanField.half_stable`."""
    from scipy.optimize import brentq

    if theory.activation.slopes:
        return None

    def difference(q: float) -> float:
        _, slope, gain = theory.moments(q)
        return slope / gain - 1

    grid = np.geomspace(1e-3, 1e3, 61)
    values = np.array([difference(q) for q in grid])
    for i in np.flatnonzero((values[:-1] * values[1:] < 0) & (np.abs(values[:-1]) > 1e-9)):
        q = float(brentq(difference, grid[i], grid[i + 1], rtol=1e-13))
        sigma_w2, sigma_b2 = theory.on_critical_line(q)
        if sigma_b2 >= 0:
            return HalfStable(sigma_w2, sigma_b2, q)
    return None
