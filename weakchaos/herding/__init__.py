"""Herding: deterministic samplers that steer their averages, and the classifiers made from them."""

from typing import TYPE_CHECKING

from weakchaos.core.faces import face

if TYPE_CHECKING:
    from weakchaos.herding.classifiers.conditional import ConditionalHerding as ConditionalHerding
    from weakchaos.herding.classifiers.perceptron import VotedPerceptron as VotedPerceptron
    from weakchaos.herding.entropic.herding_system import EntropicHerding as EntropicHerding
    from weakchaos.herding.entropic.herding_system import Mixture as Mixture
    from weakchaos.herding.gibbs.units import HerdedGibbs as HerdedGibbs
    from weakchaos.herding.hidden import HiddenHerding as HiddenHerding
    from weakchaos.herding.kernel_herding import KernelHerding as KernelHerding
    from weakchaos.herding.particle_herding import Filtered as Filtered
    from weakchaos.herding.particle_herding import sequential_herding as sequential_herding
    from weakchaos.herding.plaquette_herding import PlaquetteHerding as PlaquetteHerding
    from weakchaos.herding.rotor import RotorWalk as RotorWalk
    from weakchaos.herding.selection.compressing import compress as compress
    from weakchaos.herding.selection.continuous_points import continuous_herding as continuous_herding
    from weakchaos.herding.selection.debiased import stein_kernel_thinning as stein_kernel_thinning
    from weakchaos.herding.selection.exchange import refine as refine
    from weakchaos.herding.selection.expensive_integrals import Integral as Integral
    from weakchaos.herding.selection.expensive_integrals import integrate as integrate
    from weakchaos.herding.selection.greedy_stein import positive_curvature as positive_curvature
    from weakchaos.herding.selection.greedy_stein import stein_thinning as stein_thinning
    from weakchaos.herding.selection.selected import Selected as Selected
    from weakchaos.herding.selection.selected import Selection as Selection
    from weakchaos.herding.selection.selecting import select as select
    from weakchaos.herding.selection.selecting import selection_memory as selection_memory
    from weakchaos.herding.selection.stein_search import stein_points as stein_points
    from weakchaos.herding.state_herding import Herding as Herding
else:
    # The two classifiers are estimators of scikit-learn, which need not be installed.
    __getattr__, __dir__ = face(__name__, optional=("ConditionalHerding", "VotedPerceptron"))
