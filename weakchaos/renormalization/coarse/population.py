"""Scaling of a population under coarse-graining, compared with null models.

Phenomenological renormalization (Meshulam et al., Phys. Rev. Lett. 123 (2019) 178103, doi:10.1103/PhysRevLett.123.178103): clusters of K units
that are summed have variance ~ K^alpha (alpha is 1 for independent units, 2 for identical ones), are silent with probability exp(-const K^beta),
have covariance eigenvalues ~ (K / rank)^mu and a correlation time ~ K^z. Pairs are chosen on one half of the samples and measured on the other
half: the pair with the largest sample correlation owes this partly to chance, and without the split alpha of independent units would be 1.03.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown
from weakchaos.core.scatter import jackknife_error, standard_error
from weakchaos.core.text_table import aligned
from weakchaos.renormalization.coarse.null_models import NULLS, is_binary, null_population
from weakchaos.renormalization.coarse.pairing import clusters_by_correlation

__all__ = ["PopulationRG", "Scaling", "as_activity", "coarse_grain"]

_BATCHES = 8
_FEWEST_CLUSTERS = 2
_ALIKE = 0.1  # exponents this near are not told apart: fits over two decades of sizes drift by as much


@dataclass(frozen=True)
class Scaling:
    """Statistics of clusters by their size, of one population.

    Attributes
    ----------
    sizes : array of shape (k,)
        Number of units in a cluster: 1, 2, 4, ...
    variance, kurtosis : arrays of shape (k,)
        Mean over clusters; the kurtosis is 3 for a Gaussian.
    silence : array of shape (k,) or None
        Probability that all units of a cluster are zero; None if the activity has negative values or no zeros.
    times : array of shape (k,) or None
        Number of steps until the mean autocorrelation has fallen to 1/e; None if the samples are not a time series or have no memory.
    spectrum : array
        Mean eigenvalues, in descending order, of the covariance within clusters of the largest size of which there are at least two.
    exponents, errors : dict
        alpha, beta, mu, z, and their standard errors by leaving out one eighth of the samples at a time.
    local : array of shape (k - 1,)
        alpha from each doubling of the size; it is constant at a fixed point.
    """

    sizes: np.ndarray
    variance: np.ndarray
    kurtosis: np.ndarray
    silence: np.ndarray | None
    times: np.ndarray | None
    spectrum: np.ndarray
    exponents: dict[str, float]
    errors: dict[str, float]
    local: np.ndarray


@dataclass(frozen=True)
class PopulationRG:
    """Scaling of a population beside that of its null models.

    Attributes
    ----------
    data : Scaling
    nulls : dict of Scaling
        Scaling of each null model, by its name.
    verdict : str
        What the exponents establish; never "critical".
    reasons : tuple of str
    parameters : dict
    """

    data: Scaling
    nulls: dict[str, Scaling]
    verdict: str
    reasons: tuple[str, ...]
    parameters: dict[str, Any] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for each population: exponents with their errors."""
        out = []
        for name, s in {"data": self.data, **self.nulls}.items():
            row: dict[str, Any] = {"population": name}
            for key in ("alpha", "beta", "mu", "z"):
                row[key], row[f"{key} ±"] = s.exponents.get(key), s.errors.get(key)
            row["kurtosis"] = float(s.kurtosis[-1])
            out.append(row)
        return out

    def table(self) -> str:
        """The rows, the verdict and its reasons as text."""
        return "\n".join([aligned(self.rows()), "", f"Verdict: {self.verdict}.", *(f"- {r}" for r in self.reasons)])

    __str__ = table


def as_activity(activity: Any, least: int = 8) -> np.ndarray:
    """`activity` as a finite array of shape (samples, units)."""
    x = np.asarray(activity)
    if x.dtype.kind not in "biuf":
        raise ArgumentTypeError(f"`activity` must hold numbers; got {shown(activity)}")
    if x.ndim != 2 or x.shape[0] < 100 or x.shape[1] < least:
        raise ArgumentError(
            f"`activity` must have shape (samples, units) with at least 100 samples of {least} units; got shape {x.shape}"
        )
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        unit = int(np.flatnonzero(~np.isfinite(x).all(0))[0])
        raise ArgumentError(f"`activity` must be finite; unit {unit} is not")
    still = int((x.min(0) == x.max(0)).sum())
    if still:
        raise ArgumentError(f"`activity` must vary in every unit; {still} of {x.shape[1]} units never change: leave them out")
    return x


def _slope(sizes: np.ndarray, values: np.ndarray) -> float:
    """Slope of log values against log sizes; NaN with fewer than two usable points."""
    good = np.isfinite(values) & (values > 0)
    if good.sum() < 2:
        return math.nan
    return float(np.polyfit(np.log(sizes[good]), np.log(values[good]), 1)[0])


