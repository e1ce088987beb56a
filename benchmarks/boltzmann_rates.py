"""How fast herded Gibbs converges on random Boltzmann machines, beside Gibbs sampling.

    python benchmarks/boltzmann_rates.py [--zero-fields] [--quick] [--json PATH]

Fully connected machines of 4, 6, 8 and 10 units of 0/1 with couplings and fields N(0, 1): 8 machines a size, 4 random starts each,
10**6 sweeps without warm-up. The error is that of the worst marginal; its slope in log-log is fitted from 10**2 sweeps on, and over the
last two decades. Herded Gibbs promises -1 (Bornn et al., arXiv:1301.4168), Gibbs sampling -1/2. With ``--json`` the median curves are
drawn beside it, in a file of the same name that ends in .png.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from timing import parser, print_columns, print_machine, write_json

import weakchaos as wc

SIZES, STARTS = (4, 6, 8, 10), 4
SAMPLERS: dict[str, Any] = {
    "herded, stationary": wc.herding.HerdedGibbs(),
    "herded, zero": wc.herding.HerdedGibbs(start="zero"),
    "Gibbs": wc.samplers.Gibbs(),
}
TARGETS = {"herded, stationary": -1.0, "herded, zero": -1.0, "Gibbs": -0.5}


@dataclass
class Outcome:
    """One sampler on one machine: slopes, errors at the end (medians over starts), and the curves of all starts."""

    slope: float
    late: float
    final: float
    draws: np.ndarray
    errors: np.ndarray
    ns_per_update: float


def machine_of_units(n: int, seed: int, zero_fields: bool) -> wc.PairwiseMRF:
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.normal(size=(n, n)), 1)
    fields = rng.normal(size=n)
    return wc.PairwiseMRF(upper + upper.T, np.zeros(n) if zero_fields else fields)


def measure(target: wc.PairwiseMRF, sampler: Any, sweeps: int, seed: int) -> Outcome:
    trace = wc.sample(target, sampler, sweeps, warmup=0, chains=STARTS, seed=seed, progress=False, record="averages")
    error = trace.error()
    # An average may hit the marginal exactly; no error below a tenth of the resolution 1 / T says anything.
    errors = np.maximum(error.errors, 0.1 / error.draws)
    slope = wc.diagnostics.convergence_rate(error.draws, errors, (100, sweeps))
    late = wc.diagnostics.convergence_rate(error.draws, errors, (sweeps / 100, sweeps))
    ns = 1e9 * sum(trace.cpu_seconds) / (STARTS * sweeps * target.dim)
    return Outcome(float(slope), float(late), float(np.median(error.final)), error.draws, errors, ns)


def mean_and_error(values: list[float]) -> str:
    return f"{np.mean(values):.3f} +- {np.std(values, ddof=1) / math.sqrt(len(values)):.3f}"


def geometric(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def draw(outcomes: dict[tuple[int, str], list[Outcome]], path: Path) -> None:
    """Median curves over machines and starts, with guides of slope -1/2 and -1."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, len(SIZES), figsize=(4.0 * len(SIZES), 3.8), sharey=True, layout="constrained")
    for panel, n in zip(panels, SIZES, strict=True):
        for name, style in zip(SAMPLERS, ("-", "--", "-"), strict=True):
            found = outcomes[n, name]
            t = found[0].draws
            band = np.quantile(np.concatenate([o.errors for o in found]), (0.25, 0.5, 0.75), axis=0)
            (line,) = panel.loglog(t, band[1], style, label=name)
            panel.fill_between(t, band[0], band[2], color=line.get_color(), alpha=0.15, linewidth=0)
        t = t[t >= 10]
        for power, style, text in ((-0.5, ":", "$T^{-1/2}$"), (-1.0, "-.", "$T^{-1}$")):
            panel.loglog(t, 0.5 * t**power, style, color="0.5", linewidth=1, label=text)
        panel.set(title=f"{n} units", xlabel="sweeps $T$")
    panels[0].set_ylabel("largest error of a marginal")
    panels[0].legend(frameon=False)
    figure.savefig(path, dpi=150)
    print(f"written: {path}")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--zero-fields", action="store_true", help="couplings alone")
    options = arguments.parse_args()
    print_machine()
    machines, sweeps = (2, 10**4) if options.quick else (8, 10**6)
    outcomes: dict[tuple[int, str], list[Outcome]] = {}
    for n in SIZES:
        for k in range(machines):
            target = machine_of_units(n, 100 + k, options.zero_fields)
            for name, sampler in SAMPLERS.items():
                outcomes.setdefault((n, name), []).append(measure(target, sampler, sweeps, k))

    table, lines = [], []
    pooled: dict[str, list[float]] = {name: [] for name in SAMPLERS if name != "Gibbs"}
    for (n, name), found in outcomes.items():
        ratios = [g.final / o.final for g, o in zip(outcomes[n, "Gibbs"], found, strict=True)]
        if name in pooled:
            pooled[name] += ratios
        row = {
            "units": n, "sampler": name, "slope": [o.slope for o in found], "late_slope": [o.late for o in found],
            "final": [o.final for o in found], "ratio": ratios, "ns_per_update": [o.ns_per_update for o in found],
            "draws": found[0].draws.tolist(), "median_error": np.median(np.concatenate([o.errors for o in found]), 0).tolist(),
        }  # fmt: skip
        table.append(row)
        lines.append(
            [
                f"{n:2d} units, {name}", mean_and_error(row["slope"]), mean_and_error(row["late_slope"]), f"{TARGETS[name]:g}",
                f"{geometric(row['final']):.2e}", f"{np.median(ratios):.3g}", f"{np.median(row['ns_per_update']):.1f}", "",
            ]
        )  # fmt: skip
    fields = "zero" if options.zero_fields else "N(0, 1)"
    print_columns(
        f"{machines} machines a size, fields {fields}, {STARTS} starts, {sweeps:.0e} sweeps: means over machines",
        ["", "slope", f"slope from {sweeps / 100:.0e}", "theory", "error at the end", "Gibbs / this", "ns/update", ""],
        lines,
    )
    medians = {name: float(np.median(ratios)) for name, ratios in pooled.items()}
    for name, value in medians.items():
        print(
            f"error of Gibbs over that of {name}, after {sweeps:.0e} sweeps: median {value:.1f} over {len(pooled[name])} machines"
        )
    write_json(options.json, "boltzmann_rates", {"rates": table, "pooled_median_ratio": medians})
    if options.json is not None:
        draw(outcomes, options.json.with_suffix(".png"))


if __name__ == "__main__":
    main()
