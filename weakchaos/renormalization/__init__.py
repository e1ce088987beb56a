"""Renormalization: what survives from layer to layer and from scale to scale, in networks and in spin systems.

Names are found on first use, so that a program pays only for what it calls.
"""

from importlib import import_module
from typing import Any

# Functions that carry the name of their file: imported before the file itself can take the name.
from weakchaos.renormalization import layers
from weakchaos.renormalization.mean_field import mean_field
from weakchaos.renormalization.momentum_shell import momentum_shell
from weakchaos.renormalization.probe import probe

_HOME = {
    "activations": ("Activation", "activation"),
    "architectures": ("batch_norm_growth", "convolution_scales", "residual_flow"),
    "monte_carlo": ("coupling_sums", "monte_carlo_rg"),
    "ising_energy": ("energy_per_spin", "exact_energy", "temperature_of_energy"),
    "null_models": ("null_population",),
    "phases": ("phase_diagram",),
    "population": ("coarse_grain",),
    "spectra": ("LayerStack", "closed_loop_spectrum", "depth_spectrum", "recurrent_spectrum"),
    "training": ("ProbeCallback",),
    "spin_flows": ("decimate_chain", "migdal_kadanoff", "migdal_kadanoff_fixed_point"),
    "blocks": ("block_spins",),
    "boltzmann_machine": ("RestrictedBoltzmannMachine", "machine_flow", "train_machine"),
    "dynamic_theory": ("recurrent_theory",),
}
_FILE = {name: file for file, names in _HOME.items() for name in names}

__all__ = ["layers", "mean_field", "momentum_shell", "probe", *_FILE]


def __getattr__(name: str) -> Any:
    if name not in _FILE:
        raise AttributeError(f"module 'weakchaos.renormalization' has no attribute {name!r}")
    value = getattr(import_module(f"weakchaos.renormalization.{_FILE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
