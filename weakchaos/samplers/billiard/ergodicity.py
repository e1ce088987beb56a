"""A measurement of whether the orbits of a billiard from different starts agree.

Starts are drawn from the invariant law itself, by Gibbs sampling and uniform positions, so that an island of regular motion is hit with a probability
equal to its measure. The variance between the averages of the starts is compared with the variance that the two halves of each run predict: for an
ergodic billiard that mixes within the run both estimate the same number; otherwise the first does not fall with the length of the run and the second
does. The averages are the shares of time of the joint states of a few units, and the rate of flips, whose mean over the invariant law is known exactly.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from weakchaos.core.flags import Flag, Kind
from weakchaos.samplers.billiard.sparse import FLIPS
from weakchaos.samplers.billiard.wiring import Wiring, components
from weakchaos.samplers.gibbs import Gibbs

__all__ = ["LARGEST", "STARTS", "Disagreement", "disagreement", "units_to_check"]

STARTS = 12
LARGEST = 36  # moving units of a model that is tried as a whole
_UNITS = 6
_EVENTS, _FLIP_EVENTS = 1_500_000, 3_000_000  # of all runs, where joint states are watched and where they are not
_SETTLING = 100
_STATES = 4096
_RATIO, _OFF = 10.0, 8.0  # of 300 ergodic machines the largest were 6 and 4


class Disagreement(NamedTuple):
    """How much the averages of different starts disagree.

    Attributes
    ----------
    units : tuple of int
        The units whose joint states were measured.
    spread : float
        The largest difference between two starts of the share of time spent in a joint state.
    ratio : float
        Variance of these shares between starts, divided by the variance that the halves of each run predict: about 1 for an ergodic billiard.
    effective : float
        Effective number of independent draws in a run, from the variance between starts.
    rates : (float, float)
        Smallest and largest rate of flips of a start, divided by the exact mean.
    rate_ratio : float
        As `ratio`, for the rate of flips.
    rate_off : float
        Deviation of the mean rate from the exact one, in standard errors; 0 if impossible states leave no exact value.
    time : float
        Billiard time of each run.
    """

    units: tuple[int, ...]
    spread: float
    ratio: float
    effective: float
    rates: tuple[float, float]
    rate_ratio: float
    rate_off: float
    time: float

    @property
    def apart(self) -> bool:
        """Whether different starts spend different shares of time in the joint states of `units`."""
        return self.spread > 1e-3 and (self.ratio > _RATIO or self.effective < self.time / 50.0)

    @property
    def uneven(self) -> bool:
        """Whether different starts flip at different rates, or at a rate other than the exact mean."""
        return self.rates[1] - self.rates[0] > 1e-4 and (self.rate_ratio > _RATIO or abs(self.rate_off) > _OFF)

    @property
    def ergodic(self) -> bool:
        """False if orbits from different starts stay apart, or mix too slowly to be distinguished from this; True only means that nothing was found."""
        return not self.apart and not self.uneven

    def flag(self, equal_rates: bool = False) -> Flag:
        """What speaks against ergodicity."""
        slowest, fastest = self.rates if self.uneven else (None, None)
        return Flag.of(
            Kind.NOT_ERGODIC, where=tuple(map(str, self.units)), time=self.time, spread=self.spread if self.apart else None, ratio=self.ratio,
            slowest=slowest, fastest=fastest, equal_rates=equal_rates,
        )  # fmt: skip


def disagreement(system: Any, units: Any = (), seed: int = 0, starts: int = STARTS, time: float | None = None) -> Disagreement:
    """Compare the averages of orbits from different starts.

    Parameters
    ----------
    system : bound `ChaoticBoltzmann`
    units : sequence of int
        The units whose joint states are measured; the rate of flips is that of all units.
    seed : int
    starts : int
    time : float, optional
        Billiard time of each run; by default such that all runs have about 1.5 million events together, 3 million without `units`.

    Returns
    -------
    Disagreement

    Examples
    --------
    >>> import weakchaos as wc
    >>> pair = wc.PairwiseMRF([[0.0, 1.0], [1.0, 0.0]], fields=[0.5, -1.0])
    >>> disagreement(wc.samplers.ChaoticBoltzmann().bind(pair), [0, 1]).ergodic
    False
    """
    units = tuple(int(i) for i in units)
    if system.time_step != 1.0:  # many short steps would cost more than their events
        system = replace(system.sampler, interval=1.0).bind(system.target)
    rate = system.events_per_time
    events = _EVENTS if units else _FLIP_EVENTS
    half = max(5, round((events / (starts * max(1.0, rate)) if time is None else time) / 2))
    shares = np.empty((starts, 2, int(np.prod(system.target.cardinalities[list(units)], dtype=float))))
    flips = np.empty((starts, 2))
    gibbs = Gibbs().bind(system.target)
    for k, child in enumerate(np.random.SeedSequence(seed).spawn(starts)):
        place = gibbs.advance(gibbs.start(child), _SETTLING, _SETTLING)[0]
        state = system.start(child, place)
        system.advance(state, _SETTLING, _SETTLING)
        for h in range(2):
            before = int(state.counters[FLIPS])
            shares[k, h] = system.occupation(state, half, units)
            flips[k, h] = (int(state.counters[FLIPS]) - before) / (half * max(rate, 1e-300))
    ratio, between, mean = _ratio(shares)
    rate_ratio, rate_variance, rates = _ratio(flips[:, :, None])
    error = max((rate_variance / starts) ** 0.5, 1.0 / (half * max(rate, 1.0)))
    pooled = mean.mean(0)
    return Disagreement(
        units,
        float(np.ptp(mean, axis=0).max()),
        ratio,
        float((pooled * (1 - pooled)).sum() / max(between, 1e-300)),
        (float(rates.min()), float(rates.max())),
        rate_ratio,
        float(rates.mean() - 1.0) / error if system.every_state_possible else 0.0,
        2.0 * half,
    )


def _ratio(values: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Variance between starts over that expected from halves, the former, and the means; of values of shape (starts, 2, k)."""
    mean = values.mean(1)
    within = float(((values[:, 0] - values[:, 1]) ** 2).sum(1).mean()) / 4
    between = float(mean.var(0, ddof=1).sum())
    return between / max(within, 1e-300), between, mean


def units_to_check(free: np.ndarray, wiring: Wiring) -> list[int]:
    """All moving units of a small model; of a larger one, units of parts of three or fewer that are joined to nothing else."""
    if free.size <= _UNITS:
        units = free
    else:
        label = components(wiring)
        size = np.bincount(label, minlength=label.size)[label]
        order = np.argsort(size, kind="stable")
        units = free[order[size[order] <= 3][:_UNITS]]
    states = np.cumprod(wiring.states[np.searchsorted(free, units)].astype(float))
    return units[states <= _STATES].tolist()
