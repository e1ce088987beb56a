"""The default call on six targets: effective draws per thousand gradients with warm-up counted, overhead per gradient, seconds to a result.

    python benchmarks/bayes.py [--quick] [--seeds N] [--peers N] [--only TARGET ...] [--json PATH]

`weakchaos.sample(target)` with nothing chosen: four chains of 1,000 draws after at most 1,000 steps of warm-up, from standard normal starts. A figure
is the median over seeds of the least effective sample size (bulk, arviz-stats) over coordinates, of x and of x^2 apart, by the thousand
gradients of all chains, those of warm-up included. Gates are those of the project for the less of both. "Bias" is the largest squared error of the mean of
x^2 over the variance of x^2 in exact draws, or in the run where there are none. Then the peers that are installed (nutpie, BlackJAX, walnutpie, emcee),
by their defaults and with as many steps of warm-up as ours took, the median over `--peers` seeds.
"""

from __future__ import annotations

import sys
from statistics import median
from typing import Any

import numpy as np
from bayes_peers import CHAINS, PEERS, ours, quality
from numba import njit
from peers import peer, quiet
from timing import child, cpu_seconds, parser, print_machine, write_json

import weakchaos as wc
from weakchaos.core.counters import GRADIENTS, WARMUP_GRADIENTS
from weakchaos.native.compiled import address_of, call_density, kernel

EIGHT_SCHOOLS = "import weakchaos as wc; wc.sample(wc.zoo.eight_schools(), seed=1, progress=False)"


@njit
def valleys(x, out):
    """Eighteen pairs x0 ~ N(1, 1), x1 | x0 ~ N(x0^2, 0.1), in 36 coordinates."""
    total = 0.0
    for i in range(0, x.size, 2):
        r = (x[i] * x[i] - x[i + 1]) / 0.1
        total -= 0.5 * ((x[i] - 1.0) ** 2 + r * r * 0.1)
        out[i] = 1.0 - x[i] - 2.0 * x[i] * r
        out[i + 1] = r
    return total


def rosen36() -> wc.Density:
    means, sds = np.tile([1.0, 2.0], 18), np.tile([1.0, np.sqrt(6.1)], 18)  # Var x0^2 = 2 + 4
    return wc.Density(logp_and_grad=valleys, dim=36, name="rosen36", means=means, sds=sds)


def targets() -> dict[str, tuple[Any, float | None]]:
    """Name, target and gate."""
    return {
        "eight schools": (wc.zoo.eight_schools(), 60.0),
        "logistic regression": (wc.zoo.logistic_regression(), 120.0),
        "icg100": (wc.zoo.ill_conditioned_gaussian(100, 1e4), 80.0),
        "rosen36": (rosen36(), 6.5),
        "banana": (wc.zoo.banana(), 8.0),
        "funnel10": (wc.zoo.funnel(10), None),
    }


def figures(target: Any, seed: int) -> dict[str, float]:
    """One run of the default call."""
    initial = np.random.default_rng([seed, 7]).standard_normal((CHAINS, target.dim))
    x, spent, trace = ours(target, seed, initial)
    warmed, found = sum(int(s.counters[WARMUP_GRADIENTS]) for s in trace.states) / 1000, quality(x)
    known = target.means**2 + target.sds**2
    try:
        spread = np.var(target.simulate(20_000, 0) ** 2, axis=0)
    except (AttributeError, wc.errors.ArgumentError):
        spread = np.var(x**2, axis=(0, 1))
    return {
        "x": found.of_x / spent,
        "x2": found.of_squares / spent,
        "rhat": found.rhat,
        "bias": float((((x**2).mean((0, 1)) - known) ** 2 / spread).max()),
        "kgrad": spent - warmed,
        "warmup_kgrad": warmed,
        "warmup_steps": float(trace.tuning["warmup_steps"].mean()),
        "acceptance": float(trace.stats["acceptance_rate"].mean()),
        "diverging": float(trace.stats["diverging"].mean()),
    }


@kernel
def repeat_gradient(address, user_data, x, n):
    gradient, value = np.empty(x.size), np.empty(1)
    for _ in range(n):
        x[0] += 1e-9
        call_density(address, np.uint64(x.size), address_of(x), address_of(gradient), address_of(value), user_data)
    return value[0]


