"""Rank-normalised split R-hat and effective sample sizes.

Vehtari, Gelman, Simpson, Carpenter and Buerkner, Bayesian Analysis 16 (2021) 667, doi:10.1214/20-BA1221; sums of autocorrelations are
cut by the rule of Geyer, Statistical Science 7 (1992) 473, doi:10.1214/ss/1177011137. Equal to arviz-stats, whose import costs more than
most runs.
"""

from __future__ import annotations

import math

import numpy as np

from weakchaos.native.compiled import kernel, normal_from_uniform

__all__ = ["by_walker", "draws_in_round", "effective_size", "folded", "normal_scores", "plain_rhat", "rank_rhat", "split"]


def draws_in_round(walkers: int, thin: int) -> int:
    """Draws of an ensemble's chain in which each walker that is ever drawn is drawn once; 1 for a chain of one walker.

    Examples
    --------
    >>> draws_in_round(32, 1), draws_in_round(32, 4), draws_in_round(32, 5)
    (32, 8, 32)
    """
    return walkers // math.gcd(walkers, thin)


def by_walker(x: np.ndarray, group: int) -> np.ndarray:
    """Draws or statistics of shape (chains, draws, ...) of which `group` make a round, with every walker as a chain: (chains * group, rounds, ...)."""
    if group == 1:
        return x
    rounds = x.shape[1] // group
    parts = x[:, : rounds * group].reshape(x.shape[0], rounds, group, *x.shape[2:])
    return np.moveaxis(parts, 2, 1).reshape(x.shape[0] * group, rounds, *x.shape[2:])


def split(x: np.ndarray) -> np.ndarray:
    """Every chain cut in two, for `x` of shape (chains, draws); the middle draw of an odd number is left out."""
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, x.shape[1] - half :]])


@kernel
def _quantiles(p):
    # As compiled for every sampler; scipy.special takes longer to import than many a run.
    out = np.empty(p.size)
    for i in range(p.size):
        out[i] = normal_from_uniform(p[i])
    return out


def normal_scores(x: np.ndarray) -> np.ndarray:
    """Values replaced by the normal quantiles of their ranks among all chains (Blom's offsets); ties share their mean rank."""
    _, where, counts = np.unique(x, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - 0.5 * (counts - 1))[where].reshape(x.shape)
    return _quantiles(((rank - 0.375) / (x.size + 0.25)).ravel()).reshape(x.shape)


def folded(x: np.ndarray) -> np.ndarray:
    """Distances from the median, which see chains of different widths."""
    return np.abs(x - np.median(x))


def plain_rhat(x: np.ndarray) -> float:
    """R-hat of `x` as it is, shape (chains, draws): neither ranked nor split."""
    n = x.shape[1]
    within = x.var(1, ddof=1).mean()
    between = n * x.mean(1).var(ddof=1)
    if within == 0:
        return 1.0 if between == 0 else math.inf
    return math.sqrt((between / within + n - 1) / n)


def rank_rhat(x: np.ndarray) -> float:
    """R-hat of ranks, the larger of location and scale, for `x` of shape (chains, draws).

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(4, 500))
    >>> bool(rank_rhat(x) < 1.02 < rank_rhat(x + np.arange(4)[:, None]))
    True
    """
    halves = split(x)
    return max(plain_rhat(normal_scores(halves)), plain_rhat(normal_scores(folded(halves))))


def _autocovariance(x: np.ndarray) -> np.ndarray:
    n = x.shape[1]
    size = 2 ** math.ceil(math.log2(2 * n))
    transform = np.fft.rfft(x - x.mean(1, keepdims=True), size, axis=1)
    return np.fft.irfft(transform.real**2 + transform.imag**2, size, axis=1)[:, :n] / n


def effective_size(x: np.ndarray, group: int = 1) -> float:
    """How many independent draws would estimate the mean of `x`, of shape (chains, draws), as well.

    For the bulk of a posterior pass ``normal_scores(split(x))``.

    Draws of an ensemble come in rounds of `group`, one of each walker. Walkers are no independent chains, as each moves by where the others are,
    and next to one another in a round they hide their own memory from a sum of autocorrelations that is cut where it turns to noise.
    So the rounds are judged by their means, whose autocorrelations hold those within and between walkers both (Goodman and Weare,
    Comm. App. Math. Comp. Sci. 5 (2010) 65, section 4): the variance of the mean of all draws is that of the mean of the rounds' means.
    """
    if group > 1 and x.shape[1] >= 4 * group:
        rounds = x.shape[1] // group
        x = x[:, x.shape[1] - rounds * group :]
        means = x.reshape(x.shape[0], rounds, group).mean(2)
        if np.ptp(means) < np.finfo(float).resolution:
            return float(x.size)
        return float(x.var() / means.var() * effective_size(means))
    chains, n = x.shape
    if np.ptp(x) < np.finfo(float).resolution:
        return float(x.size)
    covariance = _autocovariance(x).mean(0)
    within = covariance[0] * n / (n - 1)
    total = covariance[0] + (x.mean(1).var(ddof=1) if chains > 1 else 0.0)
    rho = 1.0 - (within - covariance) / total
    kept = np.zeros(n)
    kept[0], kept[1] = 1.0, rho[1]
    even, odd, t = 1.0, rho[1], 1
    while t < n - 3 and even + odd > 0:  # pairs are positive for a reversible chain (Geyer): the first that is not is noise
        even, odd = rho[t + 1], rho[t + 2]
        if even + odd >= 0:
            kept[t + 1], kept[t + 2] = even, odd
        t += 2
    last = t - 2
    if even > 0:
        kept[last + 1] = even
    for t in range(1, last - 1, 2):  # and they fall
        if kept[t + 1] + kept[t + 2] > kept[t - 1] + kept[t]:
            kept[t + 1] = kept[t + 2] = 0.5 * (kept[t - 1] + kept[t])
    tau = -1.0 + 2.0 * kept[: last + 1].sum() + kept[last + 1 : last + 2].sum()
    return x.size / max(tau, 1.0 / math.log10(x.size))
