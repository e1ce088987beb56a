"""How many different words a sequence has, for one length or all at once.

Sorted, the suffixes that begin with the same word of length n stand together, and each but the first shares at least n symbols
with the one before it. So ``p(n) = (N - n + 1) - #{i: lcp_i >= n}``, and one histogram of the common prefixes gives all n.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.diagnostics.symbols.suffix_array import shared_prefixes, suffix_array
from weakchaos.diagnostics.symbols.symbolic import rank_symbols

__all__ = ["word_complexity"]


def word_complexity(symbols: Any, n: Any = None) -> Any:
    """The number p(n) of different words of length n in a sequence, exactly, in linear time for any alphabet.

    Parameters
    ----------
    symbols : str, or array of shape (N,) or (N, units)
        Rows are symbols when it has two axes.
    n : int or array of int, optional
        Word lengths, 0 to N; without it, all lengths 1 .. N.

    Returns
    -------
    int, or int64 array of the shape of `n`
        A sequence of N symbols holds at most N - n + 1 words of length n: where p(n) is near that, or near k**n while that is near
        N, it tells of the sequence's length and not of its source.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Notes
    -----
    n + 1 for all n means a Sturmian sequence, bounded p an eventually periodic one (Morse and Hedlund, Am. J. Math. 62 (1940) 1,
    doi:10.2307/2371431).

    Examples
    --------
    >>> word_complexity("abaababaabaab", 3)
    4
    >>> word_complexity("abab")
    array([2, 2, 2, 1])
    """
    text, size = rank_symbols(symbols, 1)
    total = text.size
    if n is None:
        lengths = np.arange(1, total + 1)
    else:
        lengths = np.asarray(n)
        if lengths.dtype.kind not in "iu":
            raise ArgumentTypeError(f"`n` must be a whole number or an array of them; got {shown(n)}")
        if lengths.size and (lengths.min() < 0 or lengths.max() > total):
            raise ArgumentError(f"`n` must be from 0 to the number of symbols, {total}; got {shown(n)}")
    text = text.astype(np.int32)
    shared = np.bincount(shared_prefixes(text, suffix_array(text, size)), minlength=total + 1)
    at_least = np.cumsum(shared[::-1])[::-1]
    # The smallest suffix has no neighbour: it counts as sharing nothing, which n = 0 must not see.
    counts = np.where(lengths == 0, 1, total - lengths + 1 - at_least[lengths])
    return int(counts) if counts.ndim == 0 else counts
