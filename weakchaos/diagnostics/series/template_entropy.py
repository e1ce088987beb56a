"""Sample, approximate and multiscale entropy: how often stretches that agree within r also agree in the next value.

* Sample entropy, ``ln(B / A)``: of all pairs i < j among the first N - m templates, B agree within r in m values and A in m + 1 values,
  in the maximum norm, distances equal to r included (Richman and Moorman, Am. J. Physiol. 278 (2000) H2039,
  doi:10.1152/ajpheart.2000.278.6.H2039).
* Approximate entropy, ``Phi(m) - Phi(m + 1)``, where Phi is the mean logarithm of the fraction of templates near each template, itself included
  (Pincus, PNAS 88 (1991) 2297, doi:10.1073/pnas.88.6.2297).
* Multiscale: sample entropy of the means of s values, s = 1, 2, ..., with r kept (Costa, Goldberger and Peng, Phys. Rev. Lett. 89
  (2002) 068102, doi:10.1103/PhysRevLett.89.068102).

All pairs are counted, by `weakchaos.diagnostics.near_templates`. Rounding errors may make a distance that equals r larger than r; r is therefore
increased by a few units in the last place of the largest number, so that the unit in which a series is written does not matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import number_that, whole_number
from weakchaos.diagnostics.recorded import as_series, within
from weakchaos.diagnostics.result import NoStandardError, Result
from weakchaos.diagnostics.series.near_templates import near_templates
from weakchaos.diagnostics.standard_errors import long_run_error

__all__ = ["SampleEntropy", "approximate_entropy", "multiscale_entropy", "sample_entropy"]


@dataclass(frozen=True, repr=False)
class SampleEntropy(Result):
    """``value`` is ``ln(matches / matches_longer)``.

    Attributes
    ----------
    matches, matches_longer : int
        B and A: numbers of pairs of templates of m values, and of m + 1 values, that agree within r.
    """

    matches: int = 0
    matches_longer: int = 0


def _tolerance(x: np.ndarray, r: Any) -> float:
    if r is None:
        return 0.2 * float(x.std(ddof=1))
    return number_that("r", r, "a number of at least 0, in the units of `x`", lambda v: v >= 0)


def _checked(x: Any, m: Any, r: Any) -> tuple[np.ndarray, int, float, list[str]]:
    m = whole_number("m", m, 1, 60)
    x = as_series(x, m + 2, constant=True, differences=True)
    r, notes = _tolerance(x, r), []
    if x.max() - x.min() <= within(r, x):
        notes.append("all values agree within `r`: every pair matches, whatever the dynamics")
    elif np.unique(x).size < x.size // 2:
        notes.append(
            "most values are equal to other values: for coarse or discrete data the result depends on where `r` lies between the possible distances"
        )
    if x.size < 10**m:
        notes.append(f"{x.size} values for m = {m}: 10**m to 20**m are advised")
    return x, m, r, notes


def sample_entropy(x: Any, m: int = 2, r: float | None = None, base: float | None = None) -> SampleEntropy:
    r"""Sample entropy of a series, nats.

    Parameters
    ----------
    x : array of shape (n,)
    m : int
        Number of values in a template, 1 to 60.
    r : float, optional
        Tolerance in the units of `x`, distances equal to it included; 0.2 standard deviations (ddof 1) by default.
    base : float, optional
        Of the logarithm; nats by default.

    Returns
    -------
    SampleEntropy
        ``value`` is infinite, with a warning, if no pair agrees in m + 1 values. The standard error is that of the ratio of two U-statistics, from
        batch means of the counts of each template, so it allows for overlap and correlation.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Notes
    -----
    Of all pairs among the first N - m templates, B agree within r in m values, and A of these in m + 1 values:

    $$\mathrm{SampEn}(m, r) = -\ln \frac{A}{B}.$$

    Examples
    --------
    >>> round(float(sample_entropy(np.random.default_rng(0).normal(size=2000))), 1)
    2.2
    """
    x, m, r, notes = _checked(x, m, r)
    result = _sample_entropy(x, m, r, within(r, x), notes)
    return result if base is None else result.in_base(base)  # type: ignore[return-value]


def _sample_entropy(x: np.ndarray, m: int, r: float, reach: float, notes: list[str]) -> SampleEntropy:
    """The same of checked arguments; `reach` is the tolerance with what rounding needs."""
    near, longer = near_templates(x, m, reach)
    total = near.size
    b, a = (int(near.sum()) - total) // 2, (int(longer.sum()) - total) // 2
    stderr = None
    if a == 0:
        value = math.inf
        notes.append(f"no pair of {m + 1} values agrees within r = {r:.4g}: not defined; take a larger `r` or more data")
    else:
        value = math.log(b / a)
        influence = long_run_error((near - 1) * (total / (2 * b)) - (longer - 1) * (total / (2 * a)))
        stderr = None if influence is None else 2 * influence
        if a < 20:
            notes.append(f"{a} pairs agree in {m + 1} values, too few for a precise ratio")
    return SampleEntropy(
        value, stderr, parameters={"m": m, "r": r, "n": x.size}, warnings=tuple(notes), matches=b, matches_longer=a
    )


def approximate_entropy(x: Any, m: int = 2, r: float | None = None, base: float | None = None) -> Result:
    r"""Approximate entropy of a series, nats.

    Parameters
    ----------
    x, m, r, base
        As for `sample_entropy`.

    Returns
    -------
    Result
        The estimate is biased low for short series, since every template is near itself; sample entropy is not.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Notes
    -----
    With $C_i^m$ the fraction of templates of m values within r of template i, itself included,

    $$\mathrm{ApEn}(m, r) = \Phi^m - \Phi^{m+1}, \qquad \Phi^m = \langle \ln C_i^m \rangle_i.$$

    Examples
    --------
    >>> float(approximate_entropy([1, 2] * 100, r=0.5)) < 0.01
    True
    """
    x, m, r, notes = _checked(x, m, r)
    # Here templates of m values are N - m + 1, one more than have a next value: a far away value appended gives it one that
    # matches none.
    reach = within(r, x)
    longest = np.append(x, x.max() + 2 * reach + 2 * (x.max() - x.min()) + np.abs(x).max() + 1)
    near, _ = near_templates(longest, m, reach)
    _, longer = near_templates(x, m, reach)
    phi = np.log(near / near.size).mean() - np.log(longer / longer.size).mean()
    result = Result(
        float(phi),
        None,
        parameters={"m": m, "r": r, "n": x.size},
        warnings=(*notes, NoStandardError("no standard error: the estimate's own bias is larger")),
    )
    return result if base is None else result.in_base(base)


def multiscale_entropy(x: Any, scales: int = 20, m: int = 2, r: float | None = None, base: float | None = None) -> Result:
    """Sample entropy of the means of s consecutive values, for s = 1 .. `scales`.

    Parameters
    ----------
    x : array of shape (n,)
    scales : int
    m : int
    r : float, optional
        The same at all scales; 0.2 standard deviations (ddof 1) of `x` by default.
    base : float, optional
        Of the logarithm; nats by default.

    Returns
    -------
    Result
        ``curve`` holds scales and sample entropies; they fall with the scale for white noise and are constant for 1/f noise. ``value`` is their sum,
        the complexity index. Scales without matches are left out of the sum, with a warning.

    Raises
    ------
    ArgumentError
    ArgumentTypeError

    Examples
    --------
    >>> curve = multiscale_entropy(np.random.default_rng(0).normal(size=4000), scales=3).curve
    >>> bool((np.diff(curve[1]) < 0).all())
    True
    """
    scales = whole_number("scales", scales, 1)
    x = as_series(x, scales * (whole_number("m", m, 1, 60) + 2), constant=True, differences=True)
    r = _tolerance(x, r)
    # Means are rounded by as much as the numbers they are made of, whether or not these are whole.
    reach = r + max(within(r, x) - r, 2 * float(np.finfo(float).eps) * float(np.abs(x).max()))
    values, notes, variance = [], [], 0.0
    for s in range(1, scales + 1):
        means = x[: x.size - x.size % s].reshape(-1, s).mean(1)
        *_, about = _checked(means, m, r)
        part = _sample_entropy(means, m, r, reach, about)
        values.append(part.value)
        variance += (part.stderr or 0.0) ** 2
        notes += [f"scale {s}: {note}" for note in part.warnings]
    curve = np.array(values)
    finite = np.isfinite(curve)
    notes.append(NoStandardError("no standard error of the sum: the scales share their data"))
    result = Result(
        float(curve[finite].sum()), None, (np.arange(1, scales + 1), curve), None, {"m": m, "r": r, "scales": scales}, tuple(notes)
    )
    return result if base is None else result.in_base(base)
