"""Routing by agreement: growth with memory, fixed points without, and the pitchfork where symmetric votes lose their symmetry."""

import math

import numpy as np
import pytest

import weakchaos as wc
from tests.conformance import check_system
from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.renormalization import CapsuleRouting


def votes(scale, seed):
    return scale * np.random.default_rng(seed).normal(size=(24, 5, 8))


def slow_round(u, b):
    """One round as published, one pair at a time."""
    inputs, capsules, _ = u.shape
    c = [[math.exp(b[i][j]) / sum(math.exp(b[i][k]) for k in range(capsules)) for j in range(capsules)] for i in range(inputs)]
    out = np.zeros((inputs, capsules))
    for j in range(capsules):
        s = sum(c[i][j] * u[i, j] for i in range(inputs))
        v = s @ s / (1 + s @ s) * s / math.sqrt(s @ s)
        for i in range(inputs):
            out[i, j] = b[i][j] + u[i, j] @ v
    return out


def test_a_round_is_as_published():
    u = np.random.default_rng(0).normal(size=(4, 3, 2))
    routing = CapsuleRouting(u)
    state, slow = routing.start(), np.zeros((4, 3))
    for _ in range(4):
        slow = slow_round(u, slow)
        assert np.allclose(routing.advance(state, 1)[0], slow.ravel(), atol=1e-12)


@pytest.mark.parametrize("memory", [True, False])
def test_system(memory, rng):
    routing = CapsuleRouting(votes(0.5, 0)[:4, :3, :2], memory, 1.3)
    # Logits grow for ever with memory; without it the first rounds still move.
    check_system(routing, n=12, seeded=False)
    state, h = routing.start(position=rng.normal(size=12)), 1e-6
    v = rng.normal(size=(12, 2))
    exact = routing.tangent(state.copy(), 3, v)
    for k in range(2):
        sides = [routing.advance(routing.start(position=state.phase + s * h * v[:, k]), 3)[-1] for s in (1, -1)]
        assert np.allclose(exact[:, k], (sides[0] - sides[1]) / (2 * h), atol=1e-7)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [(0.1, [1, 1, 0.997, 0.648, 0.047]), (0.3, [0.996, 0.937, 0.422, 0.010, 0]), (1.0, [0.84, 0.34, 0.048, 0.001, 0])],
)
def test_couplings_polarise_with_memory(scale, expected):
    rows = [CapsuleRouting(votes(scale, seed)) for seed in range(6)]
    found = np.mean([r.entropies(r.start(), [1, 3, 10, 50, 300]) for r in rows], axis=0)
    assert np.allclose(found, expected, atol=0.03)
    assert min(r.growth() for r in rows) > 0.2  # logits grow linearly: there is no fixed point


def test_without_memory_it_settles():
    for scale, expected in ((0.1, -3.05), (0.3, -0.73), (1.0, -0.25)):
        found = [CapsuleRouting(votes(scale, seed), False).fixed_point()[1] for seed in range(6)]
        assert np.mean(found) == pytest.approx(expected, abs=0.08)
        assert max(found) < 0
    assert CapsuleRouting(votes(0.3, 0), False).growth() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("length", "share"), [(math.sqrt(3) / 5, 0.3998), (0.2, 0.142)])
def test_the_pitchfork(length, share):
    """Ten equal votes in two capsules: symmetric below beta_c = (I / 4) (1 + s^2)^2 / s^3, polarised above."""
    critical = CapsuleRouting.critical_beta(10, length)
    push, u = np.tile([1e-3, -1e-3], 10), np.full((10, 2, 1), length)
    below, above = (CapsuleRouting(u, False, factor * critical) for factor in (0.97, 1.03))
    place, exponent = below.fixed_point(push, 20_000)
    assert exponent == pytest.approx(math.log(0.97), abs=1e-8)
    assert np.abs(below.couplings(place) - 0.5).max() < 1e-8
    place, exponent = above.fixed_point(push, 20_000)
    assert np.abs(above.couplings(place) - 0.5).max() == pytest.approx(share, abs=1e-3)
    assert exponent < 0
    place, exponent = above.fixed_point()  # symmetric votes never leave symmetry, which is unstable now
    assert exponent == pytest.approx(math.log(1.03), abs=1e-8)
    assert CapsuleRouting.critical_beta(10, math.sqrt(3) / 5) == pytest.approx(0.76980 * 10, rel=1e-4)
    lengths = np.linspace(0.2, 0.6, 401)
    best = lengths[np.argmin([CapsuleRouting.critical_beta(10, float(a)) for a in lengths])]
    assert best == pytest.approx(math.sqrt(3) / 5, abs=2e-3)


