"""Hamiltonian flows, the state being (q, p): Hénon-Heiles and the double pendulum. Their exponents come in pairs ±λ, two of them 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import carray

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.native.c_maps import NativeFunction
from weakchaos.systems.flow import NativeFlow

__all__ = ["DoublePendulum", "HenonHeiles"]


@NativeFunction
def _henon_heiles(n, z, out, data):
    x, y = z[0], z[1]
    out[0], out[1], out[2], out[3] = z[2], z[3], -x - 2.0 * x * y, -y - x * x + y * y
    for i in range(4, n, 4):
        dx, dy = z[i], z[i + 1]
        out[i], out[i + 1] = z[i + 2], z[i + 3]
        out[i + 2] = -(1.0 + 2.0 * y) * dx - 2.0 * x * dy
        out[i + 3] = -2.0 * x * dx - (1.0 - 2.0 * y) * dy
    return 0


@NativeFunction
def _double_pendulum(n, z, out, data):
    """H = (p1² + 2 p2² - 2 p1 p2 cos(a - b)) / (2 (1 + sin²(a - b))) - g (2 cos a + cos b)."""
    g = carray(data, (1,), np.float64)[0]
    a, b, p, q = z[0], z[1], z[2], z[3]
    c, s = math.cos(a - b), math.sin(a - b)
    d = 1.0 + s * s
    numerator = p * p + 2.0 * q * q - 2.0 * p * q * c
    u, w = (p - q * c) / d, (2.0 * q - p * c) / d
    torque = p * q * s / d - numerator * s * c / (d * d)
    out[0], out[1] = u, w
    out[2], out[3] = -torque - 2.0 * g * math.sin(a), torque - g * math.sin(b)
    if n > 4:
        slope = 2.0 * s * c / d
        u_angle, w_angle = q * s / d - u * slope, p * s / d - w * slope
        torque_angle = (
            p * q * c * (d - 2.0 * s * s) / (d * d)
            - (2.0 * p * q * s * s * c + numerator * (c * c - s * s)) / (d * d)
            + 2.0 * numerator * s * c * slope / (d * d)
        )
        torque_p = q * s / d - 2.0 * (p - q * c) * s * c / (d * d)
        torque_q = p * s / d - (4.0 * q - 2.0 * p * c) * s * c / (d * d)
        first, second = 2.0 * g * math.cos(a), g * math.cos(b)
        for i in range(4, n, 4):
            da, db, dp, dq = z[i], z[i + 1], z[i + 2], z[i + 3]
            angle = da - db
            change = torque_angle * angle + torque_p * dp + torque_q * dq
            out[i], out[i + 1] = u_angle * angle + (dp - c * dq) / d, w_angle * angle + (2.0 * dq - c * dp) / d
            out[i + 2], out[i + 3] = -change - first * da, change - second * db
    return 0


@dataclass(frozen=True)
class HenonHeiles(NativeFlow):
    """The Hénon-Heiles system, H = (p² + x² + y²) / 2 + x² y - y³ / 3, on the surface of a given energy.

    Orbits are bounded up to the energy 1/6. Chaos and tori coexist, so the exponent depends on the start; G. Benettin, L. Galgani and
    J.-M. Strelcyn, Phys. Rev. A 14 (1976) 2338, doi:10.1103/PhysRevA.14.2338, measured its growth with energy. In the chaotic sea of the
    energy 1/8 runs of 10**6 units of time give 0.038 to 0.048 here. M. Hénon and C. Heiles, Astron. J. 69 (1964) 73, doi:10.1086/109234.

    Parameters
    ----------
    energy : float
        Energy of the starts that are drawn; above 0, at most 1/6.
    step, method, tolerance :
        See `weakchaos.systems.flow.Flow`.

    Examples
    --------
    >>> system = HenonHeiles()
    >>> round(system.energy_of(system.start(seed=1).phase), 12)
    0.125
    """

    energy: float = 0.125
    step: float = 0.1
    method: str = "symplectic4"
    tolerance: float = 1e-9
    native = _henon_heiles
    separable = True
    dim = 4

    def __post_init__(self):
        super().__post_init__()
        if not 0.0 < self.energy <= 1.0 / 6.0:
            raise ArgumentError(f"`energy` must be above 0 and at most 1/6, or orbits escape; got {shown(self.energy)}")

    def parameters(self) -> np.ndarray:
        """An empty array: the energy is a property of the start."""
        return np.zeros(1)

    def energy_of(self, state: Any) -> float:
        """The energy of a state (x, y, px, py)."""
        x, y, p, q = np.asarray(state, float)
        return float((p * p + q * q + x * x + y * y) / 2 + x * x * y - y**3 / 3)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """On x = 0 within 0.01 of y = -0.15, py = 0, where orbits are chaotic at the energies 1/8 to 1/6; at y = py = 0 below 1/80."""
        y, q = rng.uniform([-0.16, -0.01], [-0.14, 0.01])
        rest = 2.0 * (self.energy - (y * y / 2 - y**3 / 3)) - q * q
        if rest < 0.0:
            y, q, rest = 0.0, 0.0, 2.0 * self.energy
        return np.array([0.0, y, math.sqrt(rest), q])


@dataclass(frozen=True)
class DoublePendulum(NativeFlow):
    """Two equal masses on two equal weightless rods: the state is both angles from the vertical and their momenta.

    Units: mass and length 1. The exponent depends on the start; T. Shinbrot, C. Grebogi, J. Wisdom and J. A. Yorke, Am. J. Phys. 60 (1992)
    491, doi:10.1119/1.16860, found it positive in the laboratory. Released at rest with both rods horizontal it is 0.295 ± 0.003 in units of the
    inverse time sqrt(length / g), measured here over 5 * 10**4 units of time.

    Parameters
    ----------
    gravity : float
    step, method, tolerance :
        See `weakchaos.systems.flow.Flow`.

    Examples
    --------
    >>> DoublePendulum().energy_of([0.0, 0.0, 0.0, 0.0])
    -3.0
    """

    gravity: float = 1.0
    step: float = 0.05
    method: str = "dop853"
    tolerance: float = 1e-10
    native = _double_pendulum
    dim = 4

    def parameters(self) -> np.ndarray:
        """gravity."""
        return np.array([self.gravity])

    def energy_of(self, state: Any) -> float:
        """The energy of a state (angles, momenta)."""
        a, b, p, q = np.asarray(state, float)
        kinetic = (p * p + 2 * q * q - 2 * p * q * math.cos(a - b)) / (2 * (1 + math.sin(a - b) ** 2))
        return float(kinetic - self.gravity * (2 * math.cos(a) + math.cos(b)))

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """At rest, both rods within 0.01 of the horizontal."""
        return np.concatenate([math.pi / 2 + rng.uniform(-0.01, 0.01, 2), np.zeros(2)])
