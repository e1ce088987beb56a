"""Herding on a finite set.

Welling, ICML 2009, doi:10.1145/1553374.1553517: with features phi and moments m,

    s_t = argmax_s <w_{t-1}, phi(s)>,      w_t = w_{t-1} + m - phi(s_t).

The moments m minus the average of phi over the chosen states are exactly ``(w_T - w_0) / T``, so the error falls like 1/T as long as w stays
bounded; by the perceptron cycling theorem (Block and Levin, Proc. AMS 26 (1970) 229) it does if ``<w, m - phi(s)> <= 0`` at every step.
This inner product is the statistic ``certificate`` of each draw, and a run in which the condition failed ends with a warning. A step size
multiplies the update; since the argmax does not depend on the length of w, it only rescales w_0. Ties go to the lowest index.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import positive, real_array, whole_number
from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State
from weakchaos.herding.argmax import VIOLATIONS, BoundGraph, Certified
from weakchaos.herding.local_search import BoundSpins
from weakchaos.herding.rational import BoundRational
from weakchaos.native.compiled import kernel
from weakchaos.samplers.base import Bound, Sampler
from weakchaos.samplers.record import row_of
from weakchaos.targets.discrete_target import DiscreteTarget, smallest_integer
from weakchaos.targets.ising_moments import IsingMoments
from weakchaos.targets.moments import Moments
from weakchaos.targets.points import Points

__all__ = ["Herding"]


@kernel
def _herding(features, moments, step, w, symbols, counters, n, every, draws, stats, sums):
    states, k = features.shape
    recording, averaging = draws.shape[0] > 0, sums.size > 0
    for t in range(n):
        best, chosen = -math.inf, 0
        for s in range(states):
            value = 0.0
            for j in range(k):
                value += w[j] * features[s, j]
            if value > best:
                best, chosen = value, s
        certificate = -best
        size = 0.0
        for j in range(k):
            certificate += w[j] * moments[j]
            size += abs(w[j] * features[chosen, j])
        if certificate > 1e-12 * (1.0 + size):
            counters[VIOLATIONS] += 1
        norm = 0.0
        for j in range(k):
            w[j] += step * (moments[j] - features[chosen, j])
            norm += w[j] * w[j]
        symbols[0] = chosen
        counters[STEPS] += 1
        row = row_of(t, every)
        if row >= 0:
            if recording:
                draws[row, 0] = chosen
                stats[row, 0] = certificate
                stats[row, 1] = math.sqrt(norm)
            if averaging:
                for j in range(k):
                    sums[j] += features[chosen, j]
    return n


class _Bound(Certified, Bound):
    """Phase: the weights. Symbols: the state chosen last."""

    stats_names = ("certificate", "weight_norm")

    def __init__(self, sampler: Herding, target: Moments | Points, driver: Any):
        super().__init__(sampler, target, None)
        if isinstance(target, Points):
            self._points, self._features, self._moments = True, target.x, target.mean()
        else:
            self._points, self._features, self._moments = False, target.features, target.moments
        self.n_averages = self._features.shape[1]
        self.dtype = self.readout_dtype = smallest_integer(len(self._features) - 1)
        if self._points:
            self.readout_dtype = np.float64

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """Weights at zero, at random, or as given."""
        k = self.n_averages
        if position is not None:
            raise ArgumentError("`initial` must be None: herding starts from weights, not from a position; choose `start`")
        w = self.sampler.start
        if isinstance(w, str):
            w = np.zeros(k) if w == "zero" else rng.uniform(-0.5, 0.5, k) * np.ptp(self._features, axis=0)
        elif w.shape != (k,):
            raise ArgumentError(f"`start` must have shape ({k},), one weight for each feature; got {w.shape}")
        return State(phase=np.array(w, np.float64), symbols=np.zeros(1, np.int64))

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        rows = draws if draws.shape[1] == 1 else np.empty((len(draws), 1), self.dtype)
        step = float(self.sampler.step_size)
        _herding(self._features, self._moments, step, state.phase, state.symbols, state.counters, n, every, rows, stats, sums)
        if rows is not draws:
            draws[:, 0] = rows[:, 0]
        return n

    def readout(self, draws: np.ndarray) -> np.ndarray:
        """Indices of states, or the points themselves."""
        return self._features[draws[:, 0]] if self._points else draws

    def estimands(self, draws: np.ndarray) -> np.ndarray:
        """The features of the draws."""
        return np.asarray(draws, np.float64) if self._points else self._features[np.asarray(draws)[:, 0]]

    def mean_of_averages(self, averages: np.ndarray) -> np.ndarray:
        """The mean of points; indices of states have none."""
        if not self._points:
            raise ArgumentError(
                "the mean of state indices is not kept with record='averages'; `trace.averages()` gives those of the features"
            )
        return averages


_ARGMAX = ("auto", "enumeration", "max-product", "icm", "tabu")


@dataclass(frozen=True)
class Herding(Sampler):
    r"""Herding: a deterministic sequence of states whose feature averages converge like 1/T.

    Parameters
    ----------
    start : {"random", "zero"} or array of shape (k,)
        First weights; random ones are uniform within half the range of each feature.
    features : {"factors", "units"}, optional
        For graphs (`FactorGraph`, `PairwiseMRF`, `Potts`), the moments that are matched: the joint marginals over the scope of each table, or
        the marginals of single units. By default "factors" if there are at most 2**20 states, which are enumerated for the moments, else "units".
    argmax : {"auto", "enumeration", "max-product", "icm", "tabu"}
        How the best state is found. For `Moments` and `Points` all states are enumerated, for graphs max-product elimination is used; both are
        exact. `IsingMoments` allow all: enumeration (up to 20 spins), max-product elimination (trees, chains, and graphs with cliques of at most
        16 spins), and local search by iterated conditional modes or tabu search; by default elimination if it is possible, else tabu search.
    patience : int, optional
        The tabu search ends after this many flips without a better state; by default 20 for each spin, at most 2000.
    step_size : float
        Multiplies the update. The sequence from ``start`` is that of step size 1 from ``start / step_size``.
    exact : bool
        Whole-number arithmetic for rational `Moments`: if the first weights are rational too the orbit is periodic, and no rounding error creates
        or destroys a period. Weights in `State.phase` are then in units of 1 / denominator.

    Notes
    -----
    With features $\phi$, their moments m and weights w,

    $$s_t = \mathrm{argmax}_s \langle w_{t-1}, \phi(s) \rangle, \qquad w_t = w_{t-1} + m - \phi(s_t),$$

    so that the moments are missed by exactly $(w_T - w_0) / T$, which falls like 1/T while w stays bounded.

    Targets: `Moments` (a draw is a state's index), `IsingMoments` (a draw is a state of all spins), `Points` (a draw is a point; the mean
    is matched), and discrete graphs (a draw is a state of all units). ``stats["certificate"]`` is <w, m - phi(s)>; if it was positive at some step the run ends
    with a `ConvergenceWarning`. Ties go to the state of lowest index (in graphs, to the lowest state of each unit, beginning with the unit that is
    eliminated last). Herding matches the moments only; in all other respects the distribution of its states is not that of maximum entropy.

    Examples
    --------
    >>> from fractions import Fraction
    >>> import weakchaos as wc
    >>> neuron = wc.Moments([[0], [1]], [Fraction(3, 7)])
    >>> trace = wc.sample(neuron, Herding("zero", exact=True), draws=14, warmup=0, chains=1, progress=False)
    >>> trace.draws[0, :, 0].tolist()
    [0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0]
    """

    start: Any = "random"
    features: str | None = None
    argmax: str = "auto"
    patience: int | None = None
    step_size: float = 1.0
    exact: bool = False

    def __post_init__(self):
        if isinstance(self.start, str):
            if self.start not in ("random", "zero"):
                raise ArgumentError(f"`start` must be 'random', 'zero' or an array of weights; got {shown(self.start)}")
        else:
            array = real_array("start", self.start, "'random', 'zero' or an array")
            if array.ndim != 1 or not np.isfinite(array).all():
                raise ArgumentError(f"`start` must be a vector of finite weights; got {shown(self.start)}")
            object.__setattr__(self, "start", array)
        if self.features not in (None, "factors", "units"):
            raise ArgumentError(f"`features` must be 'factors', 'units' or None; got {shown(self.features)}")
        if self.argmax not in _ARGMAX:
            raise ArgumentError(f"`argmax` must be one of {', '.join(_ARGMAX)}; got {shown(self.argmax)}")
        if self.patience is not None:
            object.__setattr__(self, "patience", whole_number("patience", self.patience, 1, 1 << 40))
        positive("step_size", self.step_size)
        if not isinstance(self.exact, bool):
            raise ArgumentError(f"`exact` must be True or False; got {shown(self.exact)}")
        if self.exact and self.step_size != 1:
            raise ArgumentError(
                f"`step_size` must be 1 with exact=True, where weights are whole numbers; got {shown(self.step_size)}"
            )

    def bind(self, target: Any, driver: Any = None) -> Any:
        """The system of herding on a target; `driver` is not used, since no number is drawn."""
        self.require(target, (Moments, IsingMoments, Points, DiscreteTarget), "Moments, IsingMoments, Points or a discrete target")
        if self.exact and not isinstance(target, Moments):
            raise ArgumentError(f"`exact` must be False for {shown(target)}: only Moments are given as rational numbers")
        if isinstance(target, IsingMoments):
            return BoundSpins(self, target)
        graph = isinstance(target, DiscreteTarget)
        if self.argmax not in ("auto", "max-product" if graph else "enumeration"):
            raise ArgumentError(
                f"`argmax` must be 'auto' or {'max-product' if graph else 'enumeration'!r} for {shown(target)}; got {self.argmax!r}: spins whose means and "
                "correlations are matched by local search are weakchaos.IsingMoments"
            )
        if self.exact:
            return BoundRational(self, target)
        return BoundGraph(self, target) if graph else _Bound(self, target, None)
