"""Samplers of single leapfrog trajectories: step size and diagonal metric are given, or tuned by the chains of a run together in warm-up."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.core.flags import Flag
from weakchaos.core.system import State
from weakchaos.samplers.continuous import BoundContinuous, flags_of_tuning
from weakchaos.samplers.mass import DIAGONAL
from weakchaos.samplers.starts import settle_start
from weakchaos.samplers.warmup import meet, new_tuning, next_meeting, warm_up
from weakchaos.targets.density import Density

__all__ = ["BoundTrajectories"]


class BoundTrajectories(BoundContinuous):
    """A sampler with `step_size`, `inverse_mass` and `target_accept` on a density; a subclass defines `move`.

    Attributes
    ----------
    meets : bool
        Whether the chains of a run adapt together; a chain that is moved by hand, or in coordinates of its own, adapts alone.
    """

    meets = True
    stats_names = ("lp", "acceptance_rate", "diverging", "energy", "energy_error", "step_size", "n_steps")

    def __init__(self, sampler: Any, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self._tunes = sampler.step_size is None
        self.n_known = 2 * self.dim + 1
        self._forms = (DIAGONAL,) if self._tunes and sampler.inverse_mass is None else ()
        self._fixed = new_tuning(self.dim, sampler.step_size, sampler.inverse_mass, (DIAGONAL,))
        if "factor" in self._fixed:
            raise ArgumentError(f"`inverse_mass` of {type(sampler).__name__} must have shape ({self.dim},); got a matrix")

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `BoundContinuous.new_state`."""
        state = super().new_state(rng, position)
        settle_start(self.target, state, rng, position is not None, self._tunes)
        if self._tunes:
            state.tuning = {name: value.copy() for name, value in self._fixed.items()}
        return state

    def tuned(self, state: State) -> dict[str, np.ndarray]:
        """Step size and metric, of the chain or as given."""
        return state.tuning or self._fixed

    def window(self, tuning: dict[str, np.ndarray], collects: bool) -> tuple:
        """Where points of warm-up are collected, as kernels take it: empty arrays where none are."""
        if not collects:
            return np.empty(0), np.empty((2, 0, 0)), np.empty((2, 0, 0))
        return tuning["window"], tuning["window_products"], tuning["window_points"]

    def move(self, state: State, n: int, every: int, tunes: bool, collects: bool, draws: Any, stats: Any, sums: Any) -> int:
        """`n` steps, which move the step size where it `tunes` and leave points for the metric where it `collects`; see `Bound.run`."""
        raise TypeError(f"{type(self).__name__} does not define move")

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return self.move(state, n, every, False, False, draws, stats, sums)

    def warm(self, state: State, n: int, done: int, total: int, draws: np.ndarray, stats: np.ndarray) -> tuple[int, bool]:
        """See `Bound.warm`."""
        if not self._tunes:
            return super().warm(state, n, done, total, draws, stats)

        def move(first: int, count: int, collects: bool, early: bool) -> int:
            part = slice(first, first + count)
            return self.move(state, count, 1, True, collects, draws[part], stats[part], np.empty(0))

        return warm_up(state, n, done, total, self._forms, True, move, self.meets)

    def next_pool(self, steps: int, warmup: int) -> int | None:
        """See `Bound.next_pool`."""
        return next_meeting(steps, warmup, True) if self._tunes and self.meets else None

    def pool(self, states: list[State], steps: int, warmup: int) -> bool:
        """See `Bound.pool`."""
        return meet(states, steps, warmup, self._forms, True)

    def complaints(self, before: list[State], after: list[State]) -> list[Flag]:
        """See `Bound.complaints`; and a step size that no warm-up tuned."""
        return super().complaints(before, after) + flags_of_tuning(self.sampler, after)
