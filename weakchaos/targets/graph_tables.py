"""The tables of a factor graph, checked and as logarithms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["checked_cardinalities", "checked_factors"]

_LARGEST_CARDINALITY = 1 << 31


def checked_cardinalities(cardinalities: Any) -> np.ndarray:
    """Number of states of each unit, int64."""
    try:
        array = np.asarray(cardinalities)
    except ValueError as error:
        raise ArgumentError(f"`cardinalities` must be a list of whole numbers; got {shown(cardinalities)}") from error
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise ArgumentError(
            f"`cardinalities` must be a list of whole numbers, one a unit, at least one; got {shown(cardinalities)}"
        )
    bad = np.flatnonzero((array < 1) | (array > _LARGEST_CARDINALITY))
    if bad.size:
        raise ArgumentError(f"`cardinalities` must be from 1 to 2**31; unit {bad[0]} has {array[bad[0]]}")
    return array.astype(np.int64)


def checked_factors(
    factors: Iterable[tuple[Any, Any]], graph: Any, logarithms: bool
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Scopes and log tables of the factors of a graph whose units are known.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For tables of the wrong shape, for entries that are NaN, infinite or (unless they are logarithms) negative, for tables of zeros alone,
        and for scopes with unknown or repeated units.
    """
    scopes, tables = [], []
    try:
        pairs = [(scope, table) for scope, table in factors]
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"`factors` must be pairs (scope, table); got {shown(factors)}") from error
    for f, (scope, table) in enumerate(pairs):
        units = _scope(graph, f, scope)
        scopes.append(units)
        tables.append(_log_table(graph, f, units, table, logarithms))
    return tuple(scopes), tuple(tables)


def _scope(graph: Any, f: int, scope: Any) -> np.ndarray:
    if isinstance(scope, str) or not isinstance(scope, Iterable):
        raise ArgumentTypeError(f"the scope of factor {f} must be a sequence of units; got {shown(scope)}")
    units = [graph.unit(i, f"the scope of factor {f}") for i in scope]
    if len(set(units)) != len(units):
        raise ArgumentError(f"the scope of factor {f} must not repeat a unit; got {shown([graph.names[i] for i in units])}")
    return np.array(units, np.int64)


def _log_table(graph: Any, f: int, units: np.ndarray, table: Any, logarithms: bool) -> np.ndarray:
    what = f"the {'log ' * logarithms}table of factor {f}, over {shown([graph.names[i] for i in units])},"
    try:
        array = np.array(table, np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"{what} must be an array of numbers; got {shown(table)}") from error
    shape = tuple(int(k) for k in graph.cardinalities[units])
    if array.shape != shape:
        raise ArgumentError(f"{what} must have shape {shape}, the cardinalities of its scope; got {array.shape}")
    bad = np.isnan(array) | (array == np.inf) | (False if logarithms else array < 0)
    if bad.any():
        place = tuple(int(k) for k in np.argwhere(bad)[0])
        allowed = "numbers or -inf" if logarithms else "finite and not negative"
        raise ArgumentError(f"{what} must hold entries that are {allowed}; entry {place} is {array[place]}")
    if not logarithms:
        with np.errstate(divide="ignore"):
            array = np.log(array)
    if (array == -np.inf).all():
        raise ArgumentError(f"{what} must not be zero everywhere: no state would be possible")
    return np.asarray(array)
