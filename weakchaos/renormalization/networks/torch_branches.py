"""The last weights of residual branches: by them a branch is made weaker without changing anything else."""

from __future__ import annotations

import copy
from typing import Any

from weakchaos.core.errors import ArgumentError
from weakchaos.renormalization.networks.torch import checked_inputs, plain_module
from weakchaos.renormalization.networks.torch_nested import tensor_in
from weakchaos.renormalization.networks.torch_places import mixes, title
from weakchaos.renormalization.networks.torch_signals import FAILURES
from weakchaos.renormalization.networks.torch_state import untouched

__all__ = ["branch_ends", "scale_branches"]

_ALIKE = 0.9  # cosine of the input and the output of a block whose branches are silent


def _order(model: Any, x: Any) -> dict[Any, int]:
    """The layers with weights that a pass runs, each with the number of its last call: the order in which they are declared may be another."""
    import torch

    found: dict[Any, int] = {}

    def ran(module: Any, arguments: Any, out: Any) -> None:
        found[module] = max(found.values(), default=-1) + 1

    handles = [m.register_forward_hook(ran) for m in model.modules() if mixes(m)]
    try:
        with untouched(model), torch.no_grad():
            model(x.clone())
    finally:
        for handle in handles:
            handle.remove()
    return found


def _candidates(block: Any, order: dict[Any, int]) -> list[str]:
    """Names within a block of the layers that may end its branches."""
    import torch

    nn = torch.nn
    if isinstance(block, nn.TransformerEncoderLayer):
        return ["self_attn.out_proj", "linear2"]
    if isinstance(block, nn.TransformerDecoderLayer):
        return ["self_attn.out_proj", "multihead_attn.out_proj", "linear2"]
    # Layers that no pass calls, as the last one of attention, whose weights are used by its parent, keep their places before the others.
    found = sorted((n for n, m in block.named_modules() if n and mixes(m)), key=lambda n: order.get(block.get_submodule(n), -1))
    # Each part of a block may be a branch of its own, which ends with the last layer of that part.
    parts = [[n for n in found if n == child or n.startswith(f"{child}.")] for child, _ in block.named_children()]
    attention = [p for p in parts if p and type(block.get_submodule(p[0].split(".")[0])).__name__ == "MultiheadAttention"]
    return [*dict.fromkeys([*(p[-1] for p in attention), *found[-1:]])]


def branch_ends(model: Any, inputs: Any, names: list[str]) -> list[str]:
    """The layers at the ends of the residual branches of the blocks `names`; empty unless every block passes its input on when these are silent.

    Parameters
    ----------
    model : torch.nn.Module
    inputs : array or tensor of shape (batch, ...)
    names : list of str
        As the rows of a probe name them.

    Returns
    -------
    list of str
    """
    import torch

    model = plain_module(model)
    blocks = {title(n): (n, m) for n, m in model.named_modules()}
    if not names or any(n not in blocks for n in names):
        return []
    try:
        quiet = copy.deepcopy(model)
    except RuntimeError:
        return []
    x = checked_inputs(quiet, inputs)[:8]
    try:
        order = _order(model, x)
    except FAILURES:
        return []
    ends = [f"{blocks[n][0]}.{end}" for n in names for end in _candidates(blocks[n][1], order)]
    ways: dict[str, float] = {}

    def look(module: Any, arguments: Any, named: Any, out: Any, name: str) -> None:
        before = tensor_in((arguments, named), len(x))
        after = tensor_in(out, len(x))
        if before is None or after is None or before.shape != after.shape:
            ways[name] = 0.0
            return
        ways[name] = float(torch.nn.functional.cosine_similarity(before.flatten(1).double(), after.flatten(1).double()).min())

    parts = dict(quiet.named_modules())
    with torch.no_grad():
        for end in ends:
            for p in parts[end].parameters(recurse=False):
                p.zero_()
    handles = [
        parts[blocks[n][0]].register_forward_hook(lambda m, a, k, o, n=n: look(m, a, k, o, n), with_kwargs=True) for n in names
    ]
    try:
        with untouched(quiet):
            quiet(x)
    except FAILURES:
        return []
    finally:
        for handle in handles:
            handle.remove()
    return ends if all(ways.get(n, 0.0) > _ALIKE for n in names) else []


def scale_branches(model: Any, ends: list[str], factor: float) -> None:
    """Multiply weights and biases of the named layers in place."""
    import torch

    parts = dict(model.named_modules())
    missing = next((e for e in ends if e not in parts), None)
    if missing is not None:
        raise ArgumentError(f"`model` has no layer {missing}")
    with torch.no_grad():
        for end in ends:
            for p in parts[end].parameters(recurse=False):
                p.mul_(factor)
