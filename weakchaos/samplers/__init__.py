"""Markov chain samplers behind the one interface: frozen descriptions, bound to a target by `weakchaos.sample` or by ``bind``."""

from weakchaos.samplers.base import Sampler
from weakchaos.samplers.billiards import ChaoticBoltzmann
from weakchaos.samplers.cluster import SwendsenWang, Wolff
from weakchaos.samplers.deterministic_gibbs import DeterministicGibbs
from weakchaos.samplers.gibbs import Gibbs
from weakchaos.samplers.hmc import HMC
from weakchaos.samplers.metropolis import RandomWalkMetropolis
from weakchaos.samplers.random_walk import RandomWalk

__all__ = [
    "HMC",
    "ChaoticBoltzmann",
    "DeterministicGibbs",
    "Gibbs",
    "RandomWalk",
    "RandomWalkMetropolis",
    "Sampler",
    "SwendsenWang",
    "Wolff",
]
