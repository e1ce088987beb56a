"""Covariant Lyapunov vectors: the directions that grow at exactly the Lyapunov exponents, forwards and backwards in time.

F. Ginelli, P. Poggi, A. Turchi, H. Chaté, R. Livi and A. Politi, Phys. Rev. Lett. 99 (2007) 130601, doi:10.1103/PhysRevLett.99.130601;
J. Phys. A 46 (2013) 254005, arXiv:1212.3961. Going forwards, frames and triangular factors A Q = Q' R are kept. Going backwards, coefficients
C = R^-1 C', their columns normalised, turn any upper triangular matrix into that of the covariant vectors V = Q C.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State, System, supports_tangent
from weakchaos.diagnostics.orbits.escape import escape_note
from weakchaos.diagnostics.orbits.orthonormal import frame_rounds
from weakchaos.diagnostics.orbits.spectrum import prepared
from weakchaos.diagnostics.orbits.step_check import STRETCH, step_notes
from weakchaos.diagnostics.result import Result
from weakchaos.diagnostics.standard_errors import shear_errors, standard_errors
from weakchaos.native.compiled import kernel

__all__ = ["CovariantVectors", "covariant_vectors"]

_LARGEST = 2**28  # float64 numbers kept: 2 GB


@kernel
def _backwards(factors, coefficients, growth, keep, out):
    """Solve R C = C' from the last factor to the first; lengths lost go into `growth`, coefficients of the first `keep` rounds into `out`."""
    k = coefficients.shape[0]
    for t in range(factors.shape[0] - 1, -1, -1):
        r = factors[t]
        for column in range(k):
            length = 0.0
            for i in range(column, -1, -1):
                value = coefficients[i, column]
                for j in range(i + 1, column + 1):
                    value -= r[i, j] * coefficients[j, column]
                value /= r[i, i]
                coefficients[i, column] = value
                length += value * value
            length = math.sqrt(length)
            for i in range(column + 1):
                coefficients[i, column] /= length
            if t < keep:
                growth[t, column] = -math.log(length)
        if t < keep:
            out[t] = coefficients


@dataclass(frozen=True, repr=False)
class CovariantVectors(Result):
    """Covariant vectors along an orbit; ``float(result)`` is the largest exponent, as their mean growth.

    Attributes
    ----------
    vectors : array of shape (m, dim, k)
        At each of m points of the orbit, unit vectors as columns, from the fastest growing to the slowest. Their signs mean nothing.
    states : array of shape (m, dim)
        The points, as phases of the system.
    times : array of shape (m,)
        Units of time since the first point.
    growth : array of shape (m, k)
        Rates of growth from each point to the next, in nats per unit time.
    exponents, stderr : arrays of shape (k,)
        Means of `growth` and their standard errors by batch means, with the error of the step of a flow as halving it estimates that.
    residual : float
        Largest difference between a vector that is moved to the next point by the linearised map and the vector at that point, both of length 1,
        over up to 100 points.
    """

    stderr: Any = None
    vectors: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 0)))
    states: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    times: np.ndarray = field(default_factory=lambda: np.empty(0))
    growth: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    exponents: np.ndarray = field(default_factory=lambda: np.empty(0))
    residual: float = math.nan

    def angle(self, first: int, second: int) -> np.ndarray:
        """The angle between two of the vectors at each point, in radians from 0 to π / 2; shape (m,)."""
        cosine = np.abs(np.einsum("td,td->t", self.vectors[:, :, first], self.vectors[:, :, second]))
        # From the distance of the vectors where they are close: an arc cosine would lose half of the digits.
        apart = np.linalg.norm(
            self.vectors[:, :, first]
            - np.sign(np.einsum("td,td->t", self.vectors[:, :, first], self.vectors[:, :, second]))[:, None]
            * self.vectors[:, :, second],
            axis=1,
        )
        return np.where(cosine > 0.9, 2.0 * np.arcsin(np.minimum(apart / 2.0, 1.0)), np.arccos(np.minimum(cosine, 1.0)))

    def smallest_angle(self, unstable: int) -> np.ndarray:
        """The smallest angle between the span of the first `unstable` vectors and that of the others, in radians; shape (m,).

        It is bounded away from 0 if the dynamics are hyperbolic; tangencies show as angles near 0.
        """
        k = self.vectors.shape[2]
        if not 0 < unstable < k:
            raise ArgumentError(f"`unstable` must be from 1 to {k - 1}, so that both spans hold vectors; got {shown(unstable)}")
        first, second = np.linalg.qr(self.vectors[:, :, :unstable])[0], np.linalg.qr(self.vectors[:, :, unstable:])[0]
        cosines = np.linalg.svd(np.swapaxes(first, 1, 2) @ second, compute_uv=False)[:, 0]
        beside = second - first @ (np.swapaxes(first, 1, 2) @ second)
        sines = np.linalg.svd(beside, compute_uv=False)[:, -1]
        return np.where(cosines > 0.7, np.arcsin(np.minimum(sines, 1.0)), np.arccos(np.minimum(cosines, 1.0)))


