"""Verdicts that follow from numbers: estimates with intervals, the regions that a claim requires, and the verdict that follows from both.

A claim is a conjunction of parts; each part is an estimate and the region in which the claim requires it to lie. A part *holds* if its whole
interval lies in the region, and it is *excluded* if the whole interval lies outside. Since all parts must hold for the claim to be supported,
each is tested at the plain level (an intersection-union test, Berger, Technometrics 24 (1982) 295). Since one excluded part contradicts the claim,
the intervals are widened for the number of parts when exclusion is tested (Bonferroni). If a run is too short to decide a part, the part states
what is lacking and stays open whatever its number is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.stats import t as student

__all__ = ["Conclusion", "Estimate", "Outcome", "Part", "Verdict", "lacking"]

_LEVEL = 0.95


class Verdict(StrEnum):
    """What the numbers of a run say about a claim.

    ``SUPPORTED``: every part holds. ``CONTRADICTED``: at least one part is excluded. ``NOT_SUPPORTED``: no part is excluded, the run was large
    enough to decide every part, and at least one value lies outside of its region. ``UNDECIDED``: anything else.
    """

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"


class Outcome(StrEnum):
    """What one estimate says about one part of a claim."""

    HOLDS = "holds"
    EXCLUDED = "excluded"
    AGAINST = "value against, interval open"
    OPEN = "open"


@dataclass(frozen=True)
class Estimate:
    """A value with its uncertainty.

    Attributes
    ----------
    value : float
        NaN if nothing was measured.
    stderr : float
        Standard error of the value, or of its logarithm if `log`; NaN if there is a single value only, which does not show its scatter.
    freedom : float
        Degrees of freedom of the standard error; infinity for numbers that were counted and not estimated.
    count : int
    over : str
        The repetitions over which the interval is taken, in the plural: seeds, models, splits.
    log : bool
        Whether the interval is symmetric in the logarithm, as for ratios.

    Examples
    --------
    >>> gain = Estimate.mean([1.0, 2.0, 3.0], "splits")
    >>> gain.value, [round(end, 2) for end in gain.interval()]
    (2.0, [-0.48, 4.48])
    """

    value: float
    stderr: float
    freedom: float
    count: int = 1
    over: str = ""
    log: bool = False

    @classmethod
    def mean(cls, values: Any, over: str, shared: float = 0.0) -> Estimate:
        """The mean of independent values.

        If the values come from splits of one data set, the training sets overlap, and ``shared`` is the ratio of test to training cases: the
        variance of the mean is then ``(1 / n + shared)`` times that of one value (Nadeau and Bengio, Machine Learning 52 (2003) 239).
        """
        x = np.asarray(values, float).ravel()
        if x.size < 2 or not np.isfinite(x).all():
            return cls(float(x.mean()) if x.size else math.nan, math.nan, 0.0, x.size, over)
        return cls(float(x.mean()), float(x.std(ddof=1) * math.sqrt(1.0 / x.size + shared)), x.size - 1.0, x.size, over)

    @classmethod
    def ratio(cls, values: Any, over: str) -> Estimate:
        """The geometric mean of independent positive values."""
        x = np.asarray(values, float).ravel()
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = cls.mean(np.log(x), over)
        return cls(float(np.exp(logs.value)), logs.stderr, logs.freedom, x.size, over, True)

    @classmethod
    def counted(cls, value: float, count: int = 1, over: str = "") -> Estimate:
        """A number that was counted or computed exactly, or the extreme of `count` such numbers; its interval is the value itself."""
        return cls(float(value), 0.0, math.inf, count, over)

    @property
    def decides(self) -> bool:
        """Whether there is a value and an interval around it."""
        return math.isfinite(self.value) and math.isfinite(self.stderr)

    def interval(self, level: float = _LEVEL) -> tuple[float, float]:
        """The ends of Student's interval; NaN if there is none."""
        if not self.decides:
            return math.nan, math.nan
        half = float(student.ppf(0.5 + level / 2, self.freedom)) * self.stderr if self.stderr else 0.0
        if self.log:
            return self.value * math.exp(-half), self.value * math.exp(min(half, 700.0))
        return self.value - half, self.value + half


@dataclass(frozen=True)
class Part:
    """One number, and the region in which the claim requires it to lie; a number without bounds is reported and decides nothing.

    Attributes
    ----------
    quantity : str
        A noun phrase with its unit.
    estimate : Estimate
    least, most : float, optional
        Bounds that may be reached.
    above, below : float, optional
        Bounds that may not be reached.
    lacks : str
        What this run lacks to decide the part, in the words of `lacking`; empty if it lacks nothing.
    """

    quantity: str
    estimate: Estimate
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    lacks: str = ""

    @property
    def asked(self) -> str:
        """The region as text; empty where nothing is asked."""
        bounds = (("more than", self.above), ("at least", self.least), ("less than", self.below), ("at most", self.most))
        return " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)

    def _inside(self, low: float, high: float) -> bool:
        lower = (self.least is None or low >= self.least) and (self.above is None or low > self.above)
        return lower and (self.most is None or high <= self.most) and (self.below is None or high < self.below)

    def _outside(self, low: float, high: float) -> bool:
        under = (self.least is not None and high < self.least) or (self.above is not None and high <= self.above)
        return under or (self.most is not None and low > self.most) or (self.below is not None and low >= self.below)

    def outcome(self, parts: int = 1) -> Outcome | None:
        """What the estimate says, as one of so many parts; None where nothing is asked."""
        if not self.asked:
            return None
        if self.lacks or not self.estimate.decides:
            return Outcome.OPEN
        if self._inside(*self.estimate.interval()):
            return Outcome.HOLDS
        if self._outside(*self.estimate.interval(1.0 - (1.0 - _LEVEL) / parts)):
            return Outcome.EXCLUDED
        return Outcome.OPEN if self._inside(self.estimate.value, self.estimate.value) else Outcome.AGAINST


