"""A triangular map from scores: which coordinates are normal, given others, and with which mean and scale.

Where coordinate j given the others is normal, with mean m and scale exp(s) that depend on them, its score is ``g_j = -(x_j - m) exp(-2 s)``, so that

    x_j = m(x_others) - exp(2 s) g_j.

With s constant that is a linear regression of the coordinate on its own score and on terms of the others; with m constant the logarithm of
``-(x_j - m) / g_j`` is linear in the terms of 2 s. These hold at any points, not at draws of the target alone, and without noise: few points are
enough, wherever they lie. Terms are taken one by one, that which is most correlated with what is left first (orthogonal matching
pursuit: Pati, Rezaiifar and Krishnaprasad (1993), doi:10.1109/ACSSC.1993.342465), while points that were kept aside are explained better.

The coordinate that is explained best is peeled off: with ``z_j = (x_j - m) exp(-s)`` in its place, the gradient is pulled back as in
`weakchaos.targets.pulled_back`, which leaves that of the others' marginal density, and the rest is looked at again.

A fit is judged by the Fisher divergence of z_j from the standard normal, ``D = mean((z_j + g_z)**2) / mean((z_j**2 + g_z**2) / 2)``, 0 where it is exact and
2 where position and score have nothing to do with each other; ``1 - D`` is what the map explains.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from weakchaos.targets.pulled_back import MEAN_TERMS, ROW, SCALE_TERMS, new_map

__all__ = ["fit_map"]

_MOST_QUADRATIC = 64  # coordinates up to which products of two of them are terms
_WORST = 0.25  # of D, at which a coordinate is still peeled off
_EXACT = 1e-8
_LARGE = 1e60
_GAIN = 0.8  # by which a term must reduce D
_HEAD = ROW - 3 * MEAN_TERMS - 2 * SCALE_TERMS


@dataclass
class _Fit:
    """Mean and log scale of one coordinate given others: constants and terms ``(i, k, factor)`` and ``(i, factor)``."""

    divergence: float = np.inf
    mean: float = 0.0
    log_scale: float = 0.0
    mean_terms: list = field(default_factory=list)
    scale_terms: list = field(default_factory=list)

    def evaluate(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """m and s at points of shape (n, dim)."""
        m, s = np.full(len(x), self.mean), np.full(len(x), self.log_scale)
        for i, k, factor in self.mean_terms:
            m += factor * (x[:, i] if k < 0 else x[:, i] * x[:, k])
        for i, factor in self.scale_terms:
            s += factor * x[:, i]
        return m, s

    def others(self) -> set[int]:
        return {i for i, k, _ in self.mean_terms} | {k for _, k, _ in self.mean_terms if k >= 0} | {i for i, _ in self.scale_terms}


def _divergence(fit: _Fit, j: int, x: np.ndarray, g: np.ndarray) -> float:
    """D of the class's docstring at points."""
    with np.errstate(all="ignore"):
        m, s = fit.evaluate(x)
        z, gz = (x[:, j] - m) * np.exp(-s), np.exp(s) * g[:, j]
        value = np.mean((z + gz) ** 2) / (0.5 * np.mean(z**2 + gz**2))
    return float(value) if np.isfinite(value) else np.inf


def _pursue(y: np.ndarray, columns: np.ndarray, forced: int, most: int, judge, weights=None):
    """Regress y on the first `forced` columns and, one by one, on those of the rest that are most correlated with what is left, while ``judge(active,
    coefficients)`` falls; the best (value, active, coefficients)."""
    if weights is not None:
        y, columns = y * weights, columns * weights[:, None]
    norms = np.sqrt((columns**2).sum(0))
    usable = norms > 1e-300
    scaled = columns / np.where(usable, norms, 1.0)
    active: list[int] = list(range(forced))
    best: tuple[float, list[int], np.ndarray] = (np.inf, [], np.zeros(0))
    while True:
        coefficients, *_ = np.linalg.lstsq(scaled[:, active], y, rcond=1e-12)
        value = judge(active, coefficients / np.where(usable, norms, 1.0)[active])
        if active[forced:] and not value < _GAIN * best[0]:
            return best
        if value < best[0]:
            best = value, list(active), coefficients / np.where(usable, norms, 1.0)[active]
        if best[0] < _EXACT or len(active) - forced >= most:
            return best
        left = y - scaled[:, active] @ coefficients
        # Columns less what the active ones explain of them: a term that is nearly one of those would be chosen for its noise.
        q, _ = np.linalg.qr(scaled[:, active])
        free = scaled - q @ (q.T @ scaled)
        size = np.sqrt((free**2).sum(0))
        score = np.where(size > 1e-6, np.abs(free.T @ left) / np.where(size > 1e-6, size, 1.0), 0.0)
        score[active] = 0.0
        if not score.max(initial=0.0) > 0.0:
            return best
        active.append(int(np.argmax(score)))


