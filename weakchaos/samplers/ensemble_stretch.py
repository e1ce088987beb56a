"""The stretch move of an ensemble of walkers.

Goodman and Weare, Comm. App. Math. Comp. Sci. 5 (2010) 65, doi:10.2140/camcos.2010.5.65; in the form in which half of the walkers move at
once, Foreman-Mackey, Hogg, Lang and Goodman, PASP 125 (2013) 306, arXiv:1202.3665, algorithm 3. A walker at x_k and a walker x_j of the
other half, drawn at random, propose

    y = x_j + z (x_k - x_j),    density of z proportional to 1/sqrt(z) on [1/a, a],    accepted with probability min(1, z**(d - 1) p(y)/p(x_k)).

The move is the same in all affine coordinates. One step of the map reads one walker: the halves move when the first of their walkers is due.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.counters import ACCEPTED, BAD_VALUES, EVALUATIONS, STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.native.compiled import address_of, call_density, draw_uniform, kernel
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.samplers.record import is_known, know, record
from weakchaos.targets.density import Density

__all__ = ["EnsembleStretch"]

_SPREAD = 0.01  # of walkers around one starting point, of its size, and of 1 where that is less


@njit(nogil=True, error_model="numpy")
def _evaluate_all(density, user_data, together, rows, values, counters):
    """Log densities at all rows, in one call or in one call each; False where the user's function failed."""
    m, dim = rows.shape
    counters[EVALUATIONS] += m
    none = np.uint64(0)
    if together:
        return call_density(density, np.uint64(m * dim), address_of(rows), none, address_of(values), user_data) == 0
    for k in range(m):
        if call_density(density, np.uint64(dim), address_of(rows[k]), none, address_of(values[k:]), user_data) != 0:
            return False
    return True


@kernel
def _stretch(density, user_data, stream, stream_state, a, together, phase, known, symbols, counters, n, every, draws, stats, sums):
    """`symbols` holds the walker that is due, and of each whether its last proposal was taken."""
    walkers = symbols.size - 1
    dim, half = phase.size // walkers, walkers // 2
    x, lp = phase.reshape(walkers, dim), known[phase.size :]
    proposals, values = np.empty((half, dim)), np.empty(half)
    factors, chances = np.empty(half), np.empty(half)
    if n > 0 and not is_known(phase, known):
        if not _evaluate_all(density, user_data, together, x, lp, counters):
            return 0
        know(phase, known)
    accepted = 0
    for t in range(n):
        due = symbols[0]
        if due % half == 0:
            other = half - due
            for k in range(half):
                partner = other + min(int(half * draw_uniform(stream, stream_state)), half - 1)
                z = ((a - 1.0) * draw_uniform(stream, stream_state) + 1.0) ** 2 / a
                chances[k] = draw_uniform(stream, stream_state)
                factors[k] = (dim - 1.0) * math.log(z)
                for i in range(dim):
                    proposals[k, i] = x[partner, i] + z * (x[due + k, i] - x[partner, i])
            if not _evaluate_all(density, user_data, together, proposals, values, counters):
                return t
            for k in range(half):
                symbols[1 + due + k] = 0
                if math.isnan(values[k]) or values[k] == math.inf:
                    counters[BAD_VALUES] += 1  # rejected: a NaN must never become the state
                elif values[k] > -math.inf and chances[k] < math.exp(min(0.0, factors[k] + values[k] - lp[due + k])):
                    symbols[1 + due + k] = 1
                    counters[ACCEPTED] += 1
                    lp[due + k] = values[k]
                    for i in range(dim):
                        x[due + k, i] = proposals[k, i]
            know(phase, known)
        accepted += symbols[1 + due]
        symbols[0] = (due + 1) % walkers
        counters[STEPS] += 1
        row = record(t, every, x[due], draws, sums)
        if row >= 0:
            if stats.shape[0] > 0:
                stats[row, 0], stats[row, 1] = lp[due], accepted / every
            accepted = 0
    return n


