"""Point sets in random order, and pairs of mirrored chains: what they are, and what chains gain by them."""

import warnings

import numpy as np
import pytest

import weakchaos as wc
from tests.drivers.test_checked_streams import Faulty
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning, DriverWarning
from weakchaos.core.flags import Kind
from weakchaos.drivers import Antithetic, PermutedPoints, Sobol, resolve
from weakchaos.samplers import GaussianGibbs, Gibbs

PAIR = wc.PairwiseMRF([[0.0, 3.0], [3.0, 0.0]], [-1.2, -1.5])
NORMAL = wc.zoo.correlated_gaussian(0.5)


@pytest.mark.parametrize(("m", "d"), [(8, 1), (10, 2), (9, 5)])
def test_points_are_a_net_in_another_order(m, d):
    driver = PermutedPoints(m, per_step=d)
    u = driver.advance(driver.start(3), d * 2**m).reshape(-1, d)
    assert all(np.array_equal(np.bincount((x * 2**m).astype(int), minlength=2**m), np.ones(2**m)) for x in u.T)
    stream = driver.open(3)
    ordered = Sobol(d).engine(stream._key, 0).points(2**m)
    assert np.array_equal(u[np.lexsort(u.T)], ordered[np.lexsort(ordered.T)])
    # In their own order eight successive numbers have one in each eighth of [0, 1); in random order hardly ever (8! / 8**8, one in 416).
    even = [np.mean([len(set(eight)) == 8 for eight in (x[:, 0] * 8).astype(int).reshape(-1, 8)]) for x in (ordered, u)]
    assert even[0] == 1.0
    assert even[1] < 0.15


def test_a_set_that_is_used_up_begins_again():
    driver = PermutedPoints(6, per_step=3)
    u = driver.advance(driver.start(2), 3 * 3 * 64).reshape(3, -1)
    assert np.array_equal(u[0], u[1])
    assert np.array_equal(u[0], u[2])
    assert len(np.unique(u[0].reshape(-1, 3)[:, 0])) == 64


def errors(sampler, target, driver, draws, truth, seeds=32):
    trace = wc.sample(target, sampler, draws, warmup=0, chains=seeds, seed=5, driver=driver, progress=False, record="averages")
    return np.abs(trace.averages()[1][:, -1][:, : len(truth)] - truth).max(1)


def test_chains_gain():
    """Means of normal variables far more than three times, and of two units by a little; a set in its own order spoils both."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DriverWarning)
        normal = [np.median(errors(GaussianGibbs(), NORMAL, d, 2**14, np.zeros(2))) for d in ("pcg64", "permuted-14")]
        units = [np.median(errors(Gibbs(), PAIR, d, 2**14, PAIR.truth()[0])) for d in ("pcg64", "permuted-14")]
    assert normal[0] > 3 * normal[1]
    assert units[0] > units[1]
    with pytest.warns(DriverWarning):
        assert np.median(errors(Gibbs(), PAIR, "sobol-2", 2**14, PAIR.truth()[0])) > 5 * units[0]


def test_runs_of_another_length_are_told():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for draws, told in ((1024, False), (1000, True), (2048, True)):
            trace = wc.sample(PAIR, Gibbs(), draws, warmup=0, seed=1, driver="permuted-10", progress=False)
            assert (Kind.STREAM_LENGTH in {f.kind for f in trace.check()}) == told


def test_second_chains_are_mirror_images():
    trace = wc.sample(
        NORMAL, GaussianGibbs(), 200, warmup=0, chains=4, seed=1, initial=[0.0, 0.0], driver=Antithetic(), progress=False
    )
    assert np.allclose(trace.draws[0], -trace.draws[1], atol=1e-12)
    assert np.allclose(trace.draws[2], -trace.draws[3], atol=1e-12)
    assert not np.allclose(trace.draws[0], trace.draws[2])
    plain = wc.sample(NORMAL, GaussianGibbs(), 200, warmup=0, chains=4, seed=1, initial=[0.0, 0.0], progress=False)
    assert np.array_equal(trace.draws[0], plain.draws[0])
    assert np.array_equal(trace.draws[2], plain.draws[2])
    longer = wc.extend(trace, 50, progress=False)
    assert np.allclose(longer.draws[0], -longer.draws[1], atol=1e-12)


def test_mirrored_numbers_stay_in_the_interval():
    seeds = np.random.SeedSequence(1).spawn(2)
    first, second = (Antithetic("toy-lcg").open(s.spawn(2)[1]) for s in seeds)
    read = lambda stream: resolve("pcg64").advance(wc.core.system.State(driver=stream), 70_000)[:, 0]  # noqa: E731
    a, b = read(first), read(second)
    assert np.array_equal(b, (1.0 - 2.0**-53) - a)
    assert a.min() == 0.0
    assert b.max() < 1.0


def test_numbers_of_a_users_driver_are_checked_inside():
    with pytest.warns(DriverWarning, match="at index 50 of the stream"):
        trace = wc.sample(
            PAIR, Gibbs(), 100, warmup=0, chains=2, seed=1, driver=Antithetic(Faulty(50, float("nan"))), progress=False
        )
    assert Kind.STREAM_NUMBERS in {f.kind for f in trace.check()}


def test_bad_arguments():
    for degree in (0, 25):
        with pytest.raises(ArgumentError, match="`degree`"):
            PermutedPoints(degree)
    with pytest.raises(ArgumentError, match="`degree` must leave"):
        PermutedPoints(24, per_step=1000)
    with pytest.raises(ArgumentTypeError, match="not antithetic itself"):
        Antithetic(Antithetic())
    with pytest.raises(ArgumentError, match="`driver` must be"):
        Antithetic("dice")
    data = PermutedPoints(10, per_step=2).open(1).to_bytes()
    for wrong in (b"", data[:-8], data[:32] + b"\xff" * 16):
        with pytest.raises(ArgumentError, match="`data` must be what a permuted-10 stream wrote"):
            PermutedPoints(10, per_step=2).restore(wrong)
