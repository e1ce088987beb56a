"""Rounds of the method of Benettin et al.: some steps of the linearised map, after which a frame of vectors is made orthonormal again.

One compiled kernel serves every system whose step is a C function; a slow loop with the same output serves all others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.system import State, System, supports_tangent
from weakchaos.diagnostics.orbits.passages import passage_notes
from weakchaos.diagnostics.orbits.twins import phase_scale, twin_tangent
from weakchaos.native.c_maps import call_map
from weakchaos.native.compiled import address_of, kernel
from weakchaos.systems.flow import Flow

__all__ = ["Rounds", "frame_rounds", "random_frame"]

# Below this part of its length, what orthogonalisation leaves of a vector is rounding.
_RESOLUTION = 1e-13
_FAILED, _DIVERGED, _STEEP = 1, 2, 3


@njit(inline="always")
def _orthonormalise(here, start, dim, k, r, gone):
    """Make the frame behind the state at `start` orthonormal, A Q = Q' R; whether a vector was lost in rounding, or more than that was wrong.

    0: nothing; 1: lost, `gone` says which; 2: a length beyond the numbers.
    """
    outcome = 0
    for j in range(k):
        v, whole = start + dim * (j + 1), 0.0
        for m in range(j):
            q, dot = start + dim * (m + 1), 0.0
            for i in range(dim):
                dot += here[q + i] * here[v + i]
            for i in range(dim):
                here[v + i] -= dot * here[q + i]
            r[m, j] = dot
            whole += dot * dot
        square = 0.0
        for i in range(dim):
            square += here[v + i] * here[v + i]
        norm = math.sqrt(square)
        if not norm < 1e150:
            return 2
        r[j, j] = norm
        if norm <= 1e-150 or norm < 1e-13 * math.sqrt(whole):
            # Nothing or only rounding is left: a new direction at a right angle to the others, as any would do.
            outcome = 1
            gone[j] = True
            for candidate in range(dim):
                for i in range(dim):
                    here[v + i] = 0.0
                here[v + candidate] = 1.0
                for _ in range(2):
                    for m in range(j):
                        q, dot = start + dim * (m + 1), 0.0
                        for i in range(dim):
                            dot += here[q + i] * here[v + i]
                        for i in range(dim):
                            here[v + i] -= dot * here[q + i]
                square = 0.0
                for i in range(dim):
                    square += here[v + i] * here[v + i]
                if square * dim > 0.5:
                    break
            scale = 1.0 / math.sqrt(square)
        else:
            scale = 1.0 / norm
        for i in range(dim):
            here[v + i] *= scale
    return outcome


@njit(inline="always")
def _unbounded(here, start, dim):
    finite = 0.0
    for i in range(dim):
        finite += here[start + i] * 0.0
    return finite != 0.0


@njit
def _finer(function, data, dim, here, there, every, r, gone, logs):
    """A round with a new frame after each step, from the state and frame in `here`; `r` becomes the product of the factors. 4 where the map failed."""
    k, n, outcome = gone.size, np.uint64(here.size), 0
    whole, part = np.eye(k), np.zeros((k, k))
    for _ in range(every):
        if call_map(function, n, address_of(here), address_of(there), data) != 0:
            return 4
        here[:] = there
        found = _orthonormalise(here, 0, dim, k, part, gone)
        if found == 2:
            return 2
        outcome = max(outcome, found)
        for i in range(k):
            logs[i] += math.log(part[i, i]) if part[i, i] > 0.0 else -math.inf
            for j in range(i, k):
                r[i, j] = 0.0
                for m in range(i, j + 1):
                    r[i, j] += part[i, m] * whole[m, j]
        for i in range(k):
            for j in range(i, k):
                whole[i, j] = r[i, j]
    return outcome


@kernel
def _rounds(function, data, dim, z, per_row, every, logs, places, frames, factors, states, lost, strains, begins):
    """Growth of a frame over `per_row` rounds of `every` steps a row of `logs`, with the state at its end; frames and triangular factors where they have rows.

    `z` holds the state and k vectors. Norms are multiplied and their logarithm taken when it is due, which saves most of the logarithms.
    A round in which a vector is lost in rounding, or grows beyond the numbers, is made again with a new frame after each step.
    Where `strains` has rows, it gets the largest factor by which a vector grew or shrank in a round of the row, and `begins` the state before that round.
    """
    k, size = logs.shape[1], z.size
    n = np.uint64(size)
    # Three places in one array, told by their beginnings: arrays that change names in a loop cost as much as a step of a small map.
    work, here, there, before = np.empty(3 * size), 0, size, 2 * size
    work[:size] = z
    product, r, gone, done = np.ones(k), np.zeros((k, k)), np.zeros(k, np.bool_), 0
    first, word = address_of(work), np.uint64(8)
    for row in range(logs.shape[0]):
        logs[row] = 0.0
        product[:] = 1.0
        for _ in range(per_row):
            if frames.shape[0] > 0:
                states[done] = work[here : here + dim]
                for j in range(k):
                    frames[done, j] = work[here + dim * (j + 1) : here + dim * (j + 2)]
            if every > 1:
                # The beginning of the round is kept by leaving its memory alone: a copy would wait for numbers that were just written.
                if call_map(function, n, first + word * np.uint64(here), first + word * np.uint64(there), data) != 0:
                    z[:] = work[here : here + size]
                    return done, 1
                before, here, there = here, there, before
            for _ in range(every - 1 if every > 1 else 1):
                if call_map(function, n, first + word * np.uint64(here), first + word * np.uint64(there), data) != 0:
                    z[:] = work[here : here + size]
                    return done, 1
                here, there = there, here
            if _unbounded(work, here, dim):
                z[:] = work[here : here + size]
                return done, 2
            outcome = _orthonormalise(work, here, dim, k, r, gone)
            if strains.shape[0] > 0:
                strain = 0.0
                for j in range(k):
                    strain = max(strain, r[j, j], 1.0 / max(r[j, j], 1e-300))
                if strain > strains[row]:
                    strains[row] = strain
                    begin = before if every > 1 else there
                    begins[row] = work[begin : begin + dim]
            if outcome != 0:
                if every > 1:
                    z[:] = work[before : before + size]
                    gone[:] = False
                    outcome = _finer(function, data, dim, z, work[there : there + size], every, r, gone, logs[row])
                    work[here : here + size] = z
                else:
                    for j in range(k):
                        logs[row, j] += math.log(r[j, j]) if r[j, j] > 0.0 else -math.inf
                if outcome > 1:
                    z[:] = work[here : here + size]
                    return done, 1 if outcome == 4 else 3
                for j in range(k):
                    lost[j] += gone[j]
                    gone[j] = False
            else:
                for j in range(k):
                    product[j] *= r[j, j]
                    if not 1e-140 < product[j] < 1e140:
                        logs[row, j] += math.log(product[j]) if product[j] > 0.0 else -math.inf
                        product[j] = 1.0
            if factors.shape[0] > 0:
                factors[done] = r
            done += 1
        for j in range(k):
            logs[row, j] += math.log(product[j])
        places[row] = work[here : here + dim]
    z[:] = work[here : here + size]
    return done, 0


@dataclass
class Rounds:
    """The results of the rounds.

    Attributes
    ----------
    logs : array of shape (rows, k)
        Growth of each vector of the frame over each row, in nats.
    places : array of shape (rows, dim)
        The state at the end of each row.
    made : int
        Rounds made.
    lost : array of shape (k,)
        How often each vector was lost in rounding errors or shrank to zero.
    split : int
        Number of rounds left out because twin orbits went to different branches of the map.
    diverged : bool
        Whether the orbit became infinite or NaN.
    passages : list of str
        That a flow passed a place which its step cannot resolve.
    remarks : list of str
        Remarks on the orbit that a result must carry as warnings.
    steep : bool
        Whether a derivative became infinite or NaN while the orbit stayed finite.
    frames, factors, states : arrays
        With ``keep``: at the beginning of each round the frame, vectors as rows, of shape (rounds, k, dim), and the state; and the
        triangular factor that takes a frame to the next, of shape (rounds, k, k).
    """

    logs: np.ndarray
    places: np.ndarray
    made: int
    lost: np.ndarray
    split: int
    diverged: bool
    frames: np.ndarray
    factors: np.ndarray
    states: np.ndarray
    steep: bool = False
    passages: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether the rounds ended early."""
        return self.diverged or self.steep

    def notes(self, when: str = "") -> list[str]:
        """Sentences on the rounds, for the warnings of a result; `when` says where they ended early."""
        said = [*self.remarks, *self.passages]
        if self.diverged:
            said.append(f"the orbit diverged {when}: the exponents of an unbounded orbit have no meaning")
        if self.steep:
            said.append(
                f"the derivative was not finite {when}, although the orbit was: no exponent can be computed across such a point"
            )
        if self.split:
            said.append(
                f"in {self.split} of {self.made} rounds the orbits went to different branches of the map; these rounds are left out"
            )
        return said


