"""Rotor walks on Markov chains: each state is left for its successors in a fixed, even order instead of at random.

Holroyd and Propp, "Rotor walks and Markov chains" (2010), arXiv:0904.4507: with rational P(x, .) = m(.) / d a state x has a cyclic list of d
successors that holds y m(y) times, and a rotor that moves on by one at each visit; frequencies then differ from those of the random
walk by at most C / n after n runs, not by c / sqrt(n). This holds for every rule that keeps the split of each row bounded,

    |N_xy - T_x P(x, y)| <= b_x,      T_x = departures from x, N_xy = those of them that went to y,

and for real probabilities the sequence of successors (the stack of x) is made as it is used. With credits c_y = T P(y) - N_y, and
c'_y = c_y + P(y) before a departure from a state of k successors:

* credit: y = argmax c'_y, herding of the row. b = max(1, 1/2 + 1/3 + ... + 1/k): let A_j be the largest sum of j credits; the largest c'
  is at least the mean of any j + 1, so A_j <= j/(j+1) (A_{j+1} + 1), from A_k = 0 downwards. If the shares may change from step to step
  no rule that does not look ahead does better (Coppersmith et al., IBM Research Report RC23721, 2005).
* stack: among the y with c'_y >= 1/(2k-2) that which would be due first, argmin (1 - 1/(2k-2) - c'_y) / P(y). b = 1 - 1/(2k-2)
  (Tijdeman, Discrete Math. 32 (1980) 323, doi:10.1016/0012-365X(80)90269-1).
* rotor: a list of one period, in the order of Tijdeman.

Ties go to the lowest state. Rational rows are computed in whole numbers, so that orbits are exactly periodic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State
from weakchaos.native.compiled import kernel
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.discrete import BoundDiscrete
from weakchaos.samplers.record import record_units
from weakchaos.targets.markov_chain import MarkovChain

__all__ = ["RotorWalk"]

_CREDIT, _STACK, _ROTOR = range(3)
_RULES = {"credit": _CREDIT, "stack": _STACK, "rotor": _ROTOR}
_LONGEST_LISTS = 1 << 22


@njit(nogil=True, error_model="numpy")
def _depart(stack, first, stop, gain, unit, credit):
    """The place of the next successor in the row [first, stop), credits brought up to date; a credit of 1 is `unit`."""
    best, chosen = -math.inf, first
    for a in range(first, stop):
        credit[a] += gain[a]
        if credit[a] > best:
            best, chosen = credit[a], a
    if stack and stop - first > 1:
        m = 2.0 * (stop - first) - 2.0
        urgency, share = math.inf, 1.0
        for a in range(first, stop):
            # (1 - 1/m - c) / p, compared crosswise: exact where credits are whole numbers.
            wait = (m - 1.0) * unit - m * credit[a]
            if m * credit[a] >= unit and wait * share < urgency * gain[a]:
                urgency, share, chosen = wait, gain[a], a
    credit[chosen] -= unit
    return chosen


@kernel
def _warm_up(stack, indptr, gain, unit, departures, credit):
    for x in range(unit.size):
        for _ in range(departures[x]):
            _depart(stack, indptr[x], indptr[x + 1], gain, unit[x], credit)


@kernel
def _fill_lists(indptr, gain, unit, list_ptr, successors):
    credit = np.zeros(gain.size)
    for x in range(unit.size):
        for a in range(list_ptr[x], list_ptr[x + 1]):
            successors[a] = _depart(True, indptr[x], indptr[x + 1], gain, unit[x], credit)


@kernel
def _rotor_walk(rule, indptr, indices, gain, unit, list_ptr, successors, offset, phase, x, counters, n, every, draws, sums):
    for t in range(n):
        here = x[0]
        if rule == _ROTOR:
            # The hand stands in the middle of its sector, where the nudge of a twin orbit cannot move it into another.
            chosen = successors[list_ptr[here] + int(phase[here])]
            phase[here] += 1.0
            if phase[here] >= unit[here]:
                phase[here] -= unit[here]
        else:
            chosen = _depart(rule == _STACK, indptr[here], indptr[here + 1], gain, unit[here], phase)
        x[0] = indices[chosen]
        counters[STEPS] += 1
        record_units(t, every, x, offset, draws, sums)
    return n


class BoundRotor(BoundDiscrete):
    """Phase: one credit for each transition (times the denominator of a rational row), or one rotor for each state. Symbols: the present state."""

    def __init__(self, sampler: RotorWalk, target: MarkovChain):
        super().__init__(sampler, target, None)
        self._rule = _RULES[sampler.rule]
        try:
            numerators, denominators = target.whole_rows()
            # Products of two credits and twice a degree must be whole numbers that float64 holds.
            small = 2.0 * np.diff(target.indptr).max() * float(denominators.max()) ** 2 < 2**53
        except ArgumentError as error:
            if self._rule == _ROTOR:
                raise ArgumentError(f"{error}; or take rule='stack', which needs no list") from error
            small = False
        if self._rule == _ROTOR and int(denominators.sum()) > _LONGEST_LISTS:
            raise ArgumentError(
                f"`rule`='rotor' makes a list of {int(denominators.sum())} successors in all, the sum of the rows' denominators, and at most {_LONGEST_LISTS} are allowed: "
                "take rule='stack'"
            )
        self.is_exact = small or self._rule == _ROTOR
        self._gain = numerators.astype(np.float64) if self.is_exact else target.data
        self._unit = denominators.astype(np.float64) if self.is_exact else np.ones(target.n_states)
        lengths = denominators if self._rule == _ROTOR else np.zeros(target.n_states, np.int64)
        self._list_ptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self._successors = np.empty(int(self._list_ptr[-1]), np.int64)
        if self._rule == _ROTOR:
            _fill_lists(target.indptr, self._gain, self._unit, self._list_ptr, self._successors)

    @property
    def split_bound(self) -> np.ndarray:
        """For each state x a bound of |N_xy - T_x P(x, y)| at all times, shape (n,); see the module."""
        successors = np.diff(self.target.indptr)
        harmonic = np.cumsum(1.0 / np.arange(1, successors.max() + 1))[successors - 1]
        random = self.sampler.start == "random"
        if self._rule == _CREDIT:
            # Credits lie between -1 and H_k - 1, and so does the first one.
            return harmonic if random else np.maximum(1.0, harmonic - 1.0)
        bound = 1.0 - 1.0 / np.maximum(2.0 * successors - 2.0, 1.0)
        return 2.0 * bound if random else bound

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """A state at `position` or at random, with rotors at their beginning or in the position after a random number of departures."""
        state = super().new_state(rng, position)
        target, random = self.target, self.sampler.start == "random"
        if self._rule == _ROTOR:
            state.phase = 0.5 + (np.floor(rng.random(target.n_states) * self._unit) if random else np.zeros(target.n_states))
        else:
            state.phase = np.zeros(len(target.data))
            if random:
                departures = rng.integers(0, np.minimum(4 * np.diff(target.indptr), 64))
                _warm_up(self._rule == _STACK, target.indptr, self._gain, self._unit, departures, state.phase)
        return state

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        target = self.target
        return _rotor_walk(
            self._rule, target.indptr, target.indices, self._gain, self._unit, self._list_ptr, self._successors, self._offset, state.phase, state.symbols,
            state.counters, n, every, draws, sums,
        )  # fmt: skip


@dataclass(frozen=True)
class RotorWalk(Sampler):
    r"""The rotor walk of a `MarkovChain`: deterministic, and its visit frequencies converge like 1/T.

    Parameters
    ----------
    rule : {"credit", "stack", "rotor"}
        How a state chooses its successor: the one with the largest credit; the one that would be due first (which gives the tightest split);
        or the next of a cyclic list (rational rows only).
    start : {"zero", "random"}
        Rotors at their beginning, or in the position after a random number of departures. The first state is drawn at random in both cases;
        with rotors at their beginning the visits are spread more evenly.

    Notes
    -----
    Of $T_x$ departures from x, $N_{xy}$ go to y, and whatever $T_x$,

    $$|N_{xy} - T_x P(x, y)| \le b_x.$$

    Of T_x departures from x, T_x P(x, y) go to y within ``sampler.bind(chain).split_bound[x]``, a few units whatever T; see
    `weakchaos.diagnostics.visit_split`. Visit frequencies are then off by a constant over T.

    Examples
    --------
    >>> import weakchaos as wc
    >>> chain = wc.MarkovChain([[0.5, 0.5], [0.25, 0.75]])
    >>> trace = wc.sample(chain, RotorWalk(), draws=12, warmup=0, chains=1, initial=[0], progress=False)
    >>> trace.draws[0, :, 0].tolist()
    [0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1]
    """

    rule: str = "credit"
    start: str = "zero"

    def __post_init__(self):
        if self.rule not in _RULES:
            raise ArgumentError(f"`rule` must be one of {', '.join(_RULES)}; got {shown(self.rule)}")
        if self.start not in ("random", "zero"):
            raise ArgumentError(f"`start` must be 'zero' or 'random'; got {shown(self.start)}")

    def bind(self, target: Any, driver: Any = None) -> BoundRotor:
        """The system of this walk on a `MarkovChain`; `driver` is not used, since no number is drawn."""
        self.require(target, MarkovChain, "a MarkovChain")
        return BoundRotor(self, target)
