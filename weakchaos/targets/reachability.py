"""Which possible states a sampler can reach that changes one unit, or one block of units, at a time.

Zeros in the tables can split the states of positive probability into components that such moves never leave; each run then converges to
the distribution within the component it starts in. The zeros concern only some units, in clusters that share tables with zeros; the
components of the whole are the products of those of the clusters. Where the possible states of a cluster can be listed, its components
are exact. Where they are too many, the states projected on the units of one table, or of two that overlap, give a certificate: a move
projects to a move (or to none), so if the projected states fall into components and at least two of these hold a state that is possible
for the whole, no run passes between them.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.targets.exact import log_partition, reduced_tables

__all__ = ["Cut", "Reachability", "Support", "component_of", "components", "suggest_blocks"]

_LISTED = 1 << 16  # possible states of a cluster
_JOINED = 1 << 22  # entries while they are listed
_LOCAL = 1 << 14  # states of a local certificate
_SEARCHED = 64  # components of a certificate, components whose probabilities are worked out
_BUDGETS = (64, 64, 64, 256, 1024, 4096)  # backtracks of each search for a possible state
_RANDOM_SEARCHES = 3  # of these, in random order; the others look where the trouble is
_BLOCK_STATES = 1 << 12


class Support:
    """The states of positive probability, as far as zeros restrict them.

    Parameters
    ----------
    target : discrete target
        Anything with ``cardinalities``, ``names``, ``observed``, ``scopes`` and ``log_tables``.

    Attributes
    ----------
    allowed : dict from unit to int64 array
        States that the zeros leave to a unit, for units in tables with zeros; entries of `constraints` count along these.
    constraints : list of (units, bool table)
        What the zeros still forbid, over units with at least two states left.

    Raises
    ------
    ArgumentError
        When the evidence is found to be impossible.

    Examples
    --------
    >>> from weakchaos.targets.factor_graph import packaged
    >>> Support(packaged("asia")).constraints[0][0]  # either = tub or lung
    (3, 1, 5)
    """

    def __init__(self, target: Any):
        self.cardinalities, self.names, self.observed = target.cardinalities, target.names, dict(target.observed)
        free, tables, constant = reduced_tables(target)
        self._fixed = dict.fromkeys(sorted(set(range(len(self.cardinalities))).difference(free)), 0) | self.observed
        hard = [(units, possible) for units, table in tables if not (possible := table > -np.inf).all()]
        units = sorted({u for scope, _ in hard for u in scope})
        self._index({u: np.arange(self.cardinalities[u]) for u in units}, hard)
        domains = self._all()
        if constant == -np.inf or not self._propagate(domains, range(len(hard))):
            raise self.impossible()
        # What follows from the zeros alone is worked in: units with one state left constrain nothing any more.
        kept = [np.flatnonzero(domains[self._row[u]]) for u in units]
        cut = []
        for scope, table in self.constraints:
            part = table[np.ix_(*(kept[self._row[u]] for u in scope))]
            left = tuple(u for u, k in zip(scope, part.shape, strict=True) if k > 1)
            if not part.all():
                cut.append((left, part.reshape([k for k in part.shape if k > 1])))
        self._index(dict(zip(units, kept, strict=True)), cut)

    def _index(self, allowed: dict[int, np.ndarray], constraints: list) -> None:
        self.allowed, self.constraints = allowed, constraints
        self._row = {u: r for r, u in enumerate(allowed)}
        self._touching: list[list[int]] = [[] for _ in allowed]
        self._failures = np.zeros(len(allowed))
        for c, (scope, _) in enumerate(constraints):
            for u in scope:
                self._touching[self._row[u]].append(c)

    def _all(self) -> np.ndarray:
        sizes = np.array([len(k) for k in self.allowed.values()], np.int64)
        return np.arange(sizes.max(initial=0)) < sizes[:, None]

    def impossible(self) -> ArgumentError:
        """The error for evidence of probability zero."""
        evidence = {str(self.names[i]): k for i, k in self.observed.items()}
        return ArgumentError(
            f"the tables allow no state under the evidence {evidence}; leave out observations, or give impossible table entries a small weight"
        )

    def _propagate(self, domains: np.ndarray, queue: Iterable[int]) -> bool:
        """Take from `domains` what no constraint on its own allows, until nothing changes; False when a unit has no state left."""
        pending = set(queue)
        while pending:
            c = pending.pop()
            scope, table = self.constraints[c]
            rows = [self._row[u] for u in scope]
            alive = table
            for axis, (r, k) in enumerate(zip(rows, table.shape, strict=True)):
                alive = alive & domains[r, :k].reshape([-1 if a == axis else 1 for a in range(table.ndim)])
            for axis, (r, k) in enumerate(zip(rows, table.shape, strict=True)):
                left = alive.any(tuple(a for a in range(table.ndim) if a != axis))
                if not left.any():
                    self._failures[rows] += 1
                    return False
                if (left != domains[r, :k]).any():
                    domains[r, :k] = left
                    pending.update(self._touching[r])
        return True

    def _outwards(self, rng: np.random.Generator) -> np.ndarray:
        """All rows, neighbours after neighbours, each cluster from a random one."""
        order: dict[int, None] = {}
        units = list(self.allowed)
        for first in rng.permutation(len(units)):
            queue = deque([int(first)])
            while queue:
                r = queue.popleft()
                if r not in order:
                    order[r] = None
                    queue.extend(
                        self._row[u] for c in self._touching[r] for u in self.constraints[c][0] if self._row[u] not in order
                    )
        return np.array(list(order), np.int64)

    def _search(self, rng: np.random.Generator, budget: int, guided: bool) -> tuple[np.ndarray | None, bool]:
        """A possible choice for every unit, or None; and whether the question is settled.

        A guided search takes next the unit with the fewest states left for the failures it had a part in (Boussemart, Hemery, Lecoutre
        and Sais, ECAI 2004, 146), and of equal ones the nearest.
        """
        order = self._outwards(rng) if guided else rng.permutation(len(self.allowed))
        domains = self._all()
        # No more than `budget` alternatives are ever taken back, so older ones need not be kept.
        stack: deque[tuple[np.ndarray, int]] = deque(maxlen=budget + 1)
        backtracks, forgotten = 0, False
        alive = self._propagate(domains, range(len(self.constraints)))
        while True:
            while not alive:
                if not stack or backtracks == budget:
                    return None, not stack and not forgotten
                backtracks += 1
                domains, r = stack.pop()
                alive = self._propagate(domains, self._touching[r])
            counts = domains.sum(1)
            open_units = order[counts[order] > 1]
            if not open_units.size:
                return domains.argmax(1) if len(domains) else order, True
            r = int(open_units[(counts[open_units] / (1.0 + self._failures[open_units])).argmin()] if guided else open_units[0])
            k = rng.choice(np.flatnonzero(domains[r]))
            other = domains.copy()
            other[r, k] = False
            forgotten |= len(stack) == budget + 1
            stack.append((other, r))
            domains[r] = False
            domains[r, k] = True
            alive = self._propagate(domains, self._touching[r])

    def find(self, rng: np.random.Generator) -> tuple[np.ndarray | None, bool]:
        """A possible state of all units, shape (n,), or None; and False when none was found though there may be one."""
        self._failures[:] = 0.0  # the same numbers, the same state, whatever was searched before
        for attempt, budget in enumerate(_BUDGETS):
            choice, settled = self._search(rng, budget, attempt >= _RANDOM_SEARCHES)
            if settled:
                break
        if choice is None:
            return None, settled
        x = rng.integers(0, self.cardinalities).astype(np.int64)
        for i, k in self._fixed.items():
            x[i] = k
        for (u, states), k in zip(self.allowed.items(), choice, strict=True):
            x[u] = states[k]
        return x, True

    def random_state(self, rng: np.random.Generator) -> np.ndarray:
        """A random possible state, int64 of shape (n,).

        Raises
        ------
        ArgumentError
            When there is none, or none was found.
        """
        x, settled = self.find(rng)
        if x is not None:
            return x
        if settled:
            raise self.impossible()
        raise ArgumentError(f"no state of positive probability was found in {sum(_BUDGETS)} backtracks; pass one as `initial`")

    def restricted(self, units: Sequence[int], rows: np.ndarray) -> Support:
        """This support with the states of some units limited to `rows`, which count along `allowed`."""
        table = np.zeros([len(self.allowed[u]) for u in units], bool)
        table[tuple(rows.T)] = True
        new = copy.copy(self)
        new._index(self.allowed, [*self.constraints, (tuple(units), table)])
        return new

    def clusters(self) -> list[list[int]]:
        """Indices of constraints, in groups that share no unit."""
        label = list(range(len(self.constraints)))

        def root(c: int) -> int:
            while label[c] != c:
                label[c] = c = label[label[c]]
            return c

        for group in self._touching:
            for c in group[1:]:
                label[root(c)] = root(group[0])
        out: dict[int, list[int]] = {}
        for c in range(len(label)):
            out.setdefault(root(c), []).append(c)
        return list(out.values())

    def listed(self, which: Sequence[int], limit: int) -> tuple[tuple[int, ...], np.ndarray] | None:
        """All states, of the units of some constraints, that these allow: the units and an array with a row a state, counting along
        `allowed`; None when they are more than `limit`."""
        left = sorted(which, key=lambda c: self.constraints[c][1].mean())
        column: dict[int, int] = {}
        rows = np.zeros((1, 0), np.int64)
        while left:
            # Next the constraint that multiplies the rows least; those without new units only take rows away.
            growth = [math.prod(len(self.allowed[u]) for u in self.constraints[c][0] if u not in column) for c in left]
            scope, table = self.constraints[left.pop(growth.index(min(growth)))]
            for u in scope:
                if u not in column:
                    k = len(self.allowed[u])
                    if len(rows) * k * (len(column) + 1) > _JOINED:
                        return None
                    rows = np.column_stack([np.repeat(rows, k, 0), np.tile(np.arange(k), len(rows))])
                    column[u] = len(column)
            rows = rows[table[tuple(rows[:, column[u]] for u in scope)]]
            if len(rows) > limit:
                return None
        units = tuple(sorted(column))
        return units, rows[:, [column[u] for u in units]]


@dataclass(frozen=True)
class Cut:
    """A partition of the possible states of some units into sets that no move connects.

    Attributes
    ----------
    units : tuple of int
    rows : int64 array of shape (m, len(units))
        The states of these units.
    labels : int64 array of shape (m,)
        The set each belongs to.
    n : int
        Number of sets.
    """

    units: tuple[int, ...]
    rows: np.ndarray
    labels: np.ndarray
    n: int


@dataclass(frozen=True)
class Reachability:
    """What `components` found.

    Attributes
    ----------
    n_components : int
        Number of components, or a lower bound.
    exact : bool
        Whether it is the number itself.
    probabilities : tuple of float or None
        Probability of each component, largest first, given the evidence; None where exact inference is out of reach. Of a lower bound
        they need not add up to 1.
    units : tuple of int
        The units whose tables keep the components apart.
    names : tuple of str
        Their names.
    message : str
        The finding in one sentence.
    """

    n_components: int
    exact: bool
    probabilities: tuple[float, ...] | None
    units: tuple[int, ...]
    names: tuple[str, ...]
    message: str
    cuts: tuple[Cut, ...] = field(default=(), repr=False, compare=False)
    ranks: tuple[int, ...] | None = field(default=None, repr=False, compare=False)


def _moves(target: Any, blocks: Any) -> list[frozenset[int]]:
    """The units each move may change: the blocks, and the units that are in none."""
    n, index = len(target.cardinalities), {str(k): i for i, k in enumerate(target.names)}
    out = []
    try:
        given = [[index.get(u, u) if isinstance(u, str) else u for u in block] for block in blocks or ()]
    except TypeError as error:
        raise ArgumentTypeError(f"`blocks` must be a sequence of sequences of units; got {shown(blocks)}") from error
    for block in given:
        for u in block:
            if isinstance(u, bool) or not isinstance(u, int | np.integer) or not 0 <= u < n:
                raise ArgumentError(f"`blocks` must hold names of units, or indices from 0 to {n - 1}; got {shown(u)}")
        out.append(frozenset(int(u) for u in block))
    covered = frozenset().union(*out)
    return out + [frozenset([u]) for u in range(n) if u not in covered]


def _keys(columns: Iterable[np.ndarray], n: int) -> np.ndarray:
    """One number a row, equal for equal rows and for no others."""
    keys, span = np.zeros(n, np.int64), 1
    for column in columns:
        size = int(column.max(initial=0)) + 1
        if span * size >= 1 << 62:
            keys = np.unique(keys, return_inverse=True)[1].reshape(n)
            span = n
        keys, span = keys * size + column, span * size
    return keys


def _connect(units: Sequence[int], rows: np.ndarray, moves: Sequence[frozenset[int]]) -> tuple[np.ndarray, int]:
    """Components of listed states under moves projected on their units, numbered in the order of the rows."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    inside = frozenset(units)
    projected = sorted({tuple(sorted(move & inside)) for move in moves if move & inside})
    labels, n = np.arange(len(rows)), len(rows)
    for move in projected:
        if n < 2:
            break
        # States that agree outside of the move are all within one step of each other.
        same = _keys((rows[:, a] for a, u in enumerate(units) if u not in move), len(rows))
        _, first, inverse = np.unique(same, return_index=True, return_inverse=True)
        edges = (labels, labels[first[inverse.reshape(-1)]])
        n, joined = connected_components(coo_array((np.ones(len(rows), bool), edges), shape=(n, n)), directed=False)
        labels = joined[labels].astype(np.int64)
    return labels, int(n)


