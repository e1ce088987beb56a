"""Whether the orbits of a billiard from different starts agree, by measurement.

The variance between the averages of independent starts is held against what the two halves of each run lead to expect: for an ergodic
billiard that mixes within the run both estimate the same, for one that does not the first stays while the second falls.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from weakchaos.samplers.billiard_wiring import Wiring, components

__all__ = ["STARTS", "Disagreement", "disagreement", "units_to_check"]

STARTS = 12
_UNITS = 6
_EVENTS = 1_500_000
_SETTLING = 10
_STATES = 4096


class Disagreement(NamedTuple):
    """How far starts disagree about the joint distribution of a few units.

    Attributes
    ----------
    units : tuple of int
    spread : float
        The largest difference between two starts of the share of time spent in a joint state.
    ratio : float
        Variance between starts over the variance that the two halves of each run lead to expect: about 1 for an ergodic billiard.
    effective : float
        How many independent draws a run is worth, by the variance between starts.
    time : float
        Billiard time of each run.
    """

    units: tuple[int, ...]
    spread: float
    ratio: float
    effective: float
    time: float

    @property
    def ergodic(self) -> bool:
        """False where starts keep to themselves, or mix so slowly that it comes to the same; True says only that nothing was found."""
        return self.spread < 1e-3 or (self.ratio < 10.0 and self.effective > self.time / 50.0)


def disagreement(system: Any, units: Any, seed: int = 0, starts: int = STARTS, time: float | None = None) -> Disagreement:
    """Hold starts against each other: do they agree about how much time a few units spend in each joint state?

    Parameters
    ----------
    system : bound `ChaoticBoltzmann`
    units : sequence of int
    seed : int
    starts : int
    time : float, optional
        Billiard time of each run; by default such that all runs have about 1.5 million events.

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
    if time is None:
        time = _EVENTS / (starts * max(1.0, system.events_per_time))
    half = max(5, round(time / 2))
    shares = np.empty((starts, 2, int(np.prod(system.target.cardinalities[list(units)]))))
    for k, child in enumerate(np.random.SeedSequence(seed).spawn(starts)):
        state = system.start(child)
        system.advance(state, _SETTLING, _SETTLING)
        shares[k, 0], shares[k, 1] = system.occupation(state, half, units), system.occupation(state, half, units)
    mean = shares.mean(1)
    within = float(((shares[:, 0] - shares[:, 1]) ** 2).sum(1).mean()) / 4
    between, pooled = float(mean.var(0, ddof=1).sum()), mean.mean(0)
    ratio, effective = (float(v) / max(w, 1e-300) for v, w in ((between, within), ((pooled * (1 - pooled)).sum(), between)))
    return Disagreement(units, float(np.ptp(mean, axis=0).max()), ratio, effective, 2.0 * half)


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
