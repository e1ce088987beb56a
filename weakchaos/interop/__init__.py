"""Bridges to other formats and libraries; each is imported only when used."""

from importlib import import_module
from typing import Any

# What users call by name, as in weakchaos.interop.pymc.sample(); the libraries themselves are imported by the functions.
_BRIDGES = {name: name for name in ("emcee", "pymc", "stan", "uai")} | {"jax": "jax_densities", "torch": "torch_densities"}


def __getattr__(name: str) -> Any:
    if name in _BRIDGES:
        return import_module(f"weakchaos.interop.{_BRIDGES[name]}")
    raise AttributeError(f"module 'weakchaos.interop' has no attribute {name!r}")
