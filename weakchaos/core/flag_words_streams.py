"""The words of flags of streams of random numbers; see `weakchaos.core.flag_words`."""

from __future__ import annotations

from typing import Any

from weakchaos.core.flag_kinds import Kind, Severity, Words

__all__ = ["STREAM_WORDS"]

_INVALID, _IMPRECISE = Severity.INVALID, Severity.IMPRECISE


def _stream(flag: Any) -> str:
    n = flag.numbers
    have, need = n["dimension"], n["uniforms_per_step"]
    much = "a number of uniforms that varies" if need is None else f"{need:g} uniform{'s' * (need != 1)}"
    dimensions = f"{have:g} dimension{'s' * (have != 1)}"
    result = "averages may converge to the wrong values; compare them with known ones"
    if flag.kind is Kind.STREAM_MEMORY:
        return (
            f"{flag.where} is equidistributed in {dimensions}, not in all of them (completely uniformly distributed), as a chain like "
            f"{n['sampler']} needs because it has memory, and a step consumes {much}: {result}"
        )
    return f"{flag.where} is equidistributed in {dimensions} and a step of {n['sampler']} consumes {much}: {result}"


def _stream_numbers(flag: Any) -> str:
    n = flag.numbers
    at = "" if n["step"] is None else f", in step {n['step']:,} of a chain"
    what = "it has no more numbers, or computes them wrongly" if n["value"] == "nan" else "it must give numbers of [0, 1)"
    return (
        f"{flag.where} gave {n['count']:,} number{'s' * (n['count'] != 1)} outside of [0, 1), the first of them {n['value']} at index {n['index']:,} of the "
        f"stream{at} (both from 0, warm-up included): {what}; others took their places, so that draws are not to be trusted"
    )


def _stream_length(flag: Any) -> str:
    n = flag.numbers
    if n.get("varies"):
        return (
            f"{flag.where} is made for steps that all take the same number of uniforms, and those of this sampler take different numbers: the stream is not "
            "read evenly, and the end of its period is not the end of the run"
        )
    what = f"{flag.where} is made for a run of {n['length']:,} steps, and a chain made {n['steps']:,}"
    if n["steps"] < n["length"]:
        return f"{what}: a part of the stream is not spread more evenly than random numbers, and may be less so"
    return f"{what}: the numbers repeat themselves after {n['length']:,} steps, so that more of them add nothing"


STREAM_WORDS: dict[Kind, Words] = {
    Kind.STREAM_NUMBERS: Words(_INVALID, "stream", "the stream left the interval [0, 1)", _stream_numbers),
    Kind.STREAM_MEMORY: Words(_INVALID, "stream", "the stream is not completely uniformly distributed", _stream),
    Kind.STREAM_DIMENSION: Words(_INVALID, "stream", "the stream has too few dimensions", _stream),
    Kind.STREAM_LENGTH: Words(_IMPRECISE, "stream", "the stream is made for another number of steps", _stream_length),
}
