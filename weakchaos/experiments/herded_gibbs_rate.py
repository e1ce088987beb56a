"""Rates of herded Gibbs and of Gibbs sampling on fully connected Boltzmann machines.

Bornn, Chen, de Freitas, Eskelin, Fang and Welling, ICLR 2013, arXiv:1301.4168, and Chen et al., JMLR 17 (2016) 10, prove the rate 1/T for
independent units and for fully connected graphs. Here: random machines of 4 to 10 units, couplings and fields N(0, 1), 10^2 to 2 10^6
sweeps without warm-up, and the largest error of a marginal. The rate is the slope over the last two decades.

The constant of the rate, and the number of sweeps from which it holds, depend on the first weights: with n units there are n 2^(n-1) weights, and
each adds an error until it has been used a few times. With stationary first weights this error is that of Gibbs sampling, with zero first weights
it is larger, and with additional coarse weights all states of similar probability share it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.scatter import standard_error
from weakchaos.diagnostics.error_rate import convergence_rate
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.herding import HerdedGibbs
from weakchaos.runs.sampling import sample
from weakchaos.samplers import Gibbs
from weakchaos.targets.mrf import PairwiseMRF

__all__ = ["boltzmann_machine", "conclude", "measure", "run"]

CLAIM = "On fully connected Boltzmann machines herded Gibbs converges like 1/T, Gibbs sampling like 1/sqrt(T)."
SOURCE = "Chen et al., JMLR 17 (2016) 10, theorem on fully connected graphs; Bornn et al., ICLR 2013, arXiv:1301.4168"
SAMPLERS: dict[str, Any] = {
    "herded, stationary": HerdedGibbs("full"),
    "herded, centre": HerdedGibbs("full", start="centre"),
    "herded, zero": HerdedGibbs("full", start="zero"),
    "herded, full + shared": HerdedGibbs("full", coarse="shared"),
    "Gibbs": Gibbs(),
}
_OWN = ("herded, full + shared",)  # not in the papers: told, and no part of their claim
# A sweep beyond 10^6 has used each of the 5120 weights of ten units some hundred times; before, a slope tells how weights began.
_SWEEPS = 1e6
_TOLERANCE = 0.1


def boltzmann_machine(n: int, seed: int) -> PairwiseMRF:
    """A fully connected machine of 0/1 units with couplings and fields N(0, 1).

    Examples
    --------
    >>> len(boltzmann_machine(4, 0).edges)
    6
    """
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.normal(size=(n, n)), 1)
    return PairwiseMRF(upper + upper.T, rng.normal(size=n))


def _cell(n: int, name: str, machine: int, starts: int, sweeps: int, seed: int) -> dict[str, Any]:
    """One machine and one sampler: slopes over the whole range and over two decades, error at the end, and all errors."""
    target = boltzmann_machine(n, 100 + 1000 * seed + machine)
    trace = sample(target, SAMPLERS[name], sweeps, warmup=0, chains=starts, seed=[seed, machine], progress=False, record="averages")
    error = trace.error()
    # No error below a tenth of the resolution 1 / T says anything: an average may hit the marginal exactly.
    errors = np.maximum(error.errors, 0.1 / error.draws)
    return {
        "units": n,
        "sampler": name,
        "slope": float(convergence_rate(error.draws, errors, (100, sweeps))),
        "late slope": float(convergence_rate(error.draws, errors, (sweeps / 100, sweeps))),
        "error": float(np.median(errors[:, -1])),
        "draws": error.draws.tolist(),
        "errors": np.median(errors, 0).tolist(),
    }


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Errors of eight machines of each size, from four starts each; a quick run takes two sizes, two machines and 10^5 sweeps."""
    sizes, machines, starts, sweeps = ((4, 6), 2, 4, 10**5) if quick else ((4, 6, 8, 10), 8, 4, 2 * 10**6)
    cells = [(n, name, k, starts, sweeps, seed) for n in sizes for name in SAMPLERS for k in range(machines)]
    return {
        "parameters": {
            "sizes": list(sizes),
            "machines": machines,
            "starts": starts,
            "sweeps": sweeps,
            "seed": seed,
            "quick": quick,
        },
        "cells": run_cells(_cell, cells, executor),
    }


def _of(data: dict[str, Any], n: int, name: str, key: str) -> np.ndarray:
    return np.array([c[key] for c in data["cells"] if c["units"] == n and c["sampler"] == name])


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    sizes = data["parameters"]["sizes"]
    lacks = lacking("sweeps", data["parameters"]["sweeps"], _SWEEPS)
    parts, told = [], []
    for n in sizes:
        for name in SAMPLERS:
            slope = Estimate.mean(_of(data, n, name, "late slope"), "machines")
            label = f"slope over the last two decades, {n} units, {name}"
            if name == "Gibbs":
                parts.append(Part(label, slope, least=-0.5 - _TOLERANCE, most=-0.5 + _TOLERANCE, lacks=lacks))
            elif name in _OWN:
                told.append(Part(label, slope))
            else:
                parts.append(Part(label, slope, most=-1 + _TOLERANCE, lacks=lacks))
            if name != "Gibbs" and n == sizes[-1]:
                gain = Estimate.ratio(_of(data, n, "Gibbs", "error") / _of(data, n, name, "error"), "machines")
                told.append(Part(f"error of Gibbs sampling over that of {name} at the end, {n} units", gain))
    return Conclusion(CLAIM, SOURCE, (*parts, *told))


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for n in data["parameters"]["sizes"]:
        for name in SAMPLERS:
            slopes = _of(data, n, name, "slope")
            rows.append(
                {
                    "units": n,
                    "sampler": name,
                    "slope": float(slopes.mean()),
                    "stderr": float(standard_error(slopes)),
                    "late slope": float(_of(data, n, name, "late slope").mean()),
                    "error": float(np.exp(np.log(_of(data, n, name, "error")).mean())),
                }
            )
    return rows


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    panels = []
    for n in data["parameters"]["sizes"]:
        draws = _of(data, n, "Gibbs", "draws")[0].astype(float)
        curves = [Curve(name, draws, np.median(_of(data, n, name, "errors"), 0)) for name in SAMPLERS]
        t = draws[draws >= 10]
        theory = [Curve("T^-1/2", t, 0.5 / np.sqrt(t), kind="theory"), Curve("T^-1", t, 1.0 / t, kind="theory")]
        panels.append(Panel(f"{n} units", "sweeps T", "largest error of a marginal", (*curves, *theory), True, True))
    return tuple(panels)


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Errors of eight machines of each size, from four starts each; a quick run takes two sizes, two machines and 10^5 sweeps."""
    data = measure(quick, seed, executor)
    return Experiment("herded_gibbs_rate", conclude(data), _rows(data), data["parameters"], _panels(data), data)
