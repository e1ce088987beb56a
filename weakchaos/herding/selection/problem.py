"""What every selector starts from: candidates, a kernel as compiled code takes it, and the mean of the target at each candidate."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, InterruptedWarning, shown
from weakchaos.kernels.base import Kernel, by_coordinate, finite_points
from weakchaos.kernels.definite import check_definite
from weakchaos.kernels.distributions import Distribution
from weakchaos.kernels.kernel_columns import BLOCK
from weakchaos.kernels.mean_embedding import cross_sums, embed, normalised_weights, own_sums
from weakchaos.kernels.other_kernels import UserKernel, as_kernel
from weakchaos.targets.points import Points

FEWER = "select fewer points or from fewer candidates"  # where a selection needs too much memory

__all__ = ["FEWER", "Problem", "interrupted", "progress_bar", "set_up"]

_PAIRS = 20_000_000  # evaluations between two looks at the keyboard


@dataclass
class Problem:
    """Candidates and target of a selection.

    Attributes
    ----------
    x : array of shape (n, dim)
    weights : array of shape (n,)
        The mass that the target puts on the candidates where they are the target, 1/n otherwise.
    kernel : Kernel
    blocks : array of shape (blocks, dim, BLOCK)
        The candidates as compiled code reads them: by coordinate within blocks of consecutive points, so that a column is one stream of memory.
    ops, params, keep :
        The program of the kernel.
    mean : float64 array of shape (n,)
        E k(x_j, Y) under the target.
    double : float
        E k(Y, Y').
    diagonal : float64 array of shape (n,)
    evaluations : int
        Evaluations of the kernel so far.
    repeats : bool
        Whether a candidate may be chosen more than once.
    """

    x: np.ndarray
    weights: np.ndarray
    kernel: Kernel
    blocks: np.ndarray
    ops: np.ndarray
    params: np.ndarray
    keep: tuple
    mean: np.ndarray
    double: float
    diagonal: np.ndarray
    evaluations: int
    repeats: bool = True
    progress: bool = True
    seed: Any = 0
    gradients: np.ndarray | None = None
    names: tuple[str, ...] = field(default_factory=tuple)

    @cached_property
    def points(self) -> np.ndarray:
        """The candidates by coordinate, shape (dim, n): a copy that is made for those methods that ask for it."""
        return by_coordinate(self.x, self.blocks.dtype)

    @property
    def n(self) -> int:
        """How many candidates."""
        return len(self.x)

    def part(self, columns_a_step: int = 1) -> int:
        """Steps of one kernel column each that may pass between two looks at the keyboard."""
        return max(1, _PAIRS // (self.n * columns_a_step))


def set_up(points: Any, kernel: Any, target: Any = None, weights: Any = None, dtype: Any = np.float64, repeats: bool = True, progress: bool = True,
           seed: Any = 0, gradients: Any = None) -> Problem:  # fmt: skip
    """Check everything, fit the kernel and compute the means.

    Parameters
    ----------
    points : array of shape (n, dim), or Points
        Candidates.
    kernel : Kernel or function
    target : Distribution, Points or array of shape (m, dim), optional
        What the selection stands for; by default the candidates themselves under `weights`.
    weights : array of shape (n,), optional
        Of the candidates, only where they are the target.
    dtype : {"float64", "float32"}
        Of coordinates and kernel values. Sums are float64.
    """
    names: tuple[str, ...] = ()
    if target is not None and weights is not None:
        raise ArgumentError("`weights` go with points that are their own target; weigh the target itself: Points(x, weights)")
    if isinstance(points, Points):
        weights = points.weights if weights is None else weights
        points, names = points.x, tuple(points.names)
    x = finite_points("points", points)
    kind = np.dtype(_dtype(dtype))
    own = normalised_weights(weights, len(x))
    chosen = as_kernel(kernel).fitted(x, own) if target is None else as_kernel(kernel).fitted(_spread_of(target, x))
    chosen.check_points("points", x)
    if _has_function(chosen):
        check_definite(chosen, x)
    ops, params, keep = chosen.program(x.shape[1])
    diagonal = chosen.diagonal(x) if chosen.constant_diagonal is None else np.full(len(x), chosen.constant_diagonal)
    with progress_bar(progress, 1.0, "means of the candidates", after=1.0) as tick:
        mean, double, evaluations = _means(x, own, chosen, target, kind, tick)
    for name, values in (("the mean of the kernel at some candidate", mean), ("k(x, x) at some candidate", diagonal)):
        if not np.isfinite(values).all():
            raise ArgumentError(f"`kernel` must be a finite number at every two points; {name} is not")
    return Problem(x, own, chosen, by_blocks(x, kind), ops, params, keep, mean, double, diagonal, evaluations, repeats, progress, seed, gradients, names)  # fmt: skip


def by_blocks(x: np.ndarray, dtype: Any) -> np.ndarray:
    """Points in blocks of `BLOCK`, shape (blocks, dim, BLOCK); the last one is filled up with zeros, which are not read."""
    n, dim = x.shape
    out = np.zeros((-(-n // BLOCK), dim, BLOCK), dtype)
    for b in range(len(out)):
        part = x[b * BLOCK : (b + 1) * BLOCK]
        out[b, :, : len(part)] = part.T
    return out


def _means(
    x: np.ndarray, own: np.ndarray, kernel: Kernel, target: Any, dtype: Any, tick: Callable
) -> tuple[np.ndarray, float, int]:
    n = len(x)
    if target is None:
        mean = own_sums(kernel, x, own, dtype, tick)
        # Rounded once, whatever the place of the arrays in memory: a run that is read from disk goes on with the same bits.
        return mean, math.fsum(own * mean), n * (n + 1) // 2
    if isinstance(target, Distribution):
        if target.dim != x.shape[1]:
            raise ArgumentError(f"`target` must have dimension {x.shape[1]}, as the points; it has {target.dim}")
        embedding = embed(kernel, target)
        return embedding.mean(x), embedding.double, embedding.evaluations + n * embedding.evaluations_each
    y = finite_points("target", getattr(target, "x", target), x.shape[1])
    kernel.check_points("target", y)
    w = normalised_weights(getattr(target, "weights", None), len(y))
    mean = cross_sums(kernel, x, y, w, dtype, tick)
    return mean, float(w @ own_sums(kernel, y, w, dtype)), n * len(y) + len(y) * (len(y) + 1) // 2


def _spread_of(target: Any, x: np.ndarray) -> np.ndarray:
    """Points at which a median length is measured: those of the target."""
    if isinstance(target, Distribution):
        return target.sample(1000) if hasattr(target, "sample") else x
    if isinstance(target, str) or callable(target):
        raise ArgumentTypeError(
            f"`target` must be a distribution of weakchaos.kernels, Points or an array of points; got {shown(target)}"
        )
    return finite_points("target", getattr(target, "x", target), x.shape[1])


def _dtype(value: Any) -> Any:
    try:
        kind = np.dtype(value)
    except TypeError:
        kind = None
    if kind not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise ArgumentError(f"`dtype` must be 'float64' or 'float32'; got {shown(value)}")
    return kind


def _has_function(kernel: Kernel) -> bool:
    return isinstance(kernel, UserKernel) or any(map(_has_function, kernel.parts))


@contextmanager
def progress_bar(show: bool, total: float, what: str, after: float = 0.5) -> Iterator[Callable[[float], None]]:
    """A bar on the terminal, shown only once a selection has taken `after` seconds; the function that moves it."""
    if not show:
        yield lambda done: None
        return
    from tqdm.auto import tqdm

    form = "{l_bar}{bar}| [{elapsed}<{remaining}]"
    with tqdm(total=total, desc=what, leave=False, delay=after, bar_format=form) as bar:
        yield bar.update


def interrupted(done: int, size: int) -> None:
    """Say that a selection was stopped from the keyboard."""
    warnings.warn(
        f"the selection was interrupted after {done} of {size} points; these are returned", InterruptedWarning, stacklevel=4
    )
