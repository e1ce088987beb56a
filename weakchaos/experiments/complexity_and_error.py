"""Which measure of complexity predicts how fast a sampler learns: rank correlations with the slope of its error, over pairs of samplers and streams.

Welling and Chen, J. Phys. Conf. Ser. 233 (2010) 012005, doi:10.1088/1742-6596/233/1/012005: sequences of herding have little entropy, and averages over them
converge fast. Here more than forty pairs of a sampler and a stream run on a Boltzmann machine of six units and on two normal variables of correlation 0.5. For each
pair the slope of log error against log draws is held against five measures of its output, each a mean over the coordinates, which are coded by their side of
the median where they are real: *entropy rate* and *Lempel-Ziv complexity* (LZ76) in nats per draw, *word growth* ``ln p(12) / 12`` with the number p of
different words of twelve draws, the *largest exponent* of the sampler under its stream, and the *autocorrelation*, summed over the lags 1 to 20.

A pair whose stream is too poor for the sampler converges to wrong numbers, and its slope is near 0. So the correlations are given for
all pairs, and for those whose stream suits the sampler, which is known beforehand and not from the slope.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.stats import rankdata

from weakchaos.diagnostics import convergence_rate, entropy_rate, largest_exponent, lempel_ziv, word_complexity
from weakchaos.drivers import CUD, RestartedRotation
from weakchaos.drivers.mismatch import stream_mismatch
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.experiments.herded_gibbs_rate import boltzmann_machine
from weakchaos.herding import EntropicHerding, HerdedGibbs
from weakchaos.samplers import (
    HMC,
    MCLMC,
    NUTS,
    ChaoticBoltzmann,
    DeterministicGibbs,
    GaussianGibbs,
    Gibbs,
    RandomWalkMetropolis,
    Slice,
)
from weakchaos.targets.zoo import correlated_gaussian

__all__ = ["conclude", "measure", "pairs", "present", "rank_correlation", "run"]

CLAIM = (
    "The less complex the output of a sampler, the faster its error falls: entropy rate, Lempel-Ziv complexity, word growth, largest exponent and "
    "autocorrelation each rank pairs of samplers and streams as their slopes do."
)
SOURCE = "Welling and Chen, J. Phys. Conf. Ser. 233 (2010) 012005, doi:10.1088/1742-6596/233/1/012005"
MEASURES = ("entropy rate", "Lempel-Ziv complexity", "word growth", "largest exponent", "autocorrelation")
_LEAST_PAIRS, _WORD, _LAGS, _CODED = 40, 12, 20, 2**14 - 1

_STREAMS: tuple[Any, ...] = (
    "pcg64", "philox", "mt19937", "sfc64", "minstd", "randu", "toy-lcg", "r250", "kiss", "cat", "logistic", "hyperbolic-torus", "parabolic-torus",
    "elliptic-torus", "exchange", "golden", "cud",
)  # fmt: skip
_RESTARTS = (0.01, 0.1, 0.5)


def pairs() -> dict[str, tuple[str, Any, Any]]:
    """Target, sampler and stream of each pair, by name; the stream ``"cud"`` is the shift register whose period is the length of the run."""
    out: dict[str, tuple[str, Any, Any]] = {}
    uniforms = {"machine": 6, "normal": 2}
    for target, name, sampler in (("machine", "Gibbs", Gibbs()), ("normal", "normal Gibbs", GaussianGibbs())):
        streams = (*_STREAMS, f"rotation-{uniforms[target]}", f"sobol-{uniforms[target]}")
        out |= {f"{name}, {stream}": (target, sampler, stream) for stream in streams}
        out |= {f"{name}, restarted {r:g}": (target, sampler, RestartedRotation(r, uniforms[target])) for r in _RESTARTS}
    out["Gibbs, random scan, pcg64"] = "machine", Gibbs("random"), "pcg64"
    for kind, herded in (
        ("blanket", HerdedGibbs()),
        ("full and shared", HerdedGibbs("full", coarse="shared")),
        ("shared", HerdedGibbs("shared")),
    ):
        out[f"herded Gibbs, {kind}"] = "machine", herded, None
    for rates in ("equal", "incommensurate"):
        out[f"billiard, {rates} rates"] = "machine", ChaoticBoltzmann(rates=rates, averages="draws"), None
    for weight in (0.0, 0.01, 0.1):
        out[f"entropic herding, {weight:g}"] = "machine", EntropicHerding(weight, None, readout="mean"), None
    out["Gibbs flow"] = "machine", DeterministicGibbs(), None
    for stream in ("pcg64", "cat", "rotation-3", "cud"):
        out[f"HMC, {stream}"] = "normal", HMC(0.6, 4), stream
        out[f"Metropolis, {stream}"] = "normal", RandomWalkMetropolis(), stream
    for length in (1.0, 8.0, math.inf):
        out[f"MCLMC, length {length:g}"] = "normal", MCLMC(0.6, length), "pcg64"
    out["NUTS, pcg64"] = "normal", NUTS(0.6), "pcg64"
    out["slice, pcg64"] = "normal", Slice(2.0), "pcg64"
    return out


def _target(kind: str, seed: int) -> tuple[Any, np.ndarray]:
    if kind == "normal":
        return correlated_gaussian(0.5), np.array([0.0, 0.0, 1.0, 1.0])
    machine = boltzmann_machine(6, 700 + seed)
    return machine, np.array([p[1] for p in machine.marginals()])


def _measures(system: Any, draws: np.ndarray, seed: int) -> dict[str, float]:
    """The five measures of the output of one run."""
    draws = np.asarray(draws, float)
    coded = (draws > np.median(draws, axis=0)).astype(np.int8) if len(np.unique(draws)) > 2 else draws.astype(np.int8)
    centred = draws - draws.mean(0)
    variance = np.maximum((centred**2).mean(0), 1e-300)
    lagged = [(centred[k:] * centred[:-k]).mean(0) / variance for k in range(1, _LAGS + 1)]
    own = largest_exponent(system, steps=300, transient=100, seed=seed)
    values: tuple[Any, ...] = (
        np.mean([float(entropy_rate(column)) for column in coded.T]),
        np.mean([lempel_ziv(column).rate for column in coded.T]),
        np.mean([math.log(word_complexity(column, _WORD)) / _WORD for column in coded.T]),
        float(own),
        float(np.sum(lagged, axis=0).mean()),
    )
    return {name: float(value) for name, value in zip(MEASURES, values, strict=True)}


def _cell(name: str, degrees: list[int], repeats: int, seed: int) -> dict[str, Any]:
    """Errors of all repeats at 2**m - 1 draws, and the measures of the first."""
    kind, sampler, stream = pairs()[name]
    target, truth = _target(kind, seed)
    counts = [2**m - 1 for m in degrees]
    errors, measures = [], {}
    for repeat in range(repeats):
        sequence = np.random.SeedSequence([seed, repeat])
        row = []
        # A register is read in full at every length, each of which has its own; all other streams go on.
        for m, n in zip(degrees, counts, strict=True) if stream == "cud" else [(degrees[-1], counts[-1])]:
            system = sampler.bind(target, driver=CUD(m) if stream == "cud" else "pcg64" if stream is None else stream)
            draws = system.advance(system.start(sequence), n)
            # For the normal variables second moments count too: under a rotation means alone look better than anything.
            means = np.cumsum(draws if kind == "machine" else np.hstack([draws, draws**2]), 0, dtype=float)
            row += [float(np.abs(means[k - 1] / k - truth).max()) for k in ([n] if stream == "cud" else counts)]
        errors.append(row)
        if repeat == 0:
            measures = _measures(system, draws[:_CODED], seed)
    mismatch = stream_mismatch(system.driver, system.uniforms_per_step, system.memory)
    return {"pair": name, "target": kind, "suits": mismatch is None, "errors": errors, **measures}


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Errors of every pair at five or seven numbers of draws, and five measures of its output."""
    degrees, repeats = (list(range(10, 15)) if quick else list(range(10, 17))), (4 if quick else 16)
    jobs = [(name, degrees, repeats, seed) for name in pairs()]
    return {
        "parameters": {"degrees": degrees, "repeats": repeats, "seed": seed, "quick": quick},
        "cells": run_cells(_cell, jobs, executor),
    }


