"""Piecewise linear maps on exact lattices: tent, Bernoulli shift, cat map, rotation, skew shift.

A binary float loses one binary digit per step under a doubling map and is 0 after 53 steps. Here the state holds whole numbers x (as float64, exact
below 2**53) and the draw is x / size, so orbits are those of the map on the rational points of denominator `size`, without rounding.
A `position` is given in whole numbers too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import carray

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.native.c_maps import NativeFunction
from weakchaos.systems.base import NativeMap

__all__ = ["ArnoldCat", "Bernoulli", "Rotation", "SkewShift", "Tent"]

# Primes p for which (p - 1) / 2 is prime, so that every start but 0 has an orbit of at least (p - 1) / 4 points under doubling ...
_TENT_PRIME = 2**51 - 465
_BERNOULLI_PRIME = 2**49 - 2709
# ... and the largest prime p = 2 or 3 mod 5 below 2**51 for which (p + 1) / 2 is prime: cat map orbits of about p points.
_CAT_PRIME = 2**51 - 391
_MOST = 2**52
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


@NativeFunction
def _tent(n, z, out, data):
    constants = carray(data, (2,), np.float64)
    slope, size = constants[0], constants[1]
    x = z[0]
    rising = x + x <= size
    out[0] = slope * (x if rising else size - x)
    for i in range(1, n):
        out[i] = slope * z[i] if rising else -slope * z[i]
    return 0


@NativeFunction
def _bernoulli(n, z, out, data):
    constants = carray(data, (2,), np.float64)
    base, size = constants[0], constants[1]
    y = base * z[0]
    # The quotient is rounded and may be off by one; products and differences are exact.
    y -= size * math.floor(y / size)
    out[0] = y + size if y < 0.0 else y - size if y >= size else y
    for i in range(1, n):
        out[i] = base * z[i]
    return 0


@NativeFunction
def _cat(n, z, out, data):
    size = carray(data, (1,), np.float64)[0]
    y = z[0] + z[1]
    y = y - size if y >= size else y
    x = z[0] + y
    out[0], out[1] = x - size if x >= size else x, y
    for i in range(2, n, 2):
        v = z[i] + z[i + 1]
        out[i], out[i + 1] = z[i] + v, v
    return 0


@NativeFunction
def _rotation(n, z, out, data):
    constants = carray(data, (2,), np.float64)
    x = z[0] + constants[0]
    out[0] = x - constants[1] if x >= constants[1] else x
    for i in range(1, n):
        out[i] = z[i]
    return 0


@NativeFunction
def _skew(n, z, out, data):
    constants = carray(data, (2,), np.float64)
    size = constants[1]
    x, y = z[0] + constants[0], z[0] + z[1]
    out[0], out[1] = x - size if x >= size else x, y - size if y >= size else y
    for i in range(2, n, 2):
        u, v = z[i], z[i + 1]
        out[i], out[i + 1] = u, u + v
    return 0


class _LatticeMap(NativeMap):
    """A map of whole numbers below `size`, read out as fractions."""

    size: int

    @property
    def unit(self) -> float:  # type: ignore[override]
        """The denominator of the states."""
        return float(self.size)

    @property
    def circumference(self) -> float:  # type: ignore[override]
        """The denominator: coordinates are angles."""
        return float(self.size)

    def readout(self, states: np.ndarray) -> np.ndarray:
        """Whole numbers as fractions of `size`."""
        return states / self.size

    def checked_position(self, position: Any) -> np.ndarray:
        """Whole numbers from 0 to size - 1."""
        array = super().checked_position(position)
        if not ((array == np.floor(array)) & (array >= 0) & (array < self.size)).all():
            raise ArgumentError(
                f"`position` must hold whole numbers from 0 to {self.size - 1} (numerators of fractions of {self.size}); got {shown(position)}"
            )
        return array

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Uniform whole numbers from 1 to size - 1."""
        return rng.integers(1, max(self.size, 2), self.dim).astype(np.float64)


@dataclass(frozen=True)
class Tent(_LatticeMap):
    """The tent map x -> slope min(x, 1 - x); exponent ln(slope), exactly, for every orbit.

    At slope 2 the map moves whole numbers modulo a prime, without rounding; it is conjugate to `Logistic` at r = 4. For other slopes there is
    no exact lattice: the orbits are rounded to 53 bits, which does not change the exponent.

    Parameters
    ----------
    slope : float
        Above 0, at most 2.
    size : int
        Denominator of the states; an odd number, so that no orbit of slope 2 falls to 0.

    Examples
    --------
    >>> (7 * Tent(size=7).advance(Tent(size=7).start(position=[1]), 4)).round().ravel().tolist()
    [2.0, 4.0, 6.0, 2.0]
    """

    slope: float = 2.0
    size: int = _TENT_PRIME
    native = _tent
    dim = 1
    circumference = 0.0  # the ends of the interval are not one point

    def __post_init__(self):
        if not 0.0 < real_number("slope", self.slope) <= 2.0:
            raise ArgumentError(
                f"`slope` must be above 0 and at most 2, or orbits leave the unit interval; got {shown(self.slope)}"
            )
        if whole_number("size", self.size, 3, _MOST) % 2 == 0:
            raise ArgumentError(f"`size` must be odd, or orbits fall to 0; got {self.size}")

    def parameters(self) -> np.ndarray:
        """slope and size."""
        return np.array([self.slope, self.size], np.float64)


