"""Lyapunov spectra along the depth of a stack of layers.

Two sets of numbers describe the product of Jacobians J = J_L ... J_1, and they are not the same at finite depth: QR exponents, the mean logarithms of the
diagonals of R in J_l Q = Q' R (Benettin et al., Meccanica 15 (1980) 9, doi:10.1007/BF02128236), and the logarithms of the singular values of J
divided by L. Their sums agree if J is square: both are log |det J| / L. The largest singular value is the stretching of the optimal direction and exceeds
the largest QR exponent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.networks.signals import chain_of

__all__ = ["DepthSpectrum", "depth_spectrum"]


@dataclass(frozen=True)
class DepthSpectrum:
    """Exponents of a stack of layers at one input or averaged over several.

    Attributes
    ----------
    qr_exponents : array of shape (k,)
        In nats per layer, in descending order.
    log_singular_values : array of shape (k,) or None
        Logarithms of the singular values of the Jacobian of the whole stack, divided by its depth; None if fewer directions than input dimensions
        were followed.
    by_layer : array of shape (layers, k)
        Logarithms of the diagonal of R, layer by layer.
    depth : int
    """

    qr_exponents: np.ndarray
    log_singular_values: np.ndarray | None
    by_layer: np.ndarray
    depth: int


def _orthonormal(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((n, k)))[0]


def depth_spectrum(
    model: Any, inputs: Any, k: int | None = None, activation: Any = "tanh", layers: Any = "auto", seed: int = 0
) -> DepthSpectrum:
    """QR exponents and log singular values of a stack of layers.

    Parameters
    ----------
    model
        As for `probe`.
    inputs : array of shape (batch, ...)
        The spectrum is averaged over them.
    k : int, optional
        Number of directions that are followed; all by default, which builds the Jacobian of the stack, one direction at a time.
    activation, layers
        As for `probe`.
    seed : int

    Returns
    -------
    DepthSpectrum

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> weights = [rng.normal(size=(20, 20)) / 20**0.5 for _ in range(5)]
    >>> result = depth_spectrum(weights, rng.normal(size=(2, 20)), activation="linear")
    >>> bool(np.isclose(result.qr_exponents.sum(), result.log_singular_values.sum()))
    True
    """
    from weakchaos.renormalization.networks.torch import is_module

    rng = np.random.default_rng(np.random.SeedSequence([0x737065, whole_number("seed", seed, 0, math.inf)]))
    if k is not None:
        k = whole_number("k", k, 1)
    if is_module(model):
        from weakchaos.renormalization.networks.torch_frames import frames_through

        by_input = frames_through(model, inputs, k, layers, rng)
    else:
        by_input = _frames_of_chain(chain_of(model, activation), inputs, k, rng)
    logs, singular, depth, complete = [], [], 0, k is None
    for steps, many in by_input:
        found, factor, scale = [], np.eye(many), 0.0
        for r in steps:
            diagonal = (
                np.abs(np.diag(r))
                if r.shape[0] == r.shape[1]
                else np.concatenate([np.abs(np.diag(r)), np.zeros(many - min(r.shape))])
            )
            with np.errstate(divide="ignore"):
                found.append(np.log(diagonal))
            factor = r @ factor
            size_of = np.abs(factor).max()
            if size_of > 0:
                factor, scale = factor / size_of, scale + np.log(size_of)
        depth = len(found)
        logs.append(found)
        with np.errstate(divide="ignore"):
            values = np.log(np.linalg.svd(factor, compute_uv=False)) + scale
        singular.append(np.concatenate([values, np.full(many - values.size, -np.inf)]))
    mean = np.mean(logs, axis=0)
    exponents = np.sort(mean.mean(0))[::-1]
    return DepthSpectrum(exponents, np.mean(singular, axis=0) / depth if complete else None, mean, depth)


def _frames_of_chain(chain: Any, inputs: Any, k: int | None, rng: np.random.Generator) -> Any:
    """R of each layer at each input, and the number of directions."""
    x = real_array("inputs", inputs)
    if x.ndim < 2 or not len(x):
        raise ArgumentError(f"`inputs` must have shape (batch, ...); got shape {x.shape}")
    size = int(np.prod(x.shape[1:]))
    many = size if k is None else whole_number("k", k, 1, size)
    for i in range(len(x)):
        yield list(_frames(chain, x[i : i + 1], _orthonormal(rng, size, many))), many


def _frames(chain: Any, x: np.ndarray, frame: np.ndarray) -> Any:
    """R of each layer, the frame kept orthonormal; in the last of more outputs than directions R stays square."""
    from weakchaos.renormalization.networks.signals import _apply, _jvp, _name_of

    z = x
    for k, layer in enumerate(chain):
        name = _name_of(layer, k)
        repeated = np.repeat(z, frame.shape[1], axis=0)
        moved = _jvp(layer, repeated, frame.T.reshape(repeated.shape), name)
        q, r = np.linalg.qr(moved.reshape(len(moved), -1).T)
        yield r
        frame = q
        z = _apply(layer, z, name)[0]