def _constant_scale(j: int, others: list[int], x: np.ndarray, g: np.ndarray, most: int = MEAN_TERMS) -> _Fit:
    """The regression of x_j on its score and on terms of the others."""
    terms = [(i, -1) for i in others]
    if x.shape[1] <= _MOST_QUADRATIC:
        terms += [(i, k) for a, i in enumerate(others) for k in others[a:]]
    columns = np.empty((len(x), 2 + len(terms)))
    columns[:, 0], columns[:, 1] = -g[:, j], 1.0
    for t, (i, k) in enumerate(terms):
        columns[:, 2 + t] = x[:, i] if k < 0 else x[:, i] * x[:, k]

    def fit_of(active, coefficients):
        if not coefficients[0] > 0.0:
            return _Fit()
        chosen = [(*terms[a - 2], float(c)) for a, c in zip(active[2:], coefficients[2:], strict=True)]
        return _Fit(0.0, float(coefficients[1]), 0.5 * float(np.log(coefficients[0])), chosen)

    def judge(active, coefficients):
        return _divergence(fit_of(active, coefficients), j, x[1::2], g[1::2]) if coefficients[0] > 0.0 else np.inf

    value, active, coefficients = _pursue(x[::2, j], columns[::2], 2, most, judge)
    if not np.isfinite(value):
        return _Fit()
    fit = fit_of(active, coefficients)
    fit.divergence = value
    return fit


def _polish(
    y: np.ndarray, score: np.ndarray, columns: np.ndarray, mean: float, coefficients: np.ndarray
) -> tuple[float, np.ndarray]:
    """Mean and coefficients of the log scale by damped Gauss-Newton steps on ``(u + w) / sqrt(u**2 + w**2)``, u = y - mean and w = exp(2 s) score: 0 where
    they fit, and bounded, so that no point rules."""

    def residuals(values):
        with np.errstate(all="ignore"):
            u, w = y - values[0], np.exp(2.0 * (columns @ values[1:])) * score
            size = np.sqrt(u * u + w * w)
            return u, w, size, (u + w) / size

    values, damping = np.concatenate([[mean], coefficients]), 1e-3
    u, w, size, r = residuals(values)
    if not np.isfinite(r).all():
        return mean, coefficients
    for _ in range(30):
        with np.errstate(all="ignore"):
            by_u, by_w = 1.0 / size - r * u / size**2, 1.0 / size - r * w / size**2
            slopes = np.column_stack([-by_u, (2.0 * w * by_w)[:, None] * columns])
            normal, right = slopes.T @ slopes, slopes.T @ r
        if not (np.isfinite(normal).all() and np.isfinite(right).all()):
            break
        step = np.linalg.lstsq(normal + damping * np.diag(np.diag(normal) + 1e-12), right, rcond=None)[0]
        trial = residuals(values - step)
        if np.isfinite(trial[3]).all() and trial[3] @ trial[3] < r @ r:
            values, damping, settled = values - step, 0.2 * damping, r @ r - trial[3] @ trial[3] < 1e-12 * (r @ r)
            u, w, size, r = trial
            if settled or r @ r < 1e-24 * len(r):
                break
        else:
            damping *= 10.0
            if damping > 1e8:
                break
    return float(values[0]), values[1:]


