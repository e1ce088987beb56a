"""Compression of traces, trees, tables and arrays: what is kept is what was there, named, and closer to all of it than every k-th draw."""

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.diagnostics import mmd
from weakchaos.herding import compress


@pytest.fixture(scope="module")
def trace():
    target = wc.zoo.gaussian([1.0, 4.0])
    return wc.sample(target, wc.samplers.NUTS(), draws=400, warmup=300, chains=2, seed=1, progress=False)


def test_a_trace_is_named_and_represented(trace):
    kept = compress(trace, 25, progress=False)
    draws = np.asarray(trace.draws)
    np.testing.assert_array_equal(kept.points, draws[kept.origin["chain"], kept.origin["draw"]])
    assert kept.names == tuple(trace.names)
    scale = draws.reshape(-1, 2).std(0)
    every = draws.reshape(-1, 2)[::32] / scale
    kernel = kept.kernel
    assert mmd(kept.points / scale, draws.reshape(-1, 2) / scale, kernel) < mmd(every, draws.reshape(-1, 2) / scale, kernel) / 2
    assert len(kept.to_trace().names) == 2


def test_all_kinds_of_draws_give_the_same(trace):
    xarray = pytest.importorskip("xarray")
    plain = compress(trace, 15, progress=False)
    tree = trace.to_arviz()
    assert isinstance(tree, xarray.DataTree)
    for other in (tree, trace.to_dataframe(), np.asarray(trace.draws)):
        kept = compress(other, 15, progress=False)
        np.testing.assert_array_equal(kept.indices, plain.indices)
        np.testing.assert_array_equal(kept.origin["draw"], plain.origin["draw"])
    rows = compress(np.asarray(trace.draws).reshape(-1, 2), 15, progress=False)
    np.testing.assert_array_equal(rows.origin["row"], plain.indices)
    assert compress(trace.to_dataframe(), 15, progress=False).names == tuple(trace.names)


def test_weights_count():
    pandas = pytest.importorskip("pandas")
    x = np.random.default_rng(0).normal(size=(500, 2))
    frame = pandas.DataFrame({"a": x[:, 0], "b": x[:, 1], "weight": (x[:, 0] > 0) * 1.0})
    kept = compress(frame, 20, "quadrature", progress=False, weighting="simplex")
    assert kept.expectation()[0] == pytest.approx(x[x[:, 0] > 0, 0].mean(), abs=0.05)


def test_coordinates_of_very_different_scale_and_a_constant_one():
    x = np.random.default_rng(0).normal(size=(600, 3)) * [1e-6, 1e6, 0.0]
    kept = compress(x, 60, progress=False)
    assert np.abs(kept.points.mean(0)[:2] / x.std(0)[:2]).max() < 0.15
    raw = compress(x, 60, standardise=False, progress=False)
    assert not np.array_equal(raw.indices, kept.indices)


def test_bad_draws_are_refused(trace):
    with pytest.raises(wc.errors.ArgumentError, match="`trace` must be finite"):
        compress(np.full((10, 2), np.nan), 3)
    with pytest.raises(wc.errors.ArgumentError, match="median distance is 0"):
        compress(np.ones((10, 2)), 3)
    with pytest.raises(wc.errors.ArgumentTypeError, match="`trace` must be a Trace"):
        compress("draws", 3)
    averages = wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.HMC(0.3), draws=20, warmup=0, record="averages", progress=False)
    with pytest.raises(wc.errors.ArgumentError, match="record='draws'"):
        compress(averages, 3)
    with pytest.raises(wc.errors.ArgumentError, match="`size`"):
        compress(trace, 0)
