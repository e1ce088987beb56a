"""Stacks of repeated blocks in a module, found by the classes and the makes of its parts."""

from __future__ import annotations

from typing import Any

from weakchaos.renormalization.networks.torch_recurrent import is_recurrent

__all__ = ["blocks_of", "is_chain", "layers_outside", "repeated", "side_by_side", "within"]


def _is_container(module: Any) -> bool:
    return type(module).__module__.startswith("torch.nn.modules.container")


def blocks_of(model: Any) -> list[str]:
    """Repeated blocks of one class, each of several modules: residual blocks, transformer layers. The outermost such class is taken."""
    found: dict[type, list[str]] = {}
    for name, module in model.named_modules():
        if name and not _is_container(module) and not is_recurrent(module) and len(list(module.children())) >= 2:
            found.setdefault(type(module), []).append(name)
    for least in (3, 2):
        groups = [
            outer
            for names in found.values()
            if len(outer := [n for n in names if not any(n.startswith(f"{m}.") for m in names)]) >= least
        ]
        # A group inside of another one is a part of its blocks.
        outermost = [g for g in groups if not any(all(within(n, h) for n in g) for h in groups if h is not g)]
        if outermost:
            return max(outermost, key=len)
    return []


def within(name: str, names: list[str]) -> bool:
    """Whether a module is a part of one of others."""
    return any(name.startswith(f"{n}.") for n in names)


def side_by_side(model: Any) -> list[list[str]]:
    """Modules of the same make side by side in a list or a sequence, by which a stack of blocks may be built; largest groups of several modules first."""
    found: list[list[str]] = []
    for name, parent in model.named_modules():
        if not _is_container(parent):
            continue
        makes: dict[tuple[type, ...], list[str]] = {}
        for child, module in parent.named_children():
            if type(module).__name__ not in ("ModuleList", "ModuleDict", "ParameterList", "ParameterDict"):
                makes.setdefault(tuple(type(m) for m in module.modules()), []).append(f"{name}.{child}" if name else child)
        found += [g for make, g in makes.items() if len(g) >= 2]
    modules = dict(model.named_modules())
    return sorted(found, key=lambda g: (len(list(modules[g[0]].children())) < 2, -len(g)))[:6]


def repeated(modules: dict[str, Any], events: list[Any]) -> list[str]:
    """The outermost modules of several parts that one pass calls more than once: a block whose weights are shared over depth."""
    again = {e.key[1] for e in events if e.key[0] == "out" and e.key[2] > 0 and len(list(modules[e.key[1]].children())) >= 2}
    return sorted(n for n in again if not within(n, list(again)))


def is_chain(model: Any, names: list[str]) -> bool:
    """Whether the modules stand one after the other in plain sequences, so that nothing leads past any of them."""
    import torch

    modules = dict(model.named_modules())
    for name in names:
        parts = name.split(".") if name else []
        for k in range(len(parts)):
            above = modules[".".join(parts[:k])]
            if type(above) is not torch.nn.Sequential or "forward" in above.__dict__:
                return False
    return True


def layers_outside(order: dict[Any, int], layers: list[Any], rows: list[Any], blocks: list[str]) -> list[Any]:
    """The keys of layers with weights that the rows of a stack do not cover: those behind its last row, and those before its first if that is several.

    Parameters
    ----------
    order : dict
        The number of each key in the order of the pass.
    layers, rows : list of keys
        Of all layers with weights, and of the rows of the stack.
    blocks : list of str
        Names of the blocks, in which layers are no layers outside.
    """
    first, last = order[rows[0]], order[rows[-1]]
    before = [k for k in layers if order[k] < first and k[1] not in blocks and not within(k[1], blocks)]
    behind = [k for k in layers if order[k] > last]
    # One layer before the blocks is a stem, whose own row is the first.
    return (before if len(before) > 1 else []) + behind
