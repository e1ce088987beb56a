"""Near periods of a sequence: lags after which it returns within a tolerance, and peaks of its spectrum, tested against surrogates.

* By tolerance: C(p) is the fraction of times t with ``|x(t + p) - x(t)| <= tolerance``, or with equal symbols (close returns:
  Lathrop and Kostelich, Phys. Rev. A 40 (1989) 4028, doi:10.1103/PhysRevA.40.4028).
* By spectrum: the periodogram under a Hann taper.

Surrogates show what a sequence without a period would give. They are shuffled sequences, or sequences of first order (an autoregression for
numbers, a Markov chain for symbols), which have the same correlation from one step to the next. The value at each lag or frequency is
standardised by its mean and standard deviation over the sequence and its surrogates together, and the largest value of the sequence is compared
with the largest values of the surrogates: under the null hypothesis they are exchangeable, so the level holds for the whole search.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from weakchaos.core.arguments import number_that, plain_array, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.diagnostics.recorded import as_series, within
from weakchaos.diagnostics.result import NoStandardError, Result
from weakchaos.diagnostics.standard_errors import rank_p_value
from weakchaos.diagnostics.symbols.symbolic import rank_symbols
from weakchaos.native.compiled import kernel

__all__ = ["NearPeriods", "near_periods", "spectral_periods"]


@dataclass(frozen=True, repr=False)
class NearPeriods(Result):
    """``value`` is the strongest peak of a spectrum, or the least lag that comes back nearly (0.8) as much as any; 0 with a
    warning where nothing stands out.

    Attributes
    ----------
    periods : array of shape (found,)
        The periods that pass the test: lags by score, peaks by strength, the largest first. Multiples of a lag and harmonics of a peak
        are among them.
    scores : array of shape (found,)
        Number of standard deviations by which each exceeds the mean of the surrogates.
    strengths : array of shape (found,)
        The fraction of close returns, or the share of the variance.
    p_values : array of shape (found,)
        Probability that a surrogate has a value as large as this at any lag or frequency.
    threshold : array
        The values that the ordinates of ``curve`` must exceed to pass the test, at the same abscissae.
    """

    periods: np.ndarray = field(default_factory=lambda: np.empty(0))
    scores: np.ndarray = field(default_factory=lambda: np.empty(0))
    strengths: np.ndarray = field(default_factory=lambda: np.empty(0))
    p_values: np.ndarray = field(default_factory=lambda: np.empty(0))
    threshold: np.ndarray = field(default_factory=lambda: np.empty(0))


@kernel
def _returns(x, most, tolerance, out):
    for p in range(1, most + 1):
        count = 0
        for t in range(x.size - p):
            count += abs(x[t + p] - x[t]) <= tolerance
        out[p - 1] = count / (x.size - p)


@kernel
def _chain(uniforms, cumulative, start):
    out = np.empty(uniforms.size)
    state = start
    for t in range(uniforms.size):
        out[t] = state
        state = min(np.searchsorted(cumulative[state], uniforms[t], side="right"), cumulative.shape[1] - 1)
    return out


def _autoregression(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    from scipy.signal import lfilter

    y = x - x.mean()
    slope = min(max(float(y[1:] @ y[:-1]) / float(y @ y), -0.999), 0.999)
    # The residuals themselves are drawn again, so that the distribution is roughly kept, and the first value is from the series.
    noise = rng.choice(y[1:] - slope * y[:-1], y.size)
    noise[0] = rng.choice(y)
    return lfilter([1.0], [1.0, -slope], noise) + x.mean()


def markov_surrogate(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A sequence of the same length from the Markov chain of first order with the transition frequencies of `x`, whole numbers from 0."""
    symbols = x.astype(np.int64)
    size = int(symbols.max()) + 1
    counts = np.zeros((size, size))
    np.add.at(counts, (symbols[:-1], symbols[1:]), 1)
    # A symbol that is only ever the last one leads back to the first.
    counts[counts.sum(1) == 0, symbols[0]] = 1
    cumulative = np.cumsum(counts / counts.sum(1, keepdims=True), axis=1)
    return _chain(rng.random(x.size), cumulative, int(rng.choice(symbols)))


