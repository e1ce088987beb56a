"""Chaos in the place of noise: sampling, annealing and tempering by a chaotic Boltzmann machine, beside herded Gibbs and Gibbs sampling.

Lee, Chowdhury and Camsari, Commun. Phys. 8 (2025) 35, arXiv:2408.04744, find the quantum Boltzmann law of a chain in a transverse field (by Suzuki-Trotter, see `trotter_chain`) followed by chaotic bits. They anneal chaotic bits to the critical point of a 50 x 50 ferromagnet with free boundaries, and in three-dimensional spin glasses; they find that the residual energy falls
with the annealing time t like t^(-kappa), about as with noise, and that replicas whose swaps are drawn at random do better than annealing that has no noise at all. Here the chaotic bits are
the chaotic Boltzmann machine of Suzuki et al. (`samplers.ChaoticBoltzmann`), deterministic as herded Gibbs is; tempering is `samplers.ParallelTempering`, whose only random numbers are those of swaps.

Chain: 8 sites at the critical field and inverse temperature 4, 16 slices; correlations of the sites within a slice, held against those of the transfer matrix.

Annealing: the inverse temperature rises in 16 equal stages to beta_c = log(1 + sqrt 2) / 2 (ferromagnet; residual energy a spin over that of Swendsen-Wang sampling at beta_c) or to 3 (glasses of couplings +-1,
8 x 8 x 8; over the lowest energy that any run on these couplings found). A machine keeps its phases, and herding its weights, from stage to stage. Tempering: 10 replicas between the same temperatures run as many sweeps each, so that time is that of a parallel
machine, and the energy is that of the coldest at the end. A sweep of the billiard is one unit of its time, in which a unit flips twice on average. kappa is fitted by least squares to the logarithms at the five shortest times
(as there, before the lattice is felt); intervals are those of a jackknife over seeds or glasses.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.scatter import jackknife_error, standard_error
from weakchaos.core.system import State
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.experiments.trotter_chain import chain_correlations, trotter_chain, trotter_correlations
from weakchaos.herding import HerdedGibbs
from weakchaos.samplers import ChaoticBoltzmann, Gibbs, ParallelTempering, SwendsenWang
from weakchaos.targets.mrf import Ising
from weakchaos.targets.tempered import path_of

__all__ = ["anneal", "conclude", "exponent", "measure", "present", "run"]

CLAIM = "Chaotic bits follow the quantum Boltzmann law of a chain in a transverse field, anneal to the critical point of a ferromagnet and into spin glasses with the power laws of noisy ones, and in spin glasses tempering with noisy swaps leaves them less residual energy than annealing does."
SOURCE = "Lee, Chowdhury and Camsari, Commun. Phys. 8 (2025) 35, doi:10.1038/s42005-025-01945-1, arXiv:2408.04744"
CRITICAL = 0.5 * math.log(1.0 + math.sqrt(2.0))
CHAOS, HERDED, NOISE = "chaotic Boltzmann machine", "herded Gibbs", "Gibbs"
SAMPLERS: dict[str, Any] = {
    CHAOS: ChaoticBoltzmann(averages="draws"),
    HERDED: HerdedGibbs(),
    NOISE: Gibbs("checkerboard"),
}
FERROMAGNET, GLASS = "ferromagnet", "glasses"
_SITES, _SLICES, _BETA, _EXACT = 8, 16, 4.0, 0.02
_STAGES, _REPLICAS, _FITTED, _NEAR = 16, 10, 5, 0.15
_LEAST = 8  # seeds or glasses


def _target(kind: str, side: int, number: int) -> Ising:
    if kind == FERROMAGNET:
        return Ising.lattice((side, side), CRITICAL, periodic=False)
    return Ising.glass((side,) * 3, 3.0, seed=number)


def _energy(target: Ising, x: np.ndarray) -> float:
    """Energy a spin, in units of the couplings, of units 0 and 1."""
    return -float(path_of(target).terms(x[None].astype(np.int64))[0, 0]) / target.beta / target.dim


def anneal(systems: list[Any], sweeps: int, seed: Any) -> np.ndarray:
    """The states 0 and 1 of the units after all systems have moved them one after the other, as temperatures in annealing do; the rest of the state is handed on too."""
    state: State = systems[0].start(seed)
    n = systems[0].target.dim
    for stage, system in enumerate(systems):
        count = sweeps * (stage + 1) // len(systems) - sweeps * stage // len(systems)
        if count:
            system.advance(state, count, count)
    return state.symbols[:n].copy()


def _cell(
    kind: str, side: int, numbers: tuple[int, ...], name: str, times: tuple[int, ...], seed: int
) -> dict[str, list[list[float]]]:
    """Energies a spin after annealing and after tempering, by number and time; glasses differ from number to number, starts always do."""
    sampler = SAMPLERS[name]
    out: dict[str, list[list[float]]] = {"annealed": [], "tempered": []}
    ladder = tuple(np.linspace(0.1, 1.0, _REPLICAS).tolist())
    for number in numbers:
        if kind == GLASS or number == numbers[0]:
            target = _target(kind, side, number)
            path = path_of(target)
            systems = [sampler.bind(path.at(stage / _STAGES)) for stage in range(1, _STAGES + 1)]
            tempered = ParallelTempering(sampler, betas=ladder).bind(target)
        annealed, exchanged = [], []
        for time in times:
            annealed.append(_energy(target, anneal(systems, time, [seed, number, time])))
            state = tempered.start([seed, number, time])
            tempered.advance(state, time, time)
            exchanged.append(_energy(target, state.symbols[: target.dim]))
        out["annealed"].append(annealed)
        out["tempered"].append(exchanged)
    return out


def _chain_cell(name: str, sweeps: int, seed: int) -> list[float]:
    """Correlations of the sites of the chain, by distance."""
    system = SAMPLERS[name].bind(trotter_chain(_SITES, _SLICES, _BETA))
    state = system.start(seed)
    system.advance(state, sweeps // 10, sweeps // 10)
    return chain_correlations(system.advance(state, sweeps), _SITES, _SLICES).tolist()


def _critical_energy(side: int, sweeps: int, seed: int) -> float:
    target = _target(FERROMAGNET, side, 0)
    system = SwendsenWang().bind(target)
    state = system.start(seed)
    system.advance(state, sweeps // 10, sweeps // 10)
    draws = system.advance(state, sweeps)
    return -float(path_of(target).terms(((draws + 1) // 2).astype(np.int64))[:, 0].mean()) / target.beta / target.dim


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Anneal for 16 to 512 sweeps: eight seeds of the chain, 32 of the ferromagnet, whose energy fluctuates at its critical point, and eight glasses; a quick run takes small lattices and two of each."""
    numbers = {FERROMAGNET: tuple(range(2 if quick else 32)), GLASS: tuple(range(2 if quick else 8))}
    times = tuple(16 * 2**k for k in range(3 if quick else 6))
    sides = {FERROMAGNET: 12 if quick else 50, GLASS: 4 if quick else 8}
    parts: dict[str, list[tuple[int, ...]]] = {
        FERROMAGNET: [numbers[FERROMAGNET]],
        GLASS: [(number,) for number in numbers[GLASS]],
    }  # one set-up for all seeds of a target
    cells: list[Any] = [
        (kind, side, part, name, times, seed) for kind, side in sides.items() for name in SAMPLERS for part in parts[kind]
    ]
    energies: dict[str, Any] = {kind: {name: {"annealed": [], "tempered": []} for name in SAMPLERS} for kind in sides}
    for cell, found in zip(cells, run_cells(_cell, cells, executor), strict=True):
        for way, values in found.items():
            energies[cell[0]][cell[3]][way] += values
    chains = [(name, 1000 if quick else 20_000, seed + 1000 * number) for name in SAMPLERS for number in numbers[GLASS]]
    correlations: dict[str, list[list[float]]] = {name: [] for name in SAMPLERS}
    for chain, row in zip(chains, run_cells(_chain_cell, chains, executor), strict=True):
        correlations[chain[0]].append(row)
    every = np.array([energies[GLASS][name][way] for name in SAMPLERS for way in ("annealed", "tempered")])
    return {
        "parameters": {
            "times": times,
            "sides": sides,
            "numbers": {kind: len(each) for kind, each in numbers.items()},
            "seed": seed,
            "quick": quick,
        },
        "energies": energies,
        "correlations": correlations,
        "exact correlations": trotter_correlations(_SITES, _SLICES, _BETA).tolist(),
        "least": {
            FERROMAGNET: [_critical_energy(sides[FERROMAGNET], 200 if quick else 4000, seed)] * len(numbers[FERROMAGNET]),
            GLASS: every.min(axis=(0, 2)).tolist(),
        },
    }


