"""The weights of herded Gibbs: what each weight belongs to, where it is stored, what its first value is, and how it moves.

A weight may belong to every state of all other units (``full``; ``hash`` keeps those that were visited), to every state of the Markov
blanket (``blanket``), or to a bin of the conditional distribution (``shared``). The fewer weights there are, the sooner each has been visited
many times, and the more conditional distributions use the same weight: Yamashita and Suzuki, Stat. Comput. 29 (2019) 1035,
doi:10.1007/s11222-019-09852-6, call this weight sharing, and show that it speeds up the beginning at the expense of an asymptotic bias.

Two weights may be used together. A visit that belongs to a fine weight u and to a coarse weight v takes

    k = argmax_j (u_j + v_j),      u += p - e_k,      v += p - e_k.

(u, v) moves by a vector whose inner product with it is ``sum_j p_j (u_j + v_j) - max_j (u_j + v_j) <= 0``, so by the perceptron cycling
theorem (Block and Levin, Proc. AMS 26 (1970) 229) all weights stay bounded: the asymptotic bias is that of the fine weights alone, while at the
first visit of a fine weight, which begins at zero, the coarse weight decides.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from weakchaos.core.errors import ArgumentError
from weakchaos.native.compiled import kernel

__all__ = [
    "FULL", "HASH", "KINDS", "SHARED", "STARTS", "VISITED", "ZERO", "Weights", "begin", "bin_of", "choose", "hashed", "lay_out", "rehash",
]  # fmt: skip

KINDS = ("full", "blanket", "hash", "shared")
FULL, _BLANKET, HASH, SHARED = range(4)
STARTS = ("stationary", "centre", "uniform", "zero")
_STATIONARY, _CENTRE, _UNIFORM, ZERO = range(4)
VISITED = 5  # place among the counters: fine weights in use
_LARGEST_TABLE = 1 << 26
_SETTLE = 64


class Weights(NamedTuple):
    """The places of the weights of each unit (or block of units).

    ``base[i]`` is the first place of unit `i`; ``width[i]`` is how many numbers a weight has: one for two states, else one for each state. The
    units ``unit[start[i]:start[i + 1]]`` with their strides determine which weight a state uses; ``word`` and ``own`` make the keys of hashed ones.
    """

    kind: int
    bins: int
    base: np.ndarray
    width: np.ndarray
    start: np.ndarray
    unit: np.ndarray
    stride: np.ndarray
    word: np.ndarray
    own: np.ndarray


# ---- in kernels ------------------------------------------------------------------------------------------------------------------------


@njit(nogil=True, error_model="numpy")
def _mix(word):
    """The finaliser of splitmix64 (Steele, Lea and Flood, OOPSLA 2014): 64 bits that look random from any 64 bits."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@njit(nogil=True, error_model="numpy")
