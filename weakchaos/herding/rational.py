"""Herding in whole numbers.

With features and moments over a common denominator D, W = D w, F = D phi and M = D m are whole numbers, and

    s_t = argmax_s <W_{t-1}, F(s)>,      W_t = W_{t-1} + M - F(s_t)

has no rounding errors: bounded weights take finitely many values, so every orbit ends in a cycle, and ties are recognised. In floating point the
orbits of many rational moments are different, because sums like 3/7 + ... - 1 that should be equal are not.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError, SamplingError, shown
from weakchaos.core.system import State
from weakchaos.herding.argmax import VIOLATIONS, Certified
from weakchaos.native.compiled import kernel
from weakchaos.samplers.base import Bound
from weakchaos.samplers.record import row_of
from weakchaos.targets.discrete_target import smallest_integer

__all__ = ["BoundRational"]


@kernel
def _herd_whole(features, moments, denominator, limit, w, symbols, counters, n, every, draws, stats, sums):
    states, k = features.shape
    recording, averaging = draws.shape[0] > 0, sums.size > 0
    whole = np.empty(k, np.int64)
    unit = 1.0 / denominator
    for t in range(n):
        for j in range(k):
            # Whole but for the nudge of a twin orbit, which must not enter a comparison.
            whole[j] = np.int64(np.rint(w[j]))
        best, chosen = np.int64(0), 0
        for s in range(states):
            value = np.int64(0)
            for j in range(k):
                value += whole[j] * features[s, j]
            if s == 0 or value > best:
                best, chosen = value, s
        certificate, norm = -best, 0.0
        for j in range(k):
            certificate += whole[j] * moments[j]
            moved = whole[j] + moments[j] - features[chosen, j]
            if abs(moved) > limit:
                return t
            norm += np.float64(moved) ** 2
        if certificate > 0:
            counters[VIOLATIONS] += 1
        for j in range(k):
            w[j] += moments[j] - features[chosen, j]
        symbols[0] = chosen
        counters[STEPS] += 1
        row = row_of(t, every)
        if row >= 0:
            if recording:
                draws[row, 0] = chosen
                stats[row, 0] = certificate * unit * unit
                stats[row, 1] = math.sqrt(norm) * unit
            if averaging:
                for j in range(k):
                    sums[j] += features[chosen, j] * unit
    return n


class BoundRational(Certified, Bound):
    """Phase: the weights times the denominator, whole numbers that float64 holds exactly. Symbols: the state chosen last."""

    stats_names = ("certificate", "weight_norm")

    def __init__(self, sampler: Any, target: Any):
        super().__init__(sampler, target, None)
        self._features, self._moments, self.denominator = target.whole()
        self.n_averages = self._features.shape[1]
        self.dtype = self.readout_dtype = smallest_integer(target.n_states - 1)
        longest = max(int(np.abs(self._features).sum(1).max()), int(np.abs(self._moments).sum()), 1)
        # Inner products stay below 2**62 and weights below 2**53, beyond which float64 skips whole numbers.
        self._limit = min((1 << 62) // longest, (1 << 53) - 1)
        if self._limit < 8 * longest:
            raise ArgumentError(
                f"`exact` needs whole numbers of at most 62 bits, and with the common denominator {self.denominator} of features and moments "
                "inner products would need more: give the moments over a smaller denominator"
            )

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """A state with weights at zero, at random, or as given."""
        if position is not None:
            raise ArgumentError("`initial` must be None: herding starts from weights, not from a position; choose `start`")
        start, k = self.sampler.start, self.n_averages
        w = np.zeros(k)
        if isinstance(start, str):
            if start == "random":
                half = np.ptp(self._features, axis=0) // 2
                w[:] = rng.integers(-half, half + 1)
        elif start.shape != (k,):
            raise ArgumentError(f"`start` must have shape ({k},), one weight for each feature; got {start.shape}")
        else:
            w[:] = np.rint(start * self.denominator)
            if (np.abs(w - start * self.denominator) > 1e-6).any() or (np.abs(w) > self._limit).any():
                raise ArgumentError(
                    f"`start` must hold multiples of 1/{self.denominator}, the common denominator of features and moments; got {shown(start.tolist())}"
                )
        return State(phase=w, symbols=np.zeros(1, np.int64))

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return _herd_whole(
            self._features, self._moments, float(self.denominator), self._limit, state.phase, state.symbols, state.counters, n, every, draws, stats, sums
        )  # fmt: skip

    def take_error(self) -> BaseException:
        """The error that stopped the run: weights out of range."""
        return SamplingError(
            f"the weights left the range of whole numbers that exact herding can add without overflow, {self._limit}; use exact=False"
        )

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """The features of the draws."""
        return self.target.features[np.asarray(draws)[:, 0]]

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """Averages of the features themselves."""
        return averages
