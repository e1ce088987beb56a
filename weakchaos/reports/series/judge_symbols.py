"""The verdict on a sequence of symbols, drawn from the measured evidence: a few words and two sentences.

Symbols can show order and memory, but not chaos, since a partition of a chaotic map can give the same symbols as the tosses of a coin.
"""

from __future__ import annotations

import math
from typing import Any

from weakchaos.reports.series.judge_numbers import number, p_words
from weakchaos.reports.series.measured import MeasuredSymbols

__all__ = ["judge_symbols"]


def judge_symbols(r: MeasuredSymbols) -> tuple[str, tuple[str, str]]:
    """The verdict on a sequence of symbols, and two sentences that say why and what is left open."""
    label, first, second = _judge_symbols(r)
    return label, (first, second)


def _clockwork(near: Any, counts: Any) -> float | None:
    """How often a sequence comes back after its near period, where it does as often after many periods; None where it forgets."""
    p, returns = int(near.value), near.curve[1]
    if p < 2 or returns.size < 4 * p:
        return None
    chance = float(((counts / counts.sum()) ** 2).sum())
    once, later = returns[p - 1] - chance, returns[p * (returns.size // p) - 1] - chance
    return float(returns[p - 1]) if once > 0.25 * (1 - chance) and later > 0.9 * once else None


def _judge_symbols(r: MeasuredSymbols) -> tuple[str, str, str]:
    rate = r.tree if r.tree is not None else r.rate
    even = math.log(r.size)
    near = r.near
    if r.repetition is not None:
        preperiod, period = r.repetition
        after = f" after a transient of {preperiod:,}" if preperiod else ""
        if period == 1:
            return "at rest", f"The sequence stays at one symbol{after}.", "Only the transient can be analysed."
        first = f"The sequence is periodic: it repeats itself exactly every {period:,} symbols{after}."
        return (
            "periodic",
            first,
            "The second half contains the cycle at least four times, so the period is observed and not inferred; a longer cycle of which it is a part cannot be excluded.",
        )
    lengths, words = r.words
    top = min(32, int(lengths[-1]))
    # Words that grow no faster than their length are what zero entropy means; as many as there are places tell nothing.
    slow = words[top - 1] <= 12 * top and words[top - 1] < 0.2 * (r.x.size - top)
    if slow and top >= 16:
        first = f"The sequence is consistent with order without a period, quasi-periodic or self-similar: it has only {int(words[top - 1])} different words of length {top} at {r.x.size - top + 1:,} places."
        return (
            "ordered, not periodic",
            first,
            f"The entropy rate of such a sequence is zero (the estimate, {number(float(rate.value))} nats per symbol, still falls with the length); a very long period would give the same results.",
        )
    shuffled, markov = r.p_shuffle, r.p_markov
    level = r.level
    share = f"{number(float(rate.value))} of at most {number(even)} nats per symbol"
    open_question = "the symbols of a chaotic orbit and those of a random source of the same entropy rate look alike, so the entropy rate does not tell which of them it is"
    share_back = _clockwork(near, r.counts)
    if share_back is not None:
        first = f"The sequence is consistent with a cycle of {int(near.value):,} symbols with errors: after one cycle {100 * share_back:.0f} % of all symbols are the same, and after many cycles about as many ({p_words(float(near.p_values.min()))})."
        return "periodic with errors", first, f"Its entropy rate is {share}: {open_question}."
    if shuffled is not None and 2 / (r.surrogates + 1) > level:
        return (
            "undecided",
            f"With {r.surrogates} surrogates neither of the two tests can reject at level {level:g}, whatever the sequence is.",
            f"Repeat the analysis with `surrogates={math.ceil(2 / level) - 1}` or more; the entropy rate is {share}.",
        )
    if shuffled is None:
        return (
            "undecided",
            f"The sequence has {r.size:,} different symbols, too many for a test with a sequence of this length.",
            "Merge symbols, or record a longer sequence.",
        )
    if shuffled > level:
        first = f"The sequence is consistent with independent symbols: in shuffled sequences a symbol tells as much about the next one, and there are as few Lempel-Ziv phrases ({p_words(shuffled)})."
        return (
            "independent symbols",
            first,
            f"The entropy rate is {share}; a good random number generator, or a chaotic map with independent symbols, would give the same results as chance.",
        )
    if markov is None:
        first = f"The sequence has memory ({p_words(shuffled)} against independent symbols); its entropy rate is {share}."
        return (
            "symbols with memory",
            first,
            f"It has {r.size:,} different symbols, too many for a sequence of this length to tell how long the memory is, and {open_question}.",
        )
    if markov > level:
        first = f"The sequence is consistent with a Markov chain of first order: independent symbols are rejected ({p_words(shuffled)}), the chain is not ({p_words(markov)})."
        return "first-order memory", first, f"The entropy rate is {share}; {open_question}."
    first = f"The sequence has more memory than a Markov chain of first order ({p_words(markov)}); its entropy rate is {share}, and the mutual information of past and future is at least {number(float(r.excess.value))} nats."
    return "long memory", first, f"{open_question[0].upper()}{open_question[1:]}."
