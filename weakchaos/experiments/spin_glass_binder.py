"""The spin glass transition in three dimensions: Binder's cumulants of the overlap cross at one temperature.

Cubic lattices of couplings +1 and -1, each by a coin, have a transition to a spin glass at Tc = 1.102(3) (Baity-Jesi et al., Phys. Rev. B 88 (2013) 224416, arXiv:1310.2910); earlier work on the sizes that are
taken here: Katzgraber, Koerner and Young, Phys. Rev. B 73 (2006) 224432, arXiv:cond-mat/0602212, Tc = 1.120(4). With q the overlap of two copies of the same couplings, and brackets over time and couplings,

    g(L, T) = (3 - [<q^4>] / [<q^2>]^2) / 2

does not depend on the side L at Tc, grows with L below it and falls with L above. The claim asks that g of L = 8 is above that of L = 4 at the lowest temperature and below it at the highest, and that the curves of
successive sides cross near Tc: within 0.2, as corrections to scaling move the crossings of lattices as small as these. Replicas at all temperatures are exchanged (`samplers.ParallelTempering`), and Houdayer moves exchange
clusters between the copies. The error is that of a bootstrap over couplings, of which every side has as many as the table says.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.samplers import Gibbs, ParallelTempering
from weakchaos.targets.mrf import Ising

__all__ = ["binder", "conclude", "crossing", "measure", "present", "run"]

CLAIM = "In the three-dimensional Edwards-Anderson model of couplings +1 and -1 Binder's cumulants of the overlap cross at Tc = 1.10: there is a spin glass at low temperatures."
SOURCE = "Baity-Jesi et al., Phys. Rev. B 88 (2013) 224416, arXiv:1310.2910; Katzgraber et al., Phys. Rev. B 73 (2006) 224432, arXiv:cond-mat/0602212"
CRITICAL, _NEAR = 1.102, 0.2
_LEAST_SAMPLES, _BOOTSTRAPS = 40, 400


def binder(second: np.ndarray, fourth: np.ndarray) -> np.ndarray:
    """``(3 - [<q^4>] / [<q^2>]^2) / 2`` of moments of shape (samples, temperatures)."""
    return 0.5 * (3.0 - fourth.mean(0) / second.mean(0) ** 2)


def crossing(temperatures: np.ndarray, small: np.ndarray, large: np.ndarray) -> float:
    """The temperature at which a straight line through ``large - small`` changes its sign; NaN where it does not go from above to below.

    Examples
    --------
    >>> crossing(np.array([1.0, 1.2]), np.array([0.5, 0.5]), np.array([0.6, 0.4])).round(6)
    np.float64(1.1)
    """
    slope, height = np.polyfit(temperatures, large - small, 1)
    return -height / slope if slope < 0 else np.float64(np.nan)


def _cell(side: int, sample: int, seed: int, sweeps: int, temperatures: tuple[float, ...]) -> dict[str, Any]:
    """Moments of the overlap of one set of couplings at all temperatures, in each half of the run."""
    cold = temperatures[0]
    glass = Ising.glass((side,) * 3, 1.0 / cold, seed=1_000_000 * seed + 1000 * side + sample)
    betas = tuple(cold / t for t in reversed(temperatures))
    system = ParallelTempering(Gibbs("checkerboard"), betas=betas, copies=2, clusters=True).bind(glass)
    state = system.start([seed, side, sample])
    none, no_sums = np.empty((0, glass.dim), system.dtype), np.empty(0)
    system.run(state, sweeps // 2, sweeps, none, np.empty((0, len(system.stats_names))), no_sums)
    stats = np.empty((sweeps, len(system.stats_names)))
    draws = np.empty((sweeps, glass.dim), system.dtype)
    system.run(state, sweeps, 1, draws, stats, no_sums)
    at = system.stats_names.index("overlap_0")
    q = stats[:, at : at + len(betas)][:, ::-1]
    halves = [(h**2).mean(0).tolist() for h in np.array_split(q, 2)]
    trips = float(stats[:, system.stats_names.index("round_trips")].sum())
    return {"second": (q**2).mean(0).tolist(), "fourth": (q**4).mean(0).tolist(), "halves": halves, "trips": trips}


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Sides 4, 6 and 8 at nine temperatures; a quick run takes 3 and 4 with few couplings."""
    temperatures = tuple(np.linspace(1.0, 2.0, 5 if quick else 9).round(4).tolist())
    plan = {3: (4, 60), 4: (4, 60)} if quick else {4: (100, 1200), 6: (64, 2400), 8: (40, 4000)}
    cells = [(side, k, seed, sweeps, temperatures) for side, (samples, sweeps) in plan.items() for k in range(samples)]
    found = run_cells(_cell, cells, executor)
    sides: dict[str, Any] = {}
    for cell, result in zip(cells, found, strict=True):
        own = sides.setdefault(str(cell[0]), {"second": [], "fourth": [], "halves": [], "trips": []})
        for key in own:
            own[key].append(result[key])
    return {
        "parameters": {
            "temperatures": temperatures,
            "sweeps": {str(s): p[1] for s, p in plan.items()},
            "seed": seed,
            "quick": quick,
        },
        "sides": sides,
    }