def _certificate(support: Support, cluster: Sequence[int], moves: list[frozenset[int]]) -> Cut | None:
    """The first table, or pair of overlapping tables, whose states fall apart with at least two parts that are possible as a whole."""
    scopes = {c: frozenset(support.constraints[c][0]) for c in cluster}
    pairs = (
        (c, d)
        for c in cluster
        for d in sorted({d for u in scopes[c] for d in support._touching[support._row[u]] if d > c})
        if not (scopes[c] <= scopes[d] or scopes[d] <= scopes[c])
    )
    by_unit: dict[int, list[frozenset[int]]] = {}
    for move in moves:
        for u in move:
            by_unit.setdefault(u, []).append(move)
    contents: dict[tuple, int] = {}
    content = {c: contents.setdefault((t.shape, t.tobytes()), c) for c in cluster for t in (support.constraints[c][1],)}
    connected = set()  # lattices repeat one pattern thousands of times
    for which in itertools.chain(((c,) for c in cluster), pairs):
        inside = frozenset().union(*(scopes[c] for c in which))
        # All constraints within these units count, not only those that chose them.
        within = sorted({d for u in inside for d in support._touching[support._row[u]] if scopes[d] <= inside})
        place = {u: a for a, u in enumerate(sorted(inside))}
        near = [move for u in place for move in by_unit[u]]
        pattern = (
            frozenset((content[d], tuple(place[u] for u in support.constraints[d][0])) for d in within),
            frozenset(frozenset(place[u] for u in move & inside) for move in near),
        )
        found = None if pattern in connected else support.listed(within, _LOCAL)
        if found is None:
            continue
        units, rows = found
        labels, n = _connect(units, rows, near)
        if n < 2:
            connected.add(pattern)
            continue
        rng = np.random.default_rng(0)
        possible = [c for c in range(min(n, _SEARCHED)) if support.restricted(units, rows[labels == c]).find(rng)[0] is not None]
        if len(possible) > 1:
            kept = np.isin(labels, possible)
            return Cut(units, rows[kept], np.searchsorted(possible, labels[kept]), len(possible))
    return None


