"""Updates of point clouds that commute with motions of space, as iterated maps, and how many of their exponents are 0.

    pairwise      x_i <- x_i + mean_j (x_i - x_j) phi(|x_i - x_j|^2)
    attention     x_i <- x_i + rate sum_j softmax_j(-sharpness |x_i - x_j|^2) (x_j - x_i) + the pairwise term

V. G. Satorras, E. Hoogeboom and M. Welling, E(n) equivariant graph neural networks, ICML 2021, arXiv:2102.09844. Translations and rotations of a whole orbit are orbits, so
tangents along them are carried to each other: 3 exponents are 0 exactly, and 3 more, of rotations, if the cloud keeps a bounded size that is not 0 and does not lie on
a line. A cloud that shrinks to a point has only the first 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, real_number, steps_and_columns, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State, as_seed, step_by_step

__all__ = ["PointCloud"]


class PointCloud:
    """A loop of an E(3)-equivariant update of n points, as a `System`.

    Parameters
    ----------
    n : int
        Points, at least 2.
    repulsion, attraction : float
        phi(q) = repulsion exp(-q) - attraction.
    rate, sharpness : float
        Of the attention; a rate of 0 leaves it out.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> cloud = PointCloud(6, repulsion=2.0, attraction=0.3)
    >>> x = cloud.start(seed=0).phase.reshape(1, 6, 3)
    >>> turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    >>> bool(np.allclose(cloud(x @ turn.T + 5.0), cloud(x) @ turn.T + 5.0))
    True
    """

    time_step = 1.0

    def __init__(self, n: int, repulsion: float = 0.0, attraction: float = 0.0, rate: float = 0.0, sharpness: float = 1.0):
        self.n = whole_number("n", n, 2, 10_000)
        self.repulsion, self.attraction = real_number("repulsion", repulsion), real_number("attraction", attraction)
        self.rate, self.sharpness = real_number("rate", rate), real_number("sharpness", sharpness, 0.0)
        self.dim = 3 * self.n

    def __repr__(self) -> str:
        return f"PointCloud({self.n}, repulsion={self.repulsion:g}, attraction={self.attraction:g}, rate={self.rate:g}, sharpness={self.sharpness:g})"

    # ---- the layer -----------------------------------------------------------------------------------------------------------------

    def _points(self, z: Any, name: str) -> np.ndarray:
        array = real_array(name, z)
        if array.ndim != 3 or array.shape[1:] != (self.n, 3):
            raise ArgumentError(f"`{name}` must have shape (batch, {self.n}, 3); got {array.shape}")
        return array

    def attention(self, z: Any) -> np.ndarray:
        """The weights of the attention, shape (batch, n, n), which motions of space leave alone."""
        x = self._points(z, "z")
        gap = x[:, :, None] - x[:, None]
        return self._weights((gap**2).sum(-1))

    def _weights(self, squares: np.ndarray) -> np.ndarray:
        e = np.exp(-self.sharpness * (squares - squares.min(-1, keepdims=True)))
        return e / e.sum(-1, keepdims=True)

    def __call__(self, z: Any) -> np.ndarray:
        """The next points, shape (batch, n, 3)."""
        x = self._points(z, "z")
        gap = x[:, :, None] - x[:, None]
        squares = (gap**2).sum(-1)
        phi = self.repulsion * np.exp(-squares) - self.attraction
        out = x + np.einsum("bij,bijk->bik", phi, gap) / self.n
        if self.rate:
            out -= self.rate * np.einsum("bij,bijk->bik", self._weights(squares), gap)
        return out

    def jvp(self, z: Any, v: Any) -> np.ndarray:
        """J v at z, both of shape (batch, n, 3)."""
        x, v = self._points(z, "z"), self._points(v, "v")
        gap, dgap = x[:, :, None] - x[:, None], v[:, :, None] - v[:, None]
        squares, dsquares = (gap**2).sum(-1), 2.0 * (gap * dgap).sum(-1)
        decay = self.repulsion * np.exp(-squares)
        moved = (decay - self.attraction)[..., None] * dgap - (decay * dsquares)[..., None] * gap
        out = v + moved.sum(2) / self.n
        if self.rate:
            w = self._weights(squares)
            logits = -self.sharpness * dsquares
            dw = w * (logits - (w * logits).sum(-1, keepdims=True))
            out -= self.rate * (w[..., None] * dgap + dw[..., None] * gap).sum(2)
        return out

    # ---- the System ----------------------------------------------------------------------------------------------------------------

    def start(self, seed: Any = None, position: Any = None) -> State:
        """Points at `position`, shape (n, 3), or standard normal ones."""
        rng = np.random.default_rng(as_seed(seed))
        if position is None:
            return State(phase=rng.standard_normal(self.dim))
        array = real_array("position", position)
        if array.size != self.dim or not np.isfinite(array).all():
            raise ArgumentError(f"`position` must hold {self.n} finite points of space; got {shown(position)}")
        return State(phase=array.ravel())

    def advance(self, state: State, n: int, every: int = 1) -> np.ndarray:
        """Move `state` in place by `n` updates; points after each `every`-th, shape (n // every, 3 n)."""

        def step() -> None:
            state.phase[:] = self(state.phase.reshape(1, self.n, 3)).ravel()

        return step_by_step(step, state, n, every)

    def tangent(self, state: State, n: int, vectors: Any) -> np.ndarray:
        """Move `state` in place by `n` updates and carry columns of shape (3 n, k) along by the exact derivative."""
        n, columns = steps_and_columns(n, vectors, self.dim)
        for _ in range(n):
            x = state.phase.reshape(1, self.n, 3)
            columns = (
                self.jvp(np.broadcast_to(x, (columns.shape[1], self.n, 3)), columns.T.reshape(-1, self.n, 3))
                .reshape(-1, self.dim)
                .T
            )
            state.phase[:] = self(x).ravel()
        return columns
