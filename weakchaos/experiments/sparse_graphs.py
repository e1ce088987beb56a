"""Herded Gibbs on sparse graphs: weights per state of the Markov blanket beside weights per state of all other units.

Chen et al., JMLR 17 (2016) 10, prove the rate 1/T for fully connected graphs, where the Markov blanket of a unit consists of all other units, and
leave sparse graphs open. With one weight for each state of the blanket, every conditional distribution is matched to within 1/T, but through the
weights the choices depend on distant units, and the joint distribution keeps an error. Weights for each state of all other units (stored in a hash
table when first visited) have no such dependence, but there are n 2^(n-1) of them.

First part: ring, grid and chain of 8 or 9 units, 10^7 sweeps; an error that falls by a slope nearer to 0 than to -1/2 over the last decade
is called a plateau, one of -0.9 or steeper a rate of 1/T. Second part: rings and grids of 8 to 30 units, 3 10^5 sweeps: the size above which the
rate is lost, because hardly any state is visited twice, and the memory that the weights need. Couplings and fields are N(0, 1). The error is the
total variation distance of the joint distribution of eight neighbouring units from the exact one.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from weakchaos.diagnostics.error_rate import convergence_rate
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.herding import HerdedGibbs
from weakchaos.herding.gibbs.weights import VISITED
from weakchaos.samplers import Gibbs
from weakchaos.targets.exact import log_partition
from weakchaos.targets.mrf import PairwiseMRF, lattice_edges

__all__ = ["conclude", "measure", "run", "sparse_model", "window_distribution", "window_errors"]

CLAIM = (
    "On sparse graphs herded Gibbs with weights per state of the Markov blanket keeps an error of the joint distribution, "
    "and with weights per state of all other units converges like 1/T."
)
SOURCE = "a conjecture of this library on the open problem of Chen et al., JMLR 17 (2016) 10, abstract and discussion"
SAMPLERS: dict[str, Any] = {
    "blanket": HerdedGibbs("blanket"),
    "hash": HerdedGibbs("hash"),
    "hash + blanket": HerdedGibbs("hash", coarse="blanket"),
    "Gibbs": Gibbs("systematic"),
}
WINDOW = 8
_BLOCK = 1 << 16
# Errors follow those of Gibbs sampling until some 10^6 sweeps; a plateau shows in the decade behind.
_SWEEPS = 1e7


def sparse_model(shape: tuple[int, ...], periodic: bool, seed: int) -> PairwiseMRF:
    """0/1 units on a lattice with couplings and fields N(0, 1).

    Examples
    --------
    >>> len(sparse_model((8,), True, 0).edges), len(sparse_model((3, 3), False, 0).edges)
    (8, 12)
    """
    rng = np.random.default_rng(seed)
    i, j = lattice_edges(shape, periodic)
    n = int(np.prod(shape))
    couplings = np.zeros((n, n))
    couplings[i, j] = rng.normal(size=len(i))
    return PairwiseMRF(couplings + couplings.T, rng.normal(size=n))


def window_of(shape: tuple[int, ...]) -> list[int]:
    """Eight neighbouring units: the first of a ring, a corner of two rows of a grid."""
    if len(shape) == 1:
        return list(range(min(WINDOW, shape[0])))
    columns = min(shape[1], WINDOW // 2)
    return [r * shape[1] + c for r in range(2) for c in range(columns)]


def window_distribution(target: PairwiseMRF, window: list[int]) -> np.ndarray:
    """The exact joint distribution of some units, the last fastest; by enumeration up to 16 units, by junction trees beyond.

    Examples
    --------
    >>> target = sparse_model((6,), True, 0)
    >>> p = window_distribution(target, [0, 3])
    >>> bool(np.isclose(p.reshape(2, 2).sum(1)[1], target.marginals()[0][1]))
    True
    """
    if target.dim <= 16:
        table = target.distribution().reshape((2,) * target.dim)
        table = table.sum(tuple(a for a in range(target.dim) if a not in window))
        return table.transpose(np.argsort(np.argsort(window))).ravel()
    graph = target.factor_graph()
    logs = np.array(
        [log_partition(graph.condition(dict(zip(window, x, strict=True)))) for x in itertools.product((0, 1), repeat=len(window))]
    )
    p = np.exp(logs - logs.max())
    return p / p.sum()


def window_errors(
    target: Any, sampler: Any, window: list[int], truth: np.ndarray, counts: np.ndarray, seed: Any
) -> tuple[np.ndarray, float, Any]:
    """Total variation distance of the window after each of `counts` sweeps, the largest error of its marginals, and the final state."""
    system = sampler.bind(target, driver="pcg64")
    state = system.start(seed)
    powers = 1 << np.arange(len(window) - 1, -1, -1)
    seen, errors, done = np.zeros(truth.size), np.empty(len(counts)), 0
    for k, stop in enumerate(counts):
        while done < stop:
            step = min(_BLOCK, int(stop) - done)
            seen += np.bincount(system.advance(state, step)[:, window] @ powers, minlength=truth.size)
            done += step
        errors[k] = 0.5 * np.abs(seen / done - truth).sum()
    off = (seen / done - truth).reshape((2,) * len(window))
    marginal = max(abs(float(np.take(off, 1, axis=a).sum())) for a in range(len(window)))
    return errors, marginal, state


def _label(shape: tuple[int, ...], periodic: bool) -> str:
    return f"{'ring' if periodic else 'chain' if len(shape) == 1 else 'grid'} {'x'.join(map(str, shape))}"


def _cell(shape: tuple[int, ...], periodic: bool, sweeps: int, machine: int, seed: int, part: str) -> list[dict[str, Any]]:
    """One model: slopes, errors and weights in use of every sampler."""
    counts = np.unique(np.geomspace(100, sweeps, 25).astype(int))
    n, window, model = int(np.prod(shape)), window_of(shape), sparse_model(shape, periodic, 100 + 1000 * seed + machine)
    truth, rows = window_distribution(model, window), []
    for name, sampler in SAMPLERS.items():
        errors, marginal, state = window_errors(model, sampler, window, truth, counts, [seed, machine])
        rows.append(
            {
                "part": part,
                "graph": _label(shape, periodic),
                "units": n,
                "sampler": name,
                "sweeps": sweeps,
                "slope": float(convergence_rate(counts, errors[None])),
                "late slope": float(convergence_rate(counts, errors[None], (sweeps / 10, sweeps))),
                "distance": float(errors[-1]),
                "marginal": max(marginal, 0.1 / sweeps),
                "weights": int(state.counters[VISITED]),
                "MB": (state.phase.nbytes + state.symbols.nbytes) / 1e6,
                "counts": counts.tolist(),
                "errors": errors.tolist(),
            }
        )
    return rows


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Rates over 10^7 sweeps of five models a graph, then errors after 3 10^5 sweeps of two models of each size; a quick run takes fewer of all."""
    first: Any = [((8,), True), ((3, 3), False), ((8,), False)]
    rings: Any = [(8,), (10,), (12,), (14,), (16,), (20,), (24,), (30,)]
    grids: Any = [(2, 4), (3, 4), (4, 4), (4, 5), (5, 6)]
    sweeps, more, machines, fewer = 10**7, 3 * 10**5, 5, 2
    if quick:
        first, rings, grids, sweeps, more, machines, fewer = first[:1], [(8,), (16,)], [], 10**5, 3 * 10**4, 2, 1
    cells = [(shape, periodic, sweeps, k, seed, "rates") for shape, periodic in first for k in range(machines)]
    cells += [(shape, len(shape) == 1, more, k, seed, "sizes") for shape in [*rings, *grids] for k in range(fewer)]
    return {
        "parameters": {
            "sweeps": sweeps,
            "sweeps of the second part": more,
            "models": machines,
            "models of the second part": fewer,
            "window": WINDOW,
            "seed": seed,
            "quick": quick,
        },
        "cells": [row for rows in run_cells(_cell, cells, executor) for row in rows],
    }


