"""Slow, plain versions of samplers and diagnostics, written from the papers: what compiled kernels are compared with."""

import itertools
import math

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
