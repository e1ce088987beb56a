"""Lattices by name against distances between their sites, exact transformations between them, and glasses."""

import itertools
import math

import numpy as np
import pytest

import weakchaos as wc
from weakchaos.core.errors import ArgumentError
from weakchaos.runs.description import describe, rebuild
from weakchaos.targets.lattices import LATTICES, Lattice

NEIGHBOURS = {"triangular": (6, 6), "honeycomb": (3, 6), "kagome": (4, 4), "cubic": (4, 4)}


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("kind", NEIGHBOURS)
@pytest.mark.parametrize("order", [1, 2])
def test_neighbours_are_the_sites_at_the_least_distances(kind, periodic, order):
    """Every pair of sites, in all images of the torus, by its distance in the plane."""
    shape = (5, 6)
    lattice = Lattice(shape, kind, periodic)
    axes = np.array([[1.0, 0.0], [0.5, math.sqrt(3) / 2]]) if kind != "cubic" else np.eye(2)
    places = lattice.positions()
    images = itertools.product((-1, 0, 1), repeat=2) if periodic else [(0, 0)]
    distances = [np.linalg.norm((places[None] + np.array(m) * shape - places[:, None]) @ axes, axis=-1) for m in images]
    all_of_them = np.unique(np.round(np.concatenate([d.ravel() for d in distances]), 6))
    wanted = sum((np.round(d, 6) == all_of_them[order]).astype(int) for d in distances)
    i, j = lattice.edges(order)
    have = np.zeros_like(wanted)
    np.add.at(have, (i, j), 1)
    assert np.array_equal(have + have.T, wanted)
    if periodic:
        assert (wanted.sum(0) == NEIGHBOURS[kind][order - 1]).all()


@pytest.mark.parametrize(("shape", "near", "far"), [((3, 4, 5), 6, 12), ((5,), 2, 2), ((3, 3, 3, 3), 8, 24)])
def test_hyper_cubes_have_two_neighbours_an_axis_and_four_a_plane(shape, near, far):
    lattice = Lattice(shape)
    for order, number in ((1, near), (2, far)):
        assert (np.bincount(np.concatenate(lattice.edges(order)), minlength=lattice.n_sites) == number).all()


def spins(n):
    return np.array(list(itertools.product((-1, 1), repeat=n)))


def test_sides_of_one_and_two():
    ladder = Lattice((1, 6))
    assert len(ladder.edges()[0]) == 6
    assert len(ladder.edges(2)[0]) == 0
    i, j = Lattice((2,)).edges(2)
    assert len(i) == len(j) == 0
    i, j = Lattice((2, 2), "triangular").edges()
    assert (i != j).all()
    assert len(i) == 12


def test_star_triangle_transformation():
    """Honeycomb spins summed over one of their two sublattices are triangular: ``exp(4 L) = cosh 3K / cosh K`` (Wannier, Rev. Mod. Phys. 17 (1945) 50)."""
    k = 0.7
    honeycomb = wc.Ising.lattice((3, 3), k, kind="honeycomb")
    triangular = wc.Ising.lattice((3, 3), math.log(math.cosh(3 * k) / math.cosh(k)) / 4, kind="triangular")
    # Each spin of the summed sublattice gives 2 cosh(K times the sum of its three neighbours), whatever the others are.
    couplings = np.zeros((18, 18))
    np.add.at(couplings, (honeycomb.edges[:, 0], honeycomb.edges[:, 1]), k)
    kept, summed = np.arange(0, 18, 2), np.arange(1, 18, 2)
    between = (couplings + couplings.T)[np.ix_(summed, kept)]
    s = spins(9)
    marginal = np.log(np.cosh(s @ between.T)).sum(1)
    expected = triangular.log_prob_of_spins(s)
    assert np.ptp(marginal - expected) < 1e-10
    wrong = wc.Ising.lattice((3, 3), k, kind="triangular").log_prob_of_spins(s)
    assert np.ptp(marginal - wrong) > 0.1


def test_kagome_is_the_decorated_honeycomb_without_its_sites():
    """Spins in the middles of the edges of a honeycomb are kagome spins once the honeycomb spins are summed over: a star becomes a triangle (Syôzi 1951)."""
    k = 0.4
    kagome = wc.Ising.lattice((2, 2), math.log(math.cosh(3 * k) / math.cosh(k)) / 4, kind="kagome", periodic=True)
    near = {tuple(sorted(e)) for e in kagome.edges.tolist()}
    # On this small torus a triangle is three sites of a cell, or the three sites that close around a cell.
    cells = np.arange(12).reshape(2, 2, 3)
    up = cells.reshape(4, 3)
    down = np.stack([cells[..., 0], np.roll(cells[..., 1], 1, 0), np.roll(cells[..., 2], 1, 1)], -1).reshape(4, 3)
    for triangle in (*up.tolist(), *down.tolist()):
        assert all(tuple(sorted(pair)) in near for pair in itertools.combinations(triangle, 2))
    s = spins(12)
    stars = sum(np.log(np.cosh(k * s[:, t].sum(1))) for t in (*up, *down))
    assert np.ptp(stars - kagome.log_prob_of_spins(s)) < 1e-10


