"""Herding of spins: the features are s_i and s_i s_j, and the best state is found exactly or by local search.

With weights w the score of a state is ``sum_i w_i s_i + sum_(ij) w_ij s_i s_j``, an Ising energy, and ``h_i = w_i + sum_j w_ij s_j`` the
local field, so that flipping spin i changes the score by ``-2 s_i h_i``.

* enumeration: all states, each one flipped spin from the one before (Gray code); ties go to the lowest state, -1 before +1, first spins first.
* max-product elimination: see `weakchaos.herding.elimination`.
* iterated conditional modes (Besag, JRSS B 48 (1986) 259, doi:10.1111/j.2517-6161.1986.tb01412.x): beginning with the last state, spins are
  set to the sign of their field one after the other until none changes; a spin whose field is zero is not changed.
* tabu search (Glover, ORSA J. Comput. 1 (1989) 190, doi:10.1287/ijoc.1.3.190): after that the best spin is flipped, whether the score rises
  or not; it may then not be flipped again for some time, unless this gives the best state so far; ties go to the spin of lowest index.

Herding needs only a state whose score is at least that of the moments (Welling, ICML 2009); the certificate says whether it is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError
from weakchaos.core.system import State
from weakchaos.herding.argmax import VIOLATIONS, Certified
from weakchaos.herding.elimination import eliminate, junction, pointers
from weakchaos.native.compiled import kernel
from weakchaos.samplers.base import Bound
from weakchaos.samplers.record import row_of

__all__ = ["BoundSpins"]

_ENUMERATION, _MAX_PRODUCT, _MODES, _TABU = range(4)
_METHODS = {"enumeration": _ENUMERATION, "max-product": _MAX_PRODUCT, "icm": _MODES, "tabu": _TABU}
_MOST_ENUMERATED = 20


@njit(nogil=True, error_model="numpy")
def _fields(s, w, ptr, unit, edge, h):
    """Fill the local fields; the score."""
    score = 0.0
    for i in range(s.size):
        h[i] = w[i]
        for a in range(ptr[i], ptr[i + 1]):
            h[i] += w[s.size + edge[a]] * s[unit[a]]
        score += 0.5 * s[i] * (w[i] + h[i])
    return score


@njit(nogil=True, error_model="numpy")
def _turn(i, s, w, ptr, unit, edge, h):
    """Turn spin `i`; the change of the score."""
    change = -2.0 * s[i] * h[i]
    s[i] = -s[i]
    for a in range(ptr[i], ptr[i + 1]):
        h[unit[a]] += 2.0 * w[s.size + edge[a]] * s[i]
    return change


@njit(nogil=True, error_model="numpy")
def _enumerate(s, w, ptr, unit, edge, h, tolerance):
    n = s.size
    s[:] = -1
    score = _fields(s, w, ptr, unit, edge, h)
    best, index, chosen = score, 0, 0
    for t in range(1, 1 << n):
        bit = 0
        while (t >> bit) & 1 == 0:
            bit += 1
        score += _turn(n - 1 - bit, s, w, ptr, unit, edge, h)
        index ^= 1 << bit
        if score > best + tolerance or (score > best - tolerance and index < chosen):
            best, chosen = max(score, best), index
    for i in range(n):
        s[i] = 2 * ((chosen >> (n - 1 - i)) & 1) - 1


@njit(nogil=True, error_model="numpy")
def _iterate_modes(s, w, ptr, unit, edge, h, tolerance):
    """From `s` to a state that no single turn improves; its score."""
    score = _fields(s, w, ptr, unit, edge, h)
    turned = True
    while turned:
        turned = False
        for i in range(s.size):
            # Gains of the size of rounding could follow one another in a circle.
            if s[i] * h[i] < -tolerance:
                score += _turn(i, s, w, ptr, unit, edge, h)
                turned = True
    return score


@njit(nogil=True, error_model="numpy")
def _tabu_search(s, w, ptr, unit, edge, h, rest_until, best_s, patience, tenure, tolerance):
    """From `s` to the best state met before `patience` turns bring nothing better."""
    best = _iterate_modes(s, w, ptr, unit, edge, h, tolerance)
    best_s[:] = s
    rest_until[:] = 0
    score, idle, turn = best, 0, 0
    while idle < patience:
        turn += 1
        gain, chosen = -math.inf, -1
        for i in range(s.size):
            change = -2.0 * s[i] * h[i]
            if change > gain and (rest_until[i] < turn or score + change > best + tolerance):
                gain, chosen = change, i
        if chosen < 0:
            break
        score += _turn(chosen, s, w, ptr, unit, edge, h)
        rest_until[chosen] = turn + tenure
        idle += 1
        if score > best + tolerance:
            best, idle = score, 0
            best_s[:] = s
    s[:] = best_s


@kernel
def _herd_spins(
    method,
    patience,
    tenure,
    plan,
    buffer,
    best_state,
    ptr,
    unit,
    edge,
    ends,
    moments,
    step,
    w,
    s,
    counters,
    n,
    every,
    draws,
    stats,
    sums,
):
    spins, edges = s.size, ends.shape[0]
    recording, averaging = draws.shape[0] > 0, sums.size > 0
    h, rest_until, other = np.empty(spins), np.empty(spins, np.int64), np.empty(spins, np.int64)
    for t in range(n):
        size = 0.0
        for k in range(w.size):
            size += abs(w[k])
        tolerance = 1e-12 * (1.0 + size)
        if method == _ENUMERATION:
            _enumerate(s, w, ptr, unit, edge, h, tolerance)
        elif method == _MAX_PRODUCT:
            for i in range(spins):
                buffer[2 * i], buffer[2 * i + 1] = -w[i], w[i]
            for e in range(edges):
                a = 2 * spins + 4 * e
                buffer[a] = buffer[a + 3] = w[spins + e]
                buffer[a + 1] = buffer[a + 2] = -w[spins + e]
            eliminate(plan, buffer, best_state, s)
            for i in range(spins):
                s[i] = 2 * s[i] - 1
        elif method == _MODES:
            _iterate_modes(s, w, ptr, unit, edge, h, tolerance)
        else:
            _tabu_search(s, w, ptr, unit, edge, h, rest_until, other, patience, tenure, tolerance)
        certificate, norm = 0.0, 0.0
        for k in range(w.size):
            feature = s[k] if k < spins else s[ends[k - spins, 0]] * s[ends[k - spins, 1]]
            certificate += w[k] * (moments[k] - feature)
            w[k] += step * (moments[k] - feature)
            norm += w[k] * w[k]
        if certificate > tolerance:
            counters[VIOLATIONS] += 1
        counters[STEPS] += 1
        row = row_of(t, every)
        if row >= 0:
            if recording:
                for i in range(spins):
                    draws[row, i] = s[i]
                stats[row, 0] = certificate
                stats[row, 1] = math.sqrt(norm)
            if averaging:
                for i in range(spins):
                    sums[i] += s[i]
                for e in range(edges):
                    sums[spins + e] += s[ends[e, 0]] * s[ends[e, 1]]
    return n


class BoundSpins(Certified, Bound):
    """Phase: the weights, those of the spins first. Symbols: the last state of the spins, -1 or +1, from which local search continues."""

    stats_names = ("certificate", "weight_norm")

    def __init__(self, sampler: Any, target: Any):
        super().__init__(sampler, target, None)
        self.dtype = self.readout_dtype = np.dtype(np.int8)
        self.n_averages = len(target.moments)
        spins, ends = target.dim, np.ascontiguousarray(target.edges)
        self.argmax, plan, room = self._method(sampler.argmax)
        neighbour: list[list[tuple[int, int]]] = [[] for _ in range(spins)]
        for e, (i, j) in enumerate(ends.tolist()):
            neighbour[i].append((j, e))
            neighbour[j].append((i, e))
        around = np.array([pair for part in neighbour for pair in part], np.int64).reshape(-1, 2)
        # A turn looks at all spins, so a step costs patience * spins at the least.
        patience = min(20 * spins, 2000) if sampler.patience is None else sampler.patience
        self._fixed = (_METHODS[self.argmax], patience, max(1, min(20, spins // 4)), plan)
        self._arrays = (
            pointers([len(part) for part in neighbour]), around[:, 0].copy(), around[:, 1].copy(), ends, target.moments
        )  # fmt: skip
        self._room = room

    def _method(self, argmax: str) -> tuple[str, Any, int]:
        spins = self.target.dim
        none = junction([2], [[0]])
        if argmax == "enumeration" and spins > _MOST_ENUMERATED:
            raise ArgumentError(
                f"`argmax`='enumeration' takes at most {_MOST_ENUMERATED} spins; {spins} need 'max-product' or 'tabu'"
            )
        if argmax not in ("auto", "max-product"):
            return argmax, *none
        try:
            return "max-product", *junction([2] * spins, [[i] for i in range(spins)] + self.target.edges.tolist())
        except ArgumentError as error:
            if argmax == "auto":
                return "tabu", *none
            raise ArgumentError(f"`argmax`='max-product' is out of reach: {error}; use 'tabu' or 'icm'") from error

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """A state with weights at zero, at random, or as given; local search begins at random spins, or at -1 with ``start="zero"``."""
        if position is not None:
            raise ArgumentError("`initial` must be None: herding starts from weights, not from a position; choose `start`")
        start, k = self.sampler.start, self.n_averages
        s = np.full(self.dim, -1) if isinstance(start, str) and start == "zero" else 2 * rng.integers(0, 2, self.dim) - 1
        if isinstance(start, str):
            w = np.zeros(k) if start == "zero" else rng.uniform(-1.0, 1.0, k)
        elif start.shape != (k,):
            raise ArgumentError(
                f"`start` must have shape ({k},), one weight for each spin and one for each edge; got {start.shape}"
            )
        else:
            w = start.copy()
        return State(phase=w, symbols=s.astype(np.int64))

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        # Scratch of this call alone, so that chains in threads do not share it.
        scratch = np.empty(self._room), np.zeros(self._room, np.int64)
        return _herd_spins(
            *self._fixed, *scratch, *self._arrays, float(self.sampler.step_size), state.phase, state.symbols, state.counters, n, every, draws, stats, sums
        )  # fmt: skip

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """The features of the draws."""
        return self.target.features(draws)

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """The means of the spins."""
        return averages[..., : self.dim]
