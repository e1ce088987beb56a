"""What all samplers share: a frozen description, and the system it becomes when bound to a target and a driver."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from weakchaos.core.counters import BAD_VALUES, EVALUATIONS, GRADIENTS, WARMUP_GRADIENTS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, SamplingError, shown
from weakchaos.core.flags import Flag, Kind, Severity, warn_of_each
from weakchaos.core.system import State, as_seed
from weakchaos.drivers import resolve
from weakchaos.drivers.checked import checked, checked_part, opened
from weakchaos.drivers.mismatch import stream_mismatch

__all__ = ["Bound", "Sampler"]

_CALLS = [GRADIENTS, EVALUATIONS, WARMUP_GRADIENTS]
_BAD = 0.001  # share of calls of the density that may give no number


class Sampler:
    """Base of all samplers: a frozen dataclass of hyper-parameters that `bind` turns into a system."""

    uses_gradient: ClassVar[bool] = False
    # Whether draws are what is measured of states, so that they cannot be compared with states.
    draws_observables: ClassVar[bool] = False

    def bind(self, target: Any, driver: Any = "pcg64") -> Any:
        """The `System` of this sampler on a target, under a driver."""
        raise TypeError(f"{type(self).__name__} does not say how to bind to a target; a sampler defines `bind(target, driver)`")

    def require(self, target: Any, kinds: tuple[type, ...] | type, what: str) -> None:
        """Refuse a target of the wrong kind."""
        if not isinstance(target, kinds):
            raise ArgumentTypeError(f"`target` of {type(self).__name__} must be {what}; got {shown(target)}")


class Bound:
    """A sampler bound to its target and driver: a `System` whose kernels can record draws, keep running sums, or both.

    A subclass defines `new_state` and `run`; everything else follows.

    Attributes
    ----------
    sampler, target, driver :
        What was bound; the driver is None for a sampler that draws no numbers.
    dim : int
        How many numbers a kernel writes for one draw; a draw as the user sees it has one number for each of `names`.
    dtype, readout_dtype : NumPy dtypes
        The types of draws as the kernel writes them and as the user sees them.
    names : list of str
    stats_names : tuple of str
        Names of the statistics that are kept with each draw; the one called ``weight``, if there is one, holds the weights of weighted averages.
    n_averages : int
        Length of the running sums.
    averages_of_readout : bool
        Whether running averages are of draws as the user sees them and not as the kernel has them; they are then added up outside of the kernel.
    uniforms_per_step : int or None
        Numbers one step takes from the driver; None if it varies.
    least_uniforms : int
        Where that varies: how many numbers every step takes at least, as far as is certain.
    memory : bool
        Whether a draw depends on numbers that were taken before its step, as that of a chain does; independent draws have none. It
        decides what a stream must be (see `weakchaos.drivers.mismatch`).
    walkers : int
        Number of walkers of an ensemble, 1 for all other samplers. Draws are those of the walkers in turn: draw t, from 0, is that of walker t modulo
        `walkers`, whether every draw is kept or thinning keeps whole rounds.
    straight_paths : bool
        Whether draws lie on straight paths, along which a chain makes exactly the same move many times.
    local_steps : bool
        Whether steps are made shorter where they have to be, so that what is recorded as their acceptance is not that of the steps which were made.
    invariant_power : float
        The power of the target's density that draws have before they are weighted; 1 but for a sampler whose weights are a power of the density too.
    pool_every : int or None
        Steps of each chain between two calls of `pool`; None for a system whose chains never meet.
    """

    dtype: Any = np.float64
    readout_dtype: Any = np.float64
    stats_names: tuple[str, ...] = ()
    uniforms_per_step: int | None = 0
    least_uniforms: int = 0
    memory: bool = True
    n_averages: int = 0
    averages_of_readout: bool = False
    walkers: int = 1
    invariant_power: float = 1.0
    pool_every: int | None = None
    straight_paths: bool = False
    local_steps: bool = False

    def __init__(self, sampler: Any, target: Any, driver: Any):
        self.sampler, self.target = sampler, target
        self.driver = None if driver is None else resolve(driver)
        self.dim, self.names = target.dim, list(target.names)

    def __repr__(self) -> str:
        return f"<{self.sampler!r} on {self.target!r}>"

    # ---- to be defined -------------------------------------------------------------------------------------------------------------

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """A state without its stream."""
        raise TypeError(f"{type(self).__name__} does not define new_state")

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """Move `state` by `n` steps, recording after each `every`-th into `draws` and `stats` (if they have rows), adding to `sums`
        (if it has entries); the number of steps made, less than `n` when a user's function failed."""
        raise TypeError(f"{type(self).__name__} does not define run")

    def warm(self, state: State, n: int, done: int, total: int, draws: np.ndarray, stats: np.ndarray) -> tuple[int, bool]:
        """Move `state` by `n` steps of warm-up, of which `done` of `total` were made before; any split of them gives the same bits.

        A sampler that adapts overrides this, keeps what it learns in ``state.tuning``, and reads it in `run`. Draws and statistics are kept
        where the arrays have rows. Returns the steps made, fewer than `n` when a user's function failed or when warm-up ended early,
        and whether warm-up is over before `total`.
        """
        return self.run(state, n, 1, draws, stats, np.empty(0)), False

    def next_pool(self, steps: int, warmup: int) -> int | None:
        """The step count, warm-up included, of the first pooling after `steps` steps; None for no other. A system whose chains meet at uneven
        intervals, at the ends of windows for example, overrides this; the answer may depend on its arguments alone."""
        return None if self.pool_every is None else (steps // self.pool_every + 1) * self.pool_every

    def pool(self, states: list[State], steps: int, warmup: int) -> bool:
        """Let the states of all chains meet, in place, after `steps` steps of each, `warmup` of them planned as warm-up.

        The scheduler calls this in one place, at the counts that `next_pool` names, and commits what it changes together: a run that is killed,
        resumed, extended or made by other workers pools the same states. A system that pools ends warm-up here and not in `warm`, as
        its chains must be at the same step.

        Returns
        -------
        bool
            Whether warm-up is over, for every chain.
        """
        raise TypeError(f"{type(self).__name__} names steps at which chains meet and does not define pool")

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """What running averages average, for draws of shape (m, dim); shape (m, n_averages)."""
        raise TypeError(f"{type(self).__name__} does not define estimands")

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """The mean of the draws, from running averages of shape (..., n_averages)."""
        raise TypeError(f"{type(self).__name__} does not define mean_of_averages")

    def truth(self) -> tuple[np.ndarray | None, np.ndarray]:
        """True expectations of the estimands where the target knows them, and the scale in which errors count."""
        return self.measured.truth()

    @property
    def measured(self) -> Any:
        """What knows names, true values and scales of the averages, by the methods of `Target`: the target, unless draws are not its states."""
        return self.target

    def readout(self, draws: np.ndarray) -> np.ndarray:
        """Draws as the user sees them."""
        return draws

    def take_error(self) -> BaseException:
        """Why `run` stopped early."""
        return SamplingError(f"{type(self.sampler).__name__} stopped early")

    def count_bad_values(self, state: State) -> int:
        """Proposals at which the log density was NaN or +inf."""
        return int(state.counters[BAD_VALUES])

    def complaints(self, before: list[State], after: list[State]) -> list[Flag]:
        """What a run found against its own answers, from the states of its chains at its beginning and end; each becomes a
        `ConvergenceWarning`."""
        found = self._bad_numbers(before, after)
        count = sum(map(self.count_bad_values, after)) - sum(map(self.count_bad_values, before))
        if not count:
            return found
        calls = sum(int(s.counters[_CALLS].sum()) for s in after) - sum(int(s.counters[_CALLS].sum()) for s in before)
        # A handful where a number overflows far out costs nothing; many are a part of the space that is left out.
        return [*found, Flag.of(Kind.BAD_VALUES, Severity.INVALID if count > _BAD * calls else Severity.NOTE, count=count)]

    def _bad_numbers(self, before: list[State], after: list[State]) -> list[Flag]:
        """Numbers of a user's driver that were not in [0, 1)."""
        bad = [part for s in after if (part := checked_part(s.driver)) and part.bad]
        count = sum(part.bad for part in bad) - sum(part.bad for s in before if (part := checked_part(s.driver)))
        if count <= 0 or self.driver is None:
            return []
        first = min(bad, key=lambda stream: stream.first)
        step = first.first // self.uniforms_per_step if self.uniforms_per_step else None
        return [
            Flag.of(Kind.STREAM_NUMBERS, where=self.driver.name, count=count, value=str(first.value), index=first.first, step=step)
        ]

    # ---- the System ----------------------------------------------------------------------------------------------------------------

    def start(self, seed: Any = None, position: Any = None) -> State:
        """A state to run from: the same seed, the same orbit."""
        place, stream = as_seed(seed).spawn(2)
        state = self.new_state(np.random.default_rng(place), position)
        if self.driver is not None:
            state.driver = opened(self.driver.for_steps_of(self.uniforms_per_step), stream)
        return state

    def load_state(self, data: bytes) -> State:
        """The state that `State.to_bytes` wrote."""
        driver = self.driver if self.driver is None else self.driver.for_steps_of(self.uniforms_per_step)
        state = State.from_bytes(data, driver)
        if driver is not None:
            state.driver = checked(driver, state.driver)
        return state

    def advance(self, state: State, n: int, every: int = 1) -> np.ndarray:
        """Move `state` in place by `n` steps; draws after each `every`-th, shape (n // every, dim)."""
        if every < 1 or n < 0 or n % every:
            raise ArgumentError(f"`n` must be a multiple of `every`, both positive; got n={n}, every={every}")
        draws = np.empty((n // every, self.dim), self.dtype)
        counting = checked_part(state.driver)
        before = counting.bad if counting else 0
        done = self.run(state, n, every, draws, np.empty((n // every, len(self.stats_names))), np.empty(0))
        if done < n:
            raise self.take_error()
        if counting and counting.bad > before:
            warn_of_each(self._bad_numbers([], [state]))
        return self.readout(draws)

    def before_run(self, state: State) -> list[Flag]:
        """What is worth a warning once, before a long run: here a stream that is not good enough for the sampler."""
        found = stream_mismatch(self.driver, self.uniforms_per_step, self.memory)
        if found is None or self.driver is None:
            return []
        kind = Kind.STREAM_MEMORY if found.kind == "memory" else Kind.STREAM_DIMENSION
        need = found.numbers["uniforms_per_step"]
        return [
            Flag.of(
                kind,
                where=self.driver.name,
                sampler=type(self.sampler).__name__,
                dimension=found.numbers["dimension"],
                uniforms_per_step=need,
            )
        ]

    def stream_flags(self, steps: int) -> list[Flag]:
        """Whether the stream is made for a run of `steps` steps of a chain; no flag if it is, or if it is made for runs of any length."""
        length = None if self.driver is None or self.uniforms_per_step == 0 else self.driver.length
        varies = self.uniforms_per_step is None
        if length is None or not steps or (steps == length and not varies):
            return []
        return [Flag.of(Kind.STREAM_LENGTH, where=self.driver.name, steps=int(steps), length=int(length), varies=varies)]  # type: ignore[union-attr]

    @property
    def stream_exponent(self) -> float | None:
        """Lyapunov exponent of the driver in nats per step of the sampler; None where it is not defined, 0 without a driver."""
        if self.driver is None or self.uniforms_per_step == 0:
            return 0.0
        if self.driver.lyapunov is None or self.uniforms_per_step is None:
            return None
        return self.driver.lyapunov * self.uniforms_per_step
