"""A series against what it would be without memory, and without nonlinear memory: rank tests for `analyse_series`.

IAAFT surrogates are made once for the three statistics that are asked of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from weakchaos.diagnostics.recorded import autocorrelation
from weakchaos.diagnostics.series.rank_test import prediction_error, time_asymmetry
from weakchaos.diagnostics.series.surrogate_series import match_ends, surrogates
from weakchaos.reports.series.evidence import Evidence, rank_p_value

__all__ = ["against_surrogates"]

# Lengths up to which a test sees the whole series; the cost of IAAFT grows as n^1.5 and more.
_SHUFFLED, _TESTED = 200_000, 2_000
_LAGS = 10
_LINEAR = "a monotone function of a stationary linear Gaussian process (IAAFT)"
_INDEPENDENT = "independent numbers (shuffled)"


def _clustering(x: np.ndarray) -> float:
    """Mean autocorrelation of absolute deviations at the first lags: whether large ones come in clusters."""
    size = np.abs(x - np.median(x))
    return float(autocorrelation(size, _LAGS)[1:].mean()) if np.ptp(size) > 0 else 0.0


def _box_pierce(x: np.ndarray) -> float:
    """Sum of squared autocorrelations at the first lags (Box and Pierce, J. Am. Stat. Assoc. 65 (1970) 1509, doi:10.2307/2284333)."""
    return float((autocorrelation(x, _LAGS)[1:] ** 2).sum())


def against_surrogates(e: Evidence, x: np.ndarray, dt: float, unit: str) -> None:
    """Rows of serial correlation against shuffled series, and of three statistics against IAAFT surrogates."""
    r = e.results
    count, seed = r["count"], r["seed"]
    rng = np.random.default_rng(seed)
    whole = x[:_SHUFFLED]
    value = _box_pierce(whole)
    shuffled = [_box_pierce(rng.permutation(whole)) for _ in range(count)]
    r["p_serial"] = rank_p_value(value, shuffled, "upper")
    e.add("serial correlation", value, f"sum of squares, lags 1 to {_LAGS}", p_value=r["p_serial"], null=_INDEPENDENT)

    # Flows are asked one delay ahead: a single step of theirs is foretold by any smooth curve.
    stride = max(1, min(r["delay"], x.size // 400))
    part = x[::stride][:_TESTED]
    part = part[match_ends(part)]
    if part.size * stride < 0.9 * x.size:
        every = "" if stride == 1 else f", every {stride}th"
        r["warnings"].append(f"surrogate tests use {part.size:,} of {x.size:,} numbers{every}")
    if 3 / (count + 1) > r["level"]:
        r["warnings"].append(f"{count} surrogates cannot reject by one of three tests at level {r['level']:g} together: 59 can")
    dim = min(max(r["dim"], 2), 4)
    lag = stride * dt
    tests: list[tuple[str, str, Callable[[np.ndarray], float], str, str]] = [
        (
            "prediction error",
            "p_linear",
            lambda s: prediction_error(s, dim),
            "lower",
            f"sd, {lag:.4g} {unit} ahead in {dim} dimensions",
        ),
        ("time asymmetry", "p_asymmetry", lambda s: abs(time_asymmetry(s)), "upper", "|skewness of differences|"),
        ("clustering of amplitudes", "p_clustering", _clustering, "upper", f"autocorrelation of |x - median|, lags 1 to {_LAGS}"),
    ]

    def rank() -> None:
        made = surrogates(part, "iaaft", count, seed, remap=True)
        for name, key, function, side, words in tests:
            own, others = function(part), np.array([function(s) for s in made])
            r[key] = rank_p_value(own, others, side)
            r[f"{key}_values"] = (own, others)
            notes = [f"surrogates: {np.median(others):.3g} ({others.min():.3g} to {others.max():.3g})"]
            e.add(name, own, words, p_value=r[key], null=_LINEAR, notes=notes)

    e.attempt("prediction error", rank)
