"""Herding: deterministic samplers that steer their averages, and the classifiers made from them."""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    # The two classifiers are scikit-learn estimators, and scikit-learn is optional: `from weakchaos.herding import *` leaves them out.
    from weakchaos.herding.classifiers.conditional import ConditionalHerding as ConditionalHerding
    from weakchaos.herding.classifiers.perceptron import VotedPerceptron as VotedPerceptron
    from weakchaos.herding.entropic.herding_system import EntropicHerding, Mixture
    from weakchaos.herding.gibbs.units import HerdedGibbs
    from weakchaos.herding.hidden import HiddenHerding
    from weakchaos.herding.kernel_herding import KernelHerding
    from weakchaos.herding.particle_herding import Filtered, sequential_herding
    from weakchaos.herding.plaquette_herding import PlaquetteHerding
    from weakchaos.herding.rotor import RotorWalk
    from weakchaos.herding.selection.compressing import compress
    from weakchaos.herding.selection.continuous_points import continuous_herding
    from weakchaos.herding.selection.debiased import stein_kernel_thinning
    from weakchaos.herding.selection.exchange import refine
    from weakchaos.herding.selection.expensive_integrals import Integral, integrate
    from weakchaos.herding.selection.greedy_stein import positive_curvature, stein_thinning
    from weakchaos.herding.selection.selected import Selected, Selection
    from weakchaos.herding.selection.selecting import select, selection_memory
    from weakchaos.herding.selection.stein_search import stein_points
    from weakchaos.herding.state_herding import Herding
else:
    __getattr__, __dir__ = face(__name__)

__all__ = [
    "EntropicHerding",
    "Filtered",
    "HerdedGibbs",
    "Herding",
    "HiddenHerding",
    "Integral",
    "KernelHerding",
    "Mixture",
    "PlaquetteHerding",
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
