"""The 0-1 test for chaos.

Gottwald and Melbourne, SIAM J. Appl. Dyn. Syst. 8 (2009) 129, doi:10.1137/080718851: the series drives a walk in the plane,
z_n = sum_{j <= n} x_j exp(i c j). Its mean square displacement M(n), without the oscillation (E x)^2 (1 - cos nc) / (1 - cos c), stays bounded
for regular motion and grows linearly for chaos (and for noise). K is the correlation of n and M(n), as the median over frequencies c.

A bounded walk still grows over lags that are shorter than its slowest beat, the inverse of the smallest difference between c and a frequency of
the series. So K is computed for lags up to N/10, as in the paper, and also for lags up to N/2: growth that does not last does not count.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.core.scatter import standard_error
from weakchaos.diagnostics.recorded import as_series, mean_period
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.series.embedding import embedding_delay

__all__ = ["zero_one_test"]

_LEAST = 200
_LASTS = (
    0.9  # K over lags up to N/2 that chaos and noise exceed: of white noise and of maps at 200 to 10,000 numbers it is 0.96 to 0.98
)
_CARRIERS = 10  # numbers that must carry the variance
_PERIODS = 5  # mean periods that must be seen


def _carriers(x: np.ndarray) -> float:
    """How many numbers carry the variance: (sum d^2)^2 / sum d^4 of the deviations d from the median."""
    square = (x - np.median(x)) ** 2
    return float(square.sum() ** 2 / (square**2).sum())


def _displacements(z: np.ndarray, lags: int) -> np.ndarray:
    """Mean of |z[j + n] - z[j]|^2 over the same j for all n = 1 .. lags, by the fast Fourier transform."""
    origins = z.size - lags
    length = 1 << (z.size + origins).bit_length()
    head = np.zeros(length, complex)
    head[:origins] = z[:origins]
    cross = np.fft.ifft(np.fft.fft(z, length) * np.fft.fft(head).conj())[1 : lags + 1].real
    power = np.concatenate([[0.0], np.cumsum(np.abs(z) ** 2)])
    moved = power[origins + 1 : origins + lags + 1] - power[1 : lags + 1]
    return (moved + power[origins] - 2 * cross) / origins


def zero_one_test(x: Any, frequencies: int = 100, stride: int | None = None) -> Result:
    r"""How chaotic a deterministic series is, from 0 (regular) to 1 (chaotic).

    For noise the value is 1 too: the test distinguishes regular from irregular series, but not the causes of irregularity.

    Parameters
    ----------
    x : array of shape (n,)
    frequencies : int
        Number of values of c, spread evenly over (pi/5, 4 pi/5).
    stride : int, optional
        Only every `stride`-th number is used. The test finds oversampled flows regular, so the default is `embedding_delay`, which is 1 for maps.

    Returns
    -------
    Result
        ``value`` is the median of K, ``stderr`` its standard error from the scatter over frequencies, ``curve`` holds frequencies and their K. Values
        between 0.2 and 0.8 give a warning. If growth over short lags does not last to long lags, K is that of the long lags, with a warning; if a
        few numbers carry all of the variance (pulses), or if the series has few periods only, K is NaN with a warning.

    Raises
    ------
    ArgumentError

    Notes
    -----
    For each frequency c the series drives a walk in the plane, and K is the correlation of n with its mean square displacement:

    $$z_n = \sum_{j \le n} x_j e^{i c j}, \qquad M(n) = \langle |z_{j+n} - z_j|^2 \rangle_j, \qquad K = \mathrm{corr}(n, M(n)),$$

    after the oscillation $\langle x \rangle^2 (1 - \cos n c) / (1 - \cos c)$ is taken off M.

    References
    ----------
    Gottwald and Melbourne, SIAM J. Appl. Dyn. Syst. 8 (2009) 129, doi:10.1137/080718851.

    Examples
    --------
    >>> x = [0.3]
    >>> for _ in range(1999):
    ...     x.append(4 * x[-1] * (1 - x[-1]))
    >>> float(zero_one_test(x)) > 0.95
    True
    >>> abs(float(zero_one_test([0.1, 0.7, 0.4] * 500))) < 0.05
    True
    """
    series = as_series(x, _LEAST)
    frequencies = whole_number("frequencies", frequencies, 10)
    step = int(embedding_delay(series).value) if stride is None else whole_number("stride", stride, 1)
    used = series[::step]
    notes = []
    if used.size < _LEAST:
        if stride is not None:
            raise ArgumentError(f"`stride` must leave at least {_LEAST} numbers; {step} leaves {used.size} of {series.size}")
        step = max(1, series.size // _LEAST)
        used = series[::step]
        notes.append(f"the flow is oversampled and too short: {used.size} numbers, every {step}th, may still look regular")
    # A scale near 1 keeps sums of squares far from overflow and changes no correlation.
    used = (used - used.min()) / (used.max() - used.min())
    n = used.size
    short, times = n // 10, np.arange(1, n + 1)
    angles = math.pi / 5 + 3 * math.pi / 5 * (np.arange(frequencies) + 0.5) / frequencies
    values, lasting = np.empty(frequencies), np.empty(frequencies)
    for i, c in enumerate(angles):
        walk = np.cumsum(used * np.exp(1j * c * times))
        for lags, out in ((short, values), (n // 2, lasting)):
            lag = np.arange(1, lags + 1)
            free = _displacements(walk, lags) - used.mean() ** 2 * (1 - np.cos(c * lag)) / (1 - math.cos(c))
            spread = free.std()
            # A walk that returns exactly has nothing that could grow.
            out[i] = np.corrcoef(lag, free)[0, 1] if spread > 1e-12 else 0.0
    value, lags = float(np.median(values)), short
    late = float(np.median(lasting))
    if late < min(value, _LASTS):
        if value > 0.2:
            notes.append(
                f"the walk grows over {short} steps (K = {value:.2f}) and not over {n // 2} (K = {late:.2f}): the slow beats of regular motion, in too short a series to see many of them"
            )
        values, value, lags = lasting, late, n // 2
    carriers, periods = _carriers(used), n / mean_period(used)
    if value > 0.2 and carriers < _CARRIERS:
        value = math.nan
        notes.append(
            f"K is not given: {carriers:.0f} of {n} numbers, pulses or outliers, carry the variance, too few to see whether they recur"
        )
    elif value > 0.2 and periods < _PERIODS:
        value = math.nan
        notes.append(f"K is not given: {periods:.0f} mean periods were seen, too few to tell regular from irregular motion")
    if 0.2 < value < 0.8:
        notes.append(
            f"K = {value:.2f} decides nothing: weak chaos, a long transient, too short a series, or another sampling is needed"
        )
    stderr = float(1.2533 * standard_error(values))
    parameters = {"frequencies": frequencies, "stride": step, "lags": lags, "numbers": n}
    return Result(value, stderr, (angles, values), None, parameters, tuple(notes))
