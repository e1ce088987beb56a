"""Recurrent modules of torch, unrolled: layer by layer, and the exponent of the recurrence of each layer.

The state of a layer moves by one map per time step under its inputs, h' = F(h, x_t); for an LSTM the state is (h, c). The exponent of the recurrence is the
mean logarithmic growth per time step of differences of the state for the same inputs (conditional exponent; Engelken, Wolf and Abbott, Phys.
Rev. Research 5 (2023) 043044, arXiv:2006.02427). Below 0 the layer forgets its past; near 0 it has a long memory, because it is critical or because its
gates are closed. The first half of the steps is not counted; in it the differences turn into the directions of fastest growth.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["is_recurrent", "layer_weights", "recurrence_exponent", "unrolled"]

_FEWEST_STEPS = 8


def is_recurrent(module: Any) -> bool:
    """Whether a module is an RNN, GRU or LSTM of torch, of any number of layers."""
    import torch

    return isinstance(module, torch.nn.RNNBase)


def layer_weights(module: Any, layer: int, reverse: bool = False) -> dict[str, Any]:
    """Input and recurrent weights and biases of one layer (and the projection of an LSTM), by their names in torch without the number."""
    suffix = f"_l{layer}{'_reverse' if reverse else ''}"
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    return {n: getattr(module, n + suffix) for n in names if hasattr(module, n + suffix)}


@contextlib.contextmanager
def _without_fused_kernel() -> Iterator[None]:
    """The fused kernel for CPUs has no forward derivative; only this one switch is turned, and turned back."""
    import torch

    before = torch.backends.mkldnn.set_flags(False)[0]
    try:
        yield
    finally:
        torch.backends.mkldnn.set_flags(before)


def unrolled(
    module: Any,
    original: Callable[..., Any],
    visit: Callable[[int, Any, Any], Any],
    arguments: tuple[Any, ...],
    named: dict[str, Any],
) -> Any:
    """The forward pass of a recurrent module, one layer after the other.

    Parameters
    ----------
    module : torch.nn.RNNBase
    original : callable
        The forward pass of the module itself, which is used for packed sequences and single ones.
    visit : callable
        Called with the number of a layer, its inputs and its outputs; unless it returns None, its result replaces the outputs.
    arguments, named
        Positional and named arguments of the call.

    Returns
    -------
    (outputs, final states), as the module returns them
    """
    import torch

    x = arguments[0] if arguments else named["input"]
    start = arguments[1] if len(arguments) > 1 else named.get("hx")
    with _without_fused_kernel():
        if not isinstance(x, torch.Tensor) or x.ndim != 3:
            return original(*arguments, **named)
        lstm, both = module.mode == "LSTM", 2 if module.bidirectional else 1
        time = 1 if module.batch_first else 0
        batch = x.shape[1 - time]
        width = module.proj_size or module.hidden_size
        if start is None:
            h0 = x.new_zeros(module.num_layers * both, batch, width)
            c0 = x.new_zeros(module.num_layers * both, batch, module.hidden_size)
        else:
            h0, c0 = start if lstm else (start, start)
        function = getattr(torch._VF, module.mode.lower())
        final, cells = [], []
        for layer in range(module.num_layers):
            rows = slice(layer * both, (layer + 1) * both)
            weights = [w for reverse in (False, True)[:both] for w in layer_weights(module, layer, reverse).values()]
            state = (h0[rows], c0[rows]) if lstm else h0[rows]
            out, *rest = function(x, state, weights, module.bias, 1, 0.0, module.training, module.bidirectional, module.batch_first)
            new = visit(layer, x, out)
            x = out if new is None else new
            # The final state is the output at the last step: it is taken from there, so that differences have one way through the layer.
            ends = [x.select(time, -1)[..., :width], x.select(time, 0)[..., width:]][:both]
            final += ends
            cells += list(rest[1]) if lstm else []
            if module.training and module.dropout and layer < module.num_layers - 1:
                x = torch.nn.functional.dropout(x, module.dropout)
        return (x, (torch.stack(final), torch.stack(cells))) if lstm else (x, torch.stack(final))


def _step(mode: str, w: dict[str, Any], x: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
    """One step of a layer, in torch's conventions and order of gates; x is already multiplied by the input weights."""
    import torch

    h = state[0]
    if mode.startswith("RNN"):
        inner = x + h @ w["weight_hh"].T + w.get("bias_hh", 0.0)
        return (torch.tanh(inner) if mode == "RNN_TANH" else torch.relu(inner),)
    hidden = h @ w["weight_hh"].T + w.get("bias_hh", 0.0)
    if mode == "GRU":
        (xr, xz, xn), (hr, hz, hn) = x.chunk(3, -1), hidden.chunk(3, -1)
        z = torch.sigmoid(xz + hz)
        # The recurrent bias of the candidate stands inside of the reset gate.
        return ((1 - z) * torch.tanh(xn + torch.sigmoid(xr + hr) * hn) + z * h,)
    enters, keeps, candidate, leaves = (x + hidden).chunk(4, -1)
    c = torch.sigmoid(keeps) * state[1] + torch.sigmoid(enters) * torch.tanh(candidate)
    new = torch.sigmoid(leaves) * torch.tanh(c)
    return (new @ w["weight_hr"].T if "weight_hr" in w else new, c)


