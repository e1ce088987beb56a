"""Slow, plain versions of samplers and diagnostics, written from the papers: what compiled kernels are compared with."""

import itertools
import math
from fractions import Fraction

import numpy as np
from scipy.special import ndtri


def random_walk(logp, x, uniforms, scale, n, accept=True):
    """Random-walk Metropolis; (draws, log densities, accepted or not). Without `accept` every proposal is taken: a wrong sampler."""
    u = iter(uniforms)
    x, current = np.array(x, float), logp(x)
    draws, logps, accepted = [], [], []
    for _ in range(n):
        proposal = x + scale * np.array([ndtri(next(u)) for _ in x])
        value, chance = logp(proposal), next(u)
        taken = value > -math.inf and not math.isnan(value) and (not accept or chance < math.exp(min(0.0, value - current)))
        if taken:
            x, current = proposal, value
        draws.append(x)
        logps.append(current)
        accepted.append(taken)
    return np.array(draws), np.array(logps), np.array(accepted)


def hmc(logp, grad, x, uniforms, step_size, n_leapfrog, inverse_mass, n, accept=True):
    """Hamiltonian Monte Carlo with two half kicks a step; (draws, log densities, acceptance probabilities, energy errors)."""
    u = iter(uniforms)
    x, inverse_mass = np.array(x, float), np.asarray(inverse_mass, float)

    def energy(q, p):
        return 0.5 * float(np.sum(inverse_mass * p * p)) - logp(q)

    rows = []
    for _ in range(n):
        p = np.array([ndtri(next(u)) for _ in x]) / np.sqrt(inverse_mass)
        chance, start, q = next(u), energy(x, p), x.copy()
        for _ in range(n_leapfrog):
            p = p + 0.5 * step_size * grad(q)
            q = q + step_size * inverse_mass * p
            p = p + 0.5 * step_size * grad(q)
        error = energy(q, p) - start
        probability = math.exp(min(0.0, -error))
        if not accept or chance < probability:
            x = q
        rows.append((x, logp(x), probability, error))
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def nuts(logp, grad, x, uniforms, step_size, inverse_mass, n, max_depth=10, wrong=None):
    """Multinomial NUTS by recursion over lists of points; (draws, [acceptance, leapfrog steps, depth, diverged, energy, energy error]).

    `wrong` makes a sampler that is not exact: "weights" takes the points of a trajectory as equally likely, "turns" leaves out the checks of
    halves, so that a trajectory may depend on which of its points it was started from.
    """
    u = iter(uniforms)
    x, v = np.array(x, float), np.asarray(inverse_mass, float)
    draws, stats = [], []

    def energy(q, p):
        return 0.5 * float(np.sum(v * p * p)) - logp(q)

    def turned(points):
        rho = v * sum(p for _, p in points)
        return not (points[0][1] @ rho > 0 and points[-1][1] @ rho > 0)

    def parts_turned(left, right):
        return turned(left + right) or turned(left + right[:1]) or turned(left[-1:] + right)

    def tree(q, p, depth, sign, start, seen):
        """The 2**depth next points in the order of time, or None; `seen` collects the new half: [log weight, proposal, alphas, diverged]."""
        if depth == 0:
            p = p + 0.5 * sign * step_size * grad(q)
            q = q + sign * step_size * v * p
            p = p + 0.5 * sign * step_size * grad(q)
            error = energy(q, p) - start
            seen[2].append(math.exp(min(0.0, -error)) if error < 1000 else 0.0)
            if not error < 1000:
                seen[3] = True
                return None
            weight = 0.0 if wrong == "weights" else -error
            first = seen[0] == -math.inf
            seen[0] = np.logaddexp(seen[0], weight)
            if first or next(u) < math.exp(weight - seen[0]):
                seen[1] = (q, p)
            return [(q, p)]
        near = tree(q, p, depth - 1, sign, start, seen)
        far = None if near is None else tree(*near[-1 if sign > 0 else 0], depth - 1, sign, start, seen)
        if far is None:
            return None
        left, right = (near, far) if sign > 0 else (far, near)
        return None if wrong != "turns" and parts_turned(left, right) else left + right

    for _ in range(n):
        p = np.array([ndtri(next(u)) for _ in x]) / np.sqrt(v)
        start, points, weight, depth, alphas = energy(x, p), [(x, p)], 0.0, 0, []
        chosen, diverged = (x, p), False
        while depth < max_depth:
            sign = 1 if next(u) < 0.5 else -1
            seen = [-math.inf, None, alphas, False]
            new = tree(*points[-1 if sign > 0 else 0], depth, sign, start, seen)
            diverged = seen[3]
            if new is None:
                break
            depth += 1
            if next(u) < math.exp(min(0.0, seen[0] - weight)):
                chosen = seen[1]
            weight = np.logaddexp(weight, seen[0])
            left, right = (points, new) if sign > 0 else (new, points)
            points = left + right
            if parts_turned(left, right):
                break
        x = chosen[0]
        draws.append(x)
        stats.append([np.mean(alphas), len(alphas), depth, diverged, energy(*chosen), energy(*chosen) - start])
    return np.array(draws), np.array(stats, float)


