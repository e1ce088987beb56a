"""`sample` and `extend`: chains in any executor, in blocks short enough that progress, Ctrl-C and stores stay responsive.

A chain is advanced block by block, and where a block ends changes nothing in the draws, so one seed gives the same draws whatever
the executor, the number of workers and the speed of the machine.
"""

from __future__ import annotations

import os
import time
import warnings
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning, InterruptedWarning, shown
from weakchaos.core.store import MemorySink, StoreSink
from weakchaos.core.system import State, as_seed
from weakchaos.core.trace import Trace

__all__ = ["Plan", "extend", "run_plan", "sample"]

_BLOCK_SECONDS = 0.25
_FIRST_BLOCK = 64


@dataclass
class Plan:
    """What is to be run: how many steps are thrown away, how many draws follow, and what is kept of them."""

    draws: int
    warmup: int = 0
    thin: int = 1
    record: str = "draws"
    checkpoints: tuple[int, ...] = ()

    def __post_init__(self):
        for name, least in (("draws", 0), ("warmup", 0), ("thin", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                if isinstance(value, float) and value == int(value) and value >= least:
                    setattr(self, name, int(value))
                    continue
                raise ArgumentError(f"`{name}` must be a whole number of at least {least}; got {shown(value)}")
        if self.record not in ("draws", "averages"):
            raise ArgumentError(f"`record` must be 'draws' or 'averages'; got {shown(self.record)}")


@dataclass
class Chain:
    """Where one chain stands."""

    index: int
    state: State
    warmed: int = 0
    drawn: int = 0
    cpu_seconds: float = 0.0
    sums: np.ndarray = field(default_factory=lambda: np.empty(0))


@dataclass
class Block:
    """What a worker hands back."""

    state: State
    done: int
    draws: np.ndarray
    stats: np.ndarray
    sums: np.ndarray
    cpu_seconds: float
    error: BaseException | None


def _advance(system: Any, state: State, n: int, thin: int, recording: bool, sums: np.ndarray) -> Block:
    """The job of a worker: `n` draws (recorded or averaged), or `n` steps of warm-up when `sums` is empty and nothing is recorded."""
    draws = np.empty((n if recording else 0, system.dim), system.dtype)
    stats = np.empty((n if recording else 0, len(system.stats_names)))
    begin, error = time.thread_time(), None
    steps = system.run(state, n * thin, thin, draws, stats, sums)
    done = steps // thin
    if steps < n * thin:
        error = system.take_error()
    return Block(state, done, system.readout(draws[:done]), stats[:done], sums, time.thread_time() - begin, error)


class _Progress:
    def __init__(self, show: bool, total: int, chains: int):
        self._bar = None
        if show:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total, unit="draw", desc=f"{chains} chain{'s' * (chains > 1)}", leave=False, smoothing=0.1)

    def add(self, n: int) -> None:
        if self._bar is not None:
            self._bar.update(n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


class _Scheduler:
    """Keeps one block of every unfinished chain in flight."""

    def __init__(self, system: Any, plan: Plan, chains: list[Chain], sink: Any, progress: _Progress):
        self.system, self.plan, self.chains, self.sink, self.progress = system, plan, chains, sink, progress
        self.size = _FIRST_BLOCK
        self.error: BaseException | None = None

    def finished(self, chain: Chain) -> bool:
        return chain.warmed >= self.plan.warmup and chain.drawn >= self.plan.draws

    def submit(self, executor: Executor, chain: Chain) -> Future:
        plan, empty = self.plan, np.empty(0)
        if chain.warmed < plan.warmup:
            n = min(self.size, plan.warmup - chain.warmed)
            return executor.submit(_advance, self.system, chain.state, n, 1, False, empty)
        stop = plan.draws
        for checkpoint in plan.checkpoints:
            if checkpoint > chain.drawn:
                stop = min(stop, checkpoint)
                break
        n = min(self.size, stop - chain.drawn)
        recording = plan.record == "draws"
        return executor.submit(_advance, self.system, chain.state, n, plan.thin, recording, empty if recording else chain.sums)

    def take(self, chain: Chain, block: Block) -> None:
        chain.state, chain.cpu_seconds = block.state, chain.cpu_seconds + block.cpu_seconds
        if chain.warmed < self.plan.warmup:
            chain.warmed += block.done
        else:
            first = chain.drawn
            chain.drawn += block.done
            if self.plan.record == "draws":
                self.sink.append(chain.index, first, block.draws, block.stats)
            else:
                chain.sums = block.sums
                if chain.drawn in self.plan.checkpoints:
                    self.sink.average(chain.index, chain.drawn, chain.sums)
        self.progress.add(block.done)
        self.sink.commit(chain)
        if block.error is not None and self.error is None:
            self.error = block.error

    def grow(self, elapsed: float, n: int) -> None:
        ideal = n * _BLOCK_SECONDS / max(elapsed, 1e-6)
        self.size = int(min(max(ideal, self.size / 2, 1), self.size * 8, 2**40))

    def run(self, executor: Executor) -> bool:
        """Run to the end; True when interrupted from the keyboard."""
        pending: dict[Future, tuple[Chain, float, int]] = {}
        interrupted = False
        for chain in self.chains:
            if not self.finished(chain):
                pending[self.submit(executor, chain)] = (chain, time.perf_counter(), self.size)
        while pending:
            try:
                done, _ = wait(list(pending), timeout=0.2, return_when=FIRST_COMPLETED)
                for future in done:
                    chain, begin, n = pending.pop(future)
                    self.take(chain, future.result())
                    if n == self.size:
                        self.grow((time.perf_counter() - begin) * min(1.0, 2.0 / len(self.chains)), n)
                    if not interrupted and self.error is None and not self.finished(chain):
                        pending[self.submit(executor, chain)] = (chain, time.perf_counter(), self.size)
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True  # blocks under way end by themselves within a fraction of a second
        if isinstance(self.error, KeyboardInterrupt):
            self.error, interrupted = None, True
        return interrupted


def run_plan(
    system: Any, plan: Plan, chains: list[Chain], sink: Any, executor: Executor | None, progress: bool, settings: dict
) -> Trace:
    """Run chains to the end of a plan and make the trace, whatever stopped them on the way."""
    remaining = sum(plan.warmup - c.warmed + plan.draws - c.drawn for c in chains)
    bar = _Progress(progress, remaining, len(chains))
    scheduler = _Scheduler(system, plan, chains, sink, bar)
    if plan.record == "averages":
        for chain in chains:
            if not chain.sums.size:
                chain.sums = np.zeros(system.n_averages)
    own = executor is None
    pool = ThreadPoolExecutor(min(len(chains), os.cpu_count() or 1), "weakchaos") if executor is None else executor
    try:
        interrupted = scheduler.run(pool)
    finally:
        bar.close()
        if own:
            pool.shutdown(wait=True, cancel_futures=True)
    trace = Trace.from_run(system, plan, chains, sink, {**settings, "interrupted": interrupted})
    if scheduler.error is not None:
        error = scheduler.error
        error.trace = trace  # type: ignore[attr-defined]
        raise error
    if interrupted:
        lengths = ", ".join(str(c.drawn) for c in chains)
        warnings.warn(
            f"interrupted from the keyboard; the draws made until then are kept ({lengths} of {plan.draws} per chain)",
            InterruptedWarning,
            stacklevel=3,
        )
    _warn_of_bad_values(system, chains)
    return trace


def _warn_of_bad_values(system: Any, chains: list[Chain]) -> None:
    bad = getattr(system, "count_bad_values", None)
    count = sum(bad(c.state) for c in chains) if bad is not None else 0
    if count:
        warnings.warn(
            f"the log density was NaN or +inf at {count} proposals, which were rejected; a density that is not defined somewhere must return -inf there",
            ConvergenceWarning,
            stacklevel=4,
        )


def _check_arguments(target: Any, sampler: Any, chains: Any, executor: Any) -> None:
    if isinstance(sampler, type):
        raise ArgumentTypeError(f"`sampler` must be an instance; got the class {sampler.__name__}: write {sampler.__name__}()")
    if not hasattr(sampler, "bind"):
        raise ArgumentTypeError(f"`sampler` must be a sampler such as weakchaos.samplers.HMC(); got {shown(sampler)}")
    if callable(target) and not hasattr(target, "random_start"):
        raise ArgumentTypeError(
            f"`target` must be a target; got the function {shown(target)}: write weakchaos.Density(function, dim=...)"
        )
    if isinstance(chains, bool) or not isinstance(chains, int | np.integer) or chains < 1:
        raise ArgumentError(f"`chains` must be a whole number of at least 1; got {shown(chains)}")
    if executor is not None and not hasattr(executor, "submit"):
        raise ArgumentTypeError(f"`executor` must be a concurrent.futures.Executor or None; got {shown(executor)}")


def sample(
    target: Any,
    sampler: Any,
    draws: int = 1000,
    warmup: int = 1000,
    chains: int = 4,
    seed: Any = None,
    driver: Any = "pcg64",
    thin: int = 1,
    executor: Executor | None = None,
    progress: bool = True,
    store: Any = None,
    record: str = "draws",
    checkpoints: Any = None,
    initial: Any = None,
) -> Trace:
    """Draw from a target.

    Parameters
    ----------
    target : Target
    sampler : Sampler
    draws : int
        Draws kept per chain.
    warmup : int
        Steps thrown away first.
    chains : int
    seed : int, SeedSequence or None
        One seed gives the same draws whatever the executor and the number of workers.
    driver : Driver or str
        The stream of uniforms: ``"pcg64"``, ``"golden"``, ``"sobol-8"``, any `weakchaos.drivers.Driver`.
    thin : int
        Steps per draw.
    executor : concurrent.futures.Executor, optional
        Threads of this process by default; kernels release the GIL.
    progress : bool
    store : path, optional
        A ``.zarr`` directory to which draws are appended while the run goes on; `weakchaos.resume` continues it bit for bit.
    record : {"draws", "averages"}
        With ``"averages"`` kernels keep running sums and nothing grows with the number of draws.
    checkpoints : sequence of int, optional
        Draw counts at which the running averages are noted (default: eight per decade).
    initial : array of shape (dim,) or (chains, dim), optional
        Where chains start; over-dispersed random points by default.

    Returns
    -------
    Trace

    Raises
    ------
    Exception
        What the user's function raised, with the draws made until then as ``error.trace``.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 2.0]), wc.samplers.HMC(0.5, 5), draws=200, seed=1, progress=False)
    >>> trace.draws.shape
    (4, 200, 2)
    """
    _check_arguments(target, sampler, chains, executor)
    plan = Plan(draws, warmup, thin, record)
    if record == "averages":
        plan.checkpoints = _checkpoints(plan.draws, checkpoints)
    elif checkpoints is not None:
        raise ArgumentError(
            "`checkpoints` goes with record='averages'; a trace with draws gives running averages anywhere: trace.mean(at=...)"
        )
    system = sampler.bind(target, driver=driver)
    positions = _positions(initial, int(chains), system.dim)
    seeds = as_seed(seed).spawn(int(chains))
    states = [Chain(k, system.start(seeds[k], positions[k])) for k in range(int(chains))]
    system.before_run(states[0].state)
    settings = {"entropy": str(as_seed(seed).entropy), "thin": plan.thin, "warmup": plan.warmup}
    if store is None:
        sink: Any = MemorySink(system, plan, int(chains))
    else:
        if record != "draws":
            raise ArgumentError("`store` keeps draws; with record='averages' nothing grows and nothing needs a store")
        sink = StoreSink.create(store, system, plan, states, settings)
    return run_plan(system, plan, states, sink, executor, progress, settings)


def extend(trace: Trace, draws: int = 1000, executor: Executor | None = None, progress: bool = True) -> Trace:
    """The same run, `draws` draws longer: bit for bit what one longer run would have given.

    Parameters
    ----------
    trace : Trace
        A trace that knows its target; one read from disk whose target is a user's function is loaded with ``load(path, target=...)``.
    draws : int
        How many draws to add to each chain.

    Returns
    -------
    Trace
        A new trace with all draws, the earlier ones included; a trace with a store appends to it.
    """
    if not isinstance(trace, Trace):
        raise ArgumentTypeError(f"`trace` must be a Trace; got {shown(trace)}")
    if trace.system is None:
        raise ArgumentError(
            "`trace` does not know its target (a user's function is not saved); load it with weakchaos.load(path, target=...)"
        )
    plan = Plan(max(trace.lengths) + draws, trace.settings["warmup"], trace.settings["thin"], trace.record)
    if plan.record == "averages":
        plan.checkpoints = _checkpoints(plan.draws, None, trace.checkpoints)
    # Copies: the trace that was handed in stays as it is.
    chains = [Chain(k, s.copy(), w, n, 0.0, sums.copy()) for k, (s, w, n, sums) in enumerate(trace.positions())]
    sink = trace.continue_sink(plan)
    return run_plan(trace.system, plan, chains, sink, executor, progress, trace.settings)


def _checkpoints(draws: int, given: Any, earlier: Any = ()) -> tuple[int, ...]:
    if given is None:
        n = max(2, round(8 * np.log10(max(draws, 2))) + 1)
        values = np.unique(np.round(np.geomspace(1, max(draws, 1), n)).astype(np.int64))
    else:
        values = np.unique(np.asarray(given, np.int64))
        if values.size == 0 or values[0] < 1 or values[-1] > draws:
            raise ArgumentError(f"`checkpoints` must lie between 1 and `draws`={draws}; got {shown(given)}")
    last = max(earlier, default=0)
    return tuple(sorted({*(int(v) for v in earlier), *(int(v) for v in values if v > last), draws} - {0}))


def _positions(initial: Any, chains: int, dim: int) -> list:
    if initial is None:
        return [None] * chains
    array = np.asarray(initial)
    if array.shape not in ((dim,), (chains, dim)):
        raise ArgumentError(f"`initial` must have shape ({dim},) or ({chains}, {dim}); got {array.shape}")
    return [array if array.ndim == 1 else array[k] for k in range(chains)]
