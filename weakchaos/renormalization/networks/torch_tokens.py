"""The transverse and the longitudinal exponent of a stack of transformer layers, by projection at the state in which all tokens are equal.

A random difference of a stack of n tokens is transverse to a share of (n - 1) / n at first, and longitudinal in the end where tokens collapse, so that its
single exponent drifts from one of the two to the other with depth. Here the mean of the tokens and the deviations from it are carried apart: the state
consists of equal tokens, one difference is equal for all tokens and the other sums to 0 over them, and both are projected back after each layer. Growth is
relative to the stream: where branches read a normalised stream that itself grows (norm first), the angle between tokens is what a growing difference leaves.
See `weakchaos.renormalization.theory.token_theory` and `weakchaos.renormalization.theory.token_flow`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.scatter import standard_error
from weakchaos.renormalization.networks.torch_signals import FAILURES
from weakchaos.renormalization.networks.torch_state import untouched
from weakchaos.renormalization.theory.token_flow import between, shared

__all__ = ["TokenExponents", "token_exponents", "tokens_of_rows"]


@dataclass(frozen=True)
class TokenExponents:
    """Exponents per layer in logarithms of squares, relative to the mean square of the stream; half of them are nats of amplitude.

    Attributes
    ----------
    transverse, longitudinal : float
        Of differences between tokens, and of differences that all tokens share.
    transverse_stderr, longitudinal_stderr : float
        Over inputs and directions; they do not cover the draw of the weights, of which there is one.
    by_layer : array of shape (layers, 2)
        Transverse and longitudinal growth of each layer.
    mixing : float
        Largest share of a longitudinal difference that a layer turned into a transverse one: 0 unless a layer tells tokens apart, by positions or masks.
    stream : array of shape (layers + 1,)
        Mean square of the tokens before each layer, and after the last: about constant if the norm follows the branches, growing if it precedes them.
    powers, powers_stderr : tuple of float
        Powers of the mean square of the stream with which squares of transverse and longitudinal differences change over the layers that are counted;
        NaN unless it at least doubles over them. Where it grows in proportion to the depth they are powers of the depth.
    """

    transverse: float
    longitudinal: float
    transverse_stderr: float
    longitudinal_stderr: float
    by_layer: np.ndarray
    mixing: float
    stream: np.ndarray = field(default_factory=lambda: np.ones(0))
    powers: tuple[float, float] = (math.nan, math.nan)
    powers_stderr: tuple[float, float] = (math.nan, math.nan)

    @property
    def transverse_total(self) -> float:
        """What all layers together do to squares of differences between tokens, in logarithms: the sum of the layers if the stream grows, else their rate
        times their number."""
        total = self.by_layer[:, 0].sum() if math.isfinite(self.powers[0]) else self.transverse * len(self.by_layer)
        return float(total)

    @property
    def sentence(self) -> str:
        """The verdict from both exponents; from their totals if the stream grows, as then no rate per layer describes the stack."""
        if math.isfinite(self.powers[0]):
            totals = self.by_layer.sum(0)
            return (
                f"The mean square of the stream grows by a factor of {self.stream[-1] / self.stream[0]:.3g} through the layers. Near the state of equal "
                f"tokens and relative to the stream, squares of differences between tokens change as its power {self.powers[0]:.3f} ± "
                f"{self.powers_stderr[0]:.3f} and those of differences that tokens share as its power {self.powers[1]:.3f} ± {self.powers_stderr[1]:.3f}: "
                f"{between(totals[0])}, and {shared(totals[1])}."
            )
        depth = len(self.by_layer)
        band = 1 / depth
        t, g = self.transverse / 2, self.longitudinal / 2

        def layers(rate: float) -> str:
            return f"by a factor of e in {1 / abs(rate):.1f} layers"

        angle = (
            "differences between tokens last through all layers"
            if abs(t) < band
            else f"tokens become alike, {layers(t)}"
            if t < 0
            else f"tokens repel each other, {layers(t)}"
        )
        along = "gradients keep their size" if abs(g) < band else f"gradients {'vanish' if g < 0 else 'explode'}, {layers(g)}"
        return (
            f"Near the state of equal tokens the transverse exponent is {self.transverse:.4f} ± {self.transverse_stderr:.4f} and the longitudinal one "
            f"{self.longitudinal:.4f} ± {self.longitudinal_stderr:.4f} in logarithms of squares per layer: {angle}, and {along}."
        )


def layers_of(model: Any) -> list[Any]:
    """The layers of an encoder or of a list of modules."""
    import torch

    if isinstance(model, torch.nn.TransformerEncoder):
        return list(model.layers)
    if isinstance(model, torch.nn.ModuleList | torch.nn.Sequential | list | tuple):
        found = list(model)
        if found and all(isinstance(b, torch.nn.Module) for b in found):
            return found
    raise ArgumentTypeError(
        f"`model` must be a TransformerEncoder, or a list of modules that take and give tokens of shape (batch, tokens, features); got {shown(model)}"
    )


def tokens_first(block: Any) -> Any:
    """The layer as a function of tokens of shape (batch, tokens, features), whichever of the two axes it puts first itself."""
    if getattr(getattr(block, "self_attn", None), "batch_first", True):
        return block
    return lambda state: block(state.transpose(0, 1)).transpose(0, 1)


def in_double(blocks: list[Any], inputs: Any, fits: Callable[[tuple[int, ...]], bool], shape: str) -> tuple[Any, Any]:
    """A copy of the layers in double precision, and the inputs beside it; the error if there are no numbers, or `inputs` are no tokens of this `shape`."""
    import torch

    from weakchaos.renormalization.networks.torch import tensor_of

    stack = torch.nn.ModuleList(blocks)
    if any(t.device.type == "meta" for t in (*stack.parameters(), *stack.buffers())):
        raise ArgumentError("`model` is on the meta device, which holds no numbers: load or draw its weights first")
    x = tensor_of("inputs", inputs)
    if not x.is_floating_point():
        raise ArgumentTypeError("`inputs` must be what enters the first layer, real numbers: embed token numbers first")
    if not x.numel() or not fits(tuple(x.shape)):
        raise ArgumentError(f"`inputs` must have shape {shape}; got {tuple(x.shape)}")
    if not bool(torch.isfinite(x).all()):
        raise ArgumentError("`inputs` must be finite")
    # A copy: buffers and gradients of the original would change their type as well.
    try:
        stack = copy.deepcopy(stack).double()
    except RuntimeError as refusal:
        raise ArgumentError(
            f"`model` cannot be copied, which its double precision needs: {str(refusal).splitlines()[0]}"
        ) from refusal
    device = next((p.device for p in stack.parameters()), torch.device("cpu"))
    return stack, x.to(device).double()


def token_exponents(model: Any, inputs: Any, directions: int = 4, transient: int = 1, seed: int = 0) -> TokenExponents:
    """Transverse and longitudinal exponent of a stack of transformer layers.

    Parameters
    ----------
    model : torch.nn.TransformerEncoder, or list of modules
        Each takes and gives a tensor of shape (batch, tokens, features), or (tokens, batch, features) if it says ``batch_first = False``.
    inputs : array or tensor of shape (batch, tokens, features), or (batch, features)
        What enters the first layer. The first token of each input is given to all tokens, at least two.
    directions : int
        Differences of each kind for each input.
    transient : int
        Layers at the beginning that are not counted in the means: the first brings its inputs to the length at which the stack works.
    seed : int

    Returns
    -------
    TokenExponents

    Raises
    ------
    ArgumentError, ArgumentTypeError

    References
    ----------
    Cowsik, Nebabu, Qi and Ganguli, arXiv:2403.02579.

    Examples
    --------
    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> blocks = [torch.nn.TransformerEncoderLayer(64, 4, 128, batch_first=True) for _ in range(6)]
    >>> found = token_exponents(blocks, torch.randn(4, 8, 64))
    >>> bool(-0.25 < found.transverse < -0.05), bool(abs(found.longitudinal) < 0.1)
    (True, True)
    """
    import torch

    blocks = layers_of(model)
    count = whole_number("directions", directions, 1)
    skipped = min(whole_number("transient", transient, 0), len(blocks) - 1)
    stack, x = in_double(
        blocks, inputs, lambda shape: len(shape) in (2, 3), "(batch, tokens, features) or (batch, features), none of them 0"
    )
    tokens = max(2, x.shape[1] if x.ndim == 3 else 2)
    mean = x[:, 0] if x.ndim == 3 else x
    generator = torch.Generator(device=x.device)
    generator.manual_seed(whole_number("seed", seed, 0, 2**31))
    with untouched(stack):
        rates, mixing, squares = _carried(torch, list(stack), mean.repeat(count, 1), tokens, generator)
    used = rates[skipped:]
    # Growth of one difference along the stack is what scatters; layers of one stack share their weights over inputs.
    by_difference = used.mean(0)
    error = standard_error(by_difference)
    value = by_difference.mean(0)
    return TokenExponents(
        float(value[0]),
        float(value[1]),
        float(error[0]),
        float(error[1]),
        rates.mean(1),
        mixing,
        np.exp(np.log(squares).mean(1)),
        *_powers(used.sum(0), np.log(squares[-1] / squares[skipped])),
    )


def _powers(totals: np.ndarray, grown: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Powers of the mean square of the stream and their errors, from totals of shape (differences, 2) and its growth."""
    if not (grown.min() >= math.log(2) and np.isfinite(totals).all()):
        return (math.nan, math.nan), (math.nan, math.nan)
    powers = totals / grown[:, None]
    mean, error = powers.mean(0), standard_error(powers)
    return (float(mean[0]), float(mean[1])), (float(error[0]), float(error[1]))


