"""The stretch move: its slow version fed the same numbers, its invariant distribution, walkers that are judged as what they are."""

import math
import warnings

import numpy as np
import pytest
from scipy.integrate import quad

import weakchaos as wc
from tests.calibration import mutant
from tests.conformance import check_expectations, check_system
from tests.core.runs import blocks_of
from tests.samplers.test_continuous import banana, banana_of, uniforms_of
from weakchaos.core.counters import ACCEPTED, BAD_VALUES, EVALUATIONS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning, GradientWarning
from weakchaos.core.flags import Kind
from weakchaos.runs.convergence import by_walker, effective_size
from weakchaos.samplers.ensemble_stretch import EnsembleStretch


def slow_stretch(logp, walkers, u, a, sweeps):
    """Algorithm 3 of Foreman-Mackey et al. (2013), one walker after another."""
    x, u = walkers.copy(), iter(u)
    k, d = x.shape
    rows, half = [], k // 2
    for _ in range(sweeps):
        for first in (0, half):
            for w in range(first, first + half):
                other = x[(first + half) % k :][:half]
                partner = other[int(half * next(u))]
                z = ((a - 1) * next(u) + 1) ** 2 / a
                y = partner + z * (x[w] - partner)
                q = z ** (d - 1) * math.exp(logp(y) - logp(x[w]))
                if next(u) < q:
                    x[w] = y
        rows.append(x.copy())
    return np.concatenate(rows)


@pytest.mark.parametrize(("walkers", "a"), [(4, 2.0), (8, 3.0)])
def test_it_is_its_slow_version(walkers, a):
    system = EnsembleStretch(walkers, a).bind(banana_of(False))
    state = system.start(3)
    u = uniforms_of(system, state, 3 * walkers * 30)
    slow = slow_stretch(lambda x: banana.py_func(x, 0.5), state.phase.reshape(walkers, 2), u, a, 30)
    np.testing.assert_allclose(system.advance(state, 30 * walkers), slow, rtol=0, atol=1e-10)
    assert state.counters[EVALUATIONS] == walkers * 31
    assert 0 < state.counters[ACCEPTED] < 30 * walkers


def rows_of_banana(x):
    return -0.5 * x[:, 0] ** 2 - 2.0 * (x[:, 1] - 0.5 * x[:, 0] ** 2) ** 2


def test_a_density_of_all_walkers_at_once_gives_the_same_draws():
    calls = []

    def logp(x):
        calls.append(len(x))
        return rows_of_banana(x)

    target = wc.Density(logp, 2, vectorized=True)
    one = EnsembleStretch(8).bind(banana_of(False))
    many = EnsembleStretch(8).bind(target)
    a, b = one.start(3), many.start(3)
    calls.clear()
    np.testing.assert_allclose(many.advance(b, 80), one.advance(a, 80), rtol=0, atol=1e-12)
    assert calls == [8] + 20 * [4]


def test_blocks_never_split_a_call(monkeypatch):
    """A function of many rows may round otherwise than one of few, so every call has the same rows wherever a block ends."""
    sizes = set()

    def logp(x):
        sizes.add(len(x))
        return rows_of_banana(x)

    target = wc.Density(logp, 2, vectorized=True)
    blocks_of(3, monkeypatch)
    wc.sample(target, EnsembleStretch(8), draws=100, warmup=7, seed=1, chains=1, progress=False)
    assert sizes == {1, 4, 8}  # 1: the search for a start


@pytest.mark.parametrize("returned", [lambda x: x, lambda x: 0.0, lambda x: None, lambda x: np.zeros(len(x) + 1), lambda x: "text"])
def test_a_vectorized_density_returns_one_number_a_row(returned):
    with pytest.raises(ArgumentTypeError, match="vectorized log density must return"):
        wc.sample(wc.Density(returned, 2, vectorized=True), EnsembleStretch(), draws=10, seed=1, progress=False)


def test_vectorized_goes_alone():
    with pytest.raises(ArgumentError, match="`vectorized`"):
        wc.Density(rows_of_banana, 2, grad=lambda x: x, vectorized=True)
    with pytest.raises(ArgumentError, match="`vectorized`"):
        wc.Density(rows_of_banana, shapes={"a": (2,)}, vectorized=True)


def test_other_samplers_take_a_vectorized_density_row_by_row():
    target = wc.Density(rows_of_banana, 2, vectorized=True)
    a = wc.samplers.RandomWalkMetropolis().bind(target)
    b = wc.samplers.RandomWalkMetropolis().bind(banana_of(False))
    np.testing.assert_allclose(a.advance(a.start(1), 50), b.advance(b.start(1), 50), atol=1e-12)


