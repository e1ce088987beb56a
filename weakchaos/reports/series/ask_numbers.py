"""The parts of `analyse_series` that ask a series of real numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.diagnostics.recorded import autocorrelation, correlation_time, repetition, theiler_window, tie_notes
from weakchaos.diagnostics.series.correlation import correlation_sums
from weakchaos.diagnostics.series.correlation_rate import correlation_entropy
from weakchaos.diagnostics.series.dimension import correlation_dimension
from weakchaos.diagnostics.series.divergence import lyapunov_from_series
from weakchaos.diagnostics.series.embedding import embedding_delay, embedding_dimension
from weakchaos.diagnostics.series.fluctuation import detrended_fluctuation, hurst_exponent
from weakchaos.diagnostics.series.near_periods import near_periods, spectral_periods
from weakchaos.diagnostics.series.ordinal import permutation_entropy
from weakchaos.diagnostics.series.recurrence_lines import recurrence_quantification
from weakchaos.diagnostics.series.template_entropy import sample_entropy
from weakchaos.diagnostics.series.zero_one import zero_one_test
from weakchaos.reports.series.evidence import Evidence
from weakchaos.reports.series.measured import MeasuredNumbers
from weakchaos.reports.series.null_tests import against_surrogates

__all__ = ["analyse_numbers"]

# Lengths up to which a part sees the whole series: recurrence costs n^2, close returns 500 n for each surrogate.
_RECURRENT, _RETURNING = 30_000, 20_000
_FLUCTUATING = 200
_SMALL = 1e-90


def analyse_numbers(
    x: np.ndarray, dt: float, unit: str, kind: str, seed: int, surrogates: int, say: Callable[[str], None]
) -> Evidence[MeasuredNumbers]:
    """What the diagnostics say of a series of numbers, part by part."""
    warnings = list(tie_notes(x))
    size = float(np.abs(x).max())
    if not _SMALL < size < 1 / _SMALL:
        # By a power of two, which changes no digit: squares of such numbers leave the range of floating point.
        x = np.ldexp(x, -math.frexp(size)[1])
        warnings.append(
            f"all numbers were divided by 2**{math.frexp(size)[1]}, which changes only the rows in the units of the series itself"
        )
    e = Evidence(MeasuredNumbers(x, seed, surrogates, warnings=warnings, dt=dt, unit=unit, kind_asked=kind))
    parts: list[tuple[str, Callable[..., None]]] = [
        ("correlation and drift", _correlation),
        ("embedding", _embedding),
        ("Lyapunov exponents", _exponents),
        ("dimension", _dimension),
        ("patterns", _patterns),
        ("recurrence", _recurrence),
        ("fluctuations", _fluctuations),
        ("periods", _periods),
        ("surrogates", against_surrogates),
    ]
    for name, function in parts:
        say(name)
        e.part = name
        function(e, x, dt, unit)
    return e


def _halves(batches: np.ndarray) -> tuple[float, float]:
    """Difference of the means of two halves of batch means, and its two-sided p-value by Student's t."""
    from scipy.special import stdtr

    first, second = np.array_split(batches, 2)
    freedom = batches.size - 2
    square = ((first - first.mean()) ** 2).sum() + ((second - second.mean()) ** 2).sum()
    error = math.sqrt(square / freedom * (1 / first.size + 1 / second.size))
    change = float(second.mean() - first.mean())
    if error <= 1e-12 * np.abs(batches).max():
        return change, 1.0 if abs(change) <= 1e-9 * np.abs(batches).max() else 0.0
    return change, float(2 * stdtr(freedom, -abs(change) / error))


