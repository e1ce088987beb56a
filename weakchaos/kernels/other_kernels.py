"""Kernels that are no functions of a distance: periodic Sobolev (Bernoulli), Brownian, polynomial, and any function of the user's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import positive, real_number, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.kernels.base import Kernel, Leaf
from weakchaos.kernels.kernel_columns import BERNOULLI, BROWNIAN, POLYNOMIAL, USER

__all__ = ["Bernoulli", "Brownian", "Polynomial", "UserKernel", "as_kernel"]


@dataclass(frozen=True)
class Bernoulli(Kernel):
    """The periodic Sobolev kernel on the unit torus: prod_i (1 + scale (-1)^(order + 1) B_{2 order}({x_i - y_i})), B_n the Bernoulli polynomials.

    Its space are periodic functions with `order` square integrable derivatives; mean 1 under the uniform distribution. Wahba, Spline Models for
    Observational Data (1990), chapter 2. With order 1 and one coordinate, 1 + B_2({x - y}), the points of herding are equally spaced.

    Parameters
    ----------
    order : {1, 2, 3}
    scale : float
        Weight of the part that varies.
    """

    order: int = 1
    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", whole_number("order", self.order, 1, 3))
        positive("scale", self.scale)

    def leaf(self, dim: int) -> Leaf:
        """See `Kernel.leaf`."""
        return Leaf(BERNOULLI, (self.scale, self.order))


@dataclass(frozen=True)
class Brownian(Kernel):
    r"""A product of minima, for points with coordinates of at least 0; the covariance of Brownian motion where `offset` is 0.

    Notes
    -----
    $$k(x, y) = \prod_i \left(c + \min(x_i, y_i)\right), \qquad c = \text{offset}$$
    """

    offset: float = 1.0

    def __post_init__(self) -> None:
        if real_number("offset", self.offset) < 0:
            raise ArgumentError(f"`offset` must be at least 0, or the kernel is not positive definite; got {shown(self.offset)}")

    def leaf(self, dim: int) -> Leaf:
        """See `Kernel.leaf`."""
        return Leaf(BROWNIAN, (self.offset,))

    def check_points(self, name: str, x: np.ndarray) -> None:
        """See `Kernel.check_points`."""
        if (x < 0).any():
            raise ArgumentError(f"`{name}` must have coordinates of at least 0 for a Brownian kernel; the least is {x.min():.3g}")


@dataclass(frozen=True)
class Polynomial(Kernel):
    r"""A power of the inner product; its discrepancy compares moments up to `degree`.

    Notes
    -----
    $$k(x, y) = \left(c + \frac{x^T y}{s^2}\right)^n, \qquad c = \text{constant}, \quad s = \text{scale}, \quad n = \text{degree}$$
    """

    degree: int = 2
    constant: float = 1.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "degree", whole_number("degree", self.degree, 1, 64))
        positive("scale", self.scale)
        if real_number("constant", self.constant) < 0:
            raise ArgumentError(
                f"`constant` must be at least 0, or the kernel is not positive definite; got {shown(self.constant)}"
            )

    def leaf(self, dim: int) -> Leaf:
        """See `Kernel.leaf`."""
        return Leaf(POLYNOMIAL, (self.constant, self.scale**-2, self.degree))


@dataclass(frozen=True)
class UserKernel(Kernel):
    """A function of the user's, ``f(x, y) -> float`` of two vectors of shape (dim,), compiled by numba.

    Only the function itself is compiled, in a fraction of a second; the selectors call it by its address. Parameters may be captured
    from around it. It must be symmetric and positive definite: `check_definite` looks, and selectors do before they begin.

    Examples
    --------
    >>> import numpy as np
    >>> def cosine(x, y):
    ...     return np.cos(x[0] - y[0])
    >>> UserKernel(cosine)([[0.0], [np.pi]]).round(6)
    array([[ 1., -1.],
           [-1.,  1.]])
    """

    function: Any
    _compiled: dict = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ArgumentTypeError(f"`function` must be a function of two vectors, f(x, y) -> float; got {shown(self.function)}")

    def leaf(self, dim: int) -> Leaf:
        """See `Kernel.leaf`."""
        if "code" not in self._compiled:
            self._compiled["code"] = _compile(self.function)
        return Leaf(USER, (), self._compiled["code"].address, self._compiled["code"])


def _compile(function: Any) -> Any:
    from numba import carray, cfunc, float64, int64, njit, types
    from numba.core.dispatcher import Dispatcher
    from numba.core.errors import NumbaError

    own = function if isinstance(function, Dispatcher) else njit(function)

    def call(x, y, dim):
        # An exception has no way out of a C function: NaN is found by whoever called, and the function is then asked again in Python.
        try:
            return own(carray(x, (dim,)), carray(y, (dim,)))
        except Exception:
            return np.nan

    number = types.CPointer(float64)
    try:
        return cfunc(float64(number, number, int64))(call)
    except NumbaError as error:
        raise ArgumentTypeError(
            f"`function` must be one that numba compiles, f(x, y) -> float of two float64 vectors; {shown(function)} is not: {error}"
        ) from error


def as_kernel(value: Any, name: str = "kernel") -> Kernel:
    """A kernel as it is, a function as a `UserKernel`; the error otherwise."""
    if isinstance(value, Kernel):
        return value
    if callable(value) and not isinstance(value, type):
        return UserKernel(value)
    raise ArgumentTypeError(
        f"`{name}` must be a kernel, weakchaos.kernels.Gaussian(1.0) for example, or a function f(x, y) that numba compiles; got {shown(value)}"
    )