def _surrogate(x: np.ndarray, null: str, discrete: bool, rng: np.random.Generator) -> np.ndarray:
    if null == "shuffle":
        return rng.permutation(x)
    return markov_surrogate(x, rng) if discrete else _autoregression(x, rng)


def _tested(
    curves: np.ndarray,
    abscissae: np.ndarray,
    peaks: np.ndarray,
    strengths: np.ndarray,
    level: float,
    parameters: dict,
    notes: list[str],
) -> NearPeriods:
    """Row 0 of `curves` is the sequence's; `peaks` says which of its places may be reported, `abscissae` their periods."""
    mean, spread = curves.mean(0), curves.std(0)
    pooled = (curves - mean) / np.where(spread > 0, spread, np.inf)
    largest = np.sort(pooled[1:].max(1))
    p_values = rank_p_value(pooled[0], largest, "upper")
    # The largest score of a surrogate that the sequence must exceed, back in the units of the curve.
    allowed = largest[largest.size - max(math.floor(level * (largest.size + 1) + 1e-9), 1)]
    # Pooled scores saturate at the square root of the number of surrogates; those over the surrogates alone tell the peaks apart.
    excess = curves[0] - curves[1:].mean(0)
    scores = excess / np.maximum(curves[1:].std(0), 1e-12 * curves.max() + 1e-300)
    found = np.flatnonzero((p_values <= level) & peaks)
    ranking = scores if parameters["method"] == "tolerance" else strengths
    found = found[np.argsort(-ranking[found], kind="stable")]
    value = 0.0
    if not found.size:
        notes.append(f"no period stands out from {largest.size} surrogates at level {level}")
    elif parameters["method"] == "tolerance":
        # Multiples of a period are near-periods as well, and by chance one of them stands highest.
        value = float(abscissae[found[excess[found] >= 0.8 * excess[found].max()]].min())
        notes.append(NoStandardError("no standard error: a lag is a near-period or is not"))
    else:
        value = float(abscissae[found[0]])
    return NearPeriods(
        value,
        None,
        (abscissae, curves[0]),
        None,
        parameters,
        tuple(notes),
        periods=abscissae[found],
        scores=scores[found],
        strengths=strengths[found],
        p_values=p_values[found],
        threshold=mean + allowed * spread,
    )


def _settings(null: Any, surrogates: Any, level: Any) -> tuple[int, float]:
    if null not in ("first-order", "shuffle"):
        raise ArgumentError(f'`null` must be "first-order" or "shuffle"; got {shown(null)}')
    surrogates = whole_number("surrogates", surrogates, 19)
    least = 1 / (surrogates + 1)
    wanted = f"at least 1 / (surrogates + 1) = {least:.3g} and below 1 (more `surrogates` allow a smaller one)"
    return surrogates, number_that("level", level, wanted, lambda v: least <= v < 1)


