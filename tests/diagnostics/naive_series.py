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


def fractional_noise(n, hurst, rng):
    """Fractional Gaussian noise, exact by circulant embedding (Davies and Harte 1987); unit variance."""
    k = np.arange(n + 1.0)
    covariance = 0.5 * ((k + 1) ** (2 * hurst) - 2 * k ** (2 * hurst) + np.abs(k - 1) ** (2 * hurst))
    eigenvalues = np.fft.fft(np.concatenate([covariance, covariance[-2:0:-1]])).real
    size = eigenvalues.size
    noise = rng.normal(size=size) + 1j * rng.normal(size=size)
    return np.fft.fft(noise * np.sqrt(np.maximum(eigenvalues, 0) / size)).real[:n]


def windows(n, scale):
    """Beginnings of windows side by side, and of those laid from the end where the first ones do not fill the series."""
    count = n // scale
    front = [w * scale for w in range(count)]
    return front if count * scale == n else front + [n - (w + 1) * scale for w in range(count)]


def detrended_fluctuation(x, scales, order):
    """F(s), by a polynomial fit in every window."""
    x = np.asarray(x, float)
    profile, t_max = np.cumsum(x - x.mean()), max(scales)
    out = []
    for s in scales:
        t = np.arange(s) / t_max
        squares = []
        for begin in windows(x.size, s):
            y = profile[begin : begin + s]
            squares.append(np.mean((y - np.polyval(np.polyfit(t, y, order), t)) ** 2))
        out.append(math.sqrt(np.mean(squares)))
    return np.array(out)


def rescaled_range(x, scales):
    """Mean R/S, standard deviations with ddof 0, windows that do not vary left out."""
    x, out = np.asarray(x, float), []
    for s in scales:
        ratios = []
        for begin in windows(x.size, s):
            y = x[begin : begin + s]
            walk = np.concatenate([[0.0], np.cumsum(y - y.mean())])
            if np.ptp(y) > 0:
                ratios.append(np.ptp(walk) / y.std())
        out.append(np.mean(ratios))
    return np.array(out)
