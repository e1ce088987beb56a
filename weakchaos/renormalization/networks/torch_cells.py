"""The cells of torch's recurrent modules, as float64 arrays."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.renormalization.networks.cells import RecurrentCell

__all__ = ["cells_of", "is_torch_module"]

_CELLS = {"RNNCell": "rate", "LSTMCell": "lstm", "GRUCell": "gru"}


def is_torch_module(model: Any) -> bool:
    """Whether `model` is a module of torch, which is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def _array(name: str, tensor: Any) -> np.ndarray:
    if tensor.device.type == "meta":
        raise ArgumentError(f"`model` is on the meta device, and its {name} holds no numbers: load or draw its weights first")
    if not tensor.is_floating_point():
        raise ArgumentError(f"`model` holds whole numbers in {name}, as after quantization: pass the module as it was before")
    array = np.asarray(tensor.detach().cpu().double())
    if not np.isfinite(array).all():
        raise ArgumentError(f"`model` has weights that are not finite, in {name}")
    return array


def cells_of(module: Any) -> list[RecurrentCell]:
    """The layers of an RNN, LSTM or GRU, or one cell, whatever the device of the module; dropout between layers is left out.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        Of a bidirectional module, which has no map forward in time, and of all that is no recurrent module of torch.
    """
    import torch

    if any(torch.nn.parameter.is_lazy(p) for p in module.parameters()):
        raise ArgumentError("`model` is lazy and has no weights yet: run it once on a batch")
    if type(module).__name__ in _CELLS and isinstance(module, torch.nn.RNNCellBase):
        weights: dict[str, Any] = {n: _array(n, p) for n, p in module.named_parameters()}
        phi = getattr(module, "nonlinearity", "tanh")
        return [RecurrentCell(_CELLS[type(module).__name__], **weights, activation=phi)]
    if not isinstance(module, torch.nn.RNNBase):
        inside = [n for n, m in module.named_modules() if isinstance(m, torch.nn.RNNBase | torch.nn.RNNCellBase)]
        found = f": pass one of its parts, as {', '.join(inside[:3])}" if inside else ", and has none inside: try probe"
        raise ArgumentTypeError(f"`model` is no RNN, LSTM or GRU of torch ({type(module).__name__}){found}")
    if module.bidirectional:
        raise ArgumentError(
            "`model` is bidirectional: its backward half reads the future, so no map leads from one time step to the next; pass a module with bidirectional=False"
        )
    kind = {"LSTM": "lstm", "GRU": "gru"}.get(module.mode, "rate")
    phi = "relu" if module.mode == "RNN_RELU" else "tanh"
    cells = []
    for layer in range(module.num_layers):
        end = f"_l{layer}"
        weights = {n.removesuffix(end): _array(n, p) for n, p in module.named_parameters() if n.endswith(end)}
        cells.append(RecurrentCell(kind, **weights, activation=phi))
    return cells
