"""Exact inference in discrete targets by a junction tree.

Units are eliminated one after the other, next the one that adds the fewest edges to the graph (min-fill; Rose, Graph Theory and
Computing 1972). Eliminating v makes the clique C_v of v and its neighbours then left, whose parent is the clique of the member that is
eliminated next (Dechter, Artificial Intelligence 113 (1999) 41, doi:10.1016/S0004-3702(99)00059-4). With psi_v the tables whose first
eliminated unit is v, messages go up and then down (Lauritzen and Spiegelhalter, JRSS-B 50 (1988) 157):

    up_v(C_v - v) = sum_v  psi_v prod_{children c} up_c          Z = product of up at the roots
    down_c(C_c - c) = sum_{C_v - C_c}  belief_v / up_c           belief_v = psi_v down_v prod_c up_c,   P(x_v) = sum_{C_v - v} belief_v / Z

All tables are kept as logarithms, and each sum subtracts its own maximum first, so tables that favour different states by hundreds of nats
cause no false zeros. Axes of every table are in the order of elimination, so that sums run over leading axes.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from weakchaos.core.errors import ArgumentError

__all__ = ["MAX_TABLE", "Elimination", "log_joint", "log_partition", "marginals", "plan_elimination", "reduced_tables"]

MAX_TABLE = 1 << 24
# All tables of the tree together, in multiples of the largest allowed: what bounds memory (8 bytes an entry) and time.
_ALL_TABLES = 8

Table = tuple[tuple[int, ...], np.ndarray]


class Elimination(NamedTuple):
    """An order of elimination and the cliques it makes.

    ``cliques[t]`` holds the unit eliminated in step t and its neighbours then left, in the order of elimination; `largest` and `total`
    count the entries of the largest clique table and of all of them.
    """

    cliques: tuple[tuple[int, ...], ...]
    largest: int
    total: int

    @property
    def width(self) -> int:
        """Number of units in the largest clique minus one: an upper bound of the treewidth."""
        return max((len(c) for c in self.cliques), default=1) - 1


def reduced_tables(target: Any) -> tuple[list[int], list[Table], float]:
    """A target under its evidence: the free units, the tables restricted to them, and the sum of the log tables that became constants.

    Parameters
    ----------
    target : discrete target
        Anything with ``cardinalities``, ``scopes``, ``log_tables`` and ``observed``.

    Returns
    -------
    free : list of int
        Units that are not observed and have more than one state.
    tables : list of (units, log table)
    constant : float

    Examples
    --------
    >>> from weakchaos.targets.factor_graph import packaged
    >>> free, tables, constant = reduced_tables(packaged("asia").condition({"either": "yes"}))
    >>> len(free), tables[1][0]
    (7, (0, 1))
    """
    fixed = {i: 0 for i, k in enumerate(target.cardinalities) if k == 1} | dict(target.observed)
    free = [i for i in range(len(target.cardinalities)) if i not in fixed]
    tables, constant = [], 0.0
    for scope, table in zip(target.scopes, target.log_tables, strict=True):
        units = [int(i) for i in scope]
        left = tuple(i for i in units if i not in fixed)
        part = table if len(left) == len(units) else table[tuple(fixed.get(i, slice(None)) for i in units)]
        if left:
            tables.append((left, part))
        else:
            constant += float(part)
    return free, tables, constant


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _refuse(what: str, entries: int, max_table: int, times: int = 1) -> ArgumentError:
    size = f"{8 * entries / 1e9:.3g} GB" if entries < 1 << 1000 else f"2**{entries.bit_length() + 2} bytes"
    return ArgumentError(
        f"exact inference is out of reach: {what}, {size}, where `max_table`={max_table} allows {8 * times * max_table / 1e9:.3g} GB; "
        "pass a larger `max_table` if there is memory for it, condition on evidence, or compare with a long run"
    )


def plan_elimination(
    cardinalities: Sequence[int] | np.ndarray, scopes: Sequence[Sequence[int]], max_table: int = MAX_TABLE
) -> Elimination:
    """Order the units of a graph by min-fill without making a table, and so check whether exact inference is affordable.

    Parameters
    ----------
    cardinalities : int array of shape (n,)
    scopes : sequence of sequences of units
        Units that share a scope are neighbours.
    max_table : int
        Entries allowed in one clique table; all tables together may hold eight times as many.

    Raises
    ------
    ArgumentError
        As soon as a clique is too large.

    Examples
    --------
    >>> plan_elimination([2] * 5, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)]).width  # a ring
    2
    """
    size = [int(k) for k in cardinalities]
    adjacent = [0] * len(size)
    for scope in scopes:
        mask = 0
        for i in scope:
            mask |= 1 << int(i)
        for i in scope:
            adjacent[int(i)] |= mask
    for i in range(len(size)):
        adjacent[i] &= ~(1 << i)

    of_size = {k: sum(1 << u for u in range(len(size)) if size[u] == k) for k in set(size)}

    def entries(v: int) -> int:
        return math.prod((k ** (adjacent[v] & mask).bit_count() for k, mask in of_size.items()), start=size[v])

    def score(v: int) -> tuple[int, int]:
        near = adjacent[v]
        return sum((near & ~adjacent[u]).bit_count() - 1 for u in _bits(near)) // 2, entries(v)

    # Whatever comes first costs at least the smallest clique: dense graphs are refused before any fill is counted.
    smallest = min(range(len(size)), key=entries, default=None)
    if smallest is not None and entries(smallest) > max_table:
        needed = entries(smallest)
        width = adjacent[smallest].bit_count()
        raise _refuse(
            f"its junction tree has a width of at least {width} and a table of at least {width + 1} units", needed, max_table
        )
    scores = [score(v) for v in range(len(size))]
    heap = [(*scores[v], v) for v in range(len(size))]
    heapq.heapify(heap)
    done, rank, total, largest = [False] * len(size), [0] * len(size), 0, 1
    order: list[int] = []
    members: list[list[int]] = []
    while heap:
        fill, needed, v = heapq.heappop(heap)
        if done[v] or scores[v] != (fill, needed):
            continue
        near = list(_bits(adjacent[v]))
        total, largest = total + needed, max(largest, needed)
        if needed > max_table:
            raise _refuse(
                f"its junction tree has a width of at least {len(near)} and a table of {len(near) + 1} units", needed, max_table
            )
        if total > _ALL_TABLES * max_table:
            width = max(len(near), *(len(m) for m in members))
            raise _refuse(
                f"its junction tree of width {width} or more has tables of more than this together", total, max_table, _ALL_TABLES
            )
        done[v], rank[v] = True, len(order)
        order.append(v)
        members.append(near)
        mask, touched = adjacent[v], adjacent[v]
        for u in near:
            # A clique already, nothing is filled in and only the neighbours' own scores change.
            adjacent[u] = (adjacent[u] | mask) & ~(1 << u) & ~(1 << v)
            touched |= adjacent[u] if fill else 0
        for u in _bits(touched):
            new = score(u)
            if new != scores[u]:
                scores[u] = new
                heapq.heappush(heap, (*new, u))
    cliques = tuple((v, *sorted(near, key=rank.__getitem__)) for v, near in zip(order, members, strict=True))
    return Elimination(cliques, largest, total)


def _log_sum(table: np.ndarray, keep: Sequence[bool]) -> np.ndarray:
    """log sum exp over the axes that are not kept."""
    if all(keep):
        return table
    # Neighbouring axes of one kind are merged: reductions over two dozen short axes are slow.
    shape: list[int] = []
    kinds: list[bool] = []
    for length, kept in zip(table.shape, keep, strict=True):
        if kinds and kinds[-1] == kept:
            shape[-1] *= length
        else:
            shape.append(length)
            kinds.append(kept)
    merged = table.reshape(shape)
    axes = tuple(a for a, kept in enumerate(kinds) if not kept)
    top = merged.max(axes, keepdims=True)
    top[top == -np.inf] = 0.0
    shifted = merged - top
    np.exp(shifted, out=shifted)
    out = shifted.sum(axes, keepdims=True)
    with np.errstate(divide="ignore"):
        np.log(out, out=out)
    out += top
    return out.reshape([length for length, kept in zip(table.shape, keep, strict=True) if kept])


def _spread(units: Sequence[int], table: np.ndarray, onto: Sequence[int]) -> np.ndarray:
    """`table` with axes of length 1 for the units of `onto` that it lacks; both in the order of elimination."""
    lengths = dict(zip(units, table.shape, strict=True))
    return table.reshape([lengths.get(u, 1) for u in onto])


class _Tree:
    """The junction tree of a target: its plan, the tables of each clique, and the messages between them."""

    def __init__(self, target: Any, max_table: int):
        free, tables, self.constant = reduced_tables(target)
        place = {u: a for a, u in enumerate(free)}
        plan = plan_elimination(
            [int(target.cardinalities[u]) for u in free], [[place[u] for u in units] for units, _ in tables], max_table
        )
        self.cliques = [tuple(free[a] for a in clique) for clique in plan.cliques]
        self.rank = {clique[0]: t for t, clique in enumerate(self.cliques)}
        self.lengths = [int(target.cardinalities[clique[0]]) for clique in self.cliques]
        self.tables: list[list[Table]] = [[] for _ in self.cliques]
        for units, table in tables:
            order = sorted(range(len(units)), key=lambda a: self.rank[units[a]])
            ordered = tuple(units[a] for a in order)
            self.tables[self.rank[ordered[0]]].append((ordered, table.transpose(order)))
        self.children: list[list[int]] = [[] for _ in self.cliques]
        self.up: list[np.ndarray] = []
        self.log_partition = self.constant
        for t, clique in enumerate(self.cliques):
            # The table of the clique is not kept: made a second time on the way down, it halves the memory.
            message = _log_sum(self.combined(t), [False] + [True] * (len(clique) - 1))
            self.up.append(message)
            if len(clique) > 1:
                self.children[self.rank[clique[1]]].append(t)
            else:
                self.log_partition += float(message)

    def combined(self, t: int, down: np.ndarray | None = None) -> np.ndarray:
        """Sum of the log tables and messages that meet in a clique, as a new array over all of its units."""
        clique = self.cliques[t]
        parts = self.tables[t] + [(self.cliques[c][1:], self.up[c]) for c in self.children[t]]
        if down is not None:
            parts = [*parts, (clique[1:], down)]
        # Small tables first, and those of late units before those of early ones: the sum grows to its full size in the last steps.
        parts.sort(key=lambda part: (part[1].size, [-self.rank[u] for u in part[0][1:]]))
        units: tuple[int, ...] = clique[:1]
        total = np.zeros(self.lengths[t])
        for more, table in parts:
            union = tuple(u for u in clique if u in units or u in more)
            left, right = _spread(units, total, union), _spread(more, table, union)
            units, total = union, np.add(left, right, out=left) if len(union) == len(units) else left + right
        return total

    def marginals(self) -> dict[int, np.ndarray]:
        """P(x_u = k) of every free unit; messages from below are freed on the way."""
        out: dict[int, np.ndarray] = {}
        down: list[np.ndarray | None] = [None] * len(self.cliques)
        for t in range(len(self.cliques) - 1, -1, -1):
            clique = self.cliques[t]
            belief = self.combined(t, down[t])
            down[t] = None
            own = _log_sum(belief, [True] + [False] * (len(clique) - 1))
            p = np.exp(own - own.max())
            out[clique[0]] = p / p.sum()
            for c in self.children[t]:
                separator, message = self.cliques[c][1:], self.up[c]
                # Where the message is zero so is the belief, and any quotient does.
                divisor = np.where(message == -np.inf, 0.0, message)
                quotient = belief - _spread(separator, divisor, clique)
                down[c] = _log_sum(quotient, [u in separator for u in clique])
                # Subtracting its own maximum keeps numbers small down a long chain.
                down[c] -= down[c].max()  # type: ignore[union-attr]
        return out


def _possible(tree: _Tree, target: Any) -> None:
    if tree.log_partition == -np.inf:
        evidence = {str(target.names[i]): k for i, k in target.observed.items()}
        raise ArgumentError(
            f"the tables allow no state under the evidence {evidence}; leave out observations, or give impossible table entries a small weight"
        )


def marginals(target: Any, max_table: int = MAX_TABLE) -> tuple[list[np.ndarray], float]:
    """Exact P(x_i = k | evidence) of all units from one calibration, and the log partition function.

    Parameters
    ----------
    target : discrete target
        Anything with ``cardinalities``, ``scopes``, ``log_tables``, ``observed`` and ``names``.
    max_table : int
        Entries allowed in one clique table.

    Returns
    -------
    list of float64 arrays of shape (K_i,)
    float
        log of the sum of the unnormalised probabilities, in nats.

    Raises
    ------
    ArgumentError
        When a clique is too large, before any table is made; when the evidence is impossible.

    Examples
    --------
    >>> from weakchaos.targets.factor_graph import packaged
    >>> p, log_z = marginals(packaged("asia").condition({"dysp": "yes"}))
    >>> round(float(p[3][0]), 5), round(float(np.exp(log_z)), 5)  # lung cancer given dyspnoea; probability of dyspnoea
    (0.10276, 0.43597)
    """
    tree = _Tree(target, max_table)
    _possible(tree, target)
    found = tree.marginals()
    out = []
    for i, k in enumerate(target.cardinalities):
        if i not in found:
            found[i] = np.zeros(int(k))
            found[i][target.observed.get(i, 0)] = 1.0
        out.append(found[i])
    return out, tree.log_partition


def log_partition(target: Any, max_table: int = MAX_TABLE) -> float:
    """Log of the sum of the unnormalised probabilities of all states that agree with the evidence, in nats; -inf if there is none.

    Raises
    ------
    ArgumentError
        When a clique is too large.

    Examples
    --------
    >>> from weakchaos.targets.factor_graph import FactorGraph
    >>> round(float(np.exp(log_partition(FactorGraph([2, 2], [((0, 1), [[1.0, 2.0], [3.0, 4.0]])])))), 9)
    10.0
    """
    return _Tree(target, max_table).log_partition


def log_joint(target: Any) -> tuple[list[int], np.ndarray]:
    """Unnormalised log probabilities of all states of the free units: these units, and an array with one axis for each.

    The caller must make sure that the array fits into memory.

    Examples
    --------
    >>> from weakchaos.targets.factor_graph import FactorGraph
    >>> free, joint = log_joint(FactorGraph([2, 3], [((1,), [1.0, 0.0, 2.0])], observed={0: 1}))
    >>> free, np.exp(joint).tolist()
    ([1], [1.0, 0.0, 2.0])
    """
    free, tables, constant = reduced_tables(target)
    total = np.full([int(target.cardinalities[u]) for u in free], constant)
    for units, table in tables:
        order = np.argsort(units)
        total += _spread([units[a] for a in order], table.transpose(order), free)
    return free, total
