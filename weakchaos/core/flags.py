"""What speaks against a result, as data: a kind, a severity and the numbers behind them. Sentences are made here and nowhere else.

Whoever measures returns flags; tables, pages and warnings make words of them. No code reads a sentence back.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from weakchaos.core.errors import ConvergenceWarning

__all__ = ["Flag", "Kind", "Severity", "warn_of"]


class Severity(Enum):
    """How much a flag weighs."""

    INVALID = "invalid"  # the result is not to be trusted
    IMPRECISE = "imprecise"  # more draws of the same would settle it
    NOTE = "note"  # to be known, and no distrust


class Kind(Enum):
    """What can speak against the result of a sampler."""

    DISAGREE = "disagree"
    STUCK = "stuck"
    IDENTICAL = "identical"
    DIVERGENCES = "divergences"
    LOW_ACCEPTANCE = "low acceptance"
    FEW_DRAWS = "few draws"
    FEW_CHAINS = "few chains"
    NOT_FINITE = "not finite"


# For each kind: its severity where nothing else is said, and its sentence.
_SENTENCES: dict[Kind, tuple[Severity, str]] = {
    Kind.DISAGREE: (
        Severity.INVALID,
        "chains disagree about {where} by more than their Monte Carlo error (R-hat {rhat:.3g}, {ratio:.2g} times the spread that the error explains): "
        "they have not reached the same distribution; run longer, start elsewhere, or use another sampler",
    ),
    Kind.STUCK: (
        Severity.INVALID,
        "chain {chain} hardly moves: it changed at {moves} of {draws} draws; use smaller steps or another start",
    ),
    Kind.IDENTICAL: (
        Severity.INVALID,
        "chains {first} and {second} made the same draws, so that their agreement says nothing; start them at different places",
    ),
    Kind.DIVERGENCES: (
        Severity.INVALID,
        "{count} of {draws} draws ended in a divergence (an energy error too large to go on): regions of high curvature may be missed; use smaller steps, a higher target_accept or other coordinates",
    ),
    Kind.LOW_ACCEPTANCE: (
        Severity.INVALID,
        "proposals were accepted with probability {rate:.2g} on average in chain {chain}; use smaller steps",
    ),
    Kind.FEW_DRAWS: (
        Severity.IMPRECISE,
        "{where} has an effective sample size of {ess:.3g} in {draws} draws of {chains} chains; more draws are needed for reliable errors",
    ),
    Kind.FEW_CHAINS: (Severity.NOTE, "one chain cannot be held against another: run at least two"),
    Kind.NOT_FINITE: (Severity.INVALID, "{where} has values that are not finite"),
}


@dataclass(frozen=True)
class Flag:
    """One thing that speaks against a result.

    Attributes
    ----------
    kind : Kind
    severity : Severity
    numbers : mapping of str to numbers
        What the judgement rests on.
    where : str
        What it is about: a coordinate, a layer, a run.

    Examples
    --------
    >>> Flag.of(Kind.FEW_CHAINS).severity.value
    'note'
    """

    kind: Kind
    severity: Severity
    numbers: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""

    @classmethod
    def of(cls, kind: Kind, severity: Severity | None = None, where: str = "", **numbers: Any) -> Flag:
        """A flag of the severity that its kind has by default."""
        return cls(kind, severity or _SENTENCES[kind][0], numbers, where)

    @property
    def sentence(self) -> str:
        """The flag in words."""
        return _SENTENCES[self.kind][1].format(where=self.where, **self.numbers)

    def __str__(self) -> str:
        return self.sentence


def warn_of(flags: Iterable[Flag], stacklevel: int = 2) -> None:
    """One `ConvergenceWarning` with the sentences of all flags that say a result is not to be trusted; nothing where there are none."""
    found = [flag.sentence for flag in flags if flag.severity is Severity.INVALID]
    if found:
        warnings.warn("this run is not to be trusted: " + "; ".join(found), ConvergenceWarning, stacklevel=stacklevel + 1)
