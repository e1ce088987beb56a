"""How memory and time grow with the size: lattices of 1e5 and 1e6 units, and sweeps of many small cells.

    python benchmarks/scale.py [--quick] [--json PATH]

Each line is a process of its own: CPU seconds until the first sweep, bytes a unit above the start (peak of the resident memory), nanoseconds a unit and sweep. The last
lines are the cost of a cell that does nothing, with and without a folder.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time

import numpy as np
from timing import child, parser, print_machine

import weakchaos as wc
from weakchaos.experiments import sweep

CASES = {
    "PackedIsing, square": lambda n: (wc.samplers.PackedIsing(), wc.Ising.lattice((round(n**0.5 / 64) * 64,) * 2, 0.4)),
    "Gibbs, uniform square": lambda n: (wc.samplers.Gibbs(), wc.Ising.lattice((round(n**0.5),) * 2, 0.4)),
    "Gibbs, cubic glass": lambda n: (wc.samplers.Gibbs(), wc.Ising.glass((round(n ** (1 / 3)),) * 3, 0.4, seed=1)),
    "Gibbs, Potts of 3 states": lambda n: (wc.samplers.Gibbs(), wc.Potts.lattice((round(n**0.5),) * 2, 3, 0.5)),
    "HerdedGibbs, square": lambda n: (wc.herding.HerdedGibbs(), wc.Ising.lattice((round(n**0.5),) * 2, 0.4)),
    "ChaoticBoltzmann, cubic glass": lambda n: (
        wc.samplers.ChaoticBoltzmann(),
        wc.Ising.glass((round(n ** (1 / 3)),) * 3, 0.4, seed=1),
    ),
}


def nothing(seed: int) -> int:
    return seed


def one(name: str, n: int, sweeps: int) -> None:
    """In a process of its own; what it needs for any size is loaded before memory is counted."""
    sampler, target = CASES[name](20_000)
    small = sampler.bind(target)
    small.advance(small.start(1), 1)
    del small, target
    before, cpu = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    sampler, target = CASES[name](n)
    system = sampler.bind(target)
    state = system.start(1)
    ready = time.process_time() - cpu
    system.advance(state, 1, 1)
    cpu = time.process_time()
    system.advance(state, sweeps, sweeps)
    seconds = time.process_time() - cpu
    above = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(
        json.dumps(
            {
                "name": name,
                "units": target.dim,
                "set_up": ready,
                "bytes": above / target.dim,
                "ns": 1e9 * seconds / sweeps / target.dim,
            }
        )
    )


def main() -> None:
    if len(sys.argv) > 2 and sys.argv[1] == "--one":
        one(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
        return
    options = parser(__doc__).parse_args()
    print_machine()
    found = []
    for name in CASES:
        for n in (100_000,) if options.quick else (100_000, 1_000_000):
            sweeps = 20_000_000 // n if name.startswith("Packed") else 4_000_000 // n
            row = json.loads(
                child(
                    [sys.executable, __file__, "--one", name, str(n), str(max(2, sweeps // (4 if options.quick else 1)))]
                ).output.splitlines()[-1]
            )
            found.append(row)
            print(
                f"{name:32s} {row['units']:9,d} units: set up in {row['set_up']:6.2f} s, {row['bytes']:7.2f} bytes a unit, {row['ns']:8.2f} ns a unit and sweep",
                flush=True,
            )
    cells = [(k,) for k in range(1000)]
    for executor in (None, "threads"):
        for kept in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                cpu = time.process_time()
                sweep(nothing, cells, executor, folder if kept else None)
                cost = (time.process_time() - cpu) / len(cells)
                again = np.nan
                if kept:
                    cpu = time.process_time()
                    sweep(nothing, cells, executor, folder)
                    again = (time.process_time() - cpu) / len(cells)
            found.append(
                {"executor": executor or "none", "kept": kept, "seconds": cost, "again": None if np.isnan(again) else again}
            )
            print(
                f"a cell in {executor or 'this process'}{', kept' if kept else ''}: {1e6 * cost:.0f} us"
                + (f", {1e6 * again:.0f} us to find it again" if kept else "")
            )
    if options.json:
        with open(options.json, "w") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
