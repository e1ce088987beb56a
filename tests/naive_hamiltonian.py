"""Slow, plain versions of Hamiltonian samplers with local choices, written from the papers: what compiled kernels are compared with."""

import math

import numpy as np
from scipy.special import ndtri


def walnuts(logp, grad, x, uniforms, step_size, inverse_mass, n, max_error, max_halvings=10, max_depth=10):
    """WALNUTS by recursion over lists of points; (draws, [mean acceptance of whole steps, depth, most halvings, rough, irreversible, energy])."""
    u = iter(uniforms)
    x, v = np.array(x, float), np.asarray(inverse_mass, float)
    draws, told = [], []

    def energy(z):
        return 0.5 * float(np.sum(v * z[1] * z[1])) - logp(z[0])

    def path(z, length, level):
        """The points of ``2**level`` leapfrog steps from z, z included."""
        points, h = [z], length / 2**level
        for _ in range(2**level):
            q, p = points[-1]
            p = p + 0.5 * h * grad(q)
            q = q + h * v * p
            points.append((q, p + 0.5 * h * grad(q)))
        return points

    def spread(points):
        energies = [energy(z) for z in points]
        return max(energies) - min(energies) if np.isfinite(energies).all() else math.inf

    def level_of(z, length):
        """The first level that is fine enough; None where there is none, ("left", level) where three in a row leave the support before."""
        left = 0
        for k in range(max_halvings + 1):
            points = path(z, length, k)
            if spread(points) <= max_error:
                return k
            # Along the way the support is left only if the energy had not ranged too far before.
            far = next((t for t in range(1, len(points)) if not spread(points[: t + 1]) <= max_error), None)
            left = left + 1 if far is not None and logp(points[far][0]) == -math.inf else 0
            if left == 3:
                return "left", k
        return ("left", max_halvings + 1) if left else None

    def turned(points):
        rho = v * sum(p for _, p in points)
        return not (points[0][1] @ rho > 0 and points[-1][1] @ rho > 0)

    def parts_turned(left, right):
        return turned(left + right) or turned(left + right[:1]) or turned(left[-1:] + right)

    def tree(z, depth, sign, start, seen):
        """The 2**depth next points in the order of time, or None."""
        if depth == 0:
            seen["alphas"].append(math.exp(-spread(path(z, sign * step_size, 0))))
            level = level_of(z, sign * step_size)
            seen["levels"].append(max_halvings + 1 if level is None else level[1] if isinstance(level, tuple) else level)
            if level is None or isinstance(level, tuple):
                seen["rough"] = level is None
                return None
            end = path(z, sign * step_size, level)[-1]
            if level_of(end, -sign * step_size) != level:
                seen["irreversible"] = True
                return None
            weight = start - energy(end)
            first = seen["weight"] == -math.inf
            seen["weight"] = np.logaddexp(seen["weight"], weight)
            if first or next(u) < math.exp(weight - seen["weight"]):
                seen["chosen"] = end
            return [end]
        near = tree(z, depth - 1, sign, start, seen)
        far = None if near is None else tree(near[-1 if sign > 0 else 0], depth - 1, sign, start, seen)
        if far is None:
            return None
        left, right = (near, far) if sign > 0 else (far, near)
        return None if parts_turned(left, right) else left + right

    for _ in range(n):
        p = np.array([ndtri(next(u)) for _ in x]) / np.sqrt(v)
        start, points, weight, depth = energy((x, p)), [(x, p)], 0.0, 0
        chosen = (x, p)
        seen = {"alphas": [], "levels": [], "rough": False, "irreversible": False}
        while depth < max_depth:
            sign = 1 if next(u) < 0.5 else -1
            seen["weight"] = -math.inf
            new = tree(points[-1 if sign > 0 else 0], depth, sign, start, seen)
            if new is None:
                break
            depth += 1
            if next(u) < math.exp(min(0.0, seen["weight"] - weight)):
                chosen = seen["chosen"]
            weight = np.logaddexp(weight, seen["weight"])
            left, right = (points, new) if sign > 0 else (new, points)
            points = left + right
            if parts_turned(left, right):
                break
        x = chosen[0]
        draws.append(x)
        told.append([np.mean(seen["alphas"]), depth, max(seen["levels"]), seen["rough"], seen["irreversible"], energy(chosen)])
    return np.array(draws), np.array(told, float)