def _of(data: dict[str, Any], part: str, graph: str, name: str) -> list[dict[str, Any]]:
    return [c for c in data["cells"] if (c["part"], c["graph"], c["sampler"]) == (part, graph, name)]


def _graphs(data: dict[str, Any], part: str) -> list[str]:
    return list(dict.fromkeys(c["graph"] for c in data["cells"] if c["part"] == part))


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    lacks = lacking("sweeps", data["parameters"]["sweeps"], _SWEEPS)
    parts = []

    def values(part: str, graph: str, name: str, key: str) -> np.ndarray:
        return np.array([c[key] for c in _of(data, part, graph, name)], float)

    for graph in _graphs(data, "rates"):
        slopes = {name: Estimate.mean(values("rates", graph, name, "late slope"), "models") for name in ("blanket", "hash")}
        distance = {name: values("rates", graph, name, "distance") for name in SAMPLERS}
        parts += [
            Part(f"slope over the last decade, {graph}, blanket weights", slopes["blanket"], least=-0.25, lacks=lacks),
            Part(f"distance with blanket weights over that of Gibbs sampling at the end, {graph}",
                 Estimate.ratio(distance["blanket"] / distance["Gibbs"], "models"), above=1, lacks=lacks),
            Part(f"slope over the last decade, {graph}, weights of whole states", slopes["hash"], most=-0.9, lacks=lacks),
            Part(f"distance with weights of whole states over that with blanket weights at the end, {graph}",
                 Estimate.ratio(distance["hash"] / distance["blanket"], "models"), below=1, lacks=lacks),
        ]  # fmt: skip
    for graph in _graphs(data, "sizes"):
        hashed = _of(data, "sizes", graph, "hash")
        visits = float(np.mean([c["units"] * c["sweeps"] / c["weights"] for c in hashed]))
        slope = Estimate.mean([c["slope"] for c in hashed], "models")
        parts.append(Part(f"slope of weights of whole states, {graph}, {visits:.3g} visits a weight", slope))
    return Conclusion(CLAIM, SOURCE, tuple(parts))


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for part in ("rates", "sizes"):
        for graph in _graphs(data, part):
            for name in SAMPLERS:
                found = _of(data, part, graph, name)
                mean = {k: float(np.mean([c[k] for c in found])) for k in ("slope", "late slope", "weights", "MB")}
                geometric = {k: float(np.exp(np.mean([np.log(c[k]) for c in found]))) for k in ("distance", "marginal")}
                moves = found[0]["units"] * found[0]["sweeps"]
                visits = round(moves / mean["weights"], 2) if mean["weights"] else None
                key = {"part": part, "graph": graph, "units": found[0]["units"], "sampler": name}
                rows.append({**key, **mean, **geometric, "weights": int(mean["weights"]), "visits a weight": visits})
    return rows