def test_next_nearest_couplings_have_their_energy():
    target = wc.Ising.lattice((3, 3), 0.5, coupling=-0.3, field=0.2, next_nearest=0.8, periodic=False)
    s = np.random.default_rng(0).choice([-1, 1], (20, 9))
    square = s.reshape(20, 3, 3)
    near = (square[:, 1:] * square[:, :-1]).sum((1, 2)) + (square[:, :, 1:] * square[:, :, :-1]).sum((1, 2))
    far = (square[:, 1:, 1:] * square[:, :-1, :-1]).sum((1, 2)) + (square[:, 1:, :-1] * square[:, :-1, 1:]).sum((1, 2))
    energy = 0.5 * (-0.3 * near + 0.8 * far + 0.2 * s.sum(1))
    assert np.ptp(target.log_prob_of_spins(s) - energy) < 1e-10
    potts = wc.Potts.lattice((3, 3), 2, 1.0, next_nearest=0.8, periodic=False)
    difference = potts.log_prob((s + 1) // 2) - (near + 0.8 * far) / 2
    assert np.ptp(difference) < 1e-10


@pytest.mark.parametrize("kind", ["pm_j", "gaussian"])
def test_glasses_are_drawn_by_their_seed(kind):
    glass = wc.Ising.glass((6, 6, 6), beta=0.7, seed=3, kind=kind)
    again = wc.Ising.glass((6, 6, 6), beta=0.7, seed=3, kind=kind)
    other = wc.Ising.glass((6, 6, 6), beta=0.7, seed=4, kind=kind)
    assert len(glass.edges) == 3 * 216
    assert np.array_equal(glass.bare_couplings, again.bare_couplings)
    assert not np.array_equal(glass.bare_couplings, other.bare_couplings)
    assert np.allclose(glass.weights, 4 * 0.7 * glass.bare_couplings)
    assert abs(glass.bare_couplings.mean()) < 5 / math.sqrt(648)
    assert (glass.bare_couplings**2).mean() == pytest.approx(1.0, abs=5 * math.sqrt(2 / 648) if kind == "gaussian" else 1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: wc.Ising.glass((3, 4), 0.8, seed=1, kind="gaussian", field=0.3, lattice="triangular"),
        lambda: wc.Ising.lattice((3, 4), 0.8, kind="kagome", field=-0.1),
        lambda: wc.Potts.lattice((3, 4), 3, 0.8, kind="honeycomb"),
    ],
)
def test_they_are_made_again_from_plain_data(make):
    target, arrays = make(), {}
    again = rebuild(describe(target, arrays), arrays)
    assert again.geometry == target.geometry
    assert again.beta == target.beta
    x = np.random.default_rng(1).integers(0, 2, (5, target.dim))
    assert np.array_equal(again.log_prob(x), target.log_prob(x))
    assert np.array_equal(again.bare_couplings, target.bare_couplings)


@pytest.mark.parametrize(
    "sampler", [wc.herding.HerdedGibbs(), wc.samplers.ChaoticBoltzmann(rates="incommensurate"), wc.samplers.Gibbs("checkerboard")]
)
@pytest.mark.parametrize("kind", [*LATTICES, "glass", "next nearest"])
def test_marginals_on_every_lattice(kind, sampler):
    """Deterministic samplers and Gibbs sampling find the exact mean of every spin of a small lattice in a field."""
    if kind == "glass":
        target = wc.Ising.glass((2, 3, 2), 0.25, seed=1, kind="gaussian", field=0.8)
    elif kind == "next nearest":
        target = wc.Ising.lattice((3, 3), 0.15, next_nearest=-0.5, field=1.0)
    else:
        target = wc.Ising.lattice((3, 2), 0.15, kind=kind, field=1.0)
    exact = np.array([2 * p[1] - 1 for p in target.marginals()])
    trace = wc.sample(target, sampler, draws=4000, warmup=100, chains=2, seed=1, progress=False)
    assert np.abs(trace.mean() - exact).max() < 0.05


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wc.Ising.lattice((4, 4), 0.3, kind="pentagonal"), "`kind`.*kagome.*pentagonal"),
        (lambda: wc.Ising.lattice((4, 4, 4), 0.3, kind="kagome"), "`shape`.*two sides"),
        (lambda: wc.Ising.glass((4, 4), seed=1, kind="cauchy"), "`kind`.*gaussian.*cauchy"),
        (lambda: wc.Ising.glass((4, 4), seed=-1), "`seed`"),
        (lambda: wc.Ising.glass((4, 4), beta=np.nan, seed=1), "`beta`"),
        (lambda: wc.Ising.lattice((4, 4), 0.3, next_nearest=np.inf), "`next_nearest`"),
        (lambda: wc.Ising.lattice((1 << 13, 1 << 13), 0.3, kind="kagome"), "`shape`"),
        (lambda: wc.samplers.PackedIsing().bind(wc.Ising.lattice((4, 4), 0.3, kind="kagome")), "Gibbs"),
    ],
)  # fmt: skip
def test_bad_input(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
