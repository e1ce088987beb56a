"""How often the truth lies within two standard errors of an exponent of a system, with and without a Jacobian.

Truths are theorems where there are any (entropies of expanding maps with known densities, sums of exponents), published values, or means over
a run two hundred times as long. Fifteen systems, each with a Jacobian and by differences: thirty, times the seeds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from numba import njit

from weakchaos.diagnostics import lyapunov_spectrum
from weakchaos.systems import UserFlow, UserMap

__all__ = ["main"]


def _entropy(p: float) -> float:
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


# (name, f, Jacobian, dimension, start, truth or None, steps, step of a flow or None)
_TWO_PI = 2 * math.pi


def _one(name: str, image: str, slope: str, truth: float | None, steps: int = 50_000) -> tuple:
    return name, f"out[0] = {image}", f"J[0, 0] = {slope}", 1, truth, steps, None


_SYSTEMS = (
    _one("logistic 4", "4 * x * (1 - x)", "4 - 8 * x", math.log(2)),
    _one("Gauss", "1 / x - math.floor(1 / x)", "-1 / (x * x)", math.pi**2 / (6 * math.log(2))),
    _one("skew tent 0.3", "x / 0.3 if x < 0.3 else (1 - x) / 0.7", "1 / 0.3 if x < 0.3 else -1 / 0.7", _entropy(0.3)),
    _one("skew tent 0.07", "x / 0.07 if x < 0.07 else (1 - x) / 0.93", "1 / 0.07 if x < 0.07 else -1 / 0.93", _entropy(0.07)),
    _one("cubic Chebyshev", "x * (4 * x - 3) ** 2", "(4 * x - 3) * (12 * x - 3)", math.log(3)),
    _one("skew shift of 3", "x / 0.2 if x < 0.2 else (x - 0.2) / 0.5 if x < 0.7 else (x - 0.7) / 0.3",
         "5.0 if x < 0.2 else 2.0 if x < 0.7 else 1 / 0.3", -0.2 * math.log(0.2) - 0.5 * math.log(0.5) - 0.3 * math.log(0.3)),
    _one("logistic 3.8", "3.8 * x * (1 - x)", "3.8 - 7.6 * x", None),
    _one("logistic 3.9", "3.9 * x * (1 - x)", "3.9 - 7.8 * x", None),
    _one("Pomeau-Manneville 1.3", "(x + x ** 1.3) % 1.0", "1 + 1.3 * x ** 0.3", None),
    _one("Pomeau-Manneville 1.5", "(x + x ** 1.5) % 1.0", "1 + 1.5 * x ** 0.5", None),
    _one("near a tangent bifurcation", "3.8282 * x * (1 - x)", "3.8282 - 7.6564 * x", None),
    ("Hénon", "out[0] = 1 - 1.4 * x * x + u[1]\n    out[1] = 0.3 * x", "J[0, 0], J[0, 1], J[1, 0] = -2.8 * x, 1.0, 0.3", 2, 0.41922, 50_000, None),
    ("delayed logistic 2.27", "out[0] = 2.27 * x * (1 - u[1])\n    out[1] = x",
     "J[0, 0], J[0, 1], J[1, 0] = 2.27 * (1 - u[1]), -2.27 * x, 1.0", 2, None, 50_000, None),
    ("standard map 6", "p = (u[1] + 6 * math.sin(x)) % TWO_PI\n    out[0] = (x + p) % TWO_PI\n    out[1] = p",
     "c = 6 * math.cos(x)\n    J[0, 0], J[0, 1], J[1, 0], J[1, 1] = 1 + c, 1.0, c, 1.0", 2, None, 50_000, None),
    ("Lorenz", "out[0] = 10 * (u[1] - x)\n    out[1] = x * (28 - u[2]) - u[1]\n    out[2] = x * u[1] - 8 / 3 * u[2]",
     "J[0, 0], J[0, 1], J[1, 0], J[1, 1], J[1, 2] = -10, 10, 28 - u[2], -1, -x\n    J[2, 0], J[2, 1], J[2, 2] = u[1], x, -8 / 3",
     3, 0.9056, 30_000, 0.01),
)  # fmt: skip


def _compiled(body: str, argument: str) -> Callable:
    names: dict = {"math": math, "np": np, "TWO_PI": _TWO_PI}
    exec(f"def f(u, {argument}):\n    x = u[0]\n    {body}", names)
    return njit(names["f"])


def _without_dual_form(body: str) -> Callable:
    """The same function with work space of its own, which has no form for dual numbers: derivatives are then differences."""
    return _compiled(body.replace("out[0] =", "room = np.empty(1)\n    room[0] = x\n    out[0] =", 1), "out")


def main(seeds: int = 20) -> list[tuple]:
    """Print a table of the systems, and how often the truth lay within two standard errors in all."""
    began, rows, inside, total = time.process_time(), [], 0, 0
    print(f"{'system':28s} {'derivative':12s} {'truth':>9s} {'mean':>9s} {'median 2 se':>11s}  held")
    for name, body, slopes, dim, truth, steps, step in _SYSTEMS:

        def made(jacobian, f, dim=dim, step=step):
            start = lambda rng: rng.uniform(0.05, 0.3, dim) + (np.array([0, 0, 20.0]) if step else 0.0)  # noqa: E731
            if step is None:
                return UserMap(f, dim, initial=start, jacobian=jacobian)
            return UserFlow(f, dim, initial=start, jacobian=jacobian, step=step)

        exact = made(_compiled(slopes, "J"), _compiled(body, "out"))
        known = truth if truth is not None else float(lyapunov_spectrum(exact, k=1, steps=200 * steps, seed=999))
        for system in (exact, made(None, _without_dual_form(body))):
            found = [lyapunov_spectrum(system, k=1, steps=steps, seed=s) for s in range(seeds)]
            # A mean that is exact to rounding (a map of one slope) has no standard error worth the name.
            held = sum(abs(float(r) - known) <= 2 * r.stderr[0] + 1e-6 for r in found)
            inside, total = inside + held, total + seeds
            width, mean = float(np.median([2 * r.stderr[0] for r in found])), float(np.mean([float(r) for r in found]))
            print(f"{name:28s} {system.derivative:12s} {known:9.5f} {mean:9.5f} {width:11.5f}  {held}/{seeds}", flush=True)
            rows.append((name, system.derivative, known, mean, width, held))
    print(
        f"truth within two standard errors: {inside} of {total} ({100 * inside / total:.1f} %), {time.process_time() - began:.0f} CPU s"
    )
    return rows


if __name__ == "__main__":
    main()
