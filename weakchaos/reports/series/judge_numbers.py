"""The verdict on a series of numbers, drawn from the measured evidence: a few words and two sentences.

No single statistic tells chaos from noise. The verdict is chaos only if three signs hold together, which noise does not show together: the
series is more predictable than surrogates of a linear stochastic process, neighbours separate exponentially at a rate whose interval
excludes zero, and the correlation sum has a finite dimension that can be estimated from a series of this length. If some of these signs are
missing and the prediction still improves with the length of the series, the verdict says that the series is too short, and does not
claim noise. The verdict is regular motion if neighbours do not separate and the 0-1 test agrees. In all other cases it names a process that
the surrogate tests do not reject.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.reports.series.measured import MeasuredNumbers

__all__ = ["judge_numbers", "number", "p_words"]

_REGULAR = 0.35  # K of the 0-1 test below which motion may be called regular
_LINE = 0.1  # share of the variance in one bin of the spectrum above which a rhythm is named
_SMOOTH = 1e-3  # of the mean square of the steps
_NARROW = 0.95  # share of the power about a peak that a line has in five bins of the spectrum
_LEARNS = 0.93  # prediction error over that from half of the numbers below which more numbers would help
_CALM = 0.1  # K of the 0-1 test below which no motion is called chaotic
_FOLD = 1.0  # nats by which distances must grow along the scaling region: less than a factor of e is no exponential growth
_TESTS = 3  # tests against IAAFT surrogates, any of which may speak against a linear process


def p_words(value: Any) -> str:
    """A p-value in a sentence."""
    return f"p = {value:.2g}"


def number(value: float) -> str:
    """A number in a sentence, with three significant digits."""
    return f"{value:.3g}"


def _exponent(r: MeasuredNumbers) -> Any:
    """The exponent whose interval excludes zero, Rosenstein's if both do; None where there is none, or where the other finds another kind of growth."""
    found = list(r.exponents.values())
    if any((f.value == 0 and not f.scaling) or f.growth in ("power", "torn") for f in found):
        return None
    positive = [f for f in found if f.scaling and f.interval is not None and f.interval[0] > 0]
    # On a strange nonchaotic attractor neighbours drift apart along the fractal, slowly and not far.
    positive = [f for f in positive if f.fit_range is not None and f.value * (f.fit_range[1] - f.fit_range[0]) >= _FOLD]
    return positive[0] if positive else None


def _still(r: MeasuredNumbers) -> bool:
    """Whether neighbours were seen not to separate."""
    return any(f.value == 0 and not f.scaling for f in r.exponents.values())


def _rhythm(r: MeasuredNumbers) -> tuple[float, float] | None:
    """Period and share of the strongest line of the spectrum, where it carries enough."""
    found = r.spectrum
    if found is None or not found.periods.size or found.strengths[0] < _LINE:
        return None
    return float(found.periods[0]) * r.dt, float(found.strengths[0])


def _is_line(r: MeasuredNumbers) -> bool:
    """Whether the strongest peak of the spectrum is as narrow as the taper makes a line: noise with a rhythm has a broader one."""
    found = r.spectrum
    if found is None:
        return False
    power, place = found.curve[1], round(found.parameters["n"] / found.periods[0]) - 1
    around = power[max(place - 8, 0) : place + 9].sum()
    return bool(power[max(place - 2, 0) : place + 3].sum() > _NARROW * around)


def _is_trend(x: np.ndarray) -> bool:
    """Whether a series goes one way throughout or its steps hardly change: the changes of the steps of a random walk are twice as strong as its steps."""
    steps = np.diff(x)
    one_way = bool((steps >= 0).all() or (steps <= 0).all())
    return one_way or float(np.mean(np.diff(steps) ** 2)) < _SMOOTH * float(np.mean(steps**2))


