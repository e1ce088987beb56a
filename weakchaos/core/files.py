"""Files as plain data: .npz archives read without unpickling anything, and files replaced whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentTypeError, StoreError, shown

__all__ = ["as_path", "locked", "read_npz", "write_atomically"]


def read_npz(file: Any, what: str) -> dict[str, np.ndarray]:
    """Every array of an .npz file (a path or an open file); `what` names it in the error.

    Raises
    ------
    StoreError
        For anything that is not a whole .npz file of plain arrays.
    """
    try:
        # Opened here: np.load leaves the file open when it is no archive.
        with contextlib.ExitStack() as stack:
            stream = stack.enter_context(open(file, "rb")) if isinstance(file, str | Path) else file
            archive = stack.enter_context(np.load(stream, allow_pickle=False))
            return {key: archive[key] for key in archive.files}
    except Exception as error:  # what a damaged archive raises depends on the byte that is wrong
        raise StoreError(f"{what} is damaged, or is no .npz file of plain arrays ({error})") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file in one rename: a process killed at any moment leaves the old content or the new."""
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


@contextlib.contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Keep every other `what` ("run", "sweep") from writing into a folder, by a lock that dies with its process; StoreError where another holds it."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError):  # no such locks on Windows
            import fcntl

            file = stack.enter_context(open(folder / "lock", "wb"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreError(f"another {what} is writing to {folder}; wait for its end, or stop it") from error
        yield


def as_path(name: str, value: Any) -> Path:
    """An argument that must be a path, as one."""
    try:
        return Path(value)
    except TypeError as error:
        raise ArgumentTypeError(f"`{name}` must be a path; got {shown(value)}") from error
