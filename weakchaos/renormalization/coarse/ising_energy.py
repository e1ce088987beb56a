"""The temperature of a set of configurations of the two-dimensional Ising model, by its exact energy on finite tori."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number
from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.coarse.block_spins import as_spins
from weakchaos.targets.kaufman import exact_energy

__all__ = ["energy_per_spin", "temperature_of_energy"]


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