@dataclass(frozen=True)
class Bernoulli(_LatticeMap):
    """The shift x -> base x modulo 1; exponent and entropy ln(base), exactly.

    The map moves whole numbers modulo a prime, so its symbols are the digits of a fraction whose period is about `size`.

    Parameters
    ----------
    base : int
        From 2 to 16.
    size : int
        Denominator of the states, without a factor in common with `base`.

    Examples
    --------
    >>> (7 * Bernoulli(size=7).advance(Bernoulli(size=7).start(position=[1]), 4)).round().ravel().tolist()
    [2.0, 4.0, 1.0, 2.0]
    """

    base: int = 2
    size: int = _BERNOULLI_PRIME
    native = _bernoulli
    dim = 1

    def __post_init__(self):
        base, size = whole_number("base", self.base, 2, 16), whole_number("size", self.size, 3, 2**49)
        if math.gcd(base, size) != 1:
            raise ArgumentError(
                f"`size` must have no factor in common with `base`, or orbits fall to 0; got size={size}, base={base}"
            )

    def parameters(self) -> np.ndarray:
        """base and size."""
        return np.array([self.base, self.size], np.float64)


@dataclass(frozen=True)
class ArnoldCat(_LatticeMap):
    """Arnold's cat map (x, y) -> (2x + y, x + y) modulo 1; exponents ±ln((3 + √5) / 2) = ±0.962424, exactly.

    On the lattice of denominator `size` every orbit is periodic: period 3 for size 2, 10 for 5, 30 for 10, 300 for 150, 192 for 256
    (F. J. Dyson and H. Falk, Am. Math. Mon. 99 (1992) 603, doi:10.1080/00029890.1992.11995900). The prime chosen by default makes
    periods of about 2**51.

    Parameters
    ----------
    size : int

    Examples
    --------
    >>> (5 * ArnoldCat(5).advance(ArnoldCat(5).start(position=[1, 0]), 10)).round().astype(int).tolist()[-1]
    [1, 0]
    """

    size: int = _CAT_PRIME
    native = _cat
    dim = 2

    def __post_init__(self):
        whole_number("size", self.size, 2, _MOST)

    def parameters(self) -> np.ndarray:
        """size."""
        return np.array([self.size], np.float64)


@dataclass(frozen=True)
class Rotation(_LatticeMap):
    """The rotation x -> x + angle modulo 1; exponent 0. The angle is rounded to a multiple of 1 / size.

    Parameters
    ----------
    angle : float
        In turns; the golden mean by default.
    size : int
        Denominator of the states; the period divides it.

    Examples
    --------
    >>> (12 * Rotation(5 / 12, 12).advance(Rotation(5 / 12, 12).start(position=[0]), 3)).round().ravel().tolist()
    [5.0, 10.0, 3.0]
    """

    angle: float = _GOLDEN
    size: int = _MOST
    native = _rotation
    dim = 1

    def __post_init__(self):
        real_number("angle", self.angle), whole_number("size", self.size, 2, _MOST)

    def parameters(self) -> np.ndarray:
        """The angle as a whole number, and size."""
        return np.array([round(self.angle * self.size) % self.size, self.size], np.float64)


@dataclass(frozen=True)
class SkewShift(_LatticeMap):
    """The skew shift (x, y) -> (x + angle, y + x) modulo 1: exponents 0 and 0, yet not a rotation; vectors grow linearly.

    The map is uniquely ergodic for an irrational angle (H. Furstenberg, Am. J. Math. 83 (1961) 573, doi:10.2307/2372899); the estimate of the
    larger exponent from T steps is about ln(T) / T.

    Parameters
    ----------
    angle : float
        In turns; rounded to a multiple of 1 / size.
    size : int
        Denominator of the states.

    Examples
    --------
    >>> (12 * SkewShift(5 / 12, 12).advance(SkewShift(5 / 12, 12).start(position=[1, 0]), 2)).round().tolist()
    [[6.0, 1.0], [11.0, 7.0]]
    """

    angle: float = _GOLDEN
    size: int = _MOST
    native = _skew
    dim = 2

    def __post_init__(self):
        real_number("angle", self.angle), whole_number("size", self.size, 2, _MOST)

    def parameters(self) -> np.ndarray:
        """The angle as a whole number, and size."""
        return np.array([round(self.angle * self.size) % self.size, self.size], np.float64)
