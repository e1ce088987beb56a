"""The flow of configurations up and down through a trained Boltzmann machine, with exact temperatures.

Iso, Shiba and Yokoo, Phys. Rev. E 97 (2018) 053304, arXiv:1801.07172, figure 4: a restricted Boltzmann machine trained on Ising configurations of all temperatures
generates a flow along which the temperature approaches the critical one, while renormalization would lead away from it. They measured temperatures with a
neural network, which others found unreliable (arXiv:2006.10176); here temperatures follow from the exact energy of the finite torus (Kaufman 1949).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.scatter import standard_error
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.renormalization.coarse.boltzmann_machine import machine_flow, train_machine
from weakchaos.samplers.cluster import SwendsenWang
from weakchaos.targets.mrf import Ising

__all__ = ["conclude", "measure", "present", "run"]

CLAIM = "The flow through a Boltzmann machine trained on all temperatures approaches the critical temperature, from both sides."
SOURCE = "Iso, Shiba and Yokoo, Phys. Rev. E 97 (2018) 053304, arXiv:1801.07172, figure 4"
_SIDE = 8
_CRITICAL = 2.269185
_STARTS = (1.0, 2.0, 2.5, 3.5, 5.5)
_MACHINES, _UPDATES = 6, 30_000


def configurations(temperature: float, count: int, seed: int) -> np.ndarray:
    """Independent configurations of the 8 x 8 torus, shape (count, 64)."""
    system = SwendsenWang().bind(Ising.lattice((_SIDE, _SIDE), 1 / temperature))
    state = system.start(seed)
    system.advance(state, 100, 100)
    return system.advance(state, 3 * count, 3)


def _cell(machine: int, updates: int, steps: int, count: int, seed: int) -> list[list[float]]:
    """Train one machine; temperatures along its flow from each start."""
    data = np.concatenate([configurations(t, count, seed) for t in np.linspace(0.5, 6, 12)])
    trained = train_machine(data, _SIDE * _SIDE, updates=updates, step_size=0.1, seed=seed + machine)
    starts = [configurations(t, 1000, seed + 100 + machine).reshape(-1, _SIDE, _SIDE) for t in _STARTS]
    return [machine_flow(trained, start, steps, seed + machine).temperature.tolist() for start in starts]


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Train machines on all temperatures and follow configurations of five.

    Parameters
    ----------
    quick : bool
        One machine, 1500 updates; else six machines with 30,000 updates.
    seed : int
    executor : concurrent.futures.Executor, optional

    Returns
    -------
    dict
        ``parameters``, ``starts`` and ``flows``, temperatures by machine, start and step.
    """
    machines, updates, steps, count = (1, 1500, 20, 500) if quick else (_MACHINES, _UPDATES, 40, 2000)
    return {
        "parameters": {"side": _SIDE, "machines": machines, "updates": updates, "steps": steps, "seed": seed, "quick": quick},
        "starts": list(_STARTS),
        "flows": run_cells(_cell, [(k, updates, steps, count, seed) for k in range(machines)], executor),
    }


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    flows, parameters = np.array(data["flows"], float), data["parameters"]
    lacks = lacking("machines", parameters["machines"], _MACHINES) or lacking("updates", parameters["updates"], _UPDATES)
    away, steps = np.abs(flows - _CRITICAL), parameters["steps"]
    parts, told = [], []
    for k, start in enumerate(data["starts"]):
        change = Estimate.mean(away[:, k, -1] - away[:, k, 0], "machines")
        parts.append(
            Part(f"change of the distance from {_CRITICAL:.3f} in {steps} steps from T = {start:g}", change, below=0, lacks=lacks)
        )
        told.append(Part(f"temperature after {steps} steps from T = {start:g}", Estimate.mean(flows[:, k, -1], "machines")))
    return Conclusion(CLAIM, SOURCE, (*parts, *told))


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    flows, rows = np.array(data["flows"], float), []
    for k, t in enumerate(data["starts"]):
        values = flows[:, k]
        mean, machines = values.mean(0), len(values)
        rows.append(
            {
                "start": t,
                "measured at the start": float(mean[0]),
                "after 1 step": float(mean[1]),
                "after 5": float(mean[5]),
                f"after {len(mean) - 1}": float(mean[-1]),
                "±": float(standard_error(values[:, -1])) if machines > 1 else None,
            }
        )
    return rows


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    mean = np.array(data["flows"], float).mean(0)
    steps = np.arange(mean.shape[1])
    curves = [Curve(f"from T = {t:g}", steps, mean[k]) for k, t in enumerate(data["starts"])]
    critical = Curve("critical", steps[[0, -1]], [_CRITICAL, _CRITICAL], kind="theory")
    return (Panel("Temperature by exact energy", "steps up and down", "temperature", (*curves, critical)),)


def present(data: dict[str, Any]) -> Experiment:
    """Tables and pictures of numbers that were measured."""
    return Experiment("machine_flow", conclude(data), _rows(data), data["parameters"], _panels(data), data)


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Train six machines by 30,000 updates each and follow forty steps of their flow; a quick run takes one machine, 1500 updates and twenty steps."""
    return present(measure(quick, seed, executor))
