"""Herded Gibbs sampling.

Bornn, Chen, de Freitas, Eskelin, Fang and Welling, ICLR 2013, arXiv:1301.4168; Chen, Bornn, de Freitas, Eskelin, Fang and Welling, JMLR 17
(2016) 10: Gibbs sampling in which each conditional distribution is herded instead of drawn. A unit keeps a weight for every state of the
units on which its conditional distribution depends; at a visit (0/1 units)

    x_i = 1 if w > 0 else 0,      w += P(x_i = 1 | others) - x_i,

and for more states ``x_i = argmax_k w_k`` (the lowest on ties), ``w_k += P(x_i = k | others) - [x_i = k]``. No random number is drawn.
Averages converge like 1/T on independent units and fully connected graphs; with weights shared by all states of equal Markov blanket the
error of sparse graphs reaches a plateau.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State
from weakchaos.herding.gibbs.herded_blocks import herd_blocks
from weakchaos.herding.gibbs.herded_lattice import herd_few_neighbours, neighbourhoods
from weakchaos.herding.gibbs.weights import (
    FULL,
    HASH,
    KINDS,
    SHARED,
    STARTS,
    VISITED,
    ZERO,
    begin,
    bin_of,
    choose,
    hashed,
    lay_out,
    rehash,
)
from weakchaos.native.compiled import kernel
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.blocks import checked_blocks, join_blocks
from weakchaos.samplers.discrete import BoundDiscrete
from weakchaos.samplers.record import record_units
from weakchaos.targets.discrete_target import DiscreteTarget, factor_conditional, pair_field

__all__ = ["HerdedGibbs"]

_COARSER = {"full": ("blanket", "shared"), "hash": ("blanket", "shared"), "blanket": ("shared",), "shared": ()}
_FIRST_SLOTS = 1 << 12


@kernel
def _herd_units(model, fine, coarse, rule, values, symbols, keys, counters, first, n, every, draws, sums):
    kind, bins, base, width, start, unit, stride, word, own = fine
    if coarse is not None:  # known when the kernel is compiled: there are two of it
        kind2, bins2, base2, width2, start2, unit2, stride2, _, _ = coarse
    cardinality, offset, free, table_start = model.cardinality, model.offset, model.free, model.table_start
    blanket_ptr, blanket, step, cdf = model.blanket_ptr, model.blanket, model.stride, model.cdf
    pair_ptr, pair_unit, pair_weight, field = model.pair_ptr, model.pair_unit, model.pair_weight, model.field
    pairwise = field.size > 0
    units = cardinality.size
    x, seed = symbols[:units], np.uint64(symbols[units])
    p = np.empty(max(2, cardinality.max()))
    full = np.uint64(0)
    for i in range(units):
        full += word[i] * np.uint64(x[i])
    for t in range(first, n):
        if kind == HASH and 2 * (counters[VISITED] + free.size) > keys.size:
            return t  # the caller gives more rows and comes back
        for visit in range(free.size):
            i = free[visit]
            states = cardinality[i]
            within = -1
            if table_start[i] >= 0:
                within = 0
                for a in range(blanket_ptr[i], blanket_ptr[i + 1]):
                    within += step[a] * x[blanket[a]]
                place, below = table_start[i] + within, 0.0
                for k in range(states - 1):
                    p[k] = cdf[place + k] - below
                    below = cdf[place + k]
                p[states - 1] = 1.0 - below
            elif pairwise:
                p[1] = 1.0 / (1.0 + math.exp(-pair_field(i, x, pair_ptr, pair_unit, pair_weight, field)))
                p[0] = 1.0 - p[1]
            else:
                if not factor_conditional(
                    i, x, cardinality, model.factor_ptr, model.factor, model.own_stride, model.scope_ptr, model.scope,
                    model.scope_stride, model.table_ptr, model.log_table, p,
                ):  # fmt: skip
                    return t
            others = full - word[i] * np.uint64(x[i])
            if kind == HASH:
                key = others + own[i]
                row, _ = hashed(keys, key)
                slot, name = base[i] + row * width[i], key
            else:
                # Written out: a function of so many arrays is called and not inlined, for as much time as all of the rest.
                if kind == FULL:
                    slot = base[i] + np.int64(others) * width[i]
                elif kind == SHARED:
                    slot = base[i] + bin_of(p, states, bins) * width[i]
                elif within >= 0:
                    slot = base[i] + (within if states == 2 else within // (states - 1) * states)
                else:
                    slot = base[i]
                    for a in range(start[i], start[i + 1]):
                        slot += stride[a] * x[unit[a]]
                name = np.uint64(slot)
            wide, own_rule = -1, rule
            if coarse is not None:
                own_rule = ZERO
                if kind2 == SHARED:
                    wide = base2[i] + bin_of(p, states, bins2) * width2[i]
                elif within >= 0:
                    wide = base2[i] + (within if states == 2 else within // (states - 1) * states)
                else:
                    wide = base2[i]
                    for a in range(start2[i], start2[i + 1]):
                        wide += stride2[a] * x[unit2[a]]
                if math.isnan(values[wide]):
                    begin(values, wide, rule, p, states, width2[i], seed, np.uint64(wide))
            if math.isnan(values[slot]):
                counters[VISITED] += 1
                begin(values, slot, own_rule, p, states, width[i], seed, name)
            if states == 2:  # `choose`, written out for the same reason
                value = values[slot]
                if coarse is not None:
                    value += values[wide]
                new = 1 if p[1] >= 1.0 or (value > 0.0 and p[1] > 0.0) else 0
                values[slot] += p[1] - new
                if coarse is not None:
                    values[wide] += p[1] - new
            else:
                new = choose(values, slot, wide, p, states)
            x[i] = new
            full = others + word[i] * np.uint64(new)
        counters[STEPS] += 1
        record_units(t, every, x, offset, draws, sums)
    return n


class _Bound(BoundDiscrete):
    """Phase: coarse weights, then fine ones, NaN where none was used yet. Symbols: the units, the seed of first values, keys of rows."""

    moves: tuple[tuple[int, ...], ...] | None = ()

    def __init__(self, sampler: HerdedGibbs, target: Any, driver: Any):
        super().__init__(sampler, target, None)
        self._model = target.model()
        self._lay_out(None)
        none = sampler.coarse is None and sampler.weights == "blanket"
        self._around = neighbourhoods(self._model) if none else None

    def _lay_out(self, movers: list[tuple[int, ...]] | None) -> None:
        sampler, model = self.sampler, self._model
        self._coarse, self._first = None, 0
        if sampler.coarse is not None:
            self._coarse, self._first = lay_out(sampler.coarse, sampler.bins, model, movers)
        self._fine, self._size = lay_out(sampler.weights, sampler.bins, model, movers, self._first, _FIRST_SLOTS)
        self._hashed = sampler.weights == "hash"
        self._visits = self._model.free.size if movers is None else sum(1 for block in movers if block)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """Units at random or at `position`, no weight used yet."""
        units = super().new_state(rng, position).symbols
        seed = rng.integers(0, 2**63, 1)
        keys = np.zeros(_FIRST_SLOTS if self._hashed else 0, np.int64)
        return State(phase=np.full(self._size, np.nan), symbols=np.concatenate([units, seed, keys]))

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        done = 0
        while True:
            keys = state.symbols[self.dim + 1 :].view(np.uint64)
            reached = self._sweep(state, keys, done, n, every, draws, sums)
            if reached == n or not self._hashed or 2 * (state.counters[VISITED] + self._visits) <= keys.size:
                return reached
            done = reached
            self._grow(state, keys)

    def _sweep(self, state: State, keys: np.ndarray, done: int, n: int, every: int, draws: np.ndarray, sums: np.ndarray) -> int:
        rule = STARTS.index(self.sampler.start)
        if self._around is not None:
            return herd_few_neighbours(
                self._model, self._around, self._fine.base, rule, state.phase, state.symbols, state.counters, n, every, draws, sums
            )  # fmt: skip
        return _herd_units(
            self._model, self._fine, self._coarse, rule, state.phase, state.symbols, keys, state.counters, done, n, every, draws, sums
        )  # fmt: skip

    def _grow(self, state: State, keys: np.ndarray) -> None:
        width = int(self._fine.width.max())
        rows = keys.size
        while rows < 3 * (int(state.counters[VISITED]) + self._visits):
            rows *= 2
        symbols = np.concatenate([state.symbols[: self.dim + 1], np.zeros(rows, np.int64)])
        phase = np.concatenate([state.phase[: self._first], np.full(rows * width, np.nan)])
        rehash(keys, state.phase[self._first :], width, symbols[self.dim + 1 :].view(np.uint64), phase[self._first :])
        state.symbols, state.phase = symbols, phase


class _BoundBlocks(_Bound):
    """Blocks of units, each herded jointly: its joint states are those of one unit."""

    def __init__(self, sampler: HerdedGibbs, target: Any, driver: Any):
        BoundDiscrete.__init__(self, sampler, target, None)
        self._model, self.blocks, self._blocks = join_blocks(target, checked_blocks(sampler.blocks, target))
        self.moves = self.blocks
        self._lay_out(list(self.blocks))

    def _sweep(self, state: State, keys: np.ndarray, done: int, n: int, every: int, draws: np.ndarray, sums: np.ndarray) -> int:
        rule = STARTS.index(self.sampler.start)
        return herd_blocks(
            self._model, self._blocks, self._fine, self._coarse, rule, state.phase, state.symbols, keys, state.counters, done, n, every, draws, sums
        )  # fmt: skip


@dataclass(frozen=True)
class HerdedGibbs(Sampler):
    r"""Herded Gibbs: Gibbs sampling whose choices are herded, deterministic given its first weights; one step is a sweep.

    Parameters
    ----------
    weights : {"blanket", "full", "hash", "shared"}
        What a weight of a unit belongs to: a state of the unit's Markov blanket; a state of all other units, kept in a table (``"full"``) or
        stored when it is first visited (``"hash"``); or a bin of the conditional probability (Eskelinen's discretised herded Gibbs,
        doi:10.14288/1.0074003; see Yamashita and Suzuki, Stat. Comput. 29 (2019) 1035, doi:10.1007/s11222-019-09852-6). On fully connected
        models ``"blanket"`` and ``"full"`` are the same.
    bins : int
        Number of bins of each probability for ``"shared"``; with one bin a unit has a single weight.
    start : {"stationary", "centre", "uniform", "zero"}
        First value of a weight: ``"stationary"`` draws it from the invariant law of the herding map when the weight is first used, so that each
        choice by itself has the probability that Gibbs sampling would give it; ``"centre"`` is the centre of that law, with which the first
        choice is the most probable state; ``"uniform"`` draws it from [-1/2, 1/2); ``"zero"`` is zero. With ``"stationary"`` the error begins as
        that of Gibbs sampling; with the others each new state of the other units adds an error until it has been visited a few times.
    coarse : {"blanket", "shared"}, optional
        A second, coarser weight. The sum of both weights decides, and both are updated (`weakchaos.herding.gibbs.weights`), so that in a state of
        the other units that was never visited before, the visits to similar states decide. Fine weights begin at zero, and `start` applies
        to the coarse ones.
    blocks : tuple of tuples of int, or "deterministic", optional
        Units that are herded jointly, as for `weakchaos.samplers.Gibbs`; units that are in no block are visited singly.

    Notes
    -----
    At a visit a unit takes the state of its largest weight, and its weights gain its conditional probabilities less that state:

    $$x_i = \mathrm{argmax}_k w_k, \qquad w_k \leftarrow w_k + P(x_i = k | \text{others}) - [x_i = k].$$

    For each weight of a 0/1 unit, the number of visits with x_i = 1 differs from the sum of the probabilities of x_i = 1 at these visits by at
    most 1; with coarse weights this difference is bounded too. ``"full"`` needs memory for the number of units times the number of states.

    Examples
    --------
    >>> import weakchaos as wc
    >>> model = wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]], fields=[0.3, -0.5])
    >>> trace = wc.sample(model, HerdedGibbs(), draws=10_000, warmup=0, seed=1, progress=False)
    >>> bool(float(trace.error()) < 1e-3)
    True
    """

    weights: str = "blanket"
    bins: int = 10
    start: str = "stationary"
    coarse: str | None = None
    blocks: Any = None

    def __post_init__(self):
        if self.weights not in KINDS:
            raise ArgumentError(f"`weights` must be one of {', '.join(KINDS)}; got {shown(self.weights)}")
        object.__setattr__(self, "bins", whole_number("bins", self.bins, 1, 1 << 40))
        if self.start not in STARTS:
            raise ArgumentError(f"`start` must be one of {', '.join(STARTS)}; got {shown(self.start)}")
        coarser = _COARSER[self.weights]
        if self.coarse is not None and self.coarse not in coarser:
            allowed = f"None or one of {', '.join(coarser)}" if coarser else "None"
            raise ArgumentError(f"`coarse` must be {allowed} with `weights`={self.weights!r}; got {shown(self.coarse)}")
        if isinstance(self.blocks, str) and self.blocks != "deterministic":
            raise ArgumentError(f"`blocks` must be tuples of units or 'deterministic'; got {shown(self.blocks)}")

    def bind(self, target: Any, driver: Any = None) -> _Bound:
        """The system of this sampler on a discrete target; `driver` is not used, since no number is drawn."""
        self.require(target, DiscreteTarget, "a discrete target (PairwiseMRF, Ising, Potts, FactorGraph)")
        return _Bound(self, target, None) if self.blocks is None else _BoundBlocks(self, target, None)