def _uniform(word):
    return (_mix(word) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(nogil=True, error_model="numpy")
def choose(values, fine, coarse, p, states):
    """One step of herding with the weights at `fine` and, unless negative, at `coarse`; a state of probability zero is never taken."""
    if states == 2:
        value = values[fine]
        if coarse >= 0:
            value += values[coarse]
        new = 1 if p[1] >= 1.0 or (value > 0.0 and p[1] > 0.0) else 0
        values[fine] += p[1] - new
        if coarse >= 0:
            values[coarse] += p[1] - new
        return new
    best, most = -1, 0.0
    for k in range(states):
        if p[k] > 0.0:
            value = values[fine + k]
            if coarse >= 0:
                value += values[coarse + k]
            if best < 0 or value > most:
                best, most = k, value
    for k in range(states):
        values[fine + k] += p[k]
        if coarse >= 0:
            values[coarse + k] += p[k]
    values[fine + best] -= 1.0
    if coarse >= 0:
        values[coarse + best] -= 1.0
    return best


@njit(nogil=True, error_model="numpy")
def begin(values, place, rule, p, states, width, seed, name):
    """First values of a weight, from the seed of the run and the name of the weight.

    A stationary weight is drawn from the invariant law of its herding map, so that every visit, the first included, gives k with probability
    p_k. For two states the map is a rotation of the interval (p - 1, p], whose invariant law is uniform. For more states it is a translation
    of a torus, modulo the vectors of whole numbers that sum to zero. The weight begins at a uniform point of the cell that is spanned by the
    differences to the most probable state; from there it reaches the attractor within a few steps, since the weights of rare states begin
    positive and not negative.
    """
    if rule == ZERO:
        for k in range(width):
            values[place + k] = 0.0
    elif rule == _UNIFORM:
        for k in range(width):
            values[place + k] = _uniform(seed + _mix(name + np.uint64(k))) - 0.5
    elif rule == _CENTRE:
        # The middle of the interval; for more states what is left when every state is owed what it has earned, less one shared equally.
        for k in range(width):
            values[place + k] = p[1] - 0.5 if states == 2 else p[k] - 1.0 / states
    elif states == 2:
        values[place] = p[1] - _uniform(seed + _mix(name))
    else:
        word, mode = seed + _mix(name), 0
        for k in range(1, states):
            if p[k] > p[mode]:
                mode = k
        values[place + mode] = 0.0
        for k in range(states):
            if k != mode:
                values[place + k] = _uniform(word + np.uint64(k + 1) * np.uint64(0x9E3779B97F4A7C15))
                values[place + mode] -= values[place + k]
        for _ in range(_SETTLE):
            choose(values, place, -1, p, states)


@njit(nogil=True, error_model="numpy")
def bin_of(p, states, bins):
    """The number of the bin that contains a distribution."""
    cell = 0
    for k in range(states - 1, 0, -1):
        cell = cell * bins + min(int(p[k] * bins), bins - 1)
    return cell


@njit(nogil=True, error_model="numpy")
def hashed(keys, key):
    """The row of a key in a table of linear probing, and whether it is new."""
    mask = np.uint64(keys.size - 1)
    at = _mix(key) & mask
    while keys[at] != np.uint64(0) and keys[at] != key:
        at = (at + np.uint64(1)) & mask
    new = keys[at] == np.uint64(0)
    keys[at] = key
    return np.int64(at), new


@kernel
def rehash(keys, values, width, new_keys, new_values):
    """Enter every used row into a larger table."""
    for row in range(keys.size):
        if keys[row] != np.uint64(0):
            place, _ = hashed(new_keys, keys[row])
            for k in range(width):
                new_values[place * width + k] = values[row * width + k]


# ---- layouts ---------------------------------------------------------------------------------------------------------------------------


def _product(cards: np.ndarray, most: int) -> int:
    """How many states units have together; `most` where it is more, as a number of a million bits takes half a minute."""
    total = 1
    for k in cards[cards > 1].tolist():
        total *= k
        if total >= most:
            return most
    return total


def _words(cards: np.ndarray, scale: int) -> np.ndarray | None:
    """Words whose sum over the units is their state as one number in mixed radix, times `scale`; None where 62 bits do not hold it."""
    if _product(cards, 2**62) * scale >= 2**62:
        return None
    cards = cards.tolist()
    out, step = np.zeros(len(cards), np.uint64), scale
    for i in reversed(range(len(cards))):
        out[i] = step if cards[i] > 1 else 0
        step *= cards[i]
    return out


@kernel
def _contexts(ptr, other, start, unit, stride):
    """Neighbours of every unit of a pairwise model of 0/1 units, each once, and their strides; the number of places that all of their states take."""
    size, end = 0, 0
    for i in range(ptr.size - 1):
        start[i] = end
        for a in range(ptr[i], ptr[i + 1]):
            new = True
            for b in range(start[i], end):
                new &= unit[b] != other[a]
            if new:
                unit[end] = other[a]
                end += 1
        if end - start[i] > 40:
            return -1
        for b in range(start[i], end):
            stride[b] = 1 << (end - 1 - b)
        size += 1 << (end - start[i])
    start[ptr.size - 1] = end
    return size


def _lay_out_pairs(model: Any, first: int, bins: int) -> tuple[Weights, int]:
    """Weights by blanket for single units of a pairwise model of 0/1 units, all of which move: as `lay_out`, without a loop in Python."""
    n = model.cardinality.size
    start, unit, stride = np.empty(n + 1, np.int64), np.empty_like(model.pair_unit), np.empty_like(model.pair_unit)
    count = _contexts(model.pair_ptr, model.pair_unit, start, unit, stride)
    if count < 0 or first + count > _LARGEST_TABLE:
        raise _too_large("blanket")
    base = first + np.concatenate([[0], np.cumsum(1 << np.diff(start))[:-1]])
    if start[-1] < unit.size:
        unit, stride = unit[: start[-1]].copy(), stride[: start[-1]].copy()
    weights = Weights(
        _BLANKET, bins, base, np.ones(n, np.int64), start, unit, stride, np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    )
    return weights, first + int(count)


def _all_pairs(model: Any) -> bool:
    """Whether every unit moves, has two states, and depends on others by couplings alone."""
    return bool(
        model.field.size and model.free.size == model.cardinality.size and (model.cardinality == 2).all() and not model.blanket.size
    )


def _too_large(kind: str) -> ArgumentError:
    return ArgumentError(
        f"`weights`={kind!r} needs more than {_LARGEST_TABLE} numbers for this model; 'hash' keeps those of visited states only"
        + {"full": ", 'blanket' one weight per state of a Markov blanket", "shared": "; or use fewer `bins`"}.get(kind, "")
    )


def lay_out(
    kind: str, bins: int, model: Any, movers: list[tuple[int, ...]] | None, first: int = 0, slots: int = 0
) -> tuple[Weights, int]:
    """The places of the weights of units or blocks.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    bins : int
        Number of bins of each probability, for ``"shared"``.
    model : Model
    movers : list of tuple of int, or None
        Units or blocks that are visited; empty where there is none. None for single units, all that are free.
    first : int
        The first free place.
    slots : int
        Rows of the first table of hashed weights.

    Returns
    -------
    Weights
    int
        The place after the last.

    Raises
    ------
    ArgumentError
        For more than 2**26 numbers.
    """
    code, cardinality = KINDS.index(kind), model.cardinality
    moves = np.zeros(cardinality.size, bool)
    moves[model.free] = True
    if movers is None:
        if code == _BLANKET and _all_pairs(model):
            return _lay_out_pairs(model, first, int(bins))
        has, states = moves, np.where(moves, cardinality, 1)
        if code == _BLANKET:
            movers = [(i,) if moving else () for i, moving in enumerate(moves.tolist())]
    else:
        has = np.array([len(block) > 0 for block in movers], bool)
        states = np.array([math.prod(cardinality[list(block)].tolist()) for block in movers], np.int64)
    n, free_cards = len(has), np.where(moves, cardinality, 1)
    width = np.where(states == 2, 1, states).astype(np.int64)
    word, own = np.zeros(len(cardinality), np.uint64), np.zeros(n, np.uint64)
    start, none = np.zeros(n + 1, np.int64), np.empty(0, np.int64)
    if code == _BLANKET:
        assert movers is not None
        base, size, start, unit, stride = _by_blanket(kind, model, movers, width, first)
        return Weights(code, int(bins), base, width, start, unit, stride, word, own), size
    if code == HASH:
        numbered = _words(free_cards, n + 1)
        if numbered is not None:  # no two states share a key
            word, own = numbered, np.arange(1, n + 1, dtype=np.uint64)
        else:
            # Random words, whose sums of 64 bits coincide for two of a million states with probability 3e-8.
            rng = np.random.default_rng(0x5EED)
            word = rng.integers(1, 2**64, len(cardinality), np.uint64) | np.uint64(1)
            own = rng.integers(1, 2**64, n, np.uint64)
        width[:] = width[has].max(initial=1)
        size = first + slots * int(width.max(initial=1))
        return Weights(code, int(bins), np.full(n, first, np.int64), width, start, none, none, word, own), size
    if code == FULL:
        numbered = _words(free_cards, 1)
        word = word if numbered is None else numbered
        count = np.full(n, float(_product(free_cards, 2**40)))
    else:
        count = np.minimum(float(bins) ** (states - 1), 2.0**40)
    numbers = np.where(has, count * width, 0.0)
    if first + numbers.sum() > _LARGEST_TABLE:
        raise _too_large(kind)
    end = first + np.cumsum(numbers.astype(np.int64))
    base = np.where(has, end - numbers.astype(np.int64), 0)
    return Weights(code, int(bins), base, width, start, none, none, word, own), int(end[-1]) if n else first


def _by_blanket(
    kind: str, model: Any, movers: list[tuple[int, ...]], width: np.ndarray, first: int
) -> tuple[np.ndarray, int, np.ndarray, np.ndarray, np.ndarray]:
    """First places, the place after the last, and the units with their strides, of weights by blanket."""
    n, cards, size = len(movers), model.cardinality.tolist(), first
    base = np.zeros(n, np.int64)
    units: list[list[int]] = [[] for _ in range(n)]
    strides: list[list[int]] = [[] for _ in range(n)]
    for i, block in enumerate(movers):
        if not block:
            continue
        base[i] = size
        units[i], count = model_context(model, block), 1
        for j in reversed(units[i]):
            if count <= _LARGEST_TABLE:
                strides[i].insert(0, count * int(width[i]))
                count *= cards[j]
        size += count * int(width[i])
        if size > _LARGEST_TABLE:
            raise _too_large(kind)
    start = np.concatenate([[0], np.cumsum([len(u) for u in units])]).astype(np.int64)
    unit, stride = (np.array([v for part in parts for v in part], np.int64) for parts in (units, strides))
    return base, size, start, unit, stride


def model_context(model: Any, block: tuple[int, ...]) -> list[int]:
    """The Markov blanket of a unit or block, in the order of the table of conditionals where there is one."""
    units: dict[int, None] = {}
    for i in block:
        if len(block) == 1 and model.table_start[i] >= 0:
            return model.blanket[model.blanket_ptr[i] : model.blanket_ptr[i + 1]].tolist()
        if model.field.size:
            units.update(dict.fromkeys(model.pair_unit[model.pair_ptr[i] : model.pair_ptr[i + 1]].tolist()))
        for a in range(model.factor_ptr[i], model.factor_ptr[i + 1]):
            f = model.factor[a]
            units.update(dict.fromkeys(model.scope[model.scope_ptr[f] : model.scope_ptr[f + 1]].tolist()))
    return [j for j in units if j not in block]
