"""Rates of kernel herding and its relatives: the comparisons of four papers, with the discrepancy itself as error.

Chen, Welling and Smola (UAI 2010, arXiv:1203.3472) herd a mixture of twenty normals in the plane and find errors that fall like 1/T, where those of random
draws fall like 1/sqrt(T). Bach, Lacoste-Julien and Obozinski (ICML 2012, arXiv:1203.4523) read herding as conditional gradients, of which the
fully corrective one gets further, while line search does not; only 1/sqrt(T) is guaranteed in a space of infinite dimension. Huszar and Duvenaud (UAI 2012,
arXiv:1204.1664) find 8 points of sequential Bayesian quadrature as good as 20 herded ones. Lacoste-Julien, Lindsten and Bach (AISTATS 2015, arXiv:1501.02056) put
Frank-Wolfe quadrature into a particle filter, which is here held against the exact filter of a linear model.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.experiments.base import Curve, Experiment, Panel, run_cells
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, lacking
from weakchaos.herding import select, sequential_herding
from weakchaos.kernels import Gaussian, Normal, NormalMixture, embed

__all__ = ["conclude", "measure", "run"]

CLAIM = "Herded points of a smooth density beat random ones by more than a constant, and weights, corrected or of quadrature, beat equal ones."
SOURCE = "Chen, Welling and Smola, UAI 2010, arXiv:1203.3472, figure 2; Bach, Lacoste-Julien and Obozinski, ICML 2012, arXiv:1203.4523; Huszar and Duvenaud, UAI 2012, arXiv:1204.1664, figure 1; Lacoste-Julien, Lindsten and Bach, AISTATS 2015, arXiv:1501.02056"
_METHODS = ("herding", "line-search", "frank-wolfe", "fully-corrective", "quadrature")
_LONG = {"herding": 1024, "line-search": 1024, "frank-wolfe": 1024, "fully-corrective": 100, "quadrature": 60}
_LEAST = 6  # mixtures, and repeats of a filter
_STEPS, _PARTICLES = 40, 30


def _mixture(seed: int, number: int) -> NormalMixture:
    rng = np.random.default_rng([seed, number])
    return NormalMixture(rng.random(20) + 0.2, rng.uniform(-6, 6, (20, 2)), rng.uniform(0.2, 1.0, 20))


def _slope(counts: np.ndarray, values: np.ndarray) -> float:
    late = counts >= 16
    return float(np.polyfit(np.log(counts[late]), np.log(values[late]), 1)[0])


def _cell(number: int, side: int, seed: int) -> dict[str, Any]:
    """Discrepancies on one mixture, of each method and of random draws."""
    target, kernel = _mixture(seed, number), Gaussian(1.0)
    line = np.linspace(-8.5, 8.5, side)
    x = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    counts = np.unique(np.geomspace(1, 1024, 31).astype(int))
    embedding = embed(kernel, target)
    out: dict[str, Any] = {"mixture": number, "counts": counts.tolist()}
    draws = target.sample(1024, [seed, number, 1])
    out["random"] = [embedding.mmd(draws[:t]) for t in counts]
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that quadrature ends where its rank does is no fault here
        for method in _METHODS:
            mmd = select(x, _LONG[method], method, kernel, target, progress=False).mmd
            out[method] = [float(mmd[t - 1]) for t in counts if t <= len(mmd)]
        wide = Gaussian(5.0)
        out["herding 20"] = float(select(x, 20, "herding", wide, target, progress=False).mmd[-1])
        out["quadrature 8"] = float(select(x, 8, "quadrature", wide, target, progress=False).mmd[-1])
    for name in ("random", "herding", "line-search"):
        out[f"slope {name}"] = _slope(counts, np.array(out[name]))
    return out


def _filter(number: int, seed: int) -> dict[str, float]:
    """Root mean square error of filtered means against the exact filter: of herded particles, and of the mean of random filters."""
    rng, a, q, r = np.random.default_rng([seed, 7, number]), 0.9, 0.3, 0.5
    x = np.empty(_STEPS)
    x[0] = rng.normal()
    for t in range(1, _STEPS):
        x[t] = a * x[t - 1] + np.sqrt(q) * rng.normal()
    y = x + np.sqrt(r) * rng.normal(size=_STEPS)
    mean, variance, exact = 0.0, 1.0, []
    for value in y:
        gain = variance / (variance + r)
        mean, variance = mean + gain * (value - mean), variance * (1 - gain)
        exact.append(mean)
        mean, variance = a * mean, a * a * variance + q

    def log_likelihood(value: float, z: np.ndarray) -> np.ndarray:
        return -0.5 * (value - z[:, 0]) ** 2 / r

    herded = sequential_herding(
        lambda z: a * z, q, log_likelihood, y, Normal(0.0, 1.0), _PARTICLES, method="frank-wolfe", candidates=500, seed=number
    )
    random = []
    for _ in range(10):
        means, z, w = [], rng.normal(size=_PARTICLES), np.full(_PARTICLES, 1 / _PARTICLES)
        for t, value in enumerate(y):
            if t:
                z = a * rng.choice(z, _PARTICLES, p=w) + np.sqrt(q) * rng.normal(size=_PARTICLES)
            w = np.exp(log_likelihood(value, z[:, None]))
            w /= w.sum()
            means.append(w @ z)
        random.append(np.sqrt(np.mean((np.array(means) - exact) ** 2)))
    return {"herded": float(np.sqrt(np.mean((herded.means[:, 0] - exact) ** 2))), "random": float(np.mean(random))}


def measure(quick: bool = False, seed: int = 0, executor: Any = None) -> dict[str, Any]:
    """Discrepancies on mixtures of twenty normals in the plane, and errors of filters."""
    mixtures, side = (2, 60) if quick else (12, 120)
    return {
        "parameters": {"mixtures": mixtures, "grid": side, "seed": seed, "quick": quick},
        "mixtures": run_cells(_cell, [(k, side, seed) for k in range(mixtures)], executor),
        "filters": run_cells(_filter, [(k, seed) for k in range(mixtures)], executor),
    }


def conclude(data: dict[str, Any]) -> Conclusion:
    """The verdict on the claim, from the numbers alone."""
    cells, filters = data["mixtures"], data["filters"]
    lacks = lacking("mixtures", len(cells), _LEAST)

    def mean(values: Any) -> Estimate:
        return Estimate.mean(list(values), "mixtures")

    at_100 = [c["counts"].index(max(t for t in c["counts"] if t <= 100)) for c in cells]
    parts = (
        Part("slope of herding from 16 to 1024 points", mean(c["slope herding"] for c in cells), most=-0.9, lacks=lacks),
        Part("slope of random draws", mean(c["slope random"] for c in cells), least=-0.65, most=-0.35, lacks=lacks),
        Part("discrepancy of 1024 random draws over that of herded points", mean(c["random"][-1] / c["herding"][-1] for c in cells), least=10, lacks=lacks),
        Part("slope of line search minus that of herding", mean(c["slope line-search"] - c["slope herding"] for c in cells), least=0.1, lacks=lacks),
        Part("herding over fully corrective at about 100 points",
             mean(c["herding"][k] / c["fully-corrective"][k] for c, k in zip(cells, at_100, strict=True)), least=1.5, lacks=lacks),
        Part("8 points of quadrature over 20 of herding", mean(c["quadrature 8"] / c["herding 20"] for c in cells), most=1.3, lacks=lacks),
        Part("error of a herded filter over that of a random one", mean(f["herded"] / f["random"] for f in filters), most=0.95, lacks=lacks),
    )  # fmt: skip
    return Conclusion(CLAIM, SOURCE, parts)


def _rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for name in ("random", *_METHODS):
        curves = [c[name] for c in data["mixtures"]]
        counts = data["mixtures"][0]["counts"]
        shortest = min(map(len, curves))
        last = shortest - 1
        rows.append({"method": name, "points": counts[last], "MMD": float(np.mean([c[last] for c in curves]))})
    return rows


def _panels(data: dict[str, Any]) -> tuple[Panel, ...]:
    cells = data["mixtures"]
    counts = np.array(cells[0]["counts"], float)
    curves = []
    for name in ("random", *_METHODS):
        shortest = min(len(c[name]) for c in cells)
        curves.append(
            Curve(name, counts[:shortest], np.exp(np.mean([np.log(np.maximum(c[name][:shortest], 1e-12)) for c in cells], axis=0)))
        )
    start = float(np.mean([c["random"][0] for c in cells]))
    guides = (
        Curve("1 / sqrt(T)", counts, start / np.sqrt(counts), kind="theory"),
        Curve("1 / T", counts, start / counts, kind="theory"),
    )
    return (Panel("Mixtures of twenty normals", "points", "maximum mean discrepancy", (*curves, *guides), x_log=True, y_log=True),)


def run(quick: bool = False, seed: int = 0, executor: Any = None) -> Experiment:
    """Discrepancies on twelve mixtures and errors of as many filters; a quick run takes two of each."""
    data = measure(quick, seed, executor)
    return Experiment("kernel_herding_rates", conclude(data), _rows(data), data["parameters"], _panels(data), data)
