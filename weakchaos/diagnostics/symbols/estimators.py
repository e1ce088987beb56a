"""Entropy from counts. With n_i counts that sum to N, f_1 of them equal to 1, and K possible states:

* ``"plug-in"``: ``-sum p_i ln p_i`` with p_i = n_i / N. Biased low by about (K - 1) / 2 N.
* ``"miller-madow"``: adds (states seen - 1) / 2 N (Miller 1955).
* ``"grassberger"``: ``ln N - sum n_i G(n_i) / N``, ``G(n) = psi(n) + (-1)^n (psi((n + 1) / 2) - psi(n / 2)) / 2``
  (Grassberger 2003, arXiv:physics/0307138).
* ``"chao-shen"``: with the coverage C = 1 - f_1 / N, ``-sum C p_i ln(C p_i) / (1 - (1 - C p_i)^N)`` (Chao and Shen, Environ. Ecol.
  Stat. 10 (2003) 429, doi:10.1023/A:1026096204727). Needs no K.
* ``"nsb"``: the posterior mean under a mixture of Dirichlet priors that is nearly flat in the entropy (Nemenman, Shafee and Bialek
  2002, arXiv:physics/0108025); its standard error is the posterior's. Needs K.
* ``"auto"``: Grassberger when N >= K, NSB when N < K, Chao-Shen when K is not known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.diagnostics.result import Result

__all__ = ["ESTIMATORS", "count_entropy", "estimate"]


def _plug_in(counts: np.ndarray) -> float:
    # Written so that one symbol gives exactly zero.
    n = counts.sum()
    return float(math.log(n) - (counts * np.log(counts)).sum() / n) if counts.size > 1 else 0.0


def _miller_madow(counts: np.ndarray) -> float:
    return _plug_in(counts) + (counts.size - 1) / (2 * int(counts.sum()))


def _grassberger(counts: np.ndarray) -> float:
    from scipy.special import digamma

    if counts.size == 1:
        return 0.0
    # Counts repeat, most of all the small ones: the digamma functions are the cost.
    values, times = np.unique(counts, return_counts=True)
    g = digamma(values) + 0.5 * np.where(values % 2, -1.0, 1.0) * (digamma((values + 1) / 2) - digamma(values / 2))
    n = int(counts.sum())
    return float(math.log(n) - (times * values * g).sum() / n)


def _chao_shen(counts: np.ndarray) -> float:
    n, singles = int(counts.sum()), int((counts == 1).sum())
    if counts.size == 1:
        return 0.0
    # All singletons would make the coverage zero and the estimate infinite.
    p = (1 - min(singles, n - 1) / n) * counts / n
    return float(-(p * np.log(p) / -np.expm1(n * np.log1p(-p))).sum())


def _nsb(counts: np.ndarray, states: int) -> tuple[float, float]:
    """Posterior mean and standard deviation. The prior's parameter is integrated over on a grid of its logarithm."""
    from scipy.special import digamma, gammaln, polygamma

    if states == 1:
        return 0.0, 0.0
    values, times = np.unique(counts, return_counts=True)
    n, unseen = int(counts.sum()), states - counts.size
    if unseen:
        values, times = np.append(values, 0), np.append(times, unseen)

    def log_evidence(log_beta: np.ndarray) -> np.ndarray:
        beta = np.exp(log_beta)
        total = states * beta
        likelihood = gammaln(total) - gammaln(n + total)
        for v, t in zip(values, times, strict=True):
            if v:
                likelihood = likelihood + t * (gammaln(v + beta) - gammaln(beta))
        # A flat prior in the expected entropy psi(K beta + 1) - psi(beta + 1), times beta for the step in ln beta.
        slope = states * polygamma(1, total + 1) - polygamma(1, beta + 1)
        return likelihood + np.log(np.maximum(slope, 1e-300)) + log_beta

    wide = np.linspace(math.log(1e-9 / states), math.log(1e6 * max(n, states)), 600)
    logs = log_evidence(wide)
    inside = np.flatnonzero(logs > logs.max() - 40)
    grid = np.linspace(wide[max(inside[0] - 1, 0)], wide[min(inside[-1] + 1, wide.size - 1)], 600)
    logs = log_evidence(grid)
    weight = np.exp(logs - logs.max())
    weight /= weight.sum()

    beta = np.exp(grid)[:, None]
    alpha = values + beta
    total = n + states * beta[:, 0]
    # Moments of the entropy under a Dirichlet distribution (Wolpert and Wolf 1995); the double sum is a square less its diagonal.
    d = digamma(alpha + 1)
    mean = digamma(total + 1) - (times * alpha * d).sum(1) / total
    e = d - digamma(total + 2)[:, None]
    trigamma = polygamma(1, total + 2)
    square = (times * alpha * e).sum(1) ** 2 - (times * alpha**2 * e**2).sum(1) - trigamma * (total**2 - (times * alpha**2).sum(1))
    own = (digamma(alpha + 2) - digamma(total + 2)[:, None]) ** 2 + polygamma(1, alpha + 2) - trigamma[:, None]
    second = (square + (times * alpha * (alpha + 1) * own).sum(1)) / (total * (total + 1))
    value = float((weight * mean).sum())
    return value, math.sqrt(max(float((weight * second).sum()) - value**2, 0.0))


