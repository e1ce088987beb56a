"""Exponents of reservoirs that were trained on the Lorenz flow and run on their own forecasts: ``python benchmarks/closed_loop.py``.

A reservoir reads the flow, a ridge regression forecasts the next point from its state, and the forecast takes the place of the input. The largest exponents of
the loop should be those of the flow (0.906, 0 and -14.572 per unit of time; Viswanath, PhD thesis, Cornell 1998); what the reservoir adds lies below them.
"""

import argparse
import time

import numpy as np

from weakchaos.core.text_table import aligned
from weakchaos.renormalization import RecurrentCell, RecurrentNetwork

TRUE = (0.906, 0.0, -14.572)
STEP = 0.02  # units of time between two points that the reservoir reads


def lorenz(points: int, seed: int, inner: int = 4) -> np.ndarray:
    """Points of the flow after a transient, by Runge-Kutta steps of a quarter of the interval."""

    def rhs(u):
        return np.array([10 * (u[1] - u[0]), u[0] * (28 - u[2]) - u[1], u[0] * u[1] - 8 / 3 * u[2]])

    u, h, out = np.random.default_rng(seed).normal((0, 0, 25)), STEP / inner, np.empty((points, 3))
    for k in range(-1000, points):
        for _ in range(inner):
            a = rhs(u)
            b = rhs(u + h / 2 * a)
            c = rhs(u + h / 2 * b)
            u = u + h / 6 * (a + 2 * b + 2 * c + rhs(u + h * c))
        if k >= 0:
            out[k] = u
    return out


def trained(units: int, seed: int, points: int = 6000, radius: float = 0.9, ridge: float = 1e-7, noise: float = 0.0):
    """The closed loop, a state of it on the attractor, and the error of one forecast in standard deviations."""
    rng = np.random.default_rng(seed)
    series = lorenz(points, seed)
    x = (series - series.mean(0)) / series.std(0)
    w = rng.normal(size=(units, units)) * (rng.random((units, units)) < 0.05)
    w *= radius / np.abs(np.linalg.eigvals(w)).max()
    cell = RecurrentCell("rate", w, 0.5 * rng.uniform(-1, 1, (units, 3)), bias_hh=rng.uniform(-0.5, 0.5, units))
    driven = RecurrentNetwork(cell, x)
    states = driven.advance(driven.start(0, np.zeros(units), sequence=0), points - 1)
    washed = 500
    h = np.column_stack([states[washed:], np.ones(len(states) - washed)])
    goal = x[washed + 1 :]
    readout = np.linalg.solve(h.T @ h + ridge * len(h) * np.eye(units + 1), h.T @ goal).T
    error = float(np.sqrt(((h @ readout.T - goal) ** 2).mean()))
    return RecurrentNetwork(cell, feedback=readout[:, :-1], offset=readout[:, -1]), states[-1], error


def case(units: int, seed: int, steps: int, k: int = 8):
    """One trained loop: its largest exponents per unit of time, and the driven exponent of the reservoir that is part of it."""
    loop, state, error = trained(units, seed)
    began = time.process_time()
    found = loop.spectrum(k=k, steps=steps, transient=200, starts=1, initial=state)
    values = found.exponents / STEP
    row = {"units": units, "seed": seed, "one-step error": error}
    row |= {f"exponent {i + 1}": round(float(values[i]), 3) for i in range(4)}
    return row | {"±": round(float(found.stderr[0]) / STEP, 3), "CPU s": round(time.process_time() - began, 1)}, values


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print(aligned([case(n, s, options.steps)[0] for n in options.units for s in range(options.seeds)]))
    print(f"Lorenz flow: {', '.join(map(str, TRUE))} per unit of time")
