"""The base class of all discrete targets, and the arrays through which compiled kernels read a target.

A target has ``n`` units; unit ``i`` takes states ``0 .. cardinality[i] - 1``. Its probability is a product of non-negative tables, each
over the units of its scope. Gibbs kernels need the conditional distribution of one unit given the others, which depends on its Markov
blanket only. If the blanket has few states the conditionals are tabulated, and units with equal tables share them; otherwise they are
computed from the pairwise couplings or from the tables at each visit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.targets.target import Target

__all__ = [
    "DiscreteTarget",
    "Model",
    "build_model",
    "factor_conditional",
    "pair_field",
    "smallest_integer",
    "table_row",
    "tabulated_conditional",
]

TABULATED_STATES = 4096
TABULATED_TOTAL = 1 << 23
TABULATED_UNITS = 1 << 14


class Model(NamedTuple):
    """The arrays of a discrete target. Every integer array is int64, every real one float64.

    ``cdf[table_start[i] + sum_j stride[j] x[blanket[j]] + k]`` is P(x_i <= k | blanket) for k < K_i - 1, if ``table_start[i] >= 0``.
    """

    cardinality: np.ndarray
    offset: np.ndarray
    free: np.ndarray
    table_start: np.ndarray
    blanket_ptr: np.ndarray
    blanket: np.ndarray
    stride: np.ndarray
    cdf: np.ndarray
    pair_ptr: np.ndarray
    pair_unit: np.ndarray
    pair_weight: np.ndarray
    field: np.ndarray
    factor_ptr: np.ndarray
    factor: np.ndarray
    own_stride: np.ndarray
    scope_ptr: np.ndarray
    scope: np.ndarray
    scope_stride: np.ndarray
    table_ptr: np.ndarray
    log_table: np.ndarray


@njit(nogil=True, error_model="numpy")
def pair_field(i, x, pair_ptr, pair_unit, pair_weight, field):
    """The log odds of unit `i` of a pairwise model of 0/1 units."""
    z = field[i]
    for a in range(pair_ptr[i], pair_ptr[i + 1]):
        z += pair_weight[a] * x[pair_unit[a]]
    return z


@njit(nogil=True, error_model="numpy")
def table_row(i, x, table_start, blanket_ptr, blanket, stride):
    """Where the cumulative probabilities of unit `i` begin in ``cdf``, for the states that its neighbours have in `x`."""
    place = table_start[i]
    for a in range(blanket_ptr[i], blanket_ptr[i + 1]):
        place += stride[a] * x[blanket[a]]
    return place


@njit(nogil=True, error_model="numpy")
def tabulated_conditional(i, x, states, table_start, blanket_ptr, blanket, stride, cdf, p):
    """Fill ``p[:states]`` with the conditional distribution of a unit that has a table."""
    place, below = table_row(i, x, table_start, blanket_ptr, blanket, stride), 0.0
    for k in range(states - 1):
        p[k] = cdf[place + k] - below
        below = cdf[place + k]
    p[states - 1] = 1.0 - below


@njit(nogil=True, error_model="numpy")
def factor_conditional(i, x, cardinality, factor_ptr, factor, own_stride, scope_ptr, scope, scope_stride, table_ptr, log_table, p):
    """Fill ``p[:K_i]`` with the conditional distribution of unit `i`; False when every state is impossible."""
    states = cardinality[i]
    for k in range(states):
        p[k] = 0.0
    for a in range(factor_ptr[i], factor_ptr[i + 1]):
        f = factor[a]
        base = table_ptr[f]
        for b in range(scope_ptr[f], scope_ptr[f + 1]):
            if scope[b] != i:
                base += scope_stride[b] * x[scope[b]]
        for k in range(states):
            p[k] += log_table[base + own_stride[a] * k]
    top = p[0]
    for k in range(1, states):
        top = max(top, p[k])
    if top == -math.inf:
        return False
    total = 0.0
    for k in range(states):
        p[k] = math.exp(p[k] - top)
        total += p[k]
    for k in range(states):
        p[k] /= total
    return True


def smallest_integer(largest: int) -> np.dtype:
    """The smallest unsigned integer type that holds `largest`."""
    return np.min_scalar_type(int(largest))


def _strides(shape: Sequence[int]) -> np.ndarray:
    """Strides in entries of a C-ordered table."""
    out = np.ones(len(shape), np.int64)
    for k in range(len(shape) - 2, -1, -1):
        out[k] = out[k + 1] * shape[k + 1]
    return out


def _pointers(lengths: Any) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.asarray(lengths, np.int64))]).astype(np.int64)


def _flat(parts: list, dtype: Any) -> np.ndarray:
    return np.concatenate([np.asarray(p, dtype).ravel() for p in parts]) if parts else np.empty(0, dtype)


def _conditional_cdf(
    unit: int, blanket: list[int], touching: list[tuple[Sequence[int], np.ndarray]], cardinality: np.ndarray
) -> np.ndarray:
    """P(x_i <= k | blanket) for all blanket states (C order, last unit fastest) and k < K_i - 1."""
    axes = {j: a for a, j in enumerate([*blanket, unit])}
    total = np.zeros([*(int(cardinality[j]) for j in blanket), int(cardinality[unit])])
    for scope, table in touching:
        order = sorted(range(len(scope)), key=lambda a: axes[scope[a]])
        shape = [1] * total.ndim
        for a in order:
            shape[axes[scope[a]]] = table.shape[a]
        total = total + table.transpose(order).reshape(shape)
    top = total.max(-1, keepdims=True)
    # Blanket states that cannot occur have no conditional; any distribution does, since no run that starts feasible reads it.
    weights = np.exp(np.where(np.isfinite(top), total - np.where(np.isfinite(top), top, 0.0), 0.0))
    cumulative = np.cumsum(weights, -1)
    left = np.cumsum(weights[..., ::-1], -1)[..., ::-1][..., 1:]  # what remains beyond k
    cdf = cumulative[..., :-1] / cumulative[..., -1:]
    return np.where(left == 0.0, 1.0, cdf)  # rounding must not let an impossible last state through


def build_model(target: Any, tabulate: bool = True) -> Model:
    """The arrays of a target with ``cardinalities``, ``scopes``, ``log_tables`` and ``observed``, or with ``pair_arrays()``."""
    cardinality = np.asarray(target.cardinalities, np.int64)
    n = len(cardinality)
    moves = cardinality > 1
    moves[list(target.observed)] = False
    free = np.flatnonzero(moves)
    pair_arrays = getattr(target, "pair_arrays", None)
    none_i, none_f = np.empty(0, np.int64), np.empty(0)
    if pair_arrays is not None:
        pair_ptr, pair_unit, pair_weight, field = pair_arrays()
        degree = np.diff(pair_ptr)
        # Couplings alone do for large models: tables would take longer to make than a run.
        if not tabulate or n > TABULATED_UNITS or degree.max(initial=0) > math.log2(TABULATED_STATES):
            return Model(
                cardinality=cardinality, offset=_pointers(cardinality), free=free, table_start=np.full(n, -1), blanket_ptr=np.zeros(n + 1, np.int64),
                blanket=none_i, stride=none_i, cdf=none_f, pair_ptr=pair_ptr, pair_unit=pair_unit, pair_weight=pair_weight, field=field,
                factor_ptr=np.zeros(n + 1, np.int64), factor=none_i, own_stride=none_i, scope_ptr=np.zeros(1, np.int64), scope=none_i,
                scope_stride=none_i, table_ptr=np.zeros(1, np.int64), log_table=none_f,
            )  # fmt: skip
        scopes, tables = target.scopes, target.log_tables
    else:
        pair_ptr, pair_unit, pair_weight, field = np.zeros(1, np.int64), none_i, none_f, none_f
        scopes, tables = target.scopes, target.log_tables
    shapes = [t.shape for t in tables]
    touching: list[list[int]] = [[] for _ in range(n)]
    for f, scope in enumerate(scopes):
        for i in scope:
            touching[int(i)].append(f)

    table_start = np.full(n, -1, np.int64)
    blankets: list[list[int]] = [[] for _ in range(n)]
    strides: list[np.ndarray] = [none_i] * n
    parts: list[np.ndarray] = []
    shared: dict[tuple, int] = {}
    size = 0
    identity: dict[int, int] = {}
    content: dict[bytes, int] = {}
    for f, table in enumerate(tables):
        identity[f] = content.setdefault(str(table.shape).encode() + np.ascontiguousarray(table).tobytes(), len(content))
    for i in free if tabulate and len(tables) else ():
        i = int(i)
        blanket = list(dict.fromkeys(int(j) for f in touching[i] for j in scopes[f] if j != i))
        states = math.prod(int(cardinality[j]) for j in blanket)
        width = int(cardinality[i]) - 1
        if states * width > TABULATED_STATES:
            continue
        place = {j: k for k, j in enumerate(blanket)}
        key = (width, tuple((identity[f], tuple(place.get(int(j), -1) for j in scopes[f])) for f in touching[i]))
        if key not in shared:
            if size + states * width > TABULATED_TOTAL:
                continue
            shared[key] = size
            parts.append(_conditional_cdf(i, blanket, [([int(j) for j in scopes[f]], tables[f]) for f in touching[i]], cardinality))
            size += states * width
        table_start[i], blankets[i] = shared[key], blanket
        strides[i] = _strides([int(cardinality[j]) for j in blanket]) * width
    return Model(
        cardinality=cardinality,
        offset=_pointers(cardinality),
        free=free,
        table_start=table_start,
        blanket_ptr=_pointers([len(b) for b in blankets]),
        blanket=_flat(blankets, np.int64),
        stride=_flat(strides, np.int64),
        cdf=_flat(parts, np.float64),
        pair_ptr=pair_ptr,
        pair_unit=pair_unit,
        pair_weight=pair_weight,
        field=field,
        factor_ptr=_pointers([len(t) for t in touching]),
        factor=_flat(touching, np.int64),
        own_stride=_flat([[_strides(shapes[f])[list(scopes[f]).index(i)] for f in touching[i]] for i in range(n)], np.int64),
        scope_ptr=_pointers([len(s) for s in scopes]),
        scope=_flat(list(scopes), np.int64),
        scope_stride=_flat([_strides(s) for s in shapes], np.int64),
        table_ptr=_pointers([t.size for t in tables]),
        log_table=_flat(list(tables), np.float64),
    )


class DiscreteTarget(Target):
    """Base class of discrete targets: ``cardinalities``, ``names``, ``observed``, and a product of tables ``scopes``, ``log_tables``.

    A subclass defines these attributes, ``log_prob`` and `marginals`, and `random_start` if a uniformly random state is not suitable.
    """

    cardinalities: np.ndarray
    names: Sequence[str]
    observed: dict[int, int]
    error_kind = "largest error of a marginal"
    counted = "units"
    readout_shift = 0
    readout_step = 1
    default_sampler = "samplers:Gibbs"  # by its public name, as samplers stand above targets

    _models: dict

    @property
    def dim(self) -> int:  # type: ignore[override]
        """Number of units."""
        return len(self.cardinalities)

    def model(self, tabulate: bool = True) -> Model:
        """The arrays that compiled kernels read; they are made once."""
        if "_models" not in self.__dict__:
            self._models = {}
        if tabulate not in self._models:
            self._models[tabulate] = build_model(self, tabulate)
        return self._models[tabulate]

    def __getstate__(self) -> dict:
        return {k: v for k, v in self.__dict__.items() if k != "_models"}

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """A state of positive probability, uniform over all states; int64 of shape (dim,)."""
        x = rng.integers(0, self.cardinalities).astype(np.int64)
        for i, k in self.observed.items():
            x[i] = k
        return x

    def log_prob(self, x: Any) -> np.ndarray:
        """Unnormalised log probability of states, shape (..., dim)."""
        raise TypeError(f"{type(self).__name__} does not define log_prob")

    def marginals(self) -> list[np.ndarray]:
        """Exact P(x_i = k), one array for each unit."""
        raise TypeError(f"{type(self).__name__} does not define marginals")

    def symbols_of(self, position: Any) -> np.ndarray:
        """The states 0 .. K - 1 of all units for a position as the user writes it, after checking it.

        Raises
        ------
        ArgumentError
            For a wrong shape, a state that does not exist, or a state of zero probability.
        """
        array = np.asarray(position)
        if array.shape != (self.dim,):
            raise ArgumentError(f"`initial` must have shape ({self.dim},); got {array.shape}")
        x, rest = np.divmod(array - self.readout_shift, self.readout_step)
        if (rest != 0).any() or (x < 0).any() or (x >= self.cardinalities).any():
            raise ArgumentError(f"`initial` holds a value that is not a state of its unit; got {shown(array.tolist())}")
        x = x.astype(np.int64)
        for i, k in self.observed.items():
            if x[i] != k:
                raise ArgumentError(
                    f"`initial` contradicts the evidence: unit {self.names[i]!r} is observed in state {k}; got {x[i]}"
                )
        if not np.isfinite(self.log_prob(x)):
            raise ArgumentError(f"`initial` has probability zero; got {shown(array.tolist())}")
        return x

    def draw_variance(self, averages: np.ndarray) -> np.ndarray:
        """Variance of one draw of the indicator of each state."""
        return averages * (1 - averages)

    def estimand_names(self, n: int) -> list[str]:
        """One name for each state of each unit."""
        values = [f"{name}={k}" for name, states in zip(self.names, self.cardinalities, strict=True) for k in range(states)]
        return values if n == len(values) else super().estimand_names(n)

    def truth(self) -> tuple[np.ndarray | None, np.ndarray]:
        """Exact marginals in one row (None if exact inference is not affordable), and 1, the scale by which errors are divided."""
        size = int(np.sum(self.cardinalities))
        try:
            flat = np.concatenate(self.marginals())
        except (ArgumentError, MemoryError):
            return None, np.ones(size)
        return flat, np.ones(size)