def _listed_clusters(support: Support) -> list[tuple[list[int], tuple[tuple[int, ...], np.ndarray] | None]]:
    out = [(cluster, support.listed(cluster, _LISTED)) for cluster in support.clusters()]
    if any(found is not None and not len(found[1]) for _, found in out):
        raise support.impossible()
    return out


def _cuts(support: Support, clusters: list, moves: list[frozenset[int]]) -> list[Cut]:
    cuts = []
    for cluster, found in clusters:
        if found is None:
            cut = _certificate(support, cluster, moves)
        else:
            units, rows = found
            labels, n = _connect(units, rows, moves)
            cut = Cut(units, rows, labels, n) if n > 1 else None
        if cut is not None:
            states = np.column_stack([support.allowed[u][cut.rows[:, a]] for a, u in enumerate(cut.units)])
            cuts.append(Cut(cut.units, states, cut.labels, cut.n))
    return cuts


def _probabilities(target: Any, cuts: list[Cut]) -> list[float] | None:
    """Probability of every combination of sets of the cuts, the last cut fastest."""
    shapes = [[int(target.cardinalities[u]) for u in cut.units] for cut in cuts]
    if math.prod(cut.n for cut in cuts) > _SEARCHED or any(math.prod(s) > _JOINED for s in shapes):
        return None
    scopes, tables = list(target.scopes), list(target.log_tables)
    facts = {"cardinalities": target.cardinalities, "observed": target.observed, "names": target.names}
    out = []
    try:
        total = log_partition(target)
        for combination in itertools.product(*(range(cut.n) for cut in cuts)):
            indicators = []
            for cut, shape, label in zip(cuts, shapes, combination, strict=True):
                indicator = np.full(shape, -np.inf)
                indicator[tuple(cut.rows[cut.labels == label].T)] = 0.0
                indicators.append(indicator)
            limited = SimpleNamespace(scopes=scopes + [cut.units for cut in cuts], log_tables=tables + indicators, **facts)
            out.append(math.exp(log_partition(limited) - total))
    except ArgumentError:  # the junction tree is too wide
        return None
    return out


