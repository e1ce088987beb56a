"""What a stream costs: each driver beside NumPy's PCG64, through the same pointer, alternating in one process.

    python benchmarks/drivers.py [--numbers 4e6] [--rounds 9]

One row a driver: nanoseconds a number (user CPU time, least of the rounds), the median over rounds of its ratio to PCG64 in the same round, and
the same ratio for a sweep of Gibbs sampling on a dense Boltzmann machine of 32 units, where the driver feeds a real kernel.
"""

from __future__ import annotations

import argparse

import numpy as np
from timing import cpu_seconds, print_machine

import weakchaos as wc
from weakchaos.drivers import resolve

NAMES: tuple[str, ...] = (
    "pcg64", "philox", "philox4x32", "sfc64", "mt19937", "cud-10", "cud-16", "cud-18", "cud-24", "cud-32", "golden", "rotation-8", "hyperbolic-torus", "exchange",
    "r250", "kiss", "knuth", "cat", "sobol-8",
)  # fmt: skip


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--numbers", type=float, default=4e6)
    arguments.add_argument("--drivers", nargs="*", default=list(NAMES))
    arguments.add_argument("--rounds", type=int, default=9)
    options = arguments.parse_args()
    n = int(options.numbers)
    rng = np.random.default_rng(0)
    couplings = rng.normal(size=(32, 32)) / 6
    model = wc.PairwiseMRF((couplings + couplings.T) * (1 - np.eye(32)), rng.normal(size=32))
    print_machine()
    reads, sweeps = {}, {}
    for name in options.drivers:
        driver = resolve(name)
        state = driver.start(1)
        system = wc.samplers.Gibbs().bind(model, driver=name)
        bound = system.start(1)
        reads[name] = lambda driver=driver, state=state: driver.advance(state, n, every=n)
        sweeps[name] = lambda system=system, bound=bound: system.advance(bound, n // 32, every=n // 32)
        driver.advance(driver.start(1), 10)
        system.advance(system.start(1), 10)
    table: dict[str, list] = {name: [] for name in options.drivers}
    for _ in range(options.rounds):
        for name in options.drivers:
            # Each beside PCG64 at the same moment: the machine's speed changes within seconds.
            base, own = cpu_seconds(reads["pcg64"]), cpu_seconds(reads[name])
            base_sweep, own_sweep = cpu_seconds(sweeps["pcg64"]), cpu_seconds(sweeps[name])
            table[name].append((own / n * 1e9, own / base, own_sweep / base_sweep))
    print(f"{'driver':18s} {'ns a number':>12s} {'times PCG64':>12s} {'Gibbs, times PCG64':>19s}")
    for name, rows in table.items():
        values = np.array(rows)
        print(f"{name:18s} {values[:, 0].min():12.2f} {np.median(values[:, 1]):12.2f} {np.median(values[:, 2]):19.2f}")


if __name__ == "__main__":
    main()
