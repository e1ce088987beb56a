"""Commits of a meeting, after which the states of all chains count or none.

No chain may go on from a meeting that another has not had. So the new commits of all chains are written to one file first, in one rename,
together with the old ones that they replace; then each chain's own commit file is replaced. Whoever opens a store that was killed between the
two replaces those that are still the old ones.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import StoreError
from weakchaos.core.files import read_npz, write_atomically

__all__ = ["commit_bytes", "finish_meeting", "meeting_was_cut_short", "prepare_meeting"]

_TOGETHER = "together.npz"


def commit_bytes(chain: Any) -> bytes:
    """The content of the commit file of a chain."""
    buffer = io.BytesIO()
    state = np.frombuffer(chain.state.to_bytes(), np.uint8)
    np.savez(buffer, drawn=chain.drawn, warmed=chain.warmed, cpu_seconds=chain.cpu_seconds, state=state)
    return buffer.getvalue()


def prepare_meeting(folder: Path, chains: list) -> None:
    """Write the commits of all chains to one file of the folder `folder`, beside what they replace."""
    both = {f"before.{c.index}": np.frombuffer((folder / f"{c.index}.npz").read_bytes(), np.uint8) for c in chains}
    both |= {f"after.{c.index}": np.frombuffer(commit_bytes(c), np.uint8) for c in chains}
    buffer = io.BytesIO()
    np.savez(buffer, **both)  # type: ignore[arg-type]
    write_atomically(folder / _TOGETHER, buffer.getvalue())


def meeting_was_cut_short(folder: Path) -> bool:
    """Whether a kill came between the commit of a meeting and those of its chains."""
    return (folder / _TOGETHER).exists()


def finish_meeting(folder: Path) -> None:
    """Make the commits that a kill has prevented, and take the meeting's own away.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    together = folder / _TOGETHER
    data = read_npz(together, str(together))
    try:
        pairs = [(key.removeprefix("before."), data[key], data["after" + key[6:]]) for key in data if key.startswith("before.")]
    except KeyError as error:
        raise StoreError(f"{together} is damaged: it has no entry {error}") from error
    for k, before, after in pairs:
        own = folder / f"{int(k)}.npz"
        if own.read_bytes() == before.tobytes():
            write_atomically(own, after.tobytes())
    together.unlink()