def lacking(what: str, had: float, wanted: float) -> str:
    """What a run lacks, as text; empty where it has enough.

    Examples
    --------
    >>> lacking("sweeps", 1e5, 1e7), lacking("sweeps", 1e7, 1e7)
    ('1e+07 sweeps are needed and this run had 100000', '')
    """
    return "" if had >= wanted else f"{wanted:g} {what} are needed and this run had {had:g}"


_MEANINGS = {
    Outcome.HOLDS: "it holds",
    Outcome.EXCLUDED: "it is excluded",
    Outcome.AGAINST: "the value lies outside of this region, but its interval does not exclude it",
    Outcome.OPEN: "the interval does not decide it",
}


@dataclass(frozen=True)
class Conclusion:
    """A claim, its source, and the numbers that speak for it or against it.

    Attributes
    ----------
    claim, source : str
    parts : tuple of Part

    Examples
    --------
    >>> gain = Part("gain, points", Estimate.mean([2.0, 2.1, 1.9, 2.2], "splits"), above=0)
    >>> print(Conclusion("B errs less than A.", "nobody (2000)", (gain,)).verdict)
    supported
    """

    claim: str
    source: str
    parts: tuple[Part, ...]

    @property
    def asked(self) -> tuple[Part, ...]:
        """The parts for which the claim requires a region."""
        return tuple(p for p in self.parts if p.asked)

    @property
    def verdict(self) -> Verdict:
        """The verdict that follows from all parts together."""
        outcomes = [p.outcome(len(self.asked)) for p in self.asked]
        if Outcome.EXCLUDED in outcomes:
            return Verdict.CONTRADICTED
        if outcomes and set(outcomes) == {Outcome.HOLDS}:
            return Verdict.SUPPORTED
        if Outcome.AGAINST in outcomes and not any(p.lacks for p in self.asked):
            return Verdict.NOT_SUPPORTED
        return Verdict.UNDECIDED

    def numbers(self) -> list[dict[str, Any]]:
        """One row for each number: value, 95 % interval, the repetitions, the region that the claim requires, and the outcome."""
        rows = []
        for part in self.parts:
            e, outcome = part.estimate, part.outcome(len(self.asked))
            low, high = e.interval()
            rows.append(
                {
                    "quantity": part.quantity,
                    "value": e.value if math.isfinite(e.value) else None,
                    "low": low if e.decides else None,
                    "high": high if e.decides else None,
                    "over": _over(e) or None,
                    "asked": part.asked or None,
                    "outcome": None if outcome is None else str(outcome),
                    "lacks": part.lacks or None,
                }
            )
        return rows

    def sentences(self) -> tuple[str, ...]:
        """The numbers in sentences, beginning with those that decide, and the verdict."""
        said = [_sentence(p, len(self.asked)) for p in sorted(self.parts, key=lambda p: not p.asked)]
        outcomes = [p.outcome(len(self.asked)) for p in self.asked]
        tally = ", ".join(f"{outcomes.count(o)} {word}" for o, word in _TALLY.items() if o in outcomes)
        return (*said, f"Parts of the claim: {tally or 'none'}. By this run the claim is {self.verdict}.")


_TALLY = {
    Outcome.HOLDS: "holding",
    Outcome.EXCLUDED: "excluded",
    Outcome.AGAINST: "with a value against",
    Outcome.OPEN: "open",
}


def _over(e: Estimate) -> str:
    return f"{e.count} {e.over}" if e.over and e.count > 1 else ""


def _sentence(part: Part, parts: int) -> str:
    e, (low, high) = part.estimate, part.estimate.interval()
    over = f" over {_over(e)}" if _over(e) else ""
    if not math.isfinite(e.value):
        text = f"{part.quantity}: not a finite number{over}"
    elif not e.decides:
        text = f"{part.quantity}: {e.value:.4g}{over} (one value, no interval)"
    elif low == high:
        text = f"{part.quantity}: {e.value:.4g}{over}"
    else:
        text = f"{part.quantity}: {e.value:.4g} (95 % interval {low:.4g} to {high:.4g}{over})"
    outcome = part.outcome(parts)
    if outcome is None:
        return f"{text}."
    return f"{text}; the claim requires {part.asked}: {part.lacks or _MEANINGS[outcome]}."
