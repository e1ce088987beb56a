"""Renormalization: the change of signals from layer to layer, and of configurations from scale to scale, in networks and in spin systems.

Names are imported on first use, so that a program loads only what it calls.
"""

from weakchaos.core.faces import face
from weakchaos.renormalization import layers

_HOME = {
    "renormalization.coarse.block_spins": ("block_spins",),
    "renormalization.coarse.boltzmann_machine": ("RestrictedBoltzmannMachine", "machine_flow", "train_machine"),
    "renormalization.coarse.ising_energy": ("energy_per_spin", "exact_energy", "temperature_of_energy"),
    "renormalization.coarse.momentum_shell": ("momentum_shell",),
    "renormalization.coarse.monte_carlo": ("coupling_sums", "monte_carlo_rg"),
    "renormalization.coarse.null_models": ("null_population",),
    "renormalization.coarse.population": ("coarse_grain",),
    "renormalization.coarse.spin_flows": ("decimate_chain", "migdal_kadanoff", "migdal_kadanoff_fixed_point"),
    "renormalization.networks.architectures": ("batch_norm_growth", "convolution_scales", "residual_flow"),
    "renormalization.networks.depth_spectra": ("depth_spectrum",),
    "renormalization.networks.spectra": ("LayerStack", "closed_loop_spectrum", "recurrent_spectrum"),
    "renormalization.theory.activations": ("Activation", "activation"),
    "renormalization.theory.dynamic_theory": ("recurrent_theory",),
    "renormalization.theory.mean_field": ("mean_field",),
    "renormalization.theory.phases": ("phase_diagram",),
    "reports.probe.probe": ("probe",),
    "reports.probe.training": ("ProbeCallback",),
}

__all__ = [
    "Activation",
    "LayerStack",
    "ProbeCallback",
    "RestrictedBoltzmannMachine",
    "activation",
    "batch_norm_growth",
    "block_spins",
    "closed_loop_spectrum",
    "coarse_grain",
    "convolution_scales",
    "coupling_sums",
    "decimate_chain",
    "depth_spectrum",
    "energy_per_spin",
    "exact_energy",
    "layers",
    "machine_flow",
    "mean_field",
    "migdal_kadanoff",
    "migdal_kadanoff_fixed_point",
    "momentum_shell",
    "monte_carlo_rg",
    "null_population",
    "phase_diagram",
    "probe",
    "recurrent_spectrum",
    "recurrent_theory",
    "residual_flow",
    "temperature_of_energy",
    "train_machine",
]

__getattr__, __dir__ = face(__name__, _HOME)
