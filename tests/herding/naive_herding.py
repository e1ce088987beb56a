"""Slow, plain versions of herding, and of the choice of points: what compiled kernels are compared with."""

import itertools
import math
from fractions import Fraction

import numpy as np

from tests.naive import conditional, joint_conditional


def herd(weights, p):
    """One choice by the sum of some weights, each of which is charged: lists of one number a state."""
    if len(p) == 2:
        chosen = 1 if p[1] >= 1 or (p[1] > 0 and sum(w[1] for w in weights) > 0) else 0
    else:
        value = [sum(w[k] for w in weights) for k in range(len(p))]
        chosen = max((k for k in range(len(p)) if p[k] > 0), key=lambda k: (value[k], -k))
    for w in weights:
        for k in range(len(p)):
            w[k] += p[k] - (k == chosen)
    return chosen


def herded_gibbs(target, x, sweeps, *keys):
    """Zero first weights; each ``key(i, x, p)`` says which weight a visit uses. Returns states, and the visit records of the first key."""
    x, out, weights, record = np.array(x), [], {}, {}
    units = [i for i in range(target.dim) if i not in target.observed]
    for _ in range(sweeps):
        for i in units:
            p = conditional(target, x, i)
            names = [(level, i, key(i, x, p)) for level, key in enumerate(keys)]
            x[i] = herd([weights.setdefault(name, [0.0] * len(p)) for name in names], p)
            counts, sums = record.setdefault(names[0][1:], ([0] * len(p), [0.0] * len(p)))
            counts[x[i]] += 1
            for k in range(len(p)):
                sums[k] += p[k]
        out.append(x.copy())
    return np.array(out), record


def herded_blocks(target, x, sweeps, blocks, *keys):
    """The same for blocks of units, whose joint states are numbered with the last unit fastest."""
    x, out, weights = np.array(x), [], {}
    for _ in range(sweeps):
        for block in blocks:
            states, p = joint_conditional(target, x, block)
            names = [(level, block, key(block, x, p)) for level, key in enumerate(keys)]
            x[list(block)] = states[herd([weights.setdefault(name, [0.0] * len(p)) for name in names], p)]
        out.append(x.copy())
    return np.array(out)


def herding(features, moments, w, steps):
    w, chosen = np.array(w, float), []
    for _ in range(steps):
        scores = [sum(a * b for a, b in zip(w, row, strict=True)) for row in features]
        s = scores.index(max(scores))
        w = w + moments - features[s]
        chosen.append(s)
    return np.array(chosen), w


def herding_fractions(features, moments, w, steps):
    """Herding in Python's fractions; chosen states, and the weights after each step."""
    w, chosen, path = list(w), [], []
    for _ in range(steps):
        scores = [sum(a * b for a, b in zip(w, row, strict=True)) for row in features]
        s = scores.index(max(scores))
        w = [a + m - f for a, m, f in zip(w, moments, features[s], strict=True)]
        chosen.append(s)
        path.append(tuple(w))
    return chosen, path


def spin_score(s, w, edges):
    n = len(s)
    return sum(w[i] * s[i] for i in range(n)) + sum(w[n + e] * s[i] * s[j] for e, (i, j) in enumerate(edges))


def turned(s, i):
    return [-v if k == i else v for k, v in enumerate(s)]


def iterated_modes(s, w, edges):
    """Spins in turn, each set to whichever value scores more, kept on a tie, until a sweep changes none."""
    s, before = list(s), None
    while s != before:
        before = list(s)
        for i in range(len(s)):
            if spin_score(turned(s, i), w, edges) > spin_score(s, w, edges) + 1e-9:
                s = turned(s, i)
    return s


def tabu_search(s, w, edges, patience, tenure):
    s = iterated_modes(s, w, edges)
    best, value, idle, turn = s, spin_score(s, w, edges), 0, 0
    allowed_from = [0] * len(s)
    while idle < patience:
        turn += 1
        options = [(spin_score(turned(s, i), w, edges), -i) for i in range(len(s))]
        options = [o for o in options if turn >= allowed_from[-o[1]] or o[0] > value + 1e-9]
        if not options:
            break
        score, i = max(options)
        s = turned(s, -i)
        allowed_from[-i] = turn + tenure + 1
        idle += 1
        if score > value + 1e-9:
            best, value, idle = s, score, 0
    return best


def spin_herding(search, means, correlations, edges, w, s, steps):
    """Herding of spins with a given search ``search(s, w, edges) -> s``; all states, and the number of steps without certificate."""
    w, moments, path, broken = np.array(w, float), np.concatenate([means, correlations]), [], 0
    for _ in range(steps):
        s = search(s, w, edges)
        phi = np.array([*s, *(s[i] * s[j] for i, j in edges)], float)
        broken += w @ (moments - phi) > 1e-9
        w = w + moments - phi
        path.append(list(s))
    return np.array(path), broken


