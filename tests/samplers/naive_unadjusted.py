"""Slow versions of the microcanonical and thermostatted samplers in other words: hyperbolic turns, whole arrays of chains at once."""

import numpy as np
from scipy.special import ndtri

LAMBDA = 0.1931833275037836


def turn(u, g, time, mass):
    """Robnik et al. (2023), equation (15), in hyperbolic functions; rows are chains. Velocities and the gain of kinetic energy."""
    length = np.linalg.norm(g, axis=1, keepdims=True)
    e = g / length
    delta, along = time * length / mass, (u * e).sum(1, keepdims=True)
    stretch = np.cosh(delta) + along * np.sinh(delta)
    return (u + e * (np.sinh(delta) + along * (np.cosh(delta) - 1))) / stretch, mass * np.log(stretch[:, 0])


def isokinetic(gradient, x, u, step, scale, mass, minimal=False):
    gained = 0.0
    kicks, drifts = ([LAMBDA, 1 - 2 * LAMBDA, LAMBDA], [0.5, 0.5]) if minimal else ([0.5, 0.5], [1.0])
    for k, part in enumerate(kicks):
        u, more = turn(u, scale * gradient(x), part * step, mass)
        gained = gained + more
        if k < len(drifts):
            x = x + drifts[k] * step * scale * u
    return x, u, gained


def unit(u):
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def mclmc(logp, gradient, x, u, uniforms, step, length, scale, n, wrong=None):
    """Draws of shape (n, chains, dim) and errors of the energy; `uniforms` of shape (n, chains, dim)."""
    d, out, errors = x.shape[1], [], []
    u = unit(u)
    for t in range(n):
        y, u, gained = isokinetic(gradient, x, u, step, scale, d if wrong == "mass" else d - 1, True)
        errors.append(gained + logp(x) - logp(y))
        x = y
        if wrong != "no noise" and np.isfinite(length):
            u = unit(u + np.sqrt((np.exp(2 * step / length) - 1) / d) * ndtri(uniforms[t]))
        out.append(x)
    return np.array(out), np.array(errors)


def mams(logp, gradient, x, uniforms, step, length, scale, n, wrong=None):
    """Draws and errors; `uniforms` of shape (n, chains, dim + 2). All chains make as many steps as the first."""
    d, out, errors = x.shape[1], [], []
    u = unit(ndtri(uniforms[0, :, :d]))
    for t in range(n):
        if wrong != "not refreshed":
            u = unit(ndtri(uniforms[t, :, :d]))
        y, w, gained = x, u, 0.0
        for _ in range(1 + int(uniforms[t, 0, d] * int(max(1, 2 * length / step - 1)))):
            y, w, more = isokinetic(gradient, y, w, step, scale, d - 1)
            gained = gained + more
        error = (0.0 if wrong == "no Jacobian" else gained) + logp(x) - logp(y)
        accept = np.exp(np.minimum(0, error if wrong == "flipped" else -error))
        taken = (uniforms[t, :, d + 1] < accept)[:, None]
        x, u = np.where(taken, y, x), np.where(taken, w, -u)
        out.append(x)
        errors.append(error)
    return np.array(out), np.array(errors)


def esh(logp, gradient, x, u, step, scale, n, wrong=None):
    """Draws, logarithms of the weights and errors."""
    d, out, logs, errors = x.shape[1], [], [], []
    u, start = unit(u), x
    for _ in range(n):
        y, u, gained = isokinetic(gradient, x, u, step, scale, d)
        errors.append(gained + logp(x) - logp(y))
        x = y
        out.append(x)
        logs.append((logp(x) - logp(start)) / d)
    return np.array(out), np.array(logs), np.array(errors)


def langevin(logp, gradient, x, v, uniforms, step, friction, scale, n, wrong=None):
    """Draws and errors of BAOAB; `uniforms` of shape (n, chains, dim)."""
    out, errors, c = [], [], np.exp(-friction * step)
    for t in range(n):
        v1 = v + step / 2 * scale * gradient(x)
        middle = x + step / 2 * scale * v1
        v2 = c * v1 + (1.0 if wrong == "too hot" else np.sqrt(1 - c * c)) * ndtri(uniforms[t])
        y = middle + step / 2 * scale * v2
        v3 = v2 + step / 2 * scale * gradient(y)
        errors.append(((v1**2 - v**2 + v3**2 - v2**2) / 2).sum(1) + logp(x) - logp(y))
        x, v = y, v3
        out.append(x)
    return np.array(out), np.array(errors)


def chain_half(p, zeta, mass, time):
    """Thermostats of shape (chains, length) on momenta p of shape (chains, n); Martyna et al. (1996), equations (21) to (24)."""
    q, last = np.full(zeta.shape[1], float(mass)), zeta.shape[1] - 1
    q[0] *= p.shape[1]
    p, zeta = p.copy(), zeta.copy()

    def push(j):
        force = (p**2).sum(1) - p.shape[1] if j == 0 else q[j - 1] * zeta[:, j - 1] ** 2 - 1
        drag = np.exp(-time / 4 * zeta[:, j + 1]) if j < last else 1.0
        zeta[:, j] = (zeta[:, j] * drag + time / 2 * force / q[j]) * drag

    for j in range(last, -1, -1):
        push(j)
    p = p * np.exp(-time * zeta[:, :1])
    for j in range(last + 1):
        push(j)
    return p, zeta


def _cubic_one(p, zeta, a, b, time):
    while time > 0:
        part = min(time, 0.05 / ((1 + abs(zeta)) * (a + 3 * b * p**2)))
        zeta = zeta + part / 2 * (a * (p**2 - 1) + b * (p**4 - 3 * p**2))
        # Bernoulli's equation for w = 1 / p**2, which is linear: w' = 2 zeta (a w + b)
        w = (1 / p**2 + b / a) * np.exp(2 * a * zeta * part) - b / a
        p = np.sign(p) / np.sqrt(w)
        zeta = zeta + part / 2 * (a * (p**2 - 1) + b * (p**4 - 3 * p**2))
        time -= part
    return p, zeta


def cubic_half(p, zeta, a, b, time):
    moved = np.array([_cubic_one(*pair, a, b, time) for pair in zip(p.ravel(), zeta.ravel(), strict=True)])
    return moved[:, 0].reshape(p.shape), moved[:, 1].reshape(p.shape)


def thermostatted(gradient, x, p, zeta, half, step, scale, n):
    """Draws, and the last momenta and thermostats; `half(p, zeta, time)` moves the thermostats."""
    out = []
    for _ in range(n):
        p, zeta = half(p, zeta, step / 2)
        p = p + step / 2 * scale * gradient(x)
        x = x + step * scale * p
        p = p + step / 2 * scale * gradient(x)
        p, zeta = half(p, zeta, step / 2)
        out.append(x)
    return np.array(out), p, zeta
