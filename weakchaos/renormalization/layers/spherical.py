"""Convolution on the sphere with a filter that depends on the angle alone.

By the Funk-Hecke formula a zonal filter h multiplies every spherical harmonic of degree l by 2 pi int_-1^1 h(t) P_l(t) dt, so that the layer has one singular value
a degree, 2l + 1 times (T. S. Cohen, M. Geiger, J. Koehler and M. Welling, ICLR 2018, arXiv:1801.10130). Functions live on a Gauss-Legendre grid, on which products
of harmonics up to its order are integrated exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["SphericalConvolution", "funk_hecke"]


def funk_hecke(zonal: Callable[[np.ndarray], np.ndarray], degrees: int, nodes: int = 200) -> np.ndarray:
    """The factors 2 pi int h(t) P_l(t) dt of a filter ``h(t)``, t the cosine of the angle, for l = 0 .. degrees - 1.

    Examples
    --------
    >>> funk_hecke(lambda t: np.exp(2 * t), 3).round(6)  # 4 pi times modified spherical Bessel functions
    array([22.788236, 12.244455,  4.421554])
    """
    if not callable(zonal):
        raise ArgumentTypeError(f"`zonal` must be a function of the cosine of an angle; got {shown(zonal)}")
    degrees = whole_number("degrees", degrees, 1, 1000)
    t, weight = np.polynomial.legendre.leggauss(whole_number("nodes", nodes, degrees, 10_000))
    h = real_array("zonal", zonal(t), "a function that gives an array")
    if h.shape != t.shape or not np.isfinite(h).all():
        raise ArgumentError("`zonal` must give a finite number for each cosine from -1 to 1")
    return 2.0 * math.pi * (np.polynomial.legendre.legvander(t, degrees - 1) * (weight * h)[:, None]).sum(0)


class SphericalConvolution:
    """f -> h * f for functions on a Gauss-Legendre grid of the sphere, of shape (batch, rings, 2 rings).

    Parameters
    ----------
    zonal : callable
        ``h(t)`` at the cosine t of the angle between two points.
    rings : int
        Circles of latitude; each has twice as many points. Harmonics of degree below `rings` are represented.

    Attributes
    ----------
    factors : array of shape (rings,)
        The eigenvalue of each degree l, which the layer has 2l + 1 times; its absolute value is a singular value.

    Examples
    --------
    >>> layer = SphericalConvolution(lambda t: np.exp(2 * t), rings=4)
    >>> bool(np.allclose(layer(np.ones((1, 4, 8))), layer.factors[0]))
    True
    """

    def __init__(self, zonal: Callable[[np.ndarray], np.ndarray], rings: int):
        self.rings = whole_number("rings", rings, 1, 64)
        self.factors = funk_hecke(zonal, self.rings)
        t, weight = np.polynomial.legendre.leggauss(self.rings)
        turn = math.pi / self.rings * np.arange(2 * self.rings)
        sine = np.sqrt(1.0 - t**2)
        x = np.stack([np.outer(sine, np.cos(turn)), np.outer(sine, np.sin(turn)), np.outer(t, np.ones_like(turn))], -1).reshape(
            -1, 3
        )
        self.points, self.weights = x, np.repeat(weight, 2 * self.rings) * math.pi / self.rings
        cosine = np.clip(x @ x.T, -1.0, 1.0)
        # The kernel cut at the degrees that the grid holds: sum_l (2l + 1) / (4 pi) factor_l P_l.
        degrees = np.arange(self.rings)
        kernel = np.polynomial.legendre.legval(cosine, (2 * degrees + 1) / (4.0 * math.pi) * self.factors)
        self._matrix = kernel * self.weights

    def _flat(self, z: Any, name: str) -> np.ndarray:
        array = real_array(name, z)
        if array.ndim != 3 or array.shape[1:] != (self.rings, 2 * self.rings):
            raise ArgumentError(f"`{name}` must have shape (batch, {self.rings}, {2 * self.rings}); got {array.shape}")
        return array.reshape(len(array), 2 * self.rings**2)

    def __call__(self, z: Any) -> np.ndarray:
        """The convolved functions."""
        flat = self._flat(z, "z")
        return (flat @ self._matrix.T).reshape(len(flat), self.rings, 2 * self.rings)

    def jvp(self, z: Any, v: Any) -> np.ndarray:
        """J v: the layer is linear."""
        self._flat(z, "z")
        return self(v)

    def singular_values(self) -> np.ndarray:
        """Those of the layer in the norm of functions on the sphere, largest first."""
        root = np.sqrt(self.weights)
        return np.linalg.svd(root[:, None] * self._matrix / root, compute_uv=False)

    def exponents(self) -> np.ndarray:
        """Logarithms of the singular values of the degrees below `rings`, in nats a layer, largest first, with their multiplicities; -inf for a factor of 0."""
        with np.errstate(divide="ignore"):
            return np.sort(np.repeat(np.log(np.abs(self.factors)), 2 * np.arange(self.rings) + 1))[::-1]
