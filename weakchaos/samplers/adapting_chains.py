"""Samplers whose chains adapt together in warm-up: step size and metric from the points of all of them, the same for each."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.samplers.metric_choice import METRICS, forms_of
from weakchaos.samplers.starts import settle_start
from weakchaos.samplers.step_adaptation import check_settings, inverse_masses
from weakchaos.samplers.warmup import meet, new_tuning, next_meeting, warm_up
from weakchaos.targets.density import Density

__all__ = ["BoundAdapting", "check_adapting", "metric_of"]

_NO_ROWS = np.empty((0, 0))


def metric_of(tuning: dict[str, np.ndarray]) -> tuple:
    """The metric, as kernels take it: its form, scale, factor, directions and gains."""
    gains = tuning.get("gains", np.empty(0))
    rank = int((gains != 0.0).sum())
    directions = tuning.get("directions", _NO_ROWS)[:rank]
    return int(tuning["metric"]), tuning["scale"], tuning.get("factor", _NO_ROWS), directions, gains[:rank]


def check_adapting(sampler: Any) -> None:
    """Refuse `step_size`, `inverse_mass` (None: to be tuned), `target_accept` or `metric` of a frozen sampler that make no sense."""
    check_settings(sampler)
    if sampler.metric not in METRICS:
        raise ArgumentError(f"`metric` must be one of {', '.join(METRICS)}; got {shown(sampler.metric)}")
    if sampler.inverse_mass is not None:
        object.__setattr__(sampler, "inverse_mass", inverse_masses(sampler.inverse_mass))


class BoundAdapting(BoundContinuous):
    """A sampler of step size and metric on a density; a subclass says what a step of warm-up is.

    Attributes
    ----------
    meets : bool
        Whether the chains of a run adapt together; a chain that is moved by hand, or in coordinates of its own, adapts alone.
    tunes : bool
        Whether the step size is tuned.
    """

    uniforms_per_step = None
    least_uniforms = 1
    meets = True
    tunes_steps = True

    def __init__(self, sampler: Any, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.n_known = 2 * self.dim + 1
        self._forms = forms_of(sampler.metric, self.dim) if sampler.inverse_mass is None else ()
        self.tunes = sampler.step_size is None
        self.new_tuning()  # refused here, not when a run starts

    def new_tuning(self) -> dict[str, np.ndarray]:
        """The arrays of ``state.tuning`` before warm-up."""
        return new_tuning(self.dim, self.sampler.step_size, self.sampler.inverse_mass, self._forms)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `BoundContinuous.new_state`."""
        state = super().new_state(rng, position)
        settle_start(self.target, state, rng, position is not None, self.tunes)
        state.tuning = self.new_tuning()
        return state

    def warm_steps(self, state: State, n: int, collects: bool, early: bool, draws: np.ndarray, stats: np.ndarray) -> int:
        """`n` steps of warm-up, collecting points of their trajectories or not; `early` says that no window has closed in which those were of
        full length. Returns how many were made."""
        raise TypeError(f"{type(self).__name__} does not define warm_steps")

    def has_seen_enough(self, tuning: dict[str, np.ndarray], draws: int) -> bool:
        """Whether the last buffer of warm-up, in which all chains have made so many draws, may be over."""
        return True

    def warm(self, state: State, n: int, done: int, total: int, draws: np.ndarray, stats: np.ndarray) -> tuple[int, bool]:
        """See `Bound.warm`."""

        def move(first: int, count: int, collects: bool, early: bool) -> int:
            rows = slice(first, first + count)
            return self.warm_steps(state, count, collects, early, draws[rows], stats[rows])

        return warm_up(state, n, done, total, self._forms, self.tunes, move, self.meets)

    def next_pool(self, steps: int, warmup: int) -> int | None:
        """See `Bound.next_pool`."""
        return next_meeting(steps, warmup, bool(self._forms) or self.tunes) if self.meets else None

    def pool(self, states: list[State], steps: int, warmup: int) -> bool:
        """See `Bound.pool`."""
        return meet(states, steps, warmup, self._forms, self.tunes, self.has_seen_enough)
