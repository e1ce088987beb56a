"""What a store must be to be read: a head that a run wrote, the arrays it was begun with, and a file for every block of draws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from weakchaos.core.errors import StoreError
from weakchaos.core.files import write_atomically
from weakchaos.runs.block import Plan

__all__ = ["check_arrays", "check_chunks", "check_head", "consolidate"]


def check_head(path: Path, head: Any) -> None:
    """Refuse a description of a run that no run wrote."""
    plan = Plan(**head["plan"])
    good = (
        (plan.draws, plan.warmup, plan.thin) == tuple(head["plan"][k] for k in ("draws", "warmup", "thin"))
        and isinstance(head["chains"], int)
        and head["chains"] >= 1
        and all(isinstance(head[k], list) and all(isinstance(v, str) for v in head[k]) for k in ("names", "stats_names"))
        and isinstance(head["settings"], dict)
        and isinstance(head["system"], dict)
        and isinstance(head.get("arrays", {}), dict)
    )
    if not good:
        raise StoreError(f"{path}/run.json is damaged: it holds values that no run has")
    _check_root(path)


def _check_root(path: Path) -> None:
    """Refuse a root that is no group of the zarr format, which other readers could not open."""
    try:
        root = json.loads((path / "zarr.json").read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} is damaged: {error}") from error
    if not isinstance(root, dict) or (root.get("zarr_format"), root.get("node_type")) != (3, "group"):
        raise StoreError(f"{path} is damaged: zarr.json at its root does not describe a group")


def check_arrays(sink: Any) -> None:
    """Refuse arrays that are not those the run was begun with.

    Raises
    ------
    StoreError
        For another number of chains or coordinates, and for metadata (type, order of bytes, chunks, fill value) that were changed.
    """
    chains, recorded = sink.head["chains"], sink.head.get("arrays")
    for place, array in sink.stored.items():
        inner = (sink.dim,) if place.endswith("posterior/x") else ()
        if (array.shape[:1], array.shape[2:]) != ((chains,), inner):
            raise StoreError(
                f"{sink.path} is damaged: {place} has shape {array.shape}, the run has {chains} chains and {sink.dim} coordinates"
            )
        facts = {key: value for key, value in sink.metadata(place).items() if key != "shape"}  # the shape grows
        if recorded is not None and facts != recorded.get(place):
            raise StoreError(f"{sink.path} is damaged: the metadata of {place} are not those it was written with")


def check_chunks(sink: Any, committed: dict[int, tuple[int, int]]) -> None:
    """Refuse a store that lacks a file of committed draws; zarr would read fill values in its place.

    Raises
    ------
    StoreError
    """
    if "arrays" not in sink.head:  # begun by an earlier version, which wrote no file for a block of fill values
        return
    for place, array in sink.stored.items():
        for k, (warmed, drawn) in committed.items():
            n = warmed if place.startswith("warmup_") else drawn
            for j in range(-(-n // array.chunks[1])):
                file = sink.path / place / array.metadata.encode_chunk_key((k, j, *[0] * (len(array.chunks) - 2)))
                if not file.is_file():
                    raise StoreError(f"{sink.path} is damaged: draws that were committed are gone with the file {file}")


def consolidate(path: Path) -> None:
    """Gather all metadata at the root, where readers look for them before they list the directory and meet our own files."""
    root = path / "zarr.json"
    data = json.loads(root.read_bytes())
    inner = {str(p.parent.relative_to(path)): json.loads(p.read_bytes()) for p in sorted(path.glob("*/**/zarr.json"))}
    data["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": inner}
    write_atomically(root, json.dumps(data).encode())
