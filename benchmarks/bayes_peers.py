"""Runs of ours and of peers on one log density: draws, and thousands of gradients with warm-up. BlackJAX needs the density in jax; emcee calls no gradients, so calls count."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
from arviz_stats.base import array_stats  # noqa: E402

import weakchaos as wc  # noqa: E402
from weakchaos.core.counters import GRADIENTS, WARMUP_GRADIENTS  # noqa: E402
from weakchaos.native.c_density import evaluate  # noqa: E402
from weakchaos.runs.convergence import effective_size, normal_scores, rank_rhat, split  # noqa: E402

CHAINS = 4
_LEAST = 5  # coordinates
Run = tuple[np.ndarray, float]  # draws of shape (chain, draw, dim), thousands of gradients


def sizes(x: np.ndarray) -> np.ndarray:
    """Bulk effective sample size of each coordinate: by our formula, and by arviz-stats, which takes eight times as long, where that is least."""
    found = np.array([effective_size(normal_scores(split(x[:, :, k]))) for k in range(x.shape[2])])
    for k in np.argsort(found)[:_LEAST]:
        found[k] = float(array_stats.ess(x[:, :, k], chain_axis=0, draw_axis=1, method="bulk"))
    return found


@dataclass(frozen=True)
class Quality:
    """What draws of shape (chain, draw, dim) are worth: least effective sizes over coordinates of x and of x^2 (0 where chains stood still), the largest
    R-hat, and the means of both with their standard errors."""

    of_x: float
    of_squares: float
    rhat: float
    means: np.ndarray
    errors: np.ndarray


def quality(x: np.ndarray) -> Quality:
    both = np.concatenate([x, x**2], 2)
    found = np.nan_to_num(np.concatenate([sizes(x), sizes(x**2)]))
    of_x, of_squares = float(found[: x.shape[2]].min()), float(found[x.shape[2] :].min())
    rhat = max(rank_rhat(x[:, :, k]) for k in range(x.shape[2]))
    return Quality(of_x, of_squares, rhat, both.mean((0, 1)), both.std((0, 1)) / np.sqrt(np.maximum(found, 1.0)))


def deviations(runs: list[Quality]) -> list[float]:
    """How many standard errors the means of each run are off those of all runs of R-hat below 1.01, at worst; NaN where there is none."""
    good = [run for run in runs if run.rhat < 1.01]
    if not good:
        return [float("nan")] * len(runs)
    # Not weighted by their errors: a run that missed a tail has a small one.
    centre = np.mean([run.means for run in good], 0)
    error = np.sqrt(np.sum([run.errors**2 for run in good], 0)) / len(good)
    return [float(np.max(np.abs(run.means - centre) / np.sqrt(run.errors**2 + error**2))) for run in runs]


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


def blackjax(target: wc.Density, seed: int, warmup: int | None = None) -> Run:
    """NUTS after window adaptation of 1,000 steps, or `warmup`, from standard normal starts; one chain after the other."""
    import blackjax as bj
    import jax
    from bayes_jax import in_jax

    logp = in_jax(target)

    @jax.jit
    def chain(key: Any, start: Any) -> Any:
        first, second = jax.random.split(key)
        (state, parameters), told = bj.window_adaptation(bj.nuts, logp).run(first, start, num_steps=warmup or 1000)
        kernel = bj.nuts(logp, **parameters)

        def step(state: Any, key: Any) -> Any:
            state, info = kernel.step(key, state)
            return state, (state.position, info.num_integration_steps)

        _, (draws, made) = jax.lax.scan(step, state, jax.random.split(second, 1000))
        return draws, made.sum() + told.info.num_integration_steps.sum()

    starts = np.random.default_rng([seed, 7]).standard_normal((CHAINS, target.dim))
    found = [chain(jax.random.key(CHAINS * seed + k), start) for k, start in enumerate(starts)]
    return np.stack([np.asarray(draws) for draws, _ in found]), sum(int(made) for _, made in found) / 1000


def walnutpie(target: wc.Density, seed: int, warmup: int | None = None) -> Run:
    """Its default, which ends warm-up and sampling by itself, within 1,000 steps of each; or `warmup` steps and 1,000 draws."""
    from walnutpie import walnuts_pyfunc

    density, calls = target.pointer(True), 0

    def value(x: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal calls
        calls += 1
        return evaluate(density, x, gradient=True)

    length = {} if warmup is None else {"min_warmup_iter": warmup, "max_warmup_iter": warmup, "min_sampling_iter": 1000}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a run which ends by itself depends on its threads
        found = [np.asarray(c) for c in walnuts_pyfunc(value, num_params=target.dim, num_chains=CHAINS, seed=seed + 1, **length)]
    least = min(len(chain) for chain in found)
    return np.stack([chain[:least, -target.dim :] for chain in found]), calls / 1000


def emcee(target: wc.Density, seed: int, warmup: int | None = None) -> Run:
    """Stretch moves of at least 32 walkers, 4,000 steps, of which the later half counts as draws; thousands of calls of the log density."""
    import emcee as em

    walkers = max(32, 2 * target.dim + 2)
    rng = np.random.default_rng([seed, 7])
    np.random.seed(seed)  # noqa: NPY002  (emcee copies the state of this generator)
    sampler = em.EnsembleSampler(walkers, target.dim, target.logp)
    sampler.run_mcmc(rng.standard_normal((walkers, target.dim)), 4000)
    return sampler.get_chain(discard=2000).transpose(1, 0, 2), walkers * 4.0


PEERS = {"nutpie": nutpie, "blackjax": blackjax, "walnutpie": walnutpie, "emcee": emcee}