class _Bound(BoundContinuous):
    stats_names = ("lp", "acceptance_rate")
    uniforms_per_step = 3  # on average: those of half an ensemble are taken at once

    def __init__(self, sampler: EnsembleStretch, target: Density, driver: Any):
        super().__init__(sampler, target, driver)
        self.walkers = max(32, 2 * self.dim + 2) if sampler.walkers is None else int(sampler.walkers)
        if self.walkers < 2 * self.dim:
            raise ArgumentError(
                f"`walkers` must be at least {2 * self.dim}, twice the dimension, so that the walkers of each half span the space; got {self.walkers}"
            )
        self.n_known = self.walkers * (self.dim + 1)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """Walkers at random starts of the target; near `position`, or its only start, where that is one place; at its rows where it has one for each walker.

        Raises
        ------
        ArgumentError
            When walkers lie in a plane of fewer dimensions than the target, which the stretch move never leaves.
        """
        if position is None:
            starts = np.array([self.target.random_start(rng) for _ in range(self.walkers)])
            if np.ptp(starts, axis=0).any():
                return self._state(starts)
            return self._around(starts[0], rng)  # a target whose `start` is one place
        if np.ndim(position) == 2 and len(position) == self.walkers:
            return self._state([self.target.checked_start(row) for row in position])
        return self._around(self.target.checked_start(position), rng)

    def _around(self, centre: np.ndarray, rng: np.random.Generator) -> State:
        rows = [centre]
        for _ in range(100 * self.walkers):
            place = centre + _SPREAD * np.maximum(np.abs(centre), 1.0) * rng.standard_normal(self.dim)
            if np.isfinite(self.target.logp(place)):
                rows.append(place)
            if len(rows) == self.walkers:
                return self._state(rows)
        raise ArgumentError(
            "`initial` must leave room around it: the log density is not finite at nearly all places within one per cent of it"
        )

    def _state(self, rows: Any) -> State:
        x = np.ascontiguousarray(rows, np.float64)
        deviations = x - x.mean(0)
        scale = np.linalg.norm(deviations, axis=0)
        if not (scale > 0).all() or np.linalg.cond(deviations / scale) > 1e8:
            raise ArgumentError(
                "walkers must not start in a plane of fewer dimensions than the target, which the stretch move never leaves: start them at different places, "
                "in general position"
            )
        return State(phase=x.ravel(), symbols=np.zeros(1 + self.walkers, np.int64))

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return _stretch(
            *self.addresses(state), float(self.sampler.a), bool(getattr(self.target, "vectorized", False)), state.phase, self.known(state), state.symbols, state.counters,
            n, every, draws, stats, sums
        )  # fmt: skip


@dataclass(frozen=True)
class EnsembleStretch(Sampler):
    r"""The affine-invariant ensemble sampler with the stretch move of emcee; it needs no gradient and has nothing to tune.

    Parameters
    ----------
    walkers : int, optional
        An even number, at least twice the dimension; 32 or 2 dim + 2 by default, whichever is more.
    a : float
        The largest factor by which a move stretches the distance between two walkers; greater than 1.

    Notes
    -----
    A walker $x_k$ and a walker $x_j$ of the other half propose

    $$y = x_j + z (x_k - x_j), \qquad z \sim z^{-1/2} \text{ on } [1/a, a], \qquad \text{accepted with } \min\left(1, z^{d - 1} \frac{\pi(y)}{\pi(x_k)}\right).$$

    A step moves one walker, and a draw is the position of that walker. The draws of a chain are therefore those of its walkers in turn: ask for some
    thousands of them. ``trace.draws[c].reshape(-1, walkers, dim)`` has an axis of walkers. Where the density is vectorized, half of the walkers are
    evaluated in one call. The walkers of an ensemble are not independent chains, because each moves relative to the others. `Trace.check` and ``sample(until=...)`` therefore take an
    ensemble for one chain and judge the means of its rounds (`weakchaos.runs.convergence.effective_size`), and only several chains tell
    whether ensembles agree. ``stats`` holds ``lp`` and ``acceptance_rate``.

    Above some 20 to 50 dimensions ensembles move too slowly to be of use, and effective sizes show it (Huijser, Goodman and Brewer (2015), arXiv:1509.02230).

    References
    ----------
    Goodman and Weare, Comm. App. Math. Comp. Sci. 5 (2010) 65, doi:10.2140/camcos.2010.5.65.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.zoo.gaussian([1.0, 100.0]), EnsembleStretch(), draws=32_000, warmup=3200, seed=1, progress=False)
    >>> trace.walkers, trace.check()
    (32, [])
    """

    walkers: int | None = None
    a: float = 2.0

    def __post_init__(self):
        if self.walkers is not None and whole_number("walkers", self.walkers, 4) % 2:
            raise ArgumentError(f"`walkers` must be even, because the two halves of an ensemble move in turn; got {self.walkers}")
        if not real_number("a", self.a) > 1.0:
            raise ArgumentError(f"`a` must be greater than 1; got {self.a!r}")

    def bind(self, target: Any, driver: Any = "pcg64") -> _Bound:
        """The system of this sampler on a `Density`."""
        self.require(target, Density, "a Density")
        return _Bound(self, target, driver)
