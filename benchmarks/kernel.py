"""Kernel herding and discrepancies: user CPU seconds, memory and quality, beside coreax, goodpoints and stein-thinning.

    python benchmarks/kernel.py [--quick] [--json PATH] [--peers PYTHON]

`--peers` is the interpreter of an environment with coreax 1.0.0, goodpoints 0.6.3 and stein-thinning 0.2.0, whose parts are then run in processes of their
own. Times are user CPU seconds of one process with one thread, compilation excluded; peers are timed at sizes that they can hold and carried over by
their number of kernel evaluations where the table says so.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from timing import parser, print_machine, write_json

import weakchaos as wc
from weakchaos import kernels as K
from weakchaos.herding import select

PEERS = {
    "coreax herding, n = 10,000, d = 10, T = 1000": """
import jax, coreax, numpy as np
from coreax.solvers import KernelHerding
from coreax.kernels import SquaredExponentialKernel
x = np.random.default_rng(0).normal(size=(10_000, 10)).astype(np.float32)
solver = KernelHerding(1000, SquaredExponentialKernel(length_scale=10**0.5))
def run(): return jax.block_until_ready(solver.reduce(coreax.Data(x))[0].unweighted_indices)
run()
c = user(); run(); print(user() - c)
""",
    "coreax herding, n = 10,000, d = 2, T = 1000": """
import jax, coreax, numpy as np
from coreax.solvers import KernelHerding
from coreax.kernels import SquaredExponentialKernel
x = np.random.default_rng(0).normal(size=(10_000, 2)).astype(np.float32)
solver = KernelHerding(1000, SquaredExponentialKernel(length_scale=1.0))
def run(): return jax.block_until_ready(solver.reduce(coreax.Data(x))[0].unweighted_indices)
run()
c = user(); run(); print(user() - c)
""",
    "coreax MMD, n = m = 5000, d = 10": """
import jax, coreax, numpy as np
from coreax.metrics import MMD
from coreax.kernels import SquaredExponentialKernel
r = np.random.default_rng(0)
a, b = coreax.Data(r.normal(size=(5000, 10)).astype(np.float32)), coreax.Data(r.normal(size=(5000, 10)).astype(np.float32))
m = MMD(SquaredExponentialKernel(length_scale=10**0.5))
jax.block_until_ready(m.compute(a, b, block_size=1000))
c = user(); jax.block_until_ready(m.compute(a, b, block_size=1000)); print(user() - c)
""",
    "goodpoints herding, n = 16,384, d = 2, T = 256": """
