"""Deterministic Gibbs sampling of discrete targets: units that run through their states on circles, followed exactly.

Neklyudov, Bondesan and Welling (2021), arXiv:2106.10188, extend their flow to discrete states by a density that is constant on the cells
of a continuous space. Here the cell of state k of unit i is an interval of length 1, the K_i cells make a circle, and in its cell the
unit moves at

    ds_i/dt = a_i / P(x_i | x_-i).

Between two events, at which some unit passes into its next state, all speeds are constant: the flow is a motion along straight lines, and
its events are found without an integrator. P(x) ds is invariant, since in a cell nothing depends on s and the flux through each wall,
a_i P(x_-i), is the same on both of its sides. States of probability zero are skipped. If the other units did not move, unit i would make a_i turns
per unit of time, whatever the probabilities.

Invariance is exact; whether a single orbit visits all states is another question, and with few units it need not.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array
from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError, SamplingError, shown
from weakchaos.core.system import State
from weakchaos.native.compiled import kernel
from weakchaos.samplers.discrete import BoundDiscrete
from weakchaos.samplers.record import record_units
from weakchaos.targets.discrete_target import factor_conditional, pair_field, tabulated_conditional

__all__ = ["BoundDiscreteFlow", "independent_speeds"]

_EVENTS = 5  # place among the counters: walls passed


def independent_speeds(n: int, given: Any = None) -> np.ndarray:
    """Turns per unit of time of `n` circles: those given, checked, or the powers a, ..., a^n of the root of a^(n+1) + a^n = 1.

    Examples
    --------
    >>> independent_speeds(2).round(4).tolist()
    [0.7549, 0.5698]
    """
    if given is None:
        low, high = 0.5, 1.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if middle ** (n + 1) + middle**n < 1.0 else (low, middle)
        return low ** np.arange(1.0, n + 1.0)
    speeds = real_array("speeds", given)
    if speeds.shape != (n,) or not (np.isfinite(speeds) & (speeds > 0)).all():
        raise ArgumentError(f"`speeds` must be {n} positive finite numbers, rationally independent; got {shown(given)}")
    return speeds


@kernel
def _events(model, near_ptr, near, speeds, time, place, x, offset, counters, n, every, draws, sums):
    cardinality, table_start, free, field = model.cardinality, model.table_start, model.free, model.field
    p, pace, agenda = np.empty(cardinality.max()), np.empty(cardinality.size), np.empty(cardinality.size, np.int64)
    units = free.size
    due, passing, left, t = units, -1, time, 0
    agenda[:units] = free
    while t < n:
        # The unit that passes into its next state first, then all whose speed that changes.
        for b in range(due):
            i = agenda[b]
            last = cardinality[i] - 1
            if table_start[i] >= 0:
                tabulated_conditional(i, x, last + 1, table_start, model.blanket_ptr, model.blanket, model.stride, model.cdf, p)
            elif field.size > 0:
                p[1] = 1.0 / (1.0 + math.exp(-pair_field(i, x, model.pair_ptr, model.pair_unit, model.pair_weight, field)))
                p[0] = 1.0 - p[1]
            elif not factor_conditional(
                i, x, cardinality, model.factor_ptr, model.factor, model.own_stride, model.scope_ptr, model.scope, model.scope_stride, model.table_ptr,
                model.log_table, p,
            ):  # fmt: skip
                return t
            if i == passing:
                x[i] = x[i] + 1 if x[i] < last else 0
                while p[x[i]] <= 0.0:
                    x[i] = x[i] + 1 if x[i] < last else 0
                place[i] = 0.0
            pace[i] = speeds[i] / max(p[x[i]], 1e-300)
        wait, passing = math.inf, -1
        for b in range(units):
            i = free[b]
            own = max(1.0 - place[i], 0.0) / pace[i]
            if own < wait:
                wait, passing = own, i
        until = min(wait, left)
        for b in range(units):
            place[free[b]] += until * pace[free[b]]
        if wait < left:
            left -= wait
            counters[_EVENTS] += 1
            agenda[0], due = passing, 1
            for a in range(near_ptr[passing], near_ptr[passing + 1]):
                agenda[due] = near[a]
                due += 1
            continue
        counters[STEPS] += 1
        record_units(t, every, x, offset, draws, sums)
        t += 1
        due, passing, left = 0, -1, time
    return n


class BoundDiscreteFlow(BoundDiscrete):
    """Phase: the position of each unit in its cell, in [0, 1). Symbols: the states."""

    moves = ()

    def __init__(self, sampler: Any, target: Any):
        super().__init__(sampler, target, None)
        if sampler.bounds is not None:
            raise ArgumentError(f"`bounds` must be None for a discrete target; got {shown(sampler.bounds)}")
        if sampler.method != "rk4":
            raise ArgumentError(
                f"`method` is not used for a discrete target, whose flow is followed exactly; got {sampler.method!r}"
            )
        self._model = target.model()
        self._speeds = independent_speeds(self.dim, sampler.speeds)
        near = self._neighbours()
        self._near_ptr = np.concatenate([[0], np.cumsum([len(k) for k in near])]).astype(np.int64)
        self._near = np.array([j for k in near for j in k], np.int64)

    def _neighbours(self) -> list[list[int]]:
        """The free units whose conditional distribution depends on each unit."""
        model, free = self._model, set(self._model.free.tolist())
        near: list[set[int]] = [set() for _ in range(self.dim)]
        if model.field.size:
            for i in range(self.dim):
                near[i].update(model.pair_unit[model.pair_ptr[i] : model.pair_ptr[i + 1]].tolist())
        for f in range(len(model.scope_ptr) - 1):
            scope = model.scope[model.scope_ptr[f] : model.scope_ptr[f + 1]].tolist()
            for i in scope:
                near[i].update(scope)
        return [sorted((units & free) - {i}) for i, units in enumerate(near)]

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """A state at `position` or at random, each unit somewhere in its cell."""
        state = super().new_state(rng, position)
        state.phase = rng.random(self.dim)
        return state

    def take_error(self) -> BaseException:
        """The error that stopped the run: a unit without a possible state."""
        return SamplingError("every state of a unit is impossible given the others: the tables allow no state there")

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return _events(
            self._model, self._near_ptr, self._near, self._speeds, float(self.sampler.time), state.phase, state.symbols, self._offset, state.counters, n, every,
            draws, sums,
        )  # fmt: skip
