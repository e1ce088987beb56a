"""Curved, funnel-shaped and heavy-tailed targets whose moments have closed forms."""

from __future__ import annotations

import math

import numpy as np

from weakchaos.core.arguments import MOST_COORDINATES, number_that, whole_number
from weakchaos.native.compiled import kernel
from weakchaos.targets.zoo.base import ZooDensity

__all__ = ["banana", "funnel", "rosenbrock", "student_t"]


@kernel
def _parabola(x, out, mean, sd, curvature, offset, width):
    z = (x[0] - mean) / sd
    r = (x[1] - curvature * (x[0] * x[0] - offset)) / width
    out[1] = -r / width
    out[0] = -z / sd + 2.0 * curvature * x[0] * r / width
    return -0.5 * (z * z + r * r)


@kernel
def _funnel(x, out):
    n, v = x.size - 1, x[0]
    squares = 0.0
    for i in range(1, x.size):
        squares += x[i] * x[i]
    precision = math.exp(-v)
    # At v < -709 the precision overflows, and 0 * inf would be NaN where the limit is 0.
    energy = squares * precision if squares > 0.0 else 0.0
    out[0] = -v / 9.0 - 0.5 * n + 0.5 * energy
    for i in range(1, x.size):
        out[i] = -x[i] * precision if x[i] != 0.0 else 0.0
    return -v * v / 18.0 - 0.5 * n * v - 0.5 * energy


@kernel
def _student(x, out, dof):
    squares = 0.0
    for i in range(x.size):
        squares += x[i] * x[i]
    factor = -(dof + x.size) / (dof + squares)
    for i in range(x.size):
        out[i] = factor * x[i]
    return -0.5 * (dof + x.size) * math.log1p(squares / dof)


def _on_parabola(entry: str, arguments: dict, mean: float, sd: float, curvature: float, offset: float, width: float) -> ZooDensity:
    """``x0 ~ N(mean, sd^2)``, ``x1 | x0 ~ N(curvature (x0^2 - offset), width^2)``."""

    def simulator(rng: np.random.Generator, n: int) -> np.ndarray:
        z = rng.standard_normal((n, 2))
        x0 = mean + sd * z[:, 0]
        return np.stack([x0, curvature * (x0**2 - offset) + width * z[:, 1]], 1)

    square_variance = 2.0 * sd**4 + 4.0 * mean**2 * sd**2
    return ZooDensity(
        entry,
        arguments,
        _parabola,
        2,
        (mean, sd, curvature, offset, width),
        simulator,
        means=[mean, curvature * (mean**2 + sd**2 - offset)],
        sds=[sd, math.hypot(width, curvature * math.sqrt(square_variance))],
        source="exact: Var(x0**2) = 2 s**4 + 4 m**2 s**2 for x0 ~ N(m, s**2)",
    )


def banana(a: float = 10.0, b: float = 0.03) -> ZooDensity:
    """A Gaussian bent into a banana: ``x0 ~ N(0, a^2)``, ``x1 | x0 ~ N(b (x0^2 - a^2), 1)``.

    Parameters
    ----------
    a : float
        Standard deviation of x0, positive.
    b : float
        Curvature of the bend; 0.03 is moderate, 0.1 is strong.

    Returns
    -------
    ZooDensity
        Of dimension 2, means 0 and standard deviations ``a`` and ``sqrt(1 + 2 b^2 a^4)``.

    Notes
    -----
    The ends of the banana point upwards. The density of Haario, Saksman and Tamminen, Computational Statistics 14 (1999) 375,
    doi:10.1007/s001800050022, is its mirror image, which a negative `b` gives.

    Examples
    --------
    >>> banana(a=1.0, b=2.0).sds
    array([1., 3.])
    """
    a = number_that("a", a, "a positive finite number", lambda v: v > 0)
    b = number_that("b", b, "a finite number")
    return _on_parabola("banana", {"a": a, "b": b}, 0.0, a, b, a * a, 1.0)


