"""Slow, plain versions of herding with hidden units, conditional herding, the voted perceptron and entropic herding."""

import itertools
import math

import numpy as np
from scipy.optimize import minimize_scalar


def hidden_step(x, p, w, a, theta, first=None):
    """One step of herding with hidden units in {-1, +1}; begun at the best data point, or at `first`. (s, z, certificate, new weights)"""

    def score(s, z):
        return s @ w @ z + a @ s + theta @ z

    def best_z(s):
        return np.where(s @ w + theta > 0, 1.0, -1.0)

    zs = [best_z(row) for row in x]
    scores = [score(row, z) for row, z in zip(x, zs, strict=True)]
    s = x[int(np.argmax(scores))] if first is None else first
    z, before = best_z(s), -math.inf
    while score(s, z) > before + 1e-9:
        before = score(s, z)
        s = np.where(w @ z + a > 0, 1.0, -1.0)
        z = best_z(s)
    certificate = float(np.dot(p, scores)) - score(s, z)
    w = w + sum(q * np.outer(row, h) for q, row, h in zip(p, x, zs, strict=True)) - np.outer(s, z)
    a = a + p @ x - s
    theta = theta + sum(q * h for q, h in zip(p, zs, strict=True)) - z
    return s, z, certificate, (w, a, theta)


def best_state(w, a, theta):
    """The highest score over all visible and hidden states, by enumeration."""
    hidden = np.array(list(itertools.product((-1.0, 1.0), repeat=len(theta))))
    visible = np.array(list(itertools.product((-1.0, 1.0), repeat=len(a))))
    return max(float(a @ s + (hidden @ (s @ w + theta)).max()) for s in visible)


def entropic_finite(features, moments, entropy_weight, step, a, steps):
    """Entropic herding in the variables of the paper; distributions r_t, one row a step, and the last a. `step(t)` is epsilon at step t = 1, 2, ..."""
    rows = []
    for t in range(1, steps + 1):
        scores = features @ a
        if entropy_weight == 0:
            r = np.eye(len(scores))[int(np.argmin(scores))]
        else:
            r = np.exp(-(scores - scores.min()) / entropy_weight)
            r /= r.sum()
        a = (1 - step(t)) * a + step(t) * (r @ features - moments)
        rows.append(r)
    return np.array(rows), a


def product_entropy(q):
    return -sum(v * math.log(v) for p in q for v in (p, 1 - p) if v > 0)


def unit_objective(edges, a, entropy_weight, q):
    """<a, eta(q)> - lambda H(q) of a product of distributions of spins with P(s_i = 1) = q_i."""
    n, u = len(q), [2 * p - 1 for p in q]
    value = sum(a[i] * u[i] for i in range(n)) + sum(a[n + e] * u[i] * u[j] for e, (i, j) in enumerate(edges))
    return value - entropy_weight * product_entropy(q)


def entropic_bernoulli(edges, moments, entropy_weight, epsilon, a, q, steps, sweeps):
    """Each coordinate by bounded numerical minimisation."""
    q, rows = list(q), []
    for _ in range(steps):
        for _ in range(sweeps):
            for i in range(len(q)):

                def along(value, i=i, a=a):
                    return unit_objective(edges, a, entropy_weight, [*q[:i], value, *q[i + 1 :]])

                q[i] = minimize_scalar(along, bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-11}).x
        u = [2 * p - 1 for p in q]
        eta = np.array(u + [u[i] * u[j] for i, j in edges])
        a = (1 - epsilon) * a + epsilon * (eta - moments)
        rows.append(list(q))
    return np.array(rows), a


NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(8)


def normal_moments(mean, sd):
    """E u^e for e = 0 .. 4 by Gauss-Hermite quadrature."""
    return WEIGHTS @ (mean + sd * NODES)[:, None] ** np.arange(5) / math.sqrt(2 * math.pi)


