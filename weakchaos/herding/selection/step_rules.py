"""Kernel herding, greedy minimisation of the discrepancy, and Frank-Wolfe steps with and without line search.

With mu the mean of the target and g_T = sum_t w_t k(x_t, .) that of the T points chosen so far,

    herding:      x_{T+1} = argmax mu(x) - (T / (T+1)) g_T(x),                         weights 1/T   (Chen, Welling, Smola, UAI 2010, arXiv:1203.3472)
    greedy:       x_{T+1} = argmin of the discrepancy of T + 1 points,                 weights 1/T
    Frank-Wolfe:  x_{T+1} = argmax mu(x) - g_T(x),  g_{T+1} = (1 - rho) g_T + rho k(x_{T+1}, .),  rho = 2/(T+2), or by line search

(Bach, Lacoste-Julien, Obozinski, ICML 2012, arXiv:1203.4523). Herding and greedy are the same where k(x, x) is constant. The discrepancy is only guaranteed
to fall like 1/sqrt(T); 1/T needs mu to lie in the interior of the hull of the k(x, .), which it does in no space of infinite dimension. Ties go to the
lowest index. One step costs one kernel column; the discrepancy is known from inner products that are at hand.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from weakchaos.herding.selection.problem import Problem, interrupted, progress_bar
from weakchaos.herding.selection.selected import Selection
from weakchaos.kernels.kernel_columns import BLOCK, fill_block
from weakchaos.native.vector_exp import sum_kernel

__all__ = ["STEP_RULES", "add_column", "by_step_rule", "largest"]

_HERDING, _GREEDY, _OPEN, _SEARCH = 0, 1, 2, 3
STEP_RULES = {"herding": _HERDING, "greedy": _GREEDY, "frank-wolfe": _OPEN, "line-search": _SEARCH}
_TAKEN = -1e300  # instead of -inf: the search for the largest value assumes finite numbers


@njit(nogil=True, error_model="numpy", fastmath={"nnan", "nsz", "contract"})
def _largest_of(values, n):
    best = values[0]
    for j in range(1, n):
        best = max(best, values[j])
    return best


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def largest(values):
    """The index of the largest of some numbers, the first of equals; NaN counts for nothing."""
    best, place = -math.inf, 0
    for start in range(0, values.size, BLOCK):
        block = values[start : min(start + BLOCK, values.size)]
        top = _largest_of(block, block.size)
        if top > best:
            best = top
            for j in range(block.size):
                if block[j] == top:
                    place = start + j
                    break
    return place


@sum_kernel
def _combine(g, keep, add, column, objective, factor, out, n):
    for j in range(n):
        v = keep * g[j] + add * column[j]
        g[j] = v
        out[j] = objective[j] - factor * v


@sum_kernel
def add_column(ops, params, points, chosen, keep, add, g, objective, factor, work, value):
    """``g = keep * g + add * k(x_chosen, .)`` over all candidates; the index of the largest ``objective - factor * g`` and that value.

    `work` has a row for each operation of the kernel, `value` is a float64 row, both of `BLOCK` columns.
    """
    n, dim = g.size, points.shape[1]
    x = np.empty(dim, points.dtype)
    for k in range(dim):
        x[k] = points[chosen // BLOCK, k, chosen % BLOCK]
    best, place, start = -math.inf, 0, 0
    while start < n:
        stop = min(start + BLOCK, n)
        fill_block(ops, params, x, points[start // BLOCK], 0, stop - start, work)
        _combine(g[start:stop], keep, add, work[0], objective[start:stop], factor, value, stop - start)
        top = _largest_of(value, stop - start)
        if top > best:
            best = top
            for j in range(stop - start):
                if value[j] == top:
                    place = start + j
                    break
        start = stop
    return place, best


@sum_kernel
def _steps(ops, params, points, mean, diagonal, double, rule, repeats, first, last, objective, g, known, indices, rates, mmd, gap):
    """Steps first ... last - 1. `known` holds the scale of g, <g, g>, <g, mu>, the next index, and its objective."""
    work, value = np.empty((ops.shape[0], BLOCK), points.dtype), np.empty(BLOCK)
    scale, norm, inner, chosen, best = known[0], known[1], known[2], int(known[3]), known[4]
    for t in range(first, last):
        if t == 0:
            for j in range(mean.size):
                objective[j] = mean[j] - (0.5 * diagonal[j] if rule == _GREEDY else 0.0)
            chosen = largest(objective)
            best = objective[chosen]
        at, own, mu = scale * g[chosen], diagonal[chosen], mean[chosen]
        gap[t] = best - inner + norm
        if rule <= _GREEDY:
            rho, keep, add = 1.0 / (t + 1.0), 1.0, 1.0
            scale = 1.0 / (t + 1.0)
        elif rule == _OPEN:
            rho, keep, add = 2.0 / (t + 2.0), 1.0, t + 1.0
            scale = 2.0 / ((t + 1.0) * (t + 2.0))
        else:
            length = norm - 2.0 * at + own
            rho = min(1.0, max(0.0, (mu - at - inner + norm) / length)) if t > 0 and length > 0.0 else 1.0
            keep, add, scale = 1.0 - rho, rho, 1.0
        norm = (1.0 - rho) ** 2 * norm + 2.0 * rho * (1.0 - rho) * at + rho * rho * own
        inner = (1.0 - rho) * inner + rho * mu
        indices[t], rates[t] = chosen, rho
        mmd[t] = math.sqrt(max(0.0, double - 2.0 * inner + norm))
        if not repeats:
            objective[chosen] = _TAKEN
        factor = scale
        if rule <= _GREEDY:
            factor = 1.0 / (t + 2.0)
            if rule == _GREEDY:  # the share of the diagonal falls with every point
                for j in range(mean.size):
                    if objective[j] > _TAKEN:
                        objective[j] = mean[j] - 0.5 * diagonal[j] * factor
        chosen, best = add_column(ops, params, points, chosen, keep, add, g, objective, factor, work, value)
    known[0], known[1], known[2], known[3], known[4] = scale, norm, inner, chosen, best


def by_step_rule(problem: Problem, size: int, method: str, options: dict[str, Any]) -> Selection:
    """Select `size` points by a rule of `STEP_RULES`."""
    rule, n = STEP_RULES[method], problem.n
    objective, g, known = problem.mean.copy(), np.zeros(n), np.zeros(5)
    known[0] = 1.0
    indices, rates, mmd, gap = np.empty(size, np.int64), np.empty(size), np.empty(size), np.empty(size)
    done, part = 0, problem.part()
    with progress_bar(problem.progress, size, method) as tick:
        try:
            while done < size:
                last = min(size, done + part)
                _steps(problem.ops, problem.params, problem.blocks, problem.mean, problem.diagonal, problem.double, rule, problem.repeats,
                       done, last, objective, g, known, indices, rates, mmd, gap)  # fmt: skip
                tick(last - done)
                done = last
        except KeyboardInterrupt:
            if not done:
                raise
            interrupted(done, size)
    indices, rates, mmd, gap = indices[:done], rates[:done], mmd[:done], gap[:done]
    weights = np.full(done, 1.0 / done) if rule <= _GREEDY else rates * np.append(np.cumprod((1.0 - rates)[:0:-1])[::-1], 1.0)
    return Selection(
        method,
        problem.x[indices],
        weights,
        indices,
        mmd,
        problem.evaluations + done * n,
        problem.kernel,
        gap if rule >= _OPEN else None,
    )
