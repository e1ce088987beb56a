"""A billiard without random numbers finds the critical point and the exponents of the two-dimensional Ising model, and its largest Lyapunov exponent marks the transition.

Suzuki, Imura, Horio and Aihara, Scientific Reports 3 (2013) 1610, doi:10.1038/srep01610 (the transition and the largest Lyapunov exponent);
Suzuki, Phys. Rev. E 88 (2013) 052144, arXiv:1308.0660 (critical temperature and exponents by finite-size scaling). Gibbs sampling and herded
Gibbs are run beside the billiard.

Binder's cumulant U = 1 - <m^4> / (3 <m^2>^2) of tori of several sides L is fitted by ``U* + a (T - Tc) L^y + b (T - Tc)^2 L^(2y) + c (T - Tc)^3 L^(3y) + d L^(-7/4)``
(Binder, Z. Phys. B 43 (1981) 119, doi:10.1007/BF01293604; the correction is that of the regular part of the susceptibility), which gives Tc and
y = 1/nu. At this Tc, and at the exact one, <|m|> ~ L^(-beta/nu) and L^2 <m^2> ~ L^(gamma/nu). Exact: Tc = 2 / log(1 + sqrt 2) (Onsager 1944), nu = 1, beta = 1/8, gamma = 7/4.
Errors are by a jackknife over blocks of each run. Runs begin in configurations of Swendsen-Wang sampling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.diagnostics import largest_exponent, lyapunov_spectrum
from weakchaos.diagnostics.recorded import autocorrelation
from weakchaos.experiments.base import Curve, Experiment, Panel
from weakchaos.herding import HerdedGibbs
from weakchaos.samplers import ChaoticBoltzmann, Gibbs, SwendsenWang
from weakchaos.targets.mrf import Ising

__all__ = ["critical_point", "integrated_time", "run", "steepest"]

CRITICAL = 2.0 / math.log(1.0 + math.sqrt(2.0))
EXACT = {"Tc": CRITICAL, "1/nu": 1.0, "beta/nu": 0.125, "gamma/nu": 1.75}
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
    return np.sqrt((count - 1) * values.var(-2))


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
                variance[name] += (count - 1) * float(np.var([f[name] for f in found]))
    return {name: (value[name], math.sqrt(variance[name])) for name in value}


def steepest(temperatures: Any, values: Any, errors: Any, rng: np.random.Generator) -> tuple[float, float]:
    """Where a curve of at least seven points rises most steeply, with its standard error: the top of a parabola through the steepest slope and four around it.

    Examples
    --------
    >>> t = np.linspace(1, 3, 21)
    >>> place, error = steepest(t, np.tanh(3 * (t - 2.1)), np.full(21, 1e-4), np.random.default_rng(0))
    >>> bool(abs(place - 2.1) < 0.02)
    True
    """
    t, values, errors = (np.asarray(v, float) for v in (temperatures, values, errors))
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


def _exponents(plan: _Plan, seed: int) -> dict[int, np.ndarray]:
    """Largest exponents of the billiard, nats per unit time, and their standard errors; shape (temperatures, 2) a side."""
    out = {}
    for side, steps in plan.exponent_steps.items():
        rows = []
        for k, temperature in enumerate(plan.exponent_temperatures):
            target = Ising.lattice((side, side), 1.0 / temperature)
            cluster, system = SwendsenWang().bind(target), ChaoticBoltzmann().bind(target)
            place = np.random.SeedSequence([seed, side, k])
            start = cluster.advance(cluster.start(place), _CLUSTER_STEPS, _CLUSTER_STEPS)[0]
            found = lyapunov_spectrum(system, k=1, steps=steps, transient=100, every=2, state=system.start(place, start))
            rows.append((float(found), float(found.stderr[0])))
        out[side] = np.array(rows)
    return out


def run(quick: bool = False, seed: int = 0) -> Experiment:
    """Magnetisations of three samplers at five temperatures and four sides, and the largest exponents of the billiard from T = 1 to 6.

    Parameters
    ----------
    quick : bool
        Small lattices and short runs: seconds, and no verdict. The full run takes about four minutes of CPU.
    seed : int

    Returns
    -------
    Experiment
    """
    plan = _QUICK if quick else _FULL
    rows: list[dict[str, Any]] = []
    estimates, times, at_side = {}, {}, {}
    for number, (name, sampler) in enumerate(SAMPLERS.items()):
        blocks = np.empty((len(plan.sides), len(plan.temperatures), _BLOCKS, 3))
        memory = np.zeros((len(plan.sides), len(plan.temperatures)))
        for i, side in enumerate(plan.sides):
            every = max(1, side // 16)
            for j, temperature in enumerate(plan.temperatures):
                place = np.random.SeedSequence([seed, number, side, j])
                m = _magnetisations(sampler, side, temperature, plan.steps[name][i], every, place)
                blocks[i, j] = _moments(m)
                memory[i, j] = every * integrated_time(np.abs(m))
        found = estimates[name] = _with_errors(plan, blocks)
        times[name] = memory[:, len(plan.temperatures) // 2]
        at_side[name] = (blocks.mean(2), _errors(blocks)[..., 0])
        for key, (value, error) in found.items():
            exact = EXACT.get(key.removesuffix(" at the exact Tc"))
            off = None if exact is None else (value - exact) / error
            known = error if key != "misfit" else None
            rows.append({"sampler": name, "quantity": key, "value": value, "stderr": known, "exact": exact, "off, in stderr": off})
        rows += [
            {"sampler": name, "quantity": f"memory at L = {side}", "value": float(memory[i, len(plan.temperatures) // 2])}
            for i, side in enumerate(plan.sides)
        ]
    exponents = _exponents(plan, seed)
    return _outcome(plan, rows, estimates, times, at_side, exponents, quick, seed)


def _off(estimate: dict[str, tuple[float, float]]) -> dict[str, float]:
    return {key: (estimate[key][0] - exact) / estimate[key][1] for key, exact in EXACT.items()}


def _sentence(name: str, estimate: dict[str, tuple[float, float]]) -> str:
    numbers = ", ".join(f"{key} = {estimate[key][0]:.4f} +- {estimate[key][1]:.4f}" for key in EXACT)
    worst = max(_off(estimate).items(), key=lambda item: abs(item[1]))
    return f"{name}: {numbers}; the largest deviation from the exact values is that of {worst[0]}, {worst[1]:+.1f} standard errors."


def _outcome(
    plan: _Plan, rows: list, estimates: dict, times: dict, at_side: dict, exponents: dict, quick: bool, seed: int
) -> Experiment:
    rng = np.random.default_rng(seed)
    findings = [_sentence(name, estimate) for name, estimate in estimates.items()]
    side = plan.sides[-1]
    findings.append(
        f"At T = {plan.temperatures[len(plan.temperatures) // 2]} and L = {side} the magnetisation remembers itself for {times[BILLIARD][-1]:.0f} units of billiard time, "
        f"{times[GIBBS][-1]:.0f} sweeps of Gibbs sampling and {times[HERDED][-1]:.0f} of herded Gibbs (integrated autocorrelation time of |m|)."
    )
    t = np.array(plan.exponent_temperatures)
    largest = max(exponents)
    place, error = steepest(t, exponents[largest][:, 0], exponents[largest][:, 1], rng)
    peak = float(t[exponents[largest][:, 0].argmax()])
    zero = [
        f"L = {s} at T = {x:g}" for s, e in exponents.items() for x, (v, se) in zip(t, e, strict=True) if v <= max(3 * se, 0.01)
    ]
    findings.append(
        f"The largest exponent of the billiard is positive{' at all temperatures' if not zero else ' except, within errors or 0.01, for ' + ', '.join(zero)}; for L = {largest} it rises most steeply at T = {place:.3f} +- {error:.3f} (Tc = {CRITICAL:.3f}) and is largest "
        f"near T = {peak:g}, {exponents[largest][:, 0].max():.2f} nats per unit time."
    )
    herded = largest_exponent(HerdedGibbs().bind(Ising.lattice((8, 8), 1.0 / CRITICAL)), steps=200, transient=500, seed=seed)
    findings.append(f"The largest exponent of herded Gibbs at Tc, L = 8, is {float(herded):.1e} nats per sweep: zero.")
    agreed = all(abs(v) <= 3.0 for v in _off(estimates[BILLIARD]).values())
    marked = abs(place - CRITICAL) <= max(3.0 * error, 0.1)
    curves: dict[str, list[Curve]] = {"binder": [], "m": []}
    for k, s in enumerate(plan.sides):
        moments, spread = at_side[BILLIARD]
        curves["binder"].append(Curve(f"L = {s}", plan.temperatures, _binder(moments[k]), spread[k]))
    for name, (moments, _) in at_side.items():
        middle = moments[:, len(plan.temperatures) // 2]
        curves["m"].append(Curve(name, plan.sides, middle[:, 0]))
    start = at_side[GIBBS][0][0, len(plan.temperatures) // 2]
    ratio = np.array(plan.sides) / plan.sides[0]
    curves["m"].append(Curve("L^(-1/8)", plan.sides, start[0] * ratio**-0.125, kind="theory"))
    near = f"T = {plan.temperatures[len(plan.temperatures) // 2]}"
    panels = (
        Panel("Binder's cumulant, billiard", "temperature", "U", tuple(curves["binder"])),
        Panel(f"Magnetisation, {near}", "side L", "<|m|>", tuple(curves["m"]), True, True),
        Panel(
            "Largest exponent of the billiard",
            "temperature",
            "nats per unit time",
            (
                *(Curve(f"L = {s}", t, e[:, 0], e[:, 1]) for s, e in exponents.items()),
                Curve("Tc", [CRITICAL, CRITICAL], [0.0, float(exponents[largest][:, 0].max())], kind="theory"),
            ),
        ),
    )
    return Experiment(
        "ising_criticality",
        str(__doc__).splitlines()[0],
        "Suzuki et al., Sci. Rep. 3 (2013) 1610, doi:10.1038/srep01610; Suzuki, Phys. Rev. E 88 (2013) 052144, arXiv:1308.0660",
        rows,
        tuple(findings),
        None if quick else agreed and marked,
        {"sides": plan.sides, "temperatures": plan.temperatures, "steps": plan.steps, "seed": seed},
        panels,
    )
