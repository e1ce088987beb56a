"""PyTorch modules: recording signals and differences in one forward pass each, by hooks and forward-mode differentiation.

A difference is the tangent of a dual number. Where a layer's output passes its hook, the tangent is read, and for the layer's own response it is
replaced by a fresh random one, so that a single pass measures every layer. No Jacobian is built. Mode, gradient flags and the state of the
random generators are as before when a probe is done, and the model's parameters are never touched.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["activation_of", "is_module", "probed_layers", "untouched"]


def is_module(model: Any) -> bool:
    """Whether `model` is a torch module; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


@contextlib.contextmanager
def untouched(model: Any, training: bool = False) -> Iterator[None]:
    """Run with the model in evaluation mode (or training mode); mode, gradient flags, buffers and random state are restored."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    modes = {m: m.training for m in model.modules()}
    flags = {p: p.requires_grad for p in model.parameters()}
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    # Batch statistics are used in training mode but not recorded.
    tracking = {m: m.track_running_stats for m in modes if hasattr(m, "track_running_stats")} if training else {}
    state, fast = torch.get_rng_state(), torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        model.train(training)
        for m in tracking:
            m.track_running_stats = False
        for p in flags:
            p.requires_grad_(False)
        # Fused attention has no forward derivative.
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.set_rng_state(state)
        torch.backends.mha.set_fastpath_enabled(fast)
        for m, mode in modes.items():
            m.training = mode
        for m, tracked in tracking.items():
            m.track_running_stats = tracked
        for p, flag in flags.items():
            p.requires_grad_(flag)
        with torch.no_grad():
            for name, b in model.named_buffers():
                b.copy_(buffers[name])


def _mixing(torch: Any) -> tuple[type, ...]:
    nn = torch.nn
    convolutions = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    return (nn.Linear, nn.Bilinear, *convolutions)


def _mixes(module: Any, torch: Any) -> bool:
    """Whether a module mixes its inputs by a matrix of its own; modules of an exported program have lost their classes."""
    if isinstance(module, _mixing(torch)):
        return True
    weight = module._parameters.get("weight")
    exported = type(module).__module__.startswith("torch.export")
    return exported and weight is not None and weight.ndim >= 2


def _blocks(model: Any) -> list[tuple[str, Any]]:
    """Repeated blocks of one class, each of several modules: residual blocks, transformer layers."""
    best: list[tuple[str, Any]] = []
    found: dict[type, list[tuple[str, Any]]] = {}
    inside: set[str] = set()
    for name, module in model.named_modules():
        if not name or any(name.startswith(f"{p}.") for p in inside):
            continue
        children = list(module.children())
        plain = type(module).__module__.startswith("torch.nn.modules.container")
        if len(children) >= 2 and not plain:
            inside.add(name)
            found.setdefault(type(module), []).append((name, module))
    for group in found.values():
        best = group if len(group) > len(best) else best
    return best if len(best) >= 2 else []


def probed_layers(model: Any, layers: Any = "auto") -> list[tuple[str, Any]]:
    """Names and modules whose outputs a probe reads.

    Parameters
    ----------
    model : torch.nn.Module
    layers : "auto", sequence of names, or a module class
        By default repeated blocks of one class (residual blocks, transformer layers) where there are any, else all layers with weights.

    Returns
    -------
    list of (str, torch.nn.Module)

    Raises
    ------
    ArgumentError
    """
    import torch

    named = {n: m for n, m in model.named_modules() if n}
    if isinstance(layers, str) and layers == "auto":
        found = _blocks(model) or [(n, m) for n, m in named.items() if _mixes(m, torch)]
        if not found and isinstance(model, _mixing(torch)):
            found = [("model", model)]
    elif isinstance(layers, type):
        found = [(n, m) for n, m in named.items() if isinstance(m, layers)]
    else:
        wanted = [layers] if isinstance(layers, str) else list(layers)
        missing = [n for n in wanted if n not in named]
        if missing:
            raise ArgumentError(
                f"`layers` must name modules of the model; {shown(missing[0])} is none of {', '.join(list(named)[:20])}"
            )
        found = [(n, named[n]) for n in wanted]
    if not found:
        raise ArgumentError(
            "`layers` finds nothing to probe in this model: name its modules, as in layers=['encoder.0', 'encoder.1']"
        )
    return found


def _tensor_of(output: Any) -> Any:
    """The tensor of a layer's output; recurrent layers give (output, state)."""
    while isinstance(output, tuple | list):
        output = output[0]
    return output


def _replaced(output: Any, new: Any) -> Any:
    if isinstance(output, tuple | list):
        return type(output)((_replaced(output[0], new), *output[1:]))
    return new


def _checked_inputs(model: Any, inputs: Any) -> Any:
    import torch

    x = inputs if isinstance(inputs, torch.Tensor) else torch.as_tensor(np.asarray(inputs))
    parameters = list(model.parameters())
    kinds = {p.dtype for p in parameters if p.is_floating_point()}
    if kinds & {torch.float16, torch.bfloat16}:
        raise ArgumentError(
            "`model` is in half precision, in which small differences drown in rounding: probe model.float(), or a copy of it"
        )
    devices = {p.device for p in parameters}
    if isinstance(inputs, torch.Tensor) and devices and x.device not in devices:
        raise ArgumentError(
            f"`inputs` must be on a device of the model, {', '.join(sorted(map(str, devices)))}; they are on {x.device}: use inputs.to(...)"
        )
    if devices:
        x = x.to(next(iter(devices)))
    if x.is_floating_point() and kinds:
        x = x.to(next(iter(kinds)))
    elif x.dtype not in (torch.int32, torch.int64) and not x.is_floating_point():
        raise ArgumentTypeError(f"`inputs` must hold real numbers or token numbers; got {x.dtype}")
    if x.ndim < 1 or len(x) < 2:
        raise ArgumentError(
            f"`inputs` must be a batch of at least 2, as correlations are between inputs; got shape {tuple(x.shape)}"
        )
    if x.is_floating_point() and not bool(torch.isfinite(x).all()):
        raise ArgumentError("`inputs` must be finite")
    return x.detach()


def _square(v: Any) -> Any:
    return (v.reshape(len(v), -1).double() ** 2).mean(1)


_ACTIVATIONS = {
    "Tanh": "tanh",
    "ReLU": "relu",
    "GELU": "gelu",
    "SiLU": "swish",
    "ELU": "elu",
    "Hardtanh": "hard-tanh",
    "Softplus": "softplus",
    "Sigmoid": "sigmoid",
    "Identity": "linear",
}


def activation_of(model: Any) -> str | None:
    """The name of the activation that the module uses most among its children; None where it has none of the known."""
    names = [
        _ACTIVATIONS[type(m).__name__]
        for m in model.modules()
        if type(m).__name__ in _ACTIVATIONS and type(m).__name__ != "Identity"
    ]
    return max(set(names), key=names.count) if names else None
