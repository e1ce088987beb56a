"""Stein points: points sought anywhere, each where it brings the kernel Stein discrepancy down furthest.

Chen, Mackey, Gorham, Briol and Oates, ICML 2018, arXiv:1803.10161. Greedy and herding form, with the Stein kernel k0 of the density:

    x_n = argmin_x  k0(x, x) / 2 + sum_{i < n} k0(x_i, x),        x_n = argmin_x  sum_{i < n} k0(x_i, x).

The minimum is sought among random places (near points that are there, and where chains would start) and then by random steps of shrinking width from the best of them.
Stein-point MCMC (Chen, Barp, Briol, Gorham, Girolami, Mackey and Oates, ICML 2019, arXiv:1905.03673) seeks it among the states of a short chain that starts at
one of the points instead. The guarantee is of the order of sqrt(log(n) / n) for the discrepancy of n points; for the herding form, which nothing keeps from running to infinity,
only among places where k0(x, x) is at most of the order of log n, as here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.flags import Flag, Kind
from weakchaos.herding.selection.selected import Selection
from weakchaos.kernels.stein_kernel import BLOCK, squared_length_or_matrix, stein_block
from weakchaos.native.c_density import evaluate_rows
from weakchaos.native.compiled import kernel
from weakchaos.samplers.base import Sampler

__all__ = ["stein_points"]

_FORMS, _STARTS = ("greedy", "herding"), ("last", "random", "influential")
_ROUNDS, _SHRINK = 24, 0.75  # of the local search; its width ends at a thousandth


@kernel
def _scores_of(x, u, s, y, uy, sy, trace, diagonal, out):
    """out[j] = diagonal share of k0(y_j, y_j) + sum_i k0(x_i, y_j); points by coordinate, candidates by row."""
    m = x.shape[1]
    work, block = np.empty((4, BLOCK)), np.empty(BLOCK)
    for j in range(y.shape[0]):
        total = 0.0
        for k in range(y.shape[1]):
            total += sy[j, k] * sy[j, k]
        total = diagonal * (total + trace)
        for a in range(0, m, BLOCK):
            b = min(a + BLOCK, m)
            stein_block(x, u, s, y[j], uy[j], sy[j], trace, a, b, work, block)
            for i in range(b - a):
                total += block[i]
        out[j] = total


class _Points:
    """The points so far, and what a further one would add."""

    def __init__(self, target: Any, size: int, matrix: np.ndarray, form: str):
        dim = target.dim
        self.density, self.matrix, self.trace = target.pointer(True), matrix, float(np.trace(matrix))
        self.plain = bool(np.array_equal(matrix, matrix[0, 0] * np.eye(dim)))
        self.x, self.s = np.empty((dim, size)), np.empty((dim, size))
        self.u = np.empty((0 if self.plain else dim, size))
        self.share, self.n, self.gradients, self.evaluations, self.square = 0.5 if form == "greedy" else 0.0, 0, 0, 0, 0.0
        self.most = np.inf

    def values(self, y: np.ndarray, share: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """What is minimised at the rows of `y`, infinite outside of the support, and the gradients there."""
        logp, s = evaluate_rows(self.density, y)
        self.gradients += len(y)
        self.evaluations += len(y) * (self.n + 1)
        out = np.empty(len(y))
        n, uy = self.n, np.empty((len(y), 0)) if self.plain else np.ascontiguousarray(y @ self.matrix)
        x, u, own = (np.ascontiguousarray(part[:, :n]) for part in (self.x, self.u, self.s))
        _scores_of(x, u, own, np.ascontiguousarray(y), uy, s, self.trace, self.share if share is None else share, out)
        allowed = np.isfinite(logp) & np.isfinite(out) & (self.trace + (s**2).sum(1) <= self.most)
        return np.where(allowed, out, np.inf), s

    def add(self, y: np.ndarray, s: np.ndarray) -> float:
        """Put a point in; the kernel Stein discrepancy then."""
        twice = 2.0 * float(self.values(y[None], 0.0)[0][0]) if self.n else 0.0
        self.square += twice + self.trace + float(s @ s)
        self.x[:, self.n], self.s[:, self.n] = y, s
        if not self.plain:
            self.u[:, self.n] = self.matrix @ y
        self.n += 1
        return float(np.sqrt(max(self.square, 0.0))) / self.n


def _search(
    points: _Points, target: Any, candidates: int, width: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The best place that random search finds, and the gradient there."""
    dim = target.dim
    fresh = np.array([target.random_start(rng) for _ in range(max(1, candidates // 4))])
    near = points.x[:, rng.integers(points.n, size=candidates)].T if points.n else fresh[rng.integers(len(fresh), size=candidates)]
    y = np.concatenate([fresh, near + width * rng.standard_normal((candidates, dim))])
    values, s = points.values(y)
    best = int(np.argmin(values))
    place, slope, value, reach = y[best], s[best], values[best], width.copy()
    for _ in range(_ROUNDS):
        y = place + reach * rng.standard_normal((max(4, candidates // 4), dim))
        values, s = points.values(y)
        best = int(np.argmin(values))
        if values[best] < value:
            place, slope, value = y[best], s[best], values[best]
        else:
            reach = reach * _SHRINK
    return place, slope


def _chain(
    points: _Points, target: Any, sampler: Sampler, steps: int, start: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The best of the states of a short chain from one of the points, and the gradient there."""
    if not points.n:
        first = target.random_start(rng)
    elif start == "last":
        first = points.x[:, points.n - 1].copy()
    elif start == "random":
        first = points.x[:, rng.integers(points.n)].copy()
    else:  # the point that the others can spare least
        values, s = points.values(np.ascontiguousarray(points.x[:, : points.n].T), 0.0)
        first = points.x[:, int(np.argmin(values - 0.5 * (points.trace + (s**2).sum(1))))].copy()
    system = sampler.bind(target)
    state = system.start(
        int(rng.integers(2**32)), target.parameters.constrain(first) if getattr(target, "parameters", None) is not None else first
    )
    y = [first]
    for _ in range(steps):
        system.advance(state, 1)
        y.append(state.phase[: target.dim].copy())
    path = np.unique(np.array(y), axis=0)
    values, s = points.values(path)
    best = int(np.argmin(values))
    return path[best], s[best]


def stein_points(
    target: Any,
    size: int,
    *,
    form: str = "greedy",
    search: Any = "random",
    candidates: int = 100,
    steps: int = 20,
    start: str = "influential",
    preconditioner: Any = 1.0,
    width: Any = 1.0,
    seed: Any = 0,
) -> Selection:
    r"""Find points that stand for a density, one after the other, each by a search of the whole space.

    Parameters
    ----------
    target : Density
        The density. The points are in its coordinates, which must be without bounds.
    size : int
    form : {"greedy", "herding"}
    search : "random" or Sampler
        How each point is searched for: among random places, or on a short chain of a sampler of `steps` steps (Stein-point MCMC).
    candidates : int
        How many places the random search begins with.
    steps : int
    start : {"influential", "last", "random"}
        The point from which each chain starts: the one whose removal would raise the discrepancy most, the last one, or one at random.
    preconditioner : float or array of shape (dim, dim)
        A squared length, or the matrix G of the kernel (see `stein_thinning`).
    width : float or array of shape (dim,)
        Width of the density in each coordinate, the unit of the steps of the random search.
    seed : int

    Returns
    -------
    Selection
        It has no `indices`. ``details["gradients"]`` counts the gradients, and ``mmd`` is the kernel Stein discrepancy after each point.

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Notes
    -----
    With the Stein kernel $k_0$ of the density, greedy points and herding points are

    $$x_n = \mathrm{argmin}_x \frac{1}{2} k_0(x, x) + \sum_{i < n} k_0(x_i, x), \qquad x_n = \mathrm{argmin}_x \sum_{i < n} k_0(x_i, x).$$

    Examples
    --------
    >>> import weakchaos as wc
    >>> found = stein_points(wc.zoo.gaussian([1.0, 1.0]), 15, seed=1)
    >>> bool(np.abs(found.points.mean(0)).max() < 0.15), bool(found.mmd[-1] < found.mmd[0] / 2)
    (True, True)
    """
    if not getattr(target, "continuous", False) or not hasattr(target, "pointer"):
        raise ArgumentTypeError(f"`target` must be a Density, whose gradient Stein points are made from; got {shown(target)}")
    size, candidates, steps = (
        whole_number("size", size, 1),
        whole_number("candidates", candidates, 4),
        whole_number("steps", steps, 1),
    )
    for name, value, known in (("form", form, _FORMS), ("start", start, _STARTS)):
        if value not in known:
            raise ArgumentError(f"`{name}` must be one of {', '.join(map(repr, known))}; got {shown(value)}")
    if not isinstance(search, Sampler) and search != "random":
        raise ArgumentError(f"`search` must be 'random' or a sampler; got {shown(search)}")
    reach = np.broadcast_to(np.asarray(width, np.float64), (target.dim,)).copy()
    if not np.isfinite(reach).all() or (reach <= 0).any():
        raise ArgumentError(f"`width` must be positive, one number or {target.dim} of them; got {shown(width)}")
    rng = np.random.default_rng(seed)
    points = _Points(target, size, squared_length_or_matrix(preconditioner, target.dim), form)
    discrepancy = np.empty(size)
    first = 2 * target.dim + 1  # points by the greedy rule, which tell the herding form how large k0(x, x) is
    for t in range(size):
        points.share = 0.5 if form == "greedy" or t < first else 0.0
        if form == "herding" and t >= first:
            points.most = (1.0 + np.log(t)) * float((points.trace + (points.s[:, :first] ** 2).sum(0)).max())
        if isinstance(search, Sampler):
            place, slope = _chain(points, target, search, steps, start, rng)
        else:
            place, slope = _search(points, target, candidates, reach, rng)
        discrepancy[t] = points.add(place, slope)
    flags = () if target.has_gradient else (Flag.of(Kind.NO_GRADIENT, evaluations=2 * target.dim + 1),)
    name = f"Stein points, {form}" if search == "random" else f"Stein-point MCMC, {form}"
    return Selection(name, points.x.T.copy(), np.full(size, 1.0 / size), None, discrepancy, points.evaluations, flags=flags,
                     names=tuple(target.coordinates), details={"gradients": points.gradients, "matrix": points.matrix})  # fmt: skip
