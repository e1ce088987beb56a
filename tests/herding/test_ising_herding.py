"""Herding of spins: exact and approximate argmax against plain versions, and what each does to the certificate."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weakchaos as wc
from tests.herding import naive_herding as naive
from tests.samplers.test_gibbs import machine
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning
from weakchaos.herding import Herding
from weakchaos.targets.ising_moments import IsingMoments

CHAIN = [(i, i + 1) for i in range(7)]
TREE = [(0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (5, 6), (5, 7)]
RING = [*CHAIN, (0, 7)]
GRAPHS = {"chain": (8, CHAIN), "tree": (8, TREE), "ring": (8, RING), "complete": (5, list(itertools.combinations(range(5), 2)))}


def moments(name, seed, samples=200):
    n, edges = GRAPHS[name]
    rng = np.random.default_rng(seed)
    # Samples of a mixture, so that spins depend on one another.
    x = np.where(rng.random((samples, n)) < rng.random((samples, 1)), 1, -1)
    return IsingMoments.from_samples(x, edges)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("argmax", ["enumeration", "max-product", "auto"])
def test_exact_argmax_is_that_of_the_list_of_all_states(name, argmax, seed):
    target = moments(name, seed)
    system, listed = Herding(argmax=argmax).bind(target), target.as_moments()
    state = system.start(seed)
    chosen, w = naive.herding(listed.features, listed.moments, state.phase.copy(), 300)
    assert np.array_equal(system.advance(state, 300), target.states()[chosen])
    assert np.allclose(state.phase, w)
    assert system.violations(state) == 0


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(list(GRAPHS)), st.sampled_from(["icm", "tabu"]))
def test_local_search_is_the_plain_one(seed, name, argmax):
    target = moments(name, seed)
    system = Herding(argmax=argmax, patience=12).bind(target)
    state = system.start(seed)

    def search(s, w, edges):
        if argmax == "icm":
            return naive.iterated_modes(s, w, edges)
        return naive.tabu_search(s, w, edges, 12, max(1, min(20, target.dim // 4)))

    expected, broken = naive.spin_herding(
        search, target.means, target.correlations, target.edges.tolist(), state.phase, state.symbols.tolist(), 40
    )
    assert np.array_equal(system.advance(state, 40), expected)
    assert system.violations(state) == broken


def test_tabu_search_of_many_spins_is_the_plain_one():
    """With 24 spins rests are long enough that a resting spin is turned for the best state so far, as it is under three of these weights."""
    edges = list(itertools.combinations(range(24), 2))
    target = IsingMoments(np.zeros(24), np.zeros(len(edges)), edges)
    for k in range(9, 15):
        w = np.random.default_rng(k).normal(size=len(target.moments))
        system = Herding(w, argmax="tabu", patience=40).bind(target)
        state = system.start(1)
        expected = naive.tabu_search(state.symbols.tolist(), w, edges, 40, 6)
        assert system.advance(state, 1)[0].tolist() == expected


@pytest.mark.parametrize("argmax", ["enumeration", "max-product"])
def test_ties_go_to_the_lowest_state(argmax):
    """Without weights all states tie, and -1 comes before +1; a spin without a weight of its own is settled by the pair it is in."""
    target = IsingMoments(np.zeros(3), np.zeros(2), [(0, 1), (1, 2)])
    system = Herding("zero", argmax=argmax).bind(target)
    assert system.advance(system.start(0), 1)[0].tolist() == [-1, -1, -1]
    system = Herding([0.0, 0.0, 0.0, -1.0, 0.0], argmax=argmax).bind(target)
    state = system.start(0)
    score = [naive.spin_score(s, state.phase, [(0, 1), (1, 2)]) for s in itertools.product((-1, 1), repeat=3)]
    x = system.advance(state, 1)[0].tolist()
    assert naive.spin_score(x, [0.0, 0.0, 0.0, -1.0, 0.0], [(0, 1), (1, 2)]) == max(score)
    if argmax == "enumeration":
        assert x == [-1, 1, -1]


@pytest.mark.parametrize("n", [3, 5, 7])
def test_error_of_ising_features(n):
    """T times the error is at most 12 over 1e5 steps, each step has its certificate, and the identity holds to 1e-9."""
    target = wc.IsingMoments.from_model(machine(n, n))
    system = Herding("zero").bind(target)
    state = system.start(0)
    x = system.advance(state, 100_000)
    totals = np.cumsum(target.features(x), axis=0)
    t = np.arange(1, len(x) + 1)[:, None]
    assert np.abs(totals - t * target.moments).max() <= 12
    assert system.violations(state) == 0
    gap = state.phase - (len(x) * target.moments - totals[-1])
    assert np.abs(gap).max() < 1e-9 * np.abs(totals[-1]).max()


def test_long_chain_has_its_certificate():
    """Max-product on a chain of 300 spins, whose states could never be listed."""
    rng = np.random.default_rng(5)
    x = np.where(np.cumsum(rng.random((50, 300)) < 0.1, axis=1) % 2, 1, -1)
    target = IsingMoments.from_samples(x, [(i, i + 1) for i in range(299)])
    trace = wc.sample(target, Herding(), draws=3000, warmup=0, chains=1, seed=1, progress=False)
    assert trace.system.argmax == "max-product"
    assert trace.stats["certificate"].max() <= 1e-9
    error = trace.error(at=[300, 3000])
    assert error.errors[0, 1] < error.errors[0, 0] / 5


def test_tabu_search_takes_over_where_elimination_cannot_go():
    rng = np.random.default_rng(6)
    target = IsingMoments.from_samples(np.where(rng.random((40, 24)) < 0.4, 1, -1))
    trace = wc.sample(target, Herding(), draws=2000, warmup=0, chains=1, seed=1, progress=False)
    assert trace.system.argmax == "tabu"
    assert float(trace.error()) < 40 / 2000  # independent draws would be off by about 0.08
    icm = wc.sample(target, Herding(argmax="icm"), draws=2000, warmup=0, chains=1, seed=1, progress=False)
    assert icm.stats["certificate"].mean() > trace.stats["certificate"].mean()  # a poorer argmax scores less


def test_a_poor_argmax_ends_in_a_warning():
    """Strongly coupled spins: modes found one spin at a time fall short of the moments, which the run reports."""
    x = np.array([[1, 1, 1, 1], [-1, -1, -1, -1], [1, 1, -1, -1], [1, 1, 1, -1]])
    target = IsingMoments.from_samples(x)
    with pytest.warns(ConvergenceWarning, match="certificate"):
        trace = wc.sample(target, Herding(argmax="icm"), draws=5000, warmup=0, chains=2, seed=0, progress=False)
    assert sum(map(trace.system.violations, trace.states)) > 10
    wc.sample(target, Herding(argmax="enumeration"), draws=5000, warmup=0, chains=2, seed=0, progress=False)


def test_moments_of_a_model_and_of_samples():
    model = machine(4, 3)
    p = model.distribution()
    spins = np.array(list(itertools.product((-1, 1), repeat=4)))
    target = IsingMoments.from_model(model)
    assert np.allclose(target.means, p @ spins)
    assert np.allclose(target.correlations, [p @ (spins[:, i] * spins[:, j]) for i, j in itertools.combinations(range(4), 2)])
    ring = wc.Ising.lattice((5,), beta=0.6)
    t, target = np.tanh(0.6), IsingMoments.from_model(ring)
    assert len(target.edges) == 5
    assert np.allclose(target.correlations, (t + t**4) / (1 + t**5))  # the ring of five spins, by its transfer matrix
    drawn = np.asarray(wc.sample(ring, wc.samplers.Gibbs(), draws=500, chains=1, seed=1, progress=False).draws[0])
    assert np.allclose(IsingMoments.from_samples(drawn, target.edges).moments, target.features(drawn).mean(0))


def test_compare_and_save(tmp_path):
    target = moments("ring", 3)
    report = wc.compare(target, {"exact": Herding(), "tabu": Herding(argmax="tabu")}, draws=3000, repeats=4, cycle_steps=3000)
    assert [row["error"] < 5e-3 for row in report.rows] == [True, True]
    assert report.rows[0]["slope"] < -0.8
    assert report.rows[0]["status"] == "ok"
    trace = wc.sample(target, Herding(argmax="tabu"), draws=30, warmup=0, chains=1, seed=2, progress=False)
    trace.save(tmp_path / "spins.npz")
    longer = wc.extend(wc.load(tmp_path / "spins.npz"), 20, progress=False)
    whole = wc.sample(target, Herding(argmax="tabu"), draws=50, warmup=0, chains=1, seed=2, progress=False)
    assert np.array_equal(longer.draws, whole.draws)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: IsingMoments([0.0, 1.5], [[0, 0], [0, 0]]), ArgumentError, "means"),
        (lambda: IsingMoments([0.0, np.nan], [0.0]), ArgumentError, "means"),
        (lambda: IsingMoments([0.8, 0.8], [0.0]), ArgumentError, r"probability -0.15; pass E s_i s_j"),
        (lambda: IsingMoments([0.0, 0.0], [np.nan]), ArgumentError, "correlations"),
        (lambda: IsingMoments([0.0, 0.0], [[0, 0.1], [0.2, 0]]), ArgumentError, "symmetric"),
        (lambda: IsingMoments([0.0, 0.0], [0.1, 0.2]), ArgumentError, "correlations"),
        (lambda: IsingMoments([0.0] * 3, [-1.0] * 3), ArgumentError, r"outside of the convex hull.* by 0\.3"),
        (lambda: IsingMoments([0.0] * 3, [0.1], [(1, 1)]), ArgumentError, "edges"),
        (lambda: IsingMoments([0.0] * 3, [0.1, 0.1], [(1, 0), (0, 1)]), ArgumentError, "edges"),
        (lambda: IsingMoments([0.0] * 3, [0.1], [(1, 3)]), ArgumentError, "edges"),
        (lambda: IsingMoments([0.0] * 2, [0.1], names=["a"]), ArgumentError, "names"),
        (lambda: IsingMoments.from_samples([[0, 1]]), ArgumentError, "2 \\* x - 1"),
        (lambda: IsingMoments.from_model("ring"), ArgumentTypeError, "model"),
        (lambda: IsingMoments([0.0] * 21, np.zeros((21, 21))).states(), ArgumentError, "20 spins"),
        (lambda: Herding(argmax="enumeration").bind(IsingMoments([0.0] * 21, np.zeros((21, 21)))), ArgumentError, "argmax"),
        (
            lambda: Herding(argmax="max-product").bind(IsingMoments([0.0] * 24, np.zeros((24, 24)))),
            ArgumentError,
            "'tabu' or 'icm'",
        ),
        (lambda: Herding([0.0]).bind(IsingMoments([0.0] * 2, [0.0])).start(0), ArgumentError, "start"),
        (lambda: Herding().bind(IsingMoments([0.0] * 2, [0.0])).start(0, [1, 1]), ArgumentError, "initial"),
        (lambda: Herding(exact=True).bind(IsingMoments([0.0] * 2, [0.0])), ArgumentError, "exact"),
        (lambda: Herding(patience=0), ArgumentError, "patience"),
    ],
)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call()
