"""Kernel herding as a system: the same choices as the selector, the contract of all samplers, its perceptron identity."""

import numpy as np
import pytest

import weakchaos as wc
from tests.conformance import check_system
from weakchaos import kernels as K
from weakchaos.herding import KernelHerding, select

X = np.random.default_rng(0).normal(size=(400, 2))


def herd(n, kernel, **options):
    return wc.sample(wc.Points(X), KernelHerding(kernel, **options), draws=n, warmup=0, chains=1, progress=False)


def test_contract_of_all_systems():
    check_system(KernelHerding(K.Gaussian(1.0)).bind(wc.Points(X)), seeded=False, seed_errors=())


@pytest.mark.parametrize("kernel", [K.Gaussian(1.0), K.EnergyDistance()])
def test_draws_are_those_of_the_selector(kernel):
    trace, chosen = herd(60, kernel), select(X, 60, kernel=kernel, progress=False)
    np.testing.assert_array_equal(trace.draws[0], chosen.points)
    np.testing.assert_allclose(trace.stats["mmd"][0], chosen.mmd, rtol=1e-8)
    other = select(X, 60, "frank-wolfe", kernel=kernel, progress=False)
    assert not np.array_equal(trace.draws[0], other.points)


def test_weights_move_by_the_mean_minus_the_average_of_the_kernel():
    kernel = K.Gaussian(1.0)
    system = KernelHerding(kernel).bind(wc.Points(X))
    state = system.start()
    start = state.phase[:400].copy()
    draws = system.advance(state, 50)
    np.testing.assert_allclose(state.phase[:400] - start, 50 * (kernel(X).mean(1) - kernel(X, draws).mean(1)), atol=1e-11)


def test_runs_continue_and_are_saved(tmp_path):
    whole, part = herd(80, K.Gaussian(1.0)), herd(50, K.Gaussian(1.0))
    part.save(tmp_path / "run.npz")
    longer = wc.extend(wc.load(tmp_path / "run.npz"), draws=30, progress=False)
    np.testing.assert_array_equal(longer.draws, whole.draws)
    np.testing.assert_array_equal(longer.stats["mmd"], whole.stats["mmd"])


def test_another_distribution_and_bad_arguments():
    trace = herd(200, K.Gaussian(1.0), distribution=K.Normal([0.5, 0.0], 0.5))
    assert np.abs(trace.mean() - [0.5, 0.0]).max() < 0.05
    with pytest.raises(wc.errors.ArgumentTypeError, match="must be Points"):
        wc.sample(wc.zoo.gaussian([1.0]), KernelHerding(), progress=False)
    with pytest.raises(wc.errors.ArgumentTypeError, match="`kernel`"):
        KernelHerding("gaussian")
    with pytest.raises(wc.errors.ArgumentError, match="`initial`"):
        wc.sample(wc.Points(X), KernelHerding(), draws=3, initial=[0.0, 0.0], warmup=0, progress=False)
