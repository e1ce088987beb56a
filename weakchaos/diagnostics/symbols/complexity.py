"""Lempel-Ziv complexities: the number of phrases of two incremental parsings.

* LZ76 (Lempel and Ziv, IEEE Trans. Inf. Theory 22 (1976) 75, doi:10.1109/TIT.1976.1055501): each phrase is the shortest word that
  does not begin earlier in the sequence; an earlier copy may overlap it. 1001111011000010 is 1.0.01.1110.1100.0010: 6 phrases.
* LZ78 (Ziv and Lempel, IEEE Trans. Inf. Theory 24 (1978) 530, doi:10.1109/TIT.1978.1055934): each phrase is the longest earlier
  phrase and one more symbol.

A last phrase that the end cuts short counts as one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.symbols.suffix_array import earlier_neighbours, suffix_array
from weakchaos.diagnostics.symbols.symbolic import rank_symbols
from weakchaos.native.compiled import kernel

__all__ = ["Complexity", "lempel_ziv"]


@dataclass(frozen=True, repr=False)
class Complexity(Result):
    """``value`` is the number of phrases, c, a pure number.

    Attributes
    ----------
    rate : float
        ``c ln(n) / n`` for LZ76, ``c ln(c) / n`` for LZ78, nats per symbol: both fall to the entropy rate, as slowly as ln ln n /
        ln n (2.4 % above it after a million symbols of the golden-mean chain), so read it as a complexity.
    normalized : float
        `rate` over the logarithm of the number of symbols that occur: about 1 for independent, equally likely ones.
    phrase_ends : int64 array
        Where each phrase ends, exclusive.
    """

    rate: float = 0.0
    normalized: float = 0.0
    phrase_ends: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    def in_base(self, base: float) -> Complexity:
        """The same with the rate in logarithms to another base; the number of phrases has none."""
        return replace(self, rate=self.rate / math.log(base), parameters={**self.parameters, "base": base})


@kernel
def _shared(text, i, j):
    """How many symbols the suffixes at `j` and, later, `i` share; none where `j` is the end."""
    n, length = text.size, 0
    while j < n and i + length < n and text[j + length] == text[i + length]:
        length += 1
    return length


@kernel
def _parse76(text, smaller, larger):
    # The longest earlier copy begins at one of two neighbours; it is asked for where phrases begin only, and the symbols compared are
    # fewer than two for each of the text.
    n = text.size
    ends, count, i = np.empty(n, np.int64), 0, 0
    while i < n:
        i = min(i + max(_shared(text, i, smaller[i]), _shared(text, i, larger[i])) + 1, n)
        ends[count] = i
        count += 1
    return ends[:count]


@kernel
def _parse78(text, size):
    n = text.size
    slots = 1
    while slots < 2 * n:
        slots *= 2
    # The tree of phrases as a hash table from (phrase, symbol) to phrase: room for n phrases of any alphabet.
    keys, children = np.full(slots, -1, np.int64), np.empty(slots, np.int32)
    ends, count, node = np.empty(n, np.int64), 0, 0
    for i in range(n):
        key = np.int64(node) * size + text[i]
        # Fibonacci hashing: the high bits of the product are the mixed ones.
        slot = ((key * 0x1E3779B97F4A7C15) >> 20) & (slots - 1)
        while keys[slot] >= 0 and keys[slot] != key:
            slot = (slot + 1) & (slots - 1)
        if keys[slot] == key:
            node = children[slot]
            if i == n - 1:
                ends[count] = n
                count += 1
        else:
            keys[slot] = key
            ends[count] = i + 1
            count += 1
            children[slot] = count
            node = 0
    return ends[:count]


def lempel_ziv(symbols: Any, version: str = "LZ76", base: float | None = None) -> Complexity:
    """The number of phrases into which a sequence falls, in linear time for any alphabet.

    Parameters
    ----------
    symbols : str, or array of shape (n,) or (n, units)
    version : {"LZ76", "LZ78"}
    base : float, optional
        Of the logarithm in ``rate``; nats by default.

    Returns
    -------
    Complexity
        ``float(result)`` is the number of phrases; ``.rate`` and ``.normalized`` compare sequences of different lengths.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> float(lempel_ziv("1001111011000010"))
    6.0
    """
    if version not in ("LZ76", "LZ78"):
        raise ArgumentError(f'`version` must be "LZ76" or "LZ78"; got {shown(version)}')
    ranks, size = rank_symbols(symbols, 1)
    text, n = ranks.astype(np.int32), ranks.size
    ends = _parse76(text, *earlier_neighbours(suffix_array(text, size))) if version == "LZ76" else _parse78(text, size)
    count = ends.size
    rate = count * math.log(n if version == "LZ76" else count) / n
    notes = []
    if size == 1:
        notes.append("one symbol only: the sequence is constant")
    elif n < 100 * size:
        notes.append(f"{n} symbols over an alphabet of {size}: too short for the rate to mean much")
    result = Complexity(
        float(count),
        parameters={"version": version, "n": n, "alphabet": size},
        warnings=tuple(notes),
        rate=rate,
        normalized=rate / math.log(size) if size > 1 else 0.0,
        phrase_ends=ends,
    )
    return result if base is None else result.in_base(base)
