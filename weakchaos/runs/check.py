"""What speaks against a run: chains held against each other and against their own Monte Carlo error.

Chains that disagree are told from chains that are short. Each chain has a mean and, from its own effective sample size, a standard error;
the variance of the means over the variance that these errors explain follows Fisher's F distribution when all chains draw from one
distribution. Only where it is far beyond that, and R-hat is large too, do chains disagree; a large R-hat alone is a matter of few draws, but for
chains of a few effective draws, which may be anywhere. How chains move is judged in `weakchaos.runs.check_movement`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from weakchaos.core.flags import Flag, Kind, Severity, gravest_first
from weakchaos.runs.check_movement import movement_flags
from weakchaos.runs.check_refusals import refusal_flags, zero_behind
from weakchaos.runs.check_stein import check_unadjusted
from weakchaos.runs.check_tails import tail_flags
from weakchaos.runs.convergence import draws_in_round, effective_size, folded, normal_scores, rank_rhat, split

__all__ = ["check_run", "name_tempering"]

_LEAST_DRAWS = 100  # fewer say nothing of agreement
_RHAT = 1.01
_LEVEL = 1e-5  # of the F test, shared among coordinates: a healthy run must not be called invalid
_ESS = 100  # effective draws a chain, of Vehtari et al. (2021)
_UNMIXED, _NO_ESS = 1.1, 5  # R-hat above which, and effective draws a chain below which, nothing can be said at all
_DIVERGENT = 0.005
_LEAST_SWAPS = 0.05  # probability with which neighbouring temperatures exchange replicas
_NUMBERS = 4_000_000  # draws times coordinates that are looked at


@np.errstate(over="ignore", invalid="ignore")  # chains that run away are flagged, and warn of nothing on the way
def check_run(trace: Any) -> list[Flag]:
    """The flags of a run with draws; the worst first.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    list of Flag
        Empty when nothing speaks against the run.
    """
    flags = trace.flags + check_unadjusted(trace)
    if trace.system is not None:
        flags += trace.system.stream_flags(max(trace.lengths, default=0) * trace.settings["thin"])
    if trace.record != "draws":
        return gravest_first(flags)
    flags += _statistics(trace)
    draws = np.asarray(trace.draws)
    chains, n, dim = draws.shape
    if n < _LEAST_DRAWS:
        if n:
            flags.append(Flag.of(Kind.FEW_DRAWS, where="every coordinate", ess=float(n), draws=n, chains=chains))
        return gravest_first(flags)
    columns: Any = np.unique(np.linspace(0, dim - 1, max(1, min(dim, _NUMBERS // (chains * n)))).astype(int)) if dim else []
    group = draws_in_round(trace.walkers, trace.settings["thin"])
    known = trace.system is not None
    moved = draws[:, :, columns]
    flags += movement_flags(moved, group, known and trace.system.target.continuous, known and trace.system.straight_paths)
    names = [trace.names[c] for c in columns]
    watched = known and getattr(trace.system.target, "watched", None)
    if watched:
        # Coordinates that mean nothing by themselves may wander without end in a good run, and look well in a bad one.
        moved, names, found = trace.system.target.judged(draws)
        flags += found
    if trace.weights is None:
        flags += name_tempering(_agreement(moved, names, group), trace.system)
        # What is watched of bounded angles has no heavy tails, and may be whole numbers.
        judges_tails = known and trace.system.target.continuous and not watched
        if (
            judges_tails
            and trace.walkers == 1
            and not trace.system.local_steps
            and "acceptance_rate" in trace.stats
            and any(f.kind is Kind.FEW_DRAWS for f in flags)
        ):
            target = trace.system.target

            def is_wall(at: np.ndarray, k: int, high: bool) -> bool:
                return zero_behind(target, draws[at[0], at[1]], int(columns[k]), high)

            flags += refusal_flags(moved, np.asarray(trace.stats["acceptance_rate"]), names, is_wall)
        if judges_tails and not any(f.severity is Severity.INVALID for f in flags):
            flags += tail_flags(moved, names, group)
    if chains == 1:
        flags.append(Flag.of(Kind.FEW_CHAINS))
    return gravest_first(flags)


def _statistics(trace: Any) -> list[Flag]:
    out, stats = [], trace.stats
    if "diverging" in stats:
        count, total = int(stats["diverging"].sum()), int(stats["diverging"].size)
        if count:
            # A handful is a hint of curvature that the steps may miss; many are a region that is missed.
            severity = Severity.INVALID if count > _DIVERGENT * total else Severity.NOTE
            out.append(Flag.of(Kind.DIVERGENCES, severity, count=count, draws=total))
    if "acceptance_rate" in stats and trace.n_draws >= _LEAST_DRAWS:
        for chain, rate in enumerate(stats["acceptance_rate"].mean(1)):
            if rate < 0.01:
                out.append(Flag.of(Kind.LOW_ACCEPTANCE, rate=float(rate), chain=chain))
    if "round_trips" in stats and trace.n_draws >= _LEAST_DRAWS:
        out += _swaps(stats, trace.n_draws)
    return out


def _swaps(stats: Any, draws: int) -> list[Flag]:
    """Pairs of temperatures that hardly exchange replicas, and chains no replica of which came round."""
    out = []
    rates = [float(stats[name].mean()) for name in stats if name.startswith("swap_acceptance_")]
    worst = int(np.argmin(rates))
    if rates[worst] < _LEAST_SWAPS:
        out.append(Flag.of(Kind.SWAPS, hot=worst, cold=worst + 1, temperatures=len(rates) + 1, rate=rates[worst]))
    trips = stats["round_trips"].sum(1)
    if not trips.all():
        out.append(Flag.of(Kind.ROUND_TRIPS, chains=len(trips), without=int((trips == 0).sum()), draws=draws))
    return out


def name_tempering(flags: list[Flag], system: Any) -> list[Flag]:
    """The same flags; those of chains that stay apart know whether tempering is at hand ("target"), or already in use ("tempered")."""
    temperature = "target" if getattr(getattr(system, "target", None), "has_temperature", False) else None
    if hasattr(system, "temperatures"):
        temperature = "tempered"
    if temperature is None:
        return flags
    apart = (Kind.DISAGREE, Kind.UNMIXED)
    return [replace(f, numbers={**f.numbers, "temperature": temperature}) if f.kind in apart else f for f in flags]


def _excess(scores: np.ndarray, group: int = 1) -> tuple[float, float]:
    """Variance of the means of chains over the variance their own errors explain, and the probability of as much in a run of one distribution."""
    from scipy.special import fdtrc

    chains, n = scores.shape
    size = np.array(
        [min(effective_size(row[None], group), n) for row in scores]
    )  # antithetic chains: no error below that of independent draws
    square = scores.var(1, ddof=1) / size
    explained = square.mean()
    between = scores.mean(1).var(ddof=1)
    if explained == 0:
        return (np.inf, 0.0) if between > 0 else (1.0, 1.0)
    # The error of an ensemble's mean is known from its rounds, each of which has several draws.
    # A sum of estimated variances has fewer degrees of freedom when one of them dominates (Satterthwaite, Biometrics Bull. 2 (1946) 110).
    freedom = square.sum() ** 2 / (square**2 / np.maximum(size / group - 1, 1)).sum() if square.any() else 1.0
    return float(between / explained), float(fdtrc(chains - 1, max(freedom, 1.0), between / explained))


def _agreement(draws: np.ndarray, names: list[str], group: int = 1) -> list[Flag]:
    chains, n, dim = draws.shape
    worst: tuple[float, float, str] | None = None
    least, where, largest = np.inf, "", 1.0
    for k in range(dim):
        x = draws[:, :, k].astype(np.float64)
        if not np.isfinite(x).all():
            return [Flag.of(Kind.NOT_FINITE, where=names[k])]
        if np.ptp(x) == 0:
            continue  # observed, or pinned by the target
        ess = effective_size(normal_scores(split(x)), group)
        rhat = rank_rhat(x)
        largest = max(largest, rhat)
        if rhat > _UNMIXED:  # where chains widen all the while, the spread is what has not mixed
            ess = min(ess, effective_size(normal_scores(split(folded(x))), group))
        if ess < least:
            least, where = ess, names[k]
        if chains == 1:
            continue
        if rhat < _RHAT:
            continue
        scores = normal_scores(x), normal_scores(folded(x))
        ratio, chance = min((_excess(s, group) for s in scores), key=lambda pair: pair[1])
        if (np.ptp(x, 1) == 0).all():
            rhat, ratio, chance = np.inf, np.inf, 0.0  # but for rounding
        if chance < _LEVEL / dim and (worst is None or rhat > worst[0]):
            worst = rhat, ratio, names[k]
    if worst is not None:
        return [Flag.of(Kind.DISAGREE, where=worst[2], rhat=worst[0], ratio=worst[1])]
    if largest > _UNMIXED and least < _NO_ESS * chains:
        return [Flag.of(Kind.UNMIXED, where=where, ess=float(least), rhat=float(largest), draws=chains * n)]
    if least < _ESS * chains and least < chains * n:
        return [Flag.of(Kind.FEW_DRAWS, where=where, ess=float(least), draws=chains * n, chains=chains)]
    return []
