"""One forward pass of a module with a visitor that sees the inputs and outputs of submodules, layer by layer for recurrent ones."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from typing import Any

from weakchaos.renormalization.networks.torch_nested import tensor_in, with_tensor
from weakchaos.renormalization.networks.torch_recurrent import is_recurrent, unrolled

__all__ = ["Key", "put", "walk"]

# ("in", "out" or "layer", name of the module, number of its call in the pass, layer of a recurrent module); what enters the layers of a recurrent
# module has their number plus one, and 0 is what enters the whole.
Key = tuple[str, str, int, int]


def walk(
    model: Any, argument: Any, watched: Collection[str], visit: Callable[[Key, Any], Any], restore: Callable[[], None] | None = None
) -> Any:
    """Run a module once, and call `visit` with the real tensors that enter and leave the watched modules.

    Parameters
    ----------
    model : torch.nn.Module
        Within `untouched`.
    argument : tensor of shape (batch, ...)
    watched : collection of str
        Names of modules; "" is the model itself.
    visit : callable
        Called with a key and a tensor (None if there is no real one). At outputs its result replaces the tensor unless it is None; at inputs the visitor
        may change the tensor in place, and skip connections then receive the changed tensor too.
    restore : callable, optional
        As `moment` returns it; called before the pass, so that all passes have the same dropout masks and buffers.

    Returns
    -------
    What the model returns
    """
    if restore is not None:
        restore()
    batch, calls, handles = len(argument), dict.fromkeys(watched, -1), []

    def enters(module: Any, arguments: Any, named: Any, name: str) -> None:
        calls[name] += 1
        visit(("in", name, calls[name], 0), tensor_in((arguments, named), batch))

    def leaves(module: Any, arguments: Any, named: Any, output: Any, name: str) -> Any:
        tensor = tensor_in(output, batch)
        new = visit(("out", name, calls[name], 0), tensor)
        return None if new is None else with_tensor(output, tensor, new)

    def layer_by_layer(*arguments: Any, module: Any, original: Any, name: str, **named: Any) -> Any:
        def each(layer: int, before: Any, out: Any) -> Any:
            if name not in calls:
                return None
            visit(("in", name, calls[name], layer + 1), before)
            return visit(("layer", name, calls[name], layer), out)

        return unrolled(module, original, each, arguments, named)

    patched = []
    try:
        for name, module in model.named_modules():
            if is_recurrent(module):
                own = module.__dict__.get("forward")
                patched.append((module, own))
                module.__dict__["forward"] = functools.partial(layer_by_layer, module=module, original=module.forward, name=name)
            if name in calls:
                handles.append(module.register_forward_pre_hook(functools.partial(enters, name=name), with_kwargs=True))
                handles.append(module.register_forward_hook(functools.partial(leaves, name=name), with_kwargs=True))
        return model(argument)
    finally:
        for handle in handles:
            handle.remove()
        for module, own in patched:
            del module.__dict__["forward"]
            if own is not None:
                module.__dict__["forward"] = own


def put(key: Key, tensor: Any, new: Any) -> Any:
    """The result with which a visitor replaces `tensor` by `new`: at inputs `new` is written into the tensor, at outputs it is returned."""
    if key[0] != "in":
        return new
    tensor.copy_(new)
    return None
