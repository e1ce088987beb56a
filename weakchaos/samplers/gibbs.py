"""Gibbs sampling of discrete targets.

Geman and Geman, IEEE Trans. PAMI 6 (1984) 721, doi:10.1109/TPAMI.1984.4767596: units (or blocks of units) are visited in turn, and each
is redrawn from its conditional distribution given all others. By inverse CDF a unit takes one uniform: ``x_i = min{k : u < F_i(k)}``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State
from weakchaos.drivers.base import stream_addresses
from weakchaos.native.compiled import draw_uniform, kernel
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.blocks import block_conditional, checked_blocks, join_blocks, write_state
from weakchaos.samplers.coloured import MOST_STATES, blocks_of, sweep_binary, sweep_potts
from weakchaos.samplers.discrete import BoundDiscrete
from weakchaos.samplers.lattice import lattice_tables, sweep_lattice
from weakchaos.samplers.record import record_units
from weakchaos.targets.colouring import colours_of, neighbours_of
from weakchaos.targets.discrete_target import TABULATED_UNITS, DiscreteTarget, factor_conditional, pair_field, table_row
from weakchaos.targets.mrf import PairwiseMRF
from weakchaos.targets.potts import Potts

__all__ = ["Gibbs"]

_SCANS = ("systematic", "random", "checkerboard")


@kernel
def _gibbs(model, random_scan, stream, stream_state, x, counters, n, every, draws, sums):
    cardinality, offset, free, table_start = model.cardinality, model.offset, model.free, model.table_start
    blanket_ptr, blanket, stride, cdf = model.blanket_ptr, model.blanket, model.stride, model.cdf
    pairwise = model.field.size > 0
    p = np.empty(cardinality.max())
    for t in range(n):
        for visit in range(free.size):
            i = free[visit]
            if random_scan:
                i = free[int(draw_uniform(stream, stream_state) * free.size)]
            u = draw_uniform(stream, stream_state)
            last = cardinality[i] - 1
            if table_start[i] >= 0:
                place, k = table_row(i, x, table_start, blanket_ptr, blanket, stride), 0
                while k < last and u >= cdf[place + k]:
                    k += 1
                x[i] = k
            elif pairwise:
                z = pair_field(i, x, model.pair_ptr, model.pair_unit, model.pair_weight, model.field)
                x[i] = 1 if u >= 1.0 / (1.0 + math.exp(z)) else 0
            else:
                if not factor_conditional(
                    i, x, cardinality, model.factor_ptr, model.factor, model.own_stride, model.scope_ptr, model.scope,
                    model.scope_stride, model.table_ptr, model.log_table, p,
                ):  # fmt: skip
                    return t
                x[i] = _pick(u, p, last)
        counters[STEPS] += 1
        record_units(t, every, x, offset, draws, sums)
    return n


@kernel
def _pick(u, p, last):
    """The state whose interval of the cumulative distribution holds `u`; one of positive probability whatever the rounding."""
    total, k, positive = 0.0, 0, 0
    while k <= last:
        if p[k] > 0.0:
            positive = k
            total += p[k]
            if u < total:
                return k
        k += 1
    return positive


@kernel
def _block_gibbs(model, blocks, stream, stream_state, x, counters, n, every, draws, sums):
    cardinality, offset, scope_ptr, scope, scope_stride = (
        model.cardinality,
        model.offset,
        model.scope_ptr,
        model.scope,
        model.scope_stride,
    )
    table_ptr, log_table = model.table_ptr, model.log_table
    start, unit, table_start, table, states = blocks.start, blocks.unit, blocks.table_start, blocks.table, blocks.states
    p = np.empty(states.max() if states.size else 1)
    for t in range(n):
        for b in range(states.size):
            if not block_conditional(
                states[b], x, unit, start[b], start[b + 1], table, table_start[b], table_start[b + 1],
                cardinality, scope_ptr, scope, scope_stride, table_ptr, log_table, p,
            ):  # fmt: skip
                return t
            write_state(_pick(draw_uniform(stream, stream_state), p, states[b] - 1), x, unit, start[b], start[b + 1], cardinality)
        counters[STEPS] += 1
        record_units(t, every, x, offset, draws, sums)
    return n


def _depend(target: Any, blocks: Sequence[Sequence[int]]) -> bool:
    """Whether some unit's distribution depends on a unit of another block, so that draws are not independent."""
    if len(blocks) < 2:
        return False
    of = {i: b for b, block in enumerate(blocks) for i in block}
    if sum(map(len, blocks)) > len(of):  # blocks overlap
        return True
    edges = getattr(target, "edges", None)  # for large lattices, quicker than their tables
    scopes = target.scopes if edges is None else edges
    return any(len({of[int(i)] for i in scope if int(i) in of}) > 1 for scope in scopes)


class _Bound(BoundDiscrete):
    """Single-unit updates, in the order of the units, of their colours, or at random."""

    moves = ()

    def __init__(self, sampler: Gibbs, target: Any, driver: Any):
        super().__init__(sampler, target, driver)
        self._model = target.model()
        if sampler.scan == "checkerboard":
            free = self._model.free
            order = np.argsort(colours_of(*neighbours_of(target))[free], kind="stable")
            self._model = self._model._replace(free=free[order])
        self._random = sampler.scan == "random"
        self.uniforms_per_step = len(self._model.free) * (2 if self._random else 1)
        self.memory = self._random or _depend(target, [(int(i),) for i in self._model.free])

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return _gibbs(
            self._model, self._random, *stream_addresses(state.driver), state.symbols, state.counters, n, every, draws, sums
        )  # fmt: skip


