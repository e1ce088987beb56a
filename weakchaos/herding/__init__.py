"""Herding: deterministic samplers that steer their averages."""

from weakchaos.herding.finite import Herding
from weakchaos.herding.gibbs import HerdedGibbs
from weakchaos.herding.rotor import RotorWalk

__all__ = ["HerdedGibbs", "Herding", "RotorWalk"]
