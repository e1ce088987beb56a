"""Continuous samplers: nanoseconds per gradient and per step on one core.

    python benchmarks/continuous.py [--quick] [--json PATH]

Hamiltonian Monte Carlo (HMC) with 10 leapfrog steps a draw and random-walk Metropolis (RWM) on Gaussians of 10 coordinates: two targets
of the package's zoo, the same densities as a user writes them for numba, and one in plain Python, which is called back from the
compiled kernel. "Two functions" is the correlated one with its value as ``x @ (precision @ x)`` and its gradient apart, so that a
gradient costs both. Momenta, acceptance and running state are counted in. The peer is the same leapfrog loop in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from timing import Row, cpu_seconds, parser, print_machine, print_rows, rounds, write_json

import weakchaos as wc
from weakchaos.native.compiled import address_of, call_density, kernel

DIM, LEAPFROG, STEP = 10, 10, 0.3
GRADIENTS, EVALUATIONS, ACCEPTED = 1, 2, 3  # places among the counters of a state
DEVIATIONS = np.linspace(0.5, 2.0, DIM)


@njit
def diagonal_logp(x, precision):
    total = 0.0
    for i in range(x.size):
        total -= 0.5 * precision[i] * x[i] * x[i]
    return total


@njit
def diagonal_both(x, out, precision):
    total = 0.0
    for i in range(x.size):
        out[i] = -precision[i] * x[i]
        total += 0.5 * out[i] * x[i]
    return total


@njit
def dense_logp(x, precision):
    return -0.5 * (x @ (precision @ x))


@njit
def dense_grad(x, out, precision):
    for i in range(x.size):
        total = 0.0
        for j in range(x.size):
            total += precision[i, j] * x[j]
        out[i] = -total


@njit
def dense_both(x, out, precision):
    total = 0.0
    for i in range(x.size):
        row = 0.0
        for j in range(x.size):
            row += precision[i, j] * x[j]
        out[i] = -row
        total -= 0.5 * row * x[i]
    return total


def python_logp(x: np.ndarray) -> float:
    return -0.5 * float(x @ (x / DEVIATIONS**2))


def python_both(x: np.ndarray) -> tuple[float, np.ndarray]:
    gradient = -x / DEVIATIONS**2
    return 0.5 * float(x @ gradient), gradient


def targets() -> dict[str, tuple[wc.Density, bool]]:
    """Name, target, and whether it is compiled."""
    dense = wc.zoo.ill_conditioned_gaussian(DIM, condition_number=16.0)
    covariance = np.cov(dense.simulate(100_000, seed=0).T)
    precision = np.ascontiguousarray(np.linalg.inv(covariance))
    return {
        "zoo, independent": (wc.zoo.gaussian(DEVIATIONS), True),
        "zoo, correlated": (dense, True),
        "user's numba, independent": (wc.Density(diagonal_logp, DIM, logp_and_grad=diagonal_both, data=(DEVIATIONS**-2,)), True),
        "user's numba, correlated": (wc.Density(dense_logp, DIM, logp_and_grad=dense_both, data=(precision,)), True),
        "user's numba, two functions": (wc.Density(dense_logp, DIM, grad=dense_grad, data=(precision,)), True),
        "plain Python, independent": (wc.Density(python_logp, DIM, logp_and_grad=python_both), False),
    }


def runner(target: wc.Density, sampler: Any, steps: int, counter: int, scale: float) -> tuple[Callable[[int], float], Any]:
    """CPU time by what the state counts at `counter`; one draw is recorded in a thousand."""
    system = sampler.bind(target)
    state = system.start(0)
    system.advance(state, 100, 100)

    def call(k: int) -> float:
        before = int(state.counters[counter])
        seconds = cpu_seconds(lambda: system.advance(state, steps, min(1000, steps)))
        return seconds / (int(state.counters[counter]) - before) * scale

    return call, state


@kernel
def repeat_gradient(address, user_data, x, n):
    gradient, value = np.empty(x.size), np.empty(1)
    for _ in range(n):
        x[0] += 1e-9
        call_density(address, np.uint64(x.size), address_of(x), address_of(gradient), address_of(value), user_data)
    return value[0]


def density_alone(target: wc.Density, n: int) -> Callable[[int], float]:
    """What a gradient costs without a sampler around it."""
    density = target.pointer(True)
    arguments = np.uint64(density.address), np.uint64(density.user_data), np.full(target.dim, 0.3)
    repeat_gradient(*arguments, 1)
    return lambda k: cpu_seconds(lambda: repeat_gradient(*arguments, n)) / n * 1e9


def numpy_hmc(draws: int, seed: int) -> None:
    """The peer: leapfrog in NumPy on the plain Python density."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(DIM)
    value, gradient = python_both(x)
    for _ in range(draws):
        p = rng.standard_normal(DIM)
        energy = 0.5 * (p @ p) - value
        y, g, v = x, gradient, value
        p = p + 0.5 * STEP * g
        for step in range(LEAPFROG):
            y = y + STEP * p
            v, g = python_both(y)
            p = p + (STEP if step + 1 < LEAPFROG else 0.5 * STEP) * g
        if math.log(rng.random()) < energy - 0.5 * (p @ p) + v:
            x, gradient, value = y, g, v