import numpy as np
from goodpoints.herding import herding
x = np.random.default_rng(0).normal(size=(16_384, 2))
def k(y, X): return np.exp(-0.25 * ((X - y) ** 2).sum(1))
c = user(); herding(x, 6, k, unique=False); print(user() - c)
""",
}
_USER = "import os\ndef user(): return os.times().user\n"


def user() -> float:
    return os.times().user


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    begin = user()
    found = call()
    return user() - begin, found


def peers(python: str | None) -> dict[str, float | None]:
    out: dict[str, float | None] = {}
    for name, code in PEERS.items() if python else ():
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
        done = subprocess.run(
            [python, "-c", _USER + code], capture_output=True, text=True, env={**os.environ, **threads}, check=False
        )
        try:
            out[name] = float(done.stdout.strip().splitlines()[-1])
        except (IndexError, ValueError):
            print(f"{name}: failed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            out[name] = None
    return out


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--peers", help="interpreter of an environment with the peers")
    arguments = options.parse_args()
    print_machine()
    rows: list[dict[str, Any]] = []

    def note(task: str, seconds: float, **more: Any) -> None:
        rows.append({"task": task, "user s": round(seconds, 3), **more})
        print(f"{task:64s} {seconds:8.3f} s  " + "  ".join(f"{k} {v}" for k, v in more.items()), flush=True)

    rng, quiet = np.random.default_rng(0), {"progress": False}
    small = rng.normal(size=(600, 10))
    for dtype in ("float64", "float32"):  # compiled before anything is timed
        select(small, 5, kernel=K.Gaussian(3.0), dtype=dtype, **quiet)
        select(small, 5, kernel=K.Gaussian(3.0), dtype=dtype, target=small[:50], **quiet)
    for dtype in ("float64", "float32"):
        for d in (2, 10):
            x = np.random.default_rng(0).normal(size=(10_000, d))
            kernel = K.Gaussian(d**0.5)
            seconds, found = timed(lambda x=x, kernel=kernel, dtype=dtype: select(x, 1000, kernel=kernel, dtype=dtype, **quiet))
            quality = 1e6 * wc.diagnostics.mmd(found.points, x, kernel) ** 2
            note(f"herding, n = 10,000, d = {d}, T = 1000, {dtype}", seconds, **{"T^2 MMD^2": round(quality, 3)})
    x, kernel = np.random.default_rng(0).normal(size=(10_000, 2)), K.Gaussian(1.0)
    wc.herding.refine(select(x[:300], 10, kernel=kernel, **quiet), x[:300], kernel=kernel, **quiet)
    for name, more in (("herding", False), ("herding and refinement", True)):

        def both(more: bool = more) -> Any:
            found = select(x, 1000, kernel=kernel, **quiet)
            return wc.herding.refine(found, x, kernel=kernel, passes=1, **quiet) if more else found

        seconds, found = timed(both)
        quality = 1e6 * wc.diagnostics.mmd(found.points, x, kernel) ** 2
        note(f"{name}, n = 10,000, d = 2, T = 1000, bandwidth 1, float64", seconds, **{"T^2 MMD^2": round(quality, 3)})
    x = rng.normal(size=(10_000, 10))
    seconds, _ = timed(lambda: wc.diagnostics.mmd(x[:5000], x[5000:], K.Gaussian(10**0.5)))
    note("MMD, n = m = 5000, d = 10, float64", seconds)
    y = rng.normal(size=(10_000, 10))
    seconds, _ = timed(lambda: wc.diagnostics.mmd(x, y, K.Gaussian(10**0.5)))
    note("MMD, n = m = 10,000, d = 10, float64", seconds)
    seconds, _ = timed(lambda: wc.diagnostics.mmd(x, y, K.Gaussian(10**0.5), dtype="float32"))
    note("MMD, n = m = 10,000, d = 10, float32", seconds)
    n = 20_000 if arguments.quick else 100_000
    big, normal = rng.normal(size=(n, 10)), K.Normal(np.zeros(10), 1.0)
    for dtype in ("float64", "float32"):
        seconds, _ = timed(lambda dtype=dtype: select(big, 1000, kernel=K.Gaussian(10**0.5), target=normal, dtype=dtype, **quiet))
        note(f"herding with a closed form, n = {n:,}, d = 10, T = 1000, {dtype}", seconds)
    for dtype in ("float32", "float64"):
        seconds, _ = timed(lambda dtype=dtype: select(big, 1000, kernel=K.Gaussian(10**0.5), dtype=dtype, **quiet))
        note(f"herding from samples, n = {n:,}, d = 10, T = 1000, {dtype}", seconds)
    if not arguments.quick:
        del big
        huge = rng.normal(size=(1_000_000, 10))
        for dtype in ("float64", "float32"):  # the peak of memory is that of the first
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            seconds, _ = timed(
                lambda dtype=dtype: select(huge, 1000, kernel=K.Gaussian(10**0.5), target=normal, dtype=dtype, **quiet)
            )
            above = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            more = {"MB above": round(above)} if dtype == "float64" else {}
            note(f"herding with a closed form, n = 1,000,000, d = 10, T = 1000, {dtype}", seconds, **more)
    for name, value in peers(arguments.peers).items():
        if value is not None:
            note(name, value)
    found = {row["task"]: row["user s"] for row in rows}
    theirs, ours = (
        found.get("coreax herding, n = 10,000, d = 10, T = 1000"),
        found.get("herding from samples, n = 100,000, d = 10, T = 1000, float32"),
    )
    if theirs and ours:
        # coreax holds no matrix of 1e5 rows in less than 40 GB; its evaluations, (n + 2 T) n there, are 1.02e10 against 1.2e8 here.
        carried = theirs * (1e5 + 2000) * 1e5 / ((1e4 + 2000) * 1e4)
        note("coreax herding, n = 100,000 (extrapolated by evaluations)", carried, **{"times ours": round(carried / ours, 1)})
    if arguments.json:
        write_json(arguments.json, "kernel", {"rows": rows})


if __name__ == "__main__":
    main()
