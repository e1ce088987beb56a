"""Interventions on Bayesian networks: ``do(X = x)`` drops the table of X and puts a point mass in its place.

    P(v | do(X = x)) = [v agrees with x] prod_{i not in X} P(v_i | parents of i)

the truncated factorisation of J. Pearl, Causality (2nd ed. 2009), section 3.2.3, doi:10.1017/CBO9780511803161. Conditioning keeps the table of X, so that what
is seen of X tells of its causes; doing does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.targets.graph_names import read_evidence_of

__all__ = ["checked_children", "children_of_conditionals", "intervene"]

_ROUNDED = 5e-3  # of sums of printed probabilities


def checked_children(children: Any, graph: Any) -> tuple[int, ...] | None:
    """The child of each table of a Bayesian network; None for a model without directions.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For tables that are no conditional distributions of their children, children that are missing or come twice, and directed cycles.
    """
    if children is None:
        return None
    try:
        units = tuple(graph.unit(child, "`children`") for child in children)
    except TypeError as error:
        if isinstance(error, ValueError):
            raise
        raise ArgumentError(f"`children` must hold a unit for each table, its child; got {shown(children)}") from error
    if sorted(units) != list(range(graph.dim)) or len(units) != len(graph.scopes):
        raise ArgumentError(
            f"`children` must name every one of the {graph.dim} units once, a child for each of the {len(graph.scopes)} tables; got {shown(children)}"
        )
    parents: list[set[int]] = [set() for _ in range(graph.dim)]
    for f, (child, scope, table) in enumerate(zip(units, graph.scopes, graph.log_tables, strict=True)):
        own = graph.names[child]
        if child not in scope:
            raise ArgumentError(f"`children` says that table {f} is that of unit {own!r}, which is not in its scope")
        total = np.exp(table).sum(list(scope).index(child))
        if not ((np.abs(total - 1.0) <= _ROUNDED) | (total == 0.0)).all():
            raise ArgumentError(f"`children` says that table {f} is that of unit {own!r}, over whose states it does not sum to 1")
        parents[child] = {int(i) for i in scope} - {child}
    left = set(range(graph.dim))
    while left:
        roots = {i for i in left if not parents[i] & left}
        if not roots:
            raise ArgumentError(
                f"`children` makes a directed cycle among the units {shown([graph.names[i] for i in sorted(left)])}"
            )
        left -= roots
    return units


def children_of_conditionals(n: int, factors: list[tuple[np.ndarray, np.ndarray]]) -> list[int] | None:
    """The last unit of each scope, if the tables are conditional distributions of them, one for each of `n` units; None otherwise."""
    children = [int(units[-1]) for units, _ in factors if len(units)]
    if sorted(children) != list(range(n)) or len(children) != len(factors):
        return None
    sums = [table.sum(-1) for _, table in factors]
    return children if all(((np.abs(s - 1.0) <= _ROUNDED) | (s == 0.0)).all() for s in sums) else None


def intervene(graph: Any, interventions: Any) -> Any:
    """The network in which units are held at states, whatever their parents are: see `FactorGraph.do`."""
    if graph.children is None:
        raise ArgumentError(
            "`do` needs to know what causes what, and this model has no directions: read a Bayesian network from a BIF file (`from_bif`), from pgmpy "
            "(`from_pgmpy`) or from a UAI file that begins with BAYES (`from_uai`), or pass `children` to FactorGraph, the unit whose conditional "
            "distribution each table is; `condition` is what seeing a state means, and works for every model"
        )
    if isinstance(interventions, Mapping) and not interventions:
        raise ArgumentError("`interventions` must name at least one unit and its state; got {}")
    chosen = read_evidence_of(graph, interventions, "interventions")
    seen = [i for i, k in graph.observed.items() if i not in graph.intervened or chosen.get(i, k) != k]
    if seen:
        raise ArgumentError(
            f"`do` must come before `condition`: unit {graph.names[seen[0]]!r} is observed already, and what would have happened to a case that was seen is a "
            "counterfactual, which a Bayesian network does not answer; call do(...) on the network without evidence, then condition(...)"
        )
    scopes, tables = list(graph.scopes), list(graph.log_tables)
    for f, child in enumerate(graph.children):
        if child in chosen:
            point = np.full(int(graph.cardinalities[child]), -np.inf)
            point[chosen[child]] = 0.0
            scopes[f], tables[f] = np.array([child], np.int64), point
    out = graph._observing({})
    out.scopes, out.log_tables = tuple(scopes), tuple(tables)
    out.observed = {**graph.observed, **chosen}
    out.intervened = frozenset(graph.intervened | chosen.keys())
    return out
