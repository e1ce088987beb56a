"""Exponents and dimensions from recorded series with the defaults, beside the published values.

    python benchmarks/series.py [--quick] [--json PATH]

No parameter is chosen by hand. Noise must be reported without a value. CPU seconds are those of one call. How many 95 % intervals hold the exponent: `benchmarks/coverage_series.py`.
"""

from __future__ import annotations

import math

import numpy as np
from timing import cpu_seconds, parser, print_columns, print_machine, write_json

import weakchaos as wc

systems = wc.systems


def orbit(system, n: int, every: int, seed: int) -> np.ndarray:
    state = system.start(seed)
    system.advance(state, 2000 * every, 2000 * every)
    return system.advance(state, n * every, every)[:, 0]


# name, system, steps between numbers, time between numbers, largest exponent, tolerance
EXPONENTS = [
    ("logistic map, r = 4", lambda: systems.Logistic(4.0 - 1e-9), 1, 1.0, math.log(2), 0.05),
    ("Henon map", systems.Henon, 1, 1.0, 0.41922, 0.05),
    ("Lorenz, every 0.02", lambda: systems.Lorenz(step=0.01), 2, 0.02, 0.9058, 0.10),
    ("Lorenz, every 0.05", lambda: systems.Lorenz(step=0.01), 5, 0.05, 0.9058, 0.10),
    ("Rossler, every 0.1", lambda: systems.Rossler(step=0.05), 2, 0.1, 0.0714, 0.15),
    ("Rossler, every 0.2", lambda: systems.Rossler(step=0.05), 4, 0.2, 0.0714, 0.15),
    # Kept aside: not looked at when the rules were made.
    ("Ikeda map", systems.Ikeda, 1, 1.0, 0.5076, None),
    ("standard map, k = 6", lambda: systems.StandardMap(6.0), 1, 1.0, 1.1367, None),
]
DIMENSIONS = [("Henon map", systems.Henon, 1, 1.220, 0.04), ("Lorenz, every 0.05", lambda: systems.Lorenz(step=0.01), 5, 2.05, 0.1)]


def exponents(n: int, seeds: int) -> list[dict]:
    rows = []
    for name, make, every, dt, truth, tolerance in EXPONENTS:
        for seed in range(seeds):
            x, kept = orbit(make(), n, every, seed), {}
            seconds = cpu_seconds(lambda x=x, dt=dt, kept=kept: kept.update(result=wc.diagnostics.lyapunov_from_series(x, dt=dt)))
            value = float(kept["result"])
            off = value / truth - 1
            verdict = "" if tolerance is None else "met" if abs(off) <= tolerance else "MISSED"
            rows.append(
                {"system": name, "seed": seed, "value": value, "truth": truth, "off": off, "seconds": seconds, "verdict": verdict}
            )
    rng = np.random.default_rng(0)
    noises = {
        "white noise": rng.standard_normal,
        "uniform noise": rng.random,
        "random walk": lambda n: np.cumsum(rng.standard_normal(n)),
    }
    for name, draw in noises.items():
        value = float(wc.diagnostics.lyapunov_from_series(draw(n)))
        rows.append(
            {
                "system": name,
                "seed": 0,
                "value": value,
                "truth": math.nan,
                "off": math.nan,
                "seconds": math.nan,
                "verdict": "met" if not value > 0 else "MISSED",
            }
        )
    return rows


def dimensions(n: int) -> list[dict]:
    rows = []
    for name, make, every, truth, tolerance in DIMENSIONS:
        x, kept = orbit(make(), n, every, 0), {}
        seconds = cpu_seconds(lambda x=x, kept=kept: kept.update(result=wc.diagnostics.correlation_dimension(x)))
        value = float(kept["result"])
        rows.append({"system": f"D2 of {name}", "seed": 0, "value": value, "truth": truth, "off": value / truth - 1, "seconds": seconds,
                     "verdict": "met" if abs(value - truth) <= tolerance else "MISSED"})  # fmt: skip
    noise = wc.diagnostics.correlation_dimension(np.random.default_rng(0).standard_normal(n))
    rows.append({"system": "D2 of white noise", "seed": 0, "value": float(noise), "truth": math.nan, "off": math.nan, "seconds": math.nan,
                 "verdict": "met" if not noise.scaling else "MISSED"})  # fmt: skip
    return rows


def main() -> None:
    arguments = parser(__doc__).parse_args()
    print_machine()
    n = 2000 if arguments.quick else 10_000
    wc.diagnostics.lyapunov_from_series(orbit(systems.Henon(), 1000, 1, 0))
    rows = exponents(n, 1 if arguments.quick else 3) + dimensions(n)
    lines = [
        [
            f"{r['system']} ({r['seed']})",
            f"{r['value']:.4f}",
            f"{r['truth']:.4f}",
            f"{100 * r['off']:+.1f} %",
            f"{r['seconds']:.2f}",
            r["verdict"],
        ]
        for r in rows
    ]
    print_columns(f"{n} numbers, defaults", ["", "value", "truth", "off", "CPU s", "within tolerance"], lines)
    write_json(arguments.json, "series", {"rows": rows})


if __name__ == "__main__":
    main()
