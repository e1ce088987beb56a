"""The output of a module that returns several tensors: of a list of features, the one that is made last of the others.

The first tensor is the output by convention (logits before hidden states, hidden states before what is pooled of them). A list of the features of all
levels, from the first to the last, is another matter: its first tensor is made before most of the network.
"""

from __future__ import annotations

import warnings
from typing import Any

from weakchaos.renormalization.networks.torch_nested import real_tensors, tensor_in

__all__ = ["deepest_output"]


def _depths(root: Any) -> dict[Any, int]:
    """The nodes of the graph of operations from which `root` is made, each with the longest way to it."""
    found, order, seen, stack = {root: 0}, list[Any](), {root}, [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
            continue
        stack.append((node, True))
        for before, _ in node.next_functions:
            if before is not None and before not in seen:
                seen.add(before)
                stack.append((before, False))
    for node in reversed(order):
        for before, _ in node.next_functions:
            if before is not None:
                found[before] = max(found.get(before, 0), found[node] + 1)
    return found


def deepest_output(model: Any, x: Any) -> None:
    """Let a module, within `untouched`, return one tensor alone where the first of those that it returns is a step on the way to another one.

    Only tensors of as many dimensions as the first count, so that what is pooled does not take the place of what it is made of.
    """
    import torch

    made: list[Any] = []
    handle = model.register_forward_hook(lambda module, arguments, output: made.append(output))
    parameters = list(model.parameters())
    state = torch.get_rng_state()
    try:
        with torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for p in parameters:
                p.requires_grad_(p.is_floating_point())
            model(x.clone().requires_grad_(x.is_floating_point()))
    except Exception:
        return  # the probe itself will meet what is wrong and say it
    finally:
        handle.remove()
        torch.set_rng_state(state)
        for p in parameters:
            p.requires_grad_(False)
    output = made[-1]
    candidates = [t for t in real_tensors(output) if len(t) == len(x)]
    first = tensor_in(output, len(x))
    if len(candidates) < 2 or first is None or first.grad_fn is None:
        return
    position, most = -1, 0
    for i, other in enumerate(candidates):
        if other is not first and other.ndim == first.ndim and other.grad_fn is not None:
            way = _depths(other.grad_fn).get(first.grad_fn, 0)
            position, most = (i, way) if way > most else (position, most)
    if most:
        model.register_forward_hook(
            lambda module, arguments, output: [t for t in real_tensors(output) if len(t) == len(arguments[0])][position]
        )
