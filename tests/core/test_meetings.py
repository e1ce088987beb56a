"""Chains that meet (`Bound.pool`): at fixed steps, whatever the executor and the blocks; a kill between two commits changes nothing."""

import contextlib
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import weakchaos as wc
from tests.core.meeting import Meeting
from tests.core.runs import KilledError, Serial, assert_same, blocks_of, killed_at_commit
from weakchaos.core.counters import WARMUP_STEPS

TARGET = wc.zoo.gaussian([1.0, 3.0])


def run(sampler=None, **options):
    options = {"draws": 60, "warmup": 25, "chains": 3, "seed": 3, "thin": 2, "progress": False, **options}
    return wc.sample(TARGET, sampler or Meeting(), **options)


def test_they_meet_at_the_steps_that_were_named():
    """25 steps of warm-up and 120 of sampling, the last of which is no multiple of 7: a meeting a week, 20 of them."""
    trace = run()
    assert [float(s.tuning["meetings"][0]) for s in trace.states] == [20.0] * 3
    assert not np.array_equal(trace.draws, run(Meeting(every=None)).draws)


def test_a_slow_oracle():
    """Chains moved by hand, step by step."""
    system = Meeting().bind(TARGET)
    states = [system.start(s) for s in np.random.SeedSequence(3).spawn(3)]
    rows = []
    for step in range(1, 146):
        moved = [system.advance(state, 1)[0] for state in states]
        if step > 25 and (step - 25) % 2 == 0:
            rows.append(moved)
        # A draw has two steps: where a meeting falls within one, it comes at its end.
        if (step <= 25 and step % 7 == 0) or (step > 25 and (step - 25) % 2 == 0 and (step % 7 == 0 or step % 7 == 1)):
            system.pool(states, step, 25)
    assert np.array_equal(np.swapaxes(rows, 0, 1), run().draws)


@pytest.mark.parametrize("steps", [1, 5, 1000])
def test_blocks_and_executors_change_nothing(steps, monkeypatch):
    whole = run()
    blocks_of(steps, monkeypatch)
    assert_same(run(), whole)
    assert_same(run(executor=Serial()), whole)


def test_processes_change_nothing():
    with ProcessPoolExecutor(2) as executor:
        assert_same(run(executor=executor), run())


@pytest.mark.parametrize("split", [1, 5, 31, 34])
def test_a_run_extended_is_the_whole_run(split):
    assert_same(wc.extend(run(draws=split), 60 - split, progress=False), run())


def test_saved_and_loaded(tmp_path):
    run(draws=17).save(tmp_path / "run.npz")
    assert_same(wc.extend(wc.load(tmp_path / "run.npz", sampler=Meeting()), 43, progress=False), run())


@pytest.mark.parametrize("kill", range(0, 70, 3))
def test_killed_at_any_commit(kill, tmp_path, monkeypatch):
    """Whatever write to the store is the last, the run resumed is the run that was not killed."""
    whole, path = run(draws=20), tmp_path / "run.zarr"
    blocks_of(4, monkeypatch)
    with killed_at_commit(kill, monkeypatch), contextlib.suppress(KilledError):
        run(draws=20, store=path, executor=Serial())
    if not path.exists():  # before the store was whole
        assert kill < 3
        return
    assert_same(wc.resume(path, target=TARGET, sampler=Meeting(), progress=False), whole)
    assert not (path / "commits" / "together.npz").exists()


def test_without_the_common_commit_a_kill_is_seen(tmp_path, monkeypatch):
    """The negative control of the test above: commits of one chain after the other, and a kill in the midst of a meeting."""
    whole, path = run(draws=20), tmp_path / "run.zarr"

    def one_by_one(self, chains):
        self.commit(chains[0])
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("weakchaos.runs.store.StoreSink.commit_together", one_by_one)
        with pytest.raises(KilledError):
            run(draws=20, store=path, executor=Serial())
    resumed = wc.resume(path, target=TARGET, sampler=Meeting(), progress=False)
    assert not np.array_equal(resumed.draws, whole.draws)


def test_a_meeting_may_end_warm_up():
    trace = run(Meeting(over_at=14), keep_warmup=True, thin=1)
    assert [int(s.counters[WARMUP_STEPS]) for s in trace.states] == [14] * 3
    assert trace.warmup.shape == (3, 14, 2)
    assert trace.lengths == [60] * 3


def test_a_chain_may_not_end_warm_up_alone():
    with pytest.raises(TypeError, match="must end in `pool`"):
        run(Meeting(ends_alone=True))


def test_a_meeting_that_fails_keeps_the_draws():
    with pytest.raises(RuntimeError, match="the meeting failed") as caught:
        run(Meeting(fails_at=50), thin=1)
    assert caught.value.trace.lengths == [31] * 3
    assert np.array_equal(caught.value.trace.draws, run(thin=1).draws[:, :31])
