"""Bridges to other formats and libraries; each is imported only when used."""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

# What users call by name, as in weakchaos.interop.pymc.sample(); the libraries themselves are imported by the functions.
if TYPE_CHECKING:
    from weakchaos.interop import emcee, pymc, stan, uai
    from weakchaos.interop import jax_densities as jax
    from weakchaos.interop import torch_densities as torch
else:
    __getattr__, __dir__ = face(__name__)

__all__ = ["emcee", "jax", "pymc", "stan", "torch", "uai"]
