"""weakchaos: samplers as dynamical systems, from strongly chaotic Monte Carlo to herding, with the diagnostics of chaos."""

from typing import TYPE_CHECKING

from weakchaos import diagnostics, drivers, herding, samplers, systems
from weakchaos.core import errors
from weakchaos.core.faces import face
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
from weakchaos.targets.mrf import Ising, PairwiseMRF
from weakchaos.targets.points import Points
from weakchaos.targets.potts import Potts

# Large parts that many programs never touch are imported when they are first named, and so is what reads the version.
if TYPE_CHECKING:
    from weakchaos import experiments, interop, kernels, renormalization

    __version__: str
else:
    _late, __dir__ = face(__name__)

    def __getattr__(name):
        if name != "__version__":
            return _late(name)
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("weakchaos")
        except PackageNotFoundError:  # run from a source tree that was never installed
            return "0+unknown"


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
