"""Signals and differences in a torch module, for the probe: one plain pass, and two passes for all differences together.

Under `torch.vmap` the activations are computed once and carry all differences along; where a module has an operation that cannot be mapped so, the
differences go one after the other.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.networks.signals import Recording, weight_summary
from weakchaos.renormalization.networks.torch import (
    _checked_inputs,
    _mixes,
    _replaced,
    _square,
    _tensor_of,
    probed_layers,
    untouched,
)

__all__ = ["record_module"]

_LARGE = 2_000_000  # numbers in the probed outputs


def _in_range(tangent: Any, square: Any, fresh: Any) -> Any:
    """`tangent`, back at unit size where it nears overflow or loss; a difference that died starts afresh.

    Elsewhere it is left alone, since what passed a layer by on a skip connection adds up with it later.
    """
    import torch

    shape = (-1,) + (1,) * (tangent.ndim - 1)
    far = ((square > 1e16) | (square < 1e-16)) & (square > 0)
    size = torch.where(far, square.sqrt(), torch.ones_like(square)).to(tangent.dtype)
    return torch.where((square == 0).reshape(shape), fresh, tangent / size.reshape(shape))


def record_module(model: Any, inputs: Any, directions: int, seed: int, layers: Any = "auto", training: bool = False) -> Recording:
    """Run a batch and its differences through a module.

    Parameters
    ----------
    model : torch.nn.Module
    inputs : array or tensor of shape (batch, ...)
    directions : int
    seed : int
    layers
        As for `probed_layers`.
    training : bool
        Probe in training mode (dropout and batch statistics on); evaluation mode by default.

    Returns
    -------
    Recording
    """
    import torch
    from torch.autograd import forward_ad

    x = _checked_inputs(model, inputs)
    taps = probed_layers(model, layers)
    names = [n for n, _ in taps]
    count = len(taps)
    generator = torch.Generator(device=x.device)
    generator.manual_seed(seed)
    outputs: dict[int, Any] = {}
    features: dict[int, Any] = {}
    order: list[int] = []

    def run(argument: Any, on_output: Callable[[int, Any], Any], on_input: Callable[[int, Any], None] | None = None) -> None:
        handles = []
        try:
            for k, (_, module) in enumerate(taps):
                handles.append(module.register_forward_hook(lambda m, a, out, k=k: on_output(k, out)))
                if on_input is not None:
                    handles.append(module.register_forward_pre_hook(lambda m, a, k=k: on_input(k, a)))
            model(argument)
        finally:
            for handle in handles:
                handle.remove()

    def refused(error: Exception) -> ArgumentError:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        return ArgumentError(f"`model` refused `inputs` of shape {tuple(x.shape)}: {text}")

    def keep(k: int, out: Any) -> None:
        value = _tensor_of(out)
        if not value.is_floating_point():
            raise ArgumentError(f"`layers`: {names[k]} gives {value.dtype}, and only real outputs have differences")
        if not bool(torch.isfinite(value).all()):
            raise ArgumentError(f"`model` makes numbers that are not finite at {names[k]}")
        if k in outputs:
            raise ArgumentError(f"`layers`: {names[k]} runs more than once in a pass, so it is no single layer: name others")
        outputs[k] = value.detach()
        order.append(k)

    def keep_input(k: int, arguments: Any) -> None:
        if arguments and isinstance(arguments[0], torch.Tensor):
            features[k] = arguments[0].detach()

    with untouched(model, training):
        failures = (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError)
        try:
            run(x, keep, keep_input)
        except ArgumentError:
            raise
        except failures as error:
            raise refused(error) from error
        if len(order) < count:
            idle = next(n for k, n in enumerate(names) if k not in outputs)
            raise ArgumentError(f"`layers`: {idle} was not reached by this input")
        place = {k: i for i, k in enumerate(order)}
        real = x.is_floating_point()

        def ratios(renew: bool, v: Any, *noise: Any) -> Any:
            """Growth of the mean square at each layer in its order; noise for each, in the same."""
            found: list[Any] = []
            before = [_square(v)] if real else [None]

            def pass_on(k: int, out: Any) -> Any:
                dual = forward_ad.unpack_dual(_tensor_of(out))
                tangent, own = dual.tangent, noise[place[k]]
                square = None if tangent is None else _square(tangent)
                found.append(
                    torch.full_like(_square(own), torch.nan) if square is None or before[0] is None else square / before[0]
                )
                tangent = own if renew or tangent is None else _in_range(tangent, square, own)
                before[0] = _square(tangent)
                return _replaced(out, forward_ad.make_dual(dual.primal, tangent))

            with forward_ad.dual_level():
                run(forward_ad.make_dual(x, v) if real else x, pass_on)
                return torch.stack(found)

        def together(renew: bool, start: Any, noise: list[Any]) -> Any:
            """The same for all differences at once. Each layer's output gets a summand of zero whose tangent is the layer's noise."""

            def squares(v: Any, *n: Any) -> Any:
                def passed(*arguments: Any) -> Any:
                    summands = arguments[1:] if real else arguments
                    seen: list[Any] = []

                    def add(k: int, out: Any) -> Any:
                        value = _tensor_of(out)
                        seen.append(value)
                        # Without its tangent a layer's output starts anew; the sum of both is what is passed on.
                        return _replaced(out, value.detach() + summands[place[k]] if renew else value)

                    run(arguments[0] if real else x, add)
                    return tuple(seen)

                zeros = tuple(torch.zeros_like(t) for t in n)
                tangents = torch.func.jvp(passed, (x, *zeros) if real else zeros, (v, *n) if real else n)[1]
                return torch.stack([_square(t) for t in tangents])

            values = torch.vmap(squares, randomness="same")(start, *noise)
            own = torch.stack([torch.stack([_square(d) for d in t]) for t in [start, *noise[:-1]]], 1)
            before = own if renew else torch.cat([own[:, :1], values[:, :-1]], 1)
            if not bool(torch.isfinite(values).all()) or not bool((values > 1e-30).all()):
                raise RuntimeError("differences overflow or vanish on the way: they must be brought back to size")
            return values / before

        def noise_like(t: Any) -> Any:
            return torch.randn((directions, *t.shape), generator=generator, dtype=t.dtype, device=t.device)

        # Carrying all along saves the overhead of many small steps; large images are faster one difference after the other.
        large = sum(outputs[k].numel() for k in order) > _LARGE
        tables = []
        for renew in (True, False):
            start = noise_like(x if real else outputs[order[0]])
            noise = [noise_like(outputs[k]) for k in order]
            # Tokens have no differences of their own: the first layer only starts them.
            try:
                if not real or large:
                    raise RuntimeError("one after the other")
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of operations that are mapped one by one
                    values = together(renew, start, noise)
            except failures:
                try:
                    values = torch.stack([ratios(renew, start[d], *(n[d] for n in noise)) for d in range(directions)])
                except failures as error:
                    raise refused(error) from error
            tables.append(values.cpu().numpy().transpose(1, 0, 2))
    with np.errstate(divide="ignore"):
        growth = 0.5 * np.log(tables[1])
    return _recording(taps, order, outputs, features, tables[0], growth, x)


def _recording(taps: Any, order: list[int], outputs: Any, features: Any, response: Any, growth: Any, x: Any) -> Recording:
    import torch

    def plain(t: Any) -> np.ndarray:
        return t.double().cpu().numpy()

    made = [plain(outputs[k]) for k in order]
    after = [
        plain(features[order[i + 1]])
        if i + 1 < len(order) and order[i + 1] in features and len(features[order[i + 1]]) == len(x)
        else made[i]
        for i in range(len(order))
    ]
    weights: list[dict[str, Any]] = []
    for k in order:
        module = taps[k][1]
        weight = getattr(module, "weight", None)
        if _mixes(module, torch) and weight is not None and weight.ndim >= 2:
            matrix = plain(weight.detach()).reshape(len(weight), -1)
            bias = getattr(module, "bias", None)
            weights.append(weight_summary(matrix, None if bias is None else plain(bias.detach())))
        else:
            weights.append({})
    return Recording(
        [taps[k][0] for k in order],
        made,
        after,
        response,
        growth,
        weights,
        float((x.double() ** 2).mean()) if x.is_floating_point() else float("nan"),
        [type(taps[k][1]).__name__ for k in order],
    )
