"""Runs that tests compare, cut into blocks and kill, and what it means that two of them are the same."""

import contextlib
import pathlib
from concurrent.futures import Executor, Future

import numpy as np

from weakchaos.runs import meetings, scheduler
from weakchaos.runs.sampling import sample
from weakchaos.samplers.metropolis import RandomWalkMetropolis

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Serial(Executor):
    """Does the work when it is handed over."""

    def submit(self, function, /, *arguments, **options):
        future = Future()
        try:
            future.set_result(function(*arguments, **options))
        except BaseException as error:
            future.set_exception(error)
        return future


def run(target, sampler=None, **options):
    options = {"draws": 60, "warmup": 10, "chains": 3, "seed": 5, "progress": False, **options}
    return sample(target, RandomWalkMetropolis(1.0) if sampler is None else sampler, **options)


def assert_same(first, second):
    assert first.lengths == second.lengths
    np.testing.assert_array_equal(first.draws, second.draws)
    assert list(first.stats) == list(second.stats)
    for name in first.stats:
        np.testing.assert_array_equal(first.stats[name], second.stats[name])
    assert [s.exact() for s in first.states] == [s.exact() for s in second.states]


def assert_prefix(trace, whole):
    for k, n in enumerate(trace.lengths):
        np.testing.assert_array_equal(trace.chain(k), whole.chain(k)[:n])


def blocks_of(steps, monkeypatch):
    """Blocks of so many steps from now on, however fast the machine is."""
    monkeypatch.setattr(scheduler, "_FIRST_BLOCK", steps)
    monkeypatch.setattr(scheduler._Scheduler, "grow", lambda self, *block: None)


def assert_any_split_gives_the_same_bits(make, steps, monkeypatch):
    """The run that `make` makes, with its warm-up kept, is the same in blocks of `steps` steps."""
    whole = make()
    blocks_of(steps, monkeypatch)
    split = make()
    assert_same(split, whole)
    np.testing.assert_array_equal(split.warmup, whole.warmup)
    assert [s.counters.tolist() for s in split.states] == [s.counters.tolist() for s in whole.states]


class KilledError(BaseException):
    """Stands for a kill: nothing that catches an Exception sees it."""


@contextlib.contextmanager
def killed_at_commit(n, monkeypatch):
    """Within, the write of a commit that follows on `n` others is never made, nor is anything after it."""
    left, write = [n], meetings.write_atomically

    def killing(file, data):
        if file.parent.name == "commits":
            if left[0] == 0:
                raise KilledError
            left[0] -= 1
        write(file, data)

    with monkeypatch.context() as patch:
        patch.setattr("weakchaos.runs.meetings.write_atomically", killing)
        patch.setattr("weakchaos.runs.store.write_atomically", killing)
        yield


@contextlib.contextmanager
def killed_after_block(n, monkeypatch):
    """Within, the process exits as soon as `n` blocks of chains have been taken, as a kill between two commits."""
    left, take = [n], scheduler._Scheduler.take

    def take_some(self, chain, future):
        take(self, chain, future)
        left[0] -= 1
        if left[0] == 0:
            raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(scheduler._Scheduler, "take", take_some)
        yield


def interrupt_once(function, before, after_calls):
    left = [after_calls]

    def interrupting(*arguments, **options):
        left[0] -= 1
        if left[0] == 0 and before:
            raise KeyboardInterrupt
        result = function(*arguments, **options)
        if left[0] == 0:
            raise KeyboardInterrupt
        return result

    return interrupting
