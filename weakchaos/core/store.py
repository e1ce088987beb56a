"""Where draws go: memory, or a zarr directory that survives a kill at any moment.

The directory is a zarr group that ArviZ and xarray read (``posterior/x`` of dimensions chain, draw, dim). Draws of a block are written
first, then the chain's commit file (how many draws count, and the exact state after the last of them) replaces the one before in a
single rename. A process killed between the two leaves draws beyond the commit; they are not counted, and `resume` overwrites them with
the same numbers.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, StoreError, shown
from weakchaos.core.system import State
from weakchaos.core.trace import Trace, describe_system, load_npz, rebuild_system

__all__ = ["MemorySink", "StoreSink", "load", "resume"]

_FORMAT = "weakchaos store 1"
_CHUNK_BYTES = 1 << 20


class MemorySink:
    """Draws in one array per run."""

    def __init__(self, system: Any, plan: Any, chains: int):
        self.names, self.dim, self.stats_names = list(system.names), system.dim, tuple(system.stats_names)
        n = plan.draws if plan.record == "draws" else 0
        try:
            self._draws = np.empty((chains, n, self.dim), system.readout_dtype)
            self._stats = np.empty((chains, n, len(self.stats_names)))
        except MemoryError as error:
            size = chains * n * self.dim * np.dtype(system.readout_dtype).itemsize / 1e9
            raise MemoryError(
                f"{size:.1f} GB are needed for all draws; sample with record='averages', store='run.zarr' or fewer `draws`"
            ) from error
        self._averages: list[dict[int, np.ndarray]] = [{} for _ in range(chains)]

    @classmethod
    def from_arrays(cls, data: dict, lengths: list[int], names: list[str]) -> MemorySink:
        """The sink whose `arrays` were saved."""
        sink = cls.__new__(cls)
        sink.names, sink._draws, sink._stats = names, data["draws"], data["stats"]
        sink.dim, sink.stats_names = len(names), tuple(str(s) for s in data["stats_names"])
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
        n = plan.draws if plan.record == "draws" else 0
        new._draws = np.empty((len(lengths), n, self.dim), self._draws.dtype)
        new._stats = np.empty((len(lengths), n, len(self.stats_names)))
        for k, length in enumerate(lengths if n else []):
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

    def checkpoints(self) -> list[int]:
        """Draw counts that every chain has noted."""
        return sorted(set.intersection(*(set(t) for t in self._averages)))

    def averages(self, chain: int, counts: np.ndarray) -> np.ndarray:
        """Running averages at noted counts."""
        return np.array([self._averages[chain][int(c)] / int(c) for c in counts])


def _write_atomically(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


class StoreSink:
    """Draws in a zarr directory."""

    def __init__(self, path: Path, group: Any, head: dict):
        self.path, self._group, self.head = path, group, head
        self.names, self.dim = head["names"], len(head["names"])
        self.stats_names = tuple(head["stats_names"])
        self._x = group["posterior/x"]
        self._s = [group[f"sample_stats/{name}"] for name in self.stats_names]
        self._size = self._x.shape[1]

    @classmethod
    def create(cls, path: Any, system: Any, plan: Any, chains: list, settings: dict) -> StoreSink:
        """A new store with the start of every chain committed; refuses to write over anything."""
        import zarr

        path = Path(path)
        if path.suffix != ".zarr":
            raise ArgumentError(f"`store` must be a path that ends in .zarr; got {shown(str(path))}")
        if path.exists():
            raise StoreError(
                f"`store`: {path} exists already; continue it with weakchaos.resume({str(path)!r}), or choose another path"
            )
        if not path.parent.is_dir():
            raise StoreError(f"`store`: the folder {path.parent} does not exist")
        # Made aside and renamed when whole: whoever finds the path finds a store that can be resumed.
        aside = path.with_name(f"{path.name}.new-{os.getpid()}")
        group = zarr.open_group(str(aside), mode="w", attributes={"names": list(system.names)})
        rows = max(1, min(_CHUNK_BYTES // max(1, system.dim * np.dtype(system.readout_dtype).itemsize), 1 << 16))
        posterior = group.create_group("posterior")
        shape, chunks = (len(chains), 0, system.dim), (1, rows, system.dim)
        posterior.create_array(
            "x", shape=shape, chunks=chunks, dtype=system.readout_dtype, dimension_names=("chain", "draw", "coordinate")
        )
        if system.stats_names:
            stats = group.create_group("sample_stats")
            for name in system.stats_names:
                stats.create_array(name, shape=shape[:2], chunks=chunks[:2], dtype="float64", dimension_names=("chain", "draw"))
        (aside / "commits").mkdir()
        arrays: dict[str, np.ndarray] = {}
        head = {
            "format": _FORMAT,
            "plan": {"draws": plan.draws, "warmup": plan.warmup, "thin": plan.thin},
            "chains": len(chains),
            "names": list(system.names),
            "stats_names": list(system.stats_names),
            "settings": settings,
            "system": describe_system(system, arrays),
        }
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        _write_atomically(aside / "system.npz", buffer.getvalue())
        _write_atomically(aside / "run.json", json.dumps(head).encode())
        sink = cls(aside, group, head)
        for chain in chains:
            sink.commit(chain)
        os.rename(aside, path)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> StoreSink:
        """An existing store.

        Raises
        ------
        FileNotFoundError, StoreError
        """
        import zarr

        if not path.exists():
            raise FileNotFoundError(f"there is no store at {path}")
        if not (path / "run.json").exists():
            raise StoreError(f"{path} is not a store of this package")
        try:
            head = json.loads((path / "run.json").read_text())
        except ValueError as error:
            raise StoreError(f"{path}/run.json is damaged: {error}") from error
        if head.get("format") != _FORMAT:
            raise StoreError(f"{path} has format {shown(head.get('format'))}; this version reads {_FORMAT!r}")
        return cls(path, zarr.open_group(str(path), mode="r+"), head)

    def rebuild(self, target: Any = None, sampler: Any = None, driver: Any = None) -> Any:
        """The bound system of the run, or None when its target was a user's function and was not passed again."""
        with np.load(self.path / "system.npz", allow_pickle=False) as arrays:
            return rebuild_system(self.head["system"], arrays, target, sampler, driver)

    def append(self, chain: int, first: int, draws: np.ndarray, stats: np.ndarray) -> None:
        """Write the draws of a block; they count from the next `commit` of the chain."""
        stop = first + len(draws)
        if stop > self._size:
            self._resize(stop)
        if len(draws):
            self._x[chain, first:stop] = draws
            for k, array in enumerate(self._s):
                array[chain, first:stop] = stats[:, k]

    def _resize(self, size: int) -> None:
        self._size = size
        self._x.resize((self.head["chains"], size, self.dim))
        for array in self._s:
            array.resize((self.head["chains"], size))

    def commit(self, chain: Any) -> None:
        """Make everything written for a chain count, in one rename."""
        buffer = io.BytesIO()
        state = np.frombuffer(chain.state.to_bytes(), np.uint8)
        np.savez(buffer, drawn=chain.drawn, warmed=chain.warmed, cpu_seconds=chain.cpu_seconds, state=state)
        _write_atomically(self.path / "commits" / f"{chain.index}.npz", buffer.getvalue())

    def committed(self, chain: int) -> tuple[bytes, int, int, float]:
        """State, warm-up steps, draws and CPU seconds at the last commit of a chain."""
        with np.load(self.path / "commits" / f"{chain}.npz", allow_pickle=False) as data:
            return data["state"].tobytes(), int(data["warmed"]), int(data["drawn"]), float(data["cpu_seconds"])

    def extended(self, plan: Any, lengths: list[int]) -> StoreSink:
        """The same store with a longer plan; what was written beyond the commits is cut off."""
        self.head["plan"] = {"draws": plan.draws, "warmup": plan.warmup, "thin": plan.thin}
        _write_atomically(self.path / "run.json", json.dumps(self.head).encode())
        self.trim(lengths)
        return self

    def trim(self, lengths: list[int]) -> None:
        """Cut what no chain has committed, and sweep up what a kill left half written."""
        for rest in self.path.rglob("*.part*"):
            rest.unlink(missing_ok=True)
        if self._size > max(lengths):
            self._resize(max(lengths))

    def arrays(self, lengths: list[int]) -> dict[str, np.ndarray]:
        """Refused: the run is on disk already."""
        raise ArgumentError(f"this run lives in {self.path} already; weakchaos.load({str(self.path)!r}) reads it")

    def draws(self, n: int) -> np.ndarray:
        """The first `n` draws of every chain, read from disk."""
        return self._x[:, :n]

    def read(self, chain: int, start: int, stop: int) -> np.ndarray:
        """Draws start to stop of one chain, read from disk."""
        return self._x[chain, start:stop]

    def stats(self, n: int) -> dict[str, np.ndarray]:
        """Statistics of the first `n` draws, read from disk."""
        return {name: array[:, :n] for name, array in zip(self.stats_names, self._s, strict=True)}


