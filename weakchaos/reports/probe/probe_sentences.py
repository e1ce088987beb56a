"""The sentences of a probe, made from its numbers and its flags."""

from __future__ import annotations

import math
from typing import Any

from weakchaos.core.flags import Severity

__all__ = ["probe_sentences"]


def probe_sentences(report: Any) -> str:
    """What the probe found, in two or three sentences, and what to change, in at most three."""
    tokens = "" if report.tokens is None else f"{report.tokens.sentence} "
    return f"{_found(report)} {tokens}{report.advice()}"


def _found(report: Any) -> str:
    distance = report.distance_to_critical()
    value, band, phase = distance.value, distance.parameters["band"], distance.parameters["phase"]
    if phase is None:
        reasons = [flag.sentence for flag in report.flags if flag.severity is Severity.INVALID]
        return "The network has no phase, since not all of its layers were measured" + (
            f": {'; '.join(reasons)}." if reasons else "."
        )
    if not math.isfinite(value):
        return "Differences between inputs die out completely: nothing that distinguishes two inputs reaches the last layer."
    scale = 1 / abs(value) if value else math.inf
    meaning = {
        "ordered": f"small differences shrink by a factor of e about every {scale:.1f} layers, so what distinguishes two near inputs is lost with depth",
        "chaotic": f"small differences grow by a factor of e about every {scale:.1f} layers, so near inputs are torn apart with depth",
        "critical": "small differences neither grow nor shrink by more than they do by chance in a network of this depth and width",
    }[phase]
    error = "" if distance.stderr is None else f" ± {distance.stderr:.4f}"
    text = f"The network is {phase}: its Lyapunov exponent is {value:.4f}{error} nats per layer (critical within ±{band:.4f}), and {meaning}."
    far = [r for r in report.rows[1:] if r["role"] == "layer" and r["phase"] not in ("critical", None)]
    if phase == "critical" and far:
        text += f" Single layers are not critical: {', '.join(r['layer'] + ' ' + r['phase'] for r in far[:4])}."
    loops = [r for r in report.rows if math.isfinite(r["recurrence"])]
    if loops:
        told = ", ".join(f"{r['layer']} {r['recurrence']:.4f}" for r in loops[:6])
        text += f" Through time, small differences between states under these inputs change at the rates {told} nats per step."
    return text
