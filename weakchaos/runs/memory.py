"""Where draws go when a run has no store: one array per run, or running sums only."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

__all__ = ["MemorySink", "columns", "today"]


# What statistics were called in version 0.1.0.
_RENAMED = {"logp": "lp", "accept_prob": "acceptance_rate"}


def today(names: Any) -> tuple[str, ...]:
    """Names of stored statistics as they are called now."""
    return tuple(_RENAMED.get(str(name), str(name)) for name in names)


def columns(stored: tuple[str, ...], made: tuple[str, ...]) -> list[int] | None:
    """Which of the statistics a sampler makes now a stored run keeps; None for all of them, in their order."""
    return None if stored == made else [made.index(name) for name in stored]


class MemorySink:
    """Draws in one array per run."""

    _columns: list[int] | None = None
    renamed = False

    def __init__(self, system: Any, plan: Any, chains: int):
        self.names, self.dim, self.stats_names = list(system.names), len(system.names), tuple(system.stats_names)
        self._draws, self._stats = self._room(plan, chains, np.dtype(system.readout_dtype))
        self._averages: list[dict[int, np.ndarray]] = [{} for _ in range(chains)]
        rows = plan.warmup if getattr(plan, "keep_warmup", False) else 0
        self._warmup = np.empty((chains, rows, self.dim), system.readout_dtype), np.empty((chains, rows, len(self.stats_names)))

    def _room(self, plan: Any, chains: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        n = plan.draws if plan.record == "draws" else 0
        try:
            return np.empty((chains, n, self.dim), dtype), np.empty((chains, n, len(self.stats_names)))
        except (MemoryError, ValueError) as error:  # ValueError when there are more bytes than addresses
            size = chains * n * (self.dim * dtype.itemsize + 8 * len(self.stats_names)) / 1e9
            raise MemoryError(
                f"{size:.1f} GB are needed for all draws; sample with record='averages', store='run.zarr' or fewer `draws`"
            ) from error

    def keep_flags(self, flags: list[dict]) -> None:
        """Nothing to do: they are kept with the trace."""

    def writing(self) -> Any:
        """Nothing to guard: no other process sees this memory."""
        return contextlib.nullcontext()

    @classmethod
    def from_arrays(cls, data: dict, lengths: list[int], names: list[str]) -> MemorySink:
        """The sink whose `arrays` were saved."""
        sink = cls.__new__(cls)
        sink.names, sink._draws, sink._stats = names, data["draws"], data["stats"]
        sink.dim, sink.stats_names = len(names), today(data["stats_names"])
        sink.renamed = sink.stats_names != tuple(map(str, data["stats_names"]))
        n = sink._draws.shape[1]
        if sink._draws.shape != (len(lengths), n, sink.dim) or sink._stats.shape != (len(lengths), n, len(sink.stats_names)):
            raise KeyError("draws and stats of the same length")
        none = np.empty((len(lengths), 0, sink.dim), sink._draws.dtype), np.empty((len(lengths), 0, len(sink.stats_names)))
        sink._warmup = (data["warmup"], data["warmup_stats"]) if "warmup" in data else none  # runs of version 0.1.0 have none
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
        if self._warmup[0].shape[1]:
            data["warmup"], data["warmup_stats"] = self._warmup
        for k, table in enumerate(self._averages):
            data[f"average_counts.{k}"] = np.array(sorted(table), np.int64)
            data[f"average_sums.{k}"] = np.array([table[c] for c in sorted(table)])
        return data

    def accept(self, made: tuple[str, ...]) -> None:
        """Say which statistics the sampler makes that goes on with this run."""
        self._columns = columns(self.stats_names, made)

    def append(self, chain: int, first: int, draws: np.ndarray, stats: np.ndarray) -> None:
        """Take the draws of a block."""
        self._draws[chain, first : first + len(draws)] = draws
        self._stats[chain, first : first + len(draws)] = stats if self._columns is None else stats[:, self._columns]

    def append_warmup(self, chain: int, first: int, draws: np.ndarray, stats: np.ndarray) -> None:
        """Take the steps of a block of warm-up."""
        self._warmup[0][chain, first : first + len(draws)] = draws
        self._warmup[1][chain, first : first + len(draws)] = stats

    @property
    def keeps_warmup(self) -> bool:
        """Whether there is room for the draws of warm-up."""
        return self._warmup[0].shape[1] > 0

    def warmup(self, n: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The first `n` steps of warm-up of every chain and their statistics; without rows where they were not kept."""
        return self._warmup[0][:, :n], {name: self._warmup[1][:, :n, k] for k, name in enumerate(self.stats_names)}

    def average(self, chain: int, count: int, sums: np.ndarray) -> None:
        """Note running sums after `count` draws."""
        self._averages[chain][count] = sums.copy()

    def commit(self, chain: Any) -> None:
        """Nothing to do: memory does not outlive the process."""

    def commit_together(self, chains: list) -> None:
        """The same for all chains at once."""

    def note_stop(self, why: dict | None) -> None:
        """Nothing to do: the trace knows."""

    def extended(self, plan: Any, lengths: list[int]) -> MemorySink:
        """A new sink with room for more draws, holding those made."""
        new = MemorySink.__new__(MemorySink)
        new.names, new.dim, new.stats_names = self.names, self.dim, self.stats_names
        new._draws, new._stats = new._room(plan, len(lengths), self._draws.dtype)
        for k, length in enumerate(lengths if plan.record == "draws" else []):
            new._draws[k, :length], new._stats[k, :length] = self._draws[k, :length], self._stats[k, :length]
        new._columns, new.renamed = self._columns, self.renamed
        new._averages, new._warmup = [dict(t) for t in self._averages], self._warmup
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
