"""Panels of an analysed sequence of symbols, one function a picture."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.figures import COLOURS, FADED, SMALL, absent
from weakchaos.reports.series.measured import MeasuredSymbols
from weakchaos.reports.series.number_panels import begin, blue_of, legend, remark

__all__ = ["SYMBOL_PANELS"]

_BLUE, _RED, _GREEN, _PURPLE = COLOURS[:4]
_NAMED = 12


def _names(r: MeasuredSymbols) -> list[str]:
    labels = [str(v) for v in (range(r.size) if r.labels is None else r.labels)]
    return [v if len(v) <= 10 else v[:8] + ".." for v in labels]


def draw_sequence(axes: Any, r: MeasuredSymbols) -> None:
    """The first symbols."""
    x = r.x[:300]
    begin(axes, f"The first {x.size} of {r.x.size:,} symbols", "place")
    axes.step(np.arange(x.size), x, where="mid", color=_BLUE, lw=0.8)
    if x.size <= 300 and r.size <= _NAMED:
        axes.set_yticks(range(r.size), _names(r), parse_math=False)
    axes.set_xlim(-1, x.size)


def draw_frequencies(axes: Any, r: MeasuredSymbols) -> None:
    """How often each symbol occurs."""
    counts = r.counts
    begin(axes, "Frequencies", "symbol" if r.size <= _NAMED else "symbols, by rank", "share")
    share = counts / counts.sum() if r.size <= _NAMED else np.sort(counts)[::-1] / counts.sum()
    axes.bar(np.arange(r.size), share, width=0.8 if r.size <= 64 else 1.0, color=_BLUE, lw=0)
    axes.axhline(1 / r.size, color=FADED, lw=1, ls=(0, (4, 3)))
    if r.size <= _NAMED:
        axes.set_xticks(range(r.size), _names(r), rotation=0 if r.size <= 6 else 45, parse_math=False)
    axes.set_ylim(0, 1.2 * share.max())
    remark(axes, f"entropy {r.entropies['grassberger'].value:.4g} of at most {math.log(r.size):.4g} nats")


def draw_rates(axes: Any, r: MeasuredSymbols) -> None:
    """Entropy rate by three estimators."""
    begin(axes, "Entropy rate", "word length L", "nats per symbol")
    lengths, rates = r.rate.curve
    axes.plot(lengths, rates, color=_BLUE, lw=1.4, marker="o", ms=4, label="H(L) - H(L - 1)")
    for found, name, colour, style in ((r.tree, "context tree", _RED, "-"), (r.match, "match lengths", _GREEN, (0, (4, 2)))):
        if found is not None:
            axes.axhline(found.value, color=colour, lw=1.4, ls=style, label=f"{name}: {found.value:.3g}")
    axes.axhline(math.log(r.size), color=FADED, lw=1, ls=(0, (1, 2)), label="even and independent")
    axes.set_ylim(0, 1.45 * math.log(r.size))
    axes.set_xlim(0.5, max(lengths[-1], 3) + 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    legend(axes, "upper right")


def draw_words(axes: Any, r: MeasuredSymbols) -> None:
    """Number of different words against their length."""
    lengths, words = r.words
    n = r.x.size
    begin(axes, "Word complexity", "word length n", "different words p(n)")
    axes.semilogy(lengths, words, color=_BLUE, lw=1.6, marker="o", ms=2.5, label="sequence")
    axes.semilogy(lengths, n - lengths + 1, color=FADED, lw=1, ls=(0, (4, 3)), label="as many as places")
    axes.semilogy(lengths, lengths + 1, color=_GREEN, lw=1, ls=(0, (4, 3)), label="n + 1: least without a period")
    full = lengths * math.log(r.size) < math.log(4 * n)
    axes.semilogy(lengths[full], float(r.size) ** lengths[full], color=_RED, lw=1, ls=(0, (1, 2)), label="all there can be")
    axes.set_ylim(0.8, 30 * n)
    legend(axes, "upper right")


def draw_returns(axes: Any, r: MeasuredSymbols) -> None:
    """How often a symbol is the same after each lag."""
    begin(axes, "Returns", "lag", "share of equal symbols")
    found = r.near
    lags, share = found.curve
    axes.plot(lags, share, color=_BLUE, lw=0.9)
    if found.threshold.size:
        axes.plot(lags, found.threshold, color=_RED, lw=1.1, label="5 % of all surrogates exceed this once")
        legend(axes, "upper right")
    top = max(share.max(), found.threshold.max(initial=0))
    axes.set_ylim(max(0, share.min() - 0.1 * (top - share.min())), top + 0.3 * max(top - share.min(), 0.02))
    if found.value:
        axes.axvline(found.value, color=_GREEN, lw=1.2, ls=(0, (4, 3)), zorder=1)
        remark(axes, f"near period {found.value:.0f}", "lower right")


def draw_repetitions(axes: Any, r: MeasuredSymbols) -> None:
    """Places and periods of the repetitions."""
    begin(axes, "Repetitions", "place", "period")
    found = r.runs
    if not len(found):
        absent(axes, "no stretch repeats")
        return
    chosen = np.argsort(found.period - found.length, kind="stable")[:400]
    axes.hlines(found.period[chosen], found.start[chosen], found.end[chosen], color=_BLUE, lw=1.6, alpha=0.7)
    for k, run in enumerate(r.longest_runs):
        axes.hlines(run.period, run.start, run.end, color=_RED, lw=2.6, label=None if k else "those of the table")
    axes.set_yscale("log")
    axes.set_xlim(0, found.n)
    # Room for the words above the longest period and below the shortest.
    low, high = float(found.period.min()), float(found.period.max())
    room = max(high / low, 2.0) ** 0.25
    axes.set_ylim(low / room, high * room)
    remark(axes, f"{min(len(found), 400)} of {len(found):,}, those that repeat most", "lower right")
    legend(axes, "upper right")


def draw_equal(axes: Any, r: MeasuredSymbols) -> None:
    """Recurrence plot of words of three symbols."""
    x = r.x[:402]
    begin(axes, "Recurrence plot, words of 3", "place", "place")
    if x.size < 10:
        absent(axes, "fewer than ten symbols")
        return
    words = x[:-2] * r.size**2 + x[1:-1] * r.size + x[2:]
    image = blue_of((words[:, None] == words[None]).astype(np.float64))
    axes.imshow(image, origin="lower", extent=(0, words.size, 0, words.size), aspect="auto", interpolation="nearest")
    axes.grid(False)


def draw_transitions(axes: Any, r: MeasuredSymbols) -> None:
    """How often each symbol follows each other symbol."""
    size = r.size
    begin(axes, "Transitions", "next symbol", "symbol")
    if size > 40:
        absent(axes, f"{size:,} symbols: too many to show")
        return
    counts = np.zeros((size, size))
    np.add.at(counts, (r.x[:-1], r.x[1:]), 1)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(blue_of(share), aspect="auto", interpolation="nearest")
    axes.grid(False)
    if size <= 6:
        for i in range(size):
            for j in range(size):
                colour = "#ffffff" if share[i, j] > 0.55 else COLOURS[-1]
                axes.text(j, i, f"{share[i, j]:.2f}", ha="center", va="center", fontsize=SMALL, color=colour)
    if size <= _NAMED:
        axes.set_xticks(range(size), _names(r), rotation=0 if size <= 6 else 45, parse_math=False)
        axes.set_yticks(range(size), _names(r), parse_math=False)


SYMBOL_PANELS = (
    ("sequence", True, draw_sequence, "The first symbols against their place"),
    ("frequencies", False, draw_frequencies, "Frequencies of the symbols"),
    ("rates", False, draw_rates, "Entropy rate by three estimators"),
    ("words", False, draw_words, "Number of different words against their length"),
    ("returns", False, draw_returns, "Share of equal symbols against lag"),
    ("repetitions", False, draw_repetitions, "Periods of repetitions against place"),
    ("recurrence", False, draw_equal, "Recurrence plot of words of three symbols"),
    ("transitions", False, draw_transitions, "Matrix of transition frequencies"),
)