def random_frame(dim: int, k: int, rng: np.random.Generator) -> np.ndarray:
    """`k` orthonormal vectors as rows, in general position, so that none of them stays in an invariant subspace of the map."""
    return np.ascontiguousarray(np.linalg.qr(rng.standard_normal((dim, k)))[0].T)


def frame_rounds(
    system: System, state: State, frame: np.ndarray, rows: int, per_row: int, every: int, keep: bool = False
) -> Rounds:
    """Move `state` and `frame` (vectors as rows; both changed in place) by rows * per_row rounds of `every` steps."""
    k, dim = frame.shape
    rounds = rows * per_row if keep else 0
    logs, places, lost = np.zeros((rows, k)), np.zeros((rows, dim)), np.zeros(k, np.int64)
    frames, factors, states = np.zeros((rounds, k, dim)), np.zeros((rounds, k, k)), np.zeros((rounds, dim))
    if rows == 0:
        return Rounds(logs, places, 0, lost, 0, False, frames, factors, states)
    if not hasattr(system, "c_map"):
        return _slow_rounds(system, state, frame, per_row, every, Rounds(logs, places, 0, lost, 0, False, frames, factors, states))
    step = system.c_map(k)
    z = np.concatenate([state.phase, frame.ravel()])
    watched = rows if isinstance(system, Flow) else 0
    strains, begins = np.zeros(watched), np.zeros((watched, dim))
    words = np.uint64(step.address), np.uint64(step.user_data)
    made, outcome = _rounds(*words, dim, z, per_row, every, logs, places, frames, factors, states, lost, strains, begins)
    if outcome == _FAILED:
        raise step.take_error()
    state.phase[:], frame[:] = z[:dim], z[dim:].reshape(k, dim)
    passages, remarks = passage_notes(system, begins[strains > 0], strains[strains > 0], every), step.take_remarks()
    rows = made // per_row
    return Rounds(
        logs[:rows],
        places[:rows],
        made,
        lost,
        0,
        outcome == _DIVERGED,
        frames,
        factors,
        states,
        outcome == _STEEP,
        passages,
        remarks,
    )


