"""Targets: what to sample."""

from weakchaos.targets.density import Density
from weakchaos.targets.factor_graph import FactorGraph
from weakchaos.targets.ising_moments import IsingMoments
from weakchaos.targets.markov_chain import MarkovChain
from weakchaos.targets.moments import Moments
from weakchaos.targets.mrf import Ising, PairwiseMRF
from weakchaos.targets.parameters import Parameters
from weakchaos.targets.points import Points
from weakchaos.targets.potts import Potts
from weakchaos.targets.u1_lattice import U1Lattice
from weakchaos.targets.zoo.base import ZooDensity

__all__ = [
    "Density",
    "FactorGraph",
    "Ising",
    "IsingMoments",
    "MarkovChain",
    "Moments",
    "PairwiseMRF",
    "Parameters",
    "Points",
    "Potts",
    "U1Lattice",
    "ZooDensity",
]