def test_the_spectrum_is_that_of_the_derivative():
    routing = CapsuleRouting(votes(0.3, 1)[:6, :3], False)
    exponent = routing.fixed_point()[1]
    found = wc.diagnostics.lyapunov_spectrum(routing, k=1, steps=300, transient=300, every=1)
    assert found.exponents[0] == pytest.approx(exponent, abs=5e-3)


def test_agreeing_votes_win():
    """Parts of one object vote alike for its capsule, and routing sends them there: the more so the better they agree."""
    rng, found = np.random.default_rng(0), []
    for agreement in (0.0, 1.0, 2.0):
        hits = []
        for _ in range(40):
            u, owner = 0.5 * rng.normal(size=(12, 2, 8)), np.repeat([0, 1], 6)
            pose = rng.normal(size=(2, 8))
            for i, j in enumerate(owner):
                u[i, j] += agreement * pose[j]
            routing = CapsuleRouting(u)
            state = routing.start()
            routing.advance(state, 3)
            hits.append((routing.couplings(state.phase).argmax(1) == owner).mean())
        found.append(np.mean(hits))
    assert found[0] == pytest.approx(0.5, abs=0.1)
    assert found[0] + 0.2 < found[1] <= found[2]
    assert found[2] > 0.95


@pytest.mark.parametrize(
    "call",
    [
        lambda: CapsuleRouting(np.ones((3, 4))),
        lambda: CapsuleRouting(np.ones((0, 2, 2))),
        lambda: CapsuleRouting(np.full((2, 2, 2), np.nan)),
        lambda: CapsuleRouting("votes"),
        lambda: CapsuleRouting(np.ones((2, 2, 2)), memory="yes"),
        lambda: CapsuleRouting(np.ones((2, 2, 2)), beta=0.0),
        lambda: CapsuleRouting(np.ones((2, 1, 2))).entropy(np.zeros(2)),
        lambda: CapsuleRouting(np.ones((2, 2, 2))).start(0, [1.0, np.nan, 0.0, 0.0]),
        lambda: CapsuleRouting(np.ones((2, 2, 2))).start(0, [1.0]),
        lambda: CapsuleRouting(np.ones((2, 2, 2))).entropies(CapsuleRouting(np.ones((2, 2, 2))).start(), [3, 1]),
        lambda: CapsuleRouting(np.ones((2, 2, 2)) * 1j),
        lambda: CapsuleRouting(np.ones((2, 2, 2))).couplings(np.ones(5)),
        lambda: CapsuleRouting(np.ones((2, 2, 2))).couplings("ab"),
        lambda: CapsuleRouting(np.ones((2, 2, 2))).entropy(np.full(4, np.nan)),  # no number is 0 of them
        lambda: CapsuleRouting(np.ones((2, 2, 2))).outputs(np.full(4, np.inf)),
        lambda: CapsuleRouting.critical_beta(0, 1.0),
        lambda: CapsuleRouting.critical_beta(3, -1.0),
    ],
)
def test_bad_input(call):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="`"):
        call()


def test_no_fixed_point_is_said():
    with pytest.raises(ArgumentError, match="memory=False"):
        CapsuleRouting(votes(1.0, 0)).fixed_point()
    with pytest.raises(ArgumentError, match="no fixed point was reached in 2 rounds"):
        CapsuleRouting(votes(1.0, 0), False).fixed_point(rounds=2)


def test_whole_numbers_are_votes_too():
    assert np.array_equal(CapsuleRouting(np.ones((2, 2, 2), int)).votes, np.ones((2, 2, 2)))
