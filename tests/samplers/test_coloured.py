"""Sweeps by colours: the colours themselves, the slow oracle in their order, and exact marginals."""

import numpy as np
import pytest

from tests import naive
from tests.samplers.test_gibbs import machine, star, uniforms, z_scores
from weakchaos.runs.sampling import sample
from weakchaos.samplers import Gibbs
from weakchaos.samplers.coloured import blocks_of
from weakchaos.targets.colouring import colours_of, neighbours_of
from weakchaos.targets.couplings import lattice_edges
from weakchaos.targets.mrf import Ising, PairwiseMRF, Potts
from weakchaos.targets.packaged import packaged


def own_couplings(shape, periodic, q=None, seed=0):
    """A lattice each of whose edges and units has a coupling and a field of its own."""
    rng = np.random.default_rng(seed)
    i, j = lattice_edges(shape, periodic)
    n = int(np.prod(shape))
    couplings = np.zeros((n, n))
    np.add.at(couplings, (i, j), rng.normal(size=len(i)))
    couplings += couplings.T
    return Ising(couplings, rng.normal(size=n)) if q is None else Potts(couplings, q, rng.normal(size=(n, q)))


def uneven(q=None):
    """Units with none to all others as neighbours."""
    rng = np.random.default_rng(3)
    w = np.triu(rng.normal(size=(9, 9)) * (rng.random((9, 9)) < 0.4), 1)
    w[:, 8] = 0.0
    w[0, 1:8] = 1.0
    return PairwiseMRF(w + w.T, rng.normal(size=9)) if q is None else Potts(w + w.T, q)


MODELS = {
    "a bipartite torus": lambda: own_couplings((4, 2, 6), True),
    "an odd torus": lambda: own_couplings((3, 5), True),
    "free sides": lambda: own_couplings((3, 4, 2), False),
    "uniform, three axes": lambda: Ising.lattice((4, 4, 2), 0.3, field=0.2),
    "every pair": lambda: machine(6),
    "uneven": uneven,
    "more than a block of units": lambda: own_couplings((30, 36), True),
    "Potts": lambda: own_couplings((4, 6), True, q=3),
    "Potts, odd": lambda: own_couplings((3, 3), True, q=5),
    "Potts, uneven": lambda: uneven(4),
    "no couplings": lambda: PairwiseMRF(np.zeros((4, 4)), [1.0, -1.0, 0.0, 2.0]),
    "strong fields": lambda: PairwiseMRF([[0.0, 1.0], [1.0, 0.0]], [1e4, -1e4]),
}


@pytest.mark.parametrize("name", MODELS)
def test_sweep_is_gibbs_in_the_order_of_the_colours(name):
    target = MODELS[name]()
    system = Gibbs("checkerboard").bind(target)
    colour = colours_of(*neighbours_of(target))
    assert sorted(system.order.tolist()) == list(range(target.dim))
    assert (np.diff(colour[system.order]) >= 0).all()
    sweeps = 3 if target.dim > 100 else 30
    state = system.start(5)
    expected = naive.gibbs(target, state.symbols, uniforms(system, 5), sweeps, system.order.tolist())
    assert np.array_equal(system.symbols(system.advance(state, sweeps)), expected)


@pytest.mark.parametrize("name", MODELS)
def test_neighbours_have_different_colours(name):
    target = MODELS[name]()
    colour = colours_of(*neighbours_of(target))
    edges = target.edges
    assert (colour[edges[:, 0]] != colour[edges[:, 1]]).all()
    degree = np.bincount(edges.ravel(), minlength=target.dim)
    assert colour.max() <= degree.max()
    assert sorted(set(colour.tolist())) == list(range(colour.max() + 1))


@pytest.mark.parametrize(
    ("shape", "periodic", "bipartite"), [((4, 6, 2), True, True), ((5, 7), False, True), ((5,), True, False), ((4, 5), True, False)]
)
def test_a_graph_needs_two_colours_exactly_if_it_has_no_odd_cycle(shape, periodic, bipartite):
    colours = colours_of(*neighbours_of(Ising.lattice(shape, 0.3, periodic=periodic))).max() + 1
    assert colours == 2 if bipartite else colours > 2


