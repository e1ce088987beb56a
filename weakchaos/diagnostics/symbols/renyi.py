"""Entropies of Renyi's family: of any order, and of order 0 per symbol, the topological entropy, from words or from a graph."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

import numpy as np

from weakchaos.core.arguments import number_that, whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.symbols.entropy import words_by_length
from weakchaos.diagnostics.symbols.estimators import estimate, sampling_notes
from weakchaos.diagnostics.symbols.symbolic import rank_symbols

__all__ = ["renyi_entropy", "shift_entropy", "topological_entropy"]

_STEADY = 0.9


def renyi_entropy(symbols: Any, q: float = 2.0, length: int = 1, base: float | None = None) -> Result:
    r"""Renyi entropy of the words of a given length.

    Parameters
    ----------
    symbols : str, or array of shape (n,) or (n, units)
    q : float
        Order, not negative: 0 counts words, 1 is Shannon's, 2 the collision entropy, infinity the min-entropy.
    length : int
    base : float, optional
        Of the logarithm; nats by default.

    Returns
    -------
    Result
        For whole q >= 2 the sum is estimated without bias by falling factorials, ``n (n - 1) .. (n - q + 1)`` over the same of N;
        else plug-in. ``parameters["estimator"]`` says which.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Notes
    -----
    $$H_q = \frac{1}{1 - q} \ln \sum_w p(w)^q$$

    over the words w; the limit q = 1 is Shannon's entropy.

    Examples
    --------
    >>> round(float(renyi_entropy([0, 1, 2, 3] * 5000, 2, base=2)), 3)
    2.0
    """
    q = number_that("q", q, "a number of at least 0", lambda v: v >= 0, finite=False)
    ranks, size = rank_symbols(symbols)
    length = whole_number("length", length, 1, ranks.size - 1)
    *_, (_, counts) = islice(words_by_length(ranks, size), length)
    n, used = int(counts.sum()), "plug-in"
    notes = sampling_notes(counts)
    p = counts / n
    if q == 0:
        value = math.log(counts.size)
    elif q == 1:
        value = estimate(counts, "plug-in")[0]
    elif math.isinf(q):
        value = -math.log(p.max())
    elif q == int(q) and counts.max() >= q:
        used = "falling factorials"
        total = np.ones(counts.size)
        for k in range(int(q)):
            total *= np.maximum(counts - k, 0) / (n - k)
        value = math.log(total.sum()) / (1 - q)
    else:
        # Scaled by the largest p, so that large q do not underflow.
        value = (q * math.log(p.max()) + math.log(((p / p.max()) ** q).sum())) / (1 - q)
    if used == "plug-in" and not math.isinf(q) and counts.size > 1:
        # The mean of p^q exceeds that of the true one by q (q - 1) / 2 times p^(q - 2) and the variance p (1 - p) / n.
        weights = (p / p.max()) ** (q - 1) * p.max() ** -1
        bias = 0.5 * q / n * (float(weights.sum()) / float(((p / p.max()) ** q).sum()) - 1)
        if q == 0:
            notes += ("counts the words that were seen: a lower bound",)
        elif bias > 0.005 * value:
            notes += (f"biased low by about {bias:.2g} nats, as plug-in estimates are",)
    result = Result(
        max(value, 0.0), None, parameters={"q": float(q), "length": length, "estimator": used, "words": counts.size}, warnings=notes
    )
    return result if base is None else result.in_base(base)


def topological_entropy(symbols: Any, max_length: int = 32, base: float | None = None) -> Result:
    """Growth rate of the number of words of a sequence, ``(ln p(L) - ln p(L / 2)) / (L / 2)`` at the longest L whose words are all
    seen.

    Parameters
    ----------
    symbols : str, or array of shape (n,) or (n, units)
    max_length : int
    base : float, optional
        Of the logarithm; nats by default.

    Returns
    -------
    Result
        ``curve``: word lengths and ``ln p(L) - ln p(L - 1)``, which may alternate for ever; the value is its mean over the second
        half, and a warning says where it still falls. Lengths are used as long as each word was seen at least 5 times: beyond, unseen words would make the growth fall.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Examples
    --------
    >>> float(topological_entropy("ab" * 1000))
    0.0
    """
    ranks, size = rank_symbols(symbols)
    whole_number("max_length", max_length, 1)
    numbers = [1]
    for k, (_, counts) in enumerate(words_by_length(ranks, size), start=1):
        # The first and the last words of a sequence stand at its ends, where one place may be missing.
        if k > max_length or (k > 1 and counts.min() < 5):
            break
        numbers.append(counts.size)
    growth = np.diff(np.log(numbers))
    lengths = np.arange(1, len(numbers))
    notes: tuple[str, ...] = ()
    if size > 1 and len(numbers) < 4:
        notes = (f"words are all seen up to length {len(numbers) - 1} only: the growth is an upper bound",)
    # Words of zero entropy grow as a power of L, and the slope of ln p as 1 / L: by 0.71 from the third quarter of the lengths to the last.
    late = growth[growth.size // 2 :] if growth.size >= 8 else growth[1:]
    before, after = late[: late.size // 2], late[late.size // 2 :]
    if before.size and after.mean() < _STEADY * before.mean():
        notes += (
            f"the growth still falls, from {before.mean():.3g} to {after.mean():.3g} a symbol: an upper bound, and the entropy may be 0; "
            "compare a longer sequence, or a larger `max_length`",
        )
    result = Result(
        float(growth[growth.size // 2 :].mean()),
        None,
        (lengths, growth),
        None,
        {"length": int(lengths[-1]), "words": numbers[-1]},
        notes,
    )
    return result if base is None else result.in_base(base)


def shift_entropy(adjacency: Any, base: float | None = None) -> float:
    """Topological entropy of the walks on a graph: the logarithm of the spectral radius of its adjacency matrix.

    Parameters
    ----------
    adjacency : array of shape (k, k)
        ``adjacency[i, j]``: number of edges from i to j. A shift of finite type by its allowed transitions, a sofic shift by a
        presentation whose edges out of each state bear different symbols, a Markov map by which intervals cover which.
    base : float, optional
        Of the logarithm; nats by default.

    Returns
    -------
    float

    Raises
    ------
    ArgumentError
        Also for a graph without cycles, which has no infinite walk.

    Notes
    -----
    Lind and Marcus, An Introduction to Symbolic Dynamics and Coding (1995), theorem 4.3.1. Each strongly connected part is taken
    alone: its leading eigenvalue is simple, so it is found to full precision.

    Examples
    --------
    >>> round(shift_entropy([[1, 1], [1, 0]]), 6)
    0.481212
    """
    from scipy.sparse.csgraph import connected_components

    matrix = np.asarray(adjacency, np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.size == 0:
        raise ArgumentError(f"`adjacency` must have shape (k, k); got {matrix.shape}")
    if not (np.isfinite(matrix).all() and (matrix >= 0).all()):
        raise ArgumentError("`adjacency` must hold numbers of edges, not negative and finite")
    parts, label = connected_components(matrix > 0, directed=True, connection="strong")
    radius = 0.0
    for k in range(parts):
        own = np.flatnonzero(label == k)
        radius = max(radius, float(np.abs(np.linalg.eigvals(matrix[np.ix_(own, own)])).max()))
    if radius == 0:
        raise ArgumentError("`adjacency` must hold a cycle: without one there is no infinite walk")
    return math.log(radius) / (1.0 if base is None else math.log(base))
