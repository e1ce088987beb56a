"""Where draws go when a run has no store: one array per run, or running sums only."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

__all__ = ["MemorySink"]


class MemorySink:
    """Draws in one array per run."""

    def __init__(self, system: Any, plan: Any, chains: int):
        self.names, self.dim, self.stats_names = list(system.names), system.dim, tuple(system.stats_names)
        self._draws, self._stats = self._room(plan, chains, np.dtype(system.readout_dtype))
        self._averages: list[dict[int, np.ndarray]] = [{} for _ in range(chains)]

    def _room(self, plan: Any, chains: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        n = plan.draws if plan.record == "draws" else 0
        try:
            return np.empty((chains, n, self.dim), dtype), np.empty((chains, n, len(self.stats_names)))
        except (MemoryError, ValueError) as error:  # ValueError when there are more bytes than addresses
            size = chains * n * (self.dim * dtype.itemsize + 8 * len(self.stats_names)) / 1e9
            raise MemoryError(
                f"{size:.1f} GB are needed for all draws; sample with record='averages', store='run.zarr' or fewer `draws`"
            ) from error

    def writing(self) -> Any:
        """Nothing to guard: no other process sees this memory."""
        return contextlib.nullcontext()

    @classmethod
    def from_arrays(cls, data: dict, lengths: list[int], names: list[str]) -> MemorySink:
        """The sink whose `arrays` were saved."""
        sink = cls.__new__(cls)
        sink.names, sink._draws, sink._stats = names, data["draws"], data["stats"]
        sink.dim, sink.stats_names = len(names), tuple(str(s) for s in data["stats_names"])
        n = sink._draws.shape[1]
        if sink._draws.shape != (len(lengths), n, sink.dim) or sink._stats.shape != (len(lengths), n, len(sink.stats_names)):
            raise KeyError("draws and stats of the same length")
        sink._averages = []
        for k in range(len(lengths)):
            counts, sums = data[f"average_counts.{k}"], data[f"average_sums.{k}"]
            sink._averages.append({int(c): sums[i] for i, c in enumerate(counts)})
        return sink

    def arrays(self, lengths: list[int]) -> dict[str, np.ndarray]:
        """Everything as arrays, for saving."""
        longest = max(lengths) if self._draws.shape[1] else 0
        data = {
            "draws": self._draws[:, :longest],
            "stats": self._stats[:, :longest],
            "stats_names": np.array(self.stats_names, dtype=np.str_),
        }
        for k, table in enumerate(self._averages):
            data[f"average_counts.{k}"] = np.array(sorted(table), np.int64)
            data[f"average_sums.{k}"] = np.array([table[c] for c in sorted(table)])
        return data

    def append(self, chain: int, first: int, draws: np.ndarray, stats: np.ndarray) -> None:
        """Take the draws of a block."""
        self._draws[chain, first : first + len(draws)] = draws
        self._stats[chain, first : first + len(draws)] = stats

    def average(self, chain: int, count: int, sums: np.ndarray) -> None:
        """Note running sums after `count` draws."""
        self._averages[chain][count] = sums.copy()

    def commit(self, chain: Any) -> None:
        """Nothing to do: memory does not outlive the process."""

    def extended(self, plan: Any, lengths: list[int]) -> MemorySink:
        """A new sink with room for more draws, holding those made."""
        new = MemorySink.__new__(MemorySink)
        new.names, new.dim, new.stats_names = self.names, self.dim, self.stats_names
        new._draws, new._stats = new._room(plan, len(lengths), self._draws.dtype)
        for k, length in enumerate(lengths if plan.record == "draws" else []):
            new._draws[k, :length], new._stats[k, :length] = self._draws[k, :length], self._stats[k, :length]
        new._averages = [dict(t) for t in self._averages]
        return new

    def draws(self, n: int) -> np.ndarray:
        """The first `n` draws of every chain, a view."""
        return self._draws[:, :n]

    def read(self, chain: int, start: int, stop: int) -> np.ndarray:
        """Draws start to stop of one chain, a view."""
        return self._draws[chain, start:stop]

    def stats(self, n: int) -> dict[str, np.ndarray]:
        """Statistics of the first `n` draws."""
        return {name: self._stats[:, :n, k] for k, name in enumerate(self.stats_names)}

    def stat(self, name: str, n: int) -> np.ndarray:
        """One statistic of the first `n` draws."""
        return self._stats[:, :n, self.stats_names.index(name)]

    def checkpoints(self) -> list[int]:
        """Draw counts that every chain has noted."""
        return sorted(set.intersection(*(set(t) for t in self._averages)))

    def averages(self, chain: int, counts: np.ndarray) -> np.ndarray:
        """Running averages at noted counts."""
        return np.array([self._averages[chain][int(c)] / int(c) for c in counts])
