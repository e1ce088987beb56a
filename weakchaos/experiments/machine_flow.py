"""Configurations that go up and down through a trained Boltzmann machine flow towards the critical temperature, from both sides.

Iso, Shiba and Yokoo, Phys. Rev. E 97 (2018) 053304, arXiv:1801.07172, figure 4: a restricted Boltzmann machine trained on Ising configurations of all temperatures
makes hot ones colder and cold ones hotter, while renormalization would lead away from the critical point. They read temperatures with a neural
network, which others found unreliable (arXiv:2006.10176); here the thermometer is the exact energy of the finite torus (Kaufman 1949).
"""

from __future__ import annotations

import numpy as np

from weakchaos.experiments.base import Curve, Experiment, Panel
from weakchaos.renormalization.coarse.boltzmann_machine import machine_flow, train_machine
from weakchaos.samplers.cluster import SwendsenWang
from weakchaos.targets.mrf import Ising

__all__ = ["run"]

_SIDE = 8
_CRITICAL = 2.269185
_STARTS = (1.0, 2.0, 2.5, 3.5, 5.5)


def configurations(temperature: float, count: int, seed: int) -> np.ndarray:
    """Independent configurations of the 8 x 8 torus, shape (count, 64)."""
    system = SwendsenWang().bind(Ising.lattice((_SIDE, _SIDE), 1 / temperature))
    state = system.start(seed)
    system.advance(state, 100, 100)
    return system.advance(state, 3 * count, 3)


def run(quick: bool = False, seed: int = 0) -> Experiment:
    """Train machines on all temperatures and follow configurations of five.

    Parameters
    ----------
    quick : bool
        One machine, 1500 updates; else three machines with 30,000 updates.
    seed : int

    Returns
    -------
    Experiment
    """
    machines, updates, steps = (1, 1500, 20) if quick else (3, 30_000, 40)
    data = np.concatenate([configurations(t, 500 if quick else 2000, seed) for t in np.linspace(0.5, 6, 12)])
    flows: dict[float, list[np.ndarray]] = {t: [] for t in _STARTS}
    for k in range(machines):
        machine = train_machine(data, _SIDE * _SIDE, updates=updates, step_size=0.1, seed=seed + k)
        for t in _STARTS:
            start = configurations(t, 1000, seed + 100 + k).reshape(-1, _SIDE, _SIDE)
            flows[t].append(machine_flow(machine, start, steps, seed + k).temperature)
    rows, curves = [], []
    for t in _STARTS:
        values = np.array(flows[t])
        mean = values.mean(0)
        rows.append(
            {
                "start": t,
                "measured at the start": float(mean[0]),
                "after 1 step": float(mean[1]),
                "after 5": float(mean[5]),
                f"after {steps}": float(mean[-1]),
                "±": float(values[:, -1].std(ddof=1) / np.sqrt(machines)) if machines > 1 else None,
            }
        )
        curves.append(Curve(f"from T = {t:g}", np.arange(steps + 1), mean))
    ends = np.array([r[f"after {steps}"] for r in rows])
    cold, hot = rows[0], rows[-1]
    narrower = float(np.ptp(ends) / (_STARTS[-1] - _STARTS[0]))
    toward = ends[0] > _STARTS[0] + 0.3 and ends[-1] < _STARTS[-1] - 0.3
    between = bool(ends.min() < _CRITICAL < ends.max())
    findings = (
        f"From T = {cold['start']:g} the flow ends at {ends[0]:.2f}, from T = {hot['start']:g} at {ends[-1]:.2f}: "
        f"the range has shrunk to {narrower:.0%}.",
        f"Its ends {'enclose' if between else 'do not enclose'} the critical temperature {_CRITICAL:.3f}; their middle is {0.5 * (ends[0] + ends[-1]):.2f}.",
        "Renormalization leads away from the critical point on both sides; this flow does not, so training a machine is no renormalization step.",
    )
    panel = Panel(
        "Temperature by exact energy",
        "steps up and down",
        "temperature",
        (*curves, Curve("critical", [0, steps], [_CRITICAL, _CRITICAL], kind="theory")),
    )
    close = bool(np.abs(ends - _CRITICAL).max() < 0.35)
    return Experiment(
        "machine_flow",
        "Configurations flow through a trained Boltzmann machine towards the critical temperature, from both sides.",
        "Iso, Shiba and Yokoo, Phys. Rev. E 97 (2018) 053304, arXiv:1801.07172, figure 4",
        rows,
        findings,
        None if quick else bool(toward and close),
        {"side": _SIDE, "machines": machines, "updates": updates, "steps": steps, "seed": seed},
        (panel,),
    )
