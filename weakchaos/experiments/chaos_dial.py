"""Where between order and chaos a sampler learns fastest: the error at a fixed cost, and its slope, against a dial.

Welling and Chen, J. Phys. Conf. Ser. 233 (2010) 012005, doi:10.1088/1742-6596/233/1/012005, put herding at the edge of chaos and found that it learns
faster than random sampling; Owen and Tribble, PNAS 102 (2005) 8844, doi:10.1073/pnas.0409596102, drive Markov chains by streams that are more even than
random numbers. Five dials are turned here.

*Stream*: Gibbs sampling of Boltzmann machines of six units (a new machine for each repeat) and of two normal variables of correlation 0.5 and 0.9, and
Hamiltonian Monte Carlo, under a rotation that jumps to a random point at a rate from 0 (a rotation) to 1 (random numbers), under the cat map, and under
a shift register that is read over its whole period (CUD). *Decoherence length* of MCLMC on ten normal variables, from a twentieth of a step (a random walk)
to infinity (no random numbers). *Temperature* of the chaotic Boltzmann machine, held against Gibbs sampling at the same temperature. *Entropy weight*
of entropic herding, its temperature. *Weights* of herded Gibbs, which takes no random numbers at all.

Each gain is the error of the random end over that at the position, at equal numbers of draws. The winner of a dial is chosen by repeats of its own, so that its gain, from
the others, is not too good because it was chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from weakchaos.drivers import CUD, Driver, RestartedRotation, Rotation, resolve
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.herding import EntropicHerding, HerdedGibbs
from weakchaos.samplers import HMC, MCLMC, ChaoticBoltzmann, GaussianGibbs, Gibbs
from weakchaos.targets.mrf import PairwiseMRF
from weakchaos.targets.zoo import correlated_gaussian, gaussian

__all__ = ["conclude", "measure", "present", "run", "winner"]

CLAIM = (
    "On every dial from order to chaos there is a place at which a sampler errs less, at the same number of draws, than at its random end: for streams, "
    "decoherence length, temperature, entropy weight and herded weights."
)
SOURCE = "Welling and Chen (2010), doi:10.1088/1742-6596/233/1/012005; Owen and Tribble (2005), doi:10.1073/pnas.0409596102"
_RANDOM = "PCG64"
_REPEATS, _UNITS = 32, 6
_RATES = (0.0, 0.001, 0.01, 0.1, 0.5, 1.0)
_LENGTHS = (0.05, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, math.inf)  # decoherence lengths in steps of MCLMC
_TEMPERATURES = (0.5, 1.0, 2.0, 4.0)
_WEIGHTS = (0.0, 1e-4, 1e-3, 3e-3, 1e-2, 1e-1)

_SDS = np.linspace(1.0, 3.0, 10)
_MCLMC = gaussian(_SDS)
STREAM, DECOHERENCE, TEMPERATURE, ENTROPY, HERDED = (
    "stream",
    "decoherence length",
    "temperature",
    "entropy weight",
    "herded weights",
)
_STREAMS: tuple[str, ...] = (*(f"rate {r:g}" for r in _RATES), "cat map", "CUD", _RANDOM)


def _stream(position: str, uniforms: int, degree: int) -> Driver:
    """The driver at a position of the dial, for a sampler that takes so many numbers a step and a run of 2**degree - 1 steps."""
    if position.startswith("rate "):
        rate = float(position[5:])
        return RestartedRotation(rate, uniforms) if rate else Rotation(uniforms)
    return CUD(degree) if position == "CUD" else resolve({"cat map": "cat", _RANDOM: "pcg64"}[position])


@lru_cache(maxsize=512)
def _machine(repeat: int, seed: int, temperature: float = 1.0) -> tuple[PairwiseMRF, np.ndarray]:
    """A machine with couplings and fields N(0, 1 / T^2), and the probabilities that its units are 1."""
    rng = np.random.default_rng([seed, repeat])
    upper = np.triu(rng.normal(size=(_UNITS, _UNITS)), 1)
    machine = PairwiseMRF((upper + upper.T) / temperature, rng.normal(size=_UNITS) / temperature)
    return machine, np.array([p[1] for p in machine.marginals()])


def _rms(values: Any) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _boltzmann(sampler: Any, temperature: float = 1.0) -> Callable[..., dict[str, float]]:
    def errors(position: str, degree: int, repeat: int, seed: int) -> dict[str, float]:
        machine, truth = _machine(repeat, seed, temperature)
        driver = _stream(position, _UNITS, degree) if position in _STREAMS else "pcg64"
        system = sampler.bind(machine, driver=driver)
        state = system.start(np.random.SeedSequence([seed, repeat, degree]))
        n, none = 2**degree - 1, np.empty((0, len(system.stats_names)))
        if isinstance(
            sampler, ChaoticBoltzmann
        ):  # the billiard tells what share of time a unit spends in its states, which is what it is good at
            sums = np.zeros(system.n_averages)
            system.run(state, n, 1, np.empty((0, system.dim), system.dtype), none, sums)
            means = sums[1::2] / n
        else:
            means = system.advance(state, n).mean(0)
        return {"marginals of a Boltzmann machine": float(np.abs(means - truth).max())}

    return errors


def _normal(sampler: Any, rho: float) -> Callable[..., dict[str, float]]:
    def errors(position: str, degree: int, repeat: int, seed: int) -> dict[str, float]:
        target = correlated_gaussian(rho)
        uniforms = sampler.bind(target).uniforms_per_step
        system = sampler.bind(target, driver=_stream(position, uniforms, degree))
        state = system.start(np.random.SeedSequence([seed, repeat, degree]))
        x, y = system.advance(state, 2**degree - 1).T
        name = f"{'HMC' if isinstance(sampler, HMC) else 'Gibbs'}, correlation {rho:g}"
        second = ((x * x).mean() - 1, (y * y).mean() - 1, (x * y).mean() - rho)
        return {f"{name}: means": _rms([x.mean(), y.mean()]), f"{name}: second moments": _rms(second)}

    return errors


def _microcanonical(length: float) -> Callable[..., dict[str, float]]:
    def errors(position: str, degree: int, repeat: int, seed: int) -> dict[str, float]:
        system = MCLMC(1.0, length).bind(_MCLMC)
        state = system.start(np.random.SeedSequence([seed, repeat, degree]))
        system.advance(state, 200, 200)
        draws = system.advance(state, 2**degree - 1)
        return {"second moments of ten normal variables": _rms((draws**2).mean(0) / _SDS**2 - 1.0)}

    return errors


def _places() -> list[tuple[str, str, str, Callable[..., dict[str, float]]]]:
    """Dial, position, the random end of its dial, and how the errors of one run there are measured."""
    out: list[tuple[str, str, str, Callable[..., dict[str, float]]]] = []
    step = HMC(0.6, 4)
    for runner in (_boltzmann(Gibbs()), _normal(GaussianGibbs(), 0.5), _normal(GaussianGibbs(), 0.9), _normal(step, 0.5)):
        out += [(STREAM, position, _RANDOM, runner) for position in _STREAMS]
    out += [(DECOHERENCE, f"{length:g} steps", f"{_LENGTHS[0]:g} steps", _microcanonical(length)) for length in _LENGTHS]
    for t in _TEMPERATURES:
        random = f"Gibbs at temperature {t:g}"
        out += [(TEMPERATURE, f"temperature {t:g}", random, _boltzmann(ChaoticBoltzmann(), t))]
        out += [(TEMPERATURE, random, random, _boltzmann(Gibbs(), t))]
    out += [(ENTROPY, f"weight {w:g}", "Gibbs", _boltzmann(EntropicHerding(w, 0.01, readout="mean"))) for w in _WEIGHTS]
    kinds = {"blanket": HerdedGibbs(), "shared": HerdedGibbs("shared"), "full and shared": HerdedGibbs("full", coarse="shared")}
    out += [(HERDED, kind, "Gibbs", _boltzmann(sampler)) for kind, sampler in kinds.items()]
    out += [(dial, "Gibbs", "Gibbs", _boltzmann(Gibbs())) for dial in (ENTROPY, HERDED)]
    return out


def _cell(place: int, degrees: list[int], pilots: int, repeats: int, seed: int) -> list[dict[str, Any]]:
    """Errors of all repeats at one position, those that choose first; one entry a quantity, errors of shape (pilots + repeats, degrees)."""
    dial, position, random, errors = _places()[place]
    measured = [[errors(position, m, repeat, seed) for m in degrees] for repeat in range(pilots + repeats)]
    return [
        {"dial": dial, "quantity": q, "position": position, "random": random, "errors": [[e[q] for e in row] for row in measured]}
        for q in measured[0][0]
    ]


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Errors at every position of every dial, after 2**m - 1 draws for a few m, in repeats that choose a winner and others that judge it."""
    degrees, pilots = ([10, 12, 13] if quick else [10, 12, 14, 16]), (8 if quick else 16)
    # Entropic herding takes most of the time: a quick run leaves out every second of its weights.
    left_out = [f"weight {w:g}" for w in _WEIGHTS[1::2]] if quick else []
    jobs = [(k, degrees, pilots, _REPEATS, seed) for k, place in enumerate(_places()) if place[1] not in left_out]
    return {
        "parameters": {"degrees": degrees, "pilots": pilots, "repeats": _REPEATS, "seed": seed, "quick": quick},
        "cells": [cell for cells in run_cells(_cell, jobs, executor) for cell in cells],
    }


