"""Checks of arguments that many functions take."""

from __future__ import annotations

import operator
import sys
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["positive", "positive_vector", "real_array", "real_number", "whole_number", "whole_numbers"]


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> int:
    """`value` as an int, or the error that says what argument `name` must be; 1e6 is as good as 1000000.

    Examples
    --------
    >>> whole_number("draws", 1e3, 0)
    1000
    """
    limits = f"of at least {least}" if most is None else f"from {least} to {most}"
    message = f"`{name}` must be a whole number {limits}; got {shown(value)}"
    try:
        number = int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)
    except TypeError as error:
        raise (ArgumentError if isinstance(value, float) else ArgumentTypeError)(message) from error
    if isinstance(value, bool) or number < least or (most is not None and number > most):
        raise ArgumentError(message)
    return number


def whole_numbers(name: str, value: Any, least: int, most: int) -> np.ndarray:
    """`value`, one whole number or a sequence of them, as an int64 array of shape (n,); the error otherwise."""
    message = f"`{name}` must hold whole numbers from {least} to {most}; got {shown(value)}"
    try:
        array = np.atleast_1d(np.asarray(value))
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(message) from error
    if array.dtype.kind not in "iuf":
        raise ArgumentTypeError(message)
    if array.ndim != 1 or not array.size or not ((array >= least) & (array <= most) & (array == np.floor(array))).all():
        raise ArgumentError(message)
    return array.astype(np.int64)


def real_number(name: str, value: Any, least: float = -np.inf, most: float = np.inf) -> float:
    """`value` as a finite float between two bounds; the error that says what argument `name` must be otherwise."""
    number = not isinstance(value, bool) and isinstance(value, int | float | np.integer | np.floating) and np.isfinite(value)
    if not number or not least <= value <= most:
        between = "" if np.isinf([least, most]).all() else f" from {least:g} to {most:g}"
        raise ArgumentError(f"`{name}` must be a finite number{between}; got {shown(value)}")
    return float(value)


def real_array(name: str, value: Any, what: str = "an array") -> np.ndarray:
    """`value` as a new C-contiguous float64 array, not necessarily finite; the error where it holds no numbers.

    Examples
    --------
    >>> real_array("x", [1, 2])
    array([1., 2.])
    """
    try:
        return np.array(value, np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"`{name}` must be {what} of numbers; got {shown(value)}") from error


def positive(name: str, value: Any, whole: bool = False) -> None:
    """Refuse a hyper-parameter that is not a positive (whole) number."""
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if (
        isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value <= sys.float_info.max
    ):  # whole numbers have no bound
        raise ArgumentError(f"`{name}` must be a positive {'whole ' * whole}number; got {shown(value)}")


def positive_vector(name: str, value: Any) -> tuple[float, ...]:
    """`value` as a tuple of positive finite numbers, which compares and hashes where an array does not; the error otherwise.

    Examples
    --------
    >>> positive_vector("scale", np.array([1.0, 2.0]))
    (1.0, 2.0)
    """
    array = real_array(name, value)
    if array.ndim != 1 or not np.isfinite(array).all() or not (array > 0).all():
        raise ArgumentError(f"`{name}` must be a vector of positive finite numbers; got {shown(value)}")
    return tuple(array.tolist())