def _joined(words: Sequence[str], limit: int = 12) -> str:
    some = [*words[:limit], f"{len(words) - limit} more"] if len(words) > limit else list(words)
    return " and ".join([", ".join(some[:-1]), some[-1]]) if len(some) > 1 else "".join(some)


def components(target: Any, blocks: Any = None) -> Reachability:
    """How many sets of possible states no move connects: more than one means that runs depend on where they start.

    Parameters
    ----------
    target : discrete target
        Anything with ``cardinalities``, ``names``, ``observed``, ``scopes`` and ``log_tables``.
    blocks : sequence of sequences of units, optional
        A move changes the units (names or indices) of one block together, or a single unit that is in no block; by default single units.

    Returns
    -------
    Reachability
        Exact where the possible states of the units under zeros are at most 2**16 in each cluster; else a lower bound, proved by the
        zeros of one table or of two that overlap.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For blocks with units that do not exist, and for impossible evidence.

    Examples
    --------
    >>> from weakchaos.targets.factor_graph import packaged
    >>> found = components(packaged("asia"))  # either = tub or lung: to switch it on, two units must change together
    >>> found.n_components, found.exact, [round(p, 6) for p in found.probabilities]
    (2, True, [0.935172, 0.064828])
    >>> components(packaged("asia"), blocks=[("lung", "either")]).n_components
    1
    """
    moves, support = _moves(target, blocks), Support(target)
    clusters = _listed_clusters(support)
    exact = all(found is not None for _, found in clusters)
    cuts = _cuts(support, clusters, moves)
    n = math.prod(cut.n for cut in cuts)
    units = tuple(sorted({u for cut in cuts for u in cut.units}))
    names = tuple(str(target.names[u]) for u in units)
    probabilities = [1.0] if not cuts and exact else _probabilities(target, cuts) if cuts else None
    ranks = None
    if probabilities is not None:
        order = np.argsort(-np.array(probabilities), kind="stable")
        ranks = tuple(int(k) for k in np.argsort(order))
        probabilities = [probabilities[k] for k in order]
    who = "a sampler that changes " + ("one unit at a time" if not blocks else "the given blocks, and other units one at a time,")
    if cuts:
        shares = "" if probabilities is None else f" of probability {_joined([f'{p:.4g}' for p in probabilities])}"
        message = (
            f"{who} never leaves the component it starts in: zeros in the tables over {_joined(names)} split the possible states into "
            f"{'' if exact else 'at least '}{n} components{shares}"
        )
    elif exact:
        message = f"{who} can reach every possible state from any other"
    else:
        message = f"nothing was found that keeps {who} from any possible state, but the states are too many for a proof"
    message = message[0].upper() + message[1:]
    return Reachability(
        n, exact, None if probabilities is None else tuple(probabilities), units, names, message, tuple(cuts), ranks
    )


