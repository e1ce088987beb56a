"""The parts of `analyse_series` that ask a sequence of symbols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.diagnostics.recorded import repetition
from weakchaos.diagnostics.series.near_periods import markov_surrogate, near_periods
from weakchaos.diagnostics.standard_errors import rank_p_value
from weakchaos.diagnostics.symbols.complexity import lempel_ziv
from weakchaos.diagnostics.symbols.entropy import block_entropy, entropy_rate, excess_entropy
from weakchaos.diagnostics.symbols.estimators import count_entropy
from weakchaos.diagnostics.symbols.rates import context_tree_rate, match_length_rate
from weakchaos.diagnostics.symbols.renyi import topological_entropy
from weakchaos.diagnostics.symbols.repetitions import Runs, runs
from weakchaos.diagnostics.symbols.symbolic import rank_symbols
from weakchaos.diagnostics.symbols.words import word_complexity
from weakchaos.reports.series.evidence import Evidence
from weakchaos.reports.series.measured import MeasuredSymbols

__all__ = ["analyse_symbols", "least_symbols"]

_LEAST = 20
_TESTED = 20_000
_WORDS = 64
_MARKOV = "a Markov chain of first order"
_SHUFFLED = "independent symbols (shuffled)"


def least_symbols(array: np.ndarray) -> tuple[np.ndarray, int]:
    """Ranks of the symbols and their number; refused when they are too few or all the same."""
    ranks, size = rank_symbols(array, _LEAST)
    if size == 1:
        raise ArgumentError(f"`x` must vary; all {ranks.size} symbols are {str(array.flat[0])!r}")
    return ranks, size


def analyse_symbols(x: np.ndarray, size: int, seed: int, surrogates: int, say: Callable[[str], None]) -> Evidence[MeasuredSymbols]:
    """What the diagnostics say of a sequence of symbols, part by part."""
    warnings: list[str] = []
    e = Evidence(MeasuredSymbols(x, seed, surrogates, warnings=warnings, size=size))
    if 2 * size > x.size:
        warnings.append(
            f"there are {size:,} different symbols among {x.size:,}, fewer than two of each on average: the rows tell little about the sequence"
        )
    for name, function in (
        ("entropy", _entropy), ("entropy rate", _rates), ("complexity", _complexity), ("periods", _periods), ("repetitions", _runs),
        ("surrogates", _surrogates),
    ):  # fmt: skip
        say(name)
        e.part = name
        function(e, x, size)
    return e


def _entropy(e: Evidence[MeasuredSymbols], x: np.ndarray, size: int) -> None:
    counts = np.bincount(x, minlength=size)
    e.results.counts = counts
    e.add("symbols", size, "different")
    for estimator in ("plug-in", "grassberger", "chao-shen", "nsb"):
        name = "entropy, " + {"plug-in": "plug-in", "nsb": "NSB"}.get(
            estimator, "-".join(w.capitalize() for w in estimator.split("-"))
        )
        found = e.attempt(name, count_entropy, counts, estimator, size)
        if found is not None:
            e.results.entropies[estimator] = found
            e.add(name, found.value, "nats", stderr=found.stderr, notes=found.warnings)


def _rates(e: Evidence[MeasuredSymbols], x: np.ndarray, size: int) -> None:
    r = e.results
    rate = entropy_rate(x)
    length = rate.parameters["length"]
    r.rate, r.excess = rate, excess_entropy(x)
    blocks = block_entropy(x, length, estimator="grassberger")
    r.blocks = blocks
    e.add(f"block entropy, length {length}", blocks.value, "nats", stderr=blocks.stderr, notes=blocks.warnings)
    e.add(
        "entropy rate, blocks", rate.value, "nats/symbol", stderr=rate.stderr, notes=[f"words of length {length}", *rate.warnings]
    )
    tree = e.attempt("entropy rate, context tree", context_tree_rate, x)
    r.tree = tree
    if tree is not None:
        e.add("entropy rate, context tree", tree.value, "nats/symbol", stderr=tree.stderr, notes=["a code length: above the rate on average", *tree.warnings])  # fmt: skip
    match = match_length_rate(x)
    r.match = match
    e.add("entropy rate, match lengths", match.value, "nats/symbol", stderr=match.stderr, notes=match.warnings)
    e.add("excess entropy", r.excess.value, "nats", notes=[n for n in r.excess.warnings if n not in rate.warnings])


def _complexity(e: Evidence[MeasuredSymbols], x: np.ndarray, size: int) -> None:
    r = e.results
    found = lempel_ziv(x)
    r.lempel_ziv = found
    e.add("LZ76 phrases", int(found.value), "phrases", notes=found.warnings)
    e.add("LZ76, normalised", found.normalized, "1: independent, even symbols")
    lengths = np.arange(1, min(_WORDS, x.size // 2) + 1)
    r.words = (lengths, word_complexity(x, lengths))
    growth = topological_entropy(x)
    r.topological = growth
    e.add("topological entropy", growth.value, "nats/symbol", notes=[f"from the numbers of words up to length {growth.parameters['length']}", *growth.warnings])  # fmt: skip
    for n in (2, 4, 8, 16):
        if n <= lengths[-1]:
            e.add(f"words of length {n}", int(r.words[1][n - 1]), f"of {min(size**n, x.size - n + 1):,} possible")


def _periods(e: Evidence[MeasuredSymbols], x: np.ndarray, size: int) -> None:
    r = e.results
    repeated = repetition(x.astype(np.float64), 0.5)
    r.repetition = repeated
    if repeated is None:
        e.add(
            "exact period", None, "symbols", notes=[f"the second half does not repeat itself after any lag up to {x.size // 8:,}"]
        )
    else:
        e.add("exact period", repeated[1], "symbols", notes=[f"after a transient of {repeated[0]:,}"])
    part = x[:_TESTED]
    if part.size < x.size:
        r.warnings.append(
            f"the search for near periods, and the tests of repetitions and memory, use the first {part.size:,} of {x.size:,} symbols"
        )
    near = near_periods(part, seed=r.seed, surrogates=r.surrogates)
    r.near = near
    one = np.flatnonzero(near.periods == near.value)
    notes = [f"after this lag {100 * near.strengths[one[0]]:.3g} % of all symbols are the same"] if one.size else near.warnings
    e.add("near period", int(near.value) if one.size else None, "symbols", p_value=float(near.p_values[one[0]]) if one.size else None, null=_SHUFFLED, notes=notes)  # fmt: skip


def _repeated(found: Runs) -> int:
    """The most symbols that a run repeats of its own period."""
    return int((found.length - found.period).max(initial=0))


def _runs(e: Evidence[MeasuredSymbols], x: np.ndarray, size: int) -> None:
    r = e.results
    found = runs(x)
    r.runs = found
    e.add(
        "repetitions",
        len(found),
        "maximal runs",
        notes=[f"each has at least two periods; any sequence of this length has fewer than {x.size:,}"],
    )
    part = x[:_TESTED].astype(np.float64)
    rng = np.random.default_rng(r.seed)
    # A table of transitions that is emptier than this makes surrogates that repeat the sequence itself.
    tested = size**2 <= 10 * part.size
    others = [_repeated(runs(markov_surrogate(part, rng))) for _ in range(r.surrogates)] if tested else []
    # Of runs that lie on one another the one that repeats most is shown.
    order = np.argsort(found.period - found.length, kind="stable")
    shown: list[Any] = []
    for k in order[:1000]:
        run = found[int(k)]
        if all(run.end <= s.start or run.start >= s.end for s in shown):
            shown.append(run)
        if len(shown) == 3:
            break
    r.longest_runs = shown
    for k, run in enumerate(shown):
        inside = tested and run.end <= part.size
        e.add(
            "longest repetition" if k == 0 else f"repetition {k + 1}",
            run.end - run.start,
            "symbols",
            p_value=rank_p_value(run.end - run.start - run.period, others, "upper") if inside else None,
            null=_MARKOV,
            notes=[f"period {run.period:,}, {run.exponent:.3g} times, from place {run.start:,}"],
        )


def _information(x: np.ndarray, size: int, order: int) -> float:
    """Plug-in mutual information of a symbol and the one `order` before it, given those between, from words of order + 1 symbols."""
    codes, sizes = [np.zeros(x.size - order, np.int64)], []
    for k in range(order + 1):
        codes.append(codes[-1] * size + x[k : x.size - order + k])
    middle = codes[-1] // size % size ** (order - 1)
    for part in (codes[-1], codes[-1] // size, codes[-1] % size**order, middle):
        counts = np.bincount(part)
        counts = counts[counts > 0]
        sizes.append(np.log(counts.sum()) - (counts * np.log(counts)).sum() / counts.sum())
    return float(sizes[1] + sizes[2] - sizes[0] - sizes[3])


def _surrogates(e: Evidence[MeasuredSymbols], x: np.ndarray, size: int) -> None:
    r = e.results
    rng = np.random.default_rng(r.seed + 1)
    if 2 / (r.surrogates + 1) > r.level:
        r.warnings.append(
            f"with {r.surrogates} surrogates none of the two tests can reject at their joint level of {r.level:g}; 39 surrogates suffice"
        )
    part = x[:_TESTED]
    makers: list[tuple[int, str, Callable[[], Any]]] = [
        (1, _SHUFFLED, lambda: rng.permutation(part)),
        (2, _MARKOV, lambda: markov_surrogate(part.astype(np.float64), rng).astype(np.int64)),
    ]
    for order, null, make in makers:
        name = f"information {order} back"
        if size**order > part.size / 10:
            e.add(name, None, "nats", notes=[f"not measured: {part.size:,} symbols are too few for {size}**{order} contexts"])
            continue
        made = [make() for _ in range(r.surrogates)]
        own = _information(part, size, order)
        p = rank_p_value(own, [_information(s, size, order) for s in made], "upper")
        given = "" if order == 1 else ", given the one between"
        e.add(name, own, f"nats{given}", p_value=p, null=null)
        phrases = lempel_ziv(part).value
        others = [lempel_ziv(s).value for s in made]
        q = rank_p_value(phrases, others, "lower")
        notes = [f"surrogates: {min(others):.0f} to {max(others):.0f}"]
        e.add(f"LZ76 against {'shuffled' if order == 1 else 'Markov'}", int(phrases), "phrases", p_value=q, null=null, notes=notes)
        if order == 1:
            r.p_shuffle = min(1.0, 2 * min(p, q))
        else:
            r.p_markov = min(1.0, 2 * min(p, q))