def _moments(data: dict[str, Any], side: int) -> tuple[np.ndarray, np.ndarray]:
    found = data["sides"][str(side)]
    return np.array(found["second"], float), np.array(found["fourth"], float)


def _estimates(data: dict[str, Any]) -> dict[int, Any]:
    """Cumulants of every side with bootstrap copies, (1 + bootstraps, temperatures): the first row is of all couplings."""
    rng = np.random.default_rng(0)
    out = {}
    for side in sorted(map(int, data["sides"])):
        second, fourth = _moments(data, side)
        rows = [binder(second, fourth)]
        for _ in range(_BOOTSTRAPS):
            pick = rng.integers(0, len(second), len(second))
            rows.append(binder(second[pick], fourth[pick]))
        out[side] = np.array(rows)
    return out


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict from the measured moments alone."""
    cumulants, t = _estimates(data), np.array(data["parameters"]["temperatures"], float)
    sides = sorted(cumulants)
    samples = min(len(data["sides"][str(s)]["second"]) for s in sides)
    lacks = lacking("sets of couplings a side", samples, _LEAST_SAMPLES) or lacking("spins a side", sides[-1], 8)
    parts = []
    small, large = cumulants[sides[0]], cumulants[sides[-1]]
    for place, where, bound in ((0, "lowest", {"above": 0.0}), (-1, "highest", {"below": 0.0})):
        gap = large[:, place] - small[:, place]
        name = f"g of L = {sides[-1]} less that of L = {sides[0]} at the {where} temperature, T = {t[place]:g}"
        parts.append(
            Part(
                name,
                Estimate(float(gap[0]), float(gap[1:].std(ddof=1)), math.inf, samples, "sets of couplings"),
                lacks=lacks,
                **bound,
            )
        )
    near = np.abs(t - CRITICAL) < 0.5
    for a, b in itertools.pairwise(sides):
        places = np.array([crossing(t[near], x[near], y[near]) for x, y in zip(cumulants[a], cumulants[b], strict=True)])
        kept = places[1:][np.isfinite(places[1:])]
        low, high = np.quantile(kept, (0.16, 0.84)) if len(kept) > _BOOTSTRAPS // 2 else (math.nan, math.nan)
        estimate = Estimate(float(places[0]), float(high - low) / 2, math.inf, samples, "sets of couplings")
        parts.append(
            Part(
                f"temperature at which g of L = {a} and {b} cross",
                estimate,
                least=CRITICAL - _NEAR,
                most=CRITICAL + _NEAR,
                lacks=lacks,
            )
        )
    told = []
    for side in sides:
        found = data["sides"][str(side)]
        halves = np.array(found["halves"], float)[:, :, 0]
        told.append(
            Part(
                f"<q^2> of the second half of a run over that of the first at the lowest temperature, L = {side}",
                Estimate.ratio([float(halves[:, 1].mean() / halves[:, 0].mean())], ""),
            )
        )
        told.append(Part(f"round trips of a set of couplings, L = {side}", Estimate.mean(found["trips"], "sets of couplings")))
    return Conclusion(CLAIM, SOURCE, (*parts, *told))


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    cumulants = _estimates(data)
    rows = []
    for k, t in enumerate(data["parameters"]["temperatures"]):
        row: dict[str, Any] = {"T": t}
        for side, found in cumulants.items():
            row |= {f"g, L = {side}": float(found[0, k]), f"stderr, L = {side}": float(found[1:, k].std(ddof=1))}
        rows.append(row)
    return rows


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    cumulants, t = _estimates(data), data["parameters"]["temperatures"]
    curves = [Curve(f"L = {side}", t, found[0], found[1:].std(0, ddof=1)) for side, found in cumulants.items()]
    top = max(float(found[0].max()) for found in cumulants.values())
    curves.append(Curve("Tc = 1.102", [CRITICAL, CRITICAL], [0.0, top], kind="theory"))
    return (Panel("Binder's cumulant of the overlap", "temperature", "g", tuple(curves)),)


def present(data: dict[str, Any]) -> Experiment:
    """Tables and pictures of numbers that were measured."""
    return Experiment("spin_glass_binder", conclude(data), _rows(data), data["parameters"], _panels(data), data)


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Overlaps of two copies of cubic +-J glasses at all temperatures, by parallel tempering with Houdayer moves."""
    return present(measure(quick, seed, executor))
