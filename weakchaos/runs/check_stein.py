"""The bias of a sampler that nothing adjusts, from Stein's identity.

Stein (1972), Proc. Sixth Berkeley Symp. 2, 583; Gorham and Mackey, NeurIPS 2015, arXiv:1506.03039. For a density p on all of space with g = grad log p,
any vector v and any constant m,

    E[v . g] = 0,    E[(v . (x - m)) (v . g)] = -|v|**2,

so the averages of both over draws of p differ from these values by chance alone. On a Gaussian the first tells by how many standard deviations the mean
along v is wrong, the second by which part the variance is; in general both tell that the draws are of another density than p. Directions are the coordinates
and the principal components of the draws, the components of one half of the run held against the other half, or they would fit its noise.

The identity cannot see a mode that no chain has visited: that is for the agreement of chains. Where the support has an edge at which the density is
not zero it does not hold, and steps that nothing rejects are wrong there too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.counters import GRADIENTS, WARMUP_GRADIENTS
from weakchaos.core.flags import Flag, Kind
from weakchaos.native.c_density import evaluate_rows
from weakchaos.runs.convergence import effective_size

__all__ = ["check_unadjusted", "stein_gaps"]

_LEAST_DRAWS = 100
_SHARE, _LEAST_POINTS = 0.1, 2000  # gradients for this check, of those of the run
_NUMBERS = 2_000_000  # points times coordinates
_POINTS = 1000  # a chain
_MOST_TURNED = 500  # coordinates of which principal components are made
_COORDINATES, _COMPONENTS = 200, 20  # components at either end of the spectrum: wide ones mix slowly, narrow ones feel the step
_LEAST_SIZE = 200.0  # effective draws, below which a standard error is a guess
_LEVEL = 1e-4  # of a false alarm, shared among directions
_WRONG = 0.15  # of a standard deviation, or of a variance
_UNSURE = 0.15  # standard error above which no bias can be told


def _share_of_weights(weights: np.ndarray | None, chains: int, n: int) -> np.ndarray:
    """Weights of mean 1 in every chain."""
    if weights is None:
        return np.ones((chains, n))
    return weights / weights.mean(1, keepdims=True)


def _size(series: np.ndarray) -> float:
    return float(max(1.0, min(effective_size(series), series.size)))


def _means(h: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means of h, of shape (chains, n, k), and their standard errors from autocorrelations and the spread of chains."""
    means, errors = (weights[:, :, None] * h).mean((0, 1)), np.empty(h.shape[2])
    for k, mean in enumerate(means):
        series = weights * (h[:, :, k] - mean)  # the error of a ratio of sums is that of the mean of w (f - mean)
        errors[k] = _error(series.std(), _size(series))
    return means, errors


