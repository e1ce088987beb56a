"""PyTorch modules and inputs that a probe accepts; all others are refused with a message that says what to do."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["activation_of", "checked_inputs", "fixed_batch", "is_module", "plain_module", "square"]


def is_module(model: Any) -> bool:
    """Whether `model` is a torch module or an exported program; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and (isinstance(model, torch.nn.Module) or _is_program(model))


def _is_program(model: Any) -> bool:
    return type(model).__name__ == "ExportedProgram" and type(model).__module__.startswith("torch.export")


def plain_module(model: Any) -> Any:
    """The module itself where `model` is compiled or an exported program, after a check that it can be probed.

    Raises
    ------
    ArgumentError
        Of traced, quantised, lazy, meta and half-precision modules, with what to pass instead.
    """
    import torch

    if _is_program(model):
        model = torch.export.unflatten(model)
    while hasattr(model, "_orig_mod"):  # what torch.compile returns
        model = model._orig_mod
    for name, module in model.named_modules():
        where = f" ({name})" if name else ""
        if isinstance(module, torch.jit.ScriptModule):
            raise ArgumentError(
                f"`model`{where} is a traced or scripted module, whose layers cannot be read: pass the module that was traced, or a torch.export program"
            )
        if ".quantized" in type(module).__module__:
            raise ArgumentError(
                f"`model`{where} is quantised ({type(module).__name__}), and steps have no derivatives: probe the module as it was before quantization"
            )
        own = [*module._parameters.values(), *module._buffers.values()]
        if any(torch.nn.parameter.is_lazy(t) for t in own if t is not None):
            raise ArgumentError(
                f"`model`{where} is lazy and has no weights yet ({type(module).__name__}): run it once on a batch, as in model(inputs), and probe it then"
            )
        if any(t is not None and t.is_inference() for t in own):
            raise ArgumentError(
                f"`model`{where} was built under torch.inference_mode, where tensors have no derivatives: build it outside, or probe a copy made there"
            )
        if any(t is not None and t.device.type == "meta" for t in own):
            raise ArgumentError(
                f"`model`{where} is on the meta device, which holds no numbers: load its weights first, or model.to_empty(device='cpu') and draw them"
            )
    kinds = {p.dtype for p in model.parameters() if p.is_floating_point()}
    if any(k.itemsize < 4 for k in kinds):
        raise ArgumentError(
            "`model` is in half precision, in which small differences drown in rounding: probe model.float(), or a copy of it"
        )
    return model


def fixed_batch(model: Any) -> int | None:
    """The only batch size of an exported program that was exported without a dynamic first dimension; None for all other modules."""
    graph = getattr(model, "graph", None)
    sizes = {
        value.shape[0]
        for node in getattr(graph, "nodes", ())
        if node.op == "placeholder"
        and (value := node.meta.get("val")) is not None
        and getattr(value, "ndim", 0) > 0
        and isinstance(value.shape[0], int)
        and not node.name.startswith(("p_", "b_", "c_"))
    }
    return sizes.pop() if len(sizes) == 1 else None


def checked_inputs(model: Any, inputs: Any) -> Any:
    """`inputs` as a new tensor, on the device and in the precision of the model.

    Raises
    ------
    ArgumentError, ArgumentTypeError
    """
    import torch

    if isinstance(inputs, dict) or (isinstance(inputs, tuple) and any(isinstance(t, torch.Tensor) for t in inputs)):
        raise ArgumentTypeError(
            "`inputs` must be one array or tensor, the argument from which differences start: wrap a module of several arguments in one whose "
            "forward(self, x) passes the others on, and probe that"
        )
    x = inputs if isinstance(inputs, torch.Tensor) else tensor_of("inputs", inputs)
    parameters = list(model.parameters())
    kinds = [p.dtype for p in parameters if p.is_floating_point()]
    devices = {p.device for p in parameters}
    if isinstance(inputs, torch.Tensor) and devices and x.device not in devices:
        raise ArgumentError(
            f"`inputs` must be on a device of the model, {', '.join(sorted(map(str, devices)))}; they are on {x.device}: use inputs.to(...)"
        )
    if devices:
        x = x.to(next(iter(devices)))
    if x.is_floating_point():
        x = x.to(kinds[0] if kinds else torch.promote_types(x.dtype, torch.float32))
    elif x.dtype not in (torch.int32, torch.int64):
        raise ArgumentTypeError(f"`inputs` must hold real numbers or token numbers; got {x.dtype}")
    if x.ndim < 1 or len(x) < 2:
        raise ArgumentError(
            f"`inputs` must be a batch of at least 2, as correlations are between inputs; got shape {tuple(x.shape)}"
        )
    if x.is_floating_point() and not bool(torch.isfinite(x).all()):
        raise ArgumentError("`inputs` must be finite")
    return x.detach().clone()


def tensor_of(name: str, value: Any) -> Any:
    """An array or tensor as a tensor without a gradient; the error where it holds no numbers."""
    import torch

    if isinstance(value, torch.Tensor):
        if value.device.type == "meta":
            raise ArgumentError(f"`{name}` is on the meta device, which holds no numbers: pass a tensor with numbers in it")
        return value.detach()
    try:
        return torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentTypeError(f"`{name}` must be an array or a tensor of numbers; got {shown(value)}") from error


def square(v: Any) -> Any:
    """Mean square of each row, in double precision."""
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
    """The name of the activation that occurs most often among the children of the module; None if it has no known activation."""
    names = [
        _ACTIVATIONS[type(m).__name__]
        for m in model.modules()
        if type(m).__name__ in _ACTIVATIONS and type(m).__name__ != "Identity"
    ]
    return max(set(names), key=names.count) if names else None
