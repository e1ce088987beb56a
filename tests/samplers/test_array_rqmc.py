"""Array-RQMC: the distribution of the chain at every step, with less error than independent chains."""

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import qmc

import weakchaos as wc
from tests.calibration import broken_sampler
from tests.samplers.test_gibbs import machine
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.samplers import HMC, NUTS, ArrayRQMC, GaussianGibbs, Gibbs, RandomWalkMetropolis, Slice
from weakchaos.samplers.array_rqmc import in_batches

AR = wc.zoo.correlated_gaussian(0.5)


def averages(sampler, target, rounds, seeds, driver="pcg64"):
    """Mean and mean square of the walkers of the last round, one row a seed."""
    system, out = sampler.bind(target, driver=driver), []
    for seed in range(seeds):
        state = system.start(seed)
        n = rounds * system.walkers
        draws = np.asarray(system.advance(state, n)[-max(system.walkers, 1) :], float)
        out.append(np.concatenate([draws.mean(0), (draws**2).mean(0)]))
    return np.array(out)


def test_averages_of_a_round_are_unbiased_and_far_better_than_independent_chains():
    """256 chains of correlation 0.9: the variances of independent ones would be 1 / 256 for a mean, 2 / 256 for a mean square."""
    found = averages(ArrayRQMC(GaussianGibbs(), 256), wc.zoo.correlated_gaussian(0.9), 40, 30)
    assert (np.abs(found.mean(0) - [0, 0, 1, 1]) < 5 * found.std(0, ddof=1) / np.sqrt(30) + 1e-3).all()
    variance = found.var(0, ddof=1)
    assert (variance[:2] < 1 / 256 / 30).all()
    assert (variance[2:] < 2 / 256 / 4).all()


def test_without_sorting_mean_squares_gain_nothing():
    """The negative control; means gain without it, as the update is linear and its noise sums to nearly nothing in whatever order."""
    broken = broken_sampler(
        ArrayRQMC(GaussianGibbs(), 256),
        "weakchaos.samplers.array_rqmc",
        ("enumerate(in_batches(np.asarray(self._positions(state), float)))", "enumerate(np.random.permutation(self.walkers))"),
    )
    found = averages(broken, wc.zoo.correlated_gaussian(0.9), 40, 30)
    assert (found.var(0, ddof=1)[2:] > 2 / 256 / 3).all()


def test_a_round_is_that_of_a_slow_loop():
    n, target = 16, wc.zoo.correlated_gaussian(0.5)
    system = ArrayRQMC(GaussianGibbs(), n).bind(target)
    state = system.start(3)
    x = state.phase.reshape(n, 2).copy()
    generator = np.random.Generator(np.random.PCG64())
    generator.bit_generator.state = state.driver.bit_generator.state
    points = qmc.Sobol(3, scramble=False).random(n)
    points = points[np.argsort(points[:, 0])][:, 1:] + 0.5 / n
    for _ in range(3):
        shift = generator.random(2)
        by_x = sorted(range(n), key=lambda i: x[i, 0])
        order = [i for k in range(0, n, 4) for i in sorted(by_x[k : k + 4], key=lambda i: x[i, 1])]
        for k, i in enumerate(order):
            u = (points[k] + shift) % 1.0
            x[i, 0] = 0.5 * x[i, 1] + np.sqrt(0.75) * ndtri(u[0])
            x[i, 1] = 0.5 * x[i, 0] + np.sqrt(0.75) * ndtri(u[1])
        np.testing.assert_allclose(system.advance(state, n), x, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("sampler", "target"),
    [
        (ArrayRQMC(HMC(0.6, 4), 128), wc.zoo.gaussian([1.0])),
        (ArrayRQMC(RandomWalkMetropolis(2.4), 128), wc.zoo.gaussian([1.0])),
    ],
)
def test_momenta_and_proposals_of_points(sampler, target):
    """The right distribution, and no more variance than that of 128 independent chains."""
    found = averages(sampler, target, 30, 40)
    assert (np.abs(found.mean(0) - [0, 1]) < 5 * found.std(0, ddof=1) / np.sqrt(40)).all()
    assert found[:, 0].var(ddof=1) < 1 / 128


def test_units():
    target = machine(4)
    truth = np.array([p[1] for p in target.marginals()])
    found = averages(ArrayRQMC(Gibbs(), 256), target, 30, 40)[:, :4]
    assert (np.abs(found.mean(0) - truth) < 5 * found.std(0, ddof=1) / np.sqrt(40) + 1e-3).all()
    assert (found.var(0, ddof=1) < 0.5 * truth * (1 - truth) / 256).all()


def test_batches():
    x = np.random.default_rng(0).random((64, 2))
    order = in_batches(x)
    assert sorted(order) == list(range(64))
    batches = x[order].reshape(8, 8, 2)
    assert (np.diff(batches[:, :, 1], axis=1) >= 0).all()
    assert (batches[:-1, :, 0].max(1) <= batches[1:, :, 0].min(1)).all()


def test_a_run_through_sample():
    trace = wc.sample(AR, ArrayRQMC(GaussianGibbs(), 64), 640, warmup=640, chains=2, seed=1, progress=False)
    assert trace.walkers == 64
    assert trace.draws.shape == (2, 640, 2)
    longer = wc.extend(trace, 64, progress=False)
    assert np.array_equal(longer.draws[:, :640], trace.draws)


def test_bad_input():
    with pytest.raises(ArgumentError, match="power of 2"):
        ArrayRQMC(Gibbs(), 100)
    with pytest.raises(ArgumentError, match="`walkers`"):
        ArrayRQMC(Gibbs(), 1)
    with pytest.raises(ArgumentError, match="step size given"):
        ArrayRQMC(HMC())
    with pytest.raises(ArgumentTypeError, match="`sampler` must be a sampler"):
        ArrayRQMC("Gibbs")
    for inner, target in ((Slice(), AR), (NUTS(0.5), AR), (wc.herding.HerdedGibbs(), machine(4))):
        with pytest.raises(ArgumentError, match="fixed number of uniforms"):
            ArrayRQMC(inner).bind(target)
    with pytest.raises(ArgumentError, match="one row for each of 64 walkers"):
        ArrayRQMC(GaussianGibbs(), 64).bind(AR).start(1, np.zeros((3, 2)))
