"""Processes that are killed in the midst of a run: nothing committed is lost, and the run resumed is the run that was not killed."""

import shutil
import subprocess
import sys
import time

import pytest

from tests.core import children
from tests.core.runs import ROOT, assert_prefix, assert_same
from weakchaos.runs.verbs import load


def kill_often(path, kills, rng):
    """Run and resume in processes that are killed at random moments, until the run is through."""
    whole, lengths, hits = children.run(), [0] * children.CHAINS, 0
    for _ in range(200):
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.core.children", "write_to", str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert child.stdout.readline() == "ready\n"
        if hits < kills:
            time.sleep(rng.uniform(0.0, 0.4))
            child.kill()
        rest = child.communicate(timeout=120)[0]
        hits += child.returncode == -9
        if path.exists():
            trace = load(path)
            assert_prefix(trace, whole)
            assert all(a <= b for a, b in zip(lengths, trace.lengths, strict=True)), "committed draws were lost"
            lengths = trace.lengths
        if rest == "finished\n":
            assert lengths == [children.DRAWS] * children.CHAINS
            if hits >= kills:
                break
            shutil.rmtree(path)  # through before it was killed often enough: once more
            lengths = [0] * children.CHAINS
    assert hits >= kills
    final = load(path, target=children.slow_gaussian(0.0))
    assert_same(final, whole)
    assert not list(path.rglob("*.part*"))


def test_a_run_killed_three_times(tmp_path, rng):
    kill_often(tmp_path / "run.zarr", 3, rng)


@pytest.mark.slow
def test_a_run_killed_twenty_times(tmp_path, rng):
    kill_often(tmp_path / "run.zarr", 20, rng)
