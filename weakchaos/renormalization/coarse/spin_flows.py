"""Flows of the coupling of the Ising model under decimation: exact in one dimension, approximate with moved bonds in higher dimensions.

Summing out all but every b-th spin of a chain leaves a chain with tanh K' = tanh(K)^b. In d dimensions b^(d-1) bonds are moved together into one
before the decimation (Migdal, Sov. Phys. JETP 42 (1976) 743; Kadanoff, Ann. Phys. 100 (1976) 359, doi:10.1016/0003-4916(76)90066-X) or after it:
the two orders are dual to each other and have the same exponents.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown

__all__ = ["FixedPoint", "decimate_chain", "migdal_kadanoff", "migdal_kadanoff_fixed_point"]


def _series(k: float, b: int) -> float:
    """b couplings in a row, the spins between summed out."""
    # atanh(tanh(K)^b) loses all digits for large K: with x = exp(-2 K), tanh = (1 - x) / (1 + x).
    x = math.exp(-2 * abs(k))
    up, down = (1 + x) ** b + (1 - x) ** b, (1 + x) ** b - (1 - x) ** b
    size = 0.5 * math.log(up / down) if down > 0 else math.inf
    return size if k >= 0 or b % 2 == 0 else -size


def decimate_chain(k: float, b: int = 2, steps: int = 1) -> np.ndarray:
    r"""Couplings of the one-dimensional Ising model after 0 .. `steps` exact decimations.

    Parameters
    ----------
    k : float
        Coupling over temperature.
    b : int
        Every b-th spin is kept.
    steps : int

    Returns
    -------
    array of shape (steps + 1,)

    Raises
    ------
    ArgumentError

    Notes
    -----
    $$\tanh K' = (\tanh K)^b$$

    References
    ----------
    Nelson and Fisher, Ann. Phys. 91 (1975) 226, doi:10.1016/0003-4916(75)90284-5.

    Examples
    --------
    >>> decimate_chain(1.0, steps=3).round(8).tolist()
    [1.0, 0.66250137, 0.35006114, 0.11367207]
    """
    flow = [real_number("k", k)]
    for _ in range(whole_number("steps", steps, 0)):
        flow.append(_series(flow[-1], whole_number("b", b, 2)))
    return np.array(flow)


def _moved(k: float, b: int, d: int, order: str) -> float:
    many = b ** (d - 1)
    return _series(many * k, b) if order == "move-first" else many * _series(k, b)


def _check(b: Any, d: Any, order: str) -> tuple[int, int]:
    if order not in ("move-first", "decimate-first"):
        raise ArgumentError(f"`order` must be 'move-first' or 'decimate-first'; got {shown(order)}")
    return whole_number("b", b, 2), whole_number("d", d, 1)


def migdal_kadanoff(k: float, b: int = 2, d: int = 2, order: str = "move-first", steps: int = 1) -> np.ndarray:
    r"""Couplings of the Ising model after 0 .. `steps` steps of the Migdal-Kadanoff recursion.

    Parameters
    ----------
    k : float
    b, d : int
        Scale factor, and dimensions of the lattice.
    order : {"move-first", "decimate-first"}
        For b = d = 2 the first is K' = ln cosh(4 K) / 2.
    steps : int

    Returns
    -------
    array of shape (steps + 1,)

    Raises
    ------
    ArgumentError

    Notes
    -----
    With bonds moved before the decimation, and after it,

    $$\tanh K' = \left(\tanh b^{d-1} K\right)^b, \qquad K' = b^{d-1} \tanh^{-1}\left((\tanh K)^b\right).$$

    Examples
    --------
    >>> migdal_kadanoff(0.3, steps=3).round(4).tolist()  # below the fixed point 0.3047: to disorder
    [0.3, 0.2968, 0.2916, 0.2829]
    """
    b, d = _check(b, d, order)
    flow = [real_number("k", k)]
    for _ in range(whole_number("steps", steps, 0)):
        flow.append(_moved(flow[-1], b, d, order))
    return np.array(flow)


@dataclass(frozen=True)
class FixedPoint:
    """An unstable fixed point: its coupling ``k``, thermal exponent ``y_t`` and ``nu = 1 / y_t``."""

    k: float
    y_t: float
    nu: float


def migdal_kadanoff_fixed_point(b: int = 2, d: int = 2, order: str = "move-first") -> FixedPoint:
    """The critical point of the Migdal-Kadanoff recursion and its thermal exponent.

    Raises
    ------
    ArgumentError
        In one dimension, where there is no critical point at a finite coupling.

    Examples
    --------
    >>> point = migdal_kadanoff_fixed_point()
    >>> round(point.k, 8), round(point.y_t, 6)  # exact for the square lattice: 0.44068679 and 1
    (0.30468893, 0.747236)
    """
    from scipy.optimize import brentq

    b, d = _check(b, d, order)
    if d == 1:
        raise ArgumentError("`d` must be at least 2: a chain has no critical point at a finite coupling; got 1")

    def growth(k: float) -> float:
        return _moved(k, b, d, order) / k - 1

    k = float(brentq(growth, 1e-6, 10.0, xtol=1e-15, rtol=8.9e-16))
    # dK'/dK by the chain rule: for one series, d atanh(t^b) / dK = b t^(b-1) (1 - t^2) / (1 - t^(2 b)).
    many = b ** (d - 1)
    t = math.tanh(many * k if order == "move-first" else k)
    slope = many * b * t ** (b - 1) * (1 - t * t) / (1 - t ** (2 * b))
    y_t = math.log(slope) / math.log(b)
    return FixedPoint(k, y_t, 1 / y_t)
