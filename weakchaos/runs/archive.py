"""Traces in .npz files, and what was bound (sampler, driver, target) as plain data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, StoreError, shown
from weakchaos.core.files import read_npz
from weakchaos.core.system import State
from weakchaos.runs.description import UnavailableError, describe, rebuild
from weakchaos.runs.trace import Trace

__all__ = ["Description", "load_npz", "load_states", "save_npz"]

_FORMAT = "weakchaos trace 1"
_PARTS = ("sampler", "driver", "target")
_RUN = ("lengths", "warmed", "record", "settings", "cpu_seconds")


@dataclass(frozen=True)
class Description:
    """Sampler, driver and target as plain data; None for a part that cannot be one (a user's function), which must be passed again."""

    data: dict
    arrays: dict[str, np.ndarray]

    @classmethod
    def of(cls, system: Any) -> Description:
        """The description of a bound system."""
        data: dict = {}
        arrays: dict[str, np.ndarray] = {}
        for name in _PARTS:
            own: dict[str, np.ndarray] = {}
            try:
                described = describe(getattr(system, name), own)
            except ArgumentTypeError:
                data[name] = None
                continue
            data[name] = {"data": described, "keys": list(own)}
            arrays.update({f"{name}.{key}": value for key, value in own.items()})
        return cls(data, arrays)

    def bind(self, **given: Any) -> tuple[Any, dict[str, str]]:
        """The bound system, from what is described and what is passed again; None, and why each missing part is, if some are.

        Returns
        -------
        system : Bound or None
        missing : dict of str to str
            For each part that was neither passed nor can be made again, the reason.

        Raises
        ------
        StoreError
            When what is saved is damaged, or names what is no class of this package.
        """
        parts, missing = {}, {}
        for name in _PARTS:
            if given[name] is not None:
                parts[name] = given[name]
            elif self.data.get(name) is None:
                missing[name] = "it was not saved: a user's function is not plain data"
            else:
                try:
                    parts[name] = self._part(name)
                except UnavailableError as error:
                    missing[name] = str(error)
        if missing:
            return None, missing
        # A sampler that draws no numbers has no driver to be passed on.
        driver = {} if parts["driver"] is None else {"driver": parts["driver"]}
        return parts["sampler"].bind(parts["target"], **driver), {}

    def _part(self, name: str) -> Any:
        try:
            entry = self.data[name]
            return rebuild(entry["data"], {key: self.arrays[f"{name}.{key}"] for key in entry["keys"]})
        except StoreError:
            raise
        except Exception as error:
            raise StoreError(f"the {name} of this run cannot be made again by this version of the package: {error}") from error


def load_states(system: Any, raw: list[bytes], sink: Any, what: str) -> list[State]:
    """The states of all chains; with their streams closed when the system is not known.

    Raises
    ------
    ArgumentError
        When a system made of parts that were passed again is not the one of the run.
    StoreError
        When a state cannot be read.
    """
    if system is not None:
        made, kept = tuple(system.stats_names), sink.stats_names
        # A run of version 0.1.0 goes on with the fewer statistics it has, under the names they have now.
        if len(system.names) != sink.dim or (made != kept and not (sink.renamed and set(kept) <= set(made))):
            raise ArgumentError(
                f"`target` and `sampler` must be those of the run: it has {sink.dim} coordinates and the statistics {', '.join(kept) or 'none'}; "
                f"{system!r} has {len(system.names)} and {', '.join(made) or 'none'}"
            )
        sink.accept(made)
    try:
        return [State.closed(data) if system is None else system.load_state(data) for data in raw]
    except Exception as error:
        raise StoreError(f"a state in {what} cannot be read, or was saved under another driver: {error}") from error


def save_npz(trace: Trace, path: Any) -> Path:
    """See `Trace.save`."""
    try:
        path = Path(path)
    except TypeError as error:
        raise ArgumentTypeError(f"`path` must be a path that ends in .npz; got {shown(path)}") from error
    if path.suffix != ".npz":
        raise ArgumentError(
            f"`path` must end in .npz; got {shown(str(path))} (a run that is to live in a .zarr store is sampled with store=...)"
        )
    description = trace.description if trace.system is None else Description.of(trace.system)
    head = {
        "format": _FORMAT,
        "record": trace.record,
        "lengths": trace.lengths,
        "settings": trace.settings,
        "cpu_seconds": trace.cpu_seconds,
        "names": trace.names,
        "warmed": [warmed for _, warmed, _, _ in trace.positions()],
        "system": description.data,
    }
    data = {f"spec.{key}": value for key, value in description.arrays.items()}
    for k, (state, _, _, sums) in enumerate(trace.positions()):
        data[f"state.{k}"] = np.frombuffer(state.to_bytes(), np.uint8)
        data[f"sums.{k}"] = sums
    data.update(trace.arrays())
    temporary = path.with_name(path.name + ".part.npz")
    try:
        np.savez(temporary, head=np.array(json.dumps(head)), **data)  # type: ignore[arg-type]
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def load_npz(path: Path, target: Any = None, sampler: Any = None, driver: Any = None) -> Trace:
    """Read what `Trace.save` wrote.

    Raises
    ------
    StoreError
        When the file is damaged or is none of this package.
    """
    from weakchaos.runs.store import MemorySink

    data = read_npz(path, str(path))
    try:
        head = json.loads(str(data["head"]))
        version = head["format"]
    except Exception as error:
        raise StoreError(f"{path} is not a trace saved by this package") from error
    if version != _FORMAT:
        raise StoreError(f"{path} has format {shown(version)}; this version reads {_FORMAT!r}")
    try:
        sink = MemorySink.from_arrays(data, head["lengths"], head["names"])
        chains = range(len(head["lengths"]))
        raw, sums = [data[f"state.{k}"].tobytes() for k in chains], [data[f"sums.{k}"] for k in chains]
        description = Description(head["system"], {key[5:]: value for key, value in data.items() if key.startswith("spec.")})
        lengths, warmed, record, settings, seconds = (head[name] for name in _RUN)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise StoreError(f"{path} is a trace of this package with parts missing: {error}") from error
    system, missing = description.bind(target=target, sampler=sampler, driver=driver)
    states = load_states(system, raw, sink, str(path))
    return Trace(system, sink, states, lengths, warmed, record, settings, seconds, sums, description=description, missing=missing)
