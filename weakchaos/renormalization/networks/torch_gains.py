"""Gains on the weights of a torch module: they are found in a single pass, and applied to weights of any parametrization."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.networks.torch import checked_inputs, square
from weakchaos.renormalization.networks.torch_nested import tensor_in, with_tensor
from weakchaos.renormalization.networks.torch_places import title
from weakchaos.renormalization.networks.torch_signals import FAILURES, refused
from weakchaos.renormalization.networks.torch_state import untouched

__all__ = ["refusal", "scale_weights", "sequential_gains"]


def _weighted(model: Any, names: list[str]) -> list[tuple[str, Any]]:
    """The modules of the rows `names`; refused where one has no weights of its own."""
    modules = {title(n): m for n, m in model.named_modules()}
    found = []
    for name in names:
        module = modules.get(name)
        source = None if module is None else _source(module)
        if module is None and name.endswith(")") and name.rpartition(" (")[0] in modules:
            raise ArgumentError(
                f"`model` runs {name.rpartition(' (')[0]} more than once in a pass: its weights cannot have several gains"
            )
        if source is None or source.ndim < 2:
            kind = "" if module is None else f" ({type(module).__name__})"
            raise ArgumentError(
                f"`layers`: {name}{kind} has no weights of its own to scale: probe the layers inside of it, as in layers=torch.nn.Linear"
            )
        found.append((name, module))
    return found


def _source(module: Any) -> Any:
    """The parameter from which the weight of a module is made; the weight itself is not read, since reading may move a power iteration on."""
    own = module._parameters
    if "parametrizations" in module._modules and "weight" in module.parametrizations:
        return max(module.parametrizations["weight"].parameters(), key=lambda p: p.ndim)
    return next((own[k] for k in ("weight", "weight_v", "weight_orig") if own.get(k) is not None), None)


def _scaled(name: str, module: Any, factor: float) -> None:
    """Multiply the weight of one module, through its parametrization where it has one.

    Raises
    ------
    ArgumentError
        Where what makes the weight undoes a gain, as orthogonal and spectral norms do; the module is then as it was.
    """
    import torch

    own = module._parameters
    held = "parametrizations" in module._modules and "weight" in module.parametrizations
    kinds = ""
    if not held:
        if own.get("weight") is not None:
            own["weight"].mul_(factor)
            return
        # The older weight norm keeps a length, pruning the weight without its mask; both make the weight anew before each pass.
        inner = own.get("weight_g")
        if inner is None and "weight_mask" in module._buffers:
            inner = own.get("weight_orig")
        if inner is not None:
            inner.mul_(factor)
            module.weight = module.weight.detach() * factor
            return
        kinds = "a hook that makes it anew before each pass"
    else:
        parts = module.parametrizations["weight"]
        mode = module.training
        module.eval()  # the weight is read without another step of a power iteration
        before = [p.detach().clone() for p in parts.parameters()]
        buffers = [b.clone() for b in parts.buffers()]
        try:
            wanted = module.weight.detach() * factor
            module.weight = wanted
            near = torch.allclose(module.weight, wanted, rtol=1e-3, atol=1e-6 * float(wanted.abs().max()))
        except FAILURES:
            near = False
        finally:
            module.train(mode)
        if near:
            return
        for p, kept in zip([*parts.parameters(), *parts.buffers()], [*before, *buffers], strict=True):
            p.copy_(kept)
        kinds = ", ".join(type(p).__name__.lstrip("_") for p in parts)
    raise ArgumentError(
        f"`model`: the weight of {name} is held by {kinds}, which undoes any gain: take it off, as by "
        f"torch.nn.utils.parametrize.remove_parametrizations(layer, 'weight'), or multiply what the layer gives in its forward pass"
    )


def _own_gains(model: Any, names: list[str], factors: np.ndarray) -> list[tuple[str, Any]]:
    """The modules of the rows `names`; refused where weights that are to have a gain of their own serve elsewhere too."""
    layers = _weighted(model, names)
    shared: dict[int, str] = {}
    for name, module in layers:
        other = shared.setdefault(id(_source(module)), name)
        if other != name:
            raise ArgumentError(f"`model` shares the weights of {name} with {other}: they cannot have two gains")
    users: dict[int, int] = {}
    for module in model.modules():
        for parameter in module._parameters.values():
            if parameter is not None:
                users[id(parameter)] = users.get(id(parameter), 0) + 1
    for (name, module), g in zip(layers, factors, strict=True):
        if g != 1 and users.get(id(_source(module)), 1) > 1:
            raise ArgumentError(f"`model` shares the weights of {name} with another module: a gain on one would change both")
    return layers


def refusal(model: Any, names: list[str]) -> str | None:
    """Why the layers behind the first of `names` cannot have a gain each, found without a change or a pass; None where nothing is in the way."""
    try:
        _own_gains(model, names, np.array([1.0, *[math.nan] * (len(names) - 1)]))
    except ArgumentError as error:
        return str(error)
    return None


def scale_weights(model: Any, names: list[str], factors: np.ndarray) -> None:
    """Multiply the weights of the named layers in place, but not their biases. If one of them cannot be scaled, none is changed."""
    import torch

    layers = _own_gains(model, names, factors)
    done: list[tuple[str, Any, float]] = []
    with torch.no_grad():
        try:
            for (name, module), g in zip(layers, factors, strict=True):
                if g != 1:
                    _scaled(name, module, float(g))
                    done.append((name, module, float(g)))
        except ArgumentError:
            for name, module, g in done:
                _scaled(name, module, 1 / g if g else 1.0)
            raise


def sequential_gains(model: Any, inputs: Any, names: list[str], directions: int, seed: int, training: bool = False) -> np.ndarray:
    """Gains with which the response of each layer is 1 when the gains of the layers before it are applied; found in one pass, in the order of the layers."""
    import torch
    from torch.autograd import forward_ad

    x = checked_inputs(model, inputs)
    if not x.is_floating_point():
        raise ArgumentError("`inputs` are tokens: gains are for models of real inputs")
    taps = _weighted(model, names)
    generator = torch.Generator(device=x.device)
    generator.manual_seed(seed)

    def fresh(like: Any) -> Any:
        return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)

    gains: list[float] = []
    # Several directions at once: the batch is repeated, each copy with its own differences.
    many = torch.cat([x] * directions)

    def hook(module: Any, arguments: Any, out: Any, name: str) -> Any:
        value = tensor_in(out, len(many))
        dual = forward_ad.unpack_dual(value)
        if dual.tangent is None:
            raise ArgumentError(f"`layers`: no difference reaches {name}: a gain cannot be found where derivatives are cut off")
        chi = float(square(dual.tangent).mean() / size[0].mean())
        if not chi > 0:
            raise ArgumentError(f"`model` stretches no difference in {name}: no gain makes its chi 1")
        g = 1.0 if not gains else chi**-0.5
        gains.append(g)
        bias = getattr(module, "bias", None)
        places = dual.primal.ndim > 2 and not isinstance(module, torch.nn.Linear)
        offset = 0.0 if bias is None else bias.reshape((-1,) + (1,) * (dual.primal.ndim - 2)) if places else bias
        tangent = fresh(dual.primal)
        size[0] = square(tangent)
        return with_tensor(out, value, forward_ad.make_dual((dual.primal - offset) * g + offset, tangent))

    handles = [m.register_forward_hook(lambda m, a, o, n=n: hook(m, a, o, n)) for n, m in taps]
    try:
        with untouched(model, training), forward_ad.dual_level():
            v = fresh(many)
            size = [square(v)]
            try:
                model(forward_ad.make_dual(many.clone(), v))
            except ArgumentError:
                raise
            except FAILURES as error:
                raise refused(error, many) from error
    finally:
        for handle in handles:
            handle.remove()
    if len(gains) != len(names):
        raise ArgumentError(
            f"`layers`: {len(names)} layers were probed and {len(gains)} ran, so they cannot be told apart: name the layers that run once"
        )
    return np.array(gains)
