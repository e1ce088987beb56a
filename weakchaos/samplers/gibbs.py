"""Gibbs sampling of discrete targets.

Geman and Geman, IEEE Trans. PAMI 6 (1984) 721, doi:10.1109/TPAMI.1984.4767596: units (or blocks of units) are visited in turn, and each
is redrawn from its conditional distribution given all others. By inverse CDF a unit takes one uniform: ``x_i = min{k : u < F_i(k)}``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.compiled import draw_uniform, kernel
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State
from weakchaos.samplers.base import STEPS, Sampler
from weakchaos.samplers.discrete import BoundDiscrete, record
from weakchaos.samplers.lattice import lattice_tables, sweep_lattice
from weakchaos.targets.discrete import DiscreteTarget, factor_conditional, pair_field

__all__ = ["Gibbs"]

_SCANS = ("systematic", "random", "checkerboard")
_LARGEST_BLOCK = 4096


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
                place = table_start[i]
                for a in range(blanket_ptr[i], blanket_ptr[i + 1]):
                    place += stride[a] * x[blanket[a]]
                k = 0
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
        if (t + 1) % every == 0:
            record(x, offset, (t + 1) // every - 1, draws, sums)
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
def _block_gibbs(model, block_ptr, block, touch_ptr, touch, largest, stream, stream_state, x, counters, n, every, draws, sums):
    cardinality, offset = model.cardinality, model.offset
    scope_ptr, scope, scope_stride = model.scope_ptr, model.scope, model.scope_stride
    p = np.empty(largest)
    for t in range(n):
        for b in range(block_ptr.size - 1):
            first, stop = block_ptr[b], block_ptr[b + 1]
            states = 1
            for a in range(first, stop):
                states *= cardinality[block[a]]
            top = -math.inf
            for state in range(states):
                rest = state
                for a in range(stop - 1, first - 1, -1):
                    x[block[a]] = rest % cardinality[block[a]]
                    rest //= cardinality[block[a]]
                value = 0.0
                for c in range(touch_ptr[b], touch_ptr[b + 1]):
                    f = touch[c]
                    place = model.table_ptr[f]
                    for a in range(scope_ptr[f], scope_ptr[f + 1]):
                        place += scope_stride[a] * x[scope[a]]
                    value += model.log_table[place]
                p[state] = value
                top = max(top, value)
            total = 0.0
            for state in range(states):
                p[state] = math.exp(p[state] - top)
                total += p[state]
            for state in range(states):
                p[state] /= total
            rest = _pick(draw_uniform(stream, stream_state), p, states - 1)
            for a in range(stop - 1, first - 1, -1):
                x[block[a]] = rest % cardinality[block[a]]
                rest //= cardinality[block[a]]
        counters[STEPS] += 1
        if (t + 1) % every == 0:
            record(x, offset, (t + 1) // every - 1, draws, sums)
    return n


class _Bound(BoundDiscrete):
    """Single-unit updates, in the order of the units or at random."""

    moves = ()

    def __init__(self, sampler: Gibbs, target: Any, driver: Any):
        super().__init__(sampler, target, driver)
        self._model = target.model()
        self._random = sampler.scan == "random"
        self.uniforms_per_step = len(self._model.free) * (2 if self._random else 1)

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        stream = state.driver
        return _gibbs(
            self._model, self._random, np.uint64(stream.function), np.uint64(stream.state), state.symbols, state.counters, n, every, draws, sums
        )  # fmt: skip


class _BoundBlocks(BoundDiscrete):
    """Blocks of units, each redrawn jointly; units in no block are blocks of their own."""

    def __init__(self, sampler: Gibbs, target: Any, driver: Any, blocks: tuple[tuple[int, ...], ...]):
        super().__init__(sampler, target, driver)
        source = target.factor_graph() if hasattr(target, "pair_arrays") else target
        self._model = source.model(tabulate=False)
        free = set(self._model.free.tolist())
        kept = [tuple(i for i in block if i in free) for block in blocks]
        covered = {i for block in kept for i in block}
        self.blocks = tuple(b for b in kept if b) + tuple((i,) for i in sorted(free - covered))
        sizes = [math.prod(int(target.cardinalities[i]) for i in b) for b in self.blocks]
        self._largest = max(sizes, default=1)
        if self._largest > _LARGEST_BLOCK:
            worst = self.blocks[int(np.argmax(sizes))]
            raise ArgumentError(
                f"`blocks` must have at most {_LARGEST_BLOCK} joint states each; block {worst} has {self._largest}: split it"
            )
        touching = [sorted({f for i in b for f in self._factors_of(i)}) for b in self.blocks]
        self._arrays = tuple(
            np.concatenate([np.asarray(v, np.int64).ravel() for v in part]) if len(part) else np.empty(0, np.int64)
            for part in (
                [np.concatenate([[0], np.cumsum([len(b) for b in self.blocks])])],
                list(self.blocks),
                [np.concatenate([[0], np.cumsum([len(f) for f in touching])])],
                touching,
            )
        )
        self.uniforms_per_step = len(self.blocks)
        self.moves = self.blocks

    def _factors_of(self, i: int) -> list[int]:
        model = self._model
        return model.factor[model.factor_ptr[i] : model.factor_ptr[i + 1]].tolist()

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        stream = state.driver
        return _block_gibbs(
            self._model, *self._arrays, self._largest, np.uint64(stream.function), np.uint64(stream.state), state.symbols, state.counters, n, every, draws, sums
        )  # fmt: skip


class _BoundLattice(BoundDiscrete):
    """An Ising lattice in two dimensions, one colour of the checkerboard after the other, thresholds looked up."""

    def __init__(self, sampler: Gibbs, target: Any, driver: Any):
        super().__init__(sampler, target, driver)
        self._thresholds = lattice_tables(target)
        self.uniforms_per_step = target.dim

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        stream, target = state.driver, self.target
        return sweep_lattice(
            state.symbols.reshape(target.shape), self._thresholds, target.periodic, np.uint64(stream.function), np.uint64(stream.state),
            state.symbols, self._offset, state.counters, n, every, draws, sums,
        )  # fmt: skip


@dataclass(frozen=True)
class Gibbs(Sampler):
    """Gibbs sampling; one step is a sweep over all units that move.

    Parameters
    ----------
    scan : {"systematic", "random", "checkerboard"}, optional
        The order of visits: that of the units, as many random ones, or (lattices in two dimensions only) one colour after the other.
        Default: checkerboard where there is one, systematic elsewhere.
    blocks : tuple of tuples of int, or "deterministic", optional
        Units redrawn jointly; units in no block follow by themselves. ``"deterministic"`` joins pairs of units that share a table
        with zeros, which single-unit moves may not be able to cross.

    Notes
    -----
    A step takes one uniform per unit (two under the random scan, one per block), so a stream under it must be equidistributed in as
    many dimensions.

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
            return _BoundBlocks(self, target, driver, self._blocks(target))
        flat = getattr(target, "shape", None) is not None and len(target.shape) == 2
        if self.scan == "checkerboard" and not flat:
            raise ArgumentError("`scan`='checkerboard' is for Ising.lattice in two dimensions; use 'systematic'")
        return _BoundLattice(self, target, driver) if flat and self.scan in (None, "checkerboard") else _Bound(self, target, driver)

    def _blocks(self, target: Any) -> tuple[tuple[int, ...], ...]:
        if self.blocks == "deterministic":
            from weakchaos.targets.reachability import suggest_blocks

            return suggest_blocks(target)
        try:
            blocks = tuple(tuple(int(i) for i in block) for block in self.blocks)
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"`blocks` must be tuples of units; got {shown(self.blocks)}") from error
        for block in blocks:
            if not block or len(set(block)) != len(block) or min(block) < 0 or max(block) >= target.dim:
                raise ArgumentError(f"`blocks` must hold different units between 0 and {target.dim - 1}; got the block {block}")
        return blocks
