"""Entropic herding with products of Bernoulli distributions.

For units x in {0, 1}^n with features x_i and, over edges, x_i x_j, the product with P(x_i = 1) = q_i has eta = (q_i, q_i q_j), and the minimum of
``<a, eta(q)> - lambda H(q)`` over one q_i is ``q_i = 1 / (1 + exp(f_i / lambda))``, ``f_i = a_i + sum_j a_ij q_j``; for lambda = 0 it is
``[f_i < 0]``, and what it was where f_i = 0. Sweeps over the units, begun at the last q, go on until nothing changes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.compiled import draw_uniform, kernel
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.herding.entropic_base import EntropicBound, Mixture
from weakchaos.samplers.base import STEPS
from weakchaos.targets.points import Points

__all__ = ["BernoulliBound"]

_ENUMERATED = 20


@kernel
def _entropic_bernoulli(edges, pointer, neighbour, edge, moments, decay, epsilon, weight, n_sweeps, low, high, graph, sums_a, q, symbols, function,
                        stream, x, counters, n, every, draws, stats, sums, proposals):  # fmt: skip
    units = q.size
    for t in range(n):
        strength = epsilon if epsilon > 0.0 else 1.0 / max(symbols[0], 1)
        for _ in range(n_sweeps):
            change = 0.0
            for i in range(units):
                f = sums_a[i]
                for b in range(pointer[i], pointer[i + 1]):
                    f += sums_a[units + edge[b]] * q[neighbour[b]]
                f *= strength
                if weight > 0.0:
                    f /= weight
                    new = 1.0 / (1.0 + math.exp(f)) if f < 0.0 else math.exp(-f) / (1.0 + math.exp(-f))
                else:
                    new = 1.0 if f < 0.0 else 0.0 if f > 0.0 else q[i]
                change = max(change, abs(new - q[i]))
                q[i] = new
            if change <= 1e-12:
                break
        entropy, objective = 0.0, 0.0
        for i in range(units):
            if 0.0 < q[i] < 1.0:
                entropy -= q[i] * math.log(q[i]) + (1.0 - q[i]) * math.log1p(-q[i])
            objective += strength * sums_a[i] * q[i]
            sums_a[i] = decay * sums_a[i] + q[i] - moments[i]
        for e in range(edges.shape[0]):
            eta = q[edges[e, 0]] * q[edges[e, 1]]
            objective += strength * sums_a[units + e] * eta
            sums_a[units + e] = decay * sums_a[units + e] + eta - moments[units + e]
        objective -= weight * entropy
        if epsilon == 0.0:
            symbols[0] += 1
        if function != 0:
            for i in range(units):
                x[i] = 1.0 if draw_uniform(function, stream) < q[i] else 0.0
        else:
            for i in range(units):
                x[i] = q[i]
        counters[STEPS] += 1
        if (t + 1) % every == 0:
            row = (t + 1) // every - 1
            if draws.shape[0] > 0:
                for i in range(units):
                    draws[row, i] = x[i]
                stats[row, 0] = entropy
                stats[row, 1] = objective
            if sums.size > 0:
                for i in range(units):
                    if graph:
                        sums[2 * i] += 1.0 - x[i]
                        sums[2 * i + 1] += x[i]
                    else:
                        sums[i] += low[i] + (high[i] - low[i]) * x[i]
            if proposals.shape[0] > 0:
                for i in range(units):
                    proposals[row, i] = q[i]
    return n


def _pair_moments(target: Any) -> np.ndarray:
    """Exact means of units and of products over edges."""
    n = target.dim
    if n > _ENUMERATED:
        raise ArgumentError(
            f"`moments` is required for more than {_ENUMERATED} units: the means of the {n} units, as 0/1, then those of the products over the {len(target.edges)} edges"
        )
    p = target.distribution().reshape((2,) * n)
    ones = [p.sum(tuple(a for a in range(n) if a != i))[1] for i in range(n)]
    pairs = [p.sum(tuple(a for a in range(n) if a not in (i, j)))[1, 1] for i, j in target.edges]
    return np.array(ones + pairs)


class BernoulliBound(EntropicBound):
    """On `PairwiseMRF`, `Ising` and two-valued `Points`; a draw is a state of all units, or their means."""

    def __init__(self, sampler: Any, target: Any, driver: Any):
        super().__init__(sampler, target, driver, target.dim)
        n = self.n_parameters = target.dim
        self._graph = not isinstance(target, Points)
        if self._graph:
            self.edges = np.ascontiguousarray(target.edges, np.int64)
            self._low = np.full(n, float(target.readout_shift))
            self._high = self._low + target.readout_step
            self.moments = _pair_moments(target) if sampler.moments is None else sampler.moments
            size = n + len(self.edges)
            if self.moments.shape != (size,) or not ((self.moments >= 0) & (self.moments <= 1)).all():
                raise ArgumentError(
                    f"`moments` must have shape ({size},), means of {n} units and of {len(self.edges)} products, all in [0, 1]"
                )
        else:
            self.edges = np.stack(np.triu_indices(n, 1), 1).astype(np.int64)
            self._low, self._high = target.x.min(0), target.x.max(0)
            x = (target.x > self._low).astype(np.float64)  # a constant column is one of zeros
            self.moments = np.concatenate([target.weights @ x, target.weights @ (x[:, self.edges[:, 0]] * x[:, self.edges[:, 1]])])
        ends = np.concatenate([self.edges, self.edges[:, ::-1]])
        order = np.argsort(ends[:, 0], kind="stable")
        self._pointer = np.concatenate([[0], np.cumsum(np.bincount(ends[:, 0], minlength=n))]).astype(np.int64)
        self._neighbour = ends[order, 1].copy()
        self._edge = (order % max(1, len(self.edges))).astype(np.int64)
        self.n_averages = 2 * n if self._graph else n
        whole = sampler.readout == "sample"
        self.dtype = np.uint8 if whole else np.float64
        self.readout_dtype = np.float64 if not (whole and self._graph) else np.int8 if self._low[0] < 0 else np.uint8

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `EntropicBound`; the search for the first distribution begins at random."""
        first = self.first_sums(rng, position, 1.0)
        q = rng.uniform(size=self.dim)
        if self.sampler.entropy_weight == 0:
            q = np.round(q)
        return State(phase=np.concatenate([first, q]), symbols=np.zeros(1, np.int64))

    def steps(self, state: State, n: int, every: int, draws: Any, stats: Any, sums: Any, proposals: np.ndarray) -> int:
        """See `EntropicBound.steps`."""
        sums_a, q = np.split(state.phase, [self.moments.size])
        return _entropic_bernoulli(
            self.edges, self._pointer, self._neighbour, self._edge, self.moments, *self.rates, self.sampler.n_sweeps, self._low, self._high,
            self._graph, sums_a, q, state.symbols, *self.stream(state), np.empty(self.dim), state.counters, n, every, draws, stats, sums, proposals,
        )  # fmt: skip

    def readout(self, draws: np.ndarray) -> np.ndarray:
        """In the values of the target."""
        return (self._low + (self._high - self._low) * draws).astype(self.readout_dtype)

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """The points, or P(x_i = 0) and P(x_i = 1) of each unit in turn, shape (m, 2 dim)."""
        x = np.asarray(draws, np.float64)
        if not self._graph:
            return x
        x = (x - self._low) / (self._high - self._low)
        return np.stack([1.0 - x, x], 2).reshape(len(x), -1)

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """Means of the units."""
        return self._low + (self._high - self._low) * averages[..., 1::2] if self._graph else averages

    def mixture_of(self, rows: np.ndarray) -> Mixture:
        """Of products of Bernoulli distributions."""
        return Mixture("bernoulli", rows, low=self._low, high=self._high)
