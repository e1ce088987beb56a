"""Parallel tempering leaves every temperature's distribution as it is, finds what a single chain does not, and knows its normalisation."""

import itertools

import numpy as np
import pytest
from scipy import stats as laws

import weakchaos as wc
from tests.conformance import check_expectations
from tests.samplers.test_gibbs import machine
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from weakchaos.core.flags import Kind
from weakchaos.diagnostics import tempering
from weakchaos.samplers import ChaoticBoltzmann, Gibbs, ParallelTempering
from weakchaos.samplers.tempering import parallel, rounds
from weakchaos.samplers.tempering.ladder import equalised, tuning_steps
from weakchaos.samplers.tempering.overlaps import houdayer_move, overlaps_of
from weakchaos.targets.factor_graph import packaged
from weakchaos.targets.tempered import coefficients_of

QUIET = {"progress": False}


def frustrated():
    """Six spins whose couplings cannot all be satisfied, in a field."""
    rng = np.random.default_rng(5)
    j = np.triu(rng.choice([-1.0, 1.0], (6, 6)), 1)
    return wc.Ising(j + j.T, 0.3 * rng.normal(size=6))


def chi_squared(target, sampler, seed, thin=6, draws=1000, warmup=200):
    """p-value of the joint states against the enumerated distribution."""
    trace = wc.sample(target, sampler, draws, warmup=warmup, chains=2, thin=thin, seed=seed, **QUIET)
    x = trace.system.coldest.symbols(np.asarray(trace.draws)).reshape(-1, target.dim)
    code = x @ (2 ** np.arange(target.dim)[::-1])
    p = target.distribution()
    seen = np.bincount(code, minlength=p.size)
    order = np.argsort(p)
    rare = order[np.cumsum(p[order]) * len(code) < 50]
    keep = np.setdiff1d(np.arange(p.size), rare)
    observed = np.append(seen[keep], seen[rare].sum())
    expected = np.append(p[keep], p[rare].sum()) * len(code)
    return float(laws.chisquare(observed[expected > 0], expected[expected > 0]).pvalue)


@pytest.mark.parametrize(
    "more",
    [{}, {"swap_every": 3}, {"copies": 2}, {"copies": 2, "clusters": True}, {"threads": 2}],
    ids=["plain", "every third", "copies", "clusters", "threads"],
)
def test_joint_distribution(more):
    assert chi_squared(frustrated(), ParallelTempering(Gibbs(), betas=(0.0, 0.4, 1.0), **more), 2) > 1e-3


def test_swaps_that_are_never_refused_are_found(monkeypatch):
    monkeypatch.setattr(rounds, "swap_round", lambda a, *rest: swap_round(np.zeros_like(a), *rest))
    assert chi_squared(frustrated(), ParallelTempering(Gibbs(), betas=(0.0, 0.4, 1.0)), 2) < 1e-6


swap_round = rounds.swap_round


def test_clusters_that_are_broken_off_are_found(monkeypatch):
    """Half of a cluster costs energy, which a Houdayer move does not look at."""

    def one_spin(a, b, *rest):
        k = int(np.argmax(a != b))
        a[k], b[k] = b[k], a[k]

    monkeypatch.setattr(rounds, "houdayer_move", one_spin)
    assert chi_squared(frustrated(), ParallelTempering(Gibbs(), betas=(0.0, 0.4, 1.0), copies=2, clusters=True), 2) < 1e-6


@pytest.mark.parametrize("inner", [ChaoticBoltzmann(averages="draws"), wc.herding.HerdedGibbs()], ids=["billiard", "herded"])
def test_deterministic_samplers(inner):
    """Marginals of a frustrated model; herding and billiards converge faster than a chain, but their swaps are drawn."""
    target = frustrated()
    trace = wc.sample(target, ParallelTempering(inner, betas=(0.15, 0.4, 1.0)), 4000, warmup=200, seed=3, **QUIET)
    truth = np.array([2 * p[1] - 1 for p in target.marginals()])
    check_expectations(np.asarray(trace.draws, float), truth)


