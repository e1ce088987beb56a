"""`Points`: a weighted sample as a target, for herding, thinning and quadrature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.targets.moments import finite_matrix
from weakchaos.targets.target import Target

__all__ = ["Points"]


class Points(Target):
    """The distribution that puts mass `weights` on the rows of `x`; draws are rows.

    Parameters
    ----------
    x : array of shape (n, dim)
    weights : array of shape (n,), optional
        Non-negative numbers, which are normalised to sum to one; equal by default.
    names : sequence of str, optional
        Names of the coordinates.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> Points([[0.0], [1.0]], weights=[3, 1]).mean()
    array([0.25])
    """

    def __init__(self, x: Any, weights: Any = None, names: Sequence[str] | None = None):
        self.x = finite_matrix("x", x)
        n, self.dim = self.x.shape
        self.weights = np.full(n, 1.0 / n) if weights is None else real_array("weights", weights)
        if self.weights.shape != (n,) or not np.isfinite(self.weights).all() or (self.weights < 0).any() or self.weights.sum() <= 0:
            raise ArgumentError(
                f"`weights` must be {n} non-negative finite numbers, one for each point, not all zero; got {shown(weights)}"
            )
        self.weights = self.weights / self.weights.sum()
        self.names = [f"x{k}" for k in range(self.dim)] if names is None else [str(k) for k in names]
        if len(self.names) != self.dim:
            raise ArgumentError(f"`names` must hold {self.dim} names; got {len(self.names)}")

    def __repr__(self) -> str:
        return f"<Points: {len(self.x)} points, dim {self.dim}>"

    def mean(self) -> np.ndarray:
        """The weighted mean, shape (dim,)."""
        return self.weights @ self.x

    def covariance(self) -> np.ndarray:
        """The weighted covariance, shape (dim, dim)."""
        centred = self.x - self.mean()
        return (self.weights[:, None] * centred).T @ centred

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """A point drawn with probabilities proportional to the weights, shape (dim,)."""
        return self.x[rng.choice(len(self.x), p=self.weights)]

    def draw_variance(self, averages: np.ndarray) -> np.ndarray:
        """Variance of one drawn point in each coordinate."""
        return np.diag(self.covariance())

    def truth(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean, and the standard deviations, by which errors are divided."""
        sds = np.sqrt(np.diag(self.covariance()))
        return self.mean(), np.where(sds > 0, sds, 1.0)

    def to_spec(self) -> tuple[dict, dict]:
        """Plain data, from which `from_spec` makes the target again."""
        return {"names": self.names}, {"x": self.x, "weights": self.weights}

    @classmethod
    def from_spec(cls, spec: dict, arrays: dict) -> Points:
        """The target that `to_spec` described."""
        made = cls(arrays["x"], arrays["weights"], spec["names"])
        made.weights = np.array(
            arrays["weights"]
        )  # normalised once: a second division would move their last bits, and a run that goes on with them
        return made
