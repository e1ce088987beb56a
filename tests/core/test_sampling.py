"""Runs: the same draws whatever carries them out, continued bit for bit, and nothing lost when something stops them."""

import json
import math
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import time
import traceback
import warnings
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from tests.core import children
from tests.core import densities as d
from weakchaos.core import scheduler
from weakchaos.core.blocks import Plan
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, InterruptedWarning, SamplingError
from weakchaos.core.memory import MemorySink
from weakchaos.core.sampling import extend, sample
from weakchaos.samplers.hmc import HMC
from weakchaos.samplers.metropolis import RandomWalkMetropolis
from weakchaos.targets.density import Density

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLERS = [HMC(0.4, 3), RandomWalkMetropolis(1.0)]


class Serial(Executor):
    """Does the work when it is handed over."""

    def submit(self, function, /, *arguments, **options):
        future = Future()
        try:
            future.set_result(function(*arguments, **options))
        except BaseException as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="module")
def workers():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def run(target, sampler=SAMPLERS[1], **options):
    return sample(target, sampler, **{"draws": 60, "warmup": 10, "chains": 3, "seed": 5, "progress": False, **options})


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


# ---- one seed, one set of draws ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("make", [d.numba_gaussian, d.python_gaussian])
def test_draws_do_not_depend_on_who_makes_them(sampler, make, workers):
    target = make()
    reference = run(target, sampler, executor=Serial())
    assert len(np.unique(reference.draws[:, -1, 0])) == 3
    assert_same(run(target, sampler), reference)
    for n in (1, 4):
        with ThreadPoolExecutor(n) as threads:
            assert_same(run(target, sampler, executor=threads), reference)
    assert_same(run(target, sampler, executor=workers), reference)


@pytest.mark.parametrize("first", [1, 7, 10**6])
@pytest.mark.parametrize("seconds", [1e-6, 0.25])
@pytest.mark.parametrize("thin", [1, 3])
def test_draws_do_not_depend_on_the_size_of_blocks(first, seconds, thin, monkeypatch):
    reference = run(d.numba_gaussian(), draws=300, thin=thin)
    averages = run(d.numba_gaussian(), draws=300, thin=thin, record="averages")
    monkeypatch.setattr(scheduler, "_FIRST_BLOCK", first)
    monkeypatch.setattr(scheduler, "_BLOCK_SECONDS", seconds)
    assert_same(run(d.numba_gaussian(), draws=300, thin=thin), reference)
    again = run(d.numba_gaussian(), draws=300, thin=thin, record="averages")
    assert again.checkpoints == averages.checkpoints
    np.testing.assert_array_equal(again.averages()[1], averages.averages()[1])


def test_another_seed_gives_other_draws():
    assert not np.array_equal(run(d.numba_gaussian()).draws, run(d.numba_gaussian(), seed=6).draws)


@pytest.mark.parametrize("seed", [5, np.int64(5), np.random.SeedSequence(5), [5]])
def test_forms_of_one_seed(seed):
    assert_same(run(d.numba_gaussian(), seed=seed), run(d.numba_gaussian()))


def test_a_seed_sequence_is_not_used_up():
    sequence = np.random.SeedSequence(5)
    assert_same(run(d.numba_gaussian(), seed=sequence), run(d.numba_gaussian(), seed=sequence))


def test_fresh_entropy_is_noted():
    trace = run(d.numba_gaussian(), seed=None)
    assert_same(run(d.numba_gaussian(), seed=int(trace.settings["entropy"])), trace)
    assert not np.array_equal(run(d.numba_gaussian(), seed=None).draws, trace.draws)


def test_chains_do_not_depend_on_how_many_there_are():
    np.testing.assert_array_equal(run(d.numba_gaussian(), chains=1).draws, run(d.numba_gaussian()).draws[:1])


# ---- plans -------------------------------------------------------------------------------------------------------------------------


def test_thinning_keeps_each_nth_draw():
    fine, coarse = run(d.numba_gaussian()), run(d.numba_gaussian(), draws=20, thin=3)
    np.testing.assert_array_equal(coarse.draws, fine.draws[:, 2::3])
    assert [s.exact() for s in coarse.states] == [s.exact() for s in fine.states]


