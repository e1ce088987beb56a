"""Eight posteriors on which no setting was chosen: effective draws per thousand gradients of the default call beside nutpie's.

    python benchmarks/further_posteriors.py [--quick] [--seeds N] [--json PATH]

Both get the same compiled log density with its gradient, checked against differences first, and run four chains of 1,000 draws by their defaults, from their
own starts, on one thread. A figure is the least effective sample size (bulk, arviz-stats) over coordinates of x and of x^2 by the thousand
gradients of all chains, those of warm-up included; the median over seeds. "Wrong" counts runs with a mean of x or x^2 more than five standard errors off
what all runs of R-hat below 1.01 say together, or of R-hat above 1.1; "flagged" those that the check calls invalid, "imprecise" those it says have
too few draws, and no worse. The last posterior, a mixture whose labels are free, has two modes that no chain passes between: it shows whether
that is said, and no ratio counts it.
"""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np
from bayes_peers import deviations, nutpie, ours, quality
from further_densities import posteriors
from peers import peer
from timing import parser, print_machine, write_json

GATE = 1.5


def run(call: Any, target: Any, seed: int) -> dict[str, Any]:
    x, kilo, *trace = call(target, seed)
    q = quality(x)
    severities = {flag.severity.value for flag in trace[0].check()} if trace else set()
    said = next((s for s in ("invalid", "imprecise") if s in severities), "")
    words = [flag.word for flag in trace[0].check()] if trace else []
    return {
        "quality": q,
        "kgrad": kilo,
        "per": min(q.of_x, q.of_squares) / kilo,
        "per_x": q.of_x / kilo,
        "rhat": q.rhat,
        "said": said,
        "words": words,
    }


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=3)
    options = arguments.parse_args()
    seeds = range(2 if options.quick else options.seeds)
    callers = {"ours": ours} | ({"nutpie": nutpie} if peer("nutpie") else {})
    print_machine()
    print(
        f"{'posterior':<23}{'dim':>5} {'who':<8}{'least':>8}{'x':>8}{'kgrad':>8}{'R-hat':>8}{'wrong':>7}{'flagged':>9}{'imprecise':>11}{'ratio':>8}"
    )
    rows, ratios = [], {}
    for name, target in posteriors().items():
        places = np.random.default_rng(0)
        for _ in range(3):
            wrong = target.check_gradient(0.5 * places.standard_normal(target.dim), 1e-5)
            if wrong is not None:
                raise SystemExit(f"{name}: the gradient is not that of the density: {wrong}")
        found = {who: [run(call, target, seed) for seed in seeds] for who, call in callers.items()}
        off = iter(deviations([r["quality"] for runs in found.values() for r in runs]))
        for who, runs in found.items():
            for r in runs:
                r["off"] = next(off)
                r["wrong"] = bool(r["off"] > 5.0 or r["rhat"] > 1.1)
                del r["quality"]
            m = {key: median(r[key] for r in runs) for key in ("per", "per_x", "kgrad", "rhat")}
            said = [sum(r["said"] == s for r in runs) for s in ("invalid", "imprecise")]
            unsaid = sum(r["wrong"] and not r["said"] for r in runs) if who == "ours" else 0
            ratio = "" if who == "ours" or not m["per"] else f"{median(r['per'] for r in found['ours']) / m['per']:.2f}"
            if ratio and "free" not in name:
                ratios[name] = float(ratio)
            counts = f"{said[0]:>9}{said[1]:>11}" if who == "ours" else " " * 20
            print(
                f"{name if who == 'ours' else '':<23}{target.dim:>5} {who:<8}{m['per']:>8.2f}{m['per_x']:>8.2f}{m['kgrad']:>8.1f}{m['rhat']:>8.3f}"
                f"{sum(r['wrong'] for r in runs):>7}{counts}{ratio:>8}" + (f"  {unsaid} WRONG AND NOT SAID" if unsaid else ""),
                flush=True,
            )
            rows.append({"posterior": name, "who": who, "runs": runs})
    if ratios:
        print(
            f"median ratio {median(ratios.values()):.2f} (gate {GATE:g}), least {min(ratios.values()):.2f} ({min(ratios, key=ratios.__getitem__)})"
        )
    write_json(options.json, "further_posteriors", {"rows": rows, "ratios": ratios})


if __name__ == "__main__":
    main()
