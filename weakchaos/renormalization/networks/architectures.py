"""Mean-field theory beyond plain dense layers: residual branches, convolutions, batch normalisation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.renormalization.theory.gaussian import expectation
from weakchaos.renormalization.theory.mean_field import MeanField, mean_field

__all__ = ["ResidualFlow", "batch_norm_growth", "convolution_scales", "residual_flow"]


def _theory(activation: Any) -> MeanField:
    return activation if isinstance(activation, MeanField) else mean_field(activation)


@dataclass(frozen=True)
class ResidualFlow:
    """Signals along a residual network.

    Attributes
    ----------
    q : array of shape (depth + 1,)
        Mean square of the stream, beginning with the input.
    c : array of shape (depth + 1,) or None
        Correlation of two inputs, if `c` was given.
    log_growth : array of shape (depth + 1,)
        Mean logarithm of the norm of a small difference, 0 at the input.
    """

    q: np.ndarray
    c: np.ndarray | None
    log_growth: np.ndarray


def residual_flow(
    activation: Any,
    depth: int,
    sigma_v2: float = 1.0,
    sigma_w2: float = 1.0,
    sigma_b2: float = 0.0,
    q: float = 1.0,
    c: float | None = None,
) -> ResidualFlow:
    """Lengths, correlations and growth of differences of x' = x + V phi(W x + b), W and V with variances sigma^2 / N.

    There is no fixed point and no exponent per layer: if phi is bounded, lengths grow linearly and differences like exp(const sqrt(depth)).

    Parameters
    ----------
    activation : str, callable, Activation or MeanField
    depth : int
    sigma_v2, sigma_w2, sigma_b2 : float
    q : float
        Length of the inputs.
    c : float, optional
        Correlation of two inputs, which is followed if it is given.

    Returns
    -------
    ResidualFlow

    Raises
    ------
    ArgumentError

    References
    ----------
    Yang and Schoenholz, Mean field residual networks, NeurIPS 2017, arXiv:1712.08969.

    Examples
    --------
    >>> flow = residual_flow("tanh", 100)
    >>> bool(flow.log_growth[100] / flow.log_growth[25] < 2.5)  # about sqrt(4), far from 4
    True
    """
    theory, depth = _theory(activation), whole_number("depth", depth, 1)
    length, corr = real_number("q", q), math.nan if c is None else real_number("c", c)
    if length <= 0 or abs(corr) > 1:
        raise ArgumentError(f"`q` must be positive and `c` between -1 and 1; got {shown(q)} and {shown(c)}")
    qs, cs, logs = [length], [corr], [0.0]
    for _ in range(depth):
        inner = sigma_w2 * length + sigma_b2
        square, _, gain = theory.moments(inner)
        new = length + sigma_v2 * square
        if c is not None:
            between = min(1.0, (sigma_w2 * length * corr + sigma_b2) / inner) if inner > 0 else 1.0
            corr = min(1.0, (length * corr + sigma_v2 * theory.pair(inner, between)) / new)
        length = new
        qs.append(length)
        cs.append(corr)
        logs.append(logs[-1] + 0.5 * math.log1p(sigma_v2 * sigma_w2 * gain))
    return ResidualFlow(np.array(qs), None if c is None else np.array(cs), np.array(logs))


def batch_norm_growth(activation: Any) -> float:
    r"""Factor by which gradients grow per layer of a network with batch normalisation before the activation, for large batches.

    Normalisation gives preactivations mean 0 and variance 1 over the batch, so different inputs are uncorrelated at the fixed point, and the layer
    divides by the standard deviation of the previous activations: growth^2 = E phi'^2 / Var phi.

    Parameters
    ----------
    activation : str, callable, Activation or MeanField

    Returns
    -------
    float
        Always above 1 unless phi is linear: gradients explode whatever the weights are.

    Notes
    -----
    $$\mathrm{growth}^2 = \frac{E \phi'(z)^2}{\mathrm{Var} \phi(z)}$$

    References
    ----------
    Yang, Pennington, Rao, Sohl-Dickstein and Schoenholz, ICLR 2019, arXiv:1902.08129.

    Examples
    --------
    >>> round(batch_norm_growth("relu"), 6)  # sqrt(pi / (pi - 1))
    1.211174
    """
    phi = _theory(activation).activation
    mean, square, gain = expectation(
        lambda z, x: np.stack([phi.function(x), phi.function(x) ** 2, phi.derivative(x) ** 2]), 1.0, phi.kinks
    )
    return math.sqrt(gain / (square - mean * mean))


def convolution_scales(
    activation: Any, sigma_w2: float, sigma_b2: float = 0.0, kernel: Any = 3, modes: Any = None, size: int = 32
) -> tuple[np.ndarray, np.ndarray]:
    """Depth scales of the spatial modes of correlations in a convolutional network on a ring of `size` sites.

    Lengths and chi are those of a dense layer of the same fan-in. A difference that varies in space like a Fourier mode k is also averaged over the
    kernel: it is multiplied by chi_c lambda_k per layer, where lambda_k is the Fourier transform of the variances of the kernel's entries.

    Parameters
    ----------
    activation : str, callable, Activation or MeanField
    sigma_w2, sigma_b2 : float
        Variance of weights times fan-in (kernel size times channels).
    kernel : int or array of shape (odd,)
        Length of a kernel with equal variances, or the shares of the variance of its entries; a single 1 in the middle is the delta-orthogonal
        initialisation of Xiao et al., for which all modes have the same depth scale.
    modes : array of ints, optional
        All modes from 0 to ``size // 2`` by default.
    size : int

    Returns
    -------
    (modes, scales)
        The scales are in layers; infinite for a mode that neither grows nor shrinks.

    Raises
    ------
    ArgumentError

    References
    ----------
    Xiao, Bahri, Sohl-Dickstein, Schoenholz and Pennington, ICML 2018, arXiv:1806.05393.

    Examples
    --------
    >>> theory = mean_field("tanh")
    >>> k, scales = convolution_scales(theory, theory.critical(0.05), 0.05, kernel=3, modes=[0, 1, 4])
    >>> bool(np.isinf(scales[0])), bool(scales[1] > scales[2])
    (True, True)
    """
    theory, size = _theory(activation), whole_number("size", size, 3)
    shares = np.full(whole_number("kernel", kernel, 1), 1.0) if np.ndim(kernel) == 0 else np.asarray(kernel, np.float64)
    if shares.ndim != 1 or shares.size % 2 == 0 or shares.size > size or (shares < 0).any() or not shares.sum() > 0:
        raise ArgumentError(
            f"`kernel` must be an odd length of at most {size}, or so many variances, none negative; got {shown(kernel)}"
        )
    shares = shares / shares.sum()
    k = np.arange(size // 2 + 1) if modes is None else np.asarray(modes, np.int64)
    offsets = np.arange(shares.size) - shares.size // 2
    transform = np.abs(np.exp(2j * np.pi * np.outer(k, offsets) / size) @ shares)
    point = theory.at(sigma_w2, sigma_b2)
    factor = 1.0 if point.phase == "critical" else math.exp(-1 / point.xi_c) if point.xi_c > 0 else 0.0
    rate = np.clip(factor * transform, 0, 1)
    with np.errstate(divide="ignore"):
        return k, np.where(rate >= 1 - 1e-14, np.inf, -1 / np.log(np.maximum(rate, 1e-300)))