def test_zeros_of_tables_are_crossed_where_single_units_cannot():
    asia = packaged("asia")
    truth = np.array([p[1] for p in asia.marginals()])
    alone = wc.sample(asia, Gibbs(), 500, warmup=0, seed=1, initial=np.zeros(8, int), **QUIET)
    assert not alone.draws[..., 5].any()  # no start with an illness ever leaves
    trace = wc.sample(asia, ParallelTempering(Gibbs(), 7), 2500, warmup=400, chains=2, seed=1, initial=np.zeros(8, int), **QUIET)
    check_expectations(np.asarray(trace.draws, float), truth)
    assert trace.check() == []


@pytest.mark.parametrize("reference", [None, (0.0, 12.0)], ids=["power", "reference"])
def test_two_normals_twenty_apart(reference):
    """Weights of .3 and .7, from starts that are all in one mode."""

    def logp(x):
        return float(np.logaddexp(np.log(0.3) - 0.5 * (x[0] + 10) ** 2, np.log(0.7) - 0.5 * (x[0] - 10) ** 2))

    target = wc.Density(logp, 1)
    sampler = ParallelTempering(wc.samplers.Slice(), 7, reference=reference)
    trace = wc.sample(target, sampler, 1500, warmup=300, seed=4, initial=[-10.0], **QUIET)
    check_expectations((trace.draws > 0).astype(float), [0.7])
    assert trace.stats["round_trips"].sum() > 50


@pytest.mark.parametrize("name", ["spins", "Potts", "asia"])
def test_normalisation_against_enumeration(name):
    target = {"spins": frustrated, "Potts": lambda: wc.Potts.lattice((2, 3), 3, 1.0), "asia": lambda: packaged("asia")}[name]()
    trace = wc.sample(target, ParallelTempering(Gibbs(), 6), 2000, warmup=300, seed=6, **QUIET)
    report = tempering(trace)
    states = np.array(list(itertools.product(*map(range, target.cardinalities))))
    if name == "spins":
        s = 2 * states - 1
        lp = np.einsum("ti,ij,tj->t", s, target.couplings() / 4, s) / 2
        h = (target.fields + 2 * (target.couplings() / 4).sum(1)) / 2
        lp = lp + s @ h
    else:
        lp = target.log_prob(states)
    exact = np.logaddexp.reduce(lp)
    assert abs(report.log_z - exact) < 4 * report.stepping[1] < 0.2
    assert abs(report.log_start + report.thermodynamic[0] - exact) < 4 * report.thermodynamic[1] + 0.01
    assert report.bounds[0] <= report.stepping[0] + 4 * report.stepping[1]
    assert report.stepping[0] - 4 * report.stepping[1] <= report.bounds[1]
    # The negative control: half of each weight is another path, of another normalisation.
    wrong = {**trace.stats, **{f"log_density_{k}": 0.5 * trace.stats[f"log_density_{k}"] for k in range(6)}}
    broken = type("Broken", (), {"stats": wrong, "tuning": trace.tuning, "n_draws": trace.n_draws, "system": trace.system})()
    assert abs(tempering(broken).log_z - exact) > 10 * report.stepping[1]


def test_normalisation_of_a_density_from_a_reference():
    """A normal of sd 2 and height e: log Z = 1 + log(2 sqrt(2 pi))."""
    target = wc.Density(lambda x: 1.0 - 0.125 * float(x[0] ** 2), 1)
    trace = wc.sample(target, ParallelTempering(wc.samplers.Slice(), 4, reference=(1.0, 1.0)), 1500, warmup=200, seed=2, **QUIET)
    report, exact = tempering(trace), 1.0 + np.log(2 * np.sqrt(2 * np.pi))
    assert abs(report.log_z - exact) < 4 * report.stepping[1] < 0.5