def gaussian_objective(exponents, a, entropy_weight, mean, sd):
    """<a, eta(q)> - lambda H(q) of a product of normals."""
    eta = np.prod([normal_moments(m, s)[e] for m, s, e in zip(mean, sd, exponents.T, strict=True)], axis=0)
    return float(np.dot(a, eta)) - entropy_weight * sum(0.5 * math.log(2 * math.pi * math.e * s * s) for s in sd)


def best_normal(exponents, a, entropy_weight, mean, sd, low, high, sweeps):
    """Coordinate by coordinate on grids of means, refined; then each standard deviation, likewise."""
    mean, sd = list(mean), list(sd)
    for _ in range(sweeps):
        for k in range(len(mean)):

            def of_mean(m, k=k):
                return gaussian_objective(exponents, a, entropy_weight, [*mean[:k], m, *mean[k + 1 :]], sd)

            def of_sd(s, k=k):
                return gaussian_objective(exponents, a, entropy_weight, mean, [*sd[:k], s, *sd[k + 1 :]])

            mean[k] = least(of_mean, low[k], high[k])
            sd[k] = least(of_sd, 1e-4, 0.5 * (high[k] - low[k]))
    return mean, sd


def least(f, low, high):
    """Where a function of one variable is least on an interval: a grid, then a search around its best node."""
    grid = np.linspace(low, high, 101)
    k = int(np.argmin([f(v) for v in grid]))
    found = minimize_scalar(f, bounds=(grid[max(k - 1, 0)], grid[min(k + 1, 100)]), method="bounded", options={"xatol": 1e-10}).x
    return min((found, low, high), key=f)


def class_scores(x, weights):
    """Scores of all classes of one point, by enumeration of the hidden states where there are few; (scores, hidden states)."""
    w, b, theta, a, alpha = weights
    scores, states = [], []
    for c in range(len(alpha)):
        linear = alpha[c] + (x @ a[:, c] if a.size else 0.0)
        best = max(itertools.product((-1.0, 1.0), repeat=len(theta)), key=lambda z: float(np.dot(x @ w + b[c] + theta, z)))
        scores.append(float(np.dot(x @ w + b[c] + theta, best)) + linear)
        states.append(np.array(best))
    return scores, states


def conditional_step(xs, ys, weights, eta):
    """One step of conditional herding on a batch; (errors, <w, v>, new weights)."""
    changes = [np.zeros_like(v) for v in weights]
    errors, certificate = 0, 0.0
    for x, y in zip(xs, ys, strict=True):
        scores, states = class_scores(x, weights)
        star = scores.index(max(scores))
        errors += star != y
        certificate += scores[y] - scores[star]
        for c, z, sign in ((y, states[y], 1.0), (star, states[star], -1.0)):
            changes[0] += sign * np.outer(x, z)
            changes[1][c] += sign * z
            changes[2] += sign * z
            if changes[3].size:
                changes[3][:, c] += sign * x
            changes[4][c] += sign
    new = tuple(v + eta / len(xs) * d for v, d in zip(weights, changes, strict=True))
    return errors, eta / len(xs) * certificate, new


def voted_perceptron(x, y, orders, classes, new):
    """Freund and Schapire's algorithm with a weight vector a class, kept in full; shares of votes on the points `new`."""
    w = np.zeros((classes, x.shape[1]))
    vectors = []
    for order in orders:
        errors = 0
        for i in order:
            star = int(np.argmax(w @ x[i]))
            if star != y[i]:
                w = w.copy()
                w[y[i]] += x[i]
                w[star] -= x[i]
                vectors.append([w, 0])
                errors += 1
            if vectors:
                vectors[-1][1] += 1
        if errors == 0:
            break
    votes = np.zeros((len(new), classes))
    for vector, lifetime in vectors:
        for k, point in enumerate(new):
            votes[k, int(np.argmax(vector @ point))] += lifetime
    return votes / votes.sum(1, keepdims=True)
