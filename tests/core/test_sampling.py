"""Runs: the same draws whatever carries them out, and continued bit for bit."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit

from tests.core import densities as d
from tests.core.runs import Serial, assert_same, run
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.runs import scheduler
from weakchaos.runs.block import Plan
from weakchaos.runs.sampling import extend, sample
from weakchaos.samplers.hmc import HMC
from weakchaos.samplers.metropolis import RandomWalkMetropolis
from weakchaos.targets.density import Density

SAMPLERS = [HMC(0.4, 3), RandomWalkMetropolis(1.0)]

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


def test_the_first_blocks_are_short():
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


def test_the_time_of_copying_a_large_state_is_not_that_of_a_step(monkeypatch):
    """Blocks of few steps would copy the state over and over: 1000 steps of microseconds, with a copy of a twentieth of a second."""
    import time

    from weakchaos.core.system import State

    monkeypatch.setattr("weakchaos.runs.scheduler._BLOCK_SECONDS", 0.02)
    copies = []

    class Large(State):
        def copy(self):
            copies.append(len(copies))
            time.sleep(0.05)
            return Large(self.phase.copy(), self.symbols.copy(), None, self.counters.copy())

    class Slow:
        dim, dtype, readout_dtype, stats_names, names, n_averages, driver = 1, np.float64, np.float64, (), ["x"], 0, None

        def start(self, seed=None, initial=None):
            return Large(phase=np.zeros(1))

        def run(self, state, n, every, draws, stats, sums):
            for t in range(n):
                state.phase[0] += 1.0
                if (t + 1) % every == 0 and len(draws):
                    draws[(t + 1) // every - 1] = state.phase
            return n

        def readout(self, draws):
            return draws

        def advance(self, state, n, every=1):
            draws = np.empty((n // every, 1))
            self.run(state, n, every, draws, np.empty((n // every, 0)), np.empty(0))
            return draws

    from weakchaos.runs.block import Chain, Plan
    from weakchaos.runs.memory import MemorySink
    from weakchaos.runs.scheduler import run_plan

    system, plan = Slow(), Plan(1000)
    trace = run_plan(system, plan, [Chain(0, system.start())], MemorySink(system, plan, 1), None, False, {"thin": 1, "warmup": 0})
    assert np.array_equal(trace.draws[0, :, 0], np.arange(1, 1001))
    assert len(copies) <= 6  # a block of each size that was tried, and what a trace keeps
