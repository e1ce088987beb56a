"""Herding: deterministic samplers that steer their averages, and the classifiers made from them."""

from weakchaos.core.faces import face
from weakchaos.herding.entropic.herding_system import EntropicHerding, Mixture
from weakchaos.herding.gibbs.units import HerdedGibbs
from weakchaos.herding.hidden import HiddenHerding
from weakchaos.herding.kernel_herding import KernelHerding
from weakchaos.herding.rotor import RotorWalk
from weakchaos.herding.selection.compressing import compress
from weakchaos.herding.selection.selected import Selected, Selection
from weakchaos.herding.selection.selecting import select, selection_memory
from weakchaos.herding.state_herding import Herding

# The classifiers are scikit-learn estimators, and scikit-learn is heavy and optional: imported when they are asked for.
_HOME = {
    "herding.particle_herding": ("Filtered", "sequential_herding"),
    "herding.selection.continuous_points": ("continuous_herding",),
    "herding.selection.expensive_integrals": ("Integral", "integrate"),
    "herding.classifiers.conditional": ("ConditionalHerding",),
    "herding.classifiers.perceptron": ("VotedPerceptron",),
    "herding.selection.debiased": ("stein_kernel_thinning",),
    "herding.selection.exchange": ("refine",),
    "herding.selection.greedy_stein": ("positive_curvature", "stein_thinning"),
    "herding.selection.stein_search": ("stein_points",),
}

__all__ = [
    "EntropicHerding",
    "Filtered",
    "HerdedGibbs",
    "Herding",
    "HiddenHerding",
    "Integral",
    "KernelHerding",
    "Mixture",
    "RotorWalk",
    "Selected",
    "Selection",
    "compress",
    "continuous_herding",
    "integrate",
    "positive_curvature",
    "refine",
    "select",
    "selection_memory",
    "sequential_herding",
    "stein_kernel_thinning",
    "stein_points",
    "stein_thinning",
]

__getattr__, __dir__ = face(__name__, _HOME)
