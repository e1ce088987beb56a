"""Torus maps and interval exchanges: exactness, kinds, entropy, and rates of averages that theorems give."""

import itertools
import math

import numpy as np
import pytest

from weakchaos.core.errors import ArgumentError, ArgumentTypeError
from weakchaos.core.system import State
from weakchaos.drivers import IntervalExchange, Rotation, StandardMap, ToralMap

GOLDEN = math.log((3 + math.sqrt(5)) / 2)


def points(driver, n, seed=1):
    return driver.advance(driver.start(seed), 2 * n).reshape(n, 2)


def on_circle(difference):
    return np.abs((difference + 0.5) % 1.0 - 0.5)


@pytest.mark.parametrize(
    ("driver", "kind", "entropy"),
    [
        (ToralMap.elliptic(), "elliptic", 0.0),
        (ToralMap.parabolic(), "parabolic", 0.0),
        (ToralMap.hyperbolic(), "hyperbolic", GOLDEN),
        (ToralMap(((0, -1), (1, 0))), "elliptic", 0.0),  # a quarter turn
        (ToralMap(((-1, 0), (0, -1)), (3, 5)), "elliptic", 0.0),
        (ToralMap(((1, 5), (0, 1))), "parabolic", 0.0),
        (ToralMap(((-1, 1), (0, -1))), "parabolic", 0.0),
        (ToralMap(((0, 1), (1, 0))), "elliptic", 0.0),  # a reflection
        (ToralMap(((1, 1), (1, 0))), "hyperbolic", GOLDEN / 2),  # Fibonacci's matrix, the root of the cat map's
        (ToralMap(((5, 2), (2, 1))), "hyperbolic", math.log(3 + 2 * math.sqrt(2))),
    ],
)
def test_kinds_and_entropies(driver, kind, entropy):
    assert driver.kind == kind
    assert driver.entropy == pytest.approx(entropy, abs=1e-12)
    assert driver.lyapunov == pytest.approx(entropy / 2, abs=1e-12)


@pytest.mark.parametrize(
    "driver", [ToralMap.elliptic(), ToralMap.parabolic(), ToralMap.hyperbolic(), ToralMap(((3, 4), (2, 3)), (7, 2**63))], ids=repr
)
def test_points_follow_the_map(driver):
    x = points(driver, 200)
    matrix, shift = np.array(driver.matrix), np.array([float(v) for v in driver.shift]) / 2.0**64
    assert on_circle(x[1:] - x[:-1] @ matrix.T - shift).max() < 1e-14 * 8


def test_integers_are_exact():
    """Against Python's integers, over enough steps to blow any rounding up."""
    driver = ToralMap.hyperbolic()
    stream = driver.open(3)
    x, y = (int(v) for v in stream.words[:2])
    u = driver.advance(State(driver=stream), 400).reshape(-1, 2)
    for row in u:
        x, y = (2 * x + y) % 2**64, (x + y) % 2**64
        assert row.tolist() == [(x >> 11) * 2.0**-53, (y >> 11) * 2.0**-53]


def conditional_entropies(symbols, longest):
    """H(n + 1) - H(n) of words, in nats per symbol, bias of the counts corrected (Miller 1955)."""
    code, entropies = symbols, []
    for length in range(1, longest + 1):
        if length > 1:
            code = code[: len(symbols) - length + 1] * (symbols.max() + 1) + symbols[length - 1 :]
        _, code, counts = np.unique(code, return_inverse=True, return_counts=True)
        p = counts / counts.sum()
        entropies.append(-(p * np.log(p)).sum() + (len(counts) - 1) / (2 * counts.sum()))
    return np.diff(entropies)


