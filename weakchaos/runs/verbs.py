"""`load` and `resume`: traces read from disk, and runs that were cut off."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakchaos.core.errors import ArgumentError
from weakchaos.core.files import as_path
from weakchaos.runs.archive import load_npz, load_states
from weakchaos.runs.block import Chain, Plan
from weakchaos.runs.store import StoreSink
from weakchaos.runs.trace import Trace
from weakchaos.runs.until import Until

__all__ = ["load", "resume"]


def _trace(sink: StoreSink, target: Any, sampler: Any, driver: Any) -> Trace:
    raw, warmed, lengths, seconds = (list(column) for column in zip(*sink.committed(), strict=True))
    sink.show_committed()
    description = sink.description()
    system, missing = description.bind(target=target, sampler=sampler, driver=driver)
    states = load_states(system, raw, sink, str(sink.path))
    kept = sink.head["settings"]
    on_time = (kept.get("stopped") or {}).get("reason") == "max_seconds"
    settings = {**kept, "interrupted": min(lengths) < sink.head["plan"]["draws"] and not on_time}
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
    path = as_path("path", path)
    if not path.exists():
        raise FileNotFoundError(f"there is no trace at {path}")
    return _trace(StoreSink.open(path), target, sampler, driver) if path.is_dir() else load_npz(path, target, sampler, driver)


def resume(
    path: Any, target: Any = None, sampler: Any = None, driver: Any = None, executor: Any = None, progress: bool = True
) -> Trace:
    """Finish a run that was cut off: from the last commit of each chain to the number of draws first asked for, bit for bit; one that was to stop
    by itself (``sample(until=...)``) stops where it would have stopped, and has the whole of its ``max_seconds`` again.

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
    from weakchaos.runs.executors import check_executor
    from weakchaos.runs.scheduler import run_plan

    check_executor(executor)
    sink = StoreSink.open(as_path("path", path))
    with sink.writing():
        trace = _trace(sink, target, sampler, driver)
        if trace.system is None:
            raise ArgumentError(trace.why_no_system("resume"))
        plan = Plan(**sink.head["plan"])
        sink.sweep()
        chains = [Chain(k, s, w, n, trace.cpu_seconds[k]) for k, (s, w, n, _) in enumerate(trace.positions())]
        until = Until.of(trace.settings.get("until"))
        most = trace.settings.get("most_draws", plan.draws)
        return run_plan(trace.system, plan, chains, sink, executor, progress, trace.settings, until, most)
