"""What the evidence of a sequence of symbols adds up to, in a few words and two sentences.

Order and memory are what symbols can show; chaos is not, since a partition of a chaotic map can give the symbols of a coin.
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
            "The second half holds the cycle at least four times, so this is seen and not inferred; a longer cycle of which it is a part cannot be excluded.",
        )
    lengths, words = r.words
    top = min(32, int(lengths[-1]))
    # Words that grow no faster than their length are what zero entropy means; as many as there are places tell nothing.
    slow = words[top - 1] <= 12 * top and words[top - 1] < 0.2 * (r.x.size - top)
    if slow and top >= 16:
        first = f"The sequence is consistent with order without a period, quasi-periodic or self-similar: it has only {int(words[top - 1])} different words of length {top}, of {r.x.size - top + 1:,} places."
        return (
            "ordered, not periodic",
            first,
            f"Its entropy rate is then zero (the estimate, {number(float(rate.value))} nats a symbol, still falls with length); a very long period would look the same.",
        )
    shuffled, markov = r.p_shuffle, r.p_markov
    level = r.level
    share = f"{number(float(rate.value))} of at most {number(even)} nats a symbol"
    open_question = "a chaotic orbit read through a partition and a random source of the same rate look alike, so the entropy does not say which it is"
    share_back = _clockwork(near, r.counts)
    if share_back is not None:
        first = f"The sequence is consistent with a cycle of {int(near.value):,} symbols with errors: it comes back there at {100 * share_back:.0f} % of all places, and as much after many cycles as after one ({p_words(float(near.p_values.min()))})."
        return "periodic with errors", first, f"Its entropy rate is {share}: {open_question}."
    if shuffled is not None and 2 / (r.surrogates + 1) > level:
        return (
            "undecided",
            f"With {r.surrogates} surrogates neither of two tests can reject at level {level:g}, whatever the sequence is.",
            f"Ask again with `surrogates={math.ceil(2 / level) - 1}` or more; the entropy rate is {share}.",
        )
    if shuffled is None:
        return (
            "undecided",
            f"The sequence has {r.size:,} different symbols, too many for its length to test anything.",
            "Merge symbols, or record longer.",
        )
    if shuffled > level:
        first = f"The sequence is consistent with independent symbols: shuffled ones share as much from one to the next and fall into as few phrases ({p_words(shuffled)})."
        return (
            "independent symbols",
            first,
            f"The entropy rate is {share}; a good random number generator, or a chaotic map with independent symbols, cannot be told from chance.",
        )
    if markov is None:
        first = f"The sequence has memory ({p_words(shuffled)} against independent symbols); its entropy rate is {share}."
        return (
            "symbols with memory",
            first,
            f"Its {r.size:,} symbols are too many for its length to tell how long the memory is, and {open_question}.",
        )
    if markov > level:
        first = f"The sequence is consistent with a Markov chain of first order: independent symbols are rejected ({p_words(shuffled)}), the chain is not ({p_words(markov)})."
        return "first-order memory", first, f"The entropy rate is {share}; {open_question}."
    first = f"The sequence has more memory than a Markov chain of first order ({p_words(markov)}); its entropy rate is {share}, and past and future share {number(float(r.excess.value))} nats or more."
    return "long memory", first, f"{open_question[0].upper()}{open_question[1:]}."
