"""Warm-up: what it tunes is state, what it draws can be kept, what it costs is counted apart, and a kill inside of it costs nothing."""

from dataclasses import dataclass

import numpy as np
import pytest

import weakchaos as wc
from tests.core.runs import assert_any_split_gives_the_same_bits, blocks_of, killed_after_block
from weakchaos.core.counters import GRADIENTS, WARMUP_GRADIENTS, WARMUP_STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.samplers.metropolis import RandomWalkMetropolis, _Bound

TARGET = wc.zoo.gaussian([1.0, 3.0])


class Adapting(_Bound):
    """The scale of the proposal moves by Robbins and Monro's rule (Ann. Math. Statist. 22 (1951) 400) towards an acceptance of .44."""

    def new_state(self, rng, position):
        state = super().new_state(rng, position)
        state.tuning = {"scale": self._scale.copy()}
        return state

    def warm(self, state, n, done, total, draws, stats):
        row, none = np.empty((1, self.dim)), np.empty(0)
        stat = np.empty((1, 2))
        for k in range(n):
            if self.sampler.ends_at is not None and done + k == self.sampler.ends_at:
                return k, True
            self._scale = state.tuning["scale"]
            if super().run(state, 1, 1, row, stat, none) < 1:
                return k, False
            state.tuning["scale"] = state.tuning["scale"] * np.exp((stat[0, 1] - 0.44) / (1 + done + k) ** 0.6)
            if draws.shape[0]:
                draws[k], stats[k] = row[0], stat[0]
        return n, False

    def run(self, state, n, every, draws, stats, sums):
        self._scale = state.tuning["scale"]
        return super().run(state, n, every, draws, stats, sums)


@dataclass(frozen=True)
class Adaptive(RandomWalkMetropolis):
    ends_at: int | None = None

    def bind(self, target, driver="pcg64"):
        return Adapting(self, target, driver)


def run(warmup=200, draws=50, sampler=None, **options):
    options = {"chains": 2, "seed": 3, "progress": False, **options}
    return wc.sample(TARGET, sampler or Adaptive(), draws=draws, warmup=warmup, **options)


def test_what_is_tuned_stands_in_the_trace_and_is_frozen():
    trace = run()
    assert trace.tuning["scale"].shape == (2, 2)
    assert np.ptp(trace.tuning["scale"]) > 0
    longer = wc.extend(trace, 30, progress=False)
    assert np.array_equal(longer.tuning["scale"], trace.tuning["scale"])
    assert np.array_equal(longer.draws, run(draws=80).draws)
    state = trace.states[0].copy()
    assert state.exact() == trace.states[0].exact()
    state.tuning["scale"] *= 2
    assert state.exact() != trace.states[0].exact()  # and the copy is its own
    assert np.array_equal(trace.tuning["scale"][0], trace.states[0].tuning["scale"])


@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_any_split_of_warm_up_gives_the_same_bits(steps, monkeypatch):
    assert_any_split_gives_the_same_bits(lambda: run(keep_warmup=True), steps, monkeypatch)


@pytest.mark.parametrize("store", [False, True])
def test_draws_of_warm_up_are_kept_when_asked_for(store, tmp_path):
    place = {"store": tmp_path / "run.zarr"} if store else {}
    trace = run(keep_warmup=True, **place)
    assert run().warmup is None
    assert trace.warmup.shape == (2, 200, 2)
    assert set(trace.warmup_stats) == {"lp", "acceptance_rate"}
    assert trace.warmup_stats["lp"].shape == (2, 200)
    assert np.isfinite(trace.warmup).all()
    # The step after the last of warm-up starts where warm-up ended; and no average uses it.
    assert np.array_equal(trace.draws, run().draws)
    if store:
        read = wc.load(tmp_path / "run.zarr", sampler=Adaptive())
    else:
        trace.save(tmp_path / "run.npz")
        read = wc.load(tmp_path / "run.npz", sampler=Adaptive())
    assert np.array_equal(read.warmup, trace.warmup)
    assert np.array_equal(read.warmup_stats["lp"], trace.warmup_stats["lp"])
    assert np.array_equal(read.tuning["scale"], trace.tuning["scale"])
    assert np.array_equal(wc.extend(read, 10, progress=False).draws, run(draws=60).draws)


def test_keep_warmup_needs_draws():
    with pytest.raises(ArgumentError, match="keep_warmup"):
        run(keep_warmup=True, record="averages")


def test_warm_up_may_end_early():
    trace = run(sampler=Adaptive(ends_at=37), keep_warmup=True)
    assert [int(s.counters[WARMUP_STEPS]) for s in trace.states] == [37, 37]
    assert trace.warmup.shape == (2, 37, 2)
    assert np.array_equal(trace.warmup, run(keep_warmup=True).warmup[:, :37])
    assert not trace.interrupted
    assert trace.draws.shape == (2, 50, 2)


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")  # steps of 0.3 mix slowly
def test_warm_up_is_counted_apart():
    trace = wc.sample(TARGET, wc.samplers.HMC(0.3, 1), draws=400, warmup=100, chains=2, seed=1, progress=False)
    assert [int(s.counters[GRADIENTS]) for s in trace.states] == [400, 400]
    assert [int(s.counters[WARMUP_GRADIENTS]) for s in trace.states] == [101, 101]  # one more at the start


@pytest.mark.parametrize("steps", [1, 13, 4000])
def test_gradients_do_not_depend_on_blocks(steps, monkeypatch):
    """One gradient a leapfrog step and one at the start, on any machine."""
    blocks_of(steps, monkeypatch)
    trace = wc.sample(TARGET, wc.samplers.HMC(0.3, 1), draws=300, warmup=0, chains=1, seed=1, progress=False)
    assert int(trace.states[0].counters[GRADIENTS]) == 301


def test_what_is_known_is_forgotten_where_the_position_was_changed():
    system = wc.samplers.HMC(0.3, 3).bind(TARGET)
    state = system.start(1)
    system.advance(state, 5)
    moved, fresh = state.copy(), state.copy()
    moved.phase = moved.phase + 0.1
    fresh.phase, fresh.known = fresh.phase + 0.1, np.empty(0)
    assert np.array_equal(system.advance(moved, 5), system.advance(fresh, 5))


def test_a_run_killed_inside_of_warm_up_is_resumed_bit_for_bit(tmp_path, monkeypatch):
    blocks_of(20, monkeypatch)
    path = tmp_path / "run.zarr"
    with killed_after_block(7, monkeypatch), pytest.raises(SystemExit):
        run(store=path, keep_warmup=True)
    assert wc.load(path, sampler=Adaptive()).n_draws == 0
    trace = wc.resume(path, sampler=Adaptive(), progress=False)
    assert np.array_equal(trace.draws, run().draws)
    assert np.array_equal(trace.warmup, run(keep_warmup=True).warmup)


@pytest.mark.parametrize(
    "make",
    [
        lambda: wc.samplers.HMC(0.3, 2, inverse_mass=np.array([1.0, 2.0])),
        lambda: wc.samplers.RandomWalkMetropolis(np.array([1.0, 2.0])),
    ],
)
def test_descriptions_with_arrays_compare_and_hash(make):
    assert make() == make()
    assert hash(make()) == hash(make())
    assert make() != type(make())()
