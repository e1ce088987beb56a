"""Random-walk Metropolis.

Metropolis, Rosenbluth, Rosenbluth, Teller and Teller, J. Chem. Phys. 21 (1953) 1087, doi:10.1063/1.1699114: propose
``y = x + scale * z`` with ``z ~ N(0, 1)``, accept with probability ``min(1, p(y) / p(x))``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.arguments import one_for_each, positive_numbers
from weakchaos.core.counters import ACCEPTED, BAD_VALUES, EVALUATIONS, STEPS
from weakchaos.core.system import State
from weakchaos.native.compiled import address_of, call_density, draw_uniform, kernel
from weakchaos.native.normals import draw_normals
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.samplers.record import evaluate_start, know, record_told
from weakchaos.targets.density import Density

__all__ = ["RandomWalkMetropolis", "propose", "scales_of"]


@njit(nogil=True, error_model="numpy", forceinline=True)
def propose(stream, stream_state, scale, x, proposal, normals, uniforms, outer):
    """A `proposal` from a normal distribution around `x`; what follows it is room for `draw_normals`."""
    draw_normals(stream, stream_state, uniforms, outer, normals)
    for i in range(x.size):
        proposal[i] = x[i] + scale[i] * normals[i]


@kernel
def _random_walk(density, user_data, stream, stream_state, scale, x, known, counters, n, every, draws, stats, sums):
    dim, none = x.size, np.uint64(0)
    proposal, value, accepted = np.empty(dim), np.empty(1), 0
    normals, uniforms, outer = np.empty(dim), np.empty(dim), np.empty(dim, np.int64)
    if n > 0 and not evaluate_start(density, user_data, x, known, counters):
        return 0
    for t in range(n):
        propose(stream, stream_state, scale, x, proposal, normals, uniforms, outer)
        u = draw_uniform(stream, stream_state)
        counters[EVALUATIONS] += 1
        if call_density(density, np.uint64(dim), address_of(proposal), none, address_of(value), user_data) != 0:
            return t
        if math.isnan(value[0]) or value[0] == math.inf:
            counters[BAD_VALUES] += 1  # rejected: a NaN must never become the state
        elif u < math.exp(min(0.0, value[0] - known[dim])):
            x[:] = proposal
            known[dim] = value[0]
            know(x, known)
            accepted += 1
            counters[ACCEPTED] += 1
        counters[STEPS] += 1
        if record_told(t, every, x, draws, sums, known[dim], accepted / every, stats):
            accepted = 0
    return n


def scales_of(scale: Any, dim: int) -> np.ndarray:
    """The standard deviations of a proposal, one a coordinate; the default where none are given."""
    return one_for_each("scale", 2.38 / math.sqrt(dim) if scale is None else scale, dim)


class _Bound(BoundContinuous):
    stats_names = ("lp", "acceptance_rate")

    def __init__(self, sampler: RandomWalkMetropolis, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.uniforms_per_step = self.dim + 1
        self.n_known = self.dim + 1
        self._scale = scales_of(sampler.scale, self.dim)

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return _random_walk(
            *self.addresses(state), self._scale, state.phase, self.known(state), state.counters, n, every, draws, stats, sums
        )


@dataclass(frozen=True)
class RandomWalkMetropolis(Sampler):
    """Random-walk Metropolis with a Gaussian proposal.

    Parameters
    ----------
    scale : float or array of shape (dim,), optional
        Standard deviation of the proposal, in the units of the coordinates; 2.38 / sqrt(dim) by default, optimal for a standard normal
        of many dimensions (Roberts, Gelman and Gilks, Ann. Appl. Probab. 7 (1997) 110, doi:10.1214/aoap/1034625254).

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 1.0]), RandomWalkMetropolis(), draws=100, seed=1, progress=False)
    >>> sorted(trace.stats)
    ['acceptance_rate', 'lp']
    """

    scale: Any = None

    def __post_init__(self):
        if self.scale is not None:
            object.__setattr__(self, "scale", positive_numbers("scale", self.scale))

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