def near_periods(
    x: Any,
    tolerance: float | None = None,
    max_period: int | None = None,
    *,
    null: str | None = None,
    surrogates: int = 99,
    level: float = 0.05,
    seed: int = 0,
) -> NearPeriods:
    """Lags after which a series or a symbol sequence returns more often than surrogates do.

    Parameters
    ----------
    x : str, array of shape (n,), or symbols of shape (n, units)
        Floating-point numbers are compared within `tolerance`; whole numbers, strings and rows are symbols, compared for equality.
    tolerance : float, optional
        0.1 standard deviations by default. If it is given, whole numbers are compared within it too.
    max_period : int, optional
        n / 4, at most 500, by default.
    null : {"first-order", "shuffle"}
        The surrogates with which the sequence is compared: by default "first-order" for numbers and "shuffle" for symbols, since a cycle of
        different symbols is itself a Markov chain of first order.
    surrogates : int
        At least 19.
    level : float
        Probability to report a period of a sequence that does not differ from its surrogates.
    seed : int

    Returns
    -------
    NearPeriods
        ``curve`` holds lags and fractions of close returns. A lag is reported if its fraction is not below that of either neighbouring lag.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Examples
    --------
    >>> noisy = np.where(np.random.default_rng(0).random(600) < 0.1, 9, np.arange(600) % 7)
    >>> float(near_periods(noisy))
    7.0
    """
    surrogates, level = _settings("shuffle" if null is None else null, surrogates, level)
    array = np.array(list(x)) if isinstance(x, str) else plain_array("x", x)
    discrete = array.ndim == 2 or (tolerance is None and array.dtype.kind != "f")
    if discrete:
        values, width = rank_symbols(array, 20)[0].astype(np.float64), 0.5
    else:
        values = as_series(array, 20, constant=True, differences=True)
        width = 0.1 * float(values.std())
        if tolerance is not None:
            width = number_that("tolerance", tolerance, "a number of at least 0, in the units of `x`", lambda v: v >= 0)
    null = null or ("shuffle" if discrete else "first-order")
    n = values.size
    most = min(n // 4, 500) if max_period is None else whole_number("max_period", max_period, 2, n // 2)
    parameters = {
        "method": "tolerance", "tolerance": None if discrete else float(width), "max_period": most, "null": null, "surrogates":
        surrogates, "n": n
    }  # fmt: skip
    lags = np.arange(1, most + 1, dtype=np.float64)
    reach = float(width) if discrete else within(float(width), values)
    if values.min() == values.max():
        notes = ("the sequence is constant: every lag is a period", NoStandardError("no standard error: a period is exact here"))
        return NearPeriods(
            1.0, None, (lags, np.ones(most)), None, parameters, notes, np.ones(1), np.zeros(1), np.ones(1), np.ones(1)
        )
    rng = np.random.default_rng(seed)
    curves = np.empty((surrogates + 1, most))
    _returns(values, most, reach, curves[0])
    for k in range(surrogates):
        _returns(_surrogate(values, null, discrete, rng), most, reach, curves[k + 1])
    own = np.concatenate([[-1.0], curves[0], [-1.0]])
    peaks = (own[1:-1] >= own[:-2]) & (own[1:-1] >= own[2:])
    return _tested(curves, lags, peaks, curves[0], level, parameters, [])


def spectral_periods(x: Any, *, null: str = "first-order", surrogates: int = 99, level: float = 0.05, seed: int = 0) -> NearPeriods:
    """Periods of those peaks in the spectrum of a series that are higher than the peaks of surrogates.

    Parameters
    ----------
    x : array of shape (n,)
        A series that is evenly sampled in time.
    null, surrogates, level, seed
        As for `near_periods`; the values are always numbers, so "first-order" is an autoregression.

    Returns
    -------
    NearPeriods
        Periods in steps, which need not be whole numbers: each comes from a parabola through the logarithms of a peak and its neighbours.
        ``stderr`` is half the width of a peak, ``period**2 / 2 n``, a bound rather than an error. ``curve`` holds periods and powers. Harmonics are
        listed as peaks of their own.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Examples
    --------
    >>> wave = np.sin(2 * np.pi * np.arange(500) / 12.5) + np.random.default_rng(0).normal(size=500)
    >>> round(float(spectral_periods(wave)), 1)
    12.5
    """
    surrogates, level = _settings(null, surrogates, level)
    values = as_series(x, 32, differences=True)
    n = values.size
    taper = np.hanning(n)
    rng = np.random.default_rng(seed)

    def power(y: np.ndarray) -> np.ndarray:
        return np.abs(np.fft.rfft((y - y.mean()) * taper)[1 : (n + 1) // 2]) ** 2

    curves = np.stack([power(values)] + [power(_surrogate(values, null, False, rng)) for _ in range(surrogates)])
    own = np.concatenate([[0.0], curves[0], [0.0]])
    peaks = (own[1:-1] > own[:-2]) & (own[1:-1] >= own[2:])
    logs = np.log(np.maximum(own, 1e-300 + 1e-30 * own.max()))
    bend = logs[:-2] - 2 * logs[1:-1] + logs[2:]
    shift = np.where(peaks & (bend < 0), 0.5 * (logs[:-2] - logs[2:]) / np.where(bend < 0, bend, -1.0), 0.0)
    periods = n / (np.arange(1, own.size - 1) + np.clip(shift, -0.5, 0.5))
    parameters = {"method": "spectrum", "null": null, "surrogates": surrogates, "n": n}
    found = _tested(curves, periods, peaks, curves[0] / curves[0].sum(), level, parameters, [])
    if not found.periods.size:
        return found
    return replace(found, stderr=found.value**2 / (2 * n))
