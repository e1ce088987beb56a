"""Renormalization: the change of signals from layer to layer, and of configurations from scale to scale, in networks and in spin systems.

Names are imported on first use, so that a program loads only what it calls.
"""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.renormalization import layers as layers
    from weakchaos.renormalization.coarse.block_spins import block_spins as block_spins
    from weakchaos.renormalization.coarse.boltzmann_machine import RestrictedBoltzmannMachine as RestrictedBoltzmannMachine
    from weakchaos.renormalization.coarse.boltzmann_machine import machine_flow as machine_flow
    from weakchaos.renormalization.coarse.boltzmann_machine import train_machine as train_machine
    from weakchaos.renormalization.coarse.critical_chain import central_charge as central_charge
    from weakchaos.renormalization.coarse.critical_chain import chain_entropy as chain_entropy
    from weakchaos.renormalization.coarse.erasure_tree import ErasureTree as ErasureTree
    from weakchaos.renormalization.coarse.ising_energy import energy_per_spin as energy_per_spin
    from weakchaos.renormalization.coarse.ising_energy import temperature_of_energy as temperature_of_energy
    from weakchaos.renormalization.coarse.momentum_shell import momentum_shell as momentum_shell
    from weakchaos.renormalization.coarse.monte_carlo import coupling_sums as coupling_sums
    from weakchaos.renormalization.coarse.monte_carlo import monte_carlo_rg as monte_carlo_rg
    from weakchaos.renormalization.coarse.null_models import null_population as null_population
    from weakchaos.renormalization.coarse.population import coarse_grain as coarse_grain
    from weakchaos.renormalization.coarse.spin_flows import decimate_chain as decimate_chain
    from weakchaos.renormalization.coarse.spin_flows import migdal_kadanoff as migdal_kadanoff
    from weakchaos.renormalization.coarse.spin_flows import migdal_kadanoff_fixed_point as migdal_kadanoff_fixed_point
    from weakchaos.renormalization.coarse.tensor_flow import TensorFlow as TensorFlow
    from weakchaos.renormalization.coarse.tensor_flow import tensor_rg as tensor_rg
    from weakchaos.renormalization.coarse.topographic_ica import TopographicICA as TopographicICA
    from weakchaos.renormalization.coarse.topographic_ica import null_patches as null_patches
    from weakchaos.renormalization.networks.architectures import batch_norm_growth as batch_norm_growth
    from weakchaos.renormalization.networks.architectures import convolution_scales as convolution_scales
    from weakchaos.renormalization.networks.architectures import residual_flow as residual_flow
    from weakchaos.renormalization.networks.capsule_routing import CapsuleRouting as CapsuleRouting
    from weakchaos.renormalization.networks.cells import RecurrentCell as RecurrentCell
    from weakchaos.renormalization.networks.depth_spectra import depth_spectrum as depth_spectrum
    from weakchaos.renormalization.networks.recurrent_exponents import RecurrentSpectrum as RecurrentSpectrum
    from weakchaos.renormalization.networks.recurrent_fixed_points import fixed_point as fixed_point
    from weakchaos.renormalization.networks.recurrent_network import RecurrentNetwork as RecurrentNetwork
    from weakchaos.renormalization.networks.spectra import LayerStack as LayerStack
    from weakchaos.renormalization.networks.spectra import closed_loop_spectrum as closed_loop_spectrum
    from weakchaos.renormalization.networks.spectra import recurrent_spectrum as recurrent_spectrum
    from weakchaos.renormalization.networks.token_distances import token_distances as token_distances
    from weakchaos.renormalization.networks.torch_tokens import token_exponents as token_exponents
    from weakchaos.renormalization.theory.activations import Activation as Activation
    from weakchaos.renormalization.theory.activations import activation as activation
    from weakchaos.renormalization.theory.dynamic_theory import critical_input_variance as critical_input_variance
    from weakchaos.renormalization.theory.dynamic_theory import recurrent_theory as recurrent_theory
    from weakchaos.renormalization.theory.mean_field import mean_field as mean_field
    from weakchaos.renormalization.theory.phases import phase_diagram as phase_diagram
    from weakchaos.renormalization.theory.token_flow import token_flow as token_flow
    from weakchaos.renormalization.theory.token_theory import token_theory as token_theory
    from weakchaos.reports.probe.probe import probe as probe
    from weakchaos.reports.probe.training import ProbeCallback as ProbeCallback
    from weakchaos.targets.kaufman import exact_energy as exact_energy
else:
    __getattr__, __dir__ = face(__name__)