def _spreads(z: np.ndarray, h: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means of z h + 1, and their standard errors.

    Where a direction is a little off, h holds fast noise of narrow directions that hides how slowly z moves, so z**2 is asked too. A short
    run that stays inside has few large values of z h, and so a small sample variance: it counts as 1 at the least, half of that of a Gaussian.
    """
    values = z * h + 1.0
    means, errors = (weights[:, :, None] * values).mean((0, 1)), np.empty(z.shape[2])
    for k, mean in enumerate(means):
        series = weights * (values[:, :, k] - mean)
        sd = float(series.std())
        if sd == 0.0:  # a gradient of zero everywhere: there is nothing to be unsure of
            errors[k] = 0.0
            continue
        size = min(_size(series), _size(weights * (z[:, :, k] ** 2 - 1.0)))
        errors[k] = _error(max(sd, 1.0), size)
    return means, errors


def _error(sd: float, size: float) -> float:
    """Standard error of a mean of `size` effective draws; infinite where they are too few to know it."""
    return float(sd / np.sqrt(size)) if size >= _LEAST_SIZE else np.inf


def stein_gaps(x: np.ndarray, gradients: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """By how much draws miss Stein's identity.

    Parameters
    ----------
    x, gradients : arrays of shape (chains, n, dim)
        Draws, and the gradients of the log density at them.
    weights : array of shape (chains, n), optional

    Returns
    -------
    gaps, errors : arrays of shape (k,)
        What the averages differ from the identity by, in units of a standard deviation (first moments) or of a variance (second), and
        standard errors: infinite where fewer than 200 effective draws do not tell one.
    kinds : list of str
        ``"mean of 3"``, ``"spread of 3"`` for the coordinate of that index, ``"spread of component"`` for a principal component.

    Examples
    --------
    >>> x = np.random.default_rng(1).normal(size=(4, 500, 2))
    >>> gaps, errors, kinds = stein_gaps(x, -x / 1.5**2)  # draws of N(0, 1) held against N(0, 1.5**2)
    >>> kinds[3], bool(abs(gaps[3] - (1 - 1 / 1.5**2)) < 4 * errors[3])
    ('spread of 1', True)
    """
    chains, n = x.shape[:2]
    w = _share_of_weights(weights, chains, n)
    centre = (w[:, :, None] * x).mean((0, 1))
    scale = np.sqrt((w[:, :, None] * (x - centre) ** 2).mean((0, 1)))
    moving = np.flatnonzero(scale > 0)
    z, h = (x[:, :, moving] - centre[moving]) / scale[moving], gradients[:, :, moving] * scale[moving]
    kept: Any = np.unique(np.linspace(0, moving.size - 1, min(moving.size, _COORDINATES)).astype(int)) if moving.size else []
    gaps, errors = (
        np.concatenate(pair) for pair in zip(_means(h[:, :, kept], w), _spreads(z[:, :, kept], h[:, :, kept], w), strict=True)
    )
    names = [f"{what} of {moving[k]}" for what in ("mean", "spread") for k in kept]
    # With hardly more draws than coordinates components are single draws, which the other half remembers where the two meet.
    if 1 < moving.size <= min(_MOST_TURNED, chains * n // 8) and n >= 2 * _LEAST_DRAWS:
        half = n // 2
        for fit, hold in ((slice(0, half), slice(half, n)), (slice(half, n), slice(0, half))):
            directions = _components(z[:, fit])
            a = z[:, hold] @ directions
            size = a.std((0, 1))
            got = _spreads(a / size, size * (h[:, hold] @ directions), w[:, hold] / w[:, hold].mean(1, keepdims=True))
            gaps, errors = np.append(gaps, got[0]), np.append(errors, got[1])
            names += ["spread of component"] * directions.shape[1]
    return gaps, errors, names


def _components(z: np.ndarray) -> np.ndarray:
    """Principal components of the largest and of the smallest variances, as columns."""
    rows = z.reshape(-1, z.shape[2])
    rows = rows - rows.mean(0)
    vectors = np.linalg.eigh(rows.T @ rows)[1]
    return vectors if rows.shape[1] <= 2 * _COMPONENTS else np.concatenate([vectors[:, :_COMPONENTS], vectors[:, -_COMPONENTS:]], 1)


def _points(trace: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None] | None:
    """Draws in the coordinates of the density, spread evenly over the run, gradients there, and weights; None where a gradient is not finite."""
    target, n, chains = trace.system.target, trace.n_draws, trace.n_chains
    spent = sum(int(s.counters[GRADIENTS] + s.counters[WARMUP_GRADIENTS]) for s in trace.states)
    most = max(_LEAST_POINTS, int(_SHARE * spent)) // (1 if target.has_gradient else 2 * target.dim + 1)
    each = max(2 * _LEAST_DRAWS, min(_POINTS, most // chains, _NUMBERS // (chains * target.dim)))
    rows = np.unique(np.linspace(0, n - 1, min(n, each)).astype(int))
    x = np.stack([np.asarray(trace.draws[k])[rows] for k in range(chains)]).astype(np.float64)
    parameters = getattr(target, "parameters", None)
    if parameters is not None:
        x = parameters.unconstrain(x)
    gradients = evaluate_rows(target.pointer(True), x.reshape(-1, x.shape[2]))[1].reshape(x.shape)
    weights = None if trace.weights is None else np.asarray(trace.weights)[:, rows]
    return (x, gradients, weights) if np.isfinite(gradients).all() and np.isfinite(x).all() else None


def _threshold(tests: int) -> float:
    from scipy.special import ndtri

    return float(-ndtri(0.5 * _LEVEL / tests))


def check_unadjusted(trace: Any) -> list[Flag]:
    """What speaks against a run of a sampler that accepts every step: that it does, how wrong its averages are, or that this cannot be told."""
    system = trace.system
    sampler = getattr(system, "sampler", None)
    if getattr(sampler, "adjusted", True):
        return []
    name = type(sampler).__name__
    if trace.record != "draws" or trace.n_draws < _LEAST_DRAWS:
        return [Flag.of(Kind.UNADJUSTED, sampler=name, gap=None, error=None)]
    weights = trace.weights
    if weights is not None and not (np.isfinite(weights).all() and (weights > 0).all()):
        return [Flag.of(Kind.NOT_FINITE, where="the weight of draws"), Flag.of(Kind.UNADJUSTED, sampler=name, gap=None, error=None)]
    found = _points(trace)
    if found is None:
        return [
            Flag.of(Kind.NOT_FINITE, where="the gradient at draws"),
            Flag.of(Kind.UNADJUSTED, sampler=name, gap=None, error=None),
        ]
    out = [] if weights is None else _weighted_agreement(trace, np.asarray(weights))
    gaps, errors, kinds = stein_gaps(*found)
    if not gaps.size:
        return out
    limit = _threshold(gaps.size)
    significant = np.abs(gaps) > limit * errors
    wrong = significant & (np.abs(gaps) - 2.0 * errors > _WRONG)
    if wrong.any():
        out.append(
            _flag(trace, kinds, gaps, errors, int(np.argmax(np.where(wrong, np.abs(gaps) - 2.0 * errors, -np.inf))), Kind.STEIN)
        )
    elif (errors > _UNSURE).any():
        out.append(_flag(trace, kinds, gaps, errors, int(np.argmax(errors)), Kind.BIAS_UNKNOWN))
    known = np.abs(gaps[significant])
    finite = errors[np.isfinite(errors)]
    out.append(
        Flag.of(
            Kind.UNADJUSTED,
            sampler=name,
            gap=float(known.max()) if known.size else None,
            error=float(finite.max()) if finite.size == errors.size else None,
        )
    )
    return out


def _flag(trace: Any, kinds: list[str], gaps: np.ndarray, errors: np.ndarray, worst: int, kind: Kind) -> Flag:
    """The flag of one failure of the identity."""
    error = float(errors[worst]) if np.isfinite(errors[worst]) else None
    what, where = kinds[worst].split()[0], _place(trace, kinds[worst])
    return Flag.of(kind, where=where, what=what, sampler=type(trace.system.sampler).__name__, gap=float(gaps[worst]), error=error)


def _place(trace: Any, kind: str) -> str:
    last = kind.split()[-1]
    if last == "component":
        return "a principal component"
    target = trace.system.target
    return str(getattr(target, "coordinates", target.names)[int(last)])


def _weighted_agreement(trace: Any, weights: np.ndarray) -> list[Flag]:
    """Chains of weighted draws held against each other: R-hat has no place for weights."""
    from scipy.special import fdtrc

    draws = np.asarray(trace.draws, np.float64)
    chains, n, dim = draws.shape
    if chains < 2 or not np.isfinite(draws).all():
        return []
    w = _share_of_weights(weights, chains, n)
    worst: tuple[float, float, str] | None = None
    least, where = np.inf, ""
    for k in np.unique(np.linspace(0, dim - 1, min(dim, _COORDINATES)).astype(int)):
        x = draws[:, :, k]
        scale = np.sqrt((w * (x - (w * x).mean()) ** 2).mean())
        if scale == 0:
            continue
        z = (x - (w * x).mean()) / scale
        for values in (z, z**2):
            means = (w * values).mean(1)
            series = w * (values - means[:, None])
            size = np.array([max(1.0, min(effective_size(row[None]), n)) for row in series])
            square = series.var(1, ddof=1) / size
            between, explained = means.var(ddof=1), square.mean()
            least, where = min((least, where), (values.var() / (explained / chains), trace.names[k]))
            if explained == 0:
                continue
            freedom = max(1.0, square.sum() ** 2 / (square**2 / np.maximum(size - 1, 1)).sum())
            chance = float(fdtrc(chains - 1, freedom, between / explained))
            if chance < 1e-5 / (2 * dim) and between > 1e-3 and (worst is None or between > worst[0]):
                worst = float(between), float(between / explained), trace.names[k]
    if worst is not None:
        return [Flag.of(Kind.DISAGREE, where=worst[2], spread=worst[0] ** 0.5, ratio=worst[1])]
    if least < 100 * chains:
        return [Flag.of(Kind.FEW_DRAWS, where=where, ess=float(least), draws=chains * n, chains=chains)]
    return []