def conditional(target, x, i):
    """P(x_i = k | others), from the joint log probability alone."""
    logs = []
    for k in range(int(target.cardinalities[i])):
        y = np.array(x)
        y[i] = k
        logs.append(float(target.log_prob(y)))
    top = max(logs)
    weights = [math.exp(v - top) for v in logs]
    return [w / sum(weights) for w in weights]


def pick(u, p):
    total = 0.0
    for k, q in enumerate(p):
        total += q
        if u < total and q > 0:
            return k
    return max(k for k, q in enumerate(p) if q > 0)


def gibbs(target, x, uniforms, sweeps, order=None):
    x, out = np.array(x), []
    units = [i for i in range(target.dim) if i not in target.observed]
    for _ in range(sweeps):
        for i in units if order is None else order:
            x[i] = pick(next(uniforms), conditional(target, x, i))
        out.append(x.copy())
    return np.array(out)


def random_scan_gibbs(target, x, uniforms, sweeps):
    x, out = np.array(x), []
    for _ in range(sweeps):
        for _ in range(target.dim):
            i = int(next(uniforms) * target.dim)
            x[i] = pick(next(uniforms), conditional(target, x, i))
        out.append(x.copy())
    return np.array(out)


def joint_conditional(target, x, block):
    """Joint states of a block and their probabilities given the others."""
    states = list(itertools.product(*(range(int(target.cardinalities[i])) for i in block)))
    logs = []
    for state in states:
        y = x.copy()
        y[list(block)] = state
        logs.append(float(target.log_prob(y)))
    weights = [math.exp(v - max(logs)) for v in logs]
    return states, [w / sum(weights) for w in weights]


def block_gibbs(target, x, uniforms, sweeps, blocks):
    x, out = np.array(x), []
    for _ in range(sweeps):
        for block in blocks:
            states, p = joint_conditional(target, x, block)
            x[list(block)] = states[pick(next(uniforms), p)]
        out.append(x.copy())
    return np.array(out)


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


def gibbs_events(target, x, place, speeds, time, steps):
    """Units that move through cells of length 1 at speed / P(x_i | others); states after each `time`, and states after each event."""
    x, place, draws, passed = list(x), list(place), [], []
    free = [i for i in range(target.dim) if i not in target.observed]
    for _ in range(steps):
        left = time
        while True:
            pace = {i: speeds[i] / conditional(target, x, i)[x[i]] for i in free}
            waits = {i: (1 - place[i]) / pace[i] for i in free}
            first = min(free, key=lambda i: (waits[i], i))
            until = min(left, waits[first])
            for i in free:
                place[i] += until * pace[i]
            left -= until
            if waits[first] > until:
                break
            p = conditional(target, x, first)
            while True:
                x[first] = (x[first] + 1) % len(p)
                if p[x[first]] > 0:
                    break
            place[first] = 0.0
            passed.append(list(x))
        draws.append(list(x))
    return np.array(draws), np.array(passed)


def words(symbols, length):
    return {tuple(symbols[i : i + length]) for i in range(len(symbols) - length + 1)}


def block_entropy(symbols, length):
    counts = {}
    for i in range(len(symbols) - length + 1):
        word = tuple(symbols[i : i + length])
        counts[word] = counts.get(word, 0) + 1
    n = sum(counts.values())
    return -sum(c / n * math.log(c / n) for c in counts.values())


def cycle(step, start):
    """(preperiod, period) of a map on hashable states."""
    seen, state, t = {}, start, 0
    while state not in seen:
        seen[state] = t
        state, t = step(state), t + 1
    return seen[state], t - seen[state]


def _bonds(edges, x, u):
    """Couplings (i, j, gap) that are satisfied and drawn; a negative gap likes different states."""
    return [(i, j) for i, j, gap in edges if (x[i] == x[j]) == (gap > 0) and next(u) < 1 - math.exp(-abs(gap))]


