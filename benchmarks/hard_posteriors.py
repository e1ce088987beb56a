"""Effective draws per 1,000 gradients of NUTS, WALNUTS and ScoreMap on bent and funnel-shaped targets: ``python benchmarks/hard_posteriors.py``.

4 chains of 1,000 draws after a warm-up of 1,000 steps at most, default settings; gradients of warm-up are counted. The least effective size over coordinates of x, and of
x and x^2 (rank-normalised, split), the largest R-hat; the median over seeds.
"""

import argparse
import json
import math
import time
import warnings
from pathlib import Path

import numpy as np
from numba import njit

import weakchaos as wc
from weakchaos.core.counters import GRADIENTS, WARMUP_GRADIENTS
from weakchaos.runs.convergence import effective_size, normal_scores, rank_rhat, split


@njit
def rosenbrock36(x, out):
    total = 0.0
    for i in range(0, x.size, 2):
        r = x[i + 1] - x[i] * x[i]
        total -= 0.5 * (x[i] - 1.0) ** 2 + 5.0 * r * r
        out[i], out[i + 1] = -(x[i] - 1.0) + 20.0 * x[i] * r, -10.0 * r
    return total


@njit
def centred_schools(x, out, effects, errors):
    mu, log_tau = x[0], x[1]
    tau = math.exp(log_tau)
    q = tau * tau / 25.0
    total, out[0] = -mu * mu / 50.0 + log_tau - math.log1p(q), -mu / 25.0
    out[1] = 1.0 - 2.0 * q / (1.0 + q)
    for j in range(effects.size):
        z, r = (x[2 + j] - mu) / tau, (effects[j] - x[2 + j]) / errors[j]
        total -= 0.5 * (z * z + r * r) + log_tau
        out[2 + j] = r / errors[j] - z / tau
        out[0] += z / tau
        out[1] += z * z - 1.0
    return total


SCHOOLS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]), np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
TARGETS = {
    "funnel, 10 d": lambda: wc.zoo.funnel(10),
    "Rosenbrock, 36 d": lambda: wc.Density(logp_and_grad=rosenbrock36, dim=36),
    "banana": wc.zoo.banana,
    "eight schools": wc.zoo.eight_schools,
    "eight schools, centred": lambda: wc.Density(logp_and_grad=centred_schools, dim=10, data=SCHOOLS),
    "logistic regression": wc.zoo.logistic_regression,
}
LENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
SAMPLERS = {"NUTS": wc.samplers.NUTS, "WALNUTS": wc.samplers.WALNUTS, "ScoreMap": wc.samplers.ScoreMap}


def measure(target, sampler, seed, draws, warmup, initial=None):
    """Gradients, least effective sizes of x and of x and x^2, R-hat, CPU seconds."""
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = wc.sample(target, sampler, draws=draws, warmup=warmup, seed=seed, initial=initial, progress=False)
    seconds, x = time.process_time() - began, np.asarray(trace.draws)
    gradients = sum(int(s.counters[GRADIENTS] + s.counters[WARMUP_GRADIENTS]) for s in trace.states)
    sizes = [[effective_size(normal_scores(split(f(x[..., k])))) for k in range(x.shape[2])] for f in (np.asarray, np.square)]
    return gradients, min(sizes[0]), np.min(sizes), max(rank_rhat(x[..., k]) for k in range(x.shape[2])), seconds


def scan(seeds):
    """WALNUTS on the funnel with every length of macro steps and of trajectories held fixed, from exact draws: what tuning could reach at most."""
    target = TARGETS["funnel, 10 d"]()
    print("| most doublings | " + " | ".join(f"step {h:g}" for h in LENGTHS) + " |\n|" + "---|" * (1 + len(LENGTHS)))
    for depth in (1, 2, 3, 5, 10):
        cells = []
        for length in LENGTHS:
            rows = []
            for seed in range(seeds):
                sampler = wc.samplers.WALNUTS(step_size=length, inverse_mass=np.ones(10), max_tree_depth=depth)
                rows.append(measure(target, sampler, seed, 4000, 0, target.simulate(4, seed)))
            g, a, _, rhat, _ = np.median(rows, 0)
            cells.append(f"{2.5e5 * a / g:.0f} ({rhat:.2f})")
        print(f"| {depth} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--warmup", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="one seed, 200 draws")
    parser.add_argument(
        "--scan",
        action="store_true",
        help="only WALNUTS on the funnel, with its step and its trajectories held fixed: ESS in 250,000 gradients (R-hat)",
    )
    parser.add_argument("--json", help="file for every single measurement")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seeds, arguments.draws, arguments.warmup = 1, 200, 200
    if arguments.scan:
        scan(arguments.seeds)
        raise SystemExit
    single = []
    print(
        "| target | sampler | gradients | ESS of x | ESS of x, x^2 | R-hat | x per 1,000 | x, x^2 per 1,000 | CPU s |\n|---|---|---|---|---|---|---|---|---|"
    )
    for name, make in TARGETS.items():
        for label, sampler in SAMPLERS.items():
            rows = np.array(
                [measure(make(), sampler(), seed, arguments.draws, arguments.warmup) for seed in range(arguments.seeds)]
            )
            single += [
                {
                    "target": name,
                    "sampler": label,
                    "seed": k,
                    "gradients": r[0],
                    "ess": r[1],
                    "ess_squares": r[2],
                    "rhat": r[3],
                    "cpu_seconds": r[4],
                }
                for k, r in enumerate(rows.tolist())
            ]
            g, a, b, rhat, seconds = np.median(rows, 0)
            per = np.median(1e3 * rows[:, 1] / rows[:, 0]), np.median(1e3 * rows[:, 2] / rows[:, 0])
            print(
                f"| {name} | {label} | {g:,.0f} | {a:,.0f} | {b:,.0f} | {rhat:.3f} | {per[0]:.3g} | {per[1]:.3g} | {seconds:.2f} |",
                flush=True,
            )
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(single, indent=1), encoding="utf-8")
