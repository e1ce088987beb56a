"""Reference systems and what is known of them: which test holds each row, and the rows that no other test holds.

Rows are those of the table of reference values; ``python benchmarks/ground_truth.py`` measures all of them and prints the differences.

====  ===========================================  =======================================================================================
row   system                                       tests
====  ===========================================  =======================================================================================
1     logistic r = 4                               test_spectrum::test_logistic
2     logistic r = 3.2                             test_spectrum::test_logistic test_maps::test_logistic_periods test_exact_float_periods
3     logistic r = 3.5, 3.55                       test_spectrum::test_logistic test_maps::test_logistic_periods test_exact_float_periods
4     logistic r = 3.5699456718709449              test_spectrum::test_logistic test_edge_of_chaos
5     logistic r = 3.83, 3.845, 3.7389149          test_spectrum::test_logistic test_maps::test_logistic_periods test_superstable_neighbours
                                                   test_window_of_period_three
6     logistic r = 3.678573510                     test_renyi::test_logistic_windows_by_their_partitions test_topological_entropy_and_exponent
7     logistic r = 3.6, 3.7, 3.9                   test_spectrum::test_logistic
8     tent, Bernoulli shift, cat map               test_spectrum::test_exact
9     cat map mod N                                test_maps::test_cat_periods test_runs::test_cat_map_periods
10    Henon                                        test_spectrum::test_henon
11    standard map                                 test_spectrum::test_standard
12    Lorenz                                       test_spectrum::test_lorenz
13    Rossler                                      test_spectrum::test_rossler test_long_flows
14    Nose-Hoover                                  test_spectrum::test_nose_hoover test_long_flows
15    Sprott's jerk                                test_spectrum::test_sprott_jerk test_long_flows
16    Bernoulli, Markov chain                      test_entropy::test_rates_of_chains test_rates::test_chains test_rates_of_sources
17    golden-mean and even shifts                  test_renyi::test_shifts test_shifts_to_ten_digits test_rates_of_sources
18    run-length-limited shifts                    test_renyi::test_shifts test_shifts_to_ten_digits
19    Fibonacci word                               test_words::test_sturmian test_complexity::test_published_parsings test_no_entropy
20    Thue-Morse                                   test_words::test_thue_morse test_no_entropy
21    Rudin-Shapiro                                test_words::test_rudin_shapiro_and_de_bruijn test_no_entropy
22    de Bruijn                                    test_words::test_rudin_shapiro_and_de_bruijn test_runs::test_periods_of_generators
23    shift register, congruential generator       test_runs::test_periods_of_generators test_generators_as_systems
24    logistic r = 4, order patterns               test_ordinal::test_logistic_map
25    float64 cycle of logistic r = 4              test_maps::test_float_cycle_of_the_logistic_map test_float_cycle_from_other_starts
26    logistic r = 3.8319                          test_renyi::test_logistic_windows_by_their_partitions test_topological_entropy_and_exponent
====  ===========================================  =======================================================================================
"""

import ast
import math
import re
from pathlib import Path

import numpy as np
import pytest

from tests.diagnostics import naive_symbols as naive
from tests.diagnostics.test_renyi import run_length_limited
from tests.diagnostics.toy_systems import Finite
from weakchaos import systems
from weakchaos.diagnostics import find_cycle
from weakchaos.diagnostics.orbits.spectrum import lyapunov_spectrum
from weakchaos.diagnostics.series.ordinal import permutation_entropy
from weakchaos.diagnostics.series.recurrence_lines import recurrence_quantification
from weakchaos.diagnostics.series.zero_one import zero_one_test
from weakchaos.diagnostics.symbols.complexity import lempel_ziv
from weakchaos.diagnostics.symbols.entropy import entropy_rate
from weakchaos.diagnostics.symbols.renyi import shift_entropy, topological_entropy
from weakchaos.diagnostics.symbols.words import word_complexity

GOLDEN = (1 + math.sqrt(5)) / 2
FEIGENBAUM = 3.5699456718709449


def orbit(r, n, skip=100_000):
    system = systems.Logistic(r)
    state = system.start(0)
    system.advance(state, skip, skip)
    return system.advance(state, n).ravel()


