"""Tempered packed lattices: in distribution against enumeration, log Z and energies against Kaufman, swaps against a slow program, threads and resumed runs bit for bit."""

import math

import numpy as np
import pytest
from scipy import stats as laws

import weakchaos as wc
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.diagnostics import tempering
from weakchaos.native.compiled import draw_uniform, kernel
from weakchaos.samplers import Gibbs, PackedIsing, ParallelTempering
from weakchaos.samplers.packed.packed_ladder import look_at
from weakchaos.samplers.tempering.packed_tempering import BoundPackedTempering
from weakchaos.targets.kaufman import exact_energy
from weakchaos.targets.tempered import path_of

QUIET = {"progress": False}
BETAS = (0.0, 0.45, 1.0)


def all_spins(n):
    return 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1) - 1


def spins_of_all(system, state):
    """Spins of every replica, from the coldest."""
    inner, replicas = system.coldest, system.temperatures * system.copies
    size = inner.lanes + inner.layout.n_words
    rows = state.symbols[: replicas * size].view(np.uint64).reshape(replicas, size)[:, inner.lanes :]
    return np.stack([inner.layout.unpack(row).ravel() for row in rows])


def p_values(target, system, seed, n_draws, every):
    """Of energy and magnetisation of the coldest and of the middle replica, against the enumerated distribution, and at a twentieth higher a temperature."""
    state, n = system.start(seed), target.dim
    system.advance(state, 200, 200)
    visits = np.zeros((2, 2**n))
    for _ in range(n_draws):
        system.advance(state, every, every)
        found = spins_of_all(system, state)
        for row, replica in zip(visits, (0, system.copies), strict=True):
            row[((found[replica] + 1) // 2) @ (1 << np.arange(n))] += 1
    spins = all_spins(n)
    i, j = wc.targets.couplings.lattice_edges(target.shape, target.periodic)
    energy = target.coupling * (spins[:, i] * spins[:, j]).sum(1) + target.field * spins.sum(1)
    _, cell = np.unique(np.round(np.stack([energy, spins.sum(1)], 1), 6), axis=0, return_inverse=True)

    def p_value(row, beta):
        p = np.exp(beta * energy)
        expected, seen = np.bincount(cell, p / p.sum()) * n_draws, np.bincount(cell, row)
        kept = expected > 8
        expected, seen = np.append(expected[kept], max(expected[~kept].sum(), 1e-9)), np.append(seen[kept], seen[~kept].sum())
        return laws.chisquare(seen, expected * n_draws / expected.sum()).pvalue

    pairs = [(visits[0], target.beta), (visits[1], target.beta * system.sampler.betas[-2])]
    return [p_value(*pair) for pair in pairs], [p_value(row, 1.15 * beta) for row, beta in pairs]


@pytest.mark.parametrize(
    ("more", "rule"), [({}, "heat-bath"), ({"swap_every": 3, "copies": 2, "threads": 2}, "metropolis")], ids=["plain", "copies"]
)
def test_every_temperature_has_its_distribution(more, rule, seed):
    target = wc.Ising.lattice((3, 4), 0.5, field=0.1)
    system = ParallelTempering(PackedIsing(rule), betas=BETAS, **more).bind(target)
    right, wrong = p_values(target, system, seed, 4000, 6)
    assert min(right) > 1e-4
    assert max(wrong) < 1e-4  # a negative control


def test_swaps_that_forget_the_energy_are_found(monkeypatch, seed):
    """The negative control of swaps: with temperatures that all count as one, no swap is ever refused."""
    target = wc.Ising.lattice((3, 4), 0.5)
    system = ParallelTempering(PackedIsing(), betas=BETAS).bind(target)
    monkeypatch.setattr(system.path, "coefficients", lambda betas: np.zeros((len(betas), 2)))
    assert min(p_values(target, system, seed, 2500, 4)[0]) < 1e-6


def test_energies_are_those_of_the_path(rng):
    """Popcounts against sums over edges, for sides that are no multiple of anything, free boundaries, and fields."""
    for shape, periodic in [((66, 30), True), ((7, 9), False), ((3, 4, 5), True), ((2, 5), True)]:
        target = wc.Ising.lattice(shape, 0.3, coupling=-1.5, field=0.2, periodic=periodic)
        system = ParallelTempering(PackedIsing(), 3).bind(target)
        state, observed = system.start(1), np.empty((3, 4))
        look_at(system._ladder(state), observed)
        spins = spins_of_all(system, state)
        terms = path_of(target).terms((spins + 1) // 2)
        np.testing.assert_allclose(observed[:, 0], terms[:, 0], rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(observed[:, 2], spins.mean(1))


@kernel
def next_uniform(function, place):
    return draw_uniform(function, place)


def test_replicas_are_those_of_a_slow_program():
    """Each replica swept by itself, swaps by their formula from the spins: the same bits."""
    betas = (0.8, 0.9, 1.0)
    target = wc.Ising.lattice((10, 12), 0.35)
    system = ParallelTempering(PackedIsing(), betas=betas, swap_every=2).bind(target)
    state, path = system.start(4), path_of(target)
    alone = [PackedIsing().bind(path.at(beta)) for beta in betas[::-1]]  # from the coldest
    inner = system.coldest
    size = inner.lanes + inner.layout.n_words
    parts = [State(symbols=state.symbols[k * size : (k + 1) * size].copy()) for k in range(3)]
    stream, parity, swaps = state.driver.swaps.copy(), 0, 0
    for _ in range(40):
        lp = [path.terms((one.spins(part).reshape(1, -1) + 1) // 2)[0, 0] for one, part in zip(alone, parts, strict=True)]
        a, b = 2 - parity, 1 - parity  # temperatures k and k + 1 from the hottest are replicas 2 - k and 1 - k
        chance = math.exp(min(0.0, (betas[parity + 1] - betas[parity]) * (lp[a] - lp[b])))
        if next_uniform(np.uint64(stream.function), np.uint64(stream.state)) < chance:
            swaps += 1
            one, other = parts[a].symbols[inner.lanes :], parts[b].symbols[inner.lanes :]
            one[:], other[:] = other.copy(), one.copy()
            lp[a], lp[b] = lp[b], lp[a]
        parity = 1 - parity
        for one, part in zip(alone, parts, strict=True):
            one.advance(part, 2, 2)
        draws = system.advance(state, 2)
        np.testing.assert_array_equal(state.symbols[: 3 * size], np.concatenate([part.symbols for part in parts]))
        assert draws[-1, 1] == alone[0].spins(parts[0]).mean()
        np.testing.assert_allclose(state.tuning["terms"][0], lp[::-1], rtol=1e-12)  # after the swap, from the hottest
    assert 5 < swaps < 40


@pytest.mark.parametrize(("side", "temperatures"), [(16, 14), pytest.param(32, 24, marks=pytest.mark.slow)])
def test_normalisation_and_energies_are_those_of_kaufman(side, temperatures):
    beta = 0.5
    target = wc.Ising.lattice((side, side), beta)
    trace = wc.sample(target, ParallelTempering(PackedIsing(), temperatures), 3000, warmup=1000, seed=3, **QUIET)
    report, exact = tempering(trace), kaufman_log_z(beta, side, side)
    assert abs(report.log_z - exact) < 4 * report.stepping[1] < 0.8
    assert abs(report.log_start + report.thermodynamic[0] - exact) < 4 * report.thermodynamic[1]
    for k in (temperatures // 3, temperatures - 2):
        found = trace.thermodynamics(temperature=k)
        energy = found["energy"]
        assert abs(energy.value - exact_energy(beta * report.betas[k], side)) < 4.5 * energy.error
        assert abs(found["magnetisation"].value) < 4.5 * found["magnetisation"].error


def kaufman_log_z(beta, rows, columns):
    """By integration of the exact energy, from 2 ** n states at beta = 0."""
    from scipy.integrate import quad

    n = rows * columns
    return n * math.log(2) - n * quad(lambda k: exact_energy(k, rows, columns), 1e-9, beta, epsabs=1e-10, limit=200)[0]


def test_overlaps_of_copies_are_those_of_spins():
    target = wc.Ising.lattice((3, 6), 0.4, periodic=False)
    system = ParallelTempering(PackedIsing(), betas=BETAS, copies=2).bind(target)
    state = system.start(5)
    i, j = wc.targets.couplings.lattice_edges((3, 6), False)
    for _ in range(10):
        before = spins_of_all(system, state)  # overlaps are those before the swaps
        stats = np.empty((1, len(system.stats_names)))
        system.run(state, 1, 1, np.empty((1, 3)), stats, np.empty(0))
        row = dict(zip(system.stats_names, stats[0], strict=True))
        for k in range(3):
            s, t = before[2 * (2 - k) : 2 * (2 - k) + 2]
            assert row[f"overlap_{k}"] == pytest.approx((s * t).mean())
            assert row[f"link_overlap_{k}"] == pytest.approx((s[i] * s[j] * t[i] * t[j]).mean())


def test_threads_change_nothing():
    target = wc.Ising.lattice((24, 40), 0.4)
    options = {"warmup": 60, "chains": 2, "seed": 5, "thin": 2, **QUIET}
    one = wc.sample(target, ParallelTempering(PackedIsing(), 5, swap_every=3), 40, **options)
    for other in (
        ParallelTempering(PackedIsing(), 5, swap_every=3, threads=3),
        ParallelTempering(PackedIsing(threads=2), 5, swap_every=3),
    ):
        two = wc.sample(target, other, 40, **options)
        np.testing.assert_array_equal(one.draws, two.draws)
        for name in one.stats:
            np.testing.assert_array_equal(one.stats[name], two.stats[name])


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")  # short runs
def test_killed_and_resumed_bit_for_bit(tmp_path):
    target = wc.Ising.lattice((9, 14), 0.4)
    sampler = ParallelTempering(PackedIsing(), 4, copies=2, swap_every=2)
    whole = wc.sample(target, sampler, 101, warmup=50, chains=2, seed=5, **QUIET)
    wc.sample(target, sampler, 33, warmup=50, chains=2, seed=5, store=tmp_path / "run.zarr", **QUIET)
    resumed = wc.extend(wc.load(tmp_path / "run.zarr"), 68, progress=False)
    np.testing.assert_array_equal(resumed.draws, whole.draws)
    for name in whole.stats:
        np.testing.assert_array_equal(resumed.stats[name], whole.stats[name])
    assert whole.names == ["energy", "magnetisation", "structure factor"]


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")  # short runs
def test_thinning_keeps_the_meaning_of_statistics():
    """Under thinning round trips are sums, and probabilities of swaps means over the rounds of a draw."""
    target = wc.Ising.lattice((6, 10), 0.3)
    sampler = ParallelTempering(PackedIsing(), betas=(0.7, 0.85, 1.0))
    options = {"warmup": 20, "chains": 2, "seed": 5, **QUIET}
    fine, coarse = wc.sample(target, sampler, 300, **options), wc.sample(target, sampler, 100, thin=3, **options)
    np.testing.assert_array_equal(coarse.draws, fine.draws[:, 2::3])
    parts = {name: fine.stats[name].reshape(2, 100, 3) for name in fine.stats}
    np.testing.assert_array_equal(coarse.stats["round_trips"], parts["round_trips"].sum(-1))
    assert fine.stats["round_trips"].sum() > 10
    for k in range(2):
        np.testing.assert_allclose(coarse.stats[f"swap_acceptance_{k}"], parts[f"swap_acceptance_{k}"].mean(-1))
    for name in ("log_density", "magnetisation", "structure_factor"):
        np.testing.assert_array_equal(coarse.stats[f"{name}_1"], parts[f"{name}_1"][..., -1])


def test_averages_and_observables_are_those_of_draws():
    target = wc.Ising.lattice((6, 10), 0.4)
    sampler = ParallelTempering(PackedIsing(), betas=BETAS)
    options = {"warmup": 20, "chains": 2, "seed": 5, **QUIET}
    draws = wc.sample(target, sampler, 200, **options)
    kept = wc.sample(target, sampler, 200, record="averages", **options)
    np.testing.assert_allclose(kept.mean(), draws.mean(), rtol=1e-12)
    same = wc.sample(target, sampler, 200, record="observables", **options)
    np.testing.assert_array_equal(same.draws, draws.draws)


@pytest.mark.filterwarnings("ignore::weakchaos.core.errors.ConvergenceWarning")  # short runs
@pytest.mark.parametrize("inner", [Gibbs(), PackedIsing()])
def test_observables_of_a_ladder_from_a_given_start(inner, tmp_path):
    """Observables of tempered runs, whose chains start from spins and not from observables; resumed bit for bit."""
    target = wc.Ising.lattice((3, 4), 0.4)
    sampler = ParallelTempering(inner, betas=BETAS)
    options = {"warmup": 10, "chains": 2, "seed": 5, "record": "observables", "initial": np.ones(12, int), **QUIET}
    whole = wc.sample(target, sampler, 400, **options)
    assert tempering(whole).log_start == pytest.approx(12 * math.log(2))
    cold, found = whole.thermodynamics(), whole.thermodynamics(temperature=2)
    for name in ("energy", "heat capacity"):
        assert abs(cold[name].value - found[name].value) < 4 * math.hypot(cold[name].error, found[name].error)
    part = wc.sample(target, sampler, 150, store=tmp_path / "run.zarr", **options)
    del part
    longer = wc.extend(wc.load(tmp_path / "run.zarr"), 250, progress=False)
    np.testing.assert_array_equal(longer.draws, whole.draws)
    with pytest.raises(ArgumentError, match="`temperature`"):
        whole.thermodynamics(temperature=3)
    with pytest.raises(ArgumentError, match="`initial`"):
        wc.sample(target, sampler, 10, **{**options, "initial": np.ones(3)})


def test_a_lattice_of_a_billion_spins_lists_no_edges():
    target = wc.Ising.lattice((32768, 32768), 0.3)
    system = ParallelTempering(PackedIsing(), 4).bind(target)
    assert isinstance(system, BoundPackedTempering)
    assert "edges" not in target.__dict__
    with pytest.raises(MemoryError, match="1000 replicas of 1,073,741,824 spins"):
        ParallelTempering(PackedIsing(), 1000).bind(target).start(1)


def test_what_cannot_be_tempered_is_refused():
    lattice = wc.Ising.lattice((4, 4), 0.3)
    with pytest.raises(ArgumentError, match="`clusters`"):
        ParallelTempering(PackedIsing(), 3, copies=2, clusters=True).bind(lattice)
    with pytest.raises(ArgumentError, match="use Gibbs"):
        ParallelTempering(PackedIsing(), 3).bind(wc.Ising.glass((4, 4), seed=1))
    with pytest.raises(ArgumentError, match="`driver`"):
        ParallelTempering(PackedIsing(), 3).bind(lattice, "rotation-2")
    with pytest.raises(ArgumentError, match="`reference`"):
        ParallelTempering(PackedIsing(), 3, reference=(0.0, 1.0)).bind(lattice)
    with pytest.raises(ArgumentError, match="Observables around ParallelTempering"):
        ParallelTempering(wc.samplers.Observables(Gibbs()), 3).bind(lattice)


def test_where_calls_begin_changes_no_bit():
    """Blocks end by the clock: a run in pieces, of even and of odd length, tells the same numbers, and the ladder is tuned by the same sums."""
    system = ParallelTempering(PackedIsing(), 4, copies=2, swap_every=2).bind(wc.Ising.lattice((9, 14), 0.4))

    def tells(piece):
        state, draws, told = system.start(6), np.empty((48, 3)), np.empty((2, 48, len(system.stats_names)))
        for first in range(0, 48, piece):
            rows = slice(first, first + piece)
            system.warm(state, piece, first, 200, draws[rows], told[0, rows])
        tuned = [state.tuning[name].copy() for name in ("refused", "rounds")]
        for first in range(0, 48, piece):
            rows = slice(first, first + piece)
            system.run(state, piece, 1, draws[rows], told[1, rows], np.empty(0))
        return [told, draws, *tuned]

    whole = tells(48)
    assert whole[3] == 24
    for piece in (1, 2, 3, 16):
        for part, other in zip(tells(piece), whole, strict=True):
            np.testing.assert_array_equal(part, other)