def _carried(torch: Any, blocks: list[Any], mean: Any, tokens: int, generator: Any) -> tuple[np.ndarray, float, np.ndarray]:
    """Growth of squares of shape (layers, differences, 2) relative to the stream, the largest share that changed from longitudinal to transverse, and mean
    squares of the stream of shape (layers + 1, differences)."""
    from torch.autograd import forward_ad

    def draw() -> Any:
        return torch.randn(len(mean), tokens, mean.shape[1], generator=generator, dtype=mean.dtype, device=mean.device)

    across = draw()
    across = across - across.mean(1, keepdim=True)
    along = draw()[:, :1]
    found, mixing, squares = [], 0.0, [np.asarray(mean.pow(2).mean(1).cpu())]
    for number, block in enumerate(blocks):
        run = tokens_first(block)
        row, state = [], mean[:, None].expand(-1, tokens, -1).clone()
        for kind, v in enumerate((across, along.expand(-1, tokens, -1))):
            size = v.pow(2).sum((1, 2), keepdim=True).sqrt()
            unit = v / torch.where(size > 0, size, torch.ones_like(size))
            try:
                with forward_ad.dual_level():
                    primal, tangent = forward_ad.unpack_dual(run(forward_ad.make_dual(state, unit.contiguous())))
                    primal, tangent = primal.clone(), torch.zeros_like(primal) if tangent is None else tangent.clone()
            except FAILURES as error:
                raise ArgumentError(
                    f"`model`: layer {number} refused tokens of shape {tuple(state.shape)}: {str(error).splitlines()[0]}"
                ) from error
            if primal.shape != state.shape:
                raise ArgumentError(
                    f"`model`: layer {number} makes shape {tuple(primal.shape)} of tokens of shape {tuple(state.shape)}, so the stack does not chain"
                )
            if not bool(torch.isfinite(primal).all()):
                raise ArgumentError(f"`model` makes numbers that are not finite in layer {number}")
            shared = tangent.mean(1, keepdim=True)
            kept = tangent - shared if kind == 0 else shared.expand(-1, tokens, -1)
            row.append(kept.pow(2).sum((1, 2)).log())
            if kind == 0:
                across = kept
            else:
                along = shared
                whole = tangent.pow(2).sum()
                mixing = max(mixing, float((tangent - kept).pow(2).sum() / whole) if float(whole) > 0 else 0.0)
                mean = primal.mean(1)
        squares.append(np.asarray(mean.pow(2).mean(1).cpu()))
        if not (squares[-2].min() > 0 and squares[-1].min() > 0):
            raise ArgumentError(f"`model` must keep the stream away from 0, which growth is relative to: it is 0 at layer {number}")
        found.append(np.stack([np.asarray(r.cpu()) for r in row], 1) - np.log(squares[-1] / squares[-2])[:, None])
    rates = np.stack(found)
    return rates, mixing if math.isfinite(mixing) else math.nan, np.stack(squares)


