"""Every reference value beside what the diagnostics measure: ``python benchmarks/ground_truth.py``.

Rows 1 to 26 are systems of which exponents, entropies, complexities or periods are known; E1 to E15 are what each diagnostic as a whole must
do. A line passes when the measured value is as near to the reference as the tolerance says; "exact" means equal. References are exact
expressions, published values (J. C. Sprott, Chaos and Time-Series Analysis, Oxford 2003), or measured by an independent program. In lines
called "pull" the distance from the reference is counted in standard errors, that of the reference included.

``--rows 1 12 E7`` runs some of them, ``--quick`` a twentieth of each length with tolerances of statistics widened by its root.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import timing

from tests.diagnostics import naive_series, naive_symbols
from weakchaos import diagnostics as dg
from weakchaos import systems
from weakchaos.core.system import State
from weakchaos.diagnostics import complexity, covariant, entropy, ordinal, renyi, series, spectrum, words
from weakchaos.diagnostics.series.nolds_opinion import nolds_measures

GOLDEN = (1 + math.sqrt(5)) / 2
CAT = math.log((3 + math.sqrt(5)) / 2)
FEIGENBAUM = 3.5699456718709449
QUICK = False


@dataclass(frozen=True)
class Check:
    """One line: `measured` may differ from `reference` by `tolerance`, or must lie within `least` and `most`."""

    system: str
    quantity: str
    reference: float
    measured: float
    tolerance: float = 0.0
    stderr: float | None = None
    least: float | None = None
    most: float | None = None

    @property
    def passed(self) -> bool:
        if self.least is not None or self.most is not None:
            low, high = -math.inf if self.least is None else self.least, math.inf if self.most is None else self.most
            return low <= self.measured <= high
        return abs(self.measured - self.reference) <= self.tolerance

    @property
    def allowed(self) -> str:
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        if self.least is not None or self.most is not None:
            return f">= {self.least:g}" if self.most is None else f"<= {self.most:g}"
        return "exact" if self.tolerance == 0 else f"+- {self.tolerance:.2g}"


def size(n: float) -> int:
    """A length, a twentieth of it when quick."""
    return max(int(n) // 20, 1000) if QUICK else int(n)


def wide(tolerance: float) -> float:
    """The tolerance of a mean over such a length."""
    return tolerance * (math.sqrt(20.0) if QUICK else 1.0)


def pull(name: str, result, reference: float, error: float = 0.0, index: int = 0) -> Check:
    stderr = float(result.stderr[index])
    return Check(name, "pull", 0.0, (result.exponents[index] - reference) / math.hypot(stderr, error), 4.0, stderr)


def exponents(
    system, name: str, steps: float, expected: list[float], tolerance: float, error: float | None = None
) -> Iterator[Check]:
    """Spectrum against expectation; with an error of the reference also in standard errors."""
    result = spectrum.lyapunov_spectrum(system, steps=size(steps))
    for k, (value, reference) in enumerate(zip(result.exponents, expected, strict=True)):
        yield Check(name, f"exponent {k + 1}", reference, float(value), wide(tolerance), float(result.stderr[k]))
    if error is not None:
        yield pull(name, result, expected[0], error)


def orbit(r: float, n: int, skip: int = 1_000_000, start: float | None = None) -> np.ndarray:
    system = systems.Logistic(r)
    state = system.start(0) if start is None else system.start(position=[start])
    system.advance(state, skip, skip)
    return system.advance(state, n).ravel()


def near_period(x: np.ndarray, within: float = 1e-9, most: int = 3000) -> int:
    """The least lag at which all values come back within a tolerance; 0 where none does."""
    return next((n for n in range(1, min(most, x.size // 2)) if np.abs(x[n:] - x[:-n]).max() < within), 0)


def cycle(r: float, max_steps: int = 100_000):
    system = systems.Logistic(r)
    state = system.start(0)
    system.advance(state, 1_000_000, 1_000_000)
    return dg.find_cycle(system, state=state, max_steps=max_steps)


def run_lengths(least: int, most: int) -> np.ndarray:
    """States are the zeros since the last one; a one is allowed after `least`, and demanded after `most`."""
    a = np.zeros((most + 1, most + 1))
    for k in range(most + 1):
        a[k, min(k + 1, most)] = k < most
        a[k, 0] = k >= least
    return a


def largest_root(coefficients) -> float:
    low, high = 1.0, 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if np.polyval(coefficients, middle) < 0 else (low, middle)
    return low


# ---- rows ----------------------------------------------------------------------------------------------------------------------------------


def row_1():
    yield from exponents(systems.Logistic(4.0), "logistic 4", 1e6, [math.log(2)], 1e-5)


def row_2():
    yield from exponents(systems.Logistic(3.2), "logistic 3.2", 1e6, [0.5 * math.log(abs(4 + 6.4 - 3.2**2))], 1e-6)
    yield Check("logistic 3.2", "period of the state", 2, cycle(3.2).period)


def row_3():
    for r, period, value in ((3.5, 4, -0.872507), (3.55, 8, -0.099892)):
        yield from exponents(systems.Logistic(r), f"logistic {r}", 1e6, [value], 1e-5)
        yield Check(f"logistic {r}", "period of the state", period, cycle(r).period)


def row_4():
    yield from exponents(systems.Logistic(FEIGENBAUM), "logistic 3.56994567187094", 1e7, [0.0], 1e-5)
    yield Check("logistic 3.56994567187094", "period up to 3000", 0, near_period(orbit(FEIGENBAUM, 20_000), 1e-5))
    # Rounded to nine digits the parameter lies beyond the accumulation point, in weak chaos.
    yield from exponents(systems.Logistic(3.569945672), "logistic 3.569945672", 1e7, [1.9e-5], 1e-5)


def row_5():
    for r, period, value in ((3.83, 3, -0.369674), (3.845, 6, -0.326257), (3.7389149, 5, -2.3292)):
        tolerance = 1e-5 if period != 5 else 1e-3
        yield from exponents(systems.Logistic(r), f"logistic {r}", 1e6, [value], tolerance)
        yield Check(f"logistic {r}", "period within 1e-9", period, near_period(orbit(r, 200)))
    opens = 1 + math.sqrt(8)
    yield Check("logistic 1 + sqrt 8 + 1e-6", "period of the state", 3, cycle(opens + 1e-6).period)
    below = spectrum.lyapunov_spectrum(systems.Logistic(opens - 1e-6), steps=size(1e6))
    yield Check("logistic 1 + sqrt 8 - 1e-6", "exponent 1", 0.03, float(below), stderr=float(below.stderr[0]), least=0.01)
    yield Check("logistic 1 + sqrt 8 - 1e-6", "period of the state", 0, cycle(opens - 1e-6).period or 0)


def row_6():
    yield from exponents(systems.Logistic(3.678573510), "logistic 3.678573510", 1e6, [0.34215], 1e-3)
    top = renyi.shift_entropy([[0, 0, 1], [0, 0, 1], [1, 1, 0]])
    yield Check("logistic 3.678573510", "topological entropy", math.log(2) / 2, top, 1e-10)


def row_7():
    for r, value in ((3.6, 0.18342), (3.7, 0.35490), (3.9, 0.49622)):
        yield from exponents(systems.Logistic(r), f"logistic {r}", 1e6, [value], 1e-3)


def row_8():
    for name, system, expected in (
        ("tent, slope 2", systems.Tent(), [math.log(2)]),
        ("tent, slope 1.7", systems.Tent(1.7), [math.log(1.7)]),
        ("Bernoulli shift", systems.Bernoulli(2), [math.log(2)]),
        ("cat map", systems.ArnoldCat(), [CAT, -CAT]),
    ):
        result = spectrum.lyapunov_spectrum(system, steps=size(1e5))
        for k, (value, reference) in enumerate(zip(result.exponents, expected, strict=True)):
            yield Check(name, f"exponent {k + 1}", reference, float(value), 1e-12, float(result.stderr[k]))


def row_9():
    for n, period in ((2, 3), (5, 10), (10, 30), (101, 25), (124, 15), (150, 300), (256, 192)):
        system = systems.ArnoldCat(n)
        yield Check(f"cat map mod {n}", "period", period, dg.find_cycle(system, state=system.start(position=[0, 1])).period)


def row_10():
    result = spectrum.lyapunov_spectrum(systems.Henon(), steps=size(1e6))
    for k, reference in enumerate((0.419221, -1.623194)):
        yield Check("Henon", f"exponent {k + 1}", reference, float(result.exponents[k]), wide(1e-3), float(result.stderr[k]))
    yield pull("Henon", result, 0.419221, 2.9e-5)
    yield Check("Henon", "sum", math.log(0.3), float(result.exponents.sum()), 1e-10)
    yield Check("Henon", "Kaplan-Yorke dimension", 1.25827, result.kaplan_yorke, wide(1e-3))


def row_11():
    for k, value, relative in ((6.0, 1.1367, 0.003), (10.0, 1.6196, 0.003), (1.0, 0.10497, 0.15)):
        result = spectrum.lyapunov_spectrum(systems.StandardMap(k), steps=size(1e7))
        tolerance = wide(relative * value) if k > 1 else relative * value
        yield Check(f"standard map {k:g}", "exponent 1", value, float(result), tolerance, float(result.stderr[0]))
        yield Check(f"standard map {k:g}", "sum", 0.0, float(result.exponents.sum()), 1e-10)


def flow(
    system, name: str, steps: float, expected: list[float], tolerance: float, error: float, total: float, dimension: float | None
):
    result = spectrum.lyapunov_spectrum(system, steps=size(steps))
    for k, reference in enumerate(expected):
        yield Check(name, f"exponent {k + 1}", reference, float(result.exponents[k]), wide(tolerance), float(result.stderr[k]))
    yield Check(name, "zero exponent", 0.0, float(result.exponents[1]), wide(1e-3), float(result.stderr[1]))
    yield pull(name, result, expected[0], error)
    if not math.isnan(total):
        yield Check(name, "sum", total, float(result.exponents.sum()), wide(1e-4))
    if dimension is not None:
        yield Check(name, "Kaplan-Yorke dimension", dimension, result.kaplan_yorke, wide(1e-3))


def row_12():
    yield from flow(systems.Lorenz(), "Lorenz, T = 1e4", 2e6, [0.90582, 0.0, -14.57248], 4e-3, 1.4e-4, -41 / 3, 2.06215)
    system = systems.Lorenz(method="dop853", step=0.1)
    yield from flow(system, "Lorenz, T = 1e4, dop853", 1e5, [0.90582, 0.0, -14.57248], 4e-3, 1.4e-4, -41 / 3, 2.06215)
    yield from flow(systems.Lorenz(), "Lorenz, T = 1e5", 2e7, [0.90582, 0.0, -14.57248], 1.3e-3, 1.4e-4, -41 / 3, 2.06215)


def row_13():
    yield from flow(systems.Rossler(), "Rossler, T = 1e6", 5e7, [0.07124, 0.0, -5.39403], 1e-3, 1.8e-4, math.nan, 2.0132)


def row_14():
    system = systems.NoseHoover()
    result = spectrum.lyapunov_spectrum(system, steps=size(5e7), state=system.start(position=[0.0, 5.0, 0.0]))
    for k, reference in enumerate((0.0139, 0.0, -0.0139)):
        yield Check(
            "Nose-Hoover, T = 1e6", f"exponent {k + 1}", reference, float(result.exponents[k]), 3e-3, float(result.stderr[k])
        )
    yield pull("Nose-Hoover, T = 1e6", result, 0.0137, 8e-4)
    yield Check("Nose-Hoover, T = 1e6", "asymmetry", 0.0, float(result.exponents[0] + result.exponents[2]), wide(1e-4))


def row_15():
    system = systems.SprottJerk()
    result = spectrum.lyapunov_spectrum(system, steps=size(2e7), state=system.start(position=[0.02, 0.0, 0.0]))
    for k, reference in enumerate((0.0551, 0.0, -2.0721)):
        yield Check(
            "jerk 2.017, T = 1e6", f"exponent {k + 1}", reference, float(result.exponents[k]), wide(5e-4), float(result.stderr[k])
        )
    yield pull("jerk 2.017, T = 1e6", result, 0.05514, 1.1e-4)
    yield Check("jerk 2.017, T = 1e6", "sum", -2.017, float(result.exponents.sum()), 1e-4)


SOURCES = {
    "Bernoulli 0.3": ([[0.3, 0.7], [0.3, 0.7]], -0.3 * math.log(0.3) - 0.7 * math.log(0.7)),
    "Markov chain": ([[0.9, 0.1], [0.5, 0.5]], 0.386427),
    "golden-mean chain": ([[1 / GOLDEN, 1 - 1 / GOLDEN], [1, 0]], math.log(GOLDEN)),
}


def rates(name: str, estimator: str = "grassberger", even: bool = False) -> Check:
    """Mean over ten sequences of 10^5 symbols, to half a percent."""
    transition, rate = SOURCES[name]
    values = []
    for seed in range(10):
        s = naive_symbols.markov(transition, size(1e5), seed)
        s = s[:-1] | s[1:] if even else s
        values.append(float(entropy.entropy_rate(s, estimator=estimator)))
    stderr = float(np.std(values, ddof=1) / math.sqrt(10))
    label = "even-shift chain" if even else name
    return Check(label, f"entropy rate, {estimator}", rate, float(np.mean(values)), wide(0.005 * rate), stderr)


def row_16():
    yield rates("Bernoulli 0.3")
    yield rates("Markov chain")


def row_17():
    golden = renyi.shift_entropy([[1, 1], [1, 0]])
    yield Check("golden-mean shift", "topological entropy", math.log(GOLDEN), golden, 1e-10)
    # Forbidden is an odd block of ones between zeros: F(n + 3) - 1 words of length n.
    chain = naive_symbols.markov(SOURCES["golden-mean chain"][0], size(1e5), 0)
    numbers = [1, 1]
    while len(numbers) < 16:
        numbers.append(numbers[-1] + numbers[-2])
    lengths = np.arange(1, 10)
    wrong = words.word_complexity(chain[:-1] | chain[1:], lengths) != np.array([numbers[n + 2] - 1 for n in lengths])
    yield Check("even shift", "p(n), n < 10, other than F(n + 3) - 1", 0, int(wrong.sum()))
    even = renyi.shift_entropy([[1, 1], [1, 0]])  # ones outside and inside of a block
    yield Check("even shift", "topological entropy", math.log(GOLDEN), even, 1e-10)
    yield rates("golden-mean chain")
    yield rates("golden-mean chain", even=True)


def row_18():
    for least, most, bits in ((1, 3, 0.551463), (2, 7, 0.517370)):
        polynomial = np.zeros(most + 2)
        polynomial[0], polynomial[least + 1 :] = 1, -1
        capacity = renyi.shift_entropy(run_lengths(least, most), base=2)
        yield Check(f"RLL({least}, {most})", "capacity, bits", math.log2(largest_root(polynomial)), capacity, 1e-10)
        yield Check(f"RLL({least}, {most})", "capacity, six digits", bits, capacity, 5e-7)


def row_19():
    n = np.arange(1, 200)
    wrong = int((words.word_complexity(naive_symbols.fibonacci(10_000), n) != n + 1).sum())
    yield Check("Fibonacci word", "p(n) other than n + 1", 0, wrong)
    yield Check("Fibonacci word", "LZ76 of 6000", 18, float(complexity.lempel_ziv(naive_symbols.fibonacci(6000))))
    angle = math.sqrt(2) - 1
    rotation = (np.arange(50_000) * angle) % 1 < angle
    yield Check(
        "rotation by sqrt 2", "p(n) other than n + 1", 0, int((words.word_complexity(rotation, n[:60]) != n[:60] + 1).sum())
    )


def row_20():
    s = naive_symbols.thue_morse(1 << 14)
    first = words.word_complexity(s, np.arange(1, 11)).tolist()
    yield Check(
        "Thue-Morse",
        "p(1..10) that differ",
        0,
        sum(a != b for a, b in zip(first, [2, 4, 6, 10, 12, 16, 20, 22, 24, 28], strict=True)),
    )
    wrong = 0
    for n in range(3, 200):
        m = (n - 1).bit_length() - 1
        r = n - 1 - 2**m
        wrong += int(words.word_complexity(s, n) != (3 * 2**m + 4 * r if 2 * r <= 2**m else 4 * 2**m + 2 * r))
    yield Check("Thue-Morse", "p(n), n < 200, that differ", 0, wrong)


def row_21():
    n = np.arange(8, 40)
    wrong = int((words.word_complexity(naive_symbols.rudin_shapiro(1 << 14), n) != 8 * (n - 1)).sum())
    yield Check("Rudin-Shapiro", "p(n) other than 8 (n - 1)", 0, wrong)


def row_22():
    for k, n in ((2, 8), (3, 5), (10, 3)):
        s = naive_symbols.de_bruijn(k, n)
        yield Check(f"de Bruijn B({k}, {n})", "words of n", k**n, int(words.word_complexity(np.concatenate([s, s[: n - 1]]), n)))
        yield Check(f"de Bruijn B({k}, {n})", "period", k**n, dg.period(np.tile(s, 2)))


class Register:
    """The shift register with taps 16, 14, 13, 11, its state as a symbol."""

    dim = 1

    def start(self, seed=None, position=None):
        return State(symbols=np.array([0xACE1]))

    def advance(self, state, n, every=1):
        out, r = [], int(state.symbols[0])
        for t in range(n):
            r = (r >> 1) | (((r ^ (r >> 2) ^ (r >> 3) ^ (r >> 5)) & 1) << 15)
            if (t + 1) % every == 0:
                out.append([r & 1])
        state.symbols[0] = r
        return np.array(out, np.int64).reshape(-1, 1)


def row_23():
    yield Check("LFSR 16, 14, 13, 11", "period of the state", 65535, dg.find_cycle(Register(), max_steps=200_000).period)
    for k in (5, 12, 16):
        x = [1]
        for _ in range(3 * 2**k - 1):
            x.append((5 * x[-1] + 3) % 2**k)
        yield Check(f"5 x + 3 mod 2^{k}", "period", 2**k, dg.period(x))


def row_24():
    p = np.array([1 / 3, 1 / 15, 4 / 15, 2 / 15, 1 / 5])
    result = ordinal.permutation_entropy(orbit(4.0, size(1e5), start=0.3, skip=1000))
    yield Check(
        "logistic 4", "permutation entropy, order 3", float(-(p * np.log(p)).sum()), float(result), wide(0.005), result.stderr
    )
    yield Check("logistic 4", "missing patterns", 1, len(result.missing_patterns()))
    yield Check("logistic 4", "321 among them", 1, int((2, 1, 0) in result.missing_patterns()))


def row_25():
    # Transients last up to 10^8 steps and more. Other starts end elsewhere: 0.4 at the fixed point 0, 0.35 in a cycle of 14 632 801.
    for start in (0.2, 0.1, 0.3, 0.55, 0.7)[: 1 if QUICK else 5]:
        system = systems.Logistic(4.0)
        state = system.start(position=[start])
        system.advance(state, 300_000_000, 300_000_000)
        found = dg.find_cycle(system, state=state, max_steps=20_000_000)
        yield Check(f"logistic 4 in float64 from {start}", "period of the state", 5_638_349, found.period or 0)


def row_26():
    yield Check("logistic 3.8319", "topological entropy", math.log(GOLDEN), renyi.shift_entropy([[0, 1], [1, 1]]), 1e-10)
    yield from exponents(systems.Logistic(3.8319), "logistic 3.8319", 1e6, [-1.853], 1e-3)


# ---- what each diagnostic must do --------------------------------------------------------------------------------------------------------


def row_E1():
    yield from exponents(systems.Logistic(2.8), "logistic 2.8, fixed point", 1e6, [math.log(0.8)], 1e-6)
    rho = 14.0
    x = math.sqrt(8 / 3 * (rho - 1))
    matrix = np.array([[-10.0, 10.0, 0.0], [1.0, -1.0, -x], [x, x, -8 / 3]])
    exact = np.sort(np.linalg.eigvals(matrix).real)[::-1]
    yield from exponents(systems.Lorenz(rho=rho), "Lorenz, rho 14, fixed point", 1e5, exact.tolist(), 2e-3)
    part = spectrum.lyapunov_spectrum(systems.Lorenz(), k=2, steps=size(2e6))
    yield Check("Lorenz, two of three", "exponent 1", 0.90582, float(part.exponents[0]), wide(4e-3), float(part.stderr[0]))
    yield Check("Lorenz, two of three", "exponent 2", 0.0, float(part.exponents[1]), wide(1e-3), float(part.stderr[1]))
    diverging = spectrum.lyapunov_spectrum(systems.Henon(2.0))
    told = math.isnan(float(diverging)) and "diverged" in diverging.warnings[0]
    yield Check("Henon, a = 2, diverges", "NaN and the reason", 1, int(told))
    pulls = [
        (float(r) - 0.419221) / r.stderr[0]
        for r in (spectrum.lyapunov_spectrum(systems.Henon(), steps=20_000, seed=s) for s in range(40))
    ]
    yield Check("Henon, 40 starts", "scatter over stderr", 1.0, float(np.sqrt(np.mean(np.square(pulls)))), least=0.7, most=1.4)


def row_E3():
    for name in SOURCES:
        for estimator in ("plug-in", "miller-madow", "grassberger", "chao-shen", "nsb"):
            yield rates(name, estimator)


def row_E5():
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(size(3000)):
        s = rng.integers(0, int(rng.integers(2, 5)), int(rng.integers(1, 80))).tolist()
        wrong += int(float(complexity.lempel_ziv(s)) != naive_symbols.lz76(s))
    yield Check("random strings, 2 to 4 symbols", "LZ76 other than naive", 0, wrong)
    yield Check("1001111011000010", "LZ76", 6, float(complexity.lempel_ziv("1001111011000010")))


def row_E6():
    x = np.random.default_rng(0).normal(size=20_000)
    try:
        import antropy
    except ImportError as error:
        timing.missing_peer("antropy", error)
        return
    for order in (3, 6):
        theirs = antropy.perm_entropy(x, order=order, delay=1, normalize=False) * math.log(2)
        yield Check(
            "white noise", f"permutation entropy {order}, antropy", theirs, float(ordinal.permutation_entropy(x, order)), 1e-12
        )


def row_E7():
    nolds = nolds_measures()
    for name, x in (
        ("logistic 4", orbit(4.0, 2000, start=0.3, skip=100)),
        ("white noise", np.random.default_rng(0).normal(size=2000)),
    ):
        r = 0.2 * x.std(ddof=1)
        yield Check(name, "sample entropy, nolds", float(nolds.sampen(x, 2, r, closed=True)), float(dg.sample_entropy(x)), 1e-12)
        try:
            import antropy
        except ImportError as error:
            timing.missing_peer("antropy", error)
            continue
        theirs = float(antropy.sample_entropy(x, order=2, tolerance=r))
        yield Check(name, "sample entropy, antropy", theirs, float(dg.sample_entropy(x)), 1e-12)


def lorenz(n: int, dt: float = 0.05) -> np.ndarray:
    system = systems.Lorenz(step=0.01)
    state = system.start(1)
    system.advance(state, 20_000, 20_000)
    every = round(dt / 0.01)
    return system.advance(state, n * every, every)[:, 0]


def henon(n: int) -> np.ndarray:
    system = systems.Henon()
    state = system.start(1)
    system.advance(state, 1000, 1000)
    return system.advance(state, n)[:, 0]


def row_E9():
    # The minimum sharpens with the number of cells, which grows with the series: 0.2 at 10^4 numbers, 0.17 to 0.18 at 10^5.
    for n, tolerance in ((10_000, 0.04), (100_000, 0.015)):
        delay = 0.02 * float(series.embedding_delay(lorenz(n, 0.02)))
        yield Check(f"Lorenz, dt 0.02, {n} numbers", "time to first minimum of AMI", 0.17, delay, tolerance)
    x = lorenz(10_000, 0.02)
    for method in ("cao", "false neighbours"):
        yield Check("Lorenz, dt 0.02", f"dimension, {method}", 3, float(series.embedding_dimension(x, method=method)))
        yield Check("Henon", f"dimension, {method}", 2, float(series.embedding_dimension(henon(10_000), method=method)))


def row_E10():
    for name, x, value, tolerance in (("Henon", henon(10_000), 1.22, 0.04), ("Lorenz, dt 0.05", lorenz(10_000), 2.05, 0.1)):
        result = series.correlation_dimension(x)
        yield Check(name, "correlation dimension", value, float(result), tolerance, result.stderr)
    noise = series.correlation_dimension(np.random.default_rng(0).random(10_000))
    for m in (1, 2, 3, 4):
        yield Check("white noise", f"slope in {m} dimensions", m, float(noise.by_dimension[m - 1]), 0.1 * m)
    yield Check("white noise", "warned of", 1, int(not noise.scaling and any("no scaling region" in w for w in noise.warnings)))
    logistic = series.correlation_entropy(orbit(4.0, 10_000, start=0.3, skip=100))
    yield Check("logistic 4", "correlation entropy", math.log(2), float(logistic), 0.07, logistic.stderr)
    for name, values, dimension in (("Henon", [0.41922, -1.62319], 1.25827), ("Lorenz", [0.9056, 0.0, -14.5723], 2.06215)):
        yield Check(name, "Kaplan-Yorke of the table", dimension, spectrum.kaplan_yorke_dimension(values), 1e-5)


def row_E11():
    chaotic, regular = orbit(4.0, 5000, start=0.3, skip=100), orbit(3.55, 5000)
    yield Check("logistic 4", "K", 1.0, float(series.zero_one_test(chaotic)), least=0.95)
    yield Check("logistic 3.55", "K", 0.0, float(series.zero_one_test(regular)), most=0.05)
    x = lorenz(20_000, 0.02)
    yield Check("Lorenz, oversampled", "K, stride chosen", 1.0, float(series.zero_one_test(x)), least=0.95)
    yield Check("Lorenz, oversampled", "K, every number", 0.0, float(series.zero_one_test(x, stride=1)), most=0.5)


def row_E14():
    cat = covariant.covariant_vectors(systems.ArnoldCat(), steps=1000)
    for j, exact in enumerate((np.array([GOLDEN, 1.0]), np.array([-1.0, GOLDEN]))):
        miss = np.abs(np.abs(cat.vectors[:, :, j] @ (exact / np.linalg.norm(exact))) - 1).max()
        yield Check("cat map", f"covariant vector {j + 1} off by", 0.0, float(miss), 1e-12)
    for name, system, options in (("Henon", systems.Henon(), {}), ("Lorenz", systems.Lorenz(), {"transient": 4000})):
        result = covariant.covariant_vectors(system, steps=20_000, **options)
        yield Check(name, "covariance residual", 0.0, result.residual, most=1e-8)
        same = spectrum.lyapunov_spectrum(system, steps=20_000, every=1, transient=options.get("transient"))
        off = float(np.abs(result.exponents - same.exponents).max())
        # On one orbit growth along covariant and orthogonal vectors differs by their angles at the two ends.
        yield Check(name, "growth less spectrum", 0.0, off, 5 * math.log(1e3) / (20_000 * getattr(system, "time_step", 1.0)))
    for name, system, gap in (("cat map", systems.ArnoldCat(), 2 * CAT), ("Henon", systems.Henon(), 0.419221 + 1.623194)):
        for index, function in (("GALI 2", dg.gali), ("SALI", dg.sali)):
            rate = np.mean([function(system, steps=14, transient=1000, every=1, seed=s).parameters["rate"] for s in range(60)])
            yield Check(name, f"rate of {index}", -gap, float(rate), 0.15 * gap)
    regular = dg.gali(systems.HenonHeiles(1 / 12), steps=20_000)
    yield Check("Henon-Heiles at 1/12, a torus", "GALI 2", 0.5, float(regular), least=1e-2)


def row_E15():
    rng = np.random.default_rng(0)
    for hurst in (0.2, 0.5, 0.8):
        noises = [naive_series.fractional_noise(10_000, hurst, rng) for _ in range(10)]
        for name, change in (("noise", lambda x: x), ("motion", np.cumsum)):
            values = [float(series.detrended_fluctuation(change(x))) for x in noises]
            reference, tolerance = hurst + (name == "motion"), 0.03 if hurst == 0.5 and name == "noise" else 0.05
            error = float(np.std(values, ddof=1) / math.sqrt(len(values)))
            yield Check(f"fractional {name}, H = {hurst}", "alpha, mean of 10", reference, float(np.mean(values)), tolerance, error)
    values = [float(series.hurst_exponent(rng.normal(size=10_000))) for _ in range(10)]
    yield Check(
        "white noise",
        "Hurst exponent, mean of 10",
        0.5,
        float(np.mean(values)),
        0.03,
        float(np.std(values, ddof=1) / math.sqrt(10)),
    )


ROWS: dict[str, Callable[[], Iterator[Check]]] = {
    name.removeprefix("row_"): f for name, f in globals().items() if name.startswith("row_")
}


def main() -> int:
    global QUICK
    parser = timing.parser(__doc__)
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS), metavar="ROW")
    arguments = parser.parse_args()
    QUICK = arguments.quick
    timing.print_machine()
    lines, failed, seconds = [], 0, {}
    for row in arguments.rows:
        begun = time.process_time()
        for check in ROWS[row]():
            failed += not check.passed
            stderr = "" if check.stderr is None else f"{check.stderr:.1e}"
            values = [
                f"{v:.0f}" if float(v).is_integer() and abs(v) >= 1 else f"{v:.6g}" for v in (check.reference, check.measured)
            ]
            lines.append([row, check.system, check.quantity, *values, stderr, check.allowed, "pass" if check.passed else "FAIL"])
        seconds[row] = time.process_time() - begun
        print(f"row {row}: {seconds[row]:.1f} s of CPU", file=sys.stderr, flush=True)
    widths = [max(len(line[c]) for line in lines) for c in range(8)]
    header = ["row", "system", "quantity", "reference", "measured", "stderr", "tolerance", ""]
    widths = [max(w, len(h)) for w, h in zip(widths, header, strict=True)]
    print()
    for line in [header, *lines]:
        cells = [c.ljust(w) if k < 3 else c.rjust(w) for k, (c, w) in enumerate(zip(line, widths, strict=True))]
        print("  ".join(cells).rstrip())
    print(f"\n{len(lines) - failed} of {len(lines)} lines pass; {sum(seconds.values()):.0f} s of CPU")
    timing.write_json(
        arguments.json, "ground truth", {"checks": [dict(zip(header, line, strict=True)) for line in lines], "seconds": seconds}
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
