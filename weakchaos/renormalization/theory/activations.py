"""Activation functions of networks: value, derivative, and the places at which the derivative jumps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["NAMES", "Activation", "activation"]

_STEP = 2e-3  # of the sixth-order difference: truncation and rounding are both below 1e-12 for functions of unit scale
_REACH = 12.0


@dataclass(frozen=True)
class Activation:
    """An activation function with its derivative and kinks, for the mean-field theory.

    Attributes
    ----------
    name : str
    function, derivative : callables
        Elementwise functions of float64 arrays.
    kinks : tuple of float
        Places at which the derivative jumps. The quadrature splits its intervals there, since it is inaccurate if a kink lies inside of one.
    slopes : tuple of two floats, optional
        Slopes left and right of zero, if the function consists of these two rays only; expectations then have closed forms.
    """

    name: str
    function: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]
    kinks: tuple[float, ...] = ()
    slopes: tuple[float, float] | None = None

    def __call__(self, x: Any) -> np.ndarray:
        """The function itself."""
        return self.function(np.asarray(x, np.float64))


def _rays(name: str, left: float, right: float) -> Activation:
    return Activation(
        name, lambda x: np.where(x > 0, right * x, left * x), lambda x: np.where(x > 0, right, left), (0.0,), (left, right)
    )


def _normal(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import ndtr

    return np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi), ndtr(x)


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * _normal(x)[1]


def _gelu_slope(x: np.ndarray) -> np.ndarray:
    density, mass = _normal(x)
    return mass + x * density


def _logistic(x: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return expit(x)


def _swish_slope(x: np.ndarray) -> np.ndarray:
    s = _logistic(x)
    return s + x * s * (1 - s)


def _erf(x: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    return erf(x)


def _sech2(x: np.ndarray) -> np.ndarray:
    return 1 / np.cosh(np.clip(x, -300, 300)) ** 2


def _elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


_MADE: dict[str, Callable[[], Activation]] = {
    "tanh": lambda: Activation("tanh", np.tanh, _sech2),
    "erf": lambda: Activation("erf", _erf, lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x)),
    "scaled-erf": lambda: Activation(
        "scaled-erf", lambda x: _erf(0.5 * math.sqrt(math.pi) * x), lambda x: np.exp(-0.25 * math.pi * x * x)
    ),
    "sin": lambda: Activation("sin", np.sin, np.cos),
    "linear": lambda: _rays("linear", 1.0, 1.0),
    "relu": lambda: _rays("relu", 0.0, 1.0),
    "leaky-relu": lambda: _rays("leaky-relu", 0.01, 1.0),
    "abs": lambda: _rays("abs", -1.0, 1.0),
    "hard-tanh": lambda: Activation(
        "hard-tanh", lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1).astype(np.float64), (-1.0, 1.0)
    ),
    "elu": lambda: Activation("elu", _elu, lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))), (0.0,)),
    "softplus": lambda: Activation("softplus", lambda x: np.logaddexp(x, 0), _logistic),
    "sigmoid": lambda: Activation("sigmoid", _logistic, lambda x: _logistic(x) * _logistic(-x)),
    "gelu": lambda: Activation("gelu", _gelu, _gelu_slope),
    "swish": lambda: Activation("swish", lambda x: x * _logistic(x), _swish_slope),
    "sech2": lambda: Activation("sech2", _sech2, lambda x: -2 * np.tanh(x) * _sech2(x)),
}
NAMES = tuple(_MADE)
_ALIASES = {"silu": "swish", "identity": "linear", "id": "linear", "leaky_relu": "leaky-relu", "hardtanh": "hard-tanh"}


def _differences(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Central differences of sixth order."""

    def derivative(x: np.ndarray) -> np.ndarray:
        h = _STEP
        return (
            45 * (function(x + h) - function(x - h))
            - 9 * (function(x + 2 * h) - function(x - 2 * h))
            + (function(x + 3 * h) - function(x - 3 * h))
        ) / (60 * h)

    return derivative