def test_entropy_rates_of_the_three_kinds():
    """The turns that the cat map carries over generate it, so their block entropies tend to log((3 + sqrt 5) / 2), from above (Sinai's theorem)."""
    x, y = points(ToralMap.hyperbolic(), 2_000_000).T
    carried = 2 * np.floor(2 * x + y).astype(int) + np.floor(x + y).astype(int)
    assert conditional_entropies(carried, 9)[-1] == pytest.approx(GOLDEN, rel=0.01)
    for driver in (ToralMap.elliptic(), ToralMap.parabolic()):
        x, y = points(driver, 200_000).T
        rates = conditional_entropies(2 * (x > 0.5) + (y > 0.5), 60)
        assert rates[-1] < 0.05 * GOLDEN
        assert rates[-1] < 0.25 * rates[9]  # and falling: the number of words grows like a power of their length


def root_mean_square_slope(driver, f, truth, seeds=200):
    counts = np.unique(np.geomspace(64, 40_000, 60).astype(int))  # errors of a rotation go up and down with T
    errors = np.array([np.cumsum(f(points(driver, counts[-1], seed)))[counts - 1] / counts - truth for seed in range(seeds)])
    logs = np.log(np.sqrt(np.mean(errors**2, axis=0)))
    fit, covariance = np.polyfit(np.log(counts), logs, 1, cov=True)
    return fit[0], math.sqrt(covariance[0, 0])


def smooth(x):
    return np.exp(0.7 * np.cos(2 * np.pi * x[:, 0]) + 0.7 * np.sin(2 * np.pi * (x[:, 0] + x[:, 1])))


def test_rates_of_a_smooth_integral_on_the_torus():
    """A rotation has errors like 1 / T. Under the skew shift, modes e(m x + n y) with n != 0 are orthogonal at different times, as a random start
    makes them, so the root mean square error is exactly that of independent points; so it is, but for correlations, under the cat map."""
    grid = (np.arange(200) + 0.5) / 200
    truth = smooth(np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)).mean()
    for driver, slope in ((ToralMap.elliptic(), -1.0), (ToralMap.parabolic(), -0.5), (ToralMap.hyperbolic(), -0.5)):
        found, error = root_mean_square_slope(driver, smooth, truth)
        assert error < 0.05, driver.name
        assert found == pytest.approx(slope, abs=0.06), driver.name


def test_modes_of_the_skew_shift_have_the_error_of_independent_points():
    n, seeds = 500, 4000
    sums = [np.exp(2j * np.pi * points(ToralMap.parabolic(), n, seed)[:, 1]).sum() for seed in range(seeds)]
    assert np.mean(np.abs(sums) ** 2) / n == pytest.approx(1.0, abs=5 / math.sqrt(seeds))
    x_only = [np.exp(2j * np.pi * points(ToralMap.parabolic(), n, seed)[:, 0]).sum() for seed in range(20)]
    assert np.mean(np.abs(x_only) ** 2) / n < 0.01  # the golden rotation


def exchange_slope(n_intervals, seeds=100, powers=range(6, 19)):
    counts = 2 ** np.array(powers)
    logs = []
    for seed in range(seeds):
        driver = IntervalExchange(tuple(np.random.default_rng(seed).dirichlet(np.ones(n_intervals))))
        u = driver.advance(driver.start(seed), counts[-1])[:, 0]
        values = np.cos(2 * np.pi * u) + 0.5 * np.sin(4 * np.pi * u)
        logs.append(np.log(np.abs(np.cumsum(values)[counts - 1] / counts) + 1e-300))
    fit, covariance = np.polyfit(np.log(counts), np.mean(logs, axis=0), 1, cov=True)
    return fit[0], math.sqrt(covariance[0, 0])


def test_interval_exchanges_stand_between():
    """Sums over a reversed exchange of four intervals grow like T**(1/3), of five like T**(1/2): the second exponents of Kontsevich and Zorich in
    genus two (A. Zorich, Ergod. Th. Dynam. Sys. 17 (1997) 1477; values proved by M. Bainbridge, Geom. Topol. 11 (2007) 1887)."""
    slopes = {n: exchange_slope(n) for n in (2, 4, 5)}
    assert all(error < 0.05 for _, error in slopes.values())
    for n, growth in ((2, 0.0), (4, 1 / 3), (5, 1 / 2)):
        assert slopes[n][0] == pytest.approx(growth - 1.0, abs=0.08), n