def test_ladder_is_tuned_to_equal_refusals():
    trace = wc.sample(wc.Ising.lattice((6, 6), 0.5), ParallelTempering(Gibbs(), 6), 600, warmup=800, seed=1, **QUIET)
    refused = tempering(trace).refused
    assert np.ptp(refused) < 0.12
    assert refused.mean() > 0.15
    assert (trace.tuning["betas"] == trace.tuning["betas"][0]).all()
    even = ParallelTempering(Gibbs(), betas=np.linspace(0, 1, 6))
    assert np.ptp(tempering(wc.sample(wc.Ising.lattice((6, 6), 0.5), even, 500, warmup=100, seed=1, **QUIET)).refused) > 0.2


def test_equalised_ladders():
    betas = np.array([0.0, 0.1, 0.5, 1.0])
    new = equalised(betas, np.array([0.1, 0.5, 0.3]))
    curve = np.concatenate([[0], np.cumsum([0.1, 0.5, 0.3])])
    np.testing.assert_allclose(np.diff(np.interp(new, betas, curve)), 0.3)
    assert tuning_steps(9) == []


def test_round_trips_are_those_of_the_replicas():
    """An oracle that follows each replica, from the orders of the swaps."""
    k, tail = 4, parallel.first_tail(1, 4)
    state, order, chances = np.random.default_rng(1), np.empty((1, 4), np.int64), np.empty(3)
    where, last, trips = list(range(k)), [None] * k, 0
    driver = wc.drivers.resolve("pcg64").open(1) if hasattr(wc.drivers, "resolve") else None
    assert driver is not None
    a = coefficients_of(("log_density",), np.linspace(0, 1, k))
    counted = 0
    for _ in range(1000):
        terms = np.ascontiguousarray(np.stack([3 * state.normal(size=(1, k)), np.zeros((1, k))], -1))
        counted += swap_round(a, terms, np.uint64(driver.function), np.uint64(driver.state), tail, order, chances)
        where = [where[int(order[0, m])] for m in range(k)]
        if last[where[0]] == "cold":
            last[where[0]] = "hot"
        trips += last[where[-1]] == "hot"
        last[where[-1]] = "cold"
    assert counted == trips > 15


def test_even_and_odd_pairs_in_turn():
    tail, order, chances = parallel.first_tail(1, 4), np.empty((1, 4), np.int64), np.empty(3)
    stream = wc.drivers.resolve("pcg64").open(1)
    for expected in ([1, 0, 3, 2], [0, 2, 1, 3]) * 2:
        swap_round(np.zeros((4, 2)), np.zeros((1, 4, 2)), np.uint64(stream.function), np.uint64(stream.state), tail, order, chances)
        assert order[0].tolist() == expected
        assert (chances == 1.0).all()


def test_overlaps_and_clusters():
    rng = np.random.default_rng(2)
    target = wc.Ising.lattice((4, 5), 0.4, field=0.3)
    ptr, unit, _, _ = target.pair_arrays()
    i, j = (np.ascontiguousarray(target.edges[:, k]) for k in (0, 1))
    stream = wc.drivers.resolve("pcg64").open(1)
    moved = 0
    for _ in range(50):
        a, b = rng.integers(0, 2, (2, 20))
        s, t = 2 * a - 1, 2 * b - 1
        assert overlaps_of(a, b, i, j) == pytest.approx(((s * t).mean(), (s[i] * s[j] * t[i] * t[j]).mean()))
        both, energy = np.sort([a, b], axis=0), target.log_prob(a) + target.log_prob(b)
        old = a.copy(), b.copy()
        inside = np.zeros(20, np.int64)
        size = houdayer_move(a, b, ptr, unit, np.uint64(stream.function), np.uint64(stream.state), np.empty(20, np.int64), inside)
        assert (np.sort([a, b], axis=0) == both).all()
        assert not inside.any()
        assert target.log_prob(a) + target.log_prob(b) == pytest.approx(energy)
        assert (a != old[0]).sum() == size
        moved += size > 0
    assert 10 < moved < 40


def test_overlap_of_free_spins():
    """At beta = 0 copies are independent: <q> = 0 and <q^2> = 1 / n."""
    trace = wc.sample(frustrated(), ParallelTempering(Gibbs(), betas=(0.0, 1.0), copies=2), 2000, warmup=100, seed=1, **QUIET)
    q = np.asarray(trace.stats["overlap_0"])
    check_expectations(np.stack([q, q**2], -1), [0.0, 1 / 6])
    assert tempering(trace).overlap[1] > 0.3


