"""weakchaos: samplers as dynamical systems, from strongly chaotic Monte Carlo to herding, with the diagnostics of chaos."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from weakchaos import diagnostics, drivers, herding, kernels, samplers, systems
from weakchaos.core import errors
from weakchaos.core.system import State, System
from weakchaos.reports.compare.compare import Report, compare
from weakchaos.runs.sampling import extend, sample
from weakchaos.runs.trace import Trace
from weakchaos.runs.verbs import load, resume
from weakchaos.targets import zoo
from weakchaos.targets.density import Density
from weakchaos.targets.factor_graph import FactorGraph
from weakchaos.targets.ising_moments import IsingMoments
from weakchaos.targets.markov_chain import MarkovChain
from weakchaos.targets.moments import Moments
from weakchaos.targets.mrf import Ising, PairwiseMRF, Potts
from weakchaos.targets.points import Points

try:
    __version__ = version("weakchaos")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

__all__ = [
    "Density",
    "FactorGraph",
    "Ising",
    "IsingMoments",
    "MarkovChain",
    "Moments",
    "PairwiseMRF",
    "Points",
    "Potts",
    "Report",
    "State",
    "System",
    "Trace",
    "compare",
    "diagnostics",
    "drivers",
    "errors",
    "experiments",
    "extend",
    "herding",
    "interop",
    "kernels",
    "load",
    "renormalization",
    "resume",
    "sample",
    "samplers",
    "systems",
    "zoo",
]


def __getattr__(name: str) -> Any:
    # Large parts that many programs never touch are imported when they are first named.
    if name in ("experiments", "interop", "renormalization"):
        return import_module(f"weakchaos.{name}")
    raise AttributeError(f"module 'weakchaos' has no attribute {name!r}")