def _logs(data: dict[str, Any], chosen: bool) -> dict[tuple[str, str, str], np.ndarray]:
    """Log errors, shape (repeats, degrees), of the repeats that choose or of those that judge."""
    pilots = data["parameters"]["pilots"]
    out = {}
    for c in data["cells"]:
        errors = np.maximum(np.asarray(c["errors"], float), 1e-16)
        out[c["dial"], c["quantity"], c["position"]] = np.log(errors[:pilots] if chosen else errors[pilots:])
    return out


def _gains(data: dict[str, Any], dial: str, position: str, quantities: list[str], chosen: bool) -> np.ndarray:
    """Log gain of each repeat at the last degree, mean over the quantities."""
    logs = _logs(data, chosen)
    random = next(c["random"] for c in data["cells"] if (c["dial"], c["position"]) == (dial, position))
    return np.mean([logs[dial, q, random][:, -1] - logs[dial, q, position][:, -1] for q in quantities], axis=0)


def winner(data: dict[str, Any], dial: str, quantity: str | None = None) -> tuple[str, Estimate]:
    """The position of a dial that wins, random ends left out, and its gain over the random end: for one quantity, or as a mean over all of the dial."""
    cells = [c for c in data["cells"] if c["dial"] == dial and quantity in (None, c["quantity"])]
    quantities = list(dict.fromkeys(c["quantity"] for c in cells))
    positions = [p for p in dict.fromkeys(c["position"] for c in cells) if p not in {c["random"] for c in cells}]
    best = max(positions, key=lambda p: _gains(data, dial, p, quantities, True).mean())
    return best, Estimate.ratio(np.exp(_gains(data, dial, best, quantities, False)), "repeats")


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    parts = []
    asked = dict.fromkeys((c["dial"], c["quantity"]) for c in data["cells"])
    for dial, quantity in asked:
        best, gain = winner(data, dial, quantity)
        where = f"{dial}, {quantity}: gain at {best} over the random end"
        parts.append(Part(where, gain, above=1.0, lacks=lacking("repeats", gain.count, _REPEATS)))
    for position in ("CUD", "rate 0", "rate 1"):
        for dial, quantity in asked:
            if dial == STREAM and any(c["position"] == position and c["quantity"] == quantity for c in data["cells"]):
                values = np.exp(_gains(data, dial, position, [quantity], False))
                parts.append(Part(f"{dial}, {quantity}: gain at {position} over {_RANDOM}", Estimate.ratio(values, "repeats")))
    return Conclusion(CLAIM, SOURCE, tuple(parts))


