"""Herding: deterministic samplers that steer their averages, and the classifiers made from them."""

from importlib import import_module
from typing import Any

from weakchaos.herding.entropic import EntropicHerding, Mixture
from weakchaos.herding.finite import Herding
from weakchaos.herding.gibbs import HerdedGibbs
from weakchaos.herding.hidden import HiddenHerding
from weakchaos.herding.rotor import RotorWalk

# The classifiers are scikit-learn estimators, and scikit-learn is heavy and optional: imported when they are asked for.
_CLASSIFIERS = {"ConditionalHerding": "conditional", "VotedPerceptron": "perceptron"}

__all__ = ["EntropicHerding", "HerdedGibbs", "Herding", "HiddenHerding", "Mixture", "RotorWalk"]


def __getattr__(name: str) -> Any:
    if name in _CLASSIFIERS:
        return getattr(import_module(f"weakchaos.herding.{_CLASSIFIERS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_CLASSIFIERS])
