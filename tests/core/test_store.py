"""Stores: nothing committed is ever lost, whatever kills the process, and a run resumed is the run that was not cut off."""

import math
import shutil

import numpy as np
import pytest
import xarray
import zarr

from tests.core import densities as d
from tests.core.runs import assert_prefix, assert_same, blocks_of, interrupt_once
from tests.core.runs import run as run_of
from weakchaos.core.errors import ArgumentError, InterruptedWarning, StoreError
from weakchaos.runs import scheduler, store
from weakchaos.runs.sampling import extend
from weakchaos.runs.store import StoreSink
from weakchaos.runs.verbs import load, resume
from weakchaos.samplers.gibbs import Gibbs
from weakchaos.samplers.hmc import HMC
from weakchaos.samplers.metropolis import RandomWalkMetropolis
from weakchaos.targets import zoo
from weakchaos.targets.density import Density
from weakchaos.targets.mrf import PairwiseMRF


def run(path=None, target=None, sampler=None, **options):
    target = zoo.gaussian([1.0, 2.0]) if target is None else target
    return run_of(target, HMC(0.4, 3) if sampler is None else sampler, **{"draws": 90, "store": path, **options})


def files(path):
    return {p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()}


@pytest.fixture
def many_commits(monkeypatch):
    """Blocks of a few steps."""
    blocks_of(7, monkeypatch)


@pytest.fixture
def stopped(many_commits, tmp_path, monkeypatch):
    """The path of a run that was stopped on its way."""
    path = tmp_path / "run.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "wait", interrupt_once(scheduler.wait, True, 20))
        with pytest.warns(InterruptedWarning):
            trace = run(path, draws=300)
    assert 0 < max(trace.lengths) < 300
    return path


# ---- the same run ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "sampler"),
    [
        (lambda: zoo.gaussian([1.0, 2.0]), HMC(0.4, 3)),
        (lambda: zoo.gaussian([1.0, 2.0]), RandomWalkMetropolis()),
        (lambda: PairwiseMRF(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.2, -0.3])), Gibbs()),
    ],
)
def test_a_store_holds_the_draws_of_memory(make, sampler, tmp_path, many_commits):
    memory = run(None, make(), sampler)
    stored = run(tmp_path / "run.zarr", make(), sampler)
    assert_same(stored, memory)
    read = load(tmp_path / "run.zarr")
    assert_same(read, memory)
    assert read.draws.dtype == memory.draws.dtype
    assert (read.settings, read.names, read.missing) == (memory.settings, memory.names, ())
    np.testing.assert_array_equal(read.mean(), memory.mean())
    np.testing.assert_array_equal(read.chain(1), memory.chain(1))
    np.testing.assert_array_equal(read.averages()[1], memory.averages()[1])
    whole = run(None, make(), sampler, draws=150)
    assert_same(extend(read, 60, progress=False), whole)
    assert_same(load(tmp_path / "run.zarr"), whole)
    assert {p.name for p in tmp_path.iterdir()} == {"run.zarr"}


def test_more_draws_than_a_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_CHUNK_BYTES", 320)  # 20 rows of two float64
    assert_same(run(tmp_path / "run.zarr"), run())
    monkeypatch.setattr(scheduler, "_FIRST_BLOCK", 7)
    assert_same(run(tmp_path / "other.zarr"), run())
    assert len(list((tmp_path / "run.zarr").rglob("posterior/x/c/*/*/0"))) == 3 * 5


def test_a_run_of_nothing(tmp_path):
    trace = run(tmp_path / "run.zarr", draws=0, warmup=0)
    assert trace.draws.shape == (3, 0, 2)
    assert_same(extend(load(tmp_path / "run.zarr"), 50, progress=False), run(draws=50, warmup=0))


# ---- resuming ----------------------------------------------------------------------------------------------------------------------


def test_a_run_that_was_stopped_is_finished(stopped):
    whole = run(draws=300)
    assert_prefix(load(stopped), whole)
    assert_same(resume(stopped, progress=False), whole)
    assert_same(load(stopped), whole)


def test_resuming_goes_on_from_each_stop(stopped, monkeypatch):
    whole, lengths = run(draws=300), load(stopped).lengths
    for calls in (3, 5, 9):
        with monkeypatch.context() as patch:
            patch.setattr(scheduler, "wait", interrupt_once(scheduler.wait, False, calls))
            with pytest.warns(InterruptedWarning):
                resume(stopped, progress=False)
        now = load(stopped)
        assert_prefix(now, whole)
        assert all(a <= b for a, b in zip(lengths, now.lengths, strict=True))
        lengths = now.lengths
    assert_same(resume(stopped, progress=False), whole)


def test_resuming_in_the_warm_up(tmp_path, many_commits, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "wait", interrupt_once(scheduler.wait, False, 12))
        with pytest.warns(InterruptedWarning):
            trace = run(tmp_path / "run.zarr", warmup=300)
    assert trace.lengths == [0, 0, 0]
    assert_same(resume(tmp_path / "run.zarr", progress=False), run(warmup=300))


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    trace = run(tmp_path / "run.zarr")
    before = files(tmp_path / "run.zarr")
    assert_same(resume(tmp_path / "run.zarr", progress=False), trace)
    assert files(tmp_path / "run.zarr") == before


def test_an_extension_that_was_stopped_is_finished(tmp_path, many_commits, monkeypatch):
    trace = run(tmp_path / "run.zarr")
    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "wait", interrupt_once(scheduler.wait, False, 12))
        with pytest.warns(InterruptedWarning):
            extend(trace, 210, progress=False)
    assert_same(resume(tmp_path / "run.zarr", progress=False), run(draws=300))


