"""Random-walk Metropolis whose uniform number of acceptance persists.

R. M. Neal, arXiv:2001.11950. A Metropolis step needs no fresh number u to decide: the pair (x, v) with v in (-1, 1) and u = |v| is kept uniform under the density by

    v <- v + d, wrapped into (-1, 1);   y = x + scale * z, z ~ N(0, 1);   where |v| < r = p(y) / p(x):  x <- y, v <- v / r.

That v is divided by r is what makes the second move its own inverse: the height |v| p(x) under the density is the same before and after it. As v drifts slowly, acceptances
come in long runs with rejections between them, without a change of their mean rate. This is worth most where a rejection undoes something: see `GeneralizedHMC`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.arguments import positive_numbers, real_number
from weakchaos.core.counters import ACCEPTED, BAD_VALUES, EVALUATIONS, STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.native.compiled import address_of, call_density, kernel
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.samplers.metropolis import propose, scales_of
from weakchaos.samplers.record import evaluate_start, know, record_told
from weakchaos.targets.density import Density

__all__ = ["BoundPersistent", "PersistentMetropolis", "checked_drift", "drifted"]


@njit(nogil=True, error_model="numpy", forceinline=True)
def drifted(v, drift):
    """`v` in [-1, 1) after a move of `drift`, at most 1, around the circle."""
    v += drift
    return v if v < 1.0 else v - 2.0


@kernel
def _persistent_walk(density, user_data, stream, stream_state, scale, drift, phase, known, counters, n, every, draws, stats, sums):
    """`phase` is the position, then v."""
    dim, none = phase.size - 1, np.uint64(0)
    x = phase[:dim]
    proposal, value, accepted = np.empty(dim), np.empty(1), 0
    normals, uniforms, outer = np.empty(dim), np.empty(dim), np.empty(dim, np.int64)
    if n > 0 and not evaluate_start(density, user_data, x, known, counters):
        return 0
    for t in range(n):
        propose(stream, stream_state, scale, x, proposal, normals, uniforms, outer)
        counters[EVALUATIONS] += 1
        if call_density(density, np.uint64(dim), address_of(proposal), none, address_of(value), user_data) != 0:
            return t
        phase[dim] = drifted(phase[dim], drift)
        ratio = 0.0
        if math.isnan(value[0]) or value[0] == math.inf:
            counters[BAD_VALUES] += 1  # rejected: a NaN must never become the state
        else:
            ratio = math.exp(value[0] - known[dim])
        if abs(phase[dim]) < ratio:
            phase[dim] /= ratio
            x[:] = proposal
            known[dim] = value[0]
            know(x, known)
            accepted += 1
            counters[ACCEPTED] += 1
        counters[STEPS] += 1
        if record_told(t, every, x, draws, sums, known[dim], accepted / every, stats):
            accepted = 0
    return n


class BoundPersistent(BoundContinuous):
    """A sampler of a `Density` whose phase is the position and the persistent number v, which begins at random."""

    def __init__(self, sampler: Any, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.n_known = self.dim + 1

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `BoundContinuous.new_state`."""
        state = super().new_state(rng, position)
        state.phase = np.concatenate([state.phase, rng.uniform(-1.0, 1.0, 1)])
        return state


def checked_drift(value: Any) -> None:
    """Refuse a drift that is not between 0 and 1."""
    if not 0.0 < real_number("uniform_drift", value) < 1.0:
        raise ArgumentError(f"`uniform_drift` must be between 0 and 1, both excluded; got {value!r}")


class _Bound(BoundPersistent):
    stats_names = ("lp", "acceptance_rate")

    def __init__(self, sampler: PersistentMetropolis, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.uniforms_per_step = self.dim
        self._scale = scales_of(sampler.scale, self.dim)

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return _persistent_walk(
            *self.addresses(state), self._scale, float(self.sampler.uniform_drift), state.phase, self.known(state), state.counters, n, every, draws, stats, sums
        )  # fmt: skip


@dataclass(frozen=True)
class PersistentMetropolis(Sampler):
    """Random-walk Metropolis whose uniform number of acceptance drifts instead of being drawn anew.

    A step takes one number of the stream for each coordinate of the target and none for its decision, so that a stream feeds proposals only. For `GeneralizedHMC` and
    other samplers that turn around when they are rejected, persistence makes the memory several times shorter; a random walk has no direction to lose, and gains a tenth at best. A small drift makes the log density remember longer.

    Parameters
    ----------
    scale : float or array of shape (dim,), optional
        Standard deviation of the proposal, as for `RandomWalkMetropolis`.
    uniform_drift : float
        The distance d, between 0 and 1, by which v moves before each step; |v| goes through all of [0, 1] in about 1 / d steps.

    References
    ----------
    Neal, arXiv:2001.11950.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 2.0]), PersistentMetropolis(), draws=20_000, seed=1, progress=False)
    >>> bool(np.abs(trace.draws.std((0, 1)) / [1.0, 2.0] - 1).max() < 0.1)
    True
    """

    scale: Any = None
    uniform_drift: float = 0.3

    def __post_init__(self):
        checked_drift(self.uniform_drift)
        if self.scale is not None:
            object.__setattr__(self, "scale", positive_numbers("scale", self.scale))

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
