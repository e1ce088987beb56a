"""Gibbs sampling as a permutation: an invertible map of units and numbers together, which keeps their joint distribution exactly.

R. M. Neal, "How to view an MCMC simulation as a permutation", arXiv:1205.0070; I. Murray and L. T. Elliott, arXiv:1204.3187. Each unit i has a number u_i in [0, 1) of its own. With
p_k = P(x_i = k | all others) and F_k = p_0 + ... + p_{k-1}, a visit to unit i is

    w = F_{x_i} + u_i p_{x_i};   w <- w + s_i mod 1;   x_i <- k where F_k <= w < F_k + p_k;   u_i <- (w - F_k) / p_k.

The first and the last formula are inverse to each other and the shift is a rotation, so the visit can be undone, and it keeps the distribution in which x has the probabilities
of the target and the u_i are uniform and independent, whatever the shifts are. With fixed shifts the whole simulation is one invertible map without any random number: no start
is lost, no two starts ever meet, and all Lyapunov exponents are 0, since ``log du_i' / du_i = log p(x_i) / p(x_i')`` has mean 0. With shifts from a stream it is
Gibbs sampling, written as one permutation a step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, steps_and_columns
from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.system import State
from weakchaos.drivers.base import stream_addresses
from weakchaos.drivers.rotations import default_frequencies
from weakchaos.native.compiled import draw_uniform, kernel
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.discrete import BoundDiscrete
from weakchaos.samplers.record import record_units
from weakchaos.targets.discrete_target import DiscreteTarget, factor_conditional, pair_field, tabulated_conditional

__all__ = ["PermutationGibbs"]

_BELOW_ONE = 1.0 - 2.0**-53


@kernel
def _permute(model, shift, stream, stream_state, x, u, stretch, counters, n, every, draws, sums):
    """`shift` has an entry for each free unit, or none where shifts come from the stream; `stretch`, if it has entries, adds up the logarithms of du' / du."""
    cardinality, offset, free, table_start = model.cardinality, model.offset, model.free, model.table_start
    pairwise = model.field.size > 0
    p = np.empty(cardinality.max())
    for t in range(n):
        for visit in range(free.size):
            i = free[visit]
            last = cardinality[i] - 1
            if table_start[i] >= 0:
                tabulated_conditional(i, x, last + 1, table_start, model.blanket_ptr, model.blanket, model.stride, model.cdf, p)
            elif pairwise:
                z = pair_field(i, x, model.pair_ptr, model.pair_unit, model.pair_weight, model.field)
                p[0], p[1] = 1.0 / (1.0 + math.exp(z)), 1.0 / (1.0 + math.exp(-z))
            elif not factor_conditional(
                i, x, cardinality, model.factor_ptr, model.factor, model.own_stride, model.scope_ptr, model.scope,
                model.scope_stride, model.table_ptr, model.log_table, p,
            ):  # fmt: skip
                return t
            old, w = x[i], 0.0
            for k in range(old):
                w += p[k]
            w += u[visit] * p[old] + (shift[visit] if shift.size > 0 else draw_uniform(stream, stream_state))
            w -= math.floor(w)
            # The state whose interval holds w; one of positive probability whatever the rounding.
            below, new, start = 0.0, -1, 0.0
            for k in range(last + 1):
                if p[k] > 0.0 and (new < 0 or w >= below):
                    new, start = k, below
                below += p[k]
            x[i] = new
            u[visit] = min(max((w - start) / p[new], 0.0), _BELOW_ONE)
            if stretch.size > 0:
                stretch[visit] += math.log(p[old] / p[new])
        counters[STEPS] += 1
        record_units(t, every, x, offset, draws, sums)
    return n


