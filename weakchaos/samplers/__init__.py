"""Markov chain samplers behind the one interface: frozen descriptions, bound to a target by `weakchaos.sample` or by ``bind``."""

from weakchaos.samplers.base import Sampler
from weakchaos.samplers.billiard.chaotic_boltzmann import ChaoticBoltzmann
from weakchaos.samplers.chain_walk import RandomWalk
from weakchaos.samplers.cluster import SwendsenWang, Wolff
from weakchaos.samplers.gibbs import Gibbs
from weakchaos.samplers.gibbs_flow.density_flow import DeterministicGibbs
from weakchaos.samplers.hmc import HMC
from weakchaos.samplers.metropolis import RandomWalkMetropolis
from weakchaos.samplers.nuts import NUTS

__all__ = [
    "HMC",
    "NUTS",
    "ChaoticBoltzmann",
    "DeterministicGibbs",
    "Gibbs",
    "RandomWalk",
    "RandomWalkMetropolis",
    "Sampler",
    "SwendsenWang",
    "Wolff",
]
