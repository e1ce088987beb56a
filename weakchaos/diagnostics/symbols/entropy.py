"""Entropies of symbol sequences: of blocks, of the next symbol given the last ones, per symbol, in excess.

With H(L) the entropy of words of length L, ``h(L) = H(L) - H(L - 1)`` falls to the entropy rate h, and ``E = sum_L (h(L) - h)`` is
the excess entropy, what past and future share (Crutchfield and Feldman, Chaos 13 (2003) 25, doi:10.1063/1.1530990).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.result import NoStandardError, Result
from weakchaos.diagnostics.standard_errors import long_run_error
from weakchaos.diagnostics.symbols.estimators import bias_note, estimate, sampling_notes
from weakchaos.diagnostics.symbols.symbolic import rank_symbols

__all__ = [
    "block_entropy",
    "conditional_entropy",
    "entropy_rate",
    "excess_entropy",
    "words_by_length",
]

_FILLED = 50


def words_by_length(ranks: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For L = 1, 2, ...: the ranks of all words of length L among those that occur, and how often each does.

    Examples
    --------
    >>> [counts.tolist() for _, counts in words_by_length(np.array([0, 1, 0, 1]), 2)]
    [[2, 2], [2, 1], [1, 1]]
    """
    words, kinds = ranks, size
    while True:
        yield words, np.bincount(words, minlength=kinds)
        # A word of length L + 1 is one of length L and a symbol: ranks of pairs never overflow, whatever L.
        pairs = words[:-1] * size + ranks[ranks.size - words.size + 1 :]
        if pairs.size < 2:
            return
        words, kinds = rank_symbols(pairs)


def _alphabet(alphabet: int | None, size: int) -> int:
    return size if alphabet is None else whole_number("alphabet", alphabet, size)


def _number(letters: int, length: int) -> float:
    """How many words there can be; capped, since it may be beyond all floats."""
    return min(math.exp(min(length * math.log(letters), 600.0)), 1e200)


def _length(length: Any, total: int, name: str = "length") -> int:
    length = whole_number(name, length, 1)
    if length >= total:
        raise ArgumentError(f"`{name}` must be less than the {total} symbols; got {length}")
    return length


def block_entropy(
    symbols: Any, length: int = 1, base: float | None = None, *, estimator: str = "plug-in", alphabet: int | None = None
) -> Result:
    r"""Entropy of the words of a given length.

    Parameters
    ----------
    symbols : str, or array of shape (n,) or (n, units)
        A sequence over any alphabet; rows are symbols when it has two axes.
    length : int
    base : float, optional
        Of the logarithm; nats by default.
    estimator : str
        See `count_entropy`.
    alphabet : int, optional
        How many symbols can occur, for the estimators that ask; by default those that did. Words are taken to be
        ``alphabet**length``.

    Returns
    -------
    Result
        ``curve``: word lengths 1 .. `length` and their entropies. The standard error is from batch means of -ln p, since
        neighbouring words overlap; None below 100 words. A warning says when the words are too many for the sequence.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Notes
    -----
    $$H(L) = -\sum_w p(w) \ln p(w)$$

    over the words w of length L.

    Examples
    --------
    >>> round(float(block_entropy([0, 1, 0, 1, 0, 1, 0, 1, 0], 2, base=2)), 6)
    1.0
    """
    ranks, size = rank_symbols(symbols)
    length, letters = _length(length, ranks.size), _alphabet(alphabet, size)
    values: list[float] = []
    words, counts, stderr, used = ranks, np.ones(1, np.int64), None, estimator
    for words, counts in islice(words_by_length(ranks, size), length):  # noqa: B007, the last ones are used
        value, stderr, used = estimate(counts, estimator, _number(letters, len(values) + 1))
        values.append(value)
    notes: tuple[str, ...] = sampling_notes(counts)
    if 10 * counts.size > ranks.size:
        notes += (
            f"{counts.size} different words among {ranks.size - length + 1}: the {used} entropy is biased, the plug-in one low",
        )
    if stderr is None:
        stderr = long_run_error(-np.log(counts / counts.sum()), words)
    if 10 * counts.size <= ranks.size:
        notes += bias_note(counts, used, stderr)
    parameters = {"length": length, "estimator": used, "words": counts.size, "alphabet": letters}
    result = Result(values[-1], stderr, (np.arange(1, length + 1), np.array(values)), None, parameters, notes)
    return result if base is None else result.in_base(base)


def conditional_entropy(
    symbols: Any, length: int = 1, base: float | None = None, *, estimator: str = "grassberger", alphabet: int | None = None
) -> Result:
    """Entropy of the next symbol given the `length` symbols before it, ``H(length + 1) - H(length)`` over the places that have a
    next one.

    Parameters
    ----------
    symbols : str, or array of shape (n,) or (n, units)
    length : int
        0 for the entropy of the symbols themselves.
    base, estimator, alphabet
        As for `block_entropy`.

    Returns
    -------
    Result
        ``curve``: context lengths 0 .. `length` and the entropies given them.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Examples
    --------
    >>> round(float(conditional_entropy("ab" * 500)), 6)
    0.0
    """
    ranks, size = rank_symbols(symbols)
    length, letters = whole_number("length", length, 0), _alphabet(alphabet, size)
    _length(length + 1, ranks.size)
    lengths, rates, stderr, counts = _rates(ranks, size, length + 1, estimator, letters, fill=False)
    notes = sampling_notes(counts)
    if _FILLED * counts.size > ranks.size:
        notes += (f"{counts.size} different words for {ranks.size} symbols, fewer than {_FILLED} places each: biased",)
    parameters = {"length": length, "estimator": estimator, "words": counts.size, "alphabet": letters}
    result = Result(rates[-1], stderr, (lengths - 1, rates), None, parameters, notes)
    return result if base is None else result.in_base(base)


