"""Short orbits of systems with published exponents, and noises, for the tests of recorded series."""

import numpy as np
from numba import njit


@njit(cache=True)
def _map(kind, n, p, q, x, y):
    out = np.empty(n)
    for t in range(n + 500):
        if kind == 0:  # logistic
            x = p * x * (1.0 - x)
        elif kind == 1:  # Henon
            x, y = 1.0 - p * x * x + y, q * x
        elif kind == 2:  # standard map, momentum first
            y = (y + p * np.sin(x)) % (2 * np.pi)
            x = (x + y) % (2 * np.pi)
        else:  # Ikeda
            phase = 0.4 - 6.0 / (1.0 + x * x + y * y)
            c, s = np.cos(phase), np.sin(phase)
            x, y = 1.0 + p * (x * c - y * s), p * (x * s + y * c)
        if t >= 500:
            out[t - 500] = y if kind == 2 else x
    return out


@njit(cache=True)
def _rhs(kind, u, out):
    x, y, z = u
    if kind == 0:  # Lorenz
        out[0], out[1], out[2] = 10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z
    elif kind == 1:  # Rossler
        out[0], out[1], out[2] = -y - z, x + 0.2 * y, 0.2 + z * (x - 5.7)
    elif kind == 2:  # Sprott's jerk
        out[0], out[1], out[2] = y, z, -2.017 * z + y * y - x
    elif kind == 3:  # Chua-like cubic
        out[0], out[1], out[2] = 10.0 * (y - x * x * x / 16.0 * 1.0 + x / 6.0), x - y + z, -14.0 * y
    elif kind == 4:  # Thomas
        out[0], out[1], out[2] = np.sin(y) - 0.18 * x, np.sin(z) - 0.18 * y, np.sin(x) - 0.18 * z
    elif kind == 5:  # Halvorsen
        out[0], out[1], out[2] = (
            -1.4 * x - 4 * y - 4 * z - y * y,
            -1.4 * y - 4 * z - 4 * x - z * z,
            -1.4 * z - 4 * x - 4 * y - x * x,
        )
    else:  # Rossler with a periodic orbit
        out[0], out[1], out[2] = -y - z, x + 0.2 * y, 0.2 + z * (x - 2.5)


@njit(cache=True)
def _flow(kind, n, dt, inner, u, transient):
    h = dt / inner
    out = np.empty((n, 3))
    k1, k2, k3, k4 = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for t in range(n + transient):
        for _ in range(inner):
            _rhs(kind, u, k1)
            _rhs(kind, u + 0.5 * h * k1, k2)
            _rhs(kind, u + 0.5 * h * k2, k3)
            _rhs(kind, u + h * k3, k4)
            u = u + h / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
        if t >= transient:
            out[t - transient] = u
    return out


def logistic(n, r=4.0, x=0.2345):
    return _map(0, n, r, 0.0, x, 0.0)


def henon(n, x=0.1):
    return _map(1, n, 1.4, 0.3, x, 0.1)


def standard(n, k=6.0):
    return _map(2, n, k, 0.0, 1.234, 2.345)


def ikeda(n):
    return _map(3, n, 0.9, 0.0, 0.1, 0.1)


_FLOWS = ["lorenz", "rossler", "jerk", "chua", "thomas", "halvorsen", "rossler_periodic"]
_STARTS = [(1.0, 2.0, 20.0), (1.0, 1.0, 0.1), (0.02, 0.0, 0.0), (0.1, 0.1, 0.1), (0.1, 0.3, 0.7), (-5.0, 0.0, 0.3), (1.0, 1.0, 0.1)]


def flow(name, n, dt, transient_time=200.0):
    kind = _FLOWS.index(name)
    inner = max(1, int(np.ceil(dt / (0.01 if name != "halvorsen" else 0.005))))
    return _flow(kind, n, dt, inner, np.array(_STARTS[kind]), int(transient_time / dt))


def ar1(n, phi, rng):
    out = np.empty(n)
    value = rng.standard_normal() / np.sqrt(1 - phi * phi)
    for t, e in enumerate(rng.standard_normal(n)):
        value = phi * value + e
        out[t] = value
    return out


def golden_mean(n, rng):
    """Symbols of the golden mean shift: after a 1 comes a 0, after a 0 either with the same chance."""
    out = [0]
    for u in rng.random(n - 1):
        out.append(0 if out[-1] or u < 0.5 else 1)
    return np.array(out)
