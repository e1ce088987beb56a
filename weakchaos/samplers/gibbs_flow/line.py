"""The part of the line on which a flow of deterministic Gibbs sampling moves: how far the density reaches, and whether a given part holds nearly all of it.

A coordinate on the whole line is cut off six standard deviations of its normal reference from the centre. The flow never goes beyond, so if the
density is not small at an end, averages are those of a truncated target, and the flow is very slow near this end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.flags import Flag, Kind

__all__ = ["LOCKED", "NO_END", "cut_coordinates", "cut_flags", "fitted_lines", "locked"]

_END = 6.0  # standard deviations of the reference
_SMALL = 12.0  # nats below the highest value on the line that the density should have fallen to at an end: exp(-12) = 6e-6
_SWEEPS = 3
LOCKED = 64  # draws from which on it is judged whether an orbit is locked
_PILOT = 200  # sweeps of the walkers that find the extent of a density
_STEPS = np.concatenate([-(2.0 ** np.arange(-24, 34)), [0.0], 2.0 ** np.arange(-24, 34)])
NO_END = (
    "DeterministicGibbs met so little density on its way that a draw would take too many steps: pass `location` and `scale`, or `bounds`, that hold "
    "hardly more than the support of the density, or more `nodes` if it is narrow within them"
)


def _along(logp: Any, x: np.ndarray, i: int, values: np.ndarray) -> np.ndarray:
    """Log densities at `x` with its coordinate i at each of `values`; -inf where there is none."""
    out, point = np.empty(len(values)), x.copy()
    for k, value in enumerate(values):
        point[i] = value
        out[k] = logp(point)
    return np.where(np.isnan(out) | (out == np.inf), -np.inf, out)


def _uphill(logp: Any, x: np.ndarray, lines: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """A place of higher density, found a coordinate at a time."""
    x = x.copy()
    for _ in range(_SWEEPS):
        for i in lines:
            values = x[i] + scale[i] * _STEPS
            x[i] = values[int(_along(logp, x, int(i), values).argmax())]
    return x


def _wander(logp: Any, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Places about where the mass is, shape (m, dim), by walkers that move along the lines between them (Goodman and Weare 2010)."""
    rng, dim = np.random.default_rng(1), x.size
    walkers = 2 * dim + 6

    def density(y: np.ndarray) -> float:
        value = logp(y) if ((y > low) & (y < high)).all() else -np.inf
        return value if value < np.inf else -np.inf  # NaN too

    places, values = np.tile(x, (walkers, 1)), np.full(walkers, density(x))
    for k in range(1, walkers):
        for size in 2.0 ** -np.arange(0, 60, 2):
            y = x + size * rng.normal(size=dim)
            if (value := density(y)) > values[0] - 5.0 * dim:
                places[k], values[k] = y, value
                break
    kept = []
    for sweep in range(_PILOT):
        for k in range(walkers):
            j = int(rng.integers(walkers - 1))
            j += j >= k
            z = (1.0 + rng.random()) ** 2 / 2.0
            y = places[j] + z * (places[k] - places[j])
            value = density(y)
            if np.log(rng.random()) < (dim - 1) * np.log(z) + value - values[k]:
                places[k], values[k] = y, value
        if sweep >= _PILOT // 2:
            kept.append(places.copy())
    return np.concatenate(kept)


def _reach(logp: Any, x: np.ndarray, i: int, sign: float, step: float, depth: float) -> float:
    """The farthest value of coordinate i from `x` on one side where the density is e^-`depth` of its highest value along the line, or a little beyond."""
    distances = step * 2.0 ** np.arange(-8, 40)
    values = _along(logp, x, i, x[i] + sign * np.append(0.0, distances))
    held = np.flatnonzero(values >= values.max() - depth)[-1]
    if held == len(distances):
        return float(x[i] + sign * distances[-1])
    near, far = (0.0 if held == 0 else distances[held - 1]), distances[held]
    for _ in range(12):
        middle = 0.5 * (near + far)
        inside = _along(logp, x, i, np.array([x[i] + sign * middle]))[0] >= values.max() - depth
        near, far = (middle, far) if inside else (near, middle)
    return float(x[i] + sign * far)


