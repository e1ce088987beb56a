"""Herding on the tables of a graph, with the exact argmax over all states by depth-first branch and bound.

Units are assigned in order; each table counts at the level of its last unit. A branch is cut when its value and the best the remaining
tables could add do not reach the best state found, so ties go to the first state in lexicographic order.
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

__all__ = ["BoundGraph"]

_ENUMERATED = 1 << 20
VIOLATIONS = 6


@kernel
def _herd_graph(cardinality, clamped, offset, level_ptr, table, table_ptr, scope_ptr, scope, stride, allowed, moments, counted, w, x, counters, n, every, draws, stats, sums):
    units = cardinality.size
    partial, rest = np.zeros(units + 1), np.zeros(units + 1)
    trial, chosen = np.zeros(units, np.int64), np.zeros(units, np.int64)
    for t in range(n):
        for level in range(units - 1, -1, -1):
            rest[level] = rest[level + 1]
            for a in range(level_ptr[level], level_ptr[level + 1]):
                f = table[a]
                top = -math.inf
                for e in range(table_ptr[f], table_ptr[f + 1]):
                    if allowed[e] and w[e] > top:
                        top = w[e]
                rest[level] += top
        best = -math.inf
        slack = 0.0
        level = 0
        trial[0] = -1
        while level >= 0:
            trial[level] += 1
            if trial[level] >= cardinality[level]:
                level -= 1
                continue
            if clamped[level] >= 0 and trial[level] != clamped[level]:
                continue
            value = partial[level]
            possible = True
            for a in range(level_ptr[level], level_ptr[level + 1]):
                f = table[a]
                e = table_ptr[f]
                for b in range(scope_ptr[f], scope_ptr[f + 1]):
                    e += stride[b] * trial[scope[b]]
                if not allowed[e]:
                    possible = False
                    break
                value += w[e]
            # Sums in another order round differently: a branch is cut only when it is worse by more than that.
            if not possible or value + rest[level + 1] < best - slack:
                continue
            if level < units - 1:
                level += 1
                partial[level] = value
                trial[level] = -1
            elif value > best:
                best = value
                slack = 1e-13 * (1.0 + abs(best))
                chosen[:] = trial
        certificate = -best
        for e in range(w.size):
            certificate += w[e] * moments[e]
            w[e] += moments[e]
        if certificate > 1e-10 * (1.0 + abs(best)):
            counters[VIOLATIONS] += 1
        for i in range(units):
            x[i] = chosen[i]
        for f in range(counted):
            e = table_ptr[f]
            for b in range(scope_ptr[f], scope_ptr[f + 1]):
                e += stride[b] * x[scope[b]]
            w[e] -= 1.0
        counters[STEPS] += 1
        if (t + 1) % every == 0:
            row = (t + 1) // every - 1
            record(x, offset, row, draws, sums)
            if draws.shape[0] > 0:
                stats[row, 0] = certificate
    return n


def _moments(target: Any, scopes: list[np.ndarray], which: str) -> list[np.ndarray]:
    if which == "units":
        return [np.asarray(m) for m in target.marginals()]
    joint = target.distribution().reshape([int(c) for c in target.cardinalities])
    out = []
    for scope in scopes:
        marginal = joint.sum(tuple(a for a in range(target.dim) if a not in set(scope.tolist())))
        out.append(marginal.transpose(np.argsort(np.argsort(scope))))
    return out


class BoundGraph(BoundDiscrete):
    """Phase: one weight an entry of a table. Symbols: the state chosen last."""

    stats_names = ("certificate",)

    def __init__(self, sampler: Any, target: Any):
        super().__init__(sampler, target, None)
        which = sampler.features
        if which is None:
            which = "factors" if math.prod(int(c) for c in target.cardinalities) <= _ENUMERATED else "units"
        scopes = [np.asarray(s, np.int64) for s in target.scopes]
        tables = [np.asarray(t) for t in target.log_tables]
        support = [(s, np.isfinite(t)) for s, t in zip(scopes, tables, strict=True) if not np.isfinite(t).all()]
        if which == "units":
            # Zeros of the tables bound the states; they carry no feature of their own.
            features = [(np.array([i]), np.ones(int(k), bool)) for i, k in enumerate(target.cardinalities)]
            moments = _moments(target, scopes, which) + [np.zeros(m.shape) for _, m in support]
            features += support
        else:
            features = [(s, np.isfinite(t)) for s, t in zip(scopes, tables, strict=True)]
            moments = _moments(target, scopes, which)
        counted = self.dim if which == "units" else len(features)
        self._build(features, moments, counted)

    def _build(self, features: list, moments: list, counted: int) -> None:
        last = [int(s.max()) for s, _ in features]
        order = np.argsort(last, kind="stable")
        shapes = [m.shape for _, m in features]
        sizes = [m.size for _, m in features]
        strides = [np.array([int(np.prod(shape[k + 1 :])) for k in range(len(shape))], np.int64) for shape in shapes]
        flat = [np.concatenate([np.ravel(v) for v in part]) for part in ([s for s, _ in features], strides, [m for _, m in features], moments)]
        pointer = lambda lengths: np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)  # noqa: E731
        clamped = np.full(self.dim, -1, np.int64)
        for i, k in self.target.observed.items():
            clamped[i] = k
        self._arrays = (
            np.asarray(self.target.cardinalities, np.int64), clamped, self._offset, pointer(np.bincount(last, minlength=self.dim)),
            order.astype(np.int64), pointer(sizes), pointer([len(s) for s, _ in features]), flat[0].astype(np.int64), flat[1].astype(np.int64), flat[2].astype(bool), flat[3].astype(np.float64), counted,
        )  # fmt: skip
        self._n_weights, self._n_free = int(sum(sizes)), int(sum(sizes[:counted]))

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
        return _herd_graph(*self._arrays, state.phase, state.symbols, state.counters, n, every, draws, stats, sums)

    def count_bad_values(self, state: State) -> int:
        """None: there is no log density."""
        return 0

    def violations(self, state: State) -> int:
        """Steps at which the certificate ``<w, m - phi(s)> <= 0`` failed."""
        return int(state.counters[VIOLATIONS])
