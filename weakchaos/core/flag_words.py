"""The words of flags: for each kind its default severity, a word for a table, a phrase, and a sentence.

A sentence is a template with the numbers of the flag and `where`, or, if plurals or cases require it, a function of the flag. The words for networks
are in `weakchaos.core.flag_words_networks`, those for streams in `weakchaos.core.flag_words_streams`.
"""

from __future__ import annotations

import math
from typing import Any

from weakchaos.core.flag_kinds import Kind, Severity, Words
from weakchaos.core.flag_words_networks import NETWORK_WORDS
from weakchaos.core.flag_words_streams import STREAM_WORDS

__all__ = ["WORDS"]

_INVALID, _IMPRECISE, _NOTE = Severity.INVALID, Severity.IMPRECISE, Severity.NOTE

_NAMED = 12  # names in a sentence


def _joined(words: Any) -> str:
    words = list(words)
    if len(words) > _NAMED + 1:
        words = [*words[:_NAMED], f"{len(words) - _NAMED:,} others"]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _unreachable(flag: Any) -> str:
    n = flag.numbers
    who = "the given blocks, and other units one at a time," if n["blocks"] else "one unit at a time"
    shares = f" of probability {_joined(f'{p:.4g}' for p in n['probabilities'])}" if n["probabilities"] else ""
    return (
        f"a sampler that changes {who} never leaves the component it starts in: zeros in the tables over {_joined(flag.places)} split the possible "
        f"states into {'' if n['exact'] else 'at least '}{n['components']} components{shares}"
    )


def _not_ergodic(flag: Any) -> str:
    n, found = flag.numbers, []
    if n["spread"] is not None:
        found.append(
            f"the shares of joint states of units {_joined(flag.places)} differ by up to {n['spread']:.2g} between starts, a variance "
            f"{n['ratio']:.3g} times that within a run"
        )
    if n["slowest"] is not None:
        found.append(f"starts flip at {n['slowest']:.4f} to {n['fastest']:.4f} times the mean rate")
    cure = "; rates='incommensurate' keeps units from synchronising" if n["equal_rates"] else ""
    return f"the billiard is not ergodic, or mixes too slowly: after a time of {n['time']:.0f} {' and '.join(found)}{cure}"


def _cycle(flag: Any) -> str:
    n = flag.numbers
    text = f"the orbit repeats itself every {n['period']:,} draws, so that more draws add nothing"
    if n.get("error") is None:
        return text
    if flag.severity is _NOTE:
        return f"{text}, but none are needed: the averages over one period are exact to {n['error']:.1g}"
    return f"{text}: the averages over one period are wrong by up to {n['error']:.2g}"


def _low_acceptance(flag: Any) -> str:
    n = flag.numbers
    who = "in all chains" if n["chain"] is None else f"in chain {n['chain']}"
    return f"proposals were accepted with probability {n['rate']:.2g} on average {who}; use smaller steps"


def _tempering(n: Any) -> str:
    """What tempering can do where chains stay apart, by what is known of the target: ``temperature`` is "tempered", "target" or None."""
    if n.get("temperature") == "tempered":
        return "; give ParallelTempering more temperatures, a hotter one or a longer warm-up"
    if n.get("temperature") == "target":
        return "; weakchaos.samplers.ParallelTempering around this sampler carries chains across what keeps them apart"
    return ""


def _disagree(flag: Any) -> str:
    n = flag.numbers
    if not math.isfinite(n["ratio"]):
        # Their own Monte Carlo errors are 0.
        return (
            f"each chain stays at one value of {flag.where}, and not all chains at the same one: they have not reached the same distribution; start elsewhere, or use "
            "another sampler"
        )
    if n.get("spread") is not None:
        return (
            f"starts disagree by up to {n['spread']:.2g} about {flag.where}, {n['ratio']:.2g} times the variance that their own Monte Carlo errors "
            f"explain: they have not reached the same distribution{_tempering(n)}"
        )
    return (
        f"chains disagree about {flag.where} by more than their Monte Carlo error (R-hat {n['rhat']:.3g}, {n['ratio']:.2g} times the spread that the "
        f"error explains): they have not reached the same distribution; run longer, start elsewhere, or use another sampler{_tempering(n)}"
    )


