"""Maps of the interval and the plane: logistic, Hénon, standard, Ikeda. Exponents are in nats per step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import carray, njit

from weakchaos.core.arguments import real_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.native.c_maps import NativeFunction
from weakchaos.systems.base import NativeMap

__all__ = ["Henon", "Ikeda", "Logistic", "StandardMap"]


@NativeFunction
def _logistic(n, z, out, data):
    r = carray(data, (1,), np.float64)[0]
    x = z[0]
    out[0] = r * x * (1.0 - x)
    slope = r * (1.0 - 2.0 * x)
    for i in range(1, n):
        out[i] = slope * z[i]
    return 0


@NativeFunction
def _henon(n, z, out, data):
    constants = carray(data, (2,), np.float64)
    a, b = constants[0], constants[1]
    x, y = z[0], z[1]
    slope = -2.0 * a * x
    out[0] = 1.0 - a * x * x + y
    out[1] = b * x
    for i in range(2, n, 2):
        u, v = z[i], z[i + 1]
        out[i] = slope * u + v
        out[i + 1] = b * u
    return 0


@njit(nogil=True, error_model="numpy")
def _on_circle(angle, turn):
    """`angle` modulo `turn`. A turn off at most, where most angles are, needs no division, and gives the same number to the last bit."""
    if -turn <= angle < 2.0 * turn:
        return angle - (turn if angle >= turn else 0.0 if angle >= 0.0 else -turn)
    return angle - turn * np.floor(angle / turn)


@NativeFunction
def _standard(n, z, out, data):
    k = carray(data, (1,), np.float64)[0]
    turn = 2.0 * math.pi
    x = z[0]
    p = _on_circle(z[1] + k * math.sin(x), turn)
    out[0], out[1] = _on_circle(x + p, turn), p
    if n > 2:
        slope = k * math.cos(z[0])
        for i in range(2, n, 2):
            dp = z[i + 1] + slope * z[i]
            out[i], out[i + 1] = z[i] + dp, dp
    return 0


@NativeFunction
def _ikeda(n, z, out, data):
    constants = carray(data, (4,), np.float64)
    a, b, phase, p = constants[0], constants[1], constants[2], constants[3]
    x, y = z[0], z[1]
    s = 1.0 + x * x + y * y
    angle = phase - p / s
    c, d = b * math.cos(angle), b * math.sin(angle)
    re, im = x * c - y * d, x * d + y * c
    out[0], out[1] = a + re, im
    turn = 2.0 * p / (s * s)
    for i in range(2, n, 2):
        u, v = z[i], z[i + 1]
        change = turn * (x * u + y * v)
        out[i], out[i + 1] = u * c - v * d - im * change, u * d + v * c + re * change
    return 0


@dataclass(frozen=True)
class Logistic(NativeMap):
    """The logistic map x -> r x (1 - x) in float64.

    The exponent is ln 2 at r = 4, ln|2 - r| at the fixed point (1 < r < 3), ½ ln|4 + 2r - r²| on the cycle of period 2 (3 < r < 1 + √6)
    and 0 where periods double and at r = 3.569945672, where chaos begins (R. M. May, Nature 261 (1976) 459, doi:10.1038/261459a0).
    Orbits of r = 4 in float64 end in cycles of some 10**7 steps; for longer runs take `Tent`, which is conjugate and exact.

    Parameters
    ----------
    r : float
        From 0 to 4.

    Examples
    --------
    >>> Logistic().advance(Logistic().start(position=[0.1]), 2).round(4).tolist()
    [[0.36], [0.9216]]
    """

    r: float = 4.0
    native = _logistic
    dim = 1

    def __post_init__(self):
        if not 0.0 <= real_number("r", self.r) <= 4.0:
            raise ArgumentError(f"`r` must be from 0 to 4, or orbits leave the unit interval; got {shown(self.r)}")

    def parameters(self) -> np.ndarray:
        """r."""
        return np.array([self.r])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Uniform in (0.1, 0.9)."""
        return rng.uniform(0.1, 0.9, 1)


