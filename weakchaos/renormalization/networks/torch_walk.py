"""One forward pass of a module with a visitor at its places: what goes into modules and what comes out of them, layer by layer for recurrent ones."""

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
    """Run a module once, and show `visit` the real tensor of what enters and leaves the watched modules.

    Parameters
    ----------
    model : torch.nn.Module
        Within `untouched`.
    argument : tensor of shape (batch, ...)
    watched : collection of str
        Names of modules; "" is the model itself.
    visit : callable
        Given a key and a tensor (None where there is no real one). At the outputs, what it returns takes the tensor's place, unless it is None; at the
        inputs the visitor may change the tensor itself, which is then seen by skip connections too.
    restore : callable, optional
        From `moment`: called before, so that passes share their dropout masks and buffers.

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
    """What a visitor returns so that `new` takes the place of `tensor`: at inputs it is written into it, at outputs handed on."""
    if key[0] != "in":
        return new
    tensor.copy_(new)
    return None