def exponent(times: np.ndarray, residual: np.ndarray) -> tuple[float, float]:
    """kappa of the mean residual energy over repetitions, (repetitions, times), and its jackknife error; NaN where a mean is not positive.

    Examples
    --------
    >>> t = np.array([16.0, 32, 64, 128, 256])
    >>> kappa, error = exponent(t, t**-0.5 * np.ones((4, 5)))
    >>> round(kappa, 6), round(error, 6)
    (0.5, 0.0)
    """
    x, residual = np.log(np.asarray(times, float)[:_FITTED]), np.asarray(residual, float)[:, :_FITTED]

    def fit(rows: np.ndarray) -> float:
        mean = rows.mean(0)
        return -float(np.polyfit(x, np.log(mean), 1)[0]) if (mean > 0).all() else math.nan

    return fit(residual), float(jackknife_error([fit(np.delete(residual, k, 0)) for k in range(len(residual))]))


def _residual(data: dict[str, Any], kind: str, name: str, way: str) -> np.ndarray:
    return np.array(data["energies"][kind][name][way], float) - np.array(data["least"][kind], float)[:, None]


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict from the measured energies alone."""
    times = np.array(data["parameters"]["times"], float)
    parts, told = [], []
    n = len(data["correlations"][CHAOS])
    for name in SAMPLERS:
        wrong = (np.array(data["correlations"][name]) - np.array(data["exact correlations"])).mean(1)
        error = Estimate(float(wrong.mean()), float(standard_error(wrong)), n - 1.0, n, "seeds")
        where = f"correlation of the sites of the quantum chain less the exact one, {name}"
        if name == CHAOS:
            parts.append(Part(where, error, least=-_EXACT, most=_EXACT, lacks=lacking("seeds", n, _LEAST)))
        else:
            told.append(Part(where, error))
    for kind in (FERROMAGNET, GLASS):
        over, n = "seeds" if kind == FERROMAGNET else "glasses", data["parameters"]["numbers"][kind]
        lacks = lacking(over, n, _LEAST) or lacking("times", len(times), _FITTED)
        found = {name: exponent(times, _residual(data, kind, name, "annealed")) for name in SAMPLERS}
        (chaos, its), (noise, other) = found[CHAOS], found[NOISE]
        gap = Estimate(chaos - noise, math.hypot(its, other), n - 1.0, n, over)
        parts.append(
            Part(f"kappa of the chaotic Boltzmann machine less that of Gibbs, {kind}", gap, least=-_NEAR, most=_NEAR, lacks=lacks)
        )
        told += [Part(f"kappa of {name}, annealed, {kind}", Estimate(*found[name], n - 1.0, n, over)) for name in SAMPLERS]
        for name in SAMPLERS:
            tempered = exponent(times, _residual(data, kind, name, "tempered"))
            told.append(Part(f"kappa of {name}, tempered, {kind}", Estimate(*tempered, n - 1.0, n, over)))
            gains = _residual(data, kind, name, "tempered")[:, -1] - _residual(data, kind, name, "annealed")[:, -1]
            gain = Estimate(float(gains.mean()), float(standard_error(gains)), n - 1.0, n, over)
            where = f"energy a spin of tempering less that of annealing after {int(times[-1])} sweeps, {name}, {kind}"
            if kind == GLASS and name == CHAOS:
                parts.append(Part(where, gain, below=0.0, lacks=lacks))
            else:
                told.append(Part(where, gain))
    return Conclusion(CLAIM, SOURCE, (*parts, *told))


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for kind in (FERROMAGNET, GLASS):
        for name in SAMPLERS:
            for way in ("annealed", "tempered"):
                mean = _residual(data, kind, name, way).mean(0)
                row: dict[str, Any] = {"target": kind, "sampler": name, "way": way}
                rows.append(row | {f"t = {t}": float(v) for t, v in zip(data["parameters"]["times"], mean, strict=True)})
    return rows


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    times, out = data["parameters"]["times"], []
    for kind in (FERROMAGNET, GLASS):
        curves = []
        for name in SAMPLERS:
            for way in ("annealed", "tempered"):
                found = _residual(data, kind, name, way)
                curves.append(Curve(f"{name}, {way}", times, found.mean(0), standard_error(found)))
        out.append(Panel(kind, "time, sweeps", "residual energy a spin", tuple(curves), True, True))
    return tuple(out)


def present(data: dict[str, Any]) -> Experiment:
    """Tables and pictures of numbers that were measured."""
    return Experiment("chaos_against_noise", conclude(data), _rows(data), data["parameters"], _panels(data), data)


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Correlations of a quantum chain under three samplers, and residual energies after annealing and after tempering, of a critical ferromagnet and of three-dimensional glasses."""
    return present(measure(quick, seed, executor))