def test_an_exchange_is_a_bijection_and_a_translation_on_each_interval():
    driver = IntervalExchange((0.1 * 2**0.5, 0.2, 0.3 * 5**0.5, 0.4), order=(3, 1, 0, 2))
    u = driver.advance(driver.start(1), 100_000)[:, 0]
    ends = np.cumsum(driver.lengths)
    which = np.searchsorted(ends, u[:-1], side="right")
    steps = (u[1:] - u[:-1]) % 1.0
    widths = driver.lengths
    starts = {3: 0.0, 1: widths[3], 0: widths[3] + widths[1], 2: widths[3] + widths[1] + widths[0]}
    for k in range(4):
        expected = (starts[k] - (ends[k] - widths[k])) % 1.0
        assert np.allclose(steps[which == k], expected, atol=1e-12)
        assert (which == k).mean() == pytest.approx(widths[k], abs=2e-3)


def test_two_intervals_are_a_rotation():
    lengths = (1 - (math.sqrt(5) - 1) / 2, (math.sqrt(5) - 1) / 2)
    driver = IntervalExchange(lengths)
    u = driver.advance(driver.start(1), 1000)[:, 0]
    golden = Rotation()
    v = golden.advance(golden.start(1), 1000)[:, 0]
    assert np.allclose(np.sort((u[1:] - u[:-1]) % 1), np.sort((v[1:] - v[:-1]) % 1), atol=1e-9)


def test_standard_map_follows_its_formula_and_keeps_areas():
    driver = StandardMap(3.0)
    stream = driver.open(5)
    p = int(stream.words[1]) / 2.0**64
    u = [int(stream.words[0]) / 2.0**64, *driver.advance(State(driver=stream), 50)[:, 0]]
    for before, after in itertools.pairwise(u):
        p = (p + 3.0 / (2 * math.pi) * math.sin(2 * math.pi * before)) % 1.0
        assert on_circle(after - before - p) < 1e-12
        p = (after - before) % 1.0


@pytest.mark.parametrize("kick", [20.0, 50.0])
def test_exponent_of_strong_kicks(kick):
    """log(K / 2), Chirikov 1979."""
    assert StandardMap(kick).lyapunov == pytest.approx(math.log(kick / 2), abs=0.03)


def test_weak_kicks_leave_orbits_regular():
    exponents = StandardMap(0.3).exponents
    assert max(exponents) < 2e-3
    assert StandardMap(0.0).lyapunov == 0.0
    mixed = StandardMap(1.5).exponents  # islands and a sea
    assert mixed[0] < 1e-3
    assert mixed[-1] > 0.2


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="determinant 1 or -1"):
        ToralMap(((2, 0), (0, 1)))
    with pytest.raises(ArgumentTypeError, match="`matrix`"):
        ToralMap((1, 2, 3))
    with pytest.raises(ArgumentError, match="`matrix`"):
        ToralMap(((1.5, 0), (0, 1)))
    with pytest.raises(ArgumentError, match="`lengths` must be 2 to 64 positive"):
        IntervalExchange((1.0, -1.0))
    with pytest.raises(ArgumentError, match="must not keep the first 1"):
        IntervalExchange((1.0, 1.0, 1.0), order=(0, 2, 1))
    with pytest.raises(ArgumentError, match="`order` must hold each of 0 to 2 once"):
        IntervalExchange((1.0, 1.0, 1.0), order=(0, 2, 2))
    with pytest.raises(ArgumentError, match="`kick` must be a finite number from 0"):
        StandardMap(-1.0)
    with pytest.raises(ArgumentError, match="`data`"):
        ToralMap().restore(ToralMap().open(1).to_bytes()[:16] + b"\xff" * 8)
