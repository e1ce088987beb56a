"""Packed Ising lattices: spin for spin against a slow program, in distribution against enumeration, in energy against Kaufman's formula."""

import math

import numpy as np
import pytest
from scipy import stats

import weakchaos as wc
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.samplers.packed.bit_layout import Layout
from weakchaos.samplers.packed.packed_flips import REFUSED, flip_kinds
from weakchaos.samplers.packed.packed_sweep import sweep
from weakchaos.samplers.packed.work_rows import WIDTH
from weakchaos.samplers.packed_ising import PackedIsing
from weakchaos.targets.kaufman import exact_energy

SHAPES = [
    (128, 64), (64, 64), (16, 256), (7, 9), (66, 30), (65, 3), (1, 130), (40,), (9,), (2, 5), (2, 2, 3), (8, 12, 10), (3, 4, 5), (32, 32, 32), (2, 3, 4, 5),
    (300, 4), (520, 600), (1, 1, 6), (2, 2, 2, 2, 3),
]  # fmt: skip


def neighbours(s, periodic):
    """Equal and existing neighbours of every spin; a periodic side of length 2 has its neighbour twice."""
    equal, degree = np.zeros(s.shape, int), np.zeros(s.shape, int)
    for axis, side in enumerate(s.shape):
        if side == 1:
            continue
        for step in (1, -1):
            there = np.ones(s.shape, bool)
            if not periodic:
                index = np.arange(side).reshape([-1 if a == axis else 1 for a in range(s.ndim)])
                there &= index != (0 if step == 1 else side - 1)
            equal += there & (np.roll(s, step, axis) == s)
            degree += there
    return equal, degree


def classes(layout):
    """Masks of the classes in the order in which they are moved: the two colours of what is at no end of an odd periodic axis, of what is at the end of one, of two, and so on."""
    place = np.indices(layout.shape)
    colour, ends = place.sum(0) % 2, np.zeros(layout.shape, int)
    odd = [axis for axis, side in enumerate(layout.shape) if layout.periodic and side > 1 and side % 2]
    for axis in odd:
        ends += place[axis] == layout.shape[axis] - 1
    for many in range(len(odd) + 1):
        for c in range(2):
            yield (ends == many) & (colour == c)


