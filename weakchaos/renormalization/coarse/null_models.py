"""Populations without a critical point, with which scaling exponents are compared.

Heterogeneous rates and a few shared latent variables produce power laws over the range that recordings span (Morrell, Sederberg and Nemenman,
Phys. Rev. Lett. 126 (2021) 118302, doi:10.1103/PhysRevLett.126.118302). If a null model has the same exponents as the data, criticality is not needed
to explain them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["NULLS", "is_binary", "null_population"]

NULLS = ("independent", "shuffled", "latent")


def is_binary(x: np.ndarray) -> bool:
    """Whether all entries are 0 or 1."""
    return bool(((x == 0) | (x == 1)).all())


def _gaussian_correlations(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds, and correlations of the Gaussian variables that, cut there, have the pair correlations of a binary population.

    The covariance of two cut Gaussians is the integral of their bivariate density over the correlation (Price); three Newton steps invert it.
    """
    from scipy.special import ndtri

    rate = np.clip(x.mean(0), 0.5 / len(x), 1 - 0.5 / len(x))
    cut = ndtri(rate)
    centred = (x - x.mean(0)).astype(np.float32)
    covariance = (centred.T @ centred).astype(np.float64) / len(x)
    a, b = cut[:, None], cut[None, :]

    def density(r: np.ndarray) -> np.ndarray:
        rest = 1 - r * r
        return np.exp(-(a * a - 2 * r * a * b + b * b) / (2 * rest)) / (2 * np.pi * np.sqrt(rest))

    nodes, weights = np.polynomial.legendre.leggauss(8)
    r = np.clip(covariance / density(np.zeros_like(covariance)), -0.9, 0.9)
    for _ in range(4):
        mass = sum(0.5 * w * r * density(0.5 * r * (1 + t)) for t, w in zip(nodes, weights, strict=True))
        r = np.clip(r - (mass - covariance) / density(r), -0.95, 0.95)
    np.fill_diagonal(r, 1.0)
    return cut, r


def _factors(correlation: np.ndarray, rank: int) -> np.ndarray:
    """Loadings of a factor model of a correlation matrix, shape (n, rank), by principal axes with communalities found by iteration."""
    from scipy.linalg import eigh

    n = len(correlation)
    reduced = correlation.copy()
    np.fill_diagonal(reduced, 0.5)
    loadings = np.zeros((n, rank))
    for _ in range(6):
        values, vectors = eigh(reduced, subset_by_index=(n - rank, n - 1))
        loadings = vectors * np.sqrt(np.maximum(values, 0))
        communality = np.minimum((loadings**2).sum(1), 0.99)
        np.fill_diagonal(reduced, communality)
    size = np.sqrt(np.maximum((loadings**2).sum(1) / 0.99, 1))
    return loadings / size[:, None]


def null_population(x: np.ndarray, kind: str, rng: Any, rank: int = 10) -> np.ndarray:
    """A population of the same shape as `x` under a null hypothesis.

    Parameters
    ----------
    x : array of shape (samples, units)
    kind : {"independent", "shuffled", "latent"}
        "independent": the samples of each unit are permuted; "shuffled": the series of each unit is shifted cyclically by a random time, which
        preserves its dynamics; "latent": the units depend on each other only through a few shared latent variables; binary units are Gaussians
        with a threshold, others are Gaussians that are transformed to their marginal distributions.
    rng : numpy.random.Generator
    rank : int
        Number of latent variables.

    Returns
    -------
    array of shape (samples, units)

    Examples
    --------
    >>> x = np.random.default_rng(0).integers(0, 2, (50, 4))
    >>> bool((null_population(x, "independent", np.random.default_rng(1)).sum(0) == x.sum(0)).all())
    True
    """
    samples, units = x.shape
    if kind == "independent":
        return rng.permuted(x, axis=0)
    if kind == "shuffled":
        start = rng.integers(0, samples, units)
        return np.take_along_axis(x, (np.arange(samples)[:, None] + start) % samples, 0)
    rank = min(rank, units - 1)
    if is_binary(x):
        cut, correlation = _gaussian_correlations(x)
    else:
        order = np.sort(x, axis=0)
        spread = (x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1)
        correlation = spread.T @ spread / samples
        np.fill_diagonal(correlation, 1.0)
    loadings = _factors(correlation, rank)
    own = np.sqrt(np.maximum(1 - (loadings**2).sum(1), 0.01))
    z = rng.standard_normal((samples, rank)) @ loadings.T + rng.standard_normal((samples, units)) * own
    if is_binary(x):
        return (z < cut).astype(x.dtype)
    out = np.empty_like(order)
    np.put_along_axis(out, np.argsort(z, axis=0), order, 0)
    return out
