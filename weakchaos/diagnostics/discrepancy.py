"""Distances between point sets and distributions: maximum mean discrepancy, L2-star discrepancy, sliced Wasserstein distance.

Gretton, Borgwardt, Rasch, Schoelkopf and Smola, JMLR 13 (2012) 723: MMD^2 = E k(X, X') - 2 E k(X, Y) + E k(Y, Y'). Sums over all pairs are exact, in memory of the order
of the points.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.herding.selection.selected import Selection
from weakchaos.kernels.base import Kernel, finite_points
from weakchaos.kernels.definite import check_definite
from weakchaos.kernels.distributions import Distribution
from weakchaos.kernels.mean_embedding import cross_sums, embed, normalised_weights, own_sums
from weakchaos.kernels.other_kernels import Brownian, UserKernel, as_kernel
from weakchaos.kernels.radial import Gaussian

__all__ = ["mmd", "sliced_wasserstein", "star_discrepancy"]


def mmd(x: Any, y: Any, kernel: Any = None, weights: Any = None, y_weights: Any = None, *, unbiased: bool = False, cumulative: bool = False,
        dtype: Any = "float64") -> Any:  # fmt: skip
    r"""The maximum mean discrepancy between points and other points or a distribution.

    Parameters
    ----------
    x : array of shape (n, dim), Points, Selection or Trace
        Of a trace the draws of all chains.
    y : array of shape (m, dim), Points, Trace, or Distribution
        With a distribution of `weakchaos.kernels` its part is in closed form.
    kernel : Kernel, or numba function ``f(x, y) -> float``
        By default a Gaussian whose bandwidth is the median distance of the points of `y`, and if `y` is a distribution of those of `x`.
    weights, y_weights : arrays, optional
        Equal by default, or those that `x` and `y` carry; divided by their sum, but for the weights of a `Selection`, which are taken as they are.
    unbiased : bool
        Leave out the pairs of a point with itself: an unbiased estimate of the squared discrepancy of the distributions that both samples come from. What is
        returned then is that estimate, which may be negative.
    cumulative : bool
        The discrepancy of the first 1, 2, ..., n points of `x` instead, each with its own share of the weights.
    dtype : {"float64", "float32"}

    Returns
    -------
    float, or array of shape (n,)
        In units of the square root of the kernel; in those of the kernel if `unbiased`.

    Raises
    ------
    ArgumentError

    Notes
    -----
    $$\mathrm{MMD}^2 = E k(X, X') - 2 E k(X, Y) + E k(Y, Y')$$

    Examples
    --------
    >>> from weakchaos.kernels import Gaussian
    >>> round(mmd([[0.0], [1.0]], [[0.0], [1.0], [2.0]], Gaussian(1.0)), 4)
    0.3434
    """
    a, w = _points("x", x, weights)
    distribution = isinstance(y, Distribution)
    b, v = (None, None) if distribution else _points("y", y, y_weights, a.shape[1])
    chosen = _fitted(kernel, a if b is None else b)
    for name, points in (("x", a), ("y", b)):
        if points is not None:
            chosen.check_points(name, points)
    if unbiased and cumulative:
        raise ArgumentError("`unbiased` and `cumulative` do not go together")
    if distribution:
        if unbiased:
            raise ArgumentError("`unbiased` compares two samples; with a distribution the discrepancy of the points is exact")
        embedding = embed(chosen, y)
        across, double = embedding.mean(a), embedding.double
    else:
        assert b is not None
        assert v is not None
        across = cross_sums(chosen, a, b, v, dtype)
        double = float(v @ own_sums(chosen, b, v, dtype))
    if cumulative:
        return _course(chosen, a, w, across, double)
    own = float(w @ own_sums(chosen, a, w, dtype))
    if not unbiased:
        return math.sqrt(max(0.0, double - 2.0 * float(w @ across) + own))
    assert b is not None
    assert v is not None
    inside = [(total - float(u**2 @ chosen.diagonal(z))) / (1.0 - float(u @ u)) for total, u, z in ((own, w, a), (double, v, b))]
    return inside[0] + inside[1] - 2.0 * float(w @ across)


def _course(kernel: Kernel, x: np.ndarray, w: np.ndarray, across: np.ndarray, double: float) -> np.ndarray:
    """Of the first points; each pair is evaluated once."""
    before = np.array([cross_sums(kernel, x[i : i + 1], x[: i + 1], w[: i + 1])[0] for i in range(len(x))])
    own = np.cumsum(w * (2.0 * before - w * kernel.diagonal(x)))
    mass = np.cumsum(w)
    if (mass == 0).any():
        raise ArgumentError("`weights` of the first points sum to zero, so that their discrepancy is not defined")
    return np.sqrt(np.maximum(0.0, double - 2.0 * np.cumsum(w * across) / mass + own / mass**2))


def _fitted(kernel: Any, points: np.ndarray) -> Kernel:
    chosen = (Gaussian("median") if kernel is None else as_kernel(kernel)).fitted(points)
    if isinstance(chosen, UserKernel):
        check_definite(chosen, points)
    return chosen


def _points(name: str, value: Any, weights: Any, dim: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of an array, `Points`, a `Selection` or a trace."""
    carried = getattr(value, "weights", None)
    if hasattr(value, "draws"):
        draws = np.asarray(value.draws)
        x = draws.reshape(-1, draws.shape[2])
        carried = None if carried is None else np.asarray(carried).ravel()
    else:
        x = getattr(value, "x", getattr(value, "points", value))
    array = finite_points(name, x, dim)
    w = carried if weights is None else weights
    if isinstance(value, Selection) and weights is None:
        return array, value.weights
    return array, normalised_weights(w, len(array))