@pytest.mark.parametrize("walkers", [4, 6, 32])
def test_laws_of_a_system(walkers):
    check_system(EnsembleStretch(walkers).bind(banana_of(False)), n=48)


def rounds(trace):
    """Means of rounds, whose batch means are independent: walkers of a round are not."""
    return np.asarray(trace.draws).reshape(trace.n_chains, -1, trace.walkers, trace.draws.shape[2])


@pytest.mark.parametrize("dim", [1, 3, 8])
def test_invariance(dim):
    """Moments of a Gaussian in general position; W = 2 d + 2 too, where halves barely span the space."""
    rng = np.random.default_rng(dim)
    root = rng.normal(size=(dim, dim)) + 2 * np.eye(dim)
    precision, covariance = np.linalg.inv(root @ root.T), root @ root.T
    target = wc.Density(lambda x: -0.5 * np.einsum("mi,ij,mj->m", x, precision, x), dim, vectorized=True)
    walkers = max(2 * dim + 2, 4)
    trace = wc.sample(target, EnsembleStretch(walkers), draws=3000 * walkers, warmup=500 * walkers, seed=1, progress=False)
    x = rounds(trace)
    values = np.concatenate([x.mean(2), (x**2).mean(2)], axis=2)
    check_expectations(values, np.concatenate([np.zeros(dim), np.diag(covariance)]))


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(dim - 1.0) * math.log(z)", "dim * math.log(z)"),
        ("values[k] - lp[due + k]))", "lp[due + k] - values[k]))"),
        ("((a - 1.0) * draw_uniform(stream, stream_state) + 1.0) ** 2 / a", "1.0 / a + (a - 1.0 / a) * draw_uniform(stream, stream_state)"),
    ],
)  # fmt: skip
def test_a_broken_move_is_found(old, new):
    made = mutant("weakchaos.samplers.ensemble_stretch", (old, new))
    truth = quad(lambda z: math.tanh(abs(z)) * math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi), -20, 20, points=[0])[0]
    trace = wc.sample(wc.zoo.gaussian([1.0, 1.0, 1.0]), made.EnsembleStretch(8), draws=24000, warmup=800, seed=1, progress=False)
    x = rounds(trace)
    with pytest.raises(AssertionError), np.errstate(divide="ignore"):
        check_expectations(np.tanh(np.abs(x)).mean(2), np.full(3, truth))  # bounded, as one of them runs away


def test_affine_invariance():
    """A Gaussian of condition number 1e8 is as easy as a standard one: the same draws but for the scale."""
    scales = np.array([1.0, 1e4])
    plain = EnsembleStretch(8).bind(wc.Density(lambda x: -0.5 * float(x @ x), 2))
    stretched = EnsembleStretch(8).bind(wc.Density(lambda x: -0.5 * float((x / scales) @ (x / scales)), 2))
    a = plain.start(1)
    b = a.copy()
    b.phase[:] = (a.phase.reshape(-1, 2) * scales).ravel()
    np.testing.assert_allclose(stretched.advance(b, 400) / scales, plain.advance(a, 400), rtol=1e-9)


def test_bad_values_are_rejections():
    target = wc.Density(
        lambda x: np.where(x[:, 0] > 1, np.nan, -0.5 * (x**2).sum(1)), 2, vectorized=True, start=lambda r: -r.random(2)
    )
    with pytest.warns(UserWarning, match="NaN or"):
        trace = wc.sample(target, EnsembleStretch(8), draws=2000, seed=1, progress=False)
    assert sum(s.counters[BAD_VALUES] for s in trace.states) > 0
    assert trace.draws[:, :, 0].max() <= 1


