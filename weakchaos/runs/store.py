"""Where draws go when a run has a store: a zarr directory that survives a kill at any moment; `load` and `resume`.

The directory is a zarr group that ArviZ and xarray read (``posterior/x`` of dimensions chain, draw, coordinate; draws still to be made
are NaN, or 0 for integers). Draws of a block are written first, then the chain's commit file (how many draws count, and the exact state
after the last of them) replaces the one before in a single rename. A process killed between the two leaves draws beyond the commit; they
are not counted, and `resume` overwrites them with the same numbers.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, StoreError, shown
from weakchaos.core.files import read_npz, write_atomically
from weakchaos.runs.archive import Description, load_npz, load_states
from weakchaos.runs.block import Chain, Plan
from weakchaos.runs.memory import MemorySink, columns, today
from weakchaos.runs.trace import Trace

__all__ = ["MemorySink", "StoreSink", "load", "resume"]

_FORMAT = "weakchaos store 1"
_CHUNK_BYTES = 1 << 20


def _as_path(name: str, value: Any) -> Path:
    try:
        return Path(value)
    except TypeError as error:
        raise ArgumentTypeError(f"`{name}` must be a path; got {shown(value)}") from error


def _plan_data(plan: Any) -> dict:
    return {"draws": plan.draws, "warmup": plan.warmup, "thin": plan.thin, "keep_warmup": plan.keep_warmup}


class StoreSink:
    """Draws in a zarr directory."""

    def __init__(self, path: Path, head: dict):
        self.path, self.head = path, head
        self.names, self.dim = head["names"], len(head["names"])
        self._files, self.stats_names = tuple(head["stats_names"]), today(head["stats_names"])
        self.renamed = self._files != self.stats_names
        self._columns: list[int] | None = None
        self._locked = False
        self._open_arrays()

    def _open_arrays(self) -> None:
        import zarr

        try:
            # The metadata of each array are what is written first; those consolidated at the root may be behind.
            group: Any = zarr.open_group(str(self.path), mode="r+", use_consolidated=False)
            self._group, self._x = group, group["posterior/x"]
            self._s = [group[f"sample_stats/{name}"] for name in self._files]
        except Exception as error:  # what zarr raises depends on the file that is wrong
            raise StoreError(f"{self.path} is damaged: {error}") from error

    @classmethod
    def create(cls, path: Any, system: Any, plan: Any, chains: list, settings: dict) -> StoreSink:
        """A new store with the start of every chain committed; refuses to write over anything."""
        path = _as_path("store", path)
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
        try:
            cls._write_new(aside, system, plan, chains, settings)
            os.rename(aside, path)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return cls.open(path)

    @classmethod
    def _write_new(cls, path: Path, system: Any, plan: Any, chains: list, settings: dict) -> None:
        import zarr

        group = zarr.open_group(str(path), mode="w", attributes={"names": list(system.names)})
        # Each block rewrites the chunk it ends in: no larger than the run, and not so small that an extension makes a file a draw.
        most = _CHUNK_BYTES // max(1, system.dim * np.dtype(system.readout_dtype).itemsize)
        rows = max(1, min(most, max(plan.draws, 1 << 10), 1 << 16))
        dtype = np.dtype(system.readout_dtype)
        names, fill = ("chain", "draw", "coordinate"), np.nan if dtype.kind == "f" else 0
        for prefix, length in (("", plan.draws), ("warmup_", plan.warmup if plan.keep_warmup else None)):
            if length is None:
                continue
            shape, chunks = (len(chains), length, system.dim), (1, rows, system.dim)
            group.create_group(f"{prefix}posterior").create_array(
                "x", shape=shape, chunks=chunks, dtype=dtype, fill_value=fill, dimension_names=names
            )
            for name in system.stats_names:
                group.create_array(
                    f"{prefix}sample_stats/{name}",
                    shape=shape[:2],
                    chunks=chunks[:2],
                    dtype="float64",
                    fill_value=np.nan,
                    dimension_names=names[:2],
                )
        (path / "commits").mkdir()
        description = Description.of(system)
        head = {
            "format": _FORMAT,
            "plan": _plan_data(plan),
            "chains": len(chains),
            "names": list(system.names),
            "stats_names": list(system.stats_names),
            "settings": settings,
            "system": description.data,
        }
        buffer = io.BytesIO()
        np.savez(buffer, **description.arrays)  # type: ignore[arg-type]
        write_atomically(path / "system.npz", buffer.getvalue())
        write_atomically(path / "run.json", json.dumps(head).encode())
        sink = cls(path, head)
        sink._consolidate()
        for chain in chains:
            sink.commit(chain)

    @classmethod
    def open(cls, path: Path) -> StoreSink:
        """An existing store.

        Raises
        ------
        FileNotFoundError, StoreError
        """
        if not path.exists():
            raise FileNotFoundError(f"there is no store at {path}")
        if not (path / "run.json").is_file():
            raise StoreError(f"{path} is not a store of this package")
        try:
            head = json.loads((path / "run.json").read_bytes())
            version = head["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path}/run.json is damaged: {error}") from error
        if version != _FORMAT:
            raise StoreError(f"{path} has format {shown(version)}; this version reads {_FORMAT!r}")
        try:
            return cls(path, head)
        except (KeyError, TypeError) as error:
            raise StoreError(f"{path}/run.json is damaged: {error}") from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Keep every other process from writing to the store; a lock that dies with its process.

        Raises
        ------
        StoreError
            When another run is writing.
        """
        if self._locked:
            yield
            return
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(ImportError):  # no such locks on Windows
                import fcntl

                file = stack.enter_context(open(self.path / "lock", "wb"))
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise StoreError(f"another run is writing to {self.path}; wait for its end, or stop it") from error
            self._locked = True
            try:
                yield
            finally:
                self._locked = False

    def description(self) -> Description:
        """What the run was made of."""
        return Description(self.head["system"], read_npz(self.path / "system.npz", f"{self.path}/system.npz"))

    def append(self, chain: int, first: int, draws: np.ndarray, stats: np.ndarray) -> None:
        """Write the draws of a block; they count from the next `commit` of the chain."""
        stop = first + len(draws)
        if len(draws):
            self._x[chain, first:stop] = draws
            for k, array in zip(range(stats.shape[1]) if self._columns is None else self._columns, self._s, strict=True):
                array[chain, first:stop] = stats[:, k]

    def accept(self, made: tuple[str, ...]) -> None:
        """Say which statistics the sampler makes that goes on with this run."""
        self._columns = columns(self.stats_names, made)

    def append_warmup(self, chain: int, first: int, draws: np.ndarray, stats: np.ndarray) -> None:
        """Write the steps of a block of warm-up; they count from the next `commit` of the chain."""
        stop = first + len(draws)
        if len(draws):
            self._group["warmup_posterior/x"][chain, first:stop] = draws
            for k, name in enumerate(self._files):
                self._group[f"warmup_sample_stats/{name}"][chain, first:stop] = stats[:, k]

    @property
    def keeps_warmup(self) -> bool:
        """Whether there is room for the draws of warm-up."""
        return "warmup_posterior" in self._group

    def warmup(self, n: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The first `n` steps of warm-up of every chain and their statistics; without rows where they were not kept."""
        if not self.keeps_warmup:
            return np.empty((self.head["chains"], 0, self.dim)), {}
        stats = zip(self.stats_names, self._files, strict=True)
        every = slice(None), slice(n)
        return self._read(self._group["warmup_posterior/x"], *every), {
            name: self._read(self._group[f"warmup_sample_stats/{file}"], *every) for name, file in stats
        }

    def _resize(self, size: int) -> None:
        self._x.resize((self.head["chains"], size, self.dim))
        for array in self._s:
            array.resize((self.head["chains"], size))
        self._consolidate()

    def _consolidate(self) -> None:
        """Gather all metadata at the root, where readers look for them before they list the directory and meet our own files."""
        root = self.path / "zarr.json"
        data = json.loads(root.read_bytes())
        inner = {str(p.parent.relative_to(self.path)): json.loads(p.read_bytes()) for p in sorted(self.path.glob("*/**/zarr.json"))}
        data["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": inner}
        write_atomically(root, json.dumps(data).encode())

    def commit(self, chain: Any) -> None:
        """Make everything written for a chain count, in one rename."""
        buffer = io.BytesIO()
        state = np.frombuffer(chain.state.to_bytes(), np.uint8)
        np.savez(buffer, drawn=chain.drawn, warmed=chain.warmed, cpu_seconds=chain.cpu_seconds, state=state)
        write_atomically(self.path / "commits" / f"{chain.index}.npz", buffer.getvalue())

    def committed(self) -> list[tuple[bytes, int, int, float]]:
        """State, warm-up steps, draws and CPU seconds at the last commit of each chain."""
        out = []
        for k in range(self.head["chains"]):
            what = f"{self.path}/commits/{k}.npz"
            data = read_npz(what, what)
            try:
                out.append((data["state"].tobytes(), int(data["warmed"]), int(data["drawn"]), float(data["cpu_seconds"])))
            except KeyError as error:
                raise StoreError(f"{what} has no entry {error}") from error
        self._open_arrays()  # anew: another process may be making the commits, and what they count was written before them
        needed = max(self.head["plan"]["draws"], *(drawn for _, _, drawn, _ in out))
        if min([self._x.shape[1], *(array.shape[1] for array in self._s)]) < needed:
            raise StoreError(f"{self.path} is damaged: draws that were committed are gone")
        return out

    def extended(self, plan: Any, lengths: list[int]) -> StoreSink:
        """The same store with a longer plan."""
        drawn = [n for _, _, n, _ in self.committed()]
        if drawn != lengths:
            raise StoreError(
                f"{self.path} has gone on since this trace was made, from {max(lengths)} to {max(drawn)} draws; weakchaos.load it again"
            )
        self.sweep()
        self._resize(plan.draws)  # before the plan: whatever a kill leaves has room for all that is planned
        self.head["plan"] = _plan_data(plan)
        write_atomically(self.path / "run.json", json.dumps(self.head).encode())
        return self

    def sweep(self) -> None:
        """Remove what a kill left half written."""
        for rest in self.path.rglob("*.part*"):
            rest.unlink(missing_ok=True)

    def arrays(self, lengths: list[int]) -> dict[str, np.ndarray]:
        """Refused: the run is on disk already."""
        raise ArgumentError(f"this run lives in {self.path} already; weakchaos.load({str(self.path)!r}) reads it")

    def _read(self, array: Any, *selection: Any) -> np.ndarray:
        try:
            return array[selection]
        except MemoryError:
            raise
        except Exception as error:
            raise StoreError(f"draws in {self.path} cannot be read: {error}") from error

    def draws(self, n: int) -> np.ndarray:
        """The first `n` draws of every chain, read from disk."""
        return self._read(self._x, slice(None), slice(n))

    def read(self, chain: int, start: int, stop: int) -> np.ndarray:
        """Draws start to stop of one chain, read from disk."""
        return self._read(self._x, chain, slice(start, stop))

    def stat(self, name: str, n: int) -> np.ndarray:
        """One statistic of the first `n` draws, read from disk."""
        return self._read(self._s[self.stats_names.index(name)], slice(None), slice(n))

    def stats(self, n: int) -> dict[str, np.ndarray]:
        """Statistics of the first `n` draws, read from disk."""
        return {name: self.stat(name, n) for name in self.stats_names}


def _trace(sink: StoreSink, target: Any, sampler: Any, driver: Any) -> Trace:
    raw, warmed, lengths, seconds = (list(column) for column in zip(*sink.committed(), strict=True))
    description = sink.description()
    system, missing = description.bind(target=target, sampler=sampler, driver=driver)
    states = load_states(system, raw, sink, str(sink.path))
    settings = {**sink.head["settings"], "interrupted": min(lengths) < sink.head["plan"]["draws"]}
    sums = [np.empty(0)] * len(states)
    return Trace(system, sink, states, lengths, warmed, "draws", settings, seconds, sums, description=description, missing=missing)


def load(path: Any, target: Any = None, sampler: Any = None, driver: Any = None) -> Trace:
    """Read a trace from an .npz file (`Trace.save`) or a .zarr store (``sample(store=...)``).

    Parameters
    ----------
    path : path
    target, sampler, driver : optional
        Needed to continue a run whose parts are not plain data: a target that is a user's function is not saved.

    Raises
    ------
    FileNotFoundError
    StoreError
        When the file is damaged, is none of this package, or holds what this version cannot make again.
    """
    path = _as_path("path", path)
    if not path.exists():
        raise FileNotFoundError(f"there is no trace at {path}")
    return _trace(StoreSink.open(path), target, sampler, driver) if path.is_dir() else load_npz(path, target, sampler, driver)


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
    FileNotFoundError, ArgumentError
    StoreError
        As in `load`, and when another process is writing to the store.
    """
    from weakchaos.runs.scheduler import check_executor, run_plan

    check_executor(executor)
    sink = StoreSink.open(_as_path("path", path))
    with sink.writing():
        trace = _trace(sink, target, sampler, driver)
        if trace.system is None:
            raise ArgumentError(trace.why_no_system("resume"))
        plan = Plan(**sink.head["plan"])
        sink.sweep()
        chains = [Chain(k, s, w, n, trace.cpu_seconds[k]) for k, (s, w, n, _) in enumerate(trace.positions())]
        return run_plan(trace.system, plan, chains, sink, executor, progress, trace.settings)
