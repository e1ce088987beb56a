"""The states that can be reached by a sampler which changes one unit, or one block of units, at a time.

Zeros in the tables can split the states of positive probability into components that such moves never leave; each run then converges to
the distribution within the component in which it starts. The zeros concern only some units, in clusters that share tables with zeros; the
components of the whole are the products of those of the clusters. If the possible states of a cluster can be listed, its components are
exact. If there are too many, the states projected on the units of one table, or of two tables that overlap, give a certificate: the projection
of a move is a move or changes nothing, so if the projected states fall into components and at least two of these contain a state that is
possible for the whole target, no run passes between them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.flags import Flag, Kind
from weakchaos.targets.exact import log_partition
from weakchaos.targets.moves import connect, moves_of, row_keys
from weakchaos.targets.support import JOINED, Support

__all__ = ["Cut", "Reachability", "Support", "component_of", "components", "suggest_blocks", "unreachable_flag"]

_LISTED = 1 << 16  # possible states of a cluster
_LOCAL = 1 << 14  # states of a local certificate
_SEARCHED = 64  # components of a certificate, components whose probabilities are worked out
_BLOCK_STATES = 1 << 12


@dataclass(frozen=True)
class Cut:
    """A partition of the possible states of some units into sets that no move connects.

    Attributes
    ----------
    units : tuple of int
    rows : int64 array of shape (m, len(units))
        The states of these units.
    labels : int64 array of shape (m,)
        The set to which each row belongs.
    n : int
        Number of sets.
    """

    units: tuple[int, ...]
    rows: np.ndarray
    labels: np.ndarray
    n: int


@dataclass(frozen=True)
class Reachability:
    """The result of `components`.

    Attributes
    ----------
    n_components : int
        Number of components, or a lower bound.
    exact : bool
        Whether `n_components` is the exact number.
    probabilities : tuple of float or None
        Probability of each component given the evidence, largest first; None if exact inference is not affordable. If `n_components` is a
        lower bound they need not add up to 1.
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
        labels, n = connect(units, rows, near)
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
            labels, n = connect(units, rows, moves)
            cut = Cut(units, rows, labels, n) if n > 1 else None
        if cut is not None:
            states = np.column_stack([support.allowed[u][cut.rows[:, a]] for a, u in enumerate(cut.units)])
            cuts.append(Cut(cut.units, states, cut.labels, cut.n))
    return cuts


def _probabilities(target: Any, cuts: list[Cut]) -> list[float] | None:
    """Probability of every combination of sets of the cuts, the last cut fastest."""
    shapes = [[int(target.cardinalities[u]) for u in cut.units] for cut in cuts]
    if math.prod(cut.n for cut in cuts) > _SEARCHED or any(math.prod(s) > JOINED for s in shapes):
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
    """Count the sets of possible states that no move connects; if there is more than one, the result of a run depends on its start.

    Parameters
    ----------
    target : discrete target
        Anything with ``cardinalities``, ``names``, ``observed``, ``scopes`` and ``log_tables``.
    blocks : sequence of sequences of units, optional
        A move changes the units (names or indices) of one block together, or a single unit that is in no block; by default single units.

    Returns
    -------
    Reachability
        The number is exact if the units under zeros have at most 2**16 possible states in each cluster; otherwise it is a lower bound, which
        is proved from the zeros of one table or of two tables that overlap.

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
    moves, support = moves_of(target, blocks), Support(target)
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


def unreachable_flag(target: Any, blocks: Any) -> Flag | None:
    """The flag of a sampler that changes single units or `blocks` and cannot reach every state; None where nothing was found.

    Examples
    --------
    >>> from weakchaos.targets.factor_graph import packaged
    >>> unreachable_flag(packaged("asia"), ()).numbers["components"], unreachable_flag(packaged("sachs"), ())
    (2, None)
    """
    found = components(target, blocks=blocks or None) if target.has_zeros else None
    if found is None or found.n_components == 1:
        return None
    return Flag.of(
        Kind.UNREACHABLE, where=found.names, components=found.n_components, exact=found.exact,
        probabilities=None if found.probabilities is None else list(found.probabilities), blocks=bool(blocks),
    )  # fmt: skip


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
        _, inverse = np.unique(row_keys(both.T, len(both)), return_inverse=True)
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
    """Small blocks of units with which every possible state can be reached, as far as `components` can tell; empty if single units suffice.

    Each block holds the units in which two possible states of different components differ, for the two states that differ in the fewest units,
    so that one move of the block connects the components. Units of a block are always under a common table with zeros.

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
    while cuts := _cuts(support, clusters, moves_of(target, blocks)):
        for cut in cuts:
            labels, n = cut.labels, cut.n
            while n > 1:
                block = _joining_block(target, cut, labels, n, blocks)
                blocks.append(block)
                labels, n = connect(cut.units, cut.rows, moves_of(target, blocks))
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
        return connect(cut.units, cut.rows, moves_of(target, [*blocks, block]))[1], states

    best = min(candidates[:_SEARCHED], key=cost)
    if math.prod(int(target.cardinalities[u]) for u in best) > _BLOCK_STATES:
        names = _joined([str(target.names[u]) for u in best])
        raise ArgumentError(
            f"`target` needs a block of more than {_BLOCK_STATES} states, over {names}; condition on evidence, or allow small weights"
        )
    return best
