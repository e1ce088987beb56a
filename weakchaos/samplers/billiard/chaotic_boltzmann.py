"""The chaotic Boltzmann machine: sampling by a billiard, without random numbers.

Suzuki, Imura, Horio and Aihara, Scientific Reports 3 (2013) 1610, doi:10.1038/srep01610; Ising and Potts models: Suzuki, Phys. Rev. E 88
(2013) 052144, arXiv:1308.0660. A unit s_i in {0, 1} has a position x_i in [0, 1] that moves up while s_i = 0 and down while s_i = 1,

    dx_i/dt = (1 - 2 s_i) (1 + exp((1 - 2 s_i) z_i)),    z_i = b_i + sum_j W_ij s_j,

and s_i flips at the walls only: to 1 when x_i reaches 1, to 0 when it reaches 0. The speed is 1 / P(s_i | others).

Here the billiard is unfolded, so that it works for any number of states: ``y_i`` in [0, 1] is the progress of unit i through its present
state (x_i for s_i = 0, 1 - x_i for s_i = 1), ``dy_i/dt = c_i / P(s_i | others)``, and at y_i = 1 the state changes to the next one,
0 -> 1 -> ... -> q - 1 -> 0, and y_i returns to 0.

Invariance. The density p(s) times Lebesgue measure in y does not change: (1) for fixed s the velocities are constants, so the flow has no
divergence inside of a cell; (2) the flux through the wall of unit i into state k is ``p(s) c_i / P(s_i | others) = c_i p(others)`` per unit
of area, which does not depend on s_i, so the flux out of one state of i equals the flux into the next. The same holds if impossible states
are skipped. It follows that the mean rate of flips of a unit is c_i times the number of its possible states: 2 per unit time for c_i = 1 and
two states. Whether a single orbit visits all states is another question: with equal c_i the units of a small or weakly coupled model may
synchronise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import positive, real_array, steps_and_columns, whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.flags import Flag
from weakchaos.core.system import State
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.billiard.dense import Scan, run_dense
from weakchaos.samplers.billiard.ergodicity import LARGEST, STARTS, Disagreement, disagreement, units_to_check
from weakchaos.samplers.billiard.sparse import FACTORS, run_sparse
from weakchaos.samplers.billiard.wiring import odds_bound, wire
from weakchaos.samplers.discrete import BoundDiscrete
from weakchaos.targets.discrete_target import DiscreteTarget

__all__ = ["ChaoticBoltzmann"]

_AVERAGES = ("time", "draws")
_LONGEST_STRETCH = 64.0
_LONGEST_STEP = 1e12
_DENSE_UNITS = 2048
_LARGEST_ODDS = 600.0  # of odds that are multiplied, in nats: products stay far from overflow
_JOINT_STATES = 1 << 20


class _Bound(BoundDiscrete):
    """Phase: the share of its way that each moving unit has made. Symbols: the units."""

    moves = ()
    stats_names = ("flips",)

    def __init__(self, sampler: ChaoticBoltzmann, target: Any):
        super().__init__(sampler, target, None)
        self._model = target.model()
        self.rates = sampler.rates_of(self._model.free.size)
        self._wiring = wire(target, self.rates)
        self.time_step = float(sampler.interval)
        self._stretches = max(1, math.ceil(self.time_step / _LONGEST_STRETCH))
        self._dense: Scan | None = None
        n = self._model.free.size
        # Tables of many states, or a queue in which most clocks are set at each event, lose to a plain scan.
        wide = hasattr(target, "pair_arrays") and 4 * len(target.edges) >= n * max(n // 4, 3)
        if wide and n <= _DENSE_UNITS and odds_bound(target) <= _LARGEST_ODDS:
            coupling = target.couplings()
            self._dense = Scan(target.fields, coupling, np.exp(coupling), np.exp(-coupling), 1.0 / self.rates, self._offset)

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """Units at random or at `position`, each somewhere on its way."""
        state = super().new_state(rng, position)
        state.phase = rng.random(self._model.free.size)
        return state

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        timed = self.sampler.averages == "time"
        none = np.empty(0)
        counts, times = (none, sums) if timed else (sums, none)
        return self._move(state, n, every, draws, stats, counts, times, np.empty((self.rates.size, 0)), none)

    def _move(self, state, n, every, draws, stats, counts, times, vectors, joint, words=None) -> int:
        words = np.zeros(self.rates.size, np.int64) if words is None else words
        length = self.time_step / self._stretches
        head = (length, self._stretches, state.symbols, state.phase, vectors, words, joint)
        tail = (state.counters, n, every, draws, stats, counts, times)
        if self._dense is not None:
            return run_dense(self._dense, *head, *tail)
        return run_sparse(self._wiring, self._model, *head, *tail)

    def tangent(self, state: State, n: int, vectors: Any) -> np.ndarray:
        """Move `state` in place by `n` steps and carry vectors along by the linearised map, exact from event to event.

        Parameters
        ----------
        state : State
        n : int
        vectors : array of shape (units that move, k)
            Columns are vectors at `state`; not changed.

        Returns
        -------
        array of shape (units that move, k)
        """
        n, images = steps_and_columns(n, vectors, self.rates.size)
        images = np.ascontiguousarray(images)
        if images is vectors:
            images = images.copy()
        none = np.empty(0)
        self._move(state, n, max(n, 1), self._no_draws(), np.empty((0, 1)), none, none, images, none)
        return images

    @property
    def events_per_time(self) -> float:
        """Mean number of wall hits per unit of billiard time, if every state is possible."""
        return float(self.rates @ self._wiring.states)

    @property
    def every_state_possible(self) -> bool:
        """Whether no conditional probability is zero, by zeros of the model or by underflow."""
        if self._wiring.kind == FACTORS:
            return bool(np.isfinite(self._model.log_table).all())
        return bool((self._wiring.table > 0).all())

    def occupation(self, state: State, n: int, units: Any = None) -> np.ndarray:
        """Move `state` in place by `n` steps; the share of time spent in each joint state of some units, exact.

        Parameters
        ----------
        state : State
        n : int
        units : sequence of int, optional
            All units by default.

        Returns
        -------
        array of shape (product of the numbers of states,)
            The last unit fastest, as ``target.distribution()``.

        Raises
        ------
        ArgumentError
            For more than 2**20 joint states.
        """
        n, chosen = whole_number("n", n, 1), list(range(self.dim)) if units is None else [int(i) for i in units]
        words, fixed, size = np.zeros(self.dim, np.int64), 0, 1
        for i in reversed(chosen):
            words[i] = size
            size *= int(self.target.cardinalities[i])
            if size > _JOINT_STATES:
                raise ArgumentError(f"`units` must have at most {_JOINT_STATES} joint states; name fewer of them")
        for i in self._wiring.still:
            fixed += int(words[i] * state.symbols[i])
        joint, none = np.zeros(size), np.empty(0)
        self._move(
            state, n, n, self._no_draws(), np.empty((0, 1)), none, none, np.empty((self.rates.size, 0)), joint, words[self._model.free]
        )  # fmt: skip
        # Units that do not move shift all codes by the same number.
        return np.roll(joint, fixed) / (n * self.time_step)

    def _no_draws(self) -> np.ndarray:
        return np.empty((0, self.dim), self.dtype)

    def disagreement(self, units: Any = (), seed: int = 0, starts: int = STARTS, time: float | None = None) -> Disagreement:
        """Hold starts against each other: see `weakchaos.samplers.billiard.ergodicity.disagreement`."""
        return disagreement(self, units, seed, starts, time)

    def before_run(self, state: State) -> list[Flag]:
        """Small models, and small parts of large ones, are tried from several starts."""
        flags = super().before_run(state)
        units = units_to_check(self._model.free, self._wiring)
        if len(units) < 2 and not 1 < self._model.free.size <= LARGEST:
            return flags
        found = self.disagreement(units)
        return flags if found.ergodic else [*flags, found.flag(self.sampler.rates != "incommensurate")]


@dataclass(frozen=True)
class ChaoticBoltzmann(Sampler):
    r"""The chaotic Boltzmann machine, computed from one wall hit to the next, exact up to rounding; it uses no random numbers.

    Parameters
    ----------
    interval : float
        Billiard time of a step. In one unit of time a unit of two states flips twice on average, so a step with an interval of 1 is comparable
        with a sweep of Gibbs sampling.
    rates : {"equal", "incommensurate"} or array
        The c_i of the units that move. In the paper all are 1; units that are coupled weakly then stay synchronised, and models of two and
        three units are not ergodic. ``"incommensurate"`` takes ``4**frac(k golden)``, scaled to mean 1, so that no two units synchronise.
    averages : {"time", "draws"}
        What running averages (``record="averages"``, `compare`) average: "time" takes the shares of time that a unit spent in its states, which
        are exact and less noisy; "draws" takes the states at the ends of the steps, which are the draws.

    Notes
    -----
    A unit with states 0 and 1 has a position $x_i$ between two walls, at which it changes its state. It moves with the velocity

    $$\dot x_i = (1 - 2 s_i) \left(1 + e^{(1 - 2 s_i) z_i}\right), \qquad z_i = b_i + \sum_j W_{ij} s_j,$$

    which is $1 / P(s_i | \text{others})$ in size, times the rate $c_i$; units of more states move at that speed from each state to the next.

    ``trace.stats["flips"]`` counts the flips in each draw. The bound system has its exact linearised map (``tangent``), so `lyapunov_spectrum`
    needs no twin orbits; exponents are per unit time. The product of p(s) and Lebesgue measure is invariant (for the proof see the head of the
    file). With two states the flow is reversed by y -> 1 - y, so exponents come in pairs of opposite sign; the exponent along the flow is zero,
    and two units cannot be chaotic. Before a run, models of up to 36 units, and small parts of larger ones, are run from twelve starts, and an
    `ErgodicityWarning` says by how much these disagree if they do.

    Conditional probabilities below 1e-300 are replaced by 1e-300. Any discrete target can be sampled, also one whose tables have zeros.

    Examples
    --------
    >>> import weakchaos as wc
    >>> model = wc.Ising.lattice((4, 4), beta=0.3, field=0.1)
    >>> trace = wc.sample(model, ChaoticBoltzmann(), draws=2000, seed=1, progress=False)
    >>> round(float(trace.stats["flips"].mean()) / model.dim, 1)
    2.0
    """

    interval: float = 1.0
    rates: Any = "equal"
    averages: str = "time"

    def __post_init__(self):
        positive("interval", self.interval)
        if self.interval > _LONGEST_STEP:
            raise ArgumentError(f"`interval` must be at most {_LONGEST_STEP:g}; got {shown(self.interval)}: take more steps")
        if self.averages not in _AVERAGES:
            raise ArgumentError(f"`averages` must be 'time' or 'draws'; got {shown(self.averages)}")
        if isinstance(self.rates, str):
            if self.rates not in ("equal", "incommensurate"):
                raise ArgumentError(f"`rates` must be 'equal', 'incommensurate' or positive numbers; got {shown(self.rates)}")
        else:
            rates = real_array("rates", self.rates, "positive numbers, one a unit that moves")
            if rates.ndim != 1 or not (np.isfinite(rates) & (rates > 0)).all():
                raise ArgumentError(f"`rates` must be positive numbers, one a unit that moves; got {shown(self.rates)}")
            object.__setattr__(self, "rates", tuple(rates.tolist()))

    def rates_of(self, units: int) -> np.ndarray:
        """The rates of so many moving units."""
        if isinstance(self.rates, str):
            if self.rates == "equal" or units == 0:
                return np.ones(units)
            rates = 4.0 ** np.modf((5**0.5 - 1) / 2 * np.arange(1, units + 1))[0]
            return rates / rates.mean()
        if len(self.rates) != units:
            raise ArgumentError(f"`rates` must hold {units} numbers, one for each unit that moves; got {len(self.rates)}")
        return np.array(self.rates)

    def bind(self, target: Any, driver: Any = None) -> _Bound:
        """The system of this sampler on a discrete target; `driver` is not used, since no number is drawn."""
        self.require(target, DiscreteTarget, "a discrete target (PairwiseMRF, Ising, Potts, FactorGraph)")
        return _Bound(self, target)
