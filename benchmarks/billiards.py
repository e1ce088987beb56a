"""The chaotic Boltzmann machine: events per second on one core, flips per unit and time, and convergence beside Gibbs sampling.

    python benchmarks/billiards.py [--quick] [--json PATH]

Events are wall hits. Lattices are Ising tori at beta = 0.44, the dense machine has couplings N(0, 1/n) and fields N(0, 1). Convergence: the
total variation distance of the shares of time (of the counts of states at the ends of sweeps, for Gibbs sampling) to the exact
distribution of random machines with couplings and fields N(0, 1), a sweep per unit of time; slopes in log-log from t = 100 on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from timing import cpu_seconds, parser, print_columns, print_machine, rounds, write_json

import weakchaos as wc
from weakchaos.samplers.billiard.sparse import FLIPS

STARTS = 4


def machine_of_units(n: int, seed: int, scale: float = 1.0) -> wc.PairwiseMRF:
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.normal(size=(n, n)), 1) * scale
    return wc.PairwiseMRF(upper + upper.T, rng.normal(size=n))


# ---- events per second -----------------------------------------------------------------------------------------------------------------


def speeds(quick: bool) -> list[dict[str, Any]]:
    targets: dict[str, tuple[Any, float | None]] = {
        "Ising, 8 x 8": (wc.Ising.lattice((8, 8), 0.44), 4e6),
        "Ising, 64 x 64": (wc.Ising.lattice((64, 64), 0.44), None),
        "Ising, 256 x 256": (wc.Ising.lattice((256, 256), 0.44), None),
        "dense, 8 units": (machine_of_units(8, 0, 8**-0.5), None),
        "dense, 64 units": (machine_of_units(64, 0, 1 / 8), 1e6),
        "dense, 512 units": (machine_of_units(512, 0, 512**-0.5), None),
        "Potts of 3 states, 16 x 16": (wc.Potts.lattice((16, 16), 3, 1.0), None),
        "Potts of 10 states, 16 x 16": (wc.Potts.lattice((16, 16), 10, 1.4), None),
    }
    events = 20_000 if quick else 1_000_000
    flips: dict[str, float] = {}

    def of(name: str, target: Any) -> Callable[[int], float]:
        system = wc.samplers.ChaoticBoltzmann().bind(target)
        state = system.start(1)
        system.advance(state, 20, 20)
        steps = max(1, round(events / (target.dim * int(target.cardinalities[0]))))

        def once(k: int) -> float:
            before = int(state.counters[FLIPS])
            seconds = cpu_seconds(lambda: system.advance(state, steps, steps))
            made = int(state.counters[FLIPS]) - before
            flips[name] = made / (steps * target.dim)
            return made / seconds

        return once

    values = rounds({name: of(name, target) for name, (target, _) in targets.items()}, 3 if quick else 7)
    table, lines = [], []
    for name, (_, least) in targets.items():
        value = median(values[name])
        met = None if least is None else value >= least
        table.append(
            {"name": name, "events_per_second": values[name], "least": least, "met": met, "flips_per_unit_and_time": flips[name]}
        )
        bound = "" if least is None else f">= {least / 1e6:g}"
        lines.append(
            [
                name,
                f"{value / 1e6:.2f}",
                f"{max(values[name]) / 1e6:.2f}",
                f"{1e9 / value:.0f}",
                bound,
                "" if met is None else "met" if met else "MISSED",
            ]
        )
    print_columns("Millions of events per second of CPU", ["", "median", "largest", "ns/event", "target", ""], lines)
    return table


# ---- convergence -----------------------------------------------------------------------------------------------------------------------


def billiard_curve(target: Any, rates: str, counts: np.ndarray, seed: int) -> tuple[list[float], float]:
    """Total variation distances after `counts` units of time, and flips per unit and time."""
    system, truth = wc.samplers.ChaoticBoltzmann(rates=rates).bind(target), target.distribution()
    state, total, done, out = system.start(seed), np.zeros(truth.size), 0, []
    for t in counts.tolist():
        total += (t - done) * system.occupation(state, t - done)
        done = t
        out.append(0.5 * float(np.abs(total / t - truth).sum()))
    return out, int(state.counters[FLIPS]) / (done * target.dim)


def gibbs_curve(target: Any, counts: np.ndarray, seed: int) -> list[float]:
    system, truth = wc.samplers.Gibbs().bind(target), target.distribution()
    powers = 1 << np.arange(target.dim - 1, -1, -1)
    codes = system.advance(system.start(seed), int(counts[-1])) @ powers
    return [0.5 * float(np.abs(np.bincount(codes[:t], minlength=truth.size) / t - truth).sum()) for t in counts.tolist()]


def convergence(quick: bool) -> list[dict[str, Any]]:
    sizes, machines, last = (2, 3, 4, 5, 6, 7, 8, 9, 10), 2 if quick else 8, 5_000 if quick else 200_000
    counts = np.unique(np.round(np.geomspace(100, last, 16)).astype(np.int64))
    table, lines = [], []
    for n in sizes:
        found: dict[str, list[Any]] = {"equal": [], "incommensurate": [], "Gibbs": []}
        flips: list[float] = []
        flagged = 0
        for k in range(machines):
            target = machine_of_units(n, 100 + k)
            flagged += not wc.samplers.ChaoticBoltzmann().bind(target).disagreement(range(n)).ergodic if n <= 6 else 0
            for rates in ("equal", "incommensurate"):
                curves, made = zip(*(billiard_curve(target, rates, counts, seed) for seed in range(STARTS)), strict=True)
                found[rates].append(curves)
                if rates == "equal":
                    flips.extend(made)
            found["Gibbs"].append([gibbs_curve(target, counts, seed) for seed in range(STARTS)])
        slopes = {
            name: [float(wc.diagnostics.convergence_rate(counts, c)) for c in curves]
            for name, curves in found.items()
        }  # fmt: skip
        final = {name: [float(np.median([c[-1] for c in curves])) for curves in group] for name, group in found.items()}
        ratio = {name: float(np.median(np.array(final[name]) / np.array(final["Gibbs"]))) for name in ("equal", "incommensurate")}
        slope, error = float(np.mean(slopes["equal"])), float(np.std(slopes["equal"], ddof=1) / math.sqrt(machines))
        rate = float(np.mean(flips))
        judged = n >= 4
        verdict = (abs(slope + 0.5) <= 0.05 and ratio["equal"] <= 0.6 and abs(rate - 2.0) <= 0.01) if judged else None
        table.append(
            {"units": n, "slopes": slopes, "final": final, "ratio": ratio, "flips": flips, "flagged": flagged, "met": verdict}
        )
        lines.append(
            [
                f"{n} units",
                f"{slope:.3f} +- {error:.3f}",
                f"{np.median(final['equal']):.1e}",
                f"{ratio['equal']:.2f}",
                f"{rate:.4f}",
                f"{np.mean(slopes['incommensurate']):.2f}",
                f"{ratio['incommensurate']:.4f}",
                f"{np.mean(slopes['Gibbs']):.2f}",
                f"{flagged} of {machines}" if n <= 6 else "-",
                "not judged" if verdict is None else "met" if verdict else "MISSED",
            ]
        )
    print_columns(
        f"Total variation distance at t = {last}, {machines} machines a size, {STARTS} starts (targets for n >= 4: slope -0.5 +- 0.05, at most 0.6 times Gibbs, 2.000 +- 0.01 flips)",
        ["", "slope", "distance", "to Gibbs", "flips", "incommensurate: slope", "to Gibbs", "Gibbs: slope", "flagged", ""],
        lines,
    )
    return table


def main() -> None:
    options = parser(__doc__).parse_args()
    print_machine()
    tables = {"speed": speeds(options.quick), "convergence": convergence(options.quick)}
    write_json(options.json, "billiards", tables)


if __name__ == "__main__":
    main()
