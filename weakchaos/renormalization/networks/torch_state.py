"""Restores a module after a probe: modes, gradient flags, buffers, attributes, hooks and the state of the random generators."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

from weakchaos.core.errors import ArgumentError

__all__ = ["moment", "untouched"]


def _attributes(module: Any) -> dict[str, Any]:
    """The attributes of a module, with shallow copies of its containers (parameters, buffers, hooks, lists of its own)."""
    return {k: (v, copy.copy(v) if isinstance(v, dict | list | set) else None) for k, v in module.__dict__.items()}


def _put_back(module: Any, kept: dict[str, Any]) -> None:
    module.__dict__.clear()
    for key, (value, content) in kept.items():
        if content is not None:
            # The very container stays, since others may hold it too; only its content is restored.
            value.clear()
            value.extend(content) if isinstance(value, list) else value.update(content)
        module.__dict__[key] = value


@contextlib.contextmanager
def untouched(model: Any, training: bool = False) -> Iterator[None]:
    """Context in which the model is in evaluation (or training) mode, without gradients and without compilation; everything is restored at its end.

    Raises
    ------
    ArgumentError
        If the forward pass changes the model's own parameters.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    modules = list(model.modules())
    parameters = list(model.parameters())
    state = torch.get_rng_state()
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else None
    fast = torch.backends.mha.get_fastpath_enabled()
    # A probe may be called under inference mode, in which tensors have no derivatives.
    with torch.inference_mode(False), torch.no_grad():
        flags = [p.requires_grad for p in parameters]
        buffers = [(b, b.clone()) for b in model.buffers()]
        kept = [_attributes(m) for m in modules]
        versions = [None if p.is_inference() else p._version for p in parameters]
        try:
            torch.backends.mha.set_fastpath_enabled(False)
            try:
                model.train(training)
            except NotImplementedError as error:
                raise ArgumentError(
                    "`model` is the flat module of an exported program, which has no layers any more: pass the program itself"
                ) from error
            if training:
                for m in modules:  # batch statistics are used in training mode but not recorded
                    if hasattr(m, "track_running_stats"):
                        m.track_running_stats = False
            for p in parameters:
                p.requires_grad_(False)
            # Fused attention has no forward derivative.
            with sdpa_kernel(SDPBackend.MATH), torch.compiler.set_stance("force_eager"):
                yield
        finally:
            torch.set_rng_state(state)
            if devices is not None:
                torch.cuda.set_rng_state_all(devices)
            torch.backends.mha.set_fastpath_enabled(fast)
            changed = any(v is not None and p._version != v for p, v in zip(parameters, versions, strict=True))
            for m, k in zip(modules, kept, strict=True):
                _put_back(m, k)
            for p, flag in zip(parameters, flags, strict=True):
                p.requires_grad_(flag)
            for b, value in buffers:
                b.copy_(value)
            if changed:
                raise ArgumentError(
                    "`model` changes its own parameters in its forward pass, so that a probe changed it too: let forward leave them alone, "
                    "or probe copy.deepcopy(model)"
                )


def moment(model: Any) -> Callable[[], None]:
    """A function that restores the present state of random generators, buffers and attributes, so that all passes compute the same function.

    Without it, dropout masks and the power iterations of spectral norms would differ from pass to pass.
    """
    import torch

    state = torch.get_rng_state()
    modules = list(model.modules())
    buffers = [(b, b.clone()) for b in model.buffers()]
    kept = [_attributes(m) for m in modules]

    def restore() -> None:
        torch.set_rng_state(state)
        # What a pass under a transformation left in an attribute is dead outside of it.
        for m, k in zip(modules, kept, strict=True):
            _put_back(m, k)
        for b, value in buffers:
            if not torch.equal(b, value):
                b.copy_(value)

    return restore