def covariant_vectors(
    system: System,
    k: int | None = None,
    steps: int = 10_000,
    transient: int | None = None,
    backward: int | None = None,
    every: int = 1,
    seed: Any = 0,
    state: State | None = None,
) -> CovariantVectors:
    """The `k` covariant Lyapunov vectors along an orbit.

    Parameters
    ----------
    system : System
    k : int, optional
        Number of vectors; all by default.
    steps : int
        Number of steps along which vectors are computed.
    transient : int, optional
        Number of steps before these, in which the frames converge; max(1000, steps / 10) by default.
    backward : int, optional
        Number of steps after these, which are used only on the way back, where the coefficients converge; as `transient` by default. The error of
        a vector falls like exp(-gap * time) with the gap between neighbouring exponents.
    every : int
        Steps between two points.
    seed : int
    state : State, optional
        The state from which to begin; ``system.start(seed)`` by default. It is not changed.

    Returns
    -------
    CovariantVectors

    Raises
    ------
    ArgumentError
        If an argument is out of range, or if more than 2 GB would be kept in memory.

    Examples
    --------
    >>> from weakchaos.systems import ArnoldCat
    >>> result = covariant_vectors(ArnoldCat(), steps=100)
    >>> bool(abs(result.angle(0, 1) - math.pi / 2).max() < 1e-12)  # the cat map is symmetric
    True
    """
    every = whole_number("every", every, 1)
    steps, back = whole_number("steps", steps, 1), None if backward is None else whole_number("backward", backward, 0)

    def refuse_too_much(dim: int, k: int, transient: int) -> None:
        kept = ((steps + (transient if back is None else back)) // every) * k * (dim + k)
        if kept > _LARGEST:
            raise ArgumentError(
                f"`steps` keeps {kept * 8 / 2**30:.1f} GB of frames, and at most 2 GB are allowed; lower `steps` or `k`, or raise `every`"
            )

    base, frame, steps, transient, _, notes, ended = prepared(system, k, steps, transient, every, seed, state, refuse_too_much)
    k = len(frame)
    rounds, tail = -(-steps // every), -(-(transient if back is None else back) // every)
    width = every * float(getattr(system, "time_step", 1.0))
    parameters: dict[str, Any] = {"steps": rounds * every, "transient": transient, "backward": tail * every, "every": every, "k": k}
    if not ended:
        doubts, numbers = step_notes(system, base, frame, min(STRETCH, steps))
        notes += doubts
        parameters |= numbers
    kept = frame_rounds(system, base, frame, rounds + tail, 1, every, keep=True)
    singular = bool((np.diagonal(kept.factors[: kept.made], axis1=1, axis2=2) <= 0).any())
    notes += [note for note in (*kept.remarks, *kept.passages) if note not in notes]
    escape = None if kept.ended else escape_note(kept.places, system)
    if ended or kept.ended or kept.split or singular or escape is not None:
        notes += [] if escape is None else [escape]
        if kept.diverged:
            notes.append("the orbit diverged: an unbounded orbit has no covariant vectors")
        if kept.steep:
            notes.append("the derivative was not finite at a point of the orbit, so it cannot carry vectors past this point")
        if kept.split:
            notes.append(
                "twin orbits went to different branches of the map, so there is no derivative that carries vectors past this point"
            )
        if singular:
            notes.append("the linearised map is singular, and vectors cannot be followed backwards: lower `k`")
        missing = np.full(k, np.nan)
        return CovariantVectors(math.nan, parameters=parameters, warnings=tuple(notes), stderr=missing, exponents=missing)
    for j in np.flatnonzero(kept.lost * 1000 > kept.made):
        notes.append(f"vector {j + 1} was lost in rounding in {kept.lost[j]} of {kept.made} rounds: lower `every`")
    coefficients, growth, all_coefficients = np.triu(np.ones((k, k))), np.empty((rounds, k)), np.empty((rounds, k, k))
    _backwards(kept.factors, coefficients, growth, rounds, all_coefficients)
    vectors = np.swapaxes(kept.frames[:rounds], 1, 2) @ all_coefficients
    growth /= width
    exponents, times = growth.mean(0), width * np.arange(rounds)
    return CovariantVectors(
        value=float(exponents[0]),
        stderr=np.sqrt(
            standard_errors(growth) ** 2
            + np.square(parameters.get("step_error", np.zeros(k)))
            + shear_errors(exponents, rounds * width, transient * width / every) ** 2
        ),
        curve=(times, growth[:, 0]),
        parameters=parameters,
        warnings=tuple(notes),
        vectors=vectors,
        states=kept.states[:rounds],
        times=times,
        growth=growth,
        exponents=exponents,
        residual=_residual(system, base, kept.states, vectors, every),
    )


def _residual(system: Any, base: State, states: np.ndarray, vectors: np.ndarray, every: int) -> float:
    if not supports_tangent(system) or base.symbols.size or base.driver is not None:
        return math.nan  # a place is then more than its phase
    worst = 0.0
    for t in np.unique(np.linspace(0, len(vectors) - 2, min(100, len(vectors) - 1)).astype(int)) if len(vectors) > 1 else ():
        place = base.copy()
        place.phase[:] = states[t]
        moved = system.tangent(place, every, vectors[t])
        moved /= np.linalg.norm(moved, axis=0)
        signs = np.sign(np.einsum("dk,dk->k", moved, vectors[t + 1]))
        worst = max(worst, float(np.linalg.norm(moved * signs - vectors[t + 1], axis=0).max()))
    return worst
