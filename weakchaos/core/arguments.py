"""Checks of arguments that many functions take."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["whole_number", "whole_numbers"]


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
