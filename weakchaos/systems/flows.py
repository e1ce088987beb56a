"""Dissipative flows in three dimensions: Lorenz, Rössler, Sprott's jerk. Exponents are in nats per unit time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import carray

from weakchaos.native.c_maps import NativeFunction
from weakchaos.systems.flow import NativeFlow

__all__ = ["Lorenz", "Rossler", "SprottJerk"]


@NativeFunction
def _lorenz(n, z, out, data):
    constants = carray(data, (3,), np.float64)
    sigma, rho, beta = constants[0], constants[1], constants[2]
    x, y, w = z[0], z[1], z[2]
    out[0], out[1], out[2] = sigma * (y - x), x * (rho - w) - y, x * y - beta * w
    for i in range(3, n, 3):
        dx, dy, dw = z[i], z[i + 1], z[i + 2]
        out[i], out[i + 1], out[i + 2] = sigma * (dy - dx), (rho - w) * dx - dy - x * dw, y * dx + x * dy - beta * dw
    return 0


@NativeFunction
def _rossler(n, z, out, data):
    constants = carray(data, (3,), np.float64)
    a, b, c = constants[0], constants[1], constants[2]
    x, y, w = z[0], z[1], z[2]
    out[0], out[1], out[2] = -y - w, x + a * y, b + w * (x - c)
    for i in range(3, n, 3):
        dx, dy, dw = z[i], z[i + 1], z[i + 2]
        out[i], out[i + 1], out[i + 2] = -dy - dw, dx + a * dy, w * dx + (x - c) * dw
    return 0


@NativeFunction
def _jerk(n, z, out, data):
    a = carray(data, (1,), np.float64)[0]
    x, y, w = z[0], z[1], z[2]
    out[0], out[1], out[2] = y, w, y * y - a * w - x
    for i in range(3, n, 3):
        dx, dy, dw = z[i], z[i + 1], z[i + 2]
        out[i], out[i + 1], out[i + 2] = dy, dw, 2.0 * y * dy - a * dw - dx
    return 0


@dataclass(frozen=True)
class Lorenz(NativeFlow):
    """The Lorenz flow x' = σ (y - x), y' = x (ρ - z) - y, z' = x y - β z.

    At σ = 10, ρ = 28, β = 8/3 the exponents are 0.9056, 0 and -14.5723, the Kaplan-Yorke dimension 2.06215 (J. C. Sprott, Chaos and
    Time-Series Analysis, Oxford 2003); at σ = 16, ρ = 45.92, β = 4 they are 1.50, 0 and -22.46 (A. Wolf et al., Physica D 16 (1985) 285,
    doi:10.1016/0167-2789(85)90011-9). Their sum is -(σ + 1 + β). For 1 < ρ < 24.74 two fixed points attract; the exponents there are the real
    parts of the eigenvalues. E. N. Lorenz, J. Atmos. Sci. 20 (1963) 130, doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2.

    Parameters
    ----------
    sigma, rho, beta : float
    step, method, tolerance :
        See `weakchaos.systems.flow.Flow`. At a step of 0.01 the error of ``"rk4"`` moves the sum of the exponents by 1e-4, at 0.005 by 6e-6.

    Examples
    --------
    >>> Lorenz().vector_field([1.0, 2.0, 3.0]).round(6).tolist()
    [10.0, 23.0, -6.0]
    """

    sigma: float = 10.0
    rho: float = 28.0
    beta: float = 8.0 / 3.0
    step: float = 0.005
    method: str = "rk4"
    tolerance: float = 1e-9
    native = _lorenz
    dim = 3

    def parameters(self) -> np.ndarray:
        """sigma, rho, beta."""
        return np.array([self.sigma, self.rho, self.beta])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Uniform in a box around the attractor of the classical parameters."""
        return rng.uniform([-10.0, -10.0, 15.0], [10.0, 10.0, 35.0])


@dataclass(frozen=True)
class Rossler(NativeFlow):
    """The Rössler flow x' = -y - z, y' = x + a y, z' = b + z (x - c).

    At a = b = 0.2, c = 5.7 the exponents are 0.0714, 0 and -5.3943, the Kaplan-Yorke dimension 2.0132 (J. C. Sprott, Chaos and Time-Series
    Analysis, Oxford 2003). O. E. Rössler, Phys. Lett. A 57 (1976) 397, doi:10.1016/0375-9601(76)90101-8.

    Parameters
    ----------
    a, b, c : float
    step, method, tolerance :
        See `weakchaos.systems.flow.Flow`.

    Examples
    --------
    >>> Rossler().vector_field([1.0, 2.0, 3.0]).round(6).tolist()
    [-5.0, 1.4, -13.9]
    """

    a: float = 0.2
    b: float = 0.2
    c: float = 5.7
    step: float = 0.02
    method: str = "rk4"
    tolerance: float = 1e-9
    native = _rossler
    dim = 3

    def parameters(self) -> np.ndarray:
        """a, b, c."""
        return np.array([self.a, self.b, self.c])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Within 1 of (-6, 0, 0)."""
        return np.array([-6.0, 0.0, 0.0]) + rng.uniform([-1.0, -1.0, 0.0], [1.0, 1.0, 0.1])


@dataclass(frozen=True)
class SprottJerk(NativeFlow):
    """Sprott's simplest jerk flow x''' = -a x'' + x'² - x, as (x, x', x'').

    At a = 2.017 the exponents are 0.0551, 0 and -2.0721, the Kaplan-Yorke dimension 2.0265; their sum is -a. The basin of the attractor is
    small. J. C. Sprott, Phys. Lett. A 228 (1997) 271, doi:10.1016/S0375-9601(97)00088-1.

    Parameters
    ----------
    a : float
        Chaotic from 2.0168 to 2.0577.
    step, method, tolerance :
        See `weakchaos.systems.flow.Flow`.

    Examples
    --------
    >>> SprottJerk().vector_field([1.0, 2.0, 3.0]).round(6).tolist()
    [2.0, 3.0, -3.051]
    """

    a: float = 2.017
    step: float = 0.05
    method: str = "rk4"
    tolerance: float = 1e-9
    native = _jerk
    dim = 3

    def parameters(self) -> np.ndarray:
        """a."""
        return np.array([self.a])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """(0.02, 0, z) with z uniform in (0, 0.005), inside the basin."""
        return np.array([0.02, 0.0, 0.0]) + rng.uniform(0.0, [0.0, 0.0, 0.005])
