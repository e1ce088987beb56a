"""Where to look at a field on irregular points: sample positions and weights of a probabilistic convolution.

Finzi, Bondesan and Welling (ICLR 2021, arXiv:2010.10876) convolve a Gaussian process with drift b and diffusion S: the output at a site s is the expectation of the
field at s + b + N(0, S). Given a field known at m of n irregular points, it is an integral by Bayesian quadrature for every site; the points are chosen one
after the other, each the one that lowers the sum of the posterior variances of all outputs most. With z_s(x) = E k(x, s + b + N(0, S)) and residuals r_s, d of the
Cholesky factor (see `weakchaos.herding.selection.bayesian_quadrature`) that sum falls by sum_s r_s(x)^2 / d(x).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from weakchaos.core.arguments import positive, real_array, real_number, whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.kernels.base import finite_points
from weakchaos.kernels.distributions import Normal
from weakchaos.kernels.mean_embedding import embed
from weakchaos.kernels.radial import Gaussian

__all__ = ["ConvolutionPoints", "convolution_points"]

_RANK = 1e-10


class ConvolutionPoints(NamedTuple):
    """Positions, weights and what remains unknown.

    Attributes
    ----------
    indices : int64 array of shape (m,)
        The points that are looked at, the most useful first.
    weights : array of shape (sites, m)
        ``weights @ field[indices]`` is the convolved field at the sites.
    variance : array of shape (sites,)
        The posterior variance of each, in units of the variance of the field.
    course : array of shape (m,)
        The mean of `variance` after each point.
    """

    indices: np.ndarray
    weights: np.ndarray
    variance: np.ndarray
    course: np.ndarray


def convolution_points(
    points: Any, size: int, length: float, diffusion: float, drift: Any = None, sites: Any = None, noise: float = 0.0
) -> ConvolutionPoints:
    """The points of an irregular set at which a field should be known for its convolution to be known best.

    Parameters
    ----------
    points : array of shape (n, dim)
    size : int
        How many of them to choose.
    length : float
        Correlation length of the field, the bandwidth of its Gaussian kernel.
    diffusion : float
        Variance of the heat kernel along each coordinate, in squared units of the points; 0 interpolates.
    drift : array of shape (dim,), optional
    sites : array of shape (s, dim), optional
        Where the output is wanted; at the points themselves by default.
    noise : float
        Variance of the noise of a value, in units of the variance of the field.

    Returns
    -------
    ConvolutionPoints

    Examples
    --------
    >>> x = np.random.default_rng(0).random((200, 2))
    >>> found = convolution_points(x, 30, length=0.3, diffusion=0.02)
    >>> bool(found.course[-1] < 1e-3)
    True
    """
    x = finite_points("points", points)
    n, dim = x.shape
    positive("length", length)
    if real_number("diffusion", diffusion) < 0 or real_number("noise", noise) < 0:
        raise ArgumentError(f"`diffusion` and `noise` must not be negative; got {diffusion:g} and {noise:g}")
    size = whole_number("size", size, 1, n)
    b = np.zeros(dim) if drift is None else real_array("drift", drift)
    if b.shape != (dim,) or not np.isfinite(b).all():
        raise ArgumentError(f"`drift` must be a vector of {dim} finite numbers; got shape {b.shape}")
    s = x if sites is None else finite_points("sites", sites, dim)
    kernel = Gaussian(float(length))
    smooth = embed(kernel, Normal(np.zeros(dim), float(diffusion)))
    rest = np.stack([smooth.mean_of(x - site - b) for site in s])  # (sites, n): z_s(x), then what is left of it
    z, variance = rest.copy(), np.full(len(s), smooth.double)
    rows, left = np.empty((size, n)), np.ones(n)
    chosen: list[int] = []
    course = []
    for t in range(size):
        usable = left > _RANK
        usable[chosen] = False
        if not usable.any():
            break
        gain = np.where(usable, (rest**2).sum(0) / (np.where(usable, left, 1.0) + noise), -np.inf)
        new = int(np.argmax(gain))
        root = math.sqrt(left[new] + noise)
        rows[t] = (kernel(x[new : new + 1], x)[0] - rows[:t, new] @ rows[:t]) / root
        share = rest[:, new] / root
        rest -= np.outer(share, rows[t])
        left -= rows[t] ** 2
        variance -= share**2
        chosen.append(new)
        course.append(float(np.maximum(variance, 0.0).mean()))
    indices = np.array(chosen, np.int64)
    gram = kernel(x[indices]) + noise * np.eye(len(indices))
    values, vectors = np.linalg.eigh(gram)
    good = values > 1e-14 * values[-1] * len(values)
    weights = z[:, indices] @ (vectors[:, good] / values[good]) @ vectors[:, good].T
    return ConvolutionPoints(indices, weights, np.maximum(variance, 0.0), np.array(course))
