"""Tempering of samplers whose draws have weights (ESH), and of those that move in coordinates that each replica learned (ScoreMap)."""

import math

import numba
import numpy as np
import pytest

import weakchaos as wc
from tests.conformance import check_expectations
from weakchaos.core.errors import ArgumentError, SamplingError
from weakchaos.diagnostics import tempering
from weakchaos.samplers import ESH, NUTS, ParallelTempering, ScoreMap
from weakchaos.samplers.esh import _Bound as BoundESH
from weakchaos.samplers.score_map import BoundMap

QUIET = {"progress": False}


@numba.njit
def two_normals(x):
    """Weights .3 and .7 at -10 and +10 along the first of two axes; its integral is 2 pi."""
    a, b = math.log(0.3) - 0.5 * (x[0] + 10.0) ** 2, math.log(0.7) - 0.5 * (x[0] - 10.0) ** 2
    return max(a, b) + math.log1p(math.exp(-abs(a - b))) - 0.5 * x[1] ** 2


@numba.njit
def slope(x, out):
    a, b = math.log(0.3) - 0.5 * (x[0] + 10.0) ** 2, math.log(0.7) - 0.5 * (x[0] - 10.0) ** 2
    share = 1.0 / (1.0 + math.exp(min(b - a, 700.0)))  # of the left one
    out[0] = -(x[0] + 10.0) * share - (x[0] - 10.0) * (1.0 - share)
    out[1] = -x[1]


def two():
    return wc.Density(two_normals, 2, grad=slope)


def of_esh(seed, draws=3000):
    sampler = ParallelTempering(ESH(), 7, reference=(0.0, (12.0, 2.0)), swap_every=4)
    return wc.sample(two(), sampler, draws, warmup=800, thin=4, seed=seed, initial=[-10.0, 0.0], **QUIET)


def deviations(trace):
    """Weighted deviations of the weight of the right mode and of the second axis, whose means are zero."""
    x, w = np.asarray(trace.draws), trace.weights / trace.weights.mean(1, keepdims=True)
    return w[..., None] * np.stack([(x[..., 0] > 0) - 0.7, x[..., 1], x[..., 1] ** 2 - 1.0], -1)


def test_weighted_orbits_change_places_by_the_law_they_have_without_weights():
    """Equal steps of ESH have the density p ** (1 - 1 / d), and swaps leave the product of these invariant: see `Bound.invariant_power`."""
    trace = of_esh(4)
    check_expectations(deviations(trace), [0.0, 0.0, 0.0])
    assert trace.stats["round_trips"].sum() > 40
    report = tempering(trace)
    assert abs(report.log_z - math.log(2 * math.pi)) < 4 * report.stepping[1] < 0.4
    assert abs(report.thermodynamic[0] - math.log(2 * math.pi)) < 4 * report.thermodynamic[1] + 0.05


def test_swaps_by_the_weighted_law_are_found(monkeypatch):
    monkeypatch.setattr(BoundESH, "invariant_power", 1.0)
    monkeypatch.setattr("weakchaos.samplers.tempering.parallel.check_inner", lambda *_: None)
    share = deviations(of_esh(4))[..., 0]
    assert share.mean() > 0.05  # .3 and .7 squared over square roots: the right mode gets too much


@numba.njit
def bent_normals(x):
    """The same weights, with the second axis around a parabola of the first; its integral is 2 pi."""
    a, b = math.log(0.3) - 0.5 * (x[0] + 10.0) ** 2, math.log(0.7) - 0.5 * (x[0] - 10.0) ** 2
    return max(a, b) + math.log1p(math.exp(-abs(a - b))) - 0.5 * (x[1] - 0.1 * x[0] ** 2) ** 2


@numba.njit
def bent_slope(x, out):
    a, b = math.log(0.3) - 0.5 * (x[0] + 10.0) ** 2, math.log(0.7) - 0.5 * (x[0] - 10.0) ** 2
    share = 1.0 / (1.0 + math.exp(min(b - a, 700.0)))
    out[1] = 0.1 * x[0] ** 2 - x[1]
    out[0] = -(x[0] + 10.0) * share - (x[0] - 10.0) * (1.0 - share) - 0.2 * x[0] * out[1]


