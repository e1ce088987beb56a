"""From series to symbols: ordinal patterns, quantiles, partitions, states of a discrete model; and from any alphabet to 0 .. k - 1.

The ordinal pattern of a window is coded by its Lehmer code, ``sum_k #{l > k: x_l < x_k} (m - 1 - k)!`` (Bandt and Pompe, Phys.
Rev. Lett. 88 (2002) 174102, doi:10.1103/PhysRevLett.88.174102): the rank of the argsort permutation's inverse in lexicographic
order, so a rising window is 0 and a falling one m! - 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import plain_array, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.diagnostics.recorded import as_series
from weakchaos.native.compiled import kernel

__all__ = ["ordinal_codes", "pattern_of", "rank_symbols", "symbolize"]

_LARGEST_ORDER = 20  # 20! is the last factorial below 2**63


@kernel
def _rank_by_table(values, low, table):
    """Values become ranks in place; returns how many there are."""
    for value in values:
        table[value - low] = 1
    size = 0
    for k in range(table.size):
        size += table[k]
        table[k] = size - 1
    for i in range(values.size):
        values[i] = table[values[i] - low]
    return size


def _ranks_of_column(column: np.ndarray) -> tuple[np.ndarray, int]:
    kind = column.dtype.kind
    if kind in "biu":
        low, high = int(column.min()), int(column.max())
        if high - low < 4 * column.size + 256 and high < 2**62 and low > -(2**62):
            # A table instead of a sort: what makes long sequences over small alphabets cheap.
            ranks = column.astype(np.int64)
            return ranks, int(_rank_by_table(ranks, low, np.zeros(high - low + 1, np.int64)))
    elif kind == "f" and not np.isfinite(column).all():
        raise ArgumentError("`symbols` must not hold NaN or infinities; drop or code them first")
    try:
        values, ranks = np.unique(column, return_inverse=True)
    except TypeError as error:
        raise ArgumentTypeError(f"`symbols` must be of one type that can be ordered: {error}") from error
    return np.ravel(ranks).astype(np.int64), values.size


def rank_symbols(symbols: Any, least: int = 2) -> tuple[np.ndarray, int]:
    """Symbols of any alphabet as ranks 0 .. k - 1 in the order of the alphabet, and k.

    Parameters
    ----------
    symbols : str, or array of shape (n,) or (n, units)
        Numbers, strings, or one state of several units a row.
    least : int
        The least number of symbols accepted.

    Returns
    -------
    ranks : int64 array of shape (n,)
    k : int

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Examples
    --------
    >>> rank_symbols("banana")
    (array([1, 0, 2, 0, 2, 0]), 3)
    """
    array = np.array(list(symbols)) if isinstance(symbols, str) else plain_array("symbols", symbols)
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] == 0):
        raise ArgumentError(f"`symbols` must have shape (n,) or (n, units), one symbol or one state a step; got {array.shape}")
    if array.shape[0] < least:
        raise ArgumentError(f"`symbols` must hold at least {least} symbols; got {array.shape[0]}")
    if array.shape[0] == 0:
        return np.empty(0, np.int64), 0
    if array.dtype.kind not in "biufSUOmMc":
        raise ArgumentTypeError(f"`symbols` must be numbers or strings; got dtype {array.dtype}")
    if array.ndim == 1:
        return _ranks_of_column(array)
    ranks, size = _ranks_of_column(array[:, 0])
    for k in range(1, array.shape[1]):
        # Ranks of pairs stay below n**2, whatever the number of units.
        column, width = _ranks_of_column(array[:, k])
        ranks, size = _ranks_of_column(ranks * width + column)
    return ranks, size


@kernel
def _ordinal(x, order, delay, skip, codes):
    """Codes of all windows; -1 where `skip` is set and two values of the window are equal. Returns the number of windows with
    ties."""
    ties = 0
    # Some windows at a time, one pair of places after the other: comparisons of many windows at once, in the nearest cache.
    at_once = 512
    code, smaller, tied = np.empty(at_once, np.int64), np.empty(at_once, np.int64), np.empty(at_once, np.int64)
    for start in range(0, codes.size, at_once):
        size = min(at_once, codes.size - start)
        code[:], tied[:] = 0, 0
        for k in range(order - 1):
            here = x[start + k * delay : start + k * delay + size]
            smaller[:] = 0
            for m in range(k + 1, order):
                other = x[start + m * delay : start + m * delay + size]
                for i in range(size):
                    smaller[i] += other[i] < here[i]
                    tied[i] |= other[i] == here[i]
            for i in range(size):
                code[i] = code[i] * (order - k) + smaller[i]
        for i in range(size):
            ties += tied[i]
            codes[start + i] = -1 if skip and tied[i] else code[i]
    return ties


def small_codes(x: np.ndarray, order: int, delay: int, ties: str) -> tuple[np.ndarray, int]:
    """`ordinal_codes` of a series that was checked, in the smallest signed integers that hold them: less memory to touch."""
    kind: type[np.signedinteger[Any]] = np.int16 if order <= 7 else np.int32 if order <= 12 else np.int64
    codes = np.empty(x.size - (order - 1) * delay, kind)
    tied = int(_ordinal(x, order, delay, ties == "skip", codes))
    return (codes[codes >= 0] if ties == "skip" else codes), tied


def check_windows(x: Any, order: Any, delay: Any, ties: Any) -> tuple[np.ndarray, int, int]:
    """The series, order and delay, or the error that says what they must be."""
    order, delay = whole_number("order", order, 2, _LARGEST_ORDER), whole_number("delay", delay, 1)
    if ties not in ("first", "skip"):
        raise ArgumentError(f'`ties` must be "first" or "skip"; got {shown(ties)}')
    array = plain_array("x", x)
    series = as_series(array, (order - 1) * delay + 1, constant=True, differences=True)
    if array.dtype.kind in "iuO" and series.max() > 2**53:
        # Only the order matters here, and ranks keep that of whole numbers which no double can tell apart.
        series = np.ravel(np.unique(array.ravel(), return_inverse=True)[1]).astype(np.float64)
    return series, order, delay


def ordinal_codes(x: Any, order: int = 3, delay: int = 1, ties: str = "first") -> tuple[np.ndarray, int]:
    """Codes 0 .. order! - 1 of the ordinal patterns of all overlapping windows, and the number of windows with equal values.

    Parameters
    ----------
    x : array of shape (n,)
    order : int
        Values a window, 2 to 20.
    delay : int
        Steps between them.
    ties : {"first", "skip"}
        Of equal values the earlier counts as the smaller; or windows with equal values are left out.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Examples
    --------
    >>> ordinal_codes([1, 2, 3, 2, 1])[0]
    array([0, 1, 5])
    """
    x, order, delay = check_windows(x, order, delay, ties)
    codes, tied = small_codes(x, order, delay, ties)
    return codes.astype(np.int64), tied


def symbolize(
    x: Any,
    method: str = "quantile",
    *,
    bins: int = 2,
    edges: Any = None,
    order: int = 3,
    delay: int = 1,
    units: Any = None,
    ties: str = "first",
) -> np.ndarray:
    """A series as symbols 0, 1, 2, ...

    Parameters
    ----------
    x : array of shape (n,), or (n, units) for ``"states"``
    method : {"quantile", "partition", "ordinal", "states"}
        Equally filled bins of the values; bins with the given `edges`; ordinal patterns; the joint state of the units of a
        discrete model.
    bins : int
        Of ``"quantile"``.
    edges : array of shape (bins - 1,)
        Of ``"partition"``, increasing: symbol k is ``edges[k - 1] <= x < edges[k]``. A generating partition keeps the entropy rate,
        1/2 for the logistic map at r = 4.
    order, delay, ties
        Of ``"ordinal"``, see `ordinal_codes`; one symbol a window, ``(order - 1) * delay`` fewer than values.
    units : sequence of int, optional
        Of ``"states"``: the columns that make a state; all by default.

    Returns
    -------
    int64 array

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Examples
    --------
    >>> symbolize([0.1, 0.9, 0.4, 0.6], "partition", edges=[0.5])
    array([0, 1, 0, 1])
    """
    if method == "ordinal":
        return ordinal_codes(x, order, delay, ties)[0]
    if method == "states":
        states = plain_array("x", x)
        states = states[:, None] if states.ndim == 1 else states
        if states.ndim != 2:
            raise ArgumentError(
                f"`x` must have shape (n, units) for the states of a model; got {states.shape}: pass one chain at a time"
            )
        if units is not None:
            try:
                states = states[:, list(units)]
            except (IndexError, TypeError) as error:
                raise ArgumentError(f"`units` must be columns of `x`, which has {states.shape[1]}; got {shown(units)}") from error
        return rank_symbols(states, 1)[0]
    if method == "partition":
        if edges is None:
            raise ArgumentError("`edges` must be given for a partition, one number between two symbols")
        cuts = as_series(edges, 1, "edges", constant=True)
        if (np.diff(cuts) <= 0).any():
            raise ArgumentError(f"`edges` must increase; got {shown(cuts.tolist())}")
        return np.searchsorted(cuts, as_series(x, 1, constant=True), side="right").astype(np.int64)
    if method != "quantile":
        raise ArgumentError(f'`method` must be "quantile", "partition", "ordinal" or "states"; got {shown(method)}')
    bins = whole_number("bins", bins, 2)
    x = as_series(x, bins, constant=True)
    cuts = np.quantile(x, np.arange(1, bins) / bins, method="higher")
    if x.min() == cuts[0] or (np.diff(cuts) <= 0).any():
        raise ArgumentError(f'`x` has too many equal values for {bins} quantile bins; use fewer `bins` or method "partition"')
    return np.searchsorted(cuts, x, side="right").astype(np.int64)


def pattern_of(code: int, order: int) -> tuple[int, ...]:
    """The ranks of a window's values, in time order, from its code.

    Examples
    --------
    >>> pattern_of(5, 3)
    (2, 1, 0)
    """
    left, ranks = list(range(order)), []
    for k in range(order):
        digit, code = divmod(code, math.factorial(order - 1 - k))
        ranks.append(left.pop(digit))
    return tuple(ranks)
