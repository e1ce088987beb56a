"""Zero-variance control variates: polynomials of a draw and its gradient whose mean is known to be zero, and how much of each is taken off.

Assaraf and Caffarel, Phys. Rev. Lett. 83 (1999) 4682; Mira, Solgi and Imparato, Stat. Comput. 23 (2013) 653, arXiv:1012.2983; with a ridge, South, Oates,
Mira and Drovandi, Bayesian Anal. 18 (2023) 865, arXiv:1811.05073. For a density p on all of space with g = grad log p and a polynomial phi,

    psi = laplace(phi) + <grad(phi), g>,    E psi = 0,

so that f and f - beta . psi have the same mean for any beta. The beta of one part of the draws is used on another part only (Oates, Girolami and
Chopin, J. R. Stat. Soc. B 79 (2017) 695, arXiv:1410.2392), so the mean of what is left is unbiased, and its spread is the one that it seems to have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations_with_replacement
from math import comb
from typing import Any, NamedTuple

import numpy as np

__all__ = ["RIDGES", "CrossFit", "cross_fit", "feature_count", "folds_of", "polynomial_features"]

# Parts of the variance of a feature. The least keeps features that depend on each other solvable; the last takes no control variate at all.
RIDGES = (1e-9, 1e-4, 1e-2, 1.0, np.inf)
_BLOCK = 4_000_000  # numbers


def feature_count(dim: int, order: int) -> int:
    """Monomials of degree 1 to `order` in `dim` variables.

    Examples
    --------
    >>> feature_count(10, 2)
    65
    """
    return comb(dim + order, order) - 1


def polynomial_features(z: np.ndarray, h: np.ndarray, order: int) -> np.ndarray:
    """What becomes of the monomials of degree 1 to `order` (at most 3), shape (n, p).

    Parameters
    ----------
    z, h : arrays of shape (n, dim)
        Positions, and the gradients of the log density there.
    order : int

    Examples
    --------
    >>> z = np.array([[2.0]])
    >>> polynomial_features(z, -z, 3)  # 0 + h, 2 + 2 z h, 6 z + 3 z**2 h
    array([[ -2.,  -6., -12.]])
    """
    dim = z.shape[1]
    parts = [h]
    if order >= 2:
        i, j = np.triu_indices(dim)
        parts.append(z[:, i] * h[:, j] + z[:, j] * h[:, i] + 2.0 * (i == j))
    if order >= 3:
        a, b, c = np.array(list(combinations_with_replacement(range(dim), 3))).T
        slope = z[:, a] * z[:, b] * h[:, c] + z[:, a] * h[:, b] * z[:, c] + h[:, a] * z[:, b] * z[:, c]
        parts.append(slope + 2.0 * ((a == b) * z[:, c] + (a == c) * z[:, b] + (b == c) * z[:, a]))
    return np.concatenate(parts, 1)


def folds_of(chains: int, n: int, folds: int) -> np.ndarray:
    """The part that each draw belongs to, shape (chains, n): pieces of consecutive draws, the k-th of every chain together, because neighbours are alike."""
    return np.tile(np.arange(n) * folds // n, (chains, 1))


class CrossFit(NamedTuple):
    """Values with the control variates taken off.

    Attributes
    ----------
    left : array of shape (n, k)
        f - beta . psi, the beta from the other folds.
    ridges : array of shape (folds, k)
        As part of the variance of a feature; infinite where no control variate was taken.
    betas : array of shape (folds, p, k)
    """

    left: np.ndarray
    ridges: np.ndarray
    betas: np.ndarray


class _Moments(NamedTuple):
    """Weighted sums over draws: of one, of features and values, of features times both, and of squares of values."""

    mass: float
    first: np.ndarray  # (p + k,)
    second: np.ndarray  # (p, p + k)
    squares: np.ndarray  # (k,)

    def __add__(self, other: Any) -> _Moments:
        return _Moments(self.mass + other.mass, self.first + other.first, self.second + other.second, self.squares + other.squares)

    def __sub__(self, other: _Moments) -> _Moments:
        return _Moments(self.mass - other.mass, self.first - other.first, self.second - other.second, self.squares - other.squares)

    def coefficients(self, p: int, ridges: tuple[float, ...]) -> Iterator[np.ndarray]:
        """Least squares with an intercept: beta of shape (p, k) for each ridge."""
        from scipy.linalg import cho_factor, cho_solve

        mean = self.first / self.mass
        covariance = self.second / self.mass - np.outer(mean[:p], mean)
        own, mixed = covariance[:, :p], covariance[:, p:]
        size = np.sqrt(np.maximum(np.diag(own), 0.0))
        live = size > 1e-12 * max(float(size.max(initial=0.0)), 1e-300)
        scale = np.where(live, size, 1.0)
        scaled, right = own / np.outer(scale, scale), np.where(live[:, None], mixed / scale[:, None], 0.0)
        scaled[~live] = 0.0
        scaled[:, ~live] = 0.0
        for ridge in ridges:
            beta = np.zeros_like(mixed)
            if np.isfinite(ridge):
                matrix = scaled.copy()
                matrix[np.diag_indices(p)] += np.where(live, ridge, 1.0)
                try:
                    beta = cho_solve(cho_factor(matrix, lower=True, check_finite=False), right, check_finite=False) / scale[:, None]
                except np.linalg.LinAlgError:  # sums that rounding has made indefinite: a larger ridge serves
                    beta = np.full_like(mixed, np.nan)
            yield beta

    def missed(self, beta: np.ndarray, fitted: _Moments) -> np.ndarray:
        """The sum over these draws of the squared errors of predictions by `beta`, with the intercept of the draws it was fitted to; shape (k,)."""
        p = beta.shape[0]
        mean = fitted.first / fitted.mass
        intercept = mean[p:] - mean[:p] @ beta
        features = self.second[:, :p]
        cross = (beta * self.second[:, p:]).sum(0)
        squares = self.squares - 2.0 * cross + (beta * (features @ beta)).sum(0)
        sums = self.first[p:] - self.first[:p] @ beta
        return np.maximum(squares - 2.0 * intercept * sums + self.mass * intercept**2, 0.0)


def cross_fit(
    values: np.ndarray,
    rows: int,
    features: Callable[[slice], np.ndarray],
    folds: np.ndarray,
    weights: np.ndarray,
    ridges: tuple[float, ...] = RIDGES,
) -> CrossFit:
    """Take control variates off values, with coefficients of other draws.

    Parameters
    ----------
    values : array of shape (n, k)
    rows : int
        n.
    features : callable
        From a slice of rows to an array of shape (rows, p), whose means under the target are zero.
    folds : int array of shape (n,)
        From 0.
    weights : array of shape (n,)
    ridges : tuple of float
        Out of which each fold chooses for each column of values by the squared error of predictions within the other folds.

    Returns
    -------
    CrossFit
    """
    count = int(folds.max()) + 1
    p, k = features(slice(0, 1)).shape[1], values.shape[1]
    block = max(1, _BLOCK // (p + k))
    zero = _Moments(0.0, np.zeros(p + k), np.zeros((p, p + k)), np.zeros(k))
    sums = [zero] * count
    for start in range(0, rows, block):
        part = slice(start, min(rows, start + block))
        both = np.concatenate([features(part), values[part]], 1)
        for fold in np.unique(folds[part]):
            own = folds[part] == fold
            x, w = both[own], weights[part][own]
            weighted = x * w[:, None]
            sums[fold] = sums[fold] + _Moments(
                float(w.sum()), weighted.sum(0), weighted[:, :p].T @ x, (weighted[:, p:] * x[:, p:]).sum(0)
            )
    total = sum(sums[1:], sums[0])
    errors = np.zeros((count, len(ridges), k))
    for a in range(count):
        for b in range(a):
            rest = total - sums[a] - sums[b]
            for r, beta in enumerate(rest.coefficients(p, ridges)):
                # The fold that is kept out of fold a's coefficients judges its ridge, and the other way round.
                errors[a, r] += sums[b].missed(beta, rest)
                errors[b, r] += sums[a].missed(beta, rest)
    chosen = np.where(np.isfinite(errors), errors, np.inf).argmin(1)
    betas = np.zeros((count, p, k))
    for fold in range(count):
        rest = total - sums[fold]
        used = np.unique(chosen[fold])
        for r, beta in zip(used, rest.coefficients(p, tuple(ridges[r] for r in used)), strict=True):
            mine = chosen[fold] == r
            betas[fold][:, mine] = np.where(np.isfinite(beta[:, mine]), beta[:, mine], 0.0)
    left = np.empty_like(values)
    for start in range(0, rows, block):
        part = slice(start, min(rows, start + block))
        psi = features(part)
        for fold in np.unique(folds[part]):
            own = folds[part] == fold
            left[part][own] = values[part][own] - psi[own] @ betas[fold]
    return CrossFit(left, np.asarray(ridges)[chosen], betas)
