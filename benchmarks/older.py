"""Diagnostics beside those of an older revision: user CPU seconds of both, in turns, the least of several rounds.

    git worktree add /somewhere/old 32303c5
    python benchmarks/older.py /somewhere/old [--quick] [--surrogates 39] [--json PATH]

Each side runs in a process of its own, so that the kernels of one do not serve the other; compilation and import are done before the clock starts.
The surrogate test of the older side may be run with fewer surrogates (`--older-surrogates`, N and 2 N): its seconds are then those of a straight line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import timing

_HERE = Path(__file__).resolve().parent.parent
_PART = """
import resource, sys, warnings
import numpy as np
import weakchaos as wc
from weakchaos.diagnostics import *
warnings.simplefilter("ignore")
what, size, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
x, y = 0.1, 0.1
series = np.empty(max(size, 5000))
for t in range(-100, series.size):
    x, y = 1 - 1.4 * x * x + y, 0.3 * x
    if t >= 0:
        series[t] = x
noisy = series + 0.3 * np.random.default_rng(0).standard_normal(series.size)
linear = np.random.default_rng(1).standard_normal(series.size)
for t in range(1, linear.size):
    linear[t] += 0.8 * linear[t - 1]
henon, lorenz = wc.systems.Henon(), wc.systems.Lorenz()
calls = {
    "surrogate_test": lambda n: surrogate_test(noisy[:n], count=count if n == size else 19),
    "surrogate_test, AR(1)": lambda n: surrogate_test(linear[:n], count=count if n == size else 19),
    "spectrum, Henon": lambda n: lyapunov_spectrum(henon, steps=n, seed=0),
    "spectrum, Lorenz": lambda n: lyapunov_spectrum(lorenz, steps=n, seed=0),
    "covariant vectors, Henon": lambda n: covariant_vectors(henon, steps=n, seed=0),
    "sample_entropy": lambda n: sample_entropy(noisy[:n]),
    "permutation_entropy": lambda n: permutation_entropy(noisy[:n], order=4),
    "correlation_dimension": lambda n: correlation_dimension(noisy[:n]),
    "recurrence_quantification": lambda n: recurrence_quantification(noisy[:n]),
    "zero_one_test": lambda n: zero_one_test(noisy[:n]),
    "lempel_ziv": lambda n: lempel_ziv((noisy[:n] > 0).astype(int)),
}
call = calls[what]
call(2000)  # compiles
def user():
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime
begin = user()
call(size)
print(user() - begin)
"""
SIZES = {
    "spectrum, Henon": 20_000_000,
    "spectrum, Lorenz": 30_000,
    "covariant vectors, Henon": 1_000_000,
    "sample_entropy": 20_000,
    "permutation_entropy": 1_000_000,
    "correlation_dimension": 5_000,
    "recurrence_quantification": 8_000,
    "zero_one_test": 5_000,
    "lempel_ziv": 1_000_000,
}


def seconds(tree: Path, what: str, size: int, count: int) -> float:
    """User CPU seconds of one call in a fresh process on the package of a tree."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _PART, what, str(size), str(count)], env=environment, cwd=tree, capture_output=True, text=True
    )
    return float(done.stdout.split()[-1]) if done.returncode == 0 else float("nan")


def main() -> None:
    options = timing.parser(__doc__)
    options.add_argument("older", type=Path, help="a tree of the older revision")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--surrogates", type=int, default=39)
    options.add_argument("--older-surrogates", type=int, default=None)
    options.add_argument("--only", default=None, help="diagnostics whose names contain this")
    arguments = options.parse_args()
    timing.print_machine()
    long = 20_000 if arguments.quick else 100_000
    sizes = {"surrogate_test": long, "surrogate_test, AR(1)": long, **SIZES}
    lines, rows = [], []
    for what, size in sizes.items():
        if arguments.only and arguments.only not in what:
            continue
        rounds = 1 if arguments.quick or what.startswith("surrogate_test") else arguments.rounds
        fewer = arguments.older_surrogates or arguments.surrogates
        new, old = [], []
        for k in range(rounds):
            for side, tree, count in ((new, _HERE, arguments.surrogates), (old, arguments.older, fewer))[:: 1 if k % 2 else -1]:
                side.append(seconds(tree, what, size, count))
        scaled = min(old)
        if what.startswith("surrogate_test") and fewer < arguments.surrogates:
            more = seconds(arguments.older, what, size, 2 * fewer)
            scaled += (arguments.surrogates - fewer) * (more - scaled) / fewer
        rows.append({"what": what, "size": size, "new": min(new), "old": scaled})
        lines.append([what, f"{size:,}", f"{scaled:.3f}", f"{min(new):.3f}", f"{scaled / min(new):.2f}"])
        print(*lines[-1], flush=True)
    timing.print_columns("user CPU seconds, least of the rounds", ["", "numbers or steps", "older", "now", "older / now"], lines)
    timing.write_json(arguments.json, "older", {"rows": rows})


if __name__ == "__main__":
    main()