def _extents(
    logp: Any, x: np.ndarray, low: np.ndarray, high: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each coordinate on a line begins and ends, and where its mass is, shapes (dim,)."""
    lines = np.flatnonzero(np.isneginf(low) & np.isposinf(high))
    top = _uphill(logp, x, lines, scale)
    places = _wander(logp, top, low, high)
    middle = np.median(places, axis=0)
    ends = np.array([np.where(np.isneginf(low), 0.0, low), np.where(np.isposinf(high), 1.0, high)])
    for i in lines:
        column = places[:, i]
        step = max(float(column.std()), 1e-12 * abs(top[i]), 1e-290)
        # Three places: the lines through the extremes see what correlation hides from that through the top.
        three = [top, places[column.argmin()], places[column.argmax()]]
        for side, sign in enumerate((-1.0, 1.0)):
            reach = [sign * _reach(logp, y, int(i), sign, step, 0.5 * _END**2) for y in three]
            ends[side, i] = sign * max(reach)
    return ends[0], ends[1], middle


def _reference(first: Any, last: Any, middle: Any) -> tuple[Any, Any]:
    """Centre and scale of a normal reference about the mass that reaches both ends: about the middle of the ends, a skewed density would be far out."""
    return middle, np.maximum(last - middle, middle - first) / _END


def fitted_lines(logp: Any, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres and scales of the references of coordinates on the line, such that the line reaches to where the density is negligible.

    Parameters
    ----------
    logp : callable
        The log density of a position, shape (dim,) -> float.
    x : float64 array of shape (dim,)
        A position of positive density.
    low, high : arrays of shape (dim,)
        Bounds; coordinates between -inf and inf are on the line.

    Returns
    -------
    location, scale : float64 arrays of shape (dim,)

    Examples
    --------
    >>> location, scale = fitted_lines(lambda x: -0.5 * (x[0] - 100) ** 2 / 9, np.zeros(1), np.array([-np.inf]), np.array([np.inf]))
    >>> bool(abs(location[0] - 100) < 1), bool(3 < scale[0] < 4)  # a little wider than the density
    (True, True)
    """
    first, last, middle = _extents(logp, np.array(x, np.float64), low, high, np.ones(len(x)))
    return _reference(first, last, middle)


def cut_coordinates(logp: Any, x: np.ndarray, frame: np.ndarray) -> dict[int, tuple[float, float]]:
    """Coordinates on the line whose density is not small where the line is cut off, each with a centre and a scale that would avoid this.

    Parameters
    ----------
    logp : callable
        The log density of a position, shape (dim,) -> float.
    x : float64 array of shape (dim,)
        A position of positive density.
    frame : array of shape (3, dim)
        Centre and scale of the reference of each coordinate, and whether it is on the line; low end and width where it is not.

    Returns
    -------
    dict of int to (location, scale)

    Examples
    --------
    >>> wide = cut_coordinates(lambda x: -0.5 * x[0] ** 2 / 9, np.zeros(1), np.array([[0.0], [1.0], [1.0]]))
    >>> round(wide[0][1])
    3
    """
    x = np.array(x, np.float64)
    centre, scale, on_line = frame
    low, high = np.where(on_line > 0, -np.inf, centre), np.where(on_line > 0, np.inf, centre + scale)
    if not (on_line > 0).any():
        return {}
    first, last, middle = _extents(logp, x, low, high, scale)
    found = {}
    for i in np.flatnonzero(on_line > 0):
        ends = centre[i] + scale[i] * np.array([-_END, _END])
        reach = np.array([first[i], last[i]])
        # The extent is where the density has fallen by 18 nats; a line may end somewhat nearer, where it has fallen by 12.
        shrunk = middle[i] + (reach - middle[i]) * np.sqrt(_SMALL / (0.5 * _END**2))
        if shrunk[0] < ends[0] or shrunk[1] > ends[1]:
            location, width = _reference(first[i], last[i], middle[i])
            found[int(i)] = (float(location), float(width))
    return found


def cut_flags(flow: Any, x: np.ndarray, frame: np.ndarray) -> list[Flag]:
    """A flag for each line of a bound flow that is cut where the density is not small."""
    return [
        Flag.of(Kind.CUT_LINE, where=flow.names[i], location=location, scale=scale)
        for i, (location, scale) in cut_coordinates(flow.target.logp, x, frame).items()
    ]


def locked(draws: np.ndarray) -> Flag | None:
    """The flag of an orbit that keeps coming back to the same few places; None of one that does not.

    Examples
    --------
    >>> locked(np.arange(100.0)[:, None]) is None
    True
    >>> print(locked(np.arange(100.0)[:, None] % 8))
    the orbit of DeterministicGibbs is locked: 8 different draws of 100; change `time` or `speeds`, or let `location` and `scale` hold the density
    """
    if len(draws) < LOCKED or (distinct := len(np.unique(draws, axis=0))) >= 0.5 * len(draws):
        return None
    cure = "change `time` or `speeds`, or let `location` and `scale` hold the density"
    return Flag.of(Kind.LOCKED, sampler="DeterministicGibbs", distinct=distinct, draws=len(draws), cure=cure)
