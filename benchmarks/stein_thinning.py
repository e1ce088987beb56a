"""Stein thinning, kernel Stein discrepancy, kernel thinning and Compress++: CPU seconds, quality, and peers where they are installed.

    OPENBLAS_NUM_THREADS=1 python benchmarks/stein_thinning.py [--quick] [--json PATH]

Peers: ``pip install stein-thinning goodpoints``. Quality is T**2 MMD**2 for T points and the kernel exp(-|x - y|**2 / 4) on normal draws in the plane, which is about constant
in T for a good method and grows like T for independent draws.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.timing import cpu_seconds, parser
from weakchaos.diagnostics import ksd
from weakchaos.herding import select, stein_thinning
from weakchaos.herding.selection.kernel_halving import by_compression, by_halving
from weakchaos.herding.selection.problem import set_up
from weakchaos.kernels import Gaussian


def timed(call, repeats: int) -> list[float]:
    call()  # compiles
    return [cpu_seconds(call) for _ in range(repeats)]


def show(name: str, seconds: list[float], note: str = "") -> None:
    print(f"{name:58s} {median(seconds):7.3f} s (least {min(seconds):.3f}) {note}")


def stein(results: dict, quick: bool) -> None:
    rng = np.random.default_rng(0)
    n, size = (10_000, 100) if quick else (100_000, 1000)
    x = rng.normal(size=(n, 10))
    ours = timed(lambda: stein_thinning(x, -x, size), 3)
    show(f"Stein thinning, {n} x 10 to {size}", ours, "target 2")
    y = x[:10_000]
    discrepancy = timed(lambda: ksd(y, -y), 3)
    show("kernel Stein discrepancy, 10000 x 10", discrepancy, "target 0.5")
    results |= {"stein thinning": ours, "ksd": discrepancy}
    own = str(Path(__file__).resolve().parent)  # where this file would pass for the package
    sys.path = [folder for folder in sys.path if folder != own]
    try:
        from stein_thinning.thinning import thin
    except ImportError:
        print("  stein-thinning is not installed")
        return
    few = 6
    peer = [cpu_seconds(lambda: thin(x, -x, few)) / few * size for _ in range(2)]
    show(f"  stein-thinning, extrapolated from {few} points", peer, f"{median(peer) / median(ours):.0f} times as long")
    same = (thin(y, -y, 200) == stein_thinning(y, -y, 200).indices).all()
    print(f"  the same 200 indices of 10000 points: {bool(same)}")
    results |= {"stein-thinning package": peer, "same indices": bool(same)}


def halving(results: dict, quick: bool) -> None:
    n = 4096 if quick else 16_384
    size = int(n**0.5)
    x = np.random.default_rng(0).normal(size=(n, 2))
    kernel = Gaussian(2.0**0.5)
    problem = set_up(x, kernel, progress=False)
    for method, function, target in (("kernel-thinning", by_halving, 2.0), ("compress++", by_compression, 0.3)):
        whole = timed(lambda method=method: select(x, size, method, kernel=kernel, progress=False), 3)
        alone = timed(lambda function=function, method=method: function(problem, size, method, {}), 3)
        quality = []
        for seed in range(5):
            problem.seed = seed
            quality.append((size * function(problem, size, method, {}).mmd[-1]) ** 2)
        show(f"{method}, {n} x 2 to {size}, with the means", whole, f"target {target}")
        show(
            "  without the means of the candidates",
            alone,
            f"T^2 MMD^2 {median(quality):.3f} ({min(quality):.3f} to {max(quality):.3f}), target 0.15",
        )
        results |= {method: whole, f"{method} alone": alone, f"{method} quality": quality}
    try:
        from goodpoints import compress
    except ImportError:
        print("  goodpoints is not installed")
        return

    def pp():
        return compress.compresspp_kt(x, b"gaussian", k_params=np.array([4.0]), g=4, seed=1)

    peer = timed(pp, 2)
    gram = kernel(x[pp()], x)
    chosen = pp()
    square = kernel(x[chosen]).mean() - 2 * gram.mean() + problem.double
    show("  goodpoints Compress++, g = 4", peer, f"T^2 MMD^2 {len(chosen) ** 2 * square:.3f}")
    results |= {"goodpoints compress++": peer}
    if quick:
        return
    from goodpoints import kt

    small = x[:4096]

    def split_kernel(y, z):
        return np.exp(-0.25 * ((y - z) ** 2).sum(-1))

    seconds = cpu_seconds(lambda: kt.thin(small, 6, split_kernel, split_kernel, seed=1))
    own = timed(lambda: select(small, 64, "kernel-thinning", kernel=kernel, progress=False), 3)
    show("kernel thinning, 4096 x 2 to 64, with the means", own)
    show("  goodpoints", [seconds], f"{seconds / median(own):.0f} times as long")
    results |= {"kernel thinning 4096": own, "goodpoints kt 4096": seconds}


def main() -> int:
    arguments = parser(__doc__).parse_args()
    results: dict = {}
    stein(results, arguments.quick)
    halving(results, arguments.quick)
    if arguments.json:
        import json

        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
