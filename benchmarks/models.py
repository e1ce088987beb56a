"""Gibbs sampling of the models that come with the package: where it converges, and where it does not.

    python benchmarks/models.py [--quick] [--json PATH]

20,000 sweeps without warm-up from 8 over-dispersed starts (random among the states of positive probability). Error: the largest error
of a marginal against exact inference, in the median and in the worst start. Disagreement: the largest difference of a marginal between
two starts. What was expected of a model is named, and counts as found within a factor of two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from timing import parser, print_columns, print_machine, write_json

import weakchaos as wc
from weakchaos.targets.factor_graph import packaged

STARTS, SWEEPS = 8, 20_000
# Model, sampler, what is expected of it, by which figure, and how much of that (least, most).
RUNS: tuple[tuple[str, Any, str, str, float, float], ...] = (
    ("sachs", wc.samplers.Gibbs(), "easy", "error", 0.01, 0.03),
    ("child", wc.samplers.Gibbs(), "easy", "error", 0.01, 0.03),
    ("segmentation", wc.samplers.Gibbs(), "slow", "error", 0.07, 0.13),
    ("alarm", wc.samplers.Gibbs(), "slow", "error", 0.07, 0.13),
    ("dbn", wc.samplers.Gibbs(), "starts stay in their modes", "disagreement", 0.96, 1.0),
    ("asia", wc.samplers.Gibbs(), "single units cannot cross", "error", 0.94, 0.94),
    ("asia", wc.samplers.Gibbs(blocks="deterministic"), "blocks of deterministic pairs cross", "error", 0.0, 0.03),
)
SLACK = 2.0  # these errors are themselves random: found is what lies within this factor of what is expected


def main() -> None:
    options = parser(__doc__).parse_args()
    print_machine()
    starts, sweeps = (3, 2_000) if options.quick else (STARTS, SWEEPS)
    table, lines = [], []
    for name, sampler, expected, shown_by, least, most in RUNS:
        target = packaged(name)
        system = sampler.bind(target)
        system.advance(system.start(0), 1)
        trace = wc.sample(target, sampler, sweeps, warmup=0, chains=starts, seed=1, progress=False, record="averages")
        final = trace.error().final
        spread = np.ptp(trace.averages()[1][:, -1], axis=0)
        row: dict[str, Any] = {
            "model": name, "units": target.dim, "sampler": "Gibbs" if sampler.blocks is None else "Gibbs, deterministic pairs",
            "errors": final.tolist(), "error": float(np.median(final)), "worst_error": float(final.max()),
            "disagreement": float(spread.max()), "expected": expected, "expected_of": shown_by, "expected_range": [least, most],
            "us_per_sweep": 1e6 * sum(trace.cpu_seconds) / (starts * sweeps),
        }  # fmt: skip
        value = float(row[shown_by])
        # What is expected is said of the full number of sweeps.
        row["found"] = None if options.quick else bool(least / SLACK <= value <= min(most * SLACK, 1.0))
        table.append(row)
        amount = f"{most:g}" if least == most else f"{least:g} to {most:g}"
        lines.append(
            [
                f"{name}, {row['sampler']}", str(target.dim), f"{row['error']:.3f}", f"{row['worst_error']:.3f}", f"{row['disagreement']:.3f}",
                f"{row['us_per_sweep']:.2f}", expected, f"{shown_by} {amount}", {True: "yes", False: "NO", None: "not judged"}[row["found"]],
            ]
        )  # fmt: skip
    header = ["", "units", "error", "worst error", "disagreement", "us/sweep", "expected", "by", "found"]
    print_columns(f"{sweeps} sweeps from {starts} starts", header, lines)
    write_json(options.json, "models", {"models": table})


if __name__ == "__main__":
    main()
