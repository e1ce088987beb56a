"""Dense, convolutional, residual and batch-normalised layers, from preactivations to preactivations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import number_that, whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.networks.architectures import batch_norm_growth
from weakchaos.renormalization.theory.activations import Activation
from weakchaos.renormalization.theory.activations import activation as as_activation
from weakchaos.renormalization.theory.mean_field import MeanField, NetworkPoint

__all__ = ["BatchNorm", "Convolution", "Dense", "Residual", "normal_weights"]


def normal_weights(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, sigma_w2: float) -> np.ndarray:
    """Gaussian weights of variance sigma_w2 / fan_in."""
    sigma_w2 = number_that("sigma_w2", sigma_w2, "a variance, a finite number of at least 0", lambda v: v >= 0)
    return rng.standard_normal(shape) * math.sqrt(sigma_w2 / fan_in)


@dataclass(frozen=True)
class Dense:
    """z' = W phi(z) + b.

    Attributes
    ----------
    weight : array of shape (n, n)
    bias : array of shape (n,)
    phi : Activation

    Examples
    --------
    >>> layer = Dense.random(100, 1.76, 0.05)
    >>> layer(np.zeros((2, 100))).shape, round(layer.theory().chi, 3)
    ((2, 100), 1.0)
    """

    weight: np.ndarray
    bias: np.ndarray
    phi: Activation
    variances: tuple[float, float] = (math.nan, math.nan)

    @classmethod
    def random(cls, n: int, sigma_w2: float, sigma_b2: float = 0.0, activation: Any = "tanh", seed: Any = 0) -> Dense:
        """Gaussian weights and biases."""
        rng = np.random.default_rng(seed)
        n = whole_number("n", n, 1)
        weight = normal_weights(rng, (n, n), n, sigma_w2)
        return cls(weight, rng.standard_normal(n) * math.sqrt(sigma_b2), as_activation(activation), (sigma_w2, sigma_b2))

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """The next preactivations."""
        return self.phi.function(z) @ self.weight.T + self.bias

    def jvp(self, z: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v at z."""
        return (self.phi.derivative(z) * v) @ self.weight.T

    def theory(self) -> NetworkPoint:
        """Mean-field theory at the variances the layer was drawn with."""
        return MeanField(self.phi).at(*self.variances)


def _circular(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Sum over offsets of kernel[o, i, offset] x[b, i, place + offset]."""
    width = kernel.shape[2]
    out = np.zeros((len(x), kernel.shape[0], x.shape[2]))
    for k in range(width):
        out += np.einsum("oi,bin->bon", kernel[:, :, k], np.roll(x, width // 2 - k, axis=2))
    return out


@dataclass(frozen=True)
class Convolution:
    """z' = K * phi(z) + b on a ring of sites, for arrays of shape (batch, channels, sites).

    chi is that of a dense layer whose fan-in is channels times width; a difference that varies along the ring is also multiplied by the Fourier
    transform of the variances of the kernel (see `convolution_scales`).

    Examples
    --------
    >>> Convolution.random(8, 3, 1.5)(np.zeros((2, 8, 10))).shape
    (2, 8, 10)
    """

    kernel: np.ndarray
    bias: np.ndarray
    phi: Activation
    variances: tuple[float, float] = (math.nan, math.nan)

    @classmethod
    def random(
        cls, channels: int, width: int, sigma_w2: float, sigma_b2: float = 0.0, activation: Any = "tanh", seed: Any = 0
    ) -> Convolution:
        """Gaussian weights and biases; `width` is odd."""
        rng = np.random.default_rng(seed)
        channels, width = whole_number("channels", channels, 1), whole_number("width", width, 1)
        if width % 2 == 0:
            raise ArgumentError(f"`width` must be odd; got {width}")
        kernel = normal_weights(rng, (channels, channels, width), channels * width, sigma_w2)
        return cls(kernel, rng.standard_normal(channels) * math.sqrt(sigma_b2), as_activation(activation), (sigma_w2, sigma_b2))

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """The next preactivations."""
        return _circular(self.phi.function(z), self.kernel) + self.bias[:, None]

    def jvp(self, z: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v at z."""
        return _circular(self.phi.derivative(z) * v, self.kernel)

    def theory(self) -> NetworkPoint:
        """Mean-field theory at the variances the layer was drawn with."""
        return MeanField(self.phi).at(*self.variances)


@dataclass(frozen=True)
class Residual:
    """x' = x + V phi(W x + b); see `residual_flow` for its theory, which has no exponent per layer.

    Examples
    --------
    >>> Residual.random(50)(np.zeros((2, 50))).shape
    (2, 50)
    """

    outer: np.ndarray
    inner: np.ndarray
    bias: np.ndarray
    phi: Activation

    @classmethod
    def random(
        cls, n: int, sigma_v2: float = 1.0, sigma_w2: float = 1.0, sigma_b2: float = 0.0, activation: Any = "tanh", seed: Any = 0
    ) -> Residual:
        """Gaussian weights and biases."""
        rng = np.random.default_rng(seed)
        n = whole_number("n", n, 1)
        outer, inner = (normal_weights(rng, (n, n), n, s) for s in (sigma_v2, sigma_w2))
        return cls(outer, inner, rng.standard_normal(n) * math.sqrt(sigma_b2), as_activation(activation))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The next state of the stream."""
        return x + self.phi.function(x @ self.inner.T + self.bias) @ self.outer.T

    def jvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v at x."""
        return v + (self.phi.derivative(x @ self.inner.T + self.bias) * (v @ self.inner.T)) @ self.outer.T


@dataclass(frozen=True)
class BatchNorm:
    """z' = (h - mean h) / sd h over the batch, h = phi(z) W'; a difference of one input changes the outputs of the whole batch.

    Examples
    --------
    >>> round(BatchNorm.random(50, "relu").growth(), 4)  # sqrt(pi / (pi - 1))
    1.2112
    """

    weight: np.ndarray
    phi: Activation

    @classmethod
    def random(cls, n: int, activation: Any = "relu", seed: Any = 0) -> BatchNorm:
        """Gaussian weights, whose variance does not matter."""
        n = whole_number("n", n, 1)
        return cls(normal_weights(np.random.default_rng(seed), (n, n), n, 1.0), as_activation(activation))

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """The next preactivations."""
        h = self.phi.function(z) @ self.weight.T
        return (h - h.mean(0)) / h.std(0)

    def jvp(self, z: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v at z."""
        h, dh = self.phi.function(z) @ self.weight.T, (self.phi.derivative(z) * v) @ self.weight.T
        out = (h - h.mean(0)) / h.std(0)
        return (dh - dh.mean(0) - out * (out * dh).mean(0)) / h.std(0)

    def growth(self) -> float:
        """Factor by which differences grow per layer, for wide layers and large batches."""
        return batch_norm_growth(MeanField(self.phi))
