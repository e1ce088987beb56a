"""Herded Gibbs sampling.

Bornn, Chen, de Freitas, Eskelin, Fang and Welling, ICLR 2013, arXiv:1301.4168; Chen, Bornn, de Freitas, Eskelin, Fang and Welling, JMLR 17
(2016) 10: Gibbs sampling in which each conditional distribution is herded instead of drawn. A unit keeps a weight for every state of the
others it is conditioned on; at a visit (0/1 units)

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
from numba import njit

from weakchaos.core.compiled import kernel
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State
from weakchaos.samplers.base import STEPS, Sampler, positive
from weakchaos.samplers.discrete import BoundDiscrete, record
from weakchaos.targets.discrete import DiscreteTarget, factor_conditional, pair_field

__all__ = ["HerdedGibbs"]

_KINDS = ("full", "blanket", "hash", "shared")
_FULL, _BLANKET, _HASH, _SHARED = range(4)
_STARTS = ("stationary", "uniform", "zero")
_STATIONARY, _UNIFORM, _ZERO = range(3)
_LARGEST_TABLE = 1 << 26
_FIRST_SLOTS = 1 << 12
VISITED = 5  # place among the counters: weight vectors in use
_SETTLE = 64


@njit(nogil=True)
def _mix(word):
    """The finaliser of splitmix64 (Steele, Lea and Flood, OOPSLA 2014): 64 bits that look random from any 64 bits."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@njit(nogil=True)
