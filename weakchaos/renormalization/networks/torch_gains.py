"""Gains and frames of differences in a torch module, each in a single pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.networks.torch import _checked_inputs, _replaced, _square, _tensor_of, probed_layers, untouched

__all__ = ["frames_through", "scale_weights", "sequential_gains"]


def _weighted(named: list[tuple[str, Any]]) -> None:
    for name, module in named:
        weight = getattr(module, "weight", None)
        if weight is None or weight.ndim < 2:
            raise ArgumentError(
                f"`layers`: {name} ({type(module).__name__}) has no weights of its own to scale: probe the layers inside of it, as in layers=torch.nn.Linear"
            )


def scale_weights(model: Any, names: list[str], factors: np.ndarray) -> None:
    """Multiply the weights of the named layers, in place; biases stay."""
    import torch

    named = dict(model.named_modules())
    layers = [(n, named.get(n, model)) for n in names]
    _weighted(layers)
    shared: dict[int, str] = {}
    for name, module in layers:
        other = shared.setdefault(module.weight.data_ptr(), name)
        if other != name:
            raise ArgumentError(f"`model` shares the weights of {name} with {other}: they cannot have two gains")
    with torch.no_grad():
        for (_, module), g in zip(layers, factors, strict=True):
            module.weight.mul_(float(g))


def sequential_gains(
    model: Any, inputs: Any, layers: Any, directions: int, seed: int, training: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Gains that make the response of each layer 1 with those before it applied; in one pass, in the order in which layers run."""
    import torch
    from torch.autograd import forward_ad

    x = _checked_inputs(model, inputs)
    if not x.is_floating_point():
        raise ArgumentError("`inputs` are tokens: gains are for models of real inputs")
    taps = probed_layers(model, layers)
    _weighted(taps)
    generator = torch.Generator(device=x.device)
    generator.manual_seed(seed)

    def fresh(like: Any) -> Any:
        return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)

    gains: list[float] = []
    names: list[str] = []

    def hook(module: Any, arguments: Any, out: Any, name: str = "") -> Any:
        value = _tensor_of(out)
        dual = forward_ad.unpack_dual(value)
        if dual.tangent is None:
            raise ArgumentError(f"`layers`: no difference reaches {name}")
        size = (fresh_square[0]).mean()
        chi = float(_square(dual.tangent).mean() / size)
        if not chi > 0:
            raise ArgumentError(f"`model` stretches no difference in {name}: no gain makes its chi 1")
        g = 1.0 if not gains else chi**-0.5
        gains.append(g)
        names.append(name)
        bias = getattr(module, "bias", None)
        offset = (
            0.0
            if bias is None
            else bias.reshape((-1,) + (1,) * (dual.primal.ndim - 2))
            if dual.primal.ndim > 2 and not isinstance(module, torch.nn.Linear)
            else bias
        )
        tangent = fresh(dual.primal)
        fresh_square[0] = _square(tangent)
        return _replaced(out, forward_ad.make_dual((dual.primal - offset) * g + offset, tangent))

    # Several directions at once: the batch is repeated, each copy with its own differences.
    many = torch.cat([x] * directions)
    handles = [m.register_forward_hook(lambda m, a, o, n=n: hook(m, a, o, n)) for n, m in taps]
    try:
        with untouched(model, training), forward_ad.dual_level():
            v = fresh(many)
            fresh_square = [_square(v)]
            model(forward_ad.make_dual(many, v))
    finally:
        for handle in handles:
            handle.remove()
    place = dict(zip(names, gains, strict=True))
    missing = [n for n, _ in taps if n not in place]
    if missing:
        raise ArgumentError(f"`layers`: {missing[0]} was not reached by this input")
    return np.array(gains), names


def frames_through(model: Any, x: Any, frame: np.ndarray, layers: Any = "auto") -> Iterator[np.ndarray]:
    """R of each layer's QR step, for the differences `frame` of shape (inputs, k) at one input.

    The input is repeated k times and each copy carries one difference, so that a single pass moves the whole frame.
    """
    import torch
    from torch.autograd import forward_ad

    k = frame.shape[1]
    one = x if isinstance(x, torch.Tensor) else torch.as_tensor(np.asarray(x))
    many = _checked_inputs(model, torch.cat([one] * max(k, 2)))
    taps = probed_layers(model, layers)
    tangents = torch.as_tensor(frame.T.copy(), dtype=many.dtype, device=many.device).reshape(k, *many.shape[1:])
    if k == 1:
        tangents = torch.cat([tangents, torch.zeros_like(tangents)])
    found: list[np.ndarray] = []

    def hook(module: Any, arguments: Any, out: Any) -> Any:
        dual = forward_ad.unpack_dual(_tensor_of(out))
        moved = dual.tangent[:k].reshape(k, -1).double().T
        q, r = torch.linalg.qr(moved)
        found.append(r.cpu().numpy())
        if q.shape[1] < k:
            q = torch.cat([q, torch.zeros(len(q), k - q.shape[1], dtype=q.dtype)], 1)
        new = q.T.reshape(dual.primal[:k].shape).to(dual.primal.dtype)
        if k == 1:
            new = torch.cat([new, torch.zeros_like(new)])
        return _replaced(out, forward_ad.make_dual(dual.primal, new))

    handles = [m.register_forward_hook(hook) for _, m in taps]
    try:
        with untouched(model), forward_ad.dual_level():
            model(forward_ad.make_dual(many, tangents))
    finally:
        for handle in handles:
            handle.remove()
    return iter(found)