def _log_linear_scale(j: int, others: list[int], x: np.ndarray, g: np.ndarray) -> _Fit:
    """A constant mean and a log-linear scale: from several guesses of the mean, s from ``log |(x_j - m) / g_j|``, then both together."""
    y, score = x[:, j], g[:, j]
    columns = np.column_stack([np.ones(len(x)), x[:, others]])
    half_columns, spread = columns[::2], float(np.std(y))
    best = _Fit()
    # Where the scale is small scores are large, and draws near the mean; points that are no draws may lie to one side of it.
    near, middle = float(np.average(y, weights=score**2 + 1e-300)), float(np.median(y))
    for mean in (near, middle, middle + spread, middle - spread, middle + 2.5 * spread, middle - 2.5 * spread):
        for _ in range(3):
            with np.errstate(all="ignore"):
                half = 0.5 * np.log(np.abs(y - mean)) - 0.5 * np.log(np.abs(score))
            good = np.isfinite(half)
            if good[::2].sum() < 8 or good[1::2].sum() < 8:
                break

            def judge(active, coefficients, half=half, good=good):
                return float(np.mean(np.abs(half[1::2] - columns[1::2][:, active] @ coefficients)[good[1::2]]))

            weights = good[::2].astype(float)
            _, active, coefficients = _pursue(np.where(good, half, 0.0)[::2], half_columns, 1, SCALE_TERMS, judge, weights)
            if len(active) < 2:  # no scale but a constant one, which `_constant_scale` has looked at
                break
            mean, coefficients = _polish(y[::2], score[::2], half_columns[:, active], mean, coefficients)
            chosen = [(others[a - 1], float(c)) for a, c in zip(active[1:], coefficients[1:], strict=True)]
            fit = _Fit(0.0, mean, float(coefficients[0]), [], chosen)
            fit.divergence = _divergence(fit, j, x[1::2], g[1::2])
            if not fit.divergence < 0.999 * best.divergence:
                break
            best = fit
            if best.divergence < _EXACT:
                return best
    return best


def _best_fit(j: int, others: list[int], x: np.ndarray, g: np.ndarray) -> _Fit:
    fit = _constant_scale(j, others, x, g)
    if fit.divergence > 1e-3 and others:
        with np.errstate(all="ignore"):
            other = _log_linear_scale(j, others, x, g)
        if other.divergence < fit.divergence:
            return other
    return fit


def _row(j: int, fit: _Fit) -> np.ndarray:
    row = np.zeros(ROW)
    row[:_HEAD] = j, fit.mean, fit.log_scale, len(fit.mean_terms), len(fit.scale_terms)
    for t, term in enumerate(fit.mean_terms):
        row[_HEAD + 3 * t : _HEAD + 3 * t + 3] = term
    for t, pair in enumerate(fit.scale_terms):
        start = _HEAD + 3 * MEAN_TERMS + 2 * t
        row[start : start + 2] = pair
    return row


def fit_map(x: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The map learned from points and the gradients of the log density there.

    Parameters
    ----------
    x, g : arrays of shape (n, dim)

    Returns
    -------
    rows : array of shape (dim, ROW)
        As `weakchaos.targets.pulled_back.new_map` describes; the identity where no coordinate is explained by terms of others.
    explained : array of shape (dim,)
        1 - D of each coordinate, at least 0; 0 for those that were not peeled off.

    Examples
    --------
    >>> from weakchaos.targets import zoo
    >>> x = np.random.default_rng(1).normal(size=(50, 2))
    >>> rows, explained = fit_map(x, np.array([zoo.banana().gradient(row) for row in x]))
    >>> explained.round(6), rows[0, :2].round(6)  # x1 first: its mean is a parabola in x0
    (array([1., 1.]), array([ 1., -3.]))
    """
    dim = x.shape[1]
    # Squares of products of larger numbers overflow.
    good = (np.abs(x) < _LARGE).all(1) & (np.abs(g) < _LARGE).all(1)
    x, g = x[good], g[good].copy()
    explained = np.zeros(dim)
    if len(x) < 16:
        return new_map(dim), explained
    left, rows, fits = list(range(dim)), [], {}
    nontrivial = False
    while left:
        for j in left:
            if j not in fits:
                fits[j] = _best_fit(j, [i for i in left if i != j], x, g)
        j = min(left, key=lambda i: fits[i].divergence)
        fit = fits.pop(j)
        if not fit.divergence < _WORST:
            break
        left.remove(j)
        rows.append(_row(j, fit))
        explained[j] = max(0.0, 1.0 - fit.divergence)
        nontrivial = nontrivial or bool(fit.mean_terms or fit.scale_terms)
        m, _ = fit.evaluate(x)
        for i, k, factor in fit.mean_terms:
            g[:, i] += g[:, j] * factor * (1.0 if k < 0 else x[:, k])
            if k >= 0:
                g[:, k] += g[:, j] * factor * x[:, i]
        for i, factor in fit.scale_terms:
            g[:, i] += factor * (g[:, j] * (x[:, j] - m) + 1.0)
        # What the peeled coordinate was a term of, or handed its gradient to, is fitted anew.
        for i in [i for i in fits if i in fit.others() or j in fits[i].others()]:
            del fits[i]
    if not nontrivial:
        return new_map(dim), np.zeros(dim)
    for j in left:
        spread = float(np.std(x[:, j]))
        rows.append(_row(j, _Fit(0.0, float(np.mean(x[:, j])), float(np.log(spread)) if spread > 0.0 else 0.0)))
    return np.array(rows), explained
