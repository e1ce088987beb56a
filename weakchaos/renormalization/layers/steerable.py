"""Steerable linear layers: equivariance leaves one small matrix an irreducible representation, and its products have exponents in closed form.

By Schur's lemma a linear map that commutes with a group is, for each irreducible representation, a matrix between its copies times the identity of its dimension: a
real matrix for SO(3), whose representations of degree l have dimension 2l + 1, and a complex one for SO(2), whose frequencies m > 0 are planes turned by an angle
m t (M. Weiler and G. Cesa, NeurIPS 2019, arXiv:1911.08251; N. Thomas et al., Tensor Field Networks, arXiv:1802.08219).

Products of independent Gaussian matrices of c copies with variance sigma_w2 / c have the exponents (C. M. Newman, Comm. Math. Phys. 103 (1986) 121)

    real     (1/2) [ln(2 sigma_w2 / c) + psi((c - k + 1) / 2)],        complex     (1/2) [ln(sigma_w2 / c) + psi(c - k + 1)],        k = 1 .. c

each as many times as its representation has dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import positive, real_array, real_number, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["SteerableSO2", "SteerableSO3", "product_exponents"]


def product_exponents(copies: int, sigma_w2: float = 1.0, field: str = "real") -> np.ndarray:
    """Exponents of products of independent Gaussian matrices, in nats a layer, largest first.

    Parameters
    ----------
    copies : int
        Rows and columns c.
    sigma_w2 : float
        Entries have variance sigma_w2 / c, of modulus squared if they are complex.
    field : {"real", "complex"}

    Examples
    --------
    >>> product_exponents(4).round(4), product_exponents(4, field="complex").round(4)
    (array([-0.1352, -0.3283, -0.6352, -1.3283]), array([-0.0651, -0.2318, -0.4818, -0.9818]))
    """
    from scipy.special import digamma

    c, variance = whole_number("copies", copies, 1, 10**6), positive("sigma_w2", sigma_w2)
    left = c - np.arange(c)  # c - k + 1
    if field == "real":
        return 0.5 * (math.log(2.0 * variance / c) + digamma(0.5 * left))
    if field == "complex":
        return 0.5 * (math.log(variance / c) + digamma(left))
    raise ArgumentError(f"`field` must be 'real' or 'complex'; got {shown(field)}")


def _checked_copies(copies: Any) -> dict[int, int]:
    if not isinstance(copies, Mapping) or not copies:
        raise ArgumentTypeError(f"`copies` must be a dict from degrees (0, 1, ...) to numbers of copies; got {shown(copies)}")
    return {whole_number("copies", k, 0, 1000): whole_number("copies", c, 1, 10**5) for k, c in sorted(copies.items())}


def _checked_input(z: Any, size: int, what: str = "z") -> np.ndarray:
    array = real_array(what, z)
    if array.ndim == 0 or array.shape[-1] != size:
        raise ArgumentError(f"`{what}` must have shape (..., {size}), the dimension of the representation; got {array.shape}")
    return array


class _Steerable:
    """Blocks one after the other in the last axis; each holds its copies one after the other, with the coordinates of the representation innermost."""

    weights: dict[int, np.ndarray]

    @staticmethod
    def size_of(degree: int) -> int:
        """The dimension of a representation."""
        raise TypeError("a steerable layer defines size_of")

    @property
    def dim(self) -> int:
        """The dimension of inputs and outputs."""
        return sum(self.size_of(k) * len(w) for k, w in self.weights.items())

    def _block(self, degree: int, x: np.ndarray) -> np.ndarray:
        """The map on copies, shape (..., c, size)."""
        raise TypeError("a steerable layer defines _block")

    def _check(self) -> None:
        if not isinstance(self.weights, Mapping) or not self.weights:
            raise ArgumentTypeError(f"`weights` must be a dict from degrees to square matrices; got {shown(self.weights)}")
        held = {}
        for degree, w in self.weights.items():
            try:
                array = np.asarray(w)
            except (TypeError, ValueError, RuntimeError) as error:
                raise ArgumentTypeError(f"`weights` must be square matrices; that of degree {degree} is {shown(w)}") from error
            if array.dtype.kind not in "biufc":
                raise ArgumentTypeError(f"`weights` must be square matrices of numbers; that of degree {degree} is {shown(w)}")
            if array.ndim != 2 or len(array) != array.shape[1] or not len(array) or not np.isfinite(array).all():
                raise ArgumentError(f"`weights` must be finite square matrices; that of degree {degree} is {shown(w)}")
            held[whole_number("weights", degree, 0, 1000)] = array + 0.0
        object.__setattr__(self, "weights", held)

    def __call__(self, z: Any) -> np.ndarray:
        """The next activations, shape (..., dim)."""
        z, out, first = _checked_input(z, self.dim), [], 0
        for degree, w in self.weights.items():
            d, c = self.size_of(degree), len(w)
            x = z[..., first : first + c * d].reshape(*z.shape[:-1], c, d)
            out.append(self._block(degree, x).reshape(*z.shape[:-1], c * d))
            first += c * d
        return np.concatenate(out, -1)

    def jvp(self, z: Any, v: Any) -> np.ndarray:
        """J v: the layer is linear."""
        _checked_input(z, self.dim)
        return self(_checked_input(v, self.dim, "v"))


@dataclass(frozen=True)
class SteerableSO3(_Steerable):
    """A linear layer that commutes with rotations of space: a real matrix for each degree l, times the identity of size 2l + 1.

    Attributes
    ----------
    weights : dict of int to array of shape (c, c)

    Examples
    --------
    >>> layer = SteerableSO3.random({0: 2, 1: 3}, seed=0)
    >>> layer.dim, layer(np.ones((5, 11))).shape
    (11, (5, 11))
    """

    weights: dict[int, np.ndarray]

    def __post_init__(self):
        self._check()
        if any(np.iscomplexobj(w) for w in self.weights.values()):
            raise ArgumentError(
                "`weights` must be real: the representations of SO(3) are, and complex matrices do not commute with them as real maps"
            )

    @staticmethod
    def size_of(degree: int) -> int:
        """2l + 1."""
        return 2 * degree + 1

    @classmethod
    def random(cls, copies: Any, sigma_w2: float = 1.0, seed: Any = None) -> SteerableSO3:
        """Gaussian matrices of variance sigma_w2 / c, for a dict from degrees to numbers of copies."""
        rng, scale = np.random.default_rng(seed), math.sqrt(positive("sigma_w2", sigma_w2))
        return cls({k: rng.standard_normal((c, c)) * (scale / math.sqrt(c)) for k, c in _checked_copies(copies).items()})

    def _block(self, degree: int, x: np.ndarray) -> np.ndarray:
        return self.weights[degree] @ x

    @staticmethod
    def exponents(copies: Any, sigma_w2: float = 1.0) -> np.ndarray:
        """All exponents of a deep stack of `random` layers, largest first, multiplicities included."""
        parts = [np.repeat(product_exponents(c, sigma_w2), 2 * k + 1) for k, c in _checked_copies(copies).items()]
        return np.sort(np.concatenate(parts))[::-1]


@dataclass(frozen=True)
class SteerableSO2(_Steerable):
    """A linear layer that commutes with rotations of the plane: a real matrix for frequency 0, a complex one for each frequency m > 0.

    Attributes
    ----------
    weights : dict of int to array of shape (c, c)
        The pair of coordinates of a copy is the real and imaginary part of a complex number.

    Examples
    --------
    >>> layer = SteerableSO2.random({0: 2, 1: 3}, seed=0)
    >>> x = np.random.default_rng(1).normal(size=(4, 8))
    >>> bool(np.allclose(layer(layer.rotate(x, 0.7)), layer.rotate(layer(x), 0.7)))
    True
    """

    weights: dict[int, np.ndarray]

    def __post_init__(self):
        self._check()
        if 0 in self.weights and np.iscomplexobj(self.weights[0]):
            raise ArgumentError("`weights` of frequency 0 must be real: that representation has one real dimension")

    @staticmethod
    def size_of(degree: int) -> int:
        """1 for frequency 0, else 2."""
        return 1 if degree == 0 else 2

    @classmethod
    def random(cls, copies: Any, sigma_w2: float = 1.0, seed: Any = None) -> SteerableSO2:
        """Gaussian matrices with entries of mean square sigma_w2 / c, for a dict from frequencies to numbers of copies."""
        rng, scale, weights = np.random.default_rng(seed), math.sqrt(positive("sigma_w2", sigma_w2)), {}
        for m, c in _checked_copies(copies).items():
            w = rng.standard_normal((c, c)) * (scale / math.sqrt(c))
            weights[m] = w if m == 0 else (w + 1j * rng.standard_normal((c, c)) * (scale / math.sqrt(c))) / math.sqrt(2.0)
        return cls(weights)

    def _block(self, degree: int, x: np.ndarray) -> np.ndarray:
        if degree == 0:
            return self.weights[0] @ x
        y = (x[..., 0] + 1j * x[..., 1]) @ self.weights[degree].T
        return np.stack([y.real, y.imag], -1)

    def rotate(self, z: Any, angle: float) -> np.ndarray:
        """The action of a rotation by `angle` radians on inputs and outputs."""
        z, out, first, angle = _checked_input(z, self.dim), [], 0, real_number("angle", angle)
        for m, w in self.weights.items():
            last = first + self.size_of(m) * len(w)
            if m == 0:
                out.append(z[..., first:last])
            else:
                pairs = z[..., first:last].reshape(*z.shape[:-1], -1, 2)
                y = (pairs[..., 0] + 1j * pairs[..., 1]) * np.exp(1j * m * angle)
                out.append(np.stack([y.real, y.imag], -1).reshape(*z.shape[:-1], last - first))
            first = last
        return np.concatenate(out, -1)

    @staticmethod
    def exponents(copies: Any, sigma_w2: float = 1.0) -> np.ndarray:
        """All exponents of a deep stack of `random` layers, largest first, multiplicities included."""
        parts = [
            product_exponents(c, sigma_w2) if m == 0 else np.repeat(product_exponents(c, sigma_w2, "complex"), 2)
            for m, c in _checked_copies(copies).items()
        ]
        return np.sort(np.concatenate(parts))[::-1]