@pytest.mark.parametrize("inner", [Gibbs(), wc.herding.HerdedGibbs()])
def test_killed_and_resumed_bit_for_bit(inner, tmp_path):
    sampler = ParallelTempering(inner, 4, copies=2)
    target = frustrated()
    whole = wc.sample(target, sampler, 300, warmup=200, seed=5, **QUIET)
    stored = wc.sample(target, sampler, 120, warmup=200, seed=5, store=tmp_path / "run.zarr", **QUIET)
    del stored
    resumed = wc.extend(wc.load(tmp_path / "run.zarr"), 180, progress=False)
    np.testing.assert_array_equal(resumed.draws, whole.draws)
    for name in whole.stats:
        np.testing.assert_array_equal(resumed.stats[name], whole.stats[name])


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")  # short runs
def test_threads_change_nothing():
    target = wc.zoo.banana()
    one, two = (
        wc.sample(target, ParallelTempering(wc.samplers.HMC(0.3, 3), 3, threads=t), 40, warmup=40, chains=2, seed=5, **QUIET)
        for t in (1, 2)
    )
    np.testing.assert_array_equal(one.draws, two.draws)


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")  # short runs
def test_thinning_keeps_the_meaning_of_statistics():
    """Under thinning counts are sums and probabilities means over the steps of a draw."""
    target = wc.zoo.banana()
    sampler = ParallelTempering(wc.samplers.RandomWalkMetropolis(0.5), betas=(0.3, 1.0), swap_every=2)
    options = {"warmup": 20, "chains": 2, "seed": 5, **QUIET}
    fine, coarse = wc.sample(target, sampler, 120, **options), wc.sample(target, sampler, 40, thin=3, **options)
    np.testing.assert_array_equal(coarse.draws, fine.draws[:, 2::3])
    parts = fine.stats["round_trips"].reshape(2, 40, 3)
    np.testing.assert_array_equal(coarse.stats["round_trips"], parts.sum(-1))
    np.testing.assert_allclose(coarse.stats["acceptance_rate"], fine.stats["acceptance_rate"].reshape(2, 40, 3).mean(-1))


def test_tuned_samplers_are_tuned_at_each_temperature():
    """A normal of sd 1 at beta = .04 has sd 5, and steps that grow with it."""
    target = wc.zoo.gaussian([1.0, 1.0])
    trace = wc.sample(target, ParallelTempering(wc.samplers.HMC(n_leapfrog=4), betas=(0.04, 1.0)), 500, warmup=600, seed=2, **QUIET)
    cold, hot = (trace.tuning[f"{k}.step_size"] * np.sqrt(trace.tuning[f"{k}.inverse_mass"]).mean(-1) for k in (0, 1))
    assert 3.0 < (hot / cold).mean() < 8.0
    check_expectations(np.asarray(trace.draws), [0.0, 0.0])


def test_a_run_names_the_remedy_and_what_it_lacks():
    two = wc.Density(lambda x: float(np.logaddexp(-0.5 * (x[0] - 10) ** 2, -0.5 * (x[0] + 10) ** 2)), 1)
    starts = [[-10.0], [10.0]]
    with pytest.warns(ConvergenceWarning):
        apart = wc.sample(two, wc.samplers.Slice(), 500, warmup=50, chains=2, seed=1, initial=starts, **QUIET)
    assert any("ParallelTempering" in flag.sentence for flag in apart.check())
    cold = ParallelTempering(wc.samplers.Slice(), betas=(0.9, 1.0))
    with pytest.warns(ConvergenceWarning):
        trace = wc.sample(two, cold, 500, warmup=50, chains=2, seed=1, initial=starts, **QUIET)
    assert any("more temperatures" in flag.sentence for flag in trace.check())
    far = ParallelTempering(wc.samplers.Slice(), betas=(1e-12, 1.0))
    found = wc.sample(two, far, 500, warmup=50, chains=2, seed=1, initial=[10.0], **QUIET).check()
    assert {Kind.SWAPS, Kind.ROUND_TRIPS} <= {flag.kind for flag in found}
    with pytest.warns(ConvergenceWarning, match="not tuned"):
        wc.sample(frustrated(), ParallelTempering(Gibbs(), 3), 50, warmup=0, seed=1, **QUIET)


