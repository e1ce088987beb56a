"""Entropic herding with all distributions on finitely many states.

The minimum of ``<a, eta(q)> - lambda H(q)`` is the Gibbs distribution ``r(s) ~ exp(-<a, phi(s)> / lambda)``; for lambda = 0 it is the state of the
least ``<a, phi(s)>``, the lowest index on ties.
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
from weakchaos.targets.discrete_target import smallest_integer

__all__ = ["FiniteBound"]


@kernel
def _entropic_finite(features, moments, decay, epsilon, weight, sums_a, symbols, function, stream, p, counters, n, every, draws, stats, sums,
                     proposals):  # fmt: skip
    states, k = features.shape
    for t in range(n):
        strength = epsilon if epsilon > 0.0 else 1.0 / max(symbols[0], 1)
        least, best = math.inf, 0
        for s in range(states):
            p[s] = 0.0
            for j in range(k):
                p[s] += sums_a[j] * features[s, j]
            if p[s] < least:
                least, best = p[s], s
        entropy, objective = 0.0, strength * least
        chosen = best
        if weight > 0.0:
            total, mean = 0.0, 0.0
            for s in range(states):
                excess = strength * (p[s] - least) / weight
                p[s] = math.exp(-excess)
                total += p[s]
                mean += p[s] * excess
            entropy = math.log(total) + mean / total
            objective -= weight * math.log(total)
            for s in range(states):
                p[s] /= total
            if function != 0:
                u = draw_uniform(function, stream)
                left = u
                for s in range(states):
                    if p[s] > 0.0:
                        chosen = s
                        left -= p[s]
                        if left < 0.0:
                            break
        else:
            for s in range(states):
                p[s] = 0.0
            p[best] = 1.0
        for j in range(k):
            mean = 0.0
            if weight > 0.0:
                for s in range(states):
                    mean += p[s] * features[s, j]
            else:
                mean = features[best, j]
            # In the order of herding, so that for lambda = 0 the sums are its weights to the last bit.
            sums_a[j] = decay * sums_a[j] - (moments[j] - mean)
        if epsilon == 0.0:
            symbols[0] += 1
        symbols[1] = chosen
        counters[STEPS] += 1
        row = row_of(t, every)
        if row >= 0:
            if draws.shape[0] > 0:
                draws[row, 0] = chosen
                stats[row, 0] = entropy
                stats[row, 1] = objective
            if sums.size > 0:
                for j in range(k):
                    sums[j] += features[chosen, j]
            if proposals.shape[0] > 0:
                for s in range(states):
                    proposals[row, s] = p[s]
    return n


class FiniteBound(EntropicBound):
    """On `Moments`; a draw is the index of a state."""

    def __init__(self, sampler: Any, target: Any, driver: Any):
        if sampler.readout == "mean":
            raise ArgumentError("`readout` must be 'sample' on Moments: indices of states have no mean")
        super().__init__(sampler, target, driver, 1)
        self.moments, self.n_averages = target.moments, target.features.shape[1]
        self.dtype = self.readout_dtype = smallest_integer(target.n_states - 1)
        self.n_parameters = target.n_states

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `EntropicBound`."""
        return State(phase=self.first_sums(rng, position, np.ptp(self.target.features, axis=0)), symbols=np.zeros(2, np.int64))

    def steps(self, state: State, n: int, every: int, draws: Any, stats: Any, sums: Any, proposals: np.ndarray) -> int:
        """See `EntropicBound.steps`."""
        return _entropic_finite(
            self.target.features, self.moments, *self.rates, state.phase, state.symbols, *self.stream(state), np.empty(self.n_parameters),
            state.counters, n, every, draws, stats, sums, proposals,
        )  # fmt: skip

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """The features of the draws."""
        return self.target.features[np.asarray(draws)[:, 0]]

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """Indices of states have no mean."""
        raise ArgumentError(
            "the mean of state indices is not kept with record='averages'; `trace.averages()` gives those of the features"
        )

    def mixture_of(self, rows: np.ndarray) -> Mixture:
        """The mean of the distributions."""
        return Mixture("finite", rows.mean(0))
