"""Experiments: one file for each published claim, with ``measure``, which gathers numbers, and ``conclude``, which draws the verdict from them alone.

`names` lists the experiments, `run` runs one by its name, `recorded` returns the numbers of its last full run, and `sweep` runs cells of your own. A quick run takes seconds and
leaves open what needs more numbers; the full run takes minutes.
"""

from __future__ import annotations

import math
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from weakchaos.core.arguments import whole_number
from weakchaos.core.errors import ArgumentError, shown
from weakchaos.experiments.base import Curve, Experiment, Panel
from weakchaos.experiments.conclusion import Conclusion, Estimate, Part, Verdict
from weakchaos.runs.sweeps import Sweep, sweep

__all__ = [
    "Conclusion",
    "Curve",
    "Estimate",
    "Experiment",
    "Panel",
    "Part",
    "Verdict",
    "claim",
    "names",
    "recorded",
    "run",
    "source",
    "sweep",
]

_FRAME = ("__main__", "base", "conclusion", "records", "trotter_chain")


def names() -> list[str]:
    """The names of all experiments."""
    return sorted(m.name for m in iter_modules(__path__) if m.name not in _FRAME)


def _module(name: Any) -> Any:
    if name not in names():
        raise ArgumentError(f"`name` must be one of {', '.join(names())}; got {shown(name)}")
    return import_module(f"weakchaos.experiments.{name}")


def recorded(name: str) -> dict[str, Any] | None:
    """The numbers of the last full run of an experiment, its seed, version, date and CPU time; None if there is no such run.

    Examples
    --------
    >>> recorded("sturmian")["seed"]
    0
    """
    from weakchaos.experiments import records

    return records.recorded(name)


def claim(name: str) -> str:
    """The claim that an experiment tests, in a sentence; not the result."""
    return str(_module(name).CLAIM)


def source(name: str) -> str:
    """The publication that makes the claim of an experiment."""
    return str(_module(name).SOURCE)


def run(name: str, quick: bool = False, seed: int = 0, executor: Any = None, out: Any = None) -> Experiment:
    """Run one experiment.

    Parameters
    ----------
    name : str
        One of `names`.
    quick : bool
        A few seconds instead of minutes; parts of the claim that need a longer run stay open.
    seed : int
    executor : concurrent.futures.Executor, distributed.Client, "threads", "processes" or "dask://HOST:PORT", optional
        Where the single runs of the experiment are made, as for `sweep`; the outcome does not depend on it.
    out : path, optional
        A folder for finished runs: an experiment that was killed goes on with the rest when it is run again with the same folder.

    Returns
    -------
    Experiment

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> run("alchemy")  # doctest: +ELLIPSIS, +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    weakchaos.core.errors.ArgumentError: `name` must be one of ...
    """
    module, seed = _module(name), whole_number("seed", seed, 0, math.inf)
    with Sweep(executor, out) as cells:
        return module.run(quick=bool(quick), seed=seed, executor=cells)
