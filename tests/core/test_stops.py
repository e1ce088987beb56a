"""What stops a run takes nothing along: exceptions, Ctrl-C, workers that die; and the run can go on bit for bit."""

import json
import math
import signal
import subprocess
import sys
import time
import traceback
from concurrent.futures import BrokenExecutor, Future

import numpy as np
import pytest

from tests.core import children
from tests.core import densities as d
from tests.core.runs import ROOT, Serial, assert_prefix, assert_same, interrupt_once, run
from weakchaos.core.errors import InterruptedWarning, SamplingError
from weakchaos.runs import scheduler
from weakchaos.runs.memory import MemorySink
from weakchaos.runs.sampling import extend
from weakchaos.samplers.hmc import HMC
from weakchaos.samplers.metropolis import RandomWalkMetropolis
from weakchaos.targets.density import Density

failures = {
    "numba": (d.numba_fails_beyond, ValueError, "fails_beyond"),
    "Python": (d.fails_own_way, d.OwnError, "fails_own_way"),
}


@pytest.mark.parametrize("sampler", [RandomWalkMetropolis(1.0), HMC(0.5, 3)])
@pytest.mark.parametrize("form", failures)
@pytest.mark.parametrize("thin", [1, 4])
@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.GradientWarning")
def test_an_exception_in_mid_run_keeps_the_draws_and_the_run_can_go_on(form, sampler, thin):
    function, kind, name = failures[form]
    limit = np.array(2.0)
    target = Density(function, 1, data=(limit,), start=[0.0])
    options = {"draws": 800, "warmup": 0, "thin": thin, "chains": 2}
    with pytest.raises(kind, match="too far out") as caught:
        run(target, sampler, **options)
    assert name in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    trace = caught.value.trace
    assert 0 < max(trace.lengths) < 800
    limit[...] = math.inf  # the mistake is mended
    whole = run(target, sampler, **options)
    assert_prefix(trace, whole)
    longer = extend(trace, 800 - max(trace.lengths), progress=False)
    assert_same(longer, whole)


def test_an_exception_in_mid_run_keeps_the_averages():
    limit = np.array(2.5)
    target = Density(d.numba_fails_beyond, 1, data=(limit,), start=[0.0])
    with pytest.raises(ValueError, match="too far") as caught:
        run(target, draws=3000, warmup=0, record="averages", chains=1)
    limit[...] = math.inf
    trace = caught.value.trace
    whole = run(target, draws=3000, warmup=0, record="averages", chains=1)
    longer = extend(trace, 3000 - trace.n_draws, progress=False)
    np.testing.assert_array_equal(longer.mean(), whole.mean())


def test_a_density_that_fails_at_random_loses_no_more_than_a_block():
    calls = []

    def moody(x):
        calls.append(None)
        if len(calls) > 40 and len(calls) % 2:
            raise d.OwnError
        return -0.5 * float(x[0]) ** 2

    with pytest.raises(d.OwnError) as caught:
        run(Density(moody, 1, start=[0.0]), chains=1, draws=500)
    calm = run(Density(lambda x: -0.5 * float(x[0]) ** 2, 1, start=[0.0]), chains=1, draws=500)
    assert_prefix(caught.value.trace, calm)
    calls[:] = []
    assert_prefix(extend(caught.value.trace, 1, progress=False), calm)


def test_exceptions_of_other_processes(workers):
    for function, kind, name in ((d.fails_own_way, d.OwnError, "fails_own_way"), (d.fails_unportably, SamplingError, "Unportable")):
        target = Density(function, 1, data=(2.0,), start=[0.0])
        with pytest.raises(kind) as caught:
            run(target, draws=3000, warmup=0, executor=workers)
        assert any("In the worker:" in note and name in note for note in caught.value.__notes__)
        assert max(caught.value.trace.lengths) > 0
        assert_prefix(caught.value.trace, run(Density(function, 1, data=(math.inf,), start=[0.0]), draws=3000, warmup=0))


class Breaks(Serial):
    """An executor whose pool breaks down after some blocks."""

    def __init__(self, after, error):
        self.left, self.error = after, error

    def submit(self, function, /, *arguments, **options):
        self.left -= 1
        if self.left >= 0:
            return super().submit(function, *arguments, **options)
        future = Future()
        future.set_exception(self.error)
        return future


