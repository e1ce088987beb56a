"""What speaks against a run: found where it is there, never said of Monte Carlo error; R-hat and effective sizes as arviz-stats has them."""

import warnings

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.errors import ConvergenceWarning
from weakchaos.core.flags import Kind, Severity
from weakchaos.runs.check import _agreement, _movement
from weakchaos.runs.convergence import effective_size, normal_scores, rank_rhat, split


def autoregression(rng, chains, n, dim, memory):
    """Stationary AR(1) chains of unit innovations."""
    x = rng.normal(size=(chains, n, dim))
    x[:, 0] /= np.sqrt(1 - memory**2)
    for t in range(1, n):
        x[:, t] += memory * x[:, t - 1]
    return x


def kinds(flags):
    return {flag.kind for flag in flags}


def test_equal_to_arviz_stats():
    stats = pytest.importorskip("arviz_stats.base").array_stats
    rng = np.random.default_rng(0)
    for k in range(60):
        chains, n = int(rng.integers(1, 6)), int(rng.integers(8, 400))
        x = autoregression(rng, chains, n, 1, rng.uniform(-0.95, 0.98))[:, :, 0]
        x = np.round(x) if k % 4 == 0 else x
        ess, rhat = stats.ess(x, chain_axis=0, draw_axis=1, method="bulk"), stats.rhat(x, chain_axis=0, draw_axis=1, method="rank")
        assert effective_size(normal_scores(split(x))) == pytest.approx(float(ess), rel=1e-8)
        if chains > 1:  # which they ask for
            assert rank_rhat(x) == pytest.approx(float(rhat), rel=1e-8)


@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_healthy_chains_are_not_called_invalid(memory):
    rng = np.random.default_rng(1)
    found = [_agreement(autoregression(rng, 4, 500, 3, memory), list("abc")) for _ in range(60)]
    assert not any(flag.severity is Severity.INVALID for flags in found for flag in flags)
    if memory:
        assert all(kinds(flags) == {Kind.FEW_DRAWS} for flags in found)  # which is what is wrong with them


@pytest.mark.parametrize("fault", ["place", "width", "mode"])
def test_chains_that_disagree_are_found(fault):
    rng = np.random.default_rng(2)
    for _ in range(20):
        x = autoregression(rng, 4, 1000, 3, 0.5)
        if fault == "place":
            x[1, :, 2] += 0.8
        elif fault == "width":
            x[1, :, 2] *= 2
        else:
            x[:2, :, 2] -= 10
        flags = _agreement(x, list("abc"))
        assert kinds(flags) == {Kind.DISAGREE}
        assert flags[0].where == "c"
        assert "R-hat" in flags[0].sentence


def test_movement():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3, 400, 2))
    assert _movement(x) == []
    assert _movement(np.zeros((3, 400, 2))) == []  # a target of one state
    stuck = x.copy()
    stuck[2] = stuck[2, 0]
    assert [(f.kind, f.numbers["chain"]) for f in _movement(stuck)] == [(Kind.STUCK, 2)]
    stuck[2, 200:] = stuck[1, 0]  # moved once
    assert _movement(stuck)[0].numbers["moves"] == 1
    same = x.copy()
    same[2] = same[0]
    assert kinds(_movement(same)) == {Kind.IDENTICAL}


def test_a_healthy_run_passes_and_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace = wc.sample(wc.zoo.gaussian([1.0, 2.0]), wc.samplers.HMC(0.6, 4), draws=1500, seed=1, progress=False)
    assert trace.check() == []
    assert kinds(
        wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.HMC(0.6, 4), draws=1500, chains=1, seed=1, progress=False).check()
    ) == {Kind.FEW_CHAINS}


def test_two_modes_a_walker_cannot_cross():
    far = np.array([[-15.0, 0.0], [15.0, 0.0]])
    target = wc.zoo.gaussian_mixture(far)
    with pytest.warns(ConvergenceWarning, match="disagree"):
        wc.sample(target, wc.samplers.RandomWalkMetropolis(0.5), draws=2000, chains=2, seed=1, progress=False, initial=far)


def test_divergences_and_rejections_are_said():
    with pytest.warns(ConvergenceWarning, match="divergence") as caught:
        trace = wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.HMC(30.0, 20), draws=200, warmup=0, seed=1, progress=False)
    assert len(caught) == 1
    assert {Kind.DIVERGENCES, Kind.LOW_ACCEPTANCE, Kind.STUCK} <= kinds(trace.check())


def test_the_check_survives_saving(tmp_path):
    trace = wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.HMC(0.6, 4), draws=150, seed=1, progress=False)
    trace.save(tmp_path / "run.npz")
    assert wc.load(tmp_path / "run.npz").check() == trace.check()


def test_a_summary_and_what_a_notebook_shows():
    pytest.importorskip("xarray_einstats")
    trace = wc.sample(wc.zoo.gaussian([1.0, 3.0]), wc.samplers.HMC(0.6, 4), draws=1500, seed=1, progress=False)
    table = trace.summary()
    assert list(table.index) == ["x0", "x1"]
    assert float(table.loc["x1", "sd"]) == pytest.approx(3.0, rel=0.1)
    assert "Nothing speaks against" in trace._repr_html_()
    few = wc.sample(wc.zoo.gaussian([1.0]), wc.samplers.HMC(0.6, 4), draws=20, seed=1, progress=False)
    assert "imprecise" in few._repr_html_()