class _BoundBlocks(BoundDiscrete):
    """Blocks of units, each redrawn jointly; units in no block are blocks of their own."""

    def __init__(self, sampler: Gibbs, target: Any, driver: Any):
        super().__init__(sampler, target, driver)
        self._model, self.blocks, self._blocks = join_blocks(target, checked_blocks(sampler.blocks, target))
        self.uniforms_per_step = len(self.blocks)
        self.memory = _depend(target, self.blocks)
        self.moves = self.blocks

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return _block_gibbs(
            self._model, self._blocks, *stream_addresses(state.driver), state.symbols, state.counters, n, every, draws, sums
        )  # fmt: skip


class _BoundLattice(BoundDiscrete):
    """An Ising lattice in two dimensions, one colour of the checkerboard after the other, thresholds looked up."""

    def __init__(self, sampler: Gibbs, target: Any, driver: Any):
        super().__init__(sampler, target, driver)
        self._thresholds = lattice_tables(target)
        self.uniforms_per_step = target.dim

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        target = self.target
        return sweep_lattice(
            state.symbols.reshape(target.shape), self._thresholds, target.periodic, *stream_addresses(state.driver),
            state.symbols, self._offset, state.counters, n, every, draws, sums,
        )  # fmt: skip


class _BoundColoured(BoundDiscrete):
    """A pairwise model, one colour after the other, many units of a colour together."""

    moves = ()

    def __init__(self, sampler: Gibbs, target: Any, driver: Any):
        super().__init__(sampler, target, driver)
        self._blocks = blocks_of(target)
        self._sweep = sweep_potts if isinstance(target, Potts) else sweep_binary
        self.uniforms_per_step = target.dim
        self.memory = len(target.edges) > 0

    @property
    def order(self) -> np.ndarray:
        """Units in the order of their visits."""
        return self._blocks.unit

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        return self._sweep(
            self._blocks, *stream_addresses(state.driver), state.symbols, self._offset, state.counters, n, every, draws, sums
        )  # fmt: skip


@dataclass(frozen=True)
class Gibbs(Sampler):
    """Gibbs sampling; one step is a sweep over all units that move.

    Parameters
    ----------
    scan : {"systematic", "random", "checkerboard"}, optional
        The order of visits: "systematic" is the order of the units; "random" visits as many units, each chosen at random; "checkerboard" visits one colour
        after the other, where no two units of a colour share a table: two colours on a bipartite graph, as many as a greedy rule needs on any other. It is the
        default for uniform two-dimensional Ising lattices and for pairwise models of more than 16384 units, whose units of a colour are computed
        together; else the default is systematic.
    blocks : tuple of tuples of int, or "deterministic", optional
        Units that are redrawn jointly; units that are in no block are redrawn singly. ``"deterministic"`` joins pairs of units that share a table
        with zeros, which moves of single units may not be able to cross.

    Notes
    -----
    A step takes one uniform number per unit (two with the random scan, one per block). The use of each number depends on the states to which earlier
    numbers led, so the stream must be completely uniformly distributed, unless the units are independent or all in one block.

    Examples
    --------
    >>> import weakchaos as wc
    >>> trace = wc.sample(wc.Ising.lattice((8, 8), beta=0.3), Gibbs(), draws=50, warmup=50, seed=1, progress=False)
    >>> trace.draws.dtype, trace.draws.shape
    (dtype('int8'), (4, 50, 64))
    """

    scan: str | None = None
    blocks: Any = None

    def __post_init__(self):
        if self.scan is not None and self.scan not in _SCANS:
            raise ArgumentError(f"`scan` must be one of {', '.join(_SCANS)} or None; got {shown(self.scan)}")
        if self.blocks is not None and self.scan not in (None, "systematic"):
            raise ArgumentError(f"`blocks` are visited in turn: `scan` must then be 'systematic' or None; got {shown(self.scan)}")
        if isinstance(self.blocks, str) and self.blocks != "deterministic":
            raise ArgumentError(f"`blocks` must be tuples of units or 'deterministic'; got {shown(self.blocks)}")

    def bind(self, target: Any, driver: Any = "pcg64") -> BoundDiscrete:
        """The system of this sampler on a discrete target."""
        self.require(target, DiscreteTarget, "a discrete target (PairwiseMRF, Ising, Potts, FactorGraph)")
        if self.blocks is not None:
            return _BoundBlocks(self, target, driver)
        if self.scan not in (None, "checkerboard"):
            return _Bound(self, target, driver)
        if getattr(target, "shape", None) is not None and len(target.shape) == 2:
            return _BoundLattice(self, target, driver)
        pairwise = isinstance(target, PairwiseMRF) or (isinstance(target, Potts) and target.q <= MOST_STATES)
        if pairwise and (self.scan == "checkerboard" or target.dim > TABULATED_UNITS):
            return _BoundColoured(self, target, driver)
        return _Bound(self, target, driver)
