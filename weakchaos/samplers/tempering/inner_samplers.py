"""Which samplers can be those of replicas."""

from __future__ import annotations

from typing import Any

from weakchaos.core.errors import ArgumentError
from weakchaos.samplers.array_rqmc import ArrayRQMC
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.samplers.discrete import BoundDiscrete
from weakchaos.samplers.observables import Observables

__all__ = ["check_inner"]


def check_inner(sampler: Any, bound: Any) -> None:
    """Refuse a sampler, bound to the target, whose positions replicas cannot exchange.

    Raises
    ------
    ArgumentError
    """
    name = type(sampler).__name__
    if isinstance(sampler, ArrayRQMC):
        raise ArgumentError(
            "`inner` must be a sampler whose chains move alone: those of ArrayRQMC share the numbers of a step, in the order of their places, and swaps would "
            "break the order that its variance comes from; take its own inner sampler in ParallelTempering"
        )
    if isinstance(sampler, Observables):
        raise ArgumentError(
            "`inner` must be a sampler of states, which replicas exchange: put Observables around ParallelTempering and not inside, or record='observables'"
        )
    if not isinstance(bound, BoundDiscrete | BoundContinuous):
        raise ArgumentError(
            f"`inner` must be a sampler whose state begins with a position of the target, which replicas exchange; {name} keeps something else there"
        )
    if "weight" in bound.stats_names and bound.invariant_power == 1.0:
        raise ArgumentError(
            f"`inner` must be a sampler of a density whose unweighted draws have a known law, as those of ESH alone have; {name} weights draws in coordinates of "
            "its own: take ESH, or a sampler whose draws count alike"
        )