def _size_panels(sizes: list[dict]) -> list[Panel]:
    """Rings of the second part: slope, distance, error of the marginals and memory against the number of units."""
    panels = []
    for title, key, label in (
        ("rings: loss of the rate with size", "slope", "slope"),
        ("rings: joint distribution at the end", "distance", "total variation distance"),
        ("rings: marginals at the end", "marginal", "largest error of a marginal"),
        ("rings: memory", "MB", "megabytes"),
    ):
        lines = []
        for name in SAMPLERS:
            chosen = [r for r in sizes if r["sampler"] == name and r["graph"].startswith("ring")]
            if key != "MB" or name.startswith("hash"):
                lines.append(Curve(name, [r["units"] for r in chosen], [r[key] for r in chosen]))
        panels.append(Panel(title, "units", label, tuple(lines), False, key != "slope"))
    return panels


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    panels = []
    for graph in _graphs(data, "rates")[:2]:
        t = np.asarray(_of(data, "rates", graph, "Gibbs")[0]["counts"], float)
        curves = [
            Curve(name, t, np.exp(np.mean([np.log(c["errors"]) for c in _of(data, "rates", graph, name)], 0))) for name in SAMPLERS
        ]
        theory = [Curve("T^-1/2", t, 1.5 / np.sqrt(t), kind="theory"), Curve("T^-1", t, 30.0 / t, kind="theory")]
        panels.append(Panel(graph, "sweeps T", "total variation distance", (*curves, *theory), True, True))
    return (*panels, *_size_panels([r for r in _rows(data) if r["part"] == "sizes"]))


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Rates over 10^7 sweeps of five models a graph, then errors after 3 10^5 sweeps of two models of each size; a quick run takes fewer of all."""
    data = measure(quick, seed, executor)
    return Experiment("sparse_graphs", conclude(data), _rows(data), data["parameters"], _panels(data), data)