def hull_distance(points, m):
    """The largest deviation from `m`, in units of each coordinate's range, of the nearest point of the hull: one linear program."""
    from scipy.optimize import linprog

    n = len(points)
    r = np.ptp(points, axis=0)[:, None]
    found = linprog(
        [0.0] * n + [1.0],
        A_ub=np.block([[points.T, -r], [-points.T, -r]]),
        b_ub=np.concatenate([m, -m]),
        A_eq=[[1.0] * n + [0.0]],
        b_eq=[1.0],
    )
    return found.fun


def rotor_walk(p, x, steps, rule):
    """The states after `x`. Credits are worked out from counts at every step; a list of successors is one period of Tijdeman's order."""
    n = len(p)
    counts = [[0] * n for _ in range(n)]
    lists = {}

    def choose(rule, row, split):
        time = sum(split) + 1
        credit = {y: time * row[y] - split[y] for y in range(n) if row[y] > 0}
        if rule == "credit" or len(credit) == 1:
            return max(credit, key=lambda y: (credit[y], -y))
        k = len(credit)
        least = Fraction(1, 2 * k - 2)
        due = {y: (1 - least - c) / row[y] for y, c in credit.items() if c >= least}
        return min(due, key=lambda y: (due[y], y))

    path = []
    for _ in range(steps):
        if rule == "rotor":
            if x not in lists:
                period, split = math.lcm(*(v.denominator for v in p[x])), [0] * n
                lists[x] = []
                for _ in range(period):
                    y = choose("stack", p[x], split)
                    split[y] += 1
                    lists[x].append(y)
            y = lists[x][sum(counts[x]) % len(lists[x])]
        else:
            y = choose(rule, p[x], counts[x])
        counts[x][y] += 1
        x = y
        path.append(x)
    return path


def largest_splits(p, path):
    """For each state the largest |N_xy - T_x P(x, y)| over y and over all times, and at the end."""
    n = len(p)
    counts, worst, last = np.zeros((n, n)), np.zeros(n), np.zeros(n)
    for x, y in itertools.pairwise(path):
        counts[x, y] += 1
        last[x] = np.abs(counts[x] - counts[x].sum() * p[x]).max()
        worst[x] = max(worst[x], last[x])
    return worst, last


def stein_kernel(x, y, sx, sy, matrix):
    """The Langevin Stein kernel of (1 + (x - y)' G (x - y))**-1/2, from derivatives of the base kernel written out one by one."""
    d = x - y
    q = 1 + d @ matrix @ d
    g = matrix @ d
    base = q**-0.5
    slope_x, slope_y = -g * q**-1.5, g * q**-1.5
    mixed = sum(matrix[k, k] * q**-1.5 - 3 * g[k] * g[k] * q**-2.5 for k in range(len(d)))
    return mixed + slope_x @ sy + slope_y @ sx + base * (sx @ sy)


def stein_thinning(k0, size, added=0.0, penalty=0.0):
    """Indices by the greedy rule, from the matrix of the Stein kernel."""
    chosen = []
    for t in range(size):
        objective = np.diag(k0) + added + 2 * k0[:, chosen].sum(1) - (t + 1) * penalty
        chosen.append(int(np.argmin(objective)))
    return np.array(chosen)


def halve(k, uniforms, width):
    """Signs of kernel halving of consecutive pairs, from the kernel matrix."""
    signs, square = np.zeros(len(k)), 0.0
    for p in range(len(k) // 2):
        i, j = 2 * p, 2 * p + 1
        b2 = k[i, i] + k[j, j] - 2 * k[i, j]
        alpha = signs @ (k[:, i] - k[:, j])
        a = max(math.sqrt(b2 * square) * width, b2)
        chance = 0.5 if a <= 0 else min(1.0, max(0.0, 0.5 * (1 - alpha / a)))
        if a > 0:
            square += b2 * max(0.0, 1 + (b2 - 2 * a) * square / a**2)
        signs[i] = 1.0 if uniforms[p] < chance else -1.0
        signs[j] = -signs[i]
    return signs


def exchange_once(k, mean, chosen):
    """One pass over all places: each gets the candidate under which the discrepancy is least."""
    chosen = list(chosen)

    def square(rows):
        return k[np.ix_(rows, rows)].mean() - 2 * mean[rows].mean()

    for place in range(len(chosen)):
        options = [square([*chosen[:place], z, *chosen[place + 1 :]]) for z in range(len(k))]
        if min(options) < square(chosen) - 1e-14:
            chosen[place] = int(np.argmin(options))
    return np.array(chosen)
