"""Distributions whose means under kernels are known: uniform on a box, normal, mixtures of normals, uniform on a sphere."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from weakchaos.core.arguments import MOST_COORDINATES, real_array, whole_number
from weakchaos.core.errors import ArgumentError, shown

__all__ = ["Distribution", "Normal", "NormalMixture", "Uniform", "UniformSphere"]


def _vector(name: str, value: Any) -> np.ndarray:
    array = np.atleast_1d(real_array(name, value))
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise ArgumentError(f"`{name}` must be a vector of finite numbers; got {shown(value)}")
    return array


class Distribution:
    """What the distributions share: `dim`, moments, random draws, and nodes of a quadrature."""

    dim: int

    def sample(self, n: int, seed: Any = 0) -> np.ndarray:
        """`n` independent draws, shape (n, dim)."""
        raise TypeError(f"{type(self).__name__} does not define sample")

    def moment(self, powers: tuple[int, ...]) -> float:
        """E prod_i X_i^powers_i."""
        raise TypeError(f"{type(self).__name__} does not define moment")

    def nodes(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Nodes and weights of a Gauss rule with `n` nodes along each coordinate."""
        raise TypeError(f"{type(self).__name__} does not define nodes")


def _tensor(nodes: list[np.ndarray], weights: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    grid = np.stack([g.ravel() for g in np.meshgrid(*nodes, indexing="ij")], axis=1)
    mass = np.ones(1)
    for w in weights:
        mass = np.multiply.outer(mass, w).ravel()
    return grid, mass


@dataclass(frozen=True, eq=False)
class Uniform(Distribution):
    """The uniform distribution on the box with corners `low` and `high`.

    Examples
    --------
    >>> Uniform([0.0, 0.0], [1.0, 2.0]).dim
    2
    """

    low: Any = 0.0
    high: Any = 1.0

    def __post_init__(self) -> None:
        low, high = np.broadcast_arrays(_vector("low", self.low), _vector("high", self.high))
        if not (high > low).all():
            raise ArgumentError(f"`high` must be above `low` in every coordinate; got low={low.tolist()}, high={high.tolist()}")
        object.__setattr__(self, "low", low.copy())
        object.__setattr__(self, "high", high.copy())
        object.__setattr__(self, "dim", low.size)

    def sample(self, n: int, seed: Any = 0) -> np.ndarray:
        """See `Distribution.sample`."""
        return np.random.default_rng(seed).uniform(self.low, self.high, (n, self.dim))

    def moment(self, powers: tuple[int, ...]) -> float:
        """See `Distribution.moment`."""
        p = np.array(powers) + 1.0
        return float(np.prod((self.high**p - self.low**p) / (p * (self.high - self.low))))

    def nodes(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Distribution.nodes`: Gauss and Legendre."""
        t, w = np.polynomial.legendre.leggauss(n)
        return _tensor([a + (b - a) * (t + 1) / 2 for a, b in zip(self.low, self.high, strict=True)], [w / 2] * self.dim)


def _covariance(name: str, value: Any, dim: int) -> np.ndarray:
    array = real_array(name, value)
    if array.ndim == 0:
        array = array * np.eye(dim)
    elif array.ndim == 1:
        array = np.diag(array)
    if array.shape != (dim, dim) or not np.isfinite(array).all() or not np.allclose(array, array.T, rtol=1e-10, atol=0):
        raise ArgumentError(
            f"`{name}` must be a number, {dim} variances or a symmetric matrix of shape ({dim}, {dim}); got {shown(value)}"
        )
    if np.linalg.eigvalsh(array)[0] < -1e-12 * np.abs(array).max():
        raise ArgumentError(f"`{name}` must be positive semidefinite; its least eigenvalue is {np.linalg.eigvalsh(array)[0]:.3g}")
    return array


@dataclass(frozen=True, eq=False)
class NormalMixture(Distribution):
    """A mixture of normal distributions.

    Parameters
    ----------
    weights : array of shape (m,)
        Normalised to sum to one.
    means : array of shape (m, dim)
    covariances : array of shape (m, dim, dim), or of shape (m,) or a number for multiples of the identity
    """

    weights: Any
    means: Any
    covariances: Any = 1.0

    def __post_init__(self) -> None:
        w, means = _vector("weights", self.weights), real_array("means", self.means)
        if means.ndim == 1:
            means = means[:, None]
        if (w < 0).any() or w.sum() <= 0:
            raise ArgumentError(f"`weights` must be non-negative and not all zero; got {shown(self.weights)}")
        if means.shape[:1] != w.shape or means.ndim != 2 or not means.size or not np.isfinite(means).all():
            raise ArgumentError(f"`means` must have shape ({w.size}, dim) and be finite; got shape {means.shape}")
        dim = means.shape[1]
        given = real_array("covariances", self.covariances)
        each = [given] * w.size if given.ndim == 0 else list(given)
        if len(each) != w.size:
            raise ArgumentError(f"`covariances` must be one number or one for each of {w.size} components; got {len(each)}")
        covariances = np.stack([_covariance("covariances", c, dim) for c in each])
        for name, value in (("weights", w / w.sum()), ("means", means), ("covariances", covariances), ("dim", dim)):
            object.__setattr__(self, name, value)

    def sample(self, n: int, seed: Any = 0) -> np.ndarray:
        """See `Distribution.sample`."""
        rng = np.random.default_rng(seed)
        which = rng.choice(self.weights.size, n, p=self.weights)
        roots = np.stack([_root(c) for c in self.covariances])
        return self.means[which] + np.einsum("nij,nj->ni", roots[which], rng.standard_normal((n, self.dim)))

    def moment(self, powers: tuple[int, ...]) -> float:
        """See `Distribution.moment`: the recursion of Stein, Isserlis and Wick for each component."""
        parts = (_normal_moment(m, c, tuple(powers), {}) for m, c in zip(self.means, self.covariances, strict=True))
        return float(sum(w * part for w, part in zip(self.weights, parts, strict=True)))

    def nodes(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Distribution.nodes`: Gauss and Hermite along the principal axes of each component."""
        t, w = np.polynomial.hermite_e.hermegauss(n)
        grid, mass = _tensor([t] * self.dim, [w / w.sum()] * self.dim)
        places = [m + grid @ _root(c).T for m, c in zip(self.means, self.covariances, strict=True)]
        return np.concatenate(places), np.concatenate([v * mass for v in self.weights])


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _normal_moment(mean: np.ndarray, covariance: np.ndarray, powers: tuple[int, ...], known: dict) -> float:
    if min(powers) < 0:
        return 0.0
    if not any(powers):
        return 1.0
    if powers not in known:
        i = next(k for k, p in enumerate(powers) if p)
        rest = tuple(p - (k == i) for k, p in enumerate(powers))
        value = mean[i] * _normal_moment(mean, covariance, rest, known)
        for j, p in enumerate(rest):
            if p:
                less = tuple(q - (k == j) for k, q in enumerate(rest))
                value += covariance[i, j] * p * _normal_moment(mean, covariance, less, known)
        known[powers] = value
    return known[powers]


class Normal(NormalMixture):
    """The normal distribution N(mean, covariance); a number or a vector for the covariance means variances.

    Examples
    --------
    >>> Normal([0.0, 1.0], 2.0).moment((0, 2))
    3.0
    """

    def __init__(self, mean: Any = 0.0, covariance: Any = 1.0):
        m = _vector("mean", mean)
        super().__init__([1.0], m[None], _covariance("covariance", covariance, m.size)[None])

    def to_spec(self) -> tuple[dict, dict]:
        """Plain data, from which `from_spec` makes the distribution again."""
        return {}, {"mean": self.means[0], "covariance": self.covariances[0]}

    @classmethod
    def from_spec(cls, spec: dict, arrays: dict) -> Normal:
        """The distribution that `to_spec` described."""
        return cls(arrays["mean"], arrays["covariance"])


@dataclass(frozen=True, eq=False)
class UniformSphere(Distribution):
    """The uniform distribution on the unit sphere of `dim` >= 2 dimensions; points on it have length 1."""

    dim: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "dim", whole_number("dim", self.dim, 2, MOST_COORDINATES))

    def sample(self, n: int, seed: Any = 0) -> np.ndarray:
        """See `Distribution.sample`."""
        z = np.random.default_rng(seed).standard_normal((n, self.dim))
        return z / np.linalg.norm(z, axis=1, keepdims=True)

    def moment(self, powers: tuple[int, ...]) -> float:
        """See `Distribution.moment`."""
        if any(p % 2 for p in powers):
            return 0.0
        top = np.prod([np.prod(np.arange(1, p, 2, dtype=float)) for p in powers])
        return float(top / np.prod(self.dim + 2.0 * np.arange(sum(powers) // 2)))


def multi_indices(dim: int, degree: int) -> list[tuple[int, ...]]:
    """All whole-number vectors of `dim` entries that sum to `degree`."""
    if dim == 1:
        return [(degree,)]
    if degree <= 1:
        return [p for p in product(range(degree + 1), repeat=dim) if sum(p) == degree]
    return [(k, *rest) for k in range(degree + 1) for rest in multi_indices(dim - 1, degree - k)]
