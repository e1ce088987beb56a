"""Words of herding: one neuron compared with Sturmian sequences, and the growth of the number of words with K moments.

Welling, ICML 2009, doi:10.1145/1553374.1553517; Welling and Chen, J. Phys. Conf. Ser. 233 (2010) 012005, doi:10.1088/1742-6596/233/1/012005:
the neuron ``x = [w > 0], w += p - x`` is the coding of a rotation by p, so for irrational p it has n + 1 words of each length n (Morse and
Hedlund, Am. J. Math. 62 (1940) 1), its count of ones never differs from the expected one by more than one, and for p = a / b in lowest terms its
period is b. With K moments the number of words of length N grows at most like N^K, so their entropy is subextensive.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from weakchaos.diagnostics import find_cycle, largest_exponent, word_complexity
from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.herding import Herding
from weakchaos.runs.sampling import sample
from weakchaos.targets.moments import Moments

__all__ = ["conclude", "measure", "run"]

CLAIM = "One herded neuron is Sturmian, and the entropy of herding with K moments grows no faster than K log N."
SOURCE = "Welling and Chen, J. Phys. Conf. Ser. 233 (2010) 012005, doi:10.1088/1742-6596/233/1/012005"
_IRRATIONAL = {"golden": (5**0.5 - 1) / 2, "sqrt 2 - 1": 2**0.5 - 1, "1 / e": np.exp(-1.0)}
_RATIONAL = ((3, 7), (2, 5), (5, 12), (8, 13), (17, 40))
_LONGEST = {1: 200, 2: 60, 3: 24}
_LENGTHS = np.arange(1, 35)
_TRANSIENT = 1000  # the way from the first weights to where they stay has words of its own
_VISITS = 10  # draws a word, on average, below which words are missed


def _sequence(target: Moments, draws: int, seed: Any) -> np.ndarray:
    trace = sample(target, Herding(), draws=draws, warmup=0, chains=1, seed=seed, progress=False)
    return np.asarray(trace.draws[0, :, 0])


def _neuron(name: str, draws: int, seed: int) -> dict[str, Any]:
    p = _IRRATIONAL[name]
    x = _sequence(Moments([[0.0], [1.0]], [p]), draws, seed)
    off = np.abs(np.cumsum(x) - p * np.arange(1, draws + 1)).max()
    return {"moment": name, "words": np.asarray(word_complexity(x, _LENGTHS)).tolist(), "discrepancy": float(off)}


def _cycle(numerator: int, denominator: int) -> dict[str, Any]:
    system = Herding("zero", exact=True).bind(Moments([[0], [1]], [Fraction(numerator, denominator)]))
    period, exponent = find_cycle(system, seed=0).period, largest_exponent(system, steps=500)
    return {"denominator": denominator, "period": period, "exponent": float(exponent)}


def _growth(k: int, draws: int, seed: int, number: int) -> dict[str, Any]:
    """Numbers of words of herding on the corners of a simplex: K + 1 states, K free moments."""
    target = Moments(np.eye(k + 1), np.random.default_rng([seed, k, number]).dirichlet(np.full(k + 1, 5.0)))
    some = np.unique(np.geomspace(2, _LONGEST[k], 14).astype(int))
    y = _sequence(target, draws + _TRANSIENT, seed + number)[_TRANSIENT:]
    counts = np.asarray(word_complexity(y, some), float)
    late = some >= some[len(some) // 2]
    power = float(np.polyfit(np.log(some[late]), np.log(counts[late]), 1)[0])
    return {"moments": k, "lengths": some.tolist(), "words": counts.tolist(), "power": power}


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Words of neurons with irrational moments, periods of rational ones, and numbers of words with K moments."""
    draws, repeats = (100_000, 6) if quick else (200_000, 12)
    return {
        "parameters": {"draws": draws, "moment vectors": repeats, "seed": seed, "quick": quick},
        "neurons": run_cells(_neuron, [(name, draws, seed) for name in _IRRATIONAL], executor),
        "cycles": run_cells(_cycle, _RATIONAL, executor),
        "growth": run_cells(_growth, [(k, draws, seed, r) for k in _LONGEST for r in range(repeats)], executor),
    }


def _largest(values: Iterable[float | None]) -> float:
    """The largest size; NaN if one of the values was not measured, where Python's max depends on the order."""
    return float(np.abs(np.array(list(values), float)).max())


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    neurons, cycles = data["neurons"], data["cycles"]
    wrong = sum(int((np.asarray(n["words"]) != _LENGTHS + 1).sum()) for n in neurons)
    periods = sum(c["period"] != c["denominator"] for c in cycles)
    parts = [
        Part("lengths n from 1 to 34 for which a neuron does not have n + 1 words", Estimate.counted(wrong, len(neurons), "irrational moments"), most=0),
        Part("largest |S_T - T p|", Estimate.counted(_largest(n["discrepancy"] for n in neurons), len(neurons), "irrational moments"), most=1),
        Part("periods that differ from the denominator of the moment", Estimate.counted(periods, len(cycles), "rational moments"), most=0),
        Part("largest Lyapunov exponent in size, nats a step",
             Estimate.counted(_largest(c["exponent"] for c in cycles), len(cycles), "rational moments"), most=1e-6),
    ]  # fmt: skip
    for k in sorted({g["moments"] for g in data["growth"]}):
        found = [g for g in data["growth"] if g["moments"] == k]
        power = Estimate.mean([g["power"] for g in found], "moment vectors")
        lacks = lacking("draws", data["parameters"]["draws"], _VISITS * max(g["words"][-1] for g in found))
        # K = 1 has N + 1 words, so that its power is below one at each finite length.
        parts.append(Part(f"power of N in the number of words, K = {k}", power, most=k, lacks=lacks))
    return Conclusion(CLAIM, SOURCE, tuple(parts))


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"moments": k, "longest": found[0]["lengths"][-1], "words": float(np.mean([g["words"][-1] for g in found])),
         "power": float(np.mean([g["power"] for g in found]))}
        for k in _LONGEST if (found := [g for g in data["growth"] if g["moments"] == k])
    ]  # fmt: skip


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    first = {k: next(g for g in data["growth"] if g["moments"] == k) for k in _LONGEST}
    words = tuple(Curve(n["moment"], _LENGTHS, n["words"]) for n in data["neurons"])
    curves = tuple(Curve(f"K = {k}", np.array(g["lengths"], float), np.log(g["words"])) for k, g in first.items())
    return (
        Panel("Words of one neuron", "length n", "p(n)", (*words, Curve("n + 1", _LENGTHS, _LENGTHS + 1, kind="theory"))),
        Panel("Herding with K moments", "length N", "log of the number of words, nats", curves, x_log=True),
    )


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Three irrational and five rational moments, and twelve vectors of K = 1, 2, 3 moments; a quick run takes six."""
    data = measure(quick, seed, executor)
    return Experiment("sturmian", conclude(data), _rows(data), data["parameters"], _panels(data), data)
