"""The statistics of a draw that is made in pieces, between which replicas were exchanged."""

from __future__ import annotations

import numpy as np

from weakchaos.samplers.tempering.replicas import Opened

__all__ = ["Noting"]

_SUMMED, _ANY, _MEANS = ("n_steps", "n_events", "flips"), ("diverging",), ("acceptance_rate",)


class Noting:
    """Fills `stats` with those of the inner sampler and those of the swaps; their meaning is that of every sampler under thinning.

    Parameters
    ----------
    names : tuple of str
        The statistics of the inner sampler.
    temperatures : int
    every : int
        Steps of a draw.
    stats : array of shape (draws, statistics)
        Without rows where none are kept.
    steps : int
        How many steps follow.
    """

    def __init__(self, names: tuple[str, ...], temperatures: int, every: int, stats: np.ndarray, steps: int):
        self.names, self.every, self.stats = names, every, stats
        self.first = len(names)
        self.pairs = slice(self.first + 1, self.first + temperatures)
        rows = 0 if not len(stats) else steps if every == 1 else 1
        self.inner = np.empty((rows, self.first))  # where the inner sampler writes
        self._total = np.zeros(stats.shape[1])
        self._rounds = 0

    def __call__(self, opened: Opened, made: int, m: int, trips: int) -> None:
        """After `m` more steps, `made` before: `trips` round trips ended in the round before them, -1 if there was none."""
        if not len(self.stats):
            return
        own = opened.own
        swaps = own["swap_acceptance"]
        line = np.concatenate([[max(trips, 0)], swaps, own["terms"].ravel(), own.get("overlaps", np.empty(0)).ravel()])
        if self.every == 1:
            rows = self.stats[made : made + m]
            rows[:, : self.first] = self.inner[made : made + m]
            rows[:, self.first :] = line
            rows[1:, self.first] = 0.0
            return
        total, new = self._total, self.inner[0]
        if trips >= 0:
            total[self.first] += trips
            total[self.pairs] += swaps
            self._rounds += 1
        for k, name in enumerate(self.names):
            if name in _MEANS:
                total[k] += new[k] * m / self.every
            elif name in _SUMMED:
                total[k] += new[k]
            else:
                total[k] = max(total[k], new[k]) if name in _ANY else new[k]
        if (made + m) % self.every == 0:
            row = self.stats[(made + m) // self.every - 1]
            row[self.first :] = line
            row[: self.first + 1] = total[: self.first + 1]
            if self._rounds:
                row[self.pairs] = total[self.pairs] / self._rounds
            total[:] = 0.0
            self._rounds = 0