def _open(path: Any, target: Any, sampler: Any, driver: Any) -> Trace:
    path = Path(path)
    sink = StoreSink.open(path)
    system = sink.rebuild(target, sampler, driver)
    states, warmed, lengths, seconds = [], [], [], []
    for k in range(sink.head["chains"]):
        raw, w, n, s = sink.committed(k)
        states.append(system.load_state(raw) if system is not None else State())
        warmed.append(w)
        lengths.append(n)
        seconds.append(s)
    return Trace(system, sink, states, lengths, warmed, "draws", sink.head["settings"], seconds, [np.empty(0)] * len(states))


def load(path: Any, target: Any = None, sampler: Any = None, driver: Any = None) -> Trace:
    """Read a trace from an .npz file (`Trace.save`) or a .zarr store (``sample(store=...)``).

    Parameters
    ----------
    path : path
    target, sampler, driver : optional
        Needed to continue a run whose parts are not plain data: a target that is a user's function is not saved.

    Raises
    ------
    FileNotFoundError, StoreError
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no trace at {path}")
    return _open(path, target, sampler, driver) if path.is_dir() else load_npz(path, target, sampler, driver)


def resume(
    path: Any, target: Any = None, sampler: Any = None, driver: Any = None, executor: Any = None, progress: bool = True
) -> Trace:
    """Finish a run that was cut off: from the last commit of each chain to the number of draws first asked for, bit for bit.

    Parameters
    ----------
    path : path of the .zarr store
    target, sampler, driver : optional
        As in `load`.

    Raises
    ------
    FileNotFoundError, StoreError, ArgumentError
    """
    from weakchaos.core.sampling import Chain, Plan, run_plan

    trace = _open(path, target, sampler, driver)
    if trace.system is None:
        raise ArgumentError("`target` is required: the target of this run is a user's function, which is not saved; pass it again")
    sink = trace._sink
    plan = Plan(**sink.head["plan"])
    sink.trim(trace.lengths)
    chains = [Chain(k, s, w, n, trace.cpu_seconds[k]) for k, (s, w, n, _) in enumerate(trace.positions())]
    return run_plan(trace.system, plan, chains, sink, executor, progress, trace.settings)