def component_of(result: Reachability, state: Any) -> Any:
    """The component that holds a state: an index into ``result.probabilities``.

    Parameters
    ----------
    result : Reachability
    state : int array of shape (..., n)
        States 0 .. K - 1 of all units.

    Returns
    -------
    int, or int64 array of shape (...)

    Raises
    ------
    ArgumentError
        For a wrong shape, and for states that the zeros forbid.

    Examples
    --------
    >>> from weakchaos.targets.factor_graph import packaged
    >>> asia = packaged("asia")
    >>> component_of(components(asia), asia.random_start(np.random.default_rng(0)))
    1
    """
    x = np.asarray(state)
    least = max(result.units, default=-1) + 1
    if x.ndim == 0 or x.shape[-1] < least:
        raise ArgumentError(f"`state` must have shape (..., n), with all units of the target; got {x.shape}")
    rows = x.reshape(-1, x.shape[-1])
    out = np.zeros(len(rows), np.int64)
    for cut in result.cuts:
        part = rows[:, list(cut.units)]
        whole = ((part >= 0) & (part <= cut.rows.max(0)) & (part == np.floor(part))).all(1)
        both = np.concatenate([cut.rows, np.where(whole[:, None], part, 0).astype(np.int64)])
        _, inverse = np.unique(_keys(both.T, len(both)), return_inverse=True)
        table = np.full(len(both), -1)
        table[inverse.reshape(-1)[: len(cut.rows)]] = cut.labels
        labels = np.where(whole, table[inverse.reshape(-1)[len(cut.rows) :]], -1)
        if (labels < 0).any():
            bad = int(labels.argmin())
            raise ArgumentError(
                f"`state` must have positive probability; units {shown(result.names)} cannot be {shown(part[bad].tolist())}"
            )
        out = out * cut.n + labels
    if result.ranks is not None:
        out = np.array(result.ranks)[out]
    return int(out[0]) if x.ndim == 1 else out.reshape(x.shape[:-1])


