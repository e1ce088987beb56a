"""A density on the far side of a triangular map, with its log-Jacobian and its gradient.

The map takes z to x one coordinate after the other,

    x_j = m_j(x_later) + exp(s_j(x_later)) z_j,

with a mean m_j of constant, linear and quadratic terms and a log scale s_j of constant and linear terms in coordinates that were made before
(that stand later in the order in which they are peeled off). With G the gradient of log p at x, the pulled-back density is

    log q(z) = log p(x(z)) + sum_j s_j,      dq/dz_j = exp(s_j) G_j,

where for j in the order of peeling each later coordinate i takes over ``G_i += G_j (dm_j/dx_i + (x_j - m_j) ds_j/dx_i) + ds_j/dx_i``.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numba import carray, njit

from weakchaos.native.c_density import DENSITY, CDensity
from weakchaos.native.compiled import address_of, c_function, call_density, kernel
from weakchaos.targets.density import Density

__all__ = ["MEAN_TERMS", "ROW", "SCALE_TERMS", "PulledBack", "map_back", "map_rows", "new_map"]

MEAN_TERMS, SCALE_TERMS = 12, 6
# A row of the map: coordinate, constants of mean and log scale, numbers of terms, then (i, k, factor) of each term ``factor x_i x_k`` of the mean,
# k = -1 for a linear one, and (i, factor) of each term of the log scale.
_COORDINATE, _MEAN, _SCALE, _N_MEAN, _N_SCALE, _HEAD = range(6)
ROW = _HEAD + 3 * MEAN_TERMS + 2 * SCALE_TERMS
_WORDS = 3


def new_map(dim: int) -> np.ndarray:
    """The identity: rows of shape (dim, ROW), in the order in which coordinates are peeled off."""
    rows = np.zeros((dim, ROW))
    rows[:, _COORDINATE] = np.arange(dim)
    return rows


@njit(nogil=True, error_model="numpy")
def _mean(row, x):
    total = row[_MEAN]
    for t in range(int(row[_N_MEAN])):
        a = _HEAD + 3 * t
        term = row[a + 2] * x[int(row[a])]
        if row[a + 1] >= 0.0:
            term *= x[int(row[a + 1])]
        total += term
    return total


@njit(nogil=True, error_model="numpy")
def _log_scale(row, x):
    total = row[_SCALE]
    for t in range(int(row[_N_SCALE])):
        a = _HEAD + 3 * MEAN_TERMS + 2 * t
        total += row[a + 1] * x[int(row[a])]
    return total


@njit(nogil=True, error_model="numpy")
def _forward(rows, z, x):
    """Fill x from z; the log-Jacobian."""
    jacobian = 0.0
    for k in range(rows.shape[0] - 1, -1, -1):
        s = _log_scale(rows[k], x)
        j = int(rows[k, _COORDINATE])
        x[j] = _mean(rows[k], x) + math.exp(s) * z[j]
        jacobian += s
    return jacobian


@njit(nogil=True, error_model="numpy")
def _pull(rows, z, x, slope):
    """The gradient in x becomes that of the pulled-back density in z, in place."""
    for k in range(rows.shape[0]):
        row = rows[k]
        j = int(row[_COORDINATE])
        scale = math.exp(_log_scale(row, x))
        for t in range(int(row[_N_MEAN])):
            a = _HEAD + 3 * t
            i, other = int(row[a]), int(row[a + 1])
            if other < 0:
                slope[i] += slope[j] * row[a + 2]
            else:
                slope[i] += slope[j] * row[a + 2] * x[other]
                slope[other] += slope[j] * row[a + 2] * x[i]
        for t in range(int(row[_N_SCALE])):
            a = _HEAD + 3 * MEAN_TERMS + 2 * t
            slope[int(row[a])] += row[a + 1] * (slope[j] * scale * z[j] + 1.0)
        slope[j] *= scale


@kernel
def map_rows(rows, draws, jacobians):
    """Take each row of `draws` from z to x, in place; its log-Jacobian into `jacobians`."""
    x = np.empty(draws.shape[1])
    for t in range(draws.shape[0]):
        jacobians[t] = _forward(rows, draws[t], x)
        draws[t, :] = x


@kernel
def map_back(rows, x, z):
    """Fill z from x."""
    for k in range(rows.shape[0]):
        j = int(rows[k, _COORDINATE])
        z[j] = (x[j] - _mean(rows[k], x)) * math.exp(-_log_scale(rows[k], x))


def _density_of_z(dim, z, grad, logp, user_data):
    words = carray(user_data, (_WORDS,), dtype=np.uint64)
    n = np.int64(words[2])
    rows = carray(user_data, (_WORDS + n * ROW,), dtype=np.float64)[_WORDS:].reshape((n, ROW))  # type: ignore[type-var]
    position, out, x = carray(z, (dim,)), carray(logp, (1,)), np.empty(n)
    jacobian = _forward(rows, position, x)
    for i in range(n):
        if not math.isfinite(x[i]):  # so far out that a scale overflows
            out[0] = -math.inf
            return 0
    slope = carray(grad, (dim,))
    status = call_density(words[0], dim, address_of(x), address_of(slope), address_of(out), words[1])
    if status == 0 and address_of(slope) != 0:
        _pull(rows, position, x, slope)
    out[0] += jacobian
    return status


_compiled: list[Any] = []
_lock = threading.Lock()


class PulledBack(Density):
    """The density of z for a target in x = T(z).

    Parameters
    ----------
    target : Density
    rows : array of shape (dim, ROW)
        The map; see `new_map`.

    Examples
    --------
    >>> from weakchaos.targets import zoo
    >>> rows = new_map(2)
    >>> rows[:, 2] = np.log([10.0, 2.0])  # x = (10 z0, 2 z1)
    >>> PulledBack(zoo.gaussian([10.0, 2.0]), rows).gradient([0.5, -1.0])
    array([-0.5,  1. ])
    """

    def __init__(self, target: Density, rows: np.ndarray):
        with _lock:
            if not _compiled:
                _compiled.append(c_function(_density_of_z, DENSITY))
        inner = target.pointer(True)
        flat = np.ascontiguousarray(rows, np.float64).reshape(-1)
        words = np.concatenate([np.array([inner.address, inner.user_data, len(rows)], np.uint64), flat.view(np.uint64)])
        self._outer = CDensity(_compiled[0].address, words.ctypes.data, True, (inner, words, target), inner.retry)
        self._outer.errors = inner.errors
        super().__init__(
            _compiled[0].address, target.dim, data=words.ctypes.data, names=target.coordinates, name=f"{target.name} pulled back"
        )

    def pointer(self, gradient: bool) -> CDensity:
        """See `Density.pointer`."""
        return self._outer
