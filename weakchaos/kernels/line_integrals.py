"""Integrals of stationary kernels on a line: over an interval, and against a normal distribution.

With k(t) a function of t = |x - y| these are all that means under uniform and normal distributions need:
``G(t) = int_0^t k``, odd in t, and ``M(t) = int_0^t s k(s) ds`` give

    E k(x, Y) = (G(b - x) - G(a - x)) / L,    E k(X, X') = 2 (L G(L) - M(L)) / L^2    for the uniform distribution on [a, b], L = b - a;

a normal Y needs ``E k(|Z|)`` for Z ~ N(delta, sigma^2), since X - X' is normal too. Polynomials times exp(-s |Z|), the Matern kernels, come from moments of
truncated normal distributions; scaled complementary error functions keep large s sigma from overflowing, and where they would cancel
Gauss-Laguerre quadrature takes their place.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from weakchaos.kernels.base import Kernel
from weakchaos.kernels.radial import (
    EnergyDistance,
    Gaussian,
    InverseMultiquadric,
    Laplace,
    Matern12,
    Matern32,
    Matern52,
    RationalQuadratic,
)

__all__ = ["against_normal", "antiderivatives", "normal_distance"]

_SQRT2 = math.sqrt(2.0)
# k(t) = p(u) exp(-u), u = s t: coefficients of p, and s times the length.
_EXPONENTIAL: dict[type, tuple[tuple[float, ...], float]] = {
    Laplace: ((1.0,), 1.0),
    Matern12: ((1.0,), 1.0),
    Matern32: ((1.0, 1.0), math.sqrt(3.0)),
    Matern52: ((1.0, 1.0, 1.0 / 3.0), math.sqrt(5.0)),
}
_NARROW = 6.0  # s sigma above which quadrature takes the place of error functions


def _exponential(coefficients: tuple[float, ...], u: np.ndarray) -> np.ndarray:
    """int_0^u p(v) exp(-v) dv for a polynomial p; accurate for small u too."""
    from scipy.special import gammainc

    return sum(c * math.factorial(n) * gammainc(n + 1, u) for n, c in enumerate(coefficients))


def antiderivatives(kernel: Kernel, h: float, t: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """(G(t), M(t)) of a kernel of length `h` on a line, for t >= 0; None where they are not known."""
    from scipy.special import erf

    t = np.asarray(t, np.float64)
    if isinstance(kernel, Gaussian):
        return h * math.sqrt(math.pi / 2) * erf(t / (_SQRT2 * h)), -(h**2) * np.expm1(-(t**2) / (2 * h * h))
    if type(kernel) in _EXPONENTIAL:
        p, factor = _EXPONENTIAL[type(kernel)]
        s = factor / h
        return _exponential(p, s * t) / s, _exponential((0.0, *p), s * t) / s**2
    if isinstance(kernel, InverseMultiquadric) and kernel.exponent == 0.5:
        return h * np.arcsinh(t / h), h * h * (np.hypot(1.0, t / h) - 1.0)
    if isinstance(kernel, InverseMultiquadric | RationalQuadratic):
        power = kernel.exponent if isinstance(kernel, InverseMultiquadric) else kernel.alpha
        b = 1.0 / h**2 if isinstance(kernel, InverseMultiquadric) else 0.5 / (power * h * h)
        if power == 1.0:
            return np.arctan(t * math.sqrt(b)) / math.sqrt(b), np.log1p(b * t * t) / (2 * b)
    if isinstance(kernel, EnergyDistance):  # of |x - y| itself
        return t**2 / 2, t**3 / 3
    return None


@cache
def _laguerre() -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.laguerre.laggauss(80)


def _half_line(coefficients: tuple[float, ...], s: float, delta: np.ndarray, sigma: float) -> np.ndarray:
    """int_0^inf p(s z) exp(-s z) N(z; delta, sigma^2) dz."""
    from scipy.special import erfcx

    if s * sigma > _NARROW:
        u, w = _laguerre()
        z = u / s
        density = np.exp(-0.5 * ((z - delta[..., None]) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
        return density @ (w * np.polynomial.polynomial.polyval(u, coefficients)) / s
    c = delta - s * sigma**2
    v = -c / (_SQRT2 * sigma)
    peak = np.exp(-0.5 * (delta / sigma) ** 2)  # of exp(s^2 sigma^2 / 2 - s delta) N(0; c, sigma^2), but for a constant
    with np.errstate(over="ignore", invalid="ignore"):
        far = np.exp(0.5 * (s * sigma) ** 2 - s * delta) * 0.5 * _erfc(v)
    mass = np.where(v > 0, 0.5 * erfcx(np.maximum(v, 0.0)) * peak, far)
    edge = sigma * peak / math.sqrt(2 * math.pi)
    moments = [mass, c * mass + edge, (c**2 + sigma**2) * mass + c * edge]
    return sum(a * s**n * moments[n] for n, a in enumerate(coefficients))


def _erfc(v: np.ndarray) -> np.ndarray:
    from scipy.special import erfc

    return erfc(v)


def normal_distance(delta: Any, sigma: float) -> np.ndarray:
    """E |Z| for Z ~ N(delta, sigma^2)."""
    from scipy.special import erf

    d = np.asarray(delta, np.float64)
    if sigma == 0:
        return np.abs(d)
    return d * erf(d / (_SQRT2 * sigma)) + sigma * math.sqrt(2 / math.pi) * np.exp(-0.5 * (d / sigma) ** 2)


def against_normal(kernel: Kernel, h: float, delta: Any, sigma: float) -> np.ndarray | None:
    """E k(|Z|) for Z ~ N(delta, sigma^2) and a kernel of length `h` on a line; None where it is not known."""
    d = np.asarray(delta, np.float64)
    if isinstance(kernel, Gaussian):
        total = h * h + sigma**2
        return h / math.sqrt(total) * np.exp(-0.5 * d**2 / total)
    if type(kernel) in _EXPONENTIAL:
        p, factor = _EXPONENTIAL[type(kernel)]
        s = factor / h
        if sigma == 0:
            return np.polynomial.polynomial.polyval(s * np.abs(d), p) * np.exp(-s * np.abs(d))
        return _half_line(p, s, d, sigma) + _half_line(p, s, -d, sigma)
    return None
