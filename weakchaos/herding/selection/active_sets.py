"""Frank-Wolfe methods that move weight between the points they hold: away steps, pairwise and blended pairwise steps.

With h = mu - g, w the candidate of largest h, and a and s the points held of smallest and largest h,

    away:              towards w or away from a, whichever promises more (Guelat, Marcotte, Math. Program. 35 (1986) 110)
    pairwise:          weight moves from a to w (Lacoste-Julien, Jaggi, NeurIPS 2015, arXiv:1511.05932)
    blended pairwise:  weight moves from a to s where that promises at least as much as a step towards w, which is taken otherwise
                       (Tsuji, Tanaka, Pokutta, ICML 2022, arXiv:2110.12650)

each by exact line search. A selection holds at most `size` points: once there are as many, w is sought among them. It ends when no step
can lower the discrepancy further, up to rounding.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.herding.selection.problem import Problem, interrupted, progress_bar
from weakchaos.herding.selection.selected import Selection
from weakchaos.herding.selection.step_rules import add_column, largest
from weakchaos.kernels.kernel_columns import BLOCK, fill_block
from weakchaos.native.vector_exp import sum_kernel

__all__ = ["ACTIVE_SETS", "by_active_set"]

_AWAY, _PAIRWISE, _BLENDED = 0, 1, 2
ACTIVE_SETS = {"away": _AWAY, "pairwise": _PAIRWISE, "blended-pairwise": _BLENDED}
_ROUNDING = 1e-15  # of the double integral: promises below this are rounding


@sum_kernel
def _one_value(ops, params, points, i, j, work):
    x = np.empty(points.shape[1], points.dtype)
    for k in range(x.size):
        x[k] = points[i // BLOCK, k, i % BLOCK]
    place = j % BLOCK
    fill_block(ops, params, x, points[j // BLOCK], place, place + 1, work)
    return work[0, 0]


@sum_kernel
def _moves(ops, params, points, mean, diagonal, double, rule, size, first, last, g, held, weights, known, mmd, gap):
    """Steps first ... last - 1; `held` has the indices of the points that are held, `known` their number, <g, g>, <g, mu>, and columns made."""
    work, value = np.empty((ops.shape[0], BLOCK), points.dtype), np.empty(BLOCK)
    count, norm, inner = int(known[0]), known[1], known[2]
    difference = np.empty(mean.size)
    t = first
    while t < last:
        if count == 0:
            new = largest(mean)
            held[0], weights[0], count = new, 1.0, 1
            add_column(ops, params, points, new, 0.0, 1.0, g, mean, 1.0, work, value)
            known[3] += 1
            norm, inner = diagonal[new], mean[new]
            gap[t] = mean[new]
            t += 1
            continue
        low, high = 0, 0
        for i in range(count):
            h = mean[held[i]] - g[held[i]]
            if h < mean[held[low]] - g[held[low]]:
                low = i
            if h > mean[held[high]] - g[held[high]]:
                high = i
        a, s = held[low], held[high]
        for j in range(mean.size):
            difference[j] = mean[j] - g[j]
        w = largest(difference)
        middle = inner - norm  # <mu - g, g>
        gap[t] = difference[w] - middle
        if count >= size:
            w = s
        towards, away = mean[w] - g[w] - middle, middle - (mean[a] - g[a])
        local = mean[s] - g[s] - (mean[a] - g[a])
        mmd[t] = math.sqrt(max(0.0, double - 2.0 * inner + norm))
        if max(towards, local) <= _ROUNDING * (abs(double) + norm):
            known[4] = 1.0
            break
        pairwise = rule == _PAIRWISE or (rule == _BLENDED and local >= towards)
        if pairwise:
            into = s if rule == _BLENDED else w
            promise = mean[into] - g[into] - (mean[a] - g[a])
            length = diagonal[into] + diagonal[a] - 2.0 * _one_value(ops, params, points, into, a, work)
            limit = weights[low]
            rate = limit if length <= 0.0 else min(limit, promise / length)
            norm += 2.0 * rate * (g[into] - g[a]) + rate * rate * length
            inner += rate * (mean[into] - mean[a])
            add_column(ops, params, points, into, 1.0, rate, g, mean, 1.0, work, value)
            add_column(ops, params, points, a, 1.0, -rate, g, mean, 1.0, work, value)
            known[3] += 2
            weights[low] -= rate
            place = -1
            for i in range(count):
                if held[i] == into:
                    place = i
            if place < 0:
                held[count], weights[count] = into, rate
                count += 1
            else:
                weights[place] += rate
            dropped = rate >= limit
        elif rule == _AWAY and away > towards and count > 1:
            length = diagonal[a] - 2.0 * g[a] + norm
            limit = weights[low] / (1.0 - weights[low])
            rate = limit if length <= 0.0 else min(limit, away / length)
            norm = (1.0 + rate) ** 2 * norm - 2.0 * rate * (1.0 + rate) * g[a] + rate * rate * diagonal[a]
            inner = (1.0 + rate) * inner - rate * mean[a]
            add_column(ops, params, points, a, 1.0 + rate, -rate, g, mean, 1.0, work, value)
            known[3] += 1
            for i in range(count):
                weights[i] *= 1.0 + rate
            weights[low] -= rate
            dropped = rate >= limit
        else:
            length = diagonal[w] - 2.0 * g[w] + norm
            rate = 1.0 if length <= 0.0 else min(1.0, max(0.0, towards) / length)
            norm = (1.0 - rate) ** 2 * norm + 2.0 * rate * (1.0 - rate) * g[w] + rate * rate * diagonal[w]
            inner = (1.0 - rate) * inner + rate * mean[w]
            add_column(ops, params, points, w, 1.0 - rate, rate, g, mean, 1.0, work, value)
            known[3] += 1
            place = -1
            for i in range(count):
                weights[i] *= 1.0 - rate
                if held[i] == w:
                    place = i
            if place < 0:
                held[count], weights[count] = w, rate
                count += 1
            else:
                weights[place] += rate
            dropped = False
            if rate >= 1.0:
                held[0], weights[0], count = w, 1.0, 1
        if dropped:
            for i in range(low, count - 1):
                held[i], weights[i] = held[i + 1], weights[i + 1]
            count -= 1
        t += 1
    mmd[t] = math.sqrt(max(0.0, double - 2.0 * inner + norm))
    known[0], known[1], known[2] = count, norm, inner
    return t


def by_active_set(problem: Problem, size: int, method: str, options: dict[str, Any]) -> Selection:
    """Select at most `size` points by a method of `ACTIVE_SETS`, in at most ``options["steps"]`` steps (by default 100 for each point, and 5000 at least)."""
    most = whole_number("steps", options.get("steps", max(5000, 100 * size)), 1)
    g, held, weights, known = np.zeros(problem.n), np.zeros(size + 1, np.int64), np.zeros(size + 1), np.zeros(5)
    mmd, gap = np.empty(most + 1), np.empty(most)  # before each step, and after the last
    done, part = 0, problem.part(2)
    with progress_bar(problem.progress, most, method) as tick:
        try:
            while done < most and not known[4]:
                last = min(most, done + part)
                before = done
                done = _moves(problem.ops, problem.params, problem.blocks, problem.mean, problem.diagonal, problem.double, ACTIVE_SETS[method],
                              size, done, last, g, held, weights, known, mmd, gap)  # fmt: skip
                tick(done - before)
        except KeyboardInterrupt:
            if not done:
                raise
            interrupted(int(known[0]), size)
    count = int(known[0])
    indices, w = held[:count].copy(), weights[:count] / weights[:count].sum()
    details = {"steps": done, "converged": bool(known[4])}
    mmd, evaluations = mmd[1 : done + 1], problem.evaluations + int(known[3]) * problem.n
    return Selection(method, problem.x[indices], w, indices, mmd, evaluations, problem.kernel, gap[:done], details=details)
