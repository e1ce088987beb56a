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
    return f"skip connections bypass the named layers: {rows} the network has no phase; name the blocks that contain the layers, or pass layers='auto'"


def _unreached(flag: Any) -> str:
    more = ", ..." if flag.numbers["layers"] > len(flag.places) else ""
    return (
        f"{flag.numbers['layers']:.0f} layers with weights were not reached by these inputs and have no rows: {_where(flag)}{more}"
    )


def _branches(flag: Any) -> str:
    most = "; since they are most of the network, it has no phase" if flag.severity is _INVALID else ""
    return (
        f"{flag.numbers['layers']:.0f} layers with weights, such as {_where(flag)}, are on branches that skip connections bypass: they have no rows of "
        f"their own{most}"
    )


def _outside(flag: Any) -> str:
    one = flag.numbers["layers"] == 1
    most = (
        "; since they are most of the network, it has no phase: name rows, as in layers=[...]" if flag.severity is _INVALID else ""
    )
    return (
        f"{flag.numbers['layers']:.0f} {'layer' if one else 'layers'} with weights, such as {_where(flag)}, {'stands' if one else 'stand'} before or behind the "
        f"repeated blocks and {'does' if one else 'do'} not enter the exponent of the network{most}"
    )


def _bidirectional(flag: Any) -> str:
    run = "run" if len(flag.places) > 1 else "runs"
    return f"{_where(flag)} {run} in both directions of time, so there is no map from one time step to the next, and the recurrence has no exponent"


def _slow_gates(flag: Any) -> str:
    n, which, what = flag.numbers, f" of {', '.join(flag.places)}" if flag.places else "", "layer" if flag.places else "network"
    return (
        f"the memory{which} is long because gates are closed: they keep the leading units for {n['steps']:.3g} steps, and per gate time the exponent is "
        f"{n['scaled']:.3f}, which is not near 0, so the {what} is not critical"
    )


def _closed_gates(flag: Any) -> str:
    n, which = flag.numbers, f" of {', '.join(flag.places)}" if flag.places else ""
    return (
        f"gates{which} are closed and keep the leading units for {n['steps']:.3g} steps, so that an exponent near 0 is no sign of criticality; per gate "
        f"time it is {n['scaled']:.3f}, which these runs do not tell from 0"
    )


def _pooled(flag: Any) -> str:
    pool, rows = ("pool", "these rows do") if len(flag.places) > 1 else ("pools", "this row does")
    return f"{_where(flag)} {pool} pixels or tokens, which shrinks differences whatever the weights, so {rows} not enter the exponent of the network"


