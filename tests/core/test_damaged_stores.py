"""Stores that are damaged, foreign or in the way are refused, and nothing in them is run."""

import json
import shutil

import numpy as np
import pytest
import zarr

from tests.core.runs import run as run_of
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, StoreError
from weakchaos.runs.store import StoreSink
from weakchaos.runs.verbs import load, resume
from weakchaos.samplers.hmc import HMC
from weakchaos.targets import zoo


def run(path=None, target=None, sampler=None, **options):
    target = zoo.gaussian([1.0, 2.0]) if target is None else target
    return run_of(target, HMC(0.4, 3) if sampler is None else sampler, **{"draws": 90, "store": path, **options})


def files(path):
    return {p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_nothing_is_written_over(tmp_path):
    run(tmp_path / "run.zarr")
    before = files(tmp_path / "run.zarr")
    with pytest.raises(StoreError, match=r"exists already; continue it with weakchaos.resume\("):
        run(tmp_path / "run.zarr")
    assert files(tmp_path / "run.zarr") == before


def test_places_where_no_store_can_be(tmp_path):
    with pytest.raises(ArgumentError, match=r"`store` must be a path that ends in .zarr"):
        run(tmp_path / "run")
    with pytest.raises(ArgumentTypeError, match="`store` must be a path"):
        run(3)
    with pytest.raises(StoreError, match="does not exist"):
        run(tmp_path / "none" / "run.zarr")
    with pytest.raises(ArgumentError, match="`store` keeps draws"):
        run(tmp_path / "run.zarr", record="averages")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_cannot_begin_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(StoreSink, "commit", lambda *arguments: (_ for _ in ()).throw(OSError("no space left on device")))
    with pytest.raises(OSError, match="no space"):
        run(tmp_path / "run.zarr")
    assert list(tmp_path.iterdir()) == []


def test_a_stored_run_is_not_saved_twice(tmp_path):
    trace = run(tmp_path / "run.zarr")
    with pytest.raises(ArgumentError, match=r"lives in .* already"):
        trace.save(tmp_path / "trace.npz")


def test_stores_that_are_not_there(tmp_path):
    for read in (load, resume):
        with pytest.raises(FileNotFoundError, match="there is no"):
            read(tmp_path / "none.zarr")
        with pytest.raises(ArgumentTypeError, match="`path` must be a path"):
            read(3)
        (tmp_path / "empty.zarr").mkdir(exist_ok=True)
        with pytest.raises(StoreError, match="not a store of this package"):
            read(tmp_path / "empty.zarr")
    zarr.open_group(str(tmp_path / "other.zarr"), mode="w")
    with pytest.raises(StoreError, match="not a store of this package"):
        load(tmp_path / "other.zarr")
    (tmp_path / "file.zarr").write_text("hello")
    with pytest.raises(StoreError):
        load(tmp_path / "file.zarr")
    with pytest.raises(StoreError, match="not a store of this package"):
        resume(tmp_path / "file.zarr")


def rewrite(path, **changes):
    head = json.loads(path.read_bytes())
    path.write_text(json.dumps({**head, **changes}))


damages = {
    "head cut off": lambda p: (p / "run.json").write_bytes((p / "run.json").read_bytes()[:40]),
    "head empty": lambda p: (p / "run.json").write_bytes(b""),
    "head a list": lambda p: (p / "run.json").write_bytes(b"[]"),
    "another version": lambda p: rewrite(p / "run.json", format="weakchaos store 2"),
    "head without names": lambda p: (p / "run.json").write_text('{"format": "weakchaos store 1"}'),
    "no commit": lambda p: (p / "commits/1.npz").unlink(),
    "commit cut off": lambda p: (p / "commits/1.npz").write_bytes((p / "commits/1.npz").read_bytes()[:100]),
    "commit empty": lambda p: np.savez(p / "commits/1.npz"),
    "commit ahead": lambda p: shutil.copy(p / "commits/1.npz", p / "commits/1.npz.keep") and ahead(p / "commits/1.npz"),
    "state damaged": lambda p: ahead(p / "commits/1.npz", drawn=90, state=np.zeros(30, np.uint8)),
    "no arrays": lambda p: shutil.rmtree(p / "posterior"),
    "no statistics": lambda p: shutil.rmtree(p / "sample_stats"),
    "array metadata cut off": lambda p: (p / "posterior/x/zarr.json").write_bytes(b'{"zarr_format": 3, "sh'),
    "array smaller": lambda p: zarr.open_group(str(p))["posterior/x"].resize((3, 50, 2)),
    "no system": lambda p: (p / "system.npz").unlink(),
    "system cut off": lambda p: (p / "system.npz").write_bytes(b"PK"),
    "foreign class": lambda p: rewrite(p / "run.json", system={**system(p), "sampler": part("os:system", {})}),
    "imported class": lambda p: rewrite(p / "run.json", system={**system(p), "sampler": part("weakchaos.runs.store:Path", {})}),
    "script": lambda p: rewrite(p / "run.json", system={**system(p), "sampler": part("weakchaos.__main__:x", {})}),
    "no class": lambda p: rewrite(p / "run.json", system={**system(p), "sampler": part("weakchaos.runs.verbs:load", {})}),
    "unknown description": lambda p: rewrite(p / "run.json", system={**system(p), "sampler": {"data": {"what": 1}, "keys": []}}),
    "description a list": lambda p: rewrite(p / "run.json", system={**system(p), "sampler": [1]}),
}


def system(path):
    return json.loads((path / "run.json").read_bytes())["system"]


def part(kind, fields):
    return {"data": {"dataclass": kind, "fields": fields}, "keys": []}


def ahead(path, drawn=10**6, **changes):
    with np.load(path) as archive:
        data = dict(archive)
    np.savez(path, **{**data, "drawn": drawn, **changes})


@pytest.mark.parametrize("damage", damages)
def test_damaged_stores_are_refused(damage, tmp_path):
    path = tmp_path / "run.zarr"
    run(path)
    damages[damage](path)
    for read in (load, resume):
        with pytest.raises(StoreError, match=r"run\.zarr|the store|this run"):
            read(path, progress=False) if read is resume else read(path)


unavailable = {
    "unknown class": lambda p: rewrite(p / "run.json", system={**system(p), "sampler": part("weakchaos.samplers.hmc:HMD", {})}),
    "unknown field": lambda p: rewrite(
        p / "run.json", system={**system(p), "sampler": part("weakchaos.samplers.hmc:HMC", {"a": 1})}
    ),
    "bad field": lambda p: rewrite(
        p / "run.json", system={**system(p), "sampler": part("weakchaos.samplers.hmc:HMC", {"step_size": -1})}
    ),
}


@pytest.mark.parametrize("what", unavailable)
def test_draws_load_where_a_part_cannot_be_made(what, tmp_path):
    path = tmp_path / "run.zarr"
    run(path)
    draws = load(path).draws
    unavailable[what](path)
    trace = load(path)
    assert np.array_equal(trace.draws, draws)
    assert trace.missing == ("sampler",)
    with pytest.raises(ArgumentError, match="this version of the package"):
        resume(path, progress=False)


def test_a_damaged_chunk_is_an_error_when_it_is_read(tmp_path):
    run(tmp_path / "run.zarr")
    chunk = next((tmp_path / "run.zarr/posterior/x/c/1").rglob("0"))
    chunk = chunk if chunk.is_file() else chunk / "0"
    chunk.write_bytes(chunk.read_bytes()[:20])
    trace = load(tmp_path / "run.zarr")
    with pytest.raises(StoreError, match=r"run\.zarr cannot be read"):
        trace.mean()


def test_a_bit_that_flipped_on_the_disk_is_an_error_and_no_draw(tmp_path):
    """Each place of a chunk: the checksum stands at the end, and single numbers of incompressible draws stand in the middle."""
    path = tmp_path / "run.zarr"
    run(path)
    chunk = sorted((path / "posterior" / "x" / "c").rglob("*"), key=lambda p: (p.is_file(), str(p)))[-1]
    content = chunk.read_bytes()
    for place in np.linspace(0, len(content) - 1, 9).astype(int):
        flipped = bytearray(content)
        flipped[place] ^= 0x10
        chunk.write_bytes(bytes(flipped))
        with pytest.raises(StoreError):
            load(path).draws.mean()
    chunk.write_bytes(content)
    load(path)


def test_a_root_that_is_no_group_is_refused(tmp_path):
    path = tmp_path / "run.zarr"
    run(path)
    for content in ("{}", "[]", '{"zarr_format": 3, "node_type": "array"}', "", "null"):
        (path / "zarr.json").write_text(content)
        with pytest.raises(StoreError, match="damaged"):
            load(path)
