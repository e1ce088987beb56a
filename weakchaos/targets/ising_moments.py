"""`IsingMoments`: means and pair correlations of spins that are to be matched, for herding without a list of all states."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.targets.hull import outside_hull
from weakchaos.targets.moments import Moments
from weakchaos.targets.mrf import PairwiseMRF
from weakchaos.targets.target import Target

__all__ = ["IsingMoments"]

_ENUMERATED = 12
_TOLERANCE = 1e-8


class IsingMoments(Target):
    """The features s_i and s_i s_j of n spins -1, +1, and the averages they are to have; a draw is a state of all spins.

    Parameters
    ----------
    means : array of shape (n,)
        E s_i.
    correlations : array of shape (n, n) or (edges,)
        E s_i s_j (not centred): a symmetric matrix, of which the entries of `edges` are used, or one number for each edge.
    edges : int array of shape (edges, 2), optional
        The pairs whose correlations are to be matched; all of them by default.
    names : sequence of str, optional

    Raises
    ------
    ArgumentError
        For moments that no distribution of spins has. On a forest, and for up to 12 spins, the check is complete; otherwise only each pair by
        itself is checked, and the certificate of a herding run shows whether all moments can be matched together.

    Examples
    --------
    >>> data = np.array([[1, 1, -1], [1, -1, -1], [-1, -1, 1], [1, 1, 1]])
    >>> target = IsingMoments.from_samples(data, edges=[(0, 1), (1, 2)])
    >>> target.moments
    array([0.5, 0. , 0. , 0.5, 0. ])
    """

    error_kind = "largest error of a mean or correlation"

    def __init__(self, means: Any, correlations: Any, edges: Any = None, names: Sequence[str] | None = None):
        self.means = real_array("means", means)
        if self.means.ndim != 1 or not self.means.size or not (np.abs(self.means) <= 1 + _TOLERANCE).all():
            raise ArgumentError(f"`means` must be averages of spins, numbers from -1 to 1, one a spin; got {shown(means)}")
        self.dim = n = self.means.size
        self.edges = _checked_edges(edges, n)
        table = real_array("correlations", correlations)
        if table.shape == (n, n):
            if not np.allclose(table, table.T, rtol=0, atol=_TOLERANCE, equal_nan=True):
                raise ArgumentError("`correlations` must be symmetric: E s_i s_j is E s_j s_i")
            table = table[self.edges[:, 0], self.edges[:, 1]]
        if table.shape != (len(self.edges),):
            raise ArgumentError(
                f"`correlations` must have shape ({n}, {n}) or ({len(self.edges)},), one number an edge; got shape {table.shape}"
            )
        self.correlations = table
        self.moments = np.concatenate([self.means, self.correlations])
        self.names = [f"s{i}" for i in range(n)] if names is None else [str(k) for k in names]
        if len(self.names) != n:
            raise ArgumentError(f"`names` must hold {n} names; got {len(self.names)}")
        self._check()

    def _check(self) -> None:
        i, j = self.edges.T
        for a, b in itertools.product((1, -1), repeat=2):
            p = (1 + a * self.means[i] + b * self.means[j] + a * b * self.correlations) / 4
            if not (p >= -_TOLERANCE).all():
                e = int(np.nanargmin(np.where(np.isnan(p), -np.inf, p)))
                pair = f"{self.names[i[e]]}={a:+d}, {self.names[j[e]]}={b:+d}"
                raise ArgumentError(
                    f"`correlations` must agree with `means`: {pair} would have the probability {p[e]:.6g}; pass E s_i s_j, not the covariance"
                )
        if self.is_forest or self.dim > _ENUMERATED:
            return
        outside = outside_hull(self.features(self.states()), self.moments)
        if outside.distance > _TOLERANCE:
            raise ArgumentError(
                f"`correlations` and `means` must be those of some distribution of spins: each pair by itself is possible, but all "
                f"together lie outside of the convex hull of the features, by {outside.distance:.3g} of the range of a feature"
            )

    def __repr__(self) -> str:
        return f"<IsingMoments: {self.dim} spins, {len(self.edges)} correlations>"

    @classmethod
    def from_samples(cls, x: Any, edges: Any = None, names: Sequence[str] | None = None) -> IsingMoments:
        """The moments of samples of spins, shape (rows, n); such moments can always be matched."""
        x = real_array("x", x, "a matrix")
        if x.ndim != 2 or 0 in x.shape or not np.isin(x, (-1.0, 1.0)).all():
            raise ArgumentError("`x` must be a matrix of spins -1 and +1, one row a sample; 0/1 units are 2 * x - 1")
        pairs = _checked_edges(edges, x.shape[1])
        return cls(x.mean(0), np.einsum("re,re->e", x[:, pairs[:, 0]], x[:, pairs[:, 1]]) / len(x), pairs, names)

    @classmethod
    def from_model(cls, model: Any, edges: Any = None) -> IsingMoments:
        """The exact averages of a `PairwiseMRF` or `Ising` model of at most 20 units; 0/1 units become spins 2 x - 1.

        Its coupled pairs are matched, unless `edges` says otherwise.
        """
        if not isinstance(model, PairwiseMRF):
            raise ArgumentTypeError(f"`model` must be a PairwiseMRF or an Ising model; got {shown(model)}")
        if edges is None:
            ptr, unit, _, _ = model.pair_arrays()
            ends = np.stack([np.repeat(np.arange(model.dim), np.diff(ptr)), unit], 1)
            edges = np.unique(ends[ends[:, 0] < ends[:, 1]], axis=0)
        pairs = _checked_edges(edges, model.dim)
        p = model.distribution()
        spins = _all_spins(model.dim).astype(np.float64)
        second = np.array([p @ (spins[:, i] * spins[:, j]) for i, j in pairs])
        return cls(p @ spins, second, pairs, model.names)

    @property
    def is_forest(self) -> bool:
        """Whether the edges form no cycle, so that pair moments that agree with the means can always be matched."""
        root = list(range(self.dim))

        def find(k: int) -> int:
            while root[k] != k:
                root[k] = root[root[k]]
                k = root[k]
            return k

        for i, j in self.edges.tolist():
            a, b = find(i), find(j)
            if a == b:
                return False
            root[a] = b
        return True

    def states(self) -> np.ndarray:
        """All 2**n states, int8 of shape (2**n, n), the last spin changing fastest.

        Raises
        ------
        ArgumentError
            For more than 20 spins.
        """
        if self.dim > 20:
            raise ArgumentError(f"all states can be listed for at most 20 spins; this target has {self.dim}")
        return _all_spins(self.dim)

    def features(self, states: Any) -> np.ndarray:
        """s_i and s_i s_j of states of shape (m, n): shape (m, n + edges)."""
        s = np.asarray(states, np.float64)
        return np.concatenate([s, s[:, self.edges[:, 0]] * s[:, self.edges[:, 1]]], 1)

    def as_moments(self) -> Moments:
        """The same target as `Moments` with a list of all states; its draws are indices of this list."""
        names = [*self.names, *(f"{self.names[i]} {self.names[j]}" for i, j in self.edges)]
        return Moments(self.features(self.states()), self.moments, names)

    def estimand_names(self, n: int) -> list[str]:
        """The names of the spins, and of the pairs of spins."""
        names = [*map(str, self.names), *(f"{self.names[i]} {self.names[j]}" for i, j in self.edges)]
        return names if n == len(names) else super().estimand_names(n)

    def draw_variance(self, averages: np.ndarray) -> np.ndarray:
        """Variance of one draw of each feature, whose values are -1 and +1."""
        return np.maximum(1 - averages**2, 0.0)

    def truth(self) -> tuple[np.ndarray, np.ndarray]:
        """The moments, and 1, the scale by which errors are divided."""
        return self.moments, np.ones(len(self.moments))

    def to_spec(self) -> tuple[dict, dict]:
        """Plain data, from which `from_spec` makes the target again."""
        return {"names": self.names}, {"means": self.means, "correlations": self.correlations, "edges": self.edges}

    @classmethod
    def from_spec(cls, spec: dict, arrays: dict) -> IsingMoments:
        """The target that `to_spec` described."""
        return cls(arrays["means"], arrays["correlations"], arrays["edges"], spec["names"])


def _all_spins(n: int) -> np.ndarray:
    index = np.arange(1 << n)
    return np.stack([2 * ((index >> (n - 1 - i)) & 1) - 1 for i in range(n)], 1).astype(np.int8)


def _checked_edges(edges: Any, n: int) -> np.ndarray:
    if edges is None:
        return np.stack(np.triu_indices(n, 1), 1).astype(np.int64)
    array = real_array("edges", edges, "pairs")
    array = array.reshape(0, 2) if array.size == 0 else array
    good = array.ndim == 2 and array.shape[1:] == (2,) and ((array == np.floor(array)) & (array >= 0) & (array < n)).all()
    pairs = np.sort(array.astype(np.int64), axis=1) if good else array
    if not good or (pairs[:, 0] == pairs[:, 1]).any() or len(np.unique(pairs, axis=0)) < len(pairs):
        raise ArgumentError(f"`edges` must be different pairs of different spins, numbered from 0 to {n - 1}; got {shown(edges)}")
    return pairs
