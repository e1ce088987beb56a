"""Herded Gibbs on a 256 x 256 lattice: nanoseconds per site update on one core, beside Gibbs sampling.

    python benchmarks/herded_gibbs.py [--quick] [--json PATH]

An Ising lattice at beta = 0.4 (weights per Markov blanket, blanket and shared, shared, hashed whole states), the same with a field of its
own at each site (the posterior of a noisy image), a Potts lattice of three states, and herded pairs of sites. All weights are met before
the clock starts, but hashed ones, of which every visit of so large a model makes a new one: these are timed over a few sweeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from timing import Row, parser, print_machine, print_rows, rounds, write_json

import weakchaos as wc
from weakchaos.experiments.denoising import posterior

BETA, TARGET = 0.4, 30.0


def main() -> None:
    options = parser(__doc__).parse_args()
    print_machine()
    side, sweeps, repeats = (64, 20, 3) if options.quick else (256, 60, 7)
    herded, rng = wc.herding.HerdedGibbs, np.random.default_rng(0)
    ising = wc.Ising.lattice((side, side), BETA)
    fields = posterior(rng.normal(size=(side, side)), BETA, 1.4)
    potts = wc.Potts.lattice((side // 2, side // 2), 3, 0.9)
    small = wc.Ising.lattice((side // 4, side // 4), BETA)
    pairs = tuple((i, i + 1) for i in range(0, small.dim, 2))
    cases: dict[str, tuple[Any, Any, int]] = {
        "HerdedGibbs": (herded(), ising, sweeps),
        "HerdedGibbs, a field for each site": (herded(), fields, sweeps),
        "HerdedGibbs, coarse='shared'": (herded(coarse="shared"), ising, sweeps),
        "HerdedGibbs, 'shared'": (herded("shared"), ising, sweeps),
        "HerdedGibbs, 'hash'": (herded("hash"), ising, 3),
        "HerdedGibbs, Potts of three states": (herded(), potts, sweeps),
        "HerdedGibbs, pairs": (herded(blocks=pairs), small, sweeps),
        "Gibbs, checkerboard": (wc.samplers.Gibbs(), ising, sweeps),
        "Gibbs, systematic": (wc.samplers.Gibbs("systematic"), ising, sweeps),
        "Gibbs, Potts of three states": (wc.samplers.Gibbs(), potts, sweeps),
        "Gibbs, pairs": (wc.samplers.Gibbs(blocks=pairs), small, sweeps),
    }

    def timed(sampler: Any, target: Any, n: int) -> Callable[[int], float]:
        system = sampler.bind(target, driver="pcg64")
        state = system.start(1)
        system.advance(state, 2 if n < 10 else 5 * n, 1 if n < 10 else 5 * n)

        def once(k: int) -> float:
            own = state.copy() if n < 10 else state
            begin = time.process_time()
            system.advance(own, n, n)
            return (time.process_time() - begin) / (n * target.dim) * 1e9

        return once

    values = rounds({name: timed(*case) for name, case in cases.items()}, repeats)
    fast = ("HerdedGibbs", "HerdedGibbs, a field for each site")
    rows = [Row(name, "ns/site", v, TARGET if name in fast else None) for name, v in values.items()]
    print_rows(
        f"{side} x {side} lattice, beta = {BETA}; Potts {side // 2} x {side // 2}; pairs {side // 4} x {side // 4}",
        rows,
        "Gibbs, checkerboard",
    )
    write_json(options.json, "herded_gibbs", {"lattice": rows})


if __name__ == "__main__":
    main()
