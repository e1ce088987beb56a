"""Markov chain samplers behind the one interface: frozen descriptions, bound to a target by `weakchaos.sample` or by ``bind``."""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.samplers.array_rqmc import ArrayRQMC
    from weakchaos.samplers.base import Sampler
    from weakchaos.samplers.billiard.chaotic_boltzmann import ChaoticBoltzmann
    from weakchaos.samplers.bouncy_particle import BouncyParticle
    from weakchaos.samplers.chain_walk import RandomWalk
    from weakchaos.samplers.cluster import SwendsenWang, Wolff
    from weakchaos.samplers.empirical_hmc import EmpiricalHMC
    from weakchaos.samplers.ensemble_stretch import EnsembleStretch
    from weakchaos.samplers.esh import ESH
    from weakchaos.samplers.gauge_heat_bath import HeatBath
    from weakchaos.samplers.gaussian_gibbs import GaussianGibbs
    from weakchaos.samplers.generalized_hmc import GeneralizedHMC
    from weakchaos.samplers.gibbs import Gibbs
    from weakchaos.samplers.gibbs_flow.density_flow import DeterministicGibbs
    from weakchaos.samplers.hmc import HMC
    from weakchaos.samplers.langevin import Langevin
    from weakchaos.samplers.laps import LAPS
    from weakchaos.samplers.mala import MALA
    from weakchaos.samplers.mams import MAMS
    from weakchaos.samplers.mclmc import MCLMC
    from weakchaos.samplers.metropolis import RandomWalkMetropolis
    from weakchaos.samplers.nose_hoover import NoseHoover
    from weakchaos.samplers.nose_hoover_chain import NoseHooverChain
    from weakchaos.samplers.nuts import NUTS
    from weakchaos.samplers.observables import Observables
    from weakchaos.samplers.packed_ising import PackedIsing
    from weakchaos.samplers.permutation_gibbs import PermutationGibbs
    from weakchaos.samplers.persistent_metropolis import PersistentMetropolis
    from weakchaos.samplers.persistent_slice import PersistentSlice
    from weakchaos.samplers.score_map import ScoreMap
    from weakchaos.samplers.slice_sampling import Slice
    from weakchaos.samplers.tempering.parallel_tempering import ParallelTempering
    from weakchaos.samplers.thermostat_0532 import Thermostat0532
    from weakchaos.samplers.walnuts import WALNUTS
    from weakchaos.samplers.zig_zag import ZigZag
else:
    __getattr__, __dir__ = face(__name__)

__all__ = [
    "ESH",
    "HMC",
    "LAPS",
    "MALA",
    "MAMS",
    "MCLMC",
    "NUTS",
    "WALNUTS",
    "ArrayRQMC",
    "BouncyParticle",
    "ChaoticBoltzmann",
    "DeterministicGibbs",
    "EmpiricalHMC",
    "EnsembleStretch",
    "GaussianGibbs",
    "GeneralizedHMC",
    "Gibbs",
    "HeatBath",
    "Langevin",
    "NoseHoover",
    "NoseHooverChain",
    "Observables",
    "PackedIsing",
    "ParallelTempering",
    "PermutationGibbs",
    "PersistentMetropolis",
    "PersistentSlice",
    "RandomWalk",
    "RandomWalkMetropolis",
    "Sampler",
    "ScoreMap",
    "Slice",
    "SwendsenWang",
    "Thermostat0532",
    "Wolff",
    "ZigZag",
]
