"""Running chains to the end of a plan, in blocks short enough that progress, Ctrl-C and stores stay responsive."""

from __future__ import annotations

import math
import time
import warnings
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import replace
from typing import Any

import numpy as np

from weakchaos.core.errors import ConvergenceWarning, InterruptedWarning
from weakchaos.core.flags import Flag, warn_of_each
from weakchaos.runs.block import Block, Chain, Plan, advance, warm
from weakchaos.runs.convergence import draws_in_round
from weakchaos.runs.executors import Workers, unsendable
from weakchaos.runs.progress import Progress
from weakchaos.runs.trace import Trace
from weakchaos.runs.until import Until, judged_at, measure

__all__ = ["run_plan"]

_BLOCK_SECONDS = 0.25
_FIRST_BLOCK = 1


class _Scheduler:
    """Keeps one block of every unfinished chain in flight, and lets the chains meet where their system says so."""

    def __init__(self, system: Any, plan: Plan, chains: list[Chain], sink: Any, progress: Progress, deadline: float = math.inf):
        self.system, self.plan, self.chains, self.sink, self.progress = system, plan, list(chains), sink, progress
        self.steps = _FIRST_BLOCK
        self.error: BaseException | None = None
        self.interrupted, self.deadline = False, deadline
        self.executor: Any = None

    def finished(self, chain: Chain) -> bool:
        return chain.warmed >= self.plan.warmup and chain.drawn >= self.plan.draws

    def barrier(self, chain: Chain) -> tuple[int, int, int] | None:
        """Where a chain waits for the others next: steps since the start, warm-up steps and draws of it; None for nowhere.

        The step count of the last meeting is part of the state, so that it is saved, resumed and extended with it.
        """
        ask = getattr(self.system, "next_pool", None)
        steps = None if ask is None else ask(int(chain.state.tuning.get("pooled", 0)), self.plan.warmup)
        if steps is None:
            return None
        return steps, min(steps, self.plan.warmup), max(0, -(-(steps - self.plan.warmup) // self.plan.thin))

    def waits(self, chain: Chain) -> bool:
        """Whether a chain stands where it must meet the others before it goes on."""
        place = self.barrier(chain)
        return place is not None and chain.warmed >= place[1] and chain.drawn >= place[2]

    def meet(self) -> None:
        """Pool the states of all chains, and make what changed count for all of them at once."""
        place = self.barrier(self.chains[0])
        assert place is not None
        states = [chain.state.copy() for chain in self.chains]
        try:
            over = bool(self.system.pool(states, place[0], self.plan.warmup))
            for state in states:
                # Meetings of a warm-up that ends here are over, too.
                state.tuning["pooled"] = np.array(float(max(place[0], self.plan.warmup) if over else place[0]))
            new = [replace(chain, state=state) for chain, state in zip(self.chains, states, strict=True)]
            if over and place[0] < self.plan.warmup:
                new = [replace(chain, warmed=self.plan.warmup) for chain in new]
            self.sink.commit_together(new)
        except Exception as error:
            self.note(error)
            return
        self.chains = new

    def submit(self, executor: Executor, chain: Chain) -> Future:
        plan, empty, place = self.plan, np.empty(0), self.barrier(chain)
        if chain.warmed < plan.warmup:
            n = min(self.steps, plan.warmup - chain.warmed)
            if place is not None and chain.warmed < place[1]:
                n = min(n, place[1] - chain.warmed)
            return executor.submit(warm, self.system, chain.state, n, chain.warmed, plan.warmup, plan.keep_warmup)
        stop = next((c for c in plan.checkpoints if c > chain.drawn), plan.draws)
        if place is not None and chain.drawn < place[2]:
            stop = min(stop, place[2])
        n = min(max(1, self.steps // plan.thin), stop - chain.drawn)
        recording = plan.record == "draws"
        return executor.submit(advance, self.system, chain.state, n, plan.thin, recording, empty if recording else chain.sums)

    def take(self, chain: Chain, future: Future) -> None:
        """Keep what a block brought. Done twice it does the same, because an interruption may come in the midst of it."""
        try:
            failure = future.exception()
            if failure is not None:
                self.note(unsendable(failure, self.executor, self.system))
                return
            block: Block = future.result()
            new = replace(chain, state=block.state, cpu_seconds=chain.cpu_seconds + block.cpu_seconds)
            if chain.warmed < self.plan.warmup:
                # A warm-up that ended early counts as whole; how many steps it took is in the counters of the state.
                if block.finished and self.barrier(chain) is not None:
                    raise TypeError(f"{self.system!r} pools its chains, so its warm-up must end in `pool`, for all of them at once")
                new = replace(new, warmed=self.plan.warmup if block.finished else chain.warmed + block.done)
                if self.plan.keep_warmup:
                    self.sink.append_warmup(chain.index, chain.warmed, block.draws, block.stats)
            elif self.plan.record == "draws":
                new = replace(new, drawn=chain.drawn + block.done)
                self.sink.append(chain.index, chain.drawn, block.draws, block.stats)
                self.progress.look(chain.index, block.draws, block.stats, tuple(self.system.stats_names))
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
        self.executor = executor
        waiting = [chain.index for chain in self.chains if not self.finished(chain)]
        pending: dict[Future, Chain] = {}
        held: list[int] = []  # where they wait for the others
        asked = False
        while pending or ((waiting or held) and not self.stopped):
            try:
                if held and not pending and not waiting:
                    # Chains that are through stand at the end of the plan, which all of them reach before a meeting beyond it.
                    self.meet()
                    waiting, held = held, []
                    if self.stopped:
                        break
                while waiting and not self.stopped:
                    chain = self.chains[waiting[0]]
                    if self.waits(chain):
                        held.append(waiting.pop(0))
                        continue
                    pending[self.submit(executor, chain)] = chain
                    waiting.pop(0)
                if not pending:
                    continue
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
        return self.interrupted or self.error is not None or self.late

    @property
    def late(self) -> bool:
        """Whether the time that was given is over."""
        return time.monotonic() > self.deadline


def run_plan(
    system: Any,
    plan: Plan,
    chains: list[Chain],
    sink: Any,
    executor: Any,
    progress: bool,
    settings: dict,
    until: Until | None = None,
    most: int = 0,
) -> Trace:
    """Run chains to the end of a plan, or through longer and longer plans of at most `most` draws until they have drawn enough, and make the
    trace, whatever stopped them on the way."""
    group = draws_in_round(getattr(system, "walkers", 1), plan.thin)
    remaining = sum(plan.warmup - c.warmed + plan.draws - c.drawn for c in chains)
    if plan.record == "averages":
        chains = [c if c.sums.size else replace(c, sums=np.zeros(system.n_averages)) for c in chains]
    bar = Progress(progress, remaining, len(chains), group, None if until is None else until.min_ess)
    deadline = time.monotonic() + (math.inf if until is None or until.max_seconds is None else until.max_seconds)
    scheduler = _Scheduler(system, plan, chains, sink, bar, deadline)
    before = [chain.state for chain in chains]
    workers = Workers(executor, len(chains))
    pool = workers.executor
    found: dict[str, float] = {}
    try:
        with sink.writing():
            sink.note_stop(None)
            scheduler.run(pool)
            while until is not None and until.judges and all(map(scheduler.finished, scheduler.chains)):
                last = scheduler.plan.draws >= most  # what is lacking then is told of all coordinates
                draws = np.asarray(scheduler.sink.draws(scheduler.plan.draws))
                found = measure(draws, group, None if last else until, int(found.get("coordinate", 0)))
                if until.met(found) or scheduler.plan.draws >= most or scheduler.stopped:
                    break
                plan = replace(plan, draws=min(most, judged_at(scheduler.plan.draws)))
                bar.extend((plan.draws - scheduler.plan.draws) * len(chains))
                scheduler.sink = sink = sink.extended(plan, [c.drawn for c in scheduler.chains])
                scheduler.plan = plan
                scheduler.run(pool)
            why = _why_stopped(scheduler, until, found)
            sink.note_stop(why)
    finally:
        bar.close()
        workers.__exit__()
    chains = scheduler.chains
    trace = Trace.from_run(system, plan, chains, sink, {**settings, "interrupted": scheduler.interrupted, "stopped": why})
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
    elif until is not None and until.judges and not until.met({"ess": math.nan, "rhat": math.nan, **found}):
        warnings.warn(_unmet(why, until), ConvergenceWarning, stacklevel=3)
    complaints = getattr(system, "complaints", None)
    flags = [] if complaints is None else complaints(before, [chain.state for chain in chains])
    _keep_flags(trace, flags)
    warn_of_each(flags, stacklevel=3)
    return trace


def _why_stopped(scheduler: _Scheduler, until: Until | None, found: dict) -> dict:
    """What ended a run, as data."""
    figures = {name: found[name] for name in ("ess", "rhat") if math.isfinite(found.get(name, math.nan))}
    if scheduler.error is not None:
        reason = "error"
    elif scheduler.interrupted:
        reason = "interrupted"
    elif not all(map(scheduler.finished, scheduler.chains)):
        reason = "max_seconds"
    elif until is not None and until.judges and found and until.met(found):
        reason = "until"
    else:
        reason = "max_seconds" if scheduler.late else "draws"
    return {"reason": reason, "draws": min(chain.drawn for chain in scheduler.chains), **figures}


def _unmet(why: dict, until: Until) -> str:
    have = ", ".join(f"{name} {why[name]:.4g}" for name in ("ess", "rhat") if name in why) or "no figures yet"
    want = ", ".join(f"{name} {value:g}" for name, value in until.to_data().items() if name != "max_seconds")
    limit = "its time was over" if why["reason"] == "max_seconds" else "it had all of its draws"
    return (
        f"the run stopped at {why['draws']} draws a chain because {limit}, before `until` was reached: {have} where {want} was asked for; "
        "give it more, or take what it has for what it is"
    )


def _keep_flags(trace: Trace, found: list[Flag]) -> None:
    """Keep what a run found against itself, with the run and in its store."""
    known = trace.settings.get("flags", [])
    plain = [data for flag in found if (data := flag.to_plain()) not in known]
    if plain:
        trace.settings = {**trace.settings, "flags": [*known, *plain]}
        trace.keep_flags()
