r"""Maps from R^n onto constrained sets, their log-Jacobians, and the gradients that go back through them.

A density of theta becomes one of x on all of R^n: ``log p(x) = log p(theta(x)) + log |d theta / d x|``. By kind:

* positive: ``theta = exp(x)``; lower and upper bounds: ``a + exp(x)``, ``b - exp(x)``;
* interval: ``theta = a + (b - a) / (1 + exp(-x))``;
* simplex of K entries, from K - 1 numbers: ``theta = softmax(V x)``, where the columns of V are the orthonormal contrasts
  ``(1, ..., 1, -k, 0, ...) / sqrt(k (k + 1))`` (the isometric log-ratio: Egozcue et al., Math. Geol. 35 (2003) 279,
  doi:10.1023/A:1023818214614); volume is counted in the first K - 1 entries, as in a Dirichlet density, so that ``log |J| = log(K) / 2 + sum log theta``;
* ordered: ``theta_1 = x_1``, ``theta_k = theta_{k-1} + exp(x_k)``;
* Cholesky factor L of a correlation matrix, from K (K - 1) / 2 numbers: ``z = tanh(x)``, ``L_ij = z_ij sqrt(1 - sum_{m<j} L_im**2)``
  (Lewandowski, Kurowicka and Joe, J. Multivar. Anal. 100 (2009) 1989, doi:10.1016/j.jmva.2009.04.008); volume is counted in the entries below the diagonal.

The Jacobians of interval, ordered and Cholesky are those of the Stan Reference Manual, chapter "Constraint Transforms".
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numba import carray, njit

from weakchaos.native.c_density import DENSITY, CDensity
from weakchaos.native.compiled import address_of, c_function, call_density, kernel

__all__ = ["KINDS", "ROW", "constrain_rows", "on_all_of_space", "unconstrain_rows"]

FREE, POSITIVE, INTERVAL, LOWER, UPPER, SIMPLEX, ORDERED, CHOLESKY = range(8)
KINDS = {"free": FREE, "positive": POSITIVE, "interval": INTERVAL, "lower": LOWER, "upper": UPPER, "simplex": SIMPLEX, "ordered": ORDERED,
         "correlation_cholesky": CHOLESKY}  # fmt: skip
# A plan has one row a variable: kind, place in x, place in theta, groups, entries of a group; then, as float64 of the same eight bytes,
# lower bound, upper bound, the least and the greatest number between them.
ROW = 9
_TINY, _HUGE = 2.2250738585072014e-308, 1.7976931348623157e308
_HEAD = 4  # words before the plan in the user data of the C function


@njit(nogil=True, error_model="numpy")
def _log_cosh(x):
    return abs(x) + math.log1p(math.exp(-2.0 * abs(x))) - math.log(2.0)


@njit(nogil=True, error_model="numpy")
def _exp(x):
    return math.exp(x) if x < 709.7 else np.inf


@njit(nogil=True, error_model="numpy")
def _inside(value, least, greatest):
    # Where rounding puts a value on its bound the density may be infinite; the nearest number within is as close to the truth.
    return min(max(value, least), greatest)


@njit(nogil=True, error_model="numpy")
def _simplex(x, theta, K):
    """theta = softmax(V x); the log-Jacobian."""
    total = 0.0
    for j in range(K - 1, -1, -1):
        own = 0.0 if j == 0 else -j * x[j - 1] / math.sqrt(j * (j + 1.0))
        theta[j] = total + own
        if j > 0:
            total += x[j - 1] / math.sqrt(j * (j + 1.0))
    highest = theta[0]
    for j in range(1, K):
        highest = max(highest, theta[j])
    mass = 0.0
    for j in range(K):
        theta[j] = math.exp(theta[j] - highest)
        mass += theta[j]
    for j in range(K):
        theta[j] = max(theta[j] / mass, _TINY)
    # The entries of V x add up to zero, so that the sum of the log theta is -K log-sum-exp.
    return 0.5 * math.log(K) - K * (highest + math.log(mass))


@njit(nogil=True, error_model="numpy")
def _ordered(x, theta, K):
    jacobian = 0.0
    theta[0] = x[0]
    for k in range(1, K):
        theta[k] = theta[k - 1] + _exp(x[k])
        if theta[k] == theta[k - 1]:
            theta[k] = np.nextafter(theta[k - 1], np.inf)
        jacobian += x[k]
    return jacobian


@njit(nogil=True, error_model="numpy")
def _cholesky(x, theta, K):
    jacobian, place = 0.0, 0
    for i in range(K):
        log_rest = 0.0  # half the logarithm of what the entries before leave of the unit length of the row
        for j in range(i):
            theta[i * K + j] = math.tanh(x[place]) * math.exp(log_rest)
            fall = _log_cosh(x[place])
            log_rest -= fall
            jacobian -= (i + 1 - j) * fall
            place += 1
        theta[i * K + i] = max(math.exp(log_rest), _TINY)
        for j in range(i + 1, K):
            theta[i * K + j] = 0.0
    return jacobian


@njit(nogil=True, error_model="numpy")
def _constrain(plan, bounds, x, theta):
    """Fill `theta`; the log-Jacobian at `x`."""
    jacobian = 0.0
    for r in range(0, plan.size, ROW):
        kind, a, b, groups, K = plan[r], plan[r + 1], plan[r + 2], plan[r + 3], plan[r + 4]
        lower, upper, least, greatest = bounds[r + 5], bounds[r + 6], bounds[r + 7], bounds[r + 8]
        if kind == FREE:
            for i in range(groups):
                theta[b + i] = x[a + i]
        elif kind == INTERVAL:
            for i in range(groups):
                small = math.exp(-abs(x[a + i]))
                step = (upper - lower) * small / (1.0 + small)
                theta[b + i] = _inside(upper - step if x[a + i] > 0.0 else lower + step, least, greatest)
                jacobian += math.log(upper - lower) - abs(x[a + i]) - 2.0 * math.log1p(small)
        elif kind == SIMPLEX:
            for g in range(groups):
                jacobian += _simplex(x[a + g * (K - 1) : a + (g + 1) * (K - 1)], theta[b + g * K : b + (g + 1) * K], K)
        elif kind == ORDERED:
            for g in range(groups):
                jacobian += _ordered(x[a + g * K : a + (g + 1) * K], theta[b + g * K : b + (g + 1) * K], K)
        elif kind == CHOLESKY:
            m = K * (K - 1) // 2
            for g in range(groups):
                jacobian += _cholesky(x[a + g * m : a + (g + 1) * m], theta[b + g * K * K : b + (g + 1) * K * K], K)
        else:
            for i in range(groups):
                step = _exp(x[a + i])
                theta[b + i] = _inside(upper - step if kind == UPPER else lower + step, least, greatest)
                jacobian += x[a + i]
    return jacobian


@njit(nogil=True, error_model="numpy")
def _pull_simplex(x, theta, K, g, out):
    mean = 0.0
    for j in range(K):
        mean += g[j] * theta[j]
    before = 0.0
    for k in range(1, K):
        before += theta[k - 1] * (g[k - 1] - mean) + 1.0 - K * theta[k - 1]
        here = theta[k] * (g[k] - mean) + 1.0 - K * theta[k]
        out[k - 1] = (before - k * here) / math.sqrt(k * (k + 1.0))


@njit(nogil=True, error_model="numpy")
def _pull_ordered(x, theta, K, g, out):
    above = 0.0
    for k in range(K - 1, 0, -1):
        above += g[k]
        out[k] = above * _exp(x[k]) + 1.0
    out[0] = above + g[0]


@njit(nogil=True, error_model="numpy")
def _pull_cholesky(x, theta, K, g, out):
    place = 0
    for i in range(K):
        log_rest, after = 0.0, g[i * K + i] * theta[i * K + i]
        for j in range(i):
            after += g[i * K + j] * theta[i * K + j]
        for j in range(i):
            z = math.tanh(x[place])
            fall = _log_cosh(x[place])
            after -= g[i * K + j] * theta[i * K + j]
            out[place] = g[i * K + j] * math.exp(log_rest - 2.0 * fall) - z * after - (i + 1 - j) * z
            log_rest -= fall
            place += 1


@njit(nogil=True, error_model="numpy")
def _pull_back(plan, bounds, x, theta, g, out):
    """The gradient in x from the gradient `g` in theta, that of the log-Jacobian included."""
    for r in range(0, plan.size, ROW):
        kind, a, b, groups, K = plan[r], plan[r + 1], plan[r + 2], plan[r + 3], plan[r + 4]
        lower, upper = bounds[r + 5], bounds[r + 6]
        if kind == FREE:
            for i in range(groups):
                out[a + i] = g[b + i]
        elif kind == INTERVAL:
            for i in range(groups):
                small = math.exp(-abs(x[a + i]))
                slope = (upper - lower) * small / (1.0 + small) ** 2
                fall = (1.0 - small) / (1.0 + small)
                out[a + i] = g[b + i] * slope - (fall if x[a + i] > 0.0 else -fall)
        elif kind == SIMPLEX:
            for s in range(groups):
                p, q = slice(a + s * (K - 1), a + (s + 1) * (K - 1)), slice(b + s * K, b + (s + 1) * K)
                _pull_simplex(x[p], theta[q], K, g[q], out[p])
        elif kind == ORDERED:
            for s in range(groups):
                p, q = slice(a + s * K, a + (s + 1) * K), slice(b + s * K, b + (s + 1) * K)
                _pull_ordered(x[p], theta[q], K, g[q], out[p])
        elif kind == CHOLESKY:
            m = K * (K - 1) // 2
            for s in range(groups):
                p, q = slice(a + s * m, a + (s + 1) * m), slice(b + s * K * K, b + (s + 1) * K * K)
                _pull_cholesky(x[p], theta[q], K, g[q], out[p])
        else:
            for i in range(groups):
                step = _exp(x[a + i])
                out[a + i] = g[b + i] * (-step if kind == UPPER else step) + 1.0


@kernel
def constrain_rows(plan, bounds, x, theta, jacobians):
    """Fill each row of `theta` from the row of `x`, and its log-Jacobian."""
    for t in range(x.shape[0]):
        jacobians[t] = _constrain(plan, bounds, x[t], theta[t])


@njit(nogil=True, error_model="numpy")
def _unconstrain_row(row, i, x):
    """The numbers behind row `i` of a Cholesky factor; whether it is one."""
    square = row[i] * row[i] if row[i] > 0.0 else np.nan
    for j in range(i + 1, row.size):
        square += 0.0 if row[j] == 0.0 else np.nan
    for j in range(i - 1, -1, -1):
        rest = math.sqrt(square)
        square += row[j] * row[j]
        # artanh of row[j] over what is left of the row, without the difference of two numbers near one
        size = np.log(abs(row[j]) + math.sqrt(square)) - np.log(rest)
        x[j] = size if row[j] > 0.0 else -size
    return abs(square - 1.0) < 1e-8


@njit(nogil=True, error_model="numpy")
def _unconstrain(plan, bounds, theta, x):
    """Undo `_constrain`; NaN where theta is not what its constraint asks for."""
    for r in range(0, plan.size, ROW):
        kind, a, b, groups, K = plan[r], plan[r + 1], plan[r + 2], plan[r + 3], plan[r + 4]
        lower, upper = bounds[r + 5], bounds[r + 6]
        for s in range(groups):
            if kind == FREE:
                x[a + s] = theta[b + s]
            elif kind == INTERVAL:
                x[a + s] = np.log((theta[b + s] - lower) / (upper - theta[b + s])) if lower < theta[b + s] < upper else np.nan
            elif kind == UPPER:
                x[a + s] = np.log(upper - theta[b + s]) if theta[b + s] < upper else np.nan
            elif kind == SIMPLEX:
                p, before, mass = theta[b + s * K : b + (s + 1) * K], 0.0, 0.0
                for k in range(K):
                    mass += p[k]
                for k in range(1, K):
                    before += np.log(p[k - 1])
                    good = p[k - 1] > 0.0 and p[k] > 0.0 and abs(mass - 1.0) < 1e-8
                    x[a + s * (K - 1) + k - 1] = (before - k * np.log(p[k])) / math.sqrt(k * (k + 1.0)) if good else np.nan
            elif kind == ORDERED:
                x[a + s * K] = theta[b + s * K]
                for k in range(1, K):
                    gap = theta[b + s * K + k] - theta[b + s * K + k - 1]
                    x[a + s * K + k] = np.log(gap) if gap > 0.0 else np.nan
            elif kind == CHOLESKY:
                start, good = a + s * (K * (K - 1) // 2), True
                for i in range(K):
                    place, row = start + i * (i - 1) // 2, b + s * K * K + i * K
                    good = _unconstrain_row(theta[row : row + K], i, x[place : place + i]) and good
                if not good:
                    x[start : start + K * (K - 1) // 2] = np.nan
            else:
                x[a + s] = np.log(theta[b + s] - lower) if theta[b + s] > lower else np.nan


@kernel
def unconstrain_rows(plan, bounds, theta, x):
    """Fill each row of `x` from the row of `theta`; NaN where a constraint is not met."""
    for t in range(theta.shape[0]):
        _unconstrain(plan, bounds, theta[t], x[t])


def _density_of_x(dim, x, grad, logp, user_data):
    words = carray(user_data, (_HEAD,), dtype=np.uint64)
    n = _HEAD + np.int64(words[3])
    plan = carray(user_data, (n,), dtype=np.int64)[_HEAD:]  # type: ignore[type-var]
    bounds = carray(user_data, (n,), dtype=np.float64)[_HEAD:]  # type: ignore[type-var]
    position, out = carray(x, (dim,)), carray(logp, (1,))
    theta = np.empty(np.int64(words[2]))
    jacobian = _constrain(plan, bounds, position, theta)
    slope = carray(grad, (dim,))
    if address_of(slope) == 0:
        status = call_density(words[0], words[2], address_of(theta), np.uint64(0), address_of(out), words[1])
    else:
        inner = np.empty(theta.size)
        status = call_density(words[0], words[2], address_of(theta), address_of(inner), address_of(out), words[1])
        if status == 0:
            _pull_back(plan, bounds, position, theta, inner, slope)
    out[0] += jacobian
    return status


_compiled: list[Any] = []
_lock = threading.Lock()


def on_all_of_space(inner: CDensity, plan: np.ndarray, size: int) -> CDensity:
    """The density of x on all of space, from the density of theta of `size` numbers; the C function is compiled once and found on disk."""
    with _lock:
        if not _compiled:
            _compiled.append(c_function(_density_of_x, DENSITY))
    words = np.concatenate([np.array([inner.address, inner.user_data, size, plan.size], np.uint64), plan.view(np.uint64)])
    outer = CDensity(_compiled[0].address, words.ctypes.data, inner.has_gradient, (inner, words), inner.retry)
    outer.errors = inner.errors  # one store of exceptions, whichever pointer the kernel was given
    return outer