@dataclass(frozen=True)
class Henon(NativeMap):
    """The Hénon map (x, y) -> (1 - a x² + y, b x).

    At a = 1.4, b = 0.3 the exponents are 0.41922 and -1.62319, the Kaplan-Yorke dimension 1.25827 (J. C. Sprott, Chaos and Time-Series
    Analysis, Oxford 2003, and his page of common chaotic systems); their sum is ln|b| everywhere. M. Hénon, Commun. Math. Phys. 50 (1976)
    69, doi:10.1007/BF01608556.

    Parameters
    ----------
    a, b : float

    Examples
    --------
    >>> Henon().advance(Henon().start(position=[0.0, 0.0]), 2).round(6).tolist()
    [[1.0, 0.0], [-0.4, 0.3]]
    """

    a: float = 1.4
    b: float = 0.3
    native = _henon
    dim = 2

    def __post_init__(self):
        real_number("a", self.a), real_number("b", self.b)

    def parameters(self) -> np.ndarray:
        """a and b."""
        return np.array([self.a, self.b])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Uniform in a square of side 0.2 around the origin, which is in the basin of the attractor."""
        return rng.uniform(-0.1, 0.1, 2)


@dataclass(frozen=True)
class StandardMap(NativeMap):
    """The standard map p -> p + k sin x, x -> x + p, both modulo 2π (B. V. Chirikov, Phys. Rep. 52 (1979) 263, doi:10.1016/0370-1573(79)90023-1).

    Exponents come as a pair ±λ: 0.10497 in the chaotic sea of k = 1 (Sprott), where a run of a million steps gives 0.097 to 0.116, depending on its
    start; 1.1367 at k = 6 and 1.6196 at k = 10 (measured; ln(k / 2) is their limit at large k). The start is beside the hyperbolic point
    x = p = 0, inside the chaotic layer whatever k.

    Parameters
    ----------
    k : float
        Strength of the kicks.

    Examples
    --------
    >>> StandardMap(0.0).advance(StandardMap(0.0).start(position=[0.0, 0.5]), 2).tolist()
    [[0.5, 0.5], [1.0, 0.5]]
    """

    k: float = 6.0
    native = _standard
    dim = 2
    circumference = 2.0 * math.pi

    def __post_init__(self):
        real_number("k", self.k)

    def parameters(self) -> np.ndarray:
        """k."""
        return np.array([self.k])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Within 0.01 of the hyperbolic point x = p = 0."""
        return rng.uniform(0.0, 0.01, 2)


@dataclass(frozen=True)
class Ikeda(NativeMap):
    """The Ikeda map z -> a + b z exp(i (phase - p / (1 + |z|²))) of a complex number z = x + i y.

    At a = 1, b = 0.9, phase 0.4, p = 6 the exponents are 0.5076 and -0.7183, the Kaplan-Yorke dimension 1.7067 (J. C. Sprott, Chaos and
    Time-Series Analysis, Oxford 2003); their sum is 2 ln|b|. K. Ikeda, Opt. Commun. 30 (1979) 257, doi:10.1016/0030-4018(79)90090-7.
    Starts far from the origin are attracted by a fixed point.

    Parameters
    ----------
    a, b, phase, p : float

    Examples
    --------
    >>> Ikeda().advance(Ikeda().start(position=[0.0, 0.0]), 1).tolist()
    [[1.0, 0.0]]
    """

    a: float = 1.0
    b: float = 0.9
    phase: float = 0.4
    p: float = 6.0
    native = _ikeda
    dim = 2

    def __post_init__(self):
        for name in ("a", "b", "phase", "p"):
            real_number(name, getattr(self, name))

    def parameters(self) -> np.ndarray:
        """a, b, phase, p."""
        return np.array([self.a, self.b, self.phase, self.p])

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Uniform in a square of side 0.2 around the origin."""
        return rng.uniform(-0.1, 0.1, 2)
