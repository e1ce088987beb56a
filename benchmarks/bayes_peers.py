"""Runs of ours and of peers on one log density: draws, and thousands of gradients with warm-up. BlackJAX needs the density in jax; emcee calls no gradients, so calls count."""

from __future__ import annotations

import os
import warnings
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
from arviz_stats.base import array_stats  # noqa: E402

import weakchaos as wc  # noqa: E402
from weakchaos.core.counters import GRADIENTS, WARMUP_GRADIENTS  # noqa: E402
from weakchaos.native.c_density import evaluate  # noqa: E402

CHAINS = 4
Run = tuple[np.ndarray, float]  # draws of shape (chain, draw, dim), thousands of gradients


def sizes(x: np.ndarray) -> np.ndarray:
    """Bulk effective sample size of each coordinate."""
    return np.array([float(array_stats.ess(x[:, :, k], chain_axis=0, draw_axis=1, method="bulk")) for k in range(x.shape[2])])


def effective(x: np.ndarray) -> tuple[float, float]:
    """Least effective sample sizes over coordinates, of x and of x^2; 0 where a chain stood still."""
    return tuple(float(np.nan_to_num(sizes(values)).min()) for values in (x, x**2))  # type: ignore[return-value]


def rhat(x: np.ndarray) -> float:
    return max(float(array_stats.rhat(x[:, :, k], chain_axis=0, draw_axis=1)) for k in range(x.shape[2]))


def deviations(found: dict[str, list[np.ndarray]]) -> dict[str, list[float]]:
    """How many standard errors the means of x and x^2 of each run are off those of all runs of R-hat below 1.01, at worst; NaN where there is none."""
    moments = {}
    for who, runs in found.items():
        for k, x in enumerate(runs):
            both = np.concatenate([x, x**2], 2)
            moments[who, k] = both.mean((0, 1)), both.std((0, 1)) / np.sqrt(np.maximum(sizes(both), 1.0)), rhat(x) < 1.01
    good = [(m, e) for m, e, well in moments.values() if well]
    out: dict[str, list[float]] = {who: [] for who in found}
    for (who, _), (m, e, _) in moments.items():
        if not good:
            out[who].append(float("nan"))
            continue
        # Not weighted by their errors: a run that missed a tail has a small one.
        centre, error = np.mean([mean for mean, _ in good], 0), np.sqrt(np.sum([own**2 for _, own in good], 0)) / len(good)
        out[who].append(float(np.max(np.abs(m - centre) / np.sqrt(e**2 + error**2))))
    return out


def ours(target: wc.Density, seed: int, initial: Any = None) -> tuple[np.ndarray, float, Any]:
    """The default call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = wc.sample(target, seed=seed, initial=initial, progress=False)
    made = sum(int(s.counters[GRADIENTS] + s.counters[WARMUP_GRADIENTS]) for s in trace.states)
    return np.asarray(trace.draws), made / 1000, trace


def nutpie(target: wc.Density, seed: int, warmup: int | None = None, **options: Any) -> Run:
    """Its default: NUTS of a diagonal metric, 400 steps of warm-up, starts near 0; `warmup` steps where told."""
    from nutpie import sample
    from nutpie.compiled_pyfunc import from_pyfunc

    density, dim = target.pointer(True), target.dim

    def value(x: np.ndarray) -> tuple[float, np.ndarray]:
        return evaluate(density, x, gradient=True)

    model = from_pyfunc(dim, lambda: value, lambda *seeds: lambda x: {"x": x}, [np.dtype("float64")], [(dim,)], ["x"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = sample(model, draws=1000, tune=warmup, chains=CHAINS, cores=1, seed=seed, progress_bar=False, **options)
    made = sum(int(group["n_steps"].sum()) for group in (found.sample_stats, found.warmup_sample_stats))
    return found.posterior["x"].values, made / 1000
