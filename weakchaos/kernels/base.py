"""`Kernel`: what all positive definite kernels share, their sums and products, and the program that compiled code runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from weakchaos.core.arguments import is_real, real_array, real_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.kernels.kernel_columns import ADD, CONSTANT, MULTIPLY, diagonal, kernel_matrix

__all__ = ["Constant", "Kernel", "Product", "Program", "Sum", "by_coordinate", "finite_points"]


class Program(NamedTuple):
    """A kernel as compiled code takes it (see `weakchaos.kernels.kernel_columns`).

    Attributes
    ----------
    ops : int64 array of shape (m, 3)
    params : float64 array
    keep : tuple
        What must stay alive while `ops` holds its address.
    """

    ops: np.ndarray
    params: np.ndarray
    keep: tuple = ()


class Leaf(NamedTuple):
    """One operation: its code, numbers, and argument."""

    code: int
    numbers: Sequence[float] = ()
    argument: int = 0
    keep: Any = None


def finite_points(name: str, x: Any, dim: int | None = None) -> np.ndarray:
    """`x` as a C-contiguous float64 array of shape (n, dim), a vector being n points on a line; the error where it is not such, or not finite."""
    plain = isinstance(x, np.ndarray) and x.dtype == np.float64 and x.flags.c_contiguous and x.flags.aligned
    array = x if plain else real_array(name, x)  # no copy of what is only read: there may be millions of points
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not array.size:
        raise ArgumentError(f"`{name}` must hold points, one a row, as an array of shape (n, dim); got shape {array.shape}")
    if dim is not None and array.shape[1] != dim:
        raise ArgumentError(f"`{name}` must have points of dimension {dim}, as the others; got {array.shape[1]}")
    bad = ~np.isfinite(array).all(1)
    if bad.any():
        raise ArgumentError(
            f"`{name}` must be finite; {int(bad.sum())} of {len(array)} rows hold NaN or infinity, the first is row {int(bad.argmax())}: "
            "leave them out before"
        )
    return array


def by_coordinate(x: np.ndarray, dtype: Any = np.float64) -> np.ndarray:
    """Points as compiled code reads them: shape (dim, n), C-contiguous."""
    return np.ascontiguousarray(x.T, dtype)


class Kernel:
    """A positive definite function k(x, y). Kernels are frozen, compare by value, and can be added, multiplied and scaled.

    A subclass is a frozen dataclass that defines `leaf`, and where it has a length that can be ``"median"``, names it in `lengths`.

    Examples
    --------
    >>> from weakchaos.kernels import Gaussian, Polynomial
    >>> kernel = 2.0 * Gaussian(0.5) + Polynomial(degree=1)
    >>> kernel([[0.0], [1.0]], [[0.0]]).round(4)
    array([[3.    ],
           [1.2707]])
    """

    lengths: ClassVar[str] = ""

    def leaf(self, dim: int) -> Leaf:
        """The operation of this kernel on points of dimension `dim`."""
        raise TypeError(f"{type(self).__name__} does not define leaf")

    def check_points(self, name: str, x: np.ndarray) -> None:
        """Refuse points that lie outside of where the kernel is defined."""

    @property
    def parts(self) -> tuple[Kernel, ...]:
        """The kernels that a sum or product is made of."""
        return ()

    @property
    def constant_diagonal(self) -> float | None:
        """k(x, x) where it is the same for every x, else None."""
        return None

    # ---- what compiled code takes --------------------------------------------------------------------------------------------------

    def postfix(self, dim: int) -> list[Leaf]:
        """Operations in the order in which they are carried out."""
        return [self.leaf(dim)]

    def program(self, dim: int) -> Program:
        """The kernel as arrays for compiled code.

        Raises
        ------
        ArgumentError
            While a length is still ``"median"`` (see `fitted`), or where lengths are given for another number of coordinates.
        """
        rows: list[tuple[int, int, int]] = []
        params: list[float] = []
        keep: list[Any] = []
        for code, numbers, argument, kept in self.postfix(dim):
            rows.append((code, len(params), argument))
            params += [float(v) for v in numbers]
            keep.append(kept)
        return Program(np.array(rows, np.int64), np.array(params or [0.0]), tuple(keep))

    @property
    def is_fitted(self) -> bool:
        """Whether all lengths are numbers."""
        own = not self.lengths or not isinstance(getattr(self, self.lengths), str)
        return own and all(part.is_fitted for part in self.parts)

    def fitted(self, points: Any, weights: Any = None) -> Any:
        """This kernel with every length ``"median"`` replaced by the median distance of the points (see `median_distance`)."""
        from weakchaos.kernels.median import median_distance

        if self.is_fitted:
            return self
        x = finite_points("points", points)
        if not self.parts:
            return replace(self, **{self.lengths: median_distance(x, weights)})  # type: ignore[type-var]
        return type(self)(tuple(part.fitted(x, weights) for part in self.parts))  # type: ignore[call-arg]

    # ---- values --------------------------------------------------------------------------------------------------------------------

    def __call__(self, x: Any, y: Any = None) -> np.ndarray:
        """The matrix of k(x_i, y_j).

        Parameters
        ----------
        x : array of shape (n, dim) or (n,)
        y : array of shape (m, dim) or (m,), optional
            By default `x`.

        Returns
        -------
        array of shape (n, m)
        """
        left = finite_points("x", x)
        right = left if y is None else finite_points("y", y, left.shape[1])
        for name, points in (("x", left), ("y", right)):
            self.check_points(name, points)
        out = np.empty((len(left), len(right)))
        ops, params, keep = self.fitted(left).program(left.shape[1])
        kernel_matrix(ops, params, by_coordinate(left), by_coordinate(right), out)
        del keep
        return out

    def diagonal(self, x: Any) -> np.ndarray:
        """k(x_i, x_i), shape (n,)."""
        points = finite_points("x", x)
        self.check_points("x", points)
        out = np.empty(len(points))
        ops, params, keep = self.fitted(points).program(points.shape[1])
        diagonal(ops, params, by_coordinate(points), out)
        del keep
        return out

    # ---- algebra -------------------------------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Sum:
        if not isinstance(other, Kernel):
            return NotImplemented
        return Sum((*_terms(self, Sum), *_terms(other, Sum)))

    def __mul__(self, other: Any) -> Product:
        if is_real(other):
            other = Constant(float(other))
        if not isinstance(other, Kernel):
            return NotImplemented
        return Product((*_terms(self, Product), *_terms(other, Product)))

    __rmul__ = __mul__


def _terms(kernel: Kernel, kind: type) -> tuple[Kernel, ...]:
    return kernel.parts if isinstance(kernel, kind) else (kernel,)


@dataclass(frozen=True)
class Constant(Kernel):
    """k(x, y) = value, a positive number; a factor of products."""

    value: float = 1.0

    def __post_init__(self) -> None:
        if real_number("value", self.value) <= 0:
            raise ArgumentError(
                f"`value` must be a positive number, or the kernel is not positive definite; got {shown(self.value)}"
            )

    def leaf(self, dim: int) -> Leaf:
        """See `Kernel.leaf`."""
        return Leaf(CONSTANT, (self.value,))

    @property
    def constant_diagonal(self) -> float:
        """The value."""
        return float(self.value)


@dataclass(frozen=True)
class _Joined(Kernel):
    """Kernels joined by an operation, which is carried out from left to right."""

    kernels: tuple[Kernel, ...]
    operation: ClassVar[int] = ADD

    def __post_init__(self) -> None:
        if not isinstance(self.kernels, tuple | list) or not self.kernels:
            raise ArgumentTypeError(f"`kernels` must be a tuple of kernels; got {shown(self.kernels)}")
        for kernel in self.kernels:
            if not isinstance(kernel, Kernel):
                raise ArgumentTypeError(f"`kernels` must hold kernels only; got {shown(kernel)}")
        object.__setattr__(self, "kernels", tuple(self.kernels))

    @property
    def parts(self) -> tuple[Kernel, ...]:
        """The kernels."""
        return self.kernels

    def check_points(self, name: str, x: np.ndarray) -> None:
        """See `Kernel.check_points`."""
        for kernel in self.kernels:
            kernel.check_points(name, x)

    def postfix(self, dim: int) -> list[Leaf]:
        """See `Kernel.postfix`."""
        out = self.kernels[0].postfix(dim)
        for kernel in self.kernels[1:]:
            out += [*kernel.postfix(dim), Leaf(self.operation)]
        return out

    def _diagonals(self) -> list[float] | None:
        values = [kernel.constant_diagonal for kernel in self.kernels]
        return None if None in values else [float(v) for v in values if v is not None]


class Sum(_Joined):
    """k(x, y) = k_1(x, y) + k_2(x, y) + ..."""

    @property
    def constant_diagonal(self) -> float | None:
        """See `Kernel.constant_diagonal`."""
        values = self._diagonals()
        return None if values is None else float(sum(values))


class Product(_Joined):
    """k(x, y) = k_1(x, y) k_2(x, y) ..."""

    operation = MULTIPLY

    @property
    def constant_diagonal(self) -> float | None:
        """See `Kernel.constant_diagonal`."""
        values = self._diagonals()
        return None if values is None else float(np.prod(values))


def length(name: str, value: Any, dim: int | None = None) -> tuple[float, ...]:
    """The one or several lengths of a kernel as a tuple, for points of dimension `dim` where it is told."""
    if isinstance(value, str):
        raise ArgumentError(f"`{name}` is {value!r}, which only points can give: call kernel.fitted(points) first")
    out = value if isinstance(value, tuple) else (float(value),)
    if dim is not None and len(out) not in (1, dim):
        raise ArgumentError(f"`{name}` must be one number, or one for each of {dim} coordinates; got {len(out)}")
    return out


def checked_length(kernel: Any) -> None:
    """Check and normalise the field of lengths of a kernel that is being made: a positive number, a tuple of them, or "median"."""
    from weakchaos.core.arguments import positive, positive_vector

    name = kernel.lengths
    value = getattr(kernel, name)
    if isinstance(value, str):
        if value != "median":
            raise ArgumentError(f"`{name}` must be a positive number, one for each coordinate, or 'median'; got {shown(value)}")
    elif np.ndim(value) == 0:
        positive(name, value)
        object.__setattr__(kernel, name, float(value))
    else:
        object.__setattr__(kernel, name, positive_vector(name, value))


def field_names(kernel: Any) -> list[str]:
    """Names of the hyper-parameters of a kernel."""
    return [f.name for f in fields(kernel)]