def cycle(r, max_steps=100_000):
    system = systems.Logistic(r)
    state = system.start(0)
    system.advance(state, 1_000_000, 1_000_000)
    return find_cycle(system, state=state, max_steps=max_steps)


# ---- the index -----------------------------------------------------------------------------------------------------------------------------


def test_every_row_has_tests_that_exist():
    folder = Path(__file__).resolve().parents[1]
    known = {}
    for path in folder.rglob("test_*.py"):
        names = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
        known.setdefault(path.stem, set()).update(names)
    rows, row = {}, 0
    for line in __doc__.split("====\n")[2].splitlines():
        begin = re.match(r"(\d+) ", line)
        row = int(begin[1]) if begin else row
        rows.setdefault(row, []).extend(re.findall(r"(?:test_\w+::)?test_\w+", line))
    rows.pop(0, None)
    assert sorted(rows) == list(range(1, 27))
    for row, names in rows.items():
        assert names, row
        for name in names:
            module, function = name.split("::") if "::" in name else (Path(__file__).stem, name)
            assert function in known.get(module, ()), f"row {row}: {name}"


# ---- rows ----------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("r", "period"), [(2.8, 1), (3.2, 2), (3.5, 4), (3.55, 8), (3.83, 3), (3.845, 6)])
def test_exact_float_periods(r, period):
    """The float64 orbit itself ends in the cycle, to the last bit."""
    found = cycle(r)
    assert (found.period, found.preperiod) == (period, 0)


def test_edge_of_chaos():
    """At the accumulation point of period doubling no period: a return after 2^k steps misses by about 2.5029^-k (Feigenbaum 1978)."""
    x = orbit(FEIGENBAUM, 20_000, 1_000_000)
    misses = [np.abs(x[2**k :] - x[: -(2**k)]).max() for k in range(2, 12)]
    assert min(np.abs(x[n:] - x[:-n]).max() for n in range(1, 3000)) > 1e-5
    ratios = np.array(misses[:-1]) / misses[1:]
    assert np.exp(np.log(ratios[2:]).mean()) == pytest.approx(2.5029, rel=0.05)
    assert cycle(FEIGENBAUM).period is None  # rounding ends in a cycle of half a million steps
    doubled = orbit(3.5699, 20_000, 1_000_000)  # the negative control, just below
    assert min(np.abs(doubled[n:] - doubled[:-n]).max() for n in range(1, 3000)) < 1e-9


def test_superstable_neighbours():
    """Beside the superstable cycle of period 5 the exponent is very negative; the cycle itself is exact within rounding."""
    assert float(lyapunov_spectrum(systems.Logistic(3.7389149), steps=1_000_000)) == pytest.approx(-2.3292, abs=1e-3)
    found = cycle(3.7389149)
    assert found.period % 5 == 0
    assert found.period <= 10
    x = orbit(3.7389149, 64)
    assert np.abs(x[5:] - x[:-5]).max() < 1e-12


def test_window_of_period_three():
    """It opens at 1 + sqrt(8): intermittent chaos below, a stable cycle above, an exponent that falls as the root of the distance."""
    opens = 1 + math.sqrt(8)
    assert cycle(opens + 1e-6).period == 3
    assert cycle(opens - 1e-6).period is None
    assert float(lyapunov_spectrum(systems.Logistic(opens - 1e-6), steps=300_000)) > 0.02
    near, far = (float(lyapunov_spectrum(systems.Logistic(opens + d), steps=300_000)) for d in (1e-6, 1e-4))
    assert near < 0
    assert far / near == pytest.approx(10, rel=0.15)


