"""Slow oracles of diagnostics of recorded series, and series of known exponents."""

import math

import numpy as np


def recurrence_matrix(points, radius, norm):
    order = {"maximum": np.inf, "manhattan": 1, "euclidean": 2}[norm]
    points = np.asarray(points, float)
    n = len(points)
    return np.array([[np.linalg.norm(points[i] - points[j], order) <= radius for j in range(n)] for i in range(n)])


def _stretches(cells):
    """Lengths of the stretches of true cells."""
    out, length = [], 0
    for cell in [*cells, False]:
        if cell:
            length += 1
        elif length:
            out.append(length)
            length = 0
    return out


def recurrence(matrix, skip_diagonal, skip_vertical, min_diagonal=2, min_vertical=2):
    """All measures, by looking at every cell of the matrix; and the lengths of all lines."""
    n = len(matrix)
    diagonals = [length for gap in range(-n + 1, n) if abs(gap) >= skip_diagonal for length in _stretches(np.diagonal(matrix, gap))]
    verticals = []
    for j in range(n):
        verticals += _stretches([matrix[i, j] and abs(i - j) >= skip_vertical for i in range(n)])
    allowed = [(i, j) for i in range(n) for j in range(n) if abs(i - j) >= skip_diagonal]
    out = {"rate": sum(matrix[i, j] for i, j in allowed) / len(allowed)}
    for names, lines, least in (
        (("determinism", "mean_diagonal", "longest_diagonal", "diagonal_entropy"), diagonals, min_diagonal),
        (("laminarity", "trapping_time", "longest_vertical", "vertical_entropy"), verticals, min_vertical),
    ):
        long = [length for length in lines if length >= least]
        shares = [long.count(k) / len(long) for k in sorted(set(long))]
        entropy = -sum(p * math.log(p) for p in shares)
        values = (sum(long) / sum(lines), sum(long) / len(long), max(long), entropy) if long else (0, 0, 0, 0)
        out |= dict(zip(names, values, strict=True))
    return out, sorted(diagonals), sorted(verticals)