def test_warm_up_is_thrown_away():
    np.testing.assert_array_equal(run(d.numba_gaussian(), warmup=0, draws=70).draws[:, 10:], run(d.numba_gaussian()).draws)


def test_whole_floats_are_numbers():
    assert_same(run(d.numba_gaussian(), draws=6e1, warmup=np.float64(10), chains=np.int8(3), thin=1.0), run(d.numba_gaussian()))


@pytest.mark.parametrize("record", ["draws", "averages"])
def test_a_run_of_nothing(record):
    trace = run(d.numba_gaussian(), draws=0, warmup=0, record=record)
    assert trace.lengths == [0, 0, 0]
    with pytest.raises(ArgumentError, match="holds no"):
        trace.mean()
    whole = run(d.numba_gaussian(), draws=20, warmup=0, record=record)
    np.testing.assert_array_equal(extend(trace, 20, progress=False).mean(), whole.mean())


@pytest.mark.parametrize("parts", [(1, 59), (20, 40), (30, 0, 30)])
@pytest.mark.parametrize("thin", [1, 2])
def test_a_run_in_parts_is_the_whole_run(parts, thin):
    whole = run(d.numba_gaussian(), thin=thin)
    trace = run(d.numba_gaussian(), draws=parts[0], thin=thin)
    first, state = np.array(trace.draws), trace.states[0].exact()
    longer = trace
    for n in parts[1:]:
        longer = extend(longer, n, progress=False)
    assert_same(longer, whole)
    np.testing.assert_array_equal(trace.draws, first)  # what was handed in stays as it is
    assert trace.states[0].exact() == state


def test_averages_in_parts_are_those_of_the_whole_run():
    whole = run(d.numba_gaussian(), draws=1000, record="averages")
    longer = extend(run(d.numba_gaussian(), draws=100, record="averages"), 900, progress=False)
    assert longer.draws is None
    assert longer.lengths == whole.lengths
    common = sorted(set(longer.checkpoints) & set(whole.checkpoints))
    assert len(common) > 10
    assert common[-1] == 1000
    np.testing.assert_array_equal(longer.averages(at=common)[1], whole.averages(at=common)[1])
    np.testing.assert_array_equal(longer.mean(), whole.mean())