def star_discrepancy(x: Any, weights: Any = None) -> float:
    r"""The L2-star discrepancy of points in the unit cube: the root mean square, over boxes [0, t), of their weight in the box minus its volume.

    Warnock's formula (in Zaremba, Applications of Number Theory to Numerical Analysis (1972) 319). For equal weights it is what
    ``scipy.stats.qmc.discrepancy(method="L2-star")`` gives; here points may have weights, and their number is limited by time alone.

    Parameters
    ----------
    x : array of shape (n, dim), Points, Selection or Trace
        Coordinates from 0 to 1.
    weights : array of shape (n,), optional

    Returns
    -------
    float

    Notes
    -----
    For points $x_i$ of weights $w_i$ in the unit cube,

    $$D^2 = \int \left(\sum_i w_i [x_i \in [0, t)] - \prod_k t_k\right)^2 dt.$$

    Examples
    --------
    >>> round(star_discrepancy([[0.25], [0.75]]), 6)
    0.144338
    """
    points, w = _points("x", x, weights)
    if (points < 0).any() or (points > 1).any():
        raise ArgumentError(f"`x` must lie in the unit cube; coordinates run from {points.min():.3g} to {points.max():.3g}")
    own = float(w @ own_sums(Brownian(0.0), 1.0 - points, w))
    across = float(w @ np.prod((1.0 - points**2) / 2.0, axis=1))
    return math.sqrt(max(0.0, 3.0 ** -points.shape[1] - 2.0 * across + own))


def sliced_wasserstein(
    x: Any, y: Any, weights: Any = None, y_weights: Any = None, *, directions: int = 200, seed: Any = 0
) -> float:
    """The mean, over directions, of the Wasserstein distance of order 1 between projections on a line (by ``scipy.stats.wasserstein_distance``).

    Rabin, Peyre, Delon and Bernot, SSVM 2011, doi:10.1007/978-3-642-24785-9_37. In one dimension it is the Wasserstein distance itself.

    Parameters
    ----------
    x, y : arrays of shape (n, dim) and (m, dim), Points, Selection or Trace
    weights, y_weights : arrays, optional
    directions : int
    seed : int

    Returns
    -------
    float
        In units of the points.

    Examples
    --------
    >>> sliced_wasserstein([[0.0], [1.0]], [[2.0], [3.0]])
    2.0
    """
    from scipy.stats import wasserstein_distance

    a, w = _points("x", x, weights)
    b, v = _points("y", y, y_weights, a.shape[1])
    for name, u in (("weights", w), ("y_weights", v)):
        if (u < 0).any():
            raise ArgumentError(f"`{name}` must be non-negative for a transport of mass; got {shown(u)}")
    if a.shape[1] == 1:
        return float(wasserstein_distance(a[:, 0], b[:, 0], w, v))
    z = np.random.default_rng(seed).standard_normal((whole_number("directions", directions, 1), a.shape[1]))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    return float(np.mean([wasserstein_distance(a @ d, b @ d, w, v) for d in z]))