_BY_COUNTS: dict[str, Callable[[np.ndarray], float]] = {
    "plug-in": _plug_in,
    "miller-madow": _miller_madow,
    "grassberger": _grassberger,
    "chao-shen": _chao_shen,
}
ESTIMATORS = (*_BY_COUNTS, "nsb", "auto")


def estimate(counts: np.ndarray, estimator: str, states: float | None = None) -> tuple[float, float | None, str]:
    """Entropy in nats, its standard error where the estimator has one, and the estimator that made it; counts must be positive.

    Examples
    --------
    >>> estimate(np.array([2, 2]), "plug-in")
    (0.6931471805599453, None, 'plug-in')
    """
    if estimator not in ESTIMATORS:
        raise ArgumentError(f"`estimator` must be one of {', '.join(ESTIMATORS)}; got {shown(estimator)}")
    if estimator == "auto":
        estimator = "chao-shen" if states is None else "grassberger" if counts.sum() >= states else "nsb"
    if estimator != "nsb":
        return _BY_COUNTS[estimator](counts), None, estimator
    if states is None:
        raise ArgumentError(
            '`n_states` must be given for the estimator "nsb", the number of states that can occur; or use "chao-shen"'
        )
    if states > 1e15:
        raise ArgumentError(f'`n_states` must be at most 1e15 for the estimator "nsb"; got {states:.3g}: use "chao-shen"')
    return *_nsb(counts, int(states)), "nsb"


def sampling_notes(counts: np.ndarray) -> tuple[str, ...]:
    """A warning when more than half of what was counted was seen once."""
    n, singles = int(counts.sum()), int((counts == 1).sum())
    return (f"{singles} of {n} observations are of states seen once: too few for any estimator",) if 2 * singles > n else ()


def bias_note(counts: np.ndarray, used: str, stderr: float | None) -> tuple[str, ...]:
    """A warning where the bias of the plug-in entropy, to first order (states seen - 1) / 2 N, is not small beside its standard error.

    Examples
    --------
    >>> bias_note(np.array([50, 50, 50, 50]), "plug-in", 0.001)
    ('biased low by about 0.0075 nats: "miller-madow" or "grassberger" as `estimator` takes most of it off',)
    """
    bias = (counts.size - 1) / (2 * int(counts.sum()))
    if used != "plug-in" or bias == 0 or (stderr is not None and bias <= 0.5 * stderr):
        return ()
    return (f'biased low by about {bias:.2g} nats: "miller-madow" or "grassberger" as `estimator` takes most of it off',)


def count_entropy(counts: Any, estimator: str = "auto", n_states: int | None = None, base: float | None = None) -> Result:
    """The entropy of a distribution over states, from how often each was seen in independent draws.

    Parameters
    ----------
    counts : array of whole numbers
        Zeros are states that can occur and did not.
    estimator : {"auto", "plug-in", "miller-madow", "grassberger", "chao-shen", "nsb"}
        See the top of this module; "auto" takes Grassberger's when there are as many draws as states, NSB when there are fewer, and
        Chao and Shen's when `n_states` is not given.
    n_states : int, optional
        How many states can occur.
    base : float, optional
        Of the logarithm; nats by default.

    Returns
    -------
    Result
        ``stderr``: the posterior's for NSB, else ``sqrt(Var(-ln p) / N)`` with the plug-in p. Warns when most draws are singletons.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Examples
    --------
    >>> round(float(count_entropy([5, 5], "plug-in", base=2)), 6)
    1.0
    """
    array = np.asarray(counts)
    if array.size and array.dtype.kind not in "iu":
        raise ArgumentTypeError(f"`counts` must be whole numbers; got dtype {array.dtype}")
    array = np.ravel(array)
    if array.size == 0 or array.min() < 0 or array.sum() == 0:
        raise ArgumentError("`counts` must not be negative and must hold at least one observation")
    if n_states is not None:
        whole_number("n_states", n_states, int((array > 0).sum()))
    seen = array[array > 0].astype(np.int64)
    value, stderr, used = estimate(seen, estimator, n_states)
    notes = sampling_notes(seen)
    if stderr is None:
        p = seen / seen.sum()
        surprise = -np.log(p)
        stderr = math.sqrt(max(float((p * surprise**2).sum() - (p * surprise).sum() ** 2), 0.0) / int(seen.sum()))
    notes += bias_note(seen, used, stderr)
    parameters = {"estimator": used, "n_states": n_states, "observations": int(seen.sum()), "states_seen": seen.size}
    result = Result(value, stderr, parameters=parameters, warnings=notes)
    return result if base is None else result.in_base(base)
