"""Runs outlive renamings: stores name public classes, draws load where the system cannot be made again, runs of version 0.1.0 load and go on."""

import hashlib
import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import weakchaos as wc
from tests.test_conformance import CASES
from weakchaos.core.errors import ArgumentError, ArgumentTypeError

RUNS = Path(__file__).resolve().parents[1] / "data" / "runs"


def digest(draws):
    return hashlib.sha256(np.ascontiguousarray(draws).tobytes()).hexdigest()[:16]


def test_an_archive_of_version_0_1_0_goes_on_bit_for_bit():
    trace = wc.load(RUNS / "hmc_rotation.npz")
    assert trace.missing == ()
    assert digest(wc.extend(trace, 10, progress=False).draws) == "f761221f77b7e6df"  # thirty draws of one run under that version


def test_a_store_of_version_0_1_0_goes_on(tmp_path):
    shutil.copytree(RUNS / "herded_asia.zarr", tmp_path / "run.zarr")
    trace = wc.load(tmp_path / "run.zarr")
    assert digest(trace.draws) == "15381bde8ee713fa"
    longer = wc.extend(trace, 10, progress=False)
    assert longer.draws.shape == (2, 30, 8)
    assert np.array_equal(longer.draws[:, :20], wc.load(RUNS / "herded_asia.zarr").draws)


def names(data):
    """All class names in a description."""
    if isinstance(data, dict):
        return [data[k] for k in ("object", "dataclass") if k in data] + [n for v in data.values() for n in names(v)]
    return [n for v in data for n in names(v)] if isinstance(data, list) else []


@pytest.mark.parametrize("name", CASES)
def test_what_is_saved_names_no_file(name, tmp_path):
    system = CASES[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of runs this short
        wc.sample(
            system.target, system.sampler, draws=2, warmup=0, chains=1, seed=1, progress=False, driver=system.driver or "pcg64"
        ).save(tmp_path / "run.npz")
    head = json.loads(str(np.load(tmp_path / "run.npz")["head"]))
    found = names(head["system"])
    assert found
    assert all(n.count(":") == 1 and "." not in n for n in found), found
    assert wc.load(tmp_path / "run.npz").missing == ()


def test_draws_load_where_the_sampler_is_gone(tmp_path):
    trace = wc.sample(wc.zoo.gaussian([1.0, 2.0]), wc.samplers.HMC(0.5, 5), draws=20, chains=2, seed=1, progress=False)
    trace.save(tmp_path / "run.npz")
    data = dict(np.load(tmp_path / "run.npz"))
    data["head"] = np.array(str(data["head"]).replace("samplers:HMC", "samplers:HybridMonteCarlo"))
    np.savez(tmp_path / "other.npz", **data)
    read = wc.load(tmp_path / "other.npz")
    assert np.array_equal(read.draws, trace.draws)
    assert read.missing == ("sampler",)
    with pytest.raises(ArgumentError, match="HybridMonteCarlo"):
        wc.extend(read, 5, progress=False)
    whole = wc.load(tmp_path / "other.npz", sampler=wc.samplers.HMC(0.5, 5))
    assert np.array_equal(wc.extend(whole, 5, progress=False).draws, wc.extend(trace, 5, progress=False).draws)


def test_a_class_that_no_face_exports_is_refused():
    from weakchaos.runs.description import describe
    from weakchaos.samplers.base import Bound

    with pytest.raises(ArgumentTypeError, match="not exported"):
        describe(Bound.__new__(Bound), {})
