"""Herding on the tables of a graph, with the exact argmax over all states by max-product elimination.

Dawid, Stat. Comput. 2 (1992) 25, doi:10.1007/BF01890546: units are eliminated one after the other in the order of the junction tree; the
clique of unit v holds the sum of the weights of the tables that meet in it and of the messages of earlier cliques, and passes on its
maximum over v. Read backwards, the stored maxima give the best state. On ties each unit takes its lowest state, the unit eliminated last
first. Entries where the model's probability is zero are never chosen.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.compiled import kernel
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.samplers.base import STEPS
from weakchaos.samplers.discrete import BoundDiscrete, record
from weakchaos.targets.exact import plan_elimination

__all__ = ["VIOLATIONS", "BoundGraph", "Certified"]

VIOLATIONS = 6  # place among the counters: steps at which the certificate failed
_ENUMERATED = 1 << 20
_LARGEST_CLIQUE = 1 << 16


@kernel
def _herd_graph(unit, states, size, gather_ptr, gather, message_start, message_ptr, message_place, message_stride, allowed, entry_ptr, entry_unit, entry_stride,
                entry_start, counted, moments, offset, buffer, best_state, w, x, counters, n, every, draws, stats, sums):  # fmt: skip
    cliques = unit.size
    for t in range(n):
        for e in range(w.size):
            buffer[e] = w[e] if allowed[e] else -math.inf
        total = 0.0
        for c in range(cliques):
            rest = size[c] // states[c]
            first, terms = gather_ptr[c], (gather_ptr[c + 1] - gather_ptr[c]) // size[c]
            start = message_start[c]
            for r in range(rest):
                top, chosen = -math.inf, 0
                for k in range(states[c]):
                    value = 0.0
                    a = first + (k * rest + r) * terms
                    for g in range(a, a + terms):
                        value += buffer[gather[g]]
                    if value > top:
                        top, chosen = value, k
                buffer[start + r] = top
                best_state[start + r] = chosen
            if rest == 1:
                total += buffer[start]
        for c in range(cliques - 1, -1, -1):
            place = message_start[c]
            for a in range(message_ptr[c], message_ptr[c + 1]):
                place += message_stride[a] * x[message_place[a]]
            x[unit[c]] = best_state[place]
        certificate = 0.0
        for f in range(counted):
            e = entry_start[f]
            for a in range(entry_ptr[f], entry_ptr[f + 1]):
                e += entry_stride[a] * x[entry_unit[a]]
            certificate -= w[e]
            buffer[f] = e
        for e in range(w.size):
            certificate += w[e] * moments[e]
            w[e] += moments[e]
        for f in range(counted):
            w[int(buffer[f])] -= 1.0
        if certificate > 1e-10 * (1.0 + abs(total)):
            counters[VIOLATIONS] += 1
        counters[STEPS] += 1
        if (t + 1) % every == 0:
            row = (t + 1) // every - 1
            record(x, offset, row, draws, sums)
            if draws.shape[0] > 0:
                stats[row, 0] = certificate
    return n


def _strides(shape: Any) -> np.ndarray:
    return np.array([math.prod(shape[k + 1 :]) for k in range(len(shape))], np.int64)


def _pointers(lengths: Any) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.asarray(lengths, np.int64))]).astype(np.int64)


def _flat(parts: list) -> np.ndarray:
    return np.concatenate([np.asarray(p, np.int64).ravel() for p in parts]) if parts else np.empty(0, np.int64)


def _places(units: tuple[int, ...], clique: tuple[int, ...], cards: list[int], start: int) -> np.ndarray:
    """For each entry of a clique's table (C order), where the table over some of its units has the matching entry."""
    shape = [cards[u] for u in clique]
    strides = dict(zip(units, _strides([cards[u] for u in units]).tolist(), strict=True))
    index = np.full(shape, start, np.int64)
    for axis, u in enumerate(clique):
        if u in strides:
            index += (np.arange(cards[u]) * strides[u]).reshape([-1 if a == axis else 1 for a in range(len(clique))])
    return index.ravel()


def _table_moments(target: Any, scopes: list[np.ndarray]) -> list[np.ndarray]:
    """Exact joint marginals over each scope, axes in the order of the scope."""
    joint = target.distribution().reshape([int(c) for c in target.cardinalities])
    out = []
    for scope in scopes:
        marginal = joint.sum(tuple(a for a in range(target.dim) if a not in set(scope.tolist())))
        out.append(marginal.transpose(np.argsort(np.argsort(scope))))
    return out


class Certified:
    """What all herding says at the end of a run: at how many steps the certificate of the perceptron cycling theorem failed."""

    def violations(self, state: State) -> int:
        """Steps at which the certificate ``<w, m - phi(s)> <= 0`` failed."""
        return int(state.counters[VIOLATIONS])

    def complaints(self, before: list[State], after: list[State]) -> list[str]:
        """See `Bound.complaints`."""
        broken = sum(map(self.violations, after)) - sum(map(self.violations, before))
        if not broken:
            return []
        steps = sum(int(s.counters[STEPS]) for s in after) - sum(int(s.counters[STEPS]) for s in before)
        return [
            f"the certificate <w, m - phi(s)> <= 0 failed at {broken} of {steps} steps: the state that was taken scored less than the moments, which no exact argmax "
            "does for moments that can be matched; the weights need not stay bounded, nor the averages converge"
        ]