def _uniform(word):
    return (_mix(word) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(nogil=True)
def _herd(weights, place, p, states):
    """One step of herding on a simplex: the state chosen, never one of probability zero."""
    best = -1
    for k in range(states):
        if p[k] > 0.0 and (best < 0 or weights[place + k] > weights[place + best]):
            best = k
    for k in range(states):
        weights[place + k] += p[k]
    weights[place + best] -= 1.0
    return best


@njit(nogil=True)
def _first_weights(weights, place, p, states, word):
    """A weight drawn from the invariant law of its herding map, so that every visit, the first included, gives k with probability p_k.

    Two states: the map is a rotation of the interval (p - 1, p], whose invariant law is uniform. More states: modulo the vectors of
    whole numbers that sum to zero the map is a translation of a torus. A uniform point of the cell spanned by the differences to the
    likeliest state settles on the attractor within a few steps, since rare states then start with credit and not with debt.
    """
    if states == 2:
        weights[place] = p[1] - _uniform(word)
        return
    mode = 0
    for k in range(1, states):
        if p[k] > p[mode]:
            mode = k
    weights[place + mode] = 0.0
    for k in range(states):
        if k != mode:
            weights[place + k] = _uniform(word + np.uint64(k + 1) * np.uint64(0x9E3779B97F4A7C15))
            weights[place + mode] -= weights[place + k]
    for _ in range(_SETTLE):
        _herd(weights, place, p, states)


@kernel
def _herded_gibbs(
    model,
    kind,
    weight_start,
    width,
    wrap_ptr,
    wrap,
    wrap_stride,
    word,
    unit_word,
    bins,
    start,
    weights,
    symbols,
    keys,
    counters,
    first,
    n,
    every,
    draws,
    sums,
):
    cardinality, offset, free, table_start = model.cardinality, model.offset, model.free, model.table_start
    blanket_ptr, blanket, stride, cdf = model.blanket_ptr, model.blanket, model.stride, model.cdf
    pairwise = model.field.size > 0
    units = cardinality.size
    x, seed = symbols[:units], np.uint64(symbols[units])
    p = np.empty(cardinality.max())
    full = np.uint64(0)
    for i in range(units):
        full += word[i] * np.uint64(x[i])
    mask = np.uint64(max(keys.size, 1) - 1)
    for t in range(first, n):
        if kind == _HASH and 2 * (counters[VISITED] + free.size) > keys.size:
            return t  # the caller gives more slots and comes back
        for visit in range(free.size):
            i = free[visit]
            states = cardinality[i]
            if table_start[i] >= 0:
                place = table_start[i]
                for a in range(blanket_ptr[i], blanket_ptr[i + 1]):
                    place += stride[a] * x[blanket[a]]
                below = 0.0
                for k in range(states - 1):
                    p[k] = cdf[place + k] - below
                    below = cdf[place + k]
                p[states - 1] = 1.0 - below
            elif pairwise:
                p[1] = 1.0 / (1.0 + math.exp(-pair_field(i, x, model.pair_ptr, model.pair_unit, model.pair_weight, model.field)))
                p[0] = 1.0 - p[1]
            else:
                if not factor_conditional(
                    i, x, cardinality, model.factor_ptr, model.factor, model.own_stride, model.scope_ptr, model.scope,
                    model.scope_stride, model.table_ptr, model.log_table, p,
                ):  # fmt: skip
                    return t
            others = full - word[i] * np.uint64(x[i])
            fresh = False
            if kind == _FULL:
                slot = weight_start[i] + np.int64(others) * width[i]
            elif kind == _BLANKET:
                slot = weight_start[i]
                for a in range(wrap_ptr[i], wrap_ptr[i + 1]):
                    slot += wrap_stride[a] * x[wrap[a]]
            elif kind == _SHARED:
                cell = 0
                for k in range(states - 1, 0, -1):
                    cell = cell * bins + min(int(p[k] * bins), bins - 1)
                slot = weight_start[i] + cell * width[i]
            else:
                key = others + unit_word[i]
                at = _mix(key) & mask
                while keys[at] != np.uint64(0) and keys[at] != key:
                    at = (at + np.uint64(1)) & mask
                if keys[at] == np.uint64(0):
                    keys[at] = key
                    fresh = True
                    counters[VISITED] += 1
                slot = np.int64(at) * width[i]
            if math.isnan(weights[slot]):
                if not fresh:
                    counters[VISITED] += 1
                name = others + unit_word[i] if kind == _HASH else np.uint64(slot)
                if start == _STATIONARY:
                    _first_weights(weights, slot, p, states, seed + _mix(name))
                else:
                    for k in range(width[i]):
                        weights[slot + k] = _uniform(seed + _mix(name + np.uint64(k))) - 0.5 if start == _UNIFORM else 0.0
            if states == 2:
                # A state of probability zero is never taken, whatever the weight: bins share weights between probabilities.
                new = 1 if p[1] >= 1.0 or (weights[slot] > 0.0 and p[1] > 0.0) else 0
                weights[slot] += p[1] - new
            else:
                new = _herd(weights, slot, p, states)
            x[i] = new
            full = others + word[i] * np.uint64(new)
        counters[STEPS] += 1
        if (t + 1) % every == 0:
            record(x, offset, (t + 1) // every - 1, draws, sums)
    return n


@kernel
def _rehash(keys, weights, width, new_keys, new_weights):
    mask = np.uint64(new_keys.size - 1)
    for at in range(keys.size):
        if keys[at] != np.uint64(0):
            place = _mix(keys[at]) & mask
            while new_keys[place] != np.uint64(0):
                place = (place + np.uint64(1)) & mask
            new_keys[place] = keys[at]
            for k in range(width):
                new_weights[np.int64(place) * width + k] = weights[at * width + k]


class _Bound(BoundDiscrete):
    """Phase: the weights, NaN where none was used yet. Symbols: the units, the seed of first weights, the keys of hashed slots."""

    moves = ()

    def __init__(self, sampler: HerdedGibbs, target: Any, driver: Any):
        super().__init__(sampler, target, None)
        self._model = target.model()
        self._kind = _KINDS.index(sampler.weights)
        self._layout()

    def _layout(self) -> None:
        target, kind, n = self.target, self._kind, self.dim
        cards = [int(c) for c in target.cardinalities]
        free = self._model.free.tolist()
        width = np.array([1 if c == 2 else c for c in cards], np.int64)
        total = math.prod(cards)
        starts, size = np.zeros(n, np.int64), 0
        wraps: list[list[int]] = [[] for _ in range(n)]
        strides: list[list[int]] = [[] for _ in range(n)]
        word, unit_word = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
        if kind == _FULL or (kind == _HASH and total * n < 2**62):
            # The state as one number in mixed radix, so that no two states share a key.
            scale, step = 1 if kind == _FULL else n, 1
            for i in reversed(range(n)):
                word[i], unit_word[i] = step * scale if total * scale < 2**64 else 0, i + 1
                step *= cards[i]
        elif kind == _HASH:
            # Too many states to number: random words, whose sums of 64 bits coincide for two of a million states with probability 3e-8.
            words = np.random.default_rng(0x5EED).integers(1, 2**64, (2, n), np.uint64)
            word, unit_word = words[0] | np.uint64(1), words[1]
        for i in free:
            starts[i] = size
            if kind == _FULL:
                size += total * int(width[i])
            elif kind == _BLANKET:
                wraps[i] = self._blanket(i)
                states = 1
                for j in reversed(wraps[i]):
                    strides[i].insert(0, states * int(width[i]))
                    states *= cards[j]
                size += states * int(width[i])
            elif kind == _SHARED:
                size += self.sampler.bins ** (cards[i] - 1) * int(width[i])
            if size > _LARGEST_TABLE:
                raise ArgumentError(
                    f"`weights`={self.sampler.weights!r} needs more than {_LARGEST_TABLE} weights for this model; 'hash' keeps those of visited states only"
                    + (", 'blanket' one per state of a Markov blanket" if kind == _FULL else "")
                )
        if kind == _HASH:
            width[:] = width[free].max() if free else 1
            size = _FIRST_SLOTS * int(width[0])
        self._size = size
        pointers = np.concatenate([[0], np.cumsum([len(w) for w in wraps])]).astype(np.int64)
        flat = (np.array([v for part in parts for v in part], np.int64) for parts in (wraps, strides))
        self._arrays = (starts, width, pointers, *flat, word, unit_word)

    def _blanket(self, i: int) -> list[int]:
        model = self._model
        if model.field.size and not len(model.factor):
            return model.pair_unit[model.pair_ptr[i] : model.pair_ptr[i + 1]].tolist()
        units: dict[int, None] = {}
        for a in range(model.factor_ptr[i], model.factor_ptr[i + 1]):
            f = model.factor[a]
            units.update(dict.fromkeys(model.scope[model.scope_ptr[f] : model.scope_ptr[f + 1]].tolist()))
        units.pop(i, None)
        return list(units)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """Units at random or at `position`, no weight used yet."""
        units = super().new_state(rng, position).symbols
        seed = rng.integers(0, 2**63, 1)
        keys = np.zeros(_FIRST_SLOTS if self._kind == _HASH else 0, np.int64)
        return State(phase=np.full(self._size, np.nan), symbols=np.concatenate([units, seed, keys]))

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        sampler, done = self.sampler, 0
        while True:
            keys = state.symbols[self.dim + 1 :].view(np.uint64)
            reached = _herded_gibbs(
                self._model, self._kind, *self._arrays, int(sampler.bins), _STARTS.index(sampler.start), state.phase, state.symbols, keys, state.counters, done, n, every, draws, sums
            )  # fmt: skip
            if reached == n or self._kind != _HASH or 2 * (state.counters[VISITED] + len(self._model.free)) <= keys.size:
                return reached
            done = reached
            self._grow(state, keys)

    def _grow(self, state: State, keys: np.ndarray) -> None:
        width = int(self._arrays[1][0])
        slots = keys.size
        while slots < 4 * (int(state.counters[VISITED]) + len(self._model.free)):
            slots *= 2
        symbols = np.concatenate([state.symbols[: self.dim + 1], np.zeros(slots, np.int64)])
        phase = np.full(slots * width, np.nan)
        _rehash(keys, state.phase, width, symbols[self.dim + 1 :].view(np.uint64), phase)
        state.symbols, state.phase = symbols, phase


@dataclass(frozen=True)
class HerdedGibbs(Sampler):
    """Herded Gibbs: Gibbs sampling whose choices are herded, deterministic given its first weights; one step is a sweep.

    Parameters
    ----------
    weights : {"blanket", "full", "hash", "shared"}
        What a weight belongs to: the state of the unit's Markov blanket, of all other units (a table), of all other units (stored when
        first visited), or a bin of the conditional probability (Eskelinen's discretised herded Gibbs; see Yamashita and Suzuki, Stat.
        Comput. 29 (2019) 1035, doi:10.1007/s11222-019-09852-6). On fully connected models the first two are the same.
    bins : int
        Bins per probability for ``"shared"``.
    start : {"stationary", "uniform", "zero"}
        First weights: drawn from the invariant law of the herding map when a weight is first used (then each choice, taken alone, has
        the probability that Gibbs sampling would give it), uniform on [-1/2, 1/2), or zero. The first begins as accurate as Gibbs
        sampling, the others with an error that each new state of the others adds to until it has been visited a few times.

    Notes
    -----
    The guarantee is |count of x_i = 1 - sum of its probabilities| <= 1 for each weight of a 0/1 unit. Memory of ``"full"`` is the number
    of units times the number of states.

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

    def __post_init__(self):
        if self.weights not in _KINDS:
            raise ArgumentError(f"`weights` must be one of {', '.join(_KINDS)}; got {shown(self.weights)}")
        positive("bins", self.bins, whole=True)
        if self.start not in _STARTS:
            raise ArgumentError(f"`start` must be one of {', '.join(_STARTS)}; got {shown(self.start)}")

    def bind(self, target: Any, driver: Any = None) -> _Bound:
        """The system of this sampler on a discrete target; `driver` is not used, since no number is drawn."""
        self.require(target, DiscreteTarget, "a discrete target (PairwiseMRF, Ising, Potts, FactorGraph)")
        return _Bound(self, target, None)
