"""Herding one neuron is a Sturmian sequence, and the entropy of herding with K moments grows no faster than K log N.

Welling, ICML 2009, doi:10.1145/1553374.1553517; Welling and Chen, J. Phys. Conf. Ser. 233 (2010) 012005, doi:10.1088/1742-6596/233/1/012005:
the neuron ``x = [w > 0], w += p - x`` is the coding of a rotation by p, so for irrational p it has n + 1 words of each length n (Morse and
Hedlund, Am. J. Math. 62 (1940) 1), its count of ones is never off by more than one, and for p = 3/7 its period is 7. With K moments the
number of words of length N is at most a power of N, so their entropy is subextensive.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from weakchaos.diagnostics import find_cycle, largest_exponent, word_complexity
from weakchaos.experiments.base import Curve, Experiment, Panel
from weakchaos.herding import Herding
from weakchaos.runs.sampling import sample
from weakchaos.targets.moments import Moments

__all__ = ["run"]


def _sequence(target: Moments, draws: int, seed: int) -> np.ndarray:
    trace = sample(target, Herding(), draws=draws, warmup=0, chains=1, seed=seed, progress=False)
    return np.asarray(trace.draws[0, :, 0])


def run(quick: bool = False, seed: int = 0) -> Experiment:
    """Count words of the golden neuron, look for the period of a rational one, and fit the growth of words with K moments."""
    draws = 50_000 if quick else 200_000
    golden = (5**0.5 - 1) / 2
    x = _sequence(Moments([[0.0], [1.0]], [golden]), draws, seed)
    lengths = np.arange(1, 35)
    words = np.asarray(word_complexity(x, lengths))
    discrepancy = float(np.abs(np.cumsum(x) - golden * np.arange(1, draws + 1)).max())
    sturmian = bool((words == lengths + 1).all())

    system = Herding("zero", exact=True).bind(Moments([[0], [1]], [Fraction(3, 7)]))
    period = find_cycle(system, seed=0).period
    exponent = float(largest_exponent(system, steps=500))

    rng = np.random.default_rng(seed)
    rows, curves = [], []
    for k in (1, 2, 3):
        # The corners of a simplex: K + 1 states, K free moments.
        target = Moments(np.eye(k + 1), rng.dirichlet(np.full(k + 1, 5.0)))
        y = _sequence(target, draws, seed)
        some = np.unique(np.geomspace(2, {1: 200, 2: 60, 3: 24}[k], 14).astype(int))
        counts = np.asarray(word_complexity(y, some), float)
        late = some >= some[len(some) // 2]
        slope = float(np.polyfit(np.log(some[late]), np.log(counts[late]), 1)[0])
        rows.append({"moments": k, "longest": int(some[-1]), "words": int(counts[-1]), "power": slope})
        curves.append(Curve(f"K = {k}", some.astype(float), np.log(counts)))
    powers = [row["power"] for row in rows]
    grows = all(k - 1 < p < k + 0.1 for k, p in enumerate(powers, 1))
    findings = (
        f"The golden neuron has n + 1 words at {int((words == lengths + 1).sum())} of the 34 lengths n = 1 ... 34, and |S_T - T p| is at most {discrepancy:.3f}.",
        f"With p = 3/7 in whole numbers the period is {period} and the largest Lyapunov exponent {exponent:.1e} nats a step.",
        "log p(N) grows like " + ", ".join(f"{p:.2f} log N for K = {k}" for k, p in enumerate(powers, 1)) + ".",
    )
    panels = (
        Panel(
            "Words of the golden neuron",
            "length n",
            "p(n)",
            (Curve("herding", lengths, words), Curve("n + 1", lengths, lengths + 1, kind="theory")),
        ),
        Panel("Herding with K moments", "length N", "log of the number of words, nats", tuple(curves), x_log=True),
    )
    return Experiment(
        "sturmian", "One herded neuron is Sturmian, and the entropy of herding with K moments grows no faster than K log N.",
        "Welling and Chen, J. Phys. Conf. Ser. 233 (2010) 012005, doi:10.1088/1742-6596/233/1/012005", rows, findings,
        sturmian and discrepancy <= 1 and period == 7 and abs(exponent) < 1e-6 and grows, {"draws": draws, "seed": seed}, panels,
    )  # fmt: skip
