"""The two-dimensional Ising model by a billiard without random numbers: critical point, exponents, and the largest Lyapunov exponent.

Suzuki, Imura, Horio and Aihara, Scientific Reports 3 (2013) 1610, doi:10.1038/srep01610 (the transition and the largest Lyapunov exponent);
Suzuki, Phys. Rev. E 88 (2013) 052144, arXiv:1308.0660 (critical temperature and exponents by finite-size scaling). Gibbs sampling and herded
Gibbs are run beside the billiard.

Binder's cumulant U = 1 - <m^4> / (3 <m^2>^2) of tori of several sides L is fitted by ``U* + a (T - Tc) L^y + b (T - Tc)^2 L^(2y) + c (T - Tc)^3 L^(3y) + d L^(-7/4)``
(Binder, Z. Phys. B 43 (1981) 119, doi:10.1007/BF01293604; the correction is that of the regular part of the susceptibility), which gives Tc and
y = 1/nu. At this Tc, and at the exact one, <|m|> ~ L^(-beta/nu) and L^2 <m^2> ~ L^(gamma/nu). Exact: Tc = 2 / log(1 + sqrt 2) (Onsager 1944), nu = 1, beta = 1/8, gamma = 7/4.
The claim requires that exponents are nearer to the exact values than to those of two-dimensional percolation, the nearest other universality class
(1/nu = 3/4, beta/nu = 5/48, gamma/nu = 43/24), that Tc is right to one per cent, and that the steepest rise lies within the width Tc / L of the
transition on the largest lattice. Errors are by a jackknife over blocks of each run. Runs begin in configurations of Swendsen-Wang sampling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.scatter import jackknife_error
from weakchaos.diagnostics import largest_exponent, lyapunov_spectrum
from weakchaos.diagnostics.recorded import autocorrelation
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.herding import HerdedGibbs
from weakchaos.samplers import ChaoticBoltzmann, Gibbs, SwendsenWang
from weakchaos.targets.mrf import Ising

__all__ = ["conclude", "critical_point", "integrated_time", "measure", "run", "steepest"]

CLAIM = (
    "A billiard without random numbers finds the critical point and the exponents of the two-dimensional Ising model, "
    "and its largest Lyapunov exponent rises most steeply there."
)
SOURCE = "Suzuki et al., Sci. Rep. 3 (2013) 1610, doi:10.1038/srep01610; Suzuki, Phys. Rev. E 88 (2013) 052144, arXiv:1308.0660"
CRITICAL = 2.0 / math.log(1.0 + math.sqrt(2.0))
EXACT = {"Tc": CRITICAL, "1/nu": 1.0, "beta/nu": 0.125, "gamma/nu": 1.75}
_TOLERANCE = {"Tc": 0.01 * CRITICAL, "1/nu": 0.125, "beta/nu": 1 / 96, "gamma/nu": 1 / 48}
_SIDE = 32  # of the largest lattice from which a claim about the infinite one may be judged
BILLIARD, HERDED, GIBBS = "chaotic Boltzmann machine", "herded Gibbs", "Gibbs"
SAMPLERS: dict[str, Any] = {GIBBS: Gibbs(), HERDED: HerdedGibbs(), BILLIARD: ChaoticBoltzmann()}
_BLOCKS = 20
_CORRECTION = -1.75
_CLUSTER_STEPS = 60
_CHUNK = 1 << 21


@dataclass(frozen=True)
class _Plan:
    """Sides, temperatures, steps of each sampler at each side, and the same for exponents."""

    sides: tuple[int, ...]
    temperatures: tuple[float, ...]
    steps: dict[str, tuple[int, ...]]
    exponent_steps: dict[int, int]
    exponent_temperatures: tuple[float, ...]


_FULL = _Plan(
    sides=(8, 12, 16, 24, 32),
    temperatures=(2.23, 2.25, 2.27, 2.29, 2.31),
    steps={
        GIBBS: (1_000_000, 600_000, 400_000, 400_000, 400_000),
        HERDED: (400_000, 200_000, 150_000, 120_000, 120_000),
        BILLIARD: (60_000, 40_000, 30_000, 25_000, 30_000),
    },
    exponent_steps={8: 8_000, 16: 4_000, 32: 1_500},
    exponent_temperatures=(1.0, 1.4, 1.7, 1.9, 2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.8, 3.2, 4.0, 6.0),
)
_QUICK = _Plan(
    sides=(8, 12, 16),
    temperatures=(2.19, 2.27, 2.35),
    steps={GIBBS: (40_000, 20_000, 15_000), HERDED: (20_000, 10_000, 5_000), BILLIARD: (5_000, 2_500, 1_500)},
    exponent_steps={8: 400},
    exponent_temperatures=(1.4, 1.7, 2.0, 2.2, 2.4, 2.7, 3.2, 4.0),
)


def _magnetisations(sampler: Any, side: int, temperature: float, steps: int, every: int, seed: Any) -> np.ndarray:
    """The magnetisation per spin after each `every`-th step of an equilibrated run."""
    target = Ising.lattice((side, side), 1.0 / temperature)
    cluster = SwendsenWang().bind(target)
    start = cluster.advance(cluster.start(seed), _CLUSTER_STEPS, _CLUSTER_STEPS)[0]
    system = sampler.bind(target)
    state = system.start(seed, start)
    system.advance(state, steps // 20 // every * every, every)
    values, left = [], steps // every
    while left:
        rows = min(left, max(1, _CHUNK // target.dim))
        values.append(system.advance(state, rows * every, every).mean(1))
        left -= rows
    return np.concatenate(values)


def integrated_time(x: np.ndarray) -> float:
    """Integrated autocorrelation time in steps of `x`: 1/2 + the sum of correlations up to the first lag beyond six such times.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=20_000)
    >>> bool(abs(integrated_time(noise) - 0.5) < 0.1)
    True
    """
    sums = 0.5 + np.cumsum(autocorrelation(x, min(len(x) // 4, 4000))[1:])
    window = int(np.argmax(np.arange(1, sums.size + 1) >= 6.0 * sums))
    return float(sums[window])


def _moments(m: np.ndarray) -> np.ndarray:
    """<|m|>, <m^2>, <m^4> of each block; shape (blocks, 3)."""
    powers = np.stack([np.abs(m), m**2, m**4], 1)
    return np.array([part.mean(0) for part in np.array_split(powers, _BLOCKS)])


def _binder(moments: np.ndarray) -> np.ndarray:
    return 1.0 - moments[..., 2] / (3.0 * moments[..., 1] ** 2)


def _errors(blocks: np.ndarray) -> np.ndarray:
    """Jackknife errors of Binder's cumulant, log <|m|> and log <m^2>, of blocks of shape (..., blocks, 3)."""
    count = blocks.shape[-2]
    left_out = (blocks.sum(-2, keepdims=True) - blocks) / (count - 1)
    values = np.stack([_binder(left_out), np.log(left_out[..., 0]), np.log(left_out[..., 1])], -1)
    return jackknife_error(np.moveaxis(values, -2, 0))