def _rates(
    ranks: np.ndarray, size: int, most: int, estimator: str, letters: int, fill: bool = True
) -> tuple[np.ndarray, np.ndarray, float | None, np.ndarray]:
    """Word lengths, h(L), the error of the last, and the counts of its words; with `fill`, only lengths whose words fill the
    sequence."""
    rates: list[float] = []
    surprise, last, before = np.zeros(ranks.size), np.ones(1, np.int64), np.zeros(ranks.size, np.int64)
    for k, (words, counts) in enumerate(words_by_length(ranks, size), start=1):
        if k > most or (fill and k > 1 and _FILLED * counts.size > ranks.size):
            break
        # Contexts are counted where a symbol follows, so that a periodic sequence gives exactly zero.
        contexts = np.bincount(before[: words.size])
        seen = contexts[contexts > 0]
        value = estimate(counts, estimator, _number(letters, k))[0] - estimate(seen, estimator, _number(letters, k - 1))[0]
        rates.append(max(value, 0.0))
        surprise = np.log(contexts[before[: words.size]] / counts[words])
        before, last = words, counts
    return np.arange(1, len(rates) + 1), np.array(rates), long_run_error(surprise), last


def entropy_rate(
    symbols: Any, max_length: int = 32, base: float | None = None, *, estimator: str = "grassberger", alphabet: int | None = None
) -> Result:
    r"""Entropy per symbol, ``H(L) - H(L - 1)`` at the longest word length that the sequence can fill.

    Parameters
    ----------
    symbols : str, or array of shape (n,) or (n, units)
    max_length : int
        The longest word tried; it is reached by sequences of few words, periodic and quasi-periodic ones.
    base : float, optional
        Of the logarithm; nats by default.
    estimator, alphabet
        As for `block_entropy`.

    Returns
    -------
    Result
        ``curve``: word lengths and ``H(L) - H(L - 1)``, an upper bound that falls to the entropy rate; ``parameters["length"]``:
        the length chosen, the last with at least 50 places in the sequence for each word that occurs. The standard error is from
        batch means of -ln p of each symbol given those before it. Warns where the curve still falls at its end.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Notes
    -----
    $$h = \lim_{L \to \infty} H(L) - H(L - 1)$$

    with the entropy H(L) of words of length L.

    Examples
    --------
    >>> float(entropy_rate([0, 1] * 500)) < 0.01
    True
    """
    ranks, size = rank_symbols(symbols)
    whole_number("max_length", max_length, 1)
    letters = _alphabet(alphabet, size)
    lengths, rates, stderr, counts = _rates(ranks, size, max_length, estimator, letters)
    notes = sampling_notes(counts)
    if _FILLED * counts.size > ranks.size:
        notes += (f"{size} symbols for a sequence of {ranks.size}: too short for any estimate of the rate",)
    elif size > 1 and lengths.size == 1:
        notes += ("only words of length 1 are filled: an upper bound that sees no correlation",)
    elif lengths.size > 1 and rates[(lengths.size - 1) // 2] - rates[-1] > max(0.02 * rates[-1], 3 * (stderr or 0.0)):
        notes += (f"still falling at word length {lengths.size}: an upper bound",)
    parameters = {"length": int(lengths[-1]), "estimator": estimator, "alphabet": letters}
    result = Result(float(rates[-1]), stderr, (lengths, rates), None, parameters, notes)
    return result if base is None else result.in_base(base)


def excess_entropy(
    symbols: Any, max_length: int = 32, base: float | None = None, *, estimator: str = "grassberger", alphabet: int | None = None
) -> Result:
    r"""What past and future share: zero for independent symbols, ln p for period p.

    Parameters
    ----------
    symbols, max_length, base, estimator, alphabet
        As for `entropy_rate`, whose value is taken for h.

    Returns
    -------
    Result
        ``curve``: word lengths and the partial sums, a lower bound that rises. No standard error: its terms are differences of
        estimates on the same words.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Notes
    -----
    $$E = \sum_{L=1}^{\infty} \left(H(L) - H(L - 1) - h\right)$$

    with the entropy rate h.

    Examples
    --------
    >>> bool(np.isclose(float(excess_entropy([0, 1, 1] * 2000)), np.log(3), atol=1e-3))
    True
    """
    rate = entropy_rate(symbols, max_length, estimator=estimator, alphabet=alphabet)
    lengths, rates = rate.curve
    sums = np.cumsum(rates - rate.value)
    notes = (*rate.warnings, NoStandardError("no standard error: the terms of the sum are estimated on the same words"))
    result = Result(float(sums[-1]), None, (lengths, sums), None, {**rate.parameters, "entropy_rate": rate.value}, notes)
    return result if base is None else result.in_base(base)