def _one_sided(function: Callable[[np.ndarray], np.ndarray], kinks: tuple[float, ...]) -> Callable[[np.ndarray], np.ndarray]:
    """Differences that never reach across a kink: near one the point of differentiation is moved off it by the stencil's width."""
    smooth = _differences(function)

    def derivative(x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, np.float64)
        out = smooth(x)
        width = 3 * _STEP
        for k in kinks:
            near = np.abs(x - k) < width
            if near.any():
                # Third-order one-sided differences on the side where the point lies.
                side = np.where(x[near] >= k, 1.0, -1.0) * _STEP
                f = [function(x[near] + i * side) for i in range(5)]
                out[near] = (-25 * f[0] + 48 * f[1] - 36 * f[2] + 16 * f[3] - 3 * f[4]) / (12 * side)
        return out

    return derivative


def find_kinks(function: Callable[[np.ndarray], np.ndarray], reach: float = _REACH) -> tuple[float, ...]:
    """The places at which the slope of a function jumps within ``[-reach, reach]``.

    A jump of the slope leaves a second difference that shrinks like the step; that of a smooth function shrinks like its square.

    Examples
    --------
    >>> find_kinks(lambda x: np.maximum(x, 0) + np.minimum(x, 1))
    (0.0, 1.0)
    """
    n = 4801  # steps of 0.005, so that round numbers are nodes
    grid = np.linspace(-reach, reach, n)
    h = grid[1] - grid[0]

    def bend(x: np.ndarray, h: float) -> np.ndarray:
        return np.abs(function(x + h) - 2 * function(x) + function(x - h)) / h

    places = grid[bend(grid, h) > 0.02]
    found: list[float] = []
    for x in places:
        width, jump = h, float(bend(np.array([x]), h)[0])
        for _ in range(24):
            narrow = width / 2
            candidates = x + narrow * np.arange(-2, 3)
            values = bend(candidates, narrow)
            x, width = float(candidates[np.argmax(values)]), narrow
            if values.max() < 0.45 * jump:
                break
        else:
            nearest = round(x, 5)
            x = nearest if abs(x - nearest) < 1e-6 else x
            if all(abs(x - k) > 3 * h for k in found):
                found.append(x + 0.0)
    return tuple(sorted(found))


def activation(phi: Any, derivative: Any = None, kinks: Any = None) -> Activation:
    """An `Activation` from a name, a function, or itself.

    Parameters
    ----------
    phi : str, callable or Activation
        A name of `NAMES`, or a function of float64 arrays, elementwise.
    derivative : callable, optional
        Central differences by default.
    kinks : sequence of float, optional
        Places at which the derivative jumps; by default they are searched for between -12 and 12.

    Returns
    -------
    Activation

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> activation(lambda x: np.maximum(x, 0)).kinks
    (0.0,)
    >>> float(activation("tanh").derivative(np.zeros(1))[0])
    1.0
    """
    if isinstance(phi, Activation):
        return phi
    if isinstance(phi, str):
        key = _ALIASES.get(phi.lower(), phi.lower())
        if key not in _MADE:
            raise ArgumentError(f"`activation` must be one of {', '.join(NAMES)}, or a function; got {shown(phi)}")
        return _MADE[key]()
    if not callable(phi):
        raise ArgumentTypeError(f"`activation` must be a name or a function of arrays; got {shown(phi)}")

    def function(x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, np.float64)
        try:
            out = np.asarray(phi(x), np.float64)
        except TypeError as error:
            raise ArgumentTypeError(f"`activation` must map a float64 array to an array; it raised {error}") from error
        if out.shape != x.shape:
            raise ArgumentError(f"`activation` must work element by element: it made shape {out.shape} of {x.shape}")
        return out

    if not np.isfinite(function(np.linspace(-_REACH, _REACH, 25))).all():
        raise ArgumentError(f"`activation` must be finite between {-_REACH:g} and {_REACH:g}; it is not")
    places = find_kinks(function) if kinks is None else tuple(sorted(float(k) for k in kinks))
    slope = derivative if derivative is not None else _one_sided(function, places)
    return Activation(getattr(phi, "__name__", "activation"), function, slope, places)
