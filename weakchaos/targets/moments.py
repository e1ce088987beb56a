"""`Moments`: a finite set of states with features, and the feature averages to be matched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array
from weakchaos.core.errors import ArgumentError, shown

__all__ = ["Moments"]


def finite_matrix(name: str, value: Any) -> np.ndarray:
    """`value` as a C-contiguous float64 matrix of finite numbers; a vector becomes one column."""
    array = real_array(name, value, "a matrix")
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or 0 in array.shape:
        raise ArgumentError(f"`{name}` must have shape (n, k) with n, k >= 1; got {array.shape}")
    if not np.isfinite(array).all():
        raise ArgumentError(f"`{name}` must be finite; row {int(np.argmin(np.isfinite(array).all(1)))} is not")
    return array


class Moments:
    """A finite set of states whose feature averages are given; a draw is the index of a state.

    Parameters
    ----------
    features : array of shape (n_states, k)
        Row s is phi(s).
    moments : array of shape (k,)
        The averages to match; a point of the convex hull of the rows if they can be matched at all.
    names : sequence of str, optional
        Of the k features.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> coin = Moments([[0.0], [1.0]], [0.3])
    >>> coin.n_states
    2
    """

    dim = 1

    def __init__(self, features: Any, moments: Any, names: Sequence[str] | None = None):
        self.features = finite_matrix("features", features)
        self.moments = np.atleast_1d(real_array("moments", moments))
        k = self.features.shape[1]
        if self.moments.shape != (k,) or not np.isfinite(self.moments).all():
            raise ArgumentError(f"`moments` must be finite and of shape ({k},), one a feature; got {shown(moments)}")
        low, high = self.features.min(0), self.features.max(0)
        outside = (self.moments < low - 1e-12) | (self.moments > high + 1e-12)
        if outside.any():
            j = int(np.argmax(outside))
            raise ArgumentError(
                f"`moments` must lie between the least and the greatest feature; entry {j} is {self.moments[j]}, outside of [{low[j]}, {high[j]}]"
            )
        self.feature_names = [f"phi{j}" for j in range(k)] if names is None else [str(n) for n in names]
        self.names = ["state"]

    def __repr__(self) -> str:
        return f"<Moments: {self.n_states} states, {self.features.shape[1]} features>"

    @property
    def n_states(self) -> int:
        """How many states."""
        return len(self.features)

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """A state at random, shape (1,)."""
        return rng.integers(0, self.n_states, 1)

    def truth(self) -> tuple[np.ndarray, np.ndarray]:
        """The moments, and the scale 1 in which errors count."""
        return self.moments, np.ones(len(self.moments))

    def to_spec(self) -> tuple[dict, dict]:
        """Plain data, from which `from_spec` makes the target again."""
        return {"names": self.feature_names}, {"features": self.features, "moments": self.moments}

    @classmethod
    def from_spec(cls, spec: dict, arrays: dict) -> Moments:
        """The target that `to_spec` described."""
        return cls(arrays["features"], arrays["moments"], spec["names"])
