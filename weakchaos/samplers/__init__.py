"""Markov chain samplers behind the one interface: frozen descriptions, bound to a target by `weakchaos.sample` or by ``bind``."""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.samplers.array_rqmc import ArrayRQMC as ArrayRQMC
    from weakchaos.samplers.base import Sampler as Sampler
    from weakchaos.samplers.billiard.chaotic_boltzmann import ChaoticBoltzmann as ChaoticBoltzmann
    from weakchaos.samplers.bouncy_particle import BouncyParticle as BouncyParticle
    from weakchaos.samplers.chain_walk import RandomWalk as RandomWalk
    from weakchaos.samplers.cluster import SwendsenWang as SwendsenWang
    from weakchaos.samplers.cluster import Wolff as Wolff
    from weakchaos.samplers.empirical_hmc import EmpiricalHMC as EmpiricalHMC
    from weakchaos.samplers.ensemble_stretch import EnsembleStretch as EnsembleStretch
    from weakchaos.samplers.esh import ESH as ESH
    from weakchaos.samplers.gauge_heat_bath import HeatBath as HeatBath
    from weakchaos.samplers.gaussian_gibbs import GaussianGibbs as GaussianGibbs
    from weakchaos.samplers.generalized_hmc import GeneralizedHMC as GeneralizedHMC
    from weakchaos.samplers.gibbs import Gibbs as Gibbs
    from weakchaos.samplers.gibbs_flow.density_flow import DeterministicGibbs as DeterministicGibbs
    from weakchaos.samplers.hmc import HMC as HMC
    from weakchaos.samplers.langevin import Langevin as Langevin
    from weakchaos.samplers.laps import LAPS as LAPS
    from weakchaos.samplers.mala import MALA as MALA
    from weakchaos.samplers.mams import MAMS as MAMS
    from weakchaos.samplers.mclmc import MCLMC as MCLMC
    from weakchaos.samplers.metropolis import RandomWalkMetropolis as RandomWalkMetropolis
    from weakchaos.samplers.nose_hoover import NoseHoover as NoseHoover
    from weakchaos.samplers.nose_hoover_chain import NoseHooverChain as NoseHooverChain
    from weakchaos.samplers.nuts import NUTS as NUTS
    from weakchaos.samplers.observables import Observables as Observables
    from weakchaos.samplers.packed_ising import PackedIsing as PackedIsing
    from weakchaos.samplers.permutation_gibbs import PermutationGibbs as PermutationGibbs
    from weakchaos.samplers.persistent_metropolis import PersistentMetropolis as PersistentMetropolis
    from weakchaos.samplers.persistent_slice import PersistentSlice as PersistentSlice
    from weakchaos.samplers.score_map import ScoreMap as ScoreMap
    from weakchaos.samplers.slice_sampling import Slice as Slice
    from weakchaos.samplers.tempering.parallel_tempering import ParallelTempering as ParallelTempering
    from weakchaos.samplers.thermostat_0532 import Thermostat0532 as Thermostat0532
    from weakchaos.samplers.walnuts import WALNUTS as WALNUTS
    from weakchaos.samplers.zig_zag import ZigZag as ZigZag
else:
    __getattr__, __dir__ = face(__name__)
