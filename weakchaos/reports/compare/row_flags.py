"""What speaks against a run: in full, in a phrase, in a word."""

from __future__ import annotations

from typing import Any

from weakchaos.core.flags import Flag, Severity, gravest_first

__all__ = ["against", "is_trusted", "lacks_draws", "phrases", "runs_by_flag", "word"]


def against(entrant: Any) -> tuple[Flag, ...]:
    """What makes the answers of a run invalid, the gravest first."""
    return tuple(flag for flag in gravest_first(entrant.flags) if flag.severity is Severity.INVALID)


def is_trusted(entrant: Any) -> bool:
    """Whether nothing makes the answers of the run invalid."""
    return not against(entrant)


def lacks_draws(entrant: Any) -> bool:
    """Whether the run is trusted, and too short for reliable errors."""
    return is_trusted(entrant) and any(flag.severity is Severity.IMPRECISE for flag in entrant.flags)


def phrases(entrant: Any) -> tuple[str, ...]:
    """What makes a run invalid, in a phrase each."""
    return tuple(dict.fromkeys(flag.phrase for flag in against(entrant)))


def word(entrant: Any) -> str:
    """What stands in the table: the gravest flag in a word, with a mark and how many more there are; "ok" when there is none."""
    words = list(dict.fromkeys(flag.word for flag in against(entrant)))
    if words:
        return f"! {words[0]}" + (f" +{len(words) - 1}" if len(words) > 1 else "")
    return next((flag.word for flag in gravest_first(entrant.flags) if flag.severity is Severity.IMPRECISE), "ok")


def runs_by_flag(report: Any) -> list[tuple[list[str], Flag]]:
    """Every flag of a report with the names of the runs it is about, the same flag once; those that make runs invalid first."""
    out: list[tuple[list[str], Flag]] = []
    for entrant in report.entrants:
        for flag in gravest_first(entrant.flags):
            names = next((names for names, other in out if other == flag), None)
            if names is None:
                out.append(([entrant.name], flag))
            else:
                names.append(entrant.name)
    return sorted(out, key=lambda pair: pair[1].severity is not Severity.INVALID)
