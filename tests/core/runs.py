"""Runs that tests compare, and what it means that two of them are the same."""

import pathlib
from concurrent.futures import Executor, Future

import numpy as np

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
