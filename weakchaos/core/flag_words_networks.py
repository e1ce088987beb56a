"""The words of flags about networks."""

from __future__ import annotations

from typing import Any

from weakchaos.core.flag_kinds import Kind, Severity, Words

__all__ = ["NETWORK_WORDS"]


_INVALID, _NOTE = Severity.INVALID, Severity.NOTE


def _where(flag: Any) -> str:
    return ", ".join(flag.places)


def _bypassed(flag: Any) -> str:
    where = _where(flag)
    rows = f"rows {where} have no exponent of their own, and" if where else "the exponents are those of a branch, and"
    return f"ways past the named layers lead through skip connections: {rows} the network no phase; name the blocks around them, or layers='auto'"


def _unreached(flag: Any) -> str:
    more = ", ..." if flag.numbers["layers"] > len(flag.places) else ""
    return (
        f"{flag.numbers['layers']:.0f} layers with weights were not reached by these inputs and have no rows: {_where(flag)}{more}"
    )


def _branches(flag: Any) -> str:
    most = "; as they are most of the network, it has no phase" if flag.severity is _INVALID else ""
    return (
        f"{flag.numbers['layers']:.0f} layers with weights stand on branches, as {_where(flag)} does, past which skip connections lead: they have no "
        f"rows of their own{most}"
    )


def _bidirectional(flag: Any) -> str:
    run = "run" if len(flag.places) > 1 else "runs"
    return f"{_where(flag)} {run} in both directions of time: no map leads forward, so the recurrence has no exponent"


def _pooled(flag: Any) -> str:
    pool = "pool" if len(flag.places) > 1 else "pools"
    return f"{_where(flag)} {pool} pixels or tokens, which shrinks differences whatever the weights: no part of the exponent of the network"


NETWORK_WORDS: dict[Kind, Words] = {
    Kind.CUT: Words(
        _INVALID,
        "cut",
        "no derivative gets through",
        "no derivative gets through to {where}, as detach(), inference_mode or a detour through NumPy cuts it off: the derivative gives chi = "
        "{derivative:.3g} there, differences give {difference:.3g}; the row has no exponent, and the network no phase",
    ),
    Kind.WRONG_DERIVATIVE: Words(
        _INVALID,
        "derivative",
        "the derivative is not that of the function",
        "the derivative of {where} is not that of the function: it gives chi = {derivative:.3g}, differences give {difference:.3g} (a "
        "straight-through or hand-written derivative, a step, or a pass that differs from call to call); the row has no exponent, and the "
        "network no phase",
    ),
    Kind.BYPASSED: Words(_INVALID, "bypassed", "ways lead past the layers", _bypassed),
    Kind.BRANCHES: Words(_NOTE, "branches", "layers stand on branches", _branches),
    Kind.UNREACHED: Words(_NOTE, "unreached", "layers were not reached", _unreached),
    Kind.TIME_FIRST: Words(
        _NOTE,
        "time first",
        "time is the first dimension",
        "{where} takes time as its first dimension (batch_first=False): rows of the batch are steps of time there, and c is between these",
    ),
    Kind.UNCHECKED: Words(
        _NOTE, "unchecked", "derivatives were not checked", "derivatives could not be held against differences ({where})"
    ),
    Kind.FRESH_BATCH_NORM: Words(
        _NOTE,
        "batch norm",
        "batch normalisation has seen no batch",
        "batch normalisation has seen no batch in {where}: its running statistics are still 0 and 1, so it does nothing; pass training=True, or "
        "train first",
    ),
    Kind.BIDIRECTIONAL: Words(_NOTE, "bidirectional", "layers run in both directions of time", _bidirectional),
    Kind.SHORT_SEQUENCE: Words(
        _NOTE,
        "short",
        "sequences are too short",
        "the sequences of {where} are too short for an exponent of the recurrence: at least 8 steps are needed",
    ),
    Kind.TRANSIENT: Words(
        _NOTE,
        "transient",
        "lengths are still moving",
        "lengths are still moving, from q = {first:.3g} to {last:.3g}: measured chi of early layers belongs to the transient, not to the fixed point",
    ),
    Kind.DEAD_UNITS: Words(_NOTE, "dead units", "units are dead", "more than half of the units are dead behind {where}"),
    Kind.NORMALISED: Words(
        _NOTE, "normalised", "layers are normalised", "layers with normalisation: a gain on the weights before one does nothing"
    ),
    Kind.EXTINCT: Words(_NOTE, "extinct", "differences die out", "differences die out completely in {where}"),
    Kind.POOLED: Words(_NOTE, "pooled", "layers pool", _pooled),
    Kind.BELOW_ROUNDING: Words(
        _NOTE,
        "rounding",
        "differences are below rounding",
        "differences between inputs are below the rounding errors in {where}: no dimension is told; probe model.double() to see it",
    ),
}
