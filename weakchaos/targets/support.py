"""The states of positive probability of a discrete target, as far as zeros in its tables restrict them: found, and listed."""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.targets.exact import reduced_tables

__all__ = ["JOINED", "Support"]

JOINED = 1 << 22  # entries while states are listed
_BUDGETS = (64, 64, 64, 256, 1024, 4096)  # backtracks of each search for a possible state
_RANDOM_SEARCHES = 3  # of these, in random order; the others look where the trouble is


class Support:
    """The states of positive probability, as far as zeros restrict them.

    Parameters
    ----------
    target : discrete target
        Anything with ``cardinalities``, ``names``, ``observed``, ``scopes`` and ``log_tables``.

    Attributes
    ----------
    allowed : dict from unit to int64 array
        For each unit in a table with zeros, the states that the zeros allow; the axes of `constraints` run over these.
    constraints : list of (units, bool table)
        Tables of the joint states that are allowed, for units with at least two states left.

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
        """A possible state of all units, shape (n,), or None; and whether the search is conclusive: False if a state may exist that was not found."""
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
                    if len(rows) * k * (len(column) + 1) > JOINED:
                        return None
                    rows = np.column_stack([np.repeat(rows, k, 0), np.tile(np.arange(k), len(rows))])
                    column[u] = len(column)
            rows = rows[table[tuple(rows[:, column[u]] for u in scope)]]
            if len(rows) > limit:
                return None
        units = tuple(sorted(column))
        return units, rows[:, [column[u] for u in units]]
