"""What a probe says in words, made of its numbers and of its flags in this one place."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["flag_sentence", "probe_sentences"]


def flag_sentence(flag: Any) -> str:
    """One flag of a probe as a sentence.

    Examples
    --------
    >>> from weakchaos.renormalization.networks.signals import ProbeFlag
    >>> flag_sentence(ProbeFlag("dead_units", "note", {"layers": 1}, ("4",)))
    'more than half of the units are dead behind 4'
    """
    where, n = ", ".join(flag.where), flag.numbers
    several = len(flag.where) > 1
    match flag.kind:
        case "cut":
            return (
                f"no derivative gets through to {where}, as detach(), inference_mode or a detour through NumPy cuts it off: the derivative gives chi = "
                f"{n['derivative']:.3g} there, differences give {n['difference']:.3g}; the row has no exponent, and the network no phase"
            )
        case "disagrees":
            return (
                f"the derivative of {where} is not that of the function: it gives chi = {n['derivative']:.3g}, differences give "
                f"{n['difference']:.3g} (a straight-through or hand-written derivative, a step, or a pass that differs from call to call); "
                "the row has no exponent, and the network no phase"
            )
        case "bypassed":
            rows = f"rows {where} have no exponent of their own, and" if where else "the exponents are those of a branch, and"
            return f"ways past the named layers lead through skip connections: {rows} the network no phase; name the blocks around them, or layers='auto'"
        case "unreached":
            more = ", ..." if n["layers"] > len(flag.where) else ""
            return f"{n['layers']:.0f} layers with weights were not reached by these inputs and have no rows: {where}{more}"
        case "branches":
            return (
                f"{n['layers']:.0f} layers with weights stand on branches, as {where} does, past which skip connections lead: they have no rows of their own"
                + ("; as they are most of the network, it has no phase" if flag.severity == "invalid" else "")
            )
        case "time_first":
            return f"{where} takes time as its first dimension (batch_first=False): rows of the batch are steps of time there, and c is between these"
        case "unchecked":
            return f"derivatives could not be held against differences ({where})"
        case "fresh_batch_norm":
            return (
                f"batch normalisation has seen no batch in {where}: its running statistics are still 0 and 1, so it does nothing; "
                "pass training=True, or train first"
            )
        case "bidirectional":
            return f"{where} {'run' if several else 'runs'} in both directions of time: no map leads forward, so the recurrence has no exponent"
        case "short_sequence":
            return f"the sequences of {where} are too short for an exponent of the recurrence: at least 8 steps are needed"
        case "transient":
            return (
                f"lengths are still moving, from q = {n['first']:.3g} to {n['last']:.3g}: measured chi of early layers belongs to the transient, "
                "not to the fixed point"
            )
        case "dead_units":
            return f"more than half of the units are dead behind {where}"
        case "normalised":
            return "layers with normalisation: a gain on the weights before one does nothing"
        case "extinct":
            return f"differences die out completely in {where}"
        case "pooled":
            return f"{where} {'pool' if several else 'pools'} pixels or tokens, which shrinks differences whatever the weights: no part of the exponent of the network"
        case "below_rounding":
            return f"differences between inputs are below the rounding errors in {where}: no dimension is told; probe model.double() to see it"
    return f"{flag.kind} {where}".strip()


def probe_sentences(report: Any) -> str:
    """What the probe found, in two or three sentences."""
    distance = report.distance_to_critical()
    value, band, phase = distance.value, distance.parameters["band"], distance.parameters["phase"]
    if phase is None:
        reasons = [flag_sentence(f) for f in report.flags if f.severity == "invalid"]
        return "The network has no phase, since not all of its layers were measured" + (
            f": {'; '.join(reasons)}." if reasons else "."
        )
    if not math.isfinite(value):
        return "Differences between inputs die out completely: nothing that distinguishes two inputs reaches the last layer."
    scale = 1 / abs(value) if value else math.inf
    meaning = {
        "ordered": f"small differences shrink e-fold about every {scale:.1f} layers, so what distinguishes two near inputs is lost with depth",
        "chaotic": f"small differences grow e-fold about every {scale:.1f} layers, so near inputs are torn apart with depth",
        "critical": "small differences neither grow nor shrink by more than a network of this depth and width does by chance",
    }[phase]
    error = "" if distance.stderr is None else f" ± {distance.stderr:.4f}"
    text = f"The network is {phase}: its Lyapunov exponent is {value:.4f}{error} nats per layer (critical within ±{band:.4f}), and {meaning}."
    far = [r for r in report.rows[1:] if r["role"] == "layer" and r["phase"] not in ("critical", None)]
    if phase == "critical" and far:
        text += f" Single layers are off: {', '.join(r['layer'] + ' ' + r['phase'] for r in far[:4])}."
    loops = [r for r in report.rows if math.isfinite(r["recurrence"])]
    if loops:
        told = ", ".join(f"{r['layer']} {r['recurrence']:.4f}" for r in loops[:6])
        text += f" Through time, states under these inputs forget or keep their differences at the rates {told} nats per step."
    return text
