"""Probabilistic numeric convolution: a layer that maps the mean and the variance of a random field.

Finzi, Bondesan and Welling, ICLR 2021, arXiv:2010.10876: features are Gaussian processes, and a convolution is the flow of a differential operator,
exp(D) with D = b . grad + div(S grad) / 2: drift and diffusion. On a torus each Fourier mode k is multiplied by exp(i b k - S k^2 / 2); after a mix
of channels with weights of variance sigma_w^2 / channels its exponent is lambda(k) = -S k^2 / 2 + 0.5 ln sigma_w^2: the diffusion is a smooth cut-off of
large momenta, as in an exact renormalization group.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.layers.basic import normal_weights

__all__ = ["ProbabilisticConvolution"]


@dataclass(frozen=True)
class ProbabilisticConvolution:
    """Mean and variance of a field on a ring of sites, arrays of shape (batch, 2, channels, sites): mean first.

    The uncertainties of different sites are taken as uncorrelated: variances are multiplied by the squares of the kernel and of the weights.

    Attributes
    ----------
    weight : array of shape (channels, channels)
    drift, diffusion : float
        b in sites and S in squared sites per layer.
    rectify : bool
        Whether a rectifier follows; it maps mean and variance to those of a rectified Gaussian.

    Examples
    --------
    >>> layer = ProbabilisticConvolution.random(4, 1.0, drift=0.5, diffusion=2.0)
    >>> state = np.stack([np.zeros((1, 4, 16)), np.ones((1, 4, 16))], 1)
    >>> bool((layer(state)[:, 1] > 0).all())
    True
    """

    weight: np.ndarray
    drift: float
    diffusion: float
    rectify: bool = False
    sigma_w2: float = math.nan

    def __post_init__(self) -> None:
        if real_number("diffusion", self.diffusion) < 0:
            raise ArgumentError(f"`diffusion` must not be negative; got {self.diffusion:g}: a field cannot be sharpened stably")

    @classmethod
    def random(
        cls, channels: int, sigma_w2: float, drift: float = 0.0, diffusion: float = 1.0, rectify: bool = False, seed: Any = 0
    ) -> ProbabilisticConvolution:
        """Gaussian weights."""
        channels = whole_number("channels", channels, 1)
        weight = normal_weights(np.random.default_rng(seed), (channels, channels), channels, sigma_w2)
        return cls(weight, real_number("drift", drift), diffusion, rectify, sigma_w2)

    def multiplier(self, sites: int) -> np.ndarray:
        """exp(i b k - S k^2 / 2) at the momenta of a real transform of `sites` sites."""
        k = 2 * np.pi * np.fft.rfftfreq(sites)
        out = np.exp(1j * self.drift * k - 0.5 * self.diffusion * k * k)
        if sites % 2 == 0:
            out[-1] = out[-1].real  # the highest mode has no phase on a lattice
        return out

    def kernel(self, sites: int) -> np.ndarray:
        """exp(D) as a kernel in space."""
        return np.fft.irfft(self.multiplier(sites), sites)

    def _moved(self, field: np.ndarray) -> np.ndarray:
        sites = field.shape[-1]
        return np.fft.irfft(np.fft.rfft(field) * self.multiplier(sites), sites)

    def _spread(self, variance: np.ndarray) -> np.ndarray:
        sites = variance.shape[-1]
        return np.fft.irfft(np.fft.rfft(variance) * np.fft.rfft(self.kernel(sites) ** 2), sites)

    def __call__(self, state: np.ndarray) -> np.ndarray:
        """Mean and variance one layer on."""
        mean = np.einsum("oc,bcn->bon", self.weight, self._moved(state[:, 0]))
        variance = np.einsum("oc,bcn->bon", self.weight**2, self._spread(state[:, 1]))
        if self.rectify:
            mean, variance = _rectified(mean, np.maximum(variance, 0))
        return np.stack([mean, variance], 1)

    def mode_exponents(self, sites: int) -> np.ndarray:
        """lambda(k) of the mean without rectifiers, for momenta increasing from 0 and many channels, in nats per layer."""
        return 0.5 * math.log(self.sigma_w2) + np.log(np.abs(self.multiplier(sites)))


def _rectified(mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of max(0, x), x normal."""
    from scipy.special import ndtr

    sd = np.sqrt(variance)
    ratio = mean / np.where(sd > 0, sd, 1)
    density = np.where(sd > 0, np.exp(-0.5 * ratio * ratio) / math.sqrt(2 * math.pi), 0.0)
    mass = np.where(sd > 0, ndtr(ratio), mean > 0)
    first = mean * mass + sd * density
    second = (mean * mean + variance) * mass + mean * sd * density
    return first, np.maximum(second - first * first, 0)
