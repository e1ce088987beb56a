"""What speaks against a result, as data: a kind, a severity and the numbers behind them.

Whoever measures returns flags; tables, pages and warnings make words of them, which stand in `weakchaos.core.flag_words` and nowhere else. No
code reads a sentence back.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weakchaos.core.errors import ConvergenceWarning, DriverWarning, ErgodicityWarning, GradientWarning
from weakchaos.core.flag_kinds import Kind, Severity
from weakchaos.core.flag_words import WORDS

__all__ = ["Flag", "Kind", "Severity", "gravest_first", "warn_of", "warn_of_each"]

_ORDER = tuple(Severity)
_CATEGORIES: dict[Kind, type[UserWarning]] = {
    Kind.STREAM_NUMBERS: DriverWarning,
    Kind.STREAM_MEMORY: DriverWarning,
    Kind.STREAM_DIMENSION: DriverWarning,
    Kind.STREAM_LENGTH: DriverWarning,
    Kind.WRONG_GRADIENT: GradientWarning,
    Kind.SCORES: GradientWarning,
    Kind.NO_GRADIENT: GradientWarning,
    Kind.NOT_ERGODIC: ErgodicityWarning,
}


@dataclass(frozen=True)
class Flag:
    """One thing that speaks against a result.

    Attributes
    ----------
    kind : Kind
    severity : Severity
    numbers : mapping of str to plain data
        What the judgement rests on.
    where : str or tuple of str
        What it is about: a coordinate, layers, a run.

    Examples
    --------
    >>> Flag.of(Kind.FEW_CHAINS).severity.value
    'note'
    """

    kind: Kind
    severity: Severity
    numbers: Mapping[str, Any] = field(default_factory=dict)
    where: str | tuple[str, ...] = ""

    @classmethod
    def of(cls, kind: Kind, severity: Severity | None = None, where: str | tuple[str, ...] = "", **numbers: Any) -> Flag:
        """A flag of the severity that its kind has by default."""
        return cls(kind, severity or WORDS[kind].severity, numbers, where)

    @property
    def places(self) -> tuple[str, ...]:
        """`where` as a tuple."""
        return self.where if isinstance(self.where, tuple) else (self.where,) if self.where else ()

    @property
    def sentence(self) -> str:
        """The flag in words, one clause or more without a full stop."""
        return WORDS[self.kind].write(self)

    @property
    def phrase(self) -> str:
        """The flag in a few words that fit behind a name in brackets."""
        return WORDS[self.kind].phrase.format(**self.numbers)

    @property
    def word(self) -> str:
        """The flag in the word that stands in a table."""
        return WORDS[self.kind].word

    def __hash__(self) -> int:
        return hash((self.kind, self.severity, self.where))

    def __str__(self) -> str:
        return self.sentence

    def to_plain(self) -> dict[str, Any]:
        """Plain data, from which `from_plain` makes the flag again."""
        where = list(self.where) if isinstance(self.where, tuple) else self.where
        return {
            "kind": self.kind.value,
            "severity": self.severity.value,
            "numbers": {k: _native(v) for k, v in self.numbers.items()},
            "where": where,
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Flag:
        """The flag that `to_plain` described."""
        where = data["where"]
        return cls(
            Kind(data["kind"]),
            Severity(data["severity"]),
            dict(data["numbers"]),
            tuple(where) if isinstance(where, list) else where,
        )


def _native(value: Any) -> Any:
    """A number of NumPy as one of Python, which JSON takes."""
    if isinstance(value, list | tuple):
        return [_native(v) for v in value]
    return value.item() if hasattr(value, "item") else value


def gravest_first(flags: Iterable[Flag]) -> list[Flag]:
    """Flags by severity, then by kind, then as they came.

    Examples
    --------
    >>> found = [Flag.of(Kind.FEW_CHAINS), Flag.of(Kind.NOT_FINITE, where="x"), Flag.of(Kind.STUCK, chain=0, moves=0, draws=9)]
    >>> [flag.word for flag in gravest_first(found)]
    ['stuck', 'not finite', 'one chain']
    """
    kinds = tuple(Kind)
    return sorted(flags, key=lambda flag: (_ORDER.index(flag.severity), kinds.index(flag.kind)))


def warn_of(flags: Iterable[Flag], stacklevel: int = 2) -> None:
    """One `ConvergenceWarning` with the sentences of all flags that say a result is not to be trusted; nothing where there are none."""
    found = [flag.sentence for flag in flags if flag.severity is Severity.INVALID]
    if found:
        warnings.warn("this run is not to be trusted: " + "; ".join(found), ConvergenceWarning, stacklevel=stacklevel + 1)


def warn_of_each(flags: Iterable[Flag], stacklevel: int = 2) -> None:
    """A warning of its own for each flag, in the category of its kind: of streams, of gradients, of ergodicity, of convergence."""
    for flag in flags:
        warnings.warn(flag.sentence, _CATEGORIES.get(flag.kind, ConvergenceWarning), stacklevel=stacklevel + 1)
