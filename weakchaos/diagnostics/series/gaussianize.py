"""The simplest monotone function that makes a series Gaussian; a test for nonlinearity needs it before it matches spectra.

Surrogates that match the spectrum and the numbers of a skewed series vary too little: tests against them reject a monotone function of a
linear Gaussian process, their own null hypothesis, too often. So this function is inverted first. Normal scores of the ranks would do this, but
they distort a series that is short compared with its correlation time although it is Gaussian already. So the simplest of four functions is taken
after which the skewness and kurtosis of the series are those of Gaussian noise of the same autocorrelation, by the statistic

    G = n m_3^2 / (6 F_3) + n (m_4 - 3 m_2^2)^2 / (24 F_4),   F_k = sum_j gamma(j)^k over all lags,

which is chi-squared with two degrees of freedom under the null (Lobato and Velasco, Econometric Theory 20 (2004) 671,
doi:10.1017/S0266466604204030): none; a shifted logarithm; a signed power about the median; normal scores of the ranks.
"""

from __future__ import annotations

import numpy as np

from weakchaos.diagnostics.recorded import autocorrelation

__all__ = ["gaussianized", "normal_scores", "not_gaussian"]

_LARGEST = 5.99  # the 95 % point of chi-squared with two degrees of freedom


def not_gaussian(x: np.ndarray) -> float:
    """The statistic of Lobato and Velasco: beyond 5.99 in one of twenty Gaussian series, however correlated.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(1000)
    >>> not_gaussian(noise) < 6 < not_gaussian(np.exp(noise))
    True
    """
    y = (x - x.mean()) / x.std()
    gamma = autocorrelation(y, y.size - 1)
    third, fourth = 2 * (gamma**3).sum() - 1, 2 * (gamma**4).sum() - 1
    return float(y.size * ((y**3).mean() ** 2 / (6 * max(third, 1.0)) + ((y**4).mean() - 3) ** 2 / (24 * fourth)))


def normal_scores(x: np.ndarray) -> np.ndarray:
    """Ranks through the inverse normal distribution function; equal numbers get the mean of their scores.

    Examples
    --------
    >>> normal_scores(np.array([5.0, 7.0, 100.0])).round(2).tolist()
    [-0.97, 0.0, 0.97]
    """
    from scipy.special import ndtri

    order = np.argsort(x, kind="stable")
    scores = ndtri((np.arange(1, x.size + 1) - 0.5) / x.size)
    _, kind, counts = np.unique(x, return_inverse=True, return_counts=True)
    if counts.size < x.size:
        return (np.bincount(np.ravel(kind)[order], scores) / counts)[np.ravel(kind)]
    out = np.empty(x.size)
    out[order] = scores
    return out


def _logarithm(x: np.ndarray) -> np.ndarray | None:
    """The shifted logarithm, to the longer tail's side, under which the 5 % and 95 % points lie as far from the median."""
    low, middle, high = np.quantile(x, [0.05, 0.5, 0.95])
    sign = 1.0 if high - middle > middle - low else -1.0
    if sign < 0:
        x, low, middle, high = -x, -high, -middle, -low
    bend = high + low - 2 * middle
    # Where the 5 % point is the median itself, nothing gives the logarithm a scale.
    if bend <= 0 or middle == low:
        return None
    begin = min((high * low - middle * middle) / bend, x.min() - 1e-3 * (middle - low))
    return sign * np.log(x - begin)


def _power(x: np.ndarray) -> np.ndarray | None:
    """The signed power of the distance from the median under which the kurtosis is 3."""
    y = (x - np.median(x)) / x.std()

    def powered(exponent: float) -> np.ndarray:
        z = np.sign(y) * np.abs(y) ** exponent
        return (z - z.mean()) / z.std()

    low, high = 0.1, 4.0
    for _ in range(30):
        middle = np.sqrt(low * high)
        low, high = (low, middle) if (powered(middle) ** 4).mean() > 3 else (middle, high)
    return powered(low)


def gaussianized(x: np.ndarray) -> tuple[np.ndarray, str]:
    """The series after the simplest monotone function that makes it Gaussian, and the name of this function.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(1000)
    >>> gaussianized(noise)[1], gaussianized(noise**3)[1]
    ('identity', 'power')
    >>> not_gaussian(gaussianized(np.exp(noise))[0]) < 6
    True
    """
    if not_gaussian(x) <= _LARGEST:
        return x, "identity"
    for name, function in (("logarithm", _logarithm), ("power", _power)):
        y = function(x)
        # Rounding may bring numbers together that differ; what follows looks at ranks as well.
        if y is not None and np.isfinite(y).all() and y.std() > 0 and not_gaussian(y) <= _LARGEST:
            return y, name
    return normal_scores(x), "normal scores"
