"""The best joint state of a sum of tables, by max-product elimination.

Dawid, Stat. Comput. 2 (1992) 25, doi:10.1007/BF01890546: units are eliminated one after the other in the order of the junction tree; the
clique of unit v holds the sum of the tables that meet in it and of the messages of earlier cliques, and passes on its maximum over v. Read
backwards, the stored maxima give the best state. On trees and chains cliques are pairs. If states tie, each unit takes its lowest state,
beginning with the unit that was eliminated last.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from weakchaos.targets.exact import plan_elimination

__all__ = ["Junction", "eliminate", "flat", "junction", "pointers", "strides"]

_LARGEST_CLIQUE = 1 << 16


class Junction(NamedTuple):
    """The places in one buffer from which the entries of each clique's table come; the buffer holds tables first and then messages. All int64."""

    unit: np.ndarray
    states: np.ndarray
    size: np.ndarray
    gather_ptr: np.ndarray
    gather: np.ndarray
    message_start: np.ndarray
    message_ptr: np.ndarray
    message_place: np.ndarray
    message_stride: np.ndarray


@njit(nogil=True, error_model="numpy")
def eliminate(plan, buffer, best_state, x):
    """Write the best state into `x`; its score. `buffer` begins with the tables, one after the other; the rest of it and `best_state` are scratch."""
    cliques = plan.unit.size
    total = 0.0
    for c in range(cliques):
        rest = plan.size[c] // plan.states[c]
        first, terms = plan.gather_ptr[c], (plan.gather_ptr[c + 1] - plan.gather_ptr[c]) // plan.size[c]
        start = plan.message_start[c]
        for r in range(rest):
            top, chosen = -math.inf, 0
            for k in range(plan.states[c]):
                value = 0.0
                a = first + (k * rest + r) * terms
                for g in range(a, a + terms):
                    value += buffer[plan.gather[g]]
                if value > top:
                    top, chosen = value, k
            buffer[start + r] = top
            best_state[start + r] = chosen
        if rest == 1:
            total += buffer[start]
    for c in range(cliques - 1, -1, -1):
        place = plan.message_start[c]
        for a in range(plan.message_ptr[c], plan.message_ptr[c + 1]):
            place += plan.message_stride[a] * x[plan.message_place[a]]
        x[plan.unit[c]] = best_state[place]
    return total


def strides(shape: Any) -> np.ndarray:
    """Strides in entries of a C-ordered table."""
    return np.array([math.prod(shape[k + 1 :]) for k in range(len(shape))], np.int64)


def pointers(lengths: Any) -> np.ndarray:
    """The places at which parts of these lengths begin when they are laid end to end, and the end of the last part."""
    return np.concatenate([[0], np.cumsum(np.asarray(lengths, np.int64))]).astype(np.int64)


def flat(parts: list) -> np.ndarray:
    """All entries of all parts, int64."""
    return np.concatenate([np.asarray(p, np.int64).ravel() for p in parts]) if parts else np.empty(0, np.int64)


def _places(units: tuple[int, ...], clique: tuple[int, ...], cards: list[int], start: int) -> np.ndarray:
    """For each entry of a clique's table (C order), where the table over some of its units has the matching entry."""
    shape = [cards[u] for u in clique]
    steps = dict(zip(units, strides([cards[u] for u in units]).tolist(), strict=True))
    index = np.full(shape, start, np.int64)
    for axis, u in enumerate(clique):
        if u in steps:
            index += (np.arange(cards[u]) * steps[u]).reshape([-1 if a == axis else 1 for a in range(len(clique))])
    return index.ravel()


def junction(cards: list[int], scopes: list[list[int]], largest: int = _LARGEST_CLIQUE) -> tuple[Junction, int]:
    """The plan for tables over `scopes`, in this order in the buffer, and the length the buffer must have.

    Raises
    ------
    ArgumentError
        When a clique has more than `largest` entries.
    """
    plan = plan_elimination(cards, scopes, largest)
    rank = {clique[0]: t for t, clique in enumerate(plan.cliques)}
    starts = pointers([math.prod(cards[u] for u in scope) for scope in scopes])
    terms: list[list[np.ndarray]] = [[] for _ in plan.cliques]
    for scope, start in zip(scopes, starts, strict=False):
        home = min(rank[u] for u in scope)
        terms[home].append(_places(tuple(scope), plan.cliques[home], cards, int(start)))
    message_sizes = [math.prod(cards[u] for u in clique[1:]) for clique in plan.cliques]
    message_start = pointers(message_sizes)[:-1] + starts[-1]
    for t, clique in enumerate(plan.cliques):
        if len(clique) > 1:
            home = rank[clique[1]]
            terms[home].append(_places(clique[1:], plan.cliques[home], cards, int(message_start[t])))
    sizes = [math.prod(cards[u] for u in clique) for clique in plan.cliques]
    separators = [clique[1:] for clique in plan.cliques]
    gathers = [np.stack(part, 1) if part else np.empty((size, 0), np.int64) for part, size in zip(terms, sizes, strict=True)]
    arrays = Junction(
        unit=flat([[c[0]] for c in plan.cliques]),
        states=flat([[cards[c[0]]] for c in plan.cliques]),
        size=flat([sizes]),
        gather_ptr=pointers([g.size for g in gathers]),
        gather=flat(gathers),
        message_start=message_start,
        message_ptr=pointers([len(s) for s in separators]),
        message_place=flat(separators),
        message_stride=flat([strides([cards[u] for u in s]) for s in separators]),
    )
    return arrays, int(starts[-1]) + sum(message_sizes)