@pytest.mark.parametrize("thin", [1, 3])
def test_averages_are_averages_of_the_draws(thin):
    draws = run(d.numba_gaussian(), draws=500, thin=thin)
    averages = run(d.numba_gaussian(), draws=500, thin=thin, record="averages")
    assert averages.checkpoints[0] == 1
    assert averages.checkpoints[-1] == 500
    counts, values = averages.averages()
    np.testing.assert_array_equal(counts, averages.checkpoints)
    np.testing.assert_allclose(values, draws.averages(at=counts)[1], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(averages.mean(), draws.mean(), rtol=1e-12)


def test_checkpoints_of_the_users_choice():
    trace = run(d.numba_gaussian(), draws=50, record="averages", checkpoints=[7, 3, 7, 50])
    assert trace.checkpoints == (3, 7, 50)
    assert run(d.numba_gaussian(), draws=50, record="averages", checkpoints=10).checkpoints == (10, 50)


def test_cpu_seconds_add_up():
    trace = run(d.numba_gaussian())
    assert all(0.0 < s < 60.0 for s in trace.cpu_seconds)
    assert all(b > a for a, b in zip(trace.cpu_seconds, extend(trace, 50, progress=False).cpu_seconds, strict=True))


# ---- starts ------------------------------------------------------------------------------------------------------------------------


def test_initial_positions():
    rows = np.arange(9.0).reshape(3, 3) / 10
    same = sample(d.numba_gaussian(), SAMPLERS[1], 1, 0, 3, seed=5, progress=False, initial=rows[1])
    each = sample(d.numba_gaussian(), SAMPLERS[1], 1, 0, 3, seed=5, progress=False, initial=rows)
    listed = sample(d.numba_gaussian(), SAMPLERS[1], 1, 0, 3, seed=5, progress=False, initial=rows.tolist())
    np.testing.assert_array_equal(same.draws[1], each.draws[1])
    assert_same(each, listed)
    assert not np.array_equal(same.draws[0], each.draws[0])
    rows[:] = np.nan  # the run has its own copy
    assert np.isfinite(extend(each, 5, progress=False).draws).all()


@pytest.mark.parametrize("initial", [0.0, [1.0], np.zeros((2, 3)), np.zeros((3, 2)), np.zeros((3, 3, 1)), [[1.0], [1.0, 2.0]]])
def test_initial_positions_of_the_wrong_shape(initial):
    with pytest.raises(ArgumentError, match=r"`initial` must have shape \(3,\) or \(3, 3\)"):
        run(d.numba_gaussian(), initial=initial)


@pytest.mark.parametrize("initial", [["a", "b", "c"], [object()] * 3, [None, "x", 1]])
def test_initial_positions_that_are_no_numbers(initial):
    with pytest.raises(ArgumentTypeError, match="`initial` must hold 3 numbers"):
        run(d.numba_gaussian(), initial=initial)


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_the_density_must_be_finite_at_the_start(bad):
    with pytest.raises(ArgumentError, match="`initial`"):
        run(Density(d.half_line, 1), initial=[bad])
    with pytest.raises(ArgumentError, match="`start`"):
        run(Density(d.half_line, 1, start=[bad]))
    with pytest.raises(ArgumentError, match="`initial`"):
        run(Density(d.undefined_below_zero, 1), initial=[bad])


def test_no_start_is_found_where_there_is_none():
    with pytest.raises(ArgumentError, match=r"not finite at any of 200 starting points, -inf at .*pass `initial`"):
        run(Density(lambda x: -math.inf, 1))


def test_starts_of_the_users_choice():
    assert run(Density(d.half_line, 1, start=lambda rng: rng.random(1))).draws.min() > 0.0
    assert run(Density(d.half_line, 1, start=[0.5])).draws.min() > 0.0
    with pytest.raises(ArgumentError, match=r"`start` must have shape \(1,\)"):
        run(Density(d.half_line, 1, start=lambda rng: rng.random(2)))


# ---- what stops a run --------------------------------------------------------------------------------------------------------------

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
    assert caught[0].filename == __file__ or caught[0].filename.endswith("test_sampling.py")
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


# ---- arguments ---------------------------------------------------------------------------------------------------------------------

nonsense = st.one_of(
    st.none(), st.text(max_size=4), st.floats(allow_nan=True).filter(lambda v: not (v >= 0 and v == v // 1)), st.integers(max_value=-1),
    st.booleans(), st.complex_numbers(), st.lists(st.integers(), max_size=2), st.binary(max_size=2), st.builds(object),
    st.sampled_from([math.inf, np.float32(1.5), np.array([2]), b"1", {}, 1j]),
)  # fmt: skip


@given(nonsense, st.sampled_from(["draws", "warmup", "thin", "chains"]))
def test_numbers_that_make_no_sense(value, name):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=f"`{name}` must be a whole number"):
        run(d.numba_gaussian(), **{name: value})


@given(nonsense)
def test_extensions_that_make_no_sense(value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`draws` must be a whole number"):
        extend(test_extensions_that_make_no_sense.trace, value)


test_extensions_that_make_no_sense.trace = run(d.numba_gaussian(), draws=2)  # type: ignore[attr-defined]


@given(
    st.one_of(
        nonsense.filter(lambda v: v is not None and not isinstance(v, list | np.ndarray)),
        st.just(0),
        st.just([0, 3]),
        st.just([3, 99]),
        st.just([[1, 2]]),
        st.just([1.5]),
    )
)
def test_checkpoints_that_make_no_sense(value):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`checkpoints` must hold"):
        run(d.numba_gaussian(), record="averages", checkpoints=value)


@given(st.one_of(st.none(), st.text(), st.integers(), st.builds(object), st.just(HMC), st.just(d.value), st.just([1.0])))
def test_targets_samplers_and_executors_that_are_none(value):
    if value is not None:
        with pytest.raises(ArgumentTypeError, match="`executor`"):
            run(d.numba_gaussian(), executor=value)
    with pytest.raises(ArgumentTypeError, match="`sampler` must be"):
        sample(d.numba_gaussian(), value)
    with pytest.raises(ArgumentTypeError, match="`target`"):
        sample(value, HMC())


def test_messages_say_what_to_write():
    with pytest.raises(ArgumentTypeError, match=r"got the class HMC: write HMC\(\)"):
        sample(d.numba_gaussian(), HMC)
    with pytest.raises(ArgumentTypeError, match=r"write weakchaos.Density\(function, dim=...\)"):
        sample(d.value, HMC())
    with pytest.raises(ArgumentTypeError, match=r"got the class ThreadPoolExecutor: write ThreadPoolExecutor\(...\)"):
        run(d.numba_gaussian(), executor=ThreadPoolExecutor)
    with pytest.raises(ArgumentTypeError, match="`trace` must be a Trace"):
        extend(None)
    with pytest.raises(ArgumentError, match="`record` must be 'draws' or 'averages'"):
        run(d.numba_gaussian(), record="everything")
    with pytest.raises(ArgumentError, match="`checkpoints` goes with record='averages'"):
        run(d.numba_gaussian(), checkpoints=[1])
    with pytest.raises(ArgumentError, match="`seed`"):
        run(d.numba_gaussian(), seed=-1)
    with pytest.raises(ArgumentError, match="`driver`"):
        run(d.numba_gaussian(), driver="no such driver")


@pytest.mark.parametrize("draws", [10**12, 10**18, 2**62])
def test_more_draws_than_memory(draws):
    with pytest.raises(MemoryError, match=r"GB are needed .* sample with record='averages'"):
        run(d.numba_gaussian(), draws=draws, warmup=0)


def test_more_steps_than_an_integer_holds():
    with pytest.raises(ArgumentError, match="steps"):
        run(d.numba_gaussian(), draws=2**40, thin=2**40)
    with pytest.raises(ArgumentError, match="steps"):
        Plan(1, warmup=2**70)


# ---- progress ----------------------------------------------------------------------------------------------------------------------


def test_progress_goes_to_stderr(capsys):
    run(d.numba_gaussian(), progress=True)
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "3 chains" in seen.err
    assert "/210" in seen.err


def test_without_progress_nothing_is_written(capfd):
    trace = run(d.numba_gaussian())
    extend(trace, 5, progress=False)
    assert capfd.readouterr() == ("", "")


# ---- blocks ------------------------------------------------------------------------------------------------------------------------


def test_blocks_grow_to_a_quarter_of_a_second_and_shrink_at_once():
    made = scheduler._Scheduler(None, Plan(10), [], None, None)
    sizes = []
    for _ in range(12):
        made.grow(made.steps, made.steps * 1e-6 + 1e-4)
        sizes.append(made.steps)
    assert all(b <= 8 * a for a, b in zip([1, *sizes], sizes, strict=False))
    assert 0.2e6 < sizes[-1] < 0.3e6
    made.grow(1, 1e-4)  # cut short at a checkpoint
    assert made.steps == sizes[-1]
    made.grow(made.steps, 25.0)
    assert made.steps == pytest.approx(sizes[-1] / 100, rel=0.02)


def test_a_slow_density_is_interrupted_soon():
    """The first blocks are short, so the time to the first chance of stopping is a few evaluations, whatever their cost."""
    seen = []

    @njit
    def quick(x):
        return -0.5 * x[0] ** 2

    class Watching(Serial):
        def submit(self, function, system, state, n, thin, recording, sums, /):
            seen.append(n * thin)
            return super().submit(function, system, state, n, thin, recording, sums)

    run(Density(quick, 1), executor=Watching(), warmup=0, draws=100, thin=1)
    assert seen[0] == 1
    seen.clear()
    run(Density(quick, 1), executor=Watching(), warmup=0, draws=100, thin=50)
    assert seen[0] == 50
    assert os.environ.get("PYTEST_CURRENT_TEST")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(Density(quick, 1))
