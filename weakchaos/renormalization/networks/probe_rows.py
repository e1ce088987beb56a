"""Rows of a probe, one for each layer, from a recording; a layer that was not measured has no numbers and no phase and does not enter the verdict."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weakchaos.core.flags import Flag, Kind, Severity
from weakchaos.core.scatter import standard_error
from weakchaos.renormalization.networks.geometry import mean_cosines, mean_gap, participation_ratio, two_nn_dimension
from weakchaos.renormalization.networks.signals import Recording

__all__ = ["depth_band", "probe_flags", "probe_rows"]

_NORMALISATION = {"BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LayerNorm", "GroupNorm"}


def depth_band(depth: int) -> float:
    """Exponents that a network of this depth leaves undecided: over all layers differences change by less than a factor of e; never more than 0.1 nats.

    Without the limit, a network of two layers would be critical whatever its exponent is.
    """
    return min(1 / depth, 0.1)


def _mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean over inputs of the means over directions, and the error from both; infinite growth stays."""
    by_input = values.mean(0)
    mean = float(by_input.mean())
    if not math.isfinite(mean):
        return mean, math.nan
    return mean, float(standard_error(by_input))


def _spread_out(z: np.ndarray) -> bool:
    """Whether activations have several places (pixels, tokens), of shape (batch, channels, places...) or (batch, places, channels)."""
    return z.ndim > 2 and (int(np.prod(z.shape[2:])) > 1 if z.ndim > 3 else min(z.shape[1:]) > 1)


_FEW_PLACES = 3  # as many as a mean, a maximum and a deviation side by side


def _takes_every_place(z: np.ndarray, weights: dict[str, Any]) -> bool:
    """Whether a layer behind places is given the numbers of many of them, side by side, and not one of them, their mean, or a few such summaries.

    Channels are the second dimension or the last.
    """
    taken, numbers = weights.get("fan_in", 0), int(np.prod(z.shape[1:]))
    if taken in (0, numbers):
        return bool(taken)
    left = [taken / channels for channels in (z.shape[1], z.shape[-1]) if taken % channels == 0]
    return taken > min(z.shape[1], z.shape[-1]) and not any(p == 1 or (p <= _FEW_PLACES and 2 * taken < numbers) for p in left)


def _token_gap(z: np.ndarray) -> float:
    """1 - mean cosine between the tokens of one sequence, of activations of shape (batch, tokens, features)."""
    return float(np.mean([mean_gap(sequence) for sequence in z])) if z.ndim == 3 and z.shape[1] > 1 else math.nan


