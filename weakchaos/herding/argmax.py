"""Herding on the tables of a graph, with the exact argmax over all states by max-product elimination.

The features of a state are the indicators of its entries in the tables; the weights of these entries are themselves tables over the same
units, so that the best state is found by `weakchaos.herding.elimination`. Entries where the model's probability is zero are never chosen.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.flags import Flag, Kind
from weakchaos.core.system import State
from weakchaos.herding.elimination import eliminate, flat, junction, pointers, strides
from weakchaos.native.compiled import kernel
from weakchaos.samplers.discrete import BoundDiscrete
from weakchaos.samplers.record import record_units

__all__ = ["VIOLATIONS", "BoundGraph", "Certified"]

VIOLATIONS = 6  # place among the counters: steps at which the certificate failed
_ENUMERATED = 1 << 20


@kernel
def _herd_graph(plan, allowed, entry_ptr, entry_unit, entry_stride, entry_start, counted, moments, offset, buffer, best_state, w, x, counters, n,
                every, draws, stats, sums):  # fmt: skip
    for t in range(n):
        for e in range(w.size):
            buffer[e] = w[e] if allowed[e] else -math.inf
        total = eliminate(plan, buffer, best_state, x)
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
        row = record_units(t, every, x, offset, draws, sums)
        if row >= 0 and draws.shape[0] > 0:
            stats[row, 0] = certificate
    return n


def _table_moments(target: Any, scopes: list[np.ndarray]) -> list[np.ndarray]:
    """Exact joint marginals over each scope, axes in the order of the scope."""
    joint = target.distribution().reshape([int(c) for c in target.cardinalities])
    out = []
    for scope in scopes:
        marginal = joint.sum(tuple(a for a in range(target.dim) if a not in set(scope.tolist())))
        out.append(marginal.transpose(np.argsort(np.argsort(scope))))
    return out


class Certified:
    """The report of all kinds of herding at the end of a run: at how many steps the certificate of the perceptron cycling theorem failed."""

    def violations(self, state: State) -> int:
        """Steps at which the certificate ``<w, m - phi(s)> <= 0`` failed."""
        return int(state.counters[VIOLATIONS])

    def complaints(self, before: list[State], after: list[State]) -> list[Flag]:
        """See `Bound.complaints`."""
        broken = sum(map(self.violations, after)) - sum(map(self.violations, before))
        if not broken:
            return []
        steps = sum(int(s.counters[STEPS]) for s in after) - sum(int(s.counters[STEPS]) for s in before)
        return [Flag.of(Kind.CERTIFICATE, count=broken, steps=steps)]


class BoundGraph(Certified, BoundDiscrete):
    """Phase: one weight for each entry of a table. Symbols: the state chosen last."""

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
        scopes = [s.tolist() for s, _ in features]
        plan, room = junction(cards, scopes)
        allowed = []
        for scope, (_, support) in zip(scopes, features, strict=True):
            mask = support.copy()
            for axis, u in enumerate(scope):
                if u in self.target.observed:
                    mask &= (np.arange(cards[u]) == self.target.observed[u]).reshape(
                        [-1 if a == axis else 1 for a in range(len(scope))]
                    )
            allowed.append(mask.ravel())
        starts = pointers([m.size for m in moments])
        self._room = max(room, counted)
        self._arrays = (
            plan, np.concatenate(allowed), pointers([len(s) for s in scopes]), flat(scopes), flat([strides(m.shape) for m in moments]),
            starts[:-1], counted, np.concatenate([np.ravel(m) for m in moments]).astype(np.float64),
        )  # fmt: skip
        self._n_weights, self._n_free = int(starts[-1]), int(starts[counted])

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """A state with weights at zero, at random, or as given."""
        if position is not None:
            raise ArgumentError("`initial` must be None: herding starts from weights, not from a position; choose `start`")
        start = self.sampler.start
        w = np.zeros(self._n_weights)
        if isinstance(start, str):
            if start == "random":
                w[: self._n_free] = rng.uniform(-0.5, 0.5, self._n_free)
        elif start.shape != (self._n_free,):
            raise ArgumentError(
                f"`start` must have shape ({self._n_free},), one weight for each entry of a table; got {start.shape}"
            )
        else:
            w[: self._n_free] = start
        return State(phase=w, symbols=np.zeros(self.dim, np.int64))

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        # Scratch of this call alone, so that chains in threads do not share it.
        buffer, best = np.empty(self._room), np.zeros(self._room, np.int64)
        return _herd_graph(
            *self._arrays, self._offset, buffer, best, state.phase, state.symbols, state.counters, n, every, draws, stats, sums
        )