def critical_point(sides: Any, temperatures: Any, moments: np.ndarray, errors: np.ndarray) -> dict[str, float]:
    """Critical temperature and exponents from moments <|m|>, <m^2>, <m^4> of shape (sides, temperatures, 3) by finite-size scaling.

    Parameters
    ----------
    sides, temperatures : sequences of float
    moments : array of shape (sides, temperatures, 3)
    errors : array of shape (sides, temperatures, 3)
        Standard errors of Binder's cumulant, log <|m|> and log <m^2>, by which fits are weighted.

    Returns
    -------
    dict
        ``Tc``, ``1/nu``, ``U*``, ``beta/nu`` and ``gamma/nu`` (at this Tc and at the exact one), and ``misfit``, chi-square over degrees of freedom.
    """
    from scipy.optimize import least_squares

    side, t = np.asarray(sides, float)[:, None], np.asarray(temperatures, float)[None, :]
    cumulants, weight = _binder(moments), 1.0 / errors[..., 0]
    sizes = np.sqrt((errors[..., 1:] ** 2).mean(1))  # of the logarithms at each side
    with_correction = len(sides) > 3

    def linear(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Given Tc and y the model is linear in all else."""
        u = (t - parameters[0]) * (side / side.min()) ** parameters[1]
        columns = [np.ones_like(u), u, u**2]
        if with_correction:
            columns += [u**3, side**_CORRECTION + 0 * u]
        design = np.stack([(c * weight).ravel() for c in columns], 1)
        coefficients = np.linalg.lstsq(design, (cumulants * weight).ravel(), rcond=None)[0]
        return coefficients, design @ coefficients - (cumulants * weight).ravel()

    fit = least_squares(lambda p: linear(p)[1], [float(np.mean(t)), 1.0], x_scale=[0.01, 0.1])
    tc, y = fit.x
    logs = np.log(side[:, 0])

    def exponents(temperature: float) -> tuple[float, float]:
        """beta/nu and gamma/nu from moments interpolated at one temperature."""
        there = np.array([[np.polyval(np.polyfit(t[0] - temperature, row[:, k], 2), 0.0) for k in (0, 1)] for row in moments])
        magnetic, susceptible = (np.polyfit(logs, np.log(there[:, k]), 1, w=1.0 / sizes[:, k])[0] for k in (0, 1))
        return float(-magnetic), float(susceptible + 2.0)

    here, known = exponents(float(tc)), exponents(CRITICAL)
    return {
        "Tc": float(tc),
        "1/nu": float(y),
        "U*": float(linear(fit.x)[0][0]),
        "misfit": float(2 * fit.cost) / max(cumulants.size - 5 - 2 * with_correction, 1),
        "beta/nu": here[0],
        "gamma/nu": here[1],
        "beta/nu at the exact Tc": known[0],
        "gamma/nu at the exact Tc": known[1],
    }


def _with_errors(plan: _Plan, blocks: np.ndarray) -> dict[str, tuple[float, float]]:
    """Estimates and their standard errors: a jackknife over the blocks of each run, whose variances add up."""
    means = blocks.mean(2)
    count = blocks.shape[2]
    left_out = (means[:, :, None] * count - blocks) / (count - 1)
    spread = _errors(blocks)
    value = critical_point(plan.sides, plan.temperatures, means, spread)
    variance = dict.fromkeys(value, 0.0)
    for i in range(len(plan.sides)):
        for j in range(len(plan.temperatures)):
            found = []
            for k in range(count):
                other = means.copy()
                other[i, j] = left_out[i, j, k]
                found.append(critical_point(plan.sides, plan.temperatures, other, spread))
            for name in variance:
                variance[name] += float(jackknife_error([f[name] for f in found])) ** 2
    return {name: (value[name], math.sqrt(variance[name])) for name in value}


def steepest(temperatures: Any, values: Any, errors: Any, rng: np.random.Generator) -> tuple[float, float]:
    """The place at which a curve of at least seven points rises most steeply, and its standard error: the top of a parabola through five slopes.

    Examples
    --------
    >>> t = np.linspace(1, 3, 21)
    >>> place, error = steepest(t, np.tanh(3 * (t - 2.1)), np.full(21, 1e-4), np.random.default_rng(0))
    >>> bool(abs(place - 2.1) < 0.02)
    True
    """
    t, values, errors = (np.asarray(v, float) for v in (temperatures, values, errors))
    if not (np.isfinite(values) & np.isfinite(errors)).all():
        return math.nan, math.nan
    middle = (t[1:] + t[:-1]) / 2

    def top(y: np.ndarray) -> float:
        slope = np.diff(y) / np.diff(t)
        peak = int(np.clip(np.argmax(slope), 2, slope.size - 3))
        near = slice(peak - 2, peak + 3)
        a, b, _ = np.polyfit(middle[near] - middle[peak], slope[near], 2)
        if a >= 0:  # noise has bent it the other way
            return float(middle[np.argmax(slope)])
        return float(np.clip(middle[peak] - b / (2 * a), middle[near][0], middle[near][-1]))

    again = [top(values + errors * rng.standard_normal(values.size)) for _ in range(200)]
    return top(values), float(np.std(again))


def _run(name: str, side: int, temperature: float, steps: int, seed: list[int]) -> tuple[np.ndarray, float]:
    """Moments of the blocks of one run, and the integrated autocorrelation time of |m| in steps."""
    every = max(1, side // 16)
    m = _magnetisations(SAMPLERS[name], side, temperature, steps, every, np.random.SeedSequence(seed))
    return _moments(m), every * integrated_time(np.abs(m))


def _exponent(side: int, temperature: float, steps: int, seed: list[int]) -> tuple[float, float]:
    """Largest exponent of the billiard, nats per unit time, and its standard error."""
    target, place = Ising.lattice((side, side), 1.0 / temperature), np.random.SeedSequence(seed)
    cluster, system = SwendsenWang().bind(target), ChaoticBoltzmann().bind(target)
    start = cluster.advance(cluster.start(place), _CLUSTER_STEPS, _CLUSTER_STEPS)[0]
    found = lyapunov_spectrum(system, k=1, steps=steps, transient=100, every=2, state=system.start(place, start))
    return float(found), float(found.stderr[0])


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Magnetisations of three samplers at several temperatures and sides, and the largest exponents of the billiard from T = 1 to 6.

    Parameters
    ----------
    quick : bool
        Small lattices and short runs: seconds. The full run takes about four minutes of CPU.
    seed : int
    executor : concurrent.futures.Executor, optional

    Returns
    -------
    dict
        ``parameters``; ``samplers``, by name: ``estimates`` with their standard errors, ``memory`` by side, ``moments`` and ``binder_error``
        by side and temperature; ``exponents``, by side; ``steepest``, where those of the largest side rise most; ``herded_exponent``.
    """
    plan = _QUICK if quick else _FULL
    temperatures, middle = list(plan.temperatures), len(plan.temperatures) // 2
    cells = [
        (name, side, t, plan.steps[name][i], [seed, number, side, j])
        for number, name in enumerate(SAMPLERS)
        for i, side in enumerate(plan.sides)
        for j, t in enumerate(temperatures)
    ]
    shape = (len(plan.sides), len(temperatures))
    found = run_cells(_run, cells, executor)
    samplers = {}
    for number, name in enumerate(SAMPLERS):
        own = found[number * shape[0] * shape[1] :][: shape[0] * shape[1]]
        blocks = np.array([b for b, _ in own]).reshape(*shape, _BLOCKS, 3)
        samplers[name] = {
            "estimates": {k: list(v) for k, v in _with_errors(plan, blocks).items()},
            "memory": np.array([m for _, m in own]).reshape(shape)[:, middle].tolist(),
            "moments": blocks.mean(2).tolist(),
            "binder_error": _errors(blocks)[..., 0].tolist(),
        }
    at, exponents = np.array(plan.exponent_temperatures), []
    for side, steps in plan.exponent_steps.items():
        pairs = np.array(run_cells(_exponent, [(side, t, steps, [seed, side, k]) for k, t in enumerate(at.tolist())], executor))
        exponents.append({"side": side, "value": pairs[:, 0].tolist(), "stderr": pairs[:, 1].tolist()})
    last = exponents[-1]
    herded = HerdedGibbs().bind(Ising.lattice((8, 8), 1.0 / CRITICAL))
    return {
        "parameters": {"sides": list(plan.sides), "temperatures": temperatures, "exponent_temperatures": at.tolist(),
                       "steps": {k: list(v) for k, v in plan.steps.items()}, "seed": seed, "quick": quick},
        "samplers": samplers,
        "exponents": exponents,
        "steepest": list(steepest(at, last["value"], last["stderr"], np.random.default_rng(seed))),
        "herded_exponent": float(largest_exponent(herded, steps=200, transient=500, seed=seed)),
    }  # fmt: skip


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    sides, last = data["parameters"]["sides"], data["exponents"][-1]

    def estimate(pair: list[float]) -> Estimate:
        value, error = (math.nan if v is None else v for v in pair)
        return Estimate(value, error, _BLOCKS - 1.0, _BLOCKS, "blocks of each run")

    lacks, parts, told = lacking("spins a side", max(sides), _SIDE), [], []
    for name, found in data["samplers"].items():
        for key, exact in EXACT.items():
            if name == BILLIARD:
                bounds = {"least": exact - _TOLERANCE[key], "most": exact + _TOLERANCE[key]}
                parts.append(Part(f"{key}, {name}", estimate(found["estimates"][key]), lacks=lacks, **bounds))
            else:
                told.append(Part(f"{key}, {name}", estimate(found["estimates"][key])))
            if key in ("beta/nu", "gamma/nu"):
                told.append(Part(f"{key} at the exact Tc, {name}", estimate(found["estimates"][f"{key} at the exact Tc"])))
        unit = "units of time" if name == BILLIARD else "sweeps"
        told.append(
            Part(f"autocorrelation time of |m| at L = {sides[-1]}, {name}, {unit}", Estimate(found["memory"][-1], math.nan, 0.0))
        )
    width = CRITICAL / last["side"]
    # What was not measured is NaN, and null where it comes back from a file.
    where, error, herded = (math.nan if v is None else v for v in (*data["steepest"], data["herded_exponent"]))
    place = Estimate(where, error, math.inf)
    parts.append(Part(f"temperature at which the largest exponent rises most steeply, L = {last['side']}", place, least=CRITICAL - width,
                      most=CRITICAL + width, lacks=lacking("spins a side for exponents", last["side"], _SIDE)))  # fmt: skip
    value, spread = (np.array([e[key] for e in data["exponents"]], float) for key in ("value", "stderr"))
    told.append(Part("pairs of a side and a temperature at which the exponent of the billiard is zero within three standard errors or 0.01",
                     Estimate.counted(int((value <= np.maximum(3 * spread, 0.01)).sum()), value.size, "pairs")))  # fmt: skip
    told.append(Part("largest exponent of herded Gibbs at Tc, L = 8, nats a sweep", Estimate(herded, math.nan, 0.0)))
    return Conclusion(CLAIM, SOURCE, (*parts, *told))


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, found in data["samplers"].items():
        for key, (value, error) in found["estimates"].items():
            exact = EXACT.get(key.removesuffix(" at the exact Tc"))
            off = None if exact is None else (value - exact) / error
            known = error if key != "misfit" else None
            rows.append({"sampler": name, "quantity": key, "value": value, "stderr": known, "exact": exact, "off, in stderr": off})
        for side, memory in zip(data["parameters"]["sides"], found["memory"], strict=True):
            rows.append({"sampler": name, "quantity": f"memory at L = {side}", "value": memory})
    return rows


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    sides, temperatures, t = (data["parameters"][k] for k in ("sides", "temperatures", "exponent_temperatures"))
    middle = len(temperatures) // 2
    moments = {name: np.array(found["moments"], float) for name, found in data["samplers"].items()}
    errors = data["samplers"][BILLIARD]["binder_error"]
    binder = [Curve(f"L = {s}", temperatures, _binder(moments[BILLIARD][k]), errors[k]) for k, s in enumerate(sides)]
    m = [Curve(name, sides, found[:, middle, 0]) for name, found in moments.items()]
    ratio = np.array(sides) / sides[0]
    m.append(Curve("L^(-1/8)", sides, moments[GIBBS][0, middle, 0] * ratio**-0.125, kind="theory"))
    exponents = [Curve(f"L = {e['side']}", t, e["value"], e["stderr"]) for e in data["exponents"]]
    exponents.append(Curve("Tc", [CRITICAL, CRITICAL], [0.0, max(data["exponents"][-1]["value"])], kind="theory"))
    return (
        Panel("Binder's cumulant, billiard", "temperature", "U", tuple(binder)),
        Panel(f"Magnetisation, T = {temperatures[middle]}", "side L", "<|m|>", tuple(m), True, True),
        Panel("Largest exponent of the billiard", "temperature", "nats per unit time", tuple(exponents)),
    )


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Magnetisations of three samplers at five temperatures and sides, and exponents from T = 1 to 6; a quick run takes small lattices."""
    data = measure(quick, seed, executor)
    return Experiment("ising_criticality", conclude(data), _rows(data), data["parameters"], _panels(data), data)
