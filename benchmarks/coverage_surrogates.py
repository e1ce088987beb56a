"""How often the surrogate test rejects: eight processes of its null at the level 0.05, and four that are not of it.

    python benchmarks/coverage_surrogates.py [--runs 400] [--numbers 500] [--surrogates 39] [--json PATH] [--quick]

Under the null, a monotone function of a stationary linear Gaussian process, a test of the level 0.05 rejects 5 % of series; the standard
error over 400 of them is 1.1 %. Beside it, its power: the share of other series that are found out. Each series is tested by the prediction
error and by the time asymmetry.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import timing

# isort: split
import numpy as np
from scipy.signal import lfilter

from weakchaos.diagnostics import surrogate_test

STATISTICS = ("prediction error", "time asymmetry")
LEVEL, LOW, HIGH = 0.05, 0.03, 0.08


def autoregression(rng: np.random.Generator, n: int, *weights: float) -> np.ndarray:
    return lfilter([1.0], [1.0, *(-w for w in weights)], rng.standard_normal(n + 2000))[2000:]


def narrow_band(rng: np.random.Generator, n: int) -> np.ndarray:
    """Noise of a period of 12 steps that is remembered for three of them."""
    return autoregression(rng, n, 2 * 0.97 * math.cos(2 * math.pi / 12), -(0.97**2))


def fractional_noise(rng: np.random.Generator, n: int, hurst: float) -> np.ndarray:
    """By circulant embedding (Davies and Harte, Biometrika 74 (1987) 95, doi:10.1093/biomet/74.1.95)."""
    k = np.arange(n, dtype=float)
    covariance = 0.5 * (np.abs(k - 1) ** (2 * hurst) - 2 * k ** (2 * hurst) + (k + 1) ** (2 * hurst))
    power = np.maximum(np.fft.fft(np.concatenate([covariance, [0.0], covariance[1:][::-1]])).real, 0)
    normal = rng.standard_normal(power.size) + 1j * rng.standard_normal(power.size)
    return np.fft.fft(np.sqrt(power / power.size) * normal).real[:n]


def map_orbit(rng: np.random.Generator, n: int, noise: float) -> np.ndarray:
    """The Henon map, and noise of a share of its standard deviation upon what is read."""
    a, b, out = 0.1 + 0.1 * rng.random(), 0.1, np.empty(n + 100)
    for t in range(out.size):
        a, b = 1 - 1.4 * a * a + b, 0.3 * a
        out[t] = a
    return out[100:] + noise * out.std() * rng.standard_normal(n)


def threshold_autoregression(rng: np.random.Generator, n: int) -> np.ndarray:
    out, x = np.empty(n + 100), 0.0
    for t in range(out.size):
        x = (0.9 if x < 0 else -0.6) * x + rng.standard_normal()
        out[t] = x
    return out[100:]


def shot_noise(rng: np.random.Generator, n: int) -> np.ndarray:
    """Linear but not Gaussian: sudden rises that decay, which no reversal of time leaves alike."""
    return lfilter([1.0], [1.0, -0.8], rng.exponential(size=n + 200))[200:]


NULLS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "white noise": lambda rng, n: rng.standard_normal(n),
    "AR(1), 0.8": lambda rng, n: autoregression(rng, n, 0.8),
    "AR(1), 0.95": lambda rng, n: autoregression(rng, n, 0.95),
    "AR(2), narrow band": narrow_band,
    "fractional noise, H = 0.9": lambda rng, n: fractional_noise(rng, n, 0.9),
    "exp of AR(1), 0.8": lambda rng, n: np.exp(autoregression(rng, n, 0.8)),
    "cube of AR(1), 0.7": lambda rng, n: autoregression(rng, n, 0.7) ** 3,
    "exp of AR(2), narrow band": lambda rng, n: np.exp(narrow_band(rng, n) / 3),
}
OTHERS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "Henon map": lambda rng, n: map_orbit(rng, n, 0.0),
    "Henon map, 20 % noise": lambda rng, n: map_orbit(rng, n, 0.2),
    "threshold autoregression": threshold_autoregression,
    "shot noise": shot_noise,
}


def rejections(make: Callable, statistic: str, runs: int, numbers: int, count: int) -> float:
    found = [
        surrogate_test(make(np.random.default_rng(k), numbers), statistic, count=count, level=LEVEL, seed=k).rejected
        for k in range(runs)
    ]
    return sum(map(bool, found)) / runs


def main(arguments: list[str] | None = None) -> int:
    options = timing.parser(__doc__)
    options.add_argument("--runs", type=int, default=400)
    options.add_argument("--numbers", type=int, default=500)
    options.add_argument("--surrogates", type=int, default=39)
    given = options.parse_args(arguments)
    runs = 20 if given.quick else given.runs
    tables: dict[str, list[dict]] = {"size": [], "power": []}
    for kind, processes in (("size", NULLS), ("power", OTHERS)):
        for name, make in processes.items():
            row = {
                s: rejections(make, s, runs if kind == "size" else max(runs // 4, 20), given.numbers, given.surrogates)
                for s in STATISTICS
            }
            tables[kind].append({"process": name, **row})
            print(f"{kind:5}  {name:26}" + "  ".join(f"{s} {row[s]:.3f}" for s in STATISTICS), flush=True)
    outside = [(row["process"], s) for row in tables["size"] for s in STATISTICS if not LOW <= row[s] <= HIGH]
    print(
        f"{len(outside)} of {len(NULLS) * len(STATISTICS)} sizes outside of {LOW} to {HIGH}" + (f": {outside}" if outside else "")
    )
    timing.write_json(given.json, "coverage_surrogates", tables)
    return bool(outside) and not given.quick


if __name__ == "__main__":
    raise SystemExit(main())