class _Bound(BoundDiscrete):
    moves = ()

    def __init__(self, sampler: PermutationGibbs, target: Any, driver: Any):
        random = sampler.shifts == "stream" if isinstance(sampler.shifts, str) else False
        super().__init__(sampler, target, driver if random else None)
        self._model = target.model()
        free = len(self._model.free)
        self.uniforms_per_step = free if random else 0
        if random:
            self.shifts = np.empty(0)
        elif isinstance(sampler.shifts, str):
            self.shifts = np.array([f / 2**64 for f in default_frequencies(free)]) if free else np.empty(0)
        else:
            self.shifts = np.array(sampler.shifts, np.float64)
            if self.shifts.shape != (free,):
                raise ArgumentError(
                    f"`shifts` must have one entry for each of the {free} units that move; it has shape {self.shifts.shape}"
                )

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `BoundDiscrete.new_state`; the numbers of the units begin at random."""
        state = super().new_state(rng, position)
        state.phase = rng.random(len(self._model.free))
        return state

    def _move(self, state: State, n: int, every: int, draws: np.ndarray, sums: np.ndarray, stretch: np.ndarray) -> int:
        return _permute(
            self._model, self.shifts, *stream_addresses(state.driver), state.symbols, state.phase, stretch, state.counters, n, every, draws, sums
        )  # fmt: skip

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return self._move(state, n, every, draws, sums, np.empty(0))

    def tangent(self, state: State, n: int, vectors: Any) -> np.ndarray:
        """Move `state` in place by `n` sweeps; the columns of `vectors`, shape (units that move, k), as the exact linearised map carries them: each row is
        multiplied by ``du_i' / du_i``."""
        stretch = np.zeros(state.phase.size)
        n, columns = steps_and_columns(n, vectors, stretch.size)
        if self._move(state, n, max(n, 1), np.empty((0, self.dim), self.dtype), np.empty(0), stretch) < n:
            raise self.take_error()
        return np.exp(stretch)[:, None] * columns


@dataclass(frozen=True)
class PermutationGibbs(Sampler):
    """Gibbs sampling in which each unit's number is shifted, and changed so that the sweep can be undone: a permutation of states and numbers.

    With fixed shifts this is a deterministic sampler which keeps the target exactly: from a start with the right distribution and uniform numbers, every later state has the right
    distribution (herded Gibbs, its relative, has no such law). That one orbit visits everything is not proven; `compare` starts from many places and says when they disagree.

    Parameters
    ----------
    shifts : {"fixed", "stream"} or array of shape (n,)
        By how much the number of each of the n units that move is shifted at each visit, between 0 and 1. "fixed" takes the fractional parts of the square roots of the first n primes (the
        golden ratio for a single unit); "stream" draws every shift from the driver, n numbers a sweep, which is Gibbs sampling.

    References
    ----------
    Neal, arXiv:1205.0070; Murray and Elliott, arXiv:1204.3187.

    Examples
    --------
    >>> import weakchaos as wc
    >>> pair = wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]], [-0.3, 0.2])
    >>> trace = wc.sample(pair, PermutationGibbs(), draws=20_000, chains=2, seed=1, progress=False)
    >>> bool(np.abs(trace.draws.mean((0, 1)) - pair.truth()[0][1::2]).max() < 0.01)
    True
    """

    shifts: Any = "fixed"

    def __post_init__(self):
        if isinstance(self.shifts, str):
            if self.shifts not in ("fixed", "stream"):
                raise ArgumentError(f"`shifts` must be 'fixed', 'stream' or an array of numbers; got {shown(self.shifts)}")
            return
        if self.shifts is None or np.ndim(self.shifts) != 1:
            raise ArgumentTypeError(f"`shifts` must be 'fixed', 'stream' or an array of shape (n,); got {shown(self.shifts)}")
        shifts = real_array("shifts", self.shifts)
        if not ((shifts > 0.0) & (shifts < 1.0)).all():
            raise ArgumentError(f"`shifts` must be between 0 and 1, both excluded; got {shown(self.shifts)}")
        object.__setattr__(self, "shifts", tuple(shifts.tolist()))

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a discrete target."""
        self.require(target, DiscreteTarget, "a discrete target (PairwiseMRF, Ising, Potts, FactorGraph)")
        return _Bound(self, target, driver)