def _closing(data: dict[str, Any]) -> str:
    best, gain = winner(data, STREAM)
    low, high = gain.interval()
    draws = 2 ** data["parameters"]["degrees"][-1] - 1
    return (
        f"Winning dial position: {best} (stream); its gain over PCG64 is {gain.value:.3g} (95 % interval {low:.3g} to {high:.3g}), "
        f"a geometric mean over all quantities of the stream dial, from {gain.count} repeats of {draws:,} draws."
    )


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Five dials: 32 repeats of 2**10 to 2**16 draws at each position (2**13 in a quick run), and 8 or 16 more that choose the winners."""
    return present(measure(quick, seed, executor))


def present(data: dict[str, Any]) -> Experiment:
    """Table, pictures and conclusion of what `measure` gathered, now or in a recorded run."""
    logs, degrees = _logs(data, False), data["parameters"]["degrees"]
    x = np.log(2.0 ** np.array(degrees) - 1.0)
    rows: list[dict[str, Any]] = []
    panels: dict[str, dict[str, list]] = {}
    for c in data["cells"]:
        errors = logs[c["dial"], c["quantity"], c["position"]]
        slope = Estimate.mean((errors - errors.mean(1, keepdims=True)) @ (x - x.mean()) / np.sum((x - x.mean()) ** 2), "repeats")
        gain = Estimate.ratio(np.exp(_gains(data, c["dial"], c["position"], [c["quantity"]], False)), "repeats")
        low, high = gain.interval()
        rows.append(
            {"dial": c["dial"], "quantity": c["quantity"], "position": c["position"], "error": float(np.exp(errors[:, -1].mean())),
             "slope": slope.value, "slope_se": slope.stderr, "gain": gain.value, "low": low, "high": high}
        )  # fmt: skip
        if c["position"] != c["random"] or c["dial"] == STREAM:
            panels.setdefault(c["dial"], {}).setdefault(c["quantity"], []).append((c["position"], gain))
    drawn = []
    for dial, curves in panels.items():
        names = list(dict.fromkeys(p for points in curves.values() for p, _ in points))
        lines = [
            Curve(
                q,
                np.array([names.index(p) for p, _ in points], float),
                np.array([math.log10(g.value) for _, g in points]),
                np.array([g.stderr / math.log(10.0) for _, g in points]),
            )
            for q, points in curves.items()
        ]
        second = [line for line in lines if line.label.endswith("second moments")]
        for part in ([line for line in lines if not line.label.endswith("second moments")], second):
            if part:
                drawn.append(Panel(f"Gain over the random end: {dial}", "", "log10 of the gain", tuple(part), ticks=tuple(names)))
    return Experiment("chaos_dial", conclude(data), rows, data["parameters"], tuple(drawn), data, _closing(data))
