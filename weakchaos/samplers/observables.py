"""What is measured of the states of a discrete target instead of the states: energy, magnetisation and structure factor, draw by draw.

The sampler runs as it does without, a few sweeps at a time; their states are measured by a kernel and forgotten, so that no memory grows with the units times the draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.flags import Flag
from weakchaos.core.system import State
from weakchaos.samplers.base import Bound, Sampler
from weakchaos.samplers.observable_kernels import measure_pairs, measure_potts, measure_tables
from weakchaos.samplers.observed_moments import ObservedMoments
from weakchaos.targets.discrete_target import DiscreteTarget
from weakchaos.targets.lattices import Lattice
from weakchaos.targets.mrf import Ising, PairwiseMRF
from weakchaos.targets.potts import Potts

__all__ = ["Observables"]

_ENTRIES = 1 << 20  # of states that are kept at a time
_NAMES = ("energy", "magnetisation", "structure factor")


def _waves(geometry: Lattice | None) -> tuple[np.ndarray, np.ndarray, int]:
    """Cosine and sine of the smallest wave vector by cell along the longest side (the last of several) and site, and the cells inside of one step along it."""
    if geometry is None:
        return np.empty((0, 0)), np.empty((0, 0)), 1
    shape = np.array(geometry.shape)
    axis = len(shape) - 1 - int(np.argmax(shape[::-1]))
    places = np.arange(shape[axis])[:, None] + np.array(geometry.sites)[None, :, axis]
    angle = 2.0 * np.pi * places / shape[axis]
    return np.cos(angle), np.sin(angle), int(np.prod(shape[axis + 1 :]))


class _Bound(Bound):
    """The system of the sampler, with other draws."""

    def __init__(self, sampler: Observables, target: Any, driver: Any):
        self.sampler, self.target = sampler, target
        self.inner = inner = sampler.sampler.bind(target, driver)
        if inner.dim != target.dim or np.dtype(inner.dtype).kind not in "iu" or inner.walkers != 1:
            raise ArgumentError(
                f"`sampler` must draw states of single chains, whose observables are measured; got {sampler.sampler!r}"
            )
        for name in (
            "driver",
            "uniforms_per_step",
            "least_uniforms",
            "memory",
            "straight_paths",
            "local_steps",
            "pool_every",
            "stats_names",
        ):
            setattr(self, name, getattr(inner, name))
        if hasattr(inner, "temperatures"):
            self.temperatures = inner.temperatures  # which tells `trace.check()` that there is a ladder
        geometry = getattr(target, "geometry", None)
        self.names = list(_NAMES if geometry is not None else _NAMES[:2])
        self.dim, self.n_averages = len(self.names), 2 * len(self.names)
        self._wave = _waves(geometry)
        self._measure, self._terms = self._what_to_measure()

    def _what_to_measure(self) -> tuple[Any, tuple]:
        """The kernel of the target, and what it reads."""
        target = self.target
        if isinstance(target, Ising):
            pairs = target.edges, target.bare_couplings, target.bare_fields
            return measure_pairs, (target.readout_shift, target.readout_step, *pairs, *self._wave)
        if isinstance(target, PairwiseMRF):
            return measure_pairs, (0, 1, target.edges, target.weights, target.fields, *self._wave)
        if isinstance(target, Potts):
            return measure_potts, (target.q, target.edges, target.bare_couplings, target.bare_fields, *self._wave)
        model = target.model()
        tables = model.scope_ptr, model.scope, model.scope_stride, model.table_ptr, model.log_table
        return measure_tables, (*tables, *self._wave[:2])

    def start(self, seed: Any = None, position: Any = None) -> State:
        """See `Bound.start`."""
        return self.inner.start(seed, position)

    def load_state(self, data: bytes) -> State:
        """See `Bound.load_state`."""
        return self.inner.load_state(data)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `Bound.new_state`."""
        return self.inner.new_state(rng, position)

    def _pieces(self, move: Any, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> tuple[int, bool]:
        """``move(steps, every, states, stats)`` in pieces, measuring the states of each."""
        keeps = draws.shape[0] > 0 or sums.size > 0
        rows, made, over = (n // every if keeps else 0), 0, False
        piece = max(1, min(rows, _ENTRIES // max(1, self.inner.dim)))
        states, found = np.empty((piece if rows else 0, self.inner.dim), self.inner.dtype), np.empty((piece, self.dim))
        no_stats = np.empty((0, len(self.stats_names)))
        for first in range(0, rows, piece):
            count = min(piece, rows - first)
            own = stats[first : first + count] if stats.shape[0] else no_stats
            steps, over = move(count * every, made, states[:count], own)
            done = steps // every
            self._measure(states[:done], *self._terms, found[:done])
            if draws.shape[0]:
                draws[first : first + done] = found[:done]
            for row in found[:done] if sums.size else ():  # one after another, so that sums do not depend on the pieces
                sums += np.concatenate([row, row * row])
            made += steps
            if steps < count * every or over:
                return made, over
        if made < n:
            steps, over = move(n - made, made, states[:0], no_stats)
            made += steps
        return made, over

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        none = np.empty(0)

        def move(steps: int, _: int, states: np.ndarray, own: np.ndarray) -> tuple[int, bool]:
            return self.inner.run(state, steps, every if len(states) else steps, states, own, none), False

        return self._pieces(move, n, every, draws, stats, sums)[0]

    def warm(self, state: State, n: int, done: int, total: int, draws: np.ndarray, stats: np.ndarray) -> tuple[int, bool]:
        """See `Bound.warm`."""

        def move(steps: int, made: int, states: np.ndarray, own: np.ndarray) -> tuple[int, bool]:
            return self.inner.warm(state, steps, done + made, total, states, own)

        return self._pieces(move, n, 1, draws, stats, np.empty(0))

    def next_pool(self, steps: int, warmup: int) -> int | None:
        """See `Bound.next_pool`."""
        return self.inner.next_pool(steps, warmup)

    def pool(self, states: list[State], steps: int, warmup: int) -> bool:
        """See `Bound.pool`."""
        return self.inner.pool(states, steps, warmup)

    def take_error(self) -> BaseException:
        """See `Bound.take_error`."""
        return self.inner.take_error()

    def complaints(self, before: list[State], after: list[State]) -> list[Flag]:
        """See `Bound.complaints`."""
        return self.inner.complaints(before, after)

    def before_run(self, state: State) -> list[Flag]:
        """See `Bound.before_run`."""
        return self.inner.before_run(state)

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """First and second moments."""
        return np.concatenate([draws, draws**2], -1)

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """The first moments."""
        return averages[..., : self.dim]

    @property
    def measured(self) -> ObservedMoments:
        """See `Bound.measured`."""
        return ObservedMoments(self.target, self.names, self._of_states)

    def _of_states(self, states: np.ndarray) -> np.ndarray:
        found = np.empty((len(states), self.dim))
        self._measure(states, *self._terms, found)
        return found


@dataclass(frozen=True)
class Observables(Sampler):
    """A sampler of a discrete target whose draws are what is measured of its states; ``sample(record="observables")`` makes it.

    A draw is the **energy** a unit, minus the logarithm of the unnormalised probability over the number of units and over ``target.beta`` (1 for a target without a
    temperature); the **magnetisation**, the mean of the values of the units (for a Potts model the length of its order parameter, from 0 to 1); and on a lattice the
    **structure factor** at the smallest wave vector along its longest side. ``trace.thermodynamics()`` makes heat capacity, susceptibility and Binder cumulant of them.

    Parameters
    ----------
    sampler : Sampler
        Any sampler of discrete targets: `Gibbs`, `Wolff`, `HerdedGibbs`, `ChaoticBoltzmann` and others. `PackedIsing` measures the same by itself.

    Examples
    --------
    >>> import weakchaos as wc
    >>> target = wc.Ising.lattice((16, 16), beta=0.3)
    >>> trace = wc.sample(target, draws=500, warmup=100, record="observables", seed=1, progress=False)
    >>> trace.names, trace.draws.shape
    (['energy', 'magnetisation', 'structure factor'], (4, 500, 3))
    """

    draws_observables: ClassVar[bool] = True
    sampler: Any

    def __post_init__(self):
        if not isinstance(self.sampler, Sampler) or isinstance(self.sampler, Observables):
            raise ArgumentTypeError(f"`sampler` must be a sampler such as weakchaos.samplers.Gibbs(); got {shown(self.sampler)}")

    def bind(self, target: Any, driver: Any = "pcg64") -> Any:
        """The system of the sampler on a discrete target, with observables as draws."""
        self.require(target, DiscreteTarget, "a discrete target (PairwiseMRF, Ising, Potts, FactorGraph)")
        return self.sampler.bind(target, driver) if self.sampler.draws_observables else _Bound(self, target, driver)
