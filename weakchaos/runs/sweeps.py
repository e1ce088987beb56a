"""Sweeps: many independent calls of one function, in any executor; what is finished is kept in a folder, so that a sweep that was killed goes on with the rest.

A cell is the tuple of arguments of one call, its seed among them, so that its result depends neither on the executor nor on the cells that were computed before. The result of
a cell is one file, which appears by a rename when it is whole; its name is a hash of function, arguments and version of this package.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, SamplingError, StoreError, shown
from weakchaos.core.files import as_path, locked, read_npz, write_atomically
from weakchaos.runs.description import describe, rebuild
from weakchaos.runs.executors import Workers, unsendable

__all__ = ["Sweep", "sweep"]

_LOSSES = 3  # times that workers may be lost one after another without any cell finished


class _Folder:
    """Finished cells on disk."""

    def __init__(self, path: Path):
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """Keep every other sweep from writing here."""
        return locked(self.path, "sweep")

    def place(self, function: Callable[..., Any], cell: tuple) -> Path:
        """Where the result of a cell is, or will be."""
        from weakchaos import __version__

        name = f"{function.__module__}:{function.__qualname__}"
        arrays: dict[str, np.ndarray] = {}
        head = json.dumps([name, __version__, describe(tuple(cell), arrays)], sort_keys=True)
        digest = hashlib.sha256(head.encode())
        for key, array in arrays.items():
            digest.update(f"{key} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return self.path / f"{digest.hexdigest()[:32]}.npz"

    def keep(self, place: Path, result: Any) -> Any:
        """Write a result; it is returned as it will be read."""
        arrays: dict[str, np.ndarray] = {}
        text = json.dumps(describe(result, arrays))
        buffer = io.BytesIO()
        named: dict[str, Any] = {f"of.{key}": array for key, array in arrays.items()}
        np.savez(buffer, result=np.frombuffer(text.encode(), np.uint8), **named)
        write_atomically(place, buffer.getvalue())
        return rebuild(json.loads(text), arrays)

    def read(self, place: Path) -> Any:
        """The result at a place."""
        data = read_npz(place, str(place))
        try:
            return rebuild(json.loads(data["result"].tobytes()), {key[3:]: array for key, array in data.items() if key != "result"})
        except (KeyError, ValueError) as error:
            raise StoreError(f"{place} is damaged ({error}); remove it, and the sweep computes its cell again") from error


class Sweep:
    """Executor and folder of one or more sweeps, as a context; `sweep` is made of it.

    Parameters
    ----------
    executor : concurrent.futures.Executor, distributed.Client, str or None
        See `sweep`.
    out : path, optional
    """

    def __init__(self, executor: Any = None, out: Any = None):
        self._workers = Workers(executor)
        self._folder = None if out is None else _Folder(as_path("out", out))
        self.computed = self.found = 0  # cells

    def __enter__(self) -> Sweep:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.__exit__()

    def map(self, function: Callable[..., Any], cells: Iterable[tuple]) -> list[Any]:
        """The results of ``function(*cell)`` for every cell, in order."""
        all_of_them = list(cells)
        if self._folder is None:
            return self._compute(function, dict(enumerate(all_of_them)), lambda k, result: result)
        if "<" in function.__qualname__:
            raise ArgumentError(
                f"`function` must be defined at the top of a module, as results are kept under its name; got {shown(function)}"
            )
        folder = self._folder
        with folder.writing():
            places = [folder.place(function, cell) for cell in all_of_them]
            for rest in folder.path.glob("*.part"):
                rest.unlink(missing_ok=True)
            done = {k: folder.read(place) for k, place in enumerate(places) if place.exists()}
            self.found += len(done)
            todo = {k: cell for k, cell in enumerate(all_of_them) if k not in done}
            new = self._compute(function, todo, lambda k, result: folder.keep(places[k], result))
            rest_of_them = iter(new)
            return [done[k] if k in done else next(rest_of_them) for k in range(len(all_of_them))]

    def _compute(self, function: Callable[..., Any], todo: dict[int, tuple], keep: Callable[[int, Any], Any]) -> list[Any]:
        results: dict[int, Any] = {}
        if self._workers.executor is None:
            for k, cell in todo.items():
                results[k] = keep(k, function(*cell))
                self.computed += 1
            return list(results.values())
        losses = 0
        while len(results) < len(todo):
            before = len(results)
            lost = self._round(function, {k: cell for k, cell in todo.items() if k not in results}, keep, results)
            if lost is None:
                continue
            losses = losses + 1 if len(results) == before else 0
            if not self._workers.own:
                raise lost
            if losses == _LOSSES:
                raise SamplingError(
                    f"workers were lost {_LOSSES} times while no cell was finished: look for what kills them, such as a lack of memory"
                ) from lost
            self._workers.restart()
        return [results[k] for k in todo]

    def _round(self, function: Any, todo: dict[int, tuple], keep: Any, results: dict[int, Any]) -> BaseException | None:
        """Compute cells until all are done, or until workers are lost: then what said so."""
        pool = self._workers.executor
        lost: BaseException | None = None
        futures: dict[Any, int] = {}
        try:
            for k, cell in todo.items():
                futures[pool.submit(function, *cell)] = k
        except BrokenExecutor as error:
            lost = error
        failure: BaseException | None = None
        try:
            for future in as_completed(futures):
                raised = SamplingError("a cell was cancelled by its executor") if future.cancelled() else future.exception()
                if raised is None:
                    results[futures[future]] = keep(futures[future], future.result())
                    self.computed += 1
                elif isinstance(raised, BrokenExecutor):
                    lost = raised
                elif failure is None:
                    failure = unsendable(raised, pool, function, todo[futures[future]])
                    failure.add_note(f"in the cell {shown(todo[futures[future]], 200)} of {function.__qualname__}")
                    for other in futures:
                        other.cancel()  # those under way end, and are kept
        except BaseException:
            for other in futures:
                other.cancel()
            raise
        if failure is not None:
            raise failure
        return lost


def sweep(function: Callable[..., Any], cells: Iterable[tuple], executor: Any = None, out: Any = None) -> list[Any]:
    """The results of ``function(*cell)`` for every cell, in order, computed in any executor; finished cells are kept in a folder.

    Parameters
    ----------
    function : callable
        For workers that are other processes it must be one that can be sent to them. With `out` it is defined at the top of a module, and returns plain data: numbers, strings,
        arrays, tuples, lists and dicts of them.
    cells : iterable of tuple
        Arguments of each call, the seed of its random numbers among them.
    executor : concurrent.futures.Executor, distributed.Client, str, optional
        One cell after another in this process by default. ``"threads"`` and ``"processes"`` are started here, one a core, and ``"dask://HOST:PORT"`` is a scheduler of Dask;
        if such workers are lost, the rest is given to new ones. Results do not depend on it.
    out : path, optional
        A folder, made if there is none. Finished cells are there, and are not computed again by a sweep of the same function, arguments and version of this package.

    Returns
    -------
    list

    Raises
    ------
    ArgumentError
        Where the function or a cell cannot be sent to a worker.
    StoreError
        Where another sweep is writing to `out`.

    Examples
    --------
    >>> sweep(pow, [(2, 3), (3, 2)], executor="threads")
    [8, 9]
    """
    if not callable(function):
        raise ArgumentTypeError(f"`function` must be callable; got {shown(function)}")
    with Sweep(executor, out) as made:
        return made.map(function, cells)
