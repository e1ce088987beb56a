"""What shift registers gain: errors of averages under PCG64 over those under CUD streams, for Gibbs sampling of two normal variables and for two binary chains.

    python benchmarks/cud_gains.py [--degrees 10 12] [--seeds 200]

One row a correlation and a degree m, from `seeds` chains of 2**m - 1 draws that begin at draws of the distribution: the variance-reduction factors of
the means, of the second moments, and of the average of the product, the first two as geometric means over the coordinates. Binary chains: Gibbs sampling of two units with
coupling 3 and fields -1.2 and -1.5, and the chain of two states with the transition matrix [[.9, .1], [.3, .7]]; median error over the seeds under PCG64 over that under the CUD stream,
for the unit whose ratio is the smaller.
"""

from __future__ import annotations

import argparse

import numpy as np
from timing import print_machine

import weakchaos as wc
from weakchaos.core.system import State
from weakchaos.drivers import resolve


def factors(rho: float, m: int, seeds: int) -> np.ndarray:
    """Variance-reduction factors of x, y, x^2, y^2, xy."""
    target, root = wc.zoo.correlated_gaussian(rho), np.linalg.cholesky([[1.0, rho], [rho, 1.0]])
    variances = []
    for driver in ("pcg64", f"cud-{m}"):
        system, means = wc.samplers.GaussianGibbs().bind(target, driver), []
        for seed in range(seeds):
            state = system.start(seed)
            state.phase[:] = root @ np.random.default_rng([seed, 1]).standard_normal(2)
            x, y = system.advance(state, 2**m - 1).T
            means.append([x.mean(), y.mean(), (x * x).mean() - 1, (y * y).mean() - 1, (x * y).mean() - rho])
        variances.append(np.square(means).mean(0))
    return variances[0] / variances[1]


def chain_of_two_states(driver: str, m: int, seed: int) -> np.ndarray:
    """Error of the share of state 1, which is 1/4, where a number below the probability of state 1 leads to it."""
    source = resolve(driver)
    u = source.advance(State(driver=source.open(seed)), 2**m - 1)[:, 0]
    x, total = int(seed % 4 == 0), 0
    for from_0, from_1 in zip((u < 0.1).tolist(), (u < 0.7).tolist(), strict=True):
        x = from_1 if x else from_0
        total += x
    return np.array([total / len(u) - 0.25])


def pair_of_units(driver: str, m: int, seed: int) -> np.ndarray:
    """Errors of the probabilities of two units."""
    pair = wc.PairwiseMRF([[0.0, 3.0], [3.0, 0.0]], [-1.2, -1.5])
    system = wc.samplers.Gibbs().bind(pair, driver=driver)
    return system.advance(system.start(seed), 2**m - 1).mean(0) - pair.truth()[0][1::2]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--degrees", type=int, nargs="*", default=[10, 12])
    arguments.add_argument("--seeds", type=int, default=200)
    options = arguments.parse_args()
    print_machine()
    print(f"{'rho':>4s} {'m':>3s} {'means':>8s} {'squares':>8s} {'product':>8s}")
    for rho in (0.0, 0.5, 0.9):
        for m in options.degrees:
            f = np.log(factors(rho, m, options.seeds))
            print(f"{rho:4.1f} {m:3d} {np.exp(f[:2].mean()):8.0f} {np.exp(f[2:4].mean()):8.1f} {np.exp(f[4]):8.1f}")
    print(f"binary chains: {'m':>3s} {'pair':>6s} {'states':>6s}")
    for m in options.degrees:
        ratios = []
        for chain in (pair_of_units, chain_of_two_states):
            random, even = (
                np.median([abs(chain(driver, m, seed)) for seed in range(options.seeds)], 0) for driver in ("pcg64", f"cud-{m}")
            )
            ratios.append(float((random / even).min()))
        print(f"binary chains: {m:3d} {ratios[0]:6.2f} {ratios[1]:6.2f}")


if __name__ == "__main__":
    main()