def _forgets(mode: str, w: dict[str, Any], x: Any, state: tuple[Any, ...]) -> tuple[int, Any]:
    """Which part of the state the gates keep, and what each unit of it loses in the next step: 1 - f of c in an LSTM, 1 - z of h in a GRU, all of it else."""
    import torch

    if mode == "LSTM":
        return 1, 1 - torch.sigmoid((x + state[0] @ w["weight_hh"].T + w.get("bias_hh", 0.0)).chunk(4, -1)[1])
    if mode == "GRU":
        return 0, 1 - torch.sigmoid((x + state[0] @ w["weight_hh"].T + w.get("bias_hh", 0.0)).chunk(3, -1)[1])
    return 0, torch.ones_like(state[0])


def _map(mode: str, w: dict[str, Any], x: Any, *state: Any) -> tuple[Any, ...]:
    return _step(mode, w, x, state)


def recurrence_exponent(
    module: Any, layer: int, inputs: Any, directions: int, generator: Any, state: Any = None, transient: int | None = None
) -> tuple[float, float, float]:
    """Largest exponent of the state of one layer under its inputs, nats per time step, its standard error over the inputs of the batch, and the gate time.

    The gate time is the number of steps over which the gates alone keep what differs, 1 / (1 - f) with the mean of 1 - f along the leading direction. An
    exponent near 0 with a long gate time is slow, and critical only if the exponent per gate time is near 0 too.

    Parameters
    ----------
    module : torch.nn.RNNBase
    layer : int
    inputs : tensor of shape (batch, steps, features), or (steps, batch, features) if the module takes time first
        The inputs of the layer, recorded in a pass.
    directions : int
        Number of differences for each input of the batch.
    generator : torch.Generator
    state : tuple of tensors of shape (batch, units), optional
        First state of the layer; zeros by default.
    transient : int, optional
        Number of steps before growth is counted; half of all by default.

    Returns
    -------
    (exponent, standard error, gate time)
        NaN for a bidirectional module, which has no map from one time step to the next, and for fewer than 8 steps.
    """
    import torch

    x = (inputs if module.batch_first else inputs.transpose(0, 1)).double()
    batch, steps = x.shape[:2]
    if module.bidirectional or steps < _FEWEST_STEPS:
        return math.nan, math.nan, math.nan
    first = steps // 2 if transient is None else transient
    w = {k: v.detach().double() for k, v in layer_weights(module, layer).items()}
    drive = (x @ w["weight_ih"].T + w.get("bias_ih", 0.0)).repeat(directions, 1, 1)
    sizes = (module.proj_size or module.hidden_size, module.hidden_size)[: 2 if module.mode == "LSTM" else 1]
    at = (
        tuple(drive.new_zeros(batch * directions, n) for n in sizes)
        if state is None
        else tuple(s.double().repeat(directions, 1) for s in state)
    )
    v = tuple(torch.randn(s.shape, generator=generator, dtype=s.dtype, device=s.device) for s in at)
    growth, lost = drive.new_zeros(batch * directions), drive.new_zeros(batch * directions)
    derivative: Any = torch.func.jvp
    for t in range(steps):
        if t >= first:
            part, gate = _forgets(module.mode, w, drive[:, t], at)
            share = v[part] ** 2
            lost += (share * gate).sum(-1) / share.sum(-1)
        at, v = derivative(functools.partial(_map, module.mode, w, drive[:, t]), at, v)
        size = sum((p**2).sum(-1) for p in v).sqrt()
        if t >= first:
            growth += size.log()
        safe = torch.where(size > 0, size, torch.ones_like(size))[:, None]
        v = tuple(p / safe for p in v)
    rates = growth.reshape(directions, batch).mean(0) / (steps - first)
    error = float(rates.std() / math.sqrt(batch)) if batch > 1 else math.nan
    forgets = float(lost.mean()) / (steps - first)
    return float(rates.mean()), error, 1 / forgets if forgets > 0 else math.inf if forgets == 0 else math.nan
