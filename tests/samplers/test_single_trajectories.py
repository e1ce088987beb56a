"""HMC, MALA and generalized HMC adapt as the other samplers do: the chains of a run together, bit for bit in any split and after any kill."""

import warnings

import numpy as np
import pytest

import weakchaos as wc
from tests.core.runs import KilledError, assert_any_split_gives_the_same_bits, blocks_of, killed_at_commit
from weakchaos.core.counters import WARMUP_STEPS
from weakchaos.core.errors import ConvergenceWarning
from weakchaos.samplers import HMC, MALA, GeneralizedHMC

SAMPLERS = [HMC(n_leapfrog=4), MALA(), GeneralizedHMC()]


def quiet(sampler, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return wc.sample(
            wc.zoo.banana(), sampler, **{"chains": 3, "draws": 30, "warmup": 160, "seed": 3, "progress": False, **options}
        )


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_chains_of_a_run_take_the_same_values(sampler):
    tuning = quiet(sampler).tuning
    assert not [name for name, values in tuning.items() if not (values == values[:1]).all()]
    assert not np.allclose(tuning["inverse_mass"], 1.0)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_more_chains_settle_earlier(sampler):
    target = wc.zoo.gaussian(np.geomspace(0.1, 10.0, 8))
    steps = [np.median([wc.sample(target, sampler, draws=10, warmup=2000, chains=n, seed=k, progress=False).tuning["warmup_steps"][0]
                        for k in range(3)]) for n in (1, 8)]  # fmt: skip
    assert steps[1] < steps[0]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_points_of_all_chains_make_the_metric(sampler):
    """Where each chain sees one mode only, the variance within a mode would be 1: together they see the distance of the modes."""
    target = wc.zoo.gaussian_mixture(means=((-30.0,), (30.0,)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        trace = wc.sample(target, sampler, draws=10, warmup=200, initial=[[-30.0], [30.0]], chains=2, seed=1, progress=False)
    assert (trace.tuning["inverse_mass"] > 5.0).all()


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 7])
def test_any_split_of_warm_up_gives_the_same_bits(sampler, steps, monkeypatch):
    assert_any_split_gives_the_same_bits(lambda: quiet(sampler, keep_warmup=True), steps, monkeypatch)


@pytest.mark.parametrize("kill", [4, 17, 29])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_killed_run_is_resumed_bit_for_bit(sampler, kill, tmp_path, monkeypatch):
    blocks_of(20, monkeypatch)
    whole = quiet(sampler)
    with killed_at_commit(kill, monkeypatch), pytest.raises(KilledError):
        quiet(sampler, store=tmp_path / "run.zarr")
    halted = wc.load(tmp_path / "run.zarr")
    assert min(int(s.counters[WARMUP_STEPS]) for s in halted.states) < 160
    resumed = wc.resume(tmp_path / "run.zarr", progress=False)
    assert np.array_equal(resumed.draws, whole.draws)
    assert [s.exact() for s in resumed.states] == [s.exact() for s in whole.states]


def test_what_is_given_is_not_tuned():
    trace = quiet(HMC(step_size=0.3))
    assert trace.states[0].tuning == {}
    given = quiet(MALA(inverse_mass=(2.0, 3.0))).tuning
    assert given["inverse_mass"].tolist() == [[2.0, 3.0]] * 3
    assert len(set(given["step_size"])) == 1
