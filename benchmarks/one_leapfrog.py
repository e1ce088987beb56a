"""Draws a second of HMC with one leapfrog step, here and in an older tree: ``python benchmarks/one_leapfrog.py TREE_BEFORE [TREE_AFTER]``.

What is known at the end of a step, log density and gradient, is what the next begins with. Before, a call threw it away at its end, so that n draws took
2 n gradients where each was a call of its own (every draw looked at, short blocks), and n + 1 in a single call. How much faster that is depends on what
a gradient costs beside the call: the targets are a Gaussian of 10 coordinates, which costs next to nothing, a dense one of 100, and a logistic
regression of 569 rows and 31 coefficients. CPU microseconds a draw, the trees in turns; the ratio is the median over rounds.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numba import njit
from timing import child, cpu_seconds, parser, print_columns, print_machine, write_json

import weakchaos as wc

DRAWS = {"Gaussian, 10": (200_000, 0.3), "dense Gaussian, 100": (20_000, 0.1), "logistic regression, 569 x 31": (10_000, 0.02)}


@njit
def logistic(x, out, rows, answers):
    total = 0.0
    for j in range(x.size):
        out[j] = -x[j]
        total -= 0.5 * x[j] * x[j]
    for i in range(rows.shape[0]):
        a = 0.0
        for j in range(x.size):
            a += rows[i, j] * x[j]
        p = 1.0 / (1.0 + np.exp(-a))
        total += answers[i] * a - np.log1p(np.exp(a)) if a < 30.0 else (answers[i] - 1.0) * a
        for j in range(x.size):
            out[j] += (answers[i] - p) * rows[i, j]
    return total


@njit
def logistic_value(x, rows, answers):
    out = np.empty(x.size)
    return logistic(x, out, rows, answers)


def targets() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    rows = np.column_stack([np.ones(569), rng.normal(size=(569, 30))])
    answers = (rng.random(569) < 1 / (1 + np.exp(-rows @ rng.normal(size=31) * 0.5))).astype(float)
    return {
        "Gaussian, 10": wc.zoo.gaussian(np.linspace(0.5, 2.0, 10)),
        "dense Gaussian, 100": wc.zoo.ill_conditioned_gaussian(100, condition_number=16.0),
        "logistic regression, 569 x 31": wc.Density(logistic_value, 31, logp_and_grad=logistic, data=(rows, answers)),
    }


def one_tree() -> None:
    """CPU microseconds a draw and gradients a draw for each target, printed for the process that asked."""
    for name, target in targets().items():
        draws, step = DRAWS[name]
        system = wc.samplers.HMC(step, 1).bind(target)
        state = system.start(0)
        few = draws // 10

        def in_one_call(n: int, system: Any = system, state: Any = state) -> None:
            system.advance(state, n)

        def in_calls(n: int, system: Any = system, state: Any = state) -> None:
            for _ in range(n):
                system.advance(state, 1)

        for how, move, n in (("one call", in_one_call, draws), ("a draw a call", in_calls, few)):
            move(min(n, 1000))
            before = int(state.counters[1])
            spent = cpu_seconds(lambda move=move, n=n: move(n))
            print(f"{name}, {how}\t{spent / n * 1e6}\t{(int(state.counters[1]) - before) / n}")


def main() -> int:
    options = parser(__doc__)
    options.add_argument("before", type=Path)
    options.add_argument("after", type=Path, nargs="?", default=Path(__file__).resolve().parent.parent)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    print_machine()
    found: dict[str, list[list[tuple[float, float]]]] = {}
    for k in range(2 if chosen.quick else chosen.rounds):
        for which, tree in sorted(enumerate((chosen.before.resolve(), chosen.after.resolve())), reverse=bool(k % 2)):
            told = child([sys.executable, __file__, "--one-tree"], {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": ""}, tree)
            for line in told.output.splitlines():
                name, spent, gradients = line.split("\t")
                found.setdefault(name, [[], []])[which].append((float(spent), float(gradients)))
    table = []
    for name, (before, after) in found.items():
        ratios = [b[0] / a[0] for b, a in zip(before, after, strict=True)]
        table.append(
            {
                "target": name,
                "before, us": median(b[0] for b in before),
                "now, us": median(a[0] for a in after),
                "ratio": median(ratios),
                "gradients before": before[0][1],
                "gradients now": after[0][1],
            }
        )
    print_columns(
        "HMC with one leapfrog step",
        list(table[0]),
        [[f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()] for row in table],
    )
    write_json(chosen.json, "one_leapfrog", {"one leapfrog step": table})
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--one-tree"]:
        one_tree()
    else:
        sys.exit(main())
