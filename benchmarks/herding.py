"""Gates of herding, rotor walks and the Gibbs flow: what was measured beside what is required.

Run from the root of the repository: ``PYTHONPATH=. python benchmarks/herding.py [--quick]``.
"""

import math
import sys

import numpy as np
from numba import njit

import weakchaos as wc


@njit
def torus(x):
    return 0.8 * math.cos(x[0]) + 0.5 * math.cos(x[1]) + 0.7 * math.cos(x[0] - x[1])


def features(x):
    return np.stack([f(v) for v in (x[:, 0], x[:, 1], x[:, 0] - x[:, 1]) for f in (np.cos, np.sin)], 1)


def report(name, value, limit):
    print(f"{name:55s} {value:12.4g}  required at most {limit:g}  {'met' if value <= limit else 'MISSED'}")


def main():
    quick = "--quick" in sys.argv
    for n in (3, 5, 7):
        rng = np.random.default_rng(n)
        target = wc.IsingMoments.from_samples(np.where(rng.random((200, n)) < rng.random((200, 1)), 1, -1))
        system = wc.herding.Herding().bind(target)
        state = system.start(0)
        first, steps = state.phase.copy(), 10_000 if quick else 100_000
        totals = np.cumsum(target.features(system.advance(state, steps)), 0)
        t = np.arange(1, steps + 1)[:, None]
        gap = np.abs((state.phase - first) - (steps * target.moments - totals[-1])).max() / np.abs(totals[-1]).max()
        report(f"herding, {n} spins: identity, relative", gap, 1e-9)
        report(f"herding, {n} spins: T error", np.abs(totals - t * target.moments).max(), 12)
        report(f"herding, {n} spins: steps without certificate", system.violations(state), 0)
    for n in (5, 20, 100):
        chain, steps = wc.MarkovChain(np.random.default_rng(1).dirichlet(np.ones(n), n)), 100_000 if quick else 1_000_000
        trace = wc.sample(chain, wc.herding.RotorWalk(), steps, warmup=0, seed=1, progress=False, record="averages")
        error = trace.error()
        report(
            f"rotor walk, {n} states: slope from 10 n",
            float(wc.diagnostics.convergence_rate(error.draws, error.errors, (10 * n, steps))),
            -0.9,
        )
        report(f"rotor walk, {n} states: T error", (error.errors * error.draws).max(), 15)
        state = trace.system.start(1)
        path = np.concatenate([state.symbols, trace.system.advance(state, 100_000)[:, 0]])
        report(f"rotor walk, {n} states: split of a row", wc.diagnostics.visit_split(path, chain).max(), n)
    g = np.arange(256) * 2 * math.pi / 256
    grid = np.stack(np.meshgrid(g, g, indexing="ij"), -1).reshape(-1, 2)
    p = np.exp([torus(x) for x in grid])
    target, time = wc.Density(torus, dim=2), 1000 if quick else 10_000
    sampler = wc.samplers.DeterministicGibbs(bounds=(0, 2 * math.pi), nodes=8, time=0.1)
    trace = wc.sample(target, sampler, 10 * time, warmup=0, chains=2, seed=1, progress=False)
    error = trace.error(truth=p @ features(grid) / p.sum(), f=features)
    report(
        "Gibbs flow on the torus: slope", float(wc.diagnostics.convergence_rate(error.draws, error.errors, (100, 10 * time))), -0.9
    )
    report(f"Gibbs flow on the torus: error at t = {time}", float(error), 3e-4)
    points = np.random.default_rng(0).uniform(0.1, 6.1, (100, 2))
    report(
        "Gibbs flow on the torus: divergence",
        np.abs(wc.diagnostics.flow_divergence(sampler.bind(target), target, points)).max(),
        1e-8,
    )


if __name__ == "__main__":
    main()