class BoundGraph(Certified, BoundDiscrete):
    """Phase: one weight an entry of a table. Symbols: the state chosen last."""

    stats_names = ("certificate",)

    def __init__(self, sampler: Any, target: Any):
        super().__init__(sampler, target, None)
        which = sampler.features
        if which is None:
            which = "factors" if math.prod(int(c) for c in target.cardinalities) <= _ENUMERATED else "units"
        scopes = [np.asarray(s, np.int64) for s in target.scopes]
        supports = [np.isfinite(t) for t in target.log_tables]
        if which == "units":
            # Zeros of the tables bound the states; they carry no weight of their own.
            bounds = [(s, a) for s, a in zip(scopes, supports, strict=True) if not a.all()]
            features = [(np.array([i]), np.ones(int(k), bool)) for i, k in enumerate(target.cardinalities)]
            moments = [np.asarray(m) for m in target.marginals()] + [np.zeros(a.shape) for _, a in bounds]
            features += bounds
            counted = self.dim
        else:
            features = list(zip(scopes, supports, strict=True))
            moments = _table_moments(target, scopes)
            counted = len(features)
        self._build(features, moments, counted)

    def _build(self, features: list, moments: list, counted: int) -> None:
        cards = [int(c) for c in self.target.cardinalities]
        plan = plan_elimination(cards, [s.tolist() for s, _ in features], _LARGEST_CLIQUE)
        rank = {clique[0]: t for t, clique in enumerate(plan.cliques)}
        starts = _pointers([m.size for m in moments])
        allowed = []
        terms: list[list[np.ndarray]] = [[] for _ in plan.cliques]
        for f, (scope, support) in enumerate(features):
            mask = support.copy()
            for axis, u in enumerate(scope.tolist()):
                if u in self.target.observed:
                    mask &= (np.arange(cards[u]) == self.target.observed[u]).reshape(
                        [-1 if a == axis else 1 for a in range(len(scope))]
                    )
            allowed.append(mask.ravel())
            units = tuple(scope.tolist())
            home = min(rank[u] for u in units)
            terms[home].append(_places(units, plan.cliques[home], cards, int(starts[f])))
        message_sizes = [math.prod(cards[u] for u in clique[1:]) for clique in plan.cliques]
        message_start = _pointers(message_sizes)[:-1] + starts[-1]
        for t, clique in enumerate(plan.cliques):
            if len(clique) > 1:
                home = rank[clique[1]]
                terms[home].append(_places(clique[1:], plan.cliques[home], cards, int(message_start[t])))
        sizes = [math.prod(cards[u] for u in clique) for clique in plan.cliques]
        separators = [clique[1:] for clique in plan.cliques]
        gathers = [np.stack(part, 1) if part else np.empty((size, 0), np.int64) for part, size in zip(terms, sizes, strict=True)]
        room = max(int(starts[-1]) + sum(message_sizes), counted)
        self._buffers = (room, room)
        self._arrays = (
            _flat([[c[0]] for c in plan.cliques]), _flat([[cards[c[0]]] for c in plan.cliques]), _flat([sizes]), _pointers([g.size for g in gathers]),
            _flat(gathers), message_start, _pointers([len(s) for s in separators]), _flat(separators), _flat([_strides([cards[u] for u in s]) for s in separators]),
            np.concatenate(allowed), _pointers([len(s) for s, _ in features]), _flat([s for s, _ in features]), _flat([_strides(m.shape) for m in moments]),
            starts[:-1], counted, np.concatenate([np.ravel(m) for m in moments]).astype(np.float64),
        )  # fmt: skip
        self._n_weights, self._n_free = int(starts[-1]), int(starts[counted])

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """Weights at zero, at random, or as given."""
        if position is not None:
            raise ArgumentError("`initial` must be None: herding starts from weights, not from a position; choose `start`")
        start = self.sampler.start
        w = np.zeros(self._n_weights)
        if isinstance(start, str):
            if start == "random":
                w[: self._n_free] = rng.uniform(-0.5, 0.5, self._n_free)
        elif start.shape != (self._n_free,):
            raise ArgumentError(f"`start` must have shape ({self._n_free},), one weight an entry of a table; got {start.shape}")
        else:
            w[: self._n_free] = start
        return State(phase=w, symbols=np.zeros(self.dim, np.int64))

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        # Scratch of this call alone, so that chains in threads do not share it.
        buffer, best = np.empty(self._buffers[0]), np.zeros(self._buffers[1], np.int64)
        return _herd_graph(
            *self._arrays, self._offset, buffer, best, state.phase, state.symbols, state.counters, n, every, draws, stats, sums
        )
