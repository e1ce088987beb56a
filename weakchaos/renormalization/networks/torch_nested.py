"""The floating-point tensor in the arguments or results of a module: by itself, or in nested tuples, dictionaries, named tuples and dataclasses."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

__all__ = ["real_tensors", "tensor_in", "with_tensor"]


def _parts(value: Any) -> list[tuple[Any, Any]]:
    """Keys and members of a container; none of anything else."""
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    if is_dataclass(value) and not isinstance(value, type):
        return [(f.name, getattr(value, f.name)) for f in fields(value) if hasattr(value, f.name)]
    return list(vars(value).items()) if type(value).__name__ == "SimpleNamespace" else []


def _tensors(value: Any) -> Iterator[Any]:
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    for _, part in _parts(value):
        yield from _tensors(part)


def real_tensors(value: Any) -> list[Any]:
    """The real tensors in a value that are not scalars."""
    return [t for t in _tensors(value) if t.is_floating_point() and t.ndim]


def tensor_in(value: Any, batch: int) -> Any:
    """The first real tensor with one row for each of `batch` inputs, else the first real tensor that is not a scalar, else None."""
    real = real_tensors(value)
    return next((t for t in real if len(t) == batch), real[0] if real else None)


def with_tensor(value: Any, old: Any, new: Any) -> Any:
    """`value` with the tensor `old` replaced by `new` wherever it stands; containers are copied, not changed."""
    if value is old:
        return new
    parts = [(k, p, with_tensor(p, old, new)) for k, p in _parts(value)]
    if all(before is after for _, before, after in parts):
        return value
    if isinstance(value, tuple):
        made = [after for _, _, after in parts]
        # Named tuples take their fields one by one; the structures that torch returns take a sequence, as plain tuples do.
        return type(value)._make(made) if hasattr(value, "_make") else type(value)(made)
    changed = copy.copy(value)
    for key, before, after in parts:
        if before is after:
            continue
        if isinstance(value, dict | list):
            changed[key] = after
        else:
            object.__setattr__(changed, key, after)
    return changed
