"""A check whether the part of the line on which a flow of deterministic Gibbs sampling moves holds nearly all of the density.

A coordinate on the whole line is cut off six standard deviations of its normal reference from the centre. The flow never goes beyond, so if the
density is not small at an end, averages are those of a truncated target, and the flow is very slow near this end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.flags import Flag, Kind

__all__ = ["LOCKED", "cut_coordinates", "cut_flags", "locked"]

_END = 6.0  # standard deviations of the reference
_SMALL = 12.0  # nats below the highest value on the line that the density should have fallen to at an end: exp(-12) = 6e-6
_SWEEPS = 3
LOCKED = 64  # draws from which on it is judged whether an orbit is locked
_STEPS = np.concatenate([-(2.0 ** np.arange(-4, 20)), [0.0], 2.0 ** np.arange(-4, 20)])


def cut_coordinates(logp: Any, x: np.ndarray, frame: np.ndarray) -> dict[int, tuple[float, float]]:
    """Coordinates on the line whose density is not small where the line is cut off, each with a centre and a scale that would avoid this.

    Parameters
    ----------
    logp : callable
        The log density of a position, shape (dim,) -> float.
    x : float64 array of shape (dim,)
        A position of positive density.
    frame : array of shape (3, dim)
        Centre and scale of the reference of each coordinate, and whether it is on the line.

    Returns
    -------
    dict of int to (location, scale)

    Examples
    --------
    >>> wide = cut_coordinates(lambda x: -0.5 * x[0] ** 2 / 9, np.zeros(1), np.array([[0.0], [1.0], [1.0]]))
    >>> [round(v, 1) for v in wide[0]]  # a little more than the standard deviation of N(0, 9)
    [0.0, 3.7]
    """
    x = np.array(x, np.float64)
    centre, scale, on_line = frame
    lines = np.flatnonzero(on_line > 0)

    def along(i: int, values: np.ndarray) -> np.ndarray:
        out = np.empty(len(values))
        point = x.copy()
        for k, value in enumerate(values):
            point[i] = value
            out[k] = logp(point)
        return np.where(np.isnan(out), -np.inf, out)

    for _ in range(_SWEEPS):  # uphill, a coordinate at a time
        for i in lines:
            values = x[i] + scale[i] * _STEPS
            x[i] = values[int(along(int(i), values).argmax())]
    found = {}
    for i in lines:
        ends = centre[i] + scale[i] * np.array([-_END, _END])
        inside = np.linspace(ends[0], ends[1], 65)
        # Also beyond: a mode out there is mass beyond, however small the density is at the ends.
        outside = np.concatenate([ends[0] - scale[i] * 2.0 ** np.arange(-4, 12), ends[1] + scale[i] * 2.0 ** np.arange(-4, 12)])
        within, beyond = along(int(i), inside), along(int(i), outside)
        if beyond.max() < within.max() - _SMALL:
            continue
        grid = np.sort(np.concatenate([inside, outside]))
        values = along(int(i), grid)
        held = np.flatnonzero(values > values.max() - 0.5 * _END**2)
        low, high = grid[max(held[0] - 1, 0)], grid[min(held[-1] + 1, len(grid) - 1)]
        found[int(i)] = (float(0.5 * (low + high)), float((high - low) / (2 * _END)))
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
