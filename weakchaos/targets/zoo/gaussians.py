"""Gaussians of any covariance and their mixtures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import MOST_COORDINATES, number_that, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.native.compiled import kernel
from weakchaos.targets.zoo.base import ZooDensity, numbers

__all__ = ["correlated_gaussian", "gaussian", "gaussian_mixture", "ill_conditioned_gaussian"]


@kernel
def _diagonal(x, out, mean, precision):
    total = 0.0
    for i in range(x.size):
        z = x[i] - mean[i]
        out[i] = -precision[i] * z
        total += out[i] * z
    return 0.5 * total


@kernel
def _whitened(x, out, mean, whitening, transposed):
    # Both products run along rows of what they add up, so that they vectorise without reordering a sum.
    dim = x.size
    y = np.zeros(dim)
    for j in range(dim):
        z = x[j] - mean[j]
        for i in range(dim):
            y[i] += transposed[j, i] * z
    total = 0.0
    for j in range(dim):
        out[j] = 0.0
    for i in range(dim):
        total += y[i] * y[i]
        for j in range(dim):
            out[j] -= whitening[i, j] * y[i]
    return -0.5 * total


@kernel
def _mixture(x, out, means, sds, log_weights):
    components, dim = means.shape
    logs = np.empty(components)
    top = -math.inf
    for k in range(components):
        total = 0.0
        for i in range(dim):
            z = (x[i] - means[k, i]) / sds[k, i]
            total += z * z
        logs[k] = log_weights[k] - 0.5 * total
        top = max(top, logs[k])
    mass = 0.0
    for k in range(components):
        logs[k] = math.exp(logs[k] - top)
        mass += logs[k]
    for i in range(dim):
        out[i] = 0.0
    for k in range(components):
        share = logs[k] / mass
        for i in range(dim):
            out[i] -= share * (x[i] - means[k, i]) / (sds[k, i] * sds[k, i])
    return top + math.log(mass)


def _independent(entry: str, arguments: dict, mean: np.ndarray, sds: np.ndarray, source: str) -> ZooDensity:
    return ZooDensity(entry, arguments, _diagonal, mean.size, (mean, sds**-2.0),
                      lambda rng, n: mean + sds * rng.standard_normal((n, mean.size)), means=mean, sds=sds, source=source)  # fmt: skip


def _correlated(entry: str, arguments: dict, mean: np.ndarray, root: np.ndarray, whitening: np.ndarray, source: str) -> ZooDensity:
    """A Gaussian of covariance ``root @ root.T``; `whitening` is the inverse of `root`.

    The density is that of ``y = whitening @ (x - mean)``, a standard normal: a precision matrix would hold stiff and soft directions in
    the same entries and lose the soft ones to rounding when the condition number passes 1e16.
    """
    return ZooDensity(entry, arguments, _whitened, mean.size, (mean, np.ascontiguousarray(whitening), np.ascontiguousarray(whitening.T)),
                      lambda rng, n: mean + rng.standard_normal((n, mean.size)) @ root.T,
                      means=mean, sds=np.sqrt(np.square(root).sum(1)), source=source)  # fmt: skip


def _cholesky(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.linalg import solve_triangular

    scale = np.abs(covariance).max()
    if covariance.shape[0] != covariance.shape[1] or np.abs(covariance - covariance.T).max() > 1e-12 * scale:
        raise ArgumentError(f"`sds_or_cov` must be a symmetric matrix; got shape {covariance.shape}: pass (A + A.T) / 2")
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise ArgumentError("`sds_or_cov` must be positive definite; its Cholesky factor does not exist") from error
    return root, solve_triangular(root, np.eye(len(root)), lower=True)


def gaussian(sds_or_cov: Any = (1.0, 2.0), mean: Any = None) -> ZooDensity:
    """A Gaussian, with independent coordinates or any covariance.

    Parameters
    ----------
    sds_or_cov : array of shape (dim,) or (dim, dim)
        Standard deviations, or the covariance matrix.
    mean : array of shape (dim,), optional
        Zero by default.

    Returns
    -------
    ZooDensity

    Raises
    ------
    ArgumentError
        For standard deviations that are not positive, a matrix that is not symmetric and positive definite, a mean of another length.

    Examples
    --------
    >>> gaussian([1.0, 2.0]).logp([0.0, 2.0])
    -0.5
    >>> gaussian([[2.0, 1.0], [1.0, 4.0]]).sds ** 2
    array([2., 4.])
    """
    given = numbers("sds_or_cov", sds_or_cov)
    if given.ndim not in (1, 2):
        raise ArgumentError(f"`sds_or_cov` must have shape (dim,) or (dim, dim); got {given.shape}")
    centre = np.zeros(len(given)) if mean is None else numbers("mean", mean)
    if centre.shape != (len(given),):
        raise ArgumentError(f"`mean` must have shape ({len(given)},); got {centre.shape}")
    arguments, source = {"sds_or_cov": given, "mean": None if mean is None else centre}, "exact: the parameters themselves"
    if given.ndim == 2:
        return _correlated("gaussian", arguments, centre, *_cholesky(given), source)
    if not (given > 0).all():
        raise ArgumentError(f"`sds_or_cov` must hold positive standard deviations; got {shown(sds_or_cov)}")
    return _independent("gaussian", arguments, centre, given, source)


def correlated_gaussian(rho: float = 0.9) -> ZooDensity:
    """Two standard normal coordinates of correlation `rho`.

    Parameters
    ----------
    rho : float
        Between -1 and 1, both excluded.

    Returns
    -------
    ZooDensity

    Examples
    --------
    >>> round(correlated_gaussian(0.5).logp([1.0, 0.0]), 6)  # -x0^2 / (2 (1 - rho^2))
    -0.666667
    """
    rho = number_that("rho", rho, "a number between -1 and 1, both excluded", lambda v: -1 < v < 1)
    s = math.sqrt((1.0 - rho) * (1.0 + rho))
    root, whitening = np.array([[1.0, 0.0], [rho, s]]), np.array([[1.0, 0.0], [-rho / s, 1.0 / s]])
    return _correlated("correlated_gaussian", {"rho": rho}, np.zeros(2), root, whitening, "exact: standard normal marginals")


def ill_conditioned_gaussian(dim: int = 10, condition_number: float = 100.0, seed: int = 0, rotated: bool = True) -> ZooDensity:
    """A Gaussian whose variances along its axes are log-spaced from ``condition_number**-0.5`` to ``condition_number**0.5``.

    Parameters
    ----------
    dim : int
    condition_number : float
        Largest variance divided by the smallest, at least 1; it may be far larger than 1e16, because the density is computed along the axes.
    seed : int
        Seed of the rotation.
    rotated : bool
        Whether the axes are turned by a rotation of uniform (Haar) distribution; otherwise they are the coordinate axes.

    Returns
    -------
    ZooDensity

    Notes
    -----
    The rotation is the Q of the QR decomposition of a normal matrix, with signs that make it uniform: Mezzadri, Notices of the AMS 54
    (2007) 592, arXiv:math-ph/0609050.

    Examples
    --------
    >>> ill_conditioned_gaussian(3, 100.0, rotated=False).sds ** 2
    array([ 0.1,  1. , 10. ])
    """
    dim = whole_number("dim", dim, 1, MOST_COORDINATES)
    ratio = number_that("condition_number", condition_number, "at least 1", lambda v: v >= 1)
    seed = whole_number("seed", seed, 0, math.inf)
    if not isinstance(rotated, bool | np.bool_):
        raise ArgumentTypeError(f"`rotated` must be True or False; got {shown(rotated)}")
    if dim == 1 and ratio != 1:
        raise ArgumentError(f"`condition_number` of a single coordinate must be 1; got {shown(condition_number)}")
    sds = np.geomspace(ratio**-0.25, ratio**0.25, dim)
    arguments = {"dim": dim, "condition_number": ratio, "seed": seed, "rotated": bool(rotated)}
    source = "exact: sd_i**2 = sum_k rotation_ik**2 variance_k"
    if not rotated:
        return _independent("ill_conditioned_gaussian", arguments, np.zeros(dim), sds, source)
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))
    rotation = q * np.sign(np.diag(r))
    return _correlated("ill_conditioned_gaussian", arguments, np.zeros(dim), rotation * sds, (rotation / sds).T, source)


def gaussian_mixture(means: Any = ((-4.0, 0.0), (4.0, 0.0)), sds: Any = 1.0, weights: Any = None) -> ZooDensity:
    """A mixture of Gaussians with independent coordinates within each component.

    Parameters
    ----------
    means : array of shape (k, dim)
        Means of the components.
    sds : float or array of shape (k,) or (k, dim)
        Standard deviations within the components.
    weights : array of shape (k,), optional
        Positive numbers with any sum; equal by default.

    Returns
    -------
    ZooDensity

    Raises
    ------
    ArgumentError
        For shapes that do not fit, and for standard deviations or weights that are not positive.

    Examples
    --------
    >>> target = gaussian_mixture([[-3.0], [3.0]])
    >>> target.sds ** 2  # within a component plus between them
    array([10.])
    """
    centres = numbers("means", means)
    if centres.ndim != 2:
        raise ArgumentError(f"`means` must have shape (k, dim), a row for each component; got {centres.shape}")
    count, dim = centres.shape
    given = numbers("sds", sds)
    if given.shape not in ((), (count,), (count, dim)) or not (given > 0).all():
        raise ArgumentError(f"`sds` must be positive, a number or of shape ({count},) or ({count}, {dim}); got {shown(sds)}")
    widths = np.ascontiguousarray(np.broadcast_to(given[:, None] if given.ndim == 1 else given, (count, dim)))
    mass = np.ones(count) if weights is None else numbers("weights", weights)
    if mass.shape != (count,) or not (mass > 0).all():
        raise ArgumentError(f"`weights` must be positive and of shape ({count},); got {shown(weights)}")
    share = mass / mass.sum()
    mean = share @ centres
    variance = share @ (widths**2 + (centres - mean) ** 2)

    def simulator(rng: np.random.Generator, n: int) -> np.ndarray:
        k = rng.choice(count, n, p=share)
        return centres[k] + widths[k] * rng.standard_normal((n, dim))

    arguments = {"means": centres, "sds": given if given.ndim else float(given), "weights": None if weights is None else mass}
    return ZooDensity("gaussian_mixture", arguments, _mixture, dim, (centres, widths, np.log(share) - np.log(widths).sum(1)), simulator,
                      means=mean, sds=np.sqrt(variance), source="exact: variance within components plus variance between them")  # fmt: skip