@pytest.mark.parametrize("error", [BrokenExecutor("a worker died"), MemoryError("no room"), RuntimeError("other")])
def test_a_worker_that_dies_takes_nothing_along(error):
    whole = run(d.numba_gaussian(), draws=2000)
    with pytest.raises(type(error)) as caught:
        run(d.numba_gaussian(), draws=2000, executor=Breaks(12, error))
    assert caught.value is error
    assert 0 < max(error.trace.lengths) < 2000
    assert_prefix(error.trace, whole)
    assert_same(extend(error.trace, 2000 - max(error.trace.lengths), progress=False), whole)


def test_a_sink_that_fails_takes_nothing_along(monkeypatch):
    append = MemorySink.append
    left = [10]

    def full(self, *arguments):
        left[0] -= 1
        if left[0] < 0:
            raise OSError("no space left on device")
        append(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(MemorySink, "append", full)
        patch.setattr(scheduler, "_BLOCK_SECONDS", 1e-5)
        with pytest.raises(OSError, match="no space") as caught:
            run(d.numba_gaussian(), draws=2000)
    whole = run(d.numba_gaussian(), draws=2000)
    assert_same(extend(caught.value.trace, 2000 - max(caught.value.trace.lengths), progress=False), whole)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("calls", [1, 2, 5, 9])
@pytest.mark.parametrize("place", ["wait", "append", "commit", "grow", "submit", "take"])
def test_an_interruption_at_any_place_keeps_the_draws(place, calls, before, monkeypatch):
    whole = run(d.numba_gaussian(), draws=3000)
    owner = {"wait": scheduler, "append": MemorySink, "commit": MemorySink}.get(place, scheduler._Scheduler)
    with monkeypatch.context() as patch:
        patch.setattr(owner, place, interrupt_once(getattr(owner, place), before, calls))
        patch.setattr(scheduler, "_BLOCK_SECONDS", 1e-5)
        with pytest.warns(InterruptedWarning, match="interrupted from the keyboard") as caught:
            trace = run(d.numba_gaussian(), draws=3000)
    assert caught[0].filename.endswith("runs.py")  # where `sample` was called
    assert trace.interrupted
    assert max(trace.lengths) < 3000
    assert_prefix(trace, whole)
    longer = extend(trace, 3000 - max(trace.lengths), progress=False)
    assert not longer.interrupted
    assert_same(longer, whole)


def test_a_second_interruption_is_obeyed(monkeypatch):
    def impatient(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(scheduler, "wait", impatient)
    with pytest.raises(KeyboardInterrupt):
        run(d.numba_gaussian())


@pytest.mark.parametrize("place", ["wait", "average", "submit", "take"])
def test_an_interruption_of_averages(place, monkeypatch):
    whole = run(d.numba_gaussian(), draws=3000, record="averages")
    owner = {"wait": scheduler, "average": MemorySink}.get(place, scheduler._Scheduler)
    with monkeypatch.context() as patch:
        patch.setattr(owner, place, interrupt_once(getattr(owner, place), False, 20))
        with pytest.warns(InterruptedWarning):
            trace = run(d.numba_gaussian(), draws=3000, record="averages")
    common = trace.checkpoints
    assert common
    assert set(common) < set(whole.checkpoints)
    np.testing.assert_array_equal(trace.averages(at=common)[1], whole.averages(at=common)[1])
    longer = extend(trace, 3000 - max(trace.lengths), progress=False)
    np.testing.assert_array_equal(longer.mean(), whole.mean())


def test_an_interruption_inside_of_the_users_function():
    with pytest.warns(InterruptedWarning):
        trace = run(Density(d.interrupts_beyond, 1, data=(3.5,), start=[0.0]), draws=5000, warmup=0)
    assert 0 < max(trace.lengths) < 5000


def test_a_pool_that_dies_of_an_interruption_is_no_error(monkeypatch):
    executor = Breaks(10, BrokenExecutor("killed by the same signal"))
    monkeypatch.setattr(scheduler, "wait", interrupt_once(scheduler.wait, True, 4))
    with pytest.warns(InterruptedWarning):
        trace = run(d.numba_gaussian(), draws=3000, executor=executor)
    assert trace.interrupted


def test_ctrl_c_of_a_process():
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.core.children", "interrupted"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert child.stdout.readline() == "ready\n"
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    begin = time.monotonic()
    out = json.loads(child.communicate(timeout=60)[0])
    assert time.monotonic() - begin < 20.0
    assert child.returncode == 0
    assert out["warnings"] == ["InterruptedWarning"]
    assert out["flag"]
    assert min(out["lengths"]) > 0
    whole = children.run(draws=max(out["lengths"]))
    assert out["digests"] == [children.digest(whole.chain(k)[:n]) for k, n in enumerate(out["lengths"])]