def _unmixed(flag: Any) -> str:
    n = flag.numbers
    return (
        f"{flag.where} has an effective sample size of {n['ess']:.2g} in {n['draws']:,} draws (R-hat {n['rhat']:.3g}): chains have not mixed, or wander "
        f"without end because the density cannot be integrated; nothing can be said from them{_tempering(n)}"
    )


def _stein(flag: Any) -> str:
    n = flag.numbers
    unit = "standard deviations" if n["what"] == "mean" else "of the variance"
    return (
        f"the draws of {n['sampler']} are not those of the target: Stein's identity for the {n['what']} of {flag.where} fails by {n['gap']:.2g} ± "
        f"{n['error']:.2g} {unit}; use smaller steps or a sampler that is adjusted, such as NUTS or MAMS"
    )


def _scores(flag: Any) -> str:
    n = flag.numbers
    if n["outward"]:
        return (
            "the gradients point away from where the points are, on average, as they do when their sign is wrong: they must be those of the log density, "
            "not of its negative"
        )
    unit = "standard deviations" if n["what"] == "mean" else "of the variance"
    return (
        f"the gradients are not those of the density that the points were drawn from: Stein's identity for the {n['what']} of {flag.where} fails by "
        f"{n['gap']:.2g} ± {n['error']:.2g} {unit}"
    )


def _bias_unknown(flag: Any) -> str:
    n = flag.numbers
    unit = "standard deviations" if n["what"] == "mean" else "of the variance"
    known = (
        "there are too few effective draws"
        if n["error"] is None
        else f"Stein's identity has a standard error of {n['error']:.2g} {unit}"
    )
    return f"how biased {n['sampler']} is, whose steps nothing rejects, cannot be told yet for the {n['what']} of {flag.where}: {known}"


def _unadjusted(flag: Any) -> str:
    n = flag.numbers
    text = f"{n['sampler']} accepts every step, so that its averages are biased by its step size"
    if n["gap"] is not None:
        return f"{text}: where it is worst, Stein's identity fails by {n['gap']:.2g} of a standard deviation or variance"
    if n["error"] is not None:
        return f"{text}; Stein's identity finds no bias, with standard errors of up to {n['error']:.2g} of a standard deviation or variance"
    return f"{text}; how much cannot be told from so few draws"


