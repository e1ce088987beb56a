"""Whether a flow leaves a density invariant, by finite differences.

By the continuity equation dp/dt + div(p v) = 0 the density p does not change if and only if div(p v) = 0 everywhere (Liouville). Divided by p,

    div(p v) / p = sum_i d/dx_i [ v_i(y) p(y) / p(x) ]  at y = x,

taken by central differences of order 8 (B. Fornberg, Math. Comp. 51 (1988) 699, doi:10.1090/S0025-5718-1988-0935077-0), whose error is
of order step^8 where p v is smooth, beside rounding of order 1e-16 |v| / step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["flow_divergence"]

_SCALED = 3  # points at which scales are measured
_TINY, _DOUBLINGS = 1e-9, 80
_WEIGHTS = np.array([4 / 5, -1 / 5, 4 / 105, -1 / 280])


def _function(name: str, value: Any, methods: tuple[str, ...]) -> Callable:
    for method in methods:
        found = getattr(value, method, None)
        if callable(found):
            return found
    if not callable(value):
        raise ArgumentTypeError(
            f"`{name}` must be a function of a position, or have a method {' or '.join(methods)}; got {shown(value)}"
        )
    return value


def _change(velocity: Callable, density: Callable, place: np.ndarray, i: int, way: float) -> float:
    """By how much log density and velocity change `way` along coordinate `i`, to either side; infinite beyond the end of where they are defined."""
    here, flow, found = float(density(place)), float(np.asarray(velocity(place))[i]), 0.0
    for side in (way, -way):
        y = place.copy()
        y[i] += side
        try:
            with np.errstate(all="ignore"):
                moved = float(np.asarray(velocity(y))[i])
                change = max(abs(float(density(y)) - here), abs(moved - flow) / max(abs(flow), _TINY))
        except (ValueError, ArithmeticError):  # beyond a wall
            return np.inf
        found = max(found, change) if change == change else np.inf
    return found


def _scales(velocity: Callable, density: Callable, rows: np.ndarray) -> np.ndarray:
    """How far along each coordinate density or velocity change by about half, least over the first points; shape (dim,)."""
    out = np.full(rows.shape[1], np.inf)
    for place in rows[:_SCALED]:
        for i in range(len(place)):
            way = 1e-9 * max(abs(place[i]), _TINY)  # doubled from where rounding ends, so that no units need be known
            for _ in range(_DOUBLINGS):
                if _change(velocity, density, place, i, way) >= 0.5:
                    break
                way *= 2.0
            out[i] = min(out[i], way)
    return out


def flow_divergence(flow: Any, logp: Any, points: Any, step: Any = None) -> Any:
    """div(p v) / p at given points: 0 everywhere if and only if the flow v leaves the density p invariant.

    Parameters
    ----------
    flow : callable or System
        ``v(x) -> array of shape (dim,)``; or a system with ``velocity(x)`` (`DeterministicGibbs` bound to its target) or
        ``vector_field(x)`` (the flows of `weakchaos.systems`).
    logp : callable or Density
        ``logp(x) -> float``, up to a constant, in nats.
    points : array of shape (m, dim) or (dim,)
        Points at a distance of at least four steps from the walls of a bounded space.
    step : float or array of shape (dim,), optional
        Step of the differences, in the units of the coordinates. By default there is one step for each coordinate: a fiftieth of the way along it on
        which the density or the velocity changes by about half.

    Returns
    -------
    float64 array of shape (m,), or a float for one point
        In units of 1 / time.

    Raises
    ------
    ArgumentError
        If velocity or density is not finite in the neighbourhood of a point.

    Examples
    --------
    >>> rotation = lambda x: np.array([-x[1], x[0]])
    >>> bool(abs(flow_divergence(rotation, lambda x: -0.5 * float(x @ x), [1.0, 2.0])) < 1e-10)
    True
    >>> round(flow_divergence(lambda x: x, lambda x: -0.5 * float(x @ x), [1.0, 2.0]), 6)  # 2 - |x|^2
    -3.0
    """
    velocity, density = _function("flow", flow, ("velocity", "vector_field")), _function("logp", logp, ("logp",))
    x = real_array("points", points)
    rows = np.atleast_2d(x)
    if x.ndim not in (1, 2) or not np.isfinite(rows).all():
        raise ArgumentError(f"`points` must be finite and of shape (m, dim) or (dim,); got {shown(points)}")
    steps = _scales(velocity, density, rows) / 50 if step is None else real_array("step", step)
    if steps.shape not in ((), rows.shape[1:]) or not (np.isfinite(steps) & (steps > 0)).all():
        raise ArgumentError(f"`step` must be positive, a number or one for each of {rows.shape[1]} coordinates; got {shown(step)}")
    steps = np.broadcast_to(steps, rows.shape[1:])
    out = np.zeros(len(rows))
    for row, place in enumerate(rows):
        here = float(density(place))
        for i, h in enumerate(steps):
            for k, weight in enumerate(_WEIGHTS, 1):
                for side in (1, -1):
                    y = place.copy()
                    y[i] += side * k * h
                    flux = float(np.asarray(velocity(y))[i]) * np.exp(float(density(y)) - here)
                    if not np.isfinite(flux):
                        raise ArgumentError(
                            f"`flow` and `logp` must be finite around each of `points`; they are not at {shown(y.tolist())}"
                        )
                    out[row] += side * weight * flux / h
    return float(out[0]) if x.ndim == 1 else out
