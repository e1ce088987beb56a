"""The interface of emcee: what its documentation promises, on targets whose distribution is known.

The targets and bounds of the first two tests are those of emcee's integration tests (a normal and a uniform distribution under 32 walkers, 2000 steps)."""

import logging
import multiprocessing
import pickle
import warnings

import numpy as np
import pytest
from numba import njit
from scipy import stats

import weakchaos as wc
import weakchaos.interop.emcee as emcee
from tests.drivers.test_checked_streams import Faulty
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, DriverWarning


def normal(x):
    return -0.5 * np.sum(x**2)


@njit
def compiled_normal(x):
    return -0.5 * np.sum(x**2)


def normal_rows(x):
    return -0.5 * np.sum(x**2, axis=1)


def normal_with_blob(x):
    return -0.5 * np.sum(x**2), x


def scaled(x, scale, shift=0.0):
    return -0.5 * np.sum(((x - shift) / scale) ** 2)


def uniform(x):
    return 0.0 if np.all((x > 0) & (x < 1)) else -np.inf


def sampler_of(log_prob, nwalkers=32, ndim=1, seed=1, **options):
    coords = np.random.default_rng(seed).normal(size=(nwalkers, ndim))
    return emcee.EnsembleSampler(nwalkers, ndim, log_prob, seed=seed, **options), coords


@pytest.mark.parametrize("log_prob", [normal, normal_with_blob, compiled_normal, normal_rows])
@pytest.mark.parametrize("ndim", [1, 3])
def test_normal(log_prob, ndim):
    sampler, coords = sampler_of(log_prob, ndim=ndim, vectorize=log_prob is normal_rows, moves=emcee.moves.StretchMove(a=2.0))
    sampler.run_mcmc(coords, 2000)
    assert ((sampler.acceptance_fraction > 0.1) & (sampler.acceptance_fraction < 0.9)).all()
    x = sampler.get_chain(flat=True)
    assert (np.abs(x.mean(0)) < 0.08).all()
    assert (np.abs(x.std(0) - 1) < 0.05).all()
    assert stats.kstest(x[:, 0], "norm")[0] < 0.05


def test_uniform():
    sampler, _ = sampler_of(uniform)
    sampler.run_mcmc(np.random.default_rng(2).random((32, 1)), 2000)
    x = sampler.get_chain(flat=True)[:, 0]
    assert stats.kstest(x, "uniform")[0] < 0.05
    sampler, coords = sampler_of(normal)
    sampler.run_mcmc(coords, 2000)
    assert stats.kstest(sampler.get_chain(flat=True)[:, 0], "uniform")[0] > 0.1  # the control: another distribution fails


def test_it_is_the_sampler_of_the_library():
    """Steps of the bridge are rounds of `EnsembleStretch`, bit for bit, whether they are made one by one or in one call of compiled code."""
    sampler, coords = sampler_of(compiled_normal, 8, 2)
    one_by_one, _ = sampler_of(lambda x: compiled_normal(x), 8, 2)
    sampler.run_mcmc(coords, 40)
    one_by_one.run_mcmc(coords, 40)
    stepped, _ = sampler_of(compiled_normal, 8, 2)
    states = [state.coords for state in stepped.sample(coords, iterations=40)]
    system = wc.samplers.EnsembleStretch(8).bind(wc.Density(compiled_normal, 2))
    state = system.new_state(np.random.default_rng(0), coords)
    state.driver = system.driver.open(np.random.SeedSequence(1))
    rows = system.advance(state, 320).reshape(40, 8, 2)
    for chain in (sampler.get_chain(), one_by_one.get_chain(), stepped.get_chain(), np.array(states)):
        assert np.array_equal(chain, rows)
    assert np.array_equal(sampler.acceptance_fraction, one_by_one.acceptance_fraction)
    assert np.allclose(sampler.get_log_prob(), -0.5 * (rows**2).sum(2))


def test_shapes_and_thinning():
    sampler, coords = sampler_of(normal_with_blob, 8, 3)
    end = sampler.run_mcmc(coords, 20)
    assert sampler.get_chain().shape == sampler.get_blobs().shape == (20, 8, 3)
    assert np.array_equal(sampler.get_chain(), sampler.get_blobs())  # the blob is the position
    assert sampler.get_chain(discard=5, thin=3).shape == (5, 8, 3)
    assert sampler.get_log_prob(discard=5, thin=3, flat=True).shape == (40,)
    assert np.array_equal(sampler.get_chain(thin=3), sampler.get_chain()[2::3])
    assert sampler.iteration == 20
    assert np.array_equal(end.coords, sampler.get_last_sample().coords)
    thinned, _ = sampler_of(normal_with_blob, 8, 3)
    thinned.run_mcmc(coords, 5, thin_by=4)
    assert np.array_equal(thinned.get_chain(), sampler.get_chain()[3::4])
    assert np.allclose(thinned.acceptance_fraction, sampler.acceptance_fraction)
    with pytest.warns(DeprecationWarning, match="get_chain"):
        assert sampler.chain.shape == (8, 20, 3)


