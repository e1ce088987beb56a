"""The arrays of a target for the chaotic Boltzmann machine: conditional probabilities, and the units whose probabilities each flip changes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.samplers.billiard.sparse import FACTORS, FIELDS, TABLES, Wiring, tabulate

__all__ = ["components", "odds_bound", "wire"]


def _rows(lists: list[list]) -> tuple[np.ndarray, np.ndarray]:
    """Pointers and entries of a list of lists."""
    pointers = np.concatenate([[0], np.cumsum([len(r) for r in lists])]).astype(np.int64)
    return pointers, np.array([v for row in lists for v in row], np.int64)


def wire(target: Any, rates: np.ndarray) -> Wiring:
    """The wiring of a discrete target; ``rates`` belong to the units that move."""
    model = target.model()
    unit, n = model.free, target.dim
    m = unit.size
    local = np.full(n, -1, np.int64)
    local[unit] = np.arange(m)
    states = model.cardinality[unit]
    none_i, none_f = np.empty(0, np.int64), np.empty(0)
    start, table, forward_ptr, blanket, stride = np.zeros(m, np.int64), none_f, np.zeros(m + 1, np.int64), none_i, none_i
    touch_stride, touch_weight = none_i, none_f
    if (model.table_start[unit] >= 0).all():
        kind = TABLES
        start, table = _tables(model, unit)
        counts = np.diff(model.blanket_ptr)
        forward_ptr = np.concatenate([[0], np.cumsum(counts[unit])]).astype(np.int64)
        owner = np.repeat(np.arange(n), counts)
        moving = local[owner] >= 0
        owner, blanket = owner[moving], model.blanket[moving]
        stride = model.stride[moving] // (model.cardinality[owner] - 1) * model.cardinality[owner]
        movable = local[blanket] >= 0
        toucher, touched = local[blanket[movable]], local[owner[movable]]
        order = np.argsort(toucher, kind="stable")
        touch_ptr = np.concatenate([[0], np.cumsum(np.bincount(toucher, minlength=m))]).astype(np.int64)
        touched, touch_stride = touched[order], stride[movable][order]
    elif model.field.size:
        kind, touch_ptr, touched, touch_weight = FIELDS, model.pair_ptr, model.pair_unit, model.pair_weight
    else:
        kind = FACTORS
        near: list[dict[int, None]] = [{} for _ in range(m)]
        for f in range(model.scope_ptr.size - 1):
            scope = [int(a) for a in local[model.scope[model.scope_ptr[f] : model.scope_ptr[f + 1]]] if a >= 0]
            for a in scope:
                near[a].update(dict.fromkeys(scope))
        touch_ptr, touched = _rows([[b for b in row if b != a] for a, row in enumerate(near)])
    still = np.setdiff1d(np.arange(n), unit)
    return Wiring(
        kind, unit, still, states, 1.0 / rates, start, forward_ptr, blanket, stride, table, touch_ptr, touched, touch_stride, touch_weight
    )  # fmt: skip


def _tables(model: Any, unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the conditionals of each unit start, and all of them; units that share a table of the model share one here."""
    old, first, shared = np.unique(model.table_start[unit], return_index=True, return_inverse=True)
    cards = model.cardinality
    sizes = [
        int(cards[i]) * math.prod(cards[model.blanket[model.blanket_ptr[i] : model.blanket_ptr[i + 1]]].tolist())
        for i in unit[first]
    ]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    table = np.empty(int(starts[-1]))
    if old.size:
        tabulate(model, unit[first], starts, table)
    return starts[:-1][shared.ravel()], table


def odds_bound(target: Any) -> float:
    """The largest log odds a unit of a pairwise model can have."""
    pointers, _, weight, field = target.pair_arrays()
    total = np.concatenate([[0.0], np.cumsum(np.abs(weight))])
    return float((np.abs(field) + total[pointers[1:]] - total[pointers[:-1]]).max(initial=0.0))


def components(wiring: Wiring) -> np.ndarray:
    """The components of units that are connected by couplings: one number for each moving unit, equal for units of the same component."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    m = wiring.unit.size
    graph = csr_array((np.ones(wiring.touched.size, np.int8), wiring.touched, wiring.touch_ptr), (m, m))
    return connected_components(graph, directed=False)[1]