def swept(layout, s, kinds, lanes):
    words = layout.pack(s)
    pairs = math.prod(-(-m // 2) if a == layout.geometry.pair else m for a, m in enumerate(layout.words[:-1]))
    sweep(
        words,
        lanes[None],
        layout.geometry,
        *kinds,
        not layout.periodic,
        np.array([0, pairs]),
        1,
        0,
        layout.n_classes,
        0,
        1,
    )
    assert not (words & ~layout.alive()).any()
    return layout.unpack(words)


@pytest.fixture
def lanes(rng):
    return rng.integers(0, 2**64, (4, WIDTH), dtype=np.uint64)


@pytest.mark.parametrize("shape", SHAPES)
def test_packing_is_its_own_inverse(shape, rng):
    layout, s = Layout(shape, True), rng.choice([-1, 1], shape)
    np.testing.assert_array_equal(layout.unpack(layout.pack(s)), s)
    assert sum(int(word).bit_count() for word in layout.alive()) == s.size


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_flips_are_those_of_a_slow_program(shape, periodic, rng, lanes):
    """Flip where at most q neighbours are equal, for every q and for spins up alone too: no random number decides."""
    layout = Layout(shape, periodic)
    for q in range(2 * layout.dim + 1):
        for only_up in (False, True):
            s = rng.choice([-1, 1], shape)
            spin = 1 if only_up else -1
            counts = [
                t
                for t in range((4 if not periodic else 2) * layout.dim + 1)
                if (t - 2 * layout.dim if not periodic else 2 * (t - layout.dim)) <= 2 * (q - layout.dim)
            ]
            kinds = (
                np.array(counts, np.int64),
                np.full(len(counts), spin, np.int64),
                np.zeros(len(counts), np.int64),
                np.zeros(1, np.uint64),
            )
            found = swept(layout, s, kinds, lanes)
            for mask in classes(layout):
                equal, degree = neighbours(s, periodic)
                s = np.where(mask & (2 * equal - degree <= 2 * (q - layout.dim)) & ((s == 1) | (not only_up)), -s, s)
            np.testing.assert_array_equal(found, s)


@pytest.mark.parametrize(
    ("periodic", "shape"),
    [(True, (7, 9)), (True, (3, 4, 5)), (True, (3, 5, 7)), (True, (3, 3, 3, 3)), (False, (4, 5)), (True, (2, 5)), (True, (6, 6))],
)
def test_classes_have_no_edge_inside(periodic, shape):
    layout = Layout(shape, periodic)
    i, j = wc.targets.couplings.lattice_edges(shape, periodic)
    masks = list(classes(layout))
    assert (sum(mask.astype(int) for mask in masks) == 1).all()
    for mask in masks:
        assert not (mask.ravel()[i] & mask.ravel()[j]).any()
    # Two colours alone would have such edges on an odd torus.
    chess = np.indices(shape).sum(0) % 2
    assert (chess.ravel()[i] == chess.ravel()[j]).any() == (periodic and any(side % 2 for side in shape))


@pytest.mark.parametrize("p", [0.5, 0.1, 1 / 3, 1e-3, 1e-5, 1 - 1e-5])
def test_flips_have_their_probability(p, lanes):
    layout = Layout((512, 512), True)
    kinds = np.arange(5), np.full(5, -1), np.zeros(5, np.int64), np.full(1, int(math.ldexp(p, 64)), np.uint64)
    up, n = np.ones(layout.shape), 0
    count = 0
    for _ in range(12):
        count += int((swept(layout, up, kinds, lanes) < 0).sum())
        n += up.size
    assert abs(count - n * p) < 4.5 * math.sqrt(n * p * (1 - p))


def test_flips_of_neighbours_are_independent(lanes):
    """Along rows, columns and bits: a random word that was used twice would show."""
    layout = Layout((128, 256), True)
    kinds = np.arange(5), np.full(5, -1), np.zeros(5, np.int64), np.full(1, 1 << 63, np.uint64)
    flips = np.stack([swept(layout, np.ones(layout.shape), kinds, lanes) for _ in range(40)]).astype(float)
    for axis, shift in [(0, 1), (1, 1), (2, 1), (1, 2), (2, 2), (1, 64), (2, 128), (2, 4)]:
        product = flips * np.roll(flips, shift, axis)
        assert abs(product.sum()) < 5 * math.sqrt(product.size)


@pytest.mark.parametrize("rule", ["heat-bath", "metropolis"])
@pytest.mark.parametrize(
    ("shape", "periodic", "field"),
    [((3, 3), True, 0.0), ((2, 5), True, 0.2), ((2, 2, 3), True, 0.0), ((3, 4), False, 0.1), ((10,), True, 0.0)],
)
def test_small_lattices_are_sampled_exactly(shape, periodic, field, rule, seed):
    target = wc.Ising.lattice(shape, 0.3, field=field, periodic=periodic)
    system = PackedIsing(rule).bind(target)
    state = system.start(seed)
    n, n_draws, every = target.dim, 6000, 8
    visits = np.zeros(2**n)
    for _ in range(n_draws):
        system.advance(state, every, every)
        visits[((system.spins(state).ravel() + 1) // 2) @ (1 << np.arange(n))] += 1
    spins = 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1) - 1

    def p_value(beta):
        i, j = wc.targets.couplings.lattice_edges(shape, periodic)
        energy = (spins[:, i] * spins[:, j]).sum(1) + field * spins.sum(1)
        p = np.exp(beta * energy)
        # States of the same energy and magnetisation are one cell, so that none is nearly empty; order among them is tested by the slow program.
        _, cell = np.unique(np.round(np.stack([energy, spins.sum(1)], 1), 6), axis=0, return_inverse=True)
        expected, seen = np.bincount(cell, p / p.sum()) * n_draws, np.bincount(cell, visits)
        kept = expected > 8
        expected, seen = np.append(expected[kept], max(expected[~kept].sum(), 1e-9)), np.append(seen[kept], seen[~kept].sum())
        return stats.chisquare(seen, expected * n_draws / expected.sum()).pvalue

    assert p_value(0.3) > 1e-4
    assert p_value(0.34) < 1e-4  # a negative control


@pytest.mark.parametrize("rule", ["heat-bath", "metropolis"])
@pytest.mark.parametrize(("shape", "beta"), [((64, 64), 0.3), ((64, 96), 0.35), ((50, 64), 0.4)])
def test_energies_are_those_of_kaufman(shape, beta, rule, seed):
    system = PackedIsing(rule).bind(wc.Ising.lattice(shape, beta))
    state = system.start(seed)
    system.advance(state, 400, 400)
    energy = system.advance(state, 8000, 2)[:, 0]
    means = energy.reshape(20, -1).mean(1)
    assert abs(means.mean() - exact_energy(beta, *shape)) < 4.5 * means.std(ddof=1) / math.sqrt(20)


def test_observables_are_those_of_the_spins(rng):
    for shape, periodic in [((66, 30), True), ((7, 9), False), ((3, 4, 5), True), ((2, 5), True), ((9,), False), ((1, 1, 6), True)]:
        target = wc.Ising.lattice(shape, 0.3, coupling=1.5, field=0.2, periodic=periodic)
        system = PackedIsing().bind(target)
        s = rng.choice([-1, 1], shape)
        state = system.start(1, s.ravel())
        np.testing.assert_array_equal(system.spins(state), s)
        energy, magnetisation, structure = system._observables(system._words(state))
        assert energy == pytest.approx(energy_of(s, target), abs=1e-12)
        assert magnetisation == pytest.approx(s.mean())
        axis = system.layout.axes[-1]
        if axis >= 0:
            along = np.moveaxis(s, axis, -1)
            wave = np.exp(2j * np.pi * np.arange(along.shape[-1]) / along.shape[-1])
            assert structure == pytest.approx(abs((along * wave).sum()) ** 2 / s.size, abs=1e-9)


def energy_of(s, target):
    i, j = wc.targets.couplings.lattice_edges(s.shape, target.periodic)
    flat = s.ravel()
    return -(target.coupling * (flat[i] * flat[j]).sum() + target.field * flat.sum()) / s.size


def test_threads_change_nothing():
    target = wc.Ising.lattice((1024, 512), 0.44)
    one, two = PackedIsing().bind(target), PackedIsing(threads=2).bind(target)
    assert one.blocks > 2
    a, b = one.start(3), two.start(3)
    np.testing.assert_array_equal(one.advance(a, 5), two.advance(b, 5))
    np.testing.assert_array_equal(a.symbols, b.symbols)


def test_runs_are_split_saved_and_continued(tmp_path):
    target = wc.Ising.lattice((24, 40), 0.4)
    whole = wc.sample(target, PackedIsing(), draws=60, warmup=5, chains=2, seed=2, progress=False)
    part = wc.sample(target, PackedIsing(), draws=25, warmup=5, chains=2, seed=2, progress=False)
    part.save(tmp_path / "run.npz")
    longer = wc.extend(wc.load(tmp_path / "run.npz"), draws=35)
    np.testing.assert_array_equal(longer.draws, whole.draws)
    assert whole.names == ["energy", "magnetisation", "structure factor"]


def test_heat_bath_and_metropolis_probabilities():
    for rule, law in (
        ("heat-bath", lambda c: 1 / (1 + math.exp(c))),
        ("metropolis", lambda c: (1 - REFUSED) * min(1, math.exp(-c))),
    ):
        for field in (0.0, 0.3):
            count_of, spin_of, group, chances = flip_kinds(3, 0.2, field, False, rule)
            assert len(count_of) == (7 if field == 0.0 else 14)
            for count, spin, chance in zip(count_of, spin_of, chances[group], strict=True):
                cost = 2 * 0.2 * (2 * count - 6) + (2 * field * (2 * spin - 1) if spin >= 0 else 0)
                assert (float(chance) / 2**64 if chance else 1.0) == pytest.approx(law(cost), rel=1e-12)


def test_what_cannot_be_packed_is_refused():
    lattice = wc.Ising.lattice((4, 4), 0.3)
    with pytest.raises(ArgumentError, match="`rule`"):
        PackedIsing("glauber")
    with pytest.raises(ArgumentError, match="`start`"):
        PackedIsing(start="down")
    with pytest.raises(ArgumentError, match="`threads`"):
        PackedIsing(threads=0)
    with pytest.raises(ArgumentTypeError, match="`target`"):
        PackedIsing().bind(wc.zoo.gaussian([1.0]))
    with pytest.raises(ArgumentError, match="`target`"):
        PackedIsing().bind(wc.Ising(np.zeros((2, 2))))
    with pytest.raises(ArgumentError, match="`driver`"):
        PackedIsing().bind(lattice, "rotation-2")
    with pytest.raises(ArgumentError, match="`initial`"):
        PackedIsing().bind(lattice).start(0, np.zeros(16))
    for shape in ((2,) * 8, (1, 1)):
        with pytest.raises(ArgumentError, match="axes"):
            PackedIsing().bind(wc.Ising.lattice(shape, 0.1))


def xoshiro(state):
    """The state of xoshiro256++ after one more number (Blackman and Vigna 2021)."""
    mask = 2**64 - 1
    a, b, c, d = state
    t = b << 17 & mask
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    return a, b, c, (d << 45 | d >> 19) & mask


def test_streams_are_those_of_xoshiro(lanes):
    """Where nothing is left to chance each class takes ten words of each stream all the same."""
    layout, before = Layout((128, 256), True), lanes.copy()
    swept(layout, np.ones(layout.shape), (np.arange(5), np.full(5, -1), np.zeros(5, np.int64), np.zeros(1, np.uint64)), lanes)
    for column in (0, 1, 100, WIDTH - 1):
        state = tuple(int(v) for v in before[:, column])
        for _ in range(20):
            state = xoshiro(state)
        assert state == tuple(int(v) for v in lanes[:, column])
