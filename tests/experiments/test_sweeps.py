"""Sweeps: the same results in every executor, finished cells kept, workers lost, processes killed."""

import json
import multiprocessing
import os
import pickle
import signal
import time
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, SamplingError, StoreError
from weakchaos.experiments import sweep
from weakchaos.runs.description import describe
from weakchaos.runs.executors import Workers, unsendable
from weakchaos.runs.sweeps import Sweep


def cell(seed, size=3):
    rng = np.random.default_rng(seed)
    return {
        "seed": seed,
        "mean": float(rng.normal()),
        "draws": rng.normal(size=size),
        "pair": (1, None, -0.0),
        "never": float("inf"),
    }


def counted(seed, folder):
    """Leaves a trace of each call."""
    Path(folder, f"{seed}-{time.monotonic_ns()}").touch()
    return seed**2


def fails_at(seed, folder, bad):
    counted(seed, folder)
    if seed == bad:
        raise ZeroDivisionError("seven")
    return seed


def slow_cell(seed, seconds):
    time.sleep(seconds)
    return os.getpid(), float(np.random.default_rng(seed).normal())


def same(a, b):
    """Bit for bit."""
    arrays: tuple[dict, dict] = ({}, {})
    texts = [json.dumps(describe(value, own)) for value, own in zip((a, b), arrays, strict=True)]
    return texts[0] == texts[1] and [v.tobytes() for v in arrays[0].values()] == [v.tobytes() for v in arrays[1].values()]


class Loses(ThreadPoolExecutor):
    """Loses its workers at every third call."""

    calls = 0

    def submit(self, function, *args, **more):
        type(self).calls += 1
        if type(self).calls % 3 == 0:
            raise BrokenExecutor("a worker died")
        return super().submit(function, *args, **more)


def test_results_do_not_depend_on_executor_or_folder(tmp_path):
    cells = [(k,) for k in range(7)]
    plain = sweep(cell, cells)
    for executor in (None, "threads"):
        assert same(sweep(cell, cells, executor, tmp_path / str(executor)), sweep(cell, cells, executor))
    with ThreadPoolExecutor(2) as pool:
        assert same(sweep(cell, cells, pool), plain)
        assert same(sweep(cell, cells, pool, tmp_path / "pool"), sweep(cell, cells, out=tmp_path / "pool"))
    assert same(plain, sweep(cell, cells, out=tmp_path / "None"))
    assert not same(plain, sweep(cell, cells[1:] + cells[:1]))


def test_finished_cells_are_not_computed_again(tmp_path):
    made, out = tmp_path / "made", tmp_path / "out"
    made.mkdir()
    assert sweep(counted, [(k, str(made)) for k in range(4)], out=out) == [0, 1, 4, 9]
    with Sweep("threads", out) as again:
        assert again.map(counted, [(k, str(made)) for k in range(5, -1, -1)]) == [25, 16, 9, 4, 1, 0]
        assert (again.found, again.computed) == (4, 2)
    assert len(list(made.iterdir())) == 6
    # Another function or other arguments are other cells.
    assert sweep(fails_at, [(k, str(made), -1) for k in range(4)], out=out) == [0, 1, 2, 3]
    assert sweep(counted, [(2, str(made))], out=out) == [4]
    assert len(list(made.iterdir())) == 10


@pytest.mark.parametrize("executor", [None, "threads"])
def test_what_was_finished_before_an_error_is_kept(tmp_path, executor):
    made, out = tmp_path / "made", tmp_path / "out"
    made.mkdir()
    with pytest.raises(ZeroDivisionError, match="seven") as caught:
        sweep(fails_at, [(k, str(made), 3) for k in range(6)], executor, out)
    if executor:
        assert "fails_at" in caught.value.__notes__[0]
    finished = len(list(out.glob("*.npz")))
    assert finished >= 3
    with pytest.raises(ZeroDivisionError), Sweep(None, out) as again:
        again.map(fails_at, [(k, str(made), 3) for k in range(6)])
    assert again.found == finished


def test_half_a_file_is_no_result(tmp_path):
    """A kill leaves a `.part`, which counts as nothing; a file that was damaged later is named."""
    sweep(cell, [(1,)], out=tmp_path)
    (whole,) = tmp_path.glob("*.npz")
    content = whole.read_bytes()
    whole.unlink()
    (tmp_path / (whole.name + ".part")).write_bytes(content[:100])
    with Sweep(None, tmp_path) as again:
        again.map(cell, [(1,)])
        assert again.computed == 1
    assert [p.name for p in tmp_path.glob("*.part")] == []
    whole.write_bytes(content[:-50])
    with pytest.raises(StoreError, match=whole.name):
        sweep(cell, [(1,)], out=tmp_path)


def test_two_sweeps_do_not_write_to_one_folder(tmp_path):
    with Sweep(None, tmp_path)._folder.writing(), pytest.raises(StoreError, match="another sweep"):
        sweep(cell, [(1,)], out=tmp_path)


