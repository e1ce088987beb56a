"""Entropic herding with products of distributions of single spins.

For spins s in {-1, +1}^n with features s_i and, over edges, s_i s_j, the product with P(s_i = +1) = q_i has means u_i = 2 q_i - 1 and
eta = (u_i, u_i u_j). The minimum of ``<a, eta(q)> - lambda H(q)`` over one q_i is ``q_i = 1 / (1 + exp(2 f_i / lambda))`` with
``f_i = a_i + sum_j a_ij u_j``; for lambda = 0 it is ``[f_i < 0]``, and q_i keeps its value if f_i = 0. The search begins at the last q and sweeps
over the units until nothing changes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.herding.entropic.base import EntropicBound, Mixture
from weakchaos.native.compiled import draw_uniform, kernel
from weakchaos.samplers.record import row_of
from weakchaos.targets.ising_moments import IsingMoments
from weakchaos.targets.points import Points

__all__ = ["BernoulliBound"]

_ENUMERATED = 20
_VALUES, _FEATURES, _INDICATORS = range(3)


@kernel
def _entropic_bernoulli(edges, pointer, neighbour, edge, moments, decay, epsilon, weight, n_sweeps, low, high, averaged, sums_a, q, symbols, function,
                        stream, x, counters, n, every, draws, stats, sums, proposals):  # fmt: skip
    units = q.size
    for t in range(n):
        strength = epsilon if epsilon > 0.0 else 1.0 / max(symbols[0], 1)
        for _ in range(n_sweeps):
            change = 0.0
            for i in range(units):
                f = sums_a[i]
                for b in range(pointer[i], pointer[i + 1]):
                    f += sums_a[units + edge[b]] * (2.0 * q[neighbour[b]] - 1.0)
                f *= strength
                if weight > 0.0:
                    f *= 2.0 / weight
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
            eta = 2.0 * q[i] - 1.0
            objective += strength * sums_a[i] * eta
            sums_a[i] = decay * sums_a[i] + eta - moments[i]
        for e in range(edges.shape[0]):
            eta = (2.0 * q[edges[e, 0]] - 1.0) * (2.0 * q[edges[e, 1]] - 1.0)
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
        row = row_of(t, every)
        if row >= 0:
            if draws.shape[0] > 0:
                for i in range(units):
                    draws[row, i] = x[i]
                stats[row, 0] = entropy
                stats[row, 1] = objective
            if sums.size > 0:
                for i in range(units):
                    if averaged == 2:
                        sums[2 * i] += 1.0 - x[i]
                        sums[2 * i + 1] += x[i]
                    else:
                        sums[i] += low[i] + (high[i] - low[i]) * x[i]
                if averaged == 1:
                    for e in range(edges.shape[0]):
                        sums[units + e] += (2.0 * x[edges[e, 0]] - 1.0) * (2.0 * x[edges[e, 1]] - 1.0)
            if proposals.shape[0] > 0:
                for i in range(units):
                    proposals[row, i] = q[i]
    return n


class BernoulliBound(EntropicBound):
    """On `IsingMoments`, `PairwiseMRF`, `Ising` and two-valued `Points`; a draw is a state of all units, or their means."""

    def __init__(self, sampler: Any, target: Any, driver: Any):
        super().__init__(sampler, target, driver, target.dim)
        n = self.n_parameters = target.dim
        if isinstance(target, Points):
            self._averaged, self.n_averages = _VALUES, n
            self._low, self._high = target.x.min(0), target.x.max(0)
            self.edges = np.stack(np.triu_indices(n, 1), 1).astype(np.int64)
            spins = np.where(target.x > self._low, 1.0, -1.0)  # a constant column is one of -1
            second = (spins.T * target.weights) @ spins
            self.moments = np.concatenate([target.weights @ spins, second[self.edges[:, 0], self.edges[:, 1]]])
        else:
            if isinstance(target, IsingMoments):
                wanted, self._averaged, self.n_averages = target, _FEATURES, target.moments.size
                self._low = np.full(n, -1.0)
            else:
                if n > _ENUMERATED:
                    raise ArgumentError(
                        f"`target` must have at most {_ENUMERATED} units, so that its exact moments can be computed; got {n}: pass the moments as weakchaos.IsingMoments"
                    )
                wanted, self._averaged, self.n_averages = IsingMoments.from_model(target), _INDICATORS, 2 * n
                self._low = np.full(n, float(target.readout_shift))
            self.edges, self.moments = np.ascontiguousarray(wanted.edges), wanted.moments
            self._high = self._low + (2.0 if self._low[0] < 0 else 1.0)
        ends = np.concatenate([self.edges, self.edges[:, ::-1]])
        order = np.argsort(ends[:, 0], kind="stable")
        self._pointer = np.concatenate([[0], np.cumsum(np.bincount(ends[:, 0], minlength=n))]).astype(np.int64)
        self._neighbour = ends[order, 1].copy()
        self._edge = (order % max(1, len(self.edges))).astype(np.int64)
        whole = sampler.readout == "sample"
        self.dtype = np.uint8 if whole else np.float64
        self.readout_dtype = np.float64 if not whole or self._averaged == _VALUES else np.int8 if self._low[0] < 0 else np.uint8

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `EntropicBound`; the search for the first distribution begins at random."""
        first = self.first_sums(rng, position, 2.0)
        q = rng.uniform(size=self.dim)
        if self.sampler.entropy_weight == 0:
            q = np.round(q)
        return State(phase=np.concatenate([first, q]), symbols=np.zeros(1, np.int64))

    def steps(self, state: State, n: int, every: int, draws: Any, stats: Any, sums: Any, proposals: np.ndarray) -> int:
        """See `EntropicBound.steps`."""
        sums_a, q = np.split(state.phase, [self.moments.size])
        return _entropic_bernoulli(
            self.edges, self._pointer, self._neighbour, self._edge, self.moments, *self.rates, self.sampler.n_sweeps, self._low, self._high,
            self._averaged, sums_a, q, state.symbols, *self.stream(state), np.empty(self.dim), state.counters, n, every, draws, stats, sums, proposals,
        )  # fmt: skip

    def readout(self, draws: np.ndarray) -> np.ndarray:
        """The draw in the values of the target."""
        return (self._low + (self._high - self._low) * draws).astype(self.readout_dtype)

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """The points; or means and correlations of spins; or P(x_i = 0) and P(x_i = 1) of each unit in turn."""
        x = np.asarray(draws, np.float64)
        if self._averaged == _VALUES:
            return x
        if self._averaged == _FEATURES:
            return self.target.features(x)
        x = (x - self._low) / (self._high - self._low)
        return np.stack([1.0 - x, x], 2).reshape(len(x), -1)

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """Means of the units."""
        if self._averaged == _INDICATORS:
            return self._low + (self._high - self._low) * averages[..., 1::2]
        return averages[..., : self.dim]

    def mixture_of(self, rows: np.ndarray) -> Mixture:
        """The mixture of products of distributions of single units."""
        return Mixture("bernoulli", rows, low=self._low, high=self._high)
