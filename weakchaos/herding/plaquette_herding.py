"""Herding of the plaquettes of a U(1) lattice gauge theory: no random number, and moments that converge like 1/T.

Herding (M. Welling, ICML 2009, doi:10.1145/1553374.1553517) with the features cos(k x_P) and sin(k x_P), k = 1 .. K, of every plaquette:

    links <- links that make sum_P w_P . f(x_P) larger, link by link, from where they stand
    w_P   <- w_P + (E f - f(x_P))

Links take one of M angles. A sweep that finds the best angle of each link in turn replaces the global maximum, which is what keeps the orbit moving;
averages of the features are off by (w(T) - w(0)) / T whatever the sweep finds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakchaos.core.arguments import whole_number
from weakchaos.core.counters import STEPS
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.core.system import State
from weakchaos.native.compiled import kernel
from weakchaos.samplers.base import Sampler
from weakchaos.samplers.continuous import BoundContinuous
from weakchaos.samplers.gauge_heat_bath import plaquettes_of_links
from weakchaos.targets.u1_lattice import U1Lattice

__all__ = ["PlaquetteHerding"]


@kernel
def _herd(plaquettes, around, signs, features, moments, weights, links, counters, n, every, draws):
    count, angles = plaquettes.shape[0], features.shape[0]
    reward, place = np.empty((count, angles)), np.empty(count, np.int64)
    step = 2.0 * math.pi / angles
    for p in range(count):
        place[p] = (links[plaquettes[p, 0]] + links[plaquettes[p, 1]] - links[plaquettes[p, 2]] - links[plaquettes[p, 3]]) % angles
    for t in range(n):
        for p in range(count):
            for a in range(angles):
                total = 0.0
                for k in range(moments.size):
                    total += weights[p, k] * features[a, k]
                reward[p, a] = total
        for link in range(links.size):
            first, second = around[link, 0], around[link, 1]
            best, turn = -np.inf, 0
            # From where the link stands, so that a tie leaves it there.
            for a in range(angles):
                gain = reward[first, (place[first] + signs[link, 0] * a) % angles]
                if second >= 0:
                    gain += reward[second, (place[second] + signs[link, 1] * a) % angles]
                if gain > best:
                    best, turn = gain, a
            links[link] = (links[link] + turn) % angles
            place[first] = (place[first] + signs[link, 0] * turn) % angles
            if second >= 0:
                place[second] = (place[second] + signs[link, 1] * turn) % angles
        for p in range(count):
            for k in range(moments.size):
                weights[p, k] += moments[k] - features[place[p], k]
        counters[STEPS] += 1
        if (t + 1) % every == 0:
            row = (t + 1) // every - 1
            if draws.shape[0] > 0:
                for link in range(links.size):
                    draws[row, link] = links[link] * step
    return n


class BoundPlaquettes(BoundContinuous):
    """Phase: the weights of the features, V x 2K. Symbols: the links, as numbers of steps of 2 pi / M."""

    def __init__(self, sampler: PlaquetteHerding, target: U1Lattice):
        super().__init__(sampler, target, None)
        around, signs = plaquettes_of_links(target)
        self._around, self._signs = around, signs.astype(np.int64)
        k, angle = np.arange(1, sampler.harmonics + 1), 2.0 * math.pi / sampler.angles * np.arange(sampler.angles)
        self._features = np.concatenate([np.cos(np.outer(angle, k)), np.sin(np.outer(angle, k))], 1)
        self._moments = np.concatenate([[target.exact_plaquette(int(j)) for j in k], np.zeros(k.size)])

    def new_state(self, rng: np.random.Generator, position: Any) -> State:
        """Links at `position`, rounded to the angles there are, or at a random start of the target; weights uniform in [-1, 1]."""
        x, m = super().new_state(rng, position).phase, self.sampler.angles
        links = np.rint(x * m / (2.0 * math.pi)).astype(np.int64) % m
        weights = rng.uniform(-1.0, 1.0, (len(self.target.plaquettes), self._moments.size))
        return State(phase=weights.ravel(), symbols=links)

    def run(self, state: State, n: int, every: int, draws: np.ndarray, stats: np.ndarray, sums: np.ndarray) -> int:
        """See `Bound.run`."""
        target = self.target
        weights = state.phase.reshape(len(target.plaquettes), self._moments.size)
        return _herd(
            target.plaquettes, self._around, self._signs, self._features, self._moments, weights, state.symbols, state.counters, n, every, draws,
        )  # fmt: skip


@dataclass(frozen=True)
class PlaquetteHerding(Sampler):
    """Herding of the plaquettes of a `U1Lattice`: a deterministic orbit whose plaquette moments converge like 1/T.

    Parameters
    ----------
    harmonics : int
        Moments cos(k x) and sin(k x) of each plaquette that are matched, k = 1 .. `harmonics`.
    angles : int
        Angles that a link can take, more than twice `harmonics`.

    Notes
    -----
    What converges is what is matched, the moments of single plaquettes. Wilson loops and the distribution of the charge are products of many plaquettes, and
    nothing makes herded plaquettes independent: compare them with `U1Lattice.exact_wilson_loop` and `U1Lattice.exact_charge_variance`.

    Examples
    --------
    >>> import weakchaos as wc
    >>> lattice = wc.targets.U1Lattice((8, 8), beta=2.0)
    >>> trace = wc.sample(lattice, PlaquetteHerding(), draws=4000, warmup=0, chains=1, seed=1, progress=False)
    >>> bool(abs(trace["plaquette"].mean() - lattice.exact_plaquette()) < 1e-3)
    True
    """

    harmonics: int = 3
    angles: int = 64

    def __post_init__(self):
        object.__setattr__(self, "harmonics", whole_number("harmonics", self.harmonics, 1, 64))
        object.__setattr__(self, "angles", whole_number("angles", self.angles, 4, 4096))
        if self.angles <= 2 * self.harmonics:
            raise ArgumentError(f"`angles` must be more than twice `harmonics`, {self.harmonics}; got {shown(self.angles)}")

    def bind(self, target: Any, driver: Any = None) -> BoundPlaquettes:
        """The system of this herding on a `U1Lattice`; `driver` is not used, since no number is drawn."""
        self.require(target, U1Lattice, "a U1Lattice")
        return BoundPlaquettes(self, target)
