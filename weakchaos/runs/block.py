"""The unit of work of a run: a block of steps of one chain. Any thread or process can make a block; the run changes only when it takes one.

Where a block ends changes nothing in the draws, so one seed gives the same draws whatever the executor, the number of workers and the
speed of the machine.
"""

from __future__ import annotations

import pickle
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.counters import EVALUATIONS, GRADIENTS, WARMUP_GRADIENTS, WARMUP_STEPS
from weakchaos.core.errors import ArgumentError, SamplingError, shown
from weakchaos.core.system import State
from weakchaos.native.compiled import kernel

__all__ = ["Block", "Chain", "Plan", "advance", "warm"]

_MOST_STEPS = 2**62
_PIECE = 1024  # draws at a time, where running averages are added up outside of the kernel


@dataclass
class Plan:
    """What is to be run: how many steps are thrown away, how many draws follow, and what is kept of them."""

    draws: int
    warmup: int = 0
    thin: int = 1
    record: str = "draws"
    checkpoints: tuple[int, ...] = ()
    keep_warmup: bool = False

    def __post_init__(self):
        for name, least in (("draws", 0), ("warmup", 0), ("thin", 1)):
            setattr(self, name, whole_number(name, getattr(self, name), least))
        if self.draws * self.thin + self.warmup > _MOST_STEPS:
            raise ArgumentError(f"`draws` * `thin` + `warmup` must be at most {_MOST_STEPS:.1e} steps; got {self}")
        if self.record not in ("draws", "averages"):
            raise ArgumentError(f"`record` must be 'draws', 'averages' or 'observables'; got {shown(self.record)}")


@dataclass(frozen=True)
class Chain:
    """Where one chain stands. A block makes a new one, so that whatever interrupts the taking of a block leaves the old one whole."""

    index: int
    state: State
    warmed: int = 0
    drawn: int = 0
    cpu_seconds: float = 0.0
    sums: np.ndarray = field(default_factory=lambda: np.empty(0))


@dataclass
class Block:
    """What a worker hands back. `seconds` are those of the steps alone: a state is copied once a block, however many steps follow."""

    state: State
    done: int
    steps: int
    draws: np.ndarray
    stats: np.ndarray
    sums: np.ndarray
    cpu_seconds: float
    seconds: float
    error: BaseException | None
    finished: bool = False
    copy_seconds: float = 0.0

    def __getstate__(self) -> dict:
        return {**self.__dict__, "error": None if self.error is None else _portable(self.error)}


def _portable(error: BaseException) -> BaseException:
    """An exception as it goes from one process to another, where its traceback cannot follow: the text of it is added as a note."""
    text = "".join(traceback.format_exception(error)).rstrip()
    try:
        twin = pickle.loads(pickle.dumps(error))
    except Exception:
        twin = SamplingError(f"a worker raised {type(error).__name__}, which cannot be sent to another process")
    if not isinstance(twin, BaseException):
        twin = SamplingError(f"a worker raised {type(error).__name__}")
    twin.add_note(f"In the worker:\n{text}")
    return twin


def advance(system: Any, start: State, n: int, thin: int, recording: bool, sums: np.ndarray) -> Block:
    """The job of a worker: `n` draws of `thin` steps each, recorded or averaged. `start` is left as it is, so a block that is lost on its way
    has not happened."""

    def steps(state: State, n: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> tuple[int, bool]:
        if sums.size and getattr(system, "averages_of_readout", False):
            return _average(system, state, n, thin, sums), False
        return system.run(state, n * thin, thin, draws, stats, sums), False

    return _block(system, start, n, thin, recording, sums, steps)


@kernel
def _add_rows(rows, sums):
    # One row after another, so that the sums do not depend on where a block ends.
    for t in range(rows.shape[0]):
        for k in range(sums.size):
            sums[k] += rows[t, k]


@kernel
def _add_weighted_rows(rows, new, weights, sums):
    # Running sums that, divided by the number of draws, are weighted averages; `weights` holds the number and the sum of all weights.
    for t in range(rows.shape[0]):
        total = weights[1] + new[t]
        if total > 0.0:
            old = weights[1] / total * (weights[0] + 1.0) / max(weights[0], 1.0)
            for k in range(sums.size):
                sums[k] = old * sums[k] + new[t] / total * (weights[0] + 1.0) * rows[t, k]
        weights[0] += 1.0
        weights[1] = total


def _average(system: Any, state: State, n: int, thin: int, sums: np.ndarray) -> int:
    """Make `n` draws and add what they estimate to `sums`, as the user sees draws; the steps made."""
    steps, weighted = 0, "weight" in system.stats_names
    if weighted and "weights" not in state.tuning:
        raise ArgumentError("`record` must be 'draws': this sampler weights its draws and does not keep the sum of the weights")
    while steps < n * thin:
        m = min(_PIECE, n - steps // thin)
        draws = np.empty((m, system.dim), system.dtype)
        stats = np.empty((m if weighted else 0, len(system.stats_names)))
        made = system.run(state, m * thin, thin, draws, stats, np.empty(0))
        rows = np.asarray(system.estimands(system.readout(draws[: made // thin])), np.float64)
        if weighted:
            new = np.ascontiguousarray(stats[: made // thin, system.stats_names.index("weight")])
            _add_weighted_rows(rows, new, state.tuning["weights"], sums)
        else:
            _add_rows(rows, sums)
        steps += made
        if made < m * thin:
            break
    return steps


def warm(system: Any, start: State, n: int, done: int, total: int, recording: bool) -> Block:
    """The job of a worker: `n` steps of warm-up, `done` of `total` having been made before."""

    def steps(state: State, n: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> tuple[int, bool]:
        if not hasattr(system, "warm"):  # a system that is no sampler warms up by running
            return system.run(state, n, 1, draws, stats, sums), False
        before = state.counters.copy()
        made = system.warm(state, n, done, total, draws, stats)
        spent = state.counters - before
        state.counters[[GRADIENTS, EVALUATIONS]] = before[[GRADIENTS, EVALUATIONS]]
        state.counters[WARMUP_GRADIENTS] += spent[GRADIENTS] + spent[EVALUATIONS]
        state.counters[WARMUP_STEPS] += made[0]
        return made

    return _block(system, start, n, 1, recording, np.empty(0), steps)


def _block(system: Any, start: State, n: int, thin: int, recording: bool, sums: np.ndarray, move: Callable) -> Block:
    begin, cpu = time.perf_counter(), time.thread_time()
    draws = np.empty((n if recording else 0, system.dim), system.dtype)
    stats = np.empty((n if recording else 0, len(system.stats_names)))
    state, total, error = start.copy(), sums.copy(), None
    copied = time.perf_counter()
    steps, finished = move(state, n, draws, stats, total)
    done = steps // thin
    if steps < n * thin and not finished:
        error = system.take_error()
        # The step that failed has taken numbers from the stream: to stand exactly after the last draw, its steps are made again.
        state = start.copy()
        if done and move(state, done, draws[:0].copy(), stats[:0].copy(), np.empty(0))[0] < done * thin:
            system.take_error()
            state, total, done = start.copy(), sums.copy(), 0
    kept = system.readout(draws[: done if recording else 0])
    seconds = time.perf_counter() - copied
    return Block(
        state, done, steps, kept, stats[: len(kept)], total, time.thread_time() - cpu, seconds, error, finished, copied - begin
    )
