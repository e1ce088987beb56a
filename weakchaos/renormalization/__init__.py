"""Renormalization: the change of signals from layer to layer, and of configurations from scale to scale, in networks and in spin systems.

Names are imported on first use, so that a program loads only what it calls.
"""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.renormalization import layers
    from weakchaos.renormalization.coarse.block_spins import block_spins
    from weakchaos.renormalization.coarse.boltzmann_machine import RestrictedBoltzmannMachine, machine_flow, train_machine
    from weakchaos.renormalization.coarse.critical_chain import central_charge, chain_entropy
    from weakchaos.renormalization.coarse.erasure_tree import ErasureTree
    from weakchaos.renormalization.coarse.ising_energy import energy_per_spin, temperature_of_energy
    from weakchaos.renormalization.coarse.momentum_shell import momentum_shell
    from weakchaos.renormalization.coarse.monte_carlo import coupling_sums, monte_carlo_rg
    from weakchaos.renormalization.coarse.null_models import null_population
    from weakchaos.renormalization.coarse.population import coarse_grain
    from weakchaos.renormalization.coarse.spin_flows import decimate_chain, migdal_kadanoff, migdal_kadanoff_fixed_point
    from weakchaos.renormalization.coarse.tensor_flow import TensorFlow, tensor_rg
    from weakchaos.renormalization.coarse.topographic_ica import TopographicICA, null_patches
    from weakchaos.renormalization.networks.architectures import batch_norm_growth, convolution_scales, residual_flow
    from weakchaos.renormalization.networks.capsule_routing import CapsuleRouting
    from weakchaos.renormalization.networks.cells import RecurrentCell
    from weakchaos.renormalization.networks.depth_spectra import depth_spectrum
    from weakchaos.renormalization.networks.recurrent_exponents import RecurrentSpectrum
    from weakchaos.renormalization.networks.recurrent_fixed_points import fixed_point
    from weakchaos.renormalization.networks.recurrent_network import RecurrentNetwork
    from weakchaos.renormalization.networks.spectra import LayerStack, closed_loop_spectrum, recurrent_spectrum
    from weakchaos.renormalization.networks.token_distances import token_distances
    from weakchaos.renormalization.networks.torch_tokens import token_exponents
    from weakchaos.renormalization.theory.activations import Activation, activation
    from weakchaos.renormalization.theory.dynamic_theory import critical_input_variance, recurrent_theory
    from weakchaos.renormalization.theory.mean_field import mean_field
    from weakchaos.renormalization.theory.phases import phase_diagram
    from weakchaos.renormalization.theory.token_flow import token_flow
    from weakchaos.renormalization.theory.token_theory import token_theory
    from weakchaos.reports.probe.probe import probe
    from weakchaos.reports.probe.training import ProbeCallback
    from weakchaos.targets.kaufman import exact_energy
else:
    __getattr__, __dir__ = face(__name__)

__all__ = [
    "Activation",
    "CapsuleRouting",
    "ErasureTree",
    "LayerStack",
    "ProbeCallback",
    "RecurrentCell",
    "RecurrentNetwork",
    "RecurrentSpectrum",
    "RestrictedBoltzmannMachine",
    "TensorFlow",
    "TopographicICA",
    "activation",
    "batch_norm_growth",
    "block_spins",
    "central_charge",
    "chain_entropy",
    "closed_loop_spectrum",
    "coarse_grain",
    "convolution_scales",
    "coupling_sums",
    "critical_input_variance",
    "decimate_chain",
    "depth_spectrum",
    "energy_per_spin",
    "exact_energy",
    "fixed_point",
    "layers",
    "machine_flow",
    "mean_field",
    "migdal_kadanoff",
    "migdal_kadanoff_fixed_point",
    "momentum_shell",
    "monte_carlo_rg",
    "null_patches",
    "null_population",
    "phase_diagram",
    "probe",
    "recurrent_spectrum",
    "recurrent_theory",
    "residual_flow",
    "temperature_of_energy",
    "tensor_rg",
    "token_distances",
    "token_exponents",
    "token_flow",
    "token_theory",
    "train_machine",
]
