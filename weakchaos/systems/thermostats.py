"""A harmonic oscillator with one thermostat that is meant to make it sample Gibbs's distribution: Nosé-Hoover's does not, the 0532 one does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import carray

from weakchaos.native.c_maps import NativeFunction
from weakchaos.systems.flow import NativeFlow

__all__ = ["NoseHoover", "Thermostat0532"]


@NativeFunction
def _nose_hoover(n, z, out, data):
    constants = carray(data, (2,), np.float64)
    temperature, mass = constants[0], constants[1]
    q, p, w = z[0], z[1], z[2]
    out[0], out[1], out[2] = p, -q - w * p, (p * p - temperature) / mass
    for i in range(3, n, 3):
        dq, dp, dw = z[i], z[i + 1], z[i + 2]
        out[i], out[i + 1], out[i + 2] = dp, -dq - w * dp - p * dw, 2.0 * p * dp / mass
    return 0


@NativeFunction
def _0532(n, z, out, data):
    constants = carray(data, (3,), np.float64)
    a, b, t = constants[0], constants[1], constants[2]
    q, p, w = z[0], z[1], z[2]
    square = p * p / t
    out[0], out[1] = p, -q - w * p * (a + b * square)
    out[2] = a * (square - 1.0) + b * square * (square - 3.0)
    slope = a + 3.0 * b * square
    turn = 2.0 * p / t * (a + b * (2.0 * square - 3.0))
    for i in range(3, n, 3):
        dq, dp, dw = z[i], z[i + 1], z[i + 2]
        out[i], out[i + 1], out[i + 2] = dp, -dq - w * slope * dp - p * (a + b * square) * dw, turn * dp
    return 0


@dataclass(frozen=True)
class NoseHoover(NativeFlow):
    """The Nosé-Hoover oscillator q' = p, p' = -q - ζ p, ζ' = (p² - T) / M.

    At T = M = 1 from (0, 5, 0) the exponents are 0.0139, 0 and -0.0139 (J. C. Sprott, Phys. Rev. E 50 (1994) R647,
    doi:10.1103/PhysRevE.50.R647, case A); most other orbits lie on tori, where all exponents are 0. The flow is time-reversible, so the spectrum is symmetric. H. A. Posch,
    W. G. Hoover and F. J. Vesely, Phys. Rev. A 33 (1986) 4253, doi:10.1103/PhysRevA.33.4253.

    Parameters
    ----------
    temperature, mass : float
    step, method, tolerance :
        See `weakchaos.systems.flow.Flow`.

    Examples
    --------
    >>> NoseHoover().vector_field([1.0, 2.0, 3.0]).tolist()
    [2.0, -7.0, 3.0]
    """

    temperature: float = 1.0
    mass: float = 1.0
    step: float = 0.02
    method: str = "rk4"
    tolerance: float = 1e-9
    native = _nose_hoover
    dim = 3

    def parameters(self) -> np.ndarray:
        """temperature and mass."""
        return np.array([self.temperature, self.mass])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Within 0.001 of (0, 5, 0), which is in the chaotic sea."""
        return np.array([0.0, 5.0, 0.0]) + rng.uniform(-1e-3, 1e-3, 3)


@dataclass(frozen=True)
class Thermostat0532(NativeFlow):
    """The 0532 oscillator: q' = p, p' = -q - ζ (a p + b p³ / T), ζ' = a (p² / T - 1) + b (p⁴ / T² - 3 p² / T).

    At a = 0.05, b = 0.32 one chaotic sea with Gibbs's density exp(-(q² + p²) / 2T - ζ² / 2) fills the space: means of q², p² and ζ² are T, T
    and 1. W. G. Hoover, J. C. Sprott and C. G. Hoover, Commun. Nonlinear Sci. Numer. Simul. 32 (2016) 234, doi:10.1016/j.cnsns.2015.08.020.
    The spectrum is symmetric; its exponents are 0.144, 0 and -0.144, measured here over 10**6 units of time.

    Parameters
    ----------
    a, b, temperature : float
    step, method, tolerance :
        See `weakchaos.systems.flow.Flow`.

    Examples
    --------
    >>> Thermostat0532().vector_field([1.0, 1.0, 1.0]).round(6).tolist()
    [1.0, -1.37, -0.64]
    """

    a: float = 0.05
    b: float = 0.32
    temperature: float = 1.0
    step: float = 0.02
    method: str = "rk4"
    tolerance: float = 1e-9
    native = _0532
    dim = 3

    def parameters(self) -> np.ndarray:
        """a, b, temperature."""
        return np.array([self.a, self.b, self.temperature])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Uniform in the unit cube."""
        return rng.uniform(0.0, 1.0, 3)
