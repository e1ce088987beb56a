"""`Moments`: a finite set of states with features, and the feature averages to be matched."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from weakchaos.core.arguments import real_array
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.targets.hull import outside_hull
from weakchaos.targets.target import Target

__all__ = ["Moments", "WholeMoments"]

_INSIDE = 1e-8
_LARGEST = 1 << 53


class WholeMoments(NamedTuple):
    """Features and moments as whole numbers over one denominator: ``features / denominator``, ``moments / denominator``."""

    features: np.ndarray
    moments: np.ndarray
    denominator: int


def finite_matrix(name: str, value: Any) -> np.ndarray:
    """`value` as a C-contiguous float64 matrix of finite numbers; a vector becomes one column."""
    array = real_array(name, value, "a matrix")
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or 0 in array.shape:
        raise ArgumentError(f"`{name}` must have shape (n, k) with n, k >= 1; got {array.shape}")
    if not np.isfinite(array).all():
        raise ArgumentError(f"`{name}` must be finite; row {int(np.argmin(np.isfinite(array).all(1)))} is not")
    return array


def _fractions(values: Any) -> list[Fraction] | None:
    """The entries of an array as fractions where one of them came as a `Fraction`; None where they are plain numbers."""
    array = np.asarray(values)
    return [Fraction(v) for v in array.ravel()] if array.dtype == object else None


class Moments(Target):
    """A finite set of states whose feature averages are given; a draw is the index of a state.

    Parameters
    ----------
    features : array of shape (n_states, k)
        Row s is phi(s). Entries may be `fractions.Fraction`, as those of `moments`, which exact herding needs.
    moments : array of shape (k,)
        The averages to match. They can be matched if and only if they lie in the convex hull of the rows, which a linear program checks.
    names : sequence of str, optional
        Names of the k features.

    Raises
    ------
    ArgumentError
        For bad shapes, and for moments outside of the hull; the message says by how much.

    Examples
    --------
    >>> coin = Moments([[0.0], [1.0]], [0.3])
    >>> coin.n_states
    2
    >>> Moments([[0, 0], [1, 0], [0, 1]], [0.75, 0.75])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    weakchaos.core.errors.ArgumentError: `moments` must lie in the convex hull of the features; ...
    """

    dim = 1
    error_kind = "largest error of a moment"

    def __init__(self, features: Any, moments: Any, names: Sequence[str] | None = None):
        self.features = finite_matrix("features", features)
        self.moments = np.atleast_1d(real_array("moments", moments))
        k = self.features.shape[1]
        if self.moments.shape != (k,) or not np.isfinite(self.moments).all():
            raise ArgumentError(f"`moments` must be finite and of shape ({k},), one for each feature; got {shown(moments)}")
        self.feature_names = [f"phi{j}" for j in range(k)] if names is None else [str(n) for n in names]
        self.names = ["state"]
        outside = outside_hull(self.features, self.moments)
        if outside.distance > _INSIDE:
            j = outside.worst
            raise ArgumentError(
                f"`moments` must lie in the convex hull of the features; they are outside of it by {outside.distance:.3g} of a feature's range: the nearest "
                f"averages that states can have give {self.feature_names[j]} {outside.nearest[j]:.6g}, not {self.moments[j]:.6g}"
            )
        self._exact: tuple[list[Fraction], list[Fraction]] | WholeMoments | None = None
        given = _fractions(features), _fractions(moments)
        if given != (None, None):
            self._exact = (
                given[0] or [Fraction(v) for v in self.features.ravel().tolist()],
                given[1] or [Fraction(v) for v in self.moments.tolist()],
            )

    def whole(self) -> WholeMoments:
        """Features and moments as whole numbers over their common denominator, for exact herding.

        Raises
        ------
        ArgumentError
            If a numerator or the denominator needs more than 53 bits, as those of most floats do.

        Examples
        --------
        >>> Moments([[0], [1]], [Fraction(3, 7)]).whole()
        WholeMoments(features=array([[0],
               [7]]), moments=array([3]), denominator=7)
        """
        if isinstance(self._exact, WholeMoments):
            return self._exact
        if self._exact is None:
            features, moments = ([Fraction(v) for v in a.ravel().tolist()] for a in (self.features, self.moments))
        else:
            features, moments = self._exact
        denominator = math.lcm(*{f.denominator for f in features}, *{f.denominator for f in moments})
        largest = denominator * max([Fraction(1), *(abs(f) for f in features)])
        if largest >= _LARGEST:
            raise ArgumentError(
                f"`moments` and `features` must be rational over a small common denominator for exact herding, with numerators below 2**53; theirs is {denominator}: "
                "give each entry as a fractions.Fraction, Fraction(3, 7) and not 3 / 7, or round them to one denominator"
            )
        self._exact = WholeMoments(
            np.array([int(f * denominator) for f in features], np.int64).reshape(self.features.shape),
            np.array([int(f * denominator) for f in moments], np.int64),
            denominator,
        )
        return self._exact

    def __repr__(self) -> str:
        return f"<Moments: {self.n_states} states, {self.features.shape[1]} features>"

    @property
    def n_states(self) -> int:
        """Number of states."""
        return len(self.features)

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """A state at random, shape (1,)."""
        return rng.integers(0, self.n_states, 1)

    def draw_variance(self, averages: np.ndarray) -> np.ndarray:
        """Variance of each feature over the states, all with equal weights."""
        return self.features.var(0)

    def estimand_names(self, n: int) -> list[str]:
        """The names of the features."""
        return self.feature_names if n == len(self.feature_names) else super().estimand_names(n)

    def truth(self) -> tuple[np.ndarray, np.ndarray]:
        """The moments, and 1, the scale by which errors are divided."""
        return self.moments, np.ones(len(self.moments))

    def to_spec(self) -> tuple[dict, dict]:
        """Plain data, from which `from_spec` makes the target again."""
        spec, arrays = {"names": self.feature_names, "denominator": 0}, {"features": self.features, "moments": self.moments}
        if self._exact is not None:
            with contextlib.suppress(ArgumentError):  # too large for exact herding, so no run needs them
                whole = self.whole()
                spec["denominator"] = whole.denominator
                arrays |= {"whole_features": whole.features, "whole_moments": whole.moments}
        return spec, arrays

    @classmethod
    def from_spec(cls, spec: dict, arrays: dict) -> Moments:
        """The target that `to_spec` described."""
        target = cls(arrays["features"], arrays["moments"], spec["names"])
        if spec["denominator"]:
            target._exact = WholeMoments(arrays["whole_features"], arrays["whole_moments"], spec["denominator"])
        return target
