"""What a run of parallel tempering tells beside its draws: barrier, round trips, and the log of the normalisation.

With ``W_k = log p_{k+1}(x) - log p_k(x)`` at places x of temperature k, the logs of the normalisations differ by

    log Z_{k+1} - log Z_k = log E_k[exp W_k]                                    (stepping stone; Xie et al., Syst. Biol. 60 (2011) 150, doi:10.1093/sysbio/syq085)
                          = (E_k[W_k] + E_{k+1}[W_k]) / 2 - (Var_{k+1}[W_k] - Var_k[W_k]) / 12 + ...    (thermodynamic integration; Gelman and Meng (1998))

which is the trapezoidal rule along the straight line between the two log densities, with the first term of Euler and Maclaurin. E_k[W_k] and E_{k+1}[W_k] are
bounds (Gibbs and Bogoliubov). Replicas that travel make all steps of the ladder depend on each other, so the error is that of the mean of one series: the sum over k
of what each step gains from a draw, by its effective size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.text_table import aligned
from weakchaos.runs.convergence import effective_size
from weakchaos.targets.tempered import coefficients_of

__all__ = ["Tempering", "tempering"]


@dataclass(frozen=True)
class Tempering:
    """Outcome of `tempering`; temperatures are numbered from the hottest.

    Attributes
    ----------
    betas : array of shape (K,)
    refused : array of shape (K - 1,)
        Mean probability with which the swap of two neighbouring temperatures is refused.
    barrier : float
        Lambda, the sum of these: 2 Lambda + 1 temperatures are about the best number.
    round_trips : int array of shape (chains,)
        Replicas that came back to the target by way of the hottest temperature.
    expected_trips : float
        Round trips a round of swaps if replicas forgot where they come from between rounds, 1 / (2 + 2 sum r / (1 - r)) (Syed et al., theorem 1).
    thermodynamic, stepping : (float, float)
        Log of the normalisation at beta = 1 over that of the hottest temperature, and its standard error, by thermodynamic integration and by stepping stones.
        The error of the first holds what a ladder of few temperatures misses of the integral.
    bounds : (float, float)
        Between which it lies, but for the error of the means.
    log_start : float or None
        Log of the normalisation of the hottest temperature, where it is known.
    overlap, link_overlap : arrays of shape (K,), or None
        Means of q squared and of the link overlap, for two copies.
    overlap_binder : array of shape (K,), or None
        ``(3 - <q**4> / <q**2>**2) / 2`` of this target's q.
    """

    betas: np.ndarray
    refused: np.ndarray
    barrier: float
    round_trips: np.ndarray
    expected_trips: float
    thermodynamic: tuple[float, float]
    stepping: tuple[float, float]
    bounds: tuple[float, float]
    log_start: float | None = None
    overlap: np.ndarray | None = None
    link_overlap: np.ndarray | None = None
    overlap_binder: np.ndarray | None = None

    @property
    def log_z(self) -> float | None:
        """Log of the normalisation of the target by stepping stones; None where that of the hottest temperature is not known."""
        return None if self.log_start is None else self.log_start + self.stepping[0]

    def table(self) -> str:
        """One line a temperature."""
        rows = []
        for k, beta in enumerate(self.betas):
            row: dict[str, Any] = {"temperature": k, "beta": float(beta)}
            row["swap with next"] = float(1 - self.refused[k]) if k < len(self.refused) else None
            row["barrier"] = float(self.refused[:k].sum())
            if self.overlap is not None and self.link_overlap is not None:
                row |= {"q^2": float(self.overlap[k]), "link overlap": float(self.link_overlap[k])}
            rows.append(row)
        return aligned(rows)

    def __str__(self) -> str:
        trips = ", ".join(map(str, self.round_trips))
        start = "" if self.log_start is None else f" (log Z = {self.log_start + self.stepping[0]:.4f})"
        return (
            f"{self.table()}\nbarrier {self.barrier:.2f}, round trips of the chains {trips}\n"
            f"log of normalisations, hottest to target: {self.stepping[0]:.4f} +- {self.stepping[1]:.4f} by stepping stones{start}, "
            f"{self.thermodynamic[0]:.4f} +- {self.thermodynamic[1]:.4f} by thermodynamic integration"
        )


def _log_density(a: np.ndarray, s: np.ndarray) -> np.ndarray:
    """a . s along the last axis, where 0 times infinity is 0."""
    with np.errstate(invalid="ignore"):
        return np.where((a == 0) | (s == 0), 0.0, a * s).sum(-1)


def _mean(series: np.ndarray) -> tuple[float, float]:
    """Mean of a series of shape (chains, draws) and its standard error."""
    return float(series.mean()), float(series.std() / np.sqrt(effective_size(series)))


def _weighted(weight: np.ndarray, x: np.ndarray) -> float:
    return float((weight / weight.mean() * x).mean())


def _line(weight: np.ndarray, x: np.ndarray, mean: float) -> np.ndarray:
    """A series whose plain mean is the weighted `mean` of x, and whose error is its own (that of a ratio of means, to first order)."""
    return mean + weight / weight.mean() * (x - mean)


def _normalisation(betas: np.ndarray, names: tuple[str, ...], s: np.ndarray, power: float) -> tuple[tuple, tuple, tuple]:
    """Both estimates with their errors, and the bounds, from terms of shape (K, chains, draws, 2) of places whose law is a `power` of the densities."""
    a = coefficients_of(names, betas)
    steps, gains, lines = [], np.zeros(s.shape[1:3]), np.zeros(s.shape[1:3])
    total, low, high, coarse = 0.0, 0.0, 0.0, 0.0
    weights = []
    for k in range(len(betas)):
        rest = (1.0 - power) * _log_density(a[k], s[k]) if power != 1.0 else np.zeros(s.shape[1:3])
        weights.append(np.exp(rest - rest.max()))
    for k in range(len(betas) - 1):
        # Difference of two log densities: that of each, as the weight of zeros is infinite at the target.
        cold, hot = (_log_density(a[k + 1], s[i]) - _log_density(a[k], s[i]) for i in (k + 1, k))
        top = hot.max()
        ratio = np.exp(hot - top)
        mean = _weighted(weights[k], ratio)
        step = top + np.log(mean)
        steps.append(step)
        gain = _line(weights[k], ratio, mean) / mean
        gains += gain
        hot_mean, cold_mean = _weighted(weights[k], hot), _weighted(weights[k + 1], cold)
        low, high = low + hot_mean, high + cold_mean
        if np.isfinite(hot).all():
            lines += (_line(weights[k], hot, hot_mean) + _line(weights[k + 1], cold, cold_mean)) / 2
            spread = _weighted(weights[k + 1], (cold - cold_mean) ** 2) - _weighted(weights[k], (hot - hot_mean) ** 2)
            total += (hot_mean + cold_mean) / 2 - spread / 12
            coarse += abs(spread) / 12
        else:  # zeros of the target: a mean of logarithms does not exist there
            lines += gain
            total += step
    stones, error = float(np.sum(steps)), _mean(gains)[1]
    # What the sum of so many temperatures misses of the integral: no more than its last term, or than stepping stones, which have no such error, say of it.
    missed = min(coarse, math.hypot(total - stones, error))
    return (total, math.hypot(_mean(lines)[1], missed)), (stones, error), (float(low), float(high))


def tempering(trace: Any) -> Tempering:
    r"""Barrier, round trips, and the log of the normalisation of a run of `samplers.ParallelTempering`.

    Parameters
    ----------
    trace : Trace
        With draws.

    Returns
    -------
    Tempering

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a trace of another sampler, without draws, or whose chains have different temperatures.

    Notes
    -----
    With $r_k$ the mean probability with which the swap of the temperatures k and k + 1 is refused, and $W_k = \log \pi_{k+1}(x) - \log \pi_k(x)$ at places of
    temperature k, the barrier and the steps of the normalisation (stepping stones) are

    $$\Lambda = \sum_k r_k, \qquad \log \frac{Z_{k+1}}{Z_k} = \log E_k e^{W_k}.$$

    Examples
    --------
    >>> import weakchaos as wc
    >>> model = wc.Ising.lattice((3, 3), beta=0.5)
    >>> sampler = wc.samplers.ParallelTempering(wc.samplers.Gibbs(), 6)
    >>> report = tempering(wc.sample(model, sampler, draws=4000, warmup=500, seed=1, progress=False))
    >>> states = 2 * (np.arange(512)[:, None] >> np.arange(9) & 1) - 1
    >>> exact = np.log(np.exp(model.log_prob_of_spins(states) - model.log_prob_of_spins(np.ones(9)) + 9.0).sum())  # 18 couplings of 0.5
    >>> bool(abs(report.log_z - exact) < 4 * report.stepping[1] < 0.2)
    True
    """
    stats = getattr(trace, "stats", None)
    if stats is None:
        raise ArgumentTypeError(f"`trace` must be a Trace; got {shown(trace)}")
    tuning = trace.tuning
    if "round_trips" not in stats or "betas" not in tuning:
        raise ArgumentError("`trace` must be that of a ParallelTempering with draws (record='draws')")
    if trace.n_draws < 4:
        raise ArgumentError(f"`trace` must have at least 4 draws; got {trace.n_draws}")
    betas = tuning["betas"]
    if (betas != betas[0]).any():
        raise ArgumentError("`trace` must have chains with the same temperatures")
    betas, size = betas[0], betas.shape[1]
    refused = np.array([1.0 - float(stats[f"swap_acceptance_{k}"].mean()) for k in range(size - 1)])
    names = tuple(name for name in ("log_density", "log_reference", "zeros") if f"{name}_0" in stats)
    s = np.zeros((size, *stats["round_trips"].shape, 2))
    for m, name in enumerate(names):
        for k in range(size):
            s[k, ..., m] = stats[f"{name}_{k}"]
    if trace.system is None and "weight" in stats:
        raise ArgumentError(trace.why_no_system("tempering"))
    system = getattr(trace.system, "inner", trace.system)  # of what is measured of draws, the ladder that makes them
    power = 1.0 if system is None else system.coldest.invariant_power
    thermodynamic, stepping, bounds = _normalisation(betas, names, s, power)
    path = getattr(system, "path", None)
    more: dict[str, Any] = {}
    if "overlap_0" in stats:
        q = np.array([stats[f"overlap_{k}"] for k in range(size)]).reshape(size, -1)
        square = (q**2).mean(1)
        more = {
            "overlap": square,
            "link_overlap": np.array([stats[f"link_overlap_{k}"].mean() for k in range(size)]),
            "overlap_binder": 0.5 * (3.0 - (q**4).mean(1) / square**2),
        }
    with np.errstate(divide="ignore"):
        expected = 1.0 / (2.0 + 2.0 * float((refused / (1.0 - refused)).sum()))
    return Tempering(
        betas,
        refused,
        float(refused.sum()),
        stats["round_trips"].sum(1).astype(np.int64),
        expected,
        thermodynamic,
        stepping,
        bounds,
        None if path is None or betas[0] != 0.0 else path.log_start,
        **more,
    )
