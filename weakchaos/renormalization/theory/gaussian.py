"""Expectations of functions of one or two Gaussian variables.

Gauss-Hermite rules fail if the variance is large, since a sigmoid of a wide Gaussian is nearly a step function. Here the line is cut into panels,
first at the kinks of the function, with twenty Gauss-Legendre nodes on each; panels are halved until the result no longer changes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["expectation", "pair_expectation", "rule"]

_REACH = 12.0  # standard deviations; what lies beyond weighs 1e-33
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_FINEST = 2.0**-9
_TOLERANCE = 1e-13


def _breaks(width: float, inner: np.ndarray) -> np.ndarray:
    inner = inner[np.abs(inner) < _REACH]
    return np.unique(np.concatenate([np.arange(-_REACH, _REACH + 0.5 * width, width), inner]))


def rule(width: float, inner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for the standard normal law, with panels not wider than `width` and broken at `inner`."""
    breaks = _breaks(width, inner)
    half = 0.5 * np.diff(breaks)[:, None]
    z = (breaks[:-1, None] + half + half * _NODES).ravel()
    return z, (half * _WEIGHTS).ravel() * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _settle(value: Callable[[float], np.ndarray], size: float = 1e-30) -> np.ndarray:
    """`value` at panels so narrow that halving them changes nothing, relative to the result or to `size`."""
    width, old = 2.0, value(2.0)
    while width > _FINEST:
        width /= 2
        new = value(width)
        if (np.abs(new - old) <= _TOLERANCE * np.maximum(np.abs(new), size)).all():
            return new
        old = new
    return old


def expectation(
    functions: Callable[[np.ndarray, np.ndarray], np.ndarray], scale: float, kinks: tuple[float, ...] = ()
) -> np.ndarray:
    """E of each row of ``functions(z, scale * z)``, z a standard normal variable.

    Parameters
    ----------
    functions : callable
        Takes nodes z and ``scale * z``, each of shape (n,); gives shape (k, n).
    scale : float
        Standard deviation.
    kinks : tuple of float
        Kinks of the functions, in units of ``scale * z``.

    Returns
    -------
    array of shape (k,)

    Examples
    --------
    >>> expectation(lambda z, x: np.abs(x)[None], 2.0, (0.0,)).round(10).tolist()
    [1.5957691216]
    """
    inner = np.asarray(kinks, np.float64) / scale

    def value(width: float) -> np.ndarray:
        z, weights = rule(width, inner)
        return functions(z, scale * z) @ weights

    return _settle(value)


def pair_expectation(f: Callable[[np.ndarray], np.ndarray], scale: float, c: float, kinks: tuple[float, ...] = ()) -> float:
    """E f(u) f(v) for normal u, v of standard deviation `scale` and correlation `c`.

    Parameters
    ----------
    f : callable
        Elementwise.
    scale : float
    c : float
        From -1 to 1.
    kinks : tuple of float
        Kinks of f or of its derivatives.

    Returns
    -------
    float

    Examples
    --------
    >>> round(pair_expectation(np.abs, 1.0, 0.5, (0.0,)), 10)  # (2 / pi) (sqrt(1 - c^2) + c arcsin c)
    0.7179955621
    """
    if abs(c) >= 1:
        sign = 1.0 if c > 0 else -1.0
        return float(expectation(lambda z, x: (f(x) * f(sign * x))[None], scale, kinks + tuple(-k for k in kinks))[0])
    rest = np.sqrt((1 - c) * (1 + c))
    places = np.asarray(kinks, np.float64) / scale
    # The mean over the second variable is smooth over a width of rest / |c| around each kink; panels must resolve that.
    blur = rest / max(abs(c), 1e-3)
    outer = np.concatenate([places, *((places / (c if c else 1.0) + s * blur * k) for k in (0, 1, 2, 4, 8) for s in (-1, 1))])

    def value(width: float) -> np.ndarray:
        x, weights = rule(width, outer if places.size else places)
        base = _breaks(width, np.empty(0))
        if places.size:
            own = np.clip((places - c * x[:, None]) / rest, -_REACH, _REACH)
            breaks = np.sort(np.concatenate([np.broadcast_to(base, (x.size, base.size)), own], axis=1), axis=1)
        else:
            breaks = base[None]
        half = 0.5 * np.diff(breaks, axis=1)[..., None]
        y = (breaks[:, :-1, None] + half + half * _NODES).reshape(len(breaks), -1)
        inner = (half * _WEIGHTS).reshape(len(breaks), -1) * np.exp(-0.5 * y * y) / np.sqrt(2 * np.pi)
        mean = np.empty(x.size)
        # In slices, so that memory does not grow with the square of the number of nodes.
        step = max(1, 2_000_000 // y.shape[1])
        for a in range(0, x.size, step):
            part = slice(a, a + step)
            values = f(scale * (c * x[part, None] + rest * (y[part] if len(y) > 1 else y)))
            mean[part] = (values * (inner[part] if len(inner) > 1 else inner)).sum(1)
        return np.array([(weights * f(scale * x)) @ mean])

    size = float(expectation(lambda z, x: (f(x) ** 2)[None], scale, kinks)[0])
    return float(_settle(value, max(size, 1e-30))[0])
