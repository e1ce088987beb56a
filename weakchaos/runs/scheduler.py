"""Running chains to the end of a plan, in blocks short enough that progress, Ctrl-C and stores stay responsive."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentTypeError, ConvergenceWarning, InterruptedWarning, shown
from weakchaos.runs.block import Block, Chain, Plan, advance, warm
from weakchaos.runs.trace import Trace

__all__ = ["check_executor", "run_plan"]

_BLOCK_SECONDS = 0.25
_FIRST_BLOCK = 1


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
        self.system, self.plan, self.chains, self.sink, self.progress = system, plan, list(chains), sink, progress
        self.steps = _FIRST_BLOCK
        self.error: BaseException | None = None
        self.interrupted = False

    def finished(self, chain: Chain) -> bool:
        return chain.warmed >= self.plan.warmup and chain.drawn >= self.plan.draws

    def submit(self, executor: Executor, chain: Chain) -> Future:
        plan, empty = self.plan, np.empty(0)
        if chain.warmed < plan.warmup:
            n = min(self.steps, plan.warmup - chain.warmed)
            return executor.submit(warm, self.system, chain.state, n, chain.warmed, plan.warmup, plan.keep_warmup)
        stop = next((c for c in plan.checkpoints if c > chain.drawn), plan.draws)
        n = min(max(1, self.steps // plan.thin), stop - chain.drawn)
        recording = plan.record == "draws"
        return executor.submit(advance, self.system, chain.state, n, plan.thin, recording, empty if recording else chain.sums)

    def take(self, chain: Chain, future: Future) -> None:
        """Keep what a block brought. Done twice it does the same, because an interruption may come in the midst of it."""
        try:
            failure = future.exception()
            if failure is not None:
                self.note(failure)
                return
            block: Block = future.result()
            new = replace(chain, state=block.state, cpu_seconds=chain.cpu_seconds + block.cpu_seconds)
            if chain.warmed < self.plan.warmup:
                # A warm-up that ended early counts as whole; how many steps it took is in the counters of the state.
                new = replace(new, warmed=self.plan.warmup if block.finished else chain.warmed + block.done)
                if self.plan.keep_warmup:
                    self.sink.append_warmup(chain.index, chain.warmed, block.draws, block.stats)
            elif self.plan.record == "draws":
                new = replace(new, drawn=chain.drawn + block.done)
                self.sink.append(chain.index, chain.drawn, block.draws, block.stats)
            else:
                new = replace(new, drawn=chain.drawn + block.done, sums=block.sums)
                if new.drawn in self.plan.checkpoints:
                    self.sink.average(chain.index, new.drawn, new.sums)
            self.sink.commit(new)
        except Exception as error:  # a full disk, a pool that was shut down: what was kept until then is still good
            self.note(error)
            return
        self.grow(block.steps, block.seconds, block.copy_seconds)
        self.progress.add(block.done)
        if block.error is not None:
            self.note(block.error)
        self.chains[chain.index] = new

    def note(self, error: BaseException) -> None:
        if isinstance(error, KeyboardInterrupt):
            self.interrupted = True
        elif self.error is None or (isinstance(self.error, BrokenExecutor) and not isinstance(error, BrokenExecutor)):
            self.error = error

    def grow(self, steps: int, seconds: float, copying: float = 0.0) -> None:
        """Aim at blocks of a quarter of a second, with steps that cost what those of the last block did, or of the time it takes to copy
        the state if that is more: so no more than half of a run goes into copies."""
        aim = max(_BLOCK_SECONDS, copying)
        ideal = steps * aim / max(seconds, 1e-6)
        if steps < self.steps and ideal < self.steps and seconds < 0.2 * aim:
            return  # a block cut short at a checkpoint: mostly overhead
        most = (8 if copying < 0.1 * _BLOCK_SECONDS else 512) * steps
        self.steps = int(max(1, min(ideal, max(self.steps, most), 2**40)))

    def run(self, executor: Executor) -> None:
        """Run to the end, or to the first error or interruption from the keyboard."""
        waiting = [chain.index for chain in self.chains if not self.finished(chain)]
        pending: dict[Future, Chain] = {}
        asked = False
        while pending or (waiting and not self.stopped):
            try:
                while waiting and not self.stopped:
                    chain = self.chains[waiting[0]]
                    pending[self.submit(executor, chain)] = chain
                    waiting.pop(0)
                for future in wait(list(pending), timeout=0.2, return_when=FIRST_COMPLETED).done:
                    chain = pending[future]
                    self.take(chain, future)
                    del pending[future]
                    if not self.finished(self.chains[chain.index]):
                        waiting.append(chain.index)
            except KeyboardInterrupt:
                if asked:
                    raise
                asked = self.interrupted = True  # blocks under way end by themselves within a fraction of a second
        if self.interrupted and isinstance(self.error, BrokenExecutor):
            self.error = None  # workers that are processes get the same signal, and die of it

    @property
    def stopped(self) -> bool:
        return self.interrupted or self.error is not None


def run_plan(
    system: Any, plan: Plan, chains: list[Chain], sink: Any, executor: Executor | None, progress: bool, settings: dict
) -> Trace:
    """Run chains to the end of a plan and make the trace, whatever stopped them on the way."""
    remaining = sum(plan.warmup - c.warmed + plan.draws - c.drawn for c in chains)
    if plan.record == "averages":
        chains = [c if c.sums.size else replace(c, sums=np.zeros(system.n_averages)) for c in chains]
    bar = _Progress(progress, remaining, len(chains))
    scheduler = _Scheduler(system, plan, chains, sink, bar)
    before = [chain.state for chain in chains]
    pool = ThreadPoolExecutor(min(len(chains), os.cpu_count() or 1), "weakchaos") if executor is None else executor
    try:
        with sink.writing():
            scheduler.run(pool)
    finally:
        bar.close()
        if executor is None:
            pool.shutdown(wait=True, cancel_futures=True)
    chains = scheduler.chains
    trace = Trace.from_run(system, plan, chains, sink, {**settings, "interrupted": scheduler.interrupted})
    if scheduler.error is not None:
        error = scheduler.error
        error.trace = trace  # type: ignore[attr-defined]
        raise error
    if scheduler.interrupted:
        lengths = ", ".join(str(c.drawn) for c in chains)
        warnings.warn(
            f"interrupted from the keyboard; the draws made until then are kept ({lengths} of {plan.draws} per chain)",
            InterruptedWarning,
            stacklevel=3,
        )
    complaints = getattr(system, "complaints", None)
    for message in () if complaints is None else complaints(before, [chain.state for chain in chains]):
        warnings.warn(message, ConvergenceWarning, stacklevel=3)
    return trace


def check_executor(executor: Any) -> None:
    """Refuse what is no executor."""
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise ArgumentTypeError(f"`executor` must be a concurrent.futures.Executor or None; got {shown(executor)}")
    if isinstance(executor, type):
        raise ArgumentTypeError(
            f"`executor` must be an instance; got the class {executor.__name__}: write {executor.__name__}(...)"
        )
