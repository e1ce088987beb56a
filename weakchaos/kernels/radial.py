"""Kernels of the distance of two points: Gaussian, Laplace, Matern, inverse multiquadric, rational quadratic, energy distance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from weakchaos.core.arguments import positive, real_array
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.kernels.base import Kernel, Leaf, checked_length, length
from weakchaos.kernels.kernel_columns import ENERGY, GAUSSIAN, LAPLACE, MATERN, POWER

__all__ = ["EnergyDistance", "Gaussian", "InverseMultiquadric", "Laplace", "Matern12", "Matern32", "Matern52", "RationalQuadratic"]


class _Stationary(Kernel):
    """A kernel of the differences of coordinates, divided by one length or by one for each coordinate."""

    lengths: ClassVar[str] = "bandwidth"

    def __post_init__(self) -> None:
        checked_length(self)

    def _scaled(self, code: int, dim: int, isotropic: Any, weighted: Any) -> Leaf:
        """A leaf whose numbers come from one length, or from lengths 1 and a weight for each coordinate."""
        h = length(self.lengths, getattr(self, self.lengths), dim)
        if len(h) == 1:
            return Leaf(code, isotropic(h[0]))
        return Leaf(code, (*weighted, *(1.0 / v for v in h)), 1)

    @property
    def constant_diagonal(self) -> float | None:
        """k(x, x)."""
        return 1.0


@dataclass(frozen=True)
class Gaussian(_Stationary):
    r"""The Gaussian kernel: smooth, and near 0 beyond a few bandwidths.

    Parameters
    ----------
    bandwidth : float, sequence of float, or "median"
        In units of the points; one for each coordinate where they differ. ``"median"`` is the median distance of the points.

    Notes
    -----
    $$k(x, y) = \exp\left(-\frac{|x - y|^2}{2 h^2}\right), \qquad h = \text{bandwidth}$$

    Examples
    --------
    >>> float(Gaussian(1.0)([[0.0]], [[1.0]])[0, 0]) == math.exp(-0.5)
    True
    """

    bandwidth: Any = "median"

    def leaf(self, dim: int) -> Leaf:
        """See `Kernel.leaf`."""
        return self._scaled(GAUSSIAN, dim, lambda h: (0.5 / h**2,), (0.5,))


@dataclass(frozen=True)
class Laplace(_Stationary):
    r"""The Laplace kernel, a product over coordinates; `Matern12` has the Euclidean distance instead.

    Notes
    -----
    $$k(x, y) = \exp\left(-\sum_i \frac{|x_i - y_i|}{h}\right), \qquad h = \text{bandwidth}$$
    """

    bandwidth: Any = "median"

    def leaf(self, dim: int) -> Leaf:
        """See `Kernel.leaf`."""
        return self._scaled(LAPLACE, dim, lambda h: (1.0 / h,), (1.0,))


class _Matern(_Stationary):
    """Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), equation 4.17."""

    order: ClassVar[int] = 0  # nu - 1/2

    def leaf(self, dim: int) -> Leaf:
        """See `Kernel.leaf`."""
        s = math.sqrt(2 * self.order + 1)
        return self._scaled(MATERN, dim, lambda h: (self.order, s / h), (self.order, s))


@dataclass(frozen=True)
class Matern12(_Matern):
    """k(x, y) = exp(-r), r = |x - y| / bandwidth."""

    bandwidth: Any = "median"


@dataclass(frozen=True)
class Matern32(_Matern):
    r"""The Matérn kernel of smoothness 3/2.

    Notes
    -----
    $$k(x, y) = (1 + r) e^{-r}, \qquad r = \sqrt{3} |x - y| / h, \qquad h = \text{bandwidth}$$
    """

    bandwidth: Any = "median"
    order: ClassVar[int] = 1


@dataclass(frozen=True)
class Matern52(_Matern):
    r"""The Matérn kernel of smoothness 5/2.

    Notes
    -----
    $$k(x, y) = \left(1 + r + \frac{r^2}{3}\right) e^{-r}, \qquad r = \sqrt{5} |x - y| / h, \qquad h = \text{bandwidth}$$
    """

    bandwidth: Any = "median"
    order: ClassVar[int] = 2


@dataclass(frozen=True)
class InverseMultiquadric(_Stationary):
    r"""The inverse multiquadric kernel, which falls like a power of the distance.

    Parameters
    ----------
    bandwidth : float, sequence of float, or "median"
    exponent : float
        Positive; the usual choice is 1/2.

    Notes
    -----
    $$k(x, y) = \left(1 + \frac{|x - y|^2}{h^2}\right)^{-\beta}, \qquad h = \text{bandwidth}, \quad \beta = \text{exponent}$$
    """

    bandwidth: Any = "median"
    exponent: float = 0.5

    def __post_init__(self) -> None:
        checked_length(self)
        positive("exponent", self.exponent)

    def leaf(self, dim: int) -> Leaf:
        """See `Kernel.leaf`."""
        return self._scaled(POWER, dim, lambda h: (1.0, 1.0 / h**2, self.exponent), (1.0, 1.0, self.exponent))


@dataclass(frozen=True)
class RationalQuadratic(_Stationary):
    r"""The rational quadratic kernel, a mixture of Gaussian kernels of many bandwidths.

    Notes
    -----
    $$k(x, y) = \left(1 + \frac{|x - y|^2}{2 \alpha h^2}\right)^{-\alpha}, \qquad h = \text{bandwidth}$$
    """

    bandwidth: Any = "median"
    alpha: float = 1.0

    def __post_init__(self) -> None:
        checked_length(self)
        positive("alpha", self.alpha)

    def leaf(self, dim: int) -> Leaf:
        """See `Kernel.leaf`."""
        a = float(self.alpha)
        return self._scaled(POWER, dim, lambda h: (1.0, 0.5 / (a * h**2), a), (1.0, 0.5 / a, a))


@dataclass(frozen=True)
class EnergyDistance(Kernel):
    r"""The kernel whose squared maximum mean discrepancy is the energy distance.

    Sejdinovic, Sriperumbudur, Gretton, Fukumizu, Ann. Stat. 41 (2013) 2263. The discrepancy does not depend on the centre; k itself is positive
    definite for every one.

    Parameters
    ----------
    centre : sequence of float, optional
        The point c; the origin by default.

    Notes
    -----
    $$k(x, y) = |x - c| + |y - c| - |x - y|, \qquad \mathrm{MMD}^2 = 2 E |X - Y| - E |X - X'| - E |Y - Y'|$$
    """

    centre: Any = None

    def __post_init__(self) -> None:
        if self.centre is not None:
            c = real_array("centre", self.centre)
            if c.ndim != 1 or not np.isfinite(c).all():
                raise ArgumentError(f"`centre` must be a vector of finite numbers; got {shown(self.centre)}")
            object.__setattr__(self, "centre", tuple(c.tolist()))

    def leaf(self, dim: int) -> Leaf:
        """See `Kernel.leaf`."""
        c = (0.0,) * dim if self.centre is None else self.centre
        if len(c) != dim:
            raise ArgumentError(f"`centre` must have {dim} coordinates, as the points; got {len(c)}")
        return Leaf(ENERGY, c)
