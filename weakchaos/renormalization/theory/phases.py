"""Phase diagrams of networks: the mean-field theory on a grid of variances.

Length, stretching and correlations depend on the two variances only through expectations that are functions of the length q. These are
tabulated once, with the Hermite coefficients a_n(q) of phi(sqrt(q) z): E phi(u) phi(v) = sum_n a_n(q)^2 c^n (Mehler), so the correlation map at
every point of the grid is a power series whose coefficients come from a table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, shown
from weakchaos.renormalization.theory.activations import Activation
from weakchaos.renormalization.theory.gaussian import rule
from weakchaos.renormalization.theory.mean_field import MeanField, mean_field

__all__ = ["PhaseDiagram", "phase_diagram"]

_LOW, _HIGH, _ROWS = 1e-6, 1e3, 181
_TERMS = 128


@dataclass(frozen=True)
class PhaseDiagram:
    """The theory on a grid.

    Attributes
    ----------
    activation : str
    sigma_w2 : array of shape (columns,)
    sigma_b2 : array of shape (rows,)
    q, chi, c, xi_c : arrays of shape (rows, columns)
        Length (infinite if it grows without bound), mean squared stretching, correlation of different inputs after many layers, and its depth scale
        in layers.
    """

    activation: str
    sigma_w2: np.ndarray
    sigma_b2: np.ndarray
    q: np.ndarray
    chi: np.ndarray
    c: np.ndarray
    xi_c: np.ndarray

    @property
    def lyapunov(self) -> np.ndarray:
        """0.5 ln chi, nats per layer."""
        with np.errstate(divide="ignore"):
            return 0.5 * np.log(self.chi)

    def trainable_depth(self) -> np.ndarray:
        """Six depth scales, about as deep as plain networks were trained by Schoenholz et al. (arXiv:1611.01232)."""
        return 6 * self.xi_c


def _hermite(z: np.ndarray, terms: int) -> np.ndarray:
    """Hermite functions orthonormal under the normal law, shape (terms, n)."""
    rows = np.empty((terms, z.size))
    rows[0], rows[1] = 1.0, z
    for n in range(1, terms - 1):
        rows[n + 1] = (z * rows[n] - math.sqrt(n) * rows[n - 1]) / math.sqrt(n + 1)
    return rows


def _tables(phi: Activation, q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """E phi^2, E phi'^2 and squares of Hermite coefficients, shapes (n,), (n,), (n, terms), at lengths q."""
    roots = np.sqrt(q)
    square, gain, coefficients = np.empty(q.size), np.empty(q.size), np.empty((q.size, _TERMS))
    # Kinks off zero sit elsewhere in units of each length. Without, lengths share nodes, which are the closer the larger they are: a sigmoid
    # of a wide Gaussian turns within 1 / sqrt(q).
    moving = any(phi.kinks)
    parts = np.arange(q.size)[:, None] if moving else np.array_split(np.arange(q.size), max(1, q.size // 20))
    for part in parts:
        last = roots[part[-1]]
        z, w = rule(float(min(1.0, 4 / last)), np.asarray(phi.kinks) / last)
        x = np.outer(roots[part], z)
        f, d = phi.function(x), phi.derivative(x)
        square[part], gain[part] = (f * f) @ w, (d * d) @ w
        coefficients[part] = (f * w) @ _hermite(z, _TERMS).T
    return square, gain, coefficients**2


def _needed(theory: MeanField, grid: np.ndarray, sigma_w2: float, sigma_b2: float, start: float) -> int:
    """How many rows of the table are reached: no length goes beyond the first one that the largest variances make shrink."""
    for i in range(int(np.searchsorted(grid, start)) + 1, grid.size - 2, 4):
        if theory.length_map(float(grid[i]), sigma_w2, sigma_b2) < grid[i]:
            return i + 2
    return grid.size


def _axis(name: str, values: Any) -> np.ndarray:
    out = np.asarray(values, np.float64)
    if out.ndim != 1 or not out.size or not np.isfinite(out).all() or (out < 0).any():
        raise ArgumentError(f"`{name}` must be a one-dimensional array of variances, none negative; got {shown(values)}")
    return out


def _series(weights: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """sum_n weights[n] c^n and its derivative by c, at each point; Horner's rule."""
    value, slope = np.zeros_like(c), np.zeros_like(c)
    for row in weights[::-1]:
        slope = slope * c + value
        value = value * c + row
    return value, slope


def _correlations(
    rows: np.ndarray, square: np.ndarray, sigma_w2: np.ndarray, sigma_b2: np.ndarray, q: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Stable fixed points below 1 and their slopes, in the chaotic phase."""
    # What the truncated series lacks at c = 1 goes to its last term, which keeps the map exact there.
    weights = np.ascontiguousarray(rows.T)
    weights[-1] += np.maximum(square - weights.sum(0), 0)
    weights *= sigma_w2 / q
    weights[0] += sigma_b2 / q
    low, high = np.zeros(q.size), np.full(q.size, 1 - 1e-12)
    c = 0.5 * (low + high)
    for _ in range(60):
        value, slope = _series(weights, c)
        above = value > c
        low, high = np.where(above, c, low), np.where(above, high, c)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = c - (value - c) / (slope - 1)
        new = np.where((newton > low) & (newton < high), newton, 0.5 * (low + high))
        if np.abs(new - c).max() < 1e-13:
            break
        c = new
    c = np.where(weights[0] <= 1e-15, 0.0, c)
    return c, _series(weights, c)[1]


def phase_diagram(activation: Any, sigma_w2: Any, sigma_b2: Any, start: float = 1.0) -> PhaseDiagram:
    """The mean-field theory at every pair of variances of a grid.

    Parameters
    ----------
    activation : str, callable, Activation or MeanField
    sigma_w2 : array of shape (columns,)
        Variances of weights, times fan-in.
    sigma_b2 : array of shape (rows,)
        Variances of biases.
    start : float
        Length of the inputs.

    Returns
    -------
    PhaseDiagram
        Accurate to about six digits; `MeanField.at` gives single points to twelve digits.

    Raises
    ------
    ArgumentError

    References
    ----------
    Poole et al., NeurIPS 2016, arXiv:1606.05340; Schoenholz et al., ICLR 2017, arXiv:1611.01232.

    Examples
    --------
    >>> diagram = phase_diagram("tanh", np.linspace(0.5, 4, 8), np.array([0.05, 0.5]))
    >>> diagram.chi.shape, bool((diagram.chi[0] > 1).any())
    ((2, 8), True)
    """
    from scipy.interpolate import CubicSpline

    theory = activation if isinstance(activation, MeanField) else mean_field(activation)
    phi = theory.activation
    w, b = _axis("sigma_w2", sigma_w2), _axis("sigma_b2", sigma_b2)
    ww, bb = (v.ravel() for v in np.meshgrid(w, b))
    if phi.slopes:
        points = [theory.at(x, y, start) for x, y in zip(ww, bb, strict=True)]
        fields = [np.array([getattr(p, k) for p in points]).reshape(b.size, w.size) for k in ("q", "chi", "c", "xi_c")]
        return PhaseDiagram(phi.name, w, b, *fields)
    grid = np.geomspace(_LOW, _HIGH, _ROWS)
    grid = grid[: _needed(theory, grid, float(w.max()), float(b.max()), start)]
    logs, last = np.log(grid), grid.size - 1
    square, gain, rows = _tables(phi, grid)
    # Lengths: walk from the start over the table to the first change of sign, as the map would; then Newton on the spline.
    begin = int(np.clip(np.searchsorted(grid, start), 1, last))
    place = np.arange(grid.size)
    positive = ww[:, None] * square + bb[:, None] > grid
    up = positive[:, begin]
    stop = np.where(up[:, None], ~positive & (place > begin), (positive & (place < begin))[:, ::-1])
    found, steps = stop.any(1), stop.argmax(1)
    grows, dies = up & ~found, ~up & ~found
    cell = np.clip(np.where(up, steps - 1, last - steps), 0, last - 1)
    value = CubicSpline(logs, np.log(np.maximum(square, 1e-300)))
    slope = value.derivative()
    low, high = logs[cell], logs[cell + 1]
    s = 0.5 * (low + high)
    for _ in range(30):
        mean = ww * np.exp(value(s))
        f = np.log(np.maximum(mean + bb, 1e-300)) - s
        low, high = np.where(f > 0, s, low), np.where(f > 0, high, s)
        newton = s - f / (mean / np.maximum(mean + bb, 1e-300) * slope(s) - 1)
        new = np.where((newton > low) & (newton < high), newton, 0.5 * (low + high))
        if np.abs(new - s).max() < 1e-12:
            break
        s = new
    s = np.where(grows, logs[-1], np.where(dies, logs[0], s))
    chi = ww * CubicSpline(logs, gain)(s)
    q = np.where(grows, np.inf, np.where(dies, 0.0, np.exp(s)))
    c, steep = np.ones(q.size), chi.copy()
    chaotic = np.flatnonzero((chi > 1 + 1e-9) & (q > 0) & np.isfinite(q))
    if chaotic.size:
        mixed = np.maximum(CubicSpline(logs, rows)(s[chaotic]), 0)
        exact = (q[chaotic] - bb[chaotic]) / np.maximum(ww[chaotic], 1e-300)
        c[chaotic], steep[chaotic] = _correlations(mixed, exact, ww[chaotic], bb[chaotic], q[chaotic])
    with np.errstate(divide="ignore", invalid="ignore"):
        xi = np.where(np.abs(steep) < 1, -1 / np.log(np.abs(steep)), np.inf)
    xi = np.where(np.isinf(q), np.nan, xi)
    shape = (b.size, w.size)
    return PhaseDiagram(
        phi.name, w, b, q.reshape(shape), chi.reshape(shape), np.where(np.isinf(q), np.nan, c).reshape(shape), xi.reshape(shape)
    )