def test_topological_entropy_and_exponent():
    """Entropy of the orbit (Pesin) is at most the topological entropy: near it at band merging, below zero in the window of period 3,
    where the periodic orbit hides a chaotic repeller."""
    merging, window = 3.678573510428322, 3.8319
    top = shift_entropy([[0, 0, 1], [0, 0, 1], [1, 1, 0]])
    measured = float(lyapunov_spectrum(systems.Logistic(merging), steps=1_000_000))
    assert top == pytest.approx(math.log(2) / 2, abs=1e-10)
    assert measured == pytest.approx(0.34215, abs=1e-3)
    assert measured < top
    assert shift_entropy([[0, 1], [1, 1]]) == pytest.approx(math.log(GOLDEN), abs=1e-10)
    assert float(lyapunov_spectrum(systems.Logistic(window), steps=1_000_000)) == pytest.approx(-1.853, abs=2e-3)
    assert float(topological_entropy((orbit(window, 10_000) > 0.5).astype(int))) == 0.0
    # The transient sees the repeller: words of many orbits before they settle.
    rng = np.random.default_rng(0)
    x = rng.uniform(0.2, 0.95, 200_000)
    words = set()
    for _ in range(12):
        bits = []
        y = x
        for _ in range(12):
            bits.append(y > 0.5)
            y = window * y * (1 - y)
        words |= set((np.array(bits).T @ (1 << np.arange(12))).tolist())
        x = window * x * (1 - x)
    assert math.log(len(words)) / 12 > 0.4


@pytest.mark.parametrize(
    ("transition", "rate"),
    [
        ([[0.3, 0.7], [0.3, 0.7]], -0.3 * math.log(0.3) - 0.7 * math.log(0.7)),
        ([[0.9, 0.1], [0.5, 0.5]], 0.386427),
        ([[1 / GOLDEN, 1 - 1 / GOLDEN], [1, 0]], math.log(GOLDEN)),
    ],
    ids=["Bernoulli", "Markov", "golden mean"],
)
def test_rates_of_sources(transition, rate):
    """Within half a percent, or four standard errors of 10^5 symbols where these are more; the shuffled chain fails."""
    s = naive.markov(transition, 100_000, 11)
    result = entropy_rate(s)
    assert abs(float(result) - rate) < max(0.005 * rate, 4 * result.stderr)
    p = np.bincount(s) / s.size
    independent = -(p * np.log(p)).sum()
    if abs(independent - rate) > 0.02:
        assert abs(float(entropy_rate(np.random.default_rng(0).permutation(s))) - rate) > 0.02


def test_shifts_to_ten_digits():
    """Largest roots of the characteristic polynomials: x^2 = x + 1; x^(most + 1) = sum of x^k, k from 0 to most - least, for run lengths."""

    def root(coefficients):
        low, high = 1.0, 2.0
        for _ in range(200):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if np.polyval(coefficients, middle) < 0 else (low, middle)
        return low

    golden = [[1, 1], [1, 0]]
    assert shift_entropy(golden) == pytest.approx(math.log(GOLDEN), abs=1e-10)
    # The even shift has the same graph, a zero being its loop; odd blocks of ones are forbidden: F(n + 3) - 1 words of length n.
    chain = naive.markov([[1 / GOLDEN, 1 - 1 / GOLDEN], [1, 0]], 100_000, 0)
    fibonacci = [1, 1]
    while len(fibonacci) < 16:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    assert word_complexity(chain[:-1] | chain[1:], np.arange(1, 10)).tolist() == [fibonacci[n + 2] - 1 for n in range(1, 10)]
    for least, most, bits in ((1, 3, 0.551463), (2, 7, 0.517370)):
        polynomial = np.zeros(most + 2)
        polynomial[0] = 1
        polynomial[least + 1 :] = -1
        exact = math.log2(root(polynomial))
        assert exact == pytest.approx(bits, abs=5e-7)
        assert shift_entropy(run_length_limited(least, most), base=2) == pytest.approx(exact, abs=1e-10)


@pytest.mark.parametrize("make", [naive.fibonacci, naive.thue_morse, naive.rudin_shapiro])
def test_no_entropy(make):
    """Sequences of substitutions: topological entropy of the last lengths tends to 0, LZ76 grows as the logarithm of the length."""
    s = make(30_000)
    n = np.array([100, 200, 400])
    p = word_complexity(s, n)
    assert (np.log(p) / n < 0.08).all()
    assert (np.diff(np.log(p) / n) < 0).all()
    phrases = [float(lempel_ziv(s[:m])) for m in (1000, 10_000)]
    assert phrases[1] < 2 * phrases[0] < 200
    shuffled = np.random.default_rng(0).permutation(s)
    assert float(lempel_ziv(shuffled)) > 1000


