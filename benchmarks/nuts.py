"""Effective draws per thousand gradients: NUTS at its defaults beside HMC whose settings were chosen by hand.

    python benchmarks/nuts.py [--quick] [--json PATH]

Four chains of 1,000 steps of warm-up and 1,000 draws; the effective sample size is the least over the coordinates of x and of x**2
(arviz-stats, bulk). HMC has no adaptation: its steps and masses are picked from a small grid by the very figure that is printed, which
costs it nothing here, so the comparison favours it.
"""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
from arviz_stats.base import array_stats
from timing import parser, print_machine, write_json

import weakchaos as wc
from weakchaos.core.counters import GRADIENTS, WARMUP_GRADIENTS


def figures(target: Any, sampler: Any, draws: int, seed: int = 1) -> tuple[float, float, float, float, float]:
    """Effective draws, gradients of sampling and of warm-up in thousands, R-hat, share of diverging draws."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = wc.sample(target, sampler, draws=draws, warmup=draws, seed=seed, progress=False)
    both = np.concatenate([trace.draws, trace.draws**2], axis=2)
    columns = [both[:, :, k] for k in range(both.shape[2])]
    ess = min(float(array_stats.ess(c, chain_axis=0, draw_axis=1, method="bulk")) for c in columns)
    rhat = max(float(array_stats.rhat(c, chain_axis=0, draw_axis=1)) for c in columns)
    made, warmed = (sum(int(s.counters[slot]) for s in trace.states) / 1000 for slot in (GRADIENTS, WARMUP_GRADIENTS))
    return ess, made, warmed, rhat, float(trace.stats["diverging"].mean())


def main() -> None:
    arguments = parser(__doc__).parse_args()
    draws, rows = 200 if arguments.quick else 1000, []
    print_machine()
    print(f"{'target':<26}{'sampler':<22}{'ESS':>7}{'kgrad':>8}{'R-hat':>8}{'diverging':>11}{'ESS/kgrad':>11}{'with warm-up':>14}")
    for target in (wc.zoo.ill_conditioned_gaussian(), wc.zoo.eight_schools(), wc.zoo.banana(), wc.zoo.funnel(10)):
        grid = [wc.samplers.HMC(e, n) for e, n in itertools.product((0.05, 0.15, 0.4), (5, 20))]
        tried = [figures(target, sampler, draws, 0) for sampler in grid]
        hmc = grid[int(np.argmax([ess / made for ess, made, *_ in tried]))]
        for name, sampler in (("NUTS", wc.samplers.NUTS()), (f"HMC({hmc.step_size}, {hmc.n_leapfrog})", hmc)):
            ess, made, warmed, rhat, diverging = figures(target, sampler, draws)
            rate, whole = ess / made, ess / (made + warmed)
            print(f"{target.name:<26}{name:<22}{ess:>7.0f}{made:>8.1f}{rhat:>8.3f}{diverging:>11.4f}{rate:>11.2f}{whole:>14.2f}")
            rows.append({"target": target.name, "sampler": name, "ess": ess, "kgrad": made, "warmup_kgrad": warmed, "rhat": rhat, "diverging": diverging})  # fmt: skip
    write_json(arguments.json, "nuts", {"rows": rows})


if __name__ == "__main__":
    main()