def test_blocks_hold_every_coupling_once_for_each_of_its_ends():
    for target in (own_couplings((30, 36), True), uneven()):
        blocks = blocks_of(target)
        dense = np.zeros((target.dim, target.dim))
        for b, most in enumerate(blocks.most):
            size = blocks.first[b + 1] - blocks.first[b]
            units = blocks.unit[blocks.first[b] : blocks.first[b + 1]]
            for k in range(most):
                at = slice(blocks.entry[b] + k * size, blocks.entry[b] + (k + 1) * size)
                np.add.at(dense, (units, blocks.neighbour[at]), blocks.weight[at])
        assert np.array_equal(dense, target.couplings())


def test_graphs_of_factors_are_swept_by_colours_too():
    target = packaged("asia").condition({"xray": 1})
    system = Gibbs("checkerboard").bind(target)
    order = system._model.free
    colour = colours_of(*neighbours_of(target))
    assert (np.diff(colour[order]) >= 0).all()
    assert not np.array_equal(order, np.sort(order))
    for scope in target.scopes:
        assert len(set(colour[list(scope)].tolist())) == len(scope)
    state = system.start(3)
    expected = naive.gibbs(target, state.symbols, uniforms(system, 3), 30, order.tolist())
    assert np.array_equal(system.advance(state, 30), expected)


@pytest.mark.parametrize("make", [lambda: own_couplings((3, 3), True, seed=2), lambda: machine(5, 7), lambda: star(3, 3)])
def test_marginals_are_exact(make):
    target = make()
    truth = np.array([m @ np.arange(len(m)) for m in target.marginals()]) * target.readout_step + target.readout_shift
    trace = sample(target, Gibbs("checkerboard"), draws=20_000, warmup=100, chains=2, seed=11, progress=False)
    assert np.abs(z_scores(trace, truth)).max() < 5


def test_two_colours_on_an_odd_ring_of_spins_moved_at_once_would_be_wrong():
    """The negative control: neighbours of one colour that are computed together see each other's old states."""
    target = Ising(np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) * 0.6)
    system = Gibbs("checkerboard").bind(target)
    truth = target.distribution() @ (np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]).sum(1) % 3 == 0)

    def aligned(bound, n=40_000):
        return (np.abs(bound.advance(bound.start(1), n).sum(1)) == 3).mean()

    assert abs(aligned(system) - truth) < 0.02
    wrong = Gibbs("checkerboard").bind(target)
    neighbours = [[1, 2], [0, 2], [0, 1]]
    wrong._blocks = wrong._blocks._replace(
        unit=np.arange(3, dtype=np.uint32), first=np.array([0, 3]), entry=np.array([0, 6]), most=np.array([2]),
        neighbour=np.array(neighbours, np.uint32).T.ravel().copy(), weight=np.full(6, 2.4), field=np.full(3, -2.4),
    )  # fmt: skip
    assert abs(aligned(wrong) - truth) > 0.02


def test_large_models_are_swept_by_colours_unless_told_otherwise():
    large = Potts.lattice((130, 130), 3, 0.5)
    assert hasattr(Gibbs().bind(large), "order")
    assert not hasattr(Gibbs().bind(Potts.lattice((4, 4), 3, 0.5)), "order")


@pytest.mark.parametrize("size", [2000.0, 1e6])
def test_fields_that_no_exponential_holds(size):
    """Units follow fields of thousands of nats, and where two states have the same field, each is taken half of the time."""
    couplings, rng = np.zeros((8, 8)), np.random.default_rng(0)
    couplings[np.arange(7), np.arange(1, 8)] = couplings[np.arange(1, 8), np.arange(7)] = 0.5
    fields, best = rng.normal(size=(8, 4)), rng.integers(0, 4, 8)
    fields[np.arange(8), best] += size
    system = Gibbs("checkerboard").bind(Potts(couplings, 4, fields))
    assert (system.advance(system.start(1), 200)[1:] == best).all()
    fields = np.tile([0.0, size, size, -size], (8, 1))
    system = Gibbs("checkerboard").bind(Potts(couplings, 4, fields))
    draws = system.advance(system.start(1), 4000)[1:]
    assert set(np.unique(draws)) == {1, 2}
    assert abs((draws == 1).mean() - 0.5) < 0.05