@pytest.mark.parametrize("k", [5, 12, 16])
def test_generators_as_systems(k):
    """x -> 5 x + 3 mod 2^k has full period (Hull and Dobell 1962), by exact states; with 6 instead of 5 it has not."""
    size = 2**k
    full, short = (Finite([(a * x + 3) % size for x in range(size)], blur=7) for a in (5, 6))
    found = find_cycle(full, max_steps=3 * size)
    assert (found.period, found.preperiod) == (size, 0)
    assert find_cycle(short, max_steps=3 * size + 1000).period < size


@pytest.mark.slow
@pytest.mark.parametrize(("start", "period"), [(0.1, 5_638_349), (0.2, 5_638_349), (0.55, 5_638_349), (0.7, 5_638_349), (0.4, 1)])
def test_float_cycle_from_other_starts(start, period):
    """After up to 3 10^8 steps many starts are in one cycle; some have fallen on the fixed point 0."""
    system = systems.Logistic(4.0)
    state = system.start(position=[start])
    system.advance(state, 300_000_000, 300_000_000)
    found = find_cycle(system, state=state, max_steps=20_000_000)
    assert found.period == period


@pytest.mark.slow
@pytest.mark.parametrize(
    ("system", "expected", "tolerance"),
    [
        (systems.Rossler(), [0.07124, 0.0, -5.39403], 1e-3),
        (systems.NoseHoover(), [0.0138, 0.0, -0.0138], 3e-3),
        (systems.SprottJerk(), [0.05514, 0.0, -2.0721], 5e-4),
        (systems.Lorenz(), [0.90582, 0.0, -14.57248], 1.3e-3),
    ],
    ids=lambda v: type(v).__name__,
)
def test_long_flows(system, expected, tolerance):
    """10^6 units of time (10^5 of Lorenz), to the digits of the table and within four standard errors; zero within 10^-3."""
    time = 1e5 if isinstance(system, systems.Lorenz) else 1e6
    result = lyapunov_spectrum(system, steps=round(time / system.step))
    assert np.abs(result.exponents - expected).max() < tolerance
    assert abs(result.exponents[1]) < 1e-3
    errors = {"Rossler": 1.8e-4, "NoseHoover": 8e-4, "SprottJerk": 1.1e-4, "Lorenz": 1.4e-4}[type(system).__name__]
    assert abs(result.exponents[0] - expected[0]) < 4 * math.hypot(result.stderr[0], errors)


# ---- every diagnostic in every regime ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("r", "regime"), [(2.8, "fixed point"), (3.2, "periodic"), (FEIGENBAUM, "edge"), (3.9, "chaotic"), (3.9999, "chaotic")]
)
def test_regimes(r, regime):
    """Exponent, entropy rate, 0-1 test, order patterns, phrases and determinism of one orbit tell the same story."""
    exponent = float(lyapunov_spectrum(systems.Logistic(r), steps=300_000))
    x = orbit(r, 20_000, 1_000_000)
    symbols = (x > 0.5).astype(int)
    rate, phrases = float(entropy_rate(symbols)), float(lempel_ziv(symbols))
    if regime == "chaotic":
        assert exponent > 0.4
        assert rate == pytest.approx(exponent, rel=0.05)  # Pesin, on the generating partition
        assert phrases > 1000
        assert float(zero_one_test(x[:5000])) > 0.95
        assert float(permutation_entropy(x)) > 1.3
        assert 0.2 < float(recurrence_quantification(x[:2000], 1e-3, theiler_diagonal=1)) < 0.8
        return
    assert exponent == pytest.approx(0, abs=1e-4) if regime == "edge" else exponent < -0.2
    assert rate < (0.05 if regime == "edge" else 1e-3)  # words as long as 20 000 symbols fill still tell the edge from a cycle
    assert phrases < 30
    if regime == "fixed point":
        assert np.ptp(x) == 0.0
        return
    # High and low values alternate: of six patterns the two monotone ones are missing, and a cycle of two has two.
    patterns = float(permutation_entropy(x))
    assert math.log(2) + 0.01 < patterns <= math.log(4) if regime == "edge" else patterns == pytest.approx(math.log(2), abs=1e-6)
    assert float(recurrence_quantification(x[:2000], 1e-3, theiler_diagonal=1)) > (0.82 if regime == "edge" else 0.999)
    assert float(zero_one_test(x[:5000])) < 0.1