NETWORK_WORDS: dict[Kind, Words] = {
    Kind.CUT: Words(
        _INVALID,
        "cut",
        "no derivative gets through",
        "no derivative gets through to {where}, because detach(), inference_mode or a computation in NumPy cuts it off, or because the function has steps (sign, round, argmax): chi of this layer is "
        "{derivative:.3g} by the derivative and {difference:.3g} by differences; the row has no exponent, and the network has no phase",
    ),
    Kind.WRONG_DERIVATIVE: Words(
        _INVALID,
        "derivative",
        "the derivative is not that of the function",
        "the derivative of {where} is not that of the function: chi is {derivative:.3g} by the derivative and {difference:.3g} by differences (the "
        "cause may be a straight-through or hand-written derivative, a step function, or a forward pass that differs from call to call); the row "
        "has no exponent, and the network has no phase",
    ),
    Kind.BYPASSED: Words(_INVALID, "bypassed", "skip connections bypass the layers", _bypassed),
    Kind.BRANCHES: Words(_NOTE, "branches", "layers are on branches", _branches),
    Kind.UNREACHED: Words(_NOTE, "unreached", "layers were not reached", _unreached),
    Kind.OUTSIDE: Words(_NOTE, "outside", "layers outside of the blocks", _outside),
    Kind.TIME_FIRST: Words(
        _NOTE,
        "time first",
        "time is the first dimension",
        "{where} takes time as its first dimension (batch_first=False): its rows are time steps and not inputs, and c is the cosine between time steps",
    ),
    Kind.UNCHECKED: Words(
        _NOTE, "unchecked", "derivatives were not checked", "derivatives could not be compared with differences ({where})"
    ),
    Kind.FRESH_BATCH_NORM: Words(
        _NOTE,
        "batch norm",
        "batch normalisation has seen no batch",
        "the batch normalisation in {where} has seen no batch yet: its running statistics are still 0 and 1, so it does nothing; pass training=True, "
        "or train the network first",
    ),
    Kind.RANDOM: Words(
        _NOTE,
        "random",
        "the forward pass draws random numbers",
        "the forward pass draws random numbers in evaluation mode too, first for {where}: the rows are those of one draw, which all inputs and differences "
        "share; F.dropout needs training=self.training to follow the mode of the module",
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
        "the length of the signals still changes",
        "the length of the signals still changes with depth, from q = {first:.3g} to {last:.3g}: chi of early layers is that of the transient and not "
        "that of the fixed point",
    ),
    Kind.DEAD_UNITS: Words(_NOTE, "dead units", "units are dead", "more than half of the units are dead after {where}"),
    Kind.SAME_ACTIVATIONS: Words(
        _NOTE,
        "all the same",
        "all inputs give the same activations",
        "all inputs have the same activations after {where}: they are equal, differ by less than rounding errors, or saturate its units; "
        "angles, dimensions and dead units then say nothing about the network",
    ),
    Kind.NORMALISED: Words(
        _NOTE,
        "normalised",
        "layers are normalised",
        "the network has layers with normalisation: a gain on the weights before such a layer has no effect",
    ),
    Kind.EXTINCT: Words(_NOTE, "extinct", "differences die out", "differences die out completely in {where}"),
    Kind.POOLED: Words(_NOTE, "pooled", "layers pool", _pooled),
    Kind.BELOW_ROUNDING: Words(
        _NOTE,
        "rounding",
        "differences are below rounding",
        "differences between inputs are below the rounding errors in {where}, so no dimension is given; probe model.double() to measure it",
    ),
    Kind.STATE_DRIFTS: Words(
        Severity.IMPRECISE,
        "drifts",
        "the state still drifts",
        "the state still drifts at the end of {starts} of {of} runs, with numbers as large as {largest:.3g}: the exponents are those of a transient; raise "
        "`transient`",
    ),
    Kind.STARTS_DISAGREE: Words(
        Severity.IMPRECISE,
        "starts differ",
        "starts lead to different exponents",
        "the largest exponent depends on the start, from {least:.4f} to {most:.4f}, and {settled} of the starts lead to fixed points: there may be several "
        "attractors",
    ),
    Kind.SETTLED: Words(
        _NOTE,
        "fixed point",
        "the network settles to a fixed point",
        "every start leads to a stable fixed point, where the largest eigenvalue has ln abs = {exponent:.4f}; the orbits on their way there have {orbit:.4f}",
    ),
    Kind.SLOW_GATES: Words(
        _NOTE,
        "closed gates",
        "gates are closed",
        _slow_gates,
    ),
    Kind.CLOSED_GATES: Words(
        _NOTE,
        "closed gates",
        "gates are closed",
        _closed_gates,
    ),
    Kind.RANK_LOST: Words(
        _NOTE,
        "minus infinity",
        "the Jacobian has no full rank",
        "{count} of {of} exponents are minus infinity: the Jacobian has no full rank, and differences in these directions vanish in one step",
    ),
    Kind.NEAR_RANK_LOSS: Words(
        _NOTE,
        "upper bound",
        "directions were lost in rounding",
        "{count} directions were lost in rounding errors in some of the steps: their exponents are upper bounds",
    ),
}