def test_a_script_of_two_runs_is_one_run():
    whole, coords = sampler_of(normal, 8, 2)
    whole.run_mcmc(coords, 50)
    parts, _ = sampler_of(normal, 8, 2)
    state = parts.run_mcmc(coords, 20)
    parts.reset()
    with pytest.raises(AttributeError):
        parts.get_chain()
    parts.run_mcmc(state, 10)
    parts.run_mcmc(None, 10)
    position, log_prob, random_state = parts.run_mcmc(None, 9)
    assert np.array_equal(parts.get_chain(), whole.get_chain()[20:49])
    other, _ = sampler_of(normal, 8, 2, seed=9)
    other.run_mcmc(emcee.State(position, log_prob, random_state=random_state), 1)
    assert np.array_equal(other.get_chain()[0], whole.get_chain()[49])


def test_numpy_s_seed_makes_a_script_repeatable():
    coords = np.random.default_rng(0).normal(size=(8, 2))
    chains = []
    for seed in (42, 42, 43):
        np.random.seed(seed)  # noqa: NPY002
        sampler = emcee.EnsembleSampler(8, 2, normal)
        sampler.run_mcmc(coords, 5)
        chains.append((sampler.get_chain(), np.random.rand()))  # noqa: NPY002
    assert np.array_equal(chains[0][0], chains[1][0])
    assert not np.array_equal(chains[0][0], chains[2][0])
    assert chains[0][1] == np.random.RandomState(42).rand()


def test_arguments_names_and_pools():
    plain, coords = sampler_of(lambda x: scaled(x, 2.0, shift=1.0), 8, 2)
    plain.run_mcmc(coords, 10)
    given, _ = sampler_of(scaled, 8, 2, args=[2.0], kwargs={"shift": 1.0})
    given.run_mcmc(coords, 10)
    named, _ = sampler_of(lambda p: scaled(np.array([p["a"], p["b"]]), 2.0, 1.0), 8, 2, parameter_names=["a", "b"])
    named.run_mcmc(coords, 10)
    sizes = []

    class Pool:
        def map(self, function, places):
            places = list(places)
            sizes.append(len(places))
            return map(function, places)

    pooled, _ = sampler_of(scaled, 8, 2, args=(2.0, 1.0), pool=Pool())
    pooled.run_mcmc(coords, 10)
    for sampler in (given, named, pooled):
        assert np.array_equal(sampler.get_chain(), plain.get_chain())
    # All starts, twice the first of them to see whether the log density is one, then a half of the walkers at a time.
    assert sizes == [8, 1, 1] + 20 * [4]


def test_a_pool_of_processes():
    plain, coords = sampler_of(normal_with_blob, 8, 2)
    plain.run_mcmc(coords, 5)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        sampler, _ = sampler_of(normal_with_blob, 8, 2, pool=pool)
        sampler.run_mcmc(coords, 5)
    assert np.array_equal(sampler.get_chain(), plain.get_chain())
    assert np.array_equal(sampler.get_blobs(), plain.get_blobs())


@pytest.mark.parametrize(
    ("blob", "shape", "kind"),
    [
        (lambda x: (x[0],), (), "f"),
        (lambda x: (x, ), (2,), "f"),
        (lambda x: (np.ones((1, 5, 3)),), (5, 3), "f"),
        (lambda x: (x[0], x[1]), (2,), "f"),
        (lambda x: ("a word",), (), "O"),
        (lambda x: (x, "a word"), (2,), "O"),
        (lambda x: ({"at": x[0]},), (), "O"),
    ],
)  # fmt: skip
def test_blobs(blob, shape, kind):
    sampler, coords = sampler_of(lambda x: (normal(x), *blob(x)), 8, 2)
    sampler.run_mcmc(coords, 6)
    assert sampler.get_blobs().shape == (6, 8, *shape)
    assert sampler.get_blobs().dtype.kind == kind
    assert sampler.get_blobs(flat=True).shape == (48, *shape)
    assert len(sampler.get_last_sample()) == 4


