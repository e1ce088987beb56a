"""Where draws go when a run has a store: a zarr directory that survives a kill at any moment.

The directory is a zarr group that ArviZ and xarray read (``posterior/x`` of dimensions chain, draw, coordinate; draws still to be made
are NaN; integers have no NaN, so that their arrays are only as long as what every chain has committed, and grow about once a second). Draws of a block are written first, then the chain's commit file (how many draws count, and the exact state
after the last of them) replaces the one before in a single rename. A process killed between the two leaves draws beyond the commit; they
are not counted, and `resume` overwrites them with the same numbers.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, StoreError, shown
from weakchaos.core.files import as_path, locked, read_npz, write_atomically
from weakchaos.runs.archive import Description
from weakchaos.runs.meetings import commit_bytes, finish_meeting, meeting_was_cut_short, prepare_meeting
from weakchaos.runs.memory import MemorySink, columns, today
from weakchaos.runs.store_metadata import check_arrays, check_chunks, check_head, consolidate

__all__ = ["MemorySink", "StoreSink"]

_FORMAT = "weakchaos store 1"
_CHUNK_BYTES = 1 << 20
_GROW_SECONDS = 1.0


def _plan_data(plan: Any) -> dict:
    return {"draws": plan.draws, "warmup": plan.warmup, "thin": plan.thin, "keep_warmup": plan.keep_warmup}


class StoreSink:
    """Draws in a zarr directory."""

    def __init__(self, path: Path, head: dict):
        check_head(path, head)
        self.path, self.head = path, head
        self.names, self.dim = head["names"], len(head["names"])
        self._files, self.stats_names = tuple(head["stats_names"]), today(head["stats_names"])
        self.renamed = self._files != self.stats_names
        self._columns: list[int] | None = None
        self._locked = False
        self._committed: dict[int, tuple[int, int]] = {}
        self._grown = time.monotonic()
        self._open_arrays()

    def places(self) -> list[str]:
        """Where the arrays are: draws, then statistics; those of warm-up after them."""
        kept = ("", "warmup_") if self.head["plan"].get("keep_warmup") else ("",)
        return [f"{prefix}{name}" for prefix in kept for name in ("posterior/x", *(f"sample_stats/{file}" for file in self._files))]

    def metadata(self, place: str) -> dict:
        """Metadata of an array, as other readers see them."""
        return json.loads((self.path / place / "zarr.json").read_bytes())

    def _open_arrays(self, size: int = 0) -> None:
        import zarr

        plan, self.stored = self.head["plan"], {}
        try:
            # A chunk that was written is a file, whatever it holds: so a missing file is a loss, and not a block of fill values.
            with zarr.config.set({"array.write_empty_chunks": True}):
                # The metadata of each array are what is written first; those consolidated at the root may be behind.
                group: Any = zarr.open_group(str(self.path), mode="r+", use_consolidated=False)
                for place in self.places():
                    array = group[place]
                    if self._grows(array):  # in this process it is as long as planned
                        data = self.metadata(place)
                        planned = plan["warmup"] if place.startswith("warmup_") else max(size, plan["draws"])
                        data["shape"][1] = max(planned, data["shape"][1])
                        array = zarr.Array.from_dict(array.store_path, data)
                    self.stored[place] = array
            check_arrays(self)
        except StoreError:
            raise
        except Exception as error:  # what zarr raises depends on the file that is wrong
            raise StoreError(f"{self.path} is damaged: {error}") from error
        self._x, self._s = self.stored["posterior/x"], [self.stored[f"sample_stats/{name}"] for name in self._files]

    @staticmethod
    def _grows(array: Any) -> bool:
        return array.dtype.kind != "f"

    def _behind(self) -> dict[str, int]:
        """Arrays of integers of which other readers see less, or more, than every chain has committed, and how much that is."""
        if len(self._committed) < self.head["chains"]:
            return {}
        warmed, drawn = (min(counts) for counts in zip(*self._committed.values(), strict=True))
        sizes = {place: warmed if place.startswith("warmup_") else drawn for place, a in self.stored.items() if self._grows(a)}
        # A kill between the two writes leaves metadata at the root, which readers take first, that are older than those of the array.
        root = json.loads((self.path / "zarr.json").read_bytes()).get("consolidated_metadata") or {}
        seen = {place: [self.metadata(place), root.get("metadata", {}).get(place)] for place in sizes}
        return {place: n for place, n in sizes.items() if any(data is not None and data["shape"][1] != n for data in seen[place])}

    def _show(self) -> None:
        """Let other readers see what every chain has committed."""
        behind = self._behind()
        for place, n in behind.items():
            data = self.metadata(place)
            data["shape"][1] = n
            write_atomically(self.path / place / "zarr.json", json.dumps(data).encode())
        if behind:
            consolidate(self.path)

    def show_committed(self) -> None:
        """The same after a kill; nothing is done to a store that is being written to, or can only be read."""
        if self._behind():
            with contextlib.suppress(StoreError, OSError), self.writing():
                pass  # it is done at the end of writing

    def _record(self) -> None:
        """Note in the head what the arrays are."""
        self.head["arrays"] = {place: {k: v for k, v in self.metadata(place).items() if k != "shape"} for place in self.places()}
        write_atomically(self.path / "run.json", json.dumps(self.head).encode())

    @classmethod
    def create(cls, path: Any, system: Any, plan: Any, chains: list, settings: dict) -> StoreSink:
        """A new store with the start of every chain committed; refuses to write over anything."""
        path = as_path("store", path)
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
        from zarr.codecs import ZstdCodec

        group = zarr.open_group(str(path), mode="w", attributes={"names": list(system.names)})
        # Each block rewrites the chunk it ends in: no larger than the run, and not so small that an extension makes a file a draw.
        most = _CHUNK_BYTES // max(1, len(system.names) * np.dtype(system.readout_dtype).itemsize)
        rows = max(1, min(most, max(plan.draws, 1 << 10), 1 << 16))
        dtype = np.dtype(system.readout_dtype)
        names, fill = ("chain", "draw", "coordinate"), np.nan if dtype.kind == "f" else 0
        for prefix, length in (("", plan.draws), ("warmup_", plan.warmup if plan.keep_warmup else None)):
            if length is None:
                continue
            shape, chunks = (len(chains), length, len(system.names)), (1, rows, len(system.names))
            checked = ZstdCodec(checksum=True)  # a bit that flips on the disk would be a draw that nobody drew
            group.create_group(f"{prefix}posterior").create_array(
                "x", shape=shape, chunks=chunks, dtype=dtype, fill_value=fill, compressors=checked, dimension_names=names
            )
            for name in system.stats_names:
                group.create_array(
                    f"{prefix}sample_stats/{name}",
                    shape=shape[:2],
                    chunks=chunks[:2],
                    dtype="float64",
                    fill_value=np.nan,
                    compressors=checked,
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
        sink._record()
        for chain in chains:
            sink.commit(chain)
        sink._show()
        consolidate(path)

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
        except (KeyError, TypeError, ValueError, AttributeError) as error:
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
        with locked(self.path, "run"):
            self._locked = True
            try:
                yield
            finally:
                self._locked = False
                self._show()

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
        if stop := first + len(draws) if len(draws) else 0:
            self.stored["warmup_posterior/x"][chain, first:stop] = draws
            for k, name in enumerate(self._files):
                self.stored[f"warmup_sample_stats/{name}"][chain, first:stop] = stats[:, k]

    @property
    def keeps_warmup(self) -> bool:
        """Whether there is room for the draws of warm-up."""
        return "warmup_posterior/x" in self.stored

    def warmup(self, n: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The first `n` steps of warm-up of every chain and their statistics; without rows where they were not kept."""
        if not self.keeps_warmup:
            return np.empty((self.head["chains"], 0, self.dim)), {}
        stats = zip(self.stats_names, self._files, strict=True)
        every = slice(None), slice(n)
        return self._read(self.stored["warmup_posterior/x"], *every), {
            name: self._read(self.stored[f"warmup_sample_stats/{file}"], *every) for name, file in stats
        }

    def _resize(self, size: int) -> None:
        for array in (self._x, *self._s):
            if not self._grows(array):
                array.resize((array.shape[0], size, *array.shape[2:]))
        self._open_arrays(size)
        consolidate(self.path)

    def commit_together(self, chains: list) -> None:
        """Commit what a meeting of all chains changed."""
        prepare_meeting(self.path / "commits", chains)
        for chain in chains:
            self.commit(chain)
        finish_meeting(self.path / "commits")

    def note_stop(self, why: dict | None) -> None:
        """Write down what ended the run; None while it goes on."""
        if self.head["settings"].get("stopped") != why:
            self.head["settings"].update(stopped=why)
            write_atomically(self.path / "run.json", json.dumps(self.head).encode())

    def commit(self, chain: Any) -> None:
        """Make all that was written for a chain count, in one rename."""
        write_atomically(self.path / "commits" / f"{chain.index}.npz", commit_bytes(chain))
        self._committed[chain.index] = chain.warmed, chain.drawn
        if self._locked and time.monotonic() - self._grown > _GROW_SECONDS:
            self._grown = time.monotonic()
            self._show()

    def committed(self) -> list[tuple[bytes, int, int, float]]:
        """State, warm-up steps, draws and CPU seconds at the last commit of each chain."""
        with contextlib.suppress(
            StoreError, OSError
        ):  # another run is writing, and will finish it itself; or nothing can be written here
            if meeting_was_cut_short(self.path / "commits"):
                with self.writing():
                    finish_meeting(self.path / "commits")
        out = []
        for k in range(self.head["chains"]):
            what = f"{self.path}/commits/{k}.npz"
            data = read_npz(what, what)
            try:
                out.append((data["state"].tobytes(), int(data["warmed"]), int(data["drawn"]), float(data["cpu_seconds"])))
            except KeyError as error:
                raise StoreError(f"{what} has no entry {error}") from error
            except (TypeError, ValueError) as error:
                raise StoreError(f"{what} is damaged: {error}") from error
        # The plan as it is now: another trace may have made the run longer.
        planned, longest = self._planned_draws(), max(drawn for _, _, drawn, _ in out)
        if longest > planned or min(min(warmed, drawn) for _, warmed, drawn, _ in out) < 0:
            raise StoreError(f"{self.path} is damaged: a chain has {longest} draws of {planned} that were planned")
        self._open_arrays(longest)  # anew: another process may be making the commits, and what they count was written before them
        needed = max(self.head["plan"]["draws"], longest)
        if min([self._x.shape[1], *(array.shape[1] for array in self._s)]) < needed:
            raise StoreError(f"{self.path} is damaged: draws that were committed are gone")
        self._committed = {k: (warmed, drawn) for k, (_, warmed, drawn, _) in enumerate(out)}
        check_chunks(self, self._committed)
        return out

    def _planned_draws(self) -> int:
        try:
            return max(self.head["plan"]["draws"], json.loads((self.path / "run.json").read_bytes())["plan"]["draws"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self.path}/run.json is damaged: {error}") from error

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
        if "arrays" in self.head:
            self._record()
        else:
            write_atomically(self.path / "run.json", json.dumps(self.head).encode())
        return self

    def keep_flags(self, flags: list[dict]) -> None:
        """Note in the head what was found against the run."""
        self.head["settings"] = {**self.head["settings"], "flags": flags}
        write_atomically(self.path / "run.json", json.dumps(self.head).encode())

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
