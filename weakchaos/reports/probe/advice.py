"""What to change in a probed network, in at most three sentences, and the change itself.

Plain layers get gains that make the stretching of each of them 1. Residual branches are made weaker: scaled by one over the square root of the number of
blocks, all of them together change the stream by a factor of order 1 at any depth (Hayou et al., arXiv:2010.12859; Wang et al., arXiv:2203.00555). Tokens
that become alike count as well: a stack of transformer layers whose longitudinal exponent is 0 still loses what distinguishes tokens.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.core.flags import Kind, Severity

__all__ = ["Advice", "advised", "carried_out"]

_LOST = 1.0  # nats by which token differences or differences shrink or grow over all blocks before branches are called too strong


@dataclass(frozen=True)
class Advice:
    """What to change.

    Attributes
    ----------
    kind : {"nothing", "gains", "branches", "unknown"}
        Multiply the weights of layers by gains; make residual branches weaker; or no advice can be given.
    sentences : tuple of str
        At most three.
    layers : tuple of str
        Whose weights are multiplied.
    factor : float
        On the ends of branches; NaN of gains, which are found layer after layer.
    """

    kind: str
    sentences: tuple[str, ...]
    layers: tuple[str, ...] = ()
    factor: float = field(default=math.nan)

    def __str__(self) -> str:
        return " ".join(self.sentences)


def _nothing(*sentences: str) -> Advice:
    return Advice("nothing", ("Change nothing.", *sentences))


def _token_loss(report: Any) -> float:
    """Logarithm by which all blocks together change the differences between tokens: where both exponents of tokens were measured, what they say, as the
    sentence of the report does; else along the inputs, which may be far from the state at which differences only shrink or grow."""
    if report.tokens is not None:
        return 0.5 * report.tokens.transverse_total
    found = [r["angle_exponent"] for r in report.rows if math.isfinite(r.get("angle_exponent", math.nan))]
    return 0.5 * float(sum(found))


def _memory(report: Any) -> list[str]:
    """How long recurrent layers remember, which depends on the task whether it is enough."""
    steps = [-1 / r["recurrence"] for r in report.rows if r["recurrence"] < 0]
    if not steps:
        return []
    low, high = min(steps), max(steps)
    told = f"{low:.3g}" if high < 1.02 * low else f"{low:.3g} to {high:.3g}"
    return [
        f"Recurrent layers forget: a difference shrinks by a factor of e in {told} time steps, enough only where the answer depends on no older inputs."
    ]


def _in_the_way(report: Any) -> str | None:
    """Why `apply` cannot scale the weights of the rows, if it cannot."""
    from weakchaos.renormalization.networks.torch_gains import refusal

    return refusal(report.model, [r["layer"] for r in report.rows])


def advised(report: Any) -> Advice:
    """The advice of a `ProbeReport`."""
    from weakchaos.renormalization.networks.torch import is_module

    distance = report.distance_to_critical()
    phase, value = distance.parameters["phase"], distance.value
    if phase is None:
        grave = [f.sentence for f in report.flags if f.severity is Severity.INVALID]
        return Advice("unknown", (f"No change can be advised: {grave[0] if grave else 'not all layers were measured'}.",))
    inner = [r for r in report.rows if r["role"] == "layer"]
    torch_model = is_module(report.model)
    if torch_model and not any(math.isfinite(r["sigma_w2"]) for r in inner):
        return _of_blocks(report, inner, value)
    if phase == "critical":
        return _nothing("Differences pass all layers about unchanged, so signals and gradients reach both ends.")
    if not inner:
        return _nothing("There is no layer behind the first whose gain could be set.")
    gains = np.array([r["gain"] for r in inner])
    names = tuple(r["layer"] for r in inner)
    if not np.isfinite(gains).all():
        return Advice(
            "unknown",
            (
                f"No gain makes {names[int(np.argmax(~np.isfinite(gains)))]} pass differences on: its units are saturated or dead; draw its weights anew.",
            ),
        )
    which = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    low, high = float(gains.min()), float(gains.max())
    by = f"{np.median(gains):.3g}" if high < 1.02 * low else f"its own gain each ({low:.3g} to {high:.3g})"
    if any(f.kind is Kind.NORMALISED for f in report.flags):
        return Advice(
            "unknown",
            (
                "Layers are normalised, so a gain on weights before a normalisation changes nothing: change the number of layers, or put them into residual branches.",
            ),
        )
    if not torch_model and all(math.isnan(r["sigma_w2"]) for r in inner):
        return Advice(
            "unknown",
            (
                f"Multiply what {which} make of small differences by {by}: these layers are functions, whose weights only you can scale.",
            ),
        )
    reason = _in_the_way(report) if torch_model else None
    if reason is not None:
        return Advice("unknown", (f"No gain of its own can be given to each of {which}: {reason}.",))
    effect = "shrink" if value < 0 else "grow"
    return Advice(
        "gains",
        (
            f"Multiply the weights of {which} by {by}, each after the one before it, and leave the biases alone: differences, which now {effect} by "
            f"a factor of e every {1 / abs(value):.1f} layers, then keep their size." if value and math.isfinite(value) else f"Multiply the weights of {which} by {by}.",
            "In Python, `report.apply()` returns such a network.",
        ),
        names,
    )  # fmt: skip


def _of_blocks(report: Any, inner: list[dict[str, Any]], value: float) -> Advice:
    """Residual blocks and transformer layers, which have no weights of their own."""
    from weakchaos.renormalization.networks.torch_branches import branch_ends

    if not inner:
        return _nothing("There is no layer behind the first whose gain could be set.", *_memory(report))
    depth = len(inner)
    tokens, along = _token_loss(report), value * depth if math.isfinite(value) else -math.inf
    if abs(tokens) < _LOST and abs(along) < _LOST:
        over = "the one layer" if depth == 1 else f"the {depth} layers"
        return _nothing(
            f"Over {over} behind the first, neither differences between inputs nor those between tokens change by more than a factor of e.",
            *_memory(report),
        )
    names = [r["layer"] for r in report.rows if r["role"] != "pooled" and r["kind"] == inner[-1]["kind"]]
    ends = branch_ends(report.model, report.inputs, names)
    what = (
        f"differences between tokens {'shrink' if tokens < 0 else 'grow'} by a factor of {math.exp(min(abs(tokens), 700.0)):.3g} over all blocks"
        if abs(tokens) >= max(_LOST, abs(along))
        else f"differences between inputs {'shrink' if along < 0 else 'grow'} by a factor of {math.exp(min(abs(along), 700.0)):.3g} over all blocks"
    )
    if not ends:
        return Advice(
            "unknown",
            (
                f"In these blocks {what}.",
                "With their last layers silent, not all of them pass on what they are given, so no branches were found that could be made weaker: lead "
                "skip connections around them, or use fewer blocks.",
            ),
        )
    factor = 1 / math.sqrt(len(names))
    told = ", ".join(ends[:2]) + (", ..." if len(ends) > 2 else "")
    return Advice(
        "branches",
        (
            f"Multiply the weights and biases at the ends of the residual branches ({told}) by {factor:.3g}, one over the root of {len(names)} blocks: now {what}.",
            "In Python, `report.apply()` returns such a network.",
        ),
        tuple(ends),
        factor,
    )


def carried_out(report: Any, inplace: bool = False) -> Any:
    """The probed model with the advice carried out; see `ProbeReport.apply`."""
    from weakchaos.renormalization.networks.torch import is_module
    from weakchaos.renormalization.networks.torch_branches import scale_branches

    advice = advised(report)
    if advice.kind == "unknown":
        raise ArgumentError(f"`report` has no change to apply: {advice}")
    if advice.kind == "gains":
        return report.apply_gain(inplace=inplace)
    if inplace and not is_module(report.model):
        raise ArgumentError("`inplace` is for torch modules; of arrays a new list is returned")
    model = report.model if inplace else copy.deepcopy(report.model)
    if advice.kind == "branches":
        scale_branches(model, list(advice.layers), advice.factor)
    return model
