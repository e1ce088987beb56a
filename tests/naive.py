"""Slow, plain versions of the samplers, written from the papers: what compiled kernels are compared with."""

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
