"""Mean embeddings: mu(x) = E k(x, Y) of a distribution under a kernel, together with the double integral E k(Y, Y').

Both are needed for a discrepancy: MMD^2 = E k(Y, Y') - 2 sum_i w_i mu(x_i) + sum_ij w_i w_j k(x_i, x_j). Closed forms after Briol, Gessner, Hennig and
Mahsereci, "A dictionary of closed-form kernel mean embeddings" (arXiv:2504.18830); what is not in closed form is done by a Gauss rule whose refinement
changes nothing, or refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.kernels.base import Constant, Kernel, Product, Sum, by_coordinate, finite_points
from weakchaos.kernels.closed_forms import closed_form
from weakchaos.kernels.distributions import Distribution, UniformSphere
from weakchaos.kernels.kernel_columns import kernel_matrix
from weakchaos.kernels.kernel_sums import add_cross_sums, add_own_sums
from weakchaos.kernels.threaded_parts import ALONE, in_order, threads_for

__all__ = ["Embedding", "embed", "embed_points", "normalised_weights"]

_NODES = 4000  # of a Gauss rule, at the most
_AGREE = 1e-9
_ROWS = 20_000
_PAIRS = 2_000_000  # between two looks at the clock and the keyboard


@dataclass(frozen=True, eq=False)
class Embedding:
    r"""The mean of a distribution under a kernel.

    Attributes
    ----------
    kernel : Kernel
    dim : int
    double : float
        E k(Y, Y').
    mean_of : callable
        mu at points of shape (n, dim), which `mean` calls after a check.
    closed : bool
        Whether it is a closed form, exact to rounding.
    evaluations : int
        Evaluations of the kernel that one point costs, and that making the embedding took.

    Notes
    -----
    $$\mu(x) = E k(x, Y), \qquad \mathrm{MMD}^2 = E k(Y, Y') - 2 \sum_i w_i \mu(x_i) + \sum_{ij} w_i w_j k(x_i, x_j)$$
    """

    kernel: Kernel
    dim: int
    double: float
    mean_of: Callable[[np.ndarray], np.ndarray]
    closed: bool
    evaluations_each: int = 0
    evaluations: int = 0

    def mean(self, x: Any) -> np.ndarray:
        """mu(x), shape (n,).

        Parameters
        ----------
        x : array of shape (n, dim)
        """
        points = finite_points("x", x, self.dim)
        self.kernel.check_points("x", points)
        out = np.empty(len(points))
        for start in range(0, len(points), _ROWS):  # closed forms make several copies of what they are given
            out[start : start + _ROWS] = self.mean_of(points[start : start + _ROWS])
        return out

    def mmd(self, points: Any, weights: Any = None) -> float:
        """The maximum mean discrepancy between weighted points and the distribution, in units of the square root of the kernel.

        Parameters
        ----------
        points : array of shape (n, dim)
        weights : array of shape (n,), optional
            1/n each by default; taken as they are, negative ones and sums other than one included.
        """
        x = finite_points("points", points, self.dim)
        w = np.full(len(x), 1.0 / len(x)) if weights is None else real_array("weights", weights)
        if w.shape != (len(x),) or not np.isfinite(w).all():
            raise ArgumentError(f"`weights` must be {len(x)} finite numbers, one for each point; got {shown(weights)}")
        own = float(w @ own_sums(self.kernel, x, w))
        return math.sqrt(max(0.0, self.double - 2.0 * float(w @ self.mean(x)) + own))


def normalised_weights(weights: Any, n: int) -> np.ndarray:
    """Weights that sum to one, 1/n each by default; the error where they are no distribution."""
    if weights is None:
        return np.full(n, 1.0 / n)
    w = real_array("weights", weights)
    if w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any() or w.sum() <= 0:
        raise ArgumentError(
            f"`weights` must be {n} non-negative finite numbers, one for each point, not all zero; got {shown(weights)}"
        )
    return w / w.sum()


def own_sums(
    kernel: Kernel, x: np.ndarray, weights: np.ndarray, dtype: Any = np.float64, tick: Callable[[float], None] | None = None
) -> np.ndarray:
    """sum_j w_j k(x_i, x_j) for every i, in memory of the order of the points; shape (n,).

    `tick` is called with the share of the work that each part was.
    """
    n = len(x)
    ops, params, keep = kernel.program(x.shape[1])
    points, w, out = by_coordinate(x, dtype), np.ascontiguousarray(weights, dtype), np.zeros(n)
    work = 0.5 * n * n * max(x.shape[1], 4)
    long, threads = work >= ALONE, threads_for(work, ops)
    parts, first = [], 0
    while first < n:
        last = min(n, first + max(4, (4 if long else 1) * _part(n - first, x.shape[1]) // 4 * 4))
        parts.append((first, last))
        first = last

    def apart(part: tuple[int, int]) -> np.ndarray:
        own = np.zeros(n)
        add_own_sums(ops, params, points, w, *part, own)
        return own

    def together(part: tuple[int, int]) -> None:
        add_own_sums(ops, params, points, w, *part, out)

    # Long sums are added up part by part even in one thread, so that their last digits do not depend on the number of threads.
    for (first, last), own in in_order(apart if long else together, parts, threads):
        if own is not None:
            out[first:] += own[first:]  # a part adds to no point before its own
        if tick is not None:
            tick((last - first) * (2.0 * n - first - last) / (float(n) * n))
    del keep
    return out


def _part(columns: int, dim: int) -> int:
    return 1 + 25 * _PAIRS // (max(columns, 1) * max(dim, 4) // 4)


def cross_sums(
    kernel: Kernel,
    x: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    dtype: Any = np.float64,
    tick: Callable[[float], None] | None = None,
) -> np.ndarray:
    """sum_j w_j k(x_i, y_j) for every i; shape (n,)."""
    ops, params, keep = kernel.program(x.shape[1])
    left, points = by_coordinate(x, dtype), by_coordinate(y, dtype)
    w, out = np.ascontiguousarray(weights, dtype), np.zeros(len(x))
    step = _part(len(y), x.shape[1])
    parts = [(first, min(len(x), first + step)) for first in range(0, len(x), step)]
    threads = threads_for(float(len(x)) * len(y) * max(x.shape[1], 4), ops)
    for (first, last), _ in in_order(lambda part: add_cross_sums(ops, params, left, points, w, *part, out), parts, threads):
        if tick is not None:
            tick((last - first) / len(x))
    del keep
    return out


def embed_points(kernel: Kernel, points: Any, weights: Any = None, dtype: Any = np.float64) -> Embedding:
    """The mean embedding of weighted points: exact, by a sum over all of them for each point that is asked for.

    The double integral takes one pass over all pairs when it is first needed here, n^2 / 2 evaluations.
    """
    x = finite_points("points", points)
    kernel.check_points("points", x)
    w = normalised_weights(weights, len(x))
    double = float(w @ own_sums(kernel, x, w, dtype))
    return Embedding(
        kernel, x.shape[1], double, lambda y: cross_sums(kernel, y, x, w, dtype), False, len(x), len(x) * (len(x) + 1) // 2
    )


def embed(kernel: Kernel, distribution: Any) -> Embedding:
    """The mean embedding of a distribution.

    Parameters
    ----------
    kernel : Kernel
        With lengths that are numbers.
    distribution : Distribution, Points, or array of shape (n, dim)
        `Uniform`, `Normal`, `NormalMixture`, `UniformSphere`, or (weighted) points.

    Returns
    -------
    Embedding

    Raises
    ------
    ArgumentError
        Where neither a closed form is known nor a Gauss rule of at most 4000 nodes is exact to 1e-9.

    Examples
    --------
    >>> from weakchaos.kernels import Gaussian, Normal
    >>> embedding = embed(Gaussian(1.0), Normal(0.0, 1.0))
    >>> [round(float(v), 6) for v in (embedding.mean([[0.0]])[0], embedding.double)]
    [0.707107, 0.57735]
    """
    if not isinstance(kernel, Kernel):
        raise ArgumentTypeError(f"`kernel` must be a kernel; got {shown(kernel)}")
    if not isinstance(distribution, Distribution):
        points = getattr(distribution, "x", distribution)
        return embed_points(kernel, points, getattr(distribution, "weights", None))
    if isinstance(kernel, Sum):
        parts = [embed(part, distribution) for part in kernel.parts]
        return Embedding(
            kernel,
            distribution.dim,
            sum(part.double for part in parts),
            lambda x: sum(part.mean_of(x) for part in parts),  # type: ignore[arg-type, return-value]
            all(part.closed for part in parts),
        )
    if isinstance(kernel, Product):
        rest = tuple(part for part in kernel.parts if not isinstance(part, Constant))
        scale = math.prod(part.value for part in kernel.parts if isinstance(part, Constant))
        if len(rest) <= 1:
            inner = embed(rest[0], distribution) if rest else None
            if inner is None:
                return Embedding(kernel, distribution.dim, scale, lambda x: np.full(len(x), scale), True)
            return Embedding(kernel, distribution.dim, scale * inner.double, lambda x: scale * inner.mean_of(x), inner.closed)
    if isinstance(kernel, Constant):
        return Embedding(kernel, distribution.dim, kernel.value, lambda x: np.full(len(x), kernel.value), True)
    form = closed_form(kernel, distribution)
    if form is not None:
        return Embedding(kernel, distribution.dim, form[1], form[0], True)
    return _by_nodes(kernel, distribution)


def _by_nodes(kernel: Kernel, distribution: Distribution) -> Embedding:
    if isinstance(distribution, UniformSphere):
        raise ArgumentError(f"`kernel` must be a function of the distance for the sphere; got {shown(kernel)}")
    components = len(getattr(distribution, "weights", (1.0,)))
    n = int((_NODES / components) ** (1.0 / distribution.dim))
    if n >= 16:
        (x, w), (y, v) = distribution.nodes(n), distribution.nodes(2 * n // 3)
        values = _matrix(kernel, x, y)
        across = float(w @ values @ v)
        double = float(w @ own_sums(kernel, x, w))
        fine, coarse = cross_sums(kernel, y, x, w), cross_sums(kernel, y, y, v)
        size = np.abs(fine).max() + abs(double)
        if max(np.abs(fine - coarse).max(), abs(across - double)) <= _AGREE * size:
            return Embedding(kernel, distribution.dim, double, lambda z: cross_sums(kernel, z, x, w), False, len(x), len(x) ** 2)
    raise ArgumentError(
        f"no closed form is known for the mean of {type(distribution).__name__} in {distribution.dim} dimensions under {shown(kernel)}, and a Gauss rule "
        f"of {_NODES} nodes is not exact to {_AGREE:g}; pass points of the distribution instead, `distribution.sample(100_000)` for example"
    )


def _matrix(kernel: Kernel, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    ops, params, keep = kernel.program(x.shape[1])
    out = np.empty((len(x), len(y)))
    kernel_matrix(ops, params, by_coordinate(x), by_coordinate(y), out)
    del keep
    return out
