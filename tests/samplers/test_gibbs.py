"""Gibbs sampling against a slow oracle fed with the same numbers, against exact marginals, and on models it cannot cross."""

import itertools
import math

import numpy as np
import pytest

from tests import naive
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.drivers import resolve
from weakchaos.runs.sampling import sample
from weakchaos.samplers import Gibbs
from weakchaos.targets.mrf import Ising, PairwiseMRF, Potts


def machine(n, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    w = np.triu(rng.normal(size=(n, n)) * scale, 1)
    return PairwiseMRF(w + w.T, rng.normal(size=n))


def star(n_leaves, q):
    j = np.zeros((n_leaves + 1, n_leaves + 1))
    j[0, 1:] = j[1:, 0] = np.linspace(0.2, 1.0, n_leaves)
    return Potts(j, q, fields=np.random.default_rng(1).normal(size=(n_leaves + 1, q)))


def uniforms(system, seed):
    """The very numbers a bound sampler will take."""
    stream = system.start(seed).driver
    state = resolve("pcg64").start(0)
    state.driver = stream
    while True:
        yield from resolve("pcg64").advance(state, 500)[:, 0]


MODELS = {
    "tabulated": (lambda: machine(5), Gibbs()),
    "pairwise": (lambda: machine(14, 2, 0.3), Gibbs()),  # a blanket of 2**13 states is not tabulated
    "tables": (lambda: star(6, 5), Gibbs()),  # nor is one of 5**6
    "free lattice by tables": (lambda: Ising.lattice((3, 4), 0.4, field=0.2, periodic=False), Gibbs("systematic")),
}


@pytest.mark.parametrize("name", MODELS)
def test_systematic_scan_is_the_oracle(name):
    make, sampler = MODELS[name]
    target = make()
    system = sampler.bind(target)
    state = system.start(3)
    expected = naive.gibbs(target, state.symbols[: target.dim], uniforms(system, 3), 40)
    assert np.array_equal(system.symbols(system.advance(state, 40)), expected)


@pytest.mark.parametrize(
    ("shape", "periodic"),
    [
        ((4, 4), True),
        ((4, 4), False),
        ((3, 5), True),
        ((2, 4), True),
        ((1, 5), True),
        ((1, 4), False),
        ((5, 1), True),
        ((2, 2), False),
    ],
)
def test_checkerboard_is_gibbs_in_its_order(shape, periodic):
    target = Ising.lattice(shape, beta=0.37, coupling=-1.2, field=0.3, periodic=periodic)
    system = Gibbs().bind(target)
    units = np.arange(target.dim).reshape(shape)
    order = [units[r, c] for colour in range(2) for r in range(shape[0]) for c in range((r + colour) % 2, shape[1], 2)]
    assert sorted(order) == list(range(target.dim))
    state = system.start(5)
    expected = naive.gibbs(target, state.symbols, uniforms(system, 5), 40, order)
    draws = system.advance(state, 40)
    assert draws.dtype == np.int8
    assert np.array_equal(draws, 2 * expected - 1)


def test_random_scan_is_the_oracle():
    target = machine(5, 4)
    system = Gibbs("random").bind(target)
    state = system.start(1)
    expected = naive.random_scan_gibbs(target, state.symbols, uniforms(system, 1), 40)
    assert np.array_equal(system.advance(state, 40), expected)


@pytest.mark.parametrize("make", [lambda: machine(6, 5), lambda: star(3, 3)])
def test_blocks_are_the_oracle(make):
    target = make()
    system = Gibbs(blocks=((0, 2), (1, 3, 2))).bind(target)
    assert system.blocks[:2] == ((0, 2), (1, 3, 2))
    state = system.start(2)
    expected = naive.block_gibbs(target, state.symbols, uniforms(system, 2), 30, system.blocks)
    assert np.array_equal(system.advance(state, 30), expected)


def z_scores(trace, truth):
    """Distance of pooled marginals from the truth in standard errors from batches."""
    x = np.concatenate(np.asarray(trace.draws, float).reshape(trace.n_chains, 50, -1, trace.draws.shape[-1]).mean(2))
    return (x.mean(0) - truth) / (x.std(0, ddof=1) / math.sqrt(len(x)))


@pytest.mark.parametrize("sampler", [Gibbs(), Gibbs("random"), Gibbs(blocks=((0, 1), (2, 3)))])
def test_marginals_are_exact(sampler):
    target = machine(5, 7)
    truth = np.array([m[1] for m in target.marginals()])
    trace = sample(target, sampler, draws=10_000, warmup=100, chains=2, seed=11, progress=False)
    assert np.abs(z_scores(trace, truth)).max() < 5
    # Negative control: the truth of a model with one coupling changed is refused.
    wrong = target.couplings()
    wrong[0, 1] = wrong[1, 0] = wrong[0, 1] + 0.5
    other = np.array([m[1] for m in PairwiseMRF(wrong, target.fields).marginals()])
    assert np.abs(z_scores(trace, other)).max() > 5


def test_exact_enumeration():
    target = machine(4, 9)
    states = np.array(list(itertools.product((0, 1), repeat=4)))
    w = target.couplings()
    energy = np.array([0.5 * s @ w @ s + target.fields @ s for s in states])
    p = np.exp(energy) / np.exp(energy).sum()
    assert np.allclose(target.log_prob(states), energy)
    assert np.allclose(target.distribution(), p)
    assert np.allclose([m[1] for m in target.marginals()], p @ states)


def test_ising_is_the_boltzmann_machine_of_its_spins():
    rng = np.random.default_rng(0)
    j = np.triu(rng.normal(size=(4, 4)), 1)
    j, h = j + j.T, rng.normal(size=4)
    target = Ising(j, h)
    spins = np.array(list(itertools.product((-1, 1), repeat=4)))
    energy = np.array([0.5 * s @ j @ s + h @ s for s in spins])
    difference = target.log_prob_of_spins(spins) - energy
    assert np.allclose(difference, difference[0])


def test_two_by_n_torus_has_double_bonds():
    # The energy of all spins up on an L x L torus is 2 L**2 bonds, L = 2 included.
    target = Ising.lattice((2, 2), beta=1.0)
    up, down = target.log_prob_of_spins(np.ones((2, 4))), target.log_prob_of_spins([1, -1, -1, 1])
    assert up[0] - down == pytest.approx(16.0)


def test_onsager_energy():
    """Energy per spin of the 2-d Ising model at beta = 0.3 (Onsager 1944), within 5 standard errors and the finite-size shift."""
    from scipy.special import ellipk

    beta, size = 0.3, 32
    k = 2 * math.sinh(2 * beta) / math.cosh(2 * beta) ** 2
    exact = -1 / math.tanh(2 * beta) * (1 + 2 / math.pi * (2 * math.tanh(2 * beta) ** 2 - 1) * ellipk(k * k))
    trace = sample(Ising.lattice((size, size), beta), Gibbs(), draws=1500, warmup=200, chains=2, seed=4, progress=False)
    s = np.asarray(trace.draws, np.int64).reshape(2, 1500, size, size)
    energy = -(s * (np.roll(s, 1, 2) + np.roll(s, 1, 3))).mean((2, 3))
    batches = energy.reshape(2 * 30, -1).mean(1)
    assert abs(batches.mean() - exact) < 5 * batches.std(ddof=1) / math.sqrt(batches.size)


def test_impossible_states_are_never_drawn():
    target = star(2, 4)
    target.fields[1, 3] = -np.inf  # the last state, where rounding of a cumulative sum would let it in
    target.fields[2, 0] = -np.inf
    start = np.array([0, 0, 1])
    trace = sample(target, Gibbs(), draws=5000, warmup=0, chains=2, seed=1, progress=False, initial=start)
    assert not (trace.draws[:, :, 1] == 3).any()
    assert not (trace.draws[:, :, 2] == 0).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PairwiseMRF([[0.0, 1.0], [0.5, 0.0]]), "symmetric"),
        (lambda: PairwiseMRF([[0.0, np.nan], [np.nan, 0.0]]), "finite"),
        (lambda: PairwiseMRF([[1.0, 0.0], [0.0, 0.0]]), "diagonal"),
        (lambda: PairwiseMRF([1.0, 2.0]), "square"),
        (lambda: PairwiseMRF([["a", "b"], ["c", "d"]]), "numbers"),
        (lambda: PairwiseMRF(np.zeros((2, 2)), [1.0]), "fields"),
        (lambda: PairwiseMRF(np.zeros((2, 2)), [1.0, np.inf]), "fields"),
        (lambda: PairwiseMRF(np.zeros((2, 2)), names=["a"]), "names"),
        (lambda: PairwiseMRF(np.zeros((21, 21))).distribution(), "20"),
        (lambda: Ising.lattice((0, 3), 1.0), "shape"),
        (lambda: Ising.lattice((3, 3), np.nan), "beta"),
        (lambda: Potts(np.zeros((2, 2)), 1), "`q`"),
        (lambda: Gibbs("diagonal"), "scan"),
        (lambda: Gibbs(blocks=((0, 9),)).bind(machine(4)), "blocks"),
        (lambda: Gibbs(blocks=((0, 0),)).bind(machine(4)), "blocks"),
        (lambda: Gibbs("random", blocks=((0, 1),)), "blocks"),
        (lambda: sample(machine(3), Gibbs(), initial=[0, 1, 2], progress=False), "initial"),
        (lambda: sample(machine(3), Gibbs(), initial=[0, 1], progress=False), "initial"),
        (lambda: sample(Ising.lattice(3, 0.1), Gibbs(), initial=[0, 1, 1], progress=False), "initial"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        call()


def test_wrong_target():
    from weakchaos.targets.density import Density

    with pytest.raises(ArgumentTypeError, match="discrete"):
        Gibbs().bind(Density(lambda x: 0.0, dim=1))


def test_blocks_of_models_whose_weights_have_no_number():
    strong = PairwiseMRF(700 * (np.ones((4, 4)) - np.eye(4)), fields=-760.0)
    assert sample(strong, Gibbs(blocks=[[0, 1], [2, 3]]), draws=50, warmup=20, seed=1, progress=False).draws.all()
    frustrated = PairwiseMRF(-800 * (np.ones((3, 3)) - np.eye(3)), fields=800.0)
    x = sample(frustrated, Gibbs(blocks=[[0, 1], [1, 2]]), draws=4000, chains=1, seed=1, progress=False).draws[0]
    counts = np.bincount(x @ [4, 2, 1], minlength=8)
    # One unit weighs exp(800), and so do two: exp(2 * 800 - 800). Three weigh 1, as none does.
    assert counts[[0, 7]].tolist() == [0, 0]
    assert (np.abs(counts[1:7] / 4000 - 1 / 6) < 0.05).all()
