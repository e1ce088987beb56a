"""What shift registers gain: variances of averages under PCG64 over those under CUD streams, for Gibbs sampling of two normal variables.

    python benchmarks/cud_gains.py [--degrees 10 12] [--seeds 200]

One row a correlation and a degree m, from `seeds` chains of 2**m - 1 draws that begin at draws of the distribution: the variance-reduction factors of
the means, of the second moments, and of the average of the product, the first two as geometric means over the coordinates.
"""

from __future__ import annotations

import argparse

import numpy as np
from timing import print_machine

import weakchaos as wc


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


if __name__ == "__main__":
    main()
