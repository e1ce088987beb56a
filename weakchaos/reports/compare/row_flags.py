"""What speaks against a run: in full, in a phrase, in a word."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["is_trusted", "notes_by_text", "notes_of", "phrases", "word"]

# What `compare` writes of a run, the word for it in a table, the phrase for it in a sentence.
_KINDS = (
    (r"never leaves|cannot (be )?reach|unreachable", "unreachable", "not every state can be reached"),
    (r"starts disagree", "disagree", "starts disagree"),
    (r"repeats itself every (?P<n>\d+) draws", "cycle", "the orbit repeats itself every {n} draws"),
    (r": biased$|\bbiased\b", "biased", "all starts agree on a wrong answer"),
    (r"stops falling", "plateau", "the error stops falling"),
    (r"equidistributed", "stream", "the stream is equidistributed in too few dimensions"),
)


def is_trusted(entrant: Any) -> bool:
    """Whether nothing speaks against the run; a run without a status is not trusted."""
    return entrant.row.get("status") == "ok" and not entrant.notes


def notes_of(entrant: Any) -> tuple[str, ...]:
    """All that speaks against a run, in full; empty when it is trusted."""
    if is_trusted(entrant):
        return ()
    notes = tuple(" ".join(str(n).split()) for n in entrant.notes if str(n).strip())
    return notes or (" ".join(str(entrant.row.get("status") or "no status was given").split()),)


def _match(note: str) -> tuple[str, str]:
    for pattern, short, phrase in _KINDS:
        found = re.search(pattern, note)
        if found:
            return short, phrase.format(**found.groupdict())
    first = re.split(r"[:;]\s|\.\s", note)[0].rstrip(". ")
    return "flagged", first if len(first) <= 80 else first[:77].rstrip() + "..."


def phrases(entrant: Any) -> tuple[str, ...]:
    """The same in a phrase each."""
    return tuple(dict.fromkeys(_match(note)[1] for note in notes_of(entrant)))


def word(entrant: Any) -> str:
    """The first of them in a word, with a mark and how many more there are; "ok" when there is none."""
    words = list(dict.fromkeys(_match(note)[0] for note in notes_of(entrant)))
    if not words:
        return "ok"
    order = [short for _, short, _ in _KINDS]
    words.sort(key=lambda w: order.index(w) if w in order else len(order))
    return f"! {words[0]}" + (f" +{len(words) - 1}" if len(words) > 1 else "")


def notes_by_text(report: Any) -> list[tuple[list[str], str]]:
    """Every note of a report with the runs it is about, each text once; then the warnings that belong to no run."""
    out: dict[str, list[str]] = {}
    known = set()
    for entrant in report.entrants:
        for note in notes_of(entrant):
            out.setdefault(note, []).append(entrant.name)
            known.add(f"{entrant.name}: {note}")
    for warning in report.warnings:
        text = " ".join(str(warning).split())
        if text not in known:
            out.setdefault(text, [])
    return [(names, note) for note, names in out.items()]
