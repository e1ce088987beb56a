"""Posterior means by Stein control variates beside plain averages, on draws of NUTS: root mean square errors over repeats, coverage of 90 % intervals.

    OPENBLAS_NUM_THREADS=1 python benchmarks/stein_estimates.py [--quick] [--json PATH]

Both estimates may spend as many gradients: control variates ask for one more at each draw, and the plain average has so many more draws instead. Errors are
in posterior standard deviations, against the exact integral (eight schools) and a long run (logistic regression). That run has an error of up to 0.0009
itself, so coverage of the logistic regression counts against the mean of the other repeats, which is nearer; how far it is from the long run is printed.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import weakchaos as wc
from benchmarks.timing import parser
from weakchaos.native.c_density import evaluate_rows
from weakchaos.runs.stein_estimators import stein_expectation

_WIDE = 1.6448536  # of a 90 % interval
DRAWS, WARMUP, CHAINS = 1000, 500, 4


def one(target, seed: int, orders: list, draws: int) -> dict:
    """Errors of every estimate, and whether 90 % intervals hold the truth."""
    trace = wc.sample(target, wc.samplers.NUTS(), draws=2 * draws, warmup=WARMUP, chains=CHAINS, seed=seed, progress=False)
    x = np.asarray(trace.draws)
    steps = trace.stats["n_steps"][:, :draws].mean()
    same = round(draws * (1 + 1 / steps))  # draws of the plain average at as many gradients
    short = x[:, :draws]
    gradients = evaluate_rows(target.pointer(True), short.reshape(-1, target.dim))[1].reshape(short.shape)
    out = {"steps": float(steps), "plain": (x[:, :same].mean((0, 1)) - target.means) / target.sds}
    for order in orders:
        found = stein_expectation(short, short, gradients, order=order)
        out[f"order {order or 'chosen: ' + str(found.order)}"] = (
            (found.value - target.means) / target.sds,
            found.stderr / target.sds,
            bool(found.flags),
        )
        out["plain inside"] = np.abs(found.plain - target.means) <= _WIDE * found.plain_stderr
    return out


def main() -> int:
    options = parser(__doc__)
    arguments = options.parse_args()
    warnings.simplefilter("ignore")
    repeats, draws = (4, 500) if arguments.quick else (50, DRAWS)
    cases = {"eight schools": (wc.zoo.eight_schools(), [1, 2, None]), "breast cancer": (wc.zoo.logistic_regression(), [1, 2])}
    results = {}
    for name, (target, orders) in cases.items():
        runs = [one(target, seed, orders, draws) for seed in range(1, repeats + 1)]
        plain = np.sqrt(np.mean([run["plain"] ** 2 for run in runs], 0))
        covered = np.mean([run["plain inside"] for run in runs])
        print(f"{name}: {repeats} runs of {CHAINS} x {draws} draws, {np.mean([run['steps'] for run in runs]):.1f} gradients a draw")
        print(f"  plain: RMSE {np.sqrt((plain**2).mean()):.5f} sd, 90 % intervals cover {covered:.3f}")
        results[name] = {"plain": plain.tolist(), "plain covered": float(covered)}
        for key in [k for k in runs[0] if k.startswith("order")]:
            error = np.array([run[key][0] for run in runs])
            rmse, stderr = np.sqrt((error**2).mean(0)), np.array([run[key][1] for run in runs])
            centre = 0.0 if name == "eight schools" else (error.sum(0) - error) / (repeats - 1)
            covered = (
                np.abs(error - centre)
                <= _WIDE * np.sqrt(stderr**2 + (0.0 if name == "eight schools" else (stderr**2).mean(0) / repeats))
            ).mean()
            ratio = plain / rmse
            flagged = sum(run[key][2] for run in runs)
            print(
                f"  {key}: RMSE {np.sqrt((rmse**2).mean()):.5f}, falls by {np.sqrt((plain**2).mean() / (rmse**2).mean()):.2f} over all coordinates, by "
                f"{np.median(ratio):.2f} in the median one, {ratio.min():.2f} in the worst; 90 % intervals cover {covered:.3f}; {flagged} runs flagged; mean error {np.sqrt((error.mean(0) ** 2).mean()):.5f}"
            )
            results[name][key] = {"rmse": rmse.tolist(), "covered": float(covered), "flagged": flagged}
    if arguments.json:
        import json

        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
