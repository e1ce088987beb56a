"""Rank tests of `analyse_series`: a series against independent numbers, and against linear processes with the same memory.

IAAFT surrogates are made once and used for all three statistics.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from weakchaos.diagnostics.recorded import autocorrelation
from weakchaos.diagnostics.series.embedding import embedding_delay
from weakchaos.diagnostics.series.rank_test import prediction_error, time_asymmetry
from weakchaos.diagnostics.series.surrogate_series import match_ends, surrogates
from weakchaos.diagnostics.standard_errors import rank_p_value
from weakchaos.reports.series.evidence import Evidence
from weakchaos.reports.series.innovations import dependence_of_innovations
from weakchaos.reports.series.measured import MeasuredNumbers, NullTest
from weakchaos.reports.series.neighbouring import dependence_of_neighbours

__all__ = ["against_surrogates"]

# Lengths up to which a test sees the whole series; the cost of IAAFT grows as n^1.5 and more.
_SHUFFLED, _TESTED = 200_000, 4_000
_LAGS = 10
_SHUFFLES = 199  # of a test that alone contradicts independence, so that its level can be a tenth of the usual one
_LINEAR = "a monotone function of a stationary linear Gaussian process (IAAFT)"
_INDEPENDENT = "independent numbers (shuffled)"


def _clustering(x: np.ndarray) -> float:
    """Mean autocorrelation of absolute deviations at the first lags: whether large ones come in clusters."""
    size = np.abs(x - np.median(x))
    return float(autocorrelation(size, _LAGS)[1:].mean()) if np.ptp(size) > 0 else 0.0


def _box_pierce(x: np.ndarray) -> float:
    """Sum of squared autocorrelations at the first lags (Box and Pierce, J. Am. Stat. Assoc. 65 (1970) 1509, doi:10.2307/2284333)."""
    return float((autocorrelation(x, _LAGS)[1:] ** 2).sum())


def _least_error(errors: np.ndarray) -> tuple[float, np.ndarray, int]:
    """Of errors (series, dimension), the series itself first: the least standardised error of the first and of the others, and its column.

    Each column is standardised over all series alike, so that under the null the first is one of equals whatever the number of dimensions.
    """
    spread = errors.std(0)
    scores = (errors - errors.mean(0)) / np.where(spread > 0, spread, 1.0)
    return float(scores[0].min()), scores[1:].min(1), int(np.argmin(scores[0]))


def _predicted(part: np.ndarray, made: np.ndarray, dims: list[int]) -> tuple[NullTest, np.ndarray, int]:
    """The test by prediction errors, the errors of the series and of its surrogates in all dimensions, and the column that was taken."""
    errors = np.array([[prediction_error(s, dim) for dim in dims] for s in (part, *made)])
    own, others, best = _least_error(errors)
    return NullTest(rank_p_value(own, others, "lower"), float(errors[0, best]), errors[1:, best]), errors, best


def _ask_steps(e: Evidence[MeasuredNumbers], x: np.ndarray, dims: list[int], dt: float, unit: str) -> None:
    """The differences of a series that drifts: a rule under a trend shows in them, a random walk leaves independent numbers."""
    r, steps = e.results, np.diff(x)
    if np.ptp(steps) <= 1e-9 * np.ptp(x):
        return
    # Under a trend every series looks like a flow: whether it is one, its differences tell.
    delay = embedding_delay(steps)
    stride = 1 if delay.parameters["method"] == "map" else max(1, min(int(delay.value), steps.size // 400))
    steps, lag = steps[::stride][:_TESTED], stride * dt
    steps = steps[match_ends(steps)]
    made = surrogates(steps, "iaaft", r.surrogates, r.seed, remap=True)
    r.steps, _, best = _predicted(steps, made, dims)
    e.add(
        "prediction error of steps",
        r.steps.own,
        f"sd of the steps, {lag:.4g} {unit} ahead in {dims[best]} dimension{'s' if dims[best] > 1 else ''}",
        p_value=r.steps.p_value,
        null=_LINEAR,
        notes=[f"surrogates: {np.median(r.steps.others):.3g} ({r.steps.others.min():.3g} to {r.steps.others.max():.3g})"],
    )


def against_surrogates(e: Evidence[MeasuredNumbers], x: np.ndarray, dt: float, unit: str) -> None:
    """Add the rows of the tests: serial correlation against shuffled series, and three statistics against IAAFT surrogates."""
    r = e.results
    count, seed = r.surrogates, r.seed
    rng = np.random.default_rng(seed)
    whole = x[:_SHUFFLED]
    value = _box_pierce(whole)
    shuffled = [_box_pierce(rng.permutation(whole)) for _ in range(count)]
    r.p_serial = rank_p_value(value, shuffled, "upper")
    e.add("serial correlation", value, f"sum of squares, lags 1 to {_LAGS}", p_value=r.p_serial, null=_INDEPENDENT)

    if r.p_serial > r.level:
        value, r.p_neighbours = dependence_of_neighbours(whole, _SHUFFLES, np.random.default_rng([seed, 2]))
        words = "coincidences of neighbours, of those of shuffled series"
        e.add("dependence of neighbours", value, words, p_value=r.p_neighbours, null=_INDEPENDENT)

    # Flows are asked one delay ahead: a single step of theirs is foretold by any smooth curve.
    stride = max(1, min(r.delay, x.size // 400))
    part = x[::stride][:_TESTED]
    part = part[match_ends(part)]
    if part.size * stride < 0.9 * x.size:
        every = "" if stride == 1 else f", every {stride}th"
        r.warnings.append(f"surrogate tests use {part.size:,} of {x.size:,} numbers{every}")
    if 3 / (count + 1) > r.level:
        r.warnings.append(
            f"with {count} surrogates none of the three tests can reject at their joint level of {r.level:g}; 59 surrogates suffice"
        )
    dims = sorted({1, 2, min(max(r.dim, 2), 4)})
    lag = stride * dt

    def rank() -> None:
        made = surrogates(part, "iaaft", count, seed, remap=True)
        r.linear, errors, best = _predicted(part, made, dims)
        found = r.linear.others
        halves = [prediction_error(h, dims[best]) for h in np.array_split(part, 2)]
        r.learning = float(errors[0, best] / np.mean(halves)) if np.mean(halves) > 0 else 1.0
        e.add(
            "prediction error",
            errors[0, best],
            f"sd, {lag:.4g} {unit} ahead in {dims[best]} dimension{'s' if dims[best] > 1 else ''}",
            p_value=r.linear.p_value,
            null=_LINEAR,
            notes=[
                f"surrogates: {np.median(found):.3g} ({found.min():.3g} to {found.max():.3g}); of {len(dims)} embedding dimensions the one with the lowest standardised error is taken, for each surrogate too",
                f"the error is {errors[0, best] / np.mean(halves):.3g} of the error from half of the numbers"
                if np.mean(halves) > 0
                else "the error from half of the numbers is zero",
            ],
        )

        def ask(name: str, function: Callable[[np.ndarray], float], words: str) -> NullTest:
            own, others = function(part), np.array([function(s) for s in made])
            notes = [f"surrogates: {np.median(others):.3g} ({others.min():.3g} to {others.max():.3g})"]
            test = NullTest(rank_p_value(own, others, "upper"), own, others)
            e.add(name, own, words, p_value=test.p_value, null=_LINEAR, notes=notes)
            return test

        r.asymmetry = ask("time asymmetry", lambda s: abs(time_asymmetry(s)), "|skewness of differences|")
        r.clustering = ask("clustering of amplitudes", _clustering, f"autocorrelation of |x - median|, lags 1 to {_LAGS}")
        value, r.p_innovations = dependence_of_innovations(x[:_TESTED], count, np.random.default_rng([seed, 1]))
        words = f"sum of squared correlations of sizes and values, lags 1 to {_LAGS}"
        e.add("innovations", value, words, p_value=r.p_innovations, null="independent innovations of a linear process (shuffled)")

    e.attempt("prediction error", rank)
    if r.drifting:
        e.attempt("prediction error of steps", lambda: _ask_steps(e, x, dims, dt, unit))
