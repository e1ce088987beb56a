"""Checks of arguments that many functions take."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable
from typing import Any, TypeGuard

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = [
    "MOST_COORDINATES",
    "is_integer",
    "is_real",
    "number_that",
    "one_for_each",
    "plain_array",
    "positive",
    "positive_numbers",
    "positive_vector",
    "real_array",
    "real_number",
    "steps_and_columns",
    "steps_and_stride",
    "whole_number",
    "whole_numbers",
]

# Of a position: names, states and draws are made at once for as many, and a dimension mistyped by powers of ten would take all memory.
MOST_COORDINATES = 10_000_000

_MOST = 2**63 - 1  # what a kernel can count


def is_integer(value: Any) -> TypeGuard[int]:
    """Whether `value` is an integer of Python or NumPy, as an index or an address is; True and False are none.

    Examples
    --------
    >>> is_integer(np.int8(3)), is_integer(3.0), is_integer(True)
    (True, False, False)
    """
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_real(value: Any) -> bool:
    """Whether `value` is a number of Python or NumPy, NaN and infinity included; True and False are none."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def whole_number(name: str, value: Any, least: int, most: float | None = None) -> int:
    """`value` as an int, or the error that says what argument `name` must be; 1e6 is as good as 1000000.

    Without `most` the limit is what 64 bits with a sign hold; `math.inf` is no limit, for seeds. A float beyond 2^53 is no whole number, since it does not
    tell which one is meant.

    Examples
    --------
    >>> whole_number("draws", 1e3, 0)
    1000
    >>> whole_number("draws", 1e300, 0)
    Traceback (most recent call last):
    ...
    weakchaos.core.errors.ArgumentError: `draws` must be a whole number of at least 0; got 1e+300
    """
    limits = f"of at least {least}" if most in (None, math.inf) else f"from {least} to {most}"
    message = f"`{name}` must be a whole number {limits}; got {shown(value)}"
    try:
        exact = isinstance(value, float) and value.is_integer() and abs(value) <= 2**53
        number = int(value) if exact else operator.index(value)
    except TypeError as error:
        raise (ArgumentError if isinstance(value, float) else ArgumentTypeError)(message) from error
    if most is None and number > _MOST:
        raise ArgumentError(f"`{name}` must be a whole number from {least} to {_MOST}; got {shown(value)}")
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


def real_number(name: str, value: Any, least: float = -math.inf, most: float = math.inf) -> float:
    """`value` as a finite float between two bounds; the error that says what argument `name` must be otherwise."""
    if not is_real(value) or not math.isfinite(value) or not least <= value <= most:
        between = "" if math.isinf(least) and math.isinf(most) else f" from {least:g} to {most:g}"
        raise ArgumentError(f"`{name}` must be a finite number{between}; got {shown(value)}")
    return float(value)


def number_that(
    name: str, value: Any, requirement: str, holds: Callable[[float], bool] = lambda v: True, finite: bool = True
) -> float:
    """`value` as a float for which `holds` is true, and finite unless said otherwise; the error that argument `name` must be `requirement`.

    Examples
    --------
    >>> number_that("level", 0.05, "between 0 and 1", lambda v: 0 < v < 1)
    0.05
    """
    message = f"`{name}` must be {requirement}; got {shown(value)}"
    if not is_real(value):
        raise ArgumentTypeError(message)
    if (finite and not math.isfinite(value)) or not holds(float(value)):
        raise ArgumentError(message)
    return float(value)


def plain_array(name: str, value: Any) -> np.ndarray:
    """`value` as `np.asarray` has it, and an error for a masked array: numbers behind a mask are missing, and a plain array would show them.

    Examples
    --------
    >>> plain_array("x", np.ma.masked_values([1.0, -999.0], -999.0))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    weakchaos.core.errors.ArgumentError: 1 of 2 numbers of `x` are masked, the first at index 1: cut or fill the gaps
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        bad = np.flatnonzero(np.ma.getmaskarray(value))
        raise ArgumentError(
            f"{bad.size} of {value.size} numbers of `{name}` are masked, the first at index {bad[0]}: cut or fill the gaps"
        )
    return np.asarray(value)


def real_array(name: str, value: Any, what: str = "an array") -> np.ndarray:
    """`value` as a new C-contiguous float64 array, not necessarily finite; the error where it holds no numbers.

    Examples
    --------
    >>> real_array("x", [1, 2])
    array([1., 2.])
    """
    value = plain_array(name, value) if isinstance(value, np.ndarray) else value
    try:
        array = np.asarray(value)
        if array.dtype.kind != "c":  # a cast would drop imaginary parts
            return np.array(array, np.float64, order="C")
    except (TypeError, ValueError, RuntimeError) as error:  # the last of tensors that have gradients or are on another device
        raise ArgumentTypeError(f"`{name}` must be {what} of numbers; got {shown(value)}") from error
    raise ArgumentTypeError(f"`{name}` must be {what} of real numbers; got complex ones: {shown(value)}")


def positive(name: str, value: Any) -> float:
    """`value` as a positive finite float; the error otherwise."""
    if not is_real(value) or not 0 < value <= sys.float_info.max:  # integers have no bound
        raise ArgumentError(f"`{name}` must be a positive number; got {shown(value)}")
    return float(value)


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


def positive_numbers(name: str, value: Any) -> Any:
    """`value` as it is where it is a positive number, as a tuple where it is a vector of them; the error otherwise."""
    if np.ndim(value) == 0:
        positive(name, value)
        return value
    return positive_vector(name, value)


def one_for_each(name: str, value: Any, n: int) -> np.ndarray:
    """An array of its own of shape (n,): a number is repeated, a vector must have this shape.

    Examples
    --------
    >>> one_for_each("scale", 2.0, 3)
    array([2., 2., 2.])
    """
    array = np.array(value, np.float64) if np.ndim(value) else np.full(n, float(value))
    if array.shape != (n,):
        raise ArgumentError(f"`{name}` must be a number or have shape ({n},); got shape {array.shape}")
    return array


def steps_and_stride(n: Any, every: Any) -> tuple[int, int]:
    """How many steps a system is to make, and which of them it tells: whole numbers, the first a multiple of the second; the error otherwise."""
    n, every = whole_number("n", n, 0), whole_number("every", every, 1)
    if n % every:
        raise ArgumentError(f"`n` must be a multiple of `every`; got n={n}, every={every}")
    return n, every


def steps_and_columns(n: Any, vectors: Any, size: int) -> tuple[int, np.ndarray]:
    """How many steps a system is to make, and the vectors that it is to carry along, columns of shape (size, k); the error otherwise."""
    n, columns = whole_number("n", n, 0), real_array("vectors", vectors)
    if columns.ndim != 2 or columns.shape[0] != size:
        raise ArgumentError(f"`vectors` must have shape ({size}, k); it has shape {columns.shape}")
    return n, columns
