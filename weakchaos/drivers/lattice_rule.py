"""Rank-1 lattices as drivers: rotations by rational frequencies that come back to their start after 2**m points.

    x_k = k z / N + shift mod 1,   k = 1 ... N,   N = 2**m

N. M. Korobov, Dokl. Akad. Nauk SSSR 124 (1959) 1207; I. H. Sloan and S. Joe, Lattice Methods for Multiple Integration (1994). For a smooth function that is periodic in
each coordinate the error of an average over the N points falls about like N**-2, for others about like 1 / N. The generating vector z is found here, component by component: each next z_j is
the odd number that makes the worst-case error

    e^2(z_1 ... z_j) = -1 + 1 / N sum_k prod_{i <= j} (1 + gamma_i w(k z_i / N mod 1)),   w(x) = 2 pi^2 (x^2 - x + 1/6),   gamma_i = 1 / i^2

in a Korobov space of smoothness 2 the smallest (Sloan and Reztsov, Math. Comp. 71 (2002) 263, doi:10.1090/S0025-5718-01-01342-4). All candidates are tried at once by convolutions: odd
numbers are, up to their sign, the powers of 5 modulo 2**m (Nuyens and Cools, J. Complexity 22 (2006) 4, doi:10.1016/j.jco.2005.07.002).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.drivers.base import Driver, WordStream
from weakchaos.drivers.rotations import Rotation

__all__ = ["Lattice", "generating_vector", "worst_case_error"]


def _smooth(x: Any) -> Any:
    """The kernel w of the space: 2 pi^2 times the second Bernoulli polynomial."""
    return 2.0 * np.pi**2 * (x * x - x + 1.0 / 6.0)


def worst_case_error(z: Any, degree: int) -> float:
    """Error of the average over a lattice of 2**degree points for the worst function of norm 1 in the Korobov space, with the weights 1 / j**2.

    Examples
    --------
    >>> good, bad = worst_case_error([1, 11], 5), worst_case_error([1, 1], 5)  # the second has all of its points on the diagonal
    >>> good < bad
    True
    """
    n = 1 << degree
    k, product = np.arange(n, dtype=np.int64), np.ones(n)
    for j, zj in enumerate(z):
        product *= 1.0 + _smooth(k * int(zj) % n / n) / (j + 1) ** 2
    return float(np.sqrt(max(product.mean() - 1.0, 0.0)))


@lru_cache(maxsize=64)
def generating_vector(dimension: int, degree: int) -> tuple[int, ...]:
    """The generating vector of a lattice of 2**degree points, found component by component; the first component is 1.

    Examples
    --------
    >>> generating_vector(1, 10)
    (1,)
    """
    n, levels = 1 << degree, []
    for t in range(degree):
        # Numbers k = 2**t u, u odd: up to sign u is a power of 5 modulo 2**(degree - t), of which there are `size`.
        bits = degree - t
        size = max(1, 1 << (bits - 2)) if bits > 1 else 1
        powers = np.ones(size, np.int64)
        for i in range(1, size):
            powers[i] = powers[i - 1] * 5 % (1 << bits)
        levels.append((powers << t, powers, bits, 2 if bits > 1 else 1))
    most = len(levels[0][1])
    spectra = [np.fft.rfft(_smooth(powers / (1 << bits))) for _, powers, bits, _ in levels]
    z: list[int] = []
    products = [np.ones(len(powers)) for _, powers, _, _ in levels]
    for j in range(dimension):
        scores = np.zeros(most)
        for (_, powers, _, twice), spectrum, product in zip(levels, spectra, products, strict=True):
            # sum_i product(5**i) w(5**(i + l)) over i, for all l: a correlation on the cycle of powers.
            found = np.fft.irfft(spectrum * np.fft.rfft(product).conj(), len(powers))
            scores += twice * np.tile(found, most // len(powers))
        # Equal up to rounding are equal: then the first power, whatever the Fourier transform does to the last digits.
        best = 0 if j == 0 else int(np.flatnonzero(scores <= scores.min() + 1e-9 * np.abs(scores).max())[0])
        z.append(int(levels[0][1][best]))
        for (_, powers, bits, _), product in zip(levels, products, strict=True):
            product *= 1.0 + _smooth(powers * z[-1] % (1 << bits) / (1 << bits)) / (j + 1) ** 2
    return tuple(min(v, n - v) for v in z)  # a lattice and its mirror image along an axis have the same error


@dataclass(frozen=True)
class Lattice(Driver):
    """A rank-1 lattice of 2**degree points under a random shift, one point for each step of a sampler: made for one run of 2**degree draws.

    The stream gives all coordinates of a point before those of the next. It is for draws that are independent and take `dimension` numbers each; as its points follow each other by
    a constant step it is not completely uniformly distributed (`cud` is False), and a chain under it is flagged. The exponent is 0: it is a rotation.

    Parameters
    ----------
    dimension : int
        1 to 64.
    degree : int
        4 to 24; the search for the generating vector takes some seconds from 20 on.
    generator : tuple of int, optional
        A generating vector of your own, with one odd number below 2**degree for each coordinate; by default the one that `generating_vector` finds, with its points in the
        order in which the first coordinate moves like the golden rotation.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> driver = Lattice(2, 10)
    >>> x, y = driver.advance(driver.start(seed=1), 2 * driver.length).reshape(-1, 2).T
    >>> bool(abs((np.cos(2 * np.pi * x) * np.sin(2 * np.pi * (x + y))).mean()) < 1e-12)  # exact for waves of low frequencies
    True
    """

    dimension: int
    degree: int = 16
    generator: tuple[int, ...] | None = None
    lyapunov = 0.0

    def __post_init__(self):
        object.__setattr__(self, "dimension", whole_number("dimension", self.dimension, 1, 64))
        object.__setattr__(self, "degree", whole_number("degree", self.degree, 4, 24))
        if self.generator is None:
            return
        given = tuple(whole_number(f"generator[{j}]", z, 1, 2**self.degree - 1) for j, z in enumerate(self.generator))
        if len(given) != self.dimension or not all(z % 2 for z in given):
            raise ArgumentError(
                f"`generator` must have one odd number for each of {self.dimension} coordinates, or some coordinates repeat themselves; got {given}"
            )
        object.__setattr__(self, "generator", given)

    @property
    def name(self) -> str:  # type: ignore[override]
        """``"lattice-d"`` for d dimensions; of another number of points than 2**16, or with a vector of your own, it says so."""
        more = "" if self.degree == 16 else f" of 2**{self.degree} points"
        return f"lattice-{self.dimension}{more}" + ("" if self.generator is None else " (own generator)")

    @property
    def length(self) -> int:  # type: ignore[override]
        """Steps of a sampler, one for each point."""
        return 2**self.degree

    def _rotation(self) -> Rotation:
        n, z = 1 << self.degree, self.generator
        if z is None:
            # The same lattice in another order: the first coordinate moves like the golden rotation, so that a part of the points is spread as well.
            turn = int(n * 0.6180339887498949) | 1
            z = tuple(turn * v % n for v in generating_vector(self.dimension, self.degree))
        return Rotation(self.dimension, tuple(v << (64 - self.degree) for v in z))

    def open(self, seed: Any = None) -> WordStream:
        """A new stream under a shift of its own."""
        return self._rotation().open(seed)

    def restore(self, data: bytes) -> WordStream:
        """The stream whose `to_bytes` gave `data`."""
        return self._rotation().restore(data)