def tokens_of_rows(model: Any, inputs: Any, names: list[str], seed: int = 0) -> TokenExponents | None:
    """The exponents of the blocks that a probe found, with what enters the first of them; None unless they are blocks with attention that keep equal tokens equal.

    Parameters
    ----------
    model : torch.nn.Module
    inputs : array or tensor of shape (batch, ...)
    names : list of str
        Of the rows of the probe.
    seed : int
    """
    import torch

    from weakchaos.renormalization.networks.torch import checked_inputs, plain_module
    from weakchaos.renormalization.networks.torch_places import title

    model = plain_module(model)
    modules = {title(n): m for n, m in model.named_modules()}
    blocks = [modules[n] for n in names if n in modules and any("att" in part.lower() for part, _ in modules[n].named_children())]
    if len(blocks) < 2 or any(type(b) is not type(blocks[0]) for b in blocks):
        return None
    entered: list[Any] = []
    handle = blocks[0].register_forward_pre_hook(lambda module, arguments: entered.append(arguments[0].detach().clone()))
    try:
        with untouched(model):
            model(checked_inputs(model, inputs)[:4])
        with torch.inference_mode(False):
            first = entered[0]
            if not getattr(getattr(blocks[0], "self_attn", None), "batch_first", True):
                first = first.transpose(0, 1)
            found = token_exponents(blocks, first, 2, seed=seed)
    except (*FAILURES, ArgumentError, ArgumentTypeError):
        return None
    finally:
        handle.remove()
    return found if found.mixing < 1e-6 and math.isfinite(found.transverse) else None