def suggest_blocks(target: Any) -> tuple[tuple[int, ...], ...]:
    """Small blocks of units with which `components` finds no obstacle; empty when single units do.

    Each block holds the units in which two possible states of different components differ least, so that one move of the block joins
    them; two units that differ so are always under one table with zeros.

    Parameters
    ----------
    target : discrete target

    Returns
    -------
    tuple of tuples of int
        Blocks may overlap.

    Raises
    ------
    ArgumentError
        When a block would need more than 2**12 states; for impossible evidence.

    Examples
    --------
    >>> from weakchaos.targets.factor_graph import packaged
    >>> suggest_blocks(packaged("asia"))  # tub and either
    ((1, 5),)
    """
    blocks: list[tuple[int, ...]] = []
    support = Support(target)
    clusters = _listed_clusters(support)
    while cuts := _cuts(support, clusters, _moves(target, blocks)):
        for cut in cuts:
            labels, n = cut.labels, cut.n
            while n > 1:
                block = _joining_block(target, cut, labels, n, blocks)
                blocks.append(block)
                labels, n = _connect(cut.units, cut.rows, _moves(target, blocks))
    return tuple(blocks)


def _joining_block(target: Any, cut: Cut, labels: np.ndarray, n: int, blocks: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The block that joins most components, among the smallest that join the one with the fewest states to another."""
    smallest = np.bincount(labels, minlength=n).argmin()
    others = cut.rows[labels != smallest]
    least = len(cut.units) + 1
    found: set[tuple] = set()
    for row in cut.rows[labels == smallest][:_SEARCHED]:
        differs = others != row
        count = differs.sum(1)
        if count.min() < least:
            least, found = int(count.min()), set()
        if count.min() == least:
            found |= {tuple(pattern) for pattern in np.unique(differs[count == least], axis=0)}
    candidates = sorted(tuple(u for u, d in zip(cut.units, pattern, strict=True) if d) for pattern in found)

    def cost(block: tuple[int, ...]) -> tuple[int, int]:
        states = math.prod(int(target.cardinalities[u]) for u in block)
        return _connect(cut.units, cut.rows, _moves(target, [*blocks, block]))[1], states

    best = min(candidates[:_SEARCHED], key=cost)
    if math.prod(int(target.cardinalities[u]) for u in best) > _BLOCK_STATES:
        names = _joined([str(target.names[u]) for u in best])
        raise ArgumentError(
            f"`target` needs a block of more than {_BLOCK_STATES} states, over {names}; condition on evidence, or allow small weights"
        )
    return best
