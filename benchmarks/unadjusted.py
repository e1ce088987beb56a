"""Bias and flags of samplers that accept every step, on six targets: is any wrong answer given without a word?

    python benchmarks/unadjusted.py [--quick] [--json PATH]

Four chains at default settings, 1,000 steps of warm-up, then 1,000 draws of every step and 2,000 draws of every fifth step; MCLMC also with steps that
are far too long. The bias is the largest over coordinates of ``(mean of x**2 - E x**2)**2 / Var x**2``; above 0.05 a run must have a flag that is
more than a note. Exits with 1 if one has not.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from numba import njit
from timing import parser, print_machine, write_json

import weakchaos as wc
from weakchaos.core.counters import GRADIENTS, WARMUP_GRADIENTS
from weakchaos.core.flags import Severity
from weakchaos.samplers import ESH, MAMS, MCLMC, Langevin, NoseHoover, NoseHooverChain, Thermostat0532

BOUND = 0.05


@njit
def valleys(x: Any, out: Any) -> float:
    """Rosenbrock's valley 18 times: even coordinates N(1, 1), odd ones N(the square of the one before, 0.1)."""
    total = 0.0
    for i in range(0, x.size, 2):
        a, r = x[i] - 1.0, (x[i + 1] - x[i] * x[i]) / 0.1
        total -= 0.5 * a * a + 0.05 * r * r
        out[i], out[i + 1] = -a + 2.0 * x[i] * r, -r
    return total


def targets() -> dict[str, tuple[Any, np.ndarray, np.ndarray]]:
    """Target, E x**2 and Var x**2, from exact draws or, for posteriors, from the moments of the zoo and a long run for the variances."""
    rng = np.random.default_rng(0)
    even = 1.0 + rng.standard_normal((400_000, 1))
    pair = np.concatenate([even, even**2 + 0.1**0.5 * rng.standard_normal(even.shape)], 1) ** 2
    rosenbrock = wc.Density(logp_and_grad=valleys, dim=36, name="rosenbrock")
    out = {"Rosenbrock, 36": (rosenbrock, np.tile(pair.mean(0), 18), np.tile(pair.var(0), 18))}
    for name, target in {
        "eight schools": wc.zoo.eight_schools(),
        "logistic regression": wc.zoo.logistic_regression(),
        "Gaussian, 100, rotated": wc.zoo.ill_conditioned_gaussian(100, 1e4),
        "banana": wc.zoo.banana(),
        "funnel, 10": wc.zoo.funnel(10),
    }.items():
        try:
            square = target.simulate(400_000, 1) ** 2
        except wc.core.errors.ArgumentError:
            square = wc.sample(target, draws=5000, seed=1, progress=False).draws.reshape(-1, target.dim) ** 2
        out[name] = (target, target.means**2 + target.sds**2, square.var(0))
    return out


def squared_bias(trace: Any, mean: np.ndarray, variance: np.ndarray) -> float:
    """The largest squared bias of x**2, in units of its variance."""
    return float(((trace.mean(np.square) - mean) ** 2 / variance).max())


def main() -> None:
    arguments = parser(__doc__).parse_args()
    samplers = {
        "MCLMC": MCLMC(), "MCLMC, long steps": MCLMC(energy_variance=0.05), "ESH": ESH(), "Langevin": Langevin(), "Nose-Hoover": NoseHoover(),
        "Nose-Hoover chain": NoseHooverChain(), "0532": Thermostat0532(), "MAMS (adjusted)": MAMS(),
    }  # fmt: skip
    lengths = [(300, 1)] if arguments.quick else [(1000, 1), (2000, 5)]
    rows, missed = [], 0
    print_machine()
    print(f"{'target':<24}{'sampler':<20}{'draws':>12}{'kgrad':>7}{'bias of x^2':>13}   flags that are more than a note")
    for name, (target, mean, variance) in targets().items():
        for who, sampler in samplers.items():
            for draws, thin in lengths:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    trace = wc.sample(target, sampler, draws=draws, thin=thin, seed=1, progress=False)
                    flags = trace.check()
                bias = squared_bias(trace, mean, variance)
                grave = [f"{f.word} ({f.severity.value})" for f in flags if f.severity is not Severity.NOTE]
                silent = bias > BOUND and not grave
                missed += silent
                kgrad = sum(int(s.counters[[GRADIENTS, WARMUP_GRADIENTS]].sum()) for s in trace.states) / 1000
                print(f"{name:<24}{who:<20}{f'{draws} of {draws * thin}':>12}{kgrad:>7.0f}{bias:>13.4f}   {', '.join(grave)}{'   NO FLAG' if silent else ''}")  # fmt: skip
                rows.append({"target": name, "sampler": who, "draws": draws, "thin": thin, "kgrad": kgrad, "bias": bias, "flags": grave})  # fmt: skip
    over = sum(row["bias"] > BOUND for row in rows)
    print(f"{over} of {len(rows)} runs have a squared bias above {BOUND}; {missed} of them have no flag")
    write_json(arguments.json, "unadjusted", {"rows": rows})
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
