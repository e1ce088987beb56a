"""Entropic herding with products of normal distributions.

Features are the monomials ``prod_k u_k^{e_k}`` of the standardised coordinates u up to a total degree of 4. For one coordinate N(m, v), the
others fixed, <a, eta> is E V(u) of a polynomial V of coefficients c_1 .. c_4, and with lambda H = lambda log(v) / 2

    d/dm = 0:    (c_1 + 3 c_3 v) + (2 c_2 + 12 c_4 v) m + 3 c_3 m^2 + 4 c_4 m^3 = 0,
    d/dv = 0:    v E V''(u) = 12 c_4 v^2 + (2 c_2 + 6 c_3 m + 12 c_4 m^2) v = lambda,

so each is minimised exactly: m over the range of the points (the roots of a cubic and the two ends), v over (0, half the range squared]. The
search begins at the last r and makes rounds over the coordinates until nothing changes. For lambda = 0, v = 0.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.herding.entropic.base import EntropicBound, Mixture
from weakchaos.native.compiled import draw_uniform, kernel, normal_from_uniform
from weakchaos.samplers.record import row_of

__all__ = ["GaussianBound"]

_MOST_FEATURES = 1 << 16


@njit(nogil=True, error_model="numpy")
def _power(m, v, e):
    """E u^e of N(m, v)."""
    if e == 0:
        return 1.0
    if e == 1:
        return m
    if e == 2:
        return m * m + v
    if e == 3:
        return m * (m * m + 3.0 * v)
    return m**4 + 6.0 * m * m * v + 3.0 * v * v


@njit(nogil=True, error_model="numpy")
def _energy(c, m, v):
    return c[1] * m + c[2] * _power(m, v, 2) + c[3] * _power(m, v, 3) + c[4] * _power(m, v, 4)


@njit(nogil=True, error_model="numpy")
def _cubic_roots(d, roots):
    """Real roots of d_0 + d_1 x + d_2 x^2 + d_3 x^3 into `roots`; how many."""
    size = max(abs(d[0]), abs(d[1]), abs(d[2]), abs(d[3]))
    if abs(d[3]) > 1e-14 * size:
        b, c, e = d[2] / d[3], d[1] / d[3], d[0] / d[3]
        p, shift = (b * b - 3.0 * c) / 9.0, b / 3.0
        r = (2.0 * b * b * b - 9.0 * b * c + 27.0 * e) / 54.0
        if r * r < p * p * p:
            angle = math.acos(max(-1.0, min(1.0, r / math.sqrt(p * p * p))))
            for k in range(3):
                roots[k] = -2.0 * math.sqrt(p) * math.cos((angle + 2.0 * math.pi * (k - 1)) / 3.0) - shift
            return 3
        one = -math.copysign(1.0, r) * (abs(r) + math.sqrt(r * r - p * p * p)) ** (1.0 / 3.0)
        roots[0] = one + (p / one if one != 0.0 else 0.0) - shift
        return 1
    if abs(d[2]) > 1e-14 * size:
        inside = d[1] * d[1] - 4.0 * d[2] * d[0]
        if inside < 0.0:
            return 0
        q = -0.5 * (d[1] + math.copysign(math.sqrt(inside), d[1]))
        roots[0] = q / d[2]
        roots[1] = d[0] / q if q != 0.0 else 0.0
        return 2
    if d[1] != 0.0:
        roots[0] = -d[0] / d[1]
        return 1
    return 0


@njit(nogil=True, error_model="numpy")
def _best_mean(c, m, v, low, high, roots, d):
    """The m of least energy within [low, high]; the old one where none is better."""
    d[0], d[1], d[2], d[3] = c[1] + 3.0 * c[3] * v, 2.0 * c[2] + 12.0 * c[4] * v, 3.0 * c[3], 4.0 * c[4]
    found = _cubic_roots(d, roots)
    best, least = m, _energy(c, m, v)
    for k in range(found + 2):
        x = low if k == found else high if k == found + 1 else roots[k]
        if low <= x <= high:
            value = _energy(c, x, v)
            if value < least:
                best, least = x, value
    return best


@njit(nogil=True, error_model="numpy")
def _best_variance(c, m, weight, most):
    """The v in (0, most] of least energy - lambda log(v) / 2."""
    a, b = 12.0 * c[4], 2.0 * c[2] + 6.0 * c[3] * m + 12.0 * c[4] * m * m
    inside = b * b + 4.0 * a * weight
    if inside < 0.0 or (a <= 0.0 and b <= 0.0):
        return most
    v = 2.0 * weight / (b + math.sqrt(inside)) if b >= 0.0 else (math.sqrt(inside) - b) / (2.0 * a)
    if v >= most:
        return most
    # For a < 0 the energy falls again beyond the second root: the end of the range may be lower.
    if a < 0.0 and _energy(c, m, most) - 0.5 * weight * math.log(most) < _energy(c, m, v) - 0.5 * weight * math.log(v):
        return most
    return v


@kernel
def _entropic_gaussian(exponents, moments, decay, epsilon, weight, n_sweeps, low, high, centre, spread, sums_a, mean, variance, symbols, function,
                       stream, x, c, d, roots, counters, n, every, draws, stats, sums, proposals):  # fmt: skip
    features, dim = exponents.shape
    for t in range(n):
        strength = epsilon if epsilon > 0.0 else 1.0 / max(symbols[0], 1)
        for _ in range(n_sweeps):
            change = 0.0
            for k in range(dim):
                c[:] = 0.0
                for f in range(features):
                    e = exponents[f, k]
                    if e > 0:
                        value = strength * sums_a[f]
                        for o in range(dim):
                            if o != k:
                                value *= _power(mean[o], variance[o], exponents[f, o])
                        c[e] += value
                old, wide = mean[k], variance[k]
                mean[k] = _best_mean(c, mean[k], variance[k], low[k], high[k], roots, d)
                if weight > 0.0:
                    variance[k] = _best_variance(c, mean[k], weight, 0.25 * (high[k] - low[k]) ** 2)
                change = max(change, abs(mean[k] - old), abs(math.sqrt(variance[k]) - math.sqrt(wide)))
            if change <= 1e-10:
                break
        entropy, objective = 0.0, 0.0
        for k in range(dim):
            entropy += 0.5 * (math.log(2.0 * math.pi * math.e * variance[k]) if variance[k] > 0.0 else -math.inf)
        if weight > 0.0:
            objective -= weight * entropy
        for k in range(dim):
            entropy += math.log(spread[k])
        for f in range(features):
            eta = 1.0
            for k in range(dim):
                eta *= _power(mean[k], variance[k], exponents[f, k])
            objective += strength * sums_a[f] * eta
            sums_a[f] = decay * sums_a[f] + eta - moments[f]
        if epsilon == 0.0:
            symbols[0] += 1
        for k in range(dim):
            x[k] = mean[k]
            if function != 0:
                x[k] += math.sqrt(variance[k]) * normal_from_uniform(draw_uniform(function, stream))
            x[k] = centre[k] + spread[k] * x[k]
        counters[STEPS] += 1
        row = row_of(t, every)
        if row >= 0:
            if draws.shape[0] > 0:
                for k in range(dim):
                    draws[row, k] = x[k]
                stats[row, 0] = entropy
                stats[row, 1] = objective
            if sums.size > 0:
                for k in range(dim):
                    sums[k] += x[k]
            if proposals.shape[0] > 0:
                for k in range(dim):
                    proposals[row, k] = centre[k] + spread[k] * mean[k]
                    proposals[row, dim + k] = spread[k] * math.sqrt(variance[k])
    return n


def monomials(dim: int, degree: int) -> np.ndarray:
    """Exponents of all monomials of degree 1 .. `degree` in `dim` variables, shape (features, dim).

    Examples
    --------
    >>> monomials(2, 2).tolist()
    [[1, 0], [0, 1], [2, 0], [1, 1], [0, 2]]
    """
    rows = []
    for total in range(1, degree + 1):
        for factors in itertools.combinations_with_replacement(range(dim), total):
            rows.append(np.bincount(factors, minlength=dim))
    return np.array(rows, np.int64)


class GaussianBound(EntropicBound):
    """On `Points`; a draw is a point of the space around them, or the mean of a distribution."""

    def __init__(self, sampler: Any, target: Any, driver: Any):
        super().__init__(sampler, target, driver, target.dim)
        if math.comb(self.dim + sampler.degree, sampler.degree) > _MOST_FEATURES:
            raise ArgumentError(
                f"`degree` must be lower: monomials of degree {sampler.degree} in {self.dim} coordinates are more than {_MOST_FEATURES} features"
            )
        self._spread = np.sqrt(np.diag(target.covariance()))
        if not (self._spread > 0).all():
            raise ArgumentError(f"`target` must vary in every coordinate; {self.names[int(np.argmin(self._spread))]} is constant")
        self._centre = target.mean()
        u = (target.x - self._centre) / self._spread
        self.exponents = monomials(self.dim, sampler.degree)
        self.moments = np.array([target.weights @ np.prod(u**e, axis=1) for e in self.exponents])
        self._low, self._high = u.min(0), u.max(0)
        self.n_parameters, self.n_averages = 2 * self.dim, self.dim

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """See `EntropicBound`; the search for the first distribution begins at random."""
        first = self.first_sums(rng, position, 1.0)
        mean = rng.uniform(self._low, self._high)
        variance = np.full(self.dim, 0.0 if self.sampler.entropy_weight == 0 else 1.0)
        return State(phase=np.concatenate([first, mean, variance]), symbols=np.zeros(1, np.int64))

    def steps(self, state: State, n: int, every: int, draws: Any, stats: Any, sums: Any, proposals: np.ndarray) -> int:
        """See `EntropicBound.steps`."""
        k = self.moments.size
        sums_a, mean, variance = np.split(state.phase, [k, k + self.dim])
        return _entropic_gaussian(
            self.exponents, self.moments, *self.rates, self.sampler.n_sweeps, self._low, self._high, self._centre, self._spread, sums_a, mean,
            variance, state.symbols, *self.stream(state), np.empty(self.dim), np.empty(5), np.empty(4), np.empty(3), state.counters, n, every, draws,
            stats, sums, proposals,
        )  # fmt: skip

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """The draws themselves."""
        return np.asarray(draws, np.float64)

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """The mean of the draws."""
        return averages

    def mixture_of(self, rows: np.ndarray) -> Mixture:
        """The mixture of products of normal distributions."""
        mean, scale = np.split(rows, 2, axis=1)
        if not (scale > 0).all():
            raise ArgumentError(
                "`entropy_weight` must be positive for a mixture: with 0 the distributions are single points and have no density"
            )
        return Mixture("gaussian", mean, scale)
