"""Geometry of the activations of a batch: lengths, angles, dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

_MOST_ROWS = 1000  # distances between all pairs are taken
_CLEAR = 400.0  # times the mean square of rounding errors: 20 of their standard deviations

__all__ = ["mean_cosines", "mean_gap", "participation_ratio", "two_nn_dimension"]


def mean_cosines(z: np.ndarray, labels: Any = None) -> tuple[float, float, float]:
    """Mean cosine of the angle between two rows: over all pairs, over pairs of the same label, and over pairs of different labels.

    NaN if there is no such pair. Rows of zeros are left out.

    Examples
    --------
    >>> mean_cosines(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), [0, 0, 1])
    (0.3333333333333333, 1.0, 0.0)
    """
    flat = z.reshape(len(z), -1)
    norm = np.linalg.norm(flat, axis=1)
    kept = norm > 0
    unit = flat[kept] / norm[kept, None]

    def within(rows: np.ndarray) -> tuple[float, int]:
        # Sum over pairs i != j, without the matrix of all of them.
        total = rows.sum(0)
        return float(total @ total - (rows**2).sum()), len(rows) * (len(rows) - 1)

    every, pairs = within(unit)
    if labels is None:
        return (every / pairs if pairs else np.nan), np.nan, np.nan
    groups = [within(unit[np.asarray(labels)[kept] == c]) for c in np.unique(labels)]
    same, same_pairs = sum(g[0] for g in groups), sum(g[1] for g in groups)
    rest = pairs - same_pairs
    return (
        every / pairs if pairs else np.nan,
        same / same_pairs if same_pairs else np.nan,
        (every - same) / rest if rest else np.nan,
    )


def mean_gap(z: np.ndarray) -> float:
    """1 - mean cosine over all pairs of rows, from the deviations of unit vectors, so that it is exact where the cosines round to 1; NaN without a pair.

    Examples
    --------
    >>> near = np.array([[1.0, 0.0], [1.0, 1e-12]])
    >>> bool(abs(mean_gap(near) / 0.5e-24 - 1) < 1e-6), 1 - mean_cosines(near)[0]
    (True, 0.0)
    """
    flat = z.reshape(len(z), -1)
    norm = np.linalg.norm(flat, axis=1)
    unit = flat[norm > 0] / norm[norm > 0, None]
    if len(unit) < 2:
        return np.nan
    # From the first row, since a mean of unit vectors that are nearly the same rounds more than their differences do.
    apart = unit - unit[0]
    return float(((apart - apart.mean(0)) ** 2).sum() / (len(unit) - 1))


def participation_ratio(z: np.ndarray, rounding: float = 0.0) -> float:
    """(sum of eigenvalues)^2 / sum of their squares, of the covariance of rows: how many directions share the variance.

    NaN if the variance is not far above `rounding`, the mean square of the rounding errors of single numbers, because rounding errors would be counted
    as directions.

    Examples
    --------
    >>> round(participation_ratio(np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])), 6)
    2.0
    """
    flat = z.reshape(len(z), -1)
    centred = flat - flat.mean(0)
    # The smaller of the two Gram matrices has the same eigenvalues that are not zero.
    total = float((centred**2).mean())
    if 0 < total < _CLEAR * rounding:
        return np.nan
    gram = centred @ centred.T if flat.shape[0] <= flat.shape[1] else centred.T @ centred
    square = float((gram**2).sum())
    return float(np.trace(gram)) ** 2 / square if square > 0 else 0.0


def two_nn_dimension(z: np.ndarray, rounding: float = 0.0) -> float:
    """Intrinsic dimension from the ratio of the distances to the two nearest neighbours; NaN for fewer than ten different rows.

    It is NaN too if the squared distances of nearest neighbours are not far above `rounding`, the mean square of the rounding errors of single numbers.

    Maximum likelihood, (n - 1) / sum log(r2 / r1), for points of locally constant density (Facco, d'Errico, Rodriguez and Laio, Sci. Rep. 7
    (2017) 12140, doi:10.1038/s41598-017-11873-y).

    Examples
    --------
    >>> plane = np.random.default_rng(0).random((500, 2)) @ np.random.default_rng(1).normal(size=(2, 10))
    >>> bool(abs(two_nn_dimension(plane) - 2) < 0.3)
    True
    """
    from scipy.spatial.distance import pdist, squareform

    flat = z.reshape(len(z), -1)
    if len(flat) > _MOST_ROWS:
        flat = flat[np.linspace(0, len(flat) - 1, _MOST_ROWS).astype(int)]
    distances = squareform(pdist(flat))
    # Of rows that are the same one is kept.
    first = np.array([not (distances[i, :i] == 0).any() for i in range(len(flat))])
    if first.sum() < 10:
        return np.nan
    near = np.sort(distances[first][:, first], axis=1)[:, 1:3]
    if float(np.median(near[:, 0])) ** 2 / (2 * flat.shape[1]) < _CLEAR * rounding:
        return np.nan
    total = float(np.log(near[:, 1] / near[:, 0]).sum())
    return (int(first.sum()) - 1) / total if total > 0 else np.nan
