"""The Lyapunov spectrum of any system, by orthonormal frames.

Benettin, Galgani, Giorgilli and Strelcyn, Meccanica 15 (1980) 9, doi:10.1007/BF02128236; Shimada and Nagashima, Prog. Theor. Phys. 61
(1979) 1605, doi:10.1143/PTP.61.1605. A frame of k vectors moves under the linearised map and is made orthonormal again after every few steps,
A Q = Q' R; the means of the logarithms of the diagonal of R are the k largest exponents. Dimension: Kaplan and Yorke, Lect. Notes Math. 730
(1979) 204, doi:10.1007/BFb0064319. Sum of the positive exponents: Pesin, Russ. Math. Surv. 32 (1977) 55, doi:10.1070/RM1977v032n04ABEH001639.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State, System, supports_tangent
from weakchaos.diagnostics.orbits.escape import escape_note
from weakchaos.diagnostics.orbits.orthonormal import Rounds, frame_rounds, random_frame
from weakchaos.diagnostics.orbits.step_check import STRETCH, step_notes
from weakchaos.diagnostics.orbits.twins import own_numbers
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.standard_errors import laminar_note, shear_errors, standard_errors
from weakchaos.systems.flow import Flow

__all__ = ["Spectrum", "kaplan_yorke_dimension", "lyapunov_spectrum"]

_ROWS = 200
_PILOT = 200
_PARTS = 20  # of the transient


@dataclass(frozen=True, repr=False)
class Spectrum(Result):
    """The k largest exponents, and quantities that follow from them; ``float(spectrum)`` is the largest.

    Attributes
    ----------
    exponents : array of shape (k,)
        In nats per step of a map, per unit time of a flow; descending.
    stderr : array of shape (k,)
        Standard errors by batch means, larger if one excursion of the orbit is longer than a batch, and those of a flow with the error of its step, as halving it
        estimates that; NaN if there are fewer than four batches. Exponents near 0 have the error with which those of regular motion fall to 0, log(t) / t.
    times : array of shape (m,)
    history : array of shape (m, k)
        Running estimates at `times`.
    kaplan_yorke : float or None
        Kaplan-Yorke dimension; None if it needs more exponents than were measured.
    pesin : float or None
        Sum of the positive exponents: the entropy of the orbit if Pesin's formula holds, otherwise an upper bound of it; None if the smallest
        measured exponent is positive and others are not measured.
    """

    stderr: Any = None
    exponents: np.ndarray = field(default_factory=lambda: np.empty(0))
    times: np.ndarray = field(default_factory=lambda: np.empty(0))
    history: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    kaplan_yorke: float | None = None
    pesin: float | None = None

    def in_base(self, base: float) -> Spectrum:
        """The same in logarithms to another base (2 for bits)."""
        unit = math.log(base)
        return replace(
            self,
            value=self.value / unit,
            stderr=self.stderr / unit,
            curve=(self.curve[0], self.curve[1] / unit),
            exponents=self.exponents / unit,
            history=self.history / unit,
            pesin=None if self.pesin is None else self.pesin / unit,
            parameters={**self.parameters, "base": base},
        )


def kaplan_yorke_dimension(exponents: Any, complete: bool = True) -> float | None:
    r"""The Kaplan-Yorke dimension of exponents in falling order, where j is the largest number of them whose sum is not negative.

    Parameters
    ----------
    exponents : array of shape (k,)
    complete : bool
        Whether these are all exponents of the system. If no sum is negative, the dimension is k if they are all, and unknown if they are not.

    Returns
    -------
    float or None

    Notes
    -----
    $$D = j + \frac{\lambda_1 + \dots + \lambda_j}{|\lambda_{j+1}|}$$

    Examples
    --------
    >>> round(kaplan_yorke_dimension([0.41922, -1.62319]), 5)
    1.25827
    """
    ordered = np.sort(np.asarray(exponents, float))[::-1]
    sums = np.cumsum(ordered)
    below = np.flatnonzero(sums < 0)
    if not np.isfinite(sums[: below[0] if below.size else None]).all():
        return None
    if not below.size:
        return float(len(ordered)) if complete else None
    j = int(below[0])
    return 0.0 if j == 0 else float(j + sums[j - 1] / abs(ordered[j]))


def chosen_interval(pilot: Rounds, every: int, exact: bool = False) -> int:
    """Steps between two orthonormalisations.

    Twin orbits must stay close, so neither growth nor the shear of the frame between two orthonormalisations may exceed a factor of about 100. With
    an `exact` derivative only rounding errors limit the interval: a shear of 10**4 leaves twelve digits of the smallest vector, and growth by a
    factor of 10**40 is far from overflow.
    """
    if not pilot.logs.size or not np.isfinite(pilot.logs).all():
        return every
    rates = pilot.logs.mean(0) / every
    shear, growth = (1e4, 1e40) if exact else (100.0, 100.0)
    strength = max(float(np.ptp(rates)) / math.log(shear), float(np.abs(rates).max()) / math.log(growth), 1e-3)
    return int(min(max(1.0 / strength, 1.0), 50.0))


def prepared(
    system: System,
    k: Any,
    steps: Any,
    transient: Any,
    every: Any,
    seed: Any,
    state: State | None,
    check: Callable[[int, int, int], None] | None = None,
) -> tuple[State, np.ndarray, int, int, int, list[str], bool]:
    """The common beginning of all diagnostics that use frames.

    Returns the state and the frame after the transient, the numbers of steps and of transient steps, the steps between two orthonormalisations,
    notes, and whether the orbit ended during the transient.
    """
    steps = whole_number("steps", steps, 1)
    transient = max(1000, steps // 10) if transient is None else whole_number("transient", transient, 0)
    base = system.start(seed) if state is None else state.copy()
    size = base.phase.size
    if size == 0:
        raise ArgumentError(
            "`system` has no real coordinates and therefore no linearised map; use largest_exponent, which measures how damage spreads in discrete systems"
        )
    k = size if k is None else whole_number("k", k, 1, size)
    if check is not None:
        check(size, k, transient)
    frame = random_frame(
        size,
        k,
        own_numbers(0x717, seed),
    )
    notes = []
    if not supports_tangent(system):
        notes.append("the system has no tangent map: derivatives are differences of twin orbits")
    interval = 1 if every is None else whole_number("every", every, 1)
    first = min(transient, _PILOT) // interval
    pilot = frame_rounds(system, base, frame, first, 1, interval)
    rest = transient - first * interval
    if every is None:
        interval = chosen_interval(pilot, 1, supports_tangent(system))
    made, passages = pilot, list(pilot.passages)
    # In parts, so that each of them names its hardest place. The last round may be shorter, so that the orbit measured does not depend on the interval.
    rounds = rest // interval
    for rows, per_row, length in (
        (_PARTS, rounds // _PARTS, interval),
        (1, rounds % _PARTS, interval),
        (1, min(1, rest % interval), rest % interval),
    ):
        if per_row and not made.ended:
            made = frame_rounds(system, base, frame, rows, per_row, length)
            passages += made.passages
    # What the orbit met on its way to where it is measured is said too, each thing once.
    notes += [f"during the transient, {note}" for note in passages[:1]]
    if made.ended:
        notes += [note for note in made.notes("during the transient") if note not in made.passages]
    return base, frame, steps, transient, interval, notes, made.ended


def lyapunov_spectrum(
    system: System,
    k: int | None = None,
    steps: int = 100_000,
    transient: int | None = None,
    every: int | None = None,
    seed: Any = 0,
    state: State | None = None,
) -> Spectrum:
    r"""The `k` largest Lyapunov exponents of a system, with errors, history, Kaplan-Yorke dimension and Pesin sum.

    Parameters
    ----------
    system : System
        The system's own ``tangent`` is used if it has one; otherwise derivatives are differences of k + 1 twin orbits under the same numbers
        of the driver. Reference systems and `UserMap` run in one common compiled kernel.
    k : int, optional
        Number of exponents; all by default.
    steps : int
        Number of steps that are measured (rounded up to whole rounds). The standard error falls like 1 / sqrt(steps); for the Hénon map and
        100 000 steps it is 0.0013.
    transient : int, optional
        Number of steps before these, in which the frame converges too; max(1000, steps / 10) by default.
    every : int, optional
        Steps between two orthonormalisations. By default the transient determines it: at most 50, and so few that little is lost to rounding
        errors or, for twin orbits, to their distance.
    seed : int
        Seed of the start and of the first frame.
    state : State, optional
        The state from which to begin; ``system.start(seed)`` by default. It is not changed.

    Returns
    -------
    Spectrum
        In nats per unit time (per step if the system has no ``time_step``). An orbit that diverges, or grows exponentially all along, gives NaN and a warning.

    Raises
    ------
    ArgumentError
        If an argument is out of range, or if the system has no real coordinates.

    Notes
    -----
    A frame of orthonormal vectors Q moves under the linearised map A and is made orthonormal again after each time $\tau$; with the triangular factors R,

    $$A_n Q_{n-1} = Q_n R_n, \qquad \lambda_i = \lim_{n \to \infty} \frac{1}{n \tau} \sum_{m=1}^n \ln R_{m, ii}.$$

    Examples
    --------
    >>> from weakchaos.systems import ArnoldCat
    >>> lyapunov_spectrum(ArnoldCat(), steps=2000).exponents.round(6).tolist()
    [0.962424, -0.962424]
    """
    base, frame, steps, transient, interval, notes, ended = prepared(system, k, steps, transient, every, seed, state)
    rounds = -(-steps // interval)
    per_row = -(-rounds // min(_ROWS, rounds))
    rows = -(-rounds // per_row)
    width = per_row * interval * float(getattr(system, "time_step", 1.0))
    parameters: dict[str, Any] = {"steps": rows * per_row * interval, "transient": transient, "every": interval, "k": len(frame)}
    parameters["derivative"] = getattr(system, "derivative", "tangent map" if supports_tangent(system) else "twin orbits")
    if ended:
        return spectrum_of(np.empty((0, len(frame))), width, base.phase.size, parameters, notes)
    result = frame_rounds(system, base, frame, rows, per_row, interval)
    notes += result.notes(f"after {result.made * interval} steps")
    for j in np.flatnonzero(result.lost * 1000 > max(result.made, 1)):
        notes.append(
            f"vector {j + 1} was lost in rounding in {result.lost[j]} of {result.made} rounds: its exponent is an upper bound"
        )
    escape = None if result.ended else escape_note(result.places, system)
    if escape is not None:
        return spectrum_of(result.logs[:0], width, base.phase.size, parameters, [*notes, escape])
    if not result.ended:
        doubts, numbers = step_notes(system, base, frame, min(max(STRETCH, steps // 200), 100 * STRETCH))
        notes += doubts
        parameters |= numbers
    return spectrum_of(
        result.logs[~np.isnan(result.logs).any(1)] if not result.ended else result.logs[:0],
        width,
        base.phase.size,
        parameters,
        notes,
        isinstance(system, Flow),
    )


def spectrum_of(
    logs: np.ndarray, width: float, dim: int, parameters: dict[str, Any], notes: list[str], invertible: bool = False
) -> Spectrum:
    """The spectrum from the growth `logs` over rows of `width` units of time; no exponent of an `invertible` map is minus infinity."""
    m, k = logs.shape
    if m == 0:
        missing = np.full(k, np.nan)
        if not notes:
            notes = ["no round could be measured"]
        return Spectrum(
            math.nan, parameters=parameters, warnings=tuple(notes), stderr=missing, exponents=missing, history=np.empty((0, k))
        )
    rates = logs / width
    exponents = rates.mean(0)
    order = np.argsort(-exponents, kind="stable")
    times = width * np.arange(1, m + 1)
    history = np.cumsum(rates, 0)[:, order] / np.arange(1, m + 1)[:, None]
    # What the step of a flow is off by does not average out over the orbit.
    off = np.asarray(parameters.get("step_error", np.zeros(k)))
    off = np.hypot(off, shear_errors(exponents, m * width, m * width * parameters["transient"] / parameters["steps"]))
    exponents, stderr = exponents[order], np.hypot(standard_errors(rates), off)[order]
    laminar = laminar_note(rates[:, order[0]])
    if laminar is not None:
        notes = [*notes, laminar]
    complete = k == dim
    dimension = kaplan_yorke_dimension(exponents, complete)
    pesin = float(exponents[exponents > 0].sum()) if complete or exponents[-1] <= 0 else None
    if np.isneginf(exponents).any() and invertible:
        # What is lost within one step has an exponent, and the numbers do not hold it.
        exponents = np.where(np.isneginf(exponents), math.nan, exponents)
        notes = [*notes, "a vector shrank below rounding within one step, so it has no exponent here: take a smaller `step`"]
    elif np.isneginf(exponents).any():
        notes = [
            *notes,
            "a vector shrank to zero (the orbit is superstable, or the map is not invertible): its exponent is minus infinity",
        ]
    if dimension is None or pesin is None:
        notes = [
            *notes,
            f"{k} exponents are too few for the {'Pesin sum' if pesin is None else 'Kaplan-Yorke dimension'}: raise `k`",
        ]
    return Spectrum(
        value=float(exponents[0]),
        stderr=stderr,
        curve=(times, history[:, 0]),
        parameters=parameters,
        warnings=tuple(notes),
        exponents=exponents,
        times=times,
        history=history,
        kaplan_yorke=dimension,
        pesin=pesin,
    )
