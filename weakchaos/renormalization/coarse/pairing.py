"""Real-space coarse-graining of a population without a lattice: the most correlated units take the place of neighbours.

Meshulam, Gauthier, Brody, Tank and Bialek, Phys. Rev. Lett. 123 (2019) 178103, doi:10.1103/PhysRevLett.123.178103: units are paired, the most
correlated pair first, each unit once; the activities of each pair are added; this is repeated with the sums.
"""

from __future__ import annotations

import numpy as np

from weakchaos.native.compiled import kernel

__all__ = ["clusters_by_correlation", "pair_greedily"]


@kernel
def pair_greedily(similarity):
    """Pairs (i, j), the most similar first, each unit once; shape (n // 2, 2). Among equally similar pairs the one with the smallest indices."""
    n = similarity.shape[0]
    free = np.ones(n, np.bool_)
    # The best partner j > i of every unit that is still free; only those whose partner was taken must be sought again.
    best = np.full(n, -1)
    value = np.full(n, -np.inf)
    pairs = np.empty((n // 2, 2), np.int64)
    stale = np.ones(n, np.bool_)
    for k in range(n // 2):
        top = -1
        for i in range(n):
            if not free[i]:
                continue
            if stale[i]:
                best[i], value[i] = -1, -np.inf
                for j in range(i + 1, n):
                    if free[j] and (best[i] < 0 or similarity[i, j] > value[i]):
                        best[i], value[i] = j, similarity[i, j]
                stale[i] = False
            if best[i] >= 0 and (top < 0 or value[i] > value[top]):
                top = i
        pairs[k, 0], pairs[k, 1] = top, best[top]
        free[top] = free[best[top]] = False
        for i in range(n):
            if free[i] and (best[i] == pairs[k, 0] or best[i] == pairs[k, 1]):
                stale[i] = True
    return pairs


def _correlations(x: np.ndarray) -> np.ndarray:
    """Correlation coefficients of the columns; units that never change are correlated with none."""
    centred = (x - x.mean(0)).astype(np.float32)
    norm = np.sqrt((centred**2).sum(0, dtype=np.float64))
    scaled = centred / np.where(norm > 0, norm, 1).astype(np.float32)
    return (scaled.T @ scaled).astype(np.float64)


def clusters_by_correlation(x: np.ndarray, steps: int) -> list[np.ndarray]:
    """Members of the clusters after 0, 1, ... `steps` steps, shapes (n, 1), (n // 2, 2), (n // 4, 4), ...

    Parameters
    ----------
    x : array of shape (samples, units)
    steps : int

    Examples
    --------
    >>> x = np.array([[0, 1, 0, 1.0], [1, 0, 1, 0], [0, 0, 0, 1], [1, 1, 1, 0]])
    >>> clusters_by_correlation(x, 1)[1].tolist()
    [[0, 2], [1, 3]]
    """
    members = [np.arange(x.shape[1])[:, None]]
    sums = np.asarray(x, np.float64)
    for _ in range(steps):
        pairs = pair_greedily(_correlations(sums))
        members.append(np.concatenate([members[-1][pairs[:, 0]], members[-1][pairs[:, 1]]], axis=1))
        sums = sums[:, pairs[:, 0]] + sums[:, pairs[:, 1]]
    return members
