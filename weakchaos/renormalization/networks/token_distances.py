"""How far the tokens of an input are from each other, layer by layer: rank collapse as it happens, without linearisation.

A cosine in double precision ends at 1 - 1e-16. The mean of 1 minus the cosines is instead computed from deviations of the directions u of the tokens from
their mean, n / (n - 1) times the mean of their squares, which reaches 1e-30. In attention without skip connections it falls doubly exponentially, its
logarithm being multiplied by 3 in each layer (Dong, Cordonnier and Loukas, arXiv:2103.03404); with skip connections and the norm after the branches it falls
at the transverse exponent, and with the norm before them as a power of the depth.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.networks.torch_signals import FAILURES
from weakchaos.renormalization.networks.torch_state import untouched
from weakchaos.renormalization.networks.torch_tokens import in_double, layers_of, tokens_first

__all__ = ["token_distances"]

_ROUNDING = 1e-29  # squares of deviations at which directions are rounding errors of double precision


def token_distances(model: Any, inputs: Any) -> np.ndarray:
    """Mean of 1 minus the cosine between two tokens of one input, before each layer and after the last.

    Parameters
    ----------
    model : torch.nn.TransformerEncoder, or list of modules
        As for `token_exponents`.
    inputs : array or tensor of shape (batch, tokens, features)
        What enters the first layer; at least two tokens.

    Returns
    -------
    array of shape (layers + 1,)
        Geometric means over the batch; NaN from where on tokens differ by no more than rounding.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    References
    ----------
    Dong, Cordonnier and Loukas, arXiv:2103.03404; Noci et al., arXiv:2206.03126.

    Examples
    --------
    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> blocks = [torch.nn.TransformerEncoderLayer(64, 4, 128, batch_first=True) for _ in range(6)]
    >>> found = token_distances(blocks, torch.randn(4, 8, 64))
    >>> found.shape, bool(found[-1] < found[0])
    ((7,), True)
    """
    import torch

    stack, x = in_double(
        layers_of(model),
        inputs,
        lambda shape: len(shape) == 3 and shape[1] > 1,
        "(batch, tokens, features) with at least two tokens",
    )
    found = [_distance(torch, x)]
    with untouched(stack), torch.no_grad():
        for number, block in enumerate(stack):
            before = tuple(x.shape)
            try:
                x = tokens_first(block)(x)
            except FAILURES as error:
                raise ArgumentError(
                    f"`model`: layer {number} refused tokens of shape {before}: {str(error).splitlines()[0]}"
                ) from error
            if tuple(x.shape) != before:
                raise ArgumentError(
                    f"`model`: layer {number} makes shape {tuple(x.shape)} of tokens of shape {before}, so the stack does not chain"
                )
            if not bool(torch.isfinite(x).all()):
                raise ArgumentError(f"`model` makes numbers that are not finite in layer {number}")
            found.append(_distance(torch, x))
    out = np.array(found)
    lost = np.flatnonzero(np.isnan(out))
    if lost.size:
        out[lost[0] :] = math.nan
    return out


def _distance(torch: Any, x: Any) -> float:
    n = x.shape[1]
    units = x / x.pow(2).sum(-1, keepdim=True).sqrt()
    # Twice, so that the rounding of a mean whose elements are nearly equal is taken out.
    off = units - units.mean(1, keepdim=True)
    off = off - off.mean(1, keepdim=True)
    distance = off.pow(2).sum(-1).mean(1) * n / (n - 1)
    return float(distance.log().mean().exp()) if bool((distance > _ROUNDING).all()) else math.nan