def test_blobs_of_a_type_and_blobs_that_follow_the_walkers():
    sampler, coords = sampler_of(lambda x: (normal(x), x[0], "word"), 8, 2, blobs_dtype=[("a", float), ("b", "U4")])
    sampler.run_mcmc(coords, 20)
    assert np.array_equal(sampler.get_blobs()["a"], sampler.get_chain()[:, :, 0])
    assert (sampler.get_blobs()["b"] == "word").all()
    rows, _ = sampler_of(lambda x: np.column_stack([normal_rows(x), x[:, 0] + x[:, 1]]), 8, 2, vectorize=True)
    rows.run_mcmc(coords, 200)
    assert np.allclose(rows.get_blobs(), rows.get_chain().sum(2))
    assert 0 < np.count_nonzero(np.diff(rows.get_blobs(), axis=0)) < 199 * 8


def test_autocorrelation_time(caplog):
    """AR(1) of coefficient a: (1 + a)/(1 - a) (Sokal 1996); and the rule of 50 times."""
    rng, a, n = np.random.default_rng(0), 0.8, 40_000
    noise, x = rng.normal(size=(n, 4)), np.zeros((n, 4))
    for t in range(1, n):
        x[t] = a * x[t - 1] + noise[t]
    assert abs(emcee.autocorr.integrated_time(x[:, :, None])[0] / 9 - 1) < 0.1
    with pytest.raises(emcee.autocorr.AutocorrError, match="shorter than 50 times") as caught:
        emcee.autocorr.integrated_time(x[:200, :, None])
    assert caught.value.tau.shape == (1,)
    with caplog.at_level(logging.WARNING):
        emcee.autocorr.integrated_time(x[:200, :, None], quiet=True)
    assert "shorter than 50 times" in caplog.text
    sampler, coords = sampler_of(compiled_normal, 32, 2)
    sampler.run_mcmc(coords, 4000)
    tau = sampler.get_autocorr_time(discard=100)
    assert tau.shape == (2,)
    assert (np.abs(tau / sampler.get_autocorr_time(discard=100, thin=2) - 1) < 0.3).all()
    assert sampler.get_autocorr_time(tol=0).shape == (2,)


def test_a_loop_that_stops_when_it_has_converged():
    sampler, coords = sampler_of(normal, 16, 2)
    for _ in sampler.sample(coords, iterations=10_000, progress=False):
        if sampler.iteration % 500 == 0 and (sampler.get_autocorr_time(tol=0) * 20 < sampler.iteration).all():
            break
    assert 500 <= sampler.iteration < 10_000
    assert len(sampler.get_chain()) == sampler.iteration


def test_pickled_and_continued():
    sampler, coords = sampler_of(normal, 8, 2)
    sampler.run_mcmc(coords, 5)
    twin = pickle.loads(pickle.dumps(sampler))
    assert np.array_equal(twin.get_chain(), sampler.get_chain())
    sampler.run_mcmc(None, 5)
    twin.run_mcmc(None, 5)
    assert np.array_equal(twin.get_chain(), sampler.get_chain())


def test_nothing_kept():
    sampler, coords = sampler_of(normal, 8, 2)
    sampler.run_mcmc(coords, 5, store=False)
    with pytest.raises(AttributeError, match="store == True"):
        sampler.get_chain()
    with pytest.raises(AttributeError, match="store == True"):
        sampler.get_last_sample()


def test_what_the_function_raises():
    def broken(x):
        raise ZeroDivisionError("mine")

    sampler, coords = sampler_of(broken, 8, 2)
    with pytest.raises(ZeroDivisionError, match="mine"):
        sampler.run_mcmc(coords, 5)
    left = [30]

    def later(x):
        left[0] -= 1
        if left[0] < 0:
            raise ZeroDivisionError("mine")
        return normal(x)

    sampler, coords = sampler_of(later, 8, 2)
    with pytest.raises(ZeroDivisionError, match="mine"):
        sampler.run_mcmc(coords, 5)
    assert len(sampler.get_chain()) == 2  # 8 evaluations at the start and 8 a step


@pytest.mark.parametrize(
    "log_prob", [lambda x: np.nan if x[0] > 1 else normal(x), njit(lambda x: np.nan if x[0] > 1 else -0.5 * np.sum(x**2))]
)
def test_nan_is_an_error(log_prob):
    sampler, _ = sampler_of(log_prob, 8, 2)
    coords = -np.random.default_rng(0).random((8, 2))
    with pytest.raises(ValueError, match="Probability function returned NaN"):
        sampler.run_mcmc(coords, 1000)