def _comes_back(near: Any) -> tuple[int, float] | None:
    """Lag at which a series comes back, and how often, where it does so as often after many times that lag; None otherwise."""
    if near is None:
        return None
    returns = near.curve[1]
    dips = np.flatnonzero(returns < 0.5 * (returns.max() + returns.min()))
    if not dips.size:
        return None
    # Smooth series are still near where they were at the first lags.
    p = int(np.argmax(returns[dips[0] :] >= 0.9 * returns[dips[0] :].max())) + int(dips[0]) + 1
    while p < returns.size and returns[p] > returns[p - 1]:
        p += 1
    if p < 2 or returns.size < 3 * p:
        return None
    # A period that is no whole number of steps is off by up to half a step each time.
    times = returns.size // p
    around = returns[times * p - 1 - times // 2 : times * p + times // 2]
    chance = float(returns.mean())
    once, later = returns[p - 1] - chance, around.max() - chance
    return (p, float(returns[p - 1])) if once > 0.4 * (1 - chance) and later > 0.9 * once else None


def _time(r: MeasuredNumbers, value: float) -> str:
    return f"{value:.4g} {r.unit}" + ("s" if r.unit in ("step", "day", "month", "year", "hour") and value != 1 else "")


def _caveat(r: MeasuredNumbers) -> str:
    p = r.drift_p
    if p is not None and p < 1e-3:
        return f" Mean or variance differ between the halves ({p_words(p)}), and every test here assumes a stationary series."
    return ""


def judge_numbers(r: MeasuredNumbers) -> tuple[str, tuple[str, str]]:
    """The verdict on a series of numbers, and two sentences that say why and what is left open."""
    label, first, second = _judge_numbers(r)
    caveat = _caveat(r)
    if caveat and label not in ("periodic", "at rest", "drifting noise", "drifting, undecided"):
        second = second.rstrip(".") + "; note that m" + caveat.strip()[1:]
    return label, (first, second)


def _judge_numbers(r: MeasuredNumbers) -> tuple[str, str, str]:
    exponent: Any = _exponent(r)
    dimension: Any = r.dimension
    zero_one, linear = r.zero_one, None if r.linear is None else r.linear.p_value
    predictable = linear is not None and linear <= r.level
    finite = dimension is not None and dimension.scaling and dimension.value <= 2 * math.log10(r.x.size)
    k = None if zero_one is None else float(zero_one.value)
    rhythm = _rhythm(r)

    if r.repetition is not None:
        preperiod, period = r.repetition
        after = f" after a transient of {_time(r, preperiod * r.dt)}" if preperiod else ""
        if period == 1:
            return (
                "at rest",
                f"The series comes to rest{after}.",
                "Only the transient can be analysed, so the rows describe the transient.",
            )
        second = "The second half contains the cycle at least four times, so the period is observed and not inferred; a longer cycle of which this is a part cannot be excluded."
        return (
            "periodic",
            f"The series is periodic: it repeats itself every {_time(r, period * r.dt)}{after}, within a billionth of its range.",
            second,
        )

    calm = k is not None and k < _CALM
    learns, more = False, ""
    if r.learning is not None and r.learning < _LEARNS:
        learns = True
        more = f"The prediction error is {number(r.learning)} of the error from half of the numbers and still falls with their number: the series is too short to tell more."
    if exponent is not None and predictable and finite and not calm:
        low, high = exponent.interval
        first = (
            f"The series is consistent with low-dimensional deterministic chaos: its largest Lyapunov exponent is {number(exponent.value)} "
            f"({number(low)} to {number(high)}) nats per {r.unit}, its correlation dimension converges to {number(dimension.value)}, and it is "
            f"more predictable than its linear stochastic surrogates ({p_words(linear)})."
        )
        other = [name for name, f in r.exponents.items() if not f.scaling]
        doubt = (
            f"the method of {other[0]} found no scaling region for the exponent"
            if other
            else "both methods for the exponent agree on a scaling region"
        )
        return (
            "low-dimensional chaos",
            first,
            f"{doubt[0].upper()}{doubt[1:]}; a nonlinear process with weak noise would give the same results.",
        )

    if not r.drifting and _still(r) and k is not None and k < _REGULAR:
        return _regular(r, k, rhythm)

    # One test, not the least of three; that its error is half of the usual one keeps noise out.
    if r.drifting and r.steps is not None and r.steps.p_value <= r.level and r.steps.own < 0.5 * np.median(r.steps.others):
        first = (
            f"The series drifts, and there is a nonlinear rule beside the drift: it stays correlated over {_time(r, r.correlation_time * r.dt)}, more than a "
            f"thirtieth of its length, but its steps are predicted with an error of {number(r.steps.own)} standard deviations, those of linear stochastic "
            f"surrogates with an error of {number(float(np.median(r.steps.others)))} ({p_words(r.steps.p_value)})."
        )
        return (
            "drifting, undecided",
            first,
            "Most tests here assume a stationary series, so nothing more should be concluded from the rows: remove the trend, or record a longer series.",
        )

    if r.drifting and _is_trend(r.x):
        return (
            "drifting, undecided",
            f"The series is a trend: it stays correlated over {_time(r, r.correlation_time * r.dt)}, more than a thirtieth of its length, and its steps have one sign "
            "or hardly change from each to the next.",
            "What moves beside the trend, noise or a rule, is too small to be told here: take differences, remove the trend, or record a longer series.",
        )

    if r.drifting:
        first = (
            f"The series is consistent with drifting noise, such as a random walk: it stays correlated over {_time(r, r.correlation_time * r.dt)}, "
            f"more than a thirtieth of its length, and neighbours do not separate exponentially."
        )
        return (
            "drifting noise",
            first,
            "Every test here assumes a stationary series, so no other conclusion should be drawn from the rows: take differences, remove the trend, or record a longer series.",
        )

    back = _comes_back(r.near)
    if back is not None:
        first = (
            f"The series is consistent with periodic motion of period {_time(r, back[0] * r.dt)}: after one period {100 * back[1]:.0f} % of all numbers "
            "return to within a tenth of a standard deviation, and after many periods about as many do."
        )
        return (
            "nearly periodic",
            first,
            "It does not repeat exactly: either its period is not a multiple of the sampling interval, or there is noise.",
        )

    if exponent is not None and predictable:
        first = (
            f"The series has signs of nonlinear determinism: it is more predictable than its linear stochastic surrogates ({p_words(linear)}), and neighbours "
            f"separate exponentially at {number(exponent.value)} nats per {r.unit}."
        )
        if calm:
            return (
                "nonlinear, undecided",
                first,
                f"But the 0-1 test gives {k:.2f}, a value of regular motion, so these results contradict each other.",
            )
        if learns:
            return (
                "nonlinear, too short to tell",
                first,
                f"But its correlation sum does not converge to a finite dimension. {more}".replace(
                    ". The prediction", "; the prediction"
                ),
            )
        return (
            "nonlinear, undecided",
            first,
            "But its correlation sum does not converge to a finite dimension, so there is no evidence for low-dimensional motion: a high dimension, noise, or too few numbers would have the same effect.",
        )

    if rhythm is not None and k is not None and k < _REGULAR and _is_line(r):
        first = f"The series is consistent with periodic motion of period {_time(r, rhythm[0])} with a weaker component beside it: one line of the spectrum holds at least {100 * rhythm[1]:.0f} % of the variance, and the 0-1 test gives {k:.2f}."
        return "nearly periodic", first, f"Neighbours do not separate exponentially, and {_surrogate_words(r)}."

    own, others = (1.0, 1.0) if r.linear is None else (r.linear.own, float(np.median(r.linear.others)))
    if predictable and own < 0.5 * others:
        first = (
            f"The series is consistent with a nonlinear rule: predicted from similar stretches, the next number has an error of {number(own)} "
            f"standard deviations, that of linear stochastic surrogates an error of {number(others)} ({p_words(linear)})."
        )
        if learns:
            return (
                "nonlinear rule, too short to tell",
                first,
                f"Whether the rule is chaotic stays undecided: {_missing(exponent, finite)}; t{more[1:]}",
            )
        return (
            "nonlinear rule, undecided",
            first,
            f"Whether the rule is chaotic stays undecided: {_missing(exponent, finite)}, and more numbers hardly improve the prediction; noise or a high dimension would have this effect.",
        )

    tests = {"predictable": r.linear, "asymmetric in time": r.asymmetry, "clustered in amplitude": r.clustering}
    p_values = {words: test.p_value for words, test in tests.items() if test is not None}
    against = [w for w, p in p_values.items() if _TESTS * p <= r.level]
    with_rhythm = f" with a rhythm of {_time(r, rhythm[0])}" if rhythm is not None else ""
    if linear is not None and _TESTS * linear <= r.level:
        first = (
            f"The series{with_rhythm} is more predictable than linear stochastic processes of the same spectrum ({p_words(linear)}): it follows a nonlinear rule, or it "
            "is nonlinear noise"
            + (
                ", or noise beside a strict cycle, which no such process keeps: take the mean cycle out, and analyse what is left."
                if rhythm is not None
                else "."
            )
        )
        label = "nonlinear, too short to tell" if learns else "nonlinear, undecided"
        second = f"Which of these holds stays undecided: {_missing(exponent, finite)}"
        return label, first, f"{second}; t{more[1:]}" if learns else f"{second}."
    if against:
        first = f"The series{with_rhythm} is not a linear Gaussian process: it is more {' and more '.join(against)} than its surrogates ({p_words(min(p_values.values()))})."
        second = f"But {_missing(exponent, finite)}, so there is no evidence for low-dimensional chaos; nonlinear or heteroscedastic noise is the simpler reading."
        if predictable and finite:
            second = f"Its correlation dimension converges to {number(dimension.value)}, but no exponent could be measured, so determinism with noise, chaotic or not, remains possible."
        if predictable and finite:
            return "nonlinear, undecided", first, second
        if r.p_innovations is not None and r.p_innovations > r.level:
            return (
                "noise, not Gaussian",
                first,
                f"But {_missing(exponent, finite)}, and what a linear prediction leaves over shows no dependence ({p_words(r.p_innovations)}): a linear process with "
                "innovations that are not Gaussian is the simplest reading.",
            )
        return "nonlinear noise", first, second
    if p_values and _TESTS / (r.surrogates + 1) > r.level:
        needed = math.ceil(_TESTS / r.level) - 1
        return (
            "undecided",
            f"No test rejects a linear process for the series{with_rhythm}, but with {r.surrogates} surrogates none of three tests can reject at level {r.level:g}, whatever the series is.",
            f"Repeat the analysis with `surrogates={needed}` or more; {_missing(exponent, finite)}.",
        )
    if not p_values:
        return (
            "undecided",
            f"The series{with_rhythm} is too short or too correlated for surrogate tests.",
            f"And {_missing(exponent, finite)}: nothing can be said about the dynamics behind it.",
        )
    if rhythm is not None:
        first = f"The series is consistent with noise with a rhythm of {_time(r, rhythm[0])}, which holds at least {100 * rhythm[1]:.0f} % of the variance."
        return (
            "noise with a rhythm",
            first,
            f"Linear stochastic surrogates give similar statistics (smallest p of three tests: {min(p_values.values()):.2g}), and {_missing(exponent, finite)}.",
        )
    white = r.p_serial is not None and r.p_serial > r.level
    if white and r.p_neighbours is not None and r.p_neighbours <= max(0.1 * r.level, 0.005):
        first = (
            f"The series has no serial correlation ({p_words(r.p_serial)}), and yet its neighbouring numbers are not independent ({p_words(r.p_neighbours)} against shuffled series): "
            "it is no white noise."
        )
        second = (
            "A deterministic rule with chaos too strong to be followed in so many numbers, of which one coordinate is recorded, would have this effect, and nonlinear noise would too; "
            f"{_missing(exponent, finite)}."
        )
        return "nonlinear, undecided", first, second
    if white:
        first = f"The series is consistent with independent numbers, white noise, from which nothing tells it: the tests find neither serial correlation ({p_words(r.p_serial)}) nor nonlinear structure (smallest p of three tests: {min(p_values.values()):.2g})."
    else:
        first = f"The series is consistent with linearly correlated noise: the tests find serial correlation ({p_words(r.p_serial)}) and no nonlinear structure (smallest p of three tests: {min(p_values.values()):.2g})."
    second = f"{_missing(exponent, finite)[0].upper()}{_missing(exponent, finite)[1:]}; these methods cannot tell motion of high dimension, such as that of a good random number generator, or chaos too strong for so many numbers, from noise."
    return ("white noise" if white else "correlated noise"), first, second


def _regular(r: MeasuredNumbers, k: float, rhythm: tuple[float, float] | None) -> tuple[str, str, str]:
    dimension = r.dimension
    value = float(dimension.value) if dimension is not None and dimension.scaling else None
    why = f"neighbours do not separate and the 0-1 test gives {k:.2f}"
    period = f" of period {_time(r, rhythm[0])}" if rhythm is not None else ""
    ratio = r.variance_ratio
    if abs(ratio) > math.log(10):
        way = "dies out" if ratio < 0 else "grows"
        first = f"The series is consistent with regular motion that {way}: {why}, and its variance changes {number(math.exp(abs(ratio)))}-fold between the halves."
        return "regular, not stationary", first, "Only a longer record would show the motion to which it converges."
    if value is not None and value >= 1.5:
        first = f"The series is consistent with quasi-periodic motion: {why}, and the correlation dimension converges to {number(value)}, the value of a torus rather than of a closed curve."
        return (
            "quasi-periodic",
            first,
            "Quasi-periodic motion has spectral lines at combinations of its basic frequencies; a very long period, or chaos too weak to be seen in this record, would give the same results.",
        )
    if value is not None and value >= 0.7 and r.kind == "map":
        first = f"The series is consistent with quasi-periodic motion: {why}, and the points fill a closed curve (correlation dimension {number(value)}) without repeating."
        return (
            "quasi-periodic",
            first,
            "A periodic flow whose period is not a multiple of the sampling interval gives the same points.",
        )
    if value is not None and value >= 0.7:
        first = f"The series is consistent with periodic motion{period}: {why}, and the points fill a closed curve (correlation dimension {number(value)})."
        return (
            "periodic",
            first,
            "It does not repeat exactly, because its period is not a multiple of the sampling interval; a weak second frequency would not be seen.",
        )
    first = f"The series is consistent with regular motion{period}: {why}."
    return "regular", first, "The correlation sum does not tell whether it is periodic or quasi-periodic."


def _missing(exponent: Any, finite: bool) -> str:
    parts = ([] if exponent is not None else ["neighbours do not separate exponentially"]) + (
        [] if finite else ["no finite dimension is found"]
    )
    return " and ".join(parts) or "the surrogates are as predictable as the series"


def _surrogate_words(r: MeasuredNumbers) -> str:
    if r.linear is None:
        return "surrogate tests could not be made"
    p = r.linear.p_value
    if p <= r.level:
        return f"its narrow spectral line distinguishes it from linear noise of the same spectrum ({p_words(p)})"
    return f"the surrogate test does not distinguish it from linear noise of the same spectrum ({p_words(p)})"
