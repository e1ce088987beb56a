"""Where work is done: any `concurrent.futures` executor, a Dask client as it is, or a name that stands for workers which are started and ended here."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

__all__ = ["Workers", "check_executor", "unsendable"]

_KINDS = "a concurrent.futures.Executor, a dask.distributed.Client, 'threads', 'processes', 'dask://HOST:PORT' or None"
_DASK = "dask://"


def check_executor(executor: Any) -> None:
    """Refuse what is no executor.

    Raises
    ------
    ArgumentTypeError, ArgumentError
    """
    if isinstance(executor, type):
        raise ArgumentTypeError(
            f"`executor` must be an instance; got the class {executor.__name__}: write {executor.__name__}(...)"
        )
    if isinstance(executor, str):
        if executor not in ("threads", "processes") and not (executor.startswith(_DASK) and ":" in executor[len(_DASK) :]):
            raise ArgumentError(f"`executor` must be {_KINDS}; got {shown(executor)}")
    elif executor is not None and not any(callable(getattr(executor, name, None)) for name in ("submit", "get_executor")):
        raise ArgumentTypeError(f"`executor` must be {_KINDS}; got {shown(executor)}")


class Workers:
    """The executor that an argument stands for; started when it is first asked for, and ended with the context if it was started here.

    Parameters
    ----------
    executor : Executor, Client, str or None
    default : int, optional
        Threads that None stands for; without it None has no executor.

    Examples
    --------
    >>> with Workers("threads") as workers:
    ...     workers.executor.submit(pow, 2, 3).result()
    8
    """

    def __init__(self, executor: Any, default: int | None = None):
        check_executor(executor)
        self._given, self._default, self._stack = executor, default, ExitStack()
        self._open: Executor | None = None

    @property
    def own(self) -> bool:
        """Whether workers that are lost can be started again here."""
        return isinstance(self._given, str)

    @property
    def executor(self) -> Any:
        """The executor; None where none was asked for."""
        if self._open is None:
            self._open = self._start()
        return self._open

    def _start(self) -> Any:
        given, cores = self._given, os.cpu_count() or 1
        if given is None:
            if self._default is None:
                return None
            return self._ended(ThreadPoolExecutor(min(self._default, cores), "weakchaos"))
        if given == "threads":
            return self._ended(ThreadPoolExecutor(cores, "weakchaos"))
        if given == "processes":
            from concurrent.futures import ProcessPoolExecutor
            from multiprocessing import get_context

            # Not forked: locks that other threads hold at that moment would never be opened in the copy.
            return self._ended(ProcessPoolExecutor(cores, mp_context=get_context("spawn")))
        if isinstance(given, str):
            try:
                from distributed import Client
            except ImportError as error:
                raise ArgumentError(f"`executor`={given!r} needs the package distributed: pip install 'weakchaos[dask]'") from error
            return self._stack.enter_context(Client(f"tcp://{given[len(_DASK) :]}")).get_executor()
        return given.get_executor() if callable(getattr(given, "get_executor", None)) else given

    def _ended(self, pool: Any) -> Any:
        self._stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        return pool

    def restart(self) -> None:
        """Forget workers that were lost; the next that are asked for are new."""
        self._open = None
        self._stack.close()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._open = None
        self._stack.close()


def unsendable(failure: BaseException, executor: Any, *what: Any) -> BaseException:
    """`failure`, or an error that says what to do if the work could not be sent to a worker in another process."""
    if isinstance(executor, ThreadPoolExecutor) or not isinstance(failure, pickle.PicklingError | TypeError | AttributeError):
        return failure
    for thing in what:
        try:
            pickle.dumps(thing)
        except Exception as reason:
            error = ArgumentError(
                f"`executor` is of other processes, and {shown(thing)} cannot be sent to them ({reason}): define its functions at the top of a module that the workers can "
                "import, leave `executor` out for threads of this process, or use one that sends functions by value, such as a dask.distributed.Client or loky"
            )
            error.__cause__ = failure
            return error
    return failure
