"""What samplers of densities share: the C function of the density, starts, and estimands."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from weakchaos.core.counters import RELOCATIONS, WARMUP_GRADIENTS, WARMUP_STEPS
from weakchaos.core.flags import Flag, Kind
from weakchaos.core.system import State, as_seed
from weakchaos.drivers.base import stream_addresses
from weakchaos.samplers.base import Bound

__all__ = ["BoundContinuous", "BoundMoving", "flags_of_tuning"]

_LONG_WARMUP = 500  # steps: a shorter one was asked for, and is not expected to settle


def flags_of_tuning(sampler: Any, states: list[State]) -> list[Flag]:
    """What speaks against a sampler that tunes its step size where that is None: chains without warm-up, and chains whose warm-up was over
    before what it tunes had settled."""
    out = []
    if sampler.step_size is None:
        guessed = [s for s in states if not s.counters[WARMUP_STEPS] and np.isfinite(s.tuning["step_size"])]
        if guessed:
            step_size = float(guessed[0].tuning["step_size"])
            out.append(
                Flag.of(Kind.UNTUNED, sampler=type(sampler).__name__, count=len(guessed), chains=len(states), step_size=step_size)
            )
    made = [float(s.tuning["warmup_steps"]) for s in states if s.tuning.get("warmup_steps", 0.0) and not s.tuning["settled"]]
    if made and max(made) >= _LONG_WARMUP:
        out.append(Flag.of(Kind.UNSETTLED, count=len(made), chains=len(states), steps=int(max(made))))
    moved = sum(bool(s.counters[RELOCATIONS]) for s in states)
    if moved:
        out.append(Flag.of(Kind.LEFT_BEHIND, count=moved, chains=len(states)))
    return out


class BoundContinuous(Bound):
    """A sampler of a `Density` whose phase begins with the position.

    Attributes
    ----------
    tunes_steps : bool
        Whether warm-up finds a step size where none is given, so that a run without warm-up, or with one that was too short, is flagged.
    """

    tunes_steps: ClassVar[bool] = False

    def __init__(self, sampler: Any, target: Any, driver: Any):
        super().__init__(sampler, target, driver)
        self.parameters = getattr(target, "parameters", None)
        self._watched = tuple(getattr(target, "watched", ()))
        self.averages_of_readout = self.parameters is not None or bool(self._watched)
        self.n_averages = len(self._watched) or 2 * len(self.names)
        self.n_known = 0  # numbers that are kept of the present position

    def known(self, state: State) -> np.ndarray:
        """What is known at the present position, for kernels; NaN (nothing) at first."""
        if state.known.size != self.n_known:
            state.known = np.full(self.n_known, np.nan)
        return state.known

    named_starts: ClassVar[tuple[str, ...]] = ("pathfinder",)

    def start(self, seed: Any = None, position: Any = None) -> State:
        """See `Bound.start`; ``"pathfinder"`` is a position that is found on the path of an optimiser."""
        if not isinstance(position, str):
            return super().start(seed, position)
        from weakchaos.samplers.pathfinder import starts_by_pathfinder

        place, spent = starts_by_pathfinder(
            self.target, as_seed(seed).spawn(3)[2], self.walkers
        )  # the first two are those of `Bound.start`
        state = super().start(seed, place)
        state.counters[WARMUP_GRADIENTS] += sum(spent.values())
        return state

    @property
    def density(self) -> Any:
        """The C function the kernel calls."""
        return self.target.pointer(self.sampler.uses_gradient)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """A state at `position`, or at a random start of the target."""
        x = self.target.random_start(rng) if position is None else self.target.checked_start(position)
        return State(phase=x)

    def addresses(self, state: State) -> tuple:
        """Addresses of the log density, its data, the stream and its state, as kernels take them."""
        return np.uint64(self.density.address), np.uint64(self.density.user_data), *stream_addresses(state.driver)

    def before_run(self, state: State) -> list[Flag]:
        """The stream, whether the density is the same when it is called again, and where the sampler uses one the gradient."""
        place, moved_by_gradients = state.phase[: self.dim], self.sampler.uses_gradient
        found = [*super().before_run(state), *self.target.judge_repeat(place, moved_by_gradients)]
        return [*found, *self.target.judge_gradient(place)] if moved_by_gradients else found

    def complaints(self, before: list[State], after: list[State]) -> list[Flag]:
        """See `Bound.complaints`; and, where warm-up `tunes_steps`, a step size that was not tuned or had not settled."""
        return super().complaints(before, after) + (flags_of_tuning(self.sampler, after) if self.tunes_steps else [])

    def take_error(self) -> BaseException:
        """What the user's function raised."""
        return self.density.take_error()

    def readout(self, draws: np.ndarray) -> np.ndarray:
        """Draws as parameters where the target has any, as coordinates otherwise."""
        return draws if self.parameters is None else self.parameters.constrain(draws)

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """The numbers of a draw and their squares, or what the target has watched in their place."""
        if self._watched:
            return self.target.measure(draws)
        return np.concatenate([draws, np.square(draws)], axis=1)

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """The first half; all of it where the target has something watched in place of the draws."""
        return averages if self._watched else averages[..., : len(self.names)]


class BoundMoving(BoundContinuous):
    """A sampler with one kernel for warm-up and sampling, which is told how many steps of warm-up are made; a subclass defines `move`."""

    def move(self, state: State, n: int, every: int, done: int, total: int, draws: Any, stats: Any, sums: Any) -> int:
        """`n` steps; of warm-up, `done` of `total` having been made, where `total` is not 0. See `Bound.run`."""
        raise TypeError(f"{type(self).__name__} does not define move")

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return self.move(state, n, every, 0, 0, draws, stats, sums)

    def warm(self, state: State, n: int, done: int, total: int, draws: np.ndarray, stats: np.ndarray) -> tuple[int, bool]:
        """See `Bound.warm`."""
        return self.move(state, n, 1, done, total, draws, stats, np.empty(0)), False
