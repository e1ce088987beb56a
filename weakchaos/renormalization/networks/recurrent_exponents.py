"""Lyapunov spectra of recurrent networks from several starts, what they settle to, and whether a long memory comes from closed gates.

At a fixed point h* the exponents are ln abs of the eigenvalues of the Jacobian there, which Newton's method finds where the orbit approaches it only slowly;
the QR exponents of an orbit on its way still hold its transient.

A unit whose forget gate is f (or update gate z, or leak 1 - l) keeps its own memory for about 1 / (1 - f) steps, whatever the other weights. The gate time
is one over the mean of 1 - f along the leading direction of growth. Closing the gates of a network slows everything by about that factor and leaves the
transition to chaos where it is (Can, Krishnamurthy and Schwab, arXiv:2002.00025), so the exponent per gate time tells a slow network, where it stays away
from 0, from a critical one, where it does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import real_array, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.flags import Flag, Kind, Severity
from weakchaos.core.scatter import standard_error
from weakchaos.diagnostics.orbits.orthonormal import frame_rounds
from weakchaos.diagnostics.orbits.spectrum import Spectrum, kaplan_yorke_dimension, prepared
from weakchaos.diagnostics.standard_errors import standard_errors
from weakchaos.renormalization.networks.recurrent_fixed_points import FixedPoint, fixed_point
from weakchaos.renormalization.networks.recurrent_network import RecurrentNetwork

__all__ = ["RecurrentSpectrum", "network_spectrum"]

_ROWS = 40
_SLOW = 0.05  # nats per step: slower is called a long memory
_CLOSED = 5.0  # steps of gate time: longer are called closed gates
_AWAY = 0.1  # nats per gate time: further from 0 is no criticality
_DRIFT = 2.3  # shift of the mean between the last two quarters, in standard deviations; a straight drift has 3.5


@dataclass(frozen=True, repr=False)
class RecurrentSpectrum(Spectrum):
    """A `Spectrum` over several starts.

    Attributes
    ----------
    by_start : array of shape (starts, k)
        Exponents from each start; `exponents` are their means, and `stderr` is the larger one of what orbits and starts scatter.
    fixed_points : tuple of FixedPoint or None
        What the orbit of each start approaches, where that is a stable fixed point; None for all others and for driven networks.
    gate_time : float
        Steps over which the units along the leading direction keep their own memory, by their gates or leaks alone.
    verdict : {"ordered", "chaotic", "undecided"}
        Undecided if the largest exponent is within three standard errors of 0, if starts disagree on its sign, or if the state still drifts.
    flags : tuple of Flag
    """

    by_start: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    fixed_points: tuple[FixedPoint | None, ...] = ()
    gate_time: float = math.nan
    verdict: str = "undecided"
    flags: tuple[Flag, ...] = ()

    @property
    def leading(self) -> float:
        """The largest exponent: of the eigenvalues where all starts settle to fixed points, else of the orbits."""
        points = [p for p in self.fixed_points if p is not None]
        return max(float(p.exponents[0]) for p in points) if points and len(points) == len(self.fixed_points) else self.value

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        settled = bool(self.fixed_points) and None not in self.fixed_points
        how = "nats per step at its fixed point" if settled else f"± {self.stderr[0]:.4f} nats per step"
        meaning = {
            "ordered": f"and differences between states decay by a factor of e in {1 / abs(self.leading):.1f} steps"
            if self.leading
            else "",
            "chaotic": f"and differences between states grow by a factor of e in {1 / abs(self.leading):.1f} steps"
            if self.leading
            else "",
            "undecided": "which does not decide whether differences between states decay or grow",
        }[self.verdict]
        if math.isinf(self.leading):
            meaning = "and differences between states vanish in one step"
        first = f"The network is {self.verdict}: its largest exponent is {self.leading:.4f} {how}, {meaning}."
        return " ".join([first, *(f"{w[0].upper()}{w[1:]}." for w in self.warnings)])


def _start(network: RecurrentNetwork, s: int, initial: Any, seed: np.random.SeedSequence) -> Any:
    count = 1 if network.sequences is None else len(network.sequences)
    position: Any = None
    if isinstance(initial, str):
        if initial not in ("zeros", "normal"):
            raise ArgumentError(f"`initial` must be 'zeros', 'normal' or an array; got {shown(initial)}")
        position = np.zeros(network.dim) if initial == "zeros" else None
    elif initial is not None:
        rows = np.atleast_2d(real_array("initial", initial))
        if rows.shape[1] != network.dim:
            raise ArgumentError(f"`initial` must have shape ({network.dim},) or (starts, {network.dim}); got {rows.shape}")
        position = rows[s % len(rows)]
    elif count > 1:
        position = np.zeros(network.dim)
    return network.start(seed, position, sequence=s % count)


def _lengths(network: RecurrentNetwork, steps: Any, transient: Any, starts: Any) -> tuple[int, int, int]:
    """Steps, transient and starts, checked and chosen."""
    if not network.driven:
        made = 1000 if steps is None else whole_number("steps", steps, 1)
        before = max(500, made // 2) if transient is None else whole_number("transient", transient, 0)
        return made, before, 3 if starts is None else whole_number("starts", starts, 1)
    assert network.sequences is not None
    count, length = network.sequences.shape[:2]
    before = length // 5 if transient is None else whole_number("transient", transient, 0)
    made = length - before if steps is None else whole_number("steps", steps, 1)
    if made < 1 or before + made > length:
        raise ArgumentError(
            f"`inputs` are {length} steps long, and the transient of {before} with {made} measured steps needs {before + max(made, 1)}"
        )
    return made, before, max(count, 3 if count == 1 else 1) if starts is None else whole_number("starts", starts, 1)


@dataclass
class _Orbit:
    rates: np.ndarray  # (rows, k), per step
    states: np.ndarray  # (rows, dim)
    forgets: float
    lost: np.ndarray
    notes: list[str]
    middle: np.ndarray
    end: np.ndarray


def _orbit(network: RecurrentNetwork, state: Any, k: Any, steps: int, transient: int, every: Any, seed: int) -> _Orbit:
    most = max(1, steps // 20)
    interval = None if every is None else whole_number("every", every, 1, steps)
    base, frame, _, _, interval, notes, ended = prepared(network, k, steps, transient, interval, seed, state)
    interval = min(interval, most) if every is None else interval
    rounds = max(1, steps // interval)
    per_row = -(-rounds // _ROWS)
    rows = max(1, rounds // per_row)
    rates, states, forgets = np.full((rows, len(frame)), np.nan), np.full((rows, network.dim), np.nan), np.full(rows, np.nan)
    lost, made = np.zeros(len(frame)), 0
    for row in range(0 if ended else rows):
        result = frame_rounds(network, base, frame, 1, per_row, interval)
        made += result.made
        lost += result.lost
        if result.ended:
            notes += result.notes(f"after {made * interval} steps")
            ended = True
            break
        rates[row], states[row] = result.logs[0] / (per_row * interval), base.phase
        weight = frame[0] ** 2
        kept = [(weight[part], gate) for part, gate in network.forgetting(base)]
        total = sum(float(w.sum()) for w, _ in kept)
        forgets[row] = sum(float(w @ g) for w, g in kept) / total if total > 0 else np.nan
    if ended:
        rates[:] = np.nan
    return _Orbit(
        rates,
        states,
        float(np.nanmean(forgets)) if not ended else math.nan,
        lost / max(made, 1),
        notes,
        states[rows // 2],
        states[-1],
    )


def _drifts(states: np.ndarray) -> bool:
    """Whether the mean of the state still moves by more than it scatters."""
    quarter = len(states) // 4
    if quarter < 5 or not np.isfinite(states).all():
        return False
    third, last = states[2 * quarter : 3 * quarter], states[3 * quarter : 4 * quarter]
    shift = float(np.linalg.norm(last.mean(0) - third.mean(0)))
    spread = math.sqrt(float(third.var(0).sum() + last.var(0).sum()) / 2)
    return shift > _DRIFT * spread and shift > 1e-3 * (1 + float(np.linalg.norm(last.mean(0))))


def _settled(network: RecurrentNetwork, orbit: _Orbit) -> FixedPoint | None:
    """The stable fixed point that the orbit comes nearer and nearer to."""
    if not np.isfinite(orbit.end).all():
        return None
    point = fixed_point(network, orbit.end)
    if point is None or not point.stable:
        return None
    size = 1 + float(np.linalg.norm(point.position))
    nearer = point.distance < 0.95 * float(np.linalg.norm(orbit.middle - point.position))
    return point if point.distance < 1e-7 * size or nearer else None


def network_spectrum(
    network: RecurrentNetwork,
    k: int | None = None,
    steps: int | None = None,
    transient: int | None = None,
    starts: int | None = None,
    every: int | None = None,
    initial: Any = None,
    seed: int = 0,
) -> RecurrentSpectrum:
    """The k largest exponents of a recurrent network, from several starts; `RecurrentNetwork.spectrum` is the same."""
    made, before, count = _lengths(network, steps, transient, starts)
    seed = whole_number("seed", seed, 0)
    keys = np.random.SeedSequence([0x72656375, seed]).spawn(count)
    orbits = [_orbit(network, _start(network, s, initial, keys[s]), k, made, before, every, seed + s) for s in range(count)]
    by_start = np.array([o.rates.mean(0) for o in orbits])
    gone = np.mean([o.lost for o in orbits], 0)
    by_start[:, gone > 0.5] = -np.inf
    order = np.argsort(-by_start.mean(0), kind="stable")
    by_start = by_start[:, order]
    with np.errstate(invalid="ignore"):
        within = np.sqrt(np.sum([standard_errors(o.rates[:, order]) ** 2 for o in orbits], 0)) / count
        between = standard_error(by_start)
        stderr = np.fmax(within, between)
    exponents = by_start.mean(0)
    stderr[np.isneginf(exponents)] = np.nan
    rows = min(len(o.rates) for o in orbits)
    history = np.cumsum(np.mean([o.rates[:rows, order] for o in orbits], 0), 0) / np.arange(1, rows + 1)[:, None]
    points = tuple(None if network.driven else _settled(network, o) for o in orbits)
    forgets = float(np.mean([o.forgets for o in orbits]))
    gate_time = 1 / forgets if forgets > 0 else math.inf if forgets == 0 else math.nan
    settled = all(p is not None for p in points)
    leading = max(float(p.exponents[0]) for p in points if p is not None) if settled else float(exponents[0])
    flags, verdict = _judged(orbits, by_start[:, 0], float(stderr[0]), leading, settled, gate_time, gone, points)
    notes = [*dict.fromkeys(n for o in orbits for n in o.notes), *(f.sentence for f in flags)]
    complete = len(exponents) == network.dim
    finite = not np.isnan(exponents).any()
    times = np.linspace(0, made, rows + 1)[1:]
    return RecurrentSpectrum(
        value=float(exponents[0]),
        stderr=stderr,
        curve=(times, history[:, 0]),
        parameters={
            "steps": made,
            "transient": before,
            "starts": count,
            "k": len(exponents),
            "driven": network.driven,
            "derivative": "tangent map",
        },
        warnings=tuple(notes),
        exponents=exponents,
        times=times,
        history=history,
        kaplan_yorke=kaplan_yorke_dimension(exponents, complete) if finite else None,
        pesin=float(exponents[exponents > 0].sum()) if finite and (complete or exponents[-1] <= 0) else None,
        by_start=by_start,
        fixed_points=points,
        gate_time=gate_time,
        verdict=verdict,
        flags=flags,
    )


def gate_flag(leading: float, error: float, gate_time: float, where: tuple[str, ...] = ()) -> Flag | None:
    """What a long gate time says about an exponent near 0: a memory from closed gates, slow or undecided; None where gates are open or the exponent is far."""
    if not (abs(leading) < _SLOW and gate_time > _CLOSED):
        return None
    scaled, doubt = leading * gate_time, 2 * error * gate_time
    slow = abs(scaled) - (doubt if math.isfinite(doubt) else math.inf) > _AWAY
    return Flag(Kind.SLOW_GATES if slow else Kind.CLOSED_GATES, Severity.NOTE, {"steps": gate_time, "scaled": scaled}, where)


def _judged(
    orbits: list[_Orbit],
    firsts: np.ndarray,
    error: float,
    leading: float,
    settled: bool,
    gate_time: float,
    gone: np.ndarray,
    points: tuple[FixedPoint | None, ...],
) -> tuple[tuple[Flag, ...], str]:
    """What speaks against the exponents or must be known to read them, and the verdict."""
    flags: list[Flag] = []
    if math.isnan(leading):
        return (), "undecided"
    drifting = sum(_drifts(o.states) for o, p in zip(orbits, points, strict=True) if p is None)
    if drifting:
        largest = max(float(np.abs(o.end).max()) for o in orbits)
        flags.append(Flag.of(Kind.STATE_DRIFTS, starts=drifting, of=len(orbits), largest=largest))
    several = len(firsts) > 1 and firsts.min() < 0 < firsts.max()
    mixed = any(p is not None for p in points) and not settled
    if mixed or (several and not settled and firsts.max() - firsts.min() > 6 * error):
        flags.append(
            Flag.of(
                Kind.STARTS_DISAGREE,
                least=float(firsts.min()),
                most=float(firsts.max()),
                settled=sum(p is not None for p in points),
            )
        )
    lost = int((gone > 0.5).sum())
    if lost:
        flags.append(Flag.of(Kind.RANK_LOST, count=lost, of=len(gone)))
    elif (gone > 0).any():
        flags.append(Flag.of(Kind.NEAR_RANK_LOSS, count=int((gone > 0).sum())))
    if settled and points:
        flags.append(Flag.of(Kind.SETTLED, exponent=leading, orbit=float(firsts.mean())))
    gates = gate_flag(leading, 0.0 if settled else error, gate_time)
    if gates is not None:
        flags.append(gates)
    if settled:
        return tuple(flags), "ordered" if leading < 0 else "undecided"
    if drifting or mixed or (not math.isfinite(error) and math.isfinite(leading)):
        return tuple(flags), "undecided"
    far = math.isinf(leading) or abs(leading) > 3 * error
    agree = firsts.max() < 0 or firsts.min() > 0
    return tuple(flags), ("ordered" if leading < 0 else "chaotic") if far and agree else "undecided"
