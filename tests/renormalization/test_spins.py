"""Block spins, exact flows, and the Monte Carlo renormalization group against known exponents."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weakchaos as wc
from weakchaos.renormalization import (
    block_spins,
    coupling_sums,
    decimate_chain,
    migdal_kadanoff,
    migdal_kadanoff_fixed_point,
    monte_carlo_rg,
)

CRITICAL = 0.5 * math.log(1 + math.sqrt(2))


def configurations(size, draws, beta=CRITICAL, seed=0, every=2):
    system = wc.samplers.SwendsenWang().bind(wc.Ising.lattice((size, size), beta))
    state = system.start(seed)
    system.advance(state, 200, 200)
    return system.advance(state, draws * every, every).reshape(-1, size, size)


# ---- blocks ------------------------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.sampled_from([1, 2, 3]))
def test_blocks_are_majorities(seed, b, dim):
    rng = np.random.default_rng(seed)
    spins = 2 * rng.integers(0, 2, (2, *(b * k for k in (2, 3, 1)[:dim]))) - 1
    coarse = block_spins(spins, b, dim=dim, seed=1)
    for place in itertools.product(*(range(s) for s in coarse.shape)):
        n, *cell = place
        total = spins[(n, *(slice(b * c, b * c + b) for c in cell))].sum()
        assert coarse[place] == np.sign(total) or total == 0
    assert np.array_equal(block_spins((spins + 1) // 2, b, dim=dim, seed=1), coarse)
    kept = block_spins(spins, b, "decimation", dim)
    assert np.array_equal(kept, spins[(slice(None), *(slice(None, None, b) for _ in range(dim)))])
    assert np.array_equal(block_spins(spins, b, lambda blocks: blocks[..., 0], dim), kept)


def test_ties_are_decided_by_lot():
    tied = np.tile(np.array([[1, -1], [-1, 1]]), (40, 40))
    mean = block_spins(tied, 2, seed=3).mean()
    assert abs(mean) < 5 / 40
    assert not np.array_equal(block_spins(tied, 2, seed=3), block_spins(tied, 2, seed=4))


def test_bad_lattices():
    with pytest.raises(ValueError, match="`b` must divide the sides"):
        block_spins(np.ones((6, 6)), 4)
    with pytest.raises(ValueError, match="must be -1 and"):
        block_spins(np.full((4, 4), 2))
    with pytest.raises(ValueError, match="`spins` must have shape"):
        block_spins(np.ones(4))
    with pytest.raises(ValueError, match="`rule` must be"):
        block_spins(np.ones((4, 4)), rule="minority")
    with pytest.raises(ValueError, match="must give -1 or"):
        block_spins(np.ones((4, 4)), rule=lambda blocks: blocks.sum(-1))
    with pytest.raises(ValueError, match="`steps` must leave"):
        monte_carlo_rg(np.ones((200, 8, 8)), steps=3)
    with pytest.raises(ValueError, match="at least 10 configurations"):
        monte_carlo_rg(np.ones((20, 8, 8)))
    with pytest.raises(ValueError, match="must be finite"):
        block_spins(np.full((4, 4), np.nan))


# ---- flows -------------------------------------------------------------------------------------------------------------------------------


def test_decimation_of_a_chain():
    assert decimate_chain(1.0, steps=4)[1:] == pytest.approx([0.66250137, 0.35006114, 0.11367207, 0.01281154], abs=1e-8)


@given(st.floats(-3, 3), st.integers(2, 5))
def test_decimation_keeps_the_partition_function(k, b):
    """The sum over the inner spins of b bonds in a row, for equal and different ends, by brute force."""

    def chain(first, last):
        inner = itertools.product((-1, 1), repeat=b - 1)
        return sum(math.exp(k * sum(x * y for x, y in itertools.pairwise((first, *s, last)))) for s in inner)

    assert decimate_chain(k, b)[1] == pytest.approx(0.5 * math.log(chain(1, 1) / chain(1, -1)), rel=1e-9, abs=1e-12)
    assert math.isfinite(decimate_chain(15.0, 2, 3)[-1])


def test_migdal_kadanoff():
    first, dual = migdal_kadanoff_fixed_point(), migdal_kadanoff_fixed_point(order="decimate-first")
    assert (first.k, first.y_t) == pytest.approx((0.30468893, 0.747236), abs=1e-6)
    assert first.nu == pytest.approx(1.3383, abs=1e-4)
    assert dual.k == pytest.approx(0.609378, abs=1e-6)
    assert dual.y_t == pytest.approx(first.y_t, rel=1e-12)
    assert math.sinh(2 * first.k) * math.sinh(2 * dual.k) == pytest.approx(1, rel=1e-9)  # Kramers and Wannier
    assert migdal_kadanoff(0.4)[1] == pytest.approx(0.5 * math.log(math.cosh(1.6)), rel=1e-12)
    assert migdal_kadanoff(0.31, steps=30)[-1] > 1e3
    assert migdal_kadanoff(0.30, steps=30)[-1] < 1e-3
    three = migdal_kadanoff_fixed_point(d=3)
    h = 1e-6
    slope = (migdal_kadanoff(three.k + h, d=3)[1] - migdal_kadanoff(three.k - h, d=3)[1]) / (2 * h)
    assert three.y_t == pytest.approx(math.log2(slope), abs=1e-7)
    with pytest.raises(ValueError, match="`d` must be at least 2"):
        migdal_kadanoff_fixed_point(d=1)
    with pytest.raises(ValueError, match="`order`"):
        migdal_kadanoff(0.3, order="both")


# ---- Monte Carlo -------------------------------------------------------------------------------------------------------------------------


def test_sums_are_those_of_rolled_arrays(rng):
    s = 2 * rng.integers(0, 2, (5, 6, 8)) - 1

    def at(r, c):
        return np.roll(s, (-r, -c), (1, 2))

    right, down, left, up = at(0, 1), at(1, 0), at(0, -1), at(-1, 0)
    expected = [
        s * (right + down),
        s * (at(1, 1) + at(1, -1)),
        s * right * down * at(1, 1),
        s * (at(0, 2) + at(2, 0)),
        s,
        s * (left + right) * (up + down),
        s * (left * right + up * down),
        s * (at(1, 1) + at(-1, 1)) * (at(1, -1) + at(-1, -1)),
    ]
    assert np.array_equal(coupling_sums(s), np.stack([e.sum((1, 2)) for e in expected], 1))


def test_exponents_of_the_square_lattice():
    result = monte_carlo_rg(configurations(32, 6000), steps=2)
    y_t, y_h = result.y_t[1, 3], result.y_h[1, 3]
    assert abs(y_t - 1) < 5 * result.y_t_stderr[1, 3] + 0.01
    assert abs(y_h - 1.875) < 5 * result.y_h_stderr[1, 3] + 0.002
    assert result.y_t_stderr[1, 3] < 0.05
    assert "32 -> 16" in result.table()
    assert result.nu[1, 3] == 1 / y_t


def test_off_criticality_the_flow_leaves():
    """At high temperature block spins become independent: the thermal eigenvalue is that of disorder."""
    result = monte_carlo_rg(configurations(32, 3000, beta=0.3), steps=2)
    assert result.y_t[1, 0] < 0.8
    assert result.y_h[1, 0] < 1.6


@pytest.mark.slow
def test_exponents_of_a_large_lattice():
    """L = 64, second step, four couplings: |y_t - 1| < 0.015, |y_h - 1.875| < 0.004."""
    result = monte_carlo_rg(configurations(64, 40_000), steps=3)
    assert abs(result.y_t[1, 3] - 1) < 0.015
    assert abs(result.y_h[1, 3] - 1.875) < 0.004
