"""The progress bar of a run: draws made, divergences, the effective sample size so far and the time that is left."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from weakchaos.runs.convergence import effective_size, normal_scores, split

__all__ = ["Progress"]

_COORDINATES = 4  # of which the effective size is shown: the least of the first ones, a live figure and no judgement
_SHARE = 0.005  # of the run's time that may go into it
_LEAST_SECONDS = 1.0
_ROWS = 4000  # draws of each chain that are looked at, the last ones


class Progress:
    """A bar on the terminal or in a notebook; without one it does nothing.

    Parameters
    ----------
    show : bool
    total : int
        Steps of warm-up and draws to make, of all chains.
    chains : int
    group : int
        Draws in one round of an ensemble (see `effective_size`).
    wanted : float, optional
        Effective draws at which the run will stop: the time that is left is that until then, if they go on coming as they do.
    """

    def __init__(self, show: bool, total: int, chains: int, group: int = 1, wanted: float | None = None):
        self._bar: Any = None
        self._wanted, self._sampling_since = wanted, 0.0
        self._group, self._divergences, self._drawn = group, 0, [0] * chains
        self._rows: list[list[np.ndarray]] = [[] for _ in range(chains)]
        self._next, self.spent = time.perf_counter() + _LEAST_SECONDS, 0.0
        if show:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total, unit="draw", desc=f"{chains} chain{'s' * (chains > 1)}", leave=False, smoothing=0.1)

    def add(self, n: int) -> None:
        """Count steps."""
        if self._bar is not None:
            self._bar.update(n)

    def extend(self, n: int) -> None:
        """Make the bar longer."""
        if self._bar is not None:
            self._bar.total += n
            self._bar.refresh()

    def look(self, chain: int, draws: np.ndarray, stats: np.ndarray, stats_names: tuple[str, ...]) -> None:
        """Look at the draws of a block, and show what they say once in a while."""
        if self._bar is None:
            return
        begin = time.perf_counter()
        self._sampling_since = self._sampling_since or begin
        if "diverging" in stats_names:
            self._divergences += int(stats[:, stats_names.index("diverging")].sum())
        self._drawn[chain] += len(draws)
        self._rows[chain].append(draws[-_ROWS:, :_COORDINATES].astype(np.float64))
        if begin > self._next:
            self._show()
            cost = time.perf_counter() - begin
            self._next = time.perf_counter() + max(_LEAST_SECONDS, cost / _SHARE)
        self.spent += time.perf_counter() - begin

    def _show(self) -> None:
        self._rows = [[np.concatenate(rows)[-_ROWS:]] if rows else [] for rows in self._rows]
        told = {} if self._divergences == 0 else {"divergences": str(self._divergences)}
        n = min((len(rows[0]) if rows else 0) for rows in self._rows)
        if n >= 100 and n // self._group >= 20:
            x = np.stack([rows[0][-n:] for rows in self._rows])
            sizes = [effective_size(normal_scores(split(x[:, :, k])), self._group) for k in range(x.shape[2]) if np.ptp(x[:, :, k])]
            if sizes:
                ess = min(sizes) * min(self._drawn) / n  # of the last draws, carried over to all of them
                told["ESS"] = f"{ess:.3g}" if self._wanted is None else f"{ess:.3g} of {self._wanted:.3g}"
                if self._wanted is not None and ess < self._wanted:
                    gone = time.perf_counter() - self._sampling_since
                    told["left"] = f"{gone * (self._wanted / ess - 1.0):.0f} s"
        self._bar.set_postfix(told, refresh=False)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