def rank_correlation(x: Any, y: Any) -> Estimate:
    """Spearman's rank correlation of pairs whose values are both finite, with the standard error of Bonett and Wright.

    The variance of its Fisher transform is ``(1 + r**2 / 2) / (n - 3)``, Psychometrika 65 (2000) 23, doi:10.1007/BF02294183; the standard error is that of
    the transform times ``1 - r**2``.

    Examples
    --------
    >>> round(rank_correlation([1, 2, 3, 4, 5], [1, 4, 9, 16, 25]).value, 6)
    1.0
    """
    a, b = np.asarray(x, float), np.asarray(y, float)
    used = np.isfinite(a) & np.isfinite(b)
    n = int(used.sum())
    if n < 5 or np.ptp(a[used]) == 0 or np.ptp(b[used]) == 0:
        return Estimate(math.nan, math.nan, 0.0, n, "pairs")
    r = float(np.corrcoef(rankdata(a[used]), rankdata(b[used]))[0, 1])
    r = min(max(r, -1.0), 1.0)
    return Estimate(r, (1.0 - r * r) * math.sqrt((1.0 + r * r / 2.0) / (n - 3)), math.inf, n, "pairs")


def _slopes(data: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    counts = [2**m - 1 for m in data["parameters"]["degrees"]]
    rates = [convergence_rate(counts, np.maximum(c["errors"], 1e-16)) for c in data["cells"]]
    return np.array([float(r) for r in rates]), np.array([math.nan if r.stderr is None else r.stderr for r in rates])


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    slopes, _ = _slopes(data)
    suits = np.array([bool(c["suits"]) for c in data["cells"]])
    parts = []
    for name in MEASURES:
        values = np.array([math.nan if c[name] is None else c[name] for c in data["cells"]], float)
        found = rank_correlation(values, slopes)
        parts.append(
            Part(
                f"rank correlation of {name} and slope, all pairs",
                found,
                above=0.0,
                lacks=lacking("pairs", found.count, _LEAST_PAIRS),
            )
        )
        for kind in (None, "machine", "normal"):
            chosen = suits & np.array([kind in (None, c["target"]) for c in data["cells"]])
            where = {None: "", "machine": ", on the machine", "normal": ", on the normal variables"}[kind]
            parts.append(
                Part(
                    f"rank correlation of {name} and slope, pairs whose stream suits the sampler{where}",
                    rank_correlation(values[chosen], slopes[chosen]),
                )
            )
    return Conclusion(CLAIM, SOURCE, tuple(parts))


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Slopes of 67 pairs over 2**10 to 2**16 draws (2**14 in a quick run) in 16 repeats (4), and what five measures of complexity say of them."""
    return present(measure(quick, seed, executor))


def present(data: dict[str, Any]) -> Experiment:
    """Table, pictures and conclusion of what `measure` gathered, now or in a recorded run."""
    slopes, bars = _slopes(data)
    rows = [
        {"pair": c["pair"], "suits": c["suits"], "slope": slope, "slope_se": bar, **{name: c[name] for name in MEASURES}}
        for c, slope, bar in zip(data["cells"], slopes, bars, strict=True)
    ]
    panels = []
    for name in MEASURES:
        curves = []
        for label, suits in (("stream suits the sampler", True), ("stream too poor for it", False)):
            k = [j for j, c in enumerate(data["cells"]) if bool(c["suits"]) is suits]
            x = np.array([math.nan if data["cells"][j][name] is None else data["cells"][j][name] for j in k], float)
            order = np.argsort(x)
            curves.append(Curve(label, x[order], slopes[k][order], bars[k][order], "points"))
        panels.append(Panel("Slope against " + name, name, "slope of log error", tuple(curves)))
    suited = np.array([bool(c["suits"]) for c in data["cells"]])
    ranked = {name: rank_correlation([c[name] for c in data["cells"] if c["suits"]], slopes[suited]) for name in MEASURES}
    best = max(MEASURES, key=lambda name: abs(ranked[name].value))
    found = ranked[best]
    low, high = found.interval()
    closing = (
        f"Among pairs whose stream suits the sampler the {best} ranks slopes best: Spearman's rank correlation is {found.value:.2f} "
        f"(95 % interval {low:.2f} to {high:.2f}, {found.count} pairs)."
    )
    return Experiment("complexity_and_error", conclude(data), rows, data["parameters"], tuple(panels), data, closing)