def _correlation_time(x: np.ndarray) -> float:
    """Steps until the autocorrelation, averaged over columns, has fallen to 1/e, interpolated; NaN where it has by the first step."""
    centred = x - x.mean(0)
    length = 1 << (2 * len(x) - 1).bit_length()
    power = np.abs(np.fft.rfft(centred, length, axis=0)) ** 2
    lags = np.fft.irfft(power, length, axis=0)[: len(x) // 2]
    norm = np.where(lags[0] > 0, lags[0], 1)
    mean = (lags / norm).mean(1)
    below = np.flatnonzero(mean < math.exp(-1))
    if below.size == 0 or below[0] < 2:
        return math.nan
    k = int(below[0])
    return k - 1 + (mean[k - 1] - math.exp(-1)) / (mean[k - 1] - mean[k])


def _measure(x: np.ndarray, members: list[np.ndarray], ordered: bool, quiet: bool) -> Scaling:
    sizes = np.array([m.shape[1] for m in members])
    parts = np.array_split(np.arange(len(x)), _BATCHES)
    raw: list[np.ndarray] = []
    silent = np.zeros((len(members), _BATCHES))
    times = np.full(len(members), math.nan)
    for k, m in enumerate(members):
        sums = np.zeros((len(x), len(m)))
        for j in range(m.shape[1]):
            sums += x[:, m[:, j]]
        powers = np.stack([[(sums[p] ** r).sum(0) for r in (1, 2, 3, 4)] for p in parts])  # (batch, power, cluster)
        raw.append(powers)
        if quiet:
            silent[k] = [(sums[p] == 0).mean(1).sum() for p in parts]
        if ordered:
            times[k] = _correlation_time(sums)
    counts = np.array([len(p) for p in parts], float)
    spectra = _spectra(x, members)

    def summary(keep: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n = counts[keep].sum()
        variance, kurtosis = np.empty(len(members)), np.empty(len(members))
        for k, powers in enumerate(raw):
            m1, m2, m3, m4 = powers[keep].sum(0) / n
            v = m2 - m1**2
            fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
            good = v > 0
            variance[k] = v.mean()
            kurtosis[k] = (fourth[good] / v[good] ** 2).mean() if good.any() else math.nan
        return variance, kurtosis, silent[:, keep].sum(1) / n

    def exponents(keep: np.ndarray) -> dict[str, float]:
        variance, _, p = summary(keep)
        out = {"alpha": _slope(sizes, variance)}
        if quiet:
            with np.errstate(divide="ignore"):
                out["beta"] = _slope(sizes[p > 0], -np.log(p[p > 0]))
        return out

    everything = np.ones(_BATCHES, bool)
    variance, kurtosis, silence = summary(everything)
    found = exponents(everything)
    left = [exponents(np.arange(_BATCHES) != b) for b in range(_BATCHES)]
    errors = {k: float(jackknife_error([e[k] for e in left])) for k in found}
    found["mu"], errors["mu"] = spectra[1], spectra[2]
    if np.isfinite(times).sum() >= 3:
        found["z"] = _slope(sizes, times)
        errors["z"] = _slope_error(sizes, times)
    local = np.diff(np.log(variance)) / np.diff(np.log(sizes))
    return Scaling(
        sizes, variance, kurtosis, silence if quiet else None, times if "z" in found else None, spectra[0], found, errors, local
    )


def _slope_error(sizes: np.ndarray, values: np.ndarray) -> float:
    good = np.isfinite(values) & (values > 0)
    x, y = np.log(sizes[good]), np.log(values[good])
    x = x - x.mean()
    rest = y - y.mean() - x * (x @ y) / (x @ x)
    return float(np.sqrt((rest @ rest) / max(1, good.sum() - 2) / (x @ x)))


def _spectra(x: np.ndarray, members: list[np.ndarray]) -> tuple[np.ndarray, float, float]:
    """Mean spectrum in the largest clusters smaller than a quarter of the samples, and mu with its scatter over sizes."""
    found, spectrum = [], np.empty(0)
    for m in members:
        size = m.shape[1]
        if size < 16 or size > len(x) // 8 or len(m) < _FEWEST_CLUSTERS:
            continue
        values = np.array([np.linalg.eigvalsh(np.cov(x[:, cluster], rowvar=False))[::-1] for cluster in m[:16]]).mean(0)
        spectrum = values
        ranks = np.arange(1, size + 1)
        used = (ranks >= 2) & (ranks <= size // 2)  # the first is the mean mode, the last half bends with the number of samples
        found.append(-_slope(ranks[used], values[used]))
    if not found:
        return spectrum, math.nan, math.nan
    return spectrum, float(np.mean(found)), float(standard_error(found))


def coarse_grain(
    activity: Any,
    steps: int | None = None,
    nulls: Any = NULLS,
    split: bool = True,
    ordered: bool = False,
    rank: int = 10,
    seed: Any = 0,
) -> PopulationRG:
    """Scaling of a population's activity under pairing of its most correlated units, beside its null models.

    Parameters
    ----------
    activity : array of shape (samples, units)
        Spikes, spins as 0 and 1, or any numbers.
    steps : int, optional
        Doublings of the cluster size; by default as many as leave four clusters, at most 8.
    nulls : sequence of {"independent", "shuffled", "latent"}
        See `null_population`. Without "latent" the verdict stays open.
    split : bool
        Choose pairs on the first half of the samples and measure on the second half.
    ordered : bool
        Whether successive samples are successive in time, which makes correlation times meaningful.
    rank : int
        Number of latent variables of the null model.
    seed : int

    Returns
    -------
    PopulationRG

    Raises
    ------
    ArgumentError, ArgumentTypeError

    References
    ----------
    Meshulam et al., Phys. Rev. Lett. 123 (2019) 178103, doi:10.1103/PhysRevLett.123.178103; Morrell, Sederberg and Nemenman, Phys. Rev. Lett.
    126 (2021) 118302, doi:10.1103/PhysRevLett.126.118302.

    Examples
    --------
    >>> x = np.random.default_rng(0).random((2000, 64)) < 0.2
    >>> result = coarse_grain(x)
    >>> bool(abs(result.data.exponents["alpha"] - 1) < 0.03), result.verdict
    (True, 'no collective scaling')
    """
    x = as_activity(activity)
    most = int(math.log2(x.shape[1] / 4))
    count = min(8, most) if steps is None else whole_number("steps", steps, 1)
    if count > int(math.log2(x.shape[1])):
        raise ArgumentError(
            f"`steps` must leave at least one cluster: at most {int(math.log2(x.shape[1]))} for {x.shape[1]} units; got {count}"
        )
    wanted = tuple([nulls] if isinstance(nulls, str) else nulls)
    for name in wanted:
        if name not in NULLS:
            raise ArgumentError(f"`nulls` must be taken from {', '.join(NULLS)}; got {shown(name)}")
    rank = whole_number("rank", rank, 1)
    rng = np.random.default_rng(seed)
    x = x.astype(np.uint8) if is_binary(x) else x.astype(np.float64)
    quiet = bool((x >= 0).all() and (x == 0).any())
    half = len(x) // 2

    def scaling(y: np.ndarray, in_time: bool) -> Scaling:
        learn, test = (y[:half], y[half:]) if split else (y, y)
        return _measure(test, clusters_by_correlation(learn, count), in_time, quiet)

    data = scaling(x, ordered)
    made = {name: scaling(null_population(x, name, rng, rank), ordered and name == "shuffled") for name in wanted}
    verdict, reasons = _judge(data, made, split)
    parameters = {"samples": len(x), "units": x.shape[1], "steps": count, "split": split, "rank": rank, "ordered": ordered}
    return PopulationRG(data, made, verdict, reasons, parameters)


def _same(a: Scaling, b: Scaling, key: str, floor: float) -> bool:
    """Whether an exponent agrees within three standard errors or `floor`; one that neither population has speaks for nothing."""
    first, second = a.exponents.get(key, math.nan), b.exponents.get(key, math.nan)
    if not (math.isfinite(first) and math.isfinite(second)):
        return True
    error = math.hypot(*(e if math.isfinite(e) else 0.0 for e in (a.errors.get(key, 0.0), b.errors.get(key, 0.0))))
    return abs(first - second) <= max(3 * error, floor)


def _judge(data: Scaling, nulls: dict[str, Scaling], split: bool) -> tuple[str, tuple[str, ...]]:
    alpha, error = data.exponents["alpha"], data.errors["alpha"]
    reasons = [f"alpha = {alpha:.3f} ± {error:.3f}; 1 for independent units, 2 for identical ones"]
    if not split:
        reasons.append("pairs were chosen and measured on the same samples, which raises alpha: use split=True")
    later = data.local[len(data.local) // 2 :]
    reasons.append(f"alpha from one doubling to the next: {', '.join(f'{v:.2f}' for v in data.local)}")
    plain = [n for n in ("independent", "shuffled") if n in nulls]
    if any(_same(data, nulls[n], "alpha", 0.02) for n in plain) or (not plain and abs(alpha - 1) <= max(3 * error, 0.02)):
        return "no collective scaling", (*reasons, f"alpha is that of the {plain[0] if plain else 'independent'} null model")
    against = []
    if "latent" not in nulls:
        against.append("the latent null model was not included, and it could have the same exponents")
    elif all(_same(data, nulls["latent"], key, _ALIKE) for key in ("alpha", "beta", "mu")):
        same = ", ".join(f"{k} = {v:.2f}" for k, v in nulls["latent"].exponents.items() if k != "z")
        against.append(f"shared latent variables without a critical point have the same exponents: {same}")
    if len(data.local) < 4:
        against.append("fewer than four doublings cannot show whether alpha is constant")
    elif (drift := max(np.ptp(later), data.local.max() - later[-1])) > _ALIKE:
        against.append(f"alpha drifts by {drift:.2f} as clusters grow, so this is not a fixed point")
    elif abs(later[-1] - 1) < _ALIKE:
        against.append(
            f"alpha tends to 1 as clusters grow ({later[-1]:.2f}): beyond a finite correlation length units are independent"
        )
    if against:
        return "scaling, criticality not established", (*reasons, *against)
    apart = [k for k in ("alpha", "beta", "mu") if not _same(data, nulls["latent"], k, _ALIKE)]
    reasons.append(f"shared latent variables miss {' and '.join(apart)}, and alpha is constant over the larger sizes")
    return "scaling beyond the null models, as near a critical point, but no proof of one", tuple(reasons)