@pytest.mark.slow
def test_compare_names_the_remedy_and_takes_it():
    asia = packaged("asia")
    report = wc.compare(
        asia,
        {"Gibbs": Gibbs(), "tempered": ParallelTempering(Gibbs(), betas=(0.0, 0.3, 0.6, 0.85, 0.97, 1.0))},
        draws=1000,
        lyapunov_steps=50,
        cycle_steps=200,
        repeats=3,
        progress=False,
    )
    words = {row["sampler"]: row for row in report.rows}
    assert set(words) == {"Gibbs", "tempered"}
    assert words["tempered"]["error"] < 0.05


def test_user_functions_that_fail():
    calls = [0]

    def logp(x):
        calls[0] += 1
        if calls[0] > 3000:
            raise RuntimeError("the density failed")
        return -0.5 * float(x @ x)

    with pytest.raises(RuntimeError, match="the density failed") as caught:
        wc.sample(
            wc.Density(logp, 2), ParallelTempering(wc.samplers.RandomWalkMetropolis(), 3), 2000, warmup=0, chains=1, seed=1, **QUIET
        )
    assert 0 < caught.value.trace.lengths[0] < 2000


def test_bad_arguments():
    for arguments, match in (
        ({"n_temperatures": 1}, "from 2 to"),
        ({"betas": [1.0]}, "at least two"),
        ({"betas": [-0.1, 1.0]}, "not negative"),
        ({"betas": [0.5, 0.2, 1.0]}, "rise"),
        ({"betas": [0.5, 0.5, 1.0]}, "rise"),
        ({"betas": [0.2, 0.9]}, "end with 1"),
        ({"betas": [0.2, float("nan"), 1.0]}, "finite"),
        ({"betas": [[0.1, 0.2], [0.5, 1.0]]}, "one ladder"),
        ({"betas": [0.2, 1.0], "n_temperatures": 2}, "follows from"),
        ({"clusters": True}, "copies"),
        ({"copies": 3}, "copies"),
        ({"hottest": 0.0}, "hottest"),
        ({"swap_every": 0}, "swap_every"),
        ({"reference": (0.0, -1.0)}, "positive"),
    ):
        with pytest.raises(ArgumentError, match=match):
            ParallelTempering(Gibbs(), **arguments)
    for inner in (Gibbs, "Gibbs", None):
        with pytest.raises(ArgumentTypeError, match="`inner`"):
            ParallelTempering(inner)
    with pytest.raises(ArgumentError, match="one ladder"):
        ParallelTempering(ParallelTempering(Gibbs()))
    with pytest.raises(ArgumentTypeError, match="must have a temperature"):
        ParallelTempering(wc.samplers.RandomWalk()).bind(wc.MarkovChain(np.full((3, 3), 1 / 3)))
    with pytest.raises(ArgumentError, match="`betas` must be positive"):
        ParallelTempering(wc.samplers.Slice(), betas=(0.0, 1.0)).bind(wc.zoo.banana())
    with pytest.raises(ArgumentError, match="use Gibbs"):
        ParallelTempering(wc.samplers.PackedIsing()).bind(wc.Ising.glass((4, 4), seed=1))
    with pytest.raises(ArgumentError, match="copies"):
        ParallelTempering(Gibbs(), copies=2).bind(packaged("asia"))
    plain = wc.sample(machine(4), Gibbs(), 10, warmup=0, seed=1, **QUIET)
    with pytest.raises(ArgumentError, match="ParallelTempering"):
        tempering(plain)
    with pytest.raises(ArgumentTypeError, match="`trace`"):
        tempering([1, 2])
