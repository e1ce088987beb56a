"""What `analyse_series` calls 300 series whose kind is known, at 2,000 and at 10,000 numbers: a confusion table.

    python benchmarks/verdicts.py [--quick] [--every K] [--first F] [--n N] [--json PATH]

104 chaotic series (52 ways to look at maps and flows, two starts each), 100 of noise (20 kinds, five seeds), 36 regular or strange nonchaotic ones (12 kinds,
three parameters), and 60 that are neither (a rule with noise, 30; nonlinear noise, 30). `--every 5` asks every fifth series of each kind.

The columns count what the verdict claims. "linear noise" holds the verdicts that no test contradicts linear noise; for a chaotic series this is a miss, even
where no test could tell it from noise at its length. "nonlinear, undecided" claims neither chaos nor noise.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import recorded_zoo
import timing
from recorded_zoo import FLOWS, MAPS, Recorded, S, column

import weakchaos as wc

GOLDEN = (math.sqrt(5) - 1) / 2
MORE = (
    Recorded("logistic map, r = 3.8", lambda: S.Logistic(3.8), math.nan),
    Recorded("Ikeda map, y", S.Ikeda, 0.5076, read=column(1)),
    Recorded("Lorenz, x + y every 0.05", recorded_zoo.LORENZ, 0.9056, 5, 0.05, lambda d: d[:, 0] + d[:, 1]),
    Recorded("Rossler, x every 1", recorded_zoo.ROSSLER, 0.0714, 20, 1.0),
    Recorded("Chua, z every 0.1", FLOWS[8].make, math.nan, 5, 0.1, column(2)),
    Recorded("Sprott B, z every 0.2", FLOWS[13].make, math.nan, 10, 0.2, column(2)),
)
Maker = Callable[[int, np.random.Generator], np.ndarray]


# ---- noise -----------------------------------------------------------------------------------------------------------------------------


def linear(a: tuple[float, ...], b: tuple[float, ...] = (), draw: str = "standard_normal") -> Maker:
    """An autoregression with coefficients `a` of noise averaged with weights `b`."""

    def make(n: int, rng: np.random.Generator) -> np.ndarray:
        from scipy.signal import lfilter

        return lfilter((1.0, *b), (1.0, *(-c for c in a)), getattr(rng, draw)(n + 2000))[2000:]

    return make


def coloured(exponent: float) -> Maker:
    def make(n: int, rng: np.random.Generator) -> np.ndarray:
        f = np.fft.rfftfreq(4 * n)
        f[0] = f[1]
        return np.fft.irfft((rng.standard_normal(f.size) + 1j * rng.standard_normal(f.size)) * f ** (-exponent / 2))[:n]

    return make


def through(function: Callable[[np.ndarray], np.ndarray], make: Maker) -> Maker:
    return lambda n, rng: function(make(n, rng))


def garch(n: int, rng: np.random.Generator) -> np.ndarray:
    out, variance = np.empty(n + 500), 1.0
    for t, e in enumerate(rng.standard_normal(n + 500)):
        out[t] = math.sqrt(variance) * e
        variance = 0.05 + 0.1 * out[t] ** 2 + 0.85 * variance
    return out[500:]


def sines(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.sin(rng.uniform(0.1, 0.5) * np.arange(n)) + rng.standard_normal(n)


NOISE: dict[str, Maker] = {
    "white": lambda n, rng: rng.standard_normal(n),
    "uniform": lambda n, rng: rng.random(n),
    "exponential": lambda n, rng: rng.standard_exponential(n),
    "Student's t, 3": lambda n, rng: rng.standard_t(3, n),
    "Cauchy": lambda n, rng: rng.standard_cauchy(n),
    "AR(1) 0.5": linear((0.5,)),
    "AR(1) 0.9": linear((0.9,)),
    "AR(1) 0.98": linear((0.98,)),
    "AR(1) -0.7": linear((-0.7,)),
    "AR(2) with a rhythm": linear((1.8, -0.9)),
    "AR(2) with a sharp rhythm": linear((1.95, -0.98)),
    "MA(3)": linear((), (0.8, 0.5, 0.3)),
    "ARMA of uniform noise": linear((0.7,), (0.4,), "random"),
    "1/f": coloured(1.0),
    "1/f^0.5": coloured(0.5),
    "random walk": lambda n, rng: np.cumsum(rng.standard_normal(n)),
    "exp of AR(1) 0.8": through(np.exp, linear((0.8,))),
    "cube of AR(1) 0.6": through(lambda y: y**3, linear((0.6,))),
    "rounded AR(1) 0.7": through(lambda y: np.round(y, 1), linear((0.7,))),
    "sine and noise": sines,
}  # fmt: skip


# ---- regular and strange nonchaotic motion -----------------------------------------------------------------------------------------------


def driven(step: Callable[[float, float], float], start: float = 0.4, frequency: float = GOLDEN) -> Maker:
    """An orbit of x -> step(x, theta) under a rotation of theta."""

    def make(n: int, rng: np.random.Generator) -> np.ndarray:
        out, x, theta = np.empty(n + 2000), start, rng.random()
        for t in range(out.size):
            x, theta = step(x, theta), (theta + frequency) % 1.0
            out[t] = x
        return out[2000:]

    return make


def grebogi(s: float) -> Maker:
    # Grebogi, Ott, Pelikan and Yorke, Physica D 13 (1984) 261.
    return driven(lambda x, theta: s * math.tanh(x) * math.cos(2 * math.pi * theta))


def torus(scale: float, *ratios: float) -> Maker:
    return lambda n, rng: sum(np.sin(scale * r * np.arange(n) + rng.uniform(0, 6)) for r in ratios)


def shape(function: Callable[[np.ndarray], np.ndarray], period: float) -> Maker:
    return lambda n, rng: function((np.arange(n) / period + rng.random()) % 1.0)


def cycle(r: float) -> Maker:
    return lambda n, rng: S.Logistic(r).advance(S.Logistic(r).start(int(rng.integers(1000))), n + 2000)[2000:, 0]


def _bell(phase: np.ndarray) -> np.ndarray:
    return np.exp(10 * np.cos(2 * np.pi * phase))


REGULAR: dict[str, tuple[Maker, Maker, Maker]] = {
    "strange nonchaotic, tanh": (grebogi(1.5), grebogi(2.0), grebogi(3.0)),
    "logistic map, driven": tuple(driven(lambda x, th, a=a, e=e: a * (1 + e * math.cos(2 * math.pi * th)) * x * (1 - x)) for a, e in ((3.0, 0.1), (2.5, 0.2), (2.8, 0.15))),
    "periodic logistic map": (cycle(3.2), cycle(3.5), cycle(3.83)),
    "sine": tuple(shape(lambda p: np.sin(2 * np.pi * p), period) for period in (7.3, 31.4, 101.7)),
    "saw": tuple(shape(lambda p: p, period) for period in (7.3, 31.4, 101.7)),
    "bells": tuple(shape(_bell, period) for period in (17.3, 45.7, 101.7)),
    "pulses": tuple((lambda n, rng, p=p: (np.arange(n) % p == 0) * 1.0 + 1e-3 * np.sin(2 * np.pi * np.arange(n) / p)) for p in (40, 90, 200)),
    "two frequencies": (torus(0.37, 1, 2**0.5), torus(0.11, 1, 2**0.5), torus(0.9, 1, GOLDEN)),
    "three frequencies": (torus(0.11, 1, 2**0.5, 5**0.5), torus(0.31, 1, 2**0.5, 5**0.5), torus(0.23, 1, 3**0.5, 7**0.5)),
    "rotation": tuple((lambda n, rng, f=f: np.cos(2 * np.pi * (f * np.arange(n) + rng.random()))) for f in (GOLDEN, 2**0.5 - 1, 3**0.5 - 1)),
    "circle map": tuple(driven(lambda x, th, k=k: (x + GOLDEN - k / (2 * math.pi) * math.sin(2 * math.pi * x)) % 1.0) for k in (0.3, 0.6, 0.9)),
    "product of two frequencies": tuple((lambda n, rng, w=w: np.sin(w * np.arange(n)) * (2 + np.sin(w * GOLDEN * np.arange(n)))) for w in (0.2, 0.5, 1.1)),
}  # fmt: skip


# ---- neither -----------------------------------------------------------------------------------------------------------------------------


def tar(n: int, rng: np.random.Generator) -> np.ndarray:
    out, x = np.empty(n), 0.0
    for t, e in enumerate(rng.standard_normal(n)):
        x = (-0.8 if x > 0 else 0.5) * x + e
        out[t] = x
    return out


OTHERS: dict[str, Maker] = {
    "GARCH": garch,
    "threshold autoregression": tar,
    "bilinear": lambda n, rng: (lambda e: e[1:] + 0.7 * e[:-1] * np.roll(e, 1)[1:])(rng.standard_normal(n + 1)),
}


def chaotic() -> Iterator[tuple[str, Maker, float]]:
    for entry in (*MAPS, *FLOWS, *MORE):
        for seed in (11, 12):
            yield entry.name, lambda n, rng, e=entry, s=seed: e.series(n, s), entry.dt


def noise() -> Iterator[tuple[str, Maker, float]]:
    for name, make in NOISE.items():
        for _ in range(5):
            yield name, make, 1.0


def regular() -> Iterator[tuple[str, Maker, float]]:
    for name, makers in REGULAR.items():
        for k, make in enumerate(makers):
            yield f"{name}, {k}", make, 1.0


def rule_and_noise() -> Iterator[tuple[str, Maker, float]]:
    for entry in (*MAPS[:13:3], *FLOWS[:10:2]):
        for level in (0.05, 0.2, 0.5):

            def make(n: int, rng: np.random.Generator, e: Recorded = entry, level: float = level) -> np.ndarray:
                x = e.series(n, 21)
                return x + level * x.std() * rng.standard_normal(n)

            yield f"{entry.name}, noise {level}", make, entry.dt


def nonlinear_noise() -> Iterator[tuple[str, Maker, float]]:
    for name, make in OTHERS.items():
        for _ in range(10):
            yield name, make, 1.0


KINDS = {
    "chaotic": chaotic,
    "noise": noise,
    "regular": regular,
    "rule and noise": rule_and_noise,
    "nonlinear noise": nonlinear_noise,
}


def column_of(verdict: str) -> str:
    """The column of the table that a verdict belongs to."""
    if "chaos" in verdict:
        return "chaos"
    if verdict in ("white noise", "correlated noise", "drifting noise", "noise with a rhythm", "noise, not Gaussian"):
        return "linear noise"
    if verdict == "nonlinear noise":
        return "nonlinear noise"
    if "too short" in verdict:
        return "too short"
    return "undecided" if "undecided" in verdict else "regular"


COLUMNS = ("chaos", "too short", "undecided", "regular", "nonlinear noise", "linear noise")


def ask(n: int, every: int, kinds: tuple[str, ...] = tuple(KINDS), first: int = 0) -> list[dict[str, Any]]:
    """Verdicts on every so many series of each kind, and their table printed; the series are made one at a time."""
    rows = []
    for kind in kinds:
        for k, (name, make, dt) in enumerate(KINDS[kind]()):
            if k % every != first:
                continue
            x = np.asarray(make(n, np.random.default_rng([k, n])), np.float64)
            verdict = wc.diagnostics.analyse_series(x, dt=dt, surrogates=99).verdict
            rows.append({"kind": kind, "name": name, "n": n, "verdict": verdict, "column": column_of(verdict)})
            print(f"{n:6d} {kind:16s} {name:45s} {verdict}", flush=True)
    table = Counter((row["kind"], row["column"]) for row in rows)
    lines = [[kind, *(str(table[kind, c]) for c in COLUMNS)] for kind in dict.fromkeys(row["kind"] for row in rows)]
    timing.print_columns(f"{n:,} numbers, {len(rows)} series", ["", *COLUMNS], lines)
    return rows


def main() -> None:
    options = timing.parser(__doc__)
    options.add_argument("--every", type=int, default=1, help="ask every so many series of each kind")
    options.add_argument("--first", type=int, default=0, help="the first of them, from 0 to K - 1, so that K runs together ask all")
    options.add_argument("--n", type=int, default=None, help="this length alone")
    options.add_argument("--kind", choices=tuple(KINDS), help="this kind alone")
    arguments = options.parse_args()
    timing.print_machine()
    kinds = tuple(KINDS) if arguments.kind is None else (arguments.kind,)
    lengths = (2000, 10_000) if arguments.n is None else (arguments.n,)
    rows = [
        row
        for n in (lengths[:1] if arguments.quick else lengths)
        for row in ask(n, 20 if arguments.quick else arguments.every, kinds, arguments.first)
    ]
    timing.write_json(arguments.json, "verdicts", {"rows": rows})


if __name__ == "__main__":
    main()