def main() -> None:
    options = parser(__doc__).parse_args()
    print_machine()
    repeats, draws = (3, 2_000) if options.quick else (9, 100_000)
    gradients: dict[str, Callable[[int], float]] = {}
    steps: dict[str, Callable[[int], float]] = {}
    alone: dict[str, Callable[[int], float]] = {}
    states = {}
    for name, (target, compiled) in targets().items():
        n = draws if compiled else max(1000, draws // 50)
        gradients[name], states["HMC, " + name] = runner(target, wc.samplers.HMC(STEP, LEAPFROG), n, GRADIENTS, 1e9)
        alone[name] = density_alone(target, 10 * n)
        many = 5 * draws if compiled else n
        steps[name], states["RWM, " + name] = runner(target, wc.samplers.RandomWalkMetropolis(), many, EVALUATIONS, 1e9)
    few = draws // 100
    gradients["NumPy leapfrog"] = lambda k: cpu_seconds(lambda: numpy_hmc(few, k)) / (few * LEAPFROG) * 1e9

    tables = {}
    jobs = {
        "HMC": ("one gradient of HMC", "ns/gradient", gradients, 250.0),
        "alone": ("one gradient without a sampler", "ns/gradient", alone, None),
        "RWM": ("one step of RWM", "ns/step", steps, None),
    }
    for kind, (title, unit, contenders, goal) in jobs.items():
        rows = []
        for name, values in rounds(contenders, repeats).items():
            state = states.get(f"{kind}, {name}")
            note = "" if state is None else f"{state.counters[ACCEPTED] / state.counters[0]:.2f} accepted"
            rows.append(Row(name, unit, values, goal if "zoo" in name or "numba" in name else None, note))
        print_rows(f"Gaussians of {DIM} coordinates: {title}", rows, "zoo, independent")
        tables[kind] = rows
    calls = [
        Row(f"{kind}, {what}", "us/call", [v / 1000 for v in row.values])
        for kind, what in (("HMC", "density and gradient"), ("RWM", "density alone"))
        for row in tables[kind]
        if row.name.startswith("plain Python")
    ]
    bare = [cpu_seconds(lambda: [python_both(DEVIATIONS) for _ in range(10_000)]) / 10_000 * 1e6 for _ in range(repeats)]
    calls.append(Row("the Python function itself, with gradient", "us/call", bare))
    print_rows("A density in plain Python", calls)
    write_json(options.json, "continuous", tables | {"python": calls})


if __name__ == "__main__":
    main()