def _triangular(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    q, r = np.linalg.qr(images)
    signs = np.where(np.diag(r) < 0, -1.0, 1.0)
    return q * signs, r * signs[:, None]


def _lost(r: np.ndarray) -> np.ndarray:
    lengths = np.diag(r)
    return (lengths <= 1e-150) | (lengths < _RESOLUTION * np.linalg.norm(r, axis=0))


def _vanishing(images: np.ndarray) -> bool:
    """Whether a vector was lost in rounding or grew beyond the numbers."""
    return not np.isfinite(images).all() or bool(_lost(_triangular(images)[1]).any())


def _slow_rounds(system: Any, state: State, frame: np.ndarray, per_row: int, every: int, out: Rounds) -> Rounds:
    """The same for a system that gives ``tangent``, or, without it, by twin orbits; rounds that split are left out of the rows."""
    k = len(frame)
    has_tangent = supports_tangent(system)

    def moved(n: int) -> np.ndarray | None:
        return system.tangent(state, n, frame.T) if has_tangent else twin_tangent(system, state, n, frame.T, scale)

    scale = None if has_tangent else phase_scale(system, state)
    for row in range(len(out.logs)):
        total, measured = np.zeros(k), 0
        for _ in range(per_row):
            if len(out.frames):
                out.frames[out.made], out.states[out.made] = frame, state.phase
            part, gone = np.zeros(k), np.zeros(k, bool)
            before = state.copy() if every > 1 else None
            images = moved(every)
            if images is not None and before is not None and _vanishing(images):
                # As in the kernel: made again, with a new frame after each step.
                state.phase, state.symbols, state.driver, state.counters = (
                    before.phase, before.symbols, before.driver, before.counters
                )  # fmt: skip
                whole = np.eye(k)
                for _ in range(every):
                    images = moved(1)
                    if images is None or not np.isfinite(images).all():
                        break
                    q, r = _triangular(images)
                    frame[:], whole = q.T, r @ whole
                    gone |= _lost(r)
                    with np.errstate(divide="ignore"):
                        part += np.log(np.diag(r))
                images = None if images is None else images if not np.isfinite(images).all() else frame.T.copy()
            else:
                whole = np.empty((0, 0))
            if images is None:
                out.split += 1
                out.made += 1
                continue
            # Herding weights that no step has used yet are NaN: of twin orbits, the images alone can tell.
            bounded = bool(np.isfinite(state.phase).all())
            if not np.isfinite(images).all() or (has_tangent and not bounded):
                out.diverged, out.steep, out.logs = not bounded, bounded, out.logs[:row]
                return out
            q, r = _triangular(images)
            gone |= _lost(r)
            if whole.size:
                r = whole
            else:
                with np.errstate(divide="ignore"):
                    part = np.log(np.diag(r))
            if len(out.factors):
                out.factors[out.made] = r
            out.lost += gone
            total += part
            frame[:] = q.T
            measured += 1
            out.made += 1
        # The phase of some samplers grows while they run.
        out.places[row] = state.phase if state.phase.size == out.places.shape[1] else np.nan
        # A row without a single measured round says nothing; NaN is dropped by the caller.
        out.logs[row] = total * (per_row / measured) if measured else np.nan
    return out
