"""What a comparison shows, in a few sentences that are made from its numbers and claim no more than they hold.

The first ones say who converges how: the most accurate run that passed every check against the plain random one, at equal draws. Then follows how chaos
goes with it, and at the end which runs are not to be trusted and why.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.herding import Herding
from weakchaos.reports.compare.columns import cell, finite, period_words, slope_words
from weakchaos.reports.compare.row_flags import is_trusted, lacks_draws, phrases

__all__ = ["sentences"]

_RANDOM = ("pcg64", "pcg64dxsm", "mt19937", "philox", "sfc64")


def sentences(report: Any) -> str:
    """What the numbers of a report show.

    Parameters
    ----------
    report : weakchaos.Report

    Returns
    -------
    str
        Two to six sentences.
    """
    return f"{_convergence(report)} {_chaos(report)}"


def _quoted(entrant: Any) -> str:
    return '"' + " ".join(str(entrant.name).split()) + '"'


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _runs(n: int) -> str:
    return f"{n} run{'s' * (n != 1)}"


# ---- who converges how -----------------------------------------------------------------------------------------------------------------


def errors_at(entrant: Any, draws: float) -> np.ndarray | None:
    """The errors of all repeats after `draws` draws, read off between checkpoints on log-log axes; None where nothing is known."""
    t, e = np.asarray(entrant.draws, np.float64), np.atleast_2d(np.asarray(entrant.errors, np.float64))
    if t.size == 0 or e.shape[1] != t.size or not np.isfinite(e).all() or draws < t[0] or draws > t[-1]:
        return None
    exact = np.flatnonzero(t == draws)
    if exact.size:
        return e[:, exact[0]]
    logs = np.log(np.maximum(e, 1e-300))
    return np.array([math.exp(np.interp(math.log(draws), np.log(t), row)) for row in logs])


def _ranked(entrants: list[Any]) -> tuple[float | None, list[tuple[float, Any]]]:
    """Runs by their errors at the largest draw count that all of them reached."""
    usable = [e for e in entrants if finite(e.row.get("error")) is not None]
    counts = [finite(e.row.get("draws")) for e in usable]
    if not usable or None in counts:
        return None, sorted(((float(e.row["error"]), e) for e in usable), key=lambda pair: pair[0])
    common = min(float(n) for n in counts if n is not None)
    out = []
    for entrant in usable:
        at = None if float(entrant.row["draws"]) == common else errors_at(entrant, common)
        if at is not None or float(entrant.row["draws"]) == common:
            out.append((float(entrant.row["error"]) if at is None else float(np.median(at)), entrant))
    return common, sorted(out, key=lambda pair: pair[0])


def _is_random(entrant: Any) -> bool:
    return str(entrant.row.get("driver", "")).lower() in _RANDOM


def _with_slope(error: float, entrant: Any) -> str:
    slope = slope_words(entrant.row)
    return f"{cell({'error': error}, 'error')}" + (f" (slope {slope})" if slope != "-" and error > 0 else "")


def _yardstick(best: Any, others: list[tuple[float, Any]]) -> tuple[float, Any] | None:
    """The run to hold the best one against: the same sampler under a random stream, else the best random one, else the next best."""
    random = [pair for pair in others if _is_random(pair[1])]
    if _is_random(best):
        return others[0] if others else None
    same = [pair for pair in random if type(pair[1].sampler) is type(best.sampler)]
    return next(iter(same or random or others), None)


def _ratio(low: float, high: float) -> str:
    if low == high:
        return ", the same"
    if low == 0:
        return ""
    ratio = high / low
    if ratio < 1.05:
        return ", practically the same"
    return f", {_times(ratio)} times as much"


def _overlap(best: Any, other: Any, draws: float | None) -> str:
    if draws is None:
        return ""
    a, b = errors_at(best, draws), errors_at(other, draws)
    if a is None or b is None or len(a) < 2 or len(b) < 2 or np.median(b) <= 1.05 * np.median(a):
        return ""
    return " (the ranges of their repeats overlap)" if a.max() >= b.min() else ""


def _cost(best: Any, other: Any) -> str:
    """What a draw of the better run costs, where it costs much more: equal draws are then not equal work."""
    a, b = finite(best.row.get("ns_per_draw")), finite(other.row.get("ns_per_draw"))
    if a is None or b is None or b <= 0 or a < 2 * b:
        return ""
    return f", at {_times(a / b)} times the processor time a draw"


def _gift(ranked: list[tuple[float, Any]], other: Any) -> str:
    """Herding is given the moments that others have to find: that must be said, and who is best without."""
    if not isinstance(ranked[0][1].sampler, Herding) or isinstance(other.sampler, Herding):
        return ""
    error, best = next(pair for pair in ranked if not isinstance(pair[1].sampler, Herding))
    rest = "" if best is other else f"; without them, {_quoted(best)} is best with {_with_slope(error, best)}"
    return f" It is given the moments to begin with{rest}."


def _times(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}" if ratio < 1e6 else f"{ratio:.0e}"


def _convergence(report: Any) -> str:
    n = len(report.entrants)
    if n == 0:
        return f"No sampler was run on {report.target}."
    trusted = [e for e in report.entrants if is_trusted(e)]
    draws, ranked = _ranked(trusted)
    if not ranked:
        return _no_convergence(report, trusted)
    error, best = ranked[0]
    where = f"On {report.target}, by the {report.error_kind}" + (f" after {int(draws):,} draws" if draws else "")
    if n == 1:
        return f"{where}, {_quoted(best)} has an error of {_with_slope(error, best)}, with nothing to hold it against."
    yardstick = _yardstick(best, ranked[1:])
    if yardstick is None:
        only = (
            f"the only one of {_runs(n)} that passed every check"
            if len(trusted) == 1
            else "the only trusted run with an error to compare"
        )
        return f"{where}, {_quoted(best)} is {only}, with an error of {_with_slope(error, best)}.{_flagged_random(report, best, draws)}"
    other_error, other = yardstick
    if error == other_error:
        verdict = f"{_quoted(best)} and {_quoted(other)} are equally accurate among the {_runs(len(trusted))} of {n} that passed every check"
    else:
        verdict = f"{_quoted(best)} is the most accurate of the {_runs(len(trusted))} of {n} that passed every check"
    text = f"{where}, {verdict}: {_with_slope(error, best)} against {_with_slope(other_error, other)} for {_quoted(other)}"
    if error != other_error:
        text += _ratio(error, other_error) + _overlap(best, other, draws) + _cost(best, other) + "." + _gift(ranked, other)
    else:
        text += "."
    if _is_random(other):
        return text
    return text + (" The best is the plain random run." if _is_random(best) else _flagged_random(report, best, draws))


def _flagged_random(report: Any, best: Any, draws: float | None) -> str:
    """Where the plain random run stands that did not pass, so that it is no yardstick."""
    random = [e for e in report.entrants if _is_random(e) and not is_trusted(e)]
    random.sort(key=lambda e: type(e.sampler) is not type(best.sampler))
    for entrant in random:
        at = None if draws is None else errors_at(entrant, draws)
        if at is not None:
            return f" The plain random run {_quoted(entrant)}, flagged itself, is at {cell({'error': float(np.median(at))}, 'error')} after as many draws."
    return ""


def _no_convergence(report: Any, trusted: list[Any]) -> str:
    if trusted:
        return f"On {report.target}, no run that passed its checks has an error to compare."
    n = len(report.entrants)
    verdict = "the only run did not pass" if n == 1 else f"none of the {_runs(n)} passed"
    _, ranked = _ranked(report.entrants)
    if not ranked:
        return f"On {report.target}, {verdict} every check, and no error was measured."
    error, best = ranked[0]
    least = "its error" if n == 1 else f"the least error, of {_quoted(best)},"
    return f"On {report.target}, {verdict} every check, so that no convergence is shown: {least} is {_with_slope(error, best)}."


# ---- how chaos goes with it ------------------------------------------------------------------------------------------------------------


def _character(entrant: Any) -> str:
    row = entrant.row
    known = [
        f"{name} {text}"
        for name, key in (("Lyapunov exponent", "lyapunov"), ("entropy rate", "entropy_rate"))
        if (text := cell(row, key)) != "-"
    ]
    numbers = " and ".join(known) + " nats per draw" if known else "neither exponent nor entropy rate"
    return f"{numbers}, {period_words(row)}"


def _distinct(a: Any, b: Any) -> bool:
    """Whether two slopes differ by more than two standard errors; a slope without one is taken as known to a tenth."""
    errors = [0.1 if (se := finite(e.row.get("slope_se"))) is None else se for e in (a, b)]
    return abs(float(a.row["slope"]) - float(b.row["slope"])) > 2 * max(math.hypot(*errors), 0.005)


def _verdict(steep: Any, shallow: Any) -> str:
    for key, less, more in (
        ("lyapunov", "less chaos went with faster convergence", "more chaos went with faster convergence"),
        (
            "entropy_rate",
            "a less random readout went with faster convergence",
            "a more random readout went with faster convergence",
        ),
    ):
        a, b = finite(steep.row.get(key)), finite(shallow.row.get(key))
        if a is not None and b is not None and abs(a - b) > 0.01 * max(1.0, abs(a), abs(b)):
            return f"Here {less if a < b else more}"
    return "These numbers do not tell by chaos which converges faster"


def _chaos(report: Any) -> str:
    if not report.entrants:
        return "There is nothing to say of chaos or trust."
    rated = [
        e for e in report.entrants if is_trusted(e) and finite(e.row.get("slope")) is not None and finite(e.row.get("error")) != 0
    ]
    rated.sort(key=lambda e: float(e.row["slope"]))
    if len(rated) >= 2 and _distinct(rated[0], rated[-1]):
        steep, shallow = rated[0], rated[-1]
        text = (
            f"The steepest slope is that of {_quoted(steep)} ({_character(steep)}), the shallowest that of {_quoted(shallow)} "
            f"({_character(shallow)}). {_verdict(steep, shallow)}"
        )
    elif len(rated) >= 2:
        text = (
            f"The slopes of the {_runs(len(rated))} that passed do not differ beyond their errors{_span(rated, ', though their')}"
        )
    elif rated:
        text = f"{_quoted(rated[0])} itself has {_character(rated[0])}"
    else:
        text = f"No trusted run gives a slope to hold against chaos{_span(report.entrants, ';')}"
    return f"{text}. {_trust(report)}"


def _span(entrants: list[Any], lead: str) -> str:
    known = sorted(x for e in entrants if (x := finite(e.row.get("lyapunov"))) is not None)
    if len(known) < 2:
        return ""
    low, high = cell({"lyapunov": known[0]}, "lyapunov"), cell({"lyapunov": known[-1]}, "lyapunov")
    if low == high:
        return f"{lead} Lyapunov exponents are all {low} nats per draw" if lead == ";" else ""
    return f"{lead} Lyapunov exponents go from {low} to {high} nats per draw"


def _trust(report: Any) -> str:
    reasons: dict[str, list[str]] = {}
    for entrant in report.entrants:
        if not is_trusted(entrant):
            reasons.setdefault(_joined(list(phrases(entrant))), []).append(_quoted(entrant))
    short = [_quoted(entrant) for entrant in report.entrants if lacks_draws(entrant)]
    few = f" {_joined(short)} {'has' if len(short) == 1 else 'have'} too few draws for reliable errors." if short else ""
    if not reasons:
        return "No run is flagged." + few
    return "Not to be trusted: " + ", ".join(f"{_joined(names)} ({reason})" for reason, names in reasons.items()) + "." + few
