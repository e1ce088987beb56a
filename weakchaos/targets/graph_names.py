"""Units and states by index or by name: checks of names, and the unit or state that a name or an index means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from weakchaos.core.arguments import is_integer
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["checked_names", "checked_states", "read_evidence_of", "state_index", "unit_index"]


def checked_names(names: Any, n: int) -> tuple[str, ...]:
    """Names of `n` units, ``x0, x1, ...`` by default."""
    if names is None:
        return tuple(f"x{k}" for k in range(n))
    if isinstance(names, str):
        raise ArgumentTypeError(f"`names` must be a sequence of {n} names; got the string {shown(names)}")
    out = tuple(str(k) for k in names)
    if len(out) != n or len(set(out)) != n:
        raise ArgumentError(f"`names` must hold {n} different names, one for each unit; got {shown(list(out))}")
    return out


def _state_name(name: Any) -> Any:
    """Numbers stay numbers, so that a state named 1 is found by the number 1; whatever else it is, its text is its name."""
    if isinstance(name, np.generic):
        name = name.item()
    return name if isinstance(name, bool | int | float) and name == name else str(name)


def checked_states(states: Any, cardinalities: np.ndarray, names: Sequence[str]) -> tuple[tuple[Any, ...], ...] | None:
    """Names of the states of each unit: strings, or numbers that are names."""
    if states is None:
        return None
    rows = tuple(tuple(_state_name(s) for s in row) for row in states)
    if len(rows) != len(cardinalities):
        raise ArgumentError(f"`states` must hold {len(cardinalities)} lists of state names, one for each unit; got {len(rows)}")
    for row, k, name in zip(rows, cardinalities, names, strict=True):
        if len(row) != k or len(set(row)) != k:
            raise ArgumentError(f"`states` of unit {name!r} must be {k} different names; got {shown(list(row))}")
    return rows


def unit_index(which: Any, index: Mapping[str, int], what: str) -> int:
    """The index of a unit from its name or index.

    Examples
    --------
    >>> unit_index("wet", {"rain": 0, "wet": 1}, "`unit`"), unit_index(0, {"rain": 0, "wet": 1}, "`unit`")
    (1, 0)
    """
    if isinstance(which, str):
        if which not in index:
            raise ArgumentError(f"{what} names a unit that does not exist, {which!r}; the units are {shown(list(index), 200)}")
        return index[which]
    if not is_integer(which):
        raise ArgumentTypeError(f"{what} must hold unit names or indices; got {shown(which)}")
    if not 0 <= which < len(index):
        raise ArgumentError(f"{what} must hold units from 0 to {len(index) - 1}; got {which}")
    return int(which)


def state_index(which: Any, name: str, states: Sequence[Any] | None, cardinality: int, argument: str = "evidence") -> int:
    """The index of the state that is meant by a name or an index, of a unit called `name`.

    If a unit has numbers among the names of its states, a number is a name. If all names are strings, a whole number is an index, and it is
    refused if the string of its digits is the name of another state.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> state_index(1, "dice", [1, 2, 3], 3), state_index(1, "wet", ["no", "yes"], 2)
    (0, 1)
    """
    if states is not None and isinstance(which, str | bool | int | float | np.generic):
        for exact in (True, False):  # first a name of the same kind: 1 and "1" may be two states
            for k, own in enumerate(states):
                if (own == which) if exact else (isinstance(which, str) and str(own) == which):
                    return k
        if isinstance(which, str) or not all(isinstance(own, str) for own in states):
            raise ArgumentError(f"`{argument}` on unit {name!r} must be one of {shown(list(states), 200)}; got {which!r}")
    elif isinstance(which, str):
        raise ArgumentError(f"`{argument}` on unit {name!r} must be a state index: this graph has no state names; got {which!r}")
    if not is_integer(which):
        raise ArgumentTypeError(f"`{argument}` on unit {name!r} must be a state index or a state name; got {shown(which)}")
    if states is not None and str(which) in states and states.index(str(which)) != which:
        raise ArgumentError(
            f"`{argument}` on unit {name!r} may mean the state named {str(which)!r} or the state with index {which}"
            f"{f', {states[which]!r}' if 0 <= which < cardinality else ', which does not exist'}: write the name, as a string"
        )
    if not 0 <= which < cardinality:
        raise ArgumentError(f"`{argument}` on unit {name!r} must be a state from 0 to {cardinality - 1}; got {which}")
    return int(which)


def read_evidence_of(graph: Any, evidence: Any, argument: str = "evidence") -> dict[int, int]:
    """Evidence (or what else `argument` calls it) on a factor graph as indices, from names or indices of units and states.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For what does not exist, what may mean two things, and units in two states.
    """
    if evidence is None:
        return {}
    if not isinstance(evidence, Mapping):
        raise ArgumentTypeError(f"`{argument}` must be a dict from units to states; got {shown(evidence)}")
    index = {name: i for i, name in enumerate(graph.names)}
    out: dict[int, int] = {}
    for key, value in evidence.items():
        other = index.get(str(key)) if is_integer(key) else None
        if other is not None and other != key:
            raise ArgumentError(
                f"`{argument}` may mean the unit named {str(key)!r} or the unit with index {key}"
                f"{f', {graph.names[key]!r}' if 0 <= key < len(index) else ', which does not exist'}: write the name, as a string"
            )
        i = unit_index(key, index, f"`{argument}`")
        k = state_index(
            value, graph.names[i], None if graph.states is None else graph.states[i], int(graph.cardinalities[i]), argument
        )
        if out.setdefault(i, k) != k:
            raise ArgumentError(f"`{argument}` gives unit {graph.names[i]!r} two states, {out[i]} and {k}")
    return out
