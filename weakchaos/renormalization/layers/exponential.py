"""The convolution exponential: an invertible layer that preserves volume if its generator has trace 0, and may still be supercritical.

Hoogeboom, Garcia Satorras, Tomczak and Welling, NeurIPS 2020, arXiv:2006.01910: z = exp(M) x, log |det| = tr M. For a generator with independent Gaussian
entries of variance gain^2 / n the mean squared stretching is chi = sum_k gain^(2 k) / k!^2 = I0(2 gain) > 1, while the exponents sum to tr M, about 0;
a skew generator is a rotation, chi = 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, real_number, whole_number
from weakchaos.core.errors import ArgumentError

__all__ = ["ConvolutionExponential"]


@dataclass(frozen=True)
class ConvolutionExponential:
    """z = exp(M) x on arrays of shape (batch, n).

    Attributes
    ----------
    generator : array of shape (n, n)

    Examples
    --------
    >>> layer = ConvolutionExponential.ring([0.2, 0.3, -0.1], 64)
    >>> round(layer.log_determinant(), 6)
    12.8
    """

    generator: np.ndarray

    def __post_init__(self) -> None:
        from scipy.linalg import expm

        m = real_array("generator", self.generator, "a square array")
        if m.ndim != 2 or m.shape[0] != m.shape[1] or not np.isfinite(m).all():
            raise ArgumentError(f"`generator` must be a finite square array; got shape {m.shape}")
        object.__setattr__(self, "generator", m)
        object.__setattr__(self, "matrix", expm(m))

    @classmethod
    def random(cls, n: int, gain: float, skew: bool = False, seed: Any = 0) -> ConvolutionExponential:
        """A dense generator with entries of variance gain^2 / n; or its antisymmetric part, of the same variance."""
        n, gain = whole_number("n", n, 1), real_number("gain", gain)
        m = np.random.default_rng(seed).standard_normal((n, n)) * gain / math.sqrt(n)
        return cls((m - m.T) / math.sqrt(2) if skew else m)

    @classmethod
    def ring(cls, kernel: Any, n: int) -> ConvolutionExponential:
        """A convolution on a ring of n sites: ``kernel[0]`` on the site itself, then on the sites to its right."""
        k = real_array("kernel", kernel)
        n = whole_number("n", n, 1)
        if k.ndim != 1 or k.size > n:
            raise ArgumentError(f"`kernel` must be one-dimensional, of at most {n} entries; got shape {k.shape}")
        row = np.concatenate([k, np.zeros(n - k.size)])
        return cls(np.array([np.roll(row, i) for i in range(n)]))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """exp(M) x."""
        return x @ self.matrix.T  # type: ignore[attr-defined]

    def jvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v, the same at every x."""
        return v @ self.matrix.T  # type: ignore[attr-defined]

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """exp(-M) z."""
        from scipy.linalg import expm

        return z @ expm(-self.generator).T

    def log_determinant(self) -> float:
        """tr M, the sum of all exponents of one layer."""
        return float(np.trace(self.generator))

    @staticmethod
    def mean_stretching(gain: float) -> float:
        """chi = I0(2 gain) of a dense random generator, n to infinity."""
        from scipy.special import i0

        return float(i0(2 * gain))