def probe_rows(recording: Recording, labels: Any, tokens: bool) -> list[dict[str, Any]]:
    """One dictionary for each layer, with the keys that `ProbeReport` lists."""
    rows: list[dict[str, Any]] = []
    before = math.nan
    last: np.ndarray | None = None
    for i, (name, z) in enumerate(zip(recording.names, recording.outputs, strict=True)):
        measured = recording.measured[i]
        chi, chi_error = _mean_and_error(recording.response[i]) if measured else (math.nan, math.nan)
        lyapunov, error = _mean_and_error(recording.growth[i]) if measured else (math.nan, math.nan)
        c, same, different = mean_cosines(z, labels)
        log = abs(math.log(chi)) if chi > 0 else math.nan if math.isnan(chi) else math.inf
        weights, rounding = recording.weights[i], recording.rounding[i]
        singular = weights.get("singular", (math.nan,) * 3)
        smallest, largest = recording.extremes[i]
        q = float((z**2).mean())
        pools = last is not None and _spread_out(last) and not _spread_out(z) and not _takes_every_place(last, weights)
        row = {
            "layer": name,
            "kind": recording.kinds[i],
            "width": int(np.prod(z.shape[1:])),
            "q": q,
            "c": c,
            "c_same": same,
            "c_diff": different,
            "sigma_w2": weights.get("sigma_w2", math.nan),
            "sigma_b2": weights.get("sigma_b2", math.nan),
            "chi": chi,
            "chi_stderr": chi_error,
            "lyapunov": lyapunov,
            "stderr": error,
            "depth_scale": math.nan if math.isnan(log) else 1 / log if log > 0 else math.inf,
            "smallest": singular[0],
            "median": singular[1],
            "largest": singular[2],
            "pr_dim": participation_ratio(z, rounding),
            "two_nn": two_nn_dimension(z, rounding),
            "dead": float((smallest == largest).mean()),
            "recurrence": recording.recurrence[i][0],
            "recurrence_stderr": recording.recurrence[i][1],
            "gate_time": recording.recurrence[i][2],
            "gain": 1 / math.sqrt(chi) if chi > 0 else math.nan if math.isnan(chi) else math.inf,
            # A row that takes the mean over pixels or tokens shrinks differences by pooling, which is no layer's doing.
            "role": "first" if i == 0 else "pooled" if pools else "layer",
        }
        last = z
        if tokens:
            now = _token_gap(z)
            resolved = now > 100 * rounding / q if q > 0 else False
            row["c_tokens"] = 1 - now
            row["angle_exponent"] = math.log(now / before) if resolved and before > 0 else math.nan
            before = now if resolved else math.nan
        rows.append(row)
    depth = max(1, len(rows) - 1)
    for row in rows:
        row["phase"] = None
        if not math.isnan(row["lyapunov"]):
            error = row["stderr"] if math.isfinite(row["stderr"]) else 0.0
            band = max(2 * error, depth_band(depth), 2 * math.sqrt(0.5 / row["width"]))
            row["phase"] = "critical" if abs(row["lyapunov"]) < band else "ordered" if row["lyapunov"] < 0 else "chaotic"
    return rows


def probe_flags(rows: list[dict[str, Any]], recording: Recording) -> tuple[Flag, ...]:
    """What speaks against the rows, or must be known to read them."""
    flags = list(recording.flags)
    inner = [r for r in rows[1:] if r["role"] == "layer"]
    if len(inner) >= 3:
        first, last = inner[0]["q"], inner[-1]["q"]
        if first > 0 and last > 0 and abs(math.log(first / last)) > 0.5:
            flags.append(Flag(Kind.TRANSIENT, Severity.NOTE, {"first": first, "last": last}))
    dead = tuple(r["layer"] for r in rows if r["dead"] > 0.5)
    if rows[0]["dead"] == 1.0:
        flags.append(Flag(Kind.SAME_ACTIVATIONS, Severity.NOTE, {}, (rows[0]["layer"],)))
    elif dead:
        flags.append(Flag(Kind.DEAD_UNITS, Severity.NOTE, {"layers": len(dead)}, dead[:5]))
    for row in (r for r in rows if math.isfinite(r["gate_time"])):
        from weakchaos.renormalization.networks.recurrent_exponents import gate_flag

        gates = gate_flag(row["recurrence"], row["recurrence_stderr"], row["gate_time"], (row["layer"],))
        flags += [] if gates is None else [gates]
    if _NORMALISATION & set(recording.kinds):
        flags.append(Flag.of(Kind.NORMALISED))
    gone = tuple(r["layer"] for r in rows if math.isinf(r["lyapunov"]))
    if gone:
        flags.append(Flag(Kind.EXTINCT, Severity.NOTE, {"layers": len(gone)}, gone[:5]))
    pooled = tuple(r["layer"] for r in rows if r["role"] == "pooled")
    if pooled:
        flags.append(Flag(Kind.POOLED, Severity.NOTE, {"layers": len(pooled)}, pooled[:5]))
    lost = tuple(r["layer"] for r in rows if math.isnan(r["pr_dim"]))
    if lost:
        flags.append(Flag(Kind.BELOW_ROUNDING, Severity.NOTE, {"layers": len(lost)}, lost[:5]))
    return tuple(flags)