def test_maps_of_their_own_at_every_temperature():
    sampler = ParallelTempering(ScoreMap(NUTS()), 7, reference=(0.0, (12.0, 15.0)))
    target = wc.Density(bent_normals, 2, grad=bent_slope)
    trace = wc.sample(target, sampler, 800, warmup=600, seed=3, initial=[-10.0, 10.0], **QUIET)
    x = np.asarray(trace.draws)
    rest = x[..., 1] - 0.1 * x[..., 0] ** 2
    check_expectations(np.stack([x[..., 0] > 0, rest, rest**2], -1).astype(float), [0.7, 0.0, 1.0])
    assert len({trace.tuning[f"{k}.map_rows"].tobytes() for k in range(7)}) == 7
    report = tempering(trace)
    assert abs(report.log_z - math.log(2 * math.pi)) < 4 * report.stepping[1] < 0.8


def bent(seed):
    """A banana tempered in bent coordinates: mean of squares and of the second coordinate."""
    target = wc.zoo.banana()
    trace = wc.sample(target, ParallelTempering(ScoreMap(NUTS()), betas=(0.2, 0.5, 1.0)), 800, warmup=300, seed=seed, **QUIET)
    assert trace.tuning["0.map_explained"].min() > 0.9
    truth = target.truth()[0][: target.dim]
    return np.asarray(trace.draws), truth


def test_bent_coordinates():
    draws, truth = bent(5)
    check_expectations(draws, truth)


def test_positions_that_are_taken_for_coordinates_of_the_map_are_found(monkeypatch):
    def put(self, state, x):
        state.phase[: self.dim] = x

    monkeypatch.setattr(BoundMap, "put", put)
    draws, truth = bent(5)
    with pytest.raises(AssertionError):
        check_expectations(draws, truth)


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")  # short runs
@pytest.mark.parametrize("inner", [ESH(), ScoreMap(NUTS(max_tree_depth=4))], ids=["ESH", "ScoreMap"])
def test_killed_and_resumed_bit_for_bit(inner, tmp_path):
    sampler = ParallelTempering(inner, 3, reference=(0.0, 5.0))
    whole = wc.sample(wc.zoo.banana(), sampler, 60, warmup=130, chains=2, seed=5, **QUIET)
    wc.sample(wc.zoo.banana(), sampler, 25, warmup=130, chains=2, seed=5, store=tmp_path / "run.zarr", **QUIET)
    resumed = wc.extend(wc.load(tmp_path / "run.zarr"), 35, progress=False)
    np.testing.assert_array_equal(resumed.draws, whole.draws)


def test_places_are_those_of_the_map(rng):
    bound = ScoreMap().bind(wc.zoo.banana())
    state = bound.start(1)
    bound.warm(state, 200, 0, 200, np.empty((0, 2)), np.empty((0, len(bound.stats_names))))
    assert state.tuning["map_explained"].any()
    for x in rng.normal(size=(5, 2)):
        bound.put(state, x)
        np.testing.assert_allclose(bound.place(state), x, rtol=1e-9, atol=1e-12)
    state.tuning["map_rows"] = np.where(np.arange(state.tuning["map_rows"].shape[1]) == 2, -800.0, state.tuning["map_rows"])
    with pytest.raises(SamplingError, match="cannot hold"):
        bound.put(state, np.array([3.0, 5.0]))


def test_what_is_refused():
    with pytest.raises(ArgumentError, match="take ESH"):
        ParallelTempering(ScoreMap(ESH()), 3).bind(wc.zoo.banana())
    with pytest.raises(ArgumentError, match="put ParallelTempering around ScoreMap"):
        ScoreMap(ParallelTempering(NUTS(), 3)).bind(wc.zoo.banana())
    with pytest.raises(ArgumentError, match="inner sampler in ParallelTempering"):
        ParallelTempering(wc.samplers.ArrayRQMC(wc.samplers.HMC(0.3, 3), 4), 3).bind(wc.zoo.banana())
