"""Closed forms of mean embeddings, by kernel and distribution: the pair (function mu of points of shape (n, dim), double integral)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.kernels.base import Kernel, length
from weakchaos.kernels.distributions import Distribution, NormalMixture, Uniform, UniformSphere, multi_indices
from weakchaos.kernels.line_integrals import against_normal, antiderivatives, normal_distance
from weakchaos.kernels.other_kernels import Bernoulli, Brownian, Polynomial
from weakchaos.kernels.radial import EnergyDistance, Gaussian, Laplace

__all__ = ["closed_form"]

Form = tuple[Callable[[np.ndarray], np.ndarray], float]


def closed_form(kernel: Kernel, distribution: Distribution) -> Form | None:
    """The mean embedding in closed form, None where it is not known."""
    if isinstance(kernel, Polynomial):
        return _polynomial(kernel, distribution)
    if isinstance(distribution, Uniform):
        return _uniform(kernel, distribution)
    if isinstance(distribution, NormalMixture):
        return _gaussians(kernel, distribution) if isinstance(kernel, Gaussian) else _normal(kernel, distribution)
    if isinstance(distribution, UniformSphere):
        return _sphere(kernel, distribution)
    return None


def _lengths(kernel: Any, dim: int) -> np.ndarray:
    h = length(kernel.lengths, getattr(kernel, kernel.lengths), dim) if kernel.lengths else (1.0,)
    return np.broadcast_to(np.array(h), (dim,))


def _product(factors: list[tuple[Callable, float]]) -> Form:
    def mean(x: np.ndarray) -> np.ndarray:
        out = np.ones(len(x))
        for k, (factor, _) in enumerate(factors):
            out *= factor(x[:, k])
        return out

    return mean, math.prod(double for _, double in factors)


# ---- uniform on a box --------------------------------------------------------------------------------------------------------------------


def _uniform(kernel: Kernel, box: Uniform) -> Form | None:
    if isinstance(kernel, Bernoulli):
        unit = (box.low == 0).all() and (box.high == 1).all()
        return ((lambda x: np.ones(len(x))), 1.0) if unit else None
    if isinstance(kernel, Brownian):
        if (box.low < 0).any():
            return None
        return _product([_brownian(kernel.offset, a, b) for a, b in zip(box.low, box.high, strict=True)])
    if isinstance(kernel, EnergyDistance):
        return _energy_uniform(kernel, box) if box.dim == 1 else None
    if box.dim > 1 and not isinstance(kernel, Gaussian | Laplace):  # the others are no products over coordinates
        return None
    h = _lengths(kernel, box.dim)
    factors = [_interval(kernel, float(s), float(a), float(b)) for s, a, b in zip(h, box.low, box.high, strict=True)]
    return _product([f for f in factors if f is not None]) if None not in factors else None


def _interval(kernel: Kernel, h: float, a: float, b: float) -> tuple[Callable, float] | None:
    size = b - a
    whole = antiderivatives(kernel, h, size)
    if whole is None:
        return None

    def odd(t: np.ndarray) -> np.ndarray:
        found = antiderivatives(kernel, h, np.abs(t))
        assert found is not None
        return np.sign(t) * found[0]

    return lambda x: (odd(b - x) - odd(a - x)) / size, float(2 * (size * whole[0] - whole[1]) / size**2)


def _brownian(offset: float, a: float, b: float) -> tuple[Callable, float]:
    def mean(x: np.ndarray) -> np.ndarray:
        inside = np.clip(x, a, b)
        return offset + (((inside**2 - a * a) / 2 + inside * (b - inside)) / (b - a) + np.minimum(x - a, 0.0))

    return mean, offset + a + (b - a) / 3


def _energy_uniform(kernel: EnergyDistance, box: Uniform) -> Form:
    a, b, c = float(box.low[0]), float(box.high[0]), _centre(kernel)

    def distance(x: np.ndarray) -> np.ndarray:
        inside = ((x - a) ** 2 + (b - x) ** 2) / (2 * (b - a))
        return np.where((x >= a) & (x <= b), inside, np.abs(x - (a + b) / 2))

    own = float(distance(np.array(c)))
    return lambda x: np.abs(x[:, 0] - c) + own - distance(x[:, 0]), 2 * own - (b - a) / 3


def _centre(kernel: EnergyDistance) -> float:
    return 0.0 if kernel.centre is None else float(kernel.centre[0])


# ---- mixtures of normals -----------------------------------------------------------------------------------------------------------------


def _gaussians(kernel: Gaussian, mixture: NormalMixture) -> Form:
    """int exp(-|x - y|^2 / 2) N(y; m, S) dy in units of the lengths: |I + S|^-1/2 exp(-(x - m)' (I + S)^-1 (x - m) / 2)."""
    h = _lengths(kernel, mixture.dim)
    scale = np.outer(h, h)

    def bump(difference: np.ndarray, covariance: np.ndarray) -> np.ndarray:
        total = np.eye(h.size) + covariance / scale
        root = np.linalg.cholesky(total)
        z = np.linalg.solve(root, (difference / h).T)
        return np.exp(-0.5 * (z * z).sum(0)) / np.prod(np.diag(root))

    parts = list(zip(mixture.weights, mixture.means, mixture.covariances, strict=True))
    double = sum(v * w * float(bump((m - n)[None], c + d)[0]) for v, m, c in parts for w, n, d in parts)
    return lambda x: sum(w * bump(x - m, c) for w, m, c in parts), double


def _normal(kernel: Kernel, mixture: NormalMixture) -> Form | None:
    """Products over coordinates of expectations on a line, which need diagonal covariances."""
    energy = isinstance(kernel, EnergyDistance)
    if mixture.dim > 1 and (
        not isinstance(kernel, Laplace) or any(np.count_nonzero(c - np.diag(np.diag(c))) for c in mixture.covariances)
    ):
        return None
    h = _lengths(kernel, mixture.dim)
    if not energy and against_normal(kernel, 1.0, 0.0, 1.0) is None:
        return None

    def expectation(difference: np.ndarray, covariance: np.ndarray) -> np.ndarray:
        if energy:
            return normal_distance(difference[:, 0], math.sqrt(covariance[0, 0]))
        out = np.ones(len(difference))
        for k in range(mixture.dim):
            factor = against_normal(kernel, float(h[k]), difference[:, k], math.sqrt(covariance[k, k]))
            assert factor is not None
            out *= factor
        return out

    parts = list(zip(mixture.weights, mixture.means, mixture.covariances, strict=True))
    double = sum(v * w * float(expectation((m - n)[None], c + d)[0]) for v, m, c in parts for w, n, d in parts)

    def mean(x: np.ndarray) -> np.ndarray:
        return sum(w * expectation(x - m, c) for w, m, c in parts)

    if not isinstance(kernel, EnergyDistance):
        return mean, double
    c = _centre(kernel)
    own = float(mean(np.array([[c]]))[0])
    return lambda x: np.abs(x[:, 0] - c) + own - mean(x), 2 * own - double


# ---- others ------------------------------------------------------------------------------------------------------------------------------


def _polynomial(kernel: Polynomial, distribution: Distribution) -> Form | None:
    """(a + b <x, y>)^n = sum over multi-indices p of c_p x^p y^p, so that moments are all that is needed."""
    n, b = kernel.degree, kernel.scale**-2
    if math.comb(n + distribution.dim, n) > 100_000:
        return None
    terms = []
    for degree in range(n + 1):
        outer = math.comb(n, degree) * kernel.constant ** (n - degree) * b**degree
        for powers in multi_indices(distribution.dim, degree):
            inner = math.factorial(degree) / math.prod(math.factorial(p) for p in powers)
            terms.append((powers, outer * inner, distribution.moment(powers)))

    def mean(x: np.ndarray) -> np.ndarray:
        out = np.zeros(len(x))
        for powers, c, moment in terms:
            out += c * moment * np.prod(x ** np.array(powers), axis=1)
        return out

    return mean, float(sum(c * moment**2 for _, c, moment in terms))


def _sphere(kernel: Kernel, sphere: UniformSphere) -> Form | None:
    """A function of the distance depends on x through its length alone; the angle is integrated by Gauss and Gegenbauer."""
    from scipy.special import roots_jacobi

    if kernel.lengths == "" or isinstance(kernel, Laplace) or isinstance(getattr(kernel, kernel.lengths), tuple):
        return None
    power = (sphere.dim - 3) / 2
    t, w = roots_jacobi(400, power, power)
    w = w / w.sum()

    def mean(x: np.ndarray) -> np.ndarray:
        radius = np.linalg.norm(x, axis=1)
        which, place = np.unique(radius.round(14), return_inverse=True)
        values = [w @ kernel([[0.0]], np.sqrt(np.maximum(1 + r * r - 2 * r * t, 0.0))[:, None])[0] for r in which]
        return np.array(values)[place]

    return mean, float(mean(np.eye(1, sphere.dim))[0])