def test_an_exception_keeps_the_draws_and_a_run_goes_on():
    left = [60]

    def logp(x):
        left[0] -= 1
        if left[0] == 0:
            raise ZeroDivisionError
        return rows_of_banana(x)

    target = wc.Density(logp, 2, vectorized=True)
    with pytest.raises(ZeroDivisionError) as caught:
        wc.sample(target, EnsembleStretch(8), draws=400, warmup=0, seed=1, chains=1, progress=False)
    trace = wc.extend(caught.value.trace, 400 - caught.value.trace.n_draws, progress=False)
    whole = wc.sample(
        wc.Density(rows_of_banana, 2, vectorized=True), EnsembleStretch(8), draws=400, warmup=0, seed=1, chains=1, progress=False
    )
    assert np.array_equal(trace.draws, whole.draws)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"walkers": 7}, "even"),
        ({"walkers": 2}, "`walkers`"),
        ({"walkers": "many"}, "`walkers`"),
        ({"a": 1.0}, "`a`"),
        ({"a": None}, "`a`"),
    ],
)
def test_arguments_that_make_no_sense(arguments, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        EnsembleStretch(**arguments)


def test_too_few_walkers_and_walkers_in_a_plane():
    with pytest.raises(ArgumentError, match="twice the dimension"):
        EnsembleStretch(8).bind(wc.zoo.gaussian(np.ones(5)))
    system = EnsembleStretch(8).bind(wc.zoo.gaussian([1.0, 1.0, 1.0]))
    plane = np.random.default_rng(0).normal(size=(8, 3))
    plane[:, 2] = plane[:, 0] - 2 * plane[:, 1]
    for places in (plane, np.zeros((8, 3))):
        with pytest.raises(ArgumentError, match="in a plane"):
            system.start(0, places)


def test_where_walkers_start(rng):
    target, sampler = wc.zoo.gaussian([1.0, 1.0]), EnsembleStretch(8)
    places = rng.normal(size=(3, 8, 2))
    trace = wc.sample(target, sampler, draws=8, warmup=0, chains=3, initial=places, seed=1, progress=False)
    assert trace.draws.shape == (3, 8, 2)
    state = sampler.bind(target).start(0, places[0])
    np.testing.assert_array_equal(state.phase.reshape(8, 2), places[0])
    one = wc.Density(lambda x: -0.5 * float(x @ x), 2, start=np.array([100.0, 0.0]))
    assert np.ptp(sampler.bind(one).start(0).phase.reshape(8, 2), axis=0).min() > 0
    edge = wc.Density(lambda x: 0.0 if (x == 1.0).all() else -math.inf, 2, start=np.ones(2))
    with pytest.raises(ArgumentError, match="room around it"):
        sampler.bind(edge).start(0)
    near = sampler.bind(target).start(0, [100.0, 0.0]).phase.reshape(8, 2)
    assert 0.1 < near[:, 0].std() < 3
    assert 0.001 < near[:, 1].std() < 0.03


# ---- what the rest of the library makes of an ensemble ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_run():
    return wc.sample(wc.zoo.gaussian([1.0, 2.0, 3.0]), EnsembleStretch(16), draws=16 * 4000, warmup=4000, seed=1, progress=False)


def test_effective_sizes_are_honest(long_run):
    """The spread of 100 means over stretches of one length, each of independent error where stretches are long, against the effective size."""
    x = np.asarray(long_run.draws)[:, :, 0]
    parts = x.reshape(4 * 25, -1)  # of 160 rounds
    size = x.var() / parts.mean(1).var(ddof=1) * 100
    honest = effective_size(x, 16)
    assert 0.6 < honest / size < 1.6
    assert effective_size(x) > 10 * size  # rows that follow one another


def test_arviz_sees_walkers_as_chains(long_run):
    """Cross-correlations of walkers are small: ArviZ's figure for walkers as chains is near that of the means of rounds."""
    stats = pytest.importorskip("arviz_stats")
    pytest.importorskip("arviz_stats.base")
    tree = long_run.to_arviz()
    assert tree["posterior"].sizes == {"chain": 64, "draw": 4000}
    assert tree["sample_stats"].sizes == {"chain": 64, "draw": 4000}
    walkers = by_walker(np.asarray(long_run.draws), 16)
    np.testing.assert_array_equal(tree["posterior"]["x0"].values, walkers[:, :, 0])
    np.testing.assert_array_equal(walkers[17, 5], long_run.draws[1, 5 * 16 + 1])
    honest = effective_size(np.asarray(long_run.draws)[:, :, 0], 16)
    ess = long_run.summary()["ess_bulk"]["x0"]
    assert abs(ess / stats.base.array_stats.ess(walkers[:, :, 0], chain_axis=0, draw_axis=1, method="bulk") - 1) < 1e-6
    assert 0.6 < ess / honest < 1.6


def test_a_run_that_is_long_enough_has_no_flags(long_run):
    assert long_run.check() == []


def test_short_runs_and_ensembles_apart_are_found():
    target = wc.zoo.gaussian([1.0, 2.0, 3.0])
    short = wc.sample(target, EnsembleStretch(16), draws=16 * 40, warmup=1600, seed=1, progress=False)
    assert [flag.kind for flag in short.check()] == [Kind.FEW_DRAWS]
    two = wc.Density(lambda x: np.logaddexp(-0.5 * ((x - 8) ** 2).sum(1), -0.5 * ((x + 8) ** 2).sum(1)), 2, vectorized=True)
    starts = [[8.0, 8.0], [-8.0, -8.0]]
    with pytest.warns(UserWarning, match="disagree"):
        apart = wc.sample(two, EnsembleStretch(8), draws=8000, warmup=800, chains=2, initial=starts, seed=1, progress=False)
    assert Kind.DISAGREE in [flag.kind for flag in apart.check()]


def test_an_ensemble_that_does_not_move_is_found():
    """Only places of three decimals are in the support, so no proposal is accepted: rows of different walkers differ, and no walker moves."""
    grid = wc.Density(
        lambda x: np.where((x == x.round(3)).all(1), 0.0, -np.inf), 2, vectorized=True, start=lambda r: r.normal(size=2).round(3)
    )
    with pytest.warns(ConvergenceWarning, match="hardly moves"):
        trace = wc.sample(grid, EnsembleStretch(8), draws=800, warmup=0, seed=1, progress=False)
    assert {flag.kind for flag in trace.check()} >= {Kind.STUCK}


def test_a_walker_that_does_not_move_is_found():
    """One of eight starts in a mode of its own, as high as the other one, and far from it: 31 of 32 proposals and more miss it."""
    two = wc.Density(lambda x: np.logaddexp(-0.5 * (x**2).sum(1), -0.5 * ((x - 2000) ** 2).sum(1)), 2, vectorized=True)
    starts = np.random.default_rng(0).normal(size=(2, 8, 2))
    starts[1, 3] += 2000
    with pytest.warns(ConvergenceWarning, match="walker 3 of chain 1 hardly moves"):
        trace = wc.sample(two, EnsembleStretch(8), draws=8000, warmup=800, chains=2, initial=starts, seed=1, progress=False)
    assert Kind.STUCK_WALKER in [flag.kind for flag in trace.check()]
    starts[1, 3] -= 2000
    well = wc.sample(two, EnsembleStretch(8), draws=8000, warmup=800, chains=2, initial=starts, seed=1, progress=False)
    assert Kind.STUCK_WALKER not in [flag.kind for flag in well.check()]


@pytest.mark.parametrize("sampler", [EnsembleStretch(8), wc.samplers.Slice(), wc.samplers.ZigZag(), wc.samplers.BouncyParticle()])
def test_named_parameters(sampler):
    """An exponential and a normal variable: draws are the parameters, with the moments they have."""
    target = wc.Density(
        lambda tau, mu: -tau - 0.5 * mu * mu,
        shapes={"tau": (), "mu": ()},
        constraints={"tau": "positive"},
        start={"tau": 1.0, "mu": 0.0},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GradientWarning)
        trace = wc.sample(
            target, sampler, draws=8000 if isinstance(sampler, EnsembleStretch) else 2000, warmup=800, seed=1, progress=False
        )
    assert trace["tau"].min() > 0
    assert abs(trace["tau"].mean() - 1) < 0.15
    assert abs(trace["mu"].std() - 1) < 0.15


def test_it_stops_by_itself():
    trace = wc.sample(wc.zoo.gaussian([1.0, 2.0]), EnsembleStretch(16), warmup=1600, until={"min_ess": 800}, seed=1, progress=False)
    assert trace.stopped["reason"] == "until"
    assert trace.n_draws > 25 * 16
    assert 800 <= trace.stopped["ess"] < 8000


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")  # short runs
@pytest.mark.parametrize("thin", [1, 3, 8])
def test_thinned_stored_and_extended(thin, tmp_path):
    target, options = wc.zoo.gaussian([1.0, 2.0]), {"warmup": 20, "chains": 2, "seed": 4, "thin": thin, "progress": False}
    whole = wc.sample(target, EnsembleStretch(8), draws=200, **options)
    wc.sample(target, EnsembleStretch(8), draws=75, store=tmp_path / "run.zarr", **options)
    stored = wc.extend(wc.load(tmp_path / "run.zarr", target=target), 125, progress=False)
    assert np.array_equal(stored.draws, whole.draws)
    assert stored.walkers == wc.load(tmp_path / "run.zarr").walkers == 8
