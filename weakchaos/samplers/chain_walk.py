"""The random walk of a Markov chain: one uniform number per step, by the inverse CDF of the row of the present state.

x_t = min{ y : u_t < sum_{z <= y} P(x_{t-1}, z) }
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.counters import STEPS
from weakchaos.core.system import State
from weakchaos.drivers.base import stream_addresses
from weakchaos.native.compiled import draw_uniform, kernel
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.discrete import BoundDiscrete
from weakchaos.samplers.record import record_units
from weakchaos.targets.markov_chain import MarkovChain

__all__ = ["RandomWalk"]


@kernel
def _walk(indptr, indices, cdf, offset, stream, stream_state, x, counters, n, every, draws, sums):
    for t in range(n):
        u = draw_uniform(stream, stream_state)
        low, high = indptr[x[0]], indptr[x[0] + 1] - 1
        while low < high:
            middle = (low + high) // 2
            if u < cdf[middle]:
                high = middle
            else:
                low = middle + 1
        x[0] = indices[low]
        counters[STEPS] += 1
        record_units(t, every, x, offset, draws, sums)
    return n


class _Bound(BoundDiscrete):
    """Symbols: the present state."""

    def __init__(self, sampler: RandomWalk, target: MarkovChain, driver: Any):
        super().__init__(sampler, target, driver)
        self.uniforms_per_step = 1
        rows = zip(target.indptr[:-1], target.indptr[1:], strict=True)
        self._cdf = np.concatenate([np.cumsum(target.data[a:b]) for a, b in rows])

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        target = self.target
        return _walk(
            target.indptr, target.indices, self._cdf, self._offset, *stream_addresses(state.driver), state.symbols, state.counters,
            n, every, draws, sums,
        )  # fmt: skip


@dataclass(frozen=True)
class RandomWalk(Sampler):
    """The random walk of a `MarkovChain`, with which `weakchaos.herding.RotorWalk` can be compared.

    Notes
    -----
    A step takes one uniform number. The walk is a chain and has memory, so its driver should be completely uniformly distributed; the error of its
    averages then falls like 1/sqrt(T).

    Examples
    --------
    >>> import weakchaos as wc
    >>> chain = wc.MarkovChain([[0.5, 0.5], [0.25, 0.75]])
    >>> trace = wc.sample(chain, RandomWalk(), draws=4000, chains=1, seed=1, progress=False)
    >>> bool(abs(trace.draws.mean() - 2 / 3) < 0.05)
    True
    """

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `MarkovChain`."""
        self.require(target, MarkovChain, "a MarkovChain")
        return _Bound(self, target, driver)
