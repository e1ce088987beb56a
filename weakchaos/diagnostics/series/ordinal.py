"""Permutation entropy: the entropy of ordinal patterns.

Bandt and Pompe, Phys. Rev. Lett. 88 (2002) 174102, doi:10.1103/PhysRevLett.88.174102; weighted by the variance of each window:
Fadlallah, Chen, Keil and Principe, Phys. Rev. E 87 (2013) 022911, doi:10.1103/PhysRevE.87.022911; missing patterns:
Amigo, Zambrano and Sanjuan, EPL 79 (2007) 50001, doi:10.1209/0295-5075/79/50001.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.recorded import as_series
from weakchaos.diagnostics.result import NoStandardError, Result
from weakchaos.diagnostics.standard_errors import long_run_error
from weakchaos.diagnostics.symbols.estimators import bias_note, estimate, sampling_notes
from weakchaos.diagnostics.symbols.symbolic import check_windows, pattern_of, small_codes
from weakchaos.native.compiled import kernel

__all__ = ["PermutationEntropy", "permutation_entropy"]

_TABLE_ORDER = 9


@dataclass(frozen=True, repr=False)
class PermutationEntropy(Result):
    """``value`` is in nats per pattern.

    Attributes
    ----------
    normalized : float
        `value` divided by its largest possible value, ``ln order!``.
    probabilities : float64 array of shape (order!,)
        Probabilities of the patterns by code (`pattern` decodes a code); empty if the order is above 9.
    missing : int
        Number of the order! patterns that did not occur.
    expected_missing : float
        How many patterns would not occur on average if the windows were independent and all patterns equally likely; patterns may be called
        forbidden only if `missing` is larger.
    """

    normalized: float = 0.0
    probabilities: np.ndarray = field(default_factory=lambda: np.empty(0))
    missing: int = 0
    expected_missing: float = 0.0

    def pattern(self, code: int) -> tuple[int, ...]:
        """The ranks of the values of the pattern with this code, in time order."""
        return pattern_of(code, self.parameters["order"])

    def missing_patterns(self) -> list[tuple[int, ...]]:
        """The patterns that did not occur, as ranks in time order.

        Examples
        --------
        >>> permutation_entropy(np.arange(20) % 2, order=2).missing_patterns()
        []
        """
        if self.probabilities.size == 0:
            raise ArgumentError(f"`order` must be at most {_TABLE_ORDER} to list patterns; got {self.parameters['order']}")
        return [self.pattern(int(code)) for code in np.flatnonzero(self.probabilities == 0)]


@kernel
def _count(codes, counts):
    """What ``np.bincount`` does after a copy to 64 bits."""
    for code in codes:
        counts[code] += 1


def _weights(x: np.ndarray, order: int, delay: int) -> np.ndarray:
    """The variance of each window, summed about its own mean so that large offsets do no harm."""
    n = x.size - (order - 1) * delay
    mean, total = np.zeros(n), np.zeros(n)
    for k in range(order):
        mean += x[k * delay : k * delay + n] / order
    for k in range(order):
        total += (x[k * delay : k * delay + n] - mean) ** 2
    return total / order


def permutation_entropy(
    x: Any,
    order: int = 3,
    delay: int = 1,
    *,
    weighted: bool = False,
    ties: str = "first",
    estimator: str = "plug-in",
    base: float | None = None,
) -> PermutationEntropy:
    r"""The entropy of the ordinal patterns of all overlapping windows of a series.

    Parameters
    ----------
    x : array of shape (n,)
    order : int
        Number of values in a window, 2 to 20.
    delay : int
        Steps between these values.
    weighted : bool
        Weight each window by its variance, so that noise between large excursions counts little.
    ties : {"first", "skip"}
        "first": the earlier of two equal values is ranked as the smaller; "skip": windows with equal values are left out.
    estimator : str
        See `count_entropy`; a weighted entropy has no counts and allows "plug-in" only.
    base : float, optional
        Base of the logarithm; nats by default.

    Returns
    -------
    PermutationEntropy
        The standard error comes from batch means of -ln p, since windows overlap; the formula for independent windows would be too small.
        There are warnings if more than 1 % of the windows have ties, if there are fewer than 5 order! windows, and if the bias of the plug-in
        estimate, about ``(patterns seen - 1) / (2 windows)``, is more than half of the standard error.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Notes
    -----
    With p the frequencies of the patterns of n values (``order``) among all windows,

    $$H = -\sum_{\pi} p(\pi) \ln p(\pi),$$

    which is at most $\ln n!$.

    Examples
    --------
    >>> round(float(permutation_entropy([4, 7, 9, 10, 6, 11, 3], order=2)), 4)
    0.6365
    """
    values = x
    x, order, delay = check_windows(values, order, delay, ties)
    codes, tied = small_codes(x, order, delay, ties)
    windows, patterns = x.size - (order - 1) * delay, math.factorial(order)
    if codes.size == 0:
        raise ArgumentError("`x` has equal values in every window, and `ties` leaves such windows out")
    notes = []
    if x.min() == x.max():
        notes.append("the series is constant: its only pattern is that of equal values")
    elif tied > windows / 100:
        treatment = "the earlier was taken as the smaller" if ties == "first" else "these windows were left out"
        notes.append(f"{tied} of {windows} windows hold equal values; {treatment}")
    if codes.size < 5 * patterns:
        notes.append(f"{codes.size} windows for {patterns} patterns: fewer than 5 a pattern, the entropy is biased low")
    if order <= _TABLE_ORDER:
        places, counts = codes, np.zeros(patterns, np.int64)
        _count(codes, counts)
    else:
        _, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    seen = counts[counts > 0]
    missing = patterns - seen.size
    expected = patterns * math.exp(codes.size * math.log1p(-1 / patterns))
    used, stderr = estimator, None
    if weighted:
        if estimator != "plug-in":
            raise ArgumentError(f'`estimator` must be "plug-in" for a weighted entropy, which has no counts; got "{estimator}"')
        if ties == "skip":
            raise ArgumentError(
                '`ties` must be "first" for a weighted entropy, in which windows of equal values have no weight anyway'
            )
        mass = np.bincount(places, _weights(as_series(values, 2, constant=True, differences=True), order, delay), counts.size)
        if mass.sum() == 0:
            p, value = counts / codes.size, 0.0
        else:
            p = mass / mass.sum()
            value = float(-(p[p > 0] * np.log(p[p > 0])).sum())
        notes.append(NoStandardError("no standard error: the weights of overlapping windows are not independent"))
        notes.append(
            f"biased low by at least about {(seen.size - 1) / (2 * codes.size):.2g} nats, as if all windows weighed the same"
        )
    else:
        p = counts / codes.size
        value, stderr, used = estimate(seen, estimator, patterns)
        notes.extend(sampling_notes(seen))
        if stderr is None:
            surprise = np.zeros(p.size)
            surprise[p > 0] = -np.log(p[p > 0])
            stderr = long_run_error(surprise, places)
        notes.extend(bias_note(seen, used, stderr))
    result = PermutationEntropy(
        value + 0.0,
        stderr,
        parameters={
            "order": order,
            "delay": delay,
            "weighted": weighted,
            "ties": ties,
            "estimator": used,
            "windows": int(codes.size),
        },
        warnings=tuple(notes),
        normalized=value / math.log(patterns),
        probabilities=p if order <= _TABLE_ORDER else np.empty(0),
        missing=missing,
        expected_missing=expected,
    )
    return result if base is None else result.in_base(base)  # type: ignore[return-value]
