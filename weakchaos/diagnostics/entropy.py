"""Plug-in entropies of symbol sequences: of blocks, and per symbol."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.diagnostics.result import Result

__all__ = ["block_entropy", "entropy_rate"]


def _ranks(symbols: Any) -> tuple[np.ndarray, int]:
    array = np.asarray(symbols)
    if array.ndim == 2 and array.shape[1] >= 1:
        _, ranks = np.unique(array, axis=0, return_inverse=True)
    elif array.ndim == 1:
        _, ranks = np.unique(array, return_inverse=True)
    else:
        raise ArgumentError(f"`symbols` must have shape (n,) or (n, units), one symbol or one state a step; got {array.shape}")
    if array.shape[0] < 2:
        raise ArgumentError(f"`symbols` must hold at least 2 symbols; got {array.shape[0]}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ArgumentError("`symbols` must not hold NaN or infinities; drop or code them first")
    ranks = np.ravel(ranks).astype(np.int64)
    return ranks, int(ranks.max()) + 1


def _entropy(counts: np.ndarray) -> float:
    """Plug-in entropy in nats; written so that one symbol gives exactly zero."""
    n = counts.sum()
    return float(math.log(n) - (counts * np.log(counts)).sum() / n) if counts.size > 1 else 0.0


def _words(ranks: np.ndarray, size: int):
    """For L = 1, 2, ...: the ranks of all words of length L among those that occur, and how often each does."""
    words = ranks
    counts = np.bincount(words)
    while True:
        yield words, counts[counts > 0]
        # A word of length L + 1 is one of length L and a symbol: ranks of pairs never overflow, whatever L.
        pairs = words[:-1] * size + ranks[ranks.size - words.size + 1 :]
        if pairs.size < 2:
            return
        _, words, counts = np.unique(pairs, return_inverse=True, return_counts=True)


def block_entropy(symbols: Any, length: int = 1, base: float | None = None) -> Result:
    """Plug-in entropy of the words of a given length.

    Parameters
    ----------
    symbols : array of shape (n,) or (n, units)
        A sequence over any alphabet; rows are symbols when it has two axes.
    length : int
    base : float, optional
        Of the logarithm; nats by default.

    Returns
    -------
    Result
        ``curve``: word lengths 1 .. `length` and their entropies. A warning says when the words are too many for the sequence.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> round(float(block_entropy([0, 1, 0, 1, 0, 1, 0, 1, 0], 2, base=2)), 6)
    1.0
    """
    if isinstance(length, bool) or not isinstance(length, int | np.integer) or length < 1:
        raise ArgumentError(f"`length` must be a whole number of at least 1; got {shown(length)}")
    ranks, size = _ranks(symbols)
    if length >= ranks.size:
        raise ArgumentError(f"`length` must be less than the {ranks.size} symbols; got {length}")
    values, distinct = [], 1
    for k, (_, counts) in enumerate(_words(ranks, size), start=1):
        values.append(_entropy(counts))
        distinct = counts.size
        if k == length:
            break
    notes = (
        (f"{distinct} different words among {ranks.size - length + 1}: the plug-in entropy is biased low",)
        if 10 * distinct > ranks.size
        else ()
    )
    result = Result(
        values[-1],
        None,
        (np.arange(1, len(values) + 1), np.array(values)),
        None,
        {"length": length, "estimator": "plug-in", "words": distinct},
        notes,
    )
    return result if base is None else result.in_base(base)


def entropy_rate(symbols: Any, max_length: int = 32, base: float | None = None) -> Result:
    """Plug-in entropy per symbol, ``H(L) - H(L - 1)`` at the longest word length that the sequence can fill.

    Parameters
    ----------
    symbols : array of shape (n,) or (n, units)
    max_length : int
        The longest word tried; it is reached by sequences of few words, periodic and quasi-periodic ones.
    base : float, optional
        Of the logarithm; nats by default.

    Returns
    -------
    Result
        ``curve``: word lengths and ``H(L) - H(L - 1)``, an upper bound that falls to the entropy rate; ``parameters["length"]``: the
        length chosen, the last with at least 50 places in the sequence for each word that occurs.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> float(entropy_rate([0, 1] * 500)) < 0.01
    True
    """
    ranks, size = _ranks(symbols)
    if max_length < 1:
        raise ArgumentError(f"`max_length` must be at least 1; got {shown(max_length)}")
    previous, lengths, rates = 0.0, [], []
    notes: tuple[str, ...] = ()
    for k, (_, counts) in enumerate(_words(ranks, size), start=1):
        if k > max_length or (k > 1 and 50 * counts.size > ranks.size):
            break
        value = _entropy(counts)
        lengths.append(k)
        rates.append(max(value - previous, 0.0))
        previous = value
        if k == 1 and 50 * counts.size > ranks.size:
            notes = (f"{counts.size} symbols for a sequence of {ranks.size}: too short for any estimate of the rate",)
            break
    result = Result(
        rates[-1],
        None,
        (np.array(lengths), np.array(rates)),
        None,
        {"length": lengths[-1], "estimator": "plug-in", "alphabet": size},
        notes,
    )
    return result if base is None else result.in_base(base)
