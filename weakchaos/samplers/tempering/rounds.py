"""A round of swaps, and of cluster moves before them, on the states of all replicas."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.counters import EVALUATIONS
from weakchaos.core.system import State
from weakchaos.drivers.base import stream_addresses
from weakchaos.samplers.discrete import BoundDiscrete
from weakchaos.samplers.score_map import BoundMap
from weakchaos.samplers.tempering.overlaps import houdayer_move, overlaps_of
from weakchaos.samplers.tempering.replicas import Opened
from weakchaos.samplers.tempering.swaps import swap_round

__all__ = ["Exchange", "place_of"]


def place_of(system: Any, replica: State) -> np.ndarray:
    """What replicas exchange: the positions, of shape (walkers, numbers); a view, but for a sampler that moves in coordinates of its own."""
    if isinstance(system, BoundMap):
        return system.place(replica)[None]
    n = system.target.dim
    array = replica.symbols[:n] if isinstance(system, BoundDiscrete) else replica.phase[: system.walkers * n]
    return array.reshape(system.walkers, n)


class Exchange:
    """Rounds of swaps for one state that is taken apart.

    Parameters
    ----------
    bound : BoundTempering
    opened : Opened
    """

    def __init__(self, bound: Any, opened: Opened):
        self.bound, self.opened = bound, opened
        systems = bound.systems(opened.own["betas"])
        self.tasks = [(systems[-1 - k // bound.copies], replica) for k, replica in enumerate(opened.replicas)]
        # Of the law that replicas have before their draws are weighted.
        self._coefficients = bound.path.coefficients(opened.own["betas"]) * bound.coldest.invariant_power
        self._mapped = isinstance(bound.coldest, BoundMap)
        self._stream = stream_addresses(opened.state.driver.swaps)
        self._order = np.empty((bound.lines, bound.temperatures), np.int64)
        self._still = np.tile(np.arange(bound.temperatures), (bound.lines, 1))
        self._arrays: list[Any] = []
        self._places: list[np.ndarray] = []
        self._positions = getattr(bound.coldest, "positions", None)
        if bound.near is not None:
            self._room = np.empty(bound.target.dim, np.int64), np.zeros(bound.target.dim, np.int64)

    def _find_places(self) -> list[np.ndarray]:
        """The positions of all replicas, from the hottest to the coldest; a table that grew has a new array."""
        now = [replica.symbols for _, replica in self.tasks]
        if self._mapped or len(now) != len(self._arrays) or any(a is not b for a, b in zip(now, self._arrays, strict=True)):
            copies = self.bound.copies
            rungs = [self.tasks[k : k + copies] for k in range(0, len(self.tasks), copies)]
            self._places = [place_of(*task) for rung in reversed(rungs) for task in rung]
            self._arrays = now
        return self._places

    def __call__(self) -> int:
        """A round; how many replicas came back to the target by way of the hottest temperature.

        Raises
        ------
        Exception
            What the user's function raised.
        """
        bound, own, n = self.bound, self.opened.own, self.bound.temperatures
        places = self._find_places()
        if bound.copies == 2:
            pairs = list(zip(places[::2], places[1::2], strict=True))
            if bound.near is not None:
                for a, b in pairs:
                    houdayer_move(a[0], b[0], *bound.near, *self._stream, *self._room)
            own["overlaps"] = np.array([overlaps_of(a[0], b[0], *bound.links) for a, b in pairs]).T.copy()
        rows = np.concatenate(places)
        where = rows if self._positions is None else np.ascontiguousarray(self._positions(rows), np.float64)
        terms = bound.path.terms(where)
        if bound.target.continuous:
            for _, replica in self.tasks:
                replica.counters[EVALUATIONS] += bound.walkers
        terms = np.ascontiguousarray(terms.reshape(n, bound.lines, 2).transpose(1, 0, 2))
        chances, order = np.empty(n - 1), self._order
        trips = swap_round(self._coefficients, terms, *self._stream, self.opened.tail, order, chances)
        for moved in np.flatnonzero(order != self._still).tolist():
            line, k = divmod(moved, n)
            c, w = divmod(line, bound.walkers)
            new = rows[order[line, k] * bound.lines + line]
            if self._mapped:
                system, replica = self.tasks[len(self.tasks) - 1 - k]  # which has one copy and one walker
                system.put(replica, new)
            else:
                places[k * bound.copies + c][w] = new
        own["swap_acceptance"] = chances
        own["terms"] = terms[0, :, : len(bound.path.terms_names)].T.copy()
        return trips
