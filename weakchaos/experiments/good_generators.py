"""Generators that failed physics: cluster updates of the critical Ising model under streams of numbers that passed other tests.

A. M. Ferrenberg, D. P. Landau and Y. J. Wong, Phys. Rev. Lett. 69 (1992) 3382, doi:10.1103/PhysRevLett.69.3382, flipped Wolff's clusters on 16 x 16
lattices at the critical point and compared energies with the exact ones: under the shift register R250, then held to be of high quality, they were wrong
by many standard errors, and under a simple congruential generator they were right. A cluster takes about as many numbers as the register looks back, so
that its size and the tie between three numbers at the distances 0, 103 and 250 have to do with each other.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.native.compiled import kernel
from weakchaos.samplers import Wolff
from weakchaos.targets import Ising
from weakchaos.targets.kaufman import exact_energy

__all__ = ["conclude", "measure", "run"]

CLAIM = "Cluster updates of the critical Ising model give a wrong energy under the shift register R250, and the right one under a congruential generator."
SOURCE = "Ferrenberg, Landau and Wong, Phys. Rev. Lett. 69 (1992) 3382, table I"
_SIDE = 16
_CRITICAL = 0.5 * math.log(1.0 + 2.0**0.5)
_WRONG, _RIGHT = 6.0, 3.0  # standard errors
_BATCH = 20_000
_SETTLE = 2_000
# Those that the claim is about, those of today, and relatives of R250 that look back further or add instead.
_SUSPECT, _SIMPLE, _TODAY, _OTHER = ("r250",), ("minstd",), ("pcg64", "philox", "mt19937"), ("r521", "r1279", "kiss")
_NEEDED = 80  # batches of the suspect


@kernel
def _energies(spins, side, out):
    """Energy per spin of each row of 0 and 1, in units of the coupling."""
    for t in range(spins.shape[0]):
        unequal = 0
        for i in range(side):
            for j in range(side):
                s = spins[t, i * side + j]
                unequal += (s != spins[t, i * side + (j + 1) % side]) + (s != spins[t, ((i + 1) % side) * side + j])
        out[t] = (2.0 * unequal - 2.0 * side * side) / (side * side)


def _cell(driver: str, batches: int, seed: int, number: int) -> dict[str, Any]:
    """Mean energies of batches of clusters under one stream."""
    system = Wolff().bind(Ising.lattice((_SIDE, _SIDE), beta=_CRITICAL), driver=driver)
    state = system.start(np.random.SeedSequence([seed, number]))
    system.advance(state, _SETTLE, _SETTLE)
    means, energies = [], np.empty(_BATCH)
    for _ in range(batches):
        _energies(np.asarray(system.advance(state, _BATCH), np.int8), _SIDE, energies)
        means.append(float(energies.mean()))
    return {"driver": driver, "energies": means}


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Energies under each stream, as means over batches of 20,000 clusters; in a quick run R250 gets three times as many as the others."""
    names = [*_SUSPECT, *_SIMPLE, *(_TODAY[:2] if quick else _TODAY + _OTHER)]
    cells = 8 if quick else 16
    batches = {name: (15 if quick else 20) * (1 if name in _SUSPECT else 1 / 3 if quick else 1) for name in names}
    return {
        "parameters": {"side": _SIDE, "clusters a batch": _BATCH, "seed": seed, "quick": quick},
        "exact": exact_energy(_CRITICAL, _SIDE),
        "cells": run_cells(_cell, [(name, int(batches[name]), seed, k) for name in names for k in range(cells)], executor),
    }


def _found(data: dict[str, Any]) -> dict[str, Estimate]:
    """Error of the energy per spin under each stream, from the means of all batches."""
    names = dict.fromkeys(cell["driver"] for cell in data["cells"])
    batches = {name: np.concatenate([c["energies"] for c in data["cells"] if c["driver"] == name]) for name in names}
    return {name: Estimate.mean(values - data["exact"], "batches") for name, values in batches.items()}


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    parts = []
    for name, error in _found(data).items():
        off = Estimate.counted(abs(error.value) / error.stderr if error.stderr else math.inf, error.count, "batches")
        quantity = f"error of the energy under {name}, in its standard errors"
        if name in _SUSPECT:
            parts.append(Part(quantity, off, least=_WRONG, lacks=lacking("batches", error.count, _NEEDED)))
        elif name in _SIMPLE + _TODAY:
            parts.append(Part(quantity, off, most=_RIGHT))
        else:
            parts.append(Part(quantity, off))
    return Conclusion(CLAIM, SOURCE, tuple(parts))


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Wolff clusters on the 16 x 16 lattice at the critical point: 2,400,000 under R250 and 800,000 under three others, or 6,400,000 under each of eight."""
    data = measure(quick, seed, executor)
    found = _found(data)
    rows = [
        {
            "driver": name,
            "clusters": e.count * _BATCH,
            "energy": data["exact"] + e.value,
            "stderr": e.stderr,
            "z": e.value / e.stderr,
        }
        for name, e in found.items()
    ]
    places = np.arange(len(found), dtype=float)
    errors, bars = np.array([e.value for e in found.values()]), np.array([e.stderr for e in found.values()])
    panel = Panel(
        "Energy per spin minus the exact one",
        "generator: " + ", ".join(f"{k} {name}" for k, name in enumerate(found)),
        "error",
        (Curve("measured", places, errors, bars), Curve("exact", places, np.zeros(len(found)), kind="theory")),
    )
    return Experiment("good_generators", conclude(data), rows, data["parameters"], (panel,), data)
