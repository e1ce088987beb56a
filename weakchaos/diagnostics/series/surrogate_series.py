"""Surrogate series: what the data would look like if a null hypothesis were true.

Theiler, Eubank, Longtin, Galdrikian and Farmer, Physica D 58 (1992) 77, doi:10.1016/0167-2789(92)90102-S (shuffle, FT, AAFT); Schreiber
and Schmitz, Phys. Rev. Lett. 77 (1996) 635, doi:10.1103/PhysRevLett.77.635 (IAAFT); Theiler, Phys. Lett. A 196 (1995) 335,
doi:10.1016/0375-9601(94)00856-K (shuffled cycles); Thiel, Romano, Kurths, Rolfs and Kliegl, Europhys. Lett. 75 (2006) 535,
doi:10.1209/epl/i2006-10147-0 (twins).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_number, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.diagnostics.recorded import as_series, mean_period, within
from weakchaos.diagnostics.series.embedding import embed
from weakchaos.diagnostics.series.gaussianize import gaussianized, normal_scores
from weakchaos.native.compiled import kernel

__all__ = ["match_ends", "surrogates"]

NULLS = {
    "shuffle": "independent numbers of the same distribution",
    "fourier": "a stationary linear Gaussian process with the same autocorrelation",
    "aaft": "a monotone function of a stationary linear Gaussian process",
    "iaaft": "a monotone function of a stationary linear Gaussian process",
    "cycle": "cycles that do not depend on one another",
    "twin": "another orbit of the same dynamics",
}
SPECTRAL = ("fourier", "aaft", "iaaft")
ITERATIONS = 200
_SETTLED, _BACK = 0.99, 5
_FAST_FROM, _FAST_PRIMES = 5000, (2, 3, 5, 7, 11)
THREADED = 20_000
_BLOCK = 40_000
_FEWEST_TWINS = 10


def _fast_lengths(most: int) -> np.ndarray:
    """Which whole numbers up to `most` have no prime factor beyond 11."""
    left = np.arange(most + 1)
    for p in _FAST_PRIMES:
        power = p
        while power <= most:
            left[power::power] //= p
            power *= p
    return left == 1


def match_ends(x: Any, most: float = 0.1) -> slice:
    """A long part of a series whose two ends match, shorter by at most the share `most`: Fourier transforms treat a series as periodic.

    The part is chosen so that the jump between its ends and the jump in slope, each relative to the variance, are small; a jump would appear in
    the surrogates as white noise. From 5,000 numbers on only lengths without a prime factor above 11 are tried, since their Fourier transforms
    are fast.

    Parameters
    ----------
    x : array of shape (n,)
    most : float
        The largest share of numbers that may be cut off, from 0 to 0.9.

    Returns
    -------
    slice

    Raises
    ------
    ArgumentError

    References
    ----------
    Schreiber and Schmitz, Physica D 142 (2000) 346, doi:10.1016/S0167-2789(00)00043-9, section 4.6.

    Examples
    --------
    >>> match_ends([0.0, 1.0, 0.0, -1.0] * 10 + [0.9], most=0.2)
    slice(0, 37, None)
    """
    series = as_series(x, 10, differences=True)
    n = series.size
    if not 0 <= real_number("most", most) <= 0.9:
        raise ArgumentError(f"`most` must be a share from 0 to 0.9; got {shown(most)}")
    give = min(int(most * n), n - 5)
    fast = _fast_lengths(n) if n >= _FAST_FROM else np.ones(n + 1, np.bool_)
    if not fast[n - give :].any():
        fast[n] = True
    starts = np.unique(np.linspace(0, give, min(give + 1, 200)).astype(int))
    best, kept = (math.inf, 0), slice(0, n)
    variance = series.var() * n
    for a in starts:
        ends = np.arange(n - (give - a), n + 1)
        ends = ends[fast[ends - a]]
        if not ends.size:
            continue
        jump = (series[a] - series[ends - 1]) ** 2
        turn = ((series[a + 1] - series[a]) - (series[ends - 1] - series[ends - 2])) ** 2
        cost = (jump + turn) / variance + 1e-3 * (n - (ends - a)) / n  # of two equal fits the longer one
        i = int(np.argmin(cost))
        if (cost[i], a) < best:
            best, kept = (float(cost[i]), int(a)), slice(int(a), int(ends[i]))
    return kept


def _phases(rng: np.random.Generator, count: int, n: int) -> np.ndarray:
    angles = rng.uniform(0, 2 * np.pi, (count, n // 2 + 1))
    angles[:, 0] = 0.0
    if n % 2 == 0:
        angles[:, -1] = np.pi * rng.integers(0, 2, count)
    return angles


def _fourier(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    return np.fft.irfft(np.fft.rfft(x) * np.exp(1j * _phases(rng, count, x.size)), x.size, axis=1)


def _ranked(values: np.ndarray, template: np.ndarray) -> np.ndarray:
    """The numbers of `template` (sorted) in the order of each row of `values`."""
    out = np.empty_like(values)
    np.put_along_axis(out, np.argsort(values, axis=1), template[None], 1)
    return out


def _aaft(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    normal = np.sort(rng.standard_normal((count, x.size)), axis=1)
    order = np.argsort(x)
    gaussian = np.empty_like(normal)
    gaussian[:, order] = normal
    spectrum = np.fft.rfft(gaussian, axis=1) * np.exp(1j * _phases(rng, count, x.size))
    return _ranked(np.fft.irfft(spectrum, x.size, axis=1), np.sort(x))


@kernel
def _reordered(values, template, work, out):
    """The numbers of `template` (sorted) in the order of each row of `values`, float32, into `out`; returns how many places changed. A radix
    sort of three passes, several times as fast as one by comparisons."""
    n = values.shape[1]
    keys, order, other = work[0], work[1], work[2]
    counts = np.empty(2048, np.int64)
    eleven, top = np.uint32(2047), np.uint32(0x80000000)
    changed = 0
    for r in range(values.shape[0]):
        bits = values[r].view(np.uint32)
        for i in range(n):
            # As unsigned whole numbers these bits have the order of the numbers they stand for.
            keys[i] = ~bits[i] if bits[i] & top else bits[i] | top
            order[i] = i
        here, there = order, other
        for p in range(3):
            shift = np.uint32(11 * p)
            counts[:] = 0
            for i in range(n):
                counts[(keys[i] >> shift) & eleven] += 1
            total = 0
            for c in range(2048):
                size = counts[c]
                counts[c] = total
                total += size
            for i in range(n):
                j = here[i]
                c = (keys[j] >> shift) & eleven
                there[counts[c]] = j
                counts[c] += 1
            here, there = there, here
        for i in range(n):
            j = here[i]
            changed += out[r, j] != template[i]
            out[r, j] = template[i]
    return changed


def _iterated(y: np.ndarray, x: np.ndarray, start: np.ndarray, out: np.ndarray, most: int) -> None:
    """IAAFT of y from the orders in the rows of `start`, in single precision; `out` gets the numbers of x in the orders found."""
    from scipy import fft

    n = y.size
    y = y - y.mean()
    unit = float(np.abs(y).max())
    template, amplitude = np.sort(y / unit).astype(np.float32), np.abs(fft.rfft(y / unit)).astype(np.float32)
    made, work = np.empty(start.shape, np.float32), np.empty((3, n), np.uint32)
    values, mismatches = start.astype(np.float32), []
    changed = _reordered(values, template, work, made)
    for k in range(most):
        if not changed:
            break
        spectrum = fft.rfft(made, axis=1)
        size = np.abs(spectrum)
        mismatches.append(float(np.square(size - amplitude).sum(dtype=np.float64)))
        if k >= _BACK and mismatches[k] > _SETTLED * mismatches[k - _BACK]:
            break
        spectrum *= amplitude / np.maximum(size, np.float32(1e-30))
        values = fft.irfft(spectrum, n, axis=1)
        changed = _reordered(values, template, work, made)
    _reordered(values, np.sort(x), work, out)


def _iaaft(
    x: np.ndarray,
    count: int,
    rng: np.random.Generator,
    remap: bool,
    told: Callable[[int], Any] | None = None,
    most: int = ITERATIONS,
) -> np.ndarray:
    y = gaussianized(x)[0] if remap else x
    scores, n = normal_scores(y), x.size
    rows = max(1, min(count, _BLOCK // n))
    blocks = [(k, min(k + rows, count)) for k in range(0, count, rows)]
    phases = [rng.spawn(1)[0] for _ in blocks]
    out = np.empty((count, n))

    def block(k: int) -> None:
        first, last = blocks[k]
        # The orders of a Fourier surrogate of the normal scores: nearer to the end than those of shuffled numbers.
        _iterated(y, x, _fourier(scores, last - first, phases[k]), out[first:last], most)
        if told is not None:
            told(last - first)

    if n >= THREADED and len(blocks) > 1:
        with ThreadPoolExecutor(min(len(blocks), os.cpu_count() or 1)) as pool:
            list(pool.map(block, range(len(blocks))))
    else:
        for k in range(len(blocks)):
            block(k)
    return out


def _cycle(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    above = x >= x.mean()
    crossings = np.flatnonzero(above[1:] & ~above[:-1]) + 1
    cuts: list[int] = []
    least = 0.5 * mean_period(x)
    for c in crossings:
        if not cuts or c - cuts[-1] >= least:
            cuts.append(int(c))
    if len(cuts) < 4:
        raise ArgumentError(
            f"`x` must hold at least 3 full cycles around its mean for cycle surrogates; got {max(len(cuts) - 1, 0)}"
        )
    head, tail = x[: cuts[0]], x[cuts[-1] :]
    cycles = [x[a:b] for a, b in pairwise(cuts)]
    return np.array([np.concatenate([head, *(cycles[i] for i in rng.permutation(len(cycles))), tail]) for _ in range(count)])


@kernel
def _column_keys(points, radius, keys, out):
    """A hash of each column of the recurrence matrix, so that equal columns are found without storing it."""
    n, dim = points.shape
    for i in range(n):
        for j in range(i, n):
            close = True
            for d in range(dim):
                if abs(points[i, d] - points[j, d]) > radius:
                    close = False
                    break
            if close:
                out[i] ^= keys[j]
                if i != j:
                    out[j] ^= keys[i]


@kernel
def _walk_twins(group, members, begin, size, uniforms, out):
    """Follow the orbit; at every point go on from any of its twins. An orbit that meets the end starts afresh at a random place."""
    n = group.size
    place = min(int(uniforms[0] * n), n - 1)
    for t in range(out.size):
        out[t] = place
        g = group[place]
        place = members[begin[g] + min(int(uniforms[2 * t + 1] * size[g]), size[g] - 1)] + 1
        if place >= n:
            place = min(int(uniforms[2 * t + 2] * n), n - 1)


def _twin(x: np.ndarray, count: int, rng: np.random.Generator, dim: int, delay: int, radius: float | None) -> np.ndarray:
    points = np.ascontiguousarray(embed(x, dim, delay))
    n = len(points)
    if n < _FEWEST_TWINS:
        raise ArgumentError(
            f"`dim` and `delay` must leave at least {_FEWEST_TWINS} points for twins; {dim} and {delay} leave {n} of {x.size} numbers"
        )
    if radius is None:
        i, j = rng.integers(0, n, (2, 20_000))
        radius = float(np.quantile(np.abs(points[i] - points[j]).max(1)[i != j], 0.1))
    keys = rng.integers(1, 2**63, n, dtype=np.uint64)
    columns = np.zeros(n, np.uint64)
    _column_keys(points, within(radius, points), keys, columns)
    _, group, size = np.unique(columns, return_inverse=True, return_counts=True)
    members, begin = np.argsort(group, kind="stable"), np.concatenate([[0], np.cumsum(size)[:-1]])
    out = np.empty((count, n), np.int64)
    for row in out:
        _walk_twins(group, members, begin, size, rng.random(2 * n + 1), row)
    return x[out]


def surrogates(
    x: Any,
    method: str = "iaaft",
    count: int = 19,
    seed: Any = 0,
    dim: int = 3,
    delay: int = 1,
    radius: float | None = None,
    remap: bool = False,
    told: Callable[[int], Any] | None = None,
) -> np.ndarray:
    """Surrogates of a series.

    Parameters
    ----------
    x : array of shape (n,)
        For a spectral method, cut the series with `match_ends` first if its ends differ.
    method : {"shuffle", "fourier", "aaft", "iaaft", "cycle", "twin"}
        "shuffle" preserves the distribution; "fourier" the periodogram; "aaft" the distribution and, approximately, the periodogram; "iaaft" the
        same with a better approximation; "cycle" whole cycles between upward crossings of the mean; "twin" the dynamics: it may jump to another
        part of the orbit wherever two points have the same neighbours.
    count : int
    seed : int
    dim, delay : int
        Embedding for twins; a surrogate is then ``(dim - 1) * delay`` shorter.
    radius : float, optional
        Neighbourhood for twins in the maximum norm; 10 % of pairs are neighbours by default.
    remap : bool
        For "iaaft": make the series Gaussian by a monotone function first (see `gaussianized`), match the spectrum of the result, and map back. A
        test against such surrogates keeps its level if the numbers are skewed; without `remap` it does not. The spectrum of the series itself is
        then matched on average only.
    told : callable, optional
        Called with the number of surrogates that are ready; by "iaaft" while they are made, from several threads.

    Returns
    -------
    array of shape (count, n)
        "iaaft" begins with the order of a Fourier surrogate of the normal scores and ends when nothing changes, when five more
        iterations bring the spectrum less than 1 % nearer, or after 200.

    Raises
    ------
    ArgumentError

    References
    ----------
    Theiler et al., Physica D 58 (1992) 77, doi:10.1016/0167-2789(92)90102-S; Schreiber and Schmitz, Phys. Rev. Lett. 77 (1996) 635,
    doi:10.1103/PhysRevLett.77.635; Theiler, Phys. Lett. A 196 (1995) 335, doi:10.1016/0375-9601(94)00856-K; Thiel et al., Europhys. Lett.
    75 (2006) 535, doi:10.1209/epl/i2006-10147-0.

    Examples
    --------
    >>> x = np.random.default_rng(0).random(100)
    >>> s = surrogates(x, "iaaft", count=2)
    >>> bool(np.array_equal(np.sort(s[0]), np.sort(x)))
    True
    """
    series = as_series(x, 20)
    if method not in NULLS:
        raise ArgumentError(f"`method` must be one of {', '.join(NULLS)}; got {shown(method)}")
    count = whole_number("count", count, 1)
    rng = np.random.default_rng(seed)
    if method == "shuffle":
        return rng.permuted(np.tile(series, (count, 1)), axis=1)
    if method == "fourier":
        return _fourier(series, count, rng)
    if method == "aaft":
        return _aaft(series, count, rng)
    if method == "iaaft":
        return _iaaft(series, count, rng, remap, told)
    if method == "cycle":
        return _cycle(series, count, rng)
    if radius is not None and not radius > 0:
        raise ArgumentError(f"`radius` must be positive; got {shown(radius)}")
    return _twin(series, count, rng, whole_number("dim", dim, 1), whole_number("delay", delay, 1), radius)
