"""Group convolution over translations and quarter turns.

Cohen and Welling, ICML 2016, arXiv:1602.07576: [f * psi](g) = sum_h sum_c f_c(h) psi_c(g^-1 h) over the group p4. A feature map has one plane for each of the
four orientations; rotating the input rotates the planes and permutes them cyclically. The Jacobian at a symmetric state commutes with the group, so exponents
come in multiplets: momenta that quarter turns map to each other have the same exponents. With fan-in 4 channels k^2 the mean-field theory is that of a dense
layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.layers.basic import normal_weights
from weakchaos.renormalization.theory.activations import Activation
from weakchaos.renormalization.theory.activations import activation as as_activation
from weakchaos.renormalization.theory.mean_field import MeanField, NetworkPoint

__all__ = ["P4Convolution"]


@dataclass(frozen=True)
class P4Convolution:
    """z' = phi(z) * psi + b on arrays of shape (batch, channels, 4, side, side), on a torus.

    Attributes
    ----------
    kernel : array of shape (channels, channels, 4, width, width)
        psi for the first orientation of the output.
    bias : array of shape (channels,)
    phi : Activation

    Examples
    --------
    >>> layer = P4Convolution.random(2, 3, 1.5)
    >>> x = np.random.default_rng(0).normal(size=(1, 2, 4, 5, 5))
    >>> bool(np.allclose(layer(layer.turn(x)), layer.turn(layer(x))))
    True
    """

    kernel: np.ndarray
    bias: np.ndarray
    phi: Activation
    variances: tuple[float, float] = (math.nan, math.nan)

    @classmethod
    def random(
        cls, channels: int, width: int, sigma_w2: float, sigma_b2: float = 0.0, activation: Any = "tanh", seed: Any = 0
    ) -> P4Convolution:
        """Gaussian weights and biases; `width` is odd."""
        channels, width = whole_number("channels", channels, 1), whole_number("width", width, 1)
        if width % 2 == 0:
            raise ArgumentError(f"`width` must be odd; got {width}")
        rng = np.random.default_rng(seed)
        kernel = normal_weights(rng, (channels, channels, 4, width, width), 4 * channels * width * width, sigma_w2)
        return cls(kernel, rng.standard_normal(channels) * math.sqrt(sigma_b2), as_activation(activation), (sigma_w2, sigma_b2))

    @staticmethod
    def turn(x: np.ndarray) -> np.ndarray:
        """A quarter turn of a feature map: each plane is rotated and becomes the plane of the next orientation."""
        return np.rot90(np.roll(x, 1, axis=2), axes=(3, 4))

    @staticmethod
    def shift(x: np.ndarray, rows: int, columns: int) -> np.ndarray:
        """A translation of a feature map."""
        return np.roll(x, (rows, columns), axis=(3, 4))

    def _oriented(self, r: int) -> np.ndarray:
        """The kernel of output orientation r: turned r times, its own orientations moved on."""
        return np.rot90(np.roll(self.kernel, r, axis=2), r, axes=(3, 4))

    def _correlate(self, x: np.ndarray) -> np.ndarray:
        width = self.kernel.shape[3]
        out = np.zeros((len(x), self.kernel.shape[0], 4, *x.shape[3:]))
        for r in range(4):
            kernel = self._oriented(r)
            for i in range(width):
                for j in range(width):
                    moved = np.roll(x, (width // 2 - i, width // 2 - j), axis=(3, 4))
                    out[:, :, r] += np.einsum("oct,bctyx->boyx", kernel[:, :, :, i, j], moved)
        return out

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """The next preactivations."""
        return self._correlate(self.phi.function(z)) + self.bias[:, None, None, None]

    def jvp(self, z: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v at z."""
        return self._correlate(self.phi.derivative(z) * v)

    def theory(self) -> NetworkPoint:
        """Mean-field theory at the variances the layer was drawn with."""
        return MeanField(self.phi).at(*self.variances)

    def block(self, rows: float, columns: float) -> np.ndarray:
        """The linear part at one momentum (radians per site), a matrix of shape (4 channels, 4 channels), complex.

        Blocks of momenta that quarter turns map to each other have the same singular values.
        """
        channels, width = self.kernel.shape[0], self.kernel.shape[3]
        offsets = np.arange(width) - width // 2
        phase = np.exp(1j * (rows * offsets[:, None] + columns * offsets[None, :]))
        return np.stack([np.einsum("octij,ij->oct", self._oriented(r), phase) for r in range(4)], 1).reshape(
            4 * channels, 4 * channels
        )