def _correlation(e: Evidence[MeasuredNumbers], x: np.ndarray, dt: float, unit: str) -> None:
    r, n = e.results, x.size
    time = correlation_time(x)
    r.acf = autocorrelation(x, min(n // 2, max(20 * time, 100)))
    r.correlation_time = time
    e.add("autocorrelation time", time * dt, unit)
    # Batches that are several correlation times long are nearly independent of one another.
    length = max(round(math.sqrt(n)), 5 * time)
    notes: list[str] = []
    r.drift_p = None
    if n // length < 8:
        notes.append("the series stays correlated over so much of its length that drift cannot be told from slow motion")
        e.add("drift of the mean", None, "sd", notes=notes)
        r.drifting = time > n / 30
        return
    batches = x[: n - n % length].reshape(-1, length)
    change, p = _halves(batches.mean(1))
    e.add("drift of the mean", change / x.std(), "sd", p_value=p, null="both halves have the same mean")
    half = np.array_split(batches, 2)
    squares = np.concatenate([((h - h.mean()) ** 2).mean(1) for h in half])
    _, q = _halves(squares)
    first, second = (float(h.var()) for h in half)
    ratio = math.log(second / first) if min(first, second) > 0 else math.inf
    r.variance_ratio = ratio
    notes = [] if math.isfinite(ratio) else ["one half does not vary"]
    e.add("change of the variance", ratio, "log ratio", p_value=q, null="both halves have the same variance", notes=notes)
    r.drift_p = min(1.0, 2 * min(p, q))
    r.drifting = time > n / 30


def _embedding(e: Evidence[MeasuredNumbers], x: np.ndarray, dt: float, unit: str) -> None:
    r = e.results
    found = embedding_delay(x)
    method = str(found.parameters["method"])
    asked = r.kind_asked
    r.kind = asked if asked in ("map", "flow") else "map" if method == "map" else "flow"
    r.delay = 1 if r.kind == "map" else int(found.value)
    e.add("delay", r.delay * dt, unit, notes=found.warnings)
    r.information = found.curve
    r.theiler = theiler_window(x)
    e.add("Theiler window", r.theiler * dt, unit)
    dimension = e.attempt("embedding dimension", embedding_dimension, x, r.delay, r.theiler)
    r.dim = 3 if dimension is None else int(dimension.value)
    if dimension is not None:
        r.cao = dimension
        e.add("embedding dimension", r.dim, "Cao", notes=dimension.warnings)


def _exponents(e: Evidence[MeasuredNumbers], x: np.ndarray, dt: float, unit: str) -> None:
    r = e.results
    for method in ("rosenstein", "kantz"):
        name = f"largest exponent, {method.capitalize()}"
        found = e.attempt(
            name,
            lyapunov_from_series,
            x,
            dt,
            method,
            r.dim,
            r.delay,
            r.theiler,
            seed=r.seed,
        )
        if method == "rosenstein":
            r.rosenstein = found
        else:
            r.kantz = found
        if found is not None:
            e.add(name, found.value, f"nats/{unit}", stderr=found.stderr, interval=found.interval, notes=found.warnings)
    stride = 1 if r.kind == "map" else None
    zero_one = e.attempt("0-1 test", zero_one_test, x, stride=stride)
    r.zero_one = zero_one
    if zero_one is not None:
        e.add("0-1 test", zero_one.value, "0 regular, 1 not", stderr=zero_one.stderr, notes=zero_one.warnings)


def _fitting(n: int, delay: int, most: int) -> int:
    """The most dimensions whose delay vectors leave half of the series."""
    return max(3, min(most, 1 + (n // 2) // delay))


def _dimension(e: Evidence[MeasuredNumbers], x: np.ndarray, dt: float, unit: str) -> None:
    r = e.results
    delay, theiler = r.delay, r.theiler
    top = _fitting(x.size, delay, 10)
    found = e.attempt("correlation dimension", correlation_dimension, x, None, delay, theiler, top)
    r.dimension = found
    if found is not None:
        r.sums = correlation_sums(x, found.by_dimension.size, delay, theiler, 10**7)
        e.add(
            "correlation dimension",
            found.value,
            f"in {found.parameters['dim']} dimensions",
            stderr=found.stderr,
            notes=found.warnings,
        )
    deep = max(4, _fitting(x.size, delay, 20))
    entropy = e.attempt("correlation entropy K2", correlation_entropy, x, dt, delay, theiler, deep)
    r.k2 = entropy
    if entropy is not None:
        e.add("correlation entropy K2", entropy.value, f"nats/{unit}", stderr=entropy.stderr, notes=entropy.warnings)
    whole = (x.size - theiler) * (x.size - theiler - 1) / 2
    if whole > 1.05e8:
        r.warnings.append(
            f"correlation dimension and K2 use only every {math.ceil(whole / 1e8)}th point as a reference point, about 1e8 pairs"
        )


def _patterns(e: Evidence[MeasuredNumbers], x: np.ndarray, dt: float, unit: str) -> None:
    r = e.results
    order = next((m for m in (6, 5, 4) if 5 * math.factorial(m) <= x.size // 5), 3)
    delay = r.delay
    span = f", order {order}" + (f", delay {delay}" if delay > 1 else "")
    for weighted in (False, True):
        name = ("weighted " if weighted else "") + "permutation entropy"
        found = e.attempt(name, permutation_entropy, x, order, delay, weighted=weighted)
        if found is None:
            continue
        e.add(name, found.normalized, "of ln order!" + span, stderr=None if found.stderr is None else found.stderr / math.log(math.factorial(order)), notes=found.warnings)  # fmt: skip
        if not weighted:
            r.ordinal = found
            e.add(
                "missing patterns",
                found.missing,
                f"of {math.factorial(order)}",
                notes=[f"if all patterns were independent and equally likely, {found.expected_missing:.2g} would be missing"],
            )
    sampled = e.attempt("sample entropy", sample_entropy, x)
    if sampled is not None:
        r.sample_entropy = sampled
        e.add("sample entropy", sampled.value, "nats, m = 2, r = 0.2 sd", stderr=sampled.stderr, notes=sampled.warnings)


def _recurrence(e: Evidence[MeasuredNumbers], x: np.ndarray, dt: float, unit: str) -> None:
    r = e.results
    part = x[:_RECURRENT]
    if part.size < x.size:
        r.warnings.append(f"the recurrence measures use the first {part.size:,} of {x.size:,} numbers")
    found = e.attempt("recurrence rate", recurrence_quantification, part, dim=r.dim, delay=r.delay)
    r.recurrence = found
    if found is None:
        return
    row = found.rows()[0]
    e.add("recurrence rate", row["rate"], f"radius {row['radius']:.3g}")
    e.add("determinism", row["determinism"], "of recurrences on diagonals", notes=found.warnings)
    e.add("laminarity", row["laminarity"], "of recurrences on verticals")
    e.add("longest diagonal", row["longest_diagonal"] * dt, unit)
    e.add("entropy of diagonals", row["diagonal_entropy"], "nats")


def _fluctuations(e: Evidence[MeasuredNumbers], x: np.ndarray, dt: float, unit: str) -> None:
    if x.size < _FLUCTUATING:
        e.add(
            "DFA alpha",
            None,
            notes=[f"not measured: {x.size} numbers give fewer than four window lengths; {_FLUCTUATING} numbers are needed"],
        )
        return
    for name, function in (("DFA alpha", detrended_fluctuation), ("Hurst exponent", hurst_exponent)):
        found = e.attempt(name, function, x)
        if function is hurst_exponent:
            e.results.hurst = found
        else:
            e.results.dfa = found
        if found is not None:
            scales = f"scales {found.fit_range[0]:.0f} to {found.fit_range[1]:.0f}"
            e.add(name, found.value, scales, stderr=found.stderr, notes=found.warnings)


def _periods(e: Evidence[MeasuredNumbers], x: np.ndarray, dt: float, unit: str) -> None:
    r = e.results
    repeated = repetition(x, 1e-9 * float(np.ptp(x)))
    r.repetition = repeated
    if repeated is None:
        e.add("exact period", None, unit, notes=[f"the second half does not repeat itself after any lag up to {x.size // 8:,}"])
    else:
        e.add("exact period", repeated[1] * dt, unit, notes=[f"after a transient of {repeated[0]:,}, within 1e-9 of the range"])
    null = "an autoregression of first order"
    found = e.attempt("spectral period", spectral_periods, x, seed=r.seed, surrogates=r.surrogates)
    r.spectrum = found
    if found is not None:
        _list_periods(e, "spectral period", found, dt, unit, null)
    part = x[:_RETURNING]
    if part.size < x.size:
        r.warnings.append(f"the search for near periods uses the first {part.size:,} of {x.size:,} numbers")
    near = e.attempt("near period", near_periods, part, max_period=min(part.size // 3, 500), seed=r.seed, surrogates=r.surrogates)
    r.near = near
    if near is not None:
        one = np.flatnonzero(near.periods == near.value)
        notes = (
            [f"after this lag {100 * near.strengths[one[0]]:.3g} % of all numbers return to within 0.1 sd"]
            if one.size
            else near.warnings
        )
        p = float(near.p_values[one[0]]) if one.size else None
        e.add("near period", near.value * dt if one.size else None, unit, p_value=p, null=null, notes=notes)


def _list_periods(e: Evidence[MeasuredNumbers], name: str, found: Any, dt: float, unit: str, null: str) -> None:
    if not found.periods.size:
        e.add(name, None, unit, notes=found.warnings)
    n = found.parameters["n"]
    for k in range(min(3, found.periods.size)):
        more = f", the strongest of {found.periods.size} peaks" if k == 0 and found.periods.size > 1 else ""
        e.add(
            name if k == 0 else f"{name} {k + 1}",
            found.periods[k] * dt,
            unit,
            stderr=found.periods[k] ** 2 / (2 * n) * dt,
            p_value=float(found.p_values[k]),
            null=null,
            notes=[f"{100 * found.strengths[k]:.3g} % of the variance{more}"],
        )