def test_the_users_mistake_is_mended_and_the_run_resumed(tmp_path):
    path, limit = tmp_path / "run.zarr", np.array(2.0)
    target = Density(d.numba_fails_beyond, 1, data=(limit,), start=[0.0])
    options = {"sampler": RandomWalkMetropolis(1.0), "draws": 3000, "warmup": 0, "thin": 3}
    with pytest.raises(ValueError, match="too far out") as caught:
        run(path, target, **options)
    limit[...] = math.inf
    whole = run(None, target, **options)
    assert_prefix(caught.value.trace, whole)
    read = load(path)
    assert read.missing == ("target",)
    assert_prefix(read, whole)
    with pytest.raises(ArgumentError, match=r"`resume` needs the target of the run.*target=..."):
        resume(path)
    with pytest.raises(ArgumentError, match=r"`trace` needs the target of the run"):
        extend(read)
    assert_same(resume(path, target=target, progress=False), whole)


def test_what_lies_beyond_a_commit_is_ignored_and_written_again(stopped):
    whole = run(draws=300)
    before = load(stopped)
    lengths = before.lengths
    group = zarr.open_group(str(stopped), mode="r+")
    for array in (group["posterior/x"], group["sample_stats/lp"]):
        for k, n in enumerate(lengths):
            array[k, n:] = np.nan
    (stopped / "commits" / "0.npz.part").write_bytes(b"half a comm")
    (stopped / "posterior/x/c/0/0/0.123abc.partial").write_bytes(b"half a chunk")
    assert_same(load(stopped), before)
    assert_same(resume(stopped, progress=False), whole)
    assert not list(stopped.rglob("*.part*"))


def test_at_every_commit_the_store_is_a_prefix_of_the_whole_run(tmp_path, many_commits, monkeypatch):
    """A kill between any two writes leaves what the directory holds then: it is looked at after each of them."""
    whole, path, seen = run(draws=60), tmp_path / "run.zarr", []
    commit, append = StoreSink.commit, StoreSink.append

    def look():
        if path.exists():
            copied = tmp_path / "copy.zarr"
            shutil.copytree(path, copied)
            trace = load(copied)
            assert_prefix(trace, whole)
            seen.append(sum(trace.lengths))
            shutil.rmtree(copied)

    def commit_and_look(self, chain):
        commit(self, chain)
        look()

    def append_and_look(self, *arguments):
        append(self, *arguments)
        look()

    monkeypatch.setattr(StoreSink, "commit", commit_and_look)
    monkeypatch.setattr(StoreSink, "append", append_and_look)
    run(path, draws=60)
    assert seen == sorted(seen)
    assert len(set(seen)) > 10
    assert seen[-1] == 180


# ---- two at once -------------------------------------------------------------------------------------------------------------------


def test_two_runs_do_not_write_to_one_store(tmp_path):
    trace = run(tmp_path / "run.zarr")
    other = load(tmp_path / "run.zarr")
    with other.writing():
        with pytest.raises(StoreError, match="another run is writing"):
            extend(trace, 10, progress=False)
        with pytest.raises(StoreError, match="another run is writing"):
            resume(tmp_path / "run.zarr", progress=False)
    assert_same(extend(trace, 10, progress=False), run(draws=100))


def test_a_trace_that_was_overtaken_does_not_cut_the_store(tmp_path):
    trace = run(tmp_path / "run.zarr")
    whole = extend(load(tmp_path / "run.zarr"), 30, progress=False)
    with pytest.raises(StoreError, match="has gone on since this trace was made, from 90 to 120 draws"):
        extend(trace, 10, progress=False)
    assert_same(load(tmp_path / "run.zarr"), whole)


def test_a_store_is_read_while_it_grows(tmp_path, many_commits):
    path, read = tmp_path / "run.zarr", []

    def logp(x):
        if path.exists():
            read.append(load(path).lengths[0])
        return -0.5 * float(x[0]) ** 2

    trace = run(path, Density(logp, 1), RandomWalkMetropolis(), chains=1, draws=60, warmup=0)
    assert read == sorted(read)
    assert len(set(read)) > 5
    assert trace.lengths == [60]


# ---- readers of zarr ---------------------------------------------------------------------------------------------------------------


def test_xarray_and_zarr_read_a_store(tmp_path):
    trace = run(tmp_path / "run.zarr")
    tree = xarray.open_datatree(tmp_path / "run.zarr", engine="zarr")
    assert set(tree.children) == {"posterior", "sample_stats"}
    assert tree["posterior"]["x"].dims == ("chain", "draw", "coordinate")
    np.testing.assert_array_equal(tree["posterior"]["x"].values, trace.draws)
    np.testing.assert_array_equal(tree["sample_stats"]["lp"].values, trace.stats["lp"])
    group = zarr.open_group(str(tmp_path / "run.zarr"), mode="r")
    np.testing.assert_array_equal(group["posterior/x"][:], trace.draws)
    assert group.attrs["names"] == ["x0", "x1"]
    whole = extend(trace, 30, progress=False)
    tree = xarray.open_datatree(tmp_path / "run.zarr", engine="zarr")
    np.testing.assert_array_equal(tree["posterior"]["x"].values, whole.draws)


def test_draws_still_to_be_made_are_not_numbers(stopped):
    trace = load(stopped)
    assert trace.interrupted
    x = xarray.open_datatree(stopped, engine="zarr")["posterior"]["x"].values
    assert x.shape == (3, 300, 2)
    for k, n in enumerate(trace.lengths):
        np.testing.assert_array_equal(x[k, :n], trace.chain(k))
    assert np.isnan(x[:, -1]).any()