def swendsen_wang(edges, fields, q, x, uniforms, n):
    """Cluster sampling; clusters are found by merging sets and met in the order of their smallest unit."""
    u, x, draws = iter(uniforms), list(x), []
    free = not np.any(fields)
    for _ in range(n):
        cluster = [{i} for i in range(len(x))]
        for i, j in _bonds(edges, x, u):
            if cluster[i] is not cluster[j]:
                merged = cluster[i] | cluster[j]
                for k in merged:
                    cluster[k] = merged
        new = list(x)
        for i in range(len(x)):
            if i == min(cluster[i]):
                weights = [1.0 if free else math.exp(sum(fields[k][(x[k] + s) % q] for k in cluster[i])) for s in range(q)]
                chance, shift = next(u) * sum(weights), 0
                while shift < q - 1 and chance >= sum(weights[: shift + 1]):
                    shift += 1
                for k in cluster[i]:
                    new[k] = (x[k] + shift) % q
        x = new
        draws.append(list(x))
    return np.array(draws)


def wolff(edges, fields, q, x, uniforms, n, clusters=1):
    """Single clusters, grown breadth first; couplings of a unit in the order of the edges, as first end and then as second."""
    u, x, draws = iter(uniforms), list(x), []
    around = {i: [(b, g) for a, b, g in edges if a == i] + [(a, g) for a, b, g in edges if b == i] for i in range(len(x))}
    for _ in range(n):
        for _ in range(clusters):
            seed = int(next(u) * len(x))
            shift = 1 if q == 2 else 1 + int(next(u) * (q - 1))
            grown, place = [seed], 0
            while place < len(grown):
                i = grown[place]
                place += 1
                for j, gap in around[i]:
                    if j not in grown and (x[i] == x[j]) == (gap > 0) and next(u) < 1 - math.exp(-abs(gap)):
                        grown.append(j)
            gain = sum(fields[k][(x[k] + shift) % q] - fields[k][x[k]] for k in grown)
            if gain >= 0 or next(u) < math.exp(gain):
                for k in grown:
                    x[k] = (x[k] + shift) % q
        draws.append(list(x))
    return np.array(draws)


def billiard(target, x, y, rates, interval, steps):
    """The chaotic Boltzmann machine with all units moved at each event; (states, positions) after each step, and the shares of time of each step.

    ``y`` is the share of its way a unit has made through its state; rates are one a unit, and every unit moves.
    """
    x, y = [int(v) for v in x], [float(v) for v in y]
    units = range(len(x))
    states, positions, shares = [], [], []
    for _ in range(steps):
        left, spent = interval, [[0.0] * int(k) for k in target.cardinalities]
        while True:
            speed = [rates[i] / conditional(target, x, i)[x[i]] for i in units]
            wait, first = min(((1.0 - y[i]) / speed[i], i) for i in units)
            move = min(wait, left)
            for i in units:
                y[i] += move * speed[i]
                spent[i][x[i]] += move / interval
            left -= move
            if wait > move or left <= 0.0:
                break
            p = conditional(target, x, first)
            x[first] = (x[first] + 1) % len(p)
            while p[x[first]] == 0.0:
                x[first] = (x[first] + 1) % len(p)
            y[first] = 0.0
        states.append(list(x))
        positions.append(list(y))
        shares.append([share for row in spent for share in row])
    return np.array(states), np.array(positions), np.array(shares)


def stein_feature(phi, score, x, step=1e-4):
    """Laplacian of `phi` plus <grad phi, score> at `x`, by central differences."""
    x, d = np.asarray(x, float), len(x)
    slope, bend = np.empty(d), 0.0
    for k in range(d):
        e = np.zeros(d)
        e[k] = step
        slope[k] = (phi(x + e) - phi(x - e)) / (2 * step)
        bend += (phi(x + e) - 2 * phi(x) + phi(x - e)) / step**2
    return bend + slope @ score(x)


def cross_fit_residuals(values, features, folds, ridge):
    """f - psi beta, the beta of each fold by least squares with an intercept on the others, a ridge on features of unit variance."""
    out = np.empty_like(values)
    for fold in np.unique(folds):
        train = folds != fold
        psi, f = features[train] - features[train].mean(0), values[train] - values[train].mean(0)
        size = psi.std(0)
        scaled = psi / size
        beta = np.linalg.solve(scaled.T @ scaled / len(f) + ridge * np.eye(psi.shape[1]), scaled.T @ f / len(f)) / size[:, None]
        out[~train] = values[~train] - features[~train] @ beta
    return out


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
