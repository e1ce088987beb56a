"""Stores of integers: other readers of zarr see the draws that were made and no others, and what is gone is missed."""

import json
import shutil

import numpy as np
import pytest
import zarr

import weakchaos as wc
from weakchaos.core.errors import StoreError

MODEL = wc.Ising.lattice((4, 4), beta=0.3, field=0.5)


def run(path, draws=3000, model=MODEL, **options):
    return wc.sample(model, wc.samplers.Gibbs(), draws=draws, seed=3, chains=3, store=path, progress=False, **options)


def seen(path):
    """What a reader of zarr sees that knows nothing of this package."""
    return zarr.open_group(str(path), mode="r")["posterior/x"][:]


def snapshots(monkeypatch, path, shelf):
    """Copies of a store after each of its commits: what a kill at that moment would leave."""
    from weakchaos.runs.store import StoreSink

    commit = StoreSink.commit

    def and_copy(self, chain):
        commit(self, chain)
        if path.exists() and chain.drawn:
            shutil.copytree(path, shelf / f"{len(list(shelf.iterdir()))}.zarr")

    monkeypatch.setattr(StoreSink, "commit", and_copy)


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_rows_that_were_not_drawn_are_never_seen(tmp_path, monkeypatch, seconds):
    monkeypatch.setattr("weakchaos.runs.store._GROW_SECONDS", seconds)
    monkeypatch.setattr("weakchaos.runs.scheduler._BLOCK_SECONDS", 0.0005)
    (tmp_path / "shelf").mkdir()
    snapshots(monkeypatch, tmp_path / "run.zarr", tmp_path / "shelf")
    whole = run(tmp_path / "run.zarr").draws
    assert np.array_equal(seen(tmp_path / "run.zarr"), whole)
    killed = sorted((tmp_path / "shelf").iterdir(), key=lambda p: int(p.stem))
    assert len(killed) > 2
    for path in killed:
        before = seen(path)
        assert np.array_equal(before, whole[:, : before.shape[1]])  # a prefix of all chains, or nothing
        trace = wc.load(path)
        n = min(trace.lengths)
        assert np.array_equal(seen(path), whole[:, :n])  # all that is committed, once the store has been loaded
        assert np.array_equal(trace.draws[:, :n], whole[:, :n])
    assert np.array_equal(wc.resume(killed[0], progress=False).draws, whole)
    assert np.array_equal(seen(killed[0]), whole)


def test_an_extended_store_shows_all(tmp_path):
    trace = wc.extend(run(tmp_path / "run.zarr", draws=100), 50, progress=False)
    assert seen(tmp_path / "run.zarr").shape == trace.draws.shape == (3, 150, 16)
    assert np.array_equal(seen(tmp_path / "run.zarr"), trace.draws)


@pytest.mark.parametrize("chain", [0, 2])
def test_a_chunk_that_is_gone_is_missed(tmp_path, chain):
    run(tmp_path / "run.zarr")
    (tmp_path / f"run.zarr/posterior/x/c/{chain}/0/0").unlink()
    for read in (wc.load, wc.resume):
        with pytest.raises(StoreError, match=rf"draws that were committed are gone with the file .*c/{chain}/0/0"):
            read(tmp_path / "run.zarr")


def test_a_chunk_of_nothing_but_the_fill_value_is_no_loss(tmp_path):
    zeros = wc.PairwiseMRF(np.zeros((2, 2)), fields=-800.0)
    run(tmp_path / "run.zarr", model=zeros)
    assert not wc.load(tmp_path / "run.zarr").draws.any()
    assert wc.load(tmp_path / "run.zarr").draws.shape == (3, 3000, 2)


def test_a_chunk_of_a_statistic_that_is_gone_is_missed(tmp_path):
    wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.HMC(0.5, 3), draws=50, store=tmp_path / "run.zarr", progress=False)
    next(p for p in (tmp_path / "run.zarr/sample_stats").rglob("c/1/0") if p.is_file()).unlink()
    with pytest.raises(StoreError, match="draws that were committed are gone"):
        wc.load(tmp_path / "run.zarr")


def edit(path, change):
    data = json.loads(path.read_bytes())
    change(data)
    path.write_text(json.dumps(data))


ARRAY = "posterior/x/zarr.json"
tampered = {
    "another type": (ARRAY, lambda m: m.update(data_type="uint8")),
    "another order of bytes or codec": (ARRAY, lambda m: m.update(codecs=[{"name": "bytes"}])),
    "another fill value": (ARRAY, lambda m: m.update(fill_value=1)),
    "other chunks": (ARRAY, lambda m: m["chunk_grid"]["configuration"].update(chunk_shape=[1, 7, 16])),
    "another number of chains": (ARRAY, lambda m: m["shape"].__setitem__(0, 2)),
    "another dimension": (ARRAY, lambda m: m["shape"].__setitem__(2, 15)),
    "fewer chains in the head": ("run.json", lambda h: h.update(chains=2)),
    "no chains": ("run.json", lambda h: h.update(chains=0)),
    "chains in words": ("run.json", lambda h: h.update(chains="three")),
    "fewer names": ("run.json", lambda h: h["names"].pop()),
    "names of numbers": ("run.json", lambda h: h.update(names=list(range(16)))),
    "a shorter plan": ("run.json", lambda h: h["plan"].update(draws=10)),
    "a negative plan": ("run.json", lambda h: h["plan"].update(draws=-1)),
    "a plan of another kind": ("run.json", lambda h: h["plan"].update(record="averages", what=3)),
    "a plan in words": ("run.json", lambda h: h.update(plan="all")),
    "settings in words": ("run.json", lambda h: h.update(settings="none")),
    "no system": ("run.json", lambda h: h.update(system=[])),
}


@pytest.mark.parametrize("name", tampered)
def test_tampered_metadata_are_refused(tmp_path, name):
    run(tmp_path / "run.zarr", draws=60)
    place, change = tampered[name]
    edit(tmp_path / "run.zarr" / place, change)
    for read in (wc.load, wc.resume):
        with pytest.raises(StoreError, match=r"run\.zarr"):
            read(tmp_path / "run.zarr")


def test_metadata_at_the_root_that_a_kill_left_behind_are_brought_up(tmp_path):
    """A kill between the metadata of an array and those at the root leaves readers, who take the latter, fewer draws than count."""
    path = tmp_path / "run.zarr"
    run(path, draws=50)
    root = json.loads((path / "zarr.json").read_bytes())
    root["consolidated_metadata"]["metadata"]["posterior/x"]["shape"][1] = 20
    (path / "zarr.json").write_text(json.dumps(root))
    assert seen(path).shape[1] == 20
    draws = wc.load(path).draws
    assert np.array_equal(seen(path), draws)