def test_lost_workers_are_replaced_or_told(monkeypatch, tmp_path):
    Loses.calls = 0
    pool = Loses(2)
    with pytest.raises(BrokenExecutor):
        sweep(cell, [(k,) for k in range(5)], pool, tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 2  # what the lost workers had finished
    monkeypatch.setattr("weakchaos.runs.executors.ThreadPoolExecutor", Loses)
    Loses.calls = 0
    assert same(sweep(cell, [(k,) for k in range(5)], "threads"), sweep(cell, [(k,) for k in range(5)]))
    assert Loses.calls > 5

    class Never(ThreadPoolExecutor):
        def submit(self, *_, **__):
            raise BrokenExecutor("no memory")

    monkeypatch.setattr("weakchaos.runs.executors.ThreadPoolExecutor", Never)
    with pytest.raises(SamplingError, match="3 times"):
        sweep(cell, [(1,)], "threads")


def test_experiments_go_on_from_their_folder(tmp_path, monkeypatch):
    first = wc.experiments.run("machine_flow", quick=True, executor="threads", out=tmp_path)
    monkeypatch.setattr("weakchaos.experiments.machine_flow._cell", _not_again)
    second = wc.experiments.run("machine_flow", quick=True, out=tmp_path)
    assert first.table() == second.table()
    assert first.data["flows"] == second.data["flows"]


def _not_again(*_):
    raise AssertionError("computed again")


_not_again.__module__, _not_again.__qualname__ = "weakchaos.experiments.machine_flow", "_cell"


def test_bad_input(tmp_path):
    for value, error in (
        (3, ArgumentTypeError),
        ("cluster", ArgumentError),
        ("dask://", ArgumentError),
        (ThreadPoolExecutor, ArgumentTypeError),
    ):
        with pytest.raises(error, match="`executor`"):
            sweep(cell, [(1,)], value)
        with pytest.raises(error, match="`executor`"):
            wc.sample(wc.zoo.gaussian([1.0]), executor=value, progress=False)
    with pytest.raises(ArgumentError, match="top of a module"):
        sweep(lambda k: k, [(1,)], out=tmp_path)
    with pytest.raises(ArgumentTypeError, match="plain data"):
        sweep(cell, [(object(),)], out=tmp_path)
    with pytest.raises(ArgumentTypeError, match="callable"):
        sweep(3, [(1,)])


def test_what_cannot_be_sent_says_what_to_do():
    class OtherProcesses:
        def submit(self, *_):
            future = Future()
            future.set_exception(pickle.PicklingError("no"))
            return future

    target = wc.Density(lambda x: -0.5 * float(x @ x), dim=1, grad=lambda x: -x)
    with pytest.raises(ArgumentError, match=r"`executor`.*cannot be sent.*top of a module"):
        wc.sample(target, wc.samplers.RandomWalkMetropolis(1.0), draws=10, warmup=0, executor=OtherProcesses(), progress=False)
    with pytest.raises(ArgumentError, match=r"`executor`.*cannot be sent"):
        sweep(lambda k: k, [(1,)], OtherProcesses())
    other = ValueError("of the user")
    assert unsendable(other, OtherProcesses(), lambda: 0) is other
    with Workers("threads") as workers:
        assert unsendable(TypeError("of the user"), workers.executor, lambda: 0).args == ("of the user",)


def test_processes_are_sent_work_and_a_killed_one_is_replaced(tmp_path):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(cell, 1).result()["seed"] == 1
        os.kill(next(iter(pool._processes)), signal.SIGKILL)
        with pytest.raises(BrokenExecutor):
            sweep(cell, [(k,) for k in range(3)], pool, tmp_path)
    assert same(sweep(cell, [(k,) for k in range(3)], "threads", tmp_path), sweep(cell, [(k,) for k in range(3)], out=tmp_path))


def test_a_pool_of_loky_is_an_executor(tmp_path):
    loky = pytest.importorskip("loky")
    pool = loky.get_reusable_executor(2)
    try:
        assert same(sweep(cell, [(k,) for k in range(6)], pool, tmp_path), sweep(cell, [(k,) for k in range(6)]))
        assert sweep(lambda k: k + 1, [(1,), (2,)], pool) == [2, 3]
        target, run = wc.zoo.gaussian([1.0, 2.0]), {"draws": 50, "chains": 2, "seed": 1, "progress": False}
        assert np.array_equal(wc.sample(target, executor=pool, **run).draws, wc.sample(target, **run).draws)
    finally:
        pool.shutdown()


@pytest.fixture(scope="module")
def cluster():
    """A real cluster of two processes."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0) as made,
        distributed.Client(made) as client,
    ):
        yield client


def test_a_worker_of_a_cluster_is_killed_in_the_middle(cluster, tmp_path):
    cells = [(k, 0.1) for k in range(20)]
    expected = [value for _, value in sweep(slow_cell, [(k, 0.0) for k in range(20)])]
    pids = cluster.run(os.getpid)
    assert len(set(pids.values())) == 2
    with ThreadPoolExecutor(1) as background:
        running = background.submit(sweep, slow_cell, cells, cluster, tmp_path)
        time.sleep(0.6)
        os.kill(next(iter(pids.values())), signal.SIGKILL)
        found = running.result(timeout=60)
    assert [value for _, value in found] == expected
    assert len({pid for pid, _ in found} - set(pids.values())) <= 1  # the nanny's new worker, if it came in time
    with Sweep(None, tmp_path) as again:
        again.map(slow_cell, cells)
        assert (again.found, again.computed) == (20, 0)


def test_a_client_is_taken_as_it_is(cluster, tmp_path):
    target = wc.Ising.lattice((4, 4), 0.3)
    run = {"draws": 50, "warmup": 10, "chains": 2, "seed": 1, "progress": False}
    expected = wc.sample(target, **run)
    found = wc.sample(target, executor=cluster, store=tmp_path / "run.zarr", **run)
    assert np.array_equal(np.asarray(found.draws), expected.draws)
    more = wc.extend(wc.load(tmp_path / "run.zarr"), 10, executor=cluster, progress=False)
    assert np.array_equal(np.asarray(more.draws), wc.extend(expected, 10, progress=False).draws)
    address = cluster.scheduler.address.removeprefix("tcp://")
    assert same(sweep(cell, [(1,), (2,)], f"dask://{address}"), sweep(cell, [(1,), (2,)]))