WORDS: dict[Kind, Words] = {
    Kind.UNREACHABLE: Words(_INVALID, "unreachable", "not every state can be reached", _unreachable),
    Kind.NO_FUNCTION: Words(
        _INVALID,
        "no function",
        "the log density changes from call to call",
        "the log density gave {first:.10g} and then {second:.10g} at the same point: it draws random numbers or changes what it depends on; a random density "
        "is sampled rightly only by a sampler without gradients, and only if the noise is that of an unbiased estimate of the density itself",
    ),
    Kind.NOT_ERGODIC: Words(_INVALID, "not ergodic", "the billiard is not ergodic", _not_ergodic),
    Kind.LOCKED: Words(
        _INVALID,
        "locked",
        "the orbit keeps to a few places",
        "the orbit of {sampler} is locked: {distinct:,} different draws of {draws:,}; {cure}",
    ),
    Kind.MOVED_ON: Words(
        _NOTE,
        "moved on",
        "the orbit came back and was moved on",
        "the orbit of {sampler} came back to its own places {times:,} times, the last time after {period:,} steps, and was each time moved on along the flow "
        "by {part:.3g} of the time between draws, which leaves the target invariant; choose `speeds` whose products with `time` are irrational to avoid it",
    ),
    Kind.STUCK_WALKER: Words(
        _INVALID,
        "stuck walker",
        "a walker of an ensemble hardly moves",
        "walker {walker} of chain {chain} hardly moves: it changed in {moves:,} of {rounds:,} rounds, and every round counts the place where it stands as a draw; "
        "start the walkers elsewhere, or use another sampler",
    ),
    Kind.STUCK: Words(
        _INVALID,
        "stuck",
        "a chain hardly moves",
        "chain {chain} hardly moves: it changed at {moves:,} of {draws:,} draws; use smaller steps or another start",
    ),
    Kind.IDENTICAL: Words(
        _INVALID,
        "copies",
        "chains are copies of each other",
        "chains {first} and {second} have {share:.0%} of their draws in common, so that their agreement says nothing; start them at different places "
        "and give each a stream of its own",
    ),
    Kind.REVISITS: Words(
        _INVALID,
        "revisits",
        "a chain repeats itself",
        "chain {chain} came to the very same places, or made the very same moves, again and again, {distinct:,} different ones in {moves:,}, which no chain of "
        "a density does by chance: its orbit or its stream repeats itself",
    ),
    Kind.FROZEN: Words(
        _INVALID,
        "frozen",
        "a quantity never moved",
        "{where} was {value:g} in all {draws:,} draws of all chains, and under the target it has a standard deviation of {sd:.3g}: the chains are frozen in one "
        "sector, and every average lacks what the sectors with other values of {where} add to it, however well it looks; take moves that change {where}",
    ),
    Kind.DISAGREE: Words(_INVALID, "disagree", "starts disagree", _disagree),
    Kind.UNMIXED: Words(
        _INVALID,
        "unmixed",
        "chains have not mixed",
        _unmixed,
    ),
    Kind.REFUSED: Words(
        _INVALID,
        "refused",
        "steps are refused in a tail",
        "where {where} is {side}, steps are accepted with probability {rate:.2g}, beside {mean:.2g} everywhere: too long for that place, they hardly lead there, so "
        "all chains may miss what lies beyond, and errors are larger than they seem; use other coordinates (a non-centred hierarchy) or WALNUTS",
    ),
    Kind.CYCLE: Words(_INVALID, "cycle", "the orbit repeats itself every {period:,} draws", _cycle),
    Kind.SCORES: Words(_INVALID, "scores", "the gradients are of another density", _scores),
    Kind.STEIN: Words(_INVALID, "not the target", "the draws are of another density", _stein),
    Kind.BIASED: Words(
        _INVALID,
        "biased",
        "the average over all starts is wrong",
        "the average of {where} over all starts is wrong by {bias:.2g}, {t:.3g} of its standard errors, and does not come nearer with more draws: biased",
    ),
    Kind.PLATEAU: Words(
        _INVALID,
        "plateau",
        "the error stops falling",
        "the error stops falling at about {draws:.2g} draws: the slope over the whole range is not a rate",
    ),
    Kind.NOT_FINITE: Words(_INVALID, "not finite", "values that are not finite", "{where} has values that are not finite"),
    Kind.DIVERGENCES: Words(
        _INVALID,
        "divergences",
        "trajectories diverge",
        "{count:,} of {draws:,} draws ended in a divergence (an energy error too large to go on): regions of high curvature may be missed; use smaller "
        "steps, a higher target_accept or other coordinates",
    ),
    Kind.LOW_ACCEPTANCE: Words(_INVALID, "low acceptance", "hardly a proposal is accepted", _low_acceptance),
    Kind.WRONG_GRADIENT: Words(
        _INVALID,
        "gradient",
        "the gradient is not that of the density",
        "`grad` disagrees with finite differences of `logp`, most at coordinate {where!r}: it gave {gradient:.6g}, they give {difference:.6g}",
    ),
    Kind.BOUND_EXCEEDED: Words(
        _INVALID,
        "bound exceeded",
        "events came more often than their bound",
        "the rate of events of {where} was above the bound it was drawn under on {count:,} pieces of path, beside {events:,} events, so that some were missed and "
        "draws are not exact; a longer `warmup` finds a better bound, and NUTS needs none",
    ),
    Kind.BAD_VALUES: Words(
        _INVALID,
        "bad values",
        "the density is not defined everywhere",
        "the log density was NaN or +inf at {count:,} proposals, which were rejected; a density that is not defined somewhere must return -inf there",
    ),
    Kind.CERTIFICATE: Words(
        _INVALID,
        "certificate",
        "the argmax is not exact",
        "the certificate <w, m - phi(s)> <= 0 failed at {count:,} of {steps:,} steps: there the chosen state had a lower score <w, phi(s)> than the moments "
        "m, so it was not the argmax, or the moments cannot be matched; the weights may not stay bounded and the averages may not converge",
    ),
    Kind.CUT_LINE: Words(
        _INVALID,
        "cut line",
        "the line is cut where the density is not small",
        "DeterministicGibbs cuts off the line of {where} at a distance of six times `scale` from `location`, where the density is not small: averages "
        "are those of a truncated density; location={location:.3g} and scale={scale:.3g} would avoid this",
    ),
    **STREAM_WORDS,
    Kind.BIAS_UNKNOWN: Words(_IMPRECISE, "bias unknown", "the bias cannot be told yet", _bias_unknown),
    Kind.FEW_DRAWS: Words(
        _IMPRECISE,
        "few draws",
        "too few draws",
        "{where} has an effective sample size of {ess:.3g} in {draws:,} draws of {chains} chains; more draws are needed for reliable errors",
    ),
    Kind.FEW_CHAINS: Words(_NOTE, "one chain", "one chain only", "one chain cannot be compared with another: run at least two"),
    Kind.WIDE_TAILS: Words(
        _NOTE,
        "wide tails",
        "averages of heavy tails",
        "a few draws make up most of the variance of {where}: its average has no reliable standard error and was not compared with the truth",
    ),
    Kind.HEAVY_TAILS: Words(
        _IMPRECISE,
        "heavy tails",
        "tails of which few draws decide",
        "as far as these draws reach, the tails of {where} are so heavy (index {index:.2g}; a power law has no variance above 0.5, and no mean above 1) that a few draws decide its mean and "
        "standard deviation, whose errors are not to be relied on; report medians and quantiles ({count:,} of {coordinates:,} coordinates have such tails)",
    ),
    Kind.FAR_PROXY: Words(
        _NOTE,
        "far proxy",
        "the proxy density is far from the target",
        "the log density of the proxy less that of the target varies by up to {range:.3g} between points, so that few points decide; take a proxy nearer "
        "to the target, or cap the range by `most_ratio`",
    ),
    Kind.UNTUNED: Words(
        _NOTE,
        "untuned",
        "the step size was not tuned",
        "{sampler} ran without warm-up in {count:,} of {chains} chains, so its step size there, {step_size:.3g} in the first, is a guess; "
        "pass `warmup`, 1000 for example, to tune it, or {sampler}(step_size=...)",
    ),
    Kind.UNSETTLED: Words(
        _NOTE,
        "unsettled",
        "warm-up ended before it had settled",
        "the values that warm-up tunes had not settled after {steps:,} steps in {count:,} of {chains} chains, so that "
        "these chains may explore the target slowly; pass a longer `warmup`, or write the model in coordinates in which its scales vary less from place to place",
    ),
    Kind.LEFT_BEHIND: Words(
        _NOTE,
        "left behind",
        "chains were brought along in warm-up",
        "warm-up moved {count:,} of {chains} chains to where the others were, from regions whose mass, by their log densities and widths, was less than a millionth of "
        "theirs; if such a region is known to matter, compare the modes by ParallelTempering",
    ),
    Kind.ROUND_TRIPS: Words(
        _IMPRECISE,
        "round trips",
        "no replica made a round trip",
        "of {chains} chains {without} made no round trip: no replica went from the target to the hottest temperature and back in {draws:,} draws, so that hot replicas told "
        "the target nothing; run longer, or take other temperatures",
    ),
    Kind.SWAPS: Words(
        _IMPRECISE,
        "swaps",
        "two temperatures hardly exchange replicas",
        "temperatures {hot} and {cold} of {temperatures}, counted from the hottest, exchange replicas with probability {rate:.2g}: take more temperatures, "
        "twice the barrier that weakchaos.diagnostics.tempering(trace) reports, and one",
    ),
    Kind.LADDER: Words(
        _NOTE,
        "ladder",
        "the temperatures were not tuned",
        "the temperatures are not tuned in {chains} chains, as there was no warm-up: they are the first guess that every warm-up begins with; pass `warmup`, 1000 for example, or `betas`",
    ),
    Kind.UNADJUSTED: Words(_NOTE, "unadjusted", "every step is accepted", _unadjusted),
    Kind.NO_MAP: Words(
        _NOTE,
        "no map",
        "no map was learned",
        "in {count:,} of {chains} chains no coordinate was explained by terms of others, so that draws are those of the inner sampler in the "
        "coordinates of the target",
    ),
    Kind.NO_GRADIENT: Words(
        _NOTE,
        "no gradient",
        "differences take the place of a gradient",
        "no gradient was given: central differences take its place, {evaluations:,} evaluations each; pass `grad` for speed",
    ),
    Kind.MISSING_MARKS: Words(
        _NOTE,
        "missing values",
        "marks of missing data",
        "{count:,} of {size:,} numbers are {value:.10g}, at a distance from the others of {away:.2g} times their range: is this a mark of missing data?",
    ),
    **NETWORK_WORDS,
}