def overhead(draws: int, repeats: int) -> list[float]:
    """Microseconds per gradient on rosen36 that are not the density's own."""
    target = rosen36()
    trace = wc.sample(target, draws=10, chains=1, seed=1, progress=False)
    system, state = trace.system, trace.states[0].copy()
    density = target.pointer(True)
    arguments = np.uint64(density.address), np.uint64(density.user_data), np.full(36, 0.3)
    repeat_gradient(*arguments, 1)
    out = []
    for _ in range(repeats):
        before = int(state.counters[GRADIENTS])
        spent = cpu_seconds(lambda: system.advance(state, draws))
        n = int(state.counters[GRADIENTS]) - before
        bare = cpu_seconds(lambda n=n: repeat_gradient(*arguments, n))
        out.append((spent - bare) / n * 1e6)
    return out


def beside(who: str, name: str, target: Any, warmup: int | None, seeds: int) -> dict[str, Any]:
    """Runs of a peer, and a line of them."""
    runs = []
    for seed in range(seeds):
        with quiet():
            x, spent = PEERS[who](target, seed, warmup)
        found = quality(x)
        runs.append({"x": found.of_x / spent, "x2": found.of_squares / spent, "rhat": found.rhat, "kgrad": spent})
    m = {key: median(run[key] for run in runs) for key in runs[0]}
    label = f"  {who}" + ("" if warmup is None else f", {warmup}")
    print(f"{label:<21}{m['x']:>8.2f}{'':>7}{m['x2']:>8.2f}{m['rhat']:>8.3f}{'':>9}{m['kgrad']:>8.1f} with warm-up", flush=True)
    return {"target": name, "peer": who, "warmup": warmup, "runs": runs}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=10)
    arguments.add_argument("--peers", type=int, default=3, help="seeds of the peers, 0 to leave them out")
    arguments.add_argument("--only", nargs="+", choices=list(targets()), help="some of the targets")
    options = arguments.parse_args()
    seeds, of_peers, rows = (2 if options.quick else options.seeds), (min(1, options.peers) if options.quick else options.peers), []
    installed = [who for who in PEERS if of_peers and peer(who)]
    print_machine()
    head = f"{'target':<21}{'x':>8}{'gate':>7}{'x^2':>8}{'R-hat':>8}{'bias':>9}{'kgrad':>8}{'warm-up':>9}{'steps':>7}{'accepted':>10}{'diverging':>11}"
    print(head)
    for name, (target, gate) in targets().items():
        if options.only and name not in options.only:
            continue
        runs = [figures(target, seed) for seed in range(seeds)]
        m = {key: median(run[key] for run in runs) for key in runs[0]}
        print(
            f"{name:<21}{m['x']:>8.1f}{'' if gate is None else f'{gate:g}':>7}{m['x2']:>8.1f}{m['rhat']:>8.3f}{m['bias']:>9.1e}{m['kgrad']:>8.1f}"
            f"{m['warmup_kgrad']:>9.1f}{m['warmup_steps']:>7.0f}{m['acceptance']:>10.3f}{m['diverging']:>11.4f}",
            flush=True,
        )
        rows.append({"target": name, "gate": gate, "runs": runs})
        for who in installed:
            for warmup in (None,) if who == "emcee" else (None, round(m["warmup_steps"])):
                rows.append(beside(who, name, target, warmup, of_peers))
    extra = overhead(200 if options.quick else 2000, 3 if options.quick else 5)
    print(f"overhead per gradient on rosen36: {median(extra):.3f} us, least {min(extra):.3f} (gate 0.25)")
    seconds = [child([sys.executable, "-W", "ignore", "-c", EIGHT_SCHOOLS]).cpu for _ in range(2 if options.quick else 5)]
    print(f"eight schools, process start to result: {median(seconds):.2f} CPU s, least {min(seconds):.2f} (gate 1.0)")
    write_json(options.json, "bayes", {"rows": rows, "overhead": extra, "eight_schools_cpu_seconds": seconds})


if __name__ == "__main__":
    main()