def test_starts_that_make_no_sense():
    sampler, coords = sampler_of(normal, 8, 2)
    for bad, message in (
        (np.ones((8, 2)), "large condition number"),
        (np.ones((8, 3)), "incompatible input dimensions"),
        (np.full((8, 2), np.nan), "large condition number"),
    ):
        with pytest.raises(ValueError, match=message):
            sampler.run_mcmc(bad, 5)
    with pytest.raises(ValueError, match="never been called"):
        sampler_of(normal, 8, 2)[0].run_mcmc(None, 5)
    sampler.run_mcmc(np.ones((8, 2)), 5, skip_initial_state_check=True)
    assert (sampler.get_chain() == 1).all()
    with pytest.raises(ValueError, match="'store' must be False"):
        next(sampler.sample(coords, iterations=None))
    for bad_thin in (-1, 0.1):
        with pytest.raises(ValueError, match="thin_by"):
            sampler.run_mcmc(coords, 5, thin_by=bad_thin)


def test_walkers_that_start_outside_of_the_support_come_in():
    sampler, _ = sampler_of(uniform, 16, 1)
    coords = np.random.default_rng(0).uniform(-0.3, 1.3, size=(16, 1))
    coords[:4] = np.random.default_rng(1).random((4, 1))
    sampler.run_mcmc(coords, 500)
    assert np.isinf(sampler.get_log_prob()[0]).any()
    assert np.isfinite(sampler.get_log_prob()[-1]).all()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"backend": object()}, ArgumentTypeError),
        ({"moves": object()}, ArgumentTypeError),
        ({"moves": [emcee.moves.StretchMove(), emcee.moves.StretchMove()]}, ArgumentTypeError),
        ({"parameter_names": ["a"]}, ArgumentError),
        ({"parameter_names": ["a", "b"], "vectorize": True}, ArgumentError),
        ({"log_prob": 3}, ArgumentTypeError),
        ({"nwalkers": 7}, ArgumentError),
        ({"nwalkers": 2}, ArgumentError),
    ],
)
def test_arguments_that_make_no_sense(options, error):
    arguments = {"nwalkers": 8, "log_prob": normal, **options}
    with pytest.raises(error):
        emcee.EnsembleSampler(arguments.pop("nwalkers"), 2, arguments.pop("log_prob"), **arguments)


@pytest.mark.parametrize("result", [None, "text", [1.0, 2.0, 3.0], np.zeros(2)])
def test_results_that_are_no_log_probabilities(result):
    sampler, coords = sampler_of(lambda x: (result, 1.0) if isinstance(result, list | np.ndarray) else result, 8, 2)
    with pytest.raises((ArgumentError, TypeError, ValueError)):
        sampler.run_mcmc(coords, 2)


def normal_of_two(x):
    return -0.5 * float(x @ x)


@pytest.mark.parametrize("name", ["golden", "sobol-4", "toy-lcg"])
def test_a_stream_that_is_not_good_enough_is_told_once_a_run(name):
    start = np.random.default_rng(0).normal(size=(8, 2))
    sampler = emcee.EnsembleSampler(8, 2, normal_of_two, seed=1, driver=name)
    with pytest.warns(DriverWarning, match=f"{name} is equidistributed") as caught:
        sampler.run_mcmc(start, 20)
    assert len([w for w in caught if issubclass(w.category, DriverWarning)]) == 1
    with pytest.warns(DriverWarning, match="1,023"):
        emcee.EnsembleSampler(8, 2, normal_of_two, seed=1, driver="cud-10").run_mcmc(start, 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = emcee.EnsembleSampler(8, 2, normal_of_two, seed=1, driver="pcg64")
        plain.run_mcmc(start, 20)
        same = emcee.EnsembleSampler(8, 2, normal_of_two, seed=1)
        same.run_mcmc(start, 20)
    assert np.array_equal(plain.get_chain(), same.get_chain())
    assert not np.array_equal(plain.get_chain(), sampler.get_chain())


def test_numbers_of_an_own_stream_are_looked_at():
    start = np.random.default_rng(0).normal(size=(8, 2))
    sampler = emcee.EnsembleSampler(8, 2, normal_of_two, seed=1, driver=Faulty(50, float("nan")))
    with pytest.warns(DriverWarning, match="at index 50 of the stream"):
        sampler.run_mcmc(start, 20)
    assert np.isfinite(sampler.get_chain()).all()
