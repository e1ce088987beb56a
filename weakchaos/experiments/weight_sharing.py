"""Weight sharing in herded Gibbs: how soon errors begin to fall, and at which value they stop falling.

Yamashita and Suzuki, Stat. Comput. 29 (2019) 1035, doi:10.1007/s11222-019-09852-6, view herded Gibbs and Eskelinen's discretised herded
Gibbs as two degrees of weight sharing: the fewer weights there are, the sooner each has been used many times, and the more conditional
distributions are right only on average. They also propose variants with less bias. The variant tried here is our own: the sum of a weight of the
whole state and a weight of the bin decides, and both are updated (`weakchaos.herding.gibbs.weights`). By the perceptron cycling theorem the counts
in every state of the other units then differ from their expected values by a bounded number.

Fully connected machines of ten 0/1 units, couplings and fields N(0, 1), no warm-up; largest error of a marginal and total variation
distance of the joint distribution.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.diagnostics.error_rate import convergence_rate
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.experiments.herded_gibbs_rate import boltzmann_machine
from weakchaos.herding import HerdedGibbs
from weakchaos.herding.gibbs.weights import VISITED
from weakchaos.samplers import Gibbs

__all__ = ["conclude", "measure", "run"]

CLAIM = (
    "With fewer weights herded Gibbs converges sooner and stops at a larger error; with weights of whole states beside them "
    "it converges as soon, and its error does not stop falling."
)
SOURCE = "Yamashita and Suzuki, Stat. Comput. 29 (2019) 1035, doi:10.1007/s11222-019-09852-6, abstract; Eskelinen, UBC thesis (2013); second half: this library"
SAMPLERS: dict[str, Any] = {
    "one weight a unit": HerdedGibbs("shared", bins=1),
    "10 bins": HerdedGibbs("shared", bins=10),
    "100 bins": HerdedGibbs("shared", bins=100),
    "every state": HerdedGibbs("full"),
    "every state + 10 bins": HerdedGibbs("full", bins=10, coarse="shared"),
    "Gibbs": Gibbs(),
}
_BLOCK = 1 << 16
_FEW, _STATES, _BOTH = "10 bins", "every state", "every state + 10 bins"
_EARLY, _SWEEPS = 300, 1e6


def _errors(target: Any, sampler: Any, counts: np.ndarray, seed: Any) -> tuple[np.ndarray, np.ndarray, int]:
    """Largest error of a marginal, and total variation distance, after each of `counts` sweeps; weights in use."""
    n, truth = target.dim, target.distribution()
    system = sampler.bind(target, driver="pcg64")
    state = system.start(seed)
    powers = 1 << np.arange(n - 1, -1, -1)
    units = (np.arange(1 << n)[:, None] & powers) > 0
    seen, done, marginal, distance = np.zeros(1 << n), 0, [], []
    for stop in counts.tolist():
        while done < stop:
            step = min(_BLOCK, stop - done)
            seen += np.bincount(system.advance(state, step) @ powers, minlength=1 << n)
            done += step
        off = seen / done - truth
        # No error below a tenth of the resolution 1 / T says anything: an average may hit the marginal exactly.
        marginal.append(max(float(np.abs(off @ units).max()), 0.1 / done))
        distance.append(0.5 * float(np.abs(off).sum()))
    return np.array(marginal), np.array(distance), int(state.counters[VISITED])


def _cell(name: str, machine: int, units: int, counts: list[int], seed: int) -> dict[str, Any]:
    """One machine and one kind of weights."""
    target = boltzmann_machine(units, 100 + 1000 * seed + machine)
    marginal, distance, weights = _errors(target, SAMPLERS[name], np.array(counts), [seed, machine])
    late = (counts[-1] / 10, counts[-1])
    return {
        "sampler": name,
        "machine": machine,
        "weights": weights,
        "marginal": marginal.tolist(),
        "distance": distance.tolist(),
        "late slope": float(convergence_rate(counts, distance[None], late)),
    }


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Eight machines and 10^6 sweeps; a quick run takes three and 10^5."""
    units, machines, sweeps = (10, 3, 10**5) if quick else (10, 8, 10**6)
    counts = np.unique(np.round(np.geomspace(10, sweeps, 31)).astype(int)).tolist()
    cells = [(name, k, units, counts, seed) for name in SAMPLERS for k in range(machines)]
    return {
        "parameters": {"units": units, "machines": machines, "sweeps": sweeps, "seed": seed, "quick": quick},
        "counts": counts,
        "cells": run_cells(_cell, cells, executor),
    }


def _of(data: dict[str, Any], name: str, key: str) -> np.ndarray:
    return np.array([c[key] for c in data["cells"] if c["sampler"] == name], float)


def _early(data: dict[str, Any]) -> int:
    return int(np.argmin(np.abs(np.asarray(data["counts"]) - _EARLY)))


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    counts, early, sweeps = data["counts"], _early(data), data["parameters"]["sweeps"]
    lacks = lacking("sweeps", sweeps, _SWEEPS)
    error = {name: _of(data, name, "marginal") for name in SAMPLERS}

    def ratio(name: str, other: str, at: int, below: float | None = None, above: float | None = None) -> Part:
        estimate = Estimate.ratio(error[name][:, at] / error[other][:, at], "machines")
        label = f"error of a marginal after {counts[at]} sweeps, {name} over {other}"
        return Part(label, estimate, below=below, above=above, lacks=lacks if at == -1 else "")

    def slope(name: str, **asked: float) -> Part:
        estimate = Estimate.mean(_of(data, name, "late slope"), "machines")
        return Part(f"slope of the total variation distance over the last decade, {name}", estimate, lacks=lacks, **asked)

    # A slope nearer to 0 than to -1/2 is a stop, one nearer to -1 than to -1/2 is the rate 1/T.
    return Conclusion(
        CLAIM,
        SOURCE,
        (
            ratio(_FEW, _STATES, early, below=1),
            ratio(_FEW, _STATES, -1, above=1),
            slope(_FEW, least=-0.25),
            ratio(_BOTH, _STATES, early, below=1),
            ratio(_BOTH, _FEW, -1, below=1),
            slope(_BOTH, most=-0.75),
            ratio(_BOTH, _FEW, early),
            ratio(_BOTH, _STATES, -1),
            *(slope(name) for name in SAMPLERS if name not in (_FEW, _BOTH)),
        ),
    )


def _mean(data: dict[str, Any], name: str, key: str) -> np.ndarray:
    return np.exp(np.log(_of(data, name, key)).mean(0))


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    counts, early = data["counts"], _early(data)
    return [
        {
            "weights": name,
            "in use": int(_of(data, name, "weights").mean()),
            **{
                f"{key}, {counts[at]} sweeps": float(_mean(data, name, key)[at])
                for key in ("marginal", "distance")
                for at in (early, -1)
            },
        }
        for name in SAMPLERS
    ]


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    return tuple(
        Panel(title, "sweeps T", label, tuple(Curve(n, data["counts"], _mean(data, n, key)) for n in SAMPLERS), True, True)
        for title, label, key in (
            ("marginals", "largest error of a marginal", "marginal"),
            ("joint distribution", "total variation distance", "distance"),
        )
    )


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Eight machines and 10^6 sweeps; a quick run takes three and 10^5."""
    data = measure(quick, seed, executor)
    return Experiment("weight_sharing", conclude(data), _rows(data), data["parameters"], _panels(data), data)