def rosenbrock(mu: float = 1.0, a: float = 0.05, b: float = 5.0) -> ZooDensity:
    """Rosenbrock's valley as a density, ``exp(-a (x0 - mu)^2 - b (x1 - x0^2)^2)``.

    Parameters
    ----------
    mu : float
    a, b : float
        Positive.

    Returns
    -------
    ZooDensity
        Of dimension 2; x0 is ``N(mu, 1 / (2 a))`` and x1 given x0 is ``N(x0^2, 1 / (2 b))``.

    Notes
    -----
    The two-dimensional case of Pagani, Wiegand and Nadarajah, Scandinavian Journal of Statistics 49 (2022) 657, arXiv:1903.09556,
    where the same defaults are used.

    Examples
    --------
    >>> rosenbrock().means
    array([ 1., 11.])
    """
    mu = number_that("mu", mu, "a finite number")
    a = number_that("a", a, "a positive finite number", lambda v: v > 0)
    b = number_that("b", b, "a positive finite number", lambda v: v > 0)
    return _on_parabola("rosenbrock", {"mu": mu, "a": a, "b": b}, mu, math.sqrt(0.5 / a), 1.0, 0.0, math.sqrt(0.5 / b))


def funnel(dim: int = 10) -> ZooDensity:
    """Neal's funnel: ``v ~ N(0, 9)``, ``x_i | v ~ N(0, exp(v))``.

    Parameters
    ----------
    dim : int
        At least 2, v included.

    Returns
    -------
    ZooDensity
        Means 0; the standard deviation of v is 3, that of each x_i is ``exp(9/4)``.

    Notes
    -----
    Neal, Annals of Statistics 31 (2003) 705, doi:10.1214/aos/1056562461, section 8, with dim 10.

    Examples
    --------
    >>> funnel(3).sds.round(4)
    array([3.    , 9.4877, 9.4877])
    """
    dim = whole_number("dim", dim, 2, MOST_COORDINATES)

    def simulator(rng: np.random.Generator, n: int) -> np.ndarray:
        x = rng.standard_normal((n, dim))
        x[:, 0] *= 3.0
        x[:, 1:] *= np.exp(0.5 * x[:, :1])
        return x

    sds = np.full(dim, math.exp(2.25))
    sds[0] = 3.0
    return ZooDensity("funnel", {"dim": dim}, _funnel, dim, (), simulator, means=np.zeros(dim), sds=sds,
                      names=["v", *(f"x{i}" for i in range(1, dim))], source="exact: Var(x_i) = E exp(v) = exp(9/2)")  # fmt: skip


def student_t(dof: float = 5.0, dim: int = 2) -> ZooDensity:
    """The multivariate Student t distribution of unit scale matrix: tails that fall like a power.

    Parameters
    ----------
    dof : float
        Degrees of freedom, positive. The means exist above 1 and the standard deviations above 2; ``means`` or ``sds`` is None where they
        do not.
    dim : int

    Returns
    -------
    ZooDensity

    Notes
    -----
    ``logp = -(dof + dim) / 2 log(1 + |x|^2 / dof)``: Kotz and Nadarajah, Multivariate t Distributions and Their Applications (2004),
    doi:10.1017/CBO9780511550683. The coordinates are uncorrelated, not independent.

    Examples
    --------
    >>> student_t(dof=4.0, dim=3).sds ** 2  # dof / (dof - 2)
    array([2., 2., 2.])
    >>> student_t(dof=1.0).means is None
    True
    """
    dof = number_that("dof", dof, "a positive finite number", lambda v: v > 0)
    dim = whole_number("dim", dim, 1, MOST_COORDINATES)

    def simulator(rng: np.random.Generator, n: int) -> np.ndarray:
        z = rng.standard_normal((n, dim))
        return z / np.sqrt(rng.chisquare(dof, (n, 1)) / dof)

    return ZooDensity("student_t", {"dof": dof, "dim": dim}, _student, dim, (dof,), simulator,
                      means=np.zeros(dim) if dof > 1 else None, sds=np.full(dim, math.sqrt(dof / (dof - 2))) if dof > 2 else None,
                      source="exact: variance dof / (dof - 2)")  # fmt: skip
